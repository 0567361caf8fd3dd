/* json/json_writer.h: writes JSON into a bounded buffer, append only.
 *
 * The writer sees to commas, quotes and escapes; the caller sees to the nesting (asserted). Text
 * that is not well-formed UTF-8 is written with U+FFFD in place of each bad byte.
 *
 *     struct json_writer w;
 *     json_writer_init(&w, &buf);
 *     json_open_object(&w);
 *     json_put_string(&w, "id", STR("prv_1"));     // "name": value; name NULL inside an array
 *     json_open_array(&w, "models");  ...  json_close_array(&w);
 *     json_close_object(&w);
 *
 * Failure is the buffer's: check buf->failed at the end.
 */
#pragma once
#include "base/buf.h"
#include "base/str.h"
#include <stdint.h>

#define JSON_WRITER_DEPTH_MAX 32

struct json_writer {
    struct buf *buf;
    int depth;
    bool needs_comma[JSON_WRITER_DEPTH_MAX];
};

void json_writer_init(struct json_writer *writer, struct buf *buf);
void json_open_object(struct json_writer *writer); /* top level or array element */
void json_open_object_named(struct json_writer *writer, const char *name);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer, const char *name); /* NULL: not in an object */
void json_close_array(struct json_writer *writer);
void json_put_string(struct json_writer *writer, const char *name, struct str text);
void json_put_text(struct json_writer *writer, const char *name, const char *text); /* NULL: null */
void json_put_int(struct json_writer *writer, const char *name, int64_t value);
/** `value` is finite (asserted); 17 digits. */
void json_put_double(struct json_writer *writer, const char *name, double value);
void json_put_bool(struct json_writer *writer, const char *name, bool value);
void json_put_null(struct json_writer *writer, const char *name);
/** `raw` is already JSON. */
void json_put_raw(struct json_writer *writer, const char *name, struct str raw);
/** Just the quoted, escaped string, without a writer. */
void json_quote(struct buf *buf, struct str text);
