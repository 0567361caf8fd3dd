/* admin/provider_models.h: a provider's list of models after a look at the vendor, and what the look
 * means for its health.
 *
 * Thread:  any that may block.
 */
#pragma once
#include "admin/prober.h"
#include "json/json_writer.h"
#include "store/store.h"

struct admin;

/** Ids that a refresh found new or gone, as JSON arrays of strings. */
struct models_change {
    struct buf added, removed;
};
void models_change_init(struct models_change *change);
void models_change_release(struct models_change *change);

/**
 * Brings a row up to date with what was found: the first list is surfaced as SPEC 5 says, later ones keep
 * what was chosen, and new models stay unsurfaced. A default that is gone gives way to the first surfaced
 * model. An empty list leaves the old one. Also the row's last known trouble. ERR_NO_MEMORY.
 */
MUST_USE enum err models_merge(struct provider_row *row, const struct discovery *discovery,
                               struct models_change *out_change);
/** Tells the live part what was found. A verdict about an older key than the current one is ignored. When a
 *  person asked (`is_by_hand`) success clears every verdict; else it only ends the state error. */
void health_tell(struct live_provider *live, const struct discovery *discovery,
                 int64_t credential_version, bool is_by_hand);
#define BY_HEALTH_THREAD "health" /* the actor of looks that no person asked for */
/**
 * Both of the above for a provider in force: writes the row when anything changed, publishes, tells the
 * health. Takes the config lock. `out_change` may be NULL. ERR_NOT_FOUND when it was deleted meanwhile.
 */
MUST_USE enum err discovery_apply(struct admin *admin, const char *provider_id,
                                  int64_t credential_version, const struct discovery *discovery,
                                  const char *actor, struct models_change *out_change,
                                  struct error *error);
/** A model's figures, as lists in rows and answers have them: null when not known. */
void model_figures_write(struct json_writer *writer, int64_t context_tokens, int64_t created_at_ms);
/** The row of that id or slug; NULL. */
struct provider_row *config_provider(const struct store_config *config, const char *id_or_slug);
