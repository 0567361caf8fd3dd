/* domain/quirks.c: the table of what models and services are known to refuse.
 *
 * Two lists of rows: of services all that fit count together; of models the first that fits counts, so the
 * particular stands before the general. What is missing here is learned from the first refusal
 * (quirks_learned.c), so a row that is not sure had better be absent: it would take from requests what was
 * welcome.
 */
#include "domain/quirks.h"

#include "domain/quirks_parts.h"

/* ---- where a provider is ------------------------------------------------------------------------- */

enum place {
    PLACE_LOCAL = 1u << 0, /* loopback, a private network, a name without a dot */
    PLACE_OPENAI = 1u << 1,
    PLACE_AZURE = 1u << 2,
    PLACE_MISTRAL = 1u << 3,
    PLACE_DATABRICKS = 1u << 4,
    PLACE_ELSEWHERE = 1u << 5
};
#define OWN      (PLACE_OPENAI | PLACE_AZURE)
#define CLOUD    (~(unsigned)PLACE_LOCAL)
#define ANYWHERE (~0u)

static const struct {
    const char *host; /* a pattern */
    enum place place;
} places[] = {
    {"api.openai.com", PLACE_OPENAI},
    {"*.api.openai.com", PLACE_OPENAI}, /* eu.api.openai.com */
    {"*.openai.azure.com", PLACE_AZURE},
    {"api.mistral.ai", PLACE_MISTRAL},
    {"*.databricks.com", PLACE_DATABRICKS},
    {"*.azuredatabricks.net", PLACE_DATABRICKS},
    {"localhost", PLACE_LOCAL},
    {"*.localhost", PLACE_LOCAL},
    {"*.local", PLACE_LOCAL},
    {"*.internal", PLACE_LOCAL},
    {"*.lan", PLACE_LOCAL},
    {"*.home.arpa", PLACE_LOCAL},
    {"[::1]", PLACE_LOCAL},
    {"[fc*]", PLACE_LOCAL},
    {"[fd*]", PLACE_LOCAL},
    {"[fe80:*]", PLACE_LOCAL},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool quirk_like(struct str text, const char *pattern)
{
    size_t at = 0, retry_at = 0;
    const char *retry = NULL; /* behind the last '*', where another try begins one byte on */
    while (at < text.len) {
        if (*pattern == '*') {
            retry = ++pattern;
            retry_at = at;
        } else if (*pattern && lower(text.at[at]) == *pattern) {
            pattern++;
            at++;
        } else if (retry) {
            pattern = retry;
            at = ++retry_at;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* The host of a normalised base URL, with the brackets of an IPv6 address. */
static struct str host_of(const char *base_url)
{
    struct str rest = str_of(base_url);
    size_t at = 0;
    if (str_find(rest, STR("://"), &at))
        rest = str_from(rest, at + 3);
    rest = str_cut(&rest, '/');
    if (rest.len > 0 && rest.at[0] == '[' && str_find(rest, STR("]"), &at))
        return str_upto(rest, at + 1);
    return str_cut(&rest, ':');
}

/* Ours by number: loopback, private, link-local, and 100.64/10, which VPNs use. */
static const struct {
    int64_t first, second_from, second_to;
} ranges[] = {
    {127, 0, 255}, {10, 0, 255}, {192, 168, 168}, {172, 16, 31}, {169, 254, 254}, {100, 64, 127},
};

static bool is_private_ipv4(struct str host)
{
    int64_t octets[4];
    struct str rest = host;
    for (size_t i = 0; i < 4; i++)
        if (!str_to_int64(str_cut(&rest, '.'), &octets[i]))
            return false;
    for (size_t i = 0; rest.len == 0 && i < sizeof ranges / sizeof ranges[0]; i++)
        if (octets[0] == ranges[i].first && octets[1] >= ranges[i].second_from &&
            octets[1] <= ranges[i].second_to)
            return true;
    return false;
}

static enum place place_of(const char *base_url)
{
    struct str host = host_of(base_url);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (quirk_like(host, places[i].host))
            return places[i].place;
    bool has_dot = str_find(host, STR("."), NULL) || str_find(host, STR(":"), NULL);
    return is_private_ipv4(host) || !has_dot ? PLACE_LOCAL : PLACE_ELSEWHERE;
}

bool base_url_is_openais_own(const char *base_url)
{
    return place_of(base_url) & OWN;
}

/* ---- the table ----------------------------------------------------------------------------------- */

/* OpenAI's models that reason. */
#define REASONING (QUIRK_NO_TEMPERATURE | QUIRK_NO_TOP_P | QUIRK_NO_PENALTIES | QUIRK_NO_STOP)
#define SAMPLING  (QUIRK_NO_TEMPERATURE | QUIRK_NO_TOP_P)
/* A chat template decides; llama-server is the model: CLIENTS.md 9. */
#define TEMPLATED                                                                                \
    (QUIRK_LOCAL | QUIRK_ONE_SYSTEM_FIRST | QUIRK_NO_DEVELOPER_ROLE | QUIRK_NAMED_TOOL_IGNORED | \
     QUIRK_OLD_MAX_TOKENS | QUIRK_NO_STRICT_SCHEMA)

struct row {
    enum provider_kind kind;
    unsigned places;
    const char *model; /* a pattern, of the name behind the last '/' */
    unsigned quirks;
    const char *source;
};

// clang-format off
static const struct row services[] = {
    {PROVIDER_GPU,       ANYWHERE,         "*", TEMPLATED,               "CLIENTS.md 9"},
    {PROVIDER_OPENAI,    PLACE_LOCAL,      "*", TEMPLATED,               "CLIENTS.md 9"},
    {PROVIDER_ANTHROPIC, PLACE_LOCAL,      "*", QUIRK_LOCAL,             "CLIENTS.md 9"},
    {PROVIDER_OPENAI,    PLACE_MISTRAL,    "*", QUIRK_NO_STREAM_OPTIONS | QUIRK_OLD_MAX_TOKENS | QUIRK_NO_DEVELOPER_ROLE,
                                                                         "PROVIDER_ERRORS.md 4: what it does not know is 422"},
    {PROVIDER_OPENAI,    PLACE_DATABRICKS, "*", QUIRK_NO_STREAM_OPTIONS, "PROVIDER_ERRORS.md 4"},
};

static const struct row models[] = {
    /* kind, where, model, quirks, known from */
    {PROVIDER_OPENAI, OWN,   "gpt-5*-codex*",  REASONING | QUIRK_NO_CHAT,            "alvinunreal/tmuxai#82, egoist/chatwise-releases#1256"},
    {PROVIDER_OPENAI, OWN,   "gpt-5*-pro*",    REASONING | QUIRK_NO_CHAT,            "as o3-pro; not checked"},
    {PROVIDER_OPENAI, OWN,   "o*-pro*",        REASONING | QUIRK_NO_CHAT,            "aaif-goose/goose#2564"},
    {PROVIDER_OPENAI, OWN,   "codex-*",        REASONING | QUIRK_NO_CHAT,            "openai/codex#1346"},
    {PROVIDER_OPENAI, CLOUD, "gpt-5*-chat*",   0,                                    "prices.csv: it does not reason"},
    {PROVIDER_OPENAI, OWN,   "gpt-5.6*",       REASONING | QUIRK_TOOLS_BY_RESPONSES, "ItzCrazyKns/Vane#1173, BerriAI/litellm#34569"},
    {PROVIDER_OPENAI, OWN,   "gpt-6*",         REASONING | QUIRK_TOOLS_BY_RESPONSES, "PROVIDER_ERRORS.md 2"},
    {PROVIDER_OPENAI, CLOUD, "gpt-5*",         REASONING,                            "decolua/9router#560"},
    {PROVIDER_OPENAI, CLOUD, "gpt-6*",         REASONING,                            "PROVIDER_ERRORS.md 2"},
    {PROVIDER_OPENAI, CLOUD, "o1*",            REASONING,                            "PROVIDER_ERRORS.md 2"},
    {PROVIDER_OPENAI, CLOUD, "o3*",            REASONING,                            "PROVIDER_ERRORS.md 2"},
    {PROVIDER_OPENAI, CLOUD, "o4*",            REASONING,                            "PROVIDER_ERRORS.md 2"},

    {PROVIDER_ANTHROPIC, CLOUD, "claude-opus-5-5*",   SAMPLING | QUIRK_NO_FORCED_TOOL | QUIRK_ALWAYS_THINKS, "PROVIDER_ERRORS.md 3"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-sonnet-5-5*", SAMPLING | QUIRK_NO_FORCED_TOOL,                       "PROVIDER_ERRORS.md 3"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-fable-5-1*",  SAMPLING | QUIRK_NO_FORCED_TOOL | QUIRK_ALWAYS_THINKS, "PROVIDER_ERRORS.md 3"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-fable-5-2*",  SAMPLING | QUIRK_NO_FORCED_TOOL | QUIRK_ALWAYS_THINKS, "PROVIDER_ERRORS.md 3"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-fable-*",     SAMPLING | QUIRK_ALWAYS_THINKS, "PROVIDER_ERRORS.md 3"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-3*",          QUIRK_BUDGET_THINKING,          "before adaptive thinking"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-opus-4-7*",   SAMPLING,                       "Davidvandijcke/coarse#162"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-opus-4-8*",   SAMPLING,                       "OpenHands/software-agent-sdk#3427"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-*-4-6*",      0,                              "docker/docker-agent#2563: adaptive"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-*-4*",        QUIRK_BUDGET_THINKING,          "before adaptive thinking"},
    {PROVIDER_ANTHROPIC, CLOUD, "claude-*-5*",        SAMPLING,                       "earendil-works/pi#7961"},
};
// clang-format on

static bool fits(const struct row *row, enum provider_kind kind, enum place place, struct str model)
{
    return row->kind == kind && row->places & place && quirk_like(model, row->model);
}

/* "openai/gpt-5" of a service that resells: the model's own name. */
static struct str own_name(struct str model)
{
    for (size_t at = model.len; at-- > 0;)
        if (model.at[at] == '/')
            return str_from(model, at + 1);
    return model;
}

unsigned quirks_known(enum provider_kind kind, const char *base_url, struct str model)
{
    enum place place = place_of(base_url);
    unsigned quirks = 0;
    model = own_name(model);
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (fits(&services[i], kind, place, model))
            quirks |= services[i].quirks;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (fits(&models[i], kind, place, model))
            return quirks | models[i].quirks;
    return quirks;
}

/* ---- names --------------------------------------------------------------------------------------- */

static const struct {
    unsigned quirk;
    const char *name;
} names[] = {
    {QUIRK_NO_TEMPERATURE, "no_temperature"},
    {QUIRK_NO_TOP_P, "no_top_p"},
    {QUIRK_NO_PENALTIES, "no_penalties"},
    {QUIRK_NO_STOP, "no_stop"},
    {QUIRK_NO_FORCED_TOOL, "no_forced_tool"},
    {QUIRK_NAMED_TOOL_IGNORED, "named_tool_ignored"},
    {QUIRK_OLD_MAX_TOKENS, "old_max_tokens"},
    {QUIRK_NO_DEVELOPER_ROLE, "no_developer_role"},
    {QUIRK_ONE_SYSTEM_FIRST, "one_system_first"},
    {QUIRK_NO_EFFORT, "no_effort"},
    {QUIRK_BUDGET_THINKING, "budget_thinking"},
    {QUIRK_ALWAYS_THINKS, "always_thinks"},
    {QUIRK_NO_STREAM_OPTIONS, "no_stream_options"},
    {QUIRK_NO_PARALLEL_FLAG, "no_parallel_flag"},
    {QUIRK_NO_STRICT_SCHEMA, "no_strict_schema"},
    {QUIRK_TOOLS_BY_RESPONSES, "tools_by_responses"},
    {QUIRK_NO_RESPONSES, "no_responses"},
    {QUIRK_LOCAL, "local"},
    {QUIRK_NO_SCHEMA, "no_schema"},
    {QUIRK_NO_CHAT, "no_chat"},
    {QUIRK_NEW_MAX_TOKENS, "new_max_tokens"},
    {QUIRK_NO_THOUGHTS, "no_thoughts"},
};

void quirks_each(unsigned quirks, void (*on_name)(void *arg, const char *name), void *arg)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (quirks & names[i].quirk)
            on_name(arg, names[i].name);
}
