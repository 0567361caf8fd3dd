/* gateway/request.c: the life of one inference request: admit -> body -> parse -> route, and its end. Slots: slots.c.
 *
 * Every wait is a state (request.h) and every way out goes through request_finish: an answer, a failure,
 * a client that left, a deadline, a revoked key, a shutdown. Objects are freed between two turns of the
 * loop, so no function loses its own request under its feet; after a call that may end the request, check
 * `state`.
 */
#include "gateway/repeat.h"
#include "gateway/slots.h"
#include "base/log.h"
#include "sys/clock.h"

#include <assert.h>
#include <stdio.h>

#define ARENA_MAX          (1u << 20)
#define BODY_LIMIT_DEFAULT (32u << 20)
#define LEAST_TOKEN_BYTES  8u

const struct snapshot *request_snapshot(const struct request *request)
{
    return request->lease->snapshot;
}

struct str request_keep(struct request *request, struct str text)
{
    char *copy = arena_dup(&request->arena, text.at, text.len);
    return copy ? (struct str){copy, text.len} : STR("");
}

/* ---- the end --------------------------------------------------------------------------------- */

static void free_request(struct loop_message *message)
{
    struct request *request = LIST_OWNER(message, struct request, free_later);
    deadline_release(&request->clock);
    arena_release(&request->arena);
    lease_give(request->lease);
    mem_free(request);
}

static void free_body(struct request *request)
{
    buf_release(&request->body);
    body_budget_return(request->body_charged);
    request->body_charged = 0;
}

void request_finish(struct request *request)
{
    if (request->state == REQUEST_ENDED)
        return;
    assert(!request->trial.call && !request->exchange);
    request->state = REQUEST_ENDED;
    request->gl->batch.count = 0; /* it points into what goes now */
    buf_clear(&request->gl->translated);
    attempt_take_apart(request);
    slots_leave(request);
    admission_settle(request, 0, 0); /* unless its record has done so */
    repeat_ended(request, false);    /* likewise */
    request_stop_parsing(request);
    free_body(request);
    list_unlink(&request->node);
    list_unlink(&request->recording);
    deadline_clear(&request->clock);
    count_up(&request->gl->running, -1);
    if (request->has_slot)
        atomic_fetch_sub(&request->gl->gateway->running, 1);
    loop_defer(request->gl->loop, &request->free_later);
}

/* When it may be asked again; 0: no saying. */
static int64_t retry_after_ms(const struct request *request, enum say what)
{
    if (what == SAY_RATE_LIMITED)
        return request->admission.wait_ms;
    return what == SAY_ALL_OVER_QUOTA ? request->quota_wait_ms : 0;
}

/* Says why, in whatever form the answer has by now, and ends. */
void request_fail(struct request *request, enum say what, const char *reason, const char *sentence)
{
    if (request->state == REQUEST_ENDED || request->state == REQUEST_ANSWERING)
        return; /* nothing is left to fail */
    bool was_asked = request->attempt_count > 0;
    receipt_admit_end(&request->receipt);
    attempt_cancel(request, "failed", reason);
    request->ended = reason;
    int status = request->is_head_sent ? 200 : say_status(what);
    record_close(request, was_asked ? JOB_FAILED : JOB_REFUSED, reason, status);
    struct exchange *exchange = TAKE(request->exchange);
    if (exchange && request->is_head_sent) {
        request->exchange = exchange;
        relay_cut(request, what, sentence);
    } else if (exchange) {
        answer_error(exchange, &(struct own_error){.dialect = request->dialect,
                                                   .what = what,
                                                   .sentence = sentence,
                                                   .id = request->id,
                                                   .retry_after_ms = retry_after_ms(request, what),
                                                   .is_hopeless = request->admission.is_hopeless,
                                                   .request = request});
    }
    request_finish(request);
}

/* Ours, so it says nothing about the provider, and another one would not help. */
void request_fail_for_memory(struct request *request)
{
    request_fail(request, SAY_OVERLOADED, "no_memory", "The server is out of memory; try again.");
}

static void on_gone(void *owner)
{
    struct request *request = owner;
    request->exchange = NULL;
    if (request->state == REQUEST_ENDED || request->state == REQUEST_DRAINING)
        return;
    if (request->state == REQUEST_BODY) {
        record_refused(request, "body_incomplete", 0);
    } else {
        attempt_cancel(request, "cancelled", "client_gone");
        record_close(request, JOB_CANCELLED, "client_gone", request->is_head_sent ? 200 : 0);
    }
    request_finish(request);
}

/* The HTTP layer answered: the body was too large, too slow, or malformed in its framing. */
static void on_refused(void *owner, int status)
{
    struct request *request = owner;
    request->exchange = NULL;
    if (request->state == REQUEST_ENDED)
        return;
    record_refused(request,
                   status == 413   ? "body_too_large"
                   : status == 408 ? "body_timeout"
                   : status == 503 ? "no_memory"
                                   : "bad_framing",
                   status);
    request_finish(request);
}

