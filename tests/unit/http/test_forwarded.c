/* tests/unit/http/test_forwarded.c: whom a proxy speaks for, and that nobody else speaks for anybody. T14. */
#include "http/forwarded.h"

#include "tests/test.h"

#define PROXIES "10.0.0.0/8, 192.0.2.1,fd00::/9"

static const struct client_story {
    const char *name, *proxies, *peer;
    const char *values[3];
    const char *client;
} stories[] = {
    {"nobody is trusted", "", "192.0.2.1", {"203.0.113.7"}, "192.0.2.1"},
    {"a stranger says what it likes", PROXIES, "203.0.113.9", {"198.51.100.1"}, "203.0.113.9"},
    {"a proxy speaks for its client", PROXIES, "192.0.2.1", {"203.0.113.7"}, "203.0.113.7"},
    {"and only for the last", PROXIES, "192.0.2.1", {"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
    {"proxies in a row", PROXIES, "192.0.2.1", {"1.1.1.1,203.0.113.7 , 10.1.2.3"}, "203.0.113.7"},
    {"in two headers", PROXIES, "192.0.2.1", {"203.0.113.7", "10.1.2.3"}, "203.0.113.7"},
    {"the later header counts first",
     PROXIES,
     "192.0.2.1",
     {"1.1.1.1", "203.0.113.7"},
     "203.0.113.7"},
    {"proxies only", PROXIES, "192.0.2.1", {"10.9.9.9, 10.1.2.3"}, "10.9.9.9"},
    {"without the header", PROXIES, "192.0.2.1", {NULL}, "192.0.2.1"},
    {"an empty one", PROXIES, "192.0.2.1", {""}, "192.0.2.1"},
    {"rubbish at the end", PROXIES, "192.0.2.1", {"203.0.113.7, unknown"}, "192.0.2.1"},
    {"rubbish behind a proxy", PROXIES, "192.0.2.1", {"203.0.113.7, x, 10.1.2.3"}, "10.1.2.3"},
    {"an empty entry", PROXIES, "192.0.2.1", {"203.0.113.7,"}, "192.0.2.1"},
    {"a port is no address", PROXIES, "192.0.2.1", {"203.0.113.7:80"}, "192.0.2.1"},
    {"nor are brackets", PROXIES, "192.0.2.1", {"[2001:db8::1]"}, "192.0.2.1"},
    {"nor a zone", PROXIES, "192.0.2.1", {"fe80::1%eth0"}, "192.0.2.1"},
    {"nor octal", PROXIES, "192.0.2.1", {"203.0.113.007"}, "192.0.2.1"},
    {"nor what is too long",
     PROXIES,
     "192.0.2.1",
     {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"},
     "192.0.2.1"},
    {"IPv6", PROXIES, "fd00::5", {"2001:db8::1"}, "2001:db8::1"},
    {"to the bit", PROXIES, "fd80::5", {"2001:db8::1"}, "fd80::5"},
    {"to the other bit", PROXIES, "fd7f::5", {"2001:db8::1"}, "2001:db8::1"},
    {"IPv4 in IPv6's clothes", PROXIES, "::ffff:10.2.3.4", {"203.0.113.7"}, "203.0.113.7"},
    {"of another network", PROXIES, "11.0.0.1", {"203.0.113.7"}, "11.0.0.1"},
    {"the control socket", PROXIES, "local", {"203.0.113.7"}, "local"},
    {"all of IPv4", "0.0.0.0/0", "11.0.0.1", {"2001:db8::1"}, "2001:db8::1"},
    {"is not all of IPv6", "0.0.0.0/0", "2001:db8::2", {"2001:db8::1"}, "2001:db8::2"},
};

static void a_proxy_speaks_for_its_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct client_story *story = &stories[i];
        struct trusted_proxies proxies;
        struct error error = {0};
        struct str values[3];
        size_t count = 0;
        char client[64];
        CHECK_INT(story->name, trusted_proxies_parse(str_of(story->proxies), &proxies, &error), OK);
        for (; count < 3 && story->values[count]; count++)
            values[count] = str_of(story->values[count]);
        str_copy(forwarded_client(&proxies, str_of(story->peer), values, count), client,
                 sizeof client);
        CHECK_STR(story->name, client, story->client);
    }
}

static void a_long_header_is_read_so_far_and_no_farther(void **state)
{
    (void)state;
    struct trusted_proxies proxies;
    struct error error = {0};
    char value[FORWARDED_ENTRIES_MAX * 10 + 32] = "203.0.113.7";
    CHECK_INT("parsed", trusted_proxies_parse(STR(PROXIES), &proxies, &error), OK);
    for (int i = 0; i < FORWARDED_ENTRIES_MAX - 1; i++)
        strcat(value, ",10.0.0.1");
    struct str list = str_of(value);
    CHECK("so far",
          str_eq(forwarded_client(&proxies, STR("192.0.2.1"), &list, 1), STR("203.0.113.7")));
    strcat(value, ",10.0.0.1");
    list = str_of(value);
    CHECK("no farther",
          str_eq(forwarded_client(&proxies, STR("192.0.2.1"), &list, 1), STR("10.0.0.1")));
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {",",          "10.0.0.1,",  "proxy.local", "10.0.0.0/33",
                               "10.0.0.0/",  "10.0.0.0/x", "10.0.0/8",    "10.0.0.1/8",
                               "fd00::/129", "fd00::1/64", "10.0.0.0/-1", "10.0.0.0/8/8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct trusted_proxies proxies;
        struct error error = {0};
        CHECK_INT(bad[i], trusted_proxies_parse(str_of(bad[i]), &proxies, &error), ERR_MALFORMED);
        CHECK(bad[i], str_starts(str_of(error.text), STR("trusted_proxies: '")));
    }
    struct trusted_proxies proxies;
    struct error error = {0};
    char many[TRUSTED_PROXIES_MAX * 10 + 32] = "10.0.0.1";
    for (int i = 1; i < TRUSTED_PROXIES_MAX; i++)
        strcat(many, ",10.0.0.1");
    CHECK_INT("as many", trusted_proxies_parse(str_of(many), &proxies, &error), OK);
    strcat(many, ",10.0.0.1");
    CHECK_INT("too many", trusted_proxies_parse(str_of(many), &proxies, &error), ERR_MALFORMED);
}

TEST_MAIN(TEST(a_proxy_speaks_for_its_client), TEST(a_long_header_is_read_so_far_and_no_farther),
          TEST(what_is_no_network_is_refused))
