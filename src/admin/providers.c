/* admin/providers.c: /api/providers: create, list, read, change, delete, refresh, test.
 *
 * A provider is asked (prober_discover) before or after a change, never under the config lock. A bad key
 * still makes the provider: it is shown in error, with the vendor's own reason.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/prober.h"
#include "admin/provider_fields.h"
#include "admin/provider_teams.h"
#include "admin/provider_models.h"
#include "admin/provider_view.h"
#include "admin/state.h"
#include "admin/workers.h"
#include "sys/clock.h"
#include "sys/random.h"

#define EVENT_BYTES_MAX ((size_t)1024 * 1024)
#define SPARE_MS        500 /* of a handler's deadline, for what comes after the provider's answer */

/* ---- asking the provider ------------------------------------------------------------------------- */

/* Looks at the provider as it is in force. False: the call has failed. */
static bool look(struct api_call *call, const char *id, struct discovery *out_found,
                 int64_t *out_version)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct provider *provider = snapshot_provider(snapshot, id);
    struct secret *key = NULL;
    struct error error = {0};
    enum err err = provider
                       ? live_key_open(provider_live(provider), call->admin->options.vault, &key,
                                       out_version, &error)
                       : error_set(&error, ERR_NOT_FOUND, "There is no provider \"%.64s\".", id);
    if (err == OK)
        prober_discover(call->admin->prober, provider->kind, provider->base_url,
                        key ? secret_borrow(key) : STR(""), call->deadline_ms - SPARE_MS,
                        out_found);
    secret_free(key);
    snapshot_unref(snapshot);
    if (err == ERR_DENIED)
        api_fail(call, PROBLEM_CONFLICT, "api_key",
                 "The stored key cannot be decrypted; enter the provider's key again.");
    else if (err != OK)
        api_fail_error(call, &error);
    return err == OK;
}

/* Looks, and puts what is found in force. */
static bool look_and_apply(struct api_call *call, const char *id, struct models_change *out_change)
{
    struct discovery found = {0};
    struct error error = {0};
    int64_t version = 0;
    if (!look(call, id, &found, &version))
        return false;
    enum err err =
        discovery_apply(call->admin, id, version, &found, call->actor, out_change, &error);
    discovery_release(&found);
    if (err != OK)
        api_fail_error(call, &error);
    return err == OK;
}

/* ---- create -------------------------------------------------------------------------------------- */

static enum err row_finish(struct api_call *call, struct provider_row *row, struct str key,
                           const struct discovery *found, struct error *error)
{
    struct models_change change;
    models_change_init(&change);
    enum err err = models_merge(row, found, &change);
    models_change_release(&change);
    if (err != OK)
        return error_set(error, err, "no memory for the model list");
    return provider_key_put(call->admin->options.vault, row, key, error);
}

static enum err row_insert(struct api_call *call, const struct provider_row *row,
                           struct error *error)
{
    AUTO_BUF struct buf after = {0};
    buf_init(&after, EVENT_BYTES_MAX);
    provider_row_write(&after, row, true);
    struct event_row event = event_make(call->actor, "provider.created", row->id);
    event.after_json = after.failed ? NULL : after.data;
    return store_provider_insert(call->admin->options.store, row, &event, error);
}

static bool insert_and_publish(struct api_call *call, struct provider_row *row, struct str key,
                               const struct discovery *found)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return false;
    /* Sealed under the lock: a rotation of the secret comes before it or behind it. */
    enum err err = row_finish(call, row, key, found, &error);
    if (err != OK)
        return change_end(&change, err, &error);
    if (!provider_plan_check(call, &change.config, row)) {
        change_drop(&change);
        return false;
    }
    if (change.config.provider_count >= PROVIDERS_MAX)
        err = error_set(&error, ERR_CONFLICT, "There may be at most %u providers.", PROVIDERS_MAX);
    if (err == OK)
        err = row_insert(call, row, &error);
    if (!change_end(&change, err, &error))
        return false;
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct provider *provider = snapshot_provider(snapshot, row->id);
    if (provider && row->base_url[0])
        health_tell(provider_live(provider), found, row->credential_version, true);
    snapshot_unref(snapshot);
    return true;
}

