// Fields that save themselves: what an edit would move is told before it is saved, and is then so; each says how far it is; what was
// saved can be undone; nothing that was typed is lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { until } from '../lib/process.mjs';
import { openai } from '../lib/server.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const DAY_MS = 86_400_000, STEPS = 90;
let site, house, spare;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    [house, spare] = site.providers;
    for (const [provider, price] of [[house, 1_000_000_000], [spare, 3_000_000_000]])
        await site.owner.api('PUT', '/api/prices', { model: 'gpt-sim', provider: provider.id, input_microusd_per_mtok: price, output_microusd_per_mtok: price });
});
after(() => site?.stop());

// ---- traffic ---------------------------------------------------------------------------------------

const ended = id => until(async () => {
    const { status, json } = await site.owner.call('GET', `/api/jobs/${id}`);
    return status === 200 && json.status !== 'open' && json;
}, 'the job is on record');

async function send(count, { model = 'gpt-sim', headers } = {}) {
    const jobs = [];
    for (let i = 0; i < count; i++) {
        const answer = await site.owner.call('POST', `${openai}/chat/completions`, { model, messages: [{ role: 'user', content: 'hi' }] }, { headers });
        jobs.push(await ended(answer.headers['x-auxot-job']));
    }
    return jobs;
}
const traffic = async () => [...await send(5), ...await send(2, { headers: { 'x-auxot-provider': house.slug } })];

const look = provider => site.owner.api('GET', `/api/providers/${provider.id}`);
const patch = (provider, change) => site.owner.api('PATCH', `/api/providers/${provider.id}`, change);
const rehearse = changes => site.owner.api('POST', '/api/routing/rehearse', { since: Date.now() - DAY_MS, changes });
const cost_of = jobs => jobs.reduce((sum, { cost_microusd }) => sum + (cost_microusd ?? 0), 0);
const money = microusd => `$${(microusd / 1e6).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: microusd >= 1e6 ? 2 : microusd >= 1e4 ? 4 : 6 })}`;

// ---- pages -----------------------------------------------------------------------------------------

async function page_of(provider = house, look_is = {}) {
    const page = await site.window(site.owner, { locale: 'en-US', ...look_is });
    await page.goto(`/settings/providers/${provider.id}`);
    await page.getByRole('heading', { level: 1, name: provider.name }).waitFor();
    page.setDefaultTimeout(10_000);
    return page;
}
const button = (page, words, label) => page.getByRole('button', { name: `${words}: ${label}`, exact: true });
const told = (page, label) => page.getByRole('group', { name: `What this would move: ${label}` });
const voice = page => page.locator('[data-voice]');
const says = (page, words) => voice(page).filter({ hasText: words }).waitFor({ state: 'attached' });
async function close(page) {
    no_complaints(page);
    await page.context().close();
}

// ---- before there are jobs -------------------------------------------------------------------------

test('without a job there is nothing to foresee: saved at once, with Undo', options, async () => {
    const page = await page_of(spare);
    await page.getByRole('button', { name: 'Pause' }).click();
    await button(page, 'Undo', 'Paused').waitFor();
    assert.equal(await page.getByText('would have moved').count(), 0);
    assert.equal((await look(spare)).paused, true);
    await button(page, 'Undo', 'Paused').click();
    await says(page, 'Paused: undone.');
    assert.equal((await look(spare)).paused, false);
    await close(page);
});

// ---- the forecast ----------------------------------------------------------------------------------

