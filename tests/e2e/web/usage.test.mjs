// Usage: its figures are the sum of the jobs' rows, each sum leads to the jobs that add up to it, what has no price is never $0,
// and members see their own alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { openai } from '../lib/server.mjs';
import { invite } from '../lib/person.mjs';
import { until } from '../lib/process.mjs';
import { Sim } from '../lib/sim.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const priced = 'gpt-5.4-mini', unpriced = 'gpt-sim';
let site, member, lead, team, rack;

async function send(who, model) {
    const answer = await who.call('POST', `${openai}/chat/completions`, { model, messages: [{ role: 'user', content: 'hi' }] });
    const id = answer.headers['x-auxot-job'];
    await until(async () => { const read = await site.owner.call('GET', `/api/jobs/${id}`); return read.status === 200 && read.json.status !== 'open'; }, 'the job is on record');
    return answer.status;
}

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    rack = await Sim.start({ dialect: 'llama', models: ['llama-sim'] });
    await site.first.plays([{ when: { model: priced }, then: { usage: { input_tokens: 1000, output_tokens: 50 } } }], [priced, unpriced]);
    await site.owner.api('POST', `/api/providers/${site.providers[0].id}/refresh`);
    await site.owner.api('PATCH', `/api/providers/${site.providers[0].id}`, { surfaced_models: [priced, unpriced] });
    await site.owner.api('POST', '/api/providers', { type: 'gpu', name: 'Rack', base_url: rack.url });
    team = await site.owner.api('POST', '/api/teams', { name: 'Research', policy: { budget_microusd_per_month: 40_000_000 } });
    [member, lead] = [await invite(site.owner, 'mia@example.com', { team: team.id }), await invite(site.owner, 'leo@example.com', { team: team.id })];
    await site.owner.api('PUT', `/api/teams/${team.id}/members/${lead.id}`, { role: 'lead' });
    for (const [who, model] of [[site.owner, priced], [site.owner, priced], [site.owner, unpriced], [member, priced], [site.owner, 'llama-sim'], [site.owner, 'nobody-has-this'], [lead, priced]]) await send(who, model);
});
after(async () => { await rack?.stop(); await site?.stop(); });

const add = jobs => jobs.reduce((sum, job) => ({ jobs: sum.jobs + 1, tokens: sum.tokens + (job.input_tokens ?? 0) + (job.output_tokens ?? 0), cost: sum.cost + (job.cost_microusd ?? 0) }), { jobs: 0, tokens: 0, cost: 0 });
const money = microusd => { const dollars = microusd / 1e6; return `$${dollars.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: dollars === 0 ? 2 : dollars < 0.01 ? 6 : dollars < 1 ? 4 : 2 })}`; };
const jobs_of = async (person, address) => (await person.api('GET', `/api/jobs?limit=200&${new URL(address, site.server.url).searchParams}`)).items.filter(job => job.status !== 'open');
const open = async (person, address, look) => {
    const page = await site.window(person, look);
    await page.goto(address);
    await page.getByRole('heading', { name: /over time/ }).waitFor();
    await page.locator('.chart canvas').waitFor();
    return page;
};
const fact = (page, name) => page.getByRole('link', { name: new RegExp(`^${name}: .*, the jobs$`) });

test('the figures are the sums of the rows, and their links open the jobs that add up to them', options, async () => {
    const page = await open(site.owner, '/usage');
    const all = add((await site.owner.api('GET', '/api/jobs?limit=200')).items);
    assert.deepEqual([all.jobs, all.cost], [7, 4 * 975]); // 1000 in at $0.75 and 50 out at $4.50 a million
    assert.equal(await fact(page, 'Spent').textContent(), `≥ ${money(all.cost)}`);
    assert.equal(await fact(page, 'Jobs').textContent(), `${all.jobs}`);
    assert.equal(await fact(page, 'Tokens').textContent(), all.tokens.toLocaleString('en-US'));
    for (const name of ['Spent', 'Jobs', 'Tokens']) assert.deepEqual(add(await jobs_of(site.owner, await fact(page, name).getAttribute('href'))), all, name);
    await fact(page, 'Jobs').click();
    await page.waitForURL('**/audit/jobs?*since=*');
    await page.getByRole('table', { name: 'Jobs' }).waitFor();
    no_complaints(page);
    await page.context().close();
});

