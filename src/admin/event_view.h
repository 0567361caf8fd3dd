/* admin/event_view.h: an event as JSON.  Layer: pure.  Thread: any. */
#pragma once
#include "json/json_writer.h"
#include "store/store.h"

/** The fields of it, into an open object. */
void event_write(struct json_writer *writer, const struct event_row *event);
