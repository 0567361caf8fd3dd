/* main/setup.c: the beginnings that commands share. */
#include "main/setup.h"

#include "main/logging.h"
#include "sys/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool asks_for_help(int argc, char **argv)
{
    for (int at = 1; at < argc; at++)
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
            return true;
    return false;
}

static void drop_words(int *argc, char **argv, int at, int count)
{
    for (int from = at + count; from <= *argc; from++)
        argv[from - count] = argv[from];
    *argc -= count;
}

const char *take_flag(int *argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    for (int at = 1; at < *argc; at++) {
        char *word = argv[at];
        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, len) != 0)
            continue;
        if (word[2 + len] == '=') {
            drop_words(argc, argv, at, 1);
            return word + 3 + len;
        }
        if (word[2 + len] == '\0' && at + 1 < *argc) {
            const char *value = argv[at + 1];
            drop_words(argc, argv, at, 2);
            return value;
        }
    }
    return NULL;
}

bool take_switch(int *argc, char **argv, const char *name)
{
    for (int at = 1; at < *argc; at++) {
        if (strncmp(argv[at], "--", 2) != 0 || strcmp(argv[at] + 2, name) != 0)
            continue;
        drop_words(argc, argv, at, 1);
        return true;
    }
    return false;
}

int complain(const char *command, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "auxot %s: ", command);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

enum err load_settings(int *argc, char **argv, struct settings *out_settings, struct error *error)
{
    return settings_load(argc, argv, environ, out_settings, error);
}

static void announce_secret(const struct master_secret *secret)
{
    if (secret->was_created)
        logging_tell(
            "auxot: made a new secret in %s\n"
            "auxot: keep a copy of it elsewhere: without it the stored provider keys cannot be"
            " read, and backups leave it out\n",
            secret->path);
}

enum err open_vault(const struct settings *settings, bool may_create, struct vault **out_vault,
                    bool *out_is_in_files, struct error *error)
{
    struct master_secret found = {0};
    enum err err = may_create ? file_make_private_dir(settings->data_dir, error) : OK;
    if (err == OK)
        err = master_secret_load(settings->data_dir, may_create, &found, error);
    if (err != OK)
        return err;
    announce_secret(&found);
    *out_is_in_files = !found.from_environment;
    err = master_secret_vault(&found, out_vault, error);
    master_secret_release(&found);
    return err;
}

enum err control_path(const struct settings *settings, char room[108], struct error *error)
{
    int len = snprintf(room, 108, "%s/control", settings->data_dir);
    if (len < 0 || len >= 108)
        return error_set(error, ERR_MALFORMED,
                         "the data directory's name is too long for a control socket: at most 99"
                         " bytes; give a shorter path");
    return OK;
}
