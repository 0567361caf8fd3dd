/* sys/vault.c: one master secret, one derived key per purpose, and what they protect.
 *
 * Keys are derived by HKDF-SHA256 with the purpose as its info, so that no two uses share a key. They
 * live in protected pages, and with them, for HMAC, what SHA-256 has made of their padded blocks:
 * a digest of a short message is then two blocks and no allocation. Each thread keeps cipher contexts
 * with the keys in them, since every attempt opens a provider's key.
 *
 * The ring may change while others open blobs: it stands under a lock, and each change gets a new serial.
 * A thread whose contexts have that serial needs no lock; else it makes them anew. The identity is not
 * touched once threads run.
 *
 * AES-GCM's random 96-bit nonces allow 2^32 seals under one key; a provider key is sealed when a
 * person types one in, so nothing here counts them.
 */
/* The low-level SHA-256 calls are deprecated in favour of EVP, whose contexts cannot be copied without
 * an allocation; that costs as much as the digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sys/vault.h"

#include "base/mem.h"
#include "sys/random.h"
#include "sys/vault_parts.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define NONCE_BYTES  12u
#define TAG_BYTES    16u
#define HEAD_BYTES   (1u + KEY_ID_BYTES + NONCE_BYTES)
#define BLOB_VERSION 1
#define AAD_MAX      1024u

/* What one thread keeps for the vault that it used last. */
struct opener {
    uint64_t serial;
    unsigned count;
    struct {
        uint8_t id[KEY_ID_BYTES];
        EVP_CIPHER_CTX *gcm; /* decrypts under a key for sealing; needs a nonce */
    } at[VAULT_RING_MAX];
};

static pthread_key_t openers;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_ulong last_serial;

unsigned long vault_serial_next(void)
{
    return atomic_fetch_add(&last_serial, 1) + 1;
}

static void opener_clear(struct opener *opener)
{
    for (unsigned i = 0; i < opener->count; i++)
        EVP_CIPHER_CTX_free(opener->at[i].gcm);
    *opener = (struct opener){0};
}

static void on_thread_end(void *given)
{
    opener_clear(given);
    mem_free(given);
}

static void make_openers(void)
{
    if (pthread_key_create(&openers, on_thread_end) != 0)
        abort();
}

const uint8_t *vault_envelope_key(const struct vault *vault)
{
    return identity_of(vault)->key[PURPOSE_ENVELOPE];
}

const EVP_CIPHER *vault_cipher(const struct vault *vault)
{
    return vault->cipher;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static bool pages_make(struct vault *vault, const struct derived *keys)
{
    uint8_t *room = NULL;
    if (secret_room(sizeof(struct identity), &vault->identity, &room) != OK ||
        secret_room(sizeof(struct ring), &vault->ring, &room) != OK)
        return false;
    identity_set(vault, keys);
    struct ring *ring = (struct ring *)(uintptr_t)secret_borrow(vault->ring).at;
    ring->at[0] = *keys;
    ring->place[0] = VAULT_CURRENT;
    ring->count = 1;
    return true;
}

enum err vault_new(struct str master_secret, struct vault **out_vault, struct error *error)
{
    enum err err = secret_check(master_secret, error);
    if (err != OK)
        return err;
    pthread_once(&once, make_openers);
    struct derived keys = {0};
    struct vault *vault = mem_zalloc(1, sizeof *vault);
    if (!vault)
        return error_set(error, ERR_NO_MEMORY, "no memory for the vault");
    pthread_mutex_init(&vault->lock, NULL);
    vault->serial = vault_serial_next();
    vault->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    bool is_made = vault->cipher && derive_all(master_secret, &keys) && pages_make(vault, &keys);
    secret_wipe(&keys, sizeof keys);
    if (!is_made) {
        vault_free(vault);
        return error_set(error, ERR_NO_MEMORY, "OpenSSL could not derive the keys");
    }
    *out_vault = vault;
    return OK;
}

void vault_free(struct vault *vault)
{
    if (!vault)
        return;
    /* Our own contexts go now; those of other threads with their thread or their next vault. */
    struct opener *opener = pthread_getspecific(openers);
    if (opener && opener->serial == atomic_load(&vault->serial))
        opener_clear(opener);
    EVP_CIPHER_free(vault->cipher);
    secret_free(vault->identity);
    secret_free(vault->ring);
    pthread_mutex_destroy(&vault->lock);
    mem_free(vault);
}

/* ---- sealing ------------------------------------------------------------------------------------ */

/* What a blob is bound to. */
struct aad {
    size_t len;
    uint8_t bytes[AAD_MAX];
};

static bool put_field(struct aad *aad, const void *field, size_t len)
{
    if (len + 4 > sizeof aad->bytes - aad->len)
        return false;
    uint8_t *at = aad->bytes + aad->len;
    at[0] = (uint8_t)len;
    at[1] = (uint8_t)(len >> 8);
    at[2] = at[3] = 0; /* AAD_MAX is below 2^16 */
    memcpy(at + 4, field, len);
    aad->len += 4 + len;
    return true;
}

/* Lengths before the fields: ("ab", "c") is not ("a", "bc"). False when the place is too long. */
static bool bind(const uint8_t key_id[KEY_ID_BYTES], const char *const place[4],
                 struct aad *out_aad)
{
    const char *info = purpose_info[PURPOSE_SEAL];
    out_aad->len = 0;
    bool fits = put_field(out_aad, info, strlen(info));
    for (size_t i = 0; i < 4; i++)
        fits = fits && put_field(out_aad, place[i], strlen(place[i]));
    return fits && put_field(out_aad, key_id, KEY_ID_BYTES);
}

static bool gcm_seal(const struct vault *vault, const uint8_t *key, const struct aad *aad,
                     struct str plain, uint8_t *blob)
{
    uint8_t *nonce = blob + 1 + KEY_ID_BYTES, *body = blob + HEAD_BYTES;
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int len = 0;
    bool is_done = gcm && EVP_EncryptInit_ex2(gcm, vault->cipher, key, nonce, NULL) == 1;
    if (is_done) { /* with the key in, only misuse could fail; one that did is not overlooked */
        is_done &= EVP_EncryptUpdate(gcm, NULL, &len, aad->bytes, (int)aad->len) == 1;
        is_done &=
            EVP_EncryptUpdate(gcm, body, &len, (const uint8_t *)plain.at, (int)plain.len) == 1;
        is_done &= EVP_EncryptFinal_ex(gcm, body + plain.len, &len) == 1;
        is_done &=
            EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + plain.len) == 1;
    }
    EVP_CIPHER_CTX_free(gcm);
    return is_done;
}

