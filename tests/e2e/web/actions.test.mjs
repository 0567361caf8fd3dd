// What is done on the pages, by a browser, at the real server: rehearsals, rules, jobs, sessions, playground, keys, invitations.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
let site;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    await site.job();
});
after(() => site?.stop());

test('the loss of a provider is rehearsed by a switch, and the address keeps the scenario', options, async () => {
    const page = await site.window();
    await page.goto('/routing?tab=rehearse');
    await page.getByRole('img', { name: 'House cloud: 100 % before, 100 % after' }).waitFor();
    await page.getByRole('combobox', { name: 'House cloud' }).click();
    await page.getByRole('option', { name: 'offline' }).click();
    await page.waitForURL('**faults=*');
    await page.getByRole('img', { name: /Spare cloud: 0 % before, 100 % after/ }).waitFor();
    no_complaints(page);
    await page.context().close();
});

test('a fallback rule is added and saved at once', options, async () => {
    const page = await site.window();
    await page.goto(`/settings/providers/${site.providers[0].id}`);
    await page.getByRole('button', { name: 'Add a rule' }).click();
    await page.getByRole('combobox', { name: 'Rule 1: ask' }).waitFor();
    const { fallback_rules } = await site.owner.api('GET', `/api/providers/${site.providers[0].id}`);
    assert.deepEqual(fallback_rules.map(rule => [rule.condition, rule.provider]), [['offline', site.providers[1].id]]);
    await page.getByRole('button', { name: 'Remove rule 1' }).click();
    await page.getByText('None: the next in the cascade is asked.').waitFor();
    no_complaints(page);
    await page.context().close();
});

test('the row of a job that failed over says who failed and who answered', options, async () => {
    await site.first.plays([{ then: { status: 503 } }]);
    await site.job();
    const page = await site.window();
    await page.goto('/audit/jobs');
    const row = page.getByRole('row').filter({ hasText: 'gpt-sim' }).first();
    const text = await row.textContent();
    assert.match(text, /House cloud ✕.*› Spare cloud ✓/);
    await page.context().close();
});

test('a session that has ended leads to the sign-in, and back to the page', options, async () => {
    const page = await site.window();
    await page.context().clearCookies();
    await page.goto('/audit/jobs?status=done');
    await page.waitForURL('**/sign-in?back=*');
    await page.getByLabel('E-mail').waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await page.getByLabel('E-mail').fill(site.owner.email);
    await page.getByLabel('Password').first().fill('not this one, surely');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password').first().fill('kingfisher at the weir');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/audit/jobs?status=done');
    await page.context().close();
});

test('the sign-in leads to pages of this server only', options, async () => {
    for (const back of ['/\t/evil.example', '//evil.example', '/\\evil.example', '/.//evil.example', 'https://evil.example/', 'javascript:alert(1)', '//']) {
        const page = await site.window();
        await page.context().clearCookies();
        await page.route(url => url.hostname === 'evil.example', route => route.fulfill({ body: 'evil' }));
        await page.goto(`/sign-in?back=${encodeURIComponent(back)}`);
        await page.getByLabel('E-mail').fill(site.owner.email);
        await page.getByLabel('Password').first().fill('kingfisher at the weir');
        await page.keyboard.press('Enter');
        await page.waitForURL(url => url.pathname !== '/sign-in');
        assert.equal(new URL(page.url()).origin, new URL(site.server.url).origin, back);
        await page.context().close();
    }
});

test('a sign-out that failed says so, and one of a session that is over leads to the sign-in', options, async () => {
    const page = await site.window();
    await page.goto('/health');
    const sign_out = async status => {
        await page.route('**/api/session', route => (route.request().method() === 'DELETE' ? route.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ code: 'x', title: 'x', detail: 'The disk is full.' }) }) : route.fallback()));
        await page.locator('header button[aria-haspopup="menu"]').click();
        await page.getByRole('menuitem', { name: 'Sign out' }).click();
    };
    await sign_out(503);
    await page.getByRole('alert').filter({ hasText: 'The disk is full.' }).waitFor();
    assert.equal(new URL(page.url()).pathname, '/health');
    await sign_out(401);
    await page.waitForURL('**/sign-in');
    await page.context().close();
});

test('the playground streams an answer, says who gave it, and leads to the job', options, async () => {
    await site.first.plays([]);
    const page = await site.window();
    await page.goto('/playground');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('log', { name: 'Answer' }).filter({ hasText: /\w{2}/ }).waitFor();
    await page.getByRole('link', { name: 'the job' }).click();
    await page.getByRole('heading', { name: 'What became of it' }).waitFor();
    no_complaints(page);
    await page.context().close();
});

test('a key is shown once, and the page says when its first call arrives', options, async () => {
    const page = await site.window();
    await page.goto('/settings/keys');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByLabel('Name').fill('from the page');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    const secret = await page.getByLabel(/copy it now/).inputValue();
    assert.match(secret, /^auxk_/);
    await page.getByText('Waiting for its first call').waitFor();
    const answer = await fetch(`${site.server.url}/api/openai/v1/models`, { headers: { authorization: `Bearer ${secret}` } });
    assert.equal(answer.status, 200);
    await page.getByText('The first call has arrived').waitFor();
    no_complaints(page);
    await page.context().close();
});

test('whoever has an invitation joins by its link', options, async () => {
    const { link } = await site.owner.api('POST', '/api/invitations', { email: 'new@example.com' }, { expect: 201 });
    const page = await site.browser.window(site.server);
    await page.goto(link);
    await page.getByLabel('Your name').fill('Nia New');
    await page.getByLabel('Password').first().fill('a heron on the bank');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'System health' }).waitFor();
    await page.getByRole('link', { name: 'Providers' }).click();
    await page.getByText('House cloud').first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'Add provider' }).count(), 0, 'a member adds none');
    no_complaints(page);
    await page.context().close();
});
