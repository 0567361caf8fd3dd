/* domain/policy.c: reading and writing. What a policy decides stands with the decisions.
 *
 * One table for the numbers, one function for each list.
 */
#include "domain/policy.h"

#include <assert.h>
#include <stddef.h>

struct number_row {
    const char *name;
    size_t at;
    int64_t min, max;
};
#define NUMBER(member, min, max)                           \
    {                                                      \
#member, offsetof(struct policy, member), min, max \
    }
/* A rate of 0 would be a refusal that no waiting ends; whoever wants that allows no models. */
static const struct number_row numbers[] = {
    NUMBER(requests_per_minute, 1, POLICY_REQUESTS_MAX),
    NUMBER(tokens_per_minute, 1, POLICY_TOKENS_MAX),
    NUMBER(max_concurrent, 1, POLICY_CONCURRENT_MAX),
    NUMBER(budget_microusd_per_month, 0, POLICY_BUDGET_MAX),
    NUMBER(budget_soft_microusd_per_month, 0, POLICY_BUDGET_MAX),
    NUMBER(max_output_tokens, 1, POLICY_TOKENS_MAX),
};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static int64_t *number_in(struct policy *policy, const struct number_row *row)
{
    return (int64_t *)(void *)((char *)policy + row->at);
}

static int64_t number_of(const struct policy *policy, const struct number_row *row)
{
    return *(const int64_t *)(const void *)((const char *)policy + row->at);
}

struct policy policy_none(void)
{
    struct policy policy = {0};
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        *number_in(&policy, &numbers[i]) = -1;
    return policy;
}

bool policy_has_limits(const struct policy *policy)
{
    return policy->requests_per_minute >= 0 || policy->tokens_per_minute >= 0 ||
           policy->max_concurrent >= 0 || policy->budget_microusd_per_month >= 0 ||
           policy->budget_soft_microusd_per_month >= 0;
}

