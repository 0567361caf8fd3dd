/* admin/config_entries.c: see config_entries.h. */
#include "admin/config_entries.h"

#include "admin/provider_fields.h"
#include "admin/row_fields.h"
#include "base/mem.h"
#include "domain/policy.h"

#include <stdio.h>
#include <stdlib.h>

const char *config_provider_slug(const struct store_config *config, struct str id)
{
    for (size_t i = 0; i < config->provider_count; i++)
        if (str_eq(str_of(config->providers[i].id), id))
            return config->providers[i].slug;
    return "";
}

const char *config_team_name(const struct store_config *config, struct str id)
{
    for (size_t i = 0; i < config->team_count; i++)
        if (str_eq(str_of(config->teams[i].id), id))
            return config->teams[i].name;
    return "";
}

static const char *slug_of(const struct config_names *names, struct str id)
{
    const char *slug = config_provider_slug(names->config, id);
    return slug[0] || !names->before ? slug : config_provider_slug(names->before, id);
}

static const char *team_of(const struct config_names *names, struct str id)
{
    const char *name = config_team_name(names->config, id);
    return name[0] || !names->before ? name : config_team_name(names->before, id);
}

/* A list or an object out of a row; a damaged one is none. */
static struct json read_column(const struct config_names *names, const char *text)
{
    struct json root = {0};
    struct error error = {0};
    if (text && text[0] && json_parse(names->reader, str_of(text), &root, &error) != OK)
        return (struct json){0};
    return root;
}

static void put_or_null(struct json_writer *writer, const char *name, struct str text)
{
    if (text.len)
        json_put_string(writer, name, text);
    else
        json_put_null(writer, name);
}

/* ---- providers ----------------------------------------------------------------------------------- */

