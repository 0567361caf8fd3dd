/* tests/unit/wire/test_messages_prompt_write.c: prompts, told by the messages body that they become.
 *
 * A prompt is made by reading a messages body, which may break every rule that Anthropic has about order; `tweak` adds
 * what only other dialects can say. So the first table is also the round trip.
 */
#include "tests/unit/wire/messages_play.h"

struct write_story {
    const char *name, *body;
    unsigned quirks;
    int64_t most_tokens; /* of the model; 0: unknown */
    void (*tweak)(struct prompt *prompt);
    const char *want, *notes;
};

static void check_story(struct play *play, const struct write_story *story)
{
    const struct prompt_target target = {.model = STR("m"),
                                         .quirks = story->quirks,
                                         .max_output_tokens =
                                             story->most_tokens ? story->most_tokens : -1};
    struct json root;
    AUTO_BUF struct buf out;
    buf_init(&out, PLAY_BYTES);
    CHECK_INT(story->name, play_read(play, story->body, NULL), OK);
    if (story->tweak)
        story->tweak(&play->prompt);
    CHECK_INT(story->name, messages_prompt_write(&play->prompt, &target, &out), OK);
    CHECK_STR(story->name, buf_str(&out).at, story->want);
    CHECK(story->name, json_parse(play->scratch, buf_str(&out), &root, NULL) == OK);
    play_check_notes(story->name, &play->fidelity, story->notes);
}

static void check_stories(const struct write_story *stories, size_t count)
{
    struct play play;
    play_start(&play);
    for (size_t i = 0; i < count; i++)
        check_story(&play, &stories[i]);
    play_end(&play);
}

#define HEAD              "{\"model\":\"m\",\"max_tokens\":100,"
#define SAME(text)        text, 0, 0, NULL, text, ""
#define TEXT(text)        "{\"type\":\"text\",\"text\":\"" text "\"}"
#define USER(blocks)      "{\"role\":\"user\",\"content\":[" blocks "]}"
#define ASSISTANT(blocks) "{\"role\":\"assistant\",\"content\":[" blocks "]}"
#define CALL(id)          "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"f\",\"input\":{\"n\":1.00}}"
#define RESULT(id)        "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"r " id "\"}"
#define NO_RESULT(id)                                 \
    "{\"type\":\"tool_result\",\"tool_use_id\":\"" id \
    "\",\"content\":\"No result was given.\",\"is_error\":true}"
#define TOOLS "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]"

/* ---- there and back ----------------------------------------------------------------------------- */

