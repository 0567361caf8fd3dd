/* gateway/relay_parts.h: what relay.c (streams, and the way to the client) and relay_plain.c share. */
#pragma once
#include "gateway/request.h"

void batch_add(struct request *request, struct batch *batch, const char *bytes, size_t len);
void batch_send(struct request *request, struct batch *batch);

/* From here on nothing can be undone. False: no memory for the head; the request is over. */
MUST_USE bool relay_commit(struct request *request);
/* Adds what was translated to the batch. */
void relay_translated(struct request *request, struct batch *batch);
/* Hands over what was held back. */
void relay_held(struct request *request, struct batch *batch);
/* The client has everything after `batch`. The upstream may still owe the end of its framing. */
void relay_complete(struct request *request, struct batch *batch);
const char *relay_done_reason(const struct request *request);

/* relay_plain.c */
void relay_plain(struct request *request, char *bytes, size_t len);
void relay_plain_end(struct request *request);
