// node shots.mjs <folder>: pictures of the pages for the README, in both colours, from a little installation with some traffic.
// AUXOT_BIN is the program. Not a test: pictures are looked at by people.
import { join, resolve } from 'node:path';
import { Browser } from './lib/browser.mjs';
import { invite, set_up } from './lib/person.mjs';
import { until } from './lib/process.mjs';
import { openai, Server } from './lib/server.mjs';
import { Sim } from './lib/sim.mjs';

const folder = resolve(process.argv[2] ?? '../../docs/images');
const [server, rack, cloud, claude, browser] = await Promise.all([
    Server.start(), Sim.start({ dialect: 'llama', models: ['qwen3-32b'] }), Sim.start({ models: ['gpt-5.5', 'gpt-5.5-mini'] }),
    Sim.start({ dialect: 'anthropic', models: ['claude-sonnet-4-5'] }), Browser.start()]);
const owner = await set_up(server, { name: 'Olga Owner', organization: 'Example Ltd' });
const api = (method, path, body) => owner.api(method, path, body);
const gpu = await api('POST', '/api/providers', { type: 'gpu', name: 'GPU rack 1', base_url: rack.url });
await api('POST', '/api/providers', { type: 'openai', name: 'OpenAI', api_key: 'sk-test-0123456789abcdef', base_url: cloud.base_url });
await api('POST', '/api/providers', { type: 'anthropic', name: 'Anthropic prod', api_key: 'sk-ant-test-0123456789abcdef', base_url: claude.base_url });
const team = await api('POST', '/api/teams', { name: 'Engineering', policy: { requests_per_minute: 120, tokens_per_minute: 400_000, budget_microusd_per_month: 200_000_000 } });
const guest = await invite(owner, 'ben@example.com', { team: team.id });
await api('POST', '/api/keys', { name: 'laptop' });
await api('POST', '/api/keys', { name: 'ci', team: team.id });
let last;
for (const [model, who] of [['auto', owner], ['gpt-5.5', guest], ['auto', guest], ['claude-sonnet-4-5', owner], ['qwen3-32b', owner], ['gpt-5.5-mini', guest], ['auto', owner]])
    await who.call('POST', `${openai}/chat/completions`, { model, messages: [{ role: 'user', content: 'Say hello.' }] });
await rack.plays([{ then: { status: 503 } }]);
for (let i = 0; i < 4; i++) last = await owner.call('POST', `${openai}/chat/completions`, { model: 'auto', messages: [{ role: 'user', content: 'Once more.' }] });
const job = last.headers['x-auxot-job'];
await until(async () => { const it = await owner.call('GET', `/api/jobs/${job}`); return it.status === 200 && it.json.status !== 'open'; }, 'the last job is on record');

const pages = {
    health: '/health', providers: '/settings/providers', provider: `/settings/providers/${gpu.id}`, models: '/settings/models', keys: '/settings/keys', team: `/settings/teams/${team.id}`,
    members: '/settings/members', jobs: '/audit/jobs', job: `/audit/jobs/${job}`, usage: '/usage', map: '/routing', routing: '/routing?tab=now', rehearse: `/routing?tab=rehearse&faults=${gpu.id}:offline`,
};
for (const dark of [false, true]) {
    const page = await browser.window(server, { dark, height: 860 });
    await page.context().addCookies(Object.entries(owner.jar).map(([name, value]) => ({ name, value, url: server.url })));
    for (const [name, path] of Object.entries(pages)) {
        await page.goto(path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
        await new Promise(done => setTimeout(done, 700)); // what is drawn last
        await page.screenshot({ path: join(folder, `${name}-${dark ? 'dark' : 'light'}.png`) });
    }
}
await browser.stop();
for (const each of [rack, cloud, claude, server]) await each.stop();
process.exit(0);
