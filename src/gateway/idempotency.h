/* gateway/idempotency.h: which idempotency keys were used, by which job, and what it was answered. F30, ADR 0022.
 *
 * A caller who does not know whether a request arrived sends it again under the same key. The name of (API key, value)
 * is taken by the first request; who comes with it later is told what became of that one: it runs, here is its answer,
 * it was answered but the answer is gone, or a crash cut it and nobody knows. A request that nobody answered gives its
 * name back. After a start the names of the last life are restored from the rows of jobs; answers are in memory only.
 *
 * Memory:  bounded: names and bytes of answers, of one API key and of all. Names are never dropped before their time
 *          (who comes then is refused: FULL); answers are, the oldest first.
 * Thread:  any; one lock, held for a look-up. Times are monotonic milliseconds.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "domain/id.h"
#include <stdint.h>

#define IDEMPOTENCY_NAME_BYTES 16

struct idempotency;
struct idempotency_limits {
    size_t names_max, names_of_one_max;    /* of all API keys; of one */
    size_t answers_bytes, answer_of_bytes; /* of all; the largest that is kept */
    size_t answers_of_one_bytes;
    int64_t window_ms; /* a name is remembered, from the end of its job */
    int64_t answer_ms; /* an answer, likewise */
};

/** Who asks, as what, and with what. */
struct idempotency_claim {
    uint8_t name[IDEMPOTENCY_NAME_BYTES];        /* of the API key and the value */
    uint8_t fingerprint[IDEMPOTENCY_NAME_BYTES]; /* of all that the request asks */
    char owner[ID_MAX];                          /* the API key */
    char job[ID_MAX];
};

enum idempotency_verdict {
    IDEMPOTENCY_FIRST,     /* the name is the claim's now: spend, answer or release it */
    IDEMPOTENCY_RUNNING,   /* another job has it */
    IDEMPOTENCY_ANSWERED,  /* `answer` is what that job was answered */
    IDEMPOTENCY_SPENT,     /* that job was answered; the answer is not here */
    IDEMPOTENCY_UNKNOWN,   /* a crash cut that job */
    IDEMPOTENCY_DIFFERENT, /* that job asked something else */
    IDEMPOTENCY_FULL_OF_ONE,
    IDEMPOTENCY_FULL,
    IDEMPOTENCY_NOT_READY, /* the names of the last life are not restored yet */
    IDEMPOTENCY_NO_MEMORY
};

/** What a plain request was answered: counted, immutable. */
struct kept_answer;
struct kept_parts {
    int status;
    struct str headers, content_type, body;
};
/** NULL without memory. */
MUST_USE struct kept_answer *kept_answer_new(const struct kept_parts *parts);
struct kept_parts kept_answer_parts(const struct kept_answer *answer);
void kept_answer_unref(struct kept_answer *answer); /* NULL is fine */

struct idempotency_found {
    enum idempotency_verdict verdict;
    char job[ID_MAX];           /* whose name it is; "" for FULL and what follows */
    struct kept_answer *answer; /* of ANSWERED: a reference of yours */
};

/** NULL without memory. */
MUST_USE struct idempotency *idempotency_new(const struct idempotency_limits *limits);
void idempotency_free(struct idempotency *names); /* NULL is fine */

/** Takes the name, or says who has it. */
void idempotency_claim(struct idempotency *names, const struct idempotency_claim *claim,
                       int64_t now_ms, struct idempotency_found *out_found);
/* The end of a claim that was FIRST; one of these three. Unknown names are passed over. */
/** Nobody was answered: the name is free again. */
void idempotency_release(struct idempotency *names, const struct idempotency_claim *claim);
/** It was answered, or begun to be. */
void idempotency_spend(struct idempotency *names, const struct idempotency_claim *claim,
                       int64_t now_ms);
/** Likewise, with `answer`, whose reference is taken; too large, or NULL: it is spent. */
void idempotency_answer(struct idempotency *names, const struct idempotency_claim *claim,
                        struct kept_answer *answer, int64_t now_ms);

/** A name of the last life: its job was answered, or (is_unknown) cut. `age_ms` old. False: no room, or no memory. */
bool idempotency_restore(struct idempotency *names, const struct idempotency_claim *claim,
                         bool is_unknown, int64_t age_ms, int64_t now_ms);
/** All are restored: claims are taken from now on. */
void idempotency_open(struct idempotency *names);
/** No claims are taken any more, until it is opened again. What runs keeps its name. */
void idempotency_shut(struct idempotency *names);
bool idempotency_is_open(struct idempotency *names);

struct idempotency_figures {
    int64_t names, answers_bytes;
};
void idempotency_figures(struct idempotency *names, struct idempotency_figures *out_figures);
