/* main/ask.h: what `auxot explain` and `auxot rehearse` have in common: faults from the command line, a question to the running
 * server, its answer as it came or as a tree.
 *
 * Thread:  main's.
 */
#pragma once
#include "json/json.h"
#include "json/json_writer.h"
#include "main/settings.h"

#define ASK_BODY_MAX   (256u * 1024)
#define ASK_ANSWER_MAX (8u * 1024 * 1024)

/** Every `--fault PROVIDER=FAULT`, taken out of argv, as the member `faults`. ERR_MALFORMED with a sentence. */
MUST_USE enum err put_faults(int *argc, char **argv, struct json_writer *writer,
                             struct error *error);

/** POSTs `body` to the server that runs on the data directory. ERR_NOT_FOUND: none runs. ERR_DENIED: it refused, with its own
 *  sentence. `out_answer` is an initialised buffer, and `out_root` borrows from the reader. */
MUST_USE enum err ask_server(const struct settings *settings, const char *path, struct str body,
                             struct buf *out_answer, struct json_reader *reader,
                             struct json *out_root, struct error *error);
