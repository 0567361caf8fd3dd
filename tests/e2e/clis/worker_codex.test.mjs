// `auxot worker cli --tool codex`: the real Codex answers Anthropic Messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codex_binary } from '../lib/clis.mjs';
import { stories, refuses_to_start, tool, user } from '../lib/cli_stories.mjs';
import { CliWorker } from '../lib/cli_worker.mjs';

await stories('codex');

test('codex: a window of the subscription is used up: 429 until then, for everyone', async () => {
    const worker = await CliWorker.start('codex');
    const resets_at = Math.floor(Date.now() / 1000) + 3000;
    await worker.plays({ then: { status: 429, body: { error: { type: 'usage_limit_reached', message: 'The usage limit has been reached', plan_type: 'plus', resets_at } },
        headers: { 'x-codex-primary-used-percent': '100', 'x-codex-primary-window-minutes': '300', 'x-codex-primary-reset-at': String(resets_at) } } });
    const first = await worker.ask({ messages: [user('Hi.')] });
    assert.equal(first.status, 429, first.text);
    assert.match(first.json.error.message, /usage limit/);
    assert.ok(Math.abs(Number(first.headers['retry-after']) - 3000) < 60, first.headers['retry-after']);
    const before = await worker.count();
    const second = await worker.ask({ messages: [user('Hi.')] });
    assert.deepEqual([second.status, await worker.count()], [429, before], 'and no process was started for it');
    await worker.stop();
});

test('codex: its own tools work where the operator allows them, and show as thinking', async () => {
    const allowed = await CliWorker.start('codex', { args: ['--allow-tools', 'read-only'] });
    await allowed.plays({ when: { body_contains: 'function_call_output' }, then: { text: 'I saw it.' } },
        { then: { tool_loop: true, tool_calls: [{ name: 'exec_command', arguments: { cmd: 'echo hello-$((40+2))' } }] } });
    const answer = await allowed.ask({ thinking: { type: 'adaptive' }, messages: [user('Go.')] });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.json.content[0].thinking, /^\[command\] .*echo hello/);
    assert.deepEqual([answer.json.content.at(-1).text, answer.json.stop_reason], ['I saw it.', 'end_turn']);
    assert.match(JSON.stringify((await allowed.seen()).at(-1)), /hello-42/);
    await allowed.stop();
});

test('codex: a JSON schema is asked for', async () => {
    const one = await CliWorker.start('codex');
    await one.plays({ then: { text: '{"a":1}' } });
    const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
    const answer = await one.ask({ output_config: { format: { type: 'json_schema', schema } }, messages: [user('Go.')] });
    assert.equal(answer.json.content[0].text, '{"a":1}', answer.text);
    assert.deepEqual((await one.seen())[0].text.format.schema, schema);
    await one.stop();
});

test('results that never come: the process is given up after its time', async () => {
    const worker = await CliWorker.start('codex', { args: ['--tool-wait', '1'] });
    await worker.plays({ then: { tool_calls: [{ name: 'weather', arguments: {} }] } });
    const answer = await worker.ask({ tools: [tool('weather')], messages: [user('Go.')] });
    assert.equal(answer.json.stop_reason, 'tool_use');
    await worker.no_process();
    await worker.stop();
});

refuses_to_start('nobody is logged in', ['--tool', 'codex', '--program', codex_binary], /nobody is logged in to Codex here/);
