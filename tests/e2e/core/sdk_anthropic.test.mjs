// The official `@anthropic-ai/sdk` client, pointed at the gateway.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { stamps_of } from '../lib/sse.mjs';

const here = await scene({ claude: { dialect: 'anthropic', models: ['claude-sim', 'claude-sim-small'], flags: ['--strict'] } });
const { server, claude } = here;
const client_with = (options = {}) => new Anthropic({ baseURL: `${server.url}/api/anthropic`, apiKey: server.member, maxRetries: 0, ...options });
const client = client_with();
const hello = { model: 'claude-sim', max_tokens: 256, messages: [{ role: 'user', content: 'hi' }] };
const weather = { name: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } };

test('messages: a plain answer, with usage on record, cached tokens too', async () => {
    await claude.plays([{ then: { text: 'Hello there.', usage: { input_tokens: 12, output_tokens: 5, cached_tokens: 3 } } }]);
    const { data, response } = await client.messages.create(hello).withResponse();
    assert.deepEqual(data.content.map(block => block.text), ['Hello there.']);
    assert.equal(data.stop_reason, 'end_turn');
    assert.ok(response.headers.get('request-id'));
    assert.equal(response.headers.get('x-auxot-provider'), claude.slug);
    const job = await server.job(response.headers.get('x-auxot-job'));
    assert.equal(job.dialect, 'anthropic');
    assert.equal(job.output_tokens, 5);
    assert.equal(job.cached_tokens, 3);
    assert.ok(job.input_tokens >= 12);
});

test('messages: a stream arrives whole and in order', async () => {
    await claude.plays([{ then: { events: 40 } }]);
    const stream = client.messages.stream(hello);
    let text = '';
    stream.on('text', delta => { text += delta; });
    const final = await stream.finalMessage();
    assert.equal(final.content[0].text, text);
    assert.equal(final.stop_reason, 'end_turn');
    const stamps = stamps_of(text);
    assert.deepEqual([stamps.requests, stamps.in_order], [1, true]);
    assert.ok(stamps.count > 30);
});

test('messages: a tool call, plain and streamed, and the turn with its result', async () => {
    await claude.plays([{ then: { tool_calls: [{ name: 'weather', arguments: { city: 'Zürich' } }] } }]);
    const plain = await client.messages.create({ ...hello, tools: [weather] });
    const streamed = await client.messages.stream({ ...hello, tools: [weather] }).finalMessage();
    for (const answer of [plain, streamed]) {
        assert.equal(answer.stop_reason, 'tool_use');
        const made = answer.content.find(block => block.type === 'tool_use');
        assert.deepEqual([made.name, made.input], ['weather', { city: 'Zürich' }]);
    }
    await claude.plays([{ then: { text: 'Rain.' } }]);
    const id = plain.content.find(block => block.type === 'tool_use').id;
    const after = await client.messages.create({ ...hello, tools: [weather], messages: [...hello.messages,
        { role: 'assistant', content: plain.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'rain' }] }] });
    assert.equal(after.content[0].text, 'Rain.');
});

test('messages: parallel tool calls stay apart and in order', async () => {
    await claude.plays([{ then: { tool_calls: [{ name: 'weather', arguments: { city: 'Bern' } }, { name: 'weather', arguments: { city: 'Genf' } }] } }]);
    for (const answer of [await client.messages.create({ ...hello, tools: [weather] }), await client.messages.stream({ ...hello, tools: [weather] }).finalMessage()])
        assert.deepEqual(answer.content.filter(block => block.type === 'tool_use').map(block => block.input.city), ['Bern', 'Genf']);
});

test('messages: thinking comes with its signature, plain and streamed', async () => {
    await claude.plays([{ then: { reasoning: 'Let me see.', text: 'Done.' } }]);
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    for (const answer of [await client.messages.create({ ...hello, max_tokens: 2048, thinking }), await client.messages.stream({ ...hello, max_tokens: 2048, thinking }).finalMessage()]) {
        assert.deepEqual(answer.content.map(block => block.type), ['thinking', 'text']);
        assert.equal(answer.content[0].thinking, 'Let me see.');
        assert.ok(answer.content[0].signature);
    }
});

test('count_tokens passes through', async () => {
    await claude.plays();
    const { input_tokens } = await client.messages.countTokens({ model: 'claude-sim', messages: hello.messages });
    assert.ok(input_tokens > 0);
});

