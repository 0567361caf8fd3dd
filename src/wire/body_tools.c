/* wire/body_tools.c: tools that the provider itself runs: it reads their results, asks the model again, and bills the
 * tokens of all rounds as one answer's. See body.h.
 */
#include "wire/body.h"

/* Those that the caller runs. Any other type is taken for the provider's: new ones come, and cost. */
static bool is_callers(struct str type)
{
    static const struct str names[] = {STR_INIT(""),           STR_INIT("function"),
                                       STR_INIT("custom"),     STR_INIT("local_shell"),
                                       STR_INIT("namespace"),  STR_INIT("tool_search"),
                                       STR_INIT("apply_patch")};
    static const struct str families[] = {STR_INIT("bash_"), STR_INIT("text_editor_"),
                                          STR_INIT("computer_"), STR_INIT("memory_")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_eq(type, names[i]))
            return true;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (str_starts(type, families[i]))
            return true;
    return false;
}

bool body_has_hosted_tools(struct json tools)
{
    for (struct json_cursor each = json_each(tools); json_next(&each);)
        for (struct json_cursor member = json_each(each.value); json_next(&member);)
            if (str_eq(member.name, STR("type")) && !is_callers(json_string_or_empty(member.value)))
                return true; /* whichever of several types a provider goes by */
    return false;
}
