/* admin/password_resets.c: /api/users/{id}/password-reset: an admin makes a link, once; whoever has it chooses a new password.
 *
 * For those who cannot sign in any more: the server sends no mail, so an admin hands the link over. It stands behind a
 * '#' as an invitation's does, is good for a day and once, and gives no more than its maker holds: an admin makes none
 * for an owner, when it is made and still when it is used. All sessions of the user end with its use, not before.
 */
#include "admin/endpoints.h"
#include "admin/invitations.h"
#include "admin/key_issue.h"
#include "admin/people.h"
#include "admin/state.h"
#include "sys/clock.h"
#include "sys/password.h"
#include "sys/random.h"
#include "sys/secret.h"
#include "sys/vault.h"

#define RESET_LIFE_MS (INT64_C(24) * 3600 * 1000)

/* ---- making -------------------------------------------------------------------------------------- */

/* The user of the path, whom the caller may give a link for. NULL: the call has failed. */
static const struct user_row *user_of_path(struct api_call *call, const struct store_config *config)
{
    const struct user_row *user = config_user(config, call->args[0]);
    if (!user_may_touch(call, user) || !link_maker_is_wide(call, config))
        return NULL;
    if (!user->disabled_at_ms)
        return user;
    api_fail(call, PROBLEM_CONFLICT, NULL, "They may not sign in: enable the account first.");
    return NULL;
}

static void token_make(struct api_call *call, struct password_reset_row *row,
                       char out_token[APIKEY_LEN + 1])
{
    uint8_t random[32];
    random_fill(random, sizeof random);
    apikey_make(TOKEN_PREFIX_RESET, random, out_token);
    secret_wipe(random, sizeof random);
    vault_token_digest(call->admin->options.vault, str_of(out_token), row->digest);
    row->created_at_ms = clock_wall_ms();
    row->expires_at_ms = row->created_at_ms + RESET_LIFE_MS;
    str_copy(str_of(call->actor), row->created_by, sizeof row->created_by);
}

static void link_answer(struct api_call *call, const struct password_reset_row *row,
                        const char *token)
{
    AUTO_BUF struct buf link = {0};
    struct json_writer *writer = api_answer(call, 201);
    buf_init(&link, 512);
    buf_printf(&link, "%s/reset#token=%s", call->origin, token);
    json_put_text(writer, "user", row->user_id);
    json_put_int(writer, "expires_at_ms", row->expires_at_ms);
    json_put_text(writer, "token", token);
    json_put_string(writer, "link", buf_str(&link));
    api_done(call);
    secret_wipe(link.data, link.len);
}

void password_resets_create(struct api_call *call)
{
    struct change change;
    struct password_reset_row row = {0};
    struct error error = {0};
    char token[APIKEY_LEN + 1];
    if (!change_begin(&change, call->admin, call))
        return;
    const struct user_row *user = user_of_path(call, &change.config);
    if (user) {
        str_copy(str_of(user->id), row.user_id, sizeof row.user_id);
        token_make(call, &row, token);
        struct event_row event = event_make(call->actor, "password_reset.created", user->id);
        if (store_password_reset_put(call->admin->options.store, &row, &event, &error) == OK)
            link_answer(call, &row, token);
        else
            api_fail_error(call, &error);
        secret_wipe(token, sizeof token);
    }
    change_drop(&change);
}

void password_resets_revoke(struct api_call *call)
{
    struct store_config config = {0};
    struct error error = {0};
    if (!people_config(call, &config))
        return;
    bool may = user_may_touch(call, config_user(&config, call->args[0]));
    store_config_release(&config);
    if (!may)
        return;
    struct event_row event = event_make(call->actor, "password_reset.revoked", call->args[0]);
    if (store_password_reset_delete(call->admin->options.store, call->args[0], &event, &error) !=
        OK) {
        api_fail_error(call, &error);
        return;
    }
    json_put_text(api_answer(call, 200), "id", call->args[0]);
    json_put_bool(&call->writer, "revoked", true);
    api_done(call);
}

/* ---- using --------------------------------------------------------------------------------------- */

/* Does who made it still hold what it gives? NULL: no, or the user is gone or shut out. */
static const struct user_row *user_still_given(const struct store_config *config,
                                               const struct password_reset_row *row)
{
    enum role needed = ROLE_NONE;
    const char *maker = NULL;
    const struct user_row *user = config_user(config, row->user_id);
    if (!user || user->disabled_at_ms || !role_parse(str_of(user->role), &needed))
        return NULL;
    enum role held = link_maker_role(config, row->created_by, &maker);
    return held >= ROLE_ADMIN && held >= needed ? user : NULL;
}

static enum err not_given(struct error *error)
{
    return error_set(error, ERR_NOT_FOUND,
                     "Who made this link cannot give it any more, or the account is disabled. Ask "
                     "for a new one.");
}

/* The open link of the token, and whose password it is for. False: the call has failed. */
static bool token_read(struct api_call *call, struct password_reset_row *out_row,
                       struct user_row *out_user)
{
    char token[APIKEY_LEN + 1] = "";
    uint8_t digest[32];
    struct error error = {0};
    struct store_config config = {0};
    if (!api_text(call, "token", token, sizeof token, NULL) || !people_config(call, &config))
        return false;
    vault_token_digest(call->admin->options.vault, str_of(token), digest);
    secret_wipe(token, sizeof token);
    enum err err = store_password_reset_find(call->admin->options.store, digest, clock_wall_ms(),
                                             out_row, &error);
    const struct user_row *user = err == OK ? user_still_given(&config, out_row) : NULL;
    if (err == OK && !user)
        err = not_given(&error);
    if (user)
        *out_user = *user;
    store_config_release(&config);
    if (err != OK && (err != ERR_NOT_FOUND || people_may_err(call, "password_reset.refused")))
        api_fail_error(call, &error);
    return err == OK;
}

/* Under the config lock: who made it holds it at this moment. False: the call has failed. */
static bool password_keep(struct api_call *call, const struct password_reset_row *row,
                          const char *hash)
{
    struct change change;
    struct error error = {0};
    struct gateway *gateway = call->admin->options.gateway;
    struct event_row event = event_make(row->user_id, "password_reset.used", row->user_id);
    if (!change_begin(&change, call->admin, call))
        return false;
    enum err err =
        user_still_given(&change.config, row)
            ? store_password_reset_use(call->admin->options.store, row, hash, &event, &error)
            : not_given(&error);
    if (err == OK)
        (void)sessions_end(gateway_sessions(gateway), row->user_id, NULL);
    change_drop(&change);
    gateway_recheck(gateway);
    if (err != OK)
        api_fail_error(call, &error);
    return err == OK;
}

void password_resets_use(struct api_call *call)
{
    struct password_reset_row row = {0};
    struct user_row user = {0};
    char password[PASSWORD_MAX_BYTES + 1] = "", hash[PASSWORD_HASH_MAX] = "";
    if (!token_read(call, &row, &user) ||
        !api_text(call, "password", password, sizeof password, NULL))
        return;
    bool is_hashed = people_hash(call, "password", str_of(password), str_of(user.email), hash);
    secret_wipe(password, sizeof password);
    if (!is_hashed || !password_keep(call, &row, hash) || !session_begin(call, &user, hash))
        return;
    str_copy(str_of(user.id), call->user, sizeof call->user);
    (void)role_parse(str_of(user.role), &call->role);
    session_read(call);
    if (!call->is_problem)
        call->status = 201;
}
