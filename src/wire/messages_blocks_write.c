/* wire/messages_blocks_write.c: one content block each. What Anthropic would refuse is left out, with a note when it is a loss. */
#include "wire/messages_parts.h"

#include "wire/tool_arguments.h"

#define ID_KEPT_BYTES 40 /* of an id that has to be cleaned */

bool messages_is_blank(struct str text)
{
    static const char space[] = " \t\r\n\v\f";
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(space, text.at[i], sizeof space - 1))
            return false;
    return true;
}

bool messages_is_signed(const struct part *part)
{
    return (part->kind == PART_THINKING || part->kind == PART_SEALED) && part->seal.len > 0 &&
           part->sealed_by == ENDPOINT_MESSAGES;
}

/* ---- what is taken ---------------------------------------------------------------------------- */

static bool is_web_url(struct str url)
{
    return str_istarts(url, STR("https://")) || str_istarts(url, STR("http://"));
}

/* Ids of files are worth something to their own vendor only; Anthropic's begin so. */
static bool is_own_file(const struct media *media)
{
    return media->source == MEDIA_FILE && str_starts(media->data, STR("file_"));
}

/* Of base64 data that came without a type: by its first bytes. Empty: another one. */
static struct str image_type(const struct media *media)
{
    static const struct {
        struct str type, start;
    } types[] = {{STR_INIT("image/png"), STR_INIT("iVBOR")},
                 {STR_INIT("image/jpeg"), STR_INIT("/9j/")},
                 {STR_INIT("image/gif"), STR_INIT("R0lGOD")},
                 {STR_INIT("image/webp"), STR_INIT("UklGR")}};
    if (str_ieq(media->type, STR("image/jpg")))
        return types[1].type;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (media->type.len ? str_ieq(media->type, types[i].type)
                            : str_starts(media->data, types[i].start))
            return types[i].type;
    return STR("");
}

static bool takes_image(const struct media *media)
{
    switch (media->source) {
    case MEDIA_BASE64: return image_type(media).len > 0;
    case MEDIA_URL: return is_web_url(media->data);
    case MEDIA_FILE: return is_own_file(media);
    case MEDIA_TEXT: break;
    }
    return false;
}

static bool takes_document(const struct media *media)
{
    switch (media->source) {
    case MEDIA_BASE64: return media->type.len == 0 || str_ieq(media->type, STR("application/pdf"));
    case MEDIA_URL: return is_web_url(media->data);
    case MEDIA_FILE: return is_own_file(media);
    case MEDIA_TEXT: return !messages_is_blank(media->data);
    }
    return false;
}

/* The field that is lost with the part; NULL when it is taken, or when leaving it out loses nothing. */
static const char *loss_of(const struct part *part, bool *out_is_taken)
{
    const char *field = NULL;
    *out_is_taken = true;
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL: *out_is_taken = !messages_is_blank(part->text); return NULL;
    case PART_IMAGE: field = takes_image(&part->media) ? NULL : "images"; break;
    case PART_DOCUMENT: field = takes_document(&part->media) ? NULL : "documents"; break;
    case PART_THINKING:
    case PART_SEALED: field = messages_is_signed(part) ? NULL : "thinking"; break;
    case PART_TOOL_CALL:
    case PART_TOOL_RESULT: break;
    default: field = "audio"; break;
    }
    *out_is_taken = !field;
    return field;
}

bool messages_takes(const struct messages_plan *plan, const struct part *part)
{
    bool is_taken;
    const char *field = loss_of(part, &is_taken);
    if (field)
        prompt_drop(plan->prompt, field);
    return is_taken;
}

/* ---- media ------------------------------------------------------------------------------------ */

static void open_block(struct json_writer *writer, const char *type)
{
    json_open_object(writer);
    json_put_text(writer, "type", type);
}

void messages_write_text(struct json_writer *writer, struct str text)
{
    open_block(writer, "text");
    json_put_string(writer, "text", text);
    json_close_object(writer);
}

/* `type`: of base64 data and of text. */
static void write_source(struct json_writer *writer, const struct media *media, struct str type)
{
    static const struct {
        const char *type, *member;
    } sources[] = {[MEDIA_URL] = {"url", "url"},
                   [MEDIA_BASE64] = {"base64", "data"},
                   [MEDIA_TEXT] = {"text", "data"},
                   [MEDIA_FILE] = {"file", "file_id"}};
    json_open_object_named(writer, "source");
    json_put_text(writer, "type", sources[media->source].type);
    if (media->source == MEDIA_BASE64 || media->source == MEDIA_TEXT)
        json_put_string(writer, "media_type", type);
    json_put_string(writer, sources[media->source].member, media->data);
    json_close_object(writer);
}

