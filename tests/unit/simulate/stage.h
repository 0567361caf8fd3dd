/* tests/unit/simulate/stage.h: plays an answer without a socket: keys and a body in, bytes, beats and the
 * gateway's own reading of the stream out. */
#pragma once
#include "simulate/answer.h"
#include "wire/meter.h"
#include "wire/sse.h"

#include <stdio.h>
#include <stdlib.h>

struct stage {
    struct program program;
    struct cursor cursor;
    struct buf bytes;  /* all that was sent */
    char beats[512];   /* "S" sends, "w20" waits, then F, C, R or T (stall) */
    char classes[512]; /* L lifecycle, C content, U usage, E error, . end, ! garbage; runs as one */
    struct meter meter;
    int64_t waited_ms;
};

static const char *const chat_body =
    "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
static const char *const chat_body_plain = "{\"model\":\"m\",\"messages\":[]}";
static const char *const responses_body =
    "{\"model\":\"m\",\"stream\":true,\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],"
    "\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}]}";
static const char *const messages_body =
    "{\"model\":\"m\",\"stream\":true,\"max_tokens\":9,\"tools\":[{\"name\":\"f\"}],"
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

static inline void stage_add(char *room, size_t room_bytes, const char *word)
{
    size_t len = strlen(room);
    (void)snprintf(room + len, room_bytes - len, "%s", word);
}

static inline void stage_beats(struct stage *stage, size_t want)
{
    char word[32];
    for (int i = 0; i < 1000000; i++) {
        size_t before = stage->bytes.len;
        struct beat beat = program_next(&stage->program, &stage->cursor, &stage->bytes, want);
        if (stage->bytes.len > before)
            stage_add(stage->beats, sizeof stage->beats, "S");
        stage->waited_ms += beat.kind == BEAT_WAIT ? beat.wait_ms : 0;
        (void)snprintf(word, sizeof word, "w%lld", (long long)beat.wait_ms);
        static const char *const ends[] = {"", "", "F", "C", "R", "T"};
        stage_add(stage->beats, sizeof stage->beats,
                  beat.kind == BEAT_WAIT ? word : ends[beat.kind]);
        if (beat.kind >= BEAT_FINISH)
            return;
    }
    abort();
}

static inline void stage_classes(struct stage *stage, enum endpoint endpoint)
{
    struct json_reader *reader;
    struct buf joined;
    if (json_reader_new(64u * 1024 * 1024, &reader) != OK)
        abort();
    buf_init(&joined, 65536);
    meter_init(&stage->meter, endpoint);
    struct str rest = buf_str(&stage->bytes);
    size_t scanned = 0, len;
    char last = 0;
    while ((len = sse_event_end(rest, &scanned)) > 0) {
        struct sse_event event;
        enum stream_class class;
        sse_event_read(str_upto(rest, len), &joined, &event);
        bool is_good = meter_event(&stage->meter, reader, &event, &class, &(struct json){0}) == OK;
        char mark = is_good ? "LCUE."[class] : '!';
        if (mark != last)
            stage_add(stage->classes, sizeof stage->classes, (char[2]){mark, 0});
        last = mark;
        rest = str_from(rest, len);
        scanned = 0;
    }
    buf_release(&joined);
    json_reader_free(reader);
}

/* Builds and plays to the end. `keys` as in a model's name. */
static inline void stage_play(struct stage *stage, enum vendor vendor, const char *path,
                              const char *body, const char *keys)
{
    struct arena arena;
    struct error error = {0};
    struct json_reader *reader;
    struct request request;
    struct play play;
    *stage = (struct stage){0};
    arena_init(&arena, 1u << 24);
    program_init(&stage->program);
    cursor_init(&stage->cursor);
    buf_init(&stage->bytes, 256u * 1024 * 1024);
    if (json_reader_new(65536, &reader) != OK)
        abort();
    request_route(vendor, str_of(path), &arena, &request);
    request_identify(&request, 7, 42);
    play_init(&play);
    if ((body && request_read(&request, reader, str_of(body), &arena, &error) != OK) ||
        play_read_text(&play, str_of(keys), &arena, &error) != OK) {
        fprintf(stderr, "%s: %s\n", keys, error.text);
        abort();
    }
    answer_build(&stage->program, &play, &request, &(struct model_list){NULL, 0});
    stage_beats(stage, 65536);
    arena_release(&arena);
    json_reader_free(reader);
}

static inline void stage_release(struct stage *stage)
{
    program_release(&stage->program);
    cursor_release(&stage->cursor);
    buf_release(&stage->bytes);
}
