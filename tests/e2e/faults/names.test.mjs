// F03: the name server fails, is slow, says nothing, answers empty, or tells another address, while others are
// served. A name that was good lives on for 60 s (on the loop that knows it: here is one loop); one that never
// was costs the time to connect, and failover.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { Load, baseline, check, is_long, plays_held, seed } from '../lib/ledgers.mjs';
import { NameServer } from '../lib/name_server.mjs';
import { auxot, empty_dir } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';
import { until } from '../lib/process.mjs';

console.log(`# seed ${seed}${is_long ? ', long' : ''}: AUXOT_TEST_SEED=${seed} repeats it`);
const names = await NameServer.start();
const here = await scene({
    named: { models: ['shared', 'only-named'] }, good: { models: ['shared', 'calm'], rules: [plays_held] },
    claude: { dialect: 'anthropic', models: ['calm-claude'], rules: [plays_held] },
}, { env: { AUXOT_RESOLVER: names.address, AUXOT_THREADS: '1' } });
const { server, named, good } = here;
const fresh_connections = { then: { close: true } }; // so that each request asks for the name
const found = { address: '127.0.0.1', ttl: 0 };
const expire = () => new Promise(resolve => setTimeout(resolve, 1200)); // the least that an address is kept: a second

async function lives_at(name) { await named.patch({ base_url: `http://${name}:${named.sim.port}/v1`, api_key: canary }); }
names.says('upstream.test', found);
await lives_at('upstream.test');
await named.sim.plays([fresh_connections]);
const at_first = await baseline(here);
let load;
before(() => { load = new Load(here, { models: { openai: ['calm'], anthropic: ['calm-claude'] }, streams: is_long ? 500 : 20, rate: is_long ? 200 : 25 }).start(); });

const only_named = (more = {}) => server.call(at.chat, ask.chat('only-named', more));

test('F03: the name server of the settings is the one that is asked, behind the fences', async () => {
    assert.equal((await named.look()).status, 'online');
    assert.ok(names.asked_for('upstream.test') > 0);
    const answer = await only_named({ stream: true });
    assert.equal(answer.headers['x-auxot-provider'], named.slug, answer.text.slice(0, 300));
});

test('F03: a name server that is none: no start, and a sentence', async () => {
    for (const wrong of ['nonsense', '999.0.0.1', 'a b', '127.0.0.1;127.0.0.2']) {
        const { code, stdout, stderr } = await auxot(['serve', '--data-dir', empty_dir(), '--port', '0', '--resolver', wrong], { timeout: 10_000 });
        assert.notEqual(code, 0, `started with ${wrong}`);
        assert.match(stderr, /name servers must be/);
        assert.doesNotMatch(stdout, /auxot ready/);
    }
});

for (const how of ['servfail', 'nxdomain', 'empty'])
    test(`F03: a name that was never found (${how}): shown with its reason, the next provider answers at once`, async () => {
        names.says(`${how}.test`, how);
        await lives_at(`${how}.test`);
        const shown = await named.look();
        assert.notEqual(shown.status, 'online');
        assert.match(shown.error, /name/, JSON.stringify(shown));
        const answer = await server.call(at.chat, ask.chat('shared'));
        assert.equal(answer.headers['x-auxot-provider'], good.slug, answer.text.slice(0, 300));
        const failed = await only_named();
        assert.ok(failed.status >= 500, `${failed.status}`);
        assert.equal((await server.job(failed.job_id)).attempts[0].reason, 'dns_failed', 'not waited for until its time was over');
    });

for (const how of ['servfail', 'empty', 'silent'])
    test(`F03: a name that was good (now ${how}): the last good address does`, async () => {
        const name = `was-good-${how}.test`;
        names.says(name, found);
        await lives_at(name);
        assert.equal((await only_named()).status, 200);
        names.says(name, how);
        await expire();
        const asked = names.asked_for(name), from = Date.now();
        for (let i = 0; i < 3; i++) {
            const answer = await only_named();
            assert.equal(answer.status, 200, answer.text.slice(0, 300));
            assert.equal(answer.headers['x-auxot-attempts'], '1');
        }
        assert.ok(names.asked_for(name) > asked, 'it was asked again');
        assert.ok(Date.now() - from < 3 * 3000, `three answers in ${Date.now() - from} ms`);
    });

test('F03: a name server that hangs: the time to connect bounds it, the next provider answers, others notice nothing', async () => {
    const normal = await load.slowness(Date.now());
    names.says('hangs.test', 'silent');
    await named.patch({ timeouts: { connect_ms: 700 } });
    const hangs = Date.now();
    await lives_at('hangs.test');
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => i % 2 ? server.call(at.chat, ask.chat('shared')) : only_named()));
    for (const [i, answer] of answers.entries())
        if (i % 2) assert.equal(answer.headers['x-auxot-provider'], good.slug, answer.text.slice(0, 300));
        else assert.ok(answer.status >= 500, `${answer.status}`);
    assert.ok(Date.now() - hangs < 20_000, 'within the deadlines');
    const beside = await load.slowness(hangs);
    assert.ok(beside <= 10 * Math.max(normal, 50), `others: ${normal} ms in quiet, ${beside} ms beside a name server that hangs`);
    await named.patch({ timeouts: { connect_ms: 5000 } });
});

test('F03: a slow name server is waited for', async () => {
    names.says('slow.test', { ...found, delay_ms: 900 });
    await lives_at('slow.test');
    await until(async () => (await named.look()).status === 'online', 'online, if late');
    await expire();
    const answer = await only_named();
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
    assert.equal((await server.job(answer.job_id)).attempts.length, 1);
});

test('F03: the name moves to another address: requests follow within its time, none is lost', async () => {
    const moved = await Sim.start({ models: ['shared', 'only-named'], port: named.sim.port, flags: ['--host', '127.0.0.2'], rules: [fresh_connections] });
    here.upstreams.push({ sim: moved, slug: named.slug, port: moved.port });
    names.says('moves.test', found);
    await lives_at('moves.test');
    assert.equal((await only_named()).status, 200);
    names.says('moves.test', { address: '127.0.0.2', ttl: 0 });
    await until(async () => {
        const answer = await only_named();
        assert.equal(answer.status, 200, answer.text.slice(0, 300));
        return (await moved.requests_of(answer.job_id)).length === 1;
    }, 'the new address is used');
    const seen = (await named.sim.log()).length;
    for (let i = 0; i < 5; i++) assert.equal((await only_named()).status, 200);
    assert.equal((await named.sim.log()).length, seen, 'nobody goes to the old one');
});

test('F03: after 60 s without a name server the old address is given up', { skip: !is_long && 'long' }, async () => {
    names.says('forgotten.test', found);
    await lives_at('forgotten.test');
    assert.equal((await only_named()).status, 200);
    names.says('forgotten.test', 'servfail');
    await until(async () => { const { status } = await only_named(); await expire(); return status >= 500; }, 'given up', 90_000);
});

test('the ledgers agree after all of this (I1 to I5, I8, I9, I11, I12), and nobody was disturbed', async () => {
    names.says('upstream.test', found);
    await lives_at('upstream.test');
    await load.stop();
    const figures = load.figures();
    assert.ok(figures.ok > 50, JSON.stringify(figures));
    assert.equal(figures.fail + figures.unknown, 0, `others were disturbed: ${JSON.stringify(figures)}`);
    await check(here, load, { before: at_first });
    console.log(`# load: ${JSON.stringify(figures)}`);
});

closing(here, { ledger: false });
test('closing: the name server is gone', () => names.stop());
