/* store/cursor.h: where a list goes on: an opaque, signed token (base64url). Thread: any. */
#pragma once
#include "base/str.h"
#include "sys/vault.h"

#define CURSOR_MAX 96

enum cursor_kind { CURSOR_JOBS = 1, CURSOR_EVENTS = 2, CURSOR_USAGE = 3, CURSOR_TRANSITIONS = 4 };
struct cursor {
    enum cursor_kind kind;
    uint32_t chunk; /* of jobs */
    int64_t at;     /* the last row that was given; of usage: how many items were */
};

void cursor_write(const struct vault *vault, const struct cursor *cursor,
                  char out_text[CURSOR_MAX]);
/** False when it was not written by us, under this secret, for that kind of list. */
MUST_USE bool cursor_read(const struct vault *vault, struct str text, enum cursor_kind kind,
                          struct cursor *out_cursor);
