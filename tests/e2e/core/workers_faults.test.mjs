// Workers that die, fall silent, lie and swarm: RELIABILITY.md F33 to F44, and T19.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { is_long, random_from, seed } from '../lib/ledgers.mjs';
import { Child, until } from '../lib/process.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';
import { Socket, Worker, provider_of_workers } from '../lib/worker.mjs';
import { Suite } from '../lib/suite.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] } },
    { env: { AUXOT_HEARTBEAT_INTERVAL: '1s', AUXOT_DEAD_WORKER_TIMEOUT: '3s', AUXOT_QUEUE_WAIT: '20s' } });
const { server } = here;
const gpu = await provider_of_workers(server, 'gpu', 'Rack');
const model = 'llama';
const no_wait = { headers: { 'x-auxot-wait': '0' } };
const pinned = more => ({ headers: { 'x-auxot-provider': 'rack', ...more } });

const crew = [];
async function hire(options) {
    const worker = await Worker.start(server, gpu.key, { here, models: [model], ...options });
    crew.push(worker);
    await worker.parked();
    return worker;
}
function staged(name, run) {
    test(name, async () => {
        try { await run(); } finally {
            for (const worker of crew.splice(0)) worker.kill();
            await until(async () => (await gpu.look()).status === 'offline', 'all workers are off the pool');
        }
    });
}
const metric_grows = async (name, run) => {
    const before = await server.metric(name);
    await run();
    await until(async () => (await server.metric(name)) > before, `${name} has grown`);
};

// ---- F33: WebSockets, spoken badly

const frames = [
    ['an unmasked frame', 1002, socket => socket.send(1, '{}', { mask: false })],
    ['text that is no UTF-8', 1007, socket => socket.send(1, Buffer.from([0xff, 0xfe]))],
    ['a message longer than allowed', 1009, socket => socket.send(1, Buffer.alloc(70 * 1024, 97))],
    ['bytes where texts are expected', 1003, socket => socket.send(2, 'HTTP/1.1 200 OK\r\n\r\n')],
    ['a message that is no JSON', 1008, socket => socket.text('not json')],
    ['a message of an unknown type', 1008, socket => socket.text({ type: 'format_disk' })],
    ['a flood of messages', 1008, socket => { for (let n = 0; n < 200; n++) socket.text({ type: 'heartbeat' }); }],
    ['a frame that says 2 GB', 1009, socket => socket.tcp.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 2, 3, 4]))],
];
for (const [what, code, send] of frames)
    staged(`F33: ${what} on a control connection closes it with ${code}; the worker is off the pool, others go on`, async () => {
        const good = await hire(), bad = await hire();
        send(bad.control);
        await until(() => bad.control.is_closed, 'it is closed');
        assert.ok(bad.control.code === code || what.startsWith('a flood'), `code ${bad.control.code}`); // of a flood a reset may be left
        await until(async () => ['away', 'barred'].includes((await bad.view()).state), 'off the pool');
        assert.equal((await server.call(at.chat, ask.chat(model))).status, 200);
        assert.equal(good.jobs.length, 1);
    });

// ---- F34

for (const jobs of [1, 40])
    staged(`F34: kill -9 of a worker with ${jobs} running: seen at once, what has no output goes to another, what has ends as its dialect says`, async () => {
        const dying = await hire({ slots: jobs * 2 });
        dying.serve = job => { job.begin(); if (job.wants_stream) { job.open_stream(); job.token(0); } };
        const plain = Array.from({ length: jobs }, () => server.begin(at.chat, ask.chat(model)));
        const streams = Array.from({ length: jobs }, () => server.begin(at.chat, ask.chat(model, { stream: true })));
        await dying.job(jobs * 2);
        await Promise.all(streams.map(call => call.when(() => text_of(call.events).length > 0)));
        const other = await hire({ slots: jobs });
        const killed_at = Date.now();
        dying.is_lazy = true;
        dying.kill();
        await other.job(jobs);
        const taken_ms = Math.max(...other.jobs.map(({ at_ms }) => at_ms)) - killed_at;
        assert.ok(taken_ms < 2000 * Suite.patience, `given to the next after ${taken_ms} ms`);
        for (const call of plain) {
            const answer = await call.done;
            assert.deepEqual([answer.status, stamps_of(answer.json.choices[0].message.content).count], [200, 3], answer.text);
            assert.deepEqual((await server.job(answer.job_id)).attempts.map(({ outcome }) => outcome), ['failed', 'ok']);
        }
        for (const call of streams) {
            const answer = await call.done;
            assert.ok(answer.events.at(-1).json?.error, 'an error event is the last');
            assert.ok(!answer.text.includes('[DONE]'));
            assert.equal(stamps_of(text_of(answer.events)).requests, 1);
        }
        assert.equal((await gpu.look()).status, 'online', 'the provider is not blamed');
    });

