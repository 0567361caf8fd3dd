/* domain/apikey.h: the form of our keys: prefix + 43 base62 characters (32 random bytes) + 6 of checksum.
 * Junk is refused by its checksum, before any lookup.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define APIKEY_PREFIX        "auxk_"
#define APIKEY_PREFIX_WORKER "auxw_"
#define APIKEY_BODY_LEN      43
#define APIKEY_CHECK_LEN     6
#define APIKEY_LEN           (5 + APIKEY_BODY_LEN + APIKEY_CHECK_LEN)
#define APIKEY_HINT_MAX      16

/** Writes prefix, base62 of the 32 bytes, CRC-32 checksum; `out_key` has APIKEY_LEN + 1 bytes. */
void apikey_make(const char *prefix, const uint8_t random[32], char out_key[APIKEY_LEN + 1]);
/** Right prefix, length, alphabet and checksum? */
bool apikey_is_wellformed(struct str key, const char *prefix);
/** "auxk_Ab12…9xYz": first 4 and last 4 of the body, for lists and logs. */
void apikey_hint(struct str key, char out_hint[APIKEY_HINT_MAX + 8]);
