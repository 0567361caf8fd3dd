/* admin/csv.c: quotes where quotes are due. */
#include "admin/csv.h"

static void begin_cell(struct csv *csv)
{
    if (csv->has_cell)
        buf_append_lit(csv->out, ",");
    csv->has_cell = true;
}

/* What begins so is a formula to some spreadsheet, also behind blanks that it trims. */
static bool is_dangerous(struct str text)
{
    return text.len &&
           (strchr("=+-@", text.at[0]) ? text.at[0] != '\0' : (unsigned char)text.at[0] <= ' ');
}

static bool needs_quotes(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '"' || text.at[i] == ',' || text.at[i] == ';' || text.at[i] == '\t' ||
            text.at[i] == '\r' || text.at[i] == '\n')
            return true;
    return false;
}

void csv_text(struct csv *csv, struct str text)
{
    bool has_quotes = needs_quotes(text);
    begin_cell(csv);
    if (has_quotes)
        buf_append_lit(csv->out, "\"");
    if (is_dangerous(text))
        buf_append_lit(csv->out, "'");
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            buf_append_lit(csv->out, "\"");
        buf_append(csv->out, text.at + i, 1);
    }
    if (has_quotes)
        buf_append_lit(csv->out, "\"");
}

void csv_int(struct csv *csv, int64_t value)
{
    begin_cell(csv);
    buf_printf(csv->out, "%lld", (long long)value);
}

void csv_int_or_empty(struct csv *csv, int64_t value)
{
    if (value < 0)
        csv_text(csv, STR(""));
    else
        csv_int(csv, value);
}

void csv_end_line(struct csv *csv)
{
    buf_append_lit(csv->out, "\r\n");
    csv->has_cell = false;
}
