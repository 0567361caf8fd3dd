/* tests/unit/wire/test_responses_prompt_write.c: what a responses provider is asked, byte for byte. */
#include "wire/responses_parts.h"

#include "tests/test.h"

#define LIMIT_BYTES (4u << 20)

/* ---- the bench ------------------------------------------------------------------------------- */

struct bench {
    struct json_reader *reader, *scratch;
    struct arena arena;
    struct tool_names names;
    struct fidelity fidelity;
    struct prompt prompt;
    struct buf out, notes;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){0};
    assert_int_equal(json_reader_new(LIMIT_BYTES, &bench->reader), OK);
    assert_int_equal(json_reader_new(LIMIT_BYTES, &bench->scratch), OK);
    arena_init(&bench->arena, LIMIT_BYTES);
    tool_names_init(&bench->names, &bench->arena, 64);
    buf_init(&bench->out, LIMIT_BYTES);
    buf_init(&bench->notes, 4096);
    prompt_init(&bench->prompt, &bench->arena, bench->reader, bench->scratch, STR(""),
                &bench->fidelity, &bench->names);
}

static void bench_free(struct bench *bench)
{
    json_reader_free(bench->reader);
    json_reader_free(bench->scratch);
    arena_release(&bench->arena);
    buf_release(&bench->out);
    buf_release(&bench->notes);
}

static void bench_read(struct bench *bench, const char *body)
{
    struct json root;
    struct error error = {0};
    bench_init(bench);
    bench->prompt.source = str_of(body);
    assert_int_equal(json_parse(bench->reader, str_of(body), &root, &error), OK);
    CHECK(body, responses_prompt_read(&bench->prompt, root, &error) == OK);
    bench->fidelity = (struct fidelity){0}; /* only the writer's notes are of interest here */
}

static void bench_write(struct bench *bench, unsigned quirks, int64_t max_output_tokens)
{
    struct prompt_target target = {
        .model = STR("m"), .quirks = quirks, .max_output_tokens = max_output_tokens};
    assert_int_equal(responses_prompt_write(&bench->prompt, &target, &bench->out), OK);
    fidelity_write(&bench->fidelity, &bench->notes);
    buf_append_lit(&bench->notes, "");
}

#define HI "\"input\":\"hi\""
#define SAID                                                                                      \
    "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":" \
    "\"input_text\",\"text\":\"hi\"}]}]"
#define REST ",\"store\":false}"

