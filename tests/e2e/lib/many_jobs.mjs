// Many jobs soon: a few hundred that were really run, and copies of them, each set of them a minute earlier. Rows and sums of the
// usage are moved by the same minutes, so both stay one; the times of attempts, which stand inside a row, do not move.
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';

const MINUTE = 60_000, NUMBER_BITS = 20n, TIME_DIGITS = 10, digits = '0123456789abcdefghjkmnpqrstvwxyz';

// The id of the copy: its own time, the random part of the original.
function moved_id(id, ms) {
    let text = '', left = BigInt(ms);
    for (let i = 0; i < TIME_DIGITS; i++, left >>= 5n) text = digits[Number(left & 31n)] + text;
    return `job_${text}${id.slice('job_'.length + TIME_DIGITS)}`;
}

function copy_rows(db, sets) {
    const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all('jobs_1').map(row => row.name);
    const values = { at: `at - ((:set * ${MINUTE}) << ${NUMBER_BITS})`, id: `moved_id(id, created_at_ms - :set * ${MINUTE})`, created_at_ms: `created_at_ms - :set * ${MINUTE}` };
    db.exec('CREATE TEMP TABLE original AS SELECT * FROM jobs_1');
    const copy = db.prepare(`INSERT INTO jobs_1 (${columns.join()}) SELECT ${columns.map(name => values[name] ?? name).join()} FROM original`);
    for (let set = 1; set < sets; set++) copy.run({ ':set': set });
    db.exec(`UPDATE chunk SET row_count = (SELECT count(*) FROM jobs_1), min_at = (SELECT min(at) FROM jobs_1),
        min_created_at_ms = (SELECT min(created_at_ms) FROM jobs_1) WHERE id = 1`);
}

function copy_sums(db, sets) {
    const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all('usage_minute').map(row => row.name);
    const sums = columns.filter(name => name !== 'at' && name !== 'grp');
    const every = (at, from) => `SELECT ${at}, grp, ${sums.map(name => `sum(${name})`).join()} FROM ${from} GROUP BY 1, 2`;
    const plain = columns.map(name => (name === 'at' ? 'at - moved.value AS at' : name)).join();
    db.exec(`CREATE TEMP TABLE minute AS SELECT ${plain} FROM usage_minute,
        (WITH RECURSIVE moved(value) AS (VALUES (0) UNION ALL SELECT value + 1 FROM moved WHERE value + 1 < ${sets}) SELECT value FROM moved) AS moved`);
    for (const [table, minutes] of [['usage_minute', 1], ['usage_hour', 60], ['usage_day', 1440]])
        db.exec(`DELETE FROM ${table}; INSERT INTO ${table} (at, grp, ${sums.join()}) ${every(`at / ${minutes}`, 'minute')}`);
}

// The server of this data directory must not run. All jobs must be in the first chunk. Returns how many there are.
export function multiply_jobs(data, wanted) {
    const db = new DatabaseSync(join(data, 'store.db'));
    try {
        db.function('moved_id', { deterministic: true }, (id, ms) => moved_id(id, ms));
        const { count } = db.prepare('SELECT count(*) AS count FROM jobs_1').get(), sets = Math.ceil(wanted / count);
        db.exec('BEGIN');
        copy_rows(db, sets);
        copy_sums(db, sets);
        db.exec('COMMIT');
        return count * sets;
    } finally {
        db.close();
    }
}
