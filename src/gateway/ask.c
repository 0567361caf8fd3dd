/* gateway/ask.c: what goes to a provider: a head with its credential, and the caller's bytes with the few that
 * must change changed.
 */
#include "gateway/slots.h"
#include "gateway/translate.h"
#include "gen/version.h"
#include "providers/blot.h"
#include "sys/vault.h"

#define HEAD_MAX            (48u * 1024)
#define HEAD_USUAL          600u /* without the key: small blocks are malloc's cheap ones */
#define CREDENTIAL_LINE     64u  /* around the key */
#define FORWARDED_VALUE_MAX 4096u
#define SPLICE_MAX          (64u * 1024)
#define WORKER_PING_MS      2500 /* F35: who vanishes over a job is missed within 10 s */

/* ---- the upstream's head --------------------------------------------------------------------- */

/* The caller's headers that go along: an allow-list. SPEC.md 3. Those of a vendor mean nothing in another
 * dialect. True when anthropic-version is one. */
static bool forward_headers(const struct request *request, const struct http_head *head,
                            struct buf *out)
{
    static const struct str version = STR_INIT("anthropic-version");
    static const struct str all[] = {STR_INIT("traceparent"), STR_INIT("anthropic-beta"),
                                     STR_INIT("openai-beta")};
    bool is_translated = request->trial.translation != NULL;
    size_t first = request->trace ? 1 : 0; /* write_trace says it */
    size_t count = is_translated ? 1 : sizeof all / sizeof all[0];
    bool has_version = false;
    for (size_t h = 0; h < head->header_count; h++) {
        const struct http_header *header = &head->headers[h];
        bool is_version = !is_translated && !has_version && str_ieq(header->name, version);
        bool goes = is_version;
        for (size_t i = first; i < count && !goes; i++)
            goes = str_ieq(header->name, all[i]); /* lists: each line of them */
        if (!goes || header->value.len == 0 || header->value.len > FORWARDED_VALUE_MAX)
            continue;
        buf_append_str(out, header->name);
        buf_append_lit(out, ": ");
        buf_append_str(out, header->value);
        buf_append_lit(out, "\r\n");
        has_version |= is_version;
    }
    return has_version;
}

/* For whom traces: the provider's own spans, if it makes any, come below that of the attempt. */
static void write_trace(struct request *request)
{
    uint8_t span[SPAN_ID_BYTES];
    struct buf *out = &request->trial.head;
    if (!request->trace)
        return;
    trace_span(str_of(request->id), request->attempt_count, span);
    buf_append_lit(out, "traceparent: ");
    traceparent_write(request->trace, span, out);
    buf_append_lit(out, "\r\n");
}

static void write_request_line(struct request *request, const struct target *target,
                               const struct provider_kind_facts *kind, bool is_beta)
{
    struct buf *out = &request->trial.head;
    buf_append_lit(out, "POST ");
    buf_puts(out, target->path);
    buf_puts(out, kind->path_prefix);
    buf_puts(out, endpoint_facts(request->trial.asked)->upstream_path);
    if (is_beta)
        buf_append_lit(out, "?beta=true");
    buf_append_lit(out, " HTTP/1.1\r\nhost: ");
    buf_puts(out, target->authority);
    buf_append_lit(out, "\r\nuser-agent: auxot/" AUXOT_VERSION "\r\n"
                        "content-type: application/json\r\naccept: ");
    if (request->facts.stream)
        buf_append_lit(out, "text/event-stream");
    else
        buf_append_lit(out, "application/json");
    buf_append_lit(out, "\r\naccept-encoding: identity\r\n");
}

/* For workers: the name of the conversation, which is nobody else's (affinity.c). */
static void write_session(struct request *request)
{
    static const uint8_t none[sizeof request->session];
    struct buf *out = &request->trial.head;
    if (!request->trial.provider->has_workers || memcmp(request->session, none, sizeof none) == 0)
        return;
    buf_append_lit(out, "x-auxot-session: ");
    buf_put_hex(out, request->session, sizeof request->session);
    buf_append_lit(out, "\r\n");
}

