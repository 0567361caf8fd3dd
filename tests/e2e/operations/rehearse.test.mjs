// A rehearsal tells what would be, so it is held to what then is: traffic is recorded, rehearsed under a fault or a change, the
// fault or change is made for good, the same traffic is sent again, and where each request lands is compared, one by one.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Sim } from '../lib/sim.mjs';
import { auxot, empty_dir } from '../lib/server.mjs';
import { team } from '../lib/teams.mjs';
import { until } from '../lib/process.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const here = await scene({
    gpt: { models: ['gpt-sim', 'shared'] },
    spare: { models: ['spare-sim', 'shared'] },
    claude: { dialect: 'anthropic', models: ['claude-sim', 'shared'] },
}, { env: { AUXOT_QUEUE_WAIT: '20s', AUXOT_HEARTBEAT_INTERVAL: '1s' } });
const { server, gpt, spare, claude } = here;
for (const cloud of [gpt, spare, claude]) await cloud.patch({ surfaced_models: cloud.sim.models });
const rack = await provider_of_workers(server, 'gpu', 'Rack');
await server.api('POST', '/api/routes', { name: 'coding', steps: [{ tier: 'gpu' }, { provider: gpt.id, when: 'previous_offline' }] });
const locals = await team(server, { allowed_tiers: ['gpu'] }, 'Locals');
const clouds = await team(server, { allowed_tiers: ['cloud'] }, 'Clouds');
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

let crew = [], crew_is;
async function hire({ slots = 4, takes_ms = 0 } = {}) {
    crew_is = JSON.stringify({ slots, takes_ms });
    const worker = await Worker.start(server, rack.key, { here, slots, models: ['llama'],
        serve: async job => { job.begin(); await pause(takes_ms); if (!job.line.socket.is_closed) job.answer(); } });
    crew.push(worker);
    await worker.parked();
    return worker;
}
async function fire_all() {
    for (const worker of crew.splice(0)) worker.kill();
    await until(async () => (await rack.look()).status === 'offline', 'the rack is offline');
}

// ---- traffic ---------------------------------------------------------------------------------------

// One of each kind: by auto, by name, by pin, by a route; of teams; of both dialects; with needs.
const mixed = [
    { body: ask.chat('auto') },
    { body: ask.chat('shared') },
    { body: ask.chat('gpt-sim') },
    { where: at.messages, body: ask.messages('claude-sim') },
    { body: ask.chat('auto'), headers: { 'x-auxot-provider': 'gpt' } },
    { body: ask.chat('gpt/shared') },
    { body: ask.chat('coding') },
    { body: ask.chat('auto'), key: locals.key },
    { body: ask.chat('auto'), key: clouds.key },
    { body: ask.chat('shared'), key: clouds.key },
    { where: at.responses, body: ask.responses('shared') },
    { where: at.messages, body: ask.messages('auto') },
    { body: ask.chat('nobody-has-it') },
    { body: ask.chat('auto', { stream: true }), headers: { 'x-auxot-class': 'batch' } },
    { body: ask.chat('shared') },
    { body: ask.chat('gpt-sim') },
    { body: ask.chat('coding') },
    { body: ask.chat('auto'), key: locals.key },
];
const landing_of = job => ({ provider: job.provider?.name ?? null, reason: job.reason });

async function send_one({ where = at.chat, body, headers, key = server.admin }) {
    const answer = await server.call(where, body, { key, headers });
    return landing_of(await server.job(answer.job_id));
}
async function in_turn(requests) {
    const landings = [];
    for (const request of requests) landings.push(await send_one(request));
    return landings;
}
// One every `gap_ms`, however long they take.
async function in_time(count, gap_ms) {
    const landings = [];
    for (let i = 0; i < count; i++) {
        landings.push(send_one({ body: ask.chat('auto') }));
        await pause(gap_ms);
    }
    return Promise.all(landings);
}

// ---- one scenario ----------------------------------------------------------------------------------

const side = ({ provider, reason }) => ({ provider: provider?.name ?? null, reason });

