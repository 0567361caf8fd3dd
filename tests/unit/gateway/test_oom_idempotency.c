/* tests/unit/gateway/test_oom_idempotency.c: F62: each allocation of the table of idempotency keys fails once, in turn. A name that could
 * not be taken is said so and belongs to nobody; an answer that could not be kept is spent.
 */
#include "gateway/idempotency.h"

#include "base/mem.h"
#include "tests/test.h"
#include "tests/unit/oom.h"

static const struct idempotency_limits limits = {.names_max = 8,
                                                 .names_of_one_max = 8,
                                                 .answers_bytes = 10000,
                                                 .answers_of_one_bytes = 10000,
                                                 .answer_of_bytes = 1000,
                                                 .window_ms = 1000,
                                                 .answer_ms = 1000};

static struct idempotency_claim claim_of(uint8_t name, const char *owner)
{
    struct idempotency_claim claim = {.name = {name}, .fingerprint = {1}, .job = "job_1"};
    str_copy(str_of(owner), claim.owner, sizeof claim.owner);
    return claim;
}

static enum idempotency_verdict claims(struct idempotency *names,
                                       const struct idempotency_claim *claim)
{
    struct idempotency_found found;
    idempotency_claim(names, claim, 0, &found);
    kept_answer_unref(found.answer);
    return found.verdict;
}

/* A name is taken, answered and asked again; another is restored. */
static void life(bool may_fail)
{
    struct idempotency *names = idempotency_new(&limits);
    CHECK("made", names || may_fail);
    if (!names)
        return;
    struct idempotency_claim old = claim_of(1, "key_1"), first = claim_of(2, "key_2");
    CHECK("restored", idempotency_restore(names, &old, false, 0, 0) || may_fail);
    idempotency_open(names);
    enum idempotency_verdict verdict = claims(names, &first);
    CHECK("taken", verdict == IDEMPOTENCY_FIRST || (may_fail && verdict == IDEMPOTENCY_NO_MEMORY));
    if (verdict == IDEMPOTENCY_NO_MEMORY)
        CHECK("nobody has it", claims(names, &first) == IDEMPOTENCY_FIRST);
    const struct kept_parts parts = {.status = 200, .body = STR("{}")};
    idempotency_answer(names, &first, kept_answer_new(&parts), 0);
    verdict = claims(names, &first);
    CHECK("answered",
          verdict == IDEMPOTENCY_ANSWERED || (may_fail && verdict == IDEMPOTENCY_SPENT));
    idempotency_free(names);
}

static void whatever_fails_nobody_is_answered_twice(void **state)
{
    (void)state;
    oom_begin(0);
    oom_watch(true);
    life(false);
    oom_watch(false);
    long all = oom_end();
    CHECK("there is something to fail", all >= 7);
    for (long nth = 1; nth <= all; nth++) {
        oom_begin(nth);
        oom_watch(true);
        life(true);
        oom_watch(false);
        oom_end();
        life(false);
    }
}

TEST_MAIN(cmocka_unit_test(whatever_fails_nobody_is_answered_twice))