static void what_the_common_form_holds_comes_back_as_it_was(void **state)
{
    (void)state;
    static const struct write_story stories[] = {
        {"texts",
         SAME(
             HEAD
             "\"stream\":true,\"system\":[" TEXT("Be kind.") "," TEXT("a\\nb") "],\"messages\":[" USER(
                 TEXT("hi")) "," ASSISTANT(TEXT("ho")) "," USER(TEXT("x")) "]}")},
        {"images and documents",
         SAME(HEAD "\"messages\":[" USER(
             "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iV\"}},"
             "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a.png\"}},"
             "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"JV\"},"
             "\"title\":\"T\"},"
             "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"T\"}},"
             "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a.pdf\"}},"
             "{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"file_1\"}}") "]}")},
        {"tools, two calls at once, their results",
         SAME(
             HEAD
             "\"messages\":[" USER(TEXT("hi")) "," ASSISTANT(TEXT("so") "," CALL("toolu_1") "," CALL("toolu_2")) "," USER(
                 RESULT("toolu_1") "," RESULT("toolu_2") "," TEXT(
                     "and")) "],"
                             "\"tools\":[{\"name\":\"f\",\"description\":\"does\",\"input_schema\":{ \"type\":\"object\",\"x\":1.0 },"
                             "\"strict\":true}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":true}}")},
        {"a result in blocks, an error, nothing",
         SAME(HEAD "\"messages\":[" USER(TEXT("hi")) "," ASSISTANT(CALL("toolu_1") "," CALL("toolu_2")) "," USER(
             "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":[" TEXT("a") "," TEXT(
                 "b") "]},"
                      "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_2\",\"is_error\":true}") "]," TOOLS
                                                                                                  "}")},
        {"signed thinking, byte for byte",
         SAME(HEAD "\"messages\":[" USER(TEXT("hi")) "," ASSISTANT(
             "{\"type\":\"thinking\",\"thinking\":\"h\\u001fm\",\"signature\":\"Eq+/=\"},"
             "{\"type\":\"redacted_thinking\",\"data\":\"Em\"}," CALL(
                 "toolu_1")) "," USER(RESULT("toolu_1")) "]," TOOLS
                                                         ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
                                                         "\"output_config\":{\"effort\":\"max\"}}")},
        {"sampling, stops, who asks",
         SAME(HEAD "\"messages\":[" USER(
             TEXT("hi")) "],\"temperature\":0.70,\"top_k\":5,\"stop_sequences\":[\"a\"],"
                         "\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"auto\"}")},
        {"an answer by a schema",
         SAME(HEAD "\"messages\":[" USER(TEXT(
             "hi")) "],\"thinking\":{\"type\":\"disabled\"},"
                    "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{ \"type\" : \"object\" }}},"
                    "\"top_p\":0.5}")},
    };
    check_stories(stories, COUNT(stories));
}

/* ---- order --------------------------------------------------------------------------------------- */

#define STORY(name, before, after, notes)                              \
    {                                                                  \
        name, HEAD "\"messages\":[" before "]," TOOLS "}", 0, 0, NULL, \
            HEAD "\"messages\":[" after "]," TOOLS "}", notes          \
    }

