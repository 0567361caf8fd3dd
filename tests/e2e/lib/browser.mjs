// A browser at the real server: Debian's Chromium, driven by Playwright's library. It reaches no other host, and everything
// that a page complains of (an exception, a line on the console, a report of the policy) fails the test that met it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

export const chromium_path = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const axe_source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export class Browser {
    static async start() {
        const it = new Browser();
        it.browser = await chromium.launch({
            executablePath: chromium_path,
            args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
        });
        return it;
    }

    stop() { return this.browser.close(); }

    // A person's own window: cookies of nobody else.
    async window(server, { width = 1280, height = 800, dark = false, ...more } = {}) {
        const context = await this.browser.newContext({ baseURL: server.url, viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', reducedMotion: 'reduce', ...more });
        const page = await context.newPage();
        page.complaints = [];
        page.setDefaultTimeout(15_000);
        page.on('pageerror', error => page.complaints.push(`exception: ${error.message}`));
        page.on('console', line => {
            // A failed call is the page's to show; Chromium notes each on the console, too.
            if ((line.type() === 'error' || line.type() === 'warning') && !/Failed to load resource/.test(line.text()))
                page.complaints.push(`${line.type()}: ${line.text()}`);
        });
        page.on('request', request => {
            if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) page.complaints.push(`foreign request: ${request.url()}`);
        });
        return page;
    }
}

export const no_complaints = page => assert.deepEqual(page.complaints, []);

// What axe finds on the page as it is. Through the DevTools protocol: the policy forbids script tags, and is right.
export async function axe_findings(page) {
    const session = await page.context().newCDPSession(page);
    const { result: known } = await session.send('Runtime.evaluate', { expression: 'typeof axe' });
    if (known.value === 'undefined') await session.send('Runtime.evaluate', { expression: axe_source });
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
        expression: `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] })
            .then(found => JSON.stringify(found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | '))))`,
        awaitPromise: true, returnByValue: true,
    });
    await session.detach();
    assert.ok(!exceptionDetails, JSON.stringify(exceptionDetails));
    return JSON.parse(result.value);
}

const schemes = ['light', 'dark'];
const screens = [{ width: 360, height: 740, deviceScaleFactor: 1 }, { width: 640, height: 400, deviceScaleFactor: 2 }]; // a phone; 1280 pixels at 200 %

// What stands out to the right, from the outermost on.
const beyond = () => [...document.querySelectorAll('body *')].filter(each => each.getBoundingClientRect().right > innerWidth + 0.5).slice(0, 5)
    .map(each => `${each.tagName.toLowerCase()}.${each.className} "${each.textContent.slice(0, 40)}"`).join('; ');

// Nothing found in either colours, and on a narrow screen and at 200 % nothing beside the screen. The page stays as it was.
export async function look_over(page, what) {
    for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme });
        await page.waitForFunction(scheme => document.documentElement.dataset.mantineColorScheme === scheme && document.getAnimations().every(one => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity), colorScheme);
        assert.deepEqual(await axe_findings(page), [], `${what}, ${colorScheme}`);
    }
    const session = await page.context().newCDPSession(page);
    for (const screen of screens) {
        await session.send('Emulation.setDeviceMetricsOverride', { ...screen, mobile: false });
        await page.waitForFunction(width => innerWidth === width && document.documentElement.scrollWidth <= width, screen.width, { timeout: 3_000 })
            .catch(async () => assert.fail(`${what}: wider than a screen of ${screen.width}: ${await page.evaluate(beyond)}`));
    }
    await session.detach();
}
