/* admin/session.c: /api/session: signing in and out.
 *
 * Whoever tries a password gets one answer for a wrong one and for a name that nobody has, after the same work.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/people.h"
#include "admin/refusals.h"
#include "admin/state.h"
#include "base/log.h"
#include "sys/clock.h"
#include "sys/password.h"
#include "sys/secret.h"

/* ---- who am I ------------------------------------------------------------------------------------ */

static void caller_write(struct api_call *call, const struct store_config *config)
{
    const struct user_row *user = config_user(config, call->user);
    struct json_writer *writer = api_answer(call, 200);
    json_put_text(writer, "kind", call->session[0] ? "session" : "key");
    json_put_text(writer, "organization", config->organization);
    json_put_text(writer, "role", role_name(call->role));
    json_put_text(writer, "key", call->session[0] ? NULL : call->actor);
    json_put_text(writer, "session", call->session[0] ? call->session : NULL);
    if (user) {
        json_open_object_named(writer, "user");
        user_write(writer, config, user);
        json_close_object(writer);
    } else {
        json_put_null(writer, "user");
    }
    api_done(call);
}

void session_read(struct api_call *call)
{
    struct store_config config = {0};
    if (!people_config(call, &config))
        return;
    caller_write(call, &config);
    store_config_release(&config);
}

/* ---- signing in ---------------------------------------------------------------------------------- */

/* What cannot be anybody's address is nobody's: the same work, the same answer. */
static bool credentials_read(struct api_call *call, struct credentials *out)
{
    char given[EMAIL_MAX_BYTES + 32] = "";
    *out = (struct credentials){0};
    if (!api_text(call, "email", given, sizeof given, NULL) ||
        !api_text(call, "password", out->password, sizeof out->password, NULL))
        return false;
    if (!email_normalize(str_of(given), out->email))
        str_copy(STR("nobody"), out->email, sizeof out->email);
    return true;
}

static void fail_as_wrong(struct api_call *call, const struct user_row *user)
{
    refusal_tell(call, "session.refused", user, "wrong password");
    api_fail(call, PROBLEM_WRONG_PASSWORD, NULL, "The email address or the password is wrong.");
}

/* Better parameters than it was hashed with: now is the time, while the password is at hand. `hash` is the new one
 * then. */
static void keep_up_to_date(struct api_call *call, const struct user_row *user, char hash[],
                            struct str password)
{
    char fresh[PASSWORD_HASH_MAX];
    struct error error = {0};
    if (!password_is_dated(hash))
        return;
    if (password_hash(password, fresh, &error) == OK &&
        store_user_password(call->admin->options.store, user->id, hash, fresh, NULL, &error) == OK)
        str_copy(str_of(fresh), hash, PASSWORD_HASH_MAX);
    else
        log_warn("password_not_renewed", "user=%s why=\"%s\"", user->id, error.text);
}

bool user_by_password(struct api_call *call, const struct credentials *given,
                      struct user_row *out_user, char out_hash[])
{
    struct people_try try;
    struct error error = {0};
    bool is_right = false;
    enum err err =
        store_user_by_email(call->admin->options.store, given->email, out_user, out_hash, &error);
    bool is_known = err == OK;
    if (err != OK && err != ERR_NOT_FOUND) {
        api_fail_error(call, &error);
        return false;
    }
    if (!people_may_try(call, given->email, is_known ? out_user->id : NULL, &try))
        return false;
    if (password_verify(str_of(given->password), is_known ? out_hash : NULL, &is_right, &error) !=
        OK) {
        people_was_right(call, &try); /* nothing was tried */
        api_fail_error(call, &error);
        return false;
    }
    if (!is_right) {
        if (people_may_be_told(call, &try))
            fail_as_wrong(call, is_known ? out_user : NULL);
        return false;
    }
    people_was_right(call, &try);
    keep_up_to_date(call, out_user, out_hash, str_of(given->password));
    return true;
}

void session_create(struct api_call *call)
{
    struct credentials given;
    struct user_row user = {0};
    char hash[PASSWORD_HASH_MAX] = "";
    bool is_right = credentials_read(call, &given) && user_by_password(call, &given, &user, hash);
    secret_wipe(&given, sizeof given);
    if (!is_right)
        return;
    if (user.disabled_at_ms) {
        refusal_tell(call, "session.refused", &user, "disabled");
        api_fail(call, PROBLEM_FORBIDDEN, NULL, "This account is disabled. Ask an admin.");
        return;
    }
    if (!session_begin(call, &user, hash))
        return;
    str_copy(str_of(user.id), call->user, sizeof call->user);
    (void)role_parse(str_of(user.role), &call->role);
    session_read(call);
    if (!call->is_problem)
        call->status = 201;
}

/* ---- signing out --------------------------------------------------------------------------------- */

bool has_session(struct api_call *call)
{
    if (call->session[0])
        return true;
    api_fail(call, PROBLEM_NO_SESSION, NULL, "This call came with an API key, not with a session.");
    return false;
}

/* Ends the session of this id, or all (NULL), here and in the store, and cuts what they have open. */
bool sessions_close(struct api_call *call, const char *user, const char *id, const char *action,
                    int *out_count)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return false;
    struct event_row event = event_make(call->actor, action, id ? id : user);
    enum err err = store_sessions_end(call->admin->options.store, user, id, &event, &error);
    *out_count = sessions_end(gateway_sessions(call->admin->options.gateway), user, id);
    change_drop(&change);
    gateway_recheck(call->admin->options.gateway);
    if (err != OK)
        api_fail_error(call, &error);
    return err == OK;
}

void sessions_closed_answer(struct api_call *call, int count)
{
    json_put_int(api_answer(call, 200), "ended", count);
    api_done(call);
}

void session_delete(struct api_call *call)
{
    int count = 0;
    if (!has_session(call) ||
        !sessions_close(call, call->user, call->session, "session.ended", &count))
        return;
    session_cookie_clear(call);
    sessions_closed_answer(call, count);
}
