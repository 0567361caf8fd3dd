/* Lines of `codex app-server`, as it says them (CLIENTS.md 6, 12), and what they mean. */
#include "tests/unit/worker/cli_stage.h"

#include "tests/test.h"

#define ASK \
    "{\"model\":\"m\",\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOLS \
    ",\"tools\":[{\"name\":\"weather\",\"input_schema\":{\"type\":\"object\"}},{\"name\":\"exec_command\",\"input_schema\":{\"type\":\"object\"}}]"
#define THREAD "{\"id\":2,\"result\":{\"thread\":{\"id\":\"th_1\"}}}"
#define SAYS(m, p) \
    "{\"method\":\"" m "\",\"params\":{\"threadId\":\"th_1\",\"turnId\":\"tu_1\"," p "}}"
#define TURN     SAYS("turn/started", "\"turn\":{\"id\":\"tu_1\"}")
#define DELTA(t) SAYS("item/agentMessage/delta", "\"itemId\":\"msg_1\",\"delta\":\"" t "\"")
#define THOUGHT(t) \
    SAYS("item/reasoning/summaryTextDelta", "\"itemId\":\"rs_1\",\"delta\":\"" t "\"")
#define ITEM(i) SAYS("item/completed", "\"item\":" i)
#define CALL(id, n)                                           \
    SAYS("rawResponseItem/completed",                         \
         "\"item\":{\"type\":\"function_call\",\"name\":\"" n \
         "\",\"arguments\":\"{\\\"a\\\":1}\",\"call_id\":\"" id "\"}")
#define RAW_END                  \
    SAYS(                        \
        "rawResponse/completed", \
        "\"responseId\":\"r\",\"usage\":{\"inputTokens\":20,\"cachedInputTokens\":4,\"outputTokens\":3,\"reasoningOutputTokens\":1}")
#define ASKS(n, id)                                                            \
    "{\"method\":\"item/tool/call\",\"id\":" n ",\"params\":{\"callId\":\"" id \
    "\",\"tool\":\"weather\",\"arguments\":{}}}"
#define DONE \
    SAYS("turn/completed", "\"turn\":{\"id\":\"tu_1\",\"status\":\"completed\",\"error\":null}")
#define ERROR(retry, info, text)                                           \
    SAYS("error", "\"willRetry\":" retry ",\"error\":{\"message\":\"" text \
                  "\",\"codexErrorInfo\":" info ",\"additionalDetails\":null}")
#define AGAIN(results)                                                                                                          \
    "{\"model\":\"m\",\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"                                  \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_call_1\",\"name\":\"weather\",\"input\":{}}]}," \
    "{\"role\":\"user\",\"content\":[" results "]}]" TOOLS "}"

