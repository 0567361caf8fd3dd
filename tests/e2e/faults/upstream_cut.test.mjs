// What stands between us and a provider breaks, at any byte, while others are served: F02, F05 to F07, F10,
// F23. The four ledgers agree afterwards. (F03, the name server, is in names.test.mjs.)
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { Chaos } from '../lib/chaos.mjs';
import { Load, assert_recovers, baseline, check, is_long, plays_held, random_from, seed } from '../lib/ledgers.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const random = random_from(seed + 1);

// a and c are behind the chaos proxy and come first; b and d are well. Models named calm are only at these.
const here = await scene({
    a: { models: ['shared', 'only-a'] }, b: { models: ['shared', 'calm'], rules: [plays_held] },
    c: { dialect: 'anthropic', models: ['shared-claude', 'only-c'] }, d: { dialect: 'anthropic', models: ['shared-claude', 'calm-claude'], rules: [plays_held] },
});
const { server, a, b, c, d } = here;
const between_a = await Chaos.start(a.sim.port), between_c = await Chaos.start(c.sim.port);
a.port = between_a.port, c.port = between_c.port;
await a.patch({ base_url: `http://127.0.0.1:${a.port}/v1`, api_key: canary });
await c.patch({ base_url: `http://127.0.0.1:${c.port}`, api_key: canary });
const at_first = await baseline(here);
const calm = { openai: ['calm'], anthropic: ['calm-claude'] };
let load;
before(() => {
    load = new Load(here, { models: { openai: ['calm', 'shared'], anthropic: ['calm-claude', 'shared-claude'] }, held_models: calm }).start();
});
after(async () => { await between_a.stop(); await between_c.stop(); });

async function well_again() {
    await between_a.plans();
    await between_c.plans();
    await load.answered(); // who set out into the fault may still bring a verdict of it
    await a.plays(); await c.plays();
}

test('F02: packets are dropped: after the time to connect the next provider answers', async () => {
    await a.patch({ timeouts: { connect_ms: 300 } });
    await between_a.plans({ mode: 'deaf' });
    await between_a.reset();
    const from = Date.now();
    const answer = await server.call(at.chat, ask.chat('shared', { stream: true }));
    const took = Date.now() - from;
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-auxot-provider'], b.slug);
    assert.ok(took < 3000, `${took} ms`);
    const job = await server.job(answer.job_id);
    if (job.attempts.length === 2) assert.equal(job.attempts[0].outcome, 'failed'); // else it was known to be down
    await between_a.plans(); // first: nobody sets out into the fault with the long time
    await a.patch({ timeouts: { connect_ms: 5000 } });
    await well_again();
    await assert_recovers(() => server.call(at.chat, ask.chat('only-a')));
});

test('F02: accepted and never answered: after the time to the first byte the next one answers', async () => {
    await a.patch({ timeouts: { first_byte_ms: 300 } });
    await between_a.plans({ mode: 'blackhole' });
    await between_a.reset();
    const answer = await server.call(at.chat, ask.chat('shared', { stream: true }));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-auxot-provider'], b.slug);
    await between_a.plans();
    await between_a.reset(); // whoever was let in meanwhile would wait for ever
    await a.patch({ timeouts: { first_byte_ms: 120_000 } });
    await well_again();
    await assert_recovers(() => server.call(at.chat, ask.chat('only-a')));
});

const endpoints = [
    { name: 'chat', model: 'shared', chaos: between_a, first: a }, { name: 'chat', model: 'shared', chaos: between_a, first: a, stream: true },
    { name: 'responses', model: 'shared', chaos: between_a, first: a, stream: true }, { name: 'embeddings', model: 'shared', chaos: between_a, first: a },
    { name: 'messages', model: 'shared-claude', chaos: between_c, first: c }, { name: 'messages', model: 'shared-claude', chaos: between_c, first: c, stream: true },
];
const cuts = is_long ? 2000 : 60;

test(`F05, F06, F07: ${cuts} cuts, half-closes and resets at random bytes: whole from one provider, or told so, never spliced`, async () => {
    const ends = ['cut_after', 'reset_after', 'half_close_after'];
    const sum = { whole: 0, told: 0, met: 0 };
    for (let i = 0; i < cuts; i++) {
        const endpoint = random.pick(endpoints), end = random.pick(ends);
        const byte = random.unit() < 0.3 ? random.below(300) : random.below(4000); // heads too
        await endpoint.chaos.plans();
        await server.api('POST', `/api/providers/${endpoint.first.id}/refresh`); // no verdict left from the last cut
        await endpoint.chaos.plans({ to_client: { [end]: byte } });
        const what = `cut ${i} of seed ${seed}: ${endpoint.name} ${end} ${byte}`;
        const answer = await server.call(at[endpoint.name], ask[endpoint.name](endpoint.model, endpoint.stream ? { stream: true } : {}));
        const text = endpoint.stream ? text_of(answer.events) : answer.text;
        const stamps = stamps_of(text);
        assert.ok(stamps.count === 0 || (stamps.requests === 1 && stamps.in_order), `${what}: spliced: ${text}`);
        assert.equal(answer.status, 200, `${what}: before COMMIT another provider answers: ${answer.text.slice(0, 300)}`);
        const last = answer.events.filter(event => !event.is_comment).at(-1);
        const is_told = !!answer.events.find(event => event.name === 'error' || event.json?.error || event.json?.type === 'response.failed');
        const is_end = !endpoint.stream || last.data === '[DONE]' || last.name === 'message_stop' || last.json?.type === 'response.completed';
        assert.ok(is_told !== is_end, `${what}: whole or told, one of the two: ${last?.raw}`);
        if (is_end && endpoint.name !== 'embeddings') assert.equal(stamps.count, endpoint.name === 'responses' ? stamps.count : 8, `${what}: whole`);
        sum[is_told ? 'told' : 'whole']++;
        sum.met += is_told || answer.headers['x-auxot-attempts'] !== '1';
        load.all.push(Object.assign(answer, { is_stream: !!endpoint.stream, kind: endpoint.name }));
    }
    assert.ok(sum.told > 0 && sum.whole > 0 && sum.met >= cuts / 5, JSON.stringify(sum));
    await well_again();
    await assert_recovers(() => server.call(at.chat, ask.chat('only-a')));
});

