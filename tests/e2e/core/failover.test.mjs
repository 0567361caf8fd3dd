// Provider trouble before COMMIT is unseen; after it, it is told in the dialect's own way. Rows of
// RELIABILITY.md 3 by their ids. `a` comes first in the cascade, `b` second; `c` and `d` speak the
// other dialect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';
import { HandMade, answer_with, dead_port } from '../lib/sim.mjs';
import { others_meanwhile } from '../lib/ledgers.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({
    a: { models: ['shared', 'only-a'] }, b: { models: ['shared', 'only-b'] },
    c: { dialect: 'anthropic', models: ['shared-claude'] }, d: { dialect: 'anthropic', models: ['shared-claude'] },
}, { env: { AUXOT_LATE_HEAD: '300ms', AUXOT_KEEPALIVE: '200ms' } });
const { server, a, b, c, d } = here;
const others_end = await others_meanwhile(here);

const endpoints = [
    { name: 'chat', first: a, second: b, model: 'shared', streams: true, content: /choices/ },
    { name: 'responses', first: a, second: b, model: 'shared', streams: true },
    { name: 'completions', first: a, second: b, model: 'shared', streams: true },
    { name: 'embeddings', first: a, second: b, model: 'shared', streams: false },
    { name: 'messages', first: c, second: d, model: 'shared-claude', streams: true },
];

// `first` plays the rules, `second` is well; the call, and the record of it.
async function with_trouble(endpoint, then, more = {}, options = {}) {
    const { first, second, name, model } = endpoint;
    await first.plays([{ then }]);
    await second.plays();
    const answer = await server.call(at[name], ask[name](model, more), options);
    return { answer, job: answer.job_id ? await server.job(answer.job_id) : null };
}

function assert_whole(answer, endpoint, stream) {
    assert.equal(answer.status, 200, answer.text.slice(0, 400));
    if (!stream) return;
    const terminal = answer.events.at(-1);
    const is_end = { chat: terminal.data === '[DONE]', completions: terminal.data === '[DONE]',
        responses: terminal.json?.type === 'response.completed', messages: terminal.name === 'message_stop' }[endpoint.name];
    assert.ok(is_end, `the stream ends as it should: ${terminal.raw}`);
    const stamps = stamps_of(text_of(answer.events));
    assert.ok(stamps.count > 0 && stamps.requests === 1 && stamps.in_order, `one attempt's tokens, in order: ${JSON.stringify(stamps)}`);
    assert.ok(!answer.events.some(event => event.name === 'error' || event.json?.error), 'no error event');
}

function assert_failed_over({ answer, job }, endpoint) {
    assert.equal(answer.headers['x-auxot-provider'], endpoint.second.slug);
    assert.equal(answer.headers['x-auxot-attempts'], '2');
    assert.equal(job.status, 'done');
    assert.deepEqual(job.attempts.map(attempt => attempt.provider.id), [endpoint.first.id, endpoint.second.id]);
    assert.deepEqual(job.attempts.map(attempt => attempt.outcome), ['failed', 'ok']);
    assert.ok(job.attempts[0].reason, 'the failed attempt has a reason');
    assert.equal(job.provider.id, endpoint.second.id);
}

// Runs with other time limits at `a`.
async function with_timeouts(timeouts, story) {
    await a.patch({ timeouts });
    try { await story(); } finally { await a.patch({ timeouts: { connect_ms: 5000, first_byte_ms: 120_000, plain_ms: 600_000, idle_ms: 120_000 } }); }
}

