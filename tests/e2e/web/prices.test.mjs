// Prices and models: what each costs and who says so; a price of one's own is what the next job costs; what has none is said to
// have none; many models are shown or hidden at once, and looked at side by side.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { invite } from '../lib/person.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const priced = 'gpt-5.4-mini', bare = 'gpt-sim', used = { input_tokens: 1000, output_tokens: 100 };
let site, member;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    await site.first.plays([{ then: { usage: used } }], [priced, bare]);
    await site.owner.api('POST', `/api/providers/${site.providers[0].id}/refresh`);
    await site.owner.api('PATCH', `/api/providers/${site.providers[0].id}`, { surfaced_models: [priced, bare] });
    member = await invite(site.owner, 'mia@example.com');
});
after(() => site?.stop());

const open = async (address, person = site.owner, look = {}) => {
    const page = await site.window(person, look);
    await page.goto(address);
    await page.getByRole('table').waitFor();
    return page;
};
const row = (page, ...texts) => texts.reduce((rows, text) => rows.filter({ hasText: text }), page.getByRole('table', { name: 'Prices' }).getByRole('row'));
const edit = (page, model) => page.getByRole('button', { name: `Edit the price of ${model} at House cloud` });
const gone = page => page.getByRole('dialog').waitFor({ state: 'detached' });

test('each price says where it is from; what has none says so, and where to set one', options, async () => {
    const page = await open('/settings/models?tab=prices');
    assert.match(await row(page, priced, 'House cloud').textContent(), /\$0\.75.*\$4\.50.*\$0\.075.*no price.*\d{4}-\d\d-\d\d/);
    assert.match(await row(page, bare, 'House cloud').textContent(), /no price: set one/);
    assert.ok(!/\$0(?![.\d])/.test(await row(page, bare, 'House cloud').textContent()));
    await page.getByRole('switch', { name: 'Only those without a price' }).click();
    await page.waitForURL('**unpriced=1*');
    assert.equal(await row(page, priced).count(), 0);
    no_complaints(page);
    await page.context().close();
});

test('a price that is set is what the next job costs, to the millionth; removed, the shipped one holds again', options, async () => {
    const page = await open('/settings/models?tab=prices');
    await edit(page, priced).click();
    await page.getByText('shipped: $0.75').waitFor();
    await page.getByLabel('Input', { exact: true }).fill('4.35');
    await page.getByLabel('Output', { exact: true }).fill('0.1');
    await page.getByLabel('Where it is from').fill('contract 17');
    await page.getByRole('button', { name: 'Save the price' }).click();
    await gone(page);
    await row(page, priced, 'own: contract 17').waitFor();
    assert.match(await row(page, priced, 'own: contract 17').textContent(), /\$4\.35.*\$0\.10.*shipped: \$0\.75 in, \$4\.50 out/);
    assert.equal((await site.job(priced)).cost_microusd, (1000 * 4_350_000 + 100 * 100_000) / 1e6);
    await edit(page, priced).click();
    await page.getByRole('button', { name: 'Remove it: $0.75 in, $4.50 out again' }).click();
    await gone(page);
    await row(page, priced, '$0.75').waitFor();
    assert.equal((await site.job(priced)).cost_microusd, 750 + 450);
    no_complaints(page);
    await page.context().close();
});

