// nginx before a server, for callers and workers, with the very lines that docs/workers.md gives: only its names, ports and files
// are put in. It listens plain and with TLS. `to` is the port of a server that speaks plain HTTP, or TLS when `is_tls`.
import fs from 'node:fs';
import path from 'node:path';
import { sbin } from './fronts.mjs';
import { Child, until } from './process.mjs';
import { empty_dir } from './server.mjs';
import { dead_port } from './sim.mjs';
import { call } from './http.mjs';

const page = fs.readFileSync(new URL('../../../docs/workers.md', import.meta.url), 'utf8');
export const snippet = page.match(/```nginx\n([^]*?)```/)[1];

// Takes out what is there exactly once, so that a change of the page cannot turn this into a test of nothing.
function put(text, line, instead) {
    if (text.split(line).length !== 2) throw new Error(`docs/workers.md: "${line}" stands there ${text.split(line).length - 1} times`);
    return text.replace(line, instead);
}

function conf({ dir, plain, tls, to, is_tls, certificate }) {
    let text = put(snippet, 'listen 443 ssl;', `listen 127.0.0.1:${tls} ssl; listen 127.0.0.1:${plain};`);
    text = put(text, '/etc/ssl/auxot.crt', certificate.cert);
    text = put(text, '/etc/ssl/auxot.key', certificate.key);
    text = put(text, 'server 127.0.0.1:8080;', `server 127.0.0.1:${to};`);
    if (is_tls) text = text.replaceAll('proxy_pass http://', 'proxy_pass https://');
    return `
daemon off; master_process off; pid ${dir}/pid; error_log stderr error;
events { worker_connections 1000; }
http {
    access_log off;
    client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b; fastcgi_temp_path ${dir}/c; uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e;
    ${text}
}
`;
}

export class WorkerFront {
    static async make({ to, is_tls = false, certificate }) {
        const front = new WorkerFront(), dir = empty_dir('front');
        Object.assign(front, { dir, plain: await dead_port(), tls: await dead_port() });
        fs.writeFileSync(path.join(dir, 'conf'), conf({ dir, plain: front.plain, tls: front.tls, to, is_tls, certificate }));
        front.url = `http://127.0.0.1:${front.plain}`;
        front.tls_url = `https://127.0.0.1:${front.tls}`;
        await front.start();
        return front;
    }
    async start() {
        this.child = new Child(sbin('nginx'), ['-p', this.dir, '-e', 'stderr', '-c', path.join(this.dir, 'conf')]);
        await until(async () => {
            if (this.child.ended) throw new Error(`nginx ended: ${this.child.stderr}`);
            return (await call(`${this.url}/api/health`).catch(() => null))?.status === 200;
        }, 'nginx serves');
    }
    // At once, as a crash would: its connections are gone.
    stop() { return this.child.stop('SIGKILL'); }
}
