// What the first look tells: the answer line with its links, the pill, the health page, the set-up; each held to the API's own figures.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_findings, chromium_path, no_complaints } from '../lib/browser.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
let site;

before(async () => { if (chromium_path) site = await Site.start(); });
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
    await page.getByRole('status').getByRole('link', { name: 'House cloud' }).waitFor();
    const { items: [job] } = await site.owner.api('GET', '/api/jobs?limit=1');
    assert.equal(await page.getByRole('status').filter({ hasText: 'House cloud' }).textContent(), `${job.answer_line} the job`);
    no_complaints(page);
    await page.context().close();
});
