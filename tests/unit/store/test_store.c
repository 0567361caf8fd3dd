/* tests/unit/store/test_store.c: what may be opened, and by whom; a refused file is not touched. */
#include "tests/unit/store/store_fixture.h"

#include "sys/file.h"
#include <fcntl.h>
#include <sqlite3.h>

#include "tests/test.h"

static enum err try_open(struct fixture *fixture, struct vault *vault, struct error *error)
{
    struct store *store = NULL;
    struct store_options options = {.data_dir = fixture->dir};
    enum err err = store_open(&options, vault, &store, error);
    store_close(store);
    return err;
}

static void db_path(const struct fixture *fixture, char room[128])
{
    snprintf(room, 128, "%s/store.db", fixture->dir);
}

static void everything_is_private(void **state)
{
    (void)state;
    struct fixture fixture;
    struct stat info;
    char path[128];
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    CHECK("directory", stat(fixture.dir, &info) == 0 && (info.st_mode & 0777) == 0700);
    db_path(&fixture, path);
    CHECK("database", stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    snprintf(path, sizeof path, "%s/store.db-wal", fixture.dir);
    CHECK("its log", stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    fixture_end(&fixture);
}

static void a_directory_may_be_new_deep_and_behind_a_link(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    char from[128], deep[160];
    fixture_begin(&fixture);
    snprintf(from, sizeof from, "%s/link", fixture.dir);
    snprintf(deep, sizeof deep, "%s/link/a/b", fixture.dir);
    CHECK_INT("link", symlink(".", from), 0);
    struct store *store = NULL;
    struct store_options options = {.data_dir = deep};
    enum err err = store_open(&options, fixture.vault, &store, &error);
    CHECK_STR(error.text, err_name(err), "OK");
    store_close(store);
    fixture_end(&fixture);
}

static void a_second_opener_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    CHECK_INT("second", try_open(&fixture, fixture.vault, &error), ERR_BUSY);
    CHECK("says who", strstr(error.text, "process") != NULL);
    fixture_close(&fixture);
    CHECK_INT("after it", try_open(&fixture, fixture.vault, &error), OK);
    fixture_end(&fixture);
}

static void another_secret_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct vault *other = NULL;
    fixture_begin(&fixture);
    fixture_open(&fixture, 0, 0);
    fixture_close(&fixture);
    CHECK_INT("other", vault_new(STR("quite another secret, of good length too"), &other, &error),
              OK);
    CHECK_INT("refused", try_open(&fixture, other, &error), ERR_DENIED);
    CHECK("names it", strstr(error.text, "AUXOT_SECRET_KEY") != NULL);
    CHECK_INT("the right one still opens", try_open(&fixture, fixture.vault, &error), OK);
    vault_free(other);
    fixture_end(&fixture);
}

