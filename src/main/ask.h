/* main/ask.h: what `auxot explain` and `auxot rehearse` have in common: faults from the command line, a question to the running
 * server, its answer as it came or as a tree.
 *
 * Thread:  main's.
 */
#pragma once
#include "json/json.h"
#include "json/json_writer.h"
#include "main/settings.h"

#define ASK_BODY_MAX (256u * 1024)

/** Every `--fault PROVIDER=FAULT`, taken out of argv, as the member `faults`. ERR_MALFORMED with a sentence. */
MUST_USE enum err put_faults(int *argc, char **argv, struct json_writer *writer,
                             struct error *error);

/** POSTs `body` to the server that runs on the data directory, and prints its answer: as it came, or by `print`. ERR_NOT_FOUND: none runs.
 *  ERR_DENIED: it refused, with its own sentence. */
MUST_USE enum err ask_and_print(const struct settings *settings, const char *path, struct str body,
                                bool is_raw, void (*print)(struct json root), struct error *error);
