/* admin/csv.h: lines of CSV (RFC 4180), safe to open in a spreadsheet.
 *
 * A cell of text that begins with = + - @ or a control character would be a formula there: it gets an apostrophe in
 * front, which spreadsheets take for "this is text". Names come from callers and vendors; numbers are our own.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/buf.h"

struct csv {
    struct buf *out;
    bool has_cell; /* in this line */
};

void csv_text(struct csv *csv, struct str text);
void csv_int(struct csv *csv, int64_t value);
void csv_int_or_empty(struct csv *csv, int64_t value); /* negative: unknown */
void csv_end_line(struct csv *csv);
