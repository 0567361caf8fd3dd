/* tests/unit/wire/test_answer_parts.c: parts that come interleaved are told one after the other, with nothing lost. */
#include "wire/answer.h"
#include "tests/test.h"

#include <stdio.h>

static struct buf told;

/* "[1:name" for a begin, the text for more, "]" or "]seal" for an end. */
static void on_event(void *arg, const struct answer_event *event)
{
    (void)arg;
    if (event->kind == ANSWER_PART_BEGIN)
        buf_printf(&told, "[%.*s:%.*s ", STR_ARG(event->id), STR_ARG(event->name));
    else if (event->kind == ANSWER_PART_END)
        buf_printf(&told, "]%.*s", STR_ARG(event->seal));
    else
        buf_printf(&told, "%.*s%.*s%.*s", STR_ARG(event->text), STR_ARG(event->url),
                   STR_ARG(event->logprobs));
}

static void begin(struct answer_parts *parts, int slot, const char *name)
{
    char id[16];
    (void)snprintf(id, sizeof id, "%d", slot);
    answer_parts_begin(parts, slot,
                       &(struct answer_event){.kind = ANSWER_PART_BEGIN,
                                              .part = PART_TOOL_CALL,
                                              .id = str_of(id),
                                              .name = str_of(name)});
}

/* "x" is text, "x<y" text and its tokens' probabilities. */
static void more(struct answer_parts *parts, int slot, const char *text)
{
    struct str said = str_of(text);
    size_t at = said.len;
    (void)str_find(said, STR("<"), &at);
    answer_parts_more(parts, slot,
                      &(struct answer_event){.kind = ANSWER_PART_DELTA,
                                             .text = str_upto(said, at),
                                             .logprobs = str_from(said, at)});
}

static void end(struct answer_parts *parts, int slot, const char *seal)
{
    answer_parts_end(parts, slot,
                     &(struct answer_event){.kind = ANSWER_PART_END, .seal = str_of(seal)});
}

/* A story: "b1" begins part 1, "1x" says x in it, "e1" ends it, "E" ends all. */
static void play(struct answer_parts *parts, const char *story)
{
    char word[16];
    buf_clear(&told);
    for (struct str rest = str_of(story); rest.len;) {
        str_copy(str_cut(&rest, ' '), word, sizeof word);
        if (word[0] == 'b')
            begin(parts, word[1] - '0', "n");
        else if (word[0] == 'e')
            end(parts, word[1] - '0', word + 2);
        else if (word[0] == 'E')
            answer_parts_end_all(parts);
        else
            more(parts, word[0] - '0', word + 1);
    }
}

static void parts_come_out_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *name, *story, *want;
    } rows[] = {
        {"one", "b1 1a 1b e1", "[1:n ab]"},
        {"one after the other", "b1 1a e1 b2 2b e2", "[1:n a][2:n b]"},
        {"interleaved", "b1 1a b2 2x 1b 2y e1 2z e2", "[1:n ab][2:n xyz]"},
        {"the second ends first", "b1 b2 2x e2seal 1a e1", "[1:n a][2:n x]seal"},
        {"probabilities wait with their text", "b1 b2 2x<1 1a<2 2y 2<3 e1 e2",
         "[1:n a<2][2:n x<1y<3]"},
        {"three", "b1 b2 b3 3c 2b 1a e2 e1 3d e3", "[1:n a][2:n b][3:n cd]"},
        {"the end of all", "b1 1a b2 2b b3", ""},
        {"nothing at all", "E", ""},
        {"a slot may come again", "b1 1a e1 b1 1b e1", "[1:n a][1:n b]"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct answer_parts parts;
        answer_parts_init(&parts, on_event, NULL);
        play(&parts, rows[i].story);
        if (rows[i].want[0])
            CHECK_STR(rows[i].name, buf_str(&told).at, rows[i].want);
        CHECK(rows[i].name, !parts.failed);
        answer_parts_release(&parts);
    }
    struct answer_parts parts;
    answer_parts_init(&parts, on_event, NULL);
    play(&parts, "b1 1a b2 2b b3 E");
    CHECK_STR("the end of all", buf_str(&told).at, "[1:n a][2:n b][3:n ]");
    answer_parts_release(&parts);
}

static void what_cannot_be_told_rightly_fails(void **state)
{
    (void)state;
    static const char *const stories[] = {"1a", "e1", "b1 b1", "b1 e1 1a", "b1 b2 b2"};
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct answer_parts parts;
        answer_parts_init(&parts, on_event, NULL);
        play(&parts, stories[i]);
        CHECK(stories[i], parts.failed);
        answer_parts_release(&parts);
    }
}

static void what_waits_has_a_bound(void **state)
{
    (void)state;
    struct answer_parts parts;
    static char text[64 * 1024];
    memset(text, 'x', sizeof text - 1);
    answer_parts_init(&parts, on_event, NULL);
    buf_clear(&told);
    begin(&parts, 1, "open");
    begin(&parts, 2, "waits");
    for (size_t i = 0; i < ANSWER_WAITING_MAX / sizeof text + 2 && !parts.failed; i++)
        more(&parts, 2, text);
    CHECK("it fails", parts.failed);
    CHECK("within the bound", parts.waiting_bytes <= ANSWER_WAITING_MAX);
    answer_parts_release(&parts);
}

/* The bound is one of bytes: an answer of many small pieces may wait whole. */
static void many_small_pieces_may_wait(void **state)
{
    (void)state;
    struct answer_parts parts;
    answer_parts_init(&parts, on_event, NULL);
    buf_clear(&told);
    begin(&parts, 1, "open");
    begin(&parts, 2, "waits");
    for (size_t i = 0; i < 50000; i++)
        more(&parts, 2, "a");
    CHECK("kept", !parts.failed);
    end(&parts, 1, "");
    CHECK_INT("all of it is told", told.len >= 50000, true);
    answer_parts_release(&parts);
}

static int make(void **state)
{
    (void)state;
    buf_init(&told, 32u << 20);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    buf_release(&told);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts_come_out_in_order), TEST(what_cannot_be_told_rightly_fails),
        TEST(what_waits_has_a_bound), TEST(many_small_pieces_may_wait)};
    return cmocka_run_group_tests(tests, make, unmake);
}
