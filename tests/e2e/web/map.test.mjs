// The live map: it shows what the record, the usage and the upstreams say; it follows what happens without a reload and without
// asking again; and any moment of before, as it was then.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { invite, set_up } from '../lib/person.mjs';
import { until } from '../lib/process.mjs';
import { openai, Server } from '../lib/server.mjs';
import { Site } from '../lib/site.mjs';
import { team } from '../lib/teams.mjs';
import { provider_of_workers, Worker } from '../lib/worker.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const STEPS = 60, MINUTE_MS = 60_000;
let site, server, house, spare, rack, worker, ours, alive;

const ask = (model, key) => server.call(`${openai}/chat/completions`, { model, messages: [{ role: 'user', content: 'hi' }] }, { key });
const node = (page, id) => page.locator(`[data-node="${id}"]`);
const edge = (page, from, to) => page.locator(`[data-edge="${from} ${to}"]`);

before(async () => {
    if (!chromium_path) return;
    site = await Site.start({ env: { AUXOT_HEARTBEAT_INTERVAL: '1s', AUXOT_DEAD_WORKER_TIMEOUT: '3s', AUXOT_KEEPALIVE: '1s' } });
    ({ server, providers: [house, spare] } = site);
    server.admin = await server.key('admin');
    ours = await team(server, {}, 'Engineering');
    rack = await provider_of_workers(server, 'gpu', 'Rack', { teams: [ours.id] });
    worker = await Worker.start(server, rack.key, { models: ['llama'], name: 'rack-1' });
    await worker.parked();
    await site.first.plays([{ then: { status: 503 } }]);
    await site.job(); // goes on from one cloud to the other
    for (const [model, key] of [['auto', ours.key], ['llama', ours.key], ['no-such-model', server.admin]]) await ask(model, key);
    await until(async () => (await site.owner.api('GET', '/api/jobs')).items.filter(job => job.status !== 'open').length === 4, 'the jobs are on record');
    alive = Date.now();
    await until(() => Date.now() > alive, 'the clock goes on');
});
after(() => site?.stop());

// The moment in the address; null: there is none.
function t_of(page) {
    const t = new URL(page.url()).searchParams.get('t');
    return t && (/^\d+$/.test(t) ? Number(t) : Date.parse(t));
}

// From each job on record, what went from where to where: requests, and those that went on elsewhere.
async function recorded() {
    const { items } = await site.owner.api('GET', '/api/jobs?limit=200'), sums = new Map();
    const add = (from, to, moved_on) => {
        const [requests, moved] = sums.get(`${from} → ${to}`) ?? [0, 0];
        sums.set(`${from} → ${to}`, [requests + 1, moved + moved_on]);
    };
    const tiers = { gpu: 'GPU', cli: 'CLI', cloud: 'Cloud' };
    for (const job of items) {
        const how = job.requested_model === 'auto' ? 'Auto' : 'By name';
        add(job.team_name ?? 'no team', how, 0);
        if (job.attempts.length === 0) add(how, 'nobody was asked', 0);
        for (const [at, one] of job.attempts.entries()) {
            const moved_on = at + 1 < job.attempts.length ? 1 : 0;
            add(how, tiers[one.tier], moved_on);
            add(tiers[one.tier], one.provider.name, moved_on);
            add(one.provider.name, one.worker ? 'rack-1' : one.model, moved_on);
        }
    }
    return Object.fromEntries([...sums].sort());
}

// The same from the table on the page.
async function shown(page) {
    const rows = await page.getByRole('table', { name: 'What went where' }).getByRole('row').all();
    const cells = await Promise.all(rows.slice(1).map(row => row.getByRole('cell').allTextContents()));
    return Object.fromEntries(cells.map(([from, to, requests, , moved_on]) => [`${from} → ${to}`, [Number(requests), Number(moved_on)]]).sort());
}

test('what the map shows is what the record, the usage and the upstreams say', options, async () => {
    const page = await site.window();
    await page.goto('/routing?view=table');
    await page.getByRole('table', { name: 'What went where' }).waitFor();
    const expected = await recorded();
    assert.deepEqual(await shown(page), expected);
    const [from, to] = ['By name → Cloud', 'Cloud → House cloud'].map(name => expected[name][1]);
    assert.deepEqual([from, to], [1, 1], 'one went on elsewhere');
    const usage = await site.owner.api('GET', '/api/usage?group_by=provider');
    const callers = Object.entries(expected).filter(([name]) => /→ (Auto|By name)$/.test(name)).reduce((sum, [, [requests]]) => sum + requests, 0);
    assert.equal(callers, usage.totals.jobs);
    assert.equal(expected['Cloud → House cloud'][0], (await site.first.log()).length);
    assert.equal(expected['Cloud → Spare cloud'][0], (await site.second.log()).length);
    assert.equal(expected['GPU → Rack'][0], worker.jobs.length);
    const flows = await site.owner.api('GET', '/api/routing/flows');
    assert.deepEqual([flows.jobs, flows.is_whole], [usage.totals.jobs, true]);
    no_complaints(page);
    await page.context().close();
});

