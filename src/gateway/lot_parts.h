/* gateway/lot_parts.h: what lot.c, lot_control.c and lot_warm.c share. Nobody else includes it. */
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
    struct loop_message let_go;
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
/** Under the lock: an unused line, or one that has something to read, comes to the lot's loop. */
void lot_post_line(struct lot *lot, struct line *line);
/** On the lot's thread: those that were not used again come to its loop, like any other that is parked. */
void lot_collect_warm(struct workers *workers, int64_t now_ms);
/** Those of a dead worker, or of all its registrations but this one. */
void lot_close_warm(struct worker *worker, bool is_dead, int64_t epoch);
