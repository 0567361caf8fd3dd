/* store/config.c: providers, routes and the Auto default; keys and teams stand in files of their own.
 *
 * Each write is a small function that runs on the writer thread inside a transaction; writer.c raises
 * the version and adds the event in the same one. Reading takes all tables in one read transaction.
 */
#include "base/mem.h"
#include "store/store_parts.h"

#include <assert.h>

#define ROWS_FIRST 16u

enum err config_submit(struct store *store, enum err (*run)(sqlite3 *, void *, struct error *),
                       const void *arg, const struct event_row *event, struct error *error)
{
    struct work work = {.run = run, .arg = (void *)(uintptr_t)arg, .event = event};
    return writer_submit(store, &work, error);
}

enum err done_one(sqlite3_stmt *statement, const char *what, const char *id, struct error *error)
{
    int changes = 0;
    enum err err = sql_done(statement, &changes, error);
    if (err == OK && changes == 0)
        return error_set(error, ERR_NOT_FOUND, "there is no %s '%s'", what, id);
    return err;
}

enum err done_named(sqlite3_stmt *statement, const char *what, const char *id, const char *name,
                    struct error *error)
{
    enum err err = done_one(statement, what, id, error);
    if (err == ERR_CONFLICT)
        return error_set(error, ERR_CONFLICT, "a %s named '%s' exists already: choose another name",
                         what, name);
    return err;
}

/* ---- providers ----------------------------------------------------------------------------------- */

/* clang-format off */
#define PROVIDER_TEXTS(X) \
    X(id) X(name) X(slug) X(kind) X(base_url) X(key_hint) X(default_model) \
    X(error_code) X(error_text) X(dialects_json)
#define PROVIDER_NUMBERS(X) \
    X(connect_ms) X(first_byte_ms) X(plain_ms) X(idle_ms) X(wait_ms) X(max_concurrent) \
    X(credential_version) X(created_at_ms) X(created_seq) X(updated_at_ms) X(rev) X(models_at_ms)
/* clang-format on */
#define BARE(column)   #column ", "
#define PARAM(column)  ":" #column ", "
#define ASSIGN(column) #column " = :" #column ", "
#define PROVIDER_COLUMNS \
    PROVIDER_TEXTS(BARE) \
    PROVIDER_NUMBERS(BARE) "is_paused, models_json, rules_json, teams_json, sealed_key"

static int parameter(sqlite3_stmt *statement, const char *name)
{
    int at = sqlite3_bind_parameter_index(statement, name);
    assert(at > 0);
    return at;
}

