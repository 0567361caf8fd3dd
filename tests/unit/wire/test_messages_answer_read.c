/* tests/unit/wire/test_messages_answer_read.c: what messages providers say, told event by event.
 *
 *     begin ID; <kind ID NAME; 'delta'; (url|title|cited); SEAL>; stop REASON SEQUENCE;
 */
#include "tests/unit/wire/messages_play.h"

#include "tests/fixtures/fixture.h"

struct hearing {
    struct answer_reader reader;
    struct messages_reading own;
    struct fidelity fidelity;
    struct json_reader *json;
    struct buf told;
};

static void tell_word(struct buf *out, struct str word)
{
    if (word.len)
        buf_printf(out, " %.*s", STR_ARG(word));
}

static void on_event(void *arg, const struct answer_event *event)
{
    static const char *const kinds[PART_KIND_COUNT] = {[PART_TEXT] = "text",
                                                       [PART_THINKING] = "thinking",
                                                       [PART_SEALED] = "sealed",
                                                       [PART_TOOL_CALL] = "call"};
    static const char *const stops[] = {"unknown", "end",     "length", "sequence",
                                        "tools",   "refusal", "pause"};
    struct hearing *hearing = arg;
    struct buf *out = &hearing->told;
    switch (event->kind) {
    case ANSWER_BEGIN:
        buf_puts(out, "begin");
        hearing->reader.has_begun = true;
        break;
    case ANSWER_PART_BEGIN: buf_printf(out, "<%s", kinds[event->part]); break;
    case ANSWER_PART_DELTA: buf_printf(out, "'%.*s'", STR_ARG(event->text)); break;
    case ANSWER_ANNOTATION:
        buf_printf(out, "(%.*s|%.*s|%.*s)", STR_ARG(event->url), STR_ARG(event->title),
                   STR_ARG(event->text));
        break;
    case ANSWER_PART_END: buf_printf(out, ">%.*s", STR_ARG(event->seal)); break;
    case ANSWER_STOP:
        buf_printf(out, "stop %s", stops[event->stop]);
        hearing->reader.has_stopped = true;
        tell_word(out, event->text);
        break;
    case ANSWER_END: CHECK("not the reader's to say", false); break;
    }
    tell_word(out, event->id);
    tell_word(out, event->name);
    buf_puts(out, "; ");
}

static void hearing_start(struct hearing *hearing)
{
    *hearing = (struct hearing){0};
    CHECK("a reader", json_reader_new(PLAY_BYTES, &hearing->json) == OK);
    buf_init(&hearing->told, PLAY_BYTES);
    hearing->reader = (struct answer_reader){.on_event = on_event,
                                             .arg = hearing,
                                             .json = hearing->json,
                                             .fidelity = &hearing->fidelity,
                                             .own = &hearing->own};
    answer_parts_init(&hearing->reader.parts, on_event, hearing);
}

static void hearing_end(struct hearing *hearing)
{
    messages_reader_release(&hearing->reader);
    answer_parts_release(&hearing->reader.parts);
    buf_release(&hearing->told);
    json_reader_free(hearing->json);
}

static void hear_event(struct hearing *hearing, const struct sse_event *event)
{
    struct json root;
    hearing->reader.source = str_trim(event->data);
    if (json_parse(hearing->json, hearing->reader.source, &root, NULL) != OK)
        root = (struct json){0};
    messages_stream_read(&hearing->reader, event, root);
}

static void hear_stream(struct hearing *hearing, struct str stream)
{
    AUTO_BUF struct buf joined;
    buf_init(&joined, PLAY_BYTES);
    size_t scanned = 0;
    for (size_t len; (len = sse_event_end(stream, &scanned)) > 0; stream = str_from(stream, len)) {
        struct sse_event event;
        sse_event_read(str_upto(stream, len), &joined, &event);
        hear_event(hearing, &event);
    }
}

/* ---- whole streams ------------------------------------------------------------------------------- */

