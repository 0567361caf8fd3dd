/* admin/prices.c: /api/prices: what models cost: the shipped table, and an admin's own prices in its place.
 *
 * An override is whole: it says every price of its model. A field that is left out takes the table's value when it is
 * made, or stays as it is; null says that the price is not known. So a newer table never changes half of one.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/provider_models.h"
#include "admin/provider_teams.h"
#include "admin/row_fields.h"
#include "admin/state.h"
#include "sys/clock.h"
#include "sys/random.h"

#include <assert.h>

/* ---- as JSON ------------------------------------------------------------------------------------- */

static void put_or_null(struct json_writer *writer, const char *name, int64_t value)
{
    if (value >= 0)
        json_put_int(writer, name, value);
    else
        json_put_null(writer, name);
}

static void put_provider(struct json_writer *writer, const struct snapshot *snapshot,
                         const char *id)
{
    const struct provider *provider = id && id[0] ? snapshot_provider(snapshot, id) : NULL;
    if (!provider) {
        json_put_null(writer, "provider");
        return;
    }
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", provider->id);
    json_put_text(writer, "name", provider->name);
    json_close_object(writer);
}

void price_numbers_write(struct json_writer *writer, const struct price *price)
{
#define X(member, name) put_or_null(writer, name, price->member);
    PRICE_LIST(X)
#undef X
    put_or_null(writer, "long_context_threshold_tokens",
                price->long_from_tokens > 0 ? price->long_from_tokens : -1);
}

/* The members of an object that is open. */
static void price_write(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct price *price)
{
    bool is_override = price->override_id != NULL;
    json_put_text(writer, "id", price->override_id);
    json_put_text(writer, "model", price->model);
    put_provider(writer, snapshot, price->provider_id);
    json_put_text(writer, "type", is_override ? NULL : provider_kind_name(price->kind));
    price_numbers_write(writer, price);
    json_put_text(writer, "origin", is_override ? "override" : "shipped");
    json_put_text(writer, "source", price->source[0] ? price->source : NULL);
    json_put_text(writer, "source_date", price->source_date[0] ? price->source_date : NULL);
    put_or_null(writer, "updated_at_ms", is_override ? price->updated_at_ms : -1);
    put_or_null(writer, "rev", is_override ? price->rev : -1);
}

/* ---- the list ------------------------------------------------------------------------------------ */

struct listing {
    struct api_call *call;
    const struct snapshot *snapshot;
    char model[200];
    const struct provider *provider; /* whose models alone; NULL: all */
    bool is_used;
};

static bool is_used_by(const struct provider *provider, const struct price *price)
{
    for (size_t i = 0; i < provider->model_count; i++)
        if (provider->models[i].price == price)
            return true;
    return false;
}

static bool is_seen(const struct listing *listing, const struct provider *provider)
{
    return provider_is_seen(listing->call, listing->snapshot, provider);
}

/* Of all providers, or of one that the caller sees. */
static bool is_shown(const struct listing *listing, const struct price *price)
{
    return !price->provider_id || !price->provider_id[0] ||
           is_seen(listing, snapshot_provider(listing->snapshot, price->provider_id));
}

static bool is_wanted(const struct listing *listing, const struct price *price)
{
    const struct routing *routing = &listing->snapshot->routing;
    if (listing->model[0] && strcmp(listing->model, price->model) != 0)
        return false;
    if (listing->provider)
        return is_used_by(listing->provider, price);
    for (size_t i = 0; listing->is_used && i < routing->provider_count; i++)
        if (is_used_by(routing->providers[i], price) && is_seen(listing, routing->providers[i]))
            return true;
    return !listing->is_used;
}

static void list_one(const struct listing *listing, const struct price *price)
{
    struct json_writer *writer = &listing->call->writer;
    if (!is_shown(listing, price) || !is_wanted(listing, price))
        return;
    json_open_object(writer);
    price_write(writer, listing->snapshot, price);
    json_close_object(writer);
}

