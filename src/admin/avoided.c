/* admin/avoided.c: which cloud is compared with, and the comparison. */
#include "admin/avoided.h"

static bool is_cloud(const struct provider *provider)
{
    return provider_kind_tier(provider->kind) == TIER_CLOUD;
}

static bool try_price(const struct snapshot *snapshot, const struct provider *provider,
                      const char *model, const char *why, struct avoided *out)
{
    const struct price *price = model ? snapshot_price(snapshot, provider, str_of(model)) : NULL;
    if (!price || price->input == COST_UNKNOWN || price->output == COST_UNKNOWN)
        return false;
    *out = (struct avoided){provider, model, why, *price};
    out->price.long_from_tokens = 0; /* a sum of prompts is no long prompt */
    return true;
}

/* By a usual mix of three tokens in to one out. */
static int64_t mix_of(const struct avoided *avoided)
{
    return 3 * avoided->price.input + avoided->price.output;
}

static bool choose_auto(const struct snapshot *snapshot, struct avoided *out)
{
    const struct routing *routing = &snapshot->routing;
    const struct provider *provider =
        routing->auto_provider_id ? snapshot_provider(snapshot, routing->auto_provider_id) : NULL;
    if (!provider || !is_cloud(provider))
        return false;
    const char *model = routing->auto_model ? routing->auto_model : provider->default_model;
    return try_price(snapshot, provider, model, "auto_default", out);
}

void avoided_choose(const struct snapshot *snapshot, struct avoided *out_avoided)
{
    const struct routing *routing = &snapshot->routing;
    *out_avoided = (struct avoided){.provider = NULL};
    if (choose_auto(snapshot, out_avoided))
        return;
    for (size_t i = 0; i < routing->provider_count; i++) {
        const struct provider *provider = routing->providers[i];
        struct avoided other;
        if (is_cloud(provider) &&
            try_price(snapshot, provider, provider->default_model, "cheapest_default", &other) &&
            (!out_avoided->provider || mix_of(&other) < mix_of(out_avoided)))
            *out_avoided = other;
    }
}

int64_t avoided_microusd(const struct avoided *avoided, const struct usage_sums *local)
{
    struct usage usage;
    usage_init(&usage);
    usage.input_tokens = local->input_tokens - local->wasted_input_tokens;
    usage.output_tokens = local->output_tokens - local->wasted_output_tokens;
    usage.cached_tokens = local->cached_tokens;
    return avoided->provider ? price_cost(&avoided->price, &usage) : COST_UNKNOWN;
}

void avoided_write(const struct avoided *avoided, struct json_writer *writer, const char *name)
{
    if (!avoided->provider) {
        json_put_null(writer, name);
        return;
    }
    json_open_object_named(writer, name);
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", avoided->provider->id);
    json_put_text(writer, "name", avoided->provider->name);
    json_close_object(writer);
    json_put_text(writer, "model", avoided->model);
    json_put_text(writer, "why", avoided->why);
    json_close_object(writer);
}
