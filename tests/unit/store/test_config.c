/* tests/unit/store/test_config.c: configuration is written whole, with its event and a new version. */
#include "tests/unit/store/store_fixture.h"

#include <pthread.h>

#include "tests/test.h"

static struct store_config load(struct fixture *fixture)
{
    struct store_config config = {0};
    struct error error = {0};
    enum err err = store_config_load(fixture->store, &config, &error);
    CHECK_STR(error.text, err_name(err), "OK");
    return config;
}

static struct provider_row provider(const char *id, const char *name)
{
    struct provider_row row = {.kind = "openai",
                               .base_url = "https://api.example/v1",
                               .key_hint = "sk-…1234",
                               .default_model = "gpt-test",
                               .connect_ms = 5000,
                               .max_concurrent = 3,
                               .credential_version = 1,
                               .created_at_ms = FIXTURE_TIME,
                               .rev = 1};
    str_copy(str_of(id), row.id, sizeof row.id);
    str_copy(str_of(name), row.name, sizeof row.name);
    return row;
}

static void a_provider_is_read_back_as_written(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    struct provider_row row = provider("prv_1", "Cloud");
    row.models_json = (char[]){"[{\"id\":\"gpt-test\"}]"};
    row.rules_json = (char[]){"[]"};
    str_copy(STR("[\"messages\"]"), row.dialects_json, sizeof row.dialects_json);
    row.sealed_key = (char[]){"\x01\x00\xff blob"};
    row.sealed_key_len = 8;
    CHECK_INT("insert", store_provider_insert(fixture.store, &row, NULL, &error), OK);
    fixture_close(&fixture);
    fixture_open(&fixture, 0, 0);

    struct store_config config = load(&fixture);
    CHECK_INT("one", config.provider_count, 1);
    struct provider_row *got = &config.providers[0];
    CHECK_STR("name", got->name, "Cloud");
    CHECK_STR("slug", got->slug, "cloud");
    CHECK_STR("dialects", got->dialects_json, row.dialects_json);
    CHECK_STR("models", got->models_json, row.models_json);
    CHECK("blob", got->sealed_key_len == 8 && memcmp(got->sealed_key, row.sealed_key, 8) == 0);
    CHECK_INT("limits", got->max_concurrent, 3);
    CHECK_INT("order", got->created_seq, 1);

    got->is_paused = true;
    got->dialects_json[0] = '\0';
    str_copy(STR("Cloud of ours"), got->name, sizeof got->name);
    CHECK_INT("update", store_provider_update(fixture.store, got, NULL, &error), OK);
    int64_t version = config.version;
    store_config_release(&config);
    config = load(&fixture);
    CHECK_STR("new name", config.providers[0].name, "Cloud of ours");
    CHECK_STR("the slug stays", config.providers[0].slug, "cloud");
    CHECK("paused", config.providers[0].is_paused);
    CHECK_STR("as its kind", config.providers[0].dialects_json, "");
    CHECK_INT("its revision", config.providers[0].rev, 2);
    CHECK_INT("the version", config.version, version + 1);
    store_config_release(&config);
    CHECK_INT("delete", store_provider_delete(fixture.store, "prv_1", NULL, &error), OK);
    CHECK_INT("again", store_provider_delete(fixture.store, "prv_1", NULL, &error), ERR_NOT_FOUND);
    CHECK_INT("update a missing one", store_provider_update(fixture.store, &row, NULL, &error),
              ERR_NOT_FOUND);
    fixture_end(&fixture);
}

