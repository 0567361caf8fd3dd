/* worker/cli_codex.c: what `codex app-server` says on its stdout (JSON-RPC without the `jsonrpc` member), and what we say to it.
 *
 *     initialize, thread/start ->  thread.id -> thread/inject_items, turn/start -> deltas, calls -> turn/completed
 *
 * The whole conversation is injected as items and the turn begins with no input of its own: measured exact, also
 * behind results of calls, so there is one way for first requests and for replays.
 *
 * Where an answer ends: `rawResponse/completed` is the end of one answer of its model. When that held calls of the
 * caller's tools the answer ends there; the questions for their results (item/tool/call) come before or after.
 * A repeat of its own behind words that were said would say them twice: then the answer has failed.
 */
#include "worker/cli_codex.h"

#include "json/json_writer.h"

#define REPEATS_MAX 2 /* others may answer meanwhile; it would go on for 25 s */

static struct codex_own *own_of(struct cli_talk *talk)
{
    return talk->own;
}

static struct str text_at(struct json params, const char *name)
{
    return json_string_or_empty(json_get(params, name));
}

/* ---- trouble ------------------------------------------------------------------------------------------ */

// clang-format off
static const struct trouble_row {
    struct str name;
    int status;
    bool is_quota;
} trouble_rows[] = { /* codexErrorInfo, where it is one word */
    {STR_INIT("contextWindowExceeded"), 400, false},
    {STR_INIT("badRequest"),            400, false},
    {STR_INIT("cyberPolicy"),           400, false},
    {STR_INIT("misalignmentPolicyViolation"), 400, false},
    {STR_INIT("unauthorized"),          401, false},
    {STR_INIT("modelNotFound"),         404, false},
    {STR_INIT("usageLimitExceeded"),    429, true},
    {STR_INIT("sessionBudgetExceeded"), 429, true},
    {STR_INIT("rateLimitExceeded"),     429, false},
    {STR_INIT("internalServerError"),   500, false},
    {STR_INIT("serverOverloaded"),      529, false},
    {STR_INIT("policyCapacityUnavailable"), 529, false},
};
// clang-format on

/* {"responseTooManyFailedAttempts":{"httpStatusCode":429}} and the like. */
static int status_within(struct json info)
{
    for (struct json_cursor c = json_each(info); json_next(&c);) {
        int64_t status = json_int64_or(json_get(c.value, "httpStatusCode"), 0);
        if (status >= 400 && status <= 599)
            return (int)status;
    }
    return 502;
}

static void fail_by(struct cli_talk *talk, struct json error)
{
    struct codex_own *own = own_of(talk);
    struct json info = json_get(error, "codexErrorInfo");
    struct str name = json_string_or_empty(info), text = text_at(error, "additionalDetails");
    int status = status_within(info);
    if (text.len == 0)
        text = text_at(error, "message");
    for (size_t i = 0; i < sizeof trouble_rows / sizeof trouble_rows[0]; i++)
        if (str_eq(trouble_rows[i].name, name)) {
            status = trouble_rows[i].status;
            talk->trouble.is_quota = trouble_rows[i].is_quota;
            talk->trouble.resets_at_s = trouble_rows[i].is_quota ? own->full_until_s : 0;
        }
    if (status == 502 && str_find(text, STR("\"invalid_request_error\""), NULL))
        status = 400; /* the upstream's own body, unread */
    if (str_eq(name, STR("contextWindowExceeded")))
        talk_fail(talk, 400, "prompt is too long: %.*s", STR_ARG(str_upto(text, 240)));
    else
        talk_fail(talk, status, "codex: %.*s", STR_ARG(str_upto(text, 260)));
}

static void on_error(struct cli_talk *talk, struct json params)
{
    struct codex_own *own = own_of(talk);
    struct json error = json_get(params, "error");
    bool repeats = false;
    (void)json_bool(json_get(params, "willRetry"), &repeats);
    /* It also tries again what will not get better, and waits for as long as a limit says. */
    bool is_refused = status_within(json_get(error, "codexErrorInfo")) < 500;
    if (repeats && !is_refused && !talk->has_said && own->repeats++ < REPEATS_MAX)
        return;
    fail_by(talk, error);
}

