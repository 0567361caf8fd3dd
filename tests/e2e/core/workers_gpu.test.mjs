// `auxot worker gpu` and the real server: jobs, the queue, cancel, failover, leaving, coming back. The llama-server behind it is
// the simulator in its shape; where LLAMA_SERVER names a real one, the last test uses that.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { call } from '../lib/http.mjs';
import { fake_llama_server } from '../lib/llama.mjs';
import { run, until } from '../lib/process.mjs';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Server, empty_dir } from '../lib/server.mjs';
import { Sim, dead_port } from '../lib/sim.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';
import { Suite, sanitizer_report } from '../lib/suite.mjs';
import { provider_of_workers } from '../lib/worker.mjs';
import { end_workers, gpu_worker, living_workers } from '../lib/worker_gpu.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] } }, { env: { AUXOT_HEARTBEAT_INTERVAL: '500ms', AUXOT_DEAD_WORKER_TIMEOUT: '2s', AUXOT_GRACE: '20s' } });
const { server } = here;
const rack = await provider_of_workers(server, 'gpu', 'Rack');
const model = 'qwen3-8b-q4_k_m';

const view = async name => (await server.api('GET', '/api/workers')).items.find(worker => worker.name === name && worker.state !== 'dead' && worker.state !== 'left');
let count = 0;

// A worker behind which there is a simulator; gone at the end of its test.
async function hire({ slots = 2, url = server.url, key = rack.key, args = [], flags = [], models = [model] } = {}) {
    const sim = await Sim.start({ dialect: 'llama', models, flags: ['--slots', `${slots}`, ...flags] });
    here.upstreams.push({ sim });
    const name = `worker-${++count}`;
    const child = gpu_worker(url, key, ['--attach', sim.url, '--name', name, ...args]);
    await until(async () => (await view(name))?.parked === slots, () => `${name} is parked with ${slots}:\n${child.stderr}`);
    return { name, sim, child, look: () => view(name) };
}
async function fire_all() {
    await end_workers();
    await until(async () => (await rack.look()).status === 'offline', 'all workers are off the pool');
}
function staged(name, story) {
    test(name, async () => {
        try { await story(); } finally { await fire_all(); }
    });
}

after(end_workers);

staged('it joins: the provider is online, its models are offered, and requests in each dialect are answered', async () => {
    const { name, sim } = await hire({ flags: ['--context', '8192'] });
    assert.equal((await rack.look()).status, 'online');
    const seen = await view(name);
    assert.deepEqual([seen.kind, seen.slots, seen.busy], ['gpu', 2, 0]);
    const listed = async () => (await call(`${server.openai}/models`, { key: server.member })).json.data.map(({ id }) => id);
    await until(async () => (await listed()).includes(model), 'its model is surfaced');
    const plain = await server.call(at.chat, ask.chat(model));
    assert.equal(plain.status, 200, plain.text);
    assert.deepEqual([plain.headers['x-auxot-provider'], plain.headers['x-auxot-model']], [rack.slug, model]);
    const stream = await server.call(at.chat, ask.chat(model, { stream: true }));
    assert.equal(stamps_of(text_of(stream.events)).count, 8);
    const messages = await server.call(at.messages, ask.messages(model, { stream: true }));
    assert.equal(stamps_of(text_of(messages.events)).count, 8, messages.text);
    const responses = await server.call(at.responses, ask.responses(model));
    assert.equal(responses.status, 200, responses.text);
    const job = await server.job(plain.job_id);
    assert.equal(job.attempts[0].worker, seen.id);
    for (const entry of await sim.log()) assert.doesNotMatch(JSON.stringify(entry), /auxw_|auxk_/);
});

staged("too long a prompt is the caller's own error, in each dialect, and no trouble of the provider's", async () => {
    await hire({ flags: ['--context', '2000'] });
    const filler = 'word '.repeat(2400);
    const chat = await server.call(at.chat, ask.chat(model, { messages: [{ role: 'user', content: filler }] }));
    assert.equal(chat.status, 400, chat.text);
    assert.match(chat.text, /context/);
    const messages = await server.call(at.messages, ask.messages(model, { messages: [{ role: 'user', content: filler }] }));
    assert.equal(messages.status, 400, messages.text);
    assert.equal((await rack.look()).status, 'online');
});

