/* store/replay.c: see replay.h. Chunk by chunk: they follow one another in time. */
#include "store/replay.h"

#include "base/mem.h"
#include "store/store_parts.h"

#define CHUNKS_MAX 4096

/* What is read of a row, in this order, behind its key. */
// clang-format off
#define REPLAY_FIELD_LIST(X)                                                                      \
    X(id) X(status) X(reason) X(endpoint) X(requested_model) X(provider_id) X(key_id) X(team) X(user) \
    X(is_stream) X(created_at_ms) X(queued_ms) X(first_byte_ms) X(duration_ms) X(input_tokens)     \
    X(output_tokens) X(cached_tokens) X(cache_write_tokens) X(needs) X(prompt_tokens) X(pin)       \
    X(is_batch) X(is_admin) X(wait_ms)
// clang-format on
static const enum job_field fields[] = {
#define X(column) JOB_FIELD_##column,
    REPLAY_FIELD_LIST(X)
#undef X
};
enum at {
    AT_KEY,
#define X(column) AT_##column,
    REPLAY_FIELD_LIST(X)
#undef X
};

struct part {
    int64_t chunk, field_count, min_at, max_at, row_count;
};
struct parts {
    struct part *list; /* by time */
    size_t count;
};

/* ---- which chunks -------------------------------------------------------------------------------- */

static enum err parts_read(sqlite3 *db, int64_t first, int64_t last, struct parts *out_parts,
                           struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(
        db,
        "SELECT id, field_count, min_at, max_at, row_count FROM chunk WHERE row_count > 0 AND "
        "min_at <= ?2 AND max_at >= ?1 ORDER BY min_at LIMIT ?3",
        &select, error);
    if (err != OK)
        return err;
    out_parts->list = mem_alloc(CHUNKS_MAX * sizeof *out_parts->list);
    if (!out_parts->list)
        return error_set(error, ERR_NO_MEMORY, "no memory to read jobs");
    (void)sqlite3_bind_int64(select, 1, first);
    (void)sqlite3_bind_int64(select, 2, last);
    (void)sqlite3_bind_int(select, 3, CHUNKS_MAX);
    for (bool has_row = true; out_parts->count < CHUNKS_MAX;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        out_parts->list[out_parts->count++] =
            (struct part){.chunk = sqlite3_column_int64(select, 0),
                          .field_count = sqlite3_column_int64(select, 1),
                          .min_at = sqlite3_column_int64(select, 2),
                          .max_at = sqlite3_column_int64(select, 3),
                          .row_count = sqlite3_column_int64(select, 4)};
    }
    return err;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static int64_t number_or_unknown(sqlite3_stmt *row, enum at at)
{
    return sqlite3_column_type(row, (int)at) == SQLITE_NULL ? -1
                                                            : sqlite3_column_int64(row, (int)at);
}

static void row_read(sqlite3_stmt *row, struct replay_row *out)
{
    *out = (struct replay_row){
        .id = sql_text(row, AT_id),
        .reason = sql_text(row, AT_reason),
        .endpoint = sql_text(row, AT_endpoint),
        .requested_model = sql_text(row, AT_requested_model),
        .provider_id = sql_text(row, AT_provider_id),
        .key_id = sql_text(row, AT_key_id),
        .team = sql_text(row, AT_team),
        .user = sql_text(row, AT_user),
        .pin = sql_text(row, AT_pin),
        .status = (enum job_status)sqlite3_column_int(row, AT_status),
        .is_stream = sqlite3_column_int(row, AT_is_stream) != 0,
        .is_batch = sqlite3_column_int(row, AT_is_batch) != 0,
        .is_admin = sqlite3_column_int(row, AT_is_admin) != 0,
        .created_at_ms = sqlite3_column_int64(row, AT_created_at_ms),
        .queued_ms = number_or_unknown(row, AT_queued_ms),
        .first_byte_ms = number_or_unknown(row, AT_first_byte_ms),
        .duration_ms = number_or_unknown(row, AT_duration_ms),
        .needs = number_or_unknown(row, AT_needs),
        .prompt_tokens = number_or_unknown(row, AT_prompt_tokens),
        .wait_ms = number_or_unknown(row, AT_wait_ms),
    };
    usage_init(&out->usage);
    out->usage.input_tokens = number_or_unknown(row, AT_input_tokens);
    out->usage.output_tokens = number_or_unknown(row, AT_output_tokens);
    out->usage.cached_tokens = number_or_unknown(row, AT_cached_tokens);
    out->usage.cache_write_tokens = number_or_unknown(row, AT_cache_write_tokens);
    out->has_shape = out->needs >= 0;
}

struct replaying {
    sqlite3 *db;
    int64_t first, last; /* keys, inclusive */
    size_t left;
    store_on_replay *on_row;
    void *arg;
};

static enum err part_replay(struct replaying *replaying, const struct part *part,
                            struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = true;
    buf_init(&sql, SQL_TEXT_MAX);
    job_sql_select_some(&sql, part->chunk, part->field_count, fields,
                        sizeof fields / sizeof fields[0]);
    buf_puts(&sql, " WHERE at BETWEEN ?1 AND ?2 AND status <> 0 ORDER BY at");
    enum err err = sql.failed ? error_set(error, ERR_NO_MEMORY, "no memory to read jobs")
                              : sql_prepare(replaying->db, sql.data, &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, replaying->first);
    (void)sqlite3_bind_int64(select, 2, replaying->last);
    for (; replaying->left > 0; replaying->left--) {
        struct replay_row row;
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            return err;
        row_read(select, &row);
        err = replaying->on_row(replaying->arg, &row);
        if (err != OK)
            return err;
    }
    return OK;
}

enum err store_replay(struct store *store, int64_t since_ms, int64_t until_ms, size_t limit,
                      store_on_replay *on_row, void *arg, struct error *error)
{
    struct replaying replaying = {.first = job_at(since_ms),
                                  .last = job_at(until_ms) - 1,
                                  .left = limit,
                                  .on_row = on_row,
                                  .arg = arg};
    struct parts parts = {0};
    enum err err = reader_take(&store->readers, &replaying.db, error);
    if (err != OK)
        return err;
    err = parts_read(replaying.db, replaying.first, replaying.last, &parts, error);
    for (size_t i = 0; err == OK && i < parts.count && replaying.left > 0; i++)
        err = part_replay(&replaying, &parts.list[i], error);
    mem_free(parts.list);
    reader_give(&store->readers, replaying.db);
    return err;
}

/* ---- how many ------------------------------------------------------------------------------------ */

/* Its share of the range, by time. */
static int64_t rows_within(const struct part *part, int64_t first, int64_t last)
{
    if (first <= part->min_at && last >= part->max_at)
        return part->row_count;
    int64_t from = first > part->min_at ? first : part->min_at;
    int64_t to = last < part->max_at ? last : part->max_at;
    double share = ((double)(to - from) + 1) / ((double)(part->max_at - part->min_at) + 1);
    return (int64_t)((double)part->row_count * share);
}

enum err store_replay_count(struct store *store, int64_t since_ms, int64_t until_ms,
                            int64_t *out_count, struct error *error)
{
    int64_t first = job_at(since_ms), last = job_at(until_ms) - 1, count = 0;
    struct parts parts = {0};
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = parts_read(db, first, last, &parts, error);
    for (size_t i = 0; i < parts.count; i++)
        count += rows_within(&parts.list[i], first, last);
    mem_free(parts.list);
    reader_give(&store->readers, db);
    if (err == OK)
        *out_count = count;
    return err;
}
