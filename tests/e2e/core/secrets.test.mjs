// I9, T12: canaries go everywhere a secret goes, everything that can go wrong goes wrong, and then all that
// the server left is searched: logs, files, answers. Raw, encoded, and in pieces of twelve bytes.
// T11: sealed keys that were moved do not open. T13, T29, T30: verdicts on keys.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at } from '../lib/scene.mjs';
import { call } from '../lib/http.mjs';
import { Child, until } from '../lib/process.mjs';
import { Server, auxot, empty_dir } from '../lib/server.mjs';
import { Sim, dead_port } from '../lib/sim.mjs';
import { Suite } from '../lib/suite.mjs';
import { files_under, find_secrets } from '../lib/secrets.mjs';

// ---- canaries ------------------------------------------------------------------------------------

const noise = () => randomBytes(24).toString('base64url');
const secrets = {
    'the secret': `canary/master+${noise()}`,
    'a key like the vendors\'': `sk-canary-${noise()}`,
    'a key without a prefix': `${noise().replaceAll(/[-_]/g, 'x')}0/${noise()}+a=`,
    'a key of words alone': `correcthorsebatterystaple${'abcdefghijklmnop'.repeat(2)}`,
};

// ---- a vendor that tells all it knows -----------------------------------------------------------

// It quotes the credential in its body and its headers, whatever it answers. The model's name says what. (Encoded only
// where the words become ours: a 400 is the caller's to see, and a vendor that hides its own key there can tell anybody.)
async function talkative() {
    const quotes = {
        json: key => JSON.stringify({ error: { message: `Incorrect API key provided: ${key}. Find yours at https://vendor.example/?key=${encodeURIComponent(key)}`, type: key, code: key, param: key } }),
        anthropic: key => JSON.stringify({ type: 'error', error: { type: 'authentication_error', message: `bad x-api-key ${key}` } }),
        base64: key => JSON.stringify({ error: { message: `Authorization: Basic ${Buffer.from(`user:${key}`).toString('base64')}`, type: 'x' } }),
        html: key => `<html><body>403 for ${key}</body></html>`,
        cut: key => `{"error":{"message":"${key}`,
        plain: key => key,
    };
    const server = http.createServer((request, response) => {
        const key = request.headers['x-api-key'] ?? request.headers.authorization?.replace(/^Bearer /, '') ?? '';
        let body = '';
        request.on('data', bytes => { body += bytes; }).on('end', () => {
            const headers = { 'x-request-id': key, 'x-echo': key, 'www-authenticate': `Bearer ${key}` };
            if (request.method === 'GET' && server.lists) return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ object: 'list', has_more: false,
                data: server.models.map(id => ({ id, object: 'model', type: 'model', created: 1, owned_by: 'x', display_name: id, created_at: '2024-01-01T00:00:00Z' })) }));
            const { model, stream } = request.method === 'POST' ? JSON.parse(body) : { model: 'status-401-json' };
            const [, how, status, form] = model.match(/^(\w+)-(\d+)-(\w+)$/);
            if (how === 'stream' && stream) {
                response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
                return response.end(`data: ${quotes[form](key)}\n\n`);
            }
            response.writeHead(Number(status), { ...headers, 'content-type': form === 'html' ? 'text/html' : 'application/json' });
            if (how !== 'torn') return response.end(quotes[form](key));
            response.write(quotes[form](key));
            setImmediate(() => response.destroy());
        });
    });
    server.models = [400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 529].map(status => `status-${status}-json`).concat(
        ['anthropic', 'html', 'cut', 'plain'].flatMap(form => [`status-400-${form}`, `status-500-${form}`]), ['status-500-base64', 'stream-200-json', 'stream-200-anthropic', 'stream-200-cut', 'torn-400-json', 'torn-500-json']);
    server.lists = true;
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    server.url = `http://127.0.0.1:${server.address().port}`;
    return server;
}

// ---- the drive ----------------------------------------------------------------------------------

