/* tests/unit/domain/test_feed_log.c: reading on, in stories and by a long random game: frames are put, readers read them in
 * pieces, connections break in the middle of an event, readers come back with the last id they saw whole. At the end of the
 * game each has had every state that it may see, once and in order, and every job either as a row or in a count.
 *
 * FEED_SEED=n plays that game alone; AUXOT_TEST_LONG=1 plays fifty times as many.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "domain/feed_log.h"
#include "tests/test.h"

#include <stdlib.h>

#define LIFE "0123456789abcdef"

static const struct feed_audience all = {FEED_FOR_ALL, "", ""}, admins = {FEED_FOR_ADMINS, "", ""},
                                  anns = {FEED_FOR_OWNER, "usr_ann", "key_1"},
                                  bobs = {FEED_FOR_OWNER, "usr_bob", "key_2"};
static const struct feed_viewer boss = {.is_admin = true, .user = "usr_boss"},
                                ann = {.user = "usr_ann", .key = "key_1"};

static void put(struct feed_log *log, enum feed_kind kind, const struct feed_audience *audience,
                int64_t now_ms)
{
    char text[96];
    snprintf(text, sizeof text, "\"type\":\"%s\",\"id\":\"x\",\"patch\":{\"n\":%lld}}",
             feed_kind_name(kind), (long long)log->last_rev + 1);
    struct feed_frame *frame = feed_frame_new(kind, audience, str_of(text));
    CHECK("there is memory", frame != NULL);
    feed_log_put(log, frame, now_ms);
}

static void check_read(const char *name, const struct feed_log *log, struct feed_reader *reader,
                       int64_t now_ms, enum feed_read want, const char *want_text)
{
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    CHECK_INT(name, feed_read(log, reader, &boss, now_ms, &out, 1 << 16), want);
    CHECK_STR(name, out.len ? out.data : "", want_text);
}

/* ---- stories ------------------------------------------------------------------------------------- */

static void an_event_says_how_far_it_brings_its_reader(void **unused)
{
    (void)unused;
    struct feed_log log;
    struct feed_reader reader = {0};
    CHECK("made", feed_log_init(&log, LIFE, 100) == OK);
    put(&log, FEED_CONFIG, &all, 1000);
    feed_reader_begin(&reader, &log);
    check_read("what was before is not told", &log, &reader, 1000, FEED_READ_ALL, "");
    put(&log, FEED_CONFIG, &all, 1000);
    put(&log, FEED_JOB, &anns, 1000);
    check_read(
        "a state, then a row", &log, &reader, 1000, FEED_READ_ALL,
        "id: " LIFE "-2-1\nevent: config\n"
        "data: {\"rev\":2,\"type\":\"config\",\"id\":\"x\",\"patch\":{\"n\":2}}\n\n"
        "id: " LIFE "-3-3\nevent: job\n"
        "data: {\"rev\":3,\"left_out\":0,\"type\":\"job\",\"id\":\"x\",\"patch\":{\"n\":3}}\n\n");
    check_read("once", &log, &reader, 1000, FEED_READ_ALL, "");
    feed_log_release(&log);
}

static const struct come_back {
    const char *name, *id;
    bool may;
} come_backs[] = {
    {"where it was", LIFE "-25-24", true},
    {"at the beginning of what is kept", LIFE "-10-20", true},
    {"a state is not kept any more", LIFE "-9-20", false},
    {"a row is not kept any more", LIFE "-10-19", false},
    {"another life of the server", "fedcba9876543210-25-24", false},
    {"from the future", LIFE "-26-24", false},
    {"rows from the future", LIFE "-25-26", false},
    {"no number", LIFE "-x-24", false},
    {"a sign", LIFE "--1-24", false},
    {"half an id", LIFE "-25", false},
    {"more than an id", LIFE "-25-24-1", false},
    {"only the life", LIFE, false},
    {"nonsense", "42", false},
};

static void whoever_comes_back_goes_on_or_is_told(void **unused)
{
    (void)unused;
    struct feed_log log;
    CHECK("made", feed_log_init(&log, LIFE, 5) == OK);
    for (int i = 0; i < 25; i++) /* states 1 to 15, rows 16 to 25: 11 to 15 and 21 to 25 are kept */
        put(&log, i < 15 ? FEED_CONFIG : FEED_JOB, &all, 1000);
    for (size_t i = 0; i < COUNT(come_backs); i++) {
        struct feed_reader reader = {0};
        CHECK(come_backs[i].name,
              feed_reader_resume(&reader, &log, str_of(come_backs[i].id)) == come_backs[i].may);
    }
    feed_log_release(&log);
}

