/* worker/cli_claude.c: what Claude Code says on its stdout (stream-json), and what we say to it.
 *
 * Its `stream_event` lines are the raw events of its upstream, so they go through the same reader as any messages
 * provider's (wire/messages_answer_read.c), one reader for each message; several messages become one answer.
 *
 * Where an answer ends. The call of a tool reaches us before the model's message is whole, even while it writes the next
 * block; so an answer ends at `message_stop`, and ends in a call when the message held one of the caller's. A tool that
 * nobody has never becomes a call: Claude Code tells its model so and goes on by itself. Own tools likewise.
 *
 * The caller's tools are an MCP server of type `sdk`: its JSON-RPC travels in control lines on stdin and stdout.
 * A message that broke off is stopped by Claude Code itself, without a reason, and then asked for again: what was told
 * cannot be taken back, so the answer has failed, unless nothing was told.
 */
#include "worker/cli_claude.h"

#include "json/json_writer.h"

#define PROTOCOL_VERSION "2025-11-25"
#define PAUSE_MAX_MS     5000

static struct claude_own *own_of(struct cli_talk *talk)
{
    return talk->own;
}

/* ---- the reader of one message --------------------------------------------------------------------- */

static void on_part(void *arg, const struct answer_event *event)
{
    struct cli_talk *talk = arg;
    struct claude_own *own = own_of(talk);
    if (event->kind == ANSWER_STOP) {
        own->stop = event->stop;
        own->has_stop = true;
        return;
    }
    if (event->kind == ANSWER_PART_BEGIN && event->part == PART_TOOL_CALL) {
        own->skips_call = !talk_is_callers(talk, event->name);
        if (!own->skips_call && talk_call_of(talk, event->id))
            own->has_call = own->has_part = true;
    }
    if (event->part != PART_TOOL_CALL || !own->skips_call)
        talk_pass(talk, event);
}

static void drop_reader(struct claude_own *own)
{
    if (!own->reader.own)
        return;
    own->reader.facts->reader_release(&own->reader);
    answer_parts_release(&own->reader.parts);
    mem_free(own->reader.own);
    own->reader = (struct answer_reader){0};
}

/* A part that was begun, and nothing told of it, is ended for whoever hears us. */
static void end_parts(struct claude_own *own)
{
    own->is_message_open = false;
    if (own->reader.own)
        answer_parts_end_all(&own->reader.parts);
}

static bool make_reader(struct cli_talk *talk)
{
    struct claude_own *own = own_of(talk);
    const struct dialect_facts *facts = dialect_facts(ENDPOINT_MESSAGES);
    end_parts(own);
    drop_reader(own);
    own->reader = (struct answer_reader){.facts = facts,
                                         .on_event = on_part,
                                         .arg = talk,
                                         .fidelity = &own->fidelity,
                                         .own = mem_zalloc(1, facts->reader_bytes)};
    if (!own->reader.own) {
        talk_fail(talk, 503, "no memory for an answer");
        return false;
    }
    answer_parts_init(&own->reader.parts, on_part, talk);
    own->stop = STOP_UNKNOWN;
    own->has_call = own->has_stop = own->has_part = false;
    usage_init(&own->usage);
    return true;
}

static void own_release(struct cli_talk *talk)
{
    drop_reader(own_of(talk));
}

/* ---- events of the upstream -------------------------------------------------------------------------- */

static void note(int64_t *tokens, struct json value)
{
    *tokens = json_int64_or(value, *tokens);
}

/* Each says all that is known so far; Anthropic's input_tokens leave the cache out. */
static void note_usage(struct claude_own *own, struct json usage)
{
    int64_t fresh = json_int64_or(json_get(usage, "input_tokens"), -1);
    note(&own->usage.cached_tokens, json_get(usage, "cache_read_input_tokens"));
    note(&own->usage.cache_write_tokens, json_get(usage, "cache_creation_input_tokens"));
    note(&own->usage.output_tokens, json_get(usage, "output_tokens"));
    note(&own->usage.reasoning_tokens,
         json_at(usage, "output_tokens_details", "thinking_tokens", NULL));
    if (fresh >= 0)
        own->fresh_tokens = fresh;
}

