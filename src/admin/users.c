/* admin/users.c: /api/users: who may sign in, and as what.
 *
 * Nobody gives or takes what they do not hold: an owner is made, changed and removed by owners. A change of role or
 * a disabled account ends all sessions of the user; the last owner who can sign in stays.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/people.h"
#include "admin/state.h"
#include "sys/clock.h"

/* ---- reading ------------------------------------------------------------------------------------- */

static void user_write_seen(struct api_call *call, const struct store_config *config,
                            const struct user_row *user)
{
    struct session_row rows[SESSIONS_OF_USER_MAX];
    struct sessions *sessions = gateway_sessions(call->admin->options.gateway);
    int count = sessions_list(sessions, user->id, clock_wall_ms(), rows);
    int64_t seen_ms = 0;
    for (int i = 0; i < count; i++)
        seen_ms = rows[i].last_seen_ms > seen_ms ? rows[i].last_seen_ms : seen_ms;
    user_write(&call->writer, config, user);
    json_put_int(&call->writer, "sessions", count);
    if (seen_ms)
        json_put_int(&call->writer, "last_seen_ms", seen_ms);
    else
        json_put_null(&call->writer, "last_seen_ms");
}

void users_list(struct api_call *call)
{
    struct store_config config = {0};
    if (!people_config(call, &config))
        return;
    json_open_array(api_answer(call, 200), "items");
    for (size_t i = 0; i < config.user_count; i++) {
        json_open_object(&call->writer);
        user_write_seen(call, &config, &config.users[i]);
        json_close_object(&call->writer);
    }
    api_done_list(call, NULL);
    store_config_release(&config);
}

static void fail_as_missing(struct api_call *call)
{
    api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no user '%s'.", call->args[0]);
}

static void user_answer(struct api_call *call, const struct store_config *config)
{
    const struct user_row *user = config_user(config, call->args[0]);
    if (!user) {
        fail_as_missing(call);
        return;
    }
    (void)api_answer(call, 200);
    user_write_seen(call, config, user);
    api_done(call);
}

void users_read(struct api_call *call)
{
    struct store_config config = {0};
    if (!people_config(call, &config))
        return;
    user_answer(call, &config);
    store_config_release(&config);
}

/* ---- changing ------------------------------------------------------------------------------------ */

static enum role role_of(const struct user_row *user)
{
    enum role role = ROLE_NONE;
    (void)role_parse(str_of(user->role), &role);
    return role;
}

bool user_may_touch(struct api_call *call, const struct user_row *user)
{
    if (!user)
        fail_as_missing(call);
    else if (role_of(user) > call->role)
        api_fail(call, PROBLEM_FORBIDDEN, NULL, "Only an owner can change an owner.");
    else
        return true;
    return false;
}

/* The fields into `row`. False: the call has failed. */
static bool fields_read(struct api_call *call, struct user_row *row)
{
    char role[16];
    bool is_disabled = row->disabled_at_ms != 0;
    str_copy(str_of(row->role), role, sizeof role);
    if (!people_name(call, "name", row->name, row->name) ||
        !api_text(call, "role", role, sizeof role, NULL) ||
        !api_bool(call, "disabled", &is_disabled))
        return false;
    enum role wanted = ROLE_NONE;
    if (!role_parse(str_of(role), &wanted)) {
        api_fail(call, PROBLEM_INVALID_FIELD, "role",
                 "role must be \"member\", \"admin\" or \"owner\".");
        return false;
    }
    if (wanted > call->role) {
        api_fail(call, PROBLEM_FORBIDDEN, "role", "Only an owner can make somebody an owner.");
        return false;
    }
    str_copy(str_of(role), row->role, sizeof row->role);
    if (is_disabled != (row->disabled_at_ms != 0))
        row->disabled_at_ms = is_disabled ? clock_wall_ms() : 0;
    return true;
}

static const char *action_of(const struct user_row *before, const struct user_row *after)
{
    if (strcmp(before->role, after->role) != 0)
        return "user.role_changed";
    if (!before->disabled_at_ms != !after->disabled_at_ms)
        return after->disabled_at_ms ? "user.disabled" : "user.enabled";
    return "user.updated";
}

/* Writes the row; sessions of another authority end, before it is published. */
static enum err user_keep(struct api_call *call, const struct user_row *before,
                          const struct user_row *after, struct error *error)
{
    AUTO_BUF struct buf old = {0}, new = {0};
    buf_init(&old, 2048);
    buf_init(&new, 2048);
    user_write_event(&old, before);
    user_write_event(&new, after);
    struct event_row event = event_make(call->actor, action_of(before, after), after->id);
    event.before_json = buf_str(&old).at;
    event.after_json = buf_str(&new).at;
    bool ends_sessions = strcmp(before->role, after->role) != 0 || after->disabled_at_ms != 0;
    enum err err =
        store_user_update(call->admin->options.store, after, ends_sessions, &event, error);
    if (err == OK && ends_sessions)
        (void)sessions_end(gateway_sessions(call->admin->options.gateway), after->id, NULL);
    return err;
}

void users_update(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    const struct user_row *user = config_user(&change.config, call->args[0]);
    struct user_row row = user ? *user : (struct user_row){0};
    if (!user_may_touch(call, user) || !fields_read(call, &row)) {
        change_drop(&change);
        return;
    }
    if (api_is_stale(call, user->rev)) {
        change_drop(&change);
        api_fail(call, PROBLEM_STALE, NULL, "The user has rev %lld now.", (long long)row.rev);
        return;
    }
    enum err err = user_keep(call, user, &row, &error);
    if (change_end(&change, err, &error))
        users_read(call);
}

void users_delete(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    const struct user_row *user = config_user(&change.config, call->args[0]);
    if (!user_may_touch(call, user)) {
        change_drop(&change);
        return;
    }
    AUTO_BUF struct buf before = {0};
    buf_init(&before, 2048);
    user_write_event(&before, user);
    struct event_row event = event_make(call->actor, "user.deleted", user->id);
    event.before_json = buf_str(&before).at;
    enum err err =
        store_user_delete(call->admin->options.store, user->id, event.at_ms, &event, &error);
    if (err == OK)
        (void)sessions_end(gateway_sessions(call->admin->options.gateway), user->id, NULL);
    if (!change_end(&change, err, &error))
        return;
    json_put_text(api_answer(call, 200), "id", call->args[0]);
    json_put_bool(&call->writer, "deleted", true);
    api_done(call);
}

void users_sessions_end(struct api_call *call)
{
    struct store_config config = {0};
    int count = 0;
    if (!people_config(call, &config))
        return;
    bool may = user_may_touch(call, config_user(&config, call->args[0]));
    store_config_release(&config);
    if (!may || !sessions_close(call, call->args[0], NULL, "session.all_ended", &count))
        return;
    sessions_closed_answer(call, count);
}
