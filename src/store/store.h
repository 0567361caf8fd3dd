/* store/store.h: what is kept: configuration, events and jobs, behind one contract (SQLite today).
 *
 * One thread, `writer`, owns the only connection that writes and checkpoints. Whoever changes something
 * hands it a short piece of work and waits; readers have their own connections and page by cursor.
 * The data directory is locked (flock) while a store is open.
 *
 * Thread:  any may call, except loop threads (everything here may block), save store_journal.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "domain/apikey.h"
#include "domain/price.h"
#include "domain/provider.h"
#include "store/journal.h"
#include "store/people.h"
#include "store/record.h"

struct store;
struct vault;

struct store_options {
    const char *data_dir;
    int journal_count;  /* loop threads; 0 for commands that only administrate */
    bool is_locked_ok;  /* unused: reserved */
    int64_t chunk_rows; /* jobs to a chunk before it is sealed; 0: the default (tests seal early) */
    int64_t transitions_kept_ms;   /* changes of state (transitions.h); 0: 90 days */
    int64_t jobs_kept_ms;          /* at least RETENTION_LEAST_MS; 0: for ever (retention.h) */
    int64_t usage_minutes_kept_ms; /* sums by the minute; 0: 48 hours */
    bool secret_is_in_files;       /* D/secret.key holds it, so that a rotation may replace it */
};

#define STORE_ORG \
    "org_default" /* one per installation to begin with: part of what blobs are bound to */

/**
 * Opens (creating the directory 0700 and the database when missing), locks, migrates, brings vault and store to agree
 * about the secret (store/secret_ring.h), starts the writer thread, and queues the replay of leftover journal
 * segments: the caller need not wait for it. Open jobs of earlier lives are closed as interrupted.
 * Errors  ERR_BUSY when another process holds the lock; ERR_DENIED when the secret is another than the
 *         one that made the ciphertexts; ERR_MALFORMED for a damaged or newer database (never touched);
 *         ERR_IO. Each with a sentence that says what to do.
 */
MUST_USE enum err store_open(const struct store_options *options, struct vault *vault,
                             struct store **out_store, struct error *error);
/** Drains journals, stops the writer, closes. NULL is fine. */
void store_close(struct store *store);
/** Hands the store on to another process: what the journals hold by now is in the tables, the database is closed, the lock is
 *  free. Journals go on: whoever has the store then drains them when this process has ended. Reading goes on as well, writing is
 *  ERR_UNAVAILABLE. One thread, once. */
void store_release(struct store *store);
/** After store_release, when nobody has taken it: as before. ERR_BUSY, ERR_MALFORMED (migrated meanwhile) and the like: then it
 *  is not writable. */
MUST_USE enum err store_take_back(struct store *store, struct error *error);
/** The journal of loop `index` (0-based). */
struct journal *store_journal(struct store *store, int index);
/** Waits until everything appended to any journal so far is in the database (read your writes). */
MUST_USE enum err store_drain(struct store *store, int64_t timeout_ms);
/** False while the last write failed (disk full, I/O): new requests are refused with 503. Any thread. */
bool store_is_writable(const struct store *store);
/** Of the disk that the data directory is on: for whom it has room, and all of it. False: not known. */
bool store_disk(const struct store *store, int64_t *out_free_bytes, int64_t *out_total_bytes);
/** For metrics. */
struct store_figures {
    int64_t rows_written, batches, journal_bytes_waiting, write_errors, replayed, interrupted;
    int64_t transitions_lost;
};
void store_figures(const struct store *store, struct store_figures *out_figures);

/* ---- configuration ------------------------------------------------------------------------------ */

