/* tests/unit/wire/test_body.c: what a request body asks for, and the few bytes that change in it. */
#include "wire/body.h"

#include "tests/test.h"

#define MESSAGES "\"messages\":[]"

static struct json_reader *reader;

static int open_reader(void **state)
{
    (void)state;
    return json_reader_new(1 << 20, &reader) == OK ? 0 : -1;
}

static int close_reader(void **state)
{
    (void)state;
    json_reader_free(reader);
    return 0;
}

/* A body as the gateway has it: in a buffer, whose room goes on behind the content. */
static struct str in_buffer(struct buf *buf, const char *text)
{
    buf_init(buf, 1 << 20);
    buf_puts(buf, text);
    return buf_str(buf);
}

static const struct refusal_story {
    enum endpoint endpoint;
    const char *body, *sentence;
} refusals[] = {
    {ENDPOINT_CHAT, "[]", "the JSON text must be an object"},
    {ENDPOINT_CHAT, "{" MESSAGES "}", "\"model\" is missing: name a model, or \"auto\""},
    {ENDPOINT_CHAT, "{\"model\":7," MESSAGES "}", "\"model\" must be a string"},
    {ENDPOINT_CHAT, "{\"model\":null," MESSAGES "}", "\"model\" must be a string"},
    {ENDPOINT_CHAT, "{\"model\":\"\"," MESSAGES "}",
     "\"model\" is empty: name a model, or \"auto\""},
    {ENDPOINT_CHAT, "{\"model\":\"a\\nb\"," MESSAGES "}", "\"model\" holds a control character"},
    {ENDPOINT_CHAT, "{\"model\":\"a\\u0000b\"," MESSAGES "}",
     "\"model\" holds a control character"},
    {ENDPOINT_CHAT, "{\"model\":\"a\",\"mod\\u0065l\":\"b\"," MESSAGES "}",
     "the member \"model\" occurs twice"},
    {ENDPOINT_CHAT, "{\"model\":\"a\",\"MODEL\":\"b\"," MESSAGES "}",
     "the member \"MODEL\" must be spelled \"model\""},
    {ENDPOINT_CHAT, "{\"model\":\"a\"}", "\"messages\" must be an array"},
    {ENDPOINT_MESSAGES, "{\"model\":\"a\",\"messages\":{}}", "\"messages\" must be an array"},
    {ENDPOINT_COUNT_TOKENS, "{\"model\":\"a\"}", "\"messages\" must be an array"},
    {ENDPOINT_EMBEDDINGS, "{\"model\":\"a\"}", "\"input\" is missing"},
    {ENDPOINT_CHAT, "{\"model\":\"a\",\"stream\":\"yes\"," MESSAGES "}",
     "\"stream\" must be true or false"},
    {ENDPOINT_CHAT, "{\"model\":\"a\",\"stream_options\":1," MESSAGES "}",
     "\"stream_options\" must be an object"},
    {ENDPOINT_CHAT,
     "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true,\"include_usage\":false}," MESSAGES
     "}",
     "the member \"include_usage\" occurs twice"},
    {ENDPOINT_CHAT, "{\"model\":\"a\",\"api_base\":\"http://x\"," MESSAGES "}",
     "\"api_base\" is not allowed: providers are set up on the server"},
    {ENDPOINT_RESPONSES, "{\"model\":\"a\",\"extra_headers\":null}",
     "\"extra_headers\" is not allowed: providers are set up on the server"},
    {ENDPOINT_RESPONSES, "{\"model\":\"a\",\"Base_URL\":null}",
     "the member \"Base_URL\" must be spelled \"base_url\""},
};

static void bad_bodies_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        AUTO_BUF struct buf body;
        struct body_facts facts;
        struct error error;
        enum err result = body_read(reader, refusals[i].endpoint,
                                    in_buffer(&body, refusals[i].body), &facts, &error);
        CHECK(refusals[i].body, result == ERR_MALFORMED);
        CHECK_STR(refusals[i].body, error.text, refusals[i].sentence);
    }
}

