/* json/schema.c: see schema.h. The walk is as deep as the table, which is finite: what it does not know it does not enter. */
#include "json/schema.h"

#include <stdarg.h>
#include <stdio.h>

/* Where the walk is, for the sentence: fallback_rules[0].threshold */
struct walk {
    struct schema_breach *breach;
    struct json at;
    size_t place_len;
    char place[192];
};

static bool holds(struct walk *walk, const struct schema *schema, struct json value);

/* ---- saying what is wrong -------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool fail(struct walk *walk, const char *format, ...)
{
    char what[128]; /* the names of fields and words are of the contract, and short */
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(walk->breach->detail, sizeof walk->breach->detail, "%s %s",
             walk->place_len ? walk->place : "The body", what);
    walk->breach->where = walk->at;
    return false;
}

/* Appends to the place, as far as there is room: it is for reading only. */
static void enter(struct walk *walk, const char *between, struct str name)
{
    char shown[64];
    str_copy(name, shown, sizeof shown);
    int len = snprintf(walk->place + walk->place_len, sizeof walk->place - walk->place_len, "%s%s",
                       between, shown);
    size_t room = sizeof walk->place - 1 - walk->place_len;
    walk->place_len += (size_t)len < room ? (size_t)len : room;
}

static void leave(struct walk *walk, size_t place_len)
{
    walk->place_len = place_len;
    walk->place[place_len] = '\0';
}

static bool fail_type(struct walk *walk, const struct schema *schema)
{
    static const struct {
        enum json_type type;
        const char *name;
    } names[] = {
        {JSON_STRING, "a string"}, {JSON_NUMBER, "a number"},  {JSON_BOOL, "true or false"},
        {JSON_ARRAY, "a list"},    {JSON_OBJECT, "an object"}, {JSON_NULL, "null"},
    };
    char wanted[96] = "";
    size_t len = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (schema->types & SCHEMA_BIT(names[i].type) && len < sizeof wanted)
            len += (size_t)snprintf(wanted + len, sizeof wanted - len, "%s%s", len ? " or " : "",
                                    names[i].name);
    return fail(walk, "must be %s.", wanted);
}

/* ---- each type ----------------------------------------------------------------------------------- */

static bool fail_number(struct walk *walk, const struct schema *schema)
{
    const char *kind = schema->is_whole ? "a whole number" : "a number";
    if (schema->max == INT64_MAX)
        return fail(walk, "must be %s, at least %lld.", kind, (long long)schema->min);
    return fail(walk, "must be %s between %lld and %lld.", kind, (long long)schema->min,
                (long long)schema->max);
}

static bool number_holds(struct walk *walk, const struct schema *schema, struct json value)
{
    int64_t whole = 0;
    double number = 0;
    bool is_good = schema->is_whole
                       ? json_int64(value, &whole) && whole >= schema->min && whole <= schema->max
                       : json_double(value, &number) && number >= (double)schema->min &&
                             number <= (double)schema->max;
    return is_good || fail_number(walk, schema);
}

static bool size_holds(struct walk *walk, const struct schema *schema, size_t size,
                       const char *of_what)
{
    if ((int64_t)size >= schema->min && (int64_t)size <= schema->max)
        return true;
    if (schema->max == INT64_MAX)
        return fail(walk, "must have at least %lld %s.", (long long)schema->min, of_what);
    return fail(walk, "must have %lld to %lld %s.", (long long)schema->min, (long long)schema->max,
                of_what);
}

static bool text_holds(struct walk *walk, const struct schema *schema, struct str text)
{
    struct str rest = str_of(schema->words);
    while (rest.len) {
        struct str word = str_cut(&rest, ' ');
        if (word.len && str_eq(word, text))
            return true;
    }
    if (schema->words)
        return fail(walk, "must be one of:%.*s.", (int)strlen(schema->words) - 1, schema->words);
    return size_holds(walk, schema, text.len, "bytes");
}

