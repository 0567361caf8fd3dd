// Configuration as code: one file goes out and comes back the same, on an empty installation too; what changes is told before it is made,
// with the traffic that it had to do with; a change is made whole or not at all; a bad file changes nothing (F49), and
// whoever is served meanwhile is served under one configuration from beginning to end (I11).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, at, canary, closing, scene } from '../lib/scene.mjs';
import { Server, auxot, empty_dir } from '../lib/server.mjs';
import { call } from '../lib/http.mjs';
import { run, until } from '../lib/process.mjs';
import { is_long } from '../lib/ledgers.mjs';

const here = await scene({ one: { models: ['shared', 'only-one'] }, two: { models: ['shared'] } });
const { server, one, two } = here;
const dir = empty_dir('config');
let count = 0;
const write = content => {
    const file = path.join(dir, `${++count}.jsonc`);
    fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    return file;
};
const config = (verb, args = [], { data = server.data, ...options } = {}) =>
    auxot(['config', verb, ...args, ...(verb === 'validate' ? [] : ['--data-dir', data])], { timeout: 60_000, ...options });
const good = async (verb, args, options) => {
    const ended = await config(verb, args, options);
    assert.equal(ended.code, 0, `${verb} ${args}: ${ended.stdout}${ended.stderr}`);
    return ended.stdout;
};
const exported = async options => good('export', [], options);
const plain = text => JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''));
const version = async () => (await server.api('GET', '/api/routing')).version;
const events = async (of = server) => (await of.api('GET', '/api/events?limit=200')).items.filter(event => !/^(access|key\.|refus)/.test(event.action)).map(event => event.id);
// The version of a provider's list of models may grow at any time; so what was changed is told by the events.
const unchanged = async (what, sentence) => {
    const before = [await exported(), await events()];
    const result = await what();
    assert.deepEqual([await exported(), await events()], before, sentence);
    return result;
};

// ---- the file ------------------------------------------------------------------------------------------

const whole = {
    auto: { provider: 'one', model: 'shared' },
    providers: [
        { slug: 'one', wait_ms: 250, max_concurrent: 900, fallback_rules: [{ condition: 'offline', provider: 'two', model: null, threshold: 10 }], timeouts: { connect_ms: 4000 } },
        { slug: 'two', fallback_rules: [{ condition: 'over_quota', provider: 'one' }], teams: null },
        { slug: 'rack', name: 'Our rack', type: 'gpu', surfaced_models: ['qwen'], default_model: 'qwen', teams: ['Blue'], paused: true },
    ],
    routes: [{ name: 'coding', steps: [{ provider: 'two', model: 'shared' }, { tier: 'cloud', when: 'previous_full' }] }, { name: 'gpt-*', steps: [{ model: 'shared' }] }],
    teams: [{ name: 'Blue', policy: { allowed_providers: ['rack', 'one'], requests_per_minute: 600, service_class: 'batch' }, service_accounts: ['ci', 'night'] }, { name: 'amber' }],
    prices: [{ model: 'shared', provider: 'one', input_microusd_per_mtok: 100000 }, { model: 'house', note: 'our own' }],
};

