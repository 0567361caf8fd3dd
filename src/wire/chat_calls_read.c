/* wire/chat_calls_read.c: the tool calls of a chat completions answer, from their fragments.
 *
 * A fragment has the call's index; the first also its id and name, each further one more of its arguments. That is OpenAI's way. Others leave
 * out the index, give every call index 0, repeat or split the name, send a new id each time, or all of a call at once.
 * So a call is begun when its first argument comes (its name cannot grow any more), and what is a new call is
 * decided in is_new().
 *
 * That a call has ended is not told either. When something else begins, a call whose arguments are one whole JSON
 * object has ended; one that is not stays open, and answer_parts makes the others wait. The finish reason ends all.
 */
#include "wire/chat_parts.h"

#include <stdio.h>

#define ID_MAX       512u
#define NAME_MAX     256u
#define INDEX_NONE   (-1)
#define INDEX_LEGACY (-2)

struct fragment {
    int64_t index;
    struct str id, name, text; /* empty: not in this one */
    bool is_custom;
};

/* ---- is it whole? ------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void scan_string(struct chat_scan *scan, char c)
{
    if (scan->is_escaped)
        scan->is_escaped = false;
    else if (c == '\\')
        scan->is_escaped = true;
    else if (c == '"')
        scan->is_in_string = false;
}

static void scan_bare(struct chat_scan *scan, char c)
{
    bool is_opening = c == '{' || c == '[';
    if (scan->is_whole || (scan->depth == 0 && !is_opening)) {
        scan->is_broken = scan->is_broken || !is_blank(c);
    } else if (is_opening) {
        scan->depth++;
    } else if (c == '}' || c == ']') {
        scan->is_whole = --scan->depth == 0;
    } else if (c == '"') {
        scan->is_in_string = true;
    }
}

void chat_scan_more(struct chat_scan *scan, struct str text)
{
    for (size_t i = 0; i < text.len && !scan->is_broken; i++) {
        if (scan->is_in_string)
            scan_string(scan, text.at[i]);
        else
            scan_bare(scan, text.at[i]);
    }
}

static bool is_whole(const struct chat_call *call)
{
    return !call->is_custom && call->scan.is_whole && !call->scan.is_broken;
}

/* ---- telling ------------------------------------------------------------------------------------ */

static void tell_arguments(struct answer_reader *reader, struct chat_call *call, struct str text)
{
    struct answer_event more = {.kind = ANSWER_PART_DELTA,
                                .part = PART_TOOL_CALL,
                                .is_custom = call->is_custom,
                                .text = text};
    chat_scan_more(&call->scan, text);
    if (!call->has_ended)
        answer_parts_more(&reader->parts, call->slot, &more);
    else if (call->scan.is_broken)
        reader->parts.failed = true; /* it was whole, and now says more */
}

/* A client gives a call's result back under its id, so it needs one, and one that the conversation has not had. */
static struct str made_up_id(const struct chat_reading *own, const struct chat_call *call,
                             char room[48])
{
    int len = snprintf(room, 48, "call_%016llx_%d", (unsigned long long)own->seed, call->slot);
    return (struct str){room, (size_t)len};
}

static void begin(struct answer_reader *reader, struct chat_call *call)
{
    struct chat_reading *own = reader->own;
    char room[48];
    call->slot = own->next_slot++;
    struct answer_event begin = {.kind = ANSWER_PART_BEGIN,
                                 .part = PART_TOOL_CALL,
                                 .is_custom = call->is_custom,
                                 .id = call->id.len ? buf_str(&call->id)
                                                    : made_up_id(own, call, room),
                                 .name = buf_str(&call->name)};
    own->has_told_call = true;
    answer_parts_begin(&reader->parts, call->slot, &begin);
    if (call->early.len)
        tell_arguments(reader, call, buf_str(&call->early));
    buf_release(&call->early);
}

static void settle(struct answer_reader *reader, struct chat_call *call, bool is_last)
{
    if (call->slot < 0 && call->name.len)
        begin(reader, call);
    else if (call->slot < 0 && is_last)
        fidelity_note(reader->fidelity, FIDELITY_DROPPED, "answer.tool_calls"); /* of no tool */
    if (call->slot >= 0 && !call->has_ended && is_whole(call)) {
        struct answer_event end = {.kind = ANSWER_PART_END, .part = PART_TOOL_CALL};
        call->has_ended = true;
        answer_parts_end(&reader->parts, call->slot, &end);
    }
}

void chat_calls_settle(struct answer_reader *reader, bool is_last)
{
    struct chat_reading *own = reader->own;
    for (size_t i = 0; i < own->call_count; i++)
        settle(reader, &own->calls[i], is_last);
}

/* ---- which call it is ---------------------------------------------------------------------------- */

