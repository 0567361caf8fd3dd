/* tests/unit/wire/test_chat_prompt_read.c: what a chat completions request means, told in one line each. */
#include "tests/unit/wire/chat_bench.h"

#include "tests/test.h"

static struct bench bench;

static int open_bench(void **state)
{
    (void)state;
    bench_open(&bench);
    return 0;
}

static int close_bench(void **state)
{
    (void)state;
    bench_close(&bench);
    return 0;
}

#define HI             "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define SAYS(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define ASKS(fields)   "{" HI "," fields "}"

// clang-format off
static const struct story {
    const char *name, *body, *told, *notes;
} stories[] = {
    {"text of all roles",
     SAYS("{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},"
          "{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"ho\"},{\"role\":\"user\",\"content\":\"\"}"),
     "system['Be brief.'] developer['a', 'b'] user['hi'] assistant['ho'] user[]", ""},
    {"images by URL and as data, with detail",
     SAYS("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\",\"detail\":\"low\"}},"
          "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\",\"detail\":\"high\"}},{\"type\":\"image_url\",\"image_url\":\"https://z\"}]}"),
     "user[image url https://x/y.png low, image base64 image/png AAAA high, image url https://z]", ""},
    {"sound and files",
     SAYS("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\",\"format\":\"wav\"}},"
          "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"SUQz\",\"format\":\"mp3\"}},"
          "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,JVBE\"}},"
          "{\"type\":\"file\",\"file\":{\"file_data\":\"JVBE\"}},{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]}"),
     "user[audio base64 audio/wav UklG, audio base64 audio/mpeg SUQz, document base64 application/pdf JVBE a.pdf,"
     " document base64 application/pdf JVBE, document file file-1]", ""},
    {"parallel calls, and their results in one turn",
     SAYS("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1.50}\"}},"
          "{\"id\":\"call_2\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"*** Begin\"}}]},"
          "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"one\"},{\"role\":\"tool\",\"tool_call_id\":\"call_2\",\"content\":[{\"type\":\"text\",\"text\":\"two\"}]},"
          "{\"role\":\"user\",\"content\":\"go on\"}"),
     "assistant[call_1=f({\"a\":1.50}), call_2=patch<*** Begin>] user[call_1->{'one'}, call_2 custom->{'two'}] user['go on']", ""},
    {"an assistant that thought, talked and declined",
     SAYS("{\"role\":\"assistant\",\"reasoning_content\":\"hmm\",\"content\":[{\"type\":\"text\",\"text\":\"well\"},{\"type\":\"refusal\",\"refusal\":\"no\"}]},"
          "{\"role\":\"assistant\",\"reasoning\":\"hm\",\"content\":null,\"refusal\":\"never\"}"),
     "assistant[hm 'hmm', 'well', no 'no'] assistant[hm 'hm', no 'never']", ""},
    {"the empty members of an answer that an SDK repeats say nothing",
     SAYS("{\"role\":\"assistant\",\"content\":\"ok\",\"refusal\":null,\"annotations\":[],\"audio\":null,\"function_call\":null,\"tool_calls\":[]}"),
     "assistant['ok']", ""},
    {"functions of old",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"role\":\"function\",\"name\":\"f\",\"content\":\"1\"}],"
     "\"functions\":[{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}],\"function_call\":{\"name\":\"f\"}}",
     "assistant[call_function_1=f({})] user[call_function_1->{'1'}] tool:f schema={\"type\":\"object\"} choice=f",
     "emulated:messages.function_call,changed:functions"},
    {"tools keep their schemas byte for byte",
     ASKS("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"b\":1.0, \"a\" :[ ]},\"strict\":true}},"
          "{\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":\"lark\",\"definition\":\"start: A\"}}}},"
          "{\"type\":\"custom\",\"custom\":{\"name\":\"t\",\"format\":{\"type\":\"text\"}}}],\"tool_choice\":\"required\",\"parallel_tool_calls\":false"),
     "user['hi'] tool:f about=d schema={\"b\":1.0, \"a\" :[ ]} strict=yes custom:c format={\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"start: A\"}"
     " custom:t choice=any parallel=no", ""},
    {"a named choice", ASKS("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"), "user['hi'] choice=f", ""},
    {"a named custom tool", ASKS("\"tool_choice\":{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}"), "user['hi'] choice=c", ""},
    {"allowed tools are noted, their mode is kept", ASKS("\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[]}}"),
     "user['hi'] choice=any", "dropped:tool_choice.allowed_tools"},
    {"numbers keep their digits",
     ASKS("\"temperature\":0.70,\"top_p\":1e-1,\"top_k\":40,\"seed\":12345678901234567890,\"frequency_penalty\":0,\"presence_penalty\":-0.50,\"logit_bias\":{\"50256\":-100},\"n\":2"),
     "user['hi'] temperature=0.70 top_p=1e-1 top_k=40 seed=12345678901234567890 presence=-0.50 bias={\"50256\":-100} n=2", ""},
    {"the newer limit holds, in either order", ASKS("\"max_tokens\":10,\"max_completion_tokens\":20"), "user['hi'] max=20", ""},
    {"the newer limit holds, first", ASKS("\"max_completion_tokens\":20,\"max_tokens\":10"), "user['hi'] max=20", ""},
    {"the old limit alone", ASKS("\"max_tokens\":10"), "user['hi'] max=10", ""},
    {"one stop", ASKS("\"stop\":\"END\",\"stream\":true,\"stream_options\":{\"include_usage\":true}"), "user['hi'] stream stop=END", ""},
    {"several stops", ASKS("\"stop\":[\"a\",\"b\"]"), "user['hi'] stop=a stop=b", ""},
    {"log probabilities", ASKS("\"logprobs\":true,\"top_logprobs\":5"), "user['hi'] logprobs=yes top=5", ""},
    {"JSON mode", ASKS("\"response_format\":{\"type\":\"json_object\"}"), "user['hi'] json", ""},
    {"a JSON schema",
     ASKS("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"description\":\"d\",\"schema\":{\"type\":\"object\"},\"strict\":true}}"),
     "user['hi'] schema name=n about=d schema={\"type\":\"object\"} strict=yes", ""},
    {"a JSON schema that is none asks for any JSON", ASKS("\"response_format\":{\"type\":\"json_schema\"}"), "user['hi'] schema schema={}", ""},
    {"effort is thinking", ASKS("\"reasoning_effort\":\"high\",\"verbosity\":\"low\""), "user['hi'] thinking=on effort=high verbosity=low", ""},
    {"no effort is none", ASKS("\"reasoning_effort\":\"none\""), "user['hi'] thinking=off effort=none", ""},
    {"whose request it is",
     ASKS("\"user\":\"u\",\"safety_identifier\":\"s\",\"metadata\":{\"a\":\"b\"},\"service_tier\":\"flex\",\"prompt_cache_key\":\"k\",\"store\":true"),
     "user['hi'] user=s metadata={\"a\":\"b\"} tier=flex cache=k store=yes", ""},
    {"null is absent", ASKS("\"temperature\":null,\"stop\":null,\"tools\":null,\"tool_choice\":null,\"user\":null,\"response_format\":null,\"audio\":null"), "user['hi']", ""},
    {"what is not carried is named",
     "{\"messages\":[{\"role\":\"user\",\"name\":\"ann\",\"content\":[{\"type\":\"text\",\"text\":\"hi\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"video_url\",\"video_url\":{}}]},"
     "{\"role\":\"assistant\",\"content\":\"x\",\"audio\":{\"id\":\"a\"}}],\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"v\"},"
     "\"prediction\":{\"type\":\"content\"},\"web_search_options\":{},\"tools\":[{\"type\":\"retrieval\"},{\"type\":\"function\",\"function\":{\"name\":\"f\"},\"cache_control\":{\"type\":\"ephemeral\"}}],"
     "\"min_p\":0.1,\"metadata\":{}}",
     "user['hi'] assistant['x'] tool:f",
     "dropped:messages.cache_control,dropped:messages.content.video_url,dropped:messages.name,dropped:messages.audio,dropped:modalities,dropped:audio,"
     "dropped:prediction,dropped:web_search_options,dropped:tools.retrieval,dropped:tools.cache_control,dropped:min_p"},
};

