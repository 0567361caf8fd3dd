// The ledger: what the upstreams reported, the rows of the jobs and the usage are one sum (I5), also after kill -9; what was
// wasted, cut or has no price is told apart; files are safe to open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Sim, request_id } from '../lib/sim.mjs';
import { call } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';

const priced = 'gpt-5.4-mini', unpriced = 'gpt-sim', sonnet = 'claude-sonnet-4-5';
const here = await scene({ gpt: { models: [priced, unpriced] }, spare: { models: [priced, unpriced] }, long: { models: ['gpt-long'], rules: [{ then: { events: 1000, gap_ms: 10 } }] }, claude: { dialect: 'anthropic', models: [sonnet] } });
const { server, gpt, spare, claude } = here;

const sums = ['input_tokens', 'output_tokens', 'cached_tokens', 'cost_microusd', 'wasted_microusd'];
const add = (all, one) => { for (const name of sums) all[name] += one[name] ?? 0; return all; };
const nothing = () => Object.fromEntries(sums.map(name => [name, 0]));
const usage = (query = '') => server.api('GET', `/api/usage?since=0${query}`);
const closed = async (query = '') => (await server.jobs(query)).filter(job => job.status !== 'open');

async function assert_rows_are_the_usage(query = '') {
    const jobs = await closed(query);
    const rows = jobs.reduce(add, nothing());
    for (const by of ['team', 'provider', 'tier', 'model', 'agent', 'user', 'key', 'source']) {
        const { items, totals } = await usage(`&group_by=${by}${query}`);
        assert.deepEqual(add(nothing(), totals), rows, `the totals by ${by}`);
        assert.deepEqual(items.reduce(add, nothing()), rows, `the items by ${by}`);
        assert.equal(totals.jobs, jobs.length, by);
        assert.equal(items.reduce((sum, item) => sum + item.jobs, 0), jobs.length, by);
    }
    return { jobs, rows };
}

// What each upstream told, per attempt that went well, in the order of `reported`.
const reported = { [priced]: { input_tokens: 1000, output_tokens: 50, cached_tokens: 400 }, [unpriced]: { input_tokens: 70, output_tokens: 9 }, [sonnet]: { input_tokens: 300, output_tokens: 20, cached_tokens: 100 } };
const says = (model, more = {}) => ({ when: { model }, then: { text: 'one two three', usage: reported[model], ...more } });
const by_anthropic = told => ({ ...told, input_tokens: told.input_tokens + told.cached_tokens }); // it counts the cached beside the others

async function load(seconds, may_kill) {
    let is_over = false;
    const requests = [[at.chat, ask.chat(priced)], [at.chat, ask.chat(priced, { stream: true })], [at.chat, ask.chat(unpriced, { stream: true })], [at.messages, ask.messages(sonnet)],
        [at.messages, ask.messages(sonnet, { stream: true })], [at.chat, ask.chat('nobody-has-this')]];
    const worker = async number => {
        for (let i = number; !is_over; i++) {
            const one = server.begin(...requests[i % requests.length]);
            if (i % 7 === 3) one.when(now => now.events.length > 0).then(() => one.leave(), () => {});
            await one.done.catch(() => {});
        }
    };
    const workers = Array.from({ length: 16 }, (_, i) => worker(i));
    await new Promise(resolve => setTimeout(resolve, seconds * 1000));
    if (may_kill) {
        const long = server.begin(at.chat, ask.chat('gpt-long', { stream: true })); // one is under way for sure
        await long.when(now => now.events.length > 3);
        server.child.kill('SIGKILL');
        await server.child.exit;
    }
    is_over = true;
    await Promise.all(workers);
}

// Each attempt that went well has the tokens that its upstream told.
async function assert_attempts_are_as_told(jobs) {
    let compared = 0;
    for (const job of jobs)
        for (const attempt of job.attempts.filter(one => one.outcome === 'ok' && !one.estimated)) {
            const told = attempt.model === sonnet ? by_anthropic(reported[sonnet]) : reported[attempt.model];
            assert.deepEqual([attempt.input_tokens, attempt.output_tokens, attempt.cached_tokens ?? 0], [told.input_tokens, told.output_tokens, told.cached_tokens ?? 0], `${job.id} ${attempt.model}`);
            compared++;
        }
    assert.ok(compared > 20, `${compared}`);
    // And none of them was made up, nor told twice.
    const seen = new Set();
    for (const { sim } of here.upstreams) for (const entry of await sim.log()) seen.add(request_id(entry));
    for (const job of jobs) for (const one of job.attempts.filter(({ outcome }) => outcome === 'ok')) assert.ok(seen.has(`${job.id}-${one.seq}`));
}

