/* tests/unit/admin/test_key_room.c: how many keys there may be, and that nobody takes the others' room. */
#include "admin/key_issue.h"

#include "tests/test.h"

#define ROOM (KEYS_OF_TEAM_MAX + 1)

static struct key_row keys[ROOM];

/* So many keys like `like`. */
static struct store_config config_of(const struct key_row *like, size_t count)
{
    for (size_t i = 0; i < count; i++)
        keys[i] = *like;
    return (struct store_config){.keys = keys, .key_count = count};
}

static const struct room_story {
    const char *name;
    struct key_row there;
    size_t count;
    struct key_row wanted;
    const char *sentence; /* NULL: there is room */
} stories[] = {
    {"a user's last", {.user_id = "usr_1"}, 99, {.user_id = "usr_1"}, NULL},
    {"a user's, one too many",
     {.user_id = "usr_1"},
     100,
     {.user_id = "usr_1"},
     "The user has 100 keys, which is the most: revoke some."},
    {"in whatever team",
     {.user_id = "usr_1", .team = "tea_1"},
     100,
     {.user_id = "usr_1", .team = "tea_2"},
     "The user has 100 keys, which is the most: revoke some."},
    {"another user's", {.user_id = "usr_1"}, 100, {.user_id = "usr_2"}, NULL},
    {"a service account's",
     {.service_account_id = "svc_1", .team = "tea_1"},
     100,
     {.service_account_id = "svc_1", .team = "tea_1"},
     "The service account has 100 keys, which is the most: revoke some."},
    {"another account's",
     {.service_account_id = "svc_1", .team = "tea_1"},
     100,
     {.service_account_id = "svc_2", .team = "tea_1"},
     NULL},
    {"a team's last", {.team = "tea_1"}, 999, {.team = "tea_1"}, NULL},
    {"a team's, one too many",
     {.team = "tea_1"},
     1000,
     {.team = "tea_1"},
     "The team has 1000 keys of its own, which is the most: revoke some."},
    {"a member's, beside them",
     {.team = "tea_1"},
     1000,
     {.user_id = "usr_1", .team = "tea_1"},
     NULL},
    {"another team's", {.team = "tea_1"}, 1000, {.team = "tea_2"}, NULL},
    {"nobody's", {.name = "n"}, 1001, {.name = "n"}, NULL},
};

static void nobody_takes_the_room_of_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct room_story *story = &stories[i];
        struct error error = {0};
        struct store_config config = config_of(&story->there, story->count);
        CHECK_INT(story->name, key_room_check(&config, &story->wanted, &error),
                  story->sentence ? ERR_CONFLICT : OK);
        CHECK_STR(story->name, error.text, story->sentence ? story->sentence : "");
    }
}

TEST_MAIN(TEST(nobody_takes_the_room_of_others))
