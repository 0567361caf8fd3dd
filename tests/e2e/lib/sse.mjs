// Server-Sent Events, read as a client would. Comments are kept too: keep-alives are comments.
export class SseReader {
    constructor(on_event) { this.rest = Buffer.alloc(0); this.scanned = 0; this.on_event = on_event; }
    feed(bytes) {
        this.rest = this.rest.length ? Buffer.concat([this.rest, bytes]) : bytes;
        for (let end; (end = blank_line(this.rest, this.scanned)); this.scanned = 0) {
            this.on_event(parse(this.rest.subarray(0, end.at).toString('utf8')));
            this.rest = this.rest.subarray(end.next);
        }
        this.scanned = Math.max(0, this.rest.length - 2); // an event of megabytes is not looked through again
    }
}

function blank_line(bytes, from) {
    for (let i = bytes.indexOf(10, from); i >= 0 && i + 1 < bytes.length; i = bytes.indexOf(10, i + 1)) {
        if (bytes[i + 1] === 10) return { at: i, next: i + 2 };
        if (bytes[i + 1] === 13 && bytes[i + 2] === 10) return { at: i, next: i + 3 };
    }
    return null;
}

function parse(text) {
    const event = { name: 'message', data: '', raw: text, comments: [] };
    const data = [];
    for (const line of text.split(/\r?\n/)) {
        if (line.startsWith(':')) event.comments.push(line.slice(1).trim());
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'event') event.name = value;
        if (field === 'id') event.id = value;
        if (field === 'data') data.push(value);
    }
    event.data = data.join('\n');
    event.is_comment = data.length === 0;
    try { event.json = JSON.parse(event.data); } catch { event.json = undefined; }
    return event;
}

export function events_of(bytes) {
    const events = [];
    new SseReader(event => events.push(event)).feed(Buffer.from(bytes));
    return events;
}

// The text that an answer's events carry, in any of the dialects.
export function text_of(events) {
    return events.map(({ json }) => json?.choices?.[0]?.delta?.content ?? json?.choices?.[0]?.text
        ?? (json?.type === 'content_block_delta' ? json.delta.text : undefined)
        ?? (json?.type === 'response.output_text.delta' ? json.delta : undefined) ?? '').join('');
}

// I3: the simulator stamps its tokens `tok-<request>-<n> `. They must be of one request, n = 0, 1, 2 ...
export function stamps_of(text) {
    const stamps = [...text.matchAll(/tok-(\d+)-(\d+)/g)].map(match => [Number(match[1]), Number(match[2])]);
    const requests = new Set(stamps.map(([request]) => request));
    const in_order = stamps.every(([, n], index) => n === index);
    return { count: stamps.length, requests: requests.size, in_order, request: stamps[0]?.[0] };
}
