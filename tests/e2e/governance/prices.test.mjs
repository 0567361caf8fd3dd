// Prices: what ships, an admin's own in its place, frozen for each request; what is not known stays unknown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';

const mini = 'gpt-5.4-mini';
const here = await scene({ gpt: { models: [mini, 'gpt-sim'] }, other: { models: [mini] } });
const { server, gpt, other } = here;
const put = (body, options = {}) => server.api('PUT', '/api/prices', body, options);
const list = (query = '') => server.api('GET', `/api/prices${query}`);
const told = { input_tokens: 1000, output_tokens: 100, cached_tokens: 400 };
async function cost(model, provider = 'gpt') {
    const answer = await server.call(at.chat, ask.chat(model), { headers: { 'x-auxot-provider': provider } });
    assert.equal(answer.status, 200, answer.text);
    return (await server.job(answer.job_id)).cost_microusd;
}
for (const one of [gpt, other]) await one.plays([{ then: { usage: told } }]);
const events = async () => (await server.api('GET', '/api/events?limit=200')).items.filter(({ action }) => action.startsWith('price.'));

test('shipped prices are listed with their source and date, those in use apart', async () => {
    const { items } = await list(), [own] = items.filter(({ model }) => model === mini);
    assert.ok(items.length > 50 && items.every(({ origin, source, source_date }) => origin === 'shipped' && source && /^\d{4}-\d\d-\d\d$/.test(source_date)));
    assert.deepEqual([own.id, own.type, own.input_microusd_per_mtok, own.output_microusd_per_mtok, own.cached_input_microusd_per_mtok, own.cache_write_microusd_per_mtok], [null, 'openai', 750_000, 4_500_000, 75_000, null]);
    assert.deepEqual((await list('?used=true')).items, [own]);
    assert.deepEqual((await list(`?model=${mini}`)).items, [own]);
    assert.deepEqual((await list('?provider=gpt')).items, [own]);
    assert.equal(await cost(mini), Math.ceil((600 * 750_000 + 400 * 75_000 + 100 * 4_500_000) / 1e6));
    assert.equal(await cost('gpt-sim'), null);
});

test('a price of one\'s own is in force when the answer comes; what is left out is as shipped, null is unknown', async () => {
    const made = await put({ model: mini, input_microusd_per_mtok: 2_000_000, note: 'contract 17' });
    assert.deepEqual([made.origin, made.source, made.provider, made.rev, made.output_microusd_per_mtok, made.cached_input_microusd_per_mtok], ['override', 'contract 17', null, 1, 4_500_000, 75_000]);
    assert.match(made.id, /^pri_/);
    assert.equal(await cost(mini), Math.ceil((600 * 2_000_000 + 400 * 75_000 + 100 * 4_500_000) / 1e6));
    const second = await put({ model: mini, cached_input_microusd_per_mtok: null });
    assert.deepEqual([second.id, second.rev, second.input_microusd_per_mtok, second.cached_input_microusd_per_mtok], [made.id, 2, 2_000_000, null]);
    assert.equal(await cost(mini), Math.ceil((1000 * 2_000_000 + 100 * 4_500_000) / 1e6), 'cached input costs what input costs');
    assert.deepEqual((await list('?used=true')).items.map(({ id }) => id), [made.id]);
    await put({ model: mini, output_microusd_per_mtok: null });
    assert.equal(await cost(mini), null, 'an unknown price is unknown');
    assert.deepEqual((await events()).map(({ action, subject }) => [action, subject]), [['price.updated', made.id], ['price.updated', made.id], ['price.created', made.id]]);
    const [last] = await events();
    assert.deepEqual([last.before.output_microusd_per_mtok, last.after.output_microusd_per_mtok], [4_500_000, null]);
    await server.api('DELETE', `/api/prices/${made.id}`);
    assert.equal(await cost(mini), Math.ceil((600 * 750_000 + 400 * 75_000 + 100 * 4_500_000) / 1e6), 'the shipped one holds again');
    assert.equal((await call(`${server.url}/api/prices/${made.id}`, { method: 'DELETE', key: server.admin })).status, 404);
});

