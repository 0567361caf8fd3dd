/* store/backup.c: making and unpacking backups.
 *
 * SQLite's own online backup copies pages. A reader that holds one read transaction all the while sees one moment (WAL), so
 * the copy never begins again however much is written; the price is that the WAL is not reset before the end, and grows
 * by what is written meanwhile. Pages go over in steps that fit the cache, so memory does not depend on the size.
 *
 * The file is made beside its place under another name, summed, described, synced and only then renamed: a reader of
 * `to` sees the old backup or the new, and never part of one.
 */
#include "store/backup.h"

#include "base/mem.h"
#include "store/sql.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_PAGES 256 /* of 4 KiB */
#define PIECE      ((size_t)256 * 1024)

/* ---- the copy ------------------------------------------------------------------------------------ */

/* What the manifest says of the database; these are the transaction's first reads, from which on it stands still. */
static enum err facts_read(sqlite3 *db, struct backup_manifest *manifest, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err = sql_number(db, "PRAGMA user_version", 0, &manifest->schema, error);
    if (err == OK)
        err = sql_prepare(db, "SELECT value FROM setting WHERE name = 'secret_check'", &select,
                          error);
    if (err == OK)
        err = sql_step(select, &has_row, error);
    if (err != OK)
        return err;
    struct str check = has_row ? sql_blob(select, 0) : (struct str){"", 0};
    if (check.len != sizeof manifest->secret_check)
        return error_set(error, ERR_MALFORMED, "the database does not say what secret it needs");
    memcpy(manifest->secret_check, check.at, check.len);
    return OK;
}

static enum err pages_copy(sqlite3 *from, sqlite3 *to, struct error *error)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    if (!copy)
        return sql_error(to, "begin the backup", error);
    int result = SQLITE_OK;
    while (result == SQLITE_OK)
        result = sqlite3_backup_step(copy, STEP_PAGES);
    (void)sqlite3_backup_finish(copy);
    return result == SQLITE_DONE ? OK : sql_error(to, "write the backup", error);
}

/* The file is there, empty and ours. No journal and no syncs: it counts for nothing before the last sync. */
static enum err copy_open(const char *path, sqlite3 **out_db, struct error *error)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    enum err err = OK;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK)
        err = db ? sql_error(db, "write the backup", error)
                 : error_set(error, ERR_NO_MEMORY, "no memory for the backup");
    if (err == OK)
        err = sql_run(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", error);
    if (err == OK)
        *out_db = db;
    else
        (void)sqlite3_close(db);
    return err;
}

static enum err database_copy(const char *db_path, const char *to, struct backup_manifest *manifest,
                              struct error *error)
{
    sqlite3 *from = NULL, *copy = NULL;
    enum err err = sql_open(db_path, SQL_READER, &from, error);
    if (err != OK)
        return err;
    err = sql_begin(from, SQL_READER, error);
    if (err == OK)
        err = facts_read(from, manifest, error);
    if (err == OK)
        err = copy_open(to, &copy, error);
    if (err == OK)
        err = pages_copy(from, copy, error);
    (void)sqlite3_close(copy);
    sql_roll_back(from);
    sql_close(from);
    return err;
}

/* ---- sums ---------------------------------------------------------------------------------------- */

/* Sums the first `len` bytes; writes them to `to` as well unless that is negative. */
static enum err pieces_pass(int from, int to, int64_t len, uint8_t out_sum[BACKUP_SUM_BYTES])
{
    struct sha256 *sum = NULL;
    AUTO_FREE char *room = mem_alloc(PIECE);
    enum err err = room ? sha256_new(&sum) : ERR_NO_MEMORY;
    for (int64_t at = 0; err == OK && at < len;) {
        size_t want = len - at < (int64_t)PIECE ? (size_t)(len - at) : PIECE, got = 0;
        err = file_read_at(from, room, want, at, &got);
        if (err == OK && got != want)
            err = ERR_MALFORMED; /* shorter than it was */
        if (err == OK && to >= 0)
            err = file_write_at(to, room, got, at);
        if (err == OK)
            sha256_add(sum, room, got);
        at += (int64_t)got;
    }
    if (err == OK)
        sha256_end(sum, out_sum);
    sha256_free(sum);
    return err;
}

