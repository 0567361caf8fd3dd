// F68: a new server takes port and data over from the one that runs, under load: nobody is refused, nothing is reset, every
// request has its row, once and closed. One that cannot start leaves the old one as it was.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { is_long } from '../lib/ledgers.mjs';
import { Child, until } from '../lib/process.mjs';
import { Suite } from '../lib/suite.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const here = await scene({ main: { models: ['shared'] } }, { env: { AUXOT_GRACE: '8s' } });
const { server } = here;
const clean = Object.fromEntries(Object.keys(process.env).filter(name => name.startsWith('AUXOT_')).map(name => [name, undefined]));
const faulty = path.join(path.dirname(Suite.binary), 'auxot_faulty'); // refuses threads (tests/faulty.c)
const next = (flags = [], env = {}, program = Suite.binary) => new Child(program, ['serve', '--take-over', '--data-dir', server.data, '--port', String(server.port), ...flags],
    { env: { ...clean, ...server.env, ...env } });

// The server that is under test from now on is the new one. What the old one says stays among the logs.
async function upgrade() {
    const old = server.child, fresh = next();
    const [, url] = await fresh.line(/^auxot ready (http:\S+)$/m);
    assert.equal(Number(new URL(url).port), server.port);
    server.logs += old.stderr;
    server.child = fresh;
    return old;
}

// `rate` requests a second: half on kept connections, half on new ones. Every one must be answered with 200.
class Load {
    constructor(rate) {
        Object.assign(this, { rate, asked: 0, failed: [], jobs: [], is_over: false, agent: new http.Agent({ keepAlive: true, maxSockets: 50 }) });
        this.running = this.#run();
    }
    async #run() {
        const all = [], from = Date.now();
        while (!this.is_over) {
            const due = Math.floor((Date.now() - from) * this.rate / 1000);
            for (; this.asked < due; this.asked++) all.push(this.#ask(this.asked % 2 ? this.agent : false));
            await new Promise(resolve => setTimeout(resolve, 2));
        }
        await Promise.all(all);
    }
    async #ask(agent) {
        try {
            const answer = await server.call(at.chat, ask.chat('shared'), { agent });
            if (answer.status !== 200) this.failed.push(`${answer.status} ${answer.text.slice(0, 200)}`);
            else this.jobs.push(answer.job_id);
        } catch (error) { this.failed.push(String(error.stack ?? error).slice(0, 300)); }
    }
    async stop() { this.is_over = true; await this.running; this.agent.destroy(); }
}

const rounds = is_long ? 20 : 5, rate = Suite.name === 'core' ? 40 : is_long ? 500 : 150;
test(`F68: ${rounds} upgrades under ${rate} requests a second and with streams open: none refused, none reset, all on record`, async () => {
    await here.main.plays([{ when: { body_contains: 'long' }, then: { events: 60, gap_ms: 50 } }]);
    const load = new Load(rate), streams = [];
    for (let round = 0; round < rounds; round++) {
        const running = Array.from({ length: 4 }, () => server.begin(at.chat, ask.chat('shared', { stream: true, user: 'long' })));
        await Promise.all(running.map(one => one.when(() => text_of(one.events).length > 0)));
        streams.push(...running);
        const old = await upgrade();
        await Promise.all(running.map(one => one.done));
        assert.deepEqual(await old.exit, { code: 0, signal: null }, old.stderr.slice(-2000));
    }
    await load.stop();
    assert.deepEqual(load.failed.slice(0, 5), [], `${load.failed.length} of ${load.asked}`);
    for (const one of streams) assert.equal(stamps_of(text_of(one.events)).count, 60);
    for (const one of streams) assert.equal((await server.job(one.job_id)).status, 'done');
    const recorded = new Map((await server.jobs()).map(job => [job.id, job]));
    for (const id of load.jobs) assert.equal(recorded.get(id)?.status, 'done', id);
    console.log(`# ${rounds} upgrades, ${load.asked} requests, ${load.failed.length} failed`);
});

test('F68: the one that takes over has a bad certificate: it never asks for the store', async () => {
    const bad = next(['--tls-cert', '/nonexistent/cert.pem', '--tls-key', '/nonexistent/key.pem']);
    assert.equal((await bad.exit).code, 1);
    assert.equal((await server.call(at.chat, ask.chat('shared'))).status, 200);
    assert.doesNotMatch(server.child.stderr, /what=store.*\n.*not_handed_over/);
});

test('F68: the one that takes over fails late: the old one takes its store back and goes on', async () => {
    const before = server.child;
    const bad = next([], { AUXOT_TEST_THREADS: '4' }, faulty);
    assert.equal((await bad.exit).code, 1, bad.stderr);
    await before.line(/event=not_handed_over .*store="taken back"/, { stream: 'stderr' });
    const answer = await server.call(at.chat, ask.chat('shared'));
    assert.equal(answer.status, 200);
    assert.equal((await server.job(answer.job_id)).status, 'done', 'it is recorded');
    await server.api('PATCH', `/api/providers/${here.main.id}`, { name: 'main' });
});

