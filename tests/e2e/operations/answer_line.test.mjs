// Who answered, why there, what failed over, what was passed over, what it cost: in the job, in the header, in one line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { team } from '../lib/teams.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({
    one: { models: ['shared', 'only-one', 'priced'] },
    two: { models: ['shared', 'only-two', 'priced'] },
    claude: { dialect: 'anthropic', models: ['opus'] },
});
const { server, one, two, claude } = here;
await server.api('PUT', '/api/prices', { model: 'priced', input_microusd_per_mtok: 1_000_000_000, output_microusd_per_mtok: 1_000_000_000 });
const call = (where, body, more) => server.call(where, body, more);
const job_of = async answer => server.job(answer.job_id);
const codes = job => job.passed_over.map(passed => `${passed.provider.name}:${passed.reason}`);
const fresh = async () => { for (const upstream of here.upstreams) await upstream.plays(); };
// Figures that differ from run to run.
const line = job => job.answer_line.replace(/\d+(\.\d)? m?s/g, '_ s').replace(/\d+ tok/, '_ tok').replace(/\$0\.\d+/, '$_');

test('a job keeps the shape of its request, so that it can be routed again', async () => {
    const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];
    const job = await job_of(await call(at.chat, ask.chat('shared', { tools, messages: [{ role: 'user', content: 'x'.repeat(8000) }] }),
        { headers: { 'x-auxot-provider': one.slug, 'x-auxot-wait': '2s', 'x-auxot-class': 'batch' } }));
    assert.equal(job.attempts[0].chosen, 'pinned');
    const { prompt_tokens, ...shape } = job.shape;
    assert.deepEqual(shape, { needs: ['tools'], provider: one.slug, service_class: 'batch', wait_ms: 2000 });
    assert.ok(prompt_tokens >= 1000 && prompt_tokens < 1100, `about one for 8 bytes: ${prompt_tokens}`);
    const plain = await job_of(await call(at.messages, ask.messages('opus')));
    assert.deepEqual({ ...plain.shape, prompt_tokens: 0 }, { needs: [], prompt_tokens: 0, provider: null, service_class: 'interactive', wait_ms: null });
    assert.equal((await job_of(await call(at.chat, { model: 7 }))).shape, null, 'what was not read has none');
});

test('the first choice answers: who, why, how long, how much; nobody was passed over', async () => {
    for (const stream of [false, true]) {
        const answer = await call(at.chat, ask.chat('shared', { stream }));
        assert.equal(answer.headers['x-auxot-reason'], 'serves_model');
        const job = await job_of(answer);
        assert.equal(line(job), 'one · shared — serves the model · _ s · _ tok · no price');
        assert.deepEqual([job.answer.choice, job.answer.chosen_because.code, job.answer.failed_over, job.passed_over], [1, 'serves_model', false, []]);
        assert.deepEqual([job.answer.provider, job.answer.ended_because.code], [{ id: one.id, name: 'one' }, 'ok']);
    }
    const priced = await job_of(await call(at.chat, ask.chat('priced')));
    assert.match(priced.answer_line, /^one · priced — serves the model · [^·]+ · \d+ tok · \$0\.\d{4}$/);
    assert.equal((await call(at.chat, ask.chat('auto'))).headers['x-auxot-reason'], 'cascade');
});

test('a pin is the reason, and passes nobody over', async () => {
    const answer = await call(at.chat, ask.chat('shared'), { headers: { 'x-auxot-provider': two.slug } });
    assert.equal(answer.headers['x-auxot-reason'], 'pinned');
    const job = await job_of(answer);
    assert.equal(line(job), 'two · shared — asked for by the caller · _ s · _ tok · no price');
    assert.deepEqual(job.passed_over, []);
});