const env = { AUXOT_SECRET_KEY: secrets['the secret'], AUXOT_LOG_LEVEL: 'debug' };
const server = await Server.start({ env });
server.admin = await server.key('admin', 'admin');
server.member = await server.key('member', 'member');
const canaries = { ...secrets, 'the admin\'s key': server.admin, 'the member\'s key': server.member };
const vendor_keys = Object.entries(secrets).filter(([name]) => name !== 'the secret').map(([, key]) => key);
const answers = [];

// Any request at all; what came back is kept for the search.
async function drive(where, options = {}) {
    let text;
    try {
        const answer = await call(server.url + where, { key: server.admin, ...options });
        answers.push({ where: `the answer of ${options.method ?? ''} ${where} ${JSON.stringify(options.body ?? '').slice(0, 80)}`, bytes: Buffer.from(`${answer.status}\n${answer.raw_headers.join('\n')}\n\n${answer.text}`) });
        return answer;
    } catch (error) {
        text = String(error); // a cut stream is an outcome like another
        answers.push({ where, bytes: Buffer.from(text) });
    }
    return undefined;
}

const provider = (name, api_key, base_url, type = 'openai') => drive('/api/providers', { body: { type, name, api_key, base_url } }).then(answer => answer.json);

async function read_everything() {
    for (const where of ['/', '/health', '/api/health', '/metrics', '/api/providers', '/api/keys', '/api/routes', '/api/events', '/api/events?limit=200', '/api/jobs?limit=200', '/api/openai/v1/models', '/api/anthropic/v1/models', '/nowhere'])
        await drive(where);
    for (const kind of ['providers', 'keys', 'jobs?limit=200', 'routes'])
        for (const { id } of (await server.api('GET', `/api/${kind}`)).items) await drive(`/api/${kind.split('?')[0]}/${id}`);
}

const leftovers = () => [...answers, ...files_under(server.data), { where: 'the log', bytes: Buffer.from(server.all_logs) }, { where: 'stdout', bytes: Buffer.from(server.child.stdout) }];
const no_secret = () => assert.deepEqual(find_secrets(leftovers(), canaries), []);

test('the search itself finds a canary in each disguise, and nothing in noise', () => {
    const secret = secrets['a key without a prefix'];
    for (const [form, text] of Object.entries({ raw: secret, piece: `..${secret.slice(9, 21)}..`, url: encodeURIComponent(secret), json: secret.replaceAll('/', '\\/'),
        hex: Buffer.from(secret).toString('hex'), odd: Buffer.from(`?${secret}`).toString('base64'), odder: Buffer.from(`??${secret}`).toString('base64url') }))
        assert.equal(find_secrets([{ where: form, bytes: Buffer.from(`noise ${text} noise`) }], { secret }).length, 1, form);
    assert.deepEqual(find_secrets([{ where: 'noise', bytes: randomBytes(100_000) }], secrets), []);
});

test('T12: what goes well leaves no secret', async () => {
    for (const [index, dialect] of ['openai', 'anthropic'].entries()) {
        const sim = await Sim.start({ dialect, models: [`${dialect}-m`] });
        const made = await provider(`good ${dialect}`, vendor_keys[index], sim.base_url, dialect);
        assert.equal(made.status, 'online', JSON.stringify(made));
        for (const stream of [false, true])
            assert.equal((await drive(dialect === 'openai' ? at.chat : at.messages, { key: server.member, body: dialect === 'openai' ? ask.chat('openai-m', { stream }) : ask.messages('anthropic-m', { stream }) })).status, 200);
        await drive(`/api/providers/${made.id}`, { method: 'PATCH', body: { api_key: vendor_keys[index + 1] } });
        await drive(`/api/providers/${made.id}/refresh`, { method: 'POST' });
        await sim.stop();
        await drive(at.chat, { body: ask.chat(`${dialect}-m`) });
    }
    await read_everything();
    no_secret();
});

