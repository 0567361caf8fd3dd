/* admin/dispatch.c: the life of one call of the management API.
 *
 * A call belongs to its loop until it is queued, to one api thread until it posts itself back, and to
 * its loop again. `exchange` is touched on the loop only: a client that leaves meanwhile just empties
 * it, and the answer is dropped when it comes. So the call needs neither locks nor counts.
 */
#include "admin/dispatch.h"

#include "admin/access.h"
#include "admin/endpoints.h"
#include "admin/live.h"
#include "admin/people.h"
#include "sys/pool.h"
#include "admin/state.h"
#include "base/log.h"
#include "sys/clock.h"
#include "sys/secret.h"

#include <stdio.h>

#define ANSWER_GRACE_MS \
    5000 /* a handler that has not noticed its deadline by then is answered for */

struct dispatched {
    struct api_call call;
    struct loop *loop;
    struct exchange *exchange; /* NULL: answered, or the client left */
    struct loop_message answered;
    struct deadline patience;
    struct pool_work work;
    bool is_queued;
};

/* ---- answering: on the loop ---------------------------------------------------------------------- */

void common_headers(struct buf *out, const char *request_id)
{
    buf_printf(out,
               "request-id: %s\r\nx-request-id: %s\r\ncache-control: no-store\r\n"
               "x-content-type-options: nosniff\r\n",
               request_id, request_id);
}

void answer_problem(struct exchange *exchange, enum problem problem, const char *detail,
                    const char *extra, const char *request_id)
{
    AUTO_BUF struct buf headers = {0}, body = {0};
    buf_init(&headers, 4096);
    buf_init(&body, 8192);
    common_headers(&headers, request_id);
    buf_puts(&headers, extra);
    problem_write(&body, problem, detail, NULL, request_id);
    if (body.failed)
        buf_clear(&body); /* the status says enough; half an object says nothing */
    exchange_answer(exchange, problem_status(problem), buf_str(&headers), STR(PROBLEM_CONTENT_TYPE),
                    buf_str(&body));
}

static void dispatched_free(struct dispatched *at)
{
    deadline_release(&at->patience);
    if (at->call.body.data)
        secret_wipe(at->call.body.data, at->call.body.len); /* it may have brought a key */
    if (at->call.answer.data)
        secret_wipe(at->call.answer.data, at->call.answer.len);
    secret_wipe(at->call.set_cookie, sizeof at->call.set_cookie);
    body_budget_return(at->call.body.len);
    buf_release(&at->call.body);
    buf_release(&at->call.answer);
    mem_free(at);
}

static void export_headers(const struct api_call *call, struct buf *headers)
{
    buf_printf(headers, "content-disposition: attachment; filename=\"%s\"\r\n", call->file_name);
    if (call->next_cursor[0])
        buf_printf(headers, "x-next-cursor: %s\r\n", call->next_cursor);
}

static void answer_now(struct dispatched *at)
{
    AUTO_BUF struct buf headers = {0};
    buf_init(&headers, 4096);
    common_headers(&headers, at->call.request_id);
    if (at->call.answer.failed) {
        at->call.status = problem_status(PROBLEM_INTERNAL);
        buf_clear(&at->call.answer);
    }
    struct str content_type = at->call.is_problem     ? STR(PROBLEM_CONTENT_TYPE)
                              : at->call.content_type ? str_of(at->call.content_type)
                                                      : STR("application/json");
    if (at->call.content_type)
        export_headers(&at->call, &headers);
    if (at->call.set_cookie[0])
        buf_printf(&headers, "set-cookie: %s\r\n", at->call.set_cookie);
    if (at->call.retry_after_s)
        buf_printf(&headers, "retry-after: %lld\r\n", (long long)at->call.retry_after_s);
    exchange_answer(at->exchange, at->call.status, buf_str(&headers), content_type,
                    buf_str(&at->call.answer));
    at->exchange = NULL;
}

/* What is not there, and what is another's. Those whom nobody knows have events of their own. */
static bool is_refusal(const struct api_call *call)
{
    return call->endpoint->role != ROLE_NONE && (call->status == 403 || call->status == 404);
}

static void on_answered(struct loop_message *message)
{
    struct dispatched *at = LIST_OWNER(message, struct dispatched, answered);
    log_debug("api", "request=%s method=%s path=/api%s status=%d actor=%s", at->call.request_id,
              http_method_name(at->call.endpoint->method), at->call.endpoint->path, at->call.status,
              at->call.actor);
    if (is_refusal(&at->call))
        refusal_note(at->call.admin, &at->call, REFUSAL_ACCESS, at->call.status);
    if (at->exchange)
        answer_now(at);
    dispatched_free(at);
}

