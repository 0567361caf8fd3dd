// Child processes: what they print, when they end, and that none outlives its test.
import { spawn } from 'node:child_process';
import { Suite } from './suite.mjs';

const living = new Set();
process.on('exit', () => { for (const child of living) child.process.kill('SIGKILL'); });
for (const signal of ['SIGTERM', 'SIGINT'])
    process.on(signal, () => process.exit(1));

export class Child {
    constructor(program, args, { env = {}, cwd, input } = {}) {
        this.name = [program.split('/').pop(), ...args].join(' ');
        this.stdout = '';
        this.stderr = '';
        this.ended = null;
        this.watchers = new Set();
        this.process = spawn(program, args, {
            cwd, env: { ...process.env, ...env }, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
        });
        living.add(this);
        if (input !== undefined) this.process.stdin.end(input);
        this.process.stdout.setEncoding('utf8').on('data', text => this.#heard('stdout', text));
        this.process.stderr.setEncoding('utf8').on('data', text => this.#heard('stderr', text));
        this.exit = new Promise(resolve => {
            const end = (code, signal) => {
                living.delete(this);
                this.ended = { code, signal };
                resolve(this.ended);
                this.#tell();
            };
            this.process.on('close', end);
            this.process.on('error', error => { this.stderr += error.message; end(127, null); });
        });
    }

    #heard(stream, text) { this[stream] += text; this.#tell(); }
    #tell() { for (const watcher of [...this.watchers]) watcher(); }

    get pid() { return this.process.pid; }

    // Waits until stdout (or another stream) has a match; fails when the process ends first.
    async line(pattern, { stream = 'stdout', timeout = 15_000 } = {}) {
        let done;
        const found = new Promise((resolve, reject) => {
            done = () => {
                const match = this[stream].match(pattern);
                if (match) resolve(match);
                else if (this.ended) reject(new Error(
                    `${this.name} ended (${JSON.stringify(this.ended)}) before ${pattern}:\n${this.stderr.slice(-4000)}`));
            };
            this.watchers.add(done);
            done();
        });
        try {
            return await within(timeout, found, () => `${this.name} never said ${pattern}:\n${this.stdout.slice(-1000)}${this.stderr.slice(-4000)}`);
        } finally {
            this.watchers.delete(done);
        }
    }

    kill(signal = 'SIGTERM') { if (!this.ended) this.process.kill(signal); }

    async stop(signal = 'SIGTERM', timeout = 20_000) {
        this.kill(signal);
        try {
            return await within(timeout, this.exit, () => `${this.name} did not end on ${signal}:\n${this.stderr.slice(-4000)}`);
        } catch (error) {
            this.kill('SIGKILL');
            throw error;
        }
    }
}

// Runs a command to its end.
export async function run(program, args, options = {}) {
    const child = new Child(program, args, options);
    await within(options.timeout ?? 30_000, child.exit, () => {
        child.kill('SIGKILL');
        return `${child.name} ran too long:\n${child.stdout.slice(-2000)}\n${child.stderr.slice(-2000)}`;
    });
    return { ...child.ended, stdout: child.stdout, stderr: child.stderr };
}

// The promise, or an error with the sentence once `ms` have passed (longer under sanitizers).
export async function within(ms, promise, sentence) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(typeof sentence === 'function' ? sentence() : sentence)), ms * Suite.patience);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

// Asks again until the answer is truthy. For what cannot be waited on otherwise: files, other
// processes' counters, rows that a writer thread is about to write.
export async function until(ask, sentence, ms = 10_000) {
    const end = Date.now() + ms * Suite.patience;
    for (;;) {
        const answer = await ask();
        if (answer) return answer;
        if (Date.now() > end) throw new Error(typeof sentence === 'function' ? sentence() : `not in time: ${sentence}`);
        await new Promise(resolve => setTimeout(resolve, 10));
    }
}