staged('F34: jobs whose worker died go before those that came later', async () => {
    const dying = await hire({ slots: 1 });
    dying.serve = job => { job.begin(); };
    const first = server.begin(at.chat, ask.chat(model, { seed: 1 }));
    await dying.job();
    const later = Array.from({ length: 3 }, (_, n) => server.begin(at.chat, ask.chat(model, { seed: 2 + n })));
    await until(async () => (await gpu.look()).queue_depth === 3, 'three wait');
    dying.kill();
    await until(async () => (await gpu.look()).queue_depth === 4, 'four wait');
    const other = await hire();
    await Promise.all([first, ...later].map(call => call.done));
    assert.equal(other.jobs[0].json.seed, 1);
});

// ---- F35, F36

staged('F35: a worker that falls silent: no job while another is there, offline at the dead threshold; its jobs go on elsewhere', async () => {
    const silent = await hire({ name: 'silent' });
    silent.serve = job => { job.begin(); };
    const call = server.begin(at.chat, ask.chat(model));
    await silent.job();
    const other = await hire({ name: 'other', slots: 1 });
    silent.is_silent = true;
    const since = Date.now();
    await silent.is('suspect');
    assert.equal((await server.call(at.chat, ask.chat(model))).status, 200);
    assert.equal(other.jobs.length, 1);
    await silent.is('dead');
    const dead_ms = Date.now() - since;
    assert.ok(dead_ms > 1500 && dead_ms < 3600 * Suite.patience, `dead after ${dead_ms} ms`);
    assert.equal((await call.done).status, 200, 'its job was given to the other');
    assert.equal(other.jobs.length, 2);
});

staged('F35: a worker that began a job, sends heartbeats and is gone from the job\'s connection: noticed within 10 s, the job goes on elsewhere', async () => {
    const gone = await hire({ name: 'gone' });
    gone.serve = job => { job.begin(); };
    for (const line of gone.lines) line.socket.is_deaf = true; // as if packets were lost: no pong comes
    const began = Date.now();
    const plain = server.begin(at.chat, ask.chat(model));
    await gone.job();
    const other = await hire({ name: 'other' });
    const answer = await plain.done;
    const took_ms = Date.now() - began;
    assert.equal(answer.status, 200, answer.text);
    assert.equal(other.jobs.length, 1);
    assert.ok(took_ms > 7400 && took_ms < 11_000 * Suite.patience, `after ${took_ms} ms`);
    assert.deepEqual((await server.job(answer.job_id)).attempts.map(({ worker, reason }) => [worker, reason]), [[gone.id, 'worker_lost'], [other.id, null]]);
});

staged('F36: a zombie that wakes after its death is refused by its epoch, told so, and must register again', async () => {
    const zombie = await hire({ name: 'zombie' });
    zombie.is_lazy = true;
    let held;
    zombie.serve = job => { job.begin(); held = job; };
    const call = server.begin(at.chat, ask.chat(model));
    await zombie.job();
    zombie.is_silent = true;
    await zombie.is('dead');
    const other = await hire({ name: 'other' });
    held.answer({ tokens: 9 }); // too late: the connection is gone
    const answer = await call.done;
    assert.equal(stamps_of(answer.json.choices[0].message.content).count, 3, 'only the new attempt is heard');
    assert.equal(other.jobs.length, 1);
    await metric_grows('auxot_worker_stale_messages_total', async () => {
        const beat = await zombie.post('heartbeat', { worker_id: zombie.id, epoch: zombie.epoch });
        assert.deepEqual([beat.status, beat.json.code], [409, 'stale_epoch']);
        const bye = await zombie.post('deregister', { worker_id: zombie.id, epoch: zombie.epoch });
        assert.equal(bye.status, 409);
        for (const [what, protocol] of [['control', 'auxot.control.v1'], ['reverse', 'auxot.reverse.v1']]) {
            const socket = new Socket(server, `/api/worker/v1/${what}?worker_id=${zombie.id}&epoch=${zombie.epoch}`, zombie.key, protocol, {});
            await assert.rejects(socket.opened, { status: 409 });
        }
    });
    assert.ok(zombie.heard.some(({ type }) => type === 'stale'));
});

