// `auxot chaos`: what is between two programs, and breaks as it is told.
import { Child } from './process.mjs';
import { Suite } from './suite.mjs';
import { call } from './http.mjs';

export class Chaos {
    static async start(to_port) {
        const chaos = new Chaos();
        chaos.child = new Child(Suite.simulator, ['chaos', '--to', `127.0.0.1:${to_port}`]);
        const [, port, control] = await chaos.child.line(/^chaos ready [\d.]+:(\d+) control (http:\/\/\S+)$/m);
        Object.assign(chaos, { port: Number(port), control });
        return chaos;
    }

    async #ask(path, body, method) {
        const answer = await call(this.control + path, { body, method });
        if (answer.status >= 300) throw new Error(`chaos ${path}: ${answer.status} ${answer.text}`);
        return answer.json;
    }
    // Replaces the plan: no argument, no trouble.
    plans(plan = {}) { return this.#ask('/plan', plan); }
    plan() { return this.#ask('/plan'); }
    stats() { return this.#ask('/stats'); }
    cut() { return this.#ask('/cut', undefined, 'POST'); }
    reset() { return this.#ask('/reset', undefined, 'POST'); }
    stop() { return this.child.stop(); }
}
