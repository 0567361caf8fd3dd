/* tests/unit/sys/test_memory.c: what this process has of the machine's memory. */
#include "sys/memory.h"

#include "base/mem.h"
#include "tests/test.h"

#define MIB ((int64_t)1 << 20)

static void memory_that_is_used_is_counted(void **state)
{
    (void)state;
    int64_t before = memory_resident_bytes();
    CHECK("more than nothing, less than the address space", before > 0 && before < (MIB << 20));
    AUTO_FREE char *block = mem_alloc((size_t)(64 * MIB));
    memset(block, 7, (size_t)(64 * MIB));
    CHECK("it shows", block[MIB] == 7 && memory_resident_bytes() > before + 32 * MIB);
}

TEST_MAIN(TEST(memory_that_is_used_is_counted))