staged('more requests than slots: the others wait here, not in llama-server, and all are answered', async () => {
    const { sim } = await hire({ slots: 2 });
    await sim.plays([{ then: { events: 20, gap_ms: 10 } }]);
    const answers = Promise.all(Array.from({ length: 12 }, () => server.call(at.chat, ask.chat(`${rack.slug}/${model}`, { stream: true }))));
    let most = 0;
    const watch = setInterval(async () => {
        const slots = (await call(`${sim.url}/slots`)).json;
        most = Math.max(most, slots.filter(slot => slot.is_processing).length);
    }, 20);
    for (const answer of await answers) assert.equal(stamps_of(text_of(answer.events)).count, 20, answer.text);
    clearInterval(watch);
    assert.ok(most >= 1 && most <= 2, `${most} at once`);
    const entries = (await sim.log()).filter(entry => entry.method === 'POST');
    assert.equal(entries.length, 12, 'each of them reached it once');
});

staged('the caller leaves in mid-stream: llama-server is left at once, and the slot is free again', async () => {
    const worker = await hire({ slots: 1 });
    await worker.sim.plays([{ then: { events: 100000, gap_ms: 5 } }]);
    const begun = server.begin(at.chat, ask.chat(model, { stream: true }));
    await begun.when(one => text_of(one.events).length > 20, 'tokens come');
    const left_at = Date.now();
    begun.leave();
    const entry = await worker.sim.seen(one => one.ended, 'llama-server was left');
    assert.equal(entry.ended, 'client_closed');
    assert.ok(entry.ended_at_ms - left_at < 500 * Suite.patience, `after ${entry.ended_at_ms - left_at} ms`);
    await worker.sim.plays();
    const next = await server.call(at.chat, ask.chat(model));
    assert.equal(next.headers['x-auxot-provider'], rack.slug, next.text);
});

staged('F34: the worker is killed: what had shown nothing is answered elsewhere, whole; a stream ends with an error', async () => {
    const worker = await hire({ slots: 2 });
    await worker.sim.plays([{ when: { stream: true }, then: { events: 100000, gap_ms: 5 } }, { then: { stall_before_head: true } }]);
    const plain = server.begin(at.chat, ask.chat('auto'));
    const stream = server.begin(at.chat, ask.chat(model, { stream: true }));
    await stream.when(one => text_of(one.events).length > 20, 'tokens come');
    await until(async () => (await worker.look())?.busy === 2, 'both run there');
    worker.child.kill('SIGKILL');
    const answer = await plain.done;
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['x-auxot-provider'], here.gpt.slug);
    assert.equal(stamps_of(answer.json.choices[0].message.content).requests, 1, 'of one provider alone');
    await stream.done;
    assert.match(stream.events.at(-1).data, /error/);
    const job = await server.job(plain.job_id ?? answer.job_id);
    assert.deepEqual(job.attempts.map(({ outcome }) => outcome), ['failed', 'ok']);
});

staged('two workers: one llama-server dies in mid-request, the other one gives the whole answer', async () => {
    const first = await hire({ slots: 1 }), second = await hire({ slots: 1 });
    for (const { sim } of [first, second]) await sim.plays([{ then: { delay_ms: 60_000 } }]);
    const begun = server.begin(at.chat, ask.chat(`${rack.slug}/${model}`));
    const busy = await until(async () => {
        for (const worker of [first, second]) if ((await worker.sim.log()).length > 0) return worker;
        return null;
    }, 'one of them has it');
    const other = busy === first ? second : first;
    await other.sim.plays();
    const log = await busy.sim.log();
    busy.sim.log = async () => log; // for the ledgers
    busy.sim.stop();
    const answer = await begun.done;
    assert.equal(answer.status, 200, answer.text);
    const job = await server.job(answer.job_id);
    assert.equal(job.attempts.length, 2);
    assert.equal(job.attempts[1].worker, (await other.look()).id);
});

