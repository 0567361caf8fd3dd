/* wire/logprobs.h: log probabilities of an answer's tokens, which chat completions and responses tell alike.
 *
 * Both have lists of {token, logprob, bytes, top_logprobs}. Their elements are carried as they stand, without the list's
 * brackets, so that lists can be joined and cut: `{"token":"a",…},{"token":"b",…}`.
 *
 * Layer:   wire: pure.
 * Source:  OpenAI's API reference: choices[].logprobs.content; output_text's logprobs.
 */
#pragma once
#include "base/buf.h"
#include "json/json.h"
#include "wire/fidelity.h"

#define LOGPROBS_KEPT_MAX (4u << 20) /* of one answer */

/** Raw elements of `list`, from number `from` on; `source` is what `reader` has parsed. Empty: none. */
struct str logprobs_of(struct json_reader *reader, struct json list, size_t from,
                       struct str source);

/** Puts elements behind those that `out` has got since `start`. On one line: an event's data may hold no line ends. */
void logprobs_put(struct buf *out, size_t start, struct str elements);

/** Those that a plain body holds, or the last events repeat. */
struct logprobs {
    struct buf list;
    size_t bytes; /* that came, of the whole answer */
};
void logprobs_init(struct logprobs *kept);
void logprobs_release(struct logprobs *kept);
/** Past the bound the list is emptied and stays empty, with a note: some would be taken for all. */
void logprobs_keep(struct logprobs *kept, struct str elements, struct fidelity *fidelity);
