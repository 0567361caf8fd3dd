// The official `openai` client, pointed at the gateway, gets what it would get from the vendor.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { stamps_of } from '../lib/sse.mjs';

const here = await scene({ gpt: { models: ['gpt-sim', 'vendor/gpt-slash', 'text-embedding-sim'], flags: ['--strict'] } });
const { server, gpt } = here;
const client_with = (options = {}) => new OpenAI({ baseURL: server.openai, apiKey: server.member, maxRetries: 0, ...options });
const client = client_with();
const messages = [{ role: 'user', content: 'hi' }];
const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } };
const call_of = (name, args) => ({ name, arguments: args });

test('chat: a plain answer, with usage, and the headers that say who answered', async () => {
    await gpt.plays([{ then: { text: 'Hello there.' } }]);
    const { data, response } = await client.chat.completions.create({ model: 'gpt-sim', messages }).withResponse();
    assert.equal(data.choices[0].message.content, 'Hello there.');
    assert.equal(data.choices[0].finish_reason, 'stop');
    assert.ok(data.usage.total_tokens > 0);
    assert.match(response.headers.get('x-auxot-job'), /^job_/);
    assert.equal(response.headers.get('x-auxot-provider'), gpt.slug);
    assert.equal(response.headers.get('x-auxot-model'), 'gpt-sim');
    assert.equal(response.headers.get('x-auxot-attempts'), '1');
    assert.ok(response.headers.get('request-id') && response.headers.get('x-request-id'));
    const job = await server.job(response.headers.get('x-auxot-job'));
    assert.equal(job.status, 'done');
    assert.equal(job.model, 'gpt-sim');
    assert.equal(job.dialect, 'openai');
    assert.equal(job.stream, false);
    assert.deepEqual([job.input_tokens, job.output_tokens], [data.usage.prompt_tokens, data.usage.completion_tokens]);
});

test('chat: a stream arrives whole, in order, and ends as the helper wants', async () => {
    await gpt.plays([{ then: { events: 40 } }]);
    const stream = client.chat.completions.stream({ model: 'gpt-sim', messages });
    let text = '';
    stream.on('content', delta => { text += delta; });
    const final = await stream.finalChatCompletion();
    assert.equal(final.choices[0].message.content, text);
    assert.equal(final.choices[0].finish_reason, 'stop');
    const stamps = stamps_of(text);
    assert.deepEqual([stamps.requests, stamps.in_order], [1, true]);
    assert.ok(stamps.count >= 38);
});

test('chat: who did not ask for usage in a stream never sees it, and the job has the tokens all the same', async () => {
    await gpt.plays([{ then: { text: 'one two', usage: { input_tokens: 11, output_tokens: 7, cached_tokens: 3 } } }]);
    const { data: stream, response } = await client.chat.completions.create({ model: 'gpt-sim', messages, stream: true }).withResponse();
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.ok(chunks.length >= 2);
    for (const chunk of chunks) {
        assert.equal(chunk.choices.length, 1, 'no chunk without choices');
        assert.ok(!chunk.usage, 'no usage in any chunk');
    }
    const job = await server.job(response.headers.get('x-auxot-job'));
    assert.deepEqual([job.input_tokens, job.output_tokens, job.cached_tokens], [11, 7, 3]);
    const [seen] = await gpt.sim.requests_of(job.id);
    assert.ok(seen, 'the upstream saw the request');
});

