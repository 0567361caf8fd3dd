/* tests/unit/providers/test_why.c: whatever a vendor's table calls its trouble can be said in words. */
#include "domain/why.h"
#include "providers/kinds.h"
#include "tests/test.h"

static void every_reason_of_a_vendor_has_its_words(void **state)
{
    (void)state;
    size_t seen = 0;
    for (int kind = 0; kind < PROVIDER_KIND_COUNT; kind++) {
        const struct provider_kind_facts *facts = provider_kind_facts((enum provider_kind)kind);
        for (size_t i = 0; i < facts->error_count; i++, seen++)
            CHECK(facts->errors[i].reason,
                  why_find(WHY_MOVED, str_of(facts->errors[i].reason)) != NULL);
    }
    CHECK("there are some", seen > 100);
}

/* By status alone, when no row knows the body. */
static void so_has_every_status(void **state)
{
    (void)state;
    static const struct answer_headers none;
    struct json_reader *reader = NULL;
    CHECK_INT("reader", json_reader_new(4096, &reader), OK);
    for (int kind = 0; kind < PROVIDER_KIND_COUNT; kind++)
        for (int status = 400; status < 600; status++) {
            struct verdict_report report;
            char body[64 + JSON_PADDING_BYTES] = "{}";
            provider_judge((enum provider_kind)kind, status, &none, (struct str){body, 2}, reader,
                           0, &report);
            CHECK(report.reason, why_find(WHY_MOVED, str_of(report.reason)) != NULL);
        }
    json_reader_free(reader);
}

TEST_MAIN(TEST(every_reason_of_a_vendor_has_its_words), TEST(so_has_every_status))