test('a dry run is the default: it says in words what would change and changes nothing', async () => {
    assert.equal((await server.call(at.chat, ask.chat('only-one'))).status, 200);
    await until(async () => /provider one: changes  \(\d+ requests? in the last 24 hours\)|provider one: changes  \(\d+ requests in/.test(await good('diff', [write(whole)])), 'the traffic is counted');
    const said = await unchanged(() => good('apply', [write(whole)]), 'nothing changes');
    for (const words of ['~ provider one: changes', '    wait_ms: 0 → 250', '    timeouts.connect_ms: null → 4000', '+ provider rack: is made', '+ route coding: is made', '+ team Blue: is made',
        '+ service_account Blue/ci: is made', '+ price shared at one: is made', '~ auto: changes', 'dry run'])
        assert.ok(said.includes(words), `${words} in:\n${said}`);
});

test('before it is applied the last 24 hours go through the configuration as it would be: who would land elsewhere, who would fail', async () => {
    assert.equal((await server.call(at.chat, ask.chat('shared'))).status, 200);
    const diff = providers => server.api('POST', '/api/config/diff', { config: { providers } });
    const effect = async providers => until(async () => { const { effect } = await diff(providers); return !/no requests/.test(effect) && effect; }, 'the traffic is on record');
    assert.match(await effect([{ slug: 'one', wait_ms: 77 }]), /All of \d+ requests would land where they land now.*none would fail/);
    assert.match(await effect([{ slug: 'one', paused: true }, { slug: 'two', paused: true }]), /[1-9]\d* would fail/);
    assert.match(await good('diff', [write({ providers: [{ slug: 'one', paused: true }] })]), /The last 24 hours under this configuration: Of \d+ requests/);
    assert.equal((await diff([{ slug: 'one' }])).effect, null, 'no changes, no effect');
});

test('applied, it is one change with an event for each row; applied again it is none', async () => {
    const before = await version(), old = await events();
    const file = write(whole);
    assert.match(await good('apply', [file, '--yes']), /Applied, as one change/);
    assert.equal(await version(), before + 1, 'one version');
    const fresh = (await server.api('GET', '/api/events?limit=200')).items.filter(event => !old.includes(event.id));
    for (const action of ['provider.created', 'provider.updated', 'route.created', 'team.created', 'service_account.created', 'price.created', 'routing.updated'])
        assert.ok(fresh.some(event => event.action === action), action);
    assert.equal((await server.api('GET', '/api/events/verify')).ok ?? true, true);
    assert.match(await unchanged(() => good('apply', [file, '--yes']), 'nothing is written the second time'), /No changes/);
    assert.equal(await version(), before + 1);
    const rack = await server.api('GET', '/api/providers/rack');
    assert.deepEqual([rack.name, rack.default_model, rack.paused, rack.models.map(model => [model.id, model.surfaced])], ['Our rack', 'qwen', true, [['qwen', true]]]);
    const routed = await server.call(at.chat, ask.chat('coding'));
    assert.equal(routed.headers['x-auxot-provider'], 'two', 'the route is in force when the command returns');
});

test('what is exported has names in place of ids and no secret, and is what the configuration is', async () => {
    const text = await exported();
    assert.doesNotMatch(text, /(prv|rte|tea|svc|pri|key)_[0-9a-z]{26}/);
    assert.ok(!text.includes('sk-canary') && !text.includes(canary.slice(3, 20)) && !text.includes('…'));
    assert.match(text, /^\/\/ .*\n/);
    assert.match(await unchanged(() => good('apply', [write(text), '--yes', '--prune']), 'as it is'), /No changes/);
    const over_api = await call(`${server.url}/api/config?comments=false`, { key: server.admin });
    assert.deepEqual(JSON.parse(over_api.text), plain(text));
    assert.equal((await call(`${server.url}/api/config`, { key: server.admin })).text, text);
    const out = path.join(dir, 'out.jsonc');
    await good('export', ['--out', out]);
    assert.equal(fs.readFileSync(out, 'utf8'), text);
    assert.match(await good('validate', [out]), /is good\./);
});

test('on an empty installation the file makes the same again; providers wait for their keys, and say so', async () => {
    const text = await exported(), file = write(text);
    const data = empty_dir('config-offline');
    const said = await good('apply', [file, '--yes'], { data }); // no server has ever run there
    assert.match(said, /Note: one waits for its key \(status error, key_missing\)/);
    assert.equal((await exported({ data })).replace(/rev: .*/, ''), text.replace(/rev: .*/, ''), 'byte for byte');
    const other = await Server.start({ data });
    other.admin = await other.key('admin', 'admin');
    const status = async () => (await other.api('GET', '/api/providers')).items.map(({ slug, status, error_code }) => [slug, status, error_code]);
    assert.deepEqual(await status(), [['one', 'error', 'key_missing'], ['two', 'error', 'key_missing'], ['rack', 'paused', null]]);
    const refused = await other.call(at.chat, ask.chat('shared'), { key: other.admin });
    assert.equal(refused.status, 503, refused.text);
    const before = await events(other);
    assert.match(await good('apply', [file, '--yes'], { data }), /No changes/);
    assert.deepEqual(await events(other), before);

    // The keys come by the environment, named in the file; and the same keys again are no change.
    const with_keys = plain(text);
    for (const provider of with_keys.providers.filter(each => each.slug !== 'rack')) provider.api_key_env = `KEY_OF_${provider.slug.toUpperCase()}`;
    const keyed = write(with_keys), env = { KEY_OF_ONE: `${canary}-one`, KEY_OF_TWO: `${canary}-two` };
    const missing = await config('apply', [keyed, '--yes'], { data, env: { KEY_OF_ONE: canary } });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /\.jsonc:\d+:\d+: This variable is not set\./);
    const applied = await good('apply', [keyed, '--yes'], { data, env });
    assert.match(applied, /its key: another/);
    assert.ok(!applied.includes('5up3rs3cr3t'));
    await until(async () => (await status())[0][1] === 'online', 'it is online with its key');
    const { candidates } = await other.api('POST', '/api/routing/explain', { model: 'shared' });
    assert.deepEqual([candidates[0].provider.slug, candidates[0].verdict], ['one', 'chosen']);
    assert.match(await good('apply', [keyed, '--yes'], { data, env }), /No changes/);
    for (const { before_json, after_json, before, after } of (await other.api('GET', '/api/events?limit=200')).items)
        assert.ok(!JSON.stringify([before_json, after_json, before, after]).includes('5up3rs3cr3t'), 'no key in an event');
    assert.equal((await other.stop()).code, 0);
});

