/* main/ask.c: see ask.h. */
#include "main/ask.h"

#include "main/control_client.h"
#include "main/setup.h"

#include <stdio.h>

#define ANSWER_BYTES_MAX (8u * 1024 * 1024)

enum err put_faults(int *argc, char **argv, struct json_writer *writer, struct error *error)
{
    const char *given;
    json_open_array(writer, "faults");
    while ((given = take_flag(argc, argv, "fault"))) {
        struct str fault = str_of(given), provider = str_cut(&fault, '=');
        if (!provider.len || !fault.len)
            return error_set(error, ERR_MALFORMED, "--fault wants PROVIDER=FAULT, not '%.80s'",
                             given);
        json_open_object(writer);
        json_put_string(writer, "provider", provider);
        json_put_string(writer, "fault", fault);
        json_close_object(writer);
    }
    json_close_array(writer);
    return OK;
}

static enum err ask_server(const struct settings *settings, const char *path, struct str body,
                           struct buf *out_answer, struct json_reader *reader,
                           struct json *out_root, struct error *error)
{
    char socket_path[108];
    int status = 0;
    enum err err = control_path(settings, socket_path, error);
    if (err == OK)
        err = control_call(socket_path, "POST", path, body, &status, out_answer, error);
    if (err == ERR_NOT_FOUND)
        return error_set(error, err,
                         "no server runs on %.200s; this asks one that runs, for what it knows now",
                         settings->data_dir);
    if (err == OK)
        err = json_parse(reader, buf_str(out_answer), out_root, error);
    if (err != OK || status / 100 == 2)
        return err;
    struct str detail = json_string_or_empty(json_get(*out_root, "detail"));
    return error_set(error, ERR_DENIED, "%.*s", STR_ARG(detail));
}

enum err ask_and_print(const struct settings *settings, const char *path, struct str body,
                       bool is_raw, void (*print)(struct json root), struct error *error)
{
    AUTO_BUF struct buf answer = {0};
    struct json_reader *reader = NULL;
    struct json root = {0};
    buf_init(&answer, ANSWER_BYTES_MAX);
    if (json_reader_new(ANSWER_BYTES_MAX, &reader) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory");
    enum err err = ask_server(settings, path, body, &answer, reader, &root, error);
    if (err == OK && is_raw)
        printf("%.*s\n", STR_ARG(buf_str(&answer)));
    else if (err == OK)
        print(root);
    json_reader_free(reader);
    return err;
}
