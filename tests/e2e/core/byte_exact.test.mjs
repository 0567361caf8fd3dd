// Same dialect in and out: the bytes pass through. Here the upstream is made by hand, so that each
// byte of both directions is known.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { HandMade, answer_with } from '../lib/sim.mjs';

const here = await scene({});
const { server } = here;
const sha = bytes => createHash('sha256').update(bytes).digest('hex');

let play = (request, socket) => answer_with(socket, '{}');
const hand = await HandMade.start((request, socket) => play(request, socket), ['hand-made', 'über/模型']);
here.upstreams.push({ sim: hand });
const provider = {};
for (const type of ['openai', 'anthropic'])
    provider[type] = await server.api('POST', '/api/providers', { type, name: `hand ${type}`, api_key: canary, base_url: hand.url });

// Who answers it untranslated: either of them is a candidate.
const native = where => provider[where.startsWith('/api/anthropic') ? 'anthropic' : 'openai'];
const pin = where => ({ headers: { 'x-auxot-provider': native(where).slug } });

// Sends exact bytes, gives what the upstream got and what came back.
async function through(where, body, options = {}) {
    hand.requests.length = 0;
    const answer = await server.call(where, body, options);
    return { answer, seen: hand.requests.at(-1), count: hand.requests.length };
}
const plain_chat = '{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}';
const plain_message = '{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}';

// Odd but lawful: spacing, escapes, unknown members, numbers as no printer would write them, model late, keys escaped.
const odd_members = String.raw`  "zeta" : [ 1.0e+00 , 1234567890123456789, -0.0,1.10E-7 ] ,
	"x_unknown":{"deep":[[[[{"\u0061":"\ud83d\ude00 \/ \b\f\n\r\t"}]]]]},"empty":{},"list":[ ],
 "messages":[{"role":"user","content":"Grüße, 世界 \u00fc 😀 \u2028","weird":null}]`;

const cases = [
    { endpoint: 'chat', model: 'hand-made', body: `\n{${odd_members}, "model" : "hand-made" }  \n` },
    { endpoint: 'chat', model: 'über/模型', body: `{"model":"über/模型",${odd_members}}` },
    { endpoint: 'responses', model: 'hand-made', body: `{"input" :"hi","store" : false,${odd_members},"model":"hand-made"}` },
    { endpoint: 'embeddings', model: 'hand-made', body: `{"input":["a" , "b"], "x":1.10,"model":"hand-made"}` },
    { endpoint: 'completions', model: 'hand-made', body: `{ "prompt":"hi", "x":1.10 ,"model":"hand-made"}` },
    { endpoint: 'messages', model: 'hand-made', body: `{${odd_members},"max_tokens":10,"model":"hand-made","thinking":{"type":"adaptive"},"context_management":{"edits":[]}}` },
    { endpoint: 'count_tokens', model: 'hand-made', body: `{${odd_members},"model":"hand-made"}` },
];

for (const { endpoint, body, model } of cases)
    test(`${endpoint}: the request's bytes reach the upstream as they were (model ${model})`, async () => {
        play = (request, socket) => answer_with(socket, endpoint === 'messages' ? plain_message
            : endpoint === 'count_tokens' ? '{"input_tokens":3}' : endpoint === 'embeddings' ? '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"usage":{"prompt_tokens":1,"total_tokens":1}}'
            : endpoint === 'responses' ? '{"id":"resp_1","object":"response","status":"completed","output":[{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"ok","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}'
            : plain_chat.replace('"message":{"role":"assistant","content":"ok"}', endpoint === 'completions' ? '"text":"ok"' : '"message":{"role":"assistant","content":"ok"}'));
        const { answer, seen, count } = await through(at[endpoint], body, pin(at[endpoint]));
        assert.equal(answer.status, 200, answer.text);
        assert.equal(count, 1);
        assert.equal(seen.body.toString(), body);
        assert.match(seen.path, new RegExp(`^(/v1)?/${at[endpoint].replace(/^.*\/v1\//, '')}$`));
    });

test('a model given as auto, or with the provider in front, is the only thing that changes', async () => {
    play = (request, socket) => answer_with(socket, plain_chat);
    for (const asked of ['auto', `${provider.openai.slug}/hand-made`, `${provider.openai.slug}/über/模型`]) {
        const body = `{${odd_members}, "model" :  ${JSON.stringify(asked)} , "n":1}`;
        const { answer, seen } = await through(at.chat, body);
        assert.equal(answer.status, 200, answer.text);
        const became = asked === 'auto' ? provider.openai.default_model : asked.slice(provider.openai.slug.length + 1);
        assert.equal(seen.body.toString(), body.replace(JSON.stringify(asked), JSON.stringify(became)));
        if (/^[ -~]*$/.test(became)) assert.equal(answer.headers['x-auxot-model'], became);
    }
});