for (const [dialect, where, form] of [['openai', at.chat, ask.chat], ['anthropic', at.messages, ask.messages]])
    test(`T12: a vendor (${dialect}) that quotes the key in every error is heard by nobody`, async () => {
        for (const [index, key] of vendor_keys.entries()) {
            const vendor = await talkative();
            const made = await provider(`talker ${dialect} ${index}`, key, dialect === 'openai' ? `${vendor.url}/v1` : vendor.url, dialect);
            assert.equal(made.status, 'online', JSON.stringify(made));
            await drive(`/api/providers/${made.id}`, { method: 'PATCH', body: { surfaced_models: vendor.models } });
            for (const model of vendor.models)
                for (const stream of [false, true]) {
                    await server.api('POST', `/api/providers/${made.id}/refresh`); // forgets the verdict before
                    const answer = await drive(where, { key: server.member, body: form(`${made.slug}/${model}`, { stream }) });
                    if (answer) assert.notEqual(answer.headers['x-auxot-attempts'], '0', `${model}: ${answer.text}`);
                }
            vendor.lists = false; // from here on the list of models is refused as well, with the key
            await drive(`/api/providers/${made.id}/refresh`, { method: 'POST' });
            await provider(`refused ${dialect} ${index}`, key, dialect === 'openai' ? `${vendor.url}/v1` : vendor.url, dialect);
            await drive(`/api/providers/${made.id}`, { method: 'PATCH', body: { api_key: key, name: `renamed ${dialect} ${index}` } });
            vendor.close();
        }
        await read_everything();
        no_secret();
    });

test('T12: addresses that fail, TLS that is refused, keys in wrong places', async () => {
    const plain = await talkative();
    const key = vendor_keys[0];
    for (const [name, url] of Object.entries({ dead: `http://127.0.0.1:${await dead_port()}/v1`, tls: plain.url.replace('http:', 'https:'), dns: 'https://no-such-host.invalid/v1',
        userinfo: `https://user:${key}@127.0.0.1/v1`, nonsense: 'gopher://x' })) {
        const made = (await drive('/api/providers', { body: { type: 'openai', name, api_key: key, base_url: url } })).json;
        if (made.slug) await drive(at.chat, { body: ask.chat(`${made.slug}/x`) });
    }
    for (const where of [at.chat, at.messages, '/api/providers', '/metrics'])
        for (const headers of [{ authorization: server.member }, { authorization: `Basic ${Buffer.from(`user:${server.member}`).toString('base64')}` }, { 'x-api-key': `${server.member}x` },
            { 'x-api-key': server.member, authorization: `Bearer ${server.admin}` }, { cookie: `session=${server.member}` }, { 'proxy-authorization': `Bearer ${server.member}` }])
            await drive(where, { key: undefined, headers, body: where.includes('v1') ? ask.chat('x') : undefined });
    await drive(`${at.chat}?api_key=${server.member}`, { key: undefined, body: ask.chat('x') });
    await drive(`/api/jobs?key=${server.member}`, { key: undefined });
    for (const body of ['{', `{"model":"x","messages":[],"api_key":"${key}"`, `"${key}"`, { type: 'openai', name: 'x', api_key: [key] }, { type: 'openai', name: 'x', api_key: `${key}\n${key}` },
        { type: 'openai', name: 'x', apikey: key }, { type: 'openai', name: 'x', api_key: key.repeat(200) }])
        await drive('/api/providers', { body }), await drive(at.chat, { body });
    plain.close();
    await read_everything();
    no_secret();
});

test('T12: nothing is left in /proc, the secret is out of the environment, no core file', async () => {
    const proc = ['environ', 'cmdline', 'limits', 'status'].map(name => ({ where: `/proc/${name}`, bytes: fs.readFileSync(`/proc/${server.pid}/${name}`) }));
    assert.deepEqual(find_secrets(proc, canaries), []);
    assert.match(proc[2].bytes.toString(), /Max core file size +0 +0 /);
});

