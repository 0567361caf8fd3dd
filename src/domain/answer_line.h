/* domain/answer_line.h: what became of a job, in one sentence: who answered, why there, what failed before, what was
 * passed over, how long it took, what it cost. UI.md 8.
 *
 *     Anthropic prod · claude-sonnet-5 — 2nd choice: GPU rack 1 offline (last heard 94 s before) · 1.8 s · 1 204 tok · $0.0123 (GPU: $0)
 *
 * No model is asked, nothing is guessed: words come from codes (why.h), names and numbers from the record. The UI, the
 * API and the log show this one; where its nouns stand is noted while it is written, for whoever makes links of them.
 *
 * Layer:   domain: pure.  Thread: any.
 */
#pragma once
#include "domain/passed_over.h"
#include "domain/why.h"

#define ANSWER_TRIES_MAX 6u
#define ANSWER_LINE_MAX  1024u /* longest sentence */
#define LINE_NOUNS_MAX \
    16u /* of one sentence: it names three of those before, each with its reason */

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
    struct str provider_id, provider, tier, code;
};

/** Texts are borrowed; empty: there is none. Numbers: -1 unknown. */
struct answer_facts {
    enum answer_end end;
    struct str provider_id;     /* of who answered, or is asked, or was when it ended; */
    struct str provider, model; /* empty: nobody */
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

/* What of a sentence there is more to know about. JOB: how many stood before, which the job itself tells in full. */
enum answer_noun { ANSWER_PROVIDER, ANSWER_MODEL, ANSWER_JOB, ANSWER_REASON };

struct line_noun {
    enum answer_noun noun;
    size_t at, len; /* bytes of the sentence */
    struct str
        id; /* a provider's id, a model's name, a reason's code; empty of the job. Borrowed from the facts */
    enum why why;    /* of a reason: its class; */
    const char *fix; /* and what to do: "" nothing */
};
struct line_nouns {
    struct line_noun noun[LINE_NOUNS_MAX]; /* from left to right; they do not overlap */
    size_t count;
};

/** Appends the sentence, without a full stop. `out` is empty before; `out_nouns` may be NULL. */
void answer_line_write(const struct answer_facts *facts, struct buf *out,
                       struct line_nouns *out_nouns);
/** The how-manieth choice who answered was: whoever stood before counts, asked or not. */
size_t answer_choice(const struct answer_facts *facts);
