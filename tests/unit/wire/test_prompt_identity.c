/* tests/unit/wire/test_prompt_identity.c: a body that is read and written in its own dialect says what it said.
 *
 * Bodies of one dialect pass the gateway byte for byte, so this is no path of traffic. It is the yardstick of the common
 * form: what it cannot hold would be lost on the way to every other dialect too.
 */
#include "tests/test.h"
#include "wire/prompt.h"

#define ROOM (1u << 20)

typedef enum err prompt_reader(struct prompt *prompt, struct json root, struct error *error);
typedef enum err prompt_writer(struct prompt *prompt, const struct prompt_target *target,
                               struct buf *out);

static struct json_reader *reader, *scratch;

/* Members may come in another order; so values are compared, not bytes. */
static bool are_equal(struct json left, struct json right);

static bool objects_are_equal(struct json left, struct json right)
{
    if (json_count(left) != json_count(right))
        return false;
    for (struct json_cursor each = json_each(left); json_next(&each);) {
        char name[128];
        str_copy(each.name, name, sizeof name);
        if (!are_equal(each.value, json_get(right, name)))
            return false;
    }
    return true;
}

static bool arrays_are_equal(struct json left, struct json right)
{
    struct json_cursor a = json_each(left), b = json_each(right);
    if (json_count(left) != json_count(right))
        return false;
    while (json_next(&a) && json_next(&b))
        if (!are_equal(a.value, b.value))
            return false;
    return true;
}

static bool are_equal(struct json left, struct json right)
{
    double a, b;
    bool c, d;
    if (json_type_of(left) != json_type_of(right))
        return false;
    switch (json_type_of(left)) {
    case JSON_OBJECT: return objects_are_equal(left, right);
    case JSON_ARRAY: return arrays_are_equal(left, right);
    case JSON_STRING: return str_eq(json_string_or_empty(left), json_string_or_empty(right));
    case JSON_NUMBER: return json_double(left, &a) && json_double(right, &b) && a == b;
    case JSON_BOOL: return json_bool(left, &c) && json_bool(right, &d) && c == d;
    default: return true;
    }
}

static void write_again(const char *body, prompt_reader *read, prompt_writer *write,
                        struct buf *out, struct buf *notes)
{
    struct arena arena;
    struct fidelity fidelity = {0};
    struct tool_names names;
    struct prompt prompt;
    struct json root;
    struct error error = {0};
    struct prompt_target target = {.model = STR("m"), .max_output_tokens = -1};
    arena_init(&arena, ROOM);
    tool_names_init(&names, &arena, 64);
    CHECK(body, json_parse(reader, str_of(body), &root, NULL) == OK);
    prompt_init(&prompt, &arena, reader, scratch, str_of(body), &fidelity, &names);
    CHECK(body, read(&prompt, root, &error) == OK);
    CHECK(body, write(&prompt, &target, out) == OK);
    fidelity_write(&fidelity, notes);
    arena_release(&arena);
}

