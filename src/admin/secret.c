/* admin/secret.c: /api/secret: which secret the server runs under, and a new one while it runs. No secret passes here: it is
 * made and kept in files of the data directory (store/secret_rotate.c).
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/state.h"

#include <stdio.h>

#define FINGERPRINT_BYTES 8

/* Enough of the check value to tell two secrets apart. */
static void fingerprint(const struct secret_report *report, char room[2 * FINGERPRINT_BYTES + 1])
{
    for (size_t i = 0; i < FINGERPRINT_BYTES; i++)
        (void)snprintf(room + 2 * i, 3, "%02x", report->check[i]);
}

static void report_answer(struct api_call *call, const struct secret_report *report)
{
    char text[2 * FINGERPRINT_BYTES + 1];
    struct json_writer *writer = api_answer(call, 200);
    fingerprint(report, text);
    json_put_text(writer, "fingerprint", text);
    json_put_text(writer, "kept_in", report->is_in_files ? "file" : "environment");
    if (report->rotated_at_ms)
        json_put_int(writer, "rotated_at_ms", report->rotated_at_ms);
    else
        json_put_null(writer, "rotated_at_ms");
    json_put_int(writer, "sealed", report->rows);
    json_put_int(writer, "left", report->left);
    json_put_text(writer, "left_provider", report->left ? report->left_id : NULL);
    json_put_int(writer, "resealed", report->resealed);
    api_done(call);
}

void secret_read(struct api_call *call)
{
    struct error error = {0};
    struct secret_report report;
    if (store_secret_status(call->admin->options.store, &report, &error) == OK)
        report_answer(call, &report);
    else
        api_fail_error(call, &error);
}

/* Under the lock of configuration: no provider is written from a row of before. Then the providers in memory follow, so that
 * none is under a secret that a later rotation lets go. */
void secret_rotate(struct api_call *call)
{
    struct error error = {0};
    struct change change;
    struct secret_report report = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    struct event_row event = event_make(call->actor, "secret.rotated", "");
    enum err err = store_secret_rotate(call->admin->options.store, &event, &report, &error);
    if (change_end(&change, err, &error))
        report_answer(call, &report);
}
