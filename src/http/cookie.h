/* http/cookie.h: one cookie out of a request's Cookie headers. RFC 6265 section 5.4, read strictly.
 *
 * Layer:   pure.  Thread: any. Fuzzed by tests/fuzz/fuzz_cookie.c.
 */
#pragma once
#include "http/head.h"

/** The value of the first cookie called `name` (case matters), a slice of the head; empty when there is none.
 *  `*out_is_ambiguous`: the name comes again with another value, and nobody can tell which one is ours. */
struct str http_cookie_find(const struct http_head *head, struct str name, bool *out_is_ambiguous);
