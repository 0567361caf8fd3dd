// Whatever comes in: a clear error in the caller's dialect, and nothing else disturbed. After each row
// a healthy request goes through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { others_meanwhile } from '../lib/ledgers.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } }, { env: { AUXOT_BODY_LIMIT: '1MiB' } });
const { server } = here;
const others_end = await others_meanwhile(here);

// A connection that never finishes its head; looked at in the last row, ten seconds on.
const slow = new Wire(server.port);
await slow.send(`POST ${at.chat} HTTP/1.1\r\nhost: x\r\nauthoriz`);
const slow_since = Date.now();

async function healthy() {
    const chat = await server.call(at.chat, ask.chat('gpt-sim'));
    assert.equal(chat.status, 200, `a healthy request afterwards: ${chat.text}`);
    const messages = await server.call(at.messages, ask.messages('claude-sim', { stream: true }));
    assert.equal(messages.events.at(-1).name, 'message_stop', 'a healthy stream afterwards');
}

function assert_error(answer, status, where, pattern) {
    assert.equal(answer.status, status, answer.text);
    const body = answer.json;
    if (where.startsWith('/api/anthropic')) {
        assert.equal(body.type, 'error');
        assert.ok(body.error.type && body.error.message, answer.text);
    } else {
        assert.ok(body.error.type && body.error.message, answer.text);
        assert.ok('code' in body.error && 'param' in body.error, answer.text);
    }
    assert.ok(body.error.message.length > 10, 'a sentence');
    if (pattern) assert.match(body.error.message, pattern);
    assert.ok(answer.headers['request-id'] && answer.headers['x-request-id'], 'request ids');
    if (status < 500 && status !== 429 && status !== 408) assert.equal(answer.headers['x-should-retry'], 'false', 'x-should-retry: false');
}