test('what a costly edit would move is told as the dry run tells it; saved all the same, the same requests go there, at that price; undo takes it back', options, async () => {
    const recorded = await traffic();
    const report = await rehearse({ providers: [{ provider: house.id, paused: true }] });
    const move = report.moves.find(({ to }) => to);
    assert.deepEqual([report.window.rehearsed, move.jobs, report.stranded_jobs], [7, 5, 2]);
    const page = await page_of();
    await page.getByRole('button', { name: 'Pause' }).click();
    await told(page, 'Paused').waitFor();
    const sentence = `In the last 24 hours this would have moved 7 of 7 jobs: 5 from House cloud to Spare cloud (+${money(move.cost_change_microusd)}), 2 would fail.`;
    assert.ok((await told(page, 'Paused').textContent()).includes(sentence), await told(page, 'Paused').textContent());
    await says(page, sentence);
    assert.equal((await look(house)).paused, false, 'nothing is saved before a word');
    await button(page, 'Save all the same', 'Paused').click();
    await says(page, 'Paused: saved.');
    assert.equal((await look(house)).paused, true);
    const real = await traffic();
    assert.equal(real.filter(({ provider }) => provider?.id === spare.id).length, move.jobs);
    assert.equal(real.filter(({ status }) => status !== 'done').length, report.stranded_jobs);
    assert.equal(cost_of(real.slice(0, 5)) - cost_of(recorded.slice(0, 5)), move.cost_change_microusd);
    await button(page, 'Undo', 'Paused').click();
    await says(page, 'Paused: undone.');
    assert.equal((await look(house)).paused, false);
    await page.getByText('Last saved').waitFor();
    await close(page);
});

test('kept as it was, nothing has changed; harmless is saved at once and says that nothing moves', options, async () => {
    const page = await page_of();
    await page.getByRole('button', { name: 'Pause' }).click();
    await button(page, 'Keep as it was', 'Paused').click();
    await told(page, 'Paused').waitFor({ state: 'detached' });
    assert.equal((await look(house)).paused, false);
    await page.getByLabel('At once (0: no limit)').fill('500');
    await page.getByText(/Saved · In the last 24 hours this would have moved none of \d+ jobs\./).waitFor();
    assert.equal((await look(house)).max_concurrent, 500);
    await close(page);
});

test('what the dry run cannot judge is said to be so, and is not shown as none', options, async () => {
    const page = await page_of();
    await page.getByLabel('To connect').fill('4000');
    await page.getByText('Saved · What it would have moved cannot be told: the dry run knows no time limits.').waitFor();
    assert.equal((await look(house)).timeouts.connect_ms, 4000);
    await close(page);
});

test('a forecast that takes long, or fails, is offered to be done without', options, async () => {
    const page = await page_of();
    let answer;
    await page.route('**/api/routing/rehearse', route => { answer = route; });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Looking at what this would have moved').waitFor();
    await page.getByText('takes longer to tell than usual').waitFor();
    await button(page, 'Keep as it was', 'Paused').click();
    await answer.abort();
    await page.unroute('**/api/routing/rehearse');
    await page.route('**/api/routing/rehearse', route => route.abort());
    await page.getByLabel('Wait for it when it is full').fill('5');
    await page.getByText('What it would move cannot be told: The server could not be reached.').waitFor();
    assert.equal((await look(house)).wait_ms, 0);
    await button(page, 'Save without it', 'Wait for it when it is full').click();
    await says(page, 'Wait for it when it is full: saved.');
    assert.equal((await look(house)).wait_ms, 5);
    await close(page);
});

for (const dark of [false, true])
    test(`axe finds nothing while a forecast is open, nor beside what was saved, ${dark ? 'dark' : 'light'}`, options, async () => {
        const page = await page_of(house, { dark });
        await page.getByRole('button', { name: 'Pause' }).click();
        await told(page, 'Paused').waitFor();
        assert.deepEqual(await axe_findings(page), []);
        await page.getByLabel('To a plain answer').fill(dark ? '61000' : '62000');
        await button(page, 'Undo', 'To a plain answer').waitFor();
        assert.deepEqual(await axe_findings(page), []);
        await page.setViewportSize({ width: 360, height: 740 });
        await page.waitForFunction(() => document.documentElement.scrollWidth <= 360); // no wider than the screen
        await close(page);
    });

