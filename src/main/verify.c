/* main/verify.c: `auxot verify`: are the events on record as they were written? By the running server, or straight from the
 * store. A whole chain may still be an old one that was put back; so the head is printed, to be kept elsewhere, and compared.
 */
#include "main/commands.h"

#include "main/data_access.h"
#include "main/setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES_MAX 65536u

static const char help[] =
    "Usage: auxot verify [--head HEAD] [--data-dir D]\n"
    "\n"
    "Follows the chain of events (who changed what, who signed in) from the first to the last. Prints how\n"
    "many there are and the head, and exits 0; or names the first event that was changed, moved or taken\n"
    "out, and exits 1. Keep a head elsewhere: with --head it must still be in its place, so that a file that\n"
    "was put back to an earlier state is noticed too.\n";

struct finding {
    bool is_unbroken;
    int64_t events, before_chain, bad_seq;
    char head[EVENT_HEAD_MAX], bad_id[ID_MAX], why[128];
};

static enum err ask_server(const struct data_access *access, struct str head,
                           struct finding *out_finding, struct error *error)
{
    struct json_reader *reader = NULL;
    struct json root = {0};
    char path[160];
    (void)snprintf(path, sizeof path, "/api/events/verify%s%.*s", head.len ? "?head=" : "",
                   STR_ARG(head));
    enum err err = json_reader_new(ANSWER_BYTES_MAX, &reader);
    if (err != OK)
        return error_set(error, err, "no memory");
    err = data_access_ask(access, "GET", path, STR(""), reader, &root, error);
    if (err == OK) {
        (void)json_bool(json_get(root, "unbroken"), &out_finding->is_unbroken);
        out_finding->events = json_int64_or(json_get(root, "events"), 0);
        out_finding->before_chain = json_int64_or(json_get(root, "before_chain"), 0);
        out_finding->bad_seq = json_int64_or(json_get(root, "bad_seq"), 0);
        str_copy(json_string_or_empty(json_get(root, "head")), out_finding->head,
                 sizeof out_finding->head);
        str_copy(json_string_or_empty(json_get(root, "bad_id")), out_finding->bad_id,
                 sizeof out_finding->bad_id);
        str_copy(json_string_or_empty(json_get(root, "why")), out_finding->why,
                 sizeof out_finding->why);
    }
    json_reader_free(reader);
    return err;
}

static enum err read_store(const struct data_access *access, const struct event_head *head,
                           struct finding *out_finding, struct error *error)
{
    struct event_report report;
    enum err err = store_events_verify(access->store, head, INT64_MAX, &report, error);
    if (err != OK)
        return err;
    *out_finding = (struct finding){.is_unbroken = !report.is_broken,
                                    .events = report.events,
                                    .before_chain = report.before_chain,
                                    .bad_seq = report.bad_seq};
    event_head_write(&report, out_finding->head);
    str_copy(str_of(report.bad_id), out_finding->bad_id, sizeof out_finding->bad_id);
    str_copy(str_of(report.why), out_finding->why, sizeof out_finding->why);
    return OK;
}

/* 0, or 1 for a broken chain. */
static int tell(const struct finding *finding)
{
    if (!finding->is_unbroken)
        return complain("verify", 1,
                        "event %" PRId64 "%s%s%s: %s. The %" PRId64 " before it are good.",
                        finding->bad_seq, finding->bad_id[0] ? " (" : "", finding->bad_id,
                        finding->bad_id[0] ? ")" : "", finding->why, finding->events);
    printf("%" PRId64 " events, unbroken", finding->events);
    if (finding->before_chain)
        printf("; the first %" PRId64 " are older than the chain, and unproven",
               finding->before_chain);
    printf("\nhead %s\n", finding->head);
    return fflush(stdout) == 0 ? 0 : complain("verify", 1, "cannot write the answer");
}

int command_verify(int argc, char **argv)
{
    struct error error = {0};
    struct data_access access = {.needs_database = true};
    struct finding finding = {0};
    struct event_head head = {0};
    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    struct str noted = str_of(take_flag(&argc, argv, "head"));
    if (load_settings(&argc, argv, &access.settings, &error) != OK)
        return complain("verify", 2, "%s", error.text);
    if (argc > 1) {
        fputs(help, stderr);
        return 2;
    }
    if (noted.len && !event_head_read(noted, &head))
        return complain("verify", 2,
                        "--head wants what an earlier `auxot verify` printed behind \"head\"");
    enum err err = data_access_open(&access, &error);
    if (err == OK)
        err = access.has_server ? ask_server(&access, noted, &finding, &error)
                                : read_store(&access, &head, &finding, &error);
    data_access_close(&access);
    return err == OK ? tell(&finding) : complain("verify", 1, "%s", error.text);
}
