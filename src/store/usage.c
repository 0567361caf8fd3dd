/* store/usage.c: a range taken apart into days, hours, minutes and rows, and added up.
 *
 * The rows of the sums are read in the order of their key and added in memory; SQLite sorts nothing. The names of a
 * group are read when the first row of the range is of it: whether the filter lets it pass, and under which value it
 * counts. So groups of other times cost nothing. All in one read transaction, so that a job is either in the sums and
 * closed in its row, or neither.
 */
#include "store/usage.h"

#include "store/cursor.h"
#include "store/store_parts.h"
#include "store/usage_tally.h"
#include "sys/clock.h"

#include <assert.h>

#define GROUPS_MAX  (1 << 24) /* the zeroed pages of those that no row is of take no memory */
#define ITEMS_MAX   200000u
#define VALUE_BYTES 256u
#define FOREVER_MS  AT_TIME_MAX

/* A level of the sums; they stand from the largest on. */
static const struct level {
    int64_t ms;
    const char *from_setting; /* since when it is whole; NULL: since ever */
    const char *select;
} levels[] = {
/* clang-format off */
#define COLUMN(sum) ", " #sum
#define SELECT_FROM(table) \
    "SELECT at, grp" USAGE_SUM_LIST(COLUMN) " FROM " table " WHERE at >= ?1 AND at < ?2"
    {USAGE_DAY_MS,    NULL,               SELECT_FROM("usage_day")},
    {USAGE_HOUR_MS,   USAGE_HOURS_FROM,   SELECT_FROM("usage_hour")},
    {USAGE_MINUTE_MS, USAGE_MINUTES_FROM, SELECT_FROM("usage_minute")},
    /* clang-format on */
};
#define LEVEL_COUNT (sizeof levels / sizeof levels[0])

/* Under which value a group counts. Zeroed: no row was of it yet. */
struct group {
    bool is_read;
    bool is_out; /* the filter leaves it out */
    bool is_local;
    size_t value;
};

struct summing {
    sqlite3 *db;
    const struct usage_query *query;
    bool is_spent;     /* values are team and key */
    int64_t bucket_ms; /* 0: one for all */
    int64_t from_ms[LEVEL_COUNT];
    struct group *groups; /* by id */
    size_t group_count;
    sqlite3_stmt *select_group;
    struct tally tally;
    struct usage_sums totals, local_totals;
};

/* ---- names --------------------------------------------------------------------------------------- */

static bool name_matches(const struct usage_names *names, enum usage_name which, const char *wanted)
{
    struct str want = str_of(wanted);
    return !want.len || str_eq(names->name[which], want) ||
           (which == USAGE_provider && str_eq(names->provider_name, want)) ||
           (which == USAGE_key && str_eq(names->key_name, want));
}

static bool passes(const struct summing *summing, const struct usage_names *names)
{
    for (int i = 0; i < USAGE_NAME_COUNT; i++)
        if (!name_matches(names, (enum usage_name)i, summing->query->filter.name[i]))
            return false;
    return true;
}

static bool is_local(const struct usage_names *names)
{
    return str_eq(names->name[USAGE_tier], STR("gpu")) ||
           str_eq(names->name[USAGE_tier], STR("cli"));
}

static enum err value_of(struct summing *summing, const struct usage_names *names,
                         size_t *out_value, struct error *error)
{
    enum usage_name by = summing->query->group_by;
    struct str label = by == USAGE_provider ? names->provider_name
                       : by == USAGE_key    ? names->key_name
                                            : STR("");
    if (!summing->is_spent)
        return tally_value(&summing->tally, names->name[by], label, out_value, error);
    AUTO_BUF struct buf both;
    UNSET char room[VALUE_BYTES];
    buf_init_in(&both, VALUE_BYTES, room, sizeof room);
    buf_append_str(&both, names->name[USAGE_team]);
    buf_append_lit(&both, "\n");
    buf_append_str(&both, names->name[USAGE_key]);
    if (both.failed)
        return error_set(error, ERR_NO_MEMORY, "no memory to sum up the usage");
    return tally_value(&summing->tally, buf_str(&both), STR(""), out_value, error);
}

/* ---- groups -------------------------------------------------------------------------------------- */

