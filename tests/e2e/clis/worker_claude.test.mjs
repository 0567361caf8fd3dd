// `auxot worker cli --tool claude`: the real Claude Code answers Anthropic Messages.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { claude, claude_binary } from '../lib/clis.mjs';
import { stories, refuses_to_start, user } from '../lib/cli_stories.mjs';
import { CliWorker } from '../lib/cli_worker.mjs';
import { until } from '../lib/process.mjs';

const worker = await stories('claude');

test('claude: Claude Code as the caller runs its own tools, and sees nothing of it', async () => {
    await worker.plays({ when: { body_contains: 'hello-42' }, then: { text: 'I saw it.' } },
        { then: { tool_calls: [{ name: 'Bash', arguments: { command: 'echo hello-$((40+2))', description: 'says hello' } }] } });
    const caller = await claude({ url: '' }, { args: ['--allowedTools', 'Bash'], model: 'sim-model', env: { ANTHROPIC_BASE_URL: worker.url }, key: 'any' });
    assert.equal(caller.code, 0, caller.stderr + JSON.stringify(caller.lines.slice(-2)));
    assert.equal(caller.result.result, 'I saw it.');
    await worker.no_process();
});

test('claude: what it leaves behind: no conversation, no mention of a directory without end', async () => {
    const projects = path.join(worker.home, '.claude/projects');
    await until(() => !fs.existsSync(projects) || fs.readdirSync(projects).length === 0, 'its sessions are gone');
    const known = Object.keys(JSON.parse(fs.readFileSync(path.join(worker.home, '.claude.json'), 'utf8')).projects ?? {});
    assert.ok(known.length <= 8, `${known.length} directories are remembered`);
});

test('claude: its own tools work where the operator allows them, and show as thinking', async () => {
    const allowed = await CliWorker.start('claude', { args: ['--allow-tools', 'Bash(echo *) Read'] });
    await allowed.plays({ when: { body_contains: 'hello-42' }, then: { text: 'I saw it.' } },
        { then: { tool_loop: true, tool_calls: [{ name: 'Bash', arguments: { command: 'echo hello-$((40+2))', description: 'says hello' } }] } });
    const answer = await allowed.ask({ thinking: { type: 'adaptive' }, messages: [user('Go.')] });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.json.content[0].thinking, /^\[Bash\] .*echo hello/);
    assert.deepEqual([answer.json.content.at(-1).text, answer.json.stop_reason], ['I saw it.', 'end_turn']);
    await allowed.stop();
});

refuses_to_start('there is no such program', ['--tool', 'claude'], /there is no program 'claude' in PATH: install claude/);
refuses_to_start('nobody is logged in', ['--tool', 'claude', '--program', claude_binary], /nobody is logged in to Claude Code here/);
refuses_to_start('no tool is named', [], /--tool is claude, codex or cursor/);
