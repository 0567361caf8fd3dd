// The list of jobs with 100,000 of them: a filter shows its first row at once, and however many rows were loaded, few are drawn.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium_path, no_complaints } from '../lib/browser.mjs';
import { multiply_jobs } from '../lib/many_jobs.mjs';
import { openai } from '../lib/server.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const JOBS = 100_000, SEED = 240, TRIES = 5, BUDGET_MS = 300, DRAWN_MAX = 80;
let site, all;

// Of each kind some: done, failed over, refused, at two models.
async function seed() {
    await site.first.plays([{ when: { model: 'gpt-sim' }, then: { status: 503 } }]);
    const models = ['gpt-mini', 'gpt-sim', 'gpt-mini', 'no-such-model'];
    const one = at => site.owner.call('POST', `${openai}/chat/completions`, { model: models[at % models.length], messages: [{ role: 'user', content: 'hi' }] });
    for (let at = 0; at < SEED; at += 8) await Promise.all(Array.from({ length: 8 }, (_, i) => one(at + i)));
    await one(0); // the newest is of no filter that is measured
}

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    await seed();
    await site.server.stop();
    all = multiply_jobs(site.server.data, JOBS);
    await site.server.restart();
});
after(() => site?.stop());

// In the page: from the press of a button to a row of that filter that was painted.
const measure = (page, name, word) => page.evaluate(([name, word]) => new Promise(done => {
    const has_it = () => document.querySelector('table[aria-label="Jobs"][aria-busy="false"] tr[aria-rowindex="2"]')?.textContent.includes(word);
    const painted = new MessageChannel();
    const look = () => {
        if (has_it()) painted.port2.postMessage(0); // comes behind the frame that has it
        else requestAnimationFrame(look);
    };
    if (has_it()) throw new Error('the first row has it before the filter');
    const began = performance.now();
    painted.port1.onmessage = () => done(performance.now() - began);
    [...document.querySelectorAll('button')].find(each => each.textContent === name).click();
    requestAnimationFrame(look);
}), [name, word]);

const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

test(`of 100,000 jobs the first row of a filter is there within ${BUDGET_MS} ms`, options, async t => {
    assert.ok(all >= JOBS);
    const page = await site.window();
    const best = [], middle = [];
    for (const [name, word] of [['Failovers', 'failed over'], ['Refused', 'refused']]) {
        const tries = [];
        for (let i = 0; i < TRIES; i++) {
            await page.goto('/audit/jobs?live=off');
            await page.getByRole('row').nth(1).waitFor();
            tries.push(await measure(page, name, word));
        }
        best.push(Math.min(...tries));
        middle.push(median(tries));
        t.diagnostic(`${name}: best ${Math.round(best.at(-1))} ms, median ${Math.round(middle.at(-1))} ms of ${TRIES}`);
    }
    assert.ok(median(best) <= BUDGET_MS, `${best.map(Math.round)} ms`);
    no_complaints(page);
    await page.context().close();
});

const LOOKS = 20_000;
// All pages of a list that the server looks through, by its cursors.
async function look_through(query) {
    const found = [];
    let pages = 0, longest_ms = 0;
    for (let cursor = ''; ; pages++) {
        const began = performance.now();
        const page = await site.owner.api('GET', `/api/jobs?limit=200&${query}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
        longest_ms = Math.max(longest_ms, performance.now() - began);
        found.push(...page.items.map(job => job.id));
        if (!page.next_cursor) {
            assert.equal(page.looked_back_to_ms, null, 'the last page looked to the end');
            return { found, pages: pages + 1, longest_ms };
        }
        assert.ok(page.looked_back_to_ms > 0, 'a page that ends before says how far it looked');
        cursor = page.next_cursor;
    }
}

async function look_all(query) {
    const found = [];
    for (let cursor = ''; ;) {
        const page = await site.owner.api('GET', `/api/jobs?limit=200&${query}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
        found.push(...page.items.map(job => job.id));
        if (!page.next_cursor) return found;
        cursor = page.next_cursor;
    }
}

test('what no index knows is looked for in pages of 20,000 jobs, and all of it is found', options, async t => {
    const { totals } = await site.owner.api('GET', '/api/usage?bucket=none');
    assert.equal(totals.jobs, all, 'rows and sums are one');
    const none = await look_through('duration_from=1000000000');
    assert.equal(none.found.length, 0);
    assert.equal(none.pages, Math.ceil(all / LOOKS));
    const since = Date.now() - 30 * 60_000;
    const over = await look_through(`failed_over=true&since=${since}`), indexed = await look_all(`reason=failover&since=${since}`);
    assert.deepEqual(over.found, indexed);
    assert.equal(new Set(over.found).size, over.found.length, 'each once');
    t.diagnostic(`the longest page of ${none.pages}: ${Math.round(none.longest_ms)} ms`);
    const page = await site.window();
    await page.goto('/audit/jobs?duration_from=1000000000&live=off');
    await page.getByText('No job matches so far').waitFor();
    await page.getByRole('status').filter({ hasText: 'Looked through the jobs, back to' }).waitFor();
    const more = page.getByRole('button', { name: 'More', exact: true }), none_at_all = page.getByText('No job matches', { exact: true });
    for (await more.or(none_at_all).first().waitFor(); !await none_at_all.isVisible(); await more.or(none_at_all).first().waitFor())
        await more.click({ timeout: 5_000 }).catch(() => {}); // it may be gone by now
    no_complaints(page);
    await page.context().close();
});

test('of thousands of rows that were loaded only those in sight are in the page, and the last is as quick to see as the first', options, async () => {
    const page = await site.window(), table = page.getByRole('table', { name: 'Jobs' }), rows = table.getByRole('row');
    const loaded = async () => Number(await table.getAttribute('aria-rowcount'));
    await page.goto('/audit/jobs?live=off');
    await rows.nth(1).waitFor();
    let last = await loaded();
    for (; last < 2_000; last = await loaded()) {
        await page.getByRole('button', { name: 'More', exact: true }).click();
        await page.waitForFunction(had => Number(document.querySelector('table[aria-rowcount]')?.getAttribute('aria-rowcount')) > had, last, { timeout: 5_000 }).catch(() => {}); // else it is pressed again
        assert.ok(await rows.count() <= DRAWN_MAX, `${await rows.count()} rows are drawn`);
    }
    await page.waitForFunction(at => { // rows are as high as they are when they are drawn: the end is where it is then
        scrollTo(0, document.documentElement.scrollHeight);
        return document.querySelector(`tr[aria-rowindex="${at}"]`) !== null;
    }, last);
    assert.ok(await rows.count() <= DRAWN_MAX, `${await rows.count()} rows are drawn`);
    no_complaints(page);
    await page.context().close();
});
