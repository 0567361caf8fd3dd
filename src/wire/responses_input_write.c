/* wire/responses_input_write.c: turns into the items of a responses request.
 *
 * Every turn stays where it stands, also system and developer turns: this dialect takes them anywhere, and one rule for
 * the first (which could as well be `instructions`) and for those in mid-conversation keeps their order and
 * their number. A turn is cut into items where its parts demand it: text and media gather in a message, calls, outputs
 * and reasoning are items of their own.
 */
#include "json/json_writer.h"
#include "wire/responses_parts.h"

struct input {
    struct prompt *prompt;
    const struct prompt_target *target;
    struct json_writer *writer;
    enum turn_role role;
    bool has_message; /* one is open */
};

/* ---- members that others know how to write ----------------------------------------------------- */

/* Comma and name; the value is appended to the buffer right behind it. */
static struct buf *put_name(struct json_writer *writer, const char *name)
{
    json_put_raw(writer, name, STR(""));
    return writer->buf;
}

static void put_call_id(struct json_writer *writer, struct str id)
{
    tool_id_put(put_name(writer, "call_id"), ENDPOINT_RESPONSES, id);
}

/* ---- messages -------------------------------------------------------------------------------- */

static const char *role_name(const struct input *input)
{
    switch (input->role) {
    case TURN_SYSTEM: return "system";
    case TURN_DEVELOPER:
        if (!(input->target->quirks & QUIRK_NO_DEVELOPER_ROLE))
            return "developer";
        prompt_emulate(input->prompt, "messages.developer");
        return "system";
    case TURN_ASSISTANT: return "assistant";
    default: return "user";
    }
}

static void open_message(struct input *input)
{
    if (input->has_message)
        return;
    json_open_object(input->writer);
    json_put_text(input->writer, "type", "message");
    json_put_text(input->writer, "role", role_name(input));
    json_open_array(input->writer, "content");
    input->has_message = true;
}

static void close_message(struct input *input)
{
    if (!input->has_message)
        return;
    json_close_array(input->writer);
    json_close_object(input->writer);
    input->has_message = false;
}

/* ---- what has no place here --------------------------------------------------------------------- */

static bool is_billing(const struct input *input, const struct part *part)
{
    return (input->target->quirks & QUIRK_LOCAL) && input->role == TURN_SYSTEM &&
           prompt_is_billing(part);
}

/* A file id means something to its own vendor only, and this is how OpenAI's look. */
static bool is_foreign_file(const struct part *part)
{
    bool is_file = part->kind == PART_IMAGE || part->kind == PART_DOCUMENT;
    return is_file && part->media.source == MEDIA_FILE &&
           !str_starts(part->media.data, STR("file-"));
}

/* Notes what is left out. */
static bool is_left_out(struct input *input, const struct part *part)
{
    if (is_billing(input, part)) {
        prompt_emulate(input->prompt, "system.billing_header");
        return true;
    }
    if (!is_foreign_file(part))
        return false;
    prompt_drop(input->prompt, part->kind == PART_IMAGE ? "images.file_id" : "documents.file_id");
    return true;
}

/* ---- pieces of content ------------------------------------------------------------------------- */

static void put_text(struct json_writer *writer, const char *type, struct str text)
{
    json_open_object(writer);
    json_put_text(writer, "type", type);
    json_put_string(writer, "text", text);
    json_close_object(writer);
}

static void put_image(struct json_writer *writer, const struct media *media)
{
    json_open_object(writer);
    json_put_text(writer, "type", "input_image");
    json_put_string(writer, "detail", media->detail.len ? media->detail : STR("auto"));
    if (media->source == MEDIA_FILE)
        json_put_string(writer, "file_id", media->data);
    else
        media_put_url(put_name(writer, "image_url"), media);
    json_close_object(writer);
}

/* A document of plain text is given as text: a file of it would have to be base64. */
static void put_document_text(struct input *input, const struct media *media)
{
    struct str text = media->data;
    if (media->name.len)
        text = prompt_join(input->prompt, prompt_join(input->prompt, media->name, STR("\n\n")),
                           media->data);
    put_text(input->writer, "input_text", text);
    prompt_emulate(input->prompt, "documents");
}

static void put_document(struct input *input, const struct media *media)
{
    struct json_writer *writer = input->writer;
    bool is_pdf = str_eq(media->type, STR("application/pdf"));
    if (media->source == MEDIA_TEXT) {
        put_document_text(input, media);
        return;
    }
    json_open_object(writer);
    json_put_text(writer, "type", "input_file");
    if (media->source == MEDIA_BASE64) { /* which needs a name */
        struct str name = media->name.len ? media->name : STR("document");
        if (!media->name.len && is_pdf)
            name = STR("document.pdf");
        json_put_string(writer, "filename", name);
        media_put_url(put_name(writer, "file_data"), media);
    } else {
        json_put_string(writer, media->source == MEDIA_FILE ? "file_id" : "file_url", media->data);
    }
    json_close_object(writer);
}