static void on_drained(void *owner)
{
    struct request *request = owner;
    if (!request->is_paused || !request->trial.call)
        return;
    request->is_paused = false;
    request->client_write_ns = loop_now_ns(request->gl->loop);
    call_resume(request->trial.call);
}

/* ---- the clock ------------------------------------------------------------------------------- */

static int64_t next_sign_of_life(const struct request *request)
{
    const struct gateway *gateway = request->gl->gateway;
    bool is_streaming = request->state == REQUEST_STREAMING && request->trial.is_sse;
    bool is_live =
        request->state == REQUEST_ATTEMPT || request->state == REQUEST_SLOT || is_streaming;
    if (!request->facts.stream || !is_live || !request->exchange)
        return INT64_MAX;
    if (!request->is_head_sent)
        return request->created_ns + gateway->tuning.late_head_ms * NS_PER_MS;
    return request->client_write_ns + gateway->tuning.keepalive_ms * NS_PER_MS;
}

void request_set_clock(struct request *request)
{
    int64_t sign = next_sign_of_life(request);
    deadline_set(&request->clock, sign < request->deadline_ns ? sign : request->deadline_ns);
}

static void on_clock(struct deadline *deadline)
{
    struct request *request = LIST_OWNER(deadline, struct request, clock);
    int64_t now_ns = loop_now_ns(request->gl->loop);
    if (request->state == REQUEST_ENDED || request->state == REQUEST_ANSWERING)
        return;
    if (now_ns >= request->deadline_ns) {
        if (request->state == REQUEST_DRAINING) {
            attempt_cancel(request, NULL, NULL);
            request_finish(request);
        } else {
            request_fail(request, SAY_DEADLINE, "deadline",
                         "The request took longer than the server allows for a whole job.");
        }
        return;
    }
    if (now_ns >= next_sign_of_life(request))
        relay_keepalive(request);
    if (request->state != REQUEST_ENDED)
        request_set_clock(request);
}

/* ---- route ----------------------------------------------------------------------------------- */

static enum say say_of(enum route_outcome outcome)
{
    switch (outcome) {
    case ROUTE_UNKNOWN_MODEL:
    case ROUTE_UNKNOWN_PIN:
    case ROUTE_PIN_LACKS_MODEL:
    case ROUTE_ENDPOINT: return SAY_NO_MODEL;
    case ROUTE_PINS_DISAGREE:
    case ROUTE_ABILITY: return SAY_BAD_REQUEST;
    case ROUTE_TOO_LONG: return SAY_TOO_LONG;
    case ROUTE_DIALECT: return SAY_DIALECT;
    case ROUTE_DENIED: return SAY_FORBIDDEN;
    case ROUTE_ALL_OVER_QUOTA: return SAY_ALL_OVER_QUOTA;
    case ROUTE_NOBODY_NOW: return SAY_OVERLOADED;
    case ROUTE_NONE_EVER: return SAY_NO_CANDIDATE;
    case ROUTE_OK: break;
    }
    return SAY_INTERNAL;
}

/* Keeps the eligible candidates, and those that may come. Their strings live in the snapshot or in the request, save
 * what workers have loaded. */
static bool keep_candidates(struct request *request, const struct route_plan *plan)
{
    size_t count = plan->eligible_count + plan->later_count;
    struct candidate *kept = arena_alloc(&request->arena, count * sizeof *kept);
    if (!kept)
        return false;
    memcpy(kept, plan->list, count * sizeof *kept);
    for (size_t i = 0; i < count; i++) {
        if (!kept[i].provider->has_workers || kept[i].model.len == 0)
            continue;
        kept[i].model = request_keep(request, kept[i].model);
        if (kept[i].model.len == 0)
            return false;
    }
    request->candidates = kept;
    request->candidate_count = plan->eligible_count;
    request->later_count = plan->later_count;
    request->next_candidate = 0;
    request->has_asked_later = false;
    request->is_pinned = plan->is_pinned;
    return true;
}

unsigned request_needs(const struct request *request)
{
    const struct body_facts *facts = &request->facts;
    return (facts->has_tools ? NEEDS_TOOLS : 0u) | (facts->has_images ? NEEDS_IMAGES : 0u) |
           (facts->wants_schema ? NEEDS_SCHEMA : 0u);
}

/* So no request is turned away by mistake. What pictures and sounds are worth, their bytes do not tell. */
int64_t request_least_tokens(const struct request *request)
{
    return request->facts.has_media ? -1 : (int64_t)(request->body_bytes / LEAST_TOKEN_BYTES);
}

