/* wire/foreign_error.c: a provider's error, said in the dialect of a caller whom it does not know.
 *
 * The provider's sentence stays; type and code become those that this dialect has for the case, because clients act on
 * them. Claude Code compacts its conversation when it reads "prompt is too long: N tokens > M maximum", Codex stops at
 * the code context_length_exceeded (CLIENTS.md 3, 5, 11.2), so an overflow is said in just these words.
 */
#include "json/json_writer.h"
#include "wire/meter.h"
#include "wire/say.h"

#define NUMBERS_MAX 8
#define MESSAGE_MAX 4096u

// clang-format off
static const struct row {
    int status;
    const char *openai_type, *openai_code, *anthropic_type;
} rows[] = {
    {400, "invalid_request_error", NULL,                   "invalid_request_error"},
    {401, "invalid_request_error", "invalid_api_key",      "authentication_error"},
    {402, "insufficient_quota",    "insufficient_quota",   "billing_error"},
    {403, "permission_denied",     NULL,                   "permission_error"},
    {404, "invalid_request_error", "model_not_found",      "not_found_error"},
    {413, "invalid_request_error", NULL,                   "request_too_large"},
    {429, "rate_limit_error",      "rate_limit_exceeded",  "rate_limit_error"},
    {503, "server_error",          "server_is_overloaded", "overloaded_error"},
    {504, "server_error",          NULL,                   "timeout_error"},
    {529, "server_error",          "server_is_overloaded", "overloaded_error"},
};
// clang-format on

static const struct row *row_of(int status)
{
    static const struct row server = {500, "server_error", NULL, "api_error"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return &rows[i];
    return status >= 500 ? &server : &rows[0];
}

/* Of the numbers in an overflow's sentence the largest is what was sent, the smallest what fits: whoever
 * words it, both are in it. */
static bool find_sizes(struct str message, int64_t *out_sent, int64_t *out_limit)
{
    int64_t most = 0, least = INT64_MAX;
    int count = 0;
    for (size_t at = 0; at < message.len && count < NUMBERS_MAX;) {
        size_t end = at;
        while (end < message.len && message.at[end] >= '0' && message.at[end] <= '9')
            end++;
        int64_t number;
        struct str digits = str_upto(str_from(message, at), end - at);
        if (end > at && str_to_int64(digits, &number) && number >= 16) {
            most = number > most ? number : most;
            least = number < least ? number : least;
            count++;
        }
        at = end > at ? end : at + 1;
    }
    *out_sent = most;
    *out_limit = least;
    return count >= 2 && most > least;
}

/* "prompt is too long: 9000 tokens > 4096 maximum", or with the provider's words when it told no numbers. */
static void write_too_long(const struct error_body *error, struct buf *out)
{
    struct str message = str_upto(error->message, MESSAGE_MAX);
    int64_t sent = error->sent_tokens, limit = error->limit_tokens;
    bool has_sizes = (limit > 0 && sent > limit) || find_sizes(message, &sent, &limit);
    if (str_istarts(message, STR("prompt is too long")))
        buf_append_str(out, message);
    else if (has_sizes)
        buf_printf(out, "prompt is too long: %lld tokens > %lld maximum", (long long)sent,
                   (long long)limit);
    else
        buf_printf(out, "prompt is too long: %.*s", STR_ARG(message));
}

static void put_anthropic(struct json_writer *writer, const char *type, struct str message,
                          const char *request_id)
{
    json_open_object(writer);
    json_put_text(writer, "type", "error");
    json_open_object_named(writer, "error");
    json_put_text(writer, "type", type);
    json_put_string(writer, "message", message);
    json_close_object(writer);
    json_put_text(writer, "request_id", request_id);
    json_close_object(writer);
}

static void put_openai(struct json_writer *writer, const char *type, const char *code,
                       struct str message)
{
    json_open_object(writer);
    json_open_object_named(writer, "error");
    json_put_string(writer, "message", message);
    json_put_text(writer, "type", type);
    json_put_null(writer, "param");
    json_put_text(writer, "code", code);
    json_close_object(writer);
    json_close_object(writer);
}

void say_foreign_error(struct buf *out, enum dialect dialect, int status, bool is_too_long,
                       const struct error_body *error, const char *request_id)
{
    const struct row *row = row_of(status);
    struct json_writer writer;
    AUTO_BUF struct buf words;
    buf_init(&words, 8192);
    json_writer_init(&writer, out);
    if (is_too_long && dialect == DIALECT_ANTHROPIC)
        write_too_long(error, &words);
    else
        buf_append_str(&words, str_upto(error->message, MESSAGE_MAX));
    if (dialect == DIALECT_ANTHROPIC)
        put_anthropic(&writer, is_too_long ? "invalid_request_error" : row->anthropic_type,
                      buf_str(&words), request_id);
    else
        put_openai(&writer, row->openai_type,
                   is_too_long ? "context_length_exceeded" : row->openai_code, buf_str(&words));
}