/* The API's names for two kinds of sound, "audio/wav" and "audio/mpeg". */
static void put_audio(struct json_writer *writer, const struct media *media)
{
    bool is_wav = str_ends(media->type, STR("wav"));
    json_open_object(writer);
    json_put_text(writer, "type", "input_audio");
    json_open_object_named(writer, "input_audio");
    json_put_string(writer, "data", media->data);
    json_put_text(writer, "format", is_wav ? "wav" : "mp3");
    json_close_object(writer);
    json_close_object(writer);
}

static void put_refusal(struct json_writer *writer, struct str text)
{
    json_open_object(writer);
    json_put_text(writer, "type", "refusal");
    json_put_string(writer, "refusal", text);
    json_close_object(writer);
}

/* What an assistant's message may hold here. */
static void put_said(struct input *input, const struct part *part)
{
    switch (part->kind) {
    case PART_TEXT:
        open_message(input);
        put_text(input->writer, "output_text", part->text);
        break;
    case PART_REFUSAL:
        open_message(input);
        put_refusal(input->writer, part->text);
        break;
    case PART_IMAGE: prompt_drop(input->prompt, "images"); break;
    case PART_DOCUMENT: prompt_drop(input->prompt, "documents"); break;
    default: prompt_drop(input->prompt, "audio"); break;
    }
}

/* In a message of anybody else, and inside a tool's output. */
static void put_given(struct input *input, const struct part *part)
{
    switch (part->kind) {
    case PART_IMAGE: put_image(input->writer, &part->media); break;
    case PART_DOCUMENT: put_document(input, &part->media); break;
    case PART_AUDIO: put_audio(input->writer, &part->media); break;
    default: put_text(input->writer, "input_text", part->text); break;
    }
}

/* ---- items of their own ------------------------------------------------------------------------ */

/* Reasoning is worth something to its maker only, and not without its seal. */
static void put_thinking(struct input *input, const struct part *part)
{
    struct json_writer *writer = input->writer;
    if (part->sealed_by != ENDPOINT_RESPONSES || part->seal.len == 0) {
        prompt_drop(input->prompt, "thinking");
        return;
    }
    close_message(input);
    json_open_object(writer);
    json_put_text(writer, "type", "reasoning");
    if (part->id.len)
        json_put_string(writer, "id", part->id);
    json_open_array(writer, "summary");
    if (part->kind == PART_THINKING && part->text.len)
        put_text(writer, "summary_text", part->text);
    json_close_array(writer);
    json_put_string(writer, "encrypted_content", part->seal);
    json_close_object(writer);
}

static void put_call(struct input *input, const struct part *part)
{
    struct json_writer *writer = input->writer;
    struct str space;
    struct str name = responses_tool_name(input->prompt, part->space, part->name, &space);
    close_message(input);
    json_open_object(writer);
    json_put_text(writer, "type", part->is_custom ? "custom_tool_call" : "function_call");
    put_call_id(writer, part->id);
    json_put_string(writer, "name", name);
    if (space.len)
        json_put_string(writer, "namespace", space);
    if (part->is_custom)
        json_put_string(writer, "input", part->text);
    else
        json_put_string(writer, "arguments", part->arguments.len ? part->arguments : STR("{}"));
    json_close_object(writer);
}

/* One text is a plain string, which every service takes; else a list of pieces. */
static void put_result(struct input *input, const struct part *part)
{
    struct json_writer *writer = input->writer;
    const struct part *inside = part->inside;
    close_message(input);
    if (part->is_error) /* there is no mark for it: the text must say it */
        prompt_change(input->prompt, "tool_result.is_error");
    json_open_object(writer);
    json_put_text(writer, "type",
                  part->is_custom ? "custom_tool_call_output" : "function_call_output");
    put_call_id(writer, part->id);
    if (!inside || (inside->kind == PART_TEXT && !inside->next)) {
        struct str silent = part->is_error ? STR("Error") : STR("");
        json_put_string(writer, "output", inside ? inside->text : silent);
    } else {
        json_open_array(writer, "output");
        for (; inside; inside = inside->next)
            if (!is_left_out(input, inside))
                put_given(input, inside);
        json_close_array(writer);
    }
    json_close_object(writer);
}

static void put_part(struct input *input, const struct part *part)
{
    switch (part->kind) {
    case PART_THINKING:
    case PART_SEALED: put_thinking(input, part); break;
    case PART_TOOL_CALL: put_call(input, part); break;
    case PART_TOOL_RESULT: put_result(input, part); break;
    default:
        if (input->role == TURN_ASSISTANT) {
            put_said(input, part);
        } else if (!is_left_out(input, part)) {
            open_message(input);
            put_given(input, part);
        }
    }
}

void responses_input_write(struct prompt *prompt, const struct prompt_target *target,
                           struct json_writer *writer)
{
    struct input input = {.prompt = prompt, .target = target, .writer = writer};
    json_open_array(writer, "input");
    for (const struct turn *turn = prompt->turns; turn; turn = turn->next) {
        input.role = turn->role;
        for (const struct part *part = turn->parts; part; part = part->next)
            put_part(&input, part);
        close_message(&input);
    }
    json_close_array(writer);
}
