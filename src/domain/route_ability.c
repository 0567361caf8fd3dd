/* domain/route_ability.c: what a request needs of a model, and which model is known to lack it. SPEC 4.1 item 7.
 *
 * Only what is known counts: a model of which nothing is known may be asked for everything.
 */
#include "domain/route_parts.h"

#include <stdio.h>

static const struct {
    unsigned need;
    enum route_reason reason;
    const char *text; /* behind "cannot" */
} abilities[] = {
    {NEEDS_TOOLS, REASON_LACKS_TOOLS, "use tools"},
    {NEEDS_IMAGES, REASON_LACKS_IMAGES, "see images"},
    {NEEDS_SCHEMA, REASON_LACKS_SCHEMA, "answer by a JSON schema"},
};

/* Only who generates needs them; tokens of a prompt that is too long may be counted. */
static bool is_generation(const struct route_request *request)
{
    return ENDPOINT_BIT(request->endpoint) & ENDPOINTS_GENERATION;
}

bool route_lacks(const struct route_request *request, const struct model *model,
                 enum route_reason *out_reason)
{
    if (!is_generation(request))
        return false;
    for (size_t i = 0; i < sizeof abilities / sizeof abilities[0]; i++)
        if (request->needs & model->lacks & abilities[i].need) {
            *out_reason = abilities[i].reason;
            return true;
        }
    *out_reason = REASON_CONTEXT;
    return model->context_tokens > 0 && request->prompt_tokens > model->context_tokens;
}

void route_lacks_say(const struct route_request *request, const struct model *model, char *room,
                     size_t room_bytes)
{
    size_t len = 0;
    room[0] = '\0';
    for (size_t i = 0; i < sizeof abilities / sizeof abilities[0]; i++)
        if (request->needs & model->lacks & abilities[i].need && len < room_bytes)
            len += (size_t)snprintf(room + len, room_bytes - len, "%s%s", len ? " or " : "",
                                    abilities[i].text);
}
