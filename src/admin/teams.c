/* admin/teams.c: /api/teams and who is in them.
 *
 * Admins make, change and delete teams: a policy is theirs. Leads look after the members. Whoever is in a
 * team may look at it; for everybody else it does not exist. A lead takes nobody out of their only team: no policy
 * would hold for them any more.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/page.h"
#include "admin/people.h"
#include "admin/policy_field.h"
#include "admin/rights.h"
#include "admin/state.h"
#include "admin/team_issue.h"

#define TEAMS_MAX           10000u
#define MEMBERS_OF_TEAM_MAX 10000u

static void team_write(struct json_writer *writer, const struct team_row *row)
{
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "name", row->name);
    policy_put(writer, row->policy_json);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
    json_put_int(writer, "rev", row->rev);
}

static const char *team_text(struct buf *room, const struct team_row *row)
{
    struct json_writer writer;
    buf_init(room, 2 * POLICY_BYTES_MAX);
    json_writer_init(&writer, room);
    json_open_object(&writer);
    team_write(&writer, row);
    json_close_object(&writer);
    return room->failed ? NULL : room->data;
}

static void answer_team(struct api_call *call, int status, const struct team_row *row)
{
    team_write(api_answer(call, status), row);
    api_done(call);
}

/* ---- looking ------------------------------------------------------------------------------------- */

void teams_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    struct page page;
    const struct rights rights = {call, &config};
    if (store_config_load(call->admin->options.store, &config, &error) != OK)
        api_fail_error(call, &error);
    else if (page_begin(&page, call)) {
        for (size_t i = 0; i < config.team_count; i++) {
            const struct team_row *row = &config.teams[i];
            if (!rights_sees_team(&rights, row->id) || !page_takes(&page, row->id))
                continue;
            json_open_object(&call->writer);
            team_write(&call->writer, row);
            json_close_object(&call->writer);
        }
        page_end(&page);
    }
    store_config_release(&config);
}

/* The team of the path, if it exists for the caller; else the call has failed. */
static struct team_row *team_of_path(struct api_call *call, const struct store_config *config)
{
    const struct rights rights = {call, config};
    for (size_t i = 0; i < config->team_count; i++)
        if (strcmp(config->teams[i].id, call->args[0]) == 0 &&
            rights_sees_team(&rights, call->args[0]))
            return &config->teams[i];
    api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no team \"%s\".", call->args[0]);
    return NULL;
}

void teams_read(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    const struct team_row *row = NULL;
    if (store_config_load(call->admin->options.store, &config, &error) != OK)
        api_fail_error(call, &error);
    else
        row = team_of_path(call, &config);
    if (row)
        answer_team(call, 200, row);
    store_config_release(&config);
}

/* ---- changing ------------------------------------------------------------------------------------ */

static bool name_field(struct api_call *call, struct team_row *row)
{
    struct error error = {0};
    bool is_given = false;
    if (!api_text(call, "name", row->name, sizeof row->name, &is_given))
        return false;
    if (team_name_check(str_of(row->name), &error) == OK)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "name", "%s", error.text);
    return false;
}

void teams_create(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    struct team_row wanted = {0}, made;
    if (!change_begin(&change, call->admin, call))
        return;
    if (!name_field(call, &wanted) || !policy_field(call, &change.config, &wanted.policy_json)) {
        change_drop(&change);
        return;
    }
    enum err err = OK;
    if (change.config.team_count >= TEAMS_MAX)
        err = error_set(&error, ERR_CONFLICT, "There are %u teams, which is the most.", TEAMS_MAX);
    if (err == OK)
        err = team_issue(call->admin->options.store, str_of(wanted.name), wanted.policy_json,
                         call->actor, &made, &error);
    if (change_end(&change, err, &error)) {
        made.policy_json = wanted.policy_json;
        answer_team(call, 201, &made);
    }
    team_row_release(&wanted);
}

/* Begins a change of the path's team. `is_leads`: a lead's to make; else an admin's. NULL: the call has failed, nothing
 * is locked. */
static struct team_row *change_team(struct api_call *call, struct change *change, bool is_leads)
{
    if (!change_begin(change, call->admin, call))
        return NULL;
    const struct rights rights = {call, &change->config};
    struct team_row *row = team_of_path(call, &change->config);
    if (row && !(is_leads ? rights_leads(&rights, row->id) : rights_is_admin(&rights)))
        api_fail(call, PROBLEM_FORBIDDEN, NULL, "%s",
                 is_leads ? "This is for the leads of the team and for admins."
                          : "Teams and their policies are changed by admins.");
    else if (row && api_is_stale(call, row->rev))
        api_fail(call, PROBLEM_STALE, "rev", "The team is at rev %lld; the change was made for %s.",
                 (long long)row->rev, call->if_match);
    if (!api_has_failed(call))
        return row;
    change_drop(change);
    return NULL;
}

void teams_update(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf before = {0}, after = {0};
    struct team_row *row = change_team(call, &change, false);
    if (!row)
        return;
    struct event_row event = event_make(call->actor, "team.updated", row->id);
    event.before_json = team_text(&before, row);
    if (!name_field(call, row) || !policy_field(call, &change.config, &row->policy_json)) {
        change_drop(&change);
        return;
    }
    row->rev++;
    event.after_json = team_text(&after, row);
    enum err err = store_team_update(call->admin->options.store, row, &event, &error);
    answer_team(call, 200, row);
    (void)change_end(&change, err, &error); /* on failure it replaces the answer */
}

