/* tests/unit/wire/test_responses_prompt_read.c: what a responses request means, told as stories. */
#include "tests/unit/wire/responses_sketch.h"

#include "tests/test.h"

#define LIMIT_BYTES (4u << 20)

/* ---- the bench ------------------------------------------------------------------------------- */

static bool mirror_seal(void *arg, struct str plain, struct buf *out)
{
    (void)arg;
    buf_append_str(out, plain);
    return true;
}

static bool mirror_open(void *arg, struct str sealed, struct buf *out)
{
    (void)arg;
    if (str_starts(sealed, STR("damaged")))
        return false;
    buf_append_str(out, sealed);
    return true;
}

static const struct sealer mirror = {NULL, mirror_seal, mirror_open};

struct bench {
    struct json_reader *reader, *scratch;
    struct arena arena;
    struct tool_names names;
    struct fidelity fidelity;
    struct prompt prompt;
    struct buf sketch, notes;
    struct error error;
    enum err err;
};

static void bench_read(struct bench *bench, const char *body)
{
    struct json root;
    *bench = (struct bench){0};
    assert_int_equal(json_reader_new(LIMIT_BYTES, &bench->reader), OK);
    assert_int_equal(json_reader_new(LIMIT_BYTES, &bench->scratch), OK);
    arena_init(&bench->arena, LIMIT_BYTES);
    buf_init(&bench->sketch, LIMIT_BYTES);
    buf_init(&bench->notes, 4096);
    tool_names_init(&bench->names, &bench->arena, 64);
    prompt_init(&bench->prompt, &bench->arena, bench->reader, bench->scratch, str_of(body),
                &bench->fidelity, &bench->names);
    bench->prompt.sealer = &mirror;
    assert_int_equal(json_parse(bench->reader, str_of(body), &root, &bench->error), OK);
    bench->err = responses_prompt_read(&bench->prompt, root, &bench->error);
    fidelity_write(&bench->fidelity, &bench->notes);
    buf_append_lit(&bench->sketch, "");
    buf_append_lit(&bench->notes, "");
}

static void bench_free(struct bench *bench)
{
    json_reader_free(bench->reader);
    json_reader_free(bench->scratch);
    arena_release(&bench->arena);
    buf_release(&bench->sketch);
    buf_release(&bench->notes);
}

/* ---- what was said --------------------------------------------------------------------------- */

