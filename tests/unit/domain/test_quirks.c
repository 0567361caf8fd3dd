/* tests/unit/domain/test_quirks.c: what is known of models beforehand, and what their refusals teach. */
#include "domain/quirks.h"
#include "tests/test.h"

#define OPENAI_URL "https://api.openai.com/v1"
#define CLAUDE_URL "https://api.anthropic.com"
#define SAMPLING   (QUIRK_NO_TEMPERATURE | QUIRK_NO_TOP_P)
#define REASONING  (SAMPLING | QUIRK_NO_PENALTIES | QUIRK_NO_STOP)
#define TEMPLATED                                                                                \
    (QUIRK_LOCAL | QUIRK_ONE_SYSTEM_FIRST | QUIRK_NO_DEVELOPER_ROLE | QUIRK_NAMED_TOOL_IGNORED | \
     QUIRK_OLD_MAX_TOKENS | QUIRK_NO_STRICT_SCHEMA)
#define O PROVIDER_OPENAI
#define A PROVIDER_ANTHROPIC

/* ---- known --------------------------------------------------------------------------------------- */

// clang-format off
static const struct {
    enum provider_kind kind;
    const char *base_url, *model;
    unsigned quirks;
} known[] = {
    {O, OPENAI_URL, "gpt-4o", 0},
    {O, OPENAI_URL, "gpt-4.1-2025-04-14", 0},
    {O, OPENAI_URL, "gpt-5", REASONING},
    {O, OPENAI_URL, "GPT-5-mini", REASONING},
    {O, OPENAI_URL, "gpt-5.3-chat-latest", 0},
    {O, OPENAI_URL, "gpt-5.5", REASONING},
    {O, OPENAI_URL, "gpt-5.6-sol", REASONING | QUIRK_TOOLS_BY_RESPONSES},
    {O, OPENAI_URL, "gpt-6.2-astra", REASONING | QUIRK_TOOLS_BY_RESPONSES},
    {O, OPENAI_URL, "gpt-5.3-codex", REASONING | QUIRK_NO_CHAT},
    {O, OPENAI_URL, "o3-mini", REASONING},
    {O, OPENAI_URL, "o3-pro-2025-06-10", REASONING | QUIRK_NO_CHAT},
    {O, OPENAI_URL, "omni-moderation-latest", 0},
    {O, "https://mine.openai.azure.com/openai/v1", "gpt-6-sol", REASONING | QUIRK_TOOLS_BY_RESPONSES},
    {O, "https://openrouter.ai/api/v1", "openai/gpt-6-sol", REASONING},
    {O, "https://openrouter.ai/api/v1", "qwen/qwen3-32b", 0},
    {O, "https://api.mistral.ai/v1", "mistral-large", QUIRK_NO_STREAM_OPTIONS | QUIRK_OLD_MAX_TOKENS | QUIRK_NO_DEVELOPER_ROLE},
    {O, "https://adb-1.azuredatabricks.net/serving-endpoints", "x", QUIRK_NO_STREAM_OPTIONS},
    {O, "https://api.openai.com.evil.example/v1", "gpt-5.6", REASONING},
    {O, "https://openai.azure.com.evil.example/v1", "gpt-5.6", REASONING},

    {A, CLAUDE_URL, "claude-3-5-sonnet-20241022", QUIRK_BUDGET_THINKING},
    {A, CLAUDE_URL, "claude-sonnet-4-20250514", QUIRK_BUDGET_THINKING},
    {A, CLAUDE_URL, "claude-haiku-4-5-20251001", QUIRK_BUDGET_THINKING},
    {A, CLAUDE_URL, "claude-opus-4-6", 0},
    {A, CLAUDE_URL, "claude-opus-4-8", SAMPLING},
    {A, CLAUDE_URL, "claude-opus-5", SAMPLING},
    {A, CLAUDE_URL, "claude-sonnet-5", SAMPLING},
    {A, CLAUDE_URL, "claude-sonnet-5-5", SAMPLING | QUIRK_NO_FORCED_TOOL},
    {A, CLAUDE_URL, "claude-opus-5-5-20260923", SAMPLING | QUIRK_NO_FORCED_TOOL | QUIRK_ALWAYS_THINKS},
    {A, CLAUDE_URL, "claude-fable-5-2", SAMPLING | QUIRK_NO_FORCED_TOOL | QUIRK_ALWAYS_THINKS},
    {A, CLAUDE_URL, "claude-fable-5", SAMPLING | QUIRK_ALWAYS_THINKS},
    {A, CLAUDE_URL, "somebody-elses", 0},
    {A, CLAUDE_URL, "", 0},

    {PROVIDER_GPU, "http://gpu-rack.example.com/v1", "gpt-5", TEMPLATED},
    {A, "http://localhost:8080", "claude-opus-5", QUIRK_LOCAL},
    {O, "http://localhost:8080/v1", "gpt-5", TEMPLATED},
    {O, "http://ollama:11434/v1", "m", TEMPLATED},
    {O, "http://gpu-rack.internal/v1", "m", TEMPLATED},
    {O, "http://box.local/v1", "m", TEMPLATED},
    {O, "http://127.0.0.1:8080/v1", "m", TEMPLATED},
    {O, "http://10.1.2.3/v1", "m", TEMPLATED},
    {O, "http://192.168.0.7:1234/v1", "m", TEMPLATED},
    {O, "http://172.16.0.1/v1", "m", TEMPLATED},
    {O, "http://172.31.255.1/v1", "m", TEMPLATED},
    {O, "http://100.101.102.103/v1", "m", TEMPLATED},
    {O, "http://[::1]:8080/v1", "m", TEMPLATED},
    {O, "http://[fd12:3456::1]/v1", "m", TEMPLATED},
    {O, "http://172.32.0.1/v1", "m", 0},
    {O, "http://8.8.8.8/v1", "m", 0},
    {O, "http://10.example.com/v1", "m", 0},
    {O, "http://[2001:db8::1]:8080/v1", "m", 0},
    {O, "https://localhost.example.com/v1", "m", 0},
};
// clang-format on

