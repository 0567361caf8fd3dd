/* admin/refusals.h: refusals as events: who tried a password or a token in vain, and how often people met what they may
 * not. A flood of them fills nothing (SPEC 8): of failed tries a sample is told, of the rest the number and the first,
 * at most once a minute.
 */
#pragma once
#include "admin/api.h"

#include <pthread.h>

enum refusal {
    REFUSAL_ACCESS,   /* 403 and 404 of the management API */
    REFUSAL_THROTTLE, /* 429: too many tries */
    REFUSAL_COUNT
};

/** Any thread. */
struct refusals {
    pthread_mutex_t lock; /* guards the rest */
    int64_t told_until_ms,
        untold; /* of failed tries: when they are told again, how many were not */
    struct refusal_count {
        int64_t count;                   /* since it was told last */
        int64_t told_at_ms;              /* monotonic; 0: never */
        char actor[ID_MAX], address[64]; /* of the first of these */
        const char *method, *path;
        int status;
    } counts[REFUSAL_COUNT];
};
void refusals_init(struct refusals *refusals);
void refusals_release(struct refusals *refusals);

/** A password or token was tried in vain: an event `action` about the user (NULL: nobody known), unless there were many.
 *  May block. */
void refusal_tell(struct api_call *call, const char *action, const struct user_row *user,
                  const char *why);
/** Counts what the call, which has failed, met. */
void refusal_note(struct admin *admin, const struct api_call *call, enum refusal kind, int status);
/** Once a second, on the health thread: tells what was counted. An event that cannot be written is tried again. */
void refusals_look(struct admin *admin, int64_t now_ms);
