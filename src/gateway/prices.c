/* gateway/prices.c: what a model costs at a provider: an override for both, else one for the model, else the table. */
#include "gateway/snapshot_parts.h"

#include <stdlib.h>

static int compare_overrides(const void *left, const void *right)
{
    const struct price *a = left, *b = right;
    int order = strcmp(a->model, b->model);
    return order ? order : strcmp(a->provider_id, b->provider_id);
}

void build_prices(struct build *build, const struct store_config *config)
{
    struct price *prices = build_room(build, config->price_count, sizeof *prices);
    for (size_t i = 0; prices && i < config->price_count; i++) {
        const struct price_row *row = &config->prices[i];
        prices[i] = row->price;
        prices[i].model = build_text(build, str_of(row->model));
        prices[i].source = build_text(build, str_of(row->note));
        prices[i].source_date = "";
        prices[i].override_id = build_text(build, str_of(row->id));
        prices[i].provider_id = build_text(build, str_of(row->provider_id));
        prices[i].updated_at_ms = row->updated_at_ms;
        prices[i].rev = row->rev;
    }
    if (prices && config->price_count > 1)
        qsort(prices, config->price_count, sizeof *prices, compare_overrides);
    build->snapshot->overrides = prices;
    build->snapshot->override_count = prices ? config->price_count : 0;
}

static const struct price *override_find(const struct snapshot *snapshot, const char *model,
                                         const char *provider_id)
{
    struct price wanted = {.model = model, .provider_id = provider_id};
    return snapshot->override_count == 0
               ? NULL
               : bsearch(&wanted, snapshot->overrides, snapshot->override_count, sizeof wanted,
                         compare_overrides);
}

const struct price *price_at(const struct snapshot *snapshot, const struct provider *provider,
                             struct str model)
{
    char name[256];
    const struct price *price = NULL;
    if (model.len < sizeof name && snapshot->override_count > 0) {
        str_copy(model, name, sizeof name);
        price = override_find(snapshot, name, provider->id);
        if (!price)
            price = override_find(snapshot, name, "");
    }
    if (!price && snapshot->prices)
        price = price_find(snapshot->prices, provider->kind, model);
    return price;
}

const struct price *snapshot_price(const struct snapshot *snapshot, const struct provider *provider,
                                   struct str model)
{
    const struct model *known = provider_model(provider, model);
    return known ? known->price : price_at(snapshot, provider, model);
}
