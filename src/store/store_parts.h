/* store/store_parts.h: what the files of this room share; everybody else sees store.h only. */
#pragma once
#include "base/list.h"
#include "store/chunks.h"
#include "store/journal_parts.h"
#include "store/open_jobs.h"
#include "store/store.h"
#include "store/transitions.h"
#include "store/usage_book.h"
#include <limits.h>
#include <pthread.h>

#define READERS_MAX  8 /* connections open at once; who comes then waits */
#define READERS_KEPT 2

/** Connections for reading. Owner: any, under the lock. */
struct readers {
    const char *db_path;
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    sqlite3 *idle[READERS_MAX];
    int idle_count, open_count;
};

/** A connection inside a read transaction, with 2 s to live. Give it back with reader_give. */
MUST_USE enum err reader_take(struct readers *readers, sqlite3 **out_db, struct error *error);
/** What this thread reads next is not cut off, until it gives the reader back: a part would be of no use. */
void reader_lift_limit(void);
void reader_give(struct readers *readers, sqlite3 *db);
void readers_release(struct readers *readers);

/** A short piece of work on the writing connection; the caller waits for its end. */
struct work {
    enum err (*run)(sqlite3 *db, void *arg, struct error *error); /* inside a transaction */
    void *arg;
    const struct event_row *event; /* written in the same transaction; may be NULL */
    bool is_event_only;            /* `run` is NULL, and nothing of the configuration changes */
    bool keeps_version;            /* what `run` changes is no configuration: nothing to publish */
    struct error error;
    enum err result;
    bool is_done;
    struct list node;
};

/** One loop's journal as it is drained. Owner: the writer thread. */
struct series {
    int loop;
    struct journal *journal; /* NULL: of an earlier life */
    bool is_foreign;         /* of one that still writes: not read yet */
    uint64_t committed;      /* position that the database has */
    uint64_t at;             /* position behind the batch in hand */
    int fd;                  /* of the segment being read; -1 none */
    uint64_t fd_sequence;
};

/** Who writes journals: bits by number. Owner: the writer thread, once it runs. */
#define LIVES_MAX  16
#define LIFE_LOOPS 64
struct lives {
    int own, own_fd;
    unsigned others; /* handed the store on, and end their requests */
};

enum writer_phase { WRITER_REPLAY, WRITER_INTERRUPT, WRITER_LIVE, WRITER_DEAD };

struct batch;
struct writer {
    /* owner: the writer thread */
    sqlite3 *db;
    struct chunks chunks;
    struct usage_book usage;
    struct open_jobs open_jobs;
    bool has_open_jobs;  /* those of earlier lives were read in */
    bool owes_interrupt; /* of earlier lives, some of which go on: when the last has ended */
    bool is_late;        /* what is drained now may be in the tables already */
    struct batch *batch;
    int64_t retry_at_ms, retry_pause_ms, upkeep_at_ms;
    int64_t trim_at_ms; /* monotonic: what is too old is looked for again */
    /* under `lock` */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a work is done, something was drained, the phase changed */
    struct list works;
    void (*on_event)(void *arg, const struct event_row *event); /* NULL: nobody is told */
    void *on_event_arg;
    bool is_stopping;
    bool is_released;        /* the store was handed on: no works any more */
    uint64_t *drained;       /* per series: as `committed`, for those who wait */
    enum writer_phase phase; /* written by the writer thread under the lock; read by it without */
    char dead_because[200];
};

struct store {
    struct vault *vault;
    bool secret_is_in_files;
    int64_t jobs_kept_ms, usage_minutes_kept_ms; /* 0: for ever; 0: the default */
    char data_dir[PATH_MAX / 2], db_path[PATH_MAX], journal_dir[PATH_MAX];
    int lock_fd;
    bool is_started;
    pthread_t thread;
    struct segment_owner owner;
    struct lives lives;
    atomic_bool is_releasing; /* one more round, then the writer ends */
    struct bell bell;
    atomic_bool is_urgent; /* look now, not at the end of the 50 ms */
    struct series *series; /* the first journal_count are of our loops, in order */
    int series_count, journal_count;
    struct journal **journals;
    uint64_t *first_positions; /* per series: where this life's segments begin */
    struct writer writer;
    struct readers readers;
    struct transitions *transitions;
    bool is_server;                 /* its life is in the log of transitions */
    int alive_fd;                   /* says when it was last alive */
    int64_t alive_at_ms;            /* the health thread's: what that says */
    int64_t transitions_kept_ms;    /* how long */
    int64_t transitions_trim_at_ms; /* the writer's; wall */
    atomic_bool is_writable;
    struct {
        atomic_llong rows_written, batches, write_errors, replayed, interrupted;
    } figures;
};

