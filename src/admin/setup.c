/* admin/setup.c: /api/setup: the first user, who brings the token that the server printed.
 *
 * The token is kept nowhere: it follows from the secret key and a random number of this data directory, so that
 * `auxot setup-token` can show it again, and a copy of the database cannot. Once there was an owner it opens
 * nothing, ever.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/people.h"
#include "admin/state.h"
#include "sys/clock.h"
#include "sys/password.h"
#include "sys/random.h"
#include "sys/secret.h"
#include "sys/vault.h"

enum err setup_token(struct store *store, const struct vault *vault, char out_token[APIKEY_LEN + 1],
                     struct error *error)
{
    char nonce[STORE_NONCE_MAX];
    enum err err = store_setup_nonce(store, nonce, error);
    if (err != OK)
        return err;
    AUTO_BUF struct buf source = {0};
    uint8_t random[32];
    buf_init(&source, 256);
    buf_printf(&source, "setup %s", nonce);
    if (source.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory for the set-up token");
    vault_token_digest(vault, buf_str(&source), random);
    apikey_make(TOKEN_PREFIX_SETUP, random, out_token);
    secret_wipe(random, sizeof random);
    return OK;
}

static bool fail_if_done(struct api_call *call)
{
    if (!atomic_load(&call->admin->is_set_up))
        return false;
    api_fail(call, PROBLEM_CONFLICT, NULL, "Set-up was done already: sign in instead.");
    return true;
}

void setup_read(struct api_call *call)
{
    json_put_bool(api_answer(call, 200), "needed", !atomic_load(&call->admin->is_set_up));
    api_done(call);
}

/* For the control socket and whoever is owner already, to whom it is of no use. */
void setup_token_read(struct api_call *call)
{
    char token[APIKEY_LEN + 1];
    struct error error = {0};
    if (fail_if_done(call))
        return;
    if (setup_token(call->admin->options.store, call->admin->options.vault, token, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    json_put_text(api_answer(call, 200), "token", token);
    api_done(call);
    secret_wipe(token, sizeof token);
}

static bool token_is_right(struct api_call *call)
{
    char given[APIKEY_LEN + 1] = "", token[APIKEY_LEN + 1];
    struct error error = {0};
    if (!api_text(call, "token", given, sizeof given, NULL))
        return false;
    if (setup_token(call->admin->options.store, call->admin->options.vault, token, &error) != OK) {
        api_fail_error(call, &error);
        return false;
    }
    bool is_right = str_eq_constant_time(str_of(given), str_of(token));
    secret_wipe(token, sizeof token);
    if (!is_right && people_may_err(call, "setup.refused"))
        api_fail(call, PROBLEM_WRONG_TOKEN, "token",
                 "This is not the set-up token. The server printed it when it started; "
                 "`auxot setup-token --data-dir D` prints it again.");
    return is_right;
}

static enum err owner_keep(struct api_call *call, const struct user_row *owner, const char *hash,
                           const char *organization, struct error *error)
{
    AUTO_BUF struct buf after = {0};
    buf_init(&after, 2048);
    user_write_event(&after, owner);
    struct event_row event = event_make(owner->id, "setup.done", owner->id);
    event.after_json = buf_str(&after).at;
    return store_set_up(call->admin->options.store, owner, hash, organization, &event, error);
}

static bool owner_make(struct api_call *call, const struct user_row *owner, const char *hash,
                       const char *organization)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return false;
    enum err err = owner_keep(call, owner, hash, organization, &error);
    return change_end(&change, err, &error);
}

void setup_do(struct api_call *call)
{
    char email[EMAIL_MAX_BYTES + 1], name[PERSON_NAME_MAX + 1], organization[PERSON_NAME_MAX + 1];
    char password[PASSWORD_MAX_BYTES + 1] = "", hash[PASSWORD_HASH_MAX];
    if (fail_if_done(call) || !token_is_right(call) || !people_email(call, email) ||
        !people_name(call, "name", email, name) ||
        !people_name(call, "organization", "Organization", organization) ||
        !api_text(call, "password", password, sizeof password, NULL))
        return;
    bool is_hashed = people_hash(call, "password", str_of(password), str_of(email), hash);
    secret_wipe(password, sizeof password);
    struct user_row owner = user_make(email, name, "owner");
    if (!is_hashed || !owner_make(call, &owner, hash, organization) ||
        !session_begin(call, &owner, hash))
        return;
    struct json_writer *writer = api_answer(call, 201);
    struct store_config nothing = {0};
    json_put_text(writer, "organization", organization);
    json_open_object_named(writer, "user");
    user_write(writer, &nothing, &owner);
    json_close_object(writer);
    api_done(call);
}