// The next one has the store and stands still; the old one is told to stop.
async function stopped_in_between() {
    const old = server.child, fresh = next([], { AUXOT_TEST_STANDSTILL: '4' }, faulty);
    await old.line(/event=handing_over .*what=store/, { stream: 'stderr' });
    await until(() => / T /.test(fs.readFileSync(`/proc/${fresh.pid}/stat`, 'utf8')), 'the next one stands still');
    old.kill('SIGTERM');
    await old.line(/event=stopping_when_handed_over/, { stream: 'stderr' });
    assert.equal((await server.call(at.chat, ask.chat('shared'))).status, 200, 'until then it serves');
    return { old, fresh };
}

test('F68: SIGTERM while the next one starts: the old one ends when that is ready, and nobody is refused', async () => {
    const { old, fresh } = await stopped_in_between();
    fresh.kill('SIGCONT');
    await fresh.line(/^auxot ready/m);
    server.logs += old.stderr;
    server.child = fresh;
    assert.deepEqual(await old.exit, { code: 0, signal: null }, old.stderr.slice(-2000));
    assert.match(old.stderr, /event=handed_over/);
    const answer = await server.call(at.chat, ask.chat('shared'));
    assert.equal((await server.job(answer.job_id)).status, 'done');
});

test('F68: SIGTERM while the next one starts, which never gets ready: both end, and nothing is lost', async () => {
    const { old, fresh } = await stopped_in_between();
    const { job_id } = await server.call(at.chat, ask.chat('shared'));
    old.kill('SIGTERM'); // the second: it waits no longer
    assert.deepEqual(await old.exit, { code: 0, signal: null }, old.stderr.slice(-2000));
    assert.match(old.stderr, /event=not_handed_over why="told to stop/);
    fresh.kill('SIGKILL');
    await fresh.exit;
    server.logs += old.stderr;
    server.child = next();
    await server.child.line(/^auxot ready/m);
    assert.equal((await server.job(job_id)).status, 'done', 'its journal was read');
});

test('F30, F68: a key whose request runs at the old server is not taken again at the new one', async () => {
    await here.main.plays([{ then: { events: 60, gap_ms: 50 } }]);
    const headers = { 'idempotency-key': 'across-an-upgrade' }, body = ask.chat('shared', { stream: true });
    const held = server.begin(at.chat, body, { headers });
    await held.when(() => text_of(held.events).length > 0);
    const old = await upgrade();
    const again = await until(async () => { // the names are being read at first: 503
        const answer = await server.call(at.chat, body, { headers });
        return answer.status !== 503 && answer;
    }, 'the new one knows the keys');
    assert.equal(again.status, 409, again.text);
    assert.ok(again.text.includes(held.job_id), again.text);
    await held.done;
    assert.equal((await old.exit).code, 0);
    assert.equal((await server.job(held.job_id)).status, 'done');
    assert.equal((await here.main.sim.log()).filter(entry => entry.x_client_request_id.startsWith(held.job_id)).length, 1);
    await here.main.plays([]);
});

test('F68: the old one is killed while it ends its requests: they become interrupted, and nothing else is touched', async () => {
    await here.main.plays([{ then: { events: 3000, gap_ms: 50 } }]);
    const held = server.begin(at.chat, ask.chat('shared', { stream: true }));
    await held.when(() => text_of(held.events).length > 0);
    const old = await upgrade();
    await old.line(/event=handed_over/, { stream: 'stderr' });
    let mine; // one that the new server took: only of those it has rows by now
    await until(async () => {
        mine?.leave();
        mine = server.begin(at.chat, ask.chat('shared', { stream: true }));
        await mine.when(() => text_of(mine.events).length > 0);
        return (await server.call(`/api/jobs/${mine.job_id}`, undefined, { method: 'GET' })).status === 200;
    }, 'the new one takes requests');
    old.kill('SIGKILL');
    await old.exit;
    await held.done.catch(() => {});
    assert.equal((await server.job(held.job_id)).status, 'interrupted');
    assert.equal((await server.api('GET', `/api/jobs/${mine.job_id}`)).status, 'open', 'that of the new one goes on');
    mine.leave();
    await here.main.plays([]);
});

test('F68: a worker moves to the new server; the job that it runs ends in the old', async () => {
    const rack = await provider_of_workers(server, 'gpu', 'Rack');
    const worker = await Worker.start(server, rack.key, { here, models: ['llama'], slots: 2 });
    await worker.parked();
    worker.serve = job => { job.begin(); job.answer({ tokens: 40, gap_ms: 100 }); };
    const running = server.begin(at.chat, ask.chat('llama', { stream: true }));
    await running.when(() => text_of(running.events).length > 0);
    const old = await upgrade();
    await until(() => worker.heard.some(line => line.type === 'bye'), 'the worker is told to register again');
    await worker.register();
    await worker.open_control();
    await worker.open_lines();
    await running.done;
    assert.match(running.text, /\[DONE\]/);
    worker.serve = job => { job.begin(); job.answer(); };
    assert.equal((await server.call(at.chat, ask.chat('llama'))).status, 200);
    assert.equal((await old.exit).code, 0);
    assert.equal((await server.job(running.job_id)).status, 'done');
    worker.kill();
});

test('--take-over with nobody to take over from is an ordinary start', async () => {
    assert.equal((await server.stop()).code, 0);
    server.logs += server.child.stderr;
    server.child = next();
    await server.child.line(/^auxot ready/m);
    assert.equal((await server.call(at.chat, ask.chat('shared'))).status, 200);
});

closing(here, { ledger: true });