/** A provider as it is kept: owned strings in fixed room; lists as JSON text exactly as the API shows them. */
struct provider_row {
    char id[ID_MAX], name[128], slug[48], kind[16], base_url[512], key_hint[32];
    char default_model[200]; /* "" none */
    char dialects_json[160]; /* ["chat_completions", ...]; "": what its kind usually speaks */
    char *models_json;       /* [{"id","surfaced","context_tokens","created_at_ms"}]; owned */
    char *rules_json;        /* [{"condition","provider","model","threshold"}]; owned */
    char *teams_json;        /* ids of the teams that may use it; NULL or "": all; owned */
    char *sealed_key;        /* vault blob, binary; owned; NULL: no key */
    size_t sealed_key_len;
    int64_t connect_ms, first_byte_ms, plain_ms, idle_ms; /* 0: default */
    int64_t wait_ms, max_concurrent;
    bool is_paused;
    int64_t credential_version, created_at_ms, created_seq, updated_at_ms, rev;
    char error_code[48],
        error_text[256];  /* last known trouble, shown until health says otherwise */
    int64_t models_at_ms; /* last refresh; 0 never */
};
/** A key of a user, of a service account, of a team, or of nobody but its name. */
struct key_row {
    char id[ID_MAX], name[128], hint[32], role[16];
    char team[ID_MAX], user_id[ID_MAX], service_account_id[ID_MAX]; /* "" none */
    unsigned scopes;   /* bits of enum scope; 0: what the role gives */
    char *models_json; /* the models it may call; NULL or "": all; owned */
    char *policy_json; /* its own limits; NULL or "": none; owned */
    uint8_t digest[32];
    uint8_t
        previous_digest[32];   /* the secret before the last rotation; valid until the time below */
    int64_t previous_until_ms; /* 0: there is none */
    int64_t created_at_ms, revoked_at_ms, last_used_at_ms;
    int64_t expires_at_ms; /* 0: never */
    int64_t rev;
};
struct team_row {
    char id[ID_MAX], name[64];
    char *policy_json; /* NULL or "": none; owned */
    int64_t created_at_ms, rev;
};
struct team_member_row {
    char team_id[ID_MAX], user_id[ID_MAX];
    bool is_lead;
};
/** Who is no person and belongs to one team: owns keys that outlive staff. */
struct service_account_row {
    char id[ID_MAX], team_id[ID_MAX], name[64];
    int64_t created_at_ms, rev;
};
/** A key of workers: it belongs to one provider and goes with it. */
struct worker_key_row {
    char id[ID_MAX], provider_id[ID_MAX], name[128], hint[32];
    uint8_t digest[32];
    int64_t created_at_ms;
};
struct route_row {
    char id[ID_MAX], name[128];
    char *steps_json; /* owned */
    int64_t created_at_ms, rev;
};
/** A price of an admin's own: it stands in the place of the table's. */
struct price_row {
    char id[ID_MAX], model[200], provider_id[ID_MAX]; /* "": at every provider */
    char note[200];
    struct price price; /* the numbers of PRICE_LIST and long_from_tokens */
    int64_t updated_at_ms, rev;
};
/** An administrative act or a system happening. before/after are JSON or NULL, secrets as hints only. */
struct event_row {
    char id[ID_MAX], actor[64], action[48], subject[64];
    int64_t at_ms;
    const char *before_json, *after_json;
};

void provider_row_release(struct provider_row *row);
void key_row_release(struct key_row *row);
void team_row_release(struct team_row *row);
void route_row_release(struct route_row *row);

/** Everything a snapshot is built from; owned: store_config_release. */
struct store_config {
    struct provider_row *providers;
    size_t provider_count; /* by created_seq */
    struct key_row *keys;
    size_t key_count; /* unrevoked */
    struct worker_key_row *worker_keys;
    size_t worker_key_count; /* unrevoked */
    struct route_row *routes;
    size_t route_count;
    struct team_row *teams;
    size_t team_count; /* by id */
    struct team_member_row *team_members;
    size_t team_member_count; /* by user, then team */
    struct service_account_row *service_accounts;
    size_t service_account_count; /* by id */
    struct user_row *users;
    size_t user_count;      /* by id, which is by age */
    char organization[128]; /* its name; "" before set-up */
    bool is_set_up;         /* there was an owner */
    struct price_row *prices;
    size_t price_count;                          /* by model, then provider */
    char auto_provider[ID_MAX], auto_model[200]; /* "" none */
    int64_t version;                             /* grows with every configuration write */
};
MUST_USE enum err store_config_load(struct store *store, struct store_config *out_config,
                                    struct error *error);
