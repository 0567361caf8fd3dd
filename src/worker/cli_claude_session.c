/* worker/cli_claude_session.c: a conversation as the file from which Claude Code resumes it.
 *
 * A line for each message, each naming the one before it. Ids of assistant messages differ, since equal ones are taken
 * for pieces of one message. Names of tools stand as the live ones are called: without prefix. Measured exact, also with
 * several calls and results in the middle (CLIENTS.md 12).
 */
#include "worker/cli_claude.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#define UUID_BYTES 36

void claude_slug_put(struct buf *out, struct str dir)
{
    for (size_t i = 0; i < dir.len; i++)
        buf_putc(out, isalnum((unsigned char)dir.at[i]) ? dir.at[i] : '-');
}

/* The job's own with a number in its last group. */
static void put_uuid(char room[UUID_BYTES + 1], const char *job_uuid, size_t number)
{
    (void)snprintf(room, UUID_BYTES + 1, "%.24s%012zx", job_uuid, number & 0xffffffffffffu);
}

static void put_time(struct json_writer *json, int64_t unix_s)
{
    char text[40];
    time_t at = (time_t)unix_s;
    struct tm utc;
    (void)gmtime_r(&at, &utc);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    json_put_text(json, "timestamp", text);
}

static void put_assistant(const struct cli_job *job, struct json_writer *json, const char *uuid)
{
    char id[UUID_BYTES + 8];
    (void)snprintf(id, sizeof id, "msg_%s", uuid);
    json_put_text(json, "id", id);
    json_put_text(json, "type", "message");
    json_put_string(json, "model", job->model.len ? job->model : STR("claude"));
    json_put_null(json, "stop_reason");
    json_put_null(json, "stop_sequence");
    json_open_object_named(json, "usage");
    json_put_int(json, "input_tokens", 0);
    json_put_int(json, "output_tokens", 0);
    json_close_object(json);
}

static void put_message(const struct cli_job *job, struct json_writer *json, struct json message,
                        const char *uuid)
{
    struct str role = json_string_or_empty(json_get(message, "role"));
    json_put_string(json, "type", role);
    json_open_object_named(json, "message");
    if (str_eq(role, STR("assistant")))
        put_assistant(job, json, uuid);
    json_put_string(json, "role", role);
    json_put_raw(json, "content", cli_request_raw(job->request, json_get(message, "content")));
    json_close_object(json);
}

void claude_session_put(const struct cli_job *job, size_t count, struct buf *out)
{
    char uuid[UUID_BYTES + 1], parent[UUID_BYTES + 1] = "";
    struct json_cursor c = json_each(job->request->history);
    for (size_t i = 0; i < count && json_next(&c); i++) {
        struct json_writer json;
        put_uuid(uuid, job->uuid, i + 1);
        json_writer_init(&json, out);
        json_open_object(&json);
        json_put_text(&json, "parentUuid", i ? parent : NULL);
        json_put_bool(&json, "isSidechain", false);
        put_message(job, &json, c.value, uuid);
        json_put_text(&json, "uuid", uuid);
        put_time(&json, job->now_s - (int64_t)(count - i));
        json_put_text(&json, "cwd", job->work_dir);
        json_put_text(&json, "sessionId", job->uuid);
        json_put_text(&json, "version", "2.1.0");
        json_put_text(&json, "userType", "external");
        json_close_object(&json);
        buf_putc(out, '\n');
        memcpy(parent, uuid, sizeof parent);
    }
}
