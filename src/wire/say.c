/* wire/say.c: see say.h. Shapes are those that the official SDKs, Claude Code and Codex parse. */
#include "wire/say.h"

#include "json/json_writer.h"

#include <assert.h>
#include <stdio.h>

static const struct say_row {
    int status;
    const char *openai_type;
    const char *openai_code; /* NULL: null */
    const char *anthropic_type;
    bool may_retry;
} rows[] = {
#define X(name, status, openai_type, openai_code, anthropic_type, retry) \
    [SAY_##name] = {status, openai_type, openai_code, anthropic_type, retry},
    SAY_LIST(X)
#undef X
};

static const struct say_row *row_of(enum say what)
{
    assert(what < SAY_COUNT);
    return &rows[what];
}

int say_status(enum say what)
{
    return row_of(what)->status;
}

bool say_may_retry(enum say what)
{
    return row_of(what)->may_retry;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void put_openai_error(struct json_writer *writer, enum say what, const char *sentence,
                             const char *param)
{
    const struct say_row *row = row_of(what);
    json_open_object(writer);
    json_open_object_named(writer, "error");
    json_put_string(writer, "message", str_of(sentence));
    json_put_text(writer, "type", row->openai_type);
    json_put_text(writer, "param", param);
    json_put_text(writer, "code", row->openai_code);
    json_close_object(writer);
    json_close_object(writer);
}

static void put_anthropic_error(struct json_writer *writer, enum say what, const char *sentence,
                                const char *request_id)
{
    json_open_object(writer);
    json_put_text(writer, "type", "error");
    json_open_object_named(writer, "error");
    json_put_text(writer, "type", row_of(what)->anthropic_type);
    json_put_string(writer, "message", str_of(sentence));
    json_close_object(writer);
    json_put_text(writer, "request_id", request_id);
    json_close_object(writer);
}

void say_error(struct buf *out, enum dialect dialect, enum say what, const char *sentence,
               const char *param, const char *request_id)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    if (dialect == DIALECT_ANTHROPIC)
        put_anthropic_error(&writer, what, sentence, request_id);
    else
        put_openai_error(&writer, what, sentence, param);
}

/* The codes that Codex acts on: server_is_overloaded, insufficient_quota and invalid_prompt end its
 * turn at once, rate_limit_exceeded waits, server_error (and any code it does not know) makes it
 * ask again. */
static const char *failed_code(enum say what)
{
    const struct say_row *row = row_of(what);
    if (row->status == 429)
        return row->openai_code ? row->openai_code : "rate_limit_exceeded";
    if (what == SAY_TOO_LONG)
        return row->openai_code;
    if (row->status < 500 && !row->may_retry)
        return "invalid_prompt";
    return row->may_retry && !row->openai_code ? "server_error" : "server_is_overloaded";
}

static void put_failed_response(struct json_writer *writer, enum say what, const char *sentence,
                                const char *response_id, int64_t sequence)
{
    json_open_object(writer);
    json_put_text(writer, "type", "response.failed");
    json_put_int(writer, "sequence_number", sequence);
    json_open_object_named(writer, "response");
    json_put_text(writer, "id", response_id);
    json_put_text(writer, "object", "response");
    json_put_int(writer, "created_at", 0);
    json_put_text(writer, "status", "failed");
    json_open_object_named(writer, "error");
    json_put_text(writer, "code", failed_code(what));
    json_put_string(writer, "message", str_of(sentence));
    json_close_object(writer);
    json_put_null(writer, "incomplete_details");
    json_open_array(writer, "output");
    json_close_array(writer);
    json_put_null(writer, "usage");
    json_close_object(writer);
    json_close_object(writer);
}

void say_stream_error(struct buf *out, enum endpoint endpoint, enum say what, const char *sentence,
                      const char *request_id, const char *response_id, int64_t next_sequence)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    if (endpoint_facts(endpoint)->dialect == DIALECT_ANTHROPIC) {
        buf_puts(out, "event: error\ndata: ");
        put_anthropic_error(&writer, what, sentence, request_id);
    } else if (endpoint == ENDPOINT_RESPONSES) {
        char made_up[80];
        (void)snprintf(made_up, sizeof made_up, "resp_%s", request_id ? request_id : "0");
        bool has_id = response_id && response_id[0];
        buf_puts(out, "event: response.failed\ndata: ");
        put_failed_response(&writer, what, sentence, has_id ? response_id : made_up, next_sequence);
    } else {
        buf_puts(out, "data: ");
        put_openai_error(&writer, what, sentence, NULL);
    }
    buf_puts(out, "\n\n");
}

struct str say_keepalive(enum endpoint endpoint)
{
    if (endpoint_facts(endpoint)->dialect == DIALECT_ANTHROPIC)
        return STR("event: ping\ndata: {\"type\":\"ping\"}\n\n");
    return STR(": keep-alive\n\n");
}

/* ---- models ---------------------------------------------------------------------------------- */

/* "2025-08-28T12:00:00Z". Days are counted in years that begin in March, so that the leap day is
 * the last one (H. Hinnant, "chrono-compatible low-level date algorithms"). */
static void format_time(int64_t at_ms, char *room, size_t room_bytes)
{
    int64_t at = at_ms > 0 ? at_ms / 1000 : 0;
    int64_t day = at / 86400 + 719468; /* since 0000-03-01 */
    int64_t second = at % 86400;
    int64_t era = day / 146097;
    int64_t day_of_era = day % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    (void)snprintf(room, room_bytes, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, month,
                   (int)(day_of_year - (153 * from_march + 2) / 5 + 1), (int)(second / 3600),
                   (int)(second / 60 % 60), (int)(second % 60));
}

static void put_model(struct json_writer *writer, enum dialect dialect,
                      const struct model_entry *entry)
{
    json_open_object(writer);
    if (dialect == DIALECT_ANTHROPIC) {
        char created_at[64];
        format_time(entry->created_at_ms, created_at, sizeof created_at);
        json_put_text(writer, "type", "model");
        json_put_text(writer, "id", entry->id);
        json_put_text(writer, "display_name", entry->id);
        json_put_text(writer, "created_at", created_at);
    } else {
        json_put_text(writer, "id", entry->id);
        json_put_text(writer, "object", "model");
        json_put_int(writer, "created", entry->created_at_ms / 1000);
        json_put_text(writer, "owned_by", entry->owned_by);
    }
    json_close_object(writer);
}

void say_model(struct buf *out, enum dialect dialect, const struct model_entry *entry)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    put_model(&writer, dialect, entry);
}

void say_models(struct buf *out, enum dialect dialect, const struct model_entry *entries,
                size_t count, bool has_more)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    if (dialect == DIALECT_OPENAI)
        json_put_text(&writer, "object", "list");
    json_open_array(&writer, "data");
    for (size_t i = 0; i < count; i++)
        put_model(&writer, dialect, &entries[i]);
    json_close_array(&writer);
    if (dialect == DIALECT_ANTHROPIC) {
        json_put_bool(&writer, "has_more", has_more);
        json_put_text(&writer, "first_id", count > 0 ? entries[0].id : NULL);
        json_put_text(&writer, "last_id", count > 0 ? entries[count - 1].id : NULL);
    }
    json_close_object(&writer);
}
