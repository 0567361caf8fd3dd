/* wire/quirks.h: what a model or a service refuses or wants otherwise, as data. PROVIDER_ERRORS.md 2-4.
 *
 * Translation consults these flags and never a model's name. They come from the table in domain/quirks.c (known
 * beforehand, by kind of provider and pattern of the model's name) and from refusals (learned, per
 * provider and model).
 *
 * Layer:   wire: pure.
 */
#pragma once

enum quirk {
    QUIRK_NO_TEMPERATURE = 1u << 0, /* temperature other than the default is refused */
    QUIRK_NO_TOP_P = 1u << 1,       /* top_p, top_k likewise */
    QUIRK_NO_PENALTIES = 1u << 2,   /* frequency_penalty, presence_penalty, logit_bias, logprobs */
    QUIRK_NO_STOP = 1u << 3,        /* stop sequences */
    QUIRK_NO_FORCED_TOOL = 1u << 4, /* tool_choice any/required or a named tool is refused */
    QUIRK_NAMED_TOOL_IGNORED = 1u << 5, /* llama-server: required with only that tool listed */
    QUIRK_OLD_MAX_TOKENS = 1u << 6,     /* chat: knows max_tokens, not max_completion_tokens */
    QUIRK_NO_DEVELOPER_ROLE = 1u << 7,  /* chat: developer messages become system messages */
    QUIRK_ONE_SYSTEM_FIRST = 1u << 8,   /* chat templates: one system message, at the start */
    QUIRK_NO_EFFORT = 1u << 9,          /* reasoning effort is refused */
    QUIRK_BUDGET_THINKING =
        1u << 10,                   /* messages: thinking {enabled, budget_tokens}, not adaptive */
    QUIRK_ALWAYS_THINKS = 1u << 11, /* messages: thinking disabled is refused */
    QUIRK_NO_STREAM_OPTIONS = 1u << 12,  /* chat: stream_options is refused */
    QUIRK_NO_PARALLEL_FLAG = 1u << 13,   /* parallel_tool_calls is refused */
    QUIRK_NO_STRICT_SCHEMA = 1u << 14,   /* `strict` in tools and schemas is refused */
    QUIRK_TOOLS_BY_RESPONSES = 1u << 15, /* tools are refused on chat completions: use responses */
    QUIRK_NO_RESPONSES = 1u << 16,       /* the service has no /responses */
    QUIRK_LOCAL = 1u << 17,              /* our own hardware: no billing block, no vendor extras */
    QUIRK_NO_SCHEMA = 1u << 18,          /* JSON schema answers are refused: JSON mode at most */
    QUIRK_NO_CHAT = 1u << 19,            /* the model is served on responses only */
    QUIRK_NEW_MAX_TOKENS = 1u << 20,     /* chat: refuses max_tokens; outweighs OLD_MAX_TOKENS */
    QUIRK_NO_THOUGHTS = 1u << 21,        /* chat: reasoning_content of earlier turns is refused */
};
