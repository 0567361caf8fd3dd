/* A caller's request, as a tool needs it; and how Claude Code is started with it. */
#include "tests/unit/worker/cli_stage.h"

#include "worker/cli_claude.h"

#include "tests/test.h"

#define HEAD "{\"model\":\"m\",\"max_tokens\":50,"
#define HI   "{\"role\":\"user\",\"content\":\"hi\"}"
#define YES  "{\"role\":\"assistant\",\"content\":\"yes?\"}"
#define CALLED \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"t\",\"input\":{\"a\":1}}]}"
#define RESULT \
    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":\"ok\"}]}"
#define T \
    "\"tools\":[{\"name\":\"t\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}}],"

static struct stage stage;
static struct error error;

static void open_it(const char *body)
{
    error = (struct error){0};
    CHECK_INT(body, stage_open(&stage, &claude_tool, body, NULL, &error), OK);
}

static void one_message_comes_on_stdin(void **state)
{
    (void)state;
    open_it(
        HEAD
        "\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: a\"},{\"type\":\"text\",\"text\":\"Be brief.\"}],\"messages\":[" HI
        "]}");
    CHECK_STR("system words, without the billing note", stage.request.system.data, "Be brief.");
    CHECK_INT("no session file", stage.launch.litter != NULL, false);
    CHECK("no conversation is kept", stage_arg(&stage, "--no-session-persistence"));
    CHECK_STR("no tools of its own", stage_arg(&stage, "--tools"), "");
    CHECK_STR("no settings", stage_arg(&stage, "--setting-sources"), "");
    CHECK("no commands", stage_arg(&stage, "--disable-slash-commands"));
    CHECK_STR("no mentions", stage_env(&stage, "CLAUDE_CODE_DISABLE_ATTACHMENTS"), "1");
    CHECK_STR("no thinking", stage_env(&stage, "MAX_THINKING_TOKENS"), "0");
    CHECK_STR("so many tokens", stage_env(&stage, "CLAUDE_CODE_MAX_OUTPUT_TOKENS"), "50");
    CHECK_STR("system in a file", stage_arg(&stage, "--system-prompt-file"),
              "/s/1/0/side/system.txt");
    CHECK_STR(
        "words", stage.talk.out.data,
        "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}}\n");
    stage_close(&stage);
}

static void a_slash_is_guarded(void **state)
{
    (void)state;
    open_it(
        HEAD
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"/cost\"}]}]}");
    CHECK("by a blank", strstr(stage.talk.out.data, "\"text\":\" /cost\""));
    stage_close(&stage);
}

static void a_longer_conversation_lies_in_a_file(void **state)
{
    (void)state;
    open_it(HEAD "\"messages\":[" HI "," YES "," HI "]}");
    CHECK_STR("where it looks", stage.launch.litter, "/home/u/.claude/projects/-s-1-0-work");
    CHECK_STR("under the name", stage.launch.files[0].path,
              "/home/u/.claude/projects/-s-1-0-work/00000000-1111-4222-8333-444444444444.jsonl");
    CHECK_STR("that it is told", stage_arg(&stage, "--resume"),
              "00000000-1111-4222-8333-444444444444");
    CHECK_STR(
        "line by line", stage.launch.files[0].content.at,
        "{\"parentUuid\":null,\"isSidechain\":false,\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},\"uuid\":\"00000000-1111-4222-8333-000000000001\",\"timestamp\":\"2023-11-14T22:13:18.000Z\",\"cwd\":\"/s/1/0/work\",\"sessionId\":\"00000000-1111-4222-8333-444444444444\",\"version\":\"2.1.0\",\"userType\":\"external\"}\n"
        "{\"parentUuid\":\"00000000-1111-4222-8333-000000000001\",\"isSidechain\":false,\"type\":\"assistant\",\"message\":{\"id\":\"msg_00000000-1111-4222-8333-000000000002\",\"type\":\"message\",\"model\":\"m\",\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"output_tokens\":0},\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"yes?\"}]},\"uuid\":\"00000000-1111-4222-8333-000000000002\",\"timestamp\":\"2023-11-14T22:13:19.000Z\",\"cwd\":\"/s/1/0/work\",\"sessionId\":\"00000000-1111-4222-8333-444444444444\",\"version\":\"2.1.0\",\"userType\":\"external\"}\n");
    CHECK("the last message on stdin", strstr(stage.talk.out.data, "\"text\":\"hi\""));
    CHECK("it waits for that", !stage_env(&stage, "CLAUDE_CODE_RESUME_INTERRUPTED_TURN"));
    stage_close(&stage);
}

