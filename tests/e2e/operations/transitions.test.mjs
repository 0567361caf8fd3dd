// The log of changes of state: each is told once, with its reason; and how everything stood at any past moment, with what is not
// known said to be unknown, also over a restart and a kill -9. I12: when the fault is gone, service is normal within 5 s.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';
import { Suite } from '../lib/suite.mjs';
import { team } from '../lib/teams.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const here = await scene({ a: { models: ['gpt-sim'] }, b: { models: ['gpt-sim'] } },
    { env: { AUXOT_HEARTBEAT_INTERVAL: '1s', AUXOT_DEAD_WORKER_TIMEOUT: '3s' } });
const { server, a, b } = here;
const gpu = await provider_of_workers(server, 'gpu', 'Rack');

// A moment that neither what came before nor what comes later shares.
const now = async () => {
    const goes_on = async mark => { await until(() => Date.now() > mark, 'the clock goes on'); return Date.now(); };
    const mark = await goes_on(Date.now());
    await goes_on(mark);
    return mark;
};
const then = (t, options) => server.api('GET', `/api/routing/at?t=${t}`, undefined, options);
const status_of = (moment, id) => moment.providers.find(one => one.id === id)?.status;
const log = async (query = '', options) => (await server.api('GET', `/api/transitions?limit=200${query}`, undefined, options)).items;
const asks = (more = {}) => server.call(at.chat, ask.chat('gpt-sim'), more);
const pinned = one => ({ headers: { 'x-auxot-provider': one.slug } });
async function becomes(one, status) {
    await until(async () => (await one.look()).status === status, `${one.name} is ${status}`);
    return now();
}
// The only change of it since then.
async function change_of(id, since) {
    const [change, ...more] = (await log(`&since=${since}`)).filter(one => one.id === id);
    assert.deepEqual(more, [], 'it is told once');
    return change;
}

const began = await now();

// ---- providers -------------------------------------------------------------------------------------

test('a key that is refused: error, with the reason; before and after are told apart', async () => {
    const before = await now();
    await a.sim.plays([{ then: { status: 401 } }]);
    assert.equal((await asks()).status, 200, 'the other provider answers');
    const after = await becomes(a, 'error');
    const change = await change_of(a.id, before);
    assert.deepEqual([change.kind, change.from, change.to, change.name], ['provider', 'online', 'error', 'a']);
    assert.equal(change.reason, (await a.look()).error_code);
    assert.equal(status_of(await then(before), a.id), 'online');
    assert.equal(status_of(await then(after), a.id), 'error');
    const moment = (await then(after)).providers.find(one => one.id === a.id);
    assert.deepEqual([moment.reason, moment.since_ms], [change.reason, change.at_ms]);
    await a.plays();
    assert.equal((await change_of(a.id, after)).to, 'online');
});

test('a rate limit: over_quota', async () => {
    const before = await now();
    await a.sim.plays([{ then: { status: 429, retry_after: '60' } }]);
    await asks(pinned(a));
    const after = await becomes(a, 'over_quota');
    const change = await change_of(a.id, before);
    assert.deepEqual([change.from, change.to, change.reason], ['online', 'over_quota', 'rate_limited']);
    assert.deepEqual([status_of(await then(before), a.id), status_of(await then(after), a.id)], ['online', 'over_quota']);
    await a.plays();
});

test('paused and back: the configuration moves with it, and says by whom', async () => {
    const before = await now();
    const { version } = await server.api('GET', '/api/routing');
    await a.patch({ paused: true });
    const paused = await now();
    await a.patch({ paused: false });
    const changes = (await log(`&since=${before}`)).filter(one => one.id === a.id).map(one => one.to);
    assert.deepEqual(changes, ['online', 'paused']);
    assert.equal(status_of(await then(paused), a.id), 'paused');
    const [second, first] = (await log(`&since=${before}&kind=config`)).filter(one => one.reason === 'provider.updated');
    assert.deepEqual([first.from, first.to, second.to], [`${version}`, `${version + 1}`, `${version + 2}`]);
    const events = await server.api('GET', `/api/events?action=provider.updated&since=${before}`);
    assert.deepEqual([second.event, first.event], events.items.map(one => one.id));
    assert.deepEqual([first.reason, first.actor], ['provider.updated', events.items[1].actor]);
    const { config } = await then(paused);
    assert.deepEqual([config.version, config.event, config.actor], [version + 1, first.event, first.actor]);
    assert.equal((await then(before)).config.version, version);
});

