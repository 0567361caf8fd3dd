/* worker/cli.h: the front of a CLI worker: HTTP in, Claude Code, Codex or Cursor run headless, one process for each job.
 *
 *     POST /v1/messages   Anthropic Messages, plain and streaming
 *     GET  /v1/models     what is offered
 *
 * A job takes a slot, a process and a directory. When the answer ends in calls of the caller's tools the process waits,
 * without a slot, until the caller comes with the results (the same history with them behind it), for `tool_wait_ms` at most;
 * who comes later, or to another worker, has the conversation replayed in a new process. A caller who leaves takes the
 * process with him.
 *
 * Thread: the loop's.
 */
#pragma once
#include "worker/cli_probe.h"
#include "worker/front.h"

#define CLI_MODELS_MAX  32
#define CLI_SLOTS_MAX   64
#define CLI_WAITING_MAX 256

/** A model as it is offered, and as the tool calls it. */
struct cli_model {
    const char *id;
    const char *tool_model; /* "": the tool's own default */
};

/** Texts live as long as the worker. */
struct cli_options {
    struct loop *loop;
    const struct cli_tool *tool;
    const struct cli_findings *findings; /* of cli_probe */
    struct cli_model models[CLI_MODELS_MAX];
    size_t model_count; /* 0: the tool's default, under tool->model */
    int slots;          /* 1 to CLI_SLOTS_MAX */
    int waiting_max;    /* processes that wait for results; 0: none, every call is replayed */
    int64_t tool_wait_ms, job_ms;
    const char *allow_tools, *max_budget_usd; /* cli_terms */
    int max_turns;
    const char *scratch_base;
};

struct cli;
/** Errors: as scratch_open, ERR_NO_MEMORY; with a sentence. */
MUST_USE enum err cli_open(const struct cli_options *options, struct cli **out_cli,
                           struct error *error);
/** What goes before the server; lives as long as the worker. */
struct worker_front *cli_front(struct cli *cli);
/** Ends every process and removes every directory. No exchange of it may be left (its listener is gone).
 *  NULL is fine. */
void cli_close(struct cli *cli);
