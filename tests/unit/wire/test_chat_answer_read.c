/* tests/unit/wire/test_chat_answer_read.c: what chat completions providers say, in all the ways that they say it. */
#include "tests/unit/wire/chat_listener.h"

#include "tests/fixtures/fixture.h"

#include "tests/test.h"

static struct listener listener;

#define ID      "begin chatcmpl-BxQ2f7TnVd0sK1"
#define WEATHER "begin chatcmpl-BxQ2f7TnVd0sK1 call_DdmO9pD3xa9XTPNJ32zg2hcA=get_weather"

// clang-format off
static const struct fixture_story {
    const char *file, *told, *notes;
} fixtures[] = {
    {"openai/chat_text.sse", ID " text{Grüß| Gott! 👋\n\n} stop:end", ""},
    {"openai/chat_tool_calls.sse", WEATHER "{{\"|city|\":\"|Zürich|\"}} stop:tools", ""},
    {"openai/chat_reasoning_crlf.sse", ID " think{Let me} text{42} stop:end", ""},
    {"openai/chat_azure.sse", ID " text{Hi} stop:end", ""},
    {"openai/chat_refusal.sse", ID " refusal{I'm sorry, I can't help with that.} stop:end", ""},
    {"openai/chat_empty_answer.sse", ID " stop:refusal", ""},
    {"openai/chat_pretty.sse", ID " text{spread over lines} stop:length", ""},
    {"openai/chat_parallel_tools.sse",
     "begin chatcmpl-CpX1 text{Let me look.} call_a1=get_weather{{\"city\"|:\"Paris\"}} call_b2=get_weather{{\"city\"|:\"Rome\"}} stop:tools", ""},
    {"openai/chat_interleaved_tools.sse",
     "begin chatcmpl-CpX2 call_a1=f{{\"a\":|{\"x\":\"}\\\"\"}|}} call_b2=g{{\"b\":|2}} stop:tools", ""},
    {"openai/chat_citations.sse",
     "begin chatcmpl-CpX3 text{Rain| in Bergen.[https://x.test/a A {\"type\":\"url_citation\",\"url_citation\":{\"start_index\":0,\"end_index\":4,\"title\":\"A\",\"url\":\"https://x.test/a\"}}]} stop:end", ""},
    {"openai/chat_two_choices.sse", "begin chatcmpl-CpX4 text{one} stop:end", "dropped:answer.choices"},
    {"openai/chat_function_call.sse", "begin chatcmpl-CpX5 call_da269aa26af03a66_0=f{{\"a\"|:1}} stop:tools", ""},
    {"mistral/chat_thinking.sse", "begin 4b1f0c think{First,| think.} text{Then| speak.} stop:length", "dropped:answer.content"},
    {"gemini/chat_tools_same_index.sse", "begin gem-1 function-call-1=f{{\"a\":1}} function-call-2=f{{\"a\":2}} stop:tools", ""},
    {"ollama/chat_tools_no_index.sse", "begin chatcmpl-77 call_x=f{{\"a\":1}} call_y=g{{}} stop:tools", ""},
    {"vllm/chat_tools_new_ids.sse", "begin chatcmpl-v1 think{hm} call_v1=get_weather{{\"city\": \"|Oslo|\"}} stop:tools", ""},
    {"vllm/chat_stop_sequence.sse", "begin chatcmpl-v2 text{1, 2, } stop:sequence ###", ""},
    {"llama/chat_text.sse", "begin chatcmpl-9qQyYb2o3p text{One| two} stop:end", ""},
    {"llama/chat_reasoning.sse", "begin chatcmpl-9qQyYb2o3p think{a b} text{One} stop:length", ""},
    {"llama/chat_tools.sse", "begin chatcmpl-9qQyYb2o3p think{hm} q7Xk3ZpW9sRt2LmN8vBc4YdF6gHj1KxA=get_weather{{|\"city\":|\"Rome\"|}} stop:tools", ""},
};

static const struct fixture_story plains[] = {
    {"openai/chat_plain.json", "begin chatcmpl-1 text{Hello! How can I assist you today?} stop:end", ""},
    {"openai/chat_tool_plain.json", "begin chatcmpl-2 call_abc123=get_weather{{\n\"city\": \"Boston\"\n}} stop:tools", ""},
    {"openai/chat_everything_plain.json",
     "begin chatcmpl-3 think{hm} text{Rain.<{\"token\": \"Rain\", \"logprob\": -0.1, \"bytes\": null, \"top_logprobs\": []}>[https://x.test/a A {\"type\": \"url_citation\", \"url_citation\": {\"start_index\": 0, \"end_index\": 4, \"title\": \"A\", \"url\": \"https://x.test/a\"}}]}"
     " refusal{no} call_1=f{{\"a\": 1.0}} call_2=f{{\"a\": 2.0}} stop:tools",
     "dropped:answer.audio,dropped:answer.choices"},
    {"llama/chat_plain.json", "begin chatcmpl-x think{a b} text{One two} stop:end", ""},
};

