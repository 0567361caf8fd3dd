/* sys/memory.h: how much of the machine's memory this process has. Thread: any. */
#pragma once
#include <stdint.h>

/** Resident, as the kernel counts it; -1: it does not say (no /proc). */
int64_t memory_resident_bytes(void);
