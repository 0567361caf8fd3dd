/* store/secret_ring.c: see secret_ring.h. */
#include "store/secret_ring.h"

#include "base/log.h"
#include "store/event_chain.h"
#include "sys/random.h"
#include "sys/secret_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RESEAL_ROWS    100 /* of one transaction */
#define IDENTITY_BYTES 512
#define BLOB_BYTES     (SECRET_MAX_BYTES + 64)

/* ---- settings ------------------------------------------------------------------------------------ */

/* `*out_value` is appended to; empty: there is none. */
static enum err blob_get(sqlite3 *db, const char *name, struct buf *out_value, struct error *error)
{
    AUTO_STMT sqlite3_stmt *get = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db, "SELECT value FROM setting WHERE name = ?1", &get, error);
    if (err != OK)
        return err;
    sql_bind_text(get, 1, str_of(name));
    err = sql_step(get, &has_row, error);
    if (err == OK && has_row)
        buf_append_str(out_value, sql_blob(get, 0));
    if (err == OK && out_value->failed)
        err = error_set(error, ERR_MALFORMED, "the setting '%s' is damaged", name);
    return err;
}

static enum err blob_put(sqlite3 *db, const char *name, struct str value, struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(db, "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)",
                               &put, error);
    if (err != OK)
        return err;
    sql_bind_text(put, 1, str_of(name));
    (void)sqlite3_bind_blob(put, 2, value.at, (int)value.len, SQLITE_STATIC);
    return sql_done(put, NULL, error);
}

static enum err time_put(sqlite3 *db, int64_t now_ms, struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(
        db, "INSERT OR REPLACE INTO setting (name, value) VALUES ('secret_rotated_at_ms', ?1)",
        &put, error);
    if (err != OK)
        return err;
    (void)sqlite3_bind_int64(put, 1, now_ms);
    return sql_done(put, NULL, error);
}

/* ---- switching ----------------------------------------------------------------------------------- */

enum err secret_switch(sqlite3 *db, void *arg, struct error *error)
{
    const struct secret_switch *change = arg;
    AUTO_BUF struct buf identity;
    buf_init(&identity, IDENTITY_BYTES);
    enum err err = vault_identity_seal(change->vault, change->to, &identity, error);
    if (err == OK)
        err = blob_put(db, "secret_identity", buf_str(&identity), error);
    if (err == OK)
        err = blob_put(db, "secret_check",
                       (struct str){(const char *)change->to, sizeof change->to}, error);
    return err == OK ? time_put(db, change->now_ms, error) : err;
}

/* At a start that brought a new secret and the one before it. */
static enum err switch_at_start(sqlite3 *db, struct vault *vault, int64_t now_ms,
                                struct error *error)
{
    struct secret_switch change = {.vault = vault, .now_ms = now_ms};
    struct event_row event = {.at_ms = now_ms, .actor = "start", .action = "secret.rotated"};
    uint8_t random[10];
    random_fill(random, sizeof random);
    id_make("evt_", now_ms, random, event.id);
    vault_check_value(vault, change.to);
    enum err err = sql_begin(db, SQL_WRITER, error);
    if (err == OK)
        err = secret_switch(db, &change, error);
    if (err == OK)
        err = event_chain_add(db, vault, &event, error);
    if (err == OK)
        err = sql_run(db, "COMMIT", error);
    if (err != OK)
        sql_roll_back(db);
    return err;
}

/* ---- sealing again ------------------------------------------------------------------------------- */

static enum err row_seal_again(sqlite3 *db, struct reseal *reseal, struct str blob,
                               struct error *error)
{
    AUTO_BUF struct buf fresh;
    AUTO_STMT sqlite3_stmt *update = NULL;
    struct secret *plain = NULL;
    struct error why = {0};
    const char *id = reseal->after;
    buf_init(&fresh, BLOB_BYTES);
    enum err err =
        vault_open(reseal->vault, STORE_ORG, "providers", "sealed_key", id, blob, &plain, &why);
    if (err == ERR_DENIED)
        return OK;
    if (err != OK)
        return error_set(error, err, "%s", why.text);
    err = vault_seal(reseal->vault, STORE_ORG, "providers", "sealed_key", id, secret_borrow(plain),
                     &fresh, error);
    secret_free(plain);
    if (err == OK)
        err = sql_prepare(db, "UPDATE provider SET sealed_key = ?2 WHERE id = ?1", &update, error);
    if (err != OK)
        return err;
    sql_bind_text(update, 1, str_of(id));
    (void)sqlite3_bind_blob(update, 2, fresh.data, (int)fresh.len, SQLITE_STATIC);
    reseal->resealed++;
    return sql_done(update, NULL, error);
}

