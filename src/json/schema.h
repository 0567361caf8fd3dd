/* json/schema.h: what a body or a query may be: closed objects, exact types, limits.
 *
 * The tables are those of the contract, made from api/openapi.yaml at build time (gen/api_routes.c). The dispatcher holds every request to its table
 * before the handler sees it, so that no handler can forget a field or a limit; what only a handler can know (is there such a provider?)
 * stays with it.
 *
 * Layer:   pure.  Thread: any (immutable).
 */
#pragma once
#include "base/err.h"
#include "json/json.h"

#define SCHEMA_BIT(type)  (1u << (type)) /* of an enum json_type */
#define SCHEMA_FIELDS_MAX 64u            /* of one object; tools/contract sees to it */

struct schema {
    unsigned types;    /* SCHEMA_BIT of each type that it may be */
    bool is_whole;     /* of a number */
    int64_t min, max;  /* a number's value, a string's bytes, a list's elements */
    const char *words; /* of a string: what it may be, with spaces around each; NULL: anything */
    const struct schema *items;        /* of a list */
    const struct schema_field *fields; /* of an object, ended by an empty one; NULL: any object */
};

struct schema_field {
    const char *name;
    bool is_required;
    struct schema schema;
};

/** What a body breaks, for a problem. */
struct schema_breach {
    bool is_unknown_field;
    char field[64];    /* of the top level, as it was sent */
    struct json where; /* the value that breaks it, or that lacks something */
    char detail[ERROR_TEXT_MAX];
};

/** Does the body, an object, keep to the schema? */
bool schema_holds(const struct schema *schema, struct json body, struct schema_breach *out_breach);
/** The same for the value of a parameter, which comes as text. */
bool schema_text_holds(const struct schema *schema, const char *name, struct str text,
                       struct schema_breach *out_breach);
/** The field of that very name; NULL: there is none. */
const struct schema_field *schema_field_of(const struct schema *schema, struct str name);
