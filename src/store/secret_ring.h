/* store/secret_ring.h: which secret the rows are sealed under, and how they come under another (docs/adr/0023).
 *
 * `secret_check` in `setting` says which secret is current; what is sealed under the one before is sealed again, row by row.
 * A rotation is one transaction, which names the new secret and seals the identity under it; all that follows can be cut
 * off anywhere and is finished by the next start.
 *
 * Thread:  the writer's, or that of store_open.
 */
#pragma once
#include "store/sql.h"
#include "store/store.h"
#include "sys/vault.h"

struct secret_open {
    struct vault *vault;
    const char *data_dir;
    bool is_in_files; /* the secret is D/secret.key, and ours to replace */
};
/** Puts vault and store in agreement: a new store gets the vault's check value; a rotation that was cut short, or that
 *  AUXOT_SECRET_KEY_PREVIOUS asks for, is finished. ERR_DENIED with a sentence when no secret of the ring is the store's. */
MUST_USE enum err secret_ring_open(sqlite3 *db, const struct secret_open *open, int64_t now_ms,
                                   struct error *error);

/** Sealing again, some rows at a time. */
struct reseal {
    const struct vault *vault;
    char after[ID_MAX]; /* the last row that was looked at */
    int64_t resealed;
    bool is_over;
};
/** Inside a transaction. Rows that no secret of the ring opens stay as they are. */
MUST_USE enum err reseal_some(sqlite3 *db, void *reseal, struct error *error);

/** What a rotation writes: the secret with check value `to`, which is in the ring, is current from here on. Inside a
 *  transaction. */
struct secret_switch {
    const struct vault *vault;
    uint8_t to[32];
    int64_t now_ms;
};
MUST_USE enum err secret_switch(sqlite3 *db, void *change, struct error *error);
