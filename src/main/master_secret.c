/* main/master_secret.c: reading, checking and making D/secret.key. */
#include "main/master_secret.h"

#include "base/mem.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_VARIABLE "AUXOT_SECRET_KEY"

enum err master_secret_check(const char *path, struct error *error)
{
    struct stat facts;
    if (lstat(path, &facts) != 0)
        return error_set(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot look at '%s': %s",
                         path, ERRNO_TEXT(errno));
    if (!S_ISREG(facts.st_mode))
        return error_set(error, ERR_DENIED, "'%s' is not a regular file", path);
    if (facts.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(error, ERR_DENIED,
                         "'%s' can be read by others (mode %03o): run `chmod 600 '%s'`", path,
                         (unsigned)(facts.st_mode & 0777), path);
    return OK;
}

/* Takes it out of the environment, so that neither children nor /proc/PID/environ show it. */
static enum err from_environment(struct master_secret *found, struct error *error)
{
    char *value = getenv(SECRET_VARIABLE);
    if (!value)
        return ERR_NOT_FOUND;
    enum err err = value[0] == '\0' ? error_set(error, ERR_MALFORMED, SECRET_VARIABLE " is empty")
                                    : secret_new(str_of(value), &found->secret);
    secret_wipe(value, strlen(value));
    unsetenv(SECRET_VARIABLE);
    found->from_environment = err == OK;
    if (err == ERR_TOO_LARGE)
        return error_set(error, err, SECRET_VARIABLE " is longer than %u bytes", SECRET_MAX_BYTES);
    return err;
}

static enum err from_file(struct master_secret *found, struct error *error)
{
    enum err err = master_secret_check(found->path, error);
    if (err != OK)
        return err;
    char *text = NULL;
    size_t len = 0;
    err = file_read(found->path, SECRET_MAX_BYTES, &text, &len, error);
    if (err != OK)
        return err;
    struct str trimmed = {text, len};
    while (trimmed.len && strchr("\r\n \t", trimmed.at[trimmed.len - 1]))
        trimmed.len--;
    err = trimmed.len ? secret_new(trimmed, &found->secret)
                      : error_set(error, ERR_MALFORMED, "'%s' is empty", found->path);
    secret_wipe(text, len);
    mem_free(text);
    return err;
}

/* 32 random bytes in hexadecimal. The file appears whole or not at all. */
static enum err make_file(struct master_secret *found, struct error *error)
{
    char text[65];
    random_hex(text, 64);
    text[64] = '\n';
    enum err err = file_write_atomic(found->path, (struct str){text, sizeof text}, error);
    if (err == OK)
        err = secret_new((struct str){text, 64}, &found->secret);
    found->was_created = err == OK;
    secret_wipe(text, sizeof text);
    return err;
}

/* Any database counts: whether it holds ciphertexts is not worth the risk of opening it unkeyed. */
static bool has_database(const char *data_dir)
{
    char path[1200];
    struct stat facts;
    snprintf(path, sizeof path, "%s/store.db", data_dir);
    return stat(path, &facts) == 0 && facts.st_size > 0;
}

enum err master_secret_load(const char *data_dir, bool may_create, struct master_secret *out_secret,
                            struct error *error)
{
    struct master_secret found = {0};
    int len = snprintf(found.path, sizeof found.path, "%s/secret.key", data_dir);
    if (len < 0 || (size_t)len >= sizeof found.path)
        return error_set(error, ERR_MALFORMED, "the name of the data directory is too long");
    enum err err = from_environment(&found, error);
    if (err == ERR_NOT_FOUND)
        err = from_file(&found, error);
    if (err == ERR_NOT_FOUND && has_database(data_dir))
        return error_set(
            error, ERR_NOT_FOUND,
            "'%s' is missing, and the database was made with it: put it back, or set " SECRET_VARIABLE
            " to its content",
            found.path);
    if (err == ERR_NOT_FOUND && may_create)
        err = make_file(&found, error);
    if (err == OK)
        *out_secret = found;
    return err;
}