static void change_by_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    CHECK_INT("open", sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT("change", sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* As the first release left it. */
static void make_first_release(const char *path)
{
    static const char *const later_columns[] = {
        "user_id",     "service_account_id", "scopes",
        "models_json", "policy_json",        "expires_at_ms",
        "rev",         "previous_digest",    "previous_until_ms"};
    change_by_sql(path, "DROP TABLE worker_key; ALTER TABLE provider DROP COLUMN dialects_json; "
                        "DROP TABLE team; DROP TABLE team_member; DROP TABLE service_account; "
                        "DROP TABLE user; DROP TABLE session; DROP TABLE invitation; "
                        "ALTER TABLE provider DROP COLUMN teams_json; DROP INDEX api_key_previous; "
                        "DROP TABLE usage_group; DROP TABLE usage_minute; DROP TABLE usage_hour; "
                        "DROP TABLE usage_day; DROP TABLE price_override; "
                        "ALTER TABLE chunk DROP COLUMN field_count; "
                        "DROP TRIGGER event_stays; DROP TRIGGER event_remains; "
                        "ALTER TABLE event DROP COLUMN mac; DROP TABLE transition; "
                        "DROP TABLE password_reset; "
                        "ALTER TABLE jobs_1 DROP COLUMN wasted_microusd; "
                        "ALTER TABLE jobs_1 DROP COLUMN is_unpriced; "
                        "PRAGMA user_version=1");
    for (size_t i = 0; i < COUNT(later_columns); i++) {
        char sql[96];
        snprintf(sql, sizeof sql, "ALTER TABLE api_key DROP COLUMN %s", later_columns[i]);
        change_by_sql(path, sql);
    }
}

static void on_job(void *arg, const struct job_record *job)
{
    char *told = arg;
    size_t len = strlen(told);
    snprintf(told + len, 128 - len, "%s %lld %d;", job_status_name(job->status),
             (long long)job->wasted_microusd, job->is_unpriced);
}

/* A chunk of before has fewer columns: its rows are read, and closed, as it is; new ones go elsewhere. */
static void check_old_and_new_rows(struct fixture *fixture)
{
    struct job_record job;
    struct error error = {0};
    struct job_filter filter = {.limit = 10};
    char told[128] = "", cursor[96];
    fixture_job(&job, FIXTURE_TIME + 1, 2);
    fixture_job_close(&job);
    job.wasted_microusd = 5;
    CHECK_INT("append",
              journal_append(store_journal(fixture->store, 0), RECORD_CLOSE, false, &job, &error),
              OK);
    CHECK_INT("drain", store_drain(fixture->store, 5000), OK);
    CHECK_INT("list", store_jobs(fixture->store, &filter, on_job, told, cursor, &error), OK);
    CHECK_STR("both", told, "done 5 0;interrupted 0 0;");
}

static void a_file_of_the_first_release_is_brought_up_to_date(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error error = {0};
    struct store_config config = {0};
    struct provider_row row = {.id = "prv_1", .name = "Cloud", .kind = "openai", .rev = 1};
    char path[128];
    struct job_record job;
    fixture_begin(&fixture);
    fixture_open(&fixture, 1, 0);
    CHECK_INT("insert", store_provider_insert(fixture.store, &row, NULL, &error), OK);
    fixture_job(&job, FIXTURE_TIME, 1);
    CHECK_INT("append",
              journal_append(store_journal(fixture.store, 0), RECORD_OPEN, false, &job, &error),
              OK);
    CHECK_INT("drain", store_drain(fixture.store, 5000), OK);
    fixture_close(&fixture);
    db_path(&fixture, path);
    make_first_release(path);
    fixture_open(&fixture, 1, 0);
    CHECK_INT("load", store_config_load(fixture.store, &config, &error), OK);
    CHECK_INT("it is there", config.provider_count, 1);
    CHECK_STR("with its name", config.providers[0].name, "Cloud");
    CHECK_STR("and speaks what its kind does", config.providers[0].dialects_json, "");
    check_old_and_new_rows(&fixture);
    store_config_release(&config);
    fixture_end(&fixture);
}

static void make_newer(const char *path)
{
    change_by_sql(path, "PRAGMA user_version=999");
}

static void make_foreign(const char *path)
{
    change_by_sql(path, "PRAGMA application_id=12345");
}

static void make_garbage(const char *path)
{
    struct error error;
    char bytes[8192];
    memset(bytes, '#', sizeof bytes);
    CHECK_INT("garbage", file_write_atomic(path, (struct str){bytes, sizeof bytes}, &error), OK);
}

static void cut_short(const char *path)
{
    CHECK_INT("cut", truncate(path, 3 * 4096 + 100), 0);
}

static void cut_to_a_stump(const char *path)
{
    CHECK_INT("cut", truncate(path, 50), 0);
}

static void damage_the_schema(const char *path)
{
    AUTO_FREE char *bytes = NULL;
    size_t len = 0;
    struct error error;
    CHECK_INT("read", file_read(path, 1 << 24, &bytes, &len, &error), OK);
    memset(bytes + 100, 0xff, 3000);
    CHECK_INT("write", file_write_atomic(path, (struct str){bytes, len}, &error), OK);
}

static void make_anothers(const char *path)
{
    unlink(path);
    change_by_sql(path, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
}

static void damaged_and_newer_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    static const struct story {
        const char *name;
        void (*change)(const char *path);
    } stories[] = {
        {"a newer schema", make_newer},
        {"another program's id", make_foreign},
        {"no database", make_garbage},
        {"cut short", cut_short},
        {"cut to a stump", cut_to_a_stump},
        {"a damaged first page", damage_the_schema},
        {"another program's tables", make_anothers},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct fixture fixture;
        struct error error = {0};
        char path[128];
        fixture_begin(&fixture);
        db_path(&fixture, path);
        fixture_open(&fixture, 0, 0);
        fixture_close(&fixture);
        stories[i].change(path);

        AUTO_FREE char *before = NULL;
        AUTO_FREE char *after = NULL;
        size_t before_len = 0, after_len = 0;
        CHECK_INT("read", file_read(path, 1 << 24, &before, &before_len, &error), OK);
        CHECK_INT(stories[i].name, try_open(&fixture, fixture.vault, &error), ERR_MALFORMED);
        CHECK(stories[i].name, error.text[0] != '\0');
        CHECK_INT("read", file_read(path, 1 << 24, &after, &after_len, &error), OK);
        CHECK(stories[i].name, before_len == after_len && memcmp(before, after, after_len) == 0);
        fixture_end(&fixture);
    }
}

TEST_MAIN(TEST(everything_is_private), TEST(a_second_opener_is_refused),
          TEST(a_directory_may_be_new_deep_and_behind_a_link), TEST(another_secret_is_refused),
          TEST(a_file_of_the_first_release_is_brought_up_to_date),
          TEST(damaged_and_newer_files_are_refused_and_left_alone))
