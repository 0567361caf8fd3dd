/* wire/seal.h: sealed thinking of one vendor, carried through the dialect of another. SPEC.md 11.3.
 *
 * Signed thinking (Anthropic) and encrypted reasoning (OpenAI) are worth something to their maker only, and a maker refuses what another
 * has sealed. When an answer crosses dialects, its thinking goes to the caller inside our own envelope, in the field
 * where the caller's dialect has an opaque one (`signature`, `encrypted_content`); the caller sends it back with the
 * conversation, whichever provider that reaches. Its maker then gets it byte for byte, nobody else ever sees it.
 * The envelope is encrypted and authenticated by the server, so nothing is kept here and nothing expires early. What
 * cannot be opened (another installation's, too old, damaged) is left out, with a note.
 *
 * Layer:   wire: pure; the cryptography is the caller's (`struct sealer`).
 */
#pragma once
#include "base/buf.h"
#include "base/mem.h"
#include "wire/api.h"

#define SEAL_PREFIX "auxot1." /* what an envelope begins with; then base64url */

/** What seals and opens: sys/vault.c behind two functions. Both append to `out`; false: it cannot. */
struct sealer {
    void *arg;
    bool (*seal)(void *arg, struct str plain, struct buf *out);  /* text, without prefix */
    bool (*open)(void *arg, struct str sealed, struct buf *out); /* text, without prefix */
    /** For a dialect without an opaque field (chat): envelopes, one a line, under the content of their turn.
     *  Either may be NULL: then nothing is kept. */
    void (*keep)(void *arg, struct str content, struct str envelopes);
    bool (*recall)(void *arg, struct str content, struct buf *out); /* appends; false: nothing */
};

struct sealed_thinking {
    enum endpoint
        maker;       /* ENDPOINT_MESSAGES, ENDPOINT_RESPONSES, or ENDPOINT_CHAT: no seal at all */
    bool is_opaque;  /* redacted thinking; encrypted reasoning without a summary */
    struct str id;   /* a reasoning item's */
    struct str text; /* the readable part */
    struct str seal; /* signature, redacted data or encrypted_content */
};

/** Is it one of our envelopes? Says nothing of whether it opens. */
bool seal_is_ours(struct str text);
/** Appends an envelope (without quotes; it needs no JSON escapes). Nothing and false when sealing fails. */
bool seal_put(const struct sealer *sealer, const struct sealed_thinking *thinking, struct buf *out);
/** Opens one; texts in the arena. False when it is not ours or does not open. */
bool seal_open(const struct sealer *sealer, struct arena *arena, struct str text,
               struct sealed_thinking *out_thinking);
