// Workers as they should be: they register, take jobs, are full, leave. SPEC.md 6, and the probes of 4.5 that need
// workers, by their number.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';
import { until } from '../lib/process.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } },
    { env: { AUXOT_HEARTBEAT_INTERVAL: '1s', AUXOT_DEAD_WORKER_TIMEOUT: '3s', AUXOT_LATE_HEAD: '300ms', AUXOT_KEEPALIVE: '200ms' } });
const { server, gpt, claude } = here;
const gpu = await provider_of_workers(server, 'gpu', 'Rack');
const cli = await provider_of_workers(server, 'cli', 'Desk');
const model = 'llama-3-8b-Q4_K_M';

// Workers of one test: gone with it.
const crew = [];
async function hire(provider, options) {
    const worker = await Worker.start(server, provider.key, { kind: provider === cli ? 'cli' : 'gpu', here, models: [provider === cli ? 'opus' : model], ...options });
    crew.push(worker);
    await worker.parked();
    return worker;
}
async function fire_all() {
    for (const worker of crew.splice(0)) worker.kill();
    await until(async () => (await gpu.look()).status === 'offline' && (await cli.look()).status === 'offline', 'all workers are off the pool');
}
function staged(name, run) {
    test(name, async () => {
        try { await run(); } finally { await fire_all(); }
    });
}
const who = answer => answer.headers['x-auxot-provider'];

test('a provider without workers is offline; the cascade passes it over, and explain says why', async () => {
    assert.equal((await gpu.look()).status, 'offline');
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.equal(who(answer), 'gpt', answer.text);
    const { candidates } = await server.api('POST', '/api/routing/explain', { model: 'auto' });
    assert.equal(candidates.find(({ provider }) => provider.id === gpu.id).reason, 'offline');
});

staged('R1: gpu, cli and clouds are up: auto goes to the gpu; the record names the worker', async () => {
    const worker = await hire(gpu, { slots: 2 });
    await hire(cli);
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(who(answer), 'rack');
    assert.equal(answer.headers['x-auxot-model'], model);
    const job = await server.job(answer.job_id);
    assert.equal(job.attempts.length, 1);
    assert.equal(job.attempts[0].worker, worker.id);
    assert.equal(worker.jobs[0].path, '/v1/chat/completions');
    assert.equal(worker.jobs[0].id, `${job.id}-1`);
    assert.ok(!worker.jobs[0].head.toLowerCase().includes('authorization'), 'no credential goes to a worker');
    assert.match(worker.jobs[0].headers['x-auxot-session'], /^[0-9a-f]{32}$/);
});

staged('plain, streaming, and the other dialect: each is one whole answer of the worker', async () => {
    const worker = await hire(gpu);
    for (const stream of [false, true]) {
        const chat = await server.call(at.chat, ask.chat(model, { stream }));
        const said = stream ? text_of(chat.events) : chat.json.choices[0].message.content;
        assert.deepEqual([chat.status, stamps_of(said).count, stamps_of(said).in_order], [200, 3, true]);
        const messages = await server.call(at.messages, ask.messages(model, { stream }));
        const told = stream ? text_of(messages.events) : messages.json.content[0].text;
        assert.deepEqual([messages.status, stamps_of(told).count], [200, 3]);
    }
    assert.equal(worker.jobs.length, 4);
    assert.ok(worker.jobs.every(job => job.path === '/v1/chat/completions'), 'llama-server is asked in chat only');
});

staged('its models are surfaced when first registered: in the lists, on the row, and by the name without its quantization', async () => {
    await hire(gpu, { models: [model, { id: 'tiny-F16', context_tokens: 4096, abilities: { tools: false } }] });
    const row = await until(async () => { const now = await gpu.look(); return now.models.length >= 2 && now; }, 'the row has the models');
    assert.deepEqual(row.models.map(({ id, surfaced }) => [id, surfaced]).sort(), [[model, true], ['tiny-F16', true]]);
    assert.equal(row.default_model, model);
    assert.deepEqual([row.status, row.workers, row.slots], ['online', 1, 1]);
    const list = await server.call('/api/openai/v1/models', undefined);
    assert.ok(list.json.data.some(({ id }) => id === model));
    for (const name of ['llama-3-8b', 'llama-3-8b-Q8_0', 'rack/llama-3-8b']) {
        const answer = await server.call(at.chat, ask.chat(name));
        assert.deepEqual([answer.status, answer.headers['x-auxot-model']], [200, model], `${name}: ${answer.text}`);
    }
    const weak = await server.call(at.chat, ask.chat('tiny', { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] }));
    assert.equal(weak.status, 400, 'a model that is known to use no tools is not asked to');
});