staged('R12: SIGTERM: off the pool at once, the running stream is finished, exit 0', async () => {
    const worker = await hire({ slots: 2 });
    await worker.sim.plays([{ then: { events: 100, gap_ms: 10 } }]);
    const stream = server.begin(at.chat, ask.chat(model, { stream: true }));
    await stream.when(one => text_of(one.events).length > 20, 'tokens come');
    worker.child.kill('SIGTERM');
    await until(async () => (await rack.look()).status === 'offline', 'off the pool');
    assert.equal(stream.is_over ?? false, false, 'while its job still runs');
    const next = await server.call(at.chat, ask.chat('auto'));
    assert.equal(next.headers['x-auxot-provider'], here.gpt.slug);
    await stream.done;
    assert.equal(stamps_of(text_of(stream.events)).count, 100);
    assert.deepEqual(await worker.child.exit, { code: 0, signal: null });
});

staged('R15: llama-server is killed and started again: the worker leaves the pool and comes back to it', async () => {
    const llama = fake_llama_server();
    here.upstreams.push({ sim: llama });
    const child = gpu_worker(server.url, rack.key, ['--llama-server', llama.program, '--model', llama.model(`${model}.gguf`), '--name', 'starter', '--parallel', '2']);
    await until(async () => (await view('starter'))?.parked === 2, () => `joined:\n${child.stderr}`);
    assert.equal((await server.call(at.chat, ask.chat(model))).headers['x-auxot-provider'], rack.slug);
    await llama.remember();
    process.kill(llama.pids.at(-1), 'SIGKILL');
    await until(async () => (await rack.look()).status === 'offline', 'off the pool');
    await until(async () => (await view('starter'))?.parked === 2, 'and back');
    assert.equal((await server.call(at.chat, ask.chat(model))).headers['x-auxot-provider'], rack.slug);
    await llama.remember();
});

test('the key of another provider kind, and no key at all: one sentence, exit 1', async () => {
    const desk = await provider_of_workers(server, 'cli', 'Desk');
    const sim = await Sim.start({ dialect: 'llama' });
    for (const [key, word] of [[desk.key, /takes no worker from here: 400: /], [`auxw_${'0'.repeat(32)}`, /takes no worker from here: 401: /]]) {
        const child = gpu_worker(server.url, key, ['--attach', sim.url]);
        assert.equal((await child.exit).code, 1);
        assert.match(child.stderr, word);
    }
    sim.stop();
});

test('the server is killed and started again: the worker finds it, and serves', async () => {
    const port = await dead_port();
    const other = await Server.start({ flags: ['--port', `${port}`], env: { AUXOT_HEARTBEAT_INTERVAL: '500ms', AUXOT_DEAD_WORKER_TIMEOUT: '2s' } });
    other.admin = await other.key('admin');
    const provider = await provider_of_workers(other, 'gpu', 'Rack');
    const sim = await Sim.start({ dialect: 'llama', models: [model] });
    const child = gpu_worker(other.url, provider.key, ['--attach', sim.url]);
    const is_online = () => until(async () => (await provider.look()).status === 'online', () => `online:\n${child.stderr.slice(-3000)}`, 15_000);
    await is_online();
    await other.stop('SIGKILL');
    await until(() => /event=server_(lost|not_reached)/.test(child.stderr), 'it has noticed'); // killed before it heard that it had joined, it has not reached one
    await other.restart();
    await is_online();
    assert.equal((await other.call(at.chat, ask.chat(model))).status, 200);
    assert.equal((await other.stop()).code, 0);
    await child.stop('SIGKILL');
    sim.stop();
});

test('over TLS, with an authority of our own; without it the certificate is refused', async () => {
    const dir = empty_dir('tls');
    const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { cwd: dir });
    assert.equal(made.code, 0, made.stderr);
    const file = name => path.join(dir, name);
    const secure = await Server.start({ flags: ['--tls-cert', file('cert.pem'), '--tls-key', file('key.pem')] });
    const { key } = await worker_key_by_control(secure);
    const sim = await Sim.start({ dialect: 'llama', models: [model] });
    const trusting = gpu_worker(secure.url, key, ['--attach', sim.url, '--ca-file', file('cert.pem')]);
    await trusting.line(/event=waiting_for_jobs/, { stream: 'stderr' });
    const wary = gpu_worker(secure.url, key, ['--attach', sim.url]);
    await wary.line(/event=server_not_reached why=".*certificate/, { stream: 'stderr' });
    for (const child of [trusting, wary]) await child.stop('SIGKILL');
    await secure.stop();
    sim.stop();
});

