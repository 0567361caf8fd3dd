/* admin/glance.c: see glance.h.
 *
 * Who answers Auto is asked of the function that routes live traffic, with the caller's team, so that what is told is what
 * would happen to a request of theirs now.
 */
#include "admin/glance.h"

#include "admin/provider_teams.h"
#include "admin/state.h"
#include "gateway/workers.h"
#include "sys/clock.h"

static void put_count(struct json_writer *writer, const char *name, int64_t count)
{
    if (count >= 0)
        json_put_int(writer, name, count);
    else
        json_put_null(writer, name);
}

static void put_time(struct json_writer *writer, const char *name, int64_t at_ms)
{
    put_count(writer, name, at_ms > 0 ? at_ms : -1);
}

/* ---- what providers have to give ------------------------------------------------------------------ */

struct load {
    size_t providers, able; /* not paused */
    int64_t slots, busy, queue_depth, in_flight;
    int64_t gone_ms; /* wall: when the last of them could no more */
};

static void add_load(struct load *load, const struct provider *provider, int64_t mono_ms)
{
    struct live_provider *live = provider_live(provider);
    pthread_mutex_lock(&live->lock);
    enum provider_state state = live_look(live, mono_ms).state;
    struct slot_figures slots = live->slot_figures;
    int64_t since_ms = live->noted.is_any && live->noted.state == state ? live->noted.since_ms : 0;
    pthread_mutex_unlock(&live->lock);
    bool is_able = state == STATE_ONLINE || state == STATE_DEGRADED;
    load->in_flight += atomic_load_explicit(&live->in_flight, memory_order_relaxed);
    load->queue_depth += slots.waiting;
    load->busy += slots.busy;
    load->slots += slots.slots;
    load->able += is_able;
    load->providers += state != STATE_PAUSED;
    if (!is_able && state != STATE_PAUSED && since_ms > load->gone_ms)
        load->gone_ms = since_ms;
}

static void write_load(struct json_writer *writer, const struct load *load)
{
    json_put_int(writer, "slots", load->slots);
    json_put_int(writer, "busy", load->busy);
    json_put_int(writer, "queue_depth", load->queue_depth);
    json_put_int(writer, "in_flight", load->in_flight);
}

static void write_tier(struct json_writer *writer, enum tier tier, const struct load *load)
{
    json_open_object(writer);
    json_put_text(writer, "tier", tier_name(tier));
    json_put_int(writer, "providers", (int64_t)load->providers);
    json_put_int(writer, "able", (int64_t)load->able);
    put_time(writer, "gone_since_ms", load->able == 0 ? load->gone_ms : 0);
    write_load(writer, load);
    json_close_object(writer);
}

static void write_tiers(struct json_writer *writer, const struct api_call *call,
                        const struct snapshot *snapshot)
{
    struct load loads[TIER_COUNT] = {0};
    int64_t mono_ms = clock_monotonic_ms();
    for (size_t i = 0; i < snapshot->routing.provider_count; i++) {
        const struct provider *provider = snapshot->routing.providers[i];
        if (provider_is_seen(call, snapshot, provider))
            add_load(&loads[provider_kind_tier(provider->kind)], provider, mono_ms);
    }
    json_open_array(writer, "tiers");
    for (int tier = 0; tier < TIER_COUNT; tier++)
        if (loads[tier].providers > 0)
            write_tier(writer, (enum tier)tier, &loads[tier]);
    json_close_array(writer);
}

/* ---- who answers Auto ----------------------------------------------------------------------------- */

static void write_first(struct json_writer *writer, const struct candidate *first)
{
    struct load load = {0};
    add_load(&load, first->provider, clock_monotonic_ms());
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", first->provider->id);
    json_put_text(writer, "name", first->provider->name);
    json_close_object(writer);
    if (first->model.len)
        json_put_string(writer, "model", first->model);
    else
        json_put_null(writer, "model");
    json_put_text(writer, "tier", tier_name(provider_kind_tier(first->provider->kind)));
    json_put_null(writer, "why_not");
    write_load(writer, &load);
}

