/* admin/page.h: a list by pages, over rows that stand in memory in the order of their ids.
 *
 *     struct page page;
 *     if (!page_begin(&page, call)) return;            // limit and cursor; opens "items"
 *     for each row:  if (page_takes(&page, row->id)) ... write it into call->writer ...
 *     page_end(&page);
 *
 * The cursor is the last id of the page before, so that rows that come or go meanwhile shift nothing.
 */
#pragma once
#include "admin/api.h"

struct page {
    struct api_call *call;
    char cursor[ID_MAX];
    int limit, given;
    bool has_more;
    char last[ID_MAX];
};

/** False: the call has failed. */
MUST_USE bool page_begin(struct page *page, struct api_call *call);
/** Is this row to be written? Ask about the wanted ones only, in order. */
bool page_takes(struct page *page, const char *id);
void page_end(struct page *page);
