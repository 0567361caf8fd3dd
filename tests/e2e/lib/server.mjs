// The real server on an empty data directory, and what one may ask of it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child, run, until } from './process.mjs';
import { Suite, sanitizer_report } from './suite.mjs';
import { Call, call } from './http.mjs';

export const openai = '/api/openai/v1', anthropic = '/api/anthropic/v1';

const made = new Set();
process.on('exit', () => { for (const dir of made) fs.rmSync(dir, { recursive: true, force: true }); });

export function empty_dir(name = 'data') {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), `auxot-e2e-${name}-`));
    made.add(dir);
    return dir;
}

// No setting of the person who runs the tests may leak into them.
const clean = Object.fromEntries(Object.keys(process.env).filter(name => name.startsWith('AUXOT_')).map(name => [name, undefined]));

export function auxot(args, { env = {}, ...options } = {}) {
    return run(Suite.binary, args, { env: { ...clean, ...env }, ...options });
}

export class Server {
    static async start({ data = empty_dir(), env = {}, flags = [], descriptors } = {}) {
        const server = new Server();
        Object.assign(server, { data, env, flags, limit: descriptors, logs: '' });
        await server.restart();
        return server;
    }

    async restart() {
        if (this.child) this.logs += this.child.stderr;
        const command = [Suite.binary, 'serve', '--data-dir', this.data, '--port', '0', ...this.flags];
        if (this.limit) command.unshift('sh', '-c', `ulimit -n ${this.limit}; exec "$@"`, 'sh');
        this.child = new Child(command[0], command.slice(1), { env: { ...clean, ...this.env } });
        const [, url] = await this.child.line(/^auxot ready (https?:\/\/\S+)$/m);
        this.url = url;
        this.port = Number(new URL(url).port);
        return this;
    }

    get pid() { return this.child.pid; }
    get all_logs() { return this.logs + this.child.stderr; }
    get openai() { return this.url + openai; }
    get anthropic() { return this.url + anthropic; }

    async key(name, role = 'admin') {
        const { code, stdout, stderr } = await auxot(['keys', 'create', '--data-dir', this.data, '--name', name, '--role', role]);
        if (code !== 0) throw new Error(`keys create: exit ${code}: ${stderr}`);
        const key = stdout.trim();
        if (!/^auxk_[0-9A-Za-z]+$/.test(key)) throw new Error(`keys create printed ${JSON.stringify(stdout)}`);
        return key;
    }

    // An admin's call of the management API; fails unless the status is as expected.
    async api(method, where, body, { expect, key = this.admin, headers = {} } = {}) {
        const answer = await call(this.url + where, { method, body, key, headers });
        const is_fine = expect ? answer.status === expect : answer.status < 300;
        if (!is_fine) throw new Error(`${method} ${where}: ${answer.status}: ${answer.text.slice(0, 600)}`);
        return answer.text ? answer.json : null;
    }

    // A caller's request; `.status`, `.json`, `.events`, `.headers`.
    call(where, body, { key = this.admin, ...options } = {}) { return call(this.url + where, { body, key, ...options }); }
    begin(where, body, { key = this.admin, ...options } = {}) { return new Call(this.url + where, { body, key, ...options }); }

    // The closed record of a job.
    job(id) {
        return until(async () => {
            const answer = await call(`${this.url}/api/jobs/${id}`, { key: this.admin });
            return answer.status === 200 && answer.json.status !== 'open' && answer.json;
        }, `job ${id} on record and closed`);
    }

    // Every job, newest first, by way of the cursor.
    async jobs(query = '') {
        const all = [];
        for (let cursor = ''; ;) {
            const page = await this.api('GET', `/api/jobs?limit=200${query}${cursor}`);
            all.push(...page.items);
            if (!page.next_cursor) return all;
            cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
        }
    }

    async metric(name) {
        const { text } = await call(`${this.url}/metrics`, { key: this.admin });
        return text.split('\n').filter(line => line.startsWith(name) && !line.startsWith('#'))
            .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    }

    // Resident memory in bytes, as the kernel sees it.
    rss() { return Number(fs.readFileSync(`/proc/${this.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1]) * 1024; }
    // User and system time spent, in the kernel's ticks.
    cpu_ticks() {
        const fields = fs.readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1].split(' ');
        return Number(fields[11]) + Number(fields[12]);
    }
    descriptors() { return fs.readdirSync(`/proc/${this.pid}/fd`).length; }

    async stop(signal = 'SIGTERM') { return this.child.stop(signal); }

    // After the end: did it leave in order, and did a sanitizer complain?
    verdict() {
        const report = this.all_logs.match(sanitizer_report);
        if (!report) return null;
        const at = Math.max(0, report.index - 200);
        return this.all_logs.slice(at, at + 6000);
    }
}
