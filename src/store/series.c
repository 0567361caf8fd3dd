/* store/series.c: which journals there are at the start: our own, what earlier lives left, and what others still write. */
#include "base/mem.h"
#include "store/store_parts.h"

#include <assert.h>

#define SERIES_MAX (LIVES_MAX * LIFE_LOOPS)

struct survey {
    uint64_t highest[SERIES_MAX]; /* sequence of each series */
    uint64_t committed[SERIES_MAX];
};

static void on_leftover(void *arg, int loop, uint64_t sequence)
{
    struct survey *survey = arg;
    if (sequence > survey->highest[loop])
        survey->highest[loop] = sequence;
}

static enum err positions_read(sqlite3 *db, struct survey *survey, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(db, "SELECT loop, position FROM journal_position", &select, error);
    for (bool has_row = true; err == OK;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        int64_t loop = sqlite3_column_int64(select, 0);
        uint64_t position = (uint64_t)sqlite3_column_int64(select, 1);
        if (loop < 0 || loop >= SERIES_MAX)
            return error_set(error, ERR_MALFORMED, "a journal position is damaged");
        survey->committed[loop] = position;
        on_leftover(survey, (int)loop, position_sequence(position));
    }
    return err;
}

/* Own loops first; then whatever an earlier life left, and all that one which goes on may still write. */
static bool series_is_wanted(const struct store *store, const struct survey *survey, int number,
                             int journal_count)
{
    int own = store->lives.own * LIFE_LOOPS;
    bool is_own = number >= own && number < own + journal_count;
    return !is_own && (survey->highest[number] > 0 || life_is_other(store, number));
}

static void series_add(struct store *store, const struct survey *survey, int number)
{
    int index = store->series_count++;
    uint64_t committed = survey->committed[number];
    store->first_positions[index] = position_of(survey->highest[number] + 1, 0);
    store->series[index] = (struct series){.loop = number,
                                           .is_foreign = life_is_other(store, number),
                                           .committed = committed,
                                           .at = committed,
                                           .fd = -1};
}

static enum err journals_make(struct store *store, const struct survey *survey, int journal_count,
                              struct error *error)
{
    size_t count = (size_t)journal_count;
    for (int number = 0; number < SERIES_MAX; number++)
        count += series_is_wanted(store, survey, number, journal_count);
    store->series = mem_zalloc(count, sizeof *store->series);
    store->journals = mem_zalloc((size_t)journal_count, sizeof(struct journal *));
    store->first_positions = mem_zalloc(count, sizeof *store->first_positions);
    store->writer.drained = mem_zalloc(count, sizeof *store->writer.drained);
    if (!store->series || !store->journals || !store->first_positions || !store->writer.drained)
        return error_set(error, ERR_NO_MEMORY, "no memory for the journals");
    for (int i = 0; i < journal_count; i++) {
        int number = store->lives.own * LIFE_LOOPS + i;
        series_add(store, survey, number);
        if (journal_new(&store->owner, number, survey->highest[number] + 1, &store->bell,
                        &store->journals[i]) != OK)
            return error_set(error, ERR_NO_MEMORY, "no memory for the journals");
        store->series[i].journal = store->journals[i];
        store->journal_count = i + 1;
    }
    for (int number = 0; number < SERIES_MAX; number++)
        if (series_is_wanted(store, survey, number, journal_count))
            series_add(store, survey, number);
    return OK;
}

struct last_search {
    int number;
    uint64_t last;
};

static void on_segment_of(void *arg, int number, uint64_t sequence)
{
    struct last_search *search = arg;
    if (number == search->number && sequence > search->last)
        search->last = sequence;
}

enum err series_last(struct store *store, int number, uint64_t *out_last, struct error *error)
{
    struct last_search search = {number, 0};
    enum err err = segment_list(store->journal_dir, on_segment_of, &search, error);
    *out_last = search.last;
    return err;
}

enum err series_open_all(struct store *store, int journal_count, struct error *error)
{
    assert(journal_count >= 0 && journal_count <= LIFE_LOOPS);
    AUTO_FREE struct survey *survey = mem_zalloc(1, sizeof *survey);
    if (!survey)
        return error_set(error, ERR_NO_MEMORY, "no memory for the journals");
    enum err err = segment_list(store->journal_dir, on_leftover, survey, error);
    if (err == OK)
        err = positions_read(store->writer.db, survey, error);
    if (err == OK)
        err = journals_make(store, survey, journal_count, error);
    if (err == OK && batch_new(&store->writer.batch) != OK)
        err = error_set(error, ERR_NO_MEMORY, "no memory for the writer");
    return err;
}
