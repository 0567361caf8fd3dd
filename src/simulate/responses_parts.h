/* simulate/responses_parts.h: the objects that plain answers and events of responses share. Not for others. */
#pragma once
#include "simulate/answer_parts.h"

bool responses_has_reasoning(const struct answer *answer);
bool responses_has_message(const struct answer *answer);
/** A stop reason other than the ordinary ones makes the answer an incomplete one. */
bool responses_is_incomplete(const struct answer *answer);

/** A call of a function, or of a custom tool: how its item and events are named. */
struct call_kind {
    const char *prefix, *type, *member, *delta, *done;
};
const struct call_kind *responses_call_kind(const struct play_tool *tool);
/** Its arguments, or its input. */
struct str responses_call_text(const struct play_tool *tool);

/* As an item begins, or as it is done. */
void responses_append_reasoning(const struct answer *answer, struct buf *out, bool is_done);
void responses_append_message(const struct answer *answer, struct buf *out, bool is_done);
void responses_append_part(const struct answer *answer, struct buf *out, bool is_done);
void responses_append_call(const struct answer *answer, struct buf *out, size_t number,
                           bool is_done);
void responses_append_citation(const struct answer *answer, struct buf *out);
/** `failure` is the error object of a response that failed, or NULL. */
void responses_append_response(const struct answer *answer, struct buf *out, bool is_done,
                               const char *failure);