void store_config_release(struct store_config *config);

/* Each write is one transaction, raises the configuration version, and adds `event` (may be NULL). Unique
 * names: ERR_CONFLICT with a sentence. Missing rows: ERR_NOT_FOUND. A full disk: ERR_UNAVAILABLE. */
MUST_USE enum err
store_provider_insert(struct store *store, const struct provider_row *row,
                      const struct event_row *event,
                      struct error *error); /* slug is made unique, created_seq set */
MUST_USE enum err store_provider_update(struct store *store, const struct provider_row *row,
                                        const struct event_row *event, struct error *error);
MUST_USE enum err store_provider_delete(struct store *store, const char *id,
                                        const struct event_row *event, struct error *error);
MUST_USE enum err store_key_insert(struct store *store, const struct key_row *row,
                                   const struct event_row *event, struct error *error);
/** All but id, role, owner, times of making and use: those are fixed. */
MUST_USE enum err store_key_update(struct store *store, const struct key_row *row,
                                   const struct event_row *event, struct error *error);
/** When keys were last used: no configuration, so its version stays. Unknown ids are passed over. */
struct key_use {
    char id[ID_MAX];
    int64_t at_ms;
};
MUST_USE enum err store_keys_used(struct store *store, const struct key_use *uses, size_t count,
                                  struct error *error);
MUST_USE enum err store_key_revoke(struct store *store, const char *id, int64_t at_ms,
                                   const struct event_row *event, struct error *error);
MUST_USE enum err store_team_insert(struct store *store, const struct team_row *row,
                                    const struct event_row *event, struct error *error);
MUST_USE enum err store_team_update(struct store *store, const struct team_row *row,
                                    const struct event_row *event, struct error *error);
/** With its members; ERR_CONFLICT with a sentence while keys, service accounts or providers are its own. */
MUST_USE enum err store_team_delete(struct store *store, const char *id,
                                    const struct event_row *event, struct error *error);
/** Puts a user in a team, or changes their role there. ERR_NOT_FOUND: no such team. Whether there is such
 *  a user is the caller's to know. */
MUST_USE enum err store_team_member_put(struct store *store, const struct team_member_row *row,
                                        const struct event_row *event, struct error *error);
MUST_USE enum err store_team_member_remove(struct store *store, const char *team_id,
                                           const char *user_id, const struct event_row *event,
                                           struct error *error);
MUST_USE enum err store_service_account_insert(struct store *store,
                                               const struct service_account_row *row,
                                               const struct event_row *event, struct error *error);
MUST_USE enum err store_service_account_update(struct store *store,
                                               const struct service_account_row *row,
                                               const struct event_row *event, struct error *error);
/** Revokes its keys with it. */
MUST_USE enum err store_service_account_delete(struct store *store, const char *id, int64_t at_ms,
                                               const struct event_row *event, struct error *error);
MUST_USE enum err store_worker_key_insert(struct store *store, const struct worker_key_row *row,
                                          const struct event_row *event, struct error *error);
MUST_USE enum err store_worker_key_revoke(struct store *store, const char *id,
                                          const char *provider_id, int64_t at_ms,
                                          const struct event_row *event, struct error *error);
MUST_USE enum err store_auto_set(struct store *store, const char *provider_id, const char *model,
                                 const struct event_row *event,
                                 struct error *error); /* "" clears */