test('an edge is dashed where requests went on elsewhere, and wider where more went; states are words', options, async () => {
    const page = await site.window();
    await page.goto('/routing');
    const failing = edge(page, 'tier:cloud', `provider:${house.id}`);
    await failing.waitFor({ state: 'attached' });
    assert.ok(await failing.getAttribute('stroke-dasharray'), 'dashed');
    assert.equal(await edge(page, 'tier:gpu', `provider:${rack.id}`).getAttribute('stroke-dasharray'), null);
    const width = async (from, to) => Number(await edge(page, from, to).getAttribute('stroke-width'));
    assert.ok(await width('asked:name', 'tier:cloud') > await width('asked:name', 'tier:gpu'), 'two are wider than one');
    for (const [id, word] of [[`provider:${rack.id}`, 'online'], [`worker:${worker.id}`, 'live']]) await node(page, id).filter({ hasText: word }).waitFor();
    await page.context().close();
});

test('a job that ends shows on the edges, and nobody asks again for it', options, async () => {
    const page = await site.window();
    let asked = 0;
    page.on('request', request => { asked += request.url().includes('/api/routing/flows') ? 1 : 0; });
    await page.goto('/routing?view=table');
    await until(async () => await server.metric('auxot_live_clients') > 0, 'the stream is open');
    const one_more = async () => {
        await ask('llama', ours.key);
        await until(async () => JSON.stringify(await shown(page)) === JSON.stringify(await recorded()), 'the page has counted it', 20_000);
    };
    await one_more(); // whatever is asked at the beginning has been
    const before_it = asked;
    assert.ok(before_it > 0);
    await one_more();
    assert.equal(asked, before_it);
    no_complaints(page);
    await page.context().close();
});

test('a member sees what the own requests did, and neither other teams nor their providers', options, async () => {
    const guest = await invite(site.owner, 'guest@example.com');
    const page = await site.window(guest);
    for (const address of ['/routing', `/routing?t=${alive}`]) {
        await page.goto(address);
        await page.locator('main').getByRole('link', { name: /^House cloud/ }).waitFor();
        const text = await page.locator('main').textContent();
        for (const word of ['Engineering', 'Rack', 'rack-1', 'Olga', ours.id]) assert.ok(!text.includes(word), `${address} shows ${word}`);
    }
    no_complaints(page);
    await page.context().close();
});

const active = page => page.evaluate(() => {
    const at = document.activeElement;
    return (at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent).trim();
});
async function tab_to(page, name) {
    for (let step = 0; step < STEPS; step++) {
        await page.keyboard.press('Tab');
        if (name.test(await active(page))) return;
    }
    assert.fail(`no ${name} within ${STEPS} tabs`);
}

test('by keyboard alone the slider goes back in time, and a node is opened', options, async () => {
    const page = await site.window();
    await page.goto('/routing');
    await node(page, `provider:${house.id}`).waitFor();
    await tab_to(page, /^Moment$/);
    for (let minute = 0; minute < 9; minute++) await page.keyboard.press('ArrowLeft');
    await page.getByText('What was then is not known').waitFor(); // the server is younger than that
    assert.ok(t_of(page) < Date.now() - 2 * MINUTE_MS, page.url()); // not each of nine quick presses is a step
    await page.keyboard.press('End');
    await page.getByText('As it is now.').waitFor();
    assert.equal(t_of(page), null);
    await page.evaluate(() => document.activeElement.blur());
    await page.goto('/routing');
    await node(page, `provider:${house.id}`).waitFor();
    await tab_to(page, /^House cloud/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'House cloud' }).waitFor();
    no_complaints(page);
    await page.context().close();
});

test('a worker is killed: the picture says so without a reload; before, it is shown as it was, and what differs is marked', options, async () => {
    const page = await site.window();
    await page.goto('/routing');
    const drawn = node(page, `provider:${rack.id}`);
    await drawn.filter({ hasText: 'online' }).waitFor();
    await page.evaluate('window.is_same = true');
    worker.kill();
    await drawn.filter({ hasText: 'offline' }).waitFor();
    assert.equal(await page.evaluate('window.is_same'), true);
    await page.getByRole('cell', { name: /Rack went from online to offline/ }).waitFor();
    const { config } = await site.owner.api('GET', `/api/routing/at?t=${alive}`);
    await page.goto(`/routing?t=${alive}`);
    await drawn.filter({ hasText: 'online' }).waitFor();
    await page.getByText('As it was at').waitFor();
    await page.getByText(new RegExp(`^Configuration ${config.version}, since`)).waitFor();
    assert.ok(await edge(page, 'tier:gpu', `provider:${rack.id}`).count(), 'its flows are there');
    await page.getByRole('switch', { name: 'Compare with now' }).click();
    await drawn.filter({ hasText: 'now offline' }).waitFor();
    assert.equal(await node(page, `provider:${spare.id}`).getByText('now').count(), 0, 'what is the same is not marked');
    assert.deepEqual(await axe_findings(page), []);
    await page.getByRole('button', { name: 'Back to now' }).click();
    await drawn.filter({ hasText: 'offline' }).waitFor();
    no_complaints(page);
    await page.context().close();
});

