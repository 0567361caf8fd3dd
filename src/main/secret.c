/* main/secret.c: `auxot secret`: the master secret replaced while the server runs, or without it; and how it stands. */
#include "main/commands.h"

#include "admin/key_issue.h"
#include "main/data_access.h"
#include "main/setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANSWER_BYTES_MAX 65536u

static const char help[] =
    "Usage: auxot secret rotate [--data-dir D]\n"
    "       auxot secret status [--data-dir D]\n"
    "\n"
    "rotate makes a new secret.key and seals the keys of providers under it; the former secret stays beside it\n"
    "as secret.key.previous, which backups of before need. API keys, sessions and the chain of events stay\n"
    "valid. It works while a server runs, and what was cut off is finished by the next start. A secret in the\n"
    "environment is rotated by a start with the new one in AUXOT_SECRET_KEY and the former one in\n"
    "AUXOT_SECRET_KEY_PREVIOUS. status says what is left under a former secret, and exits 1 while there is any.\n";

struct standing {
    int64_t rotated_at_ms, sealed, left, resealed;
    char fingerprint[17], left_id[ID_MAX];
    bool is_in_files;
};

static enum err ask_server(const struct data_access *access, bool is_rotate,
                           struct standing *out_standing, struct error *error)
{
    struct json_reader *reader = NULL;
    struct json root = {0};
    enum err err = json_reader_new(ANSWER_BYTES_MAX, &reader);
    if (err != OK)
        return error_set(error, err, "no memory");
    err = data_access_ask(access, is_rotate ? "POST" : "GET",
                          is_rotate ? "/api/secret/rotate" : "/api/secret", STR(""), reader, &root,
                          error);
    if (err == OK) {
        struct standing *found = out_standing;
        found->rotated_at_ms = json_int64_or(json_get(root, "rotated_at_ms"), 0);
        found->sealed = json_int64_or(json_get(root, "sealed"), 0);
        found->left = json_int64_or(json_get(root, "left"), 0);
        found->resealed = json_int64_or(json_get(root, "resealed"), 0);
        found->is_in_files = str_eq(json_string_or_empty(json_get(root, "kept_in")), STR("file"));
        str_copy(json_string_or_empty(json_get(root, "fingerprint")), found->fingerprint,
                 sizeof found->fingerprint);
        str_copy(json_string_or_empty(json_get(root, "left_provider")), found->left_id,
                 sizeof found->left_id);
    }
    json_reader_free(reader);
    return err;
}

static enum err use_store(const struct data_access *access, bool is_rotate,
                          struct standing *out_standing, struct error *error)
{
    struct secret_report report = {0};
    struct event_row event = event_make("command", "secret.rotated", "");
    enum err err = is_rotate ? store_secret_rotate(access->store, &event, &report, error)
                             : store_secret_status(access->store, &report, error);
    if (err != OK)
        return err;
    *out_standing =
        (struct standing){report.rotated_at_ms, report.rows, report.left, report.resealed, "", "",
                          report.is_in_files};
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(out_standing->fingerprint + 2 * i, 3, "%02x", report.check[i]);
    str_copy(str_of(report.left_id), out_standing->left_id, sizeof out_standing->left_id);
    return OK;
}

static void tell_time(int64_t at_ms)
{
    struct tm utc;
    time_t seconds = (time_t)(at_ms / 1000);
    char stamp[32] = "never";
    if (at_ms && gmtime_r(&seconds, &utc))
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf("rotated %s\n", stamp);
}

/* 0; 1 while something is left. */
static int tell(const struct standing *standing, bool is_rotate)
{
    printf("secret %s, in %s\n", standing->fingerprint,
           standing->is_in_files ? "secret.key" : "the environment");
    tell_time(standing->rotated_at_ms);
    if (is_rotate)
        printf("%" PRId64 " values sealed again\n", standing->resealed);
    printf("%" PRId64 " of %" PRId64 " sealed values are left under a former secret\n",
           standing->left, standing->sealed);
    if (standing->left == 0 && standing->rotated_at_ms)
        puts("the former secret is needed for backups of before only");
    if (fflush(stdout) != 0)
        return complain("secret", 1, "cannot write the answer");
    if (standing->left == 0)
        return 0;
    return complain("secret", 1,
                    "the key of %s cannot be read: start with the former secret in "
                    "AUXOT_SECRET_KEY_PREVIOUS or secret.key.previous, or enter it again",
                    standing->left_id);
}

int command_secret(int argc, char **argv)
{
    struct error error = {0};
    struct data_access access = {.needs_database = true};
    struct standing standing = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    bool is_rotate = strcmp(verb, "rotate") == 0;
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    if (load_settings(&argc, argv, &access.settings, &error) != OK)
        return complain("secret", 2, "%s", error.text);
    if (argc != 2 || (!is_rotate && strcmp(verb, "status") != 0)) {
        fputs(help, stderr);
        return 2;
    }
    enum err err = data_access_open(&access, &error);
    if (err == OK)
        err = access.has_server ? ask_server(&access, is_rotate, &standing, &error)
                                : use_store(&access, is_rotate, &standing, &error);
    data_access_close(&access);
    return err == OK ? tell(&standing, is_rotate) : complain("secret", 1, "%s", error.text);
}
