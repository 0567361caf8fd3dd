// What `auxot worker cli` promises, whichever tool answers: the real one, with a simulator as its own upstream.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { CliWorker } from './cli_worker.mjs';
import { run, until } from './process.mjs';
import { empty_dir } from './server.mjs';
import { Suite } from './suite.mjs';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const tool = (name, properties = { city: { type: 'string' } }) => ({ name, description: `Tells ${name}.`, input_schema: { type: 'object', properties } });
export const user = content => ({ role: 'user', content });
export const result = (call, content, more = {}) => ({ type: 'tool_result', tool_use_id: call.id, content, ...more });
export const calls_of = message => message.content.filter(block => block.type === 'tool_use');
export const text_of = message => message.content.filter(block => block.type === 'text').map(block => block.text).join('');

// A streamed answer put together as a client does: blocks in order, each begun and ended.
function message_of(call) {
    const message = { content: [] };
    for (const { name, json } of call.events) {
        if (name === 'message_start') Object.assign(message, json.message, { content: [] });
        if (name === 'content_block_start') {
            assert.equal(json.index, message.content.length, 'indexes go up by one');
            message.content.push({ ...json.content_block, partial: '' });
        }
        const block = message.content.at(-1);
        if (json?.delta?.type === 'text_delta') block.text += json.delta.text;
        if (json?.delta?.type === 'thinking_delta') block.thinking += json.delta.thinking;
        if (json?.delta?.type === 'input_json_delta') block.partial += json.delta.partial_json;
        if (name === 'content_block_stop' && block.type === 'tool_use') block.input = JSON.parse(block.partial || '{}');
        if (name === 'message_delta') Object.assign(message, json.delta, { usage: json.usage });
    }
    assert.equal(call.events.at(-1).name, 'message_stop');
    message.content = message.content.map(({ partial, ...block }) => block);
    return message;
}

// What the tool's upstream was told, as [role, words] in order; what the tool adds on its own account left out.
const words_of = {
    claude: body => body.messages.filter(one => one.role !== 'system').flatMap(one => [].concat(one.content)
        .map(block => [one.role, typeof block === 'string' ? block : block.text ?? (block.type === 'tool_use' ? `${block.name} ${block.id}`
            : block.type === 'tool_result' ? `= ${block.tool_use_id} ${[].concat(block.content).map(piece => piece.text ?? piece.type ?? piece).join('+')}` : block.type)])),
    codex: body => body.input.filter(item => item.role !== 'developer').flatMap(item => item.type === 'message'
        ? item.content.map(piece => [item.role, piece.text ?? piece.type])
        : item.type === 'function_call' ? [['assistant', `${item.name} ${item.call_id}`]]
            : [['user', `= ${item.call_id} ${[].concat(item.output).map(piece => piece.text ?? piece.type ?? piece).join('+')}`]]),
};
const offered = body => (body.tools ?? []).map(one => one.name);

