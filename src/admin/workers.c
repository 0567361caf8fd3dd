/* admin/workers.c: /api/workers: who is registered; and what workers bring, put on record: events, models.
 *
 * Models of a provider's workers are surfaced when they are first seen. They serve at once, from the live list
 * (gateway/workers.h); the row follows within moments, so that an admin can hide one or make it the default.
 */
#include "admin/workers.h"

#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/provider_models.h"
#include "admin/provider_teams.h"
#include "admin/state.h"
#include "base/log.h"
#include "gateway/workers.h"
#include "sys/clock.h"

#define MODELS_ROOM    DISPATCH_MODELS_MAX
#define LIST_BYTES_MAX ((size_t)2 * 1024 * 1024)
#define BY_WORKERS     "workers" /* the actor of what happens by itself */

/* ---- the list ---------------------------------------------------------------------------------- */

static void put_time(struct json_writer *writer, const char *name, int64_t at_ms)
{
    if (at_ms > 0)
        json_put_int(writer, name, at_ms);
    else
        json_put_null(writer, name);
}

static void put_text(struct json_writer *writer, const char *name, const char *text)
{
    json_put_text(writer, name, text[0] ? text : NULL);
}

static void write_model(struct json_writer *writer, const struct worker_model *model)
{
    json_open_object(writer);
    json_put_text(writer, "id", model->id);
    if (model->context_tokens > 0)
        json_put_int(writer, "context_tokens", model->context_tokens);
    else
        json_put_null(writer, "context_tokens");
    json_open_object_named(writer, "abilities");
    json_put_bool(writer, "tools", !model->lacks_tools);
    json_put_bool(writer, "images", !model->lacks_images);
    json_put_bool(writer, "json_schema", !model->lacks_schema);
    json_put_bool(writer, "reasoning", !model->lacks_reasoning);
    json_close_object(writer);
    json_close_object(writer);
}

struct listing {
    const struct api_call *call;
    struct json_writer *writer;
    const struct snapshot *snapshot;
};

static void write_worker(void *arg, const struct worker_view *view)
{
    const struct listing *listing = arg;
    struct json_writer *writer = listing->writer;
    const struct provider *provider = snapshot_provider(listing->snapshot, view->provider_id);
    if (!provider_is_seen(listing->call, listing->snapshot, provider))
        return;
    json_open_object(writer);
    json_put_text(writer, "id", view->id);
    put_text(writer, "name", view->name);
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", view->provider_id);
    json_put_text(writer, "name", provider ? provider->name : NULL);
    json_close_object(writer);
    json_put_text(writer, "kind", view->kind);
    put_text(writer, "version", view->version);
    put_text(writer, "tool", view->tool);
    json_put_text(writer, "key", view->key_id);
    json_put_text(writer, "state", view->state);
    json_put_int(writer, "epoch", view->epoch);
    json_put_int(writer, "slots", view->slots);
    json_put_int(writer, "busy", view->busy);
    json_put_int(writer, "parked", view->parked);
    put_time(writer, "vram_mb", view->vram_mb);
    put_time(writer, "registered_at_ms", view->registered_at_ms);
    put_time(writer, "last_heartbeat_ms", view->heard_at_ms);
    put_time(writer, "over_quota_until_ms", view->over_quota_until_ms);
    put_time(writer, "barred_until_ms", view->barred_until_ms);
    json_put_int(writer, "jobs", view->jobs);
    json_put_int(writer, "failures", view->failures);
    json_open_array(writer, "models");
    for (size_t i = 0; i < view->model_count; i++)
        write_model(writer, &view->models[i]);
    json_close_array(writer);
    json_close_object(writer);
}

void workers_list(struct api_call *call)
{
    struct gateway *gateway = call->admin->options.gateway;
    struct listing listing = {.call = call, .snapshot = gateway_snapshot(gateway)};
    listing.writer = api_answer(call, 200);
    json_open_array(listing.writer, "items");
    enum err err = workers_each(gateway_workers(gateway), write_worker, &listing);
    if (err == OK)
        api_done_list(call, NULL);
    else
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
    snapshot_unref((struct snapshot *)(uintptr_t)listing.snapshot);
}

