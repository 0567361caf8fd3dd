// The ledgers of RELIABILITY.md 0: C, what each client saw; U, what the upstreams saw (and workers, W, in their place);
// D, what is on record. Load makes C while faults happen; check() compares them, searches all that is left for secrets
// (I9), reads the versions in the rows (I11), and sees that the service is well again within 5 s (I12).
//
//     const load = new Load(here, { seed }).start();
//     ... faults ...
//     await load.stop();
//     await check(here, load);
//
// Everything random is drawn from the seed; AUXOT_TEST_SEED=<number> repeats a run.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { ask, at, canary, upstream } from './scene.mjs';
import { Call, call } from './http.mjs';
import { until } from './process.mjs';
import { request_id } from './sim.mjs';
import { files_under, find_secrets } from './secrets.mjs';
import { stamps_of, text_of } from './sse.mjs';
import { Suite } from './suite.mjs';

export const is_long = process.env.AUXOT_TEST_LONG === '1';
export const seed = Number(process.env.AUXOT_TEST_SEED ?? (Date.now() % 1_000_000_007));

// mulberry32: small, and the same everywhere.
export function random_from(from) {
    let state = from >>> 0;
    const unit = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let x = Math.imul(state ^ (state >>> 15), state | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
    };
    return { unit, below: n => Math.floor(unit() * n), pick: list => list[Math.floor(unit() * list.length)] };
}

// The kinds of requests, with the models that a scene serves them with.
const kinds = [
    { name: 'chat', dialect: 'openai' }, { name: 'chat', dialect: 'openai', stream: true },
    { name: 'responses', dialect: 'openai', stream: true }, { name: 'embeddings', dialect: 'openai' },
    { name: 'messages', dialect: 'anthropic' }, { name: 'messages', dialect: 'anthropic', stream: true },
];
export const held = 'held-open'; // in the body of a stream that is meant to stay open
// Put before other rules: what a stream that is held open plays.
export const plays_held = { name: held, when: { body_contains: held }, then: { events: 3000, gap_ms: 100 } };

function with_mark(kind, mark) {
    return kind.name === 'messages' ? { metadata: { user_id: mark } } : { user: mark };
}

// What a client knows at the end: ok (whole), fail (told so), unknown (cut).
export function outcome_of(one) {
    if (one.failure && !one.complete) return one.status >= 400 ? 'fail' : 'unknown';
    if (!one.complete) return 'unknown';
    if (one.status !== 200) return 'fail';
    if (!one.is_stream) return 'ok';
    const last = one.events.filter(event => !event.is_comment).at(-1);
    if (one.events.some(event => event.name === 'error' || event.json?.error || event.json?.type === 'response.failed')) return 'fail';
    const is_end = last?.data === '[DONE]' || last?.name === 'message_stop' || last?.json?.type === 'response.completed';
    return is_end ? 'ok' : 'unknown';
}

export class Load {
    // `models`: {openai: [...], anthropic: [...]}; `rate` a second; `streams` held open all the time.
    constructor(here, { models, rate = is_long ? 200 : 50, streams = is_long ? 500 : 50, held_models = models } = {}) {
        Object.assign(this, { here, models, held_models, rate, streams, all: [], open: new Set(), is_over: false });
        this.random = random_from(seed);
        this.kinds = kinds.filter(kind => models[kind.dialect]?.length);
        this.stream_kinds = this.kinds.filter(kind => kind.stream && held_models[kind.dialect]?.length && kind.name !== 'responses');
    }