// `make` makes it real, `undo` unmakes it.
function scenario(name, { faults, changes, send = () => in_turn(mixed), crew: wanted = { slots: 4, takes_ms: 0 }, rules = [], make, undo = () => {}, check = () => {} }) {
    test(`rehearsed and real agree: ${name}`, async () => {
        for (const cloud of [gpt, spare, claude]) await cloud.plays(rules);
        if (crew.length && crew_is !== JSON.stringify(wanted)) await fire_all();
        if (!crew.length) await hire(wanted);
        const since = Date.now();
        const recorded = await send();
        const report = await server.api('POST', '/api/routing/rehearse', { since, until: Date.now() + 1, faults, changes, show: 1000 });
        assert.equal(report.jobs.length, recorded.length, JSON.stringify(report.window));
        assert.deepEqual(report.jobs.map(({ before }) => side(before)), recorded, 'before is as it was');
        assert.equal(report.window.as_recorded, recorded.length);
        try {
            await make();
            const real = await send();
            assert.deepEqual(report.jobs.map(({ after }) => side(after)), real, `after is as it becomes: ${report.sentence}`);
            assert.notDeepEqual(real, recorded, 'it made a difference');
            check(report, real);
        } finally {
            await undo();
        }
    });
}

// ---- the ten, and two more -------------------------------------------------------------------------

