/* wire/messages_turns_write.c: `system` and `messages`, in the order that Anthropic wants.
 *
 * Its rules, each of which costs a 400: user and assistant take turns, the user first; a turn is not empty; the
 * results of all calls of a turn stand at the head of the next one; an unfinished last turn of the assistant ends
 * in no white space. OpenAI's callers know none of them. So a message is opened when its first block is there, and closed when
 * somebody else speaks; and whoever speaks behind calls, their results go first.
 */
#include "wire/messages_parts.h"

#include "wire/tool_pairs.h"

#define WRAP_EXTRA 32 /* bytes around a system text in mid-conversation */

/* The message in hand. */
struct speech {
    const struct messages_plan *plan;
    struct json_writer *writer;
    const struct turn *turn; /* where we are in the conversation */
    const struct turn
        *run; /* the assistant's first turn of this message; NULL when the user speaks */
    size_t pending_calls; /* whose results are next */
    bool is_open, is_user, has_any;
};

static bool is_system(const struct turn *turn)
{
    return turn && (turn->role == TURN_SYSTEM || turn->role == TURN_DEVELOPER);
}

/* ---- whose turn it is ------------------------------------------------------------------------- */

static void close_message(struct speech *speech)
{
    if (!speech->is_open)
        return;
    json_close_array(speech->writer);
    json_close_object(speech->writer);
    speech->is_open = false;
}

static void open_message(struct speech *speech, bool is_user)
{
    json_open_object(speech->writer);
    json_put_text(speech->writer, "role", is_user ? "user" : "assistant");
    json_open_array(speech->writer, "content");
    speech->is_open = speech->has_any = true;
    speech->is_user = is_user;
}

static void put_results(struct speech *speech)
{
    for (const struct turn *turn = speech->run; turn != speech->turn; turn = turn->next) {
        if (turn->role != TURN_ASSISTANT)
            continue;
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind == PART_TOOL_CALL)
                messages_write_result(speech->plan, speech->writer, part);
    }
    speech->pending_calls = 0;
}

static void let_user_speak(struct speech *speech)
{
    if (speech->is_open && speech->is_user)
        return;
    close_message(speech);
    open_message(speech, true);
    if (speech->run)
        put_results(speech);
    speech->run = NULL;
}

static void let_assistant_speak(struct speech *speech)
{
    if (speech->is_open && !speech->is_user)
        return;
    if (!speech->has_any) {
        let_user_speak(speech);
        messages_write_text(speech->writer, STR("."));
        prompt_change(speech->plan->prompt, "messages");
    }
    close_message(speech);
    open_message(speech, false);
    speech->run = speech->turn;
}

/* ---- turns ------------------------------------------------------------------------------------ */

/* A system turn in mid-conversation: Anthropic's older models know no such thing. */
static void put_system_turn(struct speech *speech)
{
    struct prompt *prompt = speech->plan->prompt;
    for (const struct part *part = speech->turn->parts; part; part = part->next) {
        if (part->kind != PART_TEXT || messages_is_blank(part->text))
            continue;
        AUTO_BUF struct buf text;
        buf_init(&text, part->text.len + WRAP_EXTRA);
        buf_append_lit(&text, "<system>\n");
        buf_append_str(&text, part->text);
        buf_append_lit(&text, "\n</system>");
        prompt->failed = prompt->failed || text.failed;
        let_user_speak(speech);
        messages_write_text(speech->writer, buf_str(&text));
        prompt_emulate(prompt, "messages.system");
    }
}

/* A result whose call is not there, or has its result already: told in plain words. */
static void put_stray(struct speech *speech, const struct part *result)
{
    const struct messages_plan *plan = speech->plan;
    prompt_change(plan->prompt, "tool_result");
    bool has_head = false;
    for (const struct part *part = result->inside; part; part = part->next) {
        if (!messages_takes(plan, part))
            continue;
        let_user_speak(speech);
        if (!has_head)
            messages_write_text(speech->writer, STR("The result of a tool:"));
        has_head = true;
        messages_write_block(plan, speech->writer, part);
    }
}

static void put_result_part(struct speech *speech, const struct part *result)
{
    if (!result->partner)
        put_stray(speech, result);
    else if (speech->pending_calls)
        let_user_speak(speech); /* it and its fellows, in the order of the calls */
}

