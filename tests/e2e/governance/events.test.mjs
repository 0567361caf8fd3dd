// Events: what was changed by hand, beside the server, is named; what was not is found as it was written.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { call } from '../lib/http.mjs';
import { closing, scene } from '../lib/scene.mjs';
import { auxot, empty_dir } from '../lib/server.mjs';

const here = await scene({ gpt: { models: ['gpt-sim'] } });
const { server } = here;
const verify = (data, ...more) => auxot(['verify', '--data-dir', data, ...more]);
const head_of = answer => answer.stdout.match(/^head (\d+:[0-9a-f]{64})$/m)[1];

test('every administrative act is a link; `auxot verify` and GET /api/events/verify follow them, with a server and without', async () => {
    for (let i = 0; i < 5; i++) await server.api('POST', '/api/routes', { name: `route-${i}`, steps: [{ model: 'gpt-sim' }] });
    const seen = await server.api('GET', '/api/events/verify');
    assert.equal(seen.unbroken, true);
    assert.ok(seen.events >= 6, JSON.stringify(seen));
    const told = await verify(server.data);
    assert.equal(told.code, 0, told.stderr);
    assert.equal(head_of(told), seen.head);
    await server.api('POST', '/api/routes', { name: 'one-more', steps: [{ model: 'gpt-sim' }] });
    assert.equal((await server.api('GET', `/api/events/verify?head=${seen.head}`)).unbroken, true, 'an older head is still in its place');
    const other = `${seen.head.split(':')[0]}:${'0'.repeat(64)}`;
    const replaced = await server.api('GET', `/api/events/verify?head=${other}`);
    assert.deepEqual([replaced.unbroken, replaced.bad_seq], [false, seen.events]);
    assert.equal((await verify(server.data, '--head', 'nonsense')).code, 2);
});

test('events go into files, page by page, as they stand in the list', async () => {
    const list = [], lines = [];
    for (let cursor = ''; ;) {
        const page = await server.api('GET', `/api/events?limit=200${cursor}`);
        list.push(...page.items);
        if (!page.next_cursor) break;
        cursor = `&cursor=${page.next_cursor}`;
    }
    for (let cursor = '', count = 0; ; count++) {
        const page = await call(`${server.url}/api/events?format=jsonl&limit=3${cursor}`, { key: server.admin });
        assert.equal(page.headers['content-disposition'], 'attachment; filename="auxot-events.jsonl"');
        lines.push(...page.text.split('\n').filter(Boolean).map(line => JSON.parse(line)));
        if (!page.headers['x-next-cursor']) { assert.ok(count >= 2, 'in several pages'); break; }
        cursor = `&cursor=${page.headers['x-next-cursor']}`;
    }
    assert.deepEqual(lines, list);
    const { text } = await call(`${server.url}/api/events?format=csv`, { key: server.admin });
    const rows = text.split('\r\n').filter(Boolean);
    assert.equal(rows[0], 'id,at_ms,actor,action,subject,before,after');
    assert.deepEqual(rows.slice(1).map(row => row.split(',').slice(0, 5)), list.map(event => [event.id, `${event.at_ms}`, event.actor, event.action, event.subject]));
});

test('events are found by actor, by action or its first word, by subject and by time', async () => {
    const all = (await server.api('GET', '/api/events')).items;
    const by = async query => (await server.api('GET', `/api/events?${query}`)).items;
    const routes = await by('action=route');
    assert.ok(routes.length >= 6 && routes.every(event => event.action === 'route.created'));
    assert.deepEqual(await by('action=route.created'), routes);
    assert.deepEqual(await by('action=rout'), [], 'a word is a word');
    assert.deepEqual((await by(`subject=${routes[0].subject}`)).map(event => event.id), [routes[0].id]);
    assert.deepEqual(await by(`actor=${routes[0].actor}`), all.filter(event => event.actor === routes[0].actor));
    assert.deepEqual(await by(`since=${routes[0].at_ms}&action=route`), routes.filter(event => event.at_ms >= routes[0].at_ms));
    assert.deepEqual(await by(`actor=${encodeURIComponent("' OR 1=1 --")}`), []);
});

test('unknown callers are no jobs, but an event says how many there were: one, however many come', async () => {
    const found = async () => (await server.api('GET', '/api/events?action=caller.unknown')).items;
    for (let i = 0; i < 50; i++) await server.call('/api/openai/v1/chat/completions', { model: 'gpt-sim', messages: [] }, { key: `auxk_${'x'.repeat(49)}` });
    const until = Date.now() + 20_000;
    while (!(await found()).length && Date.now() < until) await new Promise(wake => setTimeout(wake, 100));
    const [event, ...more] = await found();
    assert.deepEqual(more, []);
    assert.ok(event.after.requests >= 1 && event.after.requests <= 50, JSON.stringify(event));
    assert.equal(event.before, null);
});

test('T25: a row that was edited, deleted or moved by hand is named, by a server and without one', async () => {
    const data = empty_dir();
    for (const name of ['a', 'b', 'c', 'd']) assert.equal((await auxot(['keys', 'create', '--data-dir', data, '--name', name])).code, 0);
    assert.equal((await verify(data)).code, 0);
    const file = path.join(data, 'store.db');
    const whole = fs.readFileSync(file);
    for (const [sql, bad] of [
        ["UPDATE event SET actor = 'somebody' WHERE seq = 2", 2], ['DELETE FROM event WHERE seq = 3', 3],
        ['UPDATE event SET seq = 9 WHERE seq = 1; UPDATE event SET seq = 1 WHERE seq = 2; UPDATE event SET seq = 2 WHERE seq = 9', 1],
        ['DELETE FROM event WHERE seq = 4', 4],
    ]) {
        const db = new DatabaseSync(file);
        assert.throws(() => db.exec(sql), /never (changed|deleted)/, 'other programs are stopped at first');
        db.exec(`DROP TRIGGER event_stays; DROP TRIGGER event_remains; ${sql}`);
        db.close();
        const told = await verify(data);
        assert.equal(told.code, 1, sql);
        assert.match(told.stderr, new RegExp(`event ${bad}\\b`), told.stderr);
        fs.writeFileSync(file, whole);
    }
    assert.equal((await verify(data)).code, 0, 'as it was');
});

closing(here);
