// The web UI from an empty data directory on: set-up, sign-in, the first provider; by a browser, at the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, Browser, chromium_path, no_complaints } from '../lib/browser.mjs';
import { good_password } from '../lib/person.mjs';
import { Server } from '../lib/server.mjs';
import { Sim } from '../lib/sim.mjs';
import { Worker } from '../lib/worker.mjs';

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

const ticks = () => page.getByRole('list', { name: 'What was tried' }).getByRole('listitem');
const fine = () => page.getByRole('list', { name: 'What was tried' }).getByRole('img', { name: 'done' });
const login = async () => (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
const api = async where => (await fetch(server.url + where, { headers: { cookie: await login() } })).json();
const step = () => page.locator('[aria-current=step]').textContent();

test('whoever comes first is led to the set-up, and becomes the owner with the printed token; a reload keeps what was typed, but no secret', options, async () => {
    await page.goto('/');
    await page.waitForURL('**/setup');
    const [, token] = server.all_logs.match(/set-up token: (auxo_\w+)/);
    await page.getByLabel('Organization').fill('Example Ltd');
    await page.getByLabel('Your name').fill('Olga');
    await page.getByLabel('E-mail').fill('olga@example.com');
    await page.getByLabel('Password', { exact: false }).first().fill(good_password);
    await page.reload();
    assert.equal(await page.getByLabel('E-mail').inputValue(), 'olga@example.com');
    assert.equal(await page.getByLabel('Password', { exact: false }).first().inputValue(), '');
    await page.getByLabel('Set-up token').fill(token);
    await page.getByLabel('Password', { exact: false }).first().fill(good_password);
    assert.deepEqual(await axe_findings(page), []);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/setup?step=provider');
    assert.equal(await step(), '2. First provider');
    no_complaints(page);
});

test('a provider whose key is refused: reached, not let in, with its own sentence; back has what was typed', options, async () => {
    await sim.plays([{ when: { path: '/models' }, then: { status: 401 }, times: 100 }]);
    await page.getByRole('radio', { name: /OpenAI-compatible/ }).check();
    await page.getByLabel('Name').fill('Wrong cloud');
    await page.getByLabel('Base URL').fill(sim.base_url);
    await page.getByLabel('API key').fill('sk-wrong-0123456789abcdef');
    assert.deepEqual(await axe_findings(page), []);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.waitForURL('**/setup?step=provider&provider=prv_*');
    await ticks().filter({ hasText: 'Let in: ' }).waitFor();
    assert.match((await ticks().allTextContents()).join('|'), /^✓ Reached: in \d+ ms\|✕ Let in: .*key.*\|○ Models found\|○ One token$/i);
    assert.equal(await page.getByRole('button', { name: 'Choose models' }).isDisabled(), true);
    assert.deepEqual(await axe_findings(page), []);
    await page.goBack();
    assert.deepEqual([await page.getByLabel('Name').inputValue(), await page.getByLabel('API key').inputValue()], ['Wrong cloud', 'sk-wrong-0123456789abcdef']);
    await sim.plays([]);
    no_complaints(page);
});

test('a provider is really tried: reached, let in, models found, one token, of which there is a job; a reload goes on here', options, async () => {
    await page.getByLabel('Name').fill('House cloud');
    await page.getByLabel('API key').fill('sk-test-0123456789abcdef');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('House cloud was added.').waitFor();
    await fine().nth(3).waitFor();
    assert.match((await ticks().allTextContents()).join('|'), /^✓ Reached: in \d+ ms\|✓ Let in\|✓ Models found: 2\|✓ One token: gpt-\w+ answered in [\d.]+ m?s$/);
    const { items: [job] } = await api('/api/jobs?limit=1');
    assert.deepEqual([job.provider.name, job.status], ['House cloud', 'done']);
    await page.reload();
    await page.getByText('House cloud was added.').waitFor();
    await page.getByRole('button', { name: 'Choose models' }).click();
    no_complaints(page);
});

test('models are chosen and saved at once', options, async () => {
    await page.getByRole('status').filter({ hasText: '2 of 2 are shown' }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await page.getByRole('checkbox', { name: 'gpt-mini' }).click();
    await page.getByRole('status').filter({ hasText: '1 of 2 are shown' }).waitFor();
    const { items } = await api('/api/providers');
    assert.deepEqual(items.find(each => each.name === 'House cloud').models.filter(model => model.surfaced).map(model => model.id), ['gpt-sim']);
    await page.getByRole('button', { name: 'Say hello' }).click();
    no_complaints(page);
});

test("hello to Auto streams an answer with the server's line; then a key, and what to paste", options, async () => {
    await page.getByRole('button', { name: 'Say hello to Auto' }).click();
    await page.getByRole('link', { name: 'the job' }).waitFor();
    const { items: [job] } = await api('/api/jobs?limit=1');
    assert.deepEqual([job.requested_model, await page.getByRole('status').textContent()], ['auto', `${job.answer_line} the job`]);
    assert.deepEqual(await axe_findings(page), []);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Make a key' }).click();
    const key = await page.getByLabel(/copy it now/).inputValue();
    for (const name of ['curl', 'OpenAI SDK', 'Anthropic SDK']) {
        await page.getByRole('tab', { name }).click();
        assert.ok((await page.getByRole('tabpanel').textContent()).includes(key), name);
    }
    assert.deepEqual(await axe_findings(page), []);
    const answer = await fetch(`${server.url}/api/openai/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(answer.status, 200);
    await page.getByRole('link', { name: 'To the providers' }).click();
    await page.getByRole('status').filter({ hasText: /Auto answers from (House|Wrong) cloud/ }).waitFor(); // the other one's key is let in by now
    no_complaints(page);
});

test('with a GPU alone: the join command makes a worker join, its models are found, one token comes; nothing narrow scrolls', options, async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto('/setup');
    await page.getByRole('radio', { name: /GPU worker/ }).check();
    await page.getByLabel('Name').fill('Rack');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    const command = page.getByLabel(/Run this on the machine/);
    await command.waitFor();
    assert.equal(await fine().count(), 0);
    assert.deepEqual(await axe_findings(page), []);
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= 360'));
    const [, key] = (await command.inputValue()).match(/^AUXOT_WORKER_KEY=(\S+) auxot worker gpu --server /);
    const worker = await Worker.start(server, key, { models: ['llama'], name: 'rack-1', slots: 2 });
    await fine().nth(2).waitFor();
    assert.match((await ticks().allTextContents()).join('|'), /^✓ A worker has joined: rack-1, 2 slots\|✓ Models found: 1\|✓ One token: llama answered in [\d.]+ m?s$/);
    await worker.leave();
    no_complaints(page);
});

test('the set-up of an installation that is set up is for who is signed in', options, async () => {
    const stranger = await browser.window(server);
    await stranger.goto('/setup?step=models');
    await stranger.getByText('There is an owner.').waitFor();
    assert.equal(await stranger.getByRole('link', { name: 'Sign in' }).getAttribute('href'), '/sign-in?back=%2Fsetup%3Fstep%3Dmodels');
    no_complaints(stranger);
    await stranger.context().close();
});
