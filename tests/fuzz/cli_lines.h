/* tests/fuzz/cli_lines.h: plays a tool by lines, and watches what its talk tells: parts one behind the other, each
 * ended before the next, and nothing once the answer is over. Results are given whenever it waits for some. */
#pragma once
#include "worker/cli_tool.h"

#include <stdlib.h>

struct cli_lines {
    struct cli_bench bench; /* made once */
    struct cli_talk talk;
    bool is_open, is_over;
    enum part_kind part;
};

static inline void cli_require(bool condition)
{
    if (!condition)
        abort();
}

static inline void cli_lines_hear(void *arg, const struct answer_event *event)
{
    struct cli_lines *lines = arg;
    cli_require(!lines->is_over && lines->talk.state == TALK_GOING);
    switch (event->kind) {
    case ANSWER_PART_BEGIN:
        cli_require(!lines->is_open);
        lines->is_open = true;
        lines->part = event->part;
        break;
    case ANSWER_PART_DELTA:
    case ANSWER_ANNOTATION: cli_require(lines->is_open && lines->part == event->part); break;
    case ANSWER_PART_END:
        cli_require(lines->is_open && lines->part == event->part);
        lines->is_open = false;
        break;
    default: cli_require(false);
    }
}

/* A result for each pending call. */
static inline void cli_lines_answer(struct cli_lines *lines)
{
    struct talk_call *calls = lines->talk.calls;
    struct part parts[TALK_CALLS_MAX] = {{0}};
    struct turn turn = {.role = TURN_USER};
    for (size_t i = 0; i < lines->talk.call_count; i++) {
        if (calls[i].result)
            continue;
        parts[i] = (struct part){.kind = PART_TOOL_RESULT, .id = str_of(calls[i].shown_id)};
        parts[i].next = turn.parts;
        turn.parts = &parts[i];
    }
    if (lines->talk.tool->put_result)
        cli_require(talk_give_results(&lines->talk, &turn));
}

static inline void cli_lines_play(struct cli_lines *lines, const struct cli_tool *tool,
                                  struct str text)
{
    if (!lines->bench.line)
        cli_require(cli_bench_open(&lines->bench) == OK);
    lines->is_open = lines->is_over = false;
    cli_require(talk_init(&lines->talk, tool, lines->bench.line) == OK);
    cli_require(talk_add_caller_tool(&lines->talk, STR("weather")) == OK);
    cli_require(talk_add_caller_tool(&lines->talk, STR("clock")) == OK);
    lines->talk.on_event = cli_lines_hear;
    lines->talk.arg = lines;
    lines->talk.shows_thinking = true;
    while (text.len) {
        talk_line(&lines->talk, str_cut(&text, '\n'));
        if (lines->talk.state == TALK_HANDED_OVER) {
            cli_require(!lines->is_open && lines->talk.call_count > 0);
            cli_lines_answer(lines);
        } else if (lines->talk.state == TALK_DONE) {
            cli_require(!lines->is_open);
            lines->is_over = true;
        }
    }
    talk_interrupt(&lines->talk);
    talk_ended(&lines->talk, 1, STR(""));
    cli_require(lines->talk.state != TALK_GOING);
    talk_release(&lines->talk);
}
