// The list of jobs, by a browser at the real server: what a filter shows is what the API gives for it; the picture above, the job
// beside, the views, the file, the keys.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { invite } from '../lib/person.mjs';
import { until } from '../lib/process.mjs';
import { openai } from '../lib/server.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
let site, page, team, key;

// Done, failed over, failed, refused; by a person and by a key of a team; at two models; one slow, one with a price.
before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    await site.owner.api('PUT', '/api/prices', { model: 'gpt-mini', input_microusd_per_mtok: 1_000_000_000, output_microusd_per_mtok: 1_000_000_000 });
    team = await site.owner.api('POST', '/api/teams', { name: 'Engineering' });
    key = await site.owner.api('POST', '/api/keys', { name: 'ci', team: team.id });
    const fails = [{ then: { status: 503 } }];
    await site.job();
    await site.second.plays([{ then: { delay_ms: 30 } }]);
    await site.job('gpt-mini');
    await site.second.plays([]);
    await site.first.plays(fails);
    await site.job(); // fails over
    await site.job('no-such-model'); // is refused
    await site.second.plays([{ when: { model: 'gpt-mini' }, then: { status: 400 } }]);
    await site.job('gpt-mini'); // fails
    await site.second.plays([]);
    await site.first.plays([]);
    await site.owner.api('POST', '/api/routes', { name: 'smart', steps: [{ model: 'gpt-mini' }] });
    await site.job('smart'); // another model than was asked for
    await site.server.call(`${openai}/chat/completions`, { model: 'gpt-mini', messages: [{ role: 'user', content: 'hi' }] }, { key: key.key });
    page = await site.window();
});
after(() => site?.stop());

const table = on => on.getByRole('table', { name: 'Jobs' });
// Ids of the rows, by the links that they are.
const shown = async on => (await table(on).getByRole('link').evaluateAll(links => links.map(link => link.getAttribute('href')))).map(href => href.match(/job_\w+/)[0]);
const told = async query => (await site.owner.api('GET', `/api/jobs?${query}&limit=200`)).items.map(job => job.id);

// The page has the rows that the API gives, in their order.
async function shows(on, query) {
    const wanted = await told(query);
    assert.ok(wanted.length > 0, `${query} gives some`);
    let there;
    await until(async () => JSON.stringify(there = await shown(on)) === JSON.stringify(wanted), () => `the page shows the jobs of "${query}": ${wanted}, not ${there}`);
    return wanted;
}

async function pick(on, label, option) {
    await on.getByRole('combobox', { name: label, exact: true }).click();
    await on.getByRole('option', { name: option, exact: true }).click();
}
async function write(on, label, text) {
    await on.getByRole('textbox', { name: label, exact: true }).fill(text);
    await on.keyboard.press('Enter');
}

test('each preset shows what the API gives for it', options, async () => {
    await page.goto('/audit/jobs');
    const all = await shows(page, '');
    for (const [name, query] of [['Failures', 'status=failed'], ['Failovers', 'reason=failover'], ['Refused', 'status=refused'], ['Most expensive', 'order=cost'], ['Slowest', 'order=duration'], ['All', '']]) {
        await page.getByRole('button', { name, exact: true }).click();
        const ids = await shows(page, query);
        assert.equal(await page.getByRole('button', { name, exact: true }).getAttribute('aria-pressed'), 'true');
        assert.ok(name === 'All' ? ids.length === all.length : ids.length < all.length, name);
    }
    no_complaints(page);
});