// What the first provider does before any content. `plain` and `stream`: where it applies.
const unseen = [
    ['F05: closes before the head', { cut_before_head: true }],
    ['F05: resets before the head', { reset_before_head: true }],
    ['F06: sends its head and closes', { cut_after_events: 0 }, 'stream'],
    ['F06: sends its head and resets', { reset_after_events: 0 }, 'stream'],
    ['F06: closes in the middle of a plain body', { cut_after_bytes: 20 }, 'plain'],
    ['F06: tears a chunk before any content', { cut_after_events: 0, torn_chunk: true }, 'stream'],
    ['F12: speaks garbage', { garbage: true }],
    ['F14: answers with a gzip bomb that nobody asked for', { gzip_bomb_mib: 64 }],
    ['redirects to somewhere else', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }],
    ['switches protocols', { status: 101, body: '' }],
    ['F12: sends a body with 204', { status: 204, body: 'hello' }],
    ['F12: sends a body with 304', { status: 304, body: 'hello' }],
    ['F12: speaks a version that is none', { raw: 'HTTP/3.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}' }],
    ['F12: speaks HTTP/0.9', { raw: '{"id":"x","choices":[]}' }],
    ['F12: has a status of two digits', { raw: 'HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\n{}' }],
    ['F13: sends a header of 1 MB', { header_bytes: 1_000_000 }],
    ['F13: sends 10,000 headers', { header_count: 10_000 }],
    ['F15: answers with something that is no JSON', { body: 'hello', content_type: 'application/json' }, 'plain'],
    ['F15: answers with JSON that is cut, its length said right', { body: '{"id":"x","choices":[', content_type: 'application/json' }, 'plain'],
    ['answers an HTML page with 200', { body: '<html>Hello</html>', content_type: 'text/html' }],
    ['answers nothing with 200', { body: '', content_type: 'application/json' }],
    ['answers only lifecycle events', { lifecycle_only: true }, 'stream'],
    ['F20: is over its rate limit', { status: 429, retry_after: '7' }],
    ['F21: is overloaded (529)', { status: 529 }],
    ['F21: is overloaded (503)', { status: 503 }],
    ['F21: says in a 200 that it is overloaded', { error_event_after: { events: 0, type: 'overloaded_error', message: 'Overloaded' } }, 'stream'],
    ['F22: refuses the key (401)', { status: 401 }],
    ['F22: refuses the key (403)', { status: 403 }],
    ['F23: fails (500)', { status: 500 }],
    ['F23: fails with an HTML page (502)', { status: 502, body: '<html>Bad Gateway</html>', content_type: 'text/html' }],
    ['F16: says a length that is longer than its body', { content_length_delta: 10, chunked: false }, 'plain'],
    ['has no money left (400 that says so)', { status: 400, body: { error: { message: 'You exceeded your current quota, please check your plan and billing details.', type: 'insufficient_quota', code: 'insufficient_quota' } } }, 'openai'],
];

for (const [name, then, only] of unseen)
    test(`${name}: the next provider answers, on every endpoint, and nobody notices`, async t => {
        for (const endpoint of endpoints) {
            if (only === 'openai' && endpoint.name === 'messages') continue;
            for (const stream of [false, true]) {
                if (stream ? !endpoint.streams || only === 'plain' : only === 'stream') continue;
                await t.test(`${endpoint.name}${stream ? ', streamed' : ''}`, async () => {
                    const result = await with_trouble(endpoint, then, stream ? { stream } : {});
                    assert_whole(result.answer, endpoint, stream);
                    assert_failed_over(result, endpoint);
                });
            }
        }
    });

test('F01: nobody listens at the first provider: the second answers at once', async () => {
    await b.plays();
    const original = a.sim.base_url;
    await a.patch({ base_url: `http://127.0.0.1:${await dead_port()}/v1`, api_key: canary });
    try {
        for (const stream of [false, true]) {
            const answer = await server.call(at.chat, ask.chat('shared', { stream }));
            assert_whole(answer, endpoints[0], stream);
            assert.equal(answer.headers['x-auxot-provider'], b.slug);
        }
    } finally {
        await a.patch({ base_url: original, api_key: canary });
    }
    await until(async () => (await a.look()).status === 'online', 'a is online again with its old address');
});

test('F08: hangs before the head: after its time to the first byte the next one answers', () => with_timeouts({ first_byte_ms: 200, plain_ms: 200 }, async () => {
    for (const stream of [false, true]) {
        const result = await with_trouble(endpoints[0], { stall_before_head: true }, { stream });
        assert_whole(result.answer, endpoints[0], stream);
        assert_failed_over(result, endpoints[0]);
        const [first] = result.job.attempts;
        assert.ok(first.ended_at_ms - first.started_at_ms >= 150, 'not before the time was over');
    }
    const seen = (await a.sim.log()).at(-1);
    await until(async () => (await a.sim.log()).find(entry => entry.seq === seen.seq).ended === 'client_closed', 'the hanging upstream was closed');
}));