/* Builds the head with the provider's credential, which is opened for this and wiped with the head. */
static enum err write_head(struct request *request, const struct target *target, size_t body_bytes,
                           struct error *error)
{
    struct trial *trial = &request->trial;
    const struct provider_kind_facts *kind = provider_kind_facts(trial->provider->kind);
    const struct http_head *head = exchange_head(request->exchange);
    struct secret *key = NULL;
    enum err err = live_key_open(trial->live, request->gl->gateway->options.vault, &key,
                                 &trial->credential_version, error);
    if (err != OK)
        return err;
    struct str secret = key ? secret_borrow(key) : STR("");
    bool is_translated = trial->translation != NULL;
    bool is_beta = str_eq(head->query, STR("beta=true")) && !is_translated &&
                   request->dialect == DIALECT_ANTHROPIC;
    buf_init(&trial->head, HEAD_MAX);
    if (!buf_reserve(&trial->head, HEAD_USUAL + secret.len)) /* in one piece, nearly always */
        err = ERR_NO_MEMORY;
    write_request_line(request, target, kind, is_beta);
    buf_append_lit(&trial->head, "content-length: ");
    buf_put_uint(&trial->head, body_bytes);
    buf_append_lit(&trial->head, "\r\nx-client-request-id: ");
    buf_puts(&trial->head, request->id);
    buf_putc(&trial->head, '-');
    buf_put_uint(&trial->head, (uint64_t)request->attempt_count);
    buf_append_lit(&trial->head, "\r\n");
    write_session(request);
    write_trace(request);
    bool has_version = forward_headers(request, head, &trial->head);
    kind->write_defaults(&trial->head, has_version);
    if (!buf_reserve(&trial->head,
                     CREDENTIAL_LINE + secret.len)) /* no growing behind the key: no copies */
        err = ERR_NO_MEMORY;
    kind->write_credential(&trial->head, secret);
    buf_puts(&trial->head, "\r\n");
    secret_free(key);
    return err == OK && !trial->head.failed
               ? OK
               : error_set(error, ERR_NO_MEMORY, "no memory for a request head");
}

void attempt_wipe_head(struct trial *trial)
{
    if (trial->head.data)
        secret_wipe(trial->head.data, trial->head.len);
    buf_release(&trial->head);
    buf_release(&trial->splice);
    buf_release(&trial->opened);
}

