/* main/remote.c: see remote.h. A loop of its own for each call: commands make two. */
#include "main/remote.h"

#include "worker/ask.h"

#include <stdlib.h>

#define TIMEOUT_MS 30000
#define BYTES_MAX  ((size_t)8 * 1024 * 1024)

struct calling {
    struct loop *loop;
    struct client_pool *pool;
    struct json_reader *reader;
    struct target target;
    int status;
    struct buf *answer;
    struct error *error;
    enum err err;
};

static void on_done(void *owner, const struct answered *answered)
{
    struct calling *calling = owner;
    calling->status = answered->status;
    buf_append_str(calling->answer, answered->text);
    if (answered->status == 0)
        calling->err = error_set(calling->error, ERR_UNAVAILABLE, "%s does not answer: %s",
                                 calling->target.authority, answered->sentence);
    loop_stop(calling->loop);
}

static enum err open_all(struct calling *calling, const struct remote *remote)
{
    const struct client_options options = {
        .ca_file = remote->ca_file && remote->ca_file[0] ? remote->ca_file : NULL,
        .name_servers = remote->resolver && remote->resolver[0] ? remote->resolver : NULL};
    enum err err = target_parse(remote->url, &calling->target, calling->error);
    if (err == OK)
        err = loop_new(-1, &calling->loop, calling->error);
    if (err == OK)
        err = client_pool_new(calling->loop, &options, &calling->pool, calling->error);
    if (err == OK && json_reader_new(BYTES_MAX, &calling->reader) != OK)
        err = error_set(calling->error, ERR_NO_MEMORY, "no memory");
    return err;
}

static void close_all(struct calling *calling)
{
    client_pool_free(calling->pool);
    loop_free(calling->loop);
    json_reader_free(calling->reader);
}

enum err remote_call(const struct remote *remote, const char *path, struct str body,
                     int *out_status, struct buf *out_answer, struct error *error)
{
    struct calling calling = {.answer = out_answer, .error = error};
    struct str key = str_of(getenv("AUXOT_API_KEY"));
    if (!key.len)
        return error_set(error, ERR_DENIED,
                         "--url needs an admin's API key in the environment: AUXOT_API_KEY");
    enum err err = open_all(&calling, remote);
    if (err == OK) {
        const struct ask_options options = {.loop = calling.loop,
                                            .pool = calling.pool,
                                            .reader = calling.reader,
                                            .target = &calling.target,
                                            .path = path,
                                            .bearer = key,
                                            .body = body,
                                            .timeout_ms = TIMEOUT_MS,
                                            .agent = "auxot",
                                            .limit_bytes = BYTES_MAX,
                                            .on_done = on_done,
                                            .owner = &calling};
        if (ask_start(&options))
            loop_run(calling.loop);
        else
            calling.err = error_set(error, ERR_NO_MEMORY, "no memory, or the file is too long");
        err = calling.err;
    }
    close_all(&calling);
    *out_status = calling.status;
    return err;
}
