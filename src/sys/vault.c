/* sys/vault.c: one master secret, one derived key per purpose, and what they protect.
 *
 * Keys are derived by HKDF-SHA256 with the purpose as its info, so that no two uses share a key. The
 * derived keys live in one protected page. OpenSSL's algorithms are fetched once (a fetch costs more
 * than a digest), and each thread keeps its contexts.
 *
 * AES-GCM's random 96-bit nonces allow 2^32 seals under one key; a provider key is sealed when a
 * person types one in, so nothing here counts them.
 */
#include "sys/vault.h"

#include "base/mem.h"
#include "sys/random.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
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
#define PURPOSE_LIST(X)                  \
    X(SEAL,    "auxot v1 sealed columns") \
    X(KEY_ID,  "auxot v1 seal key id")    \
    X(API_KEY, "auxot v1 api key digest") \
    X(CURSOR,  "auxot v1 list cursors")   \
    X(CHECK,   "auxot v1 check value")
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

struct vault {
    struct secret *keys; /* PURPOSE_COUNT keys of KEY_BYTES */
    EVP_CIPHER *cipher;
    EVP_MAC *hmac;
    uint64_t serial; /* tells thread-local contexts whose keys they hold */
};

/* What one thread keeps for the vault that it used last: keyed and ready. */
struct mac_room {
    uint64_t serial;
    EVP_MAC_CTX *keyed[PURPOSE_COUNT];
};

static pthread_key_t mac_rooms;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_ulong last_serial;

static void mac_room_clear(struct mac_room *room)
{
    for (size_t i = 0; i < PURPOSE_COUNT; i++) {
        EVP_MAC_CTX_free(room->keyed[i]);
        room->keyed[i] = NULL;
    }
}

static void on_thread_end(void *given)
{
    mac_room_clear(given);
    mem_free(given);
}

static void make_rooms(void)
{
    if (pthread_key_create(&mac_rooms, on_thread_end) != 0)
        abort();
}

static struct str key_of(const struct vault *vault, enum purpose purpose)
{
    struct str all = secret_borrow(vault->keys);
    return (struct str){all.at + (size_t)purpose * KEY_BYTES, KEY_BYTES};
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

static bool derive_all(struct vault *vault, struct str master)
{
    static_assert(sizeof purpose_info / sizeof purpose_info[0] == PURPOSE_COUNT, "one per purpose");
    uint8_t keys[PURPOSE_COUNT * KEY_BYTES];
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    bool is_done = kdf != NULL;
    for (size_t i = 0; is_done && i < PURPOSE_COUNT; i++)
        is_done = derive(kdf, master, purpose_info[i], keys + i * KEY_BYTES);
    EVP_KDF_free(kdf);
    is_done =
        is_done && secret_new((struct str){(const char *)keys, sizeof keys}, &vault->keys) == OK;
    secret_wipe(keys, sizeof keys);
    return is_done;
}

enum err vault_new(struct str master_secret, struct vault **out_vault, struct error *error)
{
    enum err err = secret_check(master_secret, error);
    if (err != OK)
        return err;
    pthread_once(&once, make_rooms);
    struct vault *vault = mem_zalloc(1, sizeof *vault);
    if (!vault)
        return error_set(error, ERR_NO_MEMORY, "no memory for the vault");
    vault->serial = atomic_fetch_add(&last_serial, 1) + 1;
    vault->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    vault->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!vault->cipher || !vault->hmac || !derive_all(vault, master_secret)) {
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
    struct mac_room *room = pthread_getspecific(mac_rooms);
    if (room && room->serial == vault->serial)
        mac_room_clear(room);
    EVP_CIPHER_free(vault->cipher);
    EVP_MAC_free(vault->hmac);
    secret_free(vault->keys);
    mem_free(vault);
}

/* ---- sealing ------------------------------------------------------------------------------------ */

static void put_field(struct buf *buf, struct str field)
{
    uint8_t len[4] = {(uint8_t)field.len, (uint8_t)(field.len >> 8), (uint8_t)(field.len >> 16),
                      (uint8_t)(field.len >> 24)};
    buf_append(buf, len, sizeof len);
    buf_append_str(buf, field);
}

/* What the blob is bound to. Lengths before the fields: ("ab", "c") is not ("a", "bc"). */
static bool bind(const struct vault *vault, const char *const place[4], struct buf *out_aad)
{
    put_field(out_aad, str_of(purpose_info[PURPOSE_SEAL]));
    for (size_t i = 0; i < 4; i++)
        put_field(out_aad, str_of(place[i]));
    put_field(out_aad, (struct str){key_of(vault, PURPOSE_KEY_ID).at, KEY_ID_BYTES});
    return !out_aad->failed;
}

static bool gcm_seal(const struct vault *vault, struct str aad, struct str plain, uint8_t *blob)
{
    uint8_t *nonce = blob + 1 + KEY_ID_BYTES, *body = blob + HEAD_BYTES;
    const uint8_t *key = (const uint8_t *)key_of(vault, PURPOSE_SEAL).at;
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int len = 0;
    bool is_done =
        gcm && EVP_EncryptInit_ex2(gcm, vault->cipher, key, nonce, NULL) == 1 &&
        EVP_EncryptUpdate(gcm, NULL, &len, (const uint8_t *)aad.at, (int)aad.len) == 1 &&
        EVP_EncryptUpdate(gcm, body, &len, (const uint8_t *)plain.at, (int)plain.len) == 1 &&
        EVP_EncryptFinal_ex(gcm, body + plain.len, &len) == 1 &&
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + plain.len) == 1;
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
    AUTO_BUF struct buf aad;
    buf_init(&aad, AAD_MAX);
    size_t blob_len = HEAD_BYTES + plain.len + TAG_BYTES;
    char *blob = buf_reserve(out, blob_len);
    if (!blob || !bind(vault, (const char *const[4]){org, table, column, row_id}, &aad))
        return error_set(error, ERR_NO_MEMORY, "no room to seal a secret");
    blob[0] = BLOB_VERSION;
    memcpy(blob + 1, key_of(vault, PURPOSE_KEY_ID).at, KEY_ID_BYTES);
    random_fill(blob + 1 + KEY_ID_BYTES, NONCE_BYTES);
    if (!gcm_seal(vault, buf_str(&aad), plain, (uint8_t *)blob))
        return error_set(error, ERR_NO_MEMORY, "OpenSSL could not seal a secret");
    out->len += blob_len;
    out->data[out->len] = '\0';
    return OK;
}

