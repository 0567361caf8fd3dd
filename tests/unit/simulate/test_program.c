/* Faults as timelines: what is sent, waited for and how it ends, without a clock or a socket. */
#include "tests/unit/simulate/stage.h"

#include "tests/test.h"

#define CHAT VENDOR_OPENAI, "/v1/chat/completions"

// clang-format off
static const struct story {
    const char *name, *keys;
    bool        is_plain;
    const char *beats;
    int64_t     bytes;  /* -1: any */
    int64_t     events; /* -1: any */
} stories[] = {
    {"all at once in one write",           "",                                          false, "SF", -1, 12},
    {"a gap between pieces, none before",  "events=3,gap-ms=20",                        false, "Sw20Sw20SF", -1, 7},
    {"a gap between given words",          "text=a b c,gap-ms=5",                       false, "Sw5Sw5SF", -1, 7},
    {"the first event may be late",        "events=1,first-event-delay-ms=30",          false, "w30SF", -1, 5},
    {"cut before content",                 "cut-after-events=0",                        false, "SC", -1, 1},
    {"cut after two pieces",               "die-after=2,gap-ms=1",                      false, "Sw1SC", -1, 3},
    {"reset",                              "reset-after-events=1",                      false, "SR", -1, 2},
    {"stall",                              "stall-after-events=1",                      false, "ST", -1, 2},
    {"the earliest break wins",            "cut-after-events=2,stall-after-events=1",   false, "ST", -1, 2},
    {"a break behind the end is none",     "cut-after-events=99",                       false, "SF", -1, 12},
    {"cut at a byte",                      "cut-after-bytes=100",                       false, "SC", 100, -1},
    {"stall at a byte",                    "stall-after-bytes=1",                       false, "ST", 1, -1},
    {"reset with the head only",           "reset-after-bytes=0",                       false, "R", 0, 0},
    {"a limit behind the end is none",     "cut-after-bytes=100000",                    false, "SF", -1, 12},
    {"nothing, then closed",               "cut-before-head",                           false, "C", 0, 0},
    {"nothing, then reset",                "reset-before-head",                         true,  "R", 0, 0},
    {"nothing, for ever",                  "stall-before-head",                         true,  "T", 0, 0},
    {"garbage",                            "garbage",                                   true,  "SC", 40, 0},
    {"a plain answer breaks in its middle", "cut-after-events=3",                       true,  "SSC", -1, 0},
    {"a head of its own",                  "close",                                     true,  "SSF", -1, 0},
    {"a huge event in pieces",             "one-event-bytes=200000",                    false, "SSSSF", -1, 5},
};
// clang-format on

static void faults_play_as_described(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct stage stage;
        stage_play(&stage, CHAT, story->is_plain ? chat_body_plain : chat_body, story->keys);
        CHECK_STR(story->name, stage.beats, story->beats);
        if (story->bytes >= 0)
            CHECK_INT(story->name, stage.bytes.len, story->bytes);
        if (story->events >= 0)
            CHECK_INT(story->name, stage.cursor.events, story->events);
        stage_release(&stage);
    }
}

/* Played in portions of every size, the bytes are the same. */
static void portions_do_not_change_the_bytes(void **state)
{
    (void)state;
    static const char *const plays[] = {"text=one two,reasoning=x y z",
                                        "events=5",
                                        "close,events=2",
                                        "one-event-bytes=300",
                                        "close,cut-after-bytes=333",
                                        "torn-chunk,cut-after-events=1"};
    for (size_t i = 0; i < COUNT(plays); i++) {
        struct stage whole;
        stage_play(&whole, CHAT, chat_body, plays[i]);
        for (size_t want = 1; want < 700; want += 13) {
            struct stage part;
            stage_play(&part, CHAT, chat_body, plays[i]);
            cursor_release(&part.cursor);
            cursor_init(&part.cursor);
            buf_clear(&part.bytes);
            part.beats[0] = '\0';
            stage_beats(&part, want);
            if (whole.program.framing != FRAMING_RAW_CHUNKED)
                CHECK("same", str_eq(buf_str(&part.bytes), buf_str(&whole.bytes)));
            CHECK_INT(plays[i], part.cursor.body_bytes, whole.cursor.body_bytes);
            stage_release(&part);
        }
        stage_release(&whole);
    }
}

static void a_trickle_is_the_same_bytes_one_by_one(void **state)
{
    (void)state;
    struct stage whole, trickle;
    stage_play(&whole, CHAT, chat_body, "events=2");
    stage_play(&trickle, CHAT, chat_body, "events=2,trickle-ms=3");
    CHECK("bytes", str_eq(buf_str(&trickle.bytes), buf_str(&whole.bytes)));
    CHECK_INT("time", trickle.waited_ms, 3 * (int64_t)whole.bytes.len);
    stage_release(&whole);
    stage_release(&trickle);
}

// clang-format off
static const struct lie {
    const char *name, *keys;
    bool        is_plain;
    const char *has;
} lies[] = {
    {"too short",     "text=hello,content-length-delta=10", true,  "content-length: 573\r\n"},
    {"HTTP/1.0",      "http-1-0",                            true,  "HTTP/1.0 200 OK\r\n"},
    {"interim",       "informational=2",                     true,  "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK"},
    {"torn",          "torn-chunk,cut-after-bytes=10",       false, "\r\n\r\n4a\r\ndata: {\"id"},
    {"many headers",  "header-count=3",                      false, "x-fill-2: 1\r\n"},
    {"no length",     "chunked=0",                           false, "charset=utf-8\r\n\r\ndata: "},
    {"raw",           "raw=abc%0d%0a",                       true,  "abc\r\n"},
    {"own header",    "close,headers=x-one: 1",              true,  "x-one: 1\r\n"},
    {"retry-after",   "close,status=429,retry-after=7",      true,  "retry-after: 7\r\n"},
};
// clang-format on

static void lies_are_told_literally(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lies); i++) {
        struct stage stage;
        stage_play(&stage, CHAT, lies[i].is_plain ? chat_body_plain : chat_body, lies[i].keys);
        if (!str_find(buf_str(&stage.bytes), str_of(lies[i].has), NULL))
            CHECK_STR(lies[i].name, stage.bytes.data, lies[i].has);
        stage_release(&stage);
    }
}

TEST_MAIN(TEST(faults_play_as_described), TEST(portions_do_not_change_the_bytes),
          TEST(a_trickle_is_the_same_bytes_one_by_one), TEST(lies_are_told_literally))