// ---- F37

staged('F37: one instance registers twice: the newest wins, the older is told and closed, its jobs move', async () => {
    const older = await hire({ name: 'older' });
    older.serve = job => { job.begin(); };
    older.is_lazy = true;
    const call = server.begin(at.chat, ask.chat(model));
    await older.job();
    const newer = await hire({ instance: older.instance, name: 'newer' });
    assert.equal(newer.id, older.id);
    assert.equal(newer.epoch, older.epoch + 1);
    await until(() => older.control_closed, 'the older is closed');
    assert.ok(older.heard.some(({ type, reason }) => type === 'bye' && /newer/.test(reason)));
    assert.equal((await call.done).status, 200);
    assert.equal(newer.jobs.length, 1);
    const { items } = await server.api('GET', '/api/workers');
    assert.equal(items.filter(({ id }) => id === newer.id).length, 1);
});

staged('F37: a second control connection of one registration takes the place of the first', async () => {
    const worker = await hire();
    const first = worker.control;
    await worker.open_control();
    await until(() => first.is_closed, 'the first is closed');
    await worker.is('live');
    assert.equal((await server.call(at.chat, ask.chat(model))).status, 200);
});

// ---- F38, T19

staged('F38, T19: an answer to what was not asked is refused and counted; the third time the worker is barred', async () => {
    const rogue = await hire({ slots: 4, name: 'rogue' });
    const victim = await hire({ name: 'victim', slots: 1 });
    let held;
    victim.serve = rogue.serve = job => { job.begin(); held = job; };
    rogue.is_lazy = true;
    const before = await server.metric('auxot_worker_rule_breaks_total');
    for (const line of [...rogue.lines].slice(0, 3)) line.socket.bytes('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
    await rogue.is('barred');
    assert.ok((await server.metric('auxot_worker_rule_breaks_total')) >= before + 3);
    const call = server.begin(at.chat, ask.chat(model, { stream: true }));
    await victim.job();
    held.stream({ tokens: 5 });
    const answer = await call.done;
    assert.equal(stamps_of(text_of(answer.events)).count, 5, 'nobody else\'s stream was touched');
    assert.equal(rogue.jobs.length, 0);
    const events = await until(async () => {
        const { items } = await server.api('GET', '/api/events?limit=50');
        return items.filter(({ action, subject }) => action === 'worker.barred' && subject === rogue.id).length > 0;
    }, 'it is on record');
    assert.ok(events);
});

staged('T19: bytes behind the end of an answer never reach another job; the connection is not used again', async () => {
    const rogue = await hire({ name: 'rogue' });
    rogue.serve = job => {
        job.begin();
        rogue.is_greedy = true; // no ready
        job.answer();
        job.raw('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}');
        job.line.ready();
        rogue.is_greedy = false;
        rogue.serve = one => { one.begin(); one.answer(); };
    };
    const first = await server.call(at.chat, ask.chat(model));
    assert.equal(stamps_of(first.json.choices[0].message.content).count, 3);
    const second = await server.call(at.chat, ask.chat(model));
    assert.deepEqual([second.status, stamps_of(second.json.choices[0].message.content).count], [200, 3], second.text);
});

staged('T19: a worker may not speak for another, nor with another provider\'s key', async () => {
    const other = await provider_of_workers(server, 'gpu', 'Other');
    const victim = await hire(), rogue = await hire();
    assert.equal((await rogue.post('deregister', { worker_id: victim.id, epoch: victim.epoch }, other.key)).status, 404);
    rogue.control.text({ type: 'deregister', worker_id: victim.id, epoch: victim.epoch });
    await until(() => rogue.heard.some(({ type }) => type === 'stale'), 'it is refused');
    await victim.is('live');
    const socket = new Socket(server, `/api/worker/v1/reverse?worker_id=${victim.id}&epoch=${victim.epoch}`, other.key, 'auxot.reverse.v1', {});
    await assert.rejects(socket.opened, { status: 404 });
    await server.api('DELETE', `/api/providers/${other.id}`);
});

// ---- F39, F40

staged('F39: absurd capacity is clamped; models it does not have are not asked for; malformed registrations are refused', async () => {
    const greedy = await hire({ slots: 2 });
    for (const slots of [1e9, -5, 0]) {
        const answer = await greedy.post('register', { ...greedy.hello, slots });
        assert.equal(answer.status, 200);
        const { slots: taken } = await greedy.view();
        assert.ok(taken >= 1 && taken <= 1024, `${slots} became ${taken}`);
    }
    await gpu.patch({ max_concurrent: 3 });
    const again = await greedy.post('register', { ...greedy.hello, slots: 1e9 });
    assert.equal(again.status, 200);
    assert.equal((await greedy.view()).slots, 3, 'an admin\'s cap is the most');
    await gpu.patch({ max_concurrent: 0 });
    const bad = [{}, { ...greedy.hello, instance: 'x' }, { ...greedy.hello, kind: 'tpu' }, { ...greedy.hello, models: [] }, { ...greedy.hello, models: 'llama' },
        { ...greedy.hello, models: [{ id: 'a b' }] }, { ...greedy.hello, slots: 'many' }, [], 'x'];
    for (const body of bad) {
        const answer = await greedy.post('register', body);
        assert.deepEqual([answer.status, answer.json.code], [400, 'invalid_body'], JSON.stringify(body));
    }
});

staged('F39: a worker that changes its models every moment', async () => {
    const worker = await hire();
    for (let n = 0; n < 40; n++) worker.beat({ models: [{ id: model }, { id: `m-${n % 3}` }] });
    await until(() => worker.heard.filter(({ type }) => type === 'heard').length >= 40, 'all were heard');
    assert.equal((await server.call(at.chat, ask.chat(model))).status, 200);
    assert.equal((await server.call(at.chat, ask.chat('m-0'))).status, 200);
});

staged('F40: a worker that takes a job and never begins: after 5 s the job is another\'s, and it was no attempt', async () => {
    const lazy = await hire({ name: 'lazy' });
    lazy.is_lazy = true;
    lazy.serve = () => {};
    const began = Date.now();
    const call = server.begin(at.chat, ask.chat(model));
    await lazy.job();
    const other = await hire({ name: 'other' });
    const answer = await call.done;
    const took_ms = Date.now() - began;
    assert.ok(took_ms >= 4900 && took_ms < 8000 * Suite.patience, `after ${took_ms} ms`);
    assert.equal(answer.status, 200);
    const job = await server.job(answer.job_id);
    assert.deepEqual(job.attempts.map(({ worker }) => worker), [other.id]);
});

staged('"busy, not begun" and a cut before 102 are no attempts, and nobody is blamed', async () => {
    const worker = await hire();
    let turn = 0;
    worker.serve = job => { [() => job.busy(), () => job.cut(), () => job.busy(), () => { job.begin(); job.answer(); }][turn++](); };
    const answer = await server.call(at.chat, ask.chat(model));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['x-auxot-attempts'], '1');
    assert.equal((await server.job(answer.job_id)).attempts.length, 1);
    assert.equal(worker.jobs.length, 4);
    const now = await gpu.look();
    assert.deepEqual([now.status, now.error_rate], ['online', 0]);
});

