// Debian's nginx and HAProxy as fronts of a server, with a log line for each request that says whether it was
// forwarded. Each listens twice: as it comes, and as lenient as it can be made. One connection to the server is
// kept and shared, so that what one client leaves on it would reach the next.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { Child, until } from './process.mjs';
import { empty_dir } from './server.mjs';
import { dead_port } from './sim.mjs';

export const sbin = name => ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'].map(dir => path.join(dir, name)).find(file => fs.existsSync(file));
export const has_front = kind => !!sbin(kind) && spawnSync(sbin(kind), ['-v']).status === 0;

const nginx = ({ dir, to, strict, lenient }) => `
daemon off; master_process off; pid ${dir}/pid; error_log stderr error;
events { worker_connections 1000; }
http {
    log_format forwarded '$upstream_bytes_sent|$upstream_status|$status|$request';
    access_log ${dir}/access.log forwarded;
    client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b; fastcgi_temp_path ${dir}/c; uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e;
    client_header_timeout 5s; client_body_timeout 5s; keepalive_timeout 5s; client_max_body_size 2m; lingering_close off;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_read_timeout 10s; proxy_next_upstream off; proxy_ignore_client_abort on;
    upstream server { server 127.0.0.1:${to}; keepalive 1; }
    server { listen 127.0.0.1:${strict}; location / { proxy_pass http://server; } }
    server { listen 127.0.0.1:${lenient}; ignore_invalid_headers off; underscores_in_headers on; merge_slashes off; proxy_request_buffering off; location / { proxy_pass http://server; } }
}
`;
// %s is <NOSRV> when no server was asked.
const haproxy = ({ to, strict, lenient }) => `
global
    log stdout format raw local0
    nbthread 1
defaults
    mode http
    log global
    log-format "%s|%ST|%ST|%{+Q}r"
    option http-keep-alive
    http-reuse always
    retries 0
    timeout connect 5s
    timeout client 5s
    timeout server 10s
    timeout http-request 5s
    timeout http-keep-alive 5s
frontend strict
    bind 127.0.0.1:${strict}
    default_backend server
frontend lenient
    bind 127.0.0.1:${lenient}
    option accept-invalid-http-request
    default_backend server
backend server
    server auxot 127.0.0.1:${to} pool-max-conn 1
`;

const accepts = port => new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
});

export class Front {
    static async start(kind, to) {
        const dir = empty_dir(kind), front = new Front();
        Object.assign(front, { kind, dir, strict: await dead_port(), lenient: await dead_port() });
        fs.writeFileSync(path.join(dir, 'conf'), (kind === 'nginx' ? nginx : haproxy)({ dir, to, strict: front.strict, lenient: front.lenient }));
        const args = kind === 'nginx' ? ['-p', dir, '-e', 'stderr', '-c', path.join(dir, 'conf')] : ['-db', '-f', path.join(dir, 'conf')];
        front.child = new Child(sbin(kind), args);
        await until(async () => {
            if (front.child.ended) throw new Error(`${kind} ended: ${front.child.stderr}`);
            return await accepts(front.strict) && await accepts(front.lenient);
        }, `${kind} accepts`);
        return front;
    }

    #lines() {
        const text = this.kind === 'nginx' ? fs.readFileSync(path.join(this.dir, 'access.log'), 'utf8') : this.child.stdout;
        return text.split('\n').slice(0, -1).map(line => line.split('|'));
    }
    // How many requests it has passed on, by its own log. nginx lists tries by commas.
    forwarded() {
        if (this.kind === 'haproxy') return this.#lines().filter(([server]) => server === 'auxot').length;
        return this.#lines().flatMap(([sent]) => sent.split(/[,:] /)).filter(sent => Number(sent) > 0).length;
    }
    requests() { return this.#lines().length; }
    log_tail(count = 4) { return this.#lines().slice(-count).map(fields => fields.join('|')).join('\n'); }
    stop() { return this.child.stop('SIGTERM'); }
}
