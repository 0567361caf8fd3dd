/* sys/vault.c: one master secret, one derived key per purpose, and what they protect.
 *
 * Keys are derived by HKDF-SHA256 with the purpose as its info, so that no two uses share a key. They
 * live in one protected page, and with them, for HMAC, what SHA-256 has made of their padded blocks:
 * a digest of a short message is then two blocks and no allocation. Each thread keeps a cipher context
 * with the key in it, since every attempt opens a provider's key.
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

#define KEY_BYTES    32u
#define KEY_ID_BYTES 4u
#define NONCE_BYTES  12u
#define TAG_BYTES    16u
#define HEAD_BYTES   (1u + KEY_ID_BYTES + NONCE_BYTES)
#define BLOB_VERSION 1
#define AAD_MAX      1024u
#define UNIT_MAX     8u /* a secret that repeats a unit this short is no secret */

/* clang-format off */
#define PURPOSE_LIST(X)                   \
    X(SEAL,     "auxot v1 sealed columns") \
    X(KEY_ID,   "auxot v1 seal key id")    \
    X(API_KEY,  "auxot v1 api key digest") \
    X(CURSOR,   "auxot v1 list cursors")   \
    X(CHECK,    "auxot v1 check value")    \
    X(ENVELOPE, "auxot v1 envelopes")      \
    X(TURN,     "auxot v1 names of turns") \
    X(TOKEN,    "auxot v1 tokens")         \
    X(EVENT,    "auxot v1 chain of events")
/* clang-format on */
enum purpose {
#define X(name, info) PURPOSE_##name,
    PURPOSE_LIST(X)
#undef X
        PURPOSE_COUNT
};
static const char *const purpose_info[] = {
#define X(name, info) info,
    PURPOSE_LIST(X)
#undef X
};

/* HMAC (RFC 2104) with its key already in. Never changed: a digest works on a copy. */
struct mac {
    SHA256_CTX inner, outer;
};

/* What the protected page holds. */
struct keys {
    uint8_t key[PURPOSE_COUNT][KEY_BYTES];
    struct mac mac[PURPOSE_COUNT];
};
static_assert(sizeof(struct keys) <= SECRET_MAX_BYTES, "the keys fit into a page");

struct vault {
    struct secret *page; /* struct keys */
    EVP_CIPHER *cipher;
    uint64_t serial; /* tells thread-local contexts whose key they hold */
};

/* What one thread keeps for the vault that it used last. */
struct opener {
    uint64_t serial;
    EVP_CIPHER_CTX *gcm; /* decrypts under the key for sealing; needs a nonce */
};

static pthread_key_t openers;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_ulong last_serial;