// A provider and its worker key on a server that speaks TLS with a certificate that node does not know.
async function worker_key_by_control(secure) {
    const admin = await secure.key('admin');
    const curl = async (where, body) => {
        const { stdout, stderr } = await run('curl', ['-sk', `${secure.url}${where}`, '-H', `authorization: Bearer ${admin}`, '-H', 'content-type: application/json', '-d', JSON.stringify(body)]);
        assert.ok(stdout.startsWith('{'), stdout + stderr);
        return JSON.parse(stdout);
    };
    const provider = await curl('/api/providers', { type: 'gpu', name: 'Rack' });
    return curl(`/api/providers/${provider.id}/worker-keys`, {});
}

const real = process.env.LLAMA_SERVER;
const tiny_gguf = ['../../../../shared/tiny_gguf.py', '../../../../../shared/tiny_gguf.py'].map(name => new URL(name, import.meta.url).pathname).find(name => fs.existsSync(name));

test('a real llama-server with the tiny model: joins, streams, cancels, says what is too long, comes back after a kill',
    { skip: !real ? 'LLAMA_SERVER names none' : !tiny_gguf && 'shared/tiny_gguf.py is not here' }, async () => {
        const dir = empty_dir('gguf'), file = path.join(dir, 'tiny.gguf'), endless = path.join(dir, 'endless.gguf');
        assert.equal((await run('python3', [tiny_gguf, file])).code, 0);
        assert.equal((await run('python3', [tiny_gguf, endless, '--endless'])).code, 0);
        const server = await Server.start(); // of its own: no simulator's log to compare its record with
        server.admin = await server.key('admin');
        const rack = await provider_of_workers(server, 'gpu', 'Rack');
        const view = async name => (await server.api('GET', '/api/workers')).items.find(worker => worker.name === name);
        const child = gpu_worker(server.url, rack.key, ['--llama-server', real, '--model', file, '--model', endless, '--name', 'real', '--parallel', '2', '--', '-c', '16384']);
        const parked = () => until(async () => { const seen = await view('real'); return seen?.parked === 2 && seen.models.length === 2; }, () => `joined:\n${child.stderr.slice(-4000)}`, 60_000);
        try {
            await parked();
            const models = (await view('real')).models;
            assert.deepEqual(models.map(({ id, context_tokens }) => [id, context_tokens]).sort(), [['endless', 8192], ['tiny', 8192]]);
            const plain = await server.call(at.chat, ask.chat('tiny'));
            assert.match(plain.json.choices[0].message.content, /^One two three .* twenty\.$/, plain.text);
            const stream = await server.call(at.messages, ask.messages('tiny', { stream: true }));
            assert.match(text_of(stream.events), /^One two three .* twenty\.$/);
            const long = await server.call(at.chat, ask.chat('tiny', { messages: [{ role: 'user', content: 'word '.repeat(3000) }] }));
            assert.equal(long.status, 400, long.text);
            const begun = server.begin(at.chat, ask.chat('endless', { stream: true }));
            await begun.when(one => text_of(one.events).length > 100, 'tokens come');
            begun.leave();
            await until(async () => (await view('real')).busy === 0, 'the slot is free');
            const pids = [...child.stderr.matchAll(/event=llama_server_started model="tiny" pid=(\d+)/g)].map(match => Number(match[1]));
            process.kill(pids[0], 'SIGKILL');
            await until(async () => (await view('real'))?.models.length === 1, 'the other model is left');
            await parked();
            assert.equal((await server.call(at.chat, ask.chat('tiny'))).status, 200);
            child.kill('SIGTERM');
            assert.deepEqual(await child.exit, { code: 0, signal: null });
            assert.equal((await server.stop()).code, 0);
        } finally {
            child.kill('SIGKILL');
        }
    });

test('no sanitizer complained', () => {
    for (const child of living_workers) assert.doesNotMatch(child.stderr, sanitizer_report);
});

closing(here);
