/* admin/spent.h: what teams and keys spent this month before this start, read from the jobs on record.
 *
 * Once, and only when somebody has a budget: what this process itself has spent, the ledgers know. All of it or an
 * error, and then nothing with a budget comes into force: a part would be taken for the whole until the month ends.
 */
#pragma once
#include "admin/state.h"

/** Reads it if the snapshot holds a budget and it was not read yet. Before the snapshot is published; under config_lock,
 *  or before the loops run. */
MUST_USE enum err spent_load_for(struct admin *admin, const struct snapshot *snapshot,
                                 struct error *error);
/** Reads it if it was not read yet: for whoever wants to show it. Under config_lock. */
MUST_USE enum err spent_load(struct admin *admin, struct error *error);