test('the Auto default is foreseen like all else, and so is a policy of a team', options, async () => {
    await send(3, { model: 'auto' });
    const page = await page_of();
    await page.goto('/settings/providers');
    const report = await rehearse({ auto: { provider: spare.id } });
    await page.getByRole('combobox', { name: 'Auto asks first' }).click();
    await page.getByRole('option', { name: 'Spare cloud first' }).click();
    await told(page, 'Auto asks first').filter({ hasText: `${report.moves[0].jobs} from House cloud to Spare cloud` }).waitFor();
    assert.equal((await site.owner.api('GET', '/api/routing')).auto, null);
    await button(page, 'Save all the same', 'Auto asks first').click();
    await page.getByRole('status').filter({ hasText: 'Auto answers from Spare cloud' }).waitFor();
    await button(page, 'Undo', 'Auto asks first').click();
    await page.getByRole('status').filter({ hasText: 'Auto answers from House cloud' }).waitFor();
    const team = await site.owner.api('POST', '/api/teams', { name: 'Quiet' });
    await page.goto(`/settings/teams/${team.id}`);
    await page.getByRole('switch', { name: 'Only some tiers' }).click();
    await says(page, 'Tiers: saved.');
    await page.getByRole('combobox', { name: 'Tiers' }).click();
    await page.getByRole('option', { name: 'cloud' }).click();
    await page.keyboard.press('Escape');
    await told(page, 'Tiers').filter({ hasText: 'Left with nobody, though without a request in this time: team Quiet.' }).waitFor();
    await button(page, 'Keep as it was', 'Tiers').click();
    assert.deepEqual((await site.owner.api('GET', `/api/teams/${team.id}`)).policy.allowed_tiers, ['gpu', 'cli', 'cloud']);
    await page.getByLabel('Budget a month').fill('5');
    await page.getByLabel('Requests a minute').fill('90');
    await page.getByText(/^Saved · .*the dry run knows no limits of teams/).waitFor();
    const { policy } = await site.owner.api('GET', `/api/teams/${team.id}`);
    assert.deepEqual([policy.requests_per_minute, policy.budget_microusd_per_month], [90, null], 'money waits for its button');
    await close(page);
});

test('a model that is hidden on the page of all models stays in sight with its Undo', options, async () => {
    const page = await page_of();
    await page.goto('/settings/models');
    const shown = page.getByRole('checkbox', { name: 'gpt-mini shown by Spare cloud' });
    await shown.uncheck();
    await button(page, 'Undo', 'gpt-mini shown by Spare cloud').waitFor();
    const surfaced = async () => (await look(spare)).models.filter(model => model.surfaced).map(({ id }) => id);
    assert.deepEqual(await surfaced(), ['gpt-sim']);
    await button(page, 'Undo', 'gpt-mini shown by Spare cloud').click();
    await says(page, 'gpt-mini shown by Spare cloud: undone.');
    assert.deepEqual((await surfaced()).sort(), ['gpt-mini', 'gpt-sim']);
    assert.ok(await shown.isChecked());
    await close(page);
});

// ---- what goes wrong -------------------------------------------------------------------------------

