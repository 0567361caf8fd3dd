/* process.h: what another process has used, read from /proc. */
#pragma once
#include <stdint.h>

/* Run time of the threads of a process since it started, in nanoseconds of the scheduler's own clock. */
struct cpu {
    uint64_t path_ns;   /* threads loop-N and lot; all threads where there is no loop-N */
    uint64_t writer_ns; /* the thread called writer */
    uint64_t all_ns;
};

struct memory {
    long pss_kib, rss_kib, peak_kib; /* pss is rss where smaps_rollup may not be read */
};

/* Both end the program when the process is gone. */
struct cpu cpu_read(int pid);
struct memory memory_read(int pid);
