// GET /api/live: everything that happens, once, for whoever may see it; and that whoever is slow, gone or no longer allowed
// costs the others nothing. UI.md 6, DESIGN.md 4; I10 for this transport.
import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { Live } from '../lib/live.mjs';
import { Server } from '../lib/server.mjs';
import { call, Wire } from '../lib/http.mjs';
import { events_of } from '../lib/sse.mjs';
import { ask, at, closing, scene, upstream } from '../lib/scene.mjs';
import { invite, set_up } from '../lib/person.mjs';
import { provider_of_workers, Worker } from '../lib/worker.mjs';
import { Suite } from '../lib/suite.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] }, bad: { models: ['bad-sim'] } }, { env: { AUXOT_KEEPALIVE: '300ms', AUXOT_LIVE_CLIENTS: '250' } });
const { server, gpt, bad } = here;
const boss = await set_up(server);
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
const chat = (model = 'gpt-sim', by = {}) => server.call(at.chat, ask.chat(model), by);
const clients = () => server.metric('auxot_live_clients');
let wait_ms = 0;
// One change of the configuration: an event, and a version that is in force.
const change = (on = here) => on.server.api('PATCH', `/api/providers/${on.gpt.id}`, { wait_ms: ++wait_ms % 3_000_000 });
const nobody_is_left = () => until(async () => (await clients()) === 0, 'every client was noticed to be gone');

async function watched(name, run) {
    test(name, async () => {
        const opened = [];
        try { await run(async (by = { key: server.admin }, on = server) => { const live = await Live.open(on, by); opened.push(live); return live; }); } finally {
            for (const live of opened) live.leave();
            await nobody_is_left();
        }
    });
}

// ---- what comes ------------------------------------------------------------------------------------

await watched('hello comes first: who one is, what is in force, and that nothing was resumed', async open => {
    const live = await open();
    const [hello] = live.seen;
    assert.equal(hello.name, 'hello');
    assert.equal(live.call.headers['content-type'], 'text/event-stream');
    const { role, resumed, now_ms, ping_ms } = hello.json.patch;
    assert.deepEqual({ role, resumed, ping_ms }, { role: 'admin', resumed: false, ping_ms: 300 });
    assert.ok(Math.abs(now_ms - Date.now()) < 60_000);
});

await watched('what happens comes as it happens: gauges, jobs, failed attempts, events, configurations', async open => {
    const live = await open();
    await bad.plays([{ when: {}, then: { status: 500 } }]).catch(() => {});
    const answer = await chat();
    await chat('bad-sim');
    await change();
    await live.when(it => ['gauge', 'job', 'attempt', 'event', 'config'].every(name => it.of(name).length > 0), 'an event of each kind');
    const row = await server.job(answer.job_id);
    await live.when(it => it.patches('job').some(job => job.id === answer.job_id), 'the job');
    const told = live.patches('job').find(job => job.id === answer.job_id);
    assert.deepEqual(told, row, 'the row that is told is the row that is read');
    const [attempt] = live.patches('attempt');
    assert.equal(attempt.provider, bad.id);
    assert.equal(attempt.http_status, 500);
    const { items: [event] } = await server.api('GET', '/api/events?limit=1');
    await live.when(it => it.patches('event').some(each => each.id === event.id), 'the event');
    const { is_whole, ...same } = live.patches('event').find(each => each.id === event.id);
    assert.deepEqual(same, event);
    assert.equal(is_whole, true);
    const done = live.patches('gauge').map(each => each.server?.done).filter(each => each !== undefined);
    assert.ok(done.length > 0 && live.patches('gauge').some(each => gpt.id in each.providers));
    await bad.plays([]);
});

