// `auxot worker gpu` before a server made by hand: what it says, when, and what it does with jobs, troubles and signals.
// core/workers_gpu has the same worker before the real server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { FakeGateway } from '../lib/fake_gateway.mjs';
import { fake_llama_server } from '../lib/llama.mjs';
import { Child, until } from '../lib/process.mjs';
import { Sim } from '../lib/sim.mjs';
import { events_of, text_of } from '../lib/sse.mjs';
import { Suite, sanitizer_report } from '../lib/suite.mjs';
import { call } from '../lib/http.mjs';
import { end_workers, gpu_worker, living_workers } from '../lib/worker_gpu.mjs';

const KEY = 'auxw_0123456789abcdef';
const chat = '/v1/chat/completions';
const ask = (model, more = {}) => ({ model, messages: [{ role: 'user', content: 'hi' }], ...more });

const closers = [];
const worker = (server, args, options) => gpu_worker(server.url, KEY, args, options);

async function gateway(options) {
    const made = await FakeGateway.start(options);
    closers.push(() => made.stop());
    return made;
}

async function sim(options = {}) {
    const made = await Sim.start({ dialect: 'llama', models: ['local-sim'], ...options });
    closers.push(() => made.stop());
    return made;
}

// A worker that is attached to a simulator, and has joined.
async function attached({ flags = [], args = [], ...options } = {}) {
    const upstream = await sim({ flags });
    const server = await gateway(options);
    const child = worker(server, ['--attach', upstream.url, ...args]);
    await server.joined();
    return { server, upstream, child };
}

const is_alive = pid => { try { process.kill(pid, 0); return true; } catch { return false; } };

after(async () => {
    await end_workers();
    for (const close of closers) await close();
});

test('attached: it registers with what llama-server says of itself, and waits with a connection for each slot', async () => {
    const { server, child } = await attached({ flags: ['--slots', '3', '--context', '8192'], args: ['--name', 'rack-7'] });
    await server.joined(3);
    assert.equal(server.registrations.length, 1);
    const [said] = server.registrations;
    assert.match(said.instance, /^[0-9a-f]{32}$/);
    assert.deepEqual({ kind: said.kind, name: said.name, slots: said.slots }, { kind: 'gpu', name: 'rack-7', slots: 3 });
    assert.match(said.version, /^\d+\.\d+/);
    assert.deepEqual(said.models, [{ id: 'local-sim', context_tokens: 8192, abilities: { tools: true, images: false, json_schema: true } }]);
    assert.deepEqual([...server.keys], [`Bearer ${KEY}`]);
    assert.equal(server.control.subprotocol, 'auxot.control.v1');
    assert.deepEqual([...server.control.query], [['worker_id', 'wrk_1'], ['epoch', '1']]);
    for (const reverse of server.reverses) {
        assert.equal(reverse.subprotocol, 'auxot.reverse.v1');
        assert.deepEqual(reverse.texts, [{ type: 'ready', epoch: 1 }]);
    }
    assert.equal(server.reverses.length, 3);
    assert.match(child.stderr, /event=joined worker=wrk_1/);
    assert.match(child.stderr, /event=waiting_for_jobs/);
    assert.doesNotMatch(child.stderr, /auxw_/, 'the key is in no log');
});