test('each row that is a link opens the jobs that add up to the row, by team, user, key and source, and what was answered by provider and model', options, async () => {
    const heads = async page => (await page.getByRole('table', { name: /^Usage by/ }).getByRole('columnheader').allTextContents());
    const page = await open(site.owner, '/usage');
    for (const by of ['team', 'user', 'key', 'source', 'provider', 'model']) {
        await page.goto(`/usage?by=${by}`);
        const table = page.getByRole('table', { name: `Usage by ${by}` });
        await table.waitFor();
        const names = await heads(page), at = name => names.indexOf(name), links = await table.getByRole('link').all();
        assert.ok(links.length > 0, by);
        for (const link of links) {
            const cells = await table.getByRole('row').filter({ has: page.locator(`a[href="${await link.getAttribute('href')}"]`) }).getByRole('cell').allTextContents();
            const rows = add(await jobs_of(site.owner, await link.getAttribute('href')));
            const told = name => Number(cells[at(name)].replaceAll(',', ''));
            assert.deepEqual([told('Jobs'), told('Tokens in') + told('Tokens out')], [rows.jobs, rows.tokens], `${by} ${cells[0]}`);
            if (by === 'user') assert.match(cells[0], /^(Olga Owner|mia|leo)$/);
            assert.ok(cells[at('Cost')].endsWith(rows.cost === 0 && /price/.test(cells[at('Cost')]) ? 'no price' : money(rows.cost)), `${by} ${cells}`);
        }
    }
    no_complaints(page);
    await page.context().close();
});

test('a bar leads to its jobs, and so does its row in the table', options, async () => {
    const page = await open(site.owner, '/usage?show=jobs&table=1');
    const links = page.getByRole('table', { name: 'Jobs over time' }).getByRole('link');
    let found = 0;
    for (const link of await links.all()) found += (await jobs_of(site.owner, await link.getAttribute('href'))).length;
    assert.equal(found, 7);
    const over = page.locator('.u-over'), { width, height } = await over.boundingBox();
    await over.hover({ position: { x: width - 12, y: height / 2 } }); // the last hour, the one under way
    await page.getByText(/UTC: \d.* · cloud/).waitFor();
    await over.click({ position: { x: width - 12, y: height / 2 } });
    await page.waitForURL('**/audit/jobs?*');
    const inside = await jobs_of(site.owner, page.url());
    assert.ok(inside.length > 0 && inside.length <= 7);
    no_complaints(page);
    await page.context().close();
});

test('what has no price is never $0, is hatched, and is not in the sum', options, async () => {
    const page = await open(site.owner, `/usage?by=model&model=${unpriced}`);
    assert.equal(await fact(page, 'Spent').textContent(), 'no price');
    const row = page.getByRole('row').filter({ hasText: unpriced }).first();
    assert.match(await row.textContent(), /no price$/);
    await page.getByText('more, without a price: how much is not known').waitFor();
    await page.getByText(/1 jobs have no price and are not in it/).first().waitFor();
    // Hatched: above the axis, where a bar of $0 would be, there is ink.
    const has_ink = await page.locator('.chart canvas').evaluate(canvas => {
        const { width, height } = canvas, room = canvas.getContext('2d').getImageData(Math.round(width * 0.8), 0, Math.round(width * 0.2), height).data, columns = new Set();
        for (let at = 3; at < room.length; at += 4) if (room[at] > 200) columns.add(at % (Math.round(width * 0.2) * 4));
        return columns.size > 4;
    });
    assert.ok(has_ink);
    await page.goto('/usage?by=tier');
    const gpu = page.getByRole('table', { name: 'Usage by tier' }).getByRole('row').filter({ hasText: 'gpu' });
    assert.match(await gpu.textContent(), /\$0\.00$/); // a machine of one's own: nothing is paid by the token
    await page.getByText(/^17 % of jobs$/).waitFor(); // one of the six that somebody was asked for
    await page.context().close();
});

test('range, grouping, measure and table stand in the address, and a link keeps the time', options, async () => {
    const page = await open(site.owner, '/usage');
    await page.getByRole('combobox', { name: 'By' }).click();
    await page.getByRole('option', { name: 'model' }).click();
    await page.waitForURL('**by=model*');
    await page.getByRole('combobox', { name: 'Time' }).click();
    await page.getByRole('option', { name: 'last hour' }).click();
    await page.waitForURL('**hours=1');
    await page.getByText('Tokens', { exact: true }).first().click();
    await page.getByText(/by the minute/).first().waitFor();
    await page.getByRole('link', { name: 'Link to just this time' }).click();
    await page.waitForURL('**since=*');
    await page.reload();
    await page.getByRole('table', { name: 'Usage by model' }).waitFor();
    assert.equal(await page.getByRole('combobox', { name: 'Time' }).inputValue(), 'as in the address');
    no_complaints(page);
    await page.context().close();
});

