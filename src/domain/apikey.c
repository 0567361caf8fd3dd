/* domain/apikey.c: base62 of the random bytes as one big number, then base62 of a CRC-32 over all
 * that stands before it. The checksum is no secret and no defence: it tells typing errors and other
 * vendors' keys from ours without a lookup.
 */
#include "domain/apikey.h"

#include <assert.h>

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 of IEEE 802.3, bit by bit: it runs once per request over 48 bytes. */
static uint32_t crc32_of(const char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void write_check(const char *key, size_t len, char out_check[APIKEY_CHECK_LEN])
{
    uint32_t crc = crc32_of(key, len);
    for (int i = APIKEY_CHECK_LEN - 1; i >= 0; i--, crc /= 62)
        out_check[i] = digits[crc % 62];
}

/* Divides the big-endian number by 62 in place and returns the remainder. */
static unsigned divide_by_62(uint8_t number[32])
{
    unsigned rest = 0;
    for (int i = 0; i < 32; i++) {
        unsigned value = rest << 8 | number[i];
        number[i] = (uint8_t)(value / 62);
        rest = value % 62;
    }
    return rest;
}

static bool is_key_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != '_' && !memchr(digits, s.at[i], sizeof digits - 1))
            return false;
    return true;
}

void apikey_make(const char *prefix, const uint8_t random[32], char out_key[APIKEY_LEN + 1])
{
    size_t prefix_len = strlen(prefix);
    assert(prefix_len == APIKEY_LEN - APIKEY_BODY_LEN - APIKEY_CHECK_LEN);
    memcpy(out_key, prefix, prefix_len);

    uint8_t number[32];
    memcpy(number, random, sizeof number);
    for (size_t i = APIKEY_BODY_LEN; i-- > 0;) /* 62^43 > 2^256: nothing is left over */
        out_key[prefix_len + i] = digits[divide_by_62(number)];

    write_check(out_key, APIKEY_LEN - APIKEY_CHECK_LEN, out_key + APIKEY_LEN - APIKEY_CHECK_LEN);
    out_key[APIKEY_LEN] = '\0';
}

bool apikey_is_wellformed(struct str key, const char *prefix)
{
    if (key.len != APIKEY_LEN || !str_starts(key, str_of(prefix)))
        return false;
    for (size_t i = strlen(prefix); i < key.len; i++)
        if (!memchr(digits, key.at[i], sizeof digits - 1))
            return false;

    char check[APIKEY_CHECK_LEN];
    write_check(key.at, APIKEY_LEN - APIKEY_CHECK_LEN, check);
    return memcmp(check, key.at + APIKEY_LEN - APIKEY_CHECK_LEN, APIKEY_CHECK_LEN) == 0;
}

void apikey_hint(struct str key, char out_hint[APIKEY_HINT_MAX + 8])
{
    static const char dots[] = "\xE2\x80\xA6"; /* … */
    const size_t head_len = APIKEY_LEN - APIKEY_BODY_LEN - APIKEY_CHECK_LEN + 4;
    char *at = out_hint;

    if (key.len != APIKEY_LEN || !is_key_text(key)) { /* none of ours: say nothing about it */
        memcpy(at, dots, sizeof dots);
        return;
    }
    memcpy(at, key.at, head_len);
    at += head_len;
    memcpy(at, dots, sizeof dots - 1);
    at += sizeof dots - 1;
    memcpy(at, key.at + APIKEY_LEN - APIKEY_CHECK_LEN - 4, 4);
    at[4] = '\0';
}