// ---- F41

staged('F41: two hundred workers come back at once', async () => {
    const all = Array.from({ length: 200 }, (_, n) => new Worker(server, gpu.key, { models: [model], name: `swarm-${n}` }));
    crew.push(...all);
    const began = Date.now();
    await Promise.all(all.map(async worker => { await worker.register(); await worker.open_control(); await worker.open_lines(); }));
    await until(async () => (await gpu.look()).slots === 200, 'all are counted');
    const took_ms = Date.now() - began;
    assert.ok(took_ms < 10_000 * Suite.patience, `all back after ${took_ms} ms`);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => server.call(at.chat, ask.chat(model, { seed: n, messages: [{ role: 'user', content: `${n}` }] }))));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.ok(new Set(all.filter(({ jobs }) => jobs.length).map(({ id }) => id)).size >= 50, 'the load is spread');
    for (const worker of all) worker.kill();
    await until(async () => (await gpu.look()).slots === 0, 'and all are gone');
});

// ---- F42, F43, F44

staged('F42: nobody comes: a clear error when the wait is over, and the request may end sooner', async () => {
    const began = Date.now();
    const answer = await server.call(at.chat, ask.chat(model), { headers: { 'x-auxot-wait': '500ms' } });
    assert.deepEqual([answer.status, answer.json.error.code], [503, 'server_is_overloaded'], answer.text);
    assert.match(answer.json.error.message, /no worker online/);
    assert.ok(Date.now() - began >= 490);
    const job = await server.job(answer.job_id);
    assert.deepEqual([job.status, job.attempts.length], ['refused', 0]);
    assert.equal((await server.call(at.chat, ask.chat(model), no_wait)).status, 503);
});

