// F30: the same Idempotency-Key twice, one after the other, at once and after a crash: one job, and the provider sees one request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } }, { env: { AUXOT_THREADS: '2', AUXOT_LOG_LEVEL: 'info' } });
const { server, gpt, claude } = here;
let number = 0;
const name = what => `${what}-${++number}-${process.pid}`;
const under = (key, more = {}) => ({ headers: { 'idempotency-key': key, ...more } });
const chat = (key, more, options) => server.call(at.chat, ask.chat('gpt-sim', more), { key: server.member, ...under(key), ...options });
const seen = async sim => (await sim.log()).length;
const slow = [{ then: { first_event_delay_ms: 1500 } }];

// A server that has just started reads first what the last one left.
const settled = () => until(async () => (await chat(name('ready'))).status === 200, 'keys are taken again');

test('F30 one after the other: the second gets the answer of the first to the byte, and the provider sees one request', async () => {
    await settled();
    const before = await seen(gpt.sim), key = name('twice');
    const first = await chat(key), second = await chat(key);
    assert.deepEqual([first.status, second.status], [200, 200], second.text);
    assert.equal(second.text, first.text);
    assert.equal(first.headers['x-auxot-replayed'], undefined);
    assert.equal(second.headers['x-auxot-replayed'], '1');
    for (const header of ['x-auxot-job', 'request-id', 'x-auxot-provider', 'x-auxot-model', 'x-auxot-attempts', 'content-type'])
        assert.equal(second.headers[header], first.headers[header], header);
    assert.equal(await seen(gpt.sim) - before, 1, 'U');
    const job = await server.job(first.job_id);
    assert.deepEqual([job.status, job.attempts.length], ['done', 1]);
    assert.equal(await server.metric('auxot_answers_replayed_total'), 1);
});

test('F30 twenty at once, on two loops: one job; the others get 409 naming it, or its answer', async () => {
    await gpt.plays(slow);
    const before = await seen(gpt.sim), key = name('at-once');
    const answers = await Promise.all(Array.from({ length: 20 }, () => chat(key)));
    const good = answers.filter(answer => answer.status === 200), waiting = answers.filter(answer => answer.status === 409);
    assert.equal(good.length + waiting.length, 20);
    assert.ok(good.length >= 1 && waiting.length >= 1, `${good.length} answered, ${waiting.length} sent back`);
    assert.equal(new Set(good.map(answer => answer.job_id)).size, 1, 'one job');
    for (const answer of waiting) {
        assert.ok(answer.json.error.message.startsWith(`Job ${good[0].job_id} with this Idempotency-Key still runs.`), answer.text);
        assert.equal(answer.json.error.code, 'idempotency_key_in_use');
        assert.equal(answer.headers['retry-after'], '1');
    }
    assert.equal(await seen(gpt.sim) - before, 1, 'U');
    const job = await server.job(waiting[0].headers['x-auxot-job']);
    assert.deepEqual([job.status, job.reason, job.attempts.length], ['refused', 'repeat_running', 0]);
    await gpt.plays();
});

test("F30 the official SDKs ask again after the 409, and get the first one's answer", async () => {
    await gpt.plays(slow);
    const before = await seen(gpt.sim), headers = { 'Idempotency-Key': name('sdk') };
    const openai = new OpenAI({ apiKey: server.member, baseURL: server.openai, maxRetries: 5 });
    const both = await Promise.all([1, 2].map(() => openai.chat.completions.create(ask.chat('gpt-sim'), { headers })));
    assert.equal(both[0].id, both[1].id);
    assert.equal(await seen(gpt.sim) - before, 1, 'U');
    await gpt.plays();
    await claude.plays(slow);
    const before_claude = await seen(claude.sim);
    headers['Idempotency-Key'] = name('claude');
    const anthropic = new Anthropic({ apiKey: server.member, baseURL: server.url + '/api/anthropic', maxRetries: 5 });
    const messages = await Promise.all([1, 2].map(() => anthropic.messages.create(ask.messages('claude-sim'), { headers })));
    assert.equal(messages[0].id, messages[1].id);
    assert.equal(await seen(claude.sim) - before_claude, 1, 'U');
    await claude.plays();
});