static const struct turn_story {
    const char *name, *body, *turns, *notes;
} turn_stories[] = {
    {"a string is what the user says", "{\"input\":\"hi\"}", "user \"hi\"", ""},
    {"instructions stand first, wherever they are written",
     "{\"input\":\"hi\",\"instructions\":\"be kind\"}", "system \"be kind\" | user \"hi\"", ""},
    {"a message needs no type",
     "{\"input\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":"
     "\"hello\"}]}",
     "user \"hi\" | assistant \"hello\"", ""},
    {"all roles stay where they stand",
     "{\"input\":[{\"type\":\"message\",\"role\":\"developer\",\"content\":[{\"type\":\"input_text\","
     "\"text\":\"a\"}]},{\"role\":\"user\",\"content\":\"b\"},{\"role\":\"system\",\"content\":"
     "\"c\"},{\"role\":\"user\",\"content\":\"d\"}]}",
     "developer \"a\" | user \"b\" | system \"c\" | user \"d\"", ""},
    {"images, files and sound in every form",
     "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":"
     "\"https://x/a.png\",\"detail\":\"low\"},{\"type\":\"input_image\",\"image_url\":"
     "\"data:image/png;base64,AAAA\"},{\"type\":\"input_image\",\"file_id\":\"file-1\"},{\"type\":"
     "\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,BBBB\"},"
     "{\"type\":\"input_file\",\"filename\":\"b.pdf\",\"file_data\":\"CCCC\"},{\"type\":"
     "\"input_file\",\"file_url\":\"https://x/b.pdf\"},{\"type\":\"input_file\",\"file_id\":"
     "\"file-2\"},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"DDDD\",\"format\":"
     "\"mp3\"}}]}]}",
     "user image(url https://x/a.png detail=low) image(base64 AAAA image/png) image(file file-1) "
     "document(base64 BBBB application/pdf name=a.pdf) document(base64 CCCC application/pdf "
     "name=b.pdf) document(url https://x/b.pdf) document(file file-2) audio(base64 DDDD "
     "audio/mpeg)",
     ""},
    {"one stretch of the assistant is one turn, the outputs are the user's",
     "{\"input\":[{\"role\":\"user\",\"content\":\"go\"},{\"type\":\"reasoning\",\"id\":\"rs_1\","
     "\"summary\":[{\"type\":\"summary_text\",\"text\":\"a\"},{\"type\":\"summary_text\",\"text\":"
     "\"b\"}],\"encrypted_content\":\"gAAA\"},{\"type\":\"message\",\"id\":\"msg_1\",\"role\":"
     "\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":"
     "\"look\",\"annotations\":[],\"logprobs\":[]}]},{\"type\":\"function_call\",\"id\":\"fc_1\","
     "\"name\":\"echo\",\"namespace\":\"mcp__ev\",\"arguments\":\"{\\\"a\\\": 1.0}\",\"call_id\":"
     "\"call_1\"},{\"type\":\"custom_tool_call\",\"call_id\":\"call_2\",\"name\":\"apply_patch\","
     "\"input\":\"*** Begin\"},{\"type\":\"function_call_output\",\"call_id\":\"call_1\","
     "\"output\":\"ok\"},{\"type\":\"custom_tool_call_output\",\"call_id\":\"call_2\",\"output\":"
     "[{\"type\":\"input_text\",\"text\":\"done\"},{\"type\":\"input_image\",\"image_url\":"
     "\"data:image/png;base64,AAAA\"}]},{\"role\":\"user\",\"content\":\"on\"}]}",
     "user \"go\" | assistant thinking1 \"a\n\nb\" id=rs_1 seal=gAAA \"look\" call "
     "mcp__ev/echo#call_1({\"a\": 1.0}) custom call /apply_patch#call_2(*** Begin) | user result "
     "#call_1[ \"ok\"] custom result #call_2[ \"done\" image(base64 AAAA image/png)] \"on\"",
     ""},
    {"an output may be empty",
     "{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"\"}]}",
     "user result #c[]", ""},
    {"a refusal is the assistant's",
     "{\"input\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}]}",
     "assistant refusal \"no\"", ""},
    {"reasoning without text is sealed",
     "{\"input\":[{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gAAA\"}]}",
     "assistant sealed1 id= seal=gAAA", ""},
    {"reasoning in the open has no seal",
     "{\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"content\":[{\"type\":"
     "\"reasoning_text\",\"text\":\"hm\"}]}]}",
     "assistant thinking0 \"hm\" id= seal=", ""},
    {"reasoning that only OpenAI has stored is left out, with a note",
     "{\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]}]}", "",
     "dropped:input.reasoning"},
    {"an envelope of ours becomes what its maker made",
     "{\"input\":[{\"type\":\"reasoning\",\"summary\":[{\"text\":\"x\"}],\"encrypted_content\":"
     "\"auxot1.m00:3:hmm3:sig\"},{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
     "\"auxot1.m10:0:4:blob\"},{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
     "\"auxot1.r04:rs_13:hmm4:gAAA\"}]}",
     "assistant thinking4 \"hmm\" id= seal=sig sealed4 id= seal=blob thinking1 \"hmm\" id=rs_1 "
     "seal=gAAA",
     ""},
    {"one that does not open leaves what can be read",
     "{\"input\":[{\"type\":\"reasoning\",\"summary\":[{\"text\":\"x\"}],\"encrypted_content\":"
     "\"auxot1.damaged\"}]}",
     "assistant thinking0 \"x\" id= seal=", "dropped:input.reasoning.encrypted_content"},
    {"items of hosted tools and of the store are noted by type",
     "{\"input\":[{\"type\":\"item_reference\",\"id\":\"msg_1\"},{\"type\":\"web_search_call\"},"
     "{\"type\":\"compaction\",\"encrypted_content\":\"x\"},{\"role\":\"user\",\"content\":"
     "\"hi\"}]}",
     "user \"hi\"",
     "dropped:input.item_reference,dropped:input.web_search_call,dropped:input.compaction"},
    {"members that mean something are noted, others are not",
     "{\"input\":[{\"role\":\"assistant\",\"phase\":\"commentary\",\"content\":[{\"type\":"
     "\"output_text\",\"text\":\"a\",\"annotations\":[{\"type\":\"url_citation\"}]},{\"type\":"
     "\"hologram\"}]}]}",
     "assistant \"a\"",
     "dropped:input.phase,dropped:input.content.annotations,dropped:input.content.hologram"},
};

