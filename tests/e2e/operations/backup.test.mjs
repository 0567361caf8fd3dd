// F51: a backup made while requests run holds every row that was acknowledged before, and a data directory made of it
// elsewhere passes every check on its own data; a wrong secret, a directory in use and a damaged file are refused.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { at, ask, closing, scene } from '../lib/scene.mjs';
import { Load, check, plays_held, seed } from '../lib/ledgers.mjs';
import { find_secrets } from '../lib/secrets.mjs';
import { until } from '../lib/process.mjs';
import { request_id } from '../lib/sim.mjs';
import { auxot, empty_dir, Server } from '../lib/server.mjs';

console.log(`# seed ${seed}: AUXOT_TEST_SEED=${seed} repeats it`);
const slow = { then: { events: 20, gap_ms: 8 } };
const here = await scene({
    first: { models: ['shared'], rules: [plays_held, { when: { chance: 0.1 }, then: { status: 500 } }, slow] }, second: { models: ['shared'], rules: [plays_held, slow] },
    claude: { dialect: 'anthropic', models: ['claude-sim'], rules: [plays_held, slow] },
});
const { server } = here;
const load_of = { models: { openai: ['shared'], anthropic: ['claude-sim'] } };
const shelf = empty_dir('shelf'), manifest_bytes = 4096;
const secret_of = data => path.join(data, 'secret.key');
const back_up = (to, data = server.data) => auxot(['backup', '--data-dir', data, '--to', to]);
const restore = (from, data, ...more) => auxot(['restore', '--from', from, '--data-dir', data, ...more]);
const manifest_of = file => JSON.parse(fs.readFileSync(file).subarray(-manifest_bytes).toString().split('\n')[1]);
const kept = path.join(shelf, 'kept.backup');

test('commands that read a data directory make none where there is none', async () => {
    const nowhere = path.join(empty_dir('nowhere'), 'typo');
    for (const [...command] of [['backup', '--to', path.join(shelf, 'none.backup')], ['secret', 'status'], ['secret', 'rotate'], ['verify'], ['config', 'export']]) {
        const made = await auxot([...command, '--data-dir', nowhere]);
        assert.notEqual(made.code, 0, command.join(' '));
        assert.match(made.stderr, /there is no database in '.*typo'/, command.join(' '));
    }
    assert.equal(fs.existsSync(nowhere), false);
    assert.equal(fs.existsSync(path.join(shelf, 'none.backup')), false);
});

test('F51: a backup under load, restored elsewhere: nothing acknowledged before is missing, and all checks hold on its data', async () => {
    const load = new Load(here, { ...load_of, streams: 20 }).start();
    await until(() => load.all.filter(one => one.outcome === 'ok').length >= 40, 'the load is on');
    const ended = [...load.all].filter(one => one.outcome && one.job_id);
    const seen = new Map(await Promise.all(here.upstreams.map(async one => [one, (await one.sim.log()).map(request_id)])));
    const began = Date.now();
    const made = await back_up(kept);
    assert.equal(made.code, 0, made.stderr);
    assert.equal(fs.statSync(kept).mode & 0o777, 0o600);
    await until(() => load.all.filter(one => one.outcome === 'ok' && one.from_ms > began).length >= 40, 'writes go on');
    await load.stop();
    assert.equal(load.figures().unknown, 0, 'nobody was disturbed');

    const data = path.join(empty_dir('elsewhere'), 'new');
    const done = await restore(kept, data, '--secret-file', secret_of(server.data));
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /\d+ events, unbroken; [1-9]\d* requests were running then/);
    const log = async () => (await Promise.all(here.upstreams.map(one => one.sim.log()))).flat().length;
    const asked = await log();
    const copy = await Server.start({ data });
    Object.assign(copy, { admin: server.admin, member: server.member });
    const rows = new Set((await copy.jobs()).map(job => job.id));
    for (const one of ended) assert.deepEqual(await copy.job(one.job_id), await server.job(one.job_id), 'the row is the same');
    // U of the restored node: what the upstreams saw before the backup, and of the rest what it knows.
    const before = one => new Set(seen.get(one));
    const known = one => ({ slug: one.slug, sim: { log: async () => (await one.sim.log()).filter(entry => before(one).has(request_id(entry)) || rows.has(request_id(entry).split('-')[0])) } });
    assert.equal(await log(), asked, 'nothing was sent again');
    await check({ ...here, server: copy, upstreams: here.upstreams.map(known) }, ended.filter(one => rows.has(one.job_id)), { survives: false });
    const running = (await copy.jobs('&status=interrupted'));
    assert.ok(running.length > 0 && running.every(job => job.reason === 'interrupted'));
    assert.equal((await copy.api('GET', '/api/events/verify')).unbroken, true);
    assert.equal((await copy.api('GET', '/api/events?action=backup.restored')).items.length, 1);
    const again = await copy.call(at.chat, ask.chat('shared'));
    assert.equal(again.status, 200, `the keys of providers can be read: ${again.text}`);
    assert.equal((await copy.stop()).code, 0);
    assert.equal(copy.verdict(), null);
    const others = one => ({ ...one, sim: { log: async () => (await one.sim.log()).filter(entry => !request_id(entry).startsWith(again.job_id)) } });
    await check({ ...here, upstreams: here.upstreams.map(others) }, load);
});

