/* sys/secret.h: bytes that must not be seen: locked in memory, left out of dumps, wiped on free.
 * There is no print function. Thread: the holder's.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

#define SECRET_MAX_BYTES 4096u
struct secret;

/** Copies `bytes` into protected memory. ERR_NO_MEMORY, ERR_TOO_LARGE. Yours to secret_free. */
MUST_USE enum err secret_new(struct str bytes, struct secret **out_secret);
/** Protected memory of `len` bytes, zero as yet; what is to be secret is made right there. As above. */
MUST_USE enum err secret_room(size_t len, struct secret **out_secret, uint8_t **out_room);
void secret_free(struct secret *secret);               /* wipes; NULL is fine */
struct str secret_borrow(const struct secret *secret); /* never log, never copy */
void secret_wipe(void *bytes, size_t len);