static void opener_clear(struct opener *opener)
{
    EVP_CIPHER_CTX_free(opener->gcm);
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

static const struct keys *keys_of(const struct vault *vault)
{
    return (const struct keys *)(const void *)secret_borrow(vault->page).at; /* page aligned */
}

const uint8_t *vault_envelope_key(const struct vault *vault)
{
    return keys_of(vault)->key[PURPOSE_ENVELOPE];
}

const EVP_CIPHER *vault_cipher(const struct vault *vault)
{
    return vault->cipher;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static bool is_repetition(struct str secret)
{
    for (size_t unit = 1; unit <= UNIT_MAX; unit++) {
        size_t i = unit;
        while (i < secret.len && secret.at[i] == secret.at[i - unit])
            i++;
        if (i == secret.len)
            return true;
    }
    return false;
}

static bool is_well_known(struct str secret)
{
    static const struct str beginnings[] = {
        STR_INIT("changeme"),    STR_INIT("change-me"),    STR_INIT("change_me"),
        STR_INIT("change this"), STR_INIT("change-this"),  STR_INIT("change_this"),
        STR_INIT("replace-me"),  STR_INIT("replace_me"),   STR_INIT("replace-this"),
        STR_INIT("your-secret"), STR_INIT("your_secret"),  STR_INIT("yoursecret"),
        STR_INIT("insecure"),    STR_INIT("auxot_secret"), STR_INIT("auxot-secret"),
        STR_INIT("password"),    STR_INIT("default"),      STR_INIT("example"),
        STR_INIT("<"),           STR_INIT("${"),
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (str_istarts(secret, beginnings[i]))
            return true;
    return false;
}

static enum err secret_check(struct str secret, struct error *error)
{
    static const char fix[] = "make one with: openssl rand -base64 32";
    if (secret.len < VAULT_SECRET_MIN_CHARS)
        return error_set(error, ERR_MALFORMED,
                         "AUXOT_SECRET_KEY has %zu characters and needs at least %d; %s",
                         secret.len, VAULT_SECRET_MIN_CHARS, fix);
    if (secret.len > SECRET_MAX_BYTES)
        return error_set(error, ERR_MALFORMED, "AUXOT_SECRET_KEY is longer than %u bytes; %s",
                         SECRET_MAX_BYTES, fix);
    if (is_repetition(secret))
        return error_set(error, ERR_MALFORMED, "AUXOT_SECRET_KEY only repeats a few characters; %s",
                         fix);
    if (is_well_known(secret))
        return error_set(error, ERR_MALFORMED,
                         "AUXOT_SECRET_KEY is a placeholder that everybody knows; %s", fix);
    return OK;
}

static bool derive(EVP_KDF *kdf, struct str master, const char *info, uint8_t out_key[KEY_BYTES])
{
    EVP_KDF_CTX *kdf_state = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)master.at,
                                          master.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (char[]){"auxot"}, 5),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
                                          strlen(info)),
        OSSL_PARAM_construct_end(),
    };
    bool is_done = kdf_state && EVP_KDF_derive(kdf_state, out_key, KEY_BYTES, params) > 0;
    EVP_KDF_CTX_free(kdf_state);
    return is_done;
}

