/* tests/unit/gateway/test_idempotency.c: who comes with a name that is taken is told what became of it (F30). */
#include "gateway/idempotency.h"
#include "base/mem.h"
#include "tests/test.h"

#include <pthread.h>

#define WINDOW_MS 10000
#define ANSWER_MS 1000

static const struct idempotency_limits usual = {.names_max = 8,
                                                .names_of_one_max = 6,
                                                .answers_bytes = 1000,
                                                .answers_of_one_bytes = 600,
                                                .answer_of_bytes = 400,
                                                .window_ms = WINDOW_MS,
                                                .answer_ms = ANSWER_MS};

static struct idempotency *opened(void)
{
    struct idempotency *names = idempotency_new(&usual);
    idempotency_open(names);
    return names;
}

static struct idempotency_claim claim_of(uint8_t name, uint8_t asked, const char *owner,
                                         const char *job)
{
    struct idempotency_claim claim = {.name = {name}, .fingerprint = {asked}};
    claim.name[8] = name; /* beyond what is hashed */
    str_copy(str_of(owner), claim.owner, sizeof claim.owner);
    str_copy(str_of(job), claim.job, sizeof claim.job);
    return claim;
}

static const char *verdict_name(enum idempotency_verdict verdict)
{
    static const char *const texts[] = {"first",     "running",  "answered",    "spent",
                                        "unknown",   "differs",  "full of one", "full",
                                        "not ready", "no memory"};
    return texts[verdict];
}

static void claims(const char *what, struct idempotency *names, struct idempotency_claim claim,
                   int64_t now_ms, const char *want, const char *want_job)
{
    struct idempotency_found found;
    idempotency_claim(names, &claim, now_ms, &found);
    CHECK_STR(what, verdict_name(found.verdict), want);
    CHECK_STR(what, found.job, want_job);
    CHECK(what, (found.verdict == IDEMPOTENCY_ANSWERED) == (found.answer != NULL));
    kept_answer_unref(found.answer);
}

static struct kept_answer *answer_of(size_t body_len, char c)
{
    char body[512];
    memset(body, c, sizeof body);
    const struct kept_parts parts = {.status = 200,
                                     .headers = STR("x-auxot-job: job_a\r\n"),
                                     .content_type = STR("application/json"),
                                     .body = {body, body_len}};
    return kept_answer_new(&parts);
}

static void the_first_has_the_name_until_it_ends(void **state)
{
    (void)state;
    struct idempotency *names = opened();
    struct idempotency_claim a = claim_of(1, 1, "key_1", "job_a"),
                             b = claim_of(1, 1, "key_1", "job_b");
    claims("first", names, a, 0, "first", "");
    claims("second", names, b, 0, "running", "job_a");
    claims("another question", names, claim_of(1, 2, "key_1", "job_c"), 0, "differs", "job_a");
    claims("another name", names, claim_of(2, 1, "key_1", "job_d"), 0, "first", "");
    claims("as long as it runs", names, b, 1000 * WINDOW_MS, "running", "job_a");
    idempotency_release(names, &b);
    claims("who has it not cannot release it", names, b, 0, "running", "job_a");
    idempotency_release(names, &a);
    claims("released", names, b, 0, "first", "");
    idempotency_spend(names, &a, 0);
    claims("the released one cannot spend it", names, a, 0, "running", "job_b");
    idempotency_spend(names, &b, 100);
    claims("spent", names, a, 100, "spent", "job_b");
    claims("within the window", names, a, 99 + WINDOW_MS, "spent", "job_b");
    idempotency_release(names, &b);
    claims("what is spent stays", names, a, 99 + WINDOW_MS, "spent", "job_b");
    claims("behind the window", names, a, 100 + WINDOW_MS, "first", "");
    idempotency_free(names);
}

