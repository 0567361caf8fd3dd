/* sys/secret_files.c: see secret_files.h. */
#include "sys/secret_files.h"

#include "base/mem.h"
#include "sys/file.h"
#include "sys/random.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum err secret_file_check(const char *path, struct error *error)
{
    struct stat facts;
    if (lstat(path, &facts) != 0)
        return errno == ENOENT
                   ? ERR_NOT_FOUND
                   : error_set(error, ERR_IO, "cannot look at '%s': %s", path, ERRNO_TEXT(errno));
    if (!S_ISREG(facts.st_mode))
        return error_set(error, ERR_DENIED, "'%s' is not a regular file", path);
    if (facts.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(error, ERR_DENIED,
                         "'%s' can be read by others (mode %03o): run `chmod 600 '%s'`", path,
                         (unsigned)(facts.st_mode & 0777), path);
    return OK;
}

enum err secret_file_read(const char *path, struct secret **out_secret, struct error *error)
{
    enum err err = secret_file_check(path, error);
    if (err != OK)
        return err;
    char *text = NULL;
    size_t len = 0;
    err = file_read(path, SECRET_MAX_BYTES, &text, &len, error);
    if (err != OK)
        return err;
    struct str trimmed = {text, len};
    while (trimmed.len && strchr("\r\n \t", trimmed.at[trimmed.len - 1]))
        trimmed.len--;
    err = trimmed.len ? secret_new(trimmed, out_secret)
                      : error_set(error, ERR_MALFORMED, "'%s' is empty", path);
    secret_wipe(text, len);
    mem_free(text);
    return err;
}

/* The file appears whole or not at all. */
enum err secret_file_make(const char *path, struct secret **out_secret, struct error *error)
{
    char text[65];
    random_hex(text, 64);
    text[64] = '\n';
    enum err err = file_write_atomic(path, (struct str){text, sizeof text}, error);
    if (err == OK)
        err = secret_new((struct str){text, 64}, out_secret);
    secret_wipe(text, sizeof text);
    return err;
}

/* The secret is written once more under its new name before the old name gets another content. */
static enum err previous_keep(const char *path, const char *previous, struct error *error)
{
    char *text = NULL;
    size_t len = 0;
    enum err err = file_read(path, SECRET_MAX_BYTES, &text, &len, error);
    if (err == ERR_NOT_FOUND)
        return OK;
    if (err != OK)
        return err;
    err = file_write_atomic(previous, (struct str){text, len}, error);
    secret_wipe(text, len);
    mem_free(text);
    return err;
}

enum err secret_files_advance(const char *data_dir, struct error *error)
{
    char next[PATH_MAX], now[PATH_MAX], previous[PATH_MAX];
    (void)snprintf(next, sizeof next, "%s" SECRET_FILE_NEXT, data_dir);
    (void)snprintf(now, sizeof now, "%s" SECRET_FILE, data_dir);
    (void)snprintf(previous, sizeof previous, "%s" SECRET_FILE_PREVIOUS, data_dir);
    enum err err = secret_file_check(next, error);
    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    err = previous_keep(now, previous, error);
    if (err == OK && rename(next, now) != 0)
        err = error_set(error, ERR_IO, "cannot rename '%s': %s", next, ERRNO_TEXT(errno));
    return err == OK ? file_sync_dir(data_dir, error) : err;
}
