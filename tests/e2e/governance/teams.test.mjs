// Teams: made, changed, looked after; what belongs to another team does not exist (T06); providers that are a team's own; plans.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';
import { Server } from '../lib/server.mjs';
import { invite, set_up } from '../lib/person.mjs';
import { lasting_events } from '../lib/teams.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] } });
const { server, gpt } = here;
const boss = await set_up(server);
let count = 0;
const names = new Map();
const person = async () => {
    const { id } = await invite(boss, `p${++count}@example.com`);
    names.set(id, `p${count}`);
    return id;
};
const name_of = id => names.get(id);
const as = (key, method, where, body, headers) => call(server.url + where, { method, body, key, headers });
const last_event = async () => (await lasting_events(server))[0];
const none = {
    allowed_tiers: null, allowed_providers: null, allowed_models: null, service_class: 'interactive', requests_per_minute: null, tokens_per_minute: null,
    max_concurrent: null, budget_microusd_per_month: null, budget_soft_microusd_per_month: null, max_output_tokens: null,
};

test('a team is made, read, changed field by field, removed; each leaves an event with before and after', async () => {
    const made = await server.api('POST', '/api/teams', { name: 'Research', policy: { allowed_tiers: ['gpu', 'cloud'], allowed_providers: [gpt.slug], requests_per_minute: 60 } });
    const policy = { ...none, allowed_tiers: ['gpu', 'cloud'], allowed_providers: [gpt.id], requests_per_minute: 60 };
    assert.deepEqual([made.name, made.policy, made.rev], ['Research', policy, 1]);
    assert.deepEqual(await server.api('GET', `/api/teams/${made.id}`), made);
    assert.ok((await server.api('GET', '/api/teams')).items.some(one => one.id === made.id));
    let event = await last_event();
    assert.deepEqual([event.action, event.subject, event.before, event.after.name], ['team.created', made.id, null, 'Research']);

    const changed = await server.api('PATCH', `/api/teams/${made.id}`, { policy: { budget_microusd_per_month: 5_000_000, requests_per_minute: null } });
    assert.deepEqual(changed.policy, { ...policy, requests_per_minute: null, budget_microusd_per_month: 5_000_000 });
    assert.equal((await server.api('PATCH', `/api/teams/${made.id}`, { name: 'Labs' })).name, 'Labs');
    event = await last_event();
    assert.deepEqual([event.action, event.before.name, event.after.name, event.before.rev + 1], ['team.updated', 'Research', 'Labs', event.after.rev]);
    assert.deepEqual((await server.api('PATCH', `/api/teams/${made.id}`, { policy: null })).policy, none);

    const stale = await as(server.admin, 'PATCH', `/api/teams/${made.id}`, { name: 'Late' }, { 'if-match': '"1"' });
    assert.deepEqual([stale.status, stale.json.code], [412, 'stale_rev']);
    assert.equal((await as(server.admin, 'DELETE', `/api/teams/${made.id}`, undefined, { 'if-match': '"1"' })).status, 412);
    assert.deepEqual(await server.api('DELETE', `/api/teams/${made.id}`), { id: made.id, deleted: true });
    assert.equal((await as(server.admin, 'GET', `/api/teams/${made.id}`)).status, 404);
    assert.equal((await last_event()).before.name, 'Labs');
});