static enum err groups_room(struct summing *summing, struct error *error)
{
    int64_t last = 0;
    enum err err = sql_number(summing->db, "SELECT max(id) FROM usage_group", 0, &last, error);
    if (err != OK)
        return err;
    if (last < 0 || last > GROUPS_MAX)
        return error_set(error, ERR_TOO_LARGE, "there are more than %d groups of usage",
                         GROUPS_MAX);
    summing->group_count = (size_t)last + 1;
    summing->groups = mem_zalloc(summing->group_count, sizeof *summing->groups);
    if (!summing->groups)
        return error_set(error, ERR_NO_MEMORY, "no memory to sum up the usage");
    return sql_prepare(summing->db,
                       "SELECT provider, tier, model, team, agent, user, key, source,"
                       " provider_name, key_name FROM usage_group WHERE id = ?1",
                       &summing->select_group, error);
}

static enum err group_read(struct summing *summing, int64_t id, struct group *group,
                           struct error *error)
{
    sqlite3_stmt *select = summing->select_group;
    bool has_row = false;
    (void)sqlite3_bind_int64(select, 1, id);
    enum err err = sql_step(select, &has_row, error);
    if (err == OK && !has_row)
        err = error_set(error, ERR_MALFORMED, "the groups of the usage are damaged");
    if (err == OK) {
        struct usage_names names = {.provider_name = sql_text(select, USAGE_NAME_COUNT),
                                    .key_name = sql_text(select, USAGE_NAME_COUNT + 1)};
        for (int i = 0; i < USAGE_NAME_COUNT; i++)
            names.name[i] = sql_text(select, i);
        *group = (struct group){
            .is_read = true, .is_out = !passes(summing, &names), .is_local = is_local(&names)};
        if (!group->is_out)
            err = value_of(summing, &names, &group->value, error);
    }
    (void)sqlite3_reset(select);
    return err;
}

static enum err group_of(struct summing *summing, int64_t id, const struct group **out_group,
                         struct error *error)
{
    if (id < 0 || (size_t)id >= summing->group_count)
        return error_set(error, ERR_MALFORMED, "the sums of the usage are damaged");
    struct group *group = &summing->groups[id];
    *out_group = group;
    return group->is_read ? OK : group_read(summing, id, group, error);
}

/* ---- adding -------------------------------------------------------------------------------------- */

static enum err add(struct summing *summing, int64_t at_ms, const struct group *group,
                    const struct usage_sums *sums, struct error *error)
{
    usage_sums_add(&summing->totals, sums);
    if (group->is_local)
        usage_sums_add(&summing->local_totals, sums);
    int64_t bucket_at_ms = summing->bucket_ms ? at_ms / summing->bucket_ms * summing->bucket_ms : 0;
    return tally_add(&summing->tally, bucket_at_ms, group->value, sums, group->is_local, error);
}

static enum err sums_read(struct summing *summing, const struct level *level, int64_t from_ms,
                          int64_t to_ms, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(summing->db, level->select, &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, from_ms / level->ms);
    (void)sqlite3_bind_int64(select, 2, to_ms / level->ms);
    for (bool has_row = true; err == OK;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        int64_t at_ms = sqlite3_column_int64(select, 0) * level->ms;
        const struct group *group = NULL;
        err = group_of(summing, sqlite3_column_int64(select, 1), &group, error);
        if (err != OK || group->is_out)
            continue;
        int column = 2;
        struct usage_sums sums;
#define X(sum) sums.sum = sqlite3_column_int64(select, column++);
        USAGE_SUM_LIST(X)
#undef X
        err = add(summing, at_ms, group, &sums, error);
    }
    return err;
}

/* ---- rows of jobs -------------------------------------------------------------------------------- */

static enum err job_add(struct summing *summing, const struct job_record *job, struct error *error)
{
    UNSET struct usage_post posts[USAGE_POSTS_MAX];
    size_t count = usage_post(job, posts);
    enum err err = OK;
    for (size_t i = 0; err == OK && i < count; i++) {
        struct group group = {.is_local = is_local(&posts[i].names)};
        if (!passes(summing, &posts[i].names))
            continue;
        err = value_of(summing, &posts[i].names, &group.value, error);
        if (err == OK)
            err = add(summing, job->created_at_ms, &group, &posts[i].sums, error);
    }
    return err;
}