static void an_answer_is_given_again_for_a_time(void **state)
{
    (void)state;
    struct idempotency *names = opened();
    struct idempotency_claim a = claim_of(1, 1, "key_1", "job_a");
    struct idempotency_found found;
    claims("first", names, a, 0, "first", "");
    idempotency_answer(names, &a, answer_of(100, 'x'), 0);
    idempotency_claim(names, &a, 1, &found);
    struct kept_parts parts = kept_answer_parts(found.answer);
    CHECK_INT("status", parts.status, 200);
    CHECK("headers", str_eq(parts.headers, STR("x-auxot-job: job_a\r\n")));
    CHECK("type", str_eq(parts.content_type, STR("application/json")));
    CHECK("body", parts.body.len == 100 && parts.body.at[0] == 'x' && parts.body.at[99] == 'x');
    claims("and again", names, a, ANSWER_MS - 1, "answered", "job_a");
    claims("for its time", names, a, ANSWER_MS, "spent", "job_a");
    parts = kept_answer_parts(found.answer);
    CHECK("who has it keeps it", parts.body.at[99] == 'x');
    kept_answer_unref(found.answer);
    idempotency_free(names);
}

static void answers_give_way_names_do_not(void **state)
{
    (void)state;
    struct idempotency *names = opened();
    struct idempotency_figures figures;
    for (uint8_t i = 1; i <= 4; i++) {
        struct idempotency_claim claim = claim_of(i, 1, "key_1", "job_a");
        claims("first", names, claim, 0, "first", "");
        idempotency_answer(names, &claim, answer_of(200, 'x'), 0);
    }
    claims("one API key has room for two", names, claim_of(1, 1, "key_1", "j"), 0, "spent",
           "job_a");
    claims("its newest", names, claim_of(4, 1, "key_1", "j"), 0, "answered", "job_a");
    for (uint8_t i = 5; i <= 6; i++) {
        struct idempotency_claim claim = claim_of(i, 1, "key_2", "job_b");
        claims("first", names, claim, 0, "first", "");
        idempotency_answer(names, &claim, answer_of(200, 'y'), 0);
    }
    idempotency_figures(names, &figures);
    CHECK("all have their bound", figures.answers_bytes <= 1000 && figures.answers_bytes > 500);
    claims("the oldest of all went", names, claim_of(3, 1, "key_1", "j"), 0, "spent", "job_a");
    claims("the newest of all is there", names, claim_of(6, 1, "key_2", "j"), 0, "answered",
           "job_b");
    struct idempotency_claim large = claim_of(7, 1, "key_2", "job_l");
    claims("first", names, large, 0, "first", "");
    idempotency_answer(names, &large, answer_of(401, 'z'), 0);
    claims("too large to keep", names, large, 0, "spent", "job_l");
    idempotency_free(names);
}

static void who_comes_to_a_full_table_is_refused(void **state)
{
    (void)state;
    struct idempotency *names = opened();
    for (uint8_t i = 1; i <= 6; i++)
        claims("first", names, claim_of(i, 1, "key_1", "job_a"), 0, "first", "");
    claims("one API key", names, claim_of(7, 1, "key_1", "job_a"), 0, "full of one", "");
    claims("its own are known all the same", names, claim_of(6, 1, "key_1", "j"), 0, "running",
           "job_a");
    claims("another has room", names, claim_of(7, 1, "key_2", "job_a"), 0, "first", "");
    claims("another has room", names, claim_of(8, 1, "key_3", "job_a"), 0, "first", "");
    claims("all", names, claim_of(9, 1, "key_4", "job_a"), 0, "full", "");
    struct idempotency_claim one = claim_of(1, 1, "key_1", "job_a");
    idempotency_spend(names, &one, 0);
    claims("spent names take room", names, claim_of(9, 1, "key_4", "job_a"), 0, "full", "");
    claims("until their time", names, claim_of(9, 1, "key_4", "job_a"), WINDOW_MS, "first", "");
    idempotency_free(names);
}

