/* worker/cli_claude.h: what the files of Claude Code share. Private to them and their tests. */
#pragma once
#include "json/json_writer.h"
#include "worker/cli_tool.h"

/** The state of a talk with it. */
struct claude_own {
    struct answer_reader reader; /* of the message in hand; reader.own is NULL when there is none */
    struct fidelity fidelity;
    bool is_message_open; /* begun, and not stopped */
    bool has_part;        /* it has told something */
    bool has_stop;        /* and why it ends */
    bool has_call;        /* of one of the caller's tools */
    bool skips_call;      /* the call in hand is none of the caller's */
    enum stop_reason stop;
    struct usage usage;
    int64_t fresh_tokens;
    struct str tools; /* the answer to tools/list; in the talk's arena */
};

/** cli_claude_start.c */
enum err claude_start(const struct cli_job *job, struct cli_launch *launch, struct cli_talk *talk,
                      struct error *error);
enum err claude_judge(struct json_reader *reader, struct str output, int exit_status,
                      struct cli_findings *findings, struct error *error);
/** A user line of its stdin: open, pieces, close. No piece of it can be taken for one of its commands. */
void claude_open_user(struct json_writer *json, struct buf *out);
void claude_put_part(struct json_writer *json, const struct part *part);
void claude_close_user(struct json_writer *json);

/** cli_claude_session.c: the first `count` messages of the history as a session file that --resume reads. */
void claude_session_put(const struct cli_job *job, size_t count, struct buf *out);
/** The name that it gives a directory: every other character than letters and digits is '-'. */
void claude_slug_put(struct buf *out, struct str dir);