static void add_usage(struct cli_talk *talk)
{
    struct claude_own *own = own_of(talk);
    struct usage *usage = &own->usage;
    usage->input_tokens = own->fresh_tokens +
                          (usage->cached_tokens > 0 ? usage->cached_tokens : 0) +
                          (usage->cache_write_tokens > 0 ? usage->cache_write_tokens : 0);
    talk_add_usage(talk, usage);
    own->fresh_tokens = 0;
}

static void on_message_start(struct cli_talk *talk, struct json event)
{
    struct claude_own *own = own_of(talk);
    if (talk->state == TALK_HANDED_OVER)
        talk_fail(talk, 502, "claude went on without the results of its calls");
    if (own->is_message_open && own->has_part)
        talk_fail(talk, 502, "claude's answer broke off in the middle, and it began again");
    if (talk->state != TALK_GOING || !make_reader(talk))
        return;
    own->is_message_open = true;
    own->fresh_tokens = 0;
    note_usage(own, json_at(event, "message", "usage", NULL));
}

static void on_message_stop(struct cli_talk *talk)
{
    struct claude_own *own = own_of(talk);
    own->is_message_open = false;
    add_usage(talk);
    if (!own->has_stop && !own->has_part) /* broken off in silence: its next try will not be seen */
        return;
    if (!own->has_stop) {
        talk_fail(talk, 502, "claude's answer broke off in the middle");
    } else if (own->has_call && talk_has_calls(talk)) {
        talk_close(talk);
        talk->stop = STOP_TOOLS;
        talk_turn(talk, TALK_HANDED_OVER);
    } else if (own->stop != STOP_TOOLS && own->stop != STOP_PAUSE) {
        talk_done(talk, own->stop);
    }
}

static void on_stream_event(struct cli_talk *talk, struct json root)
{
    struct claude_own *own = own_of(talk);
    struct json event = json_get(root, "event");
    struct str type = json_string_or_empty(json_get(event, "type"));
    if (json_type_of(json_get(root, "parent_tool_use_id")) == JSON_STRING)
        return; /* a helper's of its own */
    if (str_eq(type, STR("message_start")))
        on_message_start(talk, event);
    if (!own->is_message_open || talk->state != TALK_GOING)
        return;
    own->has_part = own->has_part || str_eq(type, STR("content_block_delta"));
    own->reader.json = talk->json;
    own->reader.source = talk->line;
    messages_stream_read(&own->reader, &(struct sse_event){.name = type}, event);
    if (own->reader.parts.failed)
        talk_fail(talk, 502, "claude's answer is not to be understood");
    else if (str_eq(type, STR("message_delta")))
        note_usage(own, json_get(event, "usage"));
    else if (str_eq(type, STR("message_stop")))
        on_message_stop(talk);
}

/* Whole blocks, behind their events. Only what its own tools are told is news. */
static void on_assistant(struct cli_talk *talk, struct json root)
{
    struct json content = json_at(root, "message", "content", NULL);
    for (struct json_cursor c = json_each(content); json_next(&c);) {
        struct str name = json_string_or_empty(json_get(c.value, "name"));
        if (str_eq(json_string_or_empty(json_get(c.value, "type")), STR("tool_use")) &&
            !talk_is_callers(talk, name))
            talk_activity(talk, name, json_raw(talk->json, json_get(c.value, "input"), talk->line));
    }
}

/* ---- the end of a turn -------------------------------------------------------------------------------- */

static void on_rate_limit(struct cli_talk *talk, struct json root)
{
    struct json info = json_get(root, "rate_limit_info");
    if (!str_eq(json_string_or_empty(json_get(info, "status")), STR("rejected")))
        return;
    talk->trouble.is_quota = true; /* counts when the turn fails: credits may pay for it */
    talk->trouble.resets_at_s = json_int64_or(json_get(info, "resetsAt"), 0);
}

/* Its own tries. A short pause is its affair; for a long one somebody else may answer. */
static void on_system(struct cli_talk *talk, struct json root)
{
    int64_t delay_ms = json_int64_or(json_get(root, "retry_delay_ms"), 0);
    int64_t status = json_int64_or(json_get(root, "error_status"), 502);
    if (!str_eq(json_string_or_empty(json_get(root, "subtype")), STR("api_retry")) ||
        delay_ms <= PAUSE_MAX_MS)
        return;
    talk->trouble.wait_s = delay_ms / 1000 + 1;
    talk_fail(talk, status >= 400 && status <= 599 ? (int)status : 502,
              "claude: its provider wants it to wait %lld s (%lld)", (long long)delay_ms / 1000,
              (long long)status);
}

