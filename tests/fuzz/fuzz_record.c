/* tests/fuzz/fuzz_record.c: any bytes are a record, the end, or torn; a record has one spelling.
 *
 * No fuzzer guesses a checksum, so the bytes are also tried as the payload of a right frame.
 */
#include "store/crc32c.h"
#include "store/job_fields.h"

#include <assert.h>

#define HEAD_BYTES 12u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_record(struct str all)
{
    struct job_record record;
    enum record_kind kind, kind_peeked;
    char id[ID_MAX];
    size_t len = 0, len_peeked = 0;
    if (record_decode(all, &kind, &record, &len) != RECORD_READ_OK) {
        (void)record_peek(all, &kind, id, &len);
        return;
    }
    assert(len <= all.len && len <= RECORD_MAX_BYTES);
    assert(record_peek(all, &kind_peeked, id, &len_peeked) == RECORD_READ_OK);
    assert(kind_peeked == kind && len_peeked == len && strcmp(id, record.id) == 0);

    AUTO_BUF struct buf again;
    buf_init(&again, RECORD_MAX_BYTES);
    record_encode(&again, kind, &record);
    assert(str_eq(buf_str(&again), str_upto(all, len)));
}

static void check_payload(struct str payload)
{
    static const uint8_t magic[4] = {'A', 0, 'R', 0xa8};
    uint8_t head[HEAD_BYTES];
    AUTO_BUF struct buf frame;
    buf_init(&frame, RECORD_MAX_BYTES);
    memcpy(head, magic, sizeof magic);
    for (unsigned i = 0; i < 4; i++)
        head[4 + i] = (uint8_t)(payload.len >> (8 * i));
    uint32_t crc = crc32c(crc32c(0, head + 4, 4), payload.at, payload.len);
    for (unsigned i = 0; i < 4; i++)
        head[8 + i] = (uint8_t)(crc >> (8 * i));
    buf_append(&frame, head, sizeof head);
    buf_append_str(&frame, payload);
    if (!frame.failed)
        check_record(buf_str(&frame));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str all = {(const char *)bytes, len};
    size_t at = 0;
    check_record(all);
    check_payload(all);
    if (len > HEAD_BYTES) /* a seed is a whole record */
        check_payload(str_from(all, HEAD_BYTES));
    if (record_seek(all, &at))
        assert(at < len);
    return 0;
}
