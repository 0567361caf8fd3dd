// The server's side of the worker protocol, by hand: what a worker says is kept, what it is told is the test's to choose.
// Registration and heartbeats over HTTP, control and reverse connections as WebSockets, on one port.
import crypto from 'node:crypto';
import net from 'node:net';
import { until } from './process.mjs';

export class FakeGateway {
    static async start(options = {}) {
        const gateway = new FakeGateway();
        Object.assign(gateway, {
            heartbeat_ms: 200, dead_after_ms: 1000, grace_ms: 5000, epoch: 1, worker_id: 'wrk_1', refuses: {}, ...options,
            registrations: [], heartbeats: [], goodbyes: [], controls: [], reverses: [], keys: new Set(), sockets: new Set(),
        });
        await gateway.listen(0);
        return gateway;
    }

    async listen(port = this.port) {
        this.server = net.createServer({ noDelay: true }, socket => this.#serve(socket));
        await new Promise((resolve, reject) => this.server.on('error', reject).listen(port, '127.0.0.1', resolve));
        this.port = this.server.address().port;
        this.url = `http://127.0.0.1:${this.port}`;
    }

    // As a killed process leaves: everything is cut, the port is closed.
    async vanish() {
        for (const socket of this.sockets) socket.destroy();
        await new Promise(resolve => this.server.close(resolve));
    }
    stop() { return this.vanish(); }

    #serve(socket) {
        this.sockets.add(socket);
        socket.on('close', () => this.sockets.delete(socket)).on('error', () => {});
        let got = Buffer.alloc(0);
        const on_data = bytes => {
            got = Buffer.concat([got, bytes]);
            for (let request; (request = take_request(got));) {
                got = request.rest;
                this.keys.add(request.headers.authorization);
                if (request.headers.upgrade) {
                    socket.off('data', on_data);
                    this.#upgrade(request, socket, got);
                    return;
                }
                this.#answer(request, socket);
            }
        };
        socket.on('data', on_data);
    }

    // `refuses` has {register: [status, body]} and the like.
    #answer({ path, body }, socket) {
        const what = path.split('/').at(-1), said = JSON.parse(body || '{}');
        ({ register: this.registrations, heartbeat: this.heartbeats, deregister: this.goodbyes })[what]?.push(said);
        const [status, answer] = this.refuses[what] ?? [200, what === 'register' ? this.#terms() : {}];
        const bytes = Buffer.from(JSON.stringify(answer));
        socket.write(`HTTP/1.1 ${status} X\r\ncontent-type: application/json\r\ncontent-length: ${bytes.length}\r\n\r\n`);
        socket.write(bytes);
    }
    #terms() {
        const { worker_id, epoch, heartbeat_ms, dead_after_ms, grace_ms } = this;
        return { worker_id, epoch, heartbeat_ms, dead_after_ms, grace_ms };
    }

    #upgrade(request, socket, rest) {
        const url = new URL(request.path, this.url);
        const what = url.pathname.split('/').at(-1);
        const is_known = url.searchParams.get('worker_id') === this.worker_id && url.searchParams.get('epoch') === `${this.epoch}`;
        const refusal = this.refuses[what] ?? (is_known ? null : [409]);
        if (refusal) {
            socket.end(`HTTP/1.1 ${refusal[0]} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
            return;
        }
        const accept = crypto.createHash('sha1')
            .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write(['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: Upgrade', `sec-websocket-accept: ${accept}`,
            `sec-websocket-protocol: ${request.headers['sec-websocket-protocol']}`, '', ''].join('\r\n'));
        const made = new (what === 'control' ? Control : Reverse)(socket, url.searchParams, request.headers['sec-websocket-protocol']);
        (what === 'control' ? this.controls : this.reverses).push(made);
        if (what === 'control') made.say({ type: 'hello', heartbeat_ms: this.heartbeat_ms });
        made.feed(rest);
    }

    get control() { return this.controls.at(-1); }
    get parked() { return this.reverses.filter(one => one.is_open && one.ready_count > one.job_count); }
    joined(n = 1) { return until(() => this.controls.filter(one => one.is_open).length > 0 && this.parked.length >= n, `the worker has joined with ${n}`); }

    // A job on the connection that has waited longest.
    begin(path, body, headers = {}) {
        const [reverse] = this.parked;
        if (!reverse) throw new Error('no connection is parked');
        return reverse.begin(path, body, headers);
    }
    async run(path, body, headers) { return this.begin(path, body, headers).whole; }
}

// One WebSocket, from the server's side: texts and binaries as they come; frames of ours are not masked.
class Socket {
    constructor(socket, query, subprotocol) {
        Object.assign(this, { socket, query, subprotocol, texts: [], is_open: true, rest: Buffer.alloc(0) });
        socket.on('data', bytes => this.feed(bytes));
        this.closed = new Promise(resolve => socket.on('close', () => { this.is_open = false; this.on_closed?.(); resolve(); }));
    }

    feed(bytes) {
        this.rest = Buffer.concat([this.rest, bytes]);
        for (let frame; (frame = take_frame(this.rest));) {
            this.rest = frame.rest;
            if (frame.opcode === 1) { this.texts.push(JSON.parse(frame.payload)); this.on_text?.(this.texts.at(-1)); }
            if (frame.opcode === 2 || frame.opcode === 0) this.on_bytes(frame.payload);
            if (frame.opcode === 9) this.write(10, frame.payload);
            if (frame.opcode === 8) { this.close_code = frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005; this.socket.end(); }
        }
    }
    on_bytes() { throw new Error('bytes on a control connection'); }
    write(opcode, payload) {
        const head = payload.length < 126 ? Buffer.from([0x80 | opcode, payload.length])
            : payload.length < 65536 ? Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 255])
                : Buffer.concat([Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0]), Buffer.from(Uint32Array.of(payload.length).buffer).swap32()]);
        this.socket.write(Buffer.concat([head, payload]));
    }
    say(json) { this.write(1, Buffer.from(JSON.stringify(json))); }
    cut() { this.socket.destroy(); }
}

class Control extends Socket {}

class Reverse extends Socket {
    ready_count = 0;
    job_count = 0;
    on_text(text) { if (text.type === 'ready') { this.ready_count++; this.epoch = text.epoch; } }
    on_bytes(bytes) { this.job.take(bytes); }
    on_closed() { this.job?.cut(); }

    begin(path, body, headers = {}) {
        const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
        const lines = Object.entries({ host: 'worker', 'content-type': 'application/json', 'content-length': bytes.length, ...headers });
        this.job_count++;
        this.job = new Job(this);
        this.write(2, Buffer.from([`POST ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')));
        for (let at = 0; at < bytes.length; at += 60000) this.write(2, bytes.subarray(at, at + 60000));
        return this.job;
    }
}

