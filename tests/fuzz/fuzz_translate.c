/* tests/fuzz/fuzz_translate.c: an answer of any dialect, told to each: nothing is invented, nothing lost, nothing out of order.
 *
 * The bytes are a script: which dialect the provider speaks, then pieces of text, of thought, and of the arguments of calls, which
 * on chat completions may come in turns. What each caller hears of each kind, put together, is what was said.
 */
#include "tests/fuzz/translation.h"

#include "json/json_writer.h"

#include <stdio.h>

#define CALLS_MAX  8
#define PIECES_MAX 200

/* What was said, or what was heard. */
struct said {
    struct buf text, thinking, arguments[CALLS_MAX];
    size_t calls;
};

static void said_init(struct said *said)
{
    said->calls = 0;
    buf_init(&said->text, LIMIT_BYTES);
    buf_init(&said->thinking, LIMIT_BYTES);
    for (size_t i = 0; i < CALLS_MAX; i++)
        buf_init(&said->arguments[i], LIMIT_BYTES);
}

static void said_release(struct said *said)
{
    buf_release(&said->text);
    buf_release(&said->thinking);
    for (size_t i = 0; i < CALLS_MAX; i++)
        buf_release(&said->arguments[i]);
}

/* ---- saying -------------------------------------------------------------------------------------- */

enum piece { PIECE_TEXT, PIECE_THINKING, PIECE_ARGUMENTS, PIECE_CALL, PIECE_COUNT };

struct teller {
    enum endpoint dialect;
    struct buf out;
    struct said *said;
    int open;  /* messages, responses: the kind that is open; -1: none */
    int index; /* of the block or item that is open */
};

/* Texts are well-formed: what a provider's broken bytes become is another harness's business. */
static struct str tidy(struct str bytes, char room[32])
{
    static const char *const odd[] = {"\xC3\xA9",         "\"", "\\",    "\n", "\xE2\x80\xA8",
                                      "\xF0\x9F\x99\x82", "{",  "data: "};
    size_t len = 0;
    for (size_t i = 0; i < bytes.len && len < 20; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        const char *piece = byte >= 0x80 ? odd[byte % 8] : byte < 0x20 ? " " : NULL;
        if (!piece)
            room[len++] = (char)byte;
        for (; piece && *piece; piece++)
            room[len++] = *piece;
    }
    return (struct str){room, len};
}

static void put_event(struct teller *teller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put_event(struct teller *teller, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_puts(&teller->out, "data: ");
    buf_vprintf(&teller->out, format, args);
    buf_puts(&teller->out, "\n\n");
    va_end(args);
}

static void tell_chat(struct teller *teller, enum piece piece, size_t call, const char *quoted)
{
    const char *field = piece == PIECE_TEXT ? "content" : "reasoning_content";
    if (piece == PIECE_CALL)
        put_event(
            teller,
            "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%zu,\"id\":\"call_%zu\",\"type\":\"function\",\"function\":{\"name\":\"f%zu\",\"arguments\":\"\"}}]}}]}",
            call, call, call);
    else if (piece == PIECE_ARGUMENTS)
        put_event(
            teller,
            "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":%s}}]}}]}",
            call, quoted);
    else
        put_event(teller, "{\"choices\":[{\"index\":0,\"delta\":{\"%s\":%s}}]}", field, quoted);
}

static void close_block(struct teller *teller)
{
    if (teller->open < 0)
        return;
    if (teller->dialect == ENDPOINT_MESSAGES)
        put_event(teller, "{\"type\":\"content_block_stop\",\"index\":%d}", teller->index);
    teller
        ->index++; /* on responses an item that is never said to be done is one that services forget */
    teller->open = -1;
}

