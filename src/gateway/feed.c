/* gateway/feed.c: telling: how what happens becomes a frame in the log. See feed.h.
 *
 * A frame is built before the lock is taken, so that loops which end jobs meet in it for the length of a push. Nothing here
 * waits, and nothing can fail so that somebody must know: without memory, readers are told that they missed something.
 */
#include "gateway/feed_parts.h"
#include "domain/transition.h"
#include "gateway/request.h"
#include "sys/clock.h"
#include "sys/random.h"

#include <stdio.h>

#define FRAMES_DEFAULT   10000
#define WATCHERS_DEFAULT 1000
#define SEAT_SLOTS       1024

enum err feed_new(struct gateway *gateway, struct feed **out_feed)
{
    char life[FEED_LIFE_MAX];
    const struct gateway_options *options = &gateway->options;
    struct feed *feed = mem_zalloc(1, sizeof *feed);
    if (!feed)
        return ERR_NO_MEMORY;
    random_hex(life, sizeof life - 1);
    enum err err = feed_log_init(&feed->log, life,
                                 options->feed_frames ? options->feed_frames : FRAMES_DEFAULT);
    if (err == OK)
        err = hash_table_init(&feed->seats, SEAT_SLOTS);
    if (err != OK) {
        feed_log_release(&feed->log);
        mem_free(feed);
        return err;
    }
    feed->gateway = gateway;
    feed->watchers_max = options->feed_watchers ? options->feed_watchers : WATCHERS_DEFAULT;
    pthread_mutex_init(&feed->lock, NULL);
    pthread_mutex_init(&feed->board_lock, NULL);
    *out_feed = feed;
    return OK;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    feed_log_release(&feed->log);
    hash_table_release(&feed->seats);
    pthread_mutex_destroy(&feed->lock);
    pthread_mutex_destroy(&feed->board_lock);
    mem_free(feed);
}

/* ---- is anybody there? --------------------------------------------------------------------------- */

/* Whoever left may come back and go on, as long as frames are kept. After that nothing is put, and the log is emptied. */
bool feed_is_read(struct feed *feed)
{
    int64_t until_ms = atomic_load_explicit(&feed->read_until_ms, memory_order_acquire);
    if (until_ms == 0 || until_ms == INT64_MAX || clock_monotonic_ms() < until_ms)
        return until_ms != 0;
    pthread_mutex_lock(&feed->lock);
    if (atomic_compare_exchange_strong(&feed->read_until_ms, &until_ms, 0))
        feed_log_forget(&feed->log);
    pthread_mutex_unlock(&feed->lock);
    return atomic_load(&feed->read_until_ms) != 0;
}

static int seats_of(const struct feed *feed, const char *whose)
{
    int count = 0;
    struct hash_node *node = hash_table_find(&feed->seats, str_hash(str_of(whose)));
    for (; node; node = hash_next(node))
        count += strcmp(HASH_OWNER(node, struct feed_seat, node)->whose, whose) == 0;
    return count;
}

/* A bound for each of those below admin, and one for all of them together, so that nobody shuts the others out. */
enum err feed_enter(struct feed *feed, struct feed_seat *seat, struct error *error)
{
    bool is_counted = seat->whose[0] != '\0';
    int kept = is_counted ? feed->watchers_max / 4 : 0;
    if (is_counted && seats_of(feed, seat->whose) >= FEED_EACH_MAX)
        return error_set(error, ERR_BUSY,
                         "You have %d live streams open already: close one, or share one between "
                         "the tabs of a browser.",
                         FEED_EACH_MAX);
    if (feed->watchers >= feed->watchers_max - kept)
        return error_set(error, ERR_UNAVAILABLE,
                         "%d clients watch this server already, and more may not (live_clients).",
                         feed->watchers);
    if (atomic_load(&feed->read_until_ms) == 0) /* nothing was put until now */
        feed_log_forget(&feed->log);
    if (is_counted)
        hash_table_add(&feed->seats, &seat->node, str_hash(str_of(seat->whose)));
    feed->watchers++;
    atomic_store(&feed->read_until_ms, INT64_MAX);
    return OK;
}

