/* providers/kinds.c: the table of kinds, and the response headers that a verdict needs. */
#include "providers/judge_parts.h"

#include <assert.h>

static const struct provider_kind_facts *const kinds[PROVIDER_KIND_COUNT] = {
    [PROVIDER_GPU] = &gpu_facts,
    [PROVIDER_CLI] = &cli_facts,
    [PROVIDER_OPENAI] = &openai_facts,
    [PROVIDER_ANTHROPIC] = &anthropic_facts,
};

const struct provider_kind_facts *provider_kind_facts(enum provider_kind kind)
{
    assert(kind < PROVIDER_KIND_COUNT);
    return kinds[kind];
}

void header_line_write(struct buf *head, const char *name, const char *scheme, struct str value)
{
    if (value.len == 0)
        return;
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.at[i] < ' ' || value.at[i] == 0x7F)
            return; /* no request is better than a forged head: the provider then says 401 */
    buf_puts(head, name);
    buf_puts(head, ": ");
    buf_puts(head, scheme);
    buf_append_str(head, value);
    buf_puts(head, "\r\n");
}

void answer_headers_note(struct answer_headers *headers, struct str name, struct str value)
{
#define ANTHROPIC "anthropic-ratelimit-"
    const struct {
        struct str name;
        struct str *place;
    } wanted[] = {
        {STR("retry-after"), &headers->retry_after},
        {STR("retry-after-ms"), &headers->retry_after_ms},
        {STR("x-should-retry"), &headers->should_retry},
        {STR("x-ratelimit-reset-requests"), &headers->reset_requests},
        {STR("x-ratelimit-remaining-requests"), &headers->remaining_requests},
        {STR("x-ratelimit-reset-tokens"), &headers->reset_tokens},
        {STR("x-ratelimit-remaining-tokens"), &headers->remaining_tokens},
        {STR(ANTHROPIC "unified-reset"), &headers->unified_reset},
        {STR(ANTHROPIC "requests-reset"), &headers->anthropic_reset[0]},
        {STR(ANTHROPIC "requests-remaining"), &headers->anthropic_remaining[0]},
        {STR(ANTHROPIC "tokens-reset"), &headers->anthropic_reset[1]},
        {STR(ANTHROPIC "tokens-remaining"), &headers->anthropic_remaining[1]},
        {STR(ANTHROPIC "input-tokens-reset"), &headers->anthropic_reset[2]},
        {STR(ANTHROPIC "input-tokens-remaining"), &headers->anthropic_remaining[2]},
        {STR(ANTHROPIC "output-tokens-reset"), &headers->anthropic_reset[3]},
        {STR(ANTHROPIC "output-tokens-remaining"), &headers->anthropic_remaining[3]},
    };
#undef ANTHROPIC
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!str_ieq(name, wanted[i].name))
            continue;
        *wanted[i].place = str_trim(value);
        return;
    }
}
