/* samples.h: a bounded pile of durations, and percentiles of it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct samples {
    uint32_t *ns; /* capped at 4.29 s */
    size_t count, room;
};

void samples_init(struct samples *samples, size_t room);
void samples_release(struct samples *samples);

/* Beyond `room` a sample is dropped: the first ones speak for all. */
void samples_add(struct samples *samples, uint64_t ns);

/* NAME_p50_us=, _p90_us=, _p99_us=, _max_us=, a line each; sorts the samples. Returns how many bytes. */
int samples_write(struct samples *samples, const char *name, char *room, size_t room_bytes);
/* The same to stdout. */
void samples_print(struct samples *samples, const char *name);

uint64_t now_ns(void);

/* Prints the message and ends the program with status 1. */
_Noreturn void die(const char *message, ...) __attribute__((format(printf, 1, 2)));