test('chat: who asks for usage in a stream gets the usage chunk, last', async () => {
    await gpt.plays([{ then: { text: 'one two', usage: { input_tokens: 11, output_tokens: 7 } } }]);
    const stream = await client.chat.completions.create({ model: 'gpt-sim', messages, stream: true, stream_options: { include_usage: true } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 7);
});

test('chat: a tool call, plain and streamed, and the turn with its result', async () => {
    await gpt.plays([{ then: { tool_calls: [call_of('weather', { city: 'Zürich' })] } }]);
    const plain = await client.chat.completions.create({ model: 'gpt-sim', messages, tools: [weather] });
    assert.equal(plain.choices[0].finish_reason, 'tool_calls');
    const [made] = plain.choices[0].message.tool_calls;
    assert.deepEqual([made.function.name, JSON.parse(made.function.arguments)], ['weather', { city: 'Zürich' }]);

    const streamed = await client.chat.completions.stream({ model: 'gpt-sim', messages, tools: [weather] }).finalChatCompletion();
    assert.deepEqual(JSON.parse(streamed.choices[0].message.tool_calls[0].function.arguments), { city: 'Zürich' });

    await gpt.plays([{ then: { text: 'Rain.' } }]);
    const after = await client.chat.completions.create({ model: 'gpt-sim', tools: [weather],
        messages: [...messages, plain.choices[0].message, { role: 'tool', tool_call_id: made.id, content: 'rain' }] });
    assert.equal(after.choices[0].message.content, 'Rain.');
});

test('chat: parallel tool calls stay apart and in order', async () => {
    await gpt.plays([{ then: { tool_calls: [call_of('weather', { city: 'Bern' }), call_of('weather', { city: 'Genf' })] } }]);
    for (const answer of [
        await client.chat.completions.create({ model: 'gpt-sim', messages, tools: [weather] }),
        await client.chat.completions.stream({ model: 'gpt-sim', messages, tools: [weather] }).finalChatCompletion(),
    ]) {
        const calls = answer.choices[0].message.tool_calls;
        assert.deepEqual(calls.map(one => JSON.parse(one.function.arguments).city), ['Bern', 'Genf']);
        assert.equal(new Set(calls.map(one => one.id)).size, 2);
    }
});

test('chat: a JSON schema goes up and parsed content comes back', async () => {
    await gpt.plays([{ when: { body_contains: '"json_schema"' }, then: { text: '{"answer":42}' } }, { then: { status: 400 } }]);
    const format = { type: 'json_schema', json_schema: { name: 'a', strict: true, schema: { type: 'object', properties: { answer: { type: 'number' } } } } };
    const answer = await client.chat.completions.parse({ model: 'gpt-sim', messages, response_format: format });
    assert.deepEqual(answer.choices[0].message.parsed, { answer: 42 });
});

test('responses: plain, streamed, and a function call in both', async () => {
    await gpt.plays([{ then: { text: 'Hello there.', usage: { input_tokens: 21, output_tokens: 5, cached_tokens: 4 } } }]);
    const { data: plain, response } = await client.responses.create({ model: 'gpt-sim', input: 'hi' }).withResponse();
    assert.equal(plain.output_text, 'Hello there.');
    const job = await server.job(response.headers.get('x-auxot-job'));
    assert.deepEqual([job.input_tokens, job.output_tokens, job.cached_tokens], [21, 5, 4]);

    const stream = client.responses.stream({ model: 'gpt-sim', input: 'hi' });
    let text = '';
    stream.on('response.output_text.delta', event => { text += event.delta; });
    const final = await stream.finalResponse();
    assert.equal(text, 'Hello there.');
    assert.equal(final.output_text, 'Hello there.');

    await gpt.plays([{ then: { tool_calls: [call_of('weather', { city: 'Bern' })] } }]);
    const tools = [{ type: 'function', name: 'weather', strict: false, parameters: weather.function.parameters }];
    for (const answer of [
        await client.responses.create({ model: 'gpt-sim', input: 'hi', tools }),
        await client.responses.stream({ model: 'gpt-sim', input: 'hi', tools }).finalResponse(),
    ]) {
        const made = answer.output.find(item => item.type === 'function_call');
        assert.deepEqual([made.name, JSON.parse(made.arguments)], ['weather', { city: 'Bern' }]);
    }
});

test('embeddings: base64 as the client asks by itself, and float when told, are the same vector', async () => {
    await gpt.plays();
    const packed = await client.embeddings.create({ model: 'text-embedding-sim', input: 'hi' });
    const floats = await client.embeddings.create({ model: 'text-embedding-sim', input: 'hi', encoding_format: 'float' });
    assert.ok(packed.data[0].embedding.length > 0);
    assert.deepEqual([...packed.data[0].embedding].map(Math.fround), floats.data[0].embedding.map(Math.fround));
    assert.equal((await client.embeddings.create({ model: 'text-embedding-sim', input: ['a', 'b', 'c'] })).data.length, 3);
});

test('completions: the legacy endpoint, plain and streamed', async () => {
    await gpt.plays([{ then: { text: 'and so on' } }]);
    assert.equal((await client.completions.create({ model: 'gpt-sim', prompt: 'hi' })).choices[0].text, 'and so on');
    let text = '';
    for await (const chunk of await client.completions.create({ model: 'gpt-sim', prompt: 'hi', stream: true })) {
        assert.equal(chunk.choices.length, 1);
        text += chunk.choices[0].text;
    }
    assert.equal(text, 'and so on');
});

test('models: the list has auto and what is surfaced; one model by its id, also with a slash in it', async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes('auto') && ids.includes('gpt-sim') && ids.includes('vendor/gpt-slash'), ids.join());
    assert.equal((await client.models.retrieve('gpt-sim')).id, 'gpt-sim');
    assert.equal((await client.models.retrieve('vendor/gpt-slash')).id, 'vendor/gpt-slash');
    await assert.rejects(client.models.retrieve('nobody-has-this'), OpenAI.NotFoundError);
    await gpt.plays([{ then: { text: 'slashed' } }]);
    const answer = await client.chat.completions.create({ model: 'vendor/gpt-slash', messages });
    assert.equal(answer.choices[0].message.content, 'slashed');
});

test('auto answers with the default model of the first provider', async () => {
    await gpt.plays();
    const { response } = await client.chat.completions.create({ model: 'auto', messages }).withResponse();
    assert.equal(response.headers.get('x-auxot-model'), gpt.provider.default_model);
});