MUST_USE enum err store_route_put(struct store *store, const struct route_row *row, bool is_new,
                                  const struct event_row *event, struct error *error);
#define PRICE_OVERRIDES_MAX 1000
/** Makes it, or replaces the one of the same model and provider, whose id it must have. */
MUST_USE enum err store_price_put(struct store *store, const struct price_row *row,
                                  const struct event_row *event, struct error *error);
MUST_USE enum err store_price_delete(struct store *store, const char *id,
                                     const struct event_row *event, struct error *error);
MUST_USE enum err store_route_delete(struct store *store, const char *id,
                                     const struct event_row *event, struct error *error);

/* ---- backups (store/backup.h) -------------------------------------------------------------------- */

/** When the last backup of this store was made, as far as the store was told. */
struct backup_note {
    int64_t at_ms, bytes; /* 0: never */
};
MUST_USE enum err store_backup_note(struct store *store, const struct backup_note *note,
                                    const struct event_row *event, struct error *error);
MUST_USE enum err store_backup_last(struct store *store, struct backup_note *out_note,
                                    struct error *error);

/** Reads every page: ERR_MALFORMED with the first damage. Takes as long as the database is large. */
MUST_USE enum err store_integrity(struct store *store, struct error *error);
/* Many of these writes at once: all or none. */
// clang-format off
#define CONFIG_WRITE_LIST(X)                                                                        \
    /* name            what `arg` is */                                                             \
    X(PROVIDER_INSERT) /* struct provider_row; its slug and created_seq are as the store chose */   \
    X(PROVIDER_UPDATE) X(PROVIDER_DELETE) /* a deletion: the id */                                  \
    X(ROUTE_INSERT) X(ROUTE_UPDATE) X(ROUTE_DELETE)                                                 \
    X(TEAM_INSERT) X(TEAM_UPDATE) X(TEAM_DELETE)                                                    \
    X(ACCOUNT_INSERT) X(ACCOUNT_DELETE)                                                             \
    X(PRICE_PUT) X(PRICE_DELETE)                                                                    \
    X(AUTO_SET)        /* struct store_auto */
// clang-format on
enum config_write_kind {
#define X(name) CONFIG_WRITE_##name,
    CONFIG_WRITE_LIST(X)
#undef X
        CONFIG_WRITE_COUNT
};
struct store_auto {
    const char *provider_id, *model; /* "" none */
};
struct config_write {
    enum config_write_kind kind;
    const void *arg;
    struct event_row event;
};
/** In one transaction, in their order, each with its event; the version grows by one. Errors: the first write's that
 *  fails, as it would fail alone; then nothing was written. */
MUST_USE enum err store_write_all(struct store *store, const struct config_write *writes,
                                  size_t count, struct error *error);

/* ---- the secret (docs/adr/0023) ------------------------------------------------------------------- */

struct secret_report {
    int64_t rotated_at_ms; /* wall; 0: never */
    int64_t rows, left;    /* sealed values; of these under another secret than the current one */
    int64_t resealed;      /* by this rotation */
    char left_id[ID_MAX];  /* one of those left */
    uint8_t check[32];     /* of the current secret */
    bool is_in_files;
};
MUST_USE enum err store_secret_status(struct store *store, struct secret_report *out_report,
                                      struct error *error);
/** A new secret in D/secret.key, everything sealed under it, the former one in D/secret.key.previous. API keys, sessions
 *  and the chain of events stay valid. Not at the same time as other changes of providers. ERR_CONFLICT with a sentence
 *  when the secret is not in a file, or rows are left that cannot be opened. */
MUST_USE enum err store_secret_rotate(struct store *store, const struct event_row *event,
                                      struct secret_report *out_report, struct error *error);

/* ---- jobs and events ---------------------------------------------------------------------------- */

typedef void store_on_event(void *arg, const struct event_row *event);
/** Tells each event that is on record from now on, in their order: on the writer's thread, which must not be held up. NULL
 *  ends it: when this returns, none is being told. */
