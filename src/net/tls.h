/* net/tls.h: OpenSSL contexts, made once at start. TLS 1.2 and later, verification always on.
 * Thread: contexts are shared by all loops after they are made.
 */
#pragma once
#include "base/err.h"
#include <openssl/ssl.h>

/** For listeners: PEM chain and key. Yours to SSL_CTX_free. ERR_MALFORMED with a sentence. */
MUST_USE enum err tls_server_context(const char *cert_file, const char *key_file,
                                     SSL_CTX **out_context, struct error *error);
/** When the certificate of such a context ends (wall, ms); 0: not known. */
int64_t tls_context_ends_ms(const SSL_CTX *context);
/** For upstreams: CA from `ca_file`, or the system's when NULL. Sessions are kept by the caller. */
MUST_USE enum err tls_client_context(const char *ca_file, SSL_CTX **out_context,
                                     struct error *error);
/** Names the host to verify (and to ask for by SNI) on a client connection. */
MUST_USE enum err tls_expect_host(SSL *tls, const char *host);
/** The sentence for a failed handshake: the certificate's trouble if that was it. */
void tls_explain(SSL *tls, char *room, size_t room_bytes);
