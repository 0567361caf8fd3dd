// Codex, pointed at the gateway, works as it does with the vendor.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closing, scene } from '../lib/scene.mjs';
import { begin_codex, codex } from '../lib/clis.mjs';
import { stamps_of } from '../lib/sse.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ first: { models: ['gpt-sim'], flags: ['--strict'] }, second: { models: ['gpt-sim'], flags: ['--strict'] } });
const { server, first, second } = here;
const both = async (one, two = []) => { await first.plays(one); await second.plays(two); };
const command = { tool_calls: [{ name: 'exec_command', arguments: { cmd: 'echo hello-$((40+2))' } }] };
const seen_by = async who => (await who.sim.log()).length;

function assert_well(run, message) {
    assert.equal(run.code, 0, run.stderr + JSON.stringify(run.lines.slice(-3)));
    assert.deepEqual(run.messages, [message]);
    assert.deepEqual(run.errors, [], 'it noticed nothing');
}

test('a prompt is answered over /responses, with usage', async () => {
    await both([{ then: { text: 'Hello from the other side.', usage: { input_tokens: 100, output_tokens: 7, cached_tokens: 40 } } }]);
    const run = await codex(server);
    assert_well(run, 'Hello from the other side.');
    assert.deepEqual([run.usage.input_tokens, run.usage.cached_input_tokens, run.usage.output_tokens], [100, 40, 7]);
    const [job] = await server.jobs();
    assert.deepEqual([job.status, job.dialect, job.stream, job.output_tokens], ['done', 'openai', true, 7]);
    assert.notEqual((await first.sim.log()).at(-1).x_client_request_id, '', 'its own request id is not passed on as ours');
});

test('the built-in provider tries a WebSocket, gets 426 and goes on over HTTP', async () => {
    await both([{ then: { text: 'Hello.' } }]);
    const before = await seen_by(first);
    const run = await codex(server, { builtin: true });
    assert.equal(run.code, 0, run.stderr);
    assert.equal(run.message, 'Hello.');
    assert.equal(await seen_by(first) - before, 1);
});

for (const builtin of [false, true])
    test(`a turn with a tool call: the command runs, its output goes back, the answer comes${builtin ? ' (built-in provider)' : ''}`, async () => {
        await both([{ when: { body_contains: 'hello-42' }, then: { text: 'I saw it.' } }, { then: command }]);
        const before = await seen_by(first);
        const run = await codex(server, { builtin });
        assert.equal(run.code, 0, run.stderr);
        assert.equal(run.message, 'I saw it.');
        assert.deepEqual(run.commands.map(item => [item.aggregated_output, item.exit_code]), [['hello-42\n', 0]]);
        assert.equal(await seen_by(first) - before, 2);
    });

const troubles = [
    ['F01/F05: the first provider closes before the head', { reset_before_head: true }],
    ['F06: the first provider dies behind its head', { cut_after_events: 0 }],
    ['F20: the first provider is over its limit', { status: 429, retry_after: '300' }],
    ['F21: the first provider says in a 200 that it is overloaded', { error_event_after: { events: 0, type: 'overloaded_error', message: 'Overloaded' } }],
    ['F21: the first provider begins with response.failed', { error_event_after: { events: 0, code: 'server_error', message: 'Sorry', shape: 'failed' } }],
    ['F22: the first provider refuses the key', { status: 401 }],
    ['F23: the first provider fails', { status: 500 }],
];
for (const [name, then] of troubles)
    test(`${name}: Codex sees nothing of it`, async () => {
        await both([{ then }], [{ then: { text: 'Hello from the second.' } }]);
        const before = await seen_by(second);
        assert_well(await codex(server), 'Hello from the second.');
        assert.equal(await seen_by(second) - before, 1);
    });

test('failover in the turn behind a tool call is unseen as well', async () => {
    await both([{ when: { body_contains: 'hello-42' }, then: { status: 503 } }, { then: command }], [{ then: { text: 'I saw it.' } }]);
    const run = await codex(server);
    assert_well(run, 'I saw it.');
});

test('F07: after a death in mid-stream it understands the error event and asks again', async () => {
    await both([{ when: { nth: 1 }, then: { events: 20, cut_after_events: 5 } }, { then: { text: 'Hello again.' } }]);
    await second.patch({ paused: true });
    const run = await codex(server);
    await second.patch({ paused: false });
    assert.equal(run.code, 0, run.stderr);
    assert.equal(run.message, 'Hello again.');
});

test('an unknown model ends at once with the sentence of the gateway', async () => {
    await both([]);
    const run = await codex(server, { model: 'gpt-nobody' });
    assert.equal(run.code, 1);
    assert.match(JSON.stringify(run.lines), /gpt-nobody/);
});

test('F18: killed in mid-stream, the upstream is closed', async () => {
    await both([{ then: { events: 100_000, gap_ms: 5 } }]);
    const before = await seen_by(first);
    const child = begin_codex(server);
    const entry = await until(async () => (await first.sim.log())[before], 'the upstream has the request');
    await child.stop('SIGINT');
    await until(async () => (await first.sim.log()).find(one => one.seq === entry.seq).ended === 'client_closed', 'the upstream was closed');
    assert.equal((await server.job(entry.x_client_request_id.replace(/-\d+$/, ''))).status, 'cancelled');
});

test('a long stream arrives whole and in order', async () => {
    await both([{ then: { events: 3000 } }]);
    const run = await codex(server);
    assert.equal(run.code, 0, run.stderr + JSON.stringify(run.lines.slice(-3)));
    const stamps = stamps_of(run.message);
    assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [3000, 1, true]);
});

closing(here);
