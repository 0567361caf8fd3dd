/* gateway/thinking.h: sealed thinking of callers whose dialect has no field for it.
 *
 * Chat completions has nowhere to put a signature, yet Anthropic wants its signed thinking back with the result of a
 * tool. So the envelope (wire/seal.h) of a turn that called tools is kept here, under a name made of those calls, until the
 * caller comes with the results. Bounded, and gone after some hours: then thinking is left out, with a note, and
 * the conversation goes on without.
 *
 * Memory:  THINKING_BYTES_MAX in all; envelopes are encrypted, names are keyed digests bound to the caller's key.
 * Thread:  any; one lock, held for a look-up.
 */
#pragma once
#include "base/buf.h"
#include <stdint.h>

#define THINKING_BYTES_MAX  (64u << 20)
#define THINKING_ENTRY_MAX  (1u << 20)
#define THINKING_EXPIRES_MS (INT64_C(6) * 3600 * 1000)

struct thinking_memory;
struct thinking_name {
    uint8_t bytes[16];
};

/** NULL without memory. */
MUST_USE struct thinking_memory *thinking_memory_new(void);
void thinking_memory_free(struct thinking_memory *memory); /* NULL is fine */

/** Keeps it, in the place of what had this name; the oldest give way. Too large or no memory: not kept. */
void thinking_keep(struct thinking_memory *memory, const struct thinking_name *name,
                   struct str envelopes, int64_t now_ms);
/** Appends what was kept. False: nothing, or no more. */
bool thinking_recall(struct thinking_memory *memory, const struct thinking_name *name,
                     int64_t now_ms, struct buf *out);
/** Bytes held, for tests and metrics. */
size_t thinking_bytes(struct thinking_memory *memory);
