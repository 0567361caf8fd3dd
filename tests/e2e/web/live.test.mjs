// The web UI while things happen: one stream for all tabs, changes without a reload, a lost stream that is not shown as green;
// and the operator's glance at the health page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium_path, no_complaints } from '../lib/browser.mjs';
import { until } from '../lib/process.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const TABS = 8; // more than the six connections that a browser has to one server
let site;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start({ env: { AUXOT_KEEPALIVE: '1s' } });
});
after(() => site?.stop());

test('eight tabs live on one stream, and each shows a change that was made elsewhere', options, async () => {
    const first = await site.window();
    const tabs = [first];
    while (tabs.length < TABS) tabs.push(await first.context().newPage());
    for (const tab of tabs) {
        await tab.goto('/settings/providers');
        await tab.getByRole('link', { name: 'House cloud', exact: true }).waitFor();
    }
    await site.owner.api('PATCH', `/api/providers/${site.providers[0].id}`, { name: 'Renamed cloud' });
    await Promise.all(tabs.map(tab => tab.getByRole('link', { name: 'Renamed cloud', exact: true }).waitFor()));
    await site.owner.api('PATCH', `/api/providers/${site.providers[0].id}`, { name: 'House cloud' });
    no_complaints(first);
    await first.context().close();
});

test('a job shows in the list when it has ended; a list that is held stays', options, async () => {
    const page = await site.window(), held = await page.context().newPage();
    await page.goto('/audit/jobs');
    await held.goto('/audit/jobs?live=off');
    for (const each of [page, held]) await each.getByText('No jobs yet').waitFor();
    await site.job();
    await page.getByRole('img', { name: 'answered' }).waitFor();
    assert.equal(await held.getByRole('img', { name: 'answered' }).count(), 0);
    no_complaints(page);
    await page.context().close();
});

test('one glance: when a provider is lost the health page says which, why and what to do, and who answers is one click away', options, async () => {
    const page = await site.window();
    await page.goto('/health');
    await page.getByRole('status').first().waitFor();
    await site.owner.api('PATCH', `/api/providers/${site.providers[0].id}`, { api_key: 'sk-other-0123456789abcdef' });
    await site.first.plays([{ then: { status: 401 } }]);
    await site.job();
    const card = page.getByRole('article', { name: 'provider: House cloud' });
    await card.filter({ hasText: /error/ }).waitFor();
    assert.match(await card.textContent(), /key/i, 'it says why');
    await page.getByRole('link', { name: 'Providers' }).click();
    await page.getByRole('status').filter({ hasText: 'Auto answers from Spare cloud' }).waitFor();
    no_complaints(page);
    await page.context().close();
});

test('a lost stream is said after five seconds, and what was missed is there when it is back', options, async () => {
    const page = await site.window(), { port } = site.server;
    await page.goto('/settings/providers');
    await page.getByRole('link', { name: 'House cloud', exact: true }).waitFor();
    await site.server.child.kill('SIGKILL');
    await page.getByText('Live updates are paused').waitFor();
    site.server.flags = ['--port', String(port)];
    await site.server.restart();
    await site.owner.api('PATCH', `/api/providers/${site.providers[1].id}`, { name: 'Renamed meanwhile' });
    await page.getByText('Live updates are paused').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Renamed meanwhile', exact: true }).waitFor();
    await page.context().close();
});

for (const has_shared of [true, false])
    test(`a stream that is open and dead is not shown as up; one who comes back goes on (${has_shared ? 'shared' : 'of the tab alone'})`, options, async () => {
        const page = await site.window();
        if (!has_shared) await page.addInitScript(() => { delete globalThis.SharedWorker; });
        await page.goto('/settings/providers');
        await page.getByRole('link', { name: 'House cloud', exact: true }).waitFor();
        await until(async () => (await site.server.metric('auxot_live_clients')) === 1, 'the stream is open');
        site.server.child.kill('SIGSTOP'); // no end and no reset: the connection stays open, and silent
        try { await page.getByText('Live updates are paused').waitFor(); } finally { site.server.child.kill('SIGCONT'); }
        await page.getByText('Live updates are paused').waitFor({ state: 'detached' });
        await page.context().close();
    });
