/* base/str.h: a slice of bytes that somebody else owns, and the comparisons everybody needs.
 *
 * A `struct str` is borrowed, not NUL-terminated, and may hold any bytes. Empty is {"" or NULL, 0}.
 * Thread:  any. Nothing here allocates.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)               \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }                                   /* in static tables */
#define STR_ARG(s) (int)(s).len, (s).at /* for "%.*s" */

/** Of a NUL-terminated string; NULL gives the empty slice. */
static inline struct str str_of(const char *text)
{
    return (struct str){text ? text : "", text ? strlen(text) : 0};
}

static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/** Of two runs of the same length. */
bool str_ieq_bytes(const char *a, const char *b, size_t len);

/** ASCII case ignored. */
static inline bool str_ieq(struct str a, struct str b)
{
    return a.len == b.len && str_ieq_bytes(a.at, b.at, a.len);
}

bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/** Finds `needle` (not empty); `out_at` may be NULL. */
bool str_find(struct str s, struct str needle, size_t *out_at);
bool str_ifind(struct str s, struct str needle, size_t *out_at); /* ASCII case ignored */
struct str str_trim(struct str s); /* without leading and trailing space and tab */
/** The rest from `start`, or empty. */
static inline struct str str_from(struct str s, size_t start)
{
    if (start >= s.len)
        return STR("");
    return (struct str){s.at + start, s.len - start};
}
/** The first `len` bytes, or all. */
static inline struct str str_upto(struct str s, size_t len)
{
    return (struct str){s.at, len < s.len ? len : s.len};
}
/** Cuts at the first `mark`: returns what is before it and moves `rest` behind it (or to empty). */
struct str str_cut(struct str *rest, char mark);
/** Decimal digits only, whole slice, no sign, at most INT64_MAX. */
bool str_to_int64(struct str s, int64_t *out_value);
/** Well-formed UTF-8 (no surrogates, no overlong forms)? */
/** 0 to 15; -1: no hexadecimal digit. */
int str_hex_digit(char c);
bool str_is_utf8(struct str s);
/** Characters of UTF-8 text. */
int64_t str_count_characters(struct str s);
bool str_is_among(struct str s, const struct str *list, size_t count);
/** Copies into `room` (at least 1 byte), cut to fit at a UTF-8 boundary, always NUL-terminated. */
void str_copy(struct str s, char *room, size_t room_bytes);
/** Compares secrets: time depends on the lengths only. */
bool str_eq_constant_time(struct str a, struct str b);
/** FNV-1a, for hash tables of trusted keys and for spreading; not a defence against collisions. */
uint64_t str_hash(struct str s);
