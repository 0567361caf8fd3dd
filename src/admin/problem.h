/* admin/problem.h: errors of the management API: problem JSON with code, title, detail, fix, field and
 * request_id. One row per kind.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/buf.h"

// clang-format off
#define PROBLEM_LIST(X)                                                                              \
    /* name           status code               title                          what to do about it */ \
    X(BAD_REQUEST,    400, "bad_request",       "The request cannot be used",  "Correct the request and send it again.") \
    X(BAD_BODY,       400, "invalid_body",      "The body cannot be used",     "Send one JSON object, with content-type application/json.") \
    X(UNKNOWN_FIELD,  400, "unknown_field",     "Unknown field",               "Leave the field out, or correct its spelling.") \
    X(INVALID_FIELD,  400, "invalid_field",     "Invalid value",               "Correct the field and send the request again.") \
    X(UNAUTHORIZED,   401, "unauthorized",      "Not signed in",               "Send an API key: `Authorization: Bearer auxk_...` (`auxot keys create` makes one), or sign in.") \
    X(WRONG_PASSWORD, 401, "wrong_password",    "Not signed in",               "Check both; upper and lower case matter in the password.") \
    X(FORBIDDEN,      403, "forbidden",         "Not allowed",                 "Ask an admin, or use a key with that role.") \
    X(FOREIGN_PAGE,   403, "foreign_page",      "Not from a page of this server", "Open the server under its own address, and try there.") \
    X(WRONG_TOKEN,    403, "wrong_token",       "The token is wrong",          "Copy the whole token, and send it again.") \
    X(NO_SESSION,     403, "no_session",        "Not signed in by a session",  "Sign in with POST /api/session, and call with its cookie.") \
    X(PLAN,           403, "plan_limit",        "Not in this plan",            "Start the server with a plan that has it: AUXOT_PLAN.") \
    X(NOT_FOUND,      404, "not_found",         "Not found",                   "Check the path and the id.") \
    X(BAD_METHOD,     405, "method_not_allowed", "Method not allowed",         "Use one of the methods in the Allow header.") \
    X(TIMEOUT_BODY,   408, "request_timeout",   "The request came too slowly", "Send it again.") \
    X(CONFLICT,       409, "conflict",          "Conflict",                    "Choose another value, or change what is there.") \
    X(STALE,          412, "stale_rev",         "Changed by somebody else",    "Read the current state, and send the change again with its rev.") \
    X(TOO_LARGE,      413, "body_too_large",    "The body is too large",       "Send less at once.") \
    X(MEDIA_TYPE,     415, "unsupported_media_type", "Wrong content type",     "Send content-type: application/json.") \
    X(MISDIRECTED,    421, "misdirected",       "Not the name of this server", "Use the server's address, or set AUXOT_BASE_URL to the name that people use.") \
    X(TOO_MANY_TRIES, 429, "too_many_tries",    "Too many tries",              "Wait as long as Retry-After says, then try again.") \
    X(TOO_MANY_STREAMS, 429, "too_many_streams", "Too many live streams",      "Close one of yours, then open this one again.") \
    X(HEAD_TOO_LARGE, 431, "headers_too_large", "The headers are too large",   "Send fewer or shorter headers.") \
    X(INTERNAL,       500, "internal",          "Internal error",              "Look in the server's log for this request id.") \
    X(OVERLOADED,     503, "overloaded",        "Too busy",                    "Try again in a moment.") \
    X(UNAVAILABLE,    503, "unavailable",       "Not possible now",            "See the detail, then try again.") \
    X(TIMEOUT,        504, "timeout",           "It took too long",            "Try again; if it stays, look in the server's log.")
// clang-format on

enum problem {
#define X(name, status, code, title, fix) PROBLEM_##name,
    PROBLEM_LIST(X)
#undef X
        PROBLEM_COUNT
};

int problem_status(enum problem problem);
/** The row for a status that the HTTP layer chose. */
enum problem problem_of_status(int status);
/** The row for what a room below returned. */
enum problem problem_of_err(enum err err);
/** Appends the whole JSON body. `field` may be NULL; `detail` is a sentence. */
void problem_write(struct buf *out, enum problem problem, const char *detail, const char *field,
                   const char *request_id);
#define PROBLEM_CONTENT_TYPE "application/problem+json"