scenario('a cloud is offline', {
    faults: [{ provider: 'gpt', fault: 'offline' }],
    make: () => gpt.sim.stop(),
    undo: async () => { gpt.sim = Object.assign(gpt.sim, await Sim.start({ port: gpt.sim.port, models: gpt.sim.models })); },
    check(report) {
        const pinned = report.stranded.find(({ pin }) => pin === 'gpt');
        assert.equal(pinned.reason, 'attempts_exhausted');
        assert.match(pinned.fix, /pinned to gpt.*fallback rule/);
        assert.match(report.sentence, /^Of 18 requests, \d+ would land elsewhere \(\d+ on spare\).*; \d+ would fail\.$/);
        assert.equal(report.stranded_jobs, report.after.refused - report.before.refused);
    },
});
scenario('a key is rejected', {
    faults: [{ provider: 'gpt', fault: 'key_rejected' }],
    make: () => gpt.sim.plays([{ then: { status: 401 } }]),
});
scenario('a quota is gone', {
    faults: [{ provider: gpt.id, fault: 'over_quota' }],
    make: () => gpt.sim.plays([{ then: { status: 429, error_type: 'insufficient_quota', error_code: 'credit_balance_exhausted' } }]),
    check: report => assert.ok(report.after.refusals.some(({ reason }) => reason === 'all_over_quota')),
});
scenario('two clouds at once', {
    faults: [{ provider: 'gpt', fault: 'over_quota' }, { provider: 'spare', fault: 'key_rejected' }],
    make: async () => {
        await gpt.sim.plays([{ then: { status: 429, error_type: 'insufficient_quota', error_code: 'credit_balance_exhausted' } }]);
        await spare.sim.plays([{ then: { status: 401 } }]);
    },
});
scenario('a provider is paused', {
    changes: { providers: [{ provider: 'gpt', paused: true }] },
    make: () => gpt.patch({ paused: true }),
    undo: () => gpt.patch({ paused: false }),
});
scenario('a cloud is offline, and a fallback rule is there for it', {
    faults: [{ provider: 'gpt', fault: 'offline' }],
    changes: { providers: [{ provider: 'gpt', fallback_rules: [{ condition: 'offline', provider: 'claude', model: 'claude-sim' }] }] },
    make: async () => {
        await gpt.patch({ fallback_rules: [{ condition: 'offline', provider: 'claude', model: 'claude-sim' }] });
        await gpt.sim.stop();
    },
    undo: async () => {
        gpt.sim = Object.assign(gpt.sim, await Sim.start({ port: gpt.sim.port, models: gpt.sim.models }));
        await gpt.patch({ fallback_rules: [] });
    },
});
scenario('another Auto default, and a route that leads elsewhere', {
    changes: { auto: { provider: 'claude', model: 'claude-sim' }, routes: [{ name: 'coding', steps: [{ provider: 'spare', model: 'spare-sim' }] },
        { name: 'nobody-has-it', steps: [{ model: 'shared' }] }] },
    make: async () => {
        await server.api('PATCH', '/api/routing', { auto: { provider: claude.id, model: 'claude-sim' } });
        const { items } = await server.api('GET', '/api/routes');
        await server.api('PATCH', `/api/routes/${items[0].id}`, { steps: [{ provider: spare.id, model: 'spare-sim' }] });
        await server.api('POST', '/api/routes', { name: 'nobody-has-it', steps: [{ model: 'shared' }] });
    },
    undo: async () => {
        await server.api('PATCH', '/api/routing', { auto: null });
        for (const { id, name } of (await server.api('GET', '/api/routes')).items)
            if (name === 'coding') await server.api('PATCH', `/api/routes/${id}`, { steps: [{ tier: 'gpu' }, { provider: gpt.id, when: 'previous_offline' }] });
            else await server.api('DELETE', `/api/routes/${id}`);
    },
});
scenario('policies change', {
    changes: { teams: [{ team: 'Locals', policy: { allowed_tiers: ['cli'] } }, { team: clouds.id, policy: { allowed_tiers: null, allowed_providers: ['spare', 'claude'] } }] },
    make: async () => {
        await locals.set({ allowed_tiers: ['cli'] });
        await clouds.set({ allowed_tiers: null, allowed_providers: ['spare', 'claude'] });
    },
    undo: async () => {
        await locals.set({ allowed_tiers: ['gpu'] });
        await clouds.set({ allowed_tiers: ['cloud'], allowed_providers: null });
    },
    check(report) {
        const stranded = report.stranded.find(({ name }) => name === 'Locals');
        assert.deepEqual([stranded.kind, stranded.jobs, stranded.reason], ['team', 2, 'policy_denied']);
        assert.match(stranded.fix, /^Let team Locals use/);
    },
});
scenario('a provider is for one team only', {
    changes: { providers: [{ provider: 'spare', teams: ['Locals'] }, { provider: 'claude', teams: [clouds.id] }] },
    make: async () => {
        await spare.patch({ teams: [locals.id] });
        await claude.patch({ teams: [clouds.id] });
    },
    undo: async () => {
        await spare.patch({ teams: null });
        await claude.patch({ teams: null });
    },
});
scenario('half of the slots are gone', {
    faults: [{ provider: 'rack', fault: 'half_slots' }],
    crew: { slots: 4, takes_ms: 3000 },
    send: () => in_time(8, 100),
    make: async () => { await fire_all(); await hire({ slots: 2, takes_ms: 3000 }); },
    undo: fire_all,
    check(report) {
        const slots = name => report[name].landing.find(({ provider }) => provider.slug === 'rack').slots;
        assert.deepEqual([slots('before'), slots('after')], [4, 2]);
        assert.deepEqual(report.after.landing.filter(({ jobs }) => jobs).map(({ provider, jobs }) => [provider.slug, jobs]), [['rack', 2], ['gpt', 6]]);
    },
});
scenario('it takes three times as long', {
    faults: [{ provider: 'rack', fault: 'slow_x3' }],
    crew: { slots: 2, takes_ms: 800 },
    send: () => in_time(9, 700),
    make: async () => { await fire_all(); await hire({ slots: 2, takes_ms: 2400 }); },
    undo: fire_all,
});
scenario('one may wait for it, and nobody overflows', {
    changes: { providers: [{ provider: 'rack', wait_ms: 9000 }] },
    rules: [{ then: { delay_ms: 700 } }], // so that what the clouds took can be told from what the rack would take
    crew: { slots: 2, takes_ms: 1500 },
    send: () => in_time(6, 100),
    make: () => rack.patch({ wait_ms: 9000 }),
    undo: async () => { await rack.patch({ wait_ms: 0 }); await fire_all(); },
    check(report) {
        const { waits } = report.after;
        assert.deepEqual([waits.jobs, report.before.waits.jobs], [4, 0]);
        assert.ok(waits.p50_ms >= 1000 && waits.p50_ms <= 1700, `p50 ${waits.p50_ms}`);
        assert.ok(waits.p95_ms >= 2400 && waits.p95_ms <= 3200 && waits.max_ms === waits.p95_ms, `p95 ${waits.p95_ms}`);
    },
});
scenario('all workers are gone', {
    faults: [{ provider: 'rack', fault: 'offline' }],
    // A team that may use nothing else would wait for a worker: here it says that it will not.
    send: () => in_turn(mixed.map(request => (request.key === locals.key ? { ...request, headers: { 'x-auxot-wait': '0' } } : request))),
    make: fire_all,
    check: report => assert.ok(report.stranded.some(({ name, reason }) => name === 'Locals' && reason === 'no_worker')),
});

// ---- what else it says -----------------------------------------------------------------------------

