/* sys/password.c: see password.h. */
#include "sys/password.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

static_assert(PASSWORD_HASH_MAX == crypto_pwhash_argon2id_STRBYTES, "a hash fits");

/* What nobody's password is checked against, so that an unknown name takes as long as a known one. Its
 * parameters are today's (a test sees to it); what it was made of was thrown away. */
static const char nobody[] = "$argon2id$v=19$m=32768,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    if (sodium_init() < 0)
        abort(); /* no randomness: it never happens */
}

enum err password_hash(struct str password, char out_hash[PASSWORD_HASH_MAX], struct error *error)
{
    (void)pthread_once(&once, start_library);
    if (crypto_pwhash_argon2id_str(out_hash, password.at, password.len, PASSWORD_PASSES,
                                   PASSWORD_MEMORY_BYTES) == 0)
        return OK;
    return error_set(error, ERR_NO_MEMORY, "no memory to hash a password now; try again");
}

enum err password_verify(struct str password, const char *hash, bool *out_is_right,
                         struct error *error)
{
    (void)pthread_once(&once, start_library);
    errno = 0;
    bool is_same =
        crypto_pwhash_argon2id_str_verify(hash ? hash : nobody, password.at, password.len) == 0;
    if (!is_same && errno == ENOMEM)
        return error_set(error, ERR_NO_MEMORY, "no memory to check a password now; try again");
    *out_is_right = hash && is_same;
    return OK;
}

bool password_is_dated(const char *hash)
{
    return crypto_pwhash_argon2id_str_needs_rehash(hash, PASSWORD_PASSES, PASSWORD_MEMORY_BYTES) !=
           0;
}