/* ---- lives.c ------------------------------------------------------------------------------------- */

/** Takes a number for this life, and sees who else lives. */
MUST_USE enum err lives_begin(struct store *store, struct error *error);
void lives_end(struct store *store); /* after the journals' end */
bool life_is_other(const struct store *store, int series_number);
/** Has one of the others ended? Then its series are read. */
MUST_USE enum err lives_look(struct store *store, struct error *error);
/** Something of an earlier life waits to be read. */
bool lives_are_behind(const struct store *store);
/** Finds all series, makes our journals, and what reading them takes. */
MUST_USE enum err series_open_all(struct store *store, int journal_count, struct error *error);
/** The last sequence of its segments, 0: there is none. */
MUST_USE enum err series_last(struct store *store, int series_number, uint64_t *out_last,
                              struct error *error);

/* ---- writer.c ------------------------------------------------------------------------------------ */

void writer_run(void *store); /* the thread */
/** Hands the work over and waits. */
MUST_USE enum err writer_submit(struct store *store, struct work *work, struct error *error);
void writer_wake(struct store *store);
/** The sentence of a store that was handed on. */
enum err released(struct error *error);
/** Reads the open jobs in, before the thread runs: they are our own. */
MUST_USE enum err writer_read_open(struct store *store, struct error *error);

/* ---- transitions.c, transition_log.c -------------------------------------------------------------- */

MUST_USE struct transitions *transitions_new(struct bell *bell); /* NULL: no memory */
void transitions_free(struct transitions *log);
/** Tells the subscriber of one that is written already. */
void transitions_told(struct transitions *log, const struct transition *transition);
/** The first ones, which stay; the writer drops them when they are written. */
size_t transitions_look(struct transitions *log, struct transition *out_first, size_t room);
void transitions_drop(struct transitions *log, size_t count);
bool transitions_wait(struct transitions *log);
/** Opens the file that says when the server was last alive. Returns what it says, 0: nothing. */
int64_t alive_open(struct store *store);
/** A server's life begins: before the writer runs. Ends: before it stops. */
MUST_USE enum err transition_log_begin(struct store *store, struct error *error);
void transition_log_end(struct store *store);
/** Writes some of what waits. `*out_did`: call again. */
MUST_USE enum err transition_log_step(struct store *store, bool *out_did, struct error *error);
/** The configuration has a new version: a row of it, inside the transaction that made it. */
MUST_USE enum err transition_log_config(sqlite3 *db, const struct event_row *event,
                                        struct transition *out_change, struct error *error);
/** Deletes some of what is too old, in a transaction of its own. `*out_did`: call again. */
MUST_USE enum err transition_log_trim(struct store *store, int64_t now_ms, bool *out_did,
                                      struct error *error);

/* ---- config.c ------------------------------------------------------------------------------------ */

/** Hands a change of configuration to the writer and waits. */
MUST_USE enum err config_submit(struct store *store,
                                enum err (*run)(sqlite3 *, void *, struct error *), const void *arg,
                                const struct event_row *event, struct error *error);
/** A write that must change one row. */
MUST_USE enum err done_one(sqlite3_stmt *statement, const char *what, const char *id,
                           struct error *error);
/** A write that may meet a name that is taken. */
MUST_USE enum err done_named(sqlite3_stmt *statement, const char *what, const char *id,
                             const char *name, struct error *error);
/** DELETE ... WHERE id = ?1 of one row. */
MUST_USE enum err delete_by_id(sqlite3 *db, const char *sql, const char *what, const char *id,
                               struct error *error);
/* ---- tokens.c ------------------------------------------------------------------------------------ */

/** Rows of one table that are open for whoever holds a token. */
struct token_search {
    const char *select;   /* WHERE digest = ?1 AND expires_at_ms > ?2 */
    const char *not_open; /* the sentence when there is none */
    void (*read)(sqlite3_stmt *row, void *out_row);
};
/** By a reader of its own. ERR_NOT_FOUND: none is open. */
MUST_USE enum err token_find(struct store *store, const struct token_search *search,
                             const uint8_t digest[32], int64_t now_ms, void *out_row,
                             struct error *error);
void token_digest_read(sqlite3_stmt *row, int column, uint8_t out_digest[32]);

/** A column into memory of its own; NULL for NULL. */
MUST_USE enum err copy_column(sqlite3_stmt *statement, int column, char **out_copy,
                              size_t *out_len);
/** The same for a text where "" means that there is none: NULL. */
MUST_USE enum err copy_text_column(sqlite3_stmt *statement, int column, char **out_copy);

