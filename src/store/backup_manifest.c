/* store/backup_manifest.c: see backup_manifest.h. */
#include "store/backup_manifest.h"

#include "json/json.h"
#include "json/json_writer.h"

#include <string.h>

static const struct str first_line = STR_INIT("auxot backup 1\n");

/* ---- writing ------------------------------------------------------------------------------------- */

static void put_hex(struct json_writer *writer, const char *name,
                    const uint8_t bytes[BACKUP_SUM_BYTES])
{
    AUTO_BUF struct buf hex;
    buf_init(&hex, 4 * BACKUP_SUM_BYTES);
    for (size_t i = 0; i < BACKUP_SUM_BYTES; i++)
        buf_printf(&hex, "%02x", bytes[i]);
    json_put_string(writer, name, buf_str(&hex));
}

void backup_manifest_write(const struct backup_manifest *manifest, struct buf *out)
{
    struct json_writer writer;
    size_t end = out->len + BACKUP_MANIFEST_BYTES;
    buf_append_str(out, first_line);
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "version", manifest->version);
    json_put_int(&writer, "schema", manifest->schema);
    json_put_int(&writer, "made_at_ms", manifest->made_at_ms);
    json_put_int(&writer, "db_bytes", manifest->db_bytes);
    put_hex(&writer, "secret_check", manifest->secret_check);
    put_hex(&writer, "sha256", manifest->sha256);
    json_close_object(&writer);
    while (!out->failed && out->len < end)
        buf_append_lit(out, "\n");
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool read_hex(struct json value, uint8_t out_bytes[BACKUP_SUM_BYTES])
{
    struct str hex = json_string_or_empty(value);
    if (hex.len != (size_t)2 * BACKUP_SUM_BYTES)
        return false;
    for (size_t i = 0; i < BACKUP_SUM_BYTES; i++) {
        int high = str_hex_digit(hex.at[2 * i]), low = str_hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_number(struct json object, const char *name, int64_t *out_number)
{
    return json_int64(json_get(object, name), out_number) && *out_number > 0;
}

/* It will be printed on a terminal, and the file may come from anywhere. */
static bool is_version(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~')
            return false;
    return text.len > 0;
}

static bool read_fields(struct json object, struct backup_manifest *manifest)
{
    struct str version = json_string_or_empty(json_get(object, "version"));
    str_copy(version, manifest->version, sizeof manifest->version);
    return is_version(version) && version.len < sizeof manifest->version &&
           read_number(object, "schema", &manifest->schema) &&
           read_number(object, "made_at_ms", &manifest->made_at_ms) &&
           read_number(object, "db_bytes", &manifest->db_bytes) &&
           read_hex(json_get(object, "secret_check"), manifest->secret_check) &&
           read_hex(json_get(object, "sha256"), manifest->sha256);
}

enum err backup_manifest_read(struct str bytes, struct backup_manifest *out_manifest,
                              struct error *error)
{
    struct json_reader *reader = NULL;
    struct json root = {0};
    struct backup_manifest found = {0};
    if (bytes.len != BACKUP_MANIFEST_BYTES || !str_starts(bytes, first_line))
        return error_set(error, ERR_MALFORMED, "it is no backup, or is cut short");
    enum err err = json_reader_new(BACKUP_MANIFEST_BYTES, &reader);
    if (err != OK)
        return error_set(error, err, "no memory to read a backup");
    err = json_parse(reader, str_from(bytes, first_line.len), &root, NULL);
    if (err == OK && (json_type_of(root) != JSON_OBJECT || !read_fields(root, &found)))
        err = ERR_MALFORMED;
    json_reader_free(reader);
    if (err != OK)
        return error_set(error, err, "its last %u bytes, which describe it, are damaged",
                         BACKUP_MANIFEST_BYTES);
    *out_manifest = found;
    return OK;
}
