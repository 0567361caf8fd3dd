// Who may use what: routing leaves out what policies forbid, and says which rule it was (R14).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { until } from '../lib/process.mjs';
import { team } from '../lib/teams.mjs';

const here = await scene({ rack: { dialect: 'llama', models: ['llama'] }, gpt: { models: ['gpt-a', 'gpt-b', 'shared'] }, claude: { dialect: 'anthropic', models: ['opus', 'shared'] } });
const { server, gpt, claude } = here;
const chat = (who, model, more) => server.call(at.chat, ask.chat(model), { key: who.key, ...more });
const who_answered = async answer => { assert.equal(answer.status, 200, answer.text); return answer.headers['x-auxot-provider']; };
const explain = (body, key) => server.api('POST', '/api/routing/explain', body, { key });
const reason_of = (plan, provider) => plan.candidates.find(one => one.provider.id === provider.id).reason;

test('R14: a team that may not use a provider is served by the next; 403 when nobody is left', async () => {
    const one = await team(server, { allowed_providers: [claude.slug] }, 'Claude only');
    assert.equal(await who_answered(await chat(one, 'shared')), claude.slug);
    const no = await chat(one, 'gpt-a');
    assert.deepEqual([no.status, no.json.error.type, no.headers['x-should-retry']], [403, 'permission_denied', 'false']);
    assert.equal(no.json.error.message, "Team Claude only may not use provider 'gpt'. An admin can allow it in the team's policy.");
    const job = await server.job(no.job_id);
    assert.deepEqual([job.status, job.reason], ['refused', 'policy_denied']);
    const pinned = await chat(one, 'gpt-a', { headers: { 'x-auxot-provider': gpt.slug } });
    assert.equal(pinned.status, 403, 'nor by a pin');
    const messages = await server.call(at.messages, ask.messages('gpt-a'), { key: one.key });
    assert.deepEqual([messages.status, messages.json.error.type], [403, 'permission_error']);
    await until(async () => (await server.api('GET', '/api/events?limit=50')).items.some(event => event.action === 'policy.refused' && event.subject === one.id), 'an event');
});

test('R14: tiers, models by name and by prefix; a change is in force when the write has answered', async () => {
    const one = await team(server, { allowed_tiers: ['gpu', 'cli'] });
    assert.equal((await chat(one, 'gpt-a')).status, 403);
    await one.set({ allowed_tiers: null, allowed_models: ['gpt-*'] });
    assert.equal((await chat(one, 'gpt-a')).status, 200);
    assert.equal((await chat(one, 'shared')).status, 403);
    await one.set({ allowed_models: ['gpt-b'] });
    const answer = await chat(one, 'auto');
    assert.deepEqual([await who_answered(answer), answer.headers['x-auxot-model']], [gpt.slug, 'gpt-b'], 'auto asks for a model that is allowed');
    const listed = (await server.call('/api/openai/v1/models', undefined, { key: one.key, method: 'GET' })).json.data.map(model => model.id);
    assert.deepEqual(listed, ['auto', 'gpt-b'], 'and lists show what may be used');
});

test("a key's own models narrow its team's, and widen nothing", async () => {
    const one = await team(server, { allowed_models: ['gpt-a', 'shared'] });
    const { key } = await server.api('POST', '/api/keys', { name: 'narrow', team: one.id, allowed_models: ['shared', 'gpt-b'] });
    assert.equal((await chat({ key }, 'shared')).status, 200);
    const no = await chat({ key }, 'gpt-a');
    assert.deepEqual([no.status, /^This API key may not use model 'gpt-a'/.test(no.json.error.message)], [403, true]);
    assert.equal((await chat({ key }, 'gpt-b')).status, 403);
});

test('explain takes a team, and says each rule; a member may not look into another team', async () => {
    const one = await team(server, { allowed_providers: [claude.slug], allowed_models: ['shared'] }, 'Explained'), other = await team(server);
    const plan = await explain({ model: 'shared', team: one.id });
    assert.deepEqual([plan.outcome, reason_of(plan, gpt), reason_of(plan, claude)], ['ok', 'team_providers', 'serves_model']);
    assert.equal((await explain({ model: 'gpt-a', team: 'explained' })).outcome, 'policy_denied');
    assert.equal((await explain({ model: 'shared' }, one.key)).candidates.filter(candidate => candidate.verdict === 'chosen')[0].provider.id, claude.id, "a member's own team is the default");
    await assert.rejects(explain({ model: 'shared', team: one.id }, other.key), /400/);
});

test('what may this team use? Each provider and model, with the rule that decides', async () => {
    const one = await team(server, { allowed_models: ['shared', 'gpt-*'], allowed_providers: [gpt.slug] }, 'Asked');
    for (const access of [await server.api('GET', `/api/teams/${one.id}/access`), await server.api('GET', '/api/me/access', undefined, { key: one.key })]) {
        const of = provider => access.providers.find(item => item.id === provider.id);
        assert.deepEqual([of(gpt).allowed, of(gpt).rule, of(claude).allowed, of(claude).rule], [true, 'allowed', false, 'team_providers']);
        assert.deepEqual(of(gpt).models.map(model => [model.id, model.allowed, model.rule]), [['gpt-a', true, 'allowed'], ['gpt-b', true, 'allowed'], ['shared', true, 'allowed']]);
        assert.match(of(claude).sentence, /^Team Asked may not use provider 'claude'\./);
    }
    const stranger = await team(server);
    await assert.rejects(server.api('GET', `/api/teams/${one.id}/access`, undefined, { key: stranger.key }), /404/);
    await assert.rejects(server.api('GET', `/api/teams/${one.id}/limits`, undefined, { key: stranger.key }), /404/);
});

closing(here);
