// Who may do what, every operation of the contract by every role, as tests/authorization says (T07); and that no body smuggles in
// what its sender was not asked for (T05). Whatever was refused changed nothing.
//
// An operation that is new in api/openapi.yaml needs its line in `how`: a request that is right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';
import { ask, at, canary, closing, scene, upstream } from '../lib/scene.mjs';
import { Call, call } from '../lib/http.mjs';
import { within } from '../lib/process.mjs';
import { is_valid, is_valid_parameter, operations } from '../lib/contract.mjs';
import { good_password, invite, set_up } from '../lib/person.mjs';
import { auxot } from '../lib/server.mjs';
import { lasting_events } from '../lib/teams.mjs';

const here = await scene({ gpt: { models: ['gpt-sim', 'gpt-sim-mini'] } });
const { server, gpt } = here;
let count = 0;
const boss = await set_up(server);
const person = (wish = {}) => invite(boss, `p${++count}@example.com`, wish);
const [{ id: user }, { id: mate }, { id: peer }] = [await person(), await person(), await person()];
// The owner comes by the control socket, which is the owner's by the rights of its file.
const key_of = async id => (await server.api('POST', '/api/keys', { name: 'all that they may', user: id, scopes: ['inference', 'read', 'manage'] })).key;
const callers = { none: {}, member: { key: await key_of(user) }, admin: { key: server.admin }, owner: { socket: path.join(server.data, 'control') }, mate: { key: await key_of(peer) } };

// ---- what is there to act upon -------------------------------------------------------------------

const unique = word => `${word} ${++count}`;
const made = async (path, body) => (await server.api('POST', path, body));
const provider = (more = {}) => made('/api/providers', { type: 'openai', name: unique('provider'), api_key: canary, base_url: gpt.sim.base_url, ...more });
const route = () => made('/api/routes', { name: unique('route').replace(' ', '-'), steps: [{ model: 'gpt-sim' }] });
const rack = await made('/api/providers', { type: 'gpu', name: 'rack' });
const worker_key = () => made(`/api/providers/${rack.id}/worker-keys`, { name: unique('worker key') });
const key = owner => made('/api/keys', { name: unique('key'), user: owner });
const team = async () => {
    const one = await made('/api/teams', { name: unique('team') });
    await server.api('PUT', `/api/teams/${one.id}/members/${user}`, { role: 'lead' });
    await server.api('PUT', `/api/teams/${one.id}/members/${peer}`, { role: 'member' });
    return one;
};
const [ours, theirs] = [await team(), await made('/api/teams', { name: 'theirs' })];
await server.api('PUT', `/api/teams/${theirs.id}/members/${mate}`, {}); // a lead takes nobody out of their only team
const account = (where = ours) => made('/api/service-accounts', { name: unique('account'), team: where.id });
const job_of = async caller => (await server.job((await server.call(at.chat, ask.chat('gpt-sim'), { ...callers[caller] })).job_id)).id;
const jobs = { member: await job_of('member'), admin: await job_of('admin') };
const stays = { provider: gpt.id, route: (await route()).id, worker_key: (await worker_key()).id, key: (await key(user)).id, account: (await account()).id };
const others = { key: (await key(null)).id, account: (await account(theirs)).id };

// People: one of each role, and whatever a call needs that comes with a session in place of a key.
await auxot(['keys', 'create', '--data-dir', server.data, '--name', 'makes the team', '--team', 'Led']);
const lead = await person({ team: 'Led', team_role: 'lead' });
const invitation = (host, wish = {}) => host.api('POST', '/api/invitations', wish, { expect: 201 });
const by_session = async (caller, method, of = null) => {
    if (caller === 'none') return {};
    const who = of ?? await person({ role: caller === 'mate' ? 'member' : caller });
    return { who, by: { key: undefined, socket: undefined, headers: who.headers(method) } };
};
const own_session = async () => {
    const who = await person();
    return [who, (await who.api('GET', '/api/me/sessions')).items[0].id];
};

// A file of configuration with every kind of object; that is here already, but for the names.
const deep_config = {
    auto: { provider: 'gpt', model: 'gpt-sim' },
    providers: [{ slug: 'gpt', fallback_rules: [{ condition: 'offline', provider: 'rack' }], timeouts: { connect_ms: 2000 } }],
    routes: [{ name: 'of-the-file', steps: [{ model: 'gpt-sim' }] }], teams: [{ name: 'of the file', policy: {} }], prices: [{ model: 'of-the-file' }],
};

