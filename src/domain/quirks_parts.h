/* domain/quirks_parts.h: what quirks.c and quirks_learned.c share. Nobody else includes it. */
#pragma once
#include "domain/quirks.h"

/** Does the whole text fit the pattern, in lower case, where '*' stands for any run of bytes? */
bool quirk_like(struct str text, const char *pattern);
