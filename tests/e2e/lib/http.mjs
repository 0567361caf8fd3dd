// HTTP as bytes: one request, its answer as it came. Nothing is decoded, retried or followed. Answers of the management API are
// held to its contract.
import http from 'node:http';
import net from 'node:net';
import { hold_to_contract, is_management } from './contract.mjs';
import { within } from './process.mjs';
import { SseReader } from './sse.mjs';

// One request. `on_event(event, answer)` is called for each SSE event as it arrives. `socket`: the path of a Unix socket.
export class Call {
    constructor(url, { method, headers = {}, key, body, on_event, agent = false, socket } = {}) {
        const payload = body === undefined ? undefined
            : typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
        const all = { ...(payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {}),
            ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers };
        this.url = String(url);
        this.chunks = [];
        this.events = [];
        this.status = 0;
        this.headers = {};
        this.waiting = new Set();
        const reader = new SseReader(event => { this.events.push(event); on_event?.(event, this); });
        this.method = method ?? (payload ? 'POST' : 'GET');
        this.sent = payload;
        this.request = http.request(url, { method: this.method, headers: all, agent, socketPath: socket });
        this.head = new Promise((resolve, reject) => {
            this.request.on('response', response => {
                this.status = response.statusCode;
                this.headers = response.headers;
                this.raw_headers = response.rawHeaders;
                this.response = response;
                resolve(this);
            });
            this.request.on('error', reject);
        });
        this.head.catch(() => {});
        this.done = this.head.then(() => new Promise((resolve, reject) => {
            this.response.on('data', chunk => { this.chunks.push(chunk); reader.feed(chunk); this.#tell(); });
            this.response.on('end', () => {
                this.complete = true;
                this.#tell();
                try { this.#hold_to_contract(); resolve(this); } catch (error) { reject(error); }
            });
            this.response.on('error', reject);
            this.response.on('aborted', () => reject(new Error('the answer was cut')));
        }));
        this.done.catch(error => { this.failure = error; this.#tell(); });
        this.request.end(payload);
    }

    #tell() { for (const look of [...this.waiting]) look(); }
    #hold_to_contract() {
        if (this.method === 'HEAD' || !is_management(this.url)) return;
        hold_to_contract({ method: this.method, url: this.url, sent: this.sent?.toString('utf8'), status: this.status, headers: this.headers, text: this.text });
    }
    get body() { return Buffer.concat(this.chunks); }
    get text() { return this.body.toString('utf8'); }
    get json() {
        try { return JSON.parse(this.text); } catch { throw new Error(`${this.url}: no JSON (${this.status}): ${this.text.slice(0, 300)}`); }
    }
    get job_id() { return this.headers['x-auxot-job']; }

    // Waits until the answer so far satisfies `test(call)`.
    async when(test, sentence = 'the answer never came so far') {
        let look;
        const promise = new Promise((resolve, reject) => {
            look = () => {
                if (test(this)) resolve(this);
                else if (this.failure) reject(this.failure);
                else if (this.complete) reject(new Error(`${sentence}: the answer ended:\n${this.status} ${this.text.slice(0, 500)}`));
            };
            this.waiting.add(look);
            look();
        });
        try { return await within(15_000, promise, sentence); } finally { this.waiting.delete(look); }
    }

    // The client leaves: the connection is closed.
    leave() { this.request.destroy(); this.head.catch(() => {}); this.done.catch(() => {}); }
}

// The whole answer.
export async function call(url, options = {}) {
    const it = new Call(url, options);
    return within(options.timeout ?? 30_000, it.done, `no whole answer from ${url}`);
}

// A raw connection: what is written is what is sent.
export class Wire {
    constructor(port, host = '127.0.0.1') {
        this.got = Buffer.alloc(0);
        this.waiting = new Set();
        this.socket = net.connect({ port, host });
        this.socket.on('data', bytes => { this.got = Buffer.concat([this.got, bytes]); this.#tell(); });
        this.socket.on('end', () => { this.ended = true; this.#tell(); });
        this.socket.on('error', error => { this.failure = error; this.#tell(); });
        this.socket.on('close', () => { this.closed = true; this.#tell(); });
        this.open = new Promise((resolve, reject) => { this.socket.once('connect', resolve); this.socket.once('error', reject); });
        this.open.catch(() => {});
    }

    #tell() { for (const look of [...this.waiting]) look(); }
    async send(bytes) { await this.open; this.socket.write(bytes); }
    get text() { return this.got.toString('latin1'); }

    async #wait(test, sentence, ms) {
        let look;
        const promise = new Promise(resolve => { look = () => { if (test()) resolve(); }; this.waiting.add(look); look(); });
        try { await within(ms, promise, () => `${sentence}; so far: ${JSON.stringify(this.text.slice(0, 400))}`); } finally { this.waiting.delete(look); }
    }
    async until(test, sentence = 'not what was awaited', ms = 15_000) {
        await this.#wait(() => test(this) || this.closed, sentence, ms);
        if (!test(this)) throw new Error(`${sentence}; closed after ${JSON.stringify(this.text.slice(0, 400))} ${this.failure ?? ''}`);
        return this;
    }
    async end(ms = 15_000) { await this.#wait(() => this.ended || this.closed, 'the server did not close', ms); return this; }

    // The answers that have come whole, in order. Content-Length and chunked; no other framing.
    answers() { return parse_answers(this.got); }
    async answer(count = 1) {
        await this.until(() => this.answers().length >= count, `no answer number ${count}`);
        return this.answers()[count - 1];
    }
    close() { this.socket.destroy(); }
}

function parse_answers(bytes) {
    const answers = [];
    for (let at = 0; at < bytes.length;) {
        const end = bytes.indexOf('\r\n\r\n', at);
        if (end < 0) break;
        const lines = bytes.subarray(at, end).toString('latin1').split('\r\n');
        const status = Number(lines[0].split(' ')[1]);
        const headers = {};
        for (const line of lines.slice(1)) {
            const colon = line.indexOf(':');
            headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
        }
        const body = body_of(bytes, end + 4, headers, status);
        if (!body) break;
        answers.push({ status, headers, text: body.bytes.toString('utf8'), get json() { return JSON.parse(this.text); } });
        at = body.end;
    }
    return answers;
}

function body_of(bytes, at, headers, status) {
    if (status < 200 || status === 204 || status === 304) return { bytes: Buffer.alloc(0), end: at };
    if (headers['transfer-encoding'] !== 'chunked') {
        const len = Number(headers['content-length'] ?? 0);
        return bytes.length < at + len ? null : { bytes: bytes.subarray(at, at + len), end: at + len };
    }
    const pieces = [];
    for (;;) {
        const line = bytes.indexOf('\r\n', at);
        if (line < 0) return null;
        const len = parseInt(bytes.subarray(at, line).toString('latin1'), 16);
        const start = line + 2;
        if (bytes.length < start + len + 2) return null;
        pieces.push(bytes.subarray(start, start + len));
        at = start + len + 2;
        if (len === 0) return { bytes: Buffer.concat(pieces), end: at };
    }
}