static void open_messages(struct teller *teller, enum piece piece, size_t call)
{
    static const char *const blocks[] = {"{\"type\":\"text\",\"text\":\"\"}",
                                         "{\"type\":\"thinking\",\"thinking\":\"\"}"};
    if (piece == PIECE_TEXT || piece == PIECE_THINKING)
        put_event(teller, "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":%s}",
                  teller->index, blocks[piece]);
    else
        put_event(
            teller,
            "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_%zu\",\"name\":\"f%zu\",\"input\":{}}}",
            teller->index, call, call);
}

static void open_responses(struct teller *teller, enum piece piece, size_t call)
{
    static const char *const items[] = {
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}",
        "{\"type\":\"reasoning\",\"summary\":[]}"};
    if (piece == PIECE_TEXT || piece == PIECE_THINKING)
        put_event(teller,
                  "{\"type\":\"response.output_item.added\",\"output_index\":%d,\"item\":%s}",
                  teller->index, items[piece]);
    else
        put_event(
            teller,
            "{\"type\":\"response.output_item.added\",\"output_index\":%d,\"item\":{\"type\":\"function_call\",\"call_id\":\"call_%zu\",\"name\":\"f%zu\",\"arguments\":\"\"}}",
            teller->index, call, call);
    if (piece == PIECE_TEXT)
        put_event(
            teller,
            "{\"type\":\"response.content_part.added\",\"output_index\":%d,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\"}}",
            teller->index);
}

/* One block after the other: a new one when another kind, or another call, has its turn. */
static void tell_blocks(struct teller *teller, enum piece piece, size_t call, const char *quoted)
{
    static const char *const deltas[] = {"text_delta\",\"text", "thinking_delta\",\"thinking",
                                         "input_json_delta\",\"partial_json"};
    static const char *const events[] = {"output_text", "reasoning_summary_text",
                                         "function_call_arguments"};
    bool is_messages = teller->dialect == ENDPOINT_MESSAGES;
    enum piece kind = piece == PIECE_CALL ? PIECE_ARGUMENTS : piece;
    if (piece == PIECE_CALL || teller->open != (int)kind) {
        close_block(teller);
        (is_messages ? open_messages : open_responses)(teller, kind, call);
        teller->open = (int)kind;
    }
    if (piece == PIECE_CALL)
        return;
    if (is_messages)
        put_event(teller,
                  "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"%s\":%s}}",
                  teller->index, deltas[kind], quoted);
    else
        put_event(
            teller,
            "{\"type\":\"response.%s.delta\",\"output_index\":%d,\"content_index\":0,\"summary_index\":0,\"delta\":%s}",
            events[kind], teller->index, quoted);
}

/* A block's order allows no more of a call that is behind. */
static bool may_tell(const struct teller *teller, enum piece piece, size_t call)
{
    if (piece != PIECE_ARGUMENTS)
        return piece != PIECE_CALL || teller->said->calls < CALLS_MAX;
    if (teller->dialect == ENDPOINT_CHAT)
        return call < teller->said->calls;
    return teller->open == PIECE_ARGUMENTS && call == teller->said->calls - 1;
}

static struct buf *said_of(struct said *said, enum piece piece, size_t call)
{
    return piece == PIECE_TEXT       ? &said->text
           : piece == PIECE_THINKING ? &said->thinking
                                     : &said->arguments[call];
}

static void tell_raw(struct teller *teller, enum piece piece, size_t call, struct str text)
{
    AUTO_BUF struct buf quoted;
    buf_init(&quoted, 4096);
    json_quote(&quoted, text);
    if (piece != PIECE_CALL)
        buf_append_str(said_of(teller->said, piece, call), text);
    if (teller->dialect == ENDPOINT_CHAT)
        tell_chat(teller, piece, call, quoted.data);
    else
        tell_blocks(teller, piece, call, quoted.data);
}

/* Arguments are one object with one string, told in pieces: {"a":" and what is in it, and at the end "}. */
static void end_block(struct teller *teller)
{
    if (teller->open == PIECE_ARGUMENTS)
        tell_raw(teller, PIECE_ARGUMENTS, teller->said->calls - 1, STR("\"}"));
    close_block(teller);
}

