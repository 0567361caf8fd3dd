// web/pack.mjs: packs what Vite built (web/dist) for the binary: web/packed/assets.c, assets.S and the bytes.
//
// Each file is there plain, as gzip and as brotli; a form that saves under 5 % is left out. The table is sorted by path, so
// that the server searches it by halves. index.html is no file but the shell: it is cut where __NONCE__ stands.
// Same input, same output, whatever the machine: nothing here has a time or a path of the machine in it.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const home = dirname(fileURLToPath(import.meta.url));
const from = join(home, "dist"), into = join(home, "packed");
const NONCE = "__NONCE__", PIECES = 4, LEAST_SAVING = 0.05;
const mimes = {
  js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", png: "image/png",
  ico: "image/x-icon", woff2: "font/woff2", json: "application/json", txt: "text/plain; charset=utf-8",
};

function filesBelow(directory, prefix = "") {
  return readdirSync(join(directory, prefix)).flatMap(name => {
    const path = `${prefix}/${name}`;
    return statSync(join(directory, path)).isDirectory() ? filesBelow(directory, path) : [path];
  });
}

function worthIt(plain, packed) {
  return packed.length <= plain.length * (1 - LEAST_SAVING) ? packed : Buffer.alloc(0);
}

function formsOf(plain) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
  return [plain, worthIt(plain, gzipSync(plain, { level: 9 })), worthIt(plain, brotliCompressSync(plain, { params }))];
}

const digest = bytes => createHash("sha256").update(bytes).digest("hex").slice(0, 20);
const quoted = text => JSON.stringify(text.replace(/\n/g, " ")).replace(/\?\?/g, "?\\?");

const paths = filesBelow(from).filter(path => path !== "/index.html" && !path.includes("/.vite/"));
paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
rmSync(into, { recursive: true, force: true });
mkdirSync(into, { recursive: true });

const forms = ["plain", "gzip", "brotli"];
const rows = [], symbols = [], blobs = [];
paths.forEach((path, at) => {
  const plain = readFileSync(join(from, path));
  const mime = mimes[path.split(".").pop()];
  if (!mime) throw new Error(`pack.mjs: no media type for ${path}: add one to its table`);
  const names = formsOf(plain).map((bytes, form) => {
    const name = `ui_${at}_${forms[form]}`;
    writeFileSync(join(into, `${name}.bin`), bytes);
    blobs.push(`    .globl ${name}, ${name}_end\n    .hidden ${name}, ${name}_end\n${name}:\n    .incbin "${name}.bin"\n${name}_end:\n`);
    symbols.push(`extern const char ${name}[], ${name}_end[];`);
    return name;
  });
  rows.push(`    {${quoted(path)}, ${quoted(mime)}, "\\"${digest(plain)}\\"", ${path.startsWith("/assets/")},\n` +
    `     {${names.join(", ")}},\n     {${names.map(name => `${name}_end`).join(", ")}}},`);
});

const pieces = readFileSync(join(from, "index.html"), "utf8").split(NONCE);
if (pieces.length < 2 || pieces.length > PIECES) throw new Error(`pack.mjs: index.html has ${NONCE} ${pieces.length - 1} times`);
const build = digest(paths.join() + pieces.join() + paths.map(path => digest(readFileSync(join(from, path)))).join());

writeFileSync(join(into, "assets.S"), `/* Made by web/pack.mjs; do not edit. */\n    .section .rodata\n${blobs.join("")}` +
  `    .section .note.GNU-stack,"",%progbits\n`);
writeFileSync(join(into, "assets.c"), `/* Made by web/pack.mjs; do not edit. */\n#include "ui/asset.h"\n\n${symbols.join("\n")}\n\n` +
  `const struct ui_asset ui_assets[] = {\n${rows.join("\n")}\n};\n` +
  `const size_t ui_asset_count = sizeof ui_assets / sizeof ui_assets[0];\n` +
  `const struct str ui_shell[UI_SHELL_PIECES] = {\n${pieces.map(piece => `    STR_INIT(${quoted(piece)}),`).join("\n")}\n};\n` +
  `const char ui_build_id[] = "${build}";\n`);
