/* wire/chat_answer_read.c: a chat completions provider's answer: its chunks, or the whole of it, as events.
 *
 * A `delta` and a `message` hold the same members, so both go the same way. Text, thoughts and refusals come one
 * after another; whenever another kind begins, the one before has ended. Only the first choice is told: the other
 * dialects have no more. Errors inside a stream are the meter's and never come here.
 */
#include "wire/chat_parts.h"

#include <assert.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void note(struct answer_reader *reader, const char *field)
{
    fidelity_note(reader->fidelity, FIDELITY_DROPPED, field);
}

/* ---- what a delta holds -------------------------------------------------------------------------- */

enum said {
    SAID_CONTENT,
    SAID_TOOL_CALLS,
    SAID_REASONING_CONTENT,
    SAID_REASONING,
    SAID_REASONING_DETAILS, /* OpenRouter's */
    SAID_REFUSAL,
    SAID_FUNCTION_CALL,
    SAID_ANNOTATIONS,
    SAID_AUDIO, /* from here: not carried */
    SAID_IMAGES,
    SAID_COUNT
};

static const struct str said_names[] = {
    [SAID_CONTENT] = STR_INIT("content"),
    [SAID_TOOL_CALLS] = STR_INIT("tool_calls"),
    [SAID_REASONING_CONTENT] = STR_INIT("reasoning_content"),
    [SAID_REASONING] = STR_INIT("reasoning"),
    [SAID_REASONING_DETAILS] = STR_INIT("reasoning_details"),
    [SAID_REFUSAL] = STR_INIT("refusal"),
    [SAID_FUNCTION_CALL] = STR_INIT("function_call"),
    [SAID_ANNOTATIONS] = STR_INIT("annotations"),
    [SAID_AUDIO] = STR_INIT("audio"),
    [SAID_IMAGES] = STR_INIT("images"),
};
static_assert(COUNT(said_names) == SAID_COUNT, "one name each");

/* ---- text, thoughts, refusals -------------------------------------------------------------------- */

void chat_prose_end(struct answer_reader *reader)
{
    struct chat_reading *own = reader->own;
    struct answer_event end = {.kind = ANSWER_PART_END, .part = own->prose};
    if (own->has_prose)
        answer_parts_end(&reader->parts, own->prose_slot, &end);
    own->has_prose = false;
}

static void begin_prose(struct answer_reader *reader, enum part_kind kind)
{
    struct chat_reading *own = reader->own;
    struct answer_event begin = {.kind = ANSWER_PART_BEGIN, .part = kind};
    chat_prose_end(reader);
    chat_calls_settle(reader, false);
    own->has_prose = true;
    own->prose = kind;
    own->prose_slot = own->next_slot++;
    answer_parts_begin(&reader->parts, own->prose_slot, &begin);
}

/* Text may be empty where its tokens are told: half a character is a token too. */
static void tell_tokens(struct answer_reader *reader, enum part_kind kind, struct str text,
                        struct str logprobs)
{
    struct chat_reading *own = reader->own;
    if (text.len == 0 && logprobs.len == 0)
        return;
    if (!own->has_prose || own->prose != kind)
        begin_prose(reader, kind);
    struct answer_event more = {
        .kind = ANSWER_PART_DELTA, .part = kind, .text = text, .logprobs = logprobs};
    answer_parts_more(&reader->parts, own->prose_slot, &more);
}

static void tell_prose(struct answer_reader *reader, enum part_kind kind, struct str text)
{
    tell_tokens(reader, kind, text, STR(""));
}

/* Mistral's way: content is a list of texts, of thoughts (lists of texts themselves), and more. */
static void tell_content_part(struct answer_reader *reader, struct json part)
{
    struct str type = json_string_or_empty(json_get(part, "type"));
    if (str_eq(type, STR("text"))) {
        tell_prose(reader, PART_TEXT, json_string_or_empty(json_get(part, "text")));
    } else if (str_eq(type, STR("thinking"))) {
        for (struct json_cursor c = json_each(json_get(part, "thinking")); json_next(&c);)
            tell_prose(reader, PART_THINKING, json_string_or_empty(json_get(c.value, "text")));
    } else if (str_eq(type, STR("refusal"))) {
        tell_prose(reader, PART_REFUSAL, json_string_or_empty(json_get(part, "refusal")));
    } else {
        note(reader, "answer.content");
    }
}

