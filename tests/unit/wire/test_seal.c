/* tests/unit/wire/test_seal.c: another maker's thinking goes out in an envelope and comes back as it was. */
#include "wire/seal.h"
#include "tests/test.h"

/* No cryptography: each byte is told by its hex digits, so that nothing of it can be read by accident. */
static bool seal(void *arg, struct str plain, struct buf *out)
{
    (void)arg;
    for (size_t i = 0; i < plain.len; i++)
        buf_printf(out, "%02x", (unsigned char)plain.at[i]);
    return true;
}

static bool unseal(void *arg, struct str sealed, struct buf *out)
{
    bool is_refusing = arg && *(bool *)arg;
    for (size_t i = 0; i + 1 < sealed.len; i += 2) {
        unsigned byte = 0;
        for (size_t d = 0; d < 2; d++) {
            char c = sealed.at[i + d];
            byte = byte * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        buf_putc(out, (char)byte);
    }
    return !is_refusing;
}

static const struct sealer sealer = {NULL, seal, unseal};

static void thinking_comes_back(void **state)
{
    (void)state;
    static const struct sealed_thinking rows[] = {
        {ENDPOINT_MESSAGES, false, STR_INIT(""), STR_INIT("I thought: \"so\"\n"), STR_INIT("c2ln")},
        {ENDPOINT_MESSAGES, true, STR_INIT(""), STR_INIT(""), STR_INIT("redacted")},
        {ENDPOINT_RESPONSES, true, STR_INIT("rs_1"), STR_INIT("12:34"), STR_INIT("enc")},
        {ENDPOINT_CHAT, false, STR_INIT(""), STR_INIT("no seal"), STR_INIT("")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena;
        AUTO_BUF struct buf text;
        struct sealed_thinking back;
        arena_init(&arena, 1u << 20);
        buf_init(&text, 1u << 20);
        CHECK("sealed", seal_put(&sealer, &rows[i], &text));
        CHECK("ours", seal_is_ours(buf_str(&text)));
        CHECK("opened", seal_open(&sealer, &arena, buf_str(&text), &back));
        CHECK("maker", back.maker == rows[i].maker && back.is_opaque == rows[i].is_opaque);
        CHECK("texts", str_eq(back.id, rows[i].id) && str_eq(back.text, rows[i].text) &&
                           str_eq(back.seal, rows[i].seal));
        arena_release(&arena);
    }
}

static void what_is_not_ours_stays_closed(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "c2lnbmF0dXJl",
                                        "auxot1.",
                                        "auxot1.6d",
                                        "auxot1.6d30313a" /* m01: */,
                                        "auxot1.6d30393a61"};
    bool is_refusing = true;
    const struct sealer refusing = {&is_refusing, seal, unseal};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct arena arena;
        struct sealed_thinking back;
        arena_init(&arena, 1u << 20);
        CHECK(texts[i], !seal_open(&sealer, &arena, str_of(texts[i]), &back));
        CHECK(texts[i], !seal_open(&refusing, &arena, str_of(texts[i]), &back));
        CHECK(texts[i], !seal_open(NULL, &arena, str_of(texts[i]), &back));
        arena_release(&arena);
    }
    AUTO_BUF struct buf text;
    buf_init(&text, 1u << 20);
    CHECK("no sealer", !seal_put(NULL, &(struct sealed_thinking){0}, &text));
    CHECK_INT("nothing written", text.len, 0);
}

TEST_MAIN(TEST(thinking_comes_back), TEST(what_is_not_ours_stays_closed))
