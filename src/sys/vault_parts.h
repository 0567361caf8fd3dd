/* sys/vault_parts.h: what the files of the vault share: vault.c, vault_keys.c, vault_ring.c, envelope.c. Nobody else includes it.
 */
#pragma once
#include "sys/vault.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>

#define KEY_BYTES    32u
#define KEY_ID_BYTES 4u

/* clang-format off */
#define PURPOSE_LIST(X)                                                        \
    /*                                             part of the identity, that is \
     *                                             kept when the secret changes? */ \
    X(SEAL,     "auxot v1 sealed columns",  false)                                \
    X(KEY_ID,   "auxot v1 seal key id",     false)                                \
    X(API_KEY,  "auxot v1 api key digest",  true)                                 \
    X(CURSOR,   "auxot v1 list cursors",    true)                                 \
    X(CHECK,    "auxot v1 check value",     false)                                \
    X(ENVELOPE, "auxot v1 envelopes",       true)                                 \
    X(TURN,     "auxot v1 names of turns",  true)                                 \
    X(TOKEN,    "auxot v1 tokens",          true)                                 \
    X(EVENT,    "auxot v1 chain of events", true)
/* clang-format on */
enum purpose {
#define X(name, info, is_kept) PURPOSE_##name,
    PURPOSE_LIST(X)
#undef X
        PURPOSE_COUNT
};
#define KEPT_KEYS 6u /* so many are part of the identity */

/* HMAC (RFC 2104) with its key already in. Never changed: a digest works on a copy. */
struct mac {
    SHA256_CTX inner, outer;
};

/* The keys of one secret. */
struct derived {
    uint8_t key[PURPOSE_COUNT][KEY_BYTES];
};

/* What one protected page holds: the keys of the identity, for digests and envelopes. */
struct identity {
    uint8_t key[PURPOSE_COUNT][KEY_BYTES];
    struct mac mac[PURPOSE_COUNT];
};
static_assert(sizeof(struct identity) <= SECRET_MAX_BYTES, "the identity fits into a page");

/* And the other: each secret's own keys. The first is the current one. */
struct ring {
    struct derived at[VAULT_RING_MAX];
    enum vault_place place[VAULT_RING_MAX];
    unsigned count;
};
static_assert(sizeof(struct ring) <= SECRET_MAX_BYTES, "the ring fits into a page");

struct vault {
    struct secret *identity; /* struct identity */
    struct secret *ring;     /* struct ring; under `lock` */
    EVP_CIPHER *cipher;
    pthread_mutex_t lock;
    atomic_ulong serial; /* of the ring: tells thread-local contexts whose keys they hold */
};

/* ---- vault_keys.c -------------------------------------------------------------------------------- */

extern const char *const purpose_info[PURPOSE_COUNT];
extern const bool purpose_is_kept[PURPOSE_COUNT];
/** ERR_MALFORMED with a sentence when it is no secret at all. */
MUST_USE enum err secret_check(struct str secret, struct error *error);
/** All keys of a secret; wipe them. False without memory. */
MUST_USE bool derive_all(struct str master, struct derived *out_keys);
void mac_key(struct mac *mac, const uint8_t key[KEY_BYTES]);
void mac_digest(const struct mac *key, struct str message, uint8_t out_digest[32]);

/* ---- vault_ring.c -------------------------------------------------------------------------------- */

/** Takes the lock; ring_give gives it back. */
struct ring *ring_take(const struct vault *vault);
void ring_give(const struct vault *vault);
/** Before other threads know the vault. */
void identity_set(struct vault *vault, const struct derived *keys);
const struct identity *identity_of(const struct vault *vault);

/* ---- vault.c ------------------------------------------------------------------------------------- */

/** A serial that no vault has had yet. */
unsigned long vault_serial_next(void);
/** Under those keys; the ring is taken, or nobody else has it. */
MUST_USE enum err seal_under(const struct vault *vault, const struct derived *keys,
                             const char *const place[4], struct str plain, struct buf *out,
                             struct error *error);
/** 32 bytes; borrowed, never copied. */
const uint8_t *vault_envelope_key(const struct vault *vault);
/** AES-256-GCM. */
const EVP_CIPHER *vault_cipher(const struct vault *vault);
