/* tests/fuzz/fuzz_sse.c: the same events, however the bytes arrive. The first byte is the step. */
#include "wire/sse.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* A digest of the events of `all`, given in steps of `step` bytes. */
static uint64_t digest(struct str all, size_t step, struct buf *joined)
{
    uint64_t sum = 1;
    size_t start = 0, scanned = 0;
    for (size_t seen = 0; seen < all.len;) {
        seen = all.len - seen > step ? seen + step : all.len;
        struct str grown = str_upto(all, seen);
        for (size_t len; (len = sse_event_end(str_from(grown, start), &scanned)) > 0;) {
            struct sse_event event;
            require(start + len <= seen && scanned == 0);
            sse_event_read(str_upto(str_from(grown, start), len), joined, &event);
            require(event.has_data || event.data.len == 0);
            require(event.name.len <= len && event.data.len <= len);
            sum = sum * 31 + str_hash(event.name) + str_hash(event.data) * 7 + len;
            start += len;
        }
        require(start + scanned <= seen);
    }
    return sum + start;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    AUTO_BUF struct buf joined;
    struct str all = {(const char *)bytes + 1, len - 1};
    buf_init(&joined, LIMIT_BYTES);
    uint64_t whole = digest(all, all.len, &joined);
    require(digest(all, 1, &joined) == whole);
    require(digest(all, (size_t)bytes[0] + 1, &joined) == whole);
    return 0;
}
