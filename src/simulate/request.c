/* simulate/request.c: one table of paths; a body looked at from above. */
#include "simulate/request.h"

#include "base/buf.h"
#include "json/json_writer.h"

#include <assert.h>
#include <stdio.h>

#define OF_OPENAI    (1u << VENDOR_OPENAI)
#define OF_ANTHROPIC (1u << VENDOR_ANTHROPIC)
#define OF_LLAMA     (1u << VENDOR_LLAMA)

// clang-format off
static const struct {
    const char *path; /* behind /v1 */
    enum asked  asked;
    unsigned    vendors;
    bool        is_post;
    unsigned    public_at; /* vendors that ask for no key */
} paths[] = {
    {"/chat/completions",      ASKED_CHAT,         OF_OPENAI | OF_LLAMA,                true,  0},
    {"/responses",             ASKED_RESPONSES,    OF_OPENAI,                           true,  0},
    {"/completions",           ASKED_COMPLETIONS,  OF_OPENAI | OF_LLAMA,                true,  0},
    {"/embeddings",            ASKED_EMBEDDINGS,   OF_OPENAI | OF_LLAMA,                true,  0},
    {"/messages",              ASKED_MESSAGES,     OF_ANTHROPIC,                        true,  0},
    {"/messages/count_tokens", ASKED_COUNT_TOKENS, OF_ANTHROPIC | OF_LLAMA,             true,  0},
    {"/tokenize",              ASKED_TOKENIZE,     OF_LLAMA,                            true,  0},
    {"/models",                ASKED_MODELS,       OF_OPENAI | OF_ANTHROPIC | OF_LLAMA, false, OF_LLAMA},
    {"/health",                ASKED_HEALTH,       OF_LLAMA,                            false, OF_LLAMA},
    {"/props",                 ASKED_PROPS,        OF_LLAMA,                            false, 0},
    {"/slots",                 ASKED_SLOTS,        OF_LLAMA,                            false, 0},
};
// clang-format on
#define PATH_COUNT (sizeof paths / sizeof paths[0])

static const char *const names[] = {"openai", "anthropic", "llama"};
static_assert(sizeof names / sizeof names[0] == VENDOR_COUNT, "one name per vendor");

const char *vendor_name(enum vendor vendor)
{
    return names[vendor];
}

bool vendor_parse(struct str name, enum vendor *out_vendor)
{
    for (size_t i = 0; i < VENDOR_COUNT; i++) {
        if (!str_eq(name, str_of(names[i])))
            continue;
        *out_vendor = (enum vendor)i;
        return true;
    }
    return false;
}

/* A model's id in a path: %2F is a slash. */
static struct str decode_id(struct str id, struct arena *arena)
{
    char *room = arena_dup(arena, id.at, id.len);
    size_t done = 0;
    for (size_t i = 0; room && i < id.len; i++) {
        bool is_slash = i + 2 < id.len && str_ieq((struct str){id.at + i, 3}, STR("%2f"));
        room[done++] = is_slash ? '/' : id.at[i];
        i += is_slash ? 2 : 0;
    }
    return (struct str){room, done};
}

void request_route(enum vendor vendor, struct str path, struct arena *arena,
                   struct request *request)
{
    *request = (struct request){.vendor = vendor, .asked = ASKED_NOTHING};
    if (str_starts(path, STR("/v1/")))
        path = str_from(path, 3);
    for (size_t i = 0; i < PATH_COUNT; i++) {
        if (!(paths[i].vendors & 1u << vendor) || !str_eq(path, str_of(paths[i].path)))
            continue;
        request->asked = paths[i].asked;
        request->is_post = paths[i].is_post;
        request->is_public = paths[i].public_at & 1u << vendor;
        return;
    }
    if (vendor == VENDOR_LLAMA || !str_starts(path, STR("/models/")))
        return; /* llama-server has no /v1/models/{id} */
    request->asked = ASKED_MODEL;
    request->model_id = decode_id(str_from(path, sizeof "/models/" - 1), arena);
}

static uint64_t mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void request_identify(struct request *request, uint64_t seed, int64_t seq)
{
    static const char hex[] = "0123456789abcdef";
    request->seq = seq;
    uint64_t half[2] = {mix(seed ^ mix((uint64_t)seq)), 0};
    half[1] = mix(half[0]);
    for (size_t i = 0; i < 32; i++)
        request->id[i] = hex[half[i / 16] >> (i % 16 * 4) & 15];
}

/* ---- body ------------------------------------------------------------------------------------ */

enum {
    MODEL,
    STREAM,
    OPTIONS,
    TOOLS,
    CHOICE,
    MESSAGES,
    INPUT,
    INCLUDE,
    STORE,
    ENCODING,
    DIMENSIONS,
    MEMBER_COUNT
};

static struct json last_of(struct json list)
{
    struct json_cursor cursor = json_each(list);
    struct json last = {0};
    while (json_next(&cursor))
        last = cursor.value;
    return last;
}

