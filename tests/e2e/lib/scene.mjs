// A scene: one server, its upstreams, its keys. Most files need exactly this.
//
//     const here = await scene({ a: { models: ['m'] }, b: { dialect: 'anthropic' } }, { env: {...} });
//     test('...', async () => { ... here.a.sim.plays([...]) ... });
//     closing(here);
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server } from './server.mjs';
import { Sim, request_id } from './sim.mjs';
import { until } from './process.mjs';

export const canary = 'sk-canary-5up3rs3cr3t-0123456789abcdef';

export async function scene(cast, { env = {}, flags = [] } = {}) {
    const server = await Server.start({ env, flags });
    server.admin = await server.key('admin', 'admin');
    server.member = await server.key('member', 'member');
    const here = { server, upstreams: [] };
    for (const [name, part] of Object.entries(cast))
        here[name] = await upstream(here, name, part);
    return here;
}

// A simulator and the provider that leads to it.
// `address` turns the simulator's base URL into the provider's; a llama-server is an openai provider.
export async function upstream(here, name, { dialect = 'openai', models, rules, provider = {}, dialects, address = url => url, ...rest } = {}) {
    const sim = await Sim.start({ dialect, models: models ?? [dialect === 'openai' ? 'gpt-sim' : 'claude-sim'], ...rest });
    const made = await here.server.api('POST', '/api/providers',
        { type: dialect === 'llama' ? 'openai' : dialect, name, api_key: `${canary}-${name}`, base_url: address(sim.base_url), ...(dialects ? { dialects } : {}) });
    assert.equal(made.status, 'online', `provider ${name}: ${JSON.stringify(made)}`);
    const it = { sim, id: made.id, slug: made.slug, name, provider: made };
    it.patch = changes => here.server.api('PATCH', `/api/providers/${it.id}`, changes);
    it.look = () => here.server.api('GET', `/api/providers/${it.id}`);
    // As new: plays the given rules, no verdict left over from the test before.
    it.plays = async (list = [], models_now) => {
        await sim.plays([], models_now);
        const now = await here.server.api('POST', `/api/providers/${it.id}/refresh`);
        assert.equal(now.status, 'online', `provider ${name} after a refresh: ${JSON.stringify(now)}`);
        await sim.plays(list, models_now);
    };
    if (Object.keys(provider).length) await it.patch(provider);
    if (rules) await sim.plays(rules);
    here.upstreams.push(it);
    return it;
}

// U and D, what the upstreams saw and what is on record: request ids as <job>-<attempt>.
export async function ledgers(here) {
    const seen = new Set();
    for (const { sim } of here.upstreams)
        for (const entry of await sim.log()) seen.add(request_id(entry));
    const recorded = new Map();
    for (const { id } of await here.server.jobs())
        for (const attempt of (await here.server.job(id)).attempts) {
            assert.ok(!recorded.has(`${id}-${attempt.seq}`), `attempt ${id}-${attempt.seq} is on record once`);
            recorded.set(`${id}-${attempt.seq}`, attempt);
        }
    return { seen, recorded };
}

// Nothing that reached an upstream is without its attempt, and nothing that went well was made up.
export async function assert_ledgers_agree(here) {
    const { seen, recorded } = await ledgers(here);
    for (const id of seen) assert.ok(recorded.has(id), `an upstream saw ${JSON.stringify(id)}, the record has no such attempt`);
    for (const [id, attempt] of recorded)
        assert.ok(seen.has(id) || attempt.outcome !== 'ok', `the record says ${id} went well, no upstream saw it`);
}

// The last tests of a file: promises that hold whatever was done before.
export function closing(here, { ledger = true } = {}) {
    const { server } = here;
    if (ledger) test('closing: every request that an upstream saw is an attempt on record (I4)', () => assert_ledgers_agree(here));
    test('closing: idle again, no request is counted as running (I8)', async () => {
        await until(async () => (await server.metric('auxot_requests_running')) === 0, 'no request is running any more');
    });
    test('closing: SIGTERM ends the server with exit 0, no sanitizer complained, no key is in its log (T12)', async () => {
        const { code, signal } = await server.stop();
        assert.equal(server.verdict(), null, 'sanitizer report');
        assert.deepEqual({ code, signal }, { code: 0, signal: null }, server.all_logs.slice(-2000));
        for (const secret of ['5up3rs3cr3t', server.admin?.slice(5, 25), server.member?.slice(5, 25)])
            assert.ok(!secret || !server.all_logs.includes(secret), 'a key stands in the log');
        for (const { sim } of here.upstreams) await sim.stop();
    });
}

// Bodies, as small as they can be.
export const ask = {
    chat: (model, more = {}) => ({ model, messages: [{ role: 'user', content: 'hi' }], ...more }),
    responses: (model, more = {}) => ({ model, input: 'hi', ...more }),
    completions: (model, more = {}) => ({ model, prompt: 'hi', ...more }),
    embeddings: (model, more = {}) => ({ model, input: 'hi', ...more }),
    messages: (model, more = {}) => ({ model, max_tokens: 64, messages: [{ role: 'user', content: 'hi' }], ...more }),
    count_tokens: (model, more = {}) => ({ model, messages: [{ role: 'user', content: 'hi' }], ...more }),
};
export const at = {
    chat: '/api/openai/v1/chat/completions', responses: '/api/openai/v1/responses', completions: '/api/openai/v1/completions',
    embeddings: '/api/openai/v1/embeddings', messages: '/api/anthropic/v1/messages', count_tokens: '/api/anthropic/v1/messages/count_tokens',
};
