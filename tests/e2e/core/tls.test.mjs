// TLS on both sides: to providers always verified (F04), to callers when a certificate is given.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { Server, empty_dir } from '../lib/server.mjs';
import { Wire } from '../lib/http.mjs';
import { run, until } from '../lib/process.mjs';

const dir = empty_dir('tls');
const file = name => path.join(dir, name);

// Certificates, made by openssl(1) as an operator would.
async function openssl(...args) {
    const { code, stderr } = await run('openssl', args, { cwd: dir });
    assert.equal(code, 0, stderr);
}
async function authority(name) {
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`);
}
async function certificate(name, by, names, days = '2') {
    await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    fs.writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\n`);
    await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-out', `${name}.pem`, '-days', days, '-extfile', `${name}.ext`);
}
await authority('ours');
await authority('stranger');
await certificate('good', 'ours', 'IP:127.0.0.1,DNS:localhost');
await certificate('wrong-name', 'ours', 'DNS:example.org');
await certificate('unknown', 'stranger', 'IP:127.0.0.1,DNS:localhost');
await certificate('expired', 'ours', 'IP:127.0.0.1,DNS:localhost', '0');

// A provider behind TLS; counts the requests that got through, and the sessions that were resumed.
async function secure_upstream(name, options = {}) {
    const seen = { requests: 0, resumed: 0, handshakes: 0 };
    const server = https.createServer({ key: fs.readFileSync(file(`${name}.key`)), cert: fs.readFileSync(file(`${name}.pem`)), keepAlive: false, ...options }, (request, response) => {
        request.resume().on('end', () => {
            const is_models = request.url.includes('/models');
            if (!is_models) seen.requests++;
            response.setHeader('content-type', 'application/json');
            response.setHeader('connection', 'close');
            response.end(JSON.stringify(is_models ? { object: 'list', data: [{ id: `m-${name}`, object: 'model' }, { id: 'shared', object: 'model' }] }
                : { id: 'x', object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'secure' }, finish_reason: 'stop' }] }));
        });
    });
    server.on('secureConnection', socket => { seen.handshakes++; if (socket.isSessionReused()) seen.resumed++; });
    server.on('tlsClientError', () => {});
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    return { seen, url: `https://127.0.0.1:${server.address().port}`, port: server.address().port, stop: () => new Promise(resolve => { server.closeAllConnections(); server.close(resolve); }) };
}

const here = await scene({ spare: { models: ['shared', 'spare'] } }, { env: { AUXOT_CA_FILE: file('ours.pem') } });
const { server } = here;
const make = (name, base_url) => server.api('POST', '/api/providers', { type: 'openai', name, api_key: canary, base_url });

test('a certificate that the given authority signed for this address: online and answering, by address and by name', async () => {
    const upstream = await secure_upstream('good');
    for (const url of [upstream.url, `https://localhost:${upstream.port}/v1`]) {
        const made = await make(`good ${url}`, url);
        assert.equal(made.status, 'online', JSON.stringify(made));
        const answer = await server.call(at.chat, ask.chat('m-good'));
        assert.equal(answer.json.choices?.[0].message.content, 'secure', answer.text);
        await server.api('DELETE', `/api/providers/${made.id}`);
    }
    await upstream.stop();
});

test('a session is resumed on the next connection', async () => {
    const upstream = await secure_upstream('good');
    const made = await make('resuming', upstream.url);
    for (let i = 0; i < 8; i++) assert.equal((await server.call(at.chat, ask.chat('m-good'))).status, 200);
    assert.ok(upstream.seen.resumed >= 1, JSON.stringify(upstream.seen));
    await server.api('DELETE', `/api/providers/${made.id}`);
    await upstream.stop();
});

for (const [name, pattern] of [['unknown', /certificate|issuer|authority|self|verif|TLS/i], ['wrong-name', /name|host|certificate|TLS|address/i], ['expired', /expired|certificate|TLS/i]])
    test(`F04: a certificate that is ${name}: no byte of HTTP goes there, the reason is shown, the next provider answers`, async () => {
        const upstream = await secure_upstream(name);
        const made = await make(name, upstream.url);
        assert.notEqual(made.status, 'online');
        assert.match(made.error, pattern);
        assert.equal(upstream.seen.requests, 0);
        await server.api('DELETE', `/api/providers/${made.id}`);

        // Known and well at first, then its certificate is exchanged.
        const good = await secure_upstream('good');
        const turned = await make(`turned ${name}`, good.url);
        await server.api('PATCH', '/api/routing', { auto: { provider: turned.id, model: 'shared' } });
        await good.stop();
        const bad = https.createServer({ key: fs.readFileSync(file(`${name}.key`)), cert: fs.readFileSync(file(`${name}.pem`)) }, () => assert.fail('a request got through'));
        bad.on('tlsClientError', () => {});
        await new Promise(resolve => bad.listen(good.port, '127.0.0.1', resolve));
        const answer = await server.call(at.chat, ask.chat('auto'));
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['x-auxot-provider'], here.spare.slug);
        const [first] = (await server.job(answer.job_id)).attempts;
        assert.deepEqual([first.provider.id, first.outcome], [turned.id, 'failed']);
        await server.api('PATCH', '/api/routing', { auto: null });
        await server.api('DELETE', `/api/providers/${turned.id}`);
        await new Promise(resolve => { bad.closeAllConnections(); bad.close(resolve); });
        await upstream.stop();
    });

