/* simulate/chaos_link.h: one connection through the chaos proxy: two sockets, and a lane each way.
 *
 * Backpressure goes through: a lane holds at most CHAOS_HELD_BYTES (and one read), then its source is
 * not read. So a delay of D ms passes at most CHAOS_HELD_BYTES per D ms.
 *
 * Thread:  the loop's.   Memory: a link frees itself when both sides are closed, after on_over.
 */
#pragma once
#include "base/list.h"
#include "net/conn.h"
#include "simulate/chaos_plan.h"

#define CHAOS_HELD_BYTES (256u * 1024)

struct chaos_figures {
    int64_t accepted, open, refused; /* refused: the server could not be reached */
    int64_t bytes_to_server, bytes_to_client;
    int64_t cuts, half_closes, resets, silences, corrupted_bytes;
};

struct chaos_link;
struct chaos_link_options {
    struct loop *loop;
    const struct chaos_plan *plan; /* outlives the link; tell it of changes */
    const struct sockaddr *server;
    unsigned server_len;
    struct chaos_figures *figures;
    struct list *links; /* where it lists itself */
    uint64_t number;    /* goes into the seed */
};

/** Takes the accepted socket, and dials the server unless the plan is a black hole. Without memory or
 *  descriptors the socket is reset. */
void chaos_link_begin(const struct chaos_link_options *options, int fd);
struct chaos_link *chaos_link_of(struct list *node);
/** The plan has changed: counts begin anew. */
void chaos_link_replan(struct chaos_link *link);
/** Ends both sides now, by FIN or RST. */
void chaos_link_end(struct chaos_link *link, bool with_reset);
