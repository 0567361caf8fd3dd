// What an operator does when the GPU is gone: one glance says who answers now, since when, why, what it costs, and what to do; its
// loss can be rehearsed before, by keyboard alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium_path, no_complaints } from '../lib/browser.mjs';
import { Site } from '../lib/site.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
let site, rack, worker, page;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start({ env: { AUXOT_HEARTBEAT_INTERVAL: '1s', AUXOT_DEAD_WORKER_TIMEOUT: '3s' } }, ['House cloud']);
    site.server.admin = await site.server.key('admin'); // workers are looked at with it
    rack = await provider_of_workers(site.server, 'gpu', 'GPU rack 1');
    worker = await Worker.start(site.server, rack.key, { models: ['llama'], slots: 2 });
    await worker.parked();
    worker.serve = job => { job.begin(); job.answer(); };
    page = await site.window();
});
after(() => site?.stop());

const asks_auto = () => site.owner.call('POST', '/api/openai/v1/chat/completions', { model: 'auto', messages: [{ role: 'user', content: 'hi' }] });

test('by keyboard alone the loss of the GPU is rehearsed', options, async () => {
    assert.equal((await asks_auto()).headers['x-auxot-provider'], rack.slug);
    await page.goto('/routing?tab=rehearse');
    const fault = page.getByRole('combobox', { name: 'GPU rack 1' });
    await fault.waitFor();
    for (let step = 0; step < 60 && !(await fault.evaluate(at => at === document.activeElement)); step++) await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**faults=*');
    await page.getByRole('heading', { name: 'Where they land' }).waitFor();
    assert.match(await page.getByRole('main').textContent(), /House cloud/);
    no_complaints(page);
});

test('one glance: the GPU was killed; the health page says who answers now, since when, why, at what cost an hour, and its next step leads there', options, async () => {
    await page.goto('/health');
    await page.getByRole('link', { name: /GPU rack 1/ }).first().waitFor();
    worker.kill();
    const main = page.getByRole('main');
    await main.getByText(/no local tier since/).first().waitFor();
    assert.notEqual((await asks_auto()).headers['x-auxot-provider'], rack.slug);
    const providers = page.getByRole('region', { name: 'Model providers' });
    await providers.getByText(/Auto answers from House cloud/).waitFor();
    const text = await main.textContent();
    assert.match(text, /no local tier since \d{1,2}:\d\d/, 'since when');
    await page.getByRole('banner').getByText(/House cloud.*(\$[\d.]+\/h|no price)/).waitFor(); // what it costs
    assert.match(text, /GPU rack 1.*(offline|heartbeat|worker)/s, 'why');
    const next = main.getByRole('status').first().getByRole('link').first();
    const where = await next.getAttribute('href');
    await next.click();
    await page.waitForURL(`**${where}`);
    await page.getByRole('main').getByText('GPU rack 1').first().waitFor();
    no_complaints(page);
});