static void conversations_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(turn_stories); i++) {
        const struct turn_story *story = &turn_stories[i];
        struct bench bench;
        bench_read(&bench, story->body);
        CHECK(story->name, bench.err == OK);
        sketch_turns(&bench.sketch, &bench.prompt);
        CHECK_STR(story->name, bench.sketch.data, story->turns);
        CHECK_STR(story->name, bench.notes.data, story->notes);
        bench_free(&bench);
    }
}

/* ---- what may be used ------------------------------------------------------------------------ */

#define HI "\"input\":\"hi\""

static const struct tool_story {
    const char *name, *body, *tools, *notes;
} tool_stories[] = {
    {"functions keep their schema's bytes",
     "{" HI
     ",\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"description\":\"d\",\"parameters\":"
     "{\"type\" : \"object\",\"x\":1.50},\"strict\":true},{\"type\":\"function\",\"name\":\"b\","
     "\"parameters\":null,\"strict\":false}],\"tool_choice\":\"auto\"}",
     "function /a \"d\" {\"type\" : \"object\",\"x\":1.50} strict=yes; function /b \"\"  "
     "strict=no; choice=auto",
     ""},
    {"custom tools keep their grammar; plain text is none",
     "{" HI ",\"tools\":[{\"type\":\"custom\",\"name\":\"apply_patch\",\"format\":{\"type\":"
     "\"grammar\",\"syntax\":\"lark\",\"definition\":\"x\"}},{\"type\":\"custom\",\"name\":\"t\","
     "\"format\":{\"type\":\"text\"}}],\"tool_choice\":{\"type\":\"custom\",\"name\":\"t\"}}",
     "custom /apply_patch \"\" {\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"x\"}; "
     "custom /t \"\" ; choice=named /t",
     ""},
    {"a namespace is told with its first tool",
     "{" HI ",\"tools\":[{\"type\":\"namespace\",\"name\":\"mcp__ev\",\"description\":\"Events.\","
     "\"tools\":[{\"type\":\"function\",\"name\":\"echo\",\"description\":\"d\"},{\"type\":"
     "\"function\",\"name\":\"add\",\"defer_loading\":true}]}],\"tool_choice\":\"required\"}",
     "function mcp__ev/echo \"Events.\n\nd\" ; function mcp__ev/add \"\" ; choice=any",
     "emulated:tools.defer_loading,emulated:tools.namespace.description"},
    {"hosted tools are left out, each with its name",
     "{" HI
     ",\"tools\":[{\"type\":\"web_search\"},{\"type\":\"mcp\",\"server_url\":\"x\"},{\"type\":"
     "\"function\",\"name\":\"a\"}],\"tool_choice\":{\"type\":\"web_search\"}}",
     "function /a \"\" ; choice=",
     "dropped:tools.web_search,dropped:tools.mcp,dropped:tool_choice.web_search"},
    {"tools come inside the input as well, and twice is once",
     "{\"input\":[{\"type\":\"additional_tools\",\"role\":\"developer\",\"tools\":[{\"type\":"
     "\"function\",\"name\":\"a\"}]},{\"type\":\"additional_tools\",\"role\":\"developer\","
     "\"tools\":[{\"type\":\"function\",\"name\":\"a\"}]}],\"tool_choice\":\"none\"}",
     "function /a \"\" ; choice=none", "emulated:input.additional_tools,dropped:tools.duplicate"},
    {"of the allowed tools only the mode is carried",
     "{" HI ",\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"output_schema\":{\"type\":"
     "\"string\"}}],\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"required\",\"tools\":[]}}",
     "function /a \"\" ; choice=any",
     "dropped:tools.output_schema,dropped:tool_choice.allowed_tools"},
    {"a named function, in its namespace",
     "{" HI ",\"tool_choice\":{\"type\":\"function\",\"name\":\"a\",\"namespace\":\"s\"}}",
     "choice=named s/a", ""},
};

