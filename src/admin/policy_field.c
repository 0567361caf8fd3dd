/* admin/policy_field.c: see policy_field.h. */
#include "admin/policy_field.h"

#include "admin/provider_models.h"
#include "domain/policy.h"

#include <stdio.h>

/* One reading: policies are kept as text, and only ever compared and changed as a structure. */
struct reading {
    struct json_reader *reader;
    struct arena arena;
};

static bool reading_begin(struct reading *reading)
{
    arena_init(&reading->arena, 2 * POLICY_BYTES_MAX);
    return json_reader_new(POLICY_BYTES_MAX, &reading->reader) == OK;
}

static void reading_end(struct reading *reading)
{
    json_reader_free(reading->reader);
    arena_release(&reading->arena);
}

static bool is_given(const char *json)
{
    return json && json[0];
}

/* What is kept was written by policy_write: only a damaged database holds anything else. */
static enum err read_kept(struct reading *reading, const char *json, struct policy *policy,
                          struct error *error)
{
    const char *field = NULL;
    struct json root = {0};
    *policy = policy_none();
    if (!is_given(json))
        return OK;
    enum err err = json_parse(reading->reader, str_of(json), &root, error);
    return err == OK ? policy_read(policy, root, &reading->arena, &field, error) : err;
}

static char *policy_text(const struct policy *policy)
{
    AUTO_BUF struct buf out = {0};
    struct json_writer writer;
    buf_init(&out, POLICY_BYTES_MAX);
    json_writer_init(&writer, &out);
    json_open_object(&writer);
    policy_write(&writer, policy);
    json_close_object(&writer);
    return out.failed ? NULL : mem_dup(out.data, out.len);
}

/* Slugs become ids; a provider that is not there is a slip of the pen. */
static bool providers_are_there(struct api_call *call, const struct store_config *config,
                                struct policy *policy, struct arena *arena)
{
    const char **ids = arena_alloc(arena, (policy->provider_count + 1) * sizeof *ids);
    for (size_t i = 0; ids && i < policy->provider_count; i++) {
        const struct provider_row *row = config_provider(config, policy->providers[i]);
        if (!row) {
            api_fail(call, PROBLEM_INVALID_FIELD, "policy.allowed_providers",
                     "There is no provider \"%.64s\".", policy->providers[i]);
            return false;
        }
        ids[i] = row->id;
    }
    policy->providers = ids;
    return true;
}

static void fail_policy(struct api_call *call, const char *field, const struct error *error)
{
    char name[96];
    if (error->code == ERR_NO_MEMORY) {
        api_fail_error(call, error);
        return;
    }
    snprintf(name, sizeof name, "policy%s%s", field ? "." : "", field ? field : "");
    api_fail(call, PROBLEM_INVALID_FIELD, name, "%s", error->text);
}

static bool change_policy(struct api_call *call, const struct store_config *config,
                          struct reading *reading, const char *kept, bool is_keys, char **out_json)
{
    struct policy policy;
    struct error error = {0};
    const char *field = NULL;
    struct json given = json_get(call->root, "policy");
    enum err err = read_kept(reading, kept, &policy, &error);
    if (err == OK)
        err = policy_read(&policy, given, &reading->arena, &field, &error);
    if (err == OK && is_keys && policy.has_models) {
        field = "allowed_models";
        err = error_set(&error, ERR_MALFORMED,
                        "The models of a key are its own field allowed_models.");
    }
    if (err != OK) {
        fail_policy(call, field, &error);
        return false;
    }
    if (json_type_of(json_get(given, "allowed_providers")) == JSON_ARRAY &&
        !providers_are_there(call, config, &policy, &reading->arena))
        return false;
    if (!policy_is_none(&policy))
        *out_json = policy_text(&policy);
    if (!*out_json && !policy_is_none(&policy))
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
    return !api_has_failed(call);
}