static void a_model_name_has_an_end(void **state)
{
    (void)state;
    for (size_t len = 256; len <= 257; len++) {
        AUTO_BUF struct buf body;
        struct body_facts facts;
        buf_init(&body, 1024);
        buf_puts(&body, "{" MESSAGES ",\"model\":\"");
        for (size_t i = 0; i < len; i++)
            buf_putc(&body, 'm');
        buf_puts(&body, "\"}");
        enum err result = body_read(reader, ENDPOINT_CHAT, buf_str(&body), &facts, NULL);
        CHECK("length", result == (len <= 256 ? OK : ERR_MALFORMED));
    }
}

static struct body_facts read_facts(enum endpoint endpoint, const char *body)
{
    struct body_facts facts = {0};
    AUTO_BUF struct buf buf;
    CHECK(body, body_read(reader, endpoint, in_buffer(&buf, body), &facts, NULL) == OK);
    return facts;
}

static void facts_are_read(void **state)
{
    (void)state;
    struct body_facts facts =
        read_facts(ENDPOINT_CHAT, "{\"model\":\"\\u0061uto\",\"stream\":true,\"max_tokens\":7,"
                                  "\"prompt_cache_key\":\"k\",\"tools\":[{}],\"stream_options\":"
                                  "{\"include_usage\":true}," MESSAGES "}");
    CHECK("model is decoded", str_eq(facts.model, STR("auto")));
    CHECK("stream", facts.stream && facts.wants_usage && facts.has_options);
    CHECK("limit", facts.max_output_tokens == 7);
    CHECK("key", str_eq(facts.cache_key, STR("k")));
    CHECK("tools", facts.has_tools);

    facts = read_facts(ENDPOINT_CHAT, "{\"model\":\"a\",\"max_tokens\":7,\"tools\":[],"
                                      "\"max_completion_tokens\":9,\"stream\":null," MESSAGES "}");
    CHECK("the newer limit holds", facts.max_output_tokens == 9);
    CHECK("nothing else", !facts.stream && !facts.has_tools && !facts.has_options);

    facts =
        read_facts(ENDPOINT_RESPONSES, "{\"model\":\"a\",\"stream\":true,\"max_output_tokens\":5,"
                                       "\"stream_options\":{\"include_obfuscation\":false}}");
    CHECK("responses", facts.stream && facts.max_output_tokens == 5 && !facts.wants_usage);
    facts = read_facts(ENDPOINT_EMBEDDINGS, "{\"model\":\"a\",\"stream\":true,\"input\":\"x\"}");
    CHECK("embeddings never stream", !facts.stream && facts.max_output_tokens == -1);
}

/* What an answer may come to is never taken for less than some provider makes of it. */
static void the_largest_limit_holds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum endpoint endpoint;
        const char *body; /* behind the model */
        int64_t most;
    } stories[] = {
        {"llama-server goes by n_predict", ENDPOINT_CHAT,
         MESSAGES ",\"max_tokens\":1,\"n_predict\":100000", 100000},
        {"one that is no number", ENDPOINT_CHAT,
         MESSAGES ",\"max_tokens\":1,\"max_completion_tokens\":\"9\"", -1},
        {"less than none is no limit", ENDPOINT_CHAT, MESSAGES ",\"max_tokens\":1,\"n_predict\":-1",
         -1},
        {"null is not given", ENDPOINT_CHAT,
         MESSAGES ",\"max_tokens\":null,\"max_completion_tokens\":9", 9},
        {"only one that does not count here", ENDPOINT_RESPONSES, "\"max_tokens\":1", -1},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        char body[256];
        (void)snprintf(body, sizeof body, "{\"model\":\"a\",%s}", stories[i].body);
        CHECK_INT(stories[i].name, read_facts(stories[i].endpoint, body).max_output_tokens,
                  stories[i].most);
    }
}

