// How often one request may try, and how long it may live.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';

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

closing(here);