test('what is not in the file is kept and named; --prune removes it; what is left out of an entry stays', async () => {
    const file = write({ routes: [{ name: 'coding', steps: [{ model: 'shared' }] }], teams: [{ name: 'blue', service_accounts: ['ci'] }] });
    const said = await good('apply', [file, '--yes']);
    assert.match(said, /kept \(--prune removes them\):.*route gpt-\*/);
    assert.match(said, /service_account blue\/night/);
    const now = plain(await exported());
    assert.deepEqual(now.routes.map(route => route.name), ['coding', 'gpt-*']);
    assert.equal(now.teams.find(team => team.name === 'blue').policy.requests_per_minute, 600, 'its policy stays');
    const pruned = await good('apply', [file, '--yes', '--prune']);
    for (const words of ['- route gpt-*: is removed', '- team amber: is removed', '- service_account blue/night: is removed']) assert.ok(pruned.includes(words), pruned);
    const then = plain(await exported());
    assert.deepEqual([then.routes.length, then.teams.length, then.providers.length], [1, 1, 3], 'sections that the file has not are left alone');
    await good('apply', [write(whole), '--yes']);
});

test('I11 all or nothing: one row that cannot be written, and none is', async () => {
    await server.api('POST', '/api/keys', { name: 'of amber', team: 'amber' });
    const file = write({ ...whole, routes: [{ name: 'fresh', steps: [{ model: 'shared' }] }], teams: whole.teams.filter(team => team.name !== 'amber') });
    const before = await version();
    const refused = await unchanged(() => config('apply', [file, '--yes', '--prune']), 'not even its first row is written');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /still has 1 API keys/);
    assert.equal(await version(), before);
});

test('what somebody else changed in between is not overwritten: rev', async () => {
    const body = { config: { providers: [{ slug: 'one', wait_ms: 300 }] } };
    const { rev, changes, applied } = await server.api('POST', '/api/config/diff', body);
    assert.deepEqual([changes.length, changes[0].details, applied], [1, ['wait_ms: 250 → 300'], false]);
    await one.patch({ wait_ms: 251 });
    const stale = await call(`${server.url}/api/config/apply`, { key: server.admin, body: { ...body, rev } });
    assert.deepEqual([stale.status, stale.json.code], [412, 'stale_rev']);
    const by_command = await config('apply', [write(body.config), '--yes', '--rev', rev]);
    assert.equal(by_command.code, 1);
    assert.match(by_command.stderr, /changed meanwhile/);
    const now = await server.api('POST', '/api/config/diff', body);
    const done = await server.api('POST', '/api/config/apply', { ...body, rev: now.rev });
    assert.ok(done.applied && done.rev !== now.rev && done.version === now.version + 1);
});

test('over the API of a server elsewhere, with a key from the environment and from nowhere else', async () => {
    const far = (args, env = {}) => auxot(['config', ...args, '--url', server.url], { env, cwd: dir });
    const text = await exported();
    assert.equal((await far(['export'], { AUXOT_API_KEY: server.admin })).stdout, text);
    const file = write({ providers: [{ slug: 'one', wait_ms: 310 }] });
    assert.match((await far(['apply', file, '--yes'], { AUXOT_API_KEY: server.admin })).stdout, /Applied/);
    assert.equal((await one.look()).wait_ms, 310);
    const nobody = await far(['export']);
    assert.deepEqual([nobody.code, /AUXOT_API_KEY/.test(nobody.stderr)], [1, true]);
    const member = await far(['export'], { AUXOT_API_KEY: server.member });
    assert.deepEqual([member.code, member.stdout], [1, '']);
    assert.match(member.stderr, /admin/i);
    const gone = await auxot(['config', 'export', '--url', 'http://127.0.0.1:1'], { env: { AUXOT_API_KEY: server.admin } });
    assert.match(gone.stderr, /does not answer/);
});