test('each filter shows what the API gives for it, stands in the address, and goes by its own button', options, async () => {
    const [house, spare] = site.providers;
    const filters = [
        ['status', () => pick(page, 'Status', 'refused'), 'status=refused', 'refused'],
        ['answered by', () => pick(page, 'Answered by', 'Spare cloud'), `provider=${spare.id}`, 'Spare cloud'],
        ['model', () => write(page, 'Model', 'gpt-mini'), 'model=gpt-mini', 'gpt-mini'],
        ['reason', () => write(page, 'Reason', 'unknown_model'), 'reason=unknown_model', 'unknown_model'],
        ['team', () => pick(page, 'Team', 'Engineering'), `team=${team.id}`, 'Engineering'],
        ['user', () => pick(page, 'User', 'Olga Owner'), `user=${site.owner.id}`, 'Olga Owner'],
        ['key', () => pick(page, 'Key', 'ci'), `key=${key.id}`, 'ci'],
        ['failed at', () => pick(page, 'Failed at', 'House cloud'), `failed_provider=${house.id}`, 'House cloud'],
        ['cost from ($)', () => write(page, 'Cost from ($)', '0.001'), 'cost_from=1000', '0.001'],
        ['took from (s)', () => write(page, 'Took from (s)', '0.03'), 'duration_from=30', '30 ms'],
        ['failed over', () => page.getByRole('checkbox', { name: 'Failed over' }).check(), 'failed_over=true', 'Failed over'],
        ['other than asked', () => page.getByRole('checkbox', { name: 'Other than asked' }).check(), 'other_than_asked=true', 'Other than asked'],
        ['order', () => pick(page, 'Order', 'most expensive first'), 'order=cost', 'most expensive'],
    ];
    await page.goto('/audit/jobs');
    const all = await shows(page, '');
    await page.getByRole('button', { name: 'More filters' }).click();
    for (const [name, choose, query, word] of filters) {
        await choose();
        const ids = await shows(page, query);
        assert.ok(ids.length < all.length, `${name} leaves some out`);
        assert.equal(new URL(page.url()).search, `?${query}`, name);
        await page.getByText(word).first().waitFor();
        await page.getByRole('button', { name: `Without ${name}`, exact: true }).click();
        await shows(page, '');
        assert.equal(new URL(page.url()).search, '');
    }
    no_complaints(page);
});

test('two filters together are both in force; Clear filters ends them', options, async () => {
    await page.goto('/audit/jobs?status=done&model=gpt-mini');
    await shows(page, 'status=done&model=gpt-mini');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await shows(page, '');
    no_complaints(page);
});

test('a view is saved under a name, survives a reload, and can be removed; a link has its time fixed', options, async () => {
    await page.goto('/audit/jobs?reason=failover&last=24');
    await page.getByRole('button', { name: 'Save view' }).click();
    await page.getByLabel('Name of the view').fill('My failovers');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'My failovers', exact: true }).waitFor();
    await page.goto('/audit/jobs');
    await shows(page, '');
    await page.getByRole('button', { name: 'My failovers', exact: true }).click();
    await shows(page, 'reason=failover');
    assert.equal(new URL(page.url()).searchParams.get('last'), '24');
    await page.getByRole('button', { name: 'Share' }).click();
    const link = new URL(await page.getByLabel('Link to this list').inputValue());
    assert.equal(link.searchParams.get('reason'), 'failover');
    assert.match(link.searchParams.get('since'), /^\d{13}$/);
    assert.equal(link.searchParams.get('last'), null);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Remove the view My failovers' }).click();
    await page.reload();
    await shows(page, 'reason=failover');
    assert.equal(await page.getByRole('button', { name: 'My failovers', exact: true }).count(), 0);
    no_complaints(page);
});

test('what stands in the browser as views may be anything, and breaks nothing', options, async () => {
    for (const rubbish of ['{', '[1,null,{"name":"x"},{"name":"<img src=x onerror=alert(1)>","filter":{"status":7,"evil":"y"}}]']) {
        await page.evaluate(text => localStorage.setItem('auxot-job-views', text), rubbish);
        await page.goto('/audit/jobs');
        await shows(page, '');
        no_complaints(page);
    }
    await page.evaluate(() => localStorage.removeItem('auxot-job-views'));
});

// The times in the address, once they are there.
async function brushed() {
    await page.waitForURL('**since=*&until=*');
    const { searchParams } = new URL(page.url());
    return [Number(searchParams.get('since')), Number(searchParams.get('until'))];
}
const newest = async () => (await site.owner.api('GET', '/api/jobs?limit=1')).items[0].created_at_ms;

