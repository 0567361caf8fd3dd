/* main/master_secret.c: reading, checking and making D/secret.key. */
#include "main/master_secret.h"

#include "sys/secret_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_VARIABLE   "AUXOT_SECRET_KEY"
#define PREVIOUS_VARIABLE "AUXOT_SECRET_KEY_PREVIOUS"

/* Takes it out of the environment, so that neither children nor /proc/PID/environ show it. */
static enum err take_variable(const char *name, struct secret **out_secret, struct error *error)
{
    char *value = getenv(name);
    if (!value)
        return ERR_NOT_FOUND;
    enum err err = value[0] == '\0' ? error_set(error, ERR_MALFORMED, "%s is empty", name)
                                    : secret_new(str_of(value), out_secret);
    secret_wipe(value, strlen(value));
    unsetenv(name);
    if (err == ERR_TOO_LARGE)
        return error_set(error, err, "%s is longer than %u bytes", name, SECRET_MAX_BYTES);
    return err;
}

/* A secret beside the current one; there need not be any. */
static enum err beside(const char *data_dir, const char *name, struct secret **out_secret,
                       struct error *error)
{
    char path[1200];
    (void)snprintf(path, sizeof path, "%s%s", data_dir, name);
    enum err err = secret_file_read(path, out_secret, error);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* Any database counts: whether it holds ciphertexts is not worth the risk of opening it unkeyed. */
static bool has_database(const char *data_dir)
{
    char path[1200];
    struct stat facts;
    snprintf(path, sizeof path, "%s/store.db", data_dir);
    return stat(path, &facts) == 0 && facts.st_size > 0;
}

static enum err find_current(const char *data_dir, bool may_create, struct master_secret *found,
                             struct error *error)
{
    enum err err = take_variable(SECRET_VARIABLE, &found->secret, error);
    found->from_environment = err == OK;
    if (err == ERR_NOT_FOUND)
        err = secret_file_read(found->path, &found->secret, error);
    if (err == ERR_NOT_FOUND && has_database(data_dir))
        return error_set(
            error, ERR_NOT_FOUND,
            "'%s' is missing, and the database was made with it: put it back, or set " SECRET_VARIABLE
            " to its content",
            found->path);
    if (err == ERR_NOT_FOUND && may_create) {
        err = secret_file_make(found->path, &found->secret, error);
        found->was_created = err == OK;
    }
    return err;
}

/* The environment's is for any form; the files are those of a secret in a file. */
static enum err find_others(const char *data_dir, struct master_secret *found, struct error *error)
{
    enum err err = take_variable(PREVIOUS_VARIABLE, &found->previous, error);
    if (err != ERR_NOT_FOUND || found->from_environment)
        return err == ERR_NOT_FOUND ? OK : err;
    err = beside(data_dir, SECRET_FILE_PREVIOUS, &found->previous, error);
    return err == OK ? beside(data_dir, SECRET_FILE_NEXT, &found->next, error) : err;
}

enum err master_secret_load(const char *data_dir, bool may_create, struct master_secret *out_secret,
                            struct error *error)
{
    struct master_secret found = {0};
    int len = snprintf(found.path, sizeof found.path, "%s/secret.key", data_dir);
    if (len < 0 || (size_t)len >= sizeof found.path)
        return error_set(error, ERR_MALFORMED, "the name of the data directory is too long");
    enum err err = find_current(data_dir, may_create, &found, error);
    if (err == OK)
        err = find_others(data_dir, &found, error);
    if (err == OK)
        *out_secret = found;
    else
        master_secret_release(&found);
    return err;
}

enum err master_secret_vault(const struct master_secret *secret, struct vault **out_vault,
                             struct error *error)
{
    struct vault *vault = NULL;
    uint8_t unused[32];
    enum err err = vault_new(secret_borrow(secret->secret), &vault, error);
    if (err == OK && secret->previous)
        err = vault_ring_add(vault, secret_borrow(secret->previous), VAULT_PREVIOUS, unused, error);
    if (err == OK && secret->next)
        err = vault_ring_add(vault, secret_borrow(secret->next), VAULT_NEXT, unused, error);
    if (err == OK)
        *out_vault = vault;
    else
        vault_free(vault);
    return err;
}

void master_secret_release(struct master_secret *secret)
{
    secret_free(secret->secret);
    secret_free(secret->previous);
    secret_free(secret->next);
    secret->secret = secret->previous = secret->next = NULL;
}
