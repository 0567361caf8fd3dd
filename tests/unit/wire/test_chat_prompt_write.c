/* tests/unit/wire/test_chat_prompt_write.c: what a chat completions provider is asked, and what is said to be lost on the way.
 *
 * What chat itself can say is read from a chat request first; the rest (errors and images in results, namespaces,
 * thinking) is put into a prompt by hand, as the other dialects' readers would.
 */
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

#define LOCAL                                                                                 \
    (QUIRK_LOCAL | QUIRK_ONE_SYSTEM_FIRST | QUIRK_OLD_MAX_TOKENS | QUIRK_NAMED_TOOL_IGNORED | \
     QUIRK_NO_EFFORT)
#define HI             "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define ASKS(fields)   "{" HI "," fields "}"
#define SAYS(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define TOOL(name)                                          \
    "{\"type\":\"function\",\"function\":{\"name\":\"" name \
    "\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}"

// clang-format off
static const struct story {
    const char *name, *body;
    unsigned quirks;
    int64_t most;       /* the model's output tokens */
    const char *wanted; /* NULL: the body itself */
    const char *notes;
} stories[] = {
    {"a conversation comes out as it went in",
     SAYS("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"developer\",\"content\":\"d\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\",\"detail\":\"low\"}}]},"
          "{\"role\":\"assistant\",\"content\":\"ok\",\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 1.0}\"}},{\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},"
          "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"1\"},{\"role\":\"tool\",\"tool_call_id\":\"call_2\",\"content\":[{\"type\":\"text\",\"text\":\"2\"},{\"type\":\"text\",\"text\":\"3\"}]},"
          "{\"role\":\"user\",\"content\":\"more\"},{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"},{\"role\":\"user\",\"content\":\"\"}"),
     0, -1, NULL, ""},
    {"every field comes out as it went in",
     ASKS("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"b\":1.0, \"a\" :[ ]},\"strict\":true}}],"
          "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},\"parallel_tool_calls\":false,\"max_completion_tokens\":9,\"temperature\":0.70,\"top_p\":1e-1,\"seed\":12345678901234567890,"
          "\"frequency_penalty\":0.1,\"presence_penalty\":-0.50,\"logit_bias\":{\"1\":-100},\"logprobs\":true,\"top_logprobs\":2,\"stop\":[\"a\",\"b\"],\"n\":2,"
          "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"description\":\"d\",\"schema\":{\"type\": \"object\"},\"strict\":true}},"
          "\"reasoning_effort\":\"low\",\"verbosity\":\"high\",\"user\":\"u\",\"prompt_cache_key\":\"k\",\"service_tier\":\"flex\",\"store\":true,\"metadata\":{\"a\":\"b\"},"
          "\"stream\":true,\"stream_options\":{\"include_usage\":true}"),
     0, -1, NULL, ""},
    {"sound and files come out as they went in",
     SAYS("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\",\"format\":\"wav\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"SUQz\",\"format\":\"mp3\"}},"
          "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,JVBE\"}},{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}]}"),
     0, -1, NULL, ""},
    {"a limit above the model's is lowered, and said so", ASKS("\"max_tokens\":100000"), QUIRK_OLD_MAX_TOKENS, 4096, ASKS("\"max_tokens\":4096"), "changed:max_tokens"},
    {"a limit at the model's stays", ASKS("\"max_completion_tokens\":4096"), 0, 4096, NULL, ""},
    {"what a model refuses is left out, and said so",
     ASKS("\"temperature\":0.5,\"top_p\":0.5,\"top_k\":4,\"presence_penalty\":1,\"logprobs\":true,\"stop\":\"x\",\"reasoning_effort\":\"high\""),
     QUIRK_NO_TEMPERATURE | QUIRK_NO_TOP_P | QUIRK_NO_PENALTIES | QUIRK_NO_STOP | QUIRK_NO_EFFORT, -1, "{" HI "}",
     "dropped:temperature,dropped:top_p,dropped:top_k,dropped:presence_penalty,dropped:logprobs,dropped:stop,dropped:reasoning_effort"},
    {"top_k is for local models", ASKS("\"top_k\":40"), 0, -1, "{" HI "}", "dropped:top_k"},
    {"top_k for a local model", ASKS("\"top_k\":40"), LOCAL, -1, NULL, ""},
    {"OpenAI takes four stops", ASKS("\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]"), 0, -1, ASKS("\"stop\":[\"1\",\"2\",\"3\",\"4\"]"), "changed:stop"},
    {"a local model takes more", ASKS("\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]"), LOCAL, -1, NULL, ""},
    {"a stream without stream_options", ASKS("\"stream\":true"), QUIRK_NO_STREAM_OPTIONS, -1, NULL, ""},
    {"JSON mode", ASKS("\"response_format\":{\"type\":\"json_object\"}"), 0, -1, NULL, ""},
    {"JSON mode where no schema is taken", ASKS("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{}}}"), QUIRK_NO_SCHEMA, -1,
     ASKS("\"response_format\":{\"type\":\"json_object\"}"), "changed:response_format"},
    {"nothing strict where it is refused",
     ASKS("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{},\"strict\":true}}],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{},\"strict\":true}}"),
     QUIRK_NO_STRICT_SCHEMA, -1,
     ASKS("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{}}}"),
     "dropped:tools.strict,dropped:response_format.strict"},
    {"a named tool, for llama-server", ASKS("\"tools\":[" TOOL("f") "," TOOL("g") "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}"), LOCAL, -1,
     ASKS("\"tools\":[" TOOL("g") "],\"tool_choice\":\"required\""), "emulated:tool_choice"},
    {"no tool is forced where that is refused", ASKS("\"tools\":[" TOOL("f") "],\"tool_choice\":\"required\""), QUIRK_NO_FORCED_TOOL, -1,
     ASKS("\"tools\":[" TOOL("f") "],\"tool_choice\":\"auto\""), "changed:tool_choice"},
    {"a named tool that is not there", ASKS("\"tools\":[" TOOL("f") "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}"), 0, -1,
     ASKS("\"tools\":[" TOOL("f") "]"), "dropped:tool_choice"},
    {"none and auto", ASKS("\"tools\":[" TOOL("f") "],\"tool_choice\":\"none\""), 0, -1, NULL, ""},
    {"a choice among no tools is none", ASKS("\"tool_choice\":\"auto\",\"parallel_tool_calls\":true"), 0, -1, "{" HI "}", ""},
    {"one call at a time cannot be asked for", ASKS("\"tools\":[" TOOL("f") "],\"parallel_tool_calls\":false"), QUIRK_NO_PARALLEL_FLAG, -1,
     ASKS("\"tools\":[" TOOL("f") "]"), "dropped:parallel_tool_calls"},
    {"a custom tool becomes a function, its grammar is told",
     ASKS("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"description\":\"Patches.\",\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":\"lark\",\"definition\":\"start: A\"}}}}]"), 0, -1,
     ASKS("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"c\",\"description\":\"Patches.\\n\\nGrammar of the input:\\nstart: A\","
          "\"parameters\":{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"],\"additionalProperties\":false}}}]"), "emulated:tools.custom"},
    {"a custom call becomes a function's",
     SAYS("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"input\":\"a \\\"b\\\"\"}}]}"), 0, -1,
     SAYS("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"c\",\"arguments\":\"{\\\"input\\\":\\\"a \\\\\\\"b\\\\\\\"\\\"}\"}}]}"), ""},
    {"arguments that are no JSON stay as the model wrote them",
     SAYS("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{oops\"}}]}"), 0, -1, NULL, ""},
    {"but llama-server would fail on them",
     SAYS("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{oops\"}}]}"), LOCAL, -1,
     SAYS("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"arguments\\\":\\\"{oops\\\"}\"}}]}"), "changed:tool_arguments"},
    {"all instructions are folded into the first message of a local model",
     SAYS("{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cc_version=2\"},{\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"user\",\"content\":\"hi\"},"
          "{\"role\":\"developer\",\"content\":\"b\"},{\"role\":\"assistant\",\"content\":\"ho\"},{\"role\":\"system\",\"content\":\"c\"}"), LOCAL, -1,
     SAYS("{\"role\":\"system\",\"content\":\"a\\n\\nb\\n\\nc\"},{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"ho\"}"),
     "emulated:system.billing_header,emulated:messages.system,emulated:messages.developer"},
    {"two turns of one side are one for a template",
     SAYS("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"b\"},{\"role\":\"assistant\",\"content\":\"c\"},{\"role\":\"assistant\",\"content\":\"d\"},{\"role\":\"user\",\"content\":\"e\"}"), LOCAL, -1,
     SAYS("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},{\"role\":\"assistant\",\"content\":\"cd\"},{\"role\":\"user\",\"content\":\"e\"}"), "emulated:messages.system"},
    {"one system message at the start is no fold", SAYS("{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"hi\"}"), LOCAL, -1, NULL, ""},
    {"Anthropic's billing note goes no further than the cloud",
     SAYS("{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: v\"},{\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"user\",\"content\":\"hi\"}"), QUIRK_LOCAL, -1,
     SAYS("{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"hi\"}"), "emulated:system.billing_header"},
    {"a developer where there is none", SAYS("{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"hi\"}"), QUIRK_NO_DEVELOPER_ROLE, -1,
     SAYS("{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"hi\"}"), "emulated:messages.developer"},
    {"a cloud does not take thoughts back", SAYS("{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":\"ho\"}"), 0, -1,
     SAYS("{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"ho\"}"), "dropped:thinking"},
    {"a local model gets those of its running tool loop back",
     SAYS("{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
          "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"1\"}"), LOCAL, -1, NULL, ""},
    {"but not those of an earlier one",
     SAYS("{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
          "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"1\"},{\"role\":\"user\",\"content\":\"more\"}"), LOCAL, -1,
     SAYS("{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
          "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"1\"},{\"role\":\"user\",\"content\":\"more\"}"), "dropped:thinking"},
    {"a local model takes no files", SAYS("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"read\"},{\"type\":\"file\",\"file\":{\"file_data\":\"JVBE\"}}]}"), LOCAL, -1,
     SAYS("{\"role\":\"user\",\"content\":\"read\"}"), "dropped:documents"},
    {"a vendor's bookkeeping stays away from local models",
     ASKS("\"user\":\"u\",\"prompt_cache_key\":\"k\",\"service_tier\":\"flex\",\"store\":true,\"metadata\":{\"a\":\"b\"},\"verbosity\":\"low\""), LOCAL, -1, "{" HI "}", "dropped:verbosity,dropped:store"},
    {"no thoughts, for a local model", ASKS("\"reasoning_effort\":\"none\""), LOCAL, -1, ASKS("\"chat_template_kwargs\":{\"enable_thinking\":false}"), "emulated:thinking"},
    {"the greatest effort has another name", ASKS("\"reasoning_effort\":\"max\""), 0, -1, ASKS("\"reasoning_effort\":\"xhigh\""), "changed:reasoning_effort"},
    {"metadata is for stored answers", ASKS("\"metadata\":{\"a\":\"b\"}"), 0, -1, "{" HI "}", "dropped:metadata"},
    {"a name too long to be taken", ASKS("\"user\":\"0123456789012345678901234567890123456789012345678901234567890123456789\""), 0, -1, "{" HI "}", "dropped:user"},
};
// clang-format on

