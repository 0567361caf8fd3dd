// `auxot worker cli`, with a program that plays Cursor's agent as its documentation says (Cursor itself cannot be run here).
// clis/worker_claude and clis/worker_codex have the real tools.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { refuses_to_start, tool, user } from '../lib/cli_stories.mjs';
import { CliWorker } from '../lib/cli_worker.mjs';
import { FakeGateway } from '../lib/fake_gateway.mjs';
import { Child, until } from '../lib/process.mjs';
import { empty_dir } from '../lib/server.mjs';
import { Suite } from '../lib/suite.mjs';

// Says what its prompt wants, and notes what it was given.
const program = path.join(empty_dir('cursor'), 'cursor-agent');
const notes = path.join(path.dirname(program), 'notes');
fs.writeFileSync(program, `#!${process.execPath}
const args = process.argv.slice(2), say = line => process.stdout.write(JSON.stringify({ session_id: 's', ...line }) + '\\n');
if (args[0] === '--version') { console.log('2026.07.01-play'); process.exit(0); }
if (args[0] === 'status') { console.log(process.env.PLAY_OUT ? 'Not logged in' : 'Logged in as play@example.com'); process.exit(0); }
require('fs').appendFileSync(${JSON.stringify(notes)}, JSON.stringify({ args, cwd: process.cwd() }) + '\\n');
const prompt = args.at(-1), text = t => ({ role: 'assistant', content: [{ type: 'text', text: t }] });
say({ type: 'system', subtype: 'init', model: 'Play' });
if (prompt.includes('fail')) { console.error('Something is wrong with the account.'); process.exit(1); }
if (prompt.includes('for ever')) { say({ type: 'assistant', message: text('a'), timestamp_ms: 1 }); setInterval(() => {}, 1000); }
else {
    say({ type: 'tool_call', subtype: 'started', call_id: 'c', tool_call: { readToolCall: { args: { path: 'a.txt' } } } });
    for (const piece of ['Hello ', 'there.']) say({ type: 'assistant', message: text(piece), timestamp_ms: 1 });
    say({ type: 'assistant', message: text('Hello there.') });
    say({ type: 'result', subtype: 'success', is_error: false, result: 'Hello there.' });
}
`, { mode: 0o755 });

const worker = await CliWorker.start('cursor', { program, env: { CURSOR_API_KEY: undefined } });
after(() => worker.stop());
const noted = () => fs.readFileSync(notes, 'utf8').trim().split('\n').map(line => JSON.parse(line));

test('cursor: an answer in pieces, without repeats', async () => {
    const answer = await worker.ask({ stream: true, system: 'Be kind.', messages: [user('Hi.')] });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.events.map(event => event.json?.delta?.text).filter(Boolean), ['Hello ', 'there.']);
    const { args, cwd } = noted().at(-1);
    assert.deepEqual(args.slice(-2), ['--', 'Be kind.\n\nHi.\n']);
    assert.deepEqual([args.includes('--mode'), args.includes('--force')], [true, false], 'it changes nothing');
    assert.ok(cwd.startsWith(worker.scratch));
    await worker.no_process();
    await until(() => worker.places().length === 0, 'its directory is gone');
});

test('cursor: its own tools show as thinking', async () => {
    const { json } = await worker.ask({ thinking: { type: 'adaptive' }, messages: [user('Hi.')] });
    assert.deepEqual(json.content.map(block => block.thinking ?? block.text), ['[readToolCall] {"path":"a.txt"}\n', 'Hello there.']);
});

test('cursor: trouble comes with its own words', async () => {
    const { status, json } = await worker.ask({ messages: [user('fail')] });
    assert.deepEqual([status, json.error.message], [502, 'cursor ended (status 1) before its answer was whole: Something is wrong with the account.']);
    assert.match(worker.child.stderr, /event=job_failed tool=cursor status=502 stderr_bytes=37\n/);
    assert.doesNotMatch(worker.child.stderr, /the account/, 'which is for the caller: it may quote the prompt');
});

test('cursor: a caller who leaves takes the process with him', async () => {
    const call = worker.begin({ stream: true, messages: [user('for ever')] });
    await call.when(() => call.events.length > 2);
    call.request.destroy();
    await worker.no_process();
});

test('cursor: tools of a caller are refused, not forgotten', async () => {
    const { status, json } = await worker.ask({ tools: [tool('weather')], messages: [user('Hi.')] });
    assert.equal(status, 400);
    assert.match(json.error.message, /takes no tools/);
});

refuses_to_start('nobody is logged in', ['--tool', 'cursor', '--program', program], /nobody is logged in to Cursor here/, { PLAY_OUT: '1' });

// The same front behind a gateway, which is made by hand here.
test('behind a gateway: it registers with what it can do, takes jobs over the connections it opened, and leaves in order', async () => {
    const gateway = await FakeGateway.start();
    after(() => gateway.stop());
    const key = 'auxw_0123456789abcdef', home = empty_dir('cursor-home');
    const scratch = empty_dir('scratch');
    const child = new Child(Suite.binary, ['worker', 'cli', '--tool', 'cursor', '--program', program, '--model', 'auto', '--model', 'big=gpt-5', '--parallel', '2',
        '--server', gateway.url, '--scratch', scratch], { env: { HOME: home, AUXOT_WORKER_KEY: key, CURSOR_API_KEY: undefined } });
    await gateway.joined(2);
    const [said] = gateway.registrations;
    const abilities = { tools: false, images: false, json_schema: false, reasoning: false };
    assert.deepEqual([said.kind, said.tool, said.slots, said.models], ['cli', 'cursor', 2, [{ id: 'auto', abilities }, { id: 'big', abilities }]]);
    const body = text => ({ model: 'big', max_tokens: 10, messages: [user(text)] });
    const job = await gateway.run('/v1/messages', body('Hi.'), { 'x-client-request-id': 'job_1-1' });
    assert.deepEqual([job.interims, job.status, job.json.content[0].text], [[102], 200, 'Hello there.']);
    assert.equal(noted().at(-1).args.at(noted().at(-1).args.indexOf('--model') + 1), 'gpt-5', 'by its own name for the model');
    const long = gateway.begin('/v1/messages', { ...body('for ever'), stream: true });
    await until(() => long.pieces.length > 0, 'it streams');
    await until(() => gateway.control.texts.at(-1)?.busy === 1, 'the job is counted');
    long.cancel();
    await until(() => gateway.control.texts.at(-1)?.busy === 0, 'and no more');
    const cut = gateway.begin('/v1/messages', { ...body('for ever'), stream: true });
    await until(() => cut.pieces.length > 0, 'another streams');
    assert.equal(child.stderr.match(/event=waiting_for_jobs/g).length, 1, 'it is there: that is said once, not with every job');
    child.kill();
    await until(() => gateway.goodbyes.length === 1, 'it says goodbye, and lets it run');
    assert.equal(cut.is_over, false);
    assert.equal((await child.stop()).code, 0, 'the second signal cuts');
    assert.equal(cut.is_cut, true);
    assert.doesNotMatch(child.stderr, /auxw_/);
    assert.deepEqual(fs.readdirSync(scratch), [], 'nothing is left');
});