await watched('a provider or a worker comes into another state: told at once, with the state before and why', async open => {
    const live = await open();
    await bad.patch({ paused: true });
    await bad.patch({ paused: false });
    await live.when(it => it.patches('provider').length >= 2, 'both states of the provider');
    const [paused, online] = live.of('provider').filter(({ json }) => json.id === bad.id).map(({ json }) => json.patch);
    assert.deepEqual([paused.was, paused.state, paused.reason, paused.name], ['online', 'paused', 'paused', 'bad']);
    assert.deepEqual([online.was, online.state], ['paused', 'online']);
    const rack = await provider_of_workers(server, 'gpu', 'Rack');
    const worker = await Worker.start(server, rack.key, { here, models: ['llama'] });
    await live.when(it => it.patches('worker').some(({ state }) => state === 'live'), 'the worker is there');
    const came = live.patches('worker')[0];
    assert.deepEqual([came.provider, came.state], [rack.id, 'live']);
    const begun = Date.now();
    worker.kill();
    await live.when(it => it.patches('worker').some(({ was, state }) => was === 'live' && state === 'away'), 'the worker is gone');
    await live.when(it => it.of('provider').some(({ json }) => json.id === rack.id && json.patch.state === 'offline' && json.patch.was === 'online'), 'and its provider is offline');
    assert.ok(Date.now() - begun < 2000 * Suite.patience);
    await server.api('DELETE', `/api/providers/${rack.id}`);
    await live.when(it => it.of('provider').some(({ json }) => json.id === rack.id && json.patch.state === 'gone'), 'the provider is gone');
});

await watched('a silent stream is pinged, and every ping says how far one is', async open => {
    const live = await open();
    await live.when(it => it.of('ping').length >= 2, 'two pings, as events: a browser tells nobody of comments');
    assert.ok(live.of('ping').every(event => event.id));
});

await watched('gauges come four times a second at most, job rows ten times, and the rows say how many jobs they leave out', async open => {
    const live = await open();
    const jobs = 120;
    for (let i = 0; i < jobs; i += 8) await Promise.all(Array.from({ length: 8 }, () => chat()));
    const told = () => live.of('job').length + live.of('job').concat(live.of('attempt')).reduce((sum, { json }) => sum + json.left_out, 0);
    await live.when(() => told() === jobs, 'every job, as a row or in a count');
    await pause(1100);
    assert.equal(told(), jobs, 'and none twice');
    const most_in_a_second = events => Math.max(...events.map(({ at }) => events.filter(other => other.at >= at && other.at < at + 900).length));
    assert.ok(most_in_a_second(live.of('job')) <= 10, 'rows');
    assert.ok(most_in_a_second(live.of('gauge')) <= 4, 'gauges');
});

// ---- once, whatever breaks -------------------------------------------------------------------------

