/* main/rehearse.c: `auxot rehearse`: what a fault or a change would do to the traffic of the last hours. */
#include "main/commands.h"

#include "main/ask.h"
#include "main/setup.h"
#include "main/table.h"
#include "sys/clock.h"
#include "sys/file.h"

static const char help[] =
    "Usage: auxot rehearse [--since TIME] [--until TIME] [--fault PROVIDER=FAULT ...] [--changes FILE]\n"
    "                      [--show N] [--json] [--data-dir D]\n"
    "\n"
    "Asks the server that runs on the data directory to send the requests that it recorded through routing\n"
    "once more: as things stand, and with faults or changes. Nothing is sent to anybody.\n"
    "\n"
    "TIME is how long ago (90m, 24h, 7d; default: a day), or milliseconds since 1970. Faults: offline,\n"
    "key_rejected, over_quota, slow_x3, half_slots. FILE is JSON: {\"providers\":[...], \"auto\":..., \"routes\":\n"
    "[...], \"teams\":[...]}, as `changes` of POST /api/routing/rehearse. --show N adds N requests one by one;\n"
    "--json prints the server's answer as it came.\n";

#define STRANDED_SHOWN   20
#define SHORT_NUMBER_MAX 1000000000 /* what is greater is a time, and no duration */

/* ---- the question -------------------------------------------------------------------------------- */

static enum err put_time(struct json_writer *writer, const char *name, const char *given,
                         struct error *error)
{
    int64_t ms = 0;
    if (!given)
        return OK;
    if (str_to_int64(str_of(given), &ms) && ms > SHORT_NUMBER_MAX)
        json_put_int(writer, name, ms);
    else if (duration_parse(str_of(given), &ms))
        json_put_int(writer, name, clock_wall_ms() - ms);
    else
        return error_set(error, ERR_MALFORMED,
                         "--%s wants how long ago (90m, 24h, 7d), or milliseconds since 1970",
                         name);
    return OK;
}

static enum err put_changes(struct json_writer *writer, const char *path, struct error *error)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    if (!path)
        return OK;
    enum err err = file_read(path, ASK_BODY_MAX / 2, &text, &len, error);
    if (err == OK)
        json_put_raw(writer, "changes", (struct str){text, len});
    return err;
}

