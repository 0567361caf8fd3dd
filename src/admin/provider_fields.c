/* admin/provider_fields.c: see provider_fields.h. Types, words and limits are the contract's: the dispatcher has checked them. */
#include "admin/provider_fields.h"

#include "admin/provider_teams.h"

#include "admin/provider_models.h"
#include "admin/provider_view.h"
#include "base/mem.h"
#include "http/client.h"

#include <stdio.h>

#define KEY_BYTES_MAX  2048
#define SEALED_MAX     8192
#define TIMEOUT_MS_MAX (INT64_C(24) * 3600 * 1000)
#define CONCURRENT_MAX 1000000
#define LIST_BYTES_MAX ((size_t)2 * 1024 * 1024)

/* ---- the key ------------------------------------------------------------------------------------- */

static struct str trim_all(struct str text)
{
    while (text.len && strchr(" \t\r\n", text.at[0]) && text.at[0])
        text = str_from(text, 1);
    while (text.len && strchr(" \t\r\n", text.at[text.len - 1]) && text.at[text.len - 1])
        text.len--;
    return text;
}

bool provider_key_field(struct api_call *call, struct str *out_key, bool *out_is_given)
{
    struct json value = json_get(call->root, "api_key");
    struct str key = trim_all(json_string_or_empty(value));
    *out_is_given = json_type_of(value) != JSON_ABSENT;
    bool is_clean = key.len <= KEY_BYTES_MAX;
    for (size_t i = 0; is_clean && i < key.len; i++)
        is_clean = key.at[i] > 0x20 && key.at[i] < 0x7f;
    if (!is_clean) {
        api_fail(call, PROBLEM_INVALID_FIELD, "api_key",
                 "api_key must be visible ASCII without blanks, at most %d bytes.", KEY_BYTES_MAX);
        return false;
    }
    *out_key = key;
    return true;
}

void provider_key_hint(struct str key, char *room, size_t room_bytes)
{
    if (key.len >= 16)
        snprintf(room, room_bytes, "%.4s…%.4s", key.at, key.at + key.len - 4);
    else
        str_copy(key.len ? STR("…") : STR(""), room, room_bytes);
}

enum err provider_key_put(const struct vault *vault, struct provider_row *row, struct str key,
                          struct error *error)
{
    AUTO_BUF struct buf sealed = {0};
    buf_init(&sealed, SEALED_MAX);
    mem_free(row->sealed_key);
    row->sealed_key = NULL;
    row->sealed_key_len = 0;
    provider_key_hint(key, row->key_hint, sizeof row->key_hint);
    row->credential_version++;
    if (!key.len)
        return OK;
    enum err err = provider_key_seal(vault, row->id, key, &sealed, error);
    if (err != OK || sealed.failed)
        return err != OK ? err : error_set(error, ERR_NO_MEMORY, "no memory to seal the key");
    row->sealed_key_len = sealed.len;
    row->sealed_key = buf_take(&sealed);
    return OK;
}

bool provider_has_moved(const char *old_url, const char *new_url)
{
    struct target before = {0}, after = {0};
    struct error error = {0};
    return target_parse(old_url, &before, &error) != OK ||
           target_parse(new_url, &after, &error) != OK || before.is_tls != after.is_tls ||
           before.port != after.port || strcmp(before.host, after.host) != 0;
}

/* ---- type, name, address ------------------------------------------------------------------------- */

static bool url_field(struct api_call *call, enum provider_kind kind, struct provider_row *row)
{
    char given[sizeof row->base_url];
    bool is_given = false;
    struct error error = {0};
    str_copy(str_of(row->base_url), given, sizeof given);
    if (!api_text(call, "base_url", given, sizeof given, &is_given))
        return false;
    if (!is_given && (row->base_url[0] || row->rev > 0))
        return true;
    const struct provider_kind_facts *facts = provider_kind_facts(kind);
    struct str wanted = str_trim(str_of(given));
    if (!wanted.len)
        wanted = str_of(facts->default_base_url);
    if (wanted.len && !facts->may_have_url) {
        api_fail(call, PROBLEM_INVALID_FIELD, "base_url",
                 "A %s provider has workers, which dial in; it has no base_url.",
                 provider_kind_name(kind));
        return false;
    }
    if (!wanted.len) { /* workers */
        row->base_url[0] = '\0';
        return true;
    }
    struct target target;
    enum err err = provider_base_url(kind, wanted, row->base_url, sizeof row->base_url, &error);
    if (err == OK)
        err = target_parse(row->base_url, &target, &error);
    if (err == OK)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "base_url", "%s", error.text);
    return false;
}

