/* wire/chat_prompt_write.c: the common form as a chat completions request: OpenAI's own, and that of servers like it.
 *
 * What a model or service refuses is in target->quirks: such a field is left out here, with a note.
 */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

#define OPENAI_STOPS_MAX     4
#define OPENAI_USER_BYTES    64 /* longest `user` and prompt_cache_key */
#define BUDGET_LOW_TOKENS    4096
#define BUDGET_MEDIUM_TOKENS 16384

static bool has(const struct prompt_target *target, enum quirk quirk)
{
    return target->quirks & quirk;
}

/* ---- limits and sampling ------------------------------------------------------------------------ */

static void put_limit(struct prompt *prompt, const struct prompt_target *target,
                      struct json_writer *json)
{
    int64_t limit = prompt->max_tokens;
    if (limit < 0)
        return;
    if (target->max_output_tokens >= 0 && limit > target->max_output_tokens) {
        limit = target->max_output_tokens;
        prompt_change(prompt, "max_tokens");
    }
    bool is_old = has(target, QUIRK_OLD_MAX_TOKENS);
    json_put_int(json, is_old ? "max_tokens" : "max_completion_tokens", limit);
}

/* A raw value that may be refused. */
static void put_raw(struct prompt *prompt, struct json_writer *json, const char *name,
                    struct str raw, bool is_refused)
{
    if (raw.len == 0)
        return;
    if (is_refused)
        prompt_drop(prompt, name);
    else
        json_put_raw(json, name, raw);
}

static void put_sampling(struct prompt *prompt, const struct prompt_target *target,
                         struct json_writer *json)
{
    bool is_unpenalized = has(target, QUIRK_NO_PENALTIES);
    bool no_top_p = has(target, QUIRK_NO_TOP_P);
    put_raw(prompt, json, "temperature", prompt->temperature, has(target, QUIRK_NO_TEMPERATURE));
    put_raw(prompt, json, "top_p", prompt->top_p, no_top_p);
    put_raw(prompt, json, "top_k", prompt->top_k, no_top_p || !has(target, QUIRK_LOCAL));
    put_raw(prompt, json, "seed", prompt->seed, false);
    put_raw(prompt, json, "frequency_penalty", prompt->frequency_penalty, is_unpenalized);
    put_raw(prompt, json, "presence_penalty", prompt->presence_penalty, is_unpenalized);
    put_raw(prompt, json, "logit_bias", prompt->logit_bias, is_unpenalized);
}

static void put_logprobs(struct prompt *prompt, const struct prompt_target *target,
                         struct json_writer *json)
{
    if (prompt->logprobs != MAYBE_YES)
        return;
    if (has(target, QUIRK_NO_PENALTIES)) {
        prompt_drop(prompt, "logprobs");
        return;
    }
    json_put_bool(json, "logprobs", true);
    if (prompt->top_logprobs >= 0)
        json_put_int(json, "top_logprobs", prompt->top_logprobs);
}

static void put_stops(struct prompt *prompt, const struct prompt_target *target,
                      struct json_writer *json)
{
    size_t count = prompt->stop_count;
    if (count == 0)
        return;
    if (has(target, QUIRK_NO_STOP)) {
        prompt_drop(prompt, "stop");
        return;
    }
    if (count > OPENAI_STOPS_MAX && !has(target, QUIRK_LOCAL)) {
        count = OPENAI_STOPS_MAX;
        prompt_change(prompt, "stop");
    }
    json_open_array(json, "stop");
    for (size_t i = 0; i < count; i++)
        json_put_string(json, NULL, prompt->stops[i]);
    json_close_array(json);
}

/* ---- form of the answer ------------------------------------------------------------------------- */

static void put_schema(struct prompt *prompt, const struct prompt_target *target,
                       struct json_writer *json)
{
    struct str name = prompt->format_name.len ? prompt->format_name : STR("answer");
    json_put_string(json, "type", STR("json_schema"));
    json_open_object_named(json, "json_schema");
    json_put_string(json, "name", name);
    if (prompt->format_description.len)
        json_put_string(json, "description", prompt->format_description);
    if (prompt->format_schema.len)
        json_put_raw(json, "schema", prompt->format_schema);
    if (prompt->format_strict != MAYBE_UNSET && !has(target, QUIRK_NO_STRICT_SCHEMA))
        json_put_bool(json, "strict", prompt->format_strict == MAYBE_YES);
    else if (prompt->format_strict == MAYBE_YES)
        prompt_drop(prompt, "response_format.strict");
    json_close_object(json);
}

static void put_format(struct prompt *prompt, const struct prompt_target *target,
                       struct json_writer *json)
{
    bool has_schema = prompt->format == OUTPUT_SCHEMA && !has(target, QUIRK_NO_SCHEMA);
    if (prompt->format == OUTPUT_TEXT)
        return;
    json_open_object_named(json, "response_format");
    if (has_schema)
        put_schema(prompt, target, json);
    else
        json_put_string(json, "type", STR("json_object"));
    json_close_object(json);
    if (prompt->format == OUTPUT_SCHEMA && !has_schema)
        prompt_change(prompt, "response_format");
}

/* ---- thinking ----------------------------------------------------------------------------------- */