test('a base URL without /v1, or with it twice, works as well', async () => {
    await gpt.plays([{ then: { text: 'found' } }]);
    for (const base of ['/api/openai', '/api/openai/v1', '/api/openai/v1/v1', '/api/openai/v1/']) {
        const other = client_with({ baseURL: server.url + base });
        const answer = await other.chat.completions.create({ model: 'gpt-sim', messages });
        assert.equal(answer.choices[0].message.content, 'found', base);
        assert.ok((await other.models.list()).data.length > 1, base);
    }
});

test('errors become the classes of the client', async () => {
    await gpt.plays();
    const create = (options, more = {}) => client_with(options).chat.completions.create({ model: 'gpt-sim', messages, ...more });
    await assert.rejects(create({ apiKey: 'auxk_nonsense' }), error => {
        assert.ok(error instanceof OpenAI.AuthenticationError);
        assert.equal(error.code, 'invalid_api_key');
        return true;
    });
    await assert.rejects(create({}, { model: 'nobody-has-this' }), error => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        assert.equal(error.code, 'model_not_found');
        assert.match(error.message, /nobody-has-this/);
        return true;
    });
    await assert.rejects(create({}, { model: '' }), OpenAI.BadRequestError);
    await assert.rejects(create({}, { stream: 'yes' }), OpenAI.BadRequestError);
    await assert.rejects(client.post('/nothing/here', { body: {} }), OpenAI.NotFoundError);
});

test('errors that cannot get better are not asked again by the client', async () => {
    await gpt.plays();
    let requests = 0;
    const counting = client_with({ maxRetries: 3, fetch: (...args) => { requests++; return fetch(...args); } });
    await assert.rejects(counting.chat.completions.create({ model: 'nobody-has-this', messages }), OpenAI.NotFoundError);
    assert.equal(requests, 1);
    requests = 0;
    await assert.rejects(client_with({ apiKey: 'auxk_nonsense', maxRetries: 3, fetch: counting.fetch })
        .chat.completions.create({ model: 'gpt-sim', messages }), OpenAI.AuthenticationError);
    assert.ok(requests <= 1);
});

test("the caller's own fault, as the provider words it, reaches the client as it came", async () => {
    const body = { error: { message: "Invalid 'temperature': expected at most 2.", type: 'invalid_request_error', param: 'temperature', code: 'decimal_above_max_value' } };
    await gpt.plays([{ then: { status: 400, body } }]);
    await assert.rejects(client.chat.completions.create({ model: 'gpt-sim', messages, temperature: 9 }), error => {
        assert.ok(error instanceof OpenAI.BadRequestError);
        assert.deepEqual([error.code, error.param], ['decimal_above_max_value', 'temperature']);
        return true;
    });
});

test('F20: the only provider is over quota, and the caller will not wait: 429 with the wait, and it is not asked again meanwhile', async () => {
    await gpt.plays([{ then: { status: 429, retry_after: '7', body: { error: { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' } } } }]);
    const before = (await gpt.sim.log()).length;
    for (let i = 0; i < 3; i++)
        await assert.rejects(client.chat.completions.create({ model: 'gpt-sim', messages }, { headers: { 'x-auxot-wait': '0' } }), error => {
            assert.ok(error instanceof OpenAI.RateLimitError, `${error}`);
            const wait = Number(error.headers.get('retry-after'));
            assert.ok(wait >= 1 && wait <= 8, `retry-after ${error.headers.get('retry-after')}`);
            return true;
        });
    assert.equal((await gpt.sim.log()).length - before, 1);
});

test('F07: a stream that dies in the middle is an error for the client, never a short success', async () => {
    await gpt.plays([{ then: { events: 20, cut_after_events: 8 } }]);
    const stream = await client.chat.completions.create({ model: 'gpt-sim', messages, stream: true });
    let text = '';
    await assert.rejects(async () => { for await (const chunk of stream) text += chunk.choices[0].delta.content ?? ''; }, OpenAI.APIError);
    assert.ok(stamps_of(text).count >= 1);
    const helper = client.responses.stream({ model: 'gpt-sim', input: 'hi' });
    const failed = await helper.finalResponse().then(final => final.status, () => 'thrown');
    assert.ok(['failed', 'thrown'].includes(failed), failed);
});

test('the client may leave a stream: the upstream is closed', async () => {
    await gpt.plays([{ then: { events: 100000, gap_ms: 5 } }]);
    const { data: stream, response } = await client.chat.completions.create({ model: 'gpt-sim', messages, stream: true }).withResponse();
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
    assert.equal((await server.job(response.headers.get('x-auxot-job'))).status, 'cancelled');
});

test('a key in x-api-key works on this side too; no key is 401 in this dialect', async () => {
    await gpt.plays();
    const answer = await server.call(at.chat, ask.chat('gpt-sim'), { key: null, headers: { 'x-api-key': server.member } });
    assert.equal(answer.status, 200);
    const none = await server.call(at.chat, ask.chat('gpt-sim'), { key: null });
    assert.equal(none.status, 401);
    assert.equal(none.json.error.code, 'invalid_api_key');
    assert.equal(none.headers['x-should-retry'], 'false');
});

closing(here);
