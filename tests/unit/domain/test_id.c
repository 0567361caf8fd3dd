/* tests/unit/domain/test_id.c: ids sort by time and give it back. */
#include "domain/id.h"
#include "tests/test.h"

static const uint8_t low[10] = {0};
static const uint8_t high[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

static void an_id_gives_back_its_time(void **unused)
{
    (void)unused;
    static const int64_t times[] = {0, 1, 1763650000000, (INT64_C(1) << 48) - 1};
    for (size_t i = 0; i < COUNT(times); i++) {
        char id[ID_MAX];
        int64_t time = -1;
        id_make("job_", times[i], high, id);
        CHECK_INT("length", strlen(id), 30);
        CHECK("parses", id_parse(str_of(id), "job_", &time));
        CHECK_INT("time", time, times[i]);
    }
}

static void a_known_id_is_as_ulid_says(void **unused)
{
    (void)unused;
    char id[ID_MAX];
    id_make("", 1469918176385, low, id);
    CHECK_STR("ULID's own example of a time", id, "01aryz6s410000000000000000");
}

static void later_ids_sort_behind_earlier_ones(void **unused)
{
    (void)unused;
    char earlier[ID_MAX], later[ID_MAX];
    id_make("job_", 1763650000000, high, earlier);
    id_make("job_", 1763650000001, low, later);
    CHECK("order", strcmp(earlier, later) < 0);
}

static void junk_is_no_id(void **unused)
{
    (void)unused;
    static const char *const junk[] = {
        "",
        "job_",
        "prv_01aryz6s410000000000000000",  /* another prefix */
        "job_01aryz6s41000000000000000",   /* short */
        "job_01aryz6s4100000000000000000", /* long */
        "job_81aryz6s410000000000000000",  /* more than 128 bits */
        "job_01aryz6s4100000000000000u0",  /* not of the alphabet */
        "job_01ARYZ6S410000000000000000",  /* upper case */
    };
    for (size_t i = 0; i < COUNT(junk); i++) {
        int64_t time = 7;
        CHECK(junk[i], !id_parse(str_of(junk[i]), "job_", &time) && time == 7);
    }
}

TEST_MAIN(TEST(an_id_gives_back_its_time), TEST(a_known_id_is_as_ulid_says),
          TEST(later_ids_sort_behind_earlier_ones), TEST(junk_is_no_id))
