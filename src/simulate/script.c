/* simulate/script.c: reading rules, and finding the one for a request.
 *
 * A generation is one loaded text: its rules and the arena that they borrow from. script_prepend adds
 * a generation in front, script_load replaces all of them by one.
 */
#include "simulate/script.h"

#include "base/list.h"

#include <stdio.h>

#define GENERATIONS_MAX 1024

struct condition {
    struct str name, pattern;
    bool is_absent; /* null: the header must not be there */
};

struct rule {
    char name[64];
    struct str model, path, body_contains; /* empty: any */
    int64_t nth, from, to;                 /* PLAY_UNSET: any */
    int64_t stream;                        /* PLAY_UNSET, 0, 1 */
    double chance;                         /* 1: always */
    struct condition headers[SCRIPT_HEADERS_MAX];
    size_t header_count;
    int64_t seen;
    struct play play;
};

struct generation {
    struct list node;
    struct arena arena;
    struct rule *rules;
    size_t rule_count;
};

struct script {
    struct json_reader *reader;
    struct list generations; /* newest first */
    size_t generation_count;
    struct str *models; /* borrowed from the generation that gave them */
    size_t model_count;
    uint64_t chance_state;
};

/* ---- life ------------------------------------------------------------------------------------ */

enum err script_new(uint64_t seed, struct script **out_script)
{
    struct script *script = mem_zalloc(1, sizeof *script);
    if (!script)
        return ERR_NO_MEMORY;
    list_init(&script->generations);
    script->chance_state = seed;
    if (json_reader_new(SCRIPT_BYTES_MAX, &script->reader) != OK) {
        mem_free(script);
        return ERR_NO_MEMORY;
    }
    *out_script = script;
    return OK;
}

static void generation_free(struct generation *generation)
{
    arena_release(&generation->arena);
    mem_free(generation->rules);
    mem_free(generation);
}

static void drop_generations(struct script *script)
{
    LIST_EACH_SAFE(node, &script->generations)
    {
        list_unlink(node);
        generation_free(LIST_OWNER(node, struct generation, node));
    }
    script->generation_count = 0;
    script->models = NULL;
    script->model_count = 0;
}