/* ---- models into the row ------------------------------------------------------------------------ */

static bool row_has(struct json list, const char *id)
{
    for (struct json_cursor each = json_each(list); json_next(&each);)
        if (str_eq(json_string_or_empty(json_get(each.value, "id")), str_of(id)))
            return true;
    return false;
}

/* One list out of two. */
struct joining {
    struct json old;
    const struct worker_model *models;
    size_t count;
    bool drops; /* what no worker has any more is left out */
    struct json_writer writer, added, removed;
    bool has_news, has_default;
    char first_surfaced[200];
    const char *wanted_default;
};

static void put_model(struct joining *joining, struct str id, bool is_surfaced,
                      int64_t context_tokens, int64_t created_at_ms)
{
    json_open_object(&joining->writer);
    json_put_string(&joining->writer, "id", id);
    json_put_bool(&joining->writer, "surfaced", is_surfaced);
    model_figures_write(&joining->writer, context_tokens, created_at_ms);
    json_close_object(&joining->writer);
    joining->has_default |= str_eq(id, str_of(joining->wanted_default));
    if (is_surfaced && !joining->first_surfaced[0])
        str_copy(id, joining->first_surfaced, sizeof joining->first_surfaced);
}

static void join_old(struct joining *joining)
{
    for (struct json_cursor each = json_each(joining->old); json_next(&each);) {
        struct str id = json_string_or_empty(json_get(each.value, "id"));
        bool is_surfaced = false;
        (void)json_bool(json_get(each.value, "surfaced"), &is_surfaced);
        if (joining->drops && !worker_models_have(joining->models, joining->count, id)) {
            json_put_string(&joining->removed, NULL, id);
            joining->has_news = true;
            continue;
        }
        put_model(joining, id, is_surfaced,
                  json_int64_or(json_get(each.value, "context_tokens"), -1),
                  json_int64_or(json_get(each.value, "created_at_ms"), 0));
    }
}

static void join_new(struct joining *joining)
{
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < joining->count; i++) {
        const struct worker_model *model = &joining->models[i];
        if (row_has(joining->old, model->id))
            continue;
        put_model(joining, str_of(model->id), true, model->context_tokens, now_ms);
        json_put_text(&joining->added, NULL, model->id);
        joining->has_news = true;
    }
}

static enum err join_row(struct provider_row *row, struct joining *joining,
                         struct models_change *change, struct json_reader *reader)
{
    AUTO_BUF struct buf list;
    buf_init(&list, LIST_BYTES_MAX);
    if (row->models_json && json_parse(reader, str_of(row->models_json), &joining->old, NULL) != OK)
        joining->old = (struct json){0};
    joining->wanted_default = row->default_model;
    json_writer_init(&joining->writer, &list);
    json_writer_init(&joining->added, &change->added);
    json_writer_init(&joining->removed, &change->removed);
    json_open_array(&joining->writer, NULL);
    json_open_array(&joining->added, NULL);
    json_open_array(&joining->removed, NULL);
    join_old(joining);
    join_new(joining);
    json_close_array(&joining->writer);
    json_close_array(&joining->added);
    json_close_array(&joining->removed);
    char *text = list.failed ? NULL : buf_take(&list);
    if (!text)
        return ERR_NO_MEMORY;
    mem_free(row->models_json);
    row->models_json = text;
    row->models_at_ms = clock_wall_ms();
    if (!joining->has_default)
        str_copy(str_of(joining->first_surfaced), row->default_model, sizeof row->default_model);
    return OK;
}

