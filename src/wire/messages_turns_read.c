/* wire/messages_turns_read.c: `system` and `messages`: turns and their content blocks, one row for each type of block.
 *
 * Claude Code sends system turns in mid-conversation: they stay where they stand. Blocks of hosted tools (web search, code
 * execution, ...) have no meaning anywhere else and are noted as dropped.
 */
#include "wire/messages_parts.h"

#include <stdio.h>

#define SEARCH_RESULT_EXTRA_BYTES 128

/* Where a block's part goes: into a turn, or into a tool's result. */
struct messages_spot {
    struct turn *turn;
    struct part *result; /* NULL: the turn */
};

static struct part *add_part(struct messages_body *body, const struct messages_spot *spot,
                             enum part_kind kind)
{
    return spot->result ? prompt_add_inside(body->prompt, spot->result, kind)
                        : prompt_add_part(body->prompt, spot->turn, kind);
}

static enum err add_text(struct messages_body *body, const struct messages_spot *spot,
                         struct str text)
{
    struct part *part = add_part(body, spot, PART_TEXT);
    if (!part)
        return ERR_NO_MEMORY;
    part->text = text;
    return OK;
}

/* What a buffer holds, kept as long as the prompt. */
static struct str keep(struct prompt *prompt, const struct buf *buf)
{
    char *copy = buf->failed ? NULL : arena_dup(prompt->arena, buf_str(buf).at, buf->len);
    if (!copy)
        prompt->failed = true;
    return copy ? (struct str){copy, buf->len} : STR("");
}

static bool get_string(struct json object, const char *name, struct str *out_text)
{
    return json_string(json_get(object, name), out_text);
}

/* ---- text ------------------------------------------------------------------------------------- */

static enum err read_text(struct messages_body *body, struct json block,
                          const struct messages_spot *spot)
{
    struct str text;
    if (!get_string(block, "text", &text))
        return messages_refuse(body, ".text must be a string");
    messages_note_rest(body->prompt, block, "messages.", " type text ");
    return add_text(body, spot, text);
}

/* The texts of a list of blocks, one below the other. */
static void join_texts(struct prompt *prompt, struct json blocks, struct buf *out)
{
    for (struct json_cursor c = json_each(blocks); json_next(&c);) {
        struct str text;
        if (!get_string(c.value, "text", &text)) {
            prompt_drop(prompt, "documents.content");
            continue;
        }
        if (out->len)
            buf_putc(out, '\n');
        buf_append_str(out, text);
    }
}

/* What a search found, for models that know no such block: a text that says where it is from. */
static enum err read_search_result(struct messages_body *body, struct json block,
                                   const struct messages_spot *spot)
{
    struct prompt *prompt = body->prompt;
    AUTO_BUF struct buf text, found;
    buf_init(&found, prompt->source.len);
    buf_init(&text, prompt->source.len + SEARCH_RESULT_EXTRA_BYTES);
    join_texts(prompt, json_get(block, "content"), &found);
    buf_append_lit(&text, "Search result: ");
    buf_append_str(&text, prompt_text(json_get(block, "title")));
    buf_append_lit(&text, "\nSource: ");
    buf_append_str(&text, prompt_text(json_get(block, "source")));
    buf_append_lit(&text, "\n\n");
    buf_append_str(&text, buf_str(&found));
    prompt_emulate(prompt, "messages.search_result");
    messages_note_rest(prompt, block, "search_result.", " type title source content ");
    return add_text(body, spot, keep(prompt, &text));
}

/* What a tool search of the caller's found. Deferred tools are there from the start here, so naming it does. */
static enum err read_tool_reference(struct messages_body *body, struct json block,
                                    const struct messages_spot *spot)
{
    struct prompt *prompt = body->prompt;
    struct str text =
        prompt_join(prompt, STR("Tool found: "), prompt_text(json_get(block, "tool_name")));
    prompt_emulate(prompt, "messages.tool_reference");
    messages_note_rest(prompt, block, "tool_reference.", " type tool_name ");
    return add_text(body, spot, text);
}

