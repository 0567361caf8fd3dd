/* admin/config.c: /api/config: all configuration but secrets as one file; what another file would change; and that change, made as
 * one: a single version, an event for each row, all or nothing.
 *
 * Where no server runs, the commands call the same handlers on a store of their own (config_offline.h): then there is no gateway, nobody
 * to look at again, and nothing to publish.
 */
#include "admin/config_changes.h"
#include "admin/config_print.h"
#include "admin/endpoints.h"
#include "admin/rehearse.h"
#include "base/mem.h"
#include "sys/clock.h"

#define TEXT_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define WORDS_BYTES_MAX \
    ((size_t)1024 * 1024) /* of an answer: behind that only names, so that all have room */
#define SPARE_MS 2000     /* of the call's deadline, for the rest of the answer */

/* ---- export -------------------------------------------------------------------------------------- */

static void print_config(struct api_call *call, const struct config_names *names, bool has_comments)
{
    AUTO_BUF struct buf text;
    struct json root = {0};
    struct error error = {0};
    char rev[CONFIG_REV_MAX];
    buf_init(&text, TEXT_BYTES_MAX);
    config_text(&text, names);
    if (text.failed || json_parse(names->reader, buf_str(&text), &root, &error) != OK) {
        api_fail(call, PROBLEM_INTERNAL, NULL, "The configuration is too long for one file.");
        return;
    }
    config_rev(buf_str(&text), rev);
    struct config_print print = {root, has_comments, rev};
    config_print(api_answer_text(call, "text/plain", "auxot.jsonc"), &print);
    api_done_text(call, NULL);
}

void config_read(struct api_call *call)
{
    char comments[8] = "";
    struct error error = {0};
    struct store_config config = {0};
    struct json_reader *reader = NULL;
    (void)api_query(call, "comments", comments, sizeof comments);
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    if (json_reader_new(TEXT_BYTES_MAX, &reader) == OK)
        print_config(call, &(struct config_names){&config, reader, NULL},
                     strcmp(comments, "false") != 0);
    else
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
    json_reader_free(reader);
    store_config_release(&config);
}

/* ---- what a file changes ------------------------------------------------------------------------- */

/* One call, from the rows to the answer. */
struct applying {
    struct api_call *call;
    struct change change;
    struct config_plan plan;
    struct config_changes changes;
    char rev[CONFIG_REV_MAX];
    int64_t version;
};

/* Where no server runs, whoever has the file may change it. */
static bool begin(struct applying *at)
{
    struct api_call *call = at->call;
    bool has_server = call->admin->options.gateway != NULL;
    if (change_begin(&at->change, call->admin, has_server ? call : NULL))
        return true;
    if (!api_has_failed(call))
        api_fail(call, PROBLEM_UNAVAILABLE, NULL, "The configuration cannot be read.");
    return false;
}

static enum err rev_of(const struct store_config *config, struct json_reader *reader,
                       char out_rev[CONFIG_REV_MAX], struct error *error)
{
    AUTO_BUF struct buf text;
    struct config_names names = {config, reader, NULL};
    buf_init(&text, TEXT_BYTES_MAX);
    config_text(&text, &names);
    if (text.failed)
        return error_set(error, ERR_TOO_LARGE, "The configuration is too long for one file.");
    config_rev(buf_str(&text), out_rev);
    return OK;
}

static bool is_stale(struct applying *at)
{
    char wanted[32] = "";
    struct api_call *call = at->call;
    if (!api_text(call, "rev", wanted, sizeof wanted, NULL))
        return true;
    if (!wanted[0] || strcmp(wanted, at->rev) == 0)
        return false;
    api_fail(
        call, PROBLEM_STALE, "rev",
        "The configuration was changed meanwhile: it is at rev %s, and the change was made for "
        "%s.",
        at->rev, wanted);
    return true;
}

/* Under the config lock, which change_drop or change_end lets go of. False: the call has failed. */
static bool compare(struct applying *at)
{
    struct api_call *call = at->call;
    struct error error = {0};
    struct config_plan *plan = &at->plan;
    enum err err =
        config_plan_init(plan, call->admin, &at->change.config, call->admin->options.store, &error);
    if (err == OK)
        err = rev_of(plan->now, plan->reader, at->rev, &error);
    if (err == OK && is_stale(at))
        return false;
    at->version = plan->now->version;
    plan->file = json_get(call->root, "config");
    plan->keys = json_get(call->root, "keys");
    (void)json_bool(json_get(call->root, "prune"), &plan->prune);
    if (err == OK && !config_plan_make(plan)) {
        api_fail(call, plan->problem, plan->field[0] ? plan->field : NULL, "%s", plan->error.text);
        return false;
    }
    if (err == OK)
        err = config_changes_find(plan, &at->changes, &error);
    if (err != OK)
        api_fail_error(call, &error);
    return err == OK;
}