test('F08: hangs behind its head, before content: the same', () => with_timeouts({ first_byte_ms: 200, idle_ms: 200 }, async () => {
    const result = await with_trouble(endpoints[0], { stall_after_events: 0 }, { stream: true });
    assert_whole(result.answer, endpoints[0], true);
    assert_failed_over(result, endpoints[0]);
}));

test('a caller who has waited gets the head and keep-alives; failover stays open behind them', async () => {
    for (const endpoint of [endpoints[0], endpoints[1], endpoints[4]]) {
        const result = await with_trouble(endpoint, { delay_ms: 1500, status: 500 }, { stream: true });
        const is_ping = event => endpoint.name === 'messages' ? event.name === 'ping' : event.is_comment;
        const pings = result.answer.events.findIndex(event => !is_ping(event));
        assert.ok(pings >= 2, `${endpoint.name}: keep-alives first: ${pings}`);
        result.answer.events.splice(0, pings);
        assert_whole(result.answer, endpoint, true);
        assert.equal(result.job.provider.id, endpoint.second.id);
        assert.match(result.answer.headers['content-type'], /^text\/event-stream/);
    }
});

test('a final failure behind the late head is the error event of the dialect', async () => {
    for (const endpoint of [endpoints[0], endpoints[1], endpoints[4]]) {
        await endpoint.first.plays([{ then: { delay_ms: 800, status: 500 } }]);
        await endpoint.second.plays([{ then: { status: 500 } }]);
        const answer = await server.call(at[endpoint.name], ask[endpoint.name](endpoint.model, { stream: true }));
        assert.equal(answer.status, 200);
        assert_error_event(answer, endpoint);
        assert.equal((await server.job(answer.job_id)).status, 'failed');
    }
});

// `is_theirs`: the provider ended its stream with an error event of its own, which may come as it is.
function assert_error_event(answer, endpoint, is_theirs = false) {
    const last = answer.events.at(-1);
    if (endpoint.name === 'messages') {
        assert.equal(last.name, 'error', last.raw);
        assert.ok(last.json.error.type && last.json.error.message);
        assert.ok(!answer.events.some(event => event.name === 'message_stop'));
    } else if (endpoint.name === 'responses') {
        if (!is_theirs || last.json?.type !== 'error') {
            assert.equal(last.json?.type, 'response.failed', last.raw);
            assert.ok(last.json.response.id && last.json.response.error.code && last.json.response.error.message);
        }
        const numbers = answer.events.map(event => event.json?.sequence_number).filter(Number.isInteger);
        assert.deepEqual(numbers, [...numbers].sort((x, y) => x - y), 'sequence numbers grow');
        assert.equal(new Set(numbers).size, numbers.length, 'no sequence number twice');
        assert.ok(!answer.events.some(event => event.json?.type === 'response.completed'));
    } else {
        assert.ok(last.json?.error?.message && last.json.error.type, last.raw);
        assert.ok(!answer.events.some(event => event.data === '[DONE]'));
    }
}

const midway = [
    ['F07: closes in the middle', { events: 20, cut_after_events: 7 }],
    ['F07: resets in the middle', { events: 20, reset_after_events: 7 }],
    ['F07: tears a chunk in the middle', { events: 20, cut_after_events: 7, torn_chunk: true }],
    ['F21: says in the middle that it is overloaded', { events: 20, error_event_after: { events: 7, type: 'overloaded_error', message: 'Overloaded' } }],
    ['ends without its last event', { events: 20, no_terminal: true }],
];
for (const [name, then] of midway)
    test(`${name}: the stream ends with the dialect's error event; two answers are never spliced`, async () => {
        for (const endpoint of endpoints.filter(one => one.streams)) {
            if (then.no_terminal && ['chat', 'completions'].includes(endpoint.name)) continue; // [DONE] is not needed there
            const { answer, job } = await with_trouble(endpoint, then, { stream: true });
            assert.equal(answer.status, 200);
            const stamps = stamps_of(text_of(answer.events));
            assert.ok(stamps.count >= 1 && stamps.requests === 1 && stamps.in_order, `${endpoint.name}: ${JSON.stringify(stamps)}`);
            assert_error_event(answer, endpoint, Boolean(then.error_event_after));
            assert.equal(job.status, 'failed');
            assert.deepEqual(job.attempts.map(attempt => attempt.provider.id), [endpoint.first.id]);
            assert.equal(answer.headers['x-auxot-provider'], endpoint.first.slug);
        }
    });