enum route_outcome request_plan(struct request *request)
{
    struct gateway_loop *gl = request->gl;
    int64_t from_ns = clock_monotonic_ns();
    const struct snapshot *snapshot = request_snapshot(request);
    const struct access access = principal_access(request->principal);
    struct route_request wanted = {.endpoint = request->endpoint,
                                   .model = request->facts.model,
                                   .provider_pin = request->pin,
                                   .is_admin = request->principal->role >= ROLE_ADMIN,
                                   .access = &access,
                                   .needs = request_needs(request),
                                   .prompt_tokens = request_least_tokens(request),
                                   .now_ms = loop_now_ms(gl->loop)};
    gateway_views_release(gl->views, gl->view_count);
    gateway_views(snapshot, wanted.now_ms, gl->views);
    gl->view_count = snapshot->routing.provider_count;
    route_plan_make(&snapshot->routing, gl->views, &wanted, &gl->plan);
    passed_note_plan(request, &wanted);
    (void)receipt_since(&request->receipt, PHASE_ROUTE, from_ns);
    return gl->plan.outcome;
}

void request_fail_unrouted(struct request *request)
{
    const struct route_plan *plan = &request->gl->plan;
    request->is_looked_for = true;
    request->quota_wait_ms = plan->wait_ms;
    if (plan->outcome == ROUTE_DENIED)
        admission_note_denied(request);
    request_fail(request, say_of(plan->outcome), route_outcome_reason(plan->outcome),
                 plan->sentence);
}

/* Of workers each is tried once: the dispatcher sees to that. */
static bool was_tried(const struct request *request, const struct provider *provider)
{
    if (provider->has_workers)
        return false;
    for (int i = 0; i < request->attempt_count; i++)
        if (request->notes[i]->provider == provider)
            return true;
    return false;
}

void request_reroute(struct request *request)
{
    struct route_plan *plan = &request->gl->plan;
    if (request_plan(request) != ROUTE_OK && plan->later_count == 0)
        return; /* what is left of the old list is tried all the same */
    size_t kept = 0, kept_later = 0, all = plan->eligible_count + plan->later_count;
    for (size_t i = 0; i < all; i++) {
        if (was_tried(request, plan->list[i].provider))
            continue;
        plan->list[kept + kept_later] = plan->list[i];
        kept += i < plan->eligible_count;
        kept_later += i >= plan->eligible_count;
    }
    plan->eligible_count = kept;
    plan->later_count = kept_later;
    if (keep_candidates(request, plan)) /* without memory the old list goes on */
        admission_look_again(request);
}

static void route(struct request *request)
{
    if (request_plan(request) != ROUTE_OK && request->gl->plan.later_count == 0) {
        request_fail_unrouted(request);
        return;
    }
    if (!keep_candidates(request, &request->gl->plan)) {
        request_fail_for_memory(request);
        return;
    }
    request->receipt.admit_from = clock_monotonic_ns();
    if (!admission_take(request))
        return;
    receipt_admit_end(&request->receipt);
    request->state = REQUEST_ATTEMPT;
    request->is_looked_for = true;
    request_set_clock(request);
    attempt_next(request);
}

/* ---- body and parse -------------------------------------------------------------------------- */

void request_parsed(struct request *request)
{
    if (repeat_begin(request))
        route(request);
}

static void on_body(void *owner)
{
    struct request *request = owner;
    exchange_take_body(request->exchange, &request->body);
    request->body_bytes = request->body_charged = request->body.len;
    request_parse(request);
}

static const struct exchange_ops exchange_ops = {
    .on_body = on_body, .on_gone = on_gone, .on_refused = on_refused, .on_drained = on_drained};

/* ---- the beginning --------------------------------------------------------------------------- */

struct request *request_new(struct gateway_loop *gl, struct exchange *exchange,
                            const struct api_route *route_found, const struct caller *caller,
                            const char *id)
{
    struct request *request = mem_alloc(sizeof *request);
    if (!request)
        return NULL;
    memset(request, 0, offsetof(struct request, first_room));
    request->gl = gl;
    request->exchange = exchange;
    request->endpoint = route_found->endpoint;
    request->dialect = route_found->dialect;
    request->principal = caller->principal;
    request->is_signed_in = caller->is_signed_in;
    memcpy(request->sign_in, caller->digest, sizeof request->sign_in);
    request->lease = lease_take(gl);
    request->created_ns = loop_now_ns(gl->loop);
    request->created_at_ms = loop_wall_ms(gl->loop);
    request->deadline_ns = request->created_ns + gl->gateway->tuning.job_timeout_ms * NS_PER_MS;
    request->free_later.run = free_request;
    request->facts.model = STR("");
    request->last_sentence = "";
    request->wait_ms = -1;
    memcpy(request->id, id, sizeof request->id);
    arena_init_in(&request->arena, ARENA_MAX, request->first_room, sizeof request->first_room);
    request->trace = otlp_trace(gl->gateway->otlp, request);
    deadline_init(&request->clock, gl->loop, on_clock);
    list_push_back(&gl->live, &request->node);
    list_init(&request->recording);
    count_up(&gl->running, 1);
    count_up(&gl->counters[COUNT_REQUESTS], 1);
    retry_budget_on_request(&gl->retries, loop_now_ms(gl->loop));
    return request;
}

