/* main/config_say.h: what `auxot config` prints: changes in words, and problems with their place in the file.
 *
 * Thread:  main's.
 */
#pragma once
#include "main/config_file.h"

/** The answer of /api/config/diff, on stdout. */
void config_say_changes(struct json answer, bool prunes);
/** A problem that the server answered, on stderr; with its line when it is about a place in the file (NULL: there is none). `reader`
 *  is used up. */
void config_say_problem(const struct config_file *file, struct json_reader *reader,
                        struct str answer);
