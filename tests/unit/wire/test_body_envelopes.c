/* tests/unit/wire/test_body_envelopes.c: what others sealed is cut out, and not a byte besides. */
#include "wire/body.h"
#include "tests/test.h"

static void only_envelopes_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum endpoint endpoint;
        const char *body, *want;
    } rows[] = {
        {"a block among others", ENDPOINT_MESSAGES,
         "{\"model\":\"m\", \"messages\":[{\"role\":\"user\",\"content\":\"auxot1.\"},"
         "{\"role\":\"assistant\",\"content\":[ {\"type\":\"thinking\",\"thinking\":\"x\","
         "\"signature\":\"auxot1.abc\"} , {\"type\":\"text\",\"text\":\"a\", \"n\": 1.0} ]}], \"z\":2}",
         "{\"model\":\"m\", \"messages\":[{\"role\":\"user\",\"content\":\"auxot1.\"},"
         "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\", \"n\": 1.0}]}], \"z\":2}"},
        {"the only one of its turn", ENDPOINT_MESSAGES,
         "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"redacted_thinking\","
         "\"data\":\"auxot1.abc\"}]}]}",
         "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]}]}"},
        {"the vendor's own stay", ENDPOINT_MESSAGES,
         "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
         "\"auxot1.\",\"signature\":\"EqQB\"}]}]}",
         "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
         "\"auxot1.\",\"signature\":\"EqQB\"}]}]}"},
        {"reasoning items", ENDPOINT_RESPONSES,
         "{\"input\":[{\"type\":\"reasoning\",\"encrypted_content\":\"auxot1.x\",\"summary\":[]},"
         "{\"type\":\"reasoning\",\"encrypted_content\":\"gAAA\"},{\"role\":\"user\",\"content\":\"a\"}]}",
         "{\"input\":[{\"type\":\"reasoning\",\"encrypted_content\":\"gAAA\"},"
         "{\"role\":\"user\",\"content\":\"a\"}]}"},
        {"two turns", ENDPOINT_COUNT_TOKENS,
         "{\"messages\":[{\"content\":[{\"type\":\"thinking\",\"signature\":\"auxot1.1\"},1]},"
         "{\"content\":[2,{\"type\":\"thinking\",\"signature\":\"auxot1.2\"},3]}]}",
         "{\"messages\":[{\"content\":[1]},{\"content\":[2,3]}]}"},
        {"a call that others thought out goes on without a budget", ENDPOINT_MESSAGES,
         "{\"thinking\":{\"type\":\"enabled\", \"budget_tokens\":2048},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":\"auxot1.1\"},{\"type\":\"tool_use\"}]},{\"role\":\"user\"}]}",
         "{\"thinking\":{\"type\":\"disabled\"},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\"}]},{\"role\":\"user\"}]}"},
        {"adaptive thinking asks for nothing", ENDPOINT_MESSAGES,
         "{\"thinking\":{\"type\":\"adaptive\"},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":\"auxot1.1\"},{\"type\":\"tool_use\"}]},{\"role\":\"user\"}]}",
         "{\"thinking\":{\"type\":\"adaptive\"},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\"}]},{\"role\":\"user\"}]}"},
        {"nor does a call with a thought of its own", ENDPOINT_MESSAGES,
         "{\"thinking\":{\"type\":\"enabled\", \"budget_tokens\":2048},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":\"auxot1.1\"}]},{\"role\":\"user\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":\"Eq\"},{\"type\":\"tool_use\"}]},{\"role\":\"user\"}]}",
         "{\"thinking\":{\"type\":\"enabled\", \"budget_tokens\":2048},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]},{\"role\":\"user\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":\"Eq\"},{\"type\":\"tool_use\"}]},{\"role\":\"user\"}]}"},
        {"nor an answer without a call", ENDPOINT_MESSAGES,
         "{\"thinking\":{\"type\":\"enabled\", \"budget_tokens\":2048},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"signature\":\"auxot1.1\"},{\"type\":\"text\"}]},{\"role\":\"user\"}]}",
         "{\"thinking\":{\"type\":\"enabled\", \"budget_tokens\":2048},\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\"}]},{\"role\":\"user\"}]}"},
    };
    struct json_reader *reader;
    CHECK("a reader", json_reader_new(1u << 20, &reader) == OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 1u << 20);
        CHECK(rows[i].name, body_has_envelopes(rows[i].endpoint, str_of(rows[i].body)));
        CHECK(rows[i].name,
              body_drop_envelopes(reader, rows[i].endpoint, str_of(rows[i].body), &out) == OK);
        CHECK_STR(rows[i].name, buf_str(&out).at, rows[i].want);
    }
    CHECK("chat has none", !body_has_envelopes(ENDPOINT_CHAT, STR("auxot1.")));
    CHECK("nor has this", !body_has_envelopes(ENDPOINT_MESSAGES, STR("{\"messages\":[]}")));
    json_reader_free(reader);
}

static void thoughts_of_chat_are_cut_where_they_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *body, *cut; /* NULL: not a byte changed */
    } rows[] = {
        {"the field and nothing else",
         "{\"messages\": [{\"role\":\"user\", \"content\":\"reasoning\"},{ \"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\": \"\\u00e9\" }], \"n\":1.0}",
         "{\"messages\": [{\"role\":\"user\", \"content\":\"reasoning\"},{\"role\":\"assistant\",\"content\":\"\\u00e9\"}], \"n\":1.0}"},
        {"all its names",
         "{\"messages\":[{\"reasoning\":\"a\",\"role\":\"assistant\",\"reasoning_details\":[{}],\"content\":null}]}",
         "{\"messages\":[{\"role\":\"assistant\",\"content\":null}]}"},
        {"the effort is no thought", "{\"reasoning_effort\":\"low\",\"messages\":[{}]}", NULL},
        {"no messages", "{\"reasoning\":1}", NULL},
    };
    struct json_reader *reader;
    assert_int_equal(json_reader_new(65536, &reader), OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 65536);
        CHECK(rows[i].name, body_has_thoughts(str_of(rows[i].body)));
        CHECK(rows[i].name, body_drop_thoughts(reader, str_of(rows[i].body), &out) == OK);
        CHECK_STR(rows[i].name, out.data, rows[i].cut ? rows[i].cut : rows[i].body);
    }
    CHECK("none", !body_has_thoughts(STR("{\"messages\":[{\"content\":\"x\"}]}")));
    json_reader_free(reader);
}

TEST_MAIN(TEST(only_envelopes_are_cut), TEST(thoughts_of_chat_are_cut_where_they_are_refused))