static void tools_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tool_stories); i++) {
        const struct tool_story *story = &tool_stories[i];
        struct bench bench;
        bench_read(&bench, story->body);
        CHECK(story->name, bench.err == OK);
        sketch_tools(&bench.sketch, &bench.prompt);
        CHECK_STR(story->name, bench.sketch.data, story->tools);
        CHECK_STR(story->name, bench.notes.data, story->notes);
        bench_free(&bench);
    }
}

/* ---- limits and wishes ----------------------------------------------------------------------- */

static void fields_are_read(void **state)
{
    (void)state;
    struct bench bench;
    bench_read(
        &bench,
        "{\"model\":\"m\"," HI ",\"stream\":true,\"store\":false,\"max_output_tokens\":50,"
        "\"temperature\":0.70,\"top_p\":1e-1,\"top_logprobs\":3,\"parallel_tool_calls\":"
        "false,\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"},\"text\":{"
        "\"verbosity\":\"low\",\"format\":{\"type\":\"json_schema\",\"name\":\"n\","
        "\"description\":\"d\",\"schema\":{\"a\": 1},\"strict\":true}},\"include\":["
        "\"reasoning.encrypted_content\"],\"metadata\":{\"k\":\"v\"},\"user\":\"old\","
        "\"safety_identifier\":\"new\",\"service_tier\":\"flex\",\"prompt_cache_key\":\"key\","
        "\"client_metadata\":{\"x\":\"y\"},\"truncation\":\"disabled\",\"background\":false,"
        "\"previous_response_id\":null,\"conversation\":null,\"stream_options\":{"
        "\"include_obfuscation\":false}}");
    const struct prompt *prompt = &bench.prompt;
    CHECK("read", bench.err == OK);
    CHECK("stream", prompt->is_stream && prompt->store == MAYBE_NO);
    CHECK("limits", prompt->max_tokens == 50 && prompt->top_logprobs == 3);
    CHECK("digits", str_eq(prompt->temperature, STR("0.70")) && str_eq(prompt->top_p, STR("1e-1")));
    CHECK("parallel", prompt->parallel_tools == MAYBE_NO);
    CHECK("thinking", prompt->thinking == THINKING_ON && str_eq(prompt->effort, STR("high")) &&
                          str_eq(prompt->thinking_shown, STR("auto")));
    CHECK("format", prompt->format == OUTPUT_SCHEMA && prompt->format_strict == MAYBE_YES &&
                        str_eq(prompt->format_name, STR("n")) &&
                        str_eq(prompt->format_description, STR("d")) &&
                        str_eq(prompt->format_schema, STR("{\"a\": 1}")));
    CHECK("verbosity", str_eq(prompt->verbosity, STR("low")));
    CHECK("who",
          str_eq(prompt->user, STR("new")) && str_eq(prompt->metadata, STR("{\"k\":\"v\"}")));
    CHECK("tier", str_eq(prompt->service_tier, STR("flex")));
    CHECK("cache", str_eq(prompt->cache_key, STR("key")));
    CHECK_STR("nothing to note", bench.notes.data, "");
    bench_free(&bench);
}

