/* json/commented.c: see commented.h. One walk over the bytes, with a stack of what is open. */
#include "json/commented.h"

#define DIGITS_MAX 18u

/* What may come next. */
enum expecting {
    EXPECT_VALUE,
    EXPECT_NAME,  /* of a member */
    EXPECT_COLON, /* behind it */
    EXPECT_COMMA, /* or the end of what is open */
    EXPECT_END
};

struct scan {
    char *text;
    size_t len, at;
    unsigned depth;
    char open[COMMENTED_DEPTH_MAX]; /* '{' or '[' */
    size_t comma_at;                /* the last comma; `len`: none since the last value */
    enum expecting expecting;
    struct text_flaw *flaw;
};

struct text_place text_place(struct str text, size_t offset)
{
    struct text_place place = {1, 1};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        place.column++;
        if (text.at[i] == '\n')
            place = (struct text_place){place.line + 1, 1};
    }
    return place;
}

static bool fail(struct scan *scan, size_t at, const char *what, const char *fix)
{
    struct str text = {scan->text, scan->len};
    *scan->flaw = (struct text_flaw){text_place(text, at), what, fix};
    return false;
}

static bool is_over(const struct scan *scan)
{
    return scan->at >= scan->len;
}

/* The byte so many places on; a NUL byte, which fits nowhere, behind the end. */
static char peek(const struct scan *scan, size_t ahead)
{
    return scan->at + ahead < scan->len ? scan->text[scan->at + ahead] : '\0';
}

/* ---- blanks and comments ------------------------------------------------------------------------- */

static void blank(struct scan *scan, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (scan->text[i] != '\n')
            scan->text[i] = ' ';
}

static void skip_line(struct scan *scan)
{
    size_t from = scan->at;
    while (!is_over(scan) && peek(scan, 0) != '\n')
        scan->at++;
    blank(scan, from, scan->at);
}

static bool skip_block(struct scan *scan)
{
    size_t from = scan->at, end = 0;
    struct str rest = {scan->text + from + 2, scan->len - from - 2};
    if (!str_find(rest, STR("*/"), &end))
        return fail(scan, from, "This comment is not closed.", "End it with */.");
    scan->at = from + 2 + end + 2;
    blank(scan, from, scan->at);
    return true;
}