static void turns_stand_in_the_order_that_anthropic_wants(void **state)
{
    (void)state;
    static const struct write_story stories[] = {
        STORY("turns of one role are one",
              USER(TEXT("a")) "," USER(TEXT("b")) "," ASSISTANT(TEXT("c")) "," ASSISTANT(
                  CALL("toolu_1")) "," USER(RESULT("toolu_1")),
              USER(TEXT("a") "," TEXT("b")) "," ASSISTANT(TEXT("c") "," CALL("toolu_1")) "," USER(
                  RESULT("toolu_1")),
              ""),
        STORY("the user begins", ASSISTANT(TEXT("a")) "," USER(TEXT("b")),
              USER(TEXT(".")) "," ASSISTANT(TEXT("a")) "," USER(TEXT("b")), "changed:messages"),
        STORY("empty and blank texts are left out, and turns with them",
              USER(TEXT("a")) "," ASSISTANT(TEXT("") "," TEXT(" \\n")) "," USER(
                  TEXT("") "," TEXT("b")),
              USER(TEXT("a") "," TEXT("b")), ""),
        STORY(
            "an unfinished answer ends in no white space",
            USER(TEXT("a")) "," ASSISTANT(TEXT("x ") "," TEXT("The answer is: \\n") "," TEXT(" ")),
            USER(TEXT("a")) "," ASSISTANT(TEXT("x ") "," TEXT("The answer is:")), ""),
        STORY("a finished one keeps its own",
              USER(TEXT("a")) "," ASSISTANT(TEXT("x ")) "," USER(TEXT("b ")),
              USER(TEXT("a")) "," ASSISTANT(TEXT("x ")) "," USER(TEXT("b ")), ""),
        STORY(
            "a system turn in the middle is told to the user's side",
            USER(TEXT("a")) ",{\"role\":\"system\",\"content\":\"be <quick>\"}," ASSISTANT(
                TEXT("b")),
            USER(TEXT("a") "," TEXT("<system>\\nbe <quick>\\n</system>")) "," ASSISTANT(TEXT("b")),
            "emulated:messages.system"),
        STORY(
            "results come first, in the order of the calls",
            USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1") "," CALL("toolu_2")) ",{\"role\":\"system\",\"content\":\"s\"}," USER(
                TEXT("b") "," RESULT("toolu_2")) "," USER(RESULT("toolu_1")),
            USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1") "," CALL("toolu_2")) "," USER(
                RESULT("toolu_1") "," RESULT("toolu_2") "," TEXT(
                    "<system>\\ns\\n</system>") "," TEXT("b")),
            "emulated:messages.system"),
        STORY("a result that comes late is put where it belongs",
              USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(TEXT("b")) "," ASSISTANT(
                  TEXT("c")) "," USER(RESULT("toolu_1")),
              USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(
                  RESULT("toolu_1") "," TEXT("b")) "," ASSISTANT(TEXT("c")),
              ""),
        STORY("a call without a result gets one that says so",
              USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(TEXT("b")),
              USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(
                  NO_RESULT("toolu_1") "," TEXT("b")),
              "changed:tool_result"),
        STORY("also at the very end", USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")),
              USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(NO_RESULT("toolu_1")),
              "changed:tool_result"),
        STORY("a result without a call is told in words", USER(RESULT("toolu_9") "," TEXT("b")),
              USER(TEXT("The result of a tool:") "," TEXT("r toolu_9") "," TEXT("b")),
              "changed:tool_result"),
        STORY(
            "ids that come again are told apart",
            USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(
                RESULT("toolu_1")) "," ASSISTANT(CALL("toolu_1")) "," USER(RESULT("toolu_1")),
            USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(RESULT("toolu_1")) "," ASSISTANT(CALL(
                "toolu_1_6f45b4bf483968ae_1")) "," USER("{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1_6f45b4bf483968ae_1\",\"content\":\"r toolu_1\"}"),
            ""),
        STORY(
            "ids of other services are cleaned, the same on both sides",
            USER(TEXT("a")) "," ASSISTANT(CALL("f.x:0") "," CALL("call_7")) "," USER(
                RESULT("f.x:0") "," RESULT("call_7")),
            USER(TEXT("a")) "," ASSISTANT(CALL("toolu_f_x_0_f0c933ce64c58de5") "," CALL("toolu_call_7")) "," USER(
                "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_f_x_0_f0c933ce64c58de5\",\"content\":\"r f.x:0\"},"
                "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_call_7\",\"content\":\"r call_7\"}"),
            ""),
        STORY("an unsigned thought stays behind",
              USER(TEXT("a")) "," ASSISTANT(
                  "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"\"}," TEXT(
                      "b")) "," USER(TEXT("c")),
              USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "," USER(TEXT("c")), "dropped:thinking"),
    };
    check_stories(stories, COUNT(stories));
}

static void nothing_but_a_system_prompt_is_answered_too(void **state)
{
    (void)state;
    static const struct write_story stories[] = {
        {"the system prompt alone", HEAD "\"messages\":[{\"role\":\"system\",\"content\":\"s\"}]}",
         0, 0, NULL, HEAD "\"system\":[" TEXT("s") "],\"messages\":[" USER(TEXT(".")) "]}",
         "changed:messages"},
        {"a local model gets no billing block",
         HEAD "\"system\":[" TEXT("x-anthropic-billing-header: cc") "," TEXT(
             "s") "],\"messages\":[" USER(TEXT("a")) "]}",
         QUIRK_LOCAL, 0, NULL,
         HEAD "\"system\":[" TEXT("s") "],\"messages\":[" USER(TEXT("a")) "]}",
         "emulated:system.billing_header"},
        {"a history with calls wants tools",
         HEAD "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(
             RESULT("toolu_1")) "]}",
         0, 0, NULL,
         HEAD "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(CALL("toolu_1")) "," USER(RESULT(
             "toolu_1")) "],"
                         "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"
                         "\"tool_choice\":{\"type\":\"none\"}}",
         "emulated:tools"},
    };
    check_stories(stories, COUNT(stories));
}

