// Claude Code, pointed at the gateway, works as it does with the vendor.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closing, scene } from '../lib/scene.mjs';
import { begin_claude, claude } from '../lib/clis.mjs';
import { stamps_of } from '../lib/sse.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ first: { dialect: 'anthropic', models: ['claude-sim'], flags: ['--strict'] }, second: { dialect: 'anthropic', models: ['claude-sim'], flags: ['--strict'] } });
const { server, first, second } = here;
const both = async (one, two = []) => { await first.plays(one); await second.plays(two); };
const bash = (command, more = {}) => ({ tool_calls: [{ name: 'Bash', arguments: { command, description: 'test' } }], ...more });
const seen_by = async who => (await who.sim.log()).length;

function assert_well(run, text) {
    assert.equal(run.code, 0, run.stderr);
    assert.equal(run.result.is_error, false, JSON.stringify(run.result));
    assert.equal(run.result.result, text);
    assert.equal(run.retries, 0, 'it noticed nothing');
}

test('a prompt is answered, streamed delta by delta; key, session and beta headers pass', async () => {
    await both([{ then: { text: 'Hello from the other side.' } }]);
    const run = await claude(server);
    assert_well(run, 'Hello from the other side.');
    assert.equal(run.text, 'Hello from the other side.');
    const seen = (await first.sim.log()).at(-1);
    assert.deepEqual([seen.path, seen.query, seen.stream], ['/v1/messages', 'beta=true', true]);
    assert.ok(seen.headers['anthropic-version'] && seen.headers['anthropic-beta']);
    const [job] = await server.jobs();
    assert.deepEqual([job.status, job.dialect, job.requested_model, job.stream], ['done', 'anthropic', 'claude-sim', true]);
    assert.equal(run.result.usage.output_tokens, job.output_tokens);
});

test('the large prompt of an unbared session passes, with the token as Bearer', async () => {
    await both([{ then: { text: 'Hello.' } }]);
    const run = await claude(server, { args: [], env: { ANTHROPIC_API_KEY: undefined, ANTHROPIC_AUTH_TOKEN: server.member } });
    assert_well(run, 'Hello.');
    assert.ok((await first.sim.log()).at(-1).body_bytes > 20_000);
});

test('a turn with a tool call: the tool runs, its result goes back, the answer comes', async () => {
    await both([{ when: { body_contains: 'hello-42' }, then: { text: 'I saw it.' } }, { then: bash('echo hello-$((40+2))') }]);
    const before = await seen_by(first);
    const run = await claude(server, { args: ['--bare', '--allowedTools', 'Bash'] });
    assert_well(run, 'I saw it.');
    assert.equal(run.result.num_turns, 2);
    assert.equal(await seen_by(first) - before, 2);
});

test('thinking is streamed and kept for the next turn, signature and all', async () => {
    await both([{ when: { body_contains: 'hello-42' }, then: { text: 'I saw it.' } }, { then: bash('echo hello-$((40+2))', { reasoning: 'Let me think about that.' }) }]);
    assert_well(await claude(server, { args: ['--bare', '--allowedTools', 'Bash'] }), 'I saw it.');
    const turns = JSON.parse((await first.sim.log()).at(-1).body).messages;
    const block = turns.flatMap(turn => Array.isArray(turn.content) ? turn.content : []).find(one => one.type === 'thinking');
    assert.ok(block?.signature, 'the second turn has the thinking block of the first');
});

const troubles = [
    ['F01/F05: the first provider closes before the head', { reset_before_head: true }],
    ['F06: the first provider dies behind its head', { cut_after_events: 0 }],
    ['F20: the first provider is over its limit', { status: 429, retry_after: '300' }],
    ['F21: the first provider is overloaded, told as an event in a 200', { error_event_after: { events: 0, type: 'overloaded_error', message: 'Overloaded' } }],
    ['F22: the first provider refuses the key', { status: 401 }],
    ['F23: the first provider fails', { status: 500 }],
];
for (const [name, then] of troubles)
    test(`${name}: Claude Code sees nothing of it`, async () => {
        await both([{ then }], [{ then: { text: 'Hello from the second.' } }]);
        const before = await seen_by(second);
        assert_well(await claude(server), 'Hello from the second.');
        assert.equal(await seen_by(second) - before, 1);
    });

test('failover in the turn behind a tool call is unseen as well', async () => {
    await both([{ when: { body_contains: 'hello-42' }, then: { status: 529 } }, { then: bash('echo hello-$((40+2))') }], [{ then: { text: 'I saw it.' } }]);
    assert_well(await claude(server, { args: ['--bare', '--allowedTools', 'Bash'] }), 'I saw it.');
});

test('F07: after a death in mid-stream it asks again, in the end without streaming, and gets its plain answer', async () => {
    await both([{ when: { stream: true }, then: { events: 20, cut_after_events: 5 } }, { then: { text: 'Plainly.' } }]);
    await second.patch({ paused: true });
    const run = await claude(server);
    await second.patch({ paused: false });
    assert.equal(run.code, 0, run.stderr);
    assert.equal(run.result.result, 'Plainly.');
    assert.equal((await first.sim.log()).at(-1).stream, false);
});

test('a bad key and an unknown model end at once, with the sentence of the gateway, not after ten retries', async () => {
    await both([]);
    const bad_key = await claude(server, { key: 'auxk_nonsense' });
    assert.equal(bad_key.code, 1);
    assert.deepEqual([bad_key.result.is_error, bad_key.result.api_error_status], [true, 401]);
    assert.equal(bad_key.retries, 0);
    const no_model = await claude(server, { model: 'claude-nobody' });
    assert.equal(no_model.code, 1);
    assert.deepEqual([no_model.result.is_error, no_model.result.api_error_status], [true, 404]);
    assert.equal(no_model.retries, 0);
});

test('F18: Ctrl-C in mid-stream closes the upstream', async () => {
    await both([{ then: { events: 100_000, gap_ms: 5 } }]);
    const child = begin_claude(server);
    await child.line(/tok-\d+-3/);
    const entry = (await first.sim.log()).at(-1);
    assert.equal(entry.ended, null);
    await child.stop('SIGINT');
    await until(async () => (await first.sim.log()).find(one => one.seq === entry.seq).ended === 'client_closed', 'the upstream was closed');
    assert.equal((await server.job(entry.x_client_request_id.replace(/-\d+$/, ''))).status, 'cancelled');
});

test('a long stream arrives whole and in order', async () => {
    await both([{ then: { events: 3000 } }]);
    const run = await claude(server);
    const stamps = stamps_of(run.text);
    assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [3000, 1, true]);
});

closing(here);
