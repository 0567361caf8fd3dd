/* admin/invitation_accept.c: what becomes of an invitation: whoever has its token looks at it, and becomes a user. */
#include "admin/authority.h"
#include "admin/endpoints.h"
#include "admin/invitations.h"
#include "admin/key_issue.h"
#include "admin/people.h"
#include "admin/rights.h"
#include "admin/state.h"
#include "sys/clock.h"
#include "sys/password.h"
#include "sys/secret.h"
#include "sys/vault.h"

/* The role of who made it, and the user whose it is. A key is asked for itself: it may be gone while its user stays. */
enum role link_maker_role(const struct store_config *config, const char *maker_id,
                          const char **out_user)
{
    const struct key_row *key = config_key(config, maker_id);
    *out_user = key ? key->user_id : maker_id;
    if (strcmp(maker_id, "control") == 0)
        return ROLE_OWNER;
    if (!key)
        return user_role_now(config, maker_id);
    return key_may_invite(key) ? key_role_now(config, key, clock_wall_ms()) : ROLE_NONE;
}

/* Does who made it still hold what it gives? */
static bool is_still_given(const struct store_config *config, const struct invitation_row *row)
{
    enum role given = ROLE_NONE;
    const char *user = NULL;
    enum role held = link_maker_role(config, row->created_by, &user);
    if (held == ROLE_NONE || !role_parse(str_of(row->role), &given))
        return false;
    return held >= ROLE_ADMIN ? held >= given
                              : given == ROLE_MEMBER && is_lead(config, user, row->team_id);
}

/* The open invitation of the token. False: the call has failed. */
static bool invitation_read_token(struct api_call *call, const struct store_config *config,
                                  struct invitation_row *out_row)
{
    char token[APIKEY_LEN + 1] = "";
    uint8_t digest[32];
    struct error error = {0};
    if (!api_text(call, "token", token, sizeof token, NULL))
        return false;
    vault_token_digest(call->admin->options.vault, str_of(token), digest);
    secret_wipe(token, sizeof token);
    enum err err =
        store_invitation_find(call->admin->options.store, digest, clock_wall_ms(), out_row, &error);
    if (err == OK && !is_still_given(config, out_row))
        err = error_set(&error, ERR_NOT_FOUND,
                        "Who made this invitation cannot give it any more. Ask for a new one.");
    if (err != OK && (err != ERR_NOT_FOUND || people_may_err(call, "invitation.refused")))
        api_fail_error(call, &error);
    return err == OK;
}

/* What the page shows before it asks for a password. */
void invitations_look(struct api_call *call)
{
    struct store_config config = {0};
    struct invitation_row row = {0};
    if (!people_config(call, &config))
        return;
    if (invitation_read_token(call, &config, &row)) {
        struct json_writer *writer = api_answer(call, 200);
        json_put_text(writer, "organization", config.organization);
        invitation_write(writer, &config, &row);
        api_done(call);
    }
    store_config_release(&config);
}

/* The one it was made for, if it names one; else the one that is given. */
static bool invited_email(struct api_call *call, const struct invitation_row *row,
                          char out_email[EMAIL_MAX_BYTES + 1])
{
    bool is_given = json_type_of(json_get(call->root, "email")) != JSON_ABSENT;
    if (!is_given && row->email[0]) {
        str_copy(str_of(row->email), out_email, EMAIL_MAX_BYTES + 1);
        return true;
    }
    if (!people_email(call, out_email))
        return false;
    if (!row->email[0] || strcmp(row->email, out_email) == 0)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "email", "This invitation is for another address.");
    return false;
}

static bool acceptance_keep(struct api_call *call, const struct invitation_row *row,
                            const struct user_row *user, const char *hash)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf after = {0};
    buf_init(&after, 2048);
    user_write_event(&after, user);
    struct event_row event = event_make(user->id, "invitation.accepted", row->id);
    event.after_json = buf_str(&after).at;
    if (!change_begin(&change, call->admin, call))
        return false;
    enum err err =
        is_still_given(&change.config, row)
            ? store_invitation_accept(call->admin->options.store, row, user, hash, &event, &error)
            : error_set(&error, ERR_NOT_FOUND, "This invitation is not open any more.");
    return change_end(&change, err, &error);
}

/* False: the call has failed. */
static bool user_accept(struct api_call *call, const struct store_config *config,
                        struct user_row *out_user, char out_hash[])
{
    struct invitation_row row = {0};
    char email[EMAIL_MAX_BYTES + 1], name[PERSON_NAME_MAX + 1];
    char password[PASSWORD_MAX_BYTES + 1] = "";
    if (!invitation_read_token(call, config, &row) || !invited_email(call, &row, email) ||
        !people_name(call, "name", email, name) ||
        !api_text(call, "password", password, sizeof password, NULL))
        return false;
    bool is_hashed = people_hash(call, "password", str_of(password), str_of(email), out_hash);
    secret_wipe(password, sizeof password);
    *out_user = user_make(email, name, row.role);
    return is_hashed && acceptance_keep(call, &row, out_user, out_hash);
}

void invitations_accept(struct api_call *call)
{
    struct store_config config = {0};
    struct user_row user = {0};
    char hash[PASSWORD_HASH_MAX] = "";
    if (!people_config(call, &config))
        return;
    bool is_accepted = user_accept(call, &config, &user, hash);
    store_config_release(&config);
    if (!is_accepted || !session_begin(call, &user, hash))
        return;
    str_copy(str_of(user.id), call->user, sizeof call->user);
    (void)role_parse(str_of(user.role), &call->role);
    session_read(call);
    if (!call->is_problem)
        call->status = 201;
}