static void provider_bind(sqlite3_stmt *statement, const struct provider_row *row)
{
#define X(column) sql_bind_text(statement, parameter(statement, ":" #column), str_of(row->column));
    PROVIDER_TEXTS(X)
#undef X
#define X(column) \
    (void)sqlite3_bind_int64(statement, parameter(statement, ":" #column), row->column);
    PROVIDER_NUMBERS(X)
#undef X
    (void)sqlite3_bind_int(statement, parameter(statement, ":is_paused"), row->is_paused);
    sql_bind_text(statement, parameter(statement, ":models_json"),
                  str_of(row->models_json ? row->models_json : "[]"));
    sql_bind_text(statement, parameter(statement, ":rules_json"),
                  str_of(row->rules_json ? row->rules_json : "[]"));
    sql_bind_text(statement, parameter(statement, ":teams_json"), str_of(row->teams_json));
    if (row->sealed_key)
        (void)sqlite3_bind_blob(statement, parameter(statement, ":sealed_key"), row->sealed_key,
                                (int)row->sealed_key_len, SQLITE_STATIC);
}

enum err copy_column(sqlite3_stmt *statement, int column, char **out_copy, size_t *out_len)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return OK;
    struct str value = sql_blob(statement, column);
    *out_copy = mem_dup(value.at, value.len);
    if (out_len)
        *out_len = value.len;
    return *out_copy ? OK : ERR_NO_MEMORY;
}

enum err copy_text_column(sqlite3_stmt *statement, int column, char **out_copy)
{
    return sql_blob(statement, column).len ? copy_column(statement, column, out_copy, NULL) : OK;
}

static enum err provider_read(sqlite3_stmt *statement, void *out)
{
    struct provider_row *row = out;
    int column = 0;
#define X(member) sql_copy(statement, column++, row->member, sizeof row->member);
    PROVIDER_TEXTS(X)
#undef X
#define X(member) row->member = sqlite3_column_int64(statement, column++);
    PROVIDER_NUMBERS(X)
#undef X
    row->is_paused = sqlite3_column_int(statement, column++) != 0;
    enum err err = copy_column(statement, column++, &row->models_json, NULL);
    if (err == OK)
        err = copy_column(statement, column++, &row->rules_json, NULL);
    if (err == OK)
        err = copy_text_column(statement, column++, &row->teams_json);
    if (err == OK)
        err = copy_column(statement, column, &row->sealed_key, &row->sealed_key_len);
    return err;
}

void provider_row_release(struct provider_row *row)
{
    mem_free(row->models_json);
    mem_free(row->rules_json);
    mem_free(row->teams_json);
    mem_free(row->sealed_key);
    row->models_json = row->rules_json = row->teams_json = row->sealed_key = NULL;
    row->sealed_key_len = 0;
}

/* The wanted slug, or the first of slug-2, slug-3 ... that is free. */
static enum err slug_choose(sqlite3 *db, const struct provider_row *wanted, char out_slug[48],
                            struct error *error)
{
    char base[40];
    if (wanted->slug[0])
        str_copy(str_of(wanted->slug), base, sizeof base);
    else
        provider_slug(str_of(wanted->name), base, sizeof base);
    AUTO_STMT sqlite3_stmt *find = NULL;
    enum err err = sql_prepare(db, "SELECT 1 FROM provider WHERE slug = ?1", &find, error);
    str_copy(str_of(base), out_slug, 48);
    for (unsigned number = 2; err == OK && number < PROVIDERS_MAX + 2; number++) {
        bool is_taken = false;
        sql_bind_text(find, 1, str_of(out_slug));
        err = sql_step(find, &is_taken, error);
        if (err != OK || !is_taken)
            return err;
        (void)sqlite3_reset(find);
        AUTO_BUF struct buf next;
        buf_init(&next, 64);
        buf_printf(&next, "%s-%u", base, number);
        str_copy(buf_str(&next), out_slug, 48);
    }
    return err != OK ? err : error_set(error, ERR_CONFLICT, "too many providers have that name");
}

enum err provider_insert(sqlite3 *db, void *arg, struct error *error)
{
    struct provider_row row = *(const struct provider_row *)arg; /* borrows its lists */
    int64_t count = 0;
    enum err err = sql_number(db, "SELECT count(*) FROM provider", 0, &count, error);
    if (err == OK && count >= PROVIDERS_MAX)
        return error_set(error, ERR_CONFLICT, "there are %u providers, which is the most",
                         PROVIDERS_MAX);
    if (err == OK)
        err =
            sql_number(db, "SELECT max(created_seq) + 1 FROM provider", 1, &row.created_seq, error);
    if (err == OK)
        err = slug_choose(db, &row, row.slug, error);
    AUTO_STMT sqlite3_stmt *insert = NULL;
    if (err == OK)
        err =
            sql_prepare(db,
                        "INSERT INTO provider (" PROVIDER_COLUMNS ") VALUES (" PROVIDER_TEXTS(PARAM)
                            PROVIDER_NUMBERS(PARAM) ":is_paused, :models_json, "
                                                    ":rules_json, :teams_json, :sealed_key)",
                        &insert, error);
    if (err != OK)
        return err;
    provider_bind(insert, &row);
    return done_named(insert, "provider", row.id, row.name, error);
}

/* What was fixed at creation (order, time) stays; `rev` grows whether or not the caller raised it. */
enum err provider_update(sqlite3 *db, void *arg, struct error *error)
{
    const struct provider_row *row = arg;
    AUTO_STMT sqlite3_stmt *update = NULL;
    enum err err = sql_prepare(
        db,
        "UPDATE provider SET name = :name, slug = :slug, kind = :kind, base_url = :base_url, "
        "key_hint = :key_hint, default_model = :default_model, error_code = :error_code, "
        "error_text = :error_text, dialects_json = :dialects_json, connect_ms = :connect_ms, first_byte_ms = :first_byte_ms, "
        "plain_ms = :plain_ms, idle_ms = :idle_ms, wait_ms = :wait_ms, "
        "max_concurrent = :max_concurrent, credential_version = :credential_version, "
        "created_at_ms = coalesce(created_at_ms, :created_at_ms), "
        "created_seq = coalesce(created_seq, :created_seq), updated_at_ms = :updated_at_ms, "
        "rev = max(rev + 1, :rev), models_at_ms = :models_at_ms, is_paused = :is_paused, "
        "models_json = :models_json, rules_json = :rules_json, teams_json = :teams_json, "
        "sealed_key = :sealed_key "
        "WHERE id = :id",
        &update, error);
    if (err != OK)
        return err;
    provider_bind(update, row);
    return done_named(update, "provider", row->id, row->name, error);
}

enum err delete_by_id(sqlite3 *db, const char *sql, const char *what, const char *id,
                      struct error *error)
{
    AUTO_STMT sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, sql, &statement, error);
    if (err != OK)
        return err;
    sql_bind_text(statement, 1, str_of(id));
    return done_one(statement, what, id, error);
}