static bool gcm_open(const struct vault *vault, struct str aad, struct str blob, uint8_t *out_plain)
{
    const uint8_t *at = (const uint8_t *)blob.at, *body = at + HEAD_BYTES;
    const uint8_t *key = (const uint8_t *)key_of(vault, PURPOSE_SEAL).at;
    size_t plain_len = blob.len - HEAD_BYTES - TAG_BYTES;
    uint8_t tag[TAG_BYTES];
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int len = 0;
    memcpy(tag, body + plain_len, TAG_BYTES);
    bool is_done = gcm &&
                   EVP_DecryptInit_ex2(gcm, vault->cipher, key, at + 1 + KEY_ID_BYTES, NULL) == 1 &&
                   EVP_DecryptUpdate(gcm, NULL, &len, (const uint8_t *)aad.at, (int)aad.len) == 1 &&
                   EVP_DecryptUpdate(gcm, out_plain, &len, body, (int)plain_len) == 1 &&
                   EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
                   EVP_DecryptFinal_ex(gcm, out_plain + plain_len, &len) == 1;
    EVP_CIPHER_CTX_free(gcm);
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
    if (memcmp(blob.at + 1, key_of(vault, PURPOSE_KEY_ID).at, KEY_ID_BYTES) != 0)
        return error_set(error, ERR_DENIED,
                         "the stored secret of %s '%s' was sealed under another AUXOT_SECRET_KEY",
                         table, row_id);
    AUTO_BUF struct buf aad;
    buf_init(&aad, AAD_MAX);
    if (!bind(vault, (const char *const[4]){org, table, column, row_id}, &aad))
        return error_set(error, ERR_NO_MEMORY, "no room to open a secret");
    uint8_t plain[SECRET_MAX_BYTES];
    size_t len = blob.len - HEAD_BYTES - TAG_BYTES;
    bool is_ours = gcm_open(vault, buf_str(&aad), blob, plain);
    enum err err = OK;
    if (!is_ours)
        err = error_set(error, ERR_DENIED,
                        "the stored secret of %s '%s' is damaged or belongs to another row: enter "
                        "it again",
                        table, row_id);
    else if (secret_new((struct str){(const char *)plain, len}, out_plain) != OK)
        err = error_set(error, ERR_NO_MEMORY, "no memory to open a secret");
    secret_wipe(plain, len);
    return err;
}

/* ---- digests ------------------------------------------------------------------------------------ */

static struct mac_room *own_room(void)
{
    struct mac_room *room = pthread_getspecific(mac_rooms);
    if (room)
        return room;
    room = mem_zalloc(1, sizeof *room);
    if (room && pthread_setspecific(mac_rooms, room) == 0)
        return room;
    mem_free(room);
    return NULL;
}

static EVP_MAC_CTX *mac_keyed(const struct vault *vault, enum purpose purpose)
{
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(vault->hmac);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    struct str key = key_of(vault, purpose);
    if (mac && EVP_MAC_init(mac, (const uint8_t *)key.at, key.len, params) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

/* This thread's context with that key in it, at the start of a message. */
static EVP_MAC_CTX *mac_ready(const struct vault *vault, enum purpose purpose)
{
    struct mac_room *room = own_room();
    if (!room)
        return NULL;
    if (room->serial != vault->serial) {
        mac_room_clear(room);
        room->serial = vault->serial;
    }
    if (!room->keyed[purpose])
        return room->keyed[purpose] = mac_keyed(vault, purpose);
    return EVP_MAC_init(room->keyed[purpose], NULL, 0, NULL) == 1 ? room->keyed[purpose] : NULL;
}

/* There is no caller that could go on without its digest, and no reason to fail but memory. */
static void digest(const struct vault *vault, enum purpose purpose, struct str message,
                   uint8_t out_digest[32])
{
    size_t len = 0;
    EVP_MAC_CTX *mac = mac_ready(vault, purpose);
    if (!mac || EVP_MAC_update(mac, (const uint8_t *)message.at, message.len) != 1 ||
        EVP_MAC_final(mac, out_digest, &len, 32) != 1 || len != 32)
        abort();
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

void vault_check_value(const struct vault *vault, uint8_t out_value[32])
{
    digest(vault, PURPOSE_CHECK, STR("auxot check value"), out_value);
}
