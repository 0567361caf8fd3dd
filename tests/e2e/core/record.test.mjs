// Nothing lost: after kill -9 under load and a restart the ledgers of upstreams, clients and record
// agree (F60, I1, I4); SIGTERM lets streams finish (F66).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, ledgers, scene } from '../lib/scene.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';
import { call } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim', 'gpt-other'] }, spare: { models: ['gpt-sim'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } });
const { server, gpt, spare, claude } = here;

// Slow streams, quick plain requests, and some that fail over: all at once, again and again, until told.
function load() {
    const clients = [];
    let is_over = false;
    const worker = async (where, body) => {
        while (!is_over) {
            const one = server.begin(where, body);
            clients.push(one);
            await one.done.catch(() => {});
        }
    };
    for (let i = 0; i < 30; i++)
        worker(i % 3 ? at.chat : at.messages, i % 3 ? ask.chat('gpt-sim', { stream: true, user: `s${i}` }) : ask.messages('claude-sim', { stream: true }));
    for (let i = 0; i < 10; i++) worker(at.chat, ask.chat('gpt-other', { user: `p${i}` }));
    return { clients, stop: () => { is_over = true; } };
}

for (const after of [40, 150, 400])
    test(`F60: kill -9 under load once ${after} requests were seen: every request that an upstream saw is an attempt on record, and the reverse`, async () => {
        await gpt.plays([{ when: { model: 'gpt-other' }, then: {} }, { when: { chance: 0.2 }, then: { status: 500 } }, { then: { events: 60, gap_ms: 4 } }]);
        await spare.plays([{ then: { events: 60, gap_ms: 4 } }]);
        await claude.plays([{ then: { events: 60, gap_ms: 4 } }]);
        const sims = [gpt.sim, spare.sim, claude.sim];
        const seen = async () => (await Promise.all(sims.map(sim => call(`${sim.url}/_sim/stats`)))).reduce((sum, answer) => sum + answer.json.requests, 0);
        const before = await seen();
        const { clients, stop } = load();
        await until(async () => await seen() >= before + after, 'the load is on', 30_000);
        server.child.kill('SIGKILL');
        stop();
        await server.child.exit;
        await Promise.all(clients.map(one => one.done.catch(() => {})));
        await server.restart();

        for (const sim of sims) await until(async () => (await sim.log()).every(entry => entry.ended), 'the upstreams have seen the end');
        await until(async () => (await server.jobs('&status=open').catch(() => [])).length === 0, 'no job is open 5 s after the start', 5_000);
        const { seen: u, recorded: d } = await ledgers(here);
        assert.deepEqual([...u].filter(id => !d.has(id)), [], 'upstreams saw them, the record does not have them');
        // The intent is durable before the first byte goes out, so a kill between the two leaves an attempt that no
        // upstream saw. It must not claim more than that: interrupted, without an answer, one for each client at most.
        const unseen = [...d].filter(([id]) => !u.has(id));
        assert.deepEqual(unseen.filter(([, attempt]) => attempt.outcome !== 'interrupted' || attempt.first_byte_ms !== null), [], 'the record claims what no upstream saw');
        assert.ok(unseen.length <= 40, `killed between record and socket: ${unseen.length}`);

        const jobs = new Map((await server.jobs()).map(job => [job.id, job]));
        const interrupted = [...jobs.values()].filter(job => job.status === 'interrupted');
        assert.ok(interrupted.length >= 1, 'some were interrupted');
        for (const one of clients.filter(one => one.complete)) {
            const job = jobs.get(one.job_id);
            assert.ok(job, `the client had a whole answer of ${one.job_id}, the record does not know it`);
            if (one.events.at(-1)?.data === '[DONE]' || one.events.at(-1)?.name === 'message_stop' || (one.status === 200 && !one.events.length))
                assert.equal(job.status, 'done', `${one.job_id}: the client had it whole`);
        }
        for (const { id } of interrupted) {
            const job = await server.job(id);
            assert.ok(['interrupted', 'failed'].includes(job.attempts.at(-1).outcome), job.attempts.at(-1).outcome);
        }
        assert.equal((await server.call(at.chat, ask.chat('gpt-other'))).status, 200, 'and it serves again (I12)');
    });

test('a second kill -9 at once after the restart changes nothing that was on record', async () => {
    const strip = jobs => jobs.map(job => JSON.stringify(job)).sort();
    const before = strip(await server.jobs());
    server.child.kill('SIGKILL');
    await server.child.exit;
    await server.restart();
    const after = strip(await server.jobs());
    assert.deepEqual(after.filter(row => !before.includes(row)), []);
    assert.equal(after.length, before.length);
});

