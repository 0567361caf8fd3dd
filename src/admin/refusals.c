/* admin/refusals.c: see refusals.h. */
#include "admin/refusals.h"

#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/state.h"
#include "base/log.h"
#include "json/json_writer.h"
#include "sys/clock.h"

#include <stdio.h>

#define TOLD_IN_A_ROW 20
#define TOLD_EVERY_MS 30000
#define PAUSE_MS      60000

static const char *const actions[REFUSAL_COUNT] = {
    [REFUSAL_ACCESS] = "access.refused", [REFUSAL_THROTTLE] = "session.throttled"};

void refusals_init(struct refusals *refusals)
{
    pthread_mutex_init(&refusals->lock, NULL);
}

void refusals_release(struct refusals *refusals)
{
    pthread_mutex_destroy(&refusals->lock);
}

/* ---- tries in vain ------------------------------------------------------------------------------- */

/* Is this one told? Some in a row are, then one now and then, with how many were not. */
static bool may_tell(struct refusals *refusals, int64_t *out_untold)
{
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&refusals->lock);
    int64_t from_ms = refusals->told_until_ms > now_ms ? refusals->told_until_ms : now_ms;
    bool may = from_ms - now_ms <= (TOLD_IN_A_ROW - 1) * TOLD_EVERY_MS;
    if (may)
        refusals->told_until_ms = from_ms + TOLD_EVERY_MS;
    *out_untold = may ? refusals->untold : 0;
    refusals->untold = may ? 0 : refusals->untold + 1;
    pthread_mutex_unlock(&refusals->lock);
    return may;
}

/* What was typed is not told: it may be the password, in the wrong field. */
void refusal_tell(struct api_call *call, const char *action, const struct user_row *user,
                  const char *why)
{
    struct error error = {0};
    AUTO_BUF struct buf after = {0};
    struct json_writer writer;
    int64_t untold = 0;
    if (!may_tell(&call->admin->refusals, &untold))
        return;
    buf_init(&after, 1024);
    json_writer_init(&writer, &after);
    json_open_object(&writer);
    json_put_text(&writer, "address", call->address);
    json_put_text(&writer, "known", user ? "yes" : "no");
    json_put_text(&writer, "why", why);
    json_put_int(&writer, "not_told_before", untold);
    json_close_object(&writer);
    struct event_row event = event_make("anyone", action, user ? user->id : "");
    event.after_json = buf_str(&after).at;
    if (store_event_add(call->admin->options.store, &event, &error) != OK)
        log_warn("event_lost", "action=%s why=\"%s\"", action, error.text);
}

/* ---- what is counted ----------------------------------------------------------------------------- */

void refusal_note(struct admin *admin, const struct api_call *call, enum refusal kind, int status)
{
    struct refusal_count *at = &admin->refusals.counts[kind];
    pthread_mutex_lock(&admin->refusals.lock);
    if (at->count++ == 0) {
        str_copy(str_of(call->actor), at->actor, sizeof at->actor);
        str_copy(str_of(call->address), at->address, sizeof at->address);
        at->method = http_method_name(call->endpoint->method);
        at->path = call->endpoint->path;
        at->status = status;
    }
    pthread_mutex_unlock(&admin->refusals.lock);
}

static void count_write(struct buf *out, const struct refusal_count *count)
{
    struct json_writer writer;
    char path[128];
    snprintf(path, sizeof path, "/api%s", count->path);
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_int(&writer, "requests", count->count);
    json_open_object_named(&writer, "first");
    json_put_text(&writer, "actor", count->actor);
    json_put_text(&writer, "address", count->address);
    json_put_text(&writer, "method", count->method);
    json_put_text(&writer, "path", path);
    json_put_int(&writer, "status", count->status);
    json_close_object(&writer);
    json_close_object(&writer);
}

/* What there is to tell now, in `out`. */
static bool is_due(struct refusals *refusals, enum refusal kind, int64_t now_ms,
                   struct refusal_count *out)
{
    pthread_mutex_lock(&refusals->lock);
    *out = refusals->counts[kind];
    pthread_mutex_unlock(&refusals->lock);
    return out->count > 0 && (out->told_at_ms == 0 || now_ms - out->told_at_ms >= PAUSE_MS);
}

static void was_told(struct refusals *refusals, enum refusal kind, int64_t now_ms, int64_t count)
{
    pthread_mutex_lock(&refusals->lock);
    refusals->counts[kind].count -= count;
    refusals->counts[kind].told_at_ms = now_ms;
    pthread_mutex_unlock(&refusals->lock);
}

void refusals_look(struct admin *admin, int64_t now_ms)
{
    for (enum refusal kind = 0; kind < REFUSAL_COUNT; kind++) {
        struct refusal_count count;
        struct error error = {0};
        AUTO_BUF struct buf after = {0};
        if (!is_due(&admin->refusals, kind, now_ms, &count))
            continue;
        buf_init(&after, 2048);
        count_write(&after, &count);
        struct event_row event = event_make("health", actions[kind], "");
        event.after_json = buf_str(&after).at;
        if (store_event_add(admin->options.store, &event, &error) == OK)
            was_told(&admin->refusals, kind, now_ms, count.count);
        else
            log_warn("refusals_not_told", "action=%s why=\"%s\"", actions[kind], error.text);
    }
}