for (const may_kill of [false, true])
    test(`I5: under load${may_kill ? ', and after kill -9' : ''}: what upstreams told, the sum of the rows and the usage are one`, async () => {
        for (const one of [gpt, spare]) await one.plays([{ when: { model: priced, chance: one === gpt ? 0.2 : 0 }, then: { status: 500 } }, says(priced, { gap_ms: 2 }), says(unpriced, { gap_ms: 2 })], [priced, unpriced]);
        await claude.plays([says(sonnet, { gap_ms: 2 })], [sonnet]);
        await load(may_kill ? 1.5 : 2, may_kill);
        if (may_kill) {
            await server.restart();
            await until(async () => (await server.jobs('&status=open').catch(() => [1])).length === 0, 'no job is open after the start', 10_000);
        }
        const { jobs } = await assert_rows_are_the_usage();
        await assert_attempts_are_as_told(jobs);
        await assert_rows_are_the_usage(`&key=${(await server.api('GET', '/api/keys')).items.find(({ name }) => name === 'admin').id}`);
        if (may_kill) assert.ok(jobs.some(({ status }) => status === 'interrupted'), 'some were interrupted');
    });

test('the usage of a range is that of its parts, wherever it is cut', async () => {
    const jobs = await closed(), first = jobs.at(-1).created_at_ms - 1, last = jobs[0].created_at_ms + 1;
    const range = async (since, until) => (await server.api('GET', `/api/usage?group_by=key&since=${since}&until=${until}`)).totals;
    const whole = await range(first, last);
    for (const job of jobs.filter((_, i) => i % Math.ceil(jobs.length / 12) === 0)) {
        if (job.created_at_ms <= first || job.created_at_ms >= last) continue;
        const [before, behind] = [await range(first, job.created_at_ms), await range(job.created_at_ms, last)];
        assert.deepEqual(add(add(nothing(), before), behind), add(nothing(), whole), `${job.created_at_ms}`);
        assert.equal(before.jobs + behind.jobs, whole.jobs);
    }
    for (const bucket of ['minute', 'hour', 'day']) {
        const { items, totals } = await server.api('GET', `/api/usage?group_by=model&bucket=${bucket}&since=${first}&until=${last}`);
        assert.deepEqual(items.reduce(add, nothing()), add(nothing(), totals), bucket);
        assert.deepEqual(add(nothing(), totals), add(nothing(), whole), bucket);
    }
});

test('I5: a stream that the caller leaves costs what was relayed, and is said to be estimated', async () => {
    await gpt.plays([{ then: { events: 200, gap_ms: 10 } }], [priced, unpriced]);
    const before = (await usage()).totals;
    const one = server.begin(at.chat, ask.chat(priced, { stream: true }), { headers: { 'x-auxot-provider': 'gpt' } });
    await one.when(now => now.events.length >= 40);
    one.leave();
    const job = await server.job(one.job_id);
    assert.equal(job.status, 'cancelled');
    assert.equal(job.estimated, true);
    assert.ok(job.attempts[0].estimated && job.output_tokens >= 20 && job.output_tokens < 200, `${job.output_tokens}`);
    assert.equal(job.cost_microusd, Math.ceil((job.input_tokens * 750_000 + job.output_tokens * 4_500_000) / 1e6));
    assert.equal(job.wasted_microusd, 0);
    const { totals } = await usage();
    assert.equal(totals.estimated_jobs - before.estimated_jobs, 1);
    assert.equal(totals.cancelled - before.cancelled, 1);
    assert.equal(totals.cost_microusd - before.cost_microusd, job.cost_microusd);
});

