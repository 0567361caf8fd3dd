/* wire/chat_messages_write.c: turns as chat completions messages.
 *
 * Three things make this more than a loop. Tool results are messages of their own, and hold only text: what
 * images they had go into the user message that follows. Local chat templates take one system message, at the start:
 * all of them are folded there. And thinking is worth something only to a local model in the middle of its own
 * tool loop.
 */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

#define SEE_NEXT    "See the next message." /* of a result that is images only */
#define FROM_RESULT "From the result of tool call "

struct talk {
    struct prompt *prompt;
    unsigned quirks;
    struct json_writer *json;
    const struct turn
        *last_asked; /* where the user spoke last: behind it is the running tool loop */
    bool is_in_loop;
};

static struct buf *out_of(const struct talk *talk)
{
    return talk->json->buf;
}

static bool is_local(const struct talk *talk)
{
    return talk->quirks & QUIRK_LOCAL;
}

/* The member's name; its value is put behind it by hand. */
static void put_name(struct talk *talk, const char *name)
{
    json_put_raw(talk->json, name, STR(""));
}

static void put_id(struct talk *talk, const char *name, struct str id)
{
    put_name(talk, name);
    tool_id_put(out_of(talk), ENDPOINT_CHAT, id);
}

/* ---- tool results -------------------------------------------------------------------------------- */

static bool is_said(struct talk *talk, const struct part *part)
{
    return chat_is_writable(talk->prompt, talk->quirks, part);
}

static bool has_media(struct talk *talk, const struct part *result)
{
    for (const struct part *part = result->inside; part; part = part->next)
        if (chat_is_media(part) && is_said(talk, part))
            return true;
    return false;
}

/* Of a tool's result: how many parts are text, and the one of them. */
static size_t count_texts(struct talk *talk, const struct part *result, const struct part **out_one)
{
    size_t count = 0;
    for (const struct part *part = result->inside; part; part = part->next) {
        if (chat_is_media(part) || !is_said(talk, part))
            continue;
        *out_one = part;
        count++;
    }
    return count;
}

/* A tool message says text only, and has no mark for an error. */
static void write_result(struct talk *talk, const struct part *result)
{
    struct json_writer *json = talk->json;
    const struct part *one = NULL;
    size_t texts = count_texts(talk, result, &one);
    if (result->is_error)
        prompt_change(talk->prompt, "tool_result.is_error");
    json_open_object(json);
    json_put_string(json, "role", STR("tool"));
    put_id(talk, "tool_call_id", result->id);
    if (texts == 0) {
        struct str silent = result->is_error ? STR("Error") : STR("");
        json_put_string(json, "content", has_media(talk, result) ? STR(SEE_NEXT) : silent);
    } else if (texts == 1 && one->kind == PART_TEXT) {
        json_put_string(json, "content", one->text);
    } else {
        json_open_array(json, "content");
        for (const struct part *part = result->inside; part; part = part->next)
            if (!chat_is_media(part) && is_said(talk, part))
                chat_part_write(talk->prompt, json, part);
        json_close_array(json);
    }
    json_close_object(json);
}

/* "From the result of tool call call_1:", with the id as the provider knows it. */
static void write_whose(struct talk *talk, struct str id)
{
    AUTO_BUF struct buf quoted;
    buf_init(&quoted, out_of(talk)->limit_bytes);
    tool_id_put(&quoted, ENDPOINT_CHAT, id);
    talk->prompt->failed |= quoted.failed;
    struct str name = quoted.len < 2 ? id : (struct str){quoted.data + 1, quoted.len - 2};
    struct str rest = prompt_join(talk->prompt, name, STR(":"));
    json_open_object(talk->json);
    chat_put_text(talk->json, prompt_join(talk->prompt, STR(FROM_RESULT), rest));
    json_close_object(talk->json);
}

/* In the user message that follows: whose images these are, and the images. */
static void write_media(struct talk *talk, const struct part *result)
{
    struct prompt *prompt = talk->prompt;
    if (!has_media(talk, result))
        return;
    write_whose(talk, result->id);
    prompt_emulate(prompt, "tool_result.images");
    for (const struct part *part = result->inside; part; part = part->next)
        if (chat_is_media(part) && is_said(talk, part))
            chat_part_write(prompt, talk->json, part);
}

/* ---- the user's turn ----------------------------------------------------------------------------- */

/* What will stand in the message itself; `out_only` is the one text, when that is all. */
static size_t count_rest(struct talk *talk, const struct turn *turn, const struct part **out_only)
{
    size_t count = 0;
    const struct part *last = NULL;
    for (const struct part *part = turn->parts; part; part = part->next) {
        bool is_result = part->kind == PART_TOOL_RESULT;
        if (is_result ? !has_media(talk, part) : !is_said(talk, part))
            continue;
        last = part;
        count++;
    }
    *out_only = count == 1 && last->kind == PART_TEXT ? last : NULL;
    return count;
}

static bool has_result(const struct turn *turn)
{
    const struct part *part = turn->parts;
    while (part && part->kind != PART_TOOL_RESULT)
        part = part->next;
    return part;
}

