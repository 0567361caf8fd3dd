/* tests/unit/domain/test_price.c: what a request costs, to the micro-dollar. */
#include "domain/price.h"
#include "tests/test.h"

#define HEADER                                                                            \
    "vendor,model,input_usd_per_mtok,cached_input_usd_per_mtok,cache_write_usd_per_mtok," \
    "output_usd_per_mtok,context_tokens,max_output_tokens,long_context_threshold_tokens," \
    "long_context_input_usd_per_mtok,long_context_output_usd_per_mtok,"                   \
    "supports_tools,supports_vision,supports_json_schema,supports_reasoning,source,source_date\n"

static const char csv[] =
    HEADER "openai,plain,2,0.5,,8,128000,16384,,,,,,,,x,2026-11-01\n"
           "openai,bare,0.15,,,0.6,,,,,,,,,,x,2026-11-01\r\n"
           "\n"
           "openai,tiny,0.000001,,,0,,,,,,,,,,x,2026-11-01\n"
           "openai,blank,,,,8,,,,,,,,,,x,2026-11-01\n"
           "openai,vectors,0.02,,,0,8191,,,,,,,,,x,2026-11-01\n"
           "openai,blind,1,,,2,,,,,,true,false,,false,x,2026-11-01\n"
           "openai,long,2,0.1,,10,1050000,128000,272000,4,15,,,,,x,2026-11-01\n"
           "anthropic,writes,4,0.2,5,20,1000000,128000,,,,,,,,x,2026-11-01\n"
           "anthropic,longw,0.1,0.01,0.125,0.5,1000000,,100000,0.5,2.5,,,,,x,2026-11-01\n"
           "anthropic,dated-20250929,3,,,15,,,,,,,,,,x,2026-11-01";

static struct price_table *table_of(struct str text)
{
    struct price_table *table = NULL;
    struct error error = {0};
    enum err err = price_table_new(text, &table, &error);
    CHECK_STR("reads", error.text, "");
    CHECK_INT("reads", err, OK);
    return table;
}

#define NO TOKENS_UNKNOWN

static const struct {
    const char *name;
    enum provider_kind kind;
    const char *model;
    int64_t input, output, cached, written;
    int64_t cost;
} stories[] = {
    {"input and output", PROVIDER_OPENAI, "plain", 1000, 100, NO, NO, 2000 + 800},
    {"cached input is cheaper", PROVIDER_OPENAI, "plain", 1000, 0, 400, NO, 1200 + 200},
    {"without a cached price cached input costs what input costs", PROVIDER_OPENAI, "bare", 1000, 0,
     400, NO, 150},
    {"a part of a micro-dollar is a whole one", PROVIDER_OPENAI, "tiny", 1, 5, NO, NO, 1},
    {"nothing costs nothing", PROVIDER_OPENAI, "plain", 0, 0, 0, NO, 0},
    {"an unknown price is unknown, not 0", PROVIDER_OPENAI, "blank", 10, 10, NO, NO, COST_UNKNOWN},
    {"an unknown model is unknown", PROVIDER_OPENAI, "nobody", 10, 10, NO, NO, COST_UNKNOWN},
    {"another vendor's model is unknown", PROVIDER_ANTHROPIC, "plain", 10, 10, NO, NO,
     COST_UNKNOWN},
    {"unknown input tokens are unknown", PROVIDER_OPENAI, "plain", NO, 10, NO, NO, COST_UNKNOWN},
    {"unknown output tokens are unknown", PROVIDER_OPENAI, "plain", 10, NO, NO, NO, COST_UNKNOWN},
    {"embeddings have no output", PROVIDER_OPENAI, "vectors", 1000000, NO, NO, NO, 20000},
    {"at the threshold the short price holds", PROVIDER_OPENAI, "long", 272000, 1000, 0, NO,
     544000 + 10000},
    {"one token more reprices the whole request", PROVIDER_OPENAI, "long", 272001, 1000, 0, NO,
     1088004 + 15000},
    {"and the cached part by the input's factor", PROVIDER_OPENAI, "long", 300000, 0, 200000, NO,
     400000 + 40000},
    {"cache writes have their price", PROVIDER_ANTHROPIC, "writes", 1000, 0, 200, 300,
     2000 + 40 + 1500},
    {"cache writes in the long tier", PROVIDER_ANTHROPIC, "longw", 200000, 0, 0, 100000,
     50000 + 62500},
    {"more cached than there was is all of it", PROVIDER_OPENAI, "plain", 100, 0, 900, 900, 50},
    {"a date behind the name is left out", PROVIDER_OPENAI, "plain-2024-08-06", 1000, 0, NO, NO,
     2000},
    {"so is a short one", PROVIDER_ANTHROPIC, "writes-20250929", 1000, 0, NO, NO, 4000},
    {"a dated name in the table is found by it", PROVIDER_ANTHROPIC, "dated-20250929", 1000, 0, NO,
     NO, 3000},
    {"but never a part of a date", PROVIDER_OPENAI, "plain-2024-08", 1000, 0, NO, NO, COST_UNKNOWN},
    {"absurd counts end at the largest number", PROVIDER_OPENAI, "long", INT64_MAX, INT64_MAX, 0,
     NO, INT64_MAX},
};

