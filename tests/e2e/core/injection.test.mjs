// T04: SQL in every place that text comes in by: query parameters, ids in paths, headers, bodies, stored names. It is
// text: found when it is what is stored, and nothing else. (That no statement is put together from text is checked by
// tools/layers.)
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';
import { Suite } from '../lib/suite.mjs';

const payloads = [`'`, `"`, `''`, `\\'`, `' OR '1'='1`, `" OR ""="`, `' OR 1=1 --`, `') OR ('1'='1`, `'; DROP TABLE provider; --`, `'; DELETE FROM api_key; --`, `1; SELECT * FROM provider`,
    `' UNION SELECT 1,2,3,4,5,6,7,8,9,10 --`, `' AND randomblob(500000000) IS NOT NULL --`, `' AND (SELECT count(*) FROM sqlite_master a, sqlite_master b, sqlite_master c) --`, `%`, `%`.repeat(200), `_`, `*`, `?1`, `:a`, `@a`,
    `$1`, `NULL`, `0x27`, `\u0000'`, `x' || (SELECT sealed_key FROM provider) || '`, `';ATTACH DATABASE '/tmp/x' AS x;--`, `ʼ OR 1=1`, `/* */`, `--`];

// As names of models, which hold no blanks.
const models = payloads.filter(text => !text.includes('\0') && text.length < 100).map(text => `m-${text.replaceAll(' ', '/**/')}`);
const here = await scene({ gpt: { models: ['gpt-sim', ...models] } });
const { server, gpt } = here;
const timely_ms = 2000 * Suite.patience;

for (let i = 0; i < 30; i++) await server.call(at.chat, ask.chat(i % 3 ? 'gpt-sim' : 'nobody-has-this'));
async function tables() {
    const db = new DatabaseSync(path.join(server.data, 'store.db'), { readOnly: true });
    try {
        assert.equal(db.prepare('PRAGMA integrity_check').get().integrity_check, 'ok');
        return db.prepare(`SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'jobs_%' ORDER BY name`).all().map(row => ({ ...row }));
    } finally { db.close(); }
}
const tables_at_first = await tables();

async function asked(where, options) {
    const from = Date.now(), answer = await call(server.url + where, { key: server.admin, ...options });
    assert.ok(Date.now() - from < timely_ms, `${where}: ${Date.now() - from} ms`);
    assert.ok(answer.status < 500, `${where}: ${answer.status} ${answer.text.slice(0, 300)}`);
    assert.doesNotMatch(answer.text, /SQLITE_[A-Z]|syntax error|SQL logic error|no such (table|column)/, where);
    return answer;
}

test('T04: every parameter of every list: nothing found, or refused by name', async () => {
    const lists = { '/api/jobs': ['status', 'provider', 'model', 'team', 'user', 'key', 'agent', 'source', 'reason', 'since', 'until', 'limit', 'cursor'],
        '/api/usage': ['group_by', 'bucket', 'since', 'until', 'provider', 'tier', 'model', 'team', 'agent', 'user', 'key', 'source', 'format', 'limit', 'cursor'],
        '/api/prices': ['used', 'model', 'provider'], '/api/events': ['limit', 'cursor'], '/api/providers': ['limit', 'cursor'], '/api/keys': ['limit', 'cursor'], '/api/routes': ['limit', 'cursor'], '/api/models': ['limit', 'cursor'] };
    assert.equal((await asked('/api/jobs?limit=200')).json.items.length, 30);
    for (const [list, names] of Object.entries(lists))
        for (const name of names)
            for (const payload of payloads) {
                const answer = await asked(`${list}?${name}=${encodeURIComponent(payload)}`);
                assert.ok([200, 400].includes(answer.status), `${list} ${name}: ${answer.status}`);
                if (answer.status === 200 && list === '/api/jobs') assert.deepEqual(answer.json.items, [], `${name}=${payload}`);
            }
});

test('T04: ids in paths, of every resource and verb: there is no such thing', async () => {
    for (const resource of ['providers', 'keys', 'jobs', 'routes'])
        for (const method of ['GET', 'PATCH', 'DELETE'])
            for (const payload of payloads) {
                const answer = await asked(`/api/${resource}/${encodeURIComponent(payload)}`, { method, ...(method === 'PATCH' ? { body: {} } : {}) });
                assert.ok([400, 404, 405].includes(answer.status), `${method} ${resource} ${payload}: ${answer.status}`);
            }
    for (const payload of payloads) assert.ok([400, 404].includes((await asked(`/api/openai/v1/models/${encodeURIComponent(payload)}`)).status), payload);
});

