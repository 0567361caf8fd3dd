/* tests/unit/store/test_backup.c: backups of a store that is being written to, and what a manifest may be. */
#include "tests/unit/store/store_fixture.h"

#include "store/backup.h"
#include "sys/file.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "tests/test.h"

#define LIMIT_MS INT64_C(20000)

static void append(struct fixture *fixture, int number)
{
    struct job_record job;
    fixture_job(&job, FIXTURE_TIME + number, number);
    struct error error = {0};
    struct journal *journal = store_journal(fixture->store, 0);
    CHECK_INT("open", journal_append(journal, RECORD_OPEN, false, &job, &error), OK);
    fixture_job_close(&job);
    CHECK_INT("close", journal_append(journal, RECORD_CLOSE, true, &job, &error), OK);
}

struct pair {
    char db_path[128], to[128], copy[128];
};

static struct pair paths(const struct fixture *fixture)
{
    struct pair made;
    snprintf(made.db_path, sizeof made.db_path, "%s/store.db", fixture->dir);
    snprintf(made.to, sizeof made.to, "%s/made.backup", fixture->dir);
    snprintf(made.copy, sizeof made.copy, "%s/copy.db", fixture->dir);
    return made;
}

static enum err make(const struct pair *at, struct backup_manifest *out_manifest,
                     struct error *error)
{
    struct backup_wish wish = {
        .db_path = at->db_path, .to = at->to, .version = "0.1.0", .now_ms = FIXTURE_TIME};
    return backup_make(&wish, out_manifest, error);
}

static void count_job(void *arg, const struct job_record *job)
{
    (void)job;
    ++*(int *)arg;
}

/* Jobs of a store made of the backup, opened as any other. */
static int jobs_in(const struct pair *at, struct vault *vault)
{
    struct fixture elsewhere = {.dir = "/tmp/auxot-store-XXXXXX", .vault = NULL};
    char path[128];
    int count = 0;
    struct error error = {0};
    struct job_filter filter = {.limit = JOBS_PAGE_MAX};
    if (!mkdtemp(elsewhere.dir))
        abort();
    snprintf(path, sizeof path, "%s/store.db", elsewhere.dir);
    CHECK_INT(error.text, backup_unpack(at->to, path, &error), OK);
    struct store_options options = {.data_dir = elsewhere.dir};
    CHECK_INT("opens", store_open(&options, vault, &elsewhere.store, &error), OK);
    do
        CHECK_INT("list",
                  store_jobs(elsewhere.store, &filter, count_job, &count, filter.cursor, &error),
                  OK);
    while (filter.cursor[0]);
    CHECK_INT(error.text, store_integrity(elsewhere.store, &error), OK);
    store_close(elsewhere.store);
    fixture_remove_dir(elsewhere.dir);
    return count;
}

static void what_was_drained_is_in_it_and_only_that(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct backup_manifest made = {0}, seen = {0};
    uint8_t check[32];
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    struct pair at = paths(&fixture);
    for (int i = 0; i < 300; i++)
        append(&fixture, i);
    CHECK_INT("drain", store_drain(fixture.store, LIMIT_MS), OK);
    CHECK_INT(error.text, make(&at, &made, &error), OK);
    for (int i = 300; i < 350; i++)
        append(&fixture, i);
    CHECK_INT("drain", store_drain(fixture.store, LIMIT_MS), OK);
    CHECK_INT("look", backup_look(at.to, &seen, &error), OK);
    vault_check_value(fixture.vault, check);
    CHECK("same", seen.db_bytes == made.db_bytes && seen.made_at_ms == FIXTURE_TIME &&
                      memcmp(seen.sha256, made.sha256, 32) == 0);
    CHECK("the secret's check value", memcmp(seen.secret_check, check, 32) == 0);
    CHECK_INT("jobs", jobs_in(&at, fixture.vault), 300);
    CHECK_INT("made again in its place", make(&at, &made, &error), OK);
    CHECK_INT("jobs", jobs_in(&at, fixture.vault), 350);
    fixture_end(&fixture);
}

struct busy {
    struct fixture *fixture;
    atomic_bool is_over;
    int written;
};

static void *write_on(void *arg)
{
    struct busy *busy = arg;
    while (!atomic_load(&busy->is_over)) {
        append(busy->fixture, 1000 + busy->written++);
        if (busy->written % 50 == 0)
            CHECK_INT("drain", store_drain(busy->fixture->store, LIMIT_MS), OK);
    }
    return NULL;
}

static void it_ends_however_much_is_written_meanwhile(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct backup_manifest made = {0};
    pthread_t thread;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    struct pair at = paths(&fixture);
    for (int i = 0; i < 500; i++)
        append(&fixture, i);
    CHECK_INT("drain", store_drain(fixture.store, LIMIT_MS), OK);
    struct busy busy = {.fixture = &fixture};
    CHECK_INT("thread", pthread_create(&thread, NULL, write_on, &busy), 0);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(error.text, make(&at, &made, &error), OK);
        CHECK("all of before", jobs_in(&at, fixture.vault) >= 500);
    }
    atomic_store(&busy.is_over, true);
    pthread_join(thread, NULL);
    CHECK("writes went on", busy.written > 0);
    fixture_end(&fixture);
}