// What stands in `changed` and not in `original`, when exactly one piece was put in.
function inserted(original, changed) {
    let head = 0, tail = 0;
    while (head < original.length && original[head] === changed[head]) head++;
    while (tail < original.length - head && original.at(-1 - tail) === changed.at(-1 - tail)) tail++;
    return head + tail === original.length ? changed.slice(head, changed.length - tail) : null;
}

test('the usage option is put into a streamed chat, and nothing else; an option given is kept', async () => {
    play = (request, socket) => answer_with(socket, sse_text, { type: 'text/event-stream' });
    const body = `{ "stream":true ,${odd_members},"model":"hand-made"}`;
    const { seen } = await through(at.chat, body);
    const piece = inserted(body, seen.body.toString());
    assert.ok(piece, 'one insertion');
    assert.match(piece, /"stream_options"\s*:\s*\{\s*"include_usage"\s*:\s*true\s*\}/);

    const with_option = `{"model":"hand-made","stream":true,"stream_options" : { "x":[1.50], "include_usage": true },"messages":[]}`;
    assert.equal((await through(at.chat, with_option)).seen.body.toString(), with_option);

    const with_false = `{"model":"hand-made","stream":true,"stream_options" : { "x":[1.50], "include_usage": false },"messages":[]}`;
    const changed = (await through(at.chat, with_false)).seen.body.toString();
    assert.deepEqual(JSON.parse(changed).stream_options, { x: [1.5], include_usage: true });
    assert.ok(changed.includes('"x":[1.50]'));

    const unstreamed = `{"model":"hand-made","messages":[],"stream":false}`;
    play = (request, socket) => answer_with(socket, plain_chat);
    assert.equal((await through(at.chat, unstreamed)).seen.body.toString(), unstreamed);
});

const sse_text = [
    'data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}\n\n',
    ': a comment\n\n',
    'event: x.unknown\nid: 7\nretry: 10\ndata: {"surprise": [ 1.0 ] }\n\n',
    'data:{"id":"c1","choices":[{"index":0,"delta":{"content":"Grüße 世界 😀"},"finish_reason":null}],"usage":null,"x_unknown":{"a":1e+2}}\n\n',
    'data:  {"id":"c1",  "choices":[{"index":0,"delta":{"content":" two"},"finish_reason":null}]}\n\n',
    'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
].join('') + 'USAGE' + 'data: [DONE]\n\n';
const usage_chunk = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}\n\n';
const with_usage = sse_text.replace('USAGE', usage_chunk), without_usage = sse_text.replace('USAGE', '');

// Pieces of a stream: at once, byte by byte, or at places that a seeded generator picks.
function pieces_of(bytes, how) {
    if (how === 'whole') return [bytes];
    if (how === 'bytes') return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    let state = 42;
    const pieces = [];
    for (let from = 0; from < bytes.length;) {
        state = (state * 1103515245 + 12345) % 2147483648;
        const len = 1 + state % 97;
        pieces.push(bytes.subarray(from, from + len));
        from += len;
    }
    return pieces;
}

function stream_as(text, how, framing, type = 'text/event-stream; charset=utf-8') {
    const bytes = Buffer.from(text);
    return async (request, socket) => {
        socket.setNoDelay(true);
        const head = ['HTTP/1.1 200 OK', `content-type: ${type}`,
            framing === 'chunked' ? 'transfer-encoding: chunked' : framing === 'close' ? 'connection: close' : `content-length: ${bytes.length}`];
        socket.write(`${head.join('\r\n')}\r\n\r\n`);
        for (const piece of pieces_of(bytes, how)) {
            const framed = framing === 'chunked' ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]) : piece;
            await new Promise(resolve => socket.write(framed, resolve));
        }
        if (framing === 'chunked') socket.write('0\r\n\r\n');
        if (framing === 'close') socket.end();
    };
}

for (const how of ['whole', 'bytes', 'odd'])
    for (const framing of ['chunked', 'length', 'close'])
        test(`F10: a stream in pieces (${how}, ${framing}) arrives unchanged, less the usage chunk that nobody asked for`, async () => {
            play = stream_as(with_usage, how, framing);
            const { answer } = await through(at.chat, ask.chat('hand-made', { stream: true }));
            assert.equal(answer.text, without_usage);
            const asked = await through(at.chat, ask.chat('hand-made', { stream: true, stream_options: { include_usage: true } }));
            assert.equal(sha(asked.answer.body), sha(Buffer.from(with_usage)));
            assert.match(asked.answer.headers['content-type'], /^text\/event-stream/);
            const job = await server.job(answer.job_id);
            assert.deepEqual([job.status, job.input_tokens, job.output_tokens], ['done', 5, 3]);
        });

