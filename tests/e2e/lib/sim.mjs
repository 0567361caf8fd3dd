// `auxot simulate` as an upstream, and a hand-made upstream for what must be exact to the byte.
import net from 'node:net';
import { Child, until } from './process.mjs';
import { Suite } from './suite.mjs';
import { call } from './http.mjs';

export class Sim {
    static async start({ dialect = 'openai', models = ['gpt-sim'], rules = [], flags = [], port = 0 } = {}) {
        const child = new Child(Suite.simulator, ['simulate', '--port', String(port), '--dialect', dialect, ...flags]);
        const [, url] = await child.line(/(http:\/\/[\d.]+:\d+)/);
        const sim = new Sim();
        Object.assign(sim, { child, url, dialect, models, port: Number(new URL(url).port) });
        child.exit.then(ended => { // a simulator that dies by itself explains what fails after it
            if (!sim.is_stopped) console.error(`simulator ${url} ended: ${JSON.stringify(ended)}\n${child.stderr.slice(-6000)}`);
        });
        sim.base_url = dialect === 'anthropic' ? url : `${url}/v1`;
        await sim.plays(rules);
        return sim;
    }

    async #post(path, body) {
        const answer = await call(this.url + path, { body });
        if (answer.status >= 300) throw new Error(`simulator: ${path}: ${answer.status} ${answer.text}`);
    }

    // Replaces what it plays. A rule is {when, then}; no rule: it answers as a healthy vendor would.
    async plays(rules = [], models = this.models) {
        this.models = models;
        await this.#post('/_sim/script', { models, rules });
    }

    // What it saw of inference requests, oldest first.
    async log() {
        const entries = [];
        for (let since = 0; ;) {
            const { text } = await call(`${this.url}/_sim/log?since=${since}`); // at most 4 MiB each time
            const lines = text.split('\n').filter(Boolean).map(line => JSON.parse(line));
            if (lines.length === 0) return entries.filter(is_inference);
            entries.push(...lines);
            since = lines.at(-1).seq;
        }
    }
    async requests_of(job) { return (await this.log()).filter(entry => request_id(entry).startsWith(`${job}-`)); }

    // The entry that `test` accepts, once it is there.
    async seen(test, sentence = 'the upstream did not see that') {
        return until(async () => (await this.log()).find(test), () => sentence);
    }
    stop() { this.is_stopped = true; return this.child.stop('SIGKILL'); }
}

export const request_id = entry => entry.x_client_request_id;
const is_inference = entry => entry.method === 'POST';

// An upstream made by hand: keeps the exact bytes of each request, answers with exact bytes.
// `answer(request, socket)` gets {head, headers, path, body} and writes to the socket itself.
export class HandMade {
    static async start(answer, models = ['hand-made']) {
        const upstream = new HandMade();
        Object.assign(upstream, { requests: [], entries: [], sockets: new Set(), answer, models });
        upstream.server = net.createServer({ noDelay: true }, socket => upstream.#serve(socket));
        await new Promise(resolve => upstream.server.listen(0, '127.0.0.1', resolve));
        upstream.port = upstream.server.address().port;
        upstream.url = `http://127.0.0.1:${upstream.port}`;
        return upstream;
    }

    #serve(socket) {
        this.sockets.add(socket);
        socket.on('close', () => this.sockets.delete(socket)).on('error', () => {});
        let got = Buffer.alloc(0);
        socket.on('data', bytes => {
            got = Buffer.concat([got, bytes]);
            for (let request; (request = take_request(got)); got = request.rest) {
                if (request.path.includes('/models')) answer_with(socket, JSON.stringify(model_list(this.models)));
                else {
                    this.requests.push(request);
                    this.entries.push({ x_client_request_id: request.headers['x-client-request-id'] });
                    this.answer(request, socket);
                }
            }
        });
    }

    // As a Sim's, as far as the ledgers need it.
    async log() { return this.entries; }
    stop() {
        for (const socket of this.sockets) socket.destroy();
        return new Promise(resolve => this.server.close(resolve));
    }
}

// Fits both vendors' readers.
function model_list(models) {
    const data = models.map(id => ({ id, object: 'model', type: 'model', display_name: id, created: 1700000000,
        created_at: '2024-01-01T00:00:00Z', owned_by: 'hand' }));
    return { object: 'list', data, has_more: false, first_id: models[0], last_id: models.at(-1) };
}

export function answer_with(socket, body, { status = '200 OK', type = 'application/json', headers = [] } = {}) {
    const bytes = Buffer.from(body);
    socket.write([`HTTP/1.1 ${status}`, `content-type: ${type}`, `content-length: ${bytes.length}`, ...headers, '', ''].join('\r\n'));
    socket.write(bytes);
}

function take_request(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const head = bytes.subarray(0, end).toString('latin1');
    const headers = Object.fromEntries(head.split('\r\n').slice(1).map(line => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const start = end + 4;
    if (headers['transfer-encoding']) throw new Error('the gateway sent a chunked request: HandMade cannot read it');
    const length = Number(headers['content-length'] ?? 0);
    if (bytes.length < start + length) return null;
    return { head, headers, method: head.split(' ')[0], path: head.split(' ')[1],
        body: Buffer.from(bytes.subarray(start, start + length)), rest: bytes.subarray(start + length) };
}

// A port on which nobody listens.
export async function dead_port() {
    const server = net.createServer();
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise(resolve => server.close(resolve));
    return port;
}
