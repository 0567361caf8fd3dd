// Translation, tools: calls one and parallel, in fragments of any order, their results over several turns, choices, names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closing } from '../lib/scene.mjs';
import { crossing } from '../lib/crossing.mjs';

const here = await crossing();
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const weather = { name: 'weather', description: 'Tells the weather.', schema: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city'] } };
const clock = { name: 'clock', description: 'Tells the time.', schema: { type: 'object', properties: {} } };
const tools = [weather, clock];
const to_all = { to: ['chat', 'responses', 'messages', 'llama'] };
const call = (name, args) => ({ name, arguments: args });
const cities = names => ({ tool_calls: names.map(city => call('weather', { city })) });
// Arguments as they were told: the bytes of the deltas of a stream, else of the plain answer.
const args_of = heard => heard.calls.map(({ arguments: text }) => JSON.parse(text));

for (const { title, caller, provider, to, say } of here.ways(to_all)) {
    test(`${title}: a call`, async () => {
        await provider.plays([{ then: { tool_calls: [call('weather', { city: 'Zürich "Nord"', days: 3 })], usage: { input_tokens: 50, output_tokens: 9 } } }]);
        const { heard, job } = await say({ tools, turns: [{ user: 'weather?' }] });
        assert.equal(heard.stop, caller.stops.tools);
        assert.deepEqual(heard.calls.map(({ name }) => name), ['weather']);
        assert.deepEqual(args_of(heard), [{ city: 'Zürich "Nord"', days: 3 }]);
        if (to !== 'llama' || caller.name !== 'chat') assert.match(heard.calls[0].id, caller.call_id);
        assert.equal(heard.text, '');
        assert.deepEqual([job.status, job.input_tokens, job.output_tokens], ['done', 50, 9]);
    });

    test(`${title}: text, and two calls at once`, async () => {
        await provider.plays([{ then: { text: 'Let me look.', ...cities(['Bern', 'Genf']) } }]);
        const { heard } = await say({ tools, turns: [{ user: 'weather?' }] });
        assert.equal(heard.text, 'Let me look.');
        assert.deepEqual(args_of(heard), [{ city: 'Bern' }, { city: 'Genf' }]);
        assert.equal(new Set(heard.calls.map(({ id }) => id)).size, 2);
    });

    test(`${title}: a call without arguments`, async () => {
        await provider.plays([{ then: { tool_calls: [call('clock', {})] } }]);
        const { heard } = await say({ tools, turns: [{ user: 'time?' }] });
        assert.deepEqual(args_of(heard), [{}]);
    });

    test(`${title}: three turns, with results, an error among them`, async () => {
        await provider.plays([{ when: { body_contains: 'and the time' }, then: { tool_calls: [call('clock', {})] } }, { then: cities(['Bern', 'Genf']) }]);
        const talk = { ...(to === 'llama' ? {} : { system: 'Be brief.' }), tools, turns: [{ user: 'weather?' }] };
        const first = (await say(talk)).heard;
        talk.turns.push({ said: first }, { results: [{ id: first.calls[0].id, text: 'rain' }, { id: first.calls[1].id, text: 'no such town', error: true }] });
        await provider.plays([{ then: { text: 'Rain in Bern.' } }]);
        const second = await say(talk);
        assert.equal(second.heard.text, 'Rain in Bern.');
        assert.deepEqual(results_in(second.sent), ['rain', 'no such town']);
        if (caller.name === 'messages' && to === 'messages') assert.ok(JSON.stringify(second.sent).includes('"is_error":true'));

        talk.turns.push({ said: second.heard }, { user: 'and the time?' });
        await provider.plays([{ then: { tool_calls: [call('clock', {})] } }]);
        const third = (await say(talk)).heard;
        talk.turns.push({ said: third }, { results: [{ id: third.calls[0].id, text: '12:00' }] });
        await provider.plays([{ then: { text: 'Noon.' } }]);
        const last = await say(talk);
        assert.equal(last.heard.text, 'Noon.');
        assert.deepEqual(results_in(last.sent), ['rain', 'no such town', '12:00']);
        const ids = ids_in(last.sent);
        assert.equal(ids.calls.length, 3);
        assert.deepEqual(ids.results, ids.calls, 'each result names its call');
    });
}

// What the tools gave, as the provider sees it.
function results_in(sent) {
    if (sent.input) return sent.input.filter(item => item.type === 'function_call_output').map(item => text_in(item.output));
    return sent.messages.flatMap(message => message.role === 'tool' ? [text_in(message.content)]
        : Array.isArray(message.content) ? message.content.filter(block => block.type === 'tool_result').map(block => text_in(block.content)) : []);
}
const text_in = content => typeof content === 'string' ? content : content.map(part => part.text ?? '').join('');
function ids_in(sent) {
    if (sent.input) return { calls: sent.input.filter(item => item.type === 'function_call').map(item => item.call_id), results: sent.input.filter(item => item.type === 'function_call_output').map(item => item.call_id) };
    const blocks = sent.messages.flatMap(message => Array.isArray(message.content) ? message.content : []);
    return { calls: [...sent.messages.flatMap(message => message.tool_calls ?? []), ...blocks.filter(block => block.type === 'tool_use')].map(({ id }) => id),
        results: [...sent.messages.filter(message => message.role === 'tool').map(message => message.tool_call_id), ...blocks.filter(block => block.type === 'tool_result').map(block => block.tool_use_id)] };
}

for (const { title, provider, say, caller } of here.ways({ to: ['chat', 'llama'], streams: [true] })) {
    test(`${title}: fragments of three calls in turns are put in order, each block behind the other`, async () => {
        await provider.plays([{ then: { interleave: true, tool_calls: ['Bern', 'Genf', 'Sankt Gallen and all around'].map(city => call('weather', { city, days: 7 })) } }]);
        const { heard } = await say({ tools, turns: [{ user: 'weather?' }] });
        assert.deepEqual(args_of(heard).map(({ city }) => city), ['Bern', 'Genf', 'Sankt Gallen and all around']);
        if (caller.name !== 'messages') return;
        const blocks = heard.events.filter(({ type }) => /^content_block_(start|stop)$/.test(type)).map(({ type, index }) => `${type.slice(14)}${index}`);
        assert.deepEqual(blocks, ['start0', 'stop0', 'start1', 'stop1', 'start2', 'stop2']);
    });

    test(`${title}: arguments in one chunk with their call, as older servers say it`, async () => {
        await provider.plays([{ then: { whole_arguments: true, ...cities(['Bern', 'Genf']) } }]);
        const { heard } = await say({ tools, turns: [{ user: 'weather?' }] });
        assert.deepEqual(args_of(heard), [{ city: 'Bern' }, { city: 'Genf' }]);
    });
}

test("arguments are not altered by a byte: numbers keep their digits, objects their order", async () => {
    const odd = '{"n": 1.0, "big":12345678901234567890,"z":[1e2, -0.0],"a":"\\u00e9\\u2028\\/"}';
    for (const { provider, say, caller, to, stream } of here.ways()) {
        await provider.plays([{ then: { tool_calls: [{ name: 'weather', arguments: odd }] } }]);
        const { heard } = await say({ tools, turns: [{ user: 'weather?' }] });
        if (caller.name !== 'messages') assert.equal(heard.calls[0].arguments, odd, `${caller.name} to ${to}`);
        if (caller.name === 'messages' && stream)
            assert.equal(heard.events.map(event => event.delta?.partial_json ?? '').join(''), odd, `${caller.name} to ${to}`);
    }
});

test('tool choice, of each kind, at each provider', async () => {
    const wanted = {
        chat: { auto: 'auto', none: 'none', required: 'required', named: { type: 'function', function: { name: 'clock' } } },
        responses: { auto: 'auto', none: 'none', required: 'required', named: { type: 'function', name: 'clock' } },
        messages: { auto: { type: 'auto' }, none: { type: 'none' }, required: { type: 'any' }, named: { type: 'tool', name: 'clock' } },
        llama: { auto: 'auto', none: 'none', required: 'required', named: 'required' },
    };
    for (const { provider, say, caller, to } of here.ways({ streams: [false], ...to_all })) {
        await provider.plays([{ then: { tool_calls: [call('clock', {})] } }]);
        for (const kind of ['auto', 'none', 'required', 'named']) {
            if (to === 'llama' && caller.name === 'chat') continue; // its own dialect: passed
            const { sent, heard } = await say({ tools, choice: kind === 'named' ? { name: 'clock' } : kind, turns: [{ user: 'time?' }] });
            const where = `${caller.name} to ${to}, ${kind}`;
            assert.deepEqual(sent.tool_choice ?? (kind === 'auto' ? wanted[to].auto : kind === 'none' && !sent.tools ? wanted[to].none : undefined), wanted[to][kind], where);
            assert.equal(heard.calls.length, kind === 'none' ? 0 : 1, where);
            if (to === 'llama' && kind === 'named') assert.deepEqual(sent.tools.map(tool => tool.function.name), ['clock'], where);
        }
        const { sent } = await say({ tools, parallel: false, turns: [{ user: 'time?' }] });
        if (to === 'messages') assert.equal(sent.tool_choice.disable_parallel_tool_use, true, caller.name);
        else assert.equal(sent.parallel_tool_calls, false, `${caller.name} to ${to}`);
    }
});

test('images in results reach whoever can see them', async () => {
    for (const { provider, say, caller, to } of here.ways({ from: ['responses', 'messages'], streams: [false], ...to_all })) {
        await provider.plays([{ then: { tool_calls: [call('clock', {})] } }]);
        const talk = { tools, turns: [{ user: 'time?' }] };
        const { heard } = await say(talk);
        talk.turns.push({ said: heard }, { results: [{ id: heard.calls[0].id, parts: ['a picture of it:', { image: dot, type: 'image/png' }] }] });
        await provider.plays([{ then: { text: 'Noon.' } }]);
        const after = await say(talk);
        assert.equal(after.heard.text, 'Noon.', `${caller.name} to ${to}`);
        assert.ok(JSON.stringify(after.sent).includes(dot), `${caller.name} to ${to}`);
        assert.deepEqual(after.job.fidelity.filter(note => !note.startsWith('emulated:')), [], `${caller.name} to ${to}`);
    }
});

test('a name that a provider does not take is changed for it and restored for the caller', async () => {
    const name = `mcp__a_server_with_a_long_name__${'x'.repeat(90)}`;
    const mine = [{ ...weather, name }, clock];
    for (const { provider, say, to, stream } of here.ways({ from: ['messages'], ...to_all })) {
        await provider.plays([{ then: { text: 'ok' } }]);
        const { sent } = await say({ tools: mine, turns: [{ user: 'weather?' }] });
        const told = sent.tools.map(tool => tool.function?.name ?? tool.name)[0];
        assert.equal(told === name, to === 'messages', told);
        await provider.plays([{ then: { tool_calls: [call(told, { city: 'Bern' })] } }]);
        const talk = { tools: mine, choice: { name }, turns: [{ user: 'weather?' }] };
        const { heard } = await say(talk);
        assert.deepEqual(heard.calls.map(one => one.name), [name], `to ${to}, ${stream}`);
        await provider.plays([{ then: { text: 'Rain.' } }]);
        const after = await say({ ...talk, choice: undefined, turns: [...talk.turns, { said: heard }, { results: [{ id: heard.calls[0].id, text: 'rain' }] }] });
        assert.equal(after.heard.text, 'Rain.');
        assert.ok(JSON.stringify(after.sent).includes(`"${told}"`));
    }
});

test("Codex's namespaces and custom tools go and come back", async () => {
    const codex = [{ type: 'namespace', name: 'mcp__ev', description: 'A server.', tools: [{ type: 'function', name: 'echo', description: 'Says it again.', parameters: { type: 'object', properties: { text: { type: 'string' } } }, strict: false }] },
        { type: 'custom', name: 'apply_patch', description: 'Patches.', format: { type: 'grammar', syntax: 'lark', definition: 'start: /.+/' } }];
    for (const { provider, caller, model, stream, to, say } of here.ways({ from: ['responses'], to: ['chat', 'messages', 'llama'] })) {
        await provider.plays([{ then: { text: 'ok' } }]);
        const body = { tools: codex, tool_choice: 'auto' };
        const { sent } = await say({ turns: [{ user: 'go' }] }, body);
        const told = sent.tools.map(tool => tool.function?.name ?? tool.name);
        assert.equal(told.length, 2, `${model}: ${told}`);
        const patch = '*** Begin Patch\n+a "b" \\ c\n*** End Patch';
        await provider.plays([{ then: { tool_calls: [call(told[0], { text: 'hey' }), call(told[1], { input: patch })] } }]);
        const { heard } = await say({ turns: [{ user: 'go' }] }, body);
        const made = heard.final.output.filter(item => /call$/.test(item.type));
        assert.deepEqual(made.map(item => [item.type, item.namespace ?? '', item.name, item.input ?? JSON.parse(item.arguments).text]),
            [['function_call', 'mcp__ev', 'echo', 'hey'], ['custom_tool_call', '', 'apply_patch', patch]], `${caller.name} to ${to}, ${stream}`);
        await provider.plays([{ then: { text: 'Done.' } }]);
        const input = [{ role: 'user', content: 'go' }, ...heard.final.output, { type: 'function_call_output', call_id: made[0].call_id, output: 'hey' },
            { type: 'custom_tool_call_output', call_id: made[1].call_id, output: 'patched' }];
        const after = await say({ turns: [{ user: 'go' }] }, { ...body, input });
        assert.equal(after.heard.text, 'Done.');
        assert.deepEqual(results_in(after.sent), ['hey', 'patched']);
    }
});

closing(here);
