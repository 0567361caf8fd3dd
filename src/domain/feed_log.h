/* domain/feed_log.h: all frames of this life of the server, as long as they are kept, and how one reader reads on.
 *
 * Every frame has a number, from 1, whichever ring it lies in. A reader has read all states up to one number and all rows
 * up to another; the two and the name of the life are the id that each event carries. So whoever comes back with the last
 * id it saw goes on exactly there: no frame twice, none left out, whatever was under way when its connection broke.
 *
 * Rows are paced: at most FEED_ROWS_A_SECOND in any second for one reader. When there are more, the newest are sent, and
 * the first of them says how many jobs before it were left out.
 *
 * Whoever holds the log holds everybody up, so one read looks at FEED_LOOKS_MAX frames at most, whether its reader may see
 * them or not; where it stopped, and what rows it has seen there, the reader remembers.
 *
 * What is written is Server-Sent Events (WHATWG HTML, "Server-sent events").
 *
 * Layer:   pure; time is a parameter (monotonic ms).  Thread: whoever owns the log; no locks.
 */
#pragma once
#include "base/buf.h"
#include "domain/feed_ring.h"

#define FEED_KEEP_MS       (INT64_C(5) * 60 * 1000)
#define FEED_STATES_BYTES  ((size_t)16 << 20)
#define FEED_ROWS_BYTES    ((size_t)32 << 20)
#define FEED_ROWS_A_SECOND 10
#define FEED_ROWS_A_TURN   3 /* so that ten a second come evenly, not at once */
#define FEED_LOOKS_MAX     500
#define FEED_LIFE_MAX      17
#define FEED_ID_MAX        64 /* of an event */

struct feed_log {
    char life[FEED_LIFE_MAX]; /* differs from every other life's */
    int64_t last_rev;
    struct feed_ring states, rows;
};

/** Each ring keeps `frames`. `life`: letters and digits. ERR_NO_MEMORY. */
MUST_USE enum err feed_log_init(struct feed_log *log, const char *life, size_t frames);
void feed_log_release(struct feed_log *log);
/** Takes the frame and gives it its number and `now_ms`. */
void feed_log_put(struct feed_log *log, struct feed_frame *frame, int64_t now_ms);
/** Nobody read for so long that frames were not put: whoever comes back has missed something. */
void feed_log_forget(struct feed_log *log);

/** A row that is not sent yet. */
struct feed_row {
    int64_t rev;
    bool is_job;
};

struct feed_reader {
    int64_t states_rev, rows_rev; /* read up to there */
    int64_t looked_rev; /* rows: looked at up to there; what was seen behind rows_rev follows */
    struct feed_row waiting[FEED_ROWS_A_TURN]; /* the newest, the oldest of them first */
    size_t waiting_count;
    int64_t jobs_before;                        /* them, which are left out */
    int64_t row_sent_at_ms[FEED_ROWS_A_SECOND]; /* the last ones, a ring; 0: never */
    size_t next_row;
};

/** Begins behind all that there is. */
void feed_reader_begin(struct feed_reader *reader, const struct feed_log *log);
/** Goes on behind the event with this id. False: it is of another life, too old, or no id of ours: begin. */
MUST_USE bool feed_reader_resume(struct feed_reader *reader, const struct feed_log *log,
                                 struct str id);

enum feed_read {
    FEED_READ_ALL,  /* what there was, or as much as the pace allows now */
    FEED_READ_MORE, /* `out` is full, or FEED_LOOKS_MAX are looked at: read on when it is sent */
    FEED_READ_LOST  /* what comes next is not kept any more: feed_write_reset, then begin */
};
/** Appends the events that the reader has not had, and that the viewer may see; there may be none though there is more. Ends when
 *  `out` holds `full_bytes`, or little more. When out->failed, what it says is void: give the reader up. */
enum feed_read feed_read(const struct feed_log *log, struct feed_reader *reader,
                         const struct feed_viewer *viewer, int64_t now_ms, struct buf *out,
                         size_t full_bytes);

/** The line "id: ...", which says how far the reader is. */
void feed_write_id(const struct feed_log *log, const struct feed_reader *reader, struct buf *out);
/** An event that is for this reader alone; `patch` is a JSON object. */
void feed_write_own(const struct feed_log *log, const struct feed_reader *reader,
                    enum feed_kind kind, const char *id, struct str patch, struct buf *out);