test('names are unique whatever their case; a policy that makes no sense is refused by field', async () => {
    const { id } = await server.api('POST', '/api/teams', { name: 'Unique' });
    assert.equal((await as(server.admin, 'POST', '/api/teams', { name: 'UNIQUE' })).status, 409);
    assert.equal((await as(server.admin, 'POST', '/api/teams', { name: id })).status, 400, 'an id is no name');
    for (const name of ['', ' padded', 'x'.repeat(64)]) assert.equal((await as(server.admin, 'POST', '/api/teams', { name })).status, 400, name);
    const stories = { allowed_tiers: ['moon'], allowed_providers: ['prv_nobody'], allowed_models: ['a*b'], service_class: 'vip', requests_per_minute: 0, tokens_per_minute: -1, max_concurrent: 1.5,
        budget_microusd_per_month: '5', max_output_tokens: 0, nonsense: 1 };
    for (const [field, value] of Object.entries(stories)) {
        const answer = await as(server.admin, 'PATCH', `/api/teams/${id}`, { policy: { [field]: value } });
        assert.equal(answer.status, 400, `${field}: ${answer.text}`);
        assert.match(answer.text, new RegExp(field), 'the field is named');
    }
    const soft = await as(server.admin, 'PATCH', `/api/teams/${id}`, { policy: { budget_microusd_per_month: 5, budget_soft_microusd_per_month: 6 } });
    assert.deepEqual([soft.status, soft.json.field], [400, 'policy.budget_soft_microusd_per_month']);
    assert.deepEqual((await server.api('GET', `/api/teams/${id}`)).policy, none, 'and nothing changed');
});

test('a team with keys, service accounts or providers of its own is not removed, and says what it has', async () => {
    const { id } = await server.api('POST', '/api/teams', { name: 'Busy' });
    const key = await server.api('POST', '/api/keys', { name: 'k', team: id });
    const account = await server.api('POST', '/api/service-accounts', { name: 'a', team: id });
    await gpt.patch({ teams: [id] });
    const refused = await as(server.admin, 'DELETE', `/api/teams/${id}`);
    assert.equal(refused.status, 409);
    assert.match(refused.json.detail, /1 API keys, 1 service accounts and 1 providers/);
    await server.api('DELETE', `/api/keys/${key.id}`);
    await server.api('DELETE', `/api/service-accounts/${account.id}`);
    await gpt.patch({ teams: null });
    await server.api('DELETE', `/api/teams/${id}`);
});

// Whoever is in no team has no policy: a lead leaves nobody so, nor themselves.
async function assert_only_team(key, id, ...users) {
    for (const user of users) {
        const refused = await as(key, 'DELETE', `/api/teams/${id}/members/${user}`);
        assert.deepEqual([refused.status, refused.json.code], [409, 'conflict'], refused.text);
        assert.match(refused.json.detail, /only team .* An admin can/);
    }
}

test('leads look after members, keys and service accounts of their team, not after its policy', async () => {
    const [lead, mate] = [await person(), await person()];
    const { id } = await server.api('POST', '/api/teams', { name: 'Led' });
    await server.api('PUT', `/api/teams/${id}/members/${lead}`, { role: 'lead' });
    const leads = await server.api('POST', '/api/keys', { name: 'lead', user: lead, scopes: ['inference', 'read', 'manage'] });
    assert.equal((await as(leads.key, 'PUT', `/api/teams/${id}/members/${mate}`, {})).status, 200);
    const event = await last_event();
    assert.deepEqual([event.action, event.actor, event.subject, event.after], ['team.member_set', leads.id, id, { user: mate, role: 'member' }]);
    assert.deepEqual((await as(leads.key, 'GET', `/api/teams/${id}/members`)).json.items, [{ user: lead, role: 'lead', user_name: name_of(lead) }, { user: mate, role: 'member', user_name: name_of(mate) }].sort((a, b) => a.user < b.user ? -1 : 1));
    const mates = await server.api('POST', '/api/keys', { name: 'mate', user: mate, scopes: ['inference', 'read', 'manage'] });
    for (const [method, path, body] of [['PATCH', '', { name: 'Mine' }], ['PATCH', '', { policy: {} }], ['DELETE', '']])
        assert.equal((await as(leads.key, method, `/api/teams/${id}${path}`, body)).status, 403, method);
    for (const [method, path, body] of [['PUT', `/api/teams/${id}/members/${mate}`, { role: 'lead' }], ['DELETE', `/api/teams/${id}/members/${lead}`], ['POST', '/api/service-accounts', { name: 'x', team: id }]])
        assert.equal((await as(mates.key, method, path, body)).status, 403, `a member may not ${method} ${path}`);
    const account = await as(leads.key, 'POST', '/api/service-accounts', { name: 'ci', team: 'Led' });
    assert.equal(account.status, 201);
    assert.equal((await as(mates.key, 'GET', `/api/service-accounts/${account.json.id}`)).status, 200, 'a member may look');
    assert.equal((await as(mates.key, 'DELETE', `/api/service-accounts/${account.json.id}`)).status, 403);
    assert.equal((await as(leads.key, 'PATCH', `/api/service-accounts/${account.json.id}`, { name: 'deploy' })).json.name, 'deploy');
    await assert_only_team(leads.key, id, mate, lead);
    await server.api('PUT', `/api/teams/${(await server.api('POST', '/api/teams', { name: 'Second' })).id}/members/${mate}`, {});
    assert.equal((await as(leads.key, 'DELETE', `/api/teams/${id}/members/${mate}`)).status, 200);
    assert.equal((await as(mates.key, 'GET', `/api/teams/${id}`)).status, 404, 'out of the team, at once');
});