static void the_last_life_comes_first(void **state)
{
    (void)state;
    struct idempotency *names = idempotency_new(&usual);
    struct idempotency_claim done = claim_of(1, 1, "key_1", "job_a"),
                             cut = claim_of(2, 1, "key_1", "job_b");
    claims("nobody knows yet", names, claim_of(3, 1, "key_1", "job_c"), 0, "not ready", "");
    CHECK("done", idempotency_restore(names, &done, false, 4000, 500));
    CHECK("cut", idempotency_restore(names, &cut, true, 0, 500));
    struct idempotency_claim old = claim_of(4, 1, "key_1", "job_o");
    CHECK("too old to matter", idempotency_restore(names, &old, false, WINDOW_MS, 500));
    claims("what is known is told", names, claim_of(1, 1, "key_1", "j"), 500, "spent", "job_a");
    idempotency_open(names);
    claims("cut", names, claim_of(2, 1, "key_1", "j"), 500, "unknown", "job_b");
    claims("cut, another question", names, claim_of(2, 7, "key_1", "j"), 500, "differs", "job_b");
    claims("old", names, old, 500, "first", "");
    claims("what is left of its window", names, done, 500 + WINDOW_MS - 4001, "spent", "job_a");
    claims("and no more", names, done, 500 + WINDOW_MS - 4000, "first", "");
    idempotency_free(names);

    names = idempotency_new(&usual);
    struct idempotency_claim again = claim_of(1, 1, "key_1", "job_z");
    CHECK("an earlier job", idempotency_restore(names, &done, false, 2, 0));
    CHECK("a later one had the name", idempotency_restore(names, &again, true, 1, 0));
    idempotency_open(names);
    claims("the later", names, done, 0, "unknown", "job_z");
    for (uint8_t i = 2; i <= 6; i++) {
        struct idempotency_claim more = claim_of(i, 1, "key_1", "job_m");
        CHECK("room", idempotency_restore(names, &more, false, 1, 0));
    }
    struct idempotency_claim over = claim_of(7, 1, "key_1", "job_m");
    CHECK("no room is said", !idempotency_restore(names, &over, false, 1, 0));
    idempotency_free(names);
}

/* ---- threads ------------------------------------------------------------------------------------- */

#define RACERS 4
#define ROUNDS 2000

struct racer {
    struct idempotency *names;
    int id;
    int64_t firsts;
};

static void *race(void *given)
{
    struct racer *racer = given;
    for (int round = 0; round < ROUNDS; round++) {
        char job[ID_MAX];
        struct idempotency_found found;
        snprintf(job, sizeof job, "job_%d_%d", racer->id, round);
        struct idempotency_claim claim = claim_of((uint8_t)(round % 4), 1, "key_1", job);
        idempotency_claim(racer->names, &claim, 0, &found);
        kept_answer_unref(found.answer);
        if (found.verdict != IDEMPOTENCY_FIRST)
            continue;
        racer->firsts++;
        if (round % 3 == 0)
            idempotency_release(racer->names, &claim);
        else
            idempotency_answer(racer->names, &claim, answer_of(50, 'x'), 0);
    }
    return NULL;
}

static void a_name_is_answered_once_whoever_races(void **state)
{
    (void)state;
    struct idempotency *names = opened();
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    int64_t firsts = 0;
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.names = names, .id = i};
        CHECK_INT("thread", pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        firsts += racers[i].firsts;
    }
    CHECK("each of the four was taken", firsts >= 4);
    for (uint8_t i = 0; i < 4; i++) {
        struct idempotency_found found;
        struct idempotency_claim claim = claim_of(i, 1, "key_1", "job_late");
        idempotency_claim(names, &claim, 0, &found);
        CHECK("and answered", found.verdict == IDEMPOTENCY_ANSWERED);
        kept_answer_unref(found.answer);
    }
    idempotency_free(names);
}

TEST_MAIN(cmocka_unit_test(the_first_has_the_name_until_it_ends),
          cmocka_unit_test(an_answer_is_given_again_for_a_time),
          cmocka_unit_test(answers_give_way_names_do_not),
          cmocka_unit_test(who_comes_to_a_full_table_is_refused),
          cmocka_unit_test(the_last_life_comes_first),
          cmocka_unit_test(a_name_is_answered_once_whoever_races))
