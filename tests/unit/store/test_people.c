/* tests/unit/store/test_people.c: people, sessions and invitations in the store, and the rules that hold inside one
 * transaction.
 */
#include "tests/unit/store/store_fixture.h"

#include "sys/password.h"
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

static struct user_row user(const char *id, const char *email, const char *role)
{
    struct user_row row = {.name = "n", .created_at_ms = FIXTURE_TIME, .rev = 1};
    str_copy(str_of(id), row.id, sizeof row.id);
    str_copy(str_of(email), row.email, sizeof row.email);
    str_copy(str_of(role), row.role, sizeof row.role);
    return row;
}

static struct invitation_row invitation(const char *id, uint8_t first)
{
    struct invitation_row row = {.role = "member",
                                 .created_by = "usr_1",
                                 .digest = {first},
                                 .created_at_ms = FIXTURE_TIME,
                                 .expires_at_ms = FIXTURE_TIME + 1000};
    str_copy(str_of(id), row.id, sizeof row.id);
    return row;
}

static struct session_row session(const char *id, const char *user_id, uint8_t first, int64_t at_ms)
{
    struct session_row row = {.address = "192.0.2.1",
                              .agent = "a",
                              .digest = {first},
                              .created_at_ms = at_ms,
                              .expires_at_ms = at_ms + 1000000,
                              .last_seen_ms = at_ms};
    str_copy(str_of(id), row.id, sizeof row.id);
    str_copy(str_of(user_id), row.user_id, sizeof row.user_id);
    return row;
}

static void set_up(void)
{
    struct user_row owner = user("usr_1", "ann@example.com", "owner");
    CHECK_INT("set up", store_set_up(fixture.store, &owner, "hash-1", "Acme", NULL, &error), OK);
}

static enum err add_user(const char *id, const char *email, const char *role)
{
    static uint8_t number = 100;
    struct user_row row = user(id, email, role);
    struct invitation_row given = invitation("inv_x", ++number);
    CHECK_INT("invited", store_invitation_insert(fixture.store, &given, NULL, &error), OK);
    enum err err = store_invitation_accept(fixture.store, &given, &row, "hash", NULL, &error);
    if (err != OK)
        CHECK_INT("left open", store_invitation_delete(fixture.store, "inv_x", NULL, &error), OK);
    return err;
}

static struct store_config load(void)
{
    struct store_config config = {0};
    CHECK_INT("loads", store_config_load(fixture.store, &config, &error), OK);
    return config;
}

static enum err count_session(void *arg, const struct session_row *row)
{
    (void)row;
    ++*(int *)arg;
    return OK;
}

static int sessions(void)
{
    int count = 0;
    CHECK_INT("read", store_sessions_each(fixture.store, count_session, &count, &error), OK);
    return count;
}

static void set_up_happens_once(void **state)
{
    (void)state;
    struct user_row other = user("usr_2", "bob@example.com", "owner");
    struct store_config config = load();
    CHECK("nobody yet", !config.is_set_up && config.user_count == 0);
    store_config_release(&config);
    set_up();
    CHECK_INT("once", store_set_up(fixture.store, &other, "h", "Evil", NULL, &error), ERR_CONFLICT);
    config = load();
    CHECK("done", config.is_set_up);
    CHECK_STR("organization", config.organization, "Acme");
    CHECK_INT("one user", config.user_count, 1);
    store_config_release(&config);
}

static void the_nonce_of_set_up_stays(void **state)
{
    (void)state;
    char first[STORE_NONCE_MAX], second[STORE_NONCE_MAX];
    CHECK_INT("made", store_setup_nonce(fixture.store, first, &error), OK);
    CHECK_INT("told again", store_setup_nonce(fixture.store, second, &error), OK);
    CHECK_STR("the same", first, second);
    CHECK_INT("long enough", strlen(first), STORE_NONCE_MAX - 1);
}