test('a provider that is deleted is gone, and was there', async () => {
    const made = await server.api('POST', '/api/providers', { type: 'openai', name: 'Short', api_key: 'sk-short', base_url: a.sim.base_url });
    const before = await now();
    await server.api('DELETE', `/api/providers/${made.id}`);
    const after = await now();
    assert.deepEqual([(await change_of(made.id, before)).to, status_of(await then(before), made.id), status_of(await then(after), made.id)],
        ['gone', 'online', undefined]);
});

test('an answer that comes after its provider was deleted does not bring it back', async () => {
    const made = await server.api('POST', '/api/providers', { type: 'openai', name: 'Brief', api_key: 'sk-brief', base_url: a.sim.base_url });
    await a.sim.plays([{ then: { status: 401, delay_ms: 500 } }]);
    const answer = server.call(at.chat, ask.chat('gpt-sim'), { headers: { 'x-auxot-provider': made.slug } });
    await until(async () => (await server.api('GET', `/api/providers/${made.id}`)).in_flight === 1, 'it is asked');
    const before = await now();
    await server.api('DELETE', `/api/providers/${made.id}`);
    await answer;
    assert.equal((await change_of(made.id, before)).to, 'gone');
    assert.equal(status_of(await then(await now()), made.id), undefined);
    await a.plays();
});

// ---- workers ---------------------------------------------------------------------------------------

test('a worker joins, is killed, comes back, leaves: each step is told, and its provider with it', async () => {
    const before = await now();
    assert.equal(status_of(await then(before), gpu.id), 'offline');
    let worker = await Worker.start(server, gpu.key, { here, models: ['llama'] });
    await worker.parked();
    const joined = await now();
    worker.kill();
    await until(async () => (await gpu.look()).status === 'offline', 'the provider is offline');
    await worker.is('dead');
    const dead = await now();
    assert.deepEqual((await log(`&since=${before}&provider=rack&kind=worker`)).map(one => [one.id, one.provider, one.to, one.reason]).reverse(),
        [[worker.id, gpu.id, 'live', 'joined'], [worker.id, gpu.id, 'away', 'control_closed'], [worker.id, gpu.id, 'dead', 'silent']]);
    assert.deepEqual((await log(`&since=${before}&provider=rack&kind=provider`)).map(one => one.to).reverse(), ['online', 'offline']);
    const moment = await then(joined);
    assert.equal(status_of(moment, gpu.id), 'online');
    assert.deepEqual(moment.workers.map(one => [one.id, one.provider, one.state, one.reason]), [[worker.id, gpu.id, 'live', 'joined']]);
    assert.deepEqual((await then(dead)).workers, []);
    worker = await Worker.start(server, gpu.key, { here, models: ['llama'] });
    await worker.parked();
    const second = await now();
    await worker.leave();
    await worker.is('dead');
    assert.deepEqual((await log(`&since=${second}&kind=worker`)).map(one => one.to).reverse(), ['leaving', 'dead']);
});

// ---- who may see what ------------------------------------------------------------------------------

test('a member sees neither other teams\' providers, nor their workers, nor who changed what', async () => {
    const ours = await team(server), theirs = await team(server);
    const member = await server.api('POST', '/api/keys', { name: 'one of ours', team: ours.id, role: 'member' });
    await b.patch({ teams: [theirs.id] });
    await gpu.patch({ teams: [theirs.id] });
    const key = { key: member.key };
    const seen = await log('', key);
    assert.ok(seen.some(one => one.id === a.id) && !seen.some(one => one.id === b.id));
    assert.ok(seen.filter(one => one.kind === 'config').every(one => one.actor === null && one.event === null && one.reason === null));
    const moment = await then(await now(), key);
    assert.deepEqual([status_of(moment, a.id), status_of(moment, b.id)], ['online', undefined]);
    assert.deepEqual([moment.config.actor, moment.config.event], [null, null]);
    assert.ok(!seen.some(one => one.kind === 'worker'));
    await b.patch({ teams: null });
    await gpu.patch({ teams: null });
});

