/* tests/unit/domain/test_password_rules.c: long passwords are taken, what everybody tries is not. */
#include "domain/password_rules.h"

#include "tests/test.h"

static const struct story {
    const char *name, *password, *email;
    const char *trouble; /* a word of the sentence; NULL: taken */
} stories[] = {
    {"words in a row", "correct horse battery", "ann@example.com", NULL},
    {"no digits or capitals are asked for", "kingfisher lamp", "ann@example.com", NULL},
    {"twelve are enough", "tq8-vmz4-x1p", "ann@example.com", NULL},
    {"eleven are not", "tq8-vmz4-x1", "ann@example.com", "too short"},
    {"characters count, not bytes", "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", "",
     "too short"},
    {"twelve of another script",
     "\xD0\xBA\xD0\xBE\xD1\x80\xD0\xBE\xD0\xB2\xD0\xB0\xD0\xB2\xD0\xBB\xD0\xB5\xD1\x81\xD1\x83\xD1\x88",
     "", NULL},
    {"empty", "", "", "too short"},
    {"no UTF-8", "abcdefghijk\xff\xfe", "", "UTF-8"},
    {"one letter", "aaaaaaaaaaaaaaaa", "", "tries"},
    {"a short piece again and again", "abc1abc1abc1abc1", "", "tries"},
    {"common", "Password1234", "", "tries"},
    {"common with a mark behind", "password1234!!", "", "tries"},
    {"the address", "ann.miller@example.com", "Ann.Miller@example.com", "email"},
    {"the address's first part and a year", "annmiller2026", "annmiller@example.com", "email"},
    {"the first part in a sentence", "annmiller likes long walks", "annmiller@example.com", NULL},
    {"a short first part may occur", "an annual report", "ann@example.com", NULL},
};

static void passwords_are_judged_by_length_and_guessability(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const char *trouble =
            password_trouble(str_of(stories[i].password), str_of(stories[i].email));
        CHECK(stories[i].name, !stories[i].trouble == !trouble);
        CHECK(stories[i].name, !trouble || strstr(trouble, stories[i].trouble));
    }
}

static void a_password_has_a_limit(void **state)
{
    (void)state;
    char long_one[PASSWORD_MAX_BYTES + 2];
    for (size_t i = 0; i < sizeof long_one; i++)
        long_one[i] = (char)('a' + (i * i + i / 7) % 26);
    CHECK("128", !password_trouble((struct str){long_one, PASSWORD_MAX_BYTES}, STR("")));
    CHECK("129", password_trouble((struct str){long_one, PASSWORD_MAX_BYTES + 1}, STR("")));
}

static void addresses_have_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *given, *email;
    } addresses[] = {
        {" Ann@Example.COM ", "ann@example.com"},
        {"a+tag@b", "a+tag@b"},
        {"j\xC3\xB6rg@example.com", "j\xC3\xB6rg@example.com"},
        {"", NULL},
        {"ann", NULL},
        {"@example.com", NULL},
        {"ann@", NULL},
        {"ann@b@c", NULL},
        {"ann miller@example.com", NULL},
        {"ann\n@example.com", NULL},
        {"<ann@example.com>", NULL},
        {"ann@example.com,bob@example.com", NULL},
        {".ann@example.com", NULL},
        {"ann@example.com.", NULL},
        {"ann\xff@example.com", NULL},
    };
    for (size_t i = 0; i < COUNT(addresses); i++) {
        char email[EMAIL_MAX_BYTES + 1] = "";
        bool is_address = email_normalize(str_of(addresses[i].given), email);
        CHECK_STR(addresses[i].given, is_address ? email : NULL, addresses[i].email);
    }
}

TEST_MAIN(TEST(passwords_are_judged_by_length_and_guessability), TEST(a_password_has_a_limit),
          TEST(addresses_have_one_form))
