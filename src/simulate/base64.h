/* simulate/base64.h: RFC 4648 base64 with padding, as embeddings and scripts use it. Pure. */
#pragma once
#include "base/buf.h"

void base64_append(struct buf *out, const void *bytes, size_t len);
/** Decodes into `room` (text.len bytes suffice). False when it is no base64. */
bool base64_decode(struct str text, char *room, size_t *out_len);
