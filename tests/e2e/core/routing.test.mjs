// Who answers: SPEC 4.1 and its probes R3, R4, R6, R7, R9, R10, R11. Live traffic and the dry run
// (POST /api/routing/explain) agree: each request is also explained.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene, upstream } from '../lib/scene.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({
    one: { models: ['shared', 'only-one', 'vendor/slash'] },
    two: { models: ['shared', 'only-two'] },
    claude: { dialect: 'anthropic', models: ['claude-shared', 'claude-one'] },
    opus: { dialect: 'anthropic', models: ['claude-shared', 'claude-two'] },
});
const { server, one, two, claude, opus } = here;

const explain = (model, more = {}, key = server.admin) => server.api('POST', '/api/routing/explain', { model, ...more }, { key });
const chosen = ({ candidates }) => candidates.find(candidate => candidate.verdict === 'chosen');
const skipped = ({ candidates }, who) => candidates.find(candidate => candidate.provider.id === who.id);

// Asks and explains; both must name the same provider.
async function answered_by(who, where, body, { headers, key } = {}, how = {}) {
    const endpoint = where === at.messages ? 'messages' : 'chat_completions';
    const plan = await explain(body.model, { endpoint, ...how }, key);
    const answer = await server.call(where, body, { headers, ...(key ? { key } : {}) });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['x-auxot-provider'], who.slug);
    assert.equal(chosen(plan)?.provider.id, who.id, JSON.stringify(plan));
    assert.equal(chosen(plan).model, answer.headers['x-auxot-model'], 'explain names the model that answered');
    return { answer, plan };
}
const fresh = async (...providers) => { for (const provider of providers.length ? providers : here.upstreams) await provider.plays(); };

test('R4: a named model goes to who has it', async () => {
    await fresh();
    await answered_by(one, at.chat, ask.chat('only-one'));
    await answered_by(two, at.chat, ask.chat('only-two'));
    await answered_by(opus, at.messages, ask.messages('claude-two'));
});

test('a model that two have goes to the one that was there first', async () => {
    await answered_by(one, at.chat, ask.chat('shared'));
    await answered_by(claude, at.messages, ask.messages('claude-shared'));
});

test('names match exactly or not at all', async () => {
    for (const model of ['Shared', 'share', 'shared ', 'only-one:latest', 'slash'])
        assert.equal((await server.call(at.chat, ask.chat(model))).status, 404, model);
    await answered_by(one, at.chat, ask.chat('vendor/slash'));
});

test('R3: auto: the first of the cascade; when it is gone the next, in the same request', async () => {
    await fresh();
    await answered_by(one, at.chat, ask.chat('auto'));
    await one.sim.plays([{ then: { reset_before_head: true } }]);
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.equal(answer.headers['x-auxot-provider'], two.slug);
    assert.equal(answer.headers['x-auxot-model'], two.provider.default_model);
    await fresh(one);
});

test('a pin by header, by id or slug; and by the prefix of the model', async () => {
    for (const headers of [{ 'x-auxot-provider': two.slug }, { 'x-auxot-provider': two.id }])
        await answered_by(two, at.chat, ask.chat('shared'), { headers }, { provider: two.slug });
    await answered_by(two, at.chat, ask.chat(`${two.slug}/shared`));
    await answered_by(one, at.chat, ask.chat(`${one.slug}/vendor/slash`));
    await answered_by(two, at.chat, ask.chat('auto'), { headers: { 'x-auxot-provider': two.slug } }, { provider: two.slug });
});

test('a pin that contradicts the prefix is 400; to a provider without the model 404 naming it; to nobody 404', async () => {
    const pinned = (model, slug) => server.call(at.chat, ask.chat(model), { headers: { 'x-auxot-provider': slug } });
    const both = await pinned(`${one.slug}/shared`, two.slug);
    assert.equal(both.status, 400);
    assert.match(both.json.error.message, new RegExp(`${one.slug}|${two.slug}`));
    const lacks = await pinned('only-one', two.slug);
    assert.equal(lacks.status, 404);
    assert.match(lacks.json.error.message, /only-one/);
    assert.match(lacks.json.error.message, new RegExp(two.name));
    assert.equal((await pinned('shared', 'nobody')).status, 404);
    assert.equal((await server.call(at.chat, ask.chat('nobody/shared'))).status, 404);
});