staged('auto with a default that is not loaded: any loaded one', async () => {
    await hire(gpu, { models: ['other-model'] });
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.deepEqual([who(answer), answer.headers['x-auxot-model']], ['rack', 'other-model']);
});

staged('R2: gpu heartbeats stop beyond the dead threshold: gpu offline, cli answers', async () => {
    const worker = await hire(gpu);
    const desk = await hire(cli);
    worker.is_silent = true;
    await worker.is('suspect');
    await worker.is('dead');
    assert.equal((await gpu.look()).status, 'offline');
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.equal(who(answer), 'desk', answer.text);
    assert.equal(desk.jobs[0].path, '/v1/messages');
    await until(() => worker.heard.some(({ type }) => type === 'stale'), 'the dead one is told that it is stale');
});

staged('R3: gpu and cli gone: openai answers, then anthropic if openai is gone', async () => {
    await hire(gpu);
    await fire_all();
    assert.equal(who(await server.call(at.chat, ask.chat('auto'))), 'gpt');
    await gpt.patch({ paused: true });
    assert.equal(who(await server.call(at.messages, ask.messages('auto'))), 'claude');
    await gpt.patch({ paused: false });
});

staged('R4: a named model that only one has', async () => {
    await hire(gpu);
    await hire(cli);
    assert.equal(who(await server.call(at.chat, ask.chat('gpt-sim'))), 'gpt');
    assert.equal(who(await server.call(at.messages, ask.messages('opus'))), 'desk');
    assert.equal(who(await server.call(at.chat, ask.chat(model))), 'rack');
});

for (const stream of [false, true])
    staged(`R5: a worker is killed in mid-request, ${stream ? 'streaming before COMMIT' : 'plain'}: one whole answer, two attempts`, async () => {
        const first = await hire(gpu);
        await hire(cli);
        first.serve = job => { job.begin(); if (job.wants_stream) job.open_stream(); first.kill(); };
        const answer = await server.call(at.chat, ask.chat('auto', { stream }));
        const said = stream ? text_of(answer.events) : answer.json.choices[0].message.content;
        assert.deepEqual([answer.status, who(answer), stamps_of(said).count, stamps_of(said).requests], [200, 'desk', 3, 1]);
        const job = await server.job(answer.job_id);
        assert.deepEqual(job.attempts.map(({ outcome }) => outcome), ['failed', 'ok']);
        assert.equal(job.attempts[0].worker, first.id);
    });

staged('R5: another worker of the same provider comes first', async () => {
    const dying = job => { job.begin(); job.worker.kill(); };
    const one = await hire(gpu, { name: 'one' });
    one.serve = dying;
    const two = await hire(gpu, { name: 'two', slots: 1 });
    two.serve = job => (one.is_up ? dying(job) : (job.begin(), job.answer()));
    one.serve = job => (two.is_up ? dying(job) : (job.begin(), job.answer()));
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.deepEqual([answer.status, who(answer)], [200, 'rack'], answer.text);
    const job = await server.job(answer.job_id);
    assert.equal(new Set(job.attempts.map(({ worker }) => worker)).size, 2);
});

staged('R8: a pinned provider with a rule for a deep queue: the next job goes to the target', async () => {
    const worker = await hire(gpu);
    await gpu.patch({ fallback_rules: [{ condition: 'queue_too_deep', provider: gpt.id, model: null, threshold: 3 }] });
    const held = [];
    worker.serve = job => { job.begin(); held.push(job); };
    const pinned = { headers: { 'x-auxot-provider': 'rack' } };
    const calls = [server.begin(at.chat, ask.chat(model), pinned)];
    await worker.job();
    for (let n = 0; n < 3; n++) calls.push(server.begin(at.chat, ask.chat(model), pinned));
    await until(async () => (await gpu.look()).queue_depth === 3, 'three tickets wait');
    assert.ok((await gpu.look()).oldest_wait_ms >= 0);
    const answer = await server.call(at.chat, ask.chat(model), pinned);
    assert.deepEqual([answer.status, who(answer)], [200, 'gpt']);
    worker.serve = job => { job.begin(); job.answer(); };
    held[0].answer();
    for (const call of calls) assert.equal((await call.done).status, 200);
    await gpu.patch({ fallback_rules: [] });
});

