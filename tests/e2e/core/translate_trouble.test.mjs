// Translation in trouble: the provider's errors in the caller's words, streams that break, lie or are garbage (F15, F25), and
// failover from one dialect to another before anybody has heard a word (I3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';
import { at, closing, upstream } from '../lib/scene.mjs';
import { crossing, cast } from '../lib/crossing.mjs';
import { callers } from '../lib/callers.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';

const here = await crossing();
const { server } = here;
const hi = { turns: [{ user: 'hi' }] };
const foreign = ways => ways.filter(({ caller, to }) => caller.name !== to && !(caller.name === 'chat' && to === 'llama'));
const to_all = { to: ['chat', 'responses', 'messages', 'llama'] };

/* ---- refusals of the provider ------------------------------------------------------------------- */

const openai_says = (message, type, code = null, param = null) => ({ error: { message, type, param, code } });
const anthropic_says = (message, type) => ({ type: 'error', error: { details: null, type, message }, request_id: 'req_1' });
const llama_says = (message, type, code, more = {}) => ({ error: { code, message, type, ...more } });
const by = (to, openai, anthropic, llama) => ({ chat: openai, responses: openai, messages: anthropic, llama })[to];

const classes = {
    openai: { 400: OpenAI.BadRequestError, 404: OpenAI.NotFoundError, 413: OpenAI.APIError, 429: OpenAI.RateLimitError },
    anthropic: { 400: Anthropic.BadRequestError, 404: Anthropic.NotFoundError, 413: Anthropic.APIError, 429: Anthropic.RateLimitError },
};
// The error as the caller's client throws it, whatever the shape at the provider.
async function refused(way, then, wanted) {
    await way.provider.plays([{ then }]);
    const side = way.caller.name === 'messages' ? 'anthropic' : 'openai';
    let thrown;
    await assert.rejects(way.caller.ask(server, way.body(hi), { stream: way.stream }), error => { thrown = error; return true; });
    assert.ok(thrown instanceof classes[side][wanted], `${wanted}: ${thrown.status} ${thrown.message}`);
    const body = thrown.error;
    if (side === 'anthropic') assert.equal(body.type, 'error', JSON.stringify(body));
    else assert.ok('message' in body && 'type' in body && 'param' in body && 'code' in body, JSON.stringify(body));
    return { thrown, error: side === 'anthropic' ? body.error : body };
}

// llama-server says 500 for what the caller did wrong: nobody is to ask again, or to think less of it.
for (const way of here.ways({ to: ['llama'] }))
    test(`${way.title}: its 500 for the caller's own fault is a 400, and not its fault`, async () => {
        for (const message of ['image input is not supported - hint: if this is unexpected, you may need to provide the mmproj', "Failed to parse messages: Missing 'role' in message: {}",
            'While executing CallExpression at line 47, column 32 in source:\n...\nError: Jinja Exception: No user query found in messages.']) {
            await way.provider.plays([{ then: { status: 500, body: llama_says(message, 'server_error', 500) } }]);
            const thrown = await way.caller.ask(server, way.body(hi), { stream: way.stream }).then(() => assert.fail('heard'), error => error);
            assert.ok(thrown.status === 400 && thrown.message.includes(message.slice(-30)), `${thrown.status} ${thrown.message}`);
            const job = await server.job(thrown.headers.get('x-auxot-job'));
            assert.equal(thrown.headers.get('x-should-retry'), 'false');
            assert.deepEqual([job.status, job.reason, job.http_status, job.attempts.length, job.attempts[0].http_status], ['failed', 'bad_request', 400, 1, 500]);
        }
        assert.equal((await way.provider.look()).status, 'online');
    });

for (const way of foreign(here.ways(to_all))) {
    const { title, caller, to } = way;
    test(`${title}: what the provider refuses is refused in the caller's shape, in the provider's words`, async () => {
        const says = by(to, openai_says('Something of yours is wrong.', 'invalid_request_error'), anthropic_says('Something of yours is wrong.', 'invalid_request_error'), llama_says('Something of yours is wrong.', 'invalid_request_error', 400));
        const { error } = await refused(way, { status: 400, body: says }, 400);
        assert.match(error.message, /Something of yours is wrong\./);
        assert.equal(error.type, 'invalid_request_error');
    });

    test(`${title}: a model that is not there, a body that is too large, a limit with its time`, async () => {
        const none = by(to, openai_says('The model does not exist', 'invalid_request_error', 'model_not_found'), anthropic_says('model: nope', 'not_found_error'), llama_says('model not found', 'not_found_error', 404));
        const missing = await refused(way, { status: 404, body: none }, 404);
        assert.equal(missing.error.type, caller.name === 'messages' ? 'not_found_error' : 'invalid_request_error');
        const large = by(to, openai_says('Request too large.', 'invalid_request_error'), anthropic_says('Request exceeds the maximum size', 'request_too_large'), llama_says('too large', 'invalid_request_error', 413));
        const heavy = await refused(way, { status: 413, body: large }, 413);
        assert.equal(heavy.thrown.status, 413);
        const busy = by(to, openai_says('Rate limit reached', 'requests', 'rate_limit_exceeded'), anthropic_says('Number of request tokens has exceeded', 'rate_limit_error'), llama_says('slow down', 'rate_limit_error', 429));
        const limit = await refused(way, { status: 429, retry_after: '7', body: busy }, 429);
        assert.ok(Number(limit.thrown.headers.get('retry-after')) >= 1, 'says when');
        assert.match(limit.error.type, caller.name === 'messages' ? /rate_limit_error/ : /./);
    });

    test(`${title}: a prompt that is too long is too long in the words that clients look for`, async () => {
        const says = by(to, openai_says("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.", 'invalid_request_error', 'context_length_exceeded', 'messages'),
            anthropic_says('prompt is too long: 9000 tokens > 8192 maximum', 'invalid_request_error'),
            llama_says('the request exceeds the available context size, try increasing it', 'exceed_context_size_error', 400, { n_prompt_tokens: 9000, n_ctx: 8192 }));
        const { error } = await refused(way, { status: 400, body: says }, 400);
        if (caller.name === 'messages') {
            assert.equal(error.type, 'invalid_request_error');
            assert.match(error.message, /prompt is too long: 9000 tokens > 8192 maximum/);
        } else {
            assert.equal(error.code, 'context_length_exceeded');
        }
    });
}

