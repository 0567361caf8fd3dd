/* admin/provider_teams.c: see provider_teams.h. */
#include "admin/provider_teams.h"

#include "admin/state.h"
#include "admin/team_issue.h"

#define TEAMS_BYTES_MAX ((size_t)64 * 1024)
#define LIST_BYTES_MAX  ((size_t)1024 * 1024)

bool provider_plan_check(struct api_call *call, const struct store_config *config,
                         const struct provider_row *row)
{
    size_t count = 0;
    struct error error = {0};
    for (size_t i = 0; i < config->provider_count; i++)
        count += strcmp(config->providers[i].kind, row->kind) == 0;
    if (plan_check_provider(call->admin->options.plan, row->kind, count, &error) == OK)
        return true;
    api_fail(call, PROBLEM_PLAN, "type", "%s", error.text);
    return false;
}

static bool team_write(struct api_call *call, const struct store_config *config, struct json given,
                       struct json_writer *writer)
{
    struct str wanted = json_string_or_empty(given);
    const struct team_row *team = config_team(config, wanted);
    if (team) {
        json_put_text(writer, NULL, team->id);
        return true;
    }
    api_fail(call, PROBLEM_INVALID_FIELD, "teams", "There is no team \"%.*s\".",
             STR_ARG(str_upto(wanted, 64)));
    return false;
}

bool provider_teams_field(struct api_call *call, const struct store_config *config,
                          struct provider_row *row)
{
    AUTO_BUF struct buf list = {0};
    struct json_writer writer;
    struct error error = {0};
    struct json teams = json_get(call->root, "teams");
    if (json_type_of(teams) == JSON_ABSENT)
        return true;
    if (json_type_of(teams) == JSON_NULL) {
        mem_free(TAKE(row->teams_json));
        return true;
    }
    if (plan_check_assignment(call->admin->options.plan, &error) != OK) {
        api_fail(call, PROBLEM_PLAN, "teams", "%s", error.text);
        return false;
    }
    if (json_type_of(teams) != JSON_ARRAY || json_count(teams) > PROVIDER_TEAMS_MAX) {
        api_fail(call, PROBLEM_INVALID_FIELD, "teams",
                 "teams must be a list of at most %u teams, or null for everybody.",
                 PROVIDER_TEAMS_MAX);
        return false;
    }
    buf_init(&list, TEAMS_BYTES_MAX);
    json_writer_init(&writer, &list);
    json_open_array(&writer, NULL);
    for (struct json_cursor each = json_each(teams); json_next(&each);)
        if (!team_write(call, config, each.value, &writer))
            return false;
    json_close_array(&writer);
    mem_free(row->teams_json);
    row->teams_json = list.failed ? NULL : buf_take(&list);
    if (!row->teams_json)
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
    return row->teams_json != NULL;
}

/* ---- who sees them ------------------------------------------------------------------------------- */

bool team_is_callers(const struct api_call *call, const struct snapshot *snapshot,
                     const char *team_id)
{
    return strcmp(call->team, team_id) == 0 ||
           (call->user[0] && snapshot_user(snapshot, call->user, team_id) != NULL);
}

bool provider_is_seen(const struct api_call *call, const struct snapshot *snapshot,
                      const struct provider *provider)
{
    return call->role >= ROLE_ADMIN || snapshot_may_see(snapshot, provider, call->user, call->team);
}

static void write_seen_of(struct json_writer *writer, struct json list, struct json_reader *reader,
                          struct str text, const struct snapshot *snapshot,
                          const struct api_call *call)
{
    for (struct json_cursor each = json_each(list); json_next(&each);) {
        char id[ID_MAX];
        struct str provider = json_string_or_empty(json_get(each.value, "provider"));
        str_copy(provider, id, sizeof id);
        if (provider.len == 0 || provider_is_seen(call, snapshot, snapshot_provider(snapshot, id)))
            json_put_raw(writer, NULL, json_raw(reader, each.value, text));
    }
}

void seen_entries_write(struct json_writer *writer, const char *name, const char *list,
                        const struct snapshot *snapshot, const struct api_call *call)
{
    struct str text = list && list[0] ? str_of(list) : STR("[]");
    if (call->role >= ROLE_ADMIN || str_eq(text, STR("[]"))) {
        json_put_raw(writer, name, text);
        return;
    }
    struct json_reader *reader = NULL;
    struct json root;
    json_open_array(writer, name);
    if (json_reader_new(LIST_BYTES_MAX, &reader) == OK &&
        json_parse(reader, text, &root, NULL) == OK)
        write_seen_of(writer, root, reader, text, snapshot, call);
    json_close_array(writer);
    json_reader_free(reader);
}
