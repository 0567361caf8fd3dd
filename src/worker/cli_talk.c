/* worker/cli_talk.c: what the talks with all tools share: the state, the answer's parts, calls and their results.
 *
 * Calls. That a call was said (talk_call_of) and that the tool asks for its result (talk_asked) are two things, in either
 * order, and the second may come as late as the answer to another call. So results are kept under the call's id and given when
 * asked for; the answer ends where the tool's file says, never at the first question.
 */
#include "worker/cli_talk.h"

#include "worker/cli_tool.h"

#include <stdarg.h>
#include <stdio.h>

#define ACTIVITY_MAX 240 /* bytes shown of what an own tool was told */
#define RESULT_MAX   (48u << 20)

/* ---- state -------------------------------------------------------------------------------------- */

/* From where to where. An answer that has ended begins again by results only; what failed or is done stays so. */
static bool may_turn(enum talk_state from, enum talk_state to)
{
    switch (from) {
    case TALK_GOING: return to != TALK_GOING;
    case TALK_HANDED_OVER: return to == TALK_GOING || to == TALK_FAILED;
    default: return false;
    }
}

void talk_turn(struct cli_talk *talk, enum talk_state state)
{
    if (may_turn(talk->state, state))
        talk->state = state;
}

void talk_done(struct cli_talk *talk, enum stop_reason stop)
{
    talk_close(talk);
    talk->stop = stop;
    talk_turn(talk, TALK_DONE);
}

void talk_fail(struct cli_talk *talk, int status, const char *format, ...)
{
    va_list args;
    if (!may_turn(talk->state, TALK_FAILED))
        return;
    va_start(args, format);
    (void)vsnprintf(talk->trouble.sentence, sizeof talk->trouble.sentence, format, args);
    va_end(args);
    talk->trouble.status = status;
    talk_turn(talk, TALK_FAILED);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void begin_answer(struct cli_talk *talk)
{
    usage_init(&talk->usage);
    talk->stop = STOP_UNKNOWN;
    talk->has_said = talk->is_open = talk->is_passing = false;
}

enum err talk_init(struct cli_talk *talk, const struct cli_tool *tool, struct json_reader *json)
{
    *talk = (struct cli_talk){.tool = tool, .json = json};
    buf_init(&talk->out, TALK_OUT_MAX);
    arena_init(&talk->arena, TALK_ARENA_MAX);
    begin_answer(talk);
    talk->own = mem_zalloc(1, tool->own_bytes ? tool->own_bytes : 1);
    return talk->own ? OK : ERR_NO_MEMORY;
}

static void free_call(struct talk_call *call)
{
    mem_free(call->id);
    mem_free(call->shown_id);
    mem_free(call->ask);
    mem_free(call->ask_id);
    mem_free(call->result);
}

/* All, or those that are answered. */
static void free_calls(struct cli_talk *talk, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < talk->call_count; i++) {
        if (all || talk->calls[i].is_answered)
            free_call(&talk->calls[i]);
        else
            talk->calls[kept++] = talk->calls[i];
    }
    talk->call_count = kept;
}

void talk_release(struct cli_talk *talk)
{
    if (talk->own && talk->tool->own_release)
        talk->tool->own_release(talk);
    free_calls(talk, true);
    mem_free(talk->own);
    mem_free(talk->caller_tools);
    buf_release(&talk->out);
    arena_release(&talk->arena);
    *talk = (struct cli_talk){0};
}

enum err talk_add_caller_tool(struct cli_talk *talk, struct str name)
{
    struct str *more =
        mem_realloc(talk->caller_tools, (talk->caller_tool_count + 1) * sizeof *more);
    char *copy = arena_dup(&talk->arena, name.at, name.len);
    if (more)
        talk->caller_tools = more;
    if (!more || !copy)
        return ERR_NO_MEMORY;
    more[talk->caller_tool_count++] = (struct str){copy, name.len};
    return OK;
}

bool talk_is_callers(const struct cli_talk *talk, struct str name)
{
    for (size_t i = 0; i < talk->caller_tool_count; i++)
        if (str_eq(talk->caller_tools[i], name))
            return true;
    return false;
}

void talk_line(struct cli_talk *talk, struct str line)
{
    struct json root;
    enum err err = json_parse(talk->json, line, &root, NULL);
    if (err == ERR_NO_MEMORY) /* what it said would be missing in the middle of an answer */
        talk_fail(talk, 503, "no memory to hear %s", talk->tool->name);
    if (err != OK || json_type_of(root) != JSON_OBJECT)
        return;
    talk->line = line;
    talk->tool->on_line(talk, root);
    talk->line = STR("");
    if (talk->out.failed)
        talk_fail(talk, 503, "no memory to answer %s", talk->tool->name);
}

