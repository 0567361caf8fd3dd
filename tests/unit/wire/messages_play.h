/* tests/unit/wire/messages_play.h: a workbench for the tests of the messages dialect: readers, an arena, a sealer. */
#pragma once
#include "wire/messages_parts.h"

#include "tests/test.h"

#define PLAY_BYTES (4u << 20)

struct play {
    struct json_reader *reader, *scratch;
    struct arena arena;
    struct fidelity fidelity;
    struct tool_names names;
    struct prompt prompt;
};

/* No cryptography: each byte as two letters. */
static bool play_seal(void *arg, struct str plain, struct buf *out)
{
    (void)arg;
    for (size_t i = 0; i < plain.len; i++) {
        buf_putc(out, (char)('a' + ((unsigned char)plain.at[i] >> 4)));
        buf_putc(out, (char)('a' + ((unsigned char)plain.at[i] & 15)));
    }
    return true;
}

static bool play_open(void *arg, struct str sealed, struct buf *out)
{
    (void)arg;
    for (size_t i = 0; i + 1 < sealed.len; i += 2)
        buf_putc(out, (char)((sealed.at[i] - 'a') * 16 + (sealed.at[i + 1] - 'a')));
    return sealed.len % 2 == 0;
}

static const struct sealer play_sealer = {NULL, play_seal, play_open};

static inline void play_start(struct play *play)
{
    memset(play, 0, sizeof *play);
    CHECK("a reader", json_reader_new(PLAY_BYTES, &play->reader) == OK);
    CHECK("another", json_reader_new(PLAY_BYTES, &play->scratch) == OK);
    arena_init(&play->arena, PLAY_BYTES);
}

/* Reads a body; what was noted before is forgotten. */
static inline enum err play_read(struct play *play, const char *body, struct error *error)
{
    struct json root;
    arena_release(&play->arena);
    play->fidelity = (struct fidelity){0};
    tool_names_init(&play->names, &play->arena, 128);
    CHECK(body, json_parse(play->reader, str_of(body), &root, NULL) == OK);
    prompt_init(&play->prompt, &play->arena, play->reader, play->scratch, str_of(body),
                &play->fidelity, &play->names);
    play->prompt.sealer = &play_sealer;
    return messages_prompt_read(&play->prompt, root, error);
}

static inline void play_check_notes(const char *name, const struct fidelity *fidelity,
                                    const char *want)
{
    AUTO_BUF struct buf notes;
    buf_init(&notes, PLAY_BYTES);
    fidelity_write(fidelity, &notes);
    CHECK_STR(name, buf_str(&notes).at, want);
}

static inline void play_end(struct play *play)
{
    arena_release(&play->arena);
    json_reader_free(play->reader);
    json_reader_free(play->scratch);
}
