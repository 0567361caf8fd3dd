/* admin/provider_models.c: see provider_models.h. */
#include "admin/provider_models.h"

#include "admin/key_issue.h"
#include "admin/state.h"
#include "base/mem.h"
#include "json/json_writer.h"
#include "sys/clock.h"
#include "sys/random.h"

#define LIST_BYTES_MAX ((size_t)2 * 1024 * 1024)

static const char no_models[] = "The key works, but the account has no models: is billing set up?";

void models_change_init(struct models_change *change)
{
    buf_init(&change->added, LIST_BYTES_MAX);
    buf_init(&change->removed, LIST_BYTES_MAX);
}

void models_change_release(struct models_change *change)
{
    buf_release(&change->added);
    buf_release(&change->removed);
}

struct provider_row *config_provider(const struct store_config *config, const char *id_or_slug)
{
    for (size_t i = 0; i < config->provider_count; i++)
        if (strcmp(config->providers[i].id, id_or_slug) == 0 ||
            strcmp(config->providers[i].slug, id_or_slug) == 0)
            return &config->providers[i];
    return NULL;
}

void model_figures_write(struct json_writer *writer, int64_t context_tokens, int64_t created_at_ms)
{
    if (context_tokens > 0)
        json_put_int(writer, "context_tokens", context_tokens);
    else
        json_put_null(writer, "context_tokens");
    if (created_at_ms > 0)
        json_put_int(writer, "created_at_ms", created_at_ms);
    else
        json_put_null(writer, "created_at_ms");
}

/* ---- merging two lists --------------------------------------------------------------------------- */

/* One merge: the old list in JSON, the new list being written. */
struct merge {
    struct json old;
    const struct discovery *found;
    const bool *suggested; /* of the first list; else NULL */
    struct json_writer writer, added, removed;
    bool has_default;           /* the default is still there */
    const char *first_surfaced; /* of the new list; NULL none */
    const char *wanted_default;
};

static struct json old_model(struct json old, const char *id)
{
    for (struct json_cursor each = json_each(old); json_next(&each);)
        if (str_eq(json_string_or_empty(json_get(each.value, "id")), str_of(id)))
            return each.value;
    return (struct json){0};
}

static bool was_found(const struct discovery *found, struct str id)
{
    size_t low = 0, high = found->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct str here = str_of(found->models[middle].id);
        size_t shorter = here.len < id.len ? here.len : id.len;
        int order = memcmp(here.at, id.at, shorter);
        if (order == 0)
            order = here.len < id.len ? -1 : here.len > id.len;
        if (order == 0)
            return true;
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static void merge_one(struct merge *merge, size_t at)
{
    const struct model_found *model = &merge->found->models[at];
    struct json old = old_model(merge->old, model->id);
    bool is_new = json_type_of(old) == JSON_ABSENT;
    bool is_surfaced = merge->suggested && merge->suggested[at];
    if (!is_new)
        (void)json_bool(json_get(old, "surfaced"), &is_surfaced);
    else
        json_put_text(&merge->added, NULL, model->id);
    if (is_surfaced && !merge->first_surfaced)
        merge->first_surfaced = model->id;
    if (strcmp(model->id, merge->wanted_default) == 0)
        merge->has_default = true;
    json_open_object(&merge->writer);
    json_put_text(&merge->writer, "id", model->id);
    json_put_bool(&merge->writer, "surfaced", is_surfaced);
    model_figures_write(&merge->writer, model->context_tokens, model->created_at_ms);
    json_close_object(&merge->writer);
}

static void merge_lists(struct merge *merge)
{
    json_open_array(&merge->writer, NULL);
    json_open_array(&merge->added, NULL);
    json_open_array(&merge->removed, NULL);
    for (size_t i = 0; i < merge->found->count; i++)
        merge_one(merge, i);
    for (struct json_cursor each = json_each(merge->old); json_next(&each);) {
        struct str id = json_string_or_empty(json_get(each.value, "id"));
        if (!was_found(merge->found, id))
            json_put_string(&merge->removed, NULL, id);
    }
    json_close_array(&merge->writer);
    json_close_array(&merge->added);
    json_close_array(&merge->removed);
}

static enum err merge_row(struct provider_row *row, const struct discovery *found,
                          struct json_reader *reader, struct models_change *out_change)
{
    struct error error = {0};
    enum provider_kind kind = PROVIDER_OPENAI;
    AUTO_FREE bool *suggested = mem_zalloc(found->count + 1, sizeof *suggested);
    AUTO_BUF struct buf list = {0};
    buf_init(&list, LIST_BYTES_MAX);
    if (!suggested)
        return ERR_NO_MEMORY;
    struct merge merge = {.found = found, .wanted_default = row->default_model};
    if (row->models_json && json_parse(reader, str_of(row->models_json), &merge.old, &error) != OK)
        merge.old = (struct json){0};
    bool is_first = json_count(merge.old) == 0;
    (void)provider_kind_parse(str_of(row->kind), &kind);
    size_t best = provider_models_suggest(kind, found->models, found->count, suggested);
    merge.suggested = is_first ? suggested : NULL;
    json_writer_init(&merge.writer, &list);
    json_writer_init(&merge.added, &out_change->added);
    json_writer_init(&merge.removed, &out_change->removed);
    merge_lists(&merge);
    char *text = list.failed ? NULL : buf_take(&list);
    if (!text)
        return ERR_NO_MEMORY;
    mem_free(row->models_json);
    row->models_json = text;
    if (is_first && best < found->count)
        str_copy(str_of(found->models[best].id), row->default_model, sizeof row->default_model);
    else if (!merge.has_default)
        str_copy(str_of(merge.first_surfaced), row->default_model, sizeof row->default_model);
    return OK;
}

/* Only what the credential or the account is to blame for outlives a restart. */
static void note_trouble(struct provider_row *row, const struct discovery *found)
{
    const char *code = "", *text = "";
    if (found->is_ok && found->count == 0) {
        code = "no_models";
        text = no_models;
    } else if (!found->is_ok && found->report.verdict == VERDICT_KEY) {
        code = found->report.reason;
        text = found->report.sentence;
    } else if (!found->is_ok) {
        return;
    }
    str_copy(str_of(code), row->error_code, sizeof row->error_code);
    str_copy(str_of(text), row->error_text, sizeof row->error_text);
}

enum err models_merge(struct provider_row *row, const struct discovery *discovery,
                      struct models_change *out_change)
{
    note_trouble(row, discovery);
    if (!discovery->is_ok || discovery->count == 0)
        return OK;
    struct json_reader *reader = NULL;
    enum err err = json_reader_new(LIST_BYTES_MAX, &reader);
    if (err == OK)
        err = merge_row(row, discovery, reader, out_change);
    json_reader_free(reader);
    if (err == OK)
        row->models_at_ms = clock_wall_ms();
    return err;
}

/* ---- in force ------------------------------------------------------------------------------------ */

/* Whatever kept the first list from coming, there is nothing to route to: that is the state error, and not
 * a rest of a minute. */
static void tell_failure(struct live_provider *live, struct verdict_report report, int64_t now_ms)
{
    if (live->models_at_ms == 0)
        report.verdict = VERDICT_KEY;
    health_on_failure(&live->health, &report, STR(""), live->credential_version,
                      live->credential_version, now_ms, random_unit());
}

void health_tell(struct live_provider *live, const struct discovery *discovery,
                 int64_t credential_version, bool is_by_hand)
{
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&live->lock);
    bool is_current = live->credential_version == credential_version;
    bool may_clear = is_by_hand || live->health.state == STATE_ERROR;
    if (is_current && discovery->is_ok && discovery->count == 0)
        health_on_no_models(&live->health, now_ms, no_models);
    else if (is_current && discovery->is_ok && may_clear)
        health_clear(&live->health, now_ms);
    else if (is_current && !discovery->is_ok)
        tell_failure(live, discovery->report, now_ms);
    if (discovery->latency_ms >= 0)
        live->heartbeat_at_ms = clock_wall_ms();
    live_note(live, now_ms);
    pthread_mutex_unlock(&live->lock);
}

