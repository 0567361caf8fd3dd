/* sys/password.h: passwords, slowly, by Argon2id (RFC 9106) through libsodium.
 *
 * A hash takes PASSWORD_MEMORY_BYTES while it is made and tens of milliseconds: never on a loop, and only
 * as many at once as the threads that do it (admin/admin.c: two).
 *
 * Thread:  any that may block.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define PASSWORD_MEMORY_BYTES ((size_t)32 * 1024 * 1024)
#define PASSWORD_PASSES       2
#define PASSWORD_HASH_MAX     128 /* "$argon2id$v=19$m=...", with its NUL */

/** ERR_NO_MEMORY, with a sentence. The text holds its parameters and its salt. */
MUST_USE enum err password_hash(struct str password, char out_hash[PASSWORD_HASH_MAX],
                                struct error *error);
/** Is it this one? `hash` NULL: there is none, and the answer is false after the same work. ERR_NO_MEMORY:
 *  not known. */
MUST_USE enum err password_verify(struct str password, const char *hash, bool *out_is_right,
                                  struct error *error);
/** Made with other parameters than today's: make it anew while the password is at hand. */
bool password_is_dated(const char *hash);