static void tell(struct teller *teller, enum piece piece, size_t call, struct str text)
{
    AUTO_BUF struct buf escaped;
    buf_init(&escaped, 4096);
    if (!may_tell(teller, piece, call))
        return;
    if (teller->dialect != ENDPOINT_CHAT && (piece == PIECE_CALL || teller->open != (int)piece))
        end_block(teller);
    if (piece == PIECE_CALL) {
        call = teller->said->calls++;
        tell_raw(teller, piece, call, STR(""));
        tell_raw(teller, PIECE_ARGUMENTS, call, STR("{\"a\":\""));
    } else if (piece == PIECE_ARGUMENTS) {
        json_quote(&escaped, text);
        tell_raw(teller, piece, call, (struct str){escaped.data + 1, escaped.len - 2});
    } else {
        tell_raw(teller, piece, call, text);
    }
}

static void tell_end(struct teller *teller)
{
    end_block(teller);
    for (size_t i = 0; teller->dialect == ENDPOINT_CHAT && i < teller->said->calls; i++)
        tell_raw(teller, PIECE_ARGUMENTS, i, STR("\"}"));
    if (teller->dialect == ENDPOINT_CHAT)
        put_event(teller, "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
    else if (teller->dialect == ENDPOINT_MESSAGES)
        put_event(
            teller,
            "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1}}");
    else
        put_event(
            teller,
            "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[]}}");
}

static void tell_script(struct teller *teller, struct str script)
{
    if (teller->dialect == ENDPOINT_MESSAGES)
        put_event(teller,
                  "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"content\":[]}}");
    if (teller->dialect == ENDPOINT_RESPONSES)
        put_event(
            teller,
            "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"output\":[]}}");
    for (int i = 0; script.len > 1 && i < PIECES_MAX; i++) {
        char room[32];
        unsigned char op = (unsigned char)script.at[0];
        size_t len = 1 + (size_t)op / 64 * 3;
        struct str text = tidy(str_upto(str_from(script, 1), len), room);
        tell(teller, op % PIECE_COUNT, op / 4 % CALLS_MAX, text);
        script = str_from(script, 1 + len);
    }
    tell_end(teller);
}

/* ---- hearing ------------------------------------------------------------------------------------- */

static void hear_call(struct said *heard, int64_t call, struct json name, struct json arguments)
{
    heard->calls += json_string_or_empty(name).len > 0;
    require(call >= 0 && call < CALLS_MAX);
    buf_append_str(&heard->arguments[call], json_string_or_empty(arguments));
}

static void hear_chat(struct said *heard, struct json root)
{
    struct json_cursor choice = json_each(json_get(root, "choices"));
    if (!json_next(&choice))
        return;
    struct json delta = json_get(choice.value, "delta");
    buf_append_str(&heard->text, json_string_or_empty(json_get(delta, "content")));
    buf_append_str(&heard->thinking, json_string_or_empty(json_get(delta, "reasoning_content")));
    for (struct json_cursor c = json_each(json_get(delta, "tool_calls")); json_next(&c);)
        hear_call(heard, json_int64_or(json_get(c.value, "index"), -1),
                  json_at(c.value, "function", "name", NULL),
                  json_at(c.value, "function", "arguments", NULL));
}

static void hear_responses(struct said *heard, struct json root)
{
    struct str type = json_string_or_empty(json_get(root, "type"));
    struct str delta = json_string_or_empty(json_get(root, "delta"));
    struct json item = json_get(root, "item");
    bool is_call = str_eq(json_string_or_empty(json_get(item, "type")), STR("function_call"));
    if (str_eq(type, STR("response.output_text.delta")))
        buf_append_str(&heard->text, delta);
    if (str_eq(type, STR("response.reasoning_summary_text.delta")))
        buf_append_str(&heard->thinking, delta);
    if (is_call && str_eq(type, STR("response.output_item.added")))
        hear_call(heard, (int64_t)heard->calls, json_get(item, "name"), (struct json){0});
    if (str_eq(type, STR("response.function_call_arguments.delta")))
        hear_call(heard, (int64_t)heard->calls - 1, (struct json){0}, json_get(root, "delta"));
}

static void hear_messages(struct said *heard, struct json root)
{
    struct json delta = json_get(root, "delta"), block = json_get(root, "content_block");
    struct json partial = json_get(delta, "partial_json");
    buf_append_str(&heard->text, json_string_or_empty(json_get(delta, "text")));
    buf_append_str(&heard->thinking, json_string_or_empty(json_get(delta, "thinking")));
    if (str_eq(json_string_or_empty(json_get(block, "type")), STR("tool_use")))
        hear_call(heard, (int64_t)heard->calls, json_get(block, "name"), (struct json){0});
    if (json_type_of(partial) != JSON_ABSENT)
        hear_call(heard, (int64_t)heard->calls - 1, (struct json){0}, partial);
}

static void hear(struct said *heard, enum endpoint dialect, struct str stream)
{
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, 4 * LIMIT_BYTES);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        struct json root;
        sse_event_read(str_upto(stream, len), &joined, &event);
        if (!event.has_data || str_eq(event.data, STR("[DONE]")))
            continue;
        require(json_parse(fuzz_judge, event.data, &root, NULL) == OK);
        (dialect == ENDPOINT_CHAT       ? hear_chat
         : dialect == ENDPOINT_MESSAGES ? hear_messages
                                        : hear_responses)(heard, root);
    }
    require(stream.len == 0);
}

