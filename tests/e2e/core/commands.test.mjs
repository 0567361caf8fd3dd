// The commands around the server: version, help, doctor, demo, simulate.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Child } from '../lib/process.mjs';
import { auxot, empty_dir, Server } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';
import { call } from '../lib/http.mjs';
import { Suite } from '../lib/suite.mjs';

test('version prints one line with a number', async () => {
    const { code, stdout } = await auxot(['version']);
    assert.equal(code, 0);
    assert.match(stdout, /\d+\.\d+\.\d+/);
});

test('every command has --help; no command and an unknown one say what there is', async () => {
    for (const command of ['serve', 'worker', 'keys', 'config', 'explain', 'rehearse', 'simulate', 'doctor', 'demo', 'version']) {
        const { code, stdout } = await auxot([command, '--help']);
        assert.equal(code, 0, command);
        assert.match(stdout, /usage/i, command);
    }
    assert.match((await auxot(['--help'])).stdout, /serve/);
    const unknown = await auxot(['dance']);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /dance/);
});

test('a flag or setting that does not exist, or makes no sense, is named', async () => {
    for (const [args, env, word] of [[['--prot', '1'], {}, /prot/], [['--port', '99999'], {}, /port/], [[], { AUXOT_LATE_HEAD: 'soon' }, /AUXOT_LATE_HEAD|late_head/]]) {
        const { code, stderr } = await auxot(['serve', '--data-dir', empty_dir(), ...args], { env, timeout: 10_000 });
        assert.notEqual(code, 0);
        assert.match(stderr, word);
    }
});

test('doctor: all is well on a data directory in order; each trouble has its fix', async () => {
    const server = await Server.start();
    const running = await auxot(['doctor', '--data-dir', server.data, '--port', `${server.port}`]);
    assert.equal(running.code, 0, running.stdout + running.stderr);
    assert.equal((await server.stop()).code, 0);
    const good = await auxot(['doctor', '--data-dir', server.data, '--port', '0']);
    assert.equal(good.code, 0, good.stdout + good.stderr);
    for (const word of [/secret/i, /data directory/i, /store|database/i, /clock/i]) assert.match(good.stdout, word);
    fs.chmodSync(path.join(server.data, 'secret.key'), 0o644);
    const open = await auxot(['doctor', '--data-dir', server.data, '--port', '0']);
    assert.notEqual(open.code, 0);
    assert.match(open.stdout, /chmod|0600/);
});

// Who has this text among the words of its command line.
const processes_with = text => fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).filter(pid => {
    try { return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text); } catch { return false; }
});

test('demo: GPU, then CLI when the GPU is killed in mid-request, then the cloud, then the GPU again; without any key, and nothing is left', async () => {
    const dir = empty_dir('demo');
    const { code, stdout, stderr } = await auxot(['demo'], { timeout: 60_000, cwd: dir, env: { TMPDIR: dir, AUXOT_PORT: '1', LLAMA_API_KEY: 'none of this' } });
    assert.equal(code, 0, stdout + stderr);
    const answers = [...stdout.matchAll(/^ +(gpu|cli|cloud) +(\w+) +"(.*)"/gm)].map(([, kind, name, text]) => [kind, name, text]);
    const rack = ['gpu', 'Rack', 'Hello from the rack in the cellar.'];
    assert.deepEqual(answers, [rack, ['cli', 'Desk', 'Hello from your subscription.'], ['cloud', 'Cloud', 'Hello from the cloud.'], rack], stdout);
    const attempts = [...stdout.matchAll(/^ +attempt (\d) +(\w+) +(\w+) +([\w-]+)/gm)].map(match => match.slice(1));
    assert.deepEqual(attempts, [['1', 'Rack', 'failed', 'connection_reset'], ['2', 'Desk', 'ok', '-']], stdout);
    assert.match(stdout, /GET \/api\/jobs\/job_/);
    assert.ok(!stdout.includes('\x1b'), 'no colours in a file');
    assert.deepEqual(fs.readdirSync(dir), [], 'no file is left');
    assert.deepEqual(processes_with(dir), [], 'no process is left');
});

test('demo --keep: all of it stays, workers and all, until a signal', async () => {
    const dir = empty_dir('demo');
    const child = new Child(Suite.binary, ['demo', '--keep'], { env: { TMPDIR: dir } });
    const [, url, key] = await child.line(/export AUXOT_URL=(\S+) AUXOT_KEY=(\S+)/, { timeout: 60_000 });
    const { json } = await call(`${url}/api/workers`, { key });
    assert.deepEqual(json.items.filter(({ state }) => state === 'live').map(({ name }) => name).sort(), ['Desk', 'Rack']);
    assert.ok(processes_with(dir).length > 0);
    assert.equal((await child.stop('SIGINT')).code, 0, child.stderr);
    assert.deepEqual([fs.readdirSync(dir), processes_with(dir)], [[], []]);
});

test('simulate answers each dialect as its vendor does, refuses bad-key, and keeps a log', async () => {
    for (const [dialect, where, body] of [['openai', '/v1/chat/completions', {}], ['anthropic', '/v1/messages', { max_tokens: 5 }], ['llama', '/v1/chat/completions', {}]]) {
        const sim = await Sim.start({ dialect });
        const answer = await call(sim.url + where, { key: 'k', body: { model: 'sim:text=hello', messages: [], ...body } });
        assert.equal(answer.status, 200);
        assert.match(answer.text, /hello/);
        if (dialect !== 'llama')
            assert.equal((await call(sim.url + where, { key: 'bad-key', body: { model: 'x', messages: [], ...body } })).status, 401);
        assert.equal((await call(sim.url + where, { key: 'k', body: { model: 'sim:status=529', messages: [], ...body } })).status, 529);
        assert.ok((await sim.log()).length >= 2);
        await sim.stop();
    }
});
