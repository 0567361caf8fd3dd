/* admin/me.c: /api/me: what people see and change of themselves: sessions, name, password. */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/people.h"
#include "admin/state.h"
#include "sys/clock.h"
#include "sys/password.h"
#include "sys/secret.h"

void me_read(struct api_call *call)
{
    session_read(call);
}

/* ---- sessions ------------------------------------------------------------------------------------ */

static struct gateway *gateway_of(const struct api_call *call)
{
    return call->admin->options.gateway;
}

static void session_write(struct json_writer *writer, const struct session_row *row,
                          const char *own_id)
{
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "address", row->address);
    json_put_text(writer, "agent", row->agent);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
    json_put_int(writer, "expires_at_ms", row->expires_at_ms);
    json_put_int(writer, "last_seen_ms", row->last_seen_ms);
    json_put_bool(writer, "current", strcmp(row->id, own_id) == 0);
}

void me_sessions_list(struct api_call *call)
{
    AUTO_FREE struct session_row *rows = mem_zalloc(SESSIONS_OF_USER_MAX, sizeof *rows);
    if (!has_session(call))
        return;
    if (!rows) {
        api_fail(call, PROBLEM_OVERLOADED, NULL, "The server has no memory for the list now.");
        return;
    }
    int count =
        sessions_list(gateway_sessions(gateway_of(call)), call->user, clock_wall_ms(), rows);
    struct json_writer *writer = api_answer(call, 200);
    json_open_array(writer, "items");
    for (int i = 0; i < count; i++) {
        json_open_object(writer);
        session_write(writer, &rows[i], call->session);
        json_close_object(writer);
    }
    api_done_list(call, NULL);
}

void me_sessions_end(struct api_call *call)
{
    int count = 0;
    if (!has_session(call) || !sessions_close(call, call->user, NULL, "session.all_ended", &count))
        return;
    session_cookie_clear(call);
    sessions_closed_answer(call, count);
}

void me_session_end(struct api_call *call)
{
    int count = 0;
    if (!has_session(call) ||
        !sessions_close(call, call->user, call->args[0], "session.ended", &count))
        return;
    if (count == 0) {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "You have no session '%s'.", call->args[0]);
        return;
    }
    if (strcmp(call->args[0], call->session) == 0)
        session_cookie_clear(call);
    sessions_closed_answer(call, count);
}

/* ---- changing oneself ---------------------------------------------------------------------------- */

struct own_change {
    char name[PERSON_NAME_MAX + 1];
    char password[PASSWORD_MAX_BYTES + 1];
    struct credentials now;
    bool has_name, has_password;
};

static bool own_change_read(struct api_call *call, const struct user_row *user,
                            struct own_change *out)
{
    bool has_current = false;
    if (!people_name(call, "name", user->name, out->name) ||
        !api_text(call, "password", out->password, sizeof out->password, &out->has_password) ||
        !api_text(call, "current_password", out->now.password, sizeof out->now.password,
                  &has_current))
        return false;
    str_copy(str_of(user->email), out->now.email, sizeof out->now.email);
    out->has_name = strcmp(out->name, user->name) != 0;
    if (out->has_password && !has_current) {
        api_fail(call, PROBLEM_INVALID_FIELD, "current_password",
                 "To change the password, give the current one too.");
        return false;
    }
    return true;
}

static bool name_change(struct api_call *call, const char *name)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return false;
    const struct user_row *user = config_user(&change.config, call->user);
    struct user_row row = user ? *user : (struct user_row){0};
    AUTO_BUF struct buf before = {0}, after = {0};
    buf_init(&before, 2048);
    buf_init(&after, 2048);
    user_write_event(&before, &row);
    str_copy(str_of(name), row.name, sizeof row.name);
    user_write_event(&after, &row);
    struct event_row event = event_make(call->actor, "user.updated", row.id);
    event.before_json = buf_str(&before).at;
    event.after_json = buf_str(&after).at;
    enum err err = store_user_update(call->admin->options.store, &row, false, &event, &error);
    return change_end(&change, err, &error);
}

/* All sessions end, this one too; the browser that asked gets a new one. */
static bool password_change(struct api_call *call, struct own_change *wanted)
{
    struct user_row user = {0};
    struct change change;
    struct error error = {0};
    char was[PASSWORD_HASH_MAX] = "", hash[PASSWORD_HASH_MAX];
    if (!user_by_password(call, &wanted->now, &user, was) ||
        !people_hash(call, "password", str_of(wanted->password), str_of(user.email), hash))
        return false;
    if (!change_begin(&change, call->admin, call))
        return false;
    struct event_row event = event_make(call->actor, "user.password_changed", user.id);
    enum err err =
        store_user_password(call->admin->options.store, user.id, was, hash, &event, &error);
    if (err == OK)
        (void)sessions_end(gateway_sessions(gateway_of(call)), user.id, NULL);
    change_drop(&change);
    gateway_recheck(gateway_of(call));
    if (err == OK)
        return session_begin(call, &user, hash);
    api_fail_error(call, &error);
    return false;
}

static bool own_user(struct api_call *call, struct user_row *out_user)
{
    struct store_config config = {0};
    if (!people_config(call, &config))
        return false;
    const struct user_row *user = config_user(&config, call->user);
    if (user)
        *out_user = *user;
    else
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "Your account is no more.");
    store_config_release(&config);
    return user != NULL;
}

void me_update(struct api_call *call)
{
    struct own_change wanted = {0};
    struct user_row user = {0};
    bool is_done = has_session(call) && own_user(call, &user) &&
                   own_change_read(call, &user, &wanted) &&
                   (!wanted.has_password || password_change(call, &wanted)) &&
                   (!wanted.has_name || name_change(call, wanted.name));
    secret_wipe(&wanted, sizeof wanted);
    if (is_done)
        session_read(call);
}
