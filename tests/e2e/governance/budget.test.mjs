// Budgets: spent + reserved is never more than the limit, whatever happens; what was spent is the sum of the rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { until } from '../lib/process.mjs';
import { is_long } from '../lib/ledgers.mjs';
import { in_parallel, team } from '../lib/teams.mjs';

// gpt-5.4: 2.5 and 15 dollars a million tokens; gpt-5.4-nano: 0.2 and 1.25.
const here = await scene({ gpt: { models: ['gpt-5.4', 'gpt-5.4-nano', 'gpt-nobody-knows'] } }, { env: { AUXOT_THREADS: '2' } });
const { server, gpt } = here;
const chat = (who, more, model = 'gpt-5.4') => server.call(at.chat, ask.chat(model, { max_tokens: 8, ...more }), { key: who.key });
const spent_by_rows = async who => (await server.jobs(`&team=${who.id}`)).reduce((sum, job) => sum + (job.cost_microusd ?? 0), 0);
const drained = async who => until(async () => (await who.now()).budget.reserved_microusd === 0 && (await who.now()).concurrent.running === 0, 'all is settled');

// Samples `spent + reserved` while `work` runs.
async function watched(who, limit, work) {
    let is_over = false, samples = 0;
    const watching = (async () => {
        for (; !is_over; samples++) {
            const { spent_microusd, reserved_microusd } = (await who.now()).budget;
            assert.ok(spent_microusd + reserved_microusd <= limit, `${spent_microusd} + ${reserved_microusd} of ${limit}`);
            assert.ok(spent_microusd >= 0 && reserved_microusd >= 0);
            await new Promise(resolve => setTimeout(resolve, 10));
        }
    })();
    try { return await work(); } finally { is_over = true; await watching; assert.ok(samples > 0); }
}

test('I6, T20: 64 at once at the edge of the budget, round after round: no overspending, nothing stays reserved', async () => {
    const rounds = is_long ? 100 : 25;
    for (let round = 0; round < rounds; round++) {
        const limit = 6_000 + (round % 25) * 137; // two at a time by their ceilings, some thirty by their cost
        const who = await team(server, { budget_microusd_per_month: limit });
        const answers = await watched(who, limit, () => in_parallel(64, 64, () => chat(who)));
        const admitted = answers.filter(answer => answer.status === 200).length;
        assert.ok(admitted >= 1 && admitted < 64, `${admitted} of 64`);
        for (const answer of answers.filter(one => one.status !== 200)) {
            assert.deepEqual([answer.status, answer.json.error.code, answer.headers['x-should-retry'], answer.headers['retry-after']], [429, 'insufficient_quota', 'false', undefined], answer.text);
        }
        await drained(who);
        const { spent_microusd } = (await who.now()).budget;
        assert.ok(spent_microusd <= limit);
        assert.equal(spent_microusd, await spent_by_rows(who), 'the sum of the rows');
    }
});

test('down to the last: a team may spend its budget until not one more request fits', async () => {
    const who = await team(server, { budget_microusd_per_month: 6000 }, 'Thrifty');
    let answer;
    for (let i = 0; i < 100; i++) if ((answer = await chat(who)).status !== 200) break;
    assert.equal(answer.status, 429);
    assert.match(answer.json.error.message, /^Team Thrifty has a budget of \$0\.006000 for \d{4}-\d\d \(UTC\); \$0\.00\d+ is left, and this request could cost \$0\.00\d+\..*an admin can raise budget_microusd_per_month\.$/);
    const job = await server.job(answer.job_id);
    assert.deepEqual([job.status, job.reason], ['refused', 'budget_spent']);
    const { spent_microusd } = (await who.now()).budget;
    assert.ok(6000 - spent_microusd < 3000, `${spent_microusd} of 6000 were usable`);
    await who.set({ budget_microusd_per_month: 60_000 });
    assert.equal((await chat(who)).status, 200, 'a raised budget is in force at once');
});

