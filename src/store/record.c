/* store/record.c: a record and its frame.
 *
 *     magic (4)  length (4)  CRC-32C (4)  kind (1)  payload
 *
 * Length counts kind and payload; the checksum covers length, kind and payload. The payload is the job,
 * the number of its attempts (1), and the attempts. Of each, 8 bytes come first: a bit for each field
 * that is neither 0 nor empty nor unknown, and then those fields in the order of their list. Most fields
 * of a job are left out so, and two records are written for each request.
 *
 * Numbers of the frame are little-endian; those of fields are zigzag varints, and texts have a 1-byte
 * length, long ones a varint. The magic holds a zero byte, which no text field can hold: whoever searches a damaged segment
 * for the next record cannot be fooled by what a caller put into a model name. The last byte of the magic
 * is the version of all this.
 */
#include "store/record.h"

#include "store/crc32c.h"
#include "store/job_fields.h"

#include <assert.h>

static const uint8_t magic[4] = {'A', 0, 'R', 0xa8};
#define HEAD_BYTES          12u
#define PAYLOAD_MAX         (RECORD_MAX_BYTES - HEAD_BYTES)
#define BITS_BYTES          8u
#define VARINT_MAX          10u
#define TEXT_MAX            255u
#define KIND_IS_KNOWN(kind) ((kind) >= RECORD_OPEN && (kind) <= RECORD_CLOSE)

/* Every text at its longest, every number at its widest, and the frame. */
static_assert(sizeof(struct job_record) + 256 <= RECORD_MAX_BYTES, "a record must fit");
static_assert(JOB_FIELD_COUNT < 64 && ATTEMPT_FIELD_COUNT < 64, "one bit per field");

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
    case FIELD_TEXT:
    case FIELD_LONG: break;
    }
    assert(!field_is_text(field)); /* a text is no number */
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
    case FIELD_TEXT:
    case FIELD_LONG: break;
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
    if (!field_is_text(field) || text.len >= field->room_bytes ||
        (text.len > 0 && memchr(text.at, 0, text.len)))
        return false;
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    return true;
}

