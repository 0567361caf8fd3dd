/* main/config_say.c: see config_say.h. */
#include "main/config_say.h"

#include "admin/config_offline.h"
#include "main/setup.h"
#include "main/terminal.h"

#include <stdio.h>

static void put_words(struct str words)
{
    for (size_t at = 0; at < words.len;) {
        size_t from = at;
        putchar(terminal_obeys(words, &at) ? '?' : words.at[from]);
    }
}

static struct str text_of(struct json object, const char *name)
{
    return json_string_or_empty(json_get(object, name));
}

static void put_traffic(struct json change)
{
    int64_t jobs = json_int64_or(json_get(change, "jobs_24h"), -1);
    if (jobs > 0)
        printf("  (%lld requests in the last 24 hours)", (long long)jobs);
    else if (jobs == 0)
        printf("  (no request in the last 24 hours)");
}

static void say_change(struct json change)
{
    struct str action = text_of(change, "action");
    putchar(str_eq(action, STR("create")) ? '+' : str_eq(action, STR("delete")) ? '-' : '~');
    putchar(' ');
    put_words(text_of(change, "kind"));
    if (!str_eq(text_of(change, "kind"), text_of(change, "name"))) {
        putchar(' ');
        put_words(text_of(change, "name"));
    }
    printf(str_eq(action, STR("create"))   ? ": is made"
           : str_eq(action, STR("delete")) ? ": is removed"
                                           : ": changes");
    put_traffic(change);
    putchar('\n');
    for (struct json_cursor each = json_each(json_get(change, "details")); json_next(&each);) {
        fputs("    ", stdout);
        put_words(json_string_or_empty(each.value));
        putchar('\n');
    }
}

static void say_effect(struct str effect)
{
    if (!effect.len)
        return;
    fputs("The last 24 hours under this configuration: ", stdout);
    put_words(effect);
    putchar('\n');
}

static void say_kept(struct json kept, bool prunes)
{
    if (prunes || json_count(kept) == 0)
        return;
    fputs("Not in the file, and kept (--prune removes them):", stdout);
    bool is_first = true;
    for (struct json_cursor each = json_each(kept); json_next(&each); is_first = false) {
        fputs(is_first ? " " : ", ", stdout);
        put_words(text_of(each.value, "kind"));
        putchar(' ');
        put_words(text_of(each.value, "name"));
    }
    putchar('\n');
}

void config_say_changes(struct json answer, bool prunes)
{
    struct json changes = json_get(answer, "changes");
    for (struct json_cursor each = json_each(changes); json_next(&each);)
        say_change(each.value);
    say_effect(text_of(answer, "effect"));
    say_kept(json_get(answer, "kept"), prunes);
    for (struct json_cursor each = json_each(json_get(answer, "notes")); json_next(&each);) {
        fputs("Note: ", stdout);
        put_words(json_string_or_empty(each.value));
        putchar('\n');
    }
    size_t count = json_count(changes);
    if (count == 0)
        puts("No changes: the configuration is what the file says.");
    else
        printf("%zu change%s.\n", count, count == 1 ? "" : "s");
}

void config_say_problem(const struct config_file *file, struct json_reader *reader,
                        struct str answer)
{
    struct json problem = {0};
    struct error error = {0};
    char detail[ERROR_TEXT_MAX] = "the server's answer cannot be read", fix[256] = "",
         place[160] = "", section[32];
    if (json_parse(reader, answer, &problem, &error) == OK) {
        str_copy(text_of(problem, "detail"), detail, sizeof detail);
        str_copy(text_of(problem, "fix"), fix, sizeof fix);
        str_copy(text_of(problem, "field"), place, sizeof place);
    }
    str_copy(str_upto(str_of(place), strcspn(place, ".[")), section, sizeof section);
    if (file && section[0] && json_type_of(json_get(file->root, section)) != JSON_ABSENT)
        config_file_complain(file, config_place(file->root, place), detail, fix);
    else
        (void)complain("config", 1, "%s %s", detail, fix);
}
