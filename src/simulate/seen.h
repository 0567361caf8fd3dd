/* simulate/seen.h: what the simulator saw and played, as lines of JSON.
 *
 * Kept in memory up to a number of entries and bytes (the oldest finished ones go first), and written
 * to a file, when there is one, as each ends. Credentials are shown as the first 12 hex digits of their
 * SHA-256, so that a test can tell which key came without the log holding it.
 *
 * Thread:  the loop's.
 */
#pragma once
#include "base/buf.h"
#include "base/list.h"
#include "http/head.h"
#include "net/loop.h"
#include "simulate/player.h"

#define SEEN_ENTRIES_MAX   200000u
#define SEEN_BYTES_MAX     (256u * 1024 * 1024)
#define SEEN_BODY_MAX      (256u * 1024)
#define SEEN_PORTION_BYTES (256u * 1024)
#define SEEN_LINE_MAX      (4u * 1024 * 1024)

struct seen; /* the log */

/** One request. The texts live in one block behind it. */
struct sighting {
    struct list node;
    int64_t seq, at_ms, ended_at_ms; /* wall clock; 0: not ended */
    struct str method, target, model, played_by;
    struct str headers; /* "name: value\n" each, as they came */
    struct str body;
    size_t body_bytes; /* of the whole */
    bool is_stream;
    int status;
    int64_t events, bytes_sent;
    enum played_end end;
    size_t block_bytes;
};

/** `path` NULL: no file. `is_kept` false: nothing is kept or written (benchmarks). ERR_IO, ERR_NO_MEMORY. */
MUST_USE enum err seen_open(struct loop *loop, const char *path, bool is_kept,
                            struct seen **out_seen, struct error *error);
void seen_close(struct seen *seen);
/** Copies what `what` points to. NULL when nothing is kept, or without memory. */
struct sighting *seen_add(struct seen *seen, const struct sighting *what,
                          const struct http_head *head);
/** Sets the end and writes the line to the file. NULL is fine. */
void seen_end(struct seen *seen, struct sighting *sighting, int64_t at_ms, enum played_end end,
              int64_t events, int64_t bytes_sent);
/** Appends lines behind number `*since`, about SEEN_PORTION_BYTES of them and at most `*limit`, and moves
 *  both on. False when there are no more. */
bool seen_read(const struct seen *seen, int64_t *since, size_t *limit, struct buf *out);