// A stream is over with its terminal event: clients stop there, and what a provider says behind it is
// not relayed (F15: two [DONE]).
const up_to_the_end = text => text.replace(/(event: message_stop\ndata: [^\n]*\n\n)[^]*$/, '$1');

// Every recorded stream of both vendors, as it is.
const fixtures = new URL('../../fixtures/', import.meta.url);
const endpoint_of = { chat: 'chat', responses: 'responses', messages: 'messages', completions: 'completions' };
for (const vendor of ['openai', 'anthropic', 'llama'])
    for (const file of fs.readdirSync(new URL(vendor, fixtures)).filter(name => name.endsWith('.sse') && !/error|failed/.test(name))) {
        const endpoint = endpoint_of[file.split('_')[0]];
        test(`the recorded stream ${vendor}/${file} arrives byte for byte`, async () => {
            const text = fs.readFileSync(new URL(`${vendor}/${file}`, fixtures));
            play = stream_as(text, 'odd', 'chunked');
            const more = { stream: true, ...(endpoint === 'chat' || endpoint === 'completions' ? { stream_options: { include_usage: true } } : {}) };
            const { answer } = await through(at[endpoint], ask[endpoint]('hand-made', more));
            assert.equal(answer.status, 200, answer.text);
            assert.equal(answer.text, up_to_the_end(text.toString()));
        });
    }

test('plain answers pass byte for byte, small, larger than what is held (4 MiB), chunked or not', async () => {
    for (const size of [1, 70_000, 3_900_000, 4_200_000, 9_000_000]) {
        const body = plain_chat.replace('"ok"', JSON.stringify('Grüße '.repeat(size / 8)));
        play = (request, socket) => answer_with(socket, body);
        const { answer } = await through(at.chat, ask.chat('hand-made'));
        assert.equal(sha(answer.body), sha(Buffer.from(body)), `${size} bytes`);
        play = stream_as(body, 'whole', 'chunked', 'application/json');
        assert.equal(sha((await through(at.chat, ask.chat('hand-made'))).answer.body), sha(Buffer.from(body)), `${size} bytes, chunked`);
    }
});

test('large requests pass byte for byte, up to the limit', async () => {
    play = (request, socket) => answer_with(socket, plain_chat);
    for (const size of [60_000, 1_500_000, 20_000_000]) {
        const body = `{"model":"hand-made","messages":[{"role":"user","content":${JSON.stringify('ä'.repeat(size / 2))}}]}`;
        const { answer, seen } = await through(at.chat, body);
        assert.equal(answer.status, 200, answer.text.slice(0, 300));
        assert.equal(sha(seen.body), sha(Buffer.from(body)), `${size} bytes`);
    }
});