static const struct story {
    const char *name, *body, *lines[16], *told, *state;
    int status;
} stories[] = {
    {"a text in pieces",
     ASK "}",
     {THREAD, TURN, DELTA("Hello "), DELTA("there."),
      ITEM("{\"type\":\"agentMessage\",\"id\":\"msg_1\",\"text\":\"Hello there.\"}"), RAW_END,
      DONE},
     "text(Hello )text(there.)",
     "done",
     0},
    {"a text that comes whole",
     ASK "}",
     {THREAD, TURN, ITEM("{\"type\":\"agentMessage\",\"id\":\"msg_1\",\"text\":\"Hello.\"}"),
      RAW_END, DONE},
     "text(Hello.)",
     "done",
     0},
    {"thinking, for who asked",
     ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {THREAD, TURN, THOUGHT("hm"), DELTA("a"), RAW_END, DONE},
     "think(hm)text(a)",
     "done",
     0},
    {"... and for nobody else",
     ASK "}",
     {THREAD, TURN, THOUGHT("hm"), DELTA("a"), RAW_END, DONE},
     "text(a)",
     "done",
     0},
    {"the echo of the history is no call",
     ASK TOOLS "}",
     {THREAD, CALL("call_0", "weather"), TURN},
     "",
     "going",
     0},
    {"a call ends the answer at the end of the model's",
     ASK TOOLS "}",
     {THREAD, TURN, DELTA("a"), CALL("call_1", "weather"), RAW_END},
     "text(a)call(call_1 weather {\"a\":1})",
     "handed over",
     0},
    {"... also when it was asked for before",
     ASK TOOLS "}",
     {THREAD, TURN, CALL("call_1", "weather"), ASKS("0", "call_1"), RAW_END},
     "call(call_1 weather {\"a\":1})",
     "handed over",
     0},
    {"a tool that nobody has does not",
     ASK TOOLS "}",
     {THREAD, TURN, CALL("call_1", "nobody"), RAW_END, DELTA("a"), RAW_END, DONE},
     "text(a)",
     "done",
     0},
    {"its own tools' work, for who wants to see it",
     ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {THREAD, TURN,
      SAYS("item/started",
           "\"item\":{\"type\":\"commandExecution\",\"id\":\"c\",\"command\":\"ls\"}")},
     "think([command] ls\n)",
     "going",
     0},
    {"the thread cannot be made: the caller's terms",
     ASK "}",
     {"{\"id\":2,\"error\":{\"code\":-32600,\"message\":\"invalid dynamic tool\"}}"},
     "",
     "failed",
     400},
    {"a repeat before words is its own affair, twice",
     ASK "}",
     {THREAD, TURN,
      ERROR("true", "{\"responseStreamDisconnected\":{\"httpStatusCode\":null}}",
            "Reconnecting... 1/5"),
      ERROR("true", "{\"responseStreamDisconnected\":{\"httpStatusCode\":null}}",
            "Reconnecting... 2/5")},
     "",
     "going",
     0},
    {"a repeat behind words is not",
     ASK "}",
     {THREAD, TURN, DELTA("a"),
      ERROR("true", "{\"responseStreamDisconnected\":{\"httpStatusCode\":null}}",
            "Reconnecting... 1/5")},
     "text(a)",
     "failed",
     502},
    {"a limit is not waited for",
     ASK "}",
     {THREAD, TURN,
      ERROR("true", "{\"responseStreamDisconnected\":{\"httpStatusCode\":429}}",
            "Reconnecting... 1/5")},
     "",
     "failed",
     429},
    {"a refused key",
     ASK "}",
     {THREAD, TURN, ERROR("false", "\"unauthorized\"", "no")},
     "",
     "failed",
     401},
    {"too long",
     ASK "}",
     {THREAD, TURN, ERROR("false", "\"contextWindowExceeded\"", "out of room")},
     "",
     "failed",
     400},
    {"its provider's own refusal",
     ASK "}",
     {THREAD, TURN,
      ERROR("false", "\"other\"", "{\\\"error\\\":{\\\"type\\\":\\\"invalid_request_error\\\"}}")},
     "",
     "failed",
     400},
    {"a failed turn",
     ASK "}",
     {THREAD, TURN,
      SAYS(
          "turn/completed",
          "\"turn\":{\"status\":\"failed\",\"error\":{\"message\":\"x\",\"codexErrorInfo\":\"serverOverloaded\"}}")},
     "",
     "failed",
     529},
    {"more repeats than it may have",
     ASK "}",
     {THREAD, TURN, ERROR("true", "\"other\"", "1/5"), ERROR("true", "\"other\"", "2/5"),
      ERROR("true", "\"other\"", "3/5")},
     "",
     "failed",
     502},
    {"a status that is none",
     ASK "}",
     {THREAD, TURN, ERROR("false", "{\"x\":{\"httpStatusCode\":700}}", "no")},
     "",
     "failed",
     502},
    {"thoughts in parts",
     ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {THREAD, TURN,
      SAYS("item/reasoning/summaryPartAdded", "\"itemId\":\"rs_1\",\"summaryIndex\":0"),
      THOUGHT("a"),
      SAYS("item/reasoning/summaryPartAdded", "\"itemId\":\"rs_1\",\"summaryIndex\":1"),
      THOUGHT("b"), THOUGHT("")},
     "think(a)think(\n\n)think(b)",
     "going",
     0},
    {"its own work, which is no words",
     ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {THREAD, TURN,
      SAYS("item/started",
           "\"item\":{\"type\":\"fileChange\",\"id\":\"c\",\"changes\":[{\"path\":\"a\"}]}")},
     "think([file change] [{\"path\":\"a\"}]\n)",
     "going",
     0},
    {"two texts, one behind the other",
     ASK "}",
     {THREAD, TURN, DELTA("a"), ITEM("{\"type\":\"reasoning\",\"id\":\"rs_9\"}"),
      SAYS("item/agentMessage/delta", "\"itemId\":\"msg_2\",\"delta\":\"b\""), RAW_END, DONE},
     "text(a)text(b)",
     "done",
     0},
    {"it goes on without the results of its calls",
     ASK TOOLS "}",
     {THREAD, TURN, CALL("call_1", "weather"), RAW_END, RAW_END},
     "call(call_1 weather {\"a\":1})",
     "failed",
     502},
    {"an end while it waits is none",
     ASK TOOLS "}",
     {THREAD, TURN, CALL("call_1", "weather"), RAW_END, DONE},
     "call(call_1 weather {\"a\":1})",
     "handed over",
     0},
    {"it cannot begin at all",
     ASK "}",
     {"{\"id\":1,\"error\":{\"message\":\"no\"}}"},
     "",
     "failed",
     502},
    {"what it cannot stop is no trouble",
     ASK "}",
     {THREAD, TURN, "{\"id\":5,\"error\":{\"message\":\"no turn\"}}", "{\"id\":2,\"result\":{}}"},
     "",
     "going",
     0},
    {"an interrupted one",
     ASK "}",
     {THREAD, TURN, SAYS("turn/completed", "\"turn\":{\"status\":\"interrupted\",\"error\":null}")},
     "",
     "failed",
     502},
};

