// The management API: providers, keys, jobs. A write is in force when its answer is there.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at, canary, closing, scene, upstream } from '../lib/scene.mjs';
import { contract } from '../lib/contract.mjs';
import { call } from '../lib/http.mjs';
import { Server, auxot, empty_dir } from '../lib/server.mjs';
import { Sim, dead_port } from '../lib/sim.mjs';

const here = await scene({ gpt: { models: ['gpt-sim', 'gpt-sim-mini'] } });
const { server, gpt } = here;
const member = server.member;
const masked = key => `sha256:${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;

function assert_problem(answer, status, field) {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
    const problem = answer.json;
    for (const name of ['code', 'title', 'detail', 'request_id']) assert.ok(problem[name], `${name}: ${answer.text}`);
    if (field) assert.equal(problem.field, field);
    return problem;
}
const raw = (method, where, body, options = {}) => call(server.url + where, { method, body, key: server.admin, ...options });

test('a provider with a good key: online, models fetched, the key only as a hint', () => {
    const { provider } = gpt;
    assert.match(provider.id, /^prv_/);
    assert.deepEqual([provider.type, provider.name, provider.slug, provider.status, provider.error], ['openai', 'gpt', 'gpt', 'online', null]);
    assert.deepEqual(provider.models.map(model => [model.id, model.surfaced]).sort(), [['gpt-sim', true], ['gpt-sim-mini', true]]);
    assert.ok(['gpt-sim', 'gpt-sim-mini'].includes(provider.default_model));
    assert.ok(provider.key_hint && !provider.key_hint.includes('5up3r'));
});

test("a bad key still makes the provider: 201, status error, the vendor's own reason", async () => {
    for (const dialect of ['openai', 'anthropic']) {
        const sim = await Sim.start({ dialect, models: ['x'] });
        const answer = await raw('POST', '/api/providers', { type: dialect, name: `bad ${dialect}`, api_key: 'bad-key', base_url: sim.base_url });
        assert.equal(answer.status, 201, answer.text);
        assert.equal(answer.json.status, 'error');
        assert.match(answer.json.error, dialect === 'openai' ? /Incorrect API key/ : /invalid x-api-key/);
        const mended = await server.api('PATCH', `/api/providers/${answer.json.id}`, { api_key: 'good-key' });
        assert.equal(mended.status, 'online', JSON.stringify(mended));
        assert.deepEqual(mended.models.map(model => model.id), ['x']);
        await server.api('DELETE', `/api/providers/${answer.json.id}`);
        await sim.stop();
    }
});

test('an address where nobody listens: made all the same, with a reason; the key is trimmed', async () => {
    const answer = await raw('POST', '/api/providers', { type: 'openai', name: 'nobody there', api_key: '  k-1 \n', base_url: `http://127.0.0.1:${await dead_port()}/v1` });
    assert.equal(answer.status, 201);
    assert.notEqual(answer.json.status, 'online');
    assert.match(answer.json.error, /connect|refused|reach/i);
    await server.api('DELETE', `/api/providers/${answer.json.id}`);

    const sim = await Sim.start({ models: ['x'] });
    const trimmed = await server.api('POST', '/api/providers', { type: 'openai', name: 'trimmed', api_key: '  k-trimmed \r\n', base_url: `${sim.url}/` });
    assert.equal(trimmed.status, 'online', JSON.stringify(trimmed));
    await server.call(at.chat, ask.chat('trimmed/x'));
    assert.equal((await sim.log()).at(-1).headers.authorization, masked('k-trimmed'));
    await server.api('DELETE', `/api/providers/${trimmed.id}`);
    here.upstreams.push({ sim });
});

