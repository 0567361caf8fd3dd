/* admin/config_changes.c: see config_changes.h. */
#include "admin/config_changes.h"

#include "admin/key_issue.h"
#include "base/mem.h"
#include "store/usage.h"
#include "sys/clock.h"

#include <assert.h>

#define ENTRY_BYTES_MAX ((size_t)1024 * 1024)
#define CHANGES_MAX     30000u
#define DAY_MS          (INT64_C(24) * 3600 * 1000)

/* ---- finding ------------------------------------------------------------------------------------- */

struct finding {
    struct config_plan *plan;
    struct config_changes *changes;
    size_t room;
    struct config_names now, wanted;
    enum err err;
};

static void no_memory(struct finding *finding)
{
    finding->err = ERR_NO_MEMORY;
}

/* An entry as text. */
static void entry_text(struct buf *out, const struct config_section *section,
                       const struct config_names *names, const void *row)
{
    struct json_writer writer;
    buf_init(out, ENTRY_BYTES_MAX);
    json_writer_init(&writer, out);
    json_open_object(&writer);
    section->write(&writer, names, row);
    json_close_object(&writer);
}

/* Takes both texts. */
static void note(struct finding *finding, struct config_change change)
{
    struct config_changes *changes = finding->changes;
    if (change.before.failed || change.after.failed || changes->count == CHANGES_MAX)
        no_memory(finding);
    if (finding->err == OK && changes->count == finding->room) {
        size_t room = finding->room ? 2 * finding->room : 16;
        void *grown = mem_realloc(changes->list, room * sizeof change);
        if (grown) {
            changes->list = grown;
            finding->room = room;
        } else {
            no_memory(finding);
        }
    }
    if (finding->err != OK) {
        buf_release(&change.before);
        buf_release(&change.after);
        return;
    }
    change.jobs = -1;
    changes->list[changes->count++] = change;
}

static void note_alone(struct finding *finding, enum config_kind kind, enum config_action action,
                       const struct config_names *names, const void *row)
{
    const struct config_section *section = &config_sections[kind];
    struct config_change change = {.kind = kind, .action = action, .row = row};
    str_copy(str_of(row), change.id, sizeof change.id);
    section->name(names->before ? names->before : names->config, row, change.name,
                  sizeof change.name);
    entry_text(action == CONFIG_CREATE ? &change.after : &change.before, section, names, row);
    note(finding, change);
}

static bool has_new_key(enum config_kind kind, const void *before, const void *after)
{
    return kind == CONFIG_PROVIDER && ((const struct provider_row *)before)->credential_version !=
                                          ((const struct provider_row *)after)->credential_version;
}

static void compare(struct finding *finding, enum config_kind kind, const void *before,
                    const void *after)
{
    const struct config_section *section = &config_sections[kind];
    struct config_change change = {.kind = kind,
                                   .action = CONFIG_UPDATE,
                                   .row = after,
                                   .has_new_key = has_new_key(kind, before, after)};
    entry_text(&change.before, section, &finding->now, before);
    entry_text(&change.after, section, &finding->wanted, after);
    bool is_same = str_eq(buf_str(&change.before), buf_str(&change.after)) && !change.has_new_key;
    if (is_same && !change.before.failed && !change.after.failed) {
        buf_release(&change.before);
        buf_release(&change.after);
        return;
    }
    str_copy(str_of(after), change.id, sizeof change.id);
    section->name(finding->wanted.config, after, change.name, sizeof change.name);
    note(finding, change);
}

/* Rows that stay are in the same order in both, those that go are only left out, and new ones are at the end. */
static void find_rows(struct finding *finding, enum config_kind kind)
{
    const struct config_section *section = &config_sections[kind];
    size_t count, wanted_count, at = 0;
    const char *rows = config_rows(finding->plan->now, section, &count);
    const char *wanted = config_rows(finding->wanted.config, section, &wanted_count);
    for (size_t i = 0; i < count; i++) {
        const char *row = rows + i * section->row_bytes;
        const char *other = wanted + at * section->row_bytes;
        if (at < wanted_count && strcmp(row, other) == 0) { /* their ids */
            compare(finding, kind, row, other);
            at++;
        } else {
            note_alone(finding, kind, CONFIG_DELETE, &finding->now, row);
        }
    }
    for (; at < wanted_count; at++)
        note_alone(finding, kind, CONFIG_CREATE, &finding->wanted,
                   wanted + at * section->row_bytes);
}

/* Of the Auto default each side has its own. */
static void auto_text(struct buf *out, const struct store_config *config,
                      struct json_reader *reader)
{
    struct json_writer writer;
    buf_init(out, ENTRY_BYTES_MAX);
    json_writer_init(&writer, out);
    json_open_object(&writer);
    config_auto_write(&writer, &(struct config_names){config, reader, NULL});
    json_close_object(&writer);
}

static void find_auto(struct finding *finding)
{
    struct config_change change = {.kind = CONFIG_AUTO, .action = CONFIG_UPDATE};
    str_copy(STR("auto"), change.id, sizeof change.id);
    str_copy(STR("auto"), change.name, sizeof change.name);
    auto_text(&change.before, finding->plan->now, finding->plan->reader);
    auto_text(&change.after, &finding->plan->wanted, finding->plan->reader);
    if (!str_eq(buf_str(&change.before), buf_str(&change.after))) {
        note(finding, change);
        return;
    }
    buf_release(&change.before);
    buf_release(&change.after);
}

