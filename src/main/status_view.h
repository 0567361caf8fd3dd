/* main/status_view.h: the answer of /api/health/summary as lines for a terminal.
 *
 * A state is told by shape and word; colour only repeats it. Names and sentences come from elsewhere, so nothing in them
 * can move a cursor or paint.
 *
 * Thread:  any.
 */
#pragma once
#include "base/buf.h"
#include "json/json.h"

struct status_view {
    bool has_colour;
    int lines; /* items that are shown at most */
};

/** Appends all of it. */
void status_view_write(const struct status_view *view, struct json summary, struct buf *out);
/** Text without what a terminal would obey: each control character, C1 included, becomes '?'. */
void status_view_text(struct str text, struct buf *out);
