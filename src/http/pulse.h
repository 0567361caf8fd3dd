/* http/pulse.h: whether a peer is still there, by the pings that it leaves unanswered.
 *
 * Counted, not timed: when this thread stood still, the peer need not have.
 *
 * Thread: the loop's of the connection.
 */
#pragma once
#include "net/conn.h"

#define PULSE_MISSED_MAX 3

struct pulse {
    int64_t pinged_ns; /* the last ping; 0: there was none */
    int missed;        /* in a row: nothing was heard after them */
};

/** Time for a ping: true when the last PULSE_MISSED_MAX brought nothing, and the peer is dead. `is_owed`: a living peer would
 *  have answered; one that has reason not to read need not. */
static inline bool pulse_is_gone(struct pulse *pulse, const struct conn *conn, bool is_owed)
{
    bool is_missed = is_owed && pulse->pinged_ns && conn_heard_ns(conn) < pulse->pinged_ns;
    pulse->missed = is_missed ? pulse->missed + 1 : 0;
    return pulse->missed >= PULSE_MISSED_MAX;
}

static inline void pulse_ping(struct pulse *pulse, struct conn *conn)
{
    pulse->pinged_ns = loop_now_ns(conn->loop);
    conn_ping(conn);
}
