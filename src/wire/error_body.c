/* wire/error_body.c: finds type, code and message in whatever a provider calls an error.
 *
 * Shapes (PROVIDER_ERRORS.md 1): {"error":{...}}, {"error":"text"}, {"type":"error","error":{...}},
 * flat {"object":"error",...} and {"type":"error",...}, {"detail":...}, {"error_code","message"}.
 * What an error means for routing is not decided here.
 */
#include "wire/meter.h"

#define TEXT_DEPTH_MAX 4
#define STATUS_MIN     400
#define STATUS_MAX     599

/* The first text in a value that may be a string, a list of complaints, or an object around one. */
static struct str text_within(struct json value, int depth)
{
    static const char *const names[] = {"message", "msg", "detail"};
    struct str text = STR("");
    if (json_string(value, &text) || depth >= TEXT_DEPTH_MAX)
        return text;
    struct json_cursor items = json_each(value);
    if (json_type_of(value) == JSON_ARRAY && json_next(&items))
        return text_within(items.value, depth + 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && text.len == 0; i++)
        text = text_within(json_get(value, names[i]), depth + 1);
    return text;
}

/* FastAPI says where: {"detail":[{"loc":["body","stream_options"], ...}]}. The last name of the first place. */
static struct str place_within(struct json value, int depth)
{
    static const char *const names[] = {"message", "detail"};
    struct str place = STR("");
    for (struct json_cursor loc = json_each(json_get(value, "loc")); json_next(&loc);)
        (void)json_string(loc.value, &place);
    if (place.len > 0 || depth >= TEXT_DEPTH_MAX)
        return place;
    struct json_cursor items = json_each(value);
    if (json_type_of(value) == JSON_ARRAY && json_next(&items))
        return place_within(items.value, depth + 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && place.len == 0; i++)
        place = place_within(json_get(value, names[i]), depth + 1);
    return place;
}

static int64_t number_within(struct json value)
{
    int64_t number = json_int64_or(value, 0);
    (void)str_to_int64(json_string_or_empty(value), &number);
    return number;
}

/* Of `object`, which is the error itself, or a flat body. */
static void read_fields(struct json object, struct error_body *error)
{
    error->type = json_string_or_empty(json_get(object, "type"));
    error->code = json_string_or_empty(json_get(object, "code"));
    error->param = json_string_or_empty(json_get(object, "param"));
    if (error->param.len == 0)
        error->param = place_within(object, 0);
    error->message = text_within(json_get(object, "message"), 0);
    error->details_code = json_string_or_empty(json_at(object, "details", "error_code", NULL));
    error->sent_tokens = number_within(json_get(object, "n_prompt_tokens"));
    error->limit_tokens = number_within(json_get(object, "n_ctx"));
    error->number_code = number_within(json_get(object, "code"));
    if (error->number_code == 0)
        error->number_code = number_within(json_get(object, "status"));
    if (error->code.len == 0)
        error->code = json_string_or_empty(json_get(object, "error_code"));
    if (error->message.len == 0)
        error->message = text_within(json_get(object, "detail"), 0);
    if (str_eq(error->type, STR("error"))) /* the flat form's type says only what it is */
        error->type = STR("");
}

static bool is_flat_error(struct json root)
{
    return str_eq(json_string_or_empty(json_get(root, "object")), STR("error")) ||
           str_eq(json_string_or_empty(json_get(root, "type")), STR("error")) ||
           json_type_of(json_get(root, "detail")) != JSON_ABSENT ||
           json_type_of(json_get(root, "error_code")) != JSON_ABSENT ||
           json_type_of(json_get(root, "message")) != JSON_ABSENT;
}

bool error_body_of(struct json root, struct error_body *out_error)
{
    *out_error = (struct error_body){.is_json = true};
    struct json error = json_get(root, "error");
    struct str text = STR("");
    if (json_type_of(error) == JSON_OBJECT) {
        read_fields(error, out_error);
    } else if (json_string(error, &text)) {
        read_fields(root, out_error);
        out_error->message = text;
    } else if (is_flat_error(root)) {
        read_fields(root, out_error);
    } else {
        return false;
    }
    return true;
}

void error_body_read(struct json_reader *reader, struct str body, struct error_body *out_error)
{
    struct json root;
    *out_error = (struct error_body){0};
    if (json_parse(reader, body, &root, NULL) == OK)
        (void)error_body_of(root, out_error);
}

int error_body_status(const struct error_body *error)
{
    // clang-format off
    static const struct { struct str name; int status; } rows[] = {
        {STR_INIT("invalid_request_error"),     400},
        {STR_INIT("invalid_prompt"),            400},
        {STR_INIT("context_length_exceeded"),   400},
        {STR_INIT("exceed_context_size_error"), 400},
        {STR_INIT("authentication_error"),      401},
        {STR_INIT("invalid_api_key"),           401},
        {STR_INIT("billing_error"),             402},
        {STR_INIT("permission_error"),          403},
        {STR_INIT("permission_denied"),         403},
        {STR_INIT("not_found_error"),           404},
        {STR_INIT("model_not_found"),           404},
        {STR_INIT("request_too_large"),         413},
        {STR_INIT("rate_limit_error"),          429},
        {STR_INIT("rate_limit_exceeded"),       429},
        {STR_INIT("insufficient_quota"),        429},
        {STR_INIT("api_error"),                 500},
        {STR_INIT("server_error"),              500},
        {STR_INIT("server_is_overloaded"),      503},
        {STR_INIT("unavailable_error"),         503},
        {STR_INIT("timeout_error"),             504},
        {STR_INIT("overloaded_error"),          529},
    };
    // clang-format on
    if (error->number_code >= STATUS_MIN && error->number_code <= STATUS_MAX)
        return (int)error->number_code;
    const struct str said[] = {error->code, error->type};
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            if (str_eq(said[s], rows[i].name))
                return rows[i].status;
        }
    }
    return 0;
}
