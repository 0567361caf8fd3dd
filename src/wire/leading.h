/* wire/leading.h: the part of a conversation that stays the same from turn to turn, for affinity.
 * Layer: wire: pure.
 */
#pragma once
#include "base/str.h"

/** The raw bytes of the first turns of `messages` or `input`, up to and with the first of the user's; a string's first
 *  bytes. A slice of the body, at most 64 KiB; empty when there is none. It is a hint: nothing is validated. */
struct str body_leading_turns(struct str body);
