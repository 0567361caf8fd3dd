// Providers that answer with what no provider should: F13 heads without end, F14 bombs, F15 garbage in streams,
// F16 lengths that lie. Victims' requests run over the same pooled connections all the while, and the four
// ledgers agree afterwards. Also F11: a flood to a client that does not read.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { Load, baseline, check, is_long, plays_held, random_from, seed } from '../lib/ledgers.mjs';
import { HandMade } from '../lib/sim.mjs';
import { canary } from '../lib/scene.mjs';

import { until } from '../lib/process.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const random = random_from(seed + 2);
const here = await scene({
    bad: { models: ['shared', 'only-bad'] }, good: { models: ['shared', 'calm'], rules: [plays_held] },
    calm: { dialect: 'anthropic', models: ['calm-claude'], rules: [plays_held] },
});
const { server, bad, good } = here;

// Exact bytes, for what the simulator cannot say.
let lie = () => {};
const hand = await HandMade.start((request, socket) => lie(request, socket), ['shared', 'only-hand']);
here.upstreams.push({ sim: hand, slug: 'hand' });
const made = await server.api('POST', '/api/providers', { type: 'openai', name: 'hand', api_key: canary, base_url: hand.url });
const refresh = id => server.api('POST', `/api/providers/${id}/refresh`);

const at_first = await baseline(here);
let load;
before(() => { load = new Load(here, { models: { openai: ['calm'], anthropic: ['calm-claude'] }, streams: is_long ? 500 : 20, rate: is_long ? 200 : 25 }).start(); });

// `bad` comes first and lies; `good` answers in its place.
async function lies(then, stream = false) {
    await bad.plays([{ when: { model: 'shared' }, then }]);
    const answer = await server.call(at.chat, ask.chat('shared', stream ? { stream } : {}));
    return { answer, job: await server.job(answer.job_id) };
}

test('F13: a header of 1 MB, 10,000 headers: cut at the limit, the next provider answers', async () => {
    for (const then of [{ header_bytes: 1_000_000 }, { header_count: 10_000 }]) {
        const before_it = server.rss();
        for (const stream of [false, true]) {
            const { answer, job } = await lies(then, stream);
            assert.equal(answer.status, 200, answer.text.slice(0, 300));
            assert.deepEqual(job.attempts.map(attempt => attempt.outcome), ['failed', 'ok'], JSON.stringify(then));
            assert.ok(job.attempts[0].reason);
        }
        assert.ok(server.rss() - before_it < 20_000_000, 'memory');
    }
});

