// T21: slow and oversized use: slowhttptest in its four modes, while good traffic goes on; and JSON of any depth.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';
import { Load, baseline, check, is_long, own_descriptors, plays_held, seed } from '../lib/ledgers.mjs';
import { Child, until } from '../lib/process.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const has_tool = spawnSync('slowhttptest', ['-h']).error === undefined;
const here = await scene({ gpt: { models: ['gpt-sim'], rules: [plays_held] }, claude: { dialect: 'anthropic', models: ['claude-sim'], rules: [plays_held] } });
const { server } = here;
const at_first = await baseline(here);
const load_of = { models: { openai: ['gpt-sim'], anthropic: ['claude-sim'] }, streams: is_long ? 500 : 20, rate: is_long ? 200 : 25 };
let load, quiet;
before(async () => {
    load = new Load(here, load_of).start();
    quiet = await load.slowness(Date.now());
});

const connections = is_long ? 4000 : 500, rate = is_long ? 500 : 250;
const key_too = `application/json\r\nauthorization: Bearer ${server.admin}`; // the tool has no flag for a key
const attacks = [
    { name: 'slow heads', args: ['-H', '-i', '2', '-x', '24'], where: at.chat, seconds: is_long ? 60 : 14, ends: true },
    { name: 'slow bodies', args: ['-B', '-i', '1', '-s', '8192', '-x', '32', '-t', 'POST', '-f', key_too], where: at.chat, seconds: is_long ? 60 : 4 },
    { name: 'slow readers', args: ['-X', '-w', '64', '-y', '256', '-n', '1', '-z', '16', '-k', '3'], where: '/metrics', seconds: is_long ? 60 : 4 },
    { name: 'ranges', args: ['-R', '-a', '5', '-b', '3000', '-t', 'HEAD'], where: '/metrics', seconds: is_long ? 20 : 4, is_answered: true },
];

for (const { name, args, where, seconds, ends, is_answered } of attacks)
    test(`T21: ${connections} connections with ${name}: good traffic is served as before, all of it comes back`, { skip: !has_tool && 'no slowhttptest here' }, async () => {
        const from = Date.now(), rss = server.rss();
        const taken = await server.metric('auxot_http_connections_total ');
        const attack = new Child('slowhttptest', [...args, '-c', String(connections), '-r', String(rate), '-l', String(seconds), '-p', '5', '-u', server.url + where]);
        if (!is_answered) await until(async () => await server.metric('auxot_http_connections ') >= connections * 0.9, 'the attack is on', 30_000);
        const grown = server.rss() - rss, beside = await load.slowness(from);
        const { code } = await attack.exit;
        assert.equal(code, 0, attack.stdout.slice(-500));
        const said = attack.stdout.replace(/\x1b\[[0-9;]*[a-zA-Z]/g, '');
        const verdicts = [...said.matchAll(/service available:\s*(YES|NO)/g)].map(match => match[1]);
        assert.ok(verdicts.length > 0 && !verdicts.includes('NO'), said.slice(-600));
        assert.ok(await server.metric('auxot_http_connections_total ') - taken >= connections * 0.9, 'all of them came');
        if (ends) assert.match(said, /No open connections left/, 'closed at the deadline');
        assert.ok(beside <= 10 * Math.max(quiet, 50), `good traffic: ${quiet} ms before, ${beside} ms beside it`);
        assert.ok(grown < connections * 48 * 1024 + 8_000_000, `grew by ${grown}`);
        await until(() => own_descriptors(here) <= at_first.descriptors + 2 * load_of.streams + 60, 'the descriptors return (I8)');
        console.log(`# ${name}: good traffic ${quiet} ms before, ${beside} ms beside it; grew by ${Math.round(grown / connections)} bytes a connection`);
    });

test('T21: JSON 100,000 deep, in lists and objects, open or closed, wherever a body is read: 400 at once', async () => {
    const bodies = depth => ['['.repeat(depth), '['.repeat(depth) + ']'.repeat(depth), '{"a":'.repeat(depth), `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`, '[{"a":'.repeat(depth / 2)];
    const management = ['/api/providers', '/api/keys', '/api/routes', '/api/routing/explain']; // bodies of 4 KiB
    for (const [where, depth] of [...Object.values(at).map(where => [where, 100_000]), ...management.map(where => [where, 600])])
        for (const body of bodies(depth))
            for (const bytes of [body, `{"model":"gpt-sim","messages":${body}`]) {
                const from = Date.now(), answer = await server.call(where, bytes);
                assert.equal(answer.status, 400, `${where}: ${answer.text.slice(0, 200)}`);
                assert.ok(Date.now() - from < 2000, `${where}: ${Date.now() - from} ms`);
            }
});

test('the ledgers agree after all of this (I1 to I5, I8, I9, I11, I12), and nobody was disturbed', async () => {
    await load.stop();
    const figures = load.figures();
    assert.ok(figures.ok > 50, JSON.stringify(figures));
    assert.equal(figures.fail + figures.unknown, 0, `others were disturbed: ${JSON.stringify(figures)}`);
    await check(here, load, { before: at_first });
    console.log(`# load: ${JSON.stringify(figures)}`);
});

closing(here, { ledger: false });