test('I5: an attempt that told tokens and failed before COMMIT is paid for, and told apart as waste where it happened', async () => {
    await claude.plays([{ when: { nth: 1 }, then: { error_event_after: 0, usage: { input_tokens: 5000, output_tokens: 1 } } }, says(sonnet)], [sonnet]);
    const second = await server.api('POST', '/api/providers', { type: 'anthropic', name: 'second', api_key: 'k', base_url: claude.sim.base_url }, { expect: 201 });
    const before = (await usage('&group_by=provider')).items;
    const answer = await server.call(at.messages, ask.messages(sonnet, { stream: true }));
    assert.equal(answer.status, 200);
    const job = await server.job(answer.job_id);
    assert.deepEqual(job.attempts.map(({ outcome }) => outcome), ['failed', 'ok'], JSON.stringify(job.attempts));
    const [failed, good] = job.attempts;
    assert.ok(failed.input_tokens >= 5000, `${failed.input_tokens}`);
    assert.equal(job.wasted_microusd, failed.cost_microusd);
    assert.equal(job.cost_microusd, failed.cost_microusd + good.cost_microusd);
    assert.equal(job.input_tokens, failed.input_tokens + good.input_tokens);
    const { items } = await usage('&group_by=provider');
    const grown = (id, name) => (items.find(({ group }) => group.id === id)?.[name] ?? 0) - (before.find(({ group }) => group.id === id)?.[name] ?? 0);
    assert.deepEqual([grown(failed.provider.id, 'wasted_microusd'), grown(failed.provider.id, 'jobs')], [failed.cost_microusd, 0], 'the waste is where it happened');
    assert.deepEqual([grown(good.provider.id, 'cost_microusd'), grown(good.provider.id, 'jobs')], [good.cost_microusd, 1], 'the job is where it ended');
    await server.api('DELETE', `/api/providers/${second.id}`);
    await assert_rows_are_the_usage();
});

test('what has no price is unknown, never 0, and is counted as unknown', async () => {
    await gpt.plays([says(unpriced)], [priced, unpriced]);
    await server.call(at.chat, ask.chat(unpriced));
    const { items } = await usage('&group_by=model');
    const model = items.find(({ group }) => group.id === unpriced);
    assert.equal(model.cost_microusd, null);
    assert.ok(model.unknown_cost_jobs > 0 && model.input_tokens > 0);
});

test('what own machines saved is told by the price of a cloud, which is named', async () => {
    const llama = await Sim.start({ dialect: 'llama', models: ['llama-3-8b'] });
    here.upstreams.push({ sim: { log: async () => (await llama.log()).filter(request_id), stop: () => llama.stop() } });
    await llama.plays([{ then: { usage: { input_tokens: 100_000, output_tokens: 10_000 } } }]);
    const rack = await server.api('POST', '/api/providers', { type: 'gpu', name: 'Rack', base_url: llama.url }, { expect: 201 });
    await server.api('PATCH', '/api/routing', { auto: { provider: gpt.id, model: priced } });
    const answer = await server.call(at.chat, ask.chat('llama-3-8b'));
    assert.equal(answer.status, 200, answer.text);
    const job = await server.job(answer.job_id);
    const { items, avoided_by } = await usage('&group_by=tier');
    assert.deepEqual(avoided_by, { provider: { id: gpt.id, name: 'gpt' }, model: priced, why: 'auto_default' });
    const gpu = items.find(({ group }) => group.id === 'gpu'), cloud = items.find(({ group }) => group.id === 'cloud');
    assert.equal(gpu.avoided_microusd, Math.ceil(((job.input_tokens - (job.cached_tokens ?? 0)) * 750_000 + (job.cached_tokens ?? 0) * 75_000 + job.output_tokens * 4_500_000) / 1e6));
    assert.equal(gpu.cost_microusd, null);
    assert.equal(cloud.avoided_microusd, 0);
    await server.api('PATCH', '/api/routing', { auto: null });
    assert.equal((await usage()).avoided_by.why, 'cheapest_default');
    await server.api('DELETE', `/api/providers/${rack.id}`);
});

test('members see their own usage, whatever they ask for', async () => {
    await gpt.plays([says(priced)], [priced, unpriced]);
    const { job_id } = await server.call(at.chat, ask.chat(priced), { key: server.member });
    const mine = await server.job(job_id);
    for (const query of ['', `&key=${(await server.job((await server.call(at.chat, ask.chat(priced))).job_id)).key}`, '&team=nobody&user=somebody']) {
        const { items, totals } = (await call(`${server.url}/api/usage?since=0&group_by=key${query}`, { key: server.member })).json;
        assert.ok(items.every(({ group }) => group.id === mine.key), query);
        assert.ok(query.includes('nobody') ? totals.jobs === 0 : totals.jobs === 1, query);
    }
});

