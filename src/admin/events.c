/* admin/events.c: /api/events: who changed what, before and after. */
#include "admin/endpoints.h"
#include "admin/event_view.h"
#include "admin/state.h"

static void put_raw_or_null(struct json_writer *writer, const char *name, const char *json)
{
    if (json && json[0])
        json_put_raw(writer, name, str_of(json));
    else
        json_put_null(writer, name);
}

void event_write(struct json_writer *writer, const struct event_row *event)
{
    json_put_text(writer, "id", event->id);
    json_put_int(writer, "at_ms", event->at_ms);
    json_put_text(writer, "actor", event->actor);
    json_put_text(writer, "action", event->action);
    json_put_text(writer, "subject", event->subject);
    put_raw_or_null(writer, "before", event->before_json);
    put_raw_or_null(writer, "after", event->after_json);
}

static void on_event(void *arg, const struct event_row *event)
{
    struct json_writer *writer = arg;
    json_open_object(writer);
    event_write(writer, event);
    json_close_object(writer);
}

void events_list(struct api_call *call)
{
    struct error error = {0};
    struct event_filter filter = {0};
    char next_cursor[96] = "";
    const struct {
        const char *name;
        char *room;
        size_t room_bytes;
    } texts[] = {{"actor", filter.actor, sizeof filter.actor},
                 {"action", filter.action, sizeof filter.action},
                 {"subject", filter.subject, sizeof filter.subject},
                 {"cursor", filter.cursor, sizeof filter.cursor}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!api_query(call, texts[i].name, texts[i].room, texts[i].room_bytes) &&
            api_has_failed(call))
            return;
    if (!api_limit(call, &filter.limit) || !api_time(call, "since", &filter.since_ms) ||
        !api_time(call, "until", &filter.until_ms))
        return;
    json_open_array(api_answer(call, 200), "items");
    enum err err = store_events(call->admin->options.store, &filter, on_event, &call->writer,
                                next_cursor, &error);
    if (err == OK)
        api_done_list(call, next_cursor);
    else
        api_fail_error(call, &error);
}

/* ---- are they as they were written? --------------------------------------------------------------- */

void events_verify(struct api_call *call)
{
    struct error error = {0};
    struct event_report report;
    struct event_head head = {0};
    char text[EVENT_HEAD_MAX] = "";
    if (!api_query(call, "head", text, sizeof text) && api_has_failed(call))
        return;
    if (text[0] && !event_head_read(str_of(text), &head)) {
        api_fail(
            call, PROBLEM_BAD_REQUEST, "head",
            "A head is the number of an event, a colon and 64 hex digits, as an earlier answer "
            "gave it.");
        return;
    }
    if (store_events_verify(call->admin->options.store, &head, call->deadline_ms, &report,
                            &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    event_head_write(&report, text);
    struct json_writer *writer = api_answer(call, 200);
    json_put_bool(writer, "unbroken", !report.is_broken);
    json_put_int(writer, "events", report.events);
    json_put_int(writer, "before_chain", report.before_chain);
    json_put_text(writer, "head", text);
    json_put_int(writer, "bad_seq", report.bad_seq);
    json_put_text(writer, "bad_id", report.is_broken ? report.bad_id : NULL);
    json_put_text(writer, "why", report.is_broken ? report.why : NULL);
    api_done(call);
}