test('F51: the file says what it is, holds no secret, and the server remembers when it was made', async () => {
    const bytes = fs.readFileSync(kept), manifest = manifest_of(kept);
    assert.equal(manifest.db_bytes, bytes.length - manifest_bytes);
    assert.equal(manifest.sha256, createHash('sha256').update(bytes.subarray(0, manifest.db_bytes)).digest('hex'));
    assert.ok(manifest.schema >= 7 && Math.abs(manifest.made_at_ms - Date.now()) < 600_000, JSON.stringify(manifest));
    const secret = fs.readFileSync(secret_of(server.data), 'utf8').trim();
    assert.deepEqual(find_secrets([{ where: 'the backup', bytes }], { 'the secret': secret, 'a provider\'s key': '5up3rs3cr3t-0123', 'the admin\'s key': server.admin.slice(5) }), []);
    const { last_at_ms, last_bytes } = await server.api('GET', '/api/backup');
    assert.deepEqual([last_at_ms, last_bytes], [manifest.made_at_ms, bytes.length]);
    assert.equal((await server.api('GET', '/api/events?action=backup.made')).items[0].after.bytes, bytes.length);
});

test('F51: another secret, a directory in use, a file that is damaged, cut or none: each is refused with its sentence, and nothing is left', async () => {
    const bytes = fs.readFileSync(kept);
    const spoilt = (name, change) => { const file = path.join(shelf, name), copy = Buffer.from(bytes); fs.writeFileSync(file, change(copy) ?? copy); return file; };
    const other = path.join(empty_dir(), 'secret.key');
    fs.writeFileSync(other, 'of-quite-another-server-0123456789abcdef\n', { mode: 0o600 });
    const with_secret = ['--secret-file', secret_of(server.data)];
    for (const [from, more, sentence] of [
        [kept, ['--secret-file', other], /not the secret that the backup was made under/],
        [kept, [], /AUXOT_SECRET_KEY.*--secret-file/],
        [spoilt('flipped', copy => { copy[copy.length >> 1] ^= 1; }), with_secret, /damaged.*SHA-256/],
        [spoilt('cut', copy => copy.subarray(0, copy.length - 512)), with_secret, /no backup, or is cut short/],
        [spoilt('shorter', copy => copy.subarray(4096)), with_secret, /not as long as it was made/],
        [spoilt('text', () => Buffer.from('hello')), with_secret, /no backup/],
        [path.join(shelf, 'missing'), with_secret, /No such file/],
    ]) {
        const data = empty_dir('refused');
        const told = await restore(from, data, ...more);
        assert.equal(told.code, 1, `${from} ${told.stdout}`);
        assert.match(told.stderr, sentence);
        assert.deepEqual(fs.readdirSync(data), [], `${from}: the directory is as it was`);
    }
    const used = await restore(kept, server.data, ...with_secret);
    assert.match(used.stderr, /is not empty/);
    assert.equal((await server.call(at.chat, ask.chat('shared'))).status, 200, 'and is untouched');
});

test('F51: a backup whose events were changed by who can also make sums is refused by the chain', async () => {
    const forged = path.join(shelf, 'forged.backup'), db_path = path.join(shelf, 'forged.db');
    const manifest = manifest_of(kept);
    fs.writeFileSync(db_path, fs.readFileSync(kept).subarray(0, manifest.db_bytes));
    const db = new DatabaseSync(db_path);
    db.exec('DROP TRIGGER event_stays; UPDATE event SET actor = \'nobody\' WHERE seq = 3; PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    const bytes = fs.readFileSync(db_path);
    Object.assign(manifest, { db_bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    fs.writeFileSync(forged, Buffer.concat([bytes, Buffer.from(`auxot backup 1\n${JSON.stringify(manifest)}`.padEnd(manifest_bytes, '\n'))]));
    const data = empty_dir('forged');
    const told = await restore(forged, data, '--secret-file', secret_of(server.data));
    assert.equal(told.code, 1, told.stdout);
    assert.match(told.stderr, /chain of events in the backup is broken at event 3/);
    assert.deepEqual(fs.readdirSync(data), []);
});

test('F51: into a directory the name says the time; what is no backup is not replaced; what a killed one left is used again', async () => {
    const dir = empty_dir('dir');
    const named = await back_up(dir);
    assert.equal(named.code, 0, named.stderr);
    assert.match(fs.readdirSync(dir).join(), /^auxot-\d{8}T\d{6}Z\.backup$/);
    const precious = path.join(dir, 'precious');
    fs.writeFileSync(precious, 'mine');
    const refused = await back_up(precious);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is no backup/);
    assert.equal(fs.readFileSync(precious, 'utf8'), 'mine');
    fs.writeFileSync(`${kept}.part`, 'half of one');
    assert.equal((await back_up(kept)).code, 0);
    assert.ok(!fs.existsSync(`${kept}.part`));
    assert.equal((await auxot(['backup', '--data-dir', server.data])).code, 2, '--to is wanted');
});

test('F51: without a server the journal that a kill left is in the backup too', async () => {
    const data = empty_dir('stopped'), second = await Server.start({ data });
    second.admin = await second.key('admin');
    await second.api('POST', '/api/providers', { type: 'openai', name: 'first', api_key: 'sk-test-of-a-stopped-one', base_url: here.first.sim.base_url });
    const one = await second.call(at.chat, ask.chat('shared'));
    second.child.kill('SIGKILL');
    await second.child.exit;
    const file = path.join(shelf, 'stopped.backup'), made = await back_up(file, data);
    assert.equal(made.code, 0, made.stderr);
    const again = path.join(empty_dir('again'), 'new');
    assert.equal((await restore(file, again, '--secret-file', secret_of(data))).code, 0);
    const third = await Server.start({ data: again });
    third.admin = second.admin;
    assert.equal((await third.job(one.job_id)).id, one.job_id);
    assert.equal((await third.stop()).code, 0);
});

closing(here, { ledger: false }); // the simulators were asked by the copies, too
