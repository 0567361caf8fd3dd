/* simulate/strict.h: is this a request that the real vendor would take? Pure.
 *
 * The gateway translates; whether what it made is right is for the vendor to say, and under `strict` the
 * simulator says it as the vendor does: the first broken rule is a 400 in the vendor's words that names the
 * field. Only rules that are documented, or were seen broken (PROVIDER_ERRORS.md, CLIENTS.md), are here.
 *
 * Layer:   pure.  Thread: any, one at a time.
 */
#pragma once
#include "json/json.h"
#include "simulate/request.h"

#define STORED_MAX 256 /* responses that are remembered */

/** The responses that may be continued with previous_response_id: the newest, by the request's id. */
struct stored {
    char ids[STORED_MAX][33];
    size_t next;
};
void stored_add(struct stored *stored, const char *id);

struct refusal {
    int status;
    const char *code; /* OpenAI's; NULL: null */
    char param[128];  /* the field, in the vendor's spelling */
    char message[384];
};

/** True when the vendor would answer. Else `out_refusal` says why not. `stored` may be NULL. */
bool strict_accepts(const struct request *request, struct json body, const struct stored *stored,
                    struct refusal *out_refusal);