/* ---- thinking ------------------------------------------------------------------------------------ */

#define ASK(fields)      HEAD "\"messages\":[" USER(TEXT("a")) "]" fields "}"
#define ASK_TOOL(fields) HEAD "\"messages\":[" USER(TEXT("a")) "]," TOOLS fields "}"
#define EFFORT(effort)   ",\"output_config\":{\"effort\":\"" effort "\"}"
#define THINKING(rest)   ",\"thinking\":{\"type\":" rest "}"
#define FORCED           ",\"tool_choice\":{\"type\":\"any\"}"
#define BUDGET           QUIRK_BUDGET_THINKING
#define MANY(fields) \
    "{\"model\":\"m\",\"max_tokens\":64000,\"messages\":[" USER(TEXT("a")) "]" fields "}"

static void thinking_is_asked_for_as_the_model_knows_it(void **state)
{
    (void)state;
    static const struct write_story stories[] = {
        {"minimal is low", ASK(EFFORT("minimal")), 0, 0, NULL,
         ASK(THINKING("\"adaptive\"") EFFORT("low")), "changed:reasoning_effort"},
        {"medium is medium", ASK(EFFORT("medium")), 0, 0, NULL,
         ASK(THINKING("\"adaptive\"") EFFORT("medium")), ""},
        {"xhigh is max", ASK(EFFORT("xhigh")), 0, 0, NULL,
         ASK(THINKING("\"adaptive\"") EFFORT("max")), "changed:reasoning_effort"},
        {"none is none", ASK(EFFORT("none")), 0, 0, NULL, ASK(THINKING("\"disabled\"")), ""},
        {"an effort that nobody knows", ASK(EFFORT("heroic")), 0, 0, NULL, ASK(""),
         "dropped:reasoning_effort"},
        {"no effort for those that refuse it", ASK(EFFORT("high")), QUIRK_NO_EFFORT, 0, NULL,
         ASK(THINKING("\"adaptive\"")), "dropped:reasoning_effort"},
        {"a model that always thinks, thinks little", ASK(THINKING("\"disabled\"")),
         QUIRK_ALWAYS_THINKS, 0, NULL, ASK(THINKING("\"adaptive\"") EFFORT("low")),
         "changed:thinking"},
        {"a budget told in effort", ASK(THINKING("\"enabled\",\"budget_tokens\":9000")), 0, 0, NULL,
         ASK(THINKING("\"adaptive\"") EFFORT("medium")), "changed:thinking.budget_tokens"},
        {"a budget", MANY(THINKING("\"enabled\",\"budget_tokens\":9000")), BUDGET, 0, NULL,
         MANY(THINKING("\"enabled\",\"budget_tokens\":9000")), ""},
        {"effort told in a budget", MANY(EFFORT("low")), BUDGET, 0, NULL,
         MANY(THINKING("\"enabled\",\"budget_tokens\":2048")), "emulated:reasoning_effort"},
        {"adaptive told in a budget", MANY(THINKING("\"adaptive\",\"display\":\"omitted\"")),
         BUDGET, 0, NULL, MANY(THINKING("\"enabled\",\"budget_tokens\":16384")),
         "emulated:thinking"},
        {"a budget leaves room for the answer", MANY(EFFORT("max")), BUDGET, 8192, NULL,
         "{\"model\":\"m\",\"max_tokens\":8192,\"messages\":[" USER(
             TEXT("a")) "],"
                        "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4096}}",
         "changed:max_tokens,emulated:reasoning_effort"},
        {"or there is none", ASK(THINKING("\"enabled\",\"budget_tokens\":2000")), BUDGET, 0, NULL,
         ASK(THINKING("\"disabled\"")), "changed:thinking"},
        {"a budget below the least", MANY(THINKING("\"enabled\",\"budget_tokens\":5")), BUDGET, 0,
         NULL, MANY(THINKING("\"enabled\",\"budget_tokens\":1024")),
         "changed:thinking.budget_tokens"},
        {"a forced tool goes before thinking", ASK_TOOL(FORCED EFFORT("max")), 0, 0, NULL,
         ASK_TOOL(FORCED THINKING("\"disabled\"") EFFORT("high")), "changed:thinking"},
        {"but not where it is refused", ASK_TOOL(FORCED EFFORT("high")), QUIRK_NO_FORCED_TOOL, 0,
         NULL,
         ASK_TOOL(",\"tool_choice\":{\"type\":\"auto\"}" THINKING("\"adaptive\"") EFFORT("high")),
         "changed:tool_choice"},
        {"nor where thinking cannot stop", ASK_TOOL(FORCED EFFORT("high")), QUIRK_ALWAYS_THINKS, 0,
         NULL,
         ASK_TOOL(",\"tool_choice\":{\"type\":\"auto\"}" THINKING("\"adaptive\"") EFFORT("high")),
         "changed:tool_choice"},
        {"thinking that Claude Code wants shown in its own way",
         ASK(THINKING("\"adaptive\",\"display\":\"updates\"")), 0, 0, NULL,
         ASK(THINKING("\"adaptive\"")), "dropped:thinking.display"},
        {"sampling that thinking forbids",
         ASK(THINKING("\"adaptive\"") ",\"temperature\":0.5,\"top_p\":0.5,\"top_k\":3"), 0, 0, NULL,
         ASK(THINKING("\"adaptive\"")), "dropped:temperature,dropped:top_p,dropped:top_k"},
        {"sampling that changes nothing is no loss",
         ASK(THINKING("\"adaptive\"") ",\"temperature\":1.0,\"top_p\":1"), 0, 0, NULL,
         ASK(THINKING("\"adaptive\"") ",\"top_p\":1"), ""},
    };
    check_stories(stories, COUNT(stories));
}

