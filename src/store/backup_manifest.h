/* store/backup_manifest.h: the last 4096 bytes of a backup: what it is, from when, under which secret, and its sum.
 *
 * A line that names the form, one JSON object, and line feeds to the end: `tail -c 4096 FILE` shows it.
 *
 * Thread:  any.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

#define BACKUP_MANIFEST_BYTES 4096u
#define BACKUP_SUM_BYTES      32

struct backup_manifest {
    char version[32];                       /* of the program that made it */
    int64_t schema;                         /* of the database: number of the last migration */
    int64_t made_at_ms;                     /* wall */
    int64_t db_bytes;                       /* the database is what comes before the manifest */
    uint8_t secret_check[BACKUP_SUM_BYTES]; /* vault_check_value of the secret it needs */
    uint8_t sha256[BACKUP_SUM_BYTES];       /* of the database */
};

/** Appends exactly BACKUP_MANIFEST_BYTES. */
void backup_manifest_write(const struct backup_manifest *manifest, struct buf *out);
/** Strict: all fields, each in its range. ERR_MALFORMED with a sentence; ERR_NO_MEMORY. */
MUST_USE enum err backup_manifest_read(struct str bytes, struct backup_manifest *out_manifest,
                                       struct error *error);
