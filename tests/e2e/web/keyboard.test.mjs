// The journeys of UI.md section 7 by keyboard alone: nothing here clicks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium_path, no_complaints } from '../lib/browser.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const STEPS = 60;
let site, page;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    await site.owner.api('POST', '/api/keys', { name: 'laptop' });
    await site.first.plays([{ then: { status: 503 } }]);
    await site.job();
    page = await site.window();
});
after(() => site?.stop());

const active = () => page.evaluate(() => {
    const at = document.activeElement;
    const label = at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent;
    return { label: label.trim(), role: at.getAttribute('role') ?? at.tagName.toLowerCase() };
});

// Tab until the focus is on what is called so.
async function tab_to(name) {
    for (let step = 0; step < STEPS; step++) {
        await page.keyboard.press('Tab');
        const { label } = await active();
        if (typeof name === 'string' ? label === name : name.test(label)) {
            assert.ok(await page.evaluate(() => document.activeElement.matches(':focus-visible')), `the focus on ${label} shows`);
            return;
        }
    }
    assert.fail(`no ${name} within ${STEPS} tabs`);
}

async function go(letter, heading) {
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('g');
    await page.keyboard.press(letter);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

test('a provider is added', options, async () => {
    await page.goto('/settings/providers');
    await page.getByText('Auto answers from').waitFor();
    await tab_to('Add provider');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tab_to(/^OpenAI$/);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await tab_to('Name');
    await page.keyboard.type('By keys');
    await tab_to(/^Base URL/);
    await page.keyboard.type(site.second.base_url);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'By keys' }).waitFor();
    no_complaints(page);
});

test('why a job failed over is found', options, async () => {
    await go('j', 'Jobs');
    await page.getByRole('img', { name: 'failed' }).first().waitFor();
    await tab_to(/^\d{1,2}:\d\d/);
    await page.keyboard.press('Enter');
    await page.getByRole('table', { name: 'Attempts' }).filter({ hasText: /failed.*503/ }).waitFor();
    no_complaints(page);
});

test('a key is rotated', options, async () => {
    await go('k', 'Keys');
    await page.getByRole('cell', { name: 'laptop', exact: true }).waitFor();
    await tab_to('Rotate laptop');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByLabel(/copy it now/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    no_complaints(page);
});

test('the loss of a provider is rehearsed', options, async () => {
    await go('r', 'Routing');
    await tab_to('Live map');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByRole('combobox', { name: 'House cloud' }).waitFor();
    await tab_to('House cloud');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**faults=*');
    await page.getByRole('heading', { name: 'Where they land' }).waitFor();
    no_complaints(page);
});

test('the palette goes anywhere', options, async () => {
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Go to…').waitFor();
    await page.keyboard.type('usage');
    await page.getByText('/usage').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Usage' }).waitFor();
    no_complaints(page);
});