/* The last line of what it wrote to stderr that says something. */
static struct str last_line(struct str text)
{
    struct str last = STR("");
    while (text.len) {
        struct str line = str_trim(str_cut(&text, '\n'));
        if (line.len)
            last = line;
    }
    return last;
}

void talk_ended(struct cli_talk *talk, int exit_status, struct str stderr_tail)
{
    struct str line = str_upto(last_line(stderr_tail), 160);
    if (line.len)
        talk_fail(talk, 502, "%s ended (status %d) before its answer was whole: %.*s",
                  talk->tool->name, exit_status, STR_ARG(line));
    else
        talk_fail(talk, 502, "%s ended (status %d) before its answer was whole", talk->tool->name,
                  exit_status);
}

void talk_interrupt(struct cli_talk *talk)
{
    if (talk->tool->interrupt)
        talk->tool->interrupt(talk);
}

/* ---- what it says -------------------------------------------------------------------------------- */

static void tell(struct cli_talk *talk, const struct answer_event *event)
{
    if (talk->state != TALK_GOING)
        return;
    talk->has_said = true;
    talk->on_event(talk->arg, event);
}

void talk_close(struct cli_talk *talk)
{
    if (!talk->is_open)
        return;
    talk->is_open = false;
    tell(talk, &(struct answer_event){.kind = ANSWER_PART_END, .part = talk->open_part});
}

static bool is_hidden(const struct cli_talk *talk, enum part_kind part)
{
    return (part == PART_THINKING || part == PART_SEALED) && !talk->shows_thinking;
}

void talk_say(struct cli_talk *talk, enum part_kind part, struct str key, struct str text)
{
    if (text.len == 0 || is_hidden(talk, part) || talk->is_passing)
        return;
    key = str_upto(key, sizeof talk->open_key - 1);
    if (talk->is_open && (talk->open_part != part || !str_eq(str_of(talk->open_key), key)))
        talk_close(talk);
    if (!talk->is_open) {
        talk->is_open = true;
        talk->open_part = part;
        str_copy(key, talk->open_key, sizeof talk->open_key);
        tell(talk, &(struct answer_event){.kind = ANSWER_PART_BEGIN, .part = part});
    }
    tell(talk, &(struct answer_event){.kind = ANSWER_PART_DELTA, .part = part, .text = text});
}

void talk_activity(struct cli_talk *talk, struct str name, struct str what)
{
    char shown[ACTIVITY_MAX];
    str_copy(what, shown, sizeof shown); /* never in the middle of a character */
    AUTO_BUF struct buf text;
    buf_init(&text, ACTIVITY_MAX + 256);
    buf_printf(&text, "[%.*s] %s\n", (int)(name.len < 100 ? name.len : 100), name.at, shown);
    talk_say(talk, PART_THINKING, STR("activity"), buf_str(&text));
}

void talk_pass(struct cli_talk *talk, const struct answer_event *event)
{
    bool is_of_part = event->kind == ANSWER_PART_BEGIN || event->kind == ANSWER_PART_DELTA ||
                      event->kind == ANSWER_ANNOTATION || event->kind == ANSWER_PART_END;
    if (!is_of_part || is_hidden(talk, event->part))
        return;
    if (event->kind == ANSWER_PART_BEGIN)
        talk_close(talk);
    talk->is_passing = event->kind != ANSWER_PART_END;
    tell(talk, event);
}

void talk_call(struct cli_talk *talk, struct str id, struct str name, struct str arguments)
{
    struct answer_event event = {
        .kind = ANSWER_PART_BEGIN, .part = PART_TOOL_CALL, .id = id, .name = name};
    if (!talk_call_of(talk, id))
        return;
    talk_close(talk);
    tell(talk, &event);
    event =
        (struct answer_event){.kind = ANSWER_PART_DELTA, .part = PART_TOOL_CALL, .text = arguments};
    tell(talk, &event);
    tell(talk, &(struct answer_event){.kind = ANSWER_PART_END, .part = PART_TOOL_CALL});
}

static void add(int64_t *sum, int64_t more)
{
    if (more >= 0)
        *sum = (*sum > 0 ? *sum : 0) + more;
}

void talk_add_usage(struct cli_talk *talk, const struct usage *more)
{
    add(&talk->usage.input_tokens, more->input_tokens);
    add(&talk->usage.output_tokens, more->output_tokens);
    add(&talk->usage.cached_tokens, more->cached_tokens);
    add(&talk->usage.cache_write_tokens, more->cache_write_tokens);
    add(&talk->usage.reasoning_tokens, more->reasoning_tokens);
}

/* ---- calls ----------------------------------------------------------------------------------------- */

static char *dup(struct str text)
{
    return mem_dup(text.at, text.len);
}