static struct str sentence_of(struct json root)
{
    struct str text = json_string_or_empty(json_get(root, "result"));
    for (struct json_cursor c = json_each(json_get(root, "errors")); !text.len && json_next(&c);)
        text = json_string_or_empty(c.value);
    return str_upto(text.len ? text : json_string_or_empty(json_get(root, "subtype")), 240);
}

/* Its words say `success` also for a turn that failed: is_error and the status count. */
static void on_failed_result(struct cli_talk *talk, struct json root)
{
    struct str subtype = json_string_or_empty(json_get(root, "subtype"));
    struct str reason = json_string_or_empty(json_get(root, "terminal_reason"));
    struct str text = sentence_of(root);
    int64_t status = json_int64_or(json_get(root, "api_error_status"), 502);
    bool is_capped =
        str_eq(subtype, STR("error_max_turns")) || str_eq(subtype, STR("error_max_budget_usd"));
    if (status < 400 || status > 599)
        status = 502;
    if (talk->trouble.is_quota)
        status = 429;
    if (is_capped && talk->has_said)
        talk_done(talk, STOP_LENGTH);
    else if (is_capped)
        talk_fail(talk, 502, "claude reached the worker's cap before it said anything (%.*s)",
                  STR_ARG(subtype));
    else if (str_eq(reason, STR("prompt_too_long")))
        talk_fail(talk, 400, "prompt is too long: %.*s", STR_ARG(text));
    else
        talk_fail(talk, (int)status, "claude: %.*s", STR_ARG(text));
}

static void on_result(struct cli_talk *talk, struct json root)
{
    struct claude_own *own = own_of(talk);
    bool is_error = true;
    if (own->is_message_open && own->has_part)
        talk_fail(talk, 502, "claude's answer broke off in the middle");
    end_parts(own);
    bool is_good = json_bool(json_get(root, "is_error"), &is_error) && !is_error &&
                   str_eq(json_string_or_empty(json_get(root, "subtype")), STR("success"));
    if (!is_good) {
        on_failed_result(talk, root);
        return;
    }
    if (!talk->has_said) /* said by itself, without its model: what a command of its own prints */
        talk_say(talk, PART_TEXT, STR("result"), json_string_or_empty(json_get(root, "result")));
    talk_done(talk, STOP_END);
}

/* ---- the caller's tools: MCP over control lines --------------------------------------------------------- */

static void open_reply(struct buf *out, struct str request_id)
{
    buf_append_lit(out, "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\","
                        "\"request_id\":");
    buf_append_str(out, request_id);
    buf_append_lit(out, ",\"response\":{\"mcp_response\":{\"jsonrpc\":\"2.0\",\"id\":");
}

static void reply(struct cli_talk *talk, struct str request_id, struct str rpc_id,
                  struct str result)
{
    open_reply(&talk->out, request_id);
    buf_append_str(&talk->out, rpc_id.len ? rpc_id : STR("0")); /* a notification has none */
    buf_append_lit(&talk->out, ",\"result\":");
    buf_append_str(&talk->out, result);
    buf_append_lit(&talk->out, "}}}}\n");
}

static void put_answer(struct buf *out, const struct talk_call *call)
{
    open_reply(out, str_of(call->ask));
    buf_puts(out, call->ask_id);
    buf_append_lit(out, ",\"result\":");
    buf_puts(out, call->result);
    buf_append_lit(out, "}}}}\n");
}

static void on_mcp(struct cli_talk *talk, struct str request_id, struct json message)
{
    struct claude_own *own = own_of(talk);
    struct str method = json_string_or_empty(json_get(message, "method"));
    struct str rpc_id = json_raw(talk->json, json_get(message, "id"), talk->line);
    if (str_eq(method, STR("tools/call")))
        talk_asked(
            talk,
            json_string_or_empty(json_at(message, "params", "_meta", "claudecode/toolUseId", NULL)),
            request_id, rpc_id);
    else if (str_eq(method, STR("tools/list")))
        reply(talk, request_id, rpc_id, own->tools);
    else if (str_eq(method, STR("initialize")))
        reply(talk, request_id, rpc_id,
              STR("{\"protocolVersion\":\"" PROTOCOL_VERSION "\",\"capabilities\":{\"tools\":{}},"
                  "\"serverInfo\":{\"name\":\"caller\",\"version\":\"1\"}}"));
    else
        reply(talk, request_id, rpc_id, STR("{}"));
}

