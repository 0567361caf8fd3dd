/* Claude Code's lines, as it says them (CLIENTS.md 4, 12), and what they mean. */
#include "tests/unit/worker/cli_stage.h"

#include "tests/test.h"

// clang-format off
#define ASK                                                                                     \
    "{\"model\":\"m\",\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOLS                                                                                   \
    ",\"tools\":[{\"name\":\"weather\",\"input_schema\":{\"type\":\"object\"}},"                \
    "{\"name\":\"clock\",\"input_schema\":{\"type\":\"object\"}}]"
#define EVENT(json)  "{\"type\":\"stream_event\",\"session_id\":\"s\",\"event\":" json ",\"parent_tool_use_id\":null}"
#define START        EVENT("{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"cache_creation_input_tokens\":2,\"output_tokens\":1}}}")
#define TEXT_BLOCK(i) EVENT("{\"type\":\"content_block_start\",\"index\":" i ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}")
#define TEXT(i, t)   EVENT("{\"type\":\"content_block_delta\",\"index\":" i ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" t "\"}}")
#define CALL(i, id, name) EVENT("{\"type\":\"content_block_start\",\"index\":" i ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}}}")
#define INPUT(i, t)  EVENT("{\"type\":\"content_block_delta\",\"index\":" i ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" t "\"}}")
#define BLOCK_STOP(i) EVENT("{\"type\":\"content_block_stop\",\"index\":" i "}")
#define REASON(r)    EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" r "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":7}}")
#define STOP         EVENT("{\"type\":\"message_stop\"}")
#define ASKS(n, id)  "{\"type\":\"control_request\",\"request_id\":\"r" n "\",\"request\":{\"subtype\":\"mcp_message\",\"server_name\":\"caller\",\"message\":{\"method\":\"tools/call\",\"params\":{\"name\":\"weather\",\"arguments\":{},\"_meta\":{\"claudecode/toolUseId\":\"" id "\",\"progressToken\":2}},\"jsonrpc\":\"2.0\",\"id\":" n "}}}"
#define GOOD         "{\"duration_ms\":1,\"is_error\":false,\"subtype\":\"success\",\"result\":\"x\",\"type\":\"result\"}"
#define BAD(more)    "{\"is_error\":true,\"subtype\":\"success\"," more ",\"type\":\"result\"}"
#define RESULT(id, t) "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"" t "\"}"
#define AGAIN(results)                                                                          \
    "{\"model\":\"m\",\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"  \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"weather\",\"input\":{}},{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"clock\",\"input\":{}}]}," \
    "{\"role\":\"user\",\"content\":[" results "]}]" TOOLS "}"