test('an unknown model is 404 with where to look; a job row says so', async () => {
    const answer = await server.call(at.chat, ask.chat('nobody-has-this'));
    assert.equal(answer.status, 404);
    assert.match(answer.json.error.message, /models/);
    const job = await server.job(answer.job_id);
    assert.deepEqual([job.status, job.requested_model, job.attempts.length], ['refused', 'nobody-has-this', 0]);
});

test('a model that only the other dialect has is asked for in translation, and explain says where', async () => {
    await fresh();
    const { plan } = await answered_by(claude, at.chat, ask.chat('claude-one'));
    assert.equal(chosen(plan).asked, 'messages');
    assert.deepEqual(chosen(plan).quirks, ['local']);
    const back = await answered_by(one, at.messages, ask.messages('only-one'));
    assert.equal(chosen(back.plan).asked, 'chat_completions');
    assert.ok(chosen(back.plan).quirks.includes('one_system_first'), JSON.stringify(chosen(back.plan)));
    const same = await explain('only-one', { endpoint: 'responses' });
    assert.ok(!('asked' in chosen(same)) && !('quirks' in chosen(same)), 'its own dialect is not translated');
    assert.equal(chosen(await explain('only-one', { endpoint: 'count_tokens' })).asked, 'estimate');
});

test('a provider is asked where its dialects say that it answers', async () => {
    const before = await two.look();
    assert.deepEqual(before.dialects, ['chat_completions', 'responses', 'embeddings', 'completions']);
    await two.patch({ dialects: ['messages', 'count_tokens'] });
    assert.equal(chosen(await explain('only-two')).asked, 'messages');
    assert.ok(!('asked' in chosen(await explain('only-two', { endpoint: 'count_tokens' }))));
    const never = await explain('only-two', { endpoint: 'embeddings' });
    assert.deepEqual([never.outcome, skipped(never, two).reason], ['endpoint_not_supported', 'endpoint_not_supported']);
    await two.patch({ dialects: ['embeddings'] });
    const none = await explain('only-two');
    assert.deepEqual([none.outcome, skipped(none, two).reason], ['dialect_not_supported', 'dialect_not_supported']);
    const refused = await server.call(at.chat, ask.chat('only-two'));
    assert.deepEqual([refused.status, refused.json.error.code], [400, 'dialect_not_supported'], refused.text);
    assert.match(refused.json.error.message, /dialects/);
    await two.patch({ dialects: null });
    assert.deepEqual((await two.look()).dialects, before.dialects);
});

test('a prompt that no known window holds is 400 in the words that clients know, and nobody is asked', async () => {
    const small = await upstream(here, 'small', { dialect: 'llama', models: ['small-window'] });
    const window = (await small.look()).models[0].context_tokens;
    assert.ok(window > 0);
    const long = 'word '.repeat(window * 2); // ten bytes a token of the window
    const openai = await server.call(at.chat, ask.chat('small-window', { messages: [{ role: 'user', content: long }] }));
    assert.deepEqual([openai.status, openai.json.error.code], [400, 'context_length_exceeded'], openai.text);
    const anthropic = await server.call(at.messages, ask.messages('small-window', { messages: [{ role: 'user', content: long }] }));
    assert.equal(anthropic.status, 400);
    assert.match(anthropic.json.error.message, /^prompt is too long: \d+ tokens > \d+ maximum/);
    assert.equal((await small.sim.log()).filter(entry => entry.method === 'POST').length, 0);
    const job = await server.job(openai.job_id);
    assert.deepEqual([job.status, job.reason], ['refused', 'context_too_small']);
    const plan = await explain('small-window', { prompt_tokens: window + 1, needs: ['tools'] });
    assert.deepEqual([plan.outcome, skipped(plan, small).reason], ['context_too_small', 'context_too_small']);
    assert.equal((await explain('small-window', { prompt_tokens: window, needs: ['tools'] })).outcome, 'ok');
    await server.api('DELETE', `/api/providers/${small.id}`);
    await small.sim.stop();
    here.upstreams.splice(here.upstreams.indexOf(small), 1);
});

