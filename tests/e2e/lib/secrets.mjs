// I9: is a secret, or a piece of it, anywhere where it should not be? Raw, encoded, and in pieces of twelve bytes.
//
//     find_secrets([{ where, bytes }, ...files_under(dir)], { 'the key': key })     [] or sentences
import fs from 'node:fs';
import path from 'node:path';

const windows = text => Array.from({ length: Math.max(0, text.length - 11) }, (_, i) => text.slice(i, i + 12));
const per_byte = (text, write) => [...Buffer.from(text)].map(byte => write(byte.toString(16).padStart(2, '0'))).join('');

// Every window in every spelling. A window of 12 bytes is 16 letters of base64, and one of them begins where
// the encoder's group of three began.
function disguises(secret) {
    const all = new Set();
    for (const piece of windows(secret)) {
        const base64 = Buffer.from(piece).toString('base64');
        for (const form of [piece, base64, base64.replaceAll('+', '-').replaceAll('/', '_'), per_byte(piece, hex => hex), per_byte(piece, hex => hex.toUpperCase()),
            per_byte(piece, hex => `%${hex}`), per_byte(piece, hex => `%${hex.toUpperCase()}`), per_byte(piece, hex => `\\u00${hex}`), per_byte(piece, hex => `\\x${hex}`)])
            all.add(form);
    }
    for (const form of [encodeURIComponent(secret), encodeURIComponent(secret).toLowerCase(), secret.replaceAll('/', '\\/')])
        for (const piece of windows(form)) all.add(piece);
    return [...all].map(form => Buffer.from(form, 'latin1'));
}

// Each place is {where, bytes}. One look-up per position, and for most not even that, so that megabytes take no minutes.
export function find_secrets(places, canaries) {
    const found = [], by_start = new Map(), may_start = new Uint8Array(65536);
    for (const [name, secret] of Object.entries(canaries))
        for (const form of disguises(secret)) {
            const start = form.readUInt32LE(0);
            may_start[start & 0xffff] = 1;
            if (!by_start.has(start)) by_start.set(start, []);
            by_start.get(start).push({ name, form });
        }
    for (const { where, bytes } of places)
        for (let i = 0; i + 4 <= bytes.length; i++) {
            if (!may_start[bytes[i] | bytes[i + 1] << 8]) continue;
            for (const { name, form } of by_start.get(bytes.readUInt32LE(i)) ?? [])
                if (bytes.compare(form, 0, form.length, i, Math.min(bytes.length, i + form.length)) === 0) {
                    found.push(`${name} in ${where}: ...${bytes.toString('latin1', Math.max(0, i - 60), i)}[HERE]`);
                    i = bytes.length;
                    break;
                }
        }
    return found;
}

// What stands in the files of a directory; those that go away meanwhile are gone.
export function files_under(dir) {
    return fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
        .map(entry => path.join(entry.parentPath, entry.name))
        .flatMap(file => { try { return [{ where: file, bytes: fs.readFileSync(file) }]; } catch { return []; } });
}
