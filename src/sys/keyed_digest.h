/* sys/keyed_digest.h: HMAC-SHA-256 (RFC 2104) under a key that is the caller's own, not the server's. Thread: any. */
#pragma once
#include "base/str.h"
#include <stdint.h>

#define KEYED_DIGEST_BYTES 16

/** Its first 16 bytes. */
void keyed_digest(struct str key, struct str bytes, uint8_t out_digest[KEYED_DIGEST_BYTES]);
