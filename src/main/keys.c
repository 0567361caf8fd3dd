/* main/keys.c: `auxot keys`: through the running server's control socket, so that a change is in force
 * when the command returns; without a server, straight in the store, under its lock.
 */
#include "main/commands.h"

#include "admin/key_issue.h"
#include "base/mem.h"
#include "json/json.h"
#include "json/json_writer.h"
#include "main/data_access.h"
#include "main/setup.h"

#include <stdio.h>
#include <time.h>

#define ANSWER_BYTES_MAX (8u * 1024 * 1024)

static const char help[] =
    "Usage: auxot keys create --name NAME [--role admin|member] [--team TEAM] [--data-dir D]\n"
    "       auxot keys list [--data-dir D]\n"
    "       auxot keys revoke KEY_ID [--data-dir D]\n"
    "\n"
    "create prints the new key alone on stdout; it is shown this once. TEAM is the id or the name of a\n"
    "team; a name that no team has yet makes the team. All work while a server runs on the data directory\n"
    "(in force when the command returns) and before its first start.\n";

static enum err create_by_server(const struct data_access *access, const struct key_wish *wish,
                                 struct json_reader *reader, struct error *error)
{
    AUTO_BUF struct buf body = {0};
    struct json_writer writer;
    struct json root = {0};
    buf_init(&body, 8192);
    json_writer_init(&writer, &body);
    json_open_object(&writer);
    json_put_string(&writer, "name", wish->name);
    json_put_string(&writer, "role", wish->role);
    if (wish->team.len)
        json_put_string(&writer, "team", wish->team);
    json_close_object(&writer);
    enum err err =
        data_access_ask(access, "POST", "/api/keys", buf_str(&body), reader, &root, error);
    if (err != OK)
        return err;
    struct str key = json_string_or_empty(json_get(root, "key"));
    printf("%.*s\n", STR_ARG(key));
    return OK;
}

static enum err create(const struct data_access *access, const struct key_wish *wish,
                       struct json_reader *reader, struct error *error)
{
    if (access->has_server)
        return create_by_server(access, wish, reader, error);
    char key[APIKEY_LEN + 1];
    struct key_row row;
    const char *field = NULL;
    struct store_config config = {0};
    enum err err = store_config_load(access->store, &config, error);
    if (err != OK)
        return err;
    struct key_issuer issuer = {access->store, access->vault, &config};
    err = key_issue(&issuer, wish, key, &row, &field, error);
    store_config_release(&config);
    if (err != OK)
        return err;
    puts(key);
    secret_wipe(key, sizeof key);
    return OK;
}

static void print_row(struct str id, struct str role, struct str hint, int64_t created_at_ms,
                      struct str name)
{
    time_t seconds = (time_t)(created_at_ms / 1000);
    struct tm utc;
    char day[32] = "";
    if (gmtime_r(&seconds, &utc))
        (void)strftime(day, sizeof day, "%Y-%m-%d", &utc);
    printf("%.*s  %-6.*s  %.*s  %s  %.*s\n", STR_ARG(id), STR_ARG(role), STR_ARG(hint), day,
           STR_ARG(name));
}

static enum err list_by_server(const struct data_access *access, struct json_reader *reader,
                               struct error *error)
{
    struct json root = {0};
    enum err err = data_access_ask(access, "GET", "/api/keys", STR(""), reader, &root, error);
    if (err != OK)
        return err;
    for (struct json_cursor each = json_each(json_get(root, "items")); json_next(&each);)
        print_row(json_string_or_empty(json_get(each.value, "id")),
                  json_string_or_empty(json_get(each.value, "role")),
                  json_string_or_empty(json_get(each.value, "hint")),
                  json_int64_or(json_get(each.value, "created_at_ms"), 0),
                  json_string_or_empty(json_get(each.value, "name")));
    return OK;
}

static enum err list(const struct data_access *access, struct json_reader *reader,
                     struct error *error)
{
    if (access->has_server)
        return list_by_server(access, reader, error);
    struct store_config config = {0};
    enum err err = store_config_load(access->store, &config, error);
    if (err != OK)
        return err;
    for (size_t i = 0; i < config.key_count; i++)
        print_row(str_of(config.keys[i].id), str_of(config.keys[i].role),
                  str_of(config.keys[i].hint), config.keys[i].created_at_ms,
                  str_of(config.keys[i].name));
    store_config_release(&config);
    return OK;
}

static enum err revoke(const struct data_access *access, const char *id, struct json_reader *reader,
                       struct error *error)
{
    if (!id_parse(str_of(id), "key_", &(int64_t){0}))
        return error_set(error, ERR_MALFORMED, "'%.40s' is no key id; see `auxot keys list`", id);
    if (!access->has_server)
        return key_revoke(access->store, id, "command", error);
    char path[64];
    struct json root = {0};
    snprintf(path, sizeof path, "/api/keys/%s", id);
    return data_access_ask(access, "DELETE", path, STR(""), reader, &root, error);
}

static enum err run_verb(struct data_access *access, const char *verb, const struct key_wish *wish,
                         const char *id, struct error *error)
{
    struct json_reader *reader = NULL;
    enum err err = json_reader_new(ANSWER_BYTES_MAX, &reader);
    if (err != OK)
        return error_set(error, err, "no memory");
    err = data_access_open(access, error);
    if (err == OK && strcmp(verb, "create") == 0)
        err = create(access, wish, reader, error);
    else if (err == OK && strcmp(verb, "list") == 0)
        err = list(access, reader, error);
    else if (err == OK)
        err = revoke(access, id, reader, error);
    data_access_close(access);
    json_reader_free(reader);
    return err;
}

int command_keys(int argc, char **argv)
{
    struct error error = {0};
    struct data_access access = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    bool is_create = strcmp(verb, "create") == 0;
    bool is_revoke = strcmp(verb, "revoke") == 0;
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    const char *role = take_flag(&argc, argv, "role");
    struct key_wish wish = {.name = str_of(take_flag(&argc, argv, "name")),
                            .role = role ? str_of(role) : STR("member"),
                            .team = str_of(take_flag(&argc, argv, "team")),
                            .may_make_team = true,
                            .actor = "command"};
    if (load_settings(&argc, argv, &access.settings, &error) != OK)
        return complain("keys", 2, "%s", error.text);
    if ((!is_create && !is_revoke && strcmp(verb, "list") != 0) || argc != (is_revoke ? 3 : 2)) {
        fputs(help, stderr);
        return 2;
    }
    if (run_verb(&access, verb, &wish, is_revoke ? argv[2] : "", &error) != OK)
        return complain("keys", 1, "%s", error.text);
    return fflush(stdout) == 0 ? 0 : complain("keys", 1, "cannot write the answer");
}
