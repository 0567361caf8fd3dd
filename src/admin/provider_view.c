/* admin/provider_view.c: see provider_view.h. */
#include "admin/provider_view.h"

#include "admin/provider_models.h"
#include "admin/provider_teams.h"
#include "admin/state.h"
#include "sys/clock.h"

#include <stdlib.h>

static struct str list_or_empty(const char *json)
{
    return json && json[0] ? str_of(json) : STR("[]");
}

static const char *null_if_empty(const char *text)
{
    return text[0] ? text : NULL;
}

static int64_t value_or(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static void write_dialects(struct json_writer *writer, const struct provider_row *row)
{
    enum provider_kind kind = PROVIDER_OPENAI;
    (void)provider_kind_parse(str_of(row->kind), &kind);
    if (row->dialects_json[0])
        json_put_raw(writer, "dialects", str_of(row->dialects_json));
    else
        dialects_write(writer, "dialects", provider_kind_endpoints(kind));
}

static void write_timeouts(struct json_writer *writer, const struct provider_row *row)
{
    enum provider_kind kind = PROVIDER_OPENAI;
    (void)provider_kind_parse(str_of(row->kind), &kind);
    const struct timeouts *usual = provider_kind_timeouts(kind);
    json_open_object_named(writer, "timeouts");
    json_put_int(writer, "connect_ms", value_or(row->connect_ms, usual->connect_ms));
    json_put_int(writer, "first_byte_ms", value_or(row->first_byte_ms, usual->first_byte_ms));
    json_put_int(writer, "plain_ms", value_or(row->plain_ms, usual->plain_ms));
    json_put_int(writer, "idle_ms", value_or(row->idle_ms, usual->idle_ms));
    json_close_object(writer);
}

/* What the live part tells, copied out under its lock. */
struct standing {
    enum provider_state state;
    int64_t until_ms; /* monotonic; 0 none */
    char reason[48], sentence[256];
    double error_rate;
    int64_t latency_ms, heartbeat_at_ms, in_flight;
    struct slot_figures slots;
};

static struct standing standing_of(const struct provider *provider, int64_t now_ms)
{
    struct live_provider *live = provider_live(provider);
    struct standing standing = {0};
    pthread_mutex_lock(&live->lock);
    struct live_standing stands = live_look(live, now_ms);
    standing.slots = live->slot_figures;
    str_copy(str_of(stands.reason), standing.reason, sizeof standing.reason);
    str_copy(str_of(stands.sentence), standing.sentence, sizeof standing.sentence);
    standing.state = stands.state;
    standing.until_ms = stands.until_ms;
    standing.error_rate = health_error_rate(&live->health);
    standing.latency_ms = live->latency_ms;
    standing.heartbeat_at_ms = live->heartbeat_at_ms;
    pthread_mutex_unlock(&live->lock);
    standing.in_flight = atomic_load_explicit(&live->in_flight, memory_order_relaxed);
    return standing;
}

static void put_time(struct json_writer *writer, const char *name, int64_t at_ms)
{
    if (at_ms > 0)
        json_put_int(writer, name, at_ms);
    else
        json_put_null(writer, name);
}

/* What a provider said may name its address, which members do not see: they are told how it stands. */
static const char *sentence_for(const struct standing *standing, const struct api_call *call)
{
    if (!standing->sentence[0] || call->role >= ROLE_ADMIN)
        return null_if_empty(standing->sentence);
    switch (standing->state) {
    case STATE_OFFLINE: return "It cannot be reached now.";
    case STATE_OVER_QUOTA: return "It is over its quota for now.";
    case STATE_ERROR: return "Its key was refused, or it has no models; an admin can see why.";
    default: return "It failed lately; an admin can see why.";
    }
}

static void write_standing(struct json_writer *writer, const struct provider_row *row,
                           const struct snapshot *snapshot, const struct api_call *call)
{
    const struct provider *provider = snapshot_provider(snapshot, row->id);
    int64_t now_ms = clock_monotonic_ms();
    struct standing standing = {.state = STATE_OFFLINE};
    if (provider)
        standing = standing_of(provider, now_ms);
    bool is_well = standing.state == STATE_ONLINE || standing.state == STATE_PAUSED;
    json_put_text(writer, "status", provider_state_name(standing.state));
    json_put_text(writer, "error", is_well ? NULL : sentence_for(&standing, call));
    json_put_text(writer, "error_code", is_well ? NULL : null_if_empty(standing.reason));
    put_time(writer, "last_heartbeat_ms", standing.heartbeat_at_ms);
    json_put_double(writer, "error_rate", standing.error_rate);
    put_time(writer, "latency_ms", standing.latency_ms);
    json_put_int(writer, "in_flight", standing.in_flight);
    json_put_int(writer, "workers", standing.slots.workers);
    json_put_int(writer, "slots", standing.slots.slots);
    json_put_int(writer, "busy", standing.slots.busy);
    json_put_int(writer, "queue_depth", standing.slots.waiting);
    json_put_int(writer, "oldest_wait_ms",
                 standing.slots.oldest_wait_at_ms ? now_ms - standing.slots.oldest_wait_at_ms : 0);
    put_time(writer, "deprioritised_until_ms",
             standing.until_ms > now_ms ? clock_wall_ms() + standing.until_ms - now_ms : 0);
}

/* `call` NULL: for the record, which shows all. */
static void write_rules(struct json_writer *writer, const struct provider_row *row,
                        const struct snapshot *snapshot, const struct api_call *call)
{
    if (call)
        seen_entries_write(writer, "fallback_rules", row->rules_json, snapshot, call);
    else
        json_put_raw(writer, "fallback_rules", list_or_empty(row->rules_json));
}

static void write_configured(struct json_writer *writer, const struct provider_row *row,
                             const struct snapshot *snapshot, const struct api_call *call)
{
    json_put_text(writer, "base_url", null_if_empty(row->base_url));
    write_dialects(writer, row);
    json_put_text(writer, "key_hint", null_if_empty(row->key_hint));
    json_put_text(writer, "default_model", null_if_empty(row->default_model));
    write_rules(writer, row, snapshot, call);
    write_timeouts(writer, row);
    json_put_int(writer, "wait_ms", row->wait_ms);
    json_put_int(writer, "max_concurrent", row->max_concurrent);
    json_put_bool(writer, "paused", row->is_paused);
    if (row->teams_json && row->teams_json[0])
        json_put_raw(writer, "teams", str_of(row->teams_json));
    else
        json_put_null(writer, "teams");
}

void dialects_write(struct json_writer *writer, const char *name, unsigned endpoints)
{
    json_open_array(writer, name);
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        if (endpoints & ENDPOINT_BIT(i))
            json_put_text(writer, NULL, endpoint_facts((enum endpoint)i)->name);
    json_close_array(writer);
}

/* The row as members see it: where it is, with which key and for which other teams is the admins' to know. The list of
 * teams stands in `teams`. */
static struct provider_row row_for_member(const struct provider_row *row,
                                          const struct snapshot *snapshot,
                                          const struct api_call *call, struct buf *teams)
{
    struct provider_row shown = *row;
    struct json_writer writer;
    const struct provider *provider = snapshot_provider(snapshot, row->id);
    shown.base_url[0] = shown.key_hint[0] = '\0';
    if (!provider || !provider->has_teams)
        return shown;
    json_writer_init(&writer, teams);
    json_open_array(&writer, NULL);
    for (size_t i = 0; i < provider->team_count; i++)
        if (team_is_callers(call, snapshot, provider->teams[i]))
            json_put_text(&writer, NULL, provider->teams[i]);
    json_close_array(&writer);
    shown.teams_json = teams->failed ? NULL : teams->data;
    return shown;
}

static void write_seen(struct json_writer *writer, const struct provider_row *row,
                       const struct snapshot *snapshot, const struct api_call *call)
{
    AUTO_BUF struct buf teams = {0};
    buf_init(&teams, 64 * 1024);
    struct provider_row shown =
        call->role >= ROLE_ADMIN ? *row : row_for_member(row, snapshot, call, &teams);
    write_configured(writer, &shown, snapshot, call);
}

void provider_write(struct json_writer *writer, const struct provider_row *row,
                    const struct snapshot *snapshot, const struct api_call *call)
{
    enum provider_kind kind = PROVIDER_OPENAI;
    (void)provider_kind_parse(str_of(row->kind), &kind);
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "type", row->kind);
    json_put_text(writer, "name", row->name);
    json_put_text(writer, "slug", row->slug);
    json_put_text(writer, "tier", tier_name(provider_kind_tier(kind)));
    write_seen(writer, row, snapshot, call);
    write_standing(writer, row, snapshot, call);
    json_put_raw(writer, "models", list_or_empty(row->models_json));
    put_time(writer, "models_at_ms", row->models_at_ms);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
    json_put_int(writer, "updated_at_ms", row->updated_at_ms);
    json_put_int(writer, "rev", row->rev);
}

void provider_row_write(struct buf *out, const struct provider_row *row, bool has_models)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "type", row->kind);
    json_put_text(&writer, "name", row->name);
    write_configured(&writer, row, NULL, NULL);
    if (has_models)
        json_put_raw(&writer, "models", list_or_empty(row->models_json));
    json_close_object(&writer);
}

void provider_answer(struct api_call *call, int status, const char *id,
                     const struct models_change *change)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    struct provider_row *row = config_provider(&config, id);
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    if (row && provider_is_seen(call, snapshot, snapshot_provider(snapshot, row->id))) {
        struct json_writer *writer = api_answer(call, status);
        provider_write(writer, row, snapshot, call);
        if (change) {
            json_put_raw(writer, "added", change->added.len ? buf_str(&change->added) : STR("[]"));
            json_put_raw(writer, "removed",
                         change->removed.len ? buf_str(&change->removed) : STR("[]"));
        }
        api_done(call);
    } else {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no provider \"%.64s\".", id);
    }
    snapshot_unref(snapshot);
    store_config_release(&config);
}
