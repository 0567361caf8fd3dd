/* wire/api.c: paths of the inference API, one row per endpoint.
 *
 * `/v1` is optional and may be doubled, because SDKs differ in what they append to a base URL.
 */
#include "wire/api.h"

#include <assert.h>

// clang-format off
static const struct endpoint_facts facts[] = {
    /*                         name                dialect            behind the provider's base  job    stream */
    [ENDPOINT_CHAT]         = {"chat_completions", DIALECT_OPENAI,    "/chat/completions",        true,  true},
    [ENDPOINT_RESPONSES]    = {"responses",        DIALECT_OPENAI,    "/responses",               true,  true},
    [ENDPOINT_EMBEDDINGS]   = {"embeddings",       DIALECT_OPENAI,    "/embeddings",              true,  false},
    [ENDPOINT_COMPLETIONS]  = {"completions",      DIALECT_OPENAI,    "/completions",             true,  true},
    [ENDPOINT_MESSAGES]     = {"messages",         DIALECT_ANTHROPIC, "/messages",                true,  true},
    [ENDPOINT_COUNT_TOKENS] = {"count_tokens",     DIALECT_ANTHROPIC, "/messages/count_tokens",   true,  false},
    [ENDPOINT_MODELS]       = {"models",           DIALECT_OPENAI,    NULL,                       false, false},
    [ENDPOINT_MODEL]        = {"model",            DIALECT_OPENAI,    NULL,                       false, false},
};
// clang-format on
static_assert(sizeof facts / sizeof facts[0] == ENDPOINT_COUNT, "one row per endpoint");

static const struct prefix {
    struct str text;
    enum dialect dialect;
} prefixes[] = {
    {STR_INIT("/api/openai"), DIALECT_OPENAI},
    {STR_INIT("/api/anthropic"), DIALECT_ANTHROPIC},
};

const struct endpoint_facts *endpoint_facts(enum endpoint endpoint)
{
    assert(endpoint < ENDPOINT_COUNT);
    return &facts[endpoint];
}

const char *dialect_name(enum dialect dialect)
{
    static const char *const names[] = {"openai", "anthropic"};
    static_assert(sizeof names / sizeof names[0] == DIALECT_COUNT, "one name per dialect");
    assert(dialect < DIALECT_COUNT);
    return names[dialect];
}

/* Takes one leading segment, e.g. "/v1", off `path` when it stands there whole. */
static bool take_segment(struct str *path, struct str segment)
{
    if (!str_starts(*path, segment))
        return false;
    struct str rest = str_from(*path, segment.len);
    if (rest.len > 0 && rest.at[0] != '/')
        return false;
    *path = rest;
    return true;
}

/* "/models" and "/models/{id}"; an id may contain slashes, but not end in one. */
static bool find_models(struct str rest, struct api_route *out_route)
{
    if (!take_segment(&rest, STR("/models")))
        return false;
    if (rest.len == 0) {
        out_route->endpoint = ENDPOINT_MODELS;
        return true;
    }
    if (rest.len == 1 || rest.at[rest.len - 1] == '/')
        return false;
    out_route->endpoint = ENDPOINT_MODEL;
    out_route->model_id = str_from(rest, 1);
    return true;
}

static bool find_inference(struct str rest, struct api_route *out_route)
{
    for (size_t i = 0; i < ENDPOINT_COUNT; i++) {
        if (facts[i].is_inference && facts[i].dialect == out_route->dialect &&
            str_eq(rest, str_of(facts[i].upstream_path))) {
            out_route->endpoint = (enum endpoint)i;
            out_route->is_post = true;
            return true;
        }
    }
    return false;
}

bool api_route_find(struct str path, struct api_route *out_route, enum dialect *out_dialect,
                    bool *out_is_ours)
{
    *out_is_ours = false;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct str rest = path;
        if (!take_segment(&rest, prefixes[i].text))
            continue;
        *out_is_ours = true;
        *out_dialect = prefixes[i].dialect;
        if (take_segment(&rest, STR("/v1")))
            (void)take_segment(&rest, STR("/v1"));
        struct api_route route = {.dialect = prefixes[i].dialect};
        if (!find_models(rest, &route) && !find_inference(rest, &route))
            return false;
        *out_route = route;
        return true;
    }
    return false;
}
