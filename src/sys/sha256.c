/* sys/sha256.c: OpenSSL's, which uses what the processor has for it. */
#include "sys/sha256.h"

#include <assert.h>
#include <openssl/evp.h>

/* An EVP_MD_CTX under another name, so that nobody includes OpenSSL for a sum. */
static EVP_MD_CTX *inner(struct sha256 *sum)
{
    return (EVP_MD_CTX *)(void *)sum;
}

enum err sha256_new(struct sha256 **out_sum)
{
    EVP_MD_CTX *made = EVP_MD_CTX_new();
    if (!made || EVP_DigestInit_ex2(made, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(made);
        return ERR_NO_MEMORY;
    }
    *out_sum = (struct sha256 *)(void *)made;
    return OK;
}

/* With the algorithm in, only misuse could fail. */
void sha256_add(struct sha256 *sum, const void *bytes, size_t len)
{
    int is_done = EVP_DigestUpdate(inner(sum), bytes, len);
    assert(is_done == 1);
}

void sha256_end(struct sha256 *sum, uint8_t out_digest[SHA256_BYTES])
{
    int is_done = EVP_DigestFinal_ex(inner(sum), out_digest, NULL);
    assert(is_done == 1);
}

void sha256_free(struct sha256 *sum)
{
    EVP_MD_CTX_free(inner(sum));
}
