/* tests/fuzz/fuzz_retry_after.c: any bytes in every place that may say when to come back. The first
 * byte says which; the answer is unknown or within its bounds.
 */
#include "providers/kinds.h"

#include <assert.h>

#define NOW_MS INT64_C(1763640000000)
#define DAY_MS (24 * 3600 * INT64_C(1000))

static struct str *place_of(struct answer_headers *headers, unsigned which)
{
    struct str *const places[] = {&headers->retry_after,       &headers->retry_after_ms,
                                  &headers->reset_requests,    &headers->reset_tokens,
                                  &headers->unified_reset,     &headers->anthropic_reset[0],
                                  &headers->anthropic_reset[3]};
    return places[which % (sizeof places / sizeof places[0])];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    struct answer_headers headers = {
        .remaining_requests = STR("0"),
        .remaining_tokens = STR("0"),
        .anthropic_remaining = {STR("0"), STR("0"), STR("0"), STR("0")}};
    struct str text = {(const char *)bytes + 1, len - 1}, message = STR("");
    if (bytes[0] & 0x80)
        message = text;
    else
        *place_of(&headers, bytes[0]) = text;

    int64_t ms = retry_after_find(&headers, message, false, NOW_MS);
    assert(ms == RETRY_UNKNOWN_MS || (ms >= 250 && ms <= DAY_MS));
    int64_t spent_ms = retry_after_find(&headers, message, true, NOW_MS);
    assert((ms == RETRY_UNKNOWN_MS) == (spent_ms == RETRY_UNKNOWN_MS));
    assert(spent_ms <= 366 * DAY_MS && spent_ms >= ms);
    return 0;
}