test('F04: a provider that speaks only TLS 1.0 or 1.1 is refused', async () => {
    const upstream = await secure_upstream('good', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const made = await make('old tls', upstream.url);
    assert.notEqual(made.status, 'online');
    assert.equal(upstream.seen.requests, 0);
    await server.api('DELETE', `/api/providers/${made.id}`);
    await upstream.stop();
});

test('F04: cut, reset or answered with nonsense in the handshake: no byte of HTTP goes there, the next provider answers', async () => {
    const ways = { cut: socket => socket.destroy(), reset: socket => socket.resetAndDestroy(), 'no TLS': socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
        alert: socket => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 40])), half: socket => socket.end(Buffer.from([0x16, 3, 3, 0x40, 0, 2, 0])) };
    for (const [name, way] of Object.entries(ways)) {
        const heard = [];
        const upstream = net.createServer(socket => socket.on('error', () => {}).once('data', bytes => { heard.push(bytes); way(socket); }));
        await new Promise(resolve => upstream.listen(0, '127.0.0.1', resolve));
        const good = await secure_upstream('good');
        const made = await make(`shakes ${name}`, good.url);
        await server.api('PATCH', '/api/routing', { auto: { provider: made.id, model: 'shared' } });
        await good.stop();
        const moved = await server.api('PATCH', `/api/providers/${made.id}`, { base_url: `https://127.0.0.1:${upstream.address().port}`, api_key: canary });
        assert.notEqual(moved.status, 'online', name);
        assert.ok(moved.error.length > 10, `${name}: ${moved.error}`);
        assert.equal((await server.call(at.chat, ask.chat('auto'))).headers['x-auxot-provider'], here.spare.slug, name);
        assert.ok(heard.length > 0 && heard.every(bytes => bytes[0] === 0x16), `${name}: only handshakes were sent`);
        assert.ok(heard.every(bytes => !bytes.includes(canary)), name);
        await server.api('PATCH', '/api/routing', { auto: null });
        await server.api('DELETE', `/api/providers/${made.id}`);
        await new Promise(resolve => upstream.close(resolve));
    }
});

test('without the file the same certificate is unknown: the system decides', async () => {
    const upstream = await secure_upstream('good');
    const other = await Server.start();
    other.admin = await other.key('admin');
    const made = await other.api('POST', '/api/providers', { type: 'openai', name: 'x', api_key: canary, base_url: upstream.url });
    assert.notEqual(made.status, 'online');
    assert.equal((await other.stop()).code, 0);
    await upstream.stop();
});

test('the listener speaks TLS when it has a certificate: 1.2 and 1.3, streams included, nothing older, nothing plain', async () => {
    const secure = await Server.start({ env: { AUXOT_TLS_CERT: file('good.pem'), AUXOT_TLS_KEY: file('good.key') } });
    assert.match(secure.url, /^https:/);
    const key = await secure.key('admin');
    const ca = fs.readFileSync(file('ours.pem'));
    const ask_over = (method, where, body, options = {}) => new Promise((resolve, reject) => {
        const payload = body && JSON.stringify(body);
        const request = https.request(secure.url + where, { method, ca, agent: false, headers: { authorization: `Bearer ${key}`, ...(payload ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) } : {}) }, ...options }, response => {
            const chunks = [];
            response.on('data', chunk => chunks.push(chunk)).on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString(), protocol: response.socket.getProtocol() }));
        });
        request.on('error', reject).end(payload);
    });
    const made = await ask_over('POST', '/api/providers', { type: 'openai', name: 'x', api_key: canary, base_url: here.spare.sim.base_url });
    assert.equal(made.status, 201, made.text);
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const answer = await ask_over('POST', at.chat, ask.chat('spare', { stream: true }), { minVersion: version, maxVersion: version });
        assert.deepEqual([answer.status, answer.protocol], [200, version]);
        assert.match(answer.text, /\[DONE\]/);
    }
    const large = await ask_over('POST', at.chat, ask.chat('spare', { user: 'x'.repeat(3_000_000) }));
    assert.equal(large.status, 200);
    await assert.rejects(ask_over('GET', '/api/health', undefined, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
    await new Promise(resolve => tls.connect({ port: secure.port, host: '127.0.0.1', ca }, function () { this.destroy(); resolve(); })); // leaves after the handshake
    const plain = new Wire(secure.port);
    await plain.send('GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n');
    await plain.end();
    assert.doesNotMatch(plain.text, /"ok"/);
    await until(async () => (await ask_over('GET', '/api/health')).status === 200, 'still healthy');
    assert.equal((await secure.stop()).code, 0);
    assert.equal(secure.verdict(), null);
});

closing(here, { ledger: false });