test('F09: silence in the middle: keep-alives, then at the deadline the error event', () => with_timeouts({ idle_ms: 1200 }, async () => {
    const { answer, job } = await with_trouble(endpoints[0], { events: 20, stall_after_events: 5 }, { stream: true });
    assert.ok(answer.events.filter(event => event.is_comment).length >= 2, 'keep-alives in the silence');
    assert_error_event(answer, endpoints[0]);
    assert.equal(job.status, 'failed');
    assert.match(job.attempts[0].reason, /idle|timeout|silent|stall/);
}));

test('F10: a trickle of single bytes is relayed correctly', async () => {
    const then = { text: 'Grüße世😀', trickle_ms: 1, chunked: false, close: true };
    await a.plays([{ then }]);
    await c.plays([{ then }]);
    await Promise.all([endpoints[0], endpoints[4]].map(async endpoint => {
        const answer = await server.call(at[endpoint.name], ask[endpoint.name](endpoint.model, { stream: true }), { timeout: 60_000 });
        assert.equal(text_of(answer.events), 'Grüße世😀', endpoint.name);
        assert.equal((await server.job(answer.job_id)).attempts.length, 1);
    }));
});

test('F12: a storm of 1xx heads is not an answer', async () => {
    const { answer } = await with_trouble(endpoints[0], { informational: 50_000 });
    assert.equal(answer.status, 200);
    const few = await with_trouble(endpoints[0], { informational: 2, text: 'hello' });
    assert.equal(few.answer.json.choices[0].message.content, 'hello', 'a few are read over');
    assert.equal(few.job.attempts.length, 1);
});

test('F16: bytes behind an answer are never fed to the next request', async () => {
    await a.plays([{ when: { nth: 1 }, then: { content_length_delta: -5, chunked: false } }, { then: { text: 'mine' } }]);
    await b.plays([{ then: { text: 'mine' } }]);
    await server.call(at.chat, ask.chat('shared'));
    for (let i = 0; i < 5; i++)
        assert.equal((await server.call(at.chat, ask.chat('shared'))).json.choices[0].message.content, 'mine');
});

test('a reused connection that the provider had closed is not an attempt', async () => {
    let socket_of_last;
    const answers = '{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}';
    let dies = false;
    const hand = await HandMade.start((request, socket) => {
        if (dies && socket === socket_of_last) { dies = false; socket.destroy(); return; }
        socket_of_last = socket;
        answer_with(socket, answers);
    }, ['only-hand']);
    here.upstreams.push({ sim: hand });
    const made = await server.api('POST', '/api/providers', { type: 'openai', name: 'hand', api_key: canary, base_url: hand.url });
    for (let i = 0; i < 8; i++) {
        dies = i % 2 === 1;
        const answer = await server.call(at.chat, ask.chat('only-hand'));
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['x-auxot-attempts'], '1');
    }
    await server.api('DELETE', `/api/providers/${made.id}`);
});