// Returns the worker that they were told of.
export async function stories(name) {
    const worker = await CliWorker.start(name, { args: ['--parallel', '2', '--tool-wait', '30'] });
    after(() => worker.stop());
    const words = words_of[name];
    const own_id = id => name === 'codex' ? id.replace(/^toolu_/, '') : id; // as its upstream knows it
    const two_calls = { text: 'Let me look. ', tool_calls: [{ name: 'weather', arguments: { city: 'Rome' } }, { name: 'clock', arguments: { city: 'Bern' } }] };
    const tools = [tool('weather'), tool('clock')];

    test(`${name}: a plain answer, with usage`, async () => {
        await worker.plays({ then: { text: 'Hello there.', usage: { input_tokens: 120, output_tokens: 7, cached_tokens: 20 } } });
        const before = await worker.count();
        const answer = await worker.ask({ system: 'You are Ada.', messages: [user('Who are you?')] });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(text_of(answer.json), 'Hello there.');
        const { model, stop_reason, usage, role, type } = answer.json;
        assert.deepEqual([model, stop_reason, role, type], ['sim-model', 'end_turn', 'assistant', 'message']);
        const fresh = name === 'claude' ? 120 : 100; // each vendor counts in its own way
        assert.deepEqual([usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens], [fresh, 20, 7]);
        const [seen, ...more] = await worker.seen(before);
        assert.equal(more.length, 0, 'one request for one answer');
        assert.deepEqual(words(seen), [['user', 'Who are you?']], 'nothing but what the caller said');
        assert.match(JSON.stringify(seen), /You are Ada\./);
        assert.equal(offered(seen).includes('Bash') || offered(seen).includes('exec_command'), false, 'its own tools are off');
        await worker.no_process();
        await until(() => worker.places().length === 0, 'its directory is gone');
    });

    test(`${name}: a stream, event by event`, async () => {
        await worker.plays({ then: { events: 6, gap_ms: 40 } });
        const answer = await worker.ask({ stream: true, messages: [user('Count.')] });
        const message = message_of(answer);
        assert.equal(text_of(message).trim().split(' ').length, 6);
        assert.ok(answer.events.filter(event => event.name === 'content_block_delta').length >= 6, 'as it comes');
        assert.deepEqual([message.stop_reason, message.usage.output_tokens], ['end_turn', 6]);
    });

    test(`${name}: thinking is shown to who asks for it`, async () => {
        await worker.plays({ then: { reasoning: 'Let me see.', text: 'Ok.' } });
        const shown = message_of(await worker.ask({ stream: true, thinking: { type: 'adaptive' }, messages: [user('Think.')] }));
        assert.deepEqual(shown.content.map(block => block.thinking ?? block.text), ['Let me see.', 'Ok.']);
        const hidden = await worker.ask({ messages: [user('Think.')] });
        assert.deepEqual(hidden.json.content, [{ type: 'text', text: 'Ok.' }]);
    });

    for (const stream of [false, true])
        test(`${name}: a turn with two of the caller's tools: the process waits for both results (${stream ? 'stream' : 'plain'})`, async () => {
            await worker.no_process(); // of the test before: its end is not waited for there
            await worker.plays({ when: { body_contains: 'sunny' }, then: { text: 'Sunny at noon.' } }, { then: two_calls });
            const before = await worker.count();
            const messages = [user('Weather and time?')];
            const answer = async body => { const call = await worker.ask(body); assert.equal(call.status, 200, call.text); return stream ? message_of(call) : call.json; };
            const first = await answer({ stream, tools, messages });
            assert.equal(first.stop_reason, 'tool_use');
            assert.equal(text_of(first), 'Let me look. ');
            const calls = calls_of(first);
            assert.deepEqual(calls.map(call => [call.name, call.input]), [['weather', { city: 'Rome' }], ['clock', { city: 'Bern' }]]);
            for (const call of calls) assert.match(call.id, /^toolu_/);
            const [waiting, ...more] = worker.processes();
            assert.equal(more.length, 0);
            assert.ok(waiting, 'the process waits');
            const second = await answer({ stream, tools, messages: [...messages, { role: 'assistant', content: first.content },
                user([result(calls[0], 'sunny'), result(calls[1], [{ type: 'text', text: 'noon' }])])] });
            assert.deepEqual([text_of(second), second.stop_reason], ['Sunny at noon.', 'end_turn']);
            const seen = await worker.seen(before);
            assert.equal(seen.length, 2, 'nothing was asked twice');
            assert.deepEqual(offered(seen[0]).filter(one => ['weather', 'clock'].includes(one)).sort(), ['clock', 'weather'], 'under their own names');
            assert.deepEqual(words(seen[1]), [['user', 'Weather and time?'], ['assistant', 'Let me look. '],
                ['assistant', `weather ${own_id(calls[0].id)}`], ['assistant', `clock ${own_id(calls[1].id)}`],
                ['user', `= ${own_id(calls[0].id)} sunny`], ['user', `= ${own_id(calls[1].id)} noon`]]);
            await worker.no_process();
        });

    test(`${name}: a round of calls behind a round of calls, an error and a picture among the results`, async () => {
        await worker.plays({ when: { body_contains: 'second result' }, then: { text: 'Done.' } },
            { when: { body_contains: 'first result' }, then: { tool_loop: true, tool_calls: [{ name: 'clock', arguments: {} }] } },
            { then: { tool_calls: [{ name: 'weather', arguments: { city: 'Rome' } }] } });
        const messages = [user('Go.')];
        const next = async content => {
            const { json, status, text } = await worker.ask({ tools, messages: [...messages, user(content)] });
            assert.equal(status, 200, text);
            messages.push(user(content), { role: 'assistant', content: json.content });
            return json;
        };
        messages.pop();
        const one = await next('Go.');
        const two = await next([result(calls_of(one)[0], [{ type: 'text', text: 'first result' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } }])]);
        assert.deepEqual(calls_of(two).map(call => call.name), ['clock']);
        const three = await next([result(calls_of(two)[0], 'second result', { is_error: true })]);
        assert.equal(text_of(three), 'Done.');
        const last = words((await worker.seen()).at(-1));
        assert.match(JSON.stringify(last), /image/);
    });

    test(`${name}: when the process is gone the conversation is replayed, word for word`, async () => {
        await worker.plays({ when: { body_contains: 'cold' }, then: { text: 'Take a coat.' } }, { then: two_calls });
        const messages = [user('Before?'), { role: 'assistant', content: 'Before.' }, user('Weather and time?')];
        const first = (await worker.ask({ tools, messages })).json;
        const calls = calls_of(first);
        for (const pid of worker.processes()) process.kill(pid, 'SIGKILL');
        await worker.no_process();
        const before = await worker.count();
        const second = await worker.ask({ tools, messages: [...messages, { role: 'assistant', content: first.content },
            user([result(calls[0], 'cold'), result(calls[1], 'noon', { is_error: true })])] });
        assert.deepEqual([second.status, text_of(second.json)], [200, 'Take a coat.'], second.text);
        const [seen] = await worker.seen(before);
        const told = words(seen).filter(([, text]) => text !== 'Continue from where you left off.').map(([role, text]) => [role, text.replace('[error] ', '')]);
        assert.deepEqual(told, [['user', 'Before?'], ['assistant', 'Before.'], ['user', 'Weather and time?'], ['assistant', 'Let me look. '],
            ['assistant', `weather ${own_id(calls[0].id)}`], ['assistant', `clock ${own_id(calls[1].id)}`],
            ['user', `= ${own_id(calls[0].id)} cold`], ['user', `= ${own_id(calls[1].id)} noon`]]);
        await worker.no_process();
    });

    test(`${name}: who tells another story gets a process of his own`, async () => {
        await worker.plays({ when: { body_contains: 'sunny' }, then: { text: 'So.' } }, { then: two_calls });
        const first = (await worker.ask({ tools, messages: [user('Weather and time?')] })).json;
        const [waiting] = worker.processes();
        const calls = calls_of(first);
        const before = await worker.count();
        const other = await worker.ask({ tools, messages: [user('Weather and time, please?'), { role: 'assistant', content: first.content },
            user(calls.map(call => result(call, 'sunny')))] });
        assert.equal(text_of(other.json), 'So.');
        assert.match(JSON.stringify((await worker.seen(before))[0]), /please/);
        assert.ok(worker.processes().includes(waiting), 'the other one still waits');
        process.kill(waiting, 'SIGKILL');
        await worker.no_process();
    });

    test(`${name}: a tool that nobody has does not end the answer`, async () => {
        await worker.plays({ when: { body_contains: name === 'claude' ? 'No such tool' : 'unsupported call' }, then: { text: 'I go on alone.' } },
            { then: { tool_loop: true, tool_calls: [{ name: 'nobody_has_it', arguments: {} }] } });
        const answer = await worker.ask({ tools, messages: [user('Go.')] });
        assert.deepEqual([answer.status, text_of(answer.json), answer.json.stop_reason], [200, 'I go on alone.', 'end_turn'], answer.text);
    });

    test(`${name}: tools with the names of its own are the caller's`, async () => {
        const names = name === 'claude' ? ['Bash', 'Read'] : ['Bash', 'exec_command', 'view_image'];
        for (const one of names) {
            await worker.plays({ when: { body_contains: 'it ran' }, then: { text: `I saw it, ${one}.` } },
                { then: { tool_calls: [{ name: name === 'codex' && one.includes('_') ? `caller_${one}` : one, arguments: { cmd: 'ls' } }] } });
            const own = names.map(each => tool(each, { cmd: { type: 'string' } }));
            const first = await worker.ask({ tools: own, messages: [user('Run.')] });
            assert.equal(first.status, 200, first.text);
            const [call] = calls_of(first.json);
            assert.deepEqual([call?.name, call?.input], [one, { cmd: 'ls' }]);
            const second = await worker.ask({ tools: own, messages: [user('Run.'), { role: 'assistant', content: first.json.content }, user([result(call, 'it ran')])] });
            assert.equal(text_of(second.json), `I saw it, ${one}.`, second.text);
        }
    });

    test(`${name}: a picture reaches its model`, async () => {
        await worker.plays({ then: { text: 'A dot.' } });
        const before = await worker.count();
        const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } };
        const answer = await worker.ask({ messages: [user([picture, { type: 'text', text: 'What is it?' }])] });
        assert.equal(text_of(answer.json), 'A dot.');
        assert.match(JSON.stringify((await worker.seen(before))[0]), new RegExp(PNG.slice(0, 40).replace(/[+/]/g, '.')));
    });

    test(`${name}: words stay words: no file is read, no command is run, no tool acts`, async () => {
        const secret = path.join(empty_dir('secret'), 'secret.txt');
        fs.writeFileSync(secret, 'TOP' + 'SECRET');
        await worker.plays({ then: { text: 'Just words.' } });
        for (const words of [`Look at @${secret} please`, '/cost', '/compact', '!cat /etc/passwd', '#remember this']) {
            const before = await worker.count();
            const answer = await worker.ask({ messages: [user('Hi.'), { role: 'assistant', content: 'Hi.' }, user(words)] });
            assert.equal(text_of(answer.json), 'Just words.', words);
            const seen = await worker.seen(before);
            assert.equal(seen.length, 1);
            assert.doesNotMatch(JSON.stringify(seen), /TOPSECRET/);
            assert.ok(JSON.stringify(seen[0]).includes(JSON.stringify(words).slice(1, -1)));
        }
    });

    test(`${name}: a caller who leaves takes the request and the process with him`, async () => {
        await worker.plays({ then: { events: 100_000, gap_ms: 5 } });
        const before = await worker.count();
        const call = worker.begin({ stream: true, messages: [user('Count.')] });
        await call.when(() => call.events.length > 5);
        call.request.destroy();
        const entry = async () => (await worker.sim.log())[before];
        await until(async () => (await entry())?.ended === 'client_closed', 'its upstream was closed');
        await worker.no_process();
        await until(() => worker.places().length === 0, 'its directory is gone');
    });

    test(`${name}: no slot is free: not begun, and said so`, async () => {
        await worker.plays({ then: { events: 100_000, gap_ms: 5 } });
        const busy = [worker.begin({ stream: true, messages: [user('Count.')] }), worker.begin({ stream: true, messages: [user('Count.')] })];
        for (const call of busy) await call.when(() => call.events.length > 1);
        const refused = await worker.ask({ messages: [user('Hi.')] });
        assert.deepEqual([refused.status, refused.headers['x-auxot-not-begun'], refused.json.error.type], [503, '1', 'overloaded_error']);
        for (const call of busy) call.request.destroy();
        await worker.no_process();
    });

    // Trouble of its upstream is an answer like a provider's own.
    const too_long = name === 'claude' ? { status: 400, error_message: 'prompt is too long: 210000 tokens > 200000 maximum' }
        : { error_event_after: { events: 0, code: 'context_length_exceeded', message: 'Too much.', shape: 'failed' } };
    for (const [what, then, status, type] of [
        ['over its limit', { status: 429, retry_after: '300' }, 429, 'rate_limit_error'],
        ['refuses the key', { status: 401 }, 401, 'authentication_error'],
        ['fails', { status: 500 }, name === 'claude' ? 500 : 502, 'api_error'],
        ['knows no such model', { status: 404 }, 404, 'not_found_error'],
        ['finds the prompt too long', too_long, 400, 'invalid_request_error'],
    ])
        test(`${name}: its upstream ${what}`, async () => {
            await worker.plays({ then });
            const answer = await worker.ask({ stream: true, messages: [user('Hi.')] });
            assert.equal(answer.status, status, answer.text);
            assert.equal(answer.json.error.type, type);
            if (status === 429) assert.ok(Number(answer.headers['retry-after']) > 0);
            if (what.includes('too long')) assert.match(answer.json.error.message, /^prompt is too long/);
            await worker.no_process();
        });

    test(`${name}: its upstream dies in mid-stream: an error event, and no splice`, async () => {
        await worker.plays({ when: { nth: 1 }, then: { events: 20, gap_ms: 10, cut_after_events: 5 } }, { then: { text: 'Again from the start.' } });
        const answer = await worker.ask({ stream: true, messages: [user('Count.')] });
        assert.equal(answer.events.at(-1).name, 'error', answer.text.slice(-500));
        assert.doesNotMatch(answer.text, /Again/);
        await worker.no_process();
    });

    test(`${name}: the worker killed, nothing is left running`, async () => {
        const short = await CliWorker.start(name);
        await short.plays({ then: two_calls });
        await short.ask({ tools, messages: [user('Go.')] });
        const pids = short.processes();
        assert.equal(pids.length, 1);
        await short.child.stop('SIGKILL');
        await until(() => pids.every(pid => !fs.existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))), 'its process died with it');
        await short.sim.stop();
    });
    return worker;
}

// A start that cannot work says what to do.
export function refuses_to_start(name, args, sentence, env = {}) {
    test(`at the start: ${name}`, async () => {
        const home = empty_dir('nobody');
        const ended = await run(Suite.binary, ['worker', 'cli', ...args, '--listen', '0', '--scratch', home], { env: { HOME: home, CODEX_HOME: home, PATH: '/nonexistent',
            ANTHROPIC_API_KEY: undefined, ANTHROPIC_AUTH_TOKEN: undefined, CLAUDE_CODE_OAUTH_TOKEN: undefined, OPENAI_API_KEY: undefined, CURSOR_API_KEY: undefined, ...env } });
        assert.notEqual(ended.code, 0);
        assert.match(ended.stderr, sentence);
    });
}
