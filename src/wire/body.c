/* wire/body.c: reading a body. See body.h.
 *
 * One peek tells where the few members stand that the gateway reads or changes (body_splice.c); everything else in
 * a body is the provider's business and passes as it came.
 */
#include "wire/body.h"

#include <assert.h>

#define MODEL_MAX_BYTES 256u
#define CHOICES_MAX     1000000 /* more than anybody offers */

/* ---- reading --------------------------------------------------------------------------------- */

enum wanted {
    WANTED_MODEL,
    WANTED_STREAM,
    WANTED_OPTIONS,
    WANTED_MESSAGES,
    WANTED_INPUT,
    WANTED_TOOLS,
    WANTED_CACHE_KEY,
    WANTED_MAX_TOKENS,
    WANTED_MAX_COMPLETION,
    WANTED_MAX_OUTPUT,
    WANTED_N_PREDICT,
    WANTED_CHOICES,
    WANTED_BEST_OF,
    WANTED_PROMPT,
    WANTED_PREVIOUS,
    WANTED_CONVERSATION,
    WANTED_MCP,
    WANTED_SERVICE_TIER,
    WANTED_SPEED,
    WANTED_WEB_SEARCH,
    WANTED_FORMAT,     /* what it is called, depends on the dialect */
    WANTED_OLD_FORMAT, /* of messages, while it was in beta */
    WANTED_REFUSED,    /* from here: would send the provider's key elsewhere (T01) */
    WANTED_COUNT = WANTED_REFUSED + 6
};

static const struct json_member wanted_members[] = {
    [WANTED_MODEL] = {.name = "model"},
    [WANTED_STREAM] = {.name = "stream"},
    [WANTED_OPTIONS] = {.name = "stream_options"},
    [WANTED_MESSAGES] = {.name = "messages"},
    [WANTED_INPUT] = {.name = "input"},
    [WANTED_TOOLS] = {.name = "tools"},
    [WANTED_CACHE_KEY] = {.name = "prompt_cache_key"},
    [WANTED_MAX_TOKENS] = {.name = "max_tokens"},
    [WANTED_MAX_COMPLETION] = {.name = "max_completion_tokens"},
    [WANTED_MAX_OUTPUT] = {.name = "max_output_tokens"},
    [WANTED_N_PREDICT] = {.name = "n_predict"},
    [WANTED_CHOICES] = {.name = "n"},
    [WANTED_BEST_OF] = {.name = "best_of"},
    [WANTED_PROMPT] = {.name = "prompt"},
    [WANTED_PREVIOUS] = {.name = "previous_response_id"},
    [WANTED_CONVERSATION] = {.name = "conversation"},
    [WANTED_SERVICE_TIER] = {.name = "service_tier"},
    [WANTED_SPEED] = {.name = "speed"},
    [WANTED_MCP] = {.name = "mcp_servers"},
    [WANTED_WEB_SEARCH] = {.name = "web_search_options"},
    [WANTED_FORMAT] = {.name = "response_format"},
    [WANTED_OLD_FORMAT] = {.name = "output_format"},
    [WANTED_REFUSED] = {.name = "api_base"},
    [WANTED_REFUSED + 1] = {.name = "base_url"},
    [WANTED_REFUSED + 2] = {.name = "api_key"},
    [WANTED_REFUSED + 3] = {.name = "api_version"},
    [WANTED_REFUSED + 4] = {.name = "custom_llm_provider"},
    [WANTED_REFUSED + 5] = {.name = "extra_headers"},
};
static_assert(sizeof wanted_members / sizeof wanted_members[0] == WANTED_COUNT, "one row each");

static bool is_given(const struct json_member *member)
{
    return member->type != JSON_ABSENT && member->type != JSON_NULL;
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7F)
            return true;
    }
    return false;
}

