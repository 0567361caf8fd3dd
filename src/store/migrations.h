/* store/migrations.h: the shape of the database, as numbered steps. */
#pragma once
#include "store/sql.h"

#define STORE_APPLICATION_ID 0x41757874 /* "Auxt" */

/**
 * Looks at the file without changing it: is it ours, whole, and not newer than this program? A missing or
 * empty file is fine. ERR_MALFORMED with a sentence, ERR_IO.
 */
MUST_USE enum err migrations_precheck(const char *path, struct error *error);
/** The same through SQLite (the newest schema number may stand in the WAL). Changes nothing. */
MUST_USE enum err migrations_check(sqlite3 *db, struct error *error);
/** Reads the tables of the configuration whole, structure and all: they are small, the server cannot do
 *  without them, and damage must be found before the first write. ERR_MALFORMED with a sentence. */
MUST_USE enum err migrations_verify(sqlite3 *db, struct error *error);
/** Applies the missing steps, each with its number in one transaction. */
MUST_USE enum err migrations_apply(sqlite3 *db, struct error *error);
