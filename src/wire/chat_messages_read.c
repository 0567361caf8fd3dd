/* wire/chat_messages_read.c: the messages of a chat completions request, as turns.
 *
 * Each message is a turn of its own, but tool messages that follow one another: these are the results of one answer,
 * and the other dialects give them back in one turn. A tool message does not say what kind of tool it is from;
 * that is found in the assistant's turn before it.
 */
#include "wire/chat_parts.h"

#include <stdio.h>

#define CALLS_SEARCHED 256 /* of a turn, for the call that a result belongs to */

/* Where in the conversation we are. */
struct conversation {
    struct prompt *prompt;
    struct error *error;
    size_t at;              /* number of the message, for sentences */
    struct turn *assistant; /* the last one: results answer its calls */
    struct turn *results;   /* the turn of the tool messages just read; NULL behind anything else */
    int legacy_calls;       /* calls of old have no id: they are numbered */
};

/* Content goes into a turn, or into a tool's result. */
struct place {
    struct turn *turn;
    struct part *result;
};

static enum err refuse(const struct conversation *conversation, const char *what)
{
    return error_set(conversation->error, ERR_MALFORMED, "\"messages[%zu]%s", conversation->at,
                     what);
}

/* ---- content ---------------------------------------------------------------------------------- */

static struct part *add_part(struct prompt *prompt, const struct place *place, enum part_kind kind)
{
    return place->result ? prompt_add_inside(prompt, place->result, kind)
                         : prompt_add_part(prompt, place->turn, kind);
}

/* Empty text is no part: messages refuses it, and nothing is lost. */
static void add_text(struct prompt *prompt, const struct place *place, enum part_kind kind,
                     struct str text)
{
    struct part *part = text.len ? add_part(prompt, place, kind) : NULL;
    if (part)
        part->text = text;
}

static void read_text(struct prompt *prompt, const struct place *place, struct json part)
{
    add_text(prompt, place, PART_TEXT, prompt_text(json_get(part, "text")));
}

static void read_refusal(struct prompt *prompt, const struct place *place, struct json part)
{
    add_text(prompt, place, PART_REFUSAL, prompt_text(json_get(part, "refusal")));
}

/* A URL may also be a data URL; some clients give it without an object around it. */
static void read_image(struct prompt *prompt, const struct place *place, struct json part)
{
    struct json image = json_get(part, "image_url");
    struct part *made = add_part(prompt, place, PART_IMAGE);
    if (!made)
        return;
    struct str url = json_type_of(image) == JSON_STRING ? prompt_text(image)
                                                        : prompt_text(json_get(image, "url"));
    made->media.detail = prompt_text(json_get(image, "detail"));
    if (!media_from_data_url(url, &made->media)) {
        made->media.source = MEDIA_URL;
        made->media.data = url;
    }
}

static void read_audio(struct prompt *prompt, const struct place *place, struct json part)
{
    struct json audio = json_get(part, "input_audio");
    struct part *made = add_part(prompt, place, PART_AUDIO);
    if (!made)
        return;
    struct str format = prompt_text(json_get(audio, "format"));
    bool is_mp3 = str_eq(format, STR("mp3"));
    made->media.source = MEDIA_BASE64;
    made->media.data = prompt_text(json_get(audio, "data"));
    made->media.type = is_mp3 ? STR("audio/mpeg") : prompt_join(prompt, STR("audio/"), format);
}

/* `file_data` is a data URL in practice; bare base64 is what the reference says: a PDF then. */
static void read_file(struct prompt *prompt, const struct place *place, struct json part)
{
    struct json file = json_get(part, "file");
    struct part *made = add_part(prompt, place, PART_DOCUMENT);
    if (!made)
        return;
    struct media *media = &made->media;
    struct str content = prompt_text(json_get(file, "file_data"));
    media->name = prompt_text(json_get(file, "filename"));
    if (content.len == 0) {
        media->source = MEDIA_FILE;
        media->data = prompt_text(json_get(file, "file_id"));
    } else if (!media_from_data_url(content, media)) {
        media->source = MEDIA_BASE64;
        media->type = STR("application/pdf");
        media->data = content;
    }
}

static const struct content_row {
    struct str type;
    void (*read)(struct prompt *prompt, const struct place *place, struct json part);
} content_rows[] = {
    {STR_INIT("text"), read_text},       {STR_INIT("image_url"), read_image},
    {STR_INIT("refusal"), read_refusal}, {STR_INIT("input_audio"), read_audio},
    {STR_INIT("file"), read_file},
};

