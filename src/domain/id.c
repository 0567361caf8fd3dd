/* domain/id.c: Crockford base32, lower case, so that ids of one kind sort by their time as text.
 *
 * 26 digits hold 130 bits: the first digit is at most 7.
 */
#include "domain/id.h"

#include <assert.h>

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void id_make(const char *prefix, int64_t wall_ms, const uint8_t random[10], char out_id[ID_MAX])
{
    size_t prefix_len = strlen(prefix);
    assert(prefix_len + ID_BODY_LEN < ID_MAX);
    memcpy(out_id, prefix, prefix_len);
    char *body = out_id + prefix_len;

    uint64_t time = wall_ms > 0 ? (uint64_t)wall_ms : 0;
    for (int i = 9; i >= 0; i--, time >>= 5)
        body[i] = digits[time & 31];

    for (int half = 0; half < 2; half++) { /* 5 bytes make 8 digits, twice */
        uint64_t bits = 0;
        for (int i = 0; i < 5; i++)
            bits = bits << 8 | random[half * 5 + i];
        for (int i = 7; i >= 0; i--, bits >>= 5)
            body[10 + half * 8 + i] = digits[bits & 31];
    }
    body[ID_BODY_LEN] = '\0';
}

bool id_parse(struct str id, const char *prefix, int64_t *out_wall_ms)
{
    struct str expected = str_of(prefix);
    if (!str_starts(id, expected))
        return false;
    struct str body = str_from(id, expected.len);
    if (body.len != ID_BODY_LEN || body.at[0] > '7')
        return false;

    uint64_t time = 0;
    for (size_t i = 0; i < body.len; i++) {
        const char *digit = memchr(digits, body.at[i], sizeof digits - 1);
        if (!digit)
            return false;
        if (i < 10)
            time = time << 5 | (uint64_t)(digit - digits);
    }
    *out_wall_ms = (int64_t)time;
    return true;
}

bool id_bits(struct str id, const char *prefix, uint8_t out_bits[16])
{
    int64_t wall_ms;
    if (!id_parse(id, prefix, &wall_ms))
        return false;
    struct str body = str_from(id, strlen(prefix));
    uint64_t high = 0, low = 0;
    for (size_t i = 0; i < body.len; i++) {
        const char *digit = memchr(digits, body.at[i], sizeof digits - 1);
        high = high << 5 | low >> 59;
        low = low << 5 | (uint64_t)(digit - digits);
    }
    for (int i = 7; i >= 0; i--, high >>= 8, low >>= 8) {
        out_bits[i] = (uint8_t)high;
        out_bits[8 + i] = (uint8_t)low;
    }
    return true;
}
