/* wire/responses_prompt_write.c: the common form into a request of the responses dialect: its top level.
 *
 * Nothing is stored at the provider unless the caller wishes it (`store` is true there by default). Reasoning that is
 * asked for comes back encrypted (`include`), so that the next turn can bring it along.
 *
 * Items: responses_input_write.c.  Tools: responses_tools_write.c.
 */
#include "json/json_writer.h"
#include "wire/responses_parts.h"

#include <stdio.h>

#define MIN_OUTPUT_TOKENS 16 /* fewer are refused by OpenAI */
#define USER_MAX          64 /* bytes; longer ones are refused by OpenAI */

/* ---- limits and sampling --------------------------------------------------------------------- */

static void put_max_tokens(struct prompt *prompt, const struct prompt_target *target,
                           struct json_writer *writer)
{
    int64_t tokens = prompt->max_tokens;
    if (tokens < 0)
        return;
    if (target->max_output_tokens >= 0 && tokens > target->max_output_tokens)
        tokens = target->max_output_tokens;
    if (tokens < MIN_OUTPUT_TOKENS)
        tokens = MIN_OUTPUT_TOKENS;
    if (tokens != prompt->max_tokens)
        prompt_change(prompt, "max_tokens");
    json_put_int(writer, "max_output_tokens", tokens);
}

/* The default itself may be left out of a request to a model that refuses the field. */
static bool is_one(struct str number)
{
    return str_eq(number, STR("1")) || str_eq(number, STR("1.0"));
}

static void put_sampling(struct prompt *prompt, const struct prompt_target *target,
                         struct json_writer *writer, const char *name, struct str number,
                         enum quirk refused)
{
    if (number.len == 0)
        return;
    if (!(target->quirks & refused))
        json_put_raw(writer, name, number);
    else if (!is_one(number))
        prompt_drop(prompt, name);
}

/* What the dialect has no field for; and answers do not go on with the assistant's last words. */
static void note_missing(struct prompt *prompt)
{
    const struct {
        const char *name;
        bool is_given;
    } missing[] = {
        {"stop", prompt->stop_count > 0},
        {"top_k", prompt->top_k.len > 0},
        {"seed", prompt->seed.len > 0},
        {"n", prompt->answers > 1},
        {"frequency_penalty", prompt->frequency_penalty.len > 0},
        {"presence_penalty", prompt->presence_penalty.len > 0},
        {"logit_bias", prompt->logit_bias.len > 0},
    };
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        if (missing[i].is_given)
            prompt_drop(prompt, missing[i].name);
    if (prompt->has_prefill)
        prompt_change(prompt, "messages.prefill");
}

/* ---- reasoning ------------------------------------------------------------------------------- */

/* A budget of thinking tokens has no field here: it becomes the effort that spends about as much. */
static struct str effort_of_budget(int64_t tokens)
{
    static const struct {
        int64_t up_to_tokens;
        struct str effort;
    } efforts[] = {
        {2048, STR_INIT("low")}, {16384, STR_INIT("medium")}, {INT64_MAX, STR_INIT("high")}};
    size_t i = 0;
    while (tokens > efforts[i].up_to_tokens)
        i++;
    return efforts[i].effort;
}

static struct str effort_of(struct prompt *prompt)
{
    if (prompt->thinking == THINKING_OFF)
        return STR("none");
    if (str_eq(prompt->effort, STR("max"))) { /* each is the top of its scale */
        prompt_emulate(prompt, "reasoning_effort");
        return STR("xhigh");
    }
    if (prompt->effort.len || prompt->thinking_budget < 0)
        return prompt->effort;
    prompt_change(prompt, "thinking.budget_tokens");
    return effort_of_budget(prompt->thinking_budget);
}

/* A summary is asked for when the caller will see it: it said so, or it asked in Anthropic's way (adaptive, or a
 * budget), where thinking is shown unless it says otherwise. */
static struct str summary_of(const struct prompt *prompt)
{
    struct str shown = prompt->thinking_shown;
    if (shown.len == 0)
        return prompt->thinking == THINKING_ADAPTIVE || prompt->thinking_budget >= 0 ? STR("auto")
                                                                                     : STR("");
    if (str_eq(shown, STR("omitted")))
        return STR("");
    bool is_ours = str_eq(shown, STR("concise")) || str_eq(shown, STR("detailed"));
    return is_ours ? shown : STR("auto");
}

/* True: the model reasons, and what it thought is wanted back. */
static bool put_reasoning(struct prompt *prompt, const struct prompt_target *target,
                          struct json_writer *writer)
{
    bool is_on = prompt->thinking == THINKING_ON || prompt->thinking == THINKING_ADAPTIVE ||
                 (prompt->thinking == THINKING_UNSET && prompt->effort.len > 0 &&
                  !str_eq(prompt->effort, STR("none")));
    bool is_given = is_on || prompt->thinking == THINKING_OFF || prompt->effort.len > 0;
    if (!is_given)
        return false;
    if (target->quirks & QUIRK_NO_EFFORT) { /* it does not reason, or as much as it likes */
        if (is_on)
            prompt_drop(prompt, prompt->effort.len ? "reasoning_effort" : "thinking");
        return false;
    }
    struct str effort = effort_of(prompt);
    struct str summary = is_on ? summary_of(prompt) : STR("");
    json_open_object_named(writer, "reasoning");
    if (effort.len)
        json_put_string(writer, "effort", effort);
    if (summary.len)
        json_put_string(writer, "summary", summary);
    json_close_object(writer);
    return is_on;
}

