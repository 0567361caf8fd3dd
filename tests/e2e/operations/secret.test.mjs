// F52: the master secret is replaced while requests run, killed at any moment and finished by the next start; without the
// former one a provider is red, and says so. F53: a provider's key is replaced under load.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { at, ask, canary, closing, scene, upstream } from '../lib/scene.mjs';
import { Load, check, is_long, random_from, seed } from '../lib/ledgers.mjs';
import { set_up } from '../lib/person.mjs';
import { call } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';
import { auxot, empty_dir, Server } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';
import { text_of } from '../lib/sse.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const random = random_from(seed + 9);
const slow = { then: { events: 20, gap_ms: 8 } };
const here = await scene({ first: { models: ['shared'], rules: [slow] }, second: { models: ['shared'], rules: [slow] }, claude: { dialect: 'anthropic', models: ['claude-sim'], rules: [slow] } });
const { server } = here;
const elsewhere = await Sim.start({ models: ['shared'] }); // for the other servers of this file
const load_of = { models: { openai: ['shared'], anthropic: ['claude-sim'] }, streams: 10 };
const file = name => path.join(server.data, name);
const rotate = (data = server.data) => auxot(['secret', 'rotate', '--data-dir', data]);
const status = (data = server.data, env = {}) => auxot(['secret', 'status', '--data-dir', data], { env });
const read = name => fs.readFileSync(file(name), 'utf8').trim();
const asked = (to = server) => to.call(at.chat, ask.chat('shared'));
const sealed_under = data => { // key ids of the blobs, as they lie on disk
    const db = new DatabaseSync(path.join(data, 'store.db'), { readOnly: true });
    try { return new Set(db.prepare('SELECT hex(substr(sealed_key, 2, 4)) AS id FROM provider WHERE sealed_key IS NOT NULL').all().map(row => row.id)); } finally { db.close(); }
};

const rotations = is_long ? 100 : 20;
test(`F52: ${rotations} rotations under load: no request fails, keys and sessions stay, the events are a chain, every secret is another`, async () => {
    const boss = await set_up(server);
    for (let i = 0; i < 20; i++) // more rows
        await server.api('POST', '/api/providers', { type: 'openai', name: `more-${i}`, api_key: `sk-more-${i}-0123456789`, base_url: elsewhere.base_url });
    for (const one of (await server.api('GET', '/api/providers')).items.filter(one => one.name.startsWith('more-')))
        await server.api('PATCH', `/api/providers/${one.id}`, { paused: true });
    const load = new Load(here, load_of).start();
    await until(() => load.all.filter(one => one.outcome === 'ok').length >= 20, 'the load is on');
    const secrets = new Set([read('secret.key')]), ids = new Set(sealed_under(server.data));
    const head = (await server.api('GET', '/api/events/verify')).head;
    for (let i = 1; i <= rotations; i++) {
        const before = read('secret.key'), told = await rotate();
        assert.equal(told.code, 0, told.stderr);
        assert.match(told.stdout, /^23 values sealed again\n0 of 23 sealed values are left/m);
        assert.ok(!told.stdout.includes(read('secret.key')), 'it is not printed');
        assert.equal(read('secret.key.previous'), before);
        assert.ok(!fs.existsSync(file('secret.key.next')));
        secrets.add(read('secret.key'));
        for (const id of sealed_under(server.data)) ids.add(id);
        assert.equal(sealed_under(server.data).size, 1);
    }
    assert.deepEqual([secrets.size, ids.size], [rotations + 1, rotations + 1], 'each is new');
    for (const name of ['secret.key', 'secret.key.previous']) assert.equal(fs.statSync(file(name)).mode & 0o777, 0o600);
    await until(() => load.figures().ok > 60, 'and goes on'); // rotations may be quicker than requests
    await load.stop();
    const { ok, fail, unknown } = load.figures();
    assert.ok(ok > 40 && fail === 0 && unknown === 0, JSON.stringify({ ok, fail, unknown }));
    assert.equal((await server.api('GET', `/api/events/verify?head=${head}`)).unbroken, true);
    assert.equal((await server.api('GET', '/api/events?action=secret.rotated&limit=200')).items.length, rotations);
    assert.equal((await boss.call('GET', '/api/me')).status, 200, 'the session lives');
    await check(here, load);
    assert.equal((await server.stop()).code, 0);
    await server.restart();
    assert.equal((await asked()).status, 200);
    assert.equal((await call(server.url + '/api/me', { headers: { cookie: boss.cookie } })).status, 200, 'after a start, too');
});

