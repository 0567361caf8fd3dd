/* admin/routes.c: /api/routes: named routes and aliases (SPEC 4.1 item 4). Not the table of endpoints: that
 * is endpoints.c.
 */
#include "admin/routes.h"

#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/provider_models.h"
#include "admin/provider_teams.h"
#include "admin/state.h"
#include "domain/route.h"
#include "sys/clock.h"
#include "sys/random.h"

#define STEPS_BYTES_MAX ((size_t)64 * 1024)

static struct route_row *config_route(const struct store_config *config, const char *id_or_name)
{
    for (size_t i = 0; i < config->route_count; i++)
        if (strcmp(config->routes[i].id, id_or_name) == 0 ||
            strcmp(config->routes[i].name, id_or_name) == 0)
            return &config->routes[i];
    return NULL;
}

/* `call` NULL: for the record, which shows all. Members do not see steps to providers of other teams. */
static void route_write(struct json_writer *writer, const struct route_row *row,
                        const struct api_call *call)
{
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "name", row->name);
    if (call) {
        struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
        seen_entries_write(writer, "steps", row->steps_json, snapshot, call);
        snapshot_unref(snapshot);
    } else {
        json_put_raw(writer, "steps", row->steps_json ? str_of(row->steps_json) : STR("[]"));
    }
    json_put_int(writer, "created_at_ms", row->created_at_ms);
    json_put_int(writer, "rev", row->rev);
}

/* ---- fields -------------------------------------------------------------------------------------- */

static bool name_field(struct api_call *call, struct route_row *row)
{
    bool is_given = false;
    if (!api_text(call, "name", row->name, sizeof row->name, &is_given))
        return false;
    struct str name = str_of(row->name);
    size_t star;
    bool has_star = str_find(name, STR("*"), &star);
    bool is_good = name.len && !str_eq(name, STR("auto")) && !str_starts(name, STR("agent:")) &&
                   (!has_star || (star + 1 == name.len && name.len > 1)) &&
                   !memchr(name.at, ' ', name.len);
    if (!is_good)
        api_fail(call, PROBLEM_INVALID_FIELD, "name",
                 "A route needs a name without blanks, other than \"auto\"; a '*' may end it.");
    return is_good;
}

static bool step_fail(struct api_call *call, size_t at, const char *what)
{
    api_fail(call, PROBLEM_INVALID_FIELD, "steps", "Step %zu: %s", at + 1, what);
    return false;
}

static void put_if_given(struct json_writer *writer, const char *name, struct str text)
{
    if (text.len)
        json_put_string(writer, name, text);
}

static bool step_write(struct api_call *call, const struct store_config *config, struct json step,
                       size_t at, struct json_writer *writer)
{
    struct str tier = json_string_or_empty(json_get(step, "tier"));
    struct str provider = json_string_or_empty(json_get(step, "provider"));
    struct str model = json_string_or_empty(json_get(step, "model"));
    struct str when = json_string_or_empty(json_get(step, "when"));
    char name[128];
    if ((tier.len != 0) == (provider.len != 0 || model.len != 0))
        return step_fail(call, at, "give a tier, or a provider, a model, or both of these.");
    str_copy(provider, name, sizeof name);
    const struct provider_row *row = provider.len ? config_provider(config, name) : NULL;
    if (provider.len && !row)
        return step_fail(call, at, "provider must be the id or slug of a provider.");
    json_open_object(writer);
    put_if_given(writer, "tier", tier);
    put_if_given(writer, "provider", str_of(row ? row->id : NULL));
    put_if_given(writer, "model", model);
    json_put_string(writer, "when", when.len ? when : STR("always"));
    json_close_object(writer);
    return true;
}

static bool steps_field(struct api_call *call, const struct store_config *config,
                        struct route_row *row)
{
    AUTO_BUF struct buf list = {0};
    struct json_writer writer;
    struct json steps = json_get(call->root, "steps");
    size_t at = 0;
    if (json_type_of(steps) == JSON_ABSENT)
        return true;
    unsigned failures_before = mem_failures();
    buf_init(&list, STEPS_BYTES_MAX);
    json_writer_init(&writer, &list);
    json_open_array(&writer, NULL);
    for (struct json_cursor each = json_each(steps); json_next(&each); at++)
        if (!step_write(call, config, each.value, at, &writer))
            return false;
    json_close_array(&writer);
    char *text = list.failed ? NULL : buf_take(&list);
    if (!text && mem_failures() != failures_before) {
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory for the steps.");
        return false;
    }
    if (!text) {
        api_fail(call, PROBLEM_TOO_LARGE, "steps", "The steps are too long.");
        return false;
    }
    mem_free(row->steps_json);
    row->steps_json = text;
    return true;
}

