/* domain/attempt.h: one try of one request at one provider, as a pure state machine.
 *
 * The table in attempt.c is the whole failover policy. The machine does no I/O: gateway/ performs the
 * action it returns.
 */
#pragma once
#include <stdbool.h>

enum attempt_state {
    ATTEMPT_CONNECTING, /* getting a socket or a worker; nothing sent */
    ATTEMPT_SENDING,    /* request on its way */
    ATTEMPT_WAITING,    /* request sent, no response yet */
    ATTEMPT_HOLDING,    /* provider said 200; held back, so the client has still seen no content */
    ATTEMPT_STREAMING, /* committed: the client has seen content, no way back to another provider */
    ATTEMPT_ENDED,
    ATTEMPT_STATE_COUNT
};

enum attempt_event {
    ATTEMPT_ON_CONNECTED,
    ATTEMPT_ON_SENT,
    ATTEMPT_ON_ACCEPTED,    /* 2xx response head */
    ATTEMPT_ON_REFUSED,     /* an error the caller caused: another provider would refuse too */
    ATTEMPT_ON_UNAVAILABLE, /* the provider's trouble: 429, 5xx, also as an error event inside a 200 */
    ATTEMPT_ON_LIFECYCLE, /* an event without content: role delta, message_start, ping */
    ATTEMPT_ON_CONTENT,   /* text, reasoning, tool start or stop reason; or a whole plain answer */
    ATTEMPT_ON_FINISHED,  /* response complete */
    ATTEMPT_ON_BROKEN,    /* refused, reset, timeout, garbage, worker gone */
    ATTEMPT_ON_CLIENT_GONE,
    ATTEMPT_EVENT_COUNT
};

/* What the caller (gateway/) must now do. */
enum attempt_action {
    ATTEMPT_ILLEGAL = 0, /* this event cannot happen in this state: a bug */
    ATTEMPT_GO_ON,       /* nothing to do */
    ATTEMPT_HOLD,        /* keep the event back, within the hold-back bound */
    ATTEMPT_RELAY,       /* pass what was held, then this event, to the client */
    ATTEMPT_RELAY_ERROR, /* pass the provider's error to the client as it is */
    ATTEMPT_TRY_NEXT,    /* close here, begin at the next eligible provider */
    ATTEMPT_CUT_STREAM,  /* too late to retry: end the open stream with an error event */
    ATTEMPT_CANCEL,      /* close upstream, tell nobody */
    ATTEMPT_COMPLETE     /* record usage, return the connection to its pool */
};

struct attempt {
    enum attempt_state state;
};

/** Applies one event; the only function that changes `attempt->state`. */
enum attempt_action attempt_step(struct attempt *attempt, enum attempt_event event);

const char *attempt_state_name(enum attempt_state state);