/* ---- streams that go wrong ---------------------------------------------------------------------- */

const raw = (way, more) => server.call(at[way.caller.name], { ...way.body(hi), stream: true, ...(way.caller.name === 'chat' ? { stream_options: { include_usage: true } } : {}), ...more });
// The end of a stream that failed: the caller's own error event, last, and no word of success.
function assert_ends_in_error(way, answer) {
    const last = answer.events.filter(event => !event.is_comment).at(-1);
    const all = answer.events.map(event => event.data).join('\n');
    for (const event of answer.events) assert.ok(event.is_comment || event.data === '[DONE]' || event.json !== undefined, `no JSON: ${event.data}`);
    if (way.caller.name === 'chat') {
        assert.ok(last.json?.error?.message && 'type' in last.json.error, last.data);
        assert.ok(!all.includes('[DONE]') && !all.includes('"finish_reason":"stop"'), all.slice(-400));
    } else if (way.caller.name === 'responses') {
        assert.equal(last.json.type, 'response.failed', last.data);
        assert.ok(last.json.response.id.startsWith('resp_') && last.json.response.error.code, last.data);
        const numbers = answer.events.filter(event => event.json).map(event => event.json.sequence_number);
        assert.deepEqual(numbers, numbers.map((_, index) => index), 'numbers without a gap');
        assert.ok(!all.includes('"response.completed"'));
    } else {
        assert.deepEqual([last.name, last.json.type], ['error', 'error'], last.data);
        assert.ok(!all.includes('"message_stop"'));
    }
}

for (const way of foreign(here.ways({ ...to_all, streams: [true] }))) {
    const { title, provider } = way;
    const breaks = { 'an error event': { error_event_after: 6 }, 'a cut': { cut_after_events: 6 }, 'a reset': { reset_after_events: 6 }, 'no end': { no_terminal: true, events: 6, cut_after_events: 6 } };
    for (const [what, then] of Object.entries(breaks))
        test(`${title}: ${what} in mid-stream becomes the caller's own error event, and what was said is billed`, async () => {
            await provider.plays([{ then: { events: 12, ...then } }]);
            const answer = await raw(way);
            assert.equal(answer.status, 200);
            assert_ends_in_error(way, answer);
            const stamps = stamps_of(text_of(answer.events));
            assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [6, 1, true]);
            const job = await server.job(answer.job_id);
            assert.equal(job.status, 'failed');
            assert.ok(job.output_tokens >= 1, 'honest usage');
            const ended = await way.caller.ask(server, way.body(hi), { stream: true }).then(heard => heard.final.status, () => 'thrown');
            assert.equal(ended, way.caller.name === 'responses' ? 'failed' : 'thrown', 'as the client of the vendor sees it');
        });
}

// Bytes that no dialect has. Before and after them stands what a stream of the provider's dialect is.
const opening = {
    chat: 'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"One "},"finish_reason":null}]}\n\n',
    responses: 'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","output":[]}}\n\n'
        + 'data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","status":"in_progress","content":[]}}\n\n'
        + 'data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}\n\n'
        + 'data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"One "}\n\n',
    messages: 'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
        + 'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
        + 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"One "}}\n\n',
};
const rubbish = ['data: {"choices":[{"index":0,"del\n\n', 'data: hello there\n\n', '<html><body>502</body></html>\n\n', 'data: [1,2,3]\n\n', 'data: {"type":"made_up","x":1}\n\n', `data: ${'['.repeat(500)}\n\n`,
    'data: {"type":7,"choices":{"a":1},"delta":[]}\n\n', 'data: {"choices":[{"index":0,"delta":{"content":7,"tool_calls":{"a":1}}}]}\n\n', 'event: content_block_delta\ndata: {"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":"stray"}}\n\n',
    'data: {"type":"response.output_text.delta","output_index":-5,"content_index":99999999999,"delta":{}}\n\n', ': comment\n\n', 'data:\n\n', 'data: "\\ud800"\n\n'];
