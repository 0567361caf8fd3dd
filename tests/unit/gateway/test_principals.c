/* tests/unit/gateway/test_principals.c: who calls, for which team, and until when. */
#include "gateway/live_limits.h"
#include "gateway/snapshot.h"
#include "sys/clock.h"
#include "sys/vault.h"

#include "tests/test.h"

static struct vault *vault;
static struct live_registry *registry;

static int before(void **state)
{
    (void)state;
    struct error error;
    registry = live_registry_new();
    return vault_new(STR("0123456789abcdefghijklmnopqrstuv"), &vault, &error) == OK && registry
               ? 0
               : -1;
}

static int after(void **state)
{
    (void)state;
    live_registry_free(registry);
    vault_free(vault);
    return 0;
}

static struct snapshot *build(const struct store_config *config)
{
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    CHECK("builds", snapshot_build(config, vault, registry, NULL, &snapshot, &error) == OK);
    return snapshot;
}

static struct team_row teams[] = {
    {.id = "tea_1", .name = "Research", .policy_json = (char[]){"{\"max_concurrent\":2}"}},
    {.id = "tea_2", .name = "Damaged", .policy_json = (char[]){"{\"max_concurrent\":"}},
    {.id = "tea_3", .name = "Open"},
};
static struct team_member_row members[] = {
    {"tea_2", "usr_1", false}, {"tea_3", "usr_1", true}, {"tea_1", "usr_2", false}};

static struct user_row users[] = {{.id = "usr_1", .role = "owner"},
                                  {.id = "usr_2", .role = "admin"},
                                  {.id = "usr_3", .role = "owner"}};

#define CONFIG(key_list, count)                                                          \
    {                                                                                    \
        .teams = teams, .team_count = COUNT(teams), .team_members = members,             \
        .team_member_count = COUNT(members), .users = users, .user_count = COUNT(users), \
        .keys = (key_list), .key_count = (count)                                         \
    }

static void a_key_pays_for_its_own_team_or_its_users_first(void **state)
{
    (void)state;
    static struct key_row keys[] = {
        {.id = "key_own", .team = "tea_3", .user_id = "usr_1"},
        {.id = "key_first", .user_id = "usr_1"},
        {.id = "key_only", .user_id = "usr_2"},
        {.id = "key_none", .user_id = "usr_3"},
        {.id = "key_account", .team = "tea_1", .service_account_id = "svc_1"},
        {.id = "key_bare"},
        {.id = "key_lost", .team = "tea_9"},
    };
    static const char *const wanted[] = {"tea_3", "tea_2", "tea_1", NULL, "tea_1", NULL, NULL};
    for (size_t i = 0; i < COUNT(keys); i++) {
        str_copy(STR("member"), keys[i].role, sizeof keys[i].role);
        keys[i].digest[0] = (uint8_t)(i + 1);
    }
    struct store_config config = CONFIG(keys, COUNT(keys));
    struct snapshot *snapshot = build(&config);
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct principal *found = snapshot_principal(snapshot, keys[i].digest, 1);
        CHECK(keys[i].id, found != NULL);
        CHECK_STR(keys[i].id, found->team ? found->team->id : NULL, wanted[i]);
        CHECK_STR(keys[i].id, found->user, keys[i].user_id);
        CHECK_INT(keys[i].id, found->scopes, SCOPE_INFERENCE | SCOPE_READ);
        CHECK(keys[i].id, policy_is_none(&found->policy));
    }
    snapshot_unref(snapshot);
}

static void a_key_that_names_a_team_its_user_left_opens_nothing(void **state)
{
    (void)state;
    static struct key_row keys[] = {
        {.id = "key_in", .role = "member", .team = "tea_1", .user_id = "usr_2", .digest = {1}},
        {.id = "key_left", .role = "member", .team = "tea_3", .user_id = "usr_2", .digest = {2}},
        {.id = "key_never", .role = "member", .team = "tea_1", .user_id = "usr_3", .digest = {3}},
        {.id = "key_account",
         .role = "member",
         .team = "tea_1",
         .service_account_id = "svc_1",
         .digest = {4}},
    };
    struct store_config config = CONFIG(keys, COUNT(keys));
    struct snapshot *snapshot = build(&config);
    for (size_t i = 0; i < COUNT(keys); i++)
        CHECK_INT(keys[i].id, snapshot_principal(snapshot, keys[i].digest, 1) != NULL,
                  i == 0 || i == 3);
    snapshot_unref(snapshot);
}

static void teams_are_found_by_id_and_name_with_their_policy(void **state)
{
    (void)state;
    struct store_config config = CONFIG(NULL, 0);
    struct snapshot *snapshot = build(&config);
    CHECK_INT("policy", snapshot_team(snapshot, "tea_1")->policy.max_concurrent, 2);
    CHECK("by name", snapshot_team_named(snapshot, "open") == snapshot_team(snapshot, "tea_3"));
    CHECK("unknown", !snapshot_team(snapshot, "tea_4") && !snapshot_team_named(snapshot, "x"));
    CHECK("nobody", !snapshot_team(snapshot, ""));
    const struct policy *damaged = &snapshot_team(snapshot, "tea_2")->policy;
    CHECK("a damaged one allows nothing", damaged->has_tiers && damaged->tiers == 0 &&
                                              damaged->has_models && damaged->model_count == 0);
    snapshot_unref(snapshot);
}