static void lines_mean_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct error error = {0};
        struct stage stage;
        CHECK_INT(story->name, stage_open(&stage, &codex_tool, story->body, NULL, &error), OK);
        stage_say(&stage, story->lines);
        CHECK_STR(story->name, stage_told(&stage), story->told);
        CHECK_STR(story->name, stage_state(&stage), story->state);
        CHECK_INT(story->name, stage.talk.trouble.status, story->status);
        stage_close(&stage);
    }
}

static void a_used_up_window_says_until_when(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT("open", stage_open(&stage, &codex_tool, ASK "}", NULL, &error), OK);
    stage_say(
        &stage,
        (const char *[]){
            THREAD, TURN,
            "{\"method\":\"account/rateLimits/updated\",\"params\":{\"rateLimits\":{\"primary\":{\"usedPercent\":100,\"windowDurationMins\":300,\"resetsAt\":1700003600},\"secondary\":{\"usedPercent\":40,\"resetsAt\":1700900000}}}}",
            ERROR("false", "\"usageLimitExceeded\"", "You've hit your usage limit."), NULL});
    CHECK_INT("status", stage.talk.trouble.status, 429);
    CHECK("quota", stage.talk.trouble.is_quota);
    CHECK_INT("the window that is full", stage.talk.trouble.resets_at_s, 1700003600);
    stage_close(&stage);
}

static void of_full_windows_the_last_one_counts(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT("open", stage_open(&stage, &codex_tool, ASK "}", NULL, &error), OK);
    stage_say(
        &stage,
        (const char *[]){
            THREAD, TURN,
            "{\"method\":\"account/rateLimits/updated\",\"params\":{\"rateLimits\":{\"primary\":{\"usedPercent\":100,\"resetsAt\":1700900000},\"secondary\":{\"usedPercent\":100,\"resetsAt\":1700003600}}}}",
            SAYS(
                "error",
                "\"error\":{\"message\":\"x\",\"codexErrorInfo\":\"usageLimitExceeded\",\"additionalDetails\":\"Come back later.\"}"),
            NULL});
    CHECK_INT("until", stage.talk.trouble.resets_at_s, 1700900000);
    CHECK_STR("in its details", stage.talk.trouble.sentence, "codex: Come back later.");
    stage_close(&stage);
}

static void nobody_is_here_to_ask(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &codex_tool, ASK "}", NULL, &error), OK);
    stage_say(&stage, (const char *[]){THREAD, TURN, NULL});
    (void)stage_written(&stage, &room);
    talk_line(
        &stage.talk,
        STR("{\"id\":\"q1\",\"method\":\"item/commandExecution/requestApproval\",\"params\":{}}"));
    CHECK_STR(
        "whoever asks is told so", stage_written(&stage, &room),
        "{\"id\":\"q1\",\"error\":{\"code\":-32601,\"message\":\"nobody is here to ask\"}}\n");
    stage_close(&stage);
}

