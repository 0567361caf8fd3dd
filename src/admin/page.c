/* admin/page.c: see page.h. */
#include "admin/page.h"

bool page_begin(struct page *page, struct api_call *call)
{
    *page = (struct page){.call = call};
    if (!api_limit(call, &page->limit) ||
        (!api_query(call, "cursor", page->cursor, sizeof page->cursor) && api_has_failed(call)))
        return false;
    json_open_array(api_answer(call, 200), "items");
    return true;
}

bool page_takes(struct page *page, const char *id)
{
    if (page->has_more || strcmp(id, page->cursor) <= 0)
        return false;
    page->has_more = page->given == page->limit;
    if (page->has_more)
        return false;
    page->given++;
    str_copy(str_of(id), page->last, sizeof page->last);
    return true;
}

void page_end(struct page *page)
{
    api_done_list(page->call, page->has_more ? page->last : NULL);
}
