/* tests/unit/store/test_transitions.c: the log of changes of state: kept, told, added up to a moment, let go of. */
#include "store_fixture.h"

#include "store/sql.h"
#include "store/store_parts.h"
#include "sys/clock.h"
#include "tests/test.h"

#define PROVIDER "prv_1"
#define WORKER   "wrk_1"
#define DAY_MS   (INT64_C(24) * 3600 * 1000)

struct seen {
    int count;
    struct transition rows[64];
};

static void on_row(void *arg, const struct transition *row)
{
    struct seen *seen = arg;
    if (seen->count < (int)COUNT(seen->rows))
        seen->rows[seen->count] = *row;
    seen->count++;
}

static void note(struct fixture *fixture, enum transition_kind kind, const char *from,
                 const char *to, const char *reason, int64_t at_ms)
{
    struct transition transition = {.at_ms = at_ms};
    transition_set(&transition, kind, kind == TRANSITION_WORKER ? WORKER : PROVIDER, from, to,
                   reason);
    if (kind == TRANSITION_WORKER)
        str_copy(STR(PROVIDER), transition.owner, sizeof transition.owner);
    transitions_note(store_transitions(fixture->store), &transition);
}

/* Nothing is in the box any more. */
static void settle(struct fixture *fixture)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    while (transitions_wait(store_transitions(fixture->store)))
        (void)nanosleep(&pause, NULL);
    CHECK_INT("drained", store_drain(fixture->store, 10000), OK);
}

static struct seen list(struct fixture *fixture, const char *provider, const char *kind)
{
    struct seen seen = {0};
    struct error error = {0};
    struct transition_filter filter = {.limit = TRANSITIONS_PAGE_MAX};
    char next[96];
    str_copy(str_of(provider), filter.provider, sizeof filter.provider);
    str_copy(str_of(kind), filter.kind, sizeof filter.kind);
    settle(fixture);
    CHECK_INT("listed", store_transition_list(fixture->store, &filter, on_row, &seen, next, &error),
              OK);
    return seen;
}

static struct transition_moment moment(struct fixture *fixture, int64_t at_ms, struct seen *seen)
{
    struct transition_moment moment;
    struct error error = {0};
    *seen = (struct seen){0};
    settle(fixture);
    CHECK_INT("told", store_transitions_at(fixture->store, at_ms, &moment, on_row, seen, &error),
              OK);
    return moment;
}

static void change_by_sql(struct fixture *fixture, const char *sql)
{
    struct error error = {0};
    char path[128];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/store.db", fixture->dir);
    CHECK_INT("opened", sql_open(path, SQL_WRITER, &db, &error), OK);
    CHECK_INT(sql, sql_run(db, sql, &error), OK);
    sql_close(db);
}

static void begin(struct fixture *fixture)
{
    fixture_begin(fixture);
    fixture_open(fixture, 1, 0);
}

static void a_change_is_told_with_all_it_says(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    int64_t now_ms = clock_wall_ms();
    note(&fixture, TRANSITION_PROVIDER, "", "online", "", now_ms);
    note(&fixture, TRANSITION_WORKER, "", "live", "joined", now_ms + 1);
    note(&fixture, TRANSITION_PROVIDER, "online", "error", "invalid_api_key", now_ms + 2);
    struct seen seen = list(&fixture, PROVIDER, "");
    CHECK_INT("the provider's and its worker's", seen.count, 3);
    CHECK_STR("newest first", seen.rows[0].to, "error");
    CHECK_STR("what it was", seen.rows[0].from, "online");
    CHECK_STR("why", seen.rows[0].reason, "invalid_api_key");
    CHECK_INT("when", seen.rows[0].at_ms, now_ms + 2);
    CHECK_STR("whose worker", seen.rows[1].owner, PROVIDER);
    CHECK_INT("only workers", list(&fixture, "", "worker").count, 1);
    CHECK_INT("another's", list(&fixture, "prv_2", "").count, 0);
    seen = list(&fixture, "", "config");
    CHECK_INT("the configuration that was found", seen.count, 1);
    CHECK_STR("its version", seen.rows[0].to, "1");
    fixture_end(&fixture);
}

