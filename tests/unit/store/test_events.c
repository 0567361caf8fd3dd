/* tests/unit/store/test_events.c: events are a chain: whoever changes the file by hand is found out (T25). */
#include "store_fixture.h"

#include "store/sql.h"
#include "tests/test.h"

#define EVENTS 6

static void add_events(struct fixture *fixture, int count)
{
    struct error error = {0};
    for (int i = 0; i < count; i++) {
        struct event_row event = {.actor = "key_1",
                                  .action = "team.updated",
                                  .subject = "tea_1",
                                  .at_ms = FIXTURE_TIME + i,
                                  .after_json = i % 2 ? "{\"a\":1}" : NULL};
        (void)snprintf(event.id, sizeof event.id, "evt_%d", i + 1);
        CHECK_INT("added", store_event_add(fixture->store, &event, &error), OK);
    }
}

static struct event_report verify(struct fixture *fixture, const struct event_head *head)
{
    struct event_report report;
    struct error error = {0};
    struct event_head none = {0};
    CHECK_INT("verified",
              store_events_verify(fixture->store, head ? head : &none, INT64_MAX, &report, &error),
              OK);
    return report;
}

/* As somebody with the file, and without the secret, would. */
static void tamper(struct fixture *fixture, const char *sql)
{
    struct error error = {0};
    char path[128];
    sqlite3 *db = NULL;
    fixture_close(fixture);
    (void)snprintf(path, sizeof path, "%s/store.db", fixture->dir);
    CHECK_INT("opened", sql_open(path, SQL_WRITER, &db, &error), OK);
    CHECK_INT("no longer guarded",
              sql_run(db, "DROP TRIGGER event_stays; DROP TRIGGER event_remains;", &error), OK);
    CHECK_INT(sql, sql_run(db, sql, &error), OK);
    sql_close(db);
    fixture_open(fixture, 0, 0);
}

static const struct story {
    const char *name, *sql;
    int64_t bad_seq;
    const char *bad_id;
} stories[] = {
    {"who did it is changed", "UPDATE event SET actor='key_2' WHERE seq=3", 3, "evt_3"},
    {"what became of it is changed", "UPDATE event SET after_json='{}' WHERE seq=4", 4, "evt_4"},
    {"nothing is made to an empty text", "UPDATE event SET after_json='' WHERE seq=3", 3, "evt_3"},
    {"when is changed", "UPDATE event SET at_ms=at_ms+1 WHERE seq=2", 2, "evt_2"},
    {"text moves from one field to the next",
     "UPDATE event SET actor='key_', action='1team.updated' WHERE seq=2", 2, "evt_2"},
    {"a row is deleted", "DELETE FROM event WHERE seq=3", 3, ""},
    {"a row is deleted, and the others close up",
     "DELETE FROM event WHERE seq=3; UPDATE event SET seq=seq-1 WHERE seq>3", 3, "evt_4"},
    {"two rows change places",
     "UPDATE event SET seq=99 WHERE seq=2; UPDATE event SET seq=2 WHERE seq=3;"
     "UPDATE event SET seq=3 WHERE seq=99",
     2, "evt_3"},
    {"the last row is deleted", "DELETE FROM event WHERE seq=6", 6, ""},
    {"all rows are deleted", "DELETE FROM event", 1, ""},
    {"the mark of the last one is deleted", "DELETE FROM setting WHERE name='event_head'", 7, ""},
    {"an earlier link is made the mark",
     "UPDATE setting SET value=(SELECT mac FROM event WHERE seq=5) WHERE name='event_head'", 7, ""},
    {"the first rows pretend to be older than the chain", "UPDATE event SET mac=NULL WHERE seq<3",
     3, "evt_3"},
    {"a link is taken out", "UPDATE event SET mac=NULL WHERE seq=4", 4, "evt_4"},
    {"a row is added by hand",
     "INSERT INTO event (seq, id, at_ms, actor, action, subject, mac) VALUES (7, 'evt_7', 1, 'a', "
     "'b.c', 's', zeroblob(32))",
     7, "evt_7"},
};

static void T25_what_was_changed_by_hand_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct fixture fixture;
        fixture_begin(&fixture);
        fixture_open(&fixture, 0, 0);
        add_events(&fixture, EVENTS);
        CHECK(story->name, !verify(&fixture, NULL).is_broken);
        tamper(&fixture, story->sql);
        struct event_report report = verify(&fixture, NULL);
        CHECK(story->name, report.is_broken);
        CHECK_INT(story->name, report.bad_seq, story->bad_seq);
        CHECK_STR(story->name, report.bad_id, story->bad_id);
        fixture_end(&fixture);
    }
}