/* A chunk with this delta, and with this value of `logprobs`. */
#define PROBABLE(delta, value) "data: {\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{" delta "},\"logprobs\":" value ",\"finish_reason\":null}]}\n\n"
/* A chunk with this delta. */
#define CHUNK(delta)           "data: {\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":null}]}\n\n"
#define FINISH(reason)         "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\ndata: [DONE]\n\n"
#define CALL(index, rest)      "{\"index\":" index "," rest "}"
#define CALLS(calls)           CHUNK("\"tool_calls\":[" calls "]")
#define ARGS(text)             "\"function\":{\"arguments\":\"" text "\"}"
#define FIRST(id, name, text)  "\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"" text "\"}"

static const struct stream_story {
    const char *name, *stream, *told, *notes;
} streams[] = {
    {"a name that comes in pieces is one name", CALLS(CALL("0", FIRST("call_1", "get_", ""))) CALLS(CALL("0", "\"function\":{\"name\":\"weather\"}")) CALLS(CALL("0", ARGS("{}"))) FINISH("tool_calls"),
     "begin c call_1=get_weather{{}} stop:tools", ""},
    {"a name that is repeated is no longer name", CALLS(CALL("0", FIRST("call_1", "f", "{"))) CALLS(CALL("0", FIRST("call_1", "f", "}"))) FINISH("tool_calls"),
     "begin c call_1=f{{|}} stop:tools", ""},
    {"a name that comes late holds its arguments back", CALLS(CALL("0", ARGS("{\\\"a\\\""))) CALLS(CALL("0", FIRST("call_1", "f", ":1}"))) FINISH("tool_calls"),
     "begin c call_1=f{{\"a\"|:1}} stop:tools", ""},
    {"a call of no tool is none", CALLS(CALL("0", ARGS("{}"))) FINISH("tool_calls"), "begin c stop:end", "dropped:answer.tool_calls"},
    {"a call without arguments is told all the same", CALLS(CALL("0", FIRST("call_1", "f", ""))) FINISH("tool_calls"), "begin c call_1=f{} stop:tools", ""},
    {"a call is told before the next, though both are open", CALLS(CALL("0", FIRST("call_1", "f", ""))) CALLS(CALL("1", FIRST("call_2", "g", "{}"))) FINISH("tool_calls"),
     "begin c call_1=f{} call_2=g{{}} stop:tools", ""},
    {"arguments for a call that was left open come to it", CALLS(CALL("0", FIRST("call_1", "f", "{\\\"a\\\":\\\"}")) "," CALL("1", FIRST("call_2", "g", "{"))) CALLS(CALL("1", ARGS("}"))) CALLS(CALL("0", ARGS("\\\"}"))) FINISH("stop"),
     "begin c call_1=f{{\"a\":\"}|\"}} call_2=g{{|}} stop:tools", ""},
    {"ids that are missing are made up, and differ", CALLS(CALL("0", "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") "," CALL("1", "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")) FINISH("tool_calls"),
     "begin c call_3d17eb443a3c0e4f_0=f{{}} call_3d17eb443a3c0e4f_1=f{{}} stop:tools", ""},
    {"arguments may be an object", CALLS(CALL("0", "\"id\":\"call_1\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\": 1.0}}")) FINISH("tool_calls"), "begin c call_1=f{{\"a\": 1.0}} stop:tools", ""},
    {"custom tools take free text", CALLS(CALL("0", "\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"input\":\"a\"}")) CALLS(CALL("0", "\"custom\":{\"input\":\"{}\"}")) FINISH("tool_calls"),
     "begin c call_1=c*{a|{}} stop:tools", ""},
    {"text behind a whole call is told behind it", CHUNK("\"content\":\"a\"") CALLS(CALL("0", FIRST("call_1", "f", "{}"))) CHUNK("\"content\":\"b\"") FINISH("tool_calls"), "begin c text{a} call_1=f{{}} text{b} stop:tools", ""},
    {"text in the middle of a call waits for its end", CALLS(CALL("0", FIRST("call_1", "f", "{"))) CHUNK("\"content\":\"b\"") CALLS(CALL("0", ARGS("}"))) FINISH("tool_calls"), "begin c call_1=f{{|}} text{b} stop:tools", ""},
    {"thoughts and text may take turns", CHUNK("\"reasoning_content\":\"a\"") CHUNK("\"content\":\"b\"") CHUNK("\"reasoning\":\"c\"") CHUNK("\"content\":\"d\"") FINISH("stop"),
     "begin c think{a} text{b} think{c} text{d} stop:end", ""},
    {"a thought under two names is one", CHUNK("\"reasoning_content\":\"a\",\"reasoning\":\"a\",\"reasoning_details\":[{\"text\":\"a\"}]") FINISH("stop"), "begin c think{a} stop:end", ""},
    {"a thought told in details only", CHUNK("\"reasoning_details\":[{\"type\":\"reasoning.summary\",\"summary\":\"a\"},{\"type\":\"reasoning.text\",\"text\":\"b\"},{\"type\":\"reasoning.encrypted\",\"data\":\"x\"}]") FINISH("stop"),
     "begin c think{a|b} stop:end", "dropped:answer.thinking"},
    {"the words for an end", CHUNK("\"content\":\"a\"") FINISH("content_filter"), "begin c text{a} stop:refusal", ""},
    {"a word that nobody knows", CHUNK("\"content\":\"a\"") FINISH("tired"), "begin c text{a} stop:unknown", ""},
    {"tool_calls without calls", CHUNK("\"content\":\"a\"") FINISH("tool_calls"), "begin c text{a} stop:end", ""},
    {"cut at its limit in the middle of a call", CALLS(CALL("0", FIRST("call_1", "f", "{"))) FINISH("length"), "begin c call_1=f{{} stop:length", ""},
    {"a second end is not told", CHUNK("\"content\":\"a\"") FINISH("stop") FINISH("stop"), "begin c text{a} stop:end", ""},
    {"what comes behind the end is noted", CHUNK("\"content\":\"a\"") FINISH("stop") CHUNK("\"content\":\"b\""), "begin c text{a} stop:end", "dropped:answer.after_stop"},
    {"a source without text is noted", CHUNK("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://x\"}}]") FINISH("stop"), "begin c stop:end", "dropped:answer.annotations"},
    {"sources beside the answer are noted", "data: {\"id\":\"c\",\"citations\":[\"https://x\"],\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n", "begin c text{a} stop:end", "dropped:answer.citations"},
    {"chunks of nonsense say nothing", "data: {\"choices\":5}\n\ndata: {\"choices\":[5,{\"delta\":7}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":7,\"tool_calls\":{\"a\":1}}}]}\n\ndata: 1\n\n", "begin ", ""},
    {"probabilities of tokens, digit by digit", PROBABLE("\"content\":\"a\"", "{\"content\":[{\"token\":\"a\",\"logprob\":-0.10}],\"refusal\":null}") PROBABLE("\"content\":\"bc\"", "{\"content\":[{\"t\":1}, {\"t\":2}]}") FINISH("stop"),
     "begin c text{a<{\"token\":\"a\",\"logprob\":-0.10}>|bc<{\"t\":1}, {\"t\":2}>} stop:end", ""},
    {"half a character is a token too", PROBABLE("\"content\":\"\"", "{\"content\":[1]}") PROBABLE("\"content\":\"\303\266\"", "{\"content\":[2]}") PROBABLE("\"content\":\"\"", "{\"content\":[3]}") FINISH("stop"),
     "begin c text{<1>|\303\266<2>|<3>} stop:end", ""},
    {"lists of none say nothing", PROBABLE("\"content\":\"a\"", "{\"content\":[],\"refusal\":null}") PROBABLE("\"content\":\"b\"", "{\"content\":null,\"refusal\":[]}") PROBABLE("\"role\":\"assistant\",\"content\":\"\"", "{\"content\":[]}") FINISH("stop"), "begin c text{a|b} stop:end", ""},
    {"those of thoughts are noted", PROBABLE("\"reasoning_content\":\"a\",\"content\":\"\"", "{\"content\":[1]}") FINISH("stop"), "begin c think{a} stop:end", "dropped:answer.logprobs"},
    {"so are those of calls", PROBABLE("\"content\":null,\"tool_calls\":[" CALL("0", FIRST("call_1", "f", "{}")) "]", "{\"content\":[1]}") FINISH("tool_calls"), "begin c call_1=f{{}} stop:tools", "dropped:answer.logprobs"},
    {"of refusals", PROBABLE("\"refusal\":\"no\"", "{\"content\":null,\"refusal\":[1]}") FINISH("stop"), "begin c refusal{no} stop:end", "dropped:answer.logprobs"},
    {"and those in another form", PROBABLE("\"content\":\"a\"", "{\"tokens\":[\"a\"]}") FINISH("stop"), "begin c text{a} stop:end", "dropped:answer.logprobs"},
    {"a stream that breaks off has no stop", CHUNK("\"content\":\"a\""), "begin c text{a", ""},
};
// clang-format on