/* Behind the copied pages: their sum and what they are. Then it is on disk. */
static enum err seal(int fd, struct backup_manifest *manifest, struct error *error)
{
    AUTO_BUF struct buf page = {0};
    struct stat info;
    buf_init(&page, BACKUP_MANIFEST_BYTES + 1);
    if (fstat(fd, &info) != 0)
        return error_set(error, ERR_IO, "cannot look at the backup: %s", ERRNO_TEXT(errno));
    manifest->db_bytes = info.st_size;
    enum err err = pieces_pass(fd, -1, manifest->db_bytes, manifest->sha256);
    backup_manifest_write(manifest, &page);
    if (page.failed)
        err = ERR_NO_MEMORY;
    if (err == OK)
        err = file_write_at(fd, page.data, page.len, manifest->db_bytes);
    if (err == OK && fsync(fd) != 0)
        err = ERR_IO;
    return err == OK ? OK
                     : error_set(error, err, "cannot finish the backup: %s", ERRNO_TEXT(errno));
}

/* ---- making -------------------------------------------------------------------------------------- */

/* Nothing, or an earlier backup: what else may be there is not ours to replace. */
static enum err place_check(const char *to, struct error *error)
{
    struct backup_manifest unused;
    struct error why = {0};
    enum err err = backup_look(to, &unused, &why);
    if (err == OK || err == ERR_NOT_FOUND)
        return OK;
    return error_set(error, ERR_CONFLICT,
                     "'%s' is there and is no backup: it is left as it is; name another file", to);
}

/* It is what a backup that was killed has left there, and is still there: not what another, which ended between our open and
 * our lock, has made of it, and not a file that has another name, too. */
static enum err part_check(int fd, const char *path, struct error *error)
{
    struct stat open, named;
    if (fstat(fd, &open) != 0)
        return error_set(error, ERR_IO, "cannot look at '%s': %s", path, ERRNO_TEXT(errno));
    bool is_there = lstat(path, &named) == 0;
    if (!is_there || named.st_dev != open.st_dev || named.st_ino != open.st_ino)
        return error_set(error, ERR_BUSY, "another backup was being made to '%s'; try again", path);
    if (!S_ISREG(open.st_mode) || open.st_nlink != 1)
        return error_set(
            error, ERR_CONFLICT,
            "'%s' is there and is no part of a backup: it is left as it is; remove it, "
            "or name another file",
            path);
    return OK;
}

