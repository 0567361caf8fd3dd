/* main/table.h: rows of words on a terminal, in columns that are as wide as they must be.
 *
 *     struct table table;
 *     table_init(&table, 3, "lrr");           left, right, right
 *     table_cell(&table, "%s", name);  ...    row after row
 *     table_print(&table, "  ", stdout);      frees it, too
 *
 * What servers say is shown without its control characters: names are other people's words.
 * Without memory, or past TABLE_CELLS_MAX, the rows that fit are shown.
 */
#pragma once
#include "base/mem.h"
#include "base/str.h"
#include <stdio.h>

#define TABLE_COLUMNS_MAX 8u
#define TABLE_CELLS_MAX   4096u

struct table {
    size_t columns, count;
    const char *sides; /* "l" or "r" for each column */
    struct arena arena;
    const char *cells[TABLE_CELLS_MAX];
};

void table_init(struct table *table, size_t columns, const char *sides);
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** `indent` comes before each row. */
void table_print(struct table *table, const char *indent, FILE *out);
/** Likewise, and a line's end behind them. */
void words_print(struct str words, FILE *out);
