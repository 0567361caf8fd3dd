// Spans of OpenTelemetry: one of each job, one below it of each attempt, and what goes upstream names it; a collector that is away,
// slow or hostile costs no request anything; nothing secret is in them.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { ask, at, canary, closing, scene, upstream } from '../lib/scene.mjs';
import { Server, auxot, empty_dir } from '../lib/server.mjs';
import { until } from '../lib/process.mjs';

const token = 'c0llect0r-t0ken-5up3rs3cr3t';
const trace_id = '0af7651916cd43dd8448eb211c80319c', parent_id = 'b7ad6b7169203331';
const traceparent = `00-${trace_id}-${parent_id}-01`;

// A collector. `answers(request, response)` may be replaced; what it gets lies in `requests`, decoded.
class Collector {
    static async start() {
        const it = new Collector();
        it.requests = [];
        it.as_ever();
        it.server = http.createServer((request, response) => {
            const chunks = [];
            request.on('data', chunk => chunks.push(chunk));
            request.on('end', () => {
                const text = Buffer.concat(chunks).toString('utf8');
                it.requests.push({ url: request.url, headers: request.headers, text, json: JSON.parse(text) });
                it.answers(request, response);
            });
        });
        await it.listen(0);
        return it;
    }
    as_ever() { this.answers = (_, response) => response.end('{}'); }
    async listen(port) {
        await new Promise(resolve => this.server.listen(port, '127.0.0.1', resolve));
        this.port = this.server.address().port;
        this.url = `http://127.0.0.1:${this.port}`;
    }
    async close() {
        this.server.closeAllConnections();
        await new Promise(resolve => this.server.close(resolve));
    }
    get spans() { return this.requests.flatMap(({ json }) => json.resourceSpans[0].scopeSpans[0].spans.map(readable)); }
    // The spans of a job, its own first, once they are there.
    of(job, count) {
        return until(() => {
            const spans = this.spans.filter(span => span['auxot.job'] === job);
            return spans.length === count && spans;
        }, () => `${count} spans of ${job}; there are ${JSON.stringify(this.spans.filter(span => span['auxot.job'] === job))}`);
    }
}
const readable = ({ attributes, ...span }) => ({ ...span,
    ...Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)])) });

const collector = await Collector.start();
const env = { AUXOT_OTLP_ENDPOINT: `${collector.url}/some/path/`, AUXOT_OTLP_HEADERS: `x-token=${token}, x-two = two words`, AUXOT_OTLP_SERVICE: 'my "gateway"' };
const here = await scene({ a: { models: ['shared'] }, b: { dialect: 'anthropic', models: ['shared', 'claude-sim'] } }, { env });
const { server, a, b } = here;
const chat = (more = {}, options) => server.call(at.chat, ask.chat('shared', more), options);
const upstream_span = async (one, job) => (await one.sim.requests_of(job)).map(entry => entry.headers.traceparent);

