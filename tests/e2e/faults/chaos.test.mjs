// The chaos proxy itself: each key of its plan does what docs/reference/chaos.md says.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';
import { auxot } from '../lib/server.mjs';
import { Wire } from '../lib/http.mjs';
import { call } from '../lib/http.mjs';
import { Chaos } from '../lib/chaos.mjs';
import { until, within } from '../lib/process.mjs';

// An upstream that says what it is told on each connection, and keeps what it hears.
const heard = [];
let says = Buffer.from('hello');
const upstream = net.createServer(socket => {
    const it = { bytes: Buffer.alloc(0), ended: false, failed: false, socket };
    heard.push(it);
    socket.on('data', bytes => { it.bytes = Buffer.concat([it.bytes, bytes]); });
    socket.on('end', () => { it.ended = true; }).on('error', () => { it.failed = true; });
    socket.write(says);
});
await new Promise(resolve => upstream.listen(0, '127.0.0.1', resolve));
const chaos = await Chaos.start(upstream.address().port);
after(async () => {
    assert.equal((await chaos.stop()).code, 0);
    for (const { socket } of heard) socket.destroy();
    upstream.close();
});

const digits = count => Buffer.from(Array.from({ length: count }, (_, i) => 48 + i % 10));

test('without trouble bytes go through in both directions, and an end is an end', async () => {
    await chaos.plans();
    says = digits(300_000);
    const wire = new Wire(chaos.port);
    await wire.send('abc');
    await wire.until(() => wire.got.length === says.length);
    assert.ok(wire.got.equals(says));
    const it = heard.at(-1);
    await until(() => it.bytes.toString() === 'abc', 'the upstream hears');
    wire.close();
    await until(() => it.ended || it.failed, 'the upstream sees the end');
    await until(async () => (await chaos.stats()).open === 0, 'nothing stays open');
});

test('cut, half-close and reset come after exactly so many bytes', async () => {
    says = digits(5000);
    for (const at of [1, 7, 4096, 4999]) {
        await chaos.plans({ to_client: { cut_after: at } });
        const cut = new Wire(chaos.port);
        await cut.end();
        assert.equal(cut.got.length, at);
        assert.ok(cut.ended, 'by FIN');

        await chaos.plans({ to_client: { half_close_after: at } });
        const half = new Wire(chaos.port);
        half.socket.allowHalfOpen = true;
        await half.end();
        assert.equal(half.got.length, at);

        await chaos.plans({ to_client: { reset_after: at } });
        const before = (await chaos.stats()).resets;
        const reset = new Wire(chaos.port);
        await reset.until(() => reset.closed); // node does not always tell a reset behind bytes from an end
        assert.equal((await chaos.stats()).resets, before + 1, 'by RST');
        assert.ok(reset.got.length <= at);
    }
    await chaos.plans({ to_client: { cut_after: 0 } });
    const nothing = new Wire(chaos.port);
    await nothing.end();
    assert.equal(nothing.got.length, 0);
});

test('to the server: the other direction is not concerned', async () => {
    says = digits(1000);
    await chaos.plans({ to_server: { cut_after: 10 } });
    const wire = new Wire(chaos.port);
    await wire.until(() => wire.got.length === 1000);
    await wire.send('0123456789abc');
    await wire.end();
    await until(() => heard.at(-1).ended, 'the upstream sees the end');
    assert.equal(heard.at(-1).bytes.toString(), '0123456789');
});

test('delay: not before its time, in order, whole', async () => {
    says = digits(200_000);
    await chaos.plans({ to_client: { delay_ms: 150 } });
    const from = Date.now();
    const wire = new Wire(chaos.port);
    await wire.until(() => wire.got.length === says.length);
    assert.ok(Date.now() - from >= 150, `${Date.now() - from} ms`);
    assert.ok(wire.got.equals(says));
    wire.close();
});

test('trickle: no more than its portion at a time', async () => {
    says = digits(30);
    await chaos.plans({ to_client: { trickle_bytes: 3, trickle_ms: 15 } });
    const from = Date.now();
    const wire = new Wire(chaos.port);
    await wire.until(() => wire.got.length === 30);
    assert.ok(Date.now() - from >= 9 * 15, `${Date.now() - from} ms`);
    assert.ok(wire.got.equals(says));
    wire.close();
});

test('corruption changes every n-th byte, and no other', async () => {
    says = digits(100_000);
    await chaos.plans({ seed: 5, to_client: { corrupt_every: 1000 } });
    const wire = new Wire(chaos.port);
    await wire.until(() => wire.got.length === says.length);
    const changed = [...says.keys()].filter(i => says[i] !== wire.got[i]);
    assert.deepEqual(changed, Array.from({ length: 100 }, (_, i) => (i + 1) * 1000 - 1));
    assert.equal((await chaos.stats()).corrupted_bytes, 100);
    wire.close();
});