static void names_and_slugs_are_unique(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    static const char *const names[] = {"Open AI", "open-ai", "OPEN AI!", "other"};
    static const char *const slugs[] = {"open-ai", "open-ai-2", "open-ai-3", "other"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char id[ID_MAX];
        snprintf(id, sizeof id, "prv_%zu", i);
        struct provider_row row = provider(id, names[i]);
        enum err err = store_provider_insert(fixture.store, &row, NULL, &error);
        CHECK_STR(error.text, err_name(err), "OK");
    }
    struct provider_row twin = provider("prv_9", "other");
    CHECK_INT("the same name", store_provider_insert(fixture.store, &twin, NULL, &error),
              ERR_CONFLICT);
    CHECK("says so", strstr(error.text, "'other'") != NULL);
    struct store_config config = load(&fixture);
    CHECK_INT("four", config.provider_count, 4);
    for (size_t i = 0; i < COUNT(slugs); i++)
        CHECK_STR("slug", config.providers[i].slug, slugs[i]);
    store_config_release(&config);
    fixture_end(&fixture);
}

static void keys_routes_and_auto_are_kept(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    struct key_row key = {.id = "key_1", .name = "laptop", .role = "admin", .digest = {1, 2, 3}};
    CHECK_INT("key", store_key_insert(fixture.store, &key, NULL, &error), OK);
    CHECK_INT("the same key", store_key_insert(fixture.store, &key, NULL, &error), ERR_CONFLICT);
    key.digest[0] = 9;
    str_copy(STR("key_2"), key.id, sizeof key.id);
    CHECK_INT("the same name", store_key_insert(fixture.store, &key, NULL, &error), OK);
    CHECK_INT("revoke", store_key_revoke(fixture.store, "key_1", FIXTURE_TIME, NULL, &error), OK);
    CHECK_INT("twice", store_key_revoke(fixture.store, "key_1", FIXTURE_TIME, NULL, &error),
              ERR_NOT_FOUND);
    struct route_row route = {.id = "rte_1", .name = "smart", .steps_json = (char[]){"[1]"}};
    CHECK_INT("route", store_route_put(fixture.store, &route, true, NULL, &error), OK);
    route.steps_json = (char[]){"[2]"};
    CHECK_INT("changed", store_route_put(fixture.store, &route, false, NULL, &error), OK);
    CHECK_INT("auto", store_auto_set(fixture.store, "prv_1", "gpt-test", NULL, &error), OK);

    struct store_config config = load(&fixture);
    CHECK_INT("the unrevoked key", config.key_count, 1);
    CHECK_STR("that one", config.keys[0].id, "key_2");
    CHECK_INT("its digest", config.keys[0].digest[0], 9);
    CHECK_INT("a route", config.route_count, 1);
    CHECK_STR("its steps", config.routes[0].steps_json, "[2]");
    CHECK_STR("auto", config.auto_provider, "prv_1");
    CHECK_STR("its model", config.auto_model, "gpt-test");
    store_config_release(&config);
    CHECK_INT("no auto", store_auto_set(fixture.store, "", "", NULL, &error), OK);
    CHECK_INT("no route", store_route_delete(fixture.store, "rte_1", NULL, &error), OK);
    config = load(&fixture);
    CHECK_STR("cleared", config.auto_provider, "");
    CHECK_INT("gone", config.route_count, 0);
    store_config_release(&config);
    fixture_end(&fixture);
}

struct events {
    int count;
    char actions[300][48];
};

static void on_event(void *arg, const struct event_row *event)
{
    struct events *events = arg;
    str_copy(str_of(event->action), events->actions[events->count++], 48);
    CHECK_STR("after", event->after_json, "{\"a\":1}");
    CHECK("no before", event->before_json == NULL);
}

