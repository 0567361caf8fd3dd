/* main/restore.c: `auxot restore`: a data directory out of a backup.
 *
 * What can be refused is refused before anything is written: a directory in use, a damaged file, another secret. Then the
 * database is unpacked (its sum must be right), opened as a start would open it (migrated, open jobs closed as interrupted),
 * read through, and its events followed. If any of that fails, the directory is as it was. Nothing here talks to a
 * provider, and nothing that was running when the backup was made is done again.
 */
#include "main/commands.h"

#include "admin/key_issue.h"
#include "base/mem.h"
#include "main/setup.h"
#include "store/backup.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_MS INT64_C(600000)

static const char help[] =
    "Usage: auxot restore --from FILE --data-dir NEW [--secret-file FILE]\n"
    "\n"
    "Makes a data directory out of a backup, and checks all of it. NEW must be empty or missing; it may hold\n"
    "secret.key. The secret must be the one of the server that was backed up: in AUXOT_SECRET_KEY, in\n"
    "NEW/secret.key, or in the file that --secret-file names, which is copied there. Requests that were\n"
    "running when the backup was made stand in the record as interrupted; none is sent again.\n";

struct restore {
    struct settings settings;
    const char *from, *secret_file; /* NULL: none */
    char db_path[PATH_MAX], key_path[PATH_MAX];
    bool made_key; /* copied from secret_file */
    struct backup_manifest manifest;
    struct vault *vault;
    struct store *store;
    struct store_figures figures;
    struct event_report report;
};

/* ---- before anything is written ------------------------------------------------------------------ */

static bool may_be_there(const char *name)
{
    static const char *const names[] = {".", "..", "secret.key", "secret.key.previous",
                                        "lost+found"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static enum err directory_check(const char *path, struct error *error)
{
    DIR *directory = opendir(path);
    if (!directory && errno == ENOENT)
        return OK;
    if (!directory)
        return error_set(error, ERR_IO, "cannot read '%s': %s", path, ERRNO_TEXT(errno));
    enum err err = OK;
    for (struct dirent *entry; err == OK && (entry = readdir(directory)) != NULL;)
        if (!may_be_there(entry->d_name))
            err = error_set(error, ERR_CONFLICT,
                            "'%s' is not empty (there is '%.60s'): nothing was changed; name a new "
                            "directory",
                            path, entry->d_name);
    closedir(directory);
    return err;
}

/* Not over one that is there: it may be the only copy of another. */
static enum err secret_copy(struct restore *restore, struct error *error)
{
    char *text = NULL;
    size_t len = 0;
    if (!restore->secret_file)
        return OK;
    if (access(restore->key_path, F_OK) == 0)
        return error_set(error, ERR_CONFLICT, "'%s' is there already: leave out --secret-file",
                         restore->key_path);
    enum err err = file_read(restore->secret_file, SECRET_MAX_BYTES, &text, &len, error);
    if (err != OK)
        return err;
    err = file_write_atomic(restore->key_path, (struct str){text, len}, error);
    restore->made_key = err == OK;
    secret_wipe(text, len);
    mem_free(text);
    return err;
}

static enum err secret_check(struct restore *restore, struct error *error)
{
    struct master_secret found = {0};
    struct error why = {0};
    enum err err = master_secret_load(restore->settings.data_dir, false, &found, &why);
    if (err == ERR_NOT_FOUND)
        return error_set(error, err,
                         "the backup needs the secret of the server it was made of: set "
                         "AUXOT_SECRET_KEY, or name its secret.key with --secret-file");
    if (err != OK)
        return error_set(error, err, "%s", why.text);
    err = master_secret_vault(&found, &restore->vault, error);
    master_secret_release(&found);
    if (err != OK)
        return err;
    if (vault_ring_find(restore->vault, restore->manifest.secret_check) == VAULT_NOWHERE)
        return error_set(error, ERR_DENIED,
                         "this is not the secret that the backup was made under: nothing was "
                         "restored. Bring the AUXOT_SECRET_KEY, or the secret.key, of the server "
                         "that was backed up, as it was then");
    return OK;
}

static enum err prepare(struct restore *restore, struct error *error)
{
    enum err err = directory_check(restore->settings.data_dir, error);
    if (err == OK)
        err = backup_look(restore->from, &restore->manifest, error);
    if (err == OK)
        err = file_make_private_dir(restore->settings.data_dir, error);
    if (err == OK)
        err = secret_copy(restore, error);
    return err == OK ? secret_check(restore, error) : err;
}

/* ---- restoring ----------------------------------------------------------------------------------- */

static enum err events_check(struct restore *restore, struct error *error)
{
    struct event_head none = {0};
    enum err err = store_events_verify(restore->store, &none, INT64_MAX, &restore->report, error);
    if (err == OK && restore->report.is_broken)
        err = error_set(error, ERR_MALFORMED,
                        "the chain of events in the backup is broken at event %" PRId64
                        " (%s): somebody changed it; use another backup",
                        restore->report.bad_seq, restore->report.why);
    return err;
}

static enum err store_check(struct restore *restore, struct error *error)
{
    struct store_options options = {.data_dir = restore->settings.data_dir};
    enum err err = store_open(&options, restore->vault, &restore->store, error);
    if (err == OK && store_drain(restore->store, DRAIN_MS) != OK)
        err = error_set(error, ERR_IO, "what was running could not be closed: see the log");
    if (err == OK)
        err = store_integrity(restore->store, error);
    return err == OK ? events_check(restore, error) : err;
}

static enum err note(struct restore *restore, struct error *error)
{
    char after[96];
    (void)snprintf(after, sizeof after, "{\"made_at_ms\":%" PRId64 ",\"interrupted\":%" PRId64 "}",
                   restore->manifest.made_at_ms, restore->figures.interrupted);
    struct event_row event = event_make("command", "backup.restored", "");
    event.after_json = after;
    return store_event_add(restore->store, &event, error);
}

/* What this run made, and nothing else. */
static void clear(const struct restore *restore)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "lock",
                                        "life-0.lock"};
    char path[PATH_MAX + 32];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", restore->settings.data_dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/journal", restore->settings.data_dir);
    (void)rmdir(path);
}

