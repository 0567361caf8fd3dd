/* domain/reason_tally.c: see reason_tally.h. */
#include "domain/reason_tally.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static int64_t sum_of(const struct reason_row *row, int64_t minute)
{
    int64_t sum = 0;
    for (int64_t at = minute - TALLY_MINUTES + 1; at <= row->minute; at++)
        if (at >= 0 && at > row->minute - TALLY_MINUTES)
            sum += row->counts[at % TALLY_MINUTES];
    return sum;
}

/* Room for a reason that has none: a new row, or that of one that nobody has given for an hour. */
static struct reason_row *row_make(struct reason_tally *tally, const char *reason, int64_t minute)
{
    struct reason_row *row = NULL;
    if (tally->count < TALLY_REASONS - 1)
        row = &tally->rows[tally->count++];
    for (size_t i = 0; i < tally->count && !row; i++)
        if (sum_of(&tally->rows[i], minute) == 0)
            row = &tally->rows[i];
    if (!row) {
        row = &tally->rows[TALLY_REASONS - 1];
        tally->count = TALLY_REASONS;
        if (row->reason[0])
            return row;
        reason = "other";
    }
    *row = (struct reason_row){.minute = minute};
    str_copy(str_of(reason), row->reason, sizeof row->reason);
    return row;
}

static struct reason_row *row_of(struct reason_tally *tally, const char *reason, int64_t minute)
{
    for (size_t i = 0; i < tally->count; i++)
        if (strcmp(tally->rows[i].reason, reason) == 0)
            return &tally->rows[i];
    return row_make(tally, reason, minute);
}

/* The minutes between the newest and this one had none. */
static void turn_to(struct reason_row *row, int64_t minute)
{
    if (minute - row->minute >= TALLY_MINUTES)
        memset(row->counts, 0, sizeof row->counts);
    else
        for (int64_t at = row->minute + 1; at <= minute; at++)
            row->counts[at % TALLY_MINUTES] = 0;
    if (minute > row->minute)
        row->minute = minute;
}

void reason_tally_add(struct reason_tally *tally, const char *reason, int64_t now_ms)
{
    int64_t minute = now_ms / MINUTE_MS;
    struct reason_row *row = row_of(tally, reason, minute);
    turn_to(row, minute);
    row->counts[row->minute % TALLY_MINUTES]++;
}

static int by_count(const void *left, const void *right)
{
    const struct reason_count *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->reason, b->reason);
}

size_t reason_tally_read(const struct reason_tally *tally, int64_t now_ms,
                         struct reason_count out_counts[TALLY_REASONS])
{
    size_t count = 0;
    for (size_t i = 0; i < tally->count; i++) {
        int64_t sum = sum_of(&tally->rows[i], now_ms / MINUTE_MS);
        if (sum == 0)
            continue;
        out_counts[count].count = sum;
        str_copy(str_of(tally->rows[i].reason), out_counts[count].reason,
                 sizeof out_counts[count].reason);
        count++;
    }
    qsort(out_counts, count, sizeof out_counts[0], by_count);
    return count;
}