static bool list_holds(struct walk *walk, const struct schema *schema, struct json list)
{
    size_t at = 0, place_len = walk->place_len;
    if (!size_holds(walk, schema, json_count(list), "elements"))
        return false;
    for (struct json_cursor each = json_each(list); json_next(&each); at++) {
        char index[24];
        snprintf(index, sizeof index, "[%zu]", at);
        enter(walk, "", str_of(index));
        if (schema->items && !holds(walk, schema->items, each.value))
            return false;
        leave(walk, place_len);
    }
    return true;
}

const struct schema_field *schema_field_of(const struct schema *schema, struct str name)
{
    for (const struct schema_field *field = schema->fields; field && field->name; field++)
        if (str_eq(str_of(field->name), name))
            return field;
    return NULL;
}

static bool field_holds(struct walk *walk, const struct schema *schema,
                        const struct json_cursor *member, uint64_t *seen)
{
    const struct schema_field *field = schema_field_of(schema, member->name);
    size_t place_len = walk->place_len;
    char shown[64];
    str_copy(member->name, shown, sizeof shown);
    walk->at = member->value;
    if (!place_len) /* the top level */
        str_copy(member->name, walk->breach->field, sizeof walk->breach->field);
    if (!field) {
        walk->breach->is_unknown_field = true;
        return fail(walk, "has no field \"%s\".", shown);
    }
    uint64_t bit = UINT64_C(1) << (field - schema->fields);
    if (*seen & bit)
        return fail(walk, "has the field \"%s\" twice.", shown);
    *seen |= bit;
    enter(walk, place_len ? "." : "", member->name);
    bool is_good = holds(walk, &field->schema, member->value);
    if (is_good)
        leave(walk, place_len);
    return is_good;
}

static bool object_holds(struct walk *walk, const struct schema *schema, struct json object)
{
    uint64_t seen = 0;
    if (!schema->fields)
        return true;
    for (struct json_cursor each = json_each(object); json_next(&each);)
        if (!field_holds(walk, schema, &each, &seen))
            return false;
    for (const struct schema_field *field = schema->fields; field->name; field++) {
        if (!field->is_required || seen >> (field - schema->fields) & 1)
            continue;
        walk->at = object;
        if (!walk->place_len)
            str_copy(str_of(field->name), walk->breach->field, sizeof walk->breach->field);
        return fail(walk, "needs the field \"%s\".", field->name);
    }
    return true;
}

static bool holds(struct walk *walk, const struct schema *schema, struct json value)
{
    enum json_type type = json_type_of(value);
    walk->at = value;
    if (!(schema->types & SCHEMA_BIT(type)))
        return fail_type(walk, schema);
    switch (type) {
    case JSON_NUMBER: return number_holds(walk, schema, value);
    case JSON_STRING: return text_holds(walk, schema, json_string_or_empty(value));
    case JSON_ARRAY: return list_holds(walk, schema, value);
    case JSON_OBJECT: return object_holds(walk, schema, value);
    case JSON_ABSENT:
    case JSON_NULL:
    case JSON_BOOL: break;
    }
    return true;
}

bool schema_holds(const struct schema *schema, struct json body, struct schema_breach *out_breach)
{
    *out_breach = (struct schema_breach){0};
    struct walk walk = {.breach = out_breach};
    return holds(&walk, schema, body);
}

bool schema_text_holds(const struct schema *schema, const char *name, struct str text,
                       struct schema_breach *out_breach)
{
    int64_t whole = 0;
    *out_breach = (struct schema_breach){0};
    struct walk walk = {.breach = out_breach};
    str_copy(str_of(name), out_breach->field, sizeof out_breach->field);
    enter(&walk, "", str_of(name));
    if (schema->types & SCHEMA_BIT(JSON_STRING))
        return text_holds(&walk, schema, text);
    if (schema->types & SCHEMA_BIT(JSON_BOOL))
        return str_eq(text, STR("true")) || str_eq(text, STR("false")) || fail_type(&walk, schema);
    bool is_good = str_to_int64(text, &whole) && whole >= schema->min && whole <= schema->max;
    return is_good || fail_number(&walk, schema);
}
