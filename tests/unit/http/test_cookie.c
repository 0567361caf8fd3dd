/* tests/unit/http/test_cookie.c: the session's cookie is found, and nothing that only looks like it. */
#include "http/cookie.h"

#include "tests/test.h"

static const struct story {
    const char *name;
    const char *lines[3];
    const char *value;
    bool is_ambiguous;
} stories[] = {
    {"alone", {"auxot=abc"}, "abc", false},
    {"among others", {"a=1; auxot=abc; b=2"}, "abc", false},
    {"without blanks", {"a=1;auxot=abc;b=2"}, "abc", false},
    {"in the second header", {"a=1", "auxot=abc"}, "abc", false},
    {"none", {"a=1; b=2"}, "", false},
    {"no header", {NULL}, "", false},
    {"case matters", {"AUXOT=abc"}, "", false},
    {"a longer name", {"xauxot=1; auxot2=2; auxo=3"}, "", false},
    {"with a prefix", {"__Host-auxot=abc"}, "", false},
    {"no value", {"auxot="}, "", false},
    {"no sign", {"auxot; auxot=abc"}, "abc", false},
    {"a sign in the value", {"auxot=a=b"}, "a=b", false},
    {"quotes belong to it", {"auxot=\"abc\""}, "\"abc\"", false},
    {"in another's value", {"a=auxot=abc"}, "", false},
    {"twice the same", {"auxot=abc; auxot=abc"}, "abc", false},
    {"twice", {"auxot=abc; auxot=abd"}, "abc", true},
    {"twice, in two headers", {"auxot=abc", "auxot=abd"}, "abc", true},
    {"twice, once empty", {"auxot=; auxot=abd"}, "", true},
    {"only marks", {";;; ; =;"}, "", false},
};

static void a_cookie_is_found_by_its_whole_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct http_header headers[4] = {{STR("accept"), STR("auxot=no")}};
        struct http_head head = {.headers = headers, .header_count = 1};
        for (size_t h = 0; h < COUNT(stories[i].lines) && stories[i].lines[h]; h++)
            headers[head.header_count++] =
                (struct http_header){STR("Cookie"), str_of(stories[i].lines[h])};
        bool is_ambiguous = false;
        char value[32];
        str_copy(http_cookie_find(&head, STR("auxot"), &is_ambiguous), value, sizeof value);
        CHECK_STR(stories[i].name, value, stories[i].value);
        CHECK_INT(stories[i].name, is_ambiguous, stories[i].is_ambiguous);
    }
}

TEST_MAIN(TEST(a_cookie_is_found_by_its_whole_name))