// ---- files ---------------------------------------------------------------------------------------

function cells(text) {
    const rows = [[]];
    for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
        rows.at(-1).push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain);
        if (end === '\r\n') rows.push([]);
    }
    return rows.slice(0, -1);
}

async function pages(where, key = server.admin) {
    const all = [];
    for (let cursor = ''; ;) {
        const page = await call(`${server.url}${where}${cursor}`, { key });
        assert.equal(page.status, 200, page.text);
        assert.match(page.headers['content-disposition'], /^attachment; filename="auxot-(usage|jobs)\.(csv|jsonl)"$/);
        all.push(page);
        if (!page.headers['x-next-cursor']) return all;
        cursor = `&cursor=${page.headers['x-next-cursor']}`;
    }
}

test('files hold what the lists hold, page by page', async () => {
    const { items } = await usage('&group_by=model');
    assert.deepEqual((await pages('/api/usage?since=0&group_by=model&format=jsonl&limit=2')).flatMap(({ text }) => text.split('\n').filter(Boolean).map(line => JSON.parse(line))), items);
    const csv = (await pages('/api/usage?since=0&group_by=model&format=csv&limit=2')).flatMap(({ text }) => cells(text).slice(1));
    assert.deepEqual(csv.map(row => [row[1], row[3], row[11]]), items.map(({ group, jobs, cost_microusd }) => [group.id ?? '', `${jobs}`, `${cost_microusd ?? ''}`]));
    const jobs = await closed();
    assert.deepEqual((await pages('/api/jobs?format=jsonl&limit=70')).flatMap(({ text }) => text.split('\n').filter(Boolean).map(line => JSON.parse(line))), jobs);
    const lines = (await pages('/api/jobs?format=csv&limit=250')).flatMap(({ text }) => cells(text).slice(1));
    assert.deepEqual(lines.map(([id, status]) => [id, status]), jobs.map(({ id, status }) => [id, status]));
});

test('T04: no name becomes a formula in a file, nor a part of a statement', async () => {
    const names = [`=HYPERLINK("http://x.example","y")`, `+1+1`, `-2+3`, `@SUM(A1)`, `=1,"2"`, `' OR '1'='1`, `%%%%`, `"; DROP TABLE usage_day; --`];
    for (const name of names) {
        const key = await server.key(name, 'member');
        await server.call(at.chat, ask.chat(priced), { key });
        await server.call(at.chat, ask.chat(name), { key });
        const { totals } = await usage(`&group_by=key&key=${encodeURIComponent(name)}`);
        assert.equal(totals.jobs, 2, name);
    }
    for (const where of ['/api/usage?since=0&group_by=key&format=csv', '/api/jobs?format=csv'])
        for (const { text } of await pages(where))
            for (const row of cells(text)) for (const cell of row) assert.doesNotMatch(cell, /^[=+\-@\t\r]/, cell);
    const keys = cells((await pages('/api/usage?since=0&group_by=key&format=csv'))[0].text).map(row => row[2]);
    for (const name of names) assert.ok(keys.includes(/^[=+\-@]/.test(name) ? `'${name}` : name), name);
    await assert_rows_are_the_usage();
});

test('a wrong question is refused by name', async () => {
    for (const [query, field] of [['group_by=color', 'group_by'], ['bucket=week', 'bucket'], ['format=xlsx', 'format'], ['limit=0', 'limit'], ['limit=5001', 'limit'], ['since=yesterday', 'since'], ['since=2026-11-02&until=2026-11-01', 'until'], ['cursor=x', null]]) {
        const answer = await call(`${server.url}/api/usage?${query}`, { key: server.admin });
        assert.deepEqual([answer.status, answer.json.field], [400, field], query);
    }
    const old = await call(`${server.url}/api/usage?bucket=minute&since=1`, { key: server.admin });
    assert.ok(old.status === 200 || /not kept for so long/.test(old.json.detail), old.text);
});

closing(here);
