/* sys/envelope.h: sealed text that leaves the server and comes back with somebody else's request.
 *
 * Unlike a vault's blob it is bound to no row: whoever holds it may bring it back, and learns nothing from it. It is
 * AES-256-GCM under a key of its own, with a random nonce, as base64; another installation's does not open.
 * Thread: any.
 */
#pragma once
#include "sys/vault.h"

#define ENVELOPE_PLAIN_MAX (4u << 20)

/** Appends the sealed text. ERR_TOO_LARGE, ERR_NO_MEMORY. */
MUST_USE enum err envelope_seal(const struct vault *vault, struct str plain, struct buf *out);
/** Appends the plain text. ERR_NO_MEMORY; ERR_DENIED when it is not whole, not base64, or not of this secret. */
MUST_USE enum err envelope_open(const struct vault *vault, struct str sealed, struct buf *out);
