/* Cursor's lines, as its documentation shows them, and what they mean. */
#include "tests/unit/worker/cli_stage.h"

#include "worker/cli_probe.h"

#include <stdlib.h>

#include "tests/test.h"

#define ASK \
    "{\"model\":\"m\",\"max_tokens\":50,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define PIECE(t)                                                                                                \
    "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"" t \
    "\"}]},\"session_id\":\"s\",\"timestamp_ms\":1}"
#define REPEAT(t)                                                                                               \
    "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"" t \
    "\"}]},\"session_id\":\"s\",\"timestamp_ms\":1,\"model_call_id\":\"c\"}"
#define WHOLE(t)                                                                                                \
    "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"" t \
    "\"}]},\"session_id\":\"s\"}"
#define GOOD(t)                                                                                         \
    "{\"type\":\"result\",\"subtype\":\"success\",\"duration_ms\":1,\"is_error\":false,\"result\":\"" t \
    "\",\"session_id\":\"s\"}"
#define HUNDRED                                          \
    "a2345678901234567890123456789012345678901234567890" \
    "b2345678901234567890123456789012345678901234567890"
#define TOOL \
    "{\"type\":\"tool_call\",\"subtype\":\"started\",\"call_id\":\"c\",\"tool_call\":{\"readToolCall\":{\"args\":{\"path\":\"a.txt\"}}},\"session_id\":\"s\"}"

static const struct story {
    const char *name, *body, *lines[8], *told, *state;
} stories[] = {
    {"pieces, and the repeats of them",
     ASK "}",
     {"{\"type\":\"system\",\"subtype\":\"init\"}", PIECE("Hello "), PIECE("there."),
      REPEAT("Hello there."), WHOLE("Hello there."), GOOD("Hello there.")},
     "text(Hello )text(there.)",
     "done"},
    {"a version without pieces",
     ASK "}",
     {WHOLE("Hello."), GOOD("Hello.")},
     "text(Hello.)",
     "done"},
    {"a result alone", ASK "}", {GOOD("Hello.")}, "text(Hello.)", "done"},
    {"a tool at work, for who wants to see it",
     ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {TOOL, PIECE("a"), GOOD("a")},
     "think([readToolCall] {\"path\":\"a.txt\"}\n)text(a)",
     "done"},
    {"... and for nobody else", ASK "}", {TOOL, PIECE("a"), GOOD("a")}, "text(a)", "done"},
    {"trouble",
     ASK "}",
     {"{\"type\":\"result\",\"subtype\":\"error\",\"is_error\":true,\"result\":\"no\"}"},
     "",
     "failed"},
    {"a limit",
     ASK "}",
     {"{\"type\":\"result\",\"is_error\":true,\"result\":\"You have hit your usage limit\"}"},
     "",
     "failed"},
    {"a tool that is not named",
     ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {"{\"type\":\"tool_call\",\"subtype\":\"started\",\"tool_call\":{}}", PIECE("a"), GOOD("a")},
     "text(a)",
     "done"},
    {"a tool with a name beyond measure",
     ASK ",\"thinking\":{\"type\":\"adaptive\"}}",
     {"{\"type\":\"tool_call\",\"subtype\":\"started\",\"tool_call\":{\"" HUNDRED
      "more\":{\"args\":1}}}"},
     "think([" HUNDRED "] 1\n)",
     "going"},
};

static void lines_mean_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct error error = {0};
        struct stage stage;
        CHECK_INT(stories[i].name, stage_open(&stage, &cursor_tool, stories[i].body, NULL, &error),
                  OK);
        stage_say(&stage, stories[i].lines);
        CHECK_STR(stories[i].name, stage_told(&stage), stories[i].told);
        CHECK_STR(stories[i].name, stage_state(&stage), stories[i].state);
        stage_close(&stage);
    }
}

