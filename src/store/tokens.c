/* store/tokens.c: rows that are open for whoever holds a token: invitations, links to a new password. The row has the token's digest,
 * and is over at its time, whether somebody has deleted it by then or not.
 */
#include "store/store_parts.h"

static enum err find(sqlite3 *db, const struct token_search *search, const uint8_t digest[32],
                     int64_t now_ms, void *out_row, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db, search->select, &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_blob(select, 1, digest, 32, SQLITE_STATIC);
    (void)sqlite3_bind_int64(select, 2, now_ms);
    err = sql_step(select, &has_row, error);
    if (err == OK && !has_row)
        return error_set(error, ERR_NOT_FOUND, "%s", search->not_open);
    if (err == OK)
        search->read(select, out_row);
    return err;
}

enum err token_find(struct store *store, const struct token_search *search,
                    const uint8_t digest[32], int64_t now_ms, void *out_row, struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = find(db, search, digest, now_ms, out_row, error);
    reader_give(&store->readers, db);
    return err;
}

void token_digest_read(sqlite3_stmt *row, int column, uint8_t out_digest[32])
{
    struct str digest = sql_blob(row, column);
    memcpy(out_digest, digest.at, digest.len < 32 ? digest.len : 32);
}
