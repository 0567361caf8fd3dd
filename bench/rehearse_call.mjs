// bench/rehearse_call.mjs: the whole of POST /api/routing/rehearse over 100,000 jobs: reading them, two runs, the answer.
//
//     AUXOT_BIN=build/auxot tests/e2e/node_modules/.bin/node --no-warnings bench/rehearse_call.mjs [rows]
//
// A server with eight clouds and two providers of workers (four workers, 32 slots) and ten teams; one real job, of which so
// many are made in its table while no server runs. Medians of nine calls by the wall clock.
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Sim } from '../tests/e2e/lib/sim.mjs';
import { Server } from '../tests/e2e/lib/server.mjs';
import { team } from '../tests/e2e/lib/teams.mjs';
import { Worker, provider_of_workers } from '../tests/e2e/lib/worker.mjs';
import { ask, at } from '../tests/e2e/lib/scene.mjs';

const rows = Number(process.argv[2] ?? 100_000);
const server = await Server.start();
server.admin = await server.key('admin', 'admin');

const clouds = [];
for (let i = 0; i < 8; i++) {
    const dialect = i % 2 ? 'anthropic' : 'openai', models = ['shared', ...Array.from({ length: 10 }, (_, k) => `m-${i}-${k}`)];
    const sim = await Sim.start({ dialect, models });
    const provider = await server.api('POST', '/api/providers', { type: dialect, name: `cloud${i}`, api_key: 'sk-0123456789abcdef0123', base_url: sim.base_url });
    await server.api('PATCH', `/api/providers/${provider.id}`, { surfaced_models: models });
    clouds.push({ sim, ...provider });
}
const racks = [await provider_of_workers(server, 'gpu', 'Rack', { wait_ms: 300 }), await provider_of_workers(server, 'gpu', 'Other')];
const teams = [];
for (let i = 0; i < 10; i++) teams.push(await team(server, i % 3 ? {} : { allowed_tiers: ['gpu', 'cloud'] }));
await server.job((await server.call(at.chat, ask.chat('auto'))).job_id);
await server.stop();

// The same few kinds of requests in turn, spread over 23 hours.
const db = new DatabaseSync(`${server.data}/store.db`);
const chunk = db.prepare('SELECT max(id) AS id FROM chunk').get().id;
const select = db.prepare(`SELECT * FROM jobs_${chunk} LIMIT 1`);
select.setReadBigInts(true);
const model_row = select.get();
const columns = Object.keys(model_row), span_ms = 23 * 3600_000, first_ms = Date.now() - span_ms - 60_000;
const insert = db.prepare(`INSERT INTO jobs_${chunk} (${columns}) VALUES (${columns.map(() => '?')})`);
let dice = 5;
const roll = sides => (dice = dice * 48271 % 2147483647) % sides;
db.exec(`BEGIN; DELETE FROM jobs_${chunk}`);
for (let i = 0; i < rows; i++) {
    const created_at_ms = first_ms + Math.floor(span_ms * i / rows), of = teams[roll(10)], kind = roll(100);
    const requested_model = kind < 50 ? 'auto' : kind < 70 ? 'shared' : kind < 80 ? 'llama' : kind < 98 ? `m-${roll(8)}-${roll(10)}` : 'nobody-has-it';
    const row = { ...model_row, at: (BigInt(created_at_ms) << 20n) | BigInt(i & 0xfffff), id: `job_${String(i).padStart(26, '0')}`, created_at_ms, requested_model,
        team: of.id, key_id: of.key_id, provider_id: clouds[roll(8)].id, queued_ms: 1, first_byte_ms: 150, duration_ms: 200 + roll(20_000), needs: roll(3) ? 0 : 1,
        prompt_tokens: 500, pin: kind < 3 ? clouds[roll(8)].slug : '', is_admin: 0, input_tokens: 900, output_tokens: 300 };
    insert.run(...columns.map(name => row[name]));
}
db.exec(`UPDATE chunk SET row_count = ${rows}, min_at = (SELECT min(at) FROM jobs_${chunk}), max_at = (SELECT max(at) FROM jobs_${chunk}) WHERE id = ${chunk}; COMMIT`);
db.close();

await server.restart();
for (const rack of racks)
    for (let i = 0; i < 2; i++) await Worker.start(server, rack.key, { slots: 8, models: ['llama'] });
// User and system time of the threads that run management calls, in ms.
function api_cpu_ms() {
    const tasks = `/proc/${server.pid}/task`;
    return fs.readdirSync(tasks).map(id => fs.readFileSync(`${tasks}/${id}/stat`, 'utf8')).filter(stat => stat.includes('(api-'))
        .map(stat => stat.split(') ')[1].split(' ')).reduce((sum, fields) => sum + 10 * (Number(fields[11]) + Number(fields[12])), 0);
}
const stories = {
    'nothing changes': {},
    'workers are gone': { faults: [{ provider: 'rack', fault: 'offline' }] },
    'slow, half, no quota': { faults: [['rack', 'half_slots'], ['rack', 'slow_x3'], ['cloud0', 'over_quota']].map(([provider, fault]) => ({ provider, fault })) },
    'another configuration': { changes: { providers: [{ provider: 'rack', wait_ms: 2000 }] } },
};
for (const [name, body] of Object.entries(stories)) {
    const times = [], cpu_before = api_cpu_ms();
    let report;
    for (let i = 0; i < 9; i++) {
        const began = performance.now();
        report = await server.api('POST', '/api/routing/rehearse', body);
        times.push(Math.round(performance.now() - began));
    }
    times.sort((a, b) => a - b);
    const cpu_ms = Math.round((api_cpu_ms() - cpu_before) / times.length);
    console.log(`${name}: ${times[4]} ms (${times[0]} to ${times[8]}), CPU ${cpu_ms} ms, ${report.window.rehearsed} of ${report.window.jobs} jobs. ${report.sentence}`);
}
await server.stop();
for (const { sim } of clouds) sim.stop();
process.exit(0);
