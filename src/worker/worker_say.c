/* worker/worker_say.c: what a worker says to its server, and what the server's answers mean. */
#include "worker/worker_parts.h"

#include "gen/version.h"

#include <stdio.h>

#define INTERVAL_LEAST_MS 100
#define INTERVAL_MOST_MS  INT64_C(3600000)
#define GRACE_MOST_MS     INT64_C(86400000) /* what the server's setting allows */

/* ---- said ------------------------------------------------------------------------------------ */

static void put_state(struct worker *worker, struct json_writer *json, bool with_description)
{
    struct worker_front *front = worker->options.front;
    json_put_int(json, "slots", front->slots);
    if (with_description)
        front->describe(front->arg, json);
    if (front->over_quota_until_ms)
        json_put_int(json, "over_quota_until_ms", front->over_quota_until_ms(front->arg));
}

void worker_write_registration(struct worker *worker, struct buf *out)
{
    const struct worker_front *front = worker->options.front;
    struct json_writer json;
    json_writer_init(&json, out);
    json_open_object(&json);
    json_put_text(&json, "instance", worker->instance);
    json_put_text(&json, "kind", front->kind);
    json_put_text(&json, "name", worker->options.name);
    json_put_text(&json, "version", AUXOT_VERSION);
    if (front->tool)
        json_put_text(&json, "tool", front->tool);
    put_state(worker, &json, true);
    json_close_object(&json);
}

void worker_write_heartbeat(struct worker *worker, bool is_posted, struct buf *out)
{
    struct worker_front *front = worker->options.front;
    struct json_writer json;
    json_writer_init(&json, out);
    json_open_object(&json);
    if (is_posted)
        json_put_text(&json, "worker_id", worker->worker_id);
    else
        json_put_text(&json, "type", "heartbeat");
    json_put_int(&json, "epoch", worker->epoch);
    json_put_int(&json, "busy", front->busy(front->arg));
    put_state(worker, &json, worker->is_description_old);
    json_close_object(&json);
}

void worker_write_goodbye(struct worker *worker, struct buf *out)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_open_object(&json);
    json_put_text(&json, "worker_id", worker->worker_id);
    json_put_int(&json, "epoch", worker->epoch);
    json_close_object(&json);
}

/* ---- heard ----------------------------------------------------------------------------------- */

/* It goes into a URL. */
static bool is_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
        if (!is_fine)
            return false;
    }
    return text.len > 0;
}

static int64_t clamp(int64_t ms, int64_t least_ms, int64_t most_ms)
{
    return ms < least_ms ? least_ms : ms > most_ms ? most_ms : ms;
}

int64_t worker_interval(int64_t ms)
{
    return clamp(ms, INTERVAL_LEAST_MS, INTERVAL_MOST_MS);
}

static int64_t interval_of(struct json root, const char *name, int64_t otherwise)
{
    return worker_interval(json_int64_or(json_get(root, name), otherwise));
}

bool worker_take_registration(struct worker *worker, struct json root)
{
    struct str id = json_string_or_empty(json_get(root, "worker_id"));
    int64_t epoch, grace_ms = json_int64_or(json_get(root, "grace_ms"), WORKER_GRACE_MS);
    if (!is_id(id) || id.len >= sizeof worker->worker_id ||
        !json_int64(json_get(root, "epoch"), &epoch))
        return false;
    str_copy(id, worker->worker_id, sizeof worker->worker_id);
    worker->epoch = epoch;
    worker->heartbeat_ms = interval_of(root, "heartbeat_ms", 30000);
    worker->dead_after_ms = interval_of(root, "dead_after_ms", 90000);
    worker->grace_ms = clamp(grace_ms, 0, GRACE_MOST_MS);
    return true;
}

void worker_explain(const struct answered *answered, char *room, size_t room_bytes)
{
    struct str detail = json_string_or_empty(json_get(answered->root, "detail"));
    if (detail.len == 0)
        detail = json_string_or_empty(json_get(answered->root, "title"));
    if (answered->status == 0)
        snprintf(room, room_bytes, "%s", answered->sentence);
    else if (detail.len > 0)
        snprintf(room, room_bytes, "%d: %.*s", answered->status, STR_ARG(str_upto(detail, 160)));
    else
        snprintf(room, room_bytes, "the answer was %d", answered->status);
}