static void a_request_costs_what_the_table_says(void **unused)
{
    (void)unused;
    struct price_table *table = table_of(str_of(csv));
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct price *price = price_find(table, stories[i].kind, str_of(stories[i].model));
        struct usage usage;
        usage_init(&usage);
        usage.input_tokens = stories[i].input;
        usage.output_tokens = stories[i].output;
        usage.cached_tokens = stories[i].cached;
        usage.cache_write_tokens = stories[i].written;
        CHECK_INT(stories[i].name, price_cost(price, &usage), stories[i].cost);
    }
    price_table_free(table);
}

static void writes_that_are_kept_an_hour_cost_more(void **unused)
{
    (void)unused;
    struct price_table *table = table_of(str_of(csv));
    const struct {
        const char *name, *model;
        int64_t input, written, hour, cost;
    } rows[] = {
        {"some of them", "writes", 1000, 300, 100, 2800 + 1000 + 800},
        {"all of them", "writes", 1000, 300, 300, 2800 + 2400},
        {"more than were written are all", "writes", 1000, 300, 900, 2800 + 2400},
        {"in the long tier", "longw", 200000, 100000, 100000, 50000 + 100000},
        {"without such a price they cost what a write costs", "dated-20250929", 1000, 300, 100,
         3000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct price *price = price_find(table, PROVIDER_ANTHROPIC, str_of(rows[i].model));
        struct usage usage;
        usage_init(&usage);
        usage.input_tokens = rows[i].input;
        usage.output_tokens = 0;
        usage.cache_write_tokens = rows[i].written;
        usage.cache_write_1h_tokens = rows[i].hour;
        CHECK_INT(rows[i].name, price_cost(price, &usage), rows[i].cost);
    }
    price_table_free(table);
}

static void abilities_come_along(void **unused)
{
    (void)unused;
    struct price_table *table = table_of(str_of(csv));
    const struct price *price = price_find(table, PROVIDER_OPENAI, STR("plain"));
    CHECK_INT("context", price->context_tokens, 128000);
    CHECK_STR("who says so", price->source, "x");
    CHECK_STR("when", price->source_date, "2026-11-01");
    CHECK_INT("output", price->max_output_tokens, 16384);
    CHECK_INT("blank", price_find(table, PROVIDER_OPENAI, STR("bare"))->context_tokens, -1);
    CHECK_INT("nothing is known to be lacking", price->lacks, 0);
    CHECK_INT("false is a lack, blank is none",
              price_find(table, PROVIDER_OPENAI, STR("blind"))->lacks,
              MODEL_LACKS_IMAGES | MODEL_LACKS_REASONING);
    CHECK("odd names", !price_find(table, PROVIDER_OPENAI, STR("")) &&
                           !price_find(table, PROVIDER_OPENAI, STR("plain\0")) &&
                           !price_find(table, PROVIDER_OPENAI, STR("-20250929")));
    price_table_free(table);
}

static void a_bad_table_is_refused_with_its_line(void **unused)
{
    (void)unused;
    static const struct {
        struct str text;
        const char *line;
    } rows[] = {
        {STR_INIT(""), "line 1"},
        {STR_INIT("vendor,model\n"), "line 1"},
        {STR_INIT(HEADER "openai,x,2,,,8\n"), "line 2"},
        {STR_INIT(HEADER "nobody,x,2,,,8,,,,,,,,,,x,2026-11-01\n"), "line 2"},
        {STR_INIT(HEADER "openai,,2,,,8,,,,,,,,,,x,2026-11-01\n"), "line 2"},
        {STR_INIT(HEADER
                  "openai,a,2,,,8,,,,,,,,,,x,2026-11-01\nopenai,b,-2,,,8,,,,,,,,,,x,2026-11-01\n"),
         "line 3"},
        {STR_INIT(HEADER "openai,x,2,,,8,,,,,,maybe,,,,x,2026-11-01\n"), "line 2"},
        {STR_INIT(HEADER "openai,x,2.,,,8,,,,,,,,,,x,2026-11-01\n"), "line 2"},
        {STR_INIT(HEADER "openai,x,.5,,,8,,,,,,,,,,x,2026-11-01\n"), "line 2"},
        {STR_INIT(HEADER "openai,x,1.0000001,,,8,,,,,,,,,,x,2026-11-01\n"), "line 2"},
        {STR_INIT(HEADER "openai,x,2e1,,,8,,,,,,,,,,x,2026-11-01\n"), "line 2"},
        {STR_INIT(HEADER "openai,x,2,,,8,,,,,,,,,,\"a,b\"\n"), "line 2"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct price_table *table = NULL;
        struct error error = {0};
        CHECK_INT(rows[i].line, price_table_new(rows[i].text, &table, &error), ERR_MALFORMED);
        CHECK(rows[i].line, strstr(error.text, rows[i].line) && !table);
    }
}

/* Probe of the table that ships: it reads, every row is found, and a few known prices are right. */
static void the_embedded_table_is_good(void **unused)
{
    (void)unused;
    struct price_table *table = table_of((struct str){prices_csv, prices_csv_len});
    const struct price *price = price_find(table, PROVIDER_ANTHROPIC, STR("claude-haiku-4-5"));
    CHECK("haiku", price && price->input == 1000000 && price->cache_write == 1250000);
    price = price_find(table, PROVIDER_OPENAI, STR("gpt-5-nano"));
    CHECK("gpt-4 sees nothing and writes no schema",
          price_find(table, PROVIDER_OPENAI, STR("gpt-4"))->lacks ==
              (MODEL_LACKS_IMAGES | MODEL_LACKS_SCHEMA | MODEL_LACKS_REASONING));
    CHECK("nano", price && price->cached == 5000 && price->output == 400000);
    price = price_find(table, PROVIDER_OPENAI, STR("gpt-6.1-sol"));
    CHECK("sol", price && price->long_from_tokens == 272000 && price->long_input == 4000000);
    price = price_find(table, PROVIDER_OPENAI, STR("gpt-5-2025-08-07"));
    CHECK("dated", price && strcmp(price->model, "gpt-5") == 0);
    price_table_free(table);
    price_table_free(NULL);
}

TEST_MAIN(TEST(a_request_costs_what_the_table_says), TEST(writes_that_are_kept_an_hour_cost_more),
          TEST(abilities_come_along), TEST(a_bad_table_is_refused_with_its_line),
          TEST(the_embedded_table_is_good))