/* ---- what is wanted besides ------------------------------------------------------------------- */

static void put_include(struct json_writer *writer, bool has_reasoning, bool has_logprobs)
{
    if (!has_reasoning && !has_logprobs)
        return;
    json_open_array(writer, "include");
    if (has_reasoning)
        json_put_text(writer, NULL, "reasoning.encrypted_content");
    if (has_logprobs)
        json_put_text(writer, NULL, "message.output_text.logprobs");
    json_close_array(writer);
}

/* The number of alternatives says nothing by itself, but may be said. */
static bool put_logprobs(struct prompt *prompt, const struct prompt_target *target,
                         struct json_writer *writer)
{
    bool is_wanted = prompt->logprobs == MAYBE_YES;
    if (target->quirks & QUIRK_NO_PENALTIES) {
        if (is_wanted)
            prompt_drop(prompt, "logprobs");
        return false;
    }
    if (prompt->top_logprobs >= 0)
        json_put_int(writer, "top_logprobs", prompt->top_logprobs);
    return is_wanted;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void put_schema(struct prompt *prompt, const struct prompt_target *target,
                       struct json_writer *writer)
{
    bool has_strict = prompt->format_strict != MAYBE_UNSET;
    json_put_text(writer, "type", "json_schema");
    json_put_string(writer, "name", prompt->format_name.len ? prompt->format_name : STR("answer"));
    if (prompt->format_description.len)
        json_put_string(writer, "description", prompt->format_description);
    json_put_raw(writer, "schema", prompt->format_schema);
    if (has_strict && !(target->quirks & QUIRK_NO_STRICT_SCHEMA))
        json_put_bool(writer, "strict", prompt->format_strict == MAYBE_YES);
    else if (prompt->format_strict == MAYBE_YES)
        prompt_drop(prompt, "response_format.strict");
}

static void put_text(struct prompt *prompt, const struct prompt_target *target,
                     struct json_writer *writer)
{
    bool has_schema = prompt->format == OUTPUT_SCHEMA;
    if (prompt->format == OUTPUT_TEXT && prompt->verbosity.len == 0)
        return;
    json_open_object_named(writer, "text");
    if (prompt->format != OUTPUT_TEXT) {
        json_open_object_named(writer, "format");
        if (has_schema && (target->quirks & QUIRK_NO_SCHEMA))
            prompt_change(prompt, "response_format");
        if (has_schema && !(target->quirks & QUIRK_NO_SCHEMA))
            put_schema(prompt, target, writer);
        else
            json_put_text(writer, "type", "json_object");
        json_close_object(writer);
    }
    if (prompt->verbosity.len)
        json_put_string(writer, "verbosity", prompt->verbosity);
    json_close_object(writer);
}

/* ---- who asks -------------------------------------------------------------------------------- */

/* A long one (Claude Code's names device, account and session) becomes a stable short one. */
static void put_user(struct prompt *prompt, struct json_writer *writer)
{
    char hash[32];
    if (prompt->user.len == 0)
        return;
    if (prompt->user.len <= USER_MAX) {
        json_put_string(writer, "user", prompt->user);
        return;
    }
    (void)snprintf(hash, sizeof hash, "user_%016llx", (unsigned long long)str_hash(prompt->user));
    json_put_text(writer, "user", hash);
    prompt_emulate(prompt, "user");
}

static void put_service_tier(struct prompt *prompt, struct json_writer *writer)
{
    static const struct str ours[] = {STR_INIT("auto"), STR_INIT("default"), STR_INIT("flex"),
                                      STR_INIT("priority"), STR_INIT("scale")};
    struct str tier = prompt->service_tier;
    if (tier.len == 0)
        return;
    if (str_eq(tier, STR("standard_only"))) { /* Anthropic's word for it */
        json_put_text(writer, "service_tier", "default");
        return;
    }
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (str_eq(tier, ours[i])) {
            json_put_string(writer, "service_tier", tier);
            return;
        }
    }
    prompt_drop(prompt, "service_tier");
}

static void put_caller(struct prompt *prompt, struct json_writer *writer)
{
    put_user(prompt, writer);
    put_service_tier(prompt, writer);
    if (prompt->metadata.len)
        json_put_raw(writer, "metadata", prompt->metadata);
    if (prompt->cache_key.len)
        json_put_string(writer, "prompt_cache_key", prompt->cache_key);
    json_put_bool(writer, "store", prompt->store == MAYBE_YES);
}

/* ---- the whole ------------------------------------------------------------------------------- */

enum err responses_prompt_write(struct prompt *prompt, const struct prompt_target *target,
                                struct buf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_string(&writer, "model", target->model);
    responses_input_write(prompt, target, &writer);
    responses_tools_write(prompt, target, &writer);
    bool has_reasoning = put_reasoning(prompt, target, &writer);
    put_include(&writer, has_reasoning, put_logprobs(prompt, target, &writer));
    put_text(prompt, target, &writer);
    put_max_tokens(prompt, target, &writer);
    put_sampling(prompt, target, &writer, "temperature", prompt->temperature, QUIRK_NO_TEMPERATURE);
    put_sampling(prompt, target, &writer, "top_p", prompt->top_p, QUIRK_NO_TOP_P);
    note_missing(prompt);
    put_caller(prompt, &writer);
    if (prompt->is_stream)
        json_put_bool(&writer, "stream", true);
    json_close_object(&writer);
    return prompt->failed || out->failed ? ERR_NO_MEMORY : OK;
}