test('F13: heads with a bare CR, a NUL, a folded line: not an answer', async () => {
    for (const head of ['x-a: b\rc', 'x-a: b\0c', 'x-a: b\r\n folded', 'x a: b', ': b', 'content-length: 5\r\ncontent-length: 6', 'content-length: -1', 'content-length: 0x10',
        'transfer-encoding: chunked\r\ncontent-length: 3', 'transfer-encoding: chunked, chunked', 'transfer-encoding: gzip']) {
        await refresh(made.id);
        lie = (request, socket) => { socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${head}\r\n\r\n{"lie":true}`); socket.end(); };
        const answer = await server.call(at.chat, ask.chat('only-hand'));
        // A folded line may be read as the old RFCs had it; nothing may pass as an answer with a body that was not meant.
        assert.ok(answer.status >= 500 || head.includes('folded'), `${JSON.stringify(head)}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
});

test('F14: a gzip bomb that nobody asked for does not blow up', async () => {
    await lies({ text: 'warm' });
    const before_it = server.rss();
    const { answer } = await lies({ gzip_bomb_mib: 256 });
    assert.ok(answer.body.length < 2_000_000, `${answer.body.length} bytes reached the caller`);
    assert.ok(server.rss() - before_it < 12_000_000, `grew by ${server.rss() - before_it}`);
});

const chunk = (text, more = '') => `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":${text}},"finish_reason":null}]${more}}\n\n`;
const done = 'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
const corpus = [
    ['invalid UTF-8', Buffer.concat([Buffer.from('data: {"choices":[{"index":0,"delta":{"content":"'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"}}]}\n\n')])],
    ['a lone surrogate', chunk('"\\ud800"')], ['NUL in a string', chunk('"a\0b"')], ['JSON cut', 'data: {"choices":[{"index":0,"del\n\n'],
    ['no JSON', 'data: hello there\n\n'], ['HTML', '<html><body>502 Bad Gateway</body></html>'], ['an empty data line', 'data:\n\n'], ['no blank line', 'data: {"choices":[]}\ndata: {"choices":[]}\n'],
    ['unknown events', `event: surprise\ndata: {"x":1}\n\nid: 7\nretry: 1\n\n${chunk('"a"')}`], ['two ends', done + done], ['only an end', 'data: [DONE]\n\n'],
    ['CR line ends', chunk('"a"').replaceAll('\n', '\r')], ['CRLF line ends', chunk('"a"').replaceAll('\n', '\r\n')], ['a BOM', `\ufeff${chunk('"a"')}`],
    ['content that is a number', chunk('7')], ['choices that are none', 'data: {"choices":{"a":1}}\n\n'], ['an array', 'data: [1,2,3]\n\n'], ['deep', `data: ${'['.repeat(5000)}${']'.repeat(5000)}\n\n`],
    ['huge numbers', chunk('"a"', ',"usage":{"prompt_tokens":1e999,"completion_tokens":-5}')], ['duplicate names', 'data: {"choices":[],"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'],
    ['a comment storm', ': x\n'.repeat(50_000)], ['many fields', 'x: y\n'.repeat(50_000) + '\n'],
];

test(`F15: garbage in streams, ${corpus.length} kinds, alone and before and after content: every event the caller gets is JSON, and the end is honest`, async () => {
    for (const [name, bytes] of corpus)
        for (const [where, parts] of [['alone', [bytes]], ['with content', [chunk('"a"'), bytes, done]], ['cut', [chunk('"a"'), bytes]]]) {
            const what = `${name}, ${where}`;
            await refresh(made.id);
            lie = (request, socket) => {
                socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n');
                for (const part of parts) socket.write(part);
                socket.end();
            };
            const answer = await server.call(at.chat, ask.chat('only-hand', { stream: true }));
            const job = await server.job(answer.job_id);
            assert.ok(['done', 'failed'].includes(job.status), `${what}: ${job.status}`);
            if (answer.status !== 200) { assert.equal(job.status, 'failed', what); continue; }
            const told = answer.events.some(event => event.name === 'error' || event.json?.error);
            const ended = answer.events.some(event => event.data === '[DONE]');
            assert.ok(told || ended, `${what}: neither an end nor an error: ${answer.text.slice(-300)}`);
            assert.ok(!(told && ended), `${what}: an error and an end: ${answer.text.slice(-300)}`);
            assert.equal(job.status, told ? 'failed' : 'done', what);
        }
});

test('F15: one line of 100 MB: an end, and no memory of that size', async () => {
    await refresh(made.id);
    const before_it = server.rss();
    lie = (request, socket) => {
        const part = Buffer.alloc(1 << 20, 'x');
        let left = 100;
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: ');
        const more = () => { while (left > 0 && !socket.destroyed) { left--; if (!socket.write(part)) { socket.once('drain', more); return; } } socket.end(); };
        more();
    };
    // Not by way of Call: the line passes through in pieces, and a client that keeps it whole would be the slow one.
    const wire = new Wire(server.port);
    let tail = '', count = 0;
    wire.socket.removeAllListeners('data');
    wire.socket.on('data', bytes => { count += bytes.length; tail = (tail + bytes.toString('latin1')).slice(-200); });
    const body = JSON.stringify(ask.chat('only-hand', { stream: true }));
    await wire.send(`POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await wire.end(30_000);
    assert.ok(count > 0 && !tail.endsWith('0\r\n\r\n') || tail.includes('error'), `no honest end after ${count} bytes: ${tail.slice(-100)}`);
    assert.ok(server.rss() - before_it < 40_000_000, `grew by ${server.rss() - before_it}`);
});

test('F16: lengths that lie, on connections that others use next: a victim gets its own answer only', async () => {
    const own = () => `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"own"},"finish_reason":"stop"}]}`;
    const evil = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 80\r\n\r\n{"choices":[{"index":0,"message":{"role":"assistant","content":"stolen"}}]}      ';
    const lies_of_length = [
        (body, socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}${evil}`), // bytes behind the end
        (body, socket) => { socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`); setImmediate(() => socket.write(evil)); },
        (body, socket) => { socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length + 50}\r\n\r\n${body}`); socket.end(); }, // shorter than said
        (body, socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${evil}`),
        (body, socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${evil}`),
        (body, socket) => socket.write(`HTTP/1.1 204 No Content\r\ncontent-length: ${evil.length}\r\n\r\n${evil}`),
        // No lie at all, and last: its connection stays.
        (body, socket) => socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
    ];
    await refresh(made.id);
    for (let i = 0; i < (is_long ? 1000 : 70); i++) {
        const play = i < lies_of_length.length ? lies_of_length[i] : random.pick(lies_of_length);
        let liar = null;
        lie = (request, socket) => { const body = own(); if (!liar) { liar = socket; play(body, socket); } else socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`); };
        await server.call(at.chat, ask.chat('only-hand')).catch(() => {});
        if (play !== lies_of_length.at(-1)) await until(() => liar.destroyed, `the connection of lie ${lies_of_length.indexOf(play)} is dropped`);
        await refresh(made.id);
        const victims = await Promise.all([1, 2, 3].map(() => server.call(at.chat, ask.chat('only-hand'))));
        for (const victim of victims) {
            assert.equal(victim.status, 200, `lie ${lies_of_length.indexOf(play)}: ${victim.text.slice(0, 300)}`);
            assert.equal(victim.json.choices[0].message.content, 'own', `lie ${lies_of_length.indexOf(play)}`);
        }
    }
});

test('F11: a flood to clients that do not read: the provider is made to wait, memory stays', async () => {
    await good.plays([plays_held, { when: { model: 'calm', stream: true, body_contains: 'flood' }, then: { events: 200_000 } }]);
    const readers = is_long ? 50 : 10;
    const before_it = server.rss();
    const body = JSON.stringify(ask.chat('calm', { stream: true, user: 'flood' }));
    const wires = await Promise.all(Array.from({ length: readers }, async () => {
        const wire = new Wire(server.port);
        await wire.open;
        wire.socket.pause();
        wire.socket.write(`POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        return wire;
    }));
    const flooding = async () => (await good.sim.log()).filter(entry => entry.body?.includes?.('flood') || JSON.stringify(entry.body ?? '').includes('flood'));
    await until(async () => (await flooding()).length === readers, 'all floods are on');
    const until_ms = Date.now() + (is_long ? 10_000 : 1000); // the flood's own length
    while (Date.now() < until_ms) assert.equal((await server.call(at.chat, ask.chat('calm'))).status, 200, 'others are served');
    const grown = server.rss() - before_it;
    assert.ok(grown < readers * 3_000_000 + 8_000_000, `grew by ${grown}`);
    for (const wire of wires) wire.close();
    await until(async () => (await flooding()).every(entry => entry.ended), 'the floods are over once their readers have left');
});

