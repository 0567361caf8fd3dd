/* main/handover.h: how a server hands its sockets and its store on to the next one: `auxot serve --take-over`. ADR 26.
 *
 * The two talk over DATA/handover, a Unix socket for packets; one word each:
 *
 *     the next: "sockets"  ->  the old: "sockets", with the listening sockets (SCM_RIGHTS)
 *     the next: "store"    ->  the old: "store", once the store is released
 *     the next: "ready"        it answers now: the old stops accepting, ends its requests, and itself
 *
 * Who closes before "ready" has given up: the old one takes the store back and goes on as before.
 *
 * Thread:  main's.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>

#define HANDOVER_SOCKETS_MAX 64
#define HANDOVER_WAIT_MS     30000

/** What the next one has got. conn -1: there was nobody to take over from. */
struct handover {
    int conn, count;
    int sockets[HANDOVER_SOCKETS_MAX];
};

/* ---- the old one's side ------------------------------------------------------------------------ */

/** DATA/handover, in the place of an older one. */
MUST_USE enum err handover_listen(const char *data_dir, int *out_fd, struct error *error);
int handover_accept(int listen_fd); /* our own user; -1: nobody */
/** False: it said something else, or left, or `ms` have passed (-1: no limit). */
bool handover_hear(int conn, const char *word, int ms);
bool handover_say(int conn, const char *word);
bool handover_give(int conn, const int *sockets, int count);

/* ---- the next one's side ----------------------------------------------------------------------- */

/** Asks for the sockets. ERR_NOT_FOUND: no server is there. */
MUST_USE enum err handover_begin(const char *data_dir, struct handover *out_handover,
                                 struct error *error);
/** Asks for the store, and waits until it is free. */
MUST_USE enum err handover_store(const struct handover *handover, struct error *error);
/** Says that we are ready, or, by closing, that we gave up. */
void handover_end(struct handover *handover, bool is_ready);
