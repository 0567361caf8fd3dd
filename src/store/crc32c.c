/* store/crc32c.c: by the processor's instruction where it has one, else by table. */
#include "store/crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
        table[i] = crc;
    }
}

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t len)
{
    pthread_once(&once, make_table);
    while (len-- > 0)
        crc = table[(crc ^ *at++) & 0xff] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
                                                                 size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; len -= 8, at += 8) {
        uint64_t eight;
        memcpy(&eight, at, sizeof eight);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    uint32_t narrow = (uint32_t)wide;
    while (len-- > 0)
        narrow = __builtin_ia32_crc32qi(narrow, *at++);
    return narrow;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~by_instruction(~crc, bytes, len);
#endif
    return ~by_table(~crc, bytes, len);
}
