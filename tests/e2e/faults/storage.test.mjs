// The store under other hands: F45, the database locked by another process; F48, databases that are not as they
// were left, beside those of core/storage.test.mjs. (F46, the full disk, is there.)
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Load, assert_recovers, baseline, check, is_long, plays_held, random_from, seed } from '../lib/ledgers.mjs';
import { until } from '../lib/process.mjs';
import { Server, auxot } from '../lib/server.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const random = random_from(seed + 3);
const here = await scene({ gpt: { models: ['gpt-sim'], rules: [plays_held] }, claude: { dialect: 'anthropic', models: ['claude-sim'], rules: [plays_held] } });
const { server } = here;
const at_first = await baseline(here);

test('F45: another process holds the database: reading goes on, nothing is lost or served unrecorded, and it recovers', async () => {
    const load = new Load(here, { models: { openai: ['gpt-sim'], anthropic: ['claude-sim'] } }).start();
    const other = new DatabaseSync(path.join(server.data, 'store.db'));
    after(() => { try { other.close(); } catch { /* closed */ } });
    for (let tries = 0; ; tries++) {
        try { other.exec('BEGIN IMMEDIATE'); break; } catch (error) { if (tries > 500) throw error; await new Promise(resolve => setTimeout(resolve, 5)); }
    }
    const until_ms = Date.now() + (is_long ? 30_000 : 7000); // longer than the writer waits for a lock
    let served = 0;
    while (Date.now() < until_ms) {
        const answer = await server.call(at.chat, ask.chat('gpt-sim'));
        assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
        if (answer.status === 503) assert.ok(answer.headers['retry-after']);
        served += answer.status === 200;
        assert.equal((await server.call('/api/jobs?limit=5', undefined, { method: 'GET' })).status, 200, 'reading goes on');
        assert.equal((await server.call('/api/health', undefined, { method: 'GET' })).status, 200);
    }
    other.exec('ROLLBACK');
    other.close();
    const took = await assert_recovers(() => server.call(at.chat, ask.chat('gpt-sim')));
    await load.stop();
    const figures = load.figures();
    assert.ok(figures.ok + figures.fail > 100, JSON.stringify(figures));
    assert.equal(figures.unknown, 0, `nobody is cut: ${JSON.stringify(figures)}`);
    await check(here, load, { before: at_first });
    console.log(`# load: ${JSON.stringify(figures)}; served while locked: ${served}; recovered in ${took} ms`);
});

test('F45: a change of the configuration while it is locked: done or refused in time, and as it was told', async () => {
    const other = new DatabaseSync(path.join(server.data, 'store.db'));
    other.exec('BEGIN IMMEDIATE');
    const asked = server.begin('/api/providers/' + here.gpt.id, { name: 'renamed' }, { method: 'PATCH' });
    const answer = await asked.done;
    other.exec('ROLLBACK');
    other.close();
    assert.ok([200, 503, 504].includes(answer.status), `${answer.status} ${answer.text}`);
    await assert_recovers(() => server.call(at.chat, ask.chat('gpt-sim')));
    assert.equal((await here.gpt.look()).name, answer.status === 200 ? 'renamed' : 'gpt');
});

test('F45: models that a worker brings while it is locked are in the row once it is not', async () => {
    const rack = await provider_of_workers(server, 'gpu', 'Rack');
    const worker = await Worker.start(server, rack.key, { here, models: ['early'] });
    const row_has = id => until(async () => (await rack.look()).models.some(model => model.id === id), `the row has ${id}`, 30_000);
    await row_has('early');
    const other = new DatabaseSync(path.join(server.data, 'store.db'));
    other.exec('BEGIN IMMEDIATE');
    worker.beat({ models: [{ id: 'early' }, { id: 'late' }] });
    await until(() => /event=worker_models_unwritten/.test(server.all_logs), 'it could not be written', 30_000);
    other.exec('ROLLBACK');
    other.close();
    await row_has('late');
    worker.kill();
});

closing(here, { ledger: false });