enum err seal_under(const struct vault *vault, const struct derived *keys,
                    const char *const place[4], struct str plain, struct buf *out,
                    struct error *error)
{
    if (plain.len > SECRET_MAX_BYTES)
        return error_set(error, ERR_TOO_LARGE, "a secret may have at most %u bytes",
                         SECRET_MAX_BYTES);
    struct aad aad;
    const uint8_t *key_id = keys->key[PURPOSE_KEY_ID];
    size_t blob_len = HEAD_BYTES + plain.len + TAG_BYTES;
    char *blob = buf_reserve(out, blob_len);
    if (!blob || !bind(key_id, place, &aad))
        return error_set(error, ERR_NO_MEMORY, "no room to seal a secret");
    blob[0] = BLOB_VERSION;
    memcpy(blob + 1, key_id, KEY_ID_BYTES);
    random_fill(blob + 1 + KEY_ID_BYTES, NONCE_BYTES);
    if (!gcm_seal(vault, keys->key[PURPOSE_SEAL], &aad, plain, (uint8_t *)blob))
        return error_set(error, ERR_NO_MEMORY, "OpenSSL could not seal a secret");
    out->len += blob_len;
    out->data[out->len] = '\0';
    return OK;
}

enum err vault_seal(const struct vault *vault, const char *org, const char *table,
                    const char *column, const char *row_id, struct str plain, struct buf *out,
                    struct error *error)
{
    const struct ring *ring = ring_take(vault);
    enum err err = seal_under(
        vault, &ring->at[0], (const char *const[4]){org, table, column, row_id}, plain, out, error);
    ring_give(vault);
    return err;
}

static struct opener *own_opener(void)
{
    struct opener *opener = pthread_getspecific(openers);
    if (opener)
        return opener;
    opener = mem_zalloc(1, sizeof *opener);
    if (opener && pthread_setspecific(openers, opener) == 0)
        return opener;
    mem_free(opener);
    return NULL;
}

/* One context for each secret of the ring, as it is now. False without memory. */
static bool opener_fill(struct opener *opener, const struct vault *vault)
{
    opener_clear(opener);
    const struct ring *ring = ring_take(vault);
    bool is_done = true;
    for (unsigned i = 0; is_done && i < ring->count; i++) {
        EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
        const uint8_t *key = ring->at[i].key[PURPOSE_SEAL];
        is_done = gcm && EVP_DecryptInit_ex2(gcm, vault->cipher, key, NULL, NULL) == 1;
        memcpy(opener->at[i].id, ring->at[i].key[PURPOSE_KEY_ID], KEY_ID_BYTES);
        opener->at[i].gcm = gcm;
        opener->count = i + 1;
    }
    if (is_done)
        opener->serial = atomic_load(&vault->serial);
    ring_give(vault);
    if (!is_done)
        opener_clear(opener);
    return is_done;
}

