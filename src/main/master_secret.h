/* main/master_secret.h: AUXOT_SECRET_KEY, from which all other keys are derived. RELIABILITY T11, T30.
 *
 * From the environment (and then removed from it), or from D/secret.key, which the first start makes
 * with mode 0600. A file that others may read is refused. A missing file in a data directory that
 * already has a database is refused too: making a new secret there would orphan every stored key.
 *
 * Beside it the one before: AUXOT_SECRET_KEY_PREVIOUS, or D/secret.key.previous; and D/secret.key.next of a rotation that was
 * cut short (docs/adr/0023).
 */
#pragma once
#include "base/err.h"
#include "sys/secret.h"
#include "sys/vault.h"

struct master_secret {
    struct secret *secret;
    struct secret *previous, *next; /* NULL: none */
    bool was_created;               /* just now, in `path` */
    bool from_environment;
    char path[1200]; /* of the file; also when the environment has it */
};

/** `may_create`: false for commands that only look. Yours to master_secret_release. */
MUST_USE enum err master_secret_load(const char *data_dir, bool may_create,
                                     struct master_secret *out_secret, struct error *error);
/** A vault with all of them in its ring. Yours to vault_free. */
MUST_USE enum err master_secret_vault(const struct master_secret *secret, struct vault **out_vault,
                                      struct error *error);
void master_secret_release(struct master_secret *secret);
