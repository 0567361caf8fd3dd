/* tests/unit/providers/test_oom_parsers.c: F62 for what reads and seals bytes: it says that it has no memory, never
 * that the bytes are wrong, and reads them the next time.
 */
#include "base/mem.h"
#include "domain/price.h"
#include "json/json.h"
#include "providers/kinds.h"
#include "sys/envelope.h"
#include "sys/thread.h"
#include "tests/unit/oom.h"
#include "wire/body.h"

#include "tests/test.h"

#include <stdlib.h>

#define SECRET         "a secret of the parsers' tests, 0123456789"
#define LIMIT          (4u << 20)
#define LARGE          (1u << 20)
#define LOST_SURROGATE "{\"a\":\"\\ud800\",\"n\":184467440737095516160}"

static struct vault *the_vault;
static char large[LARGE + 64];

static const char body_text[] =
    "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":false},\"messages\":[]}";

/* ---- scenarios ------------------------------------------------------------------------------- */

static enum err read_json(void)
{
    struct json_reader *reader = NULL;
    struct json root;
    struct error error = {0};
    enum err err = json_reader_new(LIMIT, &reader);
    if (err == OK)
        err = json_parse(reader, STR(LOST_SURROGATE), &root, &error);
    if (err == OK)
        err = json_reserve(reader, LARGE / 2);
    if (err == OK) { /* more room, then less: large room is not kept for small texts */
        err = json_parse(reader, (struct str){large, LARGE}, &root, &error);
        err = err == OK ? json_parse(reader, STR("{\"a\":[1,2]}"), &root, &error) : err;
    }
    if (err == OK && json_raw(reader, json_get(root, "a"), STR("{\"a\":[1,2]}")).len == 0)
        err = ERR_NO_MEMORY; /* it has no other way to say so */
    json_reader_free(reader);
    return err;
}

static enum err read_in_place(void)
{
    struct json_reader *reader = NULL;
    struct json_member members[] = {{.name = "model"}};
    struct json_span span;
    AUTO_BUF struct buf text;
    buf_init(&text, LIMIT);
    buf_puts(&text, "{\"model\":\"\\ud800\",\"b\":1}"); /* has to be mended, so it is copied */
    enum err err = text.failed ? ERR_NO_MEMORY : json_reader_new(LIMIT, &reader);
    if (err == OK)
        err = json_peek_padded(reader, buf_str(&text), members, 1, &span, NULL);
    json_reader_free(reader);
    return err;
}

static enum err read_body(void)
{
    AUTO_BUF struct buf body, scratch;
    struct body_facts facts;
    struct body_pieces pieces;
    struct error error = {0};
    struct json_reader *reader = NULL;
    buf_init(&body, LIMIT);
    buf_init(&scratch, LIMIT);
    buf_puts(&body, body_text);
    enum err err = body.failed ? ERR_NO_MEMORY : json_reader_new(LIMIT, &reader);
    if (err == OK)
        err = body_read(reader, ENDPOINT_CHAT, buf_str(&body), &facts, &error);
    if (err == OK)
        err = body_splice(buf_str(&body), &facts,
                          &(struct body_change){.model = STR("other"), .adds_usage = true},
                          &scratch, &pieces);
    json_reader_free(reader);
    return err;
}

static enum err make_vault(void)
{
    struct vault *vault = NULL;
    struct error error = {0};
    enum err err = vault_new(STR(SECRET), &vault, &error);
    vault_free(vault);
    return err;
}

/* On a thread of its own, which makes its own context. */
static void seal_and_open_there(void *out_err)
{
    AUTO_BUF struct buf blob;
    struct secret *plain = NULL;
    struct error error = {0};
    buf_init(&blob, LIMIT);
    enum err err = vault_seal(the_vault, "o", "t", "c", "r", STR("sk-plain"), &blob, &error);
    if (err == OK)
        err = vault_open(the_vault, "o", "t", "c", "r", buf_str(&blob), &plain, &error);
    secret_free(plain);
    *(enum err *)out_err = err;
}

static enum err seal_and_open(void)
{
    pthread_t thread;
    struct error error = {0};
    enum err sealed = OK;
    enum err err = thread_start("sealer", seal_and_open_there, &sealed, &thread, &error);
    if (err == OK)
        thread_join(thread);
    return err == OK ? sealed : err;
}

static enum err seal_letter(void)
{
    AUTO_BUF struct buf sealed, plain;
    buf_init(&sealed, LIMIT);
    buf_init(&plain, LIMIT);
    enum err err = envelope_seal(the_vault, STR("a thought"), &sealed);
    return err == OK ? envelope_open(the_vault, buf_str(&sealed), &plain) : err;
}

static enum err read_models(void)
{
    static const char list[] = "{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}";
    struct model_found *models = mem_zalloc(MODELS_MAX, sizeof *models);
    struct json_reader *reader = NULL;
    struct error error = {0};
    size_t count = 0;
    enum err err = models ? json_reader_new(LIMIT, &reader) : ERR_NO_MEMORY;
    if (err == OK)
        err = provider_models_read(PROVIDER_OPENAI, reader, str_of(list), models, MODELS_MAX,
                                   &count, &error);
    json_reader_free(reader);
    mem_free(models);
    return err;
}

static enum err read_prices(void)
{
    struct price_table *table = NULL;
    struct error error = {0};
    enum err err = price_table_new((struct str){prices_csv, prices_csv_len}, &table, &error);
    if (err == OK)
        price_table_free(table);
    return err;
}

static const struct {
    const char *name;
    enum err (*run)(void);
} scenarios[] = {
    {"JSON", read_json},
    {"JSON, in place", read_in_place},
    {"a request's body", read_body},
    {"a vault", make_vault},
    {"a sealed key", seal_and_open},
    {"a sealed letter", seal_letter},
    {"a list of models", read_models},
    {"the prices", read_prices},
};

/* ---- each of them, with each allocation failing ------------------------------------------------ */

static long run(size_t i, long nth)
{
    oom_begin(nth);
    oom_watch(true);
    enum err err = scenarios[i].run();
    oom_watch(false);
    long all = oom_end();
    if (err != OK && err != ERR_NO_MEMORY)
        print_error("allocation %ld: %s\n", nth, err_name(err));
    CHECK(scenarios[i].name, err == OK || (err == ERR_NO_MEMORY && nth > 0));
    return all;
}

static void F62_parsers_say_that_they_have_no_memory(void **state)
{
    (void)state;
    struct error error = {0};
    memset(large, ' ', LARGE);
    large[0] = '1';
    CHECK_INT("a vault", vault_new(STR(SECRET), &the_vault, &error), OK);
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        long all = run(i, 0), struck = 0;
        for (long nth = 1; nth <= all; nth++) {
            (void)run(i, nth);
            struck += oom_has_struck();
            (void)run(i, 0);
        }
        if (getenv("STORY_LOUD"))
            print_message("%s: %ld allocations\n", scenarios[i].name, all);
        CHECK(scenarios[i].name, all > 0 && struck > 0);
    }
    vault_free(the_vault);
}

TEST_MAIN(TEST(F62_parsers_say_that_they_have_no_memory))