test('what fails is given back; a caller who leaves pays what was relayed', async () => {
    const who = await team(server, { budget_microusd_per_month: 1_000_000 });
    await gpt.sim.plays([{ then: { status: 500 } }]);
    for (let i = 0; i < 3; i++) assert.equal((await chat(who)).status, 502);
    assert.deepEqual([(await who.now()).budget.spent_microusd, (await who.now()).budget.reserved_microusd], [0, 0]);
    await gpt.plays([{ then: { events: 100_000, gap_ms: 5 } }]);
    const stream = server.begin(at.chat, ask.chat('gpt-5.4', { stream: true, max_tokens: 5000 }), { key: who.key });
    await stream.when(call => call.events.length > 20);
    assert.ok((await who.now()).budget.reserved_microusd >= 75_000, 'the ceiling of 5,000 tokens');
    stream.leave();
    await drained(who);
    const [job] = await server.jobs(`&team=${who.id}`);
    assert.equal(job.status, 'cancelled');
    assert.ok(job.cost_microusd > 0);
    assert.equal((await who.now()).budget.spent_microusd, job.cost_microusd);
    await gpt.plays();
});

test('a budget that is nearly spent goes on with what is cheap', async () => {
    const who = await team(server, { budget_microusd_per_month: 1000 });
    assert.equal((await chat(who)).status, 429, 'too dear');
    assert.equal((await chat(who, {}, 'gpt-5.4-nano')).status, 200);
    const free = await chat(who, {}, 'gpt-nobody-knows');
    assert.equal(free.status, 403);
    assert.match(free.json.error.message, /nobody knows what model 'gpt-nobody-knows' of provider 'gpt' costs/);
    assert.equal((await server.job(free.job_id)).reason, 'price_unknown');
    const soft = await team(server, { budget_soft_microusd_per_month: 10 });
    assert.equal((await chat(soft, {}, 'gpt-nobody-knows')).status, 200, 'a soft budget lets it pass');
});

test('a soft budget is an event, once', async () => {
    const who = await team(server, { budget_soft_microusd_per_month: 300 });
    for (let i = 0; i < 4; i++) assert.equal((await chat(who)).status, 200);
    const told = async () => (await server.api('GET', '/api/events?limit=100')).items.filter(event => event.action === 'budget.soft_passed' && event.subject === who.id);
    await until(async () => (await told()).length === 1, 'an event');
    for (let i = 0; i < 4; i++) await chat(who);
    assert.equal((await told()).length, 1);
});

test('T20: a huge max_tokens, many answers, no limit at all: what a request could cost is reserved before it goes out', async () => {
    const who = await team(server, { budget_microusd_per_month: 100_000 });
    for (const more of [{ max_tokens: 1_000_000 }, { max_tokens: 100, n: 128 }, { max_tokens: null }, { max_tokens: 1e18 }])
        assert.equal((await chat(who, more)).status, 429, JSON.stringify(more));
    const capped = await team(server, { budget_microusd_per_month: 100_000, max_output_tokens: 200 });
    const answer = await chat(capped, { max_tokens: 1_000_000 });
    assert.deepEqual([answer.status, answer.headers['x-auxot-fidelity']], [200, 'changed:max_tokens']);
    const [seen] = await gpt.sim.requests_of(answer.job_id);
    assert.equal(JSON.parse(seen.body).max_tokens, 200);
});

test('I5, I6: killed in the middle of it and started again: what was spent is the sum of the rows', async () => {
    const who = await team(server, { budget_microusd_per_month: 3_000_000 });
    await gpt.sim.plays([{ then: { events: 8, gap_ms: 5 } }]);
    let is_killed = false;
    const load = in_parallel(2000, 32, () => is_killed ? {} : chat(who, { stream: true }).catch(() => ({})));
    await until(async () => (await who.now()).budget.spent_microusd > 20_000, 'a good part is spent');
    is_killed = true;
    await server.stop('SIGKILL');
    await load;
    await server.restart();
    const now = await who.now();
    const rows = await spent_by_rows(who);
    assert.ok(rows > 0);
    assert.deepEqual([now.budget.spent_microusd, now.budget.reserved_microusd, now.concurrent.running], [rows, 0, 0]);
    const cut = (await server.jobs(`&team=${who.id}`)).filter(job => job.status === 'interrupted');
    assert.ok(cut.length > 0, 'some were under way');
    for (const job of cut) // 8 tokens of an answer at 15 dollars a million, and the prompt
        assert.ok(job.cost_microusd > 120 && job.estimated && !job.cost_is_partial, `what was reserved: ${JSON.stringify(job)}`);
    assert.equal((await chat(who)).status, 200);
    await drained(who);
    assert.equal((await who.now()).budget.spent_microusd, await spent_by_rows(who));
    await gpt.sim.plays();
});

closing(here, { ledger: false }); // of who was killed in mid-request, record.test.mjs tells
