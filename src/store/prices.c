/* store/prices.c: prices of an admin's own. One of a provider goes with it. */
#include "store/store_parts.h"

static void bind_or_null(sqlite3_stmt *statement, int at, int64_t value)
{
    if (value < 0)
        (void)sqlite3_bind_null(statement, at);
    else
        (void)sqlite3_bind_int64(statement, at, value);
}

enum err price_put(sqlite3 *db, void *arg, struct error *error)
{
#define PARAMETER(member, name)   "?, "
#define REPLACEMENT(member, name) #member " = excluded." #member ", "
    const struct price_row *row = arg;
    AUTO_STMT sqlite3_stmt *put = NULL;
    int next = 1;
    enum err err = sql_prepare(
        db,
        "INSERT INTO price_override (" PRICE_LIST(
            PRICE_COLUMN) "id, model, provider_id, "
                          "long_from_tokens, note, updated_at_ms, rev) VALUES (" PRICE_LIST(PARAMETER) "?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET " PRICE_LIST(
                              REPLACEMENT) "long_from_tokens = excluded.long_from_tokens, note = excluded.note, "
                                           "updated_at_ms = excluded.updated_at_ms, rev = rev + 1",
        &put, error);
    if (err != OK)
        return err;
#define X(member, name) bind_or_null(put, next++, row->price.member);
    PRICE_LIST(X)
#undef X
    sql_bind_text(put, next++, str_of(row->id));
    sql_bind_text(put, next++, str_of(row->model));
    sql_bind_text(put, next++, str_of(row->provider_id));
    (void)sqlite3_bind_int64(put, next++, row->price.long_from_tokens);
    sql_bind_text(put, next++, str_of(row->note));
    (void)sqlite3_bind_int64(put, next++, row->updated_at_ms);
    (void)sqlite3_bind_int64(put, next++, row->rev);
    return done_named(put, "price", row->id, row->model, error);
}

enum err price_delete(sqlite3 *db, void *arg, struct error *error)
{
    return delete_by_id(db, "DELETE FROM price_override WHERE id = ?1", "price", arg, error);
}

enum err price_read(sqlite3_stmt *statement, void *out_row)
{
    struct price_row *row = out_row;
    int column = 0;
#define X(member, name)                                                       \
    row->price.member = sqlite3_column_type(statement, column) == SQLITE_NULL \
                            ? COST_UNKNOWN                                    \
                            : sqlite3_column_int64(statement, column);        \
    column++;
    PRICE_LIST(X)
#undef X
    sql_copy(statement, column++, row->id, sizeof row->id);
    sql_copy(statement, column++, row->model, sizeof row->model);
    sql_copy(statement, column++, row->provider_id, sizeof row->provider_id);
    row->price.long_from_tokens = sqlite3_column_int64(statement, column++);
    sql_copy(statement, column++, row->note, sizeof row->note);
    row->updated_at_ms = sqlite3_column_int64(statement, column++);
    row->rev = sqlite3_column_int64(statement, column);
    row->price.long_cache_write_1h = COST_UNKNOWN; /* as what is written for five minutes */
    row->price.context_tokens = row->price.max_output_tokens = TOKENS_UNKNOWN;
    return OK;
}

enum err prices_drop(sqlite3 *db, const char *provider_id, struct error *error)
{
    AUTO_STMT sqlite3_stmt *drop = NULL;
    enum err err =
        sql_prepare(db, "DELETE FROM price_override WHERE provider_id = ?1", &drop, error);
    if (err != OK)
        return err;
    sql_bind_text(drop, 1, str_of(provider_id));
    return sql_done(drop, NULL, error);
}

enum err store_price_put(struct store *store, const struct price_row *row,
                         const struct event_row *event, struct error *error)
{
    return config_submit(store, price_put, row, event, error);
}

enum err store_price_delete(struct store *store, const char *id, const struct event_row *event,
                            struct error *error)
{
    return config_submit(store, price_delete, id, event, error);
}
