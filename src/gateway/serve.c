/* gateway/serve.c: a request at the door: path, method, key. Known callers' POSTs become requests. */
#include "gateway/request.h"
#include "sys/random.h"

static void make_id(const struct loop *loop, char out_id[ID_MAX])
{
    uint8_t random[10];
    random_fill(random, sizeof random);
    id_make("job_", loop_wall_ms(loop), random, out_id);
}

/* What the path and the method are wrong in; `what` stays SAY_COUNT when nothing is. */
static struct own_error path_trouble(const struct http_head *head, bool is_found,
                                     const struct api_route *found)
{
    enum http_method wanted = found->is_post ? METHOD_POST : METHOD_GET;
    if (!is_found)
        return (struct own_error){.what = SAY_NO_PATH,
                                  .sentence = "There is no such path. Inference lives under "
                                              "/api/openai/v1 and /api/anthropic/v1."};
    if (head->has_upgrade && found->endpoint == ENDPOINT_RESPONSES)
        return (struct own_error){
            .what = SAY_UPGRADE,
            .sentence = "This server speaks HTTP here, not WebSocket: POST the request instead."};
    if (head->method != wanted)
        return (struct own_error){.what = SAY_BAD_METHOD,
                                  .sentence = found->is_post ? "Use POST here." : "Use GET here.",
                                  .allow = found->is_post ? "POST" : "GET"};
    return (struct own_error){.what = SAY_COUNT};
}

/* Makes a request of what a known caller POSTs. NULL: why not stands in `out_trouble`. */
static struct request *take_in(struct gateway_loop *gl, struct exchange *exchange,
                               const struct api_route *found, const struct caller *caller,
                               struct own_error *out_trouble)
{
    out_trouble->what = SAY_OVERLOADED;
    if (!store_is_writable(gl->gateway->options.store)) {
        out_trouble->sentence =
            "The server cannot record requests at present (is its disk full?), so it takes none.";
        return NULL;
    }
    out_trouble->sentence = "The server is out of memory; try again.";
    return request_new(gl, exchange, found, caller, out_trouble->id);
}

static enum say say_of_stranger(enum err err, const struct caller *caller)
{
    return caller->is_misdirected    ? SAY_MISDIRECTED
           : err == ERR_MALFORMED    ? SAY_BAD_REQUEST
           : err == ERR_UNAUTHORIZED ? SAY_UNAUTHORIZED
                                     : SAY_FORBIDDEN;
}

void gateway_serve(struct gateway_loop *gl, struct exchange *exchange)
{
    const struct http_head *head = exchange_head(exchange);
    struct api_route found = {0};
    struct error error = {0};
    enum dialect dialect = DIALECT_OPENAI;
    bool is_ours = false;
    char id[ID_MAX];
    make_id(gl->loop, id);
    bool is_found = api_route_find(head->path, &found, &dialect, &is_ours);
    struct own_error trouble = path_trouble(head, is_found, &found);
    struct caller caller = {0};
    struct request *request = NULL;
    int64_t auth_ns = 0;
    trouble.dialect = dialect;
    trouble.id = id;
    if (trouble.what == SAY_COUNT) {
        int64_t from_ns = clock_monotonic_ns();
        enum err err = gateway_caller(gl, head, &caller, &error);
        auth_ns = clock_monotonic_ns() - from_ns;
        trouble.what = say_of_stranger(err, &caller);
        trouble.sentence = error.text;
        if (!caller.principal)
            count_up(&gl->counters[COUNT_BAD_KEYS], 1);
    }
    if (caller.principal && !(caller.principal->scopes & SCOPE_INFERENCE)) {
        trouble.what = SAY_FORBIDDEN;
        trouble.sentence = "This API key lacks the scope inference: it may not call models.";
        caller.principal = NULL;
    }
    if (caller.principal && !found.is_post) {
        answer_models(gl, exchange, caller.principal, &found, id);
        return;
    }
    if (caller.principal)
        request = take_in(gl, exchange, &found, &caller, &trouble);
    if (!request) {
        answer_error(exchange, &trouble);
        return;
    }
    receipt_add(&request->receipt, PHASE_AUTH, auth_ns);
    request_admit(request);
}
