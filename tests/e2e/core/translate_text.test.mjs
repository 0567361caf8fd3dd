// Translation, what is said: text, system messages, images, documents, limits, stop reasons, usage, ids. Each caller by its
// vendor's client, each provider held to its vendor's rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, closing, upstream } from '../lib/scene.mjs';
import { cast, crossing, seen } from '../lib/crossing.mjs';
import { callers, said_to } from '../lib/callers.mjs';
import { stamps_of } from '../lib/sse.mjs';

const here = await crossing();
const { server } = here;
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const pdf = Buffer.from('%PDF-1.4 small').toString('base64');

// The same dialect passes byte for byte (byte_exact.test.mjs): what a chat template cannot take is the caller's to see.
const to_all = { to: ['chat', 'responses', 'messages', 'llama'] };
const translated = ways => ways.filter(({ caller, to }) => caller.name !== 'chat' || to !== 'llama');

for (const { title, caller, to, provider, stream, model, say } of translated(here.ways(to_all)))
    test(`${title}: text goes and comes back whole, with ids, usage and a stop reason of the caller's`, async () => {
        await provider.plays([{ then: { text: 'Grüße aus “Zürich” 🙂\n\tand back', usage: { input_tokens: 1000, output_tokens: 77, cached_tokens: 400, cache_write_tokens: 30, reasoning_tokens: 5 } } }]);
        const { heard, sent, job } = await say({ system: 'Be brief.', turns: [{ user: 'hi "you" \u2028 there' }] });
        assert.equal(heard.text, 'Grüße aus “Zürich” 🙂\n\tand back');
        assert.equal(heard.stop, caller.stops.end);
        if (caller.name !== to) assert.match(heard.final.id, caller.id);
        assert.equal(heard.final.model, model);
        assert.deepEqual(said_to[to === 'llama' ? 'chat' : to](sent).map(([, text]) => text), ['Be brief.', 'hi "you" \u2028 there']);
        assert.equal(sent.stream ?? false, stream);
        const whole = to === 'messages' ? 1430 : 1000; // Anthropic counts apart what was read from the cache, and written to it
        assert.deepEqual([heard.usage.input, heard.usage.output, heard.usage.cached], [whole, 77, 400]);
        if (caller.name !== 'messages' && to !== 'messages') assert.equal(heard.usage.reasoning, 5);
        assert.deepEqual([job.status, job.input_tokens, job.output_tokens, job.cached_tokens, job.stream, job.model], ['done', whole, 77, 400, stream, model]);
        assert.deepEqual(job.fidelity.filter(note => !note.startsWith('emulated:')), [], 'nothing was lost');
        assert.equal(job.attempts.length, 1);
    });

for (const { title, to, provider, say } of here.ways({ streams: [true], ...to_all }))
    test(`${title}: a long stream arrives in order, of one request`, async () => {
        await provider.plays([{ then: { events: 300 } }]);
        const { heard } = await say({ turns: [{ user: 'hi' }] });
        const stamps = stamps_of(heard.text);
        assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [300, 1, true]);
    });

for (const { title, to, provider, say } of translated(here.ways({ streams: [false], ...to_all })))
    test(`${title}: a system message in the middle, and several turns, keep their order`, async () => {
        await provider.plays([{ then: { text: 'Third.' } }]);
        const first = await say({ turns: [{ user: 'one' }] });
        const { sent } = await say({ system: 'S0', turns: [{ user: 'one' }, { said: first.heard }, { user: 'two' }, { system: 'S1' }, { user: 'three' }] });
        const said = said_to[to === 'llama' ? 'chat' : to](sent).map(([, text]) => text).join('|');
        const in_order = to === 'llama' ? ['S0', 'one', 'Third.', 'two', 'three'] : ['S0', 'one', 'Third.', 'two', 'S1', 'three'];
        let at = -1;
        for (const word of in_order) {
            const next = said.indexOf(word, at + 1);
            assert.ok(next > at, `${word} stands in its place: ${said}`);
            at = next;
        }
        assert.ok(said.includes('S1'), said);
    });

for (const { title, to, provider, say } of here.ways({ streams: [false], ...to_all }))
    test(`${title}: images by URL and by value, each where it stood`, async () => {
        await provider.plays([{ then: { text: 'A dot.' } }]);
        const { heard, sent, job } = await say({ turns: [{ user: ['see', { image_url: 'https://example.test/a.png' }, 'and', { image: dot, type: 'image/png' }, 'so'] }] });
        assert.equal(heard.text, 'A dot.');
        const parts = (to === 'responses' ? sent.input.at(-1) : sent.messages.at(-1)).content;
        const shape = parts.map(part => part.text ?? part.image_url?.url ?? part.image_url ?? part.source?.url ?? `data:${part.source.media_type};base64,${part.source.data}`);
        assert.deepEqual(shape, ['see', 'https://example.test/a.png', 'and', `data:image/png;base64,${dot}`, 'so']);
        assert.deepEqual(job.fidelity, []);
    });