test('an account without models is explained; many models are surfaced sparingly; a broken list is no crash (F26)', async () => {
    const sim = await Sim.start({ models: ['x'] });
    const make = async (name, rules) => {
        await sim.plays(rules);
        return server.api('POST', '/api/providers', { type: 'openai', name, api_key: 'k', base_url: sim.base_url });
    };
    const none = await make('none', [{ then: { models_body: { object: 'list', data: [] } } }]);
    await server.api('DELETE', `/api/providers/${none.id}`);
    assert.equal(none.status, 'error');
    assert.match(none.error, /billing|no models/i);
    const many = await make('many', [{ then: { models_count: 50_000 } }]);
    await server.api('DELETE', `/api/providers/${many.id}`);
    assert.equal(many.status, 'online');
    assert.ok(many.models.filter(model => model.surfaced).length <= 5);
    for (const [name, body] of [['html', '<html>'], ['cut', '{"data":[{"id":'], ['numbers', '{"data":[{"id":7}]}'], ['text', '"models"']]) {
        const broken = await make(`broken ${name}`, [{ then: { models_body: body } }]);
        await server.api('DELETE', `/api/providers/${broken.id}`);
        assert.notEqual(broken.status, 'online', `${name}: ${JSON.stringify(broken).slice(0, 300)}`);
        assert.ok(broken.error);
    }
    await sim.stop();
});

test('list and read show it; names are free text, slugs unique', async () => {
    const { items, next_cursor } = await server.api('GET', '/api/providers');
    assert.equal(items[0].id, gpt.id);
    assert.equal(next_cursor, null);
    const twin = await server.api('POST', '/api/providers', { type: 'openai', name: 'Gpt ☃ Übergrößen!', api_key: 'k', base_url: gpt.sim.base_url });
    assert.match(twin.slug, /^[a-z0-9][a-z0-9-]*$/);
    assert.notEqual(twin.slug, 'gpt');
    assert_problem(await raw('POST', '/api/providers', { type: 'openai', name: 'gpt', api_key: 'k', base_url: gpt.sim.base_url }), 409);
    await server.api('DELETE', `/api/providers/${twin.id}`);
    assert_problem(await raw('GET', `/api/providers/${twin.id}`), 404);
});

test('PATCH changes what is given and nothing else', async () => {
    const before = await gpt.look();
    const after = await gpt.patch({ wait_ms: 250, timeouts: { connect_ms: 4000, first_byte_ms: 90_000, plain_ms: 80_000, idle_ms: 70_000 }, max_concurrent: 7 });
    assert.deepEqual(after.timeouts, { connect_ms: 4000, first_byte_ms: 90_000, plain_ms: 80_000, idle_ms: 70_000 });
    assert.deepEqual([after.wait_ms, after.max_concurrent], [250, 7]);
    for (const name of ['name', 'slug', 'base_url', 'key_hint', 'default_model', 'models']) assert.deepEqual(after[name], before[name], name);
    const renamed = await gpt.patch({ name: 'Main GPT', max_concurrent: 0, wait_ms: 0 });
    assert.equal(renamed.name, 'Main GPT');
    await gpt.patch({ name: 'gpt' });
});

test('dialects are given when a provider is made or changed, in order and without doubles; the event keeps both', async () => {
    const sim = await Sim.start({ models: ['x'] });
    const made = await server.api('POST', '/api/providers', { type: 'openai', name: 'llama', base_url: sim.base_url, dialects: ['count_tokens', 'chat_completions', 'chat_completions'] });
    assert.deepEqual(made.dialects, ['chat_completions', 'count_tokens']);
    const more = await server.api('PATCH', `/api/providers/${made.id}`, { dialects: ['chat_completions', 'anthropic'] });
    assert.deepEqual(more.dialects, ['chat_completions', 'messages', 'count_tokens']);
    const { items: [event] } = await server.api('GET', '/api/events?limit=1');
    assert.deepEqual([event.action, event.before.dialects, event.after.dialects], ['provider.updated', made.dialects, more.dialects], JSON.stringify(event));
    assert.deepEqual((await server.api('PATCH', `/api/providers/${made.id}`, { dialects: null })).dialects, ['chat_completions', 'responses', 'embeddings', 'completions']);
    await server.api('DELETE', `/api/providers/${made.id}`);
    await sim.stop();
});

