/* tests/fuzz/fuzz_path.c: any bytes as the path of a request. What is found stands in the path, and it is found
 * the same with one `/v1` more.
 */
#include "base/buf.h"
#include "wire/api.h"

#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_ours(struct str path, enum dialect dialect)
{
    static const struct str prefixes[] = {STR_INIT("/api/openai"), STR_INIT("/api/anthropic")};
    struct str prefix = prefixes[dialect];
    require(str_starts(path, prefix));
    require(path.len == prefix.len || path.at[prefix.len] == '/');
}

static void check_found(struct str path, const struct api_route *route)
{
    const struct endpoint_facts *facts = endpoint_facts(route->endpoint);
    require(route->is_post == facts->is_inference);
    if (facts->is_inference)
        require(facts->dialect == route->dialect && str_ends(path, str_of(facts->upstream_path)));
    if (route->endpoint == ENDPOINT_MODEL)
        require(route->model_id.len > 0 && str_ends(path, route->model_id));
    else
        require(route->model_id.len == 0);
}

static void check_doubled(struct str path, const struct api_route *route)
{
    struct api_route again;
    enum dialect dialect;
    bool is_ours;
    size_t prefix_len = strlen(route->dialect == DIALECT_OPENAI ? "/api/openai" : "/api/anthropic");
    struct str rest = str_from(path, prefix_len);
    if (str_starts(rest, STR("/v1/v1/"))) /* two are taken, a third is a path of its own */
        return;
    AUTO_BUF struct buf longer;
    buf_init(&longer, path.len + 8);
    buf_append_str(&longer, str_upto(path, prefix_len));
    buf_append_str(&longer, STR("/v1"));
    buf_append_str(&longer, rest);
    require(api_route_find(buf_str(&longer), &again, &dialect, &is_ours) && is_ours);
    require(again.endpoint == route->endpoint && dialect == route->dialect);
    require(str_eq(again.model_id, route->model_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str path = {(const char *)bytes, len};
    struct api_route route = {0};
    enum dialect dialect = DIALECT_COUNT;
    bool is_ours = false;
    bool is_found = api_route_find(path, &route, &dialect, &is_ours);
    require(is_ours == (dialect != DIALECT_COUNT) && (is_ours || !is_found));
    if (is_ours)
        check_ours(path, dialect);
    if (!is_found)
        return 0;
    require(route.dialect == dialect);
    check_found(path, &route);
    check_doubled(path, &route);
    return 0;
}