static bool skip_blanks(struct scan *scan)
{
    while (!is_over(scan)) {
        char c = peek(scan, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            scan->at++;
        else if (c == '/' && peek(scan, 1) == '/')
            skip_line(scan);
        else if (c != '/' || peek(scan, 1) != '*')
            return true;
        else if (!skip_block(scan))
            return false;
    }
    return true;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* At a backslash: moves behind what it begins. */
static bool skip_escape(struct scan *scan)
{
    size_t digits = 0;
    char kind = peek(scan, 1);
    if (kind && strchr("\"\\/bfnrt", kind)) {
        scan->at += 2;
        return true;
    }
    while (kind == 'u' && digits < 4 && str_hex_digit(peek(scan, 2 + digits)) >= 0)
        digits++;
    if (digits < 4)
        return fail(
            scan, scan->at,
            "A backslash must be followed by one of \" \\ / b f n r t, or by u and four digits.",
            "Write \\\\ for a backslash.");
    scan->at += 6;
    return true;
}

static bool skip_string(struct scan *scan)
{
    size_t from = scan->at++;
    while (!is_over(scan) && peek(scan, 0) != '"') {
        unsigned char c = (unsigned char)peek(scan, 0);
        if (c == '\n')
            break;
        if (c < 0x20)
            return fail(scan, scan->at, "A control character in a string.",
                        "Write it as an escape, or take it out.");
        if (c != '\\')
            scan->at++;
        else if (!skip_escape(scan))
            return false;
    }
    if (peek(scan, 0) != '"')
        return fail(scan, from, "This string is not closed.", "End it with \" on the same line.");
    scan->at++;
    if (!str_is_utf8((struct str){scan->text + from, scan->at - from}))
        return fail(scan, from, "This string is not UTF-8.", "Save the file as UTF-8.");
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_of_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '+' || c == '.';
}

/* A whole number without a zero in front. */
static bool is_number(struct str word)
{
    if (word.at[0] == '-')
        word = str_from(word, 1);
    if (word.len == 0 || word.len > DIGITS_MAX || (word.at[0] == '0' && word.len > 1))
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!is_digit(word.at[i]))
            return false;
    return true;
}

static bool skip_word(struct scan *scan)
{
    size_t from = scan->at;
    while (is_of_word(peek(scan, 0)))
        scan->at++;
    struct str word = {scan->text + from, scan->at - from};
    if (word.len == 0)
        return fail(scan, from, "A value is missing here.",
                    "Write a string, a whole number, true, false, null, a list or an object.");
    if (str_eq(word, STR("true")) || str_eq(word, STR("false")) || str_eq(word, STR("null")) ||
        is_number(word))
        return true;
    if (is_digit(word.at[0]) || word.at[0] == '-')
        return fail(scan, from, "Numbers are whole here, of at most 18 digits.",
                    "Write it without a point, an exponent and zeros in front.");
    return fail(scan, from, "This word is no value.",
                "Put text between \"quotes\"; true, false and null have none.");
}

/* ---- what is open -------------------------------------------------------------------------------- */

static bool open_one(struct scan *scan)
{
    char kind = peek(scan, 0);
    if (scan->depth == COMMENTED_DEPTH_MAX)
        return fail(scan, scan->at, "This is nested too deep.", "32 levels are the deepest.");
    scan->open[scan->depth++] = kind;
    scan->comma_at = scan->len;
    scan->expecting = kind == '{' ? EXPECT_NAME : EXPECT_VALUE;
    scan->at++;
    return true;
}

static void after_value(struct scan *scan)
{
    scan->comma_at = scan->len;
    scan->expecting = scan->depth ? EXPECT_COMMA : EXPECT_END;
}

/* At a closing bracket: the comma before it, if there is one, goes. */
static bool close_one(struct scan *scan)
{
    char open = scan->depth ? scan->open[scan->depth - 1] : '\0';
    if ((open == '{') != (peek(scan, 0) == '}') || !open)
        return fail(scan, scan->at, "This bracket closes nothing.",
                    "Each { needs its }, each [ its ].");
    if (scan->comma_at < scan->len)
        scan->text[scan->comma_at] = ' ';
    scan->depth--;
    scan->at++;
    after_value(scan);
    return true;
}

static bool take_name(struct scan *scan)
{
    if (peek(scan, 0) == '}')
        return close_one(scan);
    if (peek(scan, 0) != '"')
        return fail(scan, scan->at, "The name of a field is missing here.",
                    "Write it between \"quotes\", then a colon and the value.");
    scan->expecting = EXPECT_COLON;
    return skip_string(scan);
}

static bool take_colon(struct scan *scan)
{
    if (peek(scan, 0) != ':')
        return fail(scan, scan->at, "A colon is missing here.",
                    "Between the name of a field and its value stands a colon.");
    scan->expecting = EXPECT_VALUE;
    scan->at++;
    return true;
}

static bool take_comma(struct scan *scan)
{
    char c = peek(scan, 0);
    if (c == '}' || c == ']')
        return close_one(scan);
    if (c != ',')
        return fail(scan, scan->at, "A comma is missing here.",
                    "Between two elements stands a comma.");
    scan->comma_at = scan->at++;
    scan->expecting = scan->open[scan->depth - 1] == '{' ? EXPECT_NAME : EXPECT_VALUE;
    return true;
}

/* An empty list closes where its first value might stand, one with a comma at its end where the next might. */
static bool take_value(struct scan *scan)
{
    char c = peek(scan, 0);
    bool is_in_list = scan->depth > 0 && scan->open[scan->depth - 1] == '[';
    if (c == '{' || c == '[')
        return open_one(scan);
    if (c == ']' && is_in_list)
        return close_one(scan);
    if (c == '"' ? !skip_string(scan) : !skip_word(scan))
        return false;
    after_value(scan);
    return true;
}

static bool take(struct scan *scan)
{
    switch (scan->expecting) {
    case EXPECT_VALUE: return take_value(scan);
    case EXPECT_NAME: return take_name(scan);
    case EXPECT_COLON: return take_colon(scan);
    case EXPECT_COMMA: return take_comma(scan);
    case EXPECT_END: break;
    }
    return fail(scan, scan->at, "There is more behind the end.",
                "Take out what stands behind the last }.");
}

/* A text that ends too early. */
static bool ends_well(struct scan *scan)
{
    if (scan->expecting == EXPECT_END)
        return true;
    if (scan->depth == 0)
        return fail(scan, scan->at, "The file is empty.",
                    "Begin with what `auxot config export` writes.");
    return fail(scan, scan->at, "The file ends in the middle.",
                "Close what is open; perhaps its end was cut off.");
}

enum err commented_to_json(char *text, size_t len, struct text_flaw *out_flaw)
{
    struct scan scan = {.text = text, .len = len, .comma_at = len, .flaw = out_flaw};
    if (str_starts((struct str){text, len}, STR("\xef\xbb\xbf")))
        blank(&scan, 0, 3);
    while (skip_blanks(&scan))
        if (is_over(&scan))
            return ends_well(&scan) ? OK : ERR_MALFORMED;
        else if (!take(&scan))
            return ERR_MALFORMED;
    return ERR_MALFORMED;
}