test('a service account with an admin\'s key is above its lead; its member key does not revoke its admin sibling', async () => {
    const lead = await person();
    const { id } = await server.api('POST', '/api/teams', { name: 'Robots' });
    await server.api('PUT', `/api/teams/${id}/members/${lead}`, { role: 'lead' });
    const leads = await server.api('POST', '/api/keys', { name: 'lead', user: lead, scopes: ['inference', 'read', 'manage'] });
    const account = await server.api('POST', '/api/service-accounts', { name: 'ops', team: id });
    const high = await server.api('POST', '/api/keys', { name: 'high', service_account: account.id, role: 'admin' });
    const low = await server.api('POST', '/api/keys', { name: 'low', service_account: account.id, scopes: ['read', 'manage'] });
    for (const [key, where] of [[leads, `/api/service-accounts/${account.id}`], [low, `/api/keys/${high.id}`]]) {
        const refused = await as(key.key, 'DELETE', where);
        assert.deepEqual([refused.status, refused.json.code], [403, 'forbidden'], refused.text);
    }
    assert.equal((await as(high.key, 'GET', `/api/teams/${id}`)).status, 200, 'still in force');
    assert.equal((await as(high.key, 'DELETE', `/api/keys/${low.id}`)).status, 200);
    await server.api('DELETE', `/api/keys/${high.id}`);
    assert.equal((await as(leads.key, 'DELETE', `/api/service-accounts/${account.id}`)).status, 200);
});

// ---- T06: two teams with twins of everything ---------------------------------------------------------

async function twin(name) {
    const [lead, mate] = [await person(), await person()];
    const team = await server.api('POST', '/api/teams', { name });
    await server.api('PUT', `/api/teams/${team.id}/members/${lead}`, { role: 'lead' });
    await server.api('PUT', `/api/teams/${team.id}/members/${mate}`, { role: 'member' });
    const leads = await server.api('POST', '/api/keys', { name: 'twin', user: lead, scopes: ['inference', 'read', 'manage'] });
    const account = await server.api('POST', '/api/service-accounts', { name: 'twin', team: team.id });
    const keys = [leads, await server.api('POST', '/api/keys', { name: 'twin', user: mate, team: team.id }), await server.api('POST', '/api/keys', { name: 'twin', service_account: account.id }),
        await server.api('POST', '/api/keys', { name: 'twin', team: team.id })];
    const job = await server.job((await call(server.url + at.chat, { body: ask.chat('gpt-sim'), key: keys[1].key })).job_id);
    return { team, lead, mate, key: leads.key, account, keys, job };
}