test('a failover is told: who failed and how, in the header, the parts and the line', async () => {
    for (const stream of [false, true]) {
        await fresh();
        await one.sim.plays([{ then: { status: 500 } }]);
        const answer = await call(at.chat, ask.chat('shared', { stream }));
        assert.equal(answer.headers['x-auxot-reason'], 'serves_model; failed_over=server_error');
        const job = await job_of(answer);
        assert.equal(line(job), 'two · shared — 2nd choice: one failed: server error · _ s · _ tok · no price');
        assert.deepEqual(job.answer.moved_on_because.map(moved => [moved.provider.id, moved.seq, moved.code]), [[one.id, 1, 'server_error']]);
        assert.deepEqual([job.answer.failed_over, job.answer.choice, job.answer.ended_because.code, job.passed_over], [true, 2, 'failover', []]);
    }
    await fresh();
});

test('who stood before and could not be asked is passed over, with the evidence of that moment', async () => {
    await one.patch({ paused: true });
    const paused = await call(at.chat, ask.chat('shared'));
    assert.equal(paused.headers['x-auxot-reason'], 'serves_model', 'codes of the one who answered only');
    const job = await job_of(paused);
    assert.equal(line(job), 'two · shared — 2nd choice: one paused · _ s · _ tok · no price');
    assert.deepEqual([job.passed_over[0].provider, job.passed_over[0].tier, job.passed_over[0].text, job.answer.failed_over], [{ id: one.id, name: 'one' }, 'cloud', 'paused', false]);
    await one.patch({ paused: false });
    await one.plays([{ then: { status: 429, headers: { 'retry-after': '120' } } }]);
    const before = Date.now();
    assert.equal((await call(at.chat, ask.chat('shared'))).headers['x-auxot-reason'], 'serves_model; failed_over=rate_limited');
    const over = await job_of(await call(at.chat, ask.chat('shared')));
    assert.deepEqual(codes(over), ['one:over_quota']);
    const { until_ms, ...others } = over.passed_over[0].evidence;
    assert.ok(until_ms >= before + 110_000 && until_ms <= Date.now() + 140_000, `the reset: ${until_ms - before}`);
    assert.ok(Object.values(others).every(value => value === null));
    assert.match(over.answer_line, /2nd choice: one over its quota \(until \d\d:\d\d UTC\) · /);
    await fresh();
});

test('who comes behind the one who answered was not passed over; of a refused job everybody was', async () => {
    await two.patch({ paused: true });
    assert.deepEqual((await job_of(await call(at.chat, ask.chat('shared')))).passed_over, []);
    await one.patch({ paused: true });
    const answer = await call(at.chat, ask.chat('shared'));
    assert.deepEqual([answer.status, answer.headers['x-auxot-reason']], [503, 'no_candidate']);
    const job = await job_of(answer);
    assert.deepEqual([job.status, codes(job)], ['refused', ['one:paused', 'two:paused']]);
    assert.equal(line(job), 'Refused — nobody can be asked: one paused; two paused · _ s');
    assert.deepEqual([job.answer.provider, job.answer.choice, job.answer.ended_because.code], [null, null, 'no_candidate']);
    for (const provider of [one, two]) await provider.patch({ paused: false });
});

test('all slots taken: the next answers, and the full one is told with its slots; a wait is told too', async () => {
    await fresh();
    await one.patch({ max_concurrent: 1 });
    await one.sim.plays([{ when: { stream: true }, then: { delay_ms: 2000 } }]);
    const slow = server.begin(at.chat, ask.chat('shared', { stream: true }));
    await until(async () => (await one.look()).busy === 1, 'the slot is taken');
    const over = await job_of(await call(at.chat, ask.chat('shared')));
    assert.deepEqual(codes(over), ['one:at_capacity']);
    assert.deepEqual([over.passed_over[0].evidence.busy, over.passed_over[0].evidence.slots], [1, 1]);
    assert.equal(line(over), 'two · shared — 2nd choice: one no free slot (1 of 1 busy) · _ s · _ tok · no price');
    const none = await call(at.chat, ask.chat('only-one'), { headers: { 'x-auxot-wait': '0' } });
    assert.deepEqual([none.status, none.headers['x-auxot-reason'], codes(await job_of(none))], [503, 'no_slot', ['one:at_capacity']]);
    const waited = await call(at.chat, ask.chat('only-one'));
    assert.equal(line(await job_of(waited)), 'one · only-one — serves the model; after _ s in the queue · _ s · _ tok · no price');
    await slow.done;
    assert.equal(slow.status, 200);
    await one.patch({ max_concurrent: null });
    await fresh();
});

