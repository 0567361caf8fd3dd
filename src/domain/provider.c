/* domain/provider.c: the columns of the kind, tier and condition lists, and the two texts that are
 * made from what an admin typed: slugs and base URLs.
 */
#include "domain/provider.h"

#include <assert.h>

static const struct timeouts timeouts_of_clouds = {
    .connect_ms = 5000, .first_byte_ms = 120000, .plain_ms = 600000, .idle_ms = 120000};
static const struct timeouts timeouts_of_our_own = {
    .connect_ms = 5000, .first_byte_ms = 600000, .plain_ms = 600000, .idle_ms = 120000};

static const struct {
    const char *name;
    enum tier tier;
    enum dialect dialect;
    unsigned endpoints;
} kinds[] = {
#define X(name, text, tier, dialect, endpoints) {text, tier, dialect, endpoints},
    PROVIDER_KIND_LIST(X)
#undef X
};

static const char *const tiers[] = {"gpu", "cli", "cloud"};
static_assert(sizeof tiers / sizeof tiers[0] == TIER_COUNT, "one name per tier");

static const char *const conditions[] = {"offline", "over_quota", "queue_too_deep"};
static_assert(sizeof conditions / sizeof conditions[0] == CONDITION_COUNT, "one per condition");

/* ---- names ------------------------------------------------------------------------------------- */

static bool find_name(const char *const *names, int count, struct str name, int *out_at)
{
    for (int i = 0; i < count; i++) {
        if (!str_eq(str_of(names[i]), name))
            continue;
        *out_at = i;
        return true;
    }
    return false;
}

const char *provider_kind_name(enum provider_kind kind)
{
    assert(kind < PROVIDER_KIND_COUNT);
    return kinds[kind].name;
}

bool provider_kind_parse(struct str name, enum provider_kind *out_kind)
{
    for (int i = 0; i < PROVIDER_KIND_COUNT; i++) {
        if (!str_eq(str_of(kinds[i].name), name))
            continue;
        *out_kind = (enum provider_kind)i;
        return true;
    }
    return false;
}

enum tier provider_kind_tier(enum provider_kind kind)
{
    assert(kind < PROVIDER_KIND_COUNT);
    return kinds[kind].tier;
}

enum dialect provider_kind_dialect(enum provider_kind kind)
{
    assert(kind < PROVIDER_KIND_COUNT);
    return kinds[kind].dialect;
}

const struct timeouts *provider_kind_timeouts(enum provider_kind kind)
{
    return provider_kind_tier(kind) == TIER_CLOUD ? &timeouts_of_clouds : &timeouts_of_our_own;
}

unsigned provider_kind_endpoints(enum provider_kind kind)
{
    assert(kind < PROVIDER_KIND_COUNT);
    return kinds[kind].endpoints;
}

unsigned provider_dialect_endpoints(struct str word)
{
    if (str_eq(word, str_of(dialect_name(DIALECT_OPENAI))))
        return ENDPOINTS_OPENAI;
    if (str_eq(word, str_of(dialect_name(DIALECT_ANTHROPIC))))
        return ENDPOINTS_ANTHROPIC;
    for (int i = 0; i < ENDPOINT_COUNT; i++) {
        const struct endpoint_facts *facts = endpoint_facts((enum endpoint)i);
        if (facts->is_inference && str_eq(word, str_of(facts->name)))
            return ENDPOINT_BIT(i);
    }
    return 0;
}

const char *tier_name(enum tier tier)
{
    assert(tier < TIER_COUNT);
    return tiers[tier];
}

bool tier_parse(struct str name, enum tier *out_tier)
{
    int at = 0;
    bool is_known = find_name(tiers, TIER_COUNT, name, &at);
    if (is_known)
        *out_tier = (enum tier)at;
    return is_known;
}

const char *condition_name(enum condition condition)
{
    assert(condition < CONDITION_COUNT);
    return conditions[condition];
}

bool condition_parse(struct str name, enum condition *out_condition)
{
    int at = 0;
    bool is_known = find_name(conditions, CONDITION_COUNT, name, &at);
    if (is_known)
        *out_condition = (enum condition)at;
    return is_known;
}

/* ---- models ------------------------------------------------------------------------------------ */

/* strcmp's order, of a slice and a string. */
static int compare(struct str a, const char *b)
{
    struct str other = str_of(b);
    size_t shorter = a.len < other.len ? a.len : other.len;
    int order = shorter ? memcmp(a.at, other.at, shorter) : 0;
    if (order != 0 || a.len == other.len)
        return order;
    return a.len < other.len ? -1 : 1;
}

const struct model *models_find(const struct model *models, size_t count, struct str id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(id, models[middle].id);
        if (order == 0)
            return &models[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct model *provider_model(const struct provider *provider, struct str model_id)
{
    return models_find(provider->models, provider->model_count, model_id);
}

/* ---- slugs ------------------------------------------------------------------------------------- */

#define SLUG_MAX 40u

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_slug_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

void provider_slug(struct str name, char *out_slug, size_t room_bytes)
{
    assert(room_bytes > sizeof "provider");
    size_t most = room_bytes - 1 < SLUG_MAX ? room_bytes - 1 : SLUG_MAX, len = 0;
    bool owes_dash = false; /* one for any run of other characters, and only between letters */

    for (size_t i = 0; i < name.len && len < most; i++) {
        char c = lower(name.at[i]);
        if (!is_slug_char(c)) {
            owes_dash = len > 0;
            continue;
        }
        if (owes_dash && len + 1 >= most)
            break;
        if (owes_dash)
            out_slug[len++] = '-';
        owes_dash = false;
        out_slug[len++] = c;
    }
    out_slug[len] = '\0';
    if (len == 0)
        str_copy(STR("provider"), out_slug, room_bytes);
}

/* ---- base URLs --------------------------------------------------------------------------------- */

struct url {
    struct str scheme, host, port,
        path; /* host with its brackets; port without ':', may be empty */
};

static bool is_url_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] >= 0x7F || strchr("\\\"<>^`{|}", s.at[i]))
            return false;
    return true;
}

