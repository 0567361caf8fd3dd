/* admin/keys.c: /api/keys. A secret is shown in the answer to its making, and never again.
 *
 * Members see and manage their own, leads those of their team, admins all. Somebody else's is 404.
 */
#include "admin/endpoints.h"
#include "admin/key_grants.h"
#include "admin/key_issue.h"
#include "admin/page.h"
#include "admin/policy_field.h"
#include "admin/state.h"
#include "admin/team_issue.h"
#include "sys/clock.h"
#include "sys/secret.h"

static struct key_maker maker_of(const struct api_call *call)
{
    return (struct key_maker){call->admin->options.store, call->admin->options.vault, call->actor};
}

/* ---- fields -------------------------------------------------------------------------------------- */

static bool name_field(struct api_call *call, struct key_row *row)
{
    struct error error = {0};
    if (!api_text(call, "name", row->name, sizeof row->name, NULL))
        return false;
    struct str name = str_trim(str_of(row->name));
    memmove(row->name, name.at, name.len);
    row->name[name.len] = '\0';
    if (key_name_check(str_of(row->name), &error) == OK)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "name", "%s", error.text);
    return false;
}

static bool role_field(struct api_call *call, struct key_row *row)
{
    enum role role;
    str_copy(STR("member"), row->role, sizeof row->role);
    if (!api_text(call, "role", row->role, sizeof row->role, NULL))
        return false;
    if (role_parse(str_of(row->role), &role) && role <= ROLE_ADMIN)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "role", "The role must be \"admin\" or \"member\".");
    return false;
}

static bool scopes_field(struct api_call *call, struct key_row *row)
{
    struct error error = {0};
    struct json value = json_get(call->root, "scopes");
    if (json_type_of(value) == JSON_ABSENT || scopes_read(value, &row->scopes, &error) == OK)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "scopes", "%s", error.text);
    return false;
}

static bool end_field(struct api_call *call, struct key_row *row)
{
    int64_t before_ms = row->expires_at_ms;
    if (!api_int(call, "expires_at_ms", 1, INT64_C(1) << 48, &row->expires_at_ms))
        return false;
    if (row->expires_at_ms == 0 || row->expires_at_ms == before_ms ||
        row->expires_at_ms > clock_wall_ms())
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "expires_at_ms",
             "This time is over. To end a key now, delete it.");
    return false;
}

/* What making and changing have in common. */
static bool fields_read(struct api_call *call, const struct rights *rights, struct key_row *row,
                        bool is_new)
{
    return name_field(call, row) && key_team_field(rights, call, row) && scopes_field(call, row) &&
           models_field(call, &row->models_json) && end_field(call, row) &&
           key_policy_field(call, rights->config, &row->policy_json) &&
           key_grants_check(rights, call, row, is_new);
}

/* ---- making -------------------------------------------------------------------------------------- */

/* `auxot keys create --team` must work before there is anybody who could make the team. */
static enum err make_team(struct api_call *call, struct change *change, struct error *error)
{
    struct str name = json_string_or_empty(json_get(call->root, "team"));
    struct team_row team;
    if (strcmp(call->actor, "control") != 0 || !name.len || config_team(&change->config, name))
        return OK;
    enum err err = team_issue(call->admin->options.store, name, "", call->actor, &team, error);
    if (err != OK)
        return err;
    store_config_release(&change->config);
    return store_config_load(call->admin->options.store, &change->config, error);
}

/* Before the change ends: its configuration knows the names. On failure the end replaces the answer. */
static void answer_secret(struct api_call *call, int status, const char *key,
                          const struct key_row *row, const struct store_config *config)
{
    struct json_writer *writer = api_answer(call, status);
    json_put_text(writer, "key", key);
    key_write_named(writer, row, config);
    api_done(call);
}

