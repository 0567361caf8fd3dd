// A person at a browser: a jar with the cookies of one server, and the headers that its pages send.
import assert from 'node:assert/strict';
import { Call, call } from './http.mjs';

export const good_password = 'kingfisher at the weir';

export class Person {
    constructor(server) {
        this.server = server;
        this.jar = {};
    }

    get cookie() { return Object.entries(this.jar).map(([name, value]) => `${name}=${value}`).join('; '); }

    headers(method, more = {}) {
        const writes = method !== 'GET' ? { origin: this.server.url, 'sec-fetch-site': 'same-origin', 'x-auxot-csrf': '1' } : {};
        const all = { ...(this.cookie ? { cookie: this.cookie } : {}), ...writes, ...more };
        return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    }

    keep(answer) {
        for (const line of answer.headers['set-cookie'] ?? []) {
            const [pair, ...attributes] = line.split('; ');
            const at = pair.indexOf('=');
            if (attributes.includes('Max-Age=0')) delete this.jar[pair.slice(0, at)];
            else this.jar[pair.slice(0, at)] = pair.slice(at + 1);
        }
        return answer;
    }

    // `headers` win over what a page sends; undefined takes one away.
    async call(method, where, body, { headers = {}, ...options } = {}) {
        return this.keep(await call(this.server.url + where, { method, body, headers: this.headers(method, headers), ...options }));
    }

    // The same for an answer that streams.
    begin(where, body, { headers = {} } = {}) {
        return new Call(this.server.url + where, { body, headers: this.headers('POST', headers) });
    }

    async api(method, where, body, { expect, ...options } = {}) {
        const answer = await this.call(method, where, body, options);
        const is_fine = expect ? answer.status === expect : answer.status < 300;
        assert.ok(is_fine, `${method} ${where}: ${answer.status}: ${answer.text.slice(0, 600)}`);
        return answer.text ? answer.json : null;
    }

    async sign_in(email, password = good_password) {
        const answer = await this.call('POST', '/api/session', { email, password });
        assert.equal(answer.status, 201, answer.text);
        return this;
    }

    get token() { return Object.values(this.jar)[0]; }
}

// The first user.
export async function set_up(server, { email = 'owner@example.com', password = good_password, ...more } = {}) {
    const [, token] = server.all_logs.match(/set-up token: (auxo_\w+)/);
    const owner = new Person(server);
    const answer = await owner.call('POST', '/api/setup', { token, email, password, name: 'Olga Owner', organization: 'Acme', ...more });
    assert.equal(answer.status, 201, answer.text);
    owner.id = answer.json.user.id;
    owner.email = email;
    return owner;
}

// Somebody by an invitation of `host`, signed in.
export async function invite(host, email, { password = good_password, ...wish } = {}) {
    const { token } = await host.api('POST', '/api/invitations', { email, ...wish }, { expect: 201 });
    const guest = new Person(host.server);
    const caller = await guest.api('POST', '/api/invitations/accept', { token, password, name: email.split('@')[0] }, { expect: 201 });
    guest.id = caller.user.id;
    guest.email = email;
    return guest;
}