static void events_come_with_their_write_and_page(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct events events = {0};
    struct event_filter filter = {.limit = 10};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    for (int i = 0; i < 25; i++) {
        struct event_row event = {.id = "evt_1", .actor = "key_1", .after_json = "{\"a\":1}"};
        snprintf(event.action, sizeof event.action, "act %d", i);
        CHECK_INT("write", store_auto_set(fixture.store, "p", "m", &event, &error), OK);
    }
    struct event_row lost = {.id = "evt_2", .action = "of a write that failed"};
    CHECK_INT("fails", store_route_delete(fixture.store, "rte_none", &lost, &error), ERR_NOT_FOUND);
    do {
        CHECK_INT("page",
                  store_events(fixture.store, &filter, on_event, &events, filter.cursor, &error),
                  OK);
    } while (filter.cursor[0]);
    CHECK_INT("all, and not the failed one", events.count, 25);
    CHECK_STR("newest first", events.actions[0], "act 24");
    CHECK_STR("to the first", events.actions[24], "act 0");
    str_copy(STR("AAAA"), filter.cursor, sizeof filter.cursor);
    CHECK_INT("a forged cursor",
              store_events(fixture.store, &filter, on_event, &events, filter.cursor, &error),
              ERR_MALFORMED);
    fixture_end(&fixture);
}

struct hammer {
    struct fixture *fixture;
    int number;
};

static void *write_and_read(void *arg)
{
    struct hammer *hammer = arg;
    for (int i = 0; i < 20; i++) {
        struct error error = {0};
        struct store_config config = {0};
        char id[ID_MAX], name[32];
        snprintf(id, sizeof id, "prv_%d_%d", hammer->number, i);
        snprintf(name, sizeof name, "n %d %d", hammer->number, i);
        struct provider_row row = provider(id, name);
        if (store_provider_insert(hammer->fixture->store, &row, NULL, &error) != OK ||
            store_config_load(hammer->fixture->store, &config, &error) != OK)
            abort();
        bool is_there = false;
        for (size_t p = 0; p < config.provider_count; p++)
            is_there = is_there || strcmp(config.providers[p].id, id) == 0;
        if (!is_there)
            abort(); /* a write is read by who made it */
        store_config_release(&config);
    }
    return NULL;
}

static void many_threads_write_and_read_their_writes(void **state)
{
    (void)state;
    struct fixture fixture;
    pthread_t threads[10];
    struct hammer hammers[10];
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    for (int i = 0; i < 10; i++) {
        hammers[i] = (struct hammer){&fixture, i};
        CHECK_INT("start", pthread_create(&threads[i], NULL, write_and_read, &hammers[i]), 0);
    }
    for (int i = 0; i < 10; i++)
        pthread_join(threads[i], NULL);
    struct store_config config = load(&fixture);
    CHECK_INT("all", config.provider_count, 200);
    CHECK_INT("one version each", config.version, 201);
    store_config_release(&config);
    fixture_end(&fixture);
}

static struct config_write write_of(enum config_write_kind kind, const void *arg, const char *id)
{
    struct config_write write = {.kind = kind, .arg = arg, .event = {.at_ms = FIXTURE_TIME}};
    snprintf(write.event.id, sizeof write.event.id, "evt_%s", id);
    str_copy(STR("tester"), write.event.actor, sizeof write.event.actor);
    str_copy(STR("all.changed"), write.event.action, sizeof write.event.action);
    str_copy(str_of(id), write.event.subject, sizeof write.event.subject);
    return write;
}

static void count_event(void *arg, const struct event_row *event)
{
    (void)event;
    ++*(int *)arg;
}

static int events_of(struct fixture *fixture)
{
    struct event_filter filter = {.action = "all.changed", .limit = 100};
    struct error error = {0};
    char next[96];
    int count = 0;
    CHECK_INT("events", store_events(fixture->store, &filter, count_event, &count, next, &error),
              OK);
    return count;
}

