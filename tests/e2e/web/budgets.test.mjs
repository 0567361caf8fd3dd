// What the pages weigh as they go over the wire (brotli), against UI.md section 7.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';

const web = join(import.meta.dirname, '../../../web'), KB = 1000;
const manifest_path = join(web, 'dist/.vite/manifest.json');
const options = { skip: !existsSync(manifest_path) && 'the web UI is not built' };
const read = () => JSON.parse(readFileSync(manifest_path, 'utf8'));
const weight = file => brotliCompressSync(readFileSync(join(web, 'dist', file))).length;

// The files that an entry brings with it, without those of `have`.
function files_of(manifest, entry, have = new Set()) {
    const found = new Set(), open = [entry];
    for (let name = open.pop(); name; name = open.pop()) {
        const { file, css = [], imports = [] } = manifest[name];
        for (const each of [file, ...css]) if (!have.has(each)) found.add(each);
        open.push(...imports.filter(each => !found.has(manifest[each].file) && !have.has(manifest[each].file)));
    }
    return found;
}
const sum = files => [...files].reduce((total, file) => total + weight(file), 0);

test('the shell and the first page are at most 230 KB', options, () => {
    const manifest = read(), shell = files_of(manifest, 'index.html');
    const all = sum(shell) + sum(files_of(manifest, 'src/pages/providers.tsx', shell));
    assert.ok(all <= 230 * KB, `${all} bytes`);
});

test('every page that comes later is at most 60 KB', options, () => {
    const manifest = read(), shell = files_of(manifest, 'index.html');
    const pages = Object.keys(manifest).filter(name => manifest[name].isDynamicEntry);
    assert.ok(pages.length > 10, 'the pages are chunks of their own');
    for (const page of pages) {
        const bytes = sum(files_of(manifest, page, shell));
        assert.ok(bytes <= 60 * KB, `${page}: ${bytes} bytes`);
    }
});

test('all forms of all files take at most 4 MB of the program', options, () => {
    const table = readFileSync(join(web, 'packed/assets.S'), 'utf8');
    const bytes = [...table.matchAll(/\.incbin "([^"]+)"/g)].reduce((total, [, name]) => total + statSync(join(web, 'packed', name)).size, 0);
    assert.ok(bytes > 0 && bytes <= 4000 * KB, `${bytes} bytes`);
});
