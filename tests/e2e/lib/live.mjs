// A client of GET /api/live: keeps what it saw, holds every event to the contract, comes back where it was.
//
//     const live = await Live.open(server, { key: server.admin });
//     await live.when(it => it.of('config').length > 0);
//     live.leave();
//     await live.come_back();
import assert from 'node:assert/strict';
import { Call } from './http.mjs';
import { hold_event_to_contract } from './contract.mjs';
import { within } from './process.mjs';

export class Live {
    // `by`: options of a Call (key, headers, socket); `query`: "?..."
    static async open(server, { query = '', ...by } = {}) {
        const live = new Live();
        Object.assign(live, { server, query, by, seen: [], watchers: new Set(), last_id: undefined });
        return live.come_back();
    }

    // `id`: as if it had seen nothing behind that one.
    async come_back(id = this.last_id) {
        const headers = { ...this.by.headers, ...(id ? { 'last-event-id': id } : {}) };
        this.ended = this.failure = null;
        const call = this.call = new Call(`${this.server.url}/api/live${this.query}`, { ...this.by, headers, on_event: (event, from) => { if (from === this.call) this.#take(event); } });
        call.done.then(() => { if (call === this.call) this.ended = 'finished'; }, error => { if (call === this.call) this.ended = error.message; }).finally(() => this.#tell());
        await within(15_000, call.head, 'no answer to GET /api/live');
        assert.equal(call.status, 200);
        await this.when(it => it.call !== call || it.seen.some(event => event.from === call && event.name === 'hello'), 'hello');
        return this;
    }

    #take(event) {
        try {
            if (!event.is_comment) hold_event_to_contract(event);
            if (event.id) this.last_id = event.id;
            this.seen.push({ ...event, from: this.call, at: Date.now() });
        } catch (error) { this.failure = error; }
        this.#tell();
    }
    #tell() { for (const look of [...this.watchers]) look(); }

    of(name) { return this.seen.filter(event => event.name === name && !event.is_comment); }
    patches(name) { return this.of(name).map(event => event.json.patch); }

    async when(test, sentence = 'that never came', ms = 15_000) {
        let look;
        const found = new Promise((resolve, reject) => {
            look = () => { if (this.failure) reject(this.failure); else if (test(this)) resolve(this); };
            this.watchers.add(look);
            look();
        });
        try { return await within(ms, found, () => `not in time: ${sentence}; last: ${this.seen.slice(-3).map(event => event.raw.slice(0, 200)).join('\n')} ended: ${this.ended}`); } finally { this.watchers.delete(look); }
    }
    async cut(ms = 15_000) { await this.when(it => it.ended, 'the end of the stream', ms); return this.ended; }
    leave() { this.call.leave(); this.ended = 'left'; }
}
