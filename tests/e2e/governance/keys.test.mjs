// API keys: whose they are, what they may do and until when; nobody gives away more than they hold (T05); what was taken away
// stops working, open streams included (I10, T08).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';
import { auxot } from '../lib/server.mjs';
import { until } from '../lib/process.mjs';
import { invite, set_up } from '../lib/person.mjs';

const here = await scene({ gpt: { models: ['gpt-sim', 'gpt-sim-mini'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } });
const { server, gpt, claude } = here;
const boss = await set_up(server);
const [{ id: ann }, { id: bob }] = [await invite(boss, 'ann@example.com'), await invite(boss, 'bob@example.com')];
const research = await server.api('POST', '/api/teams', { name: 'Research' });
const sales = await server.api('POST', '/api/teams', { name: 'Sales' });
await server.api('PUT', `/api/teams/${research.id}/members/${ann}`, { role: 'lead' });
await server.api('PUT', `/api/teams/${research.id}/members/${bob}`, { role: 'member' });
const robot = await server.api('POST', '/api/service-accounts', { name: 'robot', team: 'research' });
const all_scopes = ['inference', 'read', 'manage'];
const make = body => server.api('POST', '/api/keys', { name: 'k', ...body });
const as = (key, method, where, body, headers) => call(server.url + where, { method, body, key, headers });
const chat = (key, model = 'gpt-sim') => call(server.url + at.chat, { body: ask.chat(model), key });
const anns = await make({ user: ann, scopes: all_scopes }), bobs = await make({ user: bob, scopes: all_scopes });

test('a key is a user\'s, a service account\'s, a team\'s or nobody\'s; it pays for the team it names, else for its owner\'s', async () => {
    const stories = [
        [{ user: ann }, { user: ann, service_account: null, team: null }],
        [{ user: ann, team: 'RESEARCH' }, { user: ann, service_account: null, team: research.id }],
        [{ service_account: robot.id }, { user: null, service_account: robot.id, team: research.id }],
        [{ team: sales.id }, { user: null, service_account: null, team: sales.id }],
        [{}, { user: null, service_account: null, team: null }],
    ];
    for (const [body, want] of stories) {
        const made = await make(body);
        assert.deepEqual({ user: made.user, service_account: made.service_account, team: made.team }, want);
        assert.deepEqual(made.scopes, ['inference', 'read']);
        const { key, ...row } = made;
        assert.deepEqual(await server.api('GET', `/api/keys/${made.id}`), row);
        assert.ok(key);
    }
    const by_user = await make({ user: ann });
    assert.equal((await server.job((await chat(by_user.key)).job_id)).team, research.id, 'the first team of its user');
    assert.equal((await server.job((await chat(by_user.key)).job_id)).user, ann);
});

test('owners, teams, scopes, models and times that make no sense are refused by field', async () => {
    const stories = [
        [{ user: ann, service_account: robot.id }, 'user'], [{ user: 'usr_nobody' }, 'user'], [{ service_account: 'svc_nobody' }, 'service_account'],
        [{ team: 'Nowhere' }, 'team'], [{ user: ann, team: 'Sales' }, 'team'], [{ service_account: robot.id, team: 'Sales' }, 'team'],
        [{ scopes: [] }, /^scopes/], [{ scopes: ['read', 'read'] }, /^scopes/], [{ scopes: ['admin'] }, /^scopes/],
        [{ allowed_models: ['a*b'] }, 'allowed_models'], [{ expires_at_ms: 1 }, 'expires_at_ms'],
        [{ policy: { allowed_models: ['x'] } }, 'policy.allowed_models'], [{ policy: { requests_per_minute: 0 } }, /^policy/],
        [{ policy: { allowed_providers: ['prv_nobody'] } }, 'policy.allowed_providers'], [{ role: 'owner' }, 'role'],
    ];
    for (const [body, field] of stories) {
        const answer = await as(server.admin, 'POST', '/api/keys', { name: 'x', ...body });
        assert.equal(answer.status, 400, `${JSON.stringify(body)}: ${answer.text}`);
        if (field instanceof RegExp) assert.match(answer.json.field, field); else assert.equal(answer.json.field, field, answer.text);
    }
});

test('T05: nobody gives away more than they hold: role, scopes, owner, team, models, limits, time', async () => {
    const soon = Date.now() + 3_600_000;
    const narrow = await make({ user: ann, scopes: ['read', 'manage'] });
    const few = await make({ user: ann, scopes: all_scopes, allowed_models: ['gpt-*'] });
    const short = await make({ user: ann, scopes: all_scopes, expires_at_ms: soon });
    const limited = await make({ user: ann, scopes: all_scopes, policy: { requests_per_minute: 5 } });
    const loose = await make({ scopes: all_scopes });
    const stories = [
        [anns, { role: 'admin' }, 403, 'role'], [narrow, { scopes: ['inference'] }, 403, 'scopes'], [anns, { user: bob }, 403, 'user'],
        [anns, { team: 'Sales' }, 400, 'team'], [anns, { user: null }, 403, 'user'], [bobs, { service_account: robot.id }, 403, 'service_account'],
        [bobs, { user: null, team: 'Research' }, 403, 'user'], [few, { allowed_models: ['claude-sim'] }, 403, 'allowed_models'],
        [few, { allowed_models: ['*'] }, 403, 'allowed_models'], [few, { allowed_models: ['gpt*'] }, 403, 'allowed_models'],
        [short, { expires_at_ms: soon + 1 }, 403, 'expires_at_ms'], [limited, {}, 403, 'policy'], [limited, { policy: { requests_per_minute: 5 } }, 403, 'policy'],
        [loose, {}, 403, 'user'],
    ];
    const before = (await server.api('GET', '/api/keys?limit=200')).items.length;
    for (const [maker, body, status, field] of stories) {
        const answer = await as(maker.key, 'POST', '/api/keys', { name: 'more', ...body });
        assert.deepEqual([answer.status, answer.json.field], [status, field], `${JSON.stringify(body)}: ${answer.text}`);
    }
    assert.equal((await server.api('GET', '/api/keys?limit=200')).items.length, before, 'and none was made');
    for (const [maker, body, field] of [[few, { allowed_models: null }, 'allowed_models'], [short, { expires_at_ms: null }, 'expires_at_ms'],
        [limited, { policy: null }, 'policy'], [narrow, { scopes: all_scopes }, 'scopes']]) {
        const answer = await as(maker.key, 'PATCH', `/api/keys/${maker.id}`, body);
        assert.deepEqual([answer.status, answer.json.field], [403, field], `not for itself either: ${answer.text}`);
    }
    const inherits = await as(few.key, 'POST', '/api/keys', { name: 'same' });
    assert.deepEqual([inherits.status, inherits.json.allowed_models, inherits.json.user], [201, ['gpt-*'], ann]);
    assert.equal((await as(few.key, 'POST', '/api/keys', { name: 'less', allowed_models: ['gpt-sim'] })).status, 201);
    assert.equal((await as(short.key, 'POST', '/api/keys', { name: 'as long' })).json.expires_at_ms, soon);
    assert.deepEqual((await as(narrow.key, 'POST', '/api/keys', { name: 'asked and held' })).json.scopes, ['read']);
});

test('T05: nobody but an admin takes a key out of its team; who leads both teams moves it, users their own', async () => {
    const labs = await server.api('POST', '/api/teams', { name: 'Labs' }), field = await server.api('POST', '/api/teams', { name: 'Field' });
    await server.api('PUT', `/api/teams/${labs.id}/members/${ann}`, { role: 'member' });
    await server.api('PUT', `/api/teams/${field.id}/members/${ann}`, { role: 'lead' });
    const of_team = (await as(anns.key, 'POST', '/api/keys', { name: 'team\'s', user: null, team: 'Research' })).json;
    const itself = await make({ team: 'Research', scopes: all_scopes }), own = await make({ user: ann, team: 'Research', scopes: all_scopes });
    const stories = [
        [anns, of_team, null, 403], [itself, itself, null, 403], [anns, of_team, labs.id, 403], [anns, own, null, 403], [own, of_team, field.id, 403],
        [anns, of_team, field.id, 200], [anns, own, labs.id, 200], [own, own, labs.id, 200],
    ];
    for (const [maker, key, team, status] of stories) {
        const before = await server.api('GET', `/api/keys/${key.id}`);
        const answer = await as(maker.key, 'PATCH', `/api/keys/${key.id}`, { team });
        assert.equal(answer.status, status, answer.text);
        if (status === 403) assert.deepEqual([answer.json.field, await server.api('GET', `/api/keys/${key.id}`)], ['team', { ...before, last_used_at_ms: before.last_used_at_ms }]);
        else assert.equal(answer.json.team, team);
    }
    assert.deepEqual((await as(own.key, 'POST', '/api/keys', { name: 'the same team' })).json.team, labs.id, 'what is not asked for is inherited');
    assert.equal((await as(own.key, 'POST', '/api/keys', { name: 'another', team: 'Field' })).status, 403);
    assert.equal((await server.api('PATCH', `/api/keys/${of_team.id}`, { team: null })).team, null, 'an admin may');
    for (const one of [labs, field]) await server.api('DELETE', `/api/teams/${one.id}/members/${ann}`);
});

test('I10, T08: who leaves a team leaves its key: refused at once, its stream cut; back in the team it opens again', async () => {
    await server.api('PUT', `/api/teams/${sales.id}/members/${bob}`, {});
    const one = await make({ user: bob, team: 'Sales' });
    const running = await open_stream(one.key, at.chat, 'gpt-sim', gpt);
    const from_ms = Date.now();
    await server.api('DELETE', `/api/teams/${sales.id}/members/${bob}`);
    assert.equal((await chat(one.key)).status, 401);
    await assert_cut(running, from_ms, 'key_revoked');
    await gpt.plays([]);
    assert.equal((await chat(bobs.key)).status, 200, 'his others go on');
    await server.api('PUT', `/api/teams/${sales.id}/members/${bob}`, {});
    assert.equal((await chat(one.key)).status, 200);
    await server.api('DELETE', `/api/teams/${sales.id}/members/${bob}`);
});

test('members see and manage their own keys, leads those of their team, admins all; the others\' are 404', async () => {
    const [of_ann, of_bob, of_bob_for_team] = [await make({ user: ann }), await make({ user: bob }), await make({ user: bob, team: 'Research' })];
    const [of_team, of_robot, of_sales] = [await make({ team: 'Research' }), await make({ service_account: robot.id }), await make({ team: 'Sales' })];
    const admins_for_team = await make({ team: 'Research', role: 'admin' });
    const sees = { [anns.key]: [of_ann, of_bob_for_team, of_team, of_robot], [bobs.key]: [of_bob, of_bob_for_team] };
    for (const [key, mine] of Object.entries(sees)) {
        const listed = (await as(key, 'GET', '/api/keys?limit=200')).json.items.map(one => one.id);
        for (const one of [of_ann, of_bob, of_bob_for_team, of_team, of_robot, of_sales, admins_for_team]) {
            const may = mine.includes(one);
            assert.equal(listed.includes(one.id), may, one.name);
            assert.equal((await as(key, 'GET', `/api/keys/${one.id}`)).status, may ? 200 : 404);
            assert.equal((await as(key, 'PATCH', `/api/keys/${one.id}`, { name: 'renamed' })).status, may ? 200 : 404);
            if (!may) for (const [method, path] of [['DELETE', ''], ['POST', '/rotate']])
                assert.equal((await as(key, method, `/api/keys/${one.id}${path}`, method === 'POST' ? {} : undefined)).status, 404);
        }
    }
    assert.equal((await as(anns.key, 'POST', `/api/keys/${of_bob_for_team.id}/rotate`, {})).status, 403, 'a lead does not get a key to act as another');
    assert.equal((await as(anns.key, 'POST', `/api/keys/${of_robot.id}/rotate`, {})).status, 200);
    assert.equal((await as(anns.key, 'DELETE', `/api/keys/${of_bob_for_team.id}`)).status, 200);
});

test('a changed key: If-Match, before and after in the event, secrets as hints', async () => {
    const one = await make({});
    const stale = await as(server.admin, 'PATCH', `/api/keys/${one.id}`, { name: 'new' }, { 'if-match': '"7"' });
    assert.deepEqual([stale.status, stale.json.code], [412, 'stale_rev']);
    const changed = await server.api('PATCH', `/api/keys/${one.id}`, { name: 'new', allowed_models: ['m'] }, { headers: { 'if-match': '"1"' } });
    assert.deepEqual([changed.name, changed.rev], ['new', 2]);
    const { items } = await server.api('GET', '/api/events?limit=1');
    assert.deepEqual([items[0].action, items[0].subject, items[0].before.name, items[0].after.name], ['key.updated', one.id, 'k', 'new']);
    assert.ok(!JSON.stringify(items).includes(one.key));
});

test('a key without the scope is refused: inference, read, manage', async () => {
    const tries = { inference: key => chat(key), read: key => as(key, 'GET', '/api/providers'), manage: key => as(key, 'POST', '/api/keys', { name: 'x' }) };
    for (const scope of all_scopes) {
        const one = await make({ user: ann, scopes: [scope] });
        for (const [needed, asks] of Object.entries(tries)) {
            const answer = await asks(one.key);
            // Who manages and no more gives a key no scope but that: its default scopes are not held.
            if (needed !== scope || scope === 'manage') assert.equal(answer.status, 403, `${scope} tries ${needed}: ${answer.text}`);
            else assert.ok(answer.status < 300, `${scope}: ${answer.text}`);
            if (needed !== scope) assert.match(answer.text, new RegExp(`scope ${needed}`));
        }
        const dry = await as(one.key, 'POST', '/api/routing/explain', { model: 'auto' });
        assert.equal(dry.status, scope === 'read' ? 200 : 403, 'a dry run only looks');
    }
});

// Begins a stream that the upstream will not finish.
async function open_stream(key, where, model, provider) {
    await provider.plays([{ then: { events: 100_000, gap_ms: 20 } }]);
    const running = server.begin(where, where === at.messages ? ask.messages(model, { stream: true }) : ask.chat(model, { stream: true }), { key });
    await running.when(one => one.events.length >= 2);
    return running;
}

// What was taken away: new work within 1 s, open streams within 5 s.
async function assert_cut(running, from_ms, reason, limit_ms = 5000) {
    await running.done.catch(() => {});
    assert.ok(Date.now() - from_ms < limit_ms, `cut after ${Date.now() - from_ms} ms`);
    assert.ok(!running.events.some(event => event.data === '[DONE]' || /"message_stop"/.test(event.data)));
    const job = await server.job(running.job_id);
    assert.deepEqual([job.status, job.reason], ['failed', reason]);
}

for (const [name, where, model, provider] of [['chat', at.chat, 'gpt-sim', gpt], ['messages', at.messages, 'claude-sim', claude]])
    test(`I10, T08: ${name}: a revoked key is refused at once on every route, its streams are cut`, async () => {
        const one = await make({});
        const running = await open_stream(one.key, where, model, provider);
        const from_ms = Date.now();
        await server.api('DELETE', `/api/keys/${one.id}`);
        for (const route of [at.chat, at.messages, at.responses])
            assert.equal((await call(server.url + route, { body: ask.chat('gpt-sim'), key: one.key })).status, 401);
        assert.equal((await as(one.key, 'GET', '/api/providers')).status, 401);
        assert.ok(Date.now() - from_ms < 1000, `refused after ${Date.now() - from_ms} ms`);
        await assert_cut(running, from_ms, 'key_revoked');
        await provider.plays([]);
    });

test('I10: a plain request that waits for its answer is cut as well', async () => {
    const one = await make({});
    await gpt.plays([{ then: { stall_before_head: true } }]);
    const before = (await gpt.sim.log()).length;
    const waiting = server.begin(at.chat, ask.chat('gpt-sim'), { key: one.key });
    await until(async () => (await gpt.sim.log()).length > before, 'the upstream has it');
    const from_ms = Date.now();
    await server.api('DELETE', `/api/keys/${one.id}`);
    const answer = await waiting.done;
    assert.equal(answer.status, 401);
    assert.ok(Date.now() - from_ms < 5000);
    await gpt.plays([]);
});

test('I10, T08: the keys of a service account go with it', async () => {
    const account = await server.api('POST', '/api/service-accounts', { name: 'passing', team: 'Research' });
    const one = await make({ service_account: account.id });
    const running = await open_stream(one.key, at.chat, 'gpt-sim', gpt);
    const from_ms = Date.now();
    await server.api('DELETE', `/api/service-accounts/${account.id}`);
    assert.equal((await chat(one.key)).status, 401);
    await assert_cut(running, from_ms, 'key_revoked');
    await gpt.plays([]);
});

test('a key that expires stops by itself: refused with the reason, its stream cut within 5 s, and nothing is written for it', async () => {
    const ends_ms = Date.now() + 1500;
    const one = await make({ expires_at_ms: ends_ms });
    const { config_version } = await server.job((await chat(one.key)).job_id);
    const running = await open_stream(one.key, at.chat, 'gpt-sim', gpt);
    await until(async () => (await chat(one.key)).status === 401, 'the key is over');
    assert.ok(Date.now() >= ends_ms, 'not before its time');
    const answer = await chat(one.key);
    assert.match(answer.text, /expired/);
    await assert_cut(running, ends_ms, 'key_expired');
    await gpt.plays([]);
    const after = await server.job((await chat(server.admin)).job_id);
    assert.ok(after.config_version - config_version <= 4, 'only the provider was touched, by this test');
});

test('rotation: two secrets are valid until the grace time ends, then only the new one; 0 ends it at once', async () => {
    const first = await make({ name: 'turning' });
    const second = await server.api('POST', `/api/keys/${first.id}/rotate`, { grace_ms: 2000 });
    const ends_ms = second.previous_until_ms;
    assert.equal(second.id, first.id);
    assert.notEqual(second.hint, first.hint);
    assert.ok(Math.abs(ends_ms - Date.now() - 2000) < 1000);
    for (const key of [first.key, second.key]) {
        const job = await server.job((await chat(key)).job_id);
        assert.equal(job.key, first.id, 'both are the same key');
    }
    const running = await open_stream(first.key, at.chat, 'gpt-sim', gpt);
    await assert_cut(running, ends_ms, 'key_expired');
    await gpt.plays([]);
    assert.deepEqual([(await chat(first.key)).status, (await chat(second.key)).status], [401, 200]);
    const third = await server.api('POST', `/api/keys/${first.id}/rotate`, { grace_ms: 0 });
    assert.equal(third.previous_until_ms, null);
    assert.deepEqual([(await chat(second.key)).status, (await chat(third.key)).status], [401, 200]);
    const usual = await server.api('POST', `/api/keys/${first.id}/rotate`, {});
    assert.ok(Math.abs(usual.previous_until_ms - Date.now() - 86_400_000) < 10_000, 'a day, unless said');
    await server.api('DELETE', `/api/keys/${first.id}`);
    for (const key of [third.key, usual.key]) assert.equal((await chat(key)).status, 401, 'revoked, both secrets');
});

test('last use is noted to about a minute, and is no change of configuration', async () => {
    const one = await make({});
    assert.equal((await server.api('GET', `/api/keys/${one.id}`)).last_used_at_ms, null);
    const before = await server.job((await chat(one.key)).job_id);
    const row = await until(async () => {
        const now = await server.api('GET', `/api/keys/${one.id}`);
        return now.last_used_at_ms && now;
    }, 'the use is on record');
    assert.ok(Math.abs(row.last_used_at_ms - Date.now()) < 60_000);
    assert.equal(row.rev, one.rev);
    const again = await server.job((await chat(one.key)).job_id);
    assert.equal(again.config_version, before.config_version);
    assert.equal((await server.api('GET', `/api/keys/${one.id}`)).last_used_at_ms, row.last_used_at_ms, 'once a minute is enough');
});

test('lists of keys come by pages and by owner', async () => {
    const all = (await server.api('GET', '/api/keys?limit=200')).items.map(one => one.id);
    const paged = [];
    for (let cursor = ''; ;) {
        const page = await server.api('GET', `/api/keys?limit=3${cursor}`);
        assert.ok(page.items.length <= 3);
        paged.push(...page.items.map(one => one.id));
        if (!page.next_cursor) break;
        cursor = `&cursor=${page.next_cursor}`;
    }
    assert.deepEqual(paged, all);
    for (const [query, is_one] of [['team=Research', one => one.team === research.id], [`user=${bob}`, one => one.user === bob], [`service_account=${robot.id}`, one => one.service_account === robot.id]]) {
        const { items } = await server.api('GET', `/api/keys?limit=200&${query}`);
        assert.ok(items.length > 0 && items.every(is_one), query);
    }
});

test('T30: an empty credential is no credential', async () => {
    for (const headers of [{}, { authorization: '' }, { authorization: 'Bearer' }, { authorization: 'Bearer ' }, { 'x-api-key': '' }, { authorization: 'Bearer auxk_' }, { authorization: 'Basic Og==' }])
        for (const where of [at.chat, '/api/keys'])
            assert.equal((await call(server.url + where, { body: where === at.chat ? ask.chat('gpt-sim') : { name: 'x' }, headers })).status, 401, JSON.stringify(headers));
});

test('`auxot keys create --team` takes an id or a name, and makes the team that is not there yet', async () => {
    for (const [team, want] of [['research', research.id], [sales.id, sales.id], ['Brand new', null], ['brand NEW', null]]) {
        const { code, stdout, stderr } = await auxot(['keys', 'create', '--data-dir', server.data, '--name', 'cli', '--role', 'member', '--team', team]);
        assert.equal(code, 0, stderr);
        const job = await server.job((await chat(stdout.trim())).job_id);
        const teams = (await server.api('GET', '/api/teams')).items;
        assert.equal(job.team, want ?? teams.find(one => one.name === 'Brand new').id);
    }
    assert.equal((await server.api('GET', '/api/teams')).items.filter(one => /brand/i.test(one.name)).length, 1);
    assert.equal((await as(server.admin, 'POST', '/api/keys', { name: 'x', team: 'Not there' })).status, 400, 'over HTTP a slip of the pen makes no team');
});

test('I10: a key that ends while its request waits for a slot reaches no provider, however soon the slot comes', async () => {
    await gpt.patch({ max_concurrent: 1 });
    for (let round = 0; round < 4; round++) {
        const { key } = await make({ expires_at_ms: Date.now() + 700 + 130 * round });
        const late = Number((await server.api('GET', '/api/keys?limit=200')).items.at(-1).expires_at_ms);
        await gpt.sim.plays([{ then: { delay_ms: late - Date.now() + 40 } }]);
        const before = (await gpt.sim.log()).length;
        const holder = chat(server.admin);
        await until(async () => (await gpt.sim.log()).length > before, 'the slot is taken');
        const waited = await chat(key);
        assert.deepEqual([waited.status, waited.json.error.type], [401, 'invalid_request_error'], waited.text);
        const job = await server.job(waited.job_id);
        assert.deepEqual([job.reason, job.attempts.length], ['key_expired', 0]);
        assert.equal((await holder).status, 200);
        assert.equal((await gpt.sim.log()).length - before, 1, 'the provider saw the holder only');
    }
    await gpt.sim.plays([]);
    await gpt.patch({ max_concurrent: null });
});

closing(here);
