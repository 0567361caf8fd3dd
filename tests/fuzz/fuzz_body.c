/* tests/fuzz/fuzz_body.c: a spliced body is a body with the wanted model and the usage option, and
 * all else as it was. The first byte picks the endpoint. */
#include "wire/body.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static void require(bool condition)
{
    if (!condition)
        abort();
}

static const char *limit_name(enum endpoint endpoint)
{
    return endpoint == ENDPOINT_RESPONSES ? "max_output_tokens" : "max_tokens";
}

static void check_splice(struct json_reader *reader, enum endpoint endpoint, struct str body,
                         const struct body_facts *facts, bool add_usage, int64_t ceiling)
{
    static const struct str model = STR_INIT("other/\"mod\\el\"");
    AUTO_BUF struct buf scratch;
    AUTO_BUF struct buf whole;
    struct body_pieces pieces;
    struct body_facts after;
    struct json root;
    buf_init(&scratch, 2 * LIMIT_BYTES);
    buf_init(&whole, 2 * LIMIT_BYTES);
    require(json_parse(reader, body, &root, NULL) == OK);
    size_t count = json_count(root);

    const struct body_change change = {.model = model,
                                       .endpoint = endpoint,
                                       .adds_usage = add_usage,
                                       .has_ceiling = ceiling >= 0,
                                       .ceiling = ceiling,
                                       .limit_name = limit_name(endpoint)};
    require(body_splice(body, facts, &change, &scratch, &pieces) == OK);
    for (size_t i = 0; i < pieces.count; i++)
        buf_append_str(&whole, pieces.piece[i]);
    require(!whole.failed && whole.len == pieces.total_bytes);
    require(body_read(reader, endpoint, buf_str(&whole), &after, NULL) == OK);
    require(str_eq(after.model, model));
    require(after.stream == facts->stream && after.has_tools == facts->has_tools);
    require(after.has_images == facts->has_images && after.has_media == facts->has_media);
    require(after.wants_schema == facts->wants_schema);
    int64_t asked = facts->max_output_tokens, got = after.max_output_tokens;
    require(ceiling < 0 ? got == asked : got >= 0 && got <= ceiling);
    require(ceiling < 0 || asked < 0 || asked > ceiling || got >= asked);
    require(after.choices == facts->choices && after.has_stored == facts->has_stored);
    require(after.wants_usage == (facts->wants_usage || add_usage));
    require(json_parse(reader, buf_str(&whole), &root, NULL) == OK);
    size_t more = json_count(root) - count - (add_usage && !facts->has_options ? 1 : 0);
    require(more == 0 || (more == 1 && ceiling >= 0 && asked < 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct json_reader *reader;
    struct body_facts facts;
    struct error error = {0};
    if (len == 0)
        return 0;
    if (!reader)
        require(json_reader_new(LIMIT_BYTES, &reader) == OK);
    enum endpoint endpoint = (enum endpoint)(bytes[0] % ENDPOINT_MODELS);
    if (len > LIMIT_BYTES / 2)
        return 0;
    AUTO_BUF struct buf held; /* body_read wants room behind the body */
    buf_init(&held, LIMIT_BYTES);
    buf_append(&held, bytes + 1, len - 1);
    struct str body = buf_str(&held);
    if (body_read(reader, endpoint, body, &facts, &error) != OK) {
        require(error.text[0] != '\0');
        return 0;
    }
    require(facts.model.len > 0 && facts.model_start < facts.model_end);
    check_splice(reader, endpoint, body, &facts, false, -1);
    check_splice(reader, endpoint, body, &facts, false, 4096);
    if (endpoint == ENDPOINT_CHAT || endpoint == ENDPOINT_COMPLETIONS) {
        require(body_read(reader, endpoint, body, &facts, NULL) == OK); /* the reader was used */
        check_splice(reader, endpoint, body, &facts, true, 77);
    }
    return 0;
}
