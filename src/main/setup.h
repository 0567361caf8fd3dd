/* main/setup.h: what several commands begin with: words from the command line, settings, secret, vault.
 */
#pragma once
#include "main/master_secret.h"
#include "main/settings.h"
#include "sys/vault.h"
#include <stdbool.h>

/** Is --help or -h among the words? */
bool asks_for_help(int argc, char **argv);
/** Takes `--name value` (or --name=value) out of argv; NULL when it is not there or has no value. */
const char *take_flag(int *argc, char **argv, const char *name);
/** Takes `--name`, a flag without a value, out of argv. Was it there? */
bool take_switch(int *argc, char **argv, const char *name);
/** "auxot COMMAND: sentence" to stderr. Returns `status`. */
int complain(const char *command, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Settings from argv (which keeps the words that are none), the environment and the file. */
MUST_USE enum err load_settings(int *argc, char **argv, struct settings *out_settings,
                                struct error *error);
/** Data directory, secret and vault. `may_create` as in master_secret.h; says on stderr when it made
 *  the secret. `out_is_in_files`: it stands in D/secret.key. Yours: vault_free. */
MUST_USE enum err open_vault(const struct settings *settings, bool may_create,
                             struct vault **out_vault, bool *out_is_in_files, struct error *error);
/** D/control into `room`. ERR_MALFORMED when it does not fit a socket address (107 bytes). */
MUST_USE enum err control_path(const struct settings *settings, char room[108],
                               struct error *error);
