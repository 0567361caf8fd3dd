/* simulate/chaos.h: a TCP proxy that damages what goes through it, and is told how while it runs.
 * Thread:  the loop's.
 */
#pragma once
#include "net/loop.h"
#include "simulate/chaos_plan.h"

struct chaos;

struct chaos_options {
    struct loop *loop;
    const char *listen_host, *to_host;
    int listen_port; /* 0: any */
    int to_port;
    const char *control_host; /* NULL: nobody can change the plan */
    int control_port;         /* 0: any */
    struct chaos_plan plan;
};

/** Listens. The name `to_host` is looked up once, here. ERR_IO or ERR_MALFORMED with a sentence. */
MUST_USE enum err chaos_open(const struct chaos_options *options, struct chaos **out_chaos,
                             struct error *error);
int chaos_port(const struct chaos *chaos);
int chaos_control_port(const struct chaos *chaos); /* 0: none */
void chaos_close(struct chaos *chaos);