static void results_at_the_end_stand_in_the_file(void **state)
{
    (void)state;
    open_it(HEAD T "\"messages\":[" HI "," CALLED "," RESULT "]}");
    CHECK("with the result", strstr(stage.launch.files[0].content.at,
                                    "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\""));
    CHECK_STR("it goes on by itself", stage_env(&stage, "CLAUDE_CODE_RESUME_INTERRUPTED_TURN"),
              "1");
    CHECK("nothing on stdin but the tools' server",
          !strstr(stage.talk.out.data, "\"type\":\"user\""));
    CHECK_STR("which may be called", stage_arg(&stage, "--allowedTools"), "mcp__caller__*");
    CHECK("and no rule that hits a caller's tool", !stage_arg(&stage, "--settings"));
    stage_close(&stage);
}

static void own_tools_are_for_callers_without_tools(void **state)
{
    static const struct cli_terms allowing = {.program = "/opt/tool",
                                              .allow_tools = "Bash(git *) Read",
                                              .max_turns = 4,
                                              .max_budget_usd = "0.5"};
    (void)state;
    error = (struct error){0};
    CHECK_INT("open",
              stage_open(&stage, &claude_tool, HEAD "\"messages\":[" HI "]}", &allowing, &error),
              OK);
    CHECK_STR("offered", stage_arg(&stage, "--tools"), "Bash,Read");
    CHECK_STR("allowed", stage_arg(&stage, "--allowedTools"), "Bash(git *) Read");
    CHECK_STR("turns", stage_arg(&stage, "--max-turns"), "4");
    CHECK_STR("money", stage_arg(&stage, "--max-budget-usd"), "0.5");
    CHECK("its own instructions stay", !stage_arg(&stage, "--system-prompt-file"));
    stage_close(&stage);
    CHECK_INT("open",
              stage_open(&stage, &claude_tool, HEAD T "\"messages\":[" HI "]}", &allowing, &error),
              OK);
    CHECK_STR("not beside the caller's", stage_arg(&stage, "--tools"), "");
    stage_close(&stage);
}

static void only_the_same_story_goes_on(void **state)
{
    static const struct {
        const char *name, *body;
        bool is_same;
    } stories[] = {
        {"results behind it", HEAD T "\"messages\":[" HI "," CALLED "," RESULT "]}", true},
        {"cache marks do not matter",
         HEAD T
         "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\",\"cache_control\":{\"type\":\"ephemeral\"}}]}," CALLED
         "," RESULT "]}",
         true},
        {"another beginning",
         HEAD T "\"messages\":[{\"role\":\"user\",\"content\":\"ho\"}," CALLED "," RESULT "]}",
         false},
        {"another system", HEAD T "\"system\":\"x\",\"messages\":[" HI "," CALLED "," RESULT "]}",
         false},
        {"other tools",
         HEAD
         "\"tools\":[{\"name\":\"t\",\"input_schema\":{\"type\":\"object\"}}],\"messages\":[" HI
         "," CALLED "," RESULT "]}",
         false},
        {"another model",
         "{\"model\":\"n\",\"max_tokens\":50," T "\"messages\":[" HI "," CALLED "," RESULT "]}",
         false},
    };
    (void)state;
    open_it(HEAD T "\"messages\":[" HI "]}");
    uint64_t hash = cli_request_hash(&stage.request, 1);
    stage_close(&stage);
    for (size_t i = 0; i < COUNT(stories); i++) {
        open_it(stories[i].body);
        CHECK_INT(stories[i].name, cli_request_hash(&stage.request, 1) == hash, stories[i].is_same);
        CHECK_INT(stories[i].name, cli_request_news(&stage.request)->parts->kind, PART_TOOL_RESULT);
        stage_close(&stage);
    }
}