test('/models lists every model in either dialect, for each is translated for, and auto', async () => {
    const ids = async (where, key) => (await server.call(where, undefined, { key, method: 'GET' })).json.data.map(model => model.id).sort();
    const all = ['auto', 'claude-one', 'claude-shared', 'claude-two', 'only-one', 'only-two', 'shared', 'vendor/slash'];
    assert.deepEqual(await ids('/api/openai/v1/models', server.member), all);
    assert.deepEqual(await ids('/api/anthropic/v1/models?limit=1000', server.member), all);
});

test('explain names every provider once, with verdict, reason and evidence', async () => {
    const plan = await explain('shared');
    assert.equal(new Set(plan.candidates.map(candidate => candidate.provider.id)).size, 4);
    assert.equal(plan.candidates.length, 4);
    for (const candidate of plan.candidates) {
        assert.ok(['chosen', 'eligible', 'skipped'].includes(candidate.verdict));
        assert.ok(candidate.provider.id && candidate.provider.name && candidate.reason, JSON.stringify(candidate));
        assert.ok('evidence' in candidate && 'model' in candidate);
    }
    assert.deepEqual(plan.candidates.slice(0, 2).map(candidate => [candidate.provider.id, candidate.verdict]), [[one.id, 'chosen'], [two.id, 'eligible']]);
});

test('explain with a fault says who would answer then', async () => {
    for (const fault of ['offline', 'over_quota'])
        assert.equal(chosen(await explain('shared', { faults: [{ provider: one.id, fault }] })).provider.id, two.id, fault);
    assert.equal((await server.call(at.chat, ask.chat('shared'))).headers['x-auxot-provider'], one.slug, 'and nothing has changed');
});

test('the Auto default comes first, then the cascade', async () => {
    await server.api('PATCH', '/api/routing', { auto: { provider: two.id, model: 'only-two' } });
    const { answer } = await answered_by(two, at.chat, ask.chat('auto'));
    assert.equal(answer.headers['x-auxot-model'], 'only-two');
    await two.sim.plays([{ then: { status: 500 } }]);
    assert.equal((await server.call(at.chat, ask.chat('auto'))).headers['x-auxot-provider'], one.slug);
    await server.api('PATCH', '/api/routing', { auto: null });
    await fresh(two);
    await answered_by(one, at.chat, ask.chat('auto'));
});

test('R6, R7: a fallback rule leads to its target when its condition holds, also from a pin; the job says why', async () => {
    await fresh();
    for (const [condition, then] of [['offline', { status: 401 }], ['over_quota', { status: 429, retry_after: '30' }]]) {
        await fresh(one);
        await one.patch({ fallback_rules: [{ condition, provider: two.id, model: 'only-two' }] });
        await one.sim.plays([{ then }]);
        const first = await server.call(at.chat, ask.chat('only-one'));
        const pinned = await server.call(at.chat, ask.chat('only-one'), { headers: { 'x-auxot-provider': one.slug } });
        assert.equal(pinned.status, 200, `${condition}: ${pinned.text}`);
        assert.deepEqual([pinned.headers['x-auxot-provider'], pinned.headers['x-auxot-model']], [two.slug, 'only-two']);
        const plan = await explain('only-one', { provider: one.slug });
        assert.equal(chosen(plan).provider.id, two.id);
        assert.equal(chosen(plan).reason, 'fallback_rule');
        assert.equal(skipped(plan, one).reason, { offline: 'error', over_quota: 'over_quota' }[condition]);
        assert.ok((await server.job(first.job_id)).attempts[0].reason);
    }
    await one.patch({ fallback_rules: [] });
    await fresh(one);
});