static void tools_that_the_provider_runs_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum endpoint endpoint;
        const char *body; /* behind the model */
        bool has;
    } stories[] = {
        {"none", ENDPOINT_CHAT, MESSAGES ",\"tools\":[]", false},
        {"functions", ENDPOINT_CHAT, MESSAGES ",\"tools\":[{\"type\":\"function\"}]", false},
        {"Anthropic's, without a type", ENDPOINT_MESSAGES, MESSAGES ",\"tools\":[{\"name\":\"a\"}]",
         false},
        {"Anthropic's that the caller runs", ENDPOINT_MESSAGES,
         MESSAGES ",\"tools\":[{\"type\":\"bash_20250124\"},{\"type\":\"text_editor_20250728\"},"
                  "{\"type\":\"computer_20251124\"},{\"type\":\"custom\"}]",
         false},
        {"Codex's that it runs itself", ENDPOINT_RESPONSES,
         "\"tools\":[{\"type\":\"local_shell\"},{\"type\":\"namespace\",\"tools\":[]}]", false},
        {"a search", ENDPOINT_RESPONSES,
         "\"tools\":[{\"type\":\"function\"},{\"type\":\"web_search\"}]", true},
        {"in files", ENDPOINT_RESPONSES, "\"tools\":[{\"type\":\"file_search\"}]", true},
        {"behind another type", ENDPOINT_RESPONSES,
         "\"tools\":[{\"type\":\"function\",\"type\":\"file_search\"}]", true},
        {"Anthropic's search", ENDPOINT_MESSAGES,
         MESSAGES ",\"tools\":[{\"name\":\"w\",\"type\":\"web_search_20250305\"}]", true},
        {"other servers", ENDPOINT_MESSAGES, MESSAGES ",\"mcp_servers\":[{}]", true},
        {"none of them", ENDPOINT_MESSAGES, MESSAGES ",\"mcp_servers\":[]", false},
        {"chat's search", ENDPOINT_CHAT, MESSAGES ",\"web_search_options\":{}", true},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        char body[512];
        (void)snprintf(body, sizeof body, "{\"model\":\"a\",%s}", stories[i].body);
        CHECK_INT(stories[i].name, read_facts(stories[i].endpoint, body).has_hosted_tools,
                  stories[i].has);
    }
}

static void services_with_their_own_prices_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *body; /* behind the model */
        bool is_premium;
    } stories[] = {
        {MESSAGES, false},
        {MESSAGES ",\"service_tier\":null,\"speed\":null", false},
        {MESSAGES ",\"service_tier\":\"auto\"", false},
        {MESSAGES ",\"service_tier\":\"flex\"", false},
        {MESSAGES ",\"service_tier\":\"standard_only\",\"speed\":\"standard\"", false},
        {MESSAGES ",\"service_tier\":\"priority\"", true},
        {MESSAGES ",\"service_tier\":7", true},
        {MESSAGES ",\"speed\":\"fast\"", true},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        char body[256];
        (void)snprintf(body, sizeof body, "{\"model\":\"a\",%s}", stories[i].body);
        CHECK_INT(body, read_facts(ENDPOINT_CHAT, body).is_premium, stories[i].is_premium);
    }
}

static void more_answers_than_anybody_gives_are_counted_as_many(void **state)
{
    (void)state;
    AUTO_BUF struct buf body;
    struct body_facts facts = {0};
    buf_init(&body, 1u << 20);
    buf_puts(&body, "{\"model\":\"a\",\"n\":1000000,\"prompt\":[\"\"");
    for (size_t i = 0; i < 2000; i++)
        buf_puts(&body, ",\"\"");
    buf_puts(&body, "]}");
    CHECK("read", body_read(reader, ENDPOINT_COMPLETIONS, buf_str(&body), &facts, NULL) == OK);
    CHECK_INT("choices", facts.choices, BODY_CHOICES_MAX);
}

static const struct count_story {
    const char *name;
    enum endpoint endpoint;
    const char *body; /* behind the model */
    int64_t choices;
    bool has_stored;
} count_stories[] = {
    // clang-format off
    {"one answer",                         ENDPOINT_CHAT,        MESSAGES, 1, false},
    {"several",                            ENDPOINT_CHAT,        MESSAGES ",\"n\":3", 3, false},
    {"fewer than one",                     ENDPOINT_CHAT,        MESSAGES ",\"n\":-3", 1, false},
    {"more than anybody offers",           ENDPOINT_CHAT,        MESSAGES ",\"n\":9000000000", 1000000, false},
    {"the best of more",                   ENDPOINT_COMPLETIONS, "\"prompt\":\"x\",\"n\":1,\"best_of\":4", 4, false},
    {"none of a list that is empty",       ENDPOINT_COMPLETIONS, "\"prompt\":[]", 1, false},
    {"one prompt of numbers",              ENDPOINT_COMPLETIONS, "\"prompt\":[1,2,3]", 1, false},
    {"each prompt has its own",            ENDPOINT_COMPLETIONS, "\"prompt\":[\"a\",\"b\"],\"n\":2", 4, false},
    {"... also of numbers",                ENDPOINT_COMPLETIONS, "\"prompt\":[[1],[2],[3]]", 3, false},
    {"prompts are no matter elsewhere",    ENDPOINT_CHAT,        MESSAGES ",\"prompt\":[\"a\",\"b\"]", 1, false},
    {"a response that goes on",            ENDPOINT_RESPONSES,   "\"input\":\"x\",\"previous_response_id\":\"resp_1\"", 1, true},
    {"a conversation",                     ENDPOINT_RESPONSES,   "\"input\":\"x\",\"conversation\":\"conv_1\"", 1, true},
    {"a prompt that is kept",              ENDPOINT_RESPONSES,   "\"prompt\":{\"id\":\"pmpt_1\"}", 1, true},
    {"nothing of that",                    ENDPOINT_RESPONSES,   "\"input\":\"x\",\"previous_response_id\":null", 1, false},
    // clang-format on
};