// What comes back: interim answers, a head, a body; `whole` when it has ended, `is_cut` when it has not.
class Job {
    constructor(reverse) {
        Object.assign(this, { reverse, interims: [], pieces: [], rest: Buffer.alloc(0), is_over: false, is_cut: false });
        this.whole = new Promise(resolve => { this.end = () => { this.is_over = true; resolve(this); }; });
    }
    get body() { return this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces); }
    get text() { return this.body.toString('utf8'); }
    get json() { return JSON.parse(this.text); }

    take(bytes) {
        if (this.is_over) throw new Error(`bytes after the end of an answer: ${bytes}`);
        this.rest = Buffer.concat([this.rest, bytes]);
        while (!this.status && this.#take_head()) continue;
        if (this.status && !this.is_over) this.#take_body();
    }
    #take_head() {
        const end = this.rest.indexOf('\r\n\r\n');
        if (end < 0) return false;
        const [line, ...lines] = this.rest.subarray(0, end).toString('latin1').split('\r\n');
        const status = Number(line.split(' ')[1]);
        const headers = Object.fromEntries(lines.map(one => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()]));
        this.rest = this.rest.subarray(end + 4);
        if (status < 200) this.interims.push(status);
        else Object.assign(this, { status, headers });
        return true;
    }
    #take_body() {
        if (this.headers['transfer-encoding'] !== 'chunked') {
            this.pieces.push(this.rest);
            this.rest = Buffer.alloc(0);
            if (this.body.length >= Number(this.headers['content-length'])) this.end();
            return;
        }
        for (let end; !this.is_over && (end = this.rest.indexOf('\r\n')) >= 0;) {
            const size = parseInt(this.rest.subarray(0, end).toString('latin1'), 16);
            if (this.rest.length < end + 4 + size) return;
            if (size > 0) this.pieces.push(this.rest.subarray(end + 2, end + 2 + size));
            this.rest = this.rest.subarray(end + 4 + size);
            if (size === 0) this.end();
        }
    }
    cut() {
        if (this.is_over) return;
        this.is_cut = true;
        this.end();
    }
    cancel() { this.reverse.cut(); }
}

function take_request(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [line, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
    const headers = Object.fromEntries(lines.map(one => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()]));
    const length = Number(headers['content-length'] ?? 0);
    if (bytes.length < end + 4 + length) return null;
    return {
        method: line.split(' ')[0], path: line.split(' ')[1], headers,
        body: bytes.subarray(end + 4, end + 4 + length).toString('utf8'), rest: bytes.subarray(end + 4 + length),
    };
}

function take_frame(bytes) {
    if (bytes.length < 2) return null;
    if (!(bytes[1] & 0x80)) throw new Error('a client frame that is not masked');
    let length = bytes[1] & 0x7f, at = 2;
    if (length === 126) { if (bytes.length < 4) return null; length = bytes.readUInt16BE(2); at = 4; }
    else if (length === 127) { if (bytes.length < 10) return null; length = Number(bytes.readBigUInt64BE(2)); at = 10; }
    if (bytes.length < at + 4 + length) return null;
    const mask = bytes.subarray(at, at + 4);
    const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
    for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3];
    return { opcode: bytes[0] & 15, payload, rest: bytes.subarray(at + 4 + length) };
}
