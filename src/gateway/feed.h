/* gateway/feed.h: GET /api/live from the inside: one log of what happens, and everybody who watches it.
 *
 *     who makes something happen     feed_tell: a frame into the log, under one short lock; a state also wakes the loops
 *     a loop with watchers           reads on for each of them: when a state was told, and four times a second for rows
 *                                    and gauges (feed_watch.c)
 *
 * A watcher is a place in the log and no queue: what it was not sent yet lies in the log, once for all. So it has no
 * buffer but its socket's, a slow one holds nobody up, and one that comes back goes on where it was.
 *
 * While nobody watches, and nobody who did may still come back, a frame costs the look at one atomic: none is made.
 *
 * Thread: any may tell, also under locks of its own: the feed's is the innermost. Watchers belong to their loop.
 */
#pragma once
#include "base/list.h"
#include "domain/feed_board.h"
#include "domain/feed_log.h"
#include "domain/role.h"
#include "http/exchange.h"
#include "json/json_writer.h"
#include "store/record.h"

#include <stdatomic.h>

#define FEED_TICK_MS 250 /* gauges: at most four a second */
#define FEED_EACH_MAX \
    8 /* streams of one user, or of a key that is no user's; admins are not counted */

struct feed;
struct gateway;
struct gateway_loop;
struct snapshot;
struct transition;

MUST_USE enum err feed_new(struct gateway *gateway, struct feed **out_feed);
void feed_free(struct feed *feed); /* NULL is fine; no watcher is left */

/* ---- telling: any thread -------------------------------------------------------------------------- */

/** False: nobody would ever see it. */
bool feed_is_read(struct feed *feed);
/** What happened to `id`; `patch` is a JSON object. Without memory the feed begins a new page: whoever reads is told to. */
void feed_tell(struct feed *feed, enum feed_kind kind, const struct feed_audience *audience,
               const char *id, struct str patch);
/** A job ended: its row, and a frame for each attempt that failed. */
void feed_tell_job(struct feed *feed, const struct job_record *job,
                   const struct snapshot *snapshot);
/** How a job is written: as the management API does it, for admins or for the member whose it is. Before there are jobs. */
typedef void feed_write_job(struct json_writer *writer, const struct job_record *job,
                            const struct snapshot *snapshot, bool is_for_member);
void feed_describe_jobs(struct feed *feed, feed_write_job *write);
/** The state of a provider or of a worker changed; other kinds are passed over. `feed` is a struct feed: for
 *  transitions_subscribe. */
void feed_tell_transition(void *feed, const struct transition *transition);
/** Something that people should know: a code, and a sentence. For everybody. */
void feed_tell_notice(struct feed *feed, const char *code, const char *sentence);

struct feed_figures {
    int64_t watchers, frames, resets;
};
void feed_figures(struct feed *feed, struct feed_figures *out_figures);

/* ---- watching: the loop's thread ------------------------------------------------------------------- */

struct feed_watch {
    bool is_control; /* by the control socket: nobody takes that right away */
    bool is_admin;
    enum role role;
    char user[ID_MAX], key[ID_MAX], team[ID_MAX]; /* "" none; key: or whatever stands for it */
    const char *version;                          /* of the server; a literal */
    struct str last_event_id;                     /* "" none; may be gone when this returns */
};
/** Answers the exchange with the stream, for as long as its caller may see it. ERR_BUSY: the caller has FEED_EACH_MAX already;
 *  ERR_UNAVAILABLE: too many watch, or the server is draining; ERR_NO_MEMORY; then the exchange is not answered yet. */
MUST_USE enum err feed_watch(struct gateway_loop *gl, struct exchange *exchange,
                             const struct feed_watch *wanted, struct str headers,
                             struct error *error);