static void models_and_services_are_known_by_kind_address_and_name(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(known); i++) {
        char name[200];
        snprintf(name, sizeof name, "%s at %s", known[i].model, known[i].base_url);
        CHECK_INT(name, quirks_known(known[i].kind, known[i].base_url, str_of(known[i].model)),
                  known[i].quirks);
    }
    CHECK("OpenAI's own", base_url_is_openais_own(OPENAI_URL) &&
                              base_url_is_openais_own("https://x.openai.azure.com/openai/v1"));
    CHECK("and no other", !base_url_is_openais_own("https://openai.example.com/v1") &&
                              !base_url_is_openais_own("http://127.0.0.1/v1"));
}

/* ---- learned ------------------------------------------------------------------------------------- */

#define CHAT      ENDPOINT_CHAT
#define RESPONSES ENDPOINT_RESPONSES
#define MESSAGES  ENDPOINT_MESSAGES
#define PARAM     VERDICT_PARAM
#define CALLER    VERDICT_CALLER

// clang-format off
static const struct {
    const char *name;
    enum endpoint asked;
    enum verdict verdict;
    int status;
    const char *param, *body;
    unsigned teaches;
} refusals[] = {
    /* -- by the verdict's field -- */
    {"a temperature", CHAT, PARAM, 400, "temperature", "'temperature' does not support 0.16 with this model. Only the default (1) value is supported.", QUIRK_NO_TEMPERATURE},
    {"top_k counts with top_p", MESSAGES, PARAM, 400, "top_k", "", QUIRK_NO_TOP_P},
    {"a penalty", CHAT, PARAM, 400, "presence_penalty", "", QUIRK_NO_PENALTIES},
    {"stop", CHAT, PARAM, 400, "stop", "Unsupported parameter: 'stop' is not supported with this model.", QUIRK_NO_STOP},
    {"the newer limit, at an old server", CHAT, PARAM, 422, "max_completion_tokens", "", QUIRK_OLD_MAX_TOKENS},
    {"a field deep inside", CHAT, PARAM, 400, "tools[0].function.strict", "", QUIRK_NO_STRICT_SCHEMA},
    {"the same of another vendor", MESSAGES, PARAM, 400, "tools.0.custom.strict", "", QUIRK_NO_STRICT_SCHEMA},
    {"thoughts of earlier turns", CHAT, PARAM, 400, "messages[1].reasoning_content", "Unknown parameter: 'messages[1].reasoning_content'.", QUIRK_NO_THOUGHTS},
    {"the same in Groq's words", CHAT, CALLER, 400, "", "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]", QUIRK_NO_THOUGHTS},
    {"effort of responses", RESPONSES, PARAM, 400, "reasoning.effort", "", QUIRK_NO_EFFORT},
    {"effort of chat", CHAT, PARAM, 400, "reasoning_effort", "Unrecognized request argument supplied: reasoning_effort", QUIRK_NO_EFFORT},
    {"forced tools", MESSAGES, PARAM, 400, "tool_choice", "", QUIRK_NO_FORCED_TOOL},
    {"a schema", CHAT, PARAM, 400, "response_format", "", QUIRK_NO_SCHEMA},
    {"a field that no quirk is about", CHAT, PARAM, 400, "service_tier", "service_tier not allowed", 0},
    {"a field of another dialect", MESSAGES, PARAM, 400, "stream_options", "", 0},

    /* -- by what is said -- */
    {"tools with reasoning", CHAT, PARAM, 400, "reasoning_effort",
     "Function tools with reasoning_effort are not supported for gpt-5.6-sol in /v1/chat/completions. Please use /v1/responses instead.", QUIRK_TOOLS_BY_RESPONSES},
    {"the newer limit is wanted", CHAT, PARAM, 400, "max_tokens",
     "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", QUIRK_NEW_MAX_TOKENS},
    {"a model of responses only", CHAT, CALLER, 404, "",
     "This model is only supported in v1/responses and not in v1/chat/completions.", QUIRK_NO_CHAT},
    {"the same in older words", CHAT, CALLER, 404, "",
     "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?", QUIRK_NO_CHAT},
    {"no developers", CHAT, CALLER, 400, "", "Unsupported role: developer", QUIRK_NO_DEVELOPER_ROLE},
    {"no developers, elsewhere", CHAT, CALLER, 400, "", "messages[0]: 'developer' is not one of the roles", QUIRK_NO_DEVELOPER_ROLE},
    {"Claude without sampling", MESSAGES, CALLER, 400, "", "`temperature` is deprecated for this model.", QUIRK_NO_TEMPERATURE},
    {"Claude without adaptive thinking", MESSAGES, PARAM, 400, "thinking", "adaptive thinking is not supported on this model", QUIRK_BUDGET_THINKING},
    {"Claude without budgets: the newest know no other way", MESSAGES, PARAM, 400, "thinking",
     "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\".", 0},
    {"Mistral, without a param", CHAT, PARAM, 422, "", "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"parallel_tool_calls\"]}]}", QUIRK_NO_PARALLEL_FLAG},
    {"Groq, without a code", CHAT, CALLER, 400, "", "property 'stream_options' is unsupported", QUIRK_NO_STREAM_OPTIONS},

    /* -- what teaches nothing -- */
    {"a value out of range", CHAT, CALLER, 400, "", "temperature must be between 0 and 2", 0},
    {"a word of the caller's", CHAT, CALLER, 400, "", "messages[3]: stop is no role", 0},
    {"a limit", CHAT, VERDICT_LIMIT, 429, "", "temperature is not supported", 0},
    {"an empty error", CHAT, CALLER, 400, "", "", 0},

    /* -- paths -- */
    {"no such path", RESPONSES, CALLER, 404, "", "404 page not found", QUIRK_NO_RESPONSES},
    {"no such file, judged a model", RESPONSES, VERDICT_MODEL, 404, "", "{\"error\":{\"message\":\"File Not Found\",\"type\":\"not_found_error\",\"code\":404}}", QUIRK_NO_RESPONSES},
    {"not implemented", RESPONSES, PARAM, 501, "", "", QUIRK_NO_RESPONSES},
    {"no such model is no missing path", RESPONSES, VERDICT_MODEL, 404, "", "The model `x` does not exist", 0},
    {"a caller's item that is not stored is no missing path", RESPONSES, PARAM, 404, "input",
     "{\"error\":{\"message\":\"Item with id 'rs_1' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.\",\"type\":\"invalid_request_error\",\"param\":\"input\",\"code\":null}}", 0},
    {"nor one that another gateway tells without a param", RESPONSES, CALLER, 404, "", "Item with id 'rs_1' not found.", 0},
    {"nor is an answer that is not stored", RESPONSES, CALLER, 404, "previous_response_id", "Previous response with id 'resp_1' not found.", 0},
    {"nor is chat's path responses'", CHAT, CALLER, 404, "", "404 page not found", 0},
};
// clang-format on