// What an answer must never carry from a provider, and what is ours to say.
const hostile_headers = ['set-cookie: session=stolen; Path=/', 'set-cookie2: a=b', 'refresh: 0; url=http://evil.example/', 'link: <http://evil.example/>; rel=preload', 'location: http://evil.example/', 'www-authenticate: Basic realm="your password"',
    'clear-site-data: "*"', 'alt-svc: h3="evil.example:443"', 'content-security-policy: default-src *', 'access-control-allow-origin: *', 'access-control-allow-credentials: true', 'content-disposition: attachment; filename=x.exe',
    'x-powered-by: evil', 'via: 1.1 evil', 'trailer: x-evil', 'upgrade: h2c', 'proxy-authenticate: Basic', 'x-accel-redirect: /etc/passwd', 'x-sendfile: /etc/passwd', 'keep-alive: timeout=100000', 'x-auxot-evil: 1'];
const ours = { 'x-auxot-job': 'job_evil', 'x-auxot-provider': 'evil', 'x-auxot-model': 'evil', 'x-auxot-attempts': '99', 'request-id': 'evil', 'x-request-id': 'evil' };
const forbidden = hostile_headers.map(line => line.split(':')[0]);

test('T18: headers of a hostile provider, in every kind of answer: by allow-list, and ours are ours', async () => {
    const lines = [...hostile_headers, ...Object.entries(ours).map(([name, value]) => `${name}: ${value}`)].join('\r\n');
    const plain = '{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}';
    for (const [status, type, body, stream] of [['200 OK', 'application/json', plain], ['200 OK', 'text/event-stream', chunk('"a"') + done, true], ['400 Bad Request', 'application/json', '{"error":{"message":"no","type":"invalid_request_error"}}'],
        ['404 Not Found', 'application/json', '{"error":{"message":"no"}}'], ['429 Too Many Requests', 'application/json', '{}'], ['500 Oops', 'text/html', '<script>alert(1)</script>'], ['302 Found', 'text/html', ''], ['200 OK', 'text/html', '<script>alert(1)</script>']]) {
        await refresh(made.id);
        lie = (request, socket) => socket.write(`HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n${lines}\r\n\r\n${body}`);
        const answer = await server.call(at.chat, ask.chat('only-hand', stream ? { stream } : {}));
        for (const name of forbidden) assert.equal(answer.headers[name], undefined, `${status}: ${name}`);
        assert.ok(!JSON.stringify(answer.raw_headers).includes('evil.example'), `${status}: ${answer.raw_headers}`);
        for (const [name, value] of Object.entries(ours)) assert.notEqual(answer.headers[name], value, `${status}: ${name}`);
        assert.doesNotMatch(answer.headers['content-type'], /html/, status);
        if (answer.status !== 200) assert.ok(answer.json.error.message, `${status}: a well-formed error: ${answer.text.slice(0, 200)}`);
    }
});