const faults = [
    [400, { message: "Invalid 'temperature'", type: 'invalid_request_error', code: 'decimal_above_max_value', param: 'temperature' }],
    [404, { message: 'There is no such thing', type: 'invalid_request_error', code: 'no_such_thing', param: null }],
    [413, { message: 'Too large', type: 'invalid_request_error', code: null, param: null }],
    [422, { message: 'Unprocessable', type: 'invalid_request_error', code: null, param: null }],
];
for (const [status, error] of faults)
    test(`a ${status} that the caller caused reaches the caller as it came, and nobody else is asked`, async () => {
        const seen = (await b.sim.log()).length;
        for (const stream of [false, true]) {
            const { answer, job } = await with_trouble(endpoints[0], { status, body: { error } }, { stream });
            assert.equal(answer.status, status);
            assert.deepEqual(answer.json, { error });
            assert.equal(answer.headers['x-should-retry'], 'false');
            assert.equal(job.status, 'failed');
            assert.equal(job.attempts.length, 1);
        }
        assert.equal((await b.sim.log()).length, seen);
        assert.equal((await a.look()).status, 'online', 'and the provider is not blamed');
    });

test('content that a provider refuses is not tried elsewhere', async () => {
    const body = { error: { message: 'Your request was rejected as a result of our safety system.', type: 'invalid_request_error', code: 'content_policy_violation', param: null } };
    const { answer, job } = await with_trouble(endpoints[0], { status: 400, body });
    assert.equal(answer.status, 400);
    assert.equal(job.attempts.length, 1);
});

test('a provider that refuses stream_options is asked again without it; that is not an attempt, and it is remembered', async () => {
    await a.plays([{ when: { body_contains: 'stream_options' }, then: { status: 400,
        body: { error: { message: 'Unrecognized request argument supplied: stream_options', type: 'invalid_request_error', code: 'unknown_parameter', param: 'stream_options' } } } }, { then: {} }]);
    await b.plays();
    const seen = (await a.sim.log()).length;
    for (let i = 0; i < 3; i++) {
        const answer = await server.call(at.chat, ask.chat('shared', { stream: true }));
        assert_whole(answer, endpoints[0], true);
        assert.equal(answer.headers['x-auxot-provider'], a.slug);
        assert.equal(answer.headers['x-auxot-attempts'], '1');
        assert.equal((await server.job(answer.job_id)).attempts.length, 1);
    }
    const asked = (await a.sim.log()).slice(seen);
    assert.deepEqual(asked.map(entry => entry.body.includes('stream_options')), [true, false, false, false]);
    assert.equal(asked[0].x_client_request_id, asked[1].x_client_request_id);
});

test('F24: all are down: a fast error that says so, and every provider was asked once', async () => {
    for (const endpoint of [endpoints[0], endpoints[4]]) {
        await endpoint.first.plays([{ then: { status: 500 } }]);
        await endpoint.second.plays([{ then: { reset_before_head: true } }]);
        const answer = await server.call(at[endpoint.name], ask[endpoint.name](endpoint.model));
        assert.equal(answer.status, 502, answer.text);
        assert.ok(answer.json.error.message.length > 10);
        const job = await server.job(answer.job_id);
        assert.equal(job.status, 'failed');
        assert.deepEqual(job.attempts.map(attempt => attempt.outcome), ['failed', 'failed']);
        assert.equal((await endpoint.first.sim.requests_of(job.id)).length, 1);
    }
});

test('F20: everybody is over quota, and the caller will not wait: 429 with the smallest wait; nobody is asked during the rest', async () => {
    const no_wait = { headers: { 'x-auxot-wait': '0' } };
    await a.plays([{ then: { status: 429, retry_after: '40' } }]);
    await b.plays([{ then: { status: 429, retry_after: '9' } }]);
    const first = await server.call(at.chat, ask.chat('shared'), no_wait);
    assert.equal(first.status, 429);
    const seen = [(await a.sim.log()).length, (await b.sim.log()).length];
    const second = await server.call(at.chat, ask.chat('shared'), no_wait);
    assert.equal(second.status, 429);
    for (const answer of [first, second])
        assert.ok(Number(answer.headers['retry-after']) >= 1 && Number(answer.headers['retry-after']) <= 10, `retry-after ${answer.headers['retry-after']}`);
    assert.deepEqual([(await a.sim.log()).length, (await b.sim.log()).length], seen);
    assert.equal((await a.look()).status, 'over_quota');
});

