/* simulate/answer.h: builds the whole answer to one request: play + request -> program. Pure.
 *
 * answer.c decides what kind of answer it is; chat.c, responses.c, messages.c and plain.c know how a
 * vendor says it; vendor_error.c how it complains; framing.c lies about lengths and heads.
 */
#pragma once
#include "simulate/play.h"
#include "simulate/program.h"
#include "simulate/request.h"
#include "simulate/strict.h"

/** What the list of models holds. */
struct model_list {
    const struct str *names;
    size_t count;
};

/** Fills `program` (cleared first). Check program->failed. */
void answer_build(struct program *program, const struct play *play, const struct request *request,
                  const struct model_list *models);
/** What breaks the vendor's rules, in its shape. */
void answer_refuse_field(struct program *program, const struct request *request,
                         const struct refusal *refusal);
/** llama-server's words for a prompt that is longer than a slot's context. */
void answer_refuse_overflow(struct program *program, const struct request *request,
                            int64_t context_tokens);
/** An error in the vendor's shape, whatever the play would have been. `code` may be NULL. */
void answer_refuse(struct program *program, const struct request *request, int status,
                   const char *message);