static const struct story {
    const char *name;
    prompt_reader *read;
    prompt_writer *write;
    const char *body;
} stories[] = {
#define CHAT      chat_prompt_read, chat_prompt_write
#define RESPONSES responses_prompt_read, responses_prompt_write
#define MESSAGES  messages_prompt_read, messages_prompt_write
    {"chat: a talk with instructions, pictures and settings", CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be short.\"},"
     "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is it?\"},"
     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\",\"detail\":\"low\"}}]},"
     "{\"role\":\"assistant\",\"content\":\"A cat.\"},{\"role\":\"user\",\"content\":\"Sure?\"}],"
     "\"max_completion_tokens\":99,\"temperature\":0.5,\"top_p\":0.9,\"seed\":7,\"stop\":[\"x\",\"y\"],"
     "\"frequency_penalty\":0.25,\"presence_penalty\":-0.5,\"logit_bias\":{\"50256\":-100},"
     "\"logprobs\":true,\"top_logprobs\":3,\"user\":\"u1\",\"reasoning_effort\":\"low\","
     "\"verbosity\":\"low\"}"},
    {"chat: calls that ran side by side", CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Weather?\"},"
     "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":"
     "{\"name\":\"w\",\"arguments\":\"{\\\"at\\\":\\\"Bern\\\"}\"}},{\"id\":\"call_2\",\"type\":\"function\",\"function\":"
     "{\"name\":\"w\",\"arguments\":\"{\\\"at\\\":\\\"Rome\\\"}\"}}]},"
     "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"4\"},{\"role\":\"tool\",\"tool_call_id\":\"call_2\","
     "\"content\":\"19\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"w\",\"description\":\"Weather\","
     "\"parameters\":{\"type\":\"object\",\"properties\":{\"at\":{\"type\":\"string\"}}},\"strict\":true}}],"
     "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"w\"}},\"parallel_tool_calls\":false}"},
    {"chat: an answer by a schema", CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"response_format\":{\"type\":"
     "\"json_schema\",\"json_schema\":{\"name\":\"s\",\"description\":\"d\",\"schema\":{\"type\":\"object\"},"
     "\"strict\":true}}}"},
    {"responses: instructions, a picture, settings", RESPONSES,
     "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":[{\"type\":\"input_text\","
     "\"text\":\"Be short.\"}]},{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"What?\"},{\"type\":\"input_image\",\"image_url\":"
     "\"data:image/png;base64,AAAA\",\"detail\":\"low\"}]}],\"max_output_tokens\":99,\"temperature\":0.5,"
     "\"top_p\":0.9,\"include\":[\"reasoning.encrypted_content\"],\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
     "\"store\":false,\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\",\"schema\":{\"type\":\"object\"},"
     "\"strict\":true},\"verbosity\":\"low\"},\"prompt_cache_key\":\"k\"}"},
    {"responses: calls of functions and of custom tools", RESPONSES,
     "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
     "\"Go\"}]},{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},"
     "{\"type\":\"custom_tool_call\",\"call_id\":\"call_2\",\"name\":\"patch\",\"input\":\"*** Begin\"},"
     "{\"type\":\"function_call_output\",\"call_id\":\"call_1\",\"output\":\"one\"},{\"type\":"
     "\"custom_tool_call_output\",\"call_id\":\"call_2\",\"output\":\"two\"}],\"tools\":[{\"type\":\"function\",\"name\":"
     "\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\"},\"strict\":false},{\"type\":\"custom\",\"name\":"
     "\"patch\",\"description\":\"p\"}],\"tool_choice\":\"required\",\"store\":false}"},
    {"messages: system, a picture, a document, settings", MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":99,\"system\":[{\"type\":\"text\",\"text\":\"Be short.\"}],\"messages\":["
     "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What?\"},{\"type\":\"image\",\"source\":{\"type\":"
     "\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}},{\"type\":\"document\",\"source\":{\"type\":\"base64\","
     "\"media_type\":\"application/pdf\",\"data\":\"AAAA\"}}]}],\"temperature\":0.5,\"top_k\":5,"
     "\"stop_sequences\":[\"x\"],\"metadata\":{\"user_id\":\"u1\"}}"},
    {"messages: calls, results, one of them an error", MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Go\"}]},"
     "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I go.\"},{\"type\":\"tool_use\",\"id\":\"toolu_1\","
     "\"name\":\"f\",\"input\":{\"a\":1}},{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"f\",\"input\":{}}]},"
     "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":\"one\"},{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_2\",\"is_error\":true,\"content\":\"no\"}]}],\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":"
     "\"object\"}}],\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}}"},
};

static void a_body_says_in_its_own_dialect_what_it_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        AUTO_BUF struct buf out, notes;
        struct json given, written;
        buf_init(&out, ROOM);
        buf_init(&notes, ROOM);
        write_again(story->body, story->read, story->write, &out, &notes);
        CHECK(story->name, json_parse(reader, str_of(story->body), &given, NULL) == OK);
        CHECK(story->name, json_parse(scratch, buf_str(&out), &written, NULL) == OK);
        if (!are_equal(given, written))
            CHECK_STR(story->name, out.data, story->body);
        CHECK_STR(story->name, notes.len ? notes.data : "", "");
    }
}

static int start(void **state)
{
    (void)state;
    return json_reader_new(ROOM, &reader) == OK && json_reader_new(ROOM, &scratch) == OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    json_reader_free(reader);
    json_reader_free(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_body_says_in_its_own_dialect_what_it_said)};
    return cmocka_run_group_tests(tests, start, stop);
}