test('a rotated key takes effect at once; a request in flight finishes with the old one (F53)', async () => {
    await gpt.plays([{ then: { events: 30, gap_ms: 15 } }]);
    const running = server.begin(at.chat, ask.chat('gpt-sim', { stream: true }));
    await running.when(one => one.events.length >= 2);
    const rotated = await gpt.patch({ api_key: 'k-rotated-0123456789' });
    assert.notEqual(rotated.key_hint, gpt.provider.key_hint);
    const next = await server.call(at.chat, ask.chat('gpt-sim'));
    assert.equal(next.status, 200);
    await running.done;
    assert.equal(running.events.at(-1).data, '[DONE]');
    const [[first], [second]] = [await gpt.sim.requests_of(running.job_id), await gpt.sim.requests_of(next.job_id)];
    assert.equal(first.headers.authorization, masked(`${canary}-gpt`));
    assert.equal(second.headers.authorization, masked('k-rotated-0123456789'));
});

test('refresh tells what came and went; new models are not surfaced by themselves', async () => {
    await gpt.sim.plays([], ['gpt-sim', 'gpt-sim-new']);
    const now = await server.api('POST', `/api/providers/${gpt.id}/refresh`);
    assert.deepEqual([now.added, now.removed], [['gpt-sim-new'], ['gpt-sim-mini']]);
    assert.equal(now.models.find(model => model.id === 'gpt-sim-new').surfaced, false);
    const surfaced = await gpt.patch({ surfaced_models: ['gpt-sim', 'gpt-sim-new'], default_model: 'gpt-sim-new' });
    assert.ok(surfaced.models.every(model => model.surfaced));
    assert.equal((await server.call(at.chat, ask.chat('auto'))).headers['x-auxot-model'], 'gpt-sim-new');
    assert_problem(await raw('PATCH', `/api/providers/${gpt.id}`, { default_model: 'nobody-has-this' }), 400, 'default_model');
    assert_problem(await raw('PATCH', `/api/providers/${gpt.id}`, { surfaced_models: ['nobody-has-this'] }), 400, 'surfaced_models');
});

test('fields that do not exist, or are of the wrong type, are refused by name (T05)', async () => {
    const providers = '/api/providers', one = `/api/providers/${gpt.id}`;
    const before = (await server.api('GET', providers)).items.length;
    for (const [method, where, body, field] of [
        ['POST', providers, { type: 'openai', name: 'x', api_key: 'k', base_url: gpt.sim.base_url, org_id: 'org_1' }, 'org_id'],
        ['PATCH', one, { role: 'owner' }, 'role'],
        ['PATCH', one, { id: 'prv_other' }, 'id'],
        ['POST', providers, { type: 'cloud', name: 'x' }, 'type'],
        ['POST', providers, { type: 'openai', name: '' }, 'name'],
        ['POST', providers, { type: 'openai', name: 'x', base_url: 'ftp://x' }, 'base_url'],
        ['POST', providers, { type: 'openai', name: 'x', base_url: 'http://user:pass@x/' }, 'base_url'],
        ['POST', providers, { type: 'openai', name: 7 }, 'name'],
        ['PATCH', one, { wait_ms: -1 }, 'wait_ms'],
        ['PATCH', one, { fallback_rules: [{ condition: 'sometimes', provider: gpt.id }] }],
        ['PATCH', one, { fallback_rules: [{ condition: 'offline', provider: 'nobody' }] }],
        ['PATCH', one, { timeouts: { connect_ms: 'soon' } }],
        ['PATCH', one, { paused: 'yes' }, 'paused'],
        ...[[], ['chat'], [7], 'openai', ['models']].map(dialects => ['PATCH', one, { dialects }, 'dialects']),
        ['POST', providers, { type: 'openai', name: 'x', dialects: ['gpt'] }, 'dialects'],
        ['POST', '/api/routing/explain', { needs: ['wings'] }, 'needs'],
        ['POST', '/api/routing/explain', { prompt_tokens: -1 }, 'prompt_tokens'],
    ])
        assert_problem(await raw(method, where, body), 400, field);
    assert_problem(await raw('POST', providers, 'nonsense'), 400);
    assert_problem(await raw('POST', providers, '{"type":"openai","type":"anthropic","name":"x"}'), 400);
    assert_problem(await raw('POST', providers, '[]'), 400);
    assert_problem(await raw('GET', '/api/jobs?statsu=failed'), 400, 'statsu');
    assert_problem(await raw('GET', '/api/providers?limit=5&LIMIT=5'), 400, 'limit');
    assert_problem(await raw('PUT', one, {}), 405);
    assert_problem(await raw('GET', '/api/nothing'), 404);
    assert.deepEqual((await server.api('GET', providers)).items.length, before, 'and nothing was made');
});