/* The writes of config.c, teams.c and prices.c, each inside a transaction. `arg` is a row, or an id where something is
 * deleted. */
typedef enum err store_write(sqlite3 *db, void *arg, struct error *error);
store_write provider_insert, provider_update, provider_delete;
store_write route_insert, route_update, route_delete;
store_write team_insert, team_update, team_delete, account_insert;
store_write price_put, price_delete;
store_write auto_set; /* a struct store_auto */
struct account_end {
    const char *id;
    int64_t at_ms;
};
store_write account_delete; /* a struct account_end */

/* ---- api_keys.c, teams.c ------------------------------------------------------------------------- */

#define KEY_COLUMNS                                                                       \
    "id, name, hint, role, team, user_id, service_account_id, models_json, policy_json, " \
    "digest, previous_digest, scopes, previous_until_ms, created_at_ms, revoked_at_ms, "  \
    "last_used_at_ms, expires_at_ms, rev"
#define KEYS_SELECT \
    "SELECT " KEY_COLUMNS " FROM api_key WHERE revoked_at_ms = 0 ORDER BY created_at_ms, id"
#define TEAMS_SELECT "SELECT id, name, policy_json, created_at_ms, rev FROM team ORDER BY id"
#define TEAM_MEMBERS_SELECT \
    "SELECT team_id, user_id, is_lead FROM team_member ORDER BY user_id, team_id"
#define SERVICE_ACCOUNTS_SELECT \
    "SELECT id, team_id, name, created_at_ms, rev FROM service_account ORDER BY id"
/* One row of each. */
MUST_USE enum err key_read(sqlite3_stmt *statement, void *out_row);
MUST_USE enum err team_read(sqlite3_stmt *statement, void *out_row);
MUST_USE enum err team_member_read(sqlite3_stmt *statement, void *out_row);
MUST_USE enum err service_account_read(sqlite3_stmt *statement, void *out_row);

MUST_USE enum err setting_put(sqlite3 *db, const char *name, const char *value,
                              struct error *error);

/* ---- users.c ------------------------------------------------------------------------------------- */

#define USER_COLUMNS      "id, email, name, role, created_at_ms, disabled_at_ms, rev"
#define USER_COLUMN_COUNT 7
#define USERS_SELECT      "SELECT " USER_COLUMNS " FROM user ORDER BY id"
MUST_USE enum err user_read(sqlite3_stmt *statement, void *out_row);
/** All sessions of a user; inside a transaction. */
MUST_USE enum err sessions_drop(sqlite3 *db, const char *user_id, struct error *error);

/* ---- worker_keys.c ------------------------------------------------------------------------------- */

#define WORKER_KEYS_SELECT                                                       \
    "SELECT id, provider_id, name, hint, digest, created_at_ms FROM worker_key " \
    "WHERE revoked_at_ms = 0 ORDER BY created_at_ms, id"
/** One row of WORKER_KEYS_SELECT. */
MUST_USE enum err worker_key_read(sqlite3_stmt *statement, void *out_row);
/** Those of a provider that is deleted; inside its transaction. */
MUST_USE enum err worker_keys_drop(sqlite3 *db, const char *provider_id, struct error *error);

/* ---- prices.c ------------------------------------------------------------------------------------ */

#define PRICE_COLUMN(member, name) #member ", "
#define PRICES_SELECT                                                    \
    "SELECT " PRICE_LIST(                                                \
        PRICE_COLUMN) "id, model, provider_id, long_from_tokens, note, " \
                      "updated_at_ms, rev FROM price_override ORDER BY model, provider_id"
MUST_USE enum err price_read(sqlite3_stmt *statement, void *out_row);
/** Those of a provider that is deleted; inside its transaction. */
MUST_USE enum err prices_drop(sqlite3 *db, const char *provider_id, struct error *error);

/* ---- drain.c ------------------------------------------------------------------------------------- */

#define BATCH_ROWS_MAX 1000
MUST_USE enum err batch_new(struct batch **out_batch);
void batch_free(struct batch *batch);
/** Drains up to BATCH_ROWS_MAX records of all journals in one transaction. `*out_more`: call again. */
MUST_USE enum err drain_step(struct store *store, bool *out_more, struct error *error);
/** Closes up to BATCH_ROWS_MAX open jobs of earlier lives. `*out_more` is false when none is left. */
MUST_USE enum err interrupt_step(struct store *store, bool *out_more, struct error *error);
/** Where reading must stop now: leftovers end where this life's journals begin. */
uint64_t series_end(const struct store *store, const struct series *series);
void series_close(struct series *series);