static const struct story {
    const char *name, *body, *lines[24], *told, *state;
    int status;
} stories[] = {
    {"a text", ASK "}", {START, TEXT_BLOCK("0"), TEXT("0", "Hello "), TEXT("0", "there."), BLOCK_STOP("0"), REASON("end_turn"), STOP},
     "text(Hello )text(there.)", "done", 0},
    {"a line that is no JSON, and unknown ones, mean nothing", ASK "}",
     {"Warning: oh", "[]", "{\"type\":\"new_thing\"}", "{\"type\":\"system\",\"subtype\":\"init\"}", START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), REASON("end_turn"), STOP},
     "text(a)", "done", 0},
    {"a helper's events are not the answer's", ASK "}",
     {"{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\"},\"parent_tool_use_id\":\"toolu_9\"}", START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), REASON("end_turn"), STOP},
     "text(a)", "done", 0},
    {"a call of the caller's ends the answer at message_stop, not before", ASK TOOLS "}",
     {START, CALL("0", "toolu_1", "weather"), INPUT("0", "{\\\"a\\\":1}"), BLOCK_STOP("0"), ASKS("2", "toolu_1"), REASON("tool_use")},
     "call(toolu_1 weather {\"a\":1})", "going", 0},
    {"... and there it does", ASK TOOLS "}",
     {START, CALL("0", "toolu_1", "weather"), INPUT("0", "{\\\"a\\\":1}"), BLOCK_STOP("0"), ASKS("2", "toolu_1"), REASON("tool_use"), STOP},
     "call(toolu_1 weather {\"a\":1})", "handed over", 0},
    {"a tool that nobody has does not end it, and is not shown", ASK TOOLS "}",
     {START, CALL("0", "toolu_1", "nobody"), INPUT("0", "{}"), BLOCK_STOP("0"), REASON("tool_use"), STOP,
      START, TEXT_BLOCK("0"), TEXT("0", "alone"), BLOCK_STOP("0"), REASON("end_turn"), STOP},
     "text(alone)", "done", 0},
    {"one of each: the caller's ends it", ASK TOOLS "}",
     {START, CALL("0", "toolu_1", "nobody"), INPUT("0", "{}"), BLOCK_STOP("0"), CALL("1", "toolu_2", "clock"), BLOCK_STOP("1"), REASON("tool_use"), STOP},
     "call(toolu_2 clock )", "handed over", 0},
    {"the limit of tokens ends it", ASK "}", {START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), REASON("max_tokens"), STOP}, "text(a)", "done", 0},
    {"thinking that nobody asked for is not told", ASK "}",
     {START, EVENT("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}"),
      EVENT("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}"), BLOCK_STOP("0"),
      TEXT_BLOCK("1"), TEXT("1", "a"), BLOCK_STOP("1"), REASON("end_turn"), STOP},
     "text(a)", "done", 0},
    {"what an own tool does is thinking, for who wants to see it", ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{\"command\":\"ls\"}}]}}"},
     "think([Bash] {\"command\":\"ls\"}\n)", "going", 0},
    {"a message that broke off in the middle: Claude Code stops it itself, without a reason", ASK "}",
     {START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), STOP}, "text(a)", "failed", 502},
    {"one that broke off in silence is asked for again, unseen", ASK "}",
     {START, STOP, START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), REASON("end_turn"), STOP}, "text(a)", "done", 0},
    {"... also when a block had begun", ASK "}",
     {START, TEXT_BLOCK("0"), START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), REASON("end_turn"), STOP}, "text(a)", "done", 0},
    {"a block that begins twice is nobody's", ASK "}", {START, TEXT_BLOCK("0"), TEXT_BLOCK("0"), TEXT("0", "a")}, "", "failed", 502},
    {"a result in the middle of a message", ASK "}", {START, TEXT_BLOCK("0"), TEXT("0", "a"), GOOD}, "text(a)", "failed", 502},
    {"one that begins twice is not told twice", ASK "}", {START, TEXT_BLOCK("0"), TEXT("0", "a"), START}, "text(a)", "failed", 502},
    {"`success` that failed", ASK "}", {BAD("\"api_error_status\":529,\"result\":\"API Error: Overloaded\"")}, "", "failed", 529},
    {"no status: a bad gateway", ASK "}", {BAD("\"api_error_status\":null,\"result\":\"API Error\"")}, "", "failed", 502},
    {"too long a prompt is the caller's", ASK "}", {BAD("\"api_error_status\":400,\"terminal_reason\":\"prompt_too_long\",\"result\":\"Prompt is too long\"")}, "", "failed", 400},
    {"a cap before anything was said", ASK "}", {"{\"type\":\"result\",\"is_error\":true,\"subtype\":\"error_max_turns\",\"errors\":[\"Reached\"]}"}, "", "failed", 502},
    {"a cap behind words cuts the answer", ASK "}", {START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), REASON("tool_use"), STOP, "{\"type\":\"result\",\"is_error\":true,\"subtype\":\"error_max_turns\"}"}, "text(a)", "done", 0},
    {"a used up window", ASK "}",
     {"{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1700003600,\"rateLimitType\":\"five_hour\"}}", BAD("\"api_error_status\":null,\"result\":\"You've hit your limit\"")},
     "", "failed", 429},
    {"a long pause of its own is not waited for", ASK "}", {"{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":1,\"retry_delay_ms\":60000,\"error_status\":429}"}, "", "failed", 429},
    {"a short one is", ASK "}", {"{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":1,\"retry_delay_ms\":600,\"error_status\":529}"}, "", "going", 0},
    {"a result without a model's words", ASK "}", {GOOD}, "text(x)", "done", 0},
    {"... also behind a message that had only begun", ASK "}", {START, GOOD}, "text(x)", "done", 0},
    {"a pause goes on by itself", ASK "}",
     {START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"), REASON("pause_turn"), STOP}, "text(a)", "going", 0},
    {"a window that is not used up yet", ASK "}", {"{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"allowed_warning\",\"resetsAt\":1}}", BAD("\"result\":\"x\"")}, "", "failed", 502},
    {"a long pause for no status at all", ASK "}", {"{\"type\":\"system\",\"subtype\":\"api_retry\",\"retry_delay_ms\":60000,\"error_status\":0}"}, "", "failed", 502},
    {"... or for one that is none", ASK "}", {"{\"type\":\"system\",\"subtype\":\"api_retry\",\"retry_delay_ms\":60000,\"error_status\":700}"}, "", "failed", 502},
    {"a cap on money before anything was said", ASK "}", {"{\"type\":\"result\",\"is_error\":true,\"subtype\":\"error_max_budget_usd\"}"}, "", "failed", 502},
    {"a failure with the status of a success", ASK "}", {BAD("\"api_error_status\":200,\"result\":\"x\"")}, "", "failed", 502},
    {"... and with one that is none", ASK "}", {BAD("\"api_error_status\":700,\"result\":\"x\"")}, "", "failed", 502},
    {"a result that does not say how it went", ASK "}", {"{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"x\"}"}, "", "failed", 502},
    {"one that is no error, and no success", ASK "}", {"{\"type\":\"result\",\"is_error\":false,\"subtype\":\"new\",\"result\":\"x\"}"}, "", "failed", 502},
    {"a question without an id cannot be answered", ASK "}", {"{\"type\":\"control_request\",\"request\":{\"subtype\":\"can_use_tool\"}}"}, "", "going", 0},
    {"sealed thinking that nobody asked for", ASK "}",
     {START, EVENT("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"AAAA\"}}"), BLOCK_STOP("0"),
      TEXT_BLOCK("1"), TEXT("1", "a"), BLOCK_STOP("1"), REASON("end_turn"), STOP}, "text(a)", "done", 0},
    {"a source for what is said", ASK "}",
     {START, TEXT_BLOCK("0"), TEXT("0", "a"), EVENT("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"type\":\"web_search_result_location\",\"url\":\"http://x\",\"title\":\"x\",\"cited_text\":\"a\"}}}"),
      BLOCK_STOP("0"), REASON("end_turn"), STOP}, "text(a)", "done", 0},
    {"an own tool at work in the middle of words waits for nobody", ASK ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}",
     {START, TEXT_BLOCK("0"), TEXT("0", "a"), "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"name\":\"Bash\",\"input\":{}}]}}",
      TEXT("0", "b"), BLOCK_STOP("0"), REASON("end_turn"), STOP}, "text(a)text(b)", "done", 0},
    {"a call that is asked for twice is answered once", ASK TOOLS "}",
     {START, CALL("0", "toolu_1", "weather"), BLOCK_STOP("0"), ASKS("2", "toolu_1"), ASKS("3", "toolu_1"), REASON("tool_use"), STOP}, "call(toolu_1 weather )", "handed over", 0},
};

