/* tests/unit/wire/test_responses_answer_read.c: what a responses provider said, event by event. */
#include "tests/fixtures/fixture.h"
#include "tests/unit/wire/responses_sketch.h"

#include "tests/test.h"

#define LIMIT_BYTES (4u << 20)

/* ---- the bench ------------------------------------------------------------------------------- */

struct bench {
    struct json_reader *json;
    struct fidelity fidelity;
    struct responses_reading reading;
    struct answer_reader reader;
    struct buf sketch, notes;
};

/* Stands for answer.c: one beginning, one stop. */
static void on_event(void *arg, const struct answer_event *event)
{
    struct bench *bench = arg;
    struct answer_reader *reader = &bench->reader;
    if ((event->kind == ANSWER_BEGIN && reader->has_begun) ||
        (event->kind == ANSWER_STOP && reader->has_stopped))
        return;
    if (!reader->has_begun && event->kind != ANSWER_BEGIN)
        sketch_event(&bench->sketch, &(struct answer_event){.kind = ANSWER_BEGIN});
    reader->has_begun = true;
    reader->has_stopped |= event->kind == ANSWER_STOP;
    sketch_event(&bench->sketch, event);
}

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){0};
    assert_int_equal(json_reader_new(LIMIT_BYTES, &bench->json), OK);
    buf_init(&bench->sketch, LIMIT_BYTES);
    buf_init(&bench->notes, 4096);
    bench->reader = (struct answer_reader){.on_event = on_event,
                                           .arg = bench,
                                           .json = bench->json,
                                           .fidelity = &bench->fidelity,
                                           .own = &bench->reading};
    answer_parts_init(&bench->reader.parts, on_event, bench);
}

static void bench_free(struct bench *bench)
{
    responses_reader_release(&bench->reader);
    answer_parts_release(&bench->reader.parts);
    json_reader_free(bench->json);
    buf_release(&bench->sketch);
    buf_release(&bench->notes);
}

static void bench_event(struct bench *bench, const struct sse_event *event)
{
    struct json root = {0};
    bench->reader.source = str_trim(event->data);
    if (bench->reader.source.len &&
        json_parse(bench->json, bench->reader.source, &root, NULL) != OK)
        root = (struct json){0};
    responses_stream_read(&bench->reader, event, root);
}

static void bench_check(struct bench *bench, const char *name, const char *sketch,
                        const char *notes)
{
    fidelity_write(&bench->fidelity, &bench->notes);
    buf_append_lit(&bench->notes, "");
    buf_append_lit(&bench->sketch, "");
    CHECK_STR(name, bench->sketch.data, sketch);
    CHECK_STR(name, bench->notes.data, notes);
    CHECK(name, !bench->reader.parts.failed);
    bench_free(bench);
}

/* ---- recorded streams -------------------------------------------------------------------------- */

static const struct fixture_story {
    const char *path, *sketch;
} fixtures[] = {
    {"openai/responses_text.sse",
     "begin(resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654) thinking(rs_1 ) +**Greeting** "
     "end(seal1 gAAAAABo) text +Hi + there! end stop(end)"},
    {"openai/responses_tool_call.sse",
     "begin(resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654) call(call_1 exec_command) "
     "+{\"cmd\": +\"ls\"} end stop(tools)"},
    {"openai/responses_incomplete.sse",
     "begin(resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654) text +Hi + there! end "
     "stop(length)"},
    {"openai/responses_keepalive.sse",
     "begin(resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654) text +Hi there! end stop(end)"},
    {"openai/responses_codex.sse",
     "begin(resp_0b1f) sealed(rs_0b1f ) end(seal1 gAAAAABpX2VuY3J5cHRlZA==) text +I'll patch + it. "
     "end call(call_7Hq mcp__ev__echo) +{\"text\":  +\"hi\\n\"} end custom call(call_9Rt "
     "apply_patch) +*** Begin Patch\n +*** End Patch\n end stop(tools)"},
    {"openai/responses_search.sse",
     "begin(resp_0c2a) thinking(rs_0c2a ) +**Plan** + Look it up. +\n\n +**Answer** end(seal1 gBBB) "
     "text +It is Ölüdeniz. note(https://a.example/o A town) end refusal +No. end stop(refusal)"},
};