for (const { title, to, provider, say } of here.ways({ streams: [false] }))
    test(`${title}: a document goes along`, async () => {
        await provider.plays([{ then: { text: 'Read.' } }]);
        const { heard, sent } = await say({ turns: [{ user: [{ pdf, name: 'a.pdf' }, 'read this'] }] });
        assert.equal(heard.text, 'Read.');
        assert.ok(JSON.stringify(sent).includes(pdf), 'its bytes');
        assert.ok(JSON.stringify(sent).includes('a.pdf'), 'its name');
    });

for (const { title, caller, to, provider, say } of here.ways())
    test(`${title}: cut at the limit of tokens, and the limit has the provider's name`, async () => {
        await provider.plays([{ then: { text: 'And then', stop_reason: { chat: 'length', responses: 'max_output_tokens', messages: 'max_tokens' }[to] } }]);
        const { heard, sent } = await say({ max: 123, turns: [{ user: 'tell' }] });
        assert.equal(heard.text, 'And then');
        assert.equal(heard.stop, caller.stops.length);
        assert.equal({ chat: sent.max_completion_tokens ?? sent.max_tokens, responses: sent.max_output_tokens, messages: sent.max_tokens }[to], 123);
    });

for (const { title, caller, to, provider, say } of here.ways({ from: ['chat', 'messages'] }))
    test(`${title}: stop sequences`, async () => {
        const told = to === 'messages' ? { text: 'one', stop_sequence: 'END' } : { text: 'one' };
        await provider.plays([{ then: told }]);
        const { heard, sent, job } = await say({ stops: ['END', 'HALT'], turns: [{ user: 'count' }] });
        assert.equal(heard.text, 'one');
        if (to === 'responses') {
            assert.ok(job.fidelity.some(note => /stop/.test(note)) || caller.name === 'responses', job.fidelity.join());
            return;
        }
        assert.deepEqual(sent.stop ?? sent.stop_sequences, ['END', 'HALT']);
        if (to === 'messages')
            assert.equal(heard.stop, caller.name === 'messages' ? 'stop_sequence' : 'stop');
        if (to === 'messages' && caller.name === 'messages') assert.equal(heard.final.stop_sequence, 'END');
    });

for (const { title, caller, to, provider, say } of here.ways())
    test(`${title}: a refusal is one for the caller`, async () => {
        await provider.plays([{ then: { refusal: 'I will not do that.' } }]);
        const { heard } = await say({ turns: [{ user: 'do it' }] });
        assert.equal(heard.refusal || heard.text, 'I will not do that.');
        if (caller.name === 'messages') assert.equal(heard.stop, 'refusal');
        if (caller.name === 'messages' || to === 'messages') return;
        assert.equal(heard.refusal, 'I will not do that.');
    });

for (const { title, caller, to, provider, say } of here.ways())
    test(`${title}: what the text refers to comes along`, async () => {
        await provider.plays([{ then: { text: 'so they say', citation: 'https://example.test/page' } }]);
        const { heard, job } = await say({ turns: [{ user: 'who says' }] });
        assert.equal(heard.text, 'so they say');
        if (caller.name === 'messages' && to !== 'messages') // its citations point into documents and searches of its own
            assert.deepEqual(job.fidelity, ['dropped:annotations']);
        else
            assert.ok(JSON.stringify(heard.annotations).includes('https://example.test/page'), JSON.stringify(heard.annotations));
    });

for (const { title, caller, to, provider, stream, say } of here.ways({ from: ['chat', 'responses'], to: ['chat', 'responses', 'llama'] }))
    test(`${title}: how probable the tokens were, each with its text, digit by digit`, async () => {
        await provider.plays([{ then: { text: 'Grüße an 🙂', logprobs: true } }]);
        const asks = { chat: { logprobs: true, top_logprobs: 1 }, responses: { include: ['message.output_text.logprobs'], top_logprobs: 1 } };
        const { heard, sent, job } = await say({ turns: [{ user: 'hi' }] }, asks[caller.name]);
        const tokens = ['Grüße ', 'an ', '🙂'].map(token => {
            const alone = { token, logprob: -0.125, bytes: [...Buffer.from(token)] };
            return { ...alone, top_logprobs: [alone] };
        });
        const { include, ...others } = asks[to === 'responses' ? 'responses' : 'chat'];
        for (const [field, value] of Object.entries(others)) assert.deepEqual(sent[field], value, field);
        if (include) assert.ok(sent.include.includes(include[0]), sent.include.join());
        const final = caller.name === 'chat' ? heard.final.choices[0].logprobs.content : heard.final.output[0].content[0].logprobs;
        assert.deepEqual(final, tokens);
        const pieces = caller.name === 'chat' ? heard.events.filter(({ choices: [choice] }) => choice?.logprobs).map(({ choices: [choice] }) => [choice.delta.content, choice.logprobs.content])
            : heard.events.filter(event => event.type === 'response.output_text.delta').map(event => [event.delta, event.logprobs]);
        assert.deepEqual(pieces, stream ? tokens.map(one => [one.token, [one]]) : []);
        assert.deepEqual(job.fidelity, []);
    });

