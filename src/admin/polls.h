/* admin/polls.h: GPU servers by URL are looked at every few seconds: up, how many slots, how long a context (capacity.h).
 *
 * Thread: the prober's loop.
 */
#pragma once
#include "admin/admin.h"
#include "base/list.h"
#include "http/client.h"
#include "json/json.h"

struct polls {
    struct admin *admin;
    struct loop *loop;
    struct client_pool *pool;
    struct json_reader *reader;
    struct list under_way;
    int count;
    bool is_over;
};

void polls_init(struct polls *polls, struct admin *admin, struct loop *loop,
                struct client_pool *pool, struct json_reader *reader);
/** Looks at the provider if it is such a one, and due. */
void polls_look(struct polls *polls, const struct provider *provider, int64_t now_ms);
/** Ends what is under way; nothing more is told. */
void polls_end(struct polls *polls);
