/* main/terminal.h: text of others, on a terminal. Names come from callers, sentences from vendors.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/str.h"

/** Whether what is at `*at` would be obeyed and not shown: a control character, C1 (U+0080 to U+009F) included. Moves
 *  `*at` behind the character's first byte, or behind all of what would be obeyed. */
bool terminal_obeys(struct str text, size_t *at);
/** In place, in a NUL-terminated string: each of them becomes '?'. */
void terminal_clean(char *text);