test('F05: cut behind message_start, which tells of the prompt: the next answers, and the bill has both prompts, once each', async () => {
    const give_back = await load.asks_only(calm); // or c would be known to be broken, and passed over
    await c.plays([{ then: { cut_after_events: 0 } }]);
    const answer = await server.call(at.messages, ask.messages('shared-claude', { stream: true }));
    assert.equal(answer.headers['x-auxot-provider'], d.slug);
    const job = await server.job(answer.job_id), [broken, whole] = job.attempts;
    assert.deepEqual([broken.outcome, whole.outcome, job.attempts.length], ['failed', 'ok', 2]);
    assert.ok(broken.input_tokens > 0, `what was told before the break: ${JSON.stringify(broken)}`);
    assert.equal(job.input_tokens, broken.input_tokens + whole.input_tokens);
    load.all.push(Object.assign(answer, { is_stream: true, kind: 'messages' })); // the ledgers agree on this one, too
    await well_again();
    give_back();
});

test('F10: a trickle that splits characters and lines: relayed whole', async () => {
    await a.plays([{ then: { text: 'añ€😀', events: 2 } }]);
    await between_a.plans({ to_client: { trickle_bytes: 3, trickle_ms: 1 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.call(at.chat, ask.chat('only-a', { stream: true }))));
    for (const answer of answers) {
        assert.equal(text_of(answer.events), 'añ€😀');
        assert.equal(answer.events.at(-1).data, '[DONE]');
    }
    await well_again();
});

test('bytes that change on the way never reach a caller as a broken stream of ours', async () => {
    // A byte that changes can make one stamp or status of another, and nobody can tell: others ask whom it cannot happen to.
    const give_back = await load.asks_only(calm);
    for (let i = 0; i < (is_long ? 300 : 15); i++) {
        await between_a.plans({ seed: seed + i, to_client: { corrupt_every: 50 + random.below(800) } });
        const answer = await server.call(at.chat, ask.chat('shared', { stream: i % 2 === 0 })).catch(error => error);
        if (answer instanceof Error) continue; // cut: an honest end
        assert.ok(answer.status === 200 || answer.status >= 400, `${answer.status}`);
        for (const event of answer.events) assert.ok(event.is_comment || event.data === '[DONE]' || event.raw.length > 0);
    }
    await well_again();
    await between_a.reset();
    give_back();
});

test('F23: half of all answers are 500, on and off: with one healthy fallback nobody notices', async () => {
    const from = load.all.length, flips = is_long ? 10 : 3;
    for (let i = 0; i < flips; i++) {
        await a.sim.plays([{ when: { chance: 0.5 }, then: { status: 500 } }]);
        await c.sim.plays([{ when: { chance: 0.5 }, then: { status: 500 } }]);
        const until_ms = Date.now() + 1000; // the fault's own length
        while (Date.now() < until_ms) {
            const answers = await Promise.all([server.call(at.chat, ask.chat('shared')), server.call(at.messages, ask.messages('shared-claude', { stream: true }))]);
            for (const answer of answers) assert.equal(answer.status, 200, answer.text.slice(0, 300));
        }
        await a.sim.plays(); await c.sim.plays();
    }
    await assert_recovers(() => server.call(at.chat, ask.chat('shared')));
    const told = load.all.slice(from).filter(one => one.until_ms && one.status && one.status !== 200);
    assert.equal(told.length, 0, `failed behind a healthy fallback: ${told.length}: ${told[0]?.status} ${told[0]?.text.slice(0, 300)}`);
});

test('the ledgers agree after all of this (I1 to I5, I8, I12)', async () => {
    await well_again();
    await load.stop();
    const figures = load.figures();
    assert.ok(figures.ok > 100, `there was load: ${JSON.stringify(figures)}`);
    const failed = load.all.filter(one => one.mark && one.outcome === 'fail' && one.status !== 200);
    assert.equal(failed.length, 0, `with a healthy second provider no request fails before COMMIT: ${failed.length} of ${load.all.length}: ${failed[0]?.status} ${failed[0]?.text.slice(0, 300)}`);
    await check(here, load, { before: at_first });
    console.log(`# load: ${JSON.stringify(figures)}`);
});

closing(here, { ledger: false });
