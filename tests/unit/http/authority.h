/* tests/unit/http/authority.h: certificates for stories over TLS, signed by authorities made on the spot. */
#pragma once
#include "net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

#define DAY_S 86400

struct authority {
    EVP_PKEY *key;
    X509 *cert;
};

static char directory[] = "/tmp/auxot-tls-XXXXXX"; /* the story makes and removes it */

static inline void add_extension(X509 *cert, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX about;
    X509V3_set_ctx(&about, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &about, kind, value);
    CHECK(value, extension && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
}

/* Signed by `issuer`, or by itself when that is NULL; good until `until_s` from now. */
static inline struct authority make(const char *name, const char *alt_names,
                                    const struct authority *issuer, long until_s)
{
    static long serial;
    struct authority made = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
    X509 *signer = issuer ? issuer->cert : made.cert;
    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), -2 * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), until_s);
    X509_set_pubkey(made.cert, made.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.cert, X509_get_subject_name(signer));
    add_extension(made.cert, signer, NID_basic_constraints,
                  issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (alt_names)
        add_extension(made.cert, signer, NID_subject_alt_name, alt_names);
    CHECK(name, X509_sign(made.cert, issuer ? issuer->key : made.key, EVP_sha256()));
    return made;
}

static inline void drop(struct authority *authority)
{
    EVP_PKEY_free(authority->key);
    X509_free(authority->cert);
}

static inline void in_directory(char *room, size_t room_bytes, const char *name)
{
    snprintf(room, room_bytes, "%s/%s", directory, name);
}

static inline void write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    if (cert)
        PEM_write_X509(file, cert);
    if (key)
        PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static inline SSL_CTX *server_context(const struct authority *authority)
{
    char cert[64], key[64];
    struct error error = {0};
    SSL_CTX *context = NULL;
    in_directory(cert, sizeof cert, "cert.pem");
    in_directory(key, sizeof key, "key.pem");
    write_pem(cert, authority->cert, NULL);
    write_pem(key, NULL, authority->key);
    CHECK_INT("a context", tls_server_context(cert, key, &context, &error), OK);
    unlink(cert);
    unlink(key);
    return context;
}
