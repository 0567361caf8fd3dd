// T09 and the fences of RELIABILITY.md 6f: what the server gives up before its first thread, and that it still
// does all its work. Which calls are refused is tests/unit/sys/test_confine.c.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Child, until } from '../lib/process.mjs';
import { Server, auxot, empty_dir } from '../lib/server.mjs';
import { Suite } from '../lib/suite.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] } });
const { server } = here;
const in_force = logs => logs.match(/event=confined seccomp=(yes|no) landlock=(\d+) missing="([^"]*)"/);

test('a log line says what is in force, and /proc agrees for every thread', () => {
    const [, seccomp] = in_force(server.all_logs);
    const threads = fs.readdirSync(`/proc/${server.pid}/task`);
    assert.ok(threads.length > 3, `${threads.length} threads`);
    for (const thread of threads) {
        const status = fs.readFileSync(`/proc/${server.pid}/task/${thread}/status`, 'utf8');
        assert.match(status, /^NoNewPrivs:\s+1$/m);
        assert.match(status, seccomp === 'yes' ? /^Seccomp:\s+2$/m : /^Seccomp:\s+0$/m);
    }
});

test('T09: no program is started, whatever is asked of the server', async () => {
    for (const [method, where, body] of [
        ['POST', '/api/providers', { type: 'openai', name: '$(touch /tmp/x)', api_key: '`id`', base_url: 'file:///bin/sh' }],
        ['POST', '/api/providers', { type: 'cli', name: 'c', command: '/bin/sh', args: ['-c', 'id'] }],
        ['POST', '/api/providers', { type: 'gpu', name: 'g', command: '/bin/sh' }],
        ['PATCH', `/api/providers/${here.gpt.id}`, { command: '/bin/sh' }],
        ['POST', '/api/routes', { name: 'r; id', steps: [{ provider: '|sh', when: 'always' }] }],
        ['POST', '/api/keys', { name: '; id', role: 'admin' }],
    ]) await server.begin(where, body, { method }).done;
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'))).status, 200);
    assert.deepEqual(fs.readdirSync(`/proc/${server.pid}/task`).flatMap(thread => fs.readFileSync(`/proc/${server.pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean)), [], 'no child');
});

test('the store, its journals and the resolver work behind the fences', async () => {
    const { job_id } = await server.call(at.chat, ask.chat('gpt-sim'));
    assert.equal((await server.job(job_id)).status, 'done');
    const made = await server.api('POST', '/api/providers', { type: 'openai', name: 'by name', api_key: 'k', base_url: here.gpt.sim.base_url.replace('127.0.0.1', 'localhost') });
    assert.equal(made.status, 'online', JSON.stringify(made));
    await server.api('DELETE', `/api/providers/${made.id}`);
    assert.equal((await server.stop()).code, 0);
    await server.restart();
    assert.equal((await server.job(job_id)).status, 'done');
});

test('certificates and authorities outside the data directory are read, under names that lead elsewhere too', async () => {
    const dir = empty_dir('tls'), file = name => path.join(dir, name);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', file('real.key'), '-out', file('real.pem')], { stdio: 'ignore' });
    fs.symlinkSync('real.pem', file('cert.pem'));
    fs.symlinkSync('real.key', file('key.pem'));
    const child = new Child(Suite.binary, ['serve', '--data-dir', empty_dir(), '--port', '0', '--tls-cert', file('cert.pem'), '--tls-key', file('key.pem'), '--ca-file', file('cert.pem')],
        { env: { AUXOT_SECRET_KEY: undefined } });
    await child.line(/^auxot ready https:/m);
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
});

test('confine: off says so; require starts only with both; another word is refused', async () => {
    const off = await Server.start({ env: { AUXOT_CONFINE: 'off' } });
    assert.match(off.all_logs, /event=not_confined/);
    assert.match(fs.readFileSync(`/proc/${off.pid}/status`, 'utf8'), /^NoNewPrivs:\s+0$/m);
    assert.equal((await off.stop()).code, 0);

    const [, seccomp, landlock] = in_force(server.all_logs);
    const child = new Child(Suite.binary, ['serve', '--data-dir', empty_dir(), '--port', '0', '--confine', 'require'], {});
    if (seccomp === 'yes' && landlock !== '0') {
        await child.line(/^auxot ready /m);
        assert.equal((await child.stop()).code, 0);
    } else {
        assert.notEqual((await child.exit).code, 0);
        assert.match(child.stderr, /confine/);
    }
    const odd = await auxot(['serve', '--data-dir', empty_dir(), '--confine', 'maybe'], { timeout: 10_000 });
    assert.notEqual(odd.code, 0);
    assert.match(odd.stderr, /confine/);
});

// Run as another user (where this one may), whose own files /proc would show to it if the process were dumpable.
test('T12: the process cannot be dumped nor traced', { skip: process.getuid() !== 0 && 'needs another user' }, async () => {
    const dir = empty_dir('nobody'), binary = path.join(dir, 'auxot'), data = path.join(dir, 'data');
    fs.chmodSync(dir, 0o755);
    fs.copyFileSync(Suite.binary, binary);
    fs.mkdirSync(data, { mode: 0o700 });
    fs.chownSync(data, 65534, 65534);
    const child = new Child('/usr/bin/setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', binary, 'serve', '--data-dir', data, '--port', '0'], {});
    await child.line(/^auxot ready /m);
    await until(() => fs.readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/^Uid:\s+65534/m), 'it runs as nobody');
    assert.equal(fs.statSync(`/proc/${child.pid}/environ`).uid, 0, '/proc gives an undumpable process to root');
    assert.match(fs.readFileSync(`/proc/${child.pid}/limits`, 'utf8'), /Max core file size +0 +0 /);
    const peek = user => { try { return execFileSync('/usr/bin/setpriv', ['--reuid', user, '--regid', user, '--clear-groups', 'cat', `/proc/${child.pid}/environ`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }); } catch { return null; } };
    assert.equal(peek('65534'), null, 'not even its own user reads its memory');
    assert.deepEqual(await child.stop(), { code: 0, signal: null });
});

closing(here);
