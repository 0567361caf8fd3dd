// T17: every raw request of the corpus gets what the strict model says, directly and as the front of an origin: one
// request in, one request out, rebuilt. Behind each lies a victim's request on the same connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canary, closing, scene } from '../lib/scene.mjs';
import { Wire } from '../lib/http.mjs';
import { HandMade, answer_with } from '../lib/sim.mjs';
import { corpus, echo, told, victim } from '../lib/smuggling.mjs';

const here = await scene({}, { env: { AUXOT_BODY_LIMIT: '1MiB' } });
const { server } = here;
const origin = await HandMade.start((request, socket) => answer_with(socket, echo(request.body)), ['hand']);
here.upstreams.push({ sim: origin });
await server.api('POST', '/api/providers', { type: 'openai', name: 'hand', api_key: canary, base_url: origin.url });
const cases = corpus(server.admin);

test('T17: the corpus has more than 250 cases, each told apart by its name and its bytes', () => {
    assert.ok(cases.length >= 250, `${cases.length}`);
    assert.equal(new Set(cases.map(one => one.name)).size, cases.length);
    assert.equal(new Set(cases.map(one => one.bytes.toString('latin1'))).size, cases.length);
    console.log(`# ${cases.length} cases`);
});

// What goes to an origin is written anew: these headers and no others, one length, nothing from hop to hop.
const carried = ['host', 'authorization', 'content-type', 'content-length', 'accept', 'accept-encoding', 'user-agent', 'x-client-request-id', 'connection'];
function assert_rebuilt(request) {
    const lines = request.head.split('\r\n');
    assert.equal(lines[0], 'POST /v1/chat/completions HTTP/1.1');
    const names = lines.slice(1).map(line => line.slice(0, line.indexOf(':')).toLowerCase());
    assert.deepEqual(names.filter(name => !carried.includes(name)), [], request.head);
    assert.equal(new Set(names).size, names.length, request.head);
    assert.equal(request.headers['content-length'], String(request.body.length));
    assert.ok(!request.head.includes(server.admin));
}

for (const [index, { name, what, bytes }] of cases.entries())
    test(`T17: ${what}: ${name}`, async () => {
        const before = origin.requests.length, user = `victim-${index}`;
        const wire = new Wire(server.port);
        await wire.send(bytes);
        await wire.send(victim(user, server.admin));
        const final = () => wire.answers().filter(answer => answer.status >= 200);
        if (['refused', 'closes', 'turned'].includes(what)) await wire.end();
        else await wire.until(() => final().length >= 2, 'the case and the victim are answered');
        const [first, second, third] = final(), asked = origin.requests.slice(before);
        assert.equal(third, undefined, `a third answer: ${wire.text.slice(0, 600)}`);
        if (what === 'refused') {
            assert.ok(first.status >= 400 && first.status <= 505, wire.text.slice(0, 300));
            assert.equal(second, undefined, `an answer behind the refusal: ${wire.text.slice(0, 600)}`);
            assert.equal(asked.length, 0, 'an origin heard of it');
        } else {
            if (what === 'served' || what === 'closes') assert.equal(told(first), 'case', wire.text.slice(0, 300));
            if (what === 'closes' || what === 'turned') assert.equal(second, undefined);
            else assert.equal(told(second), user, "the victim's own answer");
            const answered = final().map(told).filter(text => text !== undefined);
            assert.deepEqual(asked.map(request => JSON.parse(request.body).user), answered, 'one request in, one request out');
            for (const request of asked) assert_rebuilt(request);
        }
        wire.close();
    });

test('T17: requests in a row on one connection, cut at every kind of place, are answered one by one', async () => {
    const users = Array.from({ length: 12 }, (_, i) => `row-${i}`);
    const bytes = Buffer.from(users.map((user, i) => (i % 4 === 3 ? '\r\n' : '') + victim(user, server.admin)).join(''));
    for (const step of [1, 7, 64, 1000]) {
        const wire = new Wire(server.port);
        for (let at = 0; at < bytes.length; at += step) {
            await wire.send(bytes.subarray(at, at + step));
            if (step > 1 || at % 16 === 0) await new Promise(setImmediate); // in pieces of their own, mostly
        }
        await wire.answer(users.length);
        assert.deepEqual(wire.answers().map(told), users, `steps of ${step}`);
        wire.close();
    }
});

closing(here);
