/* wire/messages_answer_write.c: what a caller of messages hears: the whole answer at once, and what a stream shares with it.
 *
 * The SDKs and Claude Code want: ids msg_ and toolu_, at least one block, every count of tokens a number, and
 * `tool_use` as the reason whenever there is a call, whatever the provider said (CLIENTS.md 3, 8).
 */
#include "wire/messages_parts.h"

#include "wire/tool_arguments.h"

void messages_writer_release(struct answer_writer *writer)
{
    struct messages_writing *own = writer->own;
    buf_release(&own->text);
    buf_release(&own->more);
    buf_release(&own->item);
}

void messages_writing_begin(struct answer_writer *writer)
{
    struct messages_writing *own = writer->own;
    buf_init(&own->text, ANSWER_KEPT_MAX);
    buf_init(&own->more, ANSWER_KEPT_MAX);
    buf_init(&own->item, MESSAGES_SIGNED_MAX);
}

void messages_note_part(struct answer_writer *writer, const struct answer_event *event)
{
    struct messages_writing *own = writer->own;
    own->part = event->part;
    own->is_custom = event->is_custom;
    own->has_call = own->has_call || event->part == PART_TOOL_CALL;
    own->has_refusal = own->has_refusal || event->part == PART_REFUSAL;
    buf_clear(&own->text);
    buf_clear(&own->more);
    buf_clear(&own->item);
    if (event->part == PART_THINKING || event->part == PART_SEALED)
        buf_append_str(&own->item, event->id);
}

/* ---- members ---------------------------------------------------------------------------------- */

void messages_put_head(struct json_writer *json, const struct answer_writer *writer)
{
    AUTO_BUF struct buf id;
    buf_init(&id, 256);
    buf_append_lit(&id, "msg_");
    buf_puts(&id, writer->key);
    json_put_string(json, "id", buf_str(&id));
    json_put_text(json, "type", "message");
    json_put_text(json, "role", "assistant");
    json_put_string(json, "model", writer->model);
}