static void tell_content(struct answer_reader *reader, struct json content, struct str logprobs)
{
    struct str text;
    if (json_string(content, &text)) {
        tell_tokens(reader, PART_TEXT, text, logprobs);
        return;
    }
    for (struct json_cursor c = json_each(content); json_next(&c);)
        tell_content_part(reader, c.value);
}

/* ---- sources ------------------------------------------------------------------------------------- */

/* A source belongs to the text that is open; one that comes without any has nowhere to stand. */
static void tell_annotation(struct answer_reader *reader, struct json annotation)
{
    struct chat_reading *own = reader->own;
    struct json citation = json_get(annotation, "url_citation");
    struct answer_event event = {.kind = ANSWER_ANNOTATION, .part = PART_TEXT};
    event.url = json_string_or_empty(json_get(citation, "url"));
    event.title = json_string_or_empty(json_get(citation, "title"));
    if (event.url.len == 0 || !own->has_prose || own->prose != PART_TEXT) {
        note(reader, "answer.annotations");
        return;
    }
    event.raw = json_raw(reader->json, annotation, reader->source);
    answer_parts_more(&reader->parts, own->prose_slot, &event);
}

/* ---- one delta, or one message ------------------------------------------------------------------- */

/* vLLM says one thought under both names. */
static struct str thought_of(const struct json *said)
{
    struct str thought = json_string_or_empty(said[SAID_REASONING_CONTENT]);
    return thought.len ? thought : json_string_or_empty(said[SAID_REASONING]);
}

/* OpenRouter says a thought once more in pieces with types, or in these alone; and sealed ones, which are its vendor's. */
static void tell_details(struct answer_reader *reader, struct json details, bool is_told)
{
    for (struct json_cursor c = json_each(details); json_next(&c);) {
        struct str text = json_string_or_empty(json_get(c.value, "text"));
        if (text.len == 0)
            text = json_string_or_empty(json_get(c.value, "summary"));
        if (json_type_of(json_get(c.value, "data")) == JSON_STRING)
            note(reader, "answer.thinking");
        else if (!is_told)
            tell_prose(reader, PART_THINKING, text);
    }
}

/* The tokens of this delta's text. Some services tell those of thoughts and calls as well, which have no place. */
static struct str logprobs_in(struct answer_reader *reader, const struct json *said,
                              struct json logprobs)
{
    struct json content = json_get(logprobs, "content");
    struct str text, tokens = STR("");
    if (!json_says_something(logprobs))
        return tokens;
    bool is_text =
        json_string(said[SAID_CONTENT], &text) &&
        (text.len > 0 || (!thought_of(said).len && !json_says_something(said[SAID_TOOL_CALLS])));
    if (is_text)
        tokens = logprobs_of(reader->json, content, 0, reader->source);
    bool is_lost =
        json_type_of(content) == JSON_ABSENT || (!tokens.len && json_says_something(content));
    if (is_lost || json_says_something(json_get(logprobs, "refusal")))
        note(reader, "answer.logprobs");
    return tokens;
}

static void tell_said(struct answer_reader *reader, const struct json *said, struct json logprobs,
                      bool is_whole)
{
    struct str thought = thought_of(said);
    tell_prose(reader, PART_THINKING, thought);
    tell_details(reader, said[SAID_REASONING_DETAILS], thought.len > 0);
    tell_content(reader, said[SAID_CONTENT], logprobs_in(reader, said, logprobs));
    for (struct json_cursor c = json_each(said[SAID_ANNOTATIONS]); json_next(&c);)
        tell_annotation(reader, c.value);
    tell_prose(reader, PART_REFUSAL, json_string_or_empty(said[SAID_REFUSAL]));
    for (struct json_cursor c = json_each(said[SAID_TOOL_CALLS]); json_next(&c);)
        chat_call_read(reader, c.value, is_whole);
    if (json_type_of(said[SAID_FUNCTION_CALL]) == JSON_OBJECT)
        chat_call_read_legacy(reader, said[SAID_FUNCTION_CALL]);
    if (json_says_something(said[SAID_AUDIO]))
        note(reader, "answer.audio");
    if (json_says_something(said[SAID_IMAGES]))
        note(reader, "answer.images");
}

/* ---- the end ------------------------------------------------------------------------------------- */