static bool name_field(struct api_call *call, struct provider_row *row)
{
    char name[sizeof row->name];
    bool is_given = false;
    if (!api_text(call, "name", name, sizeof name, &is_given))
        return false;
    if (is_given && !str_trim(str_of(name)).len) {
        api_fail(call, PROBLEM_INVALID_FIELD, "name", "A provider needs a name.");
        return false;
    }
    if (is_given)
        str_copy(str_trim(str_of(name)), row->name, sizeof row->name);
    return true;
}

static void dialects_field(struct api_call *call, struct provider_row *row)
{
    AUTO_BUF struct buf list = {0};
    struct json_writer writer;
    struct json wanted = json_get(call->root, "dialects");
    unsigned endpoints = 0;
    if (json_type_of(wanted) == JSON_ABSENT)
        return;
    if (json_type_of(wanted) == JSON_NULL) {
        row->dialects_json[0] = '\0';
        return;
    }
    for (struct json_cursor each = json_each(wanted); json_next(&each);)
        endpoints |= provider_dialect_endpoints(json_string_or_empty(each.value));
    buf_init(&list, sizeof row->dialects_json);
    json_writer_init(&writer, &list);
    dialects_write(&writer, NULL, endpoints);
    str_copy(buf_str(&list), row->dialects_json, sizeof row->dialects_json);
}

bool provider_new_fields(struct api_call *call, struct provider_row *row)
{
    enum provider_kind kind = PROVIDER_OPENAI;
    if (!api_text(call, "type", row->kind, sizeof row->kind, NULL))
        return false;
    (void)provider_kind_parse(str_of(row->kind), &kind);
    str_copy(str_of(row->kind), row->name, sizeof row->name); /* unless one is given */
    if (!name_field(call, row) || !url_field(call, kind, row))
        return false;
    dialects_field(call, row);
    provider_slug(str_of(row->name), row->slug, sizeof row->slug);
    return true;
}

/* ---- models -------------------------------------------------------------------------------------- */

/* Is `wanted` in a JSON array of strings? */
static bool list_has(struct json list, struct str wanted)
{
    struct str here;
    for (struct json_cursor each = json_each(list); json_next(&each);)
        if (json_string(each.value, &here) && str_eq(here, wanted))
            return true;
    return false;
}

static bool models_have(struct json models, struct str id)
{
    for (struct json_cursor each = json_each(models); json_next(&each);)
        if (str_eq(json_string_or_empty(json_get(each.value, "id")), id))
            return true;
    return false;
}

static bool surfaced_is_good(struct api_call *call, struct json wanted, struct json models)
{
    for (struct json_cursor each = json_each(wanted); json_next(&each);) {
        struct str id = json_string_or_empty(each.value);
        if (models_have(models, id))
            continue;
        api_fail(call, PROBLEM_INVALID_FIELD, "surfaced_models",
                 "The provider has no model \"%.*s\"; refresh it, or correct the name.",
                 (int)(id.len < 100 ? id.len : 100), id.at);
        return false;
    }
    return true;
}

static char *surfaced_apply(struct json models, struct json wanted)
{
    AUTO_BUF struct buf list = {0};
    struct json_writer writer;
    buf_init(&list, LIST_BYTES_MAX);
    json_writer_init(&writer, &list);
    json_open_array(&writer, NULL);
    for (struct json_cursor each = json_each(models); json_next(&each);) {
        struct str id = json_string_or_empty(json_get(each.value, "id"));
        json_open_object(&writer);
        json_put_string(&writer, "id", id);
        json_put_bool(&writer, "surfaced", list_has(wanted, id));
        model_figures_write(&writer, json_int64_or(json_get(each.value, "context_tokens"), -1),
                            json_int64_or(json_get(each.value, "created_at_ms"), 0));
        json_close_object(&writer);
    }
    json_close_array(&writer);
    return list.failed ? NULL : buf_take(&list);
}

static bool default_field(struct api_call *call, struct json models, struct provider_row *row)
{
    char wanted[sizeof row->default_model];
    bool is_given = false;
    if (!api_text(call, "default_model", wanted, sizeof wanted, &is_given))
        return false;
    if (is_given && wanted[0] && !models_have(models, str_of(wanted))) {
        api_fail(call, PROBLEM_INVALID_FIELD, "default_model",
                 "The provider has no model \"%.100s\"; refresh it, or correct the name.", wanted);
        return false;
    }
    if (is_given)
        str_copy(str_of(wanted), row->default_model, sizeof row->default_model);
    return true;
}

