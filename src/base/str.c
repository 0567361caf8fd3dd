/* base/str.c: slices. */
#include "base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Eight bytes at once. Without their top bits they are at most 0x7F, so no sum carries into the next. */
static uint64_t lower_word(uint64_t word)
{
    uint64_t low = word & EACH_BYTE(0x7F);
    uint64_t from_a = low + EACH_BYTE(0x80 - 'A'), above_z = low + EACH_BYTE(0x7F - 'Z');
    uint64_t is_upper = (from_a ^ above_z) & ~word & EACH_BYTE(0x80);
    return word | is_upper >> 2;
}

static bool is_same_word(const char *a, const char *b)
{
    uint64_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left == right || lower_word(left) == lower_word(right);
}

bool str_ieq_bytes(const char *a, const char *b, size_t len)
{
    size_t i = 0;
    for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t))
        if (!is_same_word(a + i, b + i))
            return false;
    if (i == len)
        return true;
    if (len >= sizeof(uint64_t)) /* the tail, with some bytes seen twice */
        return is_same_word(a + len - sizeof(uint64_t), b + len - sizeof(uint64_t));
    for (; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_upto(s, prefix.len), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_ieq(str_upto(s, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_find(struct str s, struct str needle, size_t *out_at)
{
    if (needle.len == 0 || s.len < needle.len)
        return false;
    const char *hit = memmem(s.at, s.len, needle.at, needle.len);
    if (hit && out_at)
        *out_at = (size_t)(hit - s.at);
    return hit != NULL;
}

bool str_ifind(struct str s, struct str needle, size_t *out_at)
{
    if (needle.len == 0)
        return false;
    for (size_t i = 0; i + needle.len <= s.len; i++) {
        if (!str_ieq((struct str){s.at + i, needle.len}, needle))
            continue;
        if (out_at)
            *out_at = i;
        return true;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

struct str str_cut(struct str *rest, char mark)
{
    const char *hit = rest->len ? memchr(rest->at, mark, rest->len) : NULL;
    struct str before = *rest;
    if (!hit) {
        *rest = STR("");
        return before;
    }
    before.len = (size_t)(hit - rest->at);
    *rest = str_from(*rest, before.len + 1);
    return before;
}

bool str_to_int64(struct str s, int64_t *out_value)
{
    int64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, s.at[i] - '0', &value))
            return false;
    }
    *out_value = value;
    return true;
}

/* Length of the well-formed sequence at `p` (1 to 4), or 0. Unicode 15, table 3-7. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    unsigned char low = 0x80, high = 0xBF;
    if (p[0] < 0xC2 || p[0] > 0xF4 || left < len)
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return len;
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int64_t str_count_characters(struct str s)
{
    int64_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.at[i] & 0xC0) != 0x80; /* not a byte that continues one */
    return count;
}

bool str_is_among(struct str s, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, list[i]))
            return true;
    return false;
}

bool str_is_utf8(struct str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t len = utf8_sequence((const unsigned char *)s.at + i, s.len - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

void str_copy(struct str s, char *room, size_t room_bytes)
{
    size_t len = s.len < room_bytes ? s.len : room_bytes - 1;
    if (len < s.len) /* never leave half a sequence behind */
        while (len && ((unsigned char)s.at[len] & 0xC0) == 0x80)
            len--;
    if (len)
        memcpy(room, s.at, len);
    room[len] = '\0';
}

bool str_eq_constant_time(struct str a, struct str b)
{
    unsigned char differs = a.len != b.len;
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++)
        differs |= (unsigned char)((unsigned char)a.at[i] ^ (unsigned char)b.at[i]);
    return differs == 0;
}

uint64_t str_hash(struct str s)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.at[i]) * 1099511628211u;
    return hash;
}
