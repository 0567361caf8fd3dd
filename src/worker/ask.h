/* worker/ask.h: one small HTTP request and its whole answer, parsed when it is JSON.
 *
 * For what a worker says to its server (register, heartbeat, deregister) and asks llama-server (health, props, slots).
 * Bounded in time (as a whole) and in size.
 *
 * Thread:  the loop's.
 */
#pragma once
#include "http/client.h"
#include "json/json.h"

#define ASK_ANSWER_MAX (1u << 20)

struct ask;

struct answered {
    int status; /* 0: there was no answer; `sentence` says why */
    const char *sentence;
    int64_t retry_after_ms; /* 0: not said */
    struct str text;
    struct json root; /* absent when it was no JSON */
};

struct ask_options {
    struct loop *loop;
    struct client_pool *pool;
    struct json_reader *reader; /* used while `on_done` runs */
    const struct target *target;
    const char *path;  /* with query; behind target->path */
    struct str bearer; /* empty: none */
    struct str body;   /* JSON, copied; empty: GET */
    int64_t timeout_ms;
    const char *agent;  /* what asks; NULL: a worker */
    size_t limit_bytes; /* of the body, and of the answer; 0: ASK_ANSWER_MAX */
    /** Once, unless cancelled; the ask is gone by then. What is told is borrowed. Never from inside ask_start. */
    void (*on_done)(void *owner, const struct answered *answered);
    void *owner;
};

/** NULL only without memory. */
MUST_USE struct ask *ask_start(const struct ask_options *options);
/** Ends it silently. NULL is fine. */
void ask_cancel(struct ask *ask);
