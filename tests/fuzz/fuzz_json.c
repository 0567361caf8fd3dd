/* tests/fuzz/fuzz_json.c: what was read and written again reads the same, and writes the same. */
#include "json/json.h"
#include "json/json_writer.h"

#include <math.h>
#include <stdlib.h>

#define LIMIT_BYTES (1u << 20)

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void write_value(struct buf *out, struct json value);

static void write_items(struct buf *out, struct json container, char open, char close)
{
    bool is_first = true;
    size_t count = 0;
    buf_putc(out, open);
    for (struct json_cursor c = json_each(container); json_next(&c); count++) {
        if (!is_first)
            buf_putc(out, ',');
        is_first = false;
        if (c.is_object) {
            json_quote(out, c.name);
            buf_putc(out, ':');
        }
        write_value(out, c.value);
    }
    buf_putc(out, close);
    require(count == json_count(container));
}

static void write_number(struct buf *out, struct json value)
{
    int64_t integer;
    double real = NAN;
    require(json_double(value, &real) && isfinite(real));
    if (json_int64(value, &integer))
        buf_printf(out, "%lld", (long long)integer);
    else
        buf_printf(out, "%.17g", real);
}

static void write_value(struct buf *out, struct json value)
{
    bool truth = false;
    struct str text;
    switch (json_type_of(value)) {
    case JSON_NULL: buf_puts(out, "null"); break;
    case JSON_BOOL:
        require(json_bool(value, &truth));
        buf_puts(out, truth ? "true" : "false");
        break;
    case JSON_NUMBER: write_number(out, value); break;
    case JSON_STRING:
        require(json_string(value, &text) && str_is_utf8(text));
        json_quote(out, text);
        break;
    case JSON_ARRAY: write_items(out, value, '[', ']'); break;
    case JSON_OBJECT: write_items(out, value, '{', '}'); break;
    case JSON_ABSENT: abort();
    }
}

static bool rewrite(struct json_reader *reader, struct str text, struct buf *out)
{
    struct json root;
    struct error error = {0};
    if (json_parse(reader, text, &root, &error) != OK) {
        require(error.code != OK && error.text[0] != '\0');
        return false;
    }
    buf_clear(out);
    write_value(out, root);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct json_reader *reader;
    AUTO_BUF struct buf first;
    AUTO_BUF struct buf second;
    if (!reader)
        require(json_reader_new(LIMIT_BYTES, &reader) == OK);
    buf_init(&first, LIMIT_BYTES);
    buf_init(&second, LIMIT_BYTES);
    if (!rewrite(reader, (struct str){(const char *)bytes, len}, &first) || first.failed)
        return 0;
    require(rewrite(reader, buf_str(&first), &second));
    require(str_eq(buf_str(&first), buf_str(&second)));
    return 0;
}
