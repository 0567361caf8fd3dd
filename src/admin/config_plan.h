/* admin/config_plan.h: from the configuration as it is and a file to the configuration as the file wants it: rows in memory, nothing
 * written. What differs then is config_changes.h.
 *
 * The file names what it speaks of: providers by slug, routes and teams by name, service accounts by name in their team, prices by
 * model and provider. An entry is read as the resource's own handler reads a body (row_fields.h, provider_fields.h), so that the
 * file and the API mean the same and refuse the same. What the file does not speak of stays; with `prune`, what a section
 * that is there does not name goes.
 *
 * First all entries get their rows, then all rows get their fields: so a rule may point at a provider that
 * the same file makes.
 *
 * Thread:  api, or a command's, where no server runs.
 */
#pragma once
#include "admin/api.h"
#include "admin/config_entries.h"
#include "admin/state.h"

enum config_kind {
    CONFIG_PROVIDER,
    CONFIG_TEAM,
    CONFIG_ROUTE,
    CONFIG_PRICE,
    CONFIG_ACCOUNT, /* the last of those that are rows; inside teams in the file */
    CONFIG_AUTO,
    CONFIG_KIND_COUNT
};

struct config_plan {
    struct admin *admin;
    const struct store_config *now; /* borrowed */
    struct store_config wanted;     /* owned */
    struct json file, keys;         /* the sections; what keys of providers were given */
    bool prune;
    struct json_reader *reader;
    struct api_call *entry; /* one entry of the file, as a body */
    struct buf kept;        /* what is not named and not removed: elements of a JSON array */
    struct json_writer kept_writer;
    struct buf notes; /* what to see to: likewise */
    struct json_writer notes_writer;
    /* where reading is, and how it failed */
    const char *section;
    size_t index;
    enum problem problem;
    char field[160]; /* "providers[2].fallback_rules" */
    struct error error;
};

/** `wanted` begins as what `store` holds, which `now` is; both empty when it is NULL. ERR_NO_MEMORY and what the store says. */
MUST_USE enum err config_plan_init(struct config_plan *plan, struct admin *admin,
                                   const struct store_config *now, struct store *store,
                                   struct error *error);
void config_plan_release(struct config_plan *plan);
/** Reads the whole file into `wanted`. False: `problem`, `field` and `error` say why. */
bool config_plan_make(struct config_plan *plan);

#define CONFIG_NO_ROW SIZE_MAX
/* One kind of row: one row here, everything else follows from it. */
struct config_section {
    const char *section; /* of the file; NULL: none of its own */
    const char *kind;    /* in words */
    size_t rows_at, count_at, row_bytes;
    /* The index of the row that the entry names; CONFIG_NO_ROW: there is none. */
    size_t (*find)(const struct config_plan *plan, struct json entry);
    /* Makes a new row out of an entry, as far as others point at it; then all its fields. False: the plan has failed. */
    bool (*make)(struct config_plan *plan, struct json entry, void *row);
    bool (*fill)(struct config_plan *plan, struct json entry, void *row);
    void (*release)(void *row); /* NULL: owns nothing */
    /* What people know it by. */
    void (*name)(const struct store_config *config, const void *row, char *room, size_t room_bytes);
    config_entry_write *write;
    const char *created, *updated, *deleted; /* events */
    enum config_write_kind insert, update, remove;
};
/** Of each kind that is rows; by enum config_kind. */
extern const struct config_section config_sections[CONFIG_AUTO];
const char *config_kind_name(enum config_kind kind);

/** The rows of a section; every row begins with its id. */
void *config_rows(const struct store_config *config, const struct config_section *section,
                  size_t *out_count);

/* ---- for the sections ---------------------------------------------------------------------------- */

/* config_providers.c */
size_t config_provider_find(const struct config_plan *plan, struct json entry);
bool config_provider_make(struct config_plan *plan, struct json entry, void *row);
bool config_provider_fill(struct config_plan *plan, struct json entry, void *row);

/** An id for the entry at hand, and its time: in the order of the file. */
int64_t plan_new_id(struct config_plan *plan, const char *prefix, char id[ID_MAX]);
/** The entry as a body. */
struct api_call *plan_entry(struct config_plan *plan, struct json entry);
/** False when what read the entry has failed: the plan then has, too. */
bool plan_entry_is_good(struct config_plan *plan);
/** Always false. `field` of the entry; NULL: the whole entry. */
bool plan_fail(struct config_plan *plan, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void plan_note(struct config_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void plan_keep(struct config_plan *plan, const struct config_section *section, const void *row);
/** One more row, zeroed, at the end; NULL: no memory, and the plan has failed. Moves the others. */
void *plan_grow(struct config_plan *plan, const struct config_section *section);
void plan_drop(struct config_plan *plan, const struct config_section *section, size_t index);