test('F30 a stream is not kept: 409 while it runs, 409 with the job afterwards, and clients are told not to ask again', async () => {
    const before = await seen(gpt.sim), key = name('stream');
    await gpt.sim.plays([{ then: { gap_ms: 50, events: 30 } }]);
    const first = server.begin(at.chat, ask.chat('gpt-sim', { stream: true }), { key: server.member, ...under(key) });
    await until(async () => await seen(gpt.sim) > before, 'the provider has it');
    const during = await chat(key, { stream: true });
    assert.deepEqual([during.status, during.json.error.code], [409, 'idempotency_key_in_use'], during.text);
    const whole = await first.done;
    assert.equal(whole.status, 200);
    const after = await until(async () => { const it = await chat(key, { stream: true }); return it.json.error.code === 'idempotency_key_used' && it; }, 'the stream is over');
    assert.deepEqual([after.status, after.headers['x-should-retry']], [409, 'false']);
    assert.ok(after.json.error.message.includes(whole.headers['x-auxot-job']), after.text);
    assert.equal(await seen(gpt.sim) - before, 1, 'U');
    await gpt.plays();
});

test('F30 another body, endpoint or pin under the same key is 422; another API key has names of its own', async () => {
    const key = name('other');
    const first = await chat(key);
    assert.equal(first.status, 200);
    for (const [what, answer] of [
        ['body', await chat(key, { temperature: 0.5 })],
        ['pin', await server.call(at.chat, ask.chat('gpt-sim'), { key: server.member, ...under(key, { 'x-auxot-provider': 'gpt' }) })],
        ['endpoint', await server.call(at.messages, ask.messages('claude-sim'), { key: server.member, ...under(key) })],
    ]) {
        assert.equal(answer.status, 422, `${what}: ${answer.text}`);
        assert.ok(answer.text.includes(`Job ${first.job_id} had this Idempotency-Key for another request`), answer.text);
        assert.equal(answer.headers['x-should-retry'], 'false');
    }
    const other = await server.call(at.chat, ask.chat('gpt-sim'), { key: server.admin, ...under(key) });
    assert.equal(other.status, 200);
    assert.notEqual(other.job_id, first.job_id);
});

test('F30 who was not answered may come again under the same key: refused, failed, and cut off by the caller', async () => {
    const key = name('again'), before = await seen(gpt.sim);
    await gpt.sim.plays([{ then: { status: 503 } }]);
    const failed = await chat(key);
    assert.ok(failed.status >= 500, failed.text);
    await gpt.plays();
    const now = await seen(gpt.sim);
    const good = await chat(key);
    assert.deepEqual([good.status, await seen(gpt.sim) - now], [200, 1], good.text);
    const gone = name('gone');
    await gpt.plays([{ then: { first_event_delay_ms: 60_000 } }]);
    const mark = await seen(gpt.sim);
    const call = server.begin(at.chat, ask.chat('gpt-sim'), { key: server.member, ...under(gone) });
    await until(async () => await seen(gpt.sim) > mark, 'the provider has it');
    call.leave();
    await gpt.sim.plays();
    const again = await until(async () => { const it = await chat(gone); return it.status === 200 && it; }, 'the name is free again');
    assert.equal(again.headers['x-auxot-replayed'], undefined);
    assert.ok(before < mark);
    await gpt.plays();
});

test('F30 bad keys are 400 with a sentence', async () => {
    for (const bad of ['', 'x'.repeat(256), 'two words']) {
        const answer = await chat(bad);
        assert.equal(answer.status, 400, JSON.stringify(bad));
        assert.match(answer.json.error.message, /1 to 255 visible ASCII characters/);
    }
    assert.equal((await chat('x'.repeat(255))).status, 200);
});

test('F30 a large body is known again too', async () => {
    const key = name('large'), before = await seen(gpt.sim);
    const messages = [{ role: 'user', content: 'y'.repeat(1_500_000) }];
    const first = await chat(key, { messages }), second = await chat(key, { messages });
    assert.deepEqual([first.status, second.status, second.text], [200, 200, first.text]);
    assert.equal((await chat(key, { messages: [{ role: 'user', content: 'y'.repeat(1_500_001) }] })).status, 422);
    assert.equal(await seen(gpt.sim) - before, 1, 'U');
});