const kills = is_long ? 60 : 12;
test(`F52: ${kills} times kill -9 in a rotation under load: the next start finishes it, nothing is left, all keys can be read`, async () => {
    for (let round = 0; round < kills; round++) {
        const load = new Load(here, { ...load_of, streams: 2 }).start();
        await until(() => load.all.some(one => one.outcome === 'ok'), 'the load is on');
        const rotation = rotate();
        await new Promise(resolve => setTimeout(resolve, random.below(60)));
        server.child.kill('SIGKILL');
        await Promise.all([server.child.exit, rotation]);
        await load.stop();
        await server.restart();
        const told = await status();
        assert.equal(told.code, 0, told.stdout + told.stderr);
        assert.match(told.stdout, /^0 of 23 sealed values are left/m);
        assert.equal(sealed_under(server.data).size, 1);
        assert.ok(!fs.existsSync(file('secret.key.next')));
        assert.equal((await asked()).status, 200);
    }
});

const green = async to => (await to.api('GET', '/api/providers')).items.filter(one => one.status === 'online').length;
test('F52: from the environment: a start with both rotates; one without the former secret is red where it is needed, not silent; a wrong one is refused', async () => {
    const [first, second, third] = [1, 2, 3].map(n => `a secret from the environment, number ${n}`);
    const data = empty_dir('env'), fresh = await Server.start({ data, env: { AUXOT_SECRET_KEY: first } });
    fresh.admin = await fresh.key('admin');
    await fresh.api('POST', '/api/providers', { type: 'openai', name: 'first', api_key: `${canary}-env`, base_url: elsewhere.base_url });
    const refused = await rotate(data);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /comes from the environment.*AUXOT_SECRET_KEY_PREVIOUS/);
    await fresh.stop();
    const wrong = await auxot(['serve', '--data-dir', data, '--port', '0'], { env: { AUXOT_SECRET_KEY: third } });
    assert.match(wrong.stderr, /is not the one that .* was made with/);

    fresh.env = { AUXOT_SECRET_KEY: second, AUXOT_SECRET_KEY_PREVIOUS: first };
    await fresh.restart();
    assert.equal((await asked(fresh)).status, 200);
    assert.equal((await fresh.api('GET', '/api/secret', undefined, { expect: 403 })).code, 'forbidden', 'an owner\'s');
    assert.match((await status(data)).stdout, /in the environment\nrotated 20.*\n0 of 1 sealed/);
    assert.ok(!fs.readFileSync(`/proc/${fresh.pid}/environ`, 'utf8').includes('from the environment'), 'neither can be seen');
    await fresh.stop();
    assert.ok(!fs.existsSync(path.join(data, 'secret.key')), 'no file was made');

    // As if the start had been cut off between the transaction and the rows: one row is under the former secret.
    const other = await Server.start({ data: empty_dir('donor'), env: { AUXOT_SECRET_KEY: third } });
    other.admin = await other.key('admin');
    const { id } = await other.api('POST', '/api/providers', { type: 'openai', name: 'lent', api_key: `${canary}-lent`, base_url: elsewhere.base_url });
    await other.stop();
    const from = new DatabaseSync(path.join(other.data, 'store.db')), to = new DatabaseSync(path.join(data, 'store.db'));
    const row = from.prepare('SELECT * FROM provider WHERE id = ?').get(id);
    Object.assign(row, { name: 'lent', slug: 'lent', created_seq: 99 });
    to.prepare(`INSERT INTO provider (${Object.keys(row)}) VALUES (${Object.keys(row).map(() => '?')})`).run(...Object.values(row));
    from.close();
    to.close();
    fresh.env = { AUXOT_SECRET_KEY: second };
    await fresh.restart();
    const seen = (await fresh.api('GET', '/api/providers')).items.find(one => one.id === id);
    assert.equal(seen.status, 'error');
    assert.match(JSON.stringify(seen.error), /sealed under another secret.*AUXOT_SECRET_KEY_PREVIOUS/);
    assert.equal(await green(fresh), 1);
    assert.equal((await asked(fresh)).status, 200, 'the other goes on');
    const told = await status(data);
    assert.equal(told.code, 1);
    assert.match(told.stdout + told.stderr, new RegExp(`1 of 2 sealed values are left[^]*the key of ${id} cannot be read`));
    await fresh.stop();
    fresh.env = { AUXOT_SECRET_KEY: second, AUXOT_SECRET_KEY_PREVIOUS: third };
    await fresh.restart();
    assert.equal(await green(fresh), 2, 'with the former secret it is well');
    assert.match((await status(data)).stdout, /0 of 2 sealed/);
    assert.equal((await fresh.stop()).code, 0);
    assert.equal(fresh.verdict(), null);
});

