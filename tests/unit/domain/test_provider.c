/* tests/unit/domain/test_provider.c: kinds, slugs, base URLs. */
#include "domain/provider.h"
#include "tests/test.h"

static void names_are_read_as_they_are_written(void **unused)
{
    (void)unused;
    for (int i = 0; i < PROVIDER_KIND_COUNT; i++) {
        enum provider_kind kind = PROVIDER_KIND_COUNT;
        const char *name = provider_kind_name((enum provider_kind)i);
        CHECK(name, provider_kind_parse(str_of(name), &kind) && kind == (enum provider_kind)i);
    }
    for (int i = 0; i < TIER_COUNT; i++) {
        enum tier tier = TIER_COUNT;
        const char *name = tier_name((enum tier)i);
        CHECK(name, tier_parse(str_of(name), &tier) && tier == (enum tier)i);
    }
    for (int i = 0; i < CONDITION_COUNT; i++) {
        enum condition condition = CONDITION_COUNT;
        const char *name = condition_name((enum condition)i);
        CHECK(name, condition_parse(str_of(name), &condition) && condition == (enum condition)i);
    }
    enum provider_kind untouched = PROVIDER_CLI;
    CHECK("unknown", !provider_kind_parse(STR("openAI"), &untouched) && untouched == PROVIDER_CLI);
}

static void dialects_are_endpoints_by_name_or_all_of_a_vendor(void **unused)
{
    (void)unused;
    for (int i = 0; i < ENDPOINT_COUNT; i++) {
        const struct endpoint_facts *facts = endpoint_facts((enum endpoint)i);
        CHECK_INT(facts->name, provider_dialect_endpoints(str_of(facts->name)),
                  facts->is_inference ? ENDPOINT_BIT(i) : 0);
    }
    CHECK_INT("openai", provider_dialect_endpoints(STR("openai")), ENDPOINTS_OPENAI);
    CHECK_INT("anthropic", provider_dialect_endpoints(STR("anthropic")), ENDPOINTS_ANTHROPIC);
    CHECK_INT("no word", provider_dialect_endpoints(STR("Chat")), 0);
    CHECK_INT("nothing", provider_dialect_endpoints(STR("")), 0);
}

static void a_kind_is_asked_only_in_its_own_dialect(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < PROVIDER_KIND_COUNT; kind++)
        for (int endpoint = 0; endpoint < ENDPOINT_COUNT; endpoint++) {
            bool offers =
                provider_kind_endpoints((enum provider_kind)kind) & ENDPOINT_BIT(endpoint);
            const struct endpoint_facts *facts = endpoint_facts((enum endpoint)endpoint);
            if (offers)
                CHECK(facts->name,
                      facts->dialect == provider_kind_dialect((enum provider_kind)kind));
        }
}

static void models_are_found_by_their_exact_id(void **unused)
{
    (void)unused;
    static const struct model models[] = {{.id = "a"}, {.id = "a-1"}, {.id = "b/c"}, {.id = "z"}};
    struct provider provider = {.models = models, .model_count = COUNT(models)};
    for (size_t i = 0; i < COUNT(models); i++)
        CHECK(models[i].id, provider_model(&provider, str_of(models[i].id)) == &models[i]);
    static const char *const others[] = {"", "A", "a-", "a-11", "b", "zz"};
    for (size_t i = 0; i < COUNT(others); i++)
        CHECK(others[i], provider_model(&provider, str_of(others[i])) == NULL);
    CHECK("a NUL inside", provider_model(&provider, STR("a\0b")) == NULL);
    provider.model_count = 0;
    CHECK("none", provider_model(&provider, STR("a")) == NULL);
}