static const struct thinking_story {
    const char *name, *reasoning;
    enum thinking_mode mode;
    const char *effort, *notes;
} thinking_stories[] = {
    {"none is off", "{\"effort\":\"none\"}", THINKING_OFF, "none", ""},
    {"an effort is on", "{\"effort\":\"minimal\"}", THINKING_ON, "minimal", ""},
    {"a summary alone leaves it to the model", "{\"effort\":null,\"summary\":\"concise\"}",
     THINKING_ADAPTIVE, "", ""},
    {"the old name of summary", "{\"generate_summary\":\"detailed\"}", THINKING_ADAPTIVE, "", ""},
    {"nothing said is nothing wished", "{}", THINKING_UNSET, "", ""},
    {"an effort that nobody knows",
     "{\"effort\":\"galactic\",\"context\":\"all_turns\",\"mode\":"
     "\"pro\",\"flavour\":1}",
     THINKING_UNSET, "",
     "dropped:reasoning.effort,dropped:reasoning.context,dropped:reasoning.mode,"
     "dropped:reasoning.flavour"},
};

static void reasoning_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(thinking_stories); i++) {
        const struct thinking_story *story = &thinking_stories[i];
        char body[256];
        struct bench bench;
        snprintf(body, sizeof body, "{" HI ",\"reasoning\":%s}", story->reasoning);
        bench_read(&bench, body);
        CHECK(story->name, bench.err == OK && bench.prompt.thinking == story->mode);
        CHECK(story->name, str_eq(bench.prompt.effort, str_of(story->effort)));
        CHECK_STR(story->name, bench.notes.data, story->notes);
        bench_free(&bench);
    }
}

static void what_is_not_carried_is_noted(void **state)
{
    (void)state;
    struct bench bench;
    bench_read(&bench,
               "{" HI ",\"store\":true,\"truncation\":\"auto\",\"max_tool_calls\":3,"
               "\"include\":[\"file_search_call.results\"],\"seed\":7,\"text\":{\"format\":{"
               "\"type\":\"json_object\"}},\"prompt_cache_retention\":\"24h\"}");
    CHECK("read", bench.err == OK && bench.prompt.format == OUTPUT_JSON);
    CHECK("not stored", bench.prompt.store == MAYBE_NO);
    CHECK_STR("notes", bench.notes.data,
              "dropped:include,dropped:store,dropped:truncation,dropped:prompt_cache_retention,"
              "dropped:max_tool_calls,dropped:seed");
    bench_free(&bench);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static const struct refusal {
    const char *body, *sentence; /* its beginning */
} refusals[] = {
    {"[]", "the body must be a JSON object"},
    {"{}", "input is missing"},
    {"{\"input\":null}", "input is missing"},
    {"{\"input\":7}", "input must be a string or a list of items"},
    {"{\"input\":[7]}", "input[0]: must be an object"},
    {"{\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"tool\"}]}",
     "input[1]: role must be user, assistant, system or developer"},
    {"{\"input\":[{\"role\":\"user\"}]}", "input[0]: content must be a string or a list of parts"},
    {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}]}",
     "input[0]: a text part without text"},
    {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}]}",
     "input[0]: an image without image_url or file_id"},
    {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\"}]}]}",
     "input[0]: a file without file_data, file_url or file_id"},
    {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]}",
     "input[0]: audio without input_audio.data"},
    {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{"
     "\"data\":\"A\",\"format\":\"ogg\"}}]}]}",
     "input[0]: input_audio.format must be wav or mp3"},
    {"{\"input\":[{\"type\":\"function_call\",\"name\":\"a\"}]}", "input[0]: call_id is missing"},
    {"{\"input\":[{\"type\":\"function_call\",\"call_id\":\"a\"}]}", "input[0]: name is missing"},
    {"{\"input\":[{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"a\",\"arguments\":{}}]}",
     "input[0]: arguments must be a string"},
    {"{\"input\":[{\"type\":\"function_call_output\",\"output\":\"a\"}]}",
     "input[0]: call_id is missing"},
    {"{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"a\"}]}",
     "input[0]: output must be a string or a list of parts"},
    {"{" HI ",\"temperature\":\"hot\"}", "temperature must be a number"},
    {"{" HI ",\"max_output_tokens\":1.5}", "max_output_tokens must be a whole number"},
    {"{" HI ",\"tools\":{}}", "tools must be a list"},
    {"{" HI ",\"tools\":[{\"type\":\"function\"}]}", "tools: a function tool has no name"},
    {"{" HI ",\"tools\":[{\"type\":\"namespace\",\"tools\":[]}]}",
     "tools: a namespace has no name"},
    {"{" HI ",\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":[]}]}",
     "tools: parameters of a must be an object"},
    {"{" HI ",\"tool_choice\":\"maybe\"}", "tool_choice must be auto, none, required or an object"},
    {"{" HI ",\"tool_choice\":{\"type\":\"function\"}}", "tool_choice.name is missing"},
    {"{" HI ",\"text\":{\"format\":{\"type\":\"xml\"}}}", "text.format.type must be text"},
    {"{" HI ",\"text\":{\"format\":{\"type\":\"json_schema\"}}}",
     "text.format.schema must be an object"},
    {"{" HI ",\"previous_response_id\":\"resp_1\"}", "previous_response_id cannot be used here"},
    {"{" HI ",\"conversation\":{\"id\":\"conv_1\"}}", "conversation cannot be used here"},
    {"{" HI ",\"prompt\":{\"id\":\"pmpt_1\"}}", "prompt (a stored template) cannot be used here"},
    {"{" HI ",\"background\":true}", "background: true cannot be used here"},
};

