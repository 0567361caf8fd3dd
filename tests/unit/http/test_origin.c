/* tests/unit/http/test_origin.c: T15: whose page asks, and under which name. */
#include "http/origin.h"

#include "tests/test.h"

static struct own_address address_of(const char *base_url, const char *listen_host, bool is_tls)
{
    struct own_address own;
    struct error error = {0};
    CHECK(base_url, own_address_init(&own, base_url, listen_host, is_tls, &error) == OK);
    return own;
}

static struct http_head head_of(struct http_header *headers, const char *host, const char *origin,
                                const char *site)
{
    struct http_head head = {.headers = headers};
    const char *const names[] = {"host", "origin", "sec-fetch-site"};
    const char *const values[] = {host, origin, site};
    for (size_t i = 0; i < 3; i++)
        if (values[i])
            headers[head.header_count++] =
                (struct http_header){str_of(names[i]), str_of(values[i])};
    return head;
}

static void strangers_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *base_url, *listen_host, *host;
        bool is_ours;
    } stories[] = {
        {"", "127.0.0.1", "127.0.0.1:8080", true},
        {"", "127.0.0.1", "localhost:8080", true},
        {"", "127.0.0.1", "LOCALHOST", true},
        {"", "127.0.0.1", "localhost.", true},
        {"", "::1", "[::1]:8080", true},
        {"", "127.0.0.1", "auxot", true},
        {"", "127.0.0.1", "auxot.internal:80", true},
        {"", "127.0.0.1", "tower.local", true},
        {"", "127.0.0.1", NULL, true},
        {"", "127.0.0.1", "", true},
        {"", "127.0.0.1", "evil.example:8080", false},
        {"", "127.0.0.1", "evil.example.", false},
        {"", "127.0.0.1", "localhost.evil.example", false},
        {"", "127.0.0.1", "127.0.0.1.evil.example", false},
        {"", "127.0.0.1", "[::1].evil.example", false},
        {"", "localhost", "evil.example", false},
        {"", "0.0.0.0", "any.name.example", true},
        {"https://ai.example.com", "0.0.0.0", "ai.example.com", true},
        {"https://ai.example.com", "0.0.0.0", "AI.example.com:443", true},
        {"https://ai.example.com", "0.0.0.0", "10.0.0.7:8080", true},
        {"https://ai.example.com", "0.0.0.0", "auxot:8080", true},
        {"https://ai.example.com", "0.0.0.0", "evil.example", false},
        {"https://ai.example.com", "0.0.0.0", "xai.example.com", false},
        {"https://ai.example.com", "127.0.0.1", "ai.example.com", true},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct own_address own = address_of(stories[i].base_url, stories[i].listen_host, false);
        struct http_header headers[3];
        struct http_head head = head_of(headers, stories[i].host, NULL, NULL);
        CHECK_INT(stories[i].host ? stories[i].host : "none", host_is_ours(&own, &head),
                  stories[i].is_ours);
    }
}

static void only_our_own_pages_may_write(void **state)
{
    (void)state;
    static const struct {
        const char *base_url;
        bool is_tls;
        const char *host, *origin, *site;
        bool is_ours;
    } stories[] = {
        {"", false, "localhost:8080", "http://localhost:8080", NULL, true},
        {"", false, "localhost:8080", "http://localhost:8080", "same-origin", true},
        {"", true, "localhost:8080", "https://localhost:8080", "same-origin", true},
        {"", false, "localhost:8080", NULL, "same-origin", false},
        {"", false, "localhost:8080", NULL, NULL, false},
        {"", false, "localhost:8080", "null", NULL, false},
        {"", false, "localhost:8080", "null", "same-origin", false},
        {"", false, "localhost:8080", "http://evil.example", NULL, false},
        {"", false, "localhost:8080", "http://localhost:8081", NULL, false},
        {"", false, "localhost:8080", "http://localhost", NULL, false},
        {"", false, "localhost:8080", "https://localhost:8080", NULL, false},
        {"", true, "localhost:8080", "http://localhost:8080", NULL, false},
        {"", false, "localhost:8080", "http://localhost:8080.evil.example", NULL, false},
        {"", false, "localhost:8080", "http://localhost:8080", "cross-site", false},
        {"", false, "localhost:8080", "http://localhost:8080", "same-site", false},
        {"", false, "localhost:8080", "http://localhost:8080", "none", false},
        {"", false, NULL, "http://", NULL, false},
        {"https://ai.example.com", false, "10.0.0.7:8080", "https://ai.example.com", NULL, true},
        {"https://ai.example.com/", false, "ai.example.com", "https://ai.example.com", NULL, true},
        {"https://ai.example.com", false, "ai.example.com", "https://evil.example", NULL, false},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct own_address own = address_of(stories[i].base_url, "127.0.0.1", stories[i].is_tls);
        struct http_header headers[3];
        struct http_head head =
            head_of(headers, stories[i].host, stories[i].origin, stories[i].site);
        char name[16];
        snprintf(name, sizeof name, "story %zu", i);
        CHECK_INT(name, origin_is_ours(&own, &head), stories[i].is_ours);
        bool is_browser = stories[i].origin || stories[i].site;
        CHECK_INT(name, origin_is_not_foreign(&own, &head), !is_browser || stories[i].is_ours);
    }
}

static void two_origins_are_none(void **state)
{
    (void)state;
    struct own_address own = address_of("", "127.0.0.1", false);
    struct http_header headers[3] = {{STR("host"), STR("localhost")},
                                     {STR("origin"), STR("http://localhost")},
                                     {STR("origin"), STR("http://localhost")}};
    struct http_head head = {.headers = headers, .header_count = 3};
    CHECK("not ours", !origin_is_ours(&own, &head));
}

static void cookies_are_secure_where_people_use_tls(void **state)
{
    (void)state;
    struct own_address plain = address_of("", "127.0.0.1", false);
    struct own_address tls = address_of("", "127.0.0.1", true);
    struct own_address behind = address_of("https://ai.example.com", "127.0.0.1", false);
    CHECK("plain", !own_address_is_secure(&plain));
    CHECK("TLS", own_address_is_secure(&tls));
    CHECK("TLS in front", own_address_is_secure(&behind));
    struct own_address own;
    struct error error = {0};
    CHECK("no URL", own_address_init(&own, "ai.example.com", "::", false, &error) == ERR_MALFORMED);
}

TEST_MAIN(TEST(strangers_names_are_refused), TEST(only_our_own_pages_may_write),
          TEST(two_origins_are_none), TEST(cookies_are_secure_where_people_use_tls))
