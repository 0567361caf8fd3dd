/* admin/config_entries.h: rows as the entries of the file of all configuration: with names in place of ids, without secrets, every
 * field always there, in an order that is the same wherever the file is written.
 *
 * What points at something that is gone is left out: nobody can name it.
 *
 * Thread:  any; no locks.
 */
#pragma once
#include "json/json.h"
#include "json/json_writer.h"
#include "store/store.h"

/* Where names are looked up, and what reads the lists in rows. */
struct config_names {
    const struct store_config *config;
    struct json_reader *reader;
    const struct store_config *before; /* for what `config` does not have any more; may be NULL */
};
#define CONFIG_LIST_BYTES_MAX ((size_t)4 * 1024 * 1024) /* for the reader */

/* The members of one entry, into the object that is open. */
typedef void config_entry_write(struct json_writer *writer, const struct config_names *names,
                                const void *row);
config_entry_write config_provider_write; /* a struct provider_row, and so on */
config_entry_write config_route_write;
config_entry_write config_team_write; /* without its service accounts */
config_entry_write config_account_write;
config_entry_write config_price_write;
void config_auto_write(struct json_writer *writer, const struct config_names *names);

/** All sections, into the object that is open. */
void config_write(struct json_writer *writer, const struct config_names *names);

/** "" when there is none of that id. */
const char *config_provider_slug(const struct store_config *config, struct str id);
const char *config_team_name(const struct store_config *config, struct str id);

/** As config_write, as text. The buffer has failed when it did not fit. */
void config_text(struct buf *out, const struct config_names *names);
/** Tells one configuration from another: of their texts. */
#define CONFIG_REV_MAX 20
void config_rev(struct str text, char out_rev[CONFIG_REV_MAX]);