test('by keyboard alone a model without a price gets one, for its provider alone; an empty field is unknown again', options, async () => {
    assert.equal((await site.job(bare)).cost_microusd, null);
    const page = await open('/settings/models?tab=prices');
    await page.getByRole('button', { name: `no price: set one for ${bare} at House cloud` }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('combobox', { name: 'Where it holds' }).focus();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('option', { name: 'House cloud alone' }).waitFor();
    const is_marked = () => page.getByRole('option', { name: 'House cloud alone' }).evaluate(option => option.hasAttribute('data-combobox-selected'));
    for (let tries = 0; tries < 4 && !await is_marked(); tries++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => [...document.querySelectorAll('[role=dialog] input')].some(input => input.value === 'House cloud alone'));
    await page.getByLabel('Input', { exact: true }).focus();
    await page.keyboard.type('2');
    await page.keyboard.press('Tab');
    await page.keyboard.type('3');
    await page.keyboard.press('Enter');
    await gone(page);
    await row(page, bare, 'House cloud', '$2').waitFor();
    await row(page, bare, 'Spare cloud', 'no price').waitFor();
    assert.equal((await site.job(bare)).cost_microusd, 2000 + 300);
    const { items } = await site.owner.api('GET', `/api/prices?model=${bare}`);
    assert.deepEqual(items.map(({ provider, input_microusd_per_mtok, output_microusd_per_mtok }) => [provider.name, input_microusd_per_mtok, output_microusd_per_mtok]), [['House cloud', 2_000_000, 3_000_000]]);
    await edit(page, bare).click();
    await page.getByLabel('Output', { exact: true }).fill('');
    await page.getByRole('button', { name: 'Save the price' }).click();
    await gone(page);
    assert.equal((await site.job(bare)).cost_microusd, null, 'half a price is none');
    no_complaints(page);
    await page.context().close();
});

test('what is no price is refused before it is sent, and one that somebody else changed meanwhile by the server', options, async () => {
    const page = await open('/settings/models?tab=prices');
    await edit(page, bare).click();
    await page.getByLabel('Input', { exact: true }).fill('1.0000001');
    await page.getByRole('button', { name: 'Save the price' }).click();
    await page.getByText('at most six digits behind the point').waitFor();
    await page.getByLabel('Input', { exact: true }).fill('1');
    await site.owner.api('PUT', '/api/prices', { model: bare, provider: site.providers[0].id, input_microusd_per_mtok: 9 });
    await page.getByRole('button', { name: 'Save the price' }).click();
    await page.getByRole('alert').filter({ hasText: 'The price is at rev' }).waitFor();
    await page.context().close();
});

test('the list flags what is worth knowing', options, async () => {
    const page = await open('/settings/models');
    const flags = async name => page.getByRole('row').filter({ has: page.getByRole('cell', { name, exact: true }) }).textContent();
    assert.match(await flags(priced), /single point of failure/);
    assert.doesNotMatch(await flags(priced), /never used|unpriced/);
    assert.match(await flags('gpt-mini'), /unpriced.*never used/);
    assert.doesNotMatch(await flags(bare), /single point/); // two serve it
    await page.getByRole('link', { name: /^gpt-5\.4-mini: 2 jobs in 7 days$/ }).click();
    await page.waitForURL(/\/usage\?.*model=gpt-5\.4-mini/);
    await page.context().close();
});

test('many are hidden and shown at once, by one change for each provider', options, async () => {
    const page = await open('/settings/models?hidden=1');
    const writes = [];
    page.on('request', request => { if (request.method() === 'PATCH') writes.push(new URL(request.url()).pathname); });
    for (const name of [bare, 'gpt-mini']) await page.getByRole('checkbox', { name: `Choose ${name}` }).check();
    await page.getByRole('button', { name: 'Hide', exact: true }).click();
    await page.getByText('Hidden, at 2 providers.').waitFor();
    assert.deepEqual(writes.sort(), site.providers.map(({ id }) => `/api/providers/${id}`).sort());
    assert.deepEqual((await site.owner.api('GET', '/api/models')).items.map(({ id }) => id), [priced]);
    await page.getByRole('button', { name: 'Show to callers' }).click();
    await page.getByText('Shown, at 2 providers.').waitFor();
    assert.deepEqual((await site.owner.api('GET', '/api/models')).items.map(({ id }) => id).sort(), [bare, bare, priced, 'gpt-mini'].sort());
    no_complaints(page);
    await page.context().close();
});

test('two stand side by side', options, async () => {
    const page = await open('/settings/models');
    await page.getByRole('checkbox', { name: `Choose ${priced}` }).check();
    assert.ok(await page.getByRole('button', { name: 'Compare' }).isDisabled());
    await page.getByRole('checkbox', { name: 'Choose gpt-mini' }).check();
    await page.getByRole('button', { name: 'Compare' }).click();
    const table = page.getByRole('table', { name: 'Models side by side' });
    assert.match(await table.getByRole('row').filter({ hasText: 'Input' }).textContent(), /\$0\.75no price/);
    assert.deepEqual(await axe_findings(page), []);
    await page.context().close();
});

test('members read prices and change none', options, async () => {
    const page = await open('/settings/models?tab=prices', member);
    await row(page, priced).waitFor();
    assert.equal(await page.getByRole('button', { name: /price/ }).count(), 0);
    await page.goto('/settings/models');
    await page.getByRole('cell', { name: priced, exact: true }).waitFor();
    assert.equal(await page.getByRole('checkbox').count(), 0);
    no_complaints(page);
    await page.context().close();
});

for (const look of [{ dark: false }, { dark: true }, { dark: false, width: 360, height: 740 }])
    test(`axe finds nothing, with the editor open, ${look.dark ? 'dark' : 'light'}${look.width ? ', 360 pixels' : ''}`, options, async () => {
        const page = await open('/settings/models', site.owner, look);
        for (const address of ['/settings/models', '/settings/models?tab=prices']) {
            await page.goto(address);
            await page.getByRole('table').waitFor();
            assert.deepEqual(await axe_findings(page), [], address);
            if (look.width) assert.ok(await page.evaluate('document.documentElement.scrollWidth <= 360'), `${address} is wider than the screen`);
        }
        await edit(page, priced).click();
        await page.getByLabel('Long prompts').fill('200000');
        await page.getByLabel('Input, long', { exact: true }).waitFor();
        assert.deepEqual(await axe_findings(page), []);
        await page.keyboard.press('Escape');
        await gone(page);
        no_complaints(page);
        await page.context().close();
    });
