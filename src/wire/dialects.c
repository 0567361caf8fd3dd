/* wire/dialects.c: the table of generation dialects, and the way of a request from one to another. */
#include "wire/dialects.h"

#include "wire/chat_parts.h"
#include "wire/messages_parts.h"
#include "wire/responses_parts.h"

#define USUAL_GROWTH 1024u

static const struct dialect_facts dialects[] = {
    {.endpoint = ENDPOINT_CHAT,
     .tool_name_bytes = 64,
     .prompt_read = chat_prompt_read,
     .prompt_write = chat_prompt_write,
     .reader_bytes = sizeof(struct chat_reading),
     .stream_read = chat_stream_read,
     .answer_read = chat_answer_read,
     .reader_release = chat_reader_release,
     .writer_bytes = sizeof(struct chat_writing),
     .stream_write = chat_stream_write,
     .answer_write = chat_answer_write,
     .writer_release = chat_writer_release},
    {.endpoint = ENDPOINT_RESPONSES,
     .tool_name_bytes = 64,
     .prompt_read = responses_prompt_read,
     .prompt_write = responses_prompt_write,
     .reader_bytes = sizeof(struct responses_reading),
     .stream_read = responses_stream_read,
     .answer_read = responses_answer_read,
     .reader_release = responses_reader_release,
     .writer_bytes = sizeof(struct responses_writing),
     .stream_write = responses_stream_write,
     .answer_write = responses_answer_write,
     .writer_release = responses_writer_release},
    {.endpoint = ENDPOINT_MESSAGES,
     .tool_name_bytes = 128,
     .prompt_read = messages_prompt_read,
     .prompt_write = messages_prompt_write,
     .reader_bytes = sizeof(struct messages_reading),
     .stream_read = messages_stream_read,
     .answer_read = messages_answer_read,
     .reader_release = messages_reader_release,
     .writer_bytes = sizeof(struct messages_writing),
     .stream_write = messages_stream_write,
     .answer_write = messages_answer_write,
     .writer_release = messages_writer_release},
};

const struct dialect_facts *dialect_facts(enum endpoint endpoint)
{
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
        if (dialects[i].endpoint == endpoint)
            return &dialects[i];
    return NULL;
}

/* No answer may be longer than the ceiling, whatever the caller says, or does not say. */
static void lower_limit(struct prompt *prompt, const struct prompt_target *target)
{
    if (!target->has_ceiling || (prompt->max_tokens >= 0 && prompt->max_tokens <= target->ceiling))
        return;
    if (prompt->max_tokens >= 0)
        prompt_change(prompt, "max_tokens");
    prompt->max_tokens = target->ceiling;
}

enum err prompt_translate(const struct prompt_options *options, struct str body, struct buf *out,
                          struct error *error)
{
    struct prompt prompt;
    struct json root;
    enum err err = options->is_padded ? json_parse_padded(options->reader, body, &root, error)
                                      : json_parse(options->reader, body, &root, error);
    if (err != OK)
        return err;
    if (!buf_reserve(out, body.len + USUAL_GROWTH)) /* in one piece, nearly always */
        return error_set(error, ERR_NO_MEMORY, "no memory to translate the request");
    prompt_init(&prompt, options->arena, options->reader, options->scratch, body, options->fidelity,
                options->names);
    prompt.sealer = options->sealer;
    err = dialect_facts(options->from)->prompt_read(&prompt, root, error);
    if (err != OK)
        return err;
    prompt.is_stream = options->is_stream;
    if (prompt.format == OUTPUT_SCHEMA && prompt.format_schema.len == 0)
        prompt.format_schema = STR("{}"); /* every writer puts it as it stands */
    lower_limit(&prompt, &options->target);
    err = dialect_facts(options->to)->prompt_write(&prompt, &options->target, out);
    if (err == OK && (prompt.failed || out->failed))
        err = ERR_NO_MEMORY;
    return err == OK ? OK : error_set(error, err, "no memory to translate the request");
}
