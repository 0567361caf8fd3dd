/* gateway/snapshot_parts.h: what the files that build a snapshot share; everybody else sees snapshot.h only. */
#pragma once
#include "gateway/snapshot.h"

/* One build: where it writes and what went wrong. After a failure every step returns NULL. */
struct build {
    struct snapshot *snapshot;
    struct json_reader *reader;
    struct limits_registry *limits;
    bool has_failed; /* no memory */
};

/** Zeroed room in the snapshot's arena. */
void *build_room(struct build *build, size_t count, size_t size_bytes);
const char *build_text(struct build *build, struct str text);
/** A JSON column; a damaged one counts as absent, and is reported: the rest must go on serving. */
struct json build_json(struct build *build, const char *owner, const char *text);
/** The strings of a list column, in the arena; at most `max`. */
const char *const *build_names(struct build *build, struct json list, size_t max,
                               size_t *out_count);

/* ---- prices.c ------------------------------------------------------------------------------------ */

/** What the overrides, else the table say, whatever the provider's own list has. */
const struct price *price_at(const struct snapshot *snapshot, const struct provider *provider,
                             struct str model);
void build_prices(struct build *build, const struct store_config *config);

/* ---- principals.c -------------------------------------------------------------------------------- */

void build_teams(struct build *build, const struct store_config *config);
void build_principals(struct build *build, const struct store_config *config); /* after teams */
void build_worker_keys(struct build *build, const struct store_config *config);

/* ---- users.c ------------------------------------------------------------------------------------- */

void build_users(struct build *build, const struct store_config *config); /* after teams */
/** What is left of a key's role: nothing when its user is gone or may not sign in, and never more than they hold. Keys of
 *  nobody keep theirs. */
enum role role_held(const struct store_config *config, const char *user_id, enum role of_key);
