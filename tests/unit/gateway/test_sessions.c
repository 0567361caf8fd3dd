/* tests/unit/gateway/test_sessions.c: T26, I10: what is signed in, until when, and that what ended is gone. */
#include "gateway/sessions.h"

#include "base/str.h"
#include "tests/test.h"

#define NOW    INT64_C(1800000000000)
#define MINUTE (INT64_C(60) * 1000)

static struct sessions *begin(void)
{
    struct sessions *sessions = NULL;
    CHECK("made", sessions_new(&sessions) == OK);
    return sessions;
}

static struct session_row row_of(unsigned number, const char *user, int64_t at_ms)
{
    struct session_row row = {
        .created_at_ms = at_ms, .expires_at_ms = at_ms + SESSION_LIFE_MS, .last_seen_ms = at_ms};
    snprintf(row.id, sizeof row.id, "ses_%u", number);
    str_copy(str_of(user), row.user_id, sizeof row.user_id);
    str_copy(STR("192.0.2.7"), row.address, sizeof row.address);
    memcpy(row.digest, &number, sizeof number);
    return row;
}

static void put(struct sessions *sessions, unsigned number, const char *user, int64_t at_ms)
{
    struct session_row row = row_of(number, user, at_ms);
    CHECK("taken in", sessions_put(sessions, &row) == OK);
}

static bool use(struct sessions *sessions, unsigned number, int64_t now_ms)
{
    char id[ID_MAX], user[ID_MAX];
    struct session_row row = row_of(number, "", 0);
    return sessions_use(sessions, row.digest, now_ms, id, user);
}

static void a_session_is_found_by_its_whole_digest(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    char id[ID_MAX], user[ID_MAX];
    put(sessions, 1, "usr_a", NOW);
    put(sessions, 2, "usr_b", NOW);
    struct session_row row = row_of(2, "", 0);
    CHECK("found", sessions_use(sessions, row.digest, NOW + 1, id, user));
    CHECK_STR("id", id, "ses_2");
    CHECK_STR("user", user, "usr_b");
    row.digest[31] ^= 1; /* T29: the same first bytes are not enough */
    CHECK("the last byte counts", !sessions_use(sessions, row.digest, NOW + 1, id, user));
    CHECK("unknown", !use(sessions, 3, NOW));
    sessions_free(sessions);
}

static void a_session_ends_by_age_however_much_it_is_used(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    put(sessions, 1, "usr_a", NOW);
    for (int64_t at = NOW; at < NOW + SESSION_LIFE_MS; at += SESSION_IDLE_MS / 2)
        CHECK("used", use(sessions, 1, at));
    CHECK("to the last moment", use(sessions, 1, NOW + SESSION_LIFE_MS - 1));
    CHECK("and no longer", !use(sessions, 1, NOW + SESSION_LIFE_MS));
    sessions_free(sessions);
}

static void a_session_ends_when_it_is_not_used(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    put(sessions, 1, "usr_a", NOW);
    CHECK("after most of the time", use(sessions, 1, NOW + SESSION_IDLE_MS - 1));
    CHECK("the whole of it from then", !use(sessions, 1, NOW + 2 * SESSION_IDLE_MS - 1));
    CHECK("looking is no use",
          !sessions_has(sessions, row_of(1, "", 0).digest, NOW + 2 * SESSION_IDLE_MS));
    sessions_free(sessions);
}

static void the_next_end_is_told_and_other_times_hold_for_all(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    CHECK("none", sessions_next_end(sessions, NOW) == INT64_MAX);
    put(sessions, 1, "usr_a", NOW);
    put(sessions, 2, "usr_b", NOW + 10);
    CHECK_INT("the first", sessions_next_end(sessions, NOW), NOW + SESSION_IDLE_MS);
    CHECK("used", use(sessions, 1, NOW + 50));
    CHECK_INT("then the other", sessions_next_end(sessions, NOW), NOW + 10 + SESSION_IDLE_MS);
    CHECK_INT("what is over is not next", sessions_next_end(sessions, NOW + 10 + SESSION_IDLE_MS),
              NOW + 50 + SESSION_IDLE_MS);
    sessions_last(sessions, 1000, 100);
    CHECK_INT("idle", sessions_next_end(sessions, NOW), NOW + 110);
    CHECK("used", use(sessions, 1, NOW + 149) && use(sessions, 1, NOW + 248));
    sessions_last(sessions, 1000, 5000);
    CHECK("before the end of a shorter life", use(sessions, 1, NOW + 999));
    CHECK("it is over", !use(sessions, 1, NOW + 1000));
    sessions_free(sessions);
}

