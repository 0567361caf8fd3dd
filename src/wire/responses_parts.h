/* wire/responses_parts.h: what the files of the responses dialect share; answers: responses_reading.h, _writing.h.
 *
 *     responses_prompt_read.c   a request's top level      responses_prompt_write.c  the same, written
 *     responses_input_read.c    its items, into turns      responses_input_write.c   turns, into items
 *     responses_tools_read.c    tools, tool_choice         responses_tools_write.c   the same, written
 *
 * Layer:   wire: pure.
 */
#pragma once
#include "json/json_writer.h"
#include "wire/dialects.h"
#include "wire/responses_reading.h"
#include "wire/responses_writing.h"

/* ---- requests -------------------------------------------------------------------------------- */

/** The items of `input` into turns. ERR_MALFORMED names the item. */
MUST_USE enum err responses_input_read(struct prompt *prompt, struct json input,
                                       struct error *error);
/** A list of tools into the prompt; `where` begins the sentences: "tools". */
MUST_USE enum err responses_tools_read(struct prompt *prompt, struct json tools, const char *where,
                                       struct error *error);
MUST_USE enum err responses_choice_read(struct prompt *prompt, struct json choice,
                                        struct error *error);

/** The member `input`: an array, opened and closed here. */
void responses_input_write(struct prompt *prompt, const struct prompt_target *target,
                           struct json_writer *writer);
/** The members `tools`, `tool_choice` and `parallel_tool_calls`; nothing when there are no tools. */
void responses_tools_write(struct prompt *prompt, const struct prompt_target *target,
                           struct json_writer *writer);
/** A tool's name at the provider. `out_space` is its namespace there: empty when it had to be flattened.
 *  Empty (and prompt->failed) when there are too many names. */
struct str responses_tool_name(struct prompt *prompt, struct str space, struct str name,
                               struct str *out_space);
