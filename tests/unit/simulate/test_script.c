/* Rules: which request gets which answer. And keys: every one is documented. */
#include "simulate/script.h"

#include "tests/test.h"

#include <stdlib.h>

static bool find_header(void *arg, struct str name, struct str *out_value)
{
    if (!arg || !str_ieq(name, STR("x-team")))
        return false;
    *out_value = str_of(arg);
    return true;
}

/* Asks `times` times and writes which rule answered: its first letter, or '-'. */
static void ask(struct script *script, struct sight sight, int times, char *out)
{
    for (int i = 0; i < times; i++) {
        struct str name;
        *out++ = script_match(script, &sight, &name) ? name.at[0] : '-';
    }
    *out = '\0';
}

// clang-format off
static const struct story {
    const char *name, *script, *path, *model, *team;
    bool        is_models;
    const char *answers; /* to as many requests */
} stories[] = {
    {"no rule, no play", "{\"rules\":[]}", "/v1/messages", "m", NULL, false, "--"},
    {"the first match wins", "[{\"name\":\"a\",\"then\":{}},{\"name\":\"b\",\"then\":{}}]", "/x", "m", NULL, false, "aa"},
    {"nth is one of them", "[{\"name\":\"a\",\"when\":{\"nth\":2},\"then\":{}}]", "/x", "m", NULL, false, "-a--"},
    {"from and to are a span", "[{\"name\":\"a\",\"when\":{\"from\":2,\"to\":3},\"then\":{}}]", "/x", "m", NULL, false, "-aa-"},
    {"a model by pattern", "[{\"name\":\"a\",\"when\":{\"model\":\"gpt-*-mini\"},\"then\":{}}]", "/x", "gpt-9-mini", NULL, false, "a"},
    {"another model", "[{\"name\":\"a\",\"when\":{\"model\":\"gpt-*\"},\"then\":{}}]", "/x", "claude", NULL, false, "-"},
    {"a path by its end", "[{\"name\":\"a\",\"when\":{\"path\":\"/responses\"},\"then\":{}}]", "/v1/responses", "m", NULL, false, "a"},
    {"a header", "[{\"name\":\"a\",\"when\":{\"header\":{\"x-team\":\"r*\"}},\"then\":{}}]", "/x", "m", "red", false, "a"},
    {"a header that must be absent", "[{\"name\":\"a\",\"when\":{\"header\":{\"x-team\":null}},\"then\":{}}]", "/x", "m", "red", false, "-"},
    {"the list of models is no answer", "[{\"name\":\"a\",\"then\":{\"status\":500}}]", "/v1/models", "", NULL, true, "-"},
    {"unless the rule speaks of it", "[{\"name\":\"a\",\"then\":{\"models_status\":500}}]", "/v1/models", "", NULL, true, "a"},
    {"and then of nothing else", "[{\"name\":\"a\",\"then\":{\"models_status\":500}}]", "/x", "m", NULL, false, "-"},
    {"or names its path", "[{\"name\":\"a\",\"when\":{\"path\":\"/models\"},\"then\":{\"status\":500}}]", "/v1/models", "", NULL, true, "a"},
    {"one rule alone", "{\"name\":\"a\",\"then\":{\"status\":500}}", "/x", "m", NULL, false, "a"},
};
// clang-format on

static void rules_match_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct script *script;
        struct error error = {0};
        char got[32];
        if (script_new(1, &script) != OK)
            abort();
        CHECK(story->name, script_load(script, str_of(story->script), &error) == OK);
        ask(script,
            (struct sight){.path = str_of(story->path),
                           .model = str_of(story->model),
                           .body = STR(""),
                           .is_models = story->is_models,
                           .find_header = find_header,
                           .arg = (void *)(uintptr_t)story->team},
            (int)strlen(story->answers), got);
        CHECK_STR(story->name, got, story->answers);
        script_free(script);
    }
}

static void a_bad_script_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[",
                                      "7",
                                      "[{\"then\":{\"stauts\":5}}]",
                                      "[{\"then\":{\"status\":\"x\"}}]",
                                      "[{\"when\":{\"modle\":\"m\"},\"then\":{}}]",
                                      "[{\"then\":{\"status\":99}}]",
                                      "[{\"then\":{\"tool_calls\":[{}]}}]"};
    struct script *script;
    struct error error = {0};
    char got[8];
    if (script_new(1, &script) != OK)
        abort();
    CHECK("good", script_load(script, STR("[{\"name\":\"a\",\"then\":{}}]"), &error) == OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK(bad[i], script_load(script, str_of(bad[i]), &error) != OK);
        CHECK(bad[i], error.text[0] != '\0');
    }
    ask(script, (struct sight){.path = STR("/x"), .model = STR("m")}, 1, got);
    CHECK_STR("still the old one", got, "a");
    CHECK("in front", script_prepend(script, STR("{\"name\":\"b\",\"then\":{}}"), &error) == OK);
    ask(script, (struct sight){.path = STR("/x"), .model = STR("m")}, 1, got);
    CHECK_STR("the newest first", got, "b");
    script_free(script);
}

static void values_arrive(void **state)
{
    (void)state;
    struct script *script;
    struct error error = {0};
    struct str name;
    if (script_new(1, &script) != OK)
        abort();
    enum err err = script_load(
        script,
        STR("{\"models\":[\"x\",\"y\"],\"rules\":[{\"then\":{\"status\":503,\"body\":{\"a\":[1,2.5,null,\"q\"]},"
            "\"headers\":{\"a\":\"1\",\"b\":[\"2\",\"3\"]},\"usage\":{\"output_tokens\":-5},\"chunked\":false,"
            "\"error_event_after\":{\"events\":3,\"code\":429,\"shape\":\"flat\"},\"retry_after\":7,"
            "\"tool_calls\":[{\"name\":\"f\",\"arguments\":{\"k\":true}}],\"body_base64\":\"aGk=\"}}]}"),
        &error);
    CHECK(error.text, err == OK);
    const struct play *play =
        script_match(script, &(struct sight){.path = STR("/x"), .model = STR("m")}, &name);
    CHECK_INT("status", play->status, 503);
    CHECK_STR("base64 came later and wins", play->body.at, "hi");
    CHECK_STR("headers", play->headers.at, "a: 1\r\nb: 2\r\nb: 3\r\n");
    CHECK_INT("nonsense is kept", play->usage.output_tokens, -5);
    CHECK_INT("chunked", play->chunked, 0);
    CHECK_INT("error", play->error_after_events, 3);
    CHECK_STR("a number as a code", play->error_code.at, "429");
    CHECK_STR("retry-after as a number", play->retry_after.at, "7");
    CHECK_STR("arguments as JSON", play->tools[0].arguments.at, "{\"k\":true}");
    size_t count;
    CHECK("models", script_models(script, &count) && count == 2);
    script_free(script);
}

static void every_key_is_documented(void **state)
{
    (void)state;
    static char page[65536];
    FILE *file = fopen("docs/reference/simulate.md", "r");
    if (!file)
        skip();
    size_t len = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[len] = '\0';
    for (size_t i = 0; play_key_name(i); i++) {
        char quoted[64];
        (void)snprintf(quoted, sizeof quoted, "`%s`", play_key_name(i));
        CHECK(quoted, strstr(page, quoted) != NULL);
    }
}

TEST_MAIN(TEST(rules_match_as_written), TEST(a_bad_script_changes_nothing), TEST(values_arrive),
          TEST(every_key_is_documented))
