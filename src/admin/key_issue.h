/* admin/key_issue.h: making, rotating and revoking API keys in the store; the management API and `auxot keys`
 * share it. The key itself is returned once and kept nowhere: the store has its keyed digest and a hint.
 *
 * Thread:  any that may block.
 */
#pragma once
#include "domain/apikey.h"
#include "json/json_writer.h"
#include "store/store.h"

struct key_maker {
    struct store *store;
    const struct vault *vault;
    const char *actor;
};

/** 1 to 127 bytes; ERR_MALFORMED with a sentence. */
MUST_USE enum err key_name_check(struct str name, struct error *error);

/** Is there room for one more key like the row: for its user or service account, for its team if it is of neither, and in
 *  all? Nobody takes the others' room. ERR_CONFLICT with a sentence. */
#define KEYS_MAX         100000u
#define KEYS_OF_ONE_MAX  100u
#define KEYS_OF_TEAM_MAX 1000u
MUST_USE enum err key_room_check(const struct store_config *config, const struct key_row *row,
                                 struct error *error);
/** The same for a key that is there already, and goes to another owner. */
MUST_USE enum err key_owner_room_check(const struct store_config *config, const struct key_row *row,
                                       struct error *error);

/**
 * Makes a key as `row` describes it, and fills in its id, hint, digest, time and rev. What the row says was
 * checked already. Wipe `out_key` after use. Errors: what the store says.
 */
MUST_USE enum err key_make(const struct key_maker *maker, struct key_row *row,
                           char out_key[APIKEY_LEN + 1], struct error *error);
/** Gives the key another secret; the old one stays valid for `grace_ms` more, 0: not at all. A rotation
 *  within the grace time of another ends that one. */
#define KEY_GRACE_DEFAULT_MS (INT64_C(24) * 3600 * 1000)
#define KEY_GRACE_MAX_MS     (INT64_C(30) * 24 * 3600 * 1000)
MUST_USE enum err key_rotate(const struct key_maker *maker, struct key_row *row, int64_t grace_ms,
                             char out_key[APIKEY_LEN + 1], struct error *error);
/** Writes a changed row; `before` as key_text gave it. */
MUST_USE enum err key_change(const struct key_maker *maker, const struct key_row *row,
                             const char *before, struct error *error);
MUST_USE enum err key_revoke(struct store *store, const char *id, const char *actor,
                             struct error *error);

/** What `auxot keys create` asks for, where no server runs. */
struct key_wish {
    struct str name;    /* 1 to 127 bytes */
    struct str role;    /* "member" or "admin" */
    struct str team;    /* id or name of a team; may be empty */
    bool may_make_team; /* a team of that name is made when there is none */
    const char *actor;
};
struct key_issuer {
    struct store *store;
    const struct vault *vault;
    const struct store_config *config; /* as it is now */
};
/** Errors: ERR_MALFORMED with a sentence (`*out_field` names the field), what the store says. Wipe
 *  `out_key` after use. */
MUST_USE enum err key_issue(const struct key_issuer *issuer, const struct key_wish *wish,
                            char out_key[APIKEY_LEN + 1], struct key_row *out_row,
                            const char **out_field, struct error *error);

/** The members of a key into the object that is open; never its digests. */
void key_write(struct json_writer *writer, const struct key_row *row);
/** With the names of whose it is beside their ids. */
void key_write_named(struct json_writer *writer, const struct key_row *row,
                     const struct store_config *config);
/** The same as an object of its own, for events. NULL when it did not fit. */
const char *key_text(struct buf *room, const struct key_row *row);

/** Fills id, time, actor, action and subject; before and after stay NULL. */
struct event_row event_make(const char *actor, const char *action, const char *subject);
