// Claude Code at providers that speak OpenAI's dialects or are a llama-server, Codex at Anthropic's, at chat completions and a
// llama-server: each works as it does at home, where its tools are tried too. The simulators hold every request to the vendor's rules.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { closing, upstream } from '../lib/scene.mjs';
import { crossing, cast } from '../lib/crossing.mjs';
import { claude, codex } from '../lib/clis.mjs';

const here = await crossing();
const { server } = here;
const bash = command => ({ name: 'Bash', arguments: { command, description: 'test' } });
const tools = ['--bare', '--allowedTools', 'Bash'];
const seen_by = async who => (await who.sim.log()).length;
const bodies_of = async (who, since) => (await who.sim.log()).slice(since).map(entry => JSON.parse(entry.body));

function assert_well(run, text) {
    assert.equal(run.code, 0, run.stderr + JSON.stringify(run.lines.slice(-3)));
    assert.equal(run.result.is_error, false, JSON.stringify(run.result));
    assert.equal(run.result.result, text);
    assert.equal(run.retries, 0, 'it noticed nothing');
}

for (const to of ['messages', 'chat', 'responses', 'llama']) {
    const provider = here[to], model = cast[to].models[0], is_home = to === 'messages';

    if (!is_home) test(`Claude Code at ${to}: a prompt, unbared and with all its tools, streamed delta by delta`, async () => {
        await provider.plays([{ then: { text: 'Hello from the other side.', usage: { input_tokens: 20000, output_tokens: 7, cached_tokens: 12000 } } }]);
        const run = await claude(server, { args: [], model });
        assert_well(run, 'Hello from the other side.');
        assert.equal(run.text, 'Hello from the other side.');
        assert.deepEqual([run.result.usage.input_tokens, run.result.usage.cache_read_input_tokens, run.result.usage.output_tokens], [8000, 12000, 7]);
        const [job] = await server.jobs();
        assert.deepEqual([job.status, job.dialect, job.stream, job.model, job.output_tokens], ['done', 'anthropic', true, model, 7]);
    });

    test(`Claude Code at ${to}: a turn with two tool calls, with thinking; the results go back, the answer comes`, async () => {
        await provider.plays([{ when: { body_contains: 'bye-43' }, then: { text: 'I saw both.' } },
            { then: { reasoning: 'Two things at once.', text: 'Let me look.', tool_calls: [bash('echo hello-$((40+2))'), bash('echo bye-$((40+3))')] } }]);
        const before = await seen_by(provider);
        const run = await claude(server, { args: tools, model });
        assert_well(run, 'I saw both.');
        assert.equal(run.result.num_turns, 3);
        const [, second] = await bodies_of(provider, before);
        assert.equal(await seen_by(provider) - before, 2);
        const text = JSON.stringify(second);
        assert.ok(text.includes('hello-42') && text.includes('bye-43'));
        assert.ok(!text.includes('auxot1.'), 'no envelope leaves');
        assert.ok(!(to === 'llama' && text.includes('x-anthropic-billing-header')), 'no billing block for a model of our own');
    });

    if (!is_home) test(`Claude Code at ${to}: when the prompt is too long it says so, at once`, async () => {
        const says = to === 'llama' ? { error: { code: 400, message: 'the request exceeds the available context size', type: 'exceed_context_size_error', n_prompt_tokens: 9000, n_ctx: 8192 } }
            : { error: { message: "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' } };
        await provider.plays([{ then: { status: 400, body: says } }]);
        const before = await seen_by(provider);
        const run = await claude(server, { model });
        assert.equal(run.result.terminal_reason, 'prompt_too_long', JSON.stringify(run.result));
        assert.equal(await seen_by(provider) - before, 1);
    });
}

test('Claude Code: failover in the middle of a turn, from Anthropic to OpenAI and on to a llama-server, is unseen', async () => {
    const model = 'claude-shared';
    const three = [await upstream(here, 'home', { ...cast.messages, models: [model] }), await upstream(here, 'away', { ...cast.responses, models: [model] }), await upstream(here, 'local', { ...cast.llama, models: [model] })];
    await server.api('POST', '/api/routes', { name: 'claude-anywhere', steps: three.map(({ id }) => ({ provider: id, model, when: 'always' })) });
    const limit = { status: 529 };
    await three[0].plays([{ when: { body_contains: 'hello-42' }, then: limit }, { then: { reasoning: 'First.', tool_calls: [bash('echo hello-$((40+2))')] } }]);
    await three[1].plays([{ when: { body_contains: 'bye-43' }, then: limit }, { then: { reasoning: 'Second.', tool_loop: true, tool_calls: [bash('echo bye-$((40+3))')] } }]);
    await three[2].plays([{ then: { text: 'I saw both.' } }]);
    const run = await claude(server, { args: tools, model: 'claude-anywhere' });
    assert_well(run, 'I saw both.');
    assert.deepEqual(await Promise.all(three.map(seen_by)), [2, 2, 1]);
});

/* ---- Codex -------------------------------------------------------------------------------------- */

const model = 'gpt-5.5'; // one that Codex knows: it gets apply_patch as a custom tool
const patch = '*** Begin Patch\n*** Add File: made.txt\n+made by "Codex" \\ here\n*** End Patch\n';
for (const to of ['responses', 'messages', 'chat', 'llama']) {
    const is_home = to === 'responses';

    if (!is_home) test(`Codex at ${to}: a prompt is answered, with usage`, async () => {
        const provider = here[to];
        await provider.plays([{ then: { text: 'Hello from the other side.', usage: { input_tokens: 100, output_tokens: 7, cached_tokens: 40 } } }]);
        const run = await codex(server, { model: cast[to].models[0] });
        assert.equal(run.code, 0, run.stderr + JSON.stringify(run.lines.slice(-3)));
        assert.deepEqual([run.messages, run.errors.filter(error => !/metadata/.test(error.message))], [['Hello from the other side.'], []]);
        const whole = to === 'messages' ? 140 : 100;
        assert.deepEqual([run.usage.input_tokens, run.usage.cached_input_tokens, run.usage.output_tokens], [whole, 40, 7]);
    });

    test(`Codex at ${to}: a command and a patch in one turn, with thinking; both are done, the answer comes`, async () => {
        const provider = await upstream(here, `codex-${to}`, { ...cast[to], models: [model] });
        await provider.plays([{ when: { body_contains: 'hello-42' }, then: { text: 'I saw it.' } },
            { then: { reasoning: 'Both, then.', tool_calls: [{ name: 'exec_command', arguments: { cmd: 'echo hello-$((40+2))' } }, { name: 'apply_patch', input: patch }] } }]);
        const run = await codex(server, { model, headers: { 'x-auxot-provider': provider.slug } });
        assert.equal(run.code, 0, run.stderr + JSON.stringify(run.lines.slice(-4)));
        assert.equal(run.message, 'I saw it.', JSON.stringify(run.lines));
        assert.deepEqual(run.commands.map(item => [item.aggregated_output, item.exit_code]), [['hello-42\n', 0]]);
        const changed = run.lines.filter(line => line.type === 'item.completed' && line.item.type === 'file_change').map(line => line.item);
        assert.deepEqual(changed.map(item => item.status), ['completed'], JSON.stringify(run.lines));
        assert.equal(fs.readFileSync(changed[0].changes[0].path, 'utf8'), 'made by "Codex" \\ here\n');
        assert.equal(await seen_by(provider), 2);
    });
}

closing(here);
