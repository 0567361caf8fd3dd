/* admin/service_accounts.c: /api/service-accounts: who is no person, belongs to one team and owns keys that
 * outlive staff. Leads of the team and admins manage them; whoever is in the team may look.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/page.h"
#include "admin/rights.h"
#include "admin/state.h"
#include "admin/team_issue.h"
#include "sys/clock.h"
#include "sys/random.h"

#define ACCOUNTS_MAX 10000u

static void account_write(struct json_writer *writer, const struct service_account_row *row)
{
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "name", row->name);
    json_put_text(writer, "team", row->team_id);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
    json_put_int(writer, "rev", row->rev);
}

static const char *account_text(struct buf *room, const struct service_account_row *row)
{
    struct json_writer writer;
    buf_init(room, 4096);
    json_writer_init(&writer, room);
    json_open_object(&writer);
    account_write(&writer, row);
    json_close_object(&writer);
    return room->failed ? NULL : room->data;
}

static void answer_account(struct api_call *call, int status, const struct service_account_row *row)
{
    account_write(api_answer(call, status), row);
    api_done(call);
}

/* ---- looking ------------------------------------------------------------------------------------- */

static void list(struct api_call *call, const struct store_config *config)
{
    struct page page;
    char wanted[64] = "";
    const struct rights rights = {call, config};
    if ((!api_query(call, "team", wanted, sizeof wanted) && api_has_failed(call)) ||
        !page_begin(&page, call))
        return;
    const struct team_row *team = config_team(config, str_of(wanted));
    for (size_t i = 0; i < config->service_account_count; i++) {
        const struct service_account_row *row = &config->service_accounts[i];
        bool is_wanted = !wanted[0] || (team && strcmp(team->id, row->team_id) == 0);
        if (!is_wanted || !rights_sees_team(&rights, row->team_id) || !page_takes(&page, row->id))
            continue;
        json_open_object(&call->writer);
        account_write(&call->writer, row);
        json_close_object(&call->writer);
    }
    page_end(&page);
}

void service_accounts_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) == OK)
        list(call, &config);
    else
        api_fail_error(call, &error);
    store_config_release(&config);
}

/* The account of the path, if it exists for the caller; else the call has failed. */
static const struct service_account_row *account_of_path(struct api_call *call,
                                                         const struct store_config *config)
{
    const struct rights rights = {call, config};
    const struct service_account_row *row = config_service_account(config, call->args[0]);
    if (row && rights_sees_team(&rights, row->team_id))
        return row;
    api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no service account \"%s\".", call->args[0]);
    return NULL;
}

void service_accounts_read(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    const struct service_account_row *row = NULL;
    if (store_config_load(call->admin->options.store, &config, &error) != OK)
        api_fail_error(call, &error);
    else
        row = account_of_path(call, &config);
    if (row)
        answer_account(call, 200, row);
    store_config_release(&config);
}

/* ---- changing ------------------------------------------------------------------------------------ */

static bool name_field(struct api_call *call, struct service_account_row *row)
{
    struct error error = {0};
    if (!api_text(call, "name", row->name, sizeof row->name, NULL))
        return false;
    if (team_name_check(str_of(row->name), &error) == OK)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "name",
             "A service account needs a name of 1 to 63 bytes, without blanks at its ends.");
    return false;
}

static bool refuse_members(struct api_call *call)
{
    api_fail(call, PROBLEM_FORBIDDEN, NULL,
             "Service accounts are managed by the leads of their team and by admins.");
    return false;
}

/* A team that the caller leads; one that they do not see does not exist. */
static bool team_field(struct api_call *call, const struct store_config *config,
                       struct service_account_row *row)
{
    char wanted[64] = "";
    const struct rights rights = {call, config};
    if (!api_text(call, "team", wanted, sizeof wanted, NULL))
        return false;
    const struct team_row *team = config_team(config, str_of(wanted));
    if (!team || !rights_sees_team(&rights, team->id)) {
        api_fail(call, PROBLEM_INVALID_FIELD, "team", "There is no team \"%s\".", wanted);
        return false;
    }
    str_copy(str_of(team->id), row->team_id, sizeof row->team_id);
    return rights_leads(&rights, team->id) || refuse_members(call);
}