static void recorded_streams_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct fixture fixture = fixture_read(fixtures[i].path);
        struct str stream = {fixture.bytes, fixture.len};
        struct bench bench;
        AUTO_BUF struct buf joined;
        size_t scanned = 0;
        buf_init(&joined, LIMIT_BYTES);
        bench_init(&bench);
        for (size_t len; (len = sse_event_end(stream, &scanned)) > 0;) {
            struct sse_event event;
            sse_event_read(str_upto(stream, len), &joined, &event);
            bench_event(&bench, &event);
            stream = str_from(stream, len);
        }
        bool is_search = strstr(fixtures[i].path, "search") != NULL;
        bench_check(&bench, fixtures[i].path, fixtures[i].sketch,
                    is_search ? "dropped:answer.web_search_call" : "");
        free(fixture.bytes);
    }
}

/* ---- what services leave out --------------------------------------------------------------------- */

#define EVENT(type, rest) "{\"type\":\"response." type "\"," rest "}\n"
#define MESSAGE(id, text)                                                                    \
    "{\"type\":\"message\",\"id\":\"" id "\",\"role\":\"assistant\",\"content\":[{\"type\":" \
    "\"output_text\",\"text\":\"" text "\"}]}"
#define PART "\"output_index\":0,\"content_index\":0,"
#define PROBABLE(text, list) \
    "{\"type\":\"output_text\",\"text\":\"" text "\",\"annotations\":[],\"logprobs\":[" list "]}"
#define COMPLETED(output) \
    EVENT("completed",    \
          "\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[" output "]}")
#define CALL(index, id, name, arguments)                                              \
    "\"output_index\":" index ",\"item\":{\"type\":\"function_call\",\"id\":\"fc_" id \
    "\",\"call_id\":\"" id "\",\"name\":\"" name "\",\"arguments\":\"" arguments "\"}"

