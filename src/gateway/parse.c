/* gateway/parse.c: from a body to what it asks for.
 *
 * Small bodies are read at once, on the loop, by the loop's own reader. A body of a megabyte and more
 * would hold up everybody else for milliseconds, so it goes to an api thread with a reader that is thrown
 * away afterwards; the body goes along, and comes back with the answer. A client that leaves meanwhile
 * only cuts the tie: the work frees what it carries when it returns.
 */
#include "gateway/repeat.h"
#include "sys/pool.h"

#define AWAY_BYTES (1u << 20)

struct parsing {
    struct pool_work work;
    struct loop_message done;
    struct loop *loop;
    struct request *request; /* the loop's; NULL once the request has ended */
    enum endpoint endpoint;
    struct buf body;
    size_t charged;
    char key[REPEAT_KEY_MAX]; /* of the fingerprint; "": none is wanted */
    size_t key_len;
    uint8_t fingerprint[IDEMPOTENCY_NAME_BYTES];
    struct json_reader *reader; /* its strings live until the facts were copied */
    struct body_facts facts;
    enum err err;
    struct error error;
    int64_t took_ns;
};

/* The strings move to the arena: the reader serves others, or goes. */
static bool keep_facts(struct request *request, const struct body_facts *facts)
{
    request->facts = *facts;
    struct str *borrowed[] = {&request->facts.model, &request->facts.cache_key};
    for (size_t i = 0; i < 2; i++) {
        char *copy = arena_dup(&request->arena, borrowed[i]->at, borrowed[i]->len);
        if (!copy) {
            request->facts = (struct body_facts){.model = STR("")};
            return false;
        }
        borrowed[i]->at = copy;
    }
    return true;
}

static void go_on(struct request *request, enum err err, const struct body_facts *facts,
                  const char *sentence)
{
    if (err == ERR_NO_MEMORY || (err == OK && !keep_facts(request, facts)))
        request_fail_for_memory(request);
    else if (err != OK)
        request_fail(request, SAY_BAD_REQUEST, "bad_request", sentence);
    else
        request_parsed(request);
}

/* ---- on an api thread ------------------------------------------------------------------------ */

static void on_work(struct pool_work *work, struct json_reader *reader, bool is_stopping)
{
    (void)reader; /* of the thread, for small bodies: a large one would make it large for ever */
    struct parsing *parsing = LIST_OWNER(work, struct parsing, work);
    int64_t from_ns = clock_monotonic_ns();
    parsing->err =
        is_stopping ? ERR_NO_MEMORY : json_reader_new(parsing->body.len + 1, &parsing->reader);
    if (parsing->err == OK)
        parsing->err = body_read(parsing->reader, parsing->endpoint, buf_str(&parsing->body),
                                 &parsing->facts, &parsing->error);
    if (parsing->err == OK && parsing->key_len)
        repeat_fingerprint((struct str){parsing->key, parsing->key_len}, buf_str(&parsing->body),
                           parsing->fingerprint);
    parsing->took_ns = clock_monotonic_ns() - from_ns;
    loop_post(parsing->loop, &parsing->done);
}

static void on_done(struct loop_message *message)
{
    struct parsing *parsing = LIST_OWNER(message, struct parsing, done);
    struct request *request = parsing->request;
    if (request) {
        request->parsing = NULL;
        request->body = parsing->body;
        request->body_charged = parsing->charged;
        receipt_add(&request->receipt, PHASE_PARSE, parsing->took_ns);
        if (request->repeat)
            memcpy(request->repeat->claim.fingerprint, parsing->fingerprint,
                   sizeof parsing->fingerprint);
        go_on(request, parsing->err, &parsing->facts, parsing->error.text);
    } else {
        buf_release(&parsing->body);
        body_budget_return(parsing->charged);
    }
    json_reader_free(parsing->reader);
    mem_free(parsing);
}

static bool send_away(struct request *request)
{
    const struct gateway *gateway = request->gl->gateway;
    struct parsing *parsing = gateway->offload ? mem_zalloc(1, sizeof *parsing) : NULL;
    if (!parsing)
        return false;
    parsing->work.run = on_work;
    parsing->done.run = on_done;
    parsing->loop = request->gl->loop;
    parsing->request = request;
    parsing->endpoint = request->endpoint;
    if (request->repeat) {
        parsing->key_len = request->repeat->key.len;
        memcpy(parsing->key, request->repeat->key.at, parsing->key_len);
    }
    parsing->body = request->body;
    parsing->charged = request->body_charged;
    if (!gateway->offload(gateway->offload_arg, &parsing->work)) {
        mem_free(parsing);
        return false; /* the threads are busy or gone: here, then */
    }
    request->parsing = parsing;
    request->body = (struct buf){0};
    request->body_charged = 0;
    request->state = REQUEST_PARSING;
    return true;
}

/* ---- on the loop ----------------------------------------------------------------------------- */

void request_parse(struct request *request)
{
    struct body_facts facts = {0};
    struct error error = {0};
    if (request->body.len >= AWAY_BYTES && send_away(request))
        return;
    int64_t from_ns = clock_monotonic_ns();
    enum err err = body_read(request->gl->body_reader, request->endpoint, buf_str(&request->body),
                             &facts, &error);
    (void)receipt_since(&request->receipt, PHASE_PARSE, from_ns);
    if (err == OK && request->repeat)
        repeat_fingerprint(request->repeat->key, buf_str(&request->body),
                           request->repeat->claim.fingerprint);
    go_on(request, err, &facts, error.text);
}

void request_stop_parsing(struct request *request)
{
    if (request->parsing)
        request->parsing->request = NULL;
    request->parsing = NULL;
}