static enum err read_content_part(struct conversation *conversation, const struct place *place,
                                  struct json part)
{
    static const struct str known[] = {STR_INIT("type"),        STR_INIT("text"),
                                       STR_INIT("image_url"),   STR_INIT("refusal"),
                                       STR_INIT("input_audio"), STR_INIT("file")};
    struct prompt *prompt = conversation->prompt;
    if (json_type_of(part) != JSON_OBJECT)
        return refuse(conversation, ".content\" must be a string or an array of objects");
    struct str type = prompt_text(json_get(part, "type"));
    for (size_t i = 0; i < sizeof content_rows / sizeof content_rows[0]; i++) {
        if (str_eq(type, content_rows[i].type)) {
            content_rows[i].read(prompt, place, part);
            prompt_drop_others(prompt, part, known, sizeof known / sizeof known[0], "messages");
            return OK;
        }
    }
    prompt_drop_member(prompt, "messages.content", type);
    return OK;
}

static enum err read_content(struct conversation *conversation, const struct place *place,
                             struct json content)
{
    switch (json_type_of(content)) {
    case JSON_ABSENT:
    case JSON_NULL: return OK;
    case JSON_STRING:
        add_text(conversation->prompt, place, PART_TEXT, prompt_text(content));
        return OK;
    case JSON_ARRAY: break;
    default: return refuse(conversation, ".content\" must be a string or an array of objects");
    }
    for (struct json_cursor c = json_each(content); json_next(&c);) {
        enum err err = read_content_part(conversation, place, c.value);
        if (err != OK)
            return err;
    }
    return OK;
}

/* ---- what the assistant said ------------------------------------------------------------------- */

/* Calls of old have no id; the result that follows gets the same. */
static struct str legacy_id(struct conversation *conversation)
{
    char id[32];
    int len = snprintf(id, sizeof id, "call_function_%d", conversation->legacy_calls);
    return prompt_join(conversation->prompt, (struct str){id, (size_t)len}, STR(""));
}

static void read_legacy_call(struct conversation *conversation, struct turn *turn,
                             struct json function)
{
    if (json_type_of(function) != JSON_OBJECT)
        return;
    struct part *part = prompt_add_part(conversation->prompt, turn, PART_TOOL_CALL);
    if (!part)
        return;
    conversation->legacy_calls++;
    part->id = legacy_id(conversation);
    part->name = prompt_text(json_get(function, "name"));
    part->arguments = prompt_text(json_get(function, "arguments"));
    prompt_emulate(conversation->prompt, "messages.function_call");
}

static enum err read_call(struct conversation *conversation, struct turn *turn, struct json call)
{
    struct json custom = json_get(call, "custom");
    bool is_custom = json_type_of(custom) == JSON_OBJECT;
    struct json tool = is_custom ? custom : json_get(call, "function");
    struct str id = prompt_text(json_get(call, "id")), name = prompt_text(json_get(tool, "name"));
    if (id.len == 0)
        return refuse(conversation, ".tool_calls\" must have an id each");
    if (name.len == 0)
        return refuse(conversation, ".tool_calls\" must name a function each");
    struct part *part = prompt_add_part(conversation->prompt, turn, PART_TOOL_CALL);
    if (!part)
        return ERR_NO_MEMORY;
    part->id = id;
    part->name = name;
    part->is_custom = is_custom;
    if (is_custom)
        part->text = prompt_text(json_get(tool, "input"));
    else
        part->arguments = prompt_text(json_get(tool, "arguments"));
    return OK;
}

static enum err read_assistant(struct conversation *conversation, struct json message,
                               enum turn_role role)
{
    struct prompt *prompt = conversation->prompt;
    struct turn *turn = prompt_add_turn(prompt, role);
    struct place place = {.turn = turn};
    conversation->assistant = turn;
    struct str thought = prompt_text(json_get(message, "reasoning_content"));
    if (thought.len == 0)
        thought = prompt_text(json_get(message, "reasoning"));
    if (!chat_thinking_recall(prompt, turn, json_get(message, "tool_calls")))
        add_text(prompt, &place, PART_THINKING, thought);
    enum err err = read_content(conversation, &place, json_get(message, "content"));
    add_text(prompt, &place, PART_REFUSAL, prompt_text(json_get(message, "refusal")));
    struct json_cursor c = json_each(json_get(message, "tool_calls"));
    while (err == OK && json_next(&c))
        err = read_call(conversation, turn, c.value);
    read_legacy_call(conversation, turn, json_get(message, "function_call"));
    return err;
}

/* ---- what others said -------------------------------------------------------------------------- */