// A request that is right, for the caller that is named, if he may send it: {args, body, query}; `by`: other options of the call, where a
// key is not what this operation wants; `other`: about an object of somebody else's; `deep`: a body
// that is right too and has every kind of object that may stand inside.
const how = {
    'GET /providers': () => ({}),
    'POST /providers': () => ({ body: { type: 'openai', name: unique('provider'), api_key: canary, base_url: gpt.sim.base_url } }),
    'GET /providers/{id}': () => ({ args: [stays.provider] }),
    'PATCH /providers/{id}': () => ({ args: [stays.provider], body: { wait_ms: ++count },
        deep: { fallback_rules: [{ condition: 'offline', provider: rack.id, model: null, threshold: 3 }], timeouts: { connect_ms: 2000 } } }),
    'DELETE /providers/{id}': async () => ({ args: [(await provider()).id] }),
    'POST /providers/{id}/refresh': () => ({ args: [stays.provider], body: {} }),
    'POST /providers/{id}/test': () => ({ args: [stays.provider], body: {} }),
    'GET /providers/{id}/worker-keys': () => ({ args: [rack.id] }),
    'POST /providers/{id}/worker-keys': () => ({ args: [rack.id], body: { name: unique('worker key') } }),
    'DELETE /providers/{id}/worker-keys/{key}': async () => ({ args: [rack.id, (await worker_key()).id] }),
    'GET /workers': () => ({}),
    'GET /models': () => ({}),
    'GET /me/access': () => ({}),
    'GET /routing': () => ({}),
    'PATCH /routing': () => ({ body: { auto: { provider: gpt.id, model: ++count % 2 ? 'gpt-sim' : null } }, deep: { auto: { provider: gpt.id, model: 'gpt-sim' } } }),
    'POST /routing/rehearse': () => ({ body: { show: 3 }, deep: { faults: [{ provider: gpt.id, fault: 'offline' }], changes: { providers: [{ provider: gpt.id, paused: true }], auto: null, routes: [{ name: 'rehearsed', steps: [{ tier: 'cloud' }] }], teams: [] } } }),
    'POST /routing/explain': () => ({ body: { model: 'auto' }, deep: { model: 'auto', needs: ['tools'], faults: [{ provider: gpt.id, fault: 'offline' }] } }),
    'GET /routing/at': () => ({ query: `?t=${Date.now() - 1}` }),
    'GET /routing/flows': () => ({}),
    'GET /transitions': () => ({ query: '?limit=1' }),
    'GET /health/summary': () => ({}),
    'GET /routes': () => ({}),
    'POST /routes': () => ({ body: { name: unique('route').replace(' ', '-'), steps: [{ model: 'gpt-sim' }] },
        deep: { name: unique('route').replace(' ', '-'), steps: [{ provider: gpt.id, model: 'gpt-sim', when: 'always' }] } }),
    'GET /routes/{id}': () => ({ args: [stays.route] }),
    'PATCH /routes/{id}': () => ({ args: [stays.route], body: { name: unique('route').replace(' ', '-') }, deep: { steps: [{ tier: 'cloud', when: 'always' }] } }),
    'DELETE /routes/{id}': async () => ({ args: [(await route()).id] }),
    'GET /keys': () => ({}),
    'POST /keys': () => ({ body: { name: unique('key') } }),
    'GET /keys/{id}': () => ({ args: [stays.key], other: [others.key] }),
    'PATCH /keys/{id}': () => ({ args: [stays.key], body: { name: unique('key') }, other: [others.key],
        deep: { allowed_models: ['gpt-sim'], policy: { allowed_tiers: ['cloud'], allowed_providers: [gpt.id], requests_per_minute: 60 } } }),
    'DELETE /keys/{id}': async () => ({ args: [(await key(user)).id], other: [others.key] }),
    'POST /keys/{id}/rotate': () => ({ args: [stays.key], body: { grace_ms: ++count }, other: [others.key] }),
    'GET /teams': () => ({}),
    'POST /teams': () => ({ body: { name: unique('team') }, deep: { name: unique('team'), policy: { allowed_models: ['gpt-*'], budget_microusd_per_month: 5 } } }),
    'GET /teams/{id}': () => ({ args: [ours.id], other: [theirs.id] }),
    'GET /teams/{id}/access': () => ({ args: [ours.id], other: [theirs.id] }),
    'GET /teams/{id}/limits': () => ({ args: [ours.id], other: [theirs.id] }),
    'PATCH /teams/{id}': () => ({ args: [ours.id], body: { name: unique('team') }, other: [theirs.id],
        deep: { policy: { allowed_tiers: ['cloud'], allowed_models: ['*'], service_class: 'batch', max_concurrent: 3 } } }),
    'DELETE /teams/{id}': async () => ({ args: [(await team()).id], other: [theirs.id] }),
    'GET /teams/{id}/members': () => ({ args: [ours.id], other: [theirs.id] }),
    'PUT /teams/{id}/members/{user}': () => ({ args: [ours.id, mate], body: { role: 'member' }, other: [theirs.id, mate] }),
    'DELETE /teams/{id}/members/{user}': async () => {
        await server.api('PUT', `/api/teams/${ours.id}/members/${mate}`, {});
        return { args: [ours.id, mate], other: [theirs.id, mate] };
    },
    'GET /service-accounts': () => ({}),
    'POST /service-accounts': () => ({ body: { name: unique('account'), team: ours.id } }),
    'GET /service-accounts/{id}': () => ({ args: [stays.account], other: [others.account] }),
    'PATCH /service-accounts/{id}': () => ({ args: [stays.account], body: { name: unique('account') }, other: [others.account] }),
    'DELETE /service-accounts/{id}': async () => ({ args: [(await account()).id], other: [others.account] }),
    'GET /usage': () => ({ query: '?group_by=key&bucket=day' }),
    'GET /setup': () => ({}),
    'POST /setup': () => ({ body: { token: 'auxo_x', email: 'x@example.com', password: good_password } }),
    'GET /setup/token': () => ({}),
    'GET /session': () => ({}),
    'POST /session': () => ({ body: { email: lead.email, password: good_password } }),
    'DELETE /session': caller => by_session(caller, 'DELETE'),
    'GET /me': () => ({}),
    'PATCH /me': async caller => ({ ...await by_session(caller, 'PATCH'), body: { name: unique('name') } }),
    'GET /me/sessions': caller => by_session(caller, 'GET'),
    'DELETE /me/sessions': caller => by_session(caller, 'DELETE'),
    'DELETE /me/sessions/{id}': async caller => {
        const { who, ...more } = await by_session(caller, 'DELETE');
        const mine = who ? (await who.api('GET', '/api/me/sessions')).items[0].id : 'ses_x';
        return { args: [mine], other: [(await own_session())[1]], ...more };
    },
    'GET /users': () => ({}),
    'GET /users/{id}': () => ({ args: [lead.id] }),
    'PATCH /users/{id}': () => ({ args: [lead.id], body: { name: unique('name') } }),
    'DELETE /users/{id}': async () => ({ args: [(await person()).id] }),
    'DELETE /users/{id}/sessions': async () => ({ args: [(await person()).id] }),
    'POST /users/{id}/password-reset': async () => ({ args: [(await person()).id] }),
    'DELETE /users/{id}/password-reset': async () => {
        const { id } = await person();
        await server.api('POST', `/api/users/${id}/password-reset`);
        return { args: [id] };
    },
    'POST /password-reset': async () => ({ body: { token: (await server.api('POST', `/api/users/${(await person()).id}/password-reset`)).token, password: good_password } }),
    'GET /invitations': () => ({}),
    'POST /invitations': async caller => ({ body: { team: 'Led' }, ...caller === 'member' ? await by_session(caller, 'POST', lead) : {} }),
    'DELETE /invitations/{id}': async caller => ({ args: [(await invitation(lead, { team: 'Led' })).id], other: [(await invitation(boss)).id],
        ...caller === 'member' ? await by_session(caller, 'DELETE', lead) : {} }),
    'POST /invitations/look': async () => ({ body: { token: (await invitation(boss)).token } }),
    'POST /invitations/accept': async () => ({ body: { token: (await invitation(boss)).token, email: `p${++count}@example.com`, password: good_password } }),
    'GET /prices': () => ({ query: '?used=true' }),
    'PUT /prices': () => ({ body: { model: unique('model'), input_microusd_per_mtok: 1 } }),
    'DELETE /prices/{id}': async () => ({ args: [(await server.api('PUT', '/api/prices', { model: unique('model') })).id] }),
    'GET /jobs': () => ({ query: '?limit=1' }),
    'GET /jobs/{id}': () => ({ args: [jobs.member], other: [jobs.admin] }),
    'GET /events': () => ({ query: '?limit=1' }),
    'GET /events/verify': () => ({}),
    'GET /secret': () => ({}),
    'POST /secret/rotate': () => ({ body: {} }),
    'GET /backup': () => ({}),
    'POST /backup/begin': () => ({ body: {} }),
    'POST /backup/end': () => ({ body: { at_ms: 1, bytes: 1 } }),
    'GET /config': () => ({}),
    'POST /config/diff': () => ({ body: { config: {} }, deep: { config: deep_config } }),
    'POST /config/apply': () => ({ body: { config: {} }, deep: { config: deep_config } }),
    'GET /openapi.json': () => ({}),
    'GET /health': () => ({}),
    'GET /live': () => ({ streams: true }),
};

