/* main/explain.c: `auxot explain`: who would answer a request, and why, as the running server sees it now. */
#include "main/commands.h"

#include "main/ask.h"
#include "main/setup.h"
#include "main/table.h"

static const char help[] =
    "Usage: auxot explain [MODEL] [--provider P] [--team T] [--endpoint E] [--needs tools,images,json_schema]\n"
    "                     [--prompt-tokens N] [--fault PROVIDER=FAULT ...] [--json] [--data-dir D]\n"
    "\n"
    "Asks the server that runs on the data directory who would answer a request for MODEL (default: auto),\n"
    "and why each other provider would not. --provider pins, as X-Auxot-Provider does. Faults: offline,\n"
    "key_rejected, over_quota, queue_too_deep. --json prints the server's answer as it came.\n";

static void put_needs(struct json_writer *writer, struct str needs)
{
    json_open_array(writer, "needs");
    while (needs.len)
        json_put_string(writer, NULL, str_trim(str_cut(&needs, ',')));
    json_close_array(writer);
}

/* Words that were not given stay out of the body. */
static enum err put_question(int *argc, char **argv, struct json_writer *writer,
                             struct error *error)
{
    static const char *const names[] = {"provider", "team", "endpoint"};
    const char *given;
    int64_t tokens = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((given = take_flag(argc, argv, names[i])))
            json_put_text(writer, names[i], given);
    if ((given = take_flag(argc, argv, "needs")))
        put_needs(writer, str_of(given));
    if ((given = take_flag(argc, argv, "prompt-tokens"))) {
        if (!str_to_int64(str_of(given), &tokens) || tokens < 0)
            return error_set(error, ERR_MALFORMED, "--prompt-tokens wants a number");
        json_put_int(writer, "prompt_tokens", tokens);
    }
    return put_faults(argc, argv, writer, error);
}

static void print_candidates(struct json root)
{
    static struct table table;
    struct str sentence = json_string_or_empty(json_get(root, "sentence"));
    size_t place = 0;
    words_print(sentence, stdout);
    puts("");
    static const char *const heads[] = {"", "verdict", "provider", "model", "reason", "why"};
    table_init(&table, 6, "rlllll");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (struct json_cursor each = json_each(json_get(root, "candidates")); json_next(&each);) {
        struct str name = json_string_or_empty(json_at(each.value, "provider", "name", NULL));
        struct str model = json_string_or_empty(json_get(each.value, "model"));
        struct str evidence = json_string_or_empty(json_get(each.value, "evidence"));
        struct str verdict = json_string_or_empty(json_get(each.value, "verdict"));
        struct str reason = json_string_or_empty(json_get(each.value, "reason"));
        table_cell(&table, "%zu", ++place);
        table_cell(&table, "%.*s", STR_ARG(verdict));
        table_cell(&table, "%.*s", STR_ARG(name));
        table_cell(&table, "%.*s", STR_ARG(model));
        table_cell(&table, "%.*s", STR_ARG(reason));
        table_cell(&table, "%.*s", STR_ARG(evidence));
    }
    table_print(&table, "", stdout);
}

int command_explain(int argc, char **argv)
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
        return complain("explain", 2, "%s", error.text);
    if (argc > 2) {
        fputs(help, stderr);
        return 2;
    }
    if (argc == 2)
        json_put_text(&writer, "model", argv[1]);
    json_close_object(&writer);
    if (ask_and_print(&settings, "/api/routing/explain", buf_str(&body), is_raw, print_candidates,
                      &error) != OK)
        return complain("explain", 1, "%s", error.text);
    return fflush(stdout) == 0 ? 0 : complain("explain", 1, "cannot write the answer");
}
