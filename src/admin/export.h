/* admin/export.h: lists as files: CSV, or JSON lines, in pages with the cursor in a header. Thread: api. */
#pragma once
#include "admin/api.h"

#define EXPORT_ROWS_MAX 5000 /* of a page of jobs, or of events */
#define EXPORT_BYTES \
    (2u * 1024 * 1024) /* a page of lines more, and it is half of what an answer may be */

enum export_format { EXPORT_JSON, EXPORT_LINES, EXPORT_CSV };

/** `format` of the query: json, jsonl or csv. False when the call has failed. */
bool export_format_read(struct api_call *call, enum export_format *out_format);
/** The limit of a page: as of every list, or of a file up to EXPORT_ROWS_MAX. False when the call has failed. */
bool export_limit_read(struct api_call *call, enum export_format format, int *out_limit);
/** Begins the file; its names, of which one is taken, are literals. */
struct buf *export_begin(struct api_call *call, enum export_format format, const char *csv_name,
                         const char *lines_name);
