/* domain/feed.h: what GET /api/live tells: one frame for each thing that happened, and who may see it.
 *
 * Frames are of three sorts:
 *     states  a provider, a worker, an event, a new configuration, a notice: each is told to everybody who may see it
 *     rows    a job that ended, an attempt that failed: there may be thousands a second, so each reader gets some
 *     gauges  figures of this moment: no frames that are kept, see feed_board.h
 *
 * Layer:   pure.  Thread: any (a frame does not change once it is in a log).
 */
#pragma once
#include "base/str.h"
#include "domain/id.h"
#include "domain/provider.h"

#define FEED_KIND_LIST(X)   \
    X(HELLO, "hello")       \
    X(PROVIDER, "provider") \
    X(WORKER, "worker")     \
    X(GAUGE, "gauge")       \
    X(JOB, "job")           \
    X(ATTEMPT, "attempt")   \
    X(EVENT, "event")       \
    X(CONFIG, "config")     \
    X(NOTICE, "notice")     \
    X(RESET, "reset")       \
    X(PING, "ping")

enum feed_kind {
#define X(name, text) FEED_##name,
    FEED_KIND_LIST(X)
#undef X
        FEED_KIND_COUNT
};
const char *feed_kind_name(enum feed_kind kind);

/** Of which of the two there may be too many to tell them all. */
static inline bool feed_kind_is_row(enum feed_kind kind)
{
    return kind == FEED_JOB || kind == FEED_ATTEMPT;
}

enum feed_reach {
    FEED_FOR_ALL,
    FEED_FOR_ADMINS,
    FEED_FOR_OWNER,   /* admins, and the user whose it is, or the key when it is nobody's */
    FEED_FOR_MEMBER,  /* that one alone, as a member: admins get another of the same */
    FEED_FOR_PROVIDER /* admins, and who may see the provider */
};

/** Whom something is for. Texts are ids; "" where there is none. */
struct feed_audience {
    enum feed_reach reach;
    char of[ID_MAX];  /* the user; the provider */
    char key[ID_MAX]; /* of an owner: the key that it came with */
};

#define FEED_TEXT_MAX (32u * 1024) /* of one frame */

struct feed_frame {
    int64_t rev;   /* its number in this life of the server; feed_log.h gives it */
    int64_t at_ms; /* monotonic */
    enum feed_kind kind;
    struct feed_audience audience;
    size_t len;
    char text
        []; /* "type":"job","id":"job_1","patch":{...}}: an object without its beginning, which differs from
                    reader to reader */
};

/** A copy of all of it; NULL without memory. Yours to mem_free, or a log's. */
struct feed_frame *feed_frame_new(enum feed_kind kind, const struct feed_audience *audience,
                                  struct str text);

/** Who reads. */
struct feed_viewer {
    bool is_admin;
    char user[ID_MAX]; /* "": a key of nobody's */
    char key[ID_MAX];
    bool (*sees_provider)(const void *arg, const char *provider_id); /* asked for members only */
    const void *arg;
};

/** May they see it? As the lists of the management API would show it. */
bool feed_sees(const struct feed_viewer *viewer, const struct feed_audience *audience);