static void streams_are_told_part_by_part(void **state)
{
    (void)state;
    static const struct {
        const char *file, *want, *notes;
    } rows[] = {
        {"anthropic/messages_text.sse",
         "begin msg_01XFDUDYJgAACzvnptvVoYEL; <text; 'Hello'; '!'; >; stop end; ", ""},
        {"anthropic/messages_tool_use.sse",
         "begin msg_01XFDUDYJgAACzvnptvVoYEL; <call toolu_01T1x1fJ34qAmk2tNTrN7Up6 get_weather; '{\"location\":'; "
         "' \"San Francisco, CA\"}'; >; stop tools; ",
         ""},
        {"anthropic/messages_thinking.sse",
         "begin msg_01XFDUDYJgAACzvnptvVoYEL; <thinking; 'Let me solve'; "
         ">EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds...; <sealed; >EmwKAhgBEgy3va3pzix; "
         "<text; '42'; >; stop end; ",
         ""},
        {"anthropic/messages_empty.sse", "begin msg_01XFDUDYJgAACzvnptvVoYEL; stop end; ", ""},
        {"anthropic/messages_late_usage.sse",
         "begin msg_01XFDUDYJgAACzvnptvVoYEL; <text; 'late'; >; stop end; ", ""},
        {"anthropic/messages_citations.sse",
         "begin msg_02; <text; 'The sky is blue'; (https://sky.example/|Sky|blue); >; stop end; ",
         "dropped:answer.server_tool_use,dropped:answer.web_search_tool_result"},
        {"llama/messages_overlap.sse",
         "begin chatcmpl-1; <thinking; 'a '; 'b'; >; <text; 'One'; ' two'; >; <call x1 f; '{\"a\"'; ':1}'; >; "
         "stop tools; ",
         ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hearing hearing;
        hearing_start(&hearing);
        struct fixture fixture = fixture_read(rows[i].file);
        hear_stream(&hearing, (struct str){fixture.bytes, fixture.len});
        CHECK(rows[i].file, !hearing.reader.parts.failed);
        CHECK_STR(rows[i].file, buf_str(&hearing.told).at, rows[i].want);
        play_check_notes(rows[i].file, &hearing.fidelity, rows[i].notes);
        free(fixture.bytes);
        hearing_end(&hearing);
    }
}

/* ---- odd streams ---------------------------------------------------------------------------------- */

/* `events`: the data of each event on its own line, between quotes that are told as '. */
static void hear_lines(struct hearing *hearing, const char *lines)
{
    AUTO_BUF struct buf line;
    struct str rest = str_of(lines);
    buf_init(&line, PLAY_BYTES);
    while (rest.len) {
        buf_clear(&line);
        buf_append_str(&line, str_cut(&rest, '\n'));
        for (size_t i = 0; i < line.len; i++)
            if (line.data[i] == '\'')
                line.data[i] = '"';
        hear_event(hearing, &(struct sse_event){.data = buf_str(&line), .has_data = true});
    }
}

#define START(index, block) \
    "{'type':'content_block_start','index':" #index ",'content_block':{'type':" block "}}\n"
#define DELTA(index, delta) \
    "{'type':'content_block_delta','index':" #index ",'delta':{'type':" delta "}}\n"
#define STOP(index) "{'type':'content_block_stop','index':" #index "}\n"
#define REASON(reason) \
    "{'type':'message_delta','delta':{'stop_reason':'" reason "','stop_sequence':'x'}}\n"

static const struct odd_story {
    const char *name, *lines, *want, *notes;
    bool is_failed;
} odd_stories[] = {
    {"an input told at once", START(0, "'tool_use','id':'a','name':'f','input':{'n': 1.0}") STOP(0),
     "<call a f; '{\"n\": 1.0}'; >; ", "", false},
    {"an input told at once and in pieces counts once",
     START(0, "'tool_use','id':'a','name':'f','input':{'n':1}")
         DELTA(0, "'input_json_delta','partial_json':'{}'") STOP(0),
     "<call a f; '{}'; >; ", "", false},
    {"a text that is there from the start",
     START(0, "'text','text':'a'") DELTA(0, "'text_delta','text':''")
         DELTA(0, "'text_delta','text':'b'") STOP(0),
     "<text; 'a'; 'b'; >; ", "", false},
    {"a signature in pieces",
     START(0, "'thinking','thinking':'h','signature':'E'")
         DELTA(0, "'signature_delta','signature':'q'") STOP(0),
     "<thinking; 'h'; >Eq; ", "", false},
    {"blocks that nobody stopped",
     START(1, "'thinking','thinking':'h','signature':'Eq'") START(0, "'text','text':'a'")
         REASON("max_tokens") "{'type':'message_stop'}",
     "<thinking; 'h'; >Eq; <text; 'a'; >; stop length x; ", "", false},
    {"a block behind the end is no part of the answer",
     REASON("end_turn") START(0, "'text','text':'a'"), "stop end x; ", "dropped:answer.late_block",
     false},
    {"deltas of a block that never began", DELTA(3, "'text_delta','text':'a'"), "",
     "dropped:answer.text_delta", false},
    {"a delta of another kind",
     START(0, "'text','text':''") DELTA(0, "'new_delta','x':'a'") STOP(0), "<text; >; ",
     "dropped:answer.new_delta", false},
    {"what stands in message_start",
     "{'type':'message_start','message':{'id':'m','content':[{'type':'text','text':'a'}]}}\n" START(
         0, "'text','text':'b'") STOP(0),
     "begin m; <text; 'a'; >; <text; 'b'; >; ", "", false},
    {"a second start",
     "{'type':'message_start','message':{'id':'m'}}\n{'type':'message_start','message':{'id':'n'}}",
     "begin m; ", "", false},
    {"pings and news", "{'type':'ping'}\n{'type':'novelty','content':'x'}\n{}\n", "", "", false},
    {"an index twice", START(0, "'text','text':''") START(0, "'text','text':''"), "<text; ", "",
     true},
    {"no index", "{'type':'content_block_start','content_block':{'type':'text'}}", "", "", true},
    {"an index beyond all", START(1000000000000, "'text'"), "", "", true},
    {"the window is full", REASON("model_context_window_exceeded"), "stop length x; ", "", false},
    {"a stop sequence", REASON("stop_sequence"), "stop sequence x; ", "", false},
    {"a pause", REASON("pause_turn"), "stop pause x; ", "", false},
    {"a refusal, and why",
     "{'type':'message_delta','delta':{'stop_reason':'refusal','stop_details':{'type':'refusal','explanation':'bad'}}}",
     "stop refusal; ", "dropped:answer.stop_details", false},
    {"a reason to come", REASON("boredom"), "stop unknown x; ", "", false},
    {"two reasons", REASON("end_turn") REASON("refusal"), "stop end x; ", "", false},
};

static void odd_streams_are_told_as_far_as_they_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(odd_stories); i++) {
        const struct odd_story *story = &odd_stories[i];
        struct hearing hearing;
        hearing_start(&hearing);
        hear_lines(&hearing, story->lines);
        CHECK_STR(story->name, buf_str(&hearing.told).at, story->want);
        CHECK(story->name, hearing.reader.parts.failed == story->is_failed);
        play_check_notes(story->name, &hearing.fidelity, story->notes);
        hearing_end(&hearing);
    }
}

