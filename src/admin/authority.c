/* admin/authority.c: see authority.h. */
#include "admin/authority.h"

#include "admin/endpoints.h"
#include "admin/people.h"
#include "admin/rights.h"

enum role user_role_now(const struct store_config *config, const char *user_id)
{
    enum role role = ROLE_NONE;
    const struct user_row *user = config_user(config, user_id);
    return user && !user->disabled_at_ms && role_parse(str_of(user->role), &role) ? role
                                                                                  : ROLE_NONE;
}

/* As gateway/principals.c has it: no more than its user, and nothing for a team that they left. */
enum role key_role_now(const struct store_config *config, const struct key_row *row, int64_t now_ms)
{
    enum role role = ROLE_NONE;
    bool is_over = row->expires_at_ms && row->expires_at_ms <= now_ms;
    if (is_over || row->revoked_at_ms || !role_parse(str_of(row->role), &role))
        return ROLE_NONE;
    if (!row->user_id[0])
        return role;
    if (row->team[0] && !config_is_member(config, row->team, row->user_id))
        return ROLE_NONE;
    enum role held = user_role_now(config, row->user_id);
    return held < role ? held : role;
}

unsigned key_scopes(const struct key_row *row, enum role role)
{
    return row->scopes ? row->scopes : scopes_of_role(role);
}

/* Is the secret that the call came with one of the key's still? It may have been rotated, and its grace time be over. */
static bool is_its_secret(const struct key_row *row, const struct api_call *call, int64_t now_ms)
{
    if (memcmp(row->digest, call->digest, sizeof row->digest) == 0)
        return true;
    return row->previous_until_ms > now_ms &&
           memcmp(row->previous_digest, call->digest, sizeof row->previous_digest) == 0;
}

struct held {
    enum role role;
    unsigned scopes;
};

static struct held held_now(const struct api_call *call, const struct store_config *config,
                            struct sessions *sessions, int64_t now_ms)
{
    struct held held = {ROLE_NONE, SCOPE_ALL};
    if (call->session[0]) {
        if (sessions_is_live(sessions, call->user, call->session, now_ms))
            held.role = user_role_now(config, call->user);
        return held;
    }
    const struct key_row *key = config_key(config, call->actor);
    if (key && is_its_secret(key, call, now_ms)) {
        held.role = key_role_now(config, key, now_ms);
        held.scopes = key_scopes(key, held.role);
    }
    return held;
}

static bool is_enough(struct api_call *call)
{
    if (call->role < call->endpoint->role)
        api_fail(call, PROBLEM_FORBIDDEN, NULL, "This needs the role %s.",
                 role_name(call->endpoint->role));
    else if (!(call->scopes & SCOPE_MANAGE))
        api_fail(call, PROBLEM_FORBIDDEN, NULL, "This needs a key with the scope manage.");
    return !api_has_failed(call);
}

bool authority_look(struct api_call *call, const struct store_config *config,
                    struct sessions *sessions, int64_t now_ms)
{
    if (call->endpoint->role == ROLE_NONE || strcmp(call->actor, "control") == 0)
        return true;
    struct held held = held_now(call, config, sessions, now_ms);
    if (held.role == ROLE_NONE) {
        api_fail(call, PROBLEM_UNAUTHORIZED, NULL, "The %s of this call is not in force any more.",
                 call->session[0] ? "session" : "key");
        return false;
    }
    if (held.role < call->role)
        call->role = held.role;
    call->scopes &= held.scopes;
    if (call->user[0] && !config_is_member(config, call->team, call->user))
        call->team[0] = '\0';
    return is_enough(call);
}
