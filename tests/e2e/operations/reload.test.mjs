// SIGHUP: settings and certificates change under load and nobody notices; F67: signals that come twice, by the thousand, and
// a process that was stopped for a while.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Server, empty_dir } from '../lib/server.mjs';
import { run, until } from '../lib/process.mjs';
import { text_of } from '../lib/sse.mjs';
import { is_long } from '../lib/ledgers.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const dir = empty_dir('reload');
const file = name => path.join(dir, name);
const config = text => fs.writeFileSync(file('auxot.conf'), text);
config('max_concurrent = 0\n');
const here = await scene({ main: { models: ['shared'] } }, { flags: ['--config', file('auxot.conf')], env: { AUXOT_HEARTBEAT_INTERVAL: '500ms', AUXOT_DEAD_WORKER_TIMEOUT: '2s' } });
const { server } = here;

const lines = (of, event) => [...of.child.stderr.matchAll(new RegExp(`event=${event} (.*)`, 'g'))].map(match => match[1]);
// Sends SIGHUP and waits for what the server says to it.
async function hang_up(of = server) {
    const before = lines(of, 'reload(?:ed|_refused)').length;
    of.child.kill('SIGHUP');
    await until(() => lines(of, 'reload(?:ed|_refused)').length > before, 'the reload is told');
    return of.child.stderr.match(/event=reload(?:ed|_refused) .*(?=\n(?!.*event=reload)|$)/gs).at(-1);
}
const chat = (more = {}) => server.call(at.chat, ask.chat('shared', more));

test('SIGHUP puts changed settings in force; those that cannot change are named and stay', async () => {
    await here.main.plays([{ then: { events: 50, gap_ms: 40 } }]);
    const running = server.begin(at.chat, ask.chat('shared', { stream: true }));
    await running.when(() => text_of(running.events).length > 0);
    config('max_concurrent = 1\nlog_level = debug\nport = 1\n');
    const said = await hang_up();
    assert.match(said, /changed="log_level,max_concurrent"/);
    assert.match(said, /needs_restart=""/, 'the port is a flag here, and flags win over the file');
    const held = server.begin(at.chat, ask.chat('shared', { stream: true }));
    await held.when(() => text_of(held.events).length > 0);
    assert.equal((await chat()).status, 503, 'one place, and it is taken');
    config('plan = free\nmax_concurrent = 0\n');
    assert.match(await hang_up(), /changed="log_level,max_concurrent" needs_restart="plan"/);
    await here.main.plays([]);
    assert.equal((await chat()).status, 200);
    for (const one of [running, held]) assert.match((await one.done).text, /\[DONE\]/, 'streams went on through both');
});

for (const [what, text, why] of [
    ['a name that is no setting', 'no_such_thing = 1\n', /there is no setting of this name/],
    ['a value out of range', 'max_attempts = 7\n', /max_attempts .* must lie between 1 and 6/],
    ['no assignment at all', '\x01\x02\n', /expected `name = value`/],
    ['100 MB of it', 'x'.repeat(100 << 20), /longer than|too large|larger/],
])
    test(`SIGHUP with a bad configuration (${what}): refused with a sentence, what was in force stays (F49)`, async () => {
        config(text);
        assert.match(await hang_up(), why);
        assert.equal((await chat()).status, 200);
    });

test('SIGHUP with an empty file: the defaults; with none: refused (F49)', async () => {
    config('');
    assert.match(await hang_up(), /event=reloaded/);
    fs.rmSync(file('auxot.conf'));
    assert.match(await hang_up(), /event=reload_refused .*auxot\.conf/);
    config('max_concurrent = 0\n');
    assert.match(await hang_up(), /event=reloaded/);
    assert.equal((await chat()).status, 200);
});

test('F67: a storm of SIGHUP is a few reloads, and no request notices', async () => {
    const before = lines(server, 'reloaded').length, from = Date.now();
    const asked = [];
    let sent = 0;
    while (Date.now() - from < 1500) {
        for (let i = 0; i < 200; i++, sent++) process.kill(server.pid, 'SIGHUP');
        asked.push(chat());
        await new Promise(setImmediate);
        if (asked.length % 20 === 0) await asked.at(-1);
    }
    assert.deepEqual([...new Set((await Promise.all(asked)).map(answer => answer.status))], [200]);
    const reloads = lines(server, 'reloaded').length - before, seconds = (Date.now() - from) / 1000;
    assert.ok(reloads >= 1 && reloads <= seconds * 4 + 2, `${reloads} reloads in ${seconds} s`);
    console.log(`# ${sent} signals, ${reloads} reloads, ${asked.length} requests`);
});

// ---- certificates ---------------------------------------------------------------------------------------------------------

