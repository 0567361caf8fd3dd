/* tests/unit/admin/test_authority.c: I10: a call that waited for its turn does no more than its caller may do by then. */
#include "admin/authority.h"
#include "admin/endpoints.h"

#include "tests/test.h"

#define NOW INT64_C(1800000000000)

static struct user_row users[] = {
    {.id = "usr_admin", .role = "admin"},
    {.id = "usr_member", .role = "member"},
    {.id = "usr_off", .role = "admin", .disabled_at_ms = 1},
};
static struct team_member_row members[] = {{"tea_1", "usr_member", true}};
static struct key_row keys[] = {
    {.id = "key_admin", .role = "admin"},
    {.id = "key_over", .role = "admin", .expires_at_ms = NOW},
    {.id = "key_runs", .role = "admin", .expires_at_ms = NOW + 1},
    {.id = "key_off", .role = "admin", .user_id = "usr_off"},
    {.id = "key_gone", .role = "admin", .user_id = "usr_gone"},
    {.id = "key_less", .role = "admin", .user_id = "usr_member", .scopes = SCOPE_ALL},
    {.id = "key_team", .role = "member", .user_id = "usr_member", .team = "tea_1", .scopes = 7},
    {.id = "key_left", .role = "member", .user_id = "usr_member", .team = "tea_2", .scopes = 7},
    {.id = "key_looks", .role = "admin", .scopes = SCOPE_READ},
    {.id = "key_new",
     .role = "admin",
     .digest = {2},
     .previous_digest = {0},
     .previous_until_ms = NOW},
    {.id = "key_both",
     .role = "admin",
     .digest = {2},
     .previous_digest = {0},
     .previous_until_ms = NOW + 1},
    {.id = "key_twice",
     .role = "admin",
     .digest = {3},
     .previous_digest = {2},
     .previous_until_ms = NOW + 1},
};
static const struct store_config config = {
    .users = users,
    .user_count = COUNT(users),
    .team_members = members,
    .team_member_count = COUNT(members),
    .keys = keys,
    .key_count = COUNT(keys),
};

static const struct story {
    const char *what, *actor, *user, *session, *team;
    enum role role; /* as it came */
    enum role needed;
    int status; /* 0: goes on ... */
    enum role left;
    const char *team_left; /* ... with this */
} stories[] = {
    {"a key as it was", "key_admin", "", "", "tea_9", ROLE_ADMIN, ROLE_ADMIN, 0, ROLE_ADMIN,
     "tea_9"},
    {"it never gains", "key_admin", "", "", "", ROLE_MEMBER, ROLE_ADMIN, 403, 0, ""},
    {"revoked", "key_none", "", "", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0, ""},
    {"over", "key_over", "", "", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0, ""},
    {"not over yet", "key_runs", "", "", "", ROLE_ADMIN, ROLE_ADMIN, 0, ROLE_ADMIN, ""},
    {"rotated, its grace over", "key_new", "", "", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0, ""},
    {"rotated, within its grace", "key_both", "", "", "", ROLE_ADMIN, ROLE_ADMIN, 0, ROLE_ADMIN,
     ""},
    {"rotated twice", "key_twice", "", "", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0, ""},
    {"its user disabled", "key_off", "usr_off", "", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0, ""},
    {"its user removed", "key_gone", "usr_gone", "", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0, ""},
    {"its user demoted", "key_less", "usr_member", "", "", ROLE_ADMIN, ROLE_ADMIN, 403, 0, ""},
    {"demoted: what members may", "key_less", "usr_member", "", "tea_1", ROLE_ADMIN, ROLE_MEMBER, 0,
     ROLE_MEMBER, "tea_1"},
    {"in its team", "key_team", "usr_member", "", "tea_1", ROLE_MEMBER, ROLE_MEMBER, 0, ROLE_MEMBER,
     "tea_1"},
    {"out of its team", "key_left", "usr_member", "", "tea_2", ROLE_MEMBER, ROLE_MEMBER, 401, 0,
     ""},
    {"its scope taken", "key_looks", "", "", "", ROLE_ADMIN, ROLE_MEMBER, 403, 0, ""},
    {"a session", "usr_admin", "usr_admin", "ses_1", "", ROLE_ADMIN, ROLE_ADMIN, 0, ROLE_ADMIN, ""},
    {"a session that ended", "usr_admin", "usr_admin", "ses_9", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0,
     ""},
    {"another's session", "usr_member", "usr_member", "ses_1", "", ROLE_MEMBER, ROLE_MEMBER, 401, 0,
     ""},
    {"a session, out of the team", "usr_admin", "usr_admin", "ses_1", "tea_1", ROLE_ADMIN,
     ROLE_ADMIN, 0, ROLE_ADMIN, ""},
    {"of a disabled user", "usr_off", "usr_off", "ses_2", "", ROLE_ADMIN, ROLE_MEMBER, 401, 0, ""},
    {"the control socket", "control", "", "", "", ROLE_OWNER, ROLE_OWNER, 0, ROLE_OWNER, ""},
    {"a call that needs nobody", "anyone", "", "", "", ROLE_NONE, ROLE_NONE, 0, ROLE_NONE, ""},
};

static struct sessions *sessions_of(const char *const *user_ids, size_t count)
{
    struct sessions *sessions = NULL;
    CHECK("made", sessions_new(&sessions) == OK);
    for (size_t i = 0; i < count; i++) {
        struct session_row row = {.created_at_ms = NOW - 1,
                                  .expires_at_ms = NOW + 1,
                                  .last_seen_ms = NOW - 1,
                                  .digest = {(uint8_t)(i + 1)}};
        snprintf(row.id, sizeof row.id, "ses_%zu", i + 1);
        str_copy(str_of(user_ids[i]), row.user_id, sizeof row.user_id);
        CHECK("taken in", sessions_put(sessions, &row) == OK);
    }
    return sessions;
}

static void a_caller_is_looked_at_again(void **state)
{
    (void)state;
    struct sessions *sessions = sessions_of((const char *[]){"usr_admin", "usr_off"}, 2);
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        const struct api_endpoint endpoint = {.role = story->needed};
        struct api_call call = {.endpoint = &endpoint, .role = story->role, .scopes = SCOPE_ALL};
        buf_init(&call.answer, API_ANSWER_MAX);
        str_copy(str_of(story->actor), call.actor, sizeof call.actor);
        str_copy(str_of(story->user), call.user, sizeof call.user);
        str_copy(str_of(story->session), call.session, sizeof call.session);
        str_copy(str_of(story->team), call.team, sizeof call.team);
        CHECK_INT(story->what, authority_look(&call, &config, sessions, NOW), story->status == 0);
        CHECK_INT(story->what, call.status, story->status);
        if (story->status == 0) {
            CHECK_INT(story->what, call.role, story->left);
            CHECK_STR(story->what, call.team, story->team_left);
        }
        buf_release(&call.answer);
    }
    sessions_free(sessions);
}

TEST_MAIN(TEST(a_caller_is_looked_at_again))
