// `auxot worker cli --listen`: a command-line tool behind HTTP, its own upstream a simulator. No gateway.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { claude_binary, codex_binary, quiet } from './clis.mjs';
import { Call } from './http.mjs';
import { Child, until } from './process.mjs';
import { empty_dir } from './server.mjs';
import { Sim } from './sim.mjs';
import { Suite, sanitizer_report } from './suite.mjs';

const clean = Object.fromEntries(Object.keys(process.env).filter(name => name.startsWith('AUXOT_')).map(name => [name, undefined]));

// What each tool needs to be pointed at a simulator, and to find nothing of whoever runs the tests.
export const setups = {
    claude: {
        dialect: 'anthropic', program: claude_binary,
        env: (home, sim) => ({ ANTHROPIC_BASE_URL: sim.url, ANTHROPIC_API_KEY: 'any' }),
    },
    codex: {
        dialect: 'openai', program: codex_binary,
        env: (home, sim) => {
            fs.writeFileSync(path.join(home, 'config.toml'), 'model_provider = "gw"\n[model_providers.gw]\nname = "gw"\n'
                + `base_url = "${sim.url}/v1"\nenv_key = "GW_KEY"\nwire_api = "responses"\n`);
            return { CODEX_HOME: home, GW_KEY: 'any' };
        },
    },
};

export class CliWorker {
    static async start(tool, { args = [], env = {}, program } = {}) {
        const worker = new CliWorker();
        const setup = setups[tool];
        worker.tool = tool;
        worker.home = empty_dir(tool);
        worker.scratch = empty_dir('scratch');
        worker.sim = setup && await Sim.start({ dialect: setup.dialect, models: ['sim-model'] });
        worker.child = new Child(Suite.binary, ['worker', 'cli', '--tool', tool, '--program', program ?? setup.program, '--model', 'sim-model',
            '--scratch', worker.scratch, '--listen', '0', ...args],
        { env: { ...clean, ...quiet(worker.home), ...setup?.env(worker.home, worker.sim), ...env } });
        [, worker.url] = await worker.child.line(/worker ready (http:\S+)/, { timeout: 30_000 });
        return worker;
    }

    plays(...rules) { return this.sim.plays(rules); }
    begin(body) { return new Call(`${this.url}/v1/messages`, { body: { model: 'sim-model', max_tokens: 1000, ...body } }); }
    async ask(body) { const call = this.begin(body); await call.done; return call; }
    // Bodies that its upstream has seen since `count` of them.
    async seen(count = 0) { return (await this.sim.log()).slice(count).map(entry => JSON.parse(entry.body)); }
    async count() { return (await this.sim.log()).length; }

    // The processes of its tool, by id.
    processes() {
        return fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(pid => {
            try { return Number(fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]) === this.child.pid; } catch { return false; }
        });
    }
    async no_process() { await until(() => this.processes().length === 0, 'its processes are gone'); }
    // Directories of jobs that are left.
    places() {
        return fs.readdirSync(this.scratch).flatMap(one => fs.readdirSync(path.join(this.scratch, one))).filter(name => name !== 'lock');
    }
    async stop() {
        const { code } = await this.child.stop();
        await this.sim?.stop();
        assert.doesNotMatch(this.child.stderr, sanitizer_report);
        assert.equal(code, 0);
        assert.deepEqual(fs.readdirSync(this.scratch), [], 'it leaves no directory');
    }
}