enum err config_changes_find(struct config_plan *plan, struct config_changes *out_changes,
                             struct error *error)
{
    *out_changes = (struct config_changes){0};
    struct finding finding = {
        .plan = plan,
        .changes = out_changes,
        /* By the names that they will have: a new one is a change of its own, not of all
                               * that point there. */
        .now = {&plan->wanted, plan->reader, plan->now},
        .wanted = {&plan->wanted, plan->reader, NULL}};
    for (int kind = 0; kind < CONFIG_AUTO; kind++)
        find_rows(&finding, (enum config_kind)kind);
    find_auto(&finding);
    if (finding.err == OK)
        return OK;
    return error_set(error, finding.err, "No memory to compare the configurations.");
}

void config_changes_release(struct config_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        buf_release(&changes->list[i].before);
        buf_release(&changes->list[i].after);
    }
    mem_free(changes->list);
    *changes = (struct config_changes){0};
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* What frees a name comes before what takes it, what is pointed at before what points there. A team goes last: its accounts
 * and providers must be gone. */
static const struct phase {
    enum config_kind kind;
    bool is_deletion;
} phases[] = {
    {CONFIG_ROUTE, true}, {CONFIG_PRICE, true},    {CONFIG_PROVIDER, true},  {CONFIG_ACCOUNT, true},
    {CONFIG_TEAM, false}, {CONFIG_ACCOUNT, false}, {CONFIG_PROVIDER, false}, {CONFIG_ROUTE, false},
    {CONFIG_AUTO, false}, {CONFIG_PRICE, false},   {CONFIG_TEAM, true},
};

static struct config_write write_of(const struct config_change *change,
                                    const struct store_auto *wanted, const char *actor)
{
    const struct config_section *section =
        change->kind == CONFIG_AUTO ? NULL : &config_sections[change->kind];
    const char *event = "routing.updated";
    struct config_write write = {.kind = CONFIG_WRITE_AUTO_SET, .arg = wanted};
    if (section) {
        const struct {
            const char *event;
            enum config_write_kind write;
            const void *arg;
        } by_action[CONFIG_ACTION_COUNT] = {
            [CONFIG_CREATE] = {section->created, section->insert, change->row},
            [CONFIG_UPDATE] = {section->updated, section->update, change->row},
            [CONFIG_DELETE] = {section->deleted, section->remove, change->id},
        };
        event = by_action[change->action].event;
        assert(event); /* service accounts are made and removed, never changed */
        write.kind = by_action[change->action].write;
        write.arg = by_action[change->action].arg;
    }
    write.event = event_make(actor, event, change->id);
    write.event.before_json = change->before.data;
    write.event.after_json = change->after.data;
    return write;
}

enum err config_changes_write(const struct config_plan *plan, const struct config_changes *changes,
                              struct store *store, const char *actor, struct error *error)
{
    AUTO_FREE struct config_write *writes = mem_alloc((changes->count + 1) * sizeof *writes);
    const struct store_auto wanted = {plan->wanted.auto_provider, plan->wanted.auto_model};
    size_t count = 0;
    if (!writes)
        return error_set(error, ERR_NO_MEMORY, "No memory for the changes.");
    for (size_t phase = 0; phase < sizeof phases / sizeof phases[0]; phase++)
        for (size_t i = 0; i < changes->count; i++) {
            const struct config_change *change = &changes->list[i];
            if (change->kind == phases[phase].kind &&
                (change->action == CONFIG_DELETE) == phases[phase].is_deletion)
                writes[count++] = write_of(change, &wanted, actor);
        }
    return store_write_all(store, writes, count, error);
}

/* ---- what it had to do with ---------------------------------------------------------------------- */

struct counting {
    struct config_changes *changes;
    enum config_kind kind;
};

static void on_usage(void *arg, const struct usage_item *item)
{
    const struct counting *counting = arg;
    for (size_t i = 0; i < counting->changes->count; i++) {
        struct config_change *change = &counting->changes->list[i];
        struct str known_by = counting->kind == CONFIG_PRICE
                                  ? str_of(((const struct config_change *)change)->name)
                                  : str_of(change->id);
        struct str model = known_by;
        size_t end;
        if (counting->kind == CONFIG_PRICE && str_find(known_by, STR(" at "), &end))
            model = str_upto(known_by, end);
        if (change->kind == counting->kind && str_eq(model, item->value))
            change->jobs = item->sums.jobs;
    }
}

/* Nobody asked a provider in that time: none. */
static void count_by(struct config_changes *changes, struct store *store, enum config_kind kind,
                     enum usage_name group_by)
{
    struct usage_query query = {.group_by = group_by,
                                .bucket = USAGE_IN_ONE,
                                .since_ms = clock_wall_ms() - DAY_MS,
                                .limit = USAGE_PAGE_MAX};
    struct counting counting = {changes, kind};
    struct usage_item totals = {0};
    struct error error = {0};
    char next[96];
    bool is_wanted = false;
    for (size_t i = 0; i < changes->count; i++)
        is_wanted = is_wanted || changes->list[i].kind == kind;
    if (!is_wanted || store_usage(store, &query, on_usage, &counting, &totals, next, &error) != OK)
        return;
    for (size_t i = 0; i < changes->count; i++) {
        struct config_change *change = &changes->list[i];
        if (change->kind == kind && change->jobs < 0)
            change->jobs = kind == CONFIG_AUTO ? totals.sums.jobs : 0;
    }
}

void config_changes_count(struct config_changes *changes, struct store *store)
{
    count_by(changes, store, CONFIG_PROVIDER, USAGE_provider);
    count_by(changes, store, CONFIG_TEAM, USAGE_team);
    count_by(changes, store, CONFIG_PRICE, USAGE_model);
    count_by(changes, store, CONFIG_AUTO, USAGE_tier);
}
