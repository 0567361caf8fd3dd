/* worker/llama.c: see llama.h. How one is started is in llama_spawn.c, what its models are is read in llama_read.c. */
#include "worker/llama_parts.h"

#include "base/log.h"
#include "base/mem.h"
#include "sys/random.h"
#include "sys/secret.h"

#include <signal.h>
#include <stdio.h>

#define NS_PER_MS      INT64_C(1000000)
#define SOON_MS        50    /* between questions while it loads: at first */
#define LOADING_MS     500   /* ... and at last */
#define WATCH_MS       5000  /* between questions when all is well */
#define HEALTH_MS      5000  /* for an answer */
#define SILENT_MS      1000  /* ... when the last one was not answered */
#define SILENT_MAX     3     /* unanswered questions until it counts as hung */
#define READ_AGAIN_MS  30000 /* models of an attached or a routing one may change */
#define STOP_MS        3000
#define RESTART_MS     1000
#define RESTART_MAX_MS 60000
#define HOPELESS_TRIES 3
#define STILL_MS       30000 /* "still loading" in the log */

static void start(struct llama *llama);

static int64_t from_now(const struct llama *llama, int64_t ms)
{
    return loop_now_ns(llama->options.loop) + ms * NS_PER_MS;
}

static void tell_changed(struct llama *llama)
{
    llama->options.on_changed(llama->options.owner);
}

/* ---- health ---------------------------------------------------------------------------------- */

static void ask_health_in(struct llama *llama, int64_t wait_ms)
{
    deadline_set(&llama->watch, from_now(llama, wait_ms));
}

static void unready(struct llama *llama, const char *why)
{
    bool was_ready = llama->state == LLAMA_READY;
    llama->state = LLAMA_STARTING;
    log_warn("llama_server_silent", "model=\"%s\" why=\"%s\"", llama->name, why);
    if (was_ready)
        tell_changed(llama);
}

/* It does not answer, or says that it is not well. */
static void note_silence(struct llama *llama, const char *why)
{
    bool was_ready = llama->state == LLAMA_READY;
    if (++llama->silences >= SILENT_MAX && was_ready) {
        unready(llama, why);
        if (llama->process)
            process_signal(llama->process, SIGKILL); /* hung: its end starts it again */
    }
    llama->poll_ms = llama->poll_ms * 2 < LOADING_MS ? llama->poll_ms * 2 : LOADING_MS;
    ask_health_in(llama, llama->state == LLAMA_READY ? SILENT_MS : llama->poll_ms);
}

static void log_still_loading(struct llama *llama)
{
    int64_t now_ns = loop_now_ns(llama->options.loop);
    if (llama->state != LLAMA_STARTING || now_ns - llama->said_ns < STILL_MS * NS_PER_MS)
        return;
    llama->said_ns = now_ns;
    log_info("model_loading", "model=\"%s\" s=%lld", llama->name,
             (long long)((now_ns - llama->started_ns) / (1000 * NS_PER_MS)));
}

static void on_health(void *owner, const struct answered *answered)
{
    struct llama *llama = owner;
    llama->ask = NULL;
    log_still_loading(llama);
    /* Not every server that speaks the dialect has /health. */
    bool is_well = answered->status == 200 || (answered->status == 404 && !llama->options.program);
    if (!is_well) {
        note_silence(llama, answered->status ? "its /health is not well" : answered->sentence);
        return;
    }
    llama->silences = 0;
    bool may_change =
        llama->state != LLAMA_READY ||
        ((!llama->options.program || llama->is_router) &&
         loop_now_ns(llama->options.loop) - llama->read_ns > READ_AGAIN_MS * NS_PER_MS);
    if (may_change)
        llama_read(llama);
    else
        ask_health_in(llama, WATCH_MS);
}

static void on_watch(struct deadline *deadline)
{
    struct llama *llama = LIST_OWNER(deadline, struct llama, watch);
    if (llama->state == LLAMA_ENDED) {
        start(llama);
        return;
    }
    if (llama->ask)
        return;
    llama->ask = llama_ask(llama, "/health", HEALTH_MS, on_health);
    if (!llama->ask)
        ask_health_in(llama, WATCH_MS);
}

void llama_was_read(struct llama *llama, const char *trouble)
{
    if (trouble) {
        note_silence(llama, trouble);
        return;
    }
    bool was_ready = llama->state == LLAMA_READY;
    llama->state = LLAMA_READY;
    llama->has_been_ready = llama->has_served = true;
    llama->read_ns = loop_now_ns(llama->options.loop);
    llama->poll_ms = SOON_MS;
    backoff_reset(&llama->backoff);
    if (!was_ready)
        log_info("llama_server_ready", "model=\"%s\" models=%d slots=%d context=%lld ms=%lld",
                 llama->name, llama->model_count, llama_slots(llama),
                 (long long)(llama->model_count ? llama->models[0].context_tokens : -1),
                 (long long)((llama->read_ns - llama->started_ns) / NS_PER_MS));
    ask_health_in(llama, WATCH_MS);
    if (!was_ready || llama->has_changed)
        tell_changed(llama);
    llama->has_changed = false;
}

/* ---- the process ----------------------------------------------------------------------------- */

static void give_up(struct llama *llama, const char *why)
{
    llama->state = LLAMA_STOPPED;
    deadline_clear(&llama->watch);
    llama->options.on_hopeless(llama->options.owner, why);
}

