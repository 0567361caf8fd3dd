/* domain/verdict.c: the columns of the verdict list. */
#include "domain/verdict.h"

#include <assert.h>

static const struct {
    const char *name;
    bool moves_on;
} verdicts[] = {
#define X(name, text, next) {text, next},
    VERDICT_LIST(X)
#undef X
};

const char *verdict_name(enum verdict verdict)
{
    assert(verdict < VERDICT_COUNT);
    return verdicts[verdict].name;
}

bool verdict_moves_on(enum verdict verdict)
{
    assert(verdict < VERDICT_COUNT);
    return verdicts[verdict].moves_on;
}