static void a_refusal_teaches_what_it_says(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct verdict_report report = {.verdict = refusals[i].verdict,
                                        .http_status = refusals[i].status};
        str_copy(str_of(refusals[i].param), report.param, sizeof report.param);
        CHECK_INT(refusals[i].name,
                  quirk_of_refusal(&report, refusals[i].asked, str_of(refusals[i].body)),
                  refusals[i].teaches);
    }
}

static void the_callers_own_words_far_behind_teach_nothing(void **unused)
{
    (void)unused;
    static char body[8192];
    struct verdict_report report = {.verdict = VERDICT_CALLER, .http_status = 400};
    memset(body, 'x', sizeof body);
    memcpy(body + 4000, "temperature is not supported", 28);
    CHECK_INT("far", quirk_of_refusal(&report, ENDPOINT_CHAT, (struct str){body, sizeof body}), 0);
}

static void a_memory_keeps_the_newest_models(void **unused)
{
    (void)unused;
    static struct quirk_memory memory;
    char name[32];
    CHECK_INT("nothing yet", quirk_memory_find(&memory, STR("m")), 0);
    CHECK_INT("without a memory", quirk_memory_find(NULL, STR("m")), 0);
    for (int i = 0; i < 3 * (int)QUIRK_MODELS_MAX; i++) {
        snprintf(name, sizeof name, "m%d", i);
        quirk_memory_learn(&memory, str_of(name), QUIRK_NO_STOP);
        quirk_memory_learn(&memory, str_of(name), QUIRK_NO_EFFORT);
    }
    CHECK_INT("bounded", memory.count, QUIRK_MODELS_MAX);
    CHECK_INT("the oldest went", quirk_memory_find(&memory, STR("m0")), 0);
    for (int i = 2 * (int)QUIRK_MODELS_MAX; i < 3 * (int)QUIRK_MODELS_MAX; i++) {
        snprintf(name, sizeof name, "m%d", i);
        CHECK_INT(name, quirk_memory_find(&memory, str_of(name)), QUIRK_NO_STOP | QUIRK_NO_EFFORT);
    }
    CHECK("nothing for routing", !quirk_memory_matters(&memory));
    quirk_memory_learn(&memory, STR("m0"), QUIRK_NO_RESPONSES | QUIRK_NO_STREAM_OPTIONS);
    CHECK_INT("of the service: for any model", quirk_memory_find(&memory, STR("unheard-of")),
              QUIRK_NO_RESPONSES | QUIRK_NO_STREAM_OPTIONS);
    CHECK("routing asks for it", quirk_memory_matters(&memory));
}

