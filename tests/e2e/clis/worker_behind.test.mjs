// Claude Code and Codex as workers of the real server: callers of all dialects, with tools of their own.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { setups } from '../lib/cli_worker.mjs';
import { quiet } from '../lib/clis.mjs';
import { Child, until } from '../lib/process.mjs';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { empty_dir } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';
import { Suite } from '../lib/suite.mjs';
import { provider_of_workers } from '../lib/worker.mjs';

const here = await scene({ cloud: { models: ['cloud-sim'] } }, { env: { AUXOT_HEARTBEAT_INTERVAL: '500ms', AUXOT_DEAD_WORKER_TIMEOUT: '2s' } });
const { server } = here;

for (const name of ['claude', 'codex']) {
    const setup = setups[name], model = `${name}-sim`, home = empty_dir(name);
    const desk = await provider_of_workers(server, 'cli', `Desk ${name}`);
    const sim = await Sim.start({ dialect: setup.dialect, models: [model] });
    const worker = new Child(Suite.binary, ['worker', 'cli', '--tool', name, '--program', setup.program, '--model', model, '--server', server.url, '--scratch', path.join(home, 'scratch')],
        { env: { ...quiet(home), ...setup.env(home, sim), AUXOT_WORKER_KEY: desk.key } });
    after(async () => { await worker.stop(); await sim.stop(); });
    await until(async () => (await desk.look()).status === 'online', () => `the worker joins:\n${worker.stderr}`, 30_000);
    const calls = { tool_calls: [{ name: 'weather', arguments: { city: 'Rome' } }, { name: 'clock', arguments: { city: 'Bern' } }] };
    const told = [{ when: { body_contains: 'sunny' }, then: { text: 'Sunny at noon.' } }, { then: calls }];

    test(`${name}: a caller of each dialect is answered`, async () => {
        await sim.plays([{ then: { text: 'Hello there.' } }]);
        for (const [endpoint, body] of [[at.chat, ask.chat(model)], [at.messages, ask.messages(model)], [at.responses, ask.responses(model)]])
            for (const stream of [false, true]) {
                const answer = await server.call(endpoint, { ...body, stream });
                assert.equal(answer.status, 200, answer.text);
                assert.equal(answer.headers['x-auxot-provider'], desk.slug);
                assert.match(answer.text.replace(/\\?"}.*?"(delta|text|content)\\?":\\?"/gs, ''), /Hello/);
            }
    });

    test(`${name}: chat completions with two tools: the process waits at the worker for their results`, async () => {
        await sim.plays(told);
        const before = (await sim.log()).length;
        const tools = ['weather', 'clock'].map(one => ({ type: 'function', function: { name: one, parameters: { type: 'object', properties: { city: { type: 'string' } } } } }));
        const messages = [{ role: 'user', content: `Weather and time, for ${name}?` }];
        const first = await server.call(at.chat, { model, tools, messages });
        assert.equal(first.status, 200, first.text);
        const [{ message, finish_reason }] = first.json.choices;
        assert.deepEqual([finish_reason, message.tool_calls.map(call => [call.function.name, JSON.parse(call.function.arguments)])],
            ['tool_calls', [['weather', { city: 'Rome' }], ['clock', { city: 'Bern' }]]]);
        const second = await server.call(at.chat, { model, tools, messages: [...messages, message,
            ...message.tool_calls.map((call, i) => ({ role: 'tool', tool_call_id: call.id, content: ['sunny', 'noon'][i] }))] });
        assert.equal(second.status, 200, second.text);
        assert.equal(second.json.choices[0].message.content, 'Sunny at noon.');
        const seen = (await sim.log()).slice(before);
        assert.equal(seen.length, 2);
        const session = name === 'claude' ? 'x-claude-code-session-id' : 'thread-id';
        assert.equal(seen[0].headers[session], seen[1].headers[session], 'in the same process');
        const { input_tokens, output_tokens, status } = await server.job(second.job_id);
        assert.deepEqual([status, input_tokens > 0, output_tokens > 0], ['done', true, true]);
    });

    test(`${name}: its upstream over its limit: the provider is passed over`, async () => {
        await sim.plays([{ then: { status: 429, retry_after: '300' } }]);
        const answer = await server.call(at.messages, ask.messages(model), { headers: { 'x-auxot-wait': '0' } });
        assert.equal(answer.status, 429, answer.text);
        await until(async () => (await desk.look()).status === 'over_quota', 'the provider is over quota');
    });
}

closing(here, { ledger: false }); // a tool's own requests bear none of our names