test('policies: the rule is the reason; what belongs to other teams is told to admins alone', async () => {
    const mine = await team(server, { allowed_providers: [two.slug] }, 'Mine'), other = await team(server, {}, 'Other');
    const denied = await job_of(await call(at.chat, ask.chat('shared'), { key: mine.key }));
    assert.deepEqual(codes(denied), ['one:team_providers']);
    await mine.set({ allowed_providers: null });
    await one.patch({ teams: [other.id] });
    const answer = await call(at.chat, ask.chat('shared'), { key: mine.key });
    const as_admin = await job_of(answer);
    assert.deepEqual([codes(as_admin), line(as_admin)], [['one:provider_teams'], 'two · shared — 2nd choice: one belongs to other teams · _ s · _ tok · no price']);
    const as_member = await server.api('GET', `/api/jobs/${answer.job_id}`, undefined, { key: mine.key });
    assert.deepEqual([as_member.passed_over, as_member.answer.choice, line(as_member)], [[], 1, 'two · shared — serves the model · _ s · _ tok · no price']);
    const listed = await server.call('/api/jobs?limit=5', undefined, { key: mine.key, method: 'GET' });
    assert.ok(!listed.text.includes(one.id) && !listed.text.includes('"one"'), 'nor in the list');
    const file = await server.call('/api/jobs?format=csv', undefined, { key: mine.key, method: 'GET' });
    assert.ok(file.text.includes('two · shared') && !file.text.includes('other teams'), 'nor in a file');
    assert.ok(!JSON.stringify(answer.headers).includes('provider_teams'), 'nor in a header');
    await one.patch({ teams: null });
});

test('how a job ended without an answer is told: a limit, exhausted attempts, the provider\'s own refusal, an alias', async () => {
    const tight = await team(server, { requests_per_minute: 1 });
    assert.equal((await call(at.chat, ask.chat('shared'), { key: tight.key })).status, 200);
    const limited = await call(at.chat, ask.chat('shared'), { key: tight.key });
    assert.deepEqual([limited.status, limited.headers['x-auxot-reason']], [429, 'rate_limited_requests']);
    assert.equal(line(await job_of(limited)), 'Refused — the limit of requests a minute is reached · _ s');
    for (const provider of [one, two]) await provider.plays([{ then: { status: 503 } }]);
    const spent = await call(at.chat, ask.chat('shared'));
    assert.match(spent.headers['x-auxot-reason'], /^serves_model; failed_over=\w+; ended=attempts_exhausted$/);
    assert.match(line(await job_of(spent)), /^Nobody answered — whoever was asked failed: one failed: .*; two failed: /);
    await fresh();
    await one.sim.plays([{ then: { status: 400 } }]);
    const own = await call(at.chat, ask.chat('shared'));
    assert.deepEqual([own.status, own.headers['x-auxot-reason']], [400, 'serves_model; ended=bad_request']);
    assert.match(line(await job_of(own)), /^one · shared — serves the model; failed: /);
    await fresh();
    await server.api('POST', '/api/routes', { name: 'house', steps: [{ model: 'opus' }] });
    const alias = await call(at.messages, ask.messages('house'));
    assert.equal(alias.headers['x-auxot-reason'], 'route_step');
    const job = await job_of(alias);
    assert.deepEqual([job.answer.provider.id, job.answer.other_than_asked, job.answer.failed_over], [claude.id, true, false]);
    const estimated = await call(at.count_tokens, ask.count_tokens('only-one'));
    if (estimated.headers['x-auxot-estimated']) assert.equal(estimated.headers['x-auxot-reason'], 'estimated');
});

test('the log line of a failed job ends with the same sentence', async () => {
    await one.sim.plays([{ then: { status: 400 } }]);
    const job = await job_of(await call(at.chat, ask.chat('only-one')));
    await until(() => server.all_logs.includes(`id=${job.id} `) && server.all_logs.includes(`answer="${job.answer_line}"`), 'it is in the log');
    await fresh();
});

closing(here);