void feed_leave(struct feed *feed, struct feed_seat *seat)
{
    pthread_mutex_lock(&feed->lock);
    if (seat->whose[0])
        hash_table_remove(&feed->seats, &seat->node);
    if (--feed->watchers == 0)
        atomic_store(&feed->read_until_ms, clock_monotonic_ms() + FEED_KEEP_MS);
    pthread_mutex_unlock(&feed->lock);
}

void feed_figures(struct feed *feed, struct feed_figures *out_figures)
{
    pthread_mutex_lock(&feed->lock);
    *out_figures = (struct feed_figures){.watchers = feed->watchers,
                                         .frames = feed->log.last_rev,
                                         .resets = atomic_load(&feed->resets)};
    pthread_mutex_unlock(&feed->lock);
}

/* ---- telling ------------------------------------------------------------------------------------- */

void feed_wake(struct feed *feed)
{
    struct gateway *gateway = feed->gateway;
    for (int i = 0; i < gateway->loop_count; i++) {
        struct feed_loop *at = &gateway->loops[i]->feed;
        if (atomic_load(&at->watching) > 0 && !atomic_exchange(&at->is_posted, true))
            loop_post(gateway->loops[i]->loop, &at->message);
    }
}

static struct feed_frame *frame_of(enum feed_kind kind, const struct feed_audience *audience,
                                   const char *id, struct str patch)
{
    AUTO_BUF struct buf text;
    UNSET char room[2048];
    buf_init_in(&text, FEED_TEXT_MAX, room, sizeof room);
    buf_append_lit(&text, "\"type\":\"");
    buf_puts(&text, feed_kind_name(kind));
    buf_append_lit(&text, "\",\"id\":");
    json_quote(&text, str_of(id));
    buf_append_lit(&text, ",\"patch\":");
    buf_append_str(&text, patch);
    buf_putc(&text, '}');
    return text.failed ? NULL : feed_frame_new(kind, audience, buf_str(&text));
}

void feed_tell(struct feed *feed, enum feed_kind kind, const struct feed_audience *audience,
               const char *id, struct str patch)
{
    if (!feed_is_read(feed))
        return;
    struct feed_frame *frame = frame_of(kind, audience, id, patch);
    pthread_mutex_lock(&feed->lock);
    if (frame)
        feed_log_put(&feed->log, frame, clock_monotonic_ms());
    else
        feed_log_forget(&feed->log);
    pthread_mutex_unlock(&feed->lock);
    if (!feed_kind_is_row(kind)) /* rows wait for the next tick */
        feed_wake(feed);
}

void feed_write_notice(const char *code, const char *sentence, struct buf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "code", code);
    json_put_text(&writer, "text", sentence);
    json_close_object(&writer);
}

void feed_tell_notice(struct feed *feed, const char *code, const char *sentence)
{
    static const struct feed_audience everybody = {.reach = FEED_FOR_ALL};
    AUTO_BUF struct buf patch;
    buf_init(&patch, 1024);
    feed_write_notice(code, sentence, &patch);
    feed_tell(feed, FEED_NOTICE, &everybody, code, buf_str(&patch));
}

/* ---- states -------------------------------------------------------------------------------------- */

static void put_text_or_null(struct json_writer *writer, const char *name, const char *text)
{
    json_put_text(writer, name, text[0] ? text : NULL);
}

static void write_transition(const struct transition *transition, struct buf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    if (transition->kind == TRANSITION_WORKER)
        json_put_text(&writer, "provider", transition->owner);
    put_text_or_null(&writer, "name", transition->name);
    json_put_text(&writer, "state", transition->to);
    put_text_or_null(&writer, "was", transition->from);
    put_text_or_null(&writer, "reason", transition->reason);
    json_put_int(&writer, "at_ms", transition->at_ms);
    json_close_object(&writer);
}

