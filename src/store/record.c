/* store/record.c: a record and its frame.
 *
 *     magic (4)  length (4)  CRC-32C (4)  kind (1)  payload
 *
 * Length counts kind and payload; the checksum covers length, kind and payload. Numbers of the frame
 * are little-endian; in the payload they are zigzag varints, and texts have a 2-byte length. The
 * magic holds a zero byte, which no text field can hold: whoever searches a damaged segment for the next
 * record cannot be fooled by what a caller put into a model name.
 */
#include "store/record.h"

#include "store/crc32c.h"
#include "store/job_fields.h"

#include <assert.h>

static const uint8_t magic[4] = {'A', 0, 'R', 0xa7};
#define HEAD_BYTES          12u
#define PAYLOAD_MAX         (RECORD_MAX_BYTES - HEAD_BYTES)
#define VARINT_MAX          10u
#define KIND_IS_KNOWN(kind) ((kind) >= RECORD_OPEN && (kind) <= RECORD_CLOSE)

/* Every text at its longest, every number at its widest, and the frame. */
static_assert(sizeof(struct job_record) + 256 <= RECORD_MAX_BYTES, "a record must fit");

static const char *const status_names[] = {
#define X(name, text) text,
    JOB_STATUS_LIST(X)
#undef X
};
static_assert(sizeof status_names / sizeof status_names[0] == JOB_STATUS_COUNT, "one per status");

const char *job_status_name(enum job_status status)
{
    assert(status < JOB_STATUS_COUNT);
    return status_names[status];
}

bool job_status_parse(struct str name, enum job_status *out_status)
{
    for (size_t i = 0; i < JOB_STATUS_COUNT; i++) {
        if (!str_eq(name, str_of(status_names[i])))
            continue;
        *out_status = (enum job_status)i;
        return true;
    }
    return false;
}

/* ---- fields ------------------------------------------------------------------------------------- */

const struct field job_fields[JOB_FIELD_COUNT] = {
#define X(type, column, member)                                  \
    {#column, FIELD_##type, offsetof(struct job_record, member), \
     sizeof(((struct job_record *)0)->member)},
    JOB_FIELD_LIST(X)
#undef X
};

const struct field attempt_fields[ATTEMPT_FIELD_COUNT] = {
#define X(type, column, member)                                      \
    {#column, FIELD_##type, offsetof(struct attempt_record, member), \
     sizeof(((struct attempt_record *)0)->member)},
    ATTEMPT_FIELD_LIST(X)
#undef X
};

int64_t field_int(const struct field *field, const void *record)
{
    const char *at = (const char *)record + field->offset;
    switch (field->type) {
    case FIELD_INT64:
    case FIELD_MAYBE: return *(const int64_t *)(const void *)at;
    case FIELD_INT32: return *(const int32_t *)(const void *)at;
    case FIELD_BOOL: return *(const bool *)(const void *)at;
    case FIELD_STATUS: return (int64_t) * (const enum job_status *)(const void *)at;
    case FIELD_TEXT: break;
    }
    assert(field->type != FIELD_TEXT); /* a text is no number */
    return 0;
}

bool field_set_int(const struct field *field, void *record, int64_t value)
{
    char *at = (char *)record + field->offset;
    switch (field->type) {
    case FIELD_INT64:
    case FIELD_MAYBE: *(int64_t *)(void *)at = value; return true;
    case FIELD_INT32: *(int32_t *)(void *)at = (int32_t)value; return value == (int32_t)value;
    case FIELD_BOOL: *(bool *)(void *)at = value == 1; return value == 0 || value == 1;
    case FIELD_STATUS:
        if (value < 0 || value >= JOB_STATUS_COUNT)
            return false;
        *(enum job_status *)(void *)at = (enum job_status)value;
        return true;
    case FIELD_TEXT: break;
    }
    return false;
}

struct str field_text(const struct field *field, const void *record)
{
    const char *at = (const char *)record + field->offset;
    size_t len = strnlen(at, field->room_bytes);
    assert(len < field->room_bytes);
    return (struct str){at, len};
}

bool field_set_text(const struct field *field, void *record, struct str text)
{
    char *at = (char *)record + field->offset;
    if (field->type != FIELD_TEXT || text.len >= field->room_bytes ||
        (text.len > 0 && memchr(text.at, 0, text.len)))
        return false;
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------ */

struct out {
    uint8_t *at, *end;
};

static void put_byte(struct out *out, uint8_t byte)
{
    assert(out->at < out->end);
    *out->at++ = byte;
}

static void put_int(struct out *out, int64_t value)
{
    uint64_t left = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0); /* zigzag */
    for (; left >= 0x80; left >>= 7)
        put_byte(out, (uint8_t)(left | 0x80));
    put_byte(out, (uint8_t)left);
}

static void put_text(struct out *out, struct str text)
{
    assert(text.len <= UINT16_MAX && text.len + 2 <= (size_t)(out->end - out->at));
    put_byte(out, (uint8_t)text.len);
    put_byte(out, (uint8_t)(text.len >> 8));
    memcpy(out->at, text.at, text.len);
    out->at += text.len;
}

static void put_fields(struct out *out, const struct field *fields, size_t count,
                       const void *record)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == FIELD_TEXT)
            put_text(out, field_text(&fields[i], record));
        else
            put_int(out, field_int(&fields[i], record));
    }
}

