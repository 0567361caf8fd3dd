/* sys/vault_keys.c: what makes a secret a good one, and the keys that are derived from it. */
/* The low-level SHA-256 calls are deprecated in favour of EVP, whose contexts cannot be copied without
 * an allocation; that costs as much as the digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sys/vault_parts.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <string.h>

#define UNIT_MAX 8u /* a secret that repeats a unit this short is no secret */

const char *const purpose_info[PURPOSE_COUNT] = {
#define X(name, info, is_kept) info,
    PURPOSE_LIST(X)
#undef X
};
/* A purpose that comes later stands at the end of the list: what is kept is written in its order. */
const bool purpose_is_kept[PURPOSE_COUNT] = {
#define X(name, info, is_kept) is_kept,
    PURPOSE_LIST(X)
#undef X
};

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

enum err secret_check(struct str secret, struct error *error)
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

void mac_key(struct mac *mac, const uint8_t key[KEY_BYTES])
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

bool derive_all(struct str master, struct derived *out_keys)
{
    static_assert(sizeof purpose_info / sizeof purpose_info[0] == PURPOSE_COUNT, "one per purpose");
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    bool is_done = kdf != NULL;
    for (size_t i = 0; is_done && i < PURPOSE_COUNT; i++)
        is_done = derive(kdf, master, purpose_info[i], out_keys->key[i]);
    EVP_KDF_free(kdf);
    return is_done;
}

void mac_digest(const struct mac *key, struct str message, uint8_t out_digest[32])
{
    struct mac mac = *key;
    (void)SHA256_Update(&mac.inner, message.at, message.len);
    (void)SHA256_Final(out_digest, &mac.inner);
    (void)SHA256_Update(&mac.outer, out_digest, 32);
    (void)SHA256_Final(out_digest, &mac.outer);
    secret_wipe(&mac, sizeof mac);
}