test('everybody is over quota for a moment: who may wait, waits, and is answered; one request finds out', async () => {
    await a.plays([{ then: { status: 429, retry_after: '40' } }]);
    await b.plays([{ then: { status: 429, retry_after: '2' } }]);
    await server.call(at.chat, ask.chat('shared'));
    await b.sim.plays();
    const seen = (await b.sim.log()).length, began = Date.now();
    const answers = await Promise.all([0, 1, 2].map(() => server.call(at.chat, ask.chat('shared'))));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200], answers[0].text);
    assert.ok(Date.now() - began > 1000, 'they waited for the reset');
    assert.ok(answers.every(({ headers }) => headers['x-auxot-provider'] === b.slug));
    assert.equal((await b.sim.log()).length, seen + 3);
});

for (const [what, then] of [['says 429 too', { status: 429, retry_after: '40' }], ['fails', { status: 500 }]])
    test(`one is over its quota for a moment, the other ${what}: who may wait, waits for the reset, and is answered`, async () => {
        await a.plays([{ then: { status: 429, retry_after: '40' } }]);
        await b.plays([{ then: { status: 429, retry_after: '2' } }]);
        await server.call(at.chat, ask.chat('shared'), { headers: { 'x-auxot-wait': '0' } });
        await a.plays([{ then }]);
        await b.sim.plays();
        const at_once = await server.call(at.chat, ask.chat('shared'), { headers: { 'x-auxot-wait': '100ms' } });
        assert.equal(at_once.status, then.status === 429 ? 429 : 502, 'the reset comes too late for this one, so it hears at once what went wrong');
        await a.plays([{ then }]);
        const answer = await server.call(at.chat, ask.chat('shared'));
        assert.deepEqual([answer.status, answer.headers['x-auxot-provider']], [200, b.slug], answer.text);
        const { attempts } = await server.job(answer.job_id);
        assert.deepEqual(attempts.map(({ provider, outcome }) => [provider.name, outcome]), [['a', 'failed'], ['b', 'ok']]);
    });

test('F20: absurd times to come back are clamped', async () => {
    for (const retry_after of ['1000000000', '-5', 'soon', 'Wed, 21 Oct 2015 07:28:00 GMT']) {
        const { answer } = await with_trouble(endpoints[0], { status: 429, retry_after });
        assert.equal(answer.status, 200);
        const { status, deprioritised_until_ms } = await a.look();
        assert.equal(status, 'over_quota', retry_after);
        assert.ok(deprioritised_until_ms > Date.now() - 1000 && deprioritised_until_ms < Date.now() + 28 * 3600_000, `${retry_after}: ${deprioritised_until_ms}`);
    }
});

test('F20: a date is a time to come back as well', async () => { // and up to a tenth more: who was told the same does not come all at once
    const { answer } = await with_trouble(endpoints[0], { status: 429, retry_after: new Date(Date.now() + 30_000).toUTCString() });
    assert.equal(answer.status, 200);
    const { status, deprioritised_until_ms } = await a.look();
    assert.equal(status, 'over_quota');
    assert.ok(deprioritised_until_ms > Date.now() + 15_000 && deprioritised_until_ms <= Date.now() + 33_500, `${deprioritised_until_ms - Date.now()} ms`);
});

for (const [name, then] of [['529', { status: 529, retry_after: '1' }], ['503 with its word', { status: 503, retry_after: '1', body: { error: { type: 'overloaded_error', message: 'Overloaded' } } }],
    ['an error event in a 200', { error_event_after: { events: 0, type: 'overloaded_error', message: 'Overloaded' } }]])
    test(`F21: overloaded (${name}): it stands behind the others and is left alone meanwhile; recovered, it is back by itself`, async () => {
        const stream = { stream: true };
        const { answer, job } = await with_trouble(endpoints[0], then, stream);
        assert_whole(answer, endpoints[0], true);
        assert_failed_over({ answer, job }, endpoints[0]);
        assert.equal((await a.look()).status, 'degraded');
        const seen = (await a.sim.log()).length;
        for (let i = 0; i < 5; i++) assert.equal((await server.call(at.chat, ask.chat('shared', stream))).headers['x-auxot-provider'], b.slug);
        assert.equal((await a.sim.log()).length, seen, 'no retries at a provider that is overloaded');
        await a.sim.plays();
        if (then.error_event_after) { // no time was given: its 60 s are not waited for, a first success ends them
            assert.equal((await server.call(at.chat, ask.chat('only-a', stream))).headers['x-auxot-provider'], a.slug);
        }
        await until(async () => (await server.call(at.chat, ask.chat('shared', stream))).headers['x-auxot-provider'] === a.slug, 'a answers again', 50_000);
        assert.equal((await a.look()).status, 'online');
    });

