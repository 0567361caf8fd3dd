// Translation is honest: what cannot be carried is said in a header and on record, or refused before anybody was asked when
// the caller wishes that; tokens are counted by whoever can; what a provider refuses to take in one form it gets in another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, closing, upstream } from '../lib/scene.mjs';
import { callers } from '../lib/callers.mjs';
import { crossing, cast } from '../lib/crossing.mjs';

const here = await crossing();
const { server } = here;
const a_tool = { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } };
const pdf = Buffer.from('%PDF-1.4').toString('base64');
const user = content => [{ role: 'user', content }];

// From, to, the fields, and the note: of what is lost, or (emulated) is not.
const rows = [
    ['chat', 'responses', { seed: 1 }, 'dropped:seed'],
    ['chat', 'responses', { frequency_penalty: 0.5 }, 'dropped:frequency_penalty'],
    ['chat', 'responses', { presence_penalty: 0.5 }, 'dropped:presence_penalty'],
    ['chat', 'responses', { logit_bias: { 50256: -100 } }, 'dropped:logit_bias'],
    ['chat', 'responses', { logprobs: true, top_logprobs: 2 }, null],
    ['responses', 'chat', { include: ['message.output_text.logprobs'], top_logprobs: 2 }, null],
    ['chat', 'responses', { n: 2 }, 'dropped:n'],
    ['chat', 'responses', { stop: ['END'] }, 'dropped:stop'],
    ['chat', 'responses', { max_completion_tokens: 5 }, 'changed:max_tokens'],
    ['chat', 'responses', { messages: [{ role: 'user', name: 'bob', content: 'x' }] }, 'dropped:messages.name'],
    ['chat', 'responses', { made_up: 1 }, 'dropped:made_up'],
    ['chat', 'messages', { seed: 1 }, 'dropped:seed'],
    ['chat', 'messages', { n: 2 }, 'dropped:n'],
    ['chat', 'messages', { logit_bias: { 50256: -100 } }, 'dropped:logit_bias'],
    ['chat', 'messages', { verbosity: 'low' }, 'dropped:verbosity'],
    ['chat', 'messages', { prediction: { type: 'content', content: 'x' } }, 'dropped:prediction'],
    ['chat', 'messages', { stop: ['\n'] }, 'dropped:stop'],
    ['chat', 'messages', { temperature: 1.5 }, 'changed:temperature'],
    ['chat', 'messages', { response_format: { type: 'json_object' }, messages: user('json') }, 'emulated:response_format'],
    ['chat', 'messages', { messages: user([{ type: 'text', text: 'x' }, { type: 'input_audio', input_audio: { data: 'UklG', format: 'wav' } }]) }, 'dropped:audio'],
    ['responses', 'chat', { truncation: 'auto' }, 'dropped:truncation'],
    ['responses', 'chat', { max_tool_calls: 3 }, 'dropped:max_tool_calls'],
    ['responses', 'chat', { tools: [{ type: 'web_search' }] }, 'dropped:tools.web_search'],
    ['responses', 'chat', { input: [...user('hi'), { type: 'item_reference', id: 'msg_1' }] }, 'dropped:input.item_reference'],
    ['responses', 'chat', { store: true }, 'dropped:store'],
    ['responses', 'messages', { truncation: 'auto' }, 'dropped:truncation'],
    ['responses', 'messages', { top_logprobs: 3 }, 'dropped:logprobs'],
    ['responses', 'messages', { metadata: { a: 'b' } }, 'dropped:metadata'],
    ['responses', 'messages', { text: { verbosity: 'low' } }, 'dropped:verbosity'],
    ['messages', 'chat', { top_k: 5 }, 'dropped:top_k'],
    ['messages', 'chat', { system: [{ type: 'text', text: 'S', cache_control: { type: 'ephemeral' } }] }, 'dropped:cache_control'],
    ['messages', 'chat', { context_management: { edits: [] } }, 'dropped:context_management'],
    ['messages', 'chat', { mcp_servers: [{ type: 'url', url: 'https://x.test', name: 'n' }] }, 'dropped:mcp_servers'],
    ['messages', 'chat', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'dropped:tools.web_search_20250305'],
    ['messages', 'chat', { tools: [{ name: 'a', input_schema: { type: 'object' }, defer_loading: true }] }, 'emulated:tools.defer_loading'],
    ['messages', 'chat', { stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, 'changed:stop'],
    ['messages', 'chat', { messages: user([{ type: 'document', citations: { enabled: true }, source: { type: 'base64', media_type: 'application/pdf', data: pdf } }]) }, 'dropped:documents.citations'],
    ['messages', 'chat', { messages: [...user('hi'), { role: 'assistant', content: 'So' }] }, 'changed:messages.prefill'],
    ['messages', 'responses', { messages: [...user('hi'), { role: 'assistant', content: 'So' }] }, 'changed:messages.prefill'],
    ['messages', 'responses', { top_k: 5 }, 'dropped:top_k'],
    ['messages', 'responses', { stop_sequences: ['END'] }, 'dropped:stop'],
    ['messages', 'responses', { container: 'c1' }, 'dropped:container'],
    ['messages', 'responses', { speed: 'fast' }, 'dropped:speed'],
    ['messages', 'responses', { max_tokens: 1 }, 'changed:max_tokens'],
    ['messages', 'responses', { made_up: 1 }, 'dropped:made_up'],
    ['messages', 'llama', { top_k: 5 }, null],
    ['messages', 'llama', { messages: [...user('hi'), { role: 'assistant', content: 'So' }] }, null],
];
for (const [from, to, fields, note] of rows)
    test(`${from} to ${to}: ${JSON.stringify(fields).slice(0, 70)} is ${note ?? 'carried'}`, async () => {
        const [{ provider, say, caller, model }] = here.ways({ from: [from], to: [to], streams: [false] });
        await provider.plays([{ then: { text: 'ok' } }]);
        const { heard, job } = await say({ turns: [{ user: 'hi' }] }, fields);
        assert.equal(heard.text, 'ok');
        assert.ok(note ? job.fidelity.includes(note) : job.fidelity.length === 0, job.fidelity.join());
        assert.equal(heard.headers.get('x-auxot-fidelity') ?? '', job.fidelity.join());

        const before = (await provider.sim.log()).length;
        const path = at[from], body = { ...caller.body(model, { turns: [{ user: 'hi' }] }), ...fields };
        const answer = await server.call(path, body, { headers: { 'x-auxot-strict': '1' } });
        if (!note || note.startsWith('emulated:')) {
            assert.equal(answer.status, 200, 'what keeps its effect is no loss');
            return;
        }
        assert.equal(answer.status, 400);
        assert.equal(answer.headers['x-should-retry'], 'false');
        const lost = job.fidelity.find(one => !one.startsWith('emulated:')).split(':')[1];
        assert.ok(answer.json.error.message.includes(`"${lost}"`), answer.json.error.message);
        assert.equal((await provider.sim.log()).length, before, 'nobody was asked');
        const refused = await server.job(answer.job_id);
        assert.deepEqual([refused.status, refused.reason, refused.attempts.length], ['refused', 'strict_loss', 0]);
    });

test('strict or not: what one dialect says to itself passes', async () => {
    await here.messages.plays([{ then: { text: 'ok' } }]);
    const answer = await server.call(at.messages, { model: 'claude-messages', max_tokens: 9, top_k: 5, messages: user('hi') }, { headers: { 'x-auxot-strict': '1' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-auxot-fidelity'], undefined);
});

test('under strict, auto goes on to a provider that loses nothing', async () => {
    for (const name of ['chat', 'responses', 'messages', 'llama']) await here[name].plays([{ then: { text: name } }]);
    const answer = await server.call(at.messages, { model: 'auto', max_tokens: 99, top_k: 5, messages: user('hi') }, { headers: { 'x-auxot-strict': '1' } });
    assert.equal(answer.status, 200);
    assert.ok(['messages', 'llama'].includes(answer.json.content[0].text), answer.json.content[0].text);
    assert.equal((await server.job(answer.job_id)).attempts.length, 1, 'who would lose it was never asked');
});

test('what an answer loses is on record', async () => {
    for (const { provider, say } of here.ways({ from: ['messages'], to: ['chat'] })) {
        await provider.plays([{ then: { text: 'so they say', citation: 'https://x.test' } }]);
        assert.deepEqual((await say({ turns: [{ user: 'hi' }] })).job.fidelity, ['dropped:annotations']);
    }
});

/* ---- tokens ------------------------------------------------------------------------------------- */

test('count_tokens: by the provider that can; else an estimate, marked', async () => {
    for (const name of ['chat', 'responses', 'messages']) await here[name].plays([{ then: { usage: { input_tokens: 4242 } } }]);
    const count = model => server.call(at.count_tokens, { model, system: 'Be brief.', messages: user('how many tokens is this, please?') });
    const native = await count('claude-messages');
    assert.deepEqual([native.status, native.json, native.headers['x-auxot-estimated']], [200, { input_tokens: 4242 }, undefined]);
    await here.llama.plays([{ then: { usage: { input_tokens: 777 } } }]); // its own tokenizer
    const local = await count(cast.llama.models[0]);
    assert.deepEqual([local.status, local.json, local.headers['x-auxot-estimated']], [200, { input_tokens: 777 }, undefined]);
    for (const model of ['gpt-chat', 'gpt-responses']) {
        const guess = await count(model);
        assert.equal(guess.status, 200);
        assert.equal(guess.headers['x-auxot-estimated'], 'input_tokens');
        assert.ok(guess.json.input_tokens >= 8 && guess.json.input_tokens <= 20, `${guess.json.input_tokens}`);
        const job = await server.job(guess.job_id);
        assert.deepEqual([job.status, job.reason, job.attempts.length], ['done', 'estimated', 0]);
    }
});

/* ---- other forms -------------------------------------------------------------------------------- */

// A refusal in the vendor's words teaches: the same attempt asks again in another form, the next request begins with it.
const refuses = (param, message, code = 'unsupported_parameter') => ({ status: 400, body: { error: { message, type: 'invalid_request_error', param, code } } });
const lessons = [
    ['chat', 'messages', 'temperature', 'claude-temp', { temperature: 0.5 }, '"temperature"', { status: 400, error_message: 'temperature: sampling parameters are not supported on this model' }, sent => sent.temperature === undefined, 'dropped:temperature'],
    ['messages', 'chat', 'max_completion_tokens', 'gpt-old', {}, '"max_completion_tokens"', refuses('max_completion_tokens', "Unrecognized request argument supplied: max_completion_tokens", null), sent => sent.max_tokens === 4096, undefined],
    ['messages', 'chat', 'temperature', 'gpt-cool', { temperature: 0.5 }, '"temperature":0.5', refuses('temperature', "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.", 'unsupported_value'), sent => sent.temperature === undefined, 'dropped:temperature'],
    ['responses', 'chat', 'reasoning_effort', 'gpt-plain', { reasoning: { effort: 'low' } }, '"reasoning_effort"', refuses('reasoning_effort', 'Unrecognized request argument supplied: reasoning_effort', null), sent => sent.reasoning_effort === undefined, 'dropped:reasoning_effort'],
    ['chat', 'messages', 'tool_choice', 'claude-free', { tools: [a_tool], tool_choice: 'required' }, '"type":"any"', { status: 400, error_message: 'tool_choice: forcing tool use is not supported on this model' }, sent => sent.tool_choice?.type === 'auto', 'changed:tool_choice'],
];
let number = 0;
// A provider of its own, that nobody has taught anything yet.
const pupil = (to, model, rules, more = {}) => upstream(here, `${to}-pupil-${++number}`, { ...cast[to], models: [model], rules: rules.map(([when, then]) => ({ when, then: { strict: 0, ...then } })), ...more });
async function ask_twice(provider, caller, body, stream, look) {
    for (const asked of [2, 1]) {
        const answer = await caller.ask(server, body, { stream });
        const job = await server.job(answer.headers.get('x-auxot-job'));
        const requests = await provider.sim.requests_of(job.id);
        assert.equal(answer.text, 'ok');
        assert.deepEqual([job.status, job.attempts.length, requests.length], ['done', 1, asked], JSON.stringify(requests.map(({ path, body: text }) => [path, text])));
        look(JSON.parse(requests.at(-1).body), requests.at(-1).path, job);
    }
}
for (const [from, to, what, model, fields, body_contains, then, is_fine, note] of lessons)
    for (const stream of [false, true])
        test(`${from} to ${to}, ${stream ? 'streaming' : 'plain'}: ${what} is refused, once: asked again without it in the same attempt, and known from then on`, async () => {
            const caller = callers[from], name = `${model}-${stream}`;
            const provider = await pupil(to, name, [[{ body_contains }, then], [{}, { text: 'ok' }]]);
            await ask_twice(provider, caller, { ...caller.body(name, { turns: [{ user: 'hi' }] }), ...fields }, stream, (sent, path, job) => {
                assert.ok(is_fine(sent), JSON.stringify(sent));
                if (note) assert.ok(job.fidelity.includes(note), job.fidelity.join());
            });
        });

test('a service that refuses stream_options is asked again without, and from then on at once', async () => {
    const provider = await pupil('chat', 'gpt-no-options', [[{ body_contains: 'stream_options' }, refuses('stream_options', "property 'stream_options' is unsupported")], [{}, { text: 'ok' }]]);
    await ask_twice(provider, callers.messages, callers.messages.body('gpt-no-options', { turns: [{ user: 'hi' }] }), true, sent => assert.equal(sent.stream_options, undefined));
});

for (const stream of [false, true]) {
    test(`${stream ? 'streaming' : 'plain'}: tools that are refused on chat completions go through responses, in the same attempt, for chat and messages callers`, async () => {
        for (const caller of [callers.chat, callers.messages]) {
            const model = `gpt-5.6-${caller.name}-${stream}`; // the simulator refuses as OpenAI does
            const provider = await pupil('chat', model, [[{}, { strict: 1, text: 'ok' }]], { dialects: ['chat_completions', 'responses'] });
            const talk = { tools: [{ name: 'f', description: 'd', schema: { type: 'object', properties: {} } }], turns: [{ user: 'hi' }] };
            await ask_twice(provider, caller, caller.body(model, talk), stream, (sent, path) => assert.match(path, /responses$/));
        }
    });

    test(`${stream ? 'streaming' : 'plain'}: a service without responses is asked in chat completions, in the same attempt`, async () => {
        const model = `gpt-no-responses-${stream}`;
        const provider = await pupil('chat', model, [[{ path: '/responses' }, { status: 404, body: { detail: 'Not Found' } }], [{}, { text: 'ok' }]], { dialects: ['chat_completions', 'responses'] });
        await ask_twice(provider, callers.responses, callers.responses.body(model, { turns: [{ user: 'hi' }] }), stream, (sent, path) => assert.match(path, /chat\/completions$/));
    });
}

closing(here);
