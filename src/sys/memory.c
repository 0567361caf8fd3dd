/* sys/memory.c: see memory.h. */
#include "sys/memory.h"

#include "base/mem.h"
#include "sys/file.h"

#include <stdio.h>
#include <unistd.h>

#define STATM_BYTES 256 /* seven numbers: proc_pid_statm(5) */

int64_t memory_resident_bytes(void)
{
    AUTO_FREE char *text = NULL;
    struct error error = {0};
    size_t len = 0;
    long long pages = -1;
    if (file_read("/proc/self/statm", STATM_BYTES, &text, &len, &error) != OK)
        return -1;
    if (sscanf(text, "%*d %lld", &pages) != 1)
        return -1;
    return pages * (int64_t)sysconf(_SC_PAGESIZE);
}