void providers_create(struct api_call *call)
{
    struct provider_row row = {0};
    struct discovery found = {0};
    struct str key;
    bool has_key;
    uint8_t random[10];
    enum provider_kind kind = PROVIDER_OPENAI;
    if (!provider_new_fields(call, &row) || !provider_key_field(call, &key, &has_key))
        return;
    row.rev = 1;
    row.created_at_ms = row.updated_at_ms = clock_wall_ms();
    random_fill(random, sizeof random);
    id_make("prv_", row.created_at_ms, random, row.id);
    (void)provider_kind_parse(str_of(row.kind), &kind);
    if (row.base_url[0])
        prober_discover(call->admin->prober, kind, row.base_url, key, call->deadline_ms - SPARE_MS,
                        &found);
    if (discovery_is_void(&found))
        api_fail(call, PROBLEM_OVERLOADED, NULL, "%s", found.report.sentence);
    else if (insert_and_publish(call, &row, key, &found))
        provider_answer(call, 201, row.id, NULL);
    discovery_release(&found);
    provider_row_release(&row);
}

/* ---- read ---------------------------------------------------------------------------------------- */

void providers_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    struct json_writer *writer = api_answer(call, 200);
    json_open_array(writer, "items");
    for (size_t i = 0; i < config.provider_count; i++) {
        const struct provider_row *row = &config.providers[i];
        if (!provider_is_seen(call, snapshot, snapshot_provider(snapshot, row->id)))
            continue;
        json_open_object(writer);
        provider_write(writer, row, snapshot, call);
        json_close_object(writer);
    }
    api_done_list(call, NULL);
    snapshot_unref(snapshot);
    store_config_release(&config);
}

void providers_read(struct api_call *call)
{
    provider_answer(call, 200, call->args[0], NULL);
}

/* ---- change -------------------------------------------------------------------------------------- */

static void fail_stale(struct api_call *call, const struct provider_row *row)
{
    api_fail(call, PROBLEM_STALE, "rev", "The provider is at rev %lld; the change was made for %s.",
             (long long)row->rev, call->if_match);
    if (call->answer.failed)
        return;
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    /* The problem stays one JSON object, with the current state put in behind its last field. */
    call->answer.len--;
    struct json_writer writer = {.buf = &call->answer, .depth = 1, .needs_comma = {true, true}};
    json_open_object_named(&writer, "current");
    provider_write(&writer, row, snapshot, call);
    json_close_object(&writer);
    buf_putc(&call->answer, '}');
    snapshot_unref(snapshot);
}

/* The key of a row that moves to another host would be shown to that host: it must be given again. */
static bool key_fields(struct api_call *call, struct provider_row *row, const char *old_url,
                       bool *out_has_key)
{
    struct str key;
    struct error error = {0};
    if (!provider_key_field(call, &key, out_has_key))
        return false;
    if (!*out_has_key && row->sealed_key && provider_has_moved(old_url, row->base_url)) {
        api_fail(
            call, PROBLEM_INVALID_FIELD, "api_key",
            "The key was given for another host; give api_key together with the new base_url.");
        return false;
    }
    if (*out_has_key && provider_key_put(call->admin->options.vault, row, key, &error) != OK) {
        api_fail_error(call, &error);
        return false;
    }
    return true;
}

static enum err row_update(struct api_call *call, struct provider_row *row, struct buf *before,
                           struct error *error)
{
    AUTO_BUF struct buf after = {0};
    bool has_models = json_type_of(json_get(call->root, "surfaced_models")) != JSON_ABSENT;
    buf_init(&after, EVENT_BYTES_MAX);
    provider_row_write(&after, row, has_models);
    struct event_row event = event_make(call->actor, "provider.updated", row->id);
    event.before_json = before->failed ? NULL : before->data;
    event.after_json = after.failed ? NULL : after.data;
    row->updated_at_ms = event.at_ms;
    return store_provider_update(call->admin->options.store, row, &event, error);
}

