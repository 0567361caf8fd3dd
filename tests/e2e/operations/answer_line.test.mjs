// Who answered, why there, what failed over, what was passed over, what it cost: in the job, in the header, in one line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, at, closing, scene } from '../lib/scene.mjs';

const here = await scene({
    one: { models: ['shared', 'only-one'] },
    two: { models: ['shared', 'only-two'] },
    claude: { dialect: 'anthropic', models: ['opus'] },
});
const { server, one } = here;
const job_of = async (where, body, more) => server.job((await server.call(where, body, more)).job_id);

test('a job keeps the shape of its request, so that it can be routed again', async () => {
    const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];
    const job = await job_of(at.chat, ask.chat('shared', { tools, messages: [{ role: 'user', content: 'x'.repeat(8000) }] }),
        { headers: { 'x-auxot-provider': one.slug, 'x-auxot-wait': '2s', 'x-auxot-class': 'batch' } });
    assert.equal(job.attempts[0].chosen, 'pinned');
    const { prompt_tokens, ...shape } = job.shape;
    assert.deepEqual(shape, { needs: ['tools'], provider: one.slug, service_class: 'batch', wait_ms: 2000 });
    assert.ok(prompt_tokens >= 1000 && prompt_tokens < 1100, `about one for 8 bytes: ${prompt_tokens}`);
    const plain = await job_of(at.messages, ask.messages('opus'));
    assert.deepEqual({ ...plain.shape, prompt_tokens: 0 }, { needs: [], prompt_tokens: 0, provider: null, service_class: 'interactive', wait_ms: null });
    assert.equal((await job_of(at.chat, { model: 7 })).shape, null, 'what was not read has none');
});

closing(here);
