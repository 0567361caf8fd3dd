/* domain/route_endpoint.c: at which endpoint a provider is asked: the caller's own where it speaks it, else
 * the nearest of those that the request can be translated to.
 *
 * The order of preference is a table; what a model or service is known to refuse (domain/quirks.h) takes
 * ways out of it. Embeddings and legacy completions are never translated.
 */
#include "domain/route_parts.h"

#include <assert.h>

#define WAYS 3

/* From which endpoint to which, best first. The caller's own comes first of all. Between OpenAI's two dialects, at
 * OpenAI itself responses says more; compatible servers often lack it, or are inexact: CLIENTS.md 9. */
static const enum endpoint *ways_from(enum endpoint endpoint, bool is_openais_own)
{
    static const enum endpoint from_chat[2][WAYS] = {
        {ENDPOINT_CHAT, ENDPOINT_MESSAGES, ENDPOINT_RESPONSES},
        {ENDPOINT_CHAT, ENDPOINT_RESPONSES, ENDPOINT_MESSAGES}};
    static const enum endpoint from_responses[WAYS] = {ENDPOINT_RESPONSES, ENDPOINT_CHAT,
                                                       ENDPOINT_MESSAGES};
    static const enum endpoint from_messages[2][WAYS] = {
        {ENDPOINT_MESSAGES, ENDPOINT_CHAT, ENDPOINT_RESPONSES},
        {ENDPOINT_MESSAGES, ENDPOINT_RESPONSES, ENDPOINT_CHAT}};
    switch (endpoint) {
    case ENDPOINT_CHAT: return from_chat[is_openais_own];
    case ENDPOINT_RESPONSES: return from_responses;
    default: assert(endpoint == ENDPOINT_MESSAGES); return from_messages[is_openais_own];
    }
}

/* Without one of the three dialects, unless it is the only one: then the provider's own words tell more. */
static unsigned without(unsigned speaks, enum endpoint endpoint)
{
    unsigned rest = speaks & ~ENDPOINT_BIT(endpoint);
    return rest & ENDPOINTS_GENERATION ? rest : speaks;
}

/* What it answers, for this model and this request. */
static unsigned endpoints_of(const struct planning *planning, const struct candidate *candidate,
                             const struct model *model)
{
    const struct quirk_memory *learned = planning->views[candidate->index].learned;
    unsigned quirks = quirks_join(model->quirks, quirk_memory_find(learned, candidate->model));
    unsigned speaks = candidate->provider->speaks;
    if (quirks & QUIRK_NO_RESPONSES)
        speaks = without(speaks, ENDPOINT_RESPONSES);
    bool has_tools = planning->request->needs & NEEDS_TOOLS;
    bool is_for_responses =
        quirks & QUIRK_NO_CHAT || (has_tools && quirks & QUIRK_TOOLS_BY_RESPONSES);
    if (is_for_responses && speaks & ENDPOINT_BIT(ENDPOINT_RESPONSES))
        speaks = without(speaks, ENDPOINT_CHAT);
    return speaks;
}

/* Tokens can be counted without asking anybody, for whoever could answer the messages. */
static bool choose_counting(unsigned speaks, struct candidate *candidate,
                            enum route_reason *out_reason)
{
    if (speaks & ENDPOINT_BIT(ENDPOINT_COUNT_TOKENS))
        return true;
    *out_reason = REASON_DIALECT;
    if (!(speaks & ENDPOINTS_GENERATION))
        return false;
    candidate->asked = ENDPOINT_COUNT;
    return true;
}

bool route_endpoint_choose(const struct planning *planning, struct candidate *candidate,
                           const struct model *model, enum route_reason *out_reason)
{
    enum endpoint endpoint = planning->request->endpoint;
    unsigned speaks = endpoints_of(planning, candidate, model);
    if (endpoint == ENDPOINT_COUNT_TOKENS)
        return choose_counting(speaks, candidate, out_reason);
    if (!(ENDPOINT_BIT(endpoint) & ENDPOINTS_GENERATION)) {
        *out_reason = REASON_ENDPOINT;
        return speaks & ENDPOINT_BIT(endpoint);
    }
    const enum endpoint *ways = ways_from(endpoint, candidate->provider->is_openais_own);
    for (size_t i = 0; i < WAYS; i++) {
        candidate->asked = ways[i];
        if (speaks & ENDPOINT_BIT(ways[i]))
            return true;
    }
    candidate->asked = endpoint;
    *out_reason = REASON_DIALECT;
    return false;
}
