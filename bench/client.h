/* client.h: one keep-alive HTTP/1.1 connection of the load generator.
 *
 * A client sends one request at a time and reads the answer to its end, counting bytes and stamps. It is no
 * checker of HTTP: what it does not understand is a failure of that request.
 */
#pragma once
#include "samples.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum client_state {
    CLIENT_CLOSED,
    CLIENT_IDLE,
    CLIENT_HEAD, /* the request is under way, or the answer's head is awaited */
    CLIENT_BODY,
    CLIENT_DONE, /* the answer is complete: the connection may be used again */
    CLIENT_FAILED
};

enum chunk_part { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER };

struct request {
    char *bytes;
    size_t len;
};

struct client {
    enum client_state state;
    int fd, epoll;
    uint32_t armed; /* epoll events */

    const struct request *request;
    size_t sent, send_limit; /* bytes behind the limit are held back */
    uint64_t scheduled_ns;
    int turn; /* answers before this one */

    int status;
    char head[2048];
    size_t head_len;
    bool is_chunked;
    enum chunk_part part;
    uint64_t left;       /* of the body or chunk */
    uint64_t line_bytes; /* of a line that frames chunks */

    uint64_t body_bytes;
    unsigned stamps, digits; /* digits: 0 is outside a stamp, n is behind '@' and n - 1 digits */
    uint64_t stamp_ns;
    struct samples *delays; /* of stamped events; NULL: nothing is looked for */
};

/* A POST of a chat completion whose whole body is `body_bytes` long (or as short as it can be). */
struct request request_chat(const char *path, const char *key, const char *model, bool is_stream,
                            size_t body_bytes);
struct request request_get(const char *path, const char *key);

/* Connects; false when nobody listens. */
bool client_open(struct client *client, int epoll, int port);
void client_close(struct client *client);

/* Begins the next request of an idle or done client. `request` must stay. */
void client_send(struct client *client, const struct request *request, size_t send_limit);

/* Lets held back bytes go. */
void client_send_rest(struct client *client);

/* Stops and takes up reading: what the peer sends stays in the socket meanwhile. */
void client_pause(struct client *client);
void client_resume(struct client *client);

/* Does what the ready socket allows. */
void client_run(struct client *client, uint32_t ready);
