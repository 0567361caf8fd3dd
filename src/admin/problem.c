/* admin/problem.c: see problem.h. */
#include "admin/problem.h"

#include "json/json_writer.h"

#include <assert.h>

struct problem_row {
    int status;
    const char *code, *title, *fix;
};

static const struct problem_row rows[] = {
#define X(name, status, code, title, fix) {status, code, title, fix},
    PROBLEM_LIST(X)
#undef X
};
static_assert(sizeof rows / sizeof rows[0] == PROBLEM_COUNT, "one row per problem");

int problem_status(enum problem problem)
{
    assert(problem < PROBLEM_COUNT);
    return rows[problem].status;
}

enum problem problem_of_status(int status)
{
    for (int i = 0; i < PROBLEM_COUNT; i++)
        if (rows[i].status == status)
            return (enum problem)i;
    return status >= 500 ? PROBLEM_INTERNAL : PROBLEM_BAD_REQUEST;
}

enum problem problem_of_err(enum err err)
{
    switch (err) {
    case ERR_MALFORMED: return PROBLEM_BAD_REQUEST;
    case ERR_UNAUTHORIZED: return PROBLEM_UNAUTHORIZED;
    case ERR_DENIED: return PROBLEM_FORBIDDEN;
    case ERR_NOT_FOUND: return PROBLEM_NOT_FOUND;
    case ERR_CONFLICT: return PROBLEM_CONFLICT;
    case ERR_TOO_LARGE: return PROBLEM_TOO_LARGE;
    case ERR_TIMEOUT: return PROBLEM_TIMEOUT;
    case ERR_BUSY:
    case ERR_NO_MEMORY: return PROBLEM_OVERLOADED;
    case ERR_UNAVAILABLE: return PROBLEM_UNAVAILABLE;
    default: return PROBLEM_INTERNAL;
    }
}

void problem_write(struct buf *out, enum problem problem, const char *detail, const char *field,
                   const char *request_id)
{
    const struct problem_row *row = &rows[problem];
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "code", row->code);
    json_put_text(&writer, "title", row->title);
    json_put_text(&writer, "detail", detail);
    json_put_text(&writer, "fix", row->fix);
    json_put_text(&writer, "field", field);
    json_put_text(&writer, "request_id", request_id);
    json_close_object(&writer);
}
