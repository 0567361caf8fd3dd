/* http/origin.h: is a request from a page of our own, and is it meant for this server? T15.
 *
 * A page elsewhere can make a browser send our cookie along (CSRF), and can make its own name lead here (DNS
 * rebinding). The browser tells both: where a page came from in Origin and Sec-Fetch-Site, the name it looked up
 * in Host.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "http/head.h"

/** What the server knows about how it is reached. Made once. */
#define ORIGIN_MAX 300
struct own_address {
    char origin[ORIGIN_MAX]; /* of the base URL: "https://ai.example.com"; "" not set */
    char authority[280];     /* its host and port: "ai.example.com" */
    char host[260];          /* its host alone */
    bool is_tls;             /* the listener speaks TLS */
    bool is_loopback;        /* it listens on this machine only */
};

/** From the settings. `base_url` may be "". ERR_MALFORMED with a sentence: it is no URL. */
MUST_USE enum err own_address_init(struct own_address *own, const char *base_url,
                                   const char *listen_host, bool is_tls, struct error *error);
/** People reach it over TLS: cookies may be Secure and __Host-. */
bool own_address_is_secure(const struct own_address *own);

/** Under which address people reach it: the base URL's, else the one that this request used. */
void own_origin(const struct own_address *own, const struct http_head *head,
                char out_origin[ORIGIN_MAX]);

/** May a request with this Host be answered? What cannot be a stranger's name always may: addresses,
 *  localhost, names without a dot, those that end in .localhost, .local or .internal. Others: with a base URL its host; without,
 *  any if the listener is open to the network. None at all: yes, no browser sends that. */
#define HOST_REFUSAL                                                                       \
    "This server is not known under the name in the Host header. Use its address, or set " \
    "AUXOT_BASE_URL."
bool host_is_ours(const struct own_address *own, const struct http_head *head);

/** Came the request from one of our own pages? Its Origin must be there and ours, and Sec-Fetch-Site, where a
 *  browser sends it, must say so. */
bool origin_is_ours(const struct own_address *own, const struct http_head *head);
/** The same where no cookie is at stake: also true when no browser speaks, which sends neither header. */
bool origin_is_not_foreign(const struct own_address *own, const struct http_head *head);