static void a_list_goes_on_by_cursor(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct seen seen = {0};
    struct transition_filter filter = {.limit = 4, .kind = "provider"};
    begin(&fixture);
    for (int i = 0; i < 10; i++)
        note(&fixture, TRANSITION_PROVIDER, "", i % 2 ? "paused" : "online", "", FIXTURE_TIME + i);
    settle(&fixture);
    int pages = 0;
    do {
        char next[96];
        CHECK_INT("a page",
                  store_transition_list(fixture.store, &filter, on_row, &seen, next, &error), OK);
        str_copy(str_of(next), filter.cursor, sizeof filter.cursor);
        pages++;
    } while (filter.cursor[0]);
    CHECK_INT("pages", pages, 3);
    CHECK_INT("rows", seen.count, 10);
    for (int i = 0; i < 10; i++)
        CHECK_INT("each once", seen.rows[i].at_ms, FIXTURE_TIME + 9 - i);
    str_copy(STR("made-up"), filter.cursor, sizeof filter.cursor);
    char next[96];
    CHECK_INT("a forged cursor",
              store_transition_list(fixture.store, &filter, on_row, &seen, next, &error),
              ERR_MALFORMED);
    fixture_end(&fixture);
}

static void a_moment_has_the_last_state_of_each(void **state)
{
    (void)state;
    struct fixture fixture;
    struct seen seen;
    begin(&fixture);
    int64_t at_ms = clock_wall_ms() + 1000;
    note(&fixture, TRANSITION_PROVIDER, "", "online", "", at_ms);
    note(&fixture, TRANSITION_WORKER, "", "live", "joined", at_ms + 10);
    note(&fixture, TRANSITION_PROVIDER, "online", "over_quota", "rate_limited", at_ms + 20);
    note(&fixture, TRANSITION_WORKER, "live", "dead", "silent", at_ms + 30);
    note(&fixture, TRANSITION_PROVIDER, "over_quota", "gone", "deleted", at_ms + 40);
    struct transition_moment now = moment(&fixture, at_ms + 15, &seen);
    CHECK("known", now.is_known && now.has_config);
    CHECK_INT("both", seen.count, 2);
    CHECK_STR("the provider", seen.rows[0].to, "online");
    CHECK_STR("the worker", seen.rows[1].to, "live");
    (void)moment(&fixture, at_ms + 25, &seen);
    CHECK_STR("later", seen.rows[0].to, "over_quota");
    CHECK_STR("and why", seen.rows[0].reason, "rate_limited");
    (void)moment(&fixture, at_ms + 35, &seen);
    CHECK_INT("a dead worker is not there", seen.count, 1);
    (void)moment(&fixture, at_ms + 45, &seen);
    CHECK_INT("a deleted provider neither", seen.count, 0);
    now = moment(&fixture, FIXTURE_TIME - DAY_MS * 3650, &seen);
    CHECK("before there was a log nothing is known", !now.is_known);
    CHECK_STR("and that is said", now.why, "not_kept");
    fixture_end(&fixture);
}

static void while_the_server_is_down_nothing_is_known(void **state)
{
    (void)state;
    struct fixture fixture;
    struct seen seen;
    begin(&fixture);
    note(&fixture, TRANSITION_PROVIDER, "", "online", "", clock_wall_ms());
    fixture_close(&fixture);
    /* The stop was an hour ago, and all before it too. */
    change_by_sql(&fixture, "UPDATE transition SET at_ms = at_ms - 3600000");
    fixture_open(&fixture, 1, 0);
    int64_t now_ms = clock_wall_ms();
    struct transition_moment then = moment(&fixture, now_ms - 1800000, &seen);
    CHECK("unknown", !then.is_known);
    CHECK_STR("because", then.why, "stopped");
    CHECK("since", then.page_at_ms < now_ms - 3000000);
    CHECK("the configuration is known all the same", then.has_config);
    then = moment(&fixture, clock_wall_ms(), &seen);
    CHECK("known again", then.is_known);
    CHECK_INT("but not yet what the provider is", seen.count, 0);
    fixture_end(&fixture);
}