enum err provider_delete(sqlite3 *db, void *arg, struct error *error)
{
    enum err err = delete_by_id(db, "DELETE FROM provider WHERE id = ?1", "provider", arg, error);
    if (err == OK)
        err = worker_keys_drop(db, arg, error);
    return err == OK ? prices_drop(db, arg, error) : err;
}

enum err store_provider_insert(struct store *store, const struct provider_row *row,
                               const struct event_row *event, struct error *error)
{
    return config_submit(store, provider_insert, row, event, error);
}

enum err store_provider_update(struct store *store, const struct provider_row *row,
                               const struct event_row *event, struct error *error)
{
    return config_submit(store, provider_update, row, event, error);
}

enum err store_provider_delete(struct store *store, const char *id, const struct event_row *event,
                               struct error *error)
{
    return config_submit(store, provider_delete, id, event, error);
}

/* ---- routes and the Auto default ----------------------------------------------------------------- */

static enum err route_put(sqlite3 *db, const struct route_row *row, const char *sql,
                          struct error *error)
{
    AUTO_STMT sqlite3_stmt *statement = NULL;
    enum err err = sql_prepare(db, sql, &statement, error);
    if (err != OK)
        return err;
    sql_bind_text(statement, 1, str_of(row->id));
    sql_bind_text(statement, 2, str_of(row->name));
    sql_bind_text(statement, 3, str_of(row->steps_json ? row->steps_json : "[]"));
    (void)sqlite3_bind_int64(statement, 4, row->created_at_ms);
    (void)sqlite3_bind_int64(statement, 5, row->rev);
    return done_named(statement, "route", row->id, row->name, error);
}

enum err route_insert(sqlite3 *db, void *arg, struct error *error)
{
    return route_put(db, arg,
                     "INSERT INTO route (id, name, steps_json, created_at_ms, rev) "
                     "VALUES (?1, ?2, ?3, ?4, ?5)",
                     error);
}

enum err route_update(sqlite3 *db, void *arg, struct error *error)
{
    return route_put(
        db, arg,
        "UPDATE route SET name = ?2, steps_json = ?3, "
        "created_at_ms = coalesce(created_at_ms, ?4), rev = max(rev + 1, ?5) WHERE id = ?1",
        error);
}

enum err route_delete(sqlite3 *db, void *arg, struct error *error)
{
    return delete_by_id(db, "DELETE FROM route WHERE id = ?1", "route", arg, error);
}

static enum err route_read(sqlite3_stmt *statement, void *out)
{
    struct route_row *row = out;
    sql_copy(statement, 0, row->id, sizeof row->id);
    sql_copy(statement, 1, row->name, sizeof row->name);
    row->created_at_ms = sqlite3_column_int64(statement, 3);
    row->rev = sqlite3_column_int64(statement, 4);
    return copy_column(statement, 2, &row->steps_json, NULL);
}

void route_row_release(struct route_row *row)
{
    mem_free(row->steps_json);
    row->steps_json = NULL;
}

enum err store_route_put(struct store *store, const struct route_row *row, bool is_new,
                         const struct event_row *event, struct error *error)
{
    return config_submit(store, is_new ? route_insert : route_update, row, event, error);
}

enum err store_route_delete(struct store *store, const char *id, const struct event_row *event,
                            struct error *error)
{
    return config_submit(store, route_delete, id, event, error);
}