/* ---- images and documents --------------------------------------------------------------------- */

/* The sources that images and documents share. False: another one. */
static bool read_source(struct json source, struct media *media)
{
    struct str type = prompt_text(json_get(source, "type"));
    media->type = prompt_text(json_get(source, "media_type"));
    if (str_eq(type, STR("base64"))) {
        media->source = MEDIA_BASE64;
        return get_string(source, "data", &media->data);
    }
    if (str_eq(type, STR("url"))) {
        media->source = MEDIA_URL;
        return get_string(source, "url", &media->data);
    }
    media->source = MEDIA_FILE;
    return str_eq(type, STR("file")) && get_string(source, "file_id", &media->data);
}

static enum err read_image(struct messages_body *body, struct json block,
                           const struct messages_spot *spot)
{
    struct part *part = add_part(body, spot, PART_IMAGE);
    if (!part)
        return ERR_NO_MEMORY;
    if (!read_source(json_get(block, "source"), &part->media))
        return messages_refuse(body, ".source must be a base64, url or file source");
    messages_note_rest(body->prompt, block, "images.", " type source ");
    return OK;
}

/* Text sources: as they are, or as blocks. False: another one. */
static bool read_text_source(struct prompt *prompt, struct json source, struct media *media)
{
    struct str type = prompt_text(json_get(source, "type"));
    struct json content = json_get(source, "content");
    media->source = MEDIA_TEXT;
    media->type = STR("text/plain");
    if (str_eq(type, STR("text")))
        return get_string(source, "data", &media->data);
    if (!str_eq(type, STR("content")))
        return false;
    if (json_string(content, &media->data))
        return true;
    AUTO_BUF struct buf text;
    buf_init(&text, prompt->source.len);
    join_texts(prompt, content, &text);
    media->data = keep(prompt, &text);
    prompt_emulate(prompt, "documents.content");
    return json_type_of(content) == JSON_ARRAY;
}

static enum err read_document(struct messages_body *body, struct json block,
                              const struct messages_spot *spot)
{
    struct prompt *prompt = body->prompt;
    struct json source = json_get(block, "source");
    bool is_cited;
    struct part *part = add_part(body, spot, PART_DOCUMENT);
    if (!part)
        return ERR_NO_MEMORY;
    if (!read_text_source(prompt, source, &part->media)) {
        part->media = (struct media){0};
        if (!read_source(source, &part->media))
            return messages_refuse(body,
                                   ".source must be a base64, text, url, content or file source");
    }
    part->media.name = prompt_text(json_get(block, "title"));
    if (json_bool(json_at(block, "citations", "enabled", NULL), &is_cited) && is_cited)
        prompt_drop(prompt, "documents.citations");
    messages_note_rest(prompt, block, "documents.", " type source title citations ");
    return OK;
}

/* ---- thinking --------------------------------------------------------------------------------- */

/* From one of our envelopes: what its maker made of it. */
static enum err add_opened(struct messages_body *body, const struct messages_spot *spot,
                           const struct sealed_thinking *opened, struct str shown)
{
    struct part *part = add_part(body, spot, opened->is_opaque ? PART_SEALED : PART_THINKING);
    if (!part)
        return ERR_NO_MEMORY;
    prompt_part_think(part, opened);
    if (part->text.len == 0)
        part->text = shown;
    return OK;
}