static void what_cannot_be_answered_is_refused_with_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct bench bench;
        bench_read(&bench, refusals[i].body);
        CHECK(refusals[i].body, bench.err == ERR_MALFORMED);
        bench.error.text[strlen(refusals[i].sentence)] = '\0';
        CHECK_STR(refusals[i].body, bench.error.text, refusals[i].sentence);
        bench_free(&bench);
    }
}

static void too_many_tools_are_refused(void **state)
{
    (void)state;
    AUTO_BUF struct buf body;
    struct bench bench;
    buf_init(&body, LIMIT_BYTES);
    buf_puts(&body, "{" HI ",\"tools\":[");
    for (unsigned i = 0; i <= TOOL_NAMES_MAX; i++)
        buf_printf(&body, "%s{\"type\":\"function\",\"name\":\"t%u\"}", i ? "," : "", i);
    buf_puts(&body, "]}");
    bench_read(&bench, body.data);
    CHECK_STR("bounded", bench.error.text, "tools: more than 1024 tools");
    bench_free(&bench);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    struct bench bench;
    struct json root;
    bench_read(&bench, "{" HI "}");
    struct arena tiny;
    arena_init(&tiny, 16);
    prompt_init(&bench.prompt, &tiny, bench.reader, bench.scratch, STR("{" HI "}"), &bench.fidelity,
                &bench.names);
    assert_int_equal(json_parse(bench.reader, STR("{" HI "}"), &root, NULL), OK);
    CHECK("told", responses_prompt_read(&bench.prompt, root, &bench.error) == ERR_NO_MEMORY);
    arena_release(&tiny);
    bench_free(&bench);
}

TEST_MAIN(TEST(conversations_are_read), TEST(tools_are_read), TEST(fields_are_read),
          TEST(reasoning_is_read), TEST(what_is_not_carried_is_noted),
          TEST(what_cannot_be_answered_is_refused_with_a_sentence),
          TEST(too_many_tools_are_refused), TEST(no_memory_is_told))
