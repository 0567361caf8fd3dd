/* wire/answer.c: one answer on its way: a reader of the provider's dialect, tied to a writer of the caller's.
 *
 * The reader tells events, the writer turns each into bytes at once. What both dialects need of order is seen to
 * here: BEGIN comes first and once, every part is ended before STOP, STOP before END.
 */
#include "wire/dialects.h"

#include <stdio.h>

struct answer_translation {
    struct answer_reader reader;
    struct answer_writer writer;
    void (*write)(struct answer_writer *writer, const struct answer_event *event);
    char key[64];
    char response_id[80];
    const struct usage *usage; /* what is known while an event is translated */
};

/* ---- between reader and writer --------------------------------------------------------------- */

static void tell(struct answer_translation *translation, const struct answer_event *event)
{
    translation->write(&translation->writer, event);
}

/* Everything that the reader tells comes through here. */
static void on_event(void *arg, const struct answer_event *event)
{
    struct answer_translation *translation = arg;
    struct answer_reader *reader = &translation->reader;
    if (event->kind == ANSWER_BEGIN && reader->has_begun)
        return;
    if (!reader->has_begun) {
        reader->has_begun = true;
        struct answer_event begin = {.kind = ANSWER_BEGIN, .usage = translation->usage};
        if (event->kind == ANSWER_BEGIN)
            begin.id = event->id;
        tell(translation, &begin);
        if (event->kind == ANSWER_BEGIN)
            return;
    }
    if (event->kind == ANSWER_STOP) {
        if (reader->has_stopped)
            return;
        reader->has_stopped = true;
    }
    tell(translation, event);
}

/* The last two events, and those before them that the provider left out. */
static void end(struct answer_translation *translation, const struct usage *usage)
{
    struct answer_reader *reader = &translation->reader;
    answer_parts_end_all(&reader->parts);
    if (!reader->has_stopped)
        on_event(translation, &(struct answer_event){.kind = ANSWER_STOP, .stop = STOP_UNKNOWN});
    on_event(translation, &(struct answer_event){.kind = ANSWER_END, .usage = usage});
}

static enum err outcome(const struct answer_translation *translation, const struct buf *out,
                        unsigned failures_before)
{
    const struct answer_reader *reader = &translation->reader;
    const struct answer_writer *writer = &translation->writer;
    bool has_failed = reader->parts.failed || writer->failed || writer->kept.failed;
    if (out->failed || (has_failed && mem_failures() != failures_before))
        return ERR_NO_MEMORY;
    return has_failed ? ERR_TOO_LARGE : OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void fill(struct answer_translation *translation, const struct answer_options *options)
{
    struct answer_reader *reader = &translation->reader;
    struct answer_writer *writer = &translation->writer;
    str_copy(str_of(options->key), translation->key, sizeof translation->key);
    (void)snprintf(translation->response_id, sizeof translation->response_id, "resp_%s",
                   translation->key);
    *reader = (struct answer_reader){.facts = dialect_facts(options->from),
                                     .on_event = on_event,
                                     .arg = translation,
                                     .fidelity = options->fidelity,
                                     .own = reader->own};
    *writer = (struct answer_writer){.facts = dialect_facts(options->to),
                                     .key = translation->key,
                                     .model = options->model,
                                     .created_s = options->created_s,
                                     .wants_usage = options->wants_usage,
                                     .names = options->names,
                                     .sealer = options->sealer,
                                     .fidelity = options->fidelity,
                                     .own = writer->own};
    answer_parts_init(&reader->parts, on_event, translation);
    buf_init(&writer->kept, ANSWER_KEPT_MAX);
    translation->write =
        options->is_stream ? writer->facts->stream_write : writer->facts->answer_write;
}

enum err answer_translation_new(const struct answer_options *options,
                                struct answer_translation **out_translation)
{
    struct answer_translation *made = mem_zalloc(1, sizeof *made);
    if (!made)
        return ERR_NO_MEMORY;
    made->reader.own = mem_zalloc(1, dialect_facts(options->from)->reader_bytes);
    made->writer.own = mem_zalloc(1, dialect_facts(options->to)->writer_bytes);
    fill(made, options);
    if (!made->reader.own || !made->writer.own) {
        answer_translation_free(made);
        return ERR_NO_MEMORY;
    }
    *out_translation = made;
    return OK;
}

void answer_translation_free(struct answer_translation *translation)
{
    if (!translation)
        return;
    struct answer_reader *reader = &translation->reader;
    struct answer_writer *writer = &translation->writer;
    if (reader->own && reader->facts->reader_release)
        reader->facts->reader_release(reader);
    if (writer->own && writer->facts->writer_release)
        writer->facts->writer_release(writer);
    answer_parts_release(&reader->parts);
    buf_release(&writer->kept);
    mem_free(reader->own);
    mem_free(writer->own);
    mem_free(translation);
}

/* ---- the way --------------------------------------------------------------------------------- */

/* What the writer takes from this call only. */
static void aim(struct answer_translation *translation, struct json_reader *scratch,
                const struct usage *usage, struct buf *out)
{
    translation->usage = usage;
    translation->writer.out = out;
    translation->writer.scratch = scratch;
}

enum err answer_translate_event(struct answer_translation *translation,
                                const struct sse_event *event, struct json_reader *json,
                                struct json root, struct json_reader *scratch,
                                const struct usage *usage, struct buf *out)
{
    unsigned failures_before = mem_failures();
    struct answer_reader *reader = &translation->reader;
    aim(translation, scratch, usage, out);
    reader->json = json;
    reader->source = str_trim(event->data);
    reader->facts->stream_read(reader, event, root);
    return outcome(translation, out, failures_before);
}

enum err answer_translate_end(struct answer_translation *translation, struct json_reader *scratch,
                              const struct usage *usage, struct buf *out)
{
    unsigned failures_before = mem_failures();
    aim(translation, scratch, usage, out);
    end(translation, usage);
    return outcome(translation, out, failures_before);
}

enum err answer_translate_plain(struct answer_translation *translation, struct json_reader *json,
                                struct str text, struct json root, struct json_reader *scratch,
                                const struct usage *usage, struct buf *out)
{
    unsigned failures_before = mem_failures();
    struct answer_reader *reader = &translation->reader;
    aim(translation, scratch, usage, out);
    reader->json = json;
    reader->source = text;
    reader->facts->answer_read(reader, root);
    end(translation, usage);
    return outcome(translation, out, failures_before);
}

int64_t answer_next_sequence(const struct answer_translation *translation)
{
    return translation->writer.sequence;
}

const char *answer_response_id(const struct answer_translation *translation)
{
    return translation->response_id;
}
