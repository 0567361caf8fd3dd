/* admin/live.c: see live.h. */
#include "admin/live.h"

#include "admin/dispatch.h"
#include "admin/endpoints.h"
#include "admin/event_view.h"
#include "admin/job_view.h"
#include "admin/state.h"
#include "gateway/feed.h"
#include "store/transitions.h"
#include "sys/clock.h"

#define HEADERS_BYTES 1024
/* A patch may be so long that the frame around it fits. */
#define PATCH_MAX (FEED_TEXT_MAX - 256)

/* ---- the call ------------------------------------------------------------------------------------ */

/* The dispatcher knows the operation by its handler, and opens the stream itself: a handler would take a thread. */
void live_read(struct api_call *call)
{
    api_fail(call, PROBLEM_INTERNAL, NULL, "A stream is opened on its loop.");
}

/* Browsers that come back by themselves send the header; whoever begins a new stream at an old place, the parameter. */
static struct str last_event_id(struct exchange *exchange, struct api_call *call, char *room,
                                size_t room_bytes)
{
    struct str header = http_header_find(exchange_head(exchange), STR("last-event-id"), NULL);
    if (header.len)
        return header;
    return api_query(call, "last_event_id", room, room_bytes) ? str_of(room) : STR("");
}

void live_open(struct front *front, struct exchange *exchange, struct api_call *call)
{
    AUTO_BUF struct buf headers;
    char room[FEED_ID_MAX + 32];
    struct error error = {0};
    struct feed_watch wanted = {.is_control = exchange_is_control(exchange),
                                .role = call->role,
                                .version = front->admin->options.version};
    str_copy(str_of(call->user), wanted.user, sizeof wanted.user);
    str_copy(str_of(call->actor), wanted.key, sizeof wanted.key);
    str_copy(str_of(call->team), wanted.team, sizeof wanted.team);
    wanted.last_event_id = last_event_id(exchange, call, room, sizeof room);
    if (api_has_failed(call))
        return;
    buf_init(&headers, HEADERS_BYTES);
    common_headers(&headers, call->request_id);
    buf_append_lit(&headers,
                   "x-accel-buffering: no\r\n"); /* proxies that gather would hold it back */
    enum err err = feed_watch(front->gateway_loop, exchange, &wanted, buf_str(&headers), &error);
    if (err == OK)
        return;
    call->retry_after_s = 1;
    if (err == ERR_BUSY)
        api_fail(call, PROBLEM_TOO_MANY_STREAMS, NULL, "%s", error.text);
    else
        api_fail_error(call, &error);
}

/* ---- what there is to tell ----------------------------------------------------------------------- */

static void write_job(struct json_writer *writer, const struct job_record *job,
                      const struct snapshot *snapshot, bool is_for_member)
{
    const struct job_reader reader = {
        .is_admin = !is_for_member, .user = job->user, .team = job->team, .snapshot = snapshot};
    job_write(writer, job, &reader);
}

/* Before and after may be longer than a frame: then the event is told without, and the list has the whole. */
static void write_event(const struct event_row *event, bool is_whole, struct buf *out)
{
    struct event_row row = *event;
    struct json_writer writer;
    if (!is_whole)
        row.before_json = row.after_json = NULL;
    buf_clear(out);
    json_writer_init(&writer, out);
    json_open_object(&writer);
    event_write(&writer, &row);
    json_put_bool(&writer, "is_whole", is_whole);
    json_close_object(&writer);
}

static void on_event(void *arg, const struct event_row *event)
{
    static const struct feed_audience admins = {.reach = FEED_FOR_ADMINS};
    struct feed *feed = arg;
    if (!feed_is_read(feed))
        return;
    AUTO_BUF struct buf patch;
    buf_init(&patch, PATCH_MAX);
    write_event(event, true, &patch);
    if (patch.failed)
        write_event(event, false, &patch);
    feed_tell(feed, FEED_EVENT, &admins, event->id, buf_str(&patch));
}

void live_tell_config(struct admin *admin, int64_t version)
{
    static const struct feed_audience everybody = {.reach = FEED_FOR_ALL};
    AUTO_BUF struct buf patch;
    struct json_writer writer;
    buf_init(&patch, 256);
    json_writer_init(&writer, &patch);
    json_open_object(&writer);
    json_put_int(&writer, "version", version);
    json_put_int(&writer, "at_ms", clock_wall_ms());
    json_close_object(&writer);
    feed_tell(gateway_feed(admin->options.gateway), FEED_CONFIG, &everybody, "config",
              buf_str(&patch));
}

void live_begin(struct admin *admin)
{
    struct feed *feed = gateway_feed(admin->options.gateway);
    feed_describe_jobs(feed, write_job);
    store_watch_events(admin->options.store, on_event, feed);
    transitions_subscribe(store_transitions(admin->options.store), feed_tell_transition, feed);
}

void live_end(struct admin *admin)
{
    store_watch_events(admin->options.store, NULL, NULL);
    transitions_subscribe(store_transitions(admin->options.store), NULL, NULL);
}
