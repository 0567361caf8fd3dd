// What members see: providers of other teams are named nowhere, and no provider's address is told (T06).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } });
const { server, gpt, claude } = here;
const as = (key, method, where, body, headers) => call(server.url + where, { method, body, key, headers });

test('T06: rules, routes, the Auto default, the dry run and workers name no provider of other teams to members', async () => {
    const [own, other] = [await server.api('POST', '/api/teams', { name: 'Insight' }), await server.api('POST', '/api/teams', { name: 'Outside' })];
    const key = body => server.api('POST', '/api/keys', { name: 'k', ...body });
    const [mine, stranger] = [await key({ team: own.id }), await key({ team: other.id })];
    const hidden = await provider_of_workers(server, 'gpu', 'Hidden rack', { teams: [own.id] });
    const worker = await Worker.start(server, hidden.key, { name: 'hidden-worker', models: ['hidden-model'] });
    await server.api('PATCH', `/api/providers/${gpt.id}`, { fallback_rules: [{ condition: 'offline', provider: hidden.id }, { condition: 'over_quota', provider: claude.id }] });
    const route = await server.api('POST', '/api/routes', { name: 'hidden-first', steps: [{ provider: hidden.id }, { tier: 'cloud' }, { model: 'gpt-sim' }] });
    await server.api('PATCH', '/api/routing', { auto: { provider: hidden.id, model: 'hidden-model' } });
    const price = await server.api('PUT', '/api/prices', { model: 'hidden-model', provider: hidden.id, input_microusd_per_mtok: 7 });
    const read = async ({ key }) => ({
        rules: (await as(key, 'GET', `/api/providers/${gpt.id}`)).json.fallback_rules.map(rule => rule.provider),
        steps: (await as(key, 'GET', `/api/routes/${route.id}`)).json.steps.length,
        listed: (await as(key, 'GET', '/api/routes')).json.items.find(one => one.id === route.id).steps.length,
        auto: (await as(key, 'GET', '/api/routing')).json.auto?.provider_name ?? null,
        candidates: (await as(key, 'POST', '/api/routing/explain', { model: 'auto' })).json.candidates.some(one => one.provider.id === hidden.id),
        workers: (await as(key, 'GET', '/api/workers')).json.items.map(one => one.name),
    });
    assert.deepEqual(await read(mine), { rules: [hidden.id, claude.id], steps: 3, listed: 3, auto: 'Hidden rack', candidates: true, workers: ['hidden-worker'] });
    assert.deepEqual(await read({ key: server.admin }), await read(mine), 'an admin sees all');
    assert.deepEqual(await read(stranger), { rules: [claude.id], steps: 2, listed: 2, auto: null, candidates: false, workers: [] });
    for (const [method, where, body] of [['GET', '/api/providers'], ['GET', '/api/routes'], ['GET', '/api/routing'], ['GET', '/api/workers'], ['GET', '/api/models'], ['GET', '/api/prices'], ['GET', '/api/transitions'], ['GET', '/api/routing/at'], ['GET', '/api/routing/flows'],
        ['POST', '/api/routing/explain', { model: 'auto' }], ['POST', '/api/routing/explain', { model: 'hidden-model' }], ['POST', '/api/routing/explain', { model: 'hidden-first' }]]) {
        const { text } = await as(stranger.key, method, where, body);
        for (const word of [hidden.id, 'Hidden rack', 'hidden-rack', 'hidden-worker']) assert.ok(!text.includes(word), `${method} ${where} shows ${word}: ${text}`);
    }
    const faulty = name => as(stranger.key, 'POST', '/api/routing/explain', { model: 'auto', faults: [{ provider: name, fault: 'offline' }] });
    const [theirs, nobodys] = [await faulty('hidden-rack'), await faulty('no-such-rack')];
    assert.deepEqual([theirs.status, theirs.json.detail], [nobodys.status, nobodys.json.detail], 'as if there were none');
    const asked = await call(server.url + at.chat, { body: ask.chat('hidden-model'), key: stranger.key });
    assert.equal(asked.status, 403);
    assert.match(asked.json.error.message, /^Whoever could answer is assigned to other teams/);
    const pins = name => ['hidden-model', 'gpt-sim', 'auto'].flatMap(model => [[model, { 'x-auxot-provider': name }], [`${name}/${model}`, {}]]);
    const asks = async name => {
        const said = [];
        for (const [model, headers] of pins(name)) {
            const real = await call(server.url + at.chat, { body: ask.chat(model), key: stranger.key, headers });
            const dry = await as(stranger.key, 'POST', '/api/routing/explain', { model, provider: headers['x-auxot-provider'] });
            said.push([real.status, real.json.error.message, real.json.error.code, dry.status, dry.json.sentence].join(' ').replaceAll(name, 'NAME'));
        }
        return said;
    };
    const strangers = await asks('no-such-rack');
    assert.match(strangers[0], /There is no provider/);
    for (const name of ['hidden-rack', hidden.id]) assert.deepEqual(await asks(name), strangers, `a pin on ${name} is one on nobody`);
    const routed = await call(server.url + at.chat, { body: ask.chat('hidden-first'), key: stranger.key });
    assert.equal(routed.status, 200, routed.text);
    for (const answer of [asked, routed]) {
        await server.job(answer.job_id);
        const { status, text } = await as(stranger.key, 'GET', `/api/jobs/${answer.job_id}`);
        assert.equal(status, 200);
        for (const word of [hidden.id, 'Hidden rack', 'hidden-rack']) assert.ok(!(text + JSON.stringify(answer.headers)).includes(word), `the job shows ${word}: ${text}`);
    }
    const priced = async ({ key }) => (await as(key, 'GET', '/api/prices?model=hidden-model')).json.items.length;
    assert.deepEqual([await priced(mine), await priced(stranger)], [1, 0], 'prices of their own');
    const [hidden_one, no_one] = [await as(stranger.key, 'GET', '/api/prices?provider=hidden-rack'), await as(stranger.key, 'GET', '/api/prices?provider=none')];
    assert.deepEqual([hidden_one.status, hidden_one.json.detail], [no_one.status, no_one.json.detail]);
    const [hidden_log, no_log] = [await as(stranger.key, 'GET', '/api/transitions?provider=hidden-rack'), await as(stranger.key, 'GET', '/api/transitions?provider=no-such-rack')];
    assert.deepEqual([hidden_log.status, hidden_log.json.detail], [no_log.status, no_log.json.detail.replace('no-such-rack', 'hidden-rack')]);
    await server.api('DELETE', `/api/prices/${price.id}`);
    await worker.leave();
    const waits = call(server.url + at.chat, { body: ask.chat('hidden-model'), key: mine.key, headers: { 'x-auxot-wait': '3s' } });
    const queue = async key => (await as(key, 'GET', '/api/health/summary')).json.items.find(one => one.kind === 'queue').why_text;
    const nobody = await queue(stranger.key);
    for (let tries = 0; tries < 50 && await queue(server.admin) === nobody; tries++) await new Promise(done => setTimeout(done, 20));
    assert.notEqual(await queue(server.admin), nobody, 'an admin sees that one waits');
    for (let tries = 0; tries < 50 && await queue(mine.key) === nobody; tries++) await new Promise(done => setTimeout(done, 20));
    assert.notEqual(await queue(mine.key), nobody, 'and so does whose provider it is');
    assert.equal(await queue(stranger.key), nobody, 'others are told of no queue but theirs');
    await waits;
    await server.api('PATCH', '/api/routing', { auto: null });
    await server.api('DELETE', `/api/routes/${route.id}`);
    await server.api('PATCH', `/api/providers/${gpt.id}`, { fallback_rules: [] });
    await server.api('DELETE', `/api/providers/${hidden.id}`);
});