static enum err check_model(const struct json_member *model, struct error *error)
{
    if (model->type == JSON_ABSENT)
        return error_set(error, ERR_MALFORMED, "\"model\" is missing: name a model, or \"auto\"");
    if (model->type != JSON_STRING)
        return error_set(error, ERR_MALFORMED, "\"model\" must be a string");
    if (model->text.len == 0)
        return error_set(error, ERR_MALFORMED, "\"model\" is empty: name a model, or \"auto\"");
    if (model->text.len > MODEL_MAX_BYTES)
        return error_set(error, ERR_MALFORMED, "\"model\" is longer than %u bytes",
                         MODEL_MAX_BYTES);
    if (has_control(model->text))
        return error_set(error, ERR_MALFORMED, "\"model\" holds a control character");
    return OK;
}

static enum err check_prompt(enum endpoint endpoint, const struct json_member *members,
                             struct error *error)
{
    bool needs_messages = endpoint == ENDPOINT_CHAT || endpoint == ENDPOINT_MESSAGES ||
                          endpoint == ENDPOINT_COUNT_TOKENS;
    if (needs_messages && members[WANTED_MESSAGES].type != JSON_ARRAY)
        return error_set(error, ERR_MALFORMED, "\"messages\" must be an array");
    if (endpoint == ENDPOINT_EMBEDDINGS && !is_given(&members[WANTED_INPUT]))
        return error_set(error, ERR_MALFORMED, "\"input\" is missing");
    return OK;
}

static enum err check_members(enum endpoint endpoint, const struct json_member *members,
                              struct error *error)
{
    for (size_t i = WANTED_REFUSED; i < WANTED_COUNT; i++) {
        if (members[i].type != JSON_ABSENT)
            return error_set(error, ERR_MALFORMED,
                             "\"%s\" is not allowed: providers are set up on the server",
                             members[i].name);
    }
    enum err failed = check_model(&members[WANTED_MODEL], error);
    if (failed)
        return failed;
    const struct json_member *stream = &members[WANTED_STREAM];
    if (is_given(stream) && stream->type != JSON_BOOL)
        return error_set(error, ERR_MALFORMED, "\"stream\" must be true or false");
    return check_prompt(endpoint, members, error);
}

/* Chat and legacy completions: has the caller asked for the usage chunk, and where? */
static enum err read_options(struct json_reader *reader, const struct json_member *options,
                             struct body_facts *facts, struct error *error)
{
    if (options->type == JSON_ABSENT)
        return OK;
    facts->has_options = true;
    facts->options_start = options->start;
    facts->options_end = options->end;
    if (options->type == JSON_NULL)
        return OK;
    if (options->type != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "\"stream_options\" must be an object");

    struct json_member flag = {.name = "include_usage"};
    struct json_span span;
    enum err failed = json_peek_inside(reader, options, &flag, 1, &span, error);
    if (failed)
        return failed;
    facts->wants_usage = flag.truth;
    facts->flag_start = flag.start;
    facts->flag_end = flag.end;
    return OK;
}

unsigned body_limits_of(enum endpoint endpoint)
{
    switch (endpoint) {
    case ENDPOINT_CHAT: return 1u << 0 | 1u << 1;
    case ENDPOINT_RESPONSES: return 1u << 2;
    default: return 1u << 0;
    }
}

/* Some services obey one that others do not know, so the largest of all counts; and nobody knows what they make of one
 * that is no number. */
static int64_t most_of(enum endpoint endpoint, const struct json_member *members,
                       const struct body_limit limits[BODY_LIMITS])
{
    int64_t most = -1;
    bool is_limited = false;
    for (size_t i = 0; i < BODY_LIMITS; i++) {
        if (!is_given(&members[WANTED_MAX_TOKENS + i]))
            continue;
        if (limits[i].tokens < 0)
            return -1;
        is_limited |= (body_limits_of(endpoint) & 1u << i) != 0;
        most = limits[i].tokens > most ? limits[i].tokens : most;
    }
    return is_limited ? most : -1;
}