bool attempt_blot(struct request *request, char *bytes, size_t len)
{
    struct trial *trial = &request->trial;
    struct secret *key = NULL;
    int64_t version;
    struct error error;
    if (len == 0)
        return true;
    enum err err = live_key_open(trial->live, request->gl->gateway->options.vault, &key, &version,
                                 &error); /* without a key that opens, none was sent */
    if (key)
        blot_key(bytes, len, secret_borrow(key));
    secret_free(key);
    return err != ERR_NO_MEMORY;
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool wants_usage_added(const struct request *request)
{
    bool may = (request->endpoint == ENDPOINT_CHAT || request->endpoint == ENDPOINT_COMPLETIONS) &&
               !request->trial.translation;
    bool is_needed = request->facts.stream && !request->facts.wants_usage;
    if (!may || !is_needed || request->trial.is_repeat)
        return false;
    return !(request->trial.quirks & QUIRK_NO_STREAM_OPTIONS);
}

/* A conversation that was elsewhere meanwhile: does it hold what this provider refuses? */
static bool is_to_be_opened(const struct request *request)
{
    const struct trial *trial = &request->trial;
    struct str body = buf_str(&request->body);
    if (trial->translation)
        return false;
    if (request->endpoint == ENDPOINT_CHAT)
        return trial->quirks & QUIRK_NO_THOUGHTS && body_has_thoughts(body);
    return body_has_envelopes(request->endpoint, body);
}

/* What this provider calls the limit of an answer, where the caller named none. */
static const char *limit_name(const struct trial *trial)
{
    if (trial->asked == ENDPOINT_RESPONSES)
        return "max_output_tokens";
    bool is_newer = trial->asked == ENDPOINT_CHAT &&
                    (trial->provider->is_openais_own || trial->quirks & QUIRK_NEW_MAX_TOKENS);
    return is_newer ? "max_completion_tokens" : "max_tokens";
}

static struct body_change change_of(const struct trial *trial)
{
    return (struct body_change){.model = trial->model,
                                .adds_usage = trial->adds_usage,
                                .endpoint = trial->asked,
                                .has_ceiling = trial->ceiling >= 0,
                                .ceiling = trial->ceiling,
                                .limit_name = limit_name(trial)};
}

/* The body without what others have sealed, and without thoughts that are refused. */
static enum err make_opened_body(struct request *request, struct body_pieces *out_pieces)
{
    struct trial *trial = &request->trial;
    struct body_facts facts;
    struct error error;
    buf_init(&trial->opened, request->body.len + 4096);
    struct json_reader *reader = request->gl->body_reader;
    struct str body = buf_str(&request->body);
    enum err err = request->endpoint == ENDPOINT_CHAT
                       ? body_drop_thoughts(reader, body, &trial->opened)
                       : body_drop_envelopes(reader, request->endpoint, body, &trial->opened);
    if (err == OK)
        err = body_read(request->gl->body_reader, request->endpoint, buf_str(&trial->opened),
                        &facts, &error);
    if (err != OK)
        return err;
    const struct body_change change = change_of(trial);
    return body_splice(buf_str(&trial->opened), &facts, &change, &trial->splice, out_pieces);
}

/* The caller's bytes with what must change changed, or their translation. */
static enum err make_body(struct request *request, struct body_pieces *out_pieces)
{
    struct trial *trial = &request->trial;
    buf_init(&trial->splice, SPLICE_MAX + request->body.len);
    if (is_to_be_opened(request))
        return make_opened_body(request, out_pieces);
    if (!trial->translation) {
        const struct body_change change = change_of(trial);
        return body_splice(buf_str(&request->body), &request->facts, &change, &trial->splice,
                           out_pieces);
    }
    struct str body = buf_str(&trial->translation->body);
    *out_pieces = (struct body_pieces){.piece = {body}, .count = 1, .total_bytes = body.len};
    return OK;
}

static enum err send_request(struct request *request, struct error *error)
{
    struct trial *trial = &request->trial;
    const struct snapshot *snapshot = request_snapshot(request);
    size_t index = request->candidates[request->next_candidate - 1].index;
    const struct target *target = &snapshot->targets[index];
    const struct timeouts *timeouts = &trial->provider->timeouts;
    struct body_pieces pieces;
    enum err err = make_body(request, &pieces);
    if (err != OK)
        return error_set(error, err, "no memory for the request to the provider");
    err = write_head(request, target, pieces.total_bytes, error);
    if (err != OK)
        return err;
    struct call_options options = {.target = target,
                                   .piece_count = 1,
                                   .connect_ms = timeouts->connect_ms,
                                   .first_byte_ms = request->facts.stream ? timeouts->first_byte_ms
                                                                          : timeouts->plain_ms,
                                   .idle_ms = timeouts->idle_ms,
                                   .ping_ms = WORKER_PING_MS,
                                   .ops = &attempt_call_ops,
                                   .owner = request};
    options.pieces[0] = (struct iovec){trial->head.data, trial->head.len};
    for (size_t i = 0; i < pieces.count; i++)
        options.pieces[options.piece_count++] =
            (struct iovec){(char *)(uintptr_t)pieces.piece[i].at, pieces.piece[i].len};
    trial->machine.state = ATTEMPT_CONNECTING;
    options.over = slot_take_connection(request);
    request->receipt.connect_from = clock_monotonic_ns();
    receipt_add(&request->receipt, PHASE_CONNECT, 0); /* on_connected adds, when it dials */
    trial->call = call_start(request->gl->pool, &options);
    if (!trial->call)
        return error_set(error, ERR_NO_MEMORY, "no memory for a call to the provider");
    slot_expect_beginning(request);
    return OK;
}

/* Has it what it needs to be asked? A repeat has given its slot back. False: it goes on later, or is over. */
static bool has_slot(struct request *request)
{
    const struct candidate *candidate = &request->candidates[request->next_candidate - 1];
    if (slot_is_held(request) || !slot_is_needed(candidate))
        return true;
    switch (slots_ask_again(request)) {
    case SLOTS_HELD: return true;
    case SLOTS_NONE:
        attempt_broken(request, "no_slot", "no slot was free to ask it again in another form");
        return false;
    default: return false;
    }
}

void attempt_ask(struct request *request)
{
    struct error error = {0};
    if (!has_slot(request))
        return;
    if (slot_is_lost(request)) {
        attempt_not_begun(request, "worker_lost");
        return;
    }
    request->trial.adds_usage = wants_usage_added(request);
    enum err err = send_request(request, &error);
    if (err == ERR_NO_MEMORY)
        request_fail_for_memory(request);
    else if (err != OK)
        attempt_broken(request, "key_unreadable", error.text);
}

void attempt_take_apart(struct request *request)
{
    struct trial *trial = &request->trial;
    attempt_wipe_head(trial);
    buf_release(&trial->held);
    buf_release(&trial->tail);
    translation_free(TAKE(trial->translation));
}