test('a part of the picture is chosen with the mouse, and is the time of the list', options, async () => {
    await page.goto('/audit/jobs');
    const picture = page.getByRole('region', { name: 'Jobs over time' }).getByRole('img');
    await page.getByRole('img', { name: /jobs by hour: .*failed/ }).waitFor();
    const { x, y, width } = await picture.boundingBox();
    await page.mouse.move(x + width * 0.7, y + 20);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.999, y + 20, { steps: 4 });
    await page.mouse.up();
    const [since, end] = await brushed(), at = await newest();
    assert.ok(since <= at && at < end, 'the newest job is in it');
    assert.ok(end - since < 12 * 3_600_000, 'and not the whole day');
    await shows(page, `since=${since}&until=${end}`);
    const now = await picture.boundingBox(); // the filter in force stands above it
    await page.mouse.click(now.x + now.width * 0.1, now.y + 20); // one bar, in which is nothing
    await page.getByText('No job matches').waitFor();
    no_complaints(page);
});

test('and with the keyboard', options, async () => {
    await page.goto('/audit/jobs');
    await page.getByRole('img', { name: /jobs by hour: .*failed/ }).waitFor();
    const from = page.getByRole('slider', { name: 'From' });
    await from.focus();
    const whole = Number(await from.getAttribute('aria-valuemax'));
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('PageUp');
    assert.equal(await from.getAttribute('aria-valuenow'), '13');
    assert.equal(new URL(page.url()).search, '', 'arrows alone filter nothing');
    await page.keyboard.press('Enter');
    const [since, end] = await brushed();
    assert.equal(end - since, (whole - 13) * 3_600_000);
    await shows(page, `since=${since}&until=${end}`);
    no_complaints(page);
});

test('the picture counts what the usage counts', options, async () => {
    const { totals } = await site.owner.api('GET', `/api/usage?bucket=hour&since=${Date.now() - 86_400_000}`);
    await page.goto('/audit/jobs');
    await page.getByRole('img', { name: `${totals.jobs} jobs by hour: ${totals.failed} failed, ${totals.refused} refused, ${totals.jobs - totals.failed - totals.refused} done.` }).waitFor();
    await page.goto('/audit/jobs?status=failed');
    await page.getByRole('img', { name: `${totals.failed} jobs by hour: ${totals.failed} failed.` }).waitFor();
    no_complaints(page);
});

const peeked = async () => new URL(page.url()).searchParams.get('peek');
const beside = () => page.getByRole('complementary', { name: 'Beside the list' });

test('a job is looked at beside the list, and [ and ] walk the filtered list', options, async () => {
    await page.goto('/audit/jobs?status=done');
    const ids = await shows(page, 'status=done');
    await page.getByRole('button', { name: 'Beside the list' }).first().click();
    for (const [press, at] of [[']', 1], [']', 2], ['[', 1], ['j', 2], ['k', 1], ['k', 0], ['[', 0]]) {
        await page.keyboard.press(press);
        await page.waitForURL(`**peek=${ids[at]}`);
        const job = await site.owner.api('GET', `/api/jobs/${ids[at]}`);
        await beside().getByText(job.answer_line).waitFor();
    }
    await page.reload(); // it is in the address
    await beside().waitFor();
    await page.keyboard.press('Escape');
    await beside().waitFor({ state: 'detached' });
    assert.equal(await peeked(), null);
    no_complaints(page);
});

