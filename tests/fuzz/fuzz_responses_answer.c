/* tests/fuzz/fuzz_responses_answer.c: whatever a provider streams, a caller of the responses dialect hears events that
 * the strictest client accepts; and what a responses provider streams can be told in each dialect. */
#include "tests/unit/wire/responses_listener.h"
#include "wire/dialects.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static void require(bool condition)
{
    if (!condition)
        abort();
}

struct readers {
    struct json_reader *json, *scratch, *listener;
};

/* Cuts and translates until the stream, or the patience of answer.h with it, is at its end. */
static enum err play(struct answer_translation *translation, const struct readers *readers,
                     struct str stream, struct buf *out)
{
    AUTO_BUF struct buf joined;
    struct usage usage;
    size_t scanned = 0;
    usage_init(&usage);
    buf_init(&joined, LIMIT_BYTES);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        struct json root;
        sse_event_read(str_upto(stream, len), &joined, &event);
        if (json_parse(readers->json, str_trim(event.data), &root, NULL) != OK)
            continue; /* the meter ends such a stream */
        enum err err = answer_translate_event(translation, &event, readers->json, root,
                                              readers->scratch, &usage, out);
        if (err != OK)
            return err;
    }
    return answer_translate_end(translation, readers->scratch, &usage, out);
}

static void cross(enum endpoint from, enum endpoint to, const struct readers *readers,
                  struct str stream)
{
    struct answer_translation *translation = NULL;
    struct fidelity fidelity = {0};
    const struct answer_options options = {.from = from,
                                           .to = to,
                                           .is_stream = true,
                                           .key = "k",
                                           .model = STR("m"),
                                           .fidelity = &fidelity};
    AUTO_BUF struct buf out;
    buf_init(&out, 256u << 20);
    require(answer_translation_new(&options, &translation) == OK);
    enum err err = play(translation, readers, stream, &out);
    if (err == OK && to == ENDPOINT_RESPONSES) {
        struct responses_listener listener;
        listener_init(&listener, readers->listener);
        listener_hear(&listener, buf_str(&out));
        require(!listener.wrong && listener.has_ended);
        require(listener.sequence == answer_next_sequence(translation));
        listener_release(&listener);
    }
    answer_translation_free(translation);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct readers readers;
    struct str stream = {(const char *)bytes, len};
    if (!readers.json)
        require(json_reader_new(LIMIT_BYTES, &readers.json) == OK &&
                json_reader_new(64u << 20, &readers.scratch) == OK &&
                json_reader_new(64u << 20, &readers.listener) == OK);
    cross(ENDPOINT_RESPONSES, ENDPOINT_RESPONSES, &readers, stream);
    cross(ENDPOINT_RESPONSES, ENDPOINT_CHAT, &readers, stream);
    cross(ENDPOINT_RESPONSES, ENDPOINT_MESSAGES, &readers, stream);
    cross(ENDPOINT_CHAT, ENDPOINT_RESPONSES, &readers, stream);
    cross(ENDPOINT_MESSAGES, ENDPOINT_RESPONSES, &readers, stream);
    return 0;
}