static void an_untouched_chain_is_followed_over_restarts(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    CHECK("an empty one is fine", !verify(&fixture, NULL).is_broken);
    for (int round = 0; round < 3; round++) {
        add_events(&fixture, EVENTS);
        fixture_close(&fixture);
        fixture_open(&fixture, 0, 0);
    }
    struct event_report report = verify(&fixture, NULL);
    CHECK("whole", !report.is_broken);
    CHECK_INT("all", report.events, 3 * EVENTS);
    fixture_end(&fixture);
}

/* What no chain can tell by itself: the file, whole, as it was last week. */
static void T25_a_head_that_was_noted_finds_a_file_that_was_put_back(void **state)
{
    (void)state;
    struct fixture fixture, other;
    struct event_head head;
    char text[EVENT_HEAD_MAX];
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    add_events(&fixture, EVENTS);
    struct event_report report = verify(&fixture, NULL);
    event_head_write(&report, text);
    CHECK("read again", event_head_read(str_of(text), &head));
    add_events(&fixture, EVENTS);
    CHECK("still in its place", !verify(&fixture, &head).is_broken);
    fixture_end(&fixture);

    fixture_begin(&other);
    fixture_open(&other, 0, 0);
    add_events(&other, EVENTS - 1);
    report = verify(&other, &head);
    CHECK("rows are missing", report.is_broken);
    CHECK_INT("from there", report.bad_seq, EVENTS);
    struct event_row event = {.id = "evt_x", .actor = "key_1", .action = "team.updated"};
    struct error error = {0};
    CHECK_INT("added", store_event_add(other.store, &event, &error), OK);
    CHECK("other rows", verify(&other, &head).is_broken);
    fixture_end(&other);
}

static void the_database_itself_refuses_to_change_an_event(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    char path[128];
    sqlite3 *db = NULL;
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    add_events(&fixture, 1);
    fixture_close(&fixture);
    (void)snprintf(path, sizeof path, "%s/store.db", fixture.dir);
    CHECK_INT("opened", sqlite3_open(path, &db), SQLITE_OK); /* as any other program would */
    CHECK("an update", sql_run(db, "UPDATE event SET actor='x'", &error) != OK);
    CHECK("a deletion", sql_run(db, "DELETE FROM event", &error) != OK);
    sqlite3_close(db);
    fixture_end(&fixture);
}

/* Longer than a row may be: refused with the row's number, and the store goes on; by hand: named. */
static void a_row_that_is_too_long_is_named(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    char *text = test_malloc((size_t)5 << 20);
    memset(text, 'x', ((size_t)5 << 20) - 1);
    text[((size_t)5 << 20) - 1] = '\0';
    struct event_row event = {.id = "evt_long",
                              .actor = "key_1",
                              .action = "config.applied",
                              .subject = "config",
                              .at_ms = FIXTURE_TIME,
                              .after_json = text};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    add_events(&fixture, EVENTS);
    CHECK_INT("refused", store_event_add(fixture.store, &event, &error), ERR_TOO_LARGE);
    CHECK(error.text, strstr(error.text, "row 7, config.applied of config"));
    CHECK("the store is well", store_is_writable(fixture.store));
    add_events(&fixture, 1);
    CHECK_INT("the chain, too", verify(&fixture, NULL).events, EVENTS + 1);
    tamper(&fixture, "UPDATE event SET before_json = printf('%.*c', 2500000, 'x'), "
                     "after_json = printf('%.*c', 2500000, 'x') WHERE seq = 3");
    struct event_report report = verify(&fixture, NULL);
    CHECK_INT("named", report.bad_seq, 3);
    CHECK(report.why, strstr(report.why, "longer than any"));
    fixture_end(&fixture);
    test_free(text);
}

static void heads_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "1", "1:", "0:", ":", "x:00", "1:zz", "-1:00"};
    struct event_head head;
    char text[128] = "7:";
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(bad[i], !event_head_read(str_of(bad[i]), &head));
    memset(text + 2, 'a', 64);
    text[66] = '\0';
    CHECK("64 digits", event_head_read(str_of(text), &head));
    text[66] = 'a';
    text[67] = '\0';
    CHECK("65 digits", !event_head_read(str_of(text), &head));
}

TEST_MAIN(TEST(T25_what_was_changed_by_hand_is_named),
          TEST(an_untouched_chain_is_followed_over_restarts),
          TEST(T25_a_head_that_was_noted_finds_a_file_that_was_put_back),
          TEST(the_database_itself_refuses_to_change_an_event),
          TEST(a_row_that_is_too_long_is_named), TEST(heads_are_read_strictly))
