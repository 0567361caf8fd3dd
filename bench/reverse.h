/* reverse.h: the worker's side of a gateway, as little of it as the benchmark needs: registers, dials WebSockets, frames.
 *
 * The benchmark's worker is not `auxot worker gpu`: that one's own work is no part of what the gateway costs, and one process
 * here stands for thousands of slots. Blocking until it is connected; from then on the sockets are upstream.c's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registration {
    char worker_id[64];
    long epoch;
};

/* Registers a gpu worker with so many slots; ends the program when it is refused. */
struct registration reverse_register(int port, const char *key, int number, long slots);

enum reverse_kind { REVERSE_CONTROL, REVERSE_LINE };

/* A connection of that worker, upgraded; blocking. */
int reverse_dial(int port, const char *key, const struct registration *registration,
                 enum reverse_kind kind);

enum frame_type { FRAME_TEXT = 1, FRAME_BYTES = 2, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };

#define FRAME_HEAD_MAX 14u

/* A masked frame, as a client must send it. Room for FRAME_HEAD_MAX and `len`; says how many bytes it has. */
size_t frame_write(char *room, enum frame_type type, const char *bytes, size_t len);

/* Frames as they come in, in pieces of any size. All zero at the start. */
struct frame_reader {
    unsigned char head[10];
    size_t head_len;
    uint64_t left; /* of the payload */
    bool is_inside;
    enum frame_type type;
};

/* Takes the next piece of payload out of `*bytes`, which moves on; false when nothing whole enough is left. A payload's
 * last piece has reader->left == 0; an empty frame has one empty piece. */
bool frame_next(struct frame_reader *reader, const char **bytes, size_t *len, const char **out_piece,
                size_t *out_piece_len);
