/* tests/unit/wire/test_prompt.c: small forms that all dialects share: media, ids of calls, notes, errors of others. */
#include "wire/meter.h"
#include "wire/prompt.h"
#include "wire/say.h"
#include "tests/test.h"

static void ids_of_calls_come_back_as_they_were(void **state)
{
    (void)state;
    static const struct {
        const char *given, *to_anthropic, *to_openai;
    } rows[] = {
        {"call_1", "\"toolu_call_1\"", "\"call_1\""},
        {"toolu_1", "\"toolu_1\"", "\"call_toolu_1\""},
        {"toolu_call_1", "\"toolu_call_1\"", "\"call_1\""},
        {"call_toolu_1", "\"toolu_1\"", "\"call_toolu_1\""},
        {"abc", "\"toolu_abc\"", "\"call_abc\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 1024);
        tool_id_put(&out, ENDPOINT_MESSAGES, str_of(rows[i].given));
        CHECK_STR(rows[i].given, buf_str(&out).at, rows[i].to_anthropic);
        buf_clear(&out);
        tool_id_put(&out, ENDPOINT_CHAT, str_of(rows[i].given));
        CHECK_STR(rows[i].given, buf_str(&out).at, rows[i].to_openai);
    }
}

static void data_urls_are_taken_apart_and_put_together(void **state)
{
    (void)state;
    struct media media = {0};
    AUTO_BUF struct buf out;
    buf_init(&out, 1024);
    CHECK("png", media_from_data_url(STR("data:image/png;base64,iVBOR=="), &media));
    CHECK("type", str_eq(media.type, STR("image/png")));
    CHECK("data", str_eq(media.data, STR("iVBOR==")));
    media_put_url(&out, &media);
    CHECK_STR("together", buf_str(&out).at, "\"data:image/png;base64,iVBOR==\"");
    CHECK("parameters", media_from_data_url(STR("DATA:text/plain;charset=x;base64,QQ=="), &media));
    CHECK("only the type", str_eq(media.type, STR("text/plain")));
    CHECK("a plain URL", !media_from_data_url(STR("https://example.org/a.png"), &media));
    CHECK("not base64", !media_from_data_url(STR("data:text/plain,hello"), &media));
    buf_clear(&out);
    media_put_url(&out, &(struct media){.source = MEDIA_URL, .data = STR("https://x/\"a\"")});
    CHECK_STR("a URL", buf_str(&out).at, "\"https://x/\\\"a\\\"\"");
}

static void notes_are_kept_once_and_bounded(void **state)
{
    (void)state;
    struct fidelity fidelity = {0};
    AUTO_BUF struct buf out;
    buf_init(&out, 8192);
    fidelity_note(&fidelity, FIDELITY_EMULATED, "developer");
    CHECK("no loss", !fidelity_loss(&fidelity));
    fidelity_note(&fidelity, FIDELITY_DROPPED, "top_k");
    fidelity_note(&fidelity, FIDELITY_DROPPED, "top_k");
    fidelity_note(&fidelity, FIDELITY_CHANGED, "max, \xC3\xBCtokens\n");
    fidelity_write(&fidelity, &out);
    CHECK_STR("list", buf_str(&out).at, "emulated:developer,dropped:top_k,changed:max____tokens_");
    CHECK_STR("loss", fidelity_loss(&fidelity), "top_k");
    for (int i = 0; i < 100; i++)
        fidelity_note_str(&fidelity, FIDELITY_DROPPED,
                          (struct str){&"abcdefghijklmnopqrstuvwxyz"[i % 20], 3});
    CHECK_INT("three and twenty", fidelity.count, 23);
}

static void an_overflow_is_said_in_each_dialects_words(void **state)
{
    (void)state;
    static const struct {
        const char *message, *want;
    } rows[] = {
        {"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 "
         "tokens.",
         "prompt is too long: 9001 tokens > 8192 maximum"},
        {"request (51000 tokens) exceeds the available context size (4096 tokens), try increasing it",
         "prompt is too long: 51000 tokens > 4096 maximum"},
        {"Your input exceeds the context window of this model.",
         "prompt is too long: Your input exceeds the context window of this model."},
        {"prompt is too long: 205668 tokens > 200000 maximum",
         "prompt is too long: 205668 tokens > 200000 maximum"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 8192);
        struct error_body error = {.message = str_of(rows[i].message)};
        say_foreign_error(&out, DIALECT_ANTHROPIC, 400, true, &error, "job_1");
        CHECK(rows[i].message, str_find(buf_str(&out), str_of(rows[i].want), NULL));
        CHECK(rows[i].message, str_find(buf_str(&out), STR("invalid_request_error"), NULL));
        buf_clear(&out);
        say_foreign_error(&out, DIALECT_OPENAI, 400, true, &error, "job_1");
        CHECK(rows[i].message, str_find(buf_str(&out), STR("\"context_length_exceeded\""), NULL));
    }
    AUTO_BUF struct buf out;
    buf_init(&out, 8192);
    struct error_body error = {.message = STR("no")};
    say_foreign_error(&out, DIALECT_ANTHROPIC, 422, false, &error, "job_1");
    CHECK_STR(
        "any other", buf_str(&out).at,
        "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"},"
        "\"request_id\":\"job_1\"}");
    buf_clear(&out);
    error =
        (struct error_body){.message = STR("too long"), .sent_tokens = 9000, .limit_tokens = 8192};
    say_foreign_error(&out, DIALECT_ANTHROPIC, 400, true, &error, "job_1");
    CHECK("sizes told apart",
          str_find(buf_str(&out), STR("prompt is too long: 9000 tokens > 8192 maximum"), NULL));
}

TEST_MAIN(TEST(ids_of_calls_come_back_as_they_were),
          TEST(data_urls_are_taken_apart_and_put_together), TEST(notes_are_kept_once_and_bounded),
          TEST(an_overflow_is_said_in_each_dialects_words))
