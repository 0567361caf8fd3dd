/* domain/receipt_phase.h: the phases of a request in which the server's own time goes. Layer: pure. */
#pragma once

// clang-format off
#define PHASE_LIST(X)                                                                                      \
    /* name     text       what */                                                                        \
    X(AUTH,     auth)      /* whose key, or session, it is */                                              \
    X(PARSE,    parse)     /* the body */                                                                  \
    X(ADMIT,    admit)     /* limits and budget */                                                         \
    X(ROUTE,    route)     /* each plan that was made */                                                   \
    X(CONNECT,  connect)   /* until the provider had taken the connection; 0: it was there */              \
    X(HOLD,     hold)      /* from the head of the answer to the first of it that may go to the caller */  \
    X(RELAY,    relay)     /* work on the answer's bytes; measured for who asked for the receipt */        \
    X(RECORD,   record)    /* until what had to be on record was written */
// clang-format on
enum receipt_phase {
#define X(name, text) PHASE_##name,
    PHASE_LIST(X)
#undef X
        PHASE_COUNT
};
