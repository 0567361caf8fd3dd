// A llama-server to start: the real one where LLAMA_SERVER names it, else a script that runs `auxot simulate` in its place.
import fs from 'node:fs';
import path from 'node:path';
import { call } from './http.mjs';
import { until } from './process.mjs';
import { empty_dir } from './server.mjs';
import { Suite } from './suite.mjs';

// Takes the options that the worker gives, keeps them in DIR/args, and becomes the simulator. `flags` are the simulator's.
// DIR/refuse, when it is there, makes it end at once with that file's words; what `say` is given the first one says when it serves
// (a helper of it holds its pipe until then, so only where it `speaks`).
export function fake_llama_server({ flags = [], speaks = false } = {}) {
    const dir = empty_dir('llama');
    const program = path.join(dir, 'llama-server');
    fs.writeFileSync(program, `#!/bin/sh
echo "$@" >>${dir}/args
echo $$ >>${dir}/pids
env >${dir}/env
if [ -f ${dir}/refuse ]; then cat ${dir}/refuse >&2; exit 1; fi
np=4
while [ $# -gt 0 ]; do
  case $1 in
    --port) port=$2; shift;;
    --alias) alias=$2; shift;;
    -np) np=$2; shift;;
  esac
  shift
done
echo "{\\"models\\":[\\"$alias\\"],\\"rules\\":[]}" >${dir}/script.$port
echo "load_model: loading $alias" >&2
if ${speaks} && [ ! -f ${dir}/spoken ]; then ( until [ -f ${dir}/speak ]; do sleep 0.05; done; cat ${dir}/speak >&2; touch ${dir}/spoken ) & fi
exec ${Suite.simulator} simulate --dialect llama --port $port --slots $np --script ${dir}/script.$port ${flags.join(' ')}
`, { mode: 0o755 });
    const lines = name => fs.existsSync(path.join(dir, name)) ? fs.readFileSync(path.join(dir, name), 'utf8').trim().split('\n') : [];
    const remembered = [];
    return {
        dir, program,
        get args() { return lines('args'); },
        get pids() { return lines('pids').map(Number); },
        get env() { return Object.fromEntries(lines('env').map(line => [line.split('=')[0], line.slice(line.indexOf('=') + 1)])); },
        async say(words) {
            fs.writeFileSync(path.join(dir, 'speak.new'), words);
            fs.renameSync(path.join(dir, 'speak.new'), path.join(dir, 'speak'));
            await until(() => fs.existsSync(path.join(dir, 'spoken')), 'it has said so');
        },
        port: at => Number(lines('args').at(at).match(/--port (\d+)/)[1]),
        refuse(words) { fs.writeFileSync(path.join(dir, 'refuse'), words); },
        // What the one of now has seen, kept for `log`: to be asked before it is killed.
        async remember() {
            const { text } = await call(`http://127.0.0.1:${this.port(-1)}/_sim/log?since=0`);
            remembered.push(...text.split('\n').filter(Boolean).map(line => JSON.parse(line)).filter(({ method }) => method === 'POST'));
        },
        log: async () => remembered,
        stop() {},
        allow() { fs.rmSync(path.join(dir, 'refuse'), { force: true }); },
        model(name) { const file = path.join(dir, name); fs.writeFileSync(file, 'GGUF'); return file; },
    };
}