    #begin(kind, models, mark) {
        const body = ask[kind.name](this.random.pick(models[kind.dialect]), { ...(kind.stream ? { stream: true } : {}), ...(kind.name === 'embeddings' ? {} : with_mark(kind, mark)) });
        const one = new Call(this.here.server.url + at[kind.name], { body, key: this.here.server.admin });
        Object.assign(one, { kind: kind.name, is_stream: !!kind.stream, mark, from_ms: Date.now() });
        this.all.push(one);
        this.open.add(one);
        const over = () => { this.open.delete(one); one.until_ms = Date.now(); one.outcome = outcome_of(one); };
        one.done.then(over, over);
        return one;
    }

    #hold() {
        if (this.is_over) return;
        const one = this.#begin(this.random.pick(this.stream_kinds), this.held_models, held);
        one.done.catch(() => {}).finally(() => { if (!this.is_over) setTimeout(() => this.#hold(), 50); });
    }

    start() {
        if (this.stream_kinds.length) for (let i = 0; i < this.streams; i++) this.#hold();
        const began = Date.now();
        let sent = 0;
        this.timer = setInterval(() => { // open loop: the rate does not wait for answers, up to a bound
            const due = Math.floor((Date.now() - began) * this.rate / 1000);
            for (; sent < due; sent++) {
                if (this.open.size > this.streams + 400) continue;
                this.#begin(this.random.pick(this.kinds), this.models, 'load');
            }
        }, 10);
        return this;
    }

    // Whoever had asked by now has an answer.
    async answered() {
        const asked = [...this.open].filter(one => one.mark === 'load');
        await until(() => !asked.some(one => this.open.has(one)), 'the requests before end', 40_000);
    }

    // From now on these models, and nobody waits for others any more. What it gives brings those back.
    async asks_only(models) {
        const before = this.models;
        this.models = models;
        await this.answered();
        return () => { this.models = before; };
    }

    // No new ones; those held open are left by their clients, the others end.
    async stop() {
        this.is_over = true;
        clearInterval(this.timer);
        for (const one of this.open) if (one.mark === held) { one.has_left = true; one.leave(); }
        await until(() => [...this.open].every(one => one.has_left), () => `${this.open.size} requests never end`, 40_000);
        for (const one of this.all) one.outcome ??= outcome_of(one);
        return this;
    }

    // How long others waited since `from_ms`, once there are enough of them to say: the 95th of 100, in ms.
    async slowness(from_ms) {
        const ended = () => this.all.filter(one => one.mark === 'load' && one.from_ms >= from_ms && one.until_ms);
        await until(() => ended().length >= 40, 'enough load to measure');
        const took = ended().map(one => one.until_ms - one.from_ms).sort((x, y) => x - y);
        return took[Math.floor(took.length * 0.95)];
    }

    figures() {
        const sum = { ok: 0, fail: 0, unknown: 0 };
        for (const one of this.all.filter(one => one.mark !== held)) sum[one.outcome ?? 'unknown']++;
        return sum;
    }
}

// Beside the rows of a file: others who ask a provider of their own, which is well all the time. Before the first test;
// the test that ends it stands before closing().
export async function others_meanwhile(here, { rate = 10, streams = 3 } = {}) {
    await upstream(here, 'calm', { models: ['calm'], rules: [plays_held] });
    const load = new Load(here, { models: { openai: ['calm'] }, rate, streams }).start();
    return async () => {
        await load.stop();
        const figures = load.figures();
        assert.ok(figures.ok > 0 && figures.fail === 0 && figures.unknown === 0, `others were disturbed: ${JSON.stringify(figures)}`);
        await check(here, load);
    };
}

/* ---- the state of rest (I8) -------------------------------------------------------------------- */

// Descriptors of the server, without connections that wait in its pools for the next request.
export function own_descriptors(here, ports = here.upstreams.map(one => one.port ?? one.sim.port)) {
    const pooled = new Set();
    for (const line of fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
        const fields = line.trim().split(/\s+/);
        if (fields.length > 9 && ports.includes(parseInt(fields[2].split(':')[1], 16))) pooled.add(`socket:[${fields[9]}]`);
    }
    let count = 0;
    for (const fd of fs.readdirSync(`/proc/${here.server.pid}/fd`)) {
        try { if (!pooled.has(fs.readlinkSync(`/proc/${here.server.pid}/fd/${fd}`))) count++; } catch { /* closed meanwhile */ }
    }
    return count;
}

export async function baseline(here) {
    await here.server.jobs(); // what is opened at its first use is open
    await here.server.api('GET', '/api/providers');
    return { descriptors: own_descriptors(here), rss: here.server.rss() };
}

// Gauges at nought, descriptors as before (a few for readers of the store that are kept).
export async function assert_at_rest(here, before) {
    const gauges = ['auxot_requests_running', 'auxot_provider_in_flight', 'auxot_held_body_bytes'];
    for (const gauge of gauges)
        await until(async () => await here.server.metric(gauge) === 0, `${gauge} is 0 again (I8)`, 10_000);
    if (before) await until(() => own_descriptors(here) <= before.descriptors + 8,
        () => `descriptors: ${before.descriptors} before, ${own_descriptors(here)} after (I8)`, 10_000);
}

/* ---- recovery (I12) ---------------------------------------------------------------------------- */

// The fault is gone: `ask_once` must succeed 20 times in a row. Beside a fault's own end ten times the text's 5 s is the
// bound, in check() the 5 s.
export async function assert_recovers(ask_once, within_ms = 50_000) {
    const from = Date.now();
    let row = 0, last;
    while (row < 20) {
        try { last = await ask_once(); } catch (error) { last = error; }
        row = last?.status === 200 ? row + 1 : 0;
        if (Date.now() - from > within_ms * Suite.patience) assert.fail(`no recovery in ${within_ms} ms (I12): ${last?.status} ${last?.text ?? last}`.slice(0, 600));
    }
    return Date.now() - from;
}

/* ---- the checker --------------------------------------------------------------------------------- */

async function everything_on_record(here) {
    const list = await here.server.jobs(), jobs = new Map();
    let next = 0;
    const reader = async () => {
        while (next < list.length) {
            const { id } = list[next++];
            const answer = await until(async () => { // 503 where descriptors are short
                const it = await call(`${here.server.url}/api/jobs/${id}`, { key: here.server.admin }).catch(() => null);
                return it?.status === 200 && it;
            }, `job ${id} can be read`);
            jobs.set(id, answer.json);
        }
    };
    await Promise.all(Array.from({ length: here.server.limit ? 1 : 8 }, reader));
    return { jobs, count: list.length };
}

/* ---- secrets (I9) -------------------------------------------------------------------------------- */

// Of the providers' keys the part that is like nothing else; the callers' keys behind their prefix.
function canaries_of({ server }) {
    return { 'a provider\'s key': canary.slice('sk-'.length, 'sk-canary-5up3rs3cr3t-0123'.length),
        'the admin\'s key': server.admin.slice('auxk_'.length), ...(server.member ? { 'the member\'s key': server.member.slice('auxk_'.length) } : {}) };
}

// Files, logs, and what clients were told: of each answer its head and its body.
export function secrets_left(here, clients = []) {
    const told = clients.map(one => `${(one.raw_headers ?? []).join('\n')}\n${one.text ?? ''}\n`).join('');
    return find_secrets([...files_under(here.server.data), { where: 'the log', bytes: Buffer.from(here.server.all_logs) },
        { where: 'stdout', bytes: Buffer.from(here.server.child.stdout) }, { where: 'an answer', bytes: Buffer.from(told) }], canaries_of(here));
}

/* ---- versions of the configuration (I11) --------------------------------------------------------- */

// One version per row, of those that there were; who came a second later was not answered under an older one.
async function check_versions(here, jobs, trouble) {
    const { config_version: newest } = await here.server.api('POST', '/api/routing/explain', { model: 'auto' });
    const rows = [...jobs.values()].sort((x, y) => x.created_at_ms - y.created_at_ms);
    let settled = 0, least = 0;
    for (const { id, created_at_ms, config_version: version } of rows) {
        for (; rows[settled].created_at_ms < created_at_ms - 1000; settled++) least = Math.max(least, rows[settled].config_version);
        if (!Number.isInteger(version) || version < Math.max(1, least) || version > newest) trouble.I11.push([id, version, { least, newest }]);
    }
}

const some = list => `${list.length}: ${JSON.stringify(list.slice(0, 5))}`;

// What asks for a model of this load, which is well now.
function probe_of(here, loads) {
    const load = [loads].flat().find(one => one.models);
    if (!load) return null;
    const [dialect, name] = load.models.openai?.length ? ['openai', 'chat'] : ['anthropic', 'messages'];
    return () => here.server.call(at[name], ask[name](load.models[dialect][0]));
}

// C, U and D agree. `loads`: one, several, or calls by themselves; `survives`: the server was not killed in between.
export async function check(here, loads = [], { before, survives = true } = {}) {
    const probe = probe_of(here, loads);
    if (probe) await assert_recovers(probe, 5000);
    const clients = [loads].flat().flatMap(load => load.all ?? [load]);
    await until(async () => (await here.server.jobs('&status=open')).length === 0, 'no job is open (I1)', 20_000);
    const { jobs, count } = await everything_on_record(here);
    assert.equal(jobs.size, count, 'a job is on record once (I1)');

    const trouble = { I1: [], I2: [], I3: [], I4: [], I5: [], I9: secrets_left(here, clients), I11: [] };
    const seen = new Map(); // U by request id
    for (const { sim, slug } of here.upstreams)
        for (const entry of await sim.log()) {
            const id = request_id(entry);
            if (!seen.has(id)) seen.set(id, []);
            seen.get(id).push({ ...entry, slug });
        }
    const attempts = new Map(); // D by request id
    for (const job of jobs.values()) {
        if (!['done', 'failed', 'cancelled', 'refused', 'interrupted'].includes(job.status)) trouble.I1.push([job.id, job.status]);
        job.attempts.forEach((attempt, index) => {
            if (attempt.seq !== index + 1) trouble.I2.push([job.id, attempt.seq]);
            if (!attempt.outcome || attempt.outcome === 'open') trouble.I1.push([job.id, attempt.seq, attempt.outcome]);
            attempts.set(`${job.id}-${attempt.seq}`, { ...attempt, job });
        });
    }
    for (const id of seen.keys()) if (!attempts.has(id)) trouble.I4.push(['an upstream saw it, no intent', id]);
    for (const [id, attempt] of attempts)
        if (attempt.outcome === 'ok' && !seen.has(id)) trouble.I4.push(['made up', id]);

    for (const one of clients) {
        if (!one.job_id) continue;
        const job = jobs.get(one.job_id), outcome = one.outcome ?? outcome_of(one);
        if (!job) { trouble.I1.push(['a client has it', one.job_id, outcome]); continue; }
        if (outcome === 'ok' && job.status !== 'done') trouble.I4.push(['the client has it whole', job.id, job.status]);
        if (outcome === 'fail' && job.status === 'done') trouble.I4.push(['the client was told it failed', job.id, job.reason]);
        check_tokens(one, job, outcome, seen, trouble);
    }
    await check_versions(here, jobs, trouble);
    if (survives && await here.server.metric('auxot_requests_running') === 0) await check_sums(here, jobs, trouble);
    for (const [name, list] of Object.entries(trouble))
        assert.equal(list.length, 0, `${name}, seed ${seed}: ${some(list)}`);
    await assert_at_rest(here, before);
    return { jobs, seen, attempts };
}

// I5: the sim's tokens of a prompt; it tells them before its first token.
const prompt_tokens_of = entry => Math.floor(entry.body_bytes / 4) + 1;

// I3: of one attempt, from the first on. I5: each attempt is posted with what it took, and the job with what all of them
// took: one that broke before COMMIT may have told of its prompt already, as Anthropic's message_start does.
function check_tokens(one, job, outcome, seen, trouble) {
    const text = one.is_stream ? text_of(one.events) : one.status === 200 ? one.text : '';
    const stamps = stamps_of(text);
    if (stamps.count === 0) return;
    if (stamps.requests !== 1 || !stamps.in_order) { trouble.I3.push([job.id, text.slice(0, 200)]); return; }
    const last = job.attempts.at(-1);
    const entries = seen.get(`${job.id}-${last.seq}`) ?? [];
    const entry = entries.find(entry => entry.seq === stamps.request);
    if (!entry) { trouble.I3.push(['not of the last attempt', job.id, stamps]); return; }
    if (outcome !== 'ok') return;
    if (last.output_tokens !== stamps.count) trouble.I5.push(['output', job.id, last.output_tokens, stamps.count]);
    if (last.input_tokens !== prompt_tokens_of(entry)) trouble.I5.push(['input', job.id, last.input_tokens, entry.body_bytes]);
    for (const { seq, input_tokens } of job.attempts.slice(0, -1)) // what was told before the break, or nothing
        if (input_tokens !== null && !(seen.get(`${job.id}-${seq}`) ?? []).some(entry => input_tokens === prompt_tokens_of(entry)))
            trouble.I5.push(['input of a broken attempt', job.id, seq, input_tokens]);
    for (const field of ['input_tokens', 'output_tokens']) {
        const sum = job.attempts.reduce((sum, attempt) => sum + (attempt[field] ?? 0), 0);
        if (job[field] !== sum) trouble.I5.push(['the job and its attempts', job.id, field, job[field], sum]);
    }
}

// I5: what is shown as a sum is the sum of the rows (of this life of the server: none was killed).
async function check_sums(here, jobs, trouble) {
    for (const [metric, field] of [['auxot_output_tokens_total', 'output_tokens'], ['auxot_input_tokens_total', 'input_tokens']]) {
        const rows = [...jobs.values()].reduce((sum, job) => sum + (job[field] ?? 0), 0);
        const shown = await here.server.metric(metric);
        if (shown !== rows) trouble.I5.push([metric, shown, rows]);
    }
}
