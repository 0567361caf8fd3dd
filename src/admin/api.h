/* admin/api.h: one call of the management API, as its handler sees it.
 *
 * A handler reads top to bottom: it may block, reads `root` and `args`, and leaves its answer in the
 * call: api_answer and the writer, or api_fail. The dispatcher has already checked role, parameters'
 * names and the whole body against the contract. A handler obeys `deadline_ms`.
 *
 * Owner:   the loop until it is queued, then one api thread, then the loop again (dispatch.c).
 */
#pragma once
#include "admin/admin.h"
#include "admin/problem.h"
#include "http/origin.h"
#include "json/json.h"
#include "json/json_writer.h"

#define API_DEADLINE_MS  10000
#define API_ANSWER_MAX   (4u * 1024 * 1024)
#define API_PATH_ARGS    2
#define API_QUERY_MAX    4096
#define API_IF_MATCH_MAX 32

struct api_endpoint;

struct api_call {
    struct admin *admin;
    const struct api_endpoint *endpoint;
    char request_id[ID_MAX];
    char actor[ID_MAX]; /* key id, or "control" */
    enum role role;
    unsigned scopes;   /* bits of enum scope */
    char user[ID_MAX]; /* whose key it is; "" nobody's */
    char team[ID_MAX]; /* who pays; "" none */
    char service_account[ID_MAX];
    char session[ID_MAX];         /* the session it came with; "" none */
    uint8_t digest[32];           /* of the secret it came with, when that is an API key's */
    char address[64];             /* of the other side, without its port */
    char agent[128];              /* what it calls itself */
    char origin[ORIGIN_MAX];      /* under which it reached us: "https://ai.example.com" */
    char args[API_PATH_ARGS][64]; /* what stood for {…} in the path */
    char query[API_QUERY_MAX];    /* as sent */
    char if_match[API_IF_MATCH_MAX];
    struct buf body;
    struct json root;    /* an object; absent when the endpoint takes none */
    int64_t deadline_ms; /* monotonic */

    int status; /* 0: no answer yet */
    bool is_problem;
    enum problem problem;                 /* which, if it is one */
    const char *content_type, *file_name; /* of an export; NULL: JSON */
    char next_cursor[96];                 /* likewise, for a header; "" on the last page */
    char set_cookie[256];                 /* "" none */
    int64_t retry_after_s;                /* 0 none */
    struct buf answer;
    struct json_writer writer;
};
typedef void api_handler(struct api_call *call);

/** Begins a JSON answer: an object is open in the writer that is returned; api_done closes it. */
struct json_writer *api_answer(struct api_call *call, int status);
void api_done(struct api_call *call);
/** Begins an answer that is a file: text goes into the buffer that is returned; api_done_text ends it. `content_type`
 *  and `file_name` are literals. */
struct buf *api_answer_text(struct api_call *call, const char *content_type, const char *file_name);
void api_done_text(struct api_call *call, const char *next_cursor);
/** Answers with a problem; replaces what was begun. */
void api_fail(struct api_call *call, enum problem problem, const char *field, const char *format,
              ...) __attribute__((format(printf, 4, 5)));
/** The same for an error of a room below. */
void api_fail_error(struct api_call *call, const struct error *error);
/** Closes a list: the array, then next_cursor (NULL or "" on the last page). */
void api_done_list(struct api_call *call, const char *next_cursor);

/** A query parameter, percent-decoded into `room`; false when it is missing. Too long, malformed or
 *  twice: the call has failed (see api_has_failed), and false. */
bool api_query(struct api_call *call, const char *name, char *room, size_t room_bytes);
/** A time of the query: milliseconds since 1970, or 2026-01-31, or 2026-01-31T12:00:00Z. False when the call has failed;
 *  a missing one leaves the output as it is. */
bool api_time(struct api_call *call, const char *name, int64_t *out_ms);
/** `limit` of a list: 1 to API_LIMIT_MAX, else API_LIMIT_DEFAULT. False when the call has failed. */
#define API_LIMIT_DEFAULT 50
#define API_LIMIT_MAX     200
bool api_limit(struct api_call *call, int *out_limit);
bool api_limit_of(struct api_call *call, int otherwise, int most, int *out_limit);
static inline bool api_has_failed(const struct api_call *call)
{
    return call->status != 0 && call->is_problem;
}
/** If-Match given and another than `rev`? */
bool api_is_stale(const struct api_call *call, int64_t rev);

/* Fields of `root`. Each returns false when the call has failed: wrong type, too long, out of range.
 * A missing field leaves the output as it is and is no failure; `*out_is_given` (may be NULL) tells. */
bool api_text(struct api_call *call, const char *name, char *room, size_t room_bytes,
              bool *out_is_given);
bool api_int(struct api_call *call, const char *name, int64_t min, int64_t max, int64_t *out_value);
bool api_bool(struct api_call *call, const char *name, bool *out_value);
