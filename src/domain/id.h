/* domain/id.h: identifiers: a prefix, the millisecond of making, and 80 random bits; sortable by time.
 *
 * "job_" + 26 characters of Crockford base32 (lower case): 48 bits of time, 80 of randomness, as ULID.
 */
#pragma once
#include "base/str.h"

#define ID_BODY_LEN 26
#define ID_MAX      32 /* prefix of up to 5, body, NUL */

/** `prefix` like "job_"; `random` 10 bytes. */
void id_make(const char *prefix, int64_t wall_ms, const uint8_t random[10], char out_id[ID_MAX]);
/** Well-formed with that prefix? Gives the time. */
bool id_parse(struct str id, const char *prefix, int64_t *out_wall_ms);
/** The 128 bits of an id that is well-formed with that prefix; false: it is not. */
bool id_bits(struct str id, const char *prefix, uint8_t out_bits[16]);
