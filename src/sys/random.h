/* sys/random.h: randomness from the kernel (getrandom), drawn in blocks. Thread: any. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/** Fills `room`; aborts the process when the kernel has no randomness to give (it never happens). */
void random_fill(void *room, size_t len);
/** `digits` random hexadecimal digits (an even number) and a NUL. */
void random_hex(char *room, size_t digits);
/** In [0, 1). */
double random_unit(void);
