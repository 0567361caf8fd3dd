/* admin/config_providers.c: providers in the file of all configuration. A key comes apart from the file; what needs one and has none
 * waits for it.
 */
#include "admin/config_plan.h"
#include "admin/provider_fields.h"
#include "admin/provider_models.h"
#include "admin/provider_teams.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "sys/secret.h"
#include "sys/vault.h"

size_t config_provider_find(const struct config_plan *plan, struct json entry)
{
    struct str slug = json_string_or_empty(json_get(entry, "slug"));
    for (size_t i = 0; i < plan->wanted.provider_count; i++)
        if (str_eq(str_of(plan->wanted.providers[i].slug), slug))
            return i;
    return CONFIG_NO_ROW;
}

static bool slug_is_good(struct config_plan *plan, struct str slug)
{
    char made[48];
    provider_slug(slug, made, sizeof made);
    return str_eq(slug, str_of(made)) ||
           plan_fail(
               plan, "slug",
               "A slug has lower-case letters, digits and '-' only; this one would be \"%s\".",
               made);
}

/* As the store will choose it: a rehearsal goes by the order. */
static int64_t next_seq(const struct store_config *config)
{
    int64_t last = 0;
    for (size_t i = 0; i < config->provider_count; i++)
        if (config->providers[i].created_seq > last)
            last = config->providers[i].created_seq;
    return last + 1;
}

bool config_provider_make(struct config_plan *plan, struct json entry, void *into)
{
    struct provider_row *row = into;
    struct str slug = json_string_or_empty(json_get(entry, "slug"));
    if (!slug_is_good(plan, slug))
        return false;
    if (json_type_of(json_get(entry, "type")) == JSON_ABSENT)
        return plan_fail(plan, "type",
                         "There is no provider \"%.*s\" yet, and a new one needs its type.",
                         STR_ARG(slug));
    if (plan->wanted.provider_count >= PROVIDERS_MAX)
        return plan_fail(plan, NULL, "There may be at most %u providers.", PROVIDERS_MAX);
    struct api_call *call = plan_entry(plan, entry);
    if (!provider_new_fields(call, row) || !provider_plan_check(call, &plan->wanted, row))
        return plan_entry_is_good(plan);
    if (json_type_of(json_get(entry, "name")) == JSON_ABSENT)
        str_copy(slug, row->name, sizeof row->name);
    str_copy(slug, row->slug, sizeof row->slug);
    row->created_at_ms = row->updated_at_ms = plan_new_id(plan, "prv_", row->id);
    row->created_seq = next_seq(&plan->wanted);
    row->rev = 1;
    return true;
}

