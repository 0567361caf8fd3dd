// Hostile clients, while others are served: F27 slowloris, F28 readers with a zero window, F29 bodies too large,
// F31 floods of connections. What they took comes back (I8), and the ledgers agree.
import assert from 'node:assert/strict';
import net from 'node:net';
import { before, test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { Load, assert_recovers, baseline, check, is_long, own_descriptors, plays_held, seed } from '../lib/ledgers.mjs';
import { until } from '../lib/process.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const here = await scene({ gpt: { models: ['gpt-sim'], rules: [plays_held] }, claude: { dialect: 'anthropic', models: ['claude-sim'], rules: [plays_held] } });
const { server, gpt } = here;
const at_first = await baseline(here);
const load_of = { models: { openai: ['gpt-sim'], anthropic: ['claude-sim'] }, streams: is_long ? 500 : 20, rate: is_long ? 200 : 25 };
let load;
before(() => { load = new Load(here, load_of).start(); });

const head = (length, more = '') => `POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${more}\r\n`;
const served = async what => { for (let i = 0; i < 10; i++) assert.equal((await server.call(at.chat, ask.chat('gpt-sim'))).status, 200, what); };

const slow = is_long ? 2000 : 200;
test(`F27: ${slow} connections that never finish a head or a body, or say nothing: others are served; 408 and close at the deadline; descriptors return`, async () => {
    const beginnings = ['', 'P', `POST ${at.chat} HTTP/1.1\r\nhost: x\r\n`];
    const wires = await Promise.all(Array.from({ length: slow }, async (_, i) => {
        const wire = new Wire(server.port);
        await wire.open;
        const bytes = beginnings[i % beginnings.length];
        if (bytes) wire.socket.write(bytes);
        return wire;
    }));
    await until(() => own_descriptors(here) >= at_first.descriptors + slow, 'all of them are connected');
    await served('beside slow heads');
    const drips = setInterval(() => { for (const wire of wires) if (!wire.closed && wire.socket.writable && wire.socket.bytesWritten > 1) wire.socket.write('x'); }, 500);
    await Promise.all(wires.map(wire => wire.end(30_000)));
    clearInterval(drips);
    for (const [i, wire] of wires.entries()) // who said nothing is told nothing
        if (i % beginnings.length !== 1) assert.match(wire.text, i % beginnings.length === 2 ? /^HTTP\/1.1 408 / : /^$/);
    await served('afterwards');
    for (const wire of wires) wire.close();
    await until(() => own_descriptors(here) <= at_first.descriptors + 2 * load_of.streams + 60, 'the descriptors return (I8)');
});

test('F28: a reader with a zero window that then leaves: its provider is let go, the row is closed', async () => {
    const before_it = await gpt.sim.log();
    const wires = await Promise.all(Array.from({ length: 10 }, async () => {
        const wire = new Wire(server.port);
        await wire.open;
        wire.socket.pause();
        const body = JSON.stringify(ask.chat('gpt-sim', { stream: true, user: 'stalled' }));
        wire.socket.write(head(body.length) + body);
        return wire;
    }));
    await gpt.sim.plays([plays_held, { when: { body_contains: 'stalled' }, then: { events: 100_000 } }]);
    const mine = async () => (await gpt.sim.log()).slice(before_it.length).filter(entry => JSON.stringify(entry.body ?? '').includes('stalled'));
    await until(async () => (await mine()).length === 10, 'their streams run');
    await served('beside stalled readers');
    for (const wire of wires) wire.socket.destroy();
    await until(async () => (await mine()).every(entry => entry.ended), 'their providers are let go');
    await gpt.sim.plays([plays_held]);
});

test('F29: a body of 1 GB is refused before it is read, also when many send one at once', async () => {
    const before_it = server.rss();
    const wires = Array.from({ length: 30 }, () => new Wire(server.port));
    for (const wire of wires) await wire.send(head(1_000_000_000));
    const part = Buffer.alloc(65536, 'x');
    for (const wire of wires) for (let i = 0; i < 8; i++) if (wire.socket.writable) wire.socket.write(part);
    for (const wire of wires) {
        assert.equal((await wire.answer()).status, 413);
        await wire.end();
        wire.close();
    }
    assert.ok(server.rss() - before_it < 20_000_000, `grew by ${server.rss() - before_it}`);
    await served('afterwards');
});

test(`F31: a flood of connections, with resets and half-closes: no busy loop afterwards, all later ones are served`, async () => {
    const count = is_long ? 10_000 : 2000;
    for (let from = 0; from < count; from += 500)
        await Promise.all(Array.from({ length: Math.min(500, count - from) }, (_, i) => new Promise(resolve => {
            const socket = net.connect({ port: server.port, host: '127.0.0.1' });
            socket.on('error', resolve).on('close', resolve);
            socket.on('connect', () => {
                if (i % 3 === 0) socket.resetAndDestroy();
                else if (i % 3 === 1) socket.destroy();
                else { socket.write('GET / HT'); socket.destroy(); }
            });
        })));
    await served('afterwards');
    await until(() => own_descriptors(here) <= at_first.descriptors + 2 * load_of.streams + 60, 'the descriptors return (I8)');
});

test('the ledgers agree after all of this (I1 to I5, I8, I9, I11, I12), nobody was disturbed, and the server rests', async () => {
    await load.stop();
    const figures = load.figures();
    assert.ok(figures.ok > 50, JSON.stringify(figures));
    assert.equal(figures.fail + figures.unknown, 0, `others were disturbed: ${JSON.stringify(figures)}`);
    await check(here, load, { before: at_first });
    const ticks = server.cpu_ticks();
    await new Promise(resolve => setTimeout(resolve, 1000));
    assert.ok(server.cpu_ticks() - ticks <= 10, `${server.cpu_ticks() - ticks} ticks of 100 in an idle second`);
    console.log(`# load: ${JSON.stringify(figures)}, recovered in ${await assert_recovers(() => server.call(at.chat, ask.chat('gpt-sim')))} ms`);
});

closing(here, { ledger: false });
