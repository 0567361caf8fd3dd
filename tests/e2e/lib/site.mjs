// A browser's server: an owner who is signed in, two providers of whom one can be made to fail, and jobs on record.
import { set_up } from './person.mjs';
import { Browser } from './browser.mjs';
import { openai, Server } from './server.mjs';
import { Sim } from './sim.mjs';
import { until } from './process.mjs';

export class Site {
    // `names`: of the providers; none for a server on which nothing was done yet.
    static async start(options = {}, names = ['House cloud', 'Spare cloud']) {
        const it = new Site();
        [it.server, it.first, it.second, it.browser] = await Promise.all(
            [Server.start(options), Sim.start({ models: ['gpt-sim'] }), Sim.start({ models: ['gpt-sim', 'gpt-mini'] }), Browser.start()]);
        it.owner = await set_up(it.server);
        it.providers = [];
        for (const [at, name] of names.entries())
            it.providers.push(await it.owner.api('POST', '/api/providers', { type: 'openai', name, api_key: 'sk-test-0123456789abcdef', base_url: [it.first, it.second][at].base_url }));
        return it;
    }

    async stop() {
        await this.browser?.stop();
        await this.first?.stop();
        await this.second?.stop();
        await this.server?.stop();
    }

    // A window in which this person is signed in.
    async window(person = this.owner, look = {}) {
        const page = await this.browser.window(this.server, look);
        await page.context().addCookies(Object.entries(person.jar).map(([name, value]) => ({ name, value, url: this.server.url })));
        return page;
    }

    // One request through the API, and its job when it is on record.
    async job(model = 'gpt-sim') {
        const answer = await this.owner.call('POST', `${openai}/chat/completions`, { model, messages: [{ role: 'user', content: 'hi' }] });
        const id = answer.headers['x-auxot-job'];
        return until(async () => {
            const read = await this.owner.call('GET', `/api/jobs/${id}`);
            return read.status === 200 && read.json.status !== 'open' && read.json;
        }, 'the job is on record');
    }
}