// clang-format on

static void lines_mean_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct error error = {0};
        struct stage stage;
        CHECK_INT(story->name, stage_open(&stage, &claude_tool, story->body, NULL, &error), OK);
        stage_say(&stage, story->lines);
        CHECK_STR(story->name, stage_told(&stage), story->told);
        CHECK_STR(story->name, stage_state(&stage), story->state);
        CHECK_INT(story->name, stage.talk.trouble.status, story->status);
        stage_close(&stage);
    }
}

static void usage_is_of_the_whole_answer(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK "}", NULL, &error), OK);
    stage_say(&stage,
              (const char *[]){START, TEXT_BLOCK("0"), TEXT("0", "a"), BLOCK_STOP("0"),
                               REASON("tool_use"), STOP, START, TEXT_BLOCK("0"), TEXT("0", "b"),
                               BLOCK_STOP("0"), REASON("end_turn"), STOP, NULL});
    CHECK_INT("input with what the cache gave, of both messages", stage.talk.usage.input_tokens,
              34);
    CHECK_INT("cached", stage.talk.usage.cached_tokens, 10);
    CHECK_INT("output: the last word of each", stage.talk.usage.output_tokens, 14);
    stage_close(&stage);
}

static void a_used_up_window_says_until_when(void **state)
{
    static const char window[] =
        "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1700003600}}";
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK "}", NULL, &error), OK);
    stage_say(
        &stage,
        (const char *[]){
            window, BAD("\"api_error_status\":null,\"result\":\"You've hit your limit\""), NULL});
    CHECK("quota", stage.talk.trouble.is_quota);
    CHECK_INT("until", stage.talk.trouble.resets_at_s, 1700003600);
    stage_close(&stage);
}