static void write_nobody(struct json_writer *writer, const char *why_not)
{
    static const struct load nothing = {0};
    json_put_null(writer, "provider");
    json_put_null(writer, "model");
    json_put_null(writer, "tier");
    json_put_text(writer, "why_not", why_not);
    write_load(writer, &nothing);
}

static void plan_auto(const struct api_call *call, const struct snapshot *snapshot,
                      struct provider_view *views, struct route_plan *out_plan)
{
    int64_t mono_ms = clock_monotonic_ms();
    const struct team *team = snapshot_team_named(snapshot, call->team);
    struct access access = {0};
    if (team)
        access =
            (struct access){.team_id = team->id, .team_name = team->name, .team = &team->policy};
    struct route_request request = {.endpoint = ENDPOINT_CHAT,
                                    .model = STR("auto"),
                                    .is_admin = call->role >= ROLE_ADMIN,
                                    .access = &access,
                                    .prompt_tokens = -1,
                                    .now_ms = mono_ms};
    gateway_views(snapshot, mono_ms, views);
    route_plan_make(&snapshot->routing, views, &request, out_plan);
    gateway_views_release(views, snapshot->routing.provider_count);
}

static void write_auto(struct json_writer *writer, const struct api_call *call,
                       const struct snapshot *snapshot)
{
    AUTO_FREE struct provider_view *views = mem_zalloc(PROVIDERS_MAX, sizeof *views);
    AUTO_FREE struct route_plan *plan = mem_zalloc(1, sizeof *plan);
    json_open_object_named(writer, "auto");
    if (views && plan)
        plan_auto(call, snapshot, views, plan);
    if (!views || !plan)
        write_nobody(writer, "No memory to find out.");
    else if (plan->eligible_count > 0)
        write_first(writer, &plan->list[0]);
    else
        write_nobody(writer, plan->sentence);
    json_close_object(writer);
}

/* ---- the rest ------------------------------------------------------------------------------------- */

static void write_heartbeat(struct json_writer *writer, const struct api_call *call)
{
    struct workers_figures figures;
    workers_figures(gateway_workers(call->admin->options.gateway), &figures);
    json_open_object_named(writer, "heartbeat");
    json_put_int(writer, "every_ms", figures.heartbeat_ms);
    json_put_int(writer, "dead_after_ms", figures.dead_after_ms);
    json_close_object(writer);
}

static void write_spend(struct json_writer *writer, const struct glance_facts *facts)
{
    json_open_object_named(writer, "spend");
    put_count(writer, "hour_microusd", facts->hour_microusd);
    json_put_bool(writer, "hour_is_partial", facts->is_hour_partial);
    put_count(writer, "today_microusd", facts->today_microusd);
    put_count(writer, "usual_microusd", facts->usual_microusd);
    json_close_object(writer);
}

static void write_gateway(struct json_writer *writer, const struct admin *admin,
                          const struct glance_facts *facts)
{
    json_open_object_named(writer, "gateway");
    json_put_text(writer, "version", admin->options.version);
    json_put_int(writer, "started_at_ms", admin->started_at_ms);
    put_count(writer, "memory_bytes", facts->memory_bytes);
    put_count(writer, "disk_free_bytes", facts->disk_free_bytes);
    put_count(writer, "disk_total_bytes", facts->disk_total_bytes);
    put_time(writer, "certificate_ends_ms", facts->certificate_ends_ms);
    put_time(writer, "backup_at_ms", facts->backup_at_ms);
    json_close_object(writer);
}

void glance_write(struct json_writer *writer, const struct api_call *call,
                  const struct snapshot *snapshot, const struct glance_facts *facts)
{
    write_auto(writer, call, snapshot);
    write_tiers(writer, call, snapshot);
    write_heartbeat(writer, call);
    if (facts) {
        write_spend(writer, facts);
        write_gateway(writer, call->admin, facts);
    } else {
        json_put_null(writer, "spend");
        json_put_null(writer, "gateway");
    }
}
