/* domain/apikey.c: base62 of the random bytes as one big number, then base62 of a CRC-32 over all
 * that stands before it. The checksum is no secret and no defence: it tells typing errors and other
 * vendors' keys from ours without a lookup.
 */
#include "domain/apikey.h"

#include <assert.h>

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 of IEEE 802.3, byte by byte. The checksum is linear: the entry of a byte is the sum (XOR) of
 * the entries of its bits, and those eight are the polynomial shifted. */
#define BIT(byte, bit, entry) ((byte) & (bit) ? (entry) : 0)
#define ENTRY(byte)                                                                        \
    (BIT(byte, 1, 0x77073096u) ^ BIT(byte, 2, 0xEE0E612Cu) ^ BIT(byte, 4, 0x076DC419u) ^   \
     BIT(byte, 8, 0x0EDB8832u) ^ BIT(byte, 16, 0x1DB71064u) ^ BIT(byte, 32, 0x3B6E20C8u) ^ \
     BIT(byte, 64, 0x76DC4190u) ^ BIT(byte, 128, 0xEDB88320u))
#define ENTRIES_4(b)  ENTRY(b), ENTRY((b) + 1), ENTRY((b) + 2), ENTRY((b) + 3)
#define ENTRIES_16(b) ENTRIES_4(b), ENTRIES_4((b) + 4), ENTRIES_4((b) + 8), ENTRIES_4((b) + 12)
#define ENTRIES_64(b) \
    ENTRIES_16(b), ENTRIES_16((b) + 16), ENTRIES_16((b) + 32), ENTRIES_16((b) + 48)
static const uint32_t crc_table[256] = {ENTRIES_64(0), ENTRIES_64(64), ENTRIES_64(128),
                                        ENTRIES_64(192)};

static uint32_t crc32_of(const char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++)
        crc = crc >> 8 ^ crc_table[(crc ^ (uint8_t)bytes[i]) & 0xff];
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

/* Stands in `digits`? A bit for each byte: a search for each character of each request's key would show. */
static bool is_digit(char c)
{
    static const uint64_t bits[4] = {UINT64_C(0x3FF) << '0', UINT64_C(0x3FFFFFF) << ('A' - 64) |
                                                                 UINT64_C(0x3FFFFFF) << ('a' - 64)};
    unsigned byte = (uint8_t)c;
    return bits[byte / 64] >> (byte % 64) & 1;
}

static bool is_key_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != '_' && !is_digit(s.at[i]))
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
        if (!is_digit(key.at[i]))
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