enum err setting_put(sqlite3 *db, const char *name, const char *value, struct error *error)
{
    AUTO_STMT sqlite3_stmt *put = NULL;
    enum err err = sql_prepare(db,
                               "INSERT INTO setting (name, value) VALUES (?1, ?2) "
                               "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                               &put, error);
    if (err != OK)
        return err;
    sql_bind_text(put, 1, str_of(name));
    sql_bind_text(put, 2, str_of(value));
    return sql_done(put, NULL, error);
}

enum err auto_set(sqlite3 *db, void *arg, struct error *error)
{
    const struct store_auto *wanted = arg;
    enum err err = setting_put(db, "auto_provider", wanted->provider_id, error);
    return err != OK ? err : setting_put(db, "auto_model", wanted->model, error);
}

enum err store_auto_set(struct store *store, const char *provider_id, const char *model,
                        const struct event_row *event, struct error *error)
{
    struct store_auto wanted = {provider_id ? provider_id : "", model ? model : ""};
    return config_submit(store, auto_set, &wanted, event, error);
}

/* ---- reading all of it --------------------------------------------------------------------------- */

typedef enum err row_reader(sqlite3_stmt *statement, void *out_row);

/* Reads a whole table into an array that grows; each row is zeroed first. What was read is the
 * caller's to release, also on failure. */
static enum err table_read(sqlite3 *db, const char *sql, size_t row_bytes, row_reader *read,
                           void **out_rows, size_t *out_count, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(db, sql, &select, error);
    size_t room = 0;
    for (bool has_row = true; err == OK;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        if (*out_count == room) {
            room = room ? room * 2 : ROWS_FIRST;
            void *grown = mem_realloc(*out_rows, room * row_bytes);
            if (!grown)
                return error_set(error, ERR_NO_MEMORY, "no memory for the configuration");
            *out_rows = grown;
        }
        void *row = (char *)*out_rows + *out_count * row_bytes;
        memset(row, 0, row_bytes);
        ++*out_count;
        err = read(select, row);
        if (err != OK)
            return error_set(error, err, "a row of the configuration is damaged");
    }
    return err;
}

static enum err settings_read(sqlite3 *db, struct store_config *config, struct error *error)
{
    AUTO_STMT sqlite3_stmt *select = NULL;
    enum err err = sql_prepare(db, "SELECT name, value FROM setting", &select, error);
    for (bool has_row = true; err == OK;) {
        err = sql_step(select, &has_row, error);
        if (err != OK || !has_row)
            break;
        struct str name = sql_text(select, 0);
        if (str_eq(name, STR("auto_provider")))
            sql_copy(select, 1, config->auto_provider, sizeof config->auto_provider);
        else if (str_eq(name, STR("auto_model")))
            sql_copy(select, 1, config->auto_model, sizeof config->auto_model);
        else if (str_eq(name, STR("organization")))
            sql_copy(select, 1, config->organization, sizeof config->organization);
        else if (str_eq(name, STR("set_up")))
            config->is_set_up = true;
        else if (str_eq(name, STR("config_version")))
            config->version = sqlite3_column_int64(select, 1);
    }
    return err;
}

/* One table of the configuration, and where its rows go: each array's pointer and its count. */
struct table {
    const char *select;
    size_t row_bytes;
    row_reader *read;
    size_t rows_at, count_at;
};
#define TABLE(select, read, rows, count)                                              \
    {                                                                                 \
        select, sizeof *((struct store_config *)0)->rows, read,                       \
            offsetof(struct store_config, rows), offsetof(struct store_config, count) \
    }
static const struct table tables[] = {
    TABLE("SELECT " PROVIDER_COLUMNS " FROM provider ORDER BY created_seq", provider_read,
          providers, provider_count),
    TABLE(KEYS_SELECT, key_read, keys, key_count),
    TABLE(WORKER_KEYS_SELECT, worker_key_read, worker_keys, worker_key_count),
    TABLE("SELECT id, name, steps_json, created_at_ms, rev FROM route ORDER BY created_at_ms, id",
          route_read, routes, route_count),
    TABLE(TEAMS_SELECT, team_read, teams, team_count),
    TABLE(TEAM_MEMBERS_SELECT, team_member_read, team_members, team_member_count),
    TABLE(USERS_SELECT, user_read, users, user_count),
    TABLE(SERVICE_ACCOUNTS_SELECT, service_account_read, service_accounts, service_account_count),
    TABLE(PRICES_SELECT, price_read, prices, price_count),
};

static enum err config_read(sqlite3 *db, struct store_config *config, struct error *error)
{
    enum err err = settings_read(db, config, error);
    for (size_t i = 0; err == OK && i < sizeof tables / sizeof tables[0]; i++) {
        const struct table *table = &tables[i];
        void *rows = NULL;
        size_t *count = (size_t *)(void *)((char *)config + table->count_at);
        err = table_read(db, table->select, table->row_bytes, table->read, &rows, count, error);
        memcpy((char *)config + table->rows_at, &rows, sizeof rows);
    }
    return err;
}

enum err store_config_load(struct store *store, struct store_config *out_config,
                           struct error *error)
{
    sqlite3 *db = NULL;
    enum err err = reader_take(&store->readers, &db, error);
    if (err != OK)
        return err;
    struct store_config config = {0};
    err = config_read(db, &config, error);
    reader_give(&store->readers, db);
    if (err == OK)
        *out_config = config;
    else
        store_config_release(&config);
    return err;
}

void store_config_release(struct store_config *config)
{
    for (size_t i = 0; i < config->provider_count; i++)
        provider_row_release(&config->providers[i]);
    for (size_t i = 0; i < config->route_count; i++)
        route_row_release(&config->routes[i]);
    for (size_t i = 0; i < config->key_count; i++)
        key_row_release(&config->keys[i]);
    for (size_t i = 0; i < config->team_count; i++)
        team_row_release(&config->teams[i]);
    mem_free(config->providers);
    mem_free(config->keys);
    mem_free(config->worker_keys);
    mem_free(config->routes);
    mem_free(config->teams);
    mem_free(config->team_members);
    mem_free(config->service_accounts);
    mem_free(config->users);
    mem_free(config->prices);
    *config = (struct store_config){0};
}
