// F58: a large chunk of old jobs goes under load, a little at a time: nobody waits for it, memory stays flat, sums of usage
// and events stay. Jobs of now are not touched.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { at, ask, closing, scene } from '../lib/scene.mjs';
import { Load, check, is_long, seed } from '../lib/ledgers.mjs';
import { until } from '../lib/process.mjs';
import { request_id } from '../lib/sim.mjs';
import { auxot, empty_dir } from '../lib/server.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const here = await scene({ first: { models: ['shared'] }, claude: { dialect: 'anthropic', models: ['claude-sim'] } }, { env: { AUXOT_JOB_RETENTION: '48h' } });
const { server } = here;
const rows = is_long ? 1_000_000 : 260_000, day_ms = 86_400_000;
const db_path = path.join(server.data, 'store.db');

// Copies of one row, a millisecond apart, from a hundred days ago on, as the only rows of the first chunk.
function make_old() {
    const db = new DatabaseSync(db_path);
    const columns = db.prepare('PRAGMA table_info(jobs_1)').all().map(column => column.name).filter(name => name !== 'at');
    const from = Date.now() - 100 * day_ms, key = '(CAST(? AS INTEGER) << 20)'; // of a millisecond; too large for a number
    db.exec('PRAGMA synchronous=OFF; BEGIN');
    db.prepare(`INSERT INTO jobs_1 (at, ${columns}) SELECT ${key} + (n.i << 20), ${columns} FROM jobs_1 JOIN (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n) AS n WHERE jobs_1.at = (SELECT min(at) FROM jobs_1)`)
        .run(from, rows - 1);
    db.prepare(`DELETE FROM jobs_1 WHERE at >= ${key}`).run(Date.now() - day_ms);
    db.prepare(`UPDATE chunk SET row_count = ?, min_at = ${key}, max_at = ${key}, min_created_at_ms = ?, max_created_at_ms = ?`).run(rows, from, from + rows, from, from + rows);
    db.exec('COMMIT');
    db.close();
}
const count = sql => { const db = new DatabaseSync(db_path, { readOnly: true }); try { return db.prepare(sql).get().n; } finally { db.close(); } };
// Rows of the old chunk that are left (a millisecond apart, the oldest go first), and rows of now.
function progress() {
    const db = new DatabaseSync(db_path, { readOnly: true });
    try {
        const is_there = db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table' AND name = 'jobs_1'").get().n;
        return { left: is_there ? db.prepare('SELECT coalesce(((SELECT max(at) FROM jobs_1) - (SELECT min(at) FROM jobs_1) >> 20) + 1, 0) AS n FROM chunk LIMIT 1').get().n : 0, of_now: db.prepare('SELECT total(row_count) AS n FROM chunk WHERE id > 1').get().n };
    } catch (error) {
        if (/no such table/.test(error.message)) return { left: 0, of_now: 0 }; // gone between two looks
        throw error;
    } finally { db.close(); }
}
const slowest = (list, share) => list.map(one => one.until_ms - one.from_ms).sort((x, y) => x - y)[Math.floor(list.length * share)];

test(`F58: ${rows} old jobs go while requests run; their rows are written in between, memory is flat, what is kept is kept`, async () => {
    const forgotten = [];
    for (let i = 0; i < 5; i++) forgotten.push((await server.call(at.chat, ask.chat('shared'))).job_id);
    const day = new Date(Date.now() - day_ms).toISOString().slice(0, 10);
    const used = () => server.api('GET', `/api/usage?group_by=model&since=${day}`).then(answer => answer.items.map(item => [item.model ?? item.name, item.jobs, item.cost_microusd]));
    const before = { used: await used(), events: (await server.api('GET', '/api/events/verify')).events };
    assert.equal((await server.stop()).code, 0);
    make_old();
    await server.restart();
    const load = new Load(here, { models: { openai: ['shared'], anthropic: ['claude-sim'] }, streams: 5 }).start();
    const from = Date.now(), most = { rss: 0 }, rss = server.rss(), seen = [];
    await until(() => {
        most.rss = Math.max(most.rss, server.rss());
        const now = progress();
        if (now.left > 0 && now.left < rows) seen.push(now);
        return now.left === 0;
    }, 'the old chunk is gone', 60_000);
    const gone = Date.now();
    await until(() => load.all.filter(one => one.mark === 'load' && one.from_ms > gone && one.until_ms).length >= 100, 'as many without it');
    await load.stop();
    const meanwhile = load.all.filter(one => one.mark === 'load' && one.from_ms >= from && one.from_ms < gone), after = load.all.filter(one => one.mark === 'load' && one.from_ms >= gone);
    const p99 = [slowest(meanwhile, 0.99), slowest(after, 0.99)];
    // By counts, because how long others take says more of the machine: whoever looks in between finds a part of the old rows
    // gone, and rows of now written since.
    const parts = new Set(seen.map(({ left }) => left)).size;
    assert.ok(parts > 1, `a little at a time: ${seen.length} looks found ${parts} sizes`);
    assert.ok(seen.at(-1).of_now > seen[0].of_now, `nobody waits for the end of it: ${JSON.stringify([seen[0], seen.at(-1)])}`);
    console.log(`# ${rows} rows in ${gone - from} ms, ${meanwhile.length} requests meanwhile: p99 ${p99[0]} ms, ${p99[1]} ms without; RSS ${rss >> 20} MiB, at most ${most.rss >> 20} MiB`);
    const { fail, unknown } = load.figures();
    assert.deepEqual({ fail, unknown }, { fail: 0, unknown: 0 });
    assert.ok(most.rss - rss < 64 << 20, `RSS ${rss} to ${most.rss}`);
    assert.equal(count('SELECT count(*) AS n FROM chunk WHERE id = 1'), 0);
    const known = one => ({ ...one, sim: { log: async () => (await one.sim.log()).filter(entry => !forgotten.some(id => request_id(entry).startsWith(id))) } });
    const { jobs } = await check({ ...here, upstreams: here.upstreams.map(known) }, load.all, { survives: false });
    assert.ok([...jobs.values()].every(job => job.created_at_ms >= from - 60_000), 'only jobs of now are left, all of them');
    const now = await used();
    for (const [model, count_then] of before.used) assert.ok(now.find(([name]) => name === model)[1] >= count_then, 'sums of usage stay');
    const { unbroken, events } = await server.api('GET', '/api/events/verify');
    assert.ok(unbroken && events >= before.events);
});

test('F58: job_retention is 0, for ever, or at least 48 hours', async () => {
    const refused = await auxot(['serve', '--data-dir', empty_dir(), '--port', '0', '--job-retention', '1h']);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /job_retention must be 48h or more/);
});

closing(here, { ledger: false }); // the record has forgotten what the upstreams saw first