static void a_kill_is_told_by_the_next_start(void **state)
{
    (void)state;
    struct fixture fixture;
    struct seen seen;
    begin(&fixture);
    note(&fixture, TRANSITION_PROVIDER, "", "online", "", clock_wall_ms());
    store_still_alive(fixture.store, clock_wall_ms() + 20000); /* it said so just before */
    fixture_close(&fixture);
    change_by_sql(&fixture, "DELETE FROM transition WHERE to_state = 'stopped';"
                            "UPDATE transition SET at_ms = at_ms - 3600000");
    char path[128];
    (void)snprintf(path, sizeof path, "%s/alive", fixture.dir);
    int64_t alive_ms = clock_wall_ms() - 3000000;
    FILE *file = fopen(path, "w");
    CHECK("written", file && fprintf(file, "%020lld\n", (long long)alive_ms) > 0);
    (void)fclose(file);
    fixture_open(&fixture, 1, 0);
    struct transition_moment then = moment(&fixture, alive_ms - 1, &seen);
    CHECK("it ran until it was last heard of", then.is_known);
    CHECK_INT("and the provider was online", seen.count, 1);
    then = moment(&fixture, alive_ms + 1, &seen);
    CHECK("not any more", !then.is_known);
    CHECK_STR("because", then.why, "killed");
    CHECK_STR("the last page", list(&fixture, "", "server").rows[0].to, "started");
    fixture_end(&fixture);
}

static void what_the_box_cannot_hold_is_counted_and_told(void **state)
{
    (void)state;
    struct bell bell = {.fd = -1, .is_rung = true}; /* nobody listens, so nobody takes any out */
    struct transitions *log = transitions_new(&bell);
    struct seen told = {0};
    transitions_subscribe(log, on_row, &told);
    struct transition transition = {0}, first[2];
    transition_set(&transition, TRANSITION_PROVIDER, PROVIDER, "", "online", "");
    int room = 0;
    for (; transitions_lost(log) == 0; room++) {
        transition.at_ms = FIXTURE_TIME + room;
        transitions_note(log, &transition);
    }
    transition.at_ms++;
    transitions_note(log, &transition);
    CHECK_INT("two were lost", transitions_lost(log), 2);
    CHECK_INT("all others were told", told.count, room - 1);
    CHECK_INT("the page is the same until it is told", transitions_page(log), 0);
    transitions_drop(log, (size_t)room - 2);
    transition.at_ms++;
    transitions_note(log, &transition);
    CHECK_INT("now it is turned", transitions_page(log), 1);
    CHECK_INT("the loss and the note", told.count, room + 1);
    transitions_drop(log, 1);
    CHECK_INT("both wait", transitions_look(log, first, 2), 2);
    CHECK_STR("the loss comes first", first[0].to, "notes_lost");
    CHECK_INT("how many", first[0].lost, 2);
    CHECK_INT("since when", first[0].at_ms, FIXTURE_TIME + room - 1);
    CHECK_STR("then the note", first[1].to, "online");
    transitions_subscribe(log, NULL, NULL);
    transitions_free(log);
}

static void behind_lost_notes_nothing_is_known_until_it_is_noted_again(void **state)
{
    (void)state;
    struct fixture fixture;
    struct seen seen;
    begin(&fixture);
    int64_t at_ms = clock_wall_ms() + 1000;
    note(&fixture, TRANSITION_PROVIDER, "", "online", "", at_ms);
    struct transition loss = {.at_ms = at_ms + 10, .lost = 3};
    transition_set(&loss, TRANSITION_SERVER, "", "started", "notes_lost", "box_full");
    transitions_note(store_transitions(fixture.store), &loss);
    note(&fixture, TRANSITION_PROVIDER, "", "paused", "paused", at_ms + 20);
    struct transition_moment then = moment(&fixture, at_ms + 15, &seen);
    CHECK("the server ran", then.is_known);
    CHECK_STR("but notes were lost", then.why, "notes_lost");
    CHECK_INT("so nothing is told", seen.count, 0);
    (void)moment(&fixture, at_ms + 25, &seen);
    CHECK_INT("until it is noted again", seen.count, 1);
    fixture_end(&fixture);
}

