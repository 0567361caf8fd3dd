// A gpu provider by its URL: "our server at gpu-rack.internal". SPEC.md 5: polled for health, models, context and slots.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Sim, dead_port, request_id } from '../lib/sim.mjs';
import { Call } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] } });
const { server } = here;
const llama = await Sim.start({ dialect: 'llama', models: ['llama-3-8b-Q4_K_M'], flags: ['--slots', '1', '--context', '4096'] });
const of_ours = async () => (await llama.log()).filter(request_id); // others ask it as well
here.upstreams.push({ sim: { log: of_ours, stop: () => llama.stop() } });
const made = await server.api('POST', '/api/providers', { type: 'gpu', name: 'Rack', base_url: llama.url }, { expect: 201 });
const look = (id = made.id) => server.api('GET', `/api/providers/${id}`);

test('it is made as any other: its models are read, and it stands before the clouds', async () => {
    assert.deepEqual([made.status, made.tier, made.base_url], ['online', 'gpu', `${llama.url}/v1`]);
    assert.deepEqual(made.models.map(({ id }) => id), ['llama-3-8b-Q4_K_M']);
    const answer = await server.call(at.chat, ask.chat('auto'));
    assert.deepEqual([answer.status, answer.headers['x-auxot-provider']], [200, 'rack'], answer.text);
    assert.equal((await server.call(at.chat, ask.chat('llama-3-8b'))).headers['x-auxot-provider'], 'rack', 'by the name without its quantization');
});

test('its slots and the context of one are found out', async () => {
    const now = await until(async () => { const view = await look(); return view.slots === 1 && view; }, 'its one slot is known');
    assert.equal(now.workers, 0);
    await until(async () => (await look()).models[0].context_tokens === 4096, 'and its context');
});

test('admission by slots: the second request waits for the first, or goes to the cloud', async () => {
    await llama.plays([{ then: { events: 20, gap_ms: 50 } }]);
    const first = server.begin(at.chat, ask.chat('llama-3-8b', { stream: true }));
    await first.when(call => call.events.length > 3);
    assert.equal((await server.call(at.chat, ask.chat('auto'))).headers['x-auxot-provider'], 'gpt', 'auto overflows');
    const second = server.begin(at.chat, ask.chat('llama-3-8b', { stream: true }));
    await until(async () => (await look()).queue_depth === 1, 'a named model waits');
    assert.equal((await llama.log()).filter(({ ended }) => !ended).length, 1, 'the server has one request');
    await Promise.all([first.done, second.done]);
    assert.equal(second.status, 200);
    await llama.plays([]);
});

test('slots that others have taken are not given out: auto goes on, a named model waits until they are free', async () => {
    await llama.plays([{ when: { body_contains: 'stranger' }, then: { events: 200, gap_ms: 50 } }]);
    const stranger = new Call(`${llama.url}/v1/chat/completions`, { body: ask.chat('llama-3-8b-Q4_K_M', { stream: true, user: 'stranger' }), key: 'x' });
    stranger.done.catch(() => {});
    await until(async () => { const { slots, busy, in_flight } = await look(); return slots === 1 && busy === 1 && in_flight === 0; }, 'its one slot is seen to be taken', 20_000);
    assert.equal((await server.call(at.chat, ask.chat('auto'))).headers['x-auxot-provider'], 'gpt', 'auto overflows');
    const named = server.begin(at.chat, ask.chat('llama-3-8b'));
    await until(async () => (await look()).queue_depth === 1, 'a named model waits');
    stranger.leave();
    assert.equal((await named.done).status, 200);
    await until(async () => (await look()).busy === 0, 'it is free');
    await llama.plays([]);
});

test('no worker keys for it: it has no workers', async () => {
    await server.api('POST', `/api/providers/${made.id}/worker-keys`, {}, { expect: 409 });
});

test('a server that goes away is degraded, and back by itself', async () => {
    const port = await dead_port();
    const plain = () => new Promise(resolve => {
        const it = http.createServer((request, response) => {
            const body = request.url === '/v1/models' ? { data: [{ id: 'plain-model' }] } : { error: { message: 'no such path' } };
            response.writeHead(request.url === '/v1/models' ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        });
        it.listen(port, '127.0.0.1', () => resolve(it));
    });
    const first = await plain();
    const { id, status } = await server.api('POST', '/api/providers', { type: 'gpu', name: 'Plain', base_url: `http://127.0.0.1:${port}` }, { expect: 201 });
    assert.equal(status, 'online', 'a server that knows neither /health nor /props is up all the same');
    await until(async () => (await look(id)).slots === 0, 'its slots are not known: no limit');
    first.closeAllConnections();
    await new Promise(resolve => first.close(resolve));
    await until(async () => (await look(id)).status === 'degraded', 'it is missed', 20_000);
    const again = await plain();
    await until(async () => (await look(id)).status === 'online', 'it is back', 20_000);
    await server.api('DELETE', `/api/providers/${id}`);
    again.closeAllConnections();
    again.close();
});

closing(here);
