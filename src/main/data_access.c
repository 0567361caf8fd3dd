/* main/data_access.c: see data_access.h. */
#include "main/data_access.h"

#include "main/control_client.h"
#include "main/setup.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX (8u * 1024 * 1024)

static bool has_database(const char *data_dir)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/store.db", data_dir);
    return len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0;
}

enum err data_access_open(struct data_access *access, struct error *error)
{
    enum err err = control_path(&access->settings, access->socket_path, error);
    if (err != OK)
        return err;
    AUTO_BUF struct buf answer = {0};
    buf_init(&answer, ANSWER_BYTES_MAX);
    int status = 0;
    err = control_call(access->socket_path, "GET", "/api/health", STR(""), &status, &answer, error);
    access->has_server = err == OK;
    if (err != ERR_NOT_FOUND)
        return err;
    if (access->needs_database && !has_database(access->settings.data_dir))
        return error_set(
            error, ERR_NOT_FOUND,
            "there is no database in '%.200s': name the data directory of a server with "
            "--data-dir",
            access->settings.data_dir);
    struct store_options options = {.data_dir = access->settings.data_dir};
    err = open_vault(&access->settings, true, &access->vault, &options.secret_is_in_files, error);
    if (err == OK)
        err = store_open(&options, access->vault, &access->store, error);
    return err;
}

void data_access_close(struct data_access *access)
{
    store_close(access->store);
    vault_free(access->vault);
}

enum err data_access_ask(const struct data_access *access, const char *method, const char *path,
                         struct str body, struct json_reader *reader, struct json *out_root,
                         struct error *error)
{
    AUTO_BUF struct buf answer = {0};
    buf_init(&answer, ANSWER_BYTES_MAX);
    int status = 0;
    enum err err = control_call(access->socket_path, method, path, body, &status, &answer, error);
    if (err == OK)
        err = json_parse(reader, buf_str(&answer), out_root, error);
    if (err != OK || status / 100 == 2)
        return err;
    struct str detail = json_string_or_empty(json_get(*out_root, "detail"));
    return error_set(error, ERR_DENIED, "%.*s", STR_ARG(detail));
}
