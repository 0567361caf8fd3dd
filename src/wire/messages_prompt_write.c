/* wire/messages_prompt_write.c: a whole request as a messages body: first what is decided, then field by field.
 *
 * Anthropic refuses what it does not know, and much of what it knows in the wrong company. So what OpenAI's callers send
 * and no messages provider takes is left out here, with its note, rather than sent along in hope.
 */
#include "wire/messages_parts.h"
#include "wire/tool_pairs.h"

#define MAX_TOKENS_OTHERWISE \
    32000 /* the field is required; for a caller who gives none, of a model unknown */
#define TOP_P_WITH_THINKING 0.95 /* and above: what is taken of top_p */
#define TOP_P_SAME_AS_NONE  0.99

static bool has_quirk(const struct messages_plan *plan, enum quirk quirk)
{
    return (plan->target->quirks & (unsigned)quirk) != 0;
}

/* ---- decided beforehand ----------------------------------------------------------------------- */

static void plan_max_tokens(struct messages_plan *plan)
{
    struct prompt *prompt = plan->prompt;
    int64_t most = plan->target->max_output_tokens;
    plan->max_tokens = prompt->max_tokens;
    if (plan->max_tokens < 0)
        plan->max_tokens = most > 0 ? most : MAX_TOKENS_OTHERWISE;
    if (most > 0 && plan->max_tokens > most) {
        plan->max_tokens = most;
        prompt_change(prompt, "max_tokens");
    }
}

static void plan_choice(struct messages_plan *plan)
{
    bool is_forced = plan->prompt->choice == CHOICE_ANY || plan->prompt->choice == CHOICE_NAMED;
    plan->choice = plan->prompt->choice;
    if (is_forced && has_quirk(plan, QUIRK_NO_FORCED_TOOL)) {
        plan->choice = CHOICE_AUTO;
        prompt_change(plan->prompt, "tool_choice");
    }
}

/* ---- sampling --------------------------------------------------------------------------------- */

static bool number_of(struct prompt *prompt, struct str raw, double *out_value)
{
    struct json root;
    return raw.len > 0 && json_parse(prompt->scratch, raw, &root, NULL) == OK &&
           json_double(root, out_value);
}

/* True when it was written. 1 is the default, so that leaving it out changes nothing. */
static bool put_temperature(const struct messages_plan *plan, struct json_writer *writer)
{
    struct prompt *prompt = plan->prompt;
    double value;
    if (!number_of(prompt, prompt->temperature, &value))
        return false;
    if (messages_thinks(plan) || has_quirk(plan, QUIRK_NO_TEMPERATURE)) {
        if (value < 1 || value > 1)
            prompt_drop(prompt, "temperature");
        return false;
    }
    struct str fitting = value > 1 ? STR("1") : value < 0 ? STR("0") : prompt->temperature;
    if (value > 1 || value < 0)
        prompt_change(prompt, "temperature");
    json_put_raw(writer, "temperature", fitting);
    return true;
}

/* Newer models take one of temperature and top_p, not both: of the two, temperature is what callers turn. */
static void put_top_p(const struct messages_plan *plan, struct json_writer *writer,
                      bool has_temperature)
{
    struct prompt *prompt = plan->prompt;
    double value;
    if (!number_of(prompt, prompt->top_p, &value))
        return;
    bool is_refused = has_temperature || has_quirk(plan, QUIRK_NO_TOP_P) ||
                      (messages_thinks(plan) && value < TOP_P_WITH_THINKING);
    if (!is_refused)
        json_put_raw(writer, "top_p", prompt->top_p);
    else if (value < TOP_P_SAME_AS_NONE)
        prompt_drop(prompt, "top_p");
}

static void put_top_k(const struct messages_plan *plan, struct json_writer *writer)
{
    struct prompt *prompt = plan->prompt;
    double value;
    if (!number_of(prompt, prompt->top_k, &value))
        return;
    if (messages_thinks(plan) || has_quirk(plan, QUIRK_NO_TOP_P))
        prompt_drop(prompt, "top_k");
    else
        json_put_raw(writer, "top_k", prompt->top_k);
}

static void put_stops(const struct messages_plan *plan, struct json_writer *writer)
{
    struct prompt *prompt = plan->prompt;
    bool has_any = false;
    for (size_t i = 0; i < prompt->stop_count; i++) {
        if (messages_is_blank(prompt->stops[i]) || has_quirk(plan, QUIRK_NO_STOP)) {
            prompt_drop(prompt, "stop");
            continue;
        }
        if (!has_any)
            json_open_array(writer, "stop_sequences");
        has_any = true;
        json_put_string(writer, NULL, prompt->stops[i]);
    }
    if (has_any)
        json_close_array(writer);
}

/* ---- thinking and the answer's form ------------------------------------------------------------ */

