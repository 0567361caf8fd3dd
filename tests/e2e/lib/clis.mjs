// Claude Code and Codex, run as their users do, with an empty home and no way out but to us.
import fs from 'node:fs';
import path from 'node:path';
import { Child, run } from './process.mjs';
import { empty_dir } from './server.mjs';

const modules = new URL('../node_modules/', import.meta.url).pathname;
const triple = { x64: 'x86_64-unknown-linux-musl', arm64: 'aarch64-unknown-linux-musl' }[process.arch];
export const claude_binary = `${modules}@anthropic-ai/claude-code-linux-${process.arch}/claude`;
export const codex_binary = `${modules}@openai/codex-linux-${process.arch}/vendor/${triple}/bin/codex`;

// What either would call on its own account goes to a port where nobody listens.
export function quiet(home) {
    const nowhere = 'http://127.0.0.1:9';
    return { HOME: home, HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere, http_proxy: nowhere, https_proxy: nowhere, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1',
        ANTHROPIC_API_KEY: undefined, ANTHROPIC_AUTH_TOKEN: undefined, ANTHROPIC_BASE_URL: undefined, OPENAI_API_KEY: undefined, OPENAI_BASE_URL: undefined,
        CLAUDECODE: undefined, CLAUDE_CODE_ENTRYPOINT: undefined };
}

function claude_of(server, { args = ['--bare'], env = {}, model = 'claude-sim', prompt = 'hi', key = server.member } = {}) {
    const home = empty_dir('claude');
    return [claude_binary, ['-p', ...args, '--model', model, '--output-format', 'stream-json', '--verbose', '--include-partial-messages', prompt],
        { cwd: home, env: { ...quiet(home), ANTHROPIC_BASE_URL: `${server.url}/api/anthropic`, ANTHROPIC_API_KEY: key, IS_SANDBOX: '1',
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1', DISABLE_AUTOUPDATER: '1', ...env } }];
}

function codex_of(server, { builtin = false, model = 'gpt-sim', prompt = 'hi', key = server.member, headers = {} } = {}) {
    const more = Object.entries(headers).map(([name, value]) => `"${name}" = "${value}"`).join(', ');
    const home = empty_dir('codex');
    fs.writeFileSync(path.join(home, 'config.toml'), builtin ? `openai_base_url = "${server.openai}"\n`
        : `model_provider = "gw"\n[model_providers.gw]\nname = "gw"\nbase_url = "${server.openai}"\nenv_key = "GW_KEY"\nwire_api = "responses"\nhttp_headers = { ${more} }\n`);
    return [codex_binary, ['exec', '--json', '--skip-git-repo-check', '--ephemeral', '-C', home, '-m', model, '--dangerously-bypass-approvals-and-sandbox', prompt],
        { cwd: home, env: { ...quiet(home), CODEX_HOME: home, ...(builtin ? { CODEX_API_KEY: key } : { GW_KEY: key }) } }];
}

const lines_of = stdout => stdout.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line));

async function finished([program, args, options]) {
    const { code, stdout, stderr } = await run(program, args, { ...options, timeout: 60_000 });
    return { code, stderr, lines: lines_of(stdout) };
}

// {code, lines, result, text}: `result` is the last line; `text` the streamed text, delta by delta.
export async function claude(server, options) {
    const all = await finished(claude_of(server, options));
    all.result = all.lines.find(line => line.type === 'result');
    all.text = all.lines.filter(line => line.type === 'stream_event').map(line => line.event.delta?.text ?? '').join('');
    all.retries = all.lines.filter(line => line.subtype === 'api_retry').length;
    return all;
}

// {code, lines, message, usage}: `message` is the last thing that the agent said.
export async function codex(server, options) {
    const all = await finished(codex_of(server, options));
    const items = all.lines.filter(line => line.type === 'item.completed').map(line => line.item);
    all.messages = items.filter(item => item.type === 'agent_message').map(item => item.text);
    all.message = all.messages.at(-1);
    all.commands = items.filter(item => item.type === 'command_execution');
    all.usage = all.lines.find(line => line.type === 'turn.completed')?.usage;
    all.errors = all.lines.filter(line => line.type === 'error');
    return all;
}

export const begin_claude = (server, options) => new Child(...claude_of(server, options));
export const begin_codex = (server, options) => new Child(...codex_of(server, options));