static void write_rest(struct talk *talk, const struct turn *turn, struct str role)
{
    struct json_writer *json = talk->json;
    const struct part *only;
    size_t count = count_rest(talk, turn, &only);
    if (count == 0 && has_result(turn))
        return; /* the tool messages were all of it */
    json_open_object(json);
    json_put_string(json, "role", role);
    if (count == 0 || only) {
        json_put_string(json, "content", only ? only->text : STR(""));
    } else {
        json_open_array(json, "content");
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind == PART_TOOL_RESULT)
                write_media(talk, part);
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind != PART_TOOL_RESULT && is_said(talk, part))
                chat_part_write(talk->prompt, json, part);
        json_close_array(json);
    }
    json_close_object(json);
}

static void write_user(struct talk *talk, const struct turn *turn)
{
    for (const struct part *part = turn->parts; part; part = part->next)
        if (part->kind == PART_TOOL_RESULT)
            write_result(talk, part);
    write_rest(talk, turn, STR("user"));
}

/* ---- the assistant's turn ------------------------------------------------------------------------ */

/* All texts of one kind as one string, nothing between them: that is how they were told. */
static void put_joined(struct talk *talk, const char *name, const struct turn *turn,
                       enum part_kind kind)
{
    AUTO_BUF struct buf joined;
    buf_init(&joined, out_of(talk)->limit_bytes);
    for (const struct part *part = turn->parts; part; part = part->next)
        if (part->kind == kind)
            buf_append_str(&joined, part->text);
    talk->prompt->failed |= joined.failed;
    json_put_string(talk->json, name, buf_str(&joined));
}

void chat_put_input(struct buf *out, struct str input)
{
    buf_append_lit(out, "{\"input\":");
    json_quote(out, input);
    buf_putc(out, '}');
}

/* Arguments are JSON text in a string. llama-server parses them for its template, and fails on anything but an object. */
static void put_arguments(struct talk *talk, const struct part *call)
{
    AUTO_BUF struct buf wrapped;
    struct str text = call->arguments;
    buf_init(&wrapped, out_of(talk)->limit_bytes);
    if (call->is_custom) {
        chat_put_input(&wrapped, call->text);
    } else if (text.len == 0) {
        buf_append_lit(&wrapped, "{}");
    } else if (is_local(talk) && !prompt_is_object(talk->prompt, text)) {
        prompt_change(talk->prompt, "tool_arguments");
        buf_append_lit(&wrapped, "{\"arguments\":");
        json_quote(&wrapped, text);
        buf_putc(&wrapped, '}');
    }
    talk->prompt->failed |= wrapped.failed;
    json_put_string(talk->json, "arguments", wrapped.len ? buf_str(&wrapped) : text);
}

static void write_call(struct talk *talk, const struct part *call)
{
    struct json_writer *json = talk->json;
    struct str name = tool_name_out(talk->prompt->names, call->space, call->name, call->is_custom);
    if (name.len == 0)
        talk->prompt->failed = true;
    json_open_object(json);
    put_id(talk, "id", call->id);
    json_put_string(json, "type", STR("function"));
    json_open_object_named(json, "function");
    json_put_string(json, "name", name);
    put_arguments(talk, call);
    json_close_object(json);
    json_close_object(json);
}

static void write_calls(struct talk *talk, const struct turn *turn)
{
    json_open_array(talk->json, "tool_calls");
    for (const struct part *part = turn->parts; part; part = part->next)
        if (part->kind == PART_TOOL_CALL)
            write_call(talk, part);
    json_close_array(talk->json);
}

static void count_kinds(const struct turn *turn, size_t counts[PART_KIND_COUNT])
{
    for (const struct part *part = turn->parts; part; part = part->next)
        counts[part->kind]++;
}

/* A local model needs its thoughts back while its tools run; nobody else takes them here. */
static bool keeps_thinking(struct talk *talk, const size_t counts[PART_KIND_COUNT])
{
    bool is_kept = is_local(talk) && talk->is_in_loop && counts[PART_TOOL_CALL] > 0;
    if (counts[PART_SEALED] > 0 || (counts[PART_THINKING] > 0 && !is_kept))
        prompt_drop(talk->prompt, "thinking");
    return is_kept && counts[PART_THINKING] > 0;
}

static void write_assistant(struct talk *talk, const struct turn *turn)
{
    size_t counts[PART_KIND_COUNT] = {0};
    count_kinds(turn, counts);
    bool has_thinking = keeps_thinking(talk, counts);
    bool has_calls = counts[PART_TOOL_CALL] > 0, has_text = counts[PART_TEXT] > 0;
    bool has_refusal = counts[PART_REFUSAL] > 0;
    if (counts[PART_IMAGE] + counts[PART_DOCUMENT] + counts[PART_AUDIO] > 0)
        prompt_drop(talk->prompt, "messages.content");
    if (turn->parts && !has_calls && !has_text && !has_refusal)
        return; /* nothing of it can be said here */

    json_open_object(talk->json);
    json_put_string(talk->json, "role", STR("assistant"));
    if (has_thinking)
        put_joined(talk, "reasoning_content", turn, PART_THINKING);
    if (has_text || (!has_calls && !has_refusal))
        put_joined(talk, "content", turn, PART_TEXT);
    else
        json_put_null(talk->json, "content");
    if (has_refusal)
        put_joined(talk, "refusal", turn, PART_REFUSAL);
    if (has_calls)
        write_calls(talk, turn);
    json_close_object(talk->json);
}