test('silence: the rest and its end are swallowed, the connection stays', async () => {
    says = digits(100);
    await chaos.plans({ to_client: { silence_after: 40 } });
    const wire = new Wire(chaos.port);
    await wire.until(() => wire.got.length === 40);
    await wire.send('still there');
    await until(() => heard.at(-1).bytes.length === 11, 'the other direction goes on');
    heard.at(-1).socket.end();
    await until(async () => (await chaos.stats()).silences > 0, 'it fell silent');
    assert.equal(wire.got.length, 40);
    assert.ok(!wire.ended);
    wire.close();
});

test('black hole: accepted, never answered; deaf: not even accepted; refuse: refused; and back', async () => {
    says = digits(10);
    await chaos.plans({ mode: 'blackhole' });
    const before = heard.length;
    const swallowed = new Wire(chaos.port);
    await swallowed.send('anybody?');
    await until(async () => (await chaos.stats()).open >= 1, 'it is accepted');
    assert.equal(heard.length, before, 'the upstream hears nothing');

    await chaos.plans({ mode: 'deaf' });
    const lost = new Wire(chaos.port);
    const first = await Promise.race([lost.open.then(() => 'open', error => error.code), new Promise(resolve => setTimeout(resolve, 500, 'nothing'))]);
    assert.equal(first, 'nothing');

    await chaos.plans({ mode: 'refuse' });
    const refused = new Wire(chaos.port);
    await assert.rejects(refused.open, { code: 'ECONNREFUSED' });

    await chaos.plans();
    const fine = new Wire(chaos.port);
    await fine.until(() => fine.got.length === 10);
    for (const wire of [swallowed, lost, fine]) wire.close();
});

test('a slow reader slows the sender: the proxy holds little', async () => {
    says = Buffer.alloc(64 * 1024 * 1024, 'x');
    await chaos.plans();
    const wire = new Wire(chaos.port);
    await wire.open;
    wire.socket.pause();
    let last = -1;
    await until(async () => { // stands still
        const { bytes_to_client } = await chaos.stats();
        const is_still = bytes_to_client === last && last > 0;
        last = bytes_to_client;
        await new Promise(resolve => setTimeout(resolve, 100));
        return is_still;
    }, 'it stands still');
    assert.ok(heard.at(-1).socket.writableLength > 32 * 1024 * 1024, 'most of it waits at the sender');
    wire.close();
    says = digits(10);
});

test('POST /cut and /reset end what is open; a bad plan changes nothing and says why', async () => {
    await chaos.plans({ seed: 3 });
    const [one, two] = [new Wire(chaos.port), new Wire(chaos.port)];
    await within(5000, Promise.all([one.until(() => one.got.length === 10), two.until(() => two.got.length === 10)]), 'both are open');
    assert.ok((await chaos.cut()).ended >= 2);
    await one.end();
    const three = new Wire(chaos.port);
    await three.until(() => three.got.length === 10);
    assert.equal((await chaos.reset()).ended, 1);
    await three.until(() => three.closed);
    for (const [bad, why] of [['{"mode":"on fire"}', /mode/], ['{"to_client":{"delay":1}}', /delay/], ['{"to_client":{"delay_ms":-1}}', /delay_ms/],
        ['{"speed":1}', /speed/], ['[]', /object/], ['{', /./], ['{"to_server":7}', /to_server/]]) {
        const answer = await call(`${chaos.control}/plan`, { body: bad });
        assert.equal(answer.status, 400, bad);
        assert.match(answer.json.error, why);
    }
    assert.equal((await chaos.plan()).seed, 3);
});

test('flags: --to is needed, addresses are checked, a taken port is said', async () => {
    for (const [args, why] of [[[], /--to/], [['--to', 'nowhere'], /HOST:PORT/], [['--to', '127.0.0.1:1', '--plan', '{"mode":1}'], /mode/], [['--to', '127.0.0.1:1', '--loud'], /--loud/]]) {
        const { code, stderr } = await auxot(['chaos', ...args]);
        assert.equal(code, 2, stderr);
        assert.match(stderr, why);
    }
    const { code, stderr } = await auxot(['chaos', '--to', '127.0.0.1:1', '--listen', `127.0.0.1:${chaos.port}`]);
    assert.equal(code, 1);
    assert.match(stderr, /cannot listen/);
});
