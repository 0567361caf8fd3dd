/* admin/api.c: what handlers share: answers, problems, fields and query parameters. */
#include "admin/api.h"

#include <stdio.h>
#include <time.h>

/* ---- answers ------------------------------------------------------------------------------------- */

struct json_writer *api_answer(struct api_call *call, int status)
{
    buf_clear(&call->answer);
    call->status = status;
    call->is_problem = false;
    json_writer_init(&call->writer, &call->answer);
    json_open_object(&call->writer);
    return &call->writer;
}

void api_done(struct api_call *call)
{
    json_close_object(&call->writer);
    if (call->answer.failed)
        api_fail(call, PROBLEM_INTERNAL, NULL, "The answer is too long.");
}

struct buf *api_answer_text(struct api_call *call, const char *content_type, const char *file_name)
{
    buf_clear(&call->answer);
    call->status = 200;
    call->is_problem = false;
    call->content_type = content_type;
    call->file_name = file_name;
    return &call->answer;
}

void api_done_text(struct api_call *call, const char *next_cursor)
{
    str_copy(str_of(next_cursor), call->next_cursor, sizeof call->next_cursor);
    if (call->answer.failed)
        api_fail(call, PROBLEM_INTERNAL, NULL, "The answer is too long.");
}

void api_done_list(struct api_call *call, const char *next_cursor)
{
    json_close_array(&call->writer);
    json_put_text(&call->writer, "next_cursor", next_cursor && next_cursor[0] ? next_cursor : NULL);
    api_done(call);
}