static void providers_are_asked_what_the_caller_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        assert_int_equal(bench_read(&bench, str_of(story->body)), OK);
        const char *written = bench_write(&bench, story->quirks, story->most);
        CHECK_STR(story->name, written, story->wanted ? story->wanted : story->body);
        CHECK_STR(story->name, bench_notes(&bench), story->notes);
    }
}

/* ---- by hand ------------------------------------------------------------------------------------ */

static struct part *add(enum turn_role role, enum part_kind kind, const char *text)
{
    struct part *part = prompt_add_part(&bench.prompt, prompt_turn(&bench.prompt, role), kind);
    part->text = str_of(text);
    return part;
}

static struct part *add_result(const char *id, bool is_error)
{
    struct part *result = add(TURN_USER, PART_TOOL_RESULT, "");
    result->id = str_of(id);
    result->is_error = is_error;
    return result;
}

static void add_image(struct part *result)
{
    struct part *image = prompt_add_inside(&bench.prompt, result, PART_IMAGE);
    image->media = (struct media){MEDIA_BASE64, STR("image/png"), STR("AAAA"), STR(""), STR("")};
}

static void results_are_messages_before_what_the_user_says(void **state)
{
    (void)state;
    bench_start(&bench, STR(""));
    struct part *first = add_result("toolu_1", false), *second = add_result("toolu_2", true);
    struct part *third = add_result("call_3", true);
    prompt_add_inside(&bench.prompt, first, PART_TEXT)->text = STR("seen");
    add_image(first);
    add_image(second);
    prompt_add_inside(&bench.prompt, third, PART_TEXT)->text = STR("it failed");
    add(TURN_USER, PART_TEXT, "go on");
    CHECK_STR(
        "written", bench_write(&bench, 0, -1),
        SAYS(
            "{\"role\":\"tool\",\"tool_call_id\":\"call_toolu_1\",\"content\":\"seen\"},"
            "{\"role\":\"tool\",\"tool_call_id\":\"call_toolu_2\",\"content\":\"See the next "
            "message.\"},{\"role\":\"tool\",\"tool_call_id\":\"call_3\",\"content\":\"it failed\"},"
            "{\"role\":\"user\",\"content\":["
            "{\"type\":\"text\",\"text\":\"From the result of tool call call_toolu_1:\"},"
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
            "{\"type\":\"text\",\"text\":\"From the result of tool call call_toolu_2:\"},"
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
            "{\"type\":\"text\",\"text\":\"go on\"}]}"));
    CHECK_STR("notes", bench_notes(&bench),
              "changed:tool_result.is_error,emulated:tool_result.images");
}

