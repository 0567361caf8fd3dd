// Everything at once: hundreds of requests of all kinds while the providers fail in every way. Whatever
// a client got must be whole or end in an error, of one attempt only, and as the record says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';

const here = await scene({
    a: { models: ['shared'], flags: ['--seed', '1'] }, b: { models: ['shared'], flags: ['--seed', '2'] }, c: { models: ['shared'], flags: ['--seed', '3'] },
    d: { dialect: 'anthropic', models: ['claude'], flags: ['--seed', '4'] }, e: { dialect: 'anthropic', models: ['claude'], flags: ['--seed', '5'] },
}, { env: { AUXOT_LATE_HEAD: '150ms', AUXOT_KEEPALIVE: '100ms', AUXOT_LOG_LEVEL: 'debug' } });
const { server } = here;

// Each with its chance; most requests go well.
const weather = ['cut_before_head', 'reset_before_head', 'garbage', 'lifecycle_only', 'no_terminal', 'torn_chunk']
    .map(name => ({ [name]: true }))
    .concat([{ status: 500 }, { status: 529 }, { status: 503, retry_after: '1' }, { status: 429, retry_after: '1' }, { cut_after_events: 0 }, { cut_after_events: 3 }, { reset_after_events: 5 },
        { error_event_after: { events: 0, type: 'overloaded_error', message: 'Overloaded' } }, { error_event_after: { events: 4, type: 'server_error', message: 'Sorry' } },
        { delay_ms: 250 }, { first_event_delay_ms: 250 }, { status: 400 }, { body: 'nonsense' }, { usage: null }, { content_length_delta: 7, chunked: false }, { informational: 3 }]);
// What puts a provider to rest comes seldom, or soon all would rest and nothing be tested.
const chance = ({ status }) => [429, 503, 529].includes(status) ? 0.002 : 0.02;
const rules = [...weather.map(then => ({ when: { chance: chance(then) }, then: { events: 12, gap_ms: 1, ...then } })), { then: { events: 12, gap_ms: 1 } }];

const kinds = [
    ['chat', 'shared', true], ['chat', 'shared', false], ['responses', 'shared', true], ['completions', 'shared', true], ['embeddings', 'shared', false],
    ['messages', 'claude', true], ['messages', 'claude', false],
];

// What this client saw: 'whole', 'error' (said in the dialect), or 'left'.
async function one_request(number) {
    const [kind, model, stream] = kinds[number % kinds.length];
    const call = server.begin(at[kind], ask[kind](model, { ...(stream ? { stream } : {}), user: `n${number}` }));
    if (number % 11 === 3) {
        await call.when(one => one.events.length > 2).catch(() => {});
        if (!call.complete) { call.leave(); return { call, outcome: 'left', kind }; }
    }
    await call.done;
    return { call, outcome: outcome_of(call, kind, stream), kind };
}

function outcome_of(call, kind, stream) {
    const where = `${kind} ${call.job_id}: ${call.status} ${call.text.slice(0, 300)}`;
    if (call.status !== 200) {
        assert.ok(call.json.error.message, where);
        return 'error';
    }
    if (!stream) {
        assert.ok(call.json, where);
        return 'whole';
    }
    const stamps = stamps_of(text_of(call.events));
    assert.ok(stamps.requests <= 1 && stamps.in_order, `spliced or torn (I3): ${where}`);
    const last = call.events.filter(event => !event.is_comment).at(-1);
    const is_end = last.data === '[DONE]' || last.json?.choices?.[0]?.finish_reason || // no provider owes a [DONE]
        last.name === 'message_stop' || last.json?.type === 'response.completed';
    const is_error = last.json?.error || last.json?.type === 'response.failed' || last.name === 'error';
    assert.ok(Boolean(is_end) !== Boolean(is_error), `neither an end nor an error: ${call.events.at(-1).raw} in ${where}`);
    if (is_end) assert.equal(stamps.count, 12, `the end of a stream that is not whole: ${where}`);
    return is_end ? 'whole' : 'error';
}

test('six hundred requests in bad weather: each is whole, or an error in its dialect, or left; and the record says the same', async () => {
    for (const one of here.upstreams) await one.sim.plays(rules);
    const results = [];
    let next = 0;
    const worker = async () => { for (let number; (number = next++) < 600;) results.push(await one_request(number)); };
    await Promise.all(Array.from({ length: 40 }, worker));

    const counts = { whole: 0, error: 0, left: 0 };
    for (const { call, outcome, kind } of results) {
        counts[outcome]++;
        if (!call.job_id) continue; // left before the head
        const job = await server.job(call.job_id);
        const allowed = { whole: ['done'], error: ['failed', 'refused'], left: ['cancelled', 'done', 'failed'] }[outcome];
        assert.ok(allowed.includes(job.status), `${kind} ${call.job_id}: the client saw '${outcome}', the record says ${job.status} ${job.reason}: ${call.text.slice(-300)}`);
        assert.deepEqual(job.attempts.map(attempt => attempt.seq), job.attempts.map((_, index) => index + 1));
        assert.ok(job.attempts.slice(0, -1).every(attempt => attempt.outcome === 'failed'));
        assert.equal(new Set(job.attempts.map(attempt => attempt.provider.id)).size, job.attempts.length, 'each provider once');
    }
    const told = {};
    for (const { call } of results)
        if (call.status > 200) told[`${call.status} ${call.text.slice(0, 150)}`] = (told[`${call.status} ${call.text.slice(0, 150)}`] ?? 0) + 1;
    assert.ok(counts.whole > 300, JSON.stringify({ counts, told }, null, 1));
});

closing(here);