test('a job is a span and its attempt one below it; the trace is the job, and goes upstream', async () => {
    const answer = await chat();
    const [job, attempt] = await collector.of(answer.job_id, 2);
    assert.match(job.traceId, /^[0-9a-f]{32}$/);
    assert.deepEqual([job.kind, attempt.kind, job.name, attempt.name], [2, 3, 'chat shared', 'chat shared']);
    assert.deepEqual([job.parentSpanId, attempt.parentSpanId, attempt.traceId], [undefined, job.spanId, job.traceId]);
    const record = await server.job(answer.job_id);
    assert.deepEqual([job['gen_ai.usage.input_tokens'], job['gen_ai.usage.output_tokens']], [record.input_tokens, record.output_tokens]);
    assert.equal(job['gen_ai.provider.name'], 'openai');
    assert.equal(job['gen_ai.response.model'], 'shared');
    assert.deepEqual([job['auxot.provider'], attempt['auxot.provider'], attempt['auxot.attempt'], job['auxot.reason']], ['a', 'a', 1, record.reason]);
    assert.deepEqual([job.status.code, job['error.type'], job['http.response.status_code']], [0, undefined, 200]);
    for (const span of [job, attempt])
        assert.ok(Math.abs(Number(BigInt(span.startTimeUnixNano) / 1000000n) - Date.now()) < 60_000 && BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    assert.deepEqual(await upstream_span(a, answer.job_id), [`00-${job.traceId}-${attempt.spanId}-01`]);
});

test('where and how it is sent: the path, JSON, the headers of the settings, the name of the service', async () => {
    const { url, headers, json } = collector.requests[0];
    assert.deepEqual([url, headers['content-type'], headers['x-token'], headers['x-two']], ['/some/path/v1/traces', 'application/json', token, 'two words']);
    const resource = Object.fromEntries(json.resourceSpans[0].resource.attributes.map(({ key, value }) => [key, value.stringValue]));
    assert.equal(resource['service.name'], 'my "gateway"');
    assert.ok(resource['service.version']);
});

test("a caller's traceparent is the parent, across dialects and for streams too", async () => {
    for (const [path, body, of] of [
        [at.chat, ask.chat('shared', { stream: true }), a],
        [at.messages, ask.messages('claude-sim', { stream: true }), b],
        [at.responses, ask.responses('claude-sim', { stream: true }), b],
    ]) {
        const answer = await server.call(path, body, { headers: { traceparent } });
        assert.equal(answer.status, 200, answer.text);
        const [job, attempt] = await collector.of(answer.job_id, 2);
        assert.deepEqual([job.traceId, job.parentSpanId, attempt.traceId, attempt.parentSpanId], [trace_id, parent_id, trace_id, job.spanId]);
        assert.deepEqual(await upstream_span(of, answer.job_id), [`00-${trace_id}-${attempt.spanId}-01`]);
    }
});

test('what is no traceparent is passed over: a trace of its own, and nothing of it goes upstream', async () => {
    for (const bad of ['00-1-2-3', traceparent.toUpperCase(), traceparent.replace(trace_id, '0'.repeat(32)), `${traceparent}-x`, [traceparent, traceparent]]) {
        const answer = await chat({}, { headers: { traceparent: bad } });
        const [job, attempt] = await collector.of(answer.job_id, 2);
        assert.notEqual(job.traceId, trace_id);
        assert.equal(job.parentSpanId, undefined);
        assert.deepEqual(await upstream_span(a, answer.job_id), [`00-${job.traceId}-${attempt.spanId}-01`]);
    }
});

test('a caller who does not sample is obeyed: no span, and the provider hears it too', async () => {
    const answer = await chat({}, { headers: { traceparent: traceparent.replace(/01$/, '00') } });
    assert.match((await upstream_span(a, answer.job_id))[0], new RegExp(`^00-${trace_id}-[0-9a-f]{16}-00$`));
    await collector.of((await chat()).job_id, 2); // told after it
    assert.deepEqual(collector.spans.filter(span => span['auxot.job'] === answer.job_id), []);
});

test('failover: a span of each attempt, the first an error with its reason', async () => {
    await a.plays([{ then: { status: 500 } }]);
    const answer = await chat({}, { headers: { traceparent } });
    assert.equal(answer.status, 200, answer.text);
    const [job, first, second] = await collector.of(answer.job_id, 3);
    const record = await server.job(answer.job_id);
    assert.deepEqual([first, second].map(span => [span.parentSpanId, span['auxot.attempt'], span['auxot.provider'], span.status.code, span['gen_ai.provider.name']]),
        [[job.spanId, 1, 'a', 2, 'openai'], [job.spanId, 2, 'b', 0, 'anthropic']]);
    assert.deepEqual([first['error.type'], second['error.type'], job['error.type']], [record.attempts[0].reason, undefined, undefined]);
    assert.equal(new Set([job, first, second].map(span => span.spanId)).size, 3);
    assert.deepEqual([...await upstream_span(a, answer.job_id), ...await upstream_span(b, answer.job_id)],
        [first, second].map(span => `00-${trace_id}-${span.spanId}-01`));
    await a.plays();
});

test('who is refused, and who leaves, is told as such', async () => {
    const refused = await server.call(at.chat, ask.chat('no-such-model'));
    const [job] = await collector.of(refused.job_id, 1);
    assert.deepEqual([job['auxot.status'], job.status.code, job['http.response.status_code']], ['refused', 0, refused.status]);
    assert.equal(job['error.type'], (await server.job(refused.job_id)).reason);
    await a.plays([{ then: { events: 1000, gap_ms: 20 } }]);
    const leaves = server.begin(at.chat, ask.chat('shared', { stream: true }), { headers: { traceparent } });
    await leaves.when(() => leaves.events.length > 2);
    leaves.request.destroy();
    const [left, attempt] = await until(() => {
        const spans = collector.spans.filter(span => span['auxot.status'] === 'cancelled');
        return spans.length && collector.spans.filter(span => span['auxot.job'] === spans[0]['auxot.job']);
    }, 'the span of the job whose caller left');
    assert.deepEqual([left.status.code, left['error.type'], attempt.parentSpanId], [0, 'client_gone', left.spanId]);
    await a.plays();
});

test('neither prompts nor answers nor keys are in it', async () => {
    const secret = 'the-prompt-that-nobody-may-see';
    await a.plays([{ then: { text: 'the-answer-that-nobody-may-see' } }]);
    const answer = await chat({ messages: [{ role: 'user', content: secret }] });
    assert.match(answer.text, /the-answer/);
    await collector.of(answer.job_id, 2);
    await a.plays();
    const told = collector.requests.map(({ text, headers }) => text + JSON.stringify({ ...headers, 'x-token': '' })).join('');
    for (const word of [secret, 'the-answer', canary, server.admin, server.member, token]) assert.ok(!told.includes(word), `it tells ${word}`);
    assert.ok(!server.all_logs.includes(token));
});

test('a collector that is away: no request notices, and what was told meanwhile comes when it is back', async () => {
    await collector.close();
    const ids = [];
    for (let i = 0; i < 20; i++) {
        const answer = await chat();
        assert.equal(answer.status, 200);
        ids.push(answer.job_id);
    }
    await until(() => /event=otlp_failing/.test(server.all_logs), 'the failure is told');
    assert.deepEqual(collector.spans.filter(span => ids.includes(span['auxot.job'])), []);
    await collector.listen(collector.port);
    for (const id of ids) await collector.of(id, 2);
    await until(() => /event=otlp_sending/.test(server.all_logs), 'and its end');
    assert.equal(server.all_logs.match(/event=otlp_failing/g).length, 1, 'once, not at each try');
    assert.equal(await server.metric('auxot_otlp_spans_dropped_total'), 0);
});

test('503 is tried again, with patience; 400 is not, and is counted', async () => {
    let tries = 0;
    collector.answers = (_, response) => { response.statusCode = ++tries < 2 ? 503 : 200; response.setHeader('retry-after', '0'); response.end(); };
    const again = await chat();
    await until(() => tries === 2, 'it is sent twice');
    const sent = collector.requests.slice(-2);
    assert.equal(sent[0].text, sent[1].text);
    assert.ok(sent[0].text.includes(again.job_id));
    tries = 0;
    collector.answers = (_, response) => { tries++; response.statusCode = 400; response.end('no'); };
    const before = await server.metric('auxot_otlp_spans_dropped_total');
    await chat();
    await until(async () => await server.metric('auxot_otlp_spans_dropped_total') === before + 2, 'two spans are dropped');
    assert.equal(tries, 1);
    collector.as_ever();
    await collector.of((await chat()).job_id, 2);
});

test('a collector that takes and never answers: requests go on, the box is bounded, the rest is dropped and counted', async () => {
    const held = [];
    collector.answers = (_, response) => held.push(response);
    const before = await server.metric('auxot_otlp_spans_dropped_total');
    const memory = server.rss();
    const some = async () => { for (let i = 0; i < 350; i++) assert.equal((await chat()).status, 200); };
    await Promise.all(Array.from({ length: 8 }, some)); // 5600 spans, for a box of 4096 and one batch
    const waiting = await server.metric('auxot_otlp_spans_waiting');
    assert.ok(waiting <= 4096 && waiting > 3000, `${waiting} wait`);
    assert.ok(await server.metric('auxot_otlp_spans_dropped_total') > before);
    assert.ok(server.rss() - memory < 64 << 20, 'memory is bounded');
    collector.as_ever();
    for (const response of held) response.destroy();
    await until(async () => await server.metric('auxot_otlp_spans_waiting') === 0, 'the box empties', 30_000);
    await collector.of((await chat()).job_id, 2);
});

test('a collector that answers nonsense, elsewhere or half: no request notices, and what comes after it is told', async () => {
    for (const answers of [
        request => request.socket.end('this is no HTTP\r\n\r\n'),
        (_, response) => { response.writeHead(302, { location: `${collector.url}/elsewhere` }); response.end(); },
        (_, response) => { response.writeHead(200); response.write('x'.repeat(1 << 20)); response.destroy(); },
    ]) {
        const before = collector.requests.length;
        collector.answers = answers;
        assert.equal((await chat()).status, 200);
        await until(() => collector.requests.length > before, 'it was asked');
        collector.as_ever();
        await collector.of((await chat()).job_id, 2);
        assert.ok(!collector.requests.some(({ url }) => url.includes('elsewhere')), 'a redirect is not followed');
    }
});

const own = async (settings, flags = []) => {
    const one = await Server.start({ env: settings, flags });
    one.admin = await one.key('admin', 'admin');
    const made = { server: one, upstreams: [] };
    made.main = await upstream(made, 'main', { models: ['shared'] });
    return made;
};

test('at the end what is left is sent; with a collector that is away or silent the server ends within its 2 s all the same', async () => {
    const one = await own({ AUXOT_OTLP_ENDPOINT: collector.url });
    const last = await one.server.call(at.chat, ask.chat('shared'));
    assert.equal((await one.server.stop()).code, 0);
    await collector.of(last.job_id, 2);
    await one.main.sim.stop();
    collector.answers = () => {};
    const silent = await own({ AUXOT_OTLP_ENDPOINT: collector.url });
    await silent.server.call(at.chat, ask.chat('shared'));
    const from = Date.now();
    assert.equal((await silent.server.stop()).code, 0);
    assert.ok(Date.now() - from < 8000);
    assert.match(silent.server.all_logs, /event=otlp_dropped spans=2/);
    assert.equal(silent.server.verdict(), null);
    await silent.main.sim.stop();
    collector.as_ever();
});

test("off, as it is by default: no thread, no span, and a caller's traceparent goes on as it is", async () => {
    const off = await own({});
    const before = collector.requests.length;
    const answer = await off.server.call(at.chat, ask.chat('shared'), { headers: { traceparent } });
    assert.deepEqual(await upstream_span(off.main, answer.job_id), [traceparent]);
    await off.server.stop();
    await off.main.sim.stop();
    assert.equal(collector.requests.length, before);
});

test('settings that cannot be are refused with a sentence that shows no secret', async () => {
    for (const [settings, why] of [
        [{ AUXOT_OTLP_ENDPOINT: 'collector:4318' }, /otlp_endpoint is no usable http/],
        [{ AUXOT_OTLP_ENDPOINT: `http://somebody:${token}@127.0.0.1:4318` }, /otlp_endpoint is no usable http.*no user/],
        [{ AUXOT_OTLP_ENDPOINT: collector.url, AUXOT_OTLP_HEADERS: `a=b,${token}` }, /otlp_headers: entry 2 is not name=value/],
        [{ AUXOT_OTLP_ENDPOINT: collector.url, AUXOT_OTLP_HEADERS: `a=${token}\r\nb: c` }, /otlp_headers: entry 1 is not name=value/],
    ]) {
        const { code, stderr } = await auxot(['serve', '--port', '0', '--data-dir', empty_dir('otlp')], { env: settings });
        assert.notEqual(code, 0);
        assert.match(stderr, why);
        assert.ok(!stderr.includes(token));
    }
});

closing(here);
test('the collector ends', () => collector.close());