async function certificate(name) {
    const { code, stderr } = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`),
        '-out', file(`${name}.pem`), '-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'], {});
    assert.equal(code, 0, stderr);
}
// As acme clients do it: new files, then links that are renamed over the old ones.
function install(name, key = name) {
    for (const [to, from] of [['live.pem', `${name}.pem`], ['live.key', `${key}.key`]]) {
        fs.rmSync(file(`${to}.new`), { force: true });
        fs.symlinkSync(file(from), file(`${to}.new`));
        fs.renameSync(file(`${to}.new`), file(to));
    }
}
async function secure_connection(port) {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await new Promise((resolve, reject) => { socket.once('secureConnect', resolve); socket.once('error', reject); });
    const name = socket.getPeerCertificate().subject.CN;
    const ask_health = () => new Promise((resolve, reject) => {
        socket.once('data', bytes => resolve(bytes.toString().split('\r\n')[0]));
        socket.once('close', () => reject(new Error('closed')));
        socket.write('GET /api/health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    });
    return { name, ask_health, close: () => socket.destroy() };
}

test('SIGHUP with a new certificate: new connections get it, open ones go on; a key that does not fit is refused', async () => {
    await certificate('first');
    await certificate('second');
    install('first');
    const secure = await Server.start({ flags: ['--tls-cert', file('live.pem'), '--tls-key', file('live.key')] });
    const old = await secure_connection(secure.port);
    assert.equal(old.name, 'first');
    install('second');
    assert.match(await hang_up(secure), /event=reloaded/);
    const fresh = await secure_connection(secure.port);
    assert.equal(fresh.name, 'second');
    assert.match(await old.ask_health(), /200/, 'the open connection keeps its certificate, and works');
    install('first', 'second');
    assert.match(await hang_up(secure), /event=reload_refused .*cannot use the private key/);
    const after = await secure_connection(secure.port);
    assert.equal(after.name, 'second');
    for (const one of [old, fresh, after]) { assert.match(await one.ask_health(), /200/); one.close(); }
    fs.writeFileSync(file('first.pem'), '');
    assert.match(await hang_up(secure), /event=reload_refused .*cannot use the certificate/);
    assert.equal((await secure.stop()).code, 0);
    assert.equal(secure.verdict(), null);
});

// ---- signals that come twice, and pauses ----------------------------------------------------------------------------------

for (const [first, second] of [['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGINT'], ['SIGTERM', 'SIGINT']])
    test(`F67: ${first}, then ${second}: out at once, exit 0, every row closed`, async () => {
        await here.main.plays([{ then: { events: 3000, gap_ms: 50 } }]);
        const running = Array.from({ length: 20 }, () => server.begin(at.chat, ask.chat('shared', { stream: true })));
        await Promise.all(running.map(one => one.when(() => text_of(one.events).length > 0)));
        server.child.kill(first);
        await server.child.line(/event=draining/, { stream: 'stderr' });
        const from = Date.now();
        server.child.kill(second);
        assert.deepEqual(await server.child.exit, { code: 0, signal: null });
        assert.ok(Date.now() - from < 3000, `it took ${Date.now() - from} ms`);
        await Promise.allSettled(running.map(one => one.done));
        await server.restart();
        for (const one of running) {
            const job = await server.job(one.job_id);
            assert.deepEqual([job.status, job.reason], ['failed', 'shutdown']);
        }
    });

const pause_s = is_long ? 60 : 5;
test(`F67: stopped for ${pause_s} s and continued: a worker that beat meanwhile lives, one that did not is dead, streams go on, nobody aborts`, async () => {
    const rack = await provider_of_workers(server, 'gpu', 'Rack');
    const [beating, silent] = await Promise.all([1, 2].map(() => Worker.start(server, rack.key, { here, models: ['llama'], heartbeat_ms: 400 })));
    await Promise.all([beating, silent].map(worker => worker.parked()));
    await here.main.plays([{ then: { events: 60, gap_ms: 50 } }]);
    const running = Array.from({ length: 10 }, () => server.begin(at.chat, ask.chat('shared', { stream: true })));
    await Promise.all(running.map(one => one.when(() => text_of(one.events).length > 0)));
    clearInterval(silent.timer);
    server.child.kill('SIGSTOP');
    await new Promise(resolve => setTimeout(resolve, pause_s * 1000));
    server.child.kill('SIGCONT');
    await until(async () => (await silent.view()).state === 'dead', 'the silent one is dead');
    assert.equal((await beating.view()).state, 'live');
    for (const one of running) assert.match((await one.done).text, /\[DONE\]/);
    assert.equal((await server.call(at.chat, ask.chat('llama'))).status, 200);
    for (const worker of [beating, silent]) worker.kill();
    await here.main.plays([]);
});

closing(here);
