/* tests/unit/wire/test_worker.c: what workers say, and what of it is believed. */
#include "wire/worker.h"
#include "tests/test.h"

#define HEAD       "\"instance\":\"0123456789abcdef\",\"kind\":\"gpu\""
#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HELLO      "{" HEAD ",\"models\":[{\"id\":\"llama\"}]"

static struct json_reader *reader_new(void)
{
    struct json_reader *reader = NULL;
    CHECK_INT("a reader", json_reader_new(WORKER_BODY_MAX, &reader), OK);
    return reader;
}

static void a_registration_is_read_whole(void **unused)
{
    (void)unused;
    struct json_reader *reader = reader_new();
    struct worker_hello hello;
    struct error error = {0};
    CHECK_INT(
        "read",
        worker_hello_read(
            reader,
            STR("{" HEAD
                ",\"name\":\"rack\\n7\\u007f\",\"version\":\"1.2\",\"tool\":null,\"slots\":4,"
                "\"vram_mb\":24000,\"over_quota_until_ms\":99,\"more\":{\"to\":\"come\"},"
                "\"models\":[{\"id\":\"llama\",\"context_tokens\":8192,\"abilities\":{\"tools\":"
                "false,\"images\":true}},\"plain\",{\"id\":\"llama\"}]}"),
            &hello, &error),
        OK);
    CHECK_STR("instance", hello.instance, "0123456789abcdef");
    CHECK_STR("a name is one line", hello.name, "rack 7 ");
    CHECK_INT("slots", hello.slots, 4);
    CHECK_INT("vram", hello.vram_mb, 24000);
    CHECK_INT("quota", hello.over_quota_until_ms, 99);
    CHECK_INT("each model once", hello.model_count, 2);
    CHECK_INT("context", hello.models[0].context_tokens, 8192);
    CHECK("lacks tools", hello.models[0].lacks_tools && !hello.models[0].lacks_images);
    CHECK("nothing said, nothing lacking",
          !hello.models[1].lacks_tools && !hello.models[1].lacks_schema);
    CHECK_INT("not told", hello.models[1].context_tokens, -1);
    json_reader_free(reader);
}

static void what_is_absurd_is_clamped_or_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *body;
        int64_t slots; /* 0: refused */
        const char *sentence;
    } rows[] = {
        {"no slots said", HELLO "}", 1, NULL},
        {"none", HELLO ",\"slots\":0}", 1, NULL},
        {"fewer than none", HELLO ",\"slots\":-9223372036854775808}", 1, NULL},
        {"a thousand million", HELLO ",\"slots\":1000000000}", WORKER_SLOTS_MAX, NULL},
        {"half a slot", HELLO ",\"slots\":1.5}", 0, "slots"},
        {"slots as a text", HELLO ",\"slots\":\"4\"}", 0, "slots"},
        {"no instance", "{\"kind\":\"gpu\",\"models\":[\"m\"]}", 0, "instance"},
        {"a short one", "{\"instance\":\"short\",\"kind\":\"gpu\",\"models\":[\"m\"]}", 0,
         "instance"},
        {"one with a blank", "{\"instance\":\"0123 4567 89\",\"kind\":\"gpu\",\"models\":[\"m\"]}",
         0, "instance"},
        {"one with a character that nobody sees",
         "{\"instance\":\"0123456789\\u007f\",\"kind\":\"gpu\",\"models\":[\"m\"]}", 0, "instance"},
        {"a long one",
         "{\"instance\":\"" SIXTY_FOUR SIXTY_FOUR "0\",\"kind\":\"gpu\",\"models\":[\"m\"]}", 0,
         "instance"},
        {"another kind", "{\"instance\":\"0123456789\",\"kind\":\"tpu\",\"models\":[\"m\"]}", 0,
         "kind"},
        {"no models", "{" HEAD "}", 0, "models"},
        {"an empty list", "{" HEAD ",\"models\":[]}", 0, "models"},
        {"a model without a name", "{" HEAD ",\"models\":[{}]}", 0, "id"},
        {"a model's name with a blank", "{" HEAD ",\"models\":[\"a b\"]}", 0, "id"},
        {"... and with a character that nobody sees", "{" HEAD ",\"models\":[\"a\\u007f\"]}", 0,
         "id"},
        {"a model's name beyond measure",
         "{" HEAD ",\"models\":[\"" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "\"]}", 0, "id"},
        {"a name that is a number", HELLO ",\"name\":7}", 0, "name"},
        {"a list", "[]", 0, "object"},
        {"no JSON", "{", 0, NULL},
    };
    struct json_reader *reader = reader_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct worker_hello hello;
        struct error error = {0};
        enum err err = worker_hello_read(reader, str_of(rows[i].body), &hello, &error);
        CHECK_INT(rows[i].name, err, rows[i].slots ? OK : ERR_MALFORMED);
        if (err == OK)
            CHECK_INT(rows[i].name, hello.slots, rows[i].slots);
        if (rows[i].sentence)
            CHECK(rows[i].name, strstr(error.text, rows[i].sentence));
    }
    json_reader_free(reader);
}

