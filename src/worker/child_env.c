/* worker/child_env.c: see child_env.h. */
#include "worker/child_env.h"

#include "base/mem.h"

#include <string.h>
#include <unistd.h>

static bool is_ours_alone(const char *variable)
{
    static const char *const beginnings[] = {"AUXOT_", "CLAUDECODE=", "CLAUDE_CODE_ENTRYPOINT="};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strncmp(variable, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static bool is_replaced(const char *variable, const char *const *given, size_t count)
{
    size_t name_len = strcspn(variable, "=") + 1;
    for (size_t i = 0; i < count; i++)
        if (strncmp(variable, given[i], name_len) == 0)
            return true;
    return false;
}

const char **child_env(const char *const *given, size_t count)
{
    size_t ours = 0, at = 0;
    while (environ[ours])
        ours++;
    const char **all = mem_zalloc(count + ours + 1, sizeof *all);
    if (!all)
        return NULL;
    for (size_t i = 0; i < count; i++)
        all[at++] = given[i];
    for (size_t i = 0; i < ours; i++)
        if (!is_ours_alone(environ[i]) && !is_replaced(environ[i], given, count))
            all[at++] = environ[i];
    return all;
}
