/* admin/export.c: names and types of files. */
#include "admin/export.h"

bool export_format_read(struct api_call *call, enum export_format *out_format)
{
    static const char *const names[] = {
        [EXPORT_JSON] = "json", [EXPORT_LINES] = "jsonl", [EXPORT_CSV] = "csv"};
    char text[16] = "json";
    (void)api_query(call, "format", text, sizeof text);
    for (int i = EXPORT_JSON; i <= EXPORT_CSV && !api_has_failed(call); i++)
        if (strcmp(text, names[i]) == 0) {
            *out_format = (enum export_format)i;
            return true;
        }
    if (!api_has_failed(call))
        api_fail(call, PROBLEM_BAD_REQUEST, "format", "format must be json, jsonl or csv.");
    return false;
}

bool export_limit_read(struct api_call *call, enum export_format format, int *out_limit)
{
    return format == EXPORT_JSON ? api_limit(call, out_limit)
                                 : api_limit_of(call, EXPORT_ROWS_MAX, EXPORT_ROWS_MAX, out_limit);
}

struct buf *export_begin(struct api_call *call, enum export_format format, const char *csv_name,
                         const char *lines_name)
{
    return format == EXPORT_CSV ? api_answer_text(call, "text/csv; charset=utf-8", csv_name)
                                : api_answer_text(call, "application/jsonl", lines_name);
}