static void health_tell_by_id(struct admin *admin, const char *provider_id,
                              const struct discovery *discovery, int64_t credential_version,
                              bool is_by_hand)
{
    struct snapshot *snapshot = gateway_snapshot(admin->options.gateway);
    const struct provider *provider = snapshot_provider(snapshot, provider_id);
    if (provider)
        health_tell(provider_live(provider), discovery, credential_version, is_by_hand);
    snapshot_unref(snapshot);
}

/* Writes the row when the list or the remembered trouble changed, or a day is over. */
static enum err apply_to_row(struct admin *admin, struct provider_row *row,
                             const struct discovery *discovery, const char *actor,
                             struct models_change *change, struct error *error)
{
    char old_code[sizeof row->error_code];
    int64_t old_models_at_ms = row->models_at_ms;
    str_copy(str_of(row->error_code), old_code, sizeof old_code);
    if (models_merge(row, discovery, change) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory for the model list");
    if (row->models_at_ms == old_models_at_ms && strcmp(old_code, row->error_code) == 0)
        return OK;
    bool is_news = (change->added.len > 2 || change->removed.len > 2);
    struct event_row event = event_make(actor, "provider.refreshed", row->id);
    event.before_json = change->removed.len ? change->removed.data : NULL;
    event.after_json = change->added.len ? change->added.data : NULL;
    row->updated_at_ms = event.at_ms;
    return store_provider_update(admin->options.store, row, is_news ? &event : NULL, error);
}

enum err discovery_apply(struct admin *admin, const char *provider_id, int64_t credential_version,
                         const struct discovery *discovery, const char *actor,
                         struct models_change *out_change, struct error *error)
{
    struct change change;
    struct models_change own;
    if (discovery_is_void(discovery))
        return error_set(error, ERR_NO_MEMORY, "%s", discovery->report.sentence);
    if (!change_begin(&change, admin, NULL))
        return error_set(error, ERR_UNAVAILABLE, "The configuration cannot be read now.");
    struct provider_row *row = config_provider(&change.config, provider_id);
    if (!row || row->credential_version != credential_version) {
        change_drop(&change);
        return error_set(error, row ? ERR_CONFLICT : ERR_NOT_FOUND,
                         "The provider was %s meanwhile.", row ? "given another key" : "deleted");
    }
    models_change_init(&own);
    enum err err =
        apply_to_row(admin, row, discovery, actor, out_change ? out_change : &own, error);
    models_change_release(&own);
    bool is_in_force = change_end(&change, err, error);
    if (is_in_force)
        health_tell_by_id(admin, provider_id, discovery, credential_version,
                          strcmp(actor, BY_HEALTH_THREAD) != 0);
    return is_in_force ? OK : error->code ? error->code : ERR_UNAVAILABLE;
}