static void a_conversation_becomes_one_text(void **state)
{
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT(
        "open",
        stage_open(
            &stage, &cursor_tool,
            "{\"model\":\"m\",\"max_tokens\":5,\"system\":\"Be brief.\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"yes?\"},{\"role\":\"user\",\"content\":\"why\"}]}",
            NULL, &error),
        OK);
    CHECK_STR(
        "prompt", stage.launch.args[stage.launch.arg_count - 1],
        "Be brief.\n\nA conversation follows. Give the assistant's next answer, and nothing else.\n\nUser:\nhi\n\nAssistant:\nyes?\n\nUser:\nwhy\n\n");
    CHECK_STR("a prompt is no flag", stage.launch.args[stage.launch.arg_count - 2], "--");
    CHECK_STR("it changes nothing", stage_arg(&stage, "--mode"), "ask");
    CHECK("and hears no more", stage.talk.ends_input);
    stage_close(&stage);
}

static void what_stands_beside_words_is_left_out(void **state)
{
    static const struct cli_terms allowing = {.program = "/opt/tool", .allow_tools = "all"};
    (void)state;
    struct error error = {0};
    struct stage stage;
    CHECK_INT(
        "open",
        stage_open(
            &stage, &cursor_tool,
            "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I look.\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"t\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"x\"},{\"type\":\"text\",\"text\":\"and?\"}]}]}",
            &allowing, &error),
        OK);
    CHECK("words alone", strstr(stage.launch.args[stage.launch.arg_count - 1],
                                "Assistant:\nI look.\n\nUser:\nand?\n\n"));
    CHECK("it may act", stage_arg(&stage, "--force") && !stage_arg(&stage, "--mode"));
    stage_close(&stage);
}

static void who_is_logged_in_is_found_out(void **state)
{
    static const struct {
        const char *name, *output, *login;
        int status;
    } rows[] = {{"somebody", "Logged in as x", "login", 0},
                {"nobody", "Not logged in", NULL, 0},
                {"no answer", "", NULL, 1}};
    (void)state;
    unsetenv("CURSOR_API_KEY");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cli_findings findings = {0};
        struct error error = {0};
        enum err err =
            cursor_tool.judge(NULL, str_of(rows[i].output), rows[i].status, &findings, &error);
        CHECK_INT(rows[i].name, err, rows[i].login ? OK : ERR_UNAUTHORIZED);
        CHECK_STR(rows[i].name, findings.login, rows[i].login ? rows[i].login : "");
    }
    setenv("CURSOR_API_KEY", "key", 1);
    struct cli_findings findings = {0};
    struct error error = {0};
    CHECK_INT("a key will do", cursor_tool.judge(NULL, STR(""), 1, &findings, &error), OK);
    CHECK_STR("by its name", findings.login, "CURSOR_API_KEY");
    unsetenv("CURSOR_API_KEY");
}

static void a_prompt_must_fit_on_a_command_line(void **state)
{
    (void)state;
    AUTO_BUF struct buf body;
    struct error error = {0};
    struct stage stage;
    buf_init(&body, 1u << 20);
    buf_puts(&body,
             "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (int i = 0; i < 13000; i++)
        buf_puts(&body, "ten bytes ");
    buf_puts(&body, "\"}]}");
    CHECK_INT("too long", stage_open(&stage, &cursor_tool, body.data, NULL, &error), ERR_TOO_LARGE);
    stage_close(&stage);
    CHECK_INT(
        "a NUL",
        stage_open(
            &stage, &cursor_tool,
            "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"a\\u0000b\"}]}",
            NULL, &error),
        ERR_MALFORMED);
    stage_close(&stage);
}

static void what_it_cannot_do_is_said(void **state)
{
    static const char *const bodies[] = {
        ASK ",\"tools\":[{\"name\":\"t\",\"input_schema\":{\"type\":\"object\"}}]}",
        "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}}]}]}",
        "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"AAAA\"}}]}]}",
        "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"t\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a.png\"}}]}]}]}"};
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct error error = {0};
        struct stage stage;
        CHECK_INT("refused", stage_open(&stage, &cursor_tool, bodies[i], NULL, &error),
                  ERR_MALFORMED);
        CHECK("with a sentence", strstr(error.text, "cursor"));
        stage_close(&stage);
    }
}

TEST_MAIN(TEST(lines_mean_what_they_say), TEST(what_stands_beside_words_is_left_out),
          TEST(who_is_logged_in_is_found_out), TEST(a_prompt_must_fit_on_a_command_line),
          TEST(a_conversation_becomes_one_text), TEST(what_it_cannot_do_is_said))
