/* store/journal.h: the append-only files that make a record survive kill -9: one series per loop thread.
 *
 * Segments are fallocated whole and written with pwrite at an owned offset, so an append costs about a
 * microsecond and cannot meet a full disk: room for the close of every open job is reserved when its
 * open record is accepted. A loop that has many requests in hand puts their records together and writes
 * them at once, before any of them goes on. The writer thread reads behind and drains into the store; a drained segment
 * is deleted. DESIGN.md 3.4, F45, F46, F60.
 *
 * Thread:  a journal belongs to its loop thread; `written` is published to the writer thread.
 */
#pragma once
#include "store/record.h"

struct journal;

/** Appends. RECORD_OPEN: ERR_UNAVAILABLE with a sentence when no room can be had (disk full): refuse the
 *  request. PROGRESS may fail likewise: go on without. CLOSE of an accepted job does not fail for room; an
 *  I/O error is logged and ERR_IO. A record that closes a job never opened (refused) is RECORD_CLOSE with
 *  `was_opened` false and counts as OPEN for room. */
MUST_USE enum err journal_append(struct journal *journal, enum record_kind kind, bool was_opened,
                                 const struct job_record *record, struct error *error);
/** The same, but the record is in the file only after the next journal_write or journal_append: nothing
 *  that needs it on record may happen before. */
MUST_USE enum err journal_put(struct journal *journal, enum record_kind kind, bool was_opened,
                              const struct job_record *record, struct error *error);
/** Writes what was put. ERR_IO: all of that is lost, and room that was promised stays promised until the
 *  close of each job. */
MUST_USE enum err journal_write(struct journal *journal, struct error *error);