static void an_address_is_one_persons_whatever_its_case(void **state)
{
    (void)state;
    struct user_row found;
    char hash[PASSWORD_HASH_MAX];
    set_up();
    CHECK_INT("taken", add_user("usr_2", "Ann@Example.com", "member"), ERR_CONFLICT);
    CHECK("told", strstr(error.text, "Ann@Example.com"));
    CHECK_INT("found", store_user_by_email(fixture.store, "ANN@example.com", &found, hash, &error),
              OK);
    CHECK_STR("the one", found.id, "usr_1");
    CHECK_STR("with the hash", hash, "hash-1");
    CHECK_INT("nobody", store_user_by_email(fixture.store, "x@y", &found, hash, &error),
              ERR_NOT_FOUND);
}

static void somebody_is_always_owner(void **state)
{
    (void)state;
    set_up();
    struct user_row row = user("usr_1", "ann@example.com", "admin");
    CHECK_INT("demoted", store_user_update(fixture.store, &row, true, NULL, &error), ERR_CONFLICT);
    CHECK("told", strstr(error.text, "last owner"));
    row = user("usr_1", "ann@example.com", "owner");
    row.disabled_at_ms = 5;
    CHECK_INT("disabled", store_user_update(fixture.store, &row, true, NULL, &error), ERR_CONFLICT);
    CHECK_INT("deleted", store_user_delete(fixture.store, "usr_1", 5, NULL, &error), ERR_CONFLICT);
    CHECK_INT("another", add_user("usr_2", "bob@example.com", "owner"), OK);
    CHECK_INT("then", store_user_delete(fixture.store, "usr_1", 5, NULL, &error), OK);
    CHECK_INT("and never again", store_set_up(fixture.store, &row, "h", "x", NULL, &error),
              ERR_CONFLICT);
}

static void whoever_goes_takes_everything_along(void **state)
{
    (void)state;
    struct team_row team = {.id = "tea_1", .name = "T", .rev = 1};
    struct team_member_row member = {"tea_1", "usr_2", true};
    struct key_row key = {.id = "key_1", .name = "k", .role = "member", .user_id = "usr_2"};
    struct session_row begun = session("ses_1", "usr_2", 1, FIXTURE_TIME);
    set_up();
    CHECK_INT("user", add_user("usr_2", "bob@example.com", "member"), OK);
    CHECK_INT("team", store_team_insert(fixture.store, &team, NULL, &error), OK);
    CHECK_INT("member", store_team_member_put(fixture.store, &member, NULL, &error), OK);
    CHECK_INT("key", store_key_insert(fixture.store, &key, NULL, &error), OK);
    CHECK_INT("session", store_session_insert(fixture.store, &begun, "hash", NULL, &error), OK);
    CHECK_INT("gone", store_user_delete(fixture.store, "usr_2", 5, NULL, &error), OK);
    struct store_config config = load();
    CHECK_INT("memberships", config.team_member_count, 0);
    CHECK_INT("keys", config.key_count, 0);
    CHECK_INT("sessions", sessions(), 0);
    store_config_release(&config);
}

static void another_authority_ends_sessions(void **state)
{
    (void)state;
    struct session_row begun = session("ses_1", "usr_2", 1, FIXTURE_TIME);
    set_up();
    CHECK_INT("user", add_user("usr_2", "bob@example.com", "admin"), OK);
    CHECK_INT("begun", store_session_insert(fixture.store, &begun, "hash", NULL, &error), OK);
    struct user_row row = user("usr_2", "bob@example.com", "admin");
    CHECK_INT("a name", store_user_update(fixture.store, &row, false, NULL, &error), OK);
    CHECK_INT("is none", sessions(), 1);
    CHECK_INT("a password",
              store_user_password(fixture.store, "usr_2", "hash", "renewed", NULL, &error), OK);
    CHECK_INT("hashed anew is none", sessions(), 1);
    struct event_row event = {.id = "evt_1", .actor = "usr_2", .action = "user.password_changed"};
    CHECK_INT("another",
              store_user_password(fixture.store, "usr_2", "renewed", "other", &event, &error), OK);
    CHECK_INT("is one", sessions(), 0);
    CHECK_INT("again", store_session_insert(fixture.store, &begun, "other", NULL, &error), OK);
    row.disabled_at_ms = 5;
    CHECK_INT("disabled", store_user_update(fixture.store, &row, true, NULL, &error), OK);
    CHECK_INT("is one", sessions(), 0);
    CHECK_INT("and none begins", store_session_insert(fixture.store, &begun, "hash", NULL, &error),
              ERR_NOT_FOUND);
}