static const struct story {
    const char *name, *events, *sketch, *notes;
} stories[] = {
    {"only the final response", COMPLETED(MESSAGE("m", "all")), "begin(r) text +all end stop(end)",
     ""},
    {"only the item",
     EVENT("output_item.done", "\"output_index\":0,\"item\":" MESSAGE("m", "all")) COMPLETED(""),
     "begin() text +all end stop(end)", ""},
    {"only output_text.done",
     EVENT("output_text.done", "\"output_index\":0,\"item_id\":\"m\",\"text\":\"all\"")
         COMPLETED(MESSAGE("m", "all")),
     "begin() text +all end stop(end)", ""},
    {"only content_part.done",
     EVENT("content_part.done", "\"output_index\":0,\"content_index\":0,\"part\":{\"type\":"
                                "\"output_text\",\"text\":\"all\",\"annotations\":[{\"url\":\"u\","
                                "\"title\":\"t\"}]}") COMPLETED(MESSAGE("m", "all")),
     "begin() text +all note(u t) end stop(end)", ""},
    {"ids that change with every event",
     EVENT("output_text.delta", "\"output_index\":0,\"item_id\":\"a\",\"delta\":\"x\"")
         EVENT("output_text.delta", "\"output_index\":0,\"item_id\":\"b\",\"delta\":\"y\"")
             EVENT("output_item.done", "\"output_index\":0,\"item\":" MESSAGE("c", "xyz"))
                 COMPLETED(MESSAGE("d", "xyz")),
     "begin() text +x +y +z end stop(end)", ""},
    {"no indexes, but ids",
     EVENT("output_item.added", "\"item\":{\"type\":\"message\",\"id\":\"m\",\"content\":[]}")
         EVENT("output_text.delta", "\"item_id\":\"m\",\"delta\":\"x\"")
             EVENT("output_item.done", "\"item\":" MESSAGE("m", "x")) COMPLETED(MESSAGE("m", "x")),
     "begin() text +x end stop(end)", ""},
    {"neither",
     EVENT("output_item.added", "\"item\":{\"type\":\"message\",\"content\":[]}")
         EVENT("output_text.delta", "\"delta\":\"x\"") EVENT(
             "output_item.done", "\"item\":{\"type\":\"message\",\"content\":[{\"type\":"
                                 "\"output_text\",\"text\":\"x\"}]}")
             COMPLETED(
                 "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"x\"}]}"),
     "begin() text +x end stop(end)", ""},
    {"a final list without the reasoning shifts its places",
     EVENT("reasoning_text.delta", "\"output_index\":0,\"item_id\":\"rs\",\"delta\":\"hm\"") EVENT(
         "output_item.added", "\"output_index\":1,\"item\":{\"type\":\"message\",\"id\":\"m\"}")
         EVENT("output_text.delta", "\"output_index\":1,\"item_id\":\"m\",\"delta\":\"x\"")
             COMPLETED(MESSAGE("m", "x")),
     "begin() thinking(rs ) +hm end text +x end stop(end)", ""},
    {"two calls whose arguments come in turns are told one after the other",
     EVENT("output_item.added", CALL("0", "c0", "a", ""))
         EVENT("output_item.added", CALL("1", "c1", "b", ""))
             EVENT("function_call_arguments.delta", "\"output_index\":1,\"delta\":\"{1\"")
                 EVENT("function_call_arguments.delta", "\"output_index\":0,\"delta\":\"{0\"")
                     EVENT("function_call_arguments.delta", "\"output_index\":1,\"delta\":\"1}\"")
                         EVENT("output_item.done", CALL("0", "c0", "a", "{00}"))
                             EVENT("output_item.done", CALL("1", "c1", "b", "{11}")) COMPLETED(""),
     "begin() call(c0 a) +{0 +0} end call(c1 b) +{1 +1} end stop(tools)", ""},
    {"arguments before the name wait for the item",
     EVENT("function_call_arguments.delta", "\"output_index\":0,\"delta\":\"{}\"")
         EVENT("output_item.done", CALL("0", "c0", "a", "{}")) COMPLETED(""),
     "begin() call(c0 a) +{} end stop(tools)", ""},
    {"only function_call_arguments.done",
     EVENT("output_item.added", CALL("0", "c0", "a", "")) EVENT(
         "function_call_arguments.done", "\"output_index\":0,\"arguments\":\"{}\"") COMPLETED(""),
     "begin() call(c0 a) +{} end stop(tools)", ""},
    {"a summary that only its done events bring",
     EVENT("reasoning_summary_text.done",
           "\"output_index\":0,\"summary_index\":0,\"item_id\":\"rs\",\"text\":\"a\"")
         EVENT("reasoning_summary_text.done",
               "\"output_index\":0,\"summary_index\":1,\"item_id\":\"rs\",\"text\":\"b\"")
             EVENT(
                 "output_item.done",
                 "\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{"
                 "\"text\":\"a\"},{\"text\":\"b\"},{\"text\":\"\"},{\"text\":\"c\"}],"
                 "\"encrypted_content\":\"E\"}") COMPLETED(""),
     "begin() thinking(rs ) +a +\n\n +b +\n\n +c end(seal1 E) stop(end)", ""},
    {"thoughts told twice are told once",
     EVENT("reasoning_text.delta", "\"output_index\":0,\"item_id\":\"rs\",\"delta\":\"raw\"") EVENT(
         "reasoning_summary_text.delta", "\"output_index\":0,\"item_id\":\"rs\",\"delta\":\"sum\"")
         EVENT("reasoning_text.done", "\"output_index\":0,\"item_id\":\"rs\",\"text\":\"raw\"")
             EVENT(
                 "output_item.done",
                 "\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{"
                 "\"text\":\"sum\"}],\"content\":[{\"text\":\"raw!\"}]}") COMPLETED(""),
     "begin() thinking(rs ) +raw +! end stop(end)", ""},
    {"what is unknown is skipped, what is lost is noted",
     EVENT("sparkle.delta", "\"delta\":\"x\"")
         COMPLETED("{\"type\":\"image_generation_call\",\"id\":\"i\"}," MESSAGE("m", "x")),
     "begin(r) text +x end stop(end)", "dropped:answer.image_generation_call"},
    {"probabilities of tokens come with their deltas, and are told once",
     EVENT("output_text.delta", PART "\"delta\":\"a\",\"logprobs\":[{\"logprob\":-0.10}]")
         EVENT("output_text.delta", PART "\"delta\":\"b\",\"logprobs\":[]")
             EVENT("output_text.done", PART "\"text\":\"ab\",\"logprobs\":[{\"logprob\":-0.10}]")
                 EVENT("content_part.done", PART "\"part\":" PROBABLE("ab", "1")) COMPLETED(
                     "{\"type\":\"message\",\"id\":\"m\",\"content\":[" PROBABLE("ab", "1") "]}"),
     "begin() text +a<{\"logprob\":-0.10}> +b end stop(end)", ""},
    {"those that only a later event has are told then",
     EVENT("output_text.delta", PART "\"delta\":\"a\",\"logprobs\":[1]")
         EVENT("output_text.delta", PART "\"delta\":\"b\"")
             EVENT("output_text.done", PART "\"text\":\"abc\",\"logprobs\":[1,2]")
                 EVENT("content_part.done", PART "\"part\":" PROBABLE("abc", "1,2,3")),
     "begin() text +a<1> +b +c<2> +<3> end", ""},
    {"a token without text is a token",
     EVENT("output_text.delta", PART "\"delta\":\"\",\"logprobs\":[1]")
         EVENT("output_text.delta", PART "\"delta\":\"\303\266\",\"logprobs\":[2]") COMPLETED(""),
     "begin() text +<1> +\303\266<2> end stop(end)", ""},
    {"an answer in one event has all of them",
     COMPLETED("{\"type\":\"message\",\"id\":\"m\",\"content\":[" PROBABLE("ab", " 1, 2") "]}"),
     "begin(r) text +ab<1, 2> end stop(end)", ""},
    {"a filtered answer",
     EVENT("incomplete", "\"response\":{\"id\":\"r\",\"status\":\"incomplete\","
                         "\"incomplete_details\":{\"reason\":\"content_filter\"},\"output\":[]}"),
     "begin(r) stop(refusal)", ""},
    {"nothing counts behind the end",
     COMPLETED("") EVENT("output_text.delta", "\"output_index\":0,\"delta\":\"late\""),
     "begin(r) stop(end)", ""},
};