/* ---- comparing ----------------------------------------------------------------------------------- */

static void require_same(const struct said *said, const struct said *heard)
{
    require(str_eq(buf_str(&said->text), buf_str(&heard->text)));
    require(str_eq(buf_str(&said->thinking), buf_str(&heard->thinking)));
    require(said->calls == heard->calls);
    for (size_t i = 0; i < said->calls;
         i++) { /* no arguments at all may be said as an empty object */
        struct str wanted = buf_str(&said->arguments[i]), got = buf_str(&heard->arguments[i]);
        require(str_eq(wanted, got) || (wanted.len == 0 && str_eq(got, STR("{}"))));
    }
}

static void translate(struct str stream, enum endpoint from, enum endpoint to, struct buf *out)
{
    struct fidelity fidelity = {0};
    struct usage usage;
    struct answer_translation *translation = fuzz_translation(from, to, true, &fidelity);
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, LIMIT_BYTES);
    usage_init(&usage);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        struct json root;
        sse_event_read(str_upto(stream, len), &joined, &event);
        require(json_parse(fuzz_reader, event.data, &root, NULL) == OK);
        require(answer_translate_event(translation, &event, fuzz_reader, root, fuzz_scratch, &usage,
                                       out) == OK);
    }
    require(answer_translate_end(translation, fuzz_scratch, &usage, out) == OK);
    answer_translation_free(translation);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct said said;
    fuzz_start();
    if (len < 1)
        return 0;
    said_init(&said);
    struct teller teller = {.dialect = fuzz_dialects[bytes[0] % 3], .said = &said, .open = -1};
    buf_init(&teller.out, LIMIT_BYTES);
    tell_script(&teller, (struct str){(const char *)bytes + 1, len - 1});
    for (size_t i = 0; i < sizeof fuzz_dialects / sizeof fuzz_dialects[0]; i++) {
        struct said heard;
        AUTO_BUF struct buf out;
        buf_init(&out, 16 * LIMIT_BYTES);
        said_init(&heard);
        translate(buf_str(&teller.out), teller.dialect, fuzz_dialects[i], &out);
        hear(&heard, fuzz_dialects[i], buf_str(&out));
        require_same(&said, &heard);
        said_release(&heard);
    }
    buf_release(&teller.out);
    said_release(&said);
    return 0;
}