test('F20: after its rest one request tries it again', async () => {
    await with_trouble(endpoints[0], { status: 429, retry_after: '1' });
    await a.sim.plays();
    await until(async () => (await server.call(at.chat, ask.chat('shared'))).headers['x-auxot-provider'] === a.slug, 'a answers again');
    assert.equal((await a.look()).status, 'online');
});

test('F22: a revoked key: the provider shows error with the reason and is asked no more; a new key helps at once', async () => {
    await a.plays([{ then: { status: 401 } }, { then: { models_status: 401 } }]);
    await b.plays();
    await server.call(at.chat, ask.chat('shared'));
    const shown = await a.look();
    assert.equal(shown.status, 'error');
    assert.match(shown.error, /key/i);
    assert.ok(!JSON.stringify(shown).includes(canary));
    const seen = (await a.sim.log()).length;
    for (let i = 0; i < 5; i++) assert.equal((await server.call(at.chat, ask.chat('shared'))).headers['x-auxot-provider'], b.slug);
    assert.equal((await a.sim.log()).length, seen);
    await a.sim.plays();
    await a.patch({ api_key: `${canary}-new` });
    await until(async () => (await server.call(at.chat, ask.chat('shared'))).headers['x-auxot-provider'] === a.slug, 'a answers again');
});

test('F22: a key that is refused for answers but may still list models gets no second try within seconds', async () => {
    await a.plays([{ then: { status: 401 } }]);
    await b.plays();
    await server.call(at.chat, ask.chat('shared'));
    const seen = (await a.sim.log()).length, end = Date.now() + 2500;
    while (Date.now() < end) assert.equal((await server.call(at.chat, ask.chat('shared'))).headers['x-auxot-provider'], b.slug);
    assert.equal((await a.sim.log()).length, seen, 'at most one try in 30 s');
});

test('"this model is gone" at one provider moves on for auto, and only that model is blamed', async () => {
    await server.api('PATCH', '/api/routing', { auto: { provider: a.id, model: 'only-a' } });
    await a.plays([{ when: { model: 'only-a' }, then: { status: 404, body: { error: { message: 'The model `only-a` does not exist', type: 'invalid_request_error', code: 'model_not_found', param: 'model' } } } }, { then: {} }]);
    await b.plays();
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await a.look()).status, 'online');
    assert.equal((await server.call(at.chat, ask.chat('shared'))).headers['x-auxot-provider'], a.slug);
    await server.api('PATCH', '/api/routing', { auto: null });
});

test('a pinned provider has no failover: its trouble is the answer', async () => {
    await a.plays([{ then: { status: 500 } }]);
    await b.plays();
    const answer = await server.call(at.chat, ask.chat('shared'), { headers: { 'x-auxot-provider': a.slug } });
    assert.equal(answer.status, 502, answer.text);
    assert.equal((await server.job(answer.job_id)).attempts.length, 1);
});

test('failover does not lose the request: the second gets the same body', async () => {
    const body = ask.chat('shared', { user: 'Grüße '.repeat(2000), x_unknown: [1.0, { deep: null }] });
    await a.plays([{ then: { status: 500 } }]);
    await b.plays();
    const answer = await server.call(at.chat, body);
    const [[first], [second]] = [await a.sim.requests_of(answer.job_id), await b.sim.requests_of(answer.job_id)];
    assert.equal(second.body, first.body);
    assert.equal(second.body, JSON.stringify(body));
    assert.deepEqual([first, second].map(entry => entry.x_client_request_id), [`${answer.job_id}-1`, `${answer.job_id}-2`]);
});

test('others were served all the while, and the ledgers agree (I1 to I5, I8, I9, I11, I12)', others_end);
closing(here);
