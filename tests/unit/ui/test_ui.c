/* tests/unit/ui/test_ui.c: what is a page, what is a file, and in which form a file goes out. */
#include "ui/asset.h"
#include "ui/ui.h"

#include "tests/test.h"

static const char plain[] = "plain text", gzip[] = "gzip", brotli[] = "br";

#define FORMS(g, b)                                                       \
    {                                                                     \
        "/x.js", "text/javascript", "\"1\"", true, {plain, gzip, brotli}, \
        {                                                                 \
            plain + sizeof plain, gzip + ((g) ? sizeof gzip : 0),         \
                brotli + ((b) ? sizeof brotli : 0)                        \
        }                                                                 \
    }

static void the_smallest_form_that_is_accepted_goes_out(void **unused)
{
    (void)unused;
    static const struct ui_asset both = FORMS(1, 1), packed_once = FORMS(1, 0), bare = FORMS(0, 0);
    static const struct {
        const char *accept;
        const struct ui_asset *asset;
        int want;
    } rows[] = {
        {"gzip, deflate, br, zstd", &both, ASSET_BROTLI},
        {"gzip, deflate, br", &packed_once, ASSET_GZIP},
        {"gzip, deflate, br", &bare, ASSET_PLAIN},
        {"", &both, ASSET_PLAIN},
        {"BR", &both, ASSET_BROTLI},
        {"gzip;q=1.0, br;q=0", &both, ASSET_GZIP},
        {"gzip;q=0.000, br;q=0.0", &both, ASSET_PLAIN},
        {"br; q=0.01", &both, ASSET_BROTLI},
        {"brotli, gz", &both, ASSET_PLAIN},
        {"identity", &both, ASSET_PLAIN},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_INT(rows[i].accept, ui_form_of(rows[i].asset, str_of(rows[i].accept)), rows[i].want);
}

static void a_browser_gets_pages_and_nobody_gets_a_page_for_a_file(void **unused)
{
    (void)unused;
    static const struct {
        const char *path, *accept;
        enum http_method method;
        bool want;
    } rows[] = {
        {"/", "text/html,application/xhtml+xml", METHOD_GET, true},
        {"/settings/providers/prv_1", "text/html", METHOD_GET, true},
        {"/settings/providers", "text/html", METHOD_HEAD, true},
        {"/settings/providers", "text/html", METHOD_POST, false},
        {"/", "*/*", METHOD_GET, false}, /* curl */
        {"/assets/index-old.js", "text/html", METHOD_GET, false},
        {"/assets/gone", "text/html", METHOD_GET, false},
        {"/favicon.ico", "text/html", METHOD_GET, false},
        {"/api", "text/html", METHOD_GET, false},
        {"/api/providers", "text/html", METHOD_GET, false},
        {"/v1/models", "text/html", METHOD_GET, false},
        {"*", "text/html", METHOD_GET, false},
        {"", "text/html", METHOD_GET, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_header accept = {STR("accept"), str_of(rows[i].accept)};
        struct http_head head = {.method = rows[i].method, .path = str_of(rows[i].path)};
        head.headers = &accept;
        head.header_count = 1;
        CHECK_INT(rows[i].path, ui_wants(&head), rows[i].want);
    }
}

TEST_MAIN(TEST(the_smallest_form_that_is_accepted_goes_out),
          TEST(a_browser_gets_pages_and_nobody_gets_a_page_for_a_file))
