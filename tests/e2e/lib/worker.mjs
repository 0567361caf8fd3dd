// A worker made by hand: it registers, opens its control and reverse connections, and answers jobs as told, or
// misbehaves. WebSockets over node:net, so that every byte is ours.
//
//     const worker = await Worker.start(server, key, { models: ['llama'], slots: 2 });
//     worker.serve = job => { job.begin(); job.answer(); };       what each job gets
//     worker.kill();                                              as kill -9 would: every socket is gone
import crypto from 'node:crypto';
import net from 'node:net';
import { call } from './http.mjs';
import { until } from './process.mjs';

const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

// One client-side WebSocket. `on` has text(string), bytes(Buffer), closed(code).
export class Socket {
    constructor(server, path, key, protocol, on) {
        this.on = on;
        this.got = Buffer.alloc(0);
        this.is_open = false;
        this.tcp = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true });
        this.tcp.on('error', () => {});
        this.opened = new Promise((resolve, reject) => {
            this.tcp.on('data', bytes => this.#read(bytes, resolve, reject));
            this.tcp.on('close', () => { this.is_closed = true; reject(new Error('closed before 101')); this.on.closed?.(this.code); });
        });
        this.opened.catch(() => {});
        this.tcp.write([`GET ${path} HTTP/1.1`, 'host: test', 'upgrade: websocket', 'connection: upgrade', 'sec-websocket-version: 13',
            `sec-websocket-key: ${crypto.randomBytes(16).toString('base64')}`, `sec-websocket-protocol: ${protocol}`,
            `authorization: Bearer ${key}`, '', ''].join('\r\n'));
    }

    #read(bytes, resolve, reject) {
        this.got = Buffer.concat([this.got, bytes]);
        if (!this.is_open) {
            const end = this.got.indexOf('\r\n\r\n');
            if (end < 0) return;
            const head = this.got.subarray(0, end).toString('latin1');
            this.status = Number(head.split(' ')[1]);
            if (this.status !== 101) {
                this.refusal = this.got.toString('latin1');
                reject(Object.assign(new Error(`refused: ${head.split('\r\n')[0]}`), { status: this.status, text: this.refusal }));
                return;
            }
            this.is_open = true;
            this.got = this.got.subarray(end + 4);
            resolve(this);
        }
        for (let frame; (frame = take_frame(this.got)); this.got = frame.rest) this.#frame(frame);
    }

    #frame({ op, payload }) {
        if (op === TEXT) this.on.text?.(payload.toString('utf8'));
        else if (op === BINARY) this.on.bytes?.(payload);
        else if (op === PING && !this.is_deaf) this.send(PONG, payload);
        else if (op === CLOSE) { this.code = payload.length >= 2 ? payload.readUInt16BE(0) : 0; this.reason = payload.subarray(2).toString(); this.tcp.end(); }
    }

    send(op, payload, { fin = true, mask = true } = {}) {
        payload = Buffer.from(payload);
        const len = payload.length;
        const head = Buffer.from([(fin ? 0x80 : 0) | op, (mask ? 0x80 : 0) | (len < 126 ? len : len < 65536 ? 126 : 127)]);
        const size = len < 126 ? Buffer.alloc(0) : len < 65536 ? Buffer.alloc(2) : Buffer.alloc(8);
        if (size.length === 2) size.writeUInt16BE(len);
        if (size.length === 8) size.writeBigUInt64BE(BigInt(len));
        if (!mask) return this.tcp.write(Buffer.concat([head, size, payload]));
        const key = crypto.randomBytes(4), masked = Buffer.alloc(len);
        for (let i = 0; i < len; i++) masked[i] = payload[i] ^ key[i % 4];
        return this.tcp.write(Buffer.concat([head, size, key, masked]));
    }
    text(value) { this.send(TEXT, typeof value === 'string' ? value : JSON.stringify(value)); }
    bytes(value) { this.send(BINARY, value); }
    close() { if (!this.tcp.destroyed) { this.send(CLOSE, Buffer.from([3, 232])); this.tcp.end(); } }
    destroy() { this.tcp.destroy(); }
    reset() { this.tcp.resetAndDestroy(); }
}

function take_frame(bytes) {
    if (bytes.length < 2) return null;
    let len = bytes[1] & 0x7f, at = 2;
    if (len === 126) { if (bytes.length < 4) return null; len = bytes.readUInt16BE(2); at = 4; }
    else if (len === 127) { if (bytes.length < 10) return null; len = Number(bytes.readBigUInt64BE(2)); at = 10; }
    if (bytes.length < at + len) return null;
    return { op: bytes[0] & 0x0f, payload: bytes.subarray(at, at + len), rest: bytes.subarray(at + len) };
}

