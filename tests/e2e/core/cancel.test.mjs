// The client leaves, in any phase and on every route: the upstream is closed, the job says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene, upstream } from '../lib/scene.mjs';
import { request_id } from '../lib/sim.mjs';
import { text_of } from '../lib/sse.mjs';
import { others_meanwhile } from '../lib/ledgers.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } },
    { env: { AUXOT_LATE_HEAD: '200ms', AUXOT_KEEPALIVE: '100ms' } });
const { server, gpt, claude } = here;
const others_end = await others_meanwhile(here);

const routes = [
    { name: 'chat', provider: gpt, model: 'gpt-sim', streams: true },
    { name: 'responses', provider: gpt, model: 'gpt-sim', streams: true },
    { name: 'completions', provider: gpt, model: 'gpt-sim', streams: true },
    { name: 'embeddings', provider: gpt, model: 'gpt-sim' },
    { name: 'messages', provider: claude, model: 'claude-sim', streams: true },
    { name: 'count_tokens', provider: claude, model: 'claude-sim' },
];

// Begins a request that the upstream will not finish; gives the call and the upstream's entry.
async function begin({ name, provider, model }, then, more = {}) {
    await provider.plays([{ then }]);
    const before = (await provider.sim.log()).length;
    const call = server.begin(at[name], ask[name](model, more));
    await until(async () => (await provider.sim.log()).length > before, 'the upstream has the request');
    const entry = (await provider.sim.log())[before];
    return { call, entry, job_id: request_id(entry).replace(/-\d+$/, '') };
}

async function assert_cancelled({ call, entry, job_id }, provider) {
    const left_at = Date.now();
    call.leave();
    const ended = await provider.sim.seen(one => one.seq === entry.seq && one.ended, 'the upstream was closed');
    assert.equal(ended.ended, 'client_closed');
    assert.ok(ended.ended_at_ms - left_at < 1000, `closed after ${ended.ended_at_ms - left_at} ms`);
    const job = await server.job(job_id);
    assert.equal(job.status, 'cancelled');
    assert.equal(job.attempts.at(-1).outcome, 'cancelled');
    assert.equal((await provider.look()).status, 'online', 'and the provider is not blamed');
    return job;
}

for (const route of routes) {
    test(`F19: ${route.name}: the client leaves while a plain request waits for its answer`, async () => {
        await assert_cancelled(await begin(route, { stall_before_head: true }), route.provider);
    });
    test(`F19: ${route.name}: the client leaves while a plain answer is on its way`, async () => {
        await assert_cancelled(await begin(route, { stall_after_bytes: 10 }), route.provider);
    });
    if (!route.streams) continue;
    test(`F17: ${route.name}: the client leaves before the head`, async () => {
        await assert_cancelled(await begin(route, { stall_before_head: true }, { stream: true }), route.provider);
    });
    test(`F17: ${route.name}: the client leaves after the late head, before any content`, async () => {
        const begun = await begin(route, { stall_before_head: true }, { stream: true });
        await begun.call.when(call => call.events.length >= 1, 'a keep-alive came');
        await assert_cancelled(begun, route.provider);
    });
    test(`F18: ${route.name}: the client leaves in mid-stream`, async () => {
        const begun = await begin(route, { events: 100000, gap_ms: 5 }, { stream: true });
        await begun.call.when(call => text_of(call.events).length > 40, 'some tokens came');
        const job = await assert_cancelled(begun, route.provider);
        assert.ok(job.output_tokens > 0 && job.output_tokens < 50000, `charged up to the cut: ${job.output_tokens}`);
        assert.ok(job.first_byte_ms >= 0);
    });
    test(`F18: ${route.name}: the client leaves in the middle of a silent stream`, async () => {
        const begun = await begin(route, { events: 100, stall_after_events: 5 }, { stream: true });
        await begun.call.when(call => text_of(call.events).length > 10, 'some tokens came');
        await assert_cancelled(begun, route.provider);
    });
}

test('the client leaves between two attempts: the second is closed as well, both are on record', async () => {
    const second = await upstream(here, 'gpt2', { models: ['gpt-sim'] });
    await second.plays([{ then: { stall_before_head: true } }]);
    await gpt.plays([{ then: { status: 500 } }]);
    const call = server.begin(at.chat, ask.chat('gpt-sim', { stream: true }));
    const entry = await second.sim.seen(() => true, 'the second upstream has the request');
    const job = await assert_cancelled({ call, entry, job_id: request_id(entry).replace(/-\d+$/, '') }, second);
    assert.deepEqual(job.attempts.map(attempt => attempt.outcome), ['failed', 'cancelled']);
    await server.api('DELETE', `/api/providers/${second.id}`);
});

test('twenty clients that leave at once close twenty upstreams, and no descriptor is lost (I8)', async () => {
    await gpt.plays([{ then: { events: 100000, gap_ms: 5 } }]);
    const before = server.descriptors();
    const calls = Array.from({ length: 20 }, () => server.begin(at.chat, ask.chat('gpt-sim', { stream: true })));
    await Promise.all(calls.map(call => call.when(() => text_of(call.events).length > 0)));
    const jobs = calls.map(call => call.job_id);
    for (const call of calls) call.leave();
    for (const job of jobs) assert.equal((await server.job(job)).status, 'cancelled');
    await until(() => server.descriptors() <= before + 4, () => `descriptors: ${before} before, ${server.descriptors()} after`);
});

test('others were served all the while, and the ledgers agree (I1 to I5, I8, I9, I11, I12)', others_end);
closing(here);