/* The handler is still at it: the client gets its answer, the handler's will be dropped. */
static void on_impatient(struct deadline *patience)
{
    struct dispatched *at = LIST_OWNER(patience, struct dispatched, patience);
    if (!at->exchange)
        return;
    struct exchange *exchange = at->exchange;
    at->exchange = NULL;
    answer_problem(exchange, PROBLEM_TIMEOUT, "The server could not finish this in time.", "",
                   at->call.request_id);
}

static void on_gone(void *owner)
{
    struct dispatched *at = owner;
    at->exchange = NULL;
    if (!at->is_queued)
        dispatched_free(at);
}

/* ---- running: on an api thread ------------------------------------------------------------------- */

/* A filter that is misspelled must not mean "everything". */
static bool query_has_known_names(struct api_call *call)
{
    const struct schema *schema = call->endpoint->query;
    struct str rest = str_of(call->query);
    while (rest.len) {
        char shown[64];
        struct str value = str_cut(&rest, '&');
        struct str name = str_cut(&value, '=');
        if (!name.len || (schema && schema_field_of(schema, name)))
            continue;
        str_copy(name, shown, sizeof shown);
        api_fail(call, PROBLEM_BAD_REQUEST, shown, "There is no parameter \"%s\" here.", shown);
        return false;
    }
    return true;
}

/* Names, each once; values of the right kind. An empty one is as good as none. */
static bool query_is_good(struct api_call *call)
{
    char text[512];
    struct schema_breach breach;
    const struct schema *schema = call->endpoint->query;
    if (!query_has_known_names(call))
        return false;
    for (const struct schema_field *field = schema ? schema->fields : NULL; field && field->name;
         field++) {
        if (!api_query(call, field->name, text, sizeof text) || !text[0]) {
            if (api_has_failed(call))
                return false;
            continue;
        }
        if (schema_text_holds(&field->schema, field->name, str_of(text), &breach))
            continue;
        api_fail(call, PROBLEM_BAD_REQUEST, breach.field, "%s", breach.detail);
        return false;
    }
    return true;
}

static bool body_holds(struct api_call *call)
{
    struct schema_breach breach;
    if (schema_holds(call->endpoint->body, call->root, &breach))
        return true;
    api_fail(call, breach.is_unknown_field ? PROBLEM_UNKNOWN_FIELD : PROBLEM_INVALID_FIELD,
             breach.field, "%s", breach.detail);
    return false;
}

static bool body_is_good(struct api_call *call, struct json_reader *reader)
{
    struct error error = {0};
    const struct schema *schema = call->endpoint->body;
    if (!schema || (call->body.len == 0 && !schema->fields->name))
        return true;
    enum err err = json_parse(reader, buf_str(&call->body), &call->root, &error);
    if (err == ERR_NO_MEMORY) {
        api_fail(call, PROBLEM_OVERLOADED, NULL, "The server has no memory to read the body now.");
        return false;
    }
    if (err != OK) {
        api_fail(call, PROBLEM_BAD_BODY, NULL, "The body is not JSON: %s",
                 call->body.len ? error.text : "it is empty");
        return false;
    }
    if (json_type_of(call->root) != JSON_OBJECT) {
        api_fail(call, PROBLEM_BAD_BODY, NULL, "The body must be one JSON object.");
        return false;
    }
    return body_holds(call);
}

static void run_handler(struct api_call *call, struct json_reader *reader)
{
    if (clock_monotonic_ms() > call->deadline_ms) {
        api_fail(call, PROBLEM_OVERLOADED, NULL, "The call waited too long for its turn.");
        return;
    }
    if (!query_is_good(call) || !body_is_good(call, reader))
        return;
    call->endpoint->handler(call);
    if (call->status == 0 || call->answer.failed)
        api_fail(call, PROBLEM_INTERNAL, NULL, "The answer could not be written.");
}

static void on_work(struct pool_work *work, struct json_reader *reader, bool is_stopping)
{
    struct dispatched *at = LIST_OWNER(work, struct dispatched, work);
    if (is_stopping)
        api_fail(&at->call, PROBLEM_UNAVAILABLE, NULL, "The server is stopping.");
    else
        run_handler(&at->call, reader);
    json_wipe(reader); /* as the body: it may have brought a key */
    at->answered.run = on_answered;
    loop_post(at->loop, &at->answered);
}

/* ---- arriving: on the loop ----------------------------------------------------------------------- */

static void enqueue(struct dispatched *at)
{
    struct admin *admin = at->call.admin;
    at->call.deadline_ms = clock_monotonic_ms() + API_DEADLINE_MS;
    at->work.run = on_work;
    at->is_queued = true;
    deadline_set(&at->patience,
                 loop_now_ns(at->loop) + (API_DEADLINE_MS + ANSWER_GRACE_MS) * INT64_C(1000000));
    bool is_slow = people_hashes(at->call.endpoint->handler);
    if (is_slow ? admin_submit_slow(admin, &at->work) : admin_submit(admin, &at->work))
        return;
    answer_problem(at->exchange, PROBLEM_OVERLOADED, "Too many management calls are waiting.",
                   "retry-after: 1\r\n", at->call.request_id);
    dispatched_free(at);
}