#define LOOP(first, fields)                                                               \
    "{\"model\":\"m\",\"max_tokens\":64000,\"messages\":[" USER(TEXT("a")) "," ASSISTANT( \
        first CALL("toolu_1")) "," USER(RESULT("toolu_1")) "]," TOOLS fields "}"
#define SIGNED "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"Eq\"},"

static void a_budget_needs_a_signed_turn_to_go_on_with(void **state)
{
    (void)state;
    static const struct write_story stories[] = {
        {"calls without thinking", LOOP("", EFFORT("low")), BUDGET, 0, NULL,
         LOOP("", THINKING("\"disabled\"")), "changed:thinking"},
        {"calls behind a text", LOOP(TEXT("so") "," SIGNED, EFFORT("low")), BUDGET, 0, NULL,
         LOOP(TEXT("so") "," SIGNED, THINKING("\"disabled\"")), "changed:thinking"},
        {"calls behind thinking", LOOP(SIGNED, EFFORT("low")), BUDGET, 0, NULL,
         LOOP(SIGNED, THINKING("\"enabled\",\"budget_tokens\":2048")), "emulated:reasoning_effort"},
        {"the newer models do not mind", LOOP("", EFFORT("low")), 0, 0, NULL,
         LOOP("", THINKING("\"adaptive\"") EFFORT("low")), ""},
        {"an unfinished answer",
         "{\"model\":\"m\",\"max_tokens\":9000,\"messages\":[" USER(TEXT("a")) "," ASSISTANT(
             TEXT("b")) "]" EFFORT("low") "}",
         BUDGET, 0, NULL,
         "{\"model\":\"m\",\"max_tokens\":9000,\"messages\":[" USER(TEXT("a")) "," ASSISTANT(
             TEXT("b")) "]" THINKING("\"disabled\"") "}",
         "changed:thinking"},
        {"what was said before the user's last words does not count",
         "{\"model\":\"m\",\"max_tokens\":9000,\"messages\":[" USER(TEXT("a")) "," ASSISTANT(
             TEXT("b")) "," USER(TEXT("c")) "]" EFFORT("low") "}",
         BUDGET, 0, NULL,
         "{\"model\":\"m\",\"max_tokens\":9000,\"messages\":[" USER(TEXT("a")) "," ASSISTANT(
             TEXT("b")) "," USER(TEXT("c")) "]" THINKING("\"enabled\",\"budget_tokens\":2048") "}",
         "emulated:reasoning_effort"},
    };
    check_stories(stories, COUNT(stories));
}

