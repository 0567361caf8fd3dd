// A scene of translation: one provider of each dialect, each held to its vendor's rules, and whoever asks them.
//
//     const here = await crossing();
//     for (const { title, caller, to, stream, say } of here.ways()) test(`${title}: ...`, ...)
import assert from 'node:assert/strict';
import { callers } from './callers.mjs';
import { scene } from './scene.mjs';

const strict = ['--strict'];
// An address that is not that of a machine of ours: the server knows what local servers lack, and spares them.
const as_a_cloud = url => url.replace('127.0.0.1', '[::ffff:127.0.0.1]');

export const cast = {
    chat: { models: ['gpt-chat'], flags: strict, address: as_a_cloud, dialects: ['chat_completions'] },
    responses: { models: ['gpt-responses'], flags: strict, address: as_a_cloud, dialects: ['responses'] },
    messages: { dialect: 'anthropic', models: ['claude-messages'], flags: strict, address: as_a_cloud },
    llama: { dialect: 'llama', models: ['llama-strict-template-vision'], flags: strict, dialects: ['chat_completions', 'count_tokens'] },
};

export async function crossing(options) {
    const here = await scene(cast, options);
    // Each caller at each provider, plain and streaming; by `only` fewer.
    here.ways = ({ from = Object.keys(callers), to = ['chat', 'responses', 'messages'], streams = [false, true] } = {}) =>
        from.flatMap(caller => to.flatMap(provider => streams.map(stream => way(here, caller, provider, stream))));
    return here;
}

function way(here, caller_name, to, stream) {
    const caller = callers[caller_name], provider = here[to], model = cast[to].models[0];
    return {
        title: `${caller_name} to ${to}, ${stream ? 'streaming' : 'plain'}`, caller, to, provider, stream, model,
        body: talk => caller.body(model, talk),
        // Says it; gives what was heard, what the provider saw, and the job's record.
        async say(talk, { headers, at = provider, ...more } = {}) { // `more`: fields of the body
            const heard = await caller.ask(here.server, { ...caller.body(model, talk), ...more }, { stream, headers });
            return { heard, ...(await seen(here, at, heard.headers)) };
        },
    };
}

export async function seen(here, provider, headers) {
    const job = await here.server.job(headers.get('x-auxot-job'));
    const requests = await provider.sim.requests_of(job.id);
    assert.ok(requests.length >= 1, `provider ${provider.name} saw the request`);
    return { job, requests, sent: JSON.parse(requests.at(-1).body) };
}
