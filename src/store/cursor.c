/* store/cursor.c: version, kind, chunk, row; then 16 bytes of HMAC; then base64url without padding. */
#include "store/cursor.h"

#include <assert.h>
#include <string.h>

#define VERSION     1
#define BODY_BYTES  14u
#define MAC_BYTES   16u
#define TOKEN_BYTES (BODY_BYTES + MAC_BYTES) /* 30: whole groups of three, so one spelling each */
#define TEXT_LEN    (TOKEN_BYTES / 3 * 4)
static_assert(TOKEN_BYTES % 3 == 0, "no padding and no loose bits");
static_assert(TEXT_LEN < CURSOR_MAX, "with its NUL");

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const uint8_t *bytes, char *out_text)
{
    for (size_t i = 0; i < TOKEN_BYTES; i += 3) {
        uint32_t three =
            (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out_text++ = letters[(three >> shift) & 63];
    }
    *out_text = '\0';
}

static bool decode(struct str text, uint8_t *out_bytes)
{
    if (text.len != TEXT_LEN)
        return false;
    for (size_t i = 0; i < TEXT_LEN; i += 4) {
        uint32_t three = 0;
        for (size_t k = 0; k < 4; k++) {
            const char *found = text.at[i + k] ? strchr(letters, text.at[i + k]) : NULL;
            if (!found)
                return false;
            three = three << 6 | (uint32_t)(found - letters);
        }
        for (int shift = 16; shift >= 0; shift -= 8)
            *out_bytes++ = (uint8_t)(three >> shift);
    }
    return true;
}

void cursor_write(const struct vault *vault, const struct cursor *cursor, char out_text[CURSOR_MAX])
{
    uint8_t token[TOKEN_BYTES] = {VERSION, (uint8_t)cursor->kind};
    for (int i = 0; i < 4; i++)
        token[2 + i] = (uint8_t)(cursor->chunk >> (8 * i));
    for (int i = 0; i < 8; i++)
        token[6 + i] = (uint8_t)((uint64_t)cursor->at >> (8 * i));
    vault_cursor_mac(vault, (struct str){(const char *)token, BODY_BYTES}, token + BODY_BYTES);
    encode(token, out_text);
}

bool cursor_read(const struct vault *vault, struct str text, enum cursor_kind kind,
                 struct cursor *out_cursor)
{
    uint8_t token[TOKEN_BYTES], mac[MAC_BYTES];
    if (!decode(text, token))
        return false;
    vault_cursor_mac(vault, (struct str){(const char *)token, BODY_BYTES}, mac);
    if (!str_eq_constant_time((struct str){(const char *)mac, MAC_BYTES},
                              (struct str){(const char *)token + BODY_BYTES, MAC_BYTES}))
        return false;
    if (token[0] != VERSION || token[1] != (uint8_t)kind)
        return false;
    struct cursor cursor = {.kind = kind};
    uint64_t at = 0;
    for (int i = 0; i < 4; i++)
        cursor.chunk |= (uint32_t)token[2 + i] << (8 * i);
    for (int i = 0; i < 8; i++)
        at |= (uint64_t)token[6 + i] << (8 * i);
    cursor.at = (int64_t)at;
    *out_cursor = cursor;
    return true;
}
