/* admin/transitions.c: what has changed its state, and how everything stood at a past moment.
 *
 * Both are read from the log (store/transitions.h). What is not known is said to be "unknown": while the server did not run,
 * after notes were lost, and of a provider that nobody had looked at yet. Below admin one sees providers as elsewhere, their
 * workers, the server; of the configuration its version, not who changed it.
 */
#include "admin/endpoints.h"
#include "admin/provider_teams.h"
#include "admin/state.h"
#include "base/log.h"
#include "store/transitions.h"
#include "sys/clock.h"

#define SETTLE_MS 1000

struct telling {
    struct api_call *call;
    struct snapshot *snapshot;
    struct json_writer *writer;
};

/* What was noted just before the call is told, too; if that takes too long, what is there is told. */
static void settle(const struct api_call *call)
{
    if (store_drain(call->admin->options.store, SETTLE_MS) != OK)
        log_debug("log_behind", "request=%s", call->request_id);
}

static bool is_admin(const struct telling *telling)
{
    return telling->call->role >= ROLE_ADMIN;
}

/* A provider that is deleted is seen by admins only. */
static bool is_seen(const struct telling *telling, const char *provider_id)
{
    return provider_is_seen(telling->call, telling->snapshot,
                            snapshot_provider(telling->snapshot, provider_id));
}

static void put_text(struct json_writer *writer, const char *name, const char *text)
{
    json_put_text(writer, name, text[0] ? text : NULL);
}

static void put_time(struct json_writer *writer, const char *name, int64_t at_ms)
{
    if (at_ms > 0)
        json_put_int(writer, name, at_ms);
    else
        json_put_null(writer, name);
}

/* ---- the list ------------------------------------------------------------------------------------ */

static bool may_see(const struct telling *telling, const struct transition *row)
{
    switch (row->kind) {
    case TRANSITION_PROVIDER: return is_seen(telling, row->id);
    case TRANSITION_WORKER: return is_seen(telling, row->owner);
    default: return true;
    }
}

static void on_row(void *arg, const struct transition *row)
{
    const struct telling *telling = arg;
    struct json_writer *writer = telling->writer;
    bool is_config = row->kind == TRANSITION_CONFIG;
    bool tells_who = is_config && is_admin(telling);
    if (!may_see(telling, row))
        return;
    json_open_object(writer);
    json_put_int(writer, "at_ms", row->at_ms);
    json_put_text(writer, "kind", transition_kind_name(row->kind));
    put_text(writer, "id", row->id);
    put_text(writer, "name", is_config ? "" : row->name);
    put_text(writer, "provider", row->kind == TRANSITION_WORKER ? row->owner : "");
    put_text(writer, "from", row->from);
    json_put_text(writer, "to", row->to);
    put_text(writer, "reason", is_config && !tells_who ? "" : row->reason);
    put_text(writer, "actor", tells_who ? row->name : "");
    put_text(writer, "event", tells_who ? row->owner : "");
    if (row->lost > 0)
        json_put_int(writer, "lost", row->lost);
    else
        json_put_null(writer, "lost");
    json_close_object(writer);
}

/* The one that is asked about, by id or slug; a deleted one by its id. Whoever does not see one is answered as if there were none. False: the call has failed. */
static bool provider_asked(struct api_call *call, const struct snapshot *snapshot,
                           char out_id[ID_MAX])
{
    char asked[128] = "";
    if (!api_query(call, "provider", asked, sizeof asked))
        return !api_has_failed(call);
    const struct provider *provider = snapshot_provider(snapshot, asked);
    for (size_t i = 0; !provider && i < snapshot->routing.provider_count; i++)
        if (strcmp(snapshot->routing.providers[i]->slug, asked) == 0)
            provider = snapshot->routing.providers[i];
    if (provider && !provider_is_seen(call, snapshot, provider))
        provider = NULL;
    int64_t unused = 0;
    bool is_known = provider || id_parse(str_of(asked), "prv_", &unused);
    if (is_known)
        str_copy(str_of(provider ? provider->id : asked), out_id, ID_MAX);
    else
        api_fail(call, PROBLEM_BAD_REQUEST, "provider", "There is no provider \"%.64s\".", asked);
    return is_known;
}

static void list(struct telling *telling, const struct transition_filter *filter)
{
    struct api_call *call = telling->call;
    struct error error = {0};
    char next_cursor[96] = "";
    telling->writer = api_answer(call, 200);
    json_open_array(telling->writer, "items");
    enum err err = store_transition_list(call->admin->options.store, filter, on_row, telling,
                                         next_cursor, &error);
    if (err == OK)
        api_done_list(call, next_cursor);
    else
        api_fail_error(call, &error);
}

void transitions_list(struct api_call *call)
{
    struct transition_filter filter = {0};
    struct telling telling = {.call = call,
                              .snapshot = gateway_snapshot(call->admin->options.gateway)};
    (void)api_query(call, "kind", filter.kind, sizeof filter.kind);
    (void)api_query(call, "cursor", filter.cursor, sizeof filter.cursor);
    bool is_fine = !api_has_failed(call) && api_limit(call, &filter.limit) &&
                   api_time(call, "since", &filter.since_ms) &&
                   api_time(call, "until", &filter.until_ms) &&
                   provider_asked(call, telling.snapshot, filter.provider);
    if (is_fine) {
        settle(call);
        list(&telling, &filter);
    }
    snapshot_unref(telling.snapshot);
}

/* ---- a moment ------------------------------------------------------------------------------------ */

