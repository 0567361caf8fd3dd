/* admin/usage.c: /api/usage: what was used, by whom, of what: as JSON, CSV or JSON lines.
 *
 * Members see their own; a lead who names a team sees that team's. All forms are filled from one list of columns.
 */
#include "admin/avoided.h"
#include "admin/csv.h"
#include "admin/endpoints.h"
#include "admin/export.h"
#include "admin/state.h"
#include "store/usage.h"
#include "sys/clock.h"

#include <assert.h>

#define DRAIN_MS      1000
#define LIMIT_DEFAULT 1000
#define HOUR_MS       INT64_C(3600000)
#define DAY_MS        (24 * HOUR_MS)

/* In the order of enum usage_bucket. */
static const struct bucket {
    const char *name;
    int64_t unit_ms, default_range_ms;
} buckets[] = {{"minute", 60000, DAY_MS},
               {"hour", HOUR_MS, 7 * DAY_MS},
               {"day", DAY_MS, 30 * DAY_MS},
               {"none", DAY_MS, 30 * DAY_MS}};
static_assert(sizeof buckets / sizeof buckets[0] == USAGE_IN_ONE + 1, "one per bucket");

struct answer {
    struct api_call *call;
    struct usage_query query;
    enum export_format format;
    struct snapshot *snapshot;
    struct avoided avoided;
    struct json_writer writer; /* of JSON lines */
    struct csv csv;
};

/* ---- columns ------------------------------------------------------------------------------------- */

#define COLUMN_LIST(X)                                                       \
    X(jobs, sums->jobs)                                                      \
    X(failed, sums->failed)                                                  \
    X(cancelled, sums->cancelled)                                            \
    X(refused, sums->refused)                                                \
    X(input_tokens, sums->input_tokens)                                      \
    X(output_tokens, sums->output_tokens)                                    \
    X(cached_tokens, sums->cached_tokens)                                    \
    X(wasted_tokens, sums->wasted_input_tokens + sums->wasted_output_tokens) \
    X(cost_microusd, known_or_none(sums, sums->cost_microusd))               \
    X(wasted_microusd, sums->wasted_microusd)                                \
    X(avoided_microusd, avoided_microusd(&answer->avoided, &item->local))    \
    X(unknown_cost_jobs, sums->unknown_cost_jobs)                            \
    X(estimated_jobs, sums->estimated_jobs)

/* Nothing known and something unknown is unknown, never 0. */
static int64_t known_or_none(const struct usage_sums *sums, int64_t cost_microusd)
{
    return cost_microusd == 0 && sums->unknown_cost_jobs > 0 ? -1 : cost_microusd;
}

static void put_or_null(struct json_writer *writer, const char *name, int64_t value)
{
    if (value >= 0)
        json_put_int(writer, name, value);
    else
        json_put_null(writer, name);
}

static void write_sums(const struct answer *answer, struct json_writer *writer,
                       const struct usage_item *item)
{
    const struct usage_sums *sums = &item->sums;
#define X(name, value) put_or_null(writer, #name, value);
    COLUMN_LIST(X)
#undef X
}

/* What people call it: a team or a user by its name of today, a provider or a key as it was called when it was last
 * used. */
static struct str name_of(const struct answer *answer, const struct usage_item *item)
{
    char id[ID_MAX];
    str_copy(item->value, id, sizeof id);
    if (answer->query.group_by == USAGE_team) {
        const struct team *team = snapshot_team(answer->snapshot, id);
        return team ? str_of(team->name) : item->value;
    }
    if (answer->query.group_by == USAGE_user) {
        const struct principal *user =
            item->value.len ? snapshot_user(answer->snapshot, id, "") : NULL;
        return user ? str_of(user->name) : item->value;
    }
    return item->label.len ? item->label : item->value;
}

static void put_or_none(struct json_writer *writer, const char *name, struct str text)
{
    if (text.len)
        json_put_string(writer, name, text);
    else
        json_put_null(writer, name);
}

static void write_item(const struct answer *answer, struct json_writer *writer,
                       const struct usage_item *item)
{
    json_open_object(writer);
    put_or_null(writer, "at_ms", answer->query.bucket == USAGE_IN_ONE ? -1 : item->at_ms);
    json_open_object_named(writer, "group");
    put_or_none(writer, "id", item->value);
    put_or_none(writer, "name", name_of(answer, item));
    json_close_object(writer);
    write_sums(answer, writer, item);
    json_close_object(writer);
}