static enum err restore_run(struct restore *restore, struct error *error)
{
    enum err err = prepare(restore, error);
    bool has_begun = err == OK;
    if (err == OK)
        err = backup_unpack(restore->from, restore->db_path, error);
    if (err == OK)
        err = store_check(restore, error);
    if (err == OK) {
        store_figures(restore->store, &restore->figures);
        err = note(restore, error);
    }
    store_close(restore->store);
    if (err != OK && has_begun)
        clear(restore);
    if (err != OK && restore->made_key)
        (void)unlink(restore->key_path);
    vault_free(restore->vault);
    return err;
}

static int tell(const struct restore *restore)
{
    struct tm utc;
    time_t seconds = (time_t)(restore->manifest.made_at_ms / 1000);
    char stamp[32] = "";
    if (gmtime_r(&seconds, &utc))
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf("restored %s as it was at %s (auxot %s)\n"
           "%" PRId64 " events, unbroken; %" PRId64 " requests were running then and are "
           "interrupted\n",
           restore->settings.data_dir, stamp, restore->manifest.version, restore->report.events,
           restore->figures.interrupted);
    return fflush(stdout) == 0 ? 0 : complain("restore", 1, "cannot write the answer");
}

int command_restore(int argc, char **argv)
{
    struct error error = {0};
    struct restore restore = {0};
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    restore.from = take_flag(&argc, argv, "from");
    restore.secret_file = take_flag(&argc, argv, "secret-file");
    if (load_settings(&argc, argv, &restore.settings, &error) != OK)
        return complain("restore", 2, "%s", error.text);
    if (argc > 1 || !restore.from) {
        fputs(help, stderr);
        return 2;
    }
    (void)snprintf(restore.db_path, sizeof restore.db_path, "%s/store.db",
                   restore.settings.data_dir);
    (void)snprintf(restore.key_path, sizeof restore.key_path, "%s/secret.key",
                   restore.settings.data_dir);
    enum err err = restore_run(&restore, &error);
    return err == OK ? tell(&restore) : complain("restore", 1, "%s", error.text);
}
