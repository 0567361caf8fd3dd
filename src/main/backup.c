/* main/backup.c: `auxot backup`: the database of a data directory into one file, while a server runs on it or not.
 *
 * This process copies, as a reader, so that the server's threads and fences have no part in it. The server is asked twice:
 * to put what its journals hold into the tables before, and to remember the backup afterwards.
 */
#include "main/commands.h"

#include "admin/key_issue.h"
#include "main/data_access.h"
#include "main/setup.h"
#include "store/backup.h"
#include "sys/clock.h"

#include "gen/version.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ANSWER_BYTES_MAX 65536u
#define DRAIN_MS         60000

static const char help[] =
    "Usage: auxot backup --to FILE|DIR [--data-dir D]\n"
    "\n"
    "Copies the database into one file, of one moment and whole, while a server runs on the data directory\n"
    "or not; every request answered before is in it. A file that is there is replaced at once, at the end;\n"
    "in a directory the name says the time. The secret is not in it: keep a copy of secret.key elsewhere,\n"
    "for without it the keys of providers in the backup cannot be read. See `auxot restore --help`.\n";

/* A directory gets a file of its own. False when the path is too long. */
static bool place_of(const char *to, int64_t now_ms, char room[PATH_MAX])
{
    struct stat info;
    struct tm utc;
    time_t seconds = (time_t)(now_ms / 1000);
    char stamp[32] = "";
    bool is_dir = stat(to, &info) == 0 && S_ISDIR(info.st_mode);
    if (gmtime_r(&seconds, &utc))
        (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    int len = is_dir ? snprintf(room, PATH_MAX, "%s/auxot-%s.backup", to, stamp)
                     : snprintf(room, PATH_MAX, "%s", to);
    return len > 0 && len < PATH_MAX;
}

static enum err drain_first(const struct data_access *access, struct json_reader *reader,
                            struct error *error)
{
    struct json root = {0};
    if (access->has_server)
        return data_access_ask(access, "POST", "/api/backup/begin", STR(""), reader, &root, error);
    if (store_drain(access->store, DRAIN_MS) == OK)
        return OK;
    return error_set(error, ERR_UNAVAILABLE,
                     "what the journals hold cannot be written to the database");
}

/* The backup is good whether or not this works. */
static enum err note(const struct data_access *access, const struct backup_note *made,
                     struct json_reader *reader, struct error *error)
{
    char text[96];
    struct json root = {0};
    (void)snprintf(text, sizeof text, "{\"at_ms\":%" PRId64 ",\"bytes\":%" PRId64 "}", made->at_ms,
                   made->bytes);
    if (access->has_server)
        return data_access_ask(access, "POST", "/api/backup/end", str_of(text), reader, &root,
                               error);
    struct event_row event = event_make("command", "backup.made", "");
    event.after_json = text;
    return store_backup_note(access->store, made, &event, error);
}

static enum err back_up(const struct data_access *access, const char *to,
                        struct json_reader *reader, struct backup_manifest *out_manifest,
                        struct error *error)
{
    char db_path[PATH_MAX];
    struct backup_wish wish = {
        .db_path = db_path, .to = to, .version = AUXOT_VERSION, .now_ms = clock_wall_ms()};
    (void)snprintf(db_path, sizeof db_path, "%s/store.db", access->settings.data_dir);
    enum err err = drain_first(access, reader, error);
    if (err == OK)
        err = backup_make(&wish, out_manifest, error);
    if (err != OK)
        return err;
    struct error why = {0};
    struct backup_note made = {out_manifest->made_at_ms,
                               out_manifest->db_bytes + BACKUP_MANIFEST_BYTES};
    if (note(access, &made, reader, &why) != OK)
        (void)complain("backup", 0, "the backup is good, but its time could not be noted: %s",
                       why.text);
    return OK;
}

static int tell(const char *to, const struct backup_manifest *made)
{
    printf("%s\n%" PRId64 " bytes, schema %" PRId64 ", sha256 of the database ", to,
           made->db_bytes + BACKUP_MANIFEST_BYTES, made->schema);
    for (size_t i = 0; i < BACKUP_SUM_BYTES; i++)
        printf("%02x", made->sha256[i]);
    putchar('\n');
    return fflush(stdout) == 0 ? 0 : complain("backup", 1, "cannot write the answer");
}

int command_backup(int argc, char **argv)
{
    struct error error = {0};
    struct data_access access = {.needs_database = true};
    struct json_reader *reader = NULL;
    struct backup_manifest made;
    char to[PATH_MAX];
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    const char *wanted = take_flag(&argc, argv, "to");
    if (load_settings(&argc, argv, &access.settings, &error) != OK)
        return complain("backup", 2, "%s", error.text);
    if (argc > 1 || !wanted || !wanted[0]) {
        fputs(help, stderr);
        return 2;
    }
    if (!place_of(wanted, clock_wall_ms(), to))
        return complain("backup", 2, "the path '%.80s...' is too long", wanted);
    enum err err = json_reader_new(ANSWER_BYTES_MAX, &reader);
    if (err == OK)
        err = data_access_open(&access, &error);
    if (err == OK)
        err = back_up(&access, to, reader, &made, &error);
    data_access_close(&access);
    json_reader_free(reader);
    return err == OK ? tell(to, &made) : complain("backup", 1, "%s", error.text);
}