static enum err chunk_add(struct summing *summing, int64_t chunk, int64_t field_count,
                          int64_t first, int64_t last, struct error *error)
{
    AUTO_BUF struct buf sql;
    AUTO_STMT sqlite3_stmt *select = NULL;
    buf_init(&sql, SQL_TEXT_MAX);
    job_sql_select(&sql, chunk, field_count);
    buf_puts(&sql, " WHERE at BETWEEN ?1 AND ?2");
    enum err err = sql.failed ? error_set(error, ERR_NO_MEMORY, "no memory for a statement")
                              : sql_prepare(summing->db, sql.data, &select, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(select, 1, first);
    (void)sqlite3_bind_int64(select, 2, last);
    for (bool has_row = true; err == OK;) {
        UNSET struct job_record job;
        int64_t at = 0;
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        if (job_row_read(select, &at, &job) != OK)
            return error_set(error, ERR_MALFORMED, "the row of a request is damaged");
        err = job_add(summing, &job, error);
    }
    return err;
}

static enum err rows_read(struct summing *summing, int64_t from_ms, int64_t to_ms,
                          struct error *error)
{
    AUTO_STMT sqlite3_stmt *each = NULL;
    int64_t first = job_at(from_ms), last = job_at(to_ms) - 1;
    enum err err = sql_prepare(summing->db,
                               "SELECT id, field_count FROM chunk WHERE row_count > 0 AND "
                               "min_at <= ?2 AND max_at >= ?1",
                               &each, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(each, 1, first);
    (void)sqlite3_bind_int64(each, 2, last);
    for (bool has_row = true; err == OK;) {
        err = sql_step(each, &has_row, error);
        if (err != OK || !has_row)
            break;
        err = chunk_add(summing, sqlite3_column_int64(each, 0), sqlite3_column_int64(each, 1),
                        first, last, error);
    }
    return err;
}

/* ---- the range ----------------------------------------------------------------------------------- */

static int64_t round_up(int64_t at_ms, int64_t unit_ms)
{
    return (at_ms + unit_ms - 1) / unit_ms * unit_ms;
}

/* What is whole at this level is taken from it; what sticks out before and behind, from the next. */
static enum err range_add(struct summing *summing, size_t level, int64_t from_ms, int64_t to_ms,
                          struct error *error)
{
    if (from_ms >= to_ms)
        return OK;
    if (level == LEVEL_COUNT)
        return rows_read(summing, from_ms, to_ms, error);
    int64_t unit_ms = levels[level].ms, whole_from_ms = summing->from_ms[level];
    int64_t first = round_up(from_ms > whole_from_ms ? from_ms : whole_from_ms, unit_ms);
    int64_t last = to_ms / unit_ms * unit_ms;
    if (first >= last)
        return range_add(summing, level + 1, from_ms, to_ms, error);
    enum err err = range_add(summing, level + 1, from_ms, first, error);
    if (err == OK)
        err = sums_read(summing, &levels[level], first, last, error);
    return err != OK ? err : range_add(summing, level + 1, last, to_ms, error);
}

static enum err from_read(struct summing *summing, size_t level, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    if (!levels[level].from_setting)
        return OK;
    enum err err =
        sql_prepare(summing->db, "SELECT value FROM setting WHERE name = ?1", &select, error);
    if (err != OK)
        return err;
    sql_bind_text(select, 1, str_of(levels[level].from_setting));
    err = sql_step(select, &has_row, error);
    if (err == OK && has_row)
        summing->from_ms[level] = sqlite3_column_int64(select, 0);
    return err;
}

/* The level that has buckets of this size, or the largest one. */
static enum err first_level(struct summing *summing, int64_t since_ms, size_t *out_level,
                            struct error *error)
{
    size_t level = 0;
    while (summing->bucket_ms && levels[level].ms > summing->bucket_ms)
        level++;
    *out_level = level;
    if (!summing->bucket_ms || since_ms >= summing->from_ms[level])
        return OK;
    return error_set(error, ERR_MALFORMED,
                     "%s are not kept for so long: begin at %lld or later, or take larger buckets",
                     level == LEVEL_COUNT - 1 ? "minutes" : "hours",
                     (long long)summing->from_ms[level]);
}

static enum err summing_read(struct summing *summing, struct error *error)
{
    const struct usage_query *query = summing->query;
    int64_t since_ms = query->since_ms > 0 ? query->since_ms : 0;
    int64_t until_ms = query->until_ms > 0 ? query->until_ms : round_up(FOREVER_MS, USAGE_DAY_MS);
    size_t level = 0;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < LEVEL_COUNT; i++)
        err = from_read(summing, i, error);
    if (err == OK)
        err = first_level(summing, since_ms, &level, error);
    if (err == OK)
        err = groups_room(summing, error);
    return err != OK ? err : range_add(summing, level, since_ms, until_ms, error);
}

/* Damage that a reader meets is the server's trouble, never the caller's. */
static enum err sum(struct store *store, struct summing *summing, struct error *error)
{
    enum err err = reader_take(&store->readers, &summing->db, error);
    if (err != OK)
        return err;
    if (summing->is_spent)
        reader_lift_limit();
    err = summing_read(summing, error);
    sqlite3_finalize(summing->select_group);
    reader_give(&store->readers, summing->db);
    mem_free(summing->groups);
    if (err == OK)
        tally_sort(&summing->tally);
    return err;
}

/* ---- asked from outside -------------------------------------------------------------------------- */

static int64_t bucket_ms(enum usage_bucket bucket)
{
    switch (bucket) {
    case USAGE_BY_MINUTE: return USAGE_MINUTE_MS;
    case USAGE_BY_HOUR: return USAGE_HOUR_MS;
    case USAGE_BY_DAY: return USAGE_DAY_MS;
    case USAGE_IN_ONE: break;
    }
    return 0;
}

static void page_give(const struct store *store, const struct summing *summing,
                      store_on_usage *on_item, void *arg, size_t from, char out_next_cursor[96])
{
    size_t count = summing->tally.item_count, limit = (size_t)summing->query->limit;
    size_t end = from < count && limit < count - from ? from + limit : count;
    for (size_t i = from; i < end; i++) {
        struct usage_item item = tally_item(&summing->tally, i);
        on_item(arg, &item);
    }
    struct cursor next = {.kind = CURSOR_USAGE, .at = (int64_t)end};
    out_next_cursor[0] = '\0';
    if (end < count)
        cursor_write(store->vault, &next, out_next_cursor);
}

enum err store_usage(struct store *store, const struct usage_query *query, store_on_usage *on_item,
                     void *arg, struct usage_item *out_totals, char out_next_cursor[96],
                     struct error *error)
{
    assert(query->limit >= 1 && query->limit <= USAGE_PAGE_MAX);
    struct cursor from = {.at = 0};
    if (query->cursor[0] && !cursor_read(store->vault, str_of(query->cursor), CURSOR_USAGE, &from))
        return error_set(error, ERR_MALFORMED, "the cursor is not one of ours: start without it");
    struct summing summing = {.query = query, .bucket_ms = bucket_ms(query->bucket)};
    tally_init(&summing.tally, ITEMS_MAX);
    enum err err = sum(store, &summing, error);
    if (err == OK) {
        *out_totals = (struct usage_item){.value = STR(""),
                                          .label = STR(""),
                                          .sums = summing.totals,
                                          .local = summing.local_totals};
        page_give(store, &summing, on_item, arg, (size_t)from.at, out_next_cursor);
    }
    tally_release(&summing.tally);
    return err;
}

static void spent_give(const struct summing *summing, store_on_spent *on_spent, void *arg)
{
    for (size_t i = 0; i < summing->tally.item_count; i++) {
        struct usage_item item = tally_item(&summing->tally, i);
        char team[ID_MAX], key[ID_MAX];
        struct str rest = item.value;
        str_copy(str_cut(&rest, '\n'), team, sizeof team);
        str_copy(rest, key, sizeof key);
        if (item.sums.cost_microusd > 0)
            on_spent(arg, team, key, item.sums.cost_microusd);
    }
}

enum err store_usage_spent(struct store *store, int64_t since_ms, int64_t until_ms,
                           store_on_spent *on_spent, void *arg, struct error *error)
{
    struct usage_query query = {
        .bucket = USAGE_IN_ONE, .since_ms = since_ms, .until_ms = until_ms, .limit = 1};
    struct summing summing = {.query = &query, .is_spent = true};
    tally_init(&summing.tally, GROUPS_MAX); /* a start must not fail for their number */
    enum err err = sum(store, &summing, error);
    if (err == OK)
        spent_give(&summing, on_spent, arg);
    tally_release(&summing.tally);
    return err;
}