static enum err read_thinking(struct messages_body *body, struct json block,
                              const struct messages_spot *spot)
{
    struct prompt *prompt = body->prompt;
    struct sealed_thinking opened;
    struct str text, seal = prompt_text(json_get(block, "signature"));
    if (!get_string(block, "thinking", &text))
        return messages_refuse(body, ".thinking must be a string");
    messages_note_rest(prompt, block, "thinking.", " type thinking signature ");
    if (seal_is_ours(seal) && seal_open(prompt->sealer, prompt->arena, seal, &opened))
        return add_opened(body, spot, &opened, text);
    struct part *part = add_part(body, spot, PART_THINKING);
    if (!part)
        return ERR_NO_MEMORY;
    part->text = text;
    part->sealed_by = ENDPOINT_MESSAGES;
    if (seal_is_ours(seal))
        prompt_drop(prompt, "thinking.signature"); /* another installation's, or damaged */
    else
        part->seal = seal;
    return OK;
}

static enum err read_redacted(struct messages_body *body, struct json block,
                              const struct messages_spot *spot)
{
    struct prompt *prompt = body->prompt;
    struct sealed_thinking opened;
    struct str seal;
    if (!get_string(block, "data", &seal))
        return messages_refuse(body, ".data must be a string");
    messages_note_rest(prompt, block, "redacted_thinking.", " type data ");
    if (seal_is_ours(seal)) {
        if (seal_open(prompt->sealer, prompt->arena, seal, &opened))
            return add_opened(body, spot, &opened, STR(""));
        prompt_drop(prompt, "redacted_thinking");
        return OK;
    }
    struct part *part = add_part(body, spot, PART_SEALED);
    if (!part)
        return ERR_NO_MEMORY;
    part->seal = seal;
    part->sealed_by = ENDPOINT_MESSAGES;
    return OK;
}

/* ---- tools ------------------------------------------------------------------------------------ */

static enum err read_tool_use(struct messages_body *body, struct json block,
                              const struct messages_spot *spot)
{
    struct part *part = add_part(body, spot, PART_TOOL_CALL);
    if (!part)
        return ERR_NO_MEMORY;
    if (!get_string(block, "id", &part->id) || !get_string(block, "name", &part->name))
        return messages_refuse(body, " needs an id and a name");
    if (json_type_of(json_get(block, "input")) != JSON_OBJECT)
        return messages_refuse(body, ".input must be an object");
    part->arguments = prompt_raw(body->prompt, json_get(block, "input"));
    messages_note_rest(body->prompt, block, "tool_use.", " type id name input caller ");
    return OK;
}

static enum err read_blocks(struct messages_body *body, struct json blocks,
                            const struct messages_spot *spot);