test('the next and the one before are a key away on the job page too, in the list that one came from', options, async () => {
    await page.goto('/audit/jobs?status=done');
    const ids = await shows(page, 'status=done');
    await table(page).getByRole('link').nth(1).click();
    for (const [press, at] of [[']', 2], ['[', 1], ['[', 0]]) {
        await page.getByRole('link', { name: press === ']' ? 'Older' : 'Newer' }).waitFor();
        await page.keyboard.press(press);
        await page.waitForURL(url => url.pathname === `/audit/jobs/${ids[at]}`);
        await page.getByRole('textbox', { name: 'Id' }).waitFor();
        assert.equal(await page.getByRole('textbox', { name: 'Id' }).inputValue(), ids[at]);
    }
    await page.getByRole('link', { name: 'Older' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Newer' }).count(), 0, 'it is the newest');
    await page.getByRole('link', { name: 'Back to the list' }).click();
    await page.waitForURL('**/audit/jobs?status=done');
    no_complaints(page);
});

test('by keys alone: / filters, j and k go, Enter opens, Escape leaves; and none of it when Profile turned single keys off', options, async () => {
    await page.goto('/audit/jobs');
    const ids = await shows(page, '');
    await page.keyboard.press('/');
    await page.keyboard.type('gpt-mini');
    await page.keyboard.press('Enter');
    await page.waitForURL('**model=gpt-mini');
    const minis = await shows(page, 'model=gpt-mini');
    await page.evaluate(() => document.activeElement.blur());
    for (const press of ['j', 'j', 'k']) await page.keyboard.press(press);
    await page.waitForFunction(id => document.activeElement.getAttribute('href')?.includes(id), minis[0]); // the focus goes along
    await page.keyboard.press('j');
    await page.waitForFunction(id => document.activeElement.getAttribute('href')?.includes(id), minis[1]);
    await page.keyboard.press('Enter');
    await page.waitForURL(url => url.pathname === `/audit/jobs/${minis[1]}`);
    await page.evaluate(() => localStorage.setItem('auxot-single-keys-off', '1'));
    await page.goto('/audit/jobs');
    await shows(page, '');
    for (const press of ['j', ']', '/']) await page.keyboard.press(press);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'BODY');
    assert.equal(await peeked(), null);
    await page.evaluate(() => localStorage.removeItem('auxot-single-keys-off'));
    assert.ok(ids.length > minis.length);
    no_complaints(page);
});

test('new jobs wait behind a button while somebody reads, and come in by themselves at the top', options, async () => {
    const own = await site.window(site.owner, { height: 500 });
    await own.goto('/audit/jobs');
    const ids = await shows(own, '');
    await own.keyboard.press('j'); // reads the first row
    const top = () => table(own).getByRole('row').nth(1).boundingBox();
    await own.waitForFunction(id => document.activeElement.getAttribute('href')?.includes(id), ids[0]);
    const { y } = await top();
    await site.job();
    await own.getByRole('button', { name: '+1 new' }).waitFor();
    assert.deepEqual(await shown(own), ids, 'the list stays');
    assert.equal((await top()).y, y, 'where it is');
    await own.getByRole('button', { name: '+1 new' }).click();
    assert.equal((await shows(own, '')).length, ids.length + 1);
    await site.job(); // nobody reads now
    assert.equal((await shows(own, '')).length, ids.length + 2);
    assert.equal(await own.getByRole('button', { name: /new$/ }).count(), 0);
    no_complaints(own);
    await own.context().close();
});

async function file_of(on, button) {
    const [download] = await Promise.all([on.waitForEvent('download'), on.getByRole('button', { name: button, exact: true }).click()]);
    return readFileSync(await download.path(), 'utf8');
}

test('a file has exactly the jobs of the filter, over all pages of the server', options, async () => {
    await page.goto('/audit/jobs?status=done');
    const ids = await shows(page, 'status=done');
    const asked = [];
    await page.route('**/api/jobs?*limit=5000*', route => { // pages of two
        const url = route.request().url().replace('limit=5000', 'limit=2');
        asked.push(url);
        return route.continue({ url });
    });
    const csv = (await file_of(page, 'CSV')).trim().split('\r\n');
    assert.equal(csv.length, ids.length + 1, 'one heading');
    assert.deepEqual(csv.slice(1).map(line => line.match(/job_\w+/)[0]), ids);
    assert.ok(asked.length >= ids.length / 2, 'it took pages');
    const lines = (await file_of(page, 'JSON lines')).trim().split('\n').map(JSON.parse);
    assert.deepEqual(lines.map(job => job.id), ids);
    await page.getByRole('status').filter({ hasText: `${ids.length} jobs, all that match` }).waitFor();
    await page.unroute('**/api/jobs?*limit=5000*');
    no_complaints(page);
});

test('old rows stay, dimmed, until those of a filter are there', options, async () => {
    await page.goto('/audit/jobs');
    const ids = await shows(page, '');
    let release;
    const held = new Promise(done => { release = done; });
    await page.route('**/api/jobs?status=refused*', async route => { await held; await route.continue(); });
    await page.getByRole('button', { name: 'Refused', exact: true }).click();
    await page.getByRole('table', { name: 'Jobs' }).and(page.locator('[aria-busy=true]')).waitFor();
    assert.deepEqual(await shown(page), ids);
    release();
    await shows(page, 'status=refused');
    await page.unroute('**/api/jobs?status=refused*');
    no_complaints(page);
});

test('events and jobs lead to one another by their time', options, async () => {
    await page.goto('/audit/events?action=route');
    await page.getByRole('link', { name: 'jobs around it' }).first().click();
    await page.waitForURL('**/audit/jobs?since=*until=*');
    await table(page).waitFor();
    await page.getByRole('link', { name: 'Events of this time' }).click();
    await page.waitForURL('**/audit/events?since=*until=*');
    await page.getByRole('cell', { name: 'route.created', exact: true }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await page.getByRole('link', { name: 'Jobs of this time' }).click();
    await page.waitForURL('**/audit/jobs?since=*until=*');
    no_complaints(page);
});

test('members see their own jobs alone, are told so, and how to send the first one', options, async () => {
    const guest = await invite(site.owner, 'guest@example.com'), own = await site.window(guest);
    await own.goto('/audit/jobs');
    await own.getByText('No jobs yet').waitFor();
    await own.getByText('Your own jobs; admins see everybody’s.').waitFor();
    await own.getByText(/^curl http/).waitFor();
    assert.deepEqual(await axe_findings(own), []);
    no_complaints(own);
    await own.context().close();
});

const denied = { code: 'forbidden', title: 'Not allowed', detail: 'Your key may not read jobs.', fix: 'An admin can give it the scope read.', field: null, request_id: 'req_1' };

for (const dark of [false, true])
    test(`axe finds nothing when there is no match, an error, a peek, filters open, a narrow screen, ${dark ? 'dark' : 'light'}`, options, async () => {
        const own = await site.window(site.owner, { dark }), [id] = await told('');
        await own.goto('/audit/jobs?model=nobody-has-this');
        await own.getByText('No job matches').waitFor();
        assert.deepEqual(await axe_findings(own), [], 'no match');
        await own.getByRole('button', { name: 'More filters' }).click();
        await own.getByRole('textbox', { name: 'Reason', exact: true }).waitFor();
        assert.deepEqual(await axe_findings(own), [], 'filters');
        await own.goto(`/audit/jobs?peek=${id}`);
        await own.getByRole('complementary', { name: 'Beside the list' }).getByRole('link', { name: 'Open the job' }).waitFor();
        assert.deepEqual(await axe_findings(own), [], 'peek');
        await own.setViewportSize({ width: 360, height: 740 });
        assert.deepEqual(await axe_findings(own), [], 'peek on a small screen');
        assert.ok(await own.evaluate('document.documentElement.scrollWidth <= 360'), 'it does not scroll sideways');
        await own.getByRole('button', { name: 'Close' }).click();
        await own.setViewportSize({ width: 1280, height: 800 });
        await own.route('**/api/jobs?*', route => route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify(denied) }));
        await own.goto('/audit/jobs?live=off');
        await own.getByRole('alert').filter({ hasText: denied.fix }).waitFor();
        assert.deepEqual(await axe_findings(own), [], 'not allowed');
        no_complaints(own);
        await own.context().close();
    });
