// The journeys of UI.md section 7 by keyboard alone: nothing here clicks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium_path, no_complaints } from '../lib/browser.mjs';
import { good_password } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';
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

test('from the first run to the first answer', options, async () => {
    const usual = page, server = await Server.start();
    page = await site.browser.window(server);
    await page.goto('/');
    await page.waitForURL('**/setup');
    const [, token] = server.all_logs.match(/set-up token: (auxo_\w+)/);
    for (const [field, text] of [[/^Set-up token/, token], [/^Your name/, 'Olga'], [/^E-mail/, 'olga@example.com'], [/^Password/, good_password]]) {
        await page.getByLabel(field).first().waitFor();
        await tab_to(field);
        await page.keyboard.type(text);
    }
    await page.keyboard.press('Enter');
    await page.waitForURL('**/setup?step=provider');
    await page.getByRole('radio', { name: /OpenAI-compatible/ }).waitFor();
    await tab_to(/^OpenAI/);
    for (let step = 0; step < 5 && !/compatible/.test((await active()).label); step++) await page.keyboard.press('ArrowDown');
    for (const [field, text] of [[/^Name/, 'By keys'], [/^Base URL/, site.second.base_url], [/^API key/, 'sk-test-0123456789abcdef']]) {
        await tab_to(field);
        await page.keyboard.press('Control+a');
        await page.keyboard.type(text);
    }
    await page.keyboard.press('Enter');
    for (const [button, there] of [[/^Choose models/, 'Say hello'], [/^Say hello/, 'Say hello to Auto'], [/^Say hello to Auto/, null]]) {
        await page.waitForFunction(name => [...document.querySelectorAll('button')].some(each => each.textContent.startsWith(name) && !each.disabled), button.source.slice(1));
        await tab_to(button);
        await page.keyboard.press('Enter');
        if (there) await page.getByRole('button', { name: there, exact: true }).waitFor();
    }
    await page.getByRole('link', { name: 'the job' }).waitFor();
    assert.match(await page.getByRole('status').first().textContent(), /By keys/);
    no_complaints(page);
    await page.context().close();
    await server.stop();
    page = usual;
});

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