test('T06: the other team\'s ids are 404 with every verb on every route, and nothing is different afterwards', async () => {
    const [mine, theirs] = [await twin('Twin A'), await twin('Twin B')];
    const look = async () => JSON.stringify([await server.api('GET', '/api/teams'), await server.api('GET', `/api/teams/${theirs.team.id}/members`), await server.api('GET', '/api/keys?limit=200'),
        await server.api('GET', '/api/service-accounts'), await last_event()], (name, value) => name === 'last_used_at_ms' ? undefined : value);
    const before = await look();
    const routes = one => [
        ['GET', `/api/teams/${one.team.id}`], ['PATCH', `/api/teams/${one.team.id}`, { name: 'taken' }], ['DELETE', `/api/teams/${one.team.id}`],
        ['GET', `/api/teams/${one.team.id}/members`], ['PUT', `/api/teams/${one.team.id}/members/${mine.lead}`, { role: 'lead' }], ['DELETE', `/api/teams/${one.team.id}/members/${one.mate}`],
        ['GET', `/api/service-accounts/${one.account.id}`], ['PATCH', `/api/service-accounts/${one.account.id}`, { name: 'taken' }], ['DELETE', `/api/service-accounts/${one.account.id}`],
        ...one.keys.flatMap(({ id }) => [['GET', `/api/keys/${id}`], ['PATCH', `/api/keys/${id}`, { name: 'taken' }], ['POST', `/api/keys/${id}/rotate`, {}], ['DELETE', `/api/keys/${id}`]]),
        ['GET', `/api/jobs/${one.job.id}`],
    ];
    const nobody = /[0-9a-z]{26}/g;
    for (const [method, path, body] of routes(theirs)) {
        const answer = await as(mine.key, method, path, body);
        assert.equal(answer.status, 404, `${method} ${path}: ${answer.text}`);
        const unknown = await as(mine.key, method, path.replace(nobody, 'z'.repeat(26)), body);
        const plain = ({ json: { request_id, ...rest } }) => JSON.stringify(rest).replace(nobody, '');
        assert.deepEqual([unknown.status, plain(unknown)], [404, plain(answer)], 'as an id that never was');
    }
    for (const body of [{ name: 'x', team: 'Twin B' }, { name: 'x', team: theirs.team.id }, { name: 'x', service_account: theirs.account.id }])
        assert.equal((await as(mine.key, 'POST', '/api/keys', body)).status, 400, JSON.stringify(body));
    assert.equal((await as(mine.key, 'POST', '/api/service-accounts', { name: 'x', team: 'Twin B' })).status, 400);
    for (const where of ['/api/teams', '/api/keys?limit=200', '/api/service-accounts', '/api/jobs']) {
        const { text } = await as(mine.key, 'GET', where);
        for (const id of [theirs.team.id, theirs.account.id, theirs.job.id, ...theirs.keys.map(one => one.id)]) assert.ok(!text.includes(id), `${where} shows ${id}`);
    }
    assert.equal(await look(), before);
    for (const [method, path, body] of routes(mine).filter(([method]) => method === 'GET'))
        if (!path.includes('/jobs/')) assert.equal((await as(mine.key, method, path, body)).status, 200, `${path} is one's own`);
});

test('a provider that is a team\'s own is no candidate for others, and not in their lists; a key\'s models narrow both (R11)', async () => {
    const [own, other] = [await server.api('POST', '/api/teams', { name: 'Own' }), await server.api('POST', '/api/teams', { name: 'Other' })];
    const key = body => server.api('POST', '/api/keys', { name: 'k', ...body });
    const [mine, theirs, nobodys] = [await key({ team: own.id }), await key({ team: other.id }), await key({})];
    const narrow = await key({ team: own.id, allowed_models: ['claude-*'] });
    const status = async ({ key }) => (await call(server.url + at.chat, { body: ask.chat('gpt-sim'), key })).status;
    const listed = async ({ key }) => (await call(`${server.url}/api/openai/v1/models`, { key })).json.data.map(one => one.id).includes('gpt-sim');
    assert.deepEqual([await status(theirs), await listed(theirs)], [200, true], 'before, it is everybody\'s');
    assert.deepEqual([await status(narrow), await listed(narrow)], [403, false], 'the key names other models');
    await gpt.patch({ teams: ['own'] });
    assert.deepEqual([await status(mine), await listed(mine)], [200, true]);
    for (const one of [theirs, nobodys]) assert.deepEqual([await status(one), await listed(one)], [403, false]);
    const { candidates } = await server.api('POST', '/api/routing/explain', { model: 'gpt-sim', team: 'Other' });
    assert.deepEqual([candidates[0].verdict, candidates[0].reason], ['skipped', 'provider_teams']);
    await gpt.patch({ teams: null });
    assert.equal(await status(theirs), 200, 'and again');
});