test('I5: the tokens on record are those that the upstreams reported, plain and streamed', async () => {
    await gpt.plays([{ then: { text: 'a b c', usage: { input_tokens: 101, output_tokens: 13, cached_tokens: 50 } } }]);
    await claude.plays([{ then: { text: 'a b c', usage: { input_tokens: 101, output_tokens: 13, cached_tokens: 50 } } }]);
    for (const [where, body] of [[at.chat, ask.chat('gpt-sim')], [at.responses, ask.responses('gpt-sim')], [at.completions, ask.completions('gpt-sim')], [at.messages, ask.messages('claude-sim')]])
        for (const stream of [false, true]) {
            const { job_id } = await server.call(where, { ...body, stream });
            const job = await server.job(job_id);
            assert.equal(job.output_tokens, 13, `${where} ${stream}`);
            assert.equal(job.cached_tokens, 50, `${where} ${stream}`);
            // Anthropic counts cached tokens beside the others, OpenAI among them.
            assert.ok([101, 151].includes(job.input_tokens), `${where} ${stream}: ${job.input_tokens}`);
        }
});

test('F25: usage that is missing, negative, absurd or late breaks nothing', async () => {
    for (const usage of [null, 'after_done', { input_tokens: -5, output_tokens: -1 }, { input_tokens: 9e15, output_tokens: 9e15 }]) {
        await gpt.plays([{ then: { text: 'a b c', usage } }]);
        for (const stream of [false, true]) {
            const { job_id, status } = await server.call(at.chat, ask.chat('gpt-sim', { stream }));
            assert.equal(status, 200);
            const job = await server.job(job_id);
            assert.equal(job.status, 'done');
            for (const tokens of [job.input_tokens, job.output_tokens]) assert.ok(tokens === null || (tokens >= 0 && tokens < 1e13), `${JSON.stringify(usage)}: ${tokens}`);
        }
    }
});

test('F49, F53: a hundred changes of configuration and keys under load cost no request', async () => {
    for (const one of [gpt, spare, claude]) await one.plays([{ then: { events: 10, gap_ms: 1 } }]);
    let is_over = false, served = 0;
    const bad = [];
    const workers = Array.from({ length: 12 }, async (_, i) => {
        while (!is_over) {
            const [where, body] = i % 3 ? [at.chat, ask.chat('gpt-sim', { stream: i % 2 === 0 })] : [at.messages, ask.messages('claude-sim', { stream: i % 2 === 0 })];
            const answer = await server.call(where, body);
            if (answer.status !== 200 || answer.events.some(event => event.json?.error)) bad.push(`${answer.status} ${answer.text.slice(-200)}`);
            served++;
        }
    });
    for (let i = 0; i < 50; i++) {
        await gpt.patch(i % 2 ? { api_key: `k-${i}` } : { timeouts: { connect_ms: 4000 + i } });
        await server.api('PATCH', '/api/routing', { auto: i % 2 ? { provider: gpt.id } : null });
    }
    is_over = true;
    await Promise.all(workers);
    assert.deepEqual(bad, []);
    assert.ok(served > 50, `${served}`);
});

test('F66: SIGTERM: streams finish, new requests are told to go elsewhere, exit 0, all on record', async () => {
    await gpt.plays([{ then: { events: 80, gap_ms: 10 } }]);
    await claude.plays([{ then: { events: 80, gap_ms: 10 } }]);
    const streams = Array.from({ length: 20 }, (_, i) => i % 2 ? server.begin(at.chat, ask.chat('gpt-sim', { stream: true })) : server.begin(at.messages, ask.messages('claude-sim', { stream: true })));
    const plain = server.begin(at.chat, ask.chat('gpt-other'));
    await Promise.all(streams.map(one => one.when(() => text_of(one.events).length > 0)));
    server.child.kill('SIGTERM');
    await server.child.line(/drain/i, { stream: 'stderr' });
    const late = await server.call(at.chat, ask.chat('gpt-sim')).catch(error => ({ status: 0, error }));
    assert.ok(late.status === 0 || late.status === 503, `a new request while draining: ${late.status}`);
    if (late.status === 503) assert.ok(late.headers['retry-after']);
    await Promise.all([...streams.map(one => one.done), plain.done]);
    for (const one of streams) {
        const stamps = stamps_of(text_of(one.events));
        assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [80, 1, true]);
        assert.ok(one.events.at(-1).data === '[DONE]' || one.events.at(-1).name === 'message_stop');
    }
    assert.deepEqual(await server.child.exit, { code: 0, signal: null });
    await server.restart();
    for (const one of [...streams, plain]) assert.equal((await server.job(one.job_id)).status, 'done');
});

test('F66: what has not finished within the grace time is cut with the error event, and on record', async () => {
    assert.equal((await server.stop()).code, 0);
    server.env = { ...server.env, AUXOT_GRACE: '500ms' };
    await server.restart();
    await gpt.plays([{ then: { events: 100_000, gap_ms: 10 } }]);
    const stream = server.begin(at.chat, ask.chat('gpt-sim', { stream: true }));
    await stream.when(one => text_of(one.events).length > 0);
    const { code } = await server.stop();
    assert.equal(code, 0);
    await stream.done;
    assert.ok(stream.events.at(-1).json?.error, stream.events.at(-1).raw);
    await server.restart();
    assert.ok(['failed', 'interrupted', 'cancelled'].includes((await server.job(stream.job_id)).status));
});

closing(here, { ledger: true });
