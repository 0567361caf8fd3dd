/* worker/cli_run.h: one process of a tool, with its talk, its directory and, while it answers, its caller.
 *
 *     ANSWERING --calls of the caller's tools--> WAITING --results--> ANSWERING
 *         |                                         |
 *         +--done, failed, caller gone, too long--> ENDING <--too long, no room, went on by itself
 *                                                     |
 *                                                  process gone: freed
 *
 * Thread: the loop's. Private to cli.c.
 */
#pragma once
#include "worker/cli.h"
#include "worker/cli_answer.h"
#include "worker/cli_process.h"
#include "worker/cli_scratch.h"

#define CLI_SESSION_MAX 128

enum run_state {
    RUN_ANSWERING, /* there is a caller; counts as a slot */
    RUN_WAITING,   /* for results of the caller's tools */
    RUN_ENDING,    /* to be gone soon */
    RUN_STATE_COUNT
};

struct run {
    struct cli *cli;
    struct list node; /* of the list of its state */
    enum run_state state;
    int place;
    struct scratch_place dirs;
    char *litter; /* NULL: none */
    struct cli_process *process;
    struct cli_talk talk;
    struct cli_request request;
    struct cli_answer answer;
    uint64_t hash; /* of what it has been told: the terms and `told` pieces of history */
    size_t told;
    /* The gateway's name for the conversation, made of its caller's key as well: nobody else can go on here. "": none. */
    char session[CLI_SESSION_MAX];
    bool has_left; /* the process is gone */
    struct deadline limit, ping;
};

/** What all runs of a worker share. */
struct cli {
    struct cli_options options;
    struct cli_terms terms;
    struct cli_bench bench;
    struct scratch scratch;
    struct worker_front front;
    struct http_service service;
    struct list runs[RUN_STATE_COUNT];
    int counts[RUN_STATE_COUNT];
    bool places[CLI_SLOTS_MAX * 2 + CLI_WAITING_MAX];
    bool is_draining;
    int64_t quota_until_s; /* a used up window: nobody is answered until then */
    int64_t limit_until_s; /* any limit: others had better go elsewhere until then */
};

/** Starts a process for the request, which it takes (released on failure too). The exchange is then the run's; on failure it
 *  was answered. */
void run_begin(struct cli *cli, struct cli_request *request, struct exchange *exchange);
/** Gives a waiting run the results that the request holds. False: it is another conversation, or lacks some; nothing was
 *  taken. */
MUST_USE bool run_go_on(struct run *run, struct cli_request *request, struct exchange *exchange);
/** A waiting run that nobody needs. */
void run_drop(struct run *run);
void run_free(struct run *run); /* at once */
/** Is it worth asking this waiting run? The request is of the same conversation and begins with what it was told. */
bool run_fits(const struct run *run, const struct cli_request *request,
              const struct exchange *exchange);