static void check(const char *name, const char *told, const char *notes)
{
    CHECK(name, !listener.reader.parts.failed);
    CHECK_STR(name, listener.told.data, told);
    CHECK_STR(name, listener_notes(&listener), notes);
    listener_stop(&listener);
}

static void recorded_streams_are_told_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct fixture file = fixture_read(fixtures[i].file);
        listener_start(&listener);
        listener_stream(&listener, (struct str){file.bytes, file.len});
        check(fixtures[i].file, fixtures[i].told, fixtures[i].notes);
        free(file.bytes);
    }
}

static void plain_answers_are_told_like_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(plains); i++) {
        struct fixture file = fixture_read(plains[i].file);
        listener_start(&listener);
        CHECK(plains[i].file, listener_answer(&listener, (struct str){file.bytes, file.len}));
        check(plains[i].file, plains[i].told, plains[i].notes);
        free(file.bytes);
    }
}

static void streams_of_any_manner_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        listener_start(&listener);
        listener_stream(&listener, str_of(streams[i].stream));
        check(streams[i].name, streams[i].told, streams[i].notes);
    }
}

/* ---- whole JSON, piece by piece ------------------------------------------------------------------ */

static const struct scan_story {
    const char *text;
    bool is_whole, is_broken;
} scans[] = {
    {"", false, false},
    {" {", false, false},
    {"{}", true, false},
    {" {\"a\":[1,{\"b\":\"}\\\"]\"}]} \r\n\t", true, false},
    {"{\"a\\\\\":\"\\\\\"}", true, false},
    {"[[]]", true, false},
    {"{\"a\":\"}", false, false},
    {"{}{}", true, true},
    {"{} x", true, true},
    {"12", false, true},
    {"}", false, true},
};

