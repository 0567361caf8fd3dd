/* wire/leading.c: see leading.h. A scan of the raw bytes: the body has been validated before. */
#include "wire/leading.h"

#include <string.h>

#define LEADING_MAX 65536u

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(struct str text, size_t at)
{
    while (at < text.len && is_blank(text.at[at]))
        at++;
    return at;
}

/* Where the string that opens at `at` ends (behind its quote), or the end of the text. */
static size_t skip_string(struct str text, size_t at)
{
    for (size_t from = at + 1; from < text.len;) {
        const char *quote = memchr(text.at + from, '"', text.len - from);
        if (!quote)
            break;
        size_t end = (size_t)(quote - text.at), escapes = end;
        while (escapes > at + 1 && text.at[escapes - 1] == '\\')
            escapes--;
        from = end + 1;
        if ((end - escapes) % 2 == 0) /* no backslash, or all of them escape each other */
            return from;
    }
    return text.len;
}

/* Behind the value that opens at `at` with a bracket. */
static size_t skip_container(struct str text, size_t at)
{
    size_t depth = 0;
    while (at < text.len) {
        char c = text.at[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return at;
    }
    return text.len;
}

/* The value of a member of this name at the top level; the offset of its first byte, or the text's length. */
static size_t find_member(struct str body, struct str name)
{
    size_t at = skip_blanks(body, 0);
    if (at >= body.len || body.at[at] != '{')
        return body.len;
    at++;
    while ((at = skip_blanks(body, at)) < body.len && body.at[at] == '"') {
        size_t end = skip_string(body, at);
        bool is_it = end >= at + 2 && str_eq(str_upto(str_from(body, at + 1), end - at - 2), name);
        at = skip_blanks(body, end);
        if (at >= body.len || body.at[at] != ':')
            return body.len;
        at = skip_blanks(body, at + 1);
        if (is_it || at >= body.len)
            return at;
        if (body.at[at] == '"')
            at = skip_string(body, at);
        else if (body.at[at] == '{' || body.at[at] == '[')
            at = skip_container(body, at);
        while (at < body.len && body.at[at] != ',')
            at++;
        at++;
    }
    return body.len;
}

struct str body_leading_turns(struct str body)
{
    static const struct str names[] = {STR_INIT("messages"), STR_INIT("input")};
    size_t start = body.len;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && start >= body.len; i++)
        start = find_member(body, names[i]);
    if (start >= body.len)
        return STR("");
    struct str rest = str_upto(str_from(body, start), LEADING_MAX);
    if (rest.at[0] == '"')
        return str_upto(rest, skip_string(rest, 0));
    if (rest.at[0] != '[')
        return STR("");
    size_t at = skip_blanks(rest, 1);
    while (at < rest.len && rest.at[at] == '{') {
        size_t end = skip_container(rest, at);
        if (str_find(str_upto(str_from(rest, at), end - at), STR("\"user\""), NULL))
            return str_upto(rest, end);
        at = skip_blanks(rest, end);
        if (at < rest.len && rest.at[at] == ',')
            at = skip_blanks(rest, at + 1);
    }
    return rest;
}