static void its_questions_are_answered(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
    const char *hello = stage_written(&stage, &room);
    CHECK("the server inside is announced", strstr(hello, "\"sdkMcpServers\":[\"caller\"]"));
    CHECK(
        "then the words",
        strstr(
            hello,
            "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}}\n"));
    talk_line(
        &stage.talk,
        STR("{\"type\":\"control_request\",\"request_id\":\"q\",\"request\":{\"subtype\":\"mcp_message\",\"message\":{\"method\":\"tools/list\",\"jsonrpc\":\"2.0\",\"id\":1}}}"));
    const char *list = stage_written(&stage, &room);
    CHECK(
        "read-only, so that calls come together",
        strstr(
            list,
            "\"name\":\"weather\",\"description\":\"\",\"inputSchema\":{\"type\":\"object\"},\"annotations\":{\"readOnlyHint\":true},\"_meta\":{\"anthropic/maxResultSizeChars\":500000}"));
    talk_line(
        &stage.talk,
        STR("{\"type\":\"control_request\",\"request_id\":\"q\",\"request\":{\"subtype\":\"mcp_message\",\"message\":{\"method\":\"notifications/initialized\",\"jsonrpc\":\"2.0\"}}}"));
    CHECK_STR(
        "a notification too", stage_written(&stage, &room),
        "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":\"q\",\"response\":{\"mcp_response\":{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}}}}\n");
    talk_line(
        &stage.talk,
        STR("{\"type\":\"control_request\",\"request_id\":\"q\",\"request\":{\"subtype\":\"can_use_tool\",\"tool_name\":\"Bash\"}}"));
    CHECK("nobody allows anything", strstr(stage_written(&stage, &room), "\"subtype\":\"error\""));
    stage_close(&stage);
}

#define TWO_CALLS                                                                  \
    START, CALL("0", "toolu_1", "weather"), BLOCK_STOP("0"), ASKS("2", "toolu_1"), \
        CALL("1", "toolu_2", "clock"), BLOCK_STOP("1")