static void start_later(struct llama *llama, const char *why)
{
    int64_t wait_ms = backoff_next(&llama->backoff, random_unit());
    if (!llama->has_been_ready && llama->backoff.failures >= HOPELESS_TRIES) {
        give_up(llama, why);
        return;
    }
    log_warn("llama_server_restarts", "model=\"%s\" in_ms=%lld", llama->name, (long long)wait_ms);
    deadline_set(&llama->watch, from_now(llama, wait_ms));
}

static void on_exit(void *owner, int status)
{
    struct llama *llama = owner;
    char words[200], why[320];
    bool was_ready = llama->state == LLAMA_READY, is_wanted = llama->state != LLAMA_STOPPED;
    llama_last_words(llama, words, sizeof words);
    process_free(TAKE(llama->process));
    ask_cancel(TAKE(llama->ask));
    deadline_clear(&llama->stop);
    if (!is_wanted) {
        tell_changed(llama);
        return;
    }
    snprintf(why, sizeof why, "llama-server ended (%s %d): %s", status < 0 ? "signal" : "status",
             status < 0 ? -status : status, words[0] ? words : "it said nothing");
    log_error("llama_server_ended", "model=\"%s\" why=\"%s\"", llama->name, why);
    llama->state = LLAMA_ENDED;
    if (was_ready)
        tell_changed(llama);
    start_later(llama, why);
}

static void begin_to_ask(struct llama *llama)
{
    llama->state = LLAMA_STARTING;
    llama->started_ns = llama->said_ns = loop_now_ns(llama->options.loop);
    llama->poll_ms = SOON_MS;
    llama->silences = 0;
    ask_health_in(llama, 0);
}

static void start(struct llama *llama)
{
    struct error error = {0};
    if (llama_spawn(llama, on_exit, &error) == OK)
        begin_to_ask(llama);
    else
        start_later(llama, error.text);
}

static void on_stop_late(struct deadline *deadline)
{
    struct llama *llama = LIST_OWNER(deadline, struct llama, stop);
    if (llama->process)
        process_signal(llama->process, SIGKILL);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The first start is ours to report: a missing program is said at once. */
static enum err begin(struct llama *llama, struct error *error)
{
    const struct llama_options *options = &llama->options;
    if (options->program) {
        llama_alias(options->model_path, llama->name, sizeof llama->name);
        random_hex(llama->key, LLAMA_KEY_MAX - 1);
        enum err err = llama_spawn(llama, on_exit, error);
        if (err != OK)
            return err;
    } else {
        llama->target = *options->at;
        struct str path = str_of(llama->target.path);
        if (str_ends(path, STR("/v1"))) /* either form is fine */
            llama->target.path[path.len - 3] = '\0';
        str_copy(str_of(options->at->authority), llama->name, sizeof llama->name);
        str_copy(options->key, llama->key, sizeof llama->key);
    }
    begin_to_ask(llama);
    return OK;
}

enum err llama_new(const struct llama_options *options, struct llama **out_llama,
                   struct error *error)
{
    struct llama *llama = mem_zalloc(1, sizeof *llama);
    if (!llama)
        return error_set(error, ERR_NO_MEMORY, "no memory for a model");
    llama->options = *options;
    llama->backoff = (struct backoff){.first_ms = RESTART_MS, .most_ms = RESTART_MAX_MS};
    deadline_init(&llama->watch, options->loop, on_watch);
    deadline_init(&llama->stop, options->loop, on_stop_late);
    enum err err = begin(llama, error);
    if (err != OK) {
        llama_free(llama);
        return err;
    }
    *out_llama = llama;
    return OK;
}

void llama_stop(struct llama *llama)
{
    llama->state = LLAMA_STOPPED;
    deadline_clear(&llama->watch);
    ask_cancel(TAKE(llama->ask));
    if (!llama->process)
        return;
    process_signal(llama->process, SIGTERM);
    deadline_set(&llama->stop, from_now(llama, STOP_MS));
}

void llama_free(struct llama *llama)
{
    if (!llama)
        return;
    ask_cancel(llama->ask);
    process_free(llama->process);
    deadline_release(&llama->watch);
    deadline_release(&llama->stop);
    secret_wipe(llama->key, sizeof llama->key);
    mem_free(llama);
}

void llama_look(struct llama *llama)
{
    if (llama->state == LLAMA_READY && !llama->ask)
        ask_health_in(llama, 0);
}

bool llama_is_running(const struct llama *llama)
{
    return llama->process != NULL;
}

bool llama_is_ready(const struct llama *llama)
{
    return llama->state == LLAMA_READY;
}

bool llama_is_attached(const struct llama *llama)
{
    return !llama->options.program;
}

bool llama_is_router(const struct llama *llama)
{
    return llama->is_router;
}

const struct target *llama_target(const struct llama *llama)
{
    return &llama->target;
}

struct str llama_key(const struct llama *llama)
{
    return str_of(llama->key);
}

const char *llama_name(const struct llama *llama)
{
    return llama->name;
}

const struct llama_model *llama_models(const struct llama *llama, int *out_count)
{
    *out_count = llama->model_count;
    return llama->models;
}

int llama_slots(const struct llama *llama)
{
    int least = 0;
    for (int i = 0; i < llama->model_count; i++) {
        int slots = llama->models[i].slots;
        if (slots > 0 && (least == 0 || slots < least))
            least = slots;
    }
    return least;
}