test('T06: what a provider failed with is told to admins; members read how it stands, and no address', async () => {
    const key = (await server.api('POST', '/api/keys', { name: 'k', role: 'member' })).key;
    const message = 'Incorrect API key provided. See https://secret-host.internal/keys.';
    await gpt.sim.plays([{ when: { path: '/models' }, then: { status: 401, body: { error: { message, type: 'invalid_request_error', code: 'invalid_api_key' } } } }]);
    await server.api('POST', `/api/providers/${gpt.id}/refresh`);
    const [full, seen] = [await server.api('GET', `/api/providers/${gpt.id}`), (await as(key, 'GET', `/api/providers/${gpt.id}`)).json];
    assert.match(full.error, /secret-host/);
    assert.deepEqual([seen.status, seen.error_code], [full.status, full.error_code]);
    assert.equal(seen.error, 'Its key was refused, or it has no models; an admin can see why.');
    const explained = [await server.api('POST', '/api/routing/explain', { model: 'auto' }), (await as(key, 'POST', '/api/routing/explain', { model: 'auto' })).json];
    const [told, kept] = explained.map(({ candidates }) => candidates.find(one => one.provider.id === gpt.id).evidence);
    assert.match(told, /it said: .*secret-host/);
    assert.doesNotMatch(kept, /it said/);
    const item = ({ items }) => items.find(one => one.kind === 'provider' && one.id === gpt.id);
    const [whole, own] = [await server.api('GET', '/api/health/summary'), (await as(key, 'GET', '/api/health/summary')).json];
    assert.match(item(whole).why_text, /secret-host/);
    assert.ok(item(own).why_text.length > 10, 'the state says something of its own');
    assert.deepEqual([own.spend, own.gateway], [null, null], 'money and machine are told to admins');
    assert.ok(whole.spend.today_microusd >= 0 && whole.gateway.memory_bytes > 0);
    for (const where of ['/api/providers', '/api/models', '/api/health', '/api/health/summary']) assert.ok(!(await as(key, 'GET', where)).text.includes('secret-host'), where);
    await gpt.plays();
});

closing(here);
