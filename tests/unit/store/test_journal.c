/* tests/unit/store/test_journal.c: records that are put together and written at once. */
#include "store/journal_parts.h"
#include "tests/unit/store/store_fixture.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "tests/test.h"

#define SEGMENTS_MAX 64u

struct scene {
    struct fixture fixture;
    struct segment_owner owner;
    struct bell bell;
    struct journal *journal;
};

static void scene_begin(struct scene *scene)
{
    *scene = (struct scene){0};
    fixture_begin(&scene->fixture);
    scene->owner.dir = scene->fixture.dir;
    scene->bell.fd = eventfd(0, EFD_NONBLOCK);
    CHECK_INT("journal", journal_new(&scene->owner, 0, 1, &scene->bell, &scene->journal), OK);
}

static void scene_end(struct scene *scene)
{
    journal_free(scene->journal, false);
    close(scene->bell.fd);
    fixture_end(&scene->fixture);
}

/* A record of that kind for job `number`, whose id says the number. */
static enum err add(struct scene *scene,
                    enum err (*way)(struct journal *, enum record_kind, bool,
                                    const struct job_record *, struct error *),
                    enum record_kind kind, int number)
{
    struct error error;
    struct job_record job;
    fixture_job(&job, FIXTURE_TIME, number);
    snprintf(job.id, sizeof job.id, "job_%d", number);
    return way(scene->journal, kind, kind == RECORD_CLOSE, &job, &error);
}

/* The numbers of all records in all segments, in their order, with blanks between them. */
static void read_back(const struct scene *scene, struct buf *out_numbers)
{
    AUTO_FREE char *bytes = mem_alloc(SEGMENT_BYTES);
    for (unsigned sequence = 1; sequence < SEGMENTS_MAX; sequence++) {
        int fd = -1;
        if (segment_open(&scene->owner, 0, sequence, &fd) != OK)
            continue;
        CHECK_INT("whole", read(fd, bytes, SEGMENT_BYTES), SEGMENT_BYTES);
        close(fd);
        struct str rest = {bytes + SEGMENT_HEAD_BYTES, SEGMENT_BYTES - SEGMENT_HEAD_BYTES};
        struct job_record job;
        enum record_kind kind;
        enum record_read read;
        size_t len;
        while ((read = record_decode(rest, &kind, &job, &len)) == RECORD_READ_OK) {
            buf_puts(out_numbers, job.id + strlen("job_"));
            buf_putc(out_numbers, ' ');
            rest = str_from(rest, len);
        }
        CHECK_INT("nothing is torn", read, RECORD_READ_END);
    }
}

static void check_kept(const struct scene *scene, const char *expected)
{
    AUTO_BUF struct buf numbers;
    buf_init(&numbers, 1u << 20);
    read_back(scene, &numbers);
    CHECK_STR("in the file", numbers.len ? numbers.data : "", expected);
}

/* As on a broken disk: nothing is written behind the head of a segment. */
static void break_disk(bool is_broken)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT("limit", getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = is_broken ? SEGMENT_HEAD_BYTES : limit.rlim_max;
    CHECK_INT("limit", setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_is_put_is_in_the_file_after_the_next_write_or_append(void **state)
{
    (void)state;
    struct scene scene;
    struct error error;
    scene_begin(&scene);
    uint64_t begin = journal_written(scene.journal);
    CHECK_INT("write nothing", journal_write(scene.journal, &error), OK);
    CHECK_INT("put", add(&scene, journal_put, RECORD_OPEN, 1), OK);
    CHECK_INT("put", add(&scene, journal_put, RECORD_OPEN, 2), OK);
    CHECK("the writer is told of neither", journal_written(scene.journal) == begin);
    check_kept(&scene, "");
    CHECK_INT("write", journal_write(scene.journal, &error), OK);
    CHECK("of both", journal_written(scene.journal) > begin);
    check_kept(&scene, "1 2 ");
    CHECK_INT("put", add(&scene, journal_put, RECORD_CLOSE, 2), OK);
    CHECK_INT("append", add(&scene, journal_append, RECORD_OPEN, 3), OK);
    check_kept(&scene, "1 2 2 3 ");
    scene_end(&scene);
}

static void a_failed_write_loses_what_was_put_and_nothing_else(void **state)
{
    (void)state;
    struct scene scene;
    struct error error;
    scene_begin(&scene);
    CHECK_INT("append", add(&scene, journal_append, RECORD_OPEN, 1), OK);
    CHECK_INT("put", add(&scene, journal_put, RECORD_OPEN, 2), OK);
    CHECK_INT("put", add(&scene, journal_put, RECORD_CLOSE, 1), OK);
    uint64_t before = journal_written(scene.journal);
    break_disk(true);
    CHECK_INT("write", journal_write(scene.journal, &error), ERR_IO);
    break_disk(false);
    CHECK("nothing is told", journal_written(scene.journal) == before);
    CHECK_INT("nothing is left of it", journal_write(scene.journal, &error), OK);
    check_kept(&scene, "1 ");
    CHECK_INT("the promise holds", add(&scene, journal_append, RECORD_CLOSE, 2), OK);
    check_kept(&scene, "1 2 ");
    scene_end(&scene);
}

static void a_failed_append_takes_only_itself_back(void **state)
{
    (void)state;
    struct scene scene;
    struct error error;
    scene_begin(&scene);
    CHECK_INT("append", add(&scene, journal_append, RECORD_OPEN, 1), OK);
    CHECK_INT("put", add(&scene, journal_put, RECORD_OPEN, 2), OK);
    break_disk(true);
    CHECK_INT("append", add(&scene, journal_append, RECORD_OPEN, 3), ERR_IO);
    break_disk(false);
    CHECK_INT("write", journal_write(scene.journal, &error), OK);
    check_kept(&scene, "1 2 ");
    scene_end(&scene);
}

static void what_is_put_is_bounded_and_never_crosses_segments(void **state)
{
    (void)state;
    enum { JOBS = 20000, TOGETHER = 7 };
    struct scene scene;
    struct error error;
    AUTO_BUF struct buf expected;
    buf_init(&expected, 1u << 20);
    scene_begin(&scene);
    uint64_t begin = journal_written(scene.journal);
    int unwritten = 0;
    while (journal_written(scene.journal) == begin && unwritten < 1000)
        CHECK_INT("put", add(&scene, journal_put, RECORD_OPEN, unwritten++), OK);
    CHECK("written by itself at a bound", unwritten > 20 && unwritten < 1000);
    for (int i = 0; i < JOBS; i++) {
        if (i >= unwritten)
            CHECK_INT("open", add(&scene, journal_put, RECORD_OPEN, i), OK);
        CHECK_INT("close", add(&scene, journal_put, RECORD_CLOSE, i), OK);
        if (i % TOGETHER == 0)
            CHECK_INT("write", journal_write(scene.journal, &error), OK);
    }
    CHECK_INT("write", journal_write(scene.journal, &error), OK);
    for (int i = 0; i < unwritten; i++)
        buf_printf(&expected, "%d ", i);
    for (int i = 0; i < JOBS; i++)
        buf_printf(&expected, i < unwritten ? "%d " : "%d %d ", i, i);
    CHECK("several segments", position_sequence(journal_written(scene.journal)) > 2);
    check_kept(&scene, expected.data);
    scene_end(&scene);
}

TEST_MAIN(TEST(what_is_put_is_in_the_file_after_the_next_write_or_append),
          TEST(a_failed_write_loses_what_was_put_and_nothing_else),
          TEST(a_failed_append_takes_only_itself_back),
          TEST(what_is_put_is_bounded_and_never_crosses_segments))
