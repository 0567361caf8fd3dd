// What an operator's tools read: /metrics and /api/health.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, spare: { models: ['gpt-sim'] } });
const { server, gpt } = here;

// The text format, strictly enough: every sample belongs to a family that was announced once.
function read_metrics(text) {
    const families = new Map(), samples = [];
    assert.ok(text.endsWith('\n'), 'the last line ends');
    for (const line of text.slice(0, -1).split('\n')) {
        const comment = line.match(/^# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) (.+)$/);
        if (comment) {
            const family = families.get(comment[2]) ?? {};
            assert.ok(!(comment[1] in family), `${comment[2]} is announced twice: ${line}`);
            family[comment[1]] = comment[3];
            families.set(comment[2], family);
            continue;
        }
        const sample = line.match(/^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+]+|NaN|[+-]Inf)$/i);
        assert.ok(sample, `not a line of the format: ${JSON.stringify(line)}`);
        const family = families.get(sample[1]) ?? families.get(sample[1].replace(/_(bucket|sum|count)$/, ''));
        assert.ok(family?.TYPE && family.HELP, `${sample[1]} has no HELP and TYPE`);
        samples.push({ name: sample[1], labels: sample[2] ?? '', value: Number(sample[3]) });
    }
    const seen = new Set();
    for (const { name, labels } of samples) {
        assert.ok(!seen.has(`${name}{${labels}}`), `${name}{${labels}} stands twice`);
        seen.add(`${name}{${labels}}`);
    }
    return samples;
}
const metrics = async () => read_metrics((await call(`${server.url}/metrics`, { key: server.admin })).text);
const value_of = (samples, name, labels = '') => samples.filter(sample => sample.name === name && sample.labels.includes(labels)).reduce((sum, sample) => sum + sample.value, 0);

test('health needs no key, says ok and the version', async () => {
    const answer = await call(`${server.url}/api/health`);
    assert.equal(answer.status, 200);
    assert.equal(answer.json.status, 'ok');
    assert.match(answer.json.version, /^\d+\.\d+\.\d+/);
});

test('/metrics is Prometheus text, and counts what happened', async () => {
    const before = await metrics();
    await gpt.plays([{ then: { text: 'a b', usage: { input_tokens: 10, output_tokens: 4 } } }]);
    for (let i = 0; i < 3; i++) await server.call(at.chat, ask.chat('gpt-sim'));
    await server.call(at.chat, ask.chat('nobody-has-this'));
    await server.call(at.chat, ask.chat('gpt-sim'), { key: 'auxk_nonsense' });
    await gpt.sim.plays([{ then: { status: 500 } }]);
    await server.call(at.chat, ask.chat('gpt-sim'));
    const answer = await call(`${server.url}/metrics`);
    assert.match(answer.headers['content-type'], /^text\/plain; version=0\.0\.4/);
    const after = await until(async () => {
        const now = await metrics();
        return value_of(now, 'auxot_jobs_done_total') - value_of(before, 'auxot_jobs_done_total') === 4 && now;
    }, 'four jobs are done');
    const grown = (name, labels) => value_of(after, name, labels) - value_of(before, name, labels);
    assert.equal(grown('auxot_requests_total', 'endpoint="chat_completions",status="2xx"'), 4);
    assert.equal(grown('auxot_jobs_refused_total'), 1);
    assert.ok(grown('auxot_http_requests_total') >= 7, 'every head, of whatever path'); // and those that asked for the metrics
    assert.equal(grown('auxot_http_bad_requests_total'), 0);
    assert.ok(grown('auxot_http_connections_total') >= 7 && value_of(after, 'auxot_http_connections') >= 1);
    assert.equal(grown('auxot_bad_keys_total'), 1);
    assert.equal(grown('auxot_attempts_total'), 5);
    assert.equal(grown('auxot_failovers_total'), 1);
    assert.equal(grown('auxot_provider_failures_total', 'provider="gpt"'), 1);
    assert.ok(grown('auxot_input_tokens_total') >= 30 && grown('auxot_output_tokens_total') >= 12);
});

test('labels stay bounded whatever callers send: no model, no path, no key becomes one', async () => {
    const count = async () => (await metrics()).length;
    for (let i = 0; i < 20; i++) await server.call(at.chat, ask.chat(`made-up-${i}`));
    const before = await count();
    for (let i = 0; i < 200; i++) {
        await server.call(at.chat, ask.chat(`made-up-${Math.floor(i * 7919)}`), { headers: { 'user-agent': `ua-${i}` } });
        await server.call(`/api/openai/v1/nothing-${i}`, {});
    }
    assert.equal(await count(), before);
    const { text } = await call(`${server.url}/metrics`);
    assert.ok(!text.includes('made-up'));
});

test('idle again, the gauges are back at 0 (I8)', async () => {
    await until(async () => {
        const now = await metrics();
        return ['auxot_requests_running', 'auxot_held_body_bytes', 'auxot_provider_in_flight'].every(name => value_of(now, name) === 0);
    }, 'all gauges at 0');
});

closing(here);
