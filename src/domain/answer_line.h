/* domain/answer_line.h: what became of a job, in one sentence: who answered, why there, what failed before, what was
 * passed over, how long it took, what it cost. UI.md 8.
 *
 *     Anthropic prod · claude-sonnet-5 — 2nd choice: GPU rack 1 offline (last heard 94 s before) · 1.8 s · 1 204 tok · $0.0123 (GPU: $0)
 *
 * No model is asked, nothing is guessed: words come from codes (why.h), names and numbers from the record. The UI, the
 * API and the log show this one; what the API also gives are its parts.
 *
 * Layer:   domain: pure.  Thread: any.
 */
#pragma once
#include "domain/passed_over.h"

#define ANSWER_TRIES_MAX 6u
#define ANSWER_LINE_MAX  1024u /* longest sentence */

enum answer_end {
    ANSWER_OPEN,
    ANSWER_DONE,
    ANSWER_FAILED,
    ANSWER_CANCELLED,
    ANSWER_INTERRUPTED,
    ANSWER_REFUSED
};

/* An attempt that failed, before another was made or the job ended. */
struct answer_try {
    struct str provider, tier, code;
};

/** Texts are borrowed; empty: there is none. Numbers: -1 unknown. */
struct answer_facts {
    enum answer_end end;
    struct str provider, model; /* who answered, or is asked, or was when it ended; else nobody */
    struct str tier;            /* of that provider: "gpu", "cli", "cloud" */
    struct str chosen;          /* why there: a code of WHY_CHOSEN */
    struct str code;            /* how it ended: the job's reason */
    const struct passed *passed;
    size_t passed_count, passed_more;
    struct answer_try tries[ANSWER_TRIES_MAX];
    size_t try_count;
    bool is_begun; /* the caller had a part of the answer */
    int64_t queued_ms, duration_ms, tokens, cost_microusd;
    bool is_estimated; /* the tokens */
    bool is_unpriced;  /* some of the tokens that a cloud took have no price */
};

/** Appends the sentence, without a full stop. */
void answer_line_write(const struct answer_facts *facts, struct buf *out);
/** The how-manieth choice who answered was: whoever stood before counts, asked or not. */
size_t answer_choice(const struct answer_facts *facts);
