/* gateway/feed_parts.h: what feed.c, feed_watch.c, feed_gauges.c and the gateway's own files share. Nobody else includes it. */
#pragma once
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

struct feed {
    struct gateway *gateway;
    pthread_mutex_t lock; /* the innermost: guards the log and `watchers` */
    struct feed_log log;
    int watchers, watchers_max;
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
/** One more watches. False: there are too many; a quarter of the places is the admins'. Under the lock. */
MUST_USE bool feed_enter(struct feed *feed, bool is_admin);
void feed_leave(struct feed *feed);

/* ---- feed_watch.c -------------------------------------------------------------------------------- */

void feed_loop_init(struct feed_loop *at, struct gateway_loop *gl);
void feed_loop_release(struct feed_loop *at);
/** Cuts whoever may not see it any more, as they saw it. */
void feed_recheck(struct gateway_loop *gl, int64_t wall_ms);

/* ---- feed_gauges.c ------------------------------------------------------------------------------- */

/** Measures, unless that was done a moment ago. */
void feed_measure(struct gateway_loop *gl);
