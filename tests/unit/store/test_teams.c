/* tests/unit/store/test_teams.c: teams, members, service accounts and the keys that are theirs. */
#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

static struct fixture fixture;
static struct error error;

static int before(void **state)
{
    (void)state;
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    return 0;
}

static int after(void **state)
{
    (void)state;
    fixture_end(&fixture);
    return 0;
}

static struct store_config load(void)
{
    struct store_config config = {0};
    CHECK_INT("loads", store_config_load(fixture.store, &config, &error), OK);
    return config;
}

static struct team_row team(const char *id, const char *name)
{
    struct team_row row = {.created_at_ms = FIXTURE_TIME, .rev = 1};
    str_copy(str_of(id), row.id, sizeof row.id);
    str_copy(str_of(name), row.name, sizeof row.name);
    return row;
}

static struct key_row key(const char *id, uint8_t first, const char *team_id)
{
    struct key_row row = {.name = "k", .role = "member", .digest = {first}};
    str_copy(str_of(id), row.id, sizeof row.id);
    str_copy(str_of(team_id), row.team, sizeof row.team);
    return row;
}

static void add_team(const char *id, const char *name)
{
    struct team_row row = team(id, name);
    CHECK_INT(name, store_team_insert(fixture.store, &row, NULL, &error), OK);
}

static void a_team_is_kept_with_its_policy_and_its_name_is_its_own(void **state)
{
    (void)state;
    struct team_row row = team("tea_1", "Research");
    row.policy_json = (char[]){"{\"requests_per_minute\":60}"};
    CHECK_INT("insert", store_team_insert(fixture.store, &row, NULL, &error), OK);
    struct team_row twin = team("tea_2", "RESEARCH");
    CHECK_INT("the same name", store_team_insert(fixture.store, &twin, NULL, &error), ERR_CONFLICT);
    CHECK("says so", strstr(error.text, "'RESEARCH'") != NULL);
    str_copy(STR("Labs"), row.name, sizeof row.name);
    row.policy_json = NULL;
    CHECK_INT("update", store_team_update(fixture.store, &row, NULL, &error), OK);
    CHECK_INT("unknown", store_team_update(fixture.store, &twin, NULL, &error), ERR_NOT_FOUND);

    struct store_config config = load();
    CHECK_INT("one", config.team_count, 1);
    CHECK_STR("name", config.teams[0].name, "Labs");
    CHECK("no policy", config.teams[0].policy_json == NULL);
    CHECK_INT("rev", config.teams[0].rev, 2);
    store_config_release(&config);
}

static void a_team_that_something_belongs_to_is_not_deleted(void **state)
{
    (void)state;
    add_team("tea_1", "Research");
    struct key_row row = key("key_1", 1, "tea_1");
    struct service_account_row account = {.id = "svc_1", .team_id = "tea_1", .name = "ci"};
    struct provider_row provider = {.id = "prv_1", .name = "p", .kind = "openai"};
    provider.teams_json = (char[]){"[\"tea_0\",\"tea_1\"]"};
    CHECK_INT("key", store_key_insert(fixture.store, &row, NULL, &error), OK);
    CHECK_INT("account", store_service_account_insert(fixture.store, &account, NULL, &error), OK);
    CHECK_INT("provider", store_provider_insert(fixture.store, &provider, NULL, &error), OK);
    struct team_member_row member = {.team_id = "tea_1", .user_id = "usr_1"};
    CHECK_INT("member", store_team_member_put(fixture.store, &member, NULL, &error), OK);

    CHECK_INT("all", store_team_delete(fixture.store, "tea_1", NULL, &error), ERR_CONFLICT);
    CHECK("counts", strstr(error.text, "1 API keys, 1 service accounts and 1 providers") != NULL);
    CHECK_INT("revoke", store_key_revoke(fixture.store, "key_1", FIXTURE_TIME, NULL, &error), OK);
    CHECK_INT("two", store_team_delete(fixture.store, "tea_1", NULL, &error), ERR_CONFLICT);
    CHECK_INT("delete",
              store_service_account_delete(fixture.store, "svc_1", FIXTURE_TIME, NULL, &error), OK);
    CHECK_INT("one", store_team_delete(fixture.store, "tea_1", NULL, &error), ERR_CONFLICT);
    provider.teams_json = NULL;
    CHECK_INT("to all", store_provider_update(fixture.store, &provider, NULL, &error), OK);
    CHECK_INT("none", store_team_delete(fixture.store, "tea_1", NULL, &error), OK);
    CHECK_INT("again", store_team_delete(fixture.store, "tea_1", NULL, &error), ERR_NOT_FOUND);
    struct store_config config = load();
    CHECK_INT("no members are left", config.team_member_count, 0);
    store_config_release(&config);
}