test('the contract is served as it was built, and lists every path that there is', async () => {
    const served = await server.api('GET', '/api/openapi.json', undefined, { key: member });
    assert.deepEqual(served, contract);
    assert.match(served.openapi, /^3\.1\./);
    // By a method that hardly any of them has: some answers to GET are no JSON, and one never ends.
    const detail = async path => (await raw('PUT', `/api${path.replaceAll(/\{\w+\}/g, 'x')}`)).json.detail;
    const nothing = await detail('/nothing');
    assert.equal(nothing, 'There is nothing at this path.');
    for (const path of Object.keys(served.paths)) assert.notEqual(await detail(path), nothing, path);
});

test('T07: a member may look, and change nothing', async () => {
    const one = `/api/providers/${gpt.id}`;
    assert.equal((await raw('GET', '/api/providers', undefined, { key: member })).status, 200);
    assert.equal((await raw('GET', one, undefined, { key: member })).status, 200);
    for (const [method, where, body] of [
        ['POST', '/api/providers', { type: 'openai', name: 'x' }], ['PATCH', one, { paused: true }], ['DELETE', one], ['POST', `${one}/refresh`, {}], ['POST', `${one}/test`, {}],
        ['PATCH', '/api/routing', { auto: null }], ['POST', '/api/routes', { name: 'x', steps: [] }], ['POST', '/api/keys', { name: 'x', role: 'admin' }], ['GET', '/api/events'],
    ]) {
        assert_problem(await raw(method, where, body, { key: member }), 403);
        assert_problem(await raw(method, where, body, { key: null }), 401);
    }
    assert.equal((await gpt.look()).paused, false);
});

test('T12: no answer of the API, no event and no file holds a secret in the clear', async () => {
    const secrets = [canary, 'k-rotated-0123456789', server.admin, member];
    const answers = [];
    for (const where of ['/api/providers', `/api/providers/${gpt.id}`, '/api/keys', '/api/events', '/api/jobs', '/api/routing', '/api/models', '/metrics'])
        answers.push((await raw('GET', where)).text);
    const files = fs.readdirSync(server.data, { recursive: true }).map(name => path.join(server.data, name)).filter(name => fs.statSync(name).isFile());
    for (const file of files) answers.push(fs.readFileSync(file, 'latin1'));
    for (const text of answers)
        for (const secret of secrets)
            for (const spelling of [secret, Buffer.from(secret).toString('base64').slice(0, 16), Buffer.from(secret).toString('hex').slice(0, 24), secret.slice(5, 17)])
                assert.ok(!text.includes(spelling), `a secret stands in ${text.slice(0, 80)}`);
});

test('keys: made by the API, in force at once; revoked, out of force at once; listed as hints', async () => {
    const { key, id } = await server.api('POST', '/api/keys', { name: 'fresh', role: 'member' });
    assert.match(key, /^auxk_/);
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'), { key })).status, 200);
    const { items } = await server.api('GET', '/api/keys');
    const row = items.find(item => item.id === id);
    assert.deepEqual([row.name, row.role], ['fresh', 'member']);
    assert.ok(!JSON.stringify(items).includes(key));
    await server.api('DELETE', `/api/keys/${id}`);
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'), { key })).status, 401);
    assert.equal((await raw('GET', '/api/providers', undefined, { key })).status, 401);
});

test('T08: a revoked key cuts its running stream', async () => {
    const { key, id } = await server.api('POST', '/api/keys', { name: 'short lived', role: 'member' });
    await gpt.sim.plays([{ then: { events: 100_000, gap_ms: 10 } }], ['gpt-sim', 'gpt-sim-new']);
    const running = server.begin(at.chat, ask.chat('gpt-sim', { stream: true }), { key });
    await running.when(one => one.events.length >= 2);
    await server.api('DELETE', `/api/keys/${id}`);
    await running.done.catch(() => {});
    const [seen] = await gpt.sim.requests_of(running.job_id);
    assert.ok(!running.events.some(event => event.data === '[DONE]'));
    assert.ok(seen);
    assert.notEqual((await server.job(running.job_id)).status, 'done');
    await gpt.sim.plays([], ['gpt-sim', 'gpt-sim-new']);
});

