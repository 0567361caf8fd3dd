/* simulate/given.h: a value of a script as it came, as JSON or as text, read as what a key wants. Pure.
 *
 * Each reader fills its output, or gives ERR_MALFORMED with what it wants ("wants a whole number").
 */
#pragma once
#include "base/mem.h"
#include "json/json.h"

/** JSON, or text when `json` is absent; what is kept goes to `arena`. */
struct given {
    struct json json;
    struct str text;
    struct arena *arena;
};

bool given_is_json(const struct given *given);
/** A copy that outlives the script's text. */
MUST_USE enum err given_keep(struct arena *arena, struct str text, struct str *out_text,
                             struct error *error);
/** A JSON string, a JSON number as it would be written, or percent-decoded text. */
MUST_USE enum err given_text(const struct given *given, struct str *out_text, struct error *error);
/** true, false, 0, 1, or nothing (true). */
bool given_bool(const struct given *given, bool *out_value);
/** A whole number; true and false count as 1 and 0. */
MUST_USE enum err given_int(const struct given *given, int64_t low, int64_t high,
                            int64_t *out_value, struct error *error);
/** A string as it is, an object or array as its JSON text. */
MUST_USE enum err given_document(const struct given *given, struct str *out_text,
                                 struct error *error);
MUST_USE enum err given_base64(const struct given *given, struct str *out_bytes,
                               struct error *error);
