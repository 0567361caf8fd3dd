/* net/tls.c: OpenSSL contexts and what went wrong in a handshake. */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

static const char *openssl_text(char *room, size_t room_bytes)
{
    unsigned long code = ERR_peek_last_error();
    ERR_error_string_n(code, room, room_bytes);
    ERR_clear_error();
    return room;
}

static SSL_CTX *new_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    return context;
}

/* HTTP/1.1 is what we speak: choose it when the client offers it, say nothing otherwise. */
static int choose_alpn(SSL *tls, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *arg)
{
    (void)tls;
    (void)arg;
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

enum err tls_server_context(const char *cert_file, const char *key_file, SSL_CTX **out_context,
                            struct error *error)
{
    char why[256];
    SSL_CTX *context = new_context(TLS_server_method());
    if (!context)
        return error_set(error, ERR_NO_MEMORY, "cannot make a TLS context");
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        SSL_CTX_free(context);
        return error_set(error, ERR_MALFORMED, "cannot use the certificate '%s': %s", cert_file,
                         openssl_text(why, sizeof why));
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        SSL_CTX_free(context);
        return error_set(error, ERR_MALFORMED,
                         "cannot use the private key '%s' with the certificate '%s': %s", key_file,
                         cert_file, openssl_text(why, sizeof why));
    }
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_OFF); /* tickets hold the sessions, not we */
    static const unsigned char session_name[] = "auxot";
    SSL_CTX_set_session_id_context(context, session_name, sizeof session_name - 1);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    *out_context = context;
    return OK;
}

int64_t tls_context_ends_ms(const SSL_CTX *context)
{
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    struct tm end = {0};
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    return (int64_t)timegm(&end) * 1000;
}

enum err tls_client_context(const char *ca_file, SSL_CTX **out_context, struct error *error)
{
    char why[256];
    SSL_CTX *context = new_context(TLS_client_method());
    if (!context)
        return error_set(error, ERR_NO_MEMORY, "cannot make a TLS context");
    int is_loaded = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                            : SSL_CTX_set_default_verify_paths(context);
    if (is_loaded != 1) {
        SSL_CTX_free(context);
        return error_set(error, ERR_MALFORMED,
                         "cannot read the certificate authorities in '%s': %s",
                         ca_file ? ca_file : "the system's store", openssl_text(why, sizeof why));
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x08http/1.1", 9);
    *out_context = context;
    return OK;
}

enum err tls_expect_host(SSL *tls, const char *host)
{
    unsigned char address[16];
    X509_VERIFY_PARAM *expected = SSL_get0_param(tls);
    bool is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1 ? OK : ERR_MALFORMED;
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_host(expected, host, 0) != 1)
        return ERR_MALFORMED;
    return SSL_set_tlsext_host_name(tls, host) == 1 ? OK : ERR_MALFORMED;
}

void tls_explain(SSL *tls, char *room, size_t room_bytes)
{
    long verdict = SSL_get_verify_result(tls);
    char why[256];
    if (verdict != X509_V_OK)
        snprintf(room, room_bytes, "TLS: %s", X509_verify_cert_error_string(verdict));
    else if (ERR_peek_last_error() == 0)
        snprintf(room, room_bytes, "TLS: the peer closed the connection during the handshake");
    else
        snprintf(room, room_bytes, "TLS: %s", openssl_text(why, sizeof why));
    ERR_clear_error();
}
