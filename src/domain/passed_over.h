/* domain/passed_over.h: who stood before the one who answered and was not asked, with what was known of him in that
 * instant; and its form in the record.
 *
 * One line each, fields divided by tabs, numbers by name; what does not apply is left out:
 *
 *     prv_01k…\tGPU rack 1\tgpu\tllama\tat_capacity\tbusy=4 slots=4 waiting=2
 *     +3                                                      (so many more had no room)
 *
 * Layer:   domain: pure.  Thread: any.
 */
#pragma once
#include "base/buf.h"
#include "domain/route.h"

#define PASSED_OVER_BYTES 1024u /* all of a job's lines, with a NUL */
#define PASSED_OVER_MAX   16u   /* of one job; more are only counted */

/* -1: does not apply, or is not known. */
// clang-format off
#define EVIDENCE_LIST(X)                                                                         \
    X(heard_ago_ms)   /* since its last sign of life: a heartbeat, an answer */                  \
    X(busy) X(slots)  /* counted ones */                                                         \
    X(waiting)        /* requests whose first choice it is */                                    \
    X(until_ms)       /* wall clock: when it may be asked again */                               \
    X(context_tokens) /* of its model */                                                         \
    X(prompt_tokens)  /* of the request: at least so many */
// clang-format on
struct evidence {
#define X(name) int64_t name;
    EVIDENCE_LIST(X)
#undef X
};
#define EVIDENCE_NONE ((struct evidence){-1, -1, -1, -1, -1, -1, -1})

/** Texts are borrowed. */
struct passed {
    struct str provider_id, provider, tier, model, code;
    struct evidence evidence;
};

/** What of the view bears on the reason, at this moment: `wall_ms` is now by the wall clock. */
struct evidence evidence_of(enum route_reason reason, const struct provider_view *view,
                            const struct candidate *candidate, const struct route_request *request,
                            int64_t wall_ms);
/** Was it left out though it stood in the list? Who never came in question was not passed over. */
bool candidate_was_passed(const struct candidate *candidate);

/** Appends a line; false: it has no room in PASSED_OVER_BYTES (less what "+n" takes). */
MUST_USE bool passed_over_put(struct buf *buf, const struct passed *passed);
/** Says that so many more there were. */
void passed_over_put_more(struct buf *buf, size_t more);
/** The next line of `*rest`. False: none is left; `*out_more` is how many had no room. */
bool passed_over_next(struct str *rest, struct passed *out_passed, int64_t *out_more);

/** "no free slot (4 of 4 busy, 2 waiting)": the code in words, with its evidence. */
void passed_over_say(const struct passed *passed, struct buf *out);
