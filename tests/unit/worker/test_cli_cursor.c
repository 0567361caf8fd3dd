/* Cursor's lines, as its documentation shows them, and what they mean. */
#include "tests/unit/worker/cli_stage.h"

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

static void what_it_cannot_do_is_said(void **state)
{
    static const char *const bodies[] = {
        ASK ",\"tools\":[{\"name\":\"t\",\"input_schema\":{\"type\":\"object\"}}]}",
        "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}}]}]}"};
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

TEST_MAIN(TEST(lines_mean_what_they_say), TEST(a_conversation_becomes_one_text),
          TEST(what_it_cannot_do_is_said))