test('R7: the request that finds out about a 429 is itself answered by the target of the rule', async () => {
    await fresh();
    await one.patch({ fallback_rules: [{ condition: 'over_quota', provider: two.id, model: 'only-two' }] });
    await one.sim.plays([{ then: { status: 429, retry_after: '30' } }]);
    const answer = await server.call(at.chat, ask.chat('only-one'));
    await one.patch({ fallback_rules: [] });
    await fresh(one);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['x-auxot-provider'], two.slug);
    const job = await server.job(answer.job_id);
    assert.deepEqual(job.attempts.map(attempt => attempt.provider.id), [one.id, two.id]);
});

test('rules in a circle are harmless', async () => {
    await one.patch({ fallback_rules: [{ condition: 'offline', provider: two.id }] });
    await two.patch({ fallback_rules: [{ condition: 'offline', provider: one.id }] });
    await one.patch({ paused: true });
    await two.patch({ paused: true });
    const answer = await server.call(at.chat, ask.chat('shared'));
    assert.equal(answer.status, 503);
    await one.patch({ paused: false, fallback_rules: [] });
    await two.patch({ paused: false, fallback_rules: [] });
});

test('R9: after repeated 5xx a provider stands behind the others, shows degraded, and still serves what only it has', async () => {
    await fresh();
    await one.sim.plays([{ then: { status: 500 } }]);
    await until(async () => { await server.call(at.chat, ask.chat('shared')); return (await one.look()).status === 'degraded'; }, 'one is degraded');
    const seen = (await one.sim.log()).length;
    const plan = await explain('shared');
    assert.deepEqual(plan.candidates.filter(candidate => candidate.verdict !== 'skipped').map(candidate => candidate.provider.id), [two.id, one.id]);
    assert.equal(skipped(plan, one).reason, 'degraded');
    for (let i = 0; i < 4; i++) assert.equal((await server.call(at.chat, ask.chat('shared'))).headers['x-auxot-attempts'], '1');
    assert.equal((await one.sim.log()).length, seen, 'not asked while another can answer');
    await one.sim.plays();
    await answered_by(one, at.chat, ask.chat('only-one'));
    await answered_by(one, at.chat, ask.chat('shared')); // the first success ended it
    assert.equal((await one.look()).status, 'online');
});

test('R11: a model that is not surfaced is in no list and not in auto; by name only an admin key reaches it', async () => {
    await fresh();
    await one.patch({ surfaced_models: ['shared'], default_model: 'shared' });
    const ids = (await server.call('/api/openai/v1/models', undefined, { method: 'GET', key: server.member })).json.data.map(model => model.id);
    assert.ok(!ids.includes('only-one') && ids.includes('shared'), ids.join());
    assert.equal((await server.call(at.chat, ask.chat('only-one'), { key: server.admin })).status, 200);
    const member = await server.call(at.chat, ask.chat('only-one'), { key: server.member });
    assert.equal(member.status, 404);
    assert.equal((await server.call(at.chat, ask.chat('auto'), { key: server.member })).headers['x-auxot-model'], 'shared');
    assert.equal(skipped(await explain('only-one', {}, server.member), one).reason, 'model_unsurfaced');
    await one.patch({ surfaced_models: ['shared', 'only-one', 'vendor/slash'] });
});

test('a paused provider is skipped at once, and answers again when unpaused', async () => {
    await one.patch({ paused: true });
    await answered_by(two, at.chat, ask.chat('shared'));
    assert.equal(skipped(await explain('shared'), one).reason, 'paused');
    const only = await server.call(at.chat, ask.chat('only-one'));
    assert.equal(only.status, 503, only.text);
    assert.equal(only.headers['x-should-retry'], 'false');
    assert.match(only.json.error.message, /paused/);
    await one.patch({ paused: false });
    await answered_by(one, at.chat, ask.chat('shared'));
});