/* Takes one of the whole server's places, when they are counted. */
static bool take_slot(struct request *request)
{
    struct gateway *gateway = request->gl->gateway;
    int64_t most = gateway->tuning.max_concurrent;
    if (most <= 0)
        return true;
    request->has_slot = atomic_fetch_add(&gateway->running, 1) < most;
    if (!request->has_slot)
        atomic_fetch_sub(&gateway->running, 1);
    return request->has_slot;
}

/* "0", "500ms", "30s", "2m", at most a day. -1: the header is not there. */
static bool read_wait(const struct http_head *head, int64_t *out_ms)
{
    static const struct {
        struct str unit;
        int64_t ms;
    } units[] = {{STR_INIT("ms"), 1}, {STR_INIT("s"), 1000}, {STR_INIT("m"), 60000}};
    struct str value = http_header_find(head, STR("x-auxot-wait"), NULL);
    size_t digits = 0;
    int64_t number = 0;
    *out_ms = -1;
    if (value.len == 0)
        return true;
    while (digits < value.len && value.at[digits] >= '0' && value.at[digits] <= '9')
        digits++;
    if (digits > 8 || !str_to_int64(str_upto(value, digits), &number))
        return false;
    *out_ms = number;
    if (number == 0 && digits == value.len)
        return true;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (str_eq(str_from(value, digits), units[i].unit)) {
            *out_ms = number * units[i].ms;
            return *out_ms <= INT64_C(24) * 3600 * 1000;
        }
    return false;
}

/* A caller may ask for less than his class, not for more. */
static bool is_batch_by_policy(const struct principal *principal)
{
    return principal->policy.is_batch || (principal->team && principal->team->policy.is_batch);
}

/* A copy: the record tells it, also of a caller who is gone with the head of the request. */
static bool keep_pin(struct request *request, struct str pin)
{
    const char *kept = pin.len ? arena_dup(&request->arena, pin.at, pin.len) : "";
    request->pin = (struct str){kept, kept ? pin.len : 0};
    return kept != NULL;
}

/* Asks for the body, unless something is known already that turns the request away. */
void request_admit(struct request *request)
{
    struct gateway *gateway = request->gl->gateway;
    const struct http_head *head = exchange_head(request->exchange);
    size_t limit = gateway->options.body_limit_bytes;
    size_t pins = 0;
    limit = limit ? limit : BODY_LIMIT_DEFAULT;
    bool has_pin = keep_pin(request, http_header_find(head, STR("x-auxot-provider"), &pins));
    request->is_batch = is_batch_by_policy(request->principal) ||
                        str_ieq(http_header_find(head, STR("x-auxot-class"), NULL), STR("batch"));
    request->receipt.is_wanted =
        str_eq(http_header_find(head, STR("x-auxot-timing"), NULL), STR("1"));
    request->is_strict = str_eq(http_header_find(head, STR("x-auxot-strict"), NULL), STR("1"));
    if (atomic_load_explicit(&gateway->is_draining, memory_order_relaxed)) {
        request_fail(request, SAY_OVERLOADED, "draining",
                     "The server is shutting down; send the request again in a moment.");
    } else if (!take_slot(request)) {
        request_fail(
            request, SAY_OVERLOADED, "server_full",
            "The server runs as many requests as it is allowed to; try again in a moment.");
    } else if (head->content_length > (int64_t)limit) {
        char sentence[120];
        snprintf(sentence, sizeof sentence, "The request body is larger than %zu bytes.", limit);
        request_fail(request, SAY_BODY_TOO_LARGE, "body_too_large", sentence);
    } else if (!has_pin) {
        request_fail_for_memory(request);
    } else if (pins > 1) {
        request_fail(request, SAY_BAD_REQUEST, "pins_disagree",
                     "X-Auxot-Provider is there more than once. Send one.");
    } else if (!read_wait(head, &request->wait_ms)) {
        request_fail(request, SAY_BAD_REQUEST, "bad_wait",
                     "X-Auxot-Wait must be 0, or a time such as 500ms, 30s or 2m.");
    } else if (repeat_read(request, head)) {
        exchange_attach(request->exchange, &exchange_ops, request);
        exchange_want_body(request->exchange, limit);
    }
}