static void write_change(struct json_writer *writer, const struct config_change *change)
{
    static const char *const actions[CONFIG_ACTION_COUNT] = {
        [CONFIG_CREATE] = "create", [CONFIG_UPDATE] = "update", [CONFIG_DELETE] = "delete"};
    json_open_object(writer);
    json_put_text(writer, "action", actions[change->action]);
    json_put_text(writer, "kind", config_kind_name(change->kind));
    json_put_text(writer, "name", change->name);
    json_open_array(writer, "details");
    if (writer->buf->len < WORDS_BYTES_MAX)
        config_change_words(writer, change);
    json_close_array(writer);
    if (change->jobs >= 0)
        json_put_int(writer, "jobs_24h", change->jobs);
    else
        json_put_null(writer, "jobs_24h");
    json_close_object(writer);
}

/* The last 24 hours once more, under the configuration as it would be. It takes a while and no lock; what cannot be told is left
 * out: the changes themselves are known. */
static void rehearse_it(const struct applying *at, char *room, size_t room_bytes)
{
    int64_t now_ms = clock_wall_ms();
    struct rehearse_report *report = NULL;
    struct error error = {0};
    const struct rehearse_wish wish = {.since_ms = now_ms - REHEARSE_WINDOW_MS,
                                       .until_ms = now_ms + 1,
                                       .proposed = &at->plan.wanted,
                                       .deadline_ms = at->call->deadline_ms - SPARE_MS};
    if (rehearse(at->call->admin, &wish, &report, &error) == OK)
        str_copy(str_of(rehearse_report_sentence(report)), room, room_bytes);
    rehearse_report_free(report);
}

static void write_effect(struct json_writer *writer, const struct applying *at, bool is_applied)
{
    char sentence[640] = "";
    bool has_traffic = at->call->admin->options.gateway != NULL;
    if (has_traffic && !is_applied && at->changes.count > 0)
        rehearse_it(at, sentence, sizeof sentence);
    json_put_text(writer, "effect", sentence[0] ? sentence : NULL);
}

static void answer(struct applying *at, bool is_applied)
{
    struct config_plan *plan = &at->plan;
    config_changes_count(&at->changes, at->call->admin->options.store);
    json_close_array(&plan->kept_writer);
    json_close_array(&plan->notes_writer);
    struct json_writer *writer = api_answer(at->call, 200);
    json_put_text(writer, "rev", at->rev);
    json_put_int(writer, "version", at->version);
    json_put_bool(writer, "applied", is_applied);
    json_open_array(writer, "changes");
    for (size_t i = 0; i < at->changes.count; i++)
        write_change(writer, &at->changes.list[i]);
    json_close_array(writer);
    write_effect(writer, at, is_applied);
    json_put_raw(writer, "kept", plan->kept.failed ? STR("[]") : buf_str(&plan->kept));
    json_put_raw(writer, "notes", plan->notes.failed ? STR("[]") : buf_str(&plan->notes));
    api_done(at->call);
}

/* Writes and publishes; that it has a rev of its own is known before. False: the call has failed, and nothing was changed. */
static bool put_in_force(struct applying *at)
{
    struct error error = {0};
    enum err err = rev_of(&at->plan.wanted, at->plan.reader, at->rev, &error);
    if (err == OK)
        err = config_changes_write(&at->plan, &at->changes, at->call->admin->options.store,
                                   at->call->actor, &error);
    bool is_good = change_end(&at->change, err, &error);
    if (!is_good && !api_has_failed(at->call))
        api_fail_error(at->call, &error);
    at->version++;
    return is_good;
}

static void compare_and(struct api_call *call, bool is_real)
{
    struct applying *at = mem_zalloc(1, sizeof *at);
    if (!at) {
        api_fail(call, PROBLEM_OVERLOADED, NULL, "No memory.");
        return;
    }
    at->call = call;
    if (begin(at)) {
        bool is_good = compare(at), is_applied = is_good && is_real && at->changes.count > 0;
        if (is_applied)
            is_good = put_in_force(at);
        else
            change_drop(&at->change);
        if (is_good)
            answer(at, is_applied);
    }
    config_changes_release(&at->changes);
    config_plan_release(&at->plan);
    mem_free(at);
}

void config_diff(struct api_call *call)
{
    compare_and(call, false);
}

void config_apply(struct api_call *call)
{
    compare_and(call, true);
}