/* Called under locks of the data plane: what it costs is a frame. */
void feed_tell_transition(void *arg, const struct transition *transition)
{
    struct feed *feed = arg;
    bool is_worker = transition->kind == TRANSITION_WORKER;
    if ((!is_worker && transition->kind != TRANSITION_PROVIDER) || !feed_is_read(feed))
        return;
    struct feed_audience audience = {.reach = FEED_FOR_PROVIDER};
    str_copy(str_of(is_worker ? transition->owner : transition->id), audience.of,
             sizeof audience.of);
    AUTO_BUF struct buf patch;
    UNSET char room[768];
    buf_init_in(&patch, 2048, room, sizeof room);
    write_transition(transition, &patch);
    feed_tell(feed, is_worker ? FEED_WORKER : FEED_PROVIDER, &audience, transition->id,
              buf_str(&patch));
}

/* ---- jobs ---------------------------------------------------------------------------------------- */

void feed_describe_jobs(struct feed *feed, feed_write_job *write)
{
    feed->write_job = write;
}

static void write_attempt(struct json_writer *writer, const struct job_record *job,
                          const struct attempt_record *attempt)
{
    json_open_object(writer);
    json_put_text(writer, "job", job->id);
    json_put_int(writer, "seq", attempt->seq);
    json_put_text(writer, "provider", attempt->provider_id);
    put_text_or_null(writer, "worker", attempt->worker);
    json_put_text(writer, "model", attempt->model);
    json_put_text(writer, "outcome", attempt->outcome);
    put_text_or_null(writer, "reason", attempt->reason);
    if (attempt->http_status)
        json_put_int(writer, "http_status", attempt->http_status);
    else
        json_put_null(writer, "http_status");
    json_put_int(writer, "started_at_ms", attempt->started_at_ms);
    json_put_int(writer, "ended_at_ms", attempt->ended_at_ms);
    json_close_object(writer);
}

static void tell_attempt(struct feed *feed, const struct job_record *job,
                         const struct attempt_record *attempt, const struct feed_audience *audience)
{
    AUTO_BUF struct buf patch;
    UNSET char room[1024];
    struct json_writer writer;
    char id[ID_MAX + 8];
    buf_init_in(&patch, 8192, room, sizeof room);
    json_writer_init(&writer, &patch);
    write_attempt(&writer, job, attempt);
    snprintf(id, sizeof id, "%s-%d", job->id, (int)attempt->seq);
    feed_tell(feed, FEED_ATTEMPT, audience, id, buf_str(&patch));
}

static void tell_row(struct feed *feed, const struct job_record *job,
                     const struct snapshot *snapshot, const struct feed_audience *audience)
{
    AUTO_BUF struct buf patch;
    UNSET char room[4096];
    struct json_writer writer;
    buf_init_in(&patch, FEED_TEXT_MAX, room, sizeof room);
    json_writer_init(&writer, &patch);
    json_open_object(&writer);
    feed->write_job(&writer, job, snapshot, audience->reach == FEED_FOR_MEMBER);
    json_close_object(&writer);
    if (patch.failed)
        return; /* no memory: half a row is none */
    feed_tell(feed, FEED_JOB, audience, job->id, buf_str(&patch));
}

/* What went well stands in the job's own row. Members are not told whatever was passed over, so where something was, their
 * row is another. */
void feed_tell_job(struct feed *feed, const struct job_record *job, const struct snapshot *snapshot)
{
    if (!feed->write_job || !feed_is_read(feed))
        return;
    struct feed_audience audience = {.reach = FEED_FOR_OWNER};
    str_copy(str_of(job->user), audience.of, sizeof audience.of);
    str_copy(str_of(job->key_id), audience.key, sizeof audience.key);
    for (int32_t i = 0; i < job->attempt_count; i++)
        if (strcmp(job->attempt[i].outcome, "failed") == 0)
            tell_attempt(feed, job, &job->attempt[i], &audience);
    if (job->passed_over[0]) {
        audience.reach = FEED_FOR_MEMBER;
        tell_row(feed, job, snapshot, &audience);
        audience.reach = FEED_FOR_ADMINS;
    }
    tell_row(feed, job, snapshot, &audience);
}