/* ---- system and developer ------------------------------------------------------------------------ */

static bool is_instruction(const struct turn *turn)
{
    return turn->role == TURN_SYSTEM || turn->role == TURN_DEVELOPER;
}

/* Left out for a model of our own, which is noted. */
static bool is_billing(const struct talk *talk, const struct part *part)
{
    bool is_noted = is_local(talk) && prompt_is_billing(part);
    if (is_noted)
        prompt_emulate(talk->prompt, "system.billing_header");
    return is_noted;
}

/* All instructions, in their order, as one message at the start. */
static void write_folded(struct talk *talk)
{
    AUTO_BUF struct buf folded;
    size_t turns = 0;
    bool is_first = true;
    buf_init(&folded, out_of(talk)->limit_bytes);
    for (const struct turn *turn = talk->prompt->turns; turn; turn = turn->next) {
        if (!is_instruction(turn)) {
            is_first = false;
            continue;
        }
        if (++turns > 1 || !is_first)
            prompt_emulate(talk->prompt, "messages.system");
        if (turn->role == TURN_DEVELOPER)
            prompt_emulate(talk->prompt, "messages.developer");
        for (const struct part *part = turn->parts; part; part = part->next) {
            if (part->kind != PART_TEXT || is_billing(talk, part))
                continue;
            if (folded.len)
                buf_append_lit(&folded, "\n\n");
            buf_append_str(&folded, part->text);
        }
    }
    talk->prompt->failed |= folded.failed;
    if (folded.len == 0)
        return;
    json_open_object(talk->json);
    json_put_string(talk->json, "role", STR("system"));
    json_put_string(talk->json, "content", buf_str(&folded));
    json_close_object(talk->json);
}

/* The turn without what is only for others. */
static void write_instruction(struct talk *talk, const struct turn *turn)
{
    bool is_developer = turn->role == TURN_DEVELOPER;
    if (is_developer && (talk->quirks & QUIRK_NO_DEVELOPER_ROLE)) {
        prompt_emulate(talk->prompt, "messages.developer");
        is_developer = false;
    }
    struct turn kept = *turn;
    while (kept.parts && is_billing(talk, kept.parts))
        kept.parts = kept.parts->next;
    if (turn->parts && !kept.parts)
        return;
    write_rest(talk, &kept, is_developer ? STR("developer") : STR("system"));
}

static bool are_one(const struct turn *last, const struct turn *turn)
{
    return last && last->role == turn->role && last->parts && turn->parts && !has_result(last) &&
           !has_result(turn);
}

/* Without the instructions that stood between them, turns of one side meet; templates want the sides in turn. */
static void join_turns(struct prompt *prompt)
{
    struct turn *last = NULL, *before = NULL;
    for (struct turn *turn = prompt->turns; turn; before = turn, turn = turn->next) {
        if (is_instruction(turn))
            continue;
        if (!are_one(last, turn)) {
            last = turn;
            continue;
        }
        last->last_part->next = turn->parts;
        last->last_part = turn->last_part;
        before->next = turn->next;
        if (prompt->last_turn == turn)
            prompt->last_turn = before;
        turn = before;
    }
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* Did a person speak here? With results of tools a client may send reminders of its own: these are no question. */
static bool is_asking(const struct turn *turn)
{
    return turn->role == TURN_USER && !has_result(turn);
}

static void write_turn(struct talk *talk, const struct turn *turn)
{
    if (turn->role == TURN_USER)
        write_user(talk, turn);
    else if (turn->role == TURN_ASSISTANT)
        write_assistant(talk, turn);
    else if (!(talk->quirks & QUIRK_ONE_SYSTEM_FIRST))
        write_instruction(talk, turn);
    talk->is_in_loop = talk->is_in_loop || turn == talk->last_asked;
}

void chat_messages_write(struct prompt *prompt, unsigned quirks, struct json_writer *json)
{
    struct talk talk = {.prompt = prompt, .quirks = quirks, .json = json};
    if (quirks & QUIRK_ONE_SYSTEM_FIRST)
        join_turns(prompt);
    for (const struct turn *turn = prompt->turns; turn; turn = turn->next)
        if (is_asking(turn))
            talk.last_asked = turn;
    talk.is_in_loop = !talk.last_asked;
    json_open_array(json, "messages");
    if (quirks & QUIRK_ONE_SYSTEM_FIRST)
        write_folded(&talk);
    for (const struct turn *turn = prompt->turns; turn; turn = turn->next)
        write_turn(&talk, turn);
    json_close_array(json);
}
