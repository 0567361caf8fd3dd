/* domain/role.c: see role.h. */
#include "domain/role.h"

#include <assert.h>

static const struct {
    const char *text;
    unsigned bit;
} scope_rows[] = {
#define X(name, bit, text, sentence) {text, bit},
    SCOPE_LIST(X)
#undef X
};
#define SCOPE_ROWS (sizeof scope_rows / sizeof scope_rows[0])

const char *role_name(enum role role)
{
    static const char *const names[] = {"none", "member", "admin", "owner"};
    static_assert(sizeof names / sizeof names[0] == ROLE_COUNT, "one name each");
    assert(role < ROLE_COUNT);
    return names[role];
}

bool role_parse(struct str name, enum role *out_role)
{
    for (enum role role = ROLE_MEMBER; role < ROLE_COUNT; role++)
        if (str_eq(name, str_of(role_name(role)))) {
            *out_role = role;
            return true;
        }
    return false;
}

unsigned scopes_of_role(enum role role)
{
    return role >= ROLE_ADMIN ? SCOPE_ALL : role == ROLE_MEMBER ? SCOPE_INFERENCE | SCOPE_READ : 0;
}

static unsigned scope_bit(struct str name)
{
    for (size_t i = 0; i < SCOPE_ROWS; i++)
        if (str_eq(name, str_of(scope_rows[i].text)))
            return scope_rows[i].bit;
    return 0;
}

enum err scopes_read(struct json list, unsigned *out_scopes, struct error *error)
{
    unsigned scopes = 0;
    if (json_type_of(list) != JSON_ARRAY)
        return error_set(error, ERR_MALFORMED, "scopes must be a list like [\"inference\"].");
    for (struct json_cursor each = json_each(list); json_next(&each);) {
        unsigned bit = scope_bit(json_string_or_empty(each.value));
        if (!bit || scopes & bit)
            return error_set(error, ERR_MALFORMED,
                             "scopes may name \"inference\", \"read\" and \"manage\", each once.");
        scopes |= bit;
    }
    if (!scopes)
        return error_set(error, ERR_MALFORMED,
                         "A key without scopes could do nothing: name one at least.");
    *out_scopes = scopes;
    return OK;
}

void scopes_write(struct json_writer *writer, const char *name, unsigned scopes)
{
    json_open_array(writer, name);
    for (size_t i = 0; i < SCOPE_ROWS; i++)
        if (scopes & scope_rows[i].bit)
            json_put_text(writer, NULL, scope_rows[i].text);
    json_close_array(writer);
}
