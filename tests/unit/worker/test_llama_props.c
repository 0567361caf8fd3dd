/* tests/unit/worker/test_llama_props.c: what llama-servers of several versions say of themselves. CLIENTS.md 9. */
#include "worker/llama.h"
#include "worker/llama_props.h"

#include "tests/test.h"

/* As told in a registration, after /v1/models, /props and /slots in turn. NULL: was not asked. */
static const struct story {
    const char *name, *models, *props, *slots, *told;
    int slot_count;
    bool is_router;
} stories[] = {
    {"a model with tools",
     "{\"object\":\"list\",\"data\":[{\"id\":\"qwen3\",\"aliases\":[\"qwen3\"],\"meta\":{\"n_ctx_train\":40960}}]}",
     "{\"default_generation_settings\":{\"id\":0,\"n_ctx\":8192},\"total_slots\":4,\"model_alias\":\"qwen3\","
     "\"modalities\":{\"vision\":false,\"audio\":false},\"chat_template_caps\":{\"supports_tools\":true,"
     "\"supports_tool_calls\":true}}",
     NULL,
     "{\"id\":\"qwen3\",\"context_tokens\":8192,\"abilities\":{\"tools\":true,\"images\":false,\"json_schema\":true}}",
     4},
    {"one that sees and thinks, and whose template knows no tools",
     "{\"data\":[{\"id\":\"gemma\"}]}",
     "{\"default_generation_settings\":{\"n_ctx\":4096},\"total_slots\":1,\"modalities\":{\"vision\":true},"
     "\"chat_template_caps\":{\"supports_tools\":false,\"supports_preserve_reasoning\":true}}",
     NULL,
     "{\"id\":\"gemma\",\"context_tokens\":4096,\"abilities\":{\"tools\":false,\"images\":true,\"json_schema\":true,"
     "\"reasoning\":true}}",
     1},
    {"an older one whose /props tell no slots: /slots do", "{\"data\":[{\"id\":\"old\"}]}",
     "{\"chat_template\":\"x\"}", "[{\"id\":0,\"n_ctx\":2048},{\"id\":1,\"n_ctx\":2048}]",
     "{\"id\":\"old\",\"context_tokens\":2048,\"abilities\":{\"json_schema\":true}}", 2},
    {"a server that has no /props: nothing is claimed", "{\"data\":[{\"id\":\"vllm\"}]}", NULL,
     NULL, "{\"id\":\"vllm\",\"abilities\":{}}", 0},
    {"a router's model that is not loaded: what the list tells",
     "{\"data\":[{\"id\":\"org/m:Q4\",\"status\":{\"value\":\"unloaded\"},\"architecture\":{\"input_modalities\":"
     "[\"text\",\"image\"]}}]}",
     NULL, NULL, "{\"id\":\"org/m:Q4\",\"abilities\":{\"images\":true}}", 0, .is_router = true},
    {"lies are clamped", "{\"data\":[{\"id\":\"liar\"}]}",
     "{\"default_generation_settings\":{\"n_ctx\":-5},\"total_slots\":1000000000}", NULL,
     "{\"id\":\"liar\",\"abilities\":{\"json_schema\":true}}", 1024},
    {"one that sees nothing and thinks as hard as it is told, with more slots than anybody has",
     "{\"data\":[{\"id\":\"m\",\"architecture\":{\"input_modalities\":[\"text\"]}}]}",
     "{\"default_generation_settings\":{\"n_ctx\":4096},\"chat_template_caps\":{\"supports_reasoning_effort\":true}}",
     "MANY",
     "{\"id\":\"m\",\"context_tokens\":4096,\"abilities\":{\"images\":false,\"json_schema\":true,\"reasoning\":true}}",
     1024},
    {"a name that is too long is passed over", "{\"data\":[{\"id\":\"LONG\"},{\"id\":\"m\"}]}",
     NULL, "[]", "{\"id\":\"m\",\"abilities\":{}}", 0},
    {"other types are as nothing",
     "{\"data\":[{\"id\":7},\"x\",{\"id\":\"m\",\"architecture\":3}]}",
     "{\"default_generation_settings\":[],\"total_slots\":\"4\",\"modalities\":1,\"chat_template_caps\":"
     "{\"supports_tools\":\"yes\"}}",
     "{}", "{\"id\":\"m\",\"abilities\":{\"json_schema\":true}}", 0},
};

