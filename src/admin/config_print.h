/* admin/config_print.h: the file of all configuration as people read it: indented, what is short on one line, with comments that say
 * what the sections are.
 *
 * The same configuration gives the same bytes, so that files can be compared and kept under version control.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/buf.h"
#include "json/json.h"

struct config_print {
    struct json root;  /* the sections */
    bool has_comments; /* without: plain JSON */
    const char *rev;   /* for the head */
};
void config_print(struct buf *out, const struct config_print *print);