/* The next row behind `after`, which it becomes. */
static enum err row_next(sqlite3 *db, struct reseal *reseal, struct buf *blob, struct error *error)
{
    char after[ID_MAX];
    AUTO_STMT sqlite3_stmt *select = NULL;
    bool has_row = false;
    enum err err = sql_prepare(db,
                               "SELECT id, sealed_key FROM provider WHERE sealed_key IS NOT NULL "
                               "AND id > ?1 ORDER BY id LIMIT 1",
                               &select, error);
    if (err != OK)
        return err;
    str_copy(str_of(reseal->after), after, sizeof after);
    sql_bind_text(select, 1, str_of(after));
    err = sql_step(select, &has_row, error);
    reseal->is_over = err == OK && !has_row;
    if (err != OK || !has_row)
        return err;
    sql_copy(select, 0, reseal->after, sizeof reseal->after);
    buf_append_str(blob, sql_blob(select, 1));
    return blob->failed ? error_set(error, ERR_NO_MEMORY, "no memory to seal a row again") : OK;
}

enum err reseal_some(sqlite3 *db, void *arg, struct error *error)
{
    struct reseal *reseal = arg;
    enum err err = OK;
    for (int i = 0; err == OK && !reseal->is_over && i < RESEAL_ROWS; i++) {
        AUTO_BUF struct buf blob;
        buf_init(&blob, BLOB_BYTES);
        err = row_next(db, reseal, &blob, error);
        if (err == OK && !reseal->is_over && !vault_is_current(reseal->vault, buf_str(&blob)))
            err = row_seal_again(db, reseal, buf_str(&blob), error);
    }
    return err;
}

/* All that can be; in transactions of its own. */
static enum err reseal_all(sqlite3 *db, const struct vault *vault, struct error *error)
{
    struct reseal reseal = {.vault = vault};
    enum err err = OK;
    while (err == OK && !reseal.is_over) {
        err = sql_begin(db, SQL_WRITER, error);
        if (err == OK)
            err = reseal_some(db, &reseal, error);
        if (err == OK)
            err = sql_run(db, "COMMIT", error);
    }
    if (err != OK)
        sql_roll_back(db);
    if (reseal.resealed)
        log_info("secret_resealed", "rows=%lld", (long long)reseal.resealed);
    return err;
}

/* ---- opening ------------------------------------------------------------------------------------- */

/* The digests of this store are under the identity: that of its first secret, or the one that was sealed since. */
static enum err identity_load(sqlite3 *db, struct vault *vault, const uint8_t check[32],
                              struct error *error)
{
    AUTO_BUF struct buf sealed;
    buf_init(&sealed, IDENTITY_BYTES);
    enum err err = blob_get(db, "secret_identity", &sealed, error);
    if (err != OK)
        return err;
    if (sealed.len)
        return vault_identity_open(vault, buf_str(&sealed), error);
    vault_identity_derive(vault, check);
    return OK;
}

/* What a rotation left that never came to its transaction. */
static void next_forget(const char *data_dir)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s" SECRET_FILE_NEXT, data_dir);
    if (unlink(path) == 0)
        log_warn("secret_rotation_undone", "why=\"it was cut off before it began\"");
}

static enum err agree(sqlite3 *db, const struct secret_open *open, const uint8_t check[32],
                      int64_t now_ms, struct error *error)
{
    enum vault_place place = vault_ring_find(open->vault, check);
    if (place == VAULT_NOWHERE)
        return error_set(error, ERR_DENIED,
                         "AUXOT_SECRET_KEY is not the one that '%s' was made with, nor is one of "
                         "AUXOT_SECRET_KEY_PREVIOUS and secret.key.previous: set the former "
                         "secret, or choose another data directory",
                         open->data_dir);
    enum err err = identity_load(db, open->vault, check, error);
    if (err != OK)
        return err;
    if (place == VAULT_PREVIOUS)
        return switch_at_start(db, open->vault, now_ms, error);
    if (place == VAULT_NEXT) {
        vault_ring_choose(open->vault, check);
        return secret_files_advance(open->data_dir, error);
    }
    if (open->is_in_files)
        next_forget(open->data_dir);
    return OK;
}

enum err secret_ring_open(sqlite3 *db, const struct secret_open *open, int64_t now_ms,
                          struct error *error)
{
    uint8_t fresh[32];
    AUTO_BUF struct buf check;
    buf_init(&check, 64);
    enum err err = blob_get(db, "secret_check", &check, error);
    if (err != OK)
        return err;
    vault_check_value(open->vault, fresh);
    if (!check.len)
        return blob_put(db, "secret_check", (struct str){(const char *)fresh, sizeof fresh}, error);
    if (check.len != sizeof fresh)
        return error_set(error, ERR_MALFORMED, "the setting 'secret_check' is damaged");
    err = agree(db, open, (const uint8_t *)check.data, now_ms, error);
    return err == OK ? reseal_all(db, open->vault, error) : err;
}
