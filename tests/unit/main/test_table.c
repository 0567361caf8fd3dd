/* tests/unit/main/test_table.c: rows of words in columns, as a terminal may see them. */
#include "main/table.h"
#include "tests/test.h"

#include <stdlib.h>

static void columns_are_as_wide_as_they_must_be(void **state)
{
    (void)state;
    static struct table table;
    char *shown = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&shown, &len);
    table_init(&table, 3, "lrl");
    const char *const cells[] = {"name",
                                 "jobs",
                                 "why",
                                 "Größe",
                                 "12",
                                 "a",
                                 ("x\xc2\x9b"
                                  "31m"),
                                 "1234",
                                 "bc"};
    for (size_t i = 0; i < COUNT(cells); i++)
        table_cell(&table, "%s", cells[i]);
    table_cell(&table, "half a row is not shown");
    table_print(&table, "> ", out);
    words_print(STR("end\nof\x7f it"), out);
    fclose(out);
    CHECK_STR("shown", shown,
              "> name   jobs  why\n"
              "> Größe    12  a\n"
              "> x?31m  1234  bc\n"
              "end?of? it\n");
    free(shown);
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    static struct table table;
    char *shown = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&shown, &len);
    table_init(&table, 1, "l");
    for (size_t i = 0; i < TABLE_CELLS_MAX + 5; i++)
        table_cell(&table, "%c", 'x');
    table_print(&table, "", out);
    fclose(out);
    CHECK_INT("rows", len, 2 * TABLE_CELLS_MAX);
    free(shown);
}

TEST_MAIN(TEST(columns_are_as_wide_as_they_must_be), TEST(what_does_not_fit_is_left_out))