void teams_delete(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf before = {0};
    struct team_row *row = change_team(call, &change, false);
    if (!row)
        return;
    struct event_row event = event_make(call->actor, "team.deleted", row->id);
    event.before_json = team_text(&before, row);
    enum err err = store_team_delete(call->admin->options.store, row->id, &event, &error);
    if (!change_end(&change, err, &error))
        return;
    json_put_text(api_answer(call, 200), "id", call->args[0]);
    json_put_bool(&call->writer, "deleted", true);
    api_done(call);
}

/* ---- members ------------------------------------------------------------------------------------- */

static void member_write(struct json_writer *writer, const struct team_member_row *row)
{
    json_put_text(writer, "user", row->user_id);
    json_put_text(writer, "role", row->is_lead ? "lead" : "member");
}

static void member_write_named(struct json_writer *writer, const struct team_member_row *row,
                               const struct store_config *config)
{
    const struct user_row *user = config_user(config, row->user_id);
    member_write(writer, row);
    json_put_text(writer, "user_name", user ? user->name : NULL);
}

void team_members_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    struct page page;
    if (store_config_load(call->admin->options.store, &config, &error) != OK)
        api_fail_error(call, &error);
    else if (team_of_path(call, &config) && page_begin(&page, call)) {
        for (size_t i = 0; i < config.team_member_count; i++) {
            const struct team_member_row *row = &config.team_members[i];
            if (strcmp(row->team_id, call->args[0]) != 0 || !page_takes(&page, row->user_id))
                continue;
            json_open_object(&call->writer);
            member_write_named(&call->writer, row, &config);
            json_close_object(&call->writer);
        }
        page_end(&page);
    }
    store_config_release(&config);
}

static const char *member_text(struct buf *room, const struct team_member_row *row)
{
    struct json_writer writer;
    buf_init(room, 1024);
    json_writer_init(&writer, room);
    json_open_object(&writer);
    member_write(&writer, row);
    json_close_object(&writer);
    return room->failed ? NULL : room->data;
}

static const struct team_member_row *member_now(const struct store_config *config,
                                                const char *team_id, const char *user_id)
{
    for (size_t i = 0; i < config->team_member_count; i++)
        if (strcmp(config->team_members[i].team_id, team_id) == 0 &&
            strcmp(config->team_members[i].user_id, user_id) == 0)
            return &config->team_members[i];
    return NULL;
}

static bool member_role_field(struct api_call *call, struct team_member_row *row)
{
    char role[8] = "member";
    if (!api_text(call, "role", role, sizeof role, NULL))
        return false;
    row->is_lead = strcmp(role, "lead") == 0;
    if (row->is_lead || strcmp(role, "member") == 0)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "role", "The role must be \"lead\" or \"member\".");
    return false;
}

void team_members_put(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf before = {0}, after = {0};
    struct team_member_row row = {0};
    if (!member_role_field(call, &row))
        return;
    const struct team_row *team = change_team(call, &change, true);
    if (!team)
        return;
    str_copy(str_of(team->id), row.team_id, sizeof row.team_id);
    str_copy(str_of(call->args[1]), row.user_id, sizeof row.user_id);
    const struct team_member_row *now = member_now(&change.config, row.team_id, row.user_id);
    struct event_row event = event_make(call->actor, "team.member_set", row.team_id);
    event.before_json = now ? member_text(&before, now) : NULL;
    event.after_json = member_text(&after, &row);
    enum err err = OK;
    if (!config_user(&change.config, row.user_id))
        err = error_set(&error, ERR_NOT_FOUND, "There is no user \"%s\".", row.user_id);
    if (err == OK)
        err = store_team_member_put(call->admin->options.store, &row, &event, &error);
    if (err == OK) {
        member_write_named(api_answer(call, 200), &row, &change.config);
        api_done(call);
    }
    (void)change_end(&change, err, &error); /* on failure it replaces the answer */
}

/* For somebody without any team no policy and no budget holds. */
static bool has_another_team(const struct store_config *config, const char *team_id,
                             const char *user_id)
{
    for (size_t i = 0; i < config->team_member_count; i++)
        if (strcmp(config->team_members[i].user_id, user_id) == 0 &&
            strcmp(config->team_members[i].team_id, team_id) != 0)
            return true;
    return false;
}

void team_members_remove(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf before = {0};
    const struct team_row *team = change_team(call, &change, true);
    if (!team)
        return;
    const struct team_member_row *now = member_now(&change.config, team->id, call->args[1]);
    struct event_row event = event_make(call->actor, "team.member_removed", team->id);
    event.before_json = now ? member_text(&before, now) : NULL;
    enum err err = OK;
    if (now && call->role < ROLE_ADMIN && !has_another_team(&change.config, team->id, now->user_id))
        err = error_set(&error, ERR_CONFLICT,
                        "This is the only team of the user \"%s\", and without one no policy would "
                        "hold for them. An admin can take them out.",
                        now->user_id);
    if (err == OK)
        err = store_team_member_remove(call->admin->options.store, team->id, call->args[1], &event,
                                       &error);
    if (!change_end(&change, err, &error))
        return;
    json_put_text(api_answer(call, 200), "user", call->args[1]);
    json_put_bool(&call->writer, "removed", true);
    api_done(call);
}
