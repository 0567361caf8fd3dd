// `auxot worker gpu` as a process of a test, before a real server or one made by hand.
import { Child } from './process.mjs';
import { Suite } from './suite.mjs';

export const living_workers = [];

const clean = Object.fromEntries(Object.keys(process.env).filter(name => name.startsWith('AUXOT_')).map(name => [name, undefined]));

export function gpu_worker(url, key, args, { env = {} } = {}) {
    const child = new Child(Suite.binary, ['worker', 'gpu', '--server', url, ...args], { env: { ...clean, AUXOT_WORKER_KEY: key, ...env } });
    living_workers.push(child);
    return child;
}

export async function end_workers() {
    for (const child of living_workers) if (!child.ended) child.kill('SIGKILL');
    await Promise.all(living_workers.map(child => child.exit));
}