static void every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct backup_manifest made = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    struct pair at = paths(&fixture);
    CHECK_INT(error.text, make(&at, &made, &error), OK);
    int fd = open(at.to, O_RDWR | O_CLOEXEC);
    CHECK("open", fd >= 0);
    for (int64_t place = 0; place < made.db_bytes; place += made.db_bytes / 61) {
        char byte = 0;
        size_t len = 0;
        CHECK_INT("read", file_read_at(fd, &byte, 1, place, &len), OK);
        byte ^= 0x10;
        CHECK_INT("flip", file_write_at(fd, &byte, 1, place), OK);
        CHECK_INT("refused", backup_unpack(at.to, at.copy, &error), ERR_MALFORMED);
        CHECK("nothing is left", access(at.copy, F_OK) != 0);
        byte ^= 0x10;
        CHECK_INT("back", file_write_at(fd, &byte, 1, place), OK);
    }
    CHECK_INT(error.text, backup_unpack(at.to, at.copy, &error), OK);
    CHECK_INT("not over a file that is there", backup_unpack(at.to, at.copy, &error), ERR_IO);
    close(fd);
    fixture_end(&fixture);
}

static void a_manifest_is_read_as_it_was_written_or_not_at_all(void **state)
{
    (void)state;
    static const struct story {
        const char *name, *from, *to;
    } stories[] = {
        {"another form", "auxot backup 1", "auxot backup 2"},
        {"no number", "\"schema\":7", "\"schema\":x"},
        {"not positive", "\"schema\":7", "\"schema\":0"},
        {"a hex digit", "\"sha256\":\"0b0b", "\"sha256\":\"0g0b"},
        {"a short sum", "\"sha256\":\"0b", "\"sha25\":\"0b0"},
        {"a terminal's colours", "\"version\":\"1.2.3", "\"version\":\"\\u001b"},
    };
    struct backup_manifest manifest = {.version = "1.2.3.4.5.6",
                                       .schema = 7,
                                       .made_at_ms = 1,
                                       .db_bytes = 4096},
                           read = {0};
    memset(manifest.sha256, 0x0b, sizeof manifest.sha256);
    AUTO_BUF struct buf page;
    buf_init(&page, BACKUP_MANIFEST_BYTES + 1);
    backup_manifest_write(&manifest, &page);
    CHECK_INT("length", page.len, BACKUP_MANIFEST_BYTES);
    CHECK_INT("read", backup_manifest_read(buf_str(&page), &read, NULL), OK);
    CHECK("same", memcmp(&manifest, &read, sizeof read) == 0);
    for (size_t i = 0; i < COUNT(stories); i++) {
        char copy[BACKUP_MANIFEST_BYTES];
        memcpy(copy, page.data, sizeof copy);
        size_t place = 0;
        CHECK(stories[i].name, str_find(buf_str(&page), str_of(stories[i].from), &place));
        memcpy(copy + place, stories[i].to, strlen(stories[i].to));
        CHECK_INT(stories[i].name,
                  backup_manifest_read((struct str){copy, sizeof copy}, &read, NULL),
                  ERR_MALFORMED);
    }
    for (size_t len = 0; len < page.len; len += 63)
        CHECK_INT("cut", backup_manifest_read(str_upto(buf_str(&page), len), &read, NULL),
                  ERR_MALFORMED);
}

/* What is beside the place under the name of its part, and is none. */
static void what_is_no_part_is_left_as_it_is(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct backup_manifest made = {0};
    struct stat info;
    char part[160], other[160];
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    struct pair at = paths(&fixture);
    snprintf(part, sizeof part, "%s.part", at.to);
    snprintf(other, sizeof other, "%s/other", fixture.dir);
    CHECK_INT("other", file_write_atomic(other, STR("precious"), &error), OK);
    CHECK_INT("a second name", link(other, part), 0);
    CHECK_INT("refused", make(&at, &made, &error), ERR_CONFLICT);
    CHECK("whole", stat(other, &info) == 0 && info.st_size == 8);
    CHECK("still there", unlink(part) == 0);
    CHECK_INT("a link", symlink(other, part), 0);
    CHECK_INT("refused", make(&at, &made, &error), ERR_IO);
    CHECK("whole", stat(other, &info) == 0 && info.st_size == 8);
    CHECK("still there", unlink(part) == 0);
    CHECK_INT("a pipe", mkfifo(part, 0600), 0);
    CHECK_INT("refused", make(&at, &made, &error), ERR_CONFLICT);
    CHECK("still there", unlink(part) == 0);
    int left = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK("of one that was killed", left >= 0 && write(left, "half", 4) == 4);
    CHECK_INT(error.text, make(&at, &made, &error), OK);
    close(left);
    fixture_end(&fixture);
}

static void the_store_remembers_the_last_one(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct backup_note note = {9, 9};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    CHECK_INT("read", store_backup_last(fixture.store, &note, &error), OK);
    CHECK("never", note.at_ms == 0 && note.bytes == 0);
    for (int64_t i = 1; i <= 2; i++) {
        note = (struct backup_note){FIXTURE_TIME + i, 4096 * i};
        CHECK_INT("note", store_backup_note(fixture.store, &note, NULL, &error), OK);
    }
    fixture_close(&fixture);
    fixture_open(&fixture, 0, 0);
    CHECK_INT("read", store_backup_last(fixture.store, &note, &error), OK);
    CHECK("the last", note.at_ms == FIXTURE_TIME + 2 && note.bytes == 8192);
    fixture_end(&fixture);
}

TEST_MAIN(TEST(what_was_drained_is_in_it_and_only_that),
          TEST(it_ends_however_much_is_written_meanwhile), TEST(every_flipped_byte_is_noticed),
          TEST(a_manifest_is_read_as_it_was_written_or_not_at_all),
          TEST(what_is_no_part_is_left_as_it_is), TEST(the_store_remembers_the_last_one))
