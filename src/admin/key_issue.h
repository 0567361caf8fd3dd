/* admin/key_issue.h: making and revoking API keys in the store; the management API and `auxot keys` share
 * it. The key itself is returned once and kept nowhere: the store has its keyed digest and a hint.
 *
 * Thread:  any that may block.
 */
#pragma once
#include "domain/apikey.h"
#include "store/store.h"

struct key_wish {
    struct str name;    /* 1 to 127 bytes */
    struct str role;    /* "member" or "admin" */
    struct str team;    /* id or name of a team; may be empty */
    bool may_make_team; /* a team of that name is made when there is none */
    const char *actor;
};

/** Errors: ERR_MALFORMED with a sentence (`*out_field` names the field), what the store says. Wipe
 *  `out_key` after use. */
struct key_issuer {
    struct store *store;
    const struct vault *vault;
    const struct store_config *config; /* as it is now */
};
MUST_USE enum err key_issue(const struct key_issuer *issuer, const struct key_wish *wish,
                            char out_key[APIKEY_LEN + 1], struct key_row *out_row,
                            const char **out_field, struct error *error);
MUST_USE enum err key_revoke(struct store *store, const char *id, const char *actor,
                             struct error *error);
/** Fills id, time, actor, action and subject; before and after stay NULL. */
struct event_row event_make(const char *actor, const char *action, const char *subject);
