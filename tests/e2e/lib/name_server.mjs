// A name server over UDP that does what it is told, name by name. RFC 1035, as far as one question needs it.
//
//     const names = await NameServer.start();
//     names.says('a.test', { address: '127.0.0.1', ttl: 0 });
//     names.says('b.test', 'silent');            // or 'servfail', 'nxdomain', 'empty'
//     names.says('c.test', { address: '127.0.0.1', delay_ms: 300 });
import dgram from 'node:dgram';

const codes = { empty: 0, servfail: 2, nxdomain: 3 };
const type_a = 1, class_in = 1;

export class NameServer {
    static async start() {
        const names = new NameServer();
        Object.assign(names, { zone: new Map(), asked: [], timers: new Set(), socket: dgram.createSocket('udp4') });
        names.socket.on('message', (bytes, from) => names.#hear(bytes, from));
        await new Promise(resolve => names.socket.bind(0, '127.0.0.1', resolve));
        names.address = `127.0.0.1:${names.socket.address().port}`;
        return names;
    }

    // What is not told is 'nxdomain'.
    says(name, what) { this.zone.set(name, what); }
    asked_for(name) { return this.asked.filter(one => one === name).length; }

    #hear(bytes, from) {
        const { name, type, end } = question_of(bytes);
        this.asked.push(name);
        const what = this.zone.get(name) ?? 'nxdomain';
        if (what === 'silent') return;
        const timer = setTimeout(() => {
            this.timers.delete(timer);
            this.socket.send(answer_to(bytes, type, end, what), from.port, from.address);
        }, what.delay_ms ?? 0);
        this.timers.add(timer);
    }

    stop() {
        for (const timer of this.timers) clearTimeout(timer);
        return new Promise(resolve => this.socket.close(resolve));
    }
}

function question_of(bytes) {
    const labels = [];
    let at = 12;
    for (let len; (len = bytes[at]) > 0; at += len + 1) labels.push(bytes.toString('latin1', at + 1, at + 1 + len));
    return { name: labels.join('.').toLowerCase(), type: bytes.readUInt16BE(at + 1), end: at + 5 };
}

// The question again, and one address of version 4 where that was asked for.
function answer_to(bytes, type, end, what) {
    const has_address = typeof what === 'object' && type === type_a;
    const head = Buffer.alloc(12);
    head.writeUInt16BE(bytes.readUInt16BE(0), 0);
    head.writeUInt16BE(0x8180 | (codes[what] ?? 0), 2); // an answer, recursion as wished
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(has_address ? 1 : 0, 6);
    const parts = [head, bytes.subarray(12, end)];
    if (has_address) {
        const row = Buffer.alloc(16);
        row.writeUInt16BE(0xc00c, 0); // the name: as in the question
        row.writeUInt16BE(type_a, 2);
        row.writeUInt16BE(class_in, 4);
        row.writeUInt32BE(what.ttl ?? 0, 6);
        row.writeUInt16BE(4, 10);
        Buffer.from(what.address.split('.').map(Number)).copy(row, 12);
        parts.push(row);
    }
    return Buffer.concat(parts);
}
