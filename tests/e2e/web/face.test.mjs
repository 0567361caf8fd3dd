// What the first look tells: the answer line with its links, the pill, the health page, the set-up; each held to the API's own figures.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { until } from '../lib/process.mjs';
import { Site } from '../lib/site.mjs';
import { Worker, provider_of_workers } from '../lib/worker.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
let site;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    site.server.admin = (await site.owner.api('POST', '/api/keys', { name: 'tests', role: 'admin', scopes: ['inference', 'read', 'manage'] })).key; // workers are looked at with it
});
after(() => site?.stop());

test("an answer line is the API's sentence, and each of its nouns leads to what it names", options, async () => {
    await site.first.plays([{ then: { status: 503 } }]);
    const job = await site.job();
    const [house, spare] = site.providers, page = await site.window();
    assert.equal(job.answer_parts.map(part => part.text).join(''), job.answer_line);
    assert.deepEqual(job.answer_parts.filter(part => part.kind !== 'text').map(part => [part.kind, part.id]), [
        ['provider', spare.id], ['model', 'gpt-sim'], ['job', job.id], ['provider', house.id], ['moved_on_because', job.attempts[0].reason],
    ]);
    await page.goto(`/audit/jobs/${job.id}`);
    const line = page.locator('section', { has: page.getByRole('heading', { name: 'What became of it' }) }).locator('p').first();
    await line.waitFor();
    assert.equal(await line.textContent(), job.answer_line);
    for (const part of job.answer_parts.filter(each => ['provider', 'model', 'job'].includes(each.kind))) {
        const link = new URL(await line.getByRole('link', { name: part.text, exact: true }).getAttribute('href'), site.server.url);
        const want = { provider: `/settings/providers/${part.id}`, model: `/settings/models?find=${part.id}`, job: `/audit/jobs/${part.id}` };
        assert.equal(link.pathname + link.search, want[part.kind]);
    }
    const reason = job.answer_parts.find(part => part.kind === 'moved_on_because');
    await line.getByRole('button', { name: reason.text }).press('Enter');
    const told = page.getByRole('dialog').filter({ hasText: 'Why the request moved on' });
    await told.locator('.mono', { hasText: reason.id }).waitFor();
    if (reason.fix) await told.getByText(reason.fix).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await page.keyboard.press('Escape');
    await told.waitFor({ state: 'detached' });
    no_complaints(page);
    await page.context().close();
});

test('of a job that nobody answered each reason says how it ended and what to do', options, async () => {
    const job = await site.job('no-such-model'), page = await site.window();
    const ended = job.answer_parts.find(part => part.kind === 'ended_because');
    assert.deepEqual([ended.id, job.answer.ended_because.fix], ['unknown_model', ended.fix]);
    await page.goto(`/audit/jobs/${job.id}`);
    await page.getByRole('button', { name: ended.text }).click();
    const told = page.getByRole('dialog').filter({ hasText: 'How it ended' });
    await told.getByText(ended.fix).waitFor();
    await told.getByRole('link', { name: 'Jobs that ended so' }).click();
    await page.waitForURL('**/audit/jobs?reason=unknown_model');
    no_complaints(page);
    await page.context().close();
});

test('the playground shows the line of its job, linked', options, async () => {
    const page = await site.window();
    await page.goto('/playground');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('status').getByRole('link', { name: 'House cloud', exact: true }).waitFor();
    const { items: [job] } = await site.owner.api('GET', '/api/jobs?limit=1');
    assert.equal(await page.getByRole('status').filter({ hasText: 'House cloud' }).textContent(), `${job.answer_line} the job`);
    no_complaints(page);
    await page.context().close();
});

const summary = () => site.owner.api('GET', '/api/health/summary');
const dollars = microusd => `$${(microusd / 1e6).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: microusd === 0 ? 2 : microusd < 10_000 ? 6 : microusd < 1_000_000 ? 4 : 2 })}`;
const pill_words = ({ auto, spend }) => [`Auto → ${auto.provider?.name ?? 'nobody'}`, ...(auto.provider ? [auto.slots > 0 ? `${auto.busy}/${auto.slots} busy` : `${auto.in_flight} running`] : []),
    `${spend.hour_is_partial ? '≥ ' : ''}${dollars(spend.hour_microusd)}/h`].join(' · ');