// ---- the table, and the state of everything --------------------------------------------------------

const table = new Map();
let columns;
for (const line of fs.readFileSync(new URL('../../authorization', import.meta.url), 'utf8').split('\n')) {
    const words = line.split(/\s+/).filter(Boolean);
    if (words[0] === '#' && words[1] === 'operation') columns = words.slice(2);
    else if (words.length && words[0][0] !== '#') table.set(`${words[0]} ${words[1]}`, Object.fromEntries(columns.map((name, i) => [name, words[i + 2]])));
}

const filled = (one, args = []) => args.reduce((path, arg) => path.replace(/\{\w+\}/, arg), `/api${one.route}`);
const send = async (one, { args, body, query = '', by, streams }, caller) => {
    const it = new Call(server.url + filled(one, args) + query, { method: one.method, body, ...callers[caller], ...by });
    if (!streams) return within(30_000, it.done, `no whole answer to ${one.name}`);
    await it.head; // whoever is let in would listen for ever
    if (it.status !== 200) return it.done;
    it.leave();
    return it;
};

// Everything that a write could have changed, as an admin sees it; without what changes by itself.
const by_itself = new Set(['last_heartbeat_ms', 'latency_ms', 'error_rate', 'in_flight', 'busy', 'queue_depth', 'oldest_wait_ms', 'deprioritised_until_ms', 'last_used_at_ms', 'last_seen_at_ms', 'last_seen_ms']);
const lists = operations.filter(one => one.method === 'GET' && !one.route.includes('{') && table.get(one.name)?.admin === '200' && !['/jobs', '/usage', '/health', '/openapi.json', '/live', '/config', '/me/sessions', '/events', '/events/verify', '/routing/at', '/routing/flows', '/transitions', '/health/summary'].includes(one.route));
const state = async () => JSON.stringify(await Promise.all([lasting_events(server), ...lists.map(one => server.api('GET', `/api${one.route}`))]), (name, value) => by_itself.has(name) ? undefined : value);

