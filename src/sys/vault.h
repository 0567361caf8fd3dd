/* sys/vault.h: keys derived from AUXOT_SECRET_KEY, and what they protect. RELIABILITY.md 6c, T11.
 *
 * HKDF-SHA256 gives one key per purpose. A sealed blob is: version (1 byte), key id (4 bytes), nonce
 * (12 random bytes), ciphertext, tag (16 bytes), base64-free binary; AES-256-GCM; the additional data
 * binds it to its row, so that a blob moved to another row does not open.
 *
 * The secret can be replaced while the server runs (docs/adr/0023). The vault holds a ring: the current secret, which
 * seals, and others, whose blobs open too. What cannot be sealed again because nobody has the text (digests of
 * API keys, sessions, the chain of events, cursors, envelopes) is under keys of its own, the identity: those of the first
 * secret, kept sealed under the current one.
 *
 * Thread:  any; what makes or changes the identity, before other threads have the vault.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "sys/secret.h"
#include <stdint.h>

#define VAULT_SECRET_MIN_CHARS 32
#define VAULT_RING_MAX         3
struct vault;

/** What a secret in the ring is for. */
enum vault_place {
    VAULT_NOWHERE,
    VAULT_CURRENT,
    VAULT_PREVIOUS, /* was current */
    VAULT_NEXT      /* was to become current when a rotation was cut short */
};

/** Derives the keys. ERR_MALFORMED with a sentence when the secret is shorter than 32 characters, or is
 *  a well-known default or one repeated character. */
MUST_USE enum err vault_new(struct str master_secret, struct vault **out_vault,
                            struct error *error);
void vault_free(struct vault *vault);

/** Seals `plain` for (table, column, row id); appends the blob to `out`. */
MUST_USE enum err vault_seal(const struct vault *vault, const char *org, const char *table,
                             const char *column, const char *row_id, struct str plain,
                             struct buf *out, struct error *error);
/** Opens a blob. ERR_DENIED with a sentence when it does not belong here or the secret is another. */
MUST_USE enum err vault_open(const struct vault *vault, const char *org, const char *table,
                             const char *column, const char *row_id, struct str blob,
                             struct secret **out_plain, struct error *error);
/** HMAC-SHA-256 of an API key under its own derived key: what the store keeps and lookups use. Two blocks
 *  of SHA-256. */
void vault_key_digest(const struct vault *vault, struct str api_key, uint8_t out_digest[32]);
/** The same for what people hold: sessions and invitations, each with its own prefix; under its own key. */
void vault_token_digest(const struct vault *vault, struct str token, uint8_t out_digest[32]);
/** Signs list cursors (so that a forged one is refused): HMAC under the cursor key, first 16 bytes. */
void vault_cursor_mac(const struct vault *vault, struct str cursor, uint8_t out_mac[16]);
/** A name for the content of a turn that nobody without the secret can make: likewise, under its own key. */
void vault_turn_name(const struct vault *vault, struct str content, uint8_t out_name[16]);
/** Chains the rows of events (store/event_chain.h): nobody without the secret can make the next link. */
void vault_event_mac(const struct vault *vault, struct str bytes, uint8_t out_mac[32]);
/** The value kept in the store that tells a wrong secret at start: 32 bytes, of the current secret. */
void vault_check_value(const struct vault *vault, uint8_t out_value[32]);

/** Adds a secret whose blobs open from now on; one that is there already stays where it is. In a full ring the oldest makes
 *  way. `out_check`: its check value. Errors as vault_new. */
MUST_USE enum err vault_ring_add(struct vault *vault, struct str master_secret,
                                 enum vault_place place, uint8_t out_check[32],
                                 struct error *error);
enum vault_place vault_ring_find(const struct vault *vault, const uint8_t check[32]);
/** Makes the secret with that check value, which is in the ring, the current one; the others are previous ones. */
void vault_ring_choose(struct vault *vault, const uint8_t check[32]);
/** Was it sealed under the current secret? */
bool vault_is_current(const struct vault *vault, struct str blob);

/** Seals the identity under the secret with that check value, which is in the ring. */
MUST_USE enum err vault_identity_seal(const struct vault *vault, const uint8_t check[32],
                                      struct buf *out, struct error *error);
/** From now on the identity is that of the secret with that check value, as it was before any rotation ... */
void vault_identity_derive(struct vault *vault, const uint8_t check[32]);
/** ... or the one that was sealed. ERR_DENIED, ERR_MALFORMED: it is as it was. */
MUST_USE enum err vault_identity_open(struct vault *vault, struct str blob, struct error *error);
