// How it goes: /api/health/summary names what is wrong, worst first, with the one thing to do; `auxot status` prints it, and says it
// by its exit status.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Child, run, until } from '../lib/process.mjs';
import { Suite } from '../lib/suite.mjs';
import { auxot } from '../lib/server.mjs';
import { team } from '../lib/teams.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const here = await scene({ a: { models: ['gpt-sim'] }, b: { models: ['gpt-sim'] } },
    { env: { AUXOT_HEARTBEAT_INTERVAL: '1s', AUXOT_DEAD_WORKER_TIMEOUT: '3s' } });
const { server, a, b } = here;

const look = options => server.api('GET', '/api/health/summary', undefined, options);
const item = (summary, kind, id) => summary.items.find(one => one.kind === kind && (id === undefined || one.id === id));
const status = (...words) => auxot(['status', '--data-dir', server.data, ...words]);
const asks = (more = {}) => server.call(at.chat, ask.chat('gpt-sim'), more);
const levels = ['down', 'degraded', 'note', 'fine'];
const is_worst_first = summary => assert.deepEqual(summary.items.map(one => one.level),
    summary.items.map(one => one.level).sort((x, y) => levels.indexOf(x) - levels.indexOf(y)));

test('all is well: one sentence, and every part is told', async () => {
    const summary = await look();
    assert.equal(summary.status, 'ok');
    assert.match(summary.sentence, /^Operational: 2 of 2 providers/);
    for (const kind of ['provider', 'queue', 'disk', 'backup', 'server', 'spend', 'change']) assert.ok(item(summary, kind), kind);
    assert.equal(item(summary, 'certificate'), undefined, 'there is no TLS here');
    assert.equal(summary.left_out, 0);
    is_worst_first(summary);
    const { code, stdout } = await status();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^● ok +Operational: 2 of 2 providers/);
});

test('a key that is refused: it comes first, with since, why and fix; the request that went on is counted', async () => {
    const before = Date.now();
    await a.sim.plays([{ then: { status: 401 } }]);
    await until(async () => { await asks(); return (await a.look()).status === 'error'; }, 'it was asked and refused');
    const summary = await look();
    assert.equal(summary.status, 'degraded');
    const [first] = summary.items;
    assert.deepEqual([first.kind, first.id, first.what, first.state, first.level], ['provider', a.id, 'a', 'error', 'degraded']);
    assert.ok(first.since_ms >= before && first.since_ms <= Date.now());
    assert.equal(first.why_code, (await a.look()).error_code);
    assert.deepEqual([first.fix, summary.next_step, first.link], ['Enter its API key again.', first.fix, `/settings/providers/${a.id}`]);
    assert.match(summary.sentence, /^Degraded: a: /);
    assert.deepEqual([item(summary, 'failovers').why_code, item(summary, 'failovers').level], [first.why_code, 'note']);
    is_worst_first(summary);
    const { code, stdout } = await status();
    assert.equal(code, 1);
    assert.match(stdout, /^✕ error +provider +a /m);
    assert.match(stdout, /→ Enter its API key again\./);
});

test('nobody can answer: down; failed requests are told by their reason', async () => {
    await b.patch({ paused: true });
    assert.equal((await asks()).status, 503);
    const summary = await look();
    assert.deepEqual([summary.status, summary.items[0].kind, summary.items[0].why_code], ['down', 'service', 'nobody_now']);
    assert.equal(item(summary, 'provider', b.id).level, 'note', 'a pause is meant');
    assert.equal((await status()).code, 2);
    await b.patch({ paused: false });
    await b.sim.plays([{ then: { status: 500 } }]);
    const failed = await asks({ headers: { 'x-auxot-provider': 'b' } });
    const job = await server.job(failed.job_id);
    await until(async () => item(await look(), 'errors')?.why_code === job.reason, `${job.reason} is among the errors`);
    await a.plays();
    await b.plays();
    assert.equal((await look()).status, 'ok');
});

test('a worker that is gone, and its provider', async () => {
    const gpu = await provider_of_workers(server, 'gpu', 'Rack');
    assert.equal(item(await look(), 'provider', gpu.id).state, 'offline');
    const worker = await Worker.start(server, gpu.key, { here, models: ['llama'], name: 'rack-1' });
    await worker.parked();
    const live = item(await look(), 'worker', worker.id);
    assert.deepEqual([live.state, live.level, live.why_code, live.what], ['live', 'fine', 'joined', 'rack-1 of Rack']);
    worker.kill();
    await worker.is('away');
    assert.deepEqual([item(await look(), 'worker', worker.id).state, item(await look(), 'worker', worker.id).why_code], ['away', 'control_closed']);
    await worker.is('dead');
    const dead = item(await look(), 'worker', worker.id);
    assert.deepEqual([dead.state, dead.level, dead.why_code], ['dead', 'note', 'silent']);
    await server.api('DELETE', `/api/providers/${gpu.id}`);
});

