/* sys/vault.h: keys derived from AUXOT_SECRET_KEY, and what they protect. RELIABILITY.md 6c, T11.
 *
 * HKDF-SHA256 gives one key per purpose. A sealed blob is: version (1 byte), key id (4 bytes), nonce
 * (12 random bytes), ciphertext, tag (16 bytes), base64-free binary; AES-256-GCM; the additional data
 * binds it to its row, so that a blob moved to another row does not open.
 * Thread:  any (immutable after opening).
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "sys/secret.h"
#include <stdint.h>

#define VAULT_SECRET_MIN_CHARS 32
struct vault;

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
/** The value kept in the store that tells a wrong secret at start: 32 bytes. */
void vault_check_value(const struct vault *vault, uint8_t out_value[32]);
