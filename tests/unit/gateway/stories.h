/* tests/unit/gateway/stories.h: a table of stories: what providers play, what the caller gets, what is kept.
 *
 * Upstream answers are raw bytes; those without a length end with the connection.
 */
#pragma once
#include "tests/unit/gateway/gateway_fixture.h"

#define CHAT      "/api/openai/v1/chat/completions"
#define RESPONSES "/api/openai/v1/responses"
#define MESSAGES  "/api/anthropic/v1/messages"

#define ASK        "{\"model\":\"auto\",\"messages\":[]}"
#define ASK_STREAM "{\"model\":\"auto\",\"stream\":true,\"messages\":[]}"
#define ASK_USAGE                          \
    "{\"model\":\"auto\",\"stream\":true," \
    "\"stream_options\":{\"include_usage\":true},\"messages\":[]}"

#define SSE  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
#define JSON "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
#define ERROR(status, headers, body) \
    "HTTP/1.1 " status " Oh\r\ncontent-type: application/json\r\n" headers "\r\n" body

#define CHUNK(inside) "data: {\"id\":\"c\",\"choices\":[" inside "],\"usage\":null}\n\n"
#define ROLE          CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}")
#define TEXT(text)    CHUNK("{\"index\":0,\"delta\":{\"content\":\"" text "\"}}")
#define STOP          CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}")
#define USAGE                                                            \
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":7," \
    "\"completion_tokens\":3}}\n\n"
#define DONE "data: [DONE]\n\n"
#define WHOLE                                                                             \
    "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","        \
    "\"content\":\"hello\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7," \
    "\"completion_tokens\":3}}"

#define OPENAI_ERROR(message, type, code)                                           \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type "\",\"param\":null," \
    "\"code\":" code "}}"
#define NO_MODEL \
    OPENAI_ERROR("The model does not exist", "invalid_request_error", "\"model_not_found\"")
#define TOO_LONG                                                                             \
    OPENAI_ERROR("This model's maximum context length is 8 tokens", "invalid_request_error", \
                 "\"context_length_exceeded\"")

#define TEXTS_MAX 6

struct story {
    const char *name;
    const char *kind;                   /* NULL: openai */
    struct play up[STAGE_PROVIDERS][2]; /* by provider, by request */
    bool refuses[STAGE_PROVIDERS];
    int late_head_ms, keepalive_ms, job_timeout_ms, first_byte_ms, idle_ms;
    const char *path, *headers, *ask; /* NULL: chat, none, ASK_STREAM */

    int status;
    bool is_torn;                                  /* the framing does not end as it should */
    const char *body;                              /* exactly; NULL: not looked at */
    const char *has[TEXTS_MAX], *lacks[TEXTS_MAX]; /* in what came, with its framing or without */
    const char *attempts;                          /* "failed connect_refused, ok" */
    const char *job;                               /* "done failover" */
    int64_t input_tokens, output_tokens;           /* 0: not looked at */
};

static inline void story_attempts(const struct job_record *job, char *out, size_t room)
{
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < job->attempt_count; i++) {
        const struct attempt_record *attempt = &job->attempt[i];
        len += (size_t)snprintf(out + len, room - len, "%s%s%s%s", i ? ", " : "", attempt->outcome,
                                attempt->reason[0] ? " " : "", attempt->reason);
    }
}

static inline void story_check_answer(const struct story *story, const struct answer *answer)
{
    if (answer->status != story->status)
        print_error("answer: %.2000s\n", answer->raw ? answer->raw : "(none)");
    CHECK_INT(story->name, answer->status, story->status);
    CHECK_INT(story->name, answer->is_whole, !story->is_torn);
    if (story->body)
        CHECK_STR(story->name, answer->body, story->body);
    for (int i = 0; i < TEXTS_MAX && story->has[i]; i++)
        if (!strstr(answer->raw, story->has[i]) && !strstr(answer->body, story->has[i])) {
            print_error("answer: %.2000s\nlacks: %s\n", answer->raw, story->has[i]);
            CHECK(story->name, false);
        }
    for (int i = 0; i < TEXTS_MAX && story->lacks[i]; i++)
        if (strstr(answer->raw, story->lacks[i]) || strstr(answer->body, story->lacks[i])) {
            print_error("answer: %.2000s\nhas: %s\n", answer->raw, story->lacks[i]);
            CHECK(story->name, false);
        }
}

static inline void story_check_job(const struct story *story, const struct job_record *job)
{
    char attempts[512], ended[96];
    story_attempts(job, attempts, sizeof attempts);
    snprintf(ended, sizeof ended, "%s %s", job_status_name(job->status), job->reason);
    if (story->attempts)
        CHECK_STR(story->name, attempts, story->attempts);
    if (story->job)
        CHECK_STR(story->name, ended, story->job);
    if (story->input_tokens)
        CHECK_INT(story->name, job->usage.input_tokens, story->input_tokens);
    if (story->output_tokens)
        CHECK_INT(story->name, job->usage.output_tokens, story->output_tokens);
    CHECK(story->name, job->duration_ms >= 0);
    for (int i = 0; i < job->attempt_count; i++)
        CHECK(story->name, job->attempt[i].ended_at_ms > 0);
}

static inline void story_stage(const struct story *story, struct stage *stage)
{
    *stage = (struct stage){.kind = story->kind,
                            .options.tuning = {.late_head_ms = story->late_head_ms,
                                               .keepalive_ms = story->keepalive_ms,
                                               .job_timeout_ms = story->job_timeout_ms}};
    size_t count = 0;
    for (size_t i = 0; i < STAGE_PROVIDERS; i++) {
        memcpy(stage->up[i].plays, story->up[i], sizeof story->up[i]);
        stage->up[i].refuses = story->refuses[i];
        stage->rows[i].first_byte_ms = stage->rows[i].plain_ms = story->first_byte_ms;
        stage->rows[i].idle_ms = story->idle_ms;
        if (story->up[i][0].steps[0].text || story->up[i][0].steps[0].act || story->refuses[i])
            count = i + 1;
    }
    stage_begin(stage, count);
}

static inline void story_tell(const struct story *story)
{
    struct stage stage;
    const char *path = story->path ? story->path : CHAT;
    story_stage(story, &stage);
    struct answer answer = stage_ask(&stage, path, story->headers ? story->headers : "",
                                     story->ask ? story->ask : ASK_STREAM);
    struct job_record job = stage_job(&stage);
    story_check_answer(story, &answer);
    story_check_job(story, &job);
    answer_free(&answer);
    stage_end(&stage);
}

static inline void stories_tell(const struct story *stories, size_t count)
{
    const char *only = getenv("STORY");
    for (size_t i = 0; i < count; i++)
        if (!only || strstr(stories[i].name, only)) {
            if (getenv("STORY_LOUD"))
                print_message("%s\n", stories[i].name);
            story_tell(&stories[i]);
        }
}