test("the pill on every page says who answers Auto, how busy it is and what an hour costs, as the API does; it opens the rehearsal", options, async () => {
    await site.owner.api('PUT', '/api/prices', { model: 'gpt-sim', input_microusd_per_mtok: 50_000_000_000, output_microusd_per_mtok: 50_000_000_000 });
    await site.first.plays([]);
    await site.job();
    const cost = async () => (await site.owner.api('GET', `/api/usage?since=${Date.now() - 3_600_000}`)).totals.cost_microusd;
    await until(async () => { const now = await summary(); return now.spend.hour_microusd > 0 && now.spend.hour_microusd === await cost(); }, 'the hour is what the usage says');
    const explained = await site.owner.api('POST', '/api/routing/explain', { model: 'auto' });
    const now = await summary(), page = await site.window();
    assert.deepEqual([now.auto.provider.id, now.auto.model], [explained.candidates[0].provider.id, explained.candidates[0].model]);
    for (const address of ['/health', '/settings/keys', '/audit/jobs', '/usage', '/settings/profile']) {
        await page.goto(address);
        const pill = page.getByRole('banner').getByRole('link', { name: /^Auto → / });
        await until(async () => await pill.textContent() === pill_words(await summary()), `on ${address}`);
    }
    await page.getByRole('banner').getByRole('link', { name: /^Auto → / }).click();
    await page.waitForURL('**/routing?tab=rehearse');
    no_complaints(page);
    await page.context().close();
});

test('the pill follows who answers without a reload, is amber when our own are gone, and fits 360 pixels', options, async () => {
    const gpu = await provider_of_workers(site.server, 'gpu', 'GPU rack 1');
    const worker = await Worker.start(site.server, gpu.key, { models: ['llama'], name: 'rack-1', slots: 4 });
    await worker.parked();
    const page = await site.window(site.owner, { width: 360, height: 740 });
    await page.goto('/settings/keys');
    const pill = page.getByRole('banner').getByRole('link', { name: /^Auto → / });
    await pill.filter({ hasText: 'GPU rack 1' }).waitFor();
    assert.match(await pill.getAttribute('aria-label'), /^Auto → GPU rack 1 · 0\/4 busy · /);
    assert.equal(await pill.getAttribute('data-bad'), null);
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= 360'));
    worker.kill();
    await page.getByRole('banner').getByRole('link', { name: /^Auto → House cloud .* no local tier$/ }).waitFor();
    assert.equal(await pill.getAttribute('data-bad'), 'true');
    assert.deepEqual(await axe_findings(page), []);
    const told = await summary();
    assert.match(told.sentence, / Auto has no local tier since \d\d:\d\d UTC; the last hour cost \$\d+\.\d\d\.$/);
    await page.goto('/health');
    await page.getByRole('region', { name: 'Model providers' }).getByText('GPU is gone since').waitFor();
    no_complaints(page);
    await page.context().close();
    await site.owner.api('DELETE', `/api/providers/${gpu.id}`);
});

const kinds = {
    'Model providers': ['service', 'provider'], Workers: ['worker'], 'Queue and limits': ['queue', 'limit'], 'Errors and failovers': ['errors', 'failovers'],
    'Spend today': ['spend', 'budget'], Gateway: ['disk', 'certificate', 'backup', 'server'], 'Recent changes': ['change'],
};
const levels = ['down', 'degraded', 'note', 'fine'];