static void members_are_put_once_each_and_stand_by_user(void **state)
{
    (void)state;
    static const struct team_member_row rows[] = {{"tea_2", "usr_1", false},
                                                  {"tea_1", "usr_2", false},
                                                  {"tea_1", "usr_1", true},
                                                  {"tea_1", "usr_2", true}};
    add_team("tea_1", "One");
    add_team("tea_2", "Two");
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_INT("put", store_team_member_put(fixture.store, &rows[i], NULL, &error), OK);
    struct team_member_row lost = {"tea_3", "usr_1", false};
    CHECK_INT("no team", store_team_member_put(fixture.store, &lost, NULL, &error), ERR_NOT_FOUND);
    struct store_config config = load();
    CHECK_INT("three", config.team_member_count, 3);
    CHECK_STR("by user", config.team_members[0].user_id, "usr_1");
    CHECK_STR("then team", config.team_members[0].team_id, "tea_1");
    CHECK_STR("last", config.team_members[2].user_id, "usr_2");
    CHECK("became lead", config.team_members[2].is_lead);
    store_config_release(&config);
    CHECK_INT("remove", store_team_member_remove(fixture.store, "tea_1", "usr_2", NULL, &error),
              OK);
    CHECK_INT("twice", store_team_member_remove(fixture.store, "tea_1", "usr_2", NULL, &error),
              ERR_NOT_FOUND);
}

static void the_keys_of_a_service_account_go_with_it(void **state)
{
    (void)state;
    add_team("tea_1", "One");
    struct service_account_row account = {.id = "svc_1", .team_id = "tea_1", .name = "ci"};
    CHECK_INT("account", store_service_account_insert(fixture.store, &account, NULL, &error), OK);
    struct service_account_row twin = {.id = "svc_2", .team_id = "tea_1", .name = "CI"};
    CHECK_INT("a twin", store_service_account_insert(fixture.store, &twin, NULL, &error),
              ERR_CONFLICT);
    str_copy(STR("tea_9"), twin.team_id, sizeof twin.team_id);
    CHECK_INT("no team", store_service_account_insert(fixture.store, &twin, NULL, &error),
              ERR_NOT_FOUND);
    struct key_row mine = key("key_1", 1, "tea_1"), other = key("key_2", 2, "tea_1");
    str_copy(STR("svc_1"), mine.service_account_id, sizeof mine.service_account_id);
    CHECK_INT("its key", store_key_insert(fixture.store, &mine, NULL, &error), OK);
    CHECK_INT("another", store_key_insert(fixture.store, &other, NULL, &error), OK);
    str_copy(STR("deploy"), account.name, sizeof account.name);
    CHECK_INT("renamed", store_service_account_update(fixture.store, &account, NULL, &error), OK);
    struct store_config config = load();
    CHECK_STR("its name", config.service_accounts[0].name, "deploy");
    store_config_release(&config);

    CHECK_INT("delete",
              store_service_account_delete(fixture.store, "svc_1", FIXTURE_TIME, NULL, &error), OK);
    config = load();
    CHECK_INT("one key is left", config.key_count, 1);
    CHECK_STR("the other", config.keys[0].id, "key_2");
    CHECK_INT("no account", config.service_account_count, 0);
    store_config_release(&config);
}

static void a_key_is_changed_rotated_and_used(void **state)
{
    (void)state;
    struct key_row row = key("key_1", 1, "");
    CHECK_INT("insert", store_key_insert(fixture.store, &row, NULL, &error), OK);
    memcpy(row.previous_digest, row.digest, sizeof row.digest);
    row.digest[0] = 2;
    row.previous_until_ms = FIXTURE_TIME + 1;
    row.expires_at_ms = FIXTURE_TIME + 2;
    row.scopes = 5;
    row.models_json = (char[]){"[\"m\"]"};
    row.policy_json = (char[]){"{}"};
    CHECK_INT("update", store_key_update(fixture.store, &row, NULL, &error), OK);
    struct store_config config = load();
    int64_t version = config.version;
    const struct key_row *got = &config.keys[0];
    CHECK_INT("new secret", got->digest[0], 2);
    CHECK_INT("old secret", got->previous_digest[0], 1);
    CHECK_INT("until", got->previous_until_ms, FIXTURE_TIME + 1);
    CHECK_INT("expiry", got->expires_at_ms, FIXTURE_TIME + 2);
    CHECK_INT("scopes", got->scopes, 5);
    CHECK_STR("models", got->models_json, "[\"m\"]");
    CHECK_STR("policy", got->policy_json, "{}");
    CHECK_INT("rev", got->rev, 1);
    store_config_release(&config);

    static const struct key_use uses[] = {{"key_1", FIXTURE_TIME}, {"key_9", 7}, {"key_1", 5}};
    CHECK_INT("used", store_keys_used(fixture.store, uses, COUNT(uses), &error), OK);
    config = load();
    CHECK_INT("the latest", config.keys[0].last_used_at_ms, FIXTURE_TIME);
    CHECK_INT("no new configuration", config.version, version);
    store_config_release(&config);
    CHECK_INT("revoke", store_key_revoke(fixture.store, "key_1", 0, NULL, &error), OK);
    CHECK_INT("too late", store_key_update(fixture.store, &row, NULL, &error), ERR_NOT_FOUND);
}

#define ISOLATED(function) cmocka_unit_test_setup_teardown(function, before, after)
TEST_MAIN(ISOLATED(a_team_is_kept_with_its_policy_and_its_name_is_its_own),
          ISOLATED(a_team_that_something_belongs_to_is_not_deleted),
          ISOLATED(members_are_put_once_each_and_stand_by_user),
          ISOLATED(the_keys_of_a_service_account_go_with_it),
          ISOLATED(a_key_is_changed_rotated_and_used))
