/* simulate/simulator.h: a provider that does what it is told: one listener on one loop.
 * Thread:  the loop's.
 */
#pragma once
#include "base/err.h"
#include "net/loop.h"
#include "simulate/request.h"

struct simulator;

struct simulator_options {
    struct loop *loop;
    const char *host; /* NULL: 127.0.0.1 */
    int port;         /* 0: any */
    enum vendor vendor;
    bool needs_key;
    bool is_strict;          /* unless the play says otherwise */
    const char *script_path; /* NULL: none */
    const char *log_path;    /* NULL: only in memory */
    bool keeps_log;
    uint64_t seed;
    /* llama-server's: */
    int slots;
    int64_t context_tokens, loading_ms;
    const char *key; /* the one that callers must bring; NULL: none */
};

/** Listens. Errors as http_listener_new and script_load, with a sentence. */
MUST_USE enum err simulator_open(const struct simulator_options *options,
                                 struct simulator **out_simulator, struct error *error);
int simulator_port(const struct simulator *simulator);
void simulator_close(struct simulator *simulator);