static void mac_key(struct mac *mac, const uint8_t key[KEY_BYTES])
{
    uint8_t inner[SHA256_CBLOCK], outer[SHA256_CBLOCK];
    for (size_t i = 0; i < SHA256_CBLOCK; i++) {
        uint8_t byte = i < KEY_BYTES ? key[i] : 0;
        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    (void)SHA256_Init(&mac->inner);
    (void)SHA256_Update(&mac->inner, inner, sizeof inner);
    (void)SHA256_Init(&mac->outer);
    (void)SHA256_Update(&mac->outer, outer, sizeof outer);
    secret_wipe(inner, sizeof inner);
    secret_wipe(outer, sizeof outer);
}

static bool derive_all(struct vault *vault, struct str master)
{
    static_assert(sizeof purpose_info / sizeof purpose_info[0] == PURPOSE_COUNT, "one per purpose");
    struct keys keys = {0};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    bool is_done = kdf != NULL;
    for (size_t i = 0; is_done && i < PURPOSE_COUNT; i++) {
        is_done = derive(kdf, master, purpose_info[i], keys.key[i]);
        mac_key(&keys.mac[i], keys.key[i]);
    }
    EVP_KDF_free(kdf);
    is_done =
        is_done && secret_new((struct str){(const char *)&keys, sizeof keys}, &vault->page) == OK;
    secret_wipe(&keys, sizeof keys);
    return is_done;
}

enum err vault_new(struct str master_secret, struct vault **out_vault, struct error *error)
{
    enum err err = secret_check(master_secret, error);
    if (err != OK)
        return err;
    pthread_once(&once, make_openers);
    struct vault *vault = mem_zalloc(1, sizeof *vault);
    if (!vault)
        return error_set(error, ERR_NO_MEMORY, "no memory for the vault");
    vault->serial = atomic_fetch_add(&last_serial, 1) + 1;
    vault->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!vault->cipher || !derive_all(vault, master_secret)) {
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
    /* Our own context goes now; those of other threads with their thread or their next vault. */
    struct opener *opener = pthread_getspecific(openers);
    if (opener && opener->serial == vault->serial)
        opener_clear(opener);
    EVP_CIPHER_free(vault->cipher);
    secret_free(vault->page);
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
static bool bind(const struct vault *vault, const char *const place[4], struct aad *out_aad)
{
    const char *info = purpose_info[PURPOSE_SEAL];
    out_aad->len = 0;
    bool fits = put_field(out_aad, info, strlen(info));
    for (size_t i = 0; i < 4; i++)
        fits = fits && put_field(out_aad, place[i], strlen(place[i]));
    return fits && put_field(out_aad, keys_of(vault)->key[PURPOSE_KEY_ID], KEY_ID_BYTES);
}

static bool gcm_seal(const struct vault *vault, const struct aad *aad, struct str plain,
                     uint8_t *blob)
{
    uint8_t *nonce = blob + 1 + KEY_ID_BYTES, *body = blob + HEAD_BYTES;
    const uint8_t *key = keys_of(vault)->key[PURPOSE_SEAL];
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

enum err vault_seal(const struct vault *vault, const char *org, const char *table,
                    const char *column, const char *row_id, struct str plain, struct buf *out,
                    struct error *error)
{
    if (plain.len > SECRET_MAX_BYTES)
        return error_set(error, ERR_TOO_LARGE, "a secret may have at most %u bytes",
                         SECRET_MAX_BYTES);
    struct aad aad;
    size_t blob_len = HEAD_BYTES + plain.len + TAG_BYTES;
    char *blob = buf_reserve(out, blob_len);
    if (!blob || !bind(vault, (const char *const[4]){org, table, column, row_id}, &aad))
        return error_set(error, ERR_NO_MEMORY, "no room to seal a secret");
    blob[0] = BLOB_VERSION;
    memcpy(blob + 1, keys_of(vault)->key[PURPOSE_KEY_ID], KEY_ID_BYTES);
    random_fill(blob + 1 + KEY_ID_BYTES, NONCE_BYTES);
    if (!gcm_seal(vault, &aad, plain, (uint8_t *)blob))
        return error_set(error, ERR_NO_MEMORY, "OpenSSL could not seal a secret");
    out->len += blob_len;
    out->data[out->len] = '\0';
    return OK;
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

/* This thread's context with that vault's key in it. */
static EVP_CIPHER_CTX *gcm_keyed(const struct vault *vault)
{
    struct opener *opener = own_opener();
    if (!opener)
        return NULL;
    if (opener->serial == vault->serial)
        return opener->gcm;
    opener_clear(opener);
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    const uint8_t *key = keys_of(vault)->key[PURPOSE_SEAL];
    if (!gcm || EVP_DecryptInit_ex2(gcm, vault->cipher, key, NULL, NULL) != 1) {
        EVP_CIPHER_CTX_free(gcm);
        return NULL;
    }
    *opener = (struct opener){vault->serial, gcm};
    return gcm;
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
    if (memcmp(blob.at + 1, keys_of(vault)->key[PURPOSE_KEY_ID], KEY_ID_BYTES) != 0)
        return error_set(error, ERR_DENIED,
                         "the stored secret of %s '%s' was sealed under another AUXOT_SECRET_KEY",
                         table, row_id);
    struct aad aad;
    if (!bind(vault, (const char *const[4]){org, table, column, row_id}, &aad))
        return error_set(error, ERR_NO_MEMORY, "no room to open a secret");
    struct secret *plain = NULL;
    uint8_t *room = NULL;
    EVP_CIPHER_CTX *gcm = gcm_keyed(vault);
    if (!gcm || secret_room(blob.len - HEAD_BYTES - TAG_BYTES, &plain, &room) != OK)
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
    struct mac mac = keys_of(vault)->mac[purpose];
    (void)SHA256_Update(&mac.inner, message.at, message.len);
    (void)SHA256_Final(out_digest, &mac.inner);
    (void)SHA256_Update(&mac.outer, out_digest, 32);
    (void)SHA256_Final(out_digest, &mac.outer);
    secret_wipe(&mac, sizeof mac);
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

void vault_check_value(const struct vault *vault, uint8_t out_value[32])
{
    digest(vault, PURPOSE_CHECK, STR("auxot check value"), out_value);
}