static void whoever_was_away_while_nothing_was_put_is_told(void **unused)
{
    (void)unused;
    struct feed_log log;
    struct feed_reader reader = {0};
    CHECK("made", feed_log_init(&log, LIFE, 5) == OK);
    put(&log, FEED_CONFIG, &all, 1000);
    CHECK("before", feed_reader_resume(&reader, &log, STR(LIFE "-1-1")));
    feed_log_forget(&log);
    CHECK("after", !feed_reader_resume(&reader, &log, STR(LIFE "-1-1")));
    CHECK("now", feed_reader_resume(&reader, &log, STR(LIFE "-2-2")));
    feed_log_release(&log);
}

static void a_slow_reader_gets_all_states_before_it_is_told_that_rows_are_lost(void **unused)
{
    (void)unused;
    struct feed_log log;
    struct feed_reader reader = {0};
    CHECK("made", feed_log_init(&log, LIFE, 5) == OK);
    feed_reader_begin(&reader, &log);
    put(&log, FEED_CONFIG, &all, 1000);
    for (int i = 0; i < 6; i++)
        put(&log, FEED_JOB, &all, 1000);
    check_read("the state, then the loss", &log, &reader, 1000, FEED_READ_LOST,
               "id: " LIFE "-1-0\nevent: config\n"
               "data: {\"rev\":1,\"type\":\"config\",\"id\":\"x\",\"patch\":{\"n\":1}}\n\n");
    feed_reader_begin(&reader, &log);
    check_read("from then on all is well", &log, &reader, 1000, FEED_READ_ALL, "");
    for (int i = 0; i < 6; i++)
        put(&log, FEED_CONFIG, &all, 1000);
    check_read("of states that are lost it is told at once", &log, &reader, 1000, FEED_READ_LOST,
               "");
    feed_log_release(&log);
}

/* What of the output is this? */
static int count_of(const struct buf *out, const char *needle)
{
    int count = 0;
    for (const char *at = out->data; at && (at = strstr(at, needle)) != NULL; at++)
        count++;
    return count;
}

static void rows_come_ten_a_second_and_the_others_are_counted(void **unused)
{
    (void)unused;
    struct feed_log log;
    struct feed_reader reader = {0};
    AUTO_BUF struct buf out;
    int rows = 0;
    buf_init(&out, 1 << 20);
    CHECK("made", feed_log_init(&log, LIFE, 10000) == OK);
    feed_reader_begin(&reader, &log);
    for (int64_t now_ms = 1000; now_ms < 2000; now_ms += 250) {
        for (int i = 0; i < 125; i++)
            put(&log, FEED_JOB, &all, now_ms);
        buf_clear(&out);
        CHECK("all that may be read",
              feed_read(&log, &reader, &boss, now_ms, &out, 1 << 16) == FEED_READ_ALL);
        rows += count_of(&out, "event: job");
        CHECK("122 are left out before three",
              now_ms > 1500 || strstr(out.data, "\"left_out\":122,"));
    }
    CHECK_INT("ten in a second of five hundred", rows, 10);
    for (int i = 0; i < 5; i++)
        put(&log, FEED_JOB, &all, 1900);
    buf_clear(&out);
    CHECK("they wait", feed_read(&log, &reader, &boss, 1999, &out, 1 << 16) == FEED_READ_ALL);
    CHECK_INT("not one before the second is over", out.len, 0);
    CHECK("then", feed_read(&log, &reader, &boss, 2000, &out, 1 << 16) == FEED_READ_ALL);
    CHECK_INT("three of them", count_of(&out, "event: job"), 3);
    CHECK("and two are counted", strstr(out.data, "\"left_out\":2,") != NULL);
    feed_log_release(&log);
}

static void a_full_write_goes_on_where_it_stopped(void **unused)
{
    (void)unused;
    struct feed_log log;
    struct feed_reader reader = {0};
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    CHECK("made", feed_log_init(&log, LIFE, 100) == OK);
    feed_reader_begin(&reader, &log);
    for (int i = 0; i < 3; i++)
        put(&log, FEED_CONFIG, &all, 1000);
    for (int i = 0; i < 3; i++, buf_clear(&out)) {
        enum feed_read result = feed_read(&log, &reader, &boss, 1000, &out, 1);
        CHECK_INT("one at a time", count_of(&out, "event: config"), 1);
        CHECK_INT("until the last", result, i < 2 ? FEED_READ_MORE : FEED_READ_ALL);
    }
    feed_log_release(&log);
}

static const struct feed_audience hidden = {FEED_FOR_PROVIDER, "prv_hidden", ""};

static bool count_look(const void *arg, const char *provider_id)
{
    ++*(size_t *)(uintptr_t)arg;
    return strcmp(provider_id, "prv_hidden") != 0;
}

