/* main/config_file.h: a file of configuration as a command reads it: whole, bounded, and with a place for whatever is wrong in it.
 *
 * Thread:  main's.
 */
#pragma once
#include "base/err.h"
#include "json/json.h"

#define CONFIG_FILE_BYTES_MAX \
    ((size_t)4032 * 1024) /* a body of 4 MiB, and room beside it for keys */

struct config_file {
    const char *path; /* "-": standard input */
    char *text;       /* owned: its JSON, every value where it stands in the file */
    size_t len;
    struct json_reader *reader;
    struct json root;
};

/** Reads it and holds it to the form of such a file. False: said on stderr, with line, column, and what to do. Yours to
 *  config_file_close in both cases. */
bool config_file_open(struct config_file *file, const char *path);
void config_file_close(struct config_file *file);
/** Says on stderr what is wrong with a value of the file (absent: with all of it), and what to do. */
void config_file_complain(const struct config_file *file, struct json where, const char *what,
                          const char *fix);
