// The corpus of T17: raw requests at the edge of RFC 9112 and beyond it. Each case is one table row; what must
// come of it is one word:
//
//   served    one request, answered with 200; the connection goes on
//   answered  one request in good form, whatever its answer says; the connection goes on
//   closes    served, and the connection ends, as was asked
//   turned    turned away: one request, answered before its body was read; the connection ends
//   refused   one error, the connection ends, no upstream hears of it
//
// Where a lenient parser would end the request early, `smuggled` lies behind: a whole request of its own.

const path = '/api/openai/v1/chat/completions';
const chat = user => JSON.stringify({ model: 'hand', messages: [{ role: 'user', content: 'hi' }], user });

export function corpus(key) {
    const fixed = `authorization: Bearer ${key}\r\ncontent-type: application/json\r\n`;
    const base = `host: x\r\n${fixed}`;
    const line = `POST ${path} HTTP/1.1`;
    const own = chat('case');
    const length = `content-length: ${own.length}\r\n`;
    const request = (more, body = '', first = line) => `${first}\r\n${base}${more}\r\n${body}`;
    const plain = (user, more = '') => request(`content-length: ${chat(user).length}\r\n${more}`, chat(user));
    const smuggled = plain('smuggled');
    const in_chunks = (body, size = body.length) => {
        let bytes = '';
        for (let at = 0; at < body.length; at += size) { const part = body.slice(at, at + size); bytes += `${part.length.toString(16)}\r\n${part}\r\n`; }
        return `${bytes}0\r\n\r\n`;
    };
    const chunked = (body, more = '') => request(`transfer-encoding: chunked\r\n${more}`, body);
    const cases = [];
    const add = (what, name, bytes) => cases.push({ name: `${name}`, what, bytes: Buffer.from(bytes, 'latin1') });
    const said = text => JSON.stringify(text).replace(/[\x7f-\xff]/g, c => `\\x${c.charCodeAt(0).toString(16)}`);

    /* ---- Transfer-Encoding: what it says ------------------------------------------------------- */

    const good_codings = ['chunked', 'Chunked', 'CHUNKED', '  chunked', '\tchunked', 'chunked  '];
    const bad_codings = ['', 'chunked \t', 'identity', 'gzip', 'deflate', 'x', 'cow', 'null', 'trailers', 'xchunked', 'chunkedx', 'chunke', 'chunked,', ',chunked', 'chunked, chunked', 'chunked,identity',
        'identity, chunked', 'gzip, chunked', 'chunked, gzip', 'chunked;q=1', 'chunked; a=b', 'chunked chunked', 'c hunked', 'chu\tnked', '"chunked"', '\'chunked\'', '\x0bchunked', 'chunked\x0b',
        '\x0cchunked', 'chunked\x0c', 'chunked\0', '\0chunked', 'chunked\x7f', 'chunked\xa0', '\xefchunked', ':chunked', '(chunked)', 'chunked\\'];
    for (const value of [...good_codings, ...bad_codings]) {
        const header = `transfer-encoding:${value.startsWith(' ') || value.startsWith('\t') ? '' : ' '}${value}\r\n`;
        const early = `0\r\n\r\n${smuggled}`;
        add('refused', `Transfer-Encoding ${said(value)} behind a Content-Length that covers more`, request(`content-length: ${early.length}\r\n${header}`, early));
        add('refused', `Transfer-Encoding ${said(value)} before a Content-Length that covers less`, request(`${header}content-length: 4\r\n`, `5c\r\n${smuggled}0\r\n\r\n`));
        add(good_codings.includes(value) ? 'served' : 'refused', `Transfer-Encoding ${said(value)} alone`, request(header, in_chunks(own)));
    }
    for (const [first, second] of [['chunked', 'chunked'], ['chunked', 'identity'], ['identity', 'chunked'], ['chunked', 'x'], ['', 'chunked'], ['chunked', '']])
        add('refused', `two Transfer-Encodings, ${said(first)} and ${said(second)}`, request(`transfer-encoding: ${first}\r\ntransfer-encoding: ${second}\r\n`, in_chunks(own)));
    add('refused', 'Transfer-Encoding in HTTP/1.0', request('transfer-encoding: chunked\r\n', in_chunks(own), `POST ${path} HTTP/1.0`));
    add('refused', 'Transfer-Encoding and Content-Length: 0', request('content-length: 0\r\ntransfer-encoding: chunked\r\n', `0\r\n\r\n${smuggled}`));

    /* ---- Transfer-Encoding and Content-Length: how they are called ----------------------------- */

    const bad_names = [name => `${name} `, name => `${name}\t`, name => ` ${name}`, name => `\t${name}`, name => `${name}\0`, name => `\0${name}`, name => `${name}\x0b`, name => `${name}\x0c`, name => `${name}\x7f`,
        name => `${name}\xa0`, name => name.replace('-', ' '), name => name.replace('-', '\xad'), name => `"${name}"`, name => `x: y\n${name}`, name => `x: y\r${name}`, name => `x\r\n${name}`, name => `x: y\r\n\x00${name}`];
    for (const name of ['transfer-encoding', 'content-length']) {
        const value = name === 'transfer-encoding' ? 'chunked' : '0';
        for (const spell of bad_names)
            add('refused', `the name ${said(spell(name))}`, request(`${length}${spell(name)}: ${value}\r\n`, own));
        for (const other of [`${name.replace('-', '_')}`, `x-${name}`, `${name}-x`, `${name}.`, name.replace('-', '')])
            add('served', `${said(other)} is another header`, request(`${length}${other}: ${value}\r\n`, own));
        add('refused', `${name} in lines that are folded`, request(`${length}${name}:\r\n ${value}\r\n`, own));
    }
    for (const c of '()<>@,;\\"/[]?={} \t') add('refused', `${said(c)} in a header's name`, request(`${length}x${c}y: 1\r\n`, own));
    for (const c of '!#$%&\'*+-.^_`|~0aZ') add('served', `${said(c)} in a header's name`, request(`${length}x${c}y: 1\r\n`, own));

    /* ---- Content-Length ------------------------------------------------------------------------ */

    const n = own.length;
    for (const value of [`  ${n}`, `\t${n}`, `${n}  `, `0${n}`, `00000${n}`]) add('served', `Content-Length ${said(value)}`, request(`content-length:${value}\r\n`, own));
    for (const value of ['', `${n} \t`, `-${n}`, `+${n}`, '-1', '-0', '+0', `0x${n.toString(16)}`, '0x0', '0b1', '0o7', `${n}.0`, `.${n}`, `${n}e0`, '1e2', `${n},`, `,${n}`, `${n},${n}`, `${n}, ${n}`, `${n}, 0`, `0, ${n}`,
        `${n};`, `${n} ${n}`, `${n}\t0`, `${n}\0`, `\0${n}`, `${n}\x0b`, `\x0c${n}`, `"${n}"`, `'${n}'`, `${n}b`, `#${n}`, `%3${n}`, `1_0`, `${n}\xa0`, '\xb2', 'NaN', 'Infinity', 'chunked',
        '9'.repeat(19), '9'.repeat(20), '9'.repeat(500), '18446744073709551615', '18446744073709551616', String(2n ** 64n + BigInt(n)), String(2n ** 63n), String(2n ** 63n + BigInt(n)), String(2 ** 32 + n)])
        add('refused', `Content-Length ${said(value).slice(0, 60)}`, request(`content-length: ${value}\r\n`, own));
    for (const values of [[n, n], [n, 0], [0, n], [n, ''], ['', n], [n, `0${n}`], [n, n, n]])
        add('refused', `Content-Lengths ${said(values)}`, request(values.map(value => `content-length: ${value}\r\n`).join(''), own));
    add('answered', 'Content-Length 0', request('content-length: 0\r\n'));
    add('answered', 'no length at all: no body', request(''));

    /* ---- the request line ---------------------------------------------------------------------- */

    for (const first of [` ${line}`, `\t${line}`, `POST  ${path} HTTP/1.1`, `POST\t${path}\tHTTP/1.1`, `POST ${path}  HTTP/1.1`, `${line} `, `${line} x`, `${line}\t`, `POST ${path}`, `POST ${path} `, `POST HTTP/1.1`, `POST`,
        ` `, `${path} HTTP/1.1`, `POST ${path} http/1.1`, `POST ${path} HTTP/1.2`, `POST ${path} HTTP/1.10`, `POST ${path} HTTP/01.1`, `POST ${path} HTTP/1`, `POST ${path} HTTP/2`, `POST ${path} HTTP/2.0`,
        `POST ${path} HTTP/0.9`, `POST ${path} HTTP/1,1`, `POST ${path} HTTP /1.1`, `POST ${path} HTTP/1.1\0`, `POST ${path} XTTP/1.1`, `POST ${path} HTTPS/1.1`, `PO ST ${path} HTTP/1.1`, `P@ST ${path} HTTP/1.1`,
        `POST\0 ${path} HTTP/1.1`, `post ${path} HTTP/1.1`, `"POST" ${path} HTTP/1.1`, `: ${path} HTTP/1.1`, `POST ${path}#x HTTP/1.1`, `POST ${path}\0 HTTP/1.1`, `POST ${path}\r HTTP/1.1`, `POST ${path}\n HTTP/1.1`,
        `POST x HTTP/1.1`, `POST api HTTP/1.1`, `POST example.org:443 HTTP/1.1`, `POST ?x HTTP/1.1`, `POST http:// HTTP/1.1 HTTP/1.1`, `CONNECT example.org:443 HTTP/1.1`, `CONNECT / HTTP/1.1`, `PRI * HTTP/2.0`,
        `GET ${path}?${'a'.repeat(9000)} HTTP/1.1`])
        add('refused', `the line ${said(first).slice(0, 80)}`, request(length, own, first));
    add('refused', 'a request line that ends in LF', `${line}\n${base}${length}\r\n${own}`);
    add('refused', 'two request lines', request(length, own, `${line}\r\n${line}`));
    add('refused', 'a header line before the request line', request(length, own, `x: y\r\n${line}`));
    add('refused', 'an LF before the request line', `\n${request(length, own)}`);
    add('refused', 'a CR before the request line', `\r${request(length, own)}`);
    add('served', 'an empty line before the request line', `\r\n${request(length, own)}`);
    add('refused', 'HTTP/0.9', `GET ${path}\r\n`);
    for (const target of [`http://x${path}`, `http://elsewhere.example${path}`, `https://x:1${path}`, `${path}?`, `${path}?a=b&c=%0d%0ax:%20y`])
        add('served', `the target ${said(target)}`, request(length, own, `POST ${target} HTTP/1.1`));
    for (const target of ['//api/x', '/./x', '/../../etc/passwd', '/%00', '/%2e%2e/', '/x;y', '/x%0d%0aHost:%20evil', '/\\x', `http://x`, '/a%20b'])
        add('turned', `the target ${said(target)}`, request(length, own, `POST ${target} HTTP/1.1`));
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])
        add('turned', `${method} with a body`, request(length, own, `${method} ${path} HTTP/1.1`));
    add('turned', 'GET with a body that is a request', request(`content-length: ${smuggled.length}\r\n`, smuggled, 'GET /api/openai/v1/models HTTP/1.1'));
    add('turned', 'GET with a chunked body that is a request', request('transfer-encoding: chunked\r\n', in_chunks(smuggled), 'GET /api/openai/v1/models HTTP/1.1'));

    /* ---- ends of lines ------------------------------------------------------------------------- */

    add('refused', 'LF everywhere', request(length, own).replaceAll('\r\n', '\n'));
    add('refused', 'CR everywhere', request(length, own).replaceAll('\r\n', '\r'));
    for (const [name, end] of [['LF', '\n'], ['CR', '\r'], ['CR CR LF', '\r\r\n'], ['LF CR', '\n\r'], ['NUL CR LF', '\0\r\n'], ['VT', '\x0b']])
        add('refused', `a header that ends in ${name}`, request(`${length}x-a: 1${end}x-b: 2\r\n`, own));
    for (const [name, end] of [['LF LF', '\n\n'], ['CR LF LF', '\r\n\n'], ['LF CR LF', '\n\r\n'], ['CR CR LF', '\r\r\n'], ['CR LF CR CR LF', '\r\n\r\r\n']])
        add('refused', `a head that ends in ${name}`, `${line}\r\n${base}x: y${end}${smuggled}`);
    for (const [name, header] of [['a folded header', 'x-a: 1\r\n 2\r\n'], ['a header folded by a tab', 'x-a: 1\r\n\t2\r\n'], ['a blank line of spaces', 'x-a: 1\r\n   \r\n'], ['a header without a colon', 'what\r\n'],
        ['a header without a name', ': 1\r\n'], ['NUL in a value', 'x-a: 1\x002\r\n'], ['CR in a value', 'x-a: 1\r2\r\n'], ['a bell in a value', 'x-a: 1\x072\r\n'], ['DEL in a value', 'x-a: 1\x7f2\r\n'], ['ESC in a value', 'x-a: \x1b[2J\r\n']])
        add('refused', name, request(`${length}${header}`, own));
    for (const [name, header] of [['a tab in a value', 'x-a: 1\t2\r\n'], ['bytes beyond ASCII in a value', 'x-a: \xe4\xff\r\n'], ['an empty value', 'x-a:\r\n'], ['a value of blanks', 'x-a: \t \r\n'], ['colons in a value', 'x-a: :a:b:\r\n']])
        add('served', name, request(`${length}${header}`, own));
    add('refused', 'a header of 40,000 bytes', request(`${length}x: ${'a'.repeat(40_000)}\r\n`, own));
    add('refused', '150 headers', request(length + Array.from({ length: 150 }, (_, i) => `x-${i}: 1\r\n`).join(''), own));

    /* ---- chunks -------------------------------------------------------------------------------- */

    const size = own.length.toString(16);
    for (const text of [size.toUpperCase(), `0${size}`, `00000000${size}`]) add('served', `a chunk size ${said(text)}`, chunked(`${text}\r\n${own}\r\n0\r\n\r\n`));
    for (const text of ['', ' ', `-${size}`, `+${size}`, `0x${size}`, `${size}g`, 'g', 'zz', `${size} `, ` ${size}`, `${size}\t`, `\t${size}`, `${size}\x0b`, `${size}\0`, `${size};`, `${size};x`, `${size};x=y`, `${size};x="\r\n`,
        `${size} ;x`, `${size},`, `${size}.0`, `"${size}"`, `${size}\xa0`, `${size}\r`, `${size}\n${size}`, 'ffffffffffffffff', '10000000000000000', `1000000000000000${size}`, `100000000000000${size}`, '7fffffffffffffff', '8000000000000000',
        'fffffffffffffffffffff', '#', '_', `${size}h`])
        add('refused', `a chunk size ${said(text)}`, chunked(`${text}\r\n${own}\r\n0\r\n\r\n`));
    add('refused', 'a chunk size that ends in LF', chunked(`${size}\n${own}\r\n0\r\n\r\n`));
    add('refused', 'a chunk size that ends in CR', chunked(`${size}\r${own}\r\n0\r\n\r\n`));
    for (const [name, end] of [['nothing', ''], ['LF', '\n'], ['CR', '\r'], ['a byte too many', 'x\r\n'], ['CR CR LF', '\r\r\n'], ['two blanks', '  '], ['LF CR', '\n\r']])
        add('refused', `chunk data that ends in ${name}`, chunked(`${size}\r\n${own}${end}0\r\n\r\n`));
    add('refused', 'a chunk shorter than it said', chunked(`${(own.length + 9).toString(16)}\r\n${own}\r\n0\r\n\r\n`));
    add('refused', 'a chunk longer than it said', chunked(`${(own.length - 9).toString(16)}\r\n${own}\r\n0\r\n\r\n`));
    add('served', 'a last chunk of many noughts', chunked(`${size}\r\n${own}\r\n0000\r\n\r\n`));
    for (const last of ['0 ', '0;x', '0x0', '-0', '+0', '0\t', '0\0']) add('refused', `a last chunk ${said(last)}`, chunked(`${size}\r\n${own}\r\n${last}\r\n\r\n`));
    for (const trailer of ['x: y', 'content-length: 5', 'transfer-encoding: chunked', 'host: evil', 'authorization: Bearer x', 'x : y', ' x: y', 'what', ': y'])
        add('refused', `the trailer ${said(trailer)}`, chunked(`${size}\r\n${own}\r\n0\r\n${trailer}\r\n\r\n`));
    add('refused', 'a request where the trailer would be', chunked(`${size}\r\n${own}\r\n0\r\n${smuggled}`));
    add('refused', 'an end in LF LF', chunked(`${size}\r\n${own}\r\n0\n\n`));
    add('refused', 'an end in CR LF LF', chunked(`${size}\r\n${own}\r\n0\r\n\n`));
    add('served', 'chunks of one byte', chunked(in_chunks(own, 1)));
    add('served', 'chunks of seven bytes', chunked(in_chunks(own, 7)));
    add('answered', 'a body of no chunk', chunked('0\r\n\r\n'));
    add('answered', 'a body that is a request, in one chunk', chunked(in_chunks(smuggled)));

    /* ---- Host ---------------------------------------------------------------------------------- */

    const with_host = lines => `${line}\r\n${lines}${fixed}${length}\r\n${own}`;
    for (const [name, lines] of [['no Host', ''], ['two Hosts', 'host: x\r\nhost: x\r\n'], ['two different Hosts', 'host: x\r\nhost: y\r\n'], ['a blank in the Host', 'host: x y\r\n'], ['a user in the Host', 'host: a@x\r\n'],
        ['a path in the Host', 'host: x/y\r\n'], ['a list of Hosts', 'host: x,y\r\n'], ['a query in the Host', 'host: x?y\r\n'], ['a fragment in the Host', 'host: x#y\r\n'], ['a backslash in the Host', 'host: x\\y\r\n'],
        ['NUL in the Host', 'host: x\0\r\n'], ['a folded Host', 'host:\r\n x\r\n'], ['Host with a blank before the colon', 'host : x\r\n'], ['bytes beyond ASCII in the Host', 'host: \xe4\r\n'], ['quotes in the Host', 'host: "x"\r\n']])
        add('refused', name, with_host(lines));
    for (const host of ['', 'x:80', '[::1]', '[::1]:8080', '127.0.0.1', 'EXAMPLE.org.', 'a-b_c~d'])
        add('served', `the Host ${said(host)}`, with_host(`host: ${host}\r\n`));
    add('served', 'no Host in HTTP/1.0 that stays', `POST ${path} HTTP/1.0\r\n${fixed}connection: keep-alive\r\n${length}\r\n${own}`);

    /* ---- from hop to hop ----------------------------------------------------------------------- */

    for (const headers of ['connection: keep-alive', 'connection: content-length', 'connection: transfer-encoding', 'connection: authorization, host', 'connection: x, y, z', 'connection:', 'connection: ,,,', 'proxy-connection: keep-alive',
        'keep-alive: timeout=1000', 'te: trailers', 'te: chunked', 'trailer: content-length', 'connection: te\r\nte: trailers', 'upgrade: h2c', 'connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__',
        'connection: upgrade\r\nupgrade: websocket', 'connection: upgrade\r\nupgrade: TLS/1.0', 'x-http-method-override: DELETE', 'x-original-url: /api/providers', 'x-rewrite-url: /api/providers', 'x-forwarded-host: evil',
        'forwarded: for=1.2.3.4;host=evil', 'max-forwards: 0', 'via: 1.1 evil', 'range: bytes=0-1', 'content-range: bytes 0-1/2', 'proxy-authorization: Basic x', 'x-forwarded-for: 127.0.0.1, 127.0.0.1'])
        add('served', `with ${said(headers)}`, request(`${length}${headers}\r\n`, own));
    for (const headers of ['connection: close', 'connection: Close', 'connection: x, close', 'connection: keep-alive, close'])
        add('closes', `with ${said(headers)}`, request(`${length}${headers}\r\n`, own));
    add('closes', 'HTTP/1.0', request(length, own, `POST ${path} HTTP/1.0`));
    add('served', 'Expect: 100-continue, its body not held back', request(`${length}expect: 100-continue\r\n`, own));
    return cases;
}

// A request whose answer must say `user`, and no other.
export const victim = (user, key, more = '') => {
    const body = chat(user);
    return `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
};

// The origin's answer to it.
export const echo = body => {
    const { user } = JSON.parse(body);
    return JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'hand', choices: [{ index: 0, message: { role: 'assistant', content: user }, finish_reason: 'stop' }] });
};
export const told = answer => (answer.status === 200 ? answer.json.choices?.[0]?.message.content : undefined);