/* A text's length is one byte. */
#define X(type, column, member)                                                 \
    static_assert(FIELD_##type != FIELD_TEXT ||                                 \
                      sizeof(((struct job_record *)0)->member) <= TEXT_MAX + 1, \
                  #column " is too long");
JOB_FIELD_LIST(X)
#undef X
#define X(type, column, member)                                                     \
    static_assert(FIELD_##type != FIELD_TEXT ||                                     \
                      sizeof(((struct attempt_record *)0)->member) <= TEXT_MAX + 1, \
                  #column " is too long");
ATTEMPT_FIELD_LIST(X)
#undef X

/* ---- writing ------------------------------------------------------------------------------------ */

struct out {
    uint8_t *at, *end;
};

/* The bits go there when the fields are written and known. */
static uint8_t *skip_bits(struct out *out)
{
    assert(out->end - out->at >= BITS_BYTES);
    uint8_t *bits = out->at;
    out->at += BITS_BYTES;
    return bits;
}

static void write_number(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* The field's bit: 1 when it was written. */
static uint64_t put_int(struct out *out, int64_t value)
{
    if (value == 0)
        return 0;
    assert(out->end - out->at >= VARINT_MAX);
    uint64_t left = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0); /* zigzag */
    uint8_t *at = out->at;
    for (; left >= 0x80; left >>= 7)
        *at++ = (uint8_t)(left | 0x80);
    *at++ = (uint8_t)left;
    out->at = at;
    return 1;
}

static uint64_t put_text(struct out *out, const char *text, size_t room_bytes)
{
    if (text[0] == '\0')
        return 0;
    size_t len = strnlen(text, room_bytes);
    assert(len < room_bytes && len + 1 <= (size_t)(out->end - out->at));
    *out->at = (uint8_t)len;
    memcpy(out->at + 1, text, len);
    out->at += 1 + len;
    return 1;
}

static uint64_t put_long(struct out *out, const char *text, size_t room_bytes)
{
    size_t len = strnlen(text, room_bytes);
    assert(len < room_bytes);
    if (len == 0)
        return 0;
    (void)put_int(out, (int64_t)len);
    assert(len <= (size_t)(out->end - out->at));
    memcpy(out->at, text, len);
    out->at += len;
    return 1;
}

/* PUT_<type>(member): one of the above. */
#define PUT_LONG(member)   put_long(out, member, sizeof(member))
#define PUT_TEXT(member)   put_text(out, member, sizeof(member))
#define PUT_INT64(member)  put_int(out, member)
#define PUT_INT32(member)  put_int(out, member)
#define PUT_MAYBE(member)  put_int(out, (int64_t)((uint64_t)(member) + 1)) /* unknown, -1, is 0 */
#define PUT_BOOL(member)   put_int(out, member)
#define PUT_STATUS(member) put_int(out, member)

static void put_job(struct out *out, const struct job_record *record)
{
    uint8_t *bits_at = skip_bits(out);
    uint64_t bits = 0;
#define X(type, column, member) bits |= PUT_##type(record->member) << JOB_FIELD_##column;
    JOB_FIELD_LIST(X)
#undef X
    write_number(bits_at, bits, BITS_BYTES);
}

static void put_attempt(struct out *out, const struct attempt_record *attempt)
{
    uint8_t *bits_at = skip_bits(out);
    uint64_t bits = 0;
#define X(type, column, member) bits |= PUT_##type(attempt->member) << ATTEMPT_FIELD_##column;
    ATTEMPT_FIELD_LIST(X)
#undef X
    write_number(bits_at, bits, BITS_BYTES);
}

static void put_attempts(struct out *out, const struct job_record *record)
{
    assert(record->attempt_count >= 0 && record->attempt_count <= ATTEMPTS_MAX);
    assert(out->at < out->end);
    *out->at++ = (uint8_t)record->attempt_count;
    for (int32_t i = 0; i < record->attempt_count; i++)
        put_attempt(out, &record->attempt[i]);
}

size_t attempts_encode(const struct job_record *record, uint8_t *room)
{
    struct out out = {room, room + RECORD_MAX_BYTES};
    put_attempts(&out, record);
    return (size_t)(out.at - room);
}

void record_encode(struct buf *buf, enum record_kind kind, const struct job_record *record)
{
    assert(KIND_IS_KNOWN(kind));
    uint8_t *frame = (uint8_t *)buf_reserve(buf, RECORD_MAX_BYTES);
    if (!frame)
        return;
    struct out out = {frame + HEAD_BYTES, frame + RECORD_MAX_BYTES};
    *out.at++ = (uint8_t)kind;
    put_job(&out, record);
    put_attempts(&out, record);

    size_t len = (size_t)(out.at - frame) - HEAD_BYTES;
    memcpy(frame, magic, sizeof magic);
    write_number(frame + 4, len, 4);
    uint32_t crc = crc32c(0, frame + 4, 4);
    write_number(frame + 8, crc32c(crc, frame + HEAD_BYTES, len), 4);
    buf->len += HEAD_BYTES + len;
    buf->data[buf->len] = '\0';
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct in {
    const uint8_t *at, *end;
    bool is_bad;
};

/* There is nothing more to read: whatever is tried fails or is 0. */
static void in_spoil(struct in *in)
{
    in->at = in->end;
    in->is_bad = true;
}

static uint64_t read_number(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static size_t get_byte(struct in *in)
{
    if (in->at < in->end)
        return *in->at++;
    in_spoil(in);
    return 0;
}

/* Which of `count` fields follow. */
static uint64_t get_bits(struct in *in, unsigned count)
{
    uint64_t bits = in->end - in->at >= BITS_BYTES ? read_number(in->at, BITS_BYTES) : 0;
    if (in->end - in->at < BITS_BYTES || bits >> count) { /* the latter: of a newer version */
        in_spoil(in);
        return 0;
    }
    in->at += BITS_BYTES;
    return bits;
}

/* One value has one form: 0 is not written, nor a last byte that adds nothing. */
static uint64_t get_varint(struct in *in)
{
    uint64_t value = 0;
    const uint8_t *at = in->at;
    for (unsigned shift = 0; at < in->end && shift < 64; shift += 7) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (byte == 0 || (shift == 63 && byte > 1))
            break;
        in->at = at;
        return value;
    }
    in_spoil(in);
    return 0;
}

static int64_t get_int(struct in *in, int64_t min, int64_t max)
{
    uint64_t zigzag = get_varint(in);
    int64_t value = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    if (value >= min && value <= max)
        return value;
    in_spoil(in);
    return 0;
}

static int64_t get_maybe(struct in *in)
{
    return (int64_t)((uint64_t)get_int(in, INT64_MIN, INT64_MAX) - 1);
}

/* `room` is zeroed. */
static void get_chars(struct in *in, size_t len, char *room, size_t room_bytes)
{
    bool fits = len > 0 && len < room_bytes && len <= (size_t)(in->end - in->at);
    if (!fits || memccpy(room, in->at, '\0', len)) { /* a text holds no NUL */
        in_spoil(in);
        return;
    }
    in->at += len;
}

static void get_text(struct in *in, char *room, size_t room_bytes)
{
    get_chars(in, get_byte(in), room, room_bytes);
}

static void get_long(struct in *in, char *room, size_t room_bytes)
{
    get_chars(in, (size_t)get_int(in, 0, (int64_t)room_bytes), room, room_bytes);
}

/* clang-format off */
/* GET_<type>(is_set, member): what is not set keeps its zeroes, or is unknown. */
#define GET_TEXT(is_set, member)   do { if (is_set) get_text(in, member, sizeof(member)); } while (0)
#define GET_LONG(is_set, member)   do { if (is_set) get_long(in, member, sizeof(member)); } while (0)
#define GET_INT64(is_set, member)  GET_NUMBER(is_set, member, INT64_MIN, INT64_MAX)
#define GET_INT32(is_set, member)  GET_NUMBER(is_set, member, INT32_MIN, INT32_MAX)
#define GET_BOOL(is_set, member)   GET_NUMBER(is_set, member, 1, 1)
#define GET_STATUS(is_set, member) GET_NUMBER(is_set, member, 1, JOB_STATUS_COUNT - 1)
#define GET_MAYBE(is_set, member)  ((member) = (is_set) ? get_maybe(in) : -1)
#define GET_NUMBER(is_set, member, min, max) \
    do { if (is_set) (member) = (__typeof__(member))get_int(in, min, max); } while (0)
/* clang-format on */

static void get_job(struct in *in, struct job_record *record)
{
    uint64_t bits = get_bits(in, JOB_FIELD_COUNT);
#define X(type, column, member) GET_##type((bits >> JOB_FIELD_##column & 1), record->member);
    JOB_FIELD_LIST(X)
#undef X
}

static void get_attempt(struct in *in, struct attempt_record *attempt)
{
    uint64_t bits = get_bits(in, ATTEMPT_FIELD_COUNT);
#define X(type, column, member) GET_##type((bits >> ATTEMPT_FIELD_##column & 1), attempt->member);
    ATTEMPT_FIELD_LIST(X)
#undef X
}

static void get_attempts(struct in *in, struct job_record *record)
{
    size_t count = get_byte(in);
    if (count > ATTEMPTS_MAX)
        in_spoil(in);
    for (size_t i = 0; i < count && !in->is_bad; i++)
        get_attempt(in, &record->attempt[i]);
    if (!in->is_bad)
        record->attempt_count = (int32_t)count;
}

bool attempts_decode(struct str bytes, struct job_record *record)
{
    struct in in = {(const uint8_t *)bytes.at, (const uint8_t *)bytes.at + bytes.len, false};
    get_attempts(&in, record);
    return !in.is_bad && in.at == in.end;
}

static bool is_zero(const uint8_t *at, size_t len)
{
    while (len > 0 && *at == 0)
        at++, len--;
    return len == 0;
}

/* Is a whole record there? Then `out_payload` begins behind its kind. */
static enum record_read frame_read(struct str bytes, enum record_kind *out_kind,
                                   struct in *out_payload)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    if (is_zero(at, bytes.len < HEAD_BYTES ? bytes.len : HEAD_BYTES))
        return RECORD_READ_END;
    if (bytes.len < HEAD_BYTES || memcmp(at, magic, sizeof magic) != 0)
        return RECORD_READ_TORN;
    size_t len = (size_t)read_number(at + 4, 4);
    if (len == 0 || len > PAYLOAD_MAX || len > bytes.len - HEAD_BYTES)
        return RECORD_READ_TORN;
    uint32_t crc = crc32c(crc32c(0, at + 4, 4), at + HEAD_BYTES, len);
    if (crc != read_number(at + 8, 4) || !KIND_IS_KNOWN(at[HEAD_BYTES]))
        return RECORD_READ_TORN;
    *out_kind = (enum record_kind)at[HEAD_BYTES];
    *out_payload = (struct in){at + HEAD_BYTES + 1, at + HEAD_BYTES + len, false};
    return RECORD_READ_OK;
}

enum record_read record_decode(struct str bytes, enum record_kind *out_kind,
                               struct job_record *out_record, size_t *out_len)
{
    struct in in;
    enum record_read read = frame_read(bytes, out_kind, &in);
    if (read != RECORD_READ_OK)
        return read;
    memset(out_record, 0, sizeof *out_record);
    get_job(&in, out_record);
    get_attempts(&in, out_record);
    if (in.is_bad || in.at != in.end)
        return RECORD_READ_TORN;
    *out_len = (size_t)(in.end - (const uint8_t *)bytes.at);
    return RECORD_READ_OK;
}

enum record_read record_peek(struct str bytes, enum record_kind *out_kind, char out_id[ID_MAX],
                             size_t *out_len)
{
    static_assert(JOB_FIELD_id == 0, "the id comes first");
    struct in in;
    enum record_read read = frame_read(bytes, out_kind, &in);
    if (read != RECORD_READ_OK)
        return read;
    memset(out_id, 0, ID_MAX);
    if (get_bits(&in, JOB_FIELD_COUNT) & 1)
        get_text(&in, out_id, ID_MAX);
    if (in.is_bad)
        return RECORD_READ_TORN;
    *out_len = (size_t)(in.end - (const uint8_t *)bytes.at);
    return RECORD_READ_OK;
}

bool record_seek(struct str bytes, size_t *out_at)
{
    return str_find(bytes, (struct str){(const char *)magic, sizeof magic}, out_at);
}
