/* main/config.c: `auxot config`: all configuration but secrets as one file. It is read here and held to its form, so that a slip is told
 * with its line; what it means where it is applied, the server says.
 *
 * apply compares first and shows what would change. With --yes it then sends the file together with the `rev` of what was shown:
 * what somebody else changed in between is not overwritten.
 */
#include "main/commands.h"

#include "base/mem.h"
#include "domain/price.h"
#include "json/json_writer.h"
#include "main/config_desk.h"
#include "main/config_file.h"
#include "main/config_say.h"
#include "main/setup.h"
#include "sys/file.h"
#include "sys/secret.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_BYTES_MAX   ((size_t)4 * 1024 * 1024)
#define ANSWER_BYTES_MAX ((size_t)8 * 1024 * 1024)

static const char help[] =
    "Usage: auxot config export [--out FILE] [where]\n"
    "       auxot config diff FILE [--prune] [where]\n"
    "       auxot config apply FILE [--yes] [--prune] [--rev REV] [where]\n"
    "       auxot config validate FILE\n"
    "\n"
    "export writes all configuration but secrets as one file. diff says what applying a file would change,\n"
    "and how much traffic that had to do with. apply says the same and changes nothing; with --yes it makes\n"
    "the change, all of it or nothing. What the file does not name is kept, unless --prune removes it.\n"
    "validate looks at a file alone, without server and data directory. FILE - is standard input.\n"
    "\n"
    "where: --data-dir D (the server that runs on it, or the store itself), or --url URL with an admin's\n"
    "API key in AUXOT_API_KEY. Keys of providers never stand in the file: a provider's api_key_env names\n"
    "the variable that holds its key.\n";

struct command {
    const char *verb, *path, *out, *rev;
    bool is_yes, prune;
    struct desk desk;
};

/* ---- validate ------------------------------------------------------------------------------------ */

/* Names of providers and teams may be the server's, where the file has not these sections. */
static bool is_whole(struct json root)
{
    return json_type_of(json_get(root, "providers")) == JSON_ARRAY &&
           json_type_of(json_get(root, "teams")) == JSON_ARRAY;
}

static int validate(const struct config_file *file)
{
    struct config_flaw flaw = {0};
    struct price_table *prices = shipped_prices();
    enum err err = !prices                ? ERR_NO_MEMORY
                   : is_whole(file->root) ? config_check(file->root, prices, &flaw)
                                          : OK;
    if (prices)
        price_table_free(prices);
    if (err == ERR_MALFORMED)
        config_file_complain(file, flaw.where, flaw.what, flaw.fix);
    else if (err != OK)
        return complain("config", 1, "no memory");
    if (err == OK)
        printf("%s is good%s\n", file->path,
               is_whole(file->root)
                   ? "."
                   : ", as far as it can be told: without both providers and teams in it, names of "
                     "others were not looked up.");
    return err == OK ? 0 : 1;
}

/* ---- export -------------------------------------------------------------------------------------- */

static int write_out(const struct command *command, struct str text)
{
    struct error error = {0};
    if (command->out)
        return file_write_atomic(command->out, text, &error) == OK
                   ? 0
                   : complain("config", 1, "%s", error.text);
    bool is_good = fwrite(text.at, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    return is_good ? 0 : complain("config", 1, "cannot write the file");
}

static int export_all(struct command *command)
{
    AUTO_BUF struct buf answer;
    struct error error = {0};
    int status = 0;
    buf_init(&answer, ANSWER_BYTES_MAX);
    if (desk_ask(&command->desk, CONFIG_VERB_EXPORT, STR(""), &status, &answer, &error) != OK)
        return complain("config", 1, "%s", error.text);
    if (status == 200)
        return write_out(command, buf_str(&answer));
    config_say_problem(NULL, command->desk.reader, buf_str(&answer));
    return 1;
}

/* ---- diff and apply ------------------------------------------------------------------------------ */

/* The keys that the file's api_key_env name. False: said which is missing. */
static bool write_keys(struct json_writer *writer, const struct config_file *file)
{
    bool is_good = true;
    json_open_array(writer, "keys");
    struct json providers = json_get(file->root, "providers");
    for (struct json_cursor each = json_each(providers); json_next(&each);) {
        struct json name = json_get(each.value, "api_key_env");
        char variable[128];
        str_copy(json_string_or_empty(name), variable, sizeof variable);
        const char *key = variable[0] ? getenv(variable) : NULL;
        if (variable[0] && (!key || !key[0])) {
            config_file_complain(file, name, "This variable is not set.",
                                 "Export it for this command, or take api_key_env out.");
            is_good = false;
        } else if (variable[0]) {
            json_open_object(writer);
            json_put_string(writer, "provider", json_string_or_empty(json_get(each.value, "slug")));
            json_put_text(writer, "api_key", key);
            json_close_object(writer);
        }
    }
    json_close_array(writer);
    return is_good;
}

static bool write_body(struct buf *out, const struct command *command,
                       const struct config_file *file, const char *rev)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_raw(&writer, "config",
                 json_raw(file->reader, file->root, (struct str){file->text, file->len}));
    json_put_bool(&writer, "prune", command->prune);
    if (rev)
        json_put_text(&writer, "rev", rev);
    bool is_good = write_keys(&writer, file);
    json_close_object(&writer);
    if (is_good && out->failed)
        (void)complain("config", 1, "the file is too long to be sent: at most 4 MiB");
    return is_good && !out->failed;
}

