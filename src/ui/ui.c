/* ui/ui.c: see ui.h. Headers by UI.md section 4. */
#include "ui/ui.h"

#include "sys/random.h"
#include "ui/asset.h"

#include <string.h>

#define NONCE_DIGITS  32
#define HEADERS_MAX   4096u
#define SHELL_MAX     16384u
#define ENCODINGS_MAX 20

static const char common[] = "x-content-type-options: nosniff\r\nreferrer-policy: same-origin\r\n"
                             "cross-origin-opener-policy: same-origin\r\n"
                             "cross-origin-resource-policy: same-origin\r\n"
                             "permissions-policy: camera=(), microphone=(), geolocation=()\r\n";

/* As strcmp orders the table. */
static int order_of(struct str a, struct str b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order || a.len == b.len ? order : a.len < b.len ? -1 : 1;
}

static const struct ui_asset *asset_find(struct str path)
{
    size_t low = 0, high = ui_asset_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = order_of(str_of(ui_assets[middle].path), path);
        if (order == 0)
            return &ui_assets[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct str content(const struct ui_asset *asset, int form)
{
    return (struct str){asset->bytes[form], (size_t)(asset->ends[form] - asset->bytes[form])};
}

/* "q=0", "q=0.0"...: not this one. */
static bool is_refused(struct str parameters)
{
    struct str rest = str_trim(parameters);
    if (!str_starts(rest, STR("q=0")))
        return false;
    for (size_t i = 3; i < rest.len; i++)
        if (rest.at[i] != '.' && rest.at[i] != '0')
            return false;
    return true;
}

static bool allows(struct str accept, struct str coding)
{
    for (int i = 0; i < ENCODINGS_MAX && accept.len; i++) {
        struct str parameters = str_cut(&accept, ',');
        struct str name = str_trim(str_cut(&parameters, ';'));
        if (str_ieq(name, coding))
            return !is_refused(parameters);
    }
    return false;
}

int ui_form_of(const struct ui_asset *asset, struct str accept)
{
    if (content(asset, ASSET_BROTLI).len && allows(accept, STR("br")))
        return ASSET_BROTLI;
    if (content(asset, ASSET_GZIP).len && allows(accept, STR("gzip")))
        return ASSET_GZIP;
    return ASSET_PLAIN;
}

static bool wants_html(const struct http_head *head)
{
    struct str accept = http_header_find(head, STR("accept"), NULL);
    return str_find(accept, STR("text/html"), NULL);
}

/* The last part of a page's path has no dot: "/assets/old.js" is a file, and one that is not there. */
static bool is_page(struct str path)
{
    for (size_t i = path.len; i > 0 && path.at[i - 1] != '/'; i--)
        if (path.at[i - 1] == '.')
            return false;
    return str_starts(path, STR("/")) && !str_starts(path, STR("/api")) &&
           !str_starts(path, STR("/assets/")) && !str_starts(path, STR("/v1"));
}

bool ui_wants(const struct http_head *head)
{
    if (head->method != METHOD_GET && head->method != METHOD_HEAD)
        return false;
    return asset_find(head->path) || (is_page(head->path) && wants_html(head));
}

static void write_policy(struct buf *headers, const char *nonce)
{
    buf_printf(headers,
               "content-security-policy: default-src 'none'; script-src 'self'; "
               "style-src 'self' 'nonce-%s'; img-src 'self' data:; font-src 'self'; "
               "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
               "frame-ancestors 'none'; require-trusted-types-for 'script'; "
               "trusted-types default\r\n",
               nonce);
}

static void serve_shell(struct exchange *exchange, struct buf *headers)
{
    AUTO_BUF struct buf body;
    char nonce[NONCE_DIGITS + 1];
    random_hex(nonce, NONCE_DIGITS);
    write_policy(headers, nonce);
    buf_append_lit(headers, "cache-control: no-store\r\n");
    buf_init(&body, SHELL_MAX);
    for (size_t i = 0; i < UI_SHELL_PIECES && ui_shell[i].len; i++) {
        if (i > 0)
            buf_puts(&body, nonce);
        buf_append_str(&body, ui_shell[i]);
    }
    exchange_answer(exchange, 200, buf_str(headers), STR("text/html; charset=utf-8"),
                    buf_str(&body));
}

static void serve_asset(struct exchange *exchange, const struct ui_asset *asset,
                        struct buf *headers)
{
    static const char *const codings[ASSET_FORMS] = {"", "gzip", "br"};
    const struct http_head *head = exchange_head(exchange);
    struct str known = http_header_find(head, STR("if-none-match"), NULL);
    int form = ui_form_of(asset, http_header_find(head, STR("accept-encoding"), NULL));
    buf_printf(headers, "etag: %s\r\nvary: accept-encoding\r\n", asset->etag);
    buf_puts(headers, asset->is_immutable ? "cache-control: public, max-age=31536000, immutable\r\n"
                                          : "cache-control: no-cache\r\n");
    if (known.len && str_find(known, str_of(asset->etag), NULL)) {
        exchange_answer(exchange, 304, buf_str(headers), STR(""), STR(""));
        return;
    }
    if (form != ASSET_PLAIN)
        buf_printf(headers, "content-encoding: %s\r\n", codings[form]);
    exchange_answer(exchange, 200, buf_str(headers), str_of(asset->mime), content(asset, form));
}

void ui_serve(struct exchange *exchange, struct str given)
{
    AUTO_BUF struct buf headers;
    const struct ui_asset *asset = asset_find(exchange_head(exchange)->path);
    buf_init(&headers, HEADERS_MAX);
    buf_append_str(&headers, given);
    buf_puts(&headers, common);
    buf_printf(&headers, "x-auxot-ui: %s\r\n", ui_build_id);
    if (asset)
        serve_asset(exchange, asset, &headers);
    else
        serve_shell(exchange, &headers);
}