staged('F43: a poison job crashes three workers, then fails; other jobs go on', async () => {
    const workers = [];
    for (let n = 0; n < 4; n++) {
        const worker = await hire({ name: `victim-${n}` });
        worker.serve = job => { job.begin(); if (job.json.seed === 666) worker.kill(); else job.answer(); };
        workers.push(worker);
    }
    const poison = await server.call(at.chat, ask.chat(model, { seed: 666 }));
    assert.equal(poison.status, 502, poison.text);
    const job = await server.job(poison.job_id);
    assert.equal(job.reason, 'poison');
    assert.equal(job.attempts.length, 3);
    assert.equal(workers.filter(({ is_up }) => is_up).length, 1);
    assert.equal((await server.call(at.chat, ask.chat(model))).status, 200);
    assert.equal((await gpu.look()).status, 'online');
});

staged('F44: a greedy caller does not starve another; interactive comes before batch, and batch gets its share', async () => {
    const worker = await hire({ slots: 1 });
    let held;
    worker.serve = job => { job.begin(); held = job; };
    const first = server.begin(at.chat, ask.chat(model));
    await worker.job();
    const greedy = Array.from({ length: 30 }, () => server.begin(at.chat, ask.chat(model, { user: 'greedy' })));
    const batch = Array.from({ length: 6 }, () => server.begin(at.chat, ask.chat(model, { user: 'batch' }), { headers: { 'x-auxot-class': 'batch' } }));
    await until(async () => (await gpu.look()).queue_depth === 36, 'they wait');
    const modest = Array.from({ length: 5 }, () => server.begin(at.chat, ask.chat(model, { user: 'modest' }), { key: server.member }));
    await until(async () => (await gpu.look()).queue_depth === 41, 'and so do the others');
    worker.serve = job => { job.begin(); job.answer(); };
    held.answer();
    await Promise.all([first, ...greedy, ...batch, ...modest].map(call => call.done));
    const order = worker.jobs.slice(1).map(({ json }) => json.user);
    const last_modest = order.lastIndexOf('modest');
    assert.ok(last_modest < 14, `the modest caller was done at ${last_modest} of ${order.length}: ${order.join(' ')}`);
    const batch_early = order.slice(0, 33).filter(user => user === 'batch').length;
    assert.ok(batch_early >= 3, `batch got ${batch_early} of the first 33`);
});

staged('where control connections are blocked, heartbeats by POST do the same', async () => {
    const worker = await hire();
    worker.is_lazy = true;
    worker.control.destroy();
    await worker.is('away');
    const beat = () => worker.post('heartbeat', { worker_id: worker.id, epoch: worker.epoch, busy: 0, slots: 1 });
    assert.equal((await beat()).status, 200);
    await worker.is('live');
    assert.equal((await server.call(at.chat, ask.chat(model))).status, 200);
    await worker.is('suspect');
    await beat();
    await worker.is('live');
});