static bool is_custom_call(const struct conversation *conversation, struct str id)
{
    const struct turn *turn = conversation->assistant;
    const struct part *part = turn ? turn->parts : NULL;
    for (int i = 0; part && i < CALLS_SEARCHED; i++, part = part->next)
        if (part->kind == PART_TOOL_CALL && str_eq(part->id, id))
            return part->is_custom;
    return false;
}

static enum err read_result(struct conversation *conversation, struct json message, struct str id)
{
    struct prompt *prompt = conversation->prompt;
    if (!conversation->results)
        conversation->results = prompt_add_turn(prompt, TURN_USER);
    struct part *part = prompt_add_part(prompt, conversation->results, PART_TOOL_RESULT);
    if (!part)
        return ERR_NO_MEMORY;
    part->id = id;
    part->is_custom = is_custom_call(conversation, id);
    struct place place = {.result = part};
    return read_content(conversation, &place, json_get(message, "content"));
}

static enum err read_tool(struct conversation *conversation, struct json message,
                          enum turn_role role)
{
    (void)role;
    struct str id = prompt_text(json_get(message, "tool_call_id"));
    if (id.len == 0)
        return refuse(conversation, ".tool_call_id\" is missing");
    return read_result(conversation, message, id);
}

static enum err read_function(struct conversation *conversation, struct json message,
                              enum turn_role role)
{
    (void)role;
    return read_result(conversation, message, legacy_id(conversation));
}

static enum err read_speaker(struct conversation *conversation, struct json message,
                             enum turn_role role)
{
    struct place place = {.turn = prompt_add_turn(conversation->prompt, role)};
    return read_content(conversation, &place, json_get(message, "content"));
}

/* ---- messages ---------------------------------------------------------------------------------- */

#define KNOWN_MAX 10

static const struct role_row {
    struct str name;
    enum turn_role role;
    enum err (*read)(struct conversation *conversation, struct json message, enum turn_role role);
    struct str known[KNOWN_MAX]; /* members that are read, or say nothing more */
} role_rows[] = {
    {STR_INIT("system"), TURN_SYSTEM, read_speaker, {STR_INIT("role"), STR_INIT("content")}},
    {STR_INIT("developer"), TURN_DEVELOPER, read_speaker, {STR_INIT("role"), STR_INIT("content")}},
    {STR_INIT("user"), TURN_USER, read_speaker, {STR_INIT("role"), STR_INIT("content")}},
    {STR_INIT("assistant"),
     TURN_ASSISTANT,
     read_assistant,
     {STR_INIT("role"), STR_INIT("content"), STR_INIT("refusal"), STR_INIT("tool_calls"),
      STR_INIT("function_call"), STR_INIT("reasoning_content"), STR_INIT("reasoning")}},
    {STR_INIT("tool"),
     TURN_USER,
     read_tool,
     {STR_INIT("role"), STR_INIT("content"), STR_INIT("tool_call_id"), STR_INIT("name")}},
    {STR_INIT("function"),
     TURN_USER,
     read_function,
     {STR_INIT("role"), STR_INIT("content"), STR_INIT("name")}},
};

static enum err read_message(struct conversation *conversation, struct json message)
{
    struct str role = prompt_text(json_get(message, "role"));
    for (size_t i = 0; i < sizeof role_rows / sizeof role_rows[0]; i++) {
        const struct role_row *row = &role_rows[i];
        if (!str_eq(role, row->name))
            continue;
        if (row->read != read_tool && row->read != read_function)
            conversation->results = NULL;
        enum err err = row->read(conversation, message, row->role);
        prompt_drop_others(conversation->prompt, message, row->known, KNOWN_MAX, "messages");
        return err;
    }
    return refuse(conversation,
                  ".role\" must be system, developer, user, assistant, tool or function");
}

enum err chat_messages_read(struct prompt *prompt, struct json messages, struct error *error)
{
    struct conversation conversation = {.prompt = prompt, .error = error};
    if (json_type_of(messages) != JSON_ARRAY)
        return error_set(error, ERR_MALFORMED, "\"messages\" must be an array");
    for (struct json_cursor c = json_each(messages); json_next(&c); conversation.at++) {
        if (json_type_of(c.value) != JSON_OBJECT)
            return refuse(&conversation, "\" must be an object");
        enum err err = read_message(&conversation, c.value);
        if (err != OK)
            return err;
        if (prompt->failed)
            return error_set(error, ERR_NO_MEMORY, "no memory to translate the request");
    }
    if (!prompt->turns)
        return error_set(error, ERR_MALFORMED, "\"messages\" is empty");
    return OK;
}