static void slugs_are_plain(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *slug;
    } rows[] = {
        {"OpenAI", "openai"},
        {"Our GPU rack #2", "our-gpu-rack-2"},
        {"  --x--  ", "x"},
        {"Grüße", "gr-e"},
        {"", "provider"},
        {"日本", "provider"},
        {"a/b", "a-b"},
        {"0123456789012345678901234567890123456789tail",
         "0123456789012345678901234567890123456789"},
        {"012345678901234567890123456789012345678 tail", "012345678901234567890123456789012345678"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char slug[64];
        provider_slug(str_of(rows[i].name), slug, sizeof slug);
        CHECK_STR(rows[i].name, slug, rows[i].slug);
    }
    char small[10];
    provider_slug(STR("abcdefghijklmn"), small, sizeof small);
    CHECK_STR("small room", small, "abcdefghi");
}

#define O PROVIDER_OPENAI
#define A PROVIDER_ANTHROPIC

static void base_urls_are_normalised(void **unused)
{
    (void)unused;
    static const struct {
        enum provider_kind kind;
        const char *given, *url;
    } rows[] = {
        {O, "https://api.openai.com/v1", "https://api.openai.com/v1"},
        {O, "https://api.openai.com", "https://api.openai.com/v1"},
        {O, " HTTPS://API.OpenAI.com/v1// ", "https://api.openai.com/v1"},
        {O, "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"},
        {O, "https://h/Deployments/My", "https://h/Deployments/My"},
        {O, "http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"},
        {O, "http://[::1]:8080/v1", "http://[::1]:8080/v1"},
        {O, "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"},
        {A, "https://api.anthropic.com", "https://api.anthropic.com"},
        {A, "https://api.anthropic.com/v1", "https://api.anthropic.com"},
        {A, "https://api.anthropic.com/v1/", "https://api.anthropic.com"},
        {A, "https://api.anthropic.com/v1/messages", "https://api.anthropic.com"},
        {A, "http://localhost:4000/anthropic/v1", "http://localhost:4000/anthropic"},
        {PROVIDER_GPU, "http://gpu-rack.internal", "http://gpu-rack.internal/v1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char url[256];
        CHECK_INT(rows[i].given,
                  provider_base_url(rows[i].kind, str_of(rows[i].given), url, sizeof url, NULL),
                  OK);
        CHECK_STR(rows[i].given, url, rows[i].url);
        char again[256];
        CHECK_INT("again", provider_base_url(rows[i].kind, str_of(url), again, sizeof again, NULL),
                  OK);
        CHECK_STR("stays as it is", again, url);
    }
}

static void bad_base_urls_are_refused_with_a_sentence(void **unused)
{
    (void)unused;
    static const char *const rows[] = {
        "",
        "api.openai.com",
        "ftp://api.openai.com",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user:pw@host/v1",
        "https://host/v1?key=1",
        "https://host/v1#top",
        "https://host:0/",
        "https://host:99999/",
        "https://host:/",
        "https://host:80a/",
        "https://[::1/",
        "https://[]/",
        "https://[::1]x/",
        "https://ho st/",
        "https://host\r\nX: y/",
        "https://h\xC3\xB6st/",
        "https://ho%73t/",
        "https://a:b:c/",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char url[64] = "untouched";
        struct error error = {0};
        CHECK_INT(rows[i], provider_base_url(O, str_of(rows[i]), url, sizeof url, &error),
                  ERR_MALFORMED);
        CHECK(rows[i], error.text[0] != '\0');
        CHECK_STR(rows[i], url, "untouched");
    }
    char small[20];
    CHECK_INT("too long for the room",
              provider_base_url(O, STR("https://a-long-host-name"), small, sizeof small, NULL),
              ERR_MALFORMED);
    CHECK_INT("a NUL inside",
              provider_base_url(O, STR("https://a\0b/v1"), small, sizeof small, NULL),
              ERR_MALFORMED);
}

TEST_MAIN(TEST(names_are_read_as_they_are_written),
          TEST(dialects_are_endpoints_by_name_or_all_of_a_vendor),
          TEST(a_kind_is_asked_only_in_its_own_dialect), TEST(models_are_found_by_their_exact_id),
          TEST(slugs_are_plain), TEST(base_urls_are_normalised),
          TEST(bad_base_urls_are_refused_with_a_sentence))
