/* sys/sha256.h: the SHA-256 of what comes in pieces (files). Thread: the holder's. */
#pragma once
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
struct sha256; /* opaque: sha256.c */

/** ERR_NO_MEMORY. Yours to sha256_free. */
MUST_USE enum err sha256_new(struct sha256 **out_sum);
void sha256_add(struct sha256 *sum, const void *bytes, size_t len);
/** The sum of all that was added; nothing may be added behind it. */
void sha256_end(struct sha256 *sum, uint8_t out_digest[SHA256_BYTES]);
void sha256_free(struct sha256 *sum); /* NULL is fine */