static void a_rotated_key_has_two_secrets_until_the_grace_ends(void **state)
{
    (void)state;
    static struct key_row keys[] = {
        {.id = "key_1",
         .role = "admin",
         .digest = {1},
         .previous_digest = {2},
         .previous_until_ms = 100},
        {.id = "key_2",
         .role = "admin",
         .digest = {3},
         .previous_digest = {4},
         .previous_until_ms = 100,
         .expires_at_ms = 50},
        {.id = "key_3", .role = "admin", .digest = {5}, .expires_at_ms = 200},
    };
    static const struct {
        uint8_t first;
        int64_t now_ms;
        const char *id;
    } stories[] = {
        {1, 99, "key_1"}, {2, 99, "key_1"}, {1, 100, "key_1"}, {2, 100, NULL},    {3, 49, "key_2"},
        {4, 49, "key_2"}, {3, 50, NULL},    {4, 50, NULL},     {5, 199, "key_3"}, {5, 200, NULL},
    };
    struct store_config config = CONFIG(keys, COUNT(keys));
    struct snapshot *snapshot = build(&config);
    for (size_t i = 0; i < COUNT(stories); i++) {
        uint8_t digest[32] = {stories[i].first};
        const struct principal *found = snapshot_principal(snapshot, digest, stories[i].now_ms);
        CHECK_STR("who", found ? found->id : NULL, stories[i].id);
    }
    snapshot_unref(snapshot);
}

static void a_key_keeps_what_it_spent_while_its_user_is_disabled(void **state)
{
    (void)state;
    static struct user_row user = {.id = "usr_1", .role = "member"};
    static struct key_row key = {
        .id = "key_1", .role = "member", .user_id = "usr_1", .digest = {1}};
    struct store_config config = {.users = &user, .user_count = 1, .keys = &key, .key_count = 1};
    struct limits_figures figures;
    struct snapshot *snapshot = build(&config);
    const struct principal *found = snapshot_principal(snapshot, key.digest, 1);
    live_limits_load(found->live, clock_wall_ms(), 50);
    snapshot_unref(snapshot);
    user.disabled_at_ms = 1;
    snapshot = build(&config);
    CHECK("nobody", !snapshot_principal(snapshot, key.digest, 1));
    snapshot_unref(snapshot);
    user.disabled_at_ms = 0;
    snapshot = build(&config);
    live_limits_figures(snapshot_principal(snapshot, key.digest, 1)->live, &figures);
    CHECK_INT("it is all there", figures.spent_microusd, 50);
    snapshot_unref(snapshot);
    key.revoked_at_ms = 1;
    snapshot_unref(build(&config));
    CHECK_INT("a revoked one is forgotten", limits_registry_count(live_registry_limits(registry)),
              0);
}

static void a_keys_models_are_a_part_of_its_policy(void **state)
{
    (void)state;
    static struct key_row key = {.id = "key_1", .role = "member", .digest = {1}, .scopes = 1};
    key.policy_json = (char[]){"{\"requests_per_minute\":5}"};
    key.models_json = (char[]){"[\"m-1\",\"claude-*\"]"};
    struct store_config config = CONFIG(&key, 1);
    struct snapshot *snapshot = build(&config);
    const struct principal *found = snapshot_principal(snapshot, key.digest, 1);
    CHECK_INT("limit", found->policy.requests_per_minute, 5);
    CHECK("models", found->policy.has_models && found->policy.model_count == 2);
    CHECK_STR("first", found->policy.models[0], "m-1");
    CHECK_INT("scopes", found->scopes, SCOPE_INFERENCE);
    snapshot_unref(snapshot);
    key.models_json = (char[]){"[\"m-1\""};
    snapshot = build(&config);
    found = snapshot_principal(snapshot, key.digest, 1);
    CHECK("a damaged list allows none", found->policy.has_models && found->policy.model_count == 0);
    snapshot_unref(snapshot);
}

static void a_provider_belongs_to_the_teams_it_names(void **state)
{
    (void)state;
    static struct provider_row rows[] = {
        {.id = "prv_1", .slug = "a", .kind = "openai", .base_url = "https://example.com/v1"},
        {.id = "prv_2", .slug = "b", .kind = "openai", .base_url = "https://example.com/v1"},
    };
    rows[1].teams_json = (char[]){"[\"tea_1\",\"tea_3\"]"};
    struct store_config config = CONFIG(NULL, 0);
    config.providers = rows;
    config.provider_count = COUNT(rows);
    struct snapshot *snapshot = build(&config);
    CHECK("all", !snapshot_provider(snapshot, "a")->has_teams);
    const struct provider *own = snapshot_provider(snapshot, "b");
    CHECK("some", own->has_teams && own->team_count == 2);
    CHECK_STR("second", own->teams[1], "tea_3");
    snapshot_unref(snapshot);
}

#define ISOLATED(function) cmocka_unit_test_setup_teardown(function, before, after)
TEST_MAIN(ISOLATED(a_key_pays_for_its_own_team_or_its_users_first),
          ISOLATED(a_key_that_names_a_team_its_user_left_opens_nothing),
          ISOLATED(teams_are_found_by_id_and_name_with_their_policy),
          ISOLATED(a_rotated_key_has_two_secrets_until_the_grace_ends),
          ISOLATED(a_key_keeps_what_it_spent_while_its_user_is_disabled),
          ISOLATED(a_keys_models_are_a_part_of_its_policy),
          ISOLATED(a_provider_belongs_to_the_teams_it_names))
