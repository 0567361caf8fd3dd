/* tests/unit/admin/test_csv.c: what a spreadsheet opens is what was written, and never a formula. */
#include "admin/csv.h"

#include "tests/test.h"

static void cells_are_quoted_where_they_must_be_and_never_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"a,b", "\"a,b\""},
        {"a;b", "\"a;b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"two\nlines", "\"two\nlines\""},
        {"=1+1", "'=1+1"},
        {"+1", "'+1"},
        {"-1", "'-1"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"\t=1", "\"'\t=1\""},
        {" =1", "' =1"},
        {"=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
        {"1=1", "1=1"},
        {"Zürich", "Zürich"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 256);
        struct csv csv = {.out = &out};
        csv_text(&csv, str_of(rows[i].text));
        CHECK_STR(rows[i].text, out.len ? out.data : "", rows[i].want);
    }
}

static void a_line_has_its_cells_and_unknown_numbers_are_empty(void **state)
{
    (void)state;
    AUTO_BUF struct buf out;
    buf_init(&out, 256);
    struct csv csv = {.out = &out};
    csv_text(&csv, STR("a"));
    csv_int(&csv, -5);
    csv_int_or_empty(&csv, -1);
    csv_int_or_empty(&csv, 0);
    csv_end_line(&csv);
    csv_text(&csv, STR("b"));
    csv_end_line(&csv);
    CHECK_STR("two lines", out.data, "a,-5,,0\r\nb\r\n");
}

TEST_MAIN(TEST(cells_are_quoted_where_they_must_be_and_never_formulas),
          TEST(a_line_has_its_cells_and_unknown_numbers_are_empty))