test('a deleted provider is gone for the next request; one that is running finishes', async () => {
    const three = await upstream(here, 'three', { models: ['only-three'] });
    await three.sim.plays([{ then: { events: 40, gap_ms: 10 } }]);
    const running = server.begin(at.chat, ask.chat('only-three', { stream: true }));
    await running.when(call => call.events.length >= 2);
    await server.api('DELETE', `/api/providers/${three.id}`);
    assert.equal((await server.call(at.chat, ask.chat('only-three'))).status, 404);
    await running.done;
    assert.equal(running.events.at(-1).data, '[DONE]');
    assert.equal((await server.call(at.chat, ask.chat('shared'), { headers: { 'x-auxot-provider': three.id } })).status, 404);
});

test('a named route is an ordered list of steps, and an alias is a route of one step', async () => {
    const coding = await server.api('POST', '/api/routes', { name: 'coding', steps: [{ provider: two.id, when: 'always' }, { provider: one.id, when: 'always' }] });
    const alias = await server.api('POST', '/api/routes', { name: 'gpt-*', steps: [{ model: 'only-one', when: 'always' }] });
    await answered_by(two, at.chat, ask.chat('coding'));
    const { answer } = await answered_by(one, at.chat, ask.chat('gpt-anything'));
    assert.equal(answer.headers['x-auxot-model'], 'only-one');
    await two.sim.plays([{ then: { status: 500 } }]);
    assert.equal((await server.call(at.chat, ask.chat('coding'))).headers['x-auxot-provider'], one.slug);
    for (const { id } of [coding, alias]) await server.api('DELETE', `/api/routes/${id}`);
    assert.equal((await server.call(at.chat, ask.chat('coding'))).status, 404);
});

test('R10: what is pinned to a deleted provider gets a clear routing error, and explain says the same, until it is reassigned', async () => {
    await fresh(two);
    const four = await upstream(here, 'four', { models: ['only-four'] });
    const route = await server.api('POST', '/api/routes', { name: 'pinned', steps: [{ provider: four.id, when: 'always' }] });
    await answered_by(four, at.chat, ask.chat('pinned'));
    await server.api('DELETE', `/api/providers/${four.id}`);
    const pins = [['by its id', ask.chat('shared'), { 'x-auxot-provider': four.id }, /no provider 'prv_.*may have been deleted/],
        ['by its slug', ask.chat('shared'), { 'x-auxot-provider': four.slug }, /no provider 'four'.*may have been deleted/],
        ['in the model', ask.chat(`${four.slug}/only-four`), {}, /'four\/only-four' is not known/],
        ['by a route', ask.chat('pinned'), {}, /Route 'pinned' leads to provider 'prv_.*', which is gone/]];
    for (const [how, body, headers, says] of pins) {
        const began = Date.now();
        const answer = await server.call(at.chat, body, { headers });
        assert.ok([404, 503].includes(answer.status), `${how}: ${answer.status} ${answer.text}`);
        assert.match(answer.json.error.message, says, how);
        assert.equal(answer.headers['x-should-retry'], 'false', `${how}: the same again meets the same`);
        assert.ok(Date.now() - began < 5000, `${how}: at once, nothing is waited for`);
        const job = await server.job(answer.job_id);
        assert.deepEqual([job.status, job.attempts.length], ['refused', 0], how);
        const plan = await explain(body.model, headers['x-auxot-provider'] ? { provider: headers['x-auxot-provider'] } : {});
        assert.equal(chosen(plan), undefined, how);
        assert.notEqual(plan.outcome, 'ok', how);
    }
    await server.api('PATCH', `/api/routes/${route.id}`, { steps: [{ provider: two.id, when: 'always' }] });
    await answered_by(two, at.chat, ask.chat('pinned'));
    await server.api('DELETE', `/api/routes/${route.id}`);
});

test('with no provider at all the answer says what to do', async () => {
    const empty = await scene({});
    const answer = await empty.server.call(at.chat, ask.chat('auto'));
    assert.equal(answer.status, 503, answer.text);
    assert.match(answer.json.error.message, /provider/i);
    assert.equal((await empty.server.stop()).code, 0);
});

closing(here);