staged('R11: a worker\'s model that is not surfaced: absent from lists and auto, callable by an admin key by name only', async () => {
    await hire(gpu, { models: [model, 'hidden'] });
    await until(async () => (await gpu.look()).models.some(({ id }) => id === 'hidden'), 'the row has it');
    await gpu.patch({ surfaced_models: [model] });
    const list = await server.call('/api/openai/v1/models', undefined);
    assert.ok(!list.json.data.some(({ id }) => id === 'hidden'));
    assert.equal((await server.call(at.chat, ask.chat('hidden'))).status, 200);
    assert.equal((await server.call(at.chat, ask.chat('hidden'), { key: server.member })).status, 404);
});

staged('R12: a worker stops in order: it leaves the pool at once, its job finishes', async () => {
    const worker = await hire(gpu);
    let held;
    worker.serve = job => { job.begin(); held = job; };
    const call = server.begin(at.chat, ask.chat(model));
    await worker.job();
    const leaving = worker.leave();
    await worker.is('leaving');
    assert.equal(who(await server.call(at.chat, ask.chat('auto'))), 'gpt', 'no new job');
    held.answer();
    assert.equal((await call.done).status, 200);
    assert.equal((await leaving).status, 200);
    await worker.is('dead');
});

staged('R13: all gpu slots are taken: overflow to cli, then to the cloud', async () => {
    const worker = await hire(gpu, { slots: 2 });
    const desk = await hire(cli);
    const held = [];
    for (const one of [worker, desk]) one.serve = job => { job.begin(); held.push(job); };
    const calls = [0, 1, 2].map(() => server.begin(at.chat, ask.chat('auto')));
    await worker.job(2);
    await desk.job(1);
    assert.equal(who(await server.call(at.chat, ask.chat('auto'))), 'gpt');
    for (const job of held) job.answer();
    const answers = await Promise.all(calls.map(call => call.done));
    assert.deepEqual(answers.map(who).sort(), ['desk', 'rack', 'rack']);
});

staged('R13: wait_ms: a full provider is waited for so long, then the next joins', async () => {
    const worker = await hire(gpu);
    await gpu.patch({ wait_ms: 400 });
    let held;
    worker.serve = job => { job.begin(); held = job; };
    const first = server.begin(at.chat, ask.chat('auto'));
    await worker.job();
    const began = Date.now();
    assert.equal(who(await server.call(at.chat, ask.chat('auto'))), 'gpt');
    assert.ok(Date.now() - began >= 390, `it waited ${Date.now() - began} ms`);
    const waits = server.begin(at.chat, ask.chat('auto'));
    await until(async () => (await gpu.look()).queue_depth === 1, 'one waits');
    worker.serve = job => { job.begin(); job.answer(); };
    held.answer();
    assert.equal(who(await waits.done), 'rack', 'what becomes free in time is taken');
    await first.done;
    await gpu.patch({ wait_ms: 0 });
});

staged('R15: a worker registers again: routable at once', async () => {
    const worker = await hire(gpu);
    worker.kill();
    await until(async () => (await gpu.look()).status === 'offline', 'it is off the pool');
    const again = await hire(gpu, { instance: worker.instance });
    assert.equal(again.id, worker.id, 'the same instance is the same worker');
    assert.ok(again.epoch > worker.epoch);
    assert.equal(who(await server.call(at.chat, ask.chat('auto'))), 'rack');
});

