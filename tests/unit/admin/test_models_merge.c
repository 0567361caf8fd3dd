/* tests/unit/admin/test_models_merge.c: what a look at the vendor's list does to a provider's own. SPEC 5. */
#include "admin/provider_models.h"

#include "base/mem.h"
#include "tests/test.h"

#define IDS_MAX 8

static const struct merge_story {
    const char *name;
    const char *old; /* models_json; NULL: never read */
    const char *old_default;
    const char *found[IDS_MAX]; /* sorted */
    const char *want_surfaced;  /* ids, comma-separated, in order */
    const char *want_default, *want_added, *want_removed;
} stories[] = {
    {"a first short list is surfaced whole",
     NULL,
     "",
     {"gpt-4o", "gpt-4o-mini"},
     "gpt-4o,gpt-4o-mini",
     NULL,
     "[\"gpt-4o\",\"gpt-4o-mini\"]",
     "[]"},
    {"a new model is never surfaced by itself",
     "[{\"id\":\"a\",\"surfaced\":true}]",
     "a",
     {"a", "b"},
     "a",
     "a",
     "[\"b\"]",
     "[]"},
    {"what was chosen stays chosen",
     "[{\"id\":\"a\",\"surfaced\":false},{\"id\":\"b\",\"surfaced\":true}]",
     "b",
     {"a", "b"},
     "b",
     "b",
     "[]",
     "[]"},
    {"a default that is gone gives way to the first surfaced",
     "[{\"id\":\"a\",\"surfaced\":true},{\"id\":\"b\",\"surfaced\":true}]",
     "b",
     {"a"},
     "a",
     "a",
     "[]",
     "[\"b\"]"},
    {"or to none", "[{\"id\":\"b\",\"surfaced\":true}]", "b", {"a"}, "", "", "[\"a\"]", "[\"b\"]"},
    {"an empty list leaves the old one",
     "[{\"id\":\"a\",\"surfaced\":true}]",
     "a",
     {NULL},
     "a",
     "a",
     "",
     ""},
};

static void surfaced_of(const char *models, char *room, size_t room_bytes)
{
    struct json_reader *reader = NULL;
    struct json root = {0};
    struct error error;
    size_t len = 0;
    room[0] = '\0';
    CHECK("reads", json_reader_new(65536, &reader) == OK &&
                       json_parse(reader, str_of(models), &root, &error) == OK);
    for (struct json_cursor each = json_each(root); json_next(&each);) {
        bool is_surfaced = false;
        (void)json_bool(json_get(each.value, "surfaced"), &is_surfaced);
        struct str id = json_string_or_empty(json_get(each.value, "id"));
        if (is_surfaced)
            len += (size_t)snprintf(room + len, room_bytes - len, "%s%.*s", len ? "," : "",
                                    STR_ARG(id));
    }
    json_reader_free(reader);
}

static void lists_are_merged_as_promised(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct merge_story *story = &stories[i];
        struct model_found models[IDS_MAX] = {0};
        struct discovery found = {.is_ok = true, .models = models};
        struct provider_row row = {.kind = "openai"};
        struct models_change change;
        char surfaced[256];
        for (; story->found[found.count]; found.count++)
            str_copy(str_of(story->found[found.count]), models[found.count].id,
                     sizeof models[0].id);
        row.models_json = story->old ? mem_dup(story->old, strlen(story->old)) : NULL;
        str_copy(str_of(story->old_default), row.default_model, sizeof row.default_model);
        models_change_init(&change);
        CHECK(story->name, models_merge(&row, &found, &change) == OK);
        surfaced_of(row.models_json, surfaced, sizeof surfaced);
        CHECK_STR(story->name, surfaced, story->want_surfaced);
        if (story->want_default)
            CHECK_STR(story->name, row.default_model, story->want_default);
        CHECK_STR(story->name, buf_str(&change.added).at, story->want_added);
        CHECK_STR(story->name, buf_str(&change.removed).at, story->want_removed);
        CHECK_STR(story->name, row.error_code, found.count ? "" : "no_models");
        models_change_release(&change);
        mem_free(row.models_json);
    }
}

static void only_the_keys_or_the_accounts_trouble_is_put_on_record(void **state)
{
    (void)state;
    struct provider_row row = {.kind = "openai"};
    struct models_change change;
    struct discovery found = {.report = {.verdict = VERDICT_NETWORK, .reason = "connect_refused"}};
    models_change_init(&change);
    CHECK("network", models_merge(&row, &found, &change) == OK);
    CHECK_STR("is not kept", row.error_code, "");
    found.report = (struct verdict_report){
        .verdict = VERDICT_KEY, .reason = "invalid_api_key", .sentence = "Incorrect API key."};
    CHECK("key", models_merge(&row, &found, &change) == OK);
    CHECK_STR("is kept", row.error_code, "invalid_api_key");
    CHECK_STR("with the vendor's words", row.error_text, "Incorrect API key.");
    models_change_release(&change);
}

static const struct tell_story {
    const char *name;
    bool has_list, is_by_hand;
    enum provider_state before;
    bool is_ok;
    enum verdict verdict;
    enum provider_state want;
} tells[] = {
    {"no first list is an error, whatever kept it from coming", false, true, STATE_ONLINE, false,
     VERDICT_NETWORK, STATE_ERROR},
    {"one bad answer later is none", true, true, STATE_ONLINE, false, VERDICT_SERVER, STATE_ONLINE},
    {"a refused key is", true, true, STATE_ONLINE, false, VERDICT_KEY, STATE_ERROR},
    {"a list ends an error", true, false, STATE_ERROR, true, VERDICT_NONE, STATE_ONLINE},
    {"by itself it does not end over_quota", true, false, STATE_OVER_QUOTA, true, VERDICT_NONE,
     STATE_OVER_QUOTA},
    {"asked for by a person it does", true, true, STATE_OVER_QUOTA, true, VERDICT_NONE,
     STATE_ONLINE},
};

static void a_look_tells_the_health(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tells); i++) {
        struct model_found model = {.id = "m"};
        struct discovery found = {
            .is_ok = tells[i].is_ok,
            .models = &model,
            .count = 1,
            .report = {.verdict = tells[i].verdict, .retry_after_ms = RETRY_UNKNOWN_MS}};
        struct live_provider *live = live_new("prv_1");
        CHECK("a live part", live);
        live->models_at_ms = tells[i].has_list ? 1 : 0;
        live->health.state = tells[i].before;
        health_tell(live, &found, 0, tells[i].is_by_hand);
        CHECK_INT(tells[i].name, live->health.state, tells[i].want);
        found.is_ok = false;
        found.report.verdict = VERDICT_KEY;
        enum provider_state now = live->health.state;
        health_tell(live, &found, 7, true);
        CHECK_INT("a verdict about another key is none", live->health.state, now);
        live_unref(live);
    }
}

TEST_MAIN(TEST(a_look_tells_the_health), TEST(lists_are_merged_as_promised),
          TEST(only_the_keys_or_the_accounts_trouble_is_put_on_record))