/* `<to>.part`, empty and locked: what one that was killed has left there is used again. */
static enum err part_open(const char *path, int *out_fd, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(error, ERR_IO, "cannot write '%s': %s", path, ERRNO_TEXT(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return error_set(error, ERR_BUSY, "another backup is being made to '%s'", path);
    enum err err = part_check(fd, path, error);
    if (err != OK)
        return err;
    if (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0)
        return error_set(error, ERR_IO, "cannot write '%s': %s", path, ERRNO_TEXT(errno));
    *out_fd = fd_take(&fd);
    return OK;
}

static enum err put_in_place(const char *part, const char *to, struct error *error)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(to, '/');
    if (slash)
        str_copy((struct str){to, slash == to ? 1 : (size_t)(slash - to)}, directory,
                 sizeof directory);
    if (rename(part, to) != 0)
        return error_set(error, ERR_IO, "cannot rename '%s': %s", part, ERRNO_TEXT(errno));
    return file_sync_dir(directory, error);
}

enum err backup_make(const struct backup_wish *wish, struct backup_manifest *out_manifest,
                     struct error *error)
{
    char part[PATH_MAX];
    AUTO_CLOSE int fd = -1;
    struct backup_manifest manifest = {.made_at_ms = wish->now_ms};
    str_copy(str_of(wish->version), manifest.version, sizeof manifest.version);
    int len = snprintf(part, sizeof part, "%s.part", wish->to);
    if (len < 0 || (size_t)len >= sizeof part)
        return error_set(error, ERR_MALFORMED, "the path '%s' is too long", wish->to);
    enum err err = place_check(wish->to, error);
    if (err == OK)
        err = part_open(part, &fd, error);
    if (err != OK)
        return err;
    err = database_copy(wish->db_path, part, &manifest, error);
    if (err == OK)
        err = seal(fd, &manifest, error);
    if (err == OK)
        err = put_in_place(part, wish->to, error);
    if (err == OK)
        *out_manifest = manifest;
    else
        (void)unlink(part);
    return err;
}

/* ---- looking and unpacking ----------------------------------------------------------------------- */

static enum err look_at(int fd, const char *path, struct backup_manifest *out_manifest,
                        struct error *error)
{
    char page[BACKUP_MANIFEST_BYTES];
    struct stat info;
    struct error why = {0};
    size_t len = 0;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return error_set(error, ERR_IO, "'%s' is no file", path);
    int64_t db_bytes = info.st_size - BACKUP_MANIFEST_BYTES;
    if (db_bytes > 0 && file_read_at(fd, page, sizeof page, db_bytes, &len) != OK)
        return error_set(error, ERR_IO, "cannot read '%s': %s", path, ERRNO_TEXT(errno));
    enum err err = backup_manifest_read((struct str){page, len}, out_manifest, &why);
    if (err == OK && out_manifest->db_bytes != db_bytes)
        err = error_set(&why, ERR_MALFORMED, "it is not as long as it was made");
    return err == OK ? OK : error_set(error, err, "'%s' cannot be used: %s", path, why.text);
}

static enum err backup_open(const char *path, int *out_fd, struct error *error)
{
    *out_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*out_fd >= 0)
        return OK;
    return error_set(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read '%s': %s", path,
                     ERRNO_TEXT(errno));
}

enum err backup_look(const char *path, struct backup_manifest *out_manifest, struct error *error)
{
    AUTO_CLOSE int fd = -1;
    struct backup_manifest found;
    enum err err = backup_open(path, &fd, error);
    if (err == OK)
        err = look_at(fd, path, &found, error);
    if (err == OK)
        *out_manifest = found;
    return err;
}

static enum err unpack_to(int from, int to, const char *path,
                          const struct backup_manifest *manifest, struct error *error)
{
    uint8_t sum[BACKUP_SUM_BYTES];
    enum err err = pieces_pass(from, to, manifest->db_bytes, sum);
    if (err == OK && fsync(to) != 0)
        err = ERR_IO;
    if (err != OK)
        return error_set(error, err, "cannot unpack '%s': %s", path, ERRNO_TEXT(errno));
    if (memcmp(sum, manifest->sha256, sizeof sum) != 0)
        return error_set(
            error, ERR_MALFORMED,
            "'%s' is damaged: it is not what was written (its SHA-256 is another); use "
            "another backup",
            path);
    return OK;
}

enum err backup_unpack(const char *path, const char *db_path, struct error *error)
{
    AUTO_CLOSE int from = -1;
    struct backup_manifest manifest;
    enum err err = backup_open(path, &from, error);
    if (err == OK)
        err = look_at(from, path, &manifest, error);
    if (err != OK)
        return err;
    AUTO_CLOSE int to = open(db_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return error_set(error, ERR_IO, "cannot write '%s': %s", db_path, ERRNO_TEXT(errno));
    err = unpack_to(from, to, path, &manifest, error);
    if (err != OK)
        (void)unlink(db_path);
    return err;
}
