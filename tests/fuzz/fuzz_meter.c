/* tests/fuzz/fuzz_meter.c: no stream and no answer breaks the books. The first byte picks the
 * endpoint; the rest is a stream, and also a plain answer and an error body. */
#include "wire/meter.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)
#define TOKENS_SANE INT64_C(4000000000000)

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_tokens(int64_t tokens)
{
    require(tokens == TOKENS_UNKNOWN || (tokens >= 0 && tokens <= TOKENS_SANE));
}

static void check_meter(const struct meter *meter, size_t len)
{
    const struct usage *usage = &meter->usage;
    check_tokens(usage->input_tokens);
    check_tokens(usage->output_tokens);
    check_tokens(usage->cached_tokens);
    check_tokens(usage->cache_write_tokens);
    check_tokens(usage->reasoning_tokens);
    if (usage->input_tokens != TOKENS_UNKNOWN)
        require(usage->cached_tokens <= usage->input_tokens);
    require(meter->output_bytes >= 0 && meter->output_bytes <= (int64_t)len);
    require(meter->error_status == 0 || (meter->error_status >= 400 && meter->error_status <= 599));
    require(str_is_utf8(str_of(meter->error_message)) && str_is_utf8(str_of(meter->model)));
}

static void play(struct meter *meter, struct json_reader *reader, struct str stream)
{
    AUTO_BUF struct buf joined;
    size_t scanned = 0;
    buf_init(&joined, LIMIT_BYTES);
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0;) {
        struct sse_event event;
        enum stream_class class = STREAM_LIFECYCLE;
        struct json root;
        bool had_content = meter->has_content;
        sse_event_read(str_upto(stream, len), &joined, &event);
        if (meter_event(meter, reader, &event, &class, &root) == OK) {
            require(class != STREAM_CONTENT || meter->has_content);
            require(class != STREAM_END || meter->has_end);
        }
        require(!had_content || meter->has_content);
        stream = str_from(stream, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct json_reader *reader;
    struct meter meter;
    if (len == 0)
        return 0;
    if (!reader)
        require(json_reader_new(LIMIT_BYTES, &reader) == OK);
    enum endpoint endpoint = (enum endpoint)(bytes[0] % ENDPOINT_MODELS);
    struct str rest = {(const char *)bytes + 1, len - 1};

    meter_init(&meter, endpoint);
    play(&meter, reader, rest);
    check_meter(&meter, len);
    meter_estimate(&meter, (int64_t)len);
    require(meter.usage.input_tokens >= 0 && meter.usage.output_tokens >= 0);

    meter_init(&meter, endpoint);
    (void)meter_answer(&meter, reader, rest, NULL);
    check_meter(&meter, len);

    struct error_body error;
    error_body_read(reader, rest, &error);
    int status = error_body_status(&error);
    require(status == 0 || (status >= 400 && status <= 599));
    return 0;
}