test('limits from four fifths on; recent changes by whom', async () => {
    const ours = await team(server, { requests_per_minute: 5 });
    for (let n = 0; n < 3; n++) assert.equal((await asks({ key: ours.key })).status, 200);
    assert.equal(item(await look(), 'limit'), undefined);
    await asks({ key: ours.key });
    assert.deepEqual([item(await look(), 'limit', ours.id).state, item(await look(), 'limit', ours.id).why_text], ['near', '4 of 5 requests a minute are used.']);
    await asks({ key: ours.key });
    assert.deepEqual([item(await look(), 'limit', ours.id).level, (await look()).status], ['degraded', 'degraded']);
    const change = item(await look(), 'change');
    const [event] = (await server.api('GET', '/api/events?action=key.created&limit=1')).items;
    assert.deepEqual([change.id, change.why_code, change.why_text], [event.id, 'key.created', `key.created by ${event.actor}.`]);
    await ours.set({ requests_per_minute: null });
});

// As `auxot backup` does, at a time of our own: the control socket is an owner's.
const backup_made = at_ms => new Promise((done, failed) => {
    const call = http.request({ socketPath: path.join(server.data, 'control'), method: 'POST', path: '/api/backup/end', headers: { 'content-type': 'application/json' } },
        answer => { answer.resume(); answer.on('end', () => done(answer.statusCode)); });
    call.on('error', failed);
    call.end(JSON.stringify({ at_ms, bytes: 1 }));
});
test('a backup is told by its age', async () => {
    assert.equal(item(await look(), 'backup').state, 'never');
    assert.equal(await backup_made(Date.now() - 8 * 86_400_000), 200);
    const old = item(await look(), 'backup');
    assert.deepEqual([old.state, old.level, old.why_code, old.why_text], ['old', 'note', 'backup_old', 'The last one is 8 days old.']);
    assert.equal(await backup_made(Date.now()), 200);
    assert.equal(item(await look(), 'backup').state, 'fresh');
});

test('a member is told of what they may see, and no more', async () => {
    const ours = await team(server), theirs = await team(server);
    const { key } = await server.api('POST', '/api/keys', { name: 'one of ours', team: ours.id, role: 'member' });
    await b.patch({ teams: [theirs.id] });
    const summary = await look({ key });
    assert.deepEqual([item(summary, 'provider', a.id)?.state, item(summary, 'provider', b.id)], ['online', undefined]);
    assert.deepEqual([...new Set(summary.items.map(one => one.kind))].sort(), ['provider', 'queue']);
    assert.match(summary.sentence, /^Operational: 1 of 1 provider/);
    await b.patch({ teams: null });
});

// ---- the command -----------------------------------------------------------------------------------

test('status --json prints the answer; --url asks a server elsewhere, with the key from the environment', async () => {
    const local = await status('--json');
    assert.equal(local.code, 0, local.stderr);
    assert.equal(JSON.parse(local.stdout).status, 'ok');
    const remote = await auxot(['status', '--json', '--url', server.url], { env: { AUXOT_API_KEY: server.admin } });
    assert.equal(remote.code, 0, remote.stderr);
    assert.deepEqual(Object.keys(JSON.parse(remote.stdout)), Object.keys(JSON.parse(local.stdout)));
    const refused = await auxot(['status', '--url', server.url], { env: { AUXOT_API_KEY: 'auxk_nobody' } });
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /^auxot status: the server answered 401: /);
    assert.equal((await auxot(['status', '--url', server.url])).code, 3);
});

test('status is asked wrongly: 3, with a sentence', async () => {
    for (const words of [['--every', '5ms'], ['--every', 'often'], ['--colour'], ['now']]) {
        const { code, stderr, stdout } = await status(...words);
        assert.deepEqual([code, stdout], [3, ''], words.join(' '));
        assert.match(stderr, /^auxot status: .+\n$/);
    }
    const help = await status('--help');
    assert.equal(help.code, 0);
    assert.match(help.stdout, /Exit status: 0 ok, 1 degraded, 2 down/);
});

const in_terminal = (env, ...words) => run('script', ['-qec', [Suite.binary, 'status', '--data-dir', server.data, ...words].join(' '), '/dev/null'], { env });
const has_script = fs.existsSync('/usr/bin/script');
test('status paints on a terminal only, and not with NO_COLOR', { skip: !has_script && 'no script(1) here' }, async () => {
    assert.ok(!(await status()).stdout.includes('\x1b'), 'no terminal, no colour');
    assert.match((await in_terminal({ NO_COLOR: '' })).stdout, /\x1b\[32m● ok/);
    assert.ok(!(await in_terminal({ NO_COLOR: '1' })).stdout.includes('\x1b'));
});

test('status --watch goes on, also over a server that is down for a while', async () => {
    const child = new Child(Suite.binary, ['status', '--data-dir', server.data, '--watch', '--every', '200ms']);
    const said = () => child.stdout;
    await until(() => said().match(/● ok/g)?.length >= 2, 'it was told twice');
    await server.stop('SIGKILL');
    await until(() => said().includes('✕ down'), 'it says that nobody answers');
    const once = await status();
    assert.equal(once.code, 2);
    assert.match(once.stdout, /^✕ down +cannot reach the server at .+\n +→ Start it with auxot serve/);
    assert.equal(JSON.parse((await status('--json')).stdout).status, 'down');
    await server.restart();
    const length = said().length;
    await until(() => said().slice(length).includes('● ok'), 'it is well again');
    await child.stop('SIGKILL');
    const restarted = item(await look(), 'server');
    assert.deepEqual([restarted.state, restarted.level, restarted.why_code], ['restarted', 'note', 'killed']);
});

closing(here);
