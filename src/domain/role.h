/* domain/role.h: what a principal is allowed at all: a role, and of that the part its key carries.
 *
 * Owners are made by owners; an admin does everything else; a member uses, and sees what is their own. A
 * key's scopes narrow its role further: whoever makes a key gives away no more than they hold.
 *
 * Layer:   domain: pure.  Thread: any.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "json/json.h"
#include "json/json_writer.h"

enum role { ROLE_NONE, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER, ROLE_COUNT };
const char *role_name(enum role role);                 /* "none" for ROLE_NONE */
bool role_parse(struct str name, enum role *out_role); /* "member", "admin", "owner" */

// clang-format off
#define SCOPE_LIST(X)                                                           \
    /* name       bit   text         what a key with it may do */               \
    X(INFERENCE,  1u,   "inference", "call models")                             \
    X(READ,       2u,   "read",      "look at what its role may see")           \
    X(MANAGE,     4u,   "manage",    "change what its role may change")
// clang-format on

enum scope {
#define X(name, bit, text, sentence) SCOPE_##name = bit,
    SCOPE_LIST(X)
#undef X
};
#define SCOPE_ALL (SCOPE_INFERENCE | SCOPE_READ | SCOPE_MANAGE)

/** What a key of this role has when its maker names no scopes. */
unsigned scopes_of_role(enum role role);
/** ["inference", ...]: at least one, each known, each once. ERR_MALFORMED with a sentence. */
MUST_USE enum err scopes_read(struct json list, unsigned *out_scopes, struct error *error);
void scopes_write(struct json_writer *writer, const char *name, unsigned scopes);