// Everything that the process holds and root may read; what is only mapped, and never touched, is nothing.
function* memory_of(pid) {
    const memory = fs.openSync(`/proc/${pid}/mem`, 'r');
    for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
        const [, from, to, mode, name] = line.match(/^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/) ?? [];
        if (!mode?.startsWith('r') || name.startsWith('[v')) continue;
        const start = BigInt(`0x${from}`), bytes = Buffer.alloc(Number(BigInt(`0x${to}`) - start));
        try { fs.readSync(memory, bytes, 0, bytes.length, start); } catch { continue; }
        yield { where: name || 'its own memory', bytes };
    }
    fs.closeSync(memory);
}
const may_read_memory = (() => { try { fs.closeSync(fs.openSync(`/proc/${server.pid}/mem`, 'r')); return true; } catch { return false; } })();

test('T12: a provider\'s key is wiped: at rest, after requests and changes, it stands nowhere in the process', { skip: (!may_read_memory || Suite.patience > 1) && 'not root, or a build that keeps what is freed' }, async () => {
    const here = await Server.start(), sim = await Sim.start({ models: ['m'] });
    here.admin = await here.key('x');
    const key = `sk-wiped-${noise()}`, next = `sk-wiped-${noise()}`;
    const made = await here.api('POST', '/api/providers', { type: 'openai', name: 'v', api_key: key, base_url: sim.base_url });
    const ask_some = async () => { for (let i = 0; i < 20; i++) assert.equal((await here.call(at.chat, ask.chat('m', { stream: i % 2 === 0 }))).status, 200); };
    await ask_some();
    await here.api('PATCH', `/api/providers/${made.id}`, { api_key: next });
    await here.api('POST', `/api/providers/${made.id}/refresh`);
    await ask_some();
    await until(async () => await here.metric('auxot_requests_running') === 0, 'it rests');
    let searched = 0;
    for (const [what, secret] of [['the key', next], ['the key before', key]])
        for (const { where, bytes } of memory_of(here.pid)) {
            searched += bytes.length;
            assert.equal(bytes.indexOf(secret.slice(3)), -1, `${what} stands in ${where}`);
        }
    assert.ok(searched > 1e6, 'there was something to search');
    assert.equal((await here.stop()).code, 0);
    await sim.stop();
});

test('T12: after a stop, and a start with the same secret, still nothing; the keys work', async () => {
    assert.equal((await server.stop()).code, 0, server.all_logs.slice(-2000));
    no_secret();
    await server.restart();
    await read_everything();
    const { code } = await server.stop();
    assert.equal(server.verdict(), null);
    assert.equal(code, 0);
    no_secret();
});

test('T12: a crash leaves no core file, and no secret on stderr', async () => {
    const data = empty_dir(), dir = empty_dir('cwd');
    const crashed = new Child(Suite.binary, ['serve', '--data-dir', data, '--port', '0'], { env: { ...env, AUXOT_CONFINE: undefined }, cwd: dir });
    const [, url] = await crashed.line(/^auxot ready (http:\/\/\S+)$/m);
    const { stdout } = await auxot(['keys', 'create', '--data-dir', data, '--name', 'x', '--role', 'admin']);
    const sim = await Sim.start();
    await call(`${url}/api/providers`, { key: stdout.trim(), body: { type: 'openai', name: 'x', api_key: vendor_keys[0], base_url: sim.base_url } });
    assert.equal((await call(url + at.chat, { key: stdout.trim(), body: ask.chat('gpt-sim') })).status, 200);
    process.kill(crashed.pid, 'SIGSEGV');
    const { signal, code } = await crashed.exit;
    await sim.stop();
    assert.ok(signal === 'SIGSEGV' || code !== 0);
    assert.deepEqual(fs.readdirSync(dir), []);
    assert.deepEqual(find_secrets([...files_under(data), { where: 'stderr', bytes: Buffer.from(crashed.stderr) }], { ...canaries, admin: stdout.trim() }), []);
});

// ---- T11, T13, T29, T30 -------------------------------------------------------------------------

const sql = (data, text) => execFileSync('sqlite3', [path.join(data, 'store.db'), text], { encoding: 'utf8' }).trim();
const has_sqlite = (() => { try { execFileSync('sqlite3', ['--version']); return true; } catch { return false; } })();

