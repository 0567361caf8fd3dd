/* admin/workers.h: what workers bring, put on record. */
#pragma once
#include "admin/admin.h"
#include "wire/worker.h"

struct models_change;

/** Writes down what workers did and brought since: events, models that a row does not know. May block. */
void workers_record(struct admin *admin);
/** Adds `models` to the provider's row, surfaced; `drops`: and takes out those that are not among them. What is new or
 *  gone is written to `out_change`. ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_NO_MEMORY with a sentence. */
MUST_USE enum err workers_models_apply(struct admin *admin, const char *provider_id,
                                       const struct worker_model *models, size_t count, bool drops,
                                       const char *actor, struct models_change *out_change,
                                       struct error *error);
/** All that live workers of the provider have now: yours to mem_free. */
size_t workers_models_now(struct admin *admin, const char *provider_id,
                          struct worker_model **out_models);