static int str_order(const void *left, const void *right)
{
    const struct str *a = left, *b = right;
    int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* In the order of their names: that of the vendor's list changes. */
static void write_surfaced(struct json_writer *writer, const struct config_names *names,
                           const char *models_json)
{
    struct json models = read_column(names, models_json);
    AUTO_FREE struct str *ids = mem_alloc((json_count(models) + 1) * sizeof *ids);
    size_t count = 0;
    for (struct json_cursor each = json_each(models); ids && json_next(&each);) {
        bool is_surfaced = false;
        if (json_bool(json_get(each.value, "surfaced"), &is_surfaced) && is_surfaced)
            ids[count++] = json_string_or_empty(json_get(each.value, "id"));
    }
    if (!ids)
        writer->buf->failed = true;
    if (count > 1)
        qsort(ids, count, sizeof *ids, str_order);
    json_open_array(writer, "surfaced_models");
    for (size_t i = 0; i < count; i++)
        json_put_string(writer, NULL, ids[i]);
    json_close_array(writer);
}

static void write_rules(struct json_writer *writer, const struct config_names *names,
                        const char *rules_json)
{
    json_open_array(writer, "fallback_rules");
    struct json rules = read_column(names, rules_json);
    for (struct json_cursor each = json_each(rules); json_next(&each);) {
        const char *slug = slug_of(names, json_string_or_empty(json_get(each.value, "provider")));
        if (!slug[0])
            continue;
        json_open_object(writer);
        json_put_string(writer, "condition",
                        json_string_or_empty(json_get(each.value, "condition")));
        json_put_text(writer, "provider", slug);
        put_or_null(writer, "model", json_string_or_empty(json_get(each.value, "model")));
        json_put_int(writer, "threshold",
                     json_int64_or(json_get(each.value, "threshold"), FALLBACK_THRESHOLD_DEFAULT));
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void write_timeouts(struct json_writer *writer, const struct provider_row *row)
{
    const struct {
        const char *name;
        int64_t ms;
    } all[] = {{"connect_ms", row->connect_ms},
               {"first_byte_ms", row->first_byte_ms},
               {"plain_ms", row->plain_ms},
               {"idle_ms", row->idle_ms}};
    json_open_object_named(writer, "timeouts");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].ms)
            json_put_int(writer, all[i].name, all[i].ms);
        else
            json_put_null(writer, all[i].name);
    json_close_object(writer);
}

static void write_teams_of(struct json_writer *writer, const struct config_names *names,
                           const char *teams_json)
{
    if (!teams_json || !teams_json[0]) {
        json_put_null(writer, "teams");
        return;
    }
    json_open_array(writer, "teams");
    struct json teams = read_column(names, teams_json);
    for (struct json_cursor each = json_each(teams); json_next(&each);) {
        const char *name = team_of(names, json_string_or_empty(each.value));
        if (name[0])
            json_put_text(writer, NULL, name);
    }
    json_close_array(writer);
}

void config_provider_write(struct json_writer *writer, const struct config_names *names,
                           const void *given)
{
    const struct provider_row *row = given;
    json_put_text(writer, "slug", row->slug);
    json_put_text(writer, "name", row->name);
    json_put_text(writer, "type", row->kind);
    json_put_text(writer, "base_url", row->base_url);
    json_put_raw(writer, "dialects",
                 row->dialects_json[0] ? str_of(row->dialects_json) : STR("null"));
    json_put_bool(writer, "needs_key",
                  row->sealed_key || strcmp(row->error_code, KEY_MISSING) == 0);
    write_surfaced(writer, names, row->models_json);
    put_or_null(writer, "default_model", str_of(row->default_model));
    write_rules(writer, names, row->rules_json);
    json_put_int(writer, "wait_ms", row->wait_ms);
    json_put_int(writer, "max_concurrent", row->max_concurrent);
    write_timeouts(writer, row);
    write_teams_of(writer, names, row->teams_json);
    json_put_bool(writer, "paused", row->is_paused);
}

/* ---- routes -------------------------------------------------------------------------------------- */

static void write_step(struct json_writer *writer, const struct config_names *names,
                       struct json step)
{
    struct json provider = json_get(step, "provider");
    const char *slug = slug_of(names, json_string_or_empty(provider));
    if (json_type_of(provider) == JSON_STRING && !slug[0])
        return;
    json_open_object(writer);
    for (struct json_cursor each = json_each(step); json_next(&each);) {
        char name[16];
        str_copy(each.name, name, sizeof name);
        json_put_string(writer, name,
                        strcmp(name, "provider") == 0 ? str_of(slug)
                                                      : json_string_or_empty(each.value));
    }
    json_close_object(writer);
}

void config_route_write(struct json_writer *writer, const struct config_names *names,
                        const void *given)
{
    const struct route_row *row = given;
    json_put_text(writer, "name", row->name);
    json_open_array(writer, "steps");
    struct json steps = read_column(names, row->steps_json);
    for (struct json_cursor each = json_each(steps); json_next(&each);)
        write_step(writer, names, each.value);
    json_close_array(writer);
}

/* ---- teams and their accounts -------------------------------------------------------------------- */

static void write_allowed_providers(struct json_writer *writer, const struct config_names *names,
                                    struct json list)
{
    json_open_array(writer, "allowed_providers");
    for (struct json_cursor each = json_each(list); json_next(&each);) {
        const char *slug = slug_of(names, json_string_or_empty(each.value));
        if (slug[0])
            json_put_text(writer, NULL, slug);
    }
    json_close_array(writer);
}

static void write_policy(struct json_writer *writer, const struct config_names *names,
                         const char *policy_json)
{
    json_open_object_named(writer, "policy");
    struct json policy = read_column(names, policy_json);
    if (json_type_of(policy) != JSON_OBJECT) {
        struct policy none = policy_none();
        policy_write(writer, &none);
    }
    for (struct json_cursor each = json_each(policy); json_next(&each);) {
        char name[48];
        str_copy(each.name, name, sizeof name);
        if (strcmp(name, "allowed_providers") == 0 && json_type_of(each.value) == JSON_ARRAY)
            write_allowed_providers(writer, names, each.value);
        else
            json_put_raw(writer, name, json_raw(names->reader, each.value, str_of(policy_json)));
    }
    json_close_object(writer);
}

void config_team_write(struct json_writer *writer, const struct config_names *names,
                       const void *given)
{
    const struct team_row *row = given;
    json_put_text(writer, "name", row->name);
    write_policy(writer, names, row->policy_json);
}

void config_account_write(struct json_writer *writer, const struct config_names *names,
                          const void *given)
{
    const struct service_account_row *row = given;
    json_put_text(writer, "name", row->name);
    json_put_text(writer, "team", team_of(names, str_of(row->team_id)));
}

/* ---- prices and auto ----------------------------------------------------------------------------- */

void config_price_write(struct json_writer *writer, const struct config_names *names,
                        const void *given)
{
    const struct price_row *row = given;
    json_put_text(writer, "model", row->model);
    put_or_null(writer, "provider", str_of(slug_of(names, str_of(row->provider_id))));
    price_numbers_write(writer, &row->price);
    put_or_null(writer, "note", str_of(row->note));
}

void config_auto_write(struct json_writer *writer, const struct config_names *names)
{
    const struct store_config *config = names->config;
    const char *slug = slug_of(names, str_of(config->auto_provider));
    if (!slug[0]) {
        json_put_null(writer, "auto");
        return;
    }
    json_open_object_named(writer, "auto");
    json_put_text(writer, "provider", slug);
    put_or_null(writer, "model", str_of(config->auto_model));
    json_close_object(writer);
}

/* ---- the whole file ------------------------------------------------------------------------------ */

/* Rows in the order of what people know them by. */
struct ordered {
    const char *first, *second;
    const void *row;
};

static int order(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;
    int first = strcmp(a->first, b->first);
    return first ? first : strcmp(a->second, b->second);
}

static struct ordered *ordered_room(struct json_writer *writer, size_t count)
{
    struct ordered *rows = mem_alloc((count + 1) * sizeof *rows);
    if (!rows)
        writer->buf->failed = true;
    return rows;
}

static void ordered_sort(struct ordered *rows, size_t count)
{
    if (count > 1)
        qsort(rows, count, sizeof *rows, order);
}

static void write_accounts_of(struct json_writer *writer, const struct store_config *config,
                              const char *team_id)
{
    AUTO_FREE struct ordered *rows = ordered_room(writer, config->service_account_count);
    size_t count = 0;
    for (size_t i = 0; rows && i < config->service_account_count; i++)
        if (strcmp(config->service_accounts[i].team_id, team_id) == 0)
            rows[count++] = (struct ordered){config->service_accounts[i].name, "", NULL};
    ordered_sort(rows, count);
    json_open_array(writer, "service_accounts");
    for (size_t i = 0; i < count; i++)
        json_put_text(writer, NULL, rows[i].first);
    json_close_array(writer);
}

static void write_teams(struct json_writer *writer, const struct config_names *names)
{
    const struct store_config *config = names->config;
    AUTO_FREE struct ordered *rows = ordered_room(writer, config->team_count);
    for (size_t i = 0; rows && i < config->team_count; i++)
        rows[i] = (struct ordered){config->teams[i].name, "", &config->teams[i]};
    ordered_sort(rows, rows ? config->team_count : 0);
    json_open_array(writer, "teams");
    for (size_t i = 0; rows && i < config->team_count; i++) {
        json_open_object(writer);
        config_team_write(writer, names, rows[i].row);
        write_accounts_of(writer, config, ((const struct team_row *)rows[i].row)->id);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void write_prices(struct json_writer *writer, const struct config_names *names)
{
    const struct store_config *config = names->config;
    AUTO_FREE struct ordered *rows = ordered_room(writer, config->price_count);
    size_t count = 0;
    for (size_t i = 0; rows && i < config->price_count; i++) {
        const struct price_row *row = &config->prices[i];
        const char *slug = config_provider_slug(config, str_of(row->provider_id));
        if (slug[0] || !row->provider_id[0])
            rows[count++] = (struct ordered){row->model, slug, row};
    }
    ordered_sort(rows, count);
    json_open_array(writer, "prices");
    for (size_t i = 0; i < count; i++) {
        json_open_object(writer);
        config_price_write(writer, names, rows[i].row);
        json_close_object(writer);
    }
    json_close_array(writer);
}

void config_write(struct json_writer *writer, const struct config_names *names)
{
    const struct store_config *config = names->config;
    config_auto_write(writer, names);
    json_open_array(writer, "providers");
    for (size_t i = 0; i < config->provider_count; i++) {
        json_open_object(writer);
        config_provider_write(writer, names, &config->providers[i]);
        json_close_object(writer);
    }
    json_close_array(writer);
    json_open_array(writer, "routes");
    for (size_t i = 0; i < config->route_count; i++) {
        json_open_object(writer);
        config_route_write(writer, names, &config->routes[i]);
        json_close_object(writer);
    }
    json_close_array(writer);
    write_teams(writer, names);
    write_prices(writer, names);
}

void config_text(struct buf *out, const struct config_names *names)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    config_write(&writer, names);
    json_close_object(&writer);
}

void config_rev(struct str text, char out_rev[CONFIG_REV_MAX])
{
    snprintf(out_rev, CONFIG_REV_MAX, "%016llx", (unsigned long long)str_hash(text));
}
