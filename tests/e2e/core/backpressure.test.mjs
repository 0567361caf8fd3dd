// A client that stops reading costs no memory, and gets everything once it reads on (F11, F28).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { events_of, stamps_of, text_of } from '../lib/sse.mjs';
import { is_long } from '../lib/ledgers.mjs';
import { Suite } from '../lib/suite.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] } });
const { server, gpt } = here;
const events = 150_000; // about 30 MB as chat chunks
const MB = 1_000_000;

async function reader() {
    const wire = new Wire(server.port);
    await wire.open;
    const body = JSON.stringify(ask.chat('gpt-sim', { stream: true }));
    wire.socket.pause();
    wire.socket.write(`POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    return wire;
}

// The rest of its answer, in pieces: not by way of wire.got, which would copy the whole each time.
async function read_on(wire) {
    const chunks = [];
    let tail = '';
    wire.socket.removeAllListeners('data');
    const ended = new Promise((resolve, reject) => {
        wire.socket.on('data', bytes => {
            chunks.push(bytes);
            tail = (tail + bytes.toString('latin1')).slice(-20);
            if (tail.endsWith('0\r\n\r\n')) resolve();
        });
        wire.socket.on('close', () => reject(new Error('closed before the end')));
    });
    wire.socket.resume();
    await ended;
    return { wire, chunks };
}

// Stalled for good: the server has spent no time for a while.
async function stands_still() {
    let before = -1;
    await until(async () => {
        const now = server.cpu_ticks();
        const is_still = now === before;
        before = now;
        await new Promise(resolve => setTimeout(resolve, 300));
        return is_still;
    }, 'the streams stand still');
}

const readers = is_long ? 20 : 5;
test(`F11, F28: ${readers} readers stall in a large stream: the memory of the server does not grow by their streams; each then gets every event`, async () => {
    await gpt.plays([{ then: { events: 2000 } }]);
    for (let i = 0; i < 5; i++) await server.call(at.chat, ask.chat('gpt-sim', { stream: true })); // warm
    await gpt.plays([{ then: { events } }]);
    const before = server.rss();
    const wires = await Promise.all(Array.from({ length: readers }, reader));
    await until(async () => (await gpt.sim.log()).filter(entry => !entry.ended).length === readers, 'all streams run');
    await until(async () => await server.metric('auxot_provider_in_flight') === readers, 'their attempts are under way');
    await stands_still();
    const grown = server.rss() - before;
    if (Suite.name === 'full') assert.ok(grown < readers * 2 * MB, `grew by ${(grown / MB).toFixed(1)} MB`);
    assert.ok((await gpt.sim.log()).filter(entry => !entry.ended).length === readers, 'the upstreams wait');

    // All of them read on before any is looked at: who waits longer than 60 s is cut.
    for (const { wire, chunks } of await Promise.all(wires.map(read_on))) {
        wire.got = Buffer.concat(chunks);
        const [answer] = wire.answers();
        const all = events_of(answer.text);
        const stamps = stamps_of(text_of(all));
        assert.deepEqual([stamps.count, stamps.requests, stamps.in_order], [events, 1, true]);
        assert.equal(all.at(-1).data, '[DONE]');
        wire.close();
    }
});

test('F28: a stalled reader that leaves frees its upstream', async () => {
    const wire = await reader();
    await until(async () => (await gpt.sim.log()).some(entry => !entry.ended), 'the stream runs');
    wire.close();
    await until(async () => (await gpt.sim.log()).every(entry => entry.ended), 'the upstream was closed');
    assert.equal((await gpt.sim.log()).at(-1).ended, 'client_closed');
});

test('F28: a reader who takes nothing for 60 s is cut, and its upstream let go', { skip: !is_long && 'long: 60 s' }, async () => {
    await gpt.plays([{ then: { events } }]);
    const wire = await reader();
    await until(async () => (await gpt.sim.log()).some(entry => !entry.ended), 'the stream runs');
    await stands_still();
    const from = Date.now();
    await until(async () => await server.metric('auxot_provider_in_flight') === 0, 'its upstream is let go', 120_000);
    assert.ok(Date.now() - from > 40_000, `not before its time: ${Date.now() - from} ms`);
    assert.equal((await gpt.sim.log()).at(-1).ended, 'client_closed');
    const [job] = await server.jobs();
    assert.equal((await server.job(job.id)).status, 'cancelled');
    wire.close();
});

test('a quick stream beside a stalled one is not held up', async () => {
    const wire = await reader();
    await until(async () => (await gpt.sim.log()).some(entry => !entry.ended), 'the stream runs');
    await gpt.sim.plays([{ then: { events: 50 } }]);
    for (let i = 0; i < 10; i++) {
        const answer = await server.call(at.chat, ask.chat('gpt-sim', { stream: true }));
        assert.equal(stamps_of(text_of(answer.events)).count, 50);
    }
    wire.close();
});

test('one event of 10 MB passes, and costs no 10 MB', async () => {
    await gpt.plays([{ then: { one_event_bytes: 10 * MB } }]);
    const before = server.rss();
    const answer = await server.call(at.chat, ask.chat('gpt-sim', { stream: true }));
    assert.equal(answer.status, 200);
    assert.ok(answer.body.length >= 10 * MB, `${answer.body.length}`);
    assert.ok(answer.text.trimEnd().endsWith('data: [DONE]'));
    if (Suite.name === 'full') assert.ok(server.rss() - before < 10 * MB, `grew by ${((server.rss() - before) / MB).toFixed(1)} MB`);
});

closing(here);
