/* providers/kinds.h: what differs between kinds of providers, one row each.
 *
 * To add a kind: write providers/<name>.c filling a struct provider_kind_facts, add its line in
 * kinds.c. Everything else asks this table.
 *
 * Layer:   providers: pure functions over bytes (the wet part of talking to them is gateway/).
 */
#pragma once
#include "base/buf.h"
#include "domain/provider.h"
#include "domain/verdict.h"
#include "json/json.h"
#include "wire/api.h"

/** What of a response head the verdict needs. Values are borrowed; empty when absent. */
struct answer_headers {
    struct str retry_after, retry_after_ms, should_retry;
    struct str reset_requests, remaining_requests; /* x-ratelimit-*-requests */
    struct str reset_tokens, remaining_tokens;     /* x-ratelimit-*-tokens */
    struct str unified_reset;                      /* anthropic-ratelimit-unified-reset */
    struct str anthropic_reset[4],
        anthropic_remaining[4]; /* requests, tokens, input-, output-tokens */
};
/** Stores the header if it is one of those; the name is matched without case. */
void answer_headers_note(struct answer_headers *headers, struct str name, struct str value);

/** One row of a kind's error table, tested in order: PROVIDER_ERRORS.md 1, "Order of tests". */
struct error_row {
    int status;           /* 0: any */
    const char *code;     /* exact error code or details.error_code or type; NULL: any */
    const char *fragment; /* lower-case part of the message; NULL: any */
    enum verdict verdict;
    const char *reason; /* stable code */
};

struct provider_kind_facts {
    enum provider_kind kind;
    enum dialect dialect;
    const char *default_base_url;
    bool may_have_workers; /* without a base URL it has workers, which dial in */
    bool may_have_url;
    unsigned endpoints;      /* bit (1u << enum endpoint) for each it may be asked */
    const char *models_path; /* behind the base: "/models", "/v1/models?limit=1000" */
    const char *path_prefix; /* between base URL and endpoint path: "" or "/v1" */
    const struct error_row *errors;
    size_t error_count;
    const struct provider_kind_facts *errors_like; /* whose rows are tested next; NULL: nobody's */
    /** Appends the credential header lines (with CRLF) for `key`; nothing for an empty key. */
    void (*write_credential)(struct buf *head, struct str key);
    /** Appends header lines that the vendor needs when the caller did not send them. */
    void (*write_defaults)(struct buf *head, bool caller_sent_version);
};

const struct provider_kind_facts *provider_kind_facts(enum provider_kind kind);

/** Judges an error answer (status >= 400, or an error inside a 200 with the status it stands for). */
void provider_judge(enum provider_kind kind, int status, const struct answer_headers *headers,
                    struct str body, struct json_reader *reader, int64_t wall_ms,
                    struct verdict_report *out_report);
/** The same for an error event inside a 200 (type, code and message as meter.h gives them). */
void provider_judge_event(enum provider_kind kind, int status, const char *type, const char *code,
                          const char *message, int64_t wall_ms, struct verdict_report *out_report);

/** When to come back, from headers then message: milliseconds from now, or RETRY_UNKNOWN_MS.
 *  Capped at 24 h unless `is_spent`; floor 250 ms. */
int64_t retry_after_find(const struct answer_headers *headers, struct str message, bool is_spent,
                         int64_t wall_ms);

/** One discovered model. */
struct model_found {
    char id[200];
    int64_t context_tokens;
    int64_t created_at_ms;
};
/**
 * Reads a model list answer of either vendor's or a compatible server's shape: at most `room` models,
 * duplicates and empty or over-long ids left out, sorted by id. ERR_MALFORMED when it is no list.
 */
MUST_USE enum err provider_models_read(enum provider_kind kind, struct json_reader *reader,
                                       struct str body, struct model_found *out_models, size_t room,
                                       size_t *out_count, struct error *error);
/** Which of a fresh list to surface (SPEC 5): all when at most five chat models, else one strong and
 *  one cheap; the first surfaced is the default. `out_surfaced[i]` per model; returns the default's
 *  index, or count when there is none. Embedding, audio and image models are never the default. */
size_t provider_models_suggest(enum provider_kind kind, const struct model_found *models,
                               size_t count, bool *out_surfaced);
