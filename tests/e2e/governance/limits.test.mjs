// Requests and tokens a minute, requests at a time: exact, named, obeyed by the official SDKs, told in each dialect's headers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { until } from '../lib/process.mjs';
import { is_long } from '../lib/ledgers.mjs';
import { in_parallel, team } from '../lib/teams.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } }, { env: { AUXOT_THREADS: '2' } });
const { server, gpt } = here;
const chat = (who, more) => server.call(at.chat, ask.chat('gpt-sim', more), { key: who.key });
const events = async (action, subject) => (await server.api('GET', '/api/events?limit=100')).items.filter(event => event.action === action && event.subject === subject);

test('I7: 200 callers at once, on two loops: exactly the limit is admitted, all of it at once, and counted at the provider', async () => {
    const before = (await gpt.sim.log()).length;
    const one = await team(server, { requests_per_minute: 120 });
    const answers = await in_parallel(400, 200, () => chat(one));
    const admitted = answers.filter(answer => answer.status === 200).length;
    assert.equal(admitted, 120, 'all of the limit, and no more');
    assert.equal(answers.filter(answer => answer.status === 429).length, 280);
    assert.equal((await gpt.sim.log()).length - before, 120, 'at the provider');
    const { requests } = await one.now();
    assert.deepEqual([requests.limit, requests.used], [120, 120]);
});

test('I7: for two minutes more callers than may: in no minute more than the limit at the provider, and all of it is used', { skip: !is_long && 'long: 125 s' }, async () => {
    const one = await team(server, { requests_per_minute: 600 });
    const before = (await gpt.sim.log()).length, until_ms = Date.now() + 125_000;
    await Promise.all(Array.from({ length: 40 }, async () => {
        while (Date.now() < until_ms)
            if ((await chat(one)).status === 429) await new Promise(resolve => setTimeout(resolve, 50 + Math.random() * 100));
    }));
    const arrivals = (await gpt.sim.log()).slice(before).map(entry => entry.at_ms).sort((a, b) => a - b);
    const way_ms = 500; // from admission to arrival, at most, on a machine that others use too
    for (let from = 0, to = 0; to < arrivals.length; to++) {
        while (arrivals[to] - arrivals[from] >= 60_000 - way_ms) from++;
        assert.ok(to - from + 1 <= 600, `${to - from + 1} within a minute`);
    }
    assert.ok(arrivals.length >= 3 * 600 * 0.99, `${arrivals.length} of 1,800: at 0, 60.25 and 120.5 s`);
});

test('a refusal names limit, value and who changes it; retry-after is when it works again; the job says why', async () => {
    const one = await team(server, { requests_per_minute: 1 }, 'Narrow');
    const first = await chat(one);
    assert.deepEqual(['limit', 'remaining'].map(what => first.headers[`x-ratelimit-${what}-requests`]), ['1', '0']);
    assert.match(first.headers['x-ratelimit-reset-requests'], /^(\d+m)?(\d+\.\d{3}s|\d+ms)$/);
    const answer = await chat(one);
    assert.equal(answer.status, 429);
    assert.match(answer.json.error.message, /^Team Narrow may make 1 requests a minute, and has made them\. Try again in \d+ s, or ask an admin to raise requests_per_minute\.$/);
    assert.equal(answer.json.error.type, 'rate_limit_error');
    const wait = Number(answer.headers['retry-after']);
    assert.ok(wait >= 50 && wait <= 61, `${wait}`);
    assert.equal(answer.headers['x-should-retry'], undefined);
    const job = await server.job(answer.job_id);
    assert.deepEqual([job.status, job.reason, job.attempts.length], ['refused', 'rate_limited_requests', 0]);
    for (let i = 0; i < 5; i++) await chat(one);
    await until(async () => (await events('limit.refused', one.id)).length === 1, 'an event');
    await one.set({ requests_per_minute: 2 });
    assert.equal((await chat(one)).status, 200, 'a raised limit is in force when the write has answered');
    assert.equal((await events('limit.refused', one.id)).length, 1, 'one event a minute, however many refusals');
});

test("in Anthropic's dialect, with its headers", async () => {
    const one = await team(server, { requests_per_minute: 1, tokens_per_minute: 100_000 });
    const ok = await server.call(at.messages, ask.messages('claude-sim'), { key: one.key });
    assert.equal(ok.status, 200, ok.text);
    assert.deepEqual(['requests-limit', 'requests-remaining', 'tokens-limit'].map(what => ok.headers[`anthropic-ratelimit-${what}`]), ['1', '0', '100000']);
    const reset = Date.parse(ok.headers['anthropic-ratelimit-requests-reset']) - Date.now();
    assert.ok(reset > 50_000 && reset < 63_000, `${reset}`);
    const no = await server.call(at.messages, ask.messages('claude-sim'), { key: one.key });
    assert.deepEqual([no.status, no.json.error.type], [429, 'rate_limit_error']);
});

