/* simulate/credential.h: is there a key, and is it the bad one? Pure. */
#pragma once
#include "http/head.h"
#include "simulate/request.h"

/** The vendor's sentence for its 401, or NULL when the request may pass. Any key passes but `bad-key`; with
 *  `only` (not NULL) no other than that. */
const char *credential_trouble(const struct http_head *head, enum vendor vendor, bool needs_key,
                               const char *only);
