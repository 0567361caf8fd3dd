/* base/err.c: the one list of errors, and their sentences. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_facts {
    const char *name;
    int http;
    bool elsewhere;
};

static const struct err_facts facts[] = {{"OK", 200, false},
#define X(name, http, elsewhere) {#name, http, elsewhere},
                                         ERR_LIST(X)
#undef X
};
static_assert(sizeof facts / sizeof facts[0] == ERR_COUNT, "one row per error");

enum err error_set(struct error *error, enum err code, const char *format, ...)
{
    assert(code != OK && code < ERR_COUNT);
    if (!error)
        return code;
    error->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

const char *err_name(enum err code)
{
    assert(code < ERR_COUNT);
    return facts[code].name;
}

int err_http_status(enum err code)
{
    assert(code < ERR_COUNT);
    return facts[code].http;
}

bool err_elsewhere(enum err code)
{
    assert(code < ERR_COUNT);
    return facts[code].elsewhere;
}

const char *err_text(int errno_value, char *room, size_t room_bytes)
{
    return strerror_r(errno_value, room, room_bytes); /* the GNU form: returns the text */
}