/* ---- what is said --------------------------------------------------------------------------------------- */

static void on_text(struct cli_talk *talk, struct json params)
{
    struct codex_own *own = own_of(talk);
    str_copy(text_at(params, "itemId"), own->text_item, sizeof own->text_item);
    talk_say(talk, PART_TEXT, text_at(params, "itemId"), text_at(params, "delta"));
}

static void on_thought(struct cli_talk *talk, struct json params)
{
    talk_say(talk, PART_THINKING, text_at(params, "itemId"), text_at(params, "delta"));
}

static void on_thought_part(struct cli_talk *talk, struct json params)
{
    if (json_int64_or(json_get(params, "summaryIndex"), 0) > 0)
        talk_say(talk, PART_THINKING, text_at(params, "itemId"), STR("\n\n"));
}

// clang-format off
static const struct work_row {
    struct str type, name;
    const char *member; /* what of it is shown */
} work_rows[] = {
    {STR_INIT("commandExecution"), STR_INIT("command"),    "command"},
    {STR_INIT("fileChange"),       STR_INIT("file change"), "changes"},
    {STR_INIT("mcpToolCall"),      STR_INIT("tool"),       "tool"},
    {STR_INIT("webSearch"),        STR_INIT("web search"), "query"},
};
// clang-format on

static void on_item_started(struct cli_talk *talk, struct json params)
{
    struct json item = json_get(params, "item");
    for (size_t i = 0; i < sizeof work_rows / sizeof work_rows[0]; i++) {
        struct json shown = json_get(item, work_rows[i].member);
        if (!str_eq(text_at(item, "type"), work_rows[i].type))
            continue;
        struct str text = json_string_or_empty(shown);
        talk_activity(talk, work_rows[i].name,
                      text.len ? text : json_raw(talk->json, shown, talk->line));
    }
}

/* Some texts come without deltas. */
static void on_item_completed(struct cli_talk *talk, struct json params)
{
    struct codex_own *own = own_of(talk);
    struct json item = json_get(params, "item");
    struct str id = text_at(item, "id");
    if (str_eq(text_at(item, "type"), STR("agentMessage")) && !str_eq(id, str_of(own->text_item)))
        talk_say(talk, PART_TEXT, id, text_at(item, "text"));
    if (talk->is_open && str_eq(str_of(talk->open_key), id))
        talk_close(talk);
}

/* ---- calls ------------------------------------------------------------------------------------------------ */

static void on_raw_item(struct cli_talk *talk, struct json params)
{
    struct json item = json_get(params, "item");
    struct str name = text_at(item, "name");
    if (own_of(talk)->has_turn && str_eq(text_at(item, "type"), STR("function_call")) &&
        talk_is_callers(talk, name))
        talk_call(talk, text_at(item, "call_id"), name, text_at(item, "arguments"));
}

static void on_raw_end(struct cli_talk *talk, struct json params)
{
    struct json told = json_get(params, "usage");
    struct usage usage = {
        .input_tokens = json_int64_or(json_get(told, "inputTokens"), -1),
        .output_tokens = json_int64_or(json_get(told, "outputTokens"), -1),
        .cached_tokens = json_int64_or(json_get(told, "cachedInputTokens"), -1),
        .cache_write_tokens = json_int64_or(json_get(told, "cacheWriteInputTokens"), -1),
        .reasoning_tokens = json_int64_or(json_get(told, "reasoningOutputTokens"), -1)};
    if (talk->state == TALK_HANDED_OVER) {
        talk_fail(talk, 502, "codex went on without the results of its calls");
        return;
    }
    talk_add_usage(talk, &usage);
    if (!talk_has_calls(talk))
        return;
    talk_close(talk);
    talk->stop = STOP_TOOLS;
    talk_turn(talk, TALK_HANDED_OVER);
}

/* ---- the turn ---------------------------------------------------------------------------------------------- */

static void on_turn_started(struct cli_talk *talk, struct json params)
{
    struct codex_own *own = own_of(talk);
    own->has_turn = true;
    str_copy(text_at(json_get(params, "turn"), "id"), own->turn_id, sizeof own->turn_id);
}