static enum err put_question(int *argc, char **argv, struct json_writer *writer,
                             struct error *error)
{
    int64_t show = 0;
    const char *since = take_flag(argc, argv, "since"), *until = take_flag(argc, argv, "until");
    const char *changes = take_flag(argc, argv, "changes"), *given = take_flag(argc, argv, "show");
    if (given && (!str_to_int64(str_of(given), &show) || show < 0))
        return error_set(error, ERR_MALFORMED, "--show wants a number");
    json_put_int(writer, "show", show);
    enum err err = put_time(writer, "since", since, error);
    err = err ? err : put_time(writer, "until", until, error);
    err = err ? err : put_changes(writer, changes, error);
    return err ? err : put_faults(argc, argv, writer, error);
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static long long number(struct json object, const char *name)
{
    return json_int64_or(json_get(object, name), 0);
}

static void money_cell(struct table *table, long long microusd)
{
    table_cell(table, "$%lld.%02lld", microusd / 1000000, microusd / 10000 % 100);
}

static void share_cell(struct table *table, struct json landing)
{
    double share = 0;
    (void)json_double(json_get(landing, "share"), &share);
    table_cell(table, "%lld (%.1f %%)", number(landing, "jobs"), share * 100);
}

/* The landing of the same provider on the other side; absent: it is gone. */
static struct json landing_of(struct json side, struct str provider_id)
{
    struct json none = {0};
    for (struct json_cursor each = json_each(json_get(side, "landing")); json_next(&each);)
        if (str_eq(json_string_or_empty(json_at(each.value, "provider", "id", NULL)), provider_id))
            return each.value;
    return none;
}

static void print_sides(struct json before, struct json after)
{
    static struct table table;
    table_init(&table, 3, "lrr");
    table_cell(&table, "%s", "");
    table_cell(&table, "now");
    table_cell(&table, "then");
    for (struct json_cursor each = json_each(json_get(after, "landing")); json_next(&each);) {
        struct str name = json_string_or_empty(json_at(each.value, "provider", "name", NULL));
        struct str id = json_string_or_empty(json_at(each.value, "provider", "id", NULL));
        table_cell(&table, "%.*s", STR_ARG(name));
        share_cell(&table, landing_of(before, id));
        share_cell(&table, each.value);
    }
    table_cell(&table, "refused");
    table_cell(&table, "%lld", number(before, "refused"));
    table_cell(&table, "%lld", number(after, "refused"));
    const struct json sides[] = {before, after};
    static const char *const costs[][2] = {{"cost an hour", "cost_microusd_per_hour"},
                                           {"cost a month", "cost_microusd_per_month"}};
    for (size_t i = 0; i < 2; i++) {
        table_cell(&table, "%s", costs[i][0]);
        for (size_t k = 0; k < 2; k++)
            money_cell(&table, number(sides[k], costs[i][1]));
    }
    static const char *const waits[][2] = {{"half wait at most", "p50_ms"},
                                           {"19 of 20 at most", "p95_ms"}};
    for (size_t i = 0; i < 2; i++) {
        table_cell(&table, "%s", waits[i][0]);
        for (size_t k = 0; k < 2; k++)
            table_cell(&table, "%lld ms", number(json_get(sides[k], "waits"), waits[i][1]));
    }
    table_print(&table, "  ", stdout);
}

static void print_refusals(struct json after)
{
    static struct table table;
    struct json list = json_get(after, "refusals");
    if (json_count(list) == 0)
        return;
    puts("\nRefused then:");
    table_init(&table, 2, "rl");
    for (struct json_cursor each = json_each(list); json_next(&each);) {
        struct str reason = json_string_or_empty(json_get(each.value, "reason"));
        table_cell(&table, "%lld", number(each.value, "jobs"));
        table_cell(&table, "%.*s", STR_ARG(reason));
    }
    table_print(&table, "  ", stdout);
}

static void print_one_stranded(struct json row)
{
    static struct table table;
    struct str kind = json_string_or_empty(json_get(row, "kind"));
    struct str name = json_string_or_empty(json_get(row, "name"));
    struct str model = json_string_or_empty(json_get(row, "model"));
    struct str pin = json_string_or_empty(json_get(row, "pin"));
    struct str reason = json_string_or_empty(json_get(row, "reason"));
    struct str fix = json_string_or_empty(json_get(row, "fix"));
    long long jobs = number(row, "jobs");
    table_init(&table, 1, "l");
    table_cell(&table, "%.*s %.*s: %.*s%s%.*s, %lld request%s, %.*s", STR_ARG(kind), STR_ARG(name),
               STR_ARG(model), pin.len ? " at " : "", STR_ARG(pin), jobs, jobs == 1 ? "" : "s",
               STR_ARG(reason));
    table_cell(&table, "    %.*s", STR_ARG(fix));
    table_print(&table, "  ", stdout);
}

static void print_stranded(struct json root)
{
    struct json list = json_get(root, "stranded");
    size_t count = json_count(list), shown = 0;
    if (count == 0)
        return;
    puts("\nLeft with nothing:");
    for (struct json_cursor each = json_each(list); shown < STRANDED_SHOWN && json_next(&each);
         shown++)
        print_one_stranded(each.value);
    if (count > shown)
        printf("  and %zu more: --json tells all\n", count - shown);
}

static void job_side_cells(struct table *table, struct json side)
{
    struct str name = json_string_or_empty(json_at(side, "provider", "name", NULL));
    struct str reason = json_string_or_empty(json_get(side, "reason"));
    if (name.len)
        table_cell(table, "%.*s", STR_ARG(name));
    else
        table_cell(table, "-");
    table_cell(table, "%.*s", STR_ARG(reason));
}

static void print_jobs(struct json root)
{
    static struct table table;
    struct json list = json_get(root, "jobs");
    if (json_count(list) == 0)
        return;
    puts("");
    table_init(&table, 5, "lllll");
    static const char *const heads[] = {"request", "now", "", "then", ""};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (struct json_cursor each = json_each(list); json_next(&each);) {
        struct str id = json_string_or_empty(json_get(each.value, "id"));
        table_cell(&table, "%.*s", STR_ARG(id));
        job_side_cells(&table, json_get(each.value, "before"));
        job_side_cells(&table, json_get(each.value, "after"));
    }
    table_print(&table, "  ", stdout);
}

static void print_report(struct json root)
{
    struct json window = json_get(root, "window");
    struct str sentence = json_string_or_empty(json_get(root, "sentence"));
    words_print(sentence, stdout);
    puts("");
    print_sides(json_get(root, "before"), json_get(root, "after"));
    print_refusals(json_get(root, "after"));
    print_stranded(root);
    print_jobs(root);
    printf("\n%lld of %lld requests land now where they landed when they were recorded; %lld were "
           "refused by limits and left out.\n",
           number(window, "as_recorded"), number(window, "rehearsed"), number(window, "left_out"));
    for (struct json_cursor each = json_each(json_get(root, "notes")); json_next(&each);)
        words_print(json_string_or_empty(each.value), stdout);
}

int command_rehearse(int argc, char **argv)
{
    struct error error = {0};
    struct settings settings;
    AUTO_BUF struct buf body = {0};
    struct json_writer writer;
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    bool is_raw = take_switch(&argc, argv, "json");
    buf_init(&body, ASK_BODY_MAX);
    json_writer_init(&writer, &body);
    json_open_object(&writer);
    if (put_question(&argc, argv, &writer, &error) != OK ||
        load_settings(&argc, argv, &settings, &error) != OK)
        return complain("rehearse", 2, "%s", error.text);
    json_close_object(&writer);
    if (argc != 1) {
        fputs(help, stderr);
        return 2;
    }
    if (ask_and_print(&settings, "/api/routing/rehearse", buf_str(&body), is_raw, print_report,
                      &error) != OK)
        return complain("rehearse", 1, "%s", error.text);
    return fflush(stdout) == 0 ? 0 : complain("rehearse", 1, "cannot write the answer");
}
