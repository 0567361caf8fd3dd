/* domain/quirks_learned.c: what a refusal teaches, and the memory of it.
 *
 * Vendors say in many words that they do not take a field. Sentences that mean something by themselves
 * come first; then the field decides, as the verdict names it, or as the error's text does when that text
 * also says no: "temperature must be at most 2" teaches nothing.
 */
#include "domain/quirks_parts.h"

#define TEXT_MAX 2048u /* of an error: behind it stand mostly the caller's own words */

#define AT(endpoint) ENDPOINT_BIT(ENDPOINT_##endpoint)
#define ANYWHERE     ENDPOINTS_GENERATION
#define OPENAIS      (AT(CHAT) | AT(RESPONSES))

/* ---- sentences ----------------------------------------------------------------------------------- */

// clang-format off
static const struct {
    unsigned asked;    /* ENDPOINT_BITs */
    const char *says;  /* a pattern, of the whole error in lower case */
    unsigned teaches;  /* 0: nothing, and no other row is asked */
} sentences[] = {
    {AT(CHAT),     "*tools with reasoning_effort*/v1/chat/completions*", QUIRK_TOOLS_BY_RESPONSES},
    {AT(CHAT),     "*only supported in v1/responses*",              QUIRK_NO_CHAT},
    {AT(CHAT),     "*not a chat model*v1/chat/completions*",        QUIRK_NO_CHAT},
    {AT(CHAT),     "*use*max_completion_tokens*instead*",           QUIRK_NEW_MAX_TOKENS},
    {OPENAIS,      "*role*developer*",                              QUIRK_NO_DEVELOPER_ROLE},
    {OPENAIS,      "*developer*role*",                              QUIRK_NO_DEVELOPER_ROLE},
    {AT(CHAT),     "*system message must be at the beginning*",     QUIRK_ONE_SYSTEM_FIRST},
    {AT(MESSAGES), "*adaptive*not supported*",                      QUIRK_BUDGET_THINKING},
    {AT(MESSAGES), "*thinking.type.disabled*not supported*",        QUIRK_ALWAYS_THINKS},
    {AT(MESSAGES), "*thinking*cannot be disabled*",                 QUIRK_ALWAYS_THINKS},
    {AT(MESSAGES), "*thinking.type.enabled*not supported*",         0},
};

/* ---- fields -------------------------------------------------------------------------------------- */

static const struct {
    const char *param; /* the last name of its path */
    const char *text;  /* how it stands in a sentence; NULL: too common a word to be looked for */
    unsigned asked, teaches;
} fields[] = {
    {"temperature",           "temperature",           ANYWHERE, QUIRK_NO_TEMPERATURE},
    {"top_p",                 "top_p",                 ANYWHERE, QUIRK_NO_TOP_P},
    {"top_k",                 "top_k",                 ANYWHERE, QUIRK_NO_TOP_P},
    {"frequency_penalty",     "frequency_penalty",     OPENAIS,  QUIRK_NO_PENALTIES},
    {"presence_penalty",      "presence_penalty",      OPENAIS,  QUIRK_NO_PENALTIES},
    {"logit_bias",            "logit_bias",            OPENAIS,  QUIRK_NO_PENALTIES},
    {"top_logprobs",          "top_logprobs",          OPENAIS,  QUIRK_NO_PENALTIES},
    {"logprobs",              "logprobs",              OPENAIS,  QUIRK_NO_PENALTIES},
    {"stop",                  "'stop'",                AT(CHAT), QUIRK_NO_STOP},
    {"stop_sequences",        "stop_sequences",        AT(MESSAGES), QUIRK_NO_STOP},
    {"stream_options",        "stream_options",        AT(CHAT), QUIRK_NO_STREAM_OPTIONS},
    {"include_usage",         "include_usage",         AT(CHAT), QUIRK_NO_STREAM_OPTIONS},
    {"max_completion_tokens", "max_completion_tokens", AT(CHAT), QUIRK_OLD_MAX_TOKENS},
    {"parallel_tool_calls",   "parallel_tool_calls",   OPENAIS,  QUIRK_NO_PARALLEL_FLAG},
    {"disable_parallel_tool_use", "disable_parallel_tool_use", AT(MESSAGES), QUIRK_NO_PARALLEL_FLAG},
    {"tool_choice",           "tool_choice",           ANYWHERE, QUIRK_NO_FORCED_TOOL},
    {"reasoning_effort",      "reasoning_effort",      AT(CHAT), QUIRK_NO_EFFORT},
    {"effort",                "reasoning.effort",      ANYWHERE, QUIRK_NO_EFFORT},
    {"effort",                "output_config.effort",  AT(MESSAGES), QUIRK_NO_EFFORT},
    {"reasoning",             NULL,                    AT(RESPONSES), QUIRK_NO_EFFORT},
    {"reasoning_content",     "reasoning_content",     AT(CHAT), QUIRK_NO_THOUGHTS},
    {"reasoning",             "property 'reasoning'",  AT(CHAT), QUIRK_NO_THOUGHTS},
    {"strict",                "'strict'",              ANYWHERE, QUIRK_NO_STRICT_SCHEMA},
    {"strict",                ".strict:",              ANYWHERE, QUIRK_NO_STRICT_SCHEMA},
    {"response_format",       "response_format",       AT(CHAT), QUIRK_NO_SCHEMA},
    {"format",                "text.format",           AT(RESPONSES), QUIRK_NO_SCHEMA},
    {"format",                "output_config.format",  AT(MESSAGES), QUIRK_NO_SCHEMA},
};

