/* F62 for the talks with command-line tools: each allocation fails in turn, from the reading of a request over calls and
 * their results to the last word. An answer is then whole, or it has failed: never shorter than it was.
 */
#include "tests/unit/worker/cli_stage.h"

#include "tests/test.h"
#include "tests/unit/oom.h"

#define EVENT(json) "{\"type\":\"stream_event\",\"event\":" json "}"
#define START       EVENT("{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}")
#define BLOCK(b)    EVENT("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":" b "}")
#define DELTA(d)    EVENT("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":" d "}")
#define END(reason)                                                                       \
    EVENT("{\"type\":\"content_block_stop\",\"index\":0}"),                               \
        EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"}}"), \
        EVENT("{\"type\":\"message_stop\"}")
#define SAYS(m, p) "{\"method\":\"" m "\",\"params\":{" p "}}"

#define TOOLS "\"tools\":[{\"name\":\"weather\",\"input_schema\":{\"type\":\"object\"}}]"
#define ASK \
    "{\"model\":\"m\",\"max_tokens\":50,\"system\":\"Be kind.\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}"
#define AGAIN(id)                                                                                            \
    ASK ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"" id                          \
        "\",\"name\":\"weather\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\"," \
        "\"tool_use_id\":\"" id "\",\"content\":\"sunny\"}]}]," TOOLS "}"

static const struct scenario {
    const char *name, *ask, *lines[12], *again, *more[12], *told;
    const struct cli_tool *tool;
} scenarios[] = {
    {"claude",
     ASK "]," TOOLS "}",
     {START, BLOCK("{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"weather\",\"input\":{}}"),
      DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}"),
      "{\"type\":\"control_request\",\"request_id\":\"r\",\"request\":{\"subtype\":\"mcp_message\",\"message\":"
      "{\"method\":\"tools/call\",\"params\":{\"_meta\":{\"claudecode/toolUseId\":\"toolu_1\"}},\"id\":2}}}",
      END("tool_use")},
     AGAIN("toolu_1"),
     {START, BLOCK("{\"type\":\"text\",\"text\":\"\"}"),
      DELTA("{\"type\":\"text_delta\",\"text\":\"It is \"}"),
      DELTA("{\"type\":\"text_delta\",\"text\":\"sunny.\"}"), END("end_turn")},
     "call(toolu_1 weather {})text(It is )text(sunny.)",
     &claude_tool},
    {"codex",
     ASK "]," TOOLS "}",
     {"{\"id\":2,\"result\":{\"thread\":{\"id\":\"th\"}}}",
      SAYS("turn/started", "\"turn\":{\"id\":\"tu\"}"),
      SAYS("rawResponseItem/completed", "\"item\":{\"type\":\"function_call\",\"name\":\"weather\","
                                        "\"arguments\":\"{}\",\"call_id\":\"call_1\"}"),
      "{\"method\":\"item/tool/call\",\"id\":7,\"params\":{\"callId\":\"call_1\"}}",
      SAYS("rawResponse/completed", "\"usage\":{}")},
     AGAIN("toolu_call_1"),
     {SAYS("item/agentMessage/delta", "\"itemId\":\"a\",\"delta\":\"It is \""),
      SAYS("item/agentMessage/delta", "\"itemId\":\"a\",\"delta\":\"sunny.\""),
      SAYS("turn/completed", "\"turn\":{\"status\":\"completed\"}")},
     "call(call_1 weather {})text(It is )text(sunny.)",
     &codex_tool},
    {"cursor",
     ASK "]}",
     {"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"It is \"}]},\"timestamp_ms\":1}",
      "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"sunny.\"}]},\"timestamp_ms\":2}",
      "{\"type\":\"result\",\"is_error\":false,\"result\":\"It is sunny.\"}"},
     NULL,
     {NULL},
     "text(It is )text(sunny.)",
     &cursor_tool},
};

/* For results that could not be read: whoever brought them was told. */
static bool is_waiting(const struct stage *stage)
{
    return stage->talk.state == TALK_HANDED_OVER;
}

/* True: it came about, whole. What of the request was lost (a tool whose name cannot be kept) is noted, and said in a
 * header; the tool of this scenario then calls what was never offered. */
static bool play(const struct scenario *scenario)
{
    struct error error = {0};
    struct stage stage;
    oom_watch(true);
    enum err err = stage_open(&stage, scenario->tool, scenario->ask, NULL, &error);
    bool is_fine = err == OK, is_less = stage.request.fidelity.count > 0;
    if (is_fine)
        stage_say(&stage, scenario->lines);
    if (is_fine && scenario->again) {
        is_fine = stage_results(&stage, scenario->again);
        if (is_fine)
            stage_say(&stage, scenario->more);
    }
    oom_watch(false);
    bool is_done = is_fine && stage.talk.state == TALK_DONE && !stage.told.failed;
    if (is_done)
        CHECK_STR(scenario->name, stage_told(&stage), scenario->told);
    else if (err != OK)
        CHECK_INT(error.text, err, ERR_NO_MEMORY);
    else if (!stage.told.failed && !is_less)
        CHECK_STR("an answer that is not whole has failed",
                  is_waiting(&stage) ? "failed" : stage_state(&stage), "failed");
    stage_close(&stage);
    return is_done;
}

static void an_answer_is_whole_or_has_failed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        const struct scenario *scenario = &scenarios[i];
        oom_begin(0);
        CHECK(scenario->name, play(scenario));
        long all = oom_end();
        CHECK("there was something to fail", all > 20);
        for (long nth = 1; nth <= all; nth++) {
            oom_begin(nth);
            (void)play(scenario);
            CHECK("it struck", oom_has_struck());
            oom_end();
        }
        CHECK("and then all is well", play(scenario));
    }
}

TEST_MAIN(TEST(an_answer_is_whole_or_has_failed))