test('T06: members do not see providers of other teams, nor of any its address, its key and other teams', async () => {
    const [own, other] = [await server.api('POST', '/api/teams', { name: 'Sees' }), await server.api('POST', '/api/teams', { name: 'Sees not' })];
    const [one, two] = [await person(), await person()];
    for (const [team, user] of [[own, one], [other, two]]) await server.api('PUT', `/api/teams/${team.id}/members/${user}`, {});
    const key = body => server.api('POST', '/api/keys', { name: 'k', ...body });
    const [mine, teams, stranger, nobodys] = [await key({ user: one }), await key({ team: own.id }), await key({ user: two }), await key({})];
    const seen = async ({ key }) => [(await as(key, 'GET', '/api/providers')).json.items.some(item => item.id === gpt.id), (await as(key, 'GET', `/api/providers/${gpt.id}`)).status,
        (await as(key, 'GET', '/api/models')).json.items.some(item => item.provider.id === gpt.id), (await as(key, 'GET', '/api/me/access')).text.includes(gpt.id)];
    for (const member of [mine, teams, stranger, nobodys]) assert.deepEqual(await seen(member), [true, 200, true, true], 'everybody\'s');
    const { teams: nobodys_teams, ...open } = (await as(stranger.key, 'GET', `/api/providers/${gpt.id}`)).json;
    assert.deepEqual([nobodys_teams, open.base_url, open.key_hint, open.name], [null, null, null, gpt.name ?? open.name]);
    const third = await server.api('POST', '/api/teams', { name: 'Third' });
    await gpt.patch({ teams: [own.id, third.id] });
    for (const member of [mine, teams]) {
        assert.deepEqual(await seen(member), [true, 200, true, true], 'their team\'s');
        assert.deepEqual((await as(member.key, 'GET', `/api/providers/${gpt.id}`)).json.teams, [own.id]);
    }
    for (const member of [stranger, nobodys]) assert.deepEqual(await seen(member), [false, 404, false, false]);
    const whole = await server.api('GET', `/api/providers/${gpt.id}`);
    assert.deepEqual(whole.teams, [own.id, third.id]);
    assert.ok(whole.base_url && whole.key_hint, 'an admin sees all');
    await gpt.patch({ teams: null });
});