static int64_t or_zero(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

/* Anthropic's input_tokens leave out what the cache gave and took. */
void messages_put_usage(struct json_writer *json, const struct usage *usage)
{
    struct usage unknown;
    usage_init(&unknown);
    if (!usage)
        usage = &unknown;
    int64_t read = or_zero(usage->cached_tokens), written = or_zero(usage->cache_write_tokens);
    json_open_object_named(json, "usage");
    json_put_int(json, "input_tokens", or_zero(or_zero(usage->input_tokens) - read - written));
    json_put_int(json, "cache_creation_input_tokens", written);
    json_put_int(json, "cache_read_input_tokens", read);
    json_put_int(json, "output_tokens", or_zero(usage->output_tokens));
    if (usage->reasoning_tokens >= 0) {
        json_open_object_named(json, "output_tokens_details");
        json_put_int(json, "thinking_tokens", usage->reasoning_tokens);
        json_close_object(json);
    }
    json_close_object(json);
}

void messages_keep_stop(struct messages_writing *own, const struct answer_event *event)
{
    own->stop = event->stop;
    str_copy(event->text, own->stop_sequence, sizeof own->stop_sequence);
}

/* Some services say `stop` behind a call or a refusal: what the answer holds is what counts. */
static const char *stop_reason(const struct messages_writing *own)
{
    switch (own->stop) {
    case STOP_LENGTH: return "max_tokens";
    case STOP_REFUSAL: return "refusal";
    case STOP_PAUSE: return "pause_turn";
    case STOP_SEQUENCE: return "stop_sequence";
    default: break;
    }
    return own->has_call ? "tool_use" : own->has_refusal ? "refusal" : "end_turn";
}

void messages_put_stop(struct json_writer *json, const struct messages_writing *own)
{
    bool has_sequence = own->stop == STOP_SEQUENCE && own->stop_sequence[0];
    json_put_text(json, "stop_reason", stop_reason(own));
    json_put_text(json, "stop_sequence", has_sequence ? own->stop_sequence : NULL);
}

/* The text of a block of thinking stands beside its seal, so an envelope does not repeat it. */
struct str messages_seal_of(struct answer_writer *writer, const struct answer_event *end)
{
    struct messages_writing *own = writer->own;
    const struct sealed_thinking thinking = {.maker =
                                                 end->seal.len ? end->sealed_by : ENDPOINT_CHAT,
                                             .is_opaque = own->part == PART_SEALED,
                                             .id = buf_str(&own->item),
                                             .seal = end->seal};
    if (end->seal.len && end->sealed_by == ENDPOINT_MESSAGES)
        return end->seal;
    buf_clear(&own->text);
    if (seal_put(writer->sealer, &thinking, &own->text))
        return buf_str(&own->text);
    if (end->seal.len)
        fidelity_note(writer->fidelity, FIDELITY_DROPPED, "thinking.signature");
    return STR("");
}

/* Anthropic's point into documents and searches of its own; an URL with a title is no such thing. */
struct str messages_citation_of(struct answer_writer *writer, const struct answer_event *event)
{
    static const struct str types[] = {
        STR_INIT("char_location"), STR_INIT("page_location"), STR_INIT("content_block_location"),
        STR_INIT("web_search_result_location"), STR_INIT("search_result_location")};
    struct json root;
    if (event->raw.len && json_parse(writer->scratch, event->raw, &root, NULL) == OK) {
        struct str type = json_string_or_empty(json_get(root, "type"));
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if (str_eq(types[i], type))
                return event->raw;
    }
    fidelity_note(writer->fidelity, FIDELITY_DROPPED, "annotations");
    return STR("");
}

void messages_put_call(struct json_writer *json, const struct answer_writer *writer,
                       const struct answer_event *event)
{
    const struct tool_name *known =
        writer->names ? tool_name_find(writer->names, event->name) : NULL;
    AUTO_BUF struct buf id;
    buf_init(&id, 64u * 1024);
    tool_id_put(&id, ENDPOINT_MESSAGES, event->id);
    json_put_raw(json, "id", id.failed ? STR("\"toolu_\"") : buf_str(&id));
    json_put_string(json, "name", known ? known->name : event->name);
}

/* ---- plain answers ---------------------------------------------------------------------------- */

static void keep_citation(struct answer_writer *writer, const struct answer_event *event)
{
    struct messages_writing *own = writer->own;
    struct str citation = messages_citation_of(writer, event);
    if (citation.len == 0)
        return;
    if (own->more.len)
        buf_putc(&own->more, ',');
    buf_append_str(&own->more, citation);
}

static void keep_begin(struct answer_writer *writer, const struct answer_event *event)
{
    struct messages_writing *own = writer->own;
    struct json_writer json;
    messages_note_part(writer, event);
    if (event->part != PART_TOOL_CALL)
        return;
    json_writer_init(&json, &own->more); /* with its braces, which are cut off where it is used */
    json_open_object(&json);
    messages_put_call(&json, writer, event);
    json_close_object(&json);
}

static void put_text(struct json_writer *json, struct messages_writing *own)
{
    json_put_text(json, "type", "text");
    json_put_string(json, "text", buf_str(&own->text));
    if (own->more.len) {
        json_open_array(json, "citations");
        json_put_raw(json, NULL, buf_str(&own->more));
        json_close_array(json);
    }
}

static void put_call(struct json_writer *json, struct answer_writer *writer)
{
    struct messages_writing *own = writer->own;
    struct str members = buf_str(&own->more);
    json_put_text(json, "type", "tool_use");
    if (members.len > 2)
        json_put_raw(json, NULL, str_upto(str_from(members, 1), members.len - 2));
    if (own->is_custom) {
        json_open_object_named(json, "input");
        json_put_string(json, "input", buf_str(&own->text));
        json_close_object(json);
    } else {
        tool_arguments_put_object(json, "input", buf_str(&own->text), writer->scratch,
                                  writer->fidelity);
    }
}

static void put_thinking(struct json_writer *json, struct answer_writer *writer,
                         const struct answer_event *end, struct str data)
{
    const struct messages_writing *own = writer->own;
    json_put_text(json, "type", "thinking");
    json_put_string(json, "thinking", data.len ? STR("") : buf_str(&own->text));
    json_put_string(json, "signature", data.len ? data : messages_seal_of(writer, end));
}

/* A block without content is left out: it would be refused when the caller sends it back. `data` is the seal of thinking
 * that has nothing else to show. */
static void keep_block(struct answer_writer *writer, const struct answer_event *end)
{
    struct messages_writing *own = writer->own;
    struct json_writer json;
    bool is_shown = own->part == PART_TOOL_CALL || own->text.len > 0;
    struct str data = !is_shown && end->seal.len ? messages_seal_of(writer, end) : STR("");
    if (!is_shown && data.len == 0)
        return;
    if (own->index++ > 0)
        buf_putc(&writer->kept, ',');
    json_writer_init(&json, &writer->kept);
    json_open_object(&json);
    switch (own->part) {
    case PART_TOOL_CALL: put_call(&json, writer); break;
    case PART_THINKING: put_thinking(&json, writer, end, data); break;
    case PART_SEALED:
        json_put_text(&json, "type", "redacted_thinking");
        json_put_string(&json, "data", data);
        break;
    default: put_text(&json, own); break;
    }
    json_close_object(&json);
}

static void put_answer(struct answer_writer *writer, const struct usage *usage)
{
    struct messages_writing *own = writer->own;
    struct json_writer json;
    json_writer_init(&json, writer->out);
    json_open_object(&json);
    messages_put_head(&json, writer);
    json_open_array(&json, "content");
    json_put_raw(&json, NULL,
                 own->index ? buf_str(&writer->kept) : STR("{\"type\":\"text\",\"text\":\"\"}"));
    json_close_array(&json);
    messages_put_stop(&json, own);
    messages_put_usage(&json, usage);
    json_close_object(&json);
}

void messages_answer_write(struct answer_writer *writer, const struct answer_event *event)
{
    struct messages_writing *own = writer->own;
    switch (event->kind) {
    case ANSWER_BEGIN: messages_writing_begin(writer); break;
    case ANSWER_PART_BEGIN: keep_begin(writer, event); break;
    case ANSWER_PART_DELTA:
        messages_note_logprobs(writer, event);
        if (own->part != PART_SEALED)
            buf_append_str(&own->text, event->text);
        break;
    case ANSWER_ANNOTATION: keep_citation(writer, event); break;
    case ANSWER_PART_END: keep_block(writer, event); break;
    case ANSWER_STOP: messages_keep_stop(own, event); break;
    case ANSWER_END: put_answer(writer, event->usage); break;
    }
    if (own->text.failed || own->more.failed || own->item.failed)
        writer->failed = true;
}
