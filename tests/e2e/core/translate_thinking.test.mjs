// Translation, thinking: shown to every caller, asked for in every word, and given back byte for byte to whoever sealed it,
// wherever the conversation was meanwhile. The simulators refuse every seal that is not theirs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closing } from '../lib/scene.mjs';
import { crossing, cast, seen } from '../lib/crossing.mjs';
import { callers } from '../lib/callers.mjs';

const here = await crossing();
const clock = { name: 'clock', description: 'Tells the time.', schema: { type: 'object', properties: {} } };
const tools = [clock];
const thought = 'Let me see: “noon” or so.';
const a_call = { reasoning: thought, tool_calls: [{ name: 'clock', arguments: {} }] };
const to_all = { to: ['chat', 'responses', 'messages', 'llama'] };

for (const { title, provider, say, caller, to } of here.ways(to_all)) {
    test(`${title}: what was thought is told before what is said`, async () => {
        await provider.plays([{ then: { reasoning: thought, text: 'Noon.' } }]);
        const { heard } = await say({ thinking: 'low', turns: [{ user: 'time?' }] });
        assert.equal(heard.thinking, thought);
        assert.equal(heard.text, 'Noon.');
    });

    if (caller.name !== "chat" || to !== "chat") test(`${title}: thinking before a call is there again with the result of the call, where its maker wants it`, async () => {
        await provider.plays([{ then: a_call }]);
        const talk = { thinking: 'low', tools, turns: [{ user: 'time?' }] };
        const { heard } = await say(talk);
        assert.equal(heard.thinking, thought);
        assert.equal(heard.calls.length, 1);
        await provider.plays([{ then: { text: 'Noon.' } }]);
        const after = await say({ ...talk, turns: [...talk.turns, { said: heard }, { results: [{ id: heard.calls[0].id, text: '12:00' }] }] });
        assert.equal(after.heard.text, 'Noon.');
        assert.deepEqual(seals_in(after.sent).length, provider === here.messages || provider === here.responses ? 1 : 0, JSON.stringify(after.sent));
    });
}

function seals_in(sent) {
    if (sent.input) return sent.input.filter(item => item.type === 'reasoning').map(item => item.encrypted_content);
    return sent.messages.flatMap(message => Array.isArray(message.content) ? message.content : [])
        .filter(block => /thinking$/.test(block.type)).map(block => block.signature ?? block.data);
}

for (const { title, provider, say } of here.ways({ to: ['responses', 'messages'] }))
    test(`${title}: thought that nobody may read comes back to its maker`, async () => {
        await provider.plays([{ then: { redacted: true, tool_calls: [{ name: 'clock', arguments: {} }] } }]);
        const talk = { thinking: 'low', tools, turns: [{ user: 'time?' }] };
        const { heard } = await say(talk);
        await provider.plays([{ then: { text: 'Noon.' } }]);
        const after = await say({ ...talk, turns: [...talk.turns, { said: heard }, { results: [{ id: heard.calls[0].id, text: '12:00' }] }] });
        assert.equal(after.heard.text, 'Noon.');
        assert.equal(seals_in(after.sent).length, 1, JSON.stringify(after.sent));
    });

// A conversation that visits one provider, another, and the first again. Each says which it is to answer.
async function visit(caller, talk, at, stream, then) {
    const provider = here[at];
    await provider.plays([{ then }]);
    const heard = await caller.ask(here.server, caller.body('auto', talk), { stream, headers: { 'x-auxot-provider': provider.slug } });
    assert.equal(heard.headers.get('x-auxot-provider'), provider.slug);
    return { heard, ...(await seen(here, provider, heard.headers)) };
}

const journeys = [['messages', 'responses'], ['responses', 'messages'], ['messages', 'chat'], ['responses', 'llama'], ['messages', 'llama'], ['responses', 'chat']];
for (const caller of Object.values(callers))
    for (const [home, away] of journeys)
        for (const stream of [false, true])
            test(`${caller.name}, ${stream ? 'streaming' : 'plain'}: from ${home} to ${away} and back, no seal is refused, none is seen by strangers`, async () => {
                const system = home === 'llama' || away === 'llama' ? {} : { system: 'Be brief.' };
                const talk = { ...system, thinking: 'low', tools, turns: [{ user: 'time?' }] };
                const first = await visit(caller, talk, home, stream, a_call);
                talk.turns.push({ said: first.heard }, { results: [{ id: first.heard.calls[0].id, text: '12:00' }] });
                const second = await visit(caller, talk, home, stream, { reasoning: 'Noon, then.', text: 'Noon.' });
                const seal = seals_in(second.sent)[0];
                assert.ok(seal, 'it got its own');

                talk.turns.push({ said: second.heard }, { user: 'and now?' });
                const third = await visit(caller, talk, away, stream, { ...a_call, reasoning: 'Once more.' });
                assert.ok(!JSON.stringify(third.sent).includes(seal), 'not shown to strangers');
                assert.ok(!JSON.stringify(third.sent).includes('auxot1.'), 'no envelope leaves');
                talk.turns.push({ said: third.heard }, { results: [{ id: third.heard.calls[0].id, text: '12:01' }] });
                const fourth = await visit(caller, talk, away, stream, { reasoning: 'So it is.', text: 'A minute past.' });
                assert.equal(fourth.heard.text, 'A minute past.');

                talk.turns.push({ said: fourth.heard }, { user: 'and again?' });
                const fifth = await visit(caller, talk, home, stream, { text: 'Later.' });
                assert.equal(fifth.heard.text, 'Later.');
                assert.ok(!JSON.stringify(fifth.sent).includes('auxot1.'), 'no envelope leaves');
                if (caller.name !== 'chat') assert.ok(seals_in(fifth.sent).includes(seal), 'its own again, to the byte');
            });