test('the beta namespace, with its query string and headers, works the same', async () => {
    await claude.plays([{ then: { text: 'beta' } }]);
    const answer = await client.beta.messages.create({ ...hello, betas: ['made-up-2026-01-01'] });
    assert.equal(answer.content[0].text, 'beta');
    const seen = (await claude.sim.log()).at(-1);
    assert.match(seen.headers['anthropic-beta'] ?? '', /made-up-2026-01-01/);
});

test("models: the list in this dialect's shape, page by page, and one by its id", async () => {
    const ids = [];
    for await (const model of client.models.list({ limit: 1 })) ids.push(model.id);
    assert.ok(ids.includes('claude-sim') && ids.includes('claude-sim-small') && ids.includes('auto'), ids.join());
    assert.equal(new Set(ids).size, ids.length);
    const one = await client.models.retrieve('claude-sim');
    assert.deepEqual([one.id, one.type], ['claude-sim', 'model']);
    await assert.rejects(client.models.retrieve('nobody-has-this'), Anthropic.NotFoundError);
});

test('a key as Bearer, as x-api-key, or the same key in both; two different ones are 400 (T03)', async () => {
    await claude.plays();
    const with_headers = async headers => (await server.call(at.messages, ask.messages('claude-sim'), { key: null, headers })).status;
    const bearer = `Bearer ${server.member}`;
    assert.equal(await with_headers({ authorization: bearer }), 200);
    assert.equal(await with_headers({ 'x-api-key': server.member }), 200);
    assert.equal(await with_headers({ authorization: bearer, 'x-api-key': server.member }), 200);
    assert.equal(await with_headers({ authorization: bearer, 'x-api-key': server.admin }), 400);
    assert.equal(await with_headers({}), 401);
    assert.equal(await with_headers({ authorization: 'Bearer auxk_nonsense' }), 401);
    assert.equal(await with_headers({ authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }), 401);
});

test('errors become the classes of the client, in the shape that Claude Code shows', async () => {
    await claude.plays();
    await assert.rejects(client_with({ apiKey: 'auxk_nonsense' }).messages.create(hello), Anthropic.AuthenticationError);
    await assert.rejects(client.messages.create({ ...hello, model: 'nobody-has-this' }), Anthropic.NotFoundError);
    await assert.rejects(client.messages.create({ ...hello, messages: 'hi' }), Anthropic.BadRequestError);
    const answer = await server.call(at.messages, ask.messages('nobody-has-this'));
    assert.equal(answer.json.type, 'error');
    assert.equal(answer.json.error.type, 'not_found_error');
    assert.match(answer.json.error.message, /nobody-has-this/);
    assert.ok(answer.json.request_id);
    assert.equal(answer.headers['x-should-retry'], 'false');
});

test('no /v1 in the path, or twice, and a query string, all work', async () => {
    await claude.plays();
    for (const where of ['/api/anthropic/messages', '/api/anthropic/v1/messages', '/api/anthropic/v1/v1/messages', '/api/anthropic/v1/messages?beta=true'])
        assert.equal((await server.call(where, ask.messages('claude-sim'))).status, 200, where);
});

test('a 529 from the only provider reaches the client as an overload that may be asked again', async () => {
    await claude.plays([{ then: { status: 529, body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } } } }]);
    const answer = await server.call(at.messages, ask.messages('claude-sim'));
    assert.ok([502, 503, 529].includes(answer.status), `${answer.status}`);
    assert.equal(answer.json.type, 'error');
    assert.notEqual(answer.headers['x-should-retry'], 'false');
});

test('F07: a stream that dies in the middle throws in the client; no message_stop is made up', async () => {
    await claude.plays([{ then: { events: 20, cut_after_events: 8 } }]);
    await assert.rejects(client.messages.stream(hello).finalMessage(), Anthropic.APIError);
    const raw = await server.call(at.messages, ask.messages('claude-sim', { stream: true }));
    assert.equal(raw.events.at(-1).name, 'error');
    assert.equal(raw.events.at(-1).json.type, 'error');
    assert.ok(!raw.events.some(event => event.name === 'message_stop'));
});

test('the client may leave a stream: the upstream is closed', async () => {
    await claude.plays([{ then: { events: 100000, gap_ms: 5 } }]);
    const { data: stream, response } = await client.messages.create({ ...hello, stream: true }).withResponse();
    for await (const event of stream) if (event.type === 'content_block_delta') break;
    stream.controller.abort();
    assert.equal((await server.job(response.headers.get('x-auxot-job'))).status, 'cancelled');
});

closing(here);