test('the file is what the chart is made of', options, async () => {
    const page = await open(site.owner, '/usage?by=model');
    const read = async name => (await site.owner.call('GET', await page.getByRole('link', { name }).getAttribute('href'))).text;
    const lines = (await read('JSON lines')).split('\n').filter(Boolean).map(line => JSON.parse(line));
    assert.equal(lines.reduce((sum, line) => sum + line.jobs, 0), 7);
    assert.ok(lines.every(line => line.at_ms !== null));
    assert.equal((await read('CSV')).split('\r\n').filter(Boolean).length, lines.length + 1);
    await page.context().close();
});

test('what happened meanwhile is in the list, with the way to it', options, async () => {
    await site.owner.api('PATCH', `/api/providers/${site.providers[1].id}`, { paused: true });
    const page = await open(site.owner, '/usage');
    const table = page.getByRole('table', { name: 'What happened meanwhile' });
    await table.getByRole('cell', { name: /Spare cloud: paused/ }).waitFor();
    await table.getByRole('cell', { name: /Configuration \d+: provider\.\w+/ }).first().waitFor();
    await table.getByRole('link', { name: 'Event' }).first().click();
    await page.waitForURL('**/audit/events?action=*');
    await page.context().close();
    await site.owner.api('PATCH', `/api/providers/${site.providers[1].id}`, { paused: false });
});

test('members see their own alone; a team\'s budget is shown to its leads and admins', options, async () => {
    const mine = await open(member, '/usage');
    assert.equal(await fact(mine, 'Jobs').textContent(), '1');
    assert.deepEqual((await jobs_of(member, await fact(mine, 'Jobs').getAttribute('href'))).map(job => job.user), [member.id]);
    await mine.goto(`/usage?team=${team.id}`);
    await mine.getByText('What a team spends is shown to its leads and to admins').waitFor();
    await mine.context().close();
    for (const person of [site.owner, lead]) {
        const page = await open(person, `/usage?team=${team.id}`);
        await page.getByRole('img', { name: /of \$40\.00 is spent/ }).waitFor();
        await page.getByText(/Forecast: the mean of the last 7 whole days/).waitFor();
        no_complaints(page);
        await page.context().close();
    }
});

test('a team\'s page has its week, to its lead too, and a provider\'s its share of the day', options, async () => {
    const page = await site.window(lead);
    await page.goto(`/settings/teams/${team.id}`);
    await page.getByRole('region', { name: 'Last 7 days' }).getByText(`${money(2 * 975)} spent, 2 jobs. The budget, spent evenly, is $1.32 a day.`).waitFor();
    no_complaints(page);
    await page.context().close();
    const other = await site.window();
    await other.goto(`/settings/providers/${site.providers[0].id}`);
    await other.getByText('5 of 7 jobs in 24 hours (71 %).').waitFor();
    no_complaints(other);
    await other.context().close();
});

test('by keyboard alone: the table is opened and a piece of time leads to its jobs', options, async () => {
    const page = await open(site.owner, '/usage');
    await page.getByRole('button', { name: 'View as table' }).focus();
    await page.keyboard.press('Enter');
    const link = page.getByRole('table', { name: 'Spend over time' }).getByRole('link').first();
    await link.waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), await link.textContent());
    await page.keyboard.press('Enter');
    await page.waitForURL('**/audit/jobs?*');
    no_complaints(page);
    await page.context().close();
});

for (const look of [{ dark: false }, { dark: true }, { dark: false, width: 360, height: 740 }])
    test(`axe finds nothing, with chart and table, ${look.dark ? 'dark' : 'light'}${look.width ? ', 360 pixels' : ''}`, options, async () => {
        for (const address of ['/usage', `/usage?by=model&show=jobs&table=1&model=${unpriced}`, `/usage?team=${team.id}&show=tokens&hours=month&table=1`]) {
            const page = await open(site.owner, address, look);
            await page.getByRole('table', { name: /^Usage by/ }).waitFor();
            if (address.includes('team=')) await page.getByRole('img', { name: /is spent/ }).waitFor();
            assert.deepEqual(await axe_findings(page), [], address);
            if (look.width) assert.ok(await page.evaluate('document.documentElement.scrollWidth <= 360'), `${address} is wider than the screen`);
            no_complaints(page);
            await page.context().close();
        }
    });