/* ---- limits, refusals, what others can say -------------------------------------------------------- */

static void without_max_tokens(struct prompt *prompt)
{
    prompt->max_tokens = -1;
}

static void everything_of_openai(struct prompt *prompt)
{
    prompt->seed = STR("7");
    prompt->answers = 2;
    prompt->frequency_penalty = STR("0.5");
    prompt->presence_penalty = STR("0.0");
    prompt->logit_bias = STR("{\"1\":5}");
    prompt->logprobs = MAYBE_YES;
    prompt->verbosity = STR("low");
    prompt->metadata = STR("{\"a\":\"b\"}");
    prompt->store = MAYBE_YES;
    prompt->cache_key = STR("k");
    prompt->service_tier = STR("flex");
    prompt->user = STR("me@example.org");
}

static void nothing_of_note(struct prompt *prompt)
{
    prompt->answers = 1;
    prompt->frequency_penalty = STR("0");
    prompt->logit_bias = STR("{}");
    prompt->metadata = STR("{}");
    prompt->verbosity = STR("medium");
    prompt->store = MAYBE_NO;
    prompt->service_tier = STR("default");
}

static void json_mode(struct prompt *prompt)
{
    prompt->format = OUTPUT_JSON;
}

static void custom_tool(struct prompt *prompt)
{
    struct tool *tool = prompt_add_tool(prompt, TOOL_CUSTOM);
    tool->name = STR("apply.patch");
    tool->description = STR("Edits.");
    tool->format = STR("{\"syntax\":\"lark\"}");
    prompt->choice = CHOICE_NAMED;
    prompt->choice_name = tool->name;
    struct part *call =
        prompt_add_part(prompt, prompt_turn(prompt, TURN_ASSISTANT), PART_TOOL_CALL);
    call->id = STR("call_1");
    call->name = tool->name;
    call->is_custom = true;
    call->text = STR("*** \"x\"");
    struct part *result = prompt_add_part(prompt, prompt_turn(prompt, TURN_USER), PART_TOOL_RESULT);
    result->id = call->id;
    prompt_add_inside(prompt, result, PART_TEXT)->text = STR("ok");
}

static void untyped_schemas(struct prompt *prompt)
{
    prompt_add_tool(prompt, TOOL_FUNCTION)->name = STR("none");
    struct tool *tool = prompt_add_tool(prompt, TOOL_FUNCTION);
    tool->name = STR("empty");
    tool->schema = STR("{ }");
    tool = prompt_add_tool(prompt, TOOL_FUNCTION);
    tool->name = STR("untyped");
    tool->schema = STR(" {\"properties\":{\"type\":{}}}");
    tool->strict = MAYBE_YES;
}

static void odd_arguments(struct prompt *prompt)
{
    static const struct str arguments[] = {STR_INIT(""), STR_INIT(" {\"a\": 1.0}\n"),
                                           STR_INIT("{\"a\":")};
    prompt_add_tool(prompt, TOOL_FUNCTION)->name = STR("f");
    for (size_t i = 0; i < COUNT(arguments); i++) {
        struct part *call =
            prompt_add_part(prompt, prompt_turn(prompt, TURN_ASSISTANT), PART_TOOL_CALL);
        call->id = str_upto(STR("abc"), i + 1);
        call->name = STR("f");
        call->arguments = arguments[i];
    }
    for (struct part *call = prompt->last_turn->parts; call; call = call->next) {
        struct turn *user = prompt->last_turn->role == TURN_USER
                                ? prompt->last_turn
                                : prompt_add_turn(prompt, TURN_USER);
        prompt_add_part(prompt, user, PART_TOOL_RESULT)->id = call->id;
    }
}