void api_fail(struct api_call *call, enum problem problem, const char *field, const char *format,
              ...)
{
    char detail[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    buf_clear(&call->answer);
    call->status = problem_status(problem);
    call->is_problem = true;
    call->problem = problem;
    call->content_type = NULL;
    problem_write(&call->answer, problem, detail, field, call->request_id);
}

void api_fail_error(struct api_call *call, const struct error *error)
{
    api_fail(call, problem_of_err(error->code), NULL, "%s", error->text);
}

/* ---- query --------------------------------------------------------------------------------------- */

/* Decodes %XX and '+'. False: malformed, a control character, no UTF-8, or too long. */
static bool percent_decode(struct str from, char *room, size_t room_bytes)
{
    size_t len = 0;
    for (size_t i = 0; i < from.len; i++) {
        char c = from.at[i] == '+' ? ' ' : from.at[i];
        if (c == '%') {
            int high = i + 2 < from.len ? str_hex_digit(from.at[i + 1]) : -1;
            int low = i + 2 < from.len ? str_hex_digit(from.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if ((unsigned char)c < 0x20 || len + 1 >= room_bytes)
            return false;
        room[len++] = c;
    }
    room[len] = '\0';
    return str_is_utf8((struct str){room, len});
}

bool api_query(struct api_call *call, const char *name, char *room, size_t room_bytes)
{
    struct str rest = str_of(call->query), found = {0};
    bool is_found = false;
    while (rest.len) {
        struct str value = str_cut(&rest, '&');
        if (!str_eq(str_cut(&value, '='), str_of(name)))
            continue;
        if (is_found) {
            api_fail(call, PROBLEM_BAD_REQUEST, name, "%s is given twice.", name);
            return false;
        }
        is_found = true;
        found = value;
    }
    if (is_found && !percent_decode(found, room, room_bytes)) {
        api_fail(call, PROBLEM_BAD_REQUEST, name,
                 "%s is malformed or too long (at most %zu bytes).", name, room_bytes - 1);
        return false;
    }
    return is_found;
}

/* Milliseconds since 1970, or 2026-01-31, or 2026-01-31T12:00:00Z. */
static bool time_parse(const char *text, int64_t *out_ms)
{
    if (str_to_int64(str_of(text), out_ms))
        return true;
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &utc);
    if (rest && *rest == 'T')
        rest = strptime(rest, "T%H:%M:%S", &utc);
    if (!rest || (strcmp(rest, "Z") != 0 && *rest != '\0'))
        return false;
    *out_ms = (int64_t)timegm(&utc) * 1000;
    return true;
}

bool api_time(struct api_call *call, const char *name, int64_t *out_ms)
{
    char text[40];
    if (!api_query(call, name, text, sizeof text) || time_parse(text, out_ms))
        return !api_has_failed(call);
    api_fail(call, PROBLEM_BAD_REQUEST, name,
             "%s must be milliseconds since 1970, or a time like 2026-01-31T12:00:00Z (UTC).",
             name);
    return false;
}

bool api_limit_of(struct api_call *call, int otherwise, int most, int *out_limit)
{
    char text[16];
    int64_t limit = otherwise;
    if (api_query(call, "limit", text, sizeof text) &&
        (!str_to_int64(str_of(text), &limit) || limit < 1 || limit > most))
        api_fail(call, PROBLEM_BAD_REQUEST, "limit", "limit must lie between 1 and %d.", most);
    *out_limit = (int)limit;
    return !api_has_failed(call);
}

bool api_limit(struct api_call *call, int *out_limit)
{
    return api_limit_of(call, API_LIMIT_DEFAULT, API_LIMIT_MAX, out_limit);
}

bool api_is_stale(const struct api_call *call, int64_t rev)
{
    struct str given = str_trim(str_of(call->if_match));
    if (!given.len || str_eq(given, STR("*")))
        return false;
    if (str_starts(given, STR("W/")))
        given = str_from(given, 2);
    if (given.len >= 2 && given.at[0] == '"' && given.at[given.len - 1] == '"')
        given = (struct str){given.at + 1, given.len - 2};
    int64_t given_rev;
    return !str_to_int64(given, &given_rev) || given_rev != rev;
}

/* ---- fields -------------------------------------------------------------------------------------- */

bool api_text(struct api_call *call, const char *name, char *room, size_t room_bytes,
              bool *out_is_given)
{
    struct json value = json_get(call->root, name);
    struct str text = {0};
    if (out_is_given)
        *out_is_given = json_type_of(value) != JSON_ABSENT;
    if (json_type_of(value) == JSON_ABSENT)
        return true;
    if (json_type_of(value) == JSON_NULL) {
        room[0] = '\0';
        return true;
    }
    if (!json_string(value, &text)) {
        api_fail(call, PROBLEM_INVALID_FIELD, name, "%s must be a string.", name);
        return false;
    }
    bool is_clean = text.len < room_bytes;
    for (size_t i = 0; is_clean && i < text.len; i++)
        is_clean = (unsigned char)text.at[i] >= 0x20 && text.at[i] != 0x7f;
    if (!is_clean) {
        api_fail(call, PROBLEM_INVALID_FIELD, name,
                 "%s must have at most %zu bytes and no control characters.", name, room_bytes - 1);
        return false;
    }
    str_copy(text, room, room_bytes);
    return true;
}

bool api_int(struct api_call *call, const char *name, int64_t min, int64_t max, int64_t *out_value)
{
    struct json value = json_get(call->root, name);
    int64_t number = 0;
    if (json_type_of(value) == JSON_ABSENT)
        return true;
    bool is_null = json_type_of(value) == JSON_NULL;
    if (!is_null && (!json_int64(value, &number) || number < min || number > max)) {
        api_fail(call, PROBLEM_INVALID_FIELD, name,
                 "%s must be a whole number between %lld and %lld.", name, (long long)min,
                 (long long)max);
        return false;
    }
    *out_value = number; /* null: 0, the default of every such field */
    return true;
}

bool api_bool(struct api_call *call, const char *name, bool *out_value)
{
    struct json value = json_get(call->root, name);
    if (json_type_of(value) == JSON_ABSENT || json_bool(value, out_value))
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, name, "%s must be true or false.", name);
    return false;
}