static const struct story {
    const char *name, *body;
    unsigned quirks;
    int64_t max_output_tokens;
    const char *out, *notes;
} stories[] = {
    {"the least", "{" HI "}", 0, -1, SAID REST, ""},
    {"a conversation comes out as it went in",
     "{\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":[{\"type\":\"input_text\","
     "\"text\":\"s\"}]},{\"type\":\"message\",\"role\":\"developer\",\"content\":[{\"type\":"
     "\"input_text\",\"text\":\"d\"}]},{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
     "\"type\":\"input_image\",\"detail\":\"low\",\"image_url\":\"data:image/png;base64,AA==\"},{"
     "\"type\":\"input_image\",\"detail\":\"auto\",\"file_id\":\"file-1\"},{\"type\":\"input_file\","
     "\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,BB==\"},{\"type\":"
     "\"input_file\",\"file_url\":\"https://x/a\"},{\"type\":\"input_audio\",\"input_audio\":{"
     "\"data\":\"CC==\",\"format\":\"wav\"}}]},{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{"
     "\"type\":\"summary_text\",\"text\":\"t\"}],\"encrypted_content\":\"gA\"},{\"type\":"
     "\"reasoning\",\"summary\":[],\"encrypted_content\":\"gB\"},{\"type\":\"message\",\"role\":"
     "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"},{\"type\":\"refusal\","
     "\"refusal\":\"r\"}]},{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"echo\","
     "\"namespace\":\"mcp__ev\",\"arguments\":\"{\\\"a\\\": 1.0}\"},{\"type\":\"custom_tool_call\","
     "\"call_id\":\"call_2\",\"name\":\"apply_patch\",\"input\":\"x\"},{\"type\":"
     "\"function_call_output\",\"call_id\":\"call_1\",\"output\":\"ok\"},{\"type\":"
     "\"custom_tool_call_output\",\"call_id\":\"call_2\",\"output\":[{\"type\":\"input_text\","
     "\"text\":\"o\"},{\"type\":\"input_image\",\"detail\":\"auto\",\"image_url\":\"https://x/b\"}]}],"
     "\"tools\":[{\"type\":\"namespace\",\"name\":\"mcp__ev\",\"description\":\"\",\"tools\":[{"
     "\"type\":\"function\",\"name\":\"echo\"}]}]}",
     0, -1,
     "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":[{\"type\":"
     "\"input_text\",\"text\":\"s\"}]},{\"type\":\"message\",\"role\":\"developer\",\"content\":[{"
     "\"type\":\"input_text\",\"text\":\"d\"}]},{\"type\":\"message\",\"role\":\"user\",\"content\":["
     "{\"type\":\"input_image\",\"detail\":\"low\",\"image_url\":\"data:image/png;base64,AA==\"},{"
     "\"type\":\"input_image\",\"detail\":\"auto\",\"file_id\":\"file-1\"},{\"type\":\"input_file\","
     "\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,BB==\"},{\"type\":"
     "\"input_file\",\"file_url\":\"https://x/a\"},{\"type\":\"input_audio\",\"input_audio\":{"
     "\"data\":\"CC==\",\"format\":\"wav\"}}]},{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{"
     "\"type\":\"summary_text\",\"text\":\"t\"}],\"encrypted_content\":\"gA\"},{\"type\":"
     "\"reasoning\",\"summary\":[],\"encrypted_content\":\"gB\"},{\"type\":\"message\",\"role\":"
     "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"},{\"type\":\"refusal\","
     "\"refusal\":\"r\"}]},{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"echo\","
     "\"namespace\":\"mcp__ev\",\"arguments\":\"{\\\"a\\\": 1.0}\"},{\"type\":\"custom_tool_call\","
     "\"call_id\":\"call_2\",\"name\":\"apply_patch\",\"input\":\"x\"},{\"type\":"
     "\"function_call_output\",\"call_id\":\"call_1\",\"output\":\"ok\"},{\"type\":"
     "\"custom_tool_call_output\",\"call_id\":\"call_2\",\"output\":[{\"type\":\"input_text\","
     "\"text\":\"o\"},{\"type\":\"input_image\",\"detail\":\"auto\",\"image_url\":\"https://x/b\"}]}],"
     "\"tools\":[{\"type\":\"namespace\",\"name\":\"mcp__ev\",\"description\":\"Tools of this "
     "namespace.\",\"tools\":[{\"type\":\"function\",\"name\":\"echo\",\"parameters\":{\"type\":"
     "\"object\",\"properties\":{}},\"strict\":false}]}]" REST,
     ""},
    {"namespaces are grouped, in the place of their first tool",
     "{" HI ",\"tools\":[{\"type\":\"namespace\",\"name\":\"s\",\"tools\":[{\"type\":\"function\","
     "\"name\":\"a\",\"parameters\":{},\"strict\":true}]},{\"type\":\"custom\",\"name\":\"p\","
     "\"format\":{\"type\":\"grammar\"}},{\"type\":\"namespace\",\"name\":\"s\",\"tools\":[{\"type\":"
     "\"custom\",\"name\":\"b\",\"description\":\"d\"},{\"type\":\"function\",\"name\":\"x.y\"}]}],"
     "\"tool_choice\":{\"type\":\"function\",\"name\":\"a\",\"namespace\":\"s\"},"
     "\"parallel_tool_calls\":false}",
     0, -1,
     SAID
     ",\"tools\":[{\"type\":\"namespace\",\"name\":\"s\",\"description\":\"Tools of this "
     "namespace.\",\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":{},\"strict\":"
     "true},{\"type\":\"custom\",\"name\":\"b\",\"description\":\"d\"}]},{\"type\":\"function\","
     "\"name\":\"s__x_y\",\"parameters\":{\"type\":\"object\",\"properties\":{}},\"strict\":"
     "false},{\"type\":\"custom\",\"name\":\"p\",\"format\":{\"type\":\"grammar\"}}],"
     "\"tool_choice\":{\"type\":\"function\",\"name\":\"a\",\"namespace\":\"s\"},"
     "\"parallel_tool_calls\":false" REST,
     "emulated:tools.namespace"},
    {"a named tool that would be ignored is required as the only one",
     "{" HI ",\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":{}},{\"type\":"
     "\"function\",\"name\":\"b\",\"parameters\":{}}],\"tool_choice\":{\"type\":\"function\","
     "\"name\":\"b\"}}",
     QUIRK_NAMED_TOOL_IGNORED | QUIRK_NO_STRICT_SCHEMA, -1,
     SAID ",\"tools\":[{\"type\":\"function\",\"name\":\"b\",\"parameters\":{}}],\"tool_choice\":"
          "\"required\"" REST,
     "emulated:tool_choice"},
    {"a choice that the model refuses becomes auto",
     "{" HI ",\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":{},\"strict\":true}],"
     "\"tool_choice\":\"required\",\"parallel_tool_calls\":false}",
     QUIRK_NO_FORCED_TOOL | QUIRK_NO_STRICT_SCHEMA | QUIRK_NO_PARALLEL_FLAG, -1,
     SAID ",\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":{}}],\"tool_choice\":"
          "\"auto\"" REST,
     "dropped:tools.strict,changed:tool_choice,dropped:parallel_tool_calls"},
    {"so does one of a tool that nobody defined",
     "{" HI
     ",\"tools\":[{\"type\":\"custom\",\"name\":\"a\"}],\"tool_choice\":{\"type\":\"custom\","
     "\"name\":\"b\"}}",
     0, -1, SAID ",\"tools\":[{\"type\":\"custom\",\"name\":\"a\"}],\"tool_choice\":\"auto\"" REST,
     "changed:tool_choice"},
    {"none and auto are said",
     "{" HI ",\"tools\":[{\"type\":\"custom\",\"name\":\"a\"}],"
     "\"tool_choice\":\"none\"}",
     0, -1, SAID ",\"tools\":[{\"type\":\"custom\",\"name\":\"a\"}],\"tool_choice\":\"none\"" REST,
     ""},
    {"a choice without any tool is lost", "{" HI ",\"tool_choice\":\"required\"}", 0, -1, SAID REST,
     "dropped:tool_choice"},
    {"numbers keep their digits",
     "{" HI ",\"temperature\":0.70,\"top_p\":1e-1,\"max_output_tokens\":100}", 0, 1000,
     SAID ",\"max_output_tokens\":100,\"temperature\":0.70,\"top_p\":1e-1" REST, ""},
    {"more tokens than the model can", "{" HI ",\"max_output_tokens\":5000}", 0, 1000,
     SAID ",\"max_output_tokens\":1000" REST, "changed:max_tokens"},
    {"fewer tokens than the API takes", "{" HI ",\"max_output_tokens\":1}", 0, 1000,
     SAID ",\"max_output_tokens\":16" REST, "changed:max_tokens"},
    {"sampling that is refused", "{" HI ",\"temperature\":0.5,\"top_p\":0.5}",
     QUIRK_NO_TEMPERATURE | QUIRK_NO_TOP_P, -1, SAID REST, "dropped:temperature,dropped:top_p"},
    {"the default of it is not missed", "{" HI ",\"temperature\":1.0,\"top_p\":1}",
     QUIRK_NO_TEMPERATURE | QUIRK_NO_TOP_P, -1, SAID REST, ""},
    {"reasoning comes back encrypted",
     "{" HI ",\"reasoning\":{\"effort\":\"high\",\"summary\":"
     "\"detailed\"}}",
     0, -1,
     SAID ",\"reasoning\":{\"effort\":\"high\",\"summary\":\"detailed\"},\"include\":[\"reasoning."
          "encrypted_content\"]" REST,
     ""},
    {"no reasoning", "{" HI ",\"reasoning\":{\"effort\":\"none\"}}", 0, -1,
     SAID ",\"reasoning\":{\"effort\":\"none\"}" REST, ""},
    {"an effort that is refused", "{" HI ",\"reasoning\":{\"effort\":\"low\"}}", QUIRK_NO_EFFORT,
     -1, SAID REST, "dropped:reasoning_effort"},
    {"no effort is what such a model does", "{" HI ",\"reasoning\":{\"effort\":\"none\"}}",
     QUIRK_NO_EFFORT, -1, SAID REST, ""},
    {"text: schema and verbosity",
     "{" HI ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"description\":\"d\","
     "\"schema\":{ \"a\":1},\"strict\":true},\"verbosity\":\"high\"}}",
     0, -1,
     SAID ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"description\":\"d\","
          "\"schema\":{ \"a\":1},\"strict\":true},\"verbosity\":\"high\"}" REST,
     ""},
    {"a schema that is refused is JSON at least",
     "{" HI ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{}}}}",
     QUIRK_NO_SCHEMA, -1, SAID ",\"text\":{\"format\":{\"type\":\"json_object\"}}" REST,
     "changed:response_format"},
    {"a strict schema that may not say so",
     "{" HI ",\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":{},\"strict\":true}}}",
     QUIRK_NO_STRICT_SCHEMA, -1,
     SAID
     ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"answer\",\"schema\":{}}}" REST,
     "dropped:response_format.strict"},
    {"who asks",
     "{" HI ",\"user\":\"u\",\"metadata\":{\"a\":\"b\"},\"service_tier\":\"priority\","
     "\"prompt_cache_key\":\"k\",\"stream\":true}",
     0, -1,
     SAID ",\"user\":\"u\",\"service_tier\":\"priority\",\"metadata\":{\"a\":\"b\"},"
          "\"prompt_cache_key\":\"k\",\"store\":false,\"stream\":true}",
     ""},
    {"a developer where there is no such role",
     "{\"input\":[{\"role\":\"developer\",\"content\":\"d\"}]}", QUIRK_NO_DEVELOPER_ROLE, -1,
     "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":[{\"type\":"
     "\"input_text\",\"text\":\"d\"}]}]" REST,
     "emulated:messages.developer"},
    {"probabilities of tokens",
     "{" HI ",\"top_logprobs\":2,\"include\":[\"message.output_text.logprobs\"]}", 0, -1,
     SAID ",\"top_logprobs\":2,\"include\":[\"message.output_text.logprobs\"]" REST, ""},
    {"beside reasoning",
     "{" HI ",\"reasoning\":{\"effort\":\"low\"},\"include\":[\"message.output_text.logprobs\"]}",
     0, -1,
     SAID ",\"reasoning\":{\"effort\":\"low\"},\"include\":[\"reasoning.encrypted_content\","
          "\"message.output_text.logprobs\"]" REST,
     ""},
    {"a number of alternatives alone", "{" HI ",\"top_logprobs\":2}", 0, -1,
     SAID ",\"top_logprobs\":2" REST, ""},
    {"probabilities that are refused",
     "{" HI ",\"top_logprobs\":2,\"include\":[\"message.output_text.logprobs\"]}",
     QUIRK_NO_PENALTIES, -1, SAID REST, "dropped:logprobs"},
};

static void requests_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct bench bench;
        struct json root;
        bench_read(&bench, stories[i].body);
        bench_write(&bench, stories[i].quirks, stories[i].max_output_tokens);
        CHECK_STR(stories[i].name, bench.out.data, stories[i].out);
        CHECK_STR(stories[i].name, bench.notes.data, stories[i].notes);
        CHECK("is JSON", json_parse(bench.reader, buf_str(&bench.out), &root, NULL) == OK);
        bench_free(&bench);
    }
}