staged('R16: the client leaves in mid-stream: the connection is closed, the slot is free, usage so far is recorded', async () => {
    const worker = await hire(gpu);
    worker.serve = job => { job.begin(); job.stream({ tokens: 1e6, gap_ms: 5 }); };
    const call = server.begin(at.chat, ask.chat(model, { stream: true }));
    await call.when(() => text_of(call.events).length > 20);
    const job_id = call.job_id, left_at = Date.now();
    call.leave();
    const job = await until(() => worker.jobs[0].cancelled_at_ms && worker.jobs[0], 'the worker sees its connection closed');
    assert.ok(job.cancelled_at_ms - left_at < 1000, `after ${job.cancelled_at_ms - left_at} ms`);
    const record = await server.job(job_id);
    assert.equal(record.status, 'cancelled');
    assert.ok(record.output_tokens > 0);
    await until(async () => (await gpu.look()).busy === 0, 'the slot is free');
    await worker.parked();
    worker.serve = one => { one.begin(); one.answer(); };
    assert.equal((await server.call(at.chat, ask.chat(model))).status, 200);
});

staged('a client that leaves while it waits is taken out of the queue at once', async () => {
    const worker = await hire(gpu);
    let held;
    worker.serve = job => { job.begin(); held = job; };
    const first = server.begin(at.chat, ask.chat(model));
    await worker.job();
    const second = server.begin(at.chat, ask.chat(model));
    await until(async () => (await gpu.look()).queue_depth === 1, 'it waits');
    second.leave();
    await until(async () => (await gpu.look()).queue_depth === 0, 'it is gone');
    held.answer();
    await first.done;
    assert.equal(worker.jobs.length, 1);
});

staged('X-Auxot-Wait: 0 never queues; a short wait ends in 503 with retry-after; nonsense is 400', async () => {
    const worker = await hire(gpu);
    let held;
    worker.serve = job => { job.begin(); held = job; };
    const first = server.begin(at.chat, ask.chat(model));
    await worker.job();
    const now = await server.call(at.chat, ask.chat(model), { headers: { 'x-auxot-wait': '0' } });
    assert.deepEqual([now.status, now.json.error.code], [503, 'server_is_overloaded']);
    const began = Date.now();
    const soon = await server.call(at.chat, ask.chat(model), { headers: { 'x-auxot-wait': '300ms' } });
    assert.equal(soon.status, 503, soon.text);
    assert.ok(soon.headers['retry-after'] && Date.now() - began >= 290);
    assert.equal((await server.job(soon.job_id)).reason, 'queue_timeout');
    assert.equal((await server.call(at.chat, ask.chat(model), { headers: { 'x-auxot-wait': 'soon' } })).status, 400);
    held.answer();
    await first.done;
});

staged('a stream that waits for a slot gets the head and keep-alives, then its answer', async () => {
    const worker = await hire(gpu);
    let held;
    worker.serve = job => { job.begin(); held = job; };
    const first = server.begin(at.chat, ask.chat(model));
    await worker.job();
    const second = server.begin(at.chat, ask.chat(model, { stream: true }));
    await second.when(call => call.events.filter(event => event.is_comment).length >= 2, 'keep-alives came');
    worker.serve = job => { job.begin(); job.answer(); };
    held.answer();
    await second.done;
    assert.equal(stamps_of(text_of(second.events)).count, 3);
    await first.done;
});

staged('a job waits for a worker that is not there yet, and gets it (F42)', async () => {
    const call = server.begin(at.chat, ask.chat(model));
    await until(async () => (await gpu.look()).queue_depth === 1, 'it waits');
    const worker = await hire(gpu);
    const answer = await call.done;
    assert.deepEqual([answer.status, who(answer)], [200, 'rack']);
    assert.equal(worker.jobs.length, 1);
    const job = await server.job(answer.job_id);
    assert.ok(job.queued_ms > 0, `queued ${job.queued_ms} ms`);
});

staged('a conversation goes back to its worker; a caller may name it', async () => {
    const one = await hire(gpu, { slots: 4 }), two = await hire(gpu, { slots: 4 });
    const headers = { 'x-session-id': 'a conversation' };
    for (let n = 0; n < 6; n++) await server.call(at.chat, ask.chat(model), { headers });
    const [fewer, more] = [one, two].map(({ jobs }) => jobs.length).sort((a, b) => a - b);
    assert.deepEqual([fewer, more], [0, 6]);
    const other = await server.call(at.chat, ask.chat(model), { headers, key: server.member });
    assert.equal(other.status, 200);
    const sessions = new Set([...one.jobs, ...two.jobs].map(job => job.headers['x-auxot-session']));
    assert.equal(sessions.size, 2, 'two callers never share one, whatever they call it');
});

