/* tests/unit/base/test_mem.c: allocation is checked, arenas are bounded and aligned. */
#include "base/mem.h"
#include "tests/test.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#ifdef __has_feature
#define IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define IS_SANITIZED 0
#endif

/* Sanitizers stop the program at a refused allocation; here it is what is wanted. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void nothing_is_still_a_block_of_ones_own(void **unused)
{
    (void)unused;
    AUTO_FREE void *a = mem_alloc(0);
    AUTO_FREE void *b = mem_alloc(0);
    AUTO_FREE void *c = mem_zalloc(0, 8);
    AUTO_FREE void *d = mem_realloc(NULL, 0);
    CHECK("not NULL, which would mean no memory", a && b && c && d);
    CHECK("each its own", a != b);
}

static void an_array_too_large_for_size_t_is_refused(void **unused)
{
    (void)unused;
    volatile size_t huge = SIZE_MAX / 2 + 1; /* twice this is 0 */
    CHECK("the product overflows", mem_zalloc(huge, 2) == NULL);
    AUTO_FREE unsigned char *zeroes = mem_zalloc(3, 5);
    for (size_t i = 0; i < 15; i++)
        CHECK("zeroed", zeroes[i] == 0);
}

static void a_duplicate_is_terminated(void **unused)
{
    (void)unused;
    AUTO_FREE char *part = mem_dup("abcdef", 3);
    AUTO_FREE char *nothing = mem_dup(NULL, 0);
    CHECK_STR("a part", part, "abc");
    CHECK_STR("nothing", nothing, "");
}

static void taking_leaves_null_behind(void **unused)
{
    (void)unused;
    char *block = mem_dup("x", 1);
    AUTO_FREE char *taken = TAKE(block);
    CHECK("moved", taken && !block);
}

static void every_piece_of_an_arena_is_aligned_and_apart(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {1, 0, 15, 16, 17, 100, 4063, 4064, 4065, 20000, 3};
    struct arena arena;
    unsigned char *pieces[COUNT(sizes)];
    arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        pieces[i] = arena_alloc(&arena, sizes[i]);
        CHECK("there is room", pieces[i] != NULL);
        CHECK("aligned to 16", ((uintptr_t)pieces[i] & 15u) == 0);
        memset(pieces[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t at = 0; at < sizes[i]; at++)
            CHECK("nobody wrote into it", pieces[i][at] == i);
    arena_release(&arena);
}

static void an_arena_gives_no_more_than_its_limit(void **unused)
{
    (void)unused;
    static const size_t limits[] = {16, 64, 4064, 4080, 10000, 100000};
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct arena arena;
        size_t given = 0;
        arena_init(&arena, limits[i]);
        while (given <= limits[i] && arena_alloc(&arena, 16))
            given += 16;
        CHECK("not more", given <= limits[i] && arena.used_bytes <= limits[i]);
        CHECK("nearly all of it", given + 16 > limits[i]);
        CHECK("and none afterwards", arena_alloc(&arena, 16) == NULL);
        arena_release(&arena);
        CHECK("released, it gives again", arena_alloc(&arena, 16) != NULL);
        arena_release(&arena);
    }
}

static void an_arena_begins_small_and_goes_on_in_larger_blocks(void **unused)
{
    (void)unused;
    struct arena arena;
    arena_init(&arena, 1u << 20);
    CHECK("a little", arena_alloc(&arena, 16) != NULL);
    CHECK("costs little", arena.used_bytes <= 512);
    size_t largest = 0, before = arena.used_bytes;
    for (int i = 0; i < 4096; i++) {
        CHECK("more", arena_alloc(&arena, 16) != NULL);
        size_t block = arena.used_bytes - before;
        CHECK("blocks only grow", block == 0 || block >= largest);
        if (block > largest)
            largest = block;
        before = arena.used_bytes;
    }
    CHECK("up to a page", largest > 2048 && largest <= 4096);
    arena_release(&arena);
}

static void sizes_that_overflow_are_refused(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 14, SIZE_MAX / 2, 1001};
    struct arena arena;
    arena_init(&arena, 1000);
    for (size_t i = 0; i < COUNT(sizes); i++)
        CHECK("refused", arena_alloc(&arena, sizes[i]) == NULL);
    CHECK("what fits still comes", arena_alloc(&arena, 100) != NULL);
    arena_release(&arena);
}

