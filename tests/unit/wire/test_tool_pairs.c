/* tests/unit/wire/test_tool_pairs.c: which result answers which call. */
#include "wire/tool_pairs.h"

#include "tests/test.h"

#define PARTS_MAX 16

/* A conversation: "A" and "U" begin a turn, "c1" is a call with id 1, "r1" a result of it. Wanted: for each call and
 * result, in order, the number of its partner among them, "-" for none; a call's repeat behind a dot. */
static const struct story {
    const char *name, *talk, *want;
} stories[] = {
    {"one call, one result", "A c1 U r1", "1.0 0"},
    {"results in another order", "A c1 c2 U r2 r1", "3.0 2.0 1 0"},
    {"no result", "A c1 c2 U r2", "-.0 2.0 1"},
    {"no call", "U r1 A c1", "- -.0"},
    {"a late result", "A c1 U A c2 U r2 r1", "3.0 2.0 1 0"},
    {"the same id in every turn", "A c1 U r1 A c1 U r1 A c1 U r1", "1.0 0 3.1 2 5.2 4"},
    {"the same id, and the first call was never answered", "A c1 U A c1 U r1", "-.0 2.1 1"},
    {"the same id twice in a turn", "A c1 c1 U r1 r1", "2.0 3.1 0 1"},
    {"a second result", "A c1 U r1 r1", "1.0 0 -"},
    {"nothing at all", "U A", ""},
};

static void tell(struct buf *out, struct part **parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t partner = 0;
        while (partner < count && parts[partner] != parts[i]->partner)
            partner++;
        if (i > 0)
            buf_putc(out, ' ');
        if (partner == count)
            buf_putc(out, '-');
        else
            buf_printf(out, "%zu", partner);
        if (parts[i]->kind == PART_TOOL_CALL)
            buf_printf(out, ".%u", parts[i]->repeat);
    }
}

static void results_find_their_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct arena arena;
        struct prompt prompt;
        struct fidelity fidelity = {0};
        struct part *parts[PARTS_MAX];
        size_t count = 0;
        AUTO_BUF struct buf told;
        buf_init(&told, 1024);
        arena_init(&arena, 1u << 16);
        prompt_init(&prompt, &arena, NULL, NULL, STR(""), &fidelity, NULL);
        struct str rest = str_of(stories[i].talk);
        while (rest.len) {
            struct str word = str_cut(&rest, ' ');
            if (word.len == 1) {
                (void)prompt_add_turn(&prompt, word.at[0] == 'A' ? TURN_ASSISTANT : TURN_USER);
                continue;
            }
            parts[count] = prompt_add_part(&prompt, prompt.last_turn,
                                           word.at[0] == 'c' ? PART_TOOL_CALL : PART_TOOL_RESULT);
            parts[count++]->id = str_from(word, 1);
        }
        tool_pairs_find(&prompt);
        CHECK(stories[i].name, !prompt.failed);
        tell(&told, parts, count);
        CHECK_STR(stories[i].name, buf_str(&told).at, stories[i].want);
        arena_release(&arena);
    }
}

static void without_memory_the_prompt_has_failed(void **state)
{
    (void)state;
    struct arena arena;
    struct prompt prompt;
    struct fidelity fidelity = {0};
    arena_init(&arena, 1u << 16);
    prompt_init(&prompt, &arena, NULL, NULL, STR(""), &fidelity, NULL);
    (void)prompt_add_part(&prompt, prompt_add_turn(&prompt, TURN_ASSISTANT), PART_TOOL_CALL);
    struct arena none;
    arena_init(&none, 0);
    prompt.arena = &none;
    tool_pairs_find(&prompt);
    CHECK("failed", prompt.failed);
    arena_release(&arena);
}

TEST_MAIN(TEST(results_find_their_calls), TEST(without_memory_the_prompt_has_failed))
