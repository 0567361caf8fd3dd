/* tests/unit/wire/test_translation_streams.c: recorded streams through every pair of dialects, fed as the gateway feeds them.
 *
 * Two promises. Where a read is cut changes nothing: every stream is fed in two pieces, cut at each of its bytes in turn. And
 * a stream that is written in its own dialect is written the same the next time: nothing is lost by passing twice.
 */
#include "tests/fixtures/fixture.h"
#include "tests/test.h"
#include "wire/answer.h"
#include "wire/meter.h"
#include "wire/sse.h"

#define ROOM (4u << 20)

static const struct recorded {
    const char *path;
    enum endpoint from;
} streams[] = {
    {"anthropic/messages_thinking.sse", ENDPOINT_MESSAGES},
    {"anthropic/messages_tool_use.sse", ENDPOINT_MESSAGES},
    {"anthropic/messages_citations.sse", ENDPOINT_MESSAGES},
    {"llama/messages_overlap.sse", ENDPOINT_MESSAGES},
    {"openai/chat_text.sse", ENDPOINT_CHAT},
    {"openai/chat_interleaved_tools.sse", ENDPOINT_CHAT},
    {"openai/chat_reasoning_crlf.sse", ENDPOINT_CHAT},
    {"ollama/chat_tools_no_index.sse", ENDPOINT_CHAT},
    {"openai/responses_text.sse", ENDPOINT_RESPONSES},
    {"openai/responses_tool_call.sse", ENDPOINT_RESPONSES},
    {"openai/responses_codex.sse", ENDPOINT_RESPONSES},
};
static const enum endpoint callers[] = {ENDPOINT_CHAT, ENDPOINT_RESPONSES, ENDPOINT_MESSAGES};

static struct json_reader *reader, *scratch;

/* No cryptography: what is sealed stands behind a mark. */
static bool seal(void *arg, struct str plain, struct buf *out)
{
    (void)arg;
    for (size_t i = 0; i < plain.len; i++)
        buf_printf(out, "%02x", (unsigned)(unsigned char)plain.at[i]);
    return true;
}

static bool open_never(void *arg, struct str sealed, struct buf *out)
{
    (void)arg, (void)sealed, (void)out;
    return false;
}
static const struct sealer sealer = {NULL, seal, open_never};

/* One translation with the bytes that wait for the end of their event. */
struct passage {
    struct answer_translation *translation;
    struct meter meter;
    struct fidelity fidelity;
    struct buf waiting, joined, out;
    size_t scanned;
};

static void passage_open(struct passage *passage, enum endpoint from, enum endpoint to)
{
    *passage = (struct passage){0};
    struct answer_options options = {.from = from,
                                     .to = to,
                                     .is_stream = true,
                                     .key = "k",
                                     .model = STR("m"),
                                     .sealer = &sealer,
                                     .fidelity = &passage->fidelity};
    buf_init(&passage->waiting, ROOM);
    buf_init(&passage->joined, ROOM);
    buf_init(&passage->out, ROOM);
    meter_init(&passage->meter, from);
    assert_int_equal(answer_translation_new(&options, &passage->translation), OK);
}

static void passage_feed(struct passage *passage, struct str piece)
{
    size_t done = 0;
    buf_append_str(&passage->waiting, piece);
    struct str rest = buf_str(&passage->waiting);
    for (size_t len; (len = sse_event_end(rest, &passage->scanned)) > 0;
         rest = str_from(rest, len)) {
        struct sse_event event;
        enum stream_class class;
        struct json root = {0};
        sse_event_read(str_upto(rest, len), &passage->joined, &event);
        assert_int_equal(meter_event(&passage->meter, reader, &event, &class, &root), OK);
        assert_int_equal(answer_translate_event(passage->translation, &event, reader, root, scratch,
                                                &passage->meter.usage, &passage->out),
                         OK);
        done += len;
    }
    buf_consume(&passage->waiting, done);
}

static void passage_end(struct passage *passage)
{
    assert_int_equal(
        answer_translate_end(passage->translation, scratch, &passage->meter.usage, &passage->out),
        OK);
}

static void passage_close(struct passage *passage)
{
    answer_translation_free(passage->translation);
    buf_release(&passage->waiting);
    buf_release(&passage->joined);
    buf_release(&passage->out);
}

/* The stream in two pieces; `cut` is its length: in one. */
static void pass(struct passage *passage, enum endpoint from, enum endpoint to, struct str stream,
                 size_t cut)
{
    passage_open(passage, from, to);
    passage_feed(passage, str_upto(stream, cut));
    if (cut < stream.len)
        passage_feed(passage, str_from(stream, cut));
    passage_end(passage);
}

static void check_every_cut(const struct recorded *recorded, enum endpoint to, struct str stream)
{
    struct passage whole;
    pass(&whole, recorded->from, to, stream, stream.len);
    CHECK(recorded->path, whole.out.len > 0);
    for (size_t cut = 0; cut < stream.len; cut++) {
        struct passage pieces;
        pass(&pieces, recorded->from, to, stream, cut);
        bool is_same = str_eq(buf_str(&pieces.out), buf_str(&whole.out));
        if (!is_same)
            print_error("%s to %s, cut at byte %zu\n", recorded->path, endpoint_facts(to)->name,
                        cut);
        CHECK(recorded->path, is_same);
        passage_close(&pieces);
    }
    passage_close(&whole);
}

static void where_a_read_is_cut_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct fixture fixture = fixture_read(streams[i].path);
        for (size_t to = 0; to < COUNT(callers); to++)
            check_every_cut(&streams[i], callers[to], (struct str){fixture.bytes, fixture.len});
        free(fixture.bytes);
    }
}

static void what_is_written_in_ones_own_dialect_passes_unchanged(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct fixture fixture = fixture_read(streams[i].path);
        for (size_t to = 0; to < COUNT(callers); to++) {
            enum endpoint own = callers[to];
            struct passage first, second, third;
            pass(&first, streams[i].from, own, (struct str){fixture.bytes, fixture.len},
                 fixture.len);
            pass(&second, own, own, buf_str(&first.out), first.out.len);
            pass(&third, own, own, buf_str(&second.out), second.out.len);
            CHECK_STR(streams[i].path, third.out.data, second.out.data);
            passage_close(&first);
            passage_close(&second);
            passage_close(&third);
        }
        free(fixture.bytes);
    }
}

static int start(void **state)
{
    (void)state;
    return json_reader_new(ROOM, &reader) == OK && json_reader_new(ROOM, &scratch) == OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    json_reader_free(reader);
    json_reader_free(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(where_a_read_is_cut_changes_nothing),
        TEST(what_is_written_in_ones_own_dialect_passes_unchanged),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
