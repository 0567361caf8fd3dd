/* domain/transition.h: one change of state, of what an operator watches: the server, a provider, a worker, the configuration.
 *
 * Noted once, when it happens (store/transitions.h), so that the state at any past minute can be told. What a state is
 * called is what the API calls it; "" stands for not known.
 */
#pragma once
#include "domain/id.h"
#include <stddef.h>

// clang-format off
#define TRANSITION_LIST(X)                                                                    \
    /* name      text         its states                                                   */ \
    X(SERVER,   "server")   /* started, stopped, killed, notes_lost: each begins a new page */ \
    X(PROVIDER, "provider") /* provider_state_name(), and gone                              */ \
    X(WORKER,   "worker")   /* live, suspect, away, over_quota, barred, leaving, dead       */ \
    X(CONFIG,   "config")   /* the version, as a number                                     */
// clang-format on

enum transition_kind {
#define X(name, text) TRANSITION_##name,
    TRANSITION_LIST(X)
#undef X
        TRANSITION_KINDS
};
const char *transition_kind_name(enum transition_kind kind);
/** False: no such kind. */
bool transition_kind_parse(struct str text, enum transition_kind *out_kind);

struct transition {
    enum transition_kind kind;
    int64_t at_ms;      /* wall */
    int64_t lost;       /* of notes_lost: how many */
    char id[ID_MAX];    /* of the provider or worker; "" for the server and the configuration */
    char owner[ID_MAX]; /* of a worker: its provider; of the configuration: the event; else "" */
    char name[64];      /* of the provider or worker, as it was then; of the configuration: who */
    char from[24], to[24]; /* `from` is "" when what was before is not known */
    char reason[48];       /* a stable code; "" */
};

/** Fills the texts; NULL is "". What is too long is cut. */
void transition_set(struct transition *transition, enum transition_kind kind, const char *id,
                    const char *from, const char *to, const char *reason);
