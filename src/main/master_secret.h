/* main/master_secret.h: AUXOT_SECRET_KEY, from which all other keys are derived. RELIABILITY T11, T30.
 *
 * From the environment (and then removed from it), or from D/secret.key, which the first start makes
 * with mode 0600. A file that others may read is refused. A missing file in a data directory that
 * already has a database is refused too: making a new secret there would orphan every stored key.
 */
#pragma once
#include "base/err.h"
#include "sys/secret.h"

struct master_secret {
    struct secret *secret;
    bool was_created; /* just now, in `path` */
    bool from_environment;
    char path[1200]; /* of the file; also when the environment has it */
};

/** `may_create`: false for commands that only look. Release with secret_free(out->secret). */
MUST_USE enum err master_secret_load(const char *data_dir, bool may_create,
                                     struct master_secret *out_secret, struct error *error);
/** Owner, mode and length of the file are right? ERR_NOT_FOUND when there is none. */
MUST_USE enum err master_secret_check(const char *path, struct error *error);