/* Verifying takes a while: whoever showed the old password must not come in after it was changed. */
static void a_password_that_was_changed_meanwhile_opens_nothing(void **state)
{
    (void)state;
    struct session_row begun = session("ses_1", "usr_1", 1, FIXTURE_TIME);
    struct event_row event = {.id = "evt_1", .actor = "usr_1", .action = "user.password_changed"};
    set_up();
    CHECK_INT("changed",
              store_user_password(fixture.store, "usr_1", "hash-1", "hash-2", &event, &error), OK);
    CHECK_INT("no session", store_session_insert(fixture.store, &begun, "hash-1", NULL, &error),
              ERR_NOT_FOUND);
    CHECK_INT("none", sessions(), 0);
    CHECK_INT("not hashed anew",
              store_user_password(fixture.store, "usr_1", "hash-1", "hash-1b", NULL, &error),
              ERR_CONFLICT);
    CHECK_INT("no second change",
              store_user_password(fixture.store, "usr_1", "hash-1", "hash-3", &event, &error),
              ERR_CONFLICT);
    CHECK_INT("the new one does",
              store_session_insert(fixture.store, &begun, "hash-2", NULL, &error), OK);
}

static void sessions_come_back_after_a_restart_and_are_bounded(void **state)
{
    (void)state;
    set_up();
    for (int i = 0; i < SESSIONS_OF_USER_MAX + 3; i++) {
        char id[ID_MAX];
        snprintf(id, sizeof id, "ses_%d", i);
        struct session_row row = session(id, "usr_1", (uint8_t)(i + 1), FIXTURE_TIME + i);
        CHECK_INT(id, store_session_insert(fixture.store, &row, "hash-1", NULL, &error), OK);
    }
    struct session_seen seen = {.id = "ses_10", .last_seen_ms = FIXTURE_TIME + 77};
    CHECK_INT("seen", store_sessions_seen(fixture.store, &seen, 1, &error), OK);
    fixture_close(&fixture);
    fixture_open(&fixture, 0, 0);
    CHECK_INT("the newest", sessions(), SESSIONS_OF_USER_MAX);
    CHECK_INT("one", store_sessions_end(fixture.store, "usr_1", "ses_10", NULL, &error), OK);
    CHECK_INT("less", sessions(), SESSIONS_OF_USER_MAX - 1);
    CHECK_INT("another's", store_sessions_end(fixture.store, "usr_2", "ses_11", NULL, &error), OK);
    CHECK_INT("as many", sessions(), SESSIONS_OF_USER_MAX - 1);
    CHECK_INT("all", store_sessions_end(fixture.store, "usr_1", NULL, NULL, &error), OK);
    CHECK_INT("none", sessions(), 0);
}

static void an_invitation_is_good_once_and_for_a_while(void **state)
{
    (void)state;
    struct invitation_row given = invitation("inv_1", 7), found = {0};
    struct user_row row = user("usr_2", "bob@example.com", "member");
    set_up();
    CHECK_INT("made", store_invitation_insert(fixture.store, &given, NULL, &error), OK);
    CHECK_INT(
        "open",
        store_invitation_find(fixture.store, given.digest, FIXTURE_TIME + 999, &found, &error), OK);
    CHECK_STR("it", found.id, "inv_1");
    CHECK_INT(
        "over",
        store_invitation_find(fixture.store, given.digest, FIXTURE_TIME + 1000, &found, &error),
        ERR_NOT_FOUND);
    CHECK_INT("used", store_invitation_accept(fixture.store, &given, &row, "h", NULL, &error), OK);
    row = user("usr_3", "eve@example.com", "member");
    CHECK_INT("once", store_invitation_accept(fixture.store, &given, &row, "h", NULL, &error),
              ERR_NOT_FOUND);
    CHECK_INT("nothing left",
              store_invitation_find(fixture.store, given.digest, FIXTURE_TIME, &found, &error),
              ERR_NOT_FOUND);
}

