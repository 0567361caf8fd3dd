/* wire/sse.h: cuts a byte stream into whole Server-Sent Events without copying or re-emitting them.
 *
 * The relay passes an event's bytes through as they came, so this gives both: the raw bytes of one
 * whole event (with its blank line) and, on demand, its name and data.
 *
 * Layer:   wire: pure.  Memory: the cutter owns nothing; the caller keeps the unfinished tail.
 * Source:  WHATWG HTML Living Standard, "Server-sent events".
 */
#pragma once
#include "base/buf.h"
#include "base/str.h"

/**
 * Finds the end of the first event in `bytes`: behind its blank line (LF LF, CRLF CRLF, CR CR and
 * mixtures). Returns its length, or 0 when it is unfinished. Blank lines and comments alone count
 * as an event without data. `scanned` (in/out, 0 for a new event, and 0 again when one was found)
 * remembers how far was looked, so that feeding byte by byte stays linear. A CR at the very end of
 * `bytes` waits for the next byte.
 */
size_t sse_event_end(struct str bytes, size_t *scanned);

struct sse_event {
    struct str name; /* empty when the stream gave none; the last `event:` line */
    struct str data; /* all `data:` lines joined by LF; borrowed from the event, or from `joined` */
    bool has_data;
};

/**
 * Reads one whole event. `joined` is scratch for the rare event with several data lines (cleared
 * first; when it `failed`, data is cut). A field named `error` counts as data of an event of that
 * name (old llama-server builds). A byte order mark in front is skipped.
 */
void sse_event_read(struct str event, struct buf *joined, struct sse_event *out_event);
