/* store/secret_rotate.c: a new secret while the server runs, and what is still under an old one.
 *
 * The order is what makes it safe to be cut off anywhere. First the new secret is on disk (secret.key.next); then one
 * transaction makes it current; then the files change their names; then the rows are sealed again. Before the transaction
 * nothing has happened; after it the next start finishes (secret_ring.c).
 */
#include "store/secret_ring.h"
#include "store/store_parts.h"
#include "sys/clock.h"
#include "sys/secret_files.h"

#include <stdio.h>
#include <string.h>

/* ---- how it stands ------------------------------------------------------------------------------- */

static enum err rows_look(sqlite3 *db, const struct vault *vault, struct secret_report *report,
                          struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = true;
    enum err err = sql_prepare(
        db, "SELECT id, sealed_key FROM provider WHERE sealed_key IS NOT NULL", &select, error);
    while (err == OK && has_row) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        report->rows++;
        if (vault_is_current(vault, sql_blob(select, 1)))
            continue;
        report->left++;
        sql_copy(select, 0, report->left_id, sizeof report->left_id);
    }
    return err;
}

enum err store_secret_status(struct store *store, struct secret_report *out_report,
                             struct error *error)
{
    struct secret_report report = {0};
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    err = rows_look(db, store->vault, &report, error);
    if (err == OK)
        err = sql_number(db, "SELECT value FROM setting WHERE name = 'secret_rotated_at_ms'", 0,
                         &report.rotated_at_ms, error);
    reader_give(&store->readers, db);
    report.is_in_files = store->secret_is_in_files;
    vault_check_value(store->vault, report.check);
    if (err == OK)
        *out_report = report;
    return err;
}

/* ---- rotating ------------------------------------------------------------------------------------ */

static enum err reseal(struct store *store, int64_t *out_resealed, struct error *error)
{
    struct reseal rows = {.vault = store->vault};
    enum err err = OK;
    while (err == OK && !rows.is_over) {
        struct reseal some = rows; /* a transaction that fails has done nothing */
        struct work work = {.run = reseal_some, .arg = &some, .keeps_version = true};
        err = writer_submit(store, &work, error);
        if (err == OK)
            rows = some;
    }
    *out_resealed = rows.resealed;
    return err;
}

/* While rows are under a secret that is not here, another rotation would put them one further away. */
static enum err nothing_left(struct store *store, struct error *error)
{
    struct secret_report report;
    int64_t unused = 0;
    enum err err = reseal(store, &unused, error);
    if (err == OK)
        err = store_secret_status(store, &report, error);
    if (err == OK && report.left > 0)
        err = error_set(error, ERR_CONFLICT,
                        "%lld provider keys (%s) are under a former secret that is not here: start "
                        "with it in AUXOT_SECRET_KEY_PREVIOUS or secret.key.previous, or enter "
                        "these keys again; nothing was changed",
                        (long long)report.left, report.left_id);
    return err;
}

/* The secret that is to be. One that is there may be in force already: then only the names are behind. */
static enum err next_make(struct store *store, uint8_t out_check[32], struct error *error)
{
    char path[PATH_MAX];
    uint8_t now[32], check[32];
    struct secret *next = NULL;
    (void)snprintf(path, sizeof path, "%s" SECRET_FILE_NEXT, store->data_dir);
    vault_check_value(store->vault, now);
    enum err err = secret_file_read(path, &next, error);
    if (err == OK) {
        err = vault_ring_add(store->vault, secret_borrow(next), VAULT_NEXT, check, error);
        secret_free(next);
        if (err == OK && memcmp(check, now, sizeof now) == 0)
            err = secret_files_advance(store->data_dir, error);
    }
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    err = secret_file_make(path, &next, error);
    if (err != OK)
        return err;
    err = vault_ring_add(store->vault, secret_borrow(next), VAULT_NEXT, out_check, error);
    secret_free(next);
    return err;
}

enum err store_secret_rotate(struct store *store, const struct event_row *event,
                             struct secret_report *out_report, struct error *error)
{
    struct secret_switch change = {.vault = store->vault, .now_ms = clock_wall_ms()};
    struct work work = {
        .run = secret_switch, .arg = &change, .event = event, .keeps_version = true};
    int64_t resealed = 0;
    if (!store->secret_is_in_files)
        return error_set(error, ERR_CONFLICT,
                         "the secret comes from the environment: restart with the new one in "
                         "AUXOT_SECRET_KEY and this one in AUXOT_SECRET_KEY_PREVIOUS; nothing was "
                         "changed");
    enum err err = nothing_left(store, error);
    if (err == OK)
        err = next_make(store, change.to, error);
    if (err == OK)
        err = writer_submit(store, &work, error);
    if (err != OK)
        return err;
    vault_ring_choose(store->vault, change.to);
    err = secret_files_advance(store->data_dir, error);
    if (err == OK)
        err = reseal(store, &resealed, error);
    if (err == OK)
        err = store_secret_status(store, out_report, error);
    out_report->resealed = resealed;
    return err;
}
