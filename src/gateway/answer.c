/* gateway/answer.c: what the server itself says: headers of its own, errors in the caller's dialect, and
 * the lists of models.
 */
#include "gateway/translate.h"

#include <stdlib.h>

#define MODELS_LISTED_MAX 4000u
#define MODELS_BODY_MAX   (4u << 20)

/* Any provider's spelling as a header value: what is not visible ASCII, and '%', is percent-encoded. */
static void write_model(struct buf *out, struct str model)
{
    buf_append_lit(out, "x-auxot-model: ");
    size_t plain = 0; /* visible bytes are copied in runs */
    for (size_t i = 0; i < model.len; i++) {
        unsigned char c = (unsigned char)model.at[i];
        if (c > 0x20 && c < 0x7F && c != '%')
            continue;
        buf_append(out, model.at + plain, i - plain);
        buf_printf(out, "%%%02X", c);
        plain = i + 1;
    }
    buf_append_str(out, str_from(model, plain));
    buf_append_lit(out, "\r\n");
}

static void write_fidelity(const struct fidelity *fidelity, struct buf *out)
{
    if (fidelity->count == 0)
        return;
    buf_append_lit(out, "x-auxot-fidelity: ");
    fidelity_write(fidelity, out);
    buf_append_lit(out, "\r\n");
}

void answer_names_write(const struct request *request, struct buf *out)
{
    const struct trial *trial = &request->trial;
    struct str id = str_of(request->id);
    buf_append_lit(out, "request-id: ");
    buf_append_str(out, id);
    buf_append_lit(out, "\r\nx-request-id: ");
    buf_append_str(out, id);
    buf_append_lit(out, "\r\nx-auxot-job: ");
    buf_append_str(out, id);
    buf_append_lit(out, "\r\n");
    if (trial->provider) {
        buf_append_lit(out, "x-auxot-provider: ");
        buf_puts(out, trial->provider->slug);
        buf_append_lit(out, "\r\n");
        write_model(out, trial->model);
    }
    if (trial->provider && trial->translation)
        write_fidelity(&trial->translation->fidelity, out);
    else if (trial->provider && trial->is_lowered)
        buf_append_lit(out, "x-auxot-fidelity: changed:max_tokens\r\n");
    passed_header(request, out);
    buf_append_lit(out, "x-auxot-attempts: ");
    buf_put_uint(out, (uint64_t)request->attempt_count);
    buf_append_lit(out, "\r\n");
}

void answer_headers_write(const struct request *request, struct buf *out)
{
    answer_names_write(request, out);
    admission_headers(request, out);
    receipt_header(&request->receipt, out);
}

void answer_error(struct exchange *exchange, const struct own_error *error)
{
    AUTO_BUF struct buf headers, body;
    buf_init(&headers, 4096);
    buf_init(&body, 16384);
    if (error->request)
        answer_headers_write(error->request, &headers);
    else
        buf_printf(&headers, "request-id: %s\r\nx-request-id: %s\r\n", error->id, error->id);
    int status = say_status(error->what);
    if (!say_may_retry(error->what) || error->is_hopeless) {
        buf_puts(&headers, "x-should-retry: false\r\n");
    } else if (status == 409 || status == 429 || status == 503) {
        int64_t seconds = error->retry_after_ms > 0 ? (error->retry_after_ms + 999) / 1000 : 1;
        buf_printf(&headers, "retry-after: %lld\r\n", (long long)seconds);
    }
    if (error->allow)
        buf_printf(&headers, "allow: %s\r\n", error->allow);
    if (status == 426)
        buf_puts(&headers, "upgrade: HTTP/1.1\r\n");
    say_error(&body, error->dialect, error->what, error->sentence, NULL, error->id);
    if (body.failed)
        buf_clear(&body); /* the status says enough; half an object says nothing */
    exchange_answer(exchange, status, buf_str(&headers), STR("application/json"), buf_str(&body));
}

void answer_foreign_error(struct request *request, int status, struct str headers, struct str body)
{
    AUTO_BUF struct buf out;
    struct error_body error;
    buf_init(&out, 16384);
    error_body_read(request->gl->event_reader, body, &error);
    if (error.message.len == 0)
        error.message = str_of(request->last_sentence);
    bool is_too_long = request->has_met_long;
    if (is_too_long && status == 413)
        status = 400; /* Groq's limit on tokens: clients take a 413 for too large a body */
    say_foreign_error(&out, request->dialect, status, is_too_long, &error, request->id);
    exchange_answer(TAKE(request->exchange), status, headers, STR("application/json"),
                    buf_str(&out));
}

/* About as many tokens as the text of the request has; said to be an estimate, here and in the record. */
void answer_token_estimate(struct request *request)
{
    struct json root;
    int64_t bytes = (int64_t)request->body_bytes;
    if (json_parse(request->gl->body_reader, buf_str(&request->body), &root, NULL) == OK)
        bytes = meter_text_bytes(root);
    AUTO_BUF struct buf headers, body;
    buf_init(&headers, 8192);
    buf_init(&body, 256);
    request->ended = "estimated";
    answer_headers_write(request, &headers);
    buf_append_lit(&headers, "x-auxot-estimated: input_tokens\r\n");
    buf_printf(&body, "{\"input_tokens\":%lld}", (long long)((bytes + 3) / 4));
    request->first_byte_ns = loop_now_ns(request->gl->loop);
    request->bytes_out += (int64_t)body.len;
    record_close(request, JOB_DONE, "estimated", 200);
    exchange_answer(TAKE(request->exchange), 200, buf_str(&headers), STR("application/json"),
                    buf_str(&body));
    request_finish(request);
}

