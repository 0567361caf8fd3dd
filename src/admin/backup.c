/* admin/backup.c: /api/backup: what `auxot backup` wants of a running server: that the journals are in the tables before
 * the copy is made, and that it remembers afterwards. The copy itself is the command's (store/backup.h).
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/state.h"
#include "sys/clock.h"

#include <stdio.h>

static void answer_last(struct api_call *call, const struct backup_note *note)
{
    struct json_writer *writer = api_answer(call, 200);
    if (note->at_ms) {
        json_put_int(writer, "last_at_ms", note->at_ms);
        json_put_int(writer, "last_bytes", note->bytes);
    } else {
        json_put_null(writer, "last_at_ms");
        json_put_null(writer, "last_bytes");
    }
    api_done(call);
}

void backup_read(struct api_call *call)
{
    struct error error = {0};
    struct backup_note note;
    if (store_backup_last(call->admin->options.store, &note, &error) == OK)
        answer_last(call, &note);
    else
        api_fail_error(call, &error);
}

void backup_begin(struct api_call *call)
{
    int64_t left_ms = call->deadline_ms - clock_monotonic_ms();
    if (store_drain(call->admin->options.store, left_ms > 0 ? left_ms : 0) != OK) {
        api_fail(call, PROBLEM_UNAVAILABLE, NULL,
                 "What the journals hold cannot be written to the database now: see the log, and "
                 "try again.");
        return;
    }
    backup_read(call);
}

void backup_end(struct api_call *call)
{
    struct error error = {0};
    struct backup_note note = {0};
    char after[96];
    if (!api_int(call, "at_ms", 1, INT64_MAX, &note.at_ms) ||
        !api_int(call, "bytes", 1, INT64_MAX, &note.bytes))
        return;
    struct event_row event = event_make(call->actor, "backup.made", "");
    (void)snprintf(after, sizeof after, "{\"at_ms\":%lld,\"bytes\":%lld}", (long long)note.at_ms,
                   (long long)note.bytes);
    event.after_json = after;
    if (store_backup_note(call->admin->options.store, &note, &event, &error) == OK)
        answer_last(call, &note);
    else
        api_fail_error(call, &error);
}
