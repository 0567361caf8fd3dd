/* tests/fuzz/fuzz_schema.c: bodies and parameters against a schema with a field of every kind. What is let in is looked at
 * a second time, by names that stand here; what is refused has a sentence that fits, and is no part of a character.
 */
#include "json/schema.h"

#include <stdlib.h>
#include <string.h>

#define BODY_MAX 65536u

// clang-format off
static const struct schema whole = {.types = SCHEMA_BIT(JSON_NUMBER), .is_whole = true, .min = -3, .max = 9};
static const struct schema word = {.types = SCHEMA_BIT(JSON_STRING), .max = INT64_MAX, .words = " always never "};
static const struct schema text = {.types = SCHEMA_BIT(JSON_STRING), .min = 1, .max = 5};
static const struct schema flag = {.types = SCHEMA_BIT(JSON_BOOL), .max = INT64_MAX};
static const struct schema_field step_fields[] = {
    {"when", true, {.types = SCHEMA_BIT(JSON_STRING), .max = INT64_MAX, .words = " always never "}},
    {"open", false, {.types = SCHEMA_BIT(JSON_OBJECT), .max = INT64_MAX}},
    {0}};
static const struct schema step = {.types = SCHEMA_BIT(JSON_OBJECT), .max = INT64_MAX, .fields = step_fields};
static const struct schema_field fields[] = {
    {"name", true, {.types = SCHEMA_BIT(JSON_STRING), .min = 1, .max = 5}},
    {"count", false, {.types = SCHEMA_BIT(JSON_NUMBER) | SCHEMA_BIT(JSON_NULL), .is_whole = true, .min = -2, .max = 10}},
    {"share", false, {.types = SCHEMA_BIT(JSON_NUMBER), .min = 0, .max = 1}},
    {"paused", false, {.types = SCHEMA_BIT(JSON_BOOL), .max = INT64_MAX}},
    {"list", false, {.types = SCHEMA_BIT(JSON_ARRAY), .max = 2, .items = &whole}},
    {"steps", false, {.types = SCHEMA_BIT(JSON_ARRAY), .min = 1, .max = INT64_MAX, .items = &step}},
    {0}};
static const struct schema body = {.types = SCHEMA_BIT(JSON_OBJECT), .max = INT64_MAX, .fields = fields};
// clang-format on

static struct json_reader *reader;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_number_within(struct json value, double min, double max)
{
    double number = 0;
    return json_double(value, &number) && number >= min && number <= max;
}

static bool is_word(struct json value)
{
    struct str said = json_string_or_empty(value);
    return str_eq(said, STR("always")) || str_eq(said, STR("never"));
}

static void require_step(struct json value)
{
    size_t members = 0;
    for (struct json_cursor each = json_each(value); json_next(&each); members++)
        require(str_eq(each.name, STR("when")) || str_eq(each.name, STR("open")));
    require(members <= 2 && is_word(json_get(value, "when")));
    struct json open = json_get(value, "open");
    require(json_type_of(open) == JSON_ABSENT || json_type_of(open) == JSON_OBJECT);
}

static void require_member(struct str name, struct json value)
{
    if (str_eq(name, STR("name"))) {
        size_t len = json_string_or_empty(value).len;
        require(json_type_of(value) == JSON_STRING && len >= 1 && len <= 5);
    } else if (str_eq(name, STR("count"))) {
        require(json_type_of(value) == JSON_NULL || is_number_within(value, -2, 10));
    } else if (str_eq(name, STR("share"))) {
        require(is_number_within(value, 0, 1));
    } else if (str_eq(name, STR("paused"))) {
        require(json_type_of(value) == JSON_BOOL);
    } else if (str_eq(name, STR("list"))) {
        require(json_type_of(value) == JSON_ARRAY && json_count(value) <= 2);
        for (struct json_cursor each = json_each(value); json_next(&each);)
            require(is_number_within(each.value, -3, 9));
    } else {
        require(str_eq(name, STR("steps")) && json_count(value) >= 1);
        for (struct json_cursor each = json_each(value); json_next(&each);)
            require_step(each.value);
    }
}

/* What was let in is what it should be: no member twice, none that nobody knows. */
static void require_good(struct json root)
{
    struct str names[8];
    size_t count = 0;
    for (struct json_cursor each = json_each(root); json_next(&each); count++) {
        require(count < sizeof fields / sizeof fields[0] - 1);
        for (size_t i = 0; i < count; i++)
            require(!str_eq(names[i], each.name));
        names[count] = each.name;
        require_member(each.name, each.value);
    }
    require(json_type_of(json_get(root, "name")) == JSON_STRING);
}

static void require_sentence(const struct schema_breach *breach, bool is_good)
{
    require(is_good == (breach->detail[0] == '\0'));
    require(memchr(breach->field, '\0', sizeof breach->field));
    require(memchr(breach->detail, '\0', sizeof breach->detail));
    require(str_is_utf8(str_of(breach->field)));
    require(!breach->is_unknown_field || !is_good);
}

static void fuzz_body(struct str bytes)
{
    struct json root;
    struct schema_breach breach, again;
    if (json_parse(reader, bytes, &root, NULL) != OK)
        return;
    bool is_good = schema_holds(&body, root, &breach);
    require_sentence(&breach, is_good);
    require(is_good == schema_holds(&body, root, &again));
    require(strcmp(breach.detail, again.detail) == 0 && strcmp(breach.field, again.field) == 0);
    if (is_good)
        require_good(root);
}

static void fuzz_text(struct str bytes)
{
    struct schema_breach breach;
    int64_t number = 0;
    bool is_number = str_to_int64(bytes, &number) && number >= -3 && number <= 9;
    require(schema_text_holds(&whole, "p", bytes, &breach) == is_number);
    require_sentence(&breach, is_number);
    bool is_known = str_eq(bytes, STR("always")) || str_eq(bytes, STR("never"));
    require(schema_text_holds(&word, "p", bytes, &breach) == is_known);
    require(schema_text_holds(&text, "p", bytes, &breach) == (bytes.len >= 1 && bytes.len <= 5));
    bool is_flag = str_eq(bytes, STR("true")) || str_eq(bytes, STR("false"));
    require(schema_text_holds(&flag, "p", bytes, &breach) == is_flag);
    require_sentence(&breach, is_flag);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str given = {(const char *)bytes, len};
    if (!reader)
        require(json_reader_new(BODY_MAX, &reader) == OK);
    fuzz_body(given);
    fuzz_text(given);
    return 0;
}