/* ---- what only other dialects say -------------------------------------------------------------- */

static struct part *add(struct bench *bench, enum turn_role role, enum part_kind kind)
{
    return prompt_add_part(&bench->prompt, prompt_turn(&bench->prompt, role), kind);
}

static void check_input(struct bench *bench, const char *name, const char *input, const char *notes)
{
    struct json root;
    bench_write(bench, 0, -1);
    assert_int_equal(json_parse(bench->reader, buf_str(&bench->out), &root, NULL), OK);
    AUTO_BUF struct buf got;
    buf_init(&got, LIMIT_BYTES);
    buf_append_str(&got, json_raw(bench->reader, json_get(root, "input"), buf_str(&bench->out)));
    CHECK_STR(name, got.data, input);
    CHECK_STR(name, bench->notes.data, notes);
    bench_free(bench);
}

static void results_of_other_dialects_are_outputs(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct part *call = add(&bench, TURN_ASSISTANT, PART_TOOL_CALL);
    call->id = STR("toolu_1");
    call->name = STR("Bash");
    struct part *result = add(&bench, TURN_USER, PART_TOOL_RESULT);
    result->id = STR("toolu_1");
    result->is_error = true;
    struct part *text = add(&bench, TURN_USER, PART_TEXT);
    text->text = STR("on");
    check_input(&bench, "a failed call",
                "[{\"type\":\"function_call\",\"call_id\":\"call_toolu_1\",\"name\":\"Bash\","
                "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":"
                "\"call_toolu_1\",\"output\":\"Error\"},{\"type\":\"message\",\"role\":\"user\","
                "\"content\":[{\"type\":\"input_text\",\"text\":\"on\"}]}]",
                "changed:tool_result.is_error");
}