for (const caller of Object.values(callers))
    test(`${caller.name}: moved to another provider between a call and its result, the turn goes on`, async () => {
        for (const [from, to] of [['responses', 'messages'], ['messages', 'responses'], ['chat', 'messages'], ['chat', 'responses'], ['messages', 'chat'], ['responses', 'chat'], ['messages', 'llama']]) {
            const talk = { thinking: 'low', tools, turns: [{ user: 'time?' }] };
            const first = await visit(caller, talk, from, true, a_call);
            talk.turns.push({ said: first.heard }, { results: [{ id: first.heard.calls[0].id, text: '12:00' }] });
            const second = await visit(caller, talk, to, true, { text: 'Noon.' });
            assert.equal(second.heard.text, 'Noon.', `${from} to ${to}`);
        }
    });

test("an envelope that does not open is left out, and said so; a vendor's own seal passes", async () => {
    const { messages: caller } = callers;
    const talk = { turns: [{ user: 'hi' }] };
    const old = signature => ({ ...caller.body('claude-messages', talk), messages: [{ role: 'user', content: 'hi' },
        { role: 'assistant', content: [{ type: 'thinking', thinking: 'hm', signature }, { type: 'text', text: 'ho' }] }, { role: 'user', content: 'and?' }] });
    for (const at of ['messages', 'responses', 'chat']) {
        await here[at].plays([{ then: { text: 'Well.' } }]);
        const heard = await caller.ask(here.server, { ...old('auxot1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'), model: cast[at].models[0] });
        const { sent } = await seen(here, here[at], heard.headers);
        assert.equal(heard.text, 'Well.');
        assert.ok(!JSON.stringify(sent).includes('auxot1.'), at);
    }
    await assert.rejects(caller.ask(here.server, old('somebody-elses')), /Invalid `signature` in `thinking` block/);
});

test('how much is thought goes in the words of each', async () => {
    const efforts = { chat: body => body.reasoning_effort, responses: body => body.reasoning?.effort, messages: body => body.output_config?.effort };
    for (const { provider, say, caller, to } of here.ways({ from: ['chat', 'responses'], streams: [false] })) {
        await provider.plays([{ then: { text: 'ok' } }]);
        for (const effort of ['low', 'medium', 'high']) {
            const { sent, job } = await say({ thinking: effort, turns: [{ user: 'hi' }] });
            assert.equal(efforts[to](sent), effort, `${caller.name} to ${to}: ${JSON.stringify(sent)}`);
            assert.deepEqual(job.fidelity.filter(note => !note.startsWith('emulated:')), [], `${caller.name} to ${to}`);
        }
        const { sent } = await say({ thinking: 'none', turns: [{ user: 'hi' }] });
        if (to === 'messages') assert.ok(!sent.thinking || sent.thinking.type === 'disabled', JSON.stringify(sent.thinking));
        else assert.equal(efforts[to](sent), 'none');
    }
    for (const { provider, say, to } of here.ways({ from: ['messages'], to: ['chat', 'responses'], streams: [false] })) {
        await provider.plays([{ then: { text: 'ok' } }]);
        const on = await say({ turns: [{ user: 'hi' }], more: { thinking: { type: 'enabled', budget_tokens: 2048 } } });
        assert.ok(efforts[to](on.sent), JSON.stringify(on.sent));
        const adaptive = await say({ turns: [{ user: 'hi' }], more: { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } } });
        assert.equal(efforts[to](adaptive.sent), 'high');
        const off = await say({ turns: [{ user: 'hi' }], more: { thinking: { type: 'disabled' } } });
        assert.ok([undefined, 'none'].includes(efforts[to](off.sent)), JSON.stringify(off.sent));
    }
});

closing(here);
