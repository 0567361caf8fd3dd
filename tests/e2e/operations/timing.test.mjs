// The receipt: the server's own microseconds by phase, in a header for who asks, and with every job.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { team } from '../lib/teams.mjs';

// One loop, so one pool of connections.
const here = await scene({ one: { models: ['shared', 'only-one'] }, two: { models: ['shared'] } }, { env: { AUXOT_THREADS: '1' } });
const { server, one } = here;
const wants = { headers: { 'x-auxot-timing': '1' } };
const phases = ['auth', 'parse', 'admit', 'route', 'connect', 'hold', 'relay', 'record'];
// Milliseconds with the digits of microseconds, in the form that Server-Timing has.
const receipt = answer => Object.fromEntries(answer.headers['x-auxot-timing'].split(', ').map(part => {
    assert.match(part, /^[a-z]+;dur=\d+\.\d{3}$/);
    const [name, dur] = part.split(';dur=');
    return [name, Math.round(Number(dur) * 1000)];
}));
const known = timing => phases.filter(phase => timing[`${phase}_us`] !== null);

test('a plain answer has the whole receipt, each phase once and in order', async () => {
    for (let i = 0; i < 2; i++) {
        const answer = await server.call(at.chat, ask.chat('shared'), wants);
        const told = receipt(answer);
        assert.deepEqual(Object.keys(told), phases);
        assert.equal(told.connect > 0, i === 0, 'the first one dials, the second finds the connection');
        assert.ok(told.auth + told.parse + told.admit + told.route < 20_000, JSON.stringify(told));
        const { timing } = await server.job(answer.job_id);
        for (const phase of phases.filter(phase => phase !== 'record')) assert.equal(timing[`${phase}_us`], told[phase], phase);
        assert.ok(timing.record_us <= told.record, 'the closing record cannot hold its own writing');
    }
});

test('who does not ask gets no header; the job has the receipt all the same, but for the relay', async () => {
    for (const headers of [{}, { 'x-auxot-timing': '0' }]) for (const stream of [false, true]) {
        const answer = await server.call(at.chat, ask.chat('shared', { stream }), { headers });
        assert.equal(answer.headers['x-auxot-timing'], undefined);
        const { timing } = await server.job(answer.job_id);
        assert.deepEqual(known(timing), phases.filter(phase => phase !== 'relay'));
    }
});

test('a stream tells in its head what is known by then; the job has the rest', async () => {
    await one.sim.plays([{ then: { first_event_delay_ms: 120, events: 40, gap_ms: 5 } }]);
    const answer = await server.call(at.chat, ask.chat('shared', { stream: true }), wants);
    const told = receipt(answer), { timing } = await server.job(answer.job_id);
    assert.ok(told.hold >= 100_000, `held until content came: ${told.hold}`);
    assert.equal(timing.hold_us, told.hold);
    assert.ok(timing.relay_us > told.relay && timing.relay_us < 150_000, `work, not waiting: ${timing.relay_us}`);
    assert.deepEqual(known(timing), phases);
    await one.plays();
});

test('failovers add up; what was refused has the phases that it came to', async () => {
    await one.sim.plays([{ then: { status: 500 } }]);
    const answer = await server.call(at.chat, ask.chat('shared'), wants);
    assert.deepEqual([answer.headers['x-auxot-attempts'], Object.keys(receipt(answer))], ['2', phases]);
    await one.plays();
    const unknown = await server.call(at.chat, ask.chat('nothing'), wants);
    assert.deepEqual([unknown.status, Object.keys(receipt(unknown))], [404, ['auth', 'parse', 'route']]);
    const malformed = await server.call(at.chat, { model: 7 }, wants);
    assert.deepEqual(Object.keys(receipt(malformed)), ['auth', 'parse']);
    const tight = await team(server, { requests_per_minute: 1 });
    await server.call(at.chat, ask.chat('shared'), { key: tight.key });
    const limited = await server.call(at.chat, ask.chat('shared'), { ...wants, key: tight.key });
    assert.deepEqual([limited.status, Object.keys(receipt(limited))], [429, ['auth', 'parse', 'admit', 'route']]);
    assert.deepEqual(known((await server.job(limited.job_id)).timing), ['auth', 'parse', 'admit', 'route']);
});

test('a body that is read on another thread is on the receipt too', async () => {
    const answer = await server.call(at.chat, ask.chat('shared', { messages: [{ role: 'user', content: 'x'.repeat(2_000_000) }] }), wants);
    assert.ok(receipt(answer).parse > 50, answer.headers['x-auxot-timing']);
});

closing(here);