static void a_copy_in_an_arena_is_terminated_and_bounded(void **unused)
{
    (void)unused;
    struct arena arena;
    arena_init(&arena, 64);
    CHECK_STR("a part", arena_dup(&arena, "abcdef", 3), "abc");
    CHECK_STR("nothing", arena_dup(&arena, NULL, 0), "");
    CHECK("too long", arena_dup(&arena, "0123456789abcdef0123456789abcdef", 32) == NULL);
    CHECK_STR("a short one still fits", arena_dup(&arena, "0123456789", 10), "0123456789");
    arena_release(&arena);
}

static void releasing_twice_is_fine(void **unused)
{
    (void)unused;
    struct arena arena;
    arena_init(&arena, 1000);
    arena_release(&arena); /* never used */
    CHECK("used", arena_alloc(&arena, 10) != NULL);
    arena_release(&arena);
    arena_release(&arena);
    CHECK_INT("empty", arena.used_bytes, 0);
}

static void an_arena_begins_in_the_room_it_is_given(void **state)
{
    (void)state;
    _Alignas(16) char room[64];
    struct arena arena;
    arena_init_in(&arena, 1000, room, sizeof room);
    char *first = arena_alloc(&arena, 20), *second = arena_alloc(&arena, 32);
    CHECK("in the room", first == room && second == room + 32);
    CHECK_INT("which counts towards nothing", arena.used_bytes, 0);
    char *third = arena_alloc(&arena, 1);
    CHECK("then in memory of its own", third && (third < room || third >= room + sizeof room));
    CHECK("which is counted", arena.used_bytes > 0 && arena.used_bytes <= 1000);
    memset(first, 1, 20);
    memset(second, 2, 32);
    arena_release(&arena);
    char *again = arena_alloc(&arena, 1);
    CHECK("without the room afterwards", again && (again < room || again >= room + sizeof room));
    arena_release(&arena);
}

static long resident_mib(void)
{
    long pages = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "re");
    int found = file ? fscanf(file, "%ld %ld", &ignored, &pages) : 0;
    if (file)
        fclose(file);
    return found == 2 ? pages * sysconf(_SC_PAGESIZE) / (1024 * 1024) : -1;
}

/* Takes 48 MiB in small pieces, as sorting does, frees them, and says in MiB what it then gave back. */
static void *take_and_trim(void *out_given_back)
{
    enum { PIECES = 48 * 1024 };
    static void *pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = mem_alloc(1000);
        memset(pieces[i], 1, 1000);
    }
    for (size_t i = 0; i < PIECES; i++)
        mem_free(pieces[i]);
    long before_mib = resident_mib();
    mem_trim();
    *(long *)out_given_back = before_mib - resident_mib();
    return NULL;
}

static void what_a_thread_took_once_is_given_back(void **unused)
{
    (void)unused;
    long given_back_mib = 0;
    pthread_t thread;
    if (IS_SANITIZED)
        skip(); /* another allocator */
    mem_tune();
    CHECK_INT("a thread, and with it an arena that is not the main one",
              pthread_create(&thread, NULL, take_and_trim, &given_back_mib), 0);
    pthread_join(thread, NULL);
    CHECK("nearly all of it", given_back_mib > 40);
}

TEST_MAIN(TEST(what_a_thread_took_once_is_given_back),
          TEST(an_arena_begins_in_the_room_it_is_given), TEST(nothing_is_still_a_block_of_ones_own),
          TEST(an_array_too_large_for_size_t_is_refused), TEST(a_duplicate_is_terminated),
          TEST(taking_leaves_null_behind), TEST(every_piece_of_an_arena_is_aligned_and_apart),
          TEST(an_arena_gives_no_more_than_its_limit), TEST(sizes_that_overflow_are_refused),
          TEST(an_arena_begins_small_and_goes_on_in_larger_blocks),
          TEST(a_copy_in_an_arena_is_terminated_and_bounded), TEST(releasing_twice_is_fine))