staged('over_quota_until_ms: no jobs until then; the provider is over its quota when all its workers are', async () => {
    const desk = await hire(cli);
    desk.beat({ over_quota_until_ms: Date.now() + 1500 });
    await desk.is('over_quota');
    assert.equal((await cli.look()).status, 'over_quota');
    const refused = await server.call(at.messages, ask.messages('opus'), { headers: { 'x-auxot-wait': '0' } });
    assert.equal(refused.status, 429, refused.text);
    assert.ok(Number(refused.headers['retry-after']) <= 2);
    const waits = await server.call(at.messages, ask.messages('opus'));
    assert.deepEqual([waits.status, who(waits)], [200, 'desk'], 'and who may wait, waits for the reset');
});

staged('a cli worker whose window is used up rests until the reset; another of the same provider answers', async () => {
    const spent = await hire(cli, { name: 'spent' });
    spent.serve = job => { job.begin(); job.send(429, { type: 'error', error: { type: 'rate_limit_error', message: 'usage limit reached' } }, { 'retry-after': '60' }); };
    const fresh = await hire(cli, { name: 'fresh' });
    const answers = [];
    for (let n = 0; n < 3; n++) answers.push(await server.call(at.messages, ask.messages('opus', { metadata: { n } })));
    assert.ok(answers.every(({ status }) => status === 200), answers.map(({ text }) => text).join('\n'));
    assert.equal(fresh.jobs.length, 3);
    assert.ok(spent.jobs.length <= 1);
    assert.equal((await cli.look()).status, 'online');
});

staged('a cloud with max_concurrent: the cap holds, who comes then waits or overflows', async () => {
    await gpt.patch({ max_concurrent: 1 });
    await gpt.plays([{ then: { events: 20, gap_ms: 40 } }]);
    const calls = [0, 1, 2].map(() => server.begin(at.chat, ask.chat('gpt-sim', { stream: true })));
    const answers = await Promise.all(calls.map(call => call.done));
    assert.ok(answers.every(({ status }) => status === 200));
    const log = (await gpt.sim.log()).slice(-3);
    for (let n = 1; n < 3; n++) assert.ok(log[n].at_ms === undefined || log[n].at_ms >= log[n - 1].ended_at_ms - 5, 'one after the other');
    await gpt.patch({ max_concurrent: 0 });
    await gpt.plays([]);
});

// Its translation is made elsewhere, and by then the slot is taken; strict turns it down there.
const strict = { headers: { 'x-auxot-strict': '1' } };
const large_and_lossy = more => ask.messages('auto', { context_management: { edits: [] }, messages: [{ role: 'user', content: 'x'.repeat(1_500_000) }], ...more });
const whose_slot = [
    { who: 'a worker', of: () => gpu, begin: () => hire(gpu), end: () => {}, jobs: worker => worker.jobs.length },
    { who: 'a capped cloud', of: () => gpt, begin: () => gpt.patch({ max_concurrent: 1 }), end: () => gpt.patch({ max_concurrent: 0 }),
        jobs: async () => (await gpt.sim.log()).length },
];
for (const { who: whom, of, begin, end, jobs } of whose_slot)
    staged(`a large body that ${whom} cannot be given as it is: the slot is given back, and the next is asked by a line of its own, or nobody is`, async () => {
        const first = await begin(), before = await jobs(first);
        await claude.plays([]);
        for (const more of [{}, { stream: true }]) {
            const answer = await server.call(at.messages, large_and_lossy(more), strict);
            assert.deepEqual([answer.status, who(answer)], [200, 'claude'], answer.text.slice(0, 300));
            assert.deepEqual((await server.job(answer.job_id)).attempts.map(({ provider }) => provider.name), ['claude']);
            assert.equal((await of().look()).busy, 0, 'the slot is free');
        }
        await claude.patch({ paused: true });
        const refused = await server.call(at.messages, large_and_lossy(), { headers: { ...strict.headers, 'x-auxot-wait': '0' } }); // a cli worker might come, and could
        await claude.patch({ paused: false });
        assert.equal(refused.status, 400, refused.text.slice(0, 300));
        assert.equal((await server.job(refused.job_id)).reason, 'strict_loss');
        assert.equal(await jobs(first), before, 'it has heard of none of them');
        await until(async () => (await of().look()).busy === 0, 'the slot is free');
        const answer = await server.call(at.chat, ask.chat('auto'));
        assert.deepEqual([answer.status, who(answer)], [200, of().slug], 'and good for the next');
        await end();
    });