/* ---- models ---------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct model_entry *)a)->id, ((const struct model_entry *)b)->id);
}

/* Can a caller of this dialect be served by it: in its own words, or in translation? */
static bool is_reached(const struct provider *provider, enum dialect dialect)
{
    unsigned reached = ENDPOINTS_GENERATION;
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        if (endpoint_facts((enum endpoint)i)->dialect == dialect)
            reached |= ENDPOINT_BIT(i);
    return !provider->is_paused && provider->speaks & reached;
}

/* Surfaced models that the caller may use, of the providers that this dialect reaches, each name once, behind "auto"
 * and routes. */
static size_t list_models(const struct snapshot *snapshot, enum dialect dialect,
                          const struct access *access, struct model_entry *entries)
{
    size_t count = 0;
    entries[count++] = (struct model_entry){.id = "auto", .owned_by = "auxot"};
    for (size_t r = 0; r < snapshot->routing.route_count; r++)
        if (!str_ends(str_of(snapshot->routing.routes[r].name), STR("*")) &&
            count < MODELS_LISTED_MAX)
            entries[count++] =
                (struct model_entry){.id = snapshot->routing.routes[r].name, .owned_by = "auxot"};
    size_t first = count;
    for (size_t p = 0; p < snapshot->routing.provider_count; p++) {
        const struct provider *provider = snapshot->routing.providers[p];
        for (size_t m = 0; is_reached(provider, dialect) && m < provider->model_count; m++)
            if (provider->models[m].is_surfaced && count < MODELS_LISTED_MAX &&
                access_decide(access, provider, str_of(provider->models[m].id)) == ACCESS_ALLOWED)
                entries[count++] =
                    (struct model_entry){.id = provider->models[m].id,
                                         .owned_by = provider->slug,
                                         .created_at_ms = provider->models[m].created_at_ms};
    }
    qsort(entries + first, count - first, sizeof *entries, compare_entries);
    size_t kept = first;
    for (size_t i = first; i < count; i++)
        if (i == first || strcmp(entries[kept - 1].id, entries[i].id) != 0)
            entries[kept++] = entries[i];
    return kept;
}

/* Percent-decodes a model id of a path; false when it is malformed or too long. */
static bool decode_id(struct str coded, char *room, size_t room_bytes)
{
    size_t len = 0;
    for (size_t i = 0; i < coded.len; i++) {
        char c = coded.at[i];
        if (c == '%') {
            int high = i + 2 < coded.len ? str_hex_digit(coded.at[i + 1]) : -1;
            int low = i + 2 < coded.len ? str_hex_digit(coded.at[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (len + 1 >= room_bytes)
            return false;
        room[len++] = c;
    }
    room[len] = '\0';
    return len > 0;
}

static void answer_out_of_memory(struct exchange *exchange, enum dialect dialect, const char *id)
{
    answer_error(exchange,
                 &(struct own_error){.dialect = dialect,
                                     .what = SAY_OVERLOADED,
                                     .sentence = "The server is out of memory; try again.",
                                     .id = id});
}

void answer_models(struct gateway_loop *gl, struct exchange *exchange,
                   const struct principal *principal, const struct api_route *route, const char *id)
{
    const struct access access = principal_access(principal);
    AUTO_FREE struct model_entry *entries = mem_zalloc(MODELS_LISTED_MAX + 1, sizeof *entries);
    AUTO_BUF struct buf headers, body;
    buf_init(&headers, 1024);
    buf_init(&body, MODELS_BODY_MAX);
    if (!entries) {
        answer_out_of_memory(exchange, route->dialect, id);
        return;
    }
    size_t count = list_models(gl->lease->snapshot, route->dialect, &access, entries);
    if (route->endpoint == ENDPOINT_MODELS) {
        say_models(&body, route->dialect, entries, count, false);
    } else {
        char wanted[256];
        bool is_found = false;
        bool is_name = decode_id(route->model_id, wanted, sizeof wanted);
        for (size_t i = 0; is_name && !is_found && i < count; i++) {
            is_found = strcmp(entries[i].id, wanted) == 0;
            if (is_found)
                say_model(&body, route->dialect, &entries[i]);
        }
        if (!is_found) {
            answer_error(exchange,
                         &(struct own_error){.dialect = route->dialect,
                                             .what = SAY_NO_MODEL,
                                             .sentence = "There is no such model here, or your key "
                                                         "may not use it. GET .../models lists "
                                                         "those you can use.",
                                             .id = id});
            return;
        }
    }
    buf_printf(&headers, "request-id: %s\r\nx-request-id: %s\r\ncache-control: no-store\r\n", id,
               id);
    if (headers.failed || body.failed)
        answer_out_of_memory(exchange, route->dialect, id);
    else
        exchange_answer(exchange, 200, buf_str(&headers), STR("application/json"), buf_str(&body));
}