static void list_all(const struct listing *listing)
{
    const struct snapshot *snapshot = listing->snapshot;
    json_open_array(api_answer(listing->call, 200), "items");
    for (size_t i = 0; i < snapshot->override_count; i++)
        list_one(listing, &snapshot->overrides[i]);
    const struct price *price;
    for (size_t i = 0; snapshot->prices && (price = price_table_at(snapshot->prices, i)); i++)
        list_one(listing, price);
    api_done_list(listing->call, NULL);
}

static bool used_read(struct api_call *call, bool *out_is_used)
{
    char text[8];
    if (!api_query(call, "used", text, sizeof text))
        return !api_has_failed(call);
    *out_is_used = strcmp(text, "true") == 0;
    if (*out_is_used || strcmp(text, "false") == 0)
        return true;
    api_fail(call, PROBLEM_BAD_REQUEST, "used", "used must be true or false.");
    return false;
}

void prices_list(struct api_call *call)
{
    struct listing listing = {.call = call};
    char provider[128] = "";
    (void)api_query(call, "model", listing.model, sizeof listing.model);
    (void)(api_has_failed(call) || api_query(call, "provider", provider, sizeof provider));
    if (api_has_failed(call) || !used_read(call, &listing.is_used))
        return;
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    listing.snapshot = snapshot;
    listing.provider = provider[0] ? snapshot_provider(snapshot, provider) : NULL;
    if (provider[0] && (!listing.provider || !is_seen(&listing, listing.provider)))
        api_fail(call, PROBLEM_BAD_REQUEST, "provider",
                 "provider must be the id or slug of a provider.");
    else
        list_all(&listing);
    snapshot_unref(snapshot);
}

/* ---- changes ------------------------------------------------------------------------------------- */

static struct price_row *config_price(const struct store_config *config, const char *model,
                                      const char *provider_id)
{
    for (size_t i = 0; i < config->price_count; i++)
        if (strcmp(config->prices[i].model, model) == 0 &&
            strcmp(config->prices[i].provider_id, provider_id) == 0)
            return &config->prices[i];
    return NULL;
}

/* What the table says of it, of any vendor when no provider is named; else nothing is known. */
static struct price shipped_price(const struct api_call *call, const struct provider_row *provider,
                                  const char *model)
{
    static const enum provider_kind vendors[] = {PROVIDER_OPENAI, PROVIDER_ANTHROPIC};
    const struct price_table *table = call->admin->options.prices;
    struct price unknown = {.kind = PROVIDER_OPENAI};
    enum provider_kind kind;
#define X(member, name) unknown.member = COST_UNKNOWN;
    PRICE_LIST(X)
#undef X
    if (provider && provider_kind_parse(str_of(provider->kind), &kind)) {
        const struct price *price = table ? price_find(table, kind, str_of(model)) : NULL;
        return price ? *price : unknown;
    }
    for (size_t i = 0; table && i < sizeof vendors / sizeof vendors[0]; i++) {
        const struct price *price = price_find(table, vendors[i], str_of(model));
        if (price)
            return *price;
    }
    return unknown;
}

/* A number, or null: not known. A missing one stays. */
static bool price_field(struct api_call *call, const char *name, int64_t none, int64_t *value)
{
    if (json_type_of(json_get(call->root, name)) != JSON_NULL)
        return api_int(call, name, 0, PRICE_MAX, value);
    *value = none;
    return true;
}

static bool fields_read(struct api_call *call, struct price_row *row)
{
    bool is_note_null = json_type_of(json_get(call->root, "note")) == JSON_NULL;
#define X(member, name)                                             \
    if (!price_field(call, name, COST_UNKNOWN, &row->price.member)) \
        return false;
    PRICE_LIST(X)
#undef X
    if (is_note_null)
        row->note[0] = '\0';
    return price_field(call, "long_context_threshold_tokens", 0, &row->price.long_from_tokens) &&
           (is_note_null || api_text(call, "note", row->note, sizeof row->note, NULL));
}

/* Which provider it is for. False: the call has failed. NULL in `*out_provider`: all. */
static bool provider_read(struct api_call *call, const struct store_config *config,
                          const struct provider_row **out_provider)
{
    char text[128] = "";
    *out_provider = NULL;
    if (json_type_of(json_get(call->root, "provider")) == JSON_NULL)
        return true;
    if (!api_text(call, "provider", text, sizeof text, NULL))
        return false;
    *out_provider = text[0] ? config_provider(config, text) : NULL;
    if (!text[0] || *out_provider)
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "provider",
             "provider must be the id or slug of a provider, or null for all.");
    return false;
}