static void more_models_than_fit_are_left_out(void **unused)
{
    (void)unused;
    struct json_reader *reader = reader_new();
    struct worker_hello hello;
    struct error error = {0};
    AUTO_BUF struct buf body;
    buf_init(&body, WORKER_BODY_MAX);
    buf_puts(&body, "{" HEAD ",\"models\":[");
    for (unsigned i = 0; i < WORKER_MODELS_MAX * 3; i++)
        buf_printf(&body, "%s\"m-%u\"", i ? "," : "", i);
    buf_puts(&body, "]}");
    CHECK_INT("read", worker_hello_read(reader, buf_str(&body), &hello, &error), OK);
    CHECK_INT("as many as fit", hello.model_count, WORKER_MODELS_MAX);
    json_reader_free(reader);
}

static void messages_say_what_they_are(void **unused)
{
    (void)unused;
    struct json_reader *reader = reader_new();
    struct worker_message message;
    struct error error = {0};
    enum err err = worker_message_read(
        reader,
        STR("{\"type\":\"heartbeat\",\"epoch\":3,\"busy\":2,\"slots\":4,\"models\":[\"m\"]}"),
        WORKER_NOTICE, &message, &error);
    CHECK_INT("a heartbeat", err, OK);
    CHECK_INT("its type", message.type, WORKER_HEARTBEAT);
    CHECK_INT("epoch", message.epoch, 3);
    CHECK_INT("models", message.model_count, 1);
    CHECK_INT("quota is not told", message.over_quota_until_ms, -1);
    err = worker_message_read(reader, STR("{\"worker_id\":\"wrk_1\"}"), WORKER_GOODBYE, &message,
                              &error);
    CHECK_INT("without a type", err, OK);
    CHECK_INT("what was asked", message.type, WORKER_GOODBYE);
    CHECK_INT("slots as before", message.slots, 0);
    CHECK("models as before", !message.has_models);
    CHECK_STR("whose", message.worker_id, "wrk_1");
    static const char *const refused[] = {"{\"type\":\"format_disk\"}",
                                          "{\"type\":null}",
                                          "{\"epoch\":\"x\"}",
                                          "{\"models\":{}}",
                                          "\"x\"",
                                          ""};
    for (size_t i = 0; i < COUNT(refused); i++)
        CHECK_INT(
            refused[i],
            worker_message_read(reader, str_of(refused[i]), WORKER_HEARTBEAT, &message, &error),
            ERR_MALFORMED);
    json_reader_free(reader);
}

static void ready_is_the_only_word_of_a_reverse_connection(void **unused)
{
    (void)unused;
    struct json_reader *reader = reader_new();
    struct error error = {0};
    int64_t epoch = 0;
    CHECK_INT("ready",
              worker_ready_read(reader, STR("{\"type\":\"ready\",\"epoch\":7}"), &epoch, &error),
              OK);
    CHECK_INT("epoch", epoch, 7);
    static const char *const refused[] = {"{\"type\":\"Ready\"}", "{\"epoch\":7}", "ready", "[]",
                                          "{\"type\":\"ready\",\"epoch\":\"7\"}"};
    for (size_t i = 0; i < COUNT(refused); i++)
        CHECK_INT(refused[i], worker_ready_read(reader, str_of(refused[i]), &epoch, &error),
                  ERR_MALFORMED);
    CHECK_INT("untouched", epoch, 7);
    json_reader_free(reader);
}

static void the_server_says_its_terms(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf out;
    buf_init(&out, 1024);
    worker_terms_write(&out, &(struct worker_terms){"wrk_1", 2, 30000, 90000, 10000});
    CHECK_STR("terms", out.data,
              "{\"worker_id\":\"wrk_1\",\"epoch\":2,\"heartbeat_ms\":30000,\"dead_after_ms\":90000,"
              "\"grace_ms\":10000}");
    buf_clear(&out);
    worker_say_hello(&out, 30000);
    CHECK_STR("hello", out.data, "{\"type\":\"hello\",\"heartbeat_ms\":30000}");
    buf_clear(&out);
    worker_say_bye(&out, "its key was revoked");
    CHECK_STR("bye", out.data, "{\"type\":\"bye\",\"reason\":\"its key was revoked\"}");
}

TEST_MAIN(TEST(a_registration_is_read_whole), TEST(what_is_absurd_is_clamped_or_refused),
          TEST(more_models_than_fit_are_left_out), TEST(messages_say_what_they_are),
          TEST(ready_is_the_only_word_of_a_reverse_connection), TEST(the_server_says_its_terms))