/* Under the config lock. False: the call has failed. `*out_must_look`: what was changed may end an error. */
static bool update_row(struct api_call *call, struct change *change, struct provider_row *row,
                       bool *out_must_look)
{
    AUTO_BUF struct buf before = {0};
    struct error error = {0};
    char old_url[sizeof row->base_url];
    bool was_paused = row->is_paused, has_key = false;
    str_copy(str_of(row->base_url), old_url, sizeof old_url);
    buf_init(&before, EVENT_BYTES_MAX);
    provider_row_write(&before, row, false);
    bool is_good = provider_change_fields(call, &change->config, row) &&
                   key_fields(call, row, old_url, &has_key);
    if (!is_good) {
        change_drop(change);
        return false;
    }
    *out_must_look = row->base_url[0] && (has_key || strcmp(old_url, row->base_url) != 0 ||
                                          (was_paused && !row->is_paused));
    if (*out_must_look)
        row->error_code[0] = row->error_text[0] = '\0';
    enum err err = row_update(call, row, &before, &error);
    return change_end(change, err, &error);
}

void providers_update(struct api_call *call)
{
    struct change change;
    char id[ID_MAX];
    bool must_look = false;
    if (!change_begin(&change, call->admin, call))
        return;
    struct provider_row *row = config_provider(&change.config, call->args[0]);
    if (!row || api_is_stale(call, row->rev)) {
        if (row)
            fail_stale(call, row);
        else
            api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no provider \"%s\".", call->args[0]);
        change_drop(&change);
        return;
    }
    str_copy(str_of(row->id), id, sizeof id);
    if (!update_row(call, &change, row, &must_look))
        return;
    if (must_look && !look_and_apply(call, id, NULL))
        return;
    provider_answer(call, 200, id, NULL);
}

/* ---- delete -------------------------------------------------------------------------------------- */

static bool has_rule_to(const struct provider_row *row, const char *id, struct json_reader *reader)
{
    struct json rules = {0};
    struct error error = {0};
    if (!row->rules_json || json_parse(reader, str_of(row->rules_json), &rules, &error) != OK)
        return false;
    for (struct json_cursor each = json_each(rules); json_next(&each);)
        if (str_eq(json_string_or_empty(json_get(each.value, "provider")), str_of(id)))
            return true;
    return false;
}

static void write_pointing(struct json_writer *writer, const struct store_config *config,
                           const char *id)
{
    struct json_reader *reader = NULL;
    json_open_array(writer, "rules_from");
    bool can_read = json_reader_new(EVENT_BYTES_MAX, &reader) == OK;
    for (size_t i = 0; can_read && i < config->provider_count; i++) {
        const struct provider_row *row = &config->providers[i];
        if (strcmp(row->id, id) == 0 || !has_rule_to(row, id, reader))
            continue;
        json_open_object(writer);
        json_put_text(writer, "id", row->id);
        json_put_text(writer, "name", row->name);
        json_close_object(writer);
    }
    json_close_array(writer);
    json_open_array(writer, "routes");
    for (size_t i = 0; i < config->route_count; i++)
        if (config->routes[i].steps_json &&
            str_find(str_of(config->routes[i].steps_json), str_of(id), NULL))
            json_put_text(writer, NULL, config->routes[i].name);
    json_close_array(writer);
    json_put_bool(writer, "was_auto_default", strcmp(config->auto_provider, id) == 0);
    json_reader_free(reader);
}

