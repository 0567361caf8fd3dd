// How often one request may try, how long it may live, how many there may be at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { Server } from '../lib/server.mjs';
import { until } from '../lib/process.mjs';

const cast = Object.fromEntries(['p1', 'p2', 'p3', 'p4'].map(name => [name, { models: ['shared'] }]));
const here = await scene(cast, { env: { AUXOT_MAX_ATTEMPTS: '3', AUXOT_JOB_TIMEOUT: '2s', AUXOT_LATE_HEAD: '60s' } });
const { server } = here;

test('a request tries at most AUXOT_MAX_ATTEMPTS providers, each once', async () => {
    for (const one of here.upstreams) await one.plays([{ then: { status: 500 } }]);
    const answer = await server.call(at.chat, ask.chat('shared'));
    assert.equal(answer.status, 502);
    const job = await server.job(answer.job_id);
    assert.deepEqual(job.attempts.map(attempt => attempt.seq), [1, 2, 3]);
    assert.equal(new Set(job.attempts.map(attempt => attempt.provider.id)).size, 3);
    assert.equal(answer.headers['x-auxot-attempts'], '3');
});

test('a request lives no longer than AUXOT_JOB_TIMEOUT: 504 before the first byte', async () => {
    for (const one of here.upstreams) await one.plays([{ then: { stall_before_head: true } }]);
    const answer = await server.call(at.chat, ask.chat('shared'));
    assert.equal(answer.status, 504, answer.text);
    const job = await server.job(answer.job_id);
    assert.equal(job.status, 'failed');
    assert.ok(job.duration_ms >= 1900, `${job.duration_ms}`);
});

test('and an error event in the middle of a stream', async () => {
    for (const one of here.upstreams) await one.plays([{ then: { events: 100000, gap_ms: 20 } }]);
    const answer = await server.call(at.chat, ask.chat('shared', { stream: true }));
    assert.equal(answer.status, 200);
    assert.ok(answer.events.at(-1).json?.error, answer.events.at(-1).raw);
    assert.ok(!answer.events.some(event => event.data === '[DONE]'));
    assert.equal((await server.job(answer.job_id)).status, 'failed');
});

// A second server, with its own settings, in front of the first simulator.
async function other_server(env, options = {}) {
    const other = await Server.start({ env, ...options });
    other.admin = await other.key('admin');
    await other.api('POST', '/api/providers', { type: 'openai', name: 'p1', api_key: canary, base_url: here.p1.sim.base_url });
    return other;
}

test('more requests at once than AUXOT_MAX_CONCURRENT: 503 with retry-after, and room again when one has ended', async () => {
    const other = await other_server({ AUXOT_MAX_CONCURRENT: '3' });
    await here.p1.plays([{ then: { events: 100_000, gap_ms: 10 } }]);
    const running = Array.from({ length: 3 }, () => other.begin(at.chat, ask.chat('shared', { stream: true })));
    await Promise.all(running.map(one => one.when(call => call.events.length > 1)));
    const refused = await other.call(at.chat, ask.chat('shared'));
    assert.equal(refused.status, 503, refused.text);
    assert.equal(refused.json.error.code, 'server_is_overloaded');
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    for (const one of running) one.leave();
    await here.p1.sim.plays();
    await until(async () => (await other.call(at.chat, ask.chat('shared'))).status === 200, 'room again');
    assert.equal((await other.stop()).code, 0);
    assert.equal(other.verdict(), null);
});

test('F64: with few descriptors and many connections it refuses politely, spins not, and serves again afterwards', async () => {
    await here.p1.plays();
    const other = await other_server({}, { descriptors: 64 });
    const wires = Array.from({ length: 150 }, () => new Wire(other.port));
    await Promise.all(wires.map(wire => wire.open.catch(() => {})));
    for (const wire of wires) wire.send('GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n').catch(() => {});
    await until(() => wires.filter(wire => wire.answers().length || wire.closed || wire.ended).length >= 20, 'some were answered or refused');
    const before = other.cpu_ticks();
    await new Promise(resolve => setTimeout(resolve, 1000));
    assert.ok(other.cpu_ticks() - before < 50, `${other.cpu_ticks() - before} ticks of 100 in a second of waiting`);
    for (const wire of wires) assert.ok(wire.answers().every(answer => [200, 503].includes(answer.status)), wire.text);
    for (const wire of wires) wire.close();
    await until(async () => (await other.call(at.chat, ask.chat('shared')).catch(() => ({}))).status === 200, 'it serves again');
    assert.equal((await other.stop()).code, 0);
    assert.equal(other.verdict(), null);
});

closing(here, { ledger: false });
