/* gateway/otlp.c: the box of spans, and the life of the thread that empties it. See otlp.h. */
#include "gateway/otlp_parts.h"

#include "base/log.h"
#include "gateway/request.h"
#include "gen/version.h"
#include "store/job_spans.h"
#include "sys/secret.h"
#include "sys/thread.h"

#define JOB_BYTES_MAX     (64u * 1024) /* about 6 KiB, unless names are long and strange */
#define JOB_BYTES_USUAL   4096u
#define BATCH_BYTES_MAX   (OTLP_WAITING_BYTES + 4096)
#define HEADERS_BYTES_MAX 8192u
#define BACKOFF_FIRST_MS  1000
#define BACKOFF_MOST_MS   30000

/* ---- telling ------------------------------------------------------------------------------------- */

struct trace *otlp_trace(const struct otlp *otlp, struct request *request)
{
    struct trace *trace = otlp ? arena_alloc(&request->arena, sizeof *trace) : NULL;
    size_t count = 0;
    if (!trace)
        return NULL;
    struct str given =
        http_header_find(exchange_head(request->exchange), STR("traceparent"), &count);
    if (count == 1 && traceparent_parse(given, trace))
        return trace;
    return trace_of_job(str_of(request->id), trace) ? trace : NULL;
}

static struct otlp_spans *spans_of(const struct request *request, const struct job_record *job)
{
    AUTO_BUF struct buf text;
    UNSET char room[JOB_BYTES_USUAL];
    const char *kinds[ATTEMPTS_MAX];
    for (int i = 0; i < request->attempt_count; i++)
        kinds[i] = provider_kind_name(request->notes[i]->provider->kind);
    buf_init_in(&text, JOB_BYTES_MAX, room, sizeof room);
    job_spans_write(job, request->trace, kinds, &text);
    struct otlp_spans *spans = text.failed ? NULL : mem_alloc(sizeof *spans + text.len);
    if (!spans)
        return NULL;
    *spans = (struct otlp_spans){.count = 1 + job->attempt_count, .len = text.len};
    memcpy(spans->text, text.data, text.len);
    return spans;
}

static bool has_room(const struct otlp *otlp, int count, size_t bytes)
{
    return otlp->waiting + count <= OTLP_WAITING_SPANS &&
           otlp->waiting_bytes + bytes <= OTLP_WAITING_BYTES;
}

/* The thread is told when it may have slept until now, and when a batch is whole. */
static bool put(struct otlp *otlp, struct otlp_spans *spans)
{
    pthread_mutex_lock(&otlp->lock);
    bool is_put = has_room(otlp, spans->count, spans->len);
    int before = otlp->waiting;
    if (is_put) {
        list_push_back(&otlp->box, &spans->node);
        otlp->waiting += spans->count;
        otlp->waiting_bytes += spans->len;
    }
    bool is_news = before == 0 || (before < OTLP_BATCH_SPANS && otlp->waiting >= OTLP_BATCH_SPANS);
    pthread_mutex_unlock(&otlp->lock);
    if (is_put && is_news && !atomic_exchange(&otlp->is_news_posted, true))
        loop_post(otlp->loop, &otlp->news_message);
    return is_put;
}

void otlp_tell_job(struct otlp *otlp, const struct request *request, const struct job_record *job)
{
    if (!otlp || !request->trace || !request->trace->is_sampled)
        return;
    int count = 1 + job->attempt_count;
    pthread_mutex_lock(&otlp->lock);
    bool is_worth_it = has_room(otlp, count, 0);
    pthread_mutex_unlock(&otlp->lock);
    struct otlp_spans *spans = is_worth_it ? spans_of(request, job) : NULL;
    if (spans && put(otlp, spans))
        return;
    mem_free(spans);
    atomic_fetch_add(&otlp->dropped, count);
}

void otlp_figures(struct otlp *otlp, struct otlp_figures *out_figures)
{
    *out_figures = (struct otlp_figures){.sent = otlp ? atomic_load(&otlp->sent) : 0,
                                         .dropped = otlp ? atomic_load(&otlp->dropped) : 0,
                                         .waiting = otlp ? otlp_waiting(otlp) : 0};
}

/* ---- taking -------------------------------------------------------------------------------------- */

int otlp_waiting(struct otlp *otlp)
{
    pthread_mutex_lock(&otlp->lock);
    int waiting = otlp->waiting;
    pthread_mutex_unlock(&otlp->lock);
    return waiting;
}

static struct otlp_spans *take_one(struct otlp *otlp)
{
    struct otlp_spans *spans = NULL;
    pthread_mutex_lock(&otlp->lock);
    if (!list_is_empty(&otlp->box)) {
        spans = LIST_OWNER(otlp->box.next, struct otlp_spans, node);
        list_unlink(&spans->node);
        otlp->waiting -= spans->count;
        otlp->waiting_bytes -= spans->len;
    }
    pthread_mutex_unlock(&otlp->lock);
    return spans;
}