static void losses_are_noted(void **state)
{
    AUTO_BUF struct buf notes;
    (void)state;
    buf_init(&notes, 4096);
    open_it(HEAD "\"temperature\":0.2,\"stop_sequences\":[\"x\"]," T
                 "\"tool_choice\":{\"type\":\"any\"},\"messages\":[" HI "]}");
    fidelity_write(&stage.request.fidelity, &notes);
    CHECK_STR("each", notes.data, "dropped:temperature,dropped:stop_sequences,dropped:tool_choice");
    stage_close(&stage);
}

static void a_form_and_one_tool_alone_cannot_be_asked_for(void **state)
{
    AUTO_BUF struct buf notes;
    (void)state;
    buf_init(&notes, 4096);
    open_it(
        HEAD T
        "\"tool_choice\":{\"type\":\"tool\",\"name\":\"t\"},"
        "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}},"
        "\"messages\":[" HI "]}");
    fidelity_write(&stage.request.fidelity, &notes);
    CHECK_STR("each", notes.data, "dropped:tool_choice,dropped:output_config.format");
    stage_close(&stage);
}

static void system_words_become_one_text(void **state)
{
    (void)state;
    open_it(
        HEAD
        "\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\"},{\"type\":\"text\",\"text\":\"Be kind.\"}],\"messages\":[" HI
        "]}");
    CHECK_STR("with a line between", stage.request.system.data, "Be brief.\n\nBe kind.");
    CHECK("more than was said is not told apart",
          cli_request_hash(&stage.request, 1) == cli_request_hash(&stage.request, 9));
    stage_close(&stage);
}

static void thinking_is_shown_to_whoever_asks(void **state)
{
    static const struct {
        const char *thinking;
        bool is_shown;
    } rows[] = {{"{\"type\":\"disabled\"}", false},
                {"{\"type\":\"adaptive\"}", true},
                {"{\"type\":\"enabled\",\"budget_tokens\":1024}", true},
                {"{\"type\":\"adaptive\",\"display\":\"omitted\"}", false}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[400];
        (void)snprintf(body, sizeof body, HEAD "\"thinking\":%s,\"messages\":[" HI "]}",
                       rows[i].thinking);
        open_it(body);
        CHECK_INT(rows[i].thinking, stage.request.wants_thinking, rows[i].is_shown);
        stage_close(&stage);
    }
}

static void no_tools_means_none_are_offered(void **state)
{
    (void)state;
    open_it(HEAD T "\"tool_choice\":{\"type\":\"none\"},\"messages\":[" HI "]}");
    CHECK_INT("none", stage.talk.caller_tool_count, 0);
    stage_close(&stage);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *body, *sentence;
    } stories[] = {
        {"{", "JSON"},
        {"{\"max_tokens\":5,\"messages\":[" HI "]}", "model"},
        {HEAD "\"messages\":[]}", "message"},
        {HEAD "\"system\":\"Be brief.\",\"messages\":[]}", "message"},
        {HEAD "\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"}]}", "message"},
        {"{\"model\":\"\",\"max_tokens\":5,\"messages\":[" HI "]}", "model"},
        {HEAD "\"messages\":[" HI "," YES "]}", "the last one is the assistant's"},
        {HEAD "\"messages\":7}", "messages"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        error = (struct error){0};
        CHECK_INT(stories[i].body, stage_open(&stage, &claude_tool, stories[i].body, NULL, &error),
                  ERR_MALFORMED);
        CHECK(error.text, strstr(error.text, stories[i].sentence));
        stage_close(&stage);
    }
}

TEST_MAIN(TEST(one_message_comes_on_stdin), TEST(a_slash_is_guarded),
          TEST(a_longer_conversation_lies_in_a_file), TEST(results_at_the_end_stand_in_the_file),
          TEST(own_tools_are_for_callers_without_tools), TEST(only_the_same_story_goes_on),
          TEST(losses_are_noted), TEST(a_form_and_one_tool_alone_cannot_be_asked_for),
          TEST(system_words_become_one_text), TEST(thinking_is_shown_to_whoever_asks),
          TEST(no_tools_means_none_are_offered), TEST(what_cannot_be_is_refused))
