// GET /api/routing/flows: who asked how, and where that went: the record's own sums, minute by minute, of the callers that one may
// see; and of more jobs than are counted the newest, which it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { until } from '../lib/process.mjs';
import { in_parallel, team } from '../lib/teams.mjs';

const COUNTED = 5000, MORE = 300;
const here = await scene({ a: { models: ['gpt-sim'] }, b: { models: ['gpt-sim'] } });
const { server, a, b } = here;
const ours = await team(server, {}, 'Ours');
const flows = (query = '', options) => server.api('GET', `/api/routing/flows${query}`, undefined, options);
const asks = (model, key) => server.call(at.chat, ask.chat(model), { key });
const ended = count => until(async () => (await flows()).jobs >= count, 'the jobs have ended');
const told = ({ flows: list }) => list.map(one => [one.team_name, one.asked, one.provider?.name ?? null, one.tier, one.model, one.jobs, one.failed, one.attempts, one.moved_on]).sort();

test('a job counts where it ended, each attempt where it was made; by team and by how it asked', async () => {
    await a.sim.plays([{ then: { status: 503 } }]);
    for (const [model, key] of [['gpt-sim', ours.key], ['auto', server.member], ['no-such-model', server.member]]) await asks(model, key);
    await ended(3);
    const answer = await flows();
    assert.deepEqual([answer.jobs, answer.is_whole], [3, true]);
    const [first] = answer.flows;
    assert.ok(first.at_ms % 60_000 === 0 && first.at_ms <= answer.as_of_ms);
    assert.deepEqual(told(answer), [
        [null, 'auto', 'b', 'cloud', 'gpt-sim', 1, 0, 1, 0], [null, 'name', null, null, null, 1, 1, 0, 0],
        ['Ours', 'name', 'a', 'cloud', 'gpt-sim', 0, 0, 1, 1], ['Ours', 'name', 'b', 'cloud', 'gpt-sim', 1, 0, 1, 0],
    ].sort());
    assert.equal(b.id, answer.flows.find(one => one.jobs && one.provider).provider.id);
});

test('a member is told of the own jobs', async () => {
    const answer = await flows('', { key: server.member });
    assert.deepEqual(told(answer).map(([name]) => name), [null, null]);
    assert.equal(answer.jobs, 2);
});

test('a time is the time of arrival, and an end that is not later than the beginning is refused', async () => {
    const now = Date.now();
    assert.deepEqual((await flows(`?since=${now + 60_000}&until=${now + 120_000}`)).flows, []);
    assert.equal((await flows(`?since=${now - 60_000}&until=${now + 1}`)).jobs, 3);
    const { detail } = await server.api('GET', `/api/routing/flows?since=${now}&until=${now}`, undefined, { expect: 400 });
    assert.match(detail, /until/);
});

test('of more than are counted it tells the newest, from when on, and that there were more', async () => {
    const since = Date.now();
    await in_parallel(COUNTED + MORE, 32, () => asks('no-such-model', server.admin));
    await until(async () => (await server.api('GET', `/api/usage?since=${since}&group_by=source`)).totals.jobs === COUNTED + MORE, 'all are on record');
    const answer = await flows(`?since=${since}`);
    assert.equal(answer.is_whole, false);
    assert.equal(answer.jobs, COUNTED);
    const { items: [oldest] } = await server.api('GET', `/api/jobs?limit=1&since=${since}&until=${answer.since_ms + 1}`);
    assert.equal(oldest.created_at_ms, answer.since_ms, 'a job came then');
    assert.equal((await flows(`?since=${answer.since_ms + 1}`)).is_whole, true);
});

closing(here, { ledger: false });