test('a slot that nobody counts cannot be halved, and a team without requests is looked at, too', async () => {
    const quiet = await team(server, { allowed_providers: ['spare'] }, 'Quiet');
    const report = await server.api('POST', '/api/routing/rehearse',
        { since: Date.now() - 1, faults: [{ provider: 'spare', fault: 'offline' }, { provider: 'claude', fault: 'half_slots' }] });
    assert.deepEqual([report.window.rehearsed, report.sentence], [0, 'There were no requests in this time.']);
    assert.match(report.notes.join(' '), /claude has no counted slots/);
    const row = report.stranded.find(({ id }) => id === quiet.id);
    assert.deepEqual([row.kind, row.jobs, row.reason], ['team', 0, 'policy_denied'], 'it may not use what stands');
    const since = Date.now();
    await server.call(at.chat, ask.chat('auto'), { key: quiet.key });
    const asked = await server.api('POST', '/api/routing/rehearse', { since, faults: [{ provider: 'spare', fault: 'offline' }] });
    const loud = asked.stranded.find(({ id }) => id === quiet.id);
    assert.deepEqual([loud.jobs, loud.reason], [1, 'attempts_exhausted']);
    assert.match(loud.fix, /^Let team Quiet use/, 'a rule would lead where it may not go');
    await server.api('DELETE', `/api/keys/${quiet.key_id}`);
    await server.api('DELETE', `/api/teams/${quiet.id}`);
});

test('costs are of the hour and of the month, and only of what has a price', async () => {
    for (const [name, price] of [['gpt-sim', 1_000_000], ['spare-sim', 3_000_000]])
        await server.api('PUT', '/api/prices', { model: name, input_microusd_per_mtok: price, output_microusd_per_mtok: price });
    for (const cloud of [gpt, spare, claude]) await cloud.plays();
    const since = Date.now();
    const answer = await server.call(at.chat, ask.chat('gpt-sim'));
    const job = await server.job(answer.job_id);
    assert.ok(job.cost_microusd > 0, JSON.stringify(job));
    const window = { since, until: since + 1_800_000 };
    const report = await server.api('POST', '/api/routing/rehearse', { ...window,
        changes: { routes: [{ name: 'gpt-sim', steps: [{ provider: 'spare', model: 'spare-sim' }] }] } });
    assert.equal(report.before.cost_microusd_per_hour, job.cost_microusd * 2);
    assert.equal(report.after.cost_microusd_per_month, job.cost_microusd * 3 * 2 * 730);
    assert.equal(report.moved, 1);
    assert.deepEqual(report.moves.map(({ from, to, ...rest }) => ({ from: from.slug, to: to.slug, ...rest })),
        [{ from: 'gpt', to: 'spare', jobs: 1, cost_change_microusd: job.cost_microusd * 2, unpriced_jobs: 0 }], 'who goes where, and what that costs');
});

test('another model of the same provider is told, who moves nowhere is not', async () => {
    const since = Date.now();
    const before = await send_one({ body: ask.chat('gpt/shared') });
    assert.equal(before.provider, 'gpt');
    const same = await server.api('POST', '/api/routing/rehearse', { since, changes: { providers: [{ provider: 'gpt', wait_ms: 5 }] } });
    assert.deepEqual([same.moved, same.moves], [0, []]);
    await send_one({ body: ask.chat('auto'), headers: { 'x-auxot-provider': 'gpt' } });
    const { default_model } = await gpt.look();
    const other = gpt.sim.models.find(model => model !== default_model);
    const report = await server.api('POST', '/api/routing/rehearse', { since, changes: { providers: [{ provider: 'gpt', default_model: other }] } });
    assert.equal(report.moved, 0, 'it lands where it landed');
    assert.deepEqual(report.moves.map(({ from, to, jobs }) => [from.slug, to.slug, jobs]), [['gpt', 'gpt', 1]]);
});

test('the Auto default is not overwritten unseen', async () => {
    const { version } = await server.api('GET', '/api/routing');
    await gpt.patch({ wait_ms: 0 });
    const late = await server.call('/api/routing', { auto: { provider: gpt.id } }, { method: 'PATCH', headers: { 'if-match': `"${version}"` } });
    assert.deepEqual([late.status, late.json.code], [412, 'stale_rev']);
    const now = await server.api('GET', '/api/routing');
    assert.equal(now.auto, null);
    const good = await server.call('/api/routing', { auto: null }, { method: 'PATCH', headers: { 'if-match': `"${now.version}"` } });
    assert.equal(good.status, 200, good.text);
});