static void many_writes_are_one_change_or_none(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    struct provider_row one = provider("prv_1", "One"), two = provider("prv_2", "Two");
    struct team_row team = {.id = "tea_1", .name = "Blue", .policy_json = (char[]){""}, .rev = 1};
    struct service_account_row account = {
        .id = "svc_1", .team_id = "tea_1", .name = "ci", .rev = 1};
    struct route_row route = {.id = "rte_1", .name = "r", .steps_json = (char[]){"[]"}, .rev = 1};
    struct price_row price = {.id = "pri_1", .model = "m", .rev = 1};
    struct store_auto wanted = {"prv_2", "m"};
    struct config_write all[] = {
        write_of(CONFIG_WRITE_TEAM_INSERT, &team, "1"),
        write_of(CONFIG_WRITE_ACCOUNT_INSERT, &account, "2"),
        write_of(CONFIG_WRITE_PROVIDER_INSERT, &one, "3"),
        write_of(CONFIG_WRITE_PROVIDER_INSERT, &two, "4"),
        write_of(CONFIG_WRITE_ROUTE_INSERT, &route, "5"),
        write_of(CONFIG_WRITE_PRICE_PUT, &price, "6"),
        write_of(CONFIG_WRITE_AUTO_SET, &wanted, "7"),
        write_of(CONFIG_WRITE_TEAM_DELETE, "tea_none", "8"),
    };
    struct store_config before = load(&fixture);
    CHECK_INT("the last one fails", store_write_all(fixture.store, all, COUNT(all), &error),
              ERR_NOT_FOUND);
    struct store_config now = load(&fixture);
    CHECK("nothing is written", now.provider_count + now.team_count + now.route_count == 0);
    CHECK_INT("no version", now.version, before.version);
    CHECK_INT("no event", events_of(&fixture), 0);
    store_config_release(&now);

    CHECK_INT("without it", store_write_all(fixture.store, all, COUNT(all) - 1, &error), OK);
    now = load(&fixture);
    CHECK("all is there", now.provider_count == 2 && now.team_count == 1 && now.route_count == 1 &&
                              now.service_account_count == 1 && now.price_count == 1);
    CHECK_STR("in its order", now.providers[1].id, "prv_2");
    CHECK_STR("auto", now.auto_provider, "prv_2");
    CHECK_INT("one version", now.version, before.version + 1);
    CHECK_INT("an event each", events_of(&fixture), (int)COUNT(all) - 1);
    store_config_release(&now);

    str_copy(STR("b"), route.name, sizeof route.name);
    str_copy(STR("Uno"), one.name, sizeof one.name);
    str_copy(STR("Green"), team.name, sizeof team.name);
    struct config_write more[] = {
        write_of(CONFIG_WRITE_PRICE_DELETE, "pri_1", "11"),
        write_of(CONFIG_WRITE_PROVIDER_DELETE, "prv_2", "12"),
        write_of(CONFIG_WRITE_ACCOUNT_DELETE, "svc_1", "13"),
        write_of(CONFIG_WRITE_PROVIDER_UPDATE, &one, "14"),
        write_of(CONFIG_WRITE_ROUTE_UPDATE, &route, "15"),
        write_of(CONFIG_WRITE_ROUTE_DELETE, "rte_1", "16"),
        write_of(CONFIG_WRITE_TEAM_UPDATE, &team, "17"),
        write_of(CONFIG_WRITE_TEAM_DELETE, "tea_1", "18"),
    };
    CHECK_INT("changes and deletions", store_write_all(fixture.store, more, COUNT(more), &error),
              OK);
    now = load(&fixture);
    CHECK("one is left", now.provider_count == 1 && now.team_count == 0 && now.route_count == 0 &&
                             now.service_account_count == 0 && now.price_count == 0);
    CHECK_STR("as it was changed", now.providers[0].name, "Uno");
    CHECK_INT("one version more", now.version, before.version + 2);
    store_config_release(&now);
    store_config_release(&before);
    fixture_end(&fixture);
}

TEST_MAIN(TEST(a_provider_is_read_back_as_written), TEST(names_and_slugs_are_unique),
          TEST(keys_routes_and_auto_are_kept), TEST(events_come_with_their_write_and_page),
          TEST(many_writes_are_one_change_or_none), TEST(many_threads_write_and_read_their_writes))