static void create(struct api_call *call, struct change *change, struct key_row *row)
{
    struct error error = {0};
    char key[APIKEY_LEN + 1];
    enum err err = OK;
    const struct rights rights = {call, &change->config};
    bool is_good = name_field(call, row) && role_field(call, row);
    if (is_good)
        err = make_team(call, change, &error);
    if (err == OK && (!is_good || !key_owner_field(&rights, call, row) ||
                      !fields_read(call, &rights, row, true))) {
        change_drop(change);
        return;
    }
    if (err == OK)
        err = key_room_check(&change->config, row, &error);
    struct key_maker maker = maker_of(call);
    if (err == OK)
        err = key_make(&maker, row, key, &error);
    if (err == OK)
        answer_secret(call, 201, key, row, &change->config);
    (void)change_end(change, err, &error);
    secret_wipe(key, sizeof key);
}

void keys_create(struct api_call *call)
{
    struct change change;
    struct key_row row = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    create(call, &change, &row);
    key_row_release(&row);
}

/* ---- looking ------------------------------------------------------------------------------------- */

struct key_filter {
    char team[64], user[ID_MAX], service_account[ID_MAX];
};

static bool filter_read(struct api_call *call, struct key_filter *filter)
{
    (void)api_query(call, "team", filter->team, sizeof filter->team);
    (void)api_query(call, "user", filter->user, sizeof filter->user);
    (void)api_query(call, "service_account", filter->service_account,
                    sizeof filter->service_account);
    return !api_has_failed(call);
}

static bool is_wanted(const struct key_filter *filter, const struct key_row *row)
{
    return (!filter->team[0] || strcmp(filter->team, row->team) == 0) &&
           (!filter->user[0] || strcmp(filter->user, row->user_id) == 0) &&
           (!filter->service_account[0] ||
            strcmp(filter->service_account, row->service_account_id) == 0);
}

static void list(struct api_call *call, const struct store_config *config)
{
    struct page page;
    struct key_filter filter = {0};
    const struct rights rights = {call, config};
    if (!filter_read(call, &filter) || !page_begin(&page, call))
        return;
    const struct team_row *team = config_team(config, str_of(filter.team));
    if (team)
        str_copy(str_of(team->id), filter.team, sizeof filter.team);
    for (size_t i = 0; i < config->key_count; i++) {
        const struct key_row *row = &config->keys[i];
        if (!is_wanted(&filter, row) || !rights_manages_key(&rights, row) ||
            !page_takes(&page, row->id))
            continue;
        json_open_object(&call->writer);
        key_write_named(&call->writer, row, config);
        json_close_object(&call->writer);
    }
    page_end(&page);
}

void keys_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) == OK)
        list(call, &config);
    else
        api_fail_error(call, &error);
    store_config_release(&config);
}

/* The key of the path, if it exists for the caller; else the call has failed. */
static struct key_row *key_of_path(struct api_call *call, const struct store_config *config)
{
    const struct rights rights = {call, config};
    struct key_row *row = config_key(config, call->args[0]);
    if (row && rights_manages_key(&rights, row))
        return row;
    api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no key \"%s\".", call->args[0]);
    return NULL;
}

static void answer_key(struct api_call *call, const struct key_row *row,
                       const struct store_config *config)
{
    key_write_named(api_answer(call, 200), row, config);
    api_done(call);
}

void keys_read(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    const struct key_row *row = key_of_path(call, &config);
    if (row)
        answer_key(call, row, &config);
    store_config_release(&config);
}

/* ---- changing ------------------------------------------------------------------------------------ */

/* Begins a change of the path's key. NULL: the call has failed, nothing is locked. */
static struct key_row *change_key(struct api_call *call, struct change *change)
{
    if (!change_begin(change, call->admin, call))
        return NULL;
    struct key_row *row = key_of_path(call, &change->config);
    if (row && api_is_stale(call, row->rev)) {
        api_fail(call, PROBLEM_STALE, "rev", "The key is at rev %lld; the change was made for %s.",
                 (long long)row->rev, call->if_match);
        row = NULL;
    }
    if (!row)
        change_drop(change);
    return row;
}