test('F30 after a crash: what was answered is 409 with its job, what the crash cut is 409 and said to be unknown, at the provider once each', async () => {
    const done = name('done'), cut = name('cut'), streamed = name('streamed'), failed = name('failed');
    const answered = await chat(done);
    assert.equal((await chat(streamed, { stream: true })).status, 200);
    await gpt.sim.plays([{ then: { status: 503 } }]);
    assert.ok((await chat(failed)).status >= 500);
    await gpt.plays([{ then: { first_event_delay_ms: 60_000 } }]);
    const before = await seen(gpt.sim);
    const dying = server.begin(at.chat, ask.chat('gpt-sim'), { key: server.member, ...under(cut) });
    dying.done.catch(() => {});
    const entry = await until(async () => (await gpt.sim.log())[before], 'the provider has it');
    const job = entry.x_client_request_id.split('-')[0];
    await server.stop('SIGKILL');
    await server.restart();
    const start = await chat(cut);
    assert.ok([409, 503].includes(start.status), `not asked again while the journal is read: ${start.status} ${start.text}`);
    const unknown = await until(async () => { const it = await chat(cut); return it.status === 409 && it; }, 'keys are known again');
    assert.equal(unknown.json.error.code, 'idempotency_key_used');
    assert.match(unknown.json.error.message, /was at a provider when the server stopped: whether it was answered there is not known/);
    assert.ok(unknown.json.error.message.includes(job), unknown.text);
    assert.equal(unknown.headers['x-should-retry'], 'false');
    assert.equal((await server.job(job)).status, 'interrupted');
    const gone = await chat(done);
    assert.deepEqual([gone.status, gone.json.error.code], [409, 'idempotency_key_used']);
    assert.ok(gone.json.error.message.startsWith(`Job ${answered.job_id} with this Idempotency-Key was answered`), gone.text);
    assert.equal((await chat(streamed, { stream: true })).status, 409);
    assert.equal((await chat(done, { temperature: 1 })).status, 422, 'another body is known to be another after a crash too');
    assert.equal(await seen(gpt.sim) - before, 1, 'U saw the one that the crash cut, and nothing again');
    await gpt.plays();
    assert.equal((await chat(failed)).status, 200, 'who was not answered comes again');
});

test('F30 ten rounds of kill -9 amid eight callers who repeat: no key reaches the provider twice', async () => {
    for (let round = 0; round < 10; round++) {
        const keys = Array.from({ length: 8 }, () => name('storm'));
        await gpt.sim.plays([{ then: { first_event_delay_ms: 40 } }]);
        const calls = keys.flatMap(key => [0, 1].map(() => chat(key, { user: key }).catch(() => null)));
        await new Promise(resolve => setTimeout(resolve, 10 + Math.random() * 80));
        await server.stop('SIGKILL');
        await Promise.all(calls);
        await server.restart();
        await settled();
        await Promise.all(keys.flatMap(key => [0, 1].map(() => chat(key, { user: key }))));
        const counts = new Map();
        for (const entry of await gpt.sim.log())
            for (const key of keys)
                if (entry.body?.includes(`"${key}"`)) counts.set(key, (counts.get(key) ?? 0) + 1);
        assert.ok(counts.size > 0, 'the log tells who asked');
        for (const [key, count] of counts) assert.equal(count, 1, `${key} in round ${round}`);
    }
    await gpt.plays();
});

test('F30 a request that ran for longer than the window when the server was killed is remembered all the same', async () => {
    await server.stop();
    const { AUXOT_IDEMPOTENCY_WINDOW: before_it, ...env } = server.env;
    server.env = { ...env, AUXOT_IDEMPOTENCY_WINDOW: '2s' };
    await server.restart();
    const long = name('long');
    await gpt.plays([{ then: { first_event_delay_ms: 60_000 } }]);
    const before = await seen(gpt.sim);
    const dying = server.begin(at.chat, ask.chat('gpt-sim'), { key: server.member, ...under(long) });
    dying.done.catch(() => {});
    await until(async () => (await gpt.sim.log())[before], 'the provider has it');
    await new Promise(resolve => setTimeout(resolve, 2500)); // longer than the window
    await server.stop('SIGKILL');
    await server.restart();
    const again = await until(async () => { const it = await chat(long); return it.status !== 503 && it; }, 'keys are known again');
    assert.deepEqual([again.status, again.json.error.code], [409, 'idempotency_key_used']);
    assert.equal(await seen(gpt.sim) - before, 1);
    await server.stop();
    server.env = before_it === undefined ? env : { ...env, AUXOT_IDEMPOTENCY_WINDOW: before_it };
    await server.restart();
    await gpt.plays();
});

test('an answer is kept for as long as the window says, at most; then the job names itself, then the name is free', async () => {
    await server.stop();
    server.env = { ...server.env, AUXOT_IDEMPOTENCY_WINDOW: '2s' };
    await server.restart();
    await settled();
    const key = name('short'), first = await chat(key);
    assert.equal((await chat(key)).headers['x-auxot-replayed'], '1');
    const later = await until(async () => { const it = await chat(key); return it.job_id !== first.job_id && it; }, 'the name is free');
    assert.deepEqual([later.status, later.headers['x-auxot-replayed']], [200, undefined]);
});

closing(here);