test("headers to the provider are an allow-list, plus its own key and x-client-request-id; the caller's key never goes there", async () => {
    play = (request, socket) => answer_with(socket, plain_message);
    const { answer, seen } = await through(at.messages, ask.messages('hand-made'), { headers: {
        'anthropic-version': '2026-10-21', 'anthropic-beta': 'a,b', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        cookie: 'session=1', 'x-secret': 'no', 'x-stainless-os': 'Linux', 'user-agent': 'me', origin: 'http://evil', 'x-forwarded-for': '1.2.3.4',
        'x-client-request-id': 'mine', 'accept-encoding': 'gzip, br', 'x-auxot-provider': provider.anthropic.slug } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(seen.headers['anthropic-version'], '2026-10-21');
    assert.equal(seen.headers['anthropic-beta'], 'a,b');
    assert.ok(seen.headers.traceparent);
    assert.equal(seen.headers['x-api-key'], canary);
    assert.equal(seen.headers['x-client-request-id'], `${answer.job_id}-1`);
    assert.equal(seen.headers.host, `127.0.0.1:${hand.port}`);
    for (const name of ['cookie', 'x-secret', 'x-stainless-os', 'origin', 'x-forwarded-for', 'x-auxot-provider', 'authorization'])
        assert.equal(seen.headers[name], undefined, name);
    assert.ok(!/gzip|br/.test(seen.headers['accept-encoding'] ?? ''), 'no encoding is asked for that cannot be read');
    assert.ok(!seen.head.includes(server.admin), "the caller's key");
});

test('headers from the provider likewise: no cookies, no server name; its request id under another name', async () => {
    play = (request, socket) => answer_with(socket, plain_chat, { headers: ['set-cookie: a=b', 'x-request-id: req_upstream', 'openai-processing-ms: 12',
        'server: vendor', 'x-powered-by: them', 'access-control-allow-origin: *', 'strict-transport-security: max-age=1'] });
    const { answer } = await through(at.chat, ask.chat('hand-made'));
    assert.equal(answer.headers['openai-processing-ms'], '12');
    assert.equal(answer.headers['x-upstream-request-id'], 'req_upstream');
    assert.notEqual(answer.headers['x-request-id'], 'req_upstream');
    for (const name of ['set-cookie', 'x-powered-by', 'access-control-allow-origin', 'strict-transport-security'])
        assert.equal(answer.headers[name], undefined, name);
    assert.notEqual(answer.headers.server, 'vendor');
});

// Every name under which a caller might try to say where a request goes, or as whom.
const whereto = ['api_base', 'base_url', 'api_key', 'api_version', 'custom_llm_provider', 'extra_headers'];
const elsewhere = [...whereto, 'apiBase', 'baseURL', 'baseUrl', 'endpoint', 'url', 'host', 'proxy', 'target', 'api_url', 'upstream', 'webhook', 'callback_url', 'azure_endpoint', 'aws_bedrock_runtime_endpoint', 'vertex_location', 'litellm_params', 'organization', 'default_headers', 'extra_body'];
test('T01: a caller cannot choose the upstream: such fields are refused or pass by, on every route, at every depth, in query and headers; the key goes nowhere else', async () => {
    let hits = 0;
    const trap = await HandMade.start((request, socket) => { hits++; answer_with(socket, '{}'); });
    const trap_host = `127.0.0.1:${trap.port}`;
    play = (request, socket) => answer_with(socket, plain_chat);
    const asking = async (...how) => { // whatever comes back: the provider heard nothing of the trap in a head
        const result = await through(...how);
        for (const { head } of hand.requests) assert.ok(!head.includes(String(trap.port)), head);
        return result;
    };
    for (const [name, where] of Object.entries(at)) {
        const body = more => ask[name]('hand-made', more);
        for (const field of whereto) assert.equal((await asking(where, body({ [field]: trap.url }))).answer.status, 400, `${name}: ${field}`);
        for (const field of elsewhere)
            for (const value of [trap.url, trap_host, { url: trap.url, api_base: trap.url }]) {
                if (!whereto.includes(field)) await asking(where, body({ [field]: value }));
                await asking(where, body({ metadata: { [field]: value, deep: [{ [field]: value }] } }));
            }
        const query = new URLSearchParams(elsewhere.map(field => [field, trap.url]));
        await asking(`${where}?${query}`, body());
        for (const header of [...elsewhere.map(field => `x-${field.replaceAll('_', '-').toLowerCase()}`), 'x-forwarded-host', 'x-host', 'x-original-url', 'x-rewrite-url', 'openai-base-url', 'anthropic-base-url', 'forwarded', 'referer', 'origin', 'x-portkey-custom-host', 'helicone-target-url', 'x-auxot-base-url', 'x-auxot-provider-url'])
            await asking(where, body(), { headers: { [header]: header === 'forwarded' ? `host=${trap_host}` : trap.url } });
        await asking(where, body(), { headers: { host: trap_host } });
        assert.equal((await asking(where, body(), { headers: { 'x-auxot-provider': trap.url } })).answer.status, 404, name);
    }
    assert.equal(hits, 0, 'the trap was never called');
    await trap.stop();
    for (const { id } of Object.values(provider)) await server.api('POST', `/api/providers/${id}/refresh`);
});

test('T01: a redirect from a provider is not followed, nor told to the caller', async () => {
    let hits = 0;
    const trap = await HandMade.start((request, socket) => { hits++; answer_with(socket, '{}'); });
    for (const [name, where] of Object.entries(at))
        for (const status of ['301 Moved', '302 Found', '303 See Other', '307 Temporary Redirect', '308 Permanent Redirect']) {
            play = (request, socket) => answer_with(socket, '', { status, headers: [`location: ${trap.url}/v1/${name}`, `refresh: 0; url=${trap.url}`, `content-location: ${trap.url}`] });
            const { answer } = await through(where, ask[name]('hand-made'), pin(where));
            assert.ok(answer.status >= 400, `${name}: ${status}: ${answer.status}`);
            for (const header of ['location', 'refresh', 'content-location']) assert.equal(answer.headers[header], undefined, header);
            assert.ok(!answer.text.includes(String(trap.port)), answer.text);
            await server.api('POST', `/api/providers/${native(where).id}/refresh`);
        }
    assert.equal(hits, 0, 'the trap was never called');
    await trap.stop();
    for (const { id } of Object.values(provider)) await server.api('POST', `/api/providers/${id}/refresh`);
});

test('the upstream connection is kept for the next request', async () => {
    play = (request, socket) => answer_with(socket, plain_chat);
    const sockets = new Set();
    for (let i = 0; i < 12; i++) {
        play = (request, socket) => { sockets.add(socket); answer_with(socket, plain_chat); };
        assert.equal((await through(at.chat, ask.chat('hand-made'))).answer.status, 200);
    }
    assert.ok(sockets.size <= 4, `12 requests over ${sockets.size} connections`);
});

closing(here);
