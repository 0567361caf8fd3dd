/* admin/export.h: lists as files: CSV, or JSON lines, in pages with the cursor in a header. Thread: api. */
#pragma once
#include "admin/api.h"

#define EXPORT_ROWS_MAX 5000 /* of a page of jobs */

enum export_format { EXPORT_JSON, EXPORT_LINES, EXPORT_CSV };

/** `format` of the query: json, jsonl or csv. False when the call has failed. */
bool export_format_read(struct api_call *call, enum export_format *out_format);
/** Begins the file; `what` is "usage" or "jobs". */
struct buf *export_begin(struct api_call *call, enum export_format format, const char *what);