/* Asks, and says what would change or was changed. `out_rev` of what was compared. */
static int ask(struct command *command, const struct config_file *file, enum config_verb verb,
               const char *rev, size_t *out_count, char out_rev[32])
{
    AUTO_BUF struct buf body, answer;
    struct error error = {0};
    struct json root = {0};
    int status = 0;
    buf_init(&body, BODY_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    (void)!buf_reserve(&body, file->len + 4096); /* once: no copy of a key stays behind */
    bool is_good = write_body(&body, command, file, rev);
    enum err err =
        is_good ? desk_ask(&command->desk, verb, buf_str(&body), &status, &answer, &error) : OK;
    if (body.data)
        secret_wipe(body.data, body.len);
    if (!is_good)
        return 1;
    if (err == OK && status == 200)
        err = json_parse(command->desk.reader, buf_str(&answer), &root, &error);
    if (err != OK)
        return complain("config", 1, "%s", error.text);
    if (status != 200) {
        config_say_problem(file, command->desk.reader, buf_str(&answer));
        return 1;
    }
    *out_count = json_count(json_get(root, "changes"));
    str_copy(json_string_or_empty(json_get(root, "rev")), out_rev, 32);
    if (verb == CONFIG_VERB_DIFF)
        config_say_changes(root, command->prune);
    return 0;
}

static int compare_and(struct command *command, const struct config_file *file)
{
    char rev[32] = "", after[32] = "";
    size_t count = 0;
    int status = ask(command, file, CONFIG_VERB_DIFF, command->rev, &count, rev);
    bool is_apply = strcmp(command->verb, "apply") == 0;
    if (status != 0 || count == 0)
        return status;
    if (!is_apply || !command->is_yes) {
        if (is_apply)
            puts("This was a dry run: nothing was changed. --yes makes the change.");
        return 0;
    }
    status = ask(command, file, CONFIG_VERB_APPLY, rev, &count, after);
    if (status == 0)
        printf("Applied, as one change. The configuration is at rev %s.\n", after);
    return status;
}

/* ---- the command --------------------------------------------------------------------------------- */

static int run_file(struct command *command)
{
    struct config_file file;
    struct error error = {0};
    int status = 1;
    if (config_file_open(&file, command->path)) {
        if (strcmp(command->verb, "validate") == 0)
            status = validate(&file);
        else if (desk_open(&command->desk, &error) == OK)
            status = compare_and(command, &file);
        else
            status = complain("config", 1, "%s", error.text);
    }
    config_file_close(&file);
    return status;
}

static int run(struct command *command)
{
    struct error error = {0};
    int status = 0;
    bool is_export = strcmp(command->verb, "export") == 0;
    command->desk.access.needs_database = is_export;
    if (!is_export)
        status = run_file(command);
    else if (desk_open(&command->desk, &error) == OK)
        status = export_all(command);
    else
        status = complain("config", 1, "%s", error.text);
    desk_close(&command->desk);
    return fflush(stdout) == 0 ? status : complain("config", 1, "cannot write the answer");
}

static bool is_known(const char *verb)
{
    static const char *const verbs[] = {"export", "diff", "apply", "validate"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verb, verbs[i]) == 0)
            return true;
    return false;
}

int command_config(int argc, char **argv)
{
    struct error error = {0};
    struct command command = {.verb = argc > 1 ? argv[1] : ""};
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    bool is_export = strcmp(command.verb, "export") == 0;
    command.out = take_flag(&argc, argv, "out");
    command.rev = take_flag(&argc, argv, "rev");
    command.desk.remote.url = take_flag(&argc, argv, "url");
    command.is_yes = take_switch(&argc, argv, "yes");
    command.prune = take_switch(&argc, argv, "prune");
    if (load_settings(&argc, argv, &command.desk.access.settings, &error) != OK)
        return complain("config", 2, "%s", error.text);
    command.desk.remote.ca_file = command.desk.access.settings.ca_file;
    command.desk.remote.resolver = command.desk.access.settings.resolver;
    if (!is_known(command.verb) || argc != (is_export ? 2 : 3)) {
        fputs(help, stderr);
        return 2;
    }
    command.path = is_export ? NULL : argv[2];
    return run(&command);
}
