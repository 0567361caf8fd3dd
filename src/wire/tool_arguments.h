/* wire/tool_arguments.h: a tool call's arguments, from the JSON text that OpenAI's dialects carry to the object of Anthropic's.
 *
 * A model writes its arguments itself, so they may be no JSON at all. What is an object stays as it is, byte for
 * byte; nothing at all is {}; anything else is wrapped as {"arguments": "<text>"}, and noted as changed.
 *
 * Layer:   wire: pure.
 */
#pragma once
#include "json/json.h"
#include "json/json_writer.h"
#include "wire/fidelity.h"

/** Writes member `name` (NULL: an array element). `scratch` is used to look at the text. */
void tool_arguments_put_object(struct json_writer *writer, const char *name, struct str text,
                               struct json_reader *scratch, struct fidelity *fidelity);