static void a_result_that_says_nothing_says_whether_it_failed(void **state)
{
    (void)state;
    bench_start(&bench, STR(""));
    add_result("call_1", true);
    add_result("call_2", false);
    CHECK_STR("written", bench_write(&bench, 0, -1),
              SAYS("{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"Error\"},"
                   "{\"role\":\"tool\",\"tool_call_id\":\"call_2\",\"content\":\"\"}"));
}

static void documents_of_text_are_text_and_foreign_files_are_noted(void **state)
{
    (void)state;
    bench_start(&bench, STR(""));
    struct part *text = add(TURN_USER, PART_DOCUMENT, "");
    text->media = (struct media){MEDIA_TEXT, STR(""), STR("body"), STR("title"), STR("")};
    struct part *url = add(TURN_USER, PART_DOCUMENT, "");
    url->media = (struct media){MEDIA_URL, STR(""), STR("https://x"), STR(""), STR("")};
    struct part *file = add(TURN_USER, PART_DOCUMENT, "");
    file->media = (struct media){MEDIA_FILE, STR(""), STR("file_01"), STR(""), STR("")};
    struct part *image = add(TURN_USER, PART_IMAGE, "");
    image->media = (struct media){MEDIA_FILE, STR(""), STR("file_02"), STR(""), STR("")};
    CHECK_STR("written", bench_write(&bench, 0, -1),
              SAYS("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"title\\n\\n"
                   "body\"}]}"));
    CHECK_STR("notes", bench_notes(&bench),
              "dropped:documents.url,dropped:documents.file_id,dropped:images.file_id,"
              "emulated:documents");
}