static void results_may_be_images_and_documents(void **state)
{
    static const struct {
        const char *name, *content, *written;
    } rows[] = {
        {"an image",
         "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}}",
         "{\"type\":\"inputImage\",\"imageUrl\":\"data:image/png;base64,AAAA\"}"},
        {"a document",
         "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"AAAA\"}}",
         "(a document that cannot be shown here)"},
        {"one elsewhere",
         "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a.pdf\"}}",
         "{\"type\":\"inputText\",\"text\":\"https://x/a.pdf\"}"},
        {"a file of somebody's",
         "{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"file_1\"}}",
         "{\"type\":\"inputText\",\"text\":\"file_1\"}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error error = {0};
        struct stage stage;
        char body[1024];
        AUTO_BUF struct buf room;
        buf_init(&room, 1u << 20);
        CHECK_INT("open", stage_open(&stage, &codex_tool, ASK TOOLS "}", NULL, &error), OK);
        stage_say(&stage, (const char *[]){THREAD, TURN, CALL("call_1", "weather"),
                                           ASKS("0", "call_1"), RAW_END, NULL});
        (void)stage_written(&stage, &room);
        (void)snprintf(
            body, sizeof body,
            AGAIN("{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_call_1\",\"content\":[%s]}"),
            rows[i].content);
        CHECK(rows[i].name, stage_results(&stage, body));
        CHECK(rows[i].name, strstr(stage_written(&stage, &room), rows[i].written));
        stage_close(&stage);
    }
}

static void it_is_told_everything_in_order(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT(
        "open",
        stage_open(
            &stage, &codex_tool,
            "{\"model\":\"m\",\"max_tokens\":5,\"system\":\"Be brief.\",\"output_config\":{\"effort\":\"high\",\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}},\"messages\":["
            "{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_call_1\",\"name\":\"exec_command\",\"input\":{\"a\":1}}]},"
            "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_call_1\",\"content\":\"ok\"}]}]" TOOLS
            "}",
            NULL, &error),
        OK);
    const char *hello = stage_written(&stage, &room);
    CHECK("initialize", str_starts(str_of(hello), STR("{\"id\":1,\"method\":\"initialize\"")));
    CHECK("experimental", strstr(hello, "\"experimentalApi\":true"));
    CHECK("no environment to act in", strstr(hello, "\"environments\":[]"));
    CHECK("system words", strstr(hello, "\"baseInstructions\":\"Be brief.\""));
    CHECK("a clashing tool has another name",
          strstr(hello, "{\"type\":\"function\",\"name\":\"caller_exec_command\""));
    CHECK("no turn before the thread is there", !strstr(hello, "turn/start"));
    talk_line(&stage.talk, STR(THREAD));
    const char *told = stage_written(&stage, &room);
    CHECK(
        "the history",
        strstr(
            told,
            "\"method\":\"thread/inject_items\",\"params\":{\"threadId\":\"th_1\",\"items\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]},"
            "{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"caller_exec_command\",\"arguments\":\"{\\\"a\\\":1}\"},{\"type\":\"function_call_output\",\"call_id\":\"call_1\",\"output\":\"ok\"}]}}\n"));
    CHECK(
        "and go",
        strstr(
            told,
            "\"method\":\"turn/start\",\"params\":{\"threadId\":\"th_1\",\"input\":[],\"summary\":\"none\",\"effort\":\"high\",\"outputSchema\":{\"type\":\"object\"}}}\n"));
    CHECK_STR("the caller's name again",
              cli_tool_name_back(&codex_tool, STR("caller_exec_command")).at, "exec_command");
    stage_close(&stage);
}

static void results_go_to_the_calls_that_asked(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &codex_tool, ASK TOOLS "}", NULL, &error), OK);
    stage_say(&stage, (const char *[]){THREAD, TURN, CALL("call_1", "weather"), RAW_END, NULL});
    (void)stage_written(&stage, &room);
    CHECK(
        "words beside the result it cannot take",
        !stage_results(
            &stage,
            AGAIN(
                "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_call_1\",\"content\":\"sunny\"},{\"type\":\"text\",\"text\":\"and?\"}")));
    CHECK(
        "the result it can",
        stage_results(
            &stage,
            AGAIN(
                "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_call_1\",\"is_error\":true,\"content\":\"broken\"}")));
    CHECK_STR("it has not asked yet", stage_written(&stage, &room), "");
    talk_line(&stage.talk, STR(ASKS("0", "call_1")));
    CHECK_STR(
        "now it has; an error is said in words", stage_written(&stage, &room),
        "{\"id\":0,\"result\":{\"contentItems\":[{\"type\":\"inputText\",\"text\":\"The call failed:\"},{\"type\":\"inputText\",\"text\":\"broken\"}],\"success\":false}}\n");
    stage_say(&stage, (const char *[]){DELTA("b"), RAW_END, DONE, NULL});
    CHECK_STR("and it goes on", stage_state(&stage), "done");
    CHECK_INT("usage is of this answer", stage.talk.usage.input_tokens, 20);
    stage_close(&stage);
}

static void it_is_asked_to_stop(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    AUTO_BUF struct buf room;
    buf_init(&room, 1u << 20);
    CHECK_INT("open", stage_open(&stage, &codex_tool, ASK "}", NULL, &error), OK);
    stage_say(&stage, (const char *[]){THREAD, TURN, NULL});
    (void)stage_written(&stage, &room);
    talk_interrupt(&stage.talk);
    CHECK_STR(
        "by its own word", stage_written(&stage, &room),
        "{\"id\":5,\"method\":\"turn/interrupt\",\"params\":{\"threadId\":\"th_1\",\"turnId\":\"tu_1\"}}\n");
    stage_close(&stage);
}

TEST_MAIN(TEST(lines_mean_what_they_say), TEST(a_used_up_window_says_until_when),
          TEST(of_full_windows_the_last_one_counts), TEST(nobody_is_here_to_ask),
          TEST(results_may_be_images_and_documents), TEST(it_is_told_everything_in_order),
          TEST(results_go_to_the_calls_that_asked), TEST(it_is_asked_to_stop))
