/* gateway/feed_parts.h: what feed.c, feed_watch.c, feed_gauges.c and the gateway's own files share. Nobody else includes it. */
#pragma once
#include "base/hash.h"
#include "gateway/feed.h"
#include "net/loop.h"

#include <pthread.h>

/** A loop's part; in struct gateway_loop. */
struct feed_loop {
    struct gateway_loop *gl;
    struct list watchers;
    _Atomic int watching;        /* how many; read by who tells */
    struct loop_message message; /* something was told */
    atomic_bool is_posted;
    struct deadline tick; /* set while there are watchers */
    struct buf out;       /* scratch: what one watcher is sent next */
};

/** A place among those who watch. */
struct feed_seat {
    struct hash_node node; /* feed->seats, by the name */
    char whose
        [ID_MAX]; /* a user, or a key that is no user's; "" an admin: not counted, in no table */
};

struct feed {
    struct gateway *gateway;
    pthread_mutex_t lock; /* the innermost: guards the log, `watchers` and `seats` */
    struct feed_log log;
    int watchers, watchers_max;
    struct hash_table seats; /* of who is no admin */
    _Atomic int64_t
        read_until_ms; /* monotonic; INT64_MAX: somebody watches; 0: nobody does; changed under the lock */
    _Atomic int64_t resets; /* readers that had missed something */
    feed_write_job *write_job;
    pthread_mutex_t board_lock; /* guards the rest; may be held while others are taken */
    struct feed_board board;
    int64_t measured_at_ms;
    bool was_unwritable;
};

/* ---- feed.c -------------------------------------------------------------------------------------- */

/** The patch of a notice. */
void feed_write_notice(const char *code, const char *sentence, struct buf *out);
/** Makes every loop with watchers look at them soon. */
void feed_wake(struct feed *feed);
/** One more watches. ERR_BUSY: they have FEED_EACH_MAX; ERR_UNAVAILABLE: there are too many, and a quarter of the places is
 *  the admins'. Under the lock. */
MUST_USE enum err feed_enter(struct feed *feed, struct feed_seat *seat, struct error *error);
void feed_leave(struct feed *feed, struct feed_seat *seat);

/* ---- feed_watch.c -------------------------------------------------------------------------------- */

void feed_loop_init(struct feed_loop *at, struct gateway_loop *gl);
void feed_loop_release(struct feed_loop *at);
/** Cuts whoever may not see it any more, as they saw it. */
void feed_recheck(struct gateway_loop *gl, int64_t wall_ms);

/* ---- feed_gauges.c ------------------------------------------------------------------------------- */

/** Measures, unless that was done a moment ago. */
void feed_measure(struct gateway_loop *gl);
