/* tests/fuzz/fuzz_record.c: any bytes are a record, the end, or torn; a record has one spelling. */
#include "store/record.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct job_record record;
    enum record_kind kind;
    size_t record_len = 0, at = 0;
    struct str all = {(const char *)bytes, len};
    if (record_decode(all, &kind, &record, &record_len) == RECORD_READ_OK) {
        assert(record_len <= len && record_len <= RECORD_MAX_BYTES);
        AUTO_BUF struct buf again;
        buf_init(&again, RECORD_MAX_BYTES);
        record_encode(&again, kind, &record);
        assert(!again.failed);
        struct job_record twin;
        assert(record_decode(buf_str(&again), &kind, &twin, &record_len) == RECORD_READ_OK);
    }
    if (record_seek(all, &at))
        assert(at < len);
    return 0;
}