/* Models that the file names and the vendor was not asked for yet: they are taken at its word. */
static bool models_assume(struct config_plan *plan, struct provider_row *row, struct json entry)
{
    AUTO_BUF struct buf list = {0};
    struct json_writer writer;
    struct str wanted = json_string_or_empty(json_get(entry, "default_model")), have;
    struct json surfaced = json_get(entry, "surfaced_models");
    bool is_listed = wanted.len == 0;
    if (row->models_at_ms != 0 || (json_count(surfaced) == 0 && wanted.len == 0))
        return true;
    buf_init(&list, CONFIG_LIST_BYTES_MAX);
    json_writer_init(&writer, &list);
    json_open_array(&writer, NULL);
    for (struct json_cursor each = json_each(surfaced); json_next(&each);) {
        have = json_string_or_empty(each.value);
        is_listed = is_listed || str_eq(have, wanted);
        json_open_object(&writer);
        json_put_string(&writer, "id", have);
        json_put_bool(&writer, "surfaced", true);
        model_figures_write(&writer, -1, 0);
        json_close_object(&writer);
    }
    if (!is_listed) {
        json_open_object(&writer);
        json_put_string(&writer, "id", wanted);
        json_put_bool(&writer, "surfaced", json_type_of(surfaced) == JSON_ABSENT);
        model_figures_write(&writer, -1, 0);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    if (list.failed)
        return plan_fail(plan, "surfaced_models", "The list of models is too long.");
    mem_free(row->models_json);
    row->models_json = buf_take(&list);
    return true;
}

static struct json key_given(const struct config_plan *plan, const struct provider_row *row)
{
    for (struct json_cursor each = json_each(plan->keys); json_next(&each);)
        if (str_eq(json_string_or_empty(json_get(each.value, "provider")), str_of(row->slug)))
            return each.value;
    return (struct json){0};
}

/* A second apply changes nothing: the key that is there already is no new one. */
static bool key_is_there(const struct config_plan *plan, const struct provider_row *row,
                         struct str key)
{
    struct secret *held = NULL;
    struct error error = {0};
    struct str blob = {row->sealed_key, row->sealed_key_len};
    if (!row->sealed_key || vault_open(plan->admin->options.vault, SNAPSHOT_ORG, "providers",
                                       "sealed_key", row->id, blob, &held, &error) != OK)
        return false;
    bool is_same = str_eq_constant_time(secret_borrow(held), key);
    secret_free(held);
    return is_same;
}

static bool key_take(struct config_plan *plan, struct provider_row *row, struct json given)
{
    struct str key;
    bool is_given;
    struct error error = {0};
    if (!provider_key_field(plan_entry(plan, given), &key, &is_given))
        return plan_entry_is_good(plan);
    if (key_is_there(plan, row, key))
        return true;
    if (!plan->admin->options.vault ||
        provider_key_put(plan->admin->options.vault, row, key, &error) != OK)
        return plan_fail(plan, NULL, "The key cannot be sealed: %s", error.text);
    row->error_code[0] = row->error_text[0] = '\0';
    return true;
}

static void await_key(struct config_plan *plan, struct provider_row *row)
{
    str_copy(STR(KEY_MISSING), row->error_code, sizeof row->error_code);
    str_copy(STR("Its key is not known yet: files of configuration have none. Enter it here, or "
                 "apply the file with api_key_env."),
             row->error_text, sizeof row->error_text);
    plan_note(plan,
              "%s waits for its key (status error, key_missing): enter it, or name its variable as "
              "api_key_env.",
              row->slug);
}

static bool is_new(const struct config_plan *plan, const struct provider_row *row)
{
    return !config_provider(plan->now, row->id);
}

static bool key_fill(struct config_plan *plan, struct json entry, struct provider_row *row,
                     const char *old_url)
{
    bool needs_key = false;
    struct json given = key_given(plan, row);
    (void)json_bool(json_get(entry, "needs_key"), &needs_key);
    if (json_type_of(given) != JSON_ABSENT)
        return key_take(plan, row, given);
    if (row->sealed_key && provider_has_moved(old_url, row->base_url))
        return plan_fail(plan, "base_url",
                         "The key was given for another host: name its variable as api_key_env, so "
                         "that it comes together with the new address.");
    if (needs_key && is_new(plan, row))
        await_key(plan, row);
    return true;
}

bool config_provider_fill(struct config_plan *plan, struct json entry, void *into)
{
    struct provider_row *row = into;
    struct json type = json_get(entry, "type");
    char old_url[sizeof row->base_url];
    bool was_paused = row->is_paused;
    str_copy(str_of(row->base_url), old_url, sizeof old_url);
    if (json_type_of(type) == JSON_STRING && !str_eq(json_string_or_empty(type), str_of(row->kind)))
        return plan_fail(plan, "type", "The provider is of type %s, and stays so.", row->kind);
    if (!models_assume(plan, row, entry))
        return false;
    if (!provider_change_fields(plan_entry(plan, entry), &plan->wanted, row))
        return plan_entry_is_good(plan);
    bool has_moved = !is_new(plan, row) && strcmp(old_url, row->base_url) != 0;
    if (has_moved || (was_paused && !row->is_paused))
        row->error_code[0] = row->error_text[0] = '\0';
    row->updated_at_ms = clock_wall_ms();
    return key_fill(plan, entry, row, old_url);
}