/* Under the config lock, which it gives up. */
static enum err join_and_store(struct change *change, struct provider_row *row,
                               struct joining *joining, const char *actor,
                               struct models_change *out_change, struct error *error)
{
    struct json_reader *reader = NULL;
    enum err err = json_reader_new(LIST_BYTES_MAX, &reader);
    if (err == OK)
        err = join_row(row, joining, out_change, reader);
    json_reader_free(reader);
    if (err != OK || !joining->has_news) {
        change_drop(change);
        return err == OK ? OK : error_set(error, err, "no memory for the model list");
    }
    struct event_row event = event_make(actor, "provider.refreshed", row->id);
    event.before_json = joining->drops ? out_change->removed.data : NULL;
    event.after_json = out_change->added.data;
    row->updated_at_ms = event.at_ms;
    err = store_provider_update(change->admin->options.store, row, &event, error);
    return change_end(change, err, error) ? OK : ERR_UNAVAILABLE;
}

enum err workers_models_apply(struct admin *admin, const char *provider_id,
                              const struct worker_model *models, size_t count, bool drops,
                              const char *actor, struct models_change *out_change,
                              struct error *error)
{
    struct change change;
    struct joining joining = {.models = models, .count = count, .drops = drops};
    if (!change_begin(&change, admin, NULL))
        return error_set(error, ERR_UNAVAILABLE, "The configuration cannot be read now.");
    struct provider_row *row = config_provider(&change.config, provider_id);
    if (!row) {
        change_drop(&change);
        return error_set(error, ERR_NOT_FOUND, "There is no provider \"%.64s\".", provider_id);
    }
    return join_and_store(&change, row, &joining, actor, out_change, error);
}

/* ---- on the health thread ----------------------------------------------------------------------- */

static void record_event(struct admin *admin, const struct worker_news *news)
{
    AUTO_BUF struct buf after;
    struct json_writer writer;
    struct error error = {0};
    struct event_row event = event_make(BY_WORKERS, news->action, news->worker_id);
    event.at_ms = news->at_ms;
    buf_init(&after, 4096);
    json_writer_init(&writer, &after);
    json_open_object(&writer);
    json_put_text(&writer, "provider", news->provider_id);
    json_put_text(&writer, "name", news->name[0] ? news->name : NULL);
    json_put_text(&writer, "why", news->why);
    json_close_object(&writer);
    event.after_json = after.failed ? NULL : after.data;
    if (store_event_add(admin->options.store, &event, &error) != OK)
        log_warn("event_lost", "action=%s subject=%s why=\"%s\"", event.action, event.subject,
                 error.text);
}

/* What cannot be written now is new again at the next look; of a provider that is gone, never. */
static void record_models(struct admin *admin, const char *provider_id,
                          const struct worker_model *models, size_t count)
{
    struct error error = {0};
    struct models_change change;
    enum err err = OK;
    models_change_init(&change);
    if (count > 0)
        err = workers_models_apply(admin, provider_id, models, count, false, BY_WORKERS, &change,
                                   &error);
    models_change_release(&change);
    if (err == OK || err == ERR_NOT_FOUND)
        return;
    log_warn("worker_models_unwritten", "provider=%s why=\"%s\"", provider_id, error.text);
    workers_models_again(gateway_workers(admin->options.gateway), provider_id);
}

void workers_record(struct admin *admin)
{
    struct workers *workers = gateway_workers(admin->options.gateway);
    AUTO_FREE struct worker_model *models = mem_alloc(MODELS_ROOM * sizeof *models);
    struct worker_news news;
    char provider_id[ID_MAX];
    size_t place = 0, count = 0;
    while (models && workers_take_new_models(workers, &place, provider_id, models, &count))
        record_models(admin, provider_id, models, count);
    while (workers_take_news(workers, &news))
        record_event(admin, &news);
}

/* ---- refresh and test of a provider that has workers --------------------------------------------- */

size_t workers_models_now(struct admin *admin, const char *provider_id,
                          struct worker_model **out_models)
{
    *out_models = mem_alloc(MODELS_ROOM * sizeof **out_models);
    return *out_models ? workers_models(gateway_workers(admin->options.gateway), provider_id,
                                        *out_models, MODELS_ROOM)
                       : 0;
}
