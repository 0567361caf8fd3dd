/* store/job_fields.h: every field of a job and of an attempt, once: the journal's codec, the columns of
 * the database and their binding all follow from these two lists.
 *
 * Append only: the codec writes a bit for each field that is set, so an older record reads with the newer
 * ones at 0, or unknown. A chunk has the columns of the list as it was when the chunk was made (`field_count`), and
 * its rows read the same way; rows never go into a chunk that lacks a column. JOB_STATUS_LIST is append only too:
 * rows hold the number.
 */
#pragma once
#include "store/record.h"

enum field_type {
    FIELD_TEXT, /* of up to 255 bytes */
    FIELD_LONG, /* longer text */
    FIELD_INT32,
    FIELD_INT64,
    FIELD_MAYBE, /* int64; -1 is unknown, NULL in the database */
    FIELD_BOOL,
    FIELD_STATUS
};

/* clang-format off */
#define JOB_FIELD_LIST(X)                                          \
    /* type    column               member                      */ \
    X(TEXT,    id,                  id)                            \
    X(STATUS,  status,              status)                        \
    X(INT64,   created_at_ms,       created_at_ms)                 \
    X(TEXT,    reason,              reason)                        \
    X(TEXT,    source,              source)                        \
    X(TEXT,    provider_id,         provider_id)                   \
    X(TEXT,    provider_name,       provider_name)                 \
    X(TEXT,    key_id,              key_id)                        \
    X(TEXT,    key_name,            key_name)                      \
    X(TEXT,    team,                team)                          \
    X(TEXT,    user,                user)                          \
    X(TEXT,    agent,               agent)                         \
    X(TEXT,    requested_model,     requested_model)               \
    X(TEXT,    model,               model)                         \
    X(INT32,   http_status,         http_status)                   \
    X(TEXT,    dialect,             dialect)                       \
    X(TEXT,    endpoint,            endpoint)                      \
    X(BOOL,    is_stream,           is_stream)                     \
    X(MAYBE,   queued_ms,           queued_ms)                     \
    X(MAYBE,   first_byte_ms,       first_byte_ms)                 \
    X(MAYBE,   duration_ms,         duration_ms)                   \
    X(MAYBE,   input_tokens,        usage.input_tokens)            \
    X(MAYBE,   output_tokens,       usage.output_tokens)           \
    X(MAYBE,   cached_tokens,       usage.cached_tokens)           \
    X(MAYBE,   cache_write_tokens,  usage.cache_write_tokens)      \
    X(MAYBE,   reasoning_tokens,    usage.reasoning_tokens)        \
    X(BOOL,    is_estimated,        usage.is_estimated)            \
    X(MAYBE,   cost_microusd,       cost_microusd)                 \
    X(INT64,   config_version,      config_version)                \
    X(INT64,   bytes_in,            bytes_in)                      \
    X(INT64,   bytes_out,           bytes_out)                     \
    X(TEXT,    fidelity,            fidelity)                      \
    X(INT64,   wasted_microusd,     wasted_microusd)               \
    X(BOOL,    is_unpriced,         is_unpriced)                   \
    X(MAYBE,   needs,               needs)                         \
    X(MAYBE,   prompt_tokens,       prompt_tokens)                 \
    X(TEXT,    pin,                 pin)                           \
    X(BOOL,    is_batch,            is_batch)                      \
    X(BOOL,    is_admin,            is_admin)                      \
    X(MAYBE,   wait_ms,             wait_ms)                       \
    X(TEXT,    idempotency,         idempotency)                   \
    X(LONG,    passed_over,         passed_over)                   \
    X(MAYBE,   auth_us,             phase_us[PHASE_AUTH]) \
    X(MAYBE,   parse_us,            phase_us[PHASE_PARSE]) \
    X(MAYBE,   admit_us,            phase_us[PHASE_ADMIT]) \
    X(MAYBE,   route_us,            phase_us[PHASE_ROUTE]) \
    X(MAYBE,   connect_us,          phase_us[PHASE_CONNECT]) \
    X(MAYBE,   hold_us,             phase_us[PHASE_HOLD]) \
    X(MAYBE,   relay_us,            phase_us[PHASE_RELAY]) \
    X(MAYBE,   record_us,           phase_us[PHASE_RECORD])

#define ATTEMPT_FIELD_LIST(X)                      \
    X(INT32,   seq,            seq)                \
    X(TEXT,    provider_id,    provider_id)        \
    X(TEXT,    provider_name,  provider_name)      \
    X(TEXT,    worker,         worker)             \
    X(TEXT,    model,          model)              \
    X(TEXT,    outcome,        outcome)            \
    X(TEXT,    reason,         reason)             \
    X(INT32,   http_status,    http_status)        \
    X(INT64,   started_at_ms,  started_at_ms)      \
    X(MAYBE,   first_byte_ms,  first_byte_ms)      \
    X(INT64,   ended_at_ms,    ended_at_ms)        \
    X(MAYBE,   input_tokens,   input_tokens)       \
    X(MAYBE,   output_tokens,  output_tokens)      \
    X(MAYBE,   cached_tokens,  cached_tokens)      \
    X(TEXT,    tier,           tier)               \
    X(MAYBE,   cost_microusd,  cost_microusd)      \
    X(BOOL,    is_estimated,   is_estimated)       \
    X(TEXT,    chosen,         chosen)
/* clang-format on */

enum job_field {
#define X(type, column, member) JOB_FIELD_##column,
    JOB_FIELD_LIST(X)
#undef X
        JOB_FIELD_COUNT
};
enum attempt_field {
#define X(type, column, member) ATTEMPT_FIELD_##column,
    ATTEMPT_FIELD_LIST(X)
#undef X
        ATTEMPT_FIELD_COUNT
};

struct field {
    const char *column;
    enum field_type type;
    size_t offset, room_bytes; /* in struct job_record or attempt_record */
};
extern const struct field job_fields[JOB_FIELD_COUNT];
extern const struct field attempt_fields[ATTEMPT_FIELD_COUNT];

static inline bool field_is_text(const struct field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_LONG;
}
/** The number in a field that is no text. */
int64_t field_int(const struct field *field, const void *record);
/** False when the value does not fit the field's type (a damaged record). */
MUST_USE bool field_set_int(const struct field *field, void *record, int64_t value);
struct str field_text(const struct field *field, const void *record);
/** False when the text does not fit or holds a NUL. */
MUST_USE bool field_set_text(const struct field *field, void *record, struct str text);

/** The attempts alone, as the database keeps them in one column. `room` has RECORD_MAX_BYTES. */
size_t attempts_encode(const struct job_record *record, uint8_t *room);
MUST_USE bool attempts_decode(struct str bytes, struct job_record *record);