// A store with something in it, stopped; `damage(file)` happens to it; then a start.
const made = await Server.start();
made.admin = await made.key('admin', 'admin');
for (let i = 0; i < 20; i++) await made.call(at.chat, ask.chat('nobody-has-this'));
await made.stop();
const file = path.join(made.data, 'store.db');
const whole = fs.readFileSync(file);

// Starts on these bytes. If it serves: reads, is asked, stops. Never may it die of a signal.
async function start_with(bytes, what) {
    for (const beside of ['-wal', '-shm']) fs.rmSync(file + beside, { force: true });
    fs.writeFileSync(file, bytes);
    let is_ready = true;
    try { await made.restart(); } catch (error) { is_ready = false; assert.ok(made.child.ended, `${what}: ${error}`); }
    if (is_ready) {
        for (const where of ['/api/jobs', '/api/providers', '/api/keys']) {
            const { status } = await made.call(where, undefined, { method: 'GET' });
            assert.ok(status >= 200 && status < 600, `${what}: ${where}: an answer, ${status}`);
        }
        await made.call(at.chat, ask.chat('nobody-has-this'));
    }
    const { code, signal } = is_ready ? await made.stop() : made.child.ended;
    assert.equal(signal, null, `${what}: ${made.all_logs.slice(-1500)}`);
    assert.equal(made.verdict(), null, what);
    if (!is_ready) {
        assert.equal(code, 1, what);
        assert.ok(fs.readFileSync(file).equals(bytes), `${what}: never overwritten`);
    }
    return is_ready;
}

function with_pragma(sql) {
    for (const beside of ['-wal', '-shm']) fs.rmSync(file + beside, { force: true });
    fs.writeFileSync(file, whole);
    const db = new DatabaseSync(file);
    db.exec(`PRAGMA journal_mode=DELETE; ${sql}`);
    db.close();
    return fs.readFileSync(file);
}

async function assert_refused(bytes, what) {
    for (const beside of ['-wal', '-shm']) fs.rmSync(file + beside, { force: true });
    fs.writeFileSync(file, bytes);
    const { code, signal, stdout, stderr } = await auxot(['serve', '--data-dir', made.data, '--port', '0'], { timeout: 20_000 });
    assert.equal(signal, null, `${what}: ${stderr}`);
    assert.equal(code, 1, `${what}: ${stderr}`);
    assert.doesNotMatch(stdout, /auxot ready/, what);
    assert.match(stderr, /\S+ \S+ \S+/, `${what}: a sentence`);
    assert.ok(fs.readFileSync(file).equals(bytes), `${what}: never overwritten`);
    return stderr;
}

test('F48: a newer schema, another program\'s database, a truncated one: refused with a sentence, untouched', async () => {
    assert.match(await assert_refused(with_pragma('PRAGMA user_version=999'), 'newer'), /newer/);
    await assert_refused(with_pragma('PRAGMA application_id=7'), 'foreign');
    await assert_refused(whole.subarray(0, Math.floor(whole.length / 2)), 'half');
    await assert_refused(whole.subarray(0, whole.length - 100), 'the end is missing');
});

test('F48: bits flipped anywhere: refused untouched, or it serves; it never dies of it', async () => {
    const page = 4096, flips = is_long ? 300 : 12;
    let refused = 0;
    for (let i = 0; i < flips; i++) {
        const bytes = Buffer.from(whole);
        const where = i % 2 ? random.below(bytes.length) : page * random.below(bytes.length / page) + random.below(12); // heads of pages
        for (let k = 0; k < 16 && where + k < bytes.length; k++) bytes[where + k] ^= 1 + random.below(255);
        if (!await start_with(bytes, `byte ${where} of ${bytes.length}, seed ${seed}`)) refused++;
    }
    assert.ok(refused > 0, 'some of it is seen at once');
    for (const beside of ['-wal', '-shm']) fs.rmSync(file + beside, { force: true });
    fs.writeFileSync(file, whole);
    await made.restart();
    assert.equal((await made.stop()).code, 0);
});
