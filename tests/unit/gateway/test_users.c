/* tests/unit/gateway/test_users.c: T08: what a user may do is what the snapshot says now, by session and by key. */
#include "gateway/snapshot.h"
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

static struct team_row teams[] = {{.id = "tea_1", .name = "Research"},
                                  {.id = "tea_2", .name = "Sales"}};
static struct team_member_row members[] = {{"tea_1", "usr_2", false},
                                           {"tea_2", "usr_2", true},
                                           {"tea_1", "usr_3", false},
                                           {"tea_9", "usr_4", false}};
static struct user_row users[] = {
    {.id = "usr_1", .name = "Owner", .role = "owner"},
    {.id = "usr_2", .name = "Member", .role = "member"},
    {.id = "usr_3", .name = "Gone", .role = "admin", .disabled_at_ms = 1},
    {.id = "usr_4", .name = "Stray", .role = "member"},
};

static struct snapshot *build(struct key_row *keys, size_t count)
{
    struct store_config config = {.teams = teams,
                                  .team_count = COUNT(teams),
                                  .team_members = members,
                                  .team_member_count = COUNT(members),
                                  .users = users,
                                  .user_count = COUNT(users),
                                  .keys = keys,
                                  .key_count = count};
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    CHECK("builds", snapshot_build(&config, vault, registry, NULL, &snapshot, &error) == OK);
    return snapshot;
}

static void a_session_is_of_a_team_of_its_user(void **state)
{
    (void)state;
    static const struct {
        const char *user, *team, *found; /* found: id of the team, "" without one, NULL: nobody */
        enum role role;
    } stories[] = {
        {"usr_1", "", "", ROLE_OWNER},
        {"usr_1", "Research", NULL, ROLE_NONE},
        {"usr_2", "", "tea_1", ROLE_MEMBER},
        {"usr_2", "tea_2", "tea_2", ROLE_MEMBER},
        {"usr_2", "sales", "tea_2", ROLE_MEMBER},
        {"usr_2", "tea_3", NULL, ROLE_NONE},
        {"usr_3", "", NULL, ROLE_NONE},
        {"usr_3", "tea_1", NULL, ROLE_NONE},
        {"usr_4", "", "", ROLE_MEMBER},
        {"usr_5", "", NULL, ROLE_NONE},
        {"usr_", "", NULL, ROLE_NONE},
    };
    struct snapshot *snapshot = build(NULL, 0);
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct principal *principal =
            snapshot_user(snapshot, stories[i].user, stories[i].team);
        const char *found = !principal ? NULL : principal->team ? principal->team->id : "";
        CHECK_STR(stories[i].user, found, stories[i].found);
        if (!principal)
            continue;
        CHECK_INT(stories[i].user, principal->role, stories[i].role);
        CHECK_STR("as themselves", principal->user, stories[i].user);
    }
    snapshot_unref(snapshot);
}

static void a_key_holds_no_more_than_its_user(void **state)
{
    (void)state;
    static struct key_row keys[] = {
        {.id = "key_1", .user_id = "usr_1", .role = "admin", .digest = {1}},
        {.id = "key_2", .user_id = "usr_2", .role = "admin", .digest = {2}},
        {.id = "key_3", .user_id = "usr_3", .role = "member", .digest = {3}},
        {.id = "key_4", .user_id = "usr_9", .role = "member", .digest = {4}},
        {.id = "key_5", .role = "admin", .digest = {5}},
    };
    static const enum role held[] = {ROLE_ADMIN, ROLE_MEMBER, ROLE_NONE, ROLE_NONE, ROLE_ADMIN};
    struct snapshot *snapshot = build(keys, COUNT(keys));
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct principal *principal = snapshot_principal(snapshot, keys[i].digest, 1);
        CHECK_INT(keys[i].id, principal ? principal->role : ROLE_NONE, held[i]);
    }
    snapshot_unref(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_session_is_of_a_team_of_its_user),
                                       TEST(a_key_holds_no_more_than_its_user)};
    return cmocka_run_group_tests(tests, before, after);
}
