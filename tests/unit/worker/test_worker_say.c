/* What a server's answer to a registration means, whatever it says. */
#include "worker/worker_parts.h"

#include "tests/test.h"

static const struct story {
    const char *name, *answer;
    bool is_taken;
    int64_t heartbeat_ms, dead_after_ms, grace_ms;
} stories[] = {
    {"as it should be",
     "{\"worker_id\":\"wrk_1\",\"epoch\":3,\"heartbeat_ms\":15000,\"dead_after_ms\":45000,\"grace_ms\":1000}",
     true, 15000, 45000, 1000},
    {"intervals that are not said", "{\"worker_id\":\"wrk_1\",\"epoch\":3}", true, 30000, 90000,
     30000},
    {"too short",
     "{\"worker_id\":\"w\",\"epoch\":3,\"heartbeat_ms\":0,\"dead_after_ms\":-5,\"grace_ms\":-1}",
     true, 100, 100, 0},
    {"longer than anybody waits",
     "{\"worker_id\":\"w\",\"epoch\":3,\"heartbeat_ms\":9223372036854775807,"
     "\"dead_after_ms\":9000000000000,\"grace_ms\":9223372036854775807}",
     true, 3600000, 3600000, 86400000},
    {"no id", "{\"epoch\":3}", false, 0, 0, 0},
    {"an id that does not belong into a URL", "{\"worker_id\":\"a&b\",\"epoch\":3}", false, 0, 0,
     0},
    {"an id that is too long",
     "{\"worker_id\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"epoch\":3}",
     false, 0, 0, 0},
    {"no epoch", "{\"worker_id\":\"w\"}", false, 0, 0, 0},
};

static void registrations_are_taken_within_bounds(void **state)
{
    struct json_reader *reader;
    (void)state;
    CHECK_INT("reader", json_reader_new(4096, &reader), OK);
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct worker worker = {.grace_ms = 7};
        struct error error;
        struct json root;
        CHECK_INT(story->name, json_parse(reader, str_of(story->answer), &root, &error), OK);
        CHECK_INT(story->name, worker_take_registration(&worker, root), story->is_taken);
        CHECK_INT(story->name, worker.heartbeat_ms, story->heartbeat_ms);
        CHECK_INT(story->name, worker.dead_after_ms, story->dead_after_ms);
        CHECK_INT(story->name, worker.grace_ms, story->is_taken ? story->grace_ms : 7);
    }
    json_reader_free(reader);
}

static void an_interval_is_between_100_ms_and_an_hour(void **state)
{
    (void)state;
    CHECK_INT("least", worker_interval(INT64_MIN), 100);
    CHECK_INT("as it is", worker_interval(101), 101);
    CHECK_INT("most", worker_interval(INT64_MAX), 3600000);
}

TEST_MAIN(TEST(registrations_are_taken_within_bounds),
          TEST(an_interval_is_between_100_ms_and_an_hour))