void store_watch_events(struct store *store, store_on_event *on_event, void *arg);
/** Notes what happened by itself: a worker joined. The configuration's version stays as it is. */
MUST_USE enum err store_event_add(struct store *store, const struct event_row *event,
                                  struct error *error);

#define JOBS_PAGE_MAX 200
enum jobs_order { JOBS_NEWEST, JOBS_COSTLIEST, JOBS_SLOWEST };
/** Filters of SPEC 12; empty strings, 0 and false mean "any". */
struct job_filter {
    char status[16], provider[128], model[200], team[64], user[64], key[64], agent[64], source[32],
        reason[48];
    int64_t since_ms, until_ms; /* created_at_ms in [since, until) */
    int limit;                  /* 1 to JOBS_PAGE_MAX */
    char cursor[96]; /* from the page before; "" first. Forged or damaged: ERR_MALFORMED */
    /* What no index knows (store/job_pick.h): a page looks through a bounded number of rows for it. */
    enum jobs_order order; /* but for JOBS_NEWEST there is one page */
    int64_t cost_from_microusd, duration_from_ms;
    char failed_provider[128]; /* id or name */
    bool is_failed_over, is_other_than_asked;
};
struct jobs_page {
    char next_cursor[96]; /* "" on the last page */
    int64_t
        looked_back_ms; /* how far it looked for what no index knows; 0: to the end, or for no such thing */
};
typedef void store_on_job(void *arg, const struct job_record *job);
/** `on_job` per row, in their order. */
MUST_USE enum err store_jobs_page(struct store *store, const struct job_filter *filter,
                                  store_on_job *on_job, void *arg, struct jobs_page *out_page,
                                  struct error *error);
/** The same where only the cursor is of interest: "" on the last page. It may be the filter's own. */
MUST_USE enum err store_jobs(struct store *store, const struct job_filter *filter,
                             store_on_job *on_job, void *arg, char out_next_cursor[96],
                             struct error *error);
MUST_USE enum err store_job(struct store *store, const char *id, struct job_record *out_job,
                            struct error *error);
/** What stands in the way of a row, in filters of events; empty strings and 0 mean "any". */
struct event_filter {
    char actor[64], action[48], subject[64]; /* an action, or the part before its dot */
    int64_t since_ms, until_ms;              /* at_ms in [since, until) */
    int limit;                               /* 1 to JOBS_PAGE_MAX */
    char cursor[96];                         /* from the page before; "" first */
};
#define EVENT_MAC_BYTES 32
/** What following the chain of events has found so far (store/event_chain.h). */
struct event_report {
    int64_t events;                /* rows that are as they were written */
    int64_t before_chain;          /* of these: from before there was a chain */
    uint8_t last[EVENT_MAC_BYTES]; /* the last link; zeroes: none yet */
    bool is_broken;
    int64_t bad_seq; /* the first bad row's number; it may be missing */
    char bad_id[ID_MAX], why[128];
};
/** A link that was noted elsewhere: "12:ab…", the number of a row and its link in hex. seq 0: none. */
struct event_head {
    int64_t seq;
    uint8_t mac[EVENT_MAC_BYTES];
};
#define EVENT_HEAD_MAX 96
bool event_head_read(struct str text, struct event_head *out_head);
void event_head_write(const struct event_report *report, char out_text[EVENT_HEAD_MAX]);
/** Follows the chain from the first event to the last; a row that `head` names must have its link. Errors: ERR_TIMEOUT past
 *  `deadline_ms` (monotonic). */
MUST_USE enum err store_events_verify(struct store *store, const struct event_head *head,
                                      int64_t deadline_ms, struct event_report *out_report,
                                      struct error *error);

MUST_USE enum err store_events(struct store *store, const struct event_filter *filter,
                               store_on_event *on_event, void *arg, char out_next_cursor[96],
                               struct error *error);