staged('a client that does not read holds no slot once the worker has ended', async () => {
    const worker = await hire();
    worker.serve = job => { job.begin(); job.answer({ tokens: 400 }); }; // less than what is taken from a provider ahead of its reader
    const body = JSON.stringify(ask.chat(model, { stream: true }));
    const wire = new Wire(server.port);
    await wire.send(`POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    wire.socket.pause();
    await worker.job();
    await until(async () => (await gpu.look()).busy === 0, 'the slot is free');
    await worker.parked();
    wire.socket.resume();
    await wire.until(() => wire.text.includes('[DONE]'), 'and nothing of the answer is lost');
    wire.close();
});

// Everything at once; drawn from a seed (AUXOT_TEST_SEED).
staged('a storm of workers that come, die, refuse and cut, and of callers that leave: nothing is lost, spliced or left over', async () => {
    const random = random_from(seed);
    const temper = worker => job => {
        const dice = random.below(100);
        if (dice < 12) return job.busy();
        if (dice < 16) return job.cut();
        job.begin();
        if (dice < 20) return job.cut();
        if (dice < 22) return worker.kill();
        if (dice < 26) return job.send(500, { error: { message: 'out of luck', type: 'server_error' } });
        return job.answer({ tokens: 1 + random.below(8), gap_ms: random.below(4) });
    };
    const hire_one = async () => {
        const worker = new Worker(server, gpu.key, { models: [model], slots: 1 + random.below(4) });
        worker.serve = temper(worker);
        crew.push(worker);
        await worker.register();
        await worker.open_control().catch(() => {});
        await worker.open_lines().catch(() => {});
        return worker;
    };
    const steady = await hire({ slots: 2 });
    const end = Date.now() + (is_long ? 60_000 : 4000), calls = [];
    while (Date.now() < end) {
        if (crew.filter(({ is_up }) => is_up).length < 6) await hire_one();
        if (random.below(12) === 0) crew[1 + random.below(crew.length)]?.kill();
        const call = server.begin(at.chat, ask.chat(model, { stream: random.below(2) === 0, seed: calls.length }), random.below(3) ? {} : { key: server.member });
        calls.push(call);
        if (random.below(10) === 0) setTimeout(() => { call.has_left = true; call.leave(); }, random.below(40));
        await new Promise(resolve => setTimeout(resolve, random.below(25)));
    }
    const stayed = calls.filter(call => !call.has_left);
    await Promise.all(stayed.map(call => call.done.catch(() => {})));
    let whole = 0;
    for (const call of stayed) {
        assert.ok([200, 502, 503].includes(call.status), `seed ${seed}: ${call.status} ${call.text.slice(0, 300)}`);
        if (call.status !== 200) continue;
        const said = call.events.length ? text_of(call.events) : call.json.choices[0].message.content;
        const { requests, in_order, count } = stamps_of(said);
        assert.ok(count === 0 || (requests === 1 && in_order), `seed ${seed}: one worker's answer, without a gap: ${said}`);
        whole++;
    }
    assert.ok(whole > stayed.length / 2, `${whole} of ${stayed.length} answered`);
    await until(async () => { const { busy, queue_depth } = await gpu.look(); return busy === 0 && queue_depth === 0; }, 'no slot is taken, nobody waits');
    await steady.is('live');
    assert.ok((await server.call(at.chat, ask.chat(model))).status > 0);
});

staged('the whole time: a worker process that is really killed with SIGKILL, with many requests in flight', async () => {
    const script = new URL('../lib/worker_process.mjs', import.meta.url).pathname;
    const child = new Child(process.execPath, [script, String(server.port), gpu.key, model, '30']);
    const [, id] = await child.line(/^ready (wrk_\S+)$/m);
    await until(async () => (await gpu.look()).slots === 30, 'it is counted');
    const calls = Array.from({ length: 30 }, (_, n) => server.begin(at.chat, ask.chat(model, { stream: n % 2 === 0 })));
    await child.line(/^begun 30$/m);
    const killed_at = Date.now();
    child.kill('SIGKILL');
    await until(async () => (await gpu.look()).status === 'offline', 'it is off the pool');
    const seen_ms = Date.now() - killed_at;
    assert.ok(seen_ms < 1000 * Suite.patience, `seen after ${seen_ms} ms`);
    const other = await hire({ slots: 30 });
    const answers = await Promise.all(calls.map(call => call.done));
    assert.ok(answers.every(({ status }) => status === 200), answers.map(({ status }) => status).join(' '));
    assert.equal(other.jobs.length, 30, 'none was lost, none was done twice');
    for (const answer of answers) {
        const job = await server.job(answer.job_id);
        assert.deepEqual(job.attempts.map(({ worker }) => worker), [id, other.id]);
    }
});

closing(here, { ledger: false });
