/* tests/unit/gateway/test_thinking.c: what was thought is remembered for those who may ask, not for ever and not without end. */
#include "gateway/thinking.h"
#include "base/mem.h"
#include "tests/test.h"

static struct thinking_name name_of(uint32_t number)
{
    struct thinking_name name = {{0}};
    memcpy(name.bytes, &number, sizeof number);
    name.bytes[15] = 7;
    return name;
}

static void keep(struct thinking_memory *memory, uint32_t number, struct str text, int64_t now_ms)
{
    struct thinking_name name = name_of(number);
    thinking_keep(memory, &name, text, now_ms);
}

static bool has(struct thinking_memory *memory, uint32_t number, struct str want, int64_t now_ms)
{
    struct thinking_name name = name_of(number);
    AUTO_BUF struct buf out;
    buf_init(&out, THINKING_ENTRY_MAX);
    return thinking_recall(memory, &name, now_ms, &out) && str_eq(buf_str(&out), want);
}

static void it_is_remembered_and_replaced(void **state)
{
    (void)state;
    struct thinking_memory *memory = thinking_memory_new();
    keep(memory, 1, STR("a"), 0);
    keep(memory, 1 + 4096, STR("same slot"), 0);
    CHECK("first", has(memory, 1, STR("a"), 1));
    CHECK("of the same slot", has(memory, 1 + 4096, STR("same slot"), 1));
    CHECK("unknown", !has(memory, 2, STR(""), 1));
    keep(memory, 1, STR("b"), 1);
    CHECK("replaced", has(memory, 1, STR("b"), 2));
    CHECK("asked twice", has(memory, 1, STR("b"), 2));
    thinking_memory_free(memory);
}

static void it_is_forgotten_in_time(void **state)
{
    (void)state;
    struct thinking_memory *memory = thinking_memory_new();
    keep(memory, 1, STR("a"), 1000);
    CHECK("just before", has(memory, 1, STR("a"), 999 + THINKING_EXPIRES_MS));
    CHECK("then no more", !has(memory, 1, STR("a"), 1000 + THINKING_EXPIRES_MS));
    keep(memory, 2, STR("b"), 1000 + THINKING_EXPIRES_MS);
    CHECK("its room is free", thinking_bytes(memory) < 200);
    thinking_memory_free(memory);
}

static void the_oldest_give_way(void **state)
{
    (void)state;
    struct thinking_memory *memory = thinking_memory_new();
    AUTO_FREE char *large = mem_zalloc(1, THINKING_ENTRY_MAX + 1);
    struct str text = {large, THINKING_ENTRY_MAX};
    keep(memory, 0, (struct str){large, THINKING_ENTRY_MAX + 1}, 0);
    CHECK_INT("too large is not kept", thinking_bytes(memory), 0);
    for (uint32_t i = 0; i < 100; i++)
        keep(memory, i, text, i);
    CHECK("within the bound", thinking_bytes(memory) <= THINKING_BYTES_MAX);
    CHECK("the newest is there", has(memory, 99, text, 100));
    CHECK("the oldest is not", !has(memory, 0, text, 100));
    thinking_memory_free(memory);
}

TEST_MAIN(TEST(it_is_remembered_and_replaced), TEST(it_is_forgotten_in_time),
          TEST(the_oldest_give_way))