/* How an error's text says that a field is not taken at all. */
static const char *const noes[] = {
    "*not supported*", "*unsupported*",  "*not support*",  "*not permitted*", "*not allowed*",
    "*unrecognized*",  "*unknown*",      "*unexpected*",   "*deprecated*",    "*only allowed when*",
    "*extra_forbidden*",
};
// clang-format on

/* "tools[0].function.strict" and "tools.0.custom.strict" end in "strict". */
static struct str last_name(const char *path)
{
    struct str rest = str_of(path), name = {0};
    while (rest.len > 0)
        name = str_cut(&rest, '.');
    return name;
}

static unsigned by_param(const char *param, unsigned asked)
{
    struct str name = last_name(param);
    for (size_t i = 0; name.len > 0 && i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].asked & asked && str_eq(name, str_of(fields[i].param)))
            return fields[i].teaches;
    return 0;
}

static unsigned by_text(struct str text, unsigned asked)
{
    bool is_no = false;
    for (size_t i = 0; !is_no && i < sizeof noes / sizeof noes[0]; i++)
        is_no = quirk_like(text, noes[i]);
    for (size_t i = 0; is_no && i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].asked & asked && fields[i].text &&
            str_ifind(text, str_of(fields[i].text), NULL))
            return fields[i].teaches;
    return 0;
}

/* A path that is not there, and not a model or something of the caller's that is not ("Item with id 'rs_1' not
 * found"): the service has no responses. */
static bool is_path_missing(const struct verdict_report *report, unsigned asked, struct str text)
{
    int status = report->http_status;
    return asked == AT(RESPONSES) && (status == 404 || status == 405 || status == 501) &&
           report->param[0] == '\0' && !str_ifind(text, STR("model"), NULL) &&
           !str_ifind(text, STR(" with id "), NULL);
}

unsigned quirk_of_refusal(const struct verdict_report *report, enum endpoint asked, struct str body)
{
    unsigned at = ENDPOINT_BIT(asked);
    struct str text = str_upto(body, TEXT_MAX);
    if (is_path_missing(report, at, text))
        return QUIRK_NO_RESPONSES;
    if (report->verdict != VERDICT_PARAM && report->verdict != VERDICT_CALLER)
        return 0;
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (sentences[i].asked & at && quirk_like(text, sentences[i].says))
            return sentences[i].teaches;
    unsigned learned = report->verdict == VERDICT_PARAM ? by_param(report->param, at) : 0;
    return learned ? learned : by_text(text, at);
}

/* ---- the memory ---------------------------------------------------------------------------------- */

void quirk_memory_learn(struct quirk_memory *memory, struct str model, unsigned quirks)
{
    uint64_t hash = str_hash(model);
    size_t at = 0;
    memory->of_service |= quirks & QUIRKS_OF_SERVICE;
    quirks &= ~QUIRKS_OF_SERVICE;
    if (!quirks)
        return;
    memory->of_models |= quirks;
    while (at < memory->count && memory->models[at].model != hash)
        at++;
    if (at == QUIRK_MODELS_MAX) {
        at = memory->oldest;
        memory->oldest = (memory->oldest + 1) % QUIRK_MODELS_MAX;
        memory->models[at] = (struct quirk_of_model){.model = hash};
    } else if (at == memory->count) {
        memory->models[memory->count++] = (struct quirk_of_model){.model = hash};
    }
    memory->models[at].quirks |= quirks;
}

unsigned quirk_memory_find(const struct quirk_memory *memory, struct str model)
{
    if (!memory)
        return 0;
    uint64_t hash = memory->count ? str_hash(model) : 0;
    for (size_t i = 0; i < memory->count; i++)
        if (memory->models[i].model == hash)
            return memory->of_service | memory->models[i].quirks;
    return memory->of_service;
}

unsigned quirks_join(unsigned known, unsigned learned)
{
    unsigned quirks = known | learned;
    if (learned & QUIRK_NEW_MAX_TOKENS)
        quirks &= ~(unsigned)QUIRK_OLD_MAX_TOKENS;
    return quirks;
}