static void results_go_to_the_calls_that_asked(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
    stage_say(&stage, (const char *[]){TWO_CALLS, REASON("tool_use"), STOP, NULL});
    (void)stage_written(&stage, &room);
    CHECK("one result of two is not enough",
          !stage_results(&stage, AGAIN(RESULT("toolu_1", "sunny"))));
    CHECK("nor is one of another call",
          !stage_results(&stage, AGAIN(RESULT("toolu_1", "sunny") "," RESULT("toolu_3", "noon"))));
    CHECK_STR("and nothing was written", stage_written(&stage, &room), "");
    CHECK("both are",
          stage_results(&stage, AGAIN(RESULT("toolu_1", "sunny") "," RESULT("toolu_2", "noon"))));
    CHECK_STR(
        "the one that has asked is answered", stage_written(&stage, &room),
        "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":\"r2\",\"response\":{\"mcp_response\":{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"sunny\"}]}}}}}\n");
    talk_line(&stage.talk, STR(ASKS("3", "toolu_2")));
    CHECK("the other when it asks", strstr(stage_written(&stage, &room), "\"request_id\":\"r3\"") &&
                                        strstr(room.data, "noon"));
    stage_say(&stage, (const char *[]){START, TEXT_BLOCK("0"), TEXT("0", "b"), BLOCK_STOP("0"),
                                       REASON("end_turn"), STOP, NULL});
    CHECK_STR("and it goes on", stage_state(&stage), "done");
    CHECK_INT("usage is of this answer alone", stage.talk.usage.output_tokens, 7);
    stage_close(&stage);
}

static void the_same_ids_may_come_again(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
    for (int i = 0; i < 2; i++) {
        stage_say(&stage, (const char *[]){START, CALL("0", "toolu_1", "weather"), BLOCK_STOP("0"),
                                           ASKS("2", "toolu_1"), REASON("tool_use"), STOP, NULL});
        CHECK_STR("a call like the one before", stage_state(&stage), "handed over");
        (void)stage_written(&stage, &room);
        CHECK(
            "its result",
            stage_results(
                &stage,
                "{\"model\":\"m\",\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"weather\",\"input\":{}}]},{\"role\":\"user\",\"content\":[" RESULT(
                    "toolu_1", "sunny") "]}]" TOOLS "}"));
        CHECK("is given", strstr(stage_written(&stage, &room), "sunny"));
    }
    stage_close(&stage);
}

static void words_that_come_with_results_go_along(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
    stage_say(&stage, (const char *[]){TWO_CALLS, REASON("tool_use"), STOP, NULL});
    (void)stage_written(&stage, &room);
    CHECK("taken",
          stage_results(&stage, AGAIN(RESULT("toolu_1", "sunny") "," RESULT(
                                    "toolu_2", "noon") ",{\"type\":\"text\",\"text\":\"/cost\"}")));
    CHECK(
        "as words, before the results",
        str_starts(
            str_of(stage_written(&stage, &room)),
            STR("{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\" /cost\"}]}}\n{\"type\":\"control_response\"")));
    stage_close(&stage);
}

/* The call that has its result and has not asked for it stays, beside the next one. */
static void results_of_two_rounds_are_kept_apart(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
    CHECK("it does not wait yet", !stage_results(&stage, AGAIN(RESULT("toolu_1", "sunny"))));
    stage_say(&stage, (const char *[]){TWO_CALLS, REASON("tool_use"), STOP, NULL});
    CHECK("a result too many",
          !stage_results(&stage, AGAIN(RESULT("toolu_1", "a") "," RESULT("toolu_2", "b") "," RESULT(
                                     "toolu_3", "c"))));
    CHECK("both", stage_results(&stage, AGAIN("{\"type\":\"text\",\"text\":\"so:\"}," RESULT(
                                            "toolu_1", "sunny") "," RESULT("toolu_2", "noon"))));
    stage_say(&stage, (const char *[]){START, CALL("0", "toolu_3", "weather"), BLOCK_STOP("0"),
                                       ASKS("4", "toolu_3"), REASON("tool_use"), STOP, NULL});
    CHECK_STR("another call", stage_state(&stage), "handed over");
    (void)stage_written(&stage, &room);
    CHECK("one that has its result wants no other",
          !stage_results(&stage, AGAIN(RESULT("toolu_2", "late") "," RESULT("toolu_3", "x"))));
    CHECK("its own", stage_results(&stage, AGAIN(RESULT("toolu_3", "rainy"))));
    CHECK("is given", strstr(stage_written(&stage, &room), "rainy"));
    talk_line(&stage.talk, STR(ASKS("3", "toolu_2")));
    CHECK("and the old one when it is asked for", strstr(stage_written(&stage, &room), "noon"));
    stage_close(&stage);
}