static void on_turn_completed(struct cli_talk *talk, struct json params)
{
    struct json turn = json_get(params, "turn");
    if (str_eq(text_at(turn, "status"), STR("completed")))
        talk_done(talk, STOP_END);
    else if (json_type_of(json_get(turn, "error")) == JSON_OBJECT)
        fail_by(talk, json_get(turn, "error"));
    else
        talk_fail(talk, 502, "codex ended its turn: %.*s", STR_ARG(text_at(turn, "status")));
}

/* Windows of the subscription: the one that is full, and lasts longest, counts. */
static void on_limits(struct cli_talk *talk, struct json params)
{
    static const char *const windows[] = {"primary", "secondary"};
    struct codex_own *own = own_of(talk);
    int64_t until_s = 0;
    for (size_t i = 0; i < 2; i++) {
        struct json window = json_at(params, "rateLimits", windows[i], NULL);
        double used = 0;
        int64_t resets_at_s = json_int64_or(json_get(window, "resetsAt"), 0);
        if (json_double(json_get(window, "usedPercent"), &used) && used >= 100 &&
            resets_at_s > until_s)
            until_s = resets_at_s;
    }
    own->full_until_s = until_s;
}

// clang-format off
static const struct method_row {
    struct str method;
    void (*on_params)(struct cli_talk *talk, struct json params);
} method_rows[] = {
    {STR_INIT("item/agentMessage/delta"),           on_text},
    {STR_INIT("item/reasoning/summaryTextDelta"),   on_thought},
    {STR_INIT("item/reasoning/textDelta"),          on_thought},
    {STR_INIT("item/reasoning/summaryPartAdded"),   on_thought_part},
    {STR_INIT("item/started"),                      on_item_started},
    {STR_INIT("item/completed"),                    on_item_completed},
    {STR_INIT("rawResponseItem/completed"),         on_raw_item},
    {STR_INIT("rawResponse/completed"),             on_raw_end},
    {STR_INIT("turn/started"),                      on_turn_started},
    {STR_INIT("turn/completed"),                    on_turn_completed},
    {STR_INIT("account/rateLimits/updated"),        on_limits},
    {STR_INIT("error"),                             on_error},
}; /* what else it tells is of no use to a caller */
// clang-format on

/* ---- answers to us, and questions ---------------------------------------------------------------------------- */

/* The thread is there: what it is to know, and go. Both lines may wait in its stdin; it takes them in order. */
static void on_thread(struct cli_talk *talk, struct json root)
{
    struct codex_own *own = own_of(talk);
    struct str id = json_string_or_empty(json_at(root, "result", "thread", "id", NULL));
    str_copy(id, own->thread_id, sizeof own->thread_id);
    buf_append_lit(&talk->out,
                   "{\"id\":3,\"method\":\"thread/inject_items\",\"params\":{\"threadId\":");
    json_quote(&talk->out, id);
    buf_append_lit(&talk->out, ",\"items\":");
    buf_append_str(&talk->out, buf_str(&own->items));
    buf_append_lit(&talk->out, "}}\n{\"id\":4,\"method\":\"turn/start\",\"params\":{\"threadId\":");
    json_quote(&talk->out, id);
    buf_append_str(&talk->out, buf_str(&own->turn));
    buf_append_lit(&talk->out, "}}\n");
    buf_release(&own->items);
    buf_release(&own->turn);
}

static void on_answer(struct cli_talk *talk, struct json root, int64_t id)
{
    struct json error = json_get(root, "error");
    struct str text = text_at(error, "message");
    bool is_request_bad = id == 2 || id == 3; /* its terms or its history, which are the caller's */
    if (json_type_of(error) == JSON_OBJECT && id <= 4)
        talk_fail(talk, is_request_bad ? 400 : 502, "codex: %.*s", STR_ARG(str_upto(text, 260)));
    else if (id == 2 && own_of(talk)->thread_id[0] == '\0')
        on_thread(talk, root);
}

static void on_question(struct cli_talk *talk, struct json root, struct str method)
{
    struct str id = json_raw(talk->json, json_get(root, "id"), talk->line);
    if (str_eq(method, STR("item/tool/call"))) {
        talk_asked(talk, text_at(json_get(root, "params"), "callId"), STR(""), id);
        return;
    }
    buf_append_lit(&talk->out, "{\"id\":");
    buf_append_str(&talk->out, id);
    buf_append_lit(&talk->out,
                   ",\"error\":{\"code\":-32601,\"message\":\"nobody is here to ask\"}}\n");
}

