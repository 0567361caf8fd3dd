/* store/backup.h: one file that holds the whole database of one moment, and its manifest behind it.
 *
 * The copy is made by who asks, in a process of their own or not, from a reader: what is written meanwhile is not held up,
 * and is not in it. It holds no secret: keys of providers are in it as sealed as they are in the database. Journals are
 * not in it: whoever makes one drains them first (store_drain), and so everything acknowledged before is in the tables.
 *
 * Thread:  any but a loop; calls block.
 */
#pragma once
#include "store/backup_manifest.h"

struct backup_wish {
    const char *db_path; /* DATA/store.db; whoever holds it open may go on */
    const char *to;      /* replaced whole when it is there and is a backup; 0600 */
    const char *version;
    int64_t now_ms; /* wall */
};
/** Errors: ERR_CONFLICT when `to` is something else; ERR_BUSY when another makes it now; ERR_IO, ERR_UNAVAILABLE.
 *  `to` is then as it was. */
MUST_USE enum err backup_make(const struct backup_wish *wish, struct backup_manifest *out_manifest,
                              struct error *error);

/** The manifest, and whether the file is as long as it says. ERR_NOT_FOUND, ERR_IO, ERR_MALFORMED. */
MUST_USE enum err backup_look(const char *path, struct backup_manifest *out_manifest,
                              struct error *error);
/** Writes the database to `db_path`, which must not exist, 0600, synced. ERR_MALFORMED when the sum is another: nothing
 *  is left then. */
MUST_USE enum err backup_unpack(const char *path, const char *db_path, struct error *error);