test('`auxot keys` works while the server runs: create, list, revoke', async () => {
    const key = await server.key('by command', 'member');
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'), { key })).status, 200);
    const { stdout } = await auxot(['keys', 'list', '--data-dir', server.data]);
    const line = stdout.split('\n').find(text => text.includes('by command'));
    assert.ok(line && !stdout.includes(key));
    const id = line.match(/key_\w+/)[0];
    assert.equal((await auxot(['keys', 'revoke', id, '--data-dir', server.data])).code, 0);
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'), { key })).status, 401);
});

test('`auxot keys` refuses nonsense with a sentence', async () => {
    for (const args of [['create'], ['create', '--name', 'x', '--role', 'emperor'], ['revoke', 'key_nobody'], ['dance'], []]) {
        const { code, stderr, stdout } = await auxot(['keys', ...args, '--data-dir', server.data]);
        assert.notEqual(code, 0, args.join(' '));
        assert.ok((stderr + stdout).trim().length > 10);
    }
});

test('jobs: filters and the cursor give each job once, newest first', async () => {
    const model = 'gpt-sim';
    for (let i = 0; i < 5; i++) await server.call(at.chat, ask.chat(model, { user: `${i}` }), { key: member });
    const bad = await server.call(at.chat, ask.chat('nobody-has-this'), { key: member });
    await server.job(bad.job_id);
    const all = await server.jobs();
    assert.equal(new Set(all.map(job => job.id)).size, all.length);
    assert.deepEqual(all.map(job => job.created_at_ms), all.map(job => job.created_at_ms).sort((x, y) => y - x));
    const paged = [];
    for (let cursor = ''; cursor !== null;) {
        const page = await server.api('GET', `/api/jobs?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
        assert.ok(page.items.length <= 3);
        paged.push(...page.items.map(job => job.id));
        cursor = page.next_cursor;
    }
    assert.deepEqual(paged, all.map(job => job.id));
    for (const [query, test_of] of [
        ['status=done', job => job.status === 'done'], ['status=refused', job => job.status === 'refused'], [`provider=${gpt.id}`, job => job.provider?.id === gpt.id],
        [`model=${model}`, job => job.model === model], [`since=${all.at(-3).created_at_ms}`, job => job.created_at_ms >= all.at(-3).created_at_ms],
        [`until=${all[2].created_at_ms}`, job => job.created_at_ms < all[2].created_at_ms], ['source=api', job => job.source === 'api'],
    ]) {
        const found = await server.jobs(`&${query}`);
        assert.ok(found.length > 0 && found.every(test_of), `${query}: ${JSON.stringify(found.find(job => !test_of(job)) ?? found.length)}`);
        assert.deepEqual(found.map(job => job.id), all.filter(test_of).map(job => job.id), query);
    }
    assert_problem(await raw('GET', '/api/jobs?status=wonderful'), 400);
    assert_problem(await raw('GET', '/api/jobs?limit=0'), 400);
    assert_problem(await raw('GET', '/api/jobs?cursor=nonsense'), 400);
    assert_problem(await raw('GET', '/api/jobs/job_nobody'), 404);
});

test("jobs: a member sees its own only (T06)", async () => {
    const { key } = await server.api('POST', '/api/keys', { name: 'lonely', role: 'member' });
    const mine = (await server.call(at.chat, ask.chat('gpt-sim'), { key })).job_id;
    const other = (await server.call(at.chat, ask.chat('gpt-sim'), { key: member })).job_id;
    await server.job(mine), await server.job(other);
    assert.deepEqual((await raw('GET', '/api/jobs', undefined, { key })).json.items.map(job => job.id), [mine]);
    assert.equal((await raw('GET', `/api/jobs/${mine}`, undefined, { key })).status, 200);
    assert_problem(await raw('GET', `/api/jobs/${other}`, undefined, { key }), 404);
});

test('a job has every member of its form; unknown prices are null, never 0', async () => {
    const { job_id } = await server.call(at.chat, ask.chat('gpt-sim'), { key: member });
    const job = await server.job(job_id);
    for (const name of ['id', 'status', 'reason', 'requested_model', 'provider', 'model', 'dialect', 'stream', 'source', 'team', 'user', 'key', 'agent', 'created_at_ms', 'queued_ms',
        'first_byte_ms', 'duration_ms', 'input_tokens', 'output_tokens', 'cached_tokens', 'cost_microusd', 'attempts', 'fidelity'])
        assert.ok(name in job, name);
    assert.equal(job.cost_microusd, null);
    assert.equal(job.source, 'api');
    for (const name of ['seq', 'provider', 'worker', 'model', 'outcome', 'reason', 'started_at_ms', 'first_byte_ms', 'ended_at_ms'])
        assert.ok(name in job.attempts[0], name);
});

test('a known price becomes cost in micro-dollars', async () => {
    const priced = await upstream(here, 'priced', { models: ['gpt-4o-mini'] });
    await priced.sim.plays([{ then: { usage: { input_tokens: 1_000_000, output_tokens: 1_000_000 } } }]);
    const { job_id } = await server.call(at.chat, ask.chat('gpt-4o-mini'));
    const { cost_microusd } = await server.job(job_id);
    assert.ok(Number.isInteger(cost_microusd) && cost_microusd > 0, `${cost_microusd}`);
    await server.api('DELETE', `/api/providers/${priced.id}`);
});

test('what is configured survives a restart', async () => {
    const before = await gpt.look();
    assert.equal((await server.stop()).code, 0);
    await server.restart();
    const after = await gpt.look();
    for (const name of ['id', 'name', 'slug', 'base_url', 'key_hint', 'models', 'default_model', 'timeouts', 'fallback_rules']) assert.deepEqual(after[name], before[name], name);
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'), { key: member })).status, 200);
});

test('T11, T30: no start with a wrong, short or missing secret: exit not 0, one sentence', async () => {
    const data = empty_dir();
    const first = await Server.start({ data, env: { AUXOT_SECRET_KEY: 'a-secret-of-more-than-thirty-two-characters' } });
    first.admin = await auxot(['keys', 'create', '--data-dir', data, '--name', 'x', '--role', 'admin'], { env: { AUXOT_SECRET_KEY: 'a-secret-of-more-than-thirty-two-characters' } }).then(result => result.stdout.trim());
    await first.api('POST', '/api/providers', { type: 'openai', name: 'x', api_key: canary, base_url: gpt.sim.base_url });
    assert.equal((await first.stop()).code, 0);
    for (const secret of ['another-secret-of-more-than-thirty-two-characters', 'short', undefined]) {
        const { code, stderr, stdout } = await auxot(['serve', '--data-dir', data, '--port', '0'], { env: { AUXOT_SECRET_KEY: secret }, timeout: 10_000 });
        assert.notEqual(code, 0, `started with ${secret}`);
        assert.match(stderr, /secret/i);
        assert.doesNotMatch(stdout, /auxot ready/);
    }
    const again = await Server.start({ data, env: { AUXOT_SECRET_KEY: 'a-secret-of-more-than-thirty-two-characters' } });
    assert.equal((await again.stop()).code, 0);
});

test('two servers never share a data directory, nor a port', async () => {
    const same_data = await auxot(['serve', '--data-dir', server.data, '--port', '0'], { timeout: 10_000 });
    assert.notEqual(same_data.code, 0);
    assert.ok(same_data.stderr.length > 10);
    const same_port = await auxot(['serve', '--data-dir', empty_dir(), '--port', `${server.port}`], { timeout: 10_000 });
    assert.notEqual(same_port.code, 0);
    assert.match(same_port.stderr, /port|address|listen/i);
});

test('the data directory is private: 0700, secret and socket 0600', () => {
    const mode = name => fs.statSync(path.join(server.data, name)).mode & 0o777;
    assert.equal(mode('.') & 0o077, 0);
    assert.equal(mode('secret.key'), 0o600);
    assert.equal(mode('control'), 0o600);
});

closing(here);
