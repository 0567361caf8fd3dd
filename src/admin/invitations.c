/* admin/invitations.c: /api/invitations: a link makes a user, once.
 *
 * The link's token stands behind a '#', which browsers keep to themselves: it comes into no log and no Referer. An
 * invitation gives no more than who made it holds, a user or a key, when it is made and still when it is used.
 */
#include "admin/invitations.h"

#include "admin/authority.h"
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/people.h"
#include "admin/rights.h"
#include "admin/state.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/secret.h"
#include "sys/vault.h"

#define INVITATION_LIFE_MS (INT64_C(7) * 24 * 3600 * 1000)

/* ---- who may ------------------------------------------------------------------------------------- */

bool key_may_invite(const struct key_row *row)
{
    enum role role = ROLE_NONE;
    bool has_models = row->models_json && row->models_json[0];
    bool has_limits = row->policy_json && row->policy_json[0];
    return role_parse(str_of(row->role), &role) && key_scopes(row, role) == SCOPE_ALL &&
           !row->expires_at_ms && !has_models && !has_limits;
}

/* Whoever uses a link signs in, and may make keys as wide as their role. */
bool link_maker_is_wide(struct api_call *call, const struct store_config *config)
{
    const struct key_row *key = config_key(config, call->actor);
    if (!key || key_may_invite(key))
        return true;
    api_fail(call, PROBLEM_FORBIDDEN, NULL,
             "A key with an end, models, limits or not all scopes makes no link to sign in by: "
             "who uses it would hold more than the key.");
    return false;
}

bool is_lead(const struct store_config *config, const char *user, const char *team)
{
    for (size_t i = 0; i < config->team_member_count; i++)
        if (strcmp(config->team_members[i].user_id, user) == 0 &&
            strcmp(config->team_members[i].team_id, team) == 0)
            return config->team_members[i].is_lead;
    return false;
}

/* Admins see and make all; a team's lead, those of members into that team. */
static bool may_manage(const struct api_call *call, const struct store_config *config,
                       const struct invitation_row *row)
{
    if (call->role >= ROLE_ADMIN)
        return true;
    return call->user[0] && row->team_id[0] && strcmp(row->role, "member") == 0 &&
           is_lead(config, call->user, row->team_id);
}

static const struct team_row *config_team(const struct store_config *config, const char *id_or_name)
{
    for (size_t i = 0; i < config->team_count; i++)
        if (strcmp(config->teams[i].id, id_or_name) == 0 ||
            str_ieq(str_of(config->teams[i].name), str_of(id_or_name)))
            return &config->teams[i];
    return NULL;
}

/* ---- as they are shown --------------------------------------------------------------------------- */

void invitation_write(struct json_writer *writer, const struct store_config *config,
                      const struct invitation_row *row)
{
    const struct team_row *team = config_team(config, row->team_id);
    json_put_text(writer, "email", row->email[0] ? row->email : NULL);
    json_put_text(writer, "role", row->role);
    if (team) {
        json_open_object_named(writer, "team");
        json_put_text(writer, "id", team->id);
        json_put_text(writer, "name", team->name);
        json_put_text(writer, "role", row->is_lead ? "lead" : "member");
        json_close_object(writer);
    } else {
        json_put_null(writer, "team");
    }
    json_put_int(writer, "expires_at_ms", row->expires_at_ms);
}

static void invitation_write_whole(struct json_writer *writer, const struct store_config *config,
                                   const struct invitation_row *row)
{
    json_put_text(writer, "id", row->id);
    invitation_write(writer, config, row);
    json_put_text(writer, "created_by", row->created_by);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
}

/* ---- making -------------------------------------------------------------------------------------- */

static bool role_read(struct api_call *call, struct invitation_row *row)
{
    enum role role = ROLE_NONE;
    str_copy(STR("member"), row->role, sizeof row->role);
    if (!api_text(call, "role", row->role, sizeof row->role, NULL))
        return false;
    if (!role_parse(str_of(row->role), &role)) {
        api_fail(call, PROBLEM_INVALID_FIELD, "role",
                 "role must be \"member\", \"admin\" or \"owner\".");
        return false;
    }
    if (role > call->role) {
        api_fail(call, PROBLEM_FORBIDDEN, "role", "You cannot give a role above your own.");
        return false;
    }
    return true;
}

static bool team_read_field(struct api_call *call, const struct store_config *config,
                            struct invitation_row *row)
{
    char name[64] = "", role[16] = "member";
    if (!api_text(call, "team", name, sizeof name, NULL) ||
        !api_text(call, "team_role", role, sizeof role, NULL))
        return false;
    const struct team_row *team = name[0] ? config_team(config, name) : NULL;
    row->is_lead = strcmp(role, "lead") == 0;
    if (name[0] && !team) {
        if (call->role >= ROLE_ADMIN)
            api_fail(call, PROBLEM_INVALID_FIELD, "team", "There is no team '%s'.", name);
        else
            api_fail(call, PROBLEM_NOT_FOUND, "team", "You lead no team of that name.");
        return false;
    }
    if (!row->is_lead && strcmp(role, "member") != 0) {
        api_fail(call, PROBLEM_INVALID_FIELD, "team_role",
                 "team_role must be \"lead\" or \"member\".");
        return false;
    }
    if (team)
        str_copy(str_of(team->id), row->team_id, sizeof row->team_id);
    return true;
}

