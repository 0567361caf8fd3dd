/* domain/verdict.h: what a provider's trouble means for the request and for the provider.
 * Source: PROVIDER_ERRORS.md 1.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

// clang-format off
#define VERDICT_LIST(X)                                                             \
    /* name    text        next candidate?  what it does to the provider            */ \
    X(NONE,    "ok",       false)        /* not an error                            */ \
    X(CALLER,  "caller",   false)        /* the request is wrong everywhere         */ \
    X(PARAM,   "param",    false)        /* a field is refused; repeat without ours */ \
    X(KEY,     "key",      true)         /* credential refused: error               */ \
    X(LIMIT,   "limit",    true)         /* rate limit: over_quota until the reset  */ \
    X(SPENT,   "spent",    true)         /* money gone: over_quota, long            */ \
    X(BUSY,    "busy",     true)         /* short of capacity: degraded for a while */ \
    X(MODEL,   "model",    true)         /* that model only, never the provider     */ \
    X(LONG,    "too_long", true)         /* does not fit this model; none           */ \
    X(POLICY,  "policy",   false)        /* content refused; none                   */ \
    X(SERVER,  "server",   true)         /* fault at the provider: counts           */ \
    X(NETWORK, "network",  true)         /* refused, reset, TLS, DNS, timeout, garbage: counts */
// clang-format on

enum verdict {
#define X(name, text, next) VERDICT_##name,
    VERDICT_LIST(X)
#undef X
        VERDICT_COUNT
};
const char *verdict_name(enum verdict verdict);
bool verdict_moves_on(enum verdict verdict); /* may the next candidate be tried (pins aside)? */

#define RETRY_UNKNOWN_MS (-1)

/** A verdict with its evidence. `sentence` is safe to show: capped, without secrets. */
struct verdict_report {
    enum verdict verdict;
    int64_t retry_after_ms; /* RETRY_UNKNOWN_MS when not told; clamped */
    int http_status;        /* 0 when there was none */
    char reason[48];        /* stable code: "rate_limited", "invalid_api_key", "connect_refused" */
    char sentence[256];
    char param[64]; /* PARAM: the field that was refused, when named */
};