/* ---- forms --------------------------------------------------------------------------------------- */

static void on_json(void *arg, const struct usage_item *item)
{
    struct answer *answer = arg;
    write_item(answer, &answer->call->writer, item);
}

static void on_line(void *arg, const struct usage_item *item)
{
    struct answer *answer = arg;
    json_writer_init(&answer->writer, &answer->call->answer);
    write_item(answer, &answer->writer, item);
    buf_append_lit(&answer->call->answer, "\n");
}

static void csv_head(struct answer *answer)
{
    csv_text(&answer->csv, STR("at_ms"));
    csv_text(&answer->csv, str_of(usage_name_text(answer->query.group_by)));
    csv_text(&answer->csv, STR("name"));
#define X(name, value) csv_text(&answer->csv, STR(#name));
    COLUMN_LIST(X)
#undef X
    csv_end_line(&answer->csv);
}

static void on_cells(void *arg, const struct usage_item *item)
{
    struct answer *answer = arg;
    const struct usage_sums *sums = &item->sums;
    csv_int_or_empty(&answer->csv, answer->query.bucket == USAGE_IN_ONE ? -1 : item->at_ms);
    csv_text(&answer->csv, item->value);
    csv_text(&answer->csv, name_of(answer, item));
#define X(name, value) csv_int_or_empty(&answer->csv, value);
    COLUMN_LIST(X)
#undef X
    csv_end_line(&answer->csv);
}

static void write_end(struct answer *answer, const struct usage_item *totals,
                      const char *next_cursor)
{
    struct json_writer *writer = &answer->call->writer;
    json_close_array(writer);
    json_open_object_named(writer, "totals");
    write_sums(answer, writer, totals);
    json_close_object(writer);
    json_put_text(writer, "group_by", usage_name_text(answer->query.group_by));
    json_put_text(writer, "bucket", buckets[answer->query.bucket].name);
    json_put_int(writer, "since_ms", answer->query.since_ms);
    json_put_int(writer, "until_ms", answer->query.until_ms);
    avoided_write(&answer->avoided, writer, "avoided_by");
    json_put_text(writer, "next_cursor", next_cursor[0] ? next_cursor : NULL);
    api_done(answer->call);
}

static void give(struct answer *answer)
{
    static store_on_usage *const on_item[] = {
        [EXPORT_JSON] = on_json, [EXPORT_LINES] = on_line, [EXPORT_CSV] = on_cells};
    struct api_call *call = answer->call;
    struct usage_item totals;
    struct error error = {0};
    char next_cursor[96] = "";
    if (answer->format == EXPORT_JSON)
        json_open_array(api_answer(call, 200), "items");
    else
        answer->csv.out =
            export_begin(call, answer->format, "auxot-usage.csv", "auxot-usage.jsonl");
    if (answer->format == EXPORT_CSV)
        csv_head(answer);
    enum err err = store_usage(call->admin->options.store, &answer->query, on_item[answer->format],
                               answer, &totals, next_cursor, &error);
    if (err != OK)
        api_fail_error(call, &error);
    else if (answer->format == EXPORT_JSON)
        write_end(answer, &totals, next_cursor);
    else
        api_done_text(call, next_cursor);
}

/* ---- what is asked ------------------------------------------------------------------------------- */

static bool names_read(struct api_call *call, struct usage_filter *filter)
{
    for (int i = 0; i < USAGE_NAME_COUNT; i++)
        if (!api_query(call, usage_name_text((enum usage_name)i), filter->name[i],
                       sizeof filter->name[i]) &&
            api_has_failed(call))
            return false;
    return true;
}

static bool group_by_read(struct api_call *call, enum usage_name *out_name)
{
    char text[16] = "";
    *out_name = USAGE_team;
    if (!api_query(call, "group_by", text, sizeof text))
        return !api_has_failed(call);
    if (usage_name_parse(str_of(text), out_name))
        return true;
    api_fail(call, PROBLEM_BAD_REQUEST, "group_by",
             "group_by must be provider, tier, model, team, agent, user, key or source.");
    return false;
}