static const struct refusal {
    const char *name, *body, *sentence;
} refusals[] = {
    {"no messages", "{\"model\":\"m\"}", "\"messages\" is missing"},
    {"messages that are none", "{\"messages\":{}}", "\"messages\" must be an array"},
    {"no message", "{\"messages\":[]}", "\"messages\" is empty"},
    {"a message that is none", "{\"messages\":[1]}", "\"messages[0]\" must be an object"},
    {"a role that nobody has", SAYS("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"boss\"}"),
     "\"messages[1].role\" must be system, developer, user, assistant, tool or function"},
    {"content that is none", SAYS("{\"role\":\"user\",\"content\":5}"), "\"messages[0].content\" must be a string or an array of objects"},
    {"a part that is none", SAYS("{\"role\":\"user\",\"content\":[5]}"), "\"messages[0].content\" must be a string or an array of objects"},
    {"a result of no call", SAYS("{\"role\":\"tool\",\"content\":\"x\"}"), "\"messages[0].tool_call_id\" is missing"},
    {"a call without id", SAYS("{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}"), "\"messages[0].tool_calls\" must have an id each"},
    {"a call of nothing", SAYS("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"call_1\"}]}"), "\"messages[0].tool_calls\" must name a function each"},
    {"a temperature that is none", ASKS("\"temperature\":\"hot\""), "\"temperature\" must be a number"},
    {"a limit that is none", ASKS("\"max_tokens\":1.5"), "\"max_tokens\" must be a whole number"},
    {"a limit below nothing", ASKS("\"max_completion_tokens\":-1"), "\"max_completion_tokens\" must be a whole number"},
    {"a flag that is none", ASKS("\"store\":1"), "\"store\" must be true or false"},
    {"tools that are none", ASKS("\"tools\":{}"), "\"tools\" must be an array"},
    {"a tool that is none", ASKS("\"tools\":[1]"), "\"tools\" must be an array of objects"},
    {"a tool without a name", ASKS("\"tools\":[{\"type\":\"function\",\"function\":{}}]"), "a tool of \"tools\" has no name"},
    {"a choice that is none", ASKS("\"tool_choice\":{}"), "\"tool_choice\" must be none, auto, required or name a tool"},
    {"a format that is none", ASKS("\"response_format\":\"json\""), "\"response_format\" must be an object with a type"},
    {"a body that is none", "[]", "the body must be a JSON object"},
};
// clang-format on

