/* http/handshake.h: what both sides of a WebSocket's opening handshake must agree on. RFC 6455 section 4.
 * Thread: any. Private to http/.
 */
#pragma once
#include "http/head.h"

#define WS_KEY_BYTES    25 /* base64 of 16 bytes, and NUL */
#define WS_ACCEPT_BYTES 29 /* base64 of a SHA-1, and NUL */

/** A fresh Sec-WebSocket-Key. */
void handshake_key(char room[WS_KEY_BYTES]);
/** The Sec-WebSocket-Accept that answers `key`. */
void handshake_accept(struct str key, char room[WS_ACCEPT_BYTES]);
/** Is `token` in the comma-separated list of these headers? `ignores_case` where the standard says so. */
bool handshake_lists(const struct http_head *head, struct str name, struct str token,
                     bool ignores_case);

/** What is wrong with a request to upgrade, or {0}: the status to refuse it with and the sentence. */
struct refusal {
    int status;
    const char *sentence;
};
struct refusal handshake_judge(const struct http_head *head, struct str subprotocol);
/** Is this the answer to our key? NULL, or the sentence that says why not. */
const char *handshake_check(const struct http_head *head, const char accept[WS_ACCEPT_BYTES],
                            struct str subprotocol);
