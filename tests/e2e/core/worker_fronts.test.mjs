// A gpu worker behind a real nginx, plain and with TLS, and at Auxot's own TLS: registration, control link, reverse connections,
// streams as they come, cancel, a killed worker, and an nginx that goes away and comes back.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { has_front } from '../lib/fronts.mjs';
import { Call, call } from '../lib/http.mjs';
import { run, until } from '../lib/process.mjs';
import { ask, assert_ledgers_agree, at } from '../lib/scene.mjs';
import { Server, empty_dir } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';
import { stamps_of, text_of } from '../lib/sse.mjs';
import { Suite } from '../lib/suite.mjs';
import { WorkerFront } from '../lib/worker_front.mjs';
import { provider_of_workers } from '../lib/worker.mjs';
import { end_workers, gpu_worker } from '../lib/worker_gpu.mjs';

const skip = !has_front('nginx') && 'no nginx here';
const model = 'qwen3-8b-q4_k_m';
const env = { AUXOT_HEARTBEAT_INTERVAL: '500ms', AUXOT_DEAD_WORKER_TIMEOUT: '10s' };

async function make_certificate() {
    const dir = empty_dir('tls');
    const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { cwd: dir });
    assert.equal(made.code, 0, made.stderr);
    return { cert: path.join(dir, 'cert.pem'), key: path.join(dir, 'key.pem') };
}

// A server with nginx before it; management and callers go through nginx, too (plain: node does not know our authority).
// `url` is where workers dial.
async function stage(way) {
    const certificate = await make_certificate(), is_own = way === "Auxot's own TLS";
    const server = await Server.start({ env, flags: is_own ? ['--tls-cert', certificate.cert, '--tls-key', certificate.key] : [] });
    const front = await WorkerFront.make({ to: server.port, is_tls: is_own, certificate });
    const dialled = is_own ? server.url : way === 'nginx' ? front.url : front.tls_url;
    server.url = front.url;
    server.admin = await server.key('admin');
    const rack = await provider_of_workers(server, 'gpu', 'Rack');
    const sim = await Sim.start({ dialect: 'llama', models: [model], flags: ['--slots', '2'] });
    const here = { server, front, rack, sim, upstreams: [{ sim }] };
    here.view = async () => (await server.api('GET', '/api/workers')).items.find(worker => worker.name === here.name);
    here.hire = async name => {
        here.name = name;
        here.child = gpu_worker(dialled, rack.key, ['--attach', sim.url, '--name', name, '--ca-file', certificate.cert]);
        await here.parked();
    };
    here.parked = () => until(async () => { const seen = await here.view(); return seen?.state === 'live' && seen.parked === 2 && seen; },
        () => `${here.name} is parked:\n${here.child.stderr.slice(-3000)}`, 20_000);
    here.begin = body => new Call(`${front.url}${at.chat}`, { body, key: server.admin });
    return here;
}

after(end_workers);

for (const way of ['nginx', 'nginx with TLS', "Auxot's own TLS"]) {
    const here = skip ? null : await stage(way);

    test(`behind ${way}: it joins; plain, streamed and large answers come whole, streams as they are written`, { skip }, async () => {
        await here.hire('first');
        assert.equal((await here.rack.look()).status, 'online');
        const plain = await call(`${here.front.url}${at.messages}`, { body: ask.messages(model), key: here.server.admin });
        assert.equal(plain.status, 200, plain.text);
        await here.sim.plays([{ when: { body_contains: 'in pieces' }, then: { events: 12, gap_ms: 40 } }, { then: { text: 'word '.repeat(60_000) } }]);
        const stream = here.begin(ask.chat(model, { stream: true, messages: [{ role: 'user', content: 'in pieces' }] }));
        await stream.when(one => text_of(one.events).length > 0, 'its first words come');
        assert.ok(!(await here.sim.log()).at(-1).ended, 'while the last are not written yet');
        await stream.done;
        assert.equal(stamps_of(text_of(stream.events)).count, 12);
        const large = here.begin(ask.chat(model, { messages: [{ role: 'user', content: 'much '.repeat(40_000) }] }));
        await large.done;
        assert.equal(large.json.choices[0].message.content, 'word '.repeat(60_000));
        await here.sim.plays();
    });

    test(`behind ${way}: the caller leaves: llama-server is left at once, and the slot is free again`, { skip }, async () => {
        await here.sim.plays([{ then: { events: 100_000, gap_ms: 5 } }]);
        const begun = here.begin(ask.chat(model, { stream: true }));
        await begun.when(one => text_of(one.events).length > 20, 'tokens come');
        const left_at = Date.now();
        begun.leave();
        const entry = await here.sim.seen(one => one.ended === 'client_closed', 'llama-server was left');
        assert.ok(entry.ended_at_ms - left_at < 500 * Suite.patience, `after ${entry.ended_at_ms - left_at} ms`);
        await here.sim.plays();
        await here.parked();
    });

    test(`behind ${way}: nginx goes away and comes back: so does the worker, as the same`, { skip: skip || (way === "Auxot's own TLS" && 'no nginx between') }, async () => {
        const before = await here.view();
        await here.front.stop();
        await until(() => /event=server_lost/.test(here.child.stderr), 'it has noticed');
        await here.front.start();
        const now = await here.parked();
        assert.equal(now.id, before.id);
        assert.equal((await here.server.call(at.chat, ask.chat(model))).status, 200);
    });

    test(`behind ${way}: kill -9 of the worker is noticed at once, and the next worker that comes answers its job, whole`, { skip }, async () => {
        await here.sim.plays([{ then: { stall_before_head: true } }]);
        const begun = here.begin(ask.chat(model));
        await here.sim.seen(one => !one.ended, 'the job is there');
        const killed_at = Date.now();
        here.child.kill('SIGKILL');
        await until(async () => (await here.view()).state !== 'live', 'off the pool');
        const took_ms = Date.now() - killed_at;
        assert.ok(took_ms < 1000 * Suite.patience, `after ${took_ms} ms`);
        await here.sim.plays();
        await here.hire('second');
        await begun.done;
        assert.equal(begun.status, 200, begun.text);
        const { attempts } = await here.server.job(begun.job_id);
        assert.deepEqual(attempts.map(({ outcome }) => outcome), ['failed', 'ok']);
        console.log(`# behind ${way}: noticed after ${took_ms} ms`);
    });

    test(`behind ${way}: what llama-server saw is on record, and the server ends in order`, { skip }, async () => {
        await assert_ledgers_agree(here);
        here.child.kill('SIGKILL');
        await here.child.exit;
        const { code } = await here.server.stop();
        assert.equal(here.server.verdict(), null, 'sanitizer report');
        assert.equal(code, 0, here.server.all_logs.slice(-2000));
        await here.front.stop();
        await here.sim.stop();
    });
}