/* The row that was asked for. False: the call has failed. */
static bool wish_read(struct api_call *call, const struct store_config *config,
                      struct invitation_row *row)
{
    bool has_email = json_type_of(json_get(call->root, "email")) != JSON_ABSENT;
    if ((has_email && !people_email(call, row->email)) || !role_read(call, row) ||
        !team_read_field(call, config, row))
        return false;
    if (may_manage(call, config, row))
        return true;
    if (row->team_id[0])
        api_fail(call, PROBLEM_NOT_FOUND, "team", "You lead no team of that name.");
    else
        api_fail(call, PROBLEM_FORBIDDEN, NULL,
                 "Admins invite anybody; a team's lead invites members into that team.");
    return false;
}

static void token_make(struct api_call *call, struct invitation_row *row,
                       char out_token[APIKEY_LEN + 1])
{
    uint8_t random[32], id_random[10];
    random_fill(random, sizeof random);
    random_fill(id_random, sizeof id_random);
    apikey_make(TOKEN_PREFIX_INVITATION, random, out_token);
    secret_wipe(random, sizeof random);
    vault_token_digest(call->admin->options.vault, str_of(out_token), row->digest);
    row->created_at_ms = clock_wall_ms();
    row->expires_at_ms = row->created_at_ms + INVITATION_LIFE_MS;
    id_make("inv_", row->created_at_ms, id_random, row->id);
    str_copy(str_of(call->actor), row->created_by, sizeof row->created_by);
}

static enum err invitation_keep(struct api_call *call, const struct store_config *config,
                                const struct invitation_row *row, struct error *error)
{
    AUTO_BUF struct buf after = {0};
    struct json_writer writer;
    buf_init(&after, 2048);
    json_writer_init(&writer, &after);
    json_open_object(&writer);
    invitation_write(&writer, config, row);
    json_close_object(&writer);
    struct event_row event = event_make(call->actor, "invitation.created", row->id);
    event.after_json = buf_str(&after).at;
    return store_invitation_insert(call->admin->options.store, row, &event, error);
}

static void invitation_answer(struct api_call *call, const struct store_config *config,
                              const struct invitation_row *row, const char *token)
{
    AUTO_BUF struct buf link = {0};
    struct json_writer *writer = api_answer(call, 201);
    buf_init(&link, 512);
    buf_printf(&link, "%s/invite#token=%s", call->origin, token);
    invitation_write_whole(writer, config, row);
    json_put_text(writer, "token", token);
    json_put_string(writer, "link", buf_str(&link));
    api_done(call);
    secret_wipe(link.data, link.len);
}

void invitations_create(struct api_call *call)
{
    struct change change;
    struct invitation_row row = {0};
    struct error error = {0};
    char token[APIKEY_LEN + 1];
    if (!change_begin(&change, call->admin, call))
        return;
    if (link_maker_is_wide(call, &change.config) && wish_read(call, &change.config, &row)) {
        token_make(call, &row, token);
        if (invitation_keep(call, &change.config, &row, &error) == OK)
            invitation_answer(call, &change.config, &row, token);
        else
            api_fail_error(call, &error);
        secret_wipe(token, sizeof token);
    }
    change_drop(&change);
}

/* ---- listing and revoking ------------------------------------------------------------------------ */

struct listing {
    struct api_call *call;
    const struct store_config *config;
    struct invitation_row found; /* of the id that was asked for; its id is "" when there is none */
};

static void on_listed(void *arg, const struct invitation_row *row)
{
    struct listing *listing = arg;
    if (!may_manage(listing->call, listing->config, row))
        return;
    json_open_object(&listing->call->writer);
    invitation_write_whole(&listing->call->writer, listing->config, row);
    json_close_object(&listing->call->writer);
}

static void on_searched(void *arg, const struct invitation_row *row)
{
    struct listing *listing = arg;
    if (strcmp(row->id, listing->call->args[0]) == 0 &&
        may_manage(listing->call, listing->config, row))
        listing->found = *row;
}

void invitations_list(struct api_call *call)
{
    struct store_config config = {0};
    struct error error = {0};
    if (!people_config(call, &config))
        return;
    struct listing listing = {.call = call, .config = &config};
    json_open_array(api_answer(call, 200), "items");
    if (store_invitations_each(call->admin->options.store, clock_wall_ms(), on_listed, &listing,
                               &error) == OK)
        api_done_list(call, NULL);
    else
        api_fail_error(call, &error);
    store_config_release(&config);
}

void invitations_revoke(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    struct listing listing = {.call = call, .config = &change.config};
    enum err err = store_invitations_each(call->admin->options.store, clock_wall_ms(), on_searched,
                                          &listing, &error);
    if (err == OK && !listing.found.id[0])
        err = error_set(&error, ERR_NOT_FOUND, "There is no open invitation '%s'.", call->args[0]);
    struct event_row event = event_make(call->actor, "invitation.revoked", call->args[0]);
    if (err == OK)
        err = store_invitation_delete(call->admin->options.store, call->args[0], &event, &error);
    change_drop(&change);
    if (err != OK) {
        api_fail_error(call, &error);
        return;
    }
    json_put_text(api_answer(call, 200), "id", call->args[0]);
    json_put_bool(&call->writer, "revoked", true);
    api_done(call);
}