static void row_text(struct buf *out, const struct price_row *row)
{
    struct json_writer writer;
    buf_init(out, 4096);
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "model", row->model);
    json_put_text(&writer, "provider", row->provider_id[0] ? row->provider_id : NULL);
    price_numbers_write(&writer, &row->price);
    json_put_text(&writer, "note", row->note);
    json_close_object(&writer);
}

static void answer_price(struct api_call *call, const char *id)
{
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    const struct price *found = NULL;
    for (size_t i = 0; i < snapshot->override_count && !found; i++)
        if (strcmp(snapshot->overrides[i].override_id, id) == 0)
            found = &snapshot->overrides[i];
    if (found) {
        price_write(api_answer(call, 200), snapshot, found);
        api_done(call);
    } else {
        api_fail(call, PROBLEM_CONFLICT, NULL, "The price was deleted by somebody else meanwhile.");
    }
    snapshot_unref(snapshot);
}

bool price_row_make(struct api_call *call, const struct store_config *config,
                    const struct price_row **out_before, struct price_row *row)
{
    const struct provider_row *provider = NULL;
    uint8_t random[10];
    bool is_given = false;
    if (!api_text(call, "model", row->model, sizeof row->model, &is_given) ||
        !provider_read(call, config, &provider))
        return false;
    if (!is_given || !row->model[0]) {
        api_fail(call, PROBLEM_INVALID_FIELD, "model", "A price needs the name of a model.");
        return false;
    }
    *out_before = config_price(config, row->model, provider ? provider->id : "");
    if (*out_before) {
        *row = **out_before;
    } else if (config->price_count >= PRICE_OVERRIDES_MAX) {
        api_fail(call, PROBLEM_CONFLICT, NULL,
                 "There are %d prices of your own, which is the most.", PRICE_OVERRIDES_MAX);
        return false;
    } else {
        random_fill(random, sizeof random);
        id_make("pri_", clock_wall_ms(), random, row->id);
        row->price = shipped_price(call, provider, row->model);
        row->rev = 1;
        str_copy(str_of(provider ? provider->id : ""), row->provider_id, sizeof row->provider_id);
    }
    if (*out_before && api_is_stale(call, (*out_before)->rev)) {
        api_fail(call, PROBLEM_STALE, "rev",
                 "The price is at rev %lld; the change was made for %s.",
                 (long long)(*out_before)->rev, call->if_match);
        return false;
    }
    row->updated_at_ms = clock_wall_ms();
    return fields_read(call, row);
}

void prices_put(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    struct price_row row = {.rev = 0};
    const struct price_row *before = NULL;
    AUTO_BUF struct buf old = {0}, new = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    if (!price_row_make(call, &change.config, &before, &row)) {
        change_drop(&change);
        return;
    }
    struct event_row event =
        event_make(call->actor, before ? "price.updated" : "price.created", row.id);
    if (before)
        row_text(&old, before);
    row_text(&new, &row);
    event.before_json = old.data;
    event.after_json = new.data;
    enum err err = store_price_put(call->admin->options.store, &row, &event, &error);
    if (change_end(&change, err, &error))
        answer_price(call, row.id);
}

void prices_delete(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    const struct price_row *row = NULL;
    AUTO_BUF struct buf before = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    for (size_t i = 0; i < change.config.price_count && !row; i++)
        if (strcmp(change.config.prices[i].id, call->args[0]) == 0)
            row = &change.config.prices[i];
    if (!row) {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no price of your own \"%s\".",
                 call->args[0]);
        change_drop(&change);
        return;
    }
    row_text(&before, row);
    struct event_row event = event_make(call->actor, "price.deleted", row->id);
    event.before_json = before.data;
    json_put_text(api_answer(call, 200), "id", row->id);
    json_put_bool(&call->writer, "deleted", true);
    api_done(call);
    enum err err = store_price_delete(call->admin->options.store, row->id, &event, &error);
    (void)change_end(&change, err, &error); /* on failure it has replaced the answer */
}