const user = '"messages":[{"role":"user","content":"hi"}]';
const nested = (depth, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth);
const bodies = [
    ['nothing at all', ''],
    ['blanks', '   \n'],
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['a string', '"model"'],
    ['null', 'null'],
    ['cut in the middle', `{"model":"MODEL",${user.slice(0, -5)}`],
    ['a comma too many', `{"model":"MODEL",${user},}`],
    ['single quotes', `{'model':'MODEL'}`],
    ['NaN', `{"model":"MODEL","temperature":NaN,${user}}`],
    ['a leading zero', `{"model":"MODEL","n":01,${user}}`],
    ['something behind the object', `{"model":"MODEL",${user}} x`],
    ['two objects', `{"model":"MODEL",${user}}{"model":"MODEL",${user}}`],
    ['a control character in a string', `{"model":"MODEL","x":"a\u0001b",${user}}`],
    ['a bad escape', String.raw`{"model":"MODEL","x":"\q",${user}}`],
    ['a duplicate model', `{"model":"MODEL",${user},"model":"MODEL"}`, /model/],
    ['a duplicate model, spelled with an escape', `{"model":"MODEL",${user},"mod\\u0065l":"other"}`, /model/],
    ['a duplicate unknown member', `{"model":"MODEL","x":1,${user},"x":1}`, /x/],
    ['another spelling of model', `{"model":"MODEL","Model":"other",${user}}`],
    ['no model', `{${user}}`, /model/],
    ['a model that is a number', `{"model":7,${user}}`, /model/],
    ['a model that is null', `{"model":null,${user}}`, /model/],
    ['an empty model', `{"model":"",${user}}`, /model/],
    ['a model of 300 bytes', `{"model":"${'m'.repeat(300)}",${user}}`, /model/],
    ['a model with a line feed', `{"model":"a\\nb",${user}}`, /model/],
    ['stream as a text', `{"model":"MODEL","stream":"true",${user}}`, /stream/],
    ['no messages', '{"model":"MODEL"}', /messages/],
    ['messages as a text', '{"model":"MODEL","messages":"hi"}', /messages/],
    ['a list 100,000 deep', `{"model":"MODEL","x":${nested(100_000)},${user}}`],
    ['objects 100,000 deep', `{"model":"MODEL","x":${nested(100_000, '{"a":', '}').replace('}', '1}')},${user}}`],
    ['a lone surrogate pair cut by bytes', Buffer.concat([Buffer.from('{"model":"MODEL","x":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from(`",${user}}`)])],
    ['invalid UTF-8', Buffer.concat([Buffer.from('{"model":"MODEL","x":"'), Buffer.from([0xff, 0xfe, 0xc0, 0x80]), Buffer.from(`",${user}}`)])],
    ['an overlong UTF-8 slash', Buffer.concat([Buffer.from('{"model":"MODEL","x":"'), Buffer.from([0xc0, 0xaf]), Buffer.from(`",${user}}`)])],
    ['a NUL byte', `{"model":"MODEL","x":"\u0000",${user}}`],
    ['UTF-16', Buffer.from(`{"model":"MODEL",${user}}`, 'utf16le')],
];

for (const [name, body, pattern] of bodies)
    test(`400 for a body that is ${name}, in both dialects`, async () => {
        for (const [where, model] of [[at.chat, 'gpt-sim'], [at.messages, 'claude-sim']]) {
            const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.replaceAll('MODEL', model));
            assert_error(await server.call(where, bytes), 400, where, pattern);
        }
        await healthy();
    });

test('400 also names what is wrong for embeddings, responses, completions and count_tokens', async () => {
    for (const endpoint of ['embeddings', 'responses', 'completions', 'count_tokens']) {
        assert_error(await server.call(at[endpoint], '{"model":'), 400, at[endpoint]);
        assert_error(await server.call(at[endpoint], '{}'), 400, at[endpoint], /model/);
    }
    await healthy();
});

test('404 for unknown paths, in the dialect that the path speaks, before and after the /v1', async () => {
    for (const where of ['/api/openai/v1/nothing', '/api/openai/v1/chat', '/api/openai/v1/chat/completions/x', '/api/openai/', '/api/openai/v2/chat/completions',
        '/api/openai/v1/v1/v1/chat/completions', '/api/anthropic/v1/nothing', '/api/anthropic/v1/messages/count', '/api/anthropic/v1/chat/completions'])
        assert_error(await server.call(where, {}), 404, where);
    assert.equal((await server.call('/api/nothing', {})).status, 404);
    assert.equal((await server.call('/nothing', {})).status, 404);
    await healthy();
});

test('404 for an unknown model names it; 405 for the wrong verb', async () => {
    assert_error(await server.call(at.chat, ask.chat('nobody-has-this')), 404, at.chat, /nobody-has-this/);
    assert_error(await server.call(at.messages, ask.messages('nobody-has-this')), 404, at.messages, /nobody-has-this/);
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH'])
        assert.equal((await server.call(at.chat, undefined, { method })).status, 405, method);
    await healthy();
});

test('401 for each way of having no good key, and nothing of it reaches an upstream (T13)', async () => {
    const before = (await here.gpt.sim.log()).length;
    const good = server.admin;
    const flipped = good.slice(0, 10) + (good[10] === 'a' ? 'b' : 'a') + good.slice(11);
    for (const key of ['', 'auxk_', 'auxk_x', 'sk-123', good.slice(0, -1), `${good}x`, flipped, good.toUpperCase(), 'a'.repeat(5000), 'ü'.repeat(10)].map(key => Buffer.from(key).toString('latin1'))) {
        const answer = await server.call(at.chat, ask.chat('gpt-sim'), { key: null, headers: { authorization: `Bearer ${key}` } });
        assert_error(answer, 401, at.chat);
        assert.ok(key.length < 8 || !answer.text.includes(key), 'the key is not told back');
    }
    assert_error(await server.call(at.messages, ask.messages('claude-sim'), { key: null }), 401, at.messages);
    assert.equal((await server.call('/api/jobs', undefined, { key: null })).status, 401);
    assert.equal((await here.gpt.sim.log()).length, before);
    await healthy();
});

test('T03: odd spellings of a path never get in without a key, nor around the check, by whatever carrier and Host', async () => {
    const { admin, member, port } = server;
    const bad = `${admin.slice(0, -1)}${admin.endsWith('a') ? 'b' : 'a'}`;
    const none = ['', `authorization: Bearer ${bad}`, `x-api-key: ${bad}`, `cookie: session=${admin}; auxot=${admin}`, `authorization: Basic ${Buffer.from(`x:${admin}`).toString('base64')}`,
        `sec-websocket-protocol: ${admin}`, `x-auxot-key: ${admin}`, `proxy-authorization: Bearer ${admin}`];
    const good = [`authorization: Bearer ${admin}`, `x-api-key: ${admin}`, `authorization: Bearer ${admin}\r\nx-api-key: ${admin}`];
    const two = [`authorization: Bearer ${admin}\r\nx-api-key: ${bad}`, `authorization: Bearer ${bad}\r\nx-api-key: ${admin}`, `authorization: Bearer ${member}\r\nx-api-key: ${admin}`];
    const hosts = ['127.0.0.1', 'evil.example', `127.0.0.1:${port}`, 'api', 'health'];
    const paths = ['/api/providers', '//api/providers', '/./api/providers', '/api//providers', '/api/./providers', '/api/x/../providers', '/api/%70roviders', '/API/providers',
        '/api/providers;x', '/api/providers/', '/api%2fproviders', '/api/health/../providers', `http://127.0.0.1:${port}/api/providers`, 'http://evil.example/api/health/../providers', '/metrics/../api/providers', '/api/health;/../providers',
        '/api/openai/v1/../../providers', '/api/openai/../providers', '/api/anthropic/v1/%2e%2e/%2e%2e/providers'];
    const ask_for = async (path, host, carrier) => {
        const wire = new Wire(port);
        await wire.send(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${carrier}${carrier && '\r\n'}connection: close\r\n\r\n`);
        const answer = await wire.answer();
        wire.close();
        return { answer, what: `${path}, ${host}, ${carrier.slice(0, 24)}: ${answer.status} ${answer.text.slice(0, 100)}` };
    };
    for (const path of paths)
        for (const host of hosts) {
            const is_canonical = /^(http:..[^/]*)?.api.providers([?].*)?$/.test(path);
            for (const [carriers, canonical] of [[none, 401], [good, 200], [two, 400]])
                for (const carrier of carriers) {
                    const { answer, what } = await ask_for(path, host, carrier);
                    if (is_canonical) assert.equal(answer.status, canonical, what);
                    else assert.ok([400, 401, 404, 405].includes(answer.status), what);
                }
        }
    const in_the_url = `/api/providers?key=${admin}&api_key=${admin}`; // is no carrier, and no parameter
    for (const [carrier, status] of [['', 401], [good[0], 400]])
        assert.equal((await ask_for(in_the_url, hosts[0], carrier)).answer.status, status);
    await healthy();
});

// Raw framing: what is sent, and what must come. `close`: the connection must end after it.
const auth = `host: x\r\nauthorization: Bearer ${server.admin}\r\ncontent-type: application/json\r\n`;
const chat = JSON.stringify(ask.chat('gpt-sim'));
const head = (more, first = `POST ${at.chat} HTTP/1.1`) => `${first}\r\n${auth}${more}\r\n`;
const length = `content-length: ${chat.length}\r\n`;
const framings = [
    ['Content-Length and Transfer-Encoding together (CL+TE)', `${head(`${length}transfer-encoding: chunked\r\n`)}0\r\n\r\n`],
    ['two different Content-Lengths', `${head(`${length}content-length: 3\r\n`)}${chat}`],
    ['a list of Content-Lengths', `${head(`content-length: ${chat.length}, ${chat.length}\r\n`)}${chat}`],
    ['a negative Content-Length', head('content-length: -1\r\n')],
    ['a Content-Length with a plus', `${head(`content-length: +${chat.length}\r\n`)}${chat}`],
    ['a hexadecimal Content-Length', `${head(`content-length: 0x${chat.length.toString(16)}\r\n`)}${chat}`],
    ['a Content-Length beyond all numbers', head('content-length: 99999999999999999999999\r\n')],
    ['an unknown Transfer-Encoding', `${head('transfer-encoding: gzip, chunked\r\n')}0\r\n\r\n`],
    ['chunked twice', `${head('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n')}0\r\n\r\n`],
    ['an obfuscated Transfer-Encoding', `${head('transfer-encoding: xchunked\r\n')}0\r\n\r\n`],
    ['a blank before the colon', `${head('x-a : 1\r\n')}`],
    ['bare line feeds', `${head(length).replaceAll('\r\n', '\n')}${chat}`],
    ['a bare carriage return in a header', head('x-a: 1\rx-b: 2\r\n')],
    ['a folded header', head('x-a: 1\r\n  2\r\n')],
    ['a NUL in a header', head('x-a: 1\0\r\n')],
    ['a header without a name', head(': 1\r\n')],
    ['a header without a colon', head('what\r\n')],
    ['a bad chunk size', `${head('transfer-encoding: chunked\r\n')}zz\r\n`],
    ['a negative chunk size', `${head('transfer-encoding: chunked\r\n')}-1\r\n`],
    ['a chunk longer than it said', `${head('transfer-encoding: chunked\r\n')}2\r\nabcdef\r\n0\r\n\r\n`],
    ['HTTP/0.9', `GET ${at.chat}\r\n\r\n`],
    ['HTTP/2.0 in the request line', head('', `POST ${at.chat} HTTP/2.0`)],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello hello hello\r\n\r\n'],
    ['a method of garbage', head('', `P@ST ${at.chat} HTTP/1.1`)],
    ['a blank in the target', head('', 'POST /api/openai/v1/chat completions HTTP/1.1')],
];
for (const [name, bytes] of framings)
    test(`T17: 400 and close for ${name}`, async () => {
        const victim = `GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n`;
        const wire = new Wire(server.port);
        await wire.send(Buffer.from(bytes, 'latin1'));
        await wire.send(victim); // smuggled behind: must never be answered
        await wire.end();
        const answers = wire.answers();
        assert.equal(answers.length, 1, wire.text.slice(0, 400));
        assert.ok(answers[0].status >= 400 && answers[0].status <= 505, `${answers[0].status}`);
        wire.close();
        await healthy();
    });

test('headers too many or too long: 431, a request line too long: 414, and close', async () => {
    for (const [bytes, statuses] of [
        [head(`x-a: ${'a'.repeat(40_000)}\r\n`), [431]],
        [head(Array.from({ length: 150 }, (_, i) => `x-${i}: 1\r\n`).join('')), [431]],
        [head('', `GET /api/openai/v1/models?${'a'.repeat(9_000)} HTTP/1.1`), [414, 431]],
    ]) {
        const wire = new Wire(server.port);
        await wire.send(bytes);
        await wire.end();
        assert.ok(statuses.includes(wire.answers()[0]?.status), wire.text.slice(0, 200));
        wire.close();
    }
    await healthy();
});

test('413 for a body over the limit, said in advance or found out; the client sees the answer and not a reset (F29)', async () => {
    const large = JSON.stringify(ask.chat('gpt-sim', { x: 'a'.repeat(1_200_000) }));
    for (const [where, model] of [[at.chat, 'gpt-sim'], [at.messages, 'claude-sim']]) {
        const body = large.replace('gpt-sim', model);
        assert_error(await server.call(where, body), 413, where);
    }
    const chunked = new Wire(server.port);
    await chunked.send(head('transfer-encoding: chunked\r\n'));
    const piece = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
    for (let i = 0; i < 24 && !chunked.closed; i++) await chunked.send(piece);
    assert.equal((await chunked.answer()).status, 413);
    chunked.close();
    const liar = new Wire(server.port);
    await liar.send(head('content-length: 1000000000\r\n'));
    assert.equal((await liar.answer()).status, 413);
    liar.close();
    await healthy();
});

test('F29: Expect: 100-continue: the answer to go on comes first, or at once the error', async () => {
    const polite = new Wire(server.port);
    await polite.send(head(`${length}expect: 100-continue\r\n`));
    assert.equal((await polite.answer(1)).status, 100);
    await polite.send(chat);
    assert.equal((await polite.answer(2)).status, 200);
    polite.close();
    const refused = new Wire(server.port);
    await refused.send(head('content-length: 1000000000\r\nexpect: 100-continue\r\n'));
    assert.equal((await refused.answer()).status, 413);
    refused.close();
    await healthy();
});

test('F32: pipelined requests are answered in order, each its own answer', async () => {
    const wire = new Wire(server.port);
    const bodies = ['a', 'b', 'c'].map(word => JSON.stringify(ask.chat(word === 'b' ? 'nobody-has-this' : 'gpt-sim', { user: word })));
    await wire.send(bodies.map(body => `${head(`content-length: ${body.length}\r\n`)}${body}`).join(''));
    await wire.answer(3);
    assert.deepEqual(wire.answers().map(answer => answer.status), [200, 404, 200]);
    wire.close();
    await healthy();
});

test('F32: a connection serves one request after the other; HTTP/1.0 closes', async () => {
    const wire = new Wire(server.port);
    for (let i = 1; i <= 3; i++) {
        await wire.send(head(length) + chat);
        assert.equal((await wire.answer(i)).status, 200);
    }
    wire.close();
    const old = new Wire(server.port);
    await old.send(head(length, `POST ${at.chat} HTTP/1.0`) + chat);
    await old.end();
    assert.match(old.text, /^HTTP\/1\.[01] 200 /);
    old.close();
});

test('F32: 426 to a WebSocket upgrade on /responses, so that Codex goes on over HTTP', async () => {
    for (const where of ['/api/openai/v1/responses', '/api/openai/responses']) {
        const wire = new Wire(server.port);
        await wire.send(`GET ${where} HTTP/1.1\r\n${auth}connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
        assert.equal((await wire.answer()).status, 426);
        wire.close();
    }
    await healthy();
});

test('F32: CONNECT and TRACE are refused', async () => {
    for (const line of ['CONNECT example.org:443 HTTP/1.1', `TRACE ${at.chat} HTTP/1.1`]) {
        const wire = new Wire(server.port);
        await wire.send(head('', line));
        assert.ok((await wire.answer()).status >= 400);
        wire.close();
    }
    await healthy();
});

test('F32: an upgrade in the middle of a body is part of the body; behind an absolute target the Host decides nothing', async () => {
    const wire = new Wire(server.port);
    const body = JSON.stringify(ask.chat('gpt-sim', { user: 'GET / HTTP/1.1 upgrade: websocket' }));
    await wire.send(`POST ${at.chat} HTTP/1.1\r\n${auth}connection: upgrade\r\nupgrade: websocket\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 20)}`);
    await wire.send(body.slice(20));
    assert.equal((await wire.answer()).status, 200);
    await wire.send(`POST http://elsewhere.example${at.chat} HTTP/1.1\r\n${auth}content-length: ${chat.length}\r\n\r\n${chat}`);
    assert.equal((await wire.answer(2)).status, 200, 'the same connection, and our own path');
    wire.close();
    await healthy();
});

test('a hundred clients that vanish in the middle of head or body leave nothing behind (I8)', async () => {
    const before = server.descriptors();
    for (let i = 0; i < 100; i++) {
        const wire = new Wire(server.port);
        const bytes = head(length) + chat;
        await wire.send(bytes.slice(0, 1 + (i * 7) % (bytes.length - 1)));
        wire.close();
    }
    await healthy();
    await until(() => server.descriptors() <= before + 4, () => `descriptors: ${before} before, ${server.descriptors()} after`);
});

test('F27: a head that never ends gets 408 and the connection is closed, about ten seconds on', async () => {
    await slow.end(25_000);
    assert.equal(slow.answers()[0]?.status, 408, slow.text.slice(0, 200));
    assert.ok(Date.now() - slow_since > 5_000, 'not at once');
    slow.close();
});

test('others were served all the while, and the ledgers agree (I1 to I5, I8, I9, I11, I12)', others_end);
closing(here);
