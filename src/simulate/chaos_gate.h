/* simulate/chaos_gate.h: the door of the chaos proxy: open, refusing, or deaf.
 *
 * Deaf is what a lost route looks like: the first packet of a connection gets no answer. Linux accepts for
 * a program until its backlog is full, so a deaf gate makes the backlog as short as it can be and fills it
 * with connections of its own.
 *
 * Thread:  the loop's.
 */
#pragma once
#include "net/loop.h"
#include <sys/socket.h>

enum chaos_gate_state { CHAOS_GATE_SHUT, CHAOS_GATE_DEAF, CHAOS_GATE_OPEN };
#define CHAOS_GATE_FILLERS 4

struct chaos_gate {
    struct loop *loop;
    struct sockaddr_storage address;
    socklen_t address_len;
    enum chaos_gate_state state;
    int fd; /* -1 while shut */
    struct event event;
    struct deadline pause; /* out of descriptors: not before */
    int fillers[CHAOS_GATE_FILLERS];
    void (*on_accepted)(void *owner, int fd); /* takes the descriptor */
    void *owner;
};

/** Takes the address (port 0: any free one), opens. The struct must stay where it is. */
MUST_USE enum err chaos_gate_open(struct chaos_gate *gate, struct loop *loop, const char *host,
                                  int port, void (*on_accepted)(void *owner, int fd), void *owner,
                                  struct error *error);
int chaos_gate_port(const struct chaos_gate *gate);
/** ERR_IO with a sentence when the port cannot be taken again; the gate is shut then. */
MUST_USE enum err chaos_gate_become(struct chaos_gate *gate, enum chaos_gate_state state,
                                    struct error *error);
void chaos_gate_close(struct chaos_gate *gate);

/** Looks a name up, waiting for the answer. ERR_MALFORMED with a sentence. */
MUST_USE enum err chaos_address_of(const char *host, int port, struct sockaddr_storage *out_address,
                                   socklen_t *out_len, struct error *error);
