// The process dies, starves or is told to go, under load: F60 kill -9, F64 descriptors, F66 SIGTERM. The four
// ledgers agree after each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { Load, assert_recovers, baseline, check, is_long, plays_held, random_from, seed } from '../lib/ledgers.mjs';
import { until } from '../lib/process.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const random = random_from(seed + 4);
const slow = { then: { events: 20, gap_ms: 8 } };
const here = await scene({
    first: { models: ['shared'], rules: [plays_held, { when: { chance: 0.1 }, then: { status: 500 } }, slow] }, second: { models: ['shared'], rules: [plays_held, slow] },
    claude: { dialect: 'anthropic', models: ['claude-sim'], rules: [plays_held, slow] },
});
const { server } = here;
const load_of = { models: { openai: ['shared'], anthropic: ['claude-sim'] } };
const asked_once = () => server.call(at.chat, ask.chat('shared'));
const streams_run = async load => until(() => load.all.filter(one => one.mark === 'held-open' && one.events.length > 1).length >= load.streams, 'the streams run');

const kills = is_long ? 100 : 30;
test(`F60: ${kills} times kill -9 at a random moment under load: no row lost, none twice, open ones interrupted, ready again at once`, async () => {
    const loads = [];
    let slowest = 0;
    for (let round = 1; round <= kills; round++) {
        const load = new Load(here, { ...load_of, streams: is_long ? 50 : 20 }).start();
        await streams_run(load);
        await new Promise(resolve => setTimeout(resolve, random.below(500))); // the random moment
        server.child.kill('SIGKILL');
        await server.child.exit;
        await load.stop();
        loads.push(load);
        const from = Date.now();
        await server.restart();
        slowest = Math.max(slowest, Date.now() - from);
        for (const { sim } of here.upstreams) await until(async () => (await sim.log()).every(entry => entry.ended), 'the upstreams have seen the end');
        if (round % (kills / 5) === 0) {
            const { jobs } = await check(here, loads, { survives: false });
            assert.ok([...jobs.values()].some(job => job.status === 'interrupted'), 'some were interrupted');
        }
    }
    assert.ok(slowest < 3000, `ready after ${slowest} ms`); // ten times the text's
    await assert_recovers(asked_once);
    console.log(`# slowest start: ${slowest} ms`);
});

for (const limit of [256, 64])
    test(`F64: ${limit} descriptors and more connections than that: refused politely, no busy loop, all back afterwards`, async () => {
        assert.equal((await server.stop()).code, 0);
        server.limit = limit;
        await server.restart();
        const at_first = await baseline(here);
        const load = new Load(here, { ...load_of, streams: 5, rate: 25 }).start();
        await until(() => load.all.some(one => one.outcome === 'ok'), 'the load is on');
        const wires = Array.from({ length: limit * 2 }, () => new Wire(server.port));
        await Promise.all(wires.map(wire => wire.open.catch(() => {})));
        const body = JSON.stringify(ask.chat('shared', { stream: true }));
        for (const [i, wire] of wires.entries())
            wire.send(i % 2 ? 'GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n' : `POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`).catch(() => {});
        await until(() => wires.filter(wire => wire.answers().length || wire.closed || wire.ended).length >= limit / 3, 'some were answered or refused');
        for (const wire of wires) assert.ok(wire.answers().every(answer => [200, 502, 503].includes(answer.status)), wire.text.slice(0, 300));
        await load.stop();
        const ticks = server.cpu_ticks();
        await new Promise(resolve => setTimeout(resolve, 1000));
        assert.ok(server.cpu_ticks() - ticks < 50, `${server.cpu_ticks() - ticks} ticks of 100 in a second of waiting`);
        for (const wire of wires) wire.close();
        const took = await assert_recovers(asked_once);
        await check(here, load, { before: at_first, survives: false });
        console.log(`# ${limit}: ${JSON.stringify(load.figures())}, recovered in ${took} ms`);
    });

const streams = is_long ? 500 : 50;
test(`F66: SIGTERM with ${streams} streams: none is cut within the grace, exit 0, all on record`, async () => {
    assert.equal((await server.stop()).code, 0);
    server.limit = undefined;
    await server.restart();
    for (const { sim } of here.upstreams) await sim.plays([{ then: { events: 60, gap_ms: 40 } }]);
    const running = Array.from({ length: streams }, (_, i) => Object.assign(i % 2
        ? server.begin(at.chat, ask.chat('shared', { stream: true })) : server.begin(at.messages, ask.messages('claude-sim', { stream: true })), { is_stream: true }));
    await Promise.all(running.map(one => one.when(() => text_of(one.events).length > 0)));
    server.child.kill('SIGTERM');
    await server.child.line(/drain/i, { stream: 'stderr' });
    await Promise.all(running.map(one => one.done));
    const ended = Date.now();
    for (const one of running) {
        const stamps = stamps_of(text_of(one.events));
        assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [60, 1, true]);
    }
    assert.deepEqual(await server.child.exit, { code: 0, signal: null });
    assert.ok(Date.now() - ended < 10_000, `it left ${Date.now() - ended} ms after the last stream`);
    await server.restart();
    await check(here, running, { survives: false });
});

closing(here, { ledger: false });
