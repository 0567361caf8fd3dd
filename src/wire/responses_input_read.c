/* wire/responses_input_read.c: the items of a responses request into turns.
 *
 * The dialect has a flat list of items: messages, calls, outputs, reasoning. Consecutive items of one speaker are
 * one turn, in their order: reasoning, text and calls of an assistant's stretch stand together, outputs of tools
 * stand in the user's turn behind it. Items of hosted tools, and references to items that only OpenAI has stored, are
 * left out with a note each.
 */
#include "wire/responses_parts.h"

/* Where the reader is, for its sentences; and where a content goes to. */
struct input {
    struct prompt *prompt;
    struct error *error;
    size_t index; /* of the item */
    enum turn_role role;
    struct part *result; /* content of a tool's output goes inside it; NULL: into the turn */
};

static enum err refuse(const struct input *input, const char *what)
{
    return error_set(input->error, ERR_MALFORMED, "input[%zu]: %s", input->index, what);
}

static struct part *add_part(struct input *input, enum part_kind kind)
{
    struct prompt *prompt = input->prompt;
    return input->result ? prompt_add_inside(prompt, input->result, kind)
                         : prompt_add_part(prompt, prompt_turn(prompt, input->role), kind);
}

/* ---- content --------------------------------------------------------------------------------- */

static void add_text(struct input *input, enum part_kind kind, struct str text)
{
    struct part *part = add_part(input, kind);
    if (part)
        part->text = text;
}

static enum err read_text(struct input *input, struct json value)
{
    struct str text;
    if (!json_string(json_get(value, "text"), &text))
        return refuse(input, "a text part without text");
    add_text(input, PART_TEXT, text);
    return OK;
}

static enum err read_refusal(struct input *input, struct json value)
{
    add_text(input, PART_REFUSAL, prompt_text(json_get(value, "refusal")));
    return OK;
}

/* A URL, a data URL, or the id of a stored file; false when it is none of them. */
static bool read_source(struct json url, struct json file_id, struct media *media)
{
    struct str place = prompt_text(url);
    if (place.len) {
        if (!media_from_data_url(place, media)) {
            media->source = MEDIA_URL;
            media->data = place;
        }
        return true;
    }
    media->source = MEDIA_FILE;
    media->data = prompt_text(file_id);
    return media->data.len > 0;
}

static enum err read_image(struct input *input, struct json value)
{
    struct media media = {.detail = prompt_text(json_get(value, "detail"))};
    if (!read_source(json_get(value, "image_url"), json_get(value, "file_id"), &media))
        return refuse(input, "an image without image_url or file_id");
    struct part *part = add_part(input, PART_IMAGE);
    if (part)
        part->media = media;
    return OK;
}

/* `file_data` is a data URL, or bare base64 whose type only the file's name tells. */
static enum err read_file(struct input *input, struct json value)
{
    struct media media = {.name = prompt_text(json_get(value, "filename"))};
    struct str data = prompt_text(json_get(value, "file_data"));
    if (data.len && !media_from_data_url(data, &media)) {
        media.source = MEDIA_BASE64;
        media.data = data;
        media.type = str_ends(media.name, STR(".pdf")) ? STR("application/pdf") : STR("");
    } else if (!data.len &&
               !read_source(json_get(value, "file_url"), json_get(value, "file_id"), &media)) {
        return refuse(input, "a file without file_data, file_url or file_id");
    }
    struct part *part = add_part(input, PART_DOCUMENT);
    if (part)
        part->media = media;
    return OK;
}

static enum err read_audio(struct input *input, struct json value)
{
    struct json audio = json_get(value, "input_audio");
    struct str data = prompt_text(json_get(audio, "data"));
    struct str format = prompt_text(json_get(audio, "format"));
    if (data.len == 0)
        return refuse(input, "audio without input_audio.data");
    bool is_wav = str_eq(format, STR("wav"));
    if (!is_wav && !str_eq(format, STR("mp3")))
        return refuse(input, "input_audio.format must be wav or mp3");
    struct part *part = add_part(input, PART_AUDIO);
    if (part)
        part->media = (struct media){.source = MEDIA_BASE64,
                                     .type = is_wav ? STR("audio/wav") : STR("audio/mpeg"),
                                     .data = data};
    return OK;
}

/* `known`: members that are read, or mean nothing to a model. */
static const struct content_row {
    struct str type;
    enum err (*read)(struct input *input, struct json value);
    struct str known[6];
} content_rows[] = {
    {STR_INIT("input_text"), read_text, {STR_INIT("text")}},
    {STR_INIT("output_text"), read_text, {STR_INIT("text"), STR_INIT("logprobs")}},
    {STR_INIT("text"), read_text, {STR_INIT("text")}},
    {STR_INIT("refusal"), read_refusal, {STR_INIT("refusal")}},
    {STR_INIT("input_image"),
     read_image,
     {STR_INIT("image_url"), STR_INIT("file_id"), STR_INIT("detail")}},
    {STR_INIT("input_file"),
     read_file,
     {STR_INIT("file_data"), STR_INIT("file_url"), STR_INIT("file_id"), STR_INIT("filename")}},
    {STR_INIT("input_audio"), read_audio, {STR_INIT("input_audio")}},
};

