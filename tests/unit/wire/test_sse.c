/* tests/unit/wire/test_sse.c: where events end, and what they hold. */
#include "wire/sse.h"

#include "tests/test.h"

static const struct cut_story {
    const char *name, *bytes;
    size_t ends[4]; /* lengths of the events, 0 behind the last */
} cut_stories[] = {
    {"LF", "data: a\n\ndata: b\n\n", {9, 9}},
    {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {11, 11}},
    {"CR, and the last one waits", "data: a\r\rdata: b\r\r", {9}},
    {"mixed", "data: a\r\n\ndata: b\n\r\nx", {10, 10}},
    {"LF CR ends an event as well", "data: a\n\rdata: b", {9}},
    {"several lines", "event: x\ndata: a\n\n", {18}},
    {"a comment", ": ping\n\ndata: a\n\n", {8, 9}},
    {"blank lines", "\n\r\n\rx", {1, 2, 1}},
    {"unfinished", "data: a\n", {0}},
    {"nothing", "", {0}},
};

/* Cuts the bytes as they grow by `step`; false when an event ends elsewhere. */
static bool cuts_as_told(const struct cut_story *story, size_t step)
{
    struct str all = str_of(story->bytes);
    size_t start = 0, seen = 0, scanned = 0, events = 0;
    while (seen < all.len) {
        seen = seen + step < all.len ? seen + step : all.len;
        for (size_t len; (len = sse_event_end(str_from(str_upto(all, seen), start), &scanned));) {
            if (scanned != 0 || len != story->ends[events++])
                return false;
            start += len;
        }
    }
    return story->ends[events] == 0;
}

static void events_end_at_blank_lines_however_they_arrive(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cut_stories); i++) {
        for (size_t step = 1; step <= 24; step++)
            CHECK(cut_stories[i].name, cuts_as_told(&cut_stories[i], step));
    }
}

static const struct read_story {
    const char *name, *event, *event_name, *data;
    bool has_data;
} read_stories[] = {
    {"data", "data: {\"a\":1}\n\n", "", "{\"a\":1}", true},
    {"no space", "data:x\r\n\r\n", "", "x", true},
    {"only one space is taken", "data:  x\n\n", "", " x", true},
    {"named", "event: ping\ndata: {}\n\n", "ping", "{}", true},
    {"the name may follow", "data: {}\nevent: ping\n\n", "ping", "{}", true},
    {"lines are joined", "data: a\ndata:\ndata: b\n\n", "", "a\n\nb", true},
    {"CR lines", "data: a\rdata: b\r\r", "", "a\nb", true},
    {"no colon", "data\n\n", "", "", true},
    {"comments and others", ": hi\nid: 1\nretry: 5\nfoo: x\n\n", "", "", false},
    {"a colon in the data", "data: a:b\n\n", "", "a:b", true},
    {"a field named error", "error: {\"code\":500}\n\n", "error", "{\"code\":500}", true},
    {"a byte order mark",
     "\xEF\xBB\xBF"
     "data: a\n\n",
     "", "a", true},
    {"nothing", "\n", "", "", false},
};

static void events_are_read(void **state)
{
    (void)state;
    AUTO_BUF struct buf joined;
    buf_init(&joined, 1024);
    for (size_t i = 0; i < COUNT(read_stories); i++) {
        const struct read_story *story = &read_stories[i];
        struct sse_event event;
        sse_event_read(str_of(story->event), &joined, &event);
        CHECK(story->name, str_eq(event.name, str_of(story->event_name)));
        CHECK(story->name, str_eq(event.data, str_of(story->data)));
        CHECK(story->name, event.has_data == story->has_data);
    }
}

TEST_MAIN(TEST(events_end_at_blank_lines_however_they_arrive), TEST(events_are_read))