test("the health page: the API's sentence and step on top, its cards worst first, what is wrong with since, why and what to do", options, async () => {
    const [house] = site.providers, page = await site.window();
    await site.owner.api('PATCH', `/api/providers/${house.id}`, { api_key: 'sk-other-0123456789abcdef' });
    await site.first.plays([{ then: { status: 401 } }]);
    await site.job();
    await until(async () => (await summary()).items[0].kind === 'provider', 'it is the worst');
    await page.goto('/health');
    const item = page.getByRole('article', { name: 'provider: House cloud' });
    await item.waitFor();
    const now = await summary(), [worst] = now.items, top = await page.getByRole('status').first().textContent();
    assert.equal(top, `${now.sentence}${worst.what}: ${now.next_step}`);
    assert.equal(await page.getByRole('status').first().getByRole('link').getAttribute('href'), worst.link);
    const text = await item.textContent();
    for (const part of [worst.why_text, worst.fix, worst.state, 'since ']) assert.ok(text.includes(part), part);
    const shown = await page.getByRole('region').getByRole('heading', { level: 2 }).allTextContents();
    const level_of = title => Math.min(3, ...now.items.filter(each => kinds[title].includes(each.kind)).map(each => levels.indexOf(each.level)));
    assert.deepEqual(shown.map(level_of), shown.map(level_of).sort(), 'worst first');
    for (const each of now.items.filter(one => one.kind === 'errors' || one.kind === 'failovers')) {
        const [card] = (await page.getByRole('article').filter({ hasText: each.why_text }).all());
        const href = new URL(await card.getByRole('link').first().getAttribute('href'), site.server.url);
        assert.equal(href.pathname + href.search, each.link);
    }
    const changes = page.getByRole('region', { name: 'Recent changes' });
    const { items: users } = await site.owner.api('GET', '/api/users');
    for (const each of now.items.filter(one => one.kind === 'change')) {
        const who = users.find(user => each.why_text.includes(user.id));
        await changes.getByText(who ? each.why_text.replace(who.id, who.name) : each.why_text).first().waitFor();
    }
    no_complaints(page);
    await page.context().close();
    await site.first.plays([]);
    await site.owner.api('PATCH', `/api/providers/${house.id}`, { api_key: 'sk-test-0123456789abcdef' });
});

test("the gateway's card and the day's spending are the API's figures, and the wall screen has them without rail and bar", options, async () => {
    const page = await site.window();
    await page.goto('/health?tv=1');
    const { gateway, spend } = await summary(), card = page.getByRole('region', { name: 'Gateway' });
    await card.waitFor();
    const text = await card.textContent();
    assert.ok(text.includes(`Version${gateway.version}`) && text.includes('Backupnone yet') && !text.includes('Certificate'), text);
    assert.match(text, /Memory\d+(\.\d)? MiB/);
    assert.ok(gateway.memory_bytes > 1e6 && gateway.disk_free_bytes <= gateway.disk_total_bytes);
    assert.ok((await page.getByRole('region', { name: 'Spend today' }).textContent()).includes(`${dollars(spend.today_microusd)} today`));
    assert.equal(await page.getByRole('navigation').count(), 0);
    assert.equal(await page.getByRole('link', { name: /^Auto → / }).count(), 0);
    await page.getByRole('link', { name: 'Leave the wall screen' }).click();
    await page.getByRole('navigation').first().waitFor();
    no_complaints(page);
    await page.context().close();
});

test('a worker shows its heartbeat, counting towards the time when it is given up', options, async () => {
    const gpu = await provider_of_workers(site.server, 'gpu', 'GPU rack 1');
    const worker = await Worker.start(site.server, gpu.key, { models: ['llama'], name: 'rack-1' });
    await worker.parked();
    const { heartbeat } = await summary(), page = await site.window();
    await page.goto('/health');
    const meter = page.getByRole('meter', { name: /^Since the last heartbeat of rack-1/ });
    await meter.waitFor();
    assert.equal(await meter.getAttribute('aria-valuemax'), String(heartbeat.dead_after_ms / 1000));
    await page.waitForFunction(() => Number(document.querySelector('[role=meter][aria-label^="Since"]').getAttribute('aria-valuenow')) >= 2); // it counts
    no_complaints(page);
    await page.context().close();
    await worker.leave();
    await site.owner.api('DELETE', `/api/providers/${gpu.id}`);
});

