// How the first page feels on a slow line and a slow machine, and what a page that stays open takes: UI.md section 7.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium_path, no_complaints } from '../lib/browser.mjs';
import { Site } from '../lib/site.mjs';
import { in_parallel } from '../lib/teams.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
const is_long = process.env.AUXOT_TEST_LONG === '1';
const MB = 1_000_000, MBIT = 1_000_000 / 8, USABLE_MS = 2_800;
const slow_line = { offline: false, latency: 150, downloadThroughput: 1.6 * MBIT, uploadThroughput: 1.6 * MBIT };
let site;

before(async () => {
    if (chromium_path) site = await Site.start();
});
after(() => site?.stop());

// From the first byte that is asked for until the sentence about Auto and the table stand there, with nothing in the cache.
async function first_look() {
    const page = await site.window(); // a profile of its own: an empty cache
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', slow_line);
    await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    await page.goto('/settings/providers', { waitUntil: 'commit' });
    await page.getByRole('link', { name: 'House cloud', exact: true }).waitFor();
    await page.getByText('Auto answers from').waitFor();
    const ms = await page.evaluate(() => performance.now());
    no_complaints(page);
    await page.context().close();
    return ms;
}

// Timings decide nothing in a normal run: a machine that others use says nothing about the page. A long one holds the best of the tries to the budget.
test(`how soon the providers page can be used, at a quarter of the speed and 1.6 Mbit/s with 150 ms${is_long ? ': within 2.8 s' : ''}`, options, async () => {
    const tries = [];
    while (tries.length < (is_long ? 5 : 1)) tries.push(Math.round(await first_look()));
    console.log(`# usable after ${tries.join(', ')} ms`);
    assert.ok(!is_long || Math.min(...tries) <= USABLE_MS, `${tries.join(', ')} ms`);
});

async function heap_of(session) {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize;
}

// Each job is some frames of the live stream, on each of the pages.
async function busy(jobs) {
    const body = { model: 'gpt-sim', messages: [{ role: 'user', content: 'hi' }] };
    await in_parallel(jobs, 8, () => site.owner.call('POST', '/api/openai/v1/chat/completions', body));
}

test(`the heap of pages that stay open does not grow with what they are told${is_long ? '; after 30 minutes it is below 120 MB' : ''}`, options, async () => {
    const watched = [];
    for (const address of ['/audit/jobs', '/health']) {
        const page = await site.window(), session = await page.context().newCDPSession(page);
        await page.goto(address);
        await page.getByRole('heading', { level: 1 }).waitFor();
        watched.push({ address, page, session });
    }
    await busy(600);
    for (const one of watched) one.early = await heap_of(one.session);
    const until = Date.now() + (is_long ? 30 * 60_000 : 0);
    do await busy(1_800); while (Date.now() < until);
    for (const { address, page, session, early } of watched) {
        const late = await heap_of(session);
        console.log(`# ${address}: ${(early / MB).toFixed(1)} MB after 600 jobs, ${(late / MB).toFixed(1)} MB in the end`);
        assert.ok(late < early + 4 * MB, `${address}: ${early} bytes, then ${late}`);
        assert.ok(late <= 120 * MB, `${address}: ${late}`);
        no_complaints(page);
        await page.context().close();
    }
});
