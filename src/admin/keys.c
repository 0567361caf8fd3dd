/* admin/keys.c: /api/keys. A new key is shown in the answer to its making, and never again. */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/state.h"
#include "sys/secret.h"

static void key_write(struct json_writer *writer, const struct key_row *row)
{
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "name", row->name);
    json_put_text(writer, "role", row->role);
    json_put_text(writer, "team", row->team[0] ? row->team : NULL);
    json_put_text(writer, "hint", row->hint);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
}

void keys_create(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    struct key_row row;
    char key[APIKEY_LEN + 1], name[128] = "", role[16] = "member", team[64] = "";
    const char *field = NULL;
    if (!api_text(call, "name", name, sizeof name, NULL) ||
        !api_text(call, "role", role, sizeof role, NULL) ||
        !api_text(call, "team", team, sizeof team, NULL) ||
        !change_begin(&change, call->admin, call))
        return;
    struct key_wish wish = {.name = str_of(name),
                            .role = str_of(role),
                            .team = str_of(team),
                            .may_make_team = strcmp(call->actor, "control") ==
                                             0, /* `auxot keys create --team` */
                            .actor = call->actor};
    struct key_issuer issuer = {call->admin->options.store, call->admin->options.vault,
                                &change.config};
    enum err err = key_issue(&issuer, &wish, key, &row, &field, &error);
    bool is_in_force = change_end(&change, err, &error);
    if (!is_in_force && field)
        api_fail(call, PROBLEM_INVALID_FIELD, field, "%s", error.text);
    if (!is_in_force)
        return;
    struct json_writer *writer = api_answer(call, 201);
    json_put_text(writer, "key", key);
    key_write(writer, &row);
    api_done(call);
    secret_wipe(key, sizeof key);
}

void keys_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    struct json_writer *writer = api_answer(call, 200);
    json_open_array(writer, "items");
    for (size_t i = 0; i < config.key_count; i++) {
        json_open_object(writer);
        key_write(writer, &config.keys[i]);
        json_close_object(writer);
    }
    api_done_list(call, NULL);
    store_config_release(&config);
}

void keys_revoke(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    enum err err = key_revoke(call->admin->options.store, call->args[0], call->actor, &error);
    if (!change_end(&change, err, &error))
        return;
    json_put_text(api_answer(call, 200), "id", call->args[0]);
    json_put_bool(&call->writer, "revoked", true);
    api_done(call);
}
