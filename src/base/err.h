/* base/err.h: how operating trouble is told.
 *
 * A fallible function returns `enum err` and, where a person will read it, fills the caller's
 * `struct error` with a sentence that says what happened and what to do next. Programmer error is
 * not told here: it is asserted. Outputs are untouched on failure unless a docstring says so.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))

#define ERR_LIST(X)                                                           \
    /* name          http  may another provider succeed where this failed? */ \
    X(NO_MEMORY, 503, false)                                                  \
    X(IO, 502, true)                                                          \
    X(TIMEOUT, 504, true)                                                     \
    X(TOO_LARGE, 413, false)                                                  \
    X(MALFORMED, 400, false)                                                  \
    X(UNAUTHORIZED, 401, false)                                               \
    X(DENIED, 403, false)                                                     \
    X(NOT_FOUND, 404, false)                                                  \
    X(CONFLICT, 409, false)                                                   \
    X(BUSY, 429, true)                                                        \
    X(CANCELED, 499, false)                                                   \
    X(UNAVAILABLE, 503, true)

enum err {
    OK = 0,
#define X(name, http, elsewhere) ERR_##name,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

#define ERROR_TEXT_MAX 320

/** A failure with its sentence. Lives on the caller's stack; `text` is always NUL-terminated. */
struct error {
    enum err code;
    char text[ERROR_TEXT_MAX];
};

/** Fills `error` (NULL is fine) and returns `code`, so that `return error_set(...)` is one line. */
enum err error_set(struct error *error, enum err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *err_name(enum err code); /* "NO_MEMORY"; "OK" for OK */
int err_http_status(enum err code);  /* 200 for OK */
bool err_elsewhere(enum err code);

/** strerror without its shared buffer: writes the text of `errno_value` into `room` and returns it. */
const char *err_text(int errno_value, char *room, size_t room_bytes);
#define ERRNO_TEXT(value) err_text((value), (char[96]){0}, 96)
