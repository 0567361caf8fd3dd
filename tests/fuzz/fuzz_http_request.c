/* tests/fuzz/fuzz_http_request.c: a head that is taken says the same in our table as line by line. */
#include "http/head.h"

#include "base/mem.h"

#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_inside(struct str slice, struct str all)
{
    return slice.len == 0 || (slice.at >= all.at && slice.at + slice.len <= all.at + all.len);
}

/* The simplest possible reading: split at CR LF and at the first colon. */
static void require_plain_reading(const struct http_head *head, struct str all)
{
    struct str rest = all, first = str_cut(&rest, '\n'), words = first;
    require(str_ends(first, STR("\r")));
    str_cut(&words, ' ');
    require(str_eq(str_cut(&words, ' '), head->target));
    size_t count = 0, lengths = 0, codings = 0, hosts = 0;
    for (struct str line; (line = str_cut(&rest, '\n')).len > 1; count++) {
        require(count < head->header_count && str_ends(line, STR("\r")));
        line.len--;
        struct str name = str_cut(&line, ':');
        require(name.len > 0 && str_eq(name, head->headers[count].name));
        require(str_eq(str_trim(line), head->headers[count].value));
        lengths += str_ieq(name, STR("content-length"));
        codings += str_ieq(name, STR("transfer-encoding"));
        hosts += str_ieq(name, STR("host"));
    }
    require(rest.len == 0 && count == head->header_count);
    require(lengths + codings <= 1 && hosts <= 1);
    require((lengths == 1) == (head->content_length >= 0));
    require((codings == 1) == head->is_chunked);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct http_header table[HTTP_HEADERS_MAX];
    struct http_head head = {.headers = table, .header_room = HTTP_HEADERS_MAX};
    struct str all = {(const char *)bytes, len};
    struct error error;
    size_t scanned = 0, stepped = 0, end = http_head_end(all, &scanned), found = 0;
    for (size_t seen = 1; seen <= len && !found; seen++)
        found = http_head_end(str_upto(all, seen), &stepped);
    require(found == end);
    struct str whole = str_upto(all, end ? end : len);
    if (http_request_parse(whole, &head, &error) != OK)
        return 0;
    require(end != 0 && head.header_count <= HTTP_HEADERS_MAX && head.minor_version <= 1);
    require(head.path.len > 0 && head.path.at[0] == '/');
    require(is_inside(head.target, whole) && is_inside(head.query, whole));
    require_plain_reading(&head, whole);
    return 0;
}