static const struct feed_viewer *counting(size_t *looks)
{
    static struct feed_viewer viewer;
    viewer = (struct feed_viewer){.user = "usr_ann", .sees_provider = count_look, .arg = looks};
    return &viewer;
}

/* How many turns it takes until all is read; what came is added to `out`. */
static int read_by_turns(const struct feed_log *log, struct feed_reader *reader, int64_t now_ms,
                         struct buf *out)
{
    enum feed_read result = FEED_READ_MORE;
    int turns = 0;
    for (; result == FEED_READ_MORE && turns < 1000; turns++) {
        size_t looks = 0;
        result = feed_read(log, reader, counting(&looks), now_ms, out, 1 << 20);
        CHECK("no turn looks at more", looks <= FEED_LOOKS_MAX);
    }
    CHECK_INT("to the end", result, FEED_READ_ALL);
    return turns;
}

static void whoever_sees_little_reads_it_by_turns(void **unused)
{
    (void)unused;
    struct feed_log log;
    struct feed_reader reader = {0};
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    CHECK("made", feed_log_init(&log, LIFE, 10000) == OK);
    feed_reader_begin(&reader, &log);
    for (int i = 0; i < 4000; i++)
        put(&log, i % 2 ? FEED_PROVIDER : FEED_JOB, &hidden, 1000);
    put(&log, FEED_CONFIG, &all, 1000);
    for (int i = 0; i < 5; i++)
        put(&log, FEED_JOB, &anns, 1000);
    put(&log, FEED_JOB, &hidden, 1000);
    CHECK("by turns", read_by_turns(&log, &reader, 1000, &out) >= 4000 / FEED_LOOKS_MAX);
    CHECK_INT("its state", count_of(&out, "event: config"), 1);
    CHECK_INT("its newest rows", count_of(&out, "event: job"), 3);
    CHECK("and those before are counted", strstr(out.data, "\"left_out\":2,") != NULL);
    CHECK_INT("nothing else", count_of(&out, "event: "), 4);
    buf_clear(&out);
    CHECK_INT("and nothing twice", read_by_turns(&log, &reader, 3000, &out), 1);
    CHECK_INT("nothing", out.len, 0);
    feed_log_release(&log);
}

/* Rows that wait for their second are not looked at again and again. */
static void rows_that_wait_are_looked_at_once(void **unused)
{
    (void)unused;
    struct feed_log log;
    struct feed_reader reader = {0};
    size_t looks = 0;
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    CHECK("made", feed_log_init(&log, LIFE, 10000) == OK);
    feed_reader_begin(&reader, &log);
    for (int i = 0; i < 4; i++) { /* its ten of this second */
        put(&log, FEED_JOB, &anns, 1000);
        put(&log, FEED_JOB, &anns, 1000);
        put(&log, FEED_JOB, &anns, 1000);
        (void)read_by_turns(&log, &reader, 1000, &out);
    }
    for (int i = 0; i < 100; i++)
        put(&log, FEED_JOB, &hidden, 1000);
    for (int i = 0; i < 10; i++)
        (void)feed_read(&log, &reader, counting(&looks), 1100, &out, 1 << 20);
    CHECK_INT("a hundred, in ten turns", looks, 100);
    feed_log_release(&log);
}

/* ---- the game ------------------------------------------------------------------------------------ */

#define GAME_FRAMES 1500 /* some bursts are longer than a turn's looks */

struct player {
    const struct feed_viewer *viewer;
    struct feed_reader reader;
    char last_id[FEED_ID_MAX];
    int64_t states[GAME_FRAMES], jobs[GAME_FRAMES];
    size_t state_count, job_count;
    int64_t left_out;
};

static uint64_t dice_state, game_seed;

/* The promise, and the game in which it was broken. Until the next call. */
static const char *said(const char *promise)
{
    static char text[128];
    snprintf(text, sizeof text, "%s (FEED_SEED=%llu)", promise, (unsigned long long)game_seed);
    return text;
}

static unsigned dice(unsigned sides)
{
    dice_state += UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(hash_spread(dice_state) % sides);
}

static int64_t number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    CHECK(name, at != NULL);
    return strtoll(at + strlen(name), NULL, 10);
}

/* One whole event, as a browser would take it. */
static void take_event(struct player *player, char *event)
{
    char *id = strstr(event, "id: "), *end = id ? strchr(id, '\n') : NULL;
    CHECK(said("it has an id"), id && end);
    str_copy((struct str){id + 4, (size_t)(end - id) - 4}, player->last_id, sizeof player->last_id);
    int64_t rev = number_after(event, "\"rev\":");
    if (strstr(event, "event: config")) {
        player->states[player->state_count++] = rev;
        return;
    }
    player->left_out += number_after(event, "\"left_out\":");
    if (strstr(event, "event: job"))
        player->jobs[player->job_count++] = rev;
}