static enum err delete_row(struct api_call *call, const struct change *change,
                           const struct provider_row *row, struct error *error)
{
    struct store *store = call->admin->options.store;
    AUTO_BUF struct buf before = {0};
    buf_init(&before, EVENT_BYTES_MAX);
    provider_row_write(&before, row, false);
    struct event_row event = event_make(call->actor, "provider.deleted", row->id);
    event.before_json = before.failed ? NULL : before.data;
    enum err err = store_provider_delete(store, row->id, &event, error);
    if (err != OK || strcmp(change->config.auto_provider, row->id) != 0)
        return err;
    event = event_make(call->actor, "routing.updated", "auto");
    event.after_json = "{\"auto\":null}";
    err = store_auto_set(store, "", "", &event, error);
    return err;
}

void providers_delete(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    const struct provider_row *row = config_provider(&change.config, call->args[0]);
    if (!row) {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no provider \"%s\".", call->args[0]);
        change_drop(&change);
        return;
    }
    struct json_writer *writer = api_answer(call, 200);
    json_put_text(writer, "id", row->id);
    json_put_bool(writer, "deleted", true);
    write_pointing(writer, &change.config, row->id);
    api_done(call);
    enum err err = delete_row(call, &change, row, &error);
    (void)change_end(&change, err, &error); /* on failure it has replaced the answer */
}

/* ---- refresh and test ---------------------------------------------------------------------------- */

/* The id of the provider, if it is one that has workers. */
static bool has_workers(struct api_call *call, char out_id[ID_MAX])
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct provider *provider = snapshot_provider(snapshot, call->args[0]);
    bool has = provider && provider->has_workers;
    if (has)
        str_copy(str_of(provider->id), out_id, ID_MAX);
    snapshot_unref(snapshot);
    return has;
}

/* Its list becomes what live workers have loaded; with none, it stays: they may be back. */
static void refresh_by_workers(struct api_call *call, const char *id, struct models_change *change)
{
    struct error error = {0};
    struct worker_model *models = NULL;
    size_t count = workers_models_now(call->admin, id, &models);
    enum err err = count > 0 ? workers_models_apply(call->admin, id, models, count, true,
                                                    call->actor, change, &error)
                             : OK;
    mem_free(models);
    if (err == OK)
        provider_answer(call, 200, id, change);
    else
        api_fail_error(call, &error);
}

static void test_by_workers(struct api_call *call, const char *id)
{
    struct worker_model *models = NULL;
    size_t count = workers_models_now(call->admin, id, &models);
    mem_free(models);
    struct json_writer *writer = api_answer(call, 200);
    json_put_bool(writer, "ok", count > 0);
    json_put_text(writer, "error_code", count > 0 ? NULL : "no_worker");
    json_put_text(writer, "error", count > 0 ? NULL : "No worker of it is online.");
    json_put_int(writer, "models", (int64_t)count);
    json_put_int(writer, "latency_ms", -1);
    api_done(call);
}

void providers_refresh(struct api_call *call)
{
    struct models_change change;
    char id[ID_MAX];
    models_change_init(&change);
    if (has_workers(call, id))
        refresh_by_workers(call, id, &change);
    else if (look_and_apply(call, call->args[0], &change))
        provider_answer(call, 200, call->args[0], &change);
    models_change_release(&change);
}

void providers_test(struct api_call *call)
{
    struct discovery found = {0};
    int64_t version = 0;
    char id[ID_MAX];
    if (has_workers(call, id)) {
        test_by_workers(call, id);
        return;
    }
    if (!look(call, call->args[0], &found, &version))
        return;
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct provider *provider = snapshot_provider(snapshot, call->args[0]);
    if (provider)
        health_tell(provider_live(provider), &found, version, true);
    snapshot_unref(snapshot);
    struct json_writer *writer = api_answer(call, 200);
    json_put_bool(writer, "ok", found.is_ok && found.count > 0);
    json_put_text(writer, "error_code", found.is_ok ? NULL : found.report.reason);
    json_put_text(writer, "error", found.is_ok ? NULL : found.report.sentence);
    json_put_int(writer, "models", (int64_t)found.count);
    json_put_int(writer, "latency_ms", found.latency_ms);
    api_done(call);
    discovery_release(&found);
}
