/* store/sql.h: SQLite with our settings, our error sentences, and statements that finalise themselves.
 *
 * Thread:  a connection belongs to one thread at a time (the library is used without its own locks).
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <sqlite3.h>
#include <stdint.h>

enum sql_role { SQL_WRITER, SQL_READER };

/** Opens `path` (which exists). ERR_IO, ERR_MALFORMED, ERR_NO_MEMORY with a sentence. */
MUST_USE enum err sql_open(const char *path, enum sql_role role, sqlite3 **out_db,
                           struct error *error);
void sql_close(sqlite3 *db);

/** Runs one or more statements without results. */
MUST_USE enum err sql_run(sqlite3 *db, const char *text, struct error *error);
/** Begins a transaction that writes, or reads only. An earlier one that could not be taken back is taken back
 *  first: ROLLBACK needs memory, too. */
MUST_USE enum err sql_begin(sqlite3 *db, enum sql_role role, struct error *error);
/** Takes back the transaction under way, if there is one. */
void sql_roll_back(sqlite3 *db);
MUST_USE enum err sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **out_statement,
                              struct error *error);
/** One step. OK: `*out_has_row` says whether there is a row; on the last one the statement is reset. */
MUST_USE enum err sql_step(sqlite3_stmt *statement, bool *out_has_row, struct error *error);
/** A statement without rows: steps it, resets it. `out_changes` (may be NULL): rows changed. */
MUST_USE enum err sql_done(sqlite3_stmt *statement, int *out_changes, struct error *error);
/** The number in the first column of the first row; `otherwise` when there is none or NULL. */
MUST_USE enum err sql_number(sqlite3 *db, const char *text, int64_t otherwise, int64_t *out_number,
                             struct error *error);

/** Text must outlive the statement's next reset. */
void sql_bind_text(sqlite3_stmt *statement, int at, struct str text);
struct str sql_text(sqlite3_stmt *statement, int column); /* borrowed until the next step */
struct str sql_blob(sqlite3_stmt *statement, int column);
void sql_copy(sqlite3_stmt *statement, int column, char *room, size_t room_bytes);

/** The connection's last failure, as our error with a sentence. */
enum err sql_error(sqlite3 *db, const char *what, struct error *error);
/** After this failure nothing this process writes can be trusted: a failed fsync, a damaged file. */
bool sql_is_fatal(sqlite3 *db);

static inline void sql_auto_finalize(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}
#define AUTO_STMT __attribute__((cleanup(sql_auto_finalize)))
