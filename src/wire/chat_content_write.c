/* wire/chat_content_write.c: one part of a turn as a content part of a chat completions message. */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

/* ---- what can be said --------------------------------------------------------------------------- */

static struct str audio_format(const struct media *media)
{
    if (str_eq(media->type, STR("audio/wav")) || str_eq(media->type, STR("audio/x-wav")))
        return STR("wav");
    bool is_mp3 = str_eq(media->type, STR("audio/mpeg")) || str_eq(media->type, STR("audio/mp3"));
    return is_mp3 ? STR("mp3") : STR("");
}

/* A file id means something to its own vendor only, and this is how OpenAI's look. */
static bool is_openai_file(const struct media *media)
{
    return str_starts(media->data, STR("file-"));
}

static const char *document_loss(unsigned quirks, const struct media *media)
{
    if (media->source == MEDIA_TEXT)
        return NULL;
    if (quirks & QUIRK_LOCAL)
        return "documents";
    if (media->source == MEDIA_URL)
        return "documents.url";
    bool is_foreign = media->source == MEDIA_FILE && !is_openai_file(media);
    return is_foreign ? "documents.file_id" : NULL;
}

/* What is lost if this part goes into a user message, or NULL. */
static const char *part_loss(unsigned quirks, const struct part *part)
{
    const struct media *media = &part->media;
    switch (part->kind) {
    case PART_TEXT: return NULL;
    case PART_IMAGE: return media->source == MEDIA_FILE ? "images.file_id" : NULL;
    case PART_DOCUMENT: return document_loss(quirks, media);
    case PART_AUDIO:
        return media->source == MEDIA_BASE64 && audio_format(media).len ? NULL : "audio";
    default: return "messages.content";
    }
}

bool chat_is_writable(struct prompt *prompt, unsigned quirks, const struct part *part)
{
    if (part->kind == PART_TEXT && part->text.len == 0)
        return false;
    const char *loss = part_loss(quirks, part);
    if (loss)
        prompt_drop(prompt, loss);
    return !loss;
}

bool chat_is_media(const struct part *part)
{
    return part->kind == PART_IMAGE || part->kind == PART_AUDIO ||
           (part->kind == PART_DOCUMENT && part->media.source != MEDIA_TEXT);
}

/* ---- saying it ---------------------------------------------------------------------------------- */

void chat_put_text(struct json_writer *json, struct str text)
{
    json_put_string(json, "type", STR("text"));
    json_put_string(json, "text", text);
}

/* The URL, or the data as one. */
static void put_url(struct json_writer *json, const char *name, const struct media *media)
{
    json_put_raw(json, name, STR("")); /* just the name */
    media_put_url(json->buf, media);
}

static void put_image(struct json_writer *json, const struct media *media)
{
    json_put_string(json, "type", STR("image_url"));
    json_open_object_named(json, "image_url");
    put_url(json, "url", media);
    if (media->detail.len)
        json_put_string(json, "detail", media->detail);
    json_close_object(json);
}

static void put_audio(struct json_writer *json, const struct media *media)
{
    json_put_string(json, "type", STR("input_audio"));
    json_open_object_named(json, "input_audio");
    json_put_string(json, "data", media->data);
    json_put_string(json, "format", audio_format(media));
    json_close_object(json);
}

static void put_file(struct json_writer *json, struct media media)
{
    json_put_string(json, "type", STR("file"));
    json_open_object_named(json, "file");
    if (media.source == MEDIA_FILE) {
        json_put_string(json, "file_id", media.data);
    } else {
        if (media.type.len == 0)
            media.type = STR("application/pdf");
        json_put_string(json, "filename", media.name.len ? media.name : STR("document.pdf"));
        put_url(json, "file_data", &media);
    }
    json_close_object(json);
}

/* A document of plain text: its title, and the text. */
static void put_text_document(struct prompt *prompt, struct json_writer *json,
                              const struct media *media)
{
    struct str text = media->data;
    if (media->name.len)
        text = prompt_join(prompt, prompt_join(prompt, media->name, STR("\n\n")), text);
    chat_put_text(json, text);
    prompt_emulate(prompt, "documents");
}

void chat_part_write(struct prompt *prompt, struct json_writer *json, const struct part *part)
{
    json_open_object(json);
    if (part->kind == PART_IMAGE)
        put_image(json, &part->media);
    else if (part->kind == PART_AUDIO)
        put_audio(json, &part->media);
    else if (part->kind == PART_DOCUMENT && part->media.source == MEDIA_TEXT)
        put_text_document(prompt, json, &part->media);
    else if (part->kind == PART_DOCUMENT)
        put_file(json, part->media);
    else
        chat_put_text(json, part->text);
    json_close_object(json);
}