static struct password_reset_row reset(uint8_t first)
{
    return (struct password_reset_row){.user_id = "usr_1",
                                       .created_by = "usr_1",
                                       .digest = {first},
                                       .created_at_ms = FIXTURE_TIME,
                                       .expires_at_ms = FIXTURE_TIME + 1000};
}

static enum err find_reset(uint8_t first, int64_t now_ms)
{
    struct password_reset_row wanted = reset(first), found = {0};
    enum err err = store_password_reset_find(fixture.store, wanted.digest, now_ms, &found, &error);
    CHECK_STR("whose", found.user_id, err == OK ? "usr_1" : "");
    return err;
}

static void a_link_to_a_password_is_good_once_and_for_a_while(void **state)
{
    (void)state;
    struct password_reset_row one = reset(1), two = reset(2);
    struct user_row found = {0};
    char hash[PASSWORD_HASH_MAX] = "";
    set_up();
    CHECK_INT("made", store_password_reset_put(fixture.store, &one, NULL, &error), OK);
    CHECK_INT("open", find_reset(1, FIXTURE_TIME + 999), OK);
    CHECK_INT("over", find_reset(1, FIXTURE_TIME + 1000), ERR_NOT_FOUND);
    CHECK_INT("another", store_password_reset_put(fixture.store, &two, NULL, &error), OK);
    CHECK_INT("replaces it", find_reset(1, FIXTURE_TIME), ERR_NOT_FOUND);
    CHECK_INT("the first is of no use",
              store_password_reset_use(fixture.store, &one, "h1", NULL, &error), ERR_NOT_FOUND);
    CHECK_INT("used", store_password_reset_use(fixture.store, &two, "h2", NULL, &error), OK);
    CHECK_INT("once", store_password_reset_use(fixture.store, &two, "h3", NULL, &error),
              ERR_NOT_FOUND);
    CHECK_INT("found", store_user_by_email(fixture.store, "ann@example.com", &found, hash, &error),
              OK);
    CHECK_STR("the password", hash, "h2");
    CHECK_INT("no session is left", sessions(), 0);
    CHECK_INT("again", store_password_reset_put(fixture.store, &one, NULL, &error), OK);
    CHECK_INT("revoked", store_password_reset_delete(fixture.store, "usr_1", NULL, &error), OK);
    CHECK_INT("once", store_password_reset_delete(fixture.store, "usr_1", NULL, &error),
              ERR_NOT_FOUND);
    struct event_row event = {.id = "evt_1", .action = "user.password_changed"};
    CHECK_INT("again", store_password_reset_put(fixture.store, &one, NULL, &error), OK);
    CHECK_INT("another password",
              store_user_password(fixture.store, "usr_1", "h2", "h4", &event, &error), OK);
    CHECK_INT("no link outlives it", find_reset(1, FIXTURE_TIME), ERR_NOT_FOUND);
}

static void nobody_takes_the_room_of_others_invitations(void **state)
{
    (void)state;
    char id[ID_MAX];
    struct invitation_row given = invitation("inv_0", 0);
    set_up();
    for (int i = 0; i < INVITATIONS_OF_ONE_MAX; i++) {
        snprintf(id, sizeof id, "inv_%d", i);
        given = invitation(id, (uint8_t)(i + 1));
        CHECK_INT(id, store_invitation_insert(fixture.store, &given, NULL, &error), OK);
    }
    given = invitation("inv_more", 200);
    CHECK_INT("one more", store_invitation_insert(fixture.store, &given, NULL, &error),
              ERR_CONFLICT);
    CHECK_STR("why", error.text,
              "50 invitations of yours are open, which is the most: revoke some.");
    struct key_row key = {.id = "key_1", .name = "k", .role = "member", .digest = {9}};
    str_copy(str_of(given.created_by), key.user_id, sizeof key.user_id);
    CHECK_INT("a key", store_key_insert(fixture.store, &key, NULL, &error), OK);
    str_copy(str_of(key.id), given.created_by, sizeof given.created_by);
    CHECK_INT("by their key", store_invitation_insert(fixture.store, &given, NULL, &error),
              ERR_CONFLICT);
    str_copy(STR("usr_2"), given.created_by, sizeof given.created_by);
    CHECK_INT("another's", store_invitation_insert(fixture.store, &given, NULL, &error), OK);
    given = invitation("inv_later", 201);
    given.created_at_ms += 1000;
    given.expires_at_ms += 1000;
    CHECK_INT("when those are over", store_invitation_insert(fixture.store, &given, NULL, &error),
              OK);
}

