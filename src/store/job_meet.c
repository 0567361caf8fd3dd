/* store/job_meet.c: see job_meet.h. */
#include "store/job_meet.h"

#include "base/mem.h"

#define STEPS_BEFORE_SEEK 16 /* a seek costs about as much */

struct lane {
    sqlite3_stmt *select; /* ?1 first, ?2 last, ?3 the value */
    int64_t at;           /* where it is */
    bool has_begun;
};
struct job_meet {
    struct lane lanes[JOB_INDEX_COUNT];
    int count;
    int64_t next; /* nothing newer than this is looked for */
    int64_t first;
};

void job_condition_bind(const struct job_condition *condition, sqlite3_stmt *statement, int at)
{
    if (condition->column == JOB_INDEX_status)
        (void)sqlite3_bind_int64(statement, at, condition->number);
    else
        sql_bind_text(statement, at, condition->text);
}

static enum err lane_open(sqlite3 *db, int64_t chunk, const struct job_condition *condition,
                          int64_t first, struct lane *lane, struct error *error)
{
    AUTO_BUF struct buf sql;
    buf_init(&sql, SQL_TEXT_MAX);
    const char *column = job_index_column(condition->column);
    long long n = chunk;
    buf_printf(&sql, "SELECT at FROM jobs_%lld", n);         /* table name only */
    buf_printf(&sql, " INDEXED BY jobs_%lld_%s", n, column); /* and its index's */
    buf_printf(&sql, " WHERE %s = ?3 AND at >= ?1 AND at <= ?2", column);
    if (condition->column != JOB_INDEX_status)
        buf_printf(&sql, " AND %s <> ''", column);
    buf_puts(&sql, " ORDER BY at DESC");
    if (sql.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the list");
    enum err err = sql_prepare(db, sql.data, &lane->select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(lane->select, 1, first);
    job_condition_bind(condition, lane->select, 3);
    return OK;
}

enum err job_meet_open(sqlite3 *db, int64_t chunk, const struct job_condition *conditions,
                       int count, int64_t first, int64_t last, struct job_meet **out_meet,
                       struct error *error)
{
    struct job_meet *meet = mem_zalloc(1, sizeof *meet);
    *out_meet = meet;
    if (!meet)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the list");
    meet->first = first;
    meet->next = last;
    enum err err = OK;
    for (; err == OK && meet->count < count; meet->count++)
        err =
            lane_open(db, chunk, &conditions[meet->count], first, &meet->lanes[meet->count], error);
    if (err != OK) {
        job_meet_close(meet);
        *out_meet = NULL;
    }
    return err;
}

void job_meet_close(struct job_meet *meet)
{
    for (int i = 0; meet && i < meet->count; i++)
        sqlite3_finalize(meet->lanes[i].select);
    mem_free(meet);
}

static enum err lane_step(struct lane *lane, bool *out_has_row, struct error *error)
{
    enum err err = sql_step(lane->select, out_has_row, error);
    if (err == OK && *out_has_row)
        lane->at = sqlite3_column_int64(lane->select, 0);
    return err;
}

/* To its newest row that is not newer than `target`. */
static enum err lane_advance(struct lane *lane, int64_t target, bool *out_has_row,
                             struct error *error)
{
    *out_has_row = true;
    for (int steps = 0; lane->has_begun && steps < STEPS_BEFORE_SEEK; steps++) {
        if (lane->at <= target)
            return OK;
        enum err err = lane_step(lane, out_has_row, error);
        if (err != OK || !*out_has_row)
            return err;
    }
    lane->has_begun = true;
    (void)sqlite3_reset(lane->select);
    (void)sqlite3_bind_int64(lane->select, 2, target);
    return lane_step(lane, out_has_row, error);
}

enum err job_meet_next(struct job_meet *meet, bool *out_has_row, int64_t *out_at,
                       struct error *error)
{
    int64_t target = meet->next;
    *out_has_row = target >= meet->first;
    for (int agreed = 0, i = 0; *out_has_row && agreed < meet->count; i = (i + 1) % meet->count) {
        struct lane *lane = &meet->lanes[i];
        enum err err = lane_advance(lane, target, out_has_row, error);
        if (err != OK)
            return err;
        agreed = lane->at == target ? agreed + 1 : 1;
        target = lane->at;
    }
    *out_at = target;
    meet->next = *out_has_row ? target - 1 : INT64_MIN;
    return OK;
}
