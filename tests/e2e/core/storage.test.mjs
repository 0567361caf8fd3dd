// When the record cannot be written nothing is served unrecorded; when it can again, service is normal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at, canary, ledgers } from '../lib/scene.mjs';
import { text_of } from '../lib/sse.mjs';
import { Server, auxot, empty_dir } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';
import { until } from '../lib/process.mjs';
import { Suite } from '../lib/suite.mjs';

const disk = empty_dir('disk');
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]).status === 0;
process.prependListener('exit', () => { if (mounted) spawnSync('umount', ['-l', disk]); }); // before the directory is removed

test('F46: the disk fills up: new requests are refused, none goes upstream unrecorded, streams end well; with room again all is normal', { skip: mounted ? false : 'cannot mount a small disk here' }, async () => {
    const sim = await Sim.start({ models: ['gpt-sim'] });
    const server = await Server.start({ data: path.join(disk, 'data') });
    server.admin = await server.key('admin');
    await server.api('POST', '/api/providers', { type: 'openai', name: 'gpt', api_key: canary, base_url: sim.base_url });
    await sim.plays([{ when: { stream: true }, then: { events: 200, gap_ms: 15 } }]);
    const streams = Array.from({ length: 5 }, () => server.begin(at.chat, ask.chat('gpt-sim', { stream: true })));
    await Promise.all(streams.map(one => one.when(() => text_of(one.events).length > 0)));

    const filler = path.join(disk, 'filler');
    const fill = () => {
        const fd = fs.openSync(filler, 'a');
        try { for (;;) if (fs.writeSync(fd, Buffer.alloc(65536)) < 65536) break; } catch (error) { assert.equal(error.code, 'ENOSPC'); } finally { fs.closeSync(fd); }
    };
    fill();
    let refused = 0, served = 0;
    for (let i = 0; i < 3000 && refused < 20; i++) { // what was reserved before may still be used up
        const answer = await server.call(at.chat, ask.chat('gpt-sim', { user: 'x'.repeat(100) }));
        assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
        if (answer.status === 200) { served++; if (i % 50 === 0) fill(); continue; }
        refused++;
        assert.ok(answer.headers['retry-after']);
        assert.equal(answer.json.error.code, 'server_is_overloaded');
    }
    assert.equal((await server.call('/api/health', undefined, { method: 'GET' })).status, 200, 'it lives');
    await Promise.all(streams.map(one => one.done));
    for (const one of streams) assert.equal(one.events.at(-1).data, '[DONE]');

    fs.rmSync(filler);
    await until(async () => (await server.call(at.chat, ask.chat('gpt-sim'))).status === 200, 'normal again', 8_000);
    const { seen, recorded } = await ledgers({ server, upstreams: [{ sim }] });
    assert.deepEqual([...seen].filter(id => !recorded.has(id)), [], 'seen upstream, not on record');
    for (const one of streams) assert.equal((await server.job(one.job_id)).status, 'done');
    assert.equal((await server.stop()).code, 0);
    assert.equal(server.verdict(), null);
    if (refused === 0) throw new Error(`never refused although the disk was full; served ${served}`);
    await sim.stop();
});

test('F48: a damaged or foreign database is refused at the start with a sentence, and left as it was', async () => {
    const server = await Server.start();
    assert.equal((await server.stop()).code, 0);
    const file = fs.readdirSync(server.data).map(name => path.join(server.data, name)).find(name => /\.(db|sqlite3?)$/.test(name));
    assert.ok(file, fs.readdirSync(server.data).join());
    const whole = fs.readFileSync(file);
    for (const damage of [whole.subarray(0, 50), Buffer.from('this is no database at all, only text '.repeat(200)), Buffer.concat([Buffer.alloc(100), whole.subarray(100)])]) {
        for (const beside of ['-wal', '-shm']) fs.rmSync(file + beside, { force: true });
        fs.writeFileSync(file, damage);
        const { code, stdout, stderr } = await auxot(['serve', '--data-dir', server.data, '--port', '0'], { timeout: 10_000 });
        assert.notEqual(code, 0);
        assert.doesNotMatch(stdout, /auxot ready/);
        assert.ok(stderr.length > 20);
        assert.deepEqual(fs.readFileSync(file), damage, 'never overwritten');
    }
    for (const beside of ['-wal', '-shm']) fs.rmSync(file + beside, { force: true });
    fs.writeFileSync(file, whole);
    await server.restart();
    assert.equal((await server.stop()).code, 0);
});

// The binary goes where another user may run it: a checkout may lie where only its owner looks.
test('F48: a database that it may only read, or that is not its own, is refused with a sentence, and left as it was', { skip: process.getuid() === 0 ? false : 'only root can give files away' }, async () => {
    const made = await Server.start();
    assert.equal((await made.stop()).code, 0);
    const home = empty_dir('other'), data = path.join(home, 'data'), nobody = 65534;
    fs.chmodSync(home, 0o755);
    fs.copyFileSync(Suite.binary, path.join(home, 'auxot'));
    fs.chmodSync(path.join(home, 'auxot'), 0o755);
    fs.cpSync(made.data, data, { recursive: true });
    const file = path.join(data, 'store.db'), whole = fs.readFileSync(file);
    for (const name of ['', ...fs.readdirSync(data, { recursive: true })])
        fs.chownSync(path.join(data, name), nobody, nobody);
    const start = () => spawnSync(path.join(home, 'auxot'), ['serve', '--data-dir', data, '--port', '0'], { uid: nobody, gid: nobody, env: {}, encoding: 'utf8', timeout: 20_000 });
    for (const [mode, uid] of [[0o444, nobody], [0o644, 0], [0o600, 0]]) {
        fs.chownSync(file, uid, uid);
        fs.chmodSync(file, mode);
        const { status, stdout, stderr } = start();
        assert.equal(status, 1, stderr);
        assert.doesNotMatch(stdout, /auxot ready/);
        assert.match(stderr, /store\.db.*user that runs auxot/);
        assert.ok(fs.readFileSync(file).equals(whole), 'never overwritten');
    }
});