test('before a key is revoked its callers of the last seven days are told, as the usage has them; after it the key opens nothing', options, async () => {
    const made = await site.owner.api('POST', '/api/keys', { name: 'build box' });
    const call = model => fetch(`${site.server.url}/api/openai/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }) });
    for (const model of ['gpt-sim', 'gpt-sim', 'gpt-mini']) assert.equal((await call(model)).status, 200);
    const usage = () => site.owner.api('GET', `/api/usage?key=${made.id}&group_by=model`);
    await until(async () => (await usage()).totals.jobs === 3, 'they are in the usage');
    const page = await site.window();
    await page.goto('/settings/keys');
    await page.getByRole('button', { name: 'Revoke build box' }).click();
    const dialog = page.getByRole('dialog', { name: 'Revoke build box?' });
    await dialog.getByText('3 requests in the last 7 days').waitFor();
    assert.deepEqual((await dialog.getByRole('listitem').allTextContents()).sort(), (await usage()).items.map(each => `${each.group.id}: ${each.jobs}`).sort());
    assert.deepEqual(await axe_findings(page), []);
    await dialog.getByRole('button', { name: 'Revoke it' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal((await call('gpt-sim')).status, 401);
    no_complaints(page);
    await page.context().close();
});

test('a rotated key says until when the secret before it works, which is when the API says', options, async () => {
    const made = await site.owner.api('POST', '/api/keys', { name: 'rotating' }), page = await site.window();
    await page.goto('/settings/keys');
    await page.getByRole('button', { name: 'Rotate rotating' }).click();
    await page.getByLabel(/copy it now/).waitFor();
    await page.keyboard.press('Escape');
    const { previous_until_ms } = await site.owner.api('GET', `/api/keys/${made.id}`);
    const row = page.getByRole('row').filter({ hasText: 'rotating' });
    await row.getByText('the secret before it until').waitFor();
    assert.equal(await row.locator('td').nth(1).locator('time').getAttribute('datetime'), new Date(previous_until_ms).toISOString());
    no_complaints(page);
    await page.context().close();
});

test('an invitation gets a new link, and the old one opens nothing; an account is disabled after a look at the keys that go with it', options, async () => {
    const { token } = await site.owner.api('POST', '/api/invitations', { email: 'lost@example.com' }, { expect: 201 });
    const page = await site.window();
    await page.goto('/settings/members?tab=invited');
    await page.getByRole('button', { name: 'A new link for lost@example.com' }).click();
    const link = new URL(await page.getByLabel(/works once/).inputValue());
    const look = given => fetch(`${site.server.url}/api/invitations/look`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-auxot-csrf': '1', origin: site.server.url }, body: JSON.stringify({ token: given }) });
    assert.equal((await look(token)).status, 404);
    const guest = await site.browser.window(site.server);
    await guest.goto(link.href);
    await guest.getByLabel('Your name').fill('Lou Lost');
    await guest.getByLabel('Password').first().fill('a heron on the bank');
    await guest.keyboard.press('Enter');
    await guest.getByRole('heading', { name: 'System health' }).waitFor();
    const { items: users } = await site.owner.api('GET', '/api/users'), lou = users.find(user => user.email === 'lost@example.com');
    const { key } = await site.owner.api('POST', '/api/keys', { name: 'of Lou', user: lou.id });
    const models = () => fetch(`${site.server.url}/api/openai/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal((await models()).status, 200);
    await page.goto('/settings/members');
    await page.getByRole('button', { name: 'Disable Lou Lost' }).click();
    const dialog = page.getByRole('dialog', { name: 'Disable Lou Lost?' });
    await dialog.getByRole('listitem').filter({ hasText: 'of Lou' }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await dialog.getByRole('button', { name: 'Disable the account' }).click();
    await page.getByRole('button', { name: 'Enable Lou Lost' }).waitFor();
    assert.equal((await models()).status, 401);
    no_complaints(page);
    await guest.context().close();
    await page.context().close();
});

test('the palette opens a job whose id is pasted, goes to a provider, and pauses and resumes it', options, async () => {
    const job = await site.job(), [, spare] = site.providers, page = await site.window();
    const palette = async text => {
        await page.keyboard.press('Control+k');
        await page.getByRole('textbox', { name: 'Search' }).fill(text);
    };
    await page.goto('/settings/keys');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    await palette(job.id);
    await page.getByRole('button', { name: `${job.id} Open this job` }).waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/audit/jobs/${job.id}`);
    await palette('Pause Spare');
    await page.getByRole('button', { name: 'Pause Spare cloud' }).click();
    await page.getByText('Spare cloud is paused.').waitFor();
    assert.equal((await site.owner.api('GET', `/api/providers/${spare.id}`)).paused, true);
    await palette('Resume Spare');
    await page.getByRole('button', { name: 'Resume Spare cloud' }).click();
    await page.getByText('Spare cloud may answer again.').waitFor();
    assert.equal((await site.owner.api('GET', `/api/providers/${spare.id}`)).paused, false);
    await palette('House cloud');
    await page.getByRole('button', { name: /^House cloud/ }).first().click();
    await page.waitForURL(`**/settings/providers/${site.providers[0].id}`);
    no_complaints(page);
    await page.context().close();
});
