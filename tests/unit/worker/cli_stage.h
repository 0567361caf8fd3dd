/* tests/unit/worker/cli_stage.h: a talk with a tool that is played by lines, and what it told, in short.
 *
 *     text(Hello )text(there.)   think(...)   call(toolu_1 weather {"a":1})
 */
#pragma once
#include "worker/cli_tool.h"

struct stage {
    struct cli_bench bench;
    struct cli_request request;
    struct cli_talk talk;
    struct cli_launch launch;
    struct buf told;
    enum part_kind part;
};

static const struct cli_terms stage_terms = {.program = "/opt/tool",
                                             .sessions_dir = "/home/u/.claude/projects"};

static void stage_hear(void *arg, const struct answer_event *event)
{
    struct stage *stage = arg;
    static const char *const names[] = {[PART_TEXT] = "text", [PART_THINKING] = "think"};
    if (event->kind == ANSWER_PART_BEGIN && event->part == PART_TOOL_CALL)
        buf_printf(&stage->told, "call(%.*s %.*s ", STR_ARG(event->id), STR_ARG(event->name));
    else if (event->kind == ANSWER_PART_DELTA && event->part == PART_TOOL_CALL)
        buf_append_str(&stage->told, event->text);
    else if (event->kind == ANSWER_PART_END && event->part == PART_TOOL_CALL)
        buf_append_lit(&stage->told, ")");
    else if (event->kind == ANSWER_PART_DELTA)
        buf_printf(&stage->told, "%s(%.*s)", names[event->part], STR_ARG(event->text));
}

static inline const char *stage_told(struct stage *stage)
{
    return stage->told.data ? stage->told.data : "";
}

/* Reads the request and starts the tool. */
static inline enum err stage_open(struct stage *stage, const struct cli_tool *tool,
                                  const char *body, const struct cli_terms *terms,
                                  struct error *error)
{
    *stage = (struct stage){0};
    buf_init(&stage->told, 1u << 20);
    launch_init(&stage->launch);
    enum err err = cli_bench_open(&stage->bench);
    if (err == OK)
        err = cli_request_read(&stage->request, &stage->bench, tool, str_of(body), error);
    if (err == OK)
        err = talk_init(&stage->talk, tool, stage->bench.line);
    stage->talk.on_event = stage_hear;
    stage->talk.arg = stage;
    stage->talk.shows_thinking = stage->request.wants_thinking;
    struct cli_job job = {.terms = terms ? terms : &stage_terms,
                          .request = &stage->request,
                          .model = STR("m"),
                          .work_dir = "/s/1/0/work",
                          .side_dir = "/s/1/0/side",
                          .uuid = "00000000-1111-4222-8333-444444444444",
                          .now_s = 1700000000};
    return err == OK ? tool->start(&job, &stage->launch, &stage->talk, error) : err;
}

static inline void stage_close(struct stage *stage)
{
    if (stage->talk.tool)
        talk_release(&stage->talk);
    cli_request_release(&stage->request);
    cli_bench_close(&stage->bench);
    launch_release(&stage->launch);
    buf_release(&stage->told);
}

/* Lines that a tool says, NULL ends them. */
static inline void stage_say(struct stage *stage, const char *const *lines)
{
    for (; *lines; lines++)
        talk_line(&stage->talk, str_of(*lines));
}

/* What was written to the tool since the last call, as text. */
static inline const char *stage_written(struct stage *stage, struct buf *room)
{
    buf_clear(room);
    buf_append_str(room, buf_str(&stage->talk.out));
    buf_clear(&stage->talk.out);
    return room->data ? room->data : "";
}

/* The caller comes again, with this body. */
static inline bool stage_results(struct stage *stage, const char *body)
{
    struct error error = {0};
    cli_request_release(&stage->request);
    return cli_request_read(&stage->request, &stage->bench, stage->talk.tool, str_of(body),
                            &error) == OK &&
           talk_give_results(&stage->talk, cli_request_news(&stage->request));
}

static inline const char *stage_state(const struct stage *stage)
{
    static const char *const names[] = {[TALK_GOING] = "going",
                                        [TALK_HANDED_OVER] = "handed over",
                                        [TALK_DONE] = "done",
                                        [TALK_FAILED] = "failed"};
    return names[stage->talk.state];
}

/* The word behind `name` among the words of the launch; "" when it is the last, NULL when it is not there. */
static inline const char *stage_arg(const struct stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->launch.arg_count; i++)
        if (strcmp(stage->launch.args[i], name) == 0)
            return i + 1 < stage->launch.arg_count ? stage->launch.args[i + 1] : "";
    return NULL;
}

static inline const char *stage_env(const struct stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->launch.env_count; i++)
        if (str_starts(str_of(stage->launch.env[i]), str_of(name)) &&
            stage->launch.env[i][strlen(name)] == '=')
            return stage->launch.env[i] + strlen(name) + 1;
    return NULL;
}