const as_raw = body => ({ raw_base64: Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n'), Buffer.from(body)]).toString('base64') });

for (const way of foreign(here.ways({ streams: [true] })))
    test(`${way.title}: F15: garbage in a stream: each event that the caller gets is JSON, the end is honest`, async () => {
        for (const bytes of rubbish) {
            await way.provider.plays([{ then: as_raw(opening[way.to] + bytes) }]);
            const answer = await raw(way);
            assert.equal(answer.status, 200, bytes);
            assert_ends_in_error(way, answer);
            assert.ok(text_of(answer.events).startsWith('One '), bytes);
            assert.equal((await server.job(answer.job_id)).status, 'failed', bytes);
        }
    });

for (const way of foreign(here.ways({ streams: [true] })))
    test(`${way.title}: F15: bytes that are no UTF-8 never reach the caller's JSON`, async () => {
        const bad = Buffer.from(opening[way.to].replace('One ', 'Tw\xff\xfe '), 'latin1');
        await way.provider.plays([{ then: as_raw(Buffer.concat([Buffer.from(opening[way.to]), bad])) }]);
        const answer = await raw(way);
        assert.ok(answer.body.equals(Buffer.from(answer.body.toString('utf8'))), 'well-formed');
        assert_ends_in_error(way, answer);
    });

for (const way of foreign(here.ways({ ...to_all })))
    test(`${way.title}: F25: usage that is missing, negative, absurd or late does no harm`, async () => {
        for (const usage of [null, { input_tokens: -5, output_tokens: -1 }, { input_tokens: 1e15, output_tokens: 1e15 }, 'after_done', { input_tokens: 10, output_tokens: 2, cached_tokens: 5000 }]) {
            await way.provider.plays([{ then: { text: 'one two three', usage } }]);
            const { heard, job } = await way.say(hi);
            assert.equal(heard.text, 'one two three', JSON.stringify(usage));
            for (const count of [heard.usage.input, heard.usage.output, heard.usage.cached ?? 0, job.input_tokens ?? 0, job.output_tokens ?? 0])
                assert.ok(Number.isInteger(count) && count >= 0 && count < 1e9, `${JSON.stringify(usage)}: ${JSON.stringify(heard.usage)} ${job.input_tokens} ${job.output_tokens}`);
        }
    });

/* ---- failover across dialects -------------------------------------------------------------------- */

const troubles = {
    'closes without a word': { reset_before_head: true }, 'dies behind its head': { cut_after_events: 0 }, 'is over its limit': { status: 429, retry_after: '300' },
    'is overloaded inside a 200': { error_event_after: { events: 0, type: 'overloaded_error', message: 'Overloaded' } }, 'refuses its key': { status: 401 }, fails: { status: 500 },
    'answers with garbage': { garbage: true },
};
const pairs = [['chat', 'messages'], ['messages', 'chat'], ['responses', 'messages'], ['messages', 'responses'], ['chat', 'responses'], ['llama', 'messages']];
let number = 0;
for (const [first, second] of pairs)
    test(`from ${first} to ${second}: whatever happens before the first word, the caller gets one whole answer of the second`, async () => {
        const model = `shared-${++number}`, route = `route-${number}`;
        const one = await upstream(here, `first-${number}`, { ...cast[first], models: [model] });
        const two = await upstream(here, `second-${number}`, { ...cast[second], models: [model] });
        await server.api('POST', '/api/routes', { name: route, steps: [one, two].map(({ id }) => ({ provider: id, model, when: 'always' })) });
        for (const caller of Object.values(callers))
            for (const stream of [false, true])
                for (const [what, then] of Object.entries(troubles)) {
                    await one.plays([{ then: { events: 20, ...then } }]);
                    await two.plays([{ then: { events: 20 } }]);
                    const heard = await caller.ask(server, caller.body(route, hi), { stream });
                    const stamps = stamps_of(heard.text);
                    const where = `${caller.name}, ${stream}: the first ${what}`;
                    assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [20, 1, true], where);
                    assert.equal(heard.headers.get('x-auxot-provider'), two.slug, where);
                    const job = await server.job(heard.headers.get('x-auxot-job'));
                    assert.deepEqual(job.attempts.map(attempt => attempt.outcome === 'ok'), [false, true], where);
                    const [seen] = await two.sim.requests_of(job.id);
                    assert.equal(seen.seq, stamps.request, `${where}: the stamps are those of the second`);
                }
    });

test('a pinned provider is no reason to be silent: nobody else is asked, and the error is in the caller\'s shape', async () => {
    await here.chat.plays([{ then: { status: 500 } }]);
    const answer = await server.call(at.messages, callers.messages.body('auto', hi), { headers: { 'x-auxot-provider': here.chat.slug } });
    assert.ok(answer.status >= 500);
    assert.equal(answer.json.type, 'error');
    assert.equal((await server.job(answer.job_id)).attempts.length, 1);
});

closing(here);
