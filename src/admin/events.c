/* admin/events.c: /api/events: who changed what, before and after; as a list, or as a file. */
#include "admin/csv.h"
#include "admin/endpoints.h"
#include "admin/event_view.h"
#include "admin/export.h"
#include "admin/state.h"

#define EXPORT_STEP 50 /* what was before and after may be long */

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

/* ---- as a file ------------------------------------------------------------------------------------- */

struct file {
    struct buf *out;
    enum export_format format;
};

static void write_csv(struct buf *out, const struct event_row *event)
{
    struct csv csv = {.out = out};
    csv_text(&csv, str_of(event->id));
    csv_int(&csv, event->at_ms);
    csv_text(&csv, str_of(event->actor));
    csv_text(&csv, str_of(event->action));
    csv_text(&csv, str_of(event->subject));
    csv_text(&csv, str_of(event->before_json));
    csv_text(&csv, str_of(event->after_json));
    csv_end_line(&csv);
}

static void on_row(void *arg, const struct event_row *event)
{
    struct file *file = arg;
    if (file->format == EXPORT_CSV) {
        write_csv(file->out, event);
        return;
    }
    struct json_writer writer;
    json_writer_init(&writer, file->out);
    on_event(&writer, event);
    buf_putc(file->out, '\n');
}

static void export(struct api_call *call, struct event_filter *filter, enum export_format format)
{
    struct error error = {0};
    struct file file = {.out = export_begin(call, format, "auxot-events.csv", "auxot-events.jsonl"),
                        .format = format};
    if (format == EXPORT_CSV)
        buf_puts(file.out, "id,at_ms,actor,action,subject,before,after\r\n");
    int left = filter->limit;
    enum err err = OK;
    do {
        filter->limit = left < EXPORT_STEP ? left : EXPORT_STEP;
        left -= filter->limit;
        err =
            store_events(call->admin->options.store, filter, on_row, &file, filter->cursor, &error);
    } while (err == OK && left > 0 && filter->cursor[0] && file.out->len < EXPORT_BYTES);
    if (err == OK)
        api_done_text(call, filter->cursor);
    else
        api_fail_error(call, &error);
}

/* ---- as a list ------------------------------------------------------------------------------------- */

static bool filter_read(struct api_call *call, struct event_filter *filter)
{
    const struct {
        const char *name;
        char *room;
        size_t room_bytes;
    } texts[] = {{"actor", filter->actor, sizeof filter->actor},
                 {"action", filter->action, sizeof filter->action},
                 {"subject", filter->subject, sizeof filter->subject},
                 {"cursor", filter->cursor, sizeof filter->cursor}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!api_query(call, texts[i].name, texts[i].room, texts[i].room_bytes) &&
            api_has_failed(call))
            return false;
    return api_time(call, "since", &filter->since_ms) && api_time(call, "until", &filter->until_ms);
}

void events_list(struct api_call *call)
{
    struct error error = {0};
    struct event_filter filter = {0};
    enum export_format format = EXPORT_JSON;
    char next_cursor[96] = "";
    if (!export_format_read(call, &format) || !filter_read(call, &filter) ||
        !export_limit_read(call, format, &filter.limit))
        return;
    if (format != EXPORT_JSON) {
        export(call, &filter, format);
        return;
    }
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
