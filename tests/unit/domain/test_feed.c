/* tests/unit/domain/test_feed.c: who sees what, what a ring keeps, and what the board of figures tells again. */
#include "base/mem.h"
#include "domain/feed_board.h"
#include "domain/feed_ring.h"
#include "tests/test.h"

/* ---- who may see it ------------------------------------------------------------------------------ */

static bool sees_ours(const void *arg, const char *provider_id)
{
    return strcmp(arg, provider_id) == 0;
}

static const struct feed_viewer admin = {.is_admin = true, .user = "usr_boss", .key = "key_boss"},
                                ann = {.user = "usr_ann",
                                       .key = "key_1",
                                       .sees_provider = sees_ours,
                                       .arg = "prv_ours"},
                                nobody = {
                                    .key = "key_9", .sees_provider = sees_ours, .arg = "prv_ours"};

static const struct story {
    const char *name;
    const struct feed_viewer *viewer;
    struct feed_audience audience;
    bool is_seen;
} stories[] = {
    {"an admin sees what is for admins", &admin, {FEED_FOR_ADMINS, "", ""}, true},
    {"an admin sees everybody's jobs", &admin, {FEED_FOR_OWNER, "usr_ann", "key_1"}, true},
    {"an admin sees every provider", &admin, {FEED_FOR_PROVIDER, "prv_theirs", ""}, true},
    {"an admin does not see the member's row of a job",
     &admin,
     {FEED_FOR_MEMBER, "usr_ann", "key_1"},
     false},
    {"nor of a job of their own", &admin, {FEED_FOR_MEMBER, "usr_boss", "key_boss"}, false},
    {"the member does", &ann, {FEED_FOR_MEMBER, "usr_ann", "key_2"}, true},
    {"another does not", &ann, {FEED_FOR_MEMBER, "usr_bob", "key_3"}, false},
    {"a member sees what is for all", &ann, {FEED_FOR_ALL, "", ""}, true},
    {"a member does not see what is for admins", &ann, {FEED_FOR_ADMINS, "", ""}, false},
    {"a member sees their own jobs, of whichever key",
     &ann,
     {FEED_FOR_OWNER, "usr_ann", "key_2"},
     true},
    {"a member does not see another's jobs", &ann, {FEED_FOR_OWNER, "usr_bob", "key_3"}, false},
    {"a member does not see jobs of nobody's key", &ann, {FEED_FOR_OWNER, "", "key_1"}, false},
    {"a key of nobody sees its own jobs", &nobody, {FEED_FOR_OWNER, "", "key_9"}, true},
    {"a key of nobody does not see those of another",
     &nobody,
     {FEED_FOR_OWNER, "", "key_8"},
     false},
    {"a key of nobody does not see those of a user",
     &nobody,
     {FEED_FOR_OWNER, "usr_ann", "key_1"},
     false},
    {"a member sees their teams' provider", &ann, {FEED_FOR_PROVIDER, "prv_ours", ""}, true},
    {"a member does not see another team's", &ann, {FEED_FOR_PROVIDER, "prv_theirs", ""}, false},
};

static void everybody_sees_what_is_theirs(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK(stories[i].name,
              feed_sees(stories[i].viewer, &stories[i].audience) == stories[i].is_seen);
}

/* ---- the ring ------------------------------------------------------------------------------------ */

static void put(struct feed_ring *ring, int64_t rev, int64_t at_ms, struct str text)
{
    static const struct feed_audience all = {FEED_FOR_ALL, "", ""};
    struct feed_frame *frame = feed_frame_new(FEED_NOTICE, &all, text);
    CHECK("there is memory", frame != NULL);
    frame->rev = rev;
    frame->at_ms = at_ms;
    feed_ring_put(ring, frame);
}

static void a_ring_keeps_so_many(void **unused)
{
    (void)unused;
    struct feed_ring ring;
    CHECK("made", feed_ring_init(&ring, 3, 1000, 1000) == OK);
    for (int64_t rev = 10; rev <= 50; rev += 10)
        put(&ring, rev, 0, STR("x"));
    CHECK_INT("three are kept", ring.count, 3);
    CHECK_INT("the oldest is the third last", feed_ring_at(&ring, 0)->rev, 30);
    CHECK_INT("the newest is last", feed_ring_at(&ring, 2)->rev, 50);
    CHECK("who has 19 has missed 20", feed_ring_has_lost(&ring, 19));
    CHECK("who has 20 has missed nothing", !feed_ring_has_lost(&ring, 20));
    CHECK_INT("behind 30 comes 40", feed_ring_after(&ring, 30), 1);
    CHECK_INT("behind 31 too", feed_ring_after(&ring, 31), 1);
    CHECK_INT("behind 50 there is nothing", feed_ring_after(&ring, 50), 3);
    feed_ring_release(&ring);
}

