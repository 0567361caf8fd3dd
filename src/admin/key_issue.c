/* admin/key_issue.c: see key_issue.h. */
#include "admin/key_issue.h"

#include "admin/people.h"
#include "admin/policy_field.h"
#include "admin/rights.h"
#include "admin/team_issue.h"
#include "domain/role.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/secret.h"
#include "sys/vault.h"

struct event_row event_make(const char *actor, const char *action, const char *subject)
{
    struct event_row event = {.at_ms = clock_wall_ms()};
    uint8_t random[10];
    random_fill(random, sizeof random);
    id_make("evt_", event.at_ms, random, event.id);
    str_copy(str_of(actor), event.actor, sizeof event.actor);
    str_copy(str_of(action), event.action, sizeof event.action);
    str_copy(str_of(subject), event.subject, sizeof event.subject);
    return event;
}

/* ---- a key as it reads --------------------------------------------------------------------------- */

static void put_text_or_null(struct json_writer *writer, const char *name, const char *text)
{
    json_put_text(writer, name, text[0] ? text : NULL);
}

static void put_time_or_null(struct json_writer *writer, const char *name, int64_t at_ms)
{
    if (at_ms)
        json_put_int(writer, name, at_ms);
    else
        json_put_null(writer, name);
}

static unsigned scopes_of(const struct key_row *row)
{
    enum role role = ROLE_NONE;
    (void)role_parse(str_of(row->role), &role);
    return row->scopes ? row->scopes : scopes_of_role(role);
}

void key_write(struct json_writer *writer, const struct key_row *row)
{
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "name", row->name);
    json_put_text(writer, "role", row->role);
    put_text_or_null(writer, "team", row->team);
    put_text_or_null(writer, "user", row->user_id);
    put_text_or_null(writer, "service_account", row->service_account_id);
    scopes_write(writer, "scopes", scopes_of(row));
    if (row->models_json && row->models_json[0])
        json_put_raw(writer, "allowed_models", str_of(row->models_json));
    else
        json_put_null(writer, "allowed_models");
    policy_put(writer, row->policy_json);
    json_put_text(writer, "hint", row->hint);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
    put_time_or_null(writer, "expires_at_ms", row->expires_at_ms);
    put_time_or_null(writer, "last_used_at_ms", row->last_used_at_ms);
    put_time_or_null(writer, "previous_until_ms", row->previous_until_ms);
    json_put_int(writer, "rev", row->rev ? row->rev : 1);
}

void key_write_named(struct json_writer *writer, const struct key_row *row,
                     const struct store_config *config)
{
    const struct team_row *team = row->team[0] ? config_team(config, str_of(row->team)) : NULL;
    const struct user_row *user = row->user_id[0] ? config_user(config, row->user_id) : NULL;
    const struct service_account_row *account =
        row->service_account_id[0] ? config_service_account(config, row->service_account_id) : NULL;
    key_write(writer, row);
    json_put_text(writer, "team_name", team ? team->name : NULL);
    json_put_text(writer, "user_name", user ? user->name : NULL);
    json_put_text(writer, "service_account_name", account ? account->name : NULL);
}

const char *key_text(struct buf *room, const struct key_row *row)
{
    struct json_writer writer;
    buf_init(room, 2 * POLICY_BYTES_MAX);
    json_writer_init(&writer, room);
    json_open_object(&writer);
    key_write(&writer, row);
    json_close_object(&writer);
    return room->failed ? NULL : room->data;
}

/* ---- making -------------------------------------------------------------------------------------- */

enum err key_name_check(struct str name, struct error *error)
{
    if (!str_trim(name).len || name.len > 127 || !str_is_utf8(name))
        return error_set(error, ERR_MALFORMED, "A key needs a name of 1 to 127 bytes.");
    return OK;
}

/* A new secret, into the row as hint and digest. */
static void secret_make(const struct vault *vault, struct key_row *row,
                        char out_key[APIKEY_LEN + 1])
{
    uint8_t random[32];
    random_fill(random, sizeof random);
    apikey_make(APIKEY_PREFIX, random, out_key);
    secret_wipe(random, sizeof random);
    apikey_hint(str_of(out_key), row->hint);
    vault_key_digest(vault, str_of(out_key), row->digest);
}

/* A user's or a service account's keys share its room, whatever the team; those of neither share their team's. */
static size_t keys_beside(const struct store_config *config, const struct key_row *row)
{
    bool is_ones = row->user_id[0] || row->service_account_id[0];
    size_t count = 0;
    for (size_t i = 0; i < config->key_count; i++) {
        const struct key_row *other = &config->keys[i];
        count += strcmp(other->user_id, row->user_id) == 0 &&
                 strcmp(other->service_account_id, row->service_account_id) == 0 &&
                 (is_ones || strcmp(other->team, row->team) == 0);
    }
    return count;
}

