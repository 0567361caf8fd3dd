/* store/readers.c: connections for reading: few, made when needed, each with a time limit. */
#include "store/store_parts.h"
#include "sys/clock.h"

#include <stdlib.h>

#define READ_LIMIT_MS  2000
#define STEPS_PER_LOOK 2000 /* of SQLite's machine: well under a millisecond */

static _Thread_local int64_t deadline_ms; /* a reader serves one thread at a time */

static int on_progress(void *unused)
{
    (void)unused;
    return clock_monotonic_ms() > deadline_ms;
}

static sqlite3 *idle_take(struct readers *readers, bool *out_may_open)
{
    sqlite3 *db = NULL;
    pthread_mutex_lock(&readers->lock);
    while (readers->idle_count == 0 && readers->open_count == READERS_MAX)
        pthread_cond_wait(&readers->given_back, &readers->lock);
    *out_may_open = readers->idle_count == 0;
    if (*out_may_open)
        readers->open_count++;
    else
        db = readers->idle[--readers->idle_count];
    pthread_mutex_unlock(&readers->lock);
    return db;
}

static void opened_forget(struct readers *readers)
{
    pthread_mutex_lock(&readers->lock);
    readers->open_count--;
    pthread_cond_signal(&readers->given_back);
    pthread_mutex_unlock(&readers->lock);
}

enum err reader_take(struct readers *readers, sqlite3 **out_db, struct error *error)
{
    bool may_open = false;
    sqlite3 *db = idle_take(readers, &may_open);
    if (may_open) {
        enum err err = sql_open(readers->db_path, SQL_READER, &db, error);
        if (err != OK) {
            opened_forget(readers);
            return err;
        }
        sqlite3_progress_handler(db, STEPS_PER_LOOK, on_progress, NULL);
    }
    deadline_ms = clock_monotonic_ms() + READ_LIMIT_MS;
    enum err err = sql_begin(db, SQL_READER, error);
    if (err != OK)
        reader_give(readers, db);
    else
        *out_db = db;
    return err;
}

void reader_lift_limit(void)
{
    deadline_ms = INT64_MAX;
}

void reader_give(struct readers *readers, sqlite3 *db)
{
    deadline_ms = clock_monotonic_ms() + READ_LIMIT_MS; /* the end itself is never cut off */
    sql_roll_back(db);
    pthread_mutex_lock(&readers->lock);
    bool is_kept = readers->idle_count < READERS_KEPT && sqlite3_get_autocommit(db);
    if (is_kept)
        readers->idle[readers->idle_count++] = db;
    else
        readers->open_count--;
    pthread_cond_signal(&readers->given_back);
    pthread_mutex_unlock(&readers->lock);
    if (!is_kept)
        sql_close(db);
}

void readers_release(struct readers *readers)
{
    for (int i = 0; i < readers->idle_count; i++)
        sql_close(readers->idle[i]);
    readers->idle_count = 0;
    pthread_mutex_destroy(&readers->lock);
    pthread_cond_destroy(&readers->given_back);
}
