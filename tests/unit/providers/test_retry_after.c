/* tests/unit/providers/test_retry_after.c: when to come back, from whatever a provider says. */
#include "providers/kinds.h"
#include "tests/test.h"

#define NOW INT64_C(1763640000000) /* 2025-11-20 12:00:00 UTC */
#define NO  RETRY_UNKNOWN_MS
#define DAY (24 * 3600 * INT64_C(1000))

static const struct {
    const char *header, *value; /* a second pair below */
    const char *header2, *value2;
    const char *message;
    bool is_spent;
    int64_t ms;
} stories[] = {
    /* retry-after */
    {"retry-after", "7", NULL, NULL, NULL, false, 7000},
    {"Retry-After", " 7 ", NULL, NULL, NULL, false, 7000},
    {"retry-after", "1.5", NULL, NULL, NULL, false, 1500},
    {"retry-after", "0", NULL, NULL, NULL, false, 250},
    {"retry-after", "Thu, 20 Nov 2025 12:00:30 GMT", NULL, NULL, NULL, false, 30000},
    {"retry-after", "Thursday, 20-Nov-25 12:01:00 GMT", NULL, NULL, NULL, false, 60000},
    {"retry-after", "Thu Nov 20 12:00:05 2025", NULL, NULL, NULL, false, 5000},
    {"retry-after", "Thu, 20 Nov 2025 11:00:00 GMT", NULL, NULL, NULL, false, 250},
    {"retry-after-ms", "1234", "retry-after", "9", NULL, false, 1234},
    {"retry-after-ms", "soon", "retry-after", "9", NULL, false, 9000},
    /* absurd ones: F20 */
    {"retry-after", "1000000000", NULL, NULL, NULL, false, DAY},
    {"retry-after", "99999999999999999999999999999999", NULL, NULL, NULL, false, DAY},
    {"retry-after", "99999999999999999999999999999999", NULL, NULL, NULL, true, 366 * DAY},
    {"retry-after", "Thu, 20 Nov 9999 12:00:30 GMT", NULL, NULL, NULL, false, DAY},
    {"retry-after", "-5", NULL, NULL, NULL, false, NO},
    {"retry-after", "1e9", NULL, NULL, NULL, false, NO},
    {"retry-after", "later", NULL, NULL, NULL, false, NO},
    {"retry-after", "nan", NULL, NULL, NULL, false, NO},
    {"retry-after", "", NULL, NULL, NULL, false, NO},
    {"retry-after", "Thu, 99 Nov 2025 12:00:30 GMT", NULL, NULL, NULL, false, NO},
    {"retry-after", "Thu, 20 Foo 2025 12:00:30 GMT", NULL, NULL, NULL, false, NO},
    {"retry-after", "Thu, 20 Nov", NULL, NULL, NULL, false, NO},
    {"retry-after-ms", "0.0000001", NULL, NULL, NULL, false, 250},
    /* messages */
    {NULL, NULL, NULL, NULL, "Please try again in 20ms. Visit", false, 250},
    {NULL, NULL, NULL, NULL, "Please try again in 4.77s.", false, 4770},
    {NULL, NULL, NULL, NULL, "Please try again in 9m38.016s. Need more tokens?", false, 578016},
    {NULL, NULL, NULL, NULL, "Please try again in 1h2m3s", false, 3723000},
    {NULL, NULL, NULL, NULL, "Try again in 20 seconds.", false, 20000},
    {NULL, NULL, NULL, NULL, "please retry in 34.07s", false, 34070},
    {NULL, NULL, NULL, NULL, "try again in a while", false, NO},
    {NULL, NULL, NULL, NULL, "try again in 5 lightyears", false, NO},
    {NULL, NULL, NULL, NULL, "try again in ", false, NO},
    {NULL, NULL, NULL, NULL, "access on 2025-12-01 at 00:00 UTC.", true, 10 * DAY + DAY / 2},
    {NULL, NULL, NULL, NULL, "access resumes 2025-11-21T12:00:00Z", true, DAY},
    {NULL, NULL, NULL, NULL, "resets 2025-11-20T14:00:00+01:00", false, 3600000},
    {NULL, NULL, NULL, NULL, "model gpt-4o-2024-08-06 is limited", false, NO},
    {"retry-after", "3", NULL, NULL, "try again in 9s", false, 3000},
    /* buckets: only the empty one counts */
    {"x-ratelimit-reset-requests", "12ms", "x-ratelimit-remaining-requests", "0", NULL, false, 250},
    {"x-ratelimit-reset-requests", "7.66s", "x-ratelimit-remaining-requests", "0", NULL, false,
     7660},
    {"x-ratelimit-reset-tokens", "2m59.56s", "x-ratelimit-remaining-tokens", "0", NULL, false,
     179560},
    {"x-ratelimit-reset-tokens", "6m0s", "x-ratelimit-remaining-tokens", "0", NULL, false, 360000},
    {"x-ratelimit-reset-tokens", "6m0s", "x-ratelimit-remaining-tokens", "150", NULL, false, NO},
    {"x-ratelimit-reset-tokens", "6m0s", NULL, NULL, NULL, false, NO},
    {"x-ratelimit-reset-tokens", "6m0", "x-ratelimit-remaining-tokens", "0", NULL, false, NO},
    {"x-ratelimit-reset-tokens", "60", "x-ratelimit-remaining-tokens", "0", NULL, false, 60000},
    {"anthropic-ratelimit-tokens-reset", "2025-11-20T12:00:59Z",
     "anthropic-ratelimit-tokens-remaining", "0", NULL, false, 59000},
    {"anthropic-ratelimit-input-tokens-reset", "2025-11-20T12:00:59Z",
     "anthropic-ratelimit-input-tokens-remaining", "7", NULL, false, NO},
    {"anthropic-ratelimit-unified-reset", "1763640090", NULL, NULL, NULL, false, 90000},
    {"anthropic-ratelimit-unified-reset", "1763630000", NULL, NULL, NULL, false, NO},
    {"x-unknown", "5", NULL, NULL, NULL, false, NO},
};

static void times_are_found_and_clamped(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct answer_headers headers = {0};
        if (stories[i].header)
            answer_headers_note(&headers, str_of(stories[i].header), str_of(stories[i].value));
        if (stories[i].header2)
            answer_headers_note(&headers, str_of(stories[i].header2), str_of(stories[i].value2));
        int64_t ms =
            retry_after_find(&headers, str_of(stories[i].message), stories[i].is_spent, NOW);
        CHECK_INT(stories[i].value ? stories[i].value : stories[i].message, ms, stories[i].ms);
    }
}

static void the_later_of_two_empty_buckets_counts(void **unused)
{
    (void)unused;
    struct answer_headers headers = {.reset_requests = STR("1s"),
                                     .remaining_requests = STR("0"),
                                     .reset_tokens = STR("1m"),
                                     .remaining_tokens = STR("0")};
    CHECK_INT("tokens", retry_after_find(&headers, STR(""), false, NOW), 60000);
}

TEST_MAIN(TEST(times_are_found_and_clamped), TEST(the_later_of_two_empty_buckets_counts))