/* This thread's context with the key of that id in it. ERR_DENIED: no secret of the ring has it. */
static enum err gcm_keyed(const struct vault *vault, const uint8_t *key_id,
                          EVP_CIPHER_CTX **out_gcm)
{
    struct opener *opener = own_opener();
    unsigned long serial = atomic_load_explicit(&vault->serial, memory_order_acquire);
    if (!opener || (opener->serial != serial && !opener_fill(opener, vault)))
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < opener->count; i++)
        if (memcmp(opener->at[i].id, key_id, KEY_ID_BYTES) == 0) {
            *out_gcm = opener->at[i].gcm;
            return OK;
        }
    return ERR_DENIED;
}

static bool gcm_open(EVP_CIPHER_CTX *gcm, const struct aad *aad, struct str blob,
                     uint8_t *out_plain)
{
    const uint8_t *at = (const uint8_t *)blob.at, *body = at + HEAD_BYTES;
    size_t plain_len = blob.len - HEAD_BYTES - TAG_BYTES;
    uint8_t tag[TAG_BYTES];
    const OSSL_PARAM with_tag[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, sizeof tag),
        OSSL_PARAM_construct_end()};
    int len = 0;
    memcpy(tag, body + plain_len, TAG_BYTES);
    /* Each must be 1, and the last only is when the tag is right. */
    bool is_done = EVP_DecryptInit_ex2(gcm, NULL, NULL, at + 1 + KEY_ID_BYTES, with_tag) == 1;
    is_done &= EVP_DecryptUpdate(gcm, NULL, &len, aad->bytes, (int)aad->len) == 1;
    is_done &= EVP_DecryptUpdate(gcm, out_plain, &len, body, (int)plain_len) == 1;
    is_done &= EVP_DecryptFinal_ex(gcm, out_plain + plain_len, &len) == 1;
    return is_done;
}

enum err vault_open(const struct vault *vault, const char *org, const char *table,
                    const char *column, const char *row_id, struct str blob,
                    struct secret **out_plain, struct error *error)
{
    if (blob.len < HEAD_BYTES + TAG_BYTES || blob.at[0] != BLOB_VERSION ||
        blob.len - HEAD_BYTES - TAG_BYTES > SECRET_MAX_BYTES)
        return error_set(error, ERR_DENIED,
                         "the stored secret of %s '%s' is damaged: enter it again", table, row_id);
    const uint8_t *key_id = (const uint8_t *)blob.at + 1;
    EVP_CIPHER_CTX *gcm = NULL;
    enum err err = gcm_keyed(vault, key_id, &gcm);
    if (err == ERR_DENIED)
        return error_set(error, ERR_DENIED,
                         "the stored secret of %s '%s' was sealed under another AUXOT_SECRET_KEY",
                         table, row_id);
    struct aad aad;
    if (!bind(key_id, (const char *const[4]){org, table, column, row_id}, &aad))
        return error_set(error, ERR_NO_MEMORY, "no room to open a secret");
    struct secret *plain = NULL;
    uint8_t *room = NULL;
    if (err != OK || secret_room(blob.len - HEAD_BYTES - TAG_BYTES, &plain, &room) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory to open a secret");
    if (!gcm_open(gcm, &aad, blob, room)) {
        secret_free(plain);
        return error_set(error, ERR_DENIED,
                         "the stored secret of %s '%s' is damaged or belongs to another row: enter "
                         "it again",
                         table, row_id);
    }
    *out_plain = plain;
    return OK;
}

/* ---- digests ------------------------------------------------------------------------------------ */

static void digest(const struct vault *vault, enum purpose purpose, struct str message,
                   uint8_t out_digest[32])
{
    mac_digest(&identity_of(vault)->mac[purpose], message, out_digest);
}

void vault_key_digest(const struct vault *vault, struct str api_key, uint8_t out_digest[32])
{
    digest(vault, PURPOSE_API_KEY, api_key, out_digest);
}

void vault_cursor_mac(const struct vault *vault, struct str cursor, uint8_t out_mac[16])
{
    uint8_t whole[32];
    digest(vault, PURPOSE_CURSOR, cursor, whole);
    memcpy(out_mac, whole, 16);
}

void vault_turn_name(const struct vault *vault, struct str content, uint8_t out_name[16])
{
    uint8_t whole[32];
    digest(vault, PURPOSE_TURN, content, whole);
    memcpy(out_name, whole, 16);
}

void vault_token_digest(const struct vault *vault, struct str token, uint8_t out_digest[32])
{
    digest(vault, PURPOSE_TOKEN, token, out_digest);
}

void vault_event_mac(const struct vault *vault, struct str bytes, uint8_t out_mac[32])
{
    digest(vault, PURPOSE_EVENT, bytes, out_mac);
}