bool otlp_take_batch(struct otlp *otlp)
{
    struct otlp_spans *spans;
    otlp->batch = 0;
    buf_init(&otlp->body, BATCH_BYTES_MAX);
    job_spans_begin(otlp->service, AUXOT_VERSION, &otlp->body);
    while (otlp->batch < OTLP_BATCH_SPANS && (spans = take_one(otlp))) {
        if (otlp->batch > 0)
            buf_putc(&otlp->body, ',');
        buf_append(&otlp->body, spans->text, spans->len);
        otlp->batch += spans->count;
        mem_free(spans);
    }
    job_spans_end(&otlp->body);
    if (otlp->batch > 0 && !otlp->body.failed)
        return true;
    atomic_fetch_add(&otlp->dropped, otlp->batch);
    otlp->batch = 0;
    buf_release(&otlp->body);
    return false;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* "name=value", as lines of a head. What they hold is not repeated. */
static enum err read_headers(struct str given, struct buf *out, struct error *error)
{
    for (int number = 1; given.len > 0; number++) {
        struct str value = str_trim(str_cut(&given, ','));
        struct str name = str_trim(str_cut(&value, '='));
        bool is_fine = name.len > 0 && value.len > 0;
        for (size_t i = 0; i < name.len; i++)
            is_fine &= is_name_byte(name.at[i]);
        for (size_t i = 0; i < value.len; i++)
            is_fine &= value.at[i] >= ' ' && value.at[i] <= '~';
        if (!is_fine)
            return error_set(
                error, ERR_MALFORMED,
                "otlp_headers: entry %d is not name=value, with commas between entries", number);
        buf_append_str(out, name);
        buf_append_lit(out, ": ");
        buf_append_str(out, str_trim(value));
        buf_append_lit(out, "\r\n");
    }
    return out->failed ? error_set(error, ERR_NO_MEMORY, "no memory for otlp_headers") : OK;
}

static void otlp_main(void *arg)
{
    struct otlp *otlp = arg;
    loop_run(otlp->loop);
}

static enum err start(struct otlp *otlp, const struct otlp_options *options, struct error *error)
{
    struct client_options client = {
        .ca_file = options->ca_file, .name_servers = options->name_servers, .idle_max = 1};
    enum err err = loop_new(-1, &otlp->loop, error);
    if (err == OK)
        err = client_pool_new(otlp->loop, &client, &otlp->pool, error);
    if (err != OK)
        return err;
    deadline_init(&otlp->clock, otlp->loop, otlp_on_clock);
    deadline_init(&otlp->last, otlp->loop, otlp_on_last);
    err = thread_start("otlp", otlp_main, otlp, &otlp->thread, error);
    otlp->has_thread = err == OK;
    return err;
}

enum err otlp_new(const struct otlp_options *options, struct otlp **out_otlp, struct error *error)
{
    struct error why = {0};
    struct otlp *otlp = mem_zalloc(1, sizeof *otlp);
    if (!otlp)
        return error_set(error, ERR_NO_MEMORY, "no memory for the thread otlp");
    pthread_mutex_init(&otlp->lock, NULL);
    list_init(&otlp->box);
    buf_init(&otlp->headers, HEADERS_BYTES_MAX);
    otlp->news_message.run = otlp_on_news;
    otlp->stop_message.run = otlp_on_stop;
    otlp->backoff = (struct backoff){.first_ms = BACKOFF_FIRST_MS, .most_ms = BACKOFF_MOST_MS};
    str_copy(str_of(options->service), otlp->service, sizeof otlp->service);
    enum err err = target_parse(options->endpoint, &otlp->target, &why);
    if (err != OK)
        err = error_set(
            error, err, /* not its own words: they show the URL, which may hold a password */
            "otlp_endpoint is no usable http:// or https:// URL: host, port and path, no"
            " user, no query");
    if (err == OK)
        err = read_headers(str_of(options->headers), &otlp->headers, error);
    if (err == OK)
        err = start(otlp, options, error);
    if (err != OK) {
        otlp_free(otlp);
        return err;
    }
    *out_otlp = otlp;
    return OK;
}

static void stop(struct otlp *otlp)
{
    struct otlp_spans *spans;
    loop_post(otlp->loop, &otlp->stop_message);
    thread_join(otlp->thread);
    loop_settle(otlp->loop);
    int left = otlp->batch + otlp_waiting(otlp);
    while ((spans = take_one(otlp)))
        mem_free(spans);
    if (left > 0)
        log_warn("otlp_dropped", "spans=%d why=\"the server stops\"", left);
}

void otlp_free(struct otlp *otlp)
{
    if (!otlp)
        return;
    if (otlp->has_thread)
        stop(otlp);
    buf_release(&otlp->body);
    if (otlp->pool) {
        deadline_release(&otlp->clock);
        deadline_release(&otlp->last);
        client_pool_free(otlp->pool);
    }
    loop_free(otlp->loop);
    if (otlp->headers.data)
        secret_wipe(otlp->headers.data, otlp->headers.len);
    buf_release(&otlp->headers);
    pthread_mutex_destroy(&otlp->lock);
    mem_free(otlp);
}
