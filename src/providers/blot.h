/* providers/blot.h: takes a provider's key out of what the provider said.
 *
 * A refusal may quote the credential that it refuses, and a refusal is shown: to the caller, in a job's record,
 * in a provider's state. sentence_clean knows keys by their prefixes; here the key itself is known.
 */
#pragma once
#include "base/str.h"

/** Overwrites with '*' every run of `bytes` that is also in `key` and 12 bytes or longer (I9), in
 *  place, so that framing and JSON stay whole. An empty or shorter key blots nothing. */
void blot_key(char *bytes, size_t len, struct str key);
