/* tests/unit/base/test_str.c: slices compare, cut and count as their header says. */
#include "base/str.h"
#include "tests/test.h"

static void only_well_formed_utf8_is_utf8(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *name, *bytes; bool is_good; } stories[] = {
        {"ASCII",                          "Hello, world.",            true},
        {"first and last of two bytes",    "\xc2\x80 \xdf\xbf",        true},
        {"first and last of three bytes",  "\xe0\xa0\x80 \xef\xbf\xbf", true},
        {"first and last of four bytes",   "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", true},
        {"around the surrogates",          "\xed\x9f\xbf \xee\x80\x80", true},
        {"a continuation alone",           "a\x80",                    false},
        {"a lead alone at the end",        "a\xc3",                    false},
        {"a lead before ASCII",            "\xc3z",                    false},
        {"two of three bytes",             "\xe2\x82",                 false},
        {"three of four bytes",            "\xf0\x9f\x98",             false},
        {"a bad third byte",               "\xe2\x82z",                false},
        {"a bad fourth byte",              "\xf0\x9f\x98z",            false},
        {"overlong slash, two bytes",      "\xc0\xaf",                 false},
        {"overlong, C1",                   "\xc1\xbf",                 false},
        {"overlong, three bytes",          "\xe0\x9f\xbf",             false},
        {"overlong, four bytes",           "\xf0\x8f\xbf\xbf",         false},
        {"first surrogate",                "\xed\xa0\x80",             false},
        {"last surrogate",                 "\xed\xbf\xbf",             false},
        {"beyond U+10FFFF",                "\xf4\x90\x80\x80",         false},
        {"lead F5",                        "\xf5\x80\x80\x80",         false},
        {"bytes FE and FF",                "\xfe\xff",                 false},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK(stories[i].name, str_is_utf8(str_of(stories[i].bytes)) == stories[i].is_good);
    CHECK("nothing at all", str_is_utf8((struct str){NULL, 0}));
    CHECK("a NUL is a character", str_is_utf8(STR("a\0b")));
}

static void a_cut_splits_at_the_first_mark(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text, *before, *rest;
    } stories[] = {
        {"a mark in the middle", "name=value", "name", "value"},
        {"only the first counts", "a=b=c", "a", "b=c"},
        {"mark in front", "=value", "", "value"},
        {"mark at the end", "name=", "name", ""},
        {"no mark", "name", "name", ""},
        {"nothing", "", "", ""},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct str rest = str_of(stories[i].text);
        struct str before = str_cut(&rest, '=');
        CHECK(stories[i].name, str_eq(before, str_of(stories[i].before)));
        CHECK(stories[i].name, str_eq(rest, str_of(stories[i].rest)));
    }
}

static void cutting_again_and_again_ends(void **unused)
{
    (void)unused;
    struct str rest = STR(",a,,b,");
    size_t pieces = 0, letters = 0;
    while (rest.len) {
        letters += str_cut(&rest, ',').len;
        pieces++;
    }
    CHECK_INT("pieces, the empty one behind the last mark not counted", pieces, 4);
    CHECK_INT("letters", letters, 2);
}

static void only_whole_decimals_that_fit_are_numbers(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *text; bool is_good; int64_t value; } stories[] = {
        {"0",                    true,  0},
        {"007",                  true,  7},
        {"9223372036854775806",  true,  INT64_MAX - 1},
        {"9223372036854775807",  true,  INT64_MAX},
        {"9223372036854775808",  false, 0}, /* the last digit does not fit */
        {"92233720368547758070", false, 0}, /* ten times as much does not */
        {"99999999999999999999999999999999", false, 0},
        {"",                     false, 0},
        {"-1",                   false, 0},
        {"+1",                   false, 0},
        {" 1",                   false, 0},
        {"1 ",                   false, 0},
        {"1.5",                  false, 0},
        {"1e3",                  false, 0},
        {"0x10",                 false, 0},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT(stories); i++) {
        int64_t value = -7;
        bool is_good = str_to_int64(str_of(stories[i].text), &value);
        CHECK(stories[i].text, is_good == stories[i].is_good);
        CHECK_INT(stories[i].text, value, is_good ? stories[i].value : -7);
    }
}

static void case_is_ignored_in_ascii_only(void **unused)
{
    (void)unused;
    CHECK("letters", str_ieq(STR("Content-TYPE"), STR("content-type")));
    CHECK("not what lies beside the letters", !str_ieq(STR("@["), STR("`{")));
    CHECK("not beyond ASCII", !str_ieq(STR("\xc3\x84"), STR("\xc3\xa4")));
    CHECK("not another length", !str_ieq(STR("a"), STR("ab")));
    CHECK("nothing is nothing", str_ieq((struct str){NULL, 0}, STR("")));
    CHECK("prefix", str_istarts(STR("Bearer x"), STR("bearer ")));
    CHECK("prefix longer than the text", !str_istarts(STR("Bear"), STR("bearer")));
}

