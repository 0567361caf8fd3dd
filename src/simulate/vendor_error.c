/* simulate/vendor_error.c: how each vendor complains: as a body with a status, and in mid-stream.
 *
 * Source:  PROVIDER_ERRORS.md 2, 3, 4, 6; CLIENTS.md 9. What the play names (error_type, error_code,
 *          error_message) replaces the table's word; "null" as a code is null.
 */
#include "simulate/answer_parts.h"

#include "json/json_writer.h"

#include <stdio.h>

struct complaint {
    int status;
    const char *type, *code, *message; /* code NULL: null */
};

// clang-format off
static const struct complaint openai[] = {
    {400, "invalid_request_error",     NULL,                    "Invalid request."},
    {401, "invalid_request_error",     "invalid_api_key",       "Incorrect API key provided: bad-key. You can find your API key at https://platform.openai.com/account/api-keys."},
    {402, "insufficient_quota",        "insufficient_quota",    "Payment required."},
    {403, "invalid_request_error",     "unsupported_country_region_territory", "Country, region, or territory not supported"},
    {404, "invalid_request_error",     "model_not_found",       "The model does not exist or you do not have access to it."},
    {405, "invalid_request_error",     "method_not_supported",  "Not allowed to use this method on this path."},
    {413, "invalid_request_error",     NULL,                    "Request too large."},
    {429, "requests",                  "rate_limit_exceeded",   "Rate limit reached for gpt-sim in organization org-sim on requests per min (RPM): Limit 3, Used 3, Requested 1."},
    {500, "server_error",              NULL,                    "The server had an error while processing your request. Sorry about that!"},
    {503, "service_unavailable_error", "server_is_overloaded",  "The engine is currently overloaded, please try again later"},
    {0,   "server_error",              NULL,                    "The server had an error while processing your request."},
};
static const struct complaint anthropic[] = {
    {400, "invalid_request_error", NULL, "messages: Field required"},
    {401, "authentication_error",  NULL, "invalid x-api-key"},
    {402, "billing_error",         NULL, "There is an issue with your payment details."},
    {403, "permission_error",      NULL, "Your API key does not have permission to use the specified resource."},
    {404, "not_found_error",       NULL, "Not Found"},
    {405, "invalid_request_error", NULL, "Method Not Allowed"},
    {413, "request_too_large",     NULL, "Request exceeds the maximum size"},
    {429, "rate_limit_error",      NULL, "This request would exceed your organization's rate limit."},
    {500, "api_error",             NULL, "Internal server error"},
    {504, "timeout_error",         NULL, "The request timed out."},
    {503, "overloaded_error",      NULL, "Overloaded"},
    {529, "overloaded_error",      NULL, "Overloaded"},
    {0,   "api_error",             NULL, "Internal server error"},
};
static const struct complaint llama[] = {
    {400, "invalid_request_error", NULL, "\"messages\" is required"},
    {401, "authentication_error",  NULL, "Invalid API Key"},
    {404, "not_found_error",       NULL, "File Not Found"},
    {405, "not_found_error",       NULL, "File Not Found"},
    {501, "not_supported_error",   NULL, "This server does not support that."},
    {503, "unavailable_error",     NULL, "Loading model"},
    {0,   "server_error",          NULL, "Internal server error"},
};
static const struct complaint *const of_vendor[] = {
    [VENDOR_OPENAI] = openai, [VENDOR_ANTHROPIC] = anthropic, [VENDOR_LLAMA] = llama};
// clang-format on

static const struct complaint *find_complaint(enum vendor vendor, int status)
{
    const struct complaint *complaint = of_vendor[vendor];
    while (complaint->status != 0 && complaint->status != status)
        complaint++;
    return complaint;
}

/* The words to say, chosen. */
struct words {
    struct str type, code, message; /* code empty: null */
    struct str param;               /* OpenAI; empty: null */
};

static struct words choose_words(const struct request *request, const struct play *play, int status,
                                 const char *message)
{
    const struct complaint *complaint = find_complaint(request->vendor, status);
    struct words words = {.type = str_of(complaint->type),
                          .code = str_of(complaint->code),
                          .message = str_of(message ? message : complaint->message)};
    if (play->error_type.len > 0)
        words.type = play->error_type;
    if (play->error_code.len > 0 || play->error_type.len > 0)
        words.code = str_eq(play->error_code, STR("null")) ? STR("") : play->error_code;
    if (play->error_message.len > 0)
        words.message = play->error_message;
    return words;
}

static void append_code(struct json_writer *writer, struct str code)
{
    if (code.len > 0)
        json_put_string(writer, "code", code);
    else
        json_put_null(writer, "code");
}