static void nothing_is_lost_and_nothing_doubled(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct str rest = str_of(stories[i].events);
        struct bench bench;
        bench_init(&bench);
        while (rest.len) {
            struct sse_event event = {.data = str_cut(&rest, '\n'), .has_data = true};
            struct json root;
            CHECK(stories[i].name, json_parse(bench.json, event.data, &root, NULL) == OK);
            bench_event(&bench, &event);
        }
        bench_check(&bench, stories[i].name, stories[i].sketch, stories[i].notes);
    }
}

/* ---- plain answers ------------------------------------------------------------------------------- */

static void plain_answers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *path, *sketch;
    } answers[] = {
        {"openai/responses_plain.json",
         "begin(resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654)"
         " text +Hi there! end stop(end)"},
        {"openai/responses_codex.json",
         "begin(resp_0b1f) sealed(rs_0b1f ) end(seal1 gAAAAABpX2VuY3J5cHRlZA==) text +I'll patch it. "
         "end call(call_7Hq mcp__ev__echo) +{\"text\": \"hi\\n\"} end custom call(call_9Rt "
         "apply_patch) +*** Begin Patch\n*** End Patch\n end stop(tools)"},
    };
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct fixture fixture = fixture_read(answers[i].path);
        struct bench bench;
        struct json root;
        bench_init(&bench);
        bench.reader.source = (struct str){fixture.bytes, fixture.len};
        assert_int_equal(json_parse(bench.json, bench.reader.source, &root, NULL), OK);
        responses_answer_read(&bench.reader, root);
        bench_check(&bench, answers[i].path, answers[i].sketch, "");
        free(fixture.bytes);
    }
}

/* ---- bounds -------------------------------------------------------------------------------------- */

static void a_provider_without_end_of_items_is_cut_off(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (unsigned i = 0; i <= RESPONSES_ITEMS_MAX && !bench.reader.parts.failed; i++) {
        char data[256];
        snprintf(data, sizeof data,
                 "{\"type\":\"response.output_item.done\",\"output_index\":%u,\"item\":" MESSAGE(
                     "m", "x") "}",
                 i);
        struct sse_event event = {.data = str_of(data), .has_data = true};
        bench_event(&bench, &event);
    }
    CHECK("failed", bench.reader.parts.failed);
    CHECK("in time", bench.reading.item_count == RESPONSES_ITEMS_MAX);
    bench_free(&bench);
}

TEST_MAIN(TEST(recorded_streams_are_read), TEST(nothing_is_lost_and_nothing_doubled),
          TEST(plain_answers_are_read), TEST(a_provider_without_end_of_items_is_cut_off))
