/* worker/cli_request.h: a caller's messages request, as a command-line tool needs it.
 *
 * The body goes through the common form (wire/prompt.h) into the dialect in which the tool keeps its history: messages for
 * Claude Code's session files, responses for Codex's injected items. On the way it becomes regular: results stand behind
 * their calls, system words at the start are taken out as one text, billing notes and cache marks are gone. What no tool can be
 * told (temperature, stop sequences, ...) is noted as dropped.
 *
 * Layer:   pure.  Thread: any, one at a time.
 * Memory:  the request's arena and `text`; `prompt`, `root` and `history` also borrow from the bench's readers, until their
 *          next use: what is needed later is asked for at once.
 */
#pragma once
#include "wire/dialects.h"

#define CLI_BODY_MAX   (32u << 20)
#define CLI_TEXT_MAX   (64u << 20)
#define CLI_SYSTEM_MAX (8u << 20)

/** Readers that all requests and lines of a worker share, one after the other. */
struct cli_bench {
    struct json_reader *source, *scratch, *text, *line;
};
MUST_USE enum err cli_bench_open(struct cli_bench *bench);
void cli_bench_close(struct cli_bench *bench);

struct cli_tool;

struct cli_request {
    struct arena arena;
    struct cli_bench *bench;
    struct fidelity fidelity;
    struct tool_names names; /* the caller's tools as the tool's model knows them */
    struct prompt prompt;
    struct str model; /* as the caller said it */
    bool is_stream, wants_thinking;
    struct buf system;   /* plain text; may be empty */
    struct buf text;     /* the regular body, in the tool's dialect */
    struct json root;    /* of `text` */
    struct json history; /* its `messages` or `input`: an array */
    size_t history_count;
};

/** Errors: ERR_MALFORMED with a sentence (what every provider would refuse, or this tool cannot do), ERR_NO_MEMORY. Either
 *  way: cli_request_release. */
MUST_USE enum err cli_request_read(struct cli_request *request, struct cli_bench *bench,
                                   const struct cli_tool *tool, struct str body,
                                   struct error *error);
void cli_request_release(struct cli_request *request);
/** Frees what only the start needed; names and notes stay. */
void cli_request_slim(struct cli_request *request);

/** A fingerprint of the terms (model, system, tools) and the first `count` pieces of the history: what a tool that waits has
 *  been told. The next request continues it only when that is its beginning. */
uint64_t cli_request_hash(const struct cli_request *request, size_t count);
/** The first turn behind the assistant's last one: what the caller has to say now, results of calls too. */
const struct turn *cli_request_news(const struct cli_request *request);
/** The bytes of a value of `root`. */
struct str cli_request_raw(const struct cli_request *request, struct json value);
