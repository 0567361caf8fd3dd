/* wire/fidelity.h: what a translation could not carry, or had to change. SPEC.md 3.
 *
 * Nothing is dropped in silence: each field of the caller's that the provider's dialect lacks is noted,
 * and so is each part of the answer that the caller's dialect lacks. The notes stand in the job and in the
 * header X-Auxot-Fidelity; X-Auxot-Strict: 1 turns a loss in the request into a refusal.
 *
 * Layer:   wire: pure.  Thread: any, one at a time.  Memory: all inside; bounded.
 */
#pragma once
#include "base/buf.h"

#define FIDELITY_NOTES_MAX 32
#define FIDELITY_FIELD_MAX 48

enum fidelity_how {
    FIDELITY_DROPPED, /* lost */
    FIDELITY_CHANGED, /* carried with another value or meaning: a loss */
    FIDELITY_EMULATED /* carried in another way, with the same effect: no loss */
};

struct fidelity_note {
    enum fidelity_how how;
    char field[FIDELITY_FIELD_MAX]; /* a path in the sender's dialect: "messages.cache_control" */
};
struct fidelity {
    struct fidelity_note note[FIDELITY_NOTES_MAX];
    size_t count;
    bool is_full; /* there were more */
};

/** Notes it once; the same field and way again is no second note. */
void fidelity_note(struct fidelity *fidelity, enum fidelity_how how, const char *field);
void fidelity_note_str(struct fidelity *fidelity, enum fidelity_how how, struct str field);

/** The first field that was lost (dropped or changed), or NULL. */
const char *fidelity_loss(const struct fidelity *fidelity);

/** Appends "dropped:top_k,changed:max_tokens"; visible ASCII only. Nothing when there are no notes. */
void fidelity_write(const struct fidelity *fidelity, struct buf *out);