test('the official SDKs read it: the error, its status, and retry-after before they ask again', async () => {
    const one = await team(server, { requests_per_minute: 1 });
    await chat(one);
    const openai = new OpenAI({ apiKey: one.key, baseURL: server.openai, maxRetries: 0 });
    await assert.rejects(openai.chat.completions.create(ask.chat('gpt-sim')), error => error instanceof OpenAI.RateLimitError && error.status === 429 && Number(error.headers.get('retry-after')) > 50);
    const anthropic = new Anthropic({ apiKey: one.key, baseURL: server.anthropic, maxRetries: 0 });
    await assert.rejects(anthropic.messages.create(ask.messages('claude-sim')), error => error instanceof Anthropic.RateLimitError && error.error.error.type === 'rate_limit_error');

    // One place, taken for 1.2 s: who is told to wait a second and asks again comes in.
    const narrow = await team(server, { max_concurrent: 1 });
    await gpt.sim.plays([{ when: { stream: true }, then: { events: 12, gap_ms: 100 } }]);
    const stream = server.begin(at.chat, ask.chat('gpt-sim', { stream: true }), { key: narrow.key });
    await stream.when(call => call.events.length > 1);
    const began = Date.now();
    const patient = new OpenAI({ apiKey: narrow.key, baseURL: server.openai, maxRetries: 4 });
    assert.ok((await patient.chat.completions.create(ask.chat('gpt-sim'))).choices.length);
    assert.ok(Date.now() - began >= 900, 'it has waited');
    await stream.end;
    await gpt.sim.plays();
});

test('max_concurrent: so many at a time; a place is free as soon as the caller has seen the end, or has left', async () => {
    const one = await team(server, { max_concurrent: 3 });
    await gpt.sim.plays([{ when: { stream: true }, then: { events: 100_000, gap_ms: 20 } }]);
    const streams = Array.from({ length: 3 }, () => server.begin(at.chat, ask.chat('gpt-sim', { stream: true }), { key: one.key }));
    await Promise.all(streams.map(stream => stream.when(call => call.events.length > 1)));
    assert.equal((await one.now()).concurrent.running, 3);
    const no = await chat(one);
    assert.deepEqual([no.status, no.headers['retry-after']], [429, '1']);
    assert.equal((await server.job(no.job_id)).reason, 'concurrency');
    streams[0].leave();
    await until(async () => (await one.now()).concurrent.running === 2, 'the place of who has left');
    for (let i = 0; i < 20; i++) assert.equal((await chat(one)).status, 200, 'one after the other');
    for (const stream of streams.slice(1)) stream.leave();
    await until(async () => (await one.now()).concurrent.running === 0, 'all places are free');
    await gpt.sim.plays();
});

test('tokens a minute: reserved by the ceiling, settled by what the provider tells', async () => {
    const one = await team(server, { tokens_per_minute: 10_000 });
    await gpt.sim.plays([{ when: { stream: true }, then: { events: 100_000, gap_ms: 20 } }]);
    const stream = server.begin(at.chat, ask.chat('gpt-sim', { stream: true, max_tokens: 9000 }), { key: one.key });
    await stream.when(call => call.events.length > 1);
    assert.ok((await one.now()).tokens.used >= 9000, 'while it runs, all that may come');
    const no = await chat(one, { max_tokens: 2000 });
    assert.equal(no.status, 429);
    assert.match(no.json.error.message, /may use 10000 tokens a minute; \d+ are left, and this request may take 20\d\d\. Try again in \d+ s, send a smaller max_tokens/);
    assert.equal((await server.job(no.job_id)).reason, 'rate_limited_tokens');
    assert.equal((await chat(one, { max_tokens: 100 })).status, 200, 'a small one fits');
    stream.leave();
    await until(async () => (await one.now()).tokens.used < 1000, 'what did not come is given back');
    assert.equal((await chat(one, { max_tokens: 2000 })).status, 200);
    await gpt.sim.plays();
});

test("a key's own limits hold beside its team's", async () => {
    const { id, key: wide } = await team(server, { requests_per_minute: 5 });
    const { key } = await server.api('POST', '/api/keys', { name: 'narrow', team: id, policy: { requests_per_minute: 2 } });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await chat({ key })).status);
    assert.deepEqual(statuses, [200, 200, 429]);
    const rest = [];
    for (let i = 0; i < 4; i++) rest.push((await chat({ key: wide })).status);
    assert.deepEqual(rest, [200, 200, 200, 429], 'two of the five were the other key\'s, its refusal was nobody\'s');
});

test("service_class: a team's batch work waits behind everybody else's", async () => {
    const slow = await team(server, { service_class: 'batch' }), quick = await team(server);
    await gpt.patch({ max_concurrent: 1, wait_ms: 20_000 });
    await gpt.sim.plays([{ then: { first_event_delay_ms: 150 } }]);
    const order = [];
    const ask_as = (who, name) => chat(who).then(answer => { assert.equal(answer.status, 200, answer.text); order.push(name); });
    const first = ask_as(quick, 'first');
    await until(async () => (await server.metric('auxot_requests_running')) >= 1, 'the slot is taken');
    const batch = [ask_as(slow, 'batch'), ask_as(slow, 'batch')];
    await until(async () => (await server.metric('auxot_requests_running')) >= 3, 'batch waits');
    const others = [ask_as(quick, 'quick'), ask_as(quick, 'quick')];
    await Promise.all([first, ...batch, ...others]);
    assert.deepEqual(order, ['first', 'quick', 'quick', 'batch', 'batch']);
    await gpt.patch({ max_concurrent: 0, wait_ms: 0 });
    await gpt.sim.plays();
});

closing(here);