// One request that came over a reverse connection.
class Job {
    constructor(worker, line, request) {
        Object.assign(this, { worker, line, ...request, id: request.headers['x-client-request-id'], at_ms: Date.now() });
        this.json = JSON.parse(request.body.toString('utf8'));
    }
    raw(text) { this.line.socket.bytes(text); return this; }
    begin() { this.has_begun = true; return this.raw('HTTP/1.1 102 Processing\r\n\r\n'); }
    answer_head(status, headers) {
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
        return this.raw(`HTTP/1.1 ${status} Status\r\n${lines}\r\n`);
    }
    send(status, body, headers = {}) {
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        this.answer_head(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers });
        this.raw(text);
        return this.end();
    }
    end() { this.ended = true; this.line.job = null; this.worker.is_greedy || this.line.ready(); return this; }
    busy() { return this.send(503, { error: { message: 'busy', type: 'unavailable_error' } }, { 'x-auxot-not-begun': '1' }); }
    cut() { this.line.socket.destroy(); return this; }

    get wants_stream() { return this.json.stream === true; }
    stamp(n) { return `tok-${this.worker.number}${this.line.number}-${n} `; }
    // A whole answer, in the dialect that was asked.
    answer({ tokens = 3, gap_ms = 0 } = {}) {
        if (this.wants_stream) { this.stream({ tokens, gap_ms }); return this; }
        const text = Array.from({ length: tokens }, (_, n) => this.stamp(n)).join('');
        return this.send(200, this.path.endsWith('/messages')
            ? { id: 'msg_1', type: 'message', role: 'assistant', model: this.json.model, content: [{ type: 'text', text }], stop_reason: 'end_turn',
                stop_sequence: null, usage: { input_tokens: 5, output_tokens: tokens } }
            : { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: this.json.model, choices: [{ index: 0, finish_reason: 'stop',
                message: { role: 'assistant', content: text } }], usage: { prompt_tokens: 5, completion_tokens: tokens, total_tokens: 5 + tokens } });
    }
    chunk(text) { return this.raw(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`); }
    event(json, name) { return this.chunk(`${name ? `event: ${name}\n` : ''}data: ${typeof json === 'string' ? json : JSON.stringify(json)}\n\n`); }
    delta(delta, finish = null) {
        return this.event({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: this.json.model,
            choices: [{ index: 0, delta, finish_reason: finish }] });
    }
    open_stream() {
        this.answer_head(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' });
        if (this.path.endsWith('/messages')) {
            this.event({ type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', model: this.json.model, content: [],
                stop_reason: null, stop_sequence: null, usage: { input_tokens: 5, output_tokens: 1 } } }, 'message_start');
            return this.event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }, 'content_block_start');
        }
        return this.delta({ role: 'assistant', content: null });
    }
    token(n) {
        return this.path.endsWith('/messages')
            ? this.event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: this.stamp(n) } }, 'content_block_delta')
            : this.delta({ content: this.stamp(n) });
    }
    close_stream(tokens) {
        if (this.path.endsWith('/messages')) {
            this.event({ type: 'content_block_stop', index: 0 }, 'content_block_stop');
            this.event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: tokens } }, 'message_delta');
            this.event({ type: 'message_stop' }, 'message_stop');
        } else {
            this.delta({}, 'stop');
            this.event({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: this.json.model, choices: [],
                usage: { prompt_tokens: 5, completion_tokens: tokens, total_tokens: 5 + tokens } });
            this.event('[DONE]');
        }
        this.raw('0\r\n\r\n');
        return this.end();
    }
    async stream({ tokens = 3, gap_ms = 0 } = {}) {
        this.open_stream();
        for (let n = 0; n < tokens; n++) {
            if (gap_ms) await new Promise(resolve => setTimeout(resolve, gap_ms));
            if (this.line.socket.is_closed) return this;
            this.token(n);
        }
        return this.close_stream(tokens);
    }
}

class Line {
    constructor(worker, number) {
        Object.assign(this, { worker, number, got: Buffer.alloc(0), job: null });
        this.socket = new Socket(worker.server, `/api/worker/v1/reverse?worker_id=${worker.id}&epoch=${worker.epoch}`, worker.key, 'auxot.reverse.v1', {
            text: text => worker.texts.push(JSON.parse(text)),
            bytes: bytes => this.#bytes(bytes),
            closed: () => this.#closed(),
        });
    }
    ready(epoch = this.worker.epoch) { if (!this.worker.is_shy) this.socket.text({ type: 'ready', epoch }); }
    #closed() {
        if (this.job) { this.job.cancelled_at_ms = Date.now(); this.job.line_closed = true; }
        this.worker.lines.delete(this);
        this.worker.on_line_closed?.(this);
        if (this.worker.is_up && !this.worker.is_lazy) this.worker.open_line().catch(() => {});
    }
    #bytes(bytes) {
        this.got = Buffer.concat([this.got, bytes]);
        for (let request; (request = take_request(this.got)); this.got = request.rest) {
            this.job = new Job(this.worker, this, request);
            this.worker.jobs.push(this.job);
            this.worker.serve(this.job);
        }
    }
}

function take_request(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const head = bytes.subarray(0, end).toString('latin1');
    const headers = Object.fromEntries(head.split('\r\n').slice(1).map(line => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const length = Number(headers['content-length'] ?? 0);
    if (bytes.length < end + 4 + length) return null;
    return { head, headers, method: head.split(' ')[0], path: head.split(' ')[1], body: Buffer.from(bytes.subarray(end + 4, end + 4 + length)),
        rest: bytes.subarray(end + 4 + length) };
}

let made = 0;

// What the closing ledgers ask of an upstream: the jobs that a worker began.
const as_upstream = worker => ({
    sim: { log: async () => worker.jobs.filter(job => job.has_begun).map(job => ({ x_client_request_id: job.id })), stop() {} },
});

export class Worker {
    constructor(server, key, { kind = 'gpu', slots = 1, models = ['llama'], instance, name, heartbeat_ms = 0, ...more } = {}) {
        Object.assign(this, { server, key, kind, slots, name: name ?? `worker-${++made}`, number: made, heartbeat_ms, ...more });
        this.instance = instance ?? crypto.randomBytes(12).toString('hex');
        this.models = models.map(model => (typeof model === 'string' ? { id: model } : model));
        this.jobs = [];
        this.texts = []; // what the server said on reverse connections
        this.heard = []; // and on the control connection
        this.lines = new Set();
        this.serve = more.serve ?? (job => { job.begin(); job.answer(); });
    }

    // `here`: its jobs are compared with the record at the end.
    static async start(server, key, { here, ...options } = {}) {
        const worker = new Worker(server, key, options);
        here?.upstreams.push(as_upstream(worker));
        await worker.register();
        await worker.open_control();
        await worker.open_lines();
        return worker;
    }

    // The raw answer of the worker API.
    post(what, body, key = this.key) { return call(`${this.server.url}/api/worker/v1/${what}`, { body, key }); }
    get hello() {
        return { instance: this.instance, kind: this.kind, name: this.name, version: '0.0.1', slots: this.slots, models: this.models, vram_mb: 24000,
            ...(this.over_quota_until_ms ? { over_quota_until_ms: this.over_quota_until_ms } : {}) };
    }
    async register() {
        const answer = await this.post('register', this.hello);
        if (answer.status !== 200) throw Object.assign(new Error(`register: ${answer.status} ${answer.text}`), { answer });
        Object.assign(this, { id: answer.json.worker_id, epoch: answer.json.epoch, terms: answer.json, is_up: true });
        return this;
    }
    async open_control() {
        const control = new Socket(this.server, `/api/worker/v1/control?worker_id=${this.id}&epoch=${this.epoch}`, this.key, 'auxot.control.v1', {
            text: text => this.heard.push(JSON.parse(text)),
            closed: () => { if (this.control === control) this.control_closed = true; },
        });
        this.control = control;
        this.control_closed = false;
        await control.opened;
        clearInterval(this.timer);
        const every = this.heartbeat_ms || this.terms.heartbeat_ms;
        this.timer = setInterval(() => this.beat(), every);
        this.timer.unref();
        return this;
    }
    beat(more = {}) {
        if (this.is_silent || this.control?.is_closed) return;
        this.control?.text({ type: 'heartbeat', epoch: this.epoch, busy: this.busy, slots: this.slots, ...more });
    }
    get busy() { return [...this.lines].filter(line => line.job).length; }
    async open_line() {
        const line = new Line(this, this.lines.size);
        this.lines.add(line);
        await line.socket.opened;
        line.ready();
        return line;
    }
    open_lines(count = this.slots) { return Promise.all(Array.from({ length: count }, () => this.open_line())); }

    // What the server makes of it.
    async view() { return (await this.server.api('GET', '/api/workers')).items.find(({ id }) => id === this.id); }
    is(state) { return until(async () => (await this.view())?.state === state, `worker ${this.name} is ${state}`); }
    // Its connections are all counted by the server.
    parked(count = this.slots) { return until(async () => (await this.view())?.parked === count, `worker ${this.name} has ${count} parked`); }
    job(count = 1) { return until(() => this.jobs[count - 1], `worker ${this.name} never got job ${count}`); }

    #drop(how) {
        this.is_up = false;
        clearInterval(this.timer);
        this.control?.[how]();
        for (const line of [...this.lines]) line.socket[how]();
    }
    kill() { this.#drop('destroy'); }
    // Orderly: no new jobs, running ones finish, then all is closed.
    async leave() {
        this.is_lazy = true;
        const answer = await this.post('deregister', { worker_id: this.id, epoch: this.epoch });
        await until(() => this.busy === 0, 'its jobs have ended', 20_000);
        this.#drop('close');
        return answer;
    }
}

// A provider of workers with its key.
export async function provider_of_workers(server, type, name, changes) {
    const provider = await server.api('POST', '/api/providers', { type, name }, { expect: 201 });
    const { key } = await server.api('POST', `/api/providers/${provider.id}/worker-keys`, {}, { expect: 201 });
    if (changes) await server.api('PATCH', `/api/providers/${provider.id}`, changes);
    return { id: provider.id, slug: provider.slug, name, key, provider, look: () => server.api('GET', `/api/providers/${provider.id}`),
        patch: more => server.api('PATCH', `/api/providers/${provider.id}`, more) };
}
