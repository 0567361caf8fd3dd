/* tests/unit/base/test_err.c: the list of errors and their columns. */
#include "base/err.h"
#include "tests/test.h"

#include <errno.h>

static void each_error_has_its_row(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { enum err code; const char *name; int http; bool elsewhere; } rows[] = {
        {OK,               "OK",           200, false},
        {ERR_NO_MEMORY,    "NO_MEMORY",    503, false},
        {ERR_IO,           "IO",           502, true},
        {ERR_TIMEOUT,      "TIMEOUT",      504, true},
        {ERR_TOO_LARGE,    "TOO_LARGE",    413, false},
        {ERR_MALFORMED,    "MALFORMED",    400, false},
        {ERR_UNAUTHORIZED, "UNAUTHORIZED", 401, false},
        {ERR_DENIED,       "DENIED",       403, false},
        {ERR_NOT_FOUND,    "NOT_FOUND",    404, false},
        {ERR_CONFLICT,     "CONFLICT",     409, false},
        {ERR_BUSY,         "BUSY",         429, true},
        {ERR_CANCELED,     "CANCELED",     499, false},
        {ERR_UNAVAILABLE,  "UNAVAILABLE",  503, true},
    };
    // clang-format on
    CHECK_INT("no row is missing here", COUNT(rows), ERR_COUNT);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_INT("in order", rows[i].code, i);
        CHECK_STR(rows[i].name, err_name(rows[i].code), rows[i].name);
        CHECK_INT(rows[i].name, err_http_status(rows[i].code), rows[i].http);
        CHECK(rows[i].name, err_elsewhere(rows[i].code) == rows[i].elsewhere);
    }
}

static void an_error_brings_its_code_and_its_sentence(void **unused)
{
    (void)unused;
    struct error error = {0};
    CHECK_INT("it is what is returned", error_set(&error, ERR_BUSY, "wait %d s", 3), ERR_BUSY);
    CHECK_INT("code", error.code, ERR_BUSY);
    CHECK_STR("sentence", error.text, "wait 3 s");
    CHECK_INT("nobody wants the sentence", error_set(NULL, ERR_IO, "%s", "lost"), ERR_IO);
}

static void a_long_sentence_is_cut_and_terminated(void **unused)
{
    (void)unused;
    struct error error;
    memset(&error, 'x', sizeof error);
    (void)error_set(&error, ERR_IO, "%*d", ERROR_TEXT_MAX * 2, 7);
    CHECK_INT("as long as there is room", strlen(error.text), ERROR_TEXT_MAX - 1);
}

static void errno_has_words(void **unused)
{
    (void)unused;
    CHECK_STR("a known one", ERRNO_TEXT(ENOENT), "No such file or directory");
    CHECK("an unknown one has some too", strlen(ERRNO_TEXT(99999)) > 0);
}

TEST_MAIN(TEST(each_error_has_its_row), TEST(an_error_brings_its_code_and_its_sentence),
          TEST(a_long_sentence_is_cut_and_terminated), TEST(errno_has_words))