static bool field_read(struct api_call *call, const struct store_config *config, bool is_keys,
                       char **json)
{
    struct reading reading;
    char *changed = NULL;
    enum json_type type = json_type_of(json_get(call->root, "policy"));
    if (type == JSON_ABSENT)
        return true;
    bool is_good = true;
    if (type != JSON_NULL) {
        is_good = reading_begin(&reading);
        if (is_good)
            is_good = change_policy(call, config, &reading, *json, is_keys, &changed);
        else
            api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
        reading_end(&reading);
    }
    if (is_good) {
        mem_free(*json);
        *json = changed;
    }
    return is_good;
}

bool policy_field(struct api_call *call, const struct store_config *config, char **json)
{
    return field_read(call, config, false, json);
}

bool key_policy_field(struct api_call *call, const struct store_config *config, char **json)
{
    return field_read(call, config, true, json);
}

void policy_put(struct json_writer *writer, const char *json)
{
    if (is_given(json)) {
        json_put_raw(writer, "policy", str_of(json));
        return;
    }
    struct policy none = policy_none();
    json_open_object_named(writer, "policy");
    policy_write(writer, &none);
    json_close_object(writer);
}

/* ---- models -------------------------------------------------------------------------------------- */

static char *models_text(const struct policy *policy)
{
    AUTO_BUF struct buf out = {0};
    struct json_writer writer;
    buf_init(&out, POLICY_BYTES_MAX);
    json_writer_init(&writer, &out);
    json_open_array(&writer, NULL);
    for (size_t i = 0; i < policy->model_count; i++)
        json_put_text(&writer, NULL, policy->models[i]);
    json_close_array(&writer);
    return out.failed ? NULL : mem_dup(out.data, out.len);
}

bool models_field(struct api_call *call, char **json)
{
    struct arena arena;
    struct policy policy = policy_none();
    struct error error = {0};
    struct json value = json_get(call->root, "allowed_models");
    if (json_type_of(value) == JSON_ABSENT)
        return true;
    arena_init(&arena, POLICY_BYTES_MAX);
    enum err err = policy_read_models(&policy, value, &arena, &error);
    char *text = err == OK && policy.has_models ? models_text(&policy) : NULL;
    if (err == OK && policy.has_models && !text)
        err = error_set(&error, ERR_NO_MEMORY, "no memory for the models");
    arena_release(&arena);
    if (err != OK) {
        api_fail(call, err == ERR_NO_MEMORY ? PROBLEM_OVERLOADED : PROBLEM_INVALID_FIELD,
                 "allowed_models", "%s", error.text);
        return false;
    }
    mem_free(*json);
    *json = text;
    return true;
}

static bool is_within(struct str pattern, struct json held)
{
    char name[POLICY_MODEL_LEN_MAX + 1];
    for (struct json_cursor each = json_each(held); json_next(&each);) {
        str_copy(json_string_or_empty(each.value), name, sizeof name);
        if (policy_model_matches(name, pattern))
            return true;
    }
    return false;
}

/* "claude-*" is within "cl*": a pattern's own text begins as what it matches does. It is not within "claude-3". */
bool models_are_within(const char *wanted, const char *held)
{
    struct json_reader *wanted_reader = NULL, *held_reader = NULL;
    struct json wanted_list = {0}, held_list = {0};
    struct error error = {0};
    bool is_good = json_reader_new(POLICY_BYTES_MAX, &wanted_reader) == OK &&
                   json_reader_new(POLICY_BYTES_MAX, &held_reader) == OK &&
                   json_parse(wanted_reader, str_of(wanted), &wanted_list, &error) == OK &&
                   json_parse(held_reader, str_of(held), &held_list, &error) == OK;
    for (struct json_cursor each = json_each(wanted_list); is_good && json_next(&each);)
        is_good = is_within(json_string_or_empty(each.value), held_list);
    json_reader_free(wanted_reader);
    json_reader_free(held_reader);
    return is_good;
}