// Every event on record behind `first`, oldest first.
async function ledger(first) {
    const all = [];
    for (let cursor = ''; ;) {
        const page = await server.api('GET', `/api/events?limit=200${cursor}`);
        for (const event of page.items) { if (event.id === first) return all.reverse(); all.push(event.id); }
        if (!page.next_cursor) throw new Error(`no event ${first}`);
        cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
}
const last_event = async () => (await server.api('GET', '/api/events?limit=1')).items[0].id;

await watched('cut at random places and resumed: every state change once and in order, as the record has them', async open => {
    const first = await last_event();
    const live = await open();
    const kept = []; // what a client that broke there would have
    let is_over = false;
    const writing = (async () => { for (let i = 0; i < 250; i++) { await change(); if (i % 10 === 0) await chat(); } is_over = true; })();
    let breaks = 0;
    const take = upto => { kept.push(...live.seen.slice(0, upto)); live.seen.length = 0; return kept.findLast(event => event.id)?.id; };
    while (!is_over) {
        await pause(Math.random() * 60);
        live.leave();
        const id = take(Math.max(kept.length ? 0 : 1, Math.floor(Math.random() * (live.seen.length + 1)))); // the rest never arrived
        await live.come_back(id);
        assert.equal(live.patches('hello').at(-1).resumed, true);
        breaks++;
    }
    await writing;
    const want = await ledger(first);
    const has_last = list => list.some(({ name, json }) => name === 'event' && json.id === want.at(-1));
    if (!has_last(kept)) await live.when(it => has_last(it.seen), 'the last event'); // it may have come before the last break
    await pause(300);
    take(live.seen.length);
    const names = name => kept.filter(event => event.name === name);
    assert.equal(names('reset').length, 0);
    assert.deepEqual(names('event').map(({ json }) => json.id), want, `after ${breaks} breaks`);
    const versions = names('config').map(({ json }) => json.patch.version);
    assert.deepEqual(versions, [...new Set(versions)].sort((a, b) => a - b), 'each version once, in order');
    assert.equal(versions.length, 250);
    const jobs = names('job').map(({ json }) => json.id);
    assert.equal(new Set(jobs).size, jobs.length, 'no row twice');
    assert.equal(jobs.length + [...names('job'), ...names('attempt')].reduce((sum, { json }) => sum + json.left_out, 0), 25);
    assert.ok(breaks >= 5, `only ${breaks} breaks`);
});

await watched('what cannot set headers resumes by a parameter', async open => {
    const live = await open();
    live.leave();
    await change();
    const again = await open({ key: server.admin, query: `?last_event_id=${live.last_id}` });
    assert.equal(again.patches('hello')[0].resumed, true);
    await again.when(it => it.of('config').length === 1, 'what was missed');
});

await watched('an id that is not ours, or of a life before: reset, and then what is new', async open => {
    for (const id of ['nonsense', '42', `${'0'.repeat(16)}-1-1`, 'x'.repeat(3000)]) {
        const live = await open({ key: server.admin, headers: { 'last-event-id': id } });
        await live.when(it => it.of('reset').length === 1, 'reset');
        assert.equal(live.patches('hello')[0].resumed, false);
        assert.deepEqual(live.patches('reset'), [{ reason: 'not_kept' }]);
        await change();
        await live.when(it => it.of('config').length === 1, 'what is new');
        live.leave();
    }
});

// ---- who sees what ---------------------------------------------------------------------------------

await watched('a member gets their own jobs, their teams\' providers and what is for all; nothing of others', async open => {
    const ann = await invite(boss, 'ann@example.com'), bob = await invite(boss, 'bob@example.com');
    const red = await server.api('POST', '/api/teams', { name: 'red' });
    await server.api('PUT', `/api/teams/${red.id}/members/${bob.id}`, {});
    const secret = await upstream(here, 'red-only', { models: ['red-sim'], provider: { teams: [red.id] } });
    const key_of = async user => (await server.api('POST', '/api/keys', { name: 'theirs', user, scopes: ['inference', 'read'] })).key;
    const [ann_key, bob_key] = [await key_of(ann.id), await key_of(bob.id)];
    const of_ann = await open({ headers: ann.headers('GET') }), of_bob = await open({ key: bob_key }), of_boss = await open();
    assert.equal(of_ann.patches('hello')[0].role, 'member');
    const anns = (await chat('gpt-sim', { key: ann_key })).job_id, bobs = (await chat('red-sim', { key: bob_key })).job_id;
    await change();
    await secret.patch({ paused: true });
    const has_job = (live, id) => live.patches('job').some(job => job.id === id);
    await of_boss.when(it => has_job(it, anns) && has_job(it, bobs), 'both jobs for the admin');
    await of_ann.when(it => has_job(it, anns) && it.of('config').length > 0 && it.patches('gauge').some(({ providers }) => gpt.id in providers), 'what is hers');
    await of_bob.when(it => has_job(it, bobs) && it.of('provider').some(({ json }) => json.id === secret.id && json.patch.state === 'paused') && it.patches('gauge').some(({ providers }) => secret.id in providers), 'what is his');
    await pause(600);
    for (const [live, foreign] of [[of_ann, [bobs, secret.id, 'red-only']], [of_bob, [anns]]]) {
        assert.equal(live.of('event').length, 0, 'events are the admins\'');
        assert.ok(live.patches('gauge').every(patch => !('server' in patch)), 'the server\'s figures too');
        for (const word of foreign) assert.ok(!live.seen.some(event => event.raw.includes(word)), `${word} is not theirs`);
    }
    const spare = await upstream(here, 'spare', { models: ['gpt-sim'] });
    await gpt.patch({ teams: [red.id] }); // passed over for her, which she is not told
    const { job_id } = await chat('gpt-sim', { key: ann_key });
    for (const [live, by] of [[of_ann, { headers: ann.headers('GET') }], [of_boss, { key: server.admin }]]) {
        await live.when(it => has_job(it, job_id), 'the job');
        await server.job(job_id);
        const rows = live.patches('job').filter(job => job.id === job_id);
        assert.deepEqual(rows, [(await call(`${server.url}/api/jobs/${job_id}`, by)).json], 'once, as they would read it');
        assert.equal(JSON.stringify(rows).includes(gpt.id), live === of_boss);
    }
    await gpt.patch({ teams: null });
    await spare.patch({ paused: true });
    await server.api('PUT', `/api/teams/${red.id}/members/${ann.id}`, {}); // from now on she sees it
    await of_ann.when(it => it.patches('gauge').some(({ providers }) => secret.id in providers), 'the team\'s provider');
    await server.api('DELETE', `/api/providers/${secret.id}`);
});

test('nobody without the right gets a stream', async () => {
    assert.equal((await call(`${server.url}/api/live`)).status, 401);
    assert.equal((await call(`${server.url}/api/live`, { key: 'auxk_nonsense' })).status, 401);
    const { key } = await server.api('POST', '/api/keys', { name: 'calls only', scopes: ['inference'] });
    assert.equal((await call(`${server.url}/api/live`, { key })).status, 403);
    assert.equal((await call(`${server.url}/api/live`, { key: server.admin, body: {} })).status, 405);
    assert.equal((await call(`${server.url}/api/live?nonsense=1`, { key: server.admin })).json.field, 'nonsense');
});

await watched('the control socket gets one too, as an owner', async open => {
    const live = await open({ socket: path.join(server.data, 'control') });
    assert.equal(live.patches('hello')[0].role, 'owner');
});

for (const [what, take_away, code] of [
    ['a key is revoked', async ({ key_id }) => server.api('DELETE', `/api/keys/${key_id}`), 'key_ended'],
    ['a session ends', async ({ who }) => who.api('DELETE', '/api/session'), 'session_ended'],
    ['a user is disabled', async ({ who }) => server.api('PATCH', `/api/users/${who.id}`, { disabled: true }), null],
    ['a role changes', async ({ who }) => boss.api('PATCH', `/api/users/${who.id}`, { role: 'member' }), null],
])
    await watched(`I10: ${what}: the stream is cut within a second`, async open => {
        const who = await invite(boss, `${code ?? what.split(' ')[1]}@example.com`, { role: 'admin' });
        const made = await server.api('POST', '/api/keys', { name: 'hers', user: who.id, role: 'admin', scopes: ['read'] });
        const by_key = await open({ key: made.key }), by_session = await open({ headers: who.headers('GET') });
        const begun = Date.now();
        await take_away({ who, key_id: made.id });
        const cut = what.includes('key') ? [by_key] : what.includes('session') ? [by_session] : [by_key, by_session];
        for (const live of cut) {
            await live.cut(1000);
            assert.ok(Date.now() - begun < 1000 * Suite.patience);
            const { code: said } = live.patches('notice').at(-1);
            assert.ok(code ? said === code : ['key_ended', 'session_ended', 'access_changed'].includes(said), said);
        }
        if (cut.length === 1) assert.equal([by_key, by_session].find(live => live !== cut[0]).ended, null, 'the other goes on');
    });

await watched('a key that moves to another team loses the stream of its old one within a second', async open => {
    const [pink, grey] = [await server.api('POST', '/api/teams', { name: 'pink' }), await server.api('POST', '/api/teams', { name: 'grey' })];
    const secret = await upstream(here, 'pink-only', { models: ['pink-sim'], provider: { teams: [pink.id] } });
    const made = await server.api('POST', '/api/keys', { name: 'of a team', team: pink.id, scopes: ['read'] });
    const live = await open({ key: made.key });
    await live.when(it => it.patches('gauge').some(({ providers }) => secret.id in providers), 'what its team sees');
    await server.api('PATCH', `/api/keys/${made.id}`, { team: grey.id });
    await live.cut(1000);
    assert.equal(live.patches('notice').at(-1).code, 'access_changed');
    await live.come_back();
    await secret.patch({ paused: true });
    await change();
    await live.when(it => it.of('config').length > 0, 'what is for all');
    assert.ok(!live.seen.some(event => event.from === live.call && event.raw.includes(secret.id)), 'nothing of its old team');
    await server.api('DELETE', `/api/providers/${secret.id}`);
});

// ---- slow, gone, many ------------------------------------------------------------------------------

// A client that reads nothing until it is told to.
function stuck(on, key, headers = []) {
    const socket = net.connect({ port: on.port, host: '127.0.0.1' });
    socket.pause();
    socket.on('error', () => {});
    socket.write(['GET /api/live HTTP/1.1', 'host: 127.0.0.1', `authorization: Bearer ${key}`, ...headers, '', ''].join('\r\n'));
    return socket;
}
function unchunked(bytes) {
    const pieces = [];
    for (let i = bytes.indexOf('\r\n\r\n') + 4; i < bytes.length;) {
        const end = bytes.indexOf('\r\n', i);
        if (end < 0) break;
        const len = parseInt(bytes.subarray(i, end).toString('latin1'), 16);
        pieces.push(bytes.subarray(end + 2, end + 2 + len));
        i = end + 2 + len + 2;
    }
    return Buffer.concat(pieces);
}
// Changes whose events are some 14 KB long.
async function long_changes(on, count) {
    const { id } = await on.api('POST', '/api/keys', { name: 'long' });
    const names = side => Array.from({ length: 60 }, (_, i) => `model-${side}-${i}-${'x'.repeat(80)}`);
    for (let i = 0; i < count; i++) await on.api('PATCH', `/api/keys/${id}`, { allowed_models: names(i % 2) });
    return id;
}

await watched('a slow reader holds nobody up: it gets every state change when it reads again, gauges are dropped, and nothing is kept for it alone', async open => {
    const first = await last_event();
    const socket = stuck(server, server.admin);
    await until(async () => (await clients()) === 1, 'the slow reader is in');
    const quick = await open();
    const rss = server.rss();
    const begun = Date.now();
    await long_changes(server, 400);
    await chat();
    const want = await ledger(first);
    await quick.when(it => it.patches('event').some(({ id }) => id === want.at(-1)), 'the quick one has all');
    const grown = server.rss() - rss, stalled_s = (Date.now() - begun) / 1000;
    let got = Buffer.alloc(0);
    const pieces = [];
    socket.on('data', bytes => pieces.push(bytes));
    socket.resume();
    let events = [];
    await until(() => { got = Buffer.concat(pieces); events = events_of(unchunked(got)); return events.some(({ json }) => json?.id === want.at(-1)); }, 'the slow one has all', 30_000);
    assert.deepEqual(events.filter(({ name }) => name === 'event').map(({ json }) => json.id), want);
    assert.equal(events.filter(({ name }) => name === 'reset').length, 0);
    const gauges = events.filter(({ name }) => name === 'gauge').length, all_gauges = quick.of('gauge').length;
    assert.ok(gauges < all_gauges, `${gauges} gauges for the slow one, ${all_gauges} for the quick one, in ${stalled_s} s`);
    assert.ok(grown < 40 << 20 || Suite.name === 'core', `${grown} bytes more`); // a sanitizer keeps what was freed
    socket.destroy();
});

test('one who is so slow that the frames are gone is told to begin anew; so is one who comes back too late, or after a restart', async () => {
    const other = { server: await Server.start({ env: { AUXOT_LIVE_FRAMES: '16' } }), upstreams: [] };
    other.server.admin = await other.server.key('admin', 'admin');
    other.gpt = await upstream(other, 'gpt', { models: ['gpt-sim'] });
    const socket = stuck(other.server, other.server.admin), pieces = [];
    await until(async () => (await other.server.metric('auxot_live_clients')) === 1, 'the slow reader is in');
    const live = await Live.open(other.server, { key: other.server.admin });
    const gone = await Live.open(other.server, { key: other.server.admin });
    gone.leave();
    await long_changes(other.server, 400);
    socket.on('data', bytes => pieces.push(bytes));
    socket.resume();
    let events;
    await until(() => { events = events_of(unchunked(Buffer.concat(pieces))); return events.some(({ name }) => name === 'reset'); }, 'reset');
    assert.equal(events.find(({ name }) => name === 'reset').json.patch.reason, 'too_slow');
    await change(other);
    await until(() => { events = events_of(unchunked(Buffer.concat(pieces))); return events.findLastIndex(({ name }) => name === 'config') > events.findIndex(({ name }) => name === 'reset'); }, 'what is new, behind it');
    assert.equal(live.of('reset').length, 0, 'who reads is never reset');
    await gone.come_back();
    await gone.when(it => it.patches('reset').some(({ reason }) => reason === 'not_kept'), 'reset for who was away too long');
    socket.destroy();

    await other.server.stop();
    await other.server.restart();
    assert.equal(live.ended === null, false);
    await live.come_back();
    await live.when(it => it.patches('reset').some(({ reason }) => reason === 'not_kept'), 'reset after a restart');
    await change(other);
    await live.when(it => it.seen.at(-1).name !== 'reset' && it.of('config').at(-1).from === it.call, 'what is new');
    live.leave();
    gone.leave();
    await other.server.stop();
    assert.equal(other.server.verdict(), null);
    await other.gpt.sim.stop();
});

await watched('readers that vanish are noticed and freed', async open => {
    const descriptors = server.descriptors();
    const all = await Promise.all(Array.from({ length: 40 }, () => open()));
    assert.equal(await clients(), 40);
    for (const [i, live] of all.entries()) {
        if (i % 2) live.call.request.socket.resetAndDestroy();
        live.leave();
    }
    await nobody_is_left();
    await until(() => server.descriptors() <= descriptors + 2, 'their sockets are closed');
});

test('a quarter of the places is kept for admins: no member shuts them out', async () => {
    const few = await Server.start({ env: { AUXOT_LIVE_CLIENTS: '4' } });
    few.admin = await few.key('admin', 'admin');
    const member = await few.key('member', 'member');
    const open = [];
    for (let i = 0; i < 3; i++) open.push(await Live.open(few, { key: member }));
    assert.equal((await call(`${few.url}/api/live`, { key: member })).status, 503);
    open.push(await Live.open(few, { key: few.admin }));
    for (const live of open) live.leave();
    await few.stop();
    assert.equal(few.verdict(), null);
});

test('a member has eight streams: the ninth is 429 with a sentence, others get theirs, and one that leaves makes room', async () => {
    const few = await Server.start();
    const [mia, ben, admin] = [await few.key('mia', 'member'), await few.key('ben', 'member'), await few.key('admin', 'admin')];
    few.admin = admin;
    const open = [], opens = async key => open.push(await Live.open(few, { key }));
    for (let i = 0; i < 8; i++) await opens(mia);
    const refused = await call(`${few.url}/api/live`, { key: mia });
    assert.deepEqual([refused.status, refused.json.code], [429, 'too_many_streams']);
    assert.match(refused.json.detail, /8 live streams/);
    assert.ok(refused.headers['retry-after']);
    await opens(ben);
    for (let i = 0; i < 9; i++) await opens(admin); // they are not counted
    open[0].leave();
    await until(async () => (await few.metric('auxot_live_clients')) === 17, 'its place is free');
    await opens(mia);
    assert.equal((await call(`${few.url}/api/live`, { key: mia })).status, 429);
    for (const live of open) live.leave();
    await few.stop();
    assert.equal(few.verdict(), null);
});

test('so many and no more: the next is told why, and has a place when one leaves', async () => {
    const few = await Server.start({ env: { AUXOT_LIVE_CLIENTS: '2' } });
    few.admin = await few.key('admin', 'admin');
    const [one, two] = [await Live.open(few, { key: few.admin }), await Live.open(few, { key: few.admin })];
    const refused = await call(`${few.url}/api/live`, { key: few.admin });
    assert.equal(refused.status, 503);
    assert.equal(refused.json.code, 'unavailable');
    assert.match(refused.json.detail, /live_clients/);
    assert.ok(refused.headers['retry-after']);
    one.leave();
    await until(async () => (await few.metric('auxot_live_clients')) === 1, 'a place is free');
    const three = await Live.open(few, { key: few.admin });
    two.leave();
    three.leave();
    await few.stop();
    assert.equal(few.verdict(), null);
});

await watched('two hundred clients get every state change once, and the server answers meanwhile', async open => {
    const all = await Promise.all(Array.from({ length: 200 }, () => open()));
    assert.equal(await clients(), 200);
    const first = await last_event();
    for (let i = 0; i < 10; i++) { await change(); await chat(); }
    const want = await ledger(first);
    for (const live of all) {
        await live.when(it => it.patches('event').some(({ id }) => id === want.at(-1)), 'the last event');
        assert.deepEqual(live.patches('event').map(({ id }) => id).filter(id => want.includes(id)), want);
    }
});

test('whoever watches is told when the server shuts down, and does not hold it up', async () => {
    const short = await Server.start();
    short.admin = await short.key('admin', 'admin');
    const live = await Live.open(short, { key: short.admin });
    const begun = Date.now();
    const { code } = await short.stop();
    assert.equal(code, 0);
    assert.ok(Date.now() - begun < 5000 * Suite.patience);
    await live.cut();
    assert.deepEqual(live.patches('notice').map(({ code: said }) => said), ['draining']);
    assert.equal(short.verdict(), null);
});

closing(here);
