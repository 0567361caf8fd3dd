/* main/setup_token.c: `auxot setup-token`: what the first user must bring to POST /api/setup. */
#include "main/commands.h"

#include "admin/people.h"
#include "main/data_access.h"
#include "main/setup.h"
#include "sys/secret.h"

#include <stdio.h>

#define ANSWER_BYTES_MAX 65536u

static const char help[] =
    "Usage: auxot setup-token [--data-dir D]\n"
    "\n"
    "Prints the token that makes the first user, the owner; the server printed it when it started. It\n"
    "works while a server runs on the data directory and before its first start, until there is an owner.\n";

static enum err read_store(const struct data_access *access, char out_token[APIKEY_LEN + 1],
                           struct error *error)
{
    struct store_config config = {0};
    enum err err = store_config_load(access->store, &config, error);
    if (err == OK && config.is_set_up)
        err = error_set(error, ERR_CONFLICT, "Set-up was done already: sign in instead.");
    store_config_release(&config);
    return err == OK ? setup_token(access->store, access->vault, out_token, error) : err;
}

static enum err ask_server(const struct data_access *access, char out_token[APIKEY_LEN + 1],
                           struct error *error)
{
    struct json_reader *reader = NULL;
    struct json root = {0};
    enum err err = json_reader_new(ANSWER_BYTES_MAX, &reader);
    if (err != OK)
        return error_set(error, err, "no memory");
    err = data_access_ask(access, "GET", "/api/setup/token", STR(""), reader, &root, error);
    if (err == OK)
        str_copy(json_string_or_empty(json_get(root, "token")), out_token, APIKEY_LEN + 1);
    json_reader_free(reader);
    return err;
}

int command_setup_token(int argc, char **argv)
{
    struct error error = {0};
    struct data_access access = {0};
    char token[APIKEY_LEN + 1] = "";
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    if (load_settings(&argc, argv, &access.settings, &error) != OK)
        return complain("setup-token", 2, "%s", error.text);
    if (argc > 1) {
        fputs(help, stderr);
        return 2;
    }
    enum err err = data_access_open(&access, &error);
    if (err == OK)
        err = access.has_server ? ask_server(&access, token, &error)
                                : read_store(&access, token, &error);
    data_access_close(&access);
    if (err != OK)
        return complain("setup-token", 1, "%s", error.text);
    puts(token);
    secret_wipe(token, sizeof token);
    return fflush(stdout) == 0 ? 0 : complain("setup-token", 1, "cannot write the answer");
}