static void too_many_open_blocks_are_no_answer(void **state)
{
    (void)state;
    struct hearing hearing;
    hearing_start(&hearing);
    for (int i = 0; i <= MESSAGES_OPEN_MAX; i++) {
        char line[128];
        CHECK("so far", !hearing.reader.parts.failed);
        (void)snprintf(
            line, sizeof line,
            "{'type':'content_block_start','index':%d,'content_block':{'type':'text','text':''}}",
            i);
        hear_lines(&hearing, line);
    }
    CHECK("one too many", hearing.reader.parts.failed);
    hearing_end(&hearing);
}

/* ---- plain answers ---------------------------------------------------------------------------------- */

static void hear_plain(const char *name, struct str text, const char *want, const char *notes)
{
    struct hearing hearing;
    struct json root;
    hearing_start(&hearing);
    hearing.reader.source = text;
    CHECK(name, json_parse(hearing.json, text, &root, NULL) == OK);
    messages_answer_read(&hearing.reader, root);
    CHECK_STR(name, buf_str(&hearing.told).at, want);
    play_check_notes(name, &hearing.fidelity, notes);
    hearing_end(&hearing);
}

static void plain_answers_are_the_same_row_of_events(void **state)
{
    (void)state;
    struct fixture fixture = fixture_read("anthropic/messages_plain.json");
    hear_plain(
        "recorded", (struct str){fixture.bytes, fixture.len},
        "begin msg_1; <thinking; 'hm'; >Eq; <text; 'Hi!'; >; <call toolu_1 get_weather; '{\n        \"city\": "
        "\"Bern\"\n      }'; >; stop tools; ",
        "");
    free(fixture.bytes);
    hear_plain(
        "redacted, cited, hosted",
        STR("{\"id\":\"m\",\"content\":[{\"type\":\"redacted_thinking\",\"data\":\"Em\"},"
            "{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":\"char_location\",\"document_title\":\"D\","
            "\"cited_text\":\"c\"}]},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}},"
            "{\"type\":\"container_upload\"}],\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"x\"}"),
        "begin m; <sealed; >Em; <text; 'a'; (|D|c); >; <call t f; >; stop sequence x; ",
        "dropped:answer.container_upload");
    hear_plain("nothing", STR("{\"content\":[]}"), "begin; ", "");
}

TEST_MAIN(TEST(streams_are_told_part_by_part), TEST(odd_streams_are_told_as_far_as_they_go),
          TEST(too_many_open_blocks_are_no_answer), TEST(plain_answers_are_the_same_row_of_events))