static void what_is_asked_for_is_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(count_stories); i++) {
        const struct count_story *story = &count_stories[i];
        char body[256];
        (void)snprintf(body, sizeof body, "{\"model\":\"a\",%s}", story->body);
        struct body_facts facts = read_facts(story->endpoint, body);
        CHECK_INT(story->name, facts.choices, story->choices);
        CHECK_INT(story->name, facts.has_stored, story->has_stored);
    }
}

static const struct need_story {
    const char *name;
    enum endpoint endpoint;
    const char *body; /* behind the model */
    bool has_images, has_media, wants_schema;
} needs[] = {
    // clang-format off
    {"nothing", ENDPOINT_CHAT, "\"messages\":[{\"role\":\"user\",\"content\":\"image_url\"}]", false, false, false},
    {"text parts", ENDPOINT_CHAT, "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"image\"}]}]", false, false, false},
    {"chat: an image", ENDPOINT_CHAT, "\"messages\":[{\"role\":\"system\",\"content\":\"x\"},{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"image_url\":{\"url\":\"data:\"},\"type\":\"image_url\"}],\"role\":\"user\"}]", true, true, false},
    {"chat: a sound", ENDPOINT_CHAT, "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{}}]}]", false, true, false},
    {"chat: a document, then an image", ENDPOINT_CHAT, "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\"},{\"type\":\"image_url\"}]}]", true, true, false},
    {"chat: a schema", ENDPOINT_CHAT, MESSAGES ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}", false, false, true},
    {"chat: just JSON", ENDPOINT_CHAT, MESSAGES ",\"response_format\":{\"type\":\"json_object\"}", false, false, false},
    {"responses: an image", ENDPOINT_RESPONSES, "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"x\"}]}]", true, true, false},
    {"responses: an image from a tool", ENDPOINT_RESPONSES, "\"input\":[{\"type\":\"function_call_output\",\"output\":[{\"type\":\"input_image\"}]}]", true, true, false},
    {"responses: a text from a tool", ENDPOINT_RESPONSES, "\"input\":[{\"type\":\"function_call_output\",\"output\":\"input_image\"}]", false, false, false},
    {"responses: a screenshot", ENDPOINT_RESPONSES, "\"input\":[{\"type\":\"computer_call_output\",\"call_id\":\"c\",\"output\":{\"type\":\"computer_screenshot\",\"image_url\":\"data:\"}}]", true, true, false},
    {"responses: its type behind", ENDPOINT_RESPONSES, "\"input\":[{\"output\":{\"image_url\":\"data:\",\"type\":\"computer_screenshot\"},\"type\":\"computer_call_output\"}]", true, true, false},
    {"responses: an image that was made", ENDPOINT_RESPONSES, "\"input\":[{\"type\":\"image_generation_call\",\"id\":\"i\",\"result\":\"aGk=\"}]", false, true, false},
    {"responses: text alone", ENDPOINT_RESPONSES, "\"input\":\"image\"", false, false, false},
    {"responses: a schema", ENDPOINT_RESPONSES, "\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\"}}", false, false, true},
    {"responses: no schema", ENDPOINT_RESPONSES, "\"input\":\"x\",\"text\":{\"verbosity\":\"low\"}", false, false, false},
    {"messages: an image", ENDPOINT_MESSAGES, "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{}}]}]", true, true, false},
    {"messages: an image from a tool", ENDPOINT_MESSAGES, "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\"}]}]}]", true, true, false},
    {"messages: a document", ENDPOINT_MESSAGES, "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\"}]}]", false, true, false},
    {"messages: what a tool is given is no part", ENDPOINT_MESSAGES, "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"input\":{\"content\":[{\"type\":\"image\"}]}}]}]", false, false, false},
    {"messages: too deep to be one", ENDPOINT_MESSAGES, "\"messages\":[{\"content\":[{\"content\":[{\"content\":[{\"type\":\"image\"}]}]}]}]", false, false, false},
    {"messages: a schema", ENDPOINT_MESSAGES, MESSAGES ",\"output_config\":{\"format\":{\"type\":\"json_schema\"}}", false, false, true},
    {"messages: a schema as it once was", ENDPOINT_MESSAGES, MESSAGES ",\"output_format\":{\"type\":\"json_schema\"}", false, false, true},
    {"messages: effort is no schema", ENDPOINT_MESSAGES, MESSAGES ",\"output_config\":{\"effort\":\"low\"}", false, false, false},
    {"embeddings look at nothing", ENDPOINT_EMBEDDINGS, "\"input\":[{\"type\":\"input_image\"}]", false, false, false},
    // clang-format on
};

