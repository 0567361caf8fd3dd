/* samples.c: see samples.h. */
#include "samples.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

_Noreturn void die(const char *message, ...)
{
    va_list args;
    va_start(args, message);
    vfprintf(stderr, message, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void samples_init(struct samples *samples, size_t room)
{
    *samples = (struct samples){.ns = malloc(room * sizeof *samples->ns), .room = room};
    if (!samples->ns)
        die("no memory for %zu samples", room);
}

void samples_release(struct samples *samples)
{
    free(samples->ns);
    *samples = (struct samples){0};
}

void samples_add(struct samples *samples, uint64_t ns)
{
    if (samples->count < samples->room)
        samples->ns[samples->count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static double percentile_us(const struct samples *samples, double share)
{
    if (samples->count == 0)
        return 0;
    return samples->ns[(size_t)(share * (double)(samples->count - 1))] / 1e3;
}

int samples_write(struct samples *samples, const char *name, char *room, size_t room_bytes)
{
    qsort(samples->ns, samples->count, sizeof *samples->ns, compare);
    return snprintf(room, room_bytes, "%s_p50_us=%.1f\n%s_p90_us=%.1f\n%s_p99_us=%.1f\n%s_max_us=%.1f\n",
                    name, percentile_us(samples, 0.5), name, percentile_us(samples, 0.9), name,
                    percentile_us(samples, 0.99), name, percentile_us(samples, 1));
}

void samples_print(struct samples *samples, const char *name)
{
    char text[512];
    samples_write(samples, name, text, sizeof text);
    fputs(text, stdout);
}