/* The rows of a moment, kept until the providers are written, then the workers. */
struct moment_rows {
    struct transition *rows;
    size_t count, room;
    bool has_failed;
};

static void keep_row(void *arg, const struct transition *row)
{
    struct moment_rows *kept = arg;
    if (kept->count == kept->room) {
        size_t room = kept->room ? kept->room * 2 : 64;
        void *grown = mem_realloc(kept->rows, room * sizeof *kept->rows);
        kept->has_failed |= !grown;
        if (!grown)
            return;
        kept->rows = grown;
        kept->room = room;
    }
    kept->rows[kept->count++] = *row;
}

static const struct transition *row_of(const struct moment_rows *kept, const char *provider_id)
{
    for (size_t i = 0; i < kept->count; i++)
        if (kept->rows[i].kind == TRANSITION_PROVIDER && strcmp(kept->rows[i].id, provider_id) == 0)
            return &kept->rows[i];
    return NULL;
}

static void write_state(struct json_writer *writer, const char *id, const char *name,
                        const char *status, const char *reason, int64_t since_ms)
{
    json_open_object(writer);
    json_put_text(writer, "id", id);
    put_text(writer, "name", name);
    json_put_text(writer, "status", status);
    put_text(writer, "reason", reason);
    put_time(writer, "since_ms", since_ms);
    json_close_object(writer);
}

/* Those of then, and of today's those that were there already and of which nothing is known. */
static void write_providers(const struct telling *telling, const struct moment_rows *kept,
                            const struct store_config *config, int64_t at_ms)
{
    struct json_writer *writer = telling->writer;
    json_open_array(writer, "providers");
    for (size_t i = 0; i < kept->count; i++) {
        const struct transition *row = &kept->rows[i];
        if (row->kind == TRANSITION_PROVIDER && may_see(telling, row))
            write_state(writer, row->id, row->name, row->to, row->reason, row->at_ms);
    }
    for (size_t i = 0; i < config->provider_count; i++) {
        const struct provider_row *row = &config->providers[i];
        bool was_there = row->created_at_ms <= at_ms && is_seen(telling, row->id);
        if (was_there && !row_of(kept, row->id))
            write_state(writer, row->id, row->name, "unknown", "", 0);
    }
    json_close_array(writer);
}

static void write_workers(const struct telling *telling, const struct moment_rows *kept)
{
    struct json_writer *writer = telling->writer;
    json_open_array(writer, "workers");
    for (size_t i = 0; i < kept->count; i++) {
        const struct transition *row = &kept->rows[i];
        if (row->kind != TRANSITION_WORKER || !may_see(telling, row))
            continue;
        json_open_object(writer);
        json_put_text(writer, "id", row->id);
        put_text(writer, "name", row->name);
        json_put_text(writer, "provider", row->owner);
        json_put_text(writer, "state", row->to);
        put_text(writer, "reason", row->reason);
        json_put_int(writer, "since_ms", row->at_ms);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void write_config(const struct telling *telling, const struct transition_moment *moment)
{
    struct json_writer *writer = telling->writer;
    const struct transition *config = &moment->config;
    int64_t version = 0;
    if (!moment->has_config || !str_to_int64(str_of(config->to), &version)) {
        json_put_null(writer, "config");
        return;
    }
    json_open_object_named(writer, "config");
    json_put_int(writer, "version", version);
    json_put_int(writer, "since_ms", config->at_ms);
    put_text(writer, "actor", is_admin(telling) ? config->name : "");
    put_text(writer, "event", is_admin(telling) ? config->owner : "");
    json_close_object(writer);
}

static void answer(struct telling *telling, const struct transition_moment *moment,
                   const struct moment_rows *kept, const struct store_config *config, int64_t at_ms)
{
    struct json_writer *writer = telling->writer = api_answer(telling->call, 200);
    json_put_int(writer, "at_ms", at_ms);
    json_put_bool(writer, "known", moment->is_known);
    put_text(writer, "why", moment->why);
    put_time(writer, "since_ms", moment->page_at_ms);
    write_config(telling, moment);
    write_providers(telling, kept, config, at_ms);
    write_workers(telling, kept);
    api_done(telling->call);
}

static enum err look_back(struct telling *telling, int64_t at_ms, struct error *error)
{
    struct store *store = telling->call->admin->options.store;
    struct store_config config = {0};
    struct moment_rows kept = {0};
    struct transition_moment moment;
    settle(telling->call);
    enum err err = store_transitions_at(store, at_ms, &moment, keep_row, &kept, error);
    if (err == OK && kept.has_failed)
        err = error_set(error, ERR_NO_MEMORY, "no memory for the states");
    if (err == OK)
        err = store_config_load(store, &config, error);
    if (err == OK)
        answer(telling, &moment, &kept, &config, at_ms);
    store_config_release(&config);
    mem_free(kept.rows);
    return err;
}

void routing_at(struct api_call *call)
{
    struct error error = {0};
    int64_t at_ms = -1;
    if (!api_time(call, "t", &at_ms))
        return;
    if (at_ms < 0 || at_ms > clock_wall_ms()) {
        api_fail(call, PROBLEM_BAD_REQUEST, "t",
                 at_ms < 0 ? "Say for which time." : "That time has not come yet.");
        return;
    }
    struct telling telling = {.call = call,
                              .snapshot = gateway_snapshot(call->admin->options.gateway)};
    if (look_back(&telling, at_ms, &error) != OK)
        api_fail_error(call, &error);
    snapshot_unref(telling.snapshot);
}