static void what_ended_is_gone(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    put(sessions, 1, "usr_a", NOW);
    put(sessions, 2, "usr_a", NOW + 1);
    put(sessions, 3, "usr_b", NOW + 2);
    CHECK_INT("not another's", sessions_end(sessions, "usr_b", "ses_1"), 0);
    CHECK_INT("one", sessions_end(sessions, "usr_a", "ses_1"), 1);
    CHECK("that one", !use(sessions, 1, NOW + 5) && use(sessions, 2, NOW + 5));
    put(sessions, 4, "usr_a", NOW + 6);
    CHECK_INT("everywhere", sessions_end(sessions, "usr_a", NULL), 2);
    CHECK("all of theirs", !use(sessions, 2, NOW + 7) && !use(sessions, 4, NOW + 7));
    CHECK("nobody else's", use(sessions, 3, NOW + 7));
    sessions_free(sessions);
}

static void a_user_has_fifty_at_most_and_the_newest_stay(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    struct session_row rows[SESSIONS_OF_USER_MAX];
    for (unsigned i = 1; i <= SESSIONS_OF_USER_MAX + 5; i++)
        put(sessions, i, "usr_a", NOW + i);
    CHECK_INT("fifty", sessions_list(sessions, "usr_a", NOW + MINUTE, rows), SESSIONS_OF_USER_MAX);
    CHECK_STR("newest first", rows[0].id, "ses_55");
    CHECK_STR("the oldest went", rows[SESSIONS_OF_USER_MAX - 1].id, "ses_6");
    CHECK("they open nothing", !use(sessions, 5, NOW + MINUTE));
    sessions_free(sessions);
}

static void the_whole_table_is_bounded(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    char user[ID_MAX];
    for (unsigned i = 1; i <= SESSIONS_MAX + 10; i++) {
        snprintf(user, sizeof user, "usr_%u", i);
        put(sessions, i, user, NOW);
    }
    CHECK("the oldest went", !use(sessions, 10, NOW));
    CHECK("the others stayed", use(sessions, 11, NOW) && use(sessions, SESSIONS_MAX + 10, NOW));
    sessions_free(sessions);
}

static void addresses_are_known_while_a_session_lives(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    put(sessions, 1, "usr_a", NOW);
    CHECK("known", sessions_know_address(sessions, "usr_a", "192.0.2.7", NOW));
    CHECK("another", !sessions_know_address(sessions, "usr_a", "192.0.2.8", NOW));
    CHECK("another's", !sessions_know_address(sessions, "usr_b", "192.0.2.7", NOW));
    CHECK("not for ever",
          !sessions_know_address(sessions, "usr_a", "192.0.2.7", NOW + SESSION_LIFE_MS));
    sessions_free(sessions);
}

static void the_last_use_is_told_now_and_then(void **state)
{
    (void)state;
    struct sessions *sessions = begin();
    struct session_seen seen[4];
    put(sessions, 1, "usr_a", NOW);
    CHECK("used", use(sessions, 1, NOW + MINUTE));
    CHECK_INT("a minute is not worth a write", sessions_take_seen(sessions, seen, 4), 0);
    CHECK("used", use(sessions, 1, NOW + 11 * MINUTE) && use(sessions, 1, NOW + 12 * MINUTE));
    CHECK_INT("once", sessions_take_seen(sessions, seen, 4), 1);
    CHECK_INT("the newest", seen[0].last_seen_ms, NOW + 12 * MINUTE);
    CHECK_INT("and not again", sessions_take_seen(sessions, seen, 4), 0);
    CHECK("used", use(sessions, 1, NOW + 23 * MINUTE));
    sessions_end(sessions, "usr_a", NULL);
    CHECK_INT("nor when it ended", sessions_take_seen(sessions, seen, 4), 0);
    sessions_free(sessions);
}

TEST_MAIN(TEST(a_session_is_found_by_its_whole_digest),
          TEST(a_session_ends_by_age_however_much_it_is_used),
          TEST(a_session_ends_when_it_is_not_used),
          TEST(the_next_end_is_told_and_other_times_hold_for_all), TEST(what_ended_is_gone),
          TEST(a_user_has_fifty_at_most_and_the_newest_stay), TEST(the_whole_table_is_bounded),
          TEST(addresses_are_known_while_a_session_lives), TEST(the_last_use_is_told_now_and_then))
