/* worker/cli_probe.h: is the tool there, and is somebody logged in? Asked at the start, not by the first job.
 *
 * The tool's own status command is run; nothing is asked of its vendor's model, so that it costs nothing.
 * Thread: main's, before the loop runs: it blocks, for 60 s at most.
 */
#pragma once
#include "worker/cli_tool.h"

#define FINDINGS_PATH_MAX 512

struct cli_findings {
    char program[FINDINGS_PATH_MAX]; /* absolute */
    char version[96];
    char login[96];                       /* as the tool calls it: "api_key", "ChatGPT", ... */
    char sessions_dir[FINDINGS_PATH_MAX]; /* claude */
};

/** `program`: a path, or a name that is looked for in PATH; NULL: the tool's usual one.
 *  Errors, each with what to do: ERR_NOT_FOUND (no such program), ERR_UNAUTHORIZED (nobody is logged in), ERR_TIMEOUT,
 *  ERR_IO, ERR_NO_MEMORY. */
MUST_USE enum err cli_probe(const struct cli_tool *tool, const char *program,
                            struct cli_findings *out_findings, struct error *error);
