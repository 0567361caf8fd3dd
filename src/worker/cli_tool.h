/* worker/cli_tool.h: the command-line tools that can answer: one row each, cli_tools.c has the table.
 *
 * To add one: cli_<name>.c with its lines (a machine of pure functions over struct cli_talk) and how it is started; its
 * row in cli_tools.c; unit tests from its real lines; a fuzz harness.
 *
 * Thread: any (immutable table).
 */
#pragma once
#include "worker/cli_launch.h"
#include "worker/cli_request.h"
#include "worker/cli_talk.h"

#define CLI_NAME_PREFIX "caller_"

/** What is the same for all jobs of a worker, as far as a tool needs to know it. */
struct cli_terms {
    const char *program;        /* as it is executed */
    const char *allow_tools;    /* own tools the operator allows, in the tool's words; NULL: none */
    int max_turns;              /* 0: no cap */
    const char *max_budget_usd; /* NULL: no cap */
    const char *sessions_dir;   /* claude: where it looks for conversations to resume */
};

/** Of one job. */
struct cli_job {
    const struct cli_terms *terms;
    const struct cli_request *request;
    struct str model;     /* the tool's word for it; empty: its default */
    const char *work_dir; /* empty; the tool's working directory */
    const char *side_dir; /* beside it: what we give the tool to read */
    const char *uuid;     /* random, of this job */
    int64_t now_s;        /* unix time */
};

/** What a look at the installed tool found out; see cli_probe.h. */
struct cli_findings;

struct cli_tool {
    const char *name;    /* "claude" */
    const char *program; /* looked for in PATH */
    const char *model;   /* the id under which its default model is offered */
    const char *version_flag;
    enum endpoint speaks;   /* in which form its history is written: cli_request.text */
    size_t tool_name_bytes; /* longest name of a caller's tool */
    bool takes_tools, takes_images, shows_reasoning, takes_schema;
    bool takes_more; /* with the results of calls also words of the user */
    size_t own_bytes;

    /** Another name for a caller's tool, where one of its own has this: CLI_NAME_PREFIX and the name, static text.
     *  NULL: it is fine. */
    const char *(*rename)(struct str name);
    /** Fills what is to be run, and `talk` with what it hears first. Errors: ERR_MALFORMED (the caller's fault, a sentence),
     *  ERR_TOO_LARGE, ERR_NO_MEMORY. */
    enum err (*start)(const struct cli_job *job, struct cli_launch *launch, struct cli_talk *talk,
                      struct error *error);
    void (*on_line)(struct cli_talk *talk, struct json root);
    void (*interrupt)(struct cli_talk *talk);
    /** The result of a call in the tool's own form. NULL with put_answer: takes no tools. */
    void (*put_result)(struct buf *out, const struct part *result);
    /** The line that answers a call with its result. */
    void (*put_answer)(struct buf *out, const struct talk_call *call);
    /** Before the results: words of the user that came with them. NULL unless takes_more. */
    void (*put_more)(struct buf *out, const struct turn *turn);
    void (*own_release)(struct cli_talk *talk); /* NULL: nothing to release */

    /** What shows whether it is installed and logged in, at no cost. */
    const char *probe_args[4]; /* NULL ends them */
    const char *probe_input;   /* for its stdin; NULL: nothing */
    /** Its input is kept open until this stands in its output; NULL: until it ends. */
    const char *probe_until;
    enum err (*judge)(struct json_reader *reader, struct str output, int exit_status,
                      struct cli_findings *findings, struct error *error);
};

/** NULL when there is none of this name. */
const struct cli_tool *cli_tool_find(struct str name);
/** Undoes `rename`: what the caller calls the tool that the tool's model calls `name`. */
struct str cli_tool_name_back(const struct cli_tool *tool, struct str name);
extern const struct cli_tool claude_tool, codex_tool, cursor_tool;