static void read_limits(enum endpoint endpoint, const struct json_member *members,
                        struct body_facts *facts)
{
    static_assert(WANTED_N_PREDICT == WANTED_MAX_TOKENS + BODY_LIMITS - 1, "behind each other");
    for (size_t i = 0; i < BODY_LIMITS; i++) {
        const struct json_member *member = &members[WANTED_MAX_TOKENS + i];
        int64_t tokens = json_int64_or(member->value, -1);
        facts->limits[i] =
            (struct body_limit){member->start, member->end, tokens < 0 ? -1 : tokens};
    }
    facts->max_output_tokens = most_of(endpoint, members, facts->limits);
}

/* How many answers: what is no whole number the provider refuses. */
static int64_t read_choices(enum endpoint endpoint, const struct json_member *members)
{
    int64_t choices = json_int64_or(members[WANTED_CHOICES].value, 1);
    int64_t best_of = json_int64_or(members[WANTED_BEST_OF].value, 1);
    struct json prompt = members[WANTED_PROMPT].value;
    choices = choices > best_of ? choices : best_of;
    choices = choices < 1 ? 1 : choices > CHOICES_MAX ? CHOICES_MAX : choices;
    if (endpoint != ENDPOINT_COMPLETIONS || members[WANTED_PROMPT].type != JSON_ARRAY)
        return choices;
    struct json_cursor each = json_each(prompt); /* of numbers it is one prompt */
    bool has_several = json_next(&each) && (json_type_of(each.value) == JSON_STRING ||
                                            json_type_of(each.value) == JSON_ARRAY);
    if (!has_several)
        return choices;
    int64_t most = BODY_CHOICES_MAX / choices, prompts = (int64_t)json_count(prompt);
    return prompts < most ? choices * prompts : BODY_CHOICES_MAX;
}

static bool has_stored(enum endpoint endpoint, const struct json_member *members)
{
    return endpoint == ENDPOINT_RESPONSES &&
           (is_given(&members[WANTED_PREVIOUS]) || is_given(&members[WANTED_CONVERSATION]) ||
            is_given(&members[WANTED_PROMPT]));
}

static bool has_hosted_tools(const struct json_member *members)
{
    const struct json_member *servers = &members[WANTED_MCP];
    bool has_servers =
        is_given(servers) && !(servers->type == JSON_ARRAY && json_count(servers->value) == 0);
    return has_servers || is_given(&members[WANTED_WEB_SEARCH]) ||
           body_has_hosted_tools(members[WANTED_TOOLS].value);
}

/* OpenAI's `priority`, Anthropic's `fast`, and what else may come. */
static bool is_premium(const struct json_member *members)
{
    static const struct str usual[] = {STR_INIT("auto"), STR_INIT("default"), STR_INIT("flex"),
                                       STR_INIT("standard"), STR_INIT("standard_only")};
    const struct json_member *tier = &members[WANTED_SERVICE_TIER], *speed = &members[WANTED_SPEED];
    bool is_usual = !is_given(tier);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        is_usual |= str_eq(tier->text, usual[i]);
    return !is_usual || (is_given(speed) && !str_eq(speed->text, STR("standard")));
}

/* ---- what a model must be able to do --------------------------------------------------------- */

static bool is_schema(struct json format)
{
    return str_eq(json_string_or_empty(json_get(format, "type")), STR("json_schema"));
}

static bool wants_schema(enum endpoint endpoint, const struct json_member *members)
{
    struct json format = members[WANTED_FORMAT].value;
    if (endpoint == ENDPOINT_CHAT)
        return is_schema(format);
    return is_schema(json_get(format, "format")) || is_schema(members[WANTED_OLD_FORMAT].value);
}

static const char *format_name(enum endpoint endpoint)
{
    switch (endpoint) {
    case ENDPOINT_RESPONSES: return "text";
    case ENDPOINT_MESSAGES: return "output_config";
    default: return "response_format";
    }
}

#define NESTING_MAX 3 /* message, tool's result, its parts */

