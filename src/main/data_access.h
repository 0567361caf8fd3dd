/* main/data_access.h: how a command reaches a data directory: through the server that runs on it, so that what it does is in
 * force when it returns; without one, straight in the store, under its lock.
 *
 *     struct data_access access = {0};
 *     load_settings(&argc, argv, &access.settings, &error);
 *     err = data_access_open(&access, &error);  ...  data_access_close(&access);
 *
 * Thread:  main's.
 */
#pragma once
#include "json/json.h"
#include "main/settings.h"
#include "store/store.h"

struct data_access {
    struct settings settings;
    bool
        needs_database; /* set before the open: nothing is made, and where there is none that is an error */
    char socket_path[108];
    bool has_server;
    struct vault *vault; /* without a server */
    struct store *store;
};

/** Without a server it makes what is missing: directory, secret, database. ERR_NOT_FOUND: needs_database, and there is none. */
MUST_USE enum err data_access_open(struct data_access *access, struct error *error);
void data_access_close(struct data_access *access); /* also after a failed open */
/** Calls the server; an answer that is no 2xx becomes an error with its own sentence. `out_root` lives as long as the
 *  reader's next use. */
MUST_USE enum err data_access_ask(const struct data_access *access, const char *method,
                                  const char *path, struct str body, struct json_reader *reader,
                                  struct json *out_root, struct error *error);
