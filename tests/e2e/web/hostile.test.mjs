// Pages of other origins, and text that wants to be more than text. T15 and T16 of RELIABILITY.md, by a browser.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { chromium_path, no_complaints } from '../lib/browser.mjs';
import { Site } from '../lib/site.mjs';

const options = { skip: !chromium_path && 'no Chromium' };
let site, foreign, foreign_url;

before(async () => {
    if (!chromium_path) return;
    site = await Site.start();
    foreign = createServer((request, response) => { response.setHeader('content-type', 'text/html'); response.end('<!doctype html><title>elsewhere</title>'); });
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    foreign_url = `http://127.0.0.1:${foreign.address().port}`;
});
after(async () => {
    foreign?.close();
    await site?.stop();
});

test('T15 a page of another origin changes nothing, reads nothing and cannot frame us, with the cookie of one who is signed in', options, async () => {
    const page = await site.window();
    await page.goto(foreign_url);
    const before_it = await site.owner.api('GET', '/api/teams');
    const seen = await page.evaluate(async url => {
        const tries = [];
        for (const [method, headers] of [['POST', { 'content-type': 'text/plain' }], ['POST', { 'content-type': 'application/json', 'x-auxot-csrf': '1' }], ['GET', {}]])
            tries.push(await fetch(`${url}/api/teams`, { method, headers, credentials: 'include', mode: 'cors', body: method === 'POST' ? '{"name":"evil"}' : undefined })
                .then(answer => `read ${answer.status}`, () => 'refused'));
        tries.push(await fetch(`${url}/api/teams`, { method: 'POST', credentials: 'include', mode: 'no-cors', body: '{"name":"evil"}' }).then(answer => answer.type, () => 'refused'));
        const socket = new WebSocket(`${url.replace('http', 'ws')}/api/worker/v1/control`);
        tries.push(await new Promise(done => { socket.onopen = () => done('open'); socket.onerror = () => done('refused'); }));
        const frame = document.createElement('iframe');
        frame.src = `${url}/sign-in`;
        document.body.append(frame);
        await new Promise(done => { frame.onload = done; });
        let inside = 'hidden';
        try { inside = frame.contentDocument?.title ?? 'hidden'; } catch { /* another origin, or the error page */ }
        return { tries, inside };
    }, site.server.url);
    assert.deepEqual(seen.tries, ['refused', 'refused', 'refused', 'opaque', 'refused']);
    assert.notEqual(seen.inside, 'Sign in · Auxot');
    assert.ok(page.complaints.some(line => /frame-ancestors/.test(line)), `the browser refuses the frame: ${page.complaints.join('; ')}`);
    assert.deepEqual(await site.owner.api('GET', '/api/teams'), before_it, 'no team was made');
    await page.context().close();
});

// Markup, links, handlers, entities, templates, bidirectional marks: each also behind what closes an attribute or an element.
const cores = [
    '<img src=x onerror=alert(1)>', '<script>alert(1)</script>', '<svg onload=alert(1)>', '<iframe srcdoc="<script>alert(1)</script>">', '<a href="javascript:alert(1)">x</a>',
    '<img src="http://evil.example/leak?q=1">', '![x](http://evil.example/leak.png)', '[x](javascript:alert(1))', '<style>@import "http://evil.example/x.css"</style>',
    '<link rel=stylesheet href=http://evil.example/x.css>', '<base href=http://evil.example/>', '<meta http-equiv=refresh content="0;url=http://evil.example/">',
    '<form action=http://evil.example><input name=q autofocus onfocus=alert(1)>', '<object data=http://evil.example/x>', '<video><source onerror=alert(1)></video>',
    '{{constructor.constructor("alert(1)")()}}', '${alert(1)}', '&lt;script&gt;alert(1)&lt;/script&gt;', 'javascript:alert(1)', 'data:text/html,<script>alert(1)</script>',
    '\u202eevil\u202c', '<math><mtext><img src=x onerror=alert(1)>', '<details open ontoggle=alert(1)>', '<template><script>alert(1)</script></template>', '<!--><img src=x onerror=alert(1)>-->',
];
const wraps = [core => core, core => `"${core}`, core => `'>${core}`, core => `"></td></table>${core}`, core => `</script>${core}`, core => `--></style>${core}`, core => `\`${core}\``, core => `]]>${core}`];
const payloads = cores.flatMap(core => wraps.map(wrap => wrap(core)));

test('T16 200 payloads in answers and in names are text: no dialog, no foreign request, no complaint of the policy', options, async () => {
    assert.ok(payloads.length >= 200);
    const page = await site.window();
    page.on('dialog', dialog => { page.complaints.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
    // As an answer that streams: all of them in one, each as a line.
    await site.first.plays([{ then: { text: payloads.join('\n') } }]);
    await page.goto('/playground');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('link', { name: 'the job' }).waitFor();
    assert.equal(await page.getByRole('log', { name: 'Answer' }).textContent(), payloads.join('\n'), 'every character is there, as text');
    // As names: of teams, as many as one page has.
    for (const payload of payloads.slice(0, 40)) await site.owner.call('POST', '/api/teams', { name: payload.slice(0, 60) });
    await site.owner.api('POST', '/api/keys', { name: payloads[0] });
    for (const address of ['/settings/teams', '/settings/keys', '/audit/events', '/audit/jobs?model=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E', '/sign-in?back=javascript:alert(1)', '/%3Cscript%3Ealert(1)%3C/script%3E']) {
        await page.goto(address);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        assert.equal(await page.locator('img[src="x"], iframe, object, base, [onerror], [onload]').count(), 0, address);
    }
    no_complaints(page);
    await page.context().close();
});

test('T16 the page itself cannot turn text into markup, nor load a script from elsewhere', options, async () => {
    const page = await site.window();
    await page.goto('/settings/profile');
    const said = await page.evaluate(() => {
        const tries = {};
        const attempt = (name, run) => { try { run(); tries[name] = 'done'; } catch (error) { tries[name] = error.name; } };
        attempt('html', () => { document.createElement('div').innerHTML = '<b>x</b>'; });
        attempt('script', () => { document.createElement('script').src = 'http://evil.example/x.js'; });
        attempt('worker', () => new Worker('/assets/other.js'));
        return tries;
    });
    assert.deepEqual(said, { html: 'TypeError', script: 'TypeError', worker: 'TypeError' });
    await page.context().close();
});