static bool models_fields_in(struct api_call *call, struct json models, struct provider_row *row)
{
    struct json wanted = json_get(call->root, "surfaced_models");
    if (!default_field(call, models, row))
        return false;
    if (json_type_of(wanted) == JSON_ABSENT)
        return true;
    if (!surfaced_is_good(call, wanted, models))
        return false;
    char *list = surfaced_apply(models, wanted);
    if (!list) {
        api_fail(call, PROBLEM_INTERNAL, NULL, "No memory for the model list.");
        return false;
    }
    mem_free(row->models_json);
    row->models_json = list;
    return true;
}

/* The call's reader holds the body, so the row's list needs one of its own. */
static bool models_fields(struct api_call *call, struct provider_row *row)
{
    struct json_reader *reader = NULL;
    struct json models = {0};
    struct error error = {0};
    if (json_reader_new(LIST_BYTES_MAX, &reader) != OK) {
        api_fail(call, PROBLEM_INTERNAL, NULL, "No memory for the model list.");
        return false;
    }
    if (row->models_json && json_parse(reader, str_of(row->models_json), &models, &error) != OK)
        models = (struct json){0};
    bool is_good = models_fields_in(call, models, row);
    json_reader_free(reader);
    return is_good;
}

/* ---- rules --------------------------------------------------------------------------------------- */

static bool rule_write(struct api_call *call, const struct store_config *config, struct json rule,
                       size_t at, const char *own_id, struct json_writer *writer)
{
    char wanted[128];
    struct json model = json_get(rule, "model");
    int64_t threshold = json_int64_or(json_get(rule, "threshold"), FALLBACK_THRESHOLD_DEFAULT);
    str_copy(json_string_or_empty(json_get(rule, "provider")), wanted, sizeof wanted);
    const struct provider_row *target = config_provider(config, wanted);
    if (!target || strcmp(target->id, own_id) == 0) {
        api_fail(call, PROBLEM_INVALID_FIELD, "fallback_rules",
                 "Rule %zu: provider must be the id or slug of another provider.", at + 1);
        return false;
    }
    struct str model_id = json_string_or_empty(model);
    json_open_object(writer);
    json_put_string(writer, "condition", json_string_or_empty(json_get(rule, "condition")));
    json_put_text(writer, "provider", target->id);
    if (model_id.len)
        json_put_string(writer, "model", model_id);
    else
        json_put_null(writer, "model");
    json_put_int(writer, "threshold", threshold);
    json_close_object(writer);
    return true;
}

static bool rules_field(struct api_call *call, const struct store_config *config,
                        struct provider_row *row)
{
    AUTO_BUF struct buf list = {0};
    struct json_writer writer;
    struct json rules = json_get(call->root, "fallback_rules");
    size_t at = 0;
    if (json_type_of(rules) == JSON_ABSENT)
        return true;
    buf_init(&list, LIST_BYTES_MAX);
    json_writer_init(&writer, &list);
    json_open_array(&writer, NULL);
    for (struct json_cursor each = json_each(rules); json_next(&each); at++)
        if (!rule_write(call, config, each.value, at, row->id, &writer))
            return false;
    json_close_array(&writer);
    char *text = list.failed ? NULL : buf_take(&list);
    if (!text) {
        api_fail(call, PROBLEM_INTERNAL, NULL, "No memory for the rules.");
        return false;
    }
    mem_free(row->rules_json);
    row->rules_json = text;
    return true;
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static void timeouts_field(struct api_call *call, struct provider_row *row)
{
    const struct {
        const char *name;
        int64_t *value;
    } known[] = {
        {"connect_ms", &row->connect_ms},
        {"first_byte_ms", &row->first_byte_ms},
        {"plain_ms", &row->plain_ms},
        {"idle_ms", &row->idle_ms},
    };
    struct json timeouts = json_get(call->root, "timeouts");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct json value = json_get(timeouts, known[i].name);
        if (json_type_of(value) != JSON_ABSENT)
            *known[i].value = json_int64_or(value, 0); /* null: the default, as 0 */
    }
}

bool provider_change_fields(struct api_call *call, const struct store_config *config,
                            struct provider_row *row)
{
    enum provider_kind kind = PROVIDER_OPENAI;
    (void)provider_kind_parse(str_of(row->kind), &kind);
    dialects_field(call, row);
    timeouts_field(call, row);
    return name_field(call, row) && url_field(call, kind, row) && models_fields(call, row) &&
           rules_field(call, config, row) && provider_teams_field(call, config, row) &&
           api_int(call, "wait_ms", 0, TIMEOUT_MS_MAX, &row->wait_ms) &&
           api_int(call, "max_concurrent", 0, CONCURRENT_MAX, &row->max_concurrent) &&
           api_bool(call, "paused", &row->is_paused);
}
