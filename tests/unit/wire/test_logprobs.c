/* tests/unit/wire/test_logprobs.c: log probabilities of tokens: lists taken apart and put together, no byte changed. */
#include "wire/logprobs.h"
#include "tests/test.h"

static void elements_are_cut_out_as_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t from;
        const char *want;
    } rows[] = {
        {"all", "{\"a\":[{\"logprob\":-0.10},{\"logprob\":-1e-2}]}", 0,
         "{\"logprob\":-0.10},{\"logprob\":-1e-2}"},
        {"the rest", "{\"a\":[{\"logprob\":-0.10},{\"logprob\":-1e-2}]}", 1, "{\"logprob\":-1e-2}"},
        {"no rest", "{\"a\":[{\"logprob\":-0.10}]}", 1, ""},
        {"blanks around and inside stay or go", "{\"a\": [ { \"b\" : 1 } , 2 ] }", 0,
         "{ \"b\" : 1 } , 2"},
        {"brackets in strings", "{\"a\":[{\"token\":\"]\"},{\"token\":\"[\"}]}", 1,
         "{\"token\":\"[\"}"},
        {"an empty list", "{\"a\":[]}", 0, ""},
        {"no list", "{\"a\":{\"b\":1}}", 0, ""},
        {"null", "{\"a\":null}", 0, ""},
        {"nothing", "{}", 0, ""},
    };
    struct json_reader *reader;
    assert_int_equal(json_reader_new(4096, &reader), OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str text = str_of(rows[i].text);
        struct json root;
        AUTO_BUF struct buf got;
        buf_init(&got, 4096);
        buf_puts(&got, "");
        assert_int_equal(json_parse(reader, text, &root, NULL), OK);
        buf_append_str(&got, logprobs_of(reader, json_get(root, "a"), rows[i].from, text));
        CHECK_STR(rows[i].name, got.data, rows[i].want);
    }
    json_reader_free(reader);
}

static void elements_are_joined_on_one_line(void **state)
{
    (void)state;
    AUTO_BUF struct buf out;
    buf_init(&out, 64);
    buf_puts(&out, "[");
    logprobs_put(&out, 1, STR(""));
    logprobs_put(&out, 1, STR("{\"a\":\r\n1}"));
    logprobs_put(&out, 1, STR("2"));
    logprobs_put(&out, out.len, STR("3"));
    CHECK_STR("list", out.data, "[{\"a\":  1},23");
    for (int i = 0; i < 9; i++)
        logprobs_put(&out, 1, STR("{\"token\":1}"));
    CHECK("a full buffer says so", out.failed && out.len <= 64);
}

static void past_the_bound_none_are_kept(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    struct fidelity fidelity = {0};
    struct logprobs kept;
    memset(bytes, '1', sizeof bytes);
    logprobs_init(&kept);
    for (size_t i = 0; i < LOGPROBS_KEPT_MAX / sizeof bytes; i++)
        logprobs_keep(&kept, (struct str){bytes, sizeof bytes}, &fidelity);
    CHECK("as many as fit", kept.list.len > LOGPROBS_KEPT_MAX && !kept.list.failed);
    CHECK_INT("nothing to say", (int64_t)fidelity.count, 0);
    logprobs_keep(&kept, STR("2"), &fidelity);
    logprobs_keep(&kept, STR("3"), &fidelity);
    CHECK_INT("none", (int64_t)kept.list.len, 0);
    CHECK("no failure", !kept.list.failed);
    CHECK_STR("noted", fidelity_loss(&fidelity), "answer.logprobs");
    logprobs_release(&kept);
}

TEST_MAIN(TEST(elements_are_cut_out_as_they_stand), TEST(elements_are_joined_on_one_line),
          TEST(past_the_bound_none_are_kept))