static void what_only_its_maker_can_read_is_left_out(void **state)
{
    (void)state;
    bench_start(&bench, STR(""));
    add(TURN_USER, PART_TEXT, "hi");
    add(TURN_ASSISTANT, PART_SEALED, "")->seal = STR("opaque");
    add(TURN_USER, PART_TEXT, "well?");
    CHECK_STR(
        "written", bench_write(&bench, QUIRK_LOCAL, -1),
        SAYS("{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"user\",\"content\":\"well?\"}"));
    CHECK_STR("notes", bench_notes(&bench), "dropped:thinking");
}

static void pieces_of_an_assistants_text_are_joined_without_a_seam(void **state)
{
    (void)state;
    bench_start(&bench, STR(""));
    add(TURN_ASSISTANT, PART_TEXT, "one ");
    add(TURN_ASSISTANT, PART_TEXT, "sentence");
    CHECK_STR("written", bench_write(&bench, 0, -1),
              SAYS("{\"role\":\"assistant\",\"content\":\"one sentence\"}"));
}

static void namespaces_are_flattened_in_tools_calls_and_choice(void **state)
{
    (void)state;
    bench_start(&bench, STR(""));
    struct tool *tool = prompt_add_tool(&bench.prompt, TOOL_FUNCTION);
    tool->name = STR("echo");
    tool->space = STR("mcp__ev");
    struct part *call = add(TURN_ASSISTANT, PART_TOOL_CALL, "");
    call->id = STR("call_1");
    call->name = tool->name;
    call->space = tool->space;
    bench.prompt.choice = CHOICE_NAMED;
    bench.prompt.choice_name = tool->name;
    bench.prompt.choice_space = tool->space;
    CHECK_STR(
        "written", bench_write(&bench, 0, -1),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":null,"
        "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":"
        "\"mcp__ev__echo\",\"arguments\":\"{}\"}}]}],\"tools\":[" TOOL(
            "mcp__ev__echo") "],"
                             "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"mcp__ev__echo\"}}}");
    CHECK_STR("notes", bench_notes(&bench), "emulated:tools.namespace");
}

