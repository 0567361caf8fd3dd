/* sys/envelope.c: see envelope.h. Version (1 byte), nonce (12), ciphertext, tag (16). */
#include "sys/envelope.h"

#include "base/mem.h"
#include "sys/random.h"
#include "sys/vault_parts.h"

#define VERSION     1
#define NONCE_BYTES 12u
#define TAG_BYTES   16u
#define HEAD_BYTES  (1u + NONCE_BYTES)

static bool gcm_seal(const struct vault *vault, struct str plain, uint8_t *blob)
{
    uint8_t *body = blob + HEAD_BYTES;
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int len = 0;
    bool is_done =
        gcm &&
        EVP_EncryptInit_ex2(gcm, vault_cipher(vault), vault_envelope_key(vault), blob + 1, NULL) ==
            1 &&
        EVP_EncryptUpdate(gcm, NULL, &len, blob, 1) == 1 && /* the version */
        EVP_EncryptUpdate(gcm, body, &len, (const uint8_t *)plain.at, (int)plain.len) == 1 &&
        EVP_EncryptFinal_ex(gcm, body + plain.len, &len) == 1 &&
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + plain.len) == 1;
    EVP_CIPHER_CTX_free(gcm);
    return is_done;
}

enum err envelope_seal(const struct vault *vault, struct str plain, struct buf *out)
{
    if (plain.len > ENVELOPE_PLAIN_MAX)
        return ERR_TOO_LARGE;
    size_t blob_len = HEAD_BYTES + plain.len + TAG_BYTES;
    AUTO_FREE uint8_t *blob = mem_alloc(blob_len);
    char *text = blob ? buf_reserve(out, blob_len / 3 * 4 + 8) : NULL;
    if (!text)
        return ERR_NO_MEMORY;
    blob[0] = VERSION;
    random_fill(blob + 1, NONCE_BYTES);
    if (!gcm_seal(vault, plain, blob))
        return ERR_NO_MEMORY;
    out->len += (size_t)EVP_EncodeBlock((uint8_t *)text, blob, (int)blob_len);
    return OK;
}

/* A context with key and nonce in it; NULL without memory. */
static EVP_CIPHER_CTX *gcm_keyed(const struct vault *vault, const uint8_t *nonce)
{
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    if (gcm &&
        EVP_DecryptInit_ex2(gcm, vault_cipher(vault), vault_envelope_key(vault), nonce, NULL) == 1)
        return gcm;
    EVP_CIPHER_CTX_free(gcm);
    return NULL;
}

/* Consumes the context. */
static bool gcm_open(EVP_CIPHER_CTX *gcm, const uint8_t *blob, size_t plain_len, uint8_t *room)
{
    const uint8_t *body = blob + HEAD_BYTES;
    uint8_t tag[TAG_BYTES];
    int len = 0;
    memcpy(tag, body + plain_len, TAG_BYTES);
    bool is_done = EVP_DecryptUpdate(gcm, NULL, &len, blob, 1) == 1 &&
                   EVP_DecryptUpdate(gcm, room, &len, body, (int)plain_len) == 1 &&
                   EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
                   EVP_DecryptFinal_ex(gcm, room + plain_len, &len) == 1;
    EVP_CIPHER_CTX_free(gcm);
    return is_done;
}

/* Bytes of padding at the end of base64 text. */
static size_t padding_of(struct str text)
{
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
        padding++;
    return padding;
}

/* The last letters may hold bits that mean nothing: only the spelling that we gave is ours. */
static bool is_our_spelling(struct str sealed, const uint8_t *blob, size_t blob_len)
{
    char last[5];
    size_t start = (blob_len - 1) / 3 * 3;
    (void)EVP_EncodeBlock((uint8_t *)last, blob + start, (int)(blob_len - start));
    return memcmp(sealed.at + sealed.len - 4, last, 4) == 0;
}

enum err envelope_open(const struct vault *vault, struct str sealed, struct buf *out)
{
    if (sealed.len == 0 || sealed.len % 4 != 0 || sealed.len > ENVELOPE_PLAIN_MAX * 2u)
        return ERR_DENIED;
    AUTO_FREE uint8_t *blob = mem_alloc(sealed.len);
    if (!blob)
        return ERR_NO_MEMORY;
    int decoded = EVP_DecodeBlock(blob, (const uint8_t *)sealed.at, (int)sealed.len);
    size_t blob_len = decoded < 0 ? 0 : (size_t)decoded - padding_of(sealed);
    if (blob_len < HEAD_BYTES + TAG_BYTES || blob[0] != VERSION ||
        !is_our_spelling(sealed, blob, blob_len))
        return ERR_DENIED;
    size_t plain_len = blob_len - HEAD_BYTES - TAG_BYTES;
    char *room = buf_reserve(out, plain_len + 1);
    EVP_CIPHER_CTX *gcm = room ? gcm_keyed(vault, blob + 1) : NULL;
    if (!gcm)
        return ERR_NO_MEMORY;
    if (!gcm_open(gcm, blob, plain_len, (uint8_t *)room))
        return ERR_DENIED;
    out->len += plain_len;
    out->data[out->len] = '\0';
    return OK;
}
