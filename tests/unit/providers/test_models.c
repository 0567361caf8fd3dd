/* tests/unit/providers/test_models.c: model lists of every shape, and what to show of them. */
#include "providers/kinds.h"
#include "tests/test.h"
#include <stdlib.h>

#define ROOM 64

static enum err read_list(const char *body, struct model_found *models, size_t room, size_t *count)
{
    struct json_reader *reader = NULL;
    CHECK_INT("a reader", json_reader_new(1 << 20, &reader), OK);
    enum err err =
        provider_models_read(PROVIDER_OPENAI, reader, str_of(body), models, room, count, NULL);
    json_reader_free(reader);
    return err;
}

static void lists_of_every_shape_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *body, *ids;
    } rows[] = {
        {"OpenAI",
         "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-5\",\"created\":1754587413},{\"id\":\"a\"}]}",
         "a gpt-5"},
        {"Anthropic",
         "{\"data\":[{\"type\":\"model\",\"id\":\"claude-x\",\"created_at\":\"2025-09-29T00:00:00Z\"}],\"has_more\":false}",
         "claude-x"},
        {"Ollama's own", "{\"models\":[{\"name\":\"llama3:8b\",\"model\":\"llama3:8b\"}]}",
         "llama3:8b"},
        {"llama-server has both", "{\"models\":[{\"name\":\"x\"}],\"data\":[{\"id\":\"y\"}]}", "y"},
        {"Together", "[{\"id\":\"m/1\"},{\"id\":\"m/2\"}]", "m/1 m/2"},
        {"an empty one", "{\"data\":[]}", ""},
        {"twice the same", "{\"data\":[{\"id\":\"b\"},{\"id\":\"a\"},{\"id\":\"b\"}]}", "a b"},
        {"bad ids are left out",
         "{\"data\":[{\"id\":\"\"},{\"id\":7},{},null,{\"id\":\"a b\"},{\"id\":\"a\\nb\"},{\"id\":\"ok\"}]}",
         "ok"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct model_found models[ROOM];
        size_t count = 99, len = 0;
        char ids[256] = "";
        CHECK_INT(rows[i].name, read_list(rows[i].body, models, ROOM, &count), OK);
        for (size_t m = 0; m < count; m++)
            len +=
                (size_t)snprintf(ids + len, sizeof ids - len, "%s%s", m ? " " : "", models[m].id);
        CHECK_STR(rows[i].name, ids, rows[i].ids);
    }
}

static void what_is_no_list_is_refused(void **unused)
{
    (void)unused;
    static const char *const rows[] = {
        "", "<html>", "{}", "{\"data\":{}}", "{\"error\":\"x\"}", "7", "{\"data\":[", "null"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct model_found models[ROOM];
        size_t count = 99;
        CHECK_INT(rows[i], read_list(rows[i], models, ROOM, &count), ERR_MALFORMED);
        CHECK_INT(rows[i], count, 99);
    }
}

static void facts_come_along_and_room_is_kept(void **unused)
{
    (void)unused;
    struct model_found models[2];
    size_t count = 0;
    CHECK_INT("read",
              read_list("{\"data\":["
                        "{\"id\":\"a\",\"created\":1754587413,\"max_model_len\":4096},"
                        "{\"id\":\"b\",\"created_at\":\"2025-09-29T00:00:00Z\","
                        "\"meta\":{\"n_ctx_train\":131072}},{\"id\":\"c\"}]}",
                        models, 2, &count),
              OK);
    CHECK_INT("two", count, 2);
    CHECK_INT("seconds", models[0].created_at_ms, 1754587413000);
    CHECK_INT("window", models[0].context_tokens, 4096);
    CHECK_INT("date", models[1].created_at_ms, 1759104000000);
    CHECK_INT("window", models[1].context_tokens, 131072);
}

/* ---- suggestions ------------------------------------------------------------------------------- */

#define IDS_MAX 16

static const struct {
    const char *name;
    const char *ids[IDS_MAX]; /* oldest first; created a day apart */
    const char *first;        /* the default, "" when none */
    const char *second;       /* the other surfaced one; NULL: all are */
} stories[] = {
    {"a few: all", {"gpt-5-mini", "gpt-5"}, "gpt-5", NULL},
    {"one", {"llama"}, "llama", NULL},
    {"none", {NULL}, "", NULL},
    {"embeddings alone give no default", {"text-embedding-3-small", "whisper-1"}, "", NULL},
    {"OpenAI",
     {"gpt-4o-mini", "gpt-4o", "text-embedding-3-large", "o3", "gpt-4.1", "gpt-5-nano",
      "gpt-5-mini", "gpt-5", "gpt-5-pro", "gpt-5.1-codex", "gpt-5.2", "gpt-image-2",
      "gpt-realtime-2", "gpt-5.4-mini"},
     "gpt-5.2",
     "gpt-5.4-mini"},
    {"Anthropic",
     {"claude-3-haiku-20240307", "claude-opus-4-1", "claude-sonnet-4-5-20250929",
      "claude-haiku-4-5-20251001", "claude-opus-4-5-20251101", "claude-sonnet-5", "claude-opus-5",
      "claude-mythos-5-2", "claude-haiku-5-5"},
     "claude-opus-5",
     "claude-haiku-5-5"},
    {"others",
     {"mixtral-large", "gemini-2.5-pro", "llama-8b", "gemini-2.5-flash", "qwen-72b", "deepseek-v3",
      "rerank-1"},
     "mixtral-large",
     "gemini-2.5-flash"},
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct model_found *)a)->id, ((const struct model_found *)b)->id);
}

static void a_few_are_suggested(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct model_found models[IDS_MAX] = {0};
        bool surfaced[IDS_MAX] = {false};
        size_t count = 0;
        for (; count < IDS_MAX && stories[i].ids[count]; count++) {
            str_copy(str_of(stories[i].ids[count]), models[count].id, sizeof models[count].id);
            models[count].created_at_ms = (int64_t)(count + 1) * 86400000;
        }
        qsort(models, count, sizeof *models, by_id);
        size_t first = provider_models_suggest(PROVIDER_OPENAI, models, count, surfaced);
        CHECK_STR(stories[i].name, first < count ? models[first].id : "", stories[i].first);
        for (size_t m = 0; m < count; m++) {
            bool expected = !stories[i].second || strcmp(models[m].id, stories[i].first) == 0 ||
                            strcmp(models[m].id, stories[i].second) == 0;
            CHECK(models[m].id, surfaced[m] == expected);
        }
    }
}

TEST_MAIN(TEST(lists_of_every_shape_are_read), TEST(what_is_no_list_is_refused),
          TEST(facts_come_along_and_room_is_kept), TEST(a_few_are_suggested))
