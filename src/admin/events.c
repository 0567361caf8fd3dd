/* admin/events.c: /api/events: who changed what, before and after. */
#include "admin/endpoints.h"
#include "admin/state.h"

static void put_raw_or_null(struct json_writer *writer, const char *name, const char *json)
{
    if (json && json[0])
        json_put_raw(writer, name, str_of(json));
    else
        json_put_null(writer, name);
}

static void on_event(void *arg, const struct event_row *event)
{
    struct json_writer *writer = arg;
    json_open_object(writer);
    json_put_text(writer, "id", event->id);
    json_put_int(writer, "at_ms", event->at_ms);
    json_put_text(writer, "actor", event->actor);
    json_put_text(writer, "action", event->action);
    json_put_text(writer, "subject", event->subject);
    put_raw_or_null(writer, "before", event->before_json);
    put_raw_or_null(writer, "after", event->after_json);
    json_close_object(writer);
}

void events_list(struct api_call *call)
{
    struct error error = {0};
    char cursor[96] = "", next_cursor[96] = "";
    int limit = 0;
    if (!api_limit(call, &limit) ||
        (!api_query(call, "cursor", cursor, sizeof cursor) && api_has_failed(call)))
        return;
    json_open_array(api_answer(call, 200), "items");
    enum err err = store_events(call->admin->options.store, limit, cursor, on_event, &call->writer,
                                next_cursor, &error);
    if (err == OK)
        api_done_list(call, next_cursor);
    else
        api_fail_error(call, &error);
}