static void what_a_model_must_be_able_to_do_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(needs); i++) {
        char body[600];
        snprintf(body, sizeof body, "{\"model\":\"m\",%s}", needs[i].body);
        struct body_facts facts = read_facts(needs[i].endpoint, body);
        CHECK_INT(needs[i].name, facts.has_images, needs[i].has_images);
        CHECK_INT(needs[i].name, facts.has_media, needs[i].has_media);
        CHECK_INT(needs[i].name, facts.wants_schema, needs[i].wants_schema);
    }
}

static const struct splice_story {
    const char *name, *body, *model;
    bool add_usage;
    const char *result;
    int64_t ceiling; /* 0: none */
} splices[] = {
    {"nothing to change", "{ \"model\" : \"a\", " MESSAGES "} ", "", false,
     "{ \"model\" : \"a\", " MESSAGES "} "},
    {"the same model", "{\"model\":\"\\u0061\"," MESSAGES "}", "a", false,
     "{\"model\":\"\\u0061\"," MESSAGES "}"},
    {"another model", "{" MESSAGES ", \"model\" : \"a\" }", "b\"\n", false,
     "{" MESSAGES ", \"model\" : \"b\\\"\\n\" }"},
    {"usage, no options", "{\"model\":\"a\"," MESSAGES "}", "", true,
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"a\"," MESSAGES "}"},
    {"usage is asked for already",
     "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}," MESSAGES "}", "", true,
     "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}," MESSAGES "}"},
    {"usage false",
     "{\"model\":\"a\",\"stream_options\":{\"x\":1,\"include_usage\": false}," MESSAGES "}", "",
     true, "{\"model\":\"a\",\"stream_options\":{\"x\":1,\"include_usage\": true}," MESSAGES "}"},
    {"usage in an escaped name",
     "{\"model\":\"a\",\"stream_options\":{\"include_usag\\u0065\":null}," MESSAGES "}", "", true,
     "{\"model\":\"a\",\"stream_options\":{\"include_usag\\u0065\":true}," MESSAGES "}"},
    {"other options are kept", "{\"model\":\"a\",\"stream_options\":{ \"x\":[1]}," MESSAGES "}", "",
     true, "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true, \"x\":[1]}," MESSAGES "}"},
    {"empty options", "{\"model\":\"a\",\"stream_options\":{ \n}," MESSAGES "}", "", true,
     "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true \n}," MESSAGES "}"},
    {"empty options with an odd blank", "{\"model\":\"a\",\"stream_options\":{\r\t}," MESSAGES "}",
     "", true, "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true\r\t}," MESSAGES "}"},
    {"null options", "{\"model\":\"a\",\"stream_options\":null," MESSAGES "}", "", true,
     "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}," MESSAGES "}"},
    {"both, options first", "{\"stream_options\":{},\"model\":\"a\"," MESSAGES "}", "b", true,
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"b\"," MESSAGES "}"},
    {"both, model first", "{\"model\":\"a\",\"stream_options\":{}," MESSAGES "}", "b", true,
     "{\"model\":\"b\",\"stream_options\":{\"include_usage\":true}," MESSAGES "}"},
    {"both, no options", "{\"model\":\"a\"," MESSAGES "}", "b", true,
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"b\"," MESSAGES "}"},
    {"T20: a limit above the ceiling", "{\"max_tokens\":900,\"model\":\"a\"," MESSAGES "}", "",
     false, "{\"max_tokens\":500,\"model\":\"a\"," MESSAGES "}", 500},
    {"T20: one below it", "{\"max_tokens\":5,\"model\":\"a\"," MESSAGES "}", "", false,
     "{\"max_tokens\":5,\"model\":\"a\"," MESSAGES "}", 500},
    {"T20: none", "{\"model\":\"a\"," MESSAGES "}", "", false,
     "{\"max_tokens\":500,\"model\":\"a\"," MESSAGES "}", 500},
    {"T20: one that is no number", "{\"model\":\"a\",\"max_completion_tokens\":1e9," MESSAGES "}",
     "", false, "{\"model\":\"a\",\"max_completion_tokens\":500," MESSAGES "}", 500},
    {"T20: less than none stands for no limit", "{\"model\":\"a\",\"max_tokens\":-1," MESSAGES "}",
     "", false, "{\"model\":\"a\",\"max_tokens\":500," MESSAGES "}", 500},
    {"T20: one that does not count here", "{\"model\":\"a\",\"max_output_tokens\":5," MESSAGES "}",
     "", false, "{\"max_tokens\":500,\"model\":\"a\",\"max_output_tokens\":5," MESSAGES "}", 500},
    {"T20: all at once, with all that changes",
     "{\"n_predict\":-1,\"max_output_tokens\":900,\"model\":\"a\",\"max_tokens\":700,"
     "\"max_completion_tokens\":800," MESSAGES "}",
     "b", true,
     "{\"stream_options\":{\"include_usage\":true},\"n_predict\":500,\"max_output_tokens\":500,"
     "\"model\":\"b\",\"max_tokens\":500,\"max_completion_tokens\":500," MESSAGES "}",
     500},
};

