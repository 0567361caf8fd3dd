/* tests/unit/wire/test_messages_prompt_read.c: messages bodies, told by what the common form makes of them.
 *
 * A prompt is told in one line: S, D, U, A for the turns, then their parts in brackets.
 */
#include "tests/unit/wire/messages_play.h"

/* ---- a prompt in one line ---------------------------------------------------------------------- */

static void tell_str(struct buf *out, const char *name, struct str text)
{
    if (text.len)
        buf_printf(out, " %s=%.*s", name, STR_ARG(text));
}

static void tell_media(struct buf *out, const struct media *media)
{
    static const char *const sources[] = {"url", "base64", "text", "file"};
    buf_printf(out, " %s", sources[media->source]);
    tell_str(out, "type", media->type);
    tell_str(out, "data", media->data);
    tell_str(out, "name", media->name);
}

static void tell_part(struct buf *out, const struct part *part)
{
    static const char *const kinds[] = {"text",     "refusal", "image", "document", "audio",
                                        "thinking", "sealed",  "call",  "result"};
    buf_printf(out, "[%s", kinds[part->kind]);
    tell_str(out, "id", part->id);
    tell_str(out, "name", part->name);
    if (part->text.len)
        buf_printf(out, " '%.*s'", STR_ARG(part->text));
    tell_str(out, "args", part->arguments);
    if (part->kind >= PART_IMAGE && part->kind <= PART_AUDIO)
        tell_media(out, &part->media);
    if (part->seal.len)
        buf_printf(out, " %s:%.*s", part->sealed_by == ENDPOINT_MESSAGES ? "messages" : "responses",
                   STR_ARG(part->seal));
    if (part->is_error)
        buf_puts(out, " error");
    for (const struct part *inside = part->inside; inside; inside = inside->next)
        tell_part(out, inside);
    buf_putc(out, ']');
}

static void tell_turns(struct buf *out, const struct prompt *prompt)
{
    for (const struct turn *turn = prompt->turns; turn; turn = turn->next) {
        buf_printf(out, "%s%c", out->len ? " " : "", "SDUA"[turn->role]);
        for (const struct part *part = turn->parts; part; part = part->next)
            tell_part(out, part);
    }
}

/* ---- turns and blocks -------------------------------------------------------------------------- */

#define IN_USER(blocks)      "{\"messages\":[{\"role\":\"user\",\"content\":[" blocks "]}]}"
#define IN_ASSISTANT(blocks) "{\"messages\":[{\"role\":\"assistant\",\"content\":[" blocks "]}]}"