/* MANY and LONG stand for what nobody wants to read here. */
static struct json parsed(struct json_reader *reader, const char *text)
{
    struct json root;
    struct error error;
    AUTO_BUF struct buf whole;
    buf_init(&whole, 65536);
    struct str rest = str_of(text);
    for (size_t at; str_find(rest, STR("LONG"), &at); rest = str_from(rest, at + 4)) {
        buf_append_str(&whole, str_upto(rest, at));
        for (int i = 0; i < LLAMA_MODEL_ID_MAX; i++)
            buf_putc(&whole, 'x');
    }
    buf_append_str(&whole, rest);
    if (str_eq(rest, STR("MANY"))) {
        buf_clear(&whole);
        for (int i = 0; i < 1100; i++)
            buf_puts(&whole, i ? ",{}" : "[{}");
        buf_puts(&whole, "]");
    }
    CHECK(text, json_parse(reader, buf_str(&whole), &root, &error) == OK);
    return root;
}

static void what_it_says_is_what_is_told(void **state)
{
    (void)state;
    struct json_reader *reader;
    CHECK("a reader", json_reader_new(65536, &reader) == OK);
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct llama_model models[LLAMA_MODELS_MAX];
        bool is_router;
        CHECK_INT(story->name, llama_read_models(parsed(reader, story->models), models, &is_router),
                  1);
        CHECK_INT(story->name, is_router, story->is_router);
        if (story->props)
            llama_read_props(parsed(reader, story->props), &models[0]);
        if (story->slots)
            llama_read_slots(parsed(reader, story->slots), &models[0]);
        AUTO_BUF struct buf told;
        struct json_writer json;
        buf_init(&told, 4096);
        json_writer_init(&json, &told);
        llama_model_write(&models[0], &json);
        CHECK_STR(story->name, told.data, story->told);
        CHECK_INT(story->name, models[0].slots, story->slot_count);
    }
    json_reader_free(reader);
}

static void a_list_is_read_up_to_its_bound(void **state)
{
    (void)state;
    struct json_reader *reader;
    struct llama_model models[LLAMA_MODELS_MAX];
    bool is_router;
    AUTO_BUF struct buf text;
    buf_init(&text, 65536);
    buf_puts(&text, "{\"data\":[");
    for (int i = 0; i < 200; i++)
        buf_printf(&text, "%s{\"id\":\"m%d\"}", i ? "," : "", i);
    buf_puts(&text, "]}");
    CHECK("a reader", json_reader_new(65536, &reader) == OK);
    CHECK_INT("at most", llama_read_models(parsed(reader, text.data), models, &is_router),
              LLAMA_MODELS_MAX);
    CHECK_INT("none", llama_read_models(parsed(reader, "{\"data\":[]}"), models, &is_router), 0);
    CHECK_INT("no list", llama_read_models(parsed(reader, "{}"), models, &is_router), 0);
    json_reader_free(reader);
}

static void a_change_of_any_field_is_a_change(void **state)
{
    (void)state;
    const struct llama_model base = {.id = "m", .context_tokens = 5, .slots = 2};
    struct llama_model other = base;
    CHECK("the same", llama_model_is_same(&base, &other));
    other.context_tokens = 6;
    CHECK("context", !llama_model_is_same(&base, &other));
    other = base;
    other.images = ABILITY_YES;
    CHECK("an ability", !llama_model_is_same(&base, &other));
    other = base;
    other.slots = 3;
    CHECK("slots", !llama_model_is_same(&base, &other));
    other = base;
    other.id[0] = 'n';
    CHECK("a name", !llama_model_is_same(&base, &other));
    other = base;
    other.tools = other.json_schema = ABILITY_NO;
    CHECK("tools", !llama_model_is_same(&base, &other));
    other.tools = base.tools;
    CHECK("forms", !llama_model_is_same(&base, &other));
    other = base;
    other.reasoning = ABILITY_YES;
    CHECK("reasoning", !llama_model_is_same(&base, &other));
}

static const struct alias {
    const char *path, *name;
} aliases[] = {
    {"/models/Qwen3-8B-Q4_K_M.gguf", "Qwen3-8B-Q4_K_M"},
    {"Qwen3-8B-Q4_K_M-00001-of-00003.gguf", "Qwen3-8B-Q4_K_M"},
    {"./a.GGUF", "a"},
    {"/models/dir/", "dir"},
    {"plain", "plain"},
    {".gguf", ".gguf"},
    {"x-00001-of-0003.gguf", "x-00001-of-0003"},
};

static void a_file_gives_its_model_the_name(void **state)
{
    (void)state;
    char room[LLAMA_MODEL_ID_MAX];
    for (size_t i = 0; i < COUNT(aliases); i++) {
        llama_alias(aliases[i].path, room, sizeof room);
        CHECK_STR(aliases[i].path, room, aliases[i].name);
    }
}

TEST_MAIN(TEST(what_it_says_is_what_is_told), TEST(a_list_is_read_up_to_its_bound),
          TEST(a_change_of_any_field_is_a_change), TEST(a_file_gives_its_model_the_name))