test('changes are walked one by one, and a change shows done', options, async () => {
    const page = await site.window();
    await site.owner.api('PATCH', `/api/providers/${spare.id}`, { paused: true });
    await page.goto('/routing');
    const drawn = node(page, `provider:${spare.id}`);
    await drawn.filter({ hasText: 'paused' }).waitFor();
    await site.owner.api('PATCH', `/api/providers/${spare.id}`, { paused: false });
    await drawn.filter({ hasText: 'online' }).waitFor();
    const { items: [back, pause] } = await site.owner.api('GET', `/api/transitions?provider=${spare.id}&kind=provider`);
    assert.deepEqual([pause.to, back.to], ['paused', 'online']);
    await page.goto(`/routing?t=${back.at_ms}`);
    await drawn.filter({ hasText: 'online' }).waitFor();
    await page.getByRole('cell', { name: /Spare cloud went from online to paused/ }).first().waitFor();
    for (let step = 0; step < 4 && t_of(page) !== pause.at_ms; step++) { // changes of the configuration lie between
        const address = page.url();
        await page.getByRole('button', { name: 'Change before' }).click();
        await page.waitForURL(url => String(url) !== address);
    }
    await drawn.filter({ hasText: 'paused' }).waitFor();
    assert.equal(t_of(page), pause.at_ms);
    await page.context().close();
});

for (const [reducedMotion, minutes] of [['reduce', 3], ['no-preference', 1]])
    test(`play goes on at sixty times, by steps of ${minutes} min (${reducedMotion})`, options, async () => {
        const page = await site.window(site.owner, { reducedMotion }), begin = Date.now() - 30 * MINUTE_MS;
        await page.goto(`/routing?t=${begin}`);
        await page.getByRole('button', { name: 'Play at 60×' }).click();
        await page.waitForURL(() => t_of(page) === begin + minutes * MINUTE_MS);
        await page.getByRole('button', { name: 'Stop' }).click();
        await page.getByRole('button', { name: 'Play at 60×' }).waitFor();
        await page.context().close();
    });

test('axe finds nothing on the map, its table and a moment that is not known, in both colours', options, async () => {
    for (const dark of [false, true]) {
        const page = await site.window(site.owner, { dark });
        for (const address of ['/routing', `/routing?t=${alive}&compare=1&view=table`, `/routing?t=${alive - 60 * MINUTE_MS}`]) {
            await page.goto(address);
            await page.getByRole('img', { name: /^24 hours: .*incident/ }).waitFor();
            await page.getByText(/Nothing was there then|Requests that came since/).first().waitFor();
            assert.deepEqual(await axe_findings(page), [], `${address} ${dark ? 'dark' : 'light'}`);
        }
        no_complaints(page);
        await page.context().close();
    }
});

test('at 360 pixels it is the table, and nothing scrolls sideways', options, async () => {
    const page = await site.window(site.owner, { width: 360, height: 740 });
    for (const address of ['/routing', `/routing?t=${alive}&compare=1`]) {
        await page.goto(address);
        await page.getByRole('table', { name: 'What went where' }).waitFor();
        await page.getByRole('table', { name: 'Changes' }).waitFor();
        assert.ok(await page.evaluate('document.documentElement.scrollWidth <= 360'), `${address} is wider than the screen`);
        assert.deepEqual(await axe_findings(page), [], address);
    }
    await page.context().close();
});

test('without a provider a sentence leads to the first; an error is the server\'s sentence', options, async () => {
    const fresh = await Server.start();
    try {
        const owner = await set_up(fresh), page = await site.browser.window(fresh);
        await page.context().addCookies(Object.entries(owner.jar).map(([name, value]) => ({ name, value, url: fresh.url })));
        await page.goto('/routing');
        await page.getByText('Nothing to draw yet').waitFor();
        assert.deepEqual(await axe_findings(page), []);
        await page.getByRole('link', { name: 'a provider' }).click();
        await page.getByRole('heading', { level: 1, name: 'Providers' }).waitFor();
        await page.goto('/routing?t=9');
        await page.route('**/api/routing/flows*', route => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ code: 'x', title: 'x', detail: 'The disk is full.' }) }));
        await page.goto('/routing?t=9');
        await page.getByRole('alert').filter({ hasText: 'The disk is full.' }).waitFor();
        await page.context().close();
    } finally { await fresh.stop(); }
});

test('while the stream is lost nothing is shown as green', options, async () => {
    const page = await site.window();
    await page.goto('/routing');
    await node(page, `provider:${house.id}`).filter({ hasText: 'online' }).waitFor();
    server.child.kill('SIGKILL');
    await node(page, `provider:${house.id}`).filter({ hasText: 'stale' }).waitFor();
    assert.equal(await page.locator('[data-node]').getByText(/^(online|live)$/).count(), 0);
    await page.getByText('Live updates are lost').waitFor();
    await page.context().close();
});
