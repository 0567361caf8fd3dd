// Every page of the web UI, empty, with something on it, when the server fails, and with a modal open; in both colours: axe finds
// nothing, the policy is kept, nothing is asked of another host, and neither a narrow screen nor one at 200 % scrolls sideways.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, look_over, no_complaints } from '../lib/browser.mjs';
import { invite } from '../lib/person.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
let site, bare, job, team;

before(async () => {
    if (!chromium_path) return;
    [site, bare] = await Promise.all([Site.start(), Site.start({}, [])]);
    team = await site.owner.api('POST', '/api/teams', { name: 'Engineering', policy: { requests_per_minute: 100, budget_microusd_per_month: 5_000_000 } });
    await site.owner.api('POST', '/api/keys', { name: 'laptop' });
    await site.owner.api('POST', '/api/invitations', { email: 'guest@example.com' });
    await invite(site.owner, 'mia@example.com');
    await site.owner.api('POST', '/api/service-accounts', { name: 'ci', team: team.id });
    await site.first.plays([{ then: { status: 503 } }]);
    job = await site.job();
});
after(() => Promise.all([site?.stop(), bare?.stop()]));

// The address, and what is on the page when it is whole.
const pages = () => [
    ['/health', page => page.getByRole('region', { name: 'Model providers' }).getByText('Auto answers from')],
    ['/health?tv=1', page => page.getByRole('region', { name: 'Gateway' }).getByText('Memory')],
    ['/settings/providers', page => page.getByText('Auto answers from')],
    [`/settings/providers/${site.providers[0].id}`, page => page.getByRole('checkbox', { name: 'gpt-sim' })],
    ['/settings/models', page => page.getByRole('cell', { name: 'gpt-mini' })],
    ['/settings/models?tab=prices', page => page.getByRole('cell', { name: 'gpt-mini' })],
    ['/settings/keys', page => page.getByRole('cell', { name: 'laptop' })],
    ['/settings/teams', page => page.getByRole('link', { name: 'Engineering' })],
    [`/settings/teams/${team.id}`, page => page.getByText('Requests in the last minute')],
    ['/settings/members', page => page.getByRole('cell', { name: 'owner@example.com' })],
    ['/settings/members?tab=invited', page => page.getByRole('cell', { name: 'guest@example.com' })],
    ['/settings/members?tab=roles', page => page.getByRole('rowheader', { name: 'Invite people' })],
    ['/settings/members?tab=accounts', page => page.getByRole('button', { name: 'Delete ci' })],
    ['/settings/profile', page => page.getByText('this one')],
    ['/routing', page => page.locator('main').getByRole('link', { name: /House cloud/ })],
    ['/routing?tab=now', page => page.getByRole('listitem').filter({ hasText: 'House cloud' })],
    [`/routing?tab=rehearse&faults=${site.providers[0].id}:offline`, page => page.getByRole('heading', { name: 'Where they land' })],
    ['/reset#token=x', page => page.getByLabel('New password')],
    ['/playground', page => page.getByRole('button', { name: 'Send' })],
    ['/audit/jobs', page => page.getByRole('img', { name: 'answered' })],
    [`/audit/jobs/${job.id}`, page => page.getByRole('img', { name: /lanes over/ })],
    ['/audit/events', page => page.getByRole('cell', { name: /provider/ }).first()],
    ['/usage?by=provider&show=jobs&table=1', page => page.getByRole('link', { name: 'Spare cloud', exact: true })],
    ['/nothing/here', page => page.getByText('No page has this address')],
];

test('with something on it', options, async () => {
    const page = await site.window();
    for (const [address, whole] of pages()) {
        await page.goto(address);
        await whole(page).first().waitFor();
        await look_over(page, address);
        assert.deepEqual(page.complaints, [], address);
    }
    await page.context().close();
});

// Before anything was done: the address, and what then stands in the place of what is not there.
const empty = [
    ['/health', 'No provider'], ['/settings/providers', 'No provider yet'], ['/settings/models', 'No model yet'], ['/settings/keys', 'No key yet'],
    ['/settings/teams', 'No team yet'], ['/settings/members?tab=invited', 'Nobody is invited'], ['/settings/members?tab=accounts', 'For programs'],
    ['/routing?tab=now', 'No provider'], ['/routing?tab=rehearse', 'No request'], ['/playground', 'Send'], ['/audit/jobs', 'No jobs yet'], ['/audit/jobs?status=failed', 'No job matches'],
    ['/audit/events?action=nothing', 'No event matches'], ['/usage', 'Nothing was used in that time'],
];

test('with nothing on it', options, async () => {
    const page = await bare.window();
    for (const [address, words] of empty) {
        await page.goto(address);
        await page.getByRole('main').getByText(words).first().waitFor();
        await look_over(page, address);
        assert.deepEqual(page.complaints, [], address);
    }
    await page.context().close();
});