test('T18: what a provider says behind its own end, and events that it makes up, end with the stream', async () => {
    const more = chunk('"behind the end"');
    for (const [name, bytes, wanted] of [['content behind [DONE]', chunk('"a"') + done + more.repeat(50), /\[DONE\]\n\n$/], ['a second stream behind [DONE]', chunk('"a"') + done + chunk('"b"') + done, /\[DONE\]\n\n$/],
        ['1 MB behind [DONE]', chunk('"a"') + done + `data: ${'x'.repeat(1_000_000)}\n\n`, /\[DONE\]\n\n$/], ['an error event, then content', `${chunk('"a"')}event: error\ndata: {"error":{"message":"x","type":"server_error"}}\n\n${more}${done}`, null],
        ['another answer\'s head in the stream', `${chunk('"a"')}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n${done}`, null]]) {
        await refresh(made.id);
        lie = (request, socket) => { socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${Buffer.byteLength(bytes)}\r\n\r\n${bytes}`); };
        const answer = await server.call(at.chat, ask.chat('only-hand', { stream: true }));
        assert.equal(answer.status, 200, name);
        assert.ok(!answer.text.includes('behind the end'), `${name}: ${answer.text.slice(-300)}`);
        assert.equal(answer.text.split('[DONE]').length <= 2, true, `${name}: one end`);
        if (wanted) assert.match(answer.text, wanted, name);
        const job = await server.job(answer.job_id);
        assert.ok(['done', 'failed'].includes(job.status), `${name}: ${job.status}`);
        lie = (request, socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);
    }
});

test('T18: heads, lines and bodies without end, many at once: no more than may be held of a stream (2 MiB), and each caller is told', async () => {
    const part = 'x'.repeat(65536), head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';
    const floods = [
        socket => `HTTP/1.1 200 OK\r\nx: ${part}`, // one header
        socket => `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`,
        socket => `${head}\r\ndata: ${part}`, // one line
        socket => `${head}\r\n${': comment\n'.repeat(6000)}`,
        socket => `${head}transfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(10_000)}`,
        socket => `${head}content-encoding: gzip\r\n\r\n\x1f\x8b\x08${part}`,
    ];
    await refresh(made.id);
    const streams = floods.length * (is_long ? 20 : 5), before_it = server.rss();
    let begun = 0, most = 0;
    lie = (request, socket) => {
        socket.write(floods[begun++ % floods.length](socket));
        let left = 64; // 4 MiB: as good as no end
        const more = () => { while (left-- > 0 && !socket.destroyed) if (!socket.write(part)) return socket.once('drain', more); };
        more();
    };
    const watch = setInterval(() => { most = Math.max(most, server.rss() - before_it); }, 20);
    const answers = await Promise.all(Array.from({ length: streams }, async () => {
        const wire = new Wire(server.port), body = JSON.stringify(ask.chat('only-hand', { stream: true }));
        let count = 0, begin = '';
        wire.socket.removeAllListeners('data');
        wire.socket.on('data', bytes => { count += bytes.length; if (begin.length < 4096) begin += bytes.toString('latin1'); });
        await wire.send(`POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        await until(() => begin.startsWith('HTTP/1.1 ') || wire.closed, 'an answer begins');
        await until(async () => { const was = count; await new Promise(resolve => setTimeout(resolve, 300)); return wire.closed || count === was; }, 'it came to rest', 30_000);
        wire.close();
        return begin;
    }));
    clearInterval(watch);
    for (const begin of answers) assert.match(begin, /^HTTP\/1\.1 (200|50\d) /, begin.slice(0, 200));
    assert.ok(answers.some(begin => begin.startsWith('HTTP/1.1 50')), 'what is no answer at all is an error');
    assert.ok(most < streams * (2 << 20), `${streams} streams: grew by ${most}`);
    console.log(`# ${streams} hostile streams: ${Math.round(most / streams / 1024)} KiB each at most`);
    await refresh(made.id);
});

test('the ledgers agree after all of this (I1 to I5, I8, I9, I11, I12)', async () => {
    await load.stop();
    const figures = load.figures();
    assert.ok(figures.ok > 50, JSON.stringify(figures));
    assert.equal(figures.fail + figures.unknown, 0, `others were disturbed: ${JSON.stringify(figures)}`);
    await check(here, load, { before: at_first });
    console.log(`# load: ${JSON.stringify(figures)}`);
});

test('closing: the hand-made upstream is gone', () => hand.stop());
closing(here, { ledger: false });