staged('GET /api/workers, /api/providers, events and metrics tell of them', async () => {
    const worker = await hire(gpu, { slots: 3, name: 'rack-7' });
    const view = await worker.view();
    assert.deepEqual([view.name, view.provider.id, view.kind, view.state, view.slots, view.busy, view.parked, view.vram_mb],
        ['rack-7', gpu.id, 'gpu', 'live', 3, 0, 3, 24000]);
    assert.equal(view.models[0].id, model);
    assert.ok((await gpu.look()).last_heartbeat_ms > 0);
    assert.equal(await server.metric('auxot_workers{state="live"}'), 1);
    worker.kill();
    await worker.is('away');
    const again = await hire(gpu, { instance: worker.instance, slots: 3, name: 'rack-7' });
    assert.equal(again.id, worker.id);
    const actions = await until(async () => {
        const { items } = await server.api('GET', '/api/events?limit=200');
        const mine = items.filter(({ subject }) => subject === worker.id).map(({ action }) => action);
        return mine.length >= 3 && mine.reverse();
    }, 'the events are on record');
    assert.deepEqual(actions.slice(0, 3), ['worker.joined', 'worker.lost', 'worker.returned']);
});

test('worker keys: shown once, listed as hints, good for their own provider only; revoked, its workers are cut off', async () => {
    const made = await server.api('POST', `/api/providers/${gpu.id}/worker-keys`, { name: 'second' }, { expect: 201 });
    assert.match(made.key, /^auxw_[0-9A-Za-z]+$/);
    const { items } = await server.api('GET', `/api/providers/${gpu.id}/worker-keys`);
    assert.ok(items.some(({ id, hint }) => id === made.id && made.key.startsWith(hint.slice(0, 5))));
    assert.ok(!JSON.stringify(items).includes(made.key));
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'), { key: made.key })).status, 401, 'it is no API key');
    const wrong = new Worker(server, server.admin, { models: [model] });
    assert.equal((await wrong.post('register', wrong.hello)).status, 401, 'and an API key is no worker key');
    const misfit = new Worker(server, cli.key, { models: [model] });
    assert.equal((await misfit.post('register', misfit.hello)).json.code, 'wrong_kind');
    const worker = await Worker.start(server, made.key, { here, models: [model], slots: 1 });
    await worker.parked();
    let held;
    worker.serve = job => { job.begin(); held = job; };
    const call = server.begin(at.chat, ask.chat(model), { headers: { 'x-auxot-wait': '0' } });
    await worker.job();
    worker.is_lazy = true;
    await server.api('DELETE', `/api/providers/${gpu.id}/worker-keys/${made.id}`);
    await worker.is('dead');
    await until(() => worker.control_closed && held.line_closed, 'its connections are closed');
    assert.ok(worker.heard.some(({ type, reason }) => type === 'bye' && /revoked/.test(reason)));
    assert.equal((await call.done).status, 502, 'nobody else could answer');
    assert.equal((await worker.post('register', worker.hello)).status, 401);
    worker.kill();
});

test('a provider that is deleted takes its workers and keys with it', async () => {
    const gone = await provider_of_workers(server, 'gpu', 'Gone');
    const worker = await Worker.start(server, gone.key, { models: ['gone-model'] });
    await worker.parked();
    worker.is_lazy = true;
    await server.api('DELETE', `/api/providers/${gone.id}`);
    await until(() => worker.control_closed, 'its control connection is closed');
    assert.equal((await worker.post('register', worker.hello)).status, 401);
    worker.kill();
});

closing(here);
