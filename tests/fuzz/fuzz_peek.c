/* tests/fuzz/fuzz_peek.c: the bytes that peek points at are the value that the tree holds, and
 * reading in place finds the same. */
#include "json/json.h"

#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Read alone, the raw bytes must give the same type and the same text. */
static void check_member(struct json_reader *other, struct str text,
                         const struct json_member *member)
{
    struct json alone = {0};
    if (member->type == JSON_ABSENT)
        return;
    require(member->start < member->end && member->end <= text.len);
    struct str raw = {text.at + member->start, member->end - member->start};
    require(json_parse(other, raw, &alone, NULL) == OK);
    require(json_type_of(alone) == member->type && json_type_of(member->value) == member->type);
    require(str_eq(json_string_or_empty(alone), member->text));
    require(json_count(alone) == json_count(member->value));
    require(str_eq(str_trim(raw), raw));
}

static void check_inside(struct json_reader *reader, struct json_reader *other, struct str text,
                         const struct json_member *outer)
{
    struct json_member inner[] = {{.name = "model"}, {.name = "a"}};
    struct json_span span;
    if (outer->type != JSON_OBJECT)
        return;
    if (json_peek_inside(reader, outer, inner, 2, &span, NULL) != OK)
        return;
    require(span.open == outer->start && span.close == outer->end - 1);
    require(span.is_empty == (json_count(outer->value) == 0));
    check_member(other, text, &inner[0]);
    check_member(other, text, &inner[1]);
}

/* Reads a text in place, with misleading bytes in the room behind it; `members` are what json_peek found. */
static void check_in_place(struct str text, enum err expected, const struct json_member *members)
{
    static const char behind[] = "\"}]1e9\\,:{[t";
    static struct json_reader *reader;
    struct json_member again[] = {{.name = "model"}, {.name = "a"}, {.name = "stream_options"}};
    struct json_span span;
    char *padded = malloc(text.len + JSON_PADDING_BYTES);
    require(padded && (reader || json_reader_new(LIMIT_BYTES, &reader) == OK));
    if (text.len)
        memcpy(padded, text.at, text.len);
    for (size_t i = 0; i < JSON_PADDING_BYTES; i++)
        padded[text.len + i] = behind[(text.len + i) % (sizeof behind - 1)];
    struct str in_place = {padded, text.len};
    require(json_peek_padded(reader, in_place, again, 3, &span, NULL) == expected);
    for (size_t i = 0; expected == OK && i < 3; i++) {
        require(again[i].type == members[i].type && again[i].start == members[i].start &&
                again[i].end == members[i].end && again[i].truth == members[i].truth);
        require(str_eq(again[i].text, members[i].text));
    }
    free(padded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct json_reader *reader, *other;
    if (!reader)
        require(json_reader_new(LIMIT_BYTES, &reader) == OK &&
                json_reader_new(LIMIT_BYTES, &other) == OK);

    struct str text = {(const char *)bytes, len};
    struct json_member members[] = {{.name = "model"}, {.name = "a"}, {.name = "stream_options"}};
    struct json_span span;
    struct error error = {0};
    enum err failed = json_peek(reader, text, members, 3, &span, &error);
    check_in_place(text, failed, members);
    if (failed) {
        require(error.text[0] != '\0');
        return 0;
    }
    require(text.at[span.open] == '{' && text.at[span.close] == '}');
    for (size_t i = 0; i < 3; i++)
        check_member(other, text, &members[i]);
    for (size_t i = 0; i < 3; i++)
        check_inside(reader, other, text, &members[i]);
    return 0;
}