static void put_attempts(struct out *out, const struct job_record *record)
{
    assert(record->attempt_count >= 0 && record->attempt_count <= ATTEMPTS_MAX);
    put_byte(out, ATTEMPT_FIELD_COUNT);
    put_byte(out, (uint8_t)record->attempt_count);
    for (int32_t i = 0; i < record->attempt_count; i++)
        put_fields(out, attempt_fields, ATTEMPT_FIELD_COUNT, &record->attempt[i]);
}

size_t attempts_encode(const struct job_record *record, uint8_t *room)
{
    struct out out = {room, room + RECORD_MAX_BYTES};
    put_attempts(&out, record);
    return (size_t)(out.at - room);
}

static void put_uint32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

void record_encode(struct buf *out, enum record_kind kind, const struct job_record *record)
{
    assert(KIND_IS_KNOWN(kind));
    uint8_t frame[RECORD_MAX_BYTES];
    struct out payload = {frame + HEAD_BYTES, frame + sizeof frame};
    put_byte(&payload, (uint8_t)kind);
    put_byte(&payload, JOB_FIELD_COUNT);
    put_fields(&payload, job_fields, JOB_FIELD_COUNT, record);
    put_attempts(&payload, record);

    size_t len = (size_t)(payload.at - frame) - HEAD_BYTES;
    memcpy(frame, magic, sizeof magic);
    put_uint32(frame + 4, (uint32_t)len);
    uint32_t crc = crc32c(0, frame + 4, 4);
    put_uint32(frame + 8, crc32c(crc, frame + HEAD_BYTES, len));
    buf_append(out, frame, HEAD_BYTES + len);
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct in {
    const uint8_t *at, *end;
    bool is_bad;
};

static uint8_t get_byte(struct in *in)
{
    if (in->at == in->end)
        in->is_bad = true;
    return in->is_bad ? 0 : *in->at++;
}

static int64_t get_int(struct in *in)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        uint8_t byte = get_byte(in);
        if (i == VARINT_MAX - 1 && byte > 1)
            break; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0)
            break; /* longer than it need be: one value has one form */
        return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
    }
    in->is_bad = true;
    return 0;
}

static struct str get_text(struct in *in)
{
    size_t len = get_byte(in);
    len |= (size_t)get_byte(in) << 8;
    if (in->is_bad || len > (size_t)(in->end - in->at)) {
        in->is_bad = true;
        return (struct str){"", 0};
    }
    struct str text = {(const char *)in->at, len};
    in->at += len;
    return text;
}

/* `known` is how many of the fields the writer of these bytes had. */
static void get_fields(struct in *in, const struct field *fields, size_t known, void *record)
{
    for (size_t i = 0; i < known && !in->is_bad; i++) {
        bool fits = fields[i].type == FIELD_TEXT ? field_set_text(&fields[i], record, get_text(in))
                                                 : field_set_int(&fields[i], record, get_int(in));
        if (!fits)
            in->is_bad = true;
    }
}

static void get_attempts(struct in *in, struct job_record *record)
{
    size_t known = get_byte(in), count = get_byte(in);
    if (known == 0 || known > ATTEMPT_FIELD_COUNT || count > ATTEMPTS_MAX)
        in->is_bad = true;
    for (size_t i = 0; i < count && !in->is_bad; i++)
        get_fields(in, attempt_fields, known, &record->attempt[i]);
    if (!in->is_bad)
        record->attempt_count = (int32_t)count;
}

bool attempts_decode(struct str bytes, struct job_record *record)
{
    struct in in = {(const uint8_t *)bytes.at, (const uint8_t *)bytes.at + bytes.len, false};
    get_attempts(&in, record);
    return !in.is_bad && in.at == in.end;
}

static uint32_t get_uint32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool is_zero(const uint8_t *at, size_t len)
{
    while (len > 0 && *at == 0)
        at++, len--;
    return len == 0;
}

static bool payload_decode(const uint8_t *at, size_t len, enum record_kind *out_kind,
                           struct job_record *out_record)
{
    struct in in = {at, at + len, false};
    uint8_t kind = get_byte(&in);
    size_t known = get_byte(&in);
    if (!KIND_IS_KNOWN(kind) || known == 0 || known > JOB_FIELD_COUNT)
        return false;
    memset(out_record, 0, sizeof *out_record);
    get_fields(&in, job_fields, known, out_record);
    get_attempts(&in, out_record);
    *out_kind = (enum record_kind)kind;
    return !in.is_bad && in.at == in.end;
}

enum record_read record_decode(struct str bytes, enum record_kind *out_kind,
                               struct job_record *out_record, size_t *out_len)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    if (is_zero(at, bytes.len < HEAD_BYTES ? bytes.len : HEAD_BYTES))
        return RECORD_READ_END;
    if (bytes.len < HEAD_BYTES || memcmp(at, magic, sizeof magic) != 0)
        return RECORD_READ_TORN;
    size_t len = get_uint32(at + 4);
    if (len > PAYLOAD_MAX || len > bytes.len - HEAD_BYTES)
        return RECORD_READ_TORN;
    uint32_t crc = crc32c(crc32c(0, at + 4, 4), at + HEAD_BYTES, len);
    if (crc != get_uint32(at + 8) || !payload_decode(at + HEAD_BYTES, len, out_kind, out_record))
        return RECORD_READ_TORN;
    *out_len = HEAD_BYTES + len;
    return RECORD_READ_OK;
}

bool record_seek(struct str bytes, size_t *out_at)
{
    return str_find(bytes, (struct str){(const char *)magic, sizeof magic}, out_at);
}
