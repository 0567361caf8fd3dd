/* store/record.h: what is kept of one inference request, and its form in the journal.
 *
 * A record is the whole of what is known of the job so far: the open record when it is first
 * dispatched (with its first attempt begun), a progress record at each further attempt, the close
 * record at the end. A later record of the same job replaces an earlier one, so reading a journal twice
 * changes nothing.
 *
 * Strings are cut to fit at a UTF-8 boundary when they are set (str_copy).
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "domain/id.h"
#include "domain/passed_over.h"
#include "domain/receipt_phase.h"
#include "domain/price.h"
#include "wire/meter.h"

#define JOB_STATUS_LIST(X)        \
    X(OPEN, "open")               \
    X(DONE, "done")               \
    X(FAILED, "failed")           \
    X(CANCELLED, "cancelled")     \
    X(INTERRUPTED, "interrupted") \
    X(REFUSED, "refused")
enum job_status {
#define X(name, text) JOB_##name,
    JOB_STATUS_LIST(X)
#undef X
        JOB_STATUS_COUNT
};
const char *job_status_name(enum job_status status);
bool job_status_parse(struct str name, enum job_status *out_status);

enum record_kind { RECORD_OPEN = 1, RECORD_PROGRESS = 2, RECORD_CLOSE = 3 };

#define ATTEMPTS_MAX         6
#define IDEMPOTENCY_TEXT_MAX 65 /* two digests of 16 bytes, in hexadecimal */
struct attempt_record {
    int32_t seq; /* from 1 */
    char provider_id[ID_MAX];
    char provider_name[64];
    char worker[ID_MAX];   /* "" for clouds */
    char model[128];       /* what that provider was asked for */
    char outcome[16];      /* "" while open; "ok", "failed", "cancelled", "interrupted" */
    char reason[48];       /* stable code of the outcome; "" when ok */
    int32_t http_status;   /* of the provider; 0 none */
    int64_t started_at_ms; /* wall */
    int64_t first_byte_ms; /* since its start; -1 none */
    int64_t ended_at_ms;   /* wall; 0 while open */
    int64_t input_tokens, output_tokens, cached_tokens; /* of this attempt; TOKENS_UNKNOWN */
    char tier[8];                                       /* of its provider: "gpu", "cli", "cloud" */
    int64_t
        cost_microusd; /* of this attempt; COST_UNKNOWN: nobody told tokens, or no price is known;
                              while it is open: the most that it may cost, where there is a budget */
    bool is_estimated; /* its tokens, or some of them, are counted by us; or that is its cost */
    char chosen[24];   /* why this provider: the code of a route_reason */
};

struct job_record {
    char id[ID_MAX]; /* job_... */
    enum job_status status;
    char reason[48];     /* stable code: "ok", "failover", "client_gone", "rate_limited" ... */
    int32_t http_status; /* what the caller got; 0 when nothing was sent */
    char dialect[12], endpoint[24], source[16]; /* "openai", "chat_completions", "api" */
    char requested_model[256], model[128];
    char provider_id[ID_MAX], provider_name[64]; /* who answered; "" nobody */
    char key_id[ID_MAX], key_name[64], team[ID_MAX], user[ID_MAX], agent[ID_MAX];
    bool is_stream;
    int64_t created_at_ms;                         /* wall */
    int64_t queued_ms, first_byte_ms, duration_ms; /* -1 unknown */
    struct usage usage;                            /* of all attempts together */
    int64_t cost_microusd; /* likewise, as far as it is known; COST_UNKNOWN: nothing is */
    int64_t
        wasted_microusd; /* the part of it that attempts took that failed, as far as it is known */
    bool is_unpriced;    /* some of its tokens have no price: the cost is not the whole of it */
    int64_t config_version;
    int64_t bytes_in, bytes_out;
    char fidelity[256]; /* "" or a list, comma-separated */
    /* What routing was asked, beside endpoint, model, team and key: with these the job can be routed again. */
    int64_t needs;                          /* enum route_need; -1: the body was not read */
    int64_t prompt_tokens;                  /* at least so many; -1: no saying */
    char pin[64];                           /* X-Auxot-Provider, as the caller wrote it; "" none */
    bool is_batch;                          /* of the service class batch */
    bool is_admin;                          /* might name models that are not surfaced */
    int64_t wait_ms;                        /* X-Auxot-Wait; -1: not given */
    char idempotency[IDEMPOTENCY_TEXT_MAX]; /* of the caller's Idempotency-Key; "" none */
    int64_t phase_us
        [PHASE_COUNT]; /* the server's own microseconds; -1: did not come, or not measured */
    int32_t attempt_count;
    struct attempt_record attempt[ATTEMPTS_MAX];
    char passed_over[PASSED_OVER_BYTES]; /* "", or lines: domain/passed_over.h */
};

/** Longest encoded record; the journal reserves this much for each open job's close. */
#define RECORD_MAX_BYTES 6144u

/** Appends the framed record: magic, length, CRC-32C, kind, payload. Wants RECORD_MAX_BYTES of room. */
void record_encode(struct buf *buf, enum record_kind kind, const struct job_record *record);

enum record_read {
    RECORD_READ_OK,
    RECORD_READ_END /* zeroes: nothing more was written */,
    RECORD_READ_TORN
};
/** Reads the record at the start of `bytes`; `out_len` is its framed length. Strict and bounded. */
enum record_read record_decode(struct str bytes, enum record_kind *out_kind,
                               struct job_record *out_record, size_t *out_len);
/** Is a record there, and whose? Checks frame and checksum, not the fields behind the id. */
enum record_read record_peek(struct str bytes, enum record_kind *out_kind, char out_id[ID_MAX],
                             size_t *out_len);
/** Where the next record may begin (its magic stands there), for reading on behind damage. */
bool record_seek(struct str bytes, size_t *out_at);