static const struct turn_story {
    const char *name, *body, *want, *notes;
} turn_stories[] = {
    {"a text is a text",
     "{\"system\":\"Be kind.\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
     "{\"role\":\"assistant\",\"content\":\"ho\"}]}",
     "S[text 'Be kind.'] U[text 'hi'] A[text 'ho']", ""},
    {"blocks of Claude Code: billing, caching, a system turn in the middle",
     "{\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cc\"},"
     "{\"type\":\"text\",\"text\":\"You are\",\"cache_control\":{\"type\":\"ephemeral\"}}],"
     "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},"
     "{\"role\":\"system\",\"content\":\"be quick\",\"output_config\":{\"effort\":\"low\"}},"
     "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"be good\"}]}]}",
     "S[text 'x-anthropic-billing-header: cc'][text 'You are'] U[text 'hi'] S[text 'be quick'] "
     "S[text 'be good']",
     "dropped:cache_control"},
    {"images of every source",
     IN_USER(
         "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iV\"}},"
         "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a.png\"}},"
         "{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"file_1\"}}"),
     "U[image base64 type=image/png data=iV][image url data=https://x/a.png][image file data=file_1]",
     ""},
    {"documents of every source",
     IN_USER(
         "{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\","
         "\"data\":\"JV\"}},"
         "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a.pdf\"}},"
         "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"T\"}},"
         "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":\"c\"}},"
         "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":["
         "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}},"
         "{\"type\":\"document\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"),
     "U[document base64 type=application/pdf data=JV name=T][document url data=https://x/a.pdf]"
     "[document text type=text/plain data=T][document text type=text/plain data=c]"
     "[document text type=text/plain data=a\nb][document file data=f]",
     "emulated:documents.content"},
    {"what is said about a document is noted",
     IN_USER("{\"type\":\"document\",\"context\":\"old\",\"citations\":{\"enabled\":true},"
             "\"source\":{\"type\":\"text\",\"data\":\"T\"}}"),
     "U[document text type=text/plain data=T]",
     "dropped:documents.citations,dropped:documents.context"},
    {"thinking keeps its seal",
     IN_ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"Eq\"},"
                  "{\"type\":\"redacted_thinking\",\"data\":\"Em\"},"
                  "{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"\"}"),
     "A[thinking 'hm' messages:Eq][sealed messages:Em][thinking 'h']", ""},
    {"an envelope that does not open leaves its text",
     IN_ASSISTANT(
         "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"auxot1.x\"},"
         "{\"type\":\"redacted_thinking\",\"data\":\"auxot1.x\"},{\"type\":\"text\",\"text\":\"t\"}"),
     "A[thinking 'hm'][text 't']", "dropped:thinking.signature,dropped:redacted_thinking"},
    {"arguments stay as they stand",
     IN_ASSISTANT(
         "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"caller\":{\"type\":\"direct\"},"
         "\"input\":{ \"n\" : 1.00e2, \"a\":\"\\u00e9\" }}"),
     "A[call id=toolu_1 name=f args={ \"n\" : 1.00e2, \"a\":\"\\u00e9\" }]", ""},
    {"results: a string, blocks, nothing, an error",
     IN_USER(
         "{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"12\"},"
         "{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},"
         "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}},"
         "{\"type\":\"tool_reference\",\"tool_name\":\"grep\"}]},"
         "{\"type\":\"tool_result\",\"tool_use_id\":\"c\"},"
         "{\"type\":\"tool_result\",\"tool_use_id\":\"d\",\"content\":\"no\",\"is_error\":true}"),
     "U[result id=a[text '12']][result id=b[text 'x'][image url data=https://x][text 'Tool found: grep']]"
     "[result id=c][result id=d error[text 'no']]",
     "emulated:messages.tool_reference"},
    {"a search result becomes a text",
     IN_USER("{\"type\":\"search_result\",\"title\":\"T\",\"source\":\"https://x\",\"content\":["
             "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}"),
     "U[text 'Search result: T\nSource: https://x\n\na\nb']", "emulated:messages.search_result"},
    {"blocks of hosted tools are noted by their type",
     IN_ASSISTANT(
         "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}},"
         "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[]},"
         "{\"type\":\"text\",\"text\":\"t\",\"citations\":[{\"type\":\"char_location\"}]}"),
     "A[text 't']",
     "dropped:messages.server_tool_use,dropped:messages.web_search_tool_result,dropped:messages.citations"},
    {"no call inside a result",
     IN_USER(
         "{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":[{\"type\":\"tool_use\"}]}"),
     "U[result id=a]", "dropped:messages.tool_use"},
};

static void turns_mean_what_they_say(void **state)
{
    (void)state;
    struct play play;
    play_start(&play);
    for (size_t i = 0; i < COUNT(turn_stories); i++) {
        const struct turn_story *story = &turn_stories[i];
        struct error error = {0};
        AUTO_BUF struct buf told;
        buf_init(&told, PLAY_BYTES);
        CHECK_INT(story->name, play_read(&play, story->body, &error), OK);
        tell_turns(&told, &play.prompt);
        CHECK_STR(story->name, buf_str(&told).at, story->want);
        play_check_notes(story->name, &play.fidelity, story->notes);
    }
    play_end(&play);
}

/* ---- envelopes --------------------------------------------------------------------------------- */

static void envelopes_become_what_their_makers_made(void **state)
{
    (void)state;
    static const struct {
        struct sealed_thinking sealed;
        const char *want;
    } rows[] = {
        {{ENDPOINT_RESPONSES, false, STR_INIT("rs_1"), STR_INIT(""), STR_INIT("enc")},
         "A[thinking id=rs_1 'shown' responses:enc]"},
        {{ENDPOINT_RESPONSES, true, STR_INIT("rs_2"), STR_INIT(""), STR_INIT("enc")},
         "A[sealed id=rs_2 'shown' responses:enc]"},
        {{ENDPOINT_MESSAGES, false, STR_INIT(""), STR_INIT("own"), STR_INIT("Eq")},
         "A[thinking 'own' messages:Eq]"},
        {{ENDPOINT_CHAT, false, STR_INIT(""), STR_INIT(""), STR_INIT("")}, "A[thinking 'shown']"},
    };
    struct play play;
    play_start(&play);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO_BUF struct buf body, told;
        buf_init(&body, PLAY_BYTES);
        buf_init(&told, PLAY_BYTES);
        buf_puts(&body,
                 "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
                 "\"thinking\":\"shown\",\"signature\":\"");
        CHECK("sealed", seal_put(&play_sealer, &rows[i].sealed, &body));
        buf_puts(&body, "\"}]}]}");
        CHECK_INT("read", play_read(&play, buf_str(&body).at, NULL), OK);
        tell_turns(&told, &play.prompt);
        CHECK_STR("opened", buf_str(&told).at, rows[i].want);
        play_check_notes("nothing lost", &play.fidelity, "");
    }
    play_end(&play);
}

/* ---- everything else ---------------------------------------------------------------------------- */

#define WITH(fields) "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]," fields "}"

static void tell_tools(struct buf *out, const struct prompt *prompt)
{
    static const char *const choices[] = {"", "auto", "none", "any", "named"};
    for (const struct tool *tool = prompt->tools; tool; tool = tool->next) {
        buf_printf(out, "(%.*s", STR_ARG(tool->name));
        tell_str(out, "says", tool->description);
        tell_str(out, "takes", tool->schema);
        buf_puts(out, tool->strict == MAYBE_YES ? " strict)" : ")");
    }
    if (prompt->choice)
        buf_printf(out, " choice=%s", choices[prompt->choice]);
    tell_str(out, "of", prompt->choice_name);
    if (prompt->parallel_tools == MAYBE_NO)
        buf_puts(out, " one at a time");
}

static void tell_settings(struct buf *out, const struct prompt *prompt)
{
    static const char *const modes[] = {"", "off", "on", "adaptive"};
    tell_tools(out, prompt);
    if (prompt->max_tokens >= 0)
        buf_printf(out, " max=%lld", (long long)prompt->max_tokens);
    if (prompt->is_stream)
        buf_puts(out, " stream");
    tell_str(out, "temperature", prompt->temperature);
    tell_str(out, "top_p", prompt->top_p);
    tell_str(out, "top_k", prompt->top_k);
    for (size_t i = 0; i < prompt->stop_count; i++)
        tell_str(out, "stop", prompt->stops[i]);
    tell_str(out, "thinking", str_of(modes[prompt->thinking]));
    if (prompt->thinking_budget >= 0)
        buf_printf(out, " budget=%lld", (long long)prompt->thinking_budget);
    tell_str(out, "shown", prompt->thinking_shown);
    tell_str(out, "effort", prompt->effort);
    tell_str(out, "schema", prompt->format_schema);
    tell_str(out, "user", prompt->user);
    tell_str(out, "tier", prompt->service_tier);
}

static const struct setting_story {
    const char *name, *body, *want, *notes;
} setting_stories[] = {
    {"nothing asked, nothing set", WITH("\"model\":\"m\""), "", ""},
    {"limits and sampling, digit by digit",
     WITH("\"max_tokens\":100,\"stream\":true,\"temperature\":0.70,\"top_p\":1.0,\"top_k\":5,"
          "\"stop_sequences\":[\"a\",\"\\n\\nb\"]"),
     " max=100 stream temperature=0.70 top_p=1.0 top_k=5 stop=a stop=\n\nb", ""},
    {"too many stop sequences",
     WITH(
         "\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\","
         "\"14\",\"15\",\"16\",\"17\"]"),
     " stop=1 stop=2 stop=3 stop=4 stop=5 stop=6 stop=7 stop=8 stop=9 stop=10 stop=11 stop=12 stop=13 stop=14"
     " stop=15 stop=16",
     "dropped:stop_sequences"},
    {"thinking within a budget",
     WITH("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":31999}"),
     " thinking=on budget=31999", ""},
    {"thinking as Claude Code asks for it",
     WITH(
         "\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},\"output_config\":{\"effort\":\"max\"},"
         "\"context_management\":{\"edits\":[{\"type\":\"clear_thinking_20251015\",\"keep\":\"all\"}]},"
         "\"metadata\":{\"user_id\":\"{\\\"device\\\":1}\"},\"betas\":[\"x\"]"),
     " thinking=adaptive shown=omitted effort=max user={\"device\":1}",
     "dropped:context_management"},
    {"no thinking", WITH("\"thinking\":{\"type\":\"disabled\"}"), " thinking=off", ""},
    {"an answer by a schema",
     WITH(
         "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{ \"type\":\"object\"}},"
         "\"task_budget\":{\"total\":9}}"),
     " schema={ \"type\":\"object\"}", "dropped:output_config.task_budget"},
    {"the same, as it was once spelled",
     WITH("\"output_format\":{\"type\":\"json_schema\",\"schema\":{}}"), " schema={}", ""},
    {"service tier", WITH("\"service_tier\":\"standard_only\""), " tier=standard_only", ""},
    {"what only Anthropic does is noted by its name",
     WITH(
         "\"container\":\"c\",\"mcp_servers\":[{\"url\":\"u\"}],\"inference_geo\":\"eu\",\"cache_control\":null,"
         "\"metadata\":{\"user_id\":\"u\",\"x\":1}"),
     " user=u", "dropped:container,dropped:mcp_servers,dropped:inference_geo,dropped:metadata.x"},
    {"what asks for nothing is no loss",
     WITH("\"mcp_servers\":[],\"container\":null,\"fast\":false"), "", ""},
    {"tools of the caller",
     WITH(
         "\"tools\":[{\"name\":\"f\",\"description\":\"does\",\"input_schema\":{\"type\":\"object\"},"
         "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"custom\",\"name\":\"g\",\"strict\":true,"
         "\"input_schema\":{},\"eager_input_streaming\":true,\"allowed_callers\":[\"direct\"]},"
         "{\"name\":\"DeferredToolPlaceholder\",\"defer_loading\":true,\"input_schema\":{\"type\":\"object\"}}],"
         "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}"),
     "(f says=does takes={\"type\":\"object\"})(g takes={} strict)(DeferredToolPlaceholder takes={\"type\":\"object\"})"
     " choice=any one at a time",
     "dropped:cache_control,emulated:tools.defer_loading"},
    {"tools of Anthropic",
     WITH(
         "\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"},{\"type\":\"bash_20250124\","
         "\"name\":\"bash\"},{\"name\":\"f\",\"input_schema\":{},\"input_examples\":[{}],"
         "\"allowed_callers\":[\"code_execution_20260120\"]}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"),
     "(f takes={}) choice=named of=f",
     "dropped:tools.web_search_20250305,dropped:tools.bash_20250124,dropped:tools.allowed_callers,"
     "dropped:tools.input_examples"},
    {"no tool", WITH("\"tool_choice\":{\"type\":\"none\"}"), " choice=none", ""},
};

static void settings_mean_what_they_say(void **state)
{
    (void)state;
    struct play play;
    play_start(&play);
    for (size_t i = 0; i < COUNT(setting_stories); i++) {
        const struct setting_story *story = &setting_stories[i];
        struct error error = {0};
        AUTO_BUF struct buf told;
        buf_init(&told, PLAY_BYTES);
        CHECK_INT(story->name, play_read(&play, story->body, &error), OK);
        tell_settings(&told, &play.prompt);
        CHECK_STR(story->name, buf_str(&told).at, story->want);
        play_check_notes(story->name, &play.fidelity, story->notes);
    }
    play_end(&play);
}

/* ---- what every provider refuses ----------------------------------------------------------------- */

static const struct refusal_story {
    const char *body, *sentence;
} refusals[] = {
    {"[]", "the body must be a JSON object"},
    {"{}", "messages must be an array"},
    {"{\"messages\":{}}", "messages must be an array"},
    {"{\"messages\":[]}", "messages must hold at least one message"},
    {"{\"messages\":[1]}", "messages[0] must be an object"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"tool\",\"content\":\"a\"}]}",
     "messages[1].role must be user, assistant or system"},
    {"{\"messages\":[{\"role\":\"user\"}]}",
     "messages[0].content must be a string or an array of blocks"},
    {"{\"system\":{\"a\":1},\"messages\":[]}", "system must be a string or an array of blocks"},
    {"{\"system\":[{\"type\":\"text\"}],\"messages\":[]}", "system[0].text must be a string"},
    {IN_USER("{\"text\":\"a\"}"), "messages[0].content[0] must be an object with a type"},
    {IN_USER("{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":1}"),
     "messages[0].content[1].text must be a string"},
    {IN_USER("{\"type\":\"image\",\"source\":\"x\"}"),
     "messages[0].content[0].source must be a base64, url or file source"},
    {IN_USER("{\"type\":\"document\",\"source\":{\"type\":\"audio\"}}"),
     "messages[0].content[0].source must be a base64, text, url, content or file source"},
    {IN_ASSISTANT("{\"type\":\"thinking\"}"), "messages[0].content[0].thinking must be a string"},
    {IN_ASSISTANT("{\"type\":\"redacted_thinking\"}"),
     "messages[0].content[0].data must be a string"},
    {IN_ASSISTANT("{\"type\":\"tool_use\",\"id\":\"a\",\"input\":{}}"),
     "messages[0].content[0] needs an id and a name"},
    {IN_ASSISTANT("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":\"{}\"}"),
     "messages[0].content[0].input must be an object"},
    {IN_USER("{\"type\":\"tool_result\",\"content\":\"a\"}"),
     "messages[0].content[0].tool_use_id must be a string"},
    {IN_USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":[{\"type\":\"text\"}]}"),
     "messages[0].content[0].content[0].text must be a string"},
    {IN_USER("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":7}"),
     "messages[0].content[0].content must be a string or an array of blocks"},
    {WITH("\"max_tokens\":\"a\""), "max_tokens must be a whole number, not negative"},
    {WITH("\"max_tokens\":-1"), "max_tokens must be a whole number, not negative"},
    {WITH("\"temperature\":\"0\""), "temperature must be a number"},
    {WITH("\"stop_sequences\":\"a\""), "stop_sequences must be an array of strings"},
    {WITH("\"stop_sequences\":[1]"), "stop_sequences must be an array of strings"},
    {WITH("\"stream\":1"), "stream must be true or false"},
    {WITH("\"thinking\":{\"type\":\"much\"}"),
     "thinking.type must be enabled, adaptive or disabled"},
    {WITH("\"tools\":{}"), "tools must be an array"},
    {WITH("\"tools\":[{\"name\":\"a\"},{\"input_schema\":{}}]"), "tools[1].name must be a string"},
    {WITH("\"tools\":[{\"name\":\"a\",\"input_schema\":[1]}]"),
     "tools[0].input_schema must be an object"},
    {WITH("\"tool_choice\":\"auto\""), "tool_choice.type must be auto, any, tool or none"},
    {WITH("\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice.name must be a string"},
    {WITH("\"output_config\":{\"format\":{\"type\":\"json_schema\"}}"),
     "output_config.format.schema must be an object"},
};

static void what_every_provider_refuses_is_refused_with_its_place(void **state)
{
    (void)state;
    struct play play;
    play_start(&play);
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct error error = {0};
        CHECK_INT(refusals[i].body, play_read(&play, refusals[i].body, &error), ERR_MALFORMED);
        CHECK_STR(refusals[i].body, error.text, refusals[i].sentence);
    }
    play_end(&play);
}

static void the_assistants_words_at_the_end_are_a_prefill(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool has_prefill;
    } rows[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
         "{\"role\":\"assistant\",\"content\":\"so\"}]}",
         true},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
         "{\"role\":\"assistant\",\"content\":\"so\"},{\"role\":\"user\",\"content\":\"and\"}]}",
         false},
        {"{\"system\":\"s\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", false},
    };
    struct play play;
    play_start(&play);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_INT(rows[i].body, play_read(&play, rows[i].body, NULL), OK);
        CHECK(rows[i].body, play.prompt.has_prefill == rows[i].has_prefill);
    }
    play_end(&play);
}

TEST_MAIN(TEST(turns_mean_what_they_say), TEST(the_assistants_words_at_the_end_are_a_prefill),
          TEST(envelopes_become_what_their_makers_made), TEST(settings_mean_what_they_say),
          TEST(what_every_provider_refuses_is_refused_with_its_place))