static void put_user_turn(struct speech *speech)
{
    for (const struct part *part = speech->turn->parts; part; part = part->next) {
        if (part->kind == PART_TOOL_RESULT) {
            put_result_part(speech, part);
        } else if (messages_takes(speech->plan, part)) {
            let_user_speak(speech);
            messages_write_block(speech->plan, speech->writer, part);
        }
    }
}

static void put_assistant_turn(struct speech *speech)
{
    for (const struct part *part = speech->turn->parts; part; part = part->next) {
        if (part->kind == PART_TOOL_RESULT || !messages_takes(speech->plan, part))
            continue;
        let_assistant_speak(speech);
        messages_write_block(speech->plan, speech->writer, part);
        speech->pending_calls += part->kind == PART_TOOL_CALL;
    }
}

/* An unfinished answer that the model shall go on with must not end in white space. */
static void trim_prefill(const struct prompt *prompt)
{
    struct part *last = NULL;
    for (struct turn *turn = prompt->turns; turn; turn = turn->next) {
        if (turn->role != TURN_ASSISTANT)
            last = NULL;
        else
            for (struct part *part = turn->parts; part; part = part->next)
                if (part->kind != PART_TEXT || !messages_is_blank(part->text))
                    last = part;
    }
    if (!last || last->kind != PART_TEXT)
        return;
    while (messages_is_blank(str_from(last->text, last->text.len - 1)))
        last->text.len--;
}

static void put_conversation(struct speech *speech)
{
    for (; speech->turn; speech->turn = speech->turn->next) {
        if (is_system(speech->turn))
            put_system_turn(speech);
        else if (speech->turn->role == TURN_ASSISTANT)
            put_assistant_turn(speech);
        else
            put_user_turn(speech);
    }
    if (speech->pending_calls)
        let_user_speak(speech);
    if (!speech->has_any) { /* a system prompt alone: there must be something to answer to */
        let_user_speak(speech);
        messages_write_text(speech->writer, STR("."));
        prompt_change(speech->plan->prompt, "messages");
    }
    close_message(speech);
}

/* ---- the system prompt ------------------------------------------------------------------------ */

/* The array is there only when something is in it. */
static void put_system_text(struct json_writer *writer, bool *has_any, struct str text)
{
    if (!*has_any)
        json_open_array(writer, "system");
    *has_any = true;
    messages_write_text(writer, text);
}

/* What the answer shall look like, where the provider has no field for it. */
static void put_format(const struct messages_plan *plan, struct json_writer *writer, bool *has_any)
{
    struct prompt *prompt = plan->prompt;
    if (prompt->format == OUTPUT_JSON) {
        put_system_text(writer, has_any, STR("Answer with one JSON object and nothing else."));
        prompt_emulate(prompt, "response_format");
    }
    if (prompt->format == OUTPUT_SCHEMA && (plan->target->quirks & QUIRK_NO_SCHEMA)) {
        struct str text = prompt_join(
            prompt,
            STR("Answer with one JSON object that fits this JSON schema, and nothing else:\n"),
            prompt->format_schema);
        put_system_text(writer, has_any, text);
        prompt_change(prompt, "response_format");
    }
}

/* Returns the first turn behind it. */
static const struct turn *put_system(const struct messages_plan *plan, struct json_writer *writer)
{
    struct prompt *prompt = plan->prompt;
    bool has_any = false, is_local = (plan->target->quirks & QUIRK_LOCAL) != 0;
    const struct turn *turn = prompt->turns;
    for (; is_system(turn); turn = turn->next) {
        if (turn->role == TURN_DEVELOPER)
            prompt_emulate(prompt, "messages.developer");
        for (const struct part *part = turn->parts; part; part = part->next) {
            if (part->kind != PART_TEXT)
                prompt_drop(prompt, "messages.system");
            else if (is_local && prompt_is_billing(part))
                prompt_emulate(prompt, "system.billing_header");
            else if (!messages_is_blank(part->text))
                put_system_text(writer, &has_any, part->text);
        }
    }
    put_format(plan, writer, &has_any);
    if (has_any)
        json_close_array(writer);
    return turn;
}

void messages_write_turns(const struct messages_plan *plan, struct json_writer *writer)
{
    struct speech speech = {.plan = plan, .writer = writer};
    trim_prefill(plan->prompt);
    speech.turn = put_system(plan, writer);
    json_open_array(writer, "messages");
    put_conversation(&speech);
    json_close_array(writer);
}