static void a_part_is_found_where_it_is(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text, *needle;
        bool is_found;
        size_t at;
    } stories[] = {
        {"in front", "abc", "ab", true, 0},       {"at the end", "abc", "bc", true, 1},
        {"the whole", "abc", "abc", true, 0},     {"the first of two", "xaxa", "a", true, 1},
        {"not there", "abc", "d", false, 9},      {"longer than the text", "ab", "abc", false, 9},
        {"an empty needle", "abc", "", false, 9}, {"in an empty text", "", "a", false, 9},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct str text = str_of(stories[i].text), needle = str_of(stories[i].needle);
        size_t at = 9, at_any_case = 9;
        CHECK(stories[i].name, str_find(text, needle, &at) == stories[i].is_found);
        CHECK(stories[i].name, str_ifind(text, needle, &at_any_case) == stories[i].is_found);
        CHECK_INT(stories[i].name, at, stories[i].at);
        CHECK_INT(stories[i].name, at_any_case, stories[i].at);
    }
    CHECK("any case", str_ifind(STR("No CARRIER"), STR("carrier"), NULL));
    CHECK("the same case only", !str_find(STR("No CARRIER"), STR("carrier"), NULL));
}

static void slices_never_leave_their_text(void **unused)
{
    (void)unused;
    struct str text = STR("abc");
    CHECK("from the end", str_from(text, 3).len == 0);
    CHECK("from far behind the end", str_from(text, SIZE_MAX).len == 0);
    CHECK("up to more than there is", str_eq(str_upto(text, SIZE_MAX), text));
    CHECK("up to nothing", str_upto(text, 0).len == 0);
    CHECK("starts with nothing", str_starts(text, STR("")));
    CHECK("ends with nothing", str_ends(text, STR("")));
    CHECK("ends", str_ends(text, STR("bc")));
    CHECK("does not end with more than itself", !str_ends(text, STR("xabc")));
    CHECK("of NULL", str_is_empty(str_of(NULL)));
    CHECK("empty slices are equal, wherever they point", str_eq((struct str){NULL, 0}, STR("")));
}

static void blanks_are_trimmed_and_nothing_else(void **unused)
{
    (void)unused;
    static const char *const stories[][2] = {
        {" \t a b\t ", "a b"}, {"\na\n", "\na\n"}, {"   ", ""}, {"", ""}, {"a", "a"},
    };
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK(stories[i][0], str_eq(str_trim(str_of(stories[i][0])), str_of(stories[i][1])));
}

static void a_copy_fits_and_never_holds_half_a_character(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text;
        size_t room;
        const char *want;
    } stories[] = {
        {"fits", "abc", 4, "abc"},
        {"is cut", "abcd", 4, "abc"},
        {"room for the NUL only", "abc", 1, ""},
        {"a two byte character at the edge", "ab\xc3\xa9", 4, "ab"},
        {"the same with room", "ab\xc3\xa9", 5, "ab\xc3\xa9"},
        {"a four byte character at the edge", "\xf0\x9f\x98\x80", 4, ""},
        {"nothing", "", 4, ""},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        char room[8];
        memset(room, 'x', sizeof room);
        str_copy(str_of(stories[i].text), room, stories[i].room);
        CHECK_STR(stories[i].name, room, stories[i].want);
        CHECK(stories[i].name, room[stories[i].room] == 'x'); /* not a byte further */
    }
}

static void secrets_compare_like_any_text(void **unused)
{
    (void)unused;
    CHECK("equal", str_eq_constant_time(STR("secret"), STR("secret")));
    CHECK("first byte", !str_eq_constant_time(STR("secret"), STR("Secret")));
    CHECK("last byte", !str_eq_constant_time(STR("secret"), STR("secreT")));
    CHECK("a prefix is not the whole", !str_eq_constant_time(STR("secret"), STR("secre")));
    CHECK("nothing is not the whole", !str_eq_constant_time(STR(""), STR("s")));
    CHECK("nothing and nothing", str_eq_constant_time(STR(""), (struct str){NULL, 0}));
}

static void hashes_are_those_of_fnv1a(void **unused)
{
    (void)unused;
    CHECK("empty: the offset basis", str_hash(STR("")) == UINT64_C(0xcbf29ce484222325));
    CHECK("a", str_hash(STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    CHECK("foobar", str_hash(STR("foobar")) == UINT64_C(0x85944171f73967e8));
}

static unsigned lower_of(unsigned c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* It looks at eight bytes at once: every pair of bytes, at every place of lengths around eight. */
static void case_is_ignored_for_every_pair_of_bytes_at_every_place(void **unused)
{
    (void)unused;
    for (size_t len = 1; len <= 17; len++)
        for (size_t place = 0; place < len; place++)
            for (unsigned pair = 0; pair < 65536; pair++) {
                char left[17], right[17];
                memset(left, 'q', sizeof left);
                memset(right, 'Q', sizeof right);
                left[place] = (char)(pair & 255);
                right[place] = (char)(pair >> 8);
                bool is_same = lower_of(pair & 255) == lower_of(pair >> 8);
                if (str_ieq((struct str){left, len}, (struct str){right, len}) != is_same)
                    fail_msg("length %zu, place %zu, pair %x", len, place, pair);
            }
}

TEST_MAIN(TEST(only_well_formed_utf8_is_utf8),
          TEST(case_is_ignored_for_every_pair_of_bytes_at_every_place),
          TEST(a_cut_splits_at_the_first_mark), TEST(cutting_again_and_again_ends),
          TEST(only_whole_decimals_that_fit_are_numbers), TEST(case_is_ignored_in_ascii_only),
          TEST(a_part_is_found_where_it_is), TEST(slices_never_leave_their_text),
          TEST(blanks_are_trimmed_and_nothing_else),
          TEST(a_copy_fits_and_never_holds_half_a_character), TEST(secrets_compare_like_any_text),
          TEST(hashes_are_those_of_fnv1a))