static bool is_type(struct json block, const char *type)
{
    return str_eq(json_string_or_empty(json_get(block, "type")), str_of(type));
}

/* tool_choice none, as a word or as an object; and llama-server does not know named ones: prose. */
static bool may_not_call(const struct request *request, const struct json_member *choice)
{
    return str_eq(choice->text, STR("none")) || is_type(choice->value, "none") ||
           (request->vendor == VENDOR_LLAMA && choice->type == JSON_OBJECT);
}

static bool has_word(struct json list, const char *word)
{
    for (struct json_cursor element = json_each(list); json_next(&element);)
        if (str_eq(json_string_or_empty(element.value), str_of(word)))
            return true;
    return false;
}

/* Codex's newest models get their tools as the first input item. */
static bool has_tools(const struct json_member *members)
{
    struct json_cursor item = json_each(members[INPUT].value);
    if (members[INPUT].type == JSON_ARRAY && json_next(&item) &&
        is_type(item.value, "additional_tools"))
        return true;
    return members[TOOLS].type == JSON_ARRAY && json_count(members[TOOLS].value) > 0;
}

/* Does the conversation end in what a tool gave? Then the model's turn is to speak. */
static bool ends_in_tool_result(const struct json_member *members)
{
    if (members[INPUT].type == JSON_ARRAY) {
        struct json item = last_of(members[INPUT].value);
        return is_type(item, "function_call_output") || is_type(item, "custom_tool_call_output");
    }
    if (members[MESSAGES].type != JSON_ARRAY)
        return false;
    struct json message = last_of(members[MESSAGES].value);
    if (str_eq(json_string_or_empty(json_get(message, "role")), STR("tool")))
        return true;
    for (struct json_cursor block = json_each(json_get(message, "content")); json_next(&block);)
        if (is_type(block.value, "tool_result"))
            return true;
    return false;
}

static struct str quoted(struct str text, struct arena *arena)
{
    AUTO_BUF struct buf room;
    buf_init(&room, 8192);
    json_quote(&room, str_upto(text, 1024));
    struct str quote = buf_str(&room);
    char *copy = arena_dup(arena, quote.at, quote.len);
    return copy ? (struct str){copy, quote.len} : STR("\"\"");
}

/* embeddings: one text, several, one list of tokens, or several. */
static int64_t count_inputs(const struct json_member *input)
{
    if (input->type != JSON_ARRAY)
        return 1;
    struct json_cursor first = json_each(input->value);
    bool is_tokens = json_next(&first) && json_type_of(first.value) == JSON_NUMBER;
    return is_tokens ? 1 : (int64_t)json_count(input->value);
}

enum err request_read(struct request *request, struct json_reader *reader, struct str body,
                      struct arena *arena, struct error *error)
{
    struct json_member members[MEMBER_COUNT] = {[MODEL] = {.name = "model"},
                                                [STREAM] = {.name = "stream"},
                                                [OPTIONS] = {.name = "stream_options"},
                                                [TOOLS] = {.name = "tools"},
                                                [CHOICE] = {.name = "tool_choice"},
                                                [INCLUDE] = {.name = "include"},
                                                [STORE] = {.name = "store"},
                                                [MESSAGES] = {.name = "messages"},
                                                [INPUT] = {.name = "input"},
                                                [ENCODING] = {.name = "encoding_format"},
                                                [DIMENSIONS] = {.name = "dimensions"}};
    struct json_span object;
    enum err err = json_peek(reader, body, members, MEMBER_COUNT, &object, error);
    if (err != OK)
        return err;
    char *model = arena_dup(arena, members[MODEL].text.at, members[MODEL].text.len);
    if (!model)
        return error_set(error, ERR_NO_MEMORY, "no memory for the request");

    request->model = (struct str){model, members[MODEL].text.len};
    request->model_json = quoted(request->model, arena);
    request->stream = members[STREAM].type == JSON_BOOL && members[STREAM].truth;
    (void)json_bool(json_get(members[OPTIONS].value, "include_usage"), &request->wants_usage);
    request->has_tools = has_tools(members) && !may_not_call(request, &members[CHOICE]);
    request->wants_sealed = has_word(members[INCLUDE].value, "reasoning.encrypted_content");
    request->is_stored = members[STORE].type != JSON_BOOL || members[STORE].truth;
    request->has_tool_result = ends_in_tool_result(members);
    request->wants_base64 = str_eq(members[ENCODING].text, STR("base64"));
    request->dimensions = json_int64_or(members[DIMENSIONS].value, 0);
    request->input_count = count_inputs(&members[INPUT]);
    request->prompt_tokens = (int64_t)(body.len / 4) + 1;
    return OK;
}

void request_answer_as(struct request *request, struct str model, struct arena *arena)
{
    request->model_json = quoted(model, arena);
}