test('T11: sealed keys that were swapped, changed or cut do not open: the provider says so, the rest lives', { skip: !has_sqlite && 'no sqlite3 here' }, async () => {
    const sims = [], data = empty_dir();
    const here = await Server.start({ data });
    here.admin = await here.key('x');
    for (const name of ['a', 'b', 'c', 'd', 'good']) {
        const sim = await Sim.start({ models: [`m-${name}`] });
        sims.push(sim);
        assert.equal((await here.api('POST', '/api/providers', { type: 'openai', name, api_key: `sk-${name}-${noise()}`, base_url: sim.base_url })).status, 'online');
    }
    assert.equal((await here.stop()).code, 0);
    const bent = "substr(sealed_key, 1, length(sealed_key) - 1) || CASE substr(sealed_key, -1) WHEN x'00' THEN x'01' ELSE x'00' END";
    sql(data, `CREATE TEMP TABLE old AS SELECT slug, sealed_key FROM provider;
        UPDATE provider SET sealed_key = (SELECT sealed_key FROM old WHERE slug = 'b') WHERE slug = 'a';
        UPDATE provider SET sealed_key = (SELECT sealed_key FROM old WHERE slug = 'a') WHERE slug = 'b';
        UPDATE provider SET sealed_key = CAST(${bent} AS BLOB) WHERE slug = 'c';
        UPDATE provider SET sealed_key = substr(sealed_key, 1, 20) WHERE slug = 'd';`);
    await here.restart();
    for (const name of ['a', 'b', 'c', 'd']) {
        const { id } = (await here.api('GET', '/api/providers')).items.find(item => item.slug === name);
        const now = await until(async () => { const row = await here.api('GET', `/api/providers/${id}`); return row.status === 'error' && row; }, `${name} is in error`);
        assert.match(now.error, /key/i);
        assert.ok((await here.call(at.chat, ask.chat(`${name}/m-${name}`))).status >= 500);
        assert.match(here.all_logs, new RegExp(`provider_key_unreadable provider=${id}`));
    }
    assert.equal((await here.call(at.chat, ask.chat('m-good'))).status, 200);
    for (const sim of sims.slice(0, 4)) assert.deepEqual(await sim.log(), [], 'a key that was moved went nowhere');
    const [a] = (await here.api('GET', '/api/providers')).items.filter(item => item.slug === 'a');
    assert.equal((await here.api('PATCH', `/api/providers/${a.id}`, { api_key: 'sk-entered-again' })).status, 'online');
    const { code } = await here.stop();
    assert.equal(here.verdict(), null);
    assert.equal(code, 0);
    for (const sim of sims) await sim.stop();
});

test('T30: an empty, short, repeated or well-known secret is refused, and nothing is made with it', async () => {
    for (const secret of ['', ' ', 'short', 'x'.repeat(31), 'a'.repeat(64), 'changeme'.repeat(8), '0'.repeat(32), 'ab'.repeat(32)]) {
        const data = empty_dir();
        const { code, stdout, stderr } = await auxot(['serve', '--data-dir', data, '--port', '0'], { env: { AUXOT_SECRET_KEY: secret }, timeout: 10_000 });
        assert.notEqual(code, 0, `started with ${JSON.stringify(secret)}`);
        assert.match(stderr, /secret/i);
        assert.doesNotMatch(stdout, /auxot ready/);
        assert.ok(secret.length < 6 || !stderr.includes(secret), 'the sentence does not quote it');
        assert.ok(!fs.existsSync(path.join(data, 'store.db')));
    }
    for (const content of ['', '\n', 'short\n', `${'a'.repeat(64)}\n`]) {
        const data = empty_dir();
        fs.writeFileSync(path.join(data, 'secret.key'), content, { mode: 0o600 });
        assert.notEqual((await auxot(['serve', '--data-dir', data, '--port', '0'], { timeout: 10_000 })).code, 0, `started with ${JSON.stringify(content)}`);
    }
});