static void requests_mean_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        enum err err = bench_read(&bench, str_of(stories[i].body));
        CHECK_STR(stories[i].name, bench.error.text, "");
        CHECK_INT(stories[i].name, err, OK);
        CHECK_STR(stories[i].name, bench_tell(&bench), stories[i].told);
        CHECK_STR(stories[i].name, bench_notes(&bench), stories[i].notes);
    }
}

static void what_every_provider_would_refuse_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        enum err err = bench_read(&bench, str_of(refusals[i].body));
        CHECK_INT(refusals[i].name, err, ERR_MALFORMED);
        CHECK_STR(refusals[i].name, bench.error.text, refusals[i].sentence);
    }
}

static void more_stops_than_can_be_held_are_noted(void **state)
{
    (void)state;
    AUTO_BUF struct buf body;
    buf_init(&body, 4096);
    buf_puts(&body, "{" HI ",\"stop\":[\"0\"");
    for (int i = 1; i <= PROMPT_STOPS_MAX; i++)
        buf_printf(&body, ",\"%d\"", i);
    buf_puts(&body, "]}");
    assert_int_equal(bench_read(&bench, buf_str(&body)), OK);
    CHECK_INT("held", bench.prompt.stop_count, PROMPT_STOPS_MAX);
    CHECK_STR("noted", bench_notes(&bench), "changed:stop");
}

static void a_prompt_past_its_arena_is_refused(void **state)
{
    (void)state;
    struct json root;
    struct str body = STR("{" HI "}");
    assert_int_equal(json_parse(bench.reader, body, &root, NULL), OK);
    bench_start(&bench, body);
    struct arena none;
    arena_init(&none, 16);
    bench.prompt.arena = &none;
    CHECK_INT("no room", chat_prompt_read(&bench.prompt, root, &bench.error), ERR_NO_MEMORY);
    arena_release(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_mean_what_they_say),
        TEST(what_every_provider_would_refuse_is_refused_by_name),
        TEST(more_stops_than_can_be_held_are_noted),
        TEST(a_prompt_past_its_arena_is_refused),
    };
    return cmocka_run_group_tests(tests, open_bench, close_bench);
}