// ---- T07 ---------------------------------------------------------------------------------------------

test('every operation has a row in tests/authorization, and a request here; every row has its operation', () => {
    assert.deepEqual([...table.keys()].sort(), operations.map(one => one.name).sort());
    assert.deepEqual(Object.keys(how).sort(), operations.map(one => one.name).sort());
});

for (const one of operations)
    test(`T07: ${one.name}: each role is answered as tests/authorization says, and a refusal changes nothing`, async () => {
        for (const caller of Object.keys(callers)) {
            const want = Number(table.get(one.name)[caller]);
            const request = await how[one.name](caller);
            const before = want >= 400 && await state();
            const answer = await send(one, request, caller);
            assert.equal(answer.status, want, `${caller}: ${answer.text.slice(0, 300)}`);
            if (want >= 400) assert.equal(await state(), before, `${caller} was refused, and yet something is different`);
        }
        const { other, body, by } = await how[one.name]('member');
        assert.equal(Boolean(other), table.get(one.name).other !== '-', 'its row says whether there are objects of others');
        if (other) {
            const answer = await send(one, { args: other, body, by }, 'member');
            assert.equal(answer.status, Number(table.get(one.name).other), answer.text);
        }
    });

test('T06: the id of an object that does not exist is 404 for whoever is let in, whatever the verb', async () => {
    for (const one of operations.filter(each => each.route.includes('{')))
        for (const caller of Object.keys(callers)) {
            const row = table.get(one.name);
            const is_let_in = Number(row[caller]) < 400 || (['member', 'mate'].includes(caller) && row.other === '404'); // what they may not do there does not show
            const request = await how[one.name](caller);
            const answer = await send(one, { ...request, args: request.args.map(() => 'xyz_00000000000000000000000000') }, caller);
            assert.equal(answer.status, is_let_in ? 404 : Number(table.get(one.name)[caller]), `${one.name}, ${caller}: ${answer.text}`);
        }
});

// ---- T05 ---------------------------------------------------------------------------------------------

const privileged = ['role', 'org_id', 'organization', 'budget', 'budget_microusd_per_month', 'allowed_routes', 'id', 'rev', 'owner', 'is_admin', 'admin', 'scopes', 'permissions', 'policy', 'teams',
    'team_id', 'user', 'user_id', 'key', 'hint', 'key_hint', 'digest', 'sealed_key', 'credential_version', 'password', 'epoch', 'status', 'plan', 'created_at_ms', 'revoked_at_ms', 'disabled_at_ms',
    '__proto__', 'constructor', 'nonsense', '', ' name', 'name ', 'NAME', 'na\u006de\u0000'];