enum err key_owner_room_check(const struct store_config *config, const struct key_row *row,
                              struct error *error)
{
    bool is_ones = row->user_id[0] || row->service_account_id[0];
    size_t most = is_ones ? KEYS_OF_ONE_MAX : KEYS_OF_TEAM_MAX;
    if ((!is_ones && !row->team[0]) || keys_beside(config, row) < most)
        return OK;
    return error_set(error, ERR_CONFLICT, "%s has %zu keys%s, which is the most: revoke some.",
                     row->user_id[0]              ? "The user"
                     : row->service_account_id[0] ? "The service account"
                                                  : "The team",
                     most, is_ones ? "" : " of its own");
}

enum err key_room_check(const struct store_config *config, const struct key_row *row,
                        struct error *error)
{
    if (config->key_count >= KEYS_MAX)
        return error_set(error, ERR_CONFLICT, "There are %u keys, which is the most: revoke some.",
                         KEYS_MAX);
    return key_owner_room_check(config, row, error);
}

enum err key_make(const struct key_maker *maker, struct key_row *row, char out_key[APIKEY_LEN + 1],
                  struct error *error)
{
    uint8_t random[10];
    AUTO_BUF struct buf after = {0};
    row->created_at_ms = clock_wall_ms();
    row->rev = 1;
    random_fill(random, sizeof random);
    id_make("key_", row->created_at_ms, random, row->id);
    secret_make(maker->vault, row, out_key);
    struct event_row event = event_make(maker->actor, "key.created", row->id);
    event.after_json = key_text(&after, row);
    enum err err = store_key_insert(maker->store, row, &event, error);
    if (err != OK)
        secret_wipe(out_key, APIKEY_LEN + 1);
    return err;
}

enum err key_rotate(const struct key_maker *maker, struct key_row *row, int64_t grace_ms,
                    char out_key[APIKEY_LEN + 1], struct error *error)
{
    AUTO_BUF struct buf before = {0}, after = {0};
    struct event_row event = event_make(maker->actor, "key.rotated", row->id);
    event.before_json = key_text(&before, row);
    memcpy(row->previous_digest, row->digest, sizeof row->previous_digest);
    row->previous_until_ms = grace_ms ? event.at_ms + grace_ms : 0;
    secret_make(maker->vault, row, out_key);
    row->rev++;
    event.after_json = key_text(&after, row);
    enum err err = store_key_update(maker->store, row, &event, error);
    if (err != OK)
        secret_wipe(out_key, APIKEY_LEN + 1);
    return err;
}

enum err key_change(const struct key_maker *maker, const struct key_row *row, const char *before,
                    struct error *error)
{
    AUTO_BUF struct buf after = {0};
    struct event_row event = event_make(maker->actor, "key.updated", row->id);
    event.before_json = before;
    event.after_json = key_text(&after, row);
    return store_key_update(maker->store, row, &event, error);
}

enum err key_revoke(struct store *store, const char *id, const char *actor, struct error *error)
{
    struct event_row event = event_make(actor, "key.revoked", id);
    return store_key_revoke(store, id, event.at_ms, &event, error);
}

/* ---- without a server ---------------------------------------------------------------------------- */

static enum err wish_check(const struct key_wish *wish, const char **out_field, struct error *error)
{
    enum role role;
    *out_field = "name";
    enum err err = key_name_check(wish->name, error);
    if (err != OK)
        return err;
    *out_field = "role";
    if (!role_parse(wish->role, &role) || role > ROLE_ADMIN)
        return error_set(error, ERR_MALFORMED, "The role must be \"admin\" or \"member\".");
    *out_field = NULL;
    return OK;
}

/* The team that was wished for, into the row; before a first start there is none yet to be found. */
static enum err team_choose(const struct key_issuer *issuer, const struct key_wish *wish,
                            struct key_row *row, struct error *error)
{
    const struct team_row *found = config_team(issuer->config, wish->team);
    struct team_row made;
    if (!wish->team.len)
        return OK;
    if (!found && !wish->may_make_team)
        return error_set(error, ERR_MALFORMED, "There is no team \"%.*s\".",
                         STR_ARG(str_upto(wish->team, 64)));
    if (!found) {
        enum err err = team_issue(issuer->store, wish->team, "", wish->actor, &made, error);
        if (err != OK)
            return err;
        found = &made;
    }
    str_copy(str_of(found->id), row->team, sizeof row->team);
    return OK;
}

enum err key_issue(const struct key_issuer *issuer, const struct key_wish *wish,
                   char out_key[APIKEY_LEN + 1], struct key_row *out_row, const char **out_field,
                   struct error *error)
{
    struct key_row row = {0};
    const struct key_maker maker = {issuer->store, issuer->vault, wish->actor};
    enum err err = wish_check(wish, out_field, error);
    if (err != OK)
        return err;
    err = team_choose(issuer, wish, &row, error);
    if (err == ERR_MALFORMED)
        *out_field = "team";
    str_copy(str_trim(wish->name), row.name, sizeof row.name);
    str_copy(wish->role, row.role, sizeof row.role);
    if (err == OK)
        err = key_room_check(issuer->config, &row, error);
    if (err == OK)
        err = key_make(&maker, &row, out_key, error);
    if (err == OK)
        *out_row = row;
    return err;
}
