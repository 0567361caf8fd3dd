/* admin/key_issue.c: see key_issue.h. */
#include "admin/key_issue.h"

#include "admin/team_issue.h"
#include "domain/role.h"
#include "json/json_writer.h"
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

static enum err wish_check(const struct key_wish *wish, const char **out_field, struct error *error)
{
    enum role role;
    *out_field = "name";
    if (!str_trim(wish->name).len || wish->name.len > 127 || !str_is_utf8(wish->name))
        return error_set(error, ERR_MALFORMED, "A key needs a name of 1 to 127 bytes.");
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

static void row_write(struct buf *out, const struct key_row *row)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "name", row->name);
    json_put_text(&writer, "role", row->role);
    json_put_text(&writer, "team", row->team[0] ? row->team : NULL);
    json_put_text(&writer, "hint", row->hint);
    json_close_object(&writer);
}

enum err key_issue(const struct key_issuer *issuer, const struct key_wish *wish,
                   char out_key[APIKEY_LEN + 1], struct key_row *out_row, const char **out_field,
                   struct error *error)
{
    struct key_row row = {.created_at_ms = clock_wall_ms()};
    enum err err = wish_check(wish, out_field, error);
    if (err != OK)
        return err;
    err = team_choose(issuer, wish, &row, error);
    if (err != OK) {
        *out_field = err == ERR_MALFORMED ? "team" : NULL;
        return err;
    }
    uint8_t random[32], id_random[10];
    char key[APIKEY_LEN + 1];
    random_fill(random, sizeof random);
    random_fill(id_random, sizeof id_random);
    apikey_make(APIKEY_PREFIX, random, key);
    secret_wipe(random, sizeof random);
    id_make("key_", row.created_at_ms, id_random, row.id);
    str_copy(str_trim(wish->name), row.name, sizeof row.name);
    str_copy(wish->role, row.role, sizeof row.role);
    apikey_hint(str_of(key), row.hint);
    vault_key_digest(issuer->vault, str_of(key), row.digest);

    AUTO_BUF struct buf after = {0};
    buf_init(&after, 4096);
    row_write(&after, &row);
    struct event_row event = event_make(wish->actor, "key.created", row.id);
    event.after_json = buf_str(&after).at;
    err = store_key_insert(issuer->store, &row, &event, error);
    if (err == OK) {
        memcpy(out_key, key, sizeof key);
        *out_row = row;
    }
    secret_wipe(key, sizeof key);
    return err;
}

enum err key_revoke(struct store *store, const char *id, const char *actor, struct error *error)
{
    struct event_row event = event_make(actor, "key.revoked", id);
    return store_key_revoke(store, id, event.at_ms, &event, error);
}
