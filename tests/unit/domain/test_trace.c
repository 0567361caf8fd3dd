/* tests/unit/domain/test_trace.c: a traceparent is taken as the standard has it, or not at all. */
#include "domain/trace.h"

#include "tests/test.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"
#define JOB   "job_01jz0123456789abcdefghjkmn"

static void a_traceparent_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        bool is_read, is_sampled;
    } stories[] = {
        {"sampled", "00-" TRACE "-" SPAN "-01", true, true},
        {"not sampled", "00-" TRACE "-" SPAN "-00", true, false},
        {"flags of later versions are passed over", "00-" TRACE "-" SPAN "-fe", true, false},
        {"and beside them the one that is known counts", "00-" TRACE "-" SPAN "-03", true, true},
        {"nothing", "", false, false},
        {"another version", "01-" TRACE "-" SPAN "-01", false, false},
        {"the version that is none", "ff-" TRACE "-" SPAN "-01", false, false},
        {"capital letters", "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", false, false},
        {"capital flags", "00-" TRACE "-" SPAN "-0A", false, false},
        {"a trace of zeroes", "00-00000000000000000000000000000000-" SPAN "-01", false, false},
        {"a parent of zeroes", "00-" TRACE "-0000000000000000-01", false, false},
        {"too short", "00-" TRACE "-" SPAN "-0", false, false},
        {"too long", "00-" TRACE "-" SPAN "-01-", false, false},
        {"no digit in the trace", "00-0af7651916cd43dd8448eb211c80319g-" SPAN "-01", false, false},
        {"no digit in the parent", "00-" TRACE "-b7ad6b716920333x-01", false, false},
        {"no digit in the flags", "00-" TRACE "-" SPAN "-0x", false, false},
        {"another mark before the parent", "00-" TRACE "_" SPAN "-01", false, false},
        {"another mark before the flags", "00-" TRACE "-" SPAN "_01", false, false},
        {"blanks around it", " 00-" TRACE "-" SPAN "-01", false, false},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct trace trace = {.id = {1}};
        bool is_read = traceparent_parse(str_of(stories[i].text), &trace);
        CHECK(stories[i].name, is_read == stories[i].is_read);
        CHECK(stories[i].name, trace.is_sampled == stories[i].is_sampled);
        CHECK(stories[i].name, trace.has_parent == is_read);
        CHECK(stories[i].name, is_read || trace.id[0] == 1);
    }
}

static void no_cut_of_it_is_read(void **state)
{
    (void)state;
    const char *text = "00-" TRACE "-" SPAN "-01";
    for (size_t len = 0; len < strlen(text); len++) {
        struct trace trace;
        char exact[64]; /* a sanitizer sees who reads behind it */
        memcpy(exact, text, len);
        CHECK("cut", !traceparent_parse((struct str){exact, len}, &trace));
    }
}

static void what_is_read_is_written_again(void **state)
{
    (void)state;
    char room[128];
    AUTO_BUF struct buf out;
    struct trace trace;
    buf_init_in(&out, 256, room, sizeof room);
    CHECK("read", traceparent_parse(STR("00-" TRACE "-" SPAN "-01"), &trace));
    traceparent_write(&trace, trace.parent, &out);
    CHECK_STR("sampled", out.data, "00-" TRACE "-" SPAN "-01");
    buf_clear(&out);
    trace.is_sampled = false;
    traceparent_write(&trace, trace.parent, &out);
    CHECK_STR("not sampled", out.data, "00-" TRACE "-" SPAN "-00");
}

static void without_a_caller_the_trace_is_the_job(void **state)
{
    (void)state;
    struct trace trace, other;
    CHECK("a job", trace_of_job(STR(JOB), &trace));
    CHECK("it is told, and has no parent", trace.is_sampled && !trace.has_parent);
    CHECK("another job, another trace",
          trace_of_job(STR("job_01jz0123456789abcdefghjkmp"), &other) &&
              memcmp(trace.id, other.id, sizeof trace.id) != 0);
    CHECK("the bits as they are", trace_of_job(STR("job_0000000001000000000000001z"), &other) &&
                                      other.id[5] == 1 && other.id[15] == 63 && other.id[14] == 0);
    CHECK("all of them", trace_of_job(STR("job_7zzzzzzzzzzzzzzzzzzzzzzzzz"), &other) &&
                             other.id[0] == 255 && other.id[7] == 255 && other.id[15] == 255);
    CHECK("no job", !trace_of_job(STR("key_01jz0123456789abcdefghjkmn"), &other));
}

static void each_attempt_has_a_span_of_its_own(void **state)
{
    (void)state;
    uint8_t span[7][SPAN_ID_BYTES], again[SPAN_ID_BYTES];
    for (int i = 0; i < 7; i++) {
        trace_span(STR(JOB), i, span[i]);
        trace_span(STR(JOB), i, again);
        CHECK("the same each time", memcmp(span[i], again, sizeof again) == 0);
        for (int j = 0; j < i; j++)
            CHECK("another one", memcmp(span[i], span[j], sizeof again) != 0);
    }
}

TEST_MAIN(TEST(a_traceparent_is_read_strictly), TEST(no_cut_of_it_is_read),
          TEST(what_is_read_is_written_again), TEST(without_a_caller_the_trace_is_the_job),
          TEST(each_attempt_has_a_span_of_its_own))