static void only_what_must_change_changes(void **state)
{
    (void)state;
    AUTO_BUF struct buf scratch;
    buf_init(&scratch, 4096);
    for (size_t i = 0; i < COUNT(splices); i++) {
        const struct splice_story *story = &splices[i];
        struct body_facts facts = read_facts(ENDPOINT_CHAT, story->body);
        struct body_pieces pieces;
        const struct body_change change = {.model = str_of(story->model),
                                           .endpoint = ENDPOINT_CHAT,
                                           .adds_usage = story->add_usage,
                                           .has_ceiling = story->ceiling > 0,
                                           .ceiling = story->ceiling,
                                           .limit_name = "max_tokens"};
        CHECK(story->name,
              body_splice(str_of(story->body), &facts, &change, &scratch, &pieces) == OK);
        AUTO_BUF struct buf whole;
        buf_init(&whole, 4096);
        for (size_t p = 0; p < pieces.count; p++)
            buf_append_str(&whole, pieces.piece[p]);
        CHECK_STR(story->name, whole.data, story->result);
        CHECK(story->name, whole.len == pieces.total_bytes);
    }
}

static void a_splice_without_memory_is_told(void **state)
{
    (void)state;
    AUTO_BUF struct buf scratch;
    struct body_pieces pieces;
    const char *body = "{\"model\":\"a\"," MESSAGES "}";
    struct body_facts facts = read_facts(ENDPOINT_CHAT, body);
    buf_init(&scratch, 4);
    const struct body_change change = {.model = STR("longer"), .adds_usage = true};
    CHECK("told", body_splice(str_of(body), &facts, &change, &scratch, &pieces) == ERR_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_bodies_are_refused_by_name),
        TEST(a_model_name_has_an_end),
        TEST(facts_are_read),
        TEST(the_largest_limit_holds),
        TEST(tools_that_the_provider_runs_are_found),
        TEST(services_with_their_own_prices_are_found),
        TEST(more_answers_than_anybody_gives_are_counted_as_many),
        TEST(what_is_asked_for_is_counted),
        TEST(what_a_model_must_be_able_to_do_is_found),
        TEST(only_what_must_change_changes),
        TEST(a_splice_without_memory_is_told),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
