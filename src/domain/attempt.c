/* domain/attempt.c: the failover rule of the whole gateway, as one table.
 *
 * Read a row as: in this state, when this happens, go there and do that. An absent pair is illegal.
 * The rule behind the table: until the client has seen content, trouble means "try the next
 * provider"; from then on, trouble can only be reported.
 */
#include "domain/attempt.h"

#include <assert.h>

struct rule {
    enum attempt_state next;
    enum attempt_action action;
};

#define END(act)                     \
    {                                \
        ATTEMPT_ENDED, ATTEMPT_##act \
    }

// clang-format off
static const struct rule rules[ATTEMPT_STATE_COUNT][ATTEMPT_EVENT_COUNT] = {
    [ATTEMPT_CONNECTING] = {
        [ATTEMPT_ON_CONNECTED]   = {ATTEMPT_SENDING, ATTEMPT_GO_ON},
        [ATTEMPT_ON_BROKEN]      = END(TRY_NEXT),
        [ATTEMPT_ON_CLIENT_GONE] = END(CANCEL),
    },
    [ATTEMPT_SENDING] = {
        [ATTEMPT_ON_SENT]        = {ATTEMPT_WAITING, ATTEMPT_GO_ON},
        [ATTEMPT_ON_ACCEPTED]    = {ATTEMPT_HOLDING, ATTEMPT_GO_ON}, /* answers may come early */
        [ATTEMPT_ON_REFUSED]     = END(RELAY_ERROR),
        [ATTEMPT_ON_UNAVAILABLE] = END(TRY_NEXT),
        [ATTEMPT_ON_BROKEN]      = END(TRY_NEXT),
        [ATTEMPT_ON_CLIENT_GONE] = END(CANCEL),
    },
    [ATTEMPT_WAITING] = {
        [ATTEMPT_ON_ACCEPTED]    = {ATTEMPT_HOLDING, ATTEMPT_GO_ON},
        [ATTEMPT_ON_REFUSED]     = END(RELAY_ERROR),
        [ATTEMPT_ON_UNAVAILABLE] = END(TRY_NEXT),
        [ATTEMPT_ON_BROKEN]      = END(TRY_NEXT),
        [ATTEMPT_ON_CLIENT_GONE] = END(CANCEL),
    },
    [ATTEMPT_HOLDING] = {
        [ATTEMPT_ON_SENT]        = {ATTEMPT_HOLDING, ATTEMPT_GO_ON}, /* after an early answer */
        [ATTEMPT_ON_LIFECYCLE]   = {ATTEMPT_HOLDING, ATTEMPT_HOLD},
        [ATTEMPT_ON_CONTENT]     = {ATTEMPT_STREAMING, ATTEMPT_RELAY},
        [ATTEMPT_ON_REFUSED]     = END(RELAY_ERROR), /* as an error event inside a 200 */
        [ATTEMPT_ON_UNAVAILABLE] = END(TRY_NEXT),
        [ATTEMPT_ON_FINISHED]    = END(TRY_NEXT), /* ended without a word: still invisible */
        [ATTEMPT_ON_BROKEN]      = END(TRY_NEXT),
        [ATTEMPT_ON_CLIENT_GONE] = END(CANCEL),
    },
    [ATTEMPT_STREAMING] = {
        [ATTEMPT_ON_SENT]        = {ATTEMPT_STREAMING, ATTEMPT_GO_ON},
        [ATTEMPT_ON_LIFECYCLE]   = {ATTEMPT_STREAMING, ATTEMPT_RELAY},
        [ATTEMPT_ON_CONTENT]     = {ATTEMPT_STREAMING, ATTEMPT_RELAY},
        [ATTEMPT_ON_FINISHED]    = END(COMPLETE),
        [ATTEMPT_ON_REFUSED]     = END(CUT_STREAM), /* an error event in mid-stream */
        [ATTEMPT_ON_UNAVAILABLE] = END(CUT_STREAM),
        [ATTEMPT_ON_BROKEN]      = END(CUT_STREAM),
        [ATTEMPT_ON_CLIENT_GONE] = END(CANCEL),
    },
};
// clang-format on

enum attempt_action attempt_step(struct attempt *attempt, enum attempt_event event)
{
    assert(attempt->state < ATTEMPT_STATE_COUNT && event < ATTEMPT_EVENT_COUNT);

    struct rule rule = rules[attempt->state][event];
    if (rule.action != ATTEMPT_ILLEGAL)
        attempt->state = rule.next;
    return rule.action;
}

const char *attempt_state_name(enum attempt_state state)
{
    static const char *const names[] = {"connecting", "sending",   "waiting",
                                        "holding",    "streaming", "ended"};
    static_assert(sizeof names / sizeof names[0] == ATTEMPT_STATE_COUNT, "one name per state");
    return names[state];
}