static bool is_json(const struct http_head *head)
{
    struct str value = http_header_find(head, STR("content-type"), NULL);
    struct str type = str_trim(str_cut(&value, ';'));
    return str_ieq(type, STR("application/json"));
}

static void on_body(void *owner)
{
    struct dispatched *at = owner;
    exchange_take_body(at->exchange, &at->call.body);
    if (at->call.body.len && !is_json(exchange_head(at->exchange))) {
        struct exchange *exchange = at->exchange;
        at->exchange = NULL;
        answer_problem(exchange, PROBLEM_MEDIA_TYPE, "The body must be JSON.", "",
                       at->call.request_id);
        dispatched_free(at);
        return;
    }
    enqueue(at);
}

/* Looking or changing? A dry run changes nothing. */
static bool has_scope(struct admin *admin, struct exchange *exchange, const struct api_call *call)
{
    bool is_look =
        call->endpoint->method == METHOD_GET || call->endpoint->handler == routing_explain;
    enum scope needed = is_look ? SCOPE_READ : SCOPE_MANAGE;
    if (call->endpoint->role == ROLE_NONE || call->scopes & needed)
        return true;
    refusal_note(admin, call, REFUSAL_ACCESS, problem_status(PROBLEM_FORBIDDEN));
    answer_problem(exchange, PROBLEM_FORBIDDEN,
                   is_look ? "This needs a key with the scope read."
                           : "This needs a key with the scope manage.",
                   "", call->request_id);
    return false;
}

/* A stream: it takes no thread. What is wrong with the call is said as by a handler. */
static void open_stream(struct front *front, struct dispatched *at)
{
    if (query_is_good(&at->call))
        live_open(front, at->exchange, &at->call);
    if (api_has_failed(&at->call))
        answer_now(at);
    dispatched_free(at);
}

static struct dispatched *dispatched_new(struct front *front, struct exchange *exchange,
                                         const struct api_call *call)
{
    struct dispatched *at = mem_zalloc(1, sizeof *at);
    if (!at)
        return NULL;
    const struct http_head *head = exchange_head(exchange);
    at->call = *call;
    at->call.admin = front->admin;
    at->loop = exchange_loop(exchange);
    at->exchange = exchange;
    str_copy(head->query, at->call.query, sizeof at->call.query);
    str_copy(http_header_find(head, STR("if-match"), NULL), at->call.if_match,
             sizeof at->call.if_match);
    buf_init(&at->call.body, 1); /* replaced by the exchange's */
    buf_init(&at->call.answer, API_ANSWER_MAX);
    deadline_init(&at->patience, at->loop, on_impatient);
    return at;
}

static void refuse_unknown(struct exchange *exchange, const char *allow, const char *request_id)
{
    char extra[96];
    snprintf(extra, sizeof extra, "allow: %s\r\n", allow);
    if (allow[0])
        answer_problem(exchange, PROBLEM_BAD_METHOD, "This path does not take this method.", extra,
                       request_id);
    else
        answer_problem(exchange, PROBLEM_NOT_FOUND, "There is nothing at this path.", "",
                       request_id);
}

void dispatch(struct front *front, struct exchange *exchange, const char *request_id)
{
    static const struct exchange_ops ops = {.on_body = on_body, .on_gone = on_gone};
    const struct http_head *head = exchange_head(exchange);
    struct api_call call = {0};
    char allow[64];
    str_copy(str_of(request_id), call.request_id, sizeof call.request_id);
    call.endpoint = api_endpoint_find(head->method, head->path, call.args, allow);
    if (!call.endpoint) {
        refuse_unknown(exchange, allow, request_id);
        return;
    }
    if (!access_check(front, exchange, &call) || !has_scope(front->admin, exchange, &call))
        return;
    if (head->query.len >= sizeof call.query) {
        answer_problem(exchange, PROBLEM_BAD_REQUEST, "The query is too long.", "", request_id);
        return;
    }
    struct dispatched *at = dispatched_new(front, exchange, &call);
    if (!at) {
        answer_problem(exchange, PROBLEM_OVERLOADED, "No memory.", "", request_id);
        return;
    }
    if (call.endpoint->handler == live_read) {
        open_stream(front, at);
        return;
    }
    exchange_attach(exchange, &ops, at);
    if (call.endpoint->body_limit_bytes)
        exchange_want_body(exchange, call.endpoint->body_limit_bytes);
    else
        enqueue(at);
}