static enum err read_tool_result(struct messages_body *body, struct json block,
                                 const struct messages_spot *spot)
{
    struct json content = json_get(block, "content");
    struct str text;
    struct part *part = add_part(body, spot, PART_TOOL_RESULT);
    if (!part)
        return ERR_NO_MEMORY;
    if (!get_string(block, "tool_use_id", &part->id))
        return messages_refuse(body, ".tool_use_id must be a string");
    (void)json_bool(json_get(block, "is_error"), &part->is_error);
    messages_note_rest(body->prompt, block, "tool_result.", " type tool_use_id content is_error ");
    const struct messages_spot inside = {.turn = spot->turn, .result = part};
    if (json_string(content, &text))
        return text.len ? add_text(body, &inside, text) : OK;
    if (json_type_of(content) == JSON_ABSENT || json_type_of(content) == JSON_NULL)
        return OK;
    return read_blocks(body, content, &inside);
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static const struct block_row {
    struct str type;
    enum err (*read)(struct messages_body *body, struct json block,
                     const struct messages_spot *spot);
    bool may_be_in_result;
} block_rows[] = {
    {STR_INIT("text"), read_text, true},
    {STR_INIT("tool_use"), read_tool_use, false},
    {STR_INIT("tool_result"), read_tool_result, false},
    {STR_INIT("thinking"), read_thinking, false},
    {STR_INIT("redacted_thinking"), read_redacted, false},
    {STR_INIT("image"), read_image, true},
    {STR_INIT("document"), read_document, true},
    {STR_INIT("search_result"), read_search_result, true},
    {STR_INIT("tool_reference"), read_tool_reference, true},
};

static enum err read_block(struct messages_body *body, struct json block,
                           const struct messages_spot *spot)
{
    struct str type;
    if (json_type_of(block) != JSON_OBJECT || !get_string(block, "type", &type))
        return messages_refuse(body, " must be an object with a type");
    for (size_t i = 0; i < sizeof block_rows / sizeof block_rows[0]; i++)
        if (str_eq(type, block_rows[i].type) && (!spot->result || block_rows[i].may_be_in_result))
            return block_rows[i].read(body, block, spot);
    char field[FIDELITY_FIELD_MAX];
    (void)snprintf(field, sizeof field, "messages.%.*s", (int)(type.len < 64 ? type.len : 64),
                   type.at);
    prompt_drop(body->prompt, field);
    return OK;
}

/* `body->place` names the list's owner, and does so again afterwards. The system prompt is its own list. */
static enum err read_blocks(struct messages_body *body, struct json blocks,
                            const struct messages_spot *spot)
{
    size_t number = 0, len = strlen(body->place);
    const char *list = strcmp(body->place, "system") == 0 ? "" : ".content";
    enum err err = OK;
    if (json_type_of(blocks) != JSON_ARRAY) {
        (void)snprintf(body->place + len, sizeof body->place - len, "%s", list);
        return messages_refuse(body, " must be a string or an array of blocks");
    }
    for (struct json_cursor c = json_each(blocks); err == OK && json_next(&c);) {
        (void)snprintf(body->place + len, sizeof body->place - len, "%s[%zu]", list, number++);
        err = read_block(body, c.value, spot);
    }
    if (err == OK)
        body->place[len] = '\0';
    return err;
}

/* ---- turns ------------------------------------------------------------------------------------ */

static enum err read_content(struct messages_body *body, struct json content, struct turn *turn)
{
    const struct messages_spot spot = {.turn = turn};
    struct str text;
    if (!turn)
        return ERR_NO_MEMORY;
    if (json_string(content, &text))
        return add_text(body, &spot, text);
    return read_blocks(body, content, &spot);
}

static enum err read_turn(struct messages_body *body, struct json message)
{
    static const struct role_row {
        struct str name;
        enum turn_role role;
    } roles[] = {{STR_INIT("user"), TURN_USER},
                 {STR_INIT("assistant"), TURN_ASSISTANT},
                 {STR_INIT("system"), TURN_SYSTEM}};
    struct str name = prompt_text(json_get(message, "role"));
    if (json_type_of(message) != JSON_OBJECT)
        return messages_refuse(body, " must be an object");
    /* output_config on a single turn is Claude Code's; without effect on the whole */
    messages_note_rest(body->prompt, message, "messages.", " role content output_config id type ");
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (str_eq(name, roles[i].name))
            return read_content(body, json_get(message, "content"),
                                prompt_add_turn(body->prompt, roles[i].role));
    return messages_refuse(body, ".role must be user, assistant or system");
}

enum err messages_read_turns(struct messages_body *body, struct json messages)
{
    size_t number = 0;
    enum err err = OK;
    body->place[0] = '\0';
    if (json_type_of(messages) != JSON_ARRAY)
        return messages_refuse(body, "messages must be an array");
    for (struct json_cursor c = json_each(messages); err == OK && json_next(&c);) {
        (void)snprintf(body->place, sizeof body->place, "messages[%zu]", number++);
        err = read_turn(body, c.value);
    }
    if (err == OK && number == 0)
        err = messages_refuse(body, "messages must hold at least one message");
    const struct turn *last = body->prompt->last_turn;
    body->prompt->has_prefill = last && last->role == TURN_ASSISTANT;
    return err;
}

enum err messages_read_system(struct messages_body *body, struct json system)
{
    if (!json_says_something(system))
        return OK;
    (void)snprintf(body->place, sizeof body->place, "system");
    return read_content(body, system, prompt_add_turn(body->prompt, TURN_SYSTEM));
}