test('what would be refused where it is changed is refused here, and nothing is changed', async () => {
    const { version } = await server.api('GET', '/api/routing');
    const wrong = [
        { faults: [{ provider: 'nobody', fault: 'offline' }] },
        { faults: [{ provider: 'gpt', fault: 'sleepy' }] },
        { changes: { providers: [{ provider: 'gpt', fallback_rules: [{ condition: 'offline', provider: 'gpt' }] }] } },
        { changes: { auto: { provider: 'gpt', model: 'no-such-model' } } },
        { changes: { routes: [{ name: 'x', steps: [{ provider: 'nobody' }] }] } },
        { changes: { teams: [{ team: 'nobody', policy: {} }] } },
        { since: 5, until: 4 },
    ];
    for (const body of wrong) {
        const answer = await server.call('/api/routing/rehearse', body);
        assert.ok(answer.status === 400 || answer.status === 422, `${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
    }
    await server.api('POST', '/api/routing/rehearse', { changes: { providers: [{ provider: 'gpt', paused: true }] } });
    assert.equal((await server.api('GET', '/api/routing')).version, version);
    assert.equal((await gpt.look()).paused, false);
});

test('auxot explain: who would answer, as a table and as JSON; the trouble of a question is said', async () => {
    for (const cloud of [gpt, spare, claude]) await cloud.plays();
    const here_is = ['--data-dir', server.data];
    const { code, stdout, stderr } = await auxot(['explain', 'shared', '--fault', 'gpt=offline', '--needs', 'tools', ...here_is]);
    assert.equal(code, 0, stderr);
    const rows = stdout.split('\n').slice(3).map(row => row.trim().split(/ {2,}/));
    assert.deepEqual(rows[0].slice(0, 5), ['1', 'chosen', 'spare', 'shared', 'serves_model']);
    assert.ok(rows.some(([, verdict, name, , reason]) => verdict === 'skipped' && name === 'gpt' && reason === 'offline'), stdout);
    const raw = await auxot(['explain', '--json', '--provider', 'claude', '--fault=claude=key_rejected', ...here_is]);
    const answer = JSON.parse(raw.stdout);
    assert.deepEqual([answer.outcome, answer.candidates.find(({ provider }) => provider.slug === 'claude').reason], ['no_candidate', 'error']);
    const wrong = await auxot(['explain', '--fault', 'nobody=offline', ...here_is]);
    assert.deepEqual([wrong.code, wrong.stdout], [1, '']);
    assert.match(wrong.stderr, /provider must be the id or slug/);
    assert.equal((await auxot(['explain', '--fault', 'gpt', ...here_is])).code, 2);
    const nowhere = await auxot(['explain', '--data-dir', empty_dir()]);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /no server runs on/);
});

test('auxot rehearse: the sentence, both sides, who is left with nothing and what mends it', async () => {
    const since = Date.now();
    await in_turn(mixed);
    const here_is = ['--since', `${since}`, '--data-dir', server.data];
    const { code, stdout, stderr } = await auxot(['rehearse', '--fault', 'gpt=offline', '--show', '3', ...here_is]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Of 18 requests, \d+ would land elsewhere .*; \d+ would fail\.$/m);
    assert.match(stdout, /^ +gpt +\d+ \(\d+\.\d %\) +0 \(0\.0 %\)$/m);
    assert.match(stdout, /^ +cost an hour +\$\d+\.\d\d +\$\d+\.\d\d$/m);
    assert.match(stdout, /auto at gpt, 1 request, attempts_exhausted\n +.*pinned to gpt: give gpt a fallback rule/);
    assert.equal(stdout.match(/^ +job_/gm).length, 3);
    const file = path.join(empty_dir(), 'changes.json');
    fs.writeFileSync(file, JSON.stringify({ providers: [{ provider: 'gpt', paused: true }] }, null, 2));
    const raw = JSON.parse((await auxot(['rehearse', '--json', '--changes', file, ...here_is])).stdout);
    assert.ok(raw.moved > 0 && raw.window.rehearsed === 18, raw.sentence);
    assert.equal((await auxot(['rehearse', '--since', 'yesterday', '--data-dir', server.data])).code, 2);
    assert.match((await auxot(['rehearse', '--changes', '/nowhere', ...here_is])).stderr, /nowhere/);
});

closing(here, { ledger: false }); // simulators were stopped, and their logs with them
