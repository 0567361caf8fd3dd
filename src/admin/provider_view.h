/* admin/provider_view.h: a provider as the management API shows it. Never its key.
 * Thread:  any that may block.
 */
#pragma once
#include "admin/api.h"
#include "store/store.h"

struct models_change;

/** Answers with one provider as it is now, read from the store; 404 when the caller may not see it. `change` (may be NULL) adds `added` and
 *  `removed`. */
void provider_answer(struct api_call *call, int status, const char *id,
                     const struct models_change *change);
/** Appends the fields of one provider to an open object, as the caller may see them: below admin without address, key
 *  and other teams. */
void provider_write(struct json_writer *writer, const struct provider_row *row,
                    const struct snapshot *snapshot, const struct api_call *call);
/** The names of these ENDPOINT_BITs, as an array. */
void dialects_write(struct json_writer *writer, const char *name, unsigned endpoints);
/** Appends the configured part as a JSON object, for events; `has_models`: the list too. */
void provider_row_write(struct buf *out, const struct provider_row *row, bool has_models);