test('jobs, keys and members tell names beside ids', async () => {
    const [team, user] = [await server.api('POST', '/api/teams', { name: 'Named' }), await person()];
    const member = await server.api('PUT', `/api/teams/${team.id}/members/${user}`, {});
    assert.deepEqual([member.user, member.user_name], [user, name_of(user)]);
    const account = await server.api('POST', '/api/service-accounts', { name: 'Robot', team: team.id });
    const mine = await server.api('POST', '/api/keys', { name: 'k', user, team: team.id });
    const theirs = await server.api('POST', '/api/keys', { name: 'r', service_account: account.id });
    const plain = await server.api('POST', '/api/keys', { name: 'n' });
    const told = key => [key.team, key.team_name, key.user, key.user_name, key.service_account, key.service_account_name];
    assert.deepEqual(told(mine), [team.id, 'Named', user, name_of(user), null, null]);
    assert.deepEqual(told(theirs), [team.id, 'Named', null, null, account.id, 'Robot']);
    assert.deepEqual(told(plain), [null, null, null, null, null, null]);
    for (const made of [mine, theirs]) {
        assert.deepEqual(told(await server.api('GET', `/api/keys/${made.id}`)), told(made));
        assert.deepEqual(told(await server.api('PATCH', `/api/keys/${made.id}`, { name: 'again' })), told(made));
        assert.deepEqual(told((await server.api('GET', '/api/keys?limit=200')).items.find(one => one.id === made.id)), told(made));
    }
    assert.deepEqual(told(await server.api('POST', `/api/keys/${mine.id}/rotate`, {})), told(mine));
    const { key } = await server.api('POST', '/api/keys', { name: 'j', user, team: team.id });
    const answer = await call(server.url + at.chat, { body: ask.chat('gpt-sim'), key });
    const job = await server.job(answer.job_id);
    assert.deepEqual([job.team, job.team_name, job.user, job.user_name], [team.id, 'Named', user, name_of(user)]);
    assert.equal((await server.api('GET', `/api/jobs?team=Named`)).items[0].team_name, 'Named');
    assert.match((await call(`${server.url}/api/jobs?team=Named&format=jsonl`, { key: server.admin })).text, /"team_name":"Named","user_name":"p/);
    await server.api('PATCH', `/api/teams/${team.id}`, { name: 'Renamed' });
    assert.equal((await server.job(answer.job_id)).team_name, 'Renamed', 'as it is called today');
});

test('a key that is moved into a full team is counted there, too', async () => {
    const [full, other] = [await server.api('POST', '/api/teams', { name: 'Full' }), await server.api('POST', '/api/teams', { name: 'Roomy' })];
    for (let made = 0; made < 1000; made += 20)
        await Promise.all(Array.from({ length: 20 }, () => server.api('POST', '/api/keys', { name: 'k', team: full.id })));
    const late = await server.api('POST', '/api/keys', { name: 'late', team: other.id });
    const moved = await as(server.admin, 'PATCH', `/api/keys/${late.id}`, { team: full.id });
    assert.deepEqual([moved.status, moved.json.code], [409, 'conflict'], moved.text);
    assert.match(moved.json.detail, /The team has 1000 keys of its own, which is the most/);
    assert.equal((await server.api('GET', `/api/keys/${late.id}`)).team, other.id, 'it stays where it was');
    const [one] = (await server.api('GET', `/api/keys?team=Full&limit=1`)).items;
    assert.equal((await server.api('PATCH', `/api/keys/${one.id}`, { name: 'renamed' })).name, 'renamed', 'who is there may stay');
    await server.api('DELETE', `/api/keys/${one.id}`);
    assert.equal((await server.api('PATCH', `/api/keys/${late.id}`, { team: full.id })).team_name, 'Full', 'now there is room');
});

// ---- plans -------------------------------------------------------------------------------------------

async function with_plan(plan, then) {
    const one = await Server.start({ env: { AUXOT_PLAN: plan } });
    one.admin = await one.key('admin');
    const add = (type, name) => call(`${one.url}/api/providers`, { key: one.admin, body: { type, name, ...(type === 'gpu' ? {} : { api_key: canary, base_url: gpt.sim.base_url }) } });
    try { await then(one, add); } finally { assert.equal((await one.stop()).code, 0); }
}

test('the plan free has one provider of each type; the refusal names the plan that lifts this', () => with_plan('free', async (one, add) => {
    assert.equal((await add('openai', 'first')).status, 201);
    assert.equal((await add('gpu', 'rack')).status, 201);
    const second = await add('openai', 'second');
    assert.deepEqual([second.status, second.json.code, second.json.field], [403, 'plan_limit', 'type']);
    assert.match(second.json.detail, /plan free .* plan team lifts/);
    assert.equal((await one.api('GET', '/api/providers')).items.length, 2);
}));

test('only business and enterprise give providers to teams; team has no limit on their number', async () => {
    await with_plan('team', async (one, add) => {
        const { id } = (await add('openai', 'first')).json;
        assert.equal((await add('openai', 'second')).status, 201);
        const { id: team } = await one.api('POST', '/api/teams', { name: 'T' });
        const refused = await call(`${one.url}/api/providers/${id}`, { method: 'PATCH', key: one.admin, body: { teams: [team] } });
        assert.deepEqual([refused.status, refused.json.code], [403, 'plan_limit']);
        assert.match(refused.json.detail, /plan team .* plans business and enterprise/);
        assert.equal((await one.api('PATCH', `/api/providers/${id}`, { teams: null })).teams, null);
    });
    await with_plan('business', async (one, add) => {
        const { id } = (await add('openai', 'first')).json;
        const { id: team } = await one.api('POST', '/api/teams', { name: 'T' });
        assert.deepEqual((await one.api('PATCH', `/api/providers/${id}`, { teams: ['T'] })).teams, [team]);
    });
});

closing(here);
