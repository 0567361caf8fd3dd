/* admin/strangers.c: unknown callers as events. */
#include "admin/strangers.h"

#include "admin/key_issue.h"
#include "admin/state.h"
#include "base/log.h"

#include <stdio.h>

#define PAUSE_MS 60000

void strangers_look(struct strangers *strangers, struct admin *admin, int64_t now_ms)
{
    int64_t count = gateway_strangers(admin->options.gateway);
    bool is_due = strangers->told_at_ms == 0 || now_ms - strangers->told_at_ms >= PAUSE_MS;
    if (count == strangers->told || !is_due)
        return;
    char after[64];
    struct error error = {0};
    struct event_row event = event_make("health", "caller.unknown", "");
    (void)snprintf(after, sizeof after, "{\"requests\":%lld}",
                   (long long)(count - strangers->told));
    event.after_json = after;
    if (store_event_add(admin->options.store, &event, &error) != OK) {
        log_warn("strangers_not_told", "why=\"%s\"", error.text);
        return;
    }
    strangers->told = count;
    strangers->told_at_ms = now_ms;
}
