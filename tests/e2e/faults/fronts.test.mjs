// T17, behind another's front: whatever of the corpus nginx and HAProxy pass on, as many requests reach auxot as
// they forwarded, and nobody gets another's answer: not the request behind on the same connection, and not the next
// client whose request travels over the same connection between front and server.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { canary, closing, scene } from '../lib/scene.mjs';
import { Front, has_front } from '../lib/fronts.mjs';
import { Wire, call } from '../lib/http.mjs';
import { HandMade, answer_with } from '../lib/sim.mjs';
import { corpus, echo, told, victim } from '../lib/smuggling.mjs';
import { until } from '../lib/process.mjs';

const here = await scene({}, { env: { AUXOT_BODY_LIMIT: '1MiB', AUXOT_THREADS: '1' } });
const { server } = here;
const origin = await HandMade.start((request, socket) => answer_with(socket, echo(request.body)), ['hand']);
here.upstreams.push({ sim: origin });
await server.api('POST', '/api/providers', { type: 'openai', name: 'hand', api_key: canary, base_url: origin.url });
const cases = corpus(server.admin);

// The heads that auxot has read, less those of these very questions.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let looks = 0;
async function seen() {
    looks++;
    const { text } = await call(`${server.url}/metrics`, { agent });
    return Number(text.match(/^auxot_http_requests_total (\d+)$/m)[1]) - looks;
}

// All that a connection says until the front closes it; the client's side is closed first, so it does.
async function conversation(port, bytes) {
    const wire = new Wire(port);
    await wire.open;
    wire.socket.end(bytes);
    await wire.end(20_000);
    wire.close();
    return wire.answers().filter(answer => answer.status >= 200);
}

async function run_case(front, port, { name, bytes }, index, trouble) {
    const before = { seen: await seen(), forwarded: front.forwarded(), asked: origin.requests.length };
    const behind = `behind-${index}`, other = `other-${index}`;
    const answers = await conversation(port, Buffer.concat([bytes, Buffer.from(victim(behind, server.admin))]));
    const [own] = await conversation(port, victim(other, server.admin, 'connection: close\r\n'));
    const complain = what => trouble.push(`${name}: ${what}; ${front.log_tail()}`);
    if (!own || told(own) !== other) complain(`the next client was answered ${own?.status} ${own?.text.slice(0, 200)}`);
    const texts = answers.map(told).filter(text => text !== undefined);
    if (texts.some(text => !['case', 'smuggled', behind].includes(text))) complain(`strange answers ${texts}`);
    if (texts.includes(behind) && (texts.at(-1) !== behind || told(answers.at(-1)) !== behind)) complain(`the answer to the victim came out of turn: ${texts}`);
    let now;
    const counts_agree = async () => {
        now = { seen: await seen() - before.seen, forwarded: front.forwarded() - before.forwarded };
        return now.seen === now.forwarded;
    };
    await until(counts_agree, 'equal', 2000).catch(() => complain(`the front forwarded ${now.forwarded}, auxot saw ${now.seen}`));
    const asked = origin.requests.slice(before.asked).map(request => JSON.parse(request.body).user);
    if (asked.length > now.seen) complain(`${now.seen} in, ${asked.length} out`);
    return { ...now, is_behind_answered: texts.at(-1) === behind };
}

for (const kind of ['nginx', 'haproxy'])
    for (const manner of ['strict', 'lenient'])
        test(`T17: behind ${kind}, ${manner}: ${cases.length} cases, as many requests seen as forwarded, and each client gets its own answer`, { skip: !has_front(kind) && `no ${kind} here` }, async () => {
            const front = await Front.start(kind, server.port), trouble = [];
            const from = await seen();
            let forwarded = 0, victims = 0;
            for (const [index, one] of cases.entries()) {
                const result = await run_case(front, front[manner], one, index, trouble);
                forwarded += result.forwarded;
                victims += result.is_behind_answered;
            }
            assert.deepEqual(trouble, []);
            assert.equal(await seen() - from, front.forwarded(), 'and all together');
            assert.ok(forwarded > 2 * cases.filter(one => one.what === 'served').length, `${forwarded} were forwarded`);
            assert.ok(victims > 0.8 * cases.filter(one => one.what === 'served').length, `${victims} of those behind were answered`);
            console.log(`# ${kind}, ${manner}: ${front.requests()} requests, ${forwarded} forwarded, ${victims} answered behind a case`);
            await front.stop();
        });

closing(here, { ledger: true });