static char *shown_id_of(struct str id)
{
    AUTO_BUF struct buf quoted;
    buf_init(&quoted, 64u * 1024);
    tool_id_put(&quoted, ENDPOINT_MESSAGES, id);
    return quoted.len >= 2 && !quoted.failed
               ? dup((struct str){quoted.data + 1, quoted.len - 2}) /* ids need no escapes */
               : NULL;
}

/* As if it had just been said. */
static void forget(struct talk_call *call)
{
    mem_free(call->ask);
    mem_free(call->ask_id);
    mem_free(call->result);
    *call = (struct talk_call){.id = call->id, .shown_id = call->shown_id};
}

struct talk_call *talk_call_of(struct cli_talk *talk, struct str id)
{
    for (size_t i = 0; i < talk->call_count; i++) {
        if (!str_eq(str_of(talk->calls[i].id), id))
            continue;
        if (talk->calls[i].is_answered) /* some services give the same ids in every answer */
            forget(&talk->calls[i]);
        return &talk->calls[i];
    }
    if (talk->call_count == TALK_CALLS_MAX) {
        talk_fail(talk, 502, "%s makes more than %d calls at once", talk->tool->name,
                  TALK_CALLS_MAX);
        return NULL;
    }
    struct talk_call *call = &talk->calls[talk->call_count];
    *call = (struct talk_call){.id = dup(id), .shown_id = shown_id_of(id)};
    talk->call_count++;
    if (call->id && call->shown_id)
        return call;
    talk_fail(talk, 503, "no memory for a call");
    return NULL;
}

static void answer_call(struct cli_talk *talk, struct talk_call *call)
{
    if (call->is_answered || !call->result || !call->ask_id)
        return;
    call->is_answered = true;
    talk->tool->put_answer(&talk->out, call);
}

void talk_asked(struct cli_talk *talk, struct str id, struct str ask, struct str ask_id)
{
    struct talk_call *call = talk_call_of(talk, id);
    if (!call || call->ask_id)
        return;
    call->ask = dup(ask);
    call->ask_id = dup(ask_id);
    if (!call->ask || !call->ask_id)
        talk_fail(talk, 503, "no memory for a call");
    else
        answer_call(talk, call);
}

bool talk_has_calls(const struct cli_talk *talk)
{
    for (size_t i = 0; i < talk->call_count; i++)
        if (!talk->calls[i].result)
            return true;
    return false;
}

/* ---- results ----------------------------------------------------------------------------------------- */

static const struct part *result_of(const struct turn *news, const struct talk_call *call)
{
    for (const struct turn *turn = news; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind == PART_TOOL_RESULT && str_eq(part->id, str_of(call->shown_id)))
                return part;
    return NULL;
}

static bool is_pending(const struct cli_talk *talk, struct str shown_id)
{
    for (size_t i = 0; i < talk->call_count; i++)
        if (!talk->calls[i].result && str_eq(str_of(talk->calls[i].shown_id), shown_id))
            return true;
    return false;
}

/* Every pending call has its result, and what else was said the tool can take. */
static bool fits(const struct cli_talk *talk, const struct turn *news)
{
    for (size_t i = 0; i < talk->call_count; i++)
        if (!talk->calls[i].result && !result_of(news, &talk->calls[i]))
            return false;
    for (const struct turn *turn = news; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next) {
            if (part->kind != PART_TOOL_RESULT ? !talk->tool->takes_more
                                               : !is_pending(talk, part->id))
                return false;
        }
    return talk_has_calls(talk);
}

static bool has_more(const struct turn *news)
{
    for (const struct turn *turn = news; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind != PART_TOOL_RESULT)
                return true;
    return false;
}

static char *result_text(const struct cli_talk *talk, const struct part *part)
{
    AUTO_BUF struct buf text;
    buf_init(&text, RESULT_MAX);
    talk->tool->put_result(&text, part);
    return text.failed ? NULL : buf_take(&text);
}

bool talk_give_results(struct cli_talk *talk, const struct turn *news)
{
    if (talk->state != TALK_HANDED_OVER || !fits(talk, news))
        return false;
    talk_turn(talk, TALK_GOING);
    begin_answer(talk);
    free_calls(talk, false);
    if (has_more(news) && talk->tool->put_more)
        talk->tool->put_more(&talk->out, news); /* it waits for the results, and goes with them */
    for (size_t i = 0; i < talk->call_count; i++) {
        struct talk_call *call = &talk->calls[i];
        if (call->result)
            continue;
        call->result = result_text(talk, result_of(news, call));
        if (!call->result)
            talk_fail(talk, 503, "no memory for the result of a call");
        answer_call(talk, call);
    }
    return true;
}