test('what makes no sense is refused with a sentence', async () => {
    const refused = async (where, field) => {
        const answer = await call(server.url + where, { key: server.admin });
        assert.deepEqual([answer.status, answer.json.field], [400, field], where);
    };
    await refused('/api/routing/at', 't');
    await refused(`/api/routing/at?t=${Date.now() + 3_600_000}`, 't');
    await refused('/api/routing/at?t=yesterday', 't');
    await refused('/api/transitions?kind=weather', 'kind');
    await refused('/api/transitions?provider=nobody', 'provider');
    assert.equal((await then(began - 3_600_000)).why, 'not_kept');
});

test('the list goes on by its cursor, each change once', async () => {
    const all = await log();
    const found = [];
    for (let cursor = ''; cursor !== null;) {
        const page = await server.api('GET', `/api/transitions?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
        found.push(...page.items);
        cursor = page.next_cursor;
    }
    assert.deepEqual(found, all);
});

// ---- restart and kill -------------------------------------------------------------------------------

for (const [how, signal, word] of [['a restart', 'SIGTERM', 'stopped'], ['a kill -9', 'SIGKILL', 'killed']])
    test(`${how}: what was before is still told; while it was down all is unknown, but the configuration`, async () => {
        await a.patch({ paused: true });
        const before = await now();
        const { config } = await then(before);
        await server.stop(signal);
        const down = await now();
        await server.restart();
        await until(async () => status_of(await then(await now()), b.id) === 'online', 'known again');
        const after = await now();
        const moment = await then(down);
        assert.deepEqual([moment.known, moment.why, moment.workers], [false, word, []]);
        assert.deepEqual([...new Set(moment.providers.map(one => one.status))], ['unknown']);
        assert.deepEqual(moment.config, config);
        // The last sign of life before a kill may be a little old; a state noted since is a sign of life, too.
        assert.deepEqual([status_of(await then((await change_at(before, a.id)).at_ms), a.id), status_of(await then(after), a.id)], ['paused', 'paused']);
        const lives = (await log('&kind=server')).slice(0, 2);
        assert.deepEqual(lives.map(one => [one.from, one.to]), [[word, 'started'], ['started', word]]);
        assert.ok(lives[1].at_ms <= down && lives[0].at_ms >= down);
        await a.patch({ paused: false });
    });
async function change_at(until_ms, id) { return (await log(`&until=${until_ms + 1}`)).find(one => one.id === id); }

// ---- I12 ---------------------------------------------------------------------------------------------

const faults = [
    ['a key that was refused and is given anew', [{ then: { status: 401 } }], 'error', () => a.patch({ api_key: 'sk-new-one' })],
    ['a rate limit that has passed', [{ then: { status: 429, retry_after: '1' } }], 'over_quota', () => {}],
    ['a pause that is over', [], 'paused', () => a.patch({ paused: false }), () => a.patch({ paused: true })],
    ['a service that failed and works again, when somebody looks', [{ then: { status: 500 } }], 'degraded', () => server.api('POST', `/api/providers/${a.id}/refresh`)],
];
for (const [what, rules, status, mend, break_it] of faults)
    test(`I12: ${what}: normal within 5 s, without a restart`, async () => {
        await a.plays();
        await a.sim.plays(rules);
        await break_it?.();
        await until(async () => { await asks(pinned(a)); return (await a.look()).status === status; }, `it is ${status}`);
        await a.sim.plays([]);
        const mended = Date.now();
        await mend();
        await until(async () => (await asks(pinned(a))).status === 200, 'it answers');
        assert.ok(Date.now() - mended < 5000 * Suite.patience, `answered after ${Date.now() - mended} ms`);
        assert.equal((await a.look()).status, 'online');
        const answers = await Promise.all(Array.from({ length: 20 }, () => asks(pinned(a))));
        assert.deepEqual([...new Set(answers.map(one => one.status))], [200], 'and goes on so');
        assert.equal((await log()).find(one => one.id === a.id).to, 'online', 'the log says so, too');
    });

test('I12: workers that were killed and started again: normal within 5 s', async () => {
    const first = await Worker.start(server, gpu.key, { here, models: ['llama'] });
    await first.parked();
    assert.equal((await server.call(at.chat, ask.chat('llama'))).status, 200);
    first.kill();
    await until(async () => (await gpu.look()).status === 'offline', 'it is gone');
    const again = Date.now();
    const second = await Worker.start(server, gpu.key, { here, models: ['llama'] });
    await until(async () => (await server.call(at.chat, ask.chat('llama'))).status === 200, 'it answers');
    assert.ok(Date.now() - again < 5000 * Suite.patience, `answered after ${Date.now() - again} ms`);
    second.kill();
});

closing(here);