/* Parts that hold no others, the usual ones first. */
static const struct part_type {
    struct str name;
    bool is_media, is_image;
} part_types[] = {
    {STR_INIT("text"), false, false},
    {STR_INIT("tool_use"), false, false},
    {STR_INIT("input_text"), false, false},
    {STR_INIT("output_text"), false, false},
    {STR_INIT("thinking"), false, false},
    {STR_INIT("function_call"), false, false},
    {STR_INIT("image_url"), true, true},   /* chat */
    {STR_INIT("input_image"), true, true}, /* responses */
    {STR_INIT("image"), true, true},       /* messages */
    {STR_INIT("document"), true, false},
    {STR_INIT("file"), true, false},
    {STR_INIT("input_file"), true, false},
    {STR_INIT("input_audio"), true, false},
    {STR_INIT("computer_screenshot"), true, true},
    {STR_INIT("image_generation_call"), true, false}, /* one that was made, in `result` */
};

/* False when a part of this type, or of none that is known, may hold others. */
static bool note_part(struct str type, struct body_facts *facts)
{
    for (size_t i = 0; i < sizeof part_types / sizeof part_types[0]; i++) {
        if (!str_eq(type, part_types[i].name))
            continue;
        facts->has_media |= part_types[i].is_media;
        facts->has_images |= part_types[i].is_image;
        return true;
    }
    return false;
}

static void find_media(struct json value, int depth, struct body_facts *facts);

/* A part says what it is by its type; others hold parts in `content` or `output`. */
static void look_at_part(struct json part, int depth, struct body_facts *facts)
{
    bool is_done = false;
    for (struct json_cursor member = json_each(part); !is_done && json_next(&member);) {
        bool holds_parts =
            str_eq(member.name, STR("content")) || str_eq(member.name, STR("output"));
        if (holds_parts && depth < NESTING_MAX)
            find_media(member.value, depth + 1, facts);
        is_done = holds_parts || (str_eq(member.name, STR("type")) &&
                                  note_part(json_string_or_empty(member.value), facts));
    }
}

/* Looks for parts that are no text, in a list or in the one part that stands in its place (a screenshot). A walk over the
 * tree, so texts cost nothing, however long. */
static void find_media(struct json value, int depth, struct body_facts *facts)
{
    if (json_type_of(value) == JSON_OBJECT)
        look_at_part(value, depth, facts);
    else
        for (struct json_cursor each = json_each(value); !facts->has_images && json_next(&each);)
            look_at_part(each.value, depth, facts);
}

/* ---- reading it ------------------------------------------------------------------------------ */

enum err body_read(struct json_reader *reader, enum endpoint endpoint, struct str body,
                   struct body_facts *out_facts, struct error *error)
{
    struct json_member members[WANTED_COUNT];
    struct json_span span;
    memcpy(members, wanted_members, sizeof members);
    members[WANTED_FORMAT].name = format_name(endpoint);
    enum err failed = json_peek_padded(reader, body, members, WANTED_COUNT, &span, error);
    if (!failed)
        failed = check_members(endpoint, members, error);
    if (failed)
        return failed;

    const struct json_member *model = &members[WANTED_MODEL];
    const struct json_member *tools = &members[WANTED_TOOLS];
    struct body_facts facts = {
        .model = model->text,
        .model_start = model->start,
        .model_end = model->end,
        .stream = members[WANTED_STREAM].truth && endpoint_facts(endpoint)->may_stream,
        .object_open = span.open,
        .cache_key = members[WANTED_CACHE_KEY].text,
        .choices = read_choices(endpoint, members),
        .has_stored = has_stored(endpoint, members),
        .is_premium = is_premium(members),
        .has_hosted_tools = has_hosted_tools(members),
        .has_tools = tools->type == JSON_ARRAY && json_count(tools->value) > 0,
        .wants_schema = wants_schema(endpoint, members),
    };
    read_limits(endpoint, members, &facts);
    bool is_responses = endpoint == ENDPOINT_RESPONSES;
    find_media(members[is_responses ? WANTED_INPUT : WANTED_MESSAGES].value, 1, &facts);
    if (endpoint == ENDPOINT_CHAT || endpoint == ENDPOINT_COMPLETIONS)
        failed = read_options(reader, &members[WANTED_OPTIONS], &facts, error);
    if (!failed)
        *out_facts = facts;
    return failed;
}
