/* admin/config_plan.c: see config_plan.h. The walk over the sections; what is particular to each stands in config_sections.c. */
#include "admin/config_plan.h"

#include "admin/provider_models.h"
#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define SAID_BYTES_MAX ((size_t)2 * 1024 * 1024)

const char *config_kind_name(enum config_kind kind)
{
    return kind == CONFIG_AUTO ? "auto" : config_sections[kind].kind;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static void **rows_of(const struct store_config *config, const struct config_section *section)
{
    return (void **)(void *)((char *)(uintptr_t)config + section->rows_at);
}

static size_t *count_of(const struct store_config *config, const struct config_section *section)
{
    return (size_t *)(void *)((char *)(uintptr_t)config + section->count_at);
}

void *config_rows(const struct store_config *config, const struct config_section *section,
                  size_t *out_count)
{
    *out_count = *count_of(config, section);
    return *rows_of(config, section);
}

void *plan_grow(struct config_plan *plan, const struct config_section *section)
{
    void **rows = rows_of(&plan->wanted, section);
    size_t *count = count_of(&plan->wanted, section);
    char *grown = mem_realloc(*rows, (*count + 1) * section->row_bytes);
    if (!grown) {
        plan->problem = PROBLEM_OVERLOADED;
        (void)error_set(&plan->error, ERR_NO_MEMORY, "No memory for the configuration.");
        return NULL;
    }
    *rows = grown;
    void *row = grown + (*count)++ * section->row_bytes;
    memset(row, 0, section->row_bytes);
    return row;
}

void plan_drop(struct config_plan *plan, const struct config_section *section, size_t index)
{
    char *rows = *rows_of(&plan->wanted, section);
    size_t *count = count_of(&plan->wanted, section);
    assert(index < *count);
    char *row = rows + index * section->row_bytes;
    if (section->release)
        section->release(row);
    --*count;
    memmove(row, row + section->row_bytes, (*count - index) * section->row_bytes);
}

/* ---- failing and saying -------------------------------------------------------------------------- */

static void note_field(struct config_plan *plan, const char *field)
{
    bool has_field = field && field[0];
    if (!plan->section)
        str_copy(str_of(field), plan->field, sizeof plan->field);
    else
        snprintf(plan->field, sizeof plan->field, "%s[%zu]%s%s", plan->section, plan->index,
                 has_field ? "." : "", has_field ? field : "");
}

bool plan_fail(struct config_plan *plan, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(plan->error.text, sizeof plan->error.text, format, args);
    va_end(args);
    plan->error.code = ERR_MALFORMED;
    plan->problem = PROBLEM_INVALID_FIELD;
    note_field(plan, field);
    return false;
}

struct api_call *plan_entry(struct config_plan *plan, struct json entry)
{
    plan->entry->root = entry;
    plan->entry->status = 0;
    plan->entry->is_problem = false;
    buf_clear(&plan->entry->answer);
    return plan->entry;
}

bool plan_entry_is_good(struct config_plan *plan)
{
    struct json said = {0};
    struct error error = {0};
    char field[96] = "";
    if (!api_has_failed(plan->entry))
        return true;
    plan->problem = plan->entry->problem;
    str_copy(STR("The entry cannot be used."), plan->error.text, sizeof plan->error.text);
    plan->error.code = ERR_MALFORMED;
    if (json_parse(plan->reader, buf_str(&plan->entry->answer), &said, &error) == OK) {
        str_copy(json_string_or_empty(json_get(said, "detail")), plan->error.text,
                 sizeof plan->error.text);
        str_copy(json_string_or_empty(json_get(said, "field")), field, sizeof field);
    }
    note_field(plan, field);
    return false;
}

void plan_note(struct config_plan *plan, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_put_text(&plan->notes_writer, NULL, text);
}

void plan_keep(struct config_plan *plan, const struct config_section *section, const void *row)
{
    char name[256];
    section->name(&plan->wanted, row, name, sizeof name);
    json_open_object(&plan->kept_writer);
    json_put_text(&plan->kept_writer, "kind", section->kind);
    json_put_text(&plan->kept_writer, "name", name);
    json_close_object(&plan->kept_writer);
}

/* ---- every entry gets its row -------------------------------------------------------------------- */

static bool place_one(struct config_plan *plan, const struct config_section *section,
                      struct json entry, bool *named)
{
    size_t index = section->find(plan, entry), count;
    if (index != CONFIG_NO_ROW && named[index])
        return plan_fail(plan, NULL, "The file names this %s twice.", section->kind);
    if (index != CONFIG_NO_ROW) {
        named[index] = true;
        return true;
    }
    /* Its fields may be read against the others, so it joins them whole or not at all. */
    AUTO_FREE void *row = mem_zalloc(1, section->row_bytes);
    if (!row || !section->make(plan, entry, row)) {
        if (row && section->release)
            section->release(row);
        return row ? false : plan_fail(plan, NULL, "No memory for the configuration.");
    }
    void *room = plan_grow(plan, section);
    if (!room) {
        if (section->release)
            section->release(row);
        return false;
    }
    memcpy(room, row, section->row_bytes);
    (void)config_rows(&plan->wanted, section, &count);
    named[count - 1] = true;
    return true;
}

/* What the section does not name goes, or is said to stay. */
static void leave_out(struct config_plan *plan, const struct config_section *section,
                      const bool *named)
{
    size_t count;
    char *rows = config_rows(&plan->wanted, section, &count);
    for (size_t i = 0; i < count && !plan->prune; i++)
        if (!named[i])
            plan_keep(plan, section, rows + i * section->row_bytes);
    for (size_t i = count; plan->prune && i-- > 0;)
        if (!named[i])
            plan_drop(plan, section, i);
}

static bool place(struct config_plan *plan, const struct config_section *section)
{
    struct json list = json_get(plan->file, section->section);
    size_t count;
    (void)config_rows(&plan->wanted, section, &count);
    if (json_type_of(list) == JSON_ABSENT)
        return true;
    AUTO_FREE bool *named = mem_zalloc(count + json_count(list) + 1, sizeof *named);
    if (!named)
        return plan_fail(plan, NULL, "No memory for the configuration.");
    plan->section = section->section;
    plan->index = 0;
    for (struct json_cursor each = json_each(list); json_next(&each); plan->index++)
        if (!place_one(plan, section, each.value, named))
            return false;
    leave_out(plan, section, named);
    return true;
}

/* Prices of providers that go, go with them; so do service accounts of teams. */
static void drop_orphans(struct config_plan *plan)
{
    const struct store_config *wanted = &plan->wanted;
    for (size_t i = wanted->price_count; i-- > 0;) {
        const char *provider_id = wanted->prices[i].provider_id;
        if (provider_id[0] && !config_provider(wanted, provider_id))
            plan_drop(plan, &config_sections[CONFIG_PRICE], i);
    }
    for (size_t i = wanted->service_account_count; i-- > 0;)
        if (!config_team_name(wanted, str_of(wanted->service_accounts[i].team_id))[0])
            plan_drop(plan, &config_sections[CONFIG_ACCOUNT], i);
}

/* ---- every row gets its fields ------------------------------------------------------------------- */

static bool fill(struct config_plan *plan, const struct config_section *section)
{
    struct json list = json_get(plan->file, section->section);
    plan->section = section->section;
    plan->index = 0;
    for (struct json_cursor each = json_each(list); json_next(&each); plan->index++) {
        size_t index = section->find(plan, each.value), count;
        char *rows = config_rows(&plan->wanted, section, &count);
        if (index == CONFIG_NO_ROW)
            return plan_fail(plan, NULL, "Two entries would have the same name.");
        if (!section->fill(plan, each.value, rows + index * section->row_bytes))
            return false;
    }
    return true;
}

static bool has_model(struct config_plan *plan, const struct provider_row *row, struct str model)
{
    struct json models = {0};
    struct error error = {0};
    if (row->models_at_ms == 0 || !row->models_json || model.len == 0 ||
        json_parse(plan->reader, str_of(row->models_json), &models, &error) != OK)
        return true; /* not to be known yet */
    for (struct json_cursor each = json_each(models); json_next(&each);)
        if (str_eq(json_string_or_empty(json_get(each.value, "id")), model))
            return true;
    return false;
}

static bool fill_auto(struct config_plan *plan)
{
    struct json given = json_get(plan->file, "auto");
    struct store_config *wanted = &plan->wanted;
    char name[128];
    plan->section = NULL;
    bool is_gone = wanted->auto_provider[0] && !config_provider(wanted, wanted->auto_provider);
    if (json_type_of(given) == JSON_NULL || is_gone)
        wanted->auto_provider[0] = wanted->auto_model[0] = '\0';
    if (json_type_of(given) != JSON_OBJECT)
        return true;
    struct str model = json_string_or_empty(json_get(given, "model"));
    str_copy(json_string_or_empty(json_get(given, "provider")), name, sizeof name);
    const struct provider_row *row = config_provider(wanted, name);
    if (!row)
        return plan_fail(plan, "auto.provider", "There is no provider \"%.64s\".", name);
    if (!has_model(plan, row, model))
        return plan_fail(plan, "auto.model", "That provider has no model \"%.*s\".",
                         STR_ARG(str_upto(model, 100)));
    str_copy(str_of(row->id), wanted->auto_provider, sizeof wanted->auto_provider);
    str_copy(model, wanted->auto_model, sizeof wanted->auto_model);
    return true;
}

/* A key for nobody is a slip of the pen, and would be lost in silence. */
static bool keys_have_providers(struct config_plan *plan)
{
    plan->section = "keys";
    plan->index = 0;
    for (struct json_cursor each = json_each(plan->keys); json_next(&each); plan->index++) {
        char name[128];
        str_copy(json_string_or_empty(json_get(each.value, "provider")), name, sizeof name);
        if (!config_provider(&plan->wanted, name))
            return plan_fail(plan, "provider", "There is no provider \"%.64s\".", name);
    }
    return true;
}

bool config_plan_make(struct config_plan *plan)
{
    for (int kind = 0; kind < CONFIG_ACCOUNT; kind++)
        if (!place(plan, &config_sections[kind]))
            return false;
    drop_orphans(plan);
    for (int kind = 0; kind < CONFIG_ACCOUNT; kind++)
        if (!fill(plan, &config_sections[kind]))
            return false;
    return fill_auto(plan) && keys_have_providers(plan);
}

/* ---- life ---------------------------------------------------------------------------------------- */

enum err config_plan_init(struct config_plan *plan, struct admin *admin,
                          const struct store_config *now, struct store *store, struct error *error)
{
    *plan = (struct config_plan){.admin = admin, .now = now, .problem = PROBLEM_INVALID_FIELD};
    plan->entry = mem_zalloc(1, sizeof *plan->entry);
    buf_init(&plan->kept, SAID_BYTES_MAX);
    buf_init(&plan->notes, SAID_BYTES_MAX);
    json_writer_init(&plan->kept_writer, &plan->kept);
    json_writer_init(&plan->notes_writer, &plan->notes);
    json_open_array(&plan->kept_writer, NULL);
    json_open_array(&plan->notes_writer, NULL);
    enum err err = json_reader_new(CONFIG_LIST_BYTES_MAX, &plan->reader);
    if (err != OK || !plan->entry)
        return error_set(error, ERR_NO_MEMORY, "No memory for the configuration.");
    plan->entry->admin = admin;
    buf_init(&plan->entry->answer, API_ANSWER_MAX);
    return store ? store_config_load(store, &plan->wanted, error) : OK;
}

void config_plan_release(struct config_plan *plan)
{
    store_config_release(&plan->wanted);
    json_reader_free(plan->reader);
    buf_release(&plan->kept);
    buf_release(&plan->notes);
    if (plan->entry)
        buf_release(&plan->entry->answer);
    mem_free(plan->entry);
}