void script_free(struct script *script)
{
    if (!script)
        return;
    drop_generations(script);
    json_reader_free(script->reader);
    mem_free(script);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum err keep(struct arena *arena, struct json value, struct str *out_text,
                     struct error *error)
{
    struct str text = json_string_or_empty(value);
    char *copy = arena_dup(arena, text.at, text.len);
    if (!copy)
        return error_set(error, ERR_NO_MEMORY, "the script is too large");
    *out_text = (struct str){copy, text.len};
    return OK;
}

static enum err read_conditions(struct rule *rule, struct json headers, struct arena *arena,
                                struct error *error)
{
    for (struct json_cursor header = json_each(headers); json_next(&header);) {
        if (rule->header_count == SCRIPT_HEADERS_MAX)
            return error_set(error, ERR_TOO_LARGE, "at most %d headers in \"when\"",
                             SCRIPT_HEADERS_MAX);
        struct condition *condition = &rule->headers[rule->header_count++];
        char *name = arena_dup(arena, header.name.at, header.name.len);
        if (!name)
            return error_set(error, ERR_NO_MEMORY, "the script is too large");
        condition->name = (struct str){name, header.name.len};
        condition->is_absent = json_type_of(header.value) == JSON_NULL;
        enum err err = keep(arena, header.value, &condition->pattern, error);
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err refuse_unknown(struct json when, struct error *error)
{
    static const char *const known[] = {"model", "path",   "body_contains", "nth",   "from",
                                        "to",    "stream", "chance",        "header"};
    for (struct json_cursor member = json_each(when); json_next(&member);) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            is_known |= str_eq(member.name, str_of(known[i]));
        if (!is_known)
            return error_set(error, ERR_MALFORMED, "unknown condition '%.*s' in \"when\"",
                             (int)(member.name.len < 64 ? member.name.len : 64), member.name.at);
    }
    return OK;
}

static enum err read_when(struct rule *rule, struct json when, struct arena *arena,
                          struct error *error)
{
    bool stream = false;
    rule->nth = json_int64_or(json_get(when, "nth"), PLAY_UNSET);
    rule->from = json_int64_or(json_get(when, "from"), PLAY_UNSET);
    rule->to = json_int64_or(json_get(when, "to"), PLAY_UNSET);
    rule->stream = json_bool(json_get(when, "stream"), &stream) ? stream : PLAY_UNSET;
    rule->chance = 1;
    (void)json_double(json_get(when, "chance"), &rule->chance);

    const struct {
        const char *name;
        struct str *text;
    } texts[] = {
        {"model", &rule->model}, {"path", &rule->path}, {"body_contains", &rule->body_contains}};
    enum err err = refuse_unknown(when, error);
    for (size_t i = 0; err == OK && i < sizeof texts / sizeof texts[0]; i++)
        err = keep(arena, json_get(when, texts[i].name), texts[i].text, error);
    if (err == OK)
        err = read_conditions(rule, json_get(when, "header"), arena, error);
    return err;
}

static enum err read_rule(struct rule *rule, struct json from, size_t number, struct arena *arena,
                          struct error *error)
{
    struct error why = {0};
    struct json then = json_get(from, "then");
    play_init(&rule->play);
    enum err err = read_when(rule, json_get(from, "when"), arena, &why);
    if (err == OK && json_type_of(then) != JSON_ABSENT)
        err = play_read_json(&rule->play, then, arena, &why);
    if (err != OK)
        return error_set(error, err, "rule %zu: %s", number, why.text);

    struct str name = json_string_or_empty(json_get(from, "name"));
    if (name.len > 0)
        str_copy(name, rule->name, sizeof rule->name);
    else
        (void)snprintf(rule->name, sizeof rule->name, "rule-%zu", number);
    return OK;
}

/* `rules` is an array, or one rule. */
static enum err read_rules(struct generation *generation, struct json rules, struct error *error)
{
    bool is_array = json_type_of(rules) == JSON_ARRAY;
    size_t count = is_array ? json_count(rules) : json_type_of(rules) == JSON_OBJECT;
    if (count > SCRIPT_RULES_MAX)
        return error_set(error, ERR_TOO_LARGE, "at most %d rules", SCRIPT_RULES_MAX);
    generation->rules = mem_zalloc(count ? count : 1, sizeof *generation->rules);
    if (!generation->rules)
        return error_set(error, ERR_NO_MEMORY, "no memory for the rules");

    struct json_cursor rule = json_each(rules);
    for (size_t i = 0; i < count; i++) {
        struct json from = is_array && json_next(&rule) ? rule.value : rules;
        enum err err = read_rule(&generation->rules[i], from, i + 1, &generation->arena, error);
        if (err != OK)
            return err;
        generation->rule_count++;
    }
    return OK;
}

static enum err read_models(struct generation *generation, struct json models,
                            struct str **out_models, size_t *out_count, struct error *error)
{
    size_t count = json_count(models);
    if (count > SCRIPT_MODELS_MAX)
        return error_set(error, ERR_TOO_LARGE, "at most %d models; try models_count",
                         SCRIPT_MODELS_MAX);
    struct str *names = arena_alloc(&generation->arena, (count + 1) * sizeof *names);
    if (!names)
        return error_set(error, ERR_NO_MEMORY, "no memory for the models");
    size_t done = 0;
    for (struct json_cursor model = json_each(models); json_next(&model); done++) {
        enum err err = keep(&generation->arena, model.value, &names[done], error);
        if (err != OK)
            return err;
    }
    *out_models = names;
    *out_count = done;
    return OK;
}

/* A whole script, a list of rules, or one rule. */
static struct json rules_of(struct json root)
{
    struct json rules = json_get(root, "rules");
    bool is_script =
        json_type_of(rules) != JSON_ABSENT || json_type_of(json_get(root, "models")) != JSON_ABSENT;
    bool is_rule = json_type_of(json_get(root, "then")) != JSON_ABSENT;
    if (is_script || (json_type_of(root) == JSON_OBJECT && !is_rule))
        return rules;
    return root;
}

static enum err read_generation(struct script *script, struct generation *generation,
                                struct str text, struct str **out_models, size_t *out_count,
                                struct error *error)
{
    struct json root;
    enum err err = json_parse(script->reader, text, &root, error);
    if (err != OK)
        return err;
    if (json_type_of(root) != JSON_OBJECT && json_type_of(root) != JSON_ARRAY)
        return error_set(error, ERR_MALFORMED, "a script is an object with \"rules\"");
    err = read_rules(generation, rules_of(root), error);
    if (err != OK)
        return err;
    return read_models(generation, json_get(root, "models"), out_models, out_count, error);
}

static enum err add(struct script *script, struct str text, bool replaces, struct error *error)
{
    struct generation *generation = mem_zalloc(1, sizeof *generation);
    if (!generation)
        return error_set(error, ERR_NO_MEMORY, "no memory for the script");
    list_init(&generation->node);
    arena_init(&generation->arena, SCRIPT_BYTES_MAX);

    struct str *models = NULL;
    size_t model_count = 0;
    enum err err = read_generation(script, generation, text, &models, &model_count, error);
    if (err == OK && !replaces && script->generation_count == GENERATIONS_MAX)
        err = error_set(error, ERR_TOO_LARGE, "rules were put in front %d times: load a script",
                        GENERATIONS_MAX);
    if (err != OK) {
        generation_free(generation);
        return err;
    }
    if (replaces)
        drop_generations(script);
    list_push_front(&script->generations, &generation->node);
    script->generation_count++;
    if (model_count > 0) {
        script->models = models;
        script->model_count = model_count;
    }
    return OK;
}

enum err script_load(struct script *script, struct str json, struct error *error)
{
    return add(script, json, true, error);
}

enum err script_prepend(struct script *script, struct str json, struct error *error)
{
    return add(script, json, false, error);
}

const struct str *script_models(const struct script *script, size_t *out_count)
{
    *out_count = script->model_count;
    return script->models;
}

/* ---- matching -------------------------------------------------------------------------------- */

/* `*` stands for any bytes; everything else for itself. */
static bool glob_matches(struct str pattern, struct str text)
{
    size_t star = SIZE_MAX, resume = 0, p = 0, t = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.at[p] == text.at[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

/* A path is given as it is called: with or without /v1, or only its end. */
static bool path_matches(struct str pattern, struct str path)
{
    return glob_matches(pattern, path) ||
           (!str_find(pattern, STR("*"), NULL) && str_starts(pattern, STR("/")) &&
            str_ends(path, pattern));
}

static bool headers_match(const struct rule *rule, const struct sight *sight)
{
    for (size_t i = 0; i < rule->header_count; i++) {
        struct str value = {"", 0};
        bool is_there =
            sight->find_header && sight->find_header(sight->arg, rule->headers[i].name, &value);
        if (rule->headers[i].is_absent
                ? is_there
                : !is_there || !glob_matches(rule->headers[i].pattern, value))
            return false;
    }
    return true;
}

/* The list of models is not an answer: only rules that speak of it or name its path concern it. */
static bool is_concerned(const struct rule *rule, const struct sight *sight)
{
    bool about_models = play_is_about_models(&rule->play);
    if (rule->path.len > 0)
        return path_matches(rule->path, sight->path);
    return sight->is_models ? about_models : !about_models;
}

static double next_chance(struct script *script)
{
    uint64_t z = script->chance_state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static bool is_due(struct script *script, struct rule *rule)
{
    int64_t count = ++rule->seen;
    return (rule->nth == PLAY_UNSET || count == rule->nth) &&
           (rule->from == PLAY_UNSET || count >= rule->from) &&
           (rule->to == PLAY_UNSET || count <= rule->to) &&
           (rule->chance >= 1 || next_chance(script) < rule->chance);
}

static bool rule_matches(struct script *script, struct rule *rule, const struct sight *sight)
{
    return is_concerned(rule, sight) &&
           (rule->model.len == 0 || glob_matches(rule->model, sight->model)) &&
           (rule->stream == PLAY_UNSET || (rule->stream == 1) == sight->stream) &&
           (rule->body_contains.len == 0 || str_find(sight->body, rule->body_contains, NULL)) &&
           headers_match(rule, sight) && is_due(script, rule);
}

const struct play *script_match(struct script *script, const struct sight *sight,
                                struct str *out_name)
{
    LIST_EACH(node, &script->generations)
    {
        struct generation *generation = LIST_OWNER(node, struct generation, node);
        for (size_t i = 0; i < generation->rule_count; i++) {
            struct rule *rule = &generation->rules[i];
            if (!rule_matches(script, rule, sight))
                continue;
            *out_name = str_of(rule->name);
            return &rule->play;
        }
    }
    return NULL;
}
