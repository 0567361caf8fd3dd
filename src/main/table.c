/* main/table.c: see table.h. */
#include "main/table.h"

#include "main/terminal.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#define CELL_BYTES_MAX  512u
#define TABLE_BYTES_MAX ((size_t)2 * 1024 * 1024)
#define GAP             "  "

void words_print(struct str words, FILE *out)
{
    for (size_t at = 0; at < words.len;) {
        size_t from = at;
        (void)fputc(terminal_obeys(words, &at) ? '?' : words.at[from], out);
    }
    (void)fputc('\n', out);
}

/* How many places it takes: code points, which is near enough for names. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_init(struct table *table, size_t columns, const char *sides)
{
    assert(columns > 0 && columns <= TABLE_COLUMNS_MAX && strlen(sides) == columns);
    table->columns = columns;
    table->count = 0;
    table->sides = sides;
    arena_init(&table->arena, TABLE_BYTES_MAX);
}

void table_cell(struct table *table, const char *format, ...)
{
    char text[CELL_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    terminal_clean(text);
    if (table->count == TABLE_CELLS_MAX)
        return;
    const char *kept = arena_dup(&table->arena, text, strlen(text));
    table->cells[table->count++] = kept ? kept : "";
}

static void print_cell(const struct table *table, size_t at, int width, FILE *out)
{
    const char *text = table->cells[at];
    bool is_right = table->sides[at % table->columns] == 'r';
    bool is_last = at % table->columns + 1 == table->columns;
    int blank = width - width_of(text);
    fprintf(out, "%*s%s%*s%s", is_right ? blank : 0, "", text, is_right || is_last ? 0 : blank, "",
            is_last ? "\n" : GAP);
}

void table_print(struct table *table, const char *indent, FILE *out)
{
    int widths[TABLE_COLUMNS_MAX] = {0};
    size_t whole = table->count - table->count % table->columns;
    for (size_t i = 0; i < whole; i++) {
        int *width = &widths[i % table->columns], wanted = width_of(table->cells[i]);
        *width = wanted > *width ? wanted : *width;
    }
    for (size_t i = 0; i < whole; i++) {
        if (i % table->columns == 0)
            fputs(indent, out);
        print_cell(table, i, widths[i % table->columns], out);
    }
    arena_release(&table->arena);
    table->count = 0;
}
