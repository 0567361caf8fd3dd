/* tests/unit/http/test_target.c: base URLs, and where they lead. */
#include "http/client.h"

#include "tests/test.h"

// clang-format off
static const struct story {
    const char *url, *host, *authority, *path; /* host NULL: refused */
    int port;
    bool is_tls;
} stories[] = {
    {"http://a", "a", "a", "", 80, false},
    {"https://a", "a", "a", "", 443, true},
    {"HTTPS://a/", "a", "a", "", 443, true},
    {"http://a:80", "a", "a", "", 80, false},
    {"http://a:443", "a", "a:443", "", 443, false},
    {"https://a:443/v1", "a", "a", "/v1", 443, true},
    {"http://127.0.0.1:11434/", "127.0.0.1", "127.0.0.1:11434", "", 11434, false},
    {"https://api.example.com/openai/v1///", "api.example.com", "api.example.com", "/openai/v1", 443, true},
    {"http://[::1]", "::1", "[::1]", "", 80, false},
    {"http://[fe80::1]:8080/v1", "fe80::1", "[fe80::1]:8080", "/v1", 8080, false},
    {"http://a_b-c.d", "a_b-c.d", "a_b-c.d", "", 80, false},
    {"http://a:65535", "a", "a:65535", "", 65535, false},

    {"", NULL, NULL, NULL, 0, false},
    {"a", NULL, NULL, NULL, 0, false},
    {"//a", NULL, NULL, NULL, 0, false},
    {"ftp://a", NULL, NULL, NULL, 0, false},
    {"file:///etc/passwd", NULL, NULL, NULL, 0, false},
    {"http:/a", NULL, NULL, NULL, 0, false},
    {"http://", NULL, NULL, NULL, 0, false},
    {"http:///v1", NULL, NULL, NULL, 0, false},
    {"http://:80", NULL, NULL, NULL, 0, false},
    {"http://a:0", NULL, NULL, NULL, 0, false},
    {"http://a:65536", NULL, NULL, NULL, 0, false},
    {"http://a:-1", NULL, NULL, NULL, 0, false},
    {"http://a:80x", NULL, NULL, NULL, 0, false},
    {"http://a:80:80", NULL, NULL, NULL, 0, false},
    {"http://::1", NULL, NULL, NULL, 0, false},
    {"http://[::1", NULL, NULL, NULL, 0, false},
    {"http://[]", NULL, NULL, NULL, 0, false},
    {"http://[::1]x", NULL, NULL, NULL, 0, false},
    {"http://user@a", NULL, NULL, NULL, 0, false},
    {"http://user:pass@a/", NULL, NULL, NULL, 0, false},
    {"http://a b", NULL, NULL, NULL, 0, false},
    {"http://a\r\nX: y", NULL, NULL, NULL, 0, false},
    {"http://a\\b", NULL, NULL, NULL, 0, false},
    {"http://a%2fb", NULL, NULL, NULL, 0, false},
    {"http://a/b c", NULL, NULL, NULL, 0, false},
    {"http://a/b\r\nX: y", NULL, NULL, NULL, 0, false},
    {"http://a/b?c", NULL, NULL, NULL, 0, false},
    {"http://a?c", NULL, NULL, NULL, 0, false},
    {"http://a/b#c", NULL, NULL, NULL, 0, false},
    {"http://\xc3\xa9", NULL, NULL, NULL, 0, false},
};
// clang-format on

static void urls_lead_where_they_say_or_nowhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct target target;
        struct error error;
        enum err err = target_parse(story->url, &target, &error);
        CHECK(story->url, (err == OK) == (story->host != NULL));
        if (err != OK)
            continue;
        CHECK_STR(story->url, target.host, story->host);
        CHECK_STR(story->url, target.authority, story->authority);
        CHECK_STR(story->url, target.path, story->path);
        CHECK_INT(story->url, target.port, story->port);
        CHECK(story->url, target.is_tls == story->is_tls);
    }
}

static void too_long_is_refused(void **state)
{
    (void)state;
    struct target target;
    struct error error;
    char url[600];
    memset(url, 'a', sizeof url);
    memcpy(url, "http://", 7);
    url[7 + 255] = '\0';
    CHECK("a host that just fits", target_parse(url, &target, &error) == OK);
    url[7 + 255] = 'a';
    url[7 + 256] = '\0';
    CHECK("one more", target_parse(url, &target, &error) == ERR_TOO_LARGE);
    url[8] = '/';
    url[8 + 255] = '\0';
    CHECK("a path that just fits", target_parse(url, &target, &error) == OK);
    url[8 + 255] = 'a';
    url[8 + 256] = '\0';
    CHECK("one more", target_parse(url, &target, &error) == ERR_TOO_LARGE);
}

TEST_MAIN(TEST(urls_lead_where_they_say_or_nowhere), TEST(too_long_is_refused))