test('the key is on no command line for longer than it takes to read it', async () => {
    const upstream = await sim(), server = await gateway();
    const child = worker(server, ['--attach', upstream.url, '--key', KEY], { env: { AUXOT_WORKER_KEY: undefined } });
    await server.joined();
    assert.doesNotMatch(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8'), /auxw_0/);
});

test('heartbeats come at the interval that the server gives, with busy and slots', async () => {
    const { server } = await attached({ heartbeat_ms: 100 });
    await until(() => server.control.texts.filter(text => text.type === 'heartbeat').length >= 4, 'four heartbeats');
    const { type, epoch, busy, slots } = server.control.texts.at(-1);
    assert.deepEqual({ type, epoch, busy, slots }, { type: 'heartbeat', epoch: 1, busy: 0, slots: 4 });
    server.control.say({ type: 'heard' });
    server.control.say({ type: 'of a newer server' });
    const job = server.begin(chat, ask('sim:stall-after-events=1', { stream: true }));
    await until(() => server.control.texts.at(-1).busy === 1, 'the job is counted');
    job.cancel();
    await until(() => server.control.texts.at(-1).busy === 0, 'and no more');
});

test('a job: 102, then the answer as llama-server gives it, then ready again on the same connection', async () => {
    const { server, upstream, child } = await attached({ flags: ['--slots', '1'] });
    const [reverse] = server.parked;
    const job = await server.run(chat, ask('sim:text=hello there'), { 'x-client-request-id': 'job_1-1', 'x-auxot-session': 's' });
    assert.deepEqual([job.interims, job.status, job.is_cut], [[102], 200, false]);
    assert.equal(job.json.choices[0].message.content, 'hello there');
    await until(() => reverse.ready_count === 2, 'it is ready again');
    assert.equal(server.reverses.length, 1);
    const [entry] = await upstream.log();
    assert.equal(entry.x_client_request_id, 'job_1-1');
    assert.doesNotMatch(JSON.stringify(entry), /auxw_|x-auxot-session/, 'llama-server sees neither key nor session');
    assert.match(child.stderr, /event=job_begun job=job_1-1 .*\n.*event=job_ended job=job_1-1 ms=\d+/);
});

test('a stream passes event by event, whole and in order', async () => {
    const { server } = await attached();
    const job = server.begin(chat, ask('sim:events=200,gap-ms=2', { stream: true }));
    await until(() => job.pieces.length > 0, 'the first bytes');
    assert.equal(job.is_over, false, 'they came while the rest was still to be made');
    await job.whole;
    assert.match(job.headers['content-type'], /text\/event-stream/);
    const text = text_of(events_of(job.body));
    assert.equal(text.trim().split(' ').length, 200);
    assert.deepEqual(text.match(/-\d+ /g).map(mark => -Number(mark)), [...Array(200).keys()]);
    assert.match(job.text, /data: \[DONE\]\n\n$/);
});

test('every path that llama-server answers is passed on; others are not', async () => {
    const { server } = await attached();
    for (const [path, body, field] of [['/v1/completions', { prompt: 'a' }, 'choices'], ['/v1/embeddings', { input: 'a' }, 'data'],
        ['/v1/messages/count_tokens', { messages: [] }, 'input_tokens'], ['/tokenize', { content: 'a' }, 'tokens']]) {
        const job = await server.run(path, { model: 'm', ...body });
        assert.equal(job.status, 200, path);
        assert.ok(field in job.json, path);
    }
    for (const path of ['/slots', '/props', '/v1/responses', '/']) {
        const job = await server.run(path, {});
        assert.deepEqual([job.status, job.interims], [404, []], path);
        assert.equal(job.json.error.code, 404);
    }
});

test('what llama-server refuses reaches the server as it is: bad JSON 500, overflow 400', async () => {
    const { server } = await attached({ flags: ['--context', '300'] });
    const reverse = server.parked[0];
    reverse.job_count++;
    const job = reverse.begin(chat, undefined, { 'content-length': 4 });
    reverse.write(2, Buffer.from('{bad'));
    await job.whole;
    assert.deepEqual([job.status, job.json.error.type], [500, 'server_error']);
    const long = await server.run(chat, ask('m', { filler: 'x'.repeat(4000) }));
    assert.equal(long.status, 400);
    assert.deepEqual([long.json.error.type, long.json.error.n_ctx], ['exceed_context_size_error', 300]);
});

test('the server hangs up in mid-stream: llama-server is told at once, and another connection is opened', async () => {
    const { server, upstream } = await attached({ flags: ['--slots', '1'] });
    const job = server.begin(chat, ask('sim:events=100000,gap-ms=5', { stream: true }));
    await until(() => job.body.length > 200, 'a few tokens');
    const cut_at = Date.now();
    job.cancel();
    const entry = await upstream.seen(one => one.ended, 'llama-server was left');
    assert.equal(entry.ended, 'client_closed');
    assert.ok(entry.ended_at_ms - cut_at < 500, `after ${entry.ended_at_ms - cut_at} ms`);
    await server.joined(1);
    assert.equal((await server.run(chat, ask('m'))).status, 200);
});

test('a reader that stalls stops the reading of llama-server, and loses nothing', async () => {
    const { server, upstream, child } = await attached({ flags: ['--slots', '1'] });
    const job = server.begin(chat, ask('sim:events=100000', { stream: true }));
    job.reverse.socket.pause();
    const worker_rss = () => Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
    const ticks = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).join();
    let before = -1;
    await until(async () => { // until it stands still: everything between us is full
        const now = ticks();
        await new Promise(resolve => setTimeout(resolve, 100));
        return now === before || (before = now, false);
    }, 'the worker does nothing any more');
    assert.ok(worker_rss() < 60_000 * Suite.patience, `the worker holds ${worker_rss()} kB`);
    assert.equal((await upstream.log())[0].ended, null, 'llama-server has not finished');
    job.reverse.socket.resume();
    await job.whole;
    assert.equal(job.text.match(/"content":"tok-/g).length, 100000);
});

test('an attached llama-server that is busy for others: the job is refused as not begun', async () => {
    const { server, upstream } = await attached({ flags: ['--slots', '1'] });
    const other = call(upstream.url + chat, { body: ask('sim:delay-ms=600,text=other') });
    await until(async () => (await call(`${upstream.url}/slots?fail_on_no_slot=1`)).status === 503, 'the slot is taken');
    const job = await server.run(chat, ask('m'));
    assert.deepEqual([job.status, job.headers['x-auxot-not-begun'], job.interims], [503, '1', []]);
    assert.equal((await other).status, 200);
    assert.equal((await server.run(chat, ask('m'))).status, 200, 'and then it is taken');
});

test('the server is away: a new connection, the same registration while it is not dead, else a new one', async () => {
    const { server, child } = await attached({ heartbeat_ms: 100, dead_after_ms: 60_000 });
    server.controls[0].cut();
    await until(() => server.controls.length === 2 && server.control.is_open, 'the control connection is back');
    assert.equal(server.registrations.length, 1, 'within the dead time it is the same');
    assert.match(child.stderr, /event=server_lost .*again_in_ms=\d+/);
    server.control.say({ type: 'stale' });
    server.epoch = 2;
    await until(() => server.registrations.length === 2, 'stale: it registers again');
    assert.equal(server.registrations[1].instance, server.registrations[0].instance);
    await until(() => server.controls.at(-1).query.get('epoch') === '2' && server.parked.length === 4 && server.parked.every(one => one.epoch === 2), 'all under the new epoch');
    assert.equal((await server.run(chat, ask('m'))).status, 200);
});

test('the server is killed and comes back: it is found again, by a job that ran and by those that waited', async () => {
    const { server, child } = await attached({ heartbeat_ms: 100, dead_after_ms: 300 });
    const job = server.begin(chat, ask('sim:events=1000,gap-ms=5', { stream: true }));
    await until(() => job.pieces.length > 0, 'it runs');
    await server.vanish();
    Object.assign(server, { epoch: 7, worker_id: 'wrk_2', reverses: [], controls: [] });
    await until(() => (child.stderr.match(/event=server_lost/g) ?? []).length >= 2, 'it tries');
    await server.listen();
    await server.joined(4);
    assert.deepEqual([server.control.query.get('worker_id'), server.parked[0].epoch], ['wrk_2', 7]);
    assert.equal((await server.run(chat, ask('m'))).status, 200);
});

test('where WebSockets do not get through, heartbeats are posted and it goes on trying', async () => {
    const upstream = await sim();
    const server = await gateway({ heartbeat_ms: 100, refuses: { control: [502] } });
    worker(server, ['--attach', upstream.url]);
    await until(() => server.heartbeats.length >= 2, 'posted heartbeats');
    assert.deepEqual([server.heartbeats[0].worker_id, server.heartbeats[0].epoch, server.heartbeats[0].busy], ['wrk_1', 1, 0]);
    delete server.refuses.control;
    await server.joined();
});

test('intervals that nobody waits for are cut to what one does', async () => {
    const { server, child } = await attached({ heartbeat_ms: 9e18, dead_after_ms: 9e18, grace_ms: 9e18 });
    assert.match(child.stderr, /event=joined .*heartbeat_ms=3600000\n/);
    server.control.say({ type: 'hello', heartbeat_ms: 1 });
    await until(() => server.control.texts.length >= 4, 'heartbeats, and not a storm of them');
    child.kill('SIGTERM');
    assert.deepEqual(await child.exit, { code: 0, signal: null });
    assert.match(child.stderr, /event=draining jobs=0 grace_ms=86400000/);
});

test('a wrong key, a wrong address: said in one sentence, exit 1', async () => {
    const upstream = await sim();
    const server = await gateway({ refuses: { register: [401, { code: 'invalid_key', detail: 'This worker key is not known.' }] } });
    const child = worker(server, ['--attach', upstream.url]);
    assert.deepEqual((await child.exit).code, 1);
    assert.match(child.stderr, /takes no worker from here: 401: This worker key is not known\./);
});

test('wrong use is named before anything is started, exit 2', async () => {
    const { program, model } = fake_llama_server();
    const no_settings = Object.fromEntries(Object.keys(process.env).filter(name => name.startsWith('AUXOT_')).map(name => [name, undefined]));
    const file = model('a.gguf'), base = ['worker', 'gpu', '--server', 'http://127.0.0.1:1', '--key', KEY];
    for (const [args, word] of [[[], /--model FILE, or --attach/], [['--model', file, '--attach', 'http://x'], /not both/],
        [['--model', file, '--parallel', '0'], /--parallel/], [['--model', file, '--', '--tools', 'all'], /--tools/], [['--model', file, '--', '--port=1'], /--port/],
        [['--model', file, '--', '--agent'], /--agent/], [['--model', file, '--', '--webui-mcp-proxy'], /mcp-proxy/], [['--modle', file], /--model/],
        [['--model', file, '--log-level', 'loud'], /--log-level/], [['--attach', 'ftp://x'], /http/]]) {
        const child = new Child(Suite.binary, [...base, ...args], { env: no_settings });
        assert.equal((await child.exit).code, 2, args.join(' '));
        assert.match(child.stderr, word);
    }
    const keyless = new Child(Suite.binary, ['worker', 'gpu', '--server', 'http://x', '--model', file, '--llama-server', program], { env: no_settings });
    assert.equal((await keyless.exit).code, 2);
    assert.match(keyless.stderr, /AUXOT_WORKER_KEY/);
    const missing = new Child(Suite.binary, [...base, '--model', file, '--llama-server', '/nowhere/llama-server'], { env: no_settings });
    assert.equal((await missing.exit).code, 1);
    assert.match(missing.stderr, /no program '\/nowhere\/llama-server'/);
});

test('started: ready before it registers; bound to 127.0.0.1, under a key, with the options passed through', async () => {
    const llama = fake_llama_server({ flags: ['--loading', '600ms'] }), server = await gateway();
    const began = Date.now();
    const child = worker(server, ['--llama-server', llama.program, '--model', llama.model('Qwen3-8B-Q4_K_M-00001-of-00002.gguf'), '--parallel', '2', '--', '-c', '4096', '-ngl', 'all']);
    await server.joined(2);
    assert.ok(Date.now() - began >= 600, 'not before the model was loaded');
    assert.equal(server.registrations.length, 1);
    assert.deepEqual([server.registrations[0].slots, server.registrations[0].models[0].id], [2, 'Qwen3-8B-Q4_K_M']);
    assert.match(llama.args[0], /^-m \S+\.gguf --host 127\.0\.0\.1 --port \d+ --jinja --alias Qwen3-8B-Q4_K_M -np 2 -c 4096 -ngl all$/);
    assert.doesNotMatch(llama.args[0], /--tools|--agent|mcp-proxy/);
    const port = llama.port(0);
    assert.equal((await call(`http://127.0.0.1:${port}${chat}`, { body: ask('m') })).status, 401, 'nobody else gets in');
    const job = await server.run(chat, ask('anything'));
    assert.equal(job.json.model, 'Qwen3-8B-Q4_K_M');
    assert.match(child.stderr, /event=llama_server_ready/);
});

test('what is for us alone is not in the environment of llama-server', async () => {
    const llama = fake_llama_server(), server = await gateway();
    worker(server, ['--llama-server', llama.program, '--model', llama.model('a.gguf')], { env: { AUXOT_ATTACH_KEY: 'sk-secret', AUXOT_SECRET_KEY: 'secret', OF_THE_OPERATOR: 'yes' } });
    await server.joined(4);
    assert.deepEqual(Object.keys(llama.env).filter(name => name.startsWith('AUXOT_')), []);
    assert.equal(llama.env.OF_THE_OPERATOR, 'yes');
    assert.match(llama.env.LLAMA_API_KEY, /^[0-9a-f]{128}$/);
});

test('what llama-server says is in the log while it loads; once it serves, which may be prompts, it is not', async () => {
    const llama = fake_llama_server({ speaks: true }), server = await gateway();
    const child = worker(server, ['--llama-server', llama.program, '--model', llama.model('a.gguf'), '--log-level', 'debug']);
    await server.joined(4);
    assert.match(child.stderr, /event=llama_server_says .*load_model: loading a/);
    await llama.say('error: a secret prompt\n');
    process.kill(llama.pids[0], 'SIGKILL');
    await child.line(/event=llama_server_ended .*--log-file/, { stream: 'stderr' });
    await until(() => server.registrations.length === 2, 'it is back');
    assert.doesNotMatch(child.stderr, /secret prompt/);
    assert.equal(child.stderr.match(/load_model: loading a/g).length, 2, 'loading is told each time');
});

test('llama-server is killed: out of the pool at once, started again, back, as the same worker', async () => {
    const llama = fake_llama_server(), server = await gateway();
    const child = worker(server, ['--llama-server', llama.program, '--model', llama.model('a.gguf')]);
    await server.joined(4);
    const job = server.begin(chat, ask('sim:events=10000,gap-ms=5', { stream: true }));
    await until(() => job.pieces.length > 0, 'a job runs');
    const killed_at = Date.now();
    process.kill(llama.pids[0], 'SIGKILL');
    await job.whole;
    assert.equal(job.is_cut, true, 'a stream that was begun is cut, not ended');
    await until(() => server.goodbyes.length === 1, 'it left the pool');
    assert.ok(Date.now() - killed_at < 500 * Suite.patience, `after ${Date.now() - killed_at} ms`);
    assert.deepEqual(server.goodbyes[0], { worker_id: 'wrk_1', epoch: 1 });
    server.epoch = 2;
    await until(() => server.registrations.length === 2, 'it registers again once it is ready');
    await until(() => server.parked.length === 4 && server.parked.every(one => one.epoch === 2), 'with all its connections');
    assert.equal(server.registrations[1].instance, server.registrations[0].instance);
    assert.equal((await server.run(chat, ask('m'))).status, 200);
    assert.equal(llama.pids.length, 2);
    assert.match(child.stderr, /event=llama_server_ended .*signal 9.*\n.*event=/);
});

test('a plain answer whose llama-server dies is a 502 that tells', async () => {
    const llama = fake_llama_server(), server = await gateway();
    worker(server, ['--llama-server', llama.program, '--model', llama.model('a.gguf')]);
    await server.joined(4);
    const job = server.begin(chat, ask('sim:delay-ms=60000'));
    await until(() => job.interims.length === 1, 'it was begun');
    process.kill(llama.pids[0], 'SIGKILL');
    await job.whole;
    assert.deepEqual([job.status, job.json.error.type], [502, 'server_error']);
});

test('a model that cannot be loaded: its own last words, and exit 1', async () => {
    const llama = fake_llama_server(), server = await gateway();
    llama.refuse('ggml: some chatter\nerror: failed to load model: not a GGUF file\nbye\n');
    const child = worker(server, ['--llama-server', llama.program, '--model', llama.model('a.gguf')]);
    assert.equal((await child.exit).code, 1);
    assert.match(child.stderr, /^auxot worker gpu: llama-server ended \(status 1\): error: failed to load model: not a GGUF file$/m);
    assert.equal(server.registrations.length, 0);
    assert.equal(llama.pids.length, 3, 'it was tried three times');
});

test('two model files are two llama-servers behind one worker; jobs go by the name of the model', async () => {
    const llama = fake_llama_server(), server = await gateway();
    const child = worker(server, ['--llama-server', llama.program, '--model', llama.model('big.gguf'), '--model', llama.model('small.gguf'), '--parallel', '2']);
    await until(() => server.registrations.length > 0, 'joined');
    await until(() => {
        const told = server.control?.texts.findLast(text => text.models) ?? server.registrations[0];
        return told.models.length === 2;
    }, 'both models are told');
    await server.joined(2);
    assert.equal((await server.run(chat, ask('big'))).json.model, 'big');
    assert.equal((await server.run(chat, ask('small'))).json.model, 'small');
    assert.equal((await server.run(chat, ask('other'))).status, 404);
    process.kill(llama.pids[llama.args.findIndex(line => line.includes('small'))], 'SIGKILL');
    await until(() => server.control.texts.some(text => text.models?.length === 1), 'one is left, and that is told');
    assert.equal(server.goodbyes.length, 0, 'the worker stays');
    const refused = await server.run(chat, ask('small'));
    if (refused.status !== 200) // it may be back already
        assert.deepEqual([refused.status, refused.headers['x-auxot-not-begun']], [503, '1']);
    assert.equal((await server.run(chat, ask('big'))).status, 200);
    await until(() => server.control.texts.findLast(text => text.models)?.models.length === 2, 'and it comes back');
    assert.doesNotMatch(child.stderr, sanitizer_report);
});

test('SIGTERM: deregisters at once, takes nothing new, lets what runs finish, exit 0, leaves no process', async () => {
    const llama = fake_llama_server(), server = await gateway();
    const child = worker(server, ['--llama-server', llama.program, '--model', llama.model('a.gguf')]);
    await server.joined(4);
    const job = server.begin(chat, ask('sim:events=60,gap-ms=10', { stream: true }));
    await until(() => job.pieces.length > 0, 'a job runs');
    child.kill('SIGTERM');
    await until(() => server.goodbyes.length === 1, 'it said goodbye');
    await until(() => server.reverses.filter(one => one.is_open).length === 1, 'only the job is left');
    assert.equal(job.is_over, false);
    assert.equal(server.control.is_open, true, 'the control connection stays: this is no death');
    await job.whole;
    assert.match(job.text, /\[DONE\]/);
    assert.deepEqual(await child.exit, { code: 0, signal: null });
    assert.equal(server.goodbyes.length, 1);
    assert.equal(is_alive(llama.pids[0]), false, 'llama-server went with it');
    assert.match(child.stderr, /event=draining jobs=1[\s\S]*event=stopped code=0/);
});

test('the grace time is over, or a second signal comes: jobs are cut, exit 0', async () => {
    for (const [grace_ms, signals] of [[200, 1], [60_000, 2]]) {
        const { server, child } = await attached({ grace_ms });
        const job = server.begin(chat, ask('sim:stall-after-events=1', { stream: true }));
        await until(() => job.pieces.length > 0, 'a job runs');
        child.kill('SIGTERM');
        await until(() => server.goodbyes.length === 1, 'it drains');
        if (signals === 2) child.kill('SIGINT');
        assert.deepEqual(await child.exit, { code: 0, signal: null });
        await job.whole;
        assert.equal(job.is_cut, true);
    }
});

test('the worker is killed: llama-server dies with it', async () => {
    const llama = fake_llama_server(), server = await gateway();
    const child = worker(server, ['--llama-server', llama.program, '--model', llama.model('a.gguf')]);
    await server.joined(4);
    child.kill('SIGKILL');
    await child.exit;
    await until(() => !is_alive(llama.pids[0]), 'llama-server is gone');
});

test('no sanitizer complained', () => {
    for (const child of living_workers) assert.doesNotMatch(child.stderr, sanitizer_report);
});
