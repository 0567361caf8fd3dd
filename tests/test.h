/* tests/test.h: what a test file needs, over cmocka. Include it last.
 *
 *     static void sums_are_right(void **state)
 *     {
 *         (void)state;
 *         CHECK("two and two", 2 + 2 == 4);
 *     }
 *
 *     TEST_MAIN(TEST(sums_are_right), TEST(zero_is_neutral))
 *
 * A test's name is a promise in plain words; in a table of stories, `name` is the story's.
 */
#pragma once
#include <setjmp.h> /* cmocka.h needs these four before it */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#ifndef COUNT
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#endif

/** Fails the test, with the story's name, unless `condition` holds. */
#define CHECK(name, condition)                           \
    do {                                                 \
        if (!(condition)) {                              \
            print_error("story: %s\n", (name));          \
            print_error("  expected: %s\n", #condition); \
            _fail(__FILE__, __LINE__);                   \
        }                                                \
    } while (0)

/** Fails the test unless both strings are equal; either may be NULL. */
#define CHECK_STR(name, got, want) test_check_str((name), (got), (want), __FILE__, __LINE__)

/** Fails the test unless both numbers are equal; shows them. */
#define CHECK_INT(name, got, want) \
    test_check_int((name), (long long)(got), (long long)(want), __FILE__, __LINE__)

static inline void test_check_str(const char *name, const char *got, const char *want,
                                  const char *file, int line)
{
    int is_equal = got && want ? strcmp(got, want) == 0 : got == want;
    if (is_equal)
        return;
    print_error("story: %s\n", name);
    print_error("  got:  %s\n  want: %s\n", got ? got : "(null)", want ? want : "(null)");
    _fail(file, line);
}

static inline void test_check_int(const char *name, long long got, long long want, const char *file,
                                  int line)
{
    if (got == want)
        return;
    print_error("story: %s\n", name);
    print_error("  got:  %lld\n  want: %lld\n", got, want);
    _fail(file, line);
}

#define TEST(function) cmocka_unit_test(function)

/** The program's main: runs the given tests as one group. */
#define TEST_MAIN(...)                                    \
    int main(void)                                        \
    {                                                     \
        const struct CMUnitTest tests[] = {__VA_ARGS__};  \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    }