static struct str effort_of_budget(int64_t budget_tokens)
{
    return budget_tokens <= BUDGET_LOW_TOKENS      ? STR("low")
           : budget_tokens <= BUDGET_MEDIUM_TOKENS ? STR("medium")
                                                   : STR("high");
}

/* The effort to ask for; empty: the model's own. */
static struct str effort_of(struct prompt *prompt)
{
    if (str_eq(prompt->effort, STR("max"))) {
        prompt_change(prompt, "reasoning_effort");
        return STR("xhigh");
    }
    if (prompt->effort.len == 0 && prompt->thinking == THINKING_ON &&
        prompt->thinking_budget >= 0) {
        prompt_change(prompt, "thinking.budget_tokens");
        return effort_of_budget(prompt->thinking_budget);
    }
    return prompt->effort;
}

/* Whether the model thinks aloud is no matter of the request's fields: it is its template's. */
static void put_local_thinking(struct prompt *prompt, struct json_writer *json)
{
    if (prompt->thinking != THINKING_OFF)
        return;
    json_open_object_named(json, "chat_template_kwargs");
    json_put_bool(json, "enable_thinking", false);
    json_close_object(json);
    prompt_emulate(prompt, "thinking");
}

static void put_thinking(struct prompt *prompt, const struct prompt_target *target,
                         struct json_writer *json)
{
    struct str effort = effort_of(prompt);
    if (has(target, QUIRK_LOCAL))
        put_local_thinking(prompt, json);
    else if (prompt->thinking == THINKING_OFF && effort.len == 0)
        prompt_drop(prompt, "thinking"); /* no word for it that every model takes */
    if (effort.len == 0)
        return;
    if (!has(target, QUIRK_NO_EFFORT))
        json_put_string(json, "reasoning_effort", effort);
    else if (prompt->thinking != THINKING_OFF || !has(target, QUIRK_LOCAL))
        prompt_drop(prompt, "reasoning_effort");
}

/* ---- whose request it is ------------------------------------------------------------------------ */

/* Anthropic's word for "never above my tier" is OpenAI's default. */
static void put_tier(struct prompt *prompt, struct json_writer *json)
{
    bool is_standard = str_eq(prompt->service_tier, STR("standard_only"));
    if (prompt->service_tier.len)
        json_put_string(json, "service_tier", is_standard ? STR("default") : prompt->service_tier);
}

/* A name that is too long to be taken. */
static void put_short(struct prompt *prompt, struct json_writer *json, const char *name,
                      struct str text)
{
    if (text.len > OPENAI_USER_BYTES)
        prompt_drop(prompt, name);
    else if (text.len)
        json_put_string(json, name, text);
}

/* For a vendor's books; on our own hardware nobody asks. Metadata goes with stored answers only. */
static void put_account(struct prompt *prompt, const struct prompt_target *target,
                        struct json_writer *json)
{
    bool is_stored = prompt->store == MAYBE_YES;
    if (has(target, QUIRK_LOCAL)) {
        if (is_stored)
            prompt_drop(prompt, "store");
        return;
    }
    put_short(prompt, json, "user", prompt->user);
    put_short(prompt, json, "prompt_cache_key", prompt->cache_key);
    put_tier(prompt, json);
    if (is_stored)
        json_put_bool(json, "store", true);
    put_raw(prompt, json, "metadata", prompt->metadata, !is_stored);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void put_verbosity(struct prompt *prompt, const struct prompt_target *target,
                          struct json_writer *json)
{
    if (prompt->verbosity.len == 0)
        return;
    if (has(target, QUIRK_LOCAL))
        prompt_drop(prompt, "verbosity");
    else
        json_put_string(json, "verbosity", prompt->verbosity);
}

static void put_stream(const struct prompt *prompt, const struct prompt_target *target,
                       struct json_writer *json)
{
    if (!prompt->is_stream)
        return;
    json_put_bool(json, "stream", true);
    if (has(target, QUIRK_NO_STREAM_OPTIONS))
        return;
    json_open_object_named(json, "stream_options");
    json_put_bool(json, "include_usage", true);
    json_close_object(json);
}

/* OpenAI answers behind the assistant's last words; llama-server goes on with them. */
static void note_prefill(struct prompt *prompt, const struct prompt_target *target)
{
    if (prompt->has_prefill && !has(target, QUIRK_LOCAL))
        prompt_change(prompt, "messages.prefill");
}

enum err chat_prompt_write(struct prompt *prompt, const struct prompt_target *target,
                           struct buf *out)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_open_object(&json);
    json_put_string(&json, "model", target->model);
    chat_messages_write(prompt, target->quirks, &json);
    chat_tools_write(prompt, target->quirks, &json);
    put_limit(prompt, target, &json);
    put_sampling(prompt, target, &json);
    put_logprobs(prompt, target, &json);
    put_stops(prompt, target, &json);
    if (prompt->answers > 1)
        json_put_int(&json, "n", prompt->answers);
    put_format(prompt, target, &json);
    put_thinking(prompt, target, &json);
    put_verbosity(prompt, target, &json);
    put_account(prompt, target, &json);
    put_stream(prompt, target, &json);
    note_prefill(prompt, target);
    json_close_object(&json);
    return prompt->failed || out->failed ? ERR_NO_MEMORY : OK;
}