static bool is_host(struct str host)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        allowed = "0123456789abcdefABCDEF:.";
        host = str_upto(str_from(host, 1), host.len - 2);
    }
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr(allowed, host.at[i]))
            return false;
    return true;
}

static bool is_port(struct str port)
{
    int64_t number = 0;
    return str_to_int64(port, &number) && number >= 1 && number <= 65535;
}

/* Cuts "host:port" or "[v6]:port". A colon with nothing behind it is no port. */
static bool cut_authority(struct str authority, struct url *url)
{
    size_t host_len = authority.len, colon = 0;
    if (authority.len > 0 && authority.at[0] == '[') {
        if (!str_find(authority, STR("]"), &colon))
            return false;
        host_len = colon + 1;
    } else if (str_find(authority, STR(":"), &colon)) {
        host_len = colon;
    }
    url->host = str_upto(authority, host_len);
    url->port = str_from(authority, host_len);
    if (url->port.len == 0)
        return is_host(url->host);
    if (url->port.at[0] != ':')
        return false;
    url->port = str_from(url->port, 1);
    return is_host(url->host) && is_port(url->port);
}

static enum err parse_url(struct str text, struct url *url, struct error *error)
{
    size_t at = 0;
    if (!str_find(text, STR("://"), &at))
        return error_set(error, ERR_MALFORMED,
                         "the base URL must begin with https:// or http://, for example "
                         "https://api.openai.com/v1");
    url->scheme = str_upto(text, at);
    if (!str_ieq(url->scheme, STR("https")) && !str_ieq(url->scheme, STR("http")))
        return error_set(
            error, ERR_MALFORMED,
            "the base URL must begin with https:// or http://; no other scheme is used");
    if (!is_url_text(text))
        return error_set(error, ERR_MALFORMED,
                         "the base URL holds a character that cannot stand in a URL");
    if (str_find(text, STR("?"), NULL) || str_find(text, STR("#"), NULL))
        return error_set(error, ERR_MALFORMED, "the base URL may not hold a query or a fragment");

    struct str rest = str_from(text, at + 3), authority = rest;
    size_t slash = rest.len;
    if (str_find(rest, STR("/"), &slash))
        authority = str_upto(rest, slash);
    url->path = str_from(rest, slash);
    if (str_find(authority, STR("@"), NULL))
        return error_set(error, ERR_MALFORMED,
                         "the base URL may not hold a user name or password; give the key as "
                         "api_key");
    if (!cut_authority(authority, url))
        return error_set(error, ERR_MALFORMED, "the base URL names no valid host and port");
    return OK;
}

static struct str without_slashes(struct str path)
{
    while (path.len > 0 && path.at[path.len - 1] == '/')
        path.len--;
    return path;
}

/* People paste the address of an endpoint: what stands behind the base is taken off. */
static struct str without_endpoint(struct str path)
{
    static const struct str tails[] = {STR_INIT("/chat/completions"), STR_INIT("/completions"),
                                       STR_INIT("/responses"),        STR_INIT("/embeddings"),
                                       STR_INIT("/messages"),         STR_INIT("/models")};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++)
        if (str_ends(path, tails[i]))
            return without_slashes(str_upto(path, path.len - tails[i].len));
    return path;
}

static struct str normal_path(enum provider_kind kind, struct str path)
{
    static const struct str v1 = STR_INIT("/v1");
    path = without_endpoint(without_slashes(path));
    if (provider_kind_dialect(kind) == DIALECT_ANTHROPIC)
        return str_ends(path, v1) ? without_slashes(str_upto(path, path.len - v1.len)) : path;
    return path.len == 0 ? v1 : path;
}

enum err provider_base_url(enum provider_kind kind, struct str given, char *out_url,
                           size_t room_bytes, struct error *error)
{
    struct url url = {0};
    enum err err = parse_url(str_trim(given), &url, error);
    if (err != OK)
        return err;
    struct str path = normal_path(kind, url.path);

    const struct str pieces[] = {url.scheme, STR("://"), url.host, str_of(url.port.len ? ":" : ""),
                                 url.port,   path};
    size_t len = 0, piece_count = sizeof pieces / sizeof pieces[0];
    for (size_t i = 0; i < piece_count; i++)
        len += pieces[i].len;
    if (len >= room_bytes)
        return error_set(error, ERR_MALFORMED, "the base URL is longer than %zu characters",
                         room_bytes - 1);

    char *at = out_url;
    for (size_t i = 0; i < piece_count; i++)
        for (size_t c = 0; c < pieces[i].len; c++) /* all but the path has no case */
            *at++ = i + 1 < piece_count ? lower(pieces[i].at[c]) : pieces[i].at[c];
    *at = '\0';
    return OK;
}