static void write_openai(struct json_writer *writer, struct words words)
{
    json_open_object_named(writer, "error");
    json_put_string(writer, "message", words.message);
    json_put_string(writer, "type", words.type);
    if (words.param.len > 0)
        json_put_string(writer, "param", words.param);
    else
        json_put_null(writer, "param");
    append_code(writer, words.code);
    json_close_object(writer);
}

static void write_llama(struct json_writer *writer, struct words words, int status)
{
    json_open_object_named(writer, "error");
    json_put_int(writer, "code", status);
    json_put_string(writer, "message", words.message);
    json_put_string(writer, "type", words.type);
    json_close_object(writer);
}

/* A code has its place in details.error_code. */
static void write_anthropic(struct json_writer *writer, struct words words,
                            const struct request *request)
{
    json_put_text(writer, "type", "error");
    json_open_object_named(writer, "error");
    if (words.code.len > 0) {
        json_open_object_named(writer, "details");
        json_put_string(writer, "error_code", words.code);
        json_close_object(writer);
    } else {
        json_put_null(writer, "details");
    }
    json_put_string(writer, "type", words.type);
    json_put_string(writer, "message", words.message);
    json_close_object(writer);
    char id[40];
    (void)snprintf(id, sizeof id, "req_%s", request->id);
    json_put_text(writer, "request_id", id);
}

static void write_error(struct buf *out, const struct request *request, struct words words,
                        int status)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    switch (request->vendor) {
    case VENDOR_ANTHROPIC: write_anthropic(&writer, words, request); break;
    case VENDOR_LLAMA: write_llama(&writer, words, status); break;
    default: write_openai(&writer, words); break;
    }
    json_close_object(&writer);
}

void vendor_error_body(struct buf *out, const struct request *request, const struct play *play,
                       int status, const char *message)
{
    write_error(out, request, choose_words(request, play, status, message), status);
}

void vendor_error_refusal(struct buf *out, const struct request *request,
                          const struct refusal *refusal)
{
    const struct complaint *complaint = find_complaint(request->vendor, refusal->status);
    struct words words = {.type = str_of(complaint->type),
                          .code = str_of(refusal->code),
                          .message = str_of(refusal->message),
                          .param = str_of(refusal->param)};
    write_error(out, request, words, refusal->status);
}

/* ---- in mid-stream ----------------------------------------------------------------------------- */

/* Unless the play says what it is: the service is overloaded or broke. */
static struct words event_words(const struct answer *answer)
{
    int status = answer->request->vendor == VENDOR_ANTHROPIC ? 529 : 500;
    return choose_words(answer->request, answer->play, status, NULL);
}

static bool has_shape(const struct answer *answer, const char *shape)
{
    return str_eq(answer->play->error_shape, str_of(shape));
}

static void responses_error(struct answer *answer, struct words words)
{
    struct json_writer writer;
    buf_puts(answer->out, "event: error\ndata: ");
    json_writer_init(&writer, answer->out);
    json_open_object(&writer);
    json_put_text(&writer, "type", "error");
    json_put_int(&writer, "sequence_number", answer->sequence++);
    if (has_shape(answer, "flat")) {
        append_code(&writer, words.code.len > 0 ? words.code : words.type);
        json_put_string(&writer, "message", words.message);
        json_put_null(&writer, "param");
    } else {
        write_openai(&writer, words);
    }
    json_close_object(&writer);
}

static void flat_error(struct answer *answer, struct words words)
{
    struct json_writer writer;
    json_writer_init(&writer, answer->out);
    json_open_object(&writer);
    json_put_text(&writer, "object", "error");
    json_put_string(&writer, "message", words.message);
    json_put_string(&writer, "type", words.type);
    json_put_null(&writer, "param");
    append_code(&writer, words.code);
    json_close_object(&writer);
}

void vendor_error_event(struct answer *answer)
{
    struct words words = event_words(answer);
    size_t opened;
    if (!answer_begin_quiet(answer, &opened))
        return;
    if (answer->request->asked == ASKED_RESPONSES && has_shape(answer, "failed")) {
        responses_failed(answer, words.code.len > 0 ? words.code : words.type, words.message);
        answer_end_quiet(answer, opened); /* a whole event already */
        return;
    }
    if (answer->request->asked == ASKED_RESPONSES) {
        responses_error(answer, words);
    } else {
        if (answer->request->vendor == VENDOR_ANTHROPIC || has_shape(answer, "event"))
            buf_puts(answer->out, "event: error\n");
        buf_puts(answer->out, has_shape(answer, "field") ? "error: " : "data: ");
        if (has_shape(answer, "flat"))
            flat_error(answer, words);
        else
            write_error(answer->out, answer->request, words, 500);
    }
    buf_puts(answer->out, "\n\n");
    if (answer->play->double_terminal) /* vLLM says [DONE] after it */
        buf_puts(answer->out, "data: [DONE]\n\n");
    answer_end_quiet(answer, opened);
}