static void on_control(struct cli_talk *talk, struct json root)
{
    struct json request = json_get(root, "request");
    struct str request_id = json_raw(talk->json, json_get(root, "request_id"), talk->line);
    if (request_id.len == 0)
        return;
    if (str_eq(json_string_or_empty(json_get(request, "subtype")), STR("mcp_message"))) {
        on_mcp(talk, request_id, json_get(request, "message"));
        return;
    }
    buf_append_lit(&talk->out, "{\"type\":\"control_response\",\"response\":{\"subtype\":\"error\","
                               "\"request_id\":");
    buf_append_str(&talk->out, request_id);
    buf_append_lit(&talk->out, ",\"error\":\"nobody is here to ask\"}}\n");
}

/* ---- lines ----------------------------------------------------------------------------------------------- */

// clang-format off
static const struct line_row {
    struct str type;
    void (*on_line)(struct cli_talk *talk, struct json root);
} line_rows[] = {
    {STR_INIT("stream_event"),     on_stream_event},
    {STR_INIT("assistant"),        on_assistant},
    {STR_INIT("control_request"),  on_control},
    {STR_INIT("rate_limit_event"), on_rate_limit},
    {STR_INIT("system"),           on_system},
    {STR_INIT("result"),           on_result},
}; /* user, control_response and unknown ones say nothing to the caller */
// clang-format on

static void on_line(struct cli_talk *talk, struct json root)
{
    struct str type = json_string_or_empty(json_get(root, "type"));
    for (size_t i = 0; i < sizeof line_rows / sizeof line_rows[0]; i++)
        if (str_eq(line_rows[i].type, type)) {
            line_rows[i].on_line(talk, root);
            return;
        }
}

static void interrupt(struct cli_talk *talk)
{
    buf_append_lit(&talk->out, "{\"type\":\"control_request\",\"request_id\":\"stop\","
                               "\"request\":{\"subtype\":\"interrupt\"}}\n");
}

/* ---- results, and what is said with them -------------------------------------------------------------------- */

/* Its MCP results carry text and images; a document in base64 would end as a file that its model cannot open. */
static struct str text_of(const struct part *part)
{
    if (part->kind == PART_TEXT)
        return part->text;
    return part->media.source == MEDIA_BASE64 ? STR("(a document that cannot be shown here)")
                                              : part->media.data;
}

static void put_piece(struct json_writer *json, const struct part *part)
{
    bool is_image = part->kind == PART_IMAGE && part->media.source == MEDIA_BASE64;
    json_open_object(json);
    json_put_text(json, "type", is_image ? "image" : "text");
    if (is_image) {
        json_put_string(json, "data", part->media.data);
        json_put_string(json, "mimeType", part->media.type);
    } else {
        json_put_string(json, "text", text_of(part));
    }
    json_close_object(json);
}

static void put_result(struct buf *out, const struct part *result)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_open_object(&json);
    json_open_array(&json, "content");
    for (const struct part *part = result->inside; part; part = part->next)
        put_piece(&json, part);
    json_close_array(&json);
    if (result->is_error)
        json_put_bool(&json, "isError", true);
    json_close_object(&json);
}

static void put_more(struct buf *out, const struct turn *news)
{
    struct json_writer json;
    claude_open_user(&json, out);
    for (const struct turn *turn = news; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind != PART_TOOL_RESULT)
                claude_put_part(&json, part);
    claude_close_user(&json);
}

const struct cli_tool claude_tool = {
    .name = "claude",
    .program = "claude",
    .model = "claude",
    .version_flag = "--version",
    .speaks = ENDPOINT_MESSAGES,
    .tool_name_bytes = 115, /* 128 with mcp__caller__ */
    .takes_tools = true,
    .takes_images = true,
    .shows_reasoning = true,
    .takes_more = true,
    .own_bytes = sizeof(struct claude_own),
    .start = claude_start,
    .on_line = on_line,
    .interrupt = interrupt,
    .put_result = put_result,
    .put_answer = put_answer,
    .put_more = put_more,
    .own_release = own_release,
    .probe_args = {"auth", "status"},
    .judge = claude_judge,
};