/* Reads once; sometimes the connection breaks and only a part arrives. */
static void turn(const struct feed_log *log, struct player *player, int64_t now_ms, bool may_break)
{
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    enum feed_read result =
        feed_read(log, &player->reader, player->viewer, now_ms, &out, 1 + dice(600));
    CHECK(said("nothing is lost in this game"), result != FEED_READ_LOST);
    bool breaks = may_break && out.len > 0 && dice(3) == 0;
    size_t arrived = breaks ? dice((unsigned)out.len + 1) : out.len;
    char *at = out.data;
    for (char *end;
         at && (end = strstr(at, "\n\n")) != NULL && (size_t)(end + 2 - out.data) <= arrived;
         at = end + 2) {
        *end = '\0';
        take_event(player, at);
    }
    if (!breaks)
        return;
    player->reader = (struct feed_reader){0};
    CHECK(said("it may go on"), feed_reader_resume(&player->reader, log, str_of(player->last_id)));
}

static void check_player(const struct feed_log *log, const struct player *player)
{
    size_t states = 0;
    int64_t jobs = 0;
    for (size_t i = 0; i < log->states.count; i++) {
        const struct feed_frame *frame = feed_ring_at(&log->states, i);
        if (!feed_sees(player->viewer, &frame->audience))
            continue;
        CHECK(said("each state in its order"), states < player->state_count);
        CHECK_INT(said("and none twice"), player->states[states++], frame->rev);
    }
    CHECK_INT(said("no state that is not theirs"), player->state_count, states);
    for (size_t i = 0; i < log->rows.count; i++) {
        const struct feed_frame *frame = feed_ring_at(&log->rows, i);
        jobs += frame->kind == FEED_JOB && feed_sees(player->viewer, &frame->audience);
    }
    for (size_t i = 1; i < player->job_count; i++)
        CHECK(said("jobs in their order, none twice"), player->jobs[i - 1] < player->jobs[i]);
    CHECK_INT(said("every job is a row or counted"), (int64_t)player->job_count + player->left_out,
              jobs);
}

static void put_something(struct feed_log *log, int64_t now_ms)
{
    static const struct feed_audience *const audiences[] = {&all, &admins, &anns, &bobs};
    unsigned kind = dice(6);
    const struct feed_audience *audience = audiences[dice(COUNT(audiences))];
    put(log, kind < 2 ? FEED_CONFIG : kind < 5 ? FEED_JOB : FEED_ATTEMPT, audience, now_ms);
}

static void play(uint64_t seed)
{
    struct feed_log log;
    struct player players[] = {{.viewer = &boss}, {.viewer = &ann}};
    int64_t now_ms = 1000;
    dice_state = game_seed = seed;
    CHECK("made", feed_log_init(&log, LIFE, GAME_FRAMES) == OK);
    for (size_t p = 0; p < COUNT(players); p++)
        snprintf(players[p].last_id, sizeof players[p].last_id, LIFE "-0-0");
    while (log.last_rev < GAME_FRAMES) {
        for (unsigned burst = dice(30) ? dice(20) : dice(700);
             burst > 0 && log.last_rev < GAME_FRAMES; burst--)
            put_something(&log, now_ms);
        for (size_t p = 0; p < COUNT(players); p++)
            turn(&log, &players[p], now_ms, true);
        now_ms += dice(400);
    }
    for (int i = 0; i < 1000; i++, now_ms += 250)
        for (size_t p = 0; p < COUNT(players); p++)
            turn(&log, &players[p], now_ms, false);
    for (size_t p = 0; p < COUNT(players); p++)
        check_player(&log, &players[p]);
    feed_log_release(&log);
}

static void every_state_once_whatever_breaks(void **unused)
{
    (void)unused;
    const char *one = getenv("FEED_SEED"), *is_long = getenv("AUXOT_TEST_LONG");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t count = one ? 1 : is_long ? 10000 : 200;
    for (uint64_t seed = first; seed < first + count; seed++) {
        play(seed);
    }
}

TEST_MAIN(TEST(an_event_says_how_far_it_brings_its_reader),
          TEST(whoever_comes_back_goes_on_or_is_told),
          TEST(whoever_was_away_while_nothing_was_put_is_told),
          TEST(a_slow_reader_gets_all_states_before_it_is_told_that_rows_are_lost),
          TEST(rows_come_ten_a_second_and_the_others_are_counted),
          TEST(a_full_write_goes_on_where_it_stopped), TEST(whoever_sees_little_reads_it_by_turns),
          TEST(rows_that_wait_are_looked_at_once), TEST(every_state_once_whatever_breaks))