const writes = operations.filter(one => one.spec.requestBody);

for (const one of writes)
    test(`T05: ${one.name}: a field that it does not have is refused by name, and nothing changes`, async () => {
        const known = Object.keys(one.body_properties);
        const lowest = ['none', 'member', 'admin', 'owner'].filter(caller => Number(table.get(one.name)[caller]) < 400);
        const request = await how[one.name]('admin');
        const before = await state();
        for (const caller of lowest)
            for (const field of privileged.filter(name => !known.includes(name))) {
                const answer = await send(one, { ...request, body: `{"${field.replace('\0', '\\u0000')}":"owner",${JSON.stringify(request.body).slice(1)}`.replace(',}', '}') }, caller);
                assert.ok(answer.status >= 400 && answer.status < 500, `${caller} ${JSON.stringify(field)}: ${answer.status} ${answer.text.slice(0, 200)}`);
                assert.equal(answer.json.code, 'unknown_field', answer.text);
            }
        assert.equal(await state(), before);
    });

// What no field of any type and limit is likely to take; the contract says which of them this one does not.
const wrong = [null, true, 0, -1, 1.5, 1e15, '', 'x', ' ', 'x'.repeat(2100), '\u0007', [], [null], [7], ['x'], ['x', 'x'], {}, { x: 1 }, [{}], [{ x: 1 }], [[]]];

// Every body that differs from a right one in one place, and is not allowed by the contract for it.
function* spoiled(one, body, put = value => value, at = body, where = '') {
    const names = where ? [...Object.keys(at), ...Array.isArray(at) ? [] : ['nonsense', 'role']] : Object.keys(one.body_properties);
    for (const name of names) {
        const place = `${where}/${name}`;
        const with_value = value => put(Array.isArray(at) ? Object.assign([...at], { [name]: value }) : { ...at, [name]: value });
        for (const value of wrong) if (!is_valid(one, with_value(value))) yield { place, value, body: with_value(value) };
        if (at[name] && typeof at[name] === 'object') yield* spoiled(one, body, with_value, at[name], place);
    }
}

for (const one of writes)
    test(`T05: ${one.name}: a value that the contract does not allow is refused, however deep it stands, and nothing changes`, async () => {
        const caller = Number(table.get(one.name).admin) < 400 ? 'admin' : 'owner';
        const request = await how[one.name](caller);
        const before = await state();
        for (const right of [request.body, request.deep].filter(Boolean)) {
            assert.ok(is_valid(one, right));
            for (const { place, value, body } of spoiled(one, right)) {
                const answer = await send(one, { ...request, body }, caller);
                assert.equal(answer.status, 400, `${place}: ${JSON.stringify(value).slice(0, 60)}: ${answer.text.slice(0, 200)}`);
            }
        }
        assert.equal(await state(), before);
    });

for (const one of operations.filter(each => each.parameters.some(parameter => parameter.in === 'query')))
    test(`T05: ${one.name}: a parameter that it does not have, or has twice, or a value that is not allowed: refused by name`, async () => {
        const { query: _, ...request } = await how[one.name]('admin');
        const refuses = async (query, field) => {
            const answer = await send(one, { ...request, query }, 'admin');
            assert.equal(answer.status, 400, `${query.slice(0, 80)}: ${answer.text.slice(0, 200)}`);
            assert.equal(answer.json.field, field, query.slice(0, 80));
        };
        await refuses('?nonsense=1', 'nonsense');
        for (const { name } of one.parameters.filter(parameter => parameter.in === 'query')) {
            await refuses(`?${name}=1&${name}=1`, name);
            await refuses(`?${name.toUpperCase()}=1`, name.toUpperCase());
            for (const value of ['0', '-1', '1.5', '1e3', '99999999999999999999', 'x', ' ', 'true', 'null', 'x'.repeat(400), '%00', '%ff', '%'])
                if (/^%/.test(value) || !is_valid_parameter(one, name, value)) await refuses(`?${name}=${value.replace(' ', '+')}`, name);
        }
    });

test('T05: nobody gives away more than they hold', async () => {
    const before = await state();
    for (const role of ['owner', 'root', 'Admin', 'anyone', 'none'])
        assert.ok([400, 403].includes((await call(`${server.url}/api/keys`, { body: { name: 'x', role }, key: server.admin })).status), role);
    assert.equal(await state(), before);
});

closing(here);