test('over TLS too, and never to a server whose certificate nobody vouches for', async () => {
    const made = (...args) => run('openssl', args, { cwd: dir }).then(({ code, stderr }) => assert.equal(code, 0, stderr));
    await made('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'tls.key', '-out', 'tls.pem', '-days', '2', '-subj', '/CN=here', '-addext', 'subjectAltName=IP:127.0.0.1');
    const pem = path.join(dir, 'tls.pem');
    const safe = await Server.start({ flags: ['--tls-cert', pem, '--tls-key', path.join(dir, 'tls.key')] });
    const env = { AUXOT_API_KEY: await safe.key('admin', 'admin') };
    assert.match(safe.url, /^https:/);
    const file = write({ teams: [{ name: 'over tls' }] });
    const stranger = await auxot(['config', 'apply', file, '--yes', '--url', safe.url], { env });
    assert.equal(stranger.code, 1);
    assert.match(stranger.stderr, /does not answer: .*(certificate|TLS|verif)/i);
    const known = await auxot(['config', 'apply', file, '--yes', '--url', safe.url, '--ca-file', pem], { env });
    assert.match(known.stdout, /\+ team over tls: is made[^]*Applied/, known.stderr);
    assert.equal((await safe.stop()).code, 0);
});

// ---- bad files -----------------------------------------------------------------------------------------

const provider = (more = {}) => ({ slug: 'p', type: 'openai', ...more });
const lines = text => ({ text, of: needle => text.slice(0, text.indexOf(needle)).split('\n').length });
const bad = [
    ['0 bytes', '', /:1:1: The file is empty\./],
    ['nothing but a comment', '// nothing yet\n', /:2:1: The file is empty\./],
    ['100 MB', 'x'.repeat(100 << 20), /too large|longer than|larger/i],
    ['100 MB of a list', `{"providers": [${'{},'.repeat(33 << 20)}]}`, /too large|longer than|larger/i],
    ['cut off in the middle', '{\n  "providers": [\n    {"slug": "a",', /:3:18: The file ends in the middle\./],
    ['another program\'s file', 'server {\n  listen 80;\n}\n', /:1:1: This word is no value\./],
    ['bytes that are no text', '\x00\x01\x02\xff', /:1:1: A value is missing here\./],
    ['a list', '[]', /:1:1: The file must be one object/],
    ['an unknown section', '{\n\n  "provider": []\n}', /:3:\d+: The body has no field "provider"/],
    ['an unknown key', lines(JSON.stringify({ providers: [provider({ wait_sm: 1 })] }, null, 1)).text, /:\d+:\d+: providers\[0\] has no field "wait_sm"/],
    ['a key given twice', '{"providers": [{"slug": "a", "type": "cli", "type": "gpu"}]}', /has the field "type" twice/],
    ['a wrong type', '{"providers": [{"slug": "a", "type": "cli",\n "wait_ms": "5s"}]}', /:2:\d+: providers\[0\]\.wait_ms must be a number or null/],
    ['a number out of range', '{"providers": [{"slug": "a", "type": "cli", "wait_ms": 99999999999}]}', /must be a whole number between 0 and 86400000/],
    ['a fraction', '{"providers": [{"slug": "a", "type": "cli", "wait_ms": 1.5}]}', /Numbers are whole here/],
    ['10,000 providers', { providers: Array.from({ length: 10_000 }, (_, i) => provider({ slug: `p${i}` })) }, /must have 0 to 256 elements|longer than/],
    ['300 providers', { providers: Array.from({ length: 300 }, (_, i) => provider({ slug: `p${i}` })) }, /providers must have 0 to 256 elements/],
    ['a kind that there is not', { providers: [provider({ type: 'quantum' })] }, /type must be one of: gpu cli openai anthropic/],
    ['a slug that is none', { providers: [provider({ slug: 'My GPU' })], teams: [] }, /A slug has lower-case letters.*"my-gpu"/],
    ['two of one slug', { providers: [provider(), provider()], teams: [] }, /The file names this provider twice/],
    ['a rule to nobody', '{"teams": [], "providers": [\n{"slug": "a", "type": "gpu"},\n{"slug": "b", "type": "gpu",\n "fallback_rules": [{"condition": "offline", "provider": "ghost"}]}]}', /:4:\d+: Rule 1: provider must be the id or slug of another/],
    ['a rule to itself', { providers: [provider({ fallback_rules: [{ condition: 'offline', provider: 'p' }] })], teams: [] }, /slug of another provider/],
    ['a bad address', { providers: [provider({ base_url: 'ftp://x' })], teams: [] }, /http/],
    ['a default that it has not', { providers: [{ slug: 'one', default_model: 'ghost' }] }, /has no model "ghost"/, 'server'],
    ['another type', { providers: [{ slug: 'one', type: 'anthropic' }] }, /is of type openai, and stays so/, 'server'],
    ['a host that its key was not given for', { providers: [{ slug: 'one', base_url: 'http://127.0.0.1:9/v1' }] }, /given for another host/, 'server'],
    ['a team that there is not', { providers: [{ slug: 'one', teams: ['ghost'] }] }, /There is no team "ghost"/, 'server'],
    ['a new provider without a type', { providers: [{ slug: 'newcomer' }] }, /a new one needs its type/, 'server'],
    ['auto to nobody', { auto: { provider: 'ghost' } }, /There is no provider "ghost"/, 'server'],
    ['a route named auto', { routes: [{ name: 'auto', steps: [{ model: 'x' }] }] }, /other than "auto"/, 'server'],
    ['a step of everything', { routes: [{ name: 'r', steps: [{ tier: 'gpu', model: 'x' }] }] }, /Step 1: give a tier, or/, 'server'],
    ['a soft budget above the hard one', { teams: [{ name: 't', policy: { budget_microusd_per_month: 1, budget_soft_microusd_per_month: 2 } }] }, /soft/, 'server'],
];
for (const [what, content, why, where = 'file'] of bad)
    test(`F49 a bad file (${what}) is refused with its place and what to do, and the last good configuration serves on`, async () => {
        const file = write(content);
        const refused = await unchanged(() => config('apply', [file, '--yes']), 'nothing changes');
        assert.equal(refused.code, 1, refused.stdout);
        assert.match(refused.stderr, why);
        if (where === 'file') {
            const alone = await auxot(['config', 'validate', file], { cwd: dir });
            assert.equal(alone.code, 1);
            assert.match(alone.stderr, why);
        }
        assert.equal((await server.call(at.chat, ask.chat('shared'))).status, 200);
    });

test('F49 a file that a server elsewhere gets as a body: too large, no JSON, too many providers', async () => {
    const send = body => call(`${server.url}/api/config/apply`, { key: server.admin, body, headers: { 'content-type': 'application/json' } });
    await unchanged(async () => {
        // Who sends on after the answer may not live to see it.
        const large = await send(`{"config": {"routes": [${' '.repeat(5 << 20)}]}}`).then(answer => answer.status, error => error.code);
        assert.ok([413, 'EPIPE', 'ECONNRESET'].includes(large), `${large}`);
        assert.equal((await send('')).status, 400);
        assert.equal((await send('{"config": {}, "config": {}}')).status, 400);
        const many = await send(JSON.stringify({ config: { providers: Array.from({ length: 10_000 }, (_, i) => provider({ slug: `p${i}` })) } }));
        assert.equal(many.status, 400);
        const placed = await send(JSON.stringify({ config: { providers: [provider(), provider({ slug: 'q', fallback_rules: [{ condition: 'offline', provider: 'ghost' }] })] } }));
        assert.deepEqual([placed.status, placed.json.field], [400, 'providers[1].fallback_rules']);
        const key_for_nobody = await send(JSON.stringify({ config: {}, keys: [{ provider: 'ghost', api_key: 'sk-x' }] }));
        assert.deepEqual([key_for_nobody.status, key_for_nobody.json.field], [400, 'keys[0].provider']);
    }, 'nothing changes');
});

test('F49 a cyclic fallback is no trouble: nobody is listed twice, and requests are answered', async () => {
    const rule = (to, condition) => ({ condition, provider: to });
    const file = write({ providers: [{ slug: 'one', fallback_rules: [rule('two', 'offline'), rule('two', 'over_quota')] }, { slug: 'two', fallback_rules: [rule('one', 'offline'), rule('one', 'over_quota')] }] });
    await good('apply', [file, '--yes']);
    const { candidates } = await server.api('POST', '/api/routing/explain', { model: 'shared', faults: [{ provider: 'one', fault: 'offline' }, { provider: 'two', fault: 'offline' }] });
    assert.deepEqual(candidates.map(each => each.provider.slug).sort(), [...new Set(candidates.map(each => each.provider.slug))].sort());
    await one.sim.plays([{ then: { status: 500 } }]);
    assert.equal((await server.call(at.chat, ask.chat('shared'))).status, 200);
    await one.plays([]);
});

test('validate needs neither a server nor a data directory', async () => {
    const empty = empty_dir('config-nowhere');
    const file = write(whole);
    const said = await auxot(['config', 'validate', file], { cwd: empty });
    assert.equal(said.code, 1, 'of one and two it must be told their types: nothing is there yet');
    assert.match(said.stderr, /:\d+:\d+: There is no provider "one" yet/);
    const full = write({ ...whole, providers: whole.providers.map(each => ({ type: 'openai', ...each })) });
    assert.match((await auxot(['config', 'validate', full], { cwd: empty })).stdout, /is good\./);
    const part = write({ routes: [{ name: 'r', steps: [{ provider: 'elsewhere' }] }] });
    assert.match((await auxot(['config', 'validate', part], { cwd: empty })).stdout, /as far as it can be told/);
    assert.deepEqual(fs.readdirSync(empty), [], 'nothing is made');
});

test('the words of the command: help, wrong use, a file that is not there', async () => {
    assert.match(await good('--help', []), /Usage: auxot config export/);
    for (const args of [[], ['dance'], ['apply'], ['export', 'x'], ['diff', 'a', 'b']]) assert.equal((await auxot(['config', ...args])).code, 2, args.join(' '));
    assert.equal((await config('diff', [path.join(dir, 'not there')])).code, 1);
});

// ---- under load ----------------------------------------------------------------------------------------

test('F49 1,000 changes a minute under load: no request fails; I11 each is handled under one configuration, which its record names', async () => {
    const seconds = is_long ? 60 : 6, changes = Math.ceil(1000 / 60 * seconds);
    const to = slug => ({ config: { routes: [{ name: 'flip', steps: [{ provider: slug, model: 'shared' }] }] } });
    const led_to = new Map(); // version -> provider
    const apply = async slug => {
        const done = await server.api('POST', '/api/config/apply', to(slug));
        led_to.set(done.version, slug);
    };
    await apply('one');
    let is_over = false;
    const answered = [];
    const caller = async () => {
        while (!is_over) {
            const answer = await server.call(at.chat, ask.chat('flip'));
            answered.push([answer.status, answer.job_id ?? answer.headers['x-auxot-job'], answer.headers['x-auxot-provider']]);
        }
    };
    const callers = Array.from({ length: 8 }, caller);
    const begun = Date.now();
    for (let i = 1; i <= changes; i++) {
        await apply(i % 2 ? 'two' : 'one');
        const early = begun + i * seconds * 1000 / changes - Date.now();
        if (early > 0) await new Promise(done => setTimeout(done, early));
        if (i % 10 === 0) assert.equal((await call(`${server.url}/api/config/apply`, { key: server.admin, body: { config: { routes: [{ name: 'flip', steps: [{ provider: 'ghost' }] }] } } })).status, 400);
    }
    is_over = true;
    await Promise.all(callers);
    assert.ok(answered.length > 50, `${answered.length} requests`);
    assert.deepEqual(answered.filter(([status]) => status !== 200), [], 'no request fails');
    assert.ok(new Set(answered.map(([, , slug]) => slug)).size === 2, 'both were asked');
    for (const [, id, slug] of answered.slice(0, 400)) {
        const job = await server.job(id);
        assert.equal(led_to.get(job.config_version) ?? slug, slug, `job ${id} under version ${job.config_version}`);
        assert.ok(led_to.has(job.config_version), `job ${id}: the version ${job.config_version} is one that was made`);
        assert.equal(job.attempts.length, 1);
    }
    assert.equal((await server.api('GET', '/api/events/verify')).ok ?? true, true, 'the chain of events holds');
});

closing(here, { ledger: !is_long }); // a minute's requests are too many to be asked for one by one
