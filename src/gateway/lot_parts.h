/* gateway/lot_parts.h: what lot.c and lot_control.c share. Nobody else includes it. */
#pragma once
#include "gateway/workers_parts.h"

#define PING_MS 20000

#define CLOSE_NORMAL 1000
#define CLOSE_POLICY 1008
#define CLOSE_AGAIN  1013

struct lot {
    struct workers *workers;
    struct loop *loop;
    struct json_reader *reader;
    struct deadline clock;
    pthread_t thread;
    struct worker_message message; /* scratch: large */
};

struct control {
    struct loop_message arrival;
    struct worker *worker; /* a reference */
    int64_t epoch;
    struct detached *detached; /* until it is on the loop */
    struct ws_link *link;
    int64_t second;
    int messages;
};

/* The loop of a message that came; NULL once the lot has ended: what it brings is closed. */
struct lot *lot_of(struct workers *workers);
bool worker_is_current(struct worker *worker, int64_t epoch);
void worker_break_rule(struct worker *worker, const char *what);
/* Both end a control connection from our side; `saying` (may be empty) goes first. */
void control_end(struct control *control, struct str saying, const char *reason);
void control_say_bye(struct control *control, const char *reason);