static void write_image(const struct messages_plan *plan, struct json_writer *writer,
                        const struct media *media)
{
    if (media->detail.len && !str_eq(media->detail, STR("auto")))
        prompt_drop(plan->prompt, "images.detail");
    open_block(writer, "image");
    write_source(writer, media, image_type(media));
    json_close_object(writer);
}

static void write_document(struct json_writer *writer, const struct media *media)
{
    open_block(writer, "document");
    write_source(writer, media,
                 media->source == MEDIA_TEXT ? STR("text/plain") : STR("application/pdf"));
    if (media->name.len)
        json_put_string(writer, "title", media->name);
    json_close_object(writer);
}

/* ---- tools ------------------------------------------------------------------------------------ */

static bool is_plain_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return id.len > 0;
}

/* Anthropic takes letters, digits, _ and -, and each id once in a conversation. Others get a hash in their place, and
 * a number when they come again. */
static void put_call_id(struct json_writer *writer, const char *name, const struct part *call)
{
    static const struct str own = STR_INIT("toolu_");
    struct str bare = str_starts(call->id, own) ? str_from(call->id, own.len) : call->id;
    AUTO_BUF struct buf id;
    buf_init(&id, 64u * 1024);
    if (is_plain_id(call->id) && call->repeat == 0) {
        tool_id_put(&id, ENDPOINT_MESSAGES, call->id);
        json_put_raw(writer, name, buf_str(&id));
        return;
    }
    buf_append_str(&id, own);
    buf_append_str(&id, str_upto(bare, ID_KEPT_BYTES));
    for (size_t i = 0; i < id.len; i++)
        if (!is_plain_id((struct str){id.data + i, 1}))
            id.data[i] = '_';
    buf_printf(&id, "_%016llx", (unsigned long long)str_hash(call->id));
    if (call->repeat)
        buf_printf(&id, "_%u", call->repeat);
    json_put_string(writer, name, buf_str(&id));
}

static void write_call(const struct messages_plan *plan, struct json_writer *writer,
                       const struct part *call)
{
    struct prompt *prompt = plan->prompt;
    open_block(writer, "tool_use");
    put_call_id(writer, "id", call);
    json_put_string(writer, "name",
                    tool_name_out(prompt->names, call->space, call->name, call->is_custom));
    if (call->is_custom) { /* free text: the one argument of the function that stands for it */
        json_open_object_named(writer, "input");
        json_put_string(writer, "input", call->text);
        json_close_object(writer);
    } else {
        tool_arguments_put_object(writer, "input", call->arguments, prompt->scratch,
                                  prompt->fidelity);
    }
    json_close_object(writer);
}

/* What is inside a result: a string when it is one text, as most are. */
static void write_inside(const struct messages_plan *plan, struct json_writer *writer,
                         const struct part *inside)
{
    const struct part *first = inside;
    while (first && !messages_takes(plan, first))
        first = first->next;
    if (!first)
        return;
    const struct part *more = first->next;
    while (more && !messages_takes(plan, more))
        more = more->next;
    if (first->kind == PART_TEXT && !more) {
        json_put_string(writer, "content", first->text);
        return;
    }
    json_open_array(writer, "content");
    for (const struct part *part = first; part; part = part->next)
        if (messages_takes(plan, part))
            messages_write_block(plan, writer, part);
    json_close_array(writer);
}

void messages_write_result(const struct messages_plan *plan, struct json_writer *writer,
                           const struct part *call)
{
    const struct part *result = call->partner;
    open_block(writer, "tool_result");
    put_call_id(writer, "tool_use_id", call);
    if (result)
        write_inside(plan, writer, result->inside);
    else
        json_put_text(writer, "content", "No result was given.");
    if (!result)
        prompt_change(plan->prompt, "tool_result");
    if (!result || result->is_error)
        json_put_bool(writer, "is_error", true);
    json_close_object(writer);
}

/* ---- any ------------------------------------------------------------------------------------- */

void messages_write_block(const struct messages_plan *plan, struct json_writer *writer,
                          const struct part *part)
{
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL: messages_write_text(writer, part->text); break;
    case PART_IMAGE: write_image(plan, writer, &part->media); break;
    case PART_DOCUMENT: write_document(writer, &part->media); break;
    case PART_THINKING:
        open_block(writer, "thinking");
        json_put_string(writer, "thinking", part->text);
        json_put_string(writer, "signature", part->seal);
        json_close_object(writer);
        break;
    case PART_SEALED:
        open_block(writer, "redacted_thinking");
        json_put_string(writer, "data", part->seal);
        json_close_object(writer);
        break;
    case PART_TOOL_CALL: write_call(plan, writer, part); break;
    default: break; /* results: in the order of their calls; audio: not taken */
    }
}
