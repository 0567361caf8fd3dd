/* admin/config_changes.h: what differs between the configuration as it is and as a file wants it: in words for people, in writes for
 * the store.
 *
 * Two rows differ when their entries in the file would (config_entries.h), or when the provider got another key. So
 * what was applied once is no change the second time.
 *
 * Thread:  as config_plan.h.
 */
#pragma once
#include "admin/config_plan.h"

enum config_action { CONFIG_CREATE, CONFIG_UPDATE, CONFIG_DELETE, CONFIG_ACTION_COUNT };

struct config_change {
    enum config_kind kind;
    enum config_action action;
    char id[ID_MAX], name[256];
    const void
        *row; /* as it is wanted; deleted: as it was. Of the plan, and of what it has as `now` */
    struct buf before, after; /* the entries; empty: there is none */
    bool has_new_key;
    int64_t jobs; /* of the last 24 hours; -1: not known */
};
struct config_changes {
    struct config_change *list;
    size_t count;
};

/** Finds all. ERR_NO_MEMORY. Yours to config_changes_release, also after a failure. */
MUST_USE enum err config_changes_find(struct config_plan *plan, struct config_changes *out_changes,
                                      struct error *error);
void config_changes_release(struct config_changes *changes);
/** Writes them, all or none, each with its event. Under the config lock. Errors: the store's. */
MUST_USE enum err config_changes_write(const struct config_plan *plan,
                                       const struct config_changes *changes, struct store *store,
                                       const char *actor, struct error *error);
/** Counts the requests of the last 24 hours that each had to do with. What cannot be counted stays unknown. */
void config_changes_count(struct config_changes *changes, struct store *store);
/** One sentence for each field that changes, into the array that is open. */
void config_change_words(struct json_writer *writer, const struct config_change *change);