bool route_fields(struct api_call *call, const struct store_config *config, struct route_row *row)
{
    return name_field(call, row) && steps_field(call, config, row);
}

/* ---- handlers ------------------------------------------------------------------------------------ */

static void answer_route(struct api_call *call, int status, const char *id)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    const struct route_row *row = config_route(&config, id);
    if (row) {
        route_write(api_answer(call, status), row, call);
        api_done(call);
    } else {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no route \"%.64s\".", id);
    }
    store_config_release(&config);
}

static void row_text(struct buf *out, const struct route_row *row)
{
    struct json_writer writer;
    buf_init(out, STEPS_BYTES_MAX);
    json_writer_init(&writer, out);
    json_open_object(&writer);
    route_write(&writer, row, NULL);
    json_close_object(&writer);
}

static enum err put_row(struct api_call *call, const struct route_row *row, const char *before,
                        struct error *error)
{
    AUTO_BUF struct buf after = {0};
    row_text(&after, row);
    struct event_row event =
        event_make(call->actor, before ? "route.updated" : "route.created", row->id);
    event.before_json = before;
    event.after_json = after.data;
    return store_route_put(call->admin->options.store, row, !before, &event, error);
}

void routes_create(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    struct route_row row = {.created_at_ms = clock_wall_ms(), .rev = 1};
    uint8_t random[10];
    random_fill(random, sizeof random);
    id_make("rte_", row.created_at_ms, random, row.id);
    if (!change_begin(&change, call->admin, call))
        return;
    if (!route_fields(call, &change.config, &row)) {
        change_drop(&change);
    } else {
        enum err err = put_row(call, &row, NULL, &error);
        if (change_end(&change, err, &error))
            answer_route(call, 201, row.id);
    }
    route_row_release(&row);
}

void routes_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    struct json_writer *writer = api_answer(call, 200);
    json_open_array(writer, "items");
    for (size_t i = 0; i < config.route_count; i++) {
        json_open_object(writer);
        route_write(writer, &config.routes[i], call);
        json_close_object(writer);
    }
    api_done_list(call, NULL);
    store_config_release(&config);
}

void routes_read(struct api_call *call)
{
    answer_route(call, 200, call->args[0]);
}

static void fail_missing_or_stale(struct api_call *call, const struct route_row *row)
{
    if (row)
        api_fail(call, PROBLEM_STALE, "rev",
                 "The route is at rev %lld; the change was made for %s.", (long long)row->rev,
                 call->if_match);
    else
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no route \"%s\".", call->args[0]);
}

void routes_update(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    char id[ID_MAX];
    if (!change_begin(&change, call->admin, call))
        return;
    struct route_row *row = config_route(&change.config, call->args[0]);
    if (!row || api_is_stale(call, row->rev)) {
        fail_missing_or_stale(call, row);
        change_drop(&change);
        return;
    }
    AUTO_BUF struct buf before = {0};
    row_text(&before, row);
    str_copy(str_of(row->id), id, sizeof id);
    if (!route_fields(call, &change.config, row)) {
        change_drop(&change);
        return;
    }
    enum err err = put_row(call, row, before.data, &error);
    if (change_end(&change, err, &error))
        answer_route(call, 200, id);
}

void routes_delete(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    const struct route_row *row = config_route(&change.config, call->args[0]);
    if (!row) {
        fail_missing_or_stale(call, NULL);
        change_drop(&change);
        return;
    }
    AUTO_BUF struct buf before = {0};
    row_text(&before, row);
    struct event_row event = event_make(call->actor, "route.deleted", row->id);
    event.before_json = before.data;
    json_put_text(api_answer(call, 200), "id", row->id);
    json_put_bool(&call->writer, "deleted", true);
    api_done(call);
    enum err err = store_route_delete(call->admin->options.store, row->id, &event, &error);
    (void)change_end(&change, err, &error); /* on failure it has replaced the answer */
}