static enum err read_piece(struct input *input, struct json value)
{
    struct str type = prompt_text(json_get(value, "type"));
    for (size_t i = 0; i < sizeof content_rows / sizeof content_rows[0]; i++) {
        const struct content_row *row = &content_rows[i];
        if (!str_eq(type, row->type))
            continue;
        struct str known[7] = {STR("type")};
        memcpy(known + 1, row->known, sizeof row->known);
        prompt_drop_others(input->prompt, value, known, 7, "input.content");
        return row->read(input, value);
    }
    prompt_drop_member(input->prompt, "input.content", type);
    return OK;
}

/* A string, or a list of pieces. `what` is for the sentence. */
static enum err read_content(struct input *input, struct json content, const char *what)
{
    struct str text;
    if (json_string(content, &text)) {
        if (text.len)
            add_text(input, PART_TEXT, text);
        return OK;
    }
    if (json_type_of(content) != JSON_ARRAY)
        return refuse(input, what);
    for (struct json_cursor c = json_each(content); json_next(&c);) {
        enum err err = read_piece(input, c.value);
        if (err != OK)
            return err;
    }
    return OK;
}

/* ---- items ----------------------------------------------------------------------------------- */

static enum err read_message(struct input *input, struct json item)
{
    static const struct {
        struct str name;
        enum turn_role role;
    } roles[] = {{STR_INIT("user"), TURN_USER},
                 {STR_INIT("assistant"), TURN_ASSISTANT},
                 {STR_INIT("system"), TURN_SYSTEM},
                 {STR_INIT("developer"), TURN_DEVELOPER}};
    static const struct str known[] = {STR_INIT("type"), STR_INIT("role"), STR_INIT("content"),
                                       STR_INIT("id"), STR_INIT("status")};
    struct str role = prompt_text(json_get(item, "role"));
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (!str_eq(role, roles[i].name))
            continue;
        input->role = roles[i].role;
        prompt_drop_others(input->prompt, item, known, sizeof known / sizeof known[0], "input");
        return read_content(input, json_get(item, "content"),
                            "content must be a string or a list of parts");
    }
    return refuse(input, "role must be user, assistant, system or developer");
}

/* A call's members; refused without name or call_id. */
static enum err read_any_call(struct input *input, struct json item, bool is_custom)
{
    struct str id = prompt_text(json_get(item, "call_id"));
    struct str name = prompt_text(json_get(item, "name"));
    struct json given = json_get(item, is_custom ? "input" : "arguments");
    struct str text = STR("");
    if (id.len == 0)
        return refuse(input, "call_id is missing");
    if (name.len == 0)
        return refuse(input, "name is missing");
    if (json_type_of(given) != JSON_ABSENT && !json_string(given, &text))
        return refuse(input, is_custom ? "input must be a string" : "arguments must be a string");
    input->role = TURN_ASSISTANT;
    struct part *part = add_part(input, PART_TOOL_CALL);
    if (!part)
        return OK;
    part->id = id;
    part->name = name;
    part->space = prompt_text(json_get(item, "namespace"));
    part->is_custom = is_custom;
    *(is_custom ? &part->text : &part->arguments) = text;
    return OK;
}

static enum err read_call(struct input *input, struct json item)
{
    return read_any_call(input, item, false);
}

static enum err read_custom_call(struct input *input, struct json item)
{
    return read_any_call(input, item, true);
}

static enum err read_any_output(struct input *input, struct json item, bool is_custom)
{
    struct str id = prompt_text(json_get(item, "call_id"));
    if (id.len == 0)
        return refuse(input, "call_id is missing");
    input->role = TURN_USER;
    struct part *result = add_part(input, PART_TOOL_RESULT);
    if (!result)
        return OK;
    result->id = id;
    result->is_custom = is_custom;
    input->result = result;
    return read_content(input, json_get(item, "output"),
                        "output must be a string or a list of parts");
}

static enum err read_output(struct input *input, struct json item)
{
    return read_any_output(input, item, false);
}

static enum err read_custom_output(struct input *input, struct json item)
{
    return read_any_output(input, item, true);
}

/* ---- reasoning ------------------------------------------------------------------------------- */

