/* tests/unit/main/test_secret_rotation.c: a rotation of the secret that is killed at any step is finished by the next start,
 * and nothing that was valid stops being so. F52.
 *
 * Every SQL statement and every rename and fsync of a child process is a step; the child ends at the one that it is told to.
 */
#include "admin/key_issue.h"
#include "main/master_secret.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/random.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

#define PROVIDERS   7
#define KILLED      77
#define TOKEN       "auxk_a key that somebody holds"
#define SECRET_NOW  "the secret of this server, as it is now 1"
#define SECRET_THEN "the secret of this server, as it was then"

static atomic_int steps, end_at; /* 0: to the end */

static void step(void)
{
    steps++;
    if (end_at && steps >= end_at)
        _exit(KILLED);
}

/* In the place of the library's; the store and the files of secrets call them. */
int rename(const char *from, const char *to)
{
    step();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fsync(int fd)
{
    step();
    return (int)syscall(SYS_fsync, fd);
}

static int on_statement(unsigned kind, void *arg, void *statement, void *text)
{
    (void)kind, (void)arg, (void)statement, (void)text;
    step();
    return 0;
}

static int on_open(sqlite3 *db, char **out_error, const void *api)
{
    (void)out_error, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
}

/* ---- a data directory ---------------------------------------------------------------------------- */

struct site {
    struct vault *vault;
    struct store *store;
};

static enum err site_open(const char *dir, struct site *site, struct error *error)
{
    struct master_secret found = {0};
    *site = (struct site){0};
    enum err err = master_secret_load(dir, true, &found, error);
    if (err == OK)
        err = master_secret_vault(&found, &site->vault, error);
    struct store_options options = {.data_dir = dir, .secret_is_in_files = !found.from_environment};
    master_secret_release(&found);
    return err == OK ? store_open(&options, site->vault, &site->store, error) : err;
}

static void site_close(struct site *site)
{
    store_close(site->store);
    vault_free(site->vault);
}

static void provider_add(struct site *site, int number)
{
    struct provider_row row = {.kind = "openai", .base_url = "https://example.com/v1", .rev = 1};
    AUTO_BUF struct buf sealed;
    struct error error = {0};
    uint8_t random[10];
    char text[32];
    random_fill(random, sizeof random);
    id_make("prv_", FIXTURE_TIME + number, random, row.id);
    snprintf(row.name, sizeof row.name, "p%d", number);
    str_copy(str_of(row.name), row.slug, sizeof row.slug);
    snprintf(text, sizeof text, "sk-of-p%d", number);
    buf_init(&sealed, 1024);
    CHECK_INT("seal",
              vault_seal(site->vault, STORE_ORG, "providers", "sealed_key", row.id, str_of(text),
                         &sealed, &error),
              OK);
    row.models_json = "[]";
    row.rules_json = "[]";
    row.sealed_key = sealed.data;
    row.sealed_key_len = sealed.len;
    struct event_row event = event_make("test", "provider.created", row.id);
    CHECK_INT(error.text, store_provider_insert(site->store, &row, &event, &error), OK);
}

static void dir_fill(char dir[64], uint8_t out_digest[32])
{
    struct site site;
    struct error error = {0};
    str_copy(STR("/tmp/auxot-rotate-XXXXXX"), dir, 64);
    CHECK("directory", mkdtemp(dir) != NULL);
    CHECK_INT(error.text, site_open(dir, &site, &error), OK);
    for (int i = 0; i < PROVIDERS; i++)
        provider_add(&site, i);
    vault_key_digest(site.vault, STR(TOKEN), out_digest);
    site_close(&site);
}

/* The files of a directory without subdirectories, which is what a closed store leaves. */
static void dir_copy(const char *from, char to[64])
{
    static const char *const names[] = {"store.db", "secret.key"};
    struct error error = {0};
    str_copy(STR("/tmp/auxot-rotate-XXXXXX"), to, 64);
    CHECK("directory", mkdtemp(to) != NULL);
    for (size_t i = 0; i < COUNT(names); i++) {
        char source[96], target[96], *bytes = NULL;
        size_t len = 0;
        snprintf(source, sizeof source, "%s/%s", from, names[i]);
        snprintf(target, sizeof target, "%s/%s", to, names[i]);
        CHECK_INT(error.text, file_read(source, 16u << 20, &bytes, &len, &error), OK);
        CHECK_INT(error.text, file_write_atomic(target, (struct str){bytes, len}, &error), OK);
        mem_free(bytes);
    }
}

/* How many keys of providers read as they were written. */
static int keys_readable(const struct site *site)
{
    struct store_config config = {0};
    struct error error = {0};
    int readable = 0;
    CHECK_INT("rows", store_config_load(site->store, &config, &error), OK);
    for (size_t i = 0; i < config.provider_count; i++) {
        const struct provider_row *row = &config.providers[i];
        struct secret *plain = NULL;
        char text[32];
        struct str blob = {row->sealed_key, row->sealed_key_len};
        if (vault_open(site->vault, STORE_ORG, "providers", "sealed_key", row->id, blob, &plain,
                       &error) != OK)
            continue;
        snprintf(text, sizeof text, "sk-of-%.20s", row->name);
        readable += str_eq(secret_borrow(plain), str_of(text));
        secret_free(plain);
    }
    store_config_release(&config);
    return readable;
}

static void everything_holds(const char *dir, const uint8_t digest[32], const char *name)
{
    struct site site;
    struct error error = {0};
    struct secret_report report = {0};
    struct event_report events = {0};
    struct event_head none = {0};
    uint8_t now[32];
    char next[96];
    CHECK_INT(name, site_open(dir, &site, &error), OK);
    CHECK_INT(name, keys_readable(&site), PROVIDERS);
    CHECK_INT(name, store_secret_status(site.store, &report, &error), OK);
    CHECK_INT("nothing is left", report.left, 0);
    CHECK_INT(name, report.rows, PROVIDERS);
    vault_key_digest(site.vault, STR(TOKEN), now);
    CHECK("digests of keys stay", memcmp(now, digest, sizeof now) == 0);
    CHECK_INT(name, store_events_verify(site.store, &none, INT64_MAX, &events, &error), OK);
    CHECK("the chain holds", !events.is_broken && events.events >= PROVIDERS);
    snprintf(next, sizeof next, "%s/secret.key.next", dir);
    CHECK("no file is left", access(next, F_OK) != 0);
    site_close(&site);
}

/* ---- killing ------------------------------------------------------------------------------------- */

enum deed { DEED_ROTATE, DEED_START };

/* The status of a child that does it and ends at that step. */
static int child_does(const char *dir, enum deed deed, int at_step)
{
    pid_t child = fork();
    CHECK("fork", child >= 0);
    if (child == 0) {
        struct site site;
        struct error error = {0};
        struct secret_report report = {0};
        if (deed == DEED_START)
            end_at = at_step;
        CHECK_INT("hook", sqlite3_auto_extension((void (*)(void))on_open), SQLITE_OK);
        steps = 0;
        if (site_open(dir, &site, &error) != OK)
            _exit(1);
        struct event_row event = event_make("test", "secret.rotated", "");
        steps = 0;
        end_at = at_step;
        enum err err =
            deed == DEED_ROTATE ? store_secret_rotate(site.store, &event, &report, &error) : OK;
        _exit(err == OK ? 0 : 1);
    }
    int status = 0;
    CHECK_INT("ended", waitpid(child, &status, 0), child);
    CHECK("by itself", WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void killed_at_every_step_the_next_start_finishes(void **state)
{
    (void)state;
    int at_step = 1, ended = KILLED;
    char template[64];
    uint8_t digest[32];
    dir_fill(template, digest);
    for (; ended == KILLED; at_step++) {
        char dir[64], name[48];
        dir_copy(template, dir);
        snprintf(name, sizeof name, "killed at step %d", at_step);
        ended = child_does(dir, DEED_ROTATE, at_step);
        CHECK(name, ended == KILLED || ended == 0);
        int again = child_does(dir, DEED_START,
                               at_step * 7 % 40 + 1); /* and the start that would finish, too */
        CHECK(name, again == KILLED || again == 0);
        everything_holds(dir, digest, name);
        if (at_step % 8 == 0) {
            CHECK_INT("and once more", child_does(dir, DEED_ROTATE, 0), 0);
            everything_holds(dir, digest, name);
        }
        fixture_remove_dir(dir);
    }
    fixture_remove_dir(template);
    CHECK("there were some steps", at_step > 25);
}

static void twenty_in_one_life(void **state)
{
    (void)state;
    char dir[64];
    uint8_t digest[32];
    struct site site;
    struct error error = {0};
    struct secret_report report = {0};
    dir_fill(dir, digest);
    CHECK_INT(error.text, site_open(dir, &site, &error), OK);
    for (int i = 0; i < 20; i++) {
        struct event_row event = event_make("test", "secret.rotated", "");
        CHECK_INT(error.text, store_secret_rotate(site.store, &event, &report, &error), OK);
        CHECK_INT("all of them", report.resealed, PROVIDERS);
        CHECK_INT("readable", keys_readable(&site), PROVIDERS);
    }
    site_close(&site);
    everything_holds(dir, digest, "at the end");
    fixture_remove_dir(dir);
}

/* ---- the environment ----------------------------------------------------------------------------- */

static void set_secrets(const char *now, const char *previous)
{
    setenv("AUXOT_SECRET_KEY", now, 1);
    if (previous)
        setenv("AUXOT_SECRET_KEY_PREVIOUS", previous, 1);
    else
        unsetenv("AUXOT_SECRET_KEY_PREVIOUS");
}

static void a_start_with_both_secrets_rotates(void **state)
{
    (void)state;
    char dir[64];
    uint8_t digest[32];
    struct error error = {0};
    struct site site;
    struct secret_report report = {0};
    set_secrets(SECRET_THEN, NULL);
    dir_fill(dir, digest);
    set_secrets(SECRET_NOW, NULL);
    CHECK_INT("the new one alone", site_open(dir, &site, &error), ERR_DENIED);
    CHECK("says what to set", strstr(error.text, "AUXOT_SECRET_KEY_PREVIOUS") != NULL);
    site_close(&site);
    set_secrets(SECRET_NOW, SECRET_THEN);
    everything_holds(dir, digest, "with both");
    set_secrets(SECRET_NOW, NULL);
    everything_holds(dir, digest, "with the new one alone, from then on");
    set_secrets(SECRET_NOW, NULL);
    CHECK_INT(error.text, site_open(dir, &site, &error), OK);
    struct event_row event = event_make("test", "secret.rotated", "");
    CHECK_INT("not a file's", store_secret_rotate(site.store, &event, &report, &error),
              ERR_CONFLICT);
    site_close(&site);
    CHECK("neither is left in the environment",
          !getenv("AUXOT_SECRET_KEY") && !getenv("AUXOT_SECRET_KEY_PREVIOUS"));
    fixture_remove_dir(dir);
}

static void without_the_former_secret_rows_are_left_and_told(void **state)
{
    (void)state;
    char dir[64];
    uint8_t digest[32];
    struct error error = {0};
    struct site site;
    struct secret_report report = {0};
    set_secrets(SECRET_THEN, NULL);
    dir_fill(dir, digest);
    set_secrets(SECRET_NOW, SECRET_THEN);
    /* The start is cut off when the new secret is in force and before the last row is sealed again. */
    int ended = KILLED;
    for (int at_step = 1; ended == KILLED && report.left == 0; at_step++) {
        set_secrets(SECRET_NOW, SECRET_THEN);
        ended = child_does(dir, DEED_START, at_step);
        set_secrets(SECRET_NOW, NULL);
        if (site_open(dir, &site, &error) == OK)
            CHECK_INT("look", store_secret_status(site.store, &report, &error), OK);
        if (report.left) {
            CHECK_INT("these are unreadable", keys_readable(&site), PROVIDERS - (int)report.left);
            CHECK("one is named", report.left_id[0] != '\0');
        }
        site_close(&site);
    }
    CHECK("the transaction came before the rows", report.left > 0);
    set_secrets(SECRET_NOW, SECRET_THEN);
    everything_holds(dir, digest, "with both again");
    fixture_remove_dir(dir);
}

TEST_MAIN(TEST(killed_at_every_step_the_next_start_finishes), TEST(twenty_in_one_life),
          TEST(a_start_with_both_secrets_rotates),
          TEST(without_the_former_secret_rows_are_left_and_told))
