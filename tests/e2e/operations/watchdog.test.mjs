// F69: a loop that is stuck ends the process, with its stack in the log, and the next start finds everything. F65: a log that nobody takes,
// threads that the system refuses.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Server, empty_dir } from '../lib/server.mjs';
import { Child, until } from '../lib/process.mjs';
import { Suite } from '../lib/suite.mjs';
import { text_of } from '../lib/sse.mjs';

const here = await scene({ main: { models: ['shared'] }, broken: { models: ['bad'], rules: [{ then: { status: 500 } }] } });
const { server } = here;
const chat = (model, more) => server.call(at.chat, ask.chat(model, more));

// ---- the watchdog: auxot_faulty is the server with faults that can be asked of it (tests/faulty.c)

const program = Suite.binary;
const faulty = path.join(path.dirname(program), 'auxot_faulty');

for (const how of ['lock', 'spin'])
    test(`F69: a loop stuck in a${how === 'lock' ? ' lock' : 'n endless loop'}: its stack is in the log, SIGABRT, well again within 10 s, nothing lost`, async () => {
        assert.equal((await server.stop()).code, 0);
        Suite.binary = faulty;
        try { await server.restart(); } finally { Suite.binary = program; }
        await here.main.plays([{ then: { events: 3000, gap_ms: 50 } }]);
        const running = Array.from({ length: 10 }, () => server.begin(at.chat, ask.chat('shared', { stream: true })));
        await Promise.all(running.map(one => one.when(() => text_of(one.events).length > 0)));
        const from = Date.now();
        server.begin(at.chat, ask.chat('shared'), { headers: { 'x-auxot-test-hang': how } }).done.catch(() => {});
        const ended = await server.child.exit;
        assert.equal(ended.signal, 'SIGABRT', JSON.stringify(ended));
        await Promise.allSettled(running.map(one => one.done));
        const log = server.child.stderr;
        assert.match(log, /event=stuck thread=loop-\d+ silent_ms=\d+/);
        assert.ok((log.slice(log.indexOf('event=stuck')).match(/\(.*\+0x[0-9a-f]+\)/g) ?? []).length >= 5, `no stack:\n${log.slice(-2000)}`);
        await server.restart(); // as a supervisor would
        assert.ok(Date.now() - from < 10_000 * Suite.patience, `${Date.now() - from} ms from the hang to the next start`);
        for (const one of running) assert.equal((await server.job(one.job_id)).status, 'interrupted');
        await here.main.plays([]);
        assert.equal((await chat('shared')).status, 200);
    });

test('F69: a server that was stopped for longer than the watchdog waits is not taken for stuck', async () => {
    server.child.kill('SIGSTOP');
    await new Promise(resolve => setTimeout(resolve, 6500));
    server.child.kill('SIGCONT');
    assert.equal((await chat('shared')).status, 200);
    await new Promise(resolve => setTimeout(resolve, 1500)); // three looks
    assert.equal(server.child.ended, null);
    assert.doesNotMatch(server.child.stderr, /event=stuck/);
});

// ---- the log

// Failed requests write lines; all must be answered as if somebody read them.
async function serves_and_drops(of, key) {
    of.admin = key;
    const jobs = [];
    for (let i = 0; i < 40; i++) {
        assert.equal((await of.call(at.chat, ask.chat('shared'))).status, 200);
        const failed = await of.call(at.chat, ask.chat('bad'));
        assert.ok(failed.status >= 500, `${failed.status}`);
        jobs.push(failed.job_id);
    }
    for (const id of jobs.slice(-3)) assert.equal((await of.job(id)).status, 'failed');
    assert.ok(await of.metric('auxot_log_lines_dropped_total') > 0, 'what was dropped is counted');
}

for (const [what, stderr, prepare] of [
    ['/dev/full', () => fs.openSync('/dev/full', 'w')],
    ['a pipe whose reader is gone', () => 'pipe', child => child.stderr.destroy()],
    ['a pipe that nobody reads', () => {
        const fifo = path.join(empty_dir('fifo'), 'log');
        spawn('mkfifo', [fifo], { stdio: 'ignore' });
        return until(() => fs.existsSync(fifo), 'the fifo').then(() => {
            const fd = fs.openSync(fifo, fs.constants.O_RDWR);
            const full = Buffer.alloc(4096, 120);
            const nonblocking = fs.openSync(fifo, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
            try { for (;;) fs.writeSync(nonblocking, full); } catch { /* full now */ }
            return fd;
        });
    }],
])
    test(`F65: ${what} as the log: lines are dropped and counted, requests are answered, the end is in order`, async () => {
        assert.equal((await server.stop()).code, 0);
        const child = spawn(program, ['serve', '--data-dir', server.data, '--port', '0'],
            { stdio: ['ignore', 'pipe', await stderr()], env: { ...process.env, AUXOT_LOG_LEVEL: 'debug' } });
        let printed = '';
        child.stdout.setEncoding('utf8').on('data', text => { printed += text; });
        const exit = new Promise(resolve => child.on('exit', (code, signal) => resolve({ code, signal })));
        try {
            const [, url] = await until(() => printed.match(/auxot ready (http:\S+)/), 'it is ready');
            prepare?.(child);
            const of = Object.assign(new Server(), { url, data: server.data, port: Number(new URL(url).port) });
            await serves_and_drops(of, server.admin);
            child.kill('SIGHUP');
            assert.equal((await of.call(at.chat, ask.chat('shared'))).status, 200);
        } finally { child.kill('SIGTERM'); }
        assert.deepEqual(await exit, { code: 0, signal: null });
        await server.restart();
    });

// ---- threads

const clean = { AUXOT_LOG_LEVEL: 'info' };
test('F65: threads refused, wherever in the start: exit 1 with a sentence that says so; once it runs it needs no more', async () => {
    let enough = 0;
    for (; enough < 40; enough++) {
        const child = new Child(faulty, ['serve', '--data-dir', empty_dir('threads'), '--port', '0', '--threads', '2'], { env: { ...clean, AUXOT_TEST_THREADS: String(enough) } });
        const is_ready = await Promise.race([child.exit.then(() => false), child.line(/^auxot ready/m).then(() => true, () => false)]);
        if (is_ready) { await child.stop(); break; }
        const { code } = await child.exit;
        assert.equal(code, 1, `${enough}: ${child.stderr}`);
        assert.match(child.stderr, /auxot serve: cannot start the thread '[a-z0-9-]+'.*is there a limit on threads/, `${enough}`);
    }
    console.log(`# it takes ${enough} threads with 2 loops`);
    assert.ok(enough > 6 && enough < 40, `${enough} threads are enough`);
    Suite.binary = faulty;
    const of = await Server.start({ env: { AUXOT_TEST_THREADS: String(enough) }, flags: ['--threads', '2'] }).finally(() => { Suite.binary = program; });
    of.admin = await of.key('admin');
    await of.api('POST', '/api/providers', { type: 'openai', name: 'main', api_key: 'sk-x', base_url: here.main.sim.base_url });
    for (let i = 0; i < 20; i++) assert.equal((await of.call(at.chat, ask.chat('shared'))).status, 200);
    of.child.kill('SIGHUP');
    await of.child.line(/event=reloaded/, { stream: 'stderr' });
    await of.api('GET', '/api/jobs');
    assert.equal((await of.stop()).code, 0);
});

closing(here, { ledger: false });
