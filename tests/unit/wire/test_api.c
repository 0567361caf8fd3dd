/* tests/unit/wire/test_api.c: which endpoint a path means. */
#include "wire/api.h"

#include "tests/test.h"

#define NOWHERE ENDPOINT_COUNT

static const struct path_story {
    const char *path;
    enum endpoint endpoint; /* or NOWHERE */
    enum dialect dialect;
    bool is_ours;
    const char *model_id;
} stories[] = {
    {"/api/openai/v1/chat/completions", ENDPOINT_CHAT, DIALECT_OPENAI, true, ""},
    {"/api/openai/chat/completions", ENDPOINT_CHAT, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/v1/chat/completions", ENDPOINT_CHAT, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/v1/v1/chat/completions", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/responses", ENDPOINT_RESPONSES, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/embeddings", ENDPOINT_EMBEDDINGS, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/completions", ENDPOINT_COMPLETIONS, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/models", ENDPOINT_MODELS, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/models/gpt-4o", ENDPOINT_MODEL, DIALECT_OPENAI, true, "gpt-4o"},
    {"/api/openai/models/org%2Fm", ENDPOINT_MODEL, DIALECT_OPENAI, true, "org%2Fm"},
    {"/api/openai/v1/models/org/m", ENDPOINT_MODEL, DIALECT_OPENAI, true, "org/m"},
    {"/api/openai/v1/models/", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/models/m/", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/chat/completions/", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/chat", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1/messages", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/openai/v1chat/completions", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/openai", NOWHERE, DIALECT_OPENAI, true, ""},
    {"/api/anthropic/v1/messages", ENDPOINT_MESSAGES, DIALECT_ANTHROPIC, true, ""},
    {"/api/anthropic/messages", ENDPOINT_MESSAGES, DIALECT_ANTHROPIC, true, ""},
    {"/api/anthropic/v1/v1/messages/count_tokens", ENDPOINT_COUNT_TOKENS, DIALECT_ANTHROPIC, true,
     ""},
    {"/api/anthropic/v1/models", ENDPOINT_MODELS, DIALECT_ANTHROPIC, true, ""},
    {"/api/anthropic/v1/models/claude", ENDPOINT_MODEL, DIALECT_ANTHROPIC, true, "claude"},
    {"/api/anthropic/v1/chat/completions", NOWHERE, DIALECT_ANTHROPIC, true, ""},
    {"/api/openaix/v1/models", NOWHERE, 0, false, ""},
    {"/api/jobs", NOWHERE, 0, false, ""},
    {"", NOWHERE, 0, false, ""},
};

static void paths_mean_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct path_story *story = &stories[i];
        struct api_route route = {0};
        enum dialect dialect = DIALECT_COUNT;
        bool is_ours;
        bool found = api_route_find(str_of(story->path), &route, &dialect, &is_ours);
        CHECK(story->path, found == (story->endpoint != NOWHERE));
        CHECK(story->path, is_ours == story->is_ours);
        CHECK(story->path, !is_ours || dialect == story->dialect);
        if (!found)
            continue;
        CHECK(story->path, route.endpoint == story->endpoint && route.dialect == story->dialect);
        CHECK(story->path, str_eq(route.model_id, str_of(story->model_id)));
        CHECK(story->path, route.is_post == endpoint_facts(route.endpoint)->is_inference);
    }
}

TEST_MAIN(TEST(paths_mean_endpoints))