static void count_event(void *arg, const struct event_row *event)
{
    (void)event;
    ++*(int *)arg;
}

static int endings_told(void)
{
    int count = 0;
    char next[96];
    const struct event_filter filter = {.action = "session.ended", .limit = 10};
    CHECK_INT("read", store_events(fixture.store, &filter, count_event, &count, next, &error), OK);
    return count;
}

static void what_ends_nothing_is_no_event(void **state)
{
    (void)state;
    struct session_row begun = session("ses_1", "usr_1", 1, FIXTURE_TIME);
    struct event_row event = {.id = "evt_1", .actor = "usr_1", .action = "session.ended"};
    set_up();
    CHECK_INT("begun", store_session_insert(fixture.store, &begun, "hash-1", NULL, &error), OK);
    CHECK_INT("none", store_sessions_end(fixture.store, "usr_1", "ses_x", &event, &error), OK);
    CHECK_INT("untold", endings_told(), 0);
    CHECK_INT("one", store_sessions_end(fixture.store, "usr_1", "ses_1", &event, &error), OK);
    CHECK_INT("told", endings_told(), 1);
}

static void whoever_is_invited_into_a_team_is_in_it(void **state)
{
    (void)state;
    struct team_row team = {.id = "tea_1", .name = "T", .rev = 1};
    struct invitation_row given = invitation("inv_1", 7), lost = invitation("inv_2", 8);
    struct user_row bob = user("usr_2", "bob@example.com", "member");
    struct user_row eve = user("usr_3", "eve@example.com", "member");
    set_up();
    CHECK_INT("team", store_team_insert(fixture.store, &team, NULL, &error), OK);
    str_copy(STR("tea_1"), given.team_id, sizeof given.team_id);
    str_copy(STR("tea_9"), lost.team_id, sizeof lost.team_id);
    given.is_lead = true;
    CHECK_INT("made", store_invitation_insert(fixture.store, &given, NULL, &error), OK);
    CHECK_INT("made", store_invitation_insert(fixture.store, &lost, NULL, &error), OK);
    CHECK_INT("in", store_invitation_accept(fixture.store, &given, &bob, "h", NULL, &error), OK);
    CHECK_INT("a team that is gone",
              store_invitation_accept(fixture.store, &lost, &eve, "h", NULL, &error), OK);
    struct store_config config = load();
    CHECK_INT("one member", config.team_member_count, 1);
    CHECK_STR("who", config.team_members[0].user_id, "usr_2");
    CHECK("as lead", config.team_members[0].is_lead);
    store_config_release(&config);
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, before, after)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(set_up_happens_once),
        STORY(the_nonce_of_set_up_stays),
        STORY(an_address_is_one_persons_whatever_its_case),
        STORY(somebody_is_always_owner),
        STORY(whoever_goes_takes_everything_along),
        STORY(another_authority_ends_sessions),
        STORY(a_password_that_was_changed_meanwhile_opens_nothing),
        STORY(sessions_come_back_after_a_restart_and_are_bounded),
        STORY(an_invitation_is_good_once_and_for_a_while),
        STORY(a_link_to_a_password_is_good_once_and_for_a_while),
        STORY(nobody_takes_the_room_of_others_invitations),
        STORY(what_ends_nothing_is_no_event),
        STORY(whoever_is_invited_into_a_team_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