static void results_may_be_images_documents_and_errors(void **state)
{
    static const struct {
        const char *name, *result, *written;
    } rows[] = {
        {"an image",
         "\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}}]",
         "{\"type\":\"image\",\"data\":\"AAAA\",\"mimeType\":\"image/png\"}"},
        {"one elsewhere",
         "\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a.png\"}}]",
         "{\"type\":\"text\",\"text\":\"https://x/a.png\"}"},
        {"a document",
         "\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"AAAA\"}}]",
         "(a document that cannot be shown here)"},
        {"an error", "\"is_error\":true,\"content\":\"no\"", "\"isError\":true"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error error = {0};
        struct stage stage;
        char body[1024];
        AUTO_BUF struct buf room;
        buf_init(&room, 1u << 20);
        CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
        stage_say(&stage, (const char *[]){START, CALL("0", "toolu_1", "weather"), BLOCK_STOP("0"),
                                           ASKS("2", "toolu_1"), REASON("tool_use"), STOP, NULL});
        (void)stage_written(&stage, &room);
        (void)snprintf(body, sizeof body,
                       AGAIN("{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",%s}"),
                       rows[i].result);
        CHECK(rows[i].name, stage_results(&stage, body));
        CHECK(rows[i].name, strstr(stage_written(&stage, &room), rows[i].written));
        stage_close(&stage);
    }
}

static void so_many_calls_at_once_are_no_answer(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    char line[400];
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
    talk_line(&stage.talk, STR(START));
    for (int i = 0; i <= TALK_CALLS_MAX; i++) {
        CHECK_STR("so far", stage_state(&stage), "going");
        (void)snprintf(line, sizeof line, CALL("%d", "toolu_%d", "weather"), i, i);
        talk_line(&stage.talk, str_of(line));
        (void)snprintf(line, sizeof line, BLOCK_STOP("%d"), i);
        talk_line(&stage.talk, str_of(line));
    }
    CHECK_STR("and no more", stage_state(&stage), "failed");
    talk_line(&stage.talk, STR(ASKS("9", "toolu_999")));
    CHECK_INT("status", stage.talk.trouble.status, 502);
    stage_close(&stage);
}

static void one_that_goes_on_by_itself_is_given_up(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK TOOLS "}", NULL, &error), OK);
    stage_say(&stage, (const char *[]){TWO_CALLS, REASON("tool_use"), STOP, START, NULL});
    CHECK_STR("failed", stage_state(&stage), "failed");
    stage_close(&stage);
}

static void an_end_without_an_answer_says_why(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT("open", stage_open(&stage, &claude_tool, ASK "}", NULL, &error), OK);
    talk_ended(&stage.talk, 1, STR("noise\nNo conversation found with session ID: x\n\n"));
    CHECK_STR(
        "sentence", stage.talk.trouble.sentence,
        "claude ended (status 1) before its answer was whole: No conversation found with session ID: x");
    CHECK_INT("status", stage.talk.trouble.status, 502);
    stage_close(&stage);
}

TEST_MAIN(TEST(lines_mean_what_they_say), TEST(usage_is_of_the_whole_answer),
          TEST(a_used_up_window_says_until_when), TEST(its_questions_are_answered),
          TEST(results_go_to_the_calls_that_asked), TEST(the_same_ids_may_come_again),
          TEST(results_of_two_rounds_are_kept_apart),
          TEST(results_may_be_images_documents_and_errors),
          TEST(so_many_calls_at_once_are_no_answer), TEST(words_that_come_with_results_go_along),
          TEST(one_that_goes_on_by_itself_is_given_up), TEST(an_end_without_an_answer_says_why))