test('F52: without a server it works, too; a backup of before is restored with the former secret and is under the new one then', async () => {
    const data = empty_dir('cold'), cold = await Server.start({ data });
    cold.admin = await cold.key('admin');
    await cold.api('POST', '/api/providers', { type: 'openai', name: 'first', api_key: `${canary}-cold`, base_url: elsewhere.base_url });
    await cold.stop();
    const backup = path.join(data, '..', `${path.basename(data)}.backup`);
    assert.equal((await auxot(['backup', '--data-dir', data, '--to', backup])).code, 0);
    const told = await rotate(data);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, /^1 values sealed again/m);
    const alone = await auxot(['restore', '--from', backup, '--data-dir', empty_dir(), '--secret-file', path.join(data, 'secret.key')]);
    assert.match(alone.stderr, /not the secret that the backup was made under/);
    const again = empty_dir('again');
    for (const name of ['secret.key', 'secret.key.previous']) fs.copyFileSync(path.join(data, name), path.join(again, name));
    const restored = await auxot(['restore', '--from', backup, '--data-dir', again]);
    assert.equal(restored.code, 0, restored.stderr);
    fs.rmSync(path.join(again, 'secret.key.previous'));
    fs.rmSync(backup);
    const back = await Server.start({ data: again });
    back.admin = cold.admin;
    assert.equal((await asked(back)).status, 200);
    assert.equal((await back.stop()).code, 0);
});

const keys = is_long ? 50 : 10;
test(`F53: a provider's key is replaced ${keys} times under load: what runs ends with the old one, what comes after has the new one, no 401`, async () => {
    const lone = await upstream(here, 'lone', { models: ['lone'], rules: [{ then: { events: 10, gap_ms: 20 } }] });
    const mark = key => `sha256:${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
    const load = new Load(here, { models: { openai: ['lone'] }, streams: 0, rate: 60 }).start();
    await until(() => load.all.filter(one => one.outcome === 'ok').length >= 10, 'the load is on');
    const changes = [];
    for (let i = 1; i <= keys; i++) {
        const key = `${canary}-key-number-${i}`, stream = server.begin(at.chat, ask.chat('lone', { stream: true }));
        await stream.when(() => text_of(stream.events).length > 0);
        await lone.patch({ api_key: key });
        changes.push({ mark: mark(key), from: (await lone.sim.log()).at(-1).seq });
        await stream.done;
        assert.equal(stream.events.at(-1).data, '[DONE]', 'the stream of before ends as it should');
    }
    await load.stop();
    const { ok, fail, unknown } = load.figures();
    assert.ok(ok > 20 && fail === 0 && unknown === 0, JSON.stringify({ ok, fail, unknown }));
    const entries = await lone.sim.log();
    for (const [i, { mark: now, from }] of changes.entries()) {
        const until_seq = changes[i + 1]?.from ?? Infinity;
        const later = entries.filter(entry => entry.seq > until_seq);
        assert.ok(entries.some(entry => entry.headers.authorization === now), `key ${i + 1} was used`);
        assert.ok(later.every(entry => entry.headers.authorization !== now || i + 1 === changes.length), `key ${i + 1} was not used after it was replaced`);
        assert.ok(entries.filter(entry => entry.seq > from && entry.seq <= until_seq).every(entry => [now, changes[i + 1]?.mark].includes(entry.headers.authorization)), 'a clean switch');
    }
    assert.ok(entries.every(entry => entry.status === 200 || entry.status === undefined), 'no 401');
    await check(here, load, { survives: false });
});

test('closing: the other upstream goes', () => elsewhere.stop());
closing(here);