test('T04: headers: keys that are SQL are no keys, pins that are SQL find nobody', async () => {
    for (const payload of payloads.filter(text => /^[\x20-\x7e]+$/.test(text))) {
        for (const headers of [{ authorization: `Bearer ${payload}` }, { 'x-api-key': payload }, { authorization: `Bearer ${server.admin}${payload}` }, { authorization: `Bearer auxk_${payload}` }])
            assert.equal((await asked(at.chat, { key: undefined, headers, body: ask.chat('gpt-sim') })).status, 401, payload);
        assert.ok([400, 404].includes((await asked(at.chat, { headers: { 'x-auxot-provider': payload }, body: ask.chat('gpt-sim') })).status), payload);
        const others = { 'x-session-id': payload, 'session-id': payload, 'x-claude-code-session-id': payload, 'x-request-id': payload, 'user-agent': payload, 'x-auxot-wait': payload, referer: payload };
        assert.ok((await asked(at.chat, { headers: others, body: ask.chat('gpt-sim') })).status < 500);
    }
});

test('T04: bodies: what may be stored comes back as it was, what is looked for is not found', async () => {
    for (const payload of payloads) {
        assert.equal((await asked(at.chat, { body: ask.chat(`x${payload}`) })).status, payload.includes('\0') ? 400 : 404, payload);
        const named = await asked('/api/providers', { body: { type: 'openai', name: `P ${payload}`, api_key: canary, base_url: gpt.sim.base_url } });
        if (named.status === 201) {
            assert.equal(named.json.name, `P ${payload}`);
            assert.match(named.json.slug, /^[a-z0-9-]+$/);
            assert.equal((await asked(`/api/providers/${named.json.id}`, { method: 'PATCH', body: { name: `Q ${payload}` } })).json.name, `Q ${payload}`);
            assert.equal((await asked(`/api/providers/${named.json.id}`)).json.name, `Q ${payload}`);
            assert.ok((await asked(`/api/providers/${named.json.id}`, { method: 'DELETE' })).status < 300);
        } else assert.equal(named.status, 400, `${payload}: ${named.text}`);
        const key = await asked('/api/keys', { body: { name: payload, role: 'member' } });
        if (key.status === 201) assert.ok((await asked('/api/keys')).json.items.some(item => item.name === payload), payload);
        else assert.equal(key.status, 400, key.text);
        for (const body of [{ name: payload, role: payload }, { name: 'x', role: 'member', team: payload }]) await asked('/api/keys', { body });
        const route = await asked('/api/routes', { body: { name: payload, steps: [{ model: 'gpt-sim' }] } });
        if (route.status === 201) assert.ok((await asked(`/api/routes/${route.json.id}`, { method: 'DELETE' })).status < 300);
        for (const field of ['provider', 'model', 'agent', 'team', 'endpoint']) await asked('/api/routing/explain', { body: { model: 'gpt-sim', [field]: payload } });
        await asked('/api/routing', { method: 'PATCH', body: { auto: { provider: payload, model: payload } } });
    }
});

test('T04: a model whose name is SQL is served, and its jobs are found by that name alone', async () => {
    for (const model of models) {
        const answer = await asked(at.chat, { body: ask.chat(model) });
        assert.equal(answer.status, 200, `${model}: ${answer.text.slice(0, 200)}`);
        assert.equal((await server.job(answer.job_id)).requested_model, model);
        const found = (await asked(`/api/jobs?model=${encodeURIComponent(model)}&limit=200`)).json.items;
        assert.deepEqual(found.map(job => job.id), [answer.job_id], model);
    }
});

test('T04: after all of it every table is as it was, and everybody is still there', async () => {
    assert.deepEqual(await tables(), tables_at_first);
    assert.equal((await gpt.look()).status, 'online');
    assert.deepEqual((await server.api('GET', '/api/providers')).items.map(item => item.id), [gpt.id]);
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'))).status, 200);
    assert.equal((await server.call(at.chat, ask.chat('gpt-sim'), { key: server.member })).status, 200);
});

closing(here);