test('temperature, top_p and seed keep their digits', async () => {
    for (const { provider, say, to, caller } of here.ways({ streams: [false] })) {
        await provider.plays([{ then: { text: 'ok' } }]);
        const warm = await say({ temperature: 0.30000000000000004, turns: [{ user: 'hi' }] });
        assert.match(warm.requests[0].body, /"temperature":\s*0\.30000000000000004/, `${caller.name} to ${to}`);
        const nucleus = await say({ turns: [{ user: 'hi' }], more: { top_p: 0.97 } });
        assert.match(nucleus.requests[0].body, /"top_p":\s*0\.97/, `${caller.name} to ${to}`);
        if (caller.name !== 'chat') continue;
        const seeded = await say({ turns: [{ user: 'hi' }], more: { seed: 1234567890 } });
        assert.ok(to === 'chat' ? seeded.sent.seed === 1234567890 : seeded.job.fidelity.includes('dropped:seed'), to);
    }
});

test('JSON mode and a schema go where they can', async () => {
    const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
    for (const { provider, say, to, caller } of here.ways({ streams: [false] })) {
        await provider.plays([{ then: { text: '{"a":1}' } }]);
        const { sent, heard } = await say({ schema, turns: [{ user: 'as JSON' }] });
        assert.deepEqual(JSON.parse(heard.text), { a: 1 });
        const carried = { chat: sent.response_format?.json_schema?.schema, responses: sent.text?.format?.schema, messages: sent.output_config?.format?.schema ?? sent.output_format?.schema }[to];
        assert.deepEqual(carried, schema, `${caller.name} to ${to}`);
        if (caller.name === 'messages') continue;
        const mode = await say({ json: true, turns: [{ user: 'as JSON' }] });
        assert.deepEqual(JSON.parse(mode.heard.text), { a: 1 });
        const says = { chat: mode.sent.response_format?.type, responses: mode.sent.text?.format?.type, messages: mode.job.fidelity.join() || 'nothing said' }[to];
        assert.ok(to === 'messages' ? /format/.test(says) : says === 'json_object', `${caller.name} to ${to}: ${says}`);
    }
});

test('a limit above what the model can is lowered, and said so', async () => {
    const can = { chat: ['gpt-4o', 16384, sent => sent.max_completion_tokens ?? sent.max_tokens], responses: ['gpt-4o', 16384, sent => sent.max_output_tokens], messages: ['claude-haiku-4-5', 64000, sent => sent.max_tokens] };
    for (const [to, [model, most, limit_of]] of Object.entries(can)) {
        const provider = await upstream(here, `small-${to}`, { ...cast[to], models: [model] });
        for (const caller of Object.values(callers)) {
            if (caller.name === to) continue;
            const heard = await caller.ask(server, caller.body(model, { max: 900_000, turns: [{ user: 'hi' }] }), { stream: true, headers: { 'x-auxot-provider': provider.slug } });
            const { sent, job } = await seen(here, provider, heard.headers);
            assert.equal(limit_of(sent), most, `${caller.name} to ${to}`);
            assert.ok(job.fidelity.includes('changed:max_tokens'), job.fidelity.join());
        }
        await provider.patch({ paused: true });
    }
});

test('megabytes of conversation are translated as well, and nobody waits for them', async () => {
    const long = 'Grüße, "Welt" \\ \u2028 und so weiter.\n'.repeat(60_000); // some 2 MB: done on another thread
    for (const { provider, say, caller, to } of here.ways({ streams: [true] })) {
        if (caller.name === to) continue;
        await provider.plays([{ then: { text: 'Read.' } }]);
        const [{ heard, requests }, quick] = await Promise.all([say({ turns: [{ user: long }, { user: 'and?' }] }), say({ turns: [{ user: 'hi' }] })]);
        assert.deepEqual([heard.text, quick.heard.text], ['Read.', 'Read.'], `${caller.name} to ${to}`);
        assert.ok(requests[0].body_bytes > 2_000_000);
    }
});

test('a caller who leaves while a long conversation is translated leaves nothing behind', async () => {
    const long = 'x'.repeat(12_000_000);
    for (const [where, body] of [[at.messages, { model: 'gpt-chat', max_tokens: 9, messages: [{ role: 'user', content: long }] }], [at.chat, { model: 'claude-messages', messages: [{ role: 'user', content: long }] }]]) {
        const call = server.begin(where, { ...body, stream: true });
        await new Promise(resolve => setTimeout(resolve, 20)); // anywhere on the way
        call.leave();
    }
    const answer = await server.call(at.chat, { model: 'claude-messages', messages: [{ role: 'user', content: 'hi' }] });
    assert.equal(answer.status, 200);
});

closing(here);