test('somebody else changed it: both values are shown, and one is chosen; another field of theirs stays', options, async () => {
    const page = await page_of();
    let next; // what somebody else changes right before our change arrives
    await page.route(`**/api/providers/${house.id}`, async route => {
        if (route.request().method() === 'PATCH' && next) await patch(house, next);
        if (route.request().method() === 'PATCH') next = undefined;
        return route.continue();
    });
    const meanwhile = change => { next = change; };
    const name = page.getByRole('textbox', { name: 'Name', exact: true });
    meanwhile({ wait_ms: 7 });
    await name.fill('House of mine');
    await says(page, 'Name: saved.');
    assert.deepEqual([(await look(house)).name, (await look(house)).wait_ms], ['House of mine', 7]);
    meanwhile({ name: 'House of theirs' });
    await name.fill('House of mine again');
    const both = page.getByRole('group', { name: 'Changed meanwhile: Name' });
    await both.filter({ hasText: /Yours: House of mine again.*Theirs: House of theirs/ }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    assert.equal((await look(house)).name, 'House of theirs');
    await button(page, 'Take theirs', 'Name').click();
    assert.equal(await name.inputValue(), 'House of theirs');
    meanwhile({ name: 'House of theirs, too' });
    await name.fill('House cloud');
    await button(page, 'Save mine', 'Name').click();
    await button(page, 'Undo', 'Name').waitFor();
    assert.equal((await look(house)).name, 'House cloud');
    await close(page);
});

test('a save that fails says so and keeps what was typed; leaving warns; tried again it is saved', options, async () => {
    const page = await page_of(), { port } = site.server;
    const name = page.getByRole('textbox', { name: 'Name', exact: true });
    await site.server.child.kill('SIGKILL');
    await name.fill('House by the sea');
    await page.getByRole('group', { name: 'Not saved: Name' }).filter({ hasText: 'The server could not be reached' }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await page.getByRole('link', { name: 'All providers' }).click();
    const leaving = page.getByRole('dialog', { name: 'Not saved' });
    await leaving.filter({ hasText: 'Leaving now loses what was changed: Name.' }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await leaving.getByRole('button', { name: 'Stay here' }).click();
    await leaving.waitFor({ state: 'detached' });
    const asked = page.waitForEvent('dialog');
    await page.close({ runBeforeUnload: true });
    const dialog = await asked;
    assert.equal(dialog.type(), 'beforeunload');
    await dialog.dismiss();
    assert.equal(await name.inputValue(), 'House by the sea');
    site.server.flags = ['--port', String(port)];
    await site.server.restart();
    await button(page, 'Retry', 'Name').click();
    await says(page, 'Name: saved.');
    assert.equal((await look(house)).name, 'House by the sea');
    await patch(house, { name: 'House cloud' });
    await close(page);
});

test('a secret is never saved by itself', options, async () => {
    const page = await page_of();
    const writes = [];
    page.on('request', request => { if (request.method() === 'PATCH') writes.push(request.postData()); });
    await page.getByLabel('New key').fill('sk-typed-and-left-0123456789');
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('House cloud, renamed');
    await says(page, 'Name: saved.');
    assert.deepEqual(writes, [JSON.stringify({ name: 'House cloud, renamed' })]);
    await patch(house, { name: 'House cloud' });
    await close(page);
});

// ---- by keyboard alone -----------------------------------------------------------------------------

async function tab_to(page, name, steps = STEPS) {
    for (let step = 0; step < steps; step++) {
        await page.keyboard.press('Tab');
        const label = await page.evaluate(() => (document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent).trim());
        if (label === name) return;
    }
    assert.fail(`no ${name} within ${steps} tabs`);
}

test('by keyboard alone an edit is weighed, saved and undone; going through the options of a list saves nothing', options, async () => {
    const page = await page_of(spare);
    const writes = [];
    page.on('request', request => { if (request.method() === 'PATCH') writes.push(JSON.parse(request.postData())); });
    await tab_to(page, 'Answers Auto with');
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Escape']) await page.keyboard.press(key);
    await page.goto(`/settings/providers/${house.id}`);
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    assert.deepEqual(writes, []);
    await tab_to(page, 'Pause');
    await page.keyboard.press('Enter');
    await told(page, 'Paused').waitFor();
    await tab_to(page, 'Save all the same: Paused', 1);
    await page.keyboard.press('Enter');
    await says(page, 'Paused: saved.');
    await tab_to(page, 'Undo: Paused', 1);
    await page.keyboard.press('Enter');
    await says(page, 'Paused: undone.');
    assert.deepEqual(writes, [{ paused: true }, { paused: false }]);
    await close(page);
});

test('a rule is tested, and a loss rehearsed, by a link that sets the fault', options, async () => {
    const page = await page_of();
    await page.getByRole('button', { name: 'Add a rule' }).click();
    await button(page, 'Undo', 'Fallback rules').waitFor();
    await page.getByRole('link', { name: 'Test rule 1' }).click();
    await page.waitForURL(url => url.searchParams.get('faults') === `${house.id}:offline`);
    await page.getByRole('heading', { name: 'Where they land' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'Rehearse its loss first' }).click();
    await page.waitForURL(url => url.searchParams.get('tab') === 'rehearse');
    await close(page);
});
