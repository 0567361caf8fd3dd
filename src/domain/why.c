/* domain/why.c: looking codes up. Few are asked for and seldom, so the list is walked. */
#include "domain/why.h"

#include <assert.h>

static const struct why_row rows[] = {
#define X(why, code, words, fix) {WHY_##why, code, words, fix},
    WHY_LIST(X)
#undef X
};

const char *why_name(enum why why)
{
    static const char *const names[] = {"chosen_because", "passed_over_because", "moved_on_because",
                                        "ended_because"};
    static_assert(sizeof names / sizeof names[0] == WHY_COUNT, "one name per class");
    assert(why < WHY_COUNT);
    return names[why];
}

const struct why_row *why_at(size_t index)
{
    return index < sizeof rows / sizeof rows[0] ? &rows[index] : NULL;
}

const struct why_row *why_find(enum why why, struct str code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].why == why && str_eq(str_of(rows[i].code), code))
            return &rows[i];
    return NULL;
}