static void on_line(struct cli_talk *talk, struct json root)
{
    struct str method = text_at(root, "method");
    if (json_type_of(json_get(root, "id")) != JSON_ABSENT) {
        if (method.len)
            on_question(talk, root, method);
        else
            on_answer(talk, root, json_int64_or(json_get(root, "id"), INT64_MAX));
        return;
    }
    for (size_t i = 0; i < sizeof method_rows / sizeof method_rows[0]; i++)
        if (str_eq(method_rows[i].method, method)) {
            method_rows[i].on_params(talk, json_get(root, "params"));
            return;
        }
}

static void interrupt(struct cli_talk *talk)
{
    struct codex_own *own = own_of(talk);
    if (!own->turn_id[0])
        return;
    buf_append_lit(&talk->out, "{\"id\":5,\"method\":\"turn/interrupt\",\"params\":{\"threadId\":");
    json_quote(&talk->out, str_of(own->thread_id));
    buf_append_lit(&talk->out, ",\"turnId\":");
    json_quote(&talk->out, str_of(own->turn_id));
    buf_append_lit(&talk->out, "}}\n");
}

static void own_release(struct cli_talk *talk)
{
    buf_release(&own_of(talk)->items);
    buf_release(&own_of(talk)->turn);
}

/* ---- results -------------------------------------------------------------------------------------------------- */

static void put_piece(struct json_writer *json, const struct part *part)
{
    bool is_image = part->kind == PART_IMAGE && part->media.source != MEDIA_FILE;
    bool is_hidden = part->kind == PART_DOCUMENT && part->media.source == MEDIA_BASE64;
    json_open_object(json);
    json_put_text(json, "type", is_image ? "inputImage" : "inputText");
    if (is_image) {
        json_put_raw(json, "imageUrl", STR(""));
        media_put_url(json->buf, &part->media);
    } else if (is_hidden) {
        json_put_text(json, "text", "(a document that cannot be shown here)");
    } else {
        json_put_string(json, "text", part->kind == PART_TEXT ? part->text : part->media.data);
    }
    json_close_object(json);
}

/* `success` leaves no trace at its model: an error has to be said. */
static void put_error_mark(struct json_writer *json)
{
    json_open_object(json);
    json_put_text(json, "type", "inputText");
    json_put_text(json, "text", "The call failed:");
    json_close_object(json);
}

static void put_result(struct buf *out, const struct part *result)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_open_object(&json);
    json_open_array(&json, "contentItems");
    if (result->is_error)
        put_error_mark(&json);
    for (const struct part *part = result->inside; part; part = part->next)
        put_piece(&json, part);
    json_close_array(&json);
    json_put_bool(&json, "success", !result->is_error);
    json_close_object(&json);
}

static void put_answer(struct buf *out, const struct talk_call *call)
{
    buf_append_lit(out, "{\"id\":");
    buf_puts(out, call->ask_id);
    buf_append_lit(out, ",\"result\":");
    buf_puts(out, call->result);
    buf_append_lit(out, "}\n");
}

const struct cli_tool codex_tool = {
    .name = "codex",
    .program = "codex",
    .model = "codex",
    .version_flag = "--version",
    .speaks = ENDPOINT_RESPONSES,
    .tool_name_bytes = 110, /* 128, and room for the prefix of a clashing one */
    .takes_tools = true,
    .takes_images = true,
    .shows_reasoning = true,
    .takes_schema = true,
    .own_bytes = sizeof(struct codex_own),
    .rename = codex_rename,
    .start = codex_start,
    .on_line = on_line,
    .interrupt = interrupt,
    .put_result = put_result,
    .put_answer = put_answer,
    .own_release = own_release,
    .probe_args = {"app-server"},
    .probe_input = CODEX_HELLO "{\"id\":2,\"method\":\"account/read\",\"params\":{}}\n",
    .probe_until = "\"id\":2",
    .judge = codex_judge,
};