static const struct thought {
    const char *name;
    enum thinking_mode mode;
    const char *effort;
    int64_t budget;
    const char *fields, *notes;
} thoughts[] = {
    {"a small budget is low effort", THINKING_ON, "", 1024, ",\"reasoning_effort\":\"low\"",
     "changed:thinking.budget_tokens"},
    {"a middling budget", THINKING_ON, "", 10000, ",\"reasoning_effort\":\"medium\"",
     "changed:thinking.budget_tokens"},
    {"a large budget", THINKING_ON, "", 31999, ",\"reasoning_effort\":\"high\"",
     "changed:thinking.budget_tokens"},
    {"an effort goes before a budget", THINKING_ON, "low", 31999, ",\"reasoning_effort\":\"low\"",
     ""},
    {"as the model sees fit", THINKING_ADAPTIVE, "", -1, "", ""},
    {"off has no word that every model takes", THINKING_OFF, "", -1, "", "dropped:thinking"},
};

static void thinking_is_asked_for_by_effort(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(thoughts); i++) {
        AUTO_BUF struct buf wanted;
        buf_init(&wanted, 4096);
        bench_start(&bench, STR(""));
        add(TURN_USER, PART_TEXT, "hi");
        bench.prompt.thinking = thoughts[i].mode;
        bench.prompt.effort = str_of(thoughts[i].effort);
        bench.prompt.thinking_budget = thoughts[i].budget;
        buf_printf(&wanted, "{" HI "%s}", thoughts[i].fields);
        CHECK_STR(thoughts[i].name, bench_write(&bench, 0, -1), wanted.data);
        CHECK_STR(thoughts[i].name, bench_notes(&bench), thoughts[i].notes);
    }
}

static void only_a_server_of_our_own_goes_on_with_the_assistants_words(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool has_prefill;
        unsigned quirks;
        const char *notes;
    } rows[] = {
        {"a prefill", true, 0, "changed:messages.prefill"},
        {"a prefill for a server of our own", true, LOCAL, ""},
        {"the assistant's words, as a caller of chat ends with them", false, 0, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bench_start(&bench, STR(""));
        add(TURN_USER, PART_TEXT, "hi");
        add(TURN_ASSISTANT, PART_TEXT, "so");
        bench.prompt.has_prefill = rows[i].has_prefill;
        CHECK_STR(rows[i].name, bench_write(&bench, rows[i].quirks, -1),
                  SAYS("{\"role\":\"user\",\"content\":\"hi\"},"
                       "{\"role\":\"assistant\",\"content\":\"so\"}"));
        CHECK_STR(rows[i].name, bench_notes(&bench), rows[i].notes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(providers_are_asked_what_the_caller_asked),
        TEST(results_are_messages_before_what_the_user_says),
        TEST(a_result_that_says_nothing_says_whether_it_failed),
        TEST(documents_of_text_are_text_and_foreign_files_are_noted),
        TEST(what_only_its_maker_can_read_is_left_out),
        TEST(pieces_of_an_assistants_text_are_joined_without_a_seam),
        TEST(namespaces_are_flattened_in_tools_calls_and_choice),
        TEST(thinking_is_asked_for_by_effort),
        TEST(only_a_server_of_our_own_goes_on_with_the_assistants_words),
    };
    return cmocka_run_group_tests(tests, open_bench, close_bench);
}