bool policy_is_none(const struct policy *policy)
{
    return !policy_has_limits(policy) && policy->max_output_tokens < 0 && !policy->has_tiers &&
           !policy->has_providers && !policy->has_models && !policy->is_batch;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum err read_number(struct policy *policy, const struct number_row *row, struct json value,
                            struct error *error)
{
    int64_t number = -1;
    if (json_type_of(value) != JSON_NULL &&
        (!json_int64(value, &number) || number < row->min || number > row->max))
        return error_set(error, ERR_MALFORMED,
                         "%s must be a whole number between %lld and %lld, or null for no limit.",
                         row->name, (long long)row->min, (long long)row->max);
    *number_in(policy, row) = number;
    return OK;
}

static enum err read_tiers(struct policy *policy, struct json value, struct error *error)
{
    static const char sentence[] =
        "allowed_tiers must be a list of \"gpu\", \"cli\" and \"cloud\", or null for all.";
    unsigned tiers = 0;
    if (json_type_of(value) != JSON_ARRAY && json_type_of(value) != JSON_NULL)
        return error_set(error, ERR_MALFORMED, "%s", sentence);
    for (struct json_cursor each = json_each(value); json_next(&each);) {
        enum tier tier;
        if (!tier_parse(json_string_or_empty(each.value), &tier))
            return error_set(error, ERR_MALFORMED, "%s", sentence);
        tiers |= 1u << tier;
    }
    policy->has_tiers = json_type_of(value) == JSON_ARRAY;
    policy->tiers = tiers;
    return OK;
}

static bool is_name(struct str name, size_t len_max)
{
    bool is_good = name.len > 0 && name.len <= len_max;
    for (size_t i = 0; is_good && i < name.len; i++)
        is_good = (unsigned char)name.at[i] >= 0x20 && name.at[i] != 0x7f;
    return is_good;
}

struct name_list {
    const char *name; /* of the member */
    size_t len_max;
    bool is_given;
    const char **items;
    size_t count;
};

static enum err read_names(struct name_list *list, struct json value, struct arena *arena,
                           struct error *error)
{
    if (json_type_of(value) == JSON_NULL)
        return OK;
    size_t room = json_count(value);
    if (json_type_of(value) != JSON_ARRAY || room > POLICY_LIST_MAX)
        return error_set(error, ERR_MALFORMED,
                         "%s must be a list of at most %d names, or null for all.", list->name,
                         POLICY_LIST_MAX);
    list->is_given = true;
    list->items = arena_alloc(arena, (room + 1) * sizeof *list->items);
    if (!list->items)
        return error_set(error, ERR_NO_MEMORY, "no memory for a policy");
    for (struct json_cursor each = json_each(value); json_next(&each);) {
        struct str item = json_string_or_empty(each.value);
        if (!is_name(item, list->len_max))
            return error_set(error, ERR_MALFORMED, "%s holds what is no name.", list->name);
        const char *copy = arena_dup(arena, item.at, item.len);
        if (!copy)
            return error_set(error, ERR_NO_MEMORY, "no memory for a policy");
        list->items[list->count++] = copy;
    }
    return OK;
}

static enum err read_providers(struct policy *policy, struct json value, struct arena *arena,
                               struct error *error)
{
    struct name_list list = {.name = "allowed_providers", .len_max = 63};
    enum err err = read_names(&list, value, arena, error);
    policy->has_providers = list.is_given;
    policy->providers = list.items;
    policy->provider_count = list.count;
    return err;
}

/* '*' only at the end: what looks like a pattern and is none would allow nothing, unseen. */
enum err policy_read_models(struct policy *policy, struct json value, struct arena *arena,
                            struct error *error)
{
    struct name_list list = {.name = "allowed_models", .len_max = POLICY_MODEL_LEN_MAX};
    enum err err = read_names(&list, value, arena, error);
    for (size_t i = 0; err == OK && i < list.count; i++) {
        const char *star = strchr(list.items[i], '*');
        if (star && star[1] != '\0')
            err = error_set(error, ERR_MALFORMED,
                            "allowed_models: '*' may stand only at the end of a name.");
    }
    policy->has_models = list.is_given;
    policy->models = list.items;
    policy->model_count = list.count;
    return err;
}

static enum err read_class(struct policy *policy, struct json value, struct error *error)
{
    struct str name = json_string_or_empty(value);
    bool is_batch = str_eq(name, STR("batch"));
    if (json_type_of(value) != JSON_NULL && !is_batch && !str_eq(name, STR("interactive")))
        return error_set(error, ERR_MALFORMED,
                         "service_class must be \"interactive\" or \"batch\".");
    policy->is_batch = is_batch;
    return OK;
}

/* The members that are no number; their order is that of the bits in `seen`. */
static const char *const list_names[] = {"allowed_tiers", "allowed_providers", "allowed_models",
                                         "service_class"};
enum { LIST_TIERS, LIST_PROVIDERS, LIST_MODELS, LIST_CLASS, LIST_COUNT };
static_assert(sizeof list_names / sizeof list_names[0] == LIST_COUNT, "one name each");
#define MEMBER_COUNT (LIST_COUNT + NUMBER_COUNT)

static const char *member_name(size_t member)
{
    return member < LIST_COUNT ? list_names[member] : numbers[member - LIST_COUNT].name;
}

static size_t member_find(struct str name)
{
    size_t member = 0;
    while (member < MEMBER_COUNT && !str_eq(name, str_of(member_name(member))))
        member++;
    return member;
}

static enum err read_member(struct policy *policy, size_t member, struct json value,
                            struct arena *arena, struct error *error)
{
    switch (member) {
    case LIST_TIERS: return read_tiers(policy, value, error);
    case LIST_PROVIDERS: return read_providers(policy, value, arena, error);
    case LIST_MODELS: return policy_read_models(policy, value, arena, error);
    case LIST_CLASS: return read_class(policy, value, error);
    default: return read_number(policy, &numbers[member - LIST_COUNT], value, error);
    }
}

static enum err check_budgets(const struct policy *policy, const char **out_field,
                              struct error *error)
{
    if (policy->budget_microusd_per_month < 0 ||
        policy->budget_soft_microusd_per_month <= policy->budget_microusd_per_month)
        return OK;
    *out_field = "budget_soft_microusd_per_month";
    return error_set(error, ERR_MALFORMED,
                     "budget_soft_microusd_per_month must not be above budget_microusd_per_month.");
}

enum err policy_read(struct policy *policy, struct json object, struct arena *arena,
                     const char **out_field, struct error *error)
{
    unsigned seen = 0;
    *out_field = NULL;
    if (json_type_of(object) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "policy must be an object.");
    for (struct json_cursor each = json_each(object); json_next(&each);) {
        size_t member = member_find(each.name);
        if (member == MEMBER_COUNT) {
            struct str shown = str_upto(each.name, 40);
            *out_field = arena_dup(arena, shown.at, shown.len);
            return error_set(error, ERR_MALFORMED, "There is no field \"%.*s\" in a policy.",
                             STR_ARG(shown));
        }
        *out_field = member_name(member);
        if (seen & 1u << member)
            return error_set(error, ERR_MALFORMED, "%s is given twice.", *out_field);
        seen |= 1u << member;
        enum err err = read_member(policy, member, each.value, arena, error);
        if (err != OK)
            return err;
    }
    *out_field = NULL;
    return check_budgets(policy, out_field, error);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void write_tiers(struct json_writer *writer, const struct policy *policy)
{
    if (!policy->has_tiers) {
        json_put_null(writer, list_names[LIST_TIERS]);
        return;
    }
    json_open_array(writer, list_names[LIST_TIERS]);
    for (enum tier tier = TIER_GPU; tier < TIER_COUNT; tier++)
        if (policy->tiers & 1u << tier)
            json_put_text(writer, NULL, tier_name(tier));
    json_close_array(writer);
}

static void write_names(struct json_writer *writer, const char *name, bool is_given,
                        const char *const *items, size_t count)
{
    if (!is_given) {
        json_put_null(writer, name);
        return;
    }
    json_open_array(writer, name);
    for (size_t i = 0; i < count; i++)
        json_put_text(writer, NULL, items[i]);
    json_close_array(writer);
}

void policy_write(struct json_writer *writer, const struct policy *policy)
{
    write_tiers(writer, policy);
    write_names(writer, list_names[LIST_PROVIDERS], policy->has_providers, policy->providers,
                policy->provider_count);
    write_names(writer, list_names[LIST_MODELS], policy->has_models, policy->models,
                policy->model_count);
    json_put_text(writer, list_names[LIST_CLASS], policy->is_batch ? "batch" : "interactive");
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        int64_t number = number_of(policy, &numbers[i]);
        if (number >= 0)
            json_put_int(writer, numbers[i].name, number);
        else
            json_put_null(writer, numbers[i].name);
    }
}

bool policy_model_matches(const char *pattern, struct str model)
{
    struct str wanted = str_of(pattern);
    if (wanted.len && wanted.at[wanted.len - 1] == '*')
        return str_starts(model, str_upto(wanted, wanted.len - 1));
    return str_eq(wanted, model);
}