static void a_ring_keeps_so_much_for_so_long(void **unused)
{
    (void)unused;
    struct feed_ring ring;
    CHECK("made", feed_ring_init(&ring, 100, 10, 1000) == OK);
    put(&ring, 1, 0, STR("123456"));
    put(&ring, 2, 0, STR("1234"));
    CHECK_INT("ten bytes fit", ring.count, 2);
    put(&ring, 3, 0, STR("1"));
    CHECK_INT("for one more the first goes", feed_ring_at(&ring, 0)->rev, 2);
    put(&ring, 4, 1001, STR("1"));
    CHECK_INT("what is older than a second goes", ring.count, 1);
    CHECK_INT("and is lost", ring.lost_rev, 3);
    put(&ring, 5, 1001, STR("longer than all that is kept"));
    CHECK_INT("what is too long alone is kept alone", ring.count, 1);
    feed_ring_clear(&ring, 9);
    CHECK("cleared: whoever was before 9 has missed something", feed_ring_has_lost(&ring, 8));
    CHECK_INT("and it is empty", ring.bytes, 0);
    feed_ring_release(&ring);
}

/* ---- the board ----------------------------------------------------------------------------------- */

static const struct feed_audience server = {FEED_FOR_ADMINS, "", ""},
                                  ours = {FEED_FOR_PROVIDER, "prv_ours", ""},
                                  theirs = {FEED_FOR_PROVIDER, "prv_theirs", ""};

static void measure(struct feed_board *board, const char *of_server, const char *of_ours,
                    const char *of_theirs)
{
    feed_board_begin(board);
    feed_board_put(board, &server, str_of(of_server));
    if (of_ours)
        feed_board_put(board, &ours, str_of(of_ours));
    feed_board_put(board, &theirs, str_of(of_theirs));
    feed_board_end(board);
}

static void check_board(const char *name, const struct feed_board *board,
                        const struct feed_viewer *viewer, int64_t seen, const char *want)
{
    AUTO_BUF struct buf out;
    buf_init(&out, 4096);
    bool has_news = feed_board_write(board, viewer, seen, &out);
    CHECK(name, has_news == (want[0] != '\0'));
    CHECK_STR(name, has_news ? out.data : "", want);
    CHECK_INT("nothing is left behind", has_news ? 1 : out.len == 0, 1);
}

static void the_board_tells_what_changed(void **unused)
{
    (void)unused;
    AUTO_FREE struct feed_board *board = mem_zalloc(1, sizeof *board);
    CHECK("there is memory", board != NULL);
    measure(board, "{\"s\":1}", "{\"o\":1}", "{\"t\":1}");
    check_board(
        "an admin gets all at first", board, &admin, 0,
        "{\"server\":{\"s\":1},\"providers\":{\"prv_ours\":{\"o\":1},\"prv_theirs\":{\"t\":1}}}");
    check_board("a member gets the provider of their team", board, &ann, 0,
                "{\"providers\":{\"prv_ours\":{\"o\":1}}}");
    measure(board, "{\"s\":1}", "{\"o\":1}", "{\"t\":2}");
    check_board("then what is new", board, &admin, 1, "{\"providers\":{\"prv_theirs\":{\"t\":2}}}");
    check_board("and a member nothing, of what they do not see", board, &ann, 1, "");
    measure(board, "{\"s\":2}", "{\"o\":1}", "{\"t\":3}");
    check_board("who was slow gets the newest of each", board, &admin, 1,
                "{\"server\":{\"s\":2},\"providers\":{\"prv_theirs\":{\"t\":3}}}");
    measure(board, "{\"s\":2}", NULL, "{\"t\":3}");
    CHECK_INT("what is not measured any more is gone", board->count, 2);
    check_board("and told to nobody", board, &ann, 0, "");
}

TEST_MAIN(TEST(everybody_sees_what_is_theirs), TEST(a_ring_keeps_so_many),
          TEST(a_ring_keeps_so_much_for_so_long), TEST(the_board_tells_what_changed))
