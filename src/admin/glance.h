/* admin/glance.h: the figures of a first look: who answers Auto now, what each tier has to give, what it costs, how the server
 * itself is. Part of GET /api/health/summary; whoever needs no more than this needs no list.
 */
#pragma once
#include "admin/api.h"

/* What only admins are told, gathered by the summary. -1, or 0 of a time: not known. */
struct glance_facts {
    int64_t hour_microusd, today_microusd, usual_microusd; /* known costs; usual: of a day */
    bool is_hour_partial;                                  /* some of it has no price */
    int64_t memory_bytes, disk_free_bytes, disk_total_bytes;
    int64_t certificate_ends_ms, backup_at_ms; /* wall */
};

/** Appends `auto`, `tiers`, `heartbeat`, `spend` and `gateway` to the object that is open. `facts` NULL: the caller is no admin. */
void glance_write(struct json_writer *writer, const struct api_call *call,
                  const struct snapshot *snapshot, const struct glance_facts *facts);