static void thinking_of_another_maker_is_left_out(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct part *thinking = add(&bench, TURN_ASSISTANT, PART_THINKING);
    thinking->text = STR("hm");
    thinking->seal = STR("sig");
    thinking->sealed_by = ENDPOINT_MESSAGES;
    struct part *text = add(&bench, TURN_ASSISTANT, PART_TEXT);
    text->text = STR("a");
    struct part *image = add(&bench, TURN_ASSISTANT, PART_IMAGE);
    image->media.data = STR("https://x");
    check_input(&bench, "thinking",
                "[{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
                "\"output_text\",\"text\":\"a\"}]}]",
                "dropped:thinking,dropped:images");
}

static void documents_of_other_vendors_are_carried_where_they_can_be(void **state)
{
    (void)state;
    static const struct media documents[] = {
        {.source = MEDIA_TEXT, .data = STR_INIT("plain"), .name = STR_INIT("Title")},
        {.source = MEDIA_BASE64, .data = STR_INIT("AA=="), .type = STR_INIT("application/pdf")},
        {.source = MEDIA_FILE, .data = STR_INIT("file_011C")},
    };
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < COUNT(documents); i++)
        add(&bench, TURN_USER, PART_DOCUMENT)->media = documents[i];
    add(&bench, TURN_USER, PART_IMAGE)->media = documents[2];
    check_input(&bench, "documents",
                "[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
                "\"text\":\"Title\\n\\nplain\"},{\"type\":\"input_file\",\"filename\":"
                "\"document.pdf\",\"file_data\":\"data:application/pdf;base64,AA==\"}]}]",
                "emulated:documents,dropped:documents.file_id,dropped:images.file_id");
}