/* The texts of a list of summary or content parts, with a blank line between two. */
static struct str join_texts(struct prompt *prompt, struct json list)
{
    struct str whole = STR("");
    size_t len = 0;
    for (struct json_cursor c = json_each(list); json_next(&c);)
        len += prompt_text(json_get(c.value, "text")).len + 2;
    char *room = json_count(list) > 1 ? arena_alloc(prompt->arena, len) : NULL;
    prompt->failed |= json_count(list) > 1 && !room;
    for (struct json_cursor c = json_each(list); json_next(&c);) {
        struct str text = prompt_text(json_get(c.value, "text"));
        if (!room) {
            whole = text;
            continue;
        }
        if (whole.len) {
            memcpy(room + whole.len, "\n\n", 2);
            whole.len += 2;
        }
        if (text.len)
            memcpy(room + whole.len, text.at, text.len);
        whole = (struct str){room, whole.len + text.len};
    }
    return whole;
}

static void add_thinking(struct input *input, const struct sealed_thinking *thinking)
{
    struct part *part = add_part(input, thinking->is_opaque ? PART_SEALED : PART_THINKING);
    if (part)
        prompt_part_think(part, thinking);
}

/* A seal of ours is opened, and is what its maker made again; one that does not open leaves what can be read. */
static enum err read_reasoning(struct input *input, struct json item)
{
    struct prompt *prompt = input->prompt;
    struct str seal = prompt_text(json_get(item, "encrypted_content"));
    struct sealed_thinking thinking = {.maker = ENDPOINT_RESPONSES, .seal = seal};
    input->role = TURN_ASSISTANT;
    if (seal_is_ours(seal)) {
        if (seal_open(prompt->sealer, prompt->arena, seal, &thinking)) {
            add_thinking(input, &thinking);
            return OK;
        }
        prompt_drop(prompt, "input.reasoning.encrypted_content");
        thinking.seal = STR("");
    }
    thinking.text = join_texts(prompt, json_get(item, "summary"));
    if (thinking.text.len == 0)
        thinking.text = join_texts(prompt, json_get(item, "content"));
    if (thinking.seal.len)
        thinking.id = prompt_text(json_get(item, "id"));
    else
        thinking.maker = ENDPOINT_CHAT; /* no seal at all */
    thinking.is_opaque = thinking.text.len == 0;
    if (thinking.text.len || thinking.seal.len)
        add_thinking(input, &thinking);
    else
        prompt_drop(prompt, "input.reasoning"); /* all of it is in OpenAI's store */
    return OK;
}

/* ---- tools among the items ------------------------------------------------------------------- */

static enum err read_more_tools(struct input *input, struct json item)
{
    prompt_emulate(input->prompt, "input.additional_tools");
    return responses_tools_read(input->prompt, json_get(item, "tools"), "additional_tools",
                                input->error);
}

/* What a search for tools has found can be used from here on; that it was searched for is not carried. */
static enum err read_found_tools(struct input *input, struct json item)
{
    prompt_drop(input->prompt, "input.tool_search_output");
    return responses_tools_read(input->prompt, json_get(item, "tools"), "tool_search_output",
                                input->error);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct item_row {
    struct str type;
    enum err (*read)(struct input *input, struct json item);
} item_rows[] = {
    {STR_INIT("message"), read_message},
    {STR_INIT("function_call"), read_call},
    {STR_INIT("function_call_output"), read_output},
    {STR_INIT("custom_tool_call"), read_custom_call},
    {STR_INIT("custom_tool_call_output"), read_custom_output},
    {STR_INIT("reasoning"), read_reasoning},
    {STR_INIT("additional_tools"), read_more_tools},
    {STR_INIT("tool_search_output"), read_found_tools},
};

static enum err read_item(struct input *input, struct json item)
{
    struct str type = prompt_text(json_get(item, "type"));
    if (json_type_of(item) != JSON_OBJECT)
        return refuse(input, "must be an object");
    if (type.len == 0)
        return read_message(input, item); /* the short form: role and content */
    for (size_t i = 0; i < sizeof item_rows / sizeof item_rows[0]; i++)
        if (str_eq(type, item_rows[i].type))
            return item_rows[i].read(input, item);
    prompt_drop_member(input->prompt, "input", type);
    return OK;
}

enum err responses_input_read(struct prompt *prompt, struct json value, struct error *error)
{
    struct input input = {.prompt = prompt, .error = error, .role = TURN_USER};
    struct str text;
    if (json_string(value, &text)) {
        add_text(&input, PART_TEXT, text);
        return OK;
    }
    if (json_type_of(value) != JSON_ARRAY)
        return error_set(error, ERR_MALFORMED, "input must be a string or a list of items");
    for (struct json_cursor c = json_each(value); json_next(&c);) {
        enum err err = read_item(&input, c.value);
        if (err != OK)
            return err;
        input.result = NULL;
        input.index++;
    }
    return OK;
}