static void media_of_others(struct prompt *prompt)
{
    struct turn *user = prompt->last_turn;
    static const struct media images[] = {
        {MEDIA_BASE64, STR_INIT(""), STR_INIT("/9j/4A"), STR_INIT(""), STR_INIT("low")},
        {MEDIA_BASE64, STR_INIT("image/tiff"), STR_INIT("SUkq"), STR_INIT(""), STR_INIT("")},
        {MEDIA_FILE, STR_INIT(""), STR_INIT("file-abc"), STR_INIT(""), STR_INIT("")},
    };
    for (size_t i = 0; i < COUNT(images); i++)
        prompt_add_part(prompt, user, PART_IMAGE)->media = images[i];
    prompt_add_part(prompt, user, PART_AUDIO)->media.data = STR("UklGR");
    prompt_add_part(prompt, user, PART_DOCUMENT)->media =
        (struct media){.source = MEDIA_BASE64, .type = STR("text/csv"), .data = STR("YQ==")};
    prompt_turn(prompt, TURN_DEVELOPER);
    prompt_add_part(prompt, prompt_turn(prompt, TURN_ASSISTANT), PART_REFUSAL)->text = STR("No.");
}

static void what_others_can_say_is_fitted_or_noted(void **state)
{
    (void)state;
    static const struct write_story stories[] = {
        {"no limit, and the model's own", ASK(""), 0, 8192, without_max_tokens,
         "{\"model\":\"m\",\"max_tokens\":8192,\"messages\":[" USER(TEXT("a")) "]}", ""},
        {"no limit at all", ASK(""), 0, 0, without_max_tokens,
         "{\"model\":\"m\",\"max_tokens\":32000,\"messages\":[" USER(TEXT("a")) "]}", ""},
        {"more than the model can", ASK(""), 0, 50, NULL,
         "{\"model\":\"m\",\"max_tokens\":50,\"messages\":[" USER(TEXT("a")) "]}",
         "changed:max_tokens"},
        {"a temperature that is too high", ASK(",\"temperature\":1.7"), 0, 0, NULL,
         ASK(",\"temperature\":1"), "changed:temperature"},
        {"temperature or top_p, not both", ASK(",\"temperature\":0.2,\"top_p\":0.9"), 0, 0, NULL,
         ASK(",\"temperature\":0.2"), "dropped:top_p"},
        {"a model without sampling", ASK(",\"temperature\":0.2,\"top_p\":0.9,\"top_k\":1"),
         QUIRK_NO_TEMPERATURE | QUIRK_NO_TOP_P, 0, NULL, ASK(""),
         "dropped:temperature,dropped:top_p,dropped:top_k"},
        {"blank stop sequences", ASK(",\"stop_sequences\":[\"\\n\",\"x\"]"), 0, 0, NULL,
         ASK(",\"stop_sequences\":[\"x\"]"), "dropped:stop"},
        {"a model without stop sequences", ASK(",\"stop_sequences\":[\"x\"]"), QUIRK_NO_STOP, 0,
         NULL, ASK(""), "dropped:stop"},
        {"what OpenAI alone knows", ASK(""), 0, 0, everything_of_openai, ASK(""),
         "dropped:seed,dropped:n,dropped:frequency_penalty,dropped:logit_bias,dropped:logprobs,dropped:verbosity,"
         "dropped:metadata,dropped:store,dropped:user,dropped:service_tier"},
        {"defaults are no loss", ASK(""), 0, 0, nothing_of_note,
         ASK(",\"service_tier\":\"standard_only\""), ""},
        {"JSON mode", ASK(""), 0, 0, json_mode,
         HEAD "\"system\":[" TEXT(
             "Answer with one JSON object and nothing else.") "],\"messages\":[" USER(TEXT("a")) "]}",
         "emulated:response_format"},
        {"a schema where none is taken",
         ASK(",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"a\":1}}}"),
         QUIRK_NO_SCHEMA, 0, NULL,
         HEAD
         "\"system\":[" TEXT("Answer with one JSON object that fits this JSON schema, and nothing else:\\n{\\\"a\\\":1}") "],\"messages\":[" USER(
             TEXT("a")) "]}",
         "changed:response_format"},
        {"a custom tool is a function with one text", ASK(""), 0, 0, custom_tool,
         HEAD
         "\"messages\":[" USER(TEXT("a")) "," ASSISTANT("{\"type\":\"tool_use\",\"id\":\"toolu_call_1\",\"name\":\"apply_patch\",\"input\":{\"input\":\"*** \\\"x\\\"\"}}") "," USER(
             "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_call_1\",\"content\":\"ok\"}") "],"
                                                                                               "\"tools\":[{\"name\":\"apply_patch\",\"description\":\"Edits.\\n\\nThe input has to follow this definition: "
                                                                                               "{\\\"syntax\\\":\\\"lark\\\"}\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
                                                                                               "\"required\":[\"input\"]}}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"apply_patch\"}}",
         "emulated:tools.custom"},
        {"schemas get their type", ASK(""), QUIRK_NO_STRICT_SCHEMA, 0, untyped_schemas,
         ASK(",\"tools\":[{\"name\":\"none\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}},"
             "{\"name\":\"empty\",\"input_schema\":{\"type\":\"object\" }},"
             "{\"name\":\"untyped\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"type\":{}}}}]"),
         "dropped:tools.strict"},
        {"arguments become an object", ASK(""), 0, 0, odd_arguments,
         HEAD "\"messages\":[" USER(TEXT("a")) "," ASSISTANT(
             "{\"type\":\"tool_use\",\"id\":\"toolu_a\",\"name\":\"f\",\"input\":{}},"
             "{\"type\":\"tool_use\",\"id\":\"toolu_ab\",\"name\":\"f\",\"input\":{\"a\": 1.0}},"
             "{\"type\":\"tool_use\",\"id\":\"toolu_abc\",\"name\":\"f\",\"input\":{\"arguments\":\"{\\\"a\\\":\"}}") "," USER("{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_a\"},{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_ab\"},"
                                                                                                                               "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_abc\"}") "],"
                                                                                                                                                                                           "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]}",
         "changed:tool_arguments"},
        {"pictures, sounds and files of others", ASK(""), 0, 0, media_of_others,
         HEAD "\"messages\":[" USER(TEXT(
             "a") ",{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/jpeg\","
                  "\"data\":\"/9j/4A\"}}") "," ASSISTANT(TEXT("No.")) "]}",
         "dropped:images.detail,dropped:images,dropped:audio,dropped:documents"},
        {"one tool at a time where nobody can say so",
         ASK_TOOL(",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"),
         QUIRK_NO_PARALLEL_FLAG, 0, NULL, ASK_TOOL(",\"tool_choice\":{\"type\":\"auto\"}"),
         "dropped:parallel_tool_calls"},
    };
    check_stories(stories, COUNT(stories));
}

TEST_MAIN(TEST(what_the_common_form_holds_comes_back_as_it_was),
          TEST(turns_stand_in_the_order_that_anthropic_wants),
          TEST(nothing_but_a_system_prompt_is_answered_too),
          TEST(thinking_is_asked_for_as_the_model_knows_it),
          TEST(a_budget_needs_a_signed_turn_to_go_on_with),
          TEST(what_others_can_say_is_fitted_or_noted))