void service_accounts_create(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf after = {0};
    uint8_t random[10];
    struct service_account_row row = {.created_at_ms = clock_wall_ms(), .rev = 1};
    random_fill(random, sizeof random);
    id_make("svc_", row.created_at_ms, random, row.id);
    if (!name_field(call, &row) || !change_begin(&change, call->admin, call))
        return;
    if (!team_field(call, &change.config, &row)) {
        change_drop(&change);
        return;
    }
    enum err err = OK;
    if (change.config.service_account_count >= ACCOUNTS_MAX)
        err = error_set(&error, ERR_CONFLICT, "There are %u service accounts, which is the most.",
                        ACCOUNTS_MAX);
    struct event_row event = event_make(call->actor, "service_account.created", row.id);
    event.after_json = account_text(&after, &row);
    if (err == OK)
        err = store_service_account_insert(call->admin->options.store, &row, &event, &error);
    if (change_end(&change, err, &error))
        answer_account(call, 201, &row);
}

/* Begins a change of the path's account, and copies it. False: the call has failed, nothing is locked. */
static bool change_account(struct api_call *call, struct change *change,
                           struct service_account_row *out_row)
{
    if (!change_begin(change, call->admin, call))
        return false;
    const struct rights rights = {call, &change->config};
    const struct service_account_row *row = account_of_path(call, &change->config);
    if (row && !rights_leads(&rights, row->team_id))
        (void)refuse_members(call);
    else if (row && api_is_stale(call, row->rev))
        api_fail(call, PROBLEM_STALE, "rev",
                 "The service account is at rev %lld; the change was made for %s.",
                 (long long)row->rev, call->if_match);
    if (row && !api_has_failed(call)) {
        *out_row = *row;
        return true;
    }
    change_drop(change);
    return false;
}

void service_accounts_update(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf before = {0}, after = {0};
    struct service_account_row row;
    if (!change_account(call, &change, &row))
        return;
    struct event_row event = event_make(call->actor, "service_account.updated", row.id);
    event.before_json = account_text(&before, &row);
    if (!name_field(call, &row)) {
        change_drop(&change);
        return;
    }
    row.rev++;
    event.after_json = account_text(&after, &row);
    enum err err = store_service_account_update(call->admin->options.store, &row, &event, &error);
    if (change_end(&change, err, &error))
        answer_account(call, 200, &row);
}

/* Its keys are revoked with it: nobody revokes what holds more than they do. */
static bool keys_are_within(struct api_call *call, const struct store_config *config,
                            const char *account_id)
{
    enum role role = ROLE_NONE;
    for (size_t i = 0; i < config->key_count; i++) {
        const struct key_row *key = &config->keys[i];
        if (strcmp(key->service_account_id, account_id) != 0 ||
            (role_parse(str_of(key->role), &role) && role <= call->role))
            continue;
        api_fail(call, PROBLEM_FORBIDDEN, NULL,
                 "The service account has a key with the role %s, so only an admin removes it.",
                 key->role);
        return false;
    }
    return true;
}

void service_accounts_delete(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    AUTO_BUF struct buf before = {0};
    struct service_account_row row;
    if (!change_account(call, &change, &row))
        return;
    if (!keys_are_within(call, &change.config, row.id)) {
        change_drop(&change);
        return;
    }
    struct event_row event = event_make(call->actor, "service_account.deleted", row.id);
    event.before_json = account_text(&before, &row);
    enum err err = store_service_account_delete(call->admin->options.store, row.id, event.at_ms,
                                                &event, &error);
    if (!change_end(&change, err, &error))
        return;
    json_put_text(api_answer(call, 200), "id", row.id);
    json_put_bool(&call->writer, "deleted", true);
    api_done(call);
}