static void a_model_of_our_own_is_not_told_of_billing(void **state)
{
    (void)state;
    struct bench bench;
    struct prompt_target target = {
        .model = STR("m"), .quirks = QUIRK_LOCAL, .max_output_tokens = -1};
    bench_init(&bench);
    add(&bench, TURN_SYSTEM, PART_TEXT)->text = STR("x-anthropic-billing-header: cc_version=2");
    add(&bench, TURN_SYSTEM, PART_TEXT)->text = STR("Be kind.");
    assert_int_equal(responses_prompt_write(&bench.prompt, &target, &bench.out), OK);
    CHECK_STR("body", bench.out.data,
              "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":[{"
              "\"type\":\"input_text\",\"text\":\"Be kind.\"}]}]" REST);
    fidelity_write(&bench.fidelity, &bench.notes);
    CHECK_STR("note", bench.notes.data, "emulated:system.billing_header");
    bench_free(&bench);
}

static const struct thinking_story {
    const char *name;
    enum thinking_mode mode;
    int64_t budget;
    const char *effort, *shown, *reasoning, *notes;
} thinking_stories[] = {
    {"a small budget", THINKING_ON, 1024, "", "", "{\"effort\":\"low\",\"summary\":\"auto\"}",
     "changed:thinking.budget_tokens"},
    {"a middling one", THINKING_ON, 10000, "", "omitted", "{\"effort\":\"medium\"}",
     "changed:thinking.budget_tokens"},
    {"Claude Code's", THINKING_ON, 31999, "", "updates",
     "{\"effort\":\"high\",\"summary\":\"auto\"}", "changed:thinking.budget_tokens"},
    {"as the model sees fit", THINKING_ADAPTIVE, -1, "", "", "{\"summary\":\"auto\"}", ""},
    {"adaptive with an effort", THINKING_ADAPTIVE, -1, "max", "omitted", "{\"effort\":\"xhigh\"}",
     "emulated:reasoning_effort"},
    {"chat's effort shows nothing", THINKING_ON, -1, "low", "", "{\"effort\":\"low\"}", ""},
    {"an effort without thinking", THINKING_UNSET, -1, "high", "", "{\"effort\":\"high\"}", ""},
    {"off", THINKING_OFF, -1, "high", "", "{\"effort\":\"none\"}", ""},
};

static void thinking_becomes_reasoning(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(thinking_stories); i++) {
        const struct thinking_story *story = &thinking_stories[i];
        struct bench bench;
        struct json root;
        bench_init(&bench);
        bench.prompt.thinking = story->mode;
        bench.prompt.thinking_budget = story->budget;
        bench.prompt.effort = str_of(story->effort);
        bench.prompt.thinking_shown = str_of(story->shown);
        bench_write(&bench, 0, -1);
        assert_int_equal(json_parse(bench.reader, buf_str(&bench.out), &root, NULL), OK);
        struct str got = json_raw(bench.reader, json_get(root, "reasoning"), buf_str(&bench.out));
        CHECK(story->name, str_eq(got, str_of(story->reasoning)));
        CHECK_STR(story->name, bench.notes.data, story->notes);
        bool includes = json_type_of(json_get(root, "include")) == JSON_ARRAY;
        CHECK(story->name, includes == (story->mode != THINKING_OFF));
        bench_free(&bench);
    }
}

static void what_the_dialect_lacks_is_noted(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct prompt *prompt = &bench.prompt;
    prompt->stops[prompt->stop_count++] = STR("END");
    prompt->top_k = STR("5");
    prompt->seed = STR("7");
    prompt->answers = 2;
    prompt->frequency_penalty = prompt->presence_penalty = STR("0.1");
    prompt->logit_bias = STR("{}");
    prompt->service_tier = STR("batch");
    prompt->has_prefill = true;
    bench_write(&bench, 0, -1);
    CHECK_STR("notes", bench.notes.data,
              "dropped:stop,dropped:top_k,dropped:seed,dropped:n,dropped:frequency_penalty,"
              "dropped:presence_penalty,dropped:logit_bias,changed:messages.prefill,"
              "dropped:service_tier");
    bench_free(&bench);
}

static void a_long_user_becomes_a_short_one_that_stays(void **state)
{
    (void)state;
    char first[64] = "";
    for (int turn = 0; turn < 2; turn++) {
        struct bench bench;
        struct json root;
        bench_init(&bench);
        bench.prompt.user = STR("{\"device_id\":\"0123456789abcdef0123456789abcdef0123456789abcdef"
                                "\",\"account_uuid\":\"\",\"session_id\":\"x\"}");
        bench.prompt.service_tier = STR("standard_only");
        bench_write(&bench, 0, -1);
        assert_int_equal(json_parse(bench.reader, buf_str(&bench.out), &root, NULL), OK);
        struct str user = json_string_or_empty(json_get(root, "user"));
        CHECK("short", user.len == 21 && str_starts(user, STR("user_")));
        CHECK("tier", str_eq(json_string_or_empty(json_get(root, "service_tier")), STR("default")));
        if (turn == 0)
            str_copy(user, first, sizeof first);
        else
            CHECK("the same again", str_eq(user, str_of(first)));
        CHECK_STR("note", bench.notes.data, "emulated:user");
        bench_free(&bench);
    }
}

TEST_MAIN(TEST(requests_are_written), TEST(results_of_other_dialects_are_outputs),
          TEST(thinking_of_another_maker_is_left_out),
          TEST(documents_of_other_vendors_are_carried_where_they_can_be),
          TEST(a_model_of_our_own_is_not_told_of_billing), TEST(thinking_becomes_reasoning),
          TEST(what_the_dialect_lacks_is_noted), TEST(a_long_user_becomes_a_short_one_that_stays))