static struct chat_call *add(struct answer_reader *reader, int64_t index)
{
    struct chat_reading *own = reader->own;
    chat_prose_end(reader);
    chat_calls_settle(reader, false);
    if (own->call_count == own->call_room) {
        size_t room = own->call_room ? own->call_room * 2 : 4;
        struct chat_call *grown =
            room <= CHAT_CALLS_MAX ? mem_realloc(own->calls, room * sizeof *grown) : NULL;
        if (!grown) {
            reader->parts.failed = true;
            return NULL;
        }
        own->calls = grown;
        own->call_room = room;
    }
    struct chat_call *call = &own->calls[own->call_count++];
    *call = (struct chat_call){.index = index, .slot = -1};
    buf_init(&call->id, ID_MAX);
    buf_init(&call->name, NAME_MAX);
    buf_init(&call->early, ANSWER_WAITING_MAX);
    return call;
}

/* The newest call of that index; without an index, the newest of all. */
static struct chat_call *find(const struct chat_reading *own, int64_t index)
{
    for (size_t i = own->call_count; i > 0; i--)
        if (index == INDEX_NONE || own->calls[i - 1].index == index)
            return &own->calls[i - 1];
    return NULL;
}

/* Gemini's parallel calls all have index 0, and differ by their ids. An old vLLM made a new id for every fragment, but
 * those have no name. A server without ids at all gives a name and arguments again when the first are whole. */
static bool is_new(const struct chat_call *call, const struct fragment *fragment)
{
    struct str id = fragment->id;
    if (fragment->name.len == 0)
        return false;
    if (id.len)
        return call->id.len && !str_eq(id, buf_str(&call->id));
    return fragment->text.len && is_whole(call);
}

/* ---- fragments ----------------------------------------------------------------------------------- */

/* The name grows until the first argument; the whole name once more is no growth. */
static void take_name(struct chat_call *call, struct str name)
{
    if (call->slot < 0 && !str_eq(name, buf_str(&call->name)))
        buf_append_str(&call->name, name);
}

static void take(struct answer_reader *reader, struct chat_call *call,
                 const struct fragment *fragment)
{
    call->is_custom = call->is_custom || fragment->is_custom;
    if (call->id.len == 0)
        buf_append_str(&call->id, fragment->id);
    take_name(call, fragment->name);
    if (fragment->text.len == 0)
        return;
    if (call->slot < 0 && call->name.len)
        begin(reader, call);
    if (call->slot >= 0)
        tell_arguments(reader, call, fragment->text);
    else
        buf_append_str(&call->early, fragment->text);
}

static void read_fragment(struct answer_reader *reader, const struct fragment *fragment,
                          bool is_always_new)
{
    struct chat_call *call = is_always_new ? NULL : find(reader->own, fragment->index);
    if (!call || is_new(call, fragment))
        call = add(reader, fragment->index);
    if (!call)
        return;
    take(reader, call, fragment);
    if (call->id.failed || call->name.failed || call->early.failed)
        reader->parts.failed = true;
}

/* Arguments are JSON text in a string; some servers give the object itself. */
static struct str arguments_of(struct answer_reader *reader, struct json value)
{
    bool is_object = json_type_of(value) == JSON_OBJECT;
    return is_object ? json_raw(reader->json, value, reader->source) : json_string_or_empty(value);
}

void chat_call_read(struct answer_reader *reader, struct json call, bool is_whole)
{
    struct json custom = json_get(call, "custom"), function = json_get(call, "function");
    struct fragment fragment = {.index = json_int64_or(json_get(call, "index"), INDEX_NONE),
                                .id = json_string_or_empty(json_get(call, "id")),
                                .is_custom = json_type_of(custom) == JSON_OBJECT};
    if (fragment.index < 0)
        fragment.index = INDEX_NONE;
    struct json tool = fragment.is_custom ? custom : function;
    fragment.name = json_string_or_empty(json_get(tool, "name"));
    fragment.text = fragment.is_custom ? json_string_or_empty(json_get(tool, "input"))
                                       : arguments_of(reader, json_get(tool, "arguments"));
    read_fragment(reader, &fragment, is_whole);
}

void chat_call_read_legacy(struct answer_reader *reader, struct json function)
{
    struct fragment fragment = {.index = INDEX_LEGACY,
                                .name = json_string_or_empty(json_get(function, "name")),
                                .text = arguments_of(reader, json_get(function, "arguments"))};
    read_fragment(reader, &fragment, false);
}

void chat_reader_release(struct answer_reader *reader)
{
    struct chat_reading *own = reader->own;
    for (size_t i = 0; i < own->call_count; i++) {
        buf_release(&own->calls[i].id);
        buf_release(&own->calls[i].name);
        buf_release(&own->calls[i].early);
    }
    mem_free(own->calls);
    own->calls = NULL;
    own->call_count = own->call_room = 0;
}
