// The web UI from an empty data directory on: set-up, sign-in, the first provider; by a browser, at the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, Browser, chromium_path, no_complaints } from '../lib/browser.mjs';
import { good_password } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';

let server, sim, browser, page;

before(async () => {
    if (!chromium_path) return;
    [server, sim, browser] = await Promise.all([Server.start(), Sim.start({ models: ['gpt-sim', 'gpt-mini'] }), Browser.start()]);
    page = await browser.window(server);
});
after(async () => {
    await browser?.stop();
    await sim?.stop();
    await server?.stop();
});

const options = { skip: !chromium_path && 'no Chromium' };

test('whoever comes first is led to the set-up, and becomes the owner with the printed token', options, async () => {
    await page.goto('/');
    await page.waitForURL('**/setup');
    const [, token] = server.all_logs.match(/set-up token: (auxo_\w+)/);
    await page.getByLabel('Set-up token').fill(token);
    await page.getByLabel('Organization').fill('Example Ltd');
    await page.getByLabel('Your name').fill('Olga');
    await page.getByLabel('E-mail').fill('olga@example.com');
    await page.getByLabel('Password', { exact: false }).first().fill(good_password);
    assert.deepEqual(await axe_findings(page), []);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Providers' }).waitFor();
    await page.getByText('No provider yet').waitFor();
    no_complaints(page);
});

test('a provider is added with its key, tried, and its models are there', options, async () => {
    await page.getByRole('button', { name: 'Add provider' }).click();
    await page.getByRole('radio', { name: /OpenAI-compatible/ }).check();
    await page.getByLabel('Name').fill('House cloud');
    await page.getByLabel('Base URL').fill(sim.base_url);
    await page.getByLabel('API key').fill('sk-test-0123456789abcdef');
    assert.deepEqual(await axe_findings(page), []);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { name: 'House cloud' }).waitFor();
    await page.getByRole('checkbox', { name: /gpt-mini/ }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    no_complaints(page);
});

test('the list says in a sentence who answers Auto now', options, async () => {
    await page.getByRole('link', { name: 'All providers' }).click();
    await page.getByRole('status').filter({ hasText: 'Auto answers from House cloud' }).waitFor();
    no_complaints(page);
});