static void put_thinking(const struct messages_plan *plan, struct json_writer *writer)
{
    static const char *const types[] = {[MESSAGES_THINKING_UNSAID] = NULL,
                                        [MESSAGES_THINKING_DISABLED] = "disabled",
                                        [MESSAGES_THINKING_ADAPTIVE] = "adaptive",
                                        [MESSAGES_THINKING_BUDGET] = "enabled"};
    if (!types[plan->thinking])
        return;
    json_open_object_named(writer, "thinking");
    json_put_text(writer, "type", types[plan->thinking]);
    if (plan->thinking == MESSAGES_THINKING_BUDGET)
        json_put_int(writer, "budget_tokens", plan->budget_tokens);
    if (plan->display.len)
        json_put_string(writer, "display", plan->display);
    json_close_object(writer);
}

static void put_output_config(const struct messages_plan *plan, struct json_writer *writer)
{
    struct prompt *prompt = plan->prompt;
    bool has_schema = prompt->format == OUTPUT_SCHEMA && !has_quirk(plan, QUIRK_NO_SCHEMA);
    if (prompt->format_description.len)
        prompt_drop(prompt, "response_format.description");
    if (!has_schema && plan->effort.len == 0)
        return;
    json_open_object_named(writer, "output_config");
    if (plan->effort.len)
        json_put_string(writer, "effort", plan->effort);
    if (has_schema) {
        json_open_object_named(writer, "format");
        json_put_text(writer, "type", "json_schema");
        json_put_raw(writer, "schema", prompt->format_schema);
        json_close_object(writer);
    }
    json_close_object(writer);
}

/* ---- who and how ------------------------------------------------------------------------------- */

/* Anthropic wants an opaque id, and refuses one that is somebody's address. */
static void put_user(const struct messages_plan *plan, struct json_writer *writer)
{
    struct str user = plan->prompt->user;
    if (user.len == 0)
        return;
    if (str_find(user, STR("@"), NULL)) {
        prompt_drop(plan->prompt, "user");
        return;
    }
    json_open_object_named(writer, "metadata");
    json_put_string(writer, "user_id", user);
    json_close_object(writer);
}

/* OpenAI's default is what Anthropic calls standard_only; flex, priority and scale are nowhere else. */
static void put_service_tier(const struct messages_plan *plan, struct json_writer *writer)
{
    struct str tier = plan->prompt->service_tier;
    if (str_eq(tier, STR("auto")))
        json_put_text(writer, "service_tier", "auto");
    else if (str_eq(tier, STR("default")) || str_eq(tier, STR("standard_only")))
        json_put_text(writer, "service_tier", "standard_only");
    else if (tier.len)
        prompt_drop(plan->prompt, "service_tier");
}

static bool is_not_zero(struct prompt *prompt, struct str raw)
{
    double value;
    return number_of(prompt, raw, &value) && (value < 0 || value > 0);
}

/* An object or array with something in it. */
static bool is_not_empty(struct prompt *prompt, struct str raw)
{
    struct json root;
    return raw.len > 0 && json_parse(prompt->scratch, raw, &root, NULL) == OK &&
           json_count(root) > 0;
}

static void note_what_is_unknown_here(struct prompt *prompt)
{
    const struct {
        bool is_asked;
        const char *field;
    } losses[] = {
        {prompt->seed.len > 0, "seed"},
        {prompt->answers > 1, "n"},
        {is_not_zero(prompt, prompt->frequency_penalty), "frequency_penalty"},
        {is_not_zero(prompt, prompt->presence_penalty), "presence_penalty"},
        {is_not_empty(prompt, prompt->logit_bias), "logit_bias"},
        {prompt->logprobs == MAYBE_YES || prompt->top_logprobs > 0, "logprobs"},
        {prompt->verbosity.len && !str_eq(prompt->verbosity, STR("medium")), "verbosity"},
        {is_not_empty(prompt, prompt->metadata), "metadata"},
        {prompt->store == MAYBE_YES, "store"},
    };
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
        if (losses[i].is_asked)
            prompt_drop(prompt, losses[i].field);
}

enum err messages_prompt_write(struct prompt *prompt, const struct prompt_target *target,
                               struct buf *out)
{
    struct messages_plan plan = {.prompt = prompt, .target = target};
    struct json_writer writer;
    tool_pairs_find(prompt);
    plan_max_tokens(&plan);
    plan_choice(&plan);
    messages_plan_thinking(&plan);
    note_what_is_unknown_here(prompt);

    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_string(&writer, "model", target->model);
    json_put_int(&writer, "max_tokens", plan.max_tokens);
    if (prompt->is_stream)
        json_put_bool(&writer, "stream", true);
    messages_write_turns(&plan, &writer);
    messages_write_tools(&plan, &writer);
    put_thinking(&plan, &writer);
    put_output_config(&plan, &writer);
    bool has_temperature = put_temperature(&plan, &writer);
    put_top_p(&plan, &writer, has_temperature);
    put_top_k(&plan, &writer);
    put_stops(&plan, &writer);
    put_user(&plan, &writer);
    put_service_tier(&plan, &writer);
    json_close_object(&writer);
    return prompt->failed || out->failed ? ERR_NO_MEMORY : OK;
}