test('one provider may have another price, and it goes with the provider', async () => {
    await put({ model: mini, input_microusd_per_mtok: 10_000_000, output_microusd_per_mtok: 0, cached_input_microusd_per_mtok: 0 });
    await put({ model: mini, provider: 'other', input_microusd_per_mtok: 1_000_000, output_microusd_per_mtok: 0, cached_input_microusd_per_mtok: null });
    assert.deepEqual([await cost(mini), await cost(mini, 'other')], [6000, 1000]);
    const third = await server.api('POST', '/api/providers', { type: 'openai', name: 'third', api_key: 'k', base_url: gpt.sim.base_url }, { expect: 201 });
    await put({ model: mini, provider: third.id, input_microusd_per_mtok: 5 });
    assert.equal((await list()).items.filter(({ origin }) => origin === 'override').length, 3);
    await server.api('DELETE', `/api/providers/${third.id}`);
    assert.equal((await list()).items.filter(({ origin }) => origin === 'override').length, 2);
});

test('a model that no table knows gets a price, of a local one too; a long prompt is charged by the long prices, all of it', async () => {
    await put({ model: 'gpt-sim', input_microusd_per_mtok: 1_000_000, output_microusd_per_mtok: 1_000_000, long_context_threshold_tokens: 999, long_context_input_microusd_per_mtok: 3_000_000, long_context_output_microusd_per_mtok: 5_000_000 });
    assert.equal(await cost('gpt-sim'), 1000 * 3 + 100 * 5);
    await put({ model: 'gpt-sim', long_context_threshold_tokens: 1000 });
    assert.equal(await cost('gpt-sim'), 1000 + 100, 'at the threshold the short price holds');
});

test('rules are frozen when a request comes: a price that changes meanwhile is the next one\'s', async () => {
    await put({ model: 'gpt-sim', input_microusd_per_mtok: 1_000_000, output_microusd_per_mtok: 1_000_000, long_context_threshold_tokens: null });
    await gpt.plays([{ then: { usage: told, delay_ms: 400 } }]);
    const one = server.begin(at.chat, ask.chat('gpt-sim'), { headers: { 'x-auxot-provider': 'gpt' } });
    await gpt.sim.seen(entry => !entry.ended && entry.model === 'gpt-sim');
    await put({ model: 'gpt-sim', input_microusd_per_mtok: 9_000_000 });
    await one.done;
    assert.equal((await server.job(one.job_id)).cost_microusd, 1100);
    await gpt.plays([{ then: { usage: told } }]);
    assert.equal(await cost('gpt-sim'), 9100);
});

test('a wrong price is refused by name, a stale one with 412, a member with 403', async () => {
    const refused = async (body, headers = {}, key = server.admin) => { const { status, json } = await call(`${server.url}/api/prices`, { method: 'PUT', key, body, headers }); return [status, json.field]; };
    assert.deepEqual(await refused({}), [400, 'model']);
    assert.deepEqual(await refused({ model: 'm', input_microusd_per_mtok: -1 }), [400, 'input_microusd_per_mtok']);
    assert.deepEqual(await refused({ model: 'm', input_microusd_per_mtok: 0.5 }), [400, 'input_microusd_per_mtok']);
    assert.deepEqual(await refused({ model: 'm', input_microusd_per_mtok: 1e13 }), [400, 'input_microusd_per_mtok']);
    assert.deepEqual(await refused({ model: 'm', provider: 'nobody' }), [400, 'provider']);
    assert.deepEqual(await refused({ model: 'm', price: 1 }), [400, 'price']);
    assert.equal((await refused({ model: 'gpt-sim' }, { 'if-match': '1' }))[0], 412);
    assert.equal((await refused({ model: 'm' }, {}, server.member))[0], 403);
    assert.equal((await call(`${server.url}/api/prices`, { key: server.member })).status, 200);
});

closing(here);