static void json_is_whole_when_its_last_bracket_has_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scans); i++) {
        struct str text = str_of(scans[i].text);
        for (size_t split = 0; split <= text.len; split++) {
            struct chat_scan scan = {0};
            chat_scan_more(&scan, str_upto(text, split));
            chat_scan_more(&scan, str_from(text, split));
            CHECK_INT(scans[i].text, scan.is_whole, scans[i].is_whole);
            CHECK_INT(scans[i].text, scan.is_broken, scans[i].is_broken);
        }
    }
}

/* ---- bounds -------------------------------------------------------------------------------------- */

static void more_calls_than_anybody_makes_are_refused(void **state)
{
    (void)state;
    listener_start(&listener);
    for (unsigned i = 0; i <= CHAT_CALLS_MAX; i++) {
        char chunk[256];
        int len = snprintf(chunk, sizeof chunk,
                           "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%u,\"id\":\"c%u\","
                           "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}",
                           i, i);
        CHECK("not yet", !listener.reader.parts.failed);
        struct sse_event event = {.data = {chunk, (size_t)len}, .has_data = true};
        listener_event(&listener, &event);
    }
    CHECK("then", listener.reader.parts.failed);
    listener_stop(&listener);
}

static void a_name_without_end_is_refused(void **state)
{
    (void)state;
    static const char chunk[] = "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
                                "\"function\":{\"name\":\"0123456789abcdef%d\"}}]}}]}";
    listener_start(&listener);
    for (int i = 0; i < 16; i++) {
        char data[160];
        int len = snprintf(data, sizeof data, chunk, i);
        struct sse_event event = {.data = {data, (size_t)len}, .has_data = true};
        listener_event(&listener, &event);
    }
    CHECK("refused", listener.reader.parts.failed);
    listener_stop(&listener);
}

static void a_call_that_goes_on_behind_its_end_is_refused(void **state)
{
    (void)state;
    listener_start(&listener);
    listener_stream(&listener, STR(CALLS(CALL("0", FIRST("call_1", "f", "{}"))) CALLS(CALL(
                                   "1", FIRST("call_2", "g", "{}"))) CALLS(CALL("0", ARGS(" ")))));
    CHECK("blanks are nothing", !listener.reader.parts.failed);
    listener_stream(&listener, STR(CALLS(CALL("0", ARGS("{}")))));
    CHECK("more JSON is a lie", listener.reader.parts.failed);
    listener_stop(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recorded_streams_are_told_in_order),
        TEST(plain_answers_are_told_like_streams),
        TEST(streams_of_any_manner_are_understood),
        TEST(json_is_whole_when_its_last_bracket_has_come),
        TEST(more_calls_than_anybody_makes_are_refused),
        TEST(a_name_without_end_is_refused),
        TEST(a_call_that_goes_on_behind_its_end_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_reader_free(listener.json);
    return failed;
}