static void each_change_of_configuration_is_a_row_of_its_transaction(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct seen told = {0};
    begin(&fixture);
    settle(&fixture);
    transitions_subscribe(store_transitions(fixture.store), on_row, &told);
    struct event_row event = {.id = "evt_1", .actor = "key_9", .action = "key.created"};
    struct key_row key = {.id = "key_1", .name = "laptop", .role = "admin", .digest = {1}};
    CHECK_INT("made", store_key_insert(fixture.store, &key, &event, &error), OK);
    CHECK_INT("refused", store_key_insert(fixture.store, &key, &event, &error), ERR_CONFLICT);
    struct seen seen = list(&fixture, "", "config");
    CHECK_INT("the one that was found, and the change", seen.count, 2);
    CHECK_STR("from", seen.rows[0].from, "1");
    CHECK_STR("to", seen.rows[0].to, "2");
    CHECK_STR("who", seen.rows[0].name, "key_9");
    CHECK_STR("by which event", seen.rows[0].owner, "evt_1");
    CHECK_STR("what", seen.rows[0].reason, "key.created");
    CHECK_INT("the subscriber heard of it once", told.count, 1);
    transitions_subscribe(store_transitions(fixture.store), NULL, NULL);
    fixture_end(&fixture);
}

/* The writer does so by itself, soon after a start. */
static struct seen list_trimmed(struct fixture *fixture, int kept)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    struct seen seen = list(fixture, PROVIDER, "");
    for (int i = 0; i < 5000 && seen.count > kept; i++) {
        (void)nanosleep(&pause, NULL);
        seen = list(fixture, PROVIDER, "");
    }
    return seen;
}

static const struct old_story {
    const char *name, *sql; /* of the life that ended */
    int kept;
} old_stories[] = {
    {"the server ran on",
     "UPDATE transition SET at_ms = at_ms - 8640000000 WHERE to_state = 'started'", 2},
    {"it was stopped since",
     "UPDATE transition SET at_ms = at_ms - 8640000000 WHERE kind IN ('server', 'config')", 1},
};

static void what_is_too_old_goes_but_for_how_things_stood_then(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(old_stories); i++) {
        const struct old_story *story = &old_stories[i];
        struct fixture fixture;
        struct seen seen;
        begin(&fixture);
        int64_t now_ms = clock_wall_ms(), old_ms = now_ms - 100 * DAY_MS;
        note(&fixture, TRANSITION_PROVIDER, "", "online", "", old_ms + 1000);
        note(&fixture, TRANSITION_PROVIDER, "online", "error", "invalid_api_key", old_ms + 1001);
        note(&fixture, TRANSITION_PROVIDER, "error", "online", "", old_ms + 1002);
        note(&fixture, TRANSITION_WORKER, "", "live", "joined", old_ms + 1003);
        note(&fixture, TRANSITION_WORKER, "live", "dead", "silent", old_ms + 1004);
        note(&fixture, TRANSITION_PROVIDER, "online", "paused", "paused", now_ms - DAY_MS);
        settle(&fixture);
        fixture_close(&fixture);
        change_by_sql(&fixture, story->sql);
        fixture_open(&fixture, 1, 0);
        seen = list_trimmed(&fixture, story->kept);
        CHECK_INT(story->name, seen.count, story->kept);
        CHECK_STR(story->name, seen.rows[0].to, "paused");
        if (story->kept > 1)
            CHECK_INT("how it stood at the cut", seen.rows[1].at_ms, old_ms + 1002);
        struct transition_moment then = moment(&fixture, old_ms + 5, &seen);
        CHECK_STR("what is gone is said to be", then.why, "not_kept");
        CHECK("and is not known", !then.is_known);
        fixture_end(&fixture);
    }
}

TEST_MAIN(TEST(a_change_is_told_with_all_it_says), TEST(a_list_goes_on_by_cursor),
          TEST(a_moment_has_the_last_state_of_each),
          TEST(while_the_server_is_down_nothing_is_known), TEST(a_kill_is_told_by_the_next_start),
          TEST(what_the_box_cannot_hold_is_counted_and_told),
          TEST(behind_lost_notes_nothing_is_known_until_it_is_noted_again),
          TEST(each_change_of_configuration_is_a_row_of_its_transaction),
          TEST(what_is_too_old_goes_but_for_how_things_stood_then))