static void what_was_learned_outweighs_what_was_known(void **unused)
{
    (void)unused;
    CHECK_INT("both", quirks_join(QUIRK_LOCAL, QUIRK_NO_STOP), QUIRK_LOCAL | QUIRK_NO_STOP);
    CHECK_INT("the newer limit",
              quirks_join(QUIRK_LOCAL | QUIRK_OLD_MAX_TOKENS, QUIRK_NEW_MAX_TOKENS),
              QUIRK_LOCAL | QUIRK_NEW_MAX_TOKENS);
}

static void join_names(void *arg, const char *name)
{
    strcat(arg, name);
    strcat(arg, " ");
}

static void every_quirk_has_a_name(void **unused)
{
    (void)unused;
    char some[200] = "", all[2000] = "";
    quirks_each(QUIRK_NO_TEMPERATURE | QUIRK_NO_CHAT, join_names, some);
    CHECK_STR("two", some, "no_temperature no_chat ");
    int count = 0;
    for (unsigned bit = 1; bit <= QUIRK_NEW_MAX_TOKENS; bit <<= 1) {
        size_t before = strlen(all);
        quirks_each(bit, join_names, all);
        count += strlen(all) > before;
    }
    CHECK_INT("all", count, 21);
}

TEST_MAIN(TEST(models_and_services_are_known_by_kind_address_and_name),
          TEST(a_refusal_teaches_what_it_says),
          TEST(the_callers_own_words_far_behind_teach_nothing),
          TEST(a_memory_keeps_the_newest_models), TEST(what_was_learned_outweighs_what_was_known),
          TEST(every_quirk_has_a_name))
