/* worker/child_env.h: the environment of the programs that a worker starts: ours, without what is only for us.
 *
 * Left out is all of AUXOT_* (keys of workers and of the vault among it), and what Claude Code tells the programs that it
 * starts: a worker that was started by one must not make its own children believe that they are inside of it.
 */
#pragma once
#include <stddef.h>

/** `given` ("NAME=value", `count` of them) and what of ours they do not replace; NULL ends it. The strings are borrowed, the
 *  list is yours to mem_free. NULL without memory. */
const char **child_env(const char *const *given, size_t count);
