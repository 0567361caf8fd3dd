/* worker/link.c: see link.h. */
#include "worker/link.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>

#define LINE_MAX_BYTES 65536u
#define DIAL_MS        10000
#define CODE_GOING     1001

struct link {
    struct link_options options;
    struct ws_dial *dial; /* at most one of the two */
    struct ws_link *socket;
};

static void down(struct link *link, enum link_end end, const char *why)
{
    link->options.ops->on_down(link->options.owner, end, why);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void hang_up(struct link *link, enum link_end end, struct str why)
{
    char room[200];
    str_copy(why, room, sizeof room); /* it may lie in the line that is looked at */
    link_close(link, "as you say");
    down(link, end, room);
}

static void on_text(void *owner, struct str text)
{
    struct link *link = owner;
    struct json root;
    struct error error;
    int64_t heartbeat_ms;
    if (json_parse(link->options.reader, text, &root, &error) != OK)
        return; /* a server newer than we are may say what we do not know */
    struct str type = json_string_or_empty(json_get(root, "type"));
    if (str_eq(type, STR("stale")))
        hang_up(link, LINK_STALE, STR("the server knows this registration no more"));
    else if (str_eq(type, STR("bye")))
        hang_up(link, LINK_BYE, json_string_or_empty(json_get(root, "reason")));
    else if (str_eq(type, STR("hello")) &&
             json_int64(json_get(root, "heartbeat_ms"), &heartbeat_ms))
        link->options.ops->on_interval(link->options.owner, heartbeat_ms);
}

static void on_closed(void *owner, bool has_broken_rule, const char *why)
{
    struct link *link = owner;
    (void)has_broken_rule;
    link->socket = NULL;
    down(link, LINK_LOST, why);
}

static const struct ws_link_ops socket_ops = {.on_text = on_text, .on_closed = on_closed};

/* ---- dialling -------------------------------------------------------------------------------- */

static void on_open(void *owner, struct detached *detached)
{
    struct link *link = owner;
    link->dial = NULL;
    if (ws_link_new(link->options.loop, detached, LINE_MAX_BYTES, LINK_PING_MS, &socket_ops, link,
                    &link->socket) == OK)
        link->options.ops->on_up(link->options.owner);
    else
        down(link, LINK_LOST, "no memory for the control connection");
}

static enum link_end end_of_status(int status)
{
    switch (status) {
    case 401:
    case 403: return LINK_REFUSED;
    case 404:
    case 409: return LINK_STALE;
    default: return LINK_LOST;
    }
}

static void on_failed(void *owner, int http_status, const char *sentence)
{
    struct link *link = owner;
    link->dial = NULL;
    down(link, end_of_status(http_status), sentence);
}

static const struct ws_dial_ops dial_ops = {.on_open = on_open, .on_failed = on_failed};

enum err link_dial(struct link *link, const char *worker_id, int64_t epoch)
{
    char path[160];
    assert(!link->dial && !link->socket);
    snprintf(path, sizeof path, "/api/worker/v1/control?worker_id=%s&epoch=%lld", worker_id,
             (long long)epoch);
    struct ws_dial_options options = {.target = link->options.server,
                                      .path = path,
                                      .bearer = link->options.key,
                                      .subprotocol = "auxot.control.v1",
                                      .timeout_ms = DIAL_MS};
    link->dial = ws_dial_start(link->options.pool, &options, &dial_ops, link);
    return link->dial ? OK : ERR_NO_MEMORY;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct link *link_new(const struct link_options *options)
{
    struct link *link = mem_zalloc(1, sizeof *link);
    if (link)
        link->options = *options;
    return link;
}

bool link_is_up(const struct link *link)
{
    return link->socket != NULL;
}

void link_send(struct link *link, struct str json)
{
    if (link->socket)
        ws_link_send(link->socket, json);
}

void link_close(struct link *link, const char *reason)
{
    if (link->dial)
        ws_dial_cancel(TAKE(link->dial));
    if (link->socket)
        ws_link_close(TAKE(link->socket), CODE_GOING, reason);
}

void link_free(struct link *link)
{
    if (!link)
        return;
    link_close(link, "the worker ends");
    mem_free(link);
}