static bool bucket_read(struct api_call *call, enum usage_bucket *out_bucket)
{
    char text[16] = "";
    *out_bucket = USAGE_IN_ONE;
    if (!api_query(call, "bucket", text, sizeof text))
        return !api_has_failed(call);
    for (int i = USAGE_BY_MINUTE; i <= USAGE_IN_ONE; i++)
        if (strcmp(text, buckets[i].name) == 0) {
            *out_bucket = (enum usage_bucket)i;
            return true;
        }
    api_fail(call, PROBLEM_BAD_REQUEST, "bucket", "bucket must be minute, hour, day or none.");
    return false;
}

/* Whole buckets, up to the end of this minute, unless it is said otherwise. */
static bool range_read(struct api_call *call, struct usage_query *query)
{
    const struct bucket *bucket = &buckets[query->bucket];
    int64_t now_ms = clock_wall_ms();
    query->until_ms = (now_ms / 60000 + 1) * 60000;
    query->since_ms = -1;
    if (!api_time(call, "since", &query->since_ms) || !api_time(call, "until", &query->until_ms))
        return false;
    if (query->since_ms < 0)
        query->since_ms =
            (query->until_ms - bucket->default_range_ms) / bucket->unit_ms * bucket->unit_ms;
    if (query->since_ms < 0)
        query->since_ms = 0;
    if (query->until_ms > query->since_ms)
        return true;
    api_fail(call, PROBLEM_BAD_REQUEST, "until", "until must be later than since.");
    return false;
}

/* Slugs and names mean ids, as everywhere. */
static void names_resolve(const struct snapshot *snapshot, struct usage_filter *filter)
{
    char *provider_name = filter->name[USAGE_provider], *team_name = filter->name[USAGE_team];
    const struct provider *provider =
        provider_name[0] ? snapshot_provider(snapshot, provider_name) : NULL;
    const struct team *team = team_name[0] ? snapshot_team_named(snapshot, team_name) : NULL;
    if (provider)
        str_copy(str_of(provider->id), provider_name, sizeof filter->name[0]);
    if (team)
        str_copy(str_of(team->id), team_name, sizeof filter->name[0]);
}

static bool is_lead_of(const struct store_config *config, const char *user, const char *team)
{
    for (size_t i = 0; i < config->team_member_count; i++) {
        const struct team_member_row *row = &config->team_members[i];
        if (row->is_lead && strcmp(row->user_id, user) == 0 && strcmp(row->team_id, team) == 0)
            return true;
    }
    return false;
}

/* Narrows the filter to what the caller may see. False: the call has failed. */
static bool narrow(struct api_call *call, struct usage_filter *filter)
{
    struct error error = {0};
    struct store_config config = {0};
    if (call->role >= ROLE_ADMIN)
        return true;
    if (call->user[0] && filter->name[USAGE_team][0]) {
        if (store_config_load(call->admin->options.store, &config, &error) != OK) {
            api_fail_error(call, &error);
            return false;
        }
        bool is_lead = is_lead_of(&config, call->user, filter->name[USAGE_team]);
        store_config_release(&config);
        if (is_lead)
            return true;
    }
    if (call->user[0])
        str_copy(str_of(call->user), filter->name[USAGE_user], sizeof filter->name[0]);
    else
        str_copy(str_of(call->actor), filter->name[USAGE_key], sizeof filter->name[0]);
    return true;
}

static bool query_read(struct answer *answer)
{
    struct api_call *call = answer->call;
    struct usage_query *query = &answer->query;
    bool is_read = names_read(call, &query->filter) && group_by_read(call, &query->group_by) &&
                   bucket_read(call, &query->bucket) && range_read(call, query) &&
                   api_limit_of(call, LIMIT_DEFAULT, USAGE_PAGE_MAX, &query->limit) &&
                   export_format_read(call, &answer->format);
    if (is_read && !api_query(call, "cursor", query->cursor, sizeof query->cursor))
        is_read = !api_has_failed(call);
    return is_read;
}

void usage_read(struct api_call *call)
{
    struct answer answer = {.call = call};
    if (!query_read(&answer))
        return;
    answer.snapshot = gateway_snapshot(call->admin->options.gateway);
    names_resolve(answer.snapshot, &answer.query.filter);
    avoided_choose(answer.snapshot, &answer.avoided);
    if (narrow(call, &answer.query.filter)) {
        enum err drained = store_drain(call->admin->options.store, DRAIN_MS);
        (void)drained; /* late rows show up in the next answer */
        give(&answer);
    }
    snapshot_unref(answer.snapshot);
}