// Pages that ask the server for nothing.
const silent = ['/reset#token=x', '/nothing/here', '/settings/members?tab=roles'];
const TABS = 6; // the pages ask twice more before they say that it failed: meanwhile others load

// Each page in a tab of its own, where every question but who asks is answered so; `look` when it has said `sentence`.
async function each_when(answer, sentence, look, take = () => true) {
    const first = await site.window(), context = first.context();
    await context.route(url => url.pathname.startsWith('/api/') && !['/api/session', '/api/live'].includes(url.pathname), answer);
    const addresses = pages().map(([address]) => address).filter(address => !silent.includes(address)).filter(take);
    for (let at = 0; at < addresses.length; at += TABS)
        await Promise.all(addresses.slice(at, at + TABS).map(async address => {
            const tab = await context.newPage();
            await tab.goto(address);
            await tab.getByRole('alert').filter({ hasText: sentence }).first().waitFor().catch(error => assert.fail(`${address}: ${error.message}`));
            await look?.(tab, address);
            await tab.close();
        }));
    await context.close();
}

const failure = JSON.stringify({ code: 'internal', title: 'The server failed', detail: 'The disk is on fire.', fix: 'Put it out.', field: null, request_id: 'req_7' });

test('when the server fails, which it tells in its own words', options, () =>
    each_when(route => route.fulfill({ status: 500, contentType: 'application/problem+json', body: failure }), 'Put it out.', look_over));

// What fails in one way is shown as what fails in another: every page in a long run, every fourth else.
const is_long = process.env.AUXOT_TEST_LONG === '1';
test('when the server is gone, which every page says', options, () => each_when(route => route.abort(), 'The server could not be reached.', undefined, (_, at) => is_long || at % 4 === 0));

// What lies over a page: the address, what is pressed there, and what of it must be there.
const overlays = [
    ['/settings/providers', 'button', 'Add provider'], ['/settings/keys', 'button', 'Create key'], ['/settings/teams', 'button', 'Create team'], ['/settings/members', 'button', 'Invite'],
    ['/settings/members', 'button', 'New password for mia'], [() => `/settings/providers/${site.providers[0].id}`, 'button', 'Delete this provider'],
    ['/health', 'button', /^Search/], ['/settings/keys', 'button', 'Rotate laptop'],
];

test('with a modal open, which gives the focus back', options, async () => {
    const page = await site.window();
    for (const [where, role, name] of overlays) {
        const address = typeof where === 'function' ? where() : where;
        await page.goto(address);
        await page.getByRole(role, { name }).first().click();
        await page.getByRole('dialog').waitFor();
        await look_over(page, `${address}, ${name}`);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await page.waitForFunction(() => document.activeElement.matches('button')).catch(() => assert.fail(`${address}, ${name}: the focus does not come back`));
    }
    no_complaints(page);
    await page.context().close();
});

test('with the menu open, and with the rail on a narrow screen', options, async () => {
    const page = await site.window(site.owner, { width: 360, height: 740 });
    await page.goto('/health');
    await page.getByRole('article').first().waitFor();
    await page.getByRole('button', { name: 'Open the menu' }).click();
    await page.getByRole('link', { name: 'Providers' }).waitFor();
    await look_over(page, 'the rail');
    await page.getByRole('button', { name: 'Close the menu' }).click();
    await page.locator('header button[aria-haspopup="menu"]').click();
    await page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
    await look_over(page, 'the menu');
    no_complaints(page);
    await page.context().close();
});

test('whoever is not signed in: the sign-in, the set-up, a link that does not work and one that does', options, async () => {
    const { link } = await site.owner.api('POST', '/api/invitations', { email: 'other@example.com' }, { expect: 201 });
    const page = await site.browser.window(site.server);
    for (const [address, words] of [['/sign-in', 'Password'], ['/setup', 'There is an owner.'], ['/invite#token=x', 'This link does not work'], [link, 'You are invited as member.']]) {
        await page.goto(address);
        await page.getByText(words).first().waitFor();
        await look_over(page, address);
        await page.goto('about:blank'); // behind the # no address is another page
    }
    no_complaints(page);
    await page.context().close();
});

const moving = page => page.evaluate(() => document.getAnimations().map(each => each.effect.target.className));

test('for whom nothing may move nothing moves; in forced colours the focus shows and each state has its word', options, async () => {
    const page = await site.window(site.owner, { forcedColors: 'active' });
    await page.goto('/settings/providers');
    await page.getByRole('cell').filter({ hasText: /●.*online/ }).first().waitFor();
    for (let step = 0; step < 12; step++) {
        await page.keyboard.press('Tab');
        const ring = await page.evaluate(() => { const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement); return `${outlineStyle} ${outlineWidth}`; });
        assert.match(ring, /^(solid|auto) [1-9]/, `the focus shows at step ${step}`);
    }
    await page.getByRole('button', { name: 'Add provider' }).click();
    await page.getByRole('dialog').waitFor();
    assert.deepEqual(await moving(page), [], 'the modal is there at once');
    no_complaints(page);
    await page.context().close();
});
