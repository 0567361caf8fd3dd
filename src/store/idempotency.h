/* store/idempotency.h: the jobs of an earlier life that carried an idempotency key. F30. Thread: any but a loop's. */
#pragma once
#include "store/store.h"

struct idempotency_row {
    char job[ID_MAX], owner[ID_MAX]; /* the API key */
    char text[IDEMPOTENCY_TEXT_MAX];
    enum job_status status;
    int64_t created_at_ms;
    int64_t first_byte_ms; /* -1: nothing went out */
    int64_t duration_ms;   /* -1: not known */
};

/** Calls `on_row` for each that was created at `since_ms` or later, open ones too, in the order of time. Jobs that are not
 *  drained yet are missing: store_drain first. */
typedef void store_on_idempotency(void *arg, const struct idempotency_row *row);
MUST_USE enum err store_idempotency_each(struct store *store, int64_t since_ms,
                                         store_on_idempotency *on_row, void *arg,
                                         struct error *error);
