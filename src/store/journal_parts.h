/* store/journal_parts.h: the journal as the store sees it; loops see journal.h only. */
#pragma once
#include "store/journal.h"
#include "store/segment.h"
#include <stdatomic.h>

/** Wakes the writer: rung at most once until it looks. */
struct bell {
    atomic_bool is_rung;
    int fd; /* eventfd */
};
void bell_ring(struct bell *bell);

/** The first segment will be `first_sequence`. Opens nothing yet. ERR_NO_MEMORY. */
MUST_USE enum err journal_new(const struct segment_owner *owner, int loop, uint64_t first_sequence,
                              struct bell *bell, struct journal **out_journal);
/** Removes segments that nobody wrote to; those with records stay unless `is_drained`. */
void journal_free(struct journal *journal, bool is_drained);
/** How far it is written: whatever stands before may be read. Any thread. */
uint64_t journal_written(const struct journal *journal);
/** Writer: makes the next segment ahead of need, so that the loop need not wait for the disk. */
void journal_prepare(struct journal *journal);
/** Writer: everything before this sequence is in the store; bounds how far the loop may run ahead. */
void journal_set_drained(struct journal *journal, uint64_t sequence);