// How far apart two samples are, in standard errors: Yuen's t, which leaves out the slowest tenth (the machine's).
function t_of(one, other) {
    const facts = times => {
        const sorted = times.sort((x, y) => x - y), kept = Math.floor(times.length * 0.9);
        const mean_of = list => list.reduce((sum, x) => sum + x, 0) / list.length;
        const pulled_in = sorted.map(x => Math.min(x, sorted[kept - 1])), middle = mean_of(pulled_in);
        const squares = pulled_in.reduce((sum, x) => sum + (x - middle) ** 2, 0);
        return { mean: mean_of(sorted.slice(0, kept)), error: squares / (kept * (kept - 1)) };
    };
    const a = facts(one), b = facts(other);
    return Math.abs(a.mean - b.mean) / Math.sqrt(a.error + b.error);
}

test('T13: how much of a bad key is right makes no difference to the time it takes', async () => {
    const here = await Server.start({ env: { AUXOT_THREADS: '1' } });
    here.admin = await here.key('x');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const flip = (key, i) => key.slice(0, i) + (key[i] === 'x' ? 'y' : 'x') + key.slice(i + 1);
    const kinds = [{ key: flip(here.admin, 6), times: [] }, { key: flip(here.admin, here.admin.length - 1), times: [] }]; // nothing right; all but the last
    const samples = (process.env.AUXOT_TEST_LONG === '1' ? 1_000_000 : 4000) / Suite.patience;
    for (let i = 0; i < samples + 200; i++) {
        const kind = kinds[Math.random() < 0.5 ? 0 : 1], from = process.hrtime.bigint();
        const { status } = await call(here.url + at.chat, { key: kind.key, body: '{}', agent });
        assert.equal(status, 401);
        if (i >= 200) kind.times.push(Number(process.hrtime.bigint() - from)); // warm by then
    }
    agent.destroy();
    const t = t_of(kinds[0].times, kinds[1].times);
    assert.ok(t < 4.5, `t = ${t}`);
    console.log(`# t = ${t.toFixed(2)} over ${samples} keys`);
    assert.equal((await here.stop()).code, 0);
    assert.equal(here.verdict(), null);
});

test('T13, T29: keys that share a prefix never share a verdict; a flood of bad ones disturbs no good one', async () => {
    const here = await Server.start();
    here.admin = await here.key('x');
    const sim = await Sim.start({ models: ['m'] });
    await here.api('POST', '/api/providers', { type: 'openai', name: 'v', api_key: 'k', base_url: sim.base_url });
    const status = async key => (await here.call(at.chat, ask.chat('m'), { key })).status;
    const flip = (key, i) => key.slice(0, i) + (key[i] === 'x' ? 'y' : 'x') + key.slice(i + 1);
    assert.ok(here.admin.length > 40);
    const twins = Array.from({ length: here.admin.length - 5 }, (_, i) => flip(here.admin, i + 5)); // those of the tail share 40 characters and more
    for (let round = 0; round < 2; round++) // the second time from whatever remembers the first
        for (const key of [...twins, here.admin.slice(0, -1), here.admin.slice(0, 40), `${here.admin}x`, 'auxk_', 'x'.repeat(10_000)])
            assert.deepEqual([await status(key), await status(here.admin)], [401, 200], key);

    const junk = Array.from({ length: 2000 }, (_, i) => i % 2 ? twins[i % twins.length] : `auxk_${randomBytes(30).toString('hex')}`);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    const bad = Promise.all(junk.map(key => call(here.url + at.chat, { key, body: ask.chat('m'), agent, timeout: 60_000 })));
    const good = [];
    for (let i = 0; i < 50; i++) good.push(await status(here.admin));
    assert.deepEqual(good, good.map(() => 200));
    assert.ok((await bad).every(answer => answer.status === 401));
    agent.destroy();
    assert.equal((await sim.log()).length, good.length + 2 * (twins.length + 5), 'only good requests went on to the vendor');
    const { code } = await here.stop();
    assert.equal(here.verdict(), null);
    assert.equal(code, 0);
    await sim.stop();
});
