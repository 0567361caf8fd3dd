/* sys/keyed_digest.c: see keyed_digest.h. Longer keys than a block are digested first, as the standard asks. */
/* As in vault.c: the calls of EVP want an allocation, these none. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sys/keyed_digest.h"

#include "base/mem.h"

#include <openssl/sha.h>

static void begin(SHA256_CTX *sha, const uint8_t key[SHA256_CBLOCK], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];
    for (size_t i = 0; i < SHA256_CBLOCK; i++)
        block[i] = key[i] ^ pad;
    (void)SHA256_Init(sha);
    (void)SHA256_Update(sha, block, sizeof block);
}

void keyed_digest(struct str key, struct str bytes, uint8_t out_digest[KEYED_DIGEST_BYTES])
{
    SHA256_CTX sha;
    uint8_t block[SHA256_CBLOCK] = {0}, whole[SHA256_DIGEST_LENGTH];
    if (key.len > sizeof block)
        (void)SHA256((const uint8_t *)key.at, key.len, block);
    else if (key.len)
        memcpy(block, key.at, key.len);
    begin(&sha, block, 0x36);
    (void)SHA256_Update(&sha, bytes.at, bytes.len);
    (void)SHA256_Final(whole, &sha);
    begin(&sha, block, 0x5c);
    (void)SHA256_Update(&sha, whole, sizeof whole);
    (void)SHA256_Final(whole, &sha);
    memcpy(out_digest, whole, KEYED_DIGEST_BYTES);
}