static const struct finish_row {
    struct str reason;
    enum stop_reason stop;
} finish_rows[] = {
    {STR_INIT("stop"), STOP_END},
    {STR_INIT("length"), STOP_LENGTH},
    {STR_INIT("model_length"), STOP_LENGTH}, /* Mistral: the window is full */
    {STR_INIT("tool_calls"), STOP_TOOLS},
    {STR_INIT("function_call"), STOP_TOOLS},
    {STR_INIT("content_filter"), STOP_REFUSAL},
};

static enum stop_reason stop_of(struct str reason)
{
    for (size_t i = 0; i < COUNT(finish_rows); i++)
        if (str_eq(reason, finish_rows[i].reason))
            return finish_rows[i].stop;
    return STOP_UNKNOWN;
}

/* Some say "stop" behind tool calls, some "tool_calls" without any. `stop_reason` is vLLM's: the sequence that was hit. */
static void tell_stop(struct answer_reader *reader, struct str reason, struct json choice)
{
    const struct chat_reading *own = reader->own;
    struct answer_event event = {.kind = ANSWER_STOP, .stop = stop_of(reason)};
    chat_prose_end(reader);
    chat_calls_settle(reader, true);
    answer_parts_end_all(&reader->parts);
    if (own->has_told_call && (event.stop == STOP_END || event.stop == STOP_UNKNOWN))
        event.stop = STOP_TOOLS;
    else if (!own->has_told_call && event.stop == STOP_TOOLS)
        event.stop = STOP_END;
    event.text = json_string_or_empty(json_get(choice, "stop_reason"));
    if (event.text.len && event.stop == STOP_END)
        event.stop = STOP_SEQUENCE;
    answer_reader_tell(reader, &event);
}

/* ---- chunks and answers -------------------------------------------------------------------------- */

static void tell_begin(struct answer_reader *reader, struct json root)
{
    struct chat_reading *own = reader->own;
    struct answer_event begin = {.kind = ANSWER_BEGIN};
    begin.id = json_string_or_empty(json_get(root, "id"));
    int64_t created = json_int64_or(json_get(root, "created"), 0);
    own->seed = str_hash(begin.id) * 31 + (uint64_t)created;
    answer_reader_tell(reader, &begin);
}

enum in_choice { IN_INDEX, IN_DELTA, IN_MESSAGE, IN_LOGPROBS, IN_FINISH, IN_COUNT };

static const struct str choice_names[] = {
    [IN_INDEX] = STR_INIT("index"),          [IN_DELTA] = STR_INIT("delta"),
    [IN_MESSAGE] = STR_INIT("message"),      [IN_LOGPROBS] = STR_INIT("logprobs"),
    [IN_FINISH] = STR_INIT("finish_reason"),
};
static_assert(COUNT(choice_names) == IN_COUNT, "one name each");

static void read_choice(struct answer_reader *reader, struct json choice, bool is_whole)
{
    struct json members[IN_COUNT], said[SAID_COUNT];
    json_pick(choice, choice_names, IN_COUNT, members);
    if (json_int64_or(members[IN_INDEX], 0) != 0) {
        note(reader, "answer.choices");
        return;
    }
    json_pick(members[is_whole ? IN_MESSAGE : IN_DELTA], said_names, SAID_COUNT, said);
    if (reader->has_stopped) { /* a second finish, usually; nothing can follow a stop */
        if (json_says_something(said[SAID_CONTENT]) || json_says_something(said[SAID_TOOL_CALLS]))
            note(reader, "answer.after_stop");
        return;
    }
    tell_said(reader, said, members[IN_LOGPROBS], is_whole);
    struct str reason = json_string_or_empty(members[IN_FINISH]);
    if (reason.len)
        tell_stop(reader, reason, choice);
}

static void read_root(struct answer_reader *reader, struct json root, bool is_whole)
{
    struct json_cursor choices = json_each(json_get(root, "choices"));
    while (json_next(&choices)) {
        if (!reader->has_begun)
            tell_begin(reader, root);
        read_choice(reader, choices.value, is_whole);
        if (reader->has_stopped && json_says_something(json_get(root, "citations")))
            note(reader, "answer.citations"); /* Perplexity's, beside the choices */
    }
}

void chat_stream_read(struct answer_reader *reader, const struct sse_event *event, struct json root)
{
    (void)event; /* nameless, and [DONE] says nothing */
    read_root(reader, root, false);
}

void chat_answer_read(struct answer_reader *reader, struct json root)
{
    read_root(reader, root, true);
}