/* A key may change itself: then it is measured against what it was, so that what it becomes is a copy. */
static bool row_copy(struct api_call *call, const struct key_row *row, struct key_row *out_copy)
{
    *out_copy = *row;
    out_copy->models_json =
        row->models_json ? mem_dup(row->models_json, strlen(row->models_json)) : NULL;
    out_copy->policy_json =
        row->policy_json ? mem_dup(row->policy_json, strlen(row->policy_json)) : NULL;
    if (!out_copy->models_json == !row->models_json && !out_copy->policy_json == !row->policy_json)
        return true;
    api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
    return false;
}

/* A team's own key, which counts for another one from now on. */
static bool is_new_to_team(const struct key_row *was, const struct key_row *row)
{
    return !row->user_id[0] && !row->service_account_id[0] && strcmp(was->team, row->team) != 0;
}

static void update(struct api_call *call, struct change *change, const struct key_row *was,
                   struct key_row *row)
{
    struct error error = {0};
    AUTO_BUF struct buf before = {0};
    const struct rights rights = {call, &change->config};
    if (!row_copy(call, was, row) || !fields_read(call, &rights, row, false)) {
        change_drop(change);
        return;
    }
    struct key_maker maker = maker_of(call);
    row->rev++;
    enum err err = OK;
    if (is_new_to_team(was, row))
        err = key_owner_room_check(&change->config, row, &error);
    if (err == OK)
        err = key_change(&maker, row, key_text(&before, was), &error);
    if (err == OK)
        answer_key(call, row, &change->config);
    (void)change_end(change, err, &error);
}

void keys_update(struct api_call *call)
{
    struct change change;
    struct key_row changed = {0};
    const struct key_row *row = change_key(call, &change);
    if (!row)
        return;
    update(call, &change, row, &changed);
    key_row_release(&changed);
}

static bool grace_field(struct api_call *call, int64_t *out_grace_ms)
{
    *out_grace_ms = KEY_GRACE_DEFAULT_MS;
    return json_type_of(json_get(call->root, "grace_ms")) == JSON_NULL ||
           api_int(call, "grace_ms", 0, KEY_GRACE_MAX_MS, out_grace_ms);
}

void keys_rotate(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    char key[APIKEY_LEN + 1] = "";
    int64_t grace_ms = 0;
    struct key_row *row = grace_field(call, &grace_ms) ? change_key(call, &change) : NULL;
    if (!row)
        return;
    const struct rights rights = {call, &change.config};
    if (!rights_rotates_key(&rights, row))
        api_fail(call, PROBLEM_FORBIDDEN, NULL,
                 "Only its user and admins may have a new secret of this key.");
    if (api_has_failed(call) || !key_grants_check(&rights, call, row, false)) {
        change_drop(&change);
        return;
    }
    struct key_maker maker = maker_of(call);
    enum err err = key_rotate(&maker, row, grace_ms, key, &error);
    if (err == OK)
        answer_secret(call, 200, key, row, &change.config);
    (void)change_end(&change, err, &error);
    secret_wipe(key, sizeof key);
}

/* Siblings of one service account see each other, and may hold more. */
static bool may_revoke(struct api_call *call, const struct key_row *row)
{
    enum role role = ROLE_NONE;
    if (!row->service_account_id[0] || strcmp(call->actor, row->id) == 0 ||
        (role_parse(str_of(row->role), &role) && role <= call->role))
        return true;
    api_fail(call, PROBLEM_FORBIDDEN, NULL, "You cannot revoke a key with a role above your own.");
    return false;
}

void keys_revoke(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf before = {0};
    struct key_row *row = change_key(call, &change);
    if (!row)
        return;
    if (!may_revoke(call, row)) {
        change_drop(&change);
        return;
    }
    struct event_row event = event_make(call->actor, "key.revoked", row->id);
    event.before_json = key_text(&before, row);
    enum err err =
        store_key_revoke(call->admin->options.store, row->id, event.at_ms, &event, &error);
    if (!change_end(&change, err, &error))
        return;
    json_put_text(api_answer(call, 200), "id", call->args[0]);
    json_put_bool(&call->writer, "revoked", true);
    api_done(call);
}
