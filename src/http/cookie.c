/* http/cookie.c: see cookie.h. */
#include "http/cookie.h"

struct search {
    struct str name, found;
    bool is_found, is_ambiguous;
};

/* "a=1; b=2": quotes belong to the value, as browsers have it. */
static void look_into(struct str pairs, struct search *search)
{
    while (pairs.len) {
        struct str value = str_trim(str_cut(&pairs, ';'));
        if (!memchr(value.len ? value.at : ".", '=', value.len ? value.len : 1) ||
            !str_eq(str_cut(&value, '='), search->name))
            continue;
        search->is_ambiguous |= search->is_found && !str_eq(value, search->found);
        if (!search->is_found)
            search->found = value;
        search->is_found = true;
    }
}

struct str http_cookie_find(const struct http_head *head, struct str name, bool *out_is_ambiguous)
{
    struct search search = {.name = name, .found = STR("")};
    for (size_t i = 0; i < head->header_count; i++)
        if (str_ieq(head->headers[i].name, STR("cookie")))
            look_into(head->headers[i].value, &search);
    *out_is_ambiguous = search.is_ambiguous;
    return search.found;
}
