/* gateway/sessions.c: see sessions.h.
 *
 * A session is on a list by age, in a table by its digest and in one by its user. Those of a user are few, so
 * what is asked of a user looks at all of them.
 */
#include "gateway/sessions.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/peer.h"

#include <pthread.h>

#define TABLE_SLOTS   4096
#define SEEN_EVERY_MS (INT64_C(10) * 60 * 1000) /* how exactly the store knows the last use */

struct session {
    struct list by_age, unwritten; /* unwritten: on it when the store knows an older last use */
    struct hash_node by_digest, by_user;
    struct session_row row;
    int64_t stored_seen_ms;
};

struct sessions {
    pthread_mutex_t lock; /* guards all of it */
    struct list by_age, unwritten;
    struct hash_table by_digest, by_user;
    size_t count;
    _Atomic int64_t life_ms, idle_ms; /* also read without the lock */
};

enum err sessions_new(struct sessions **out_sessions)
{
    struct sessions *sessions = mem_zalloc(1, sizeof *sessions);
    if (!sessions)
        return ERR_NO_MEMORY;
    enum err err = hash_table_init(&sessions->by_digest, TABLE_SLOTS);
    if (err == OK)
        err = hash_table_init(&sessions->by_user, TABLE_SLOTS);
    sessions_last(sessions, SESSION_LIFE_MS, SESSION_IDLE_MS);
    list_init(&sessions->by_age);
    list_init(&sessions->unwritten);
    pthread_mutex_init(&sessions->lock, NULL);
    if (err != OK)
        sessions_free(sessions);
    else
        *out_sessions = sessions;
    return err;
}

/* A digest is uniform: its first bytes are as good a hash as any. */
static uint64_t digest_hash(const uint8_t digest[32])
{
    uint64_t hash;
    memcpy(&hash, digest, sizeof hash);
    return hash;
}

static void session_drop(struct sessions *sessions, struct session *session)
{
    list_unlink(&session->by_age);
    list_unlink(&session->unwritten);
    hash_table_remove(&sessions->by_digest, &session->by_digest);
    hash_table_remove(&sessions->by_user, &session->by_user);
    sessions->count--;
    mem_free(session);
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    LIST_EACH_SAFE(node, &sessions->by_age)
    session_drop(sessions, LIST_OWNER(node, struct session, by_age));
    hash_table_release(&sessions->by_digest);
    hash_table_release(&sessions->by_user);
    pthread_mutex_destroy(&sessions->lock);
    mem_free(sessions);
}

void sessions_last(struct sessions *sessions, int64_t life_ms, int64_t idle_ms)
{
    sessions->life_ms = life_ms;
    sessions->idle_ms = idle_ms;
}

int64_t sessions_life_ms(const struct sessions *sessions)
{
    return sessions->life_ms;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t end_of(const struct sessions *sessions, const struct session *session)
{
    const struct session_row *row = &session->row;
    return least(least(row->expires_at_ms, row->created_at_ms + sessions->life_ms),
                 row->last_seen_ms + sessions->idle_ms);
}

static bool is_over(const struct sessions *sessions, const struct session *session, int64_t now_ms)
{
    return end_of(sessions, session) <= now_ms;
}

int64_t sessions_next_end(struct sessions *sessions, int64_t after_ms)
{
    int64_t next_ms = INT64_MAX;
    pthread_mutex_lock(&sessions->lock);
    LIST_EACH(node, &sessions->by_age)
    {
        int64_t end_ms = end_of(sessions, LIST_OWNER(node, struct session, by_age));
        if (end_ms > after_ms)
            next_ms = least(next_ms, end_ms);
    }
    pthread_mutex_unlock(&sessions->lock);
    return next_ms;
}

/* ---- those of one user --------------------------------------------------------------------------- */

/* The user's first behind `node` (NULL: from the beginning); NULL: that was all. */
static struct session *next_of(const struct sessions *sessions, const char *user,
                               const struct hash_node *node)
{
    struct hash_node *at =
        node ? hash_next(node) : hash_table_find(&sessions->by_user, str_hash(str_of(user)));
    for (; at; at = hash_next(at)) {
        struct session *session = HASH_OWNER(at, struct session, by_user);
        if (strcmp(session->row.user_id, user) == 0)
            return session;
    }
    return NULL;
}

static struct session *first_of(const struct sessions *sessions, const char *user)
{
    return next_of(sessions, user, NULL);
}

static struct session *after(const struct sessions *sessions, const struct session *session)
{
    return next_of(sessions, session->row.user_id, &session->by_user);
}

int sessions_end(struct sessions *sessions, const char *user, const char *id)
{
    int ended = 0;
    pthread_mutex_lock(&sessions->lock);
    for (struct session *at = first_of(sessions, user), *next; at; at = next) {
        next = after(sessions, at);
        if (id && strcmp(at->row.id, id) != 0)
            continue;
        session_drop(sessions, at);
        ended++;
    }
    pthread_mutex_unlock(&sessions->lock);
    return ended;
}

bool sessions_is_live(struct sessions *sessions, const char *user, const char *id, int64_t now_ms)
{
    bool is_live = false;
    pthread_mutex_lock(&sessions->lock);
    for (struct session *at = first_of(sessions, user); at && !is_live; at = after(sessions, at))
        is_live = strcmp(at->row.id, id) == 0 && !is_over(sessions, at, now_ms);
    pthread_mutex_unlock(&sessions->lock);
    return is_live;
}

bool sessions_know_address(struct sessions *sessions, const char *user, const char *host,
                           int64_t now_ms)
{
    char wanted[PEER_HOST_MAX], known[PEER_HOST_MAX];
    bool is_known = false;
    peer_network(host, wanted);
    pthread_mutex_lock(&sessions->lock);
    for (struct session *at = first_of(sessions, user); at && !is_known; at = after(sessions, at)) {
        peer_network(at->row.address, known);
        is_known = !is_over(sessions, at, now_ms) && strcmp(wanted, known) == 0;
    }
    pthread_mutex_unlock(&sessions->lock);
    return is_known;
}

/* Newer ones come first: moves what is older up by one. */
static void insert_by_age(struct session_row *rows, int count, const struct session_row *row)
{
    int at = count;
    for (; at > 0 && rows[at - 1].created_at_ms < row->created_at_ms; at--)
        rows[at] = rows[at - 1];
    rows[at] = *row;
}

int sessions_list(struct sessions *sessions, const char *user, int64_t now_ms,
                  struct session_row out_rows[SESSIONS_OF_USER_MAX])
{
    int count = 0;
    pthread_mutex_lock(&sessions->lock);
    for (struct session *at = first_of(sessions, user); at && count < SESSIONS_OF_USER_MAX;
         at = after(sessions, at))
        if (!is_over(sessions, at, now_ms))
            insert_by_age(out_rows, count++, &at->row);
    pthread_mutex_unlock(&sessions->lock);
    return count;
}

/* ---- taking in ----------------------------------------------------------------------------------- */

/* Room for one more of this user: as store_session_insert does, the oldest goes. */
static void make_room(struct sessions *sessions, const char *user)
{
    struct session *oldest = NULL;
    int count = 0;
    for (struct session *at = first_of(sessions, user); at; at = after(sessions, at), count++)
        if (!oldest || at->row.created_at_ms < oldest->row.created_at_ms)
            oldest = at;
    if (count >= SESSIONS_OF_USER_MAX)
        session_drop(sessions, oldest);
    if (sessions->count >= SESSIONS_MAX)
        session_drop(sessions, LIST_OWNER(sessions->by_age.next, struct session, by_age));
}

/* Those that are over by age stand in front. */
static void drop_old(struct sessions *sessions, int64_t now_ms)
{
    while (!list_is_empty(&sessions->by_age)) {
        struct session *oldest = LIST_OWNER(sessions->by_age.next, struct session, by_age);
        if (!is_over(sessions, oldest, now_ms))
            return;
        session_drop(sessions, oldest);
    }
}

enum err sessions_put(struct sessions *sessions, const struct session_row *row)
{
    struct session *session = mem_zalloc(1, sizeof *session);
    if (!session)
        return ERR_NO_MEMORY;
    session->row = *row;
    session->stored_seen_ms = row->last_seen_ms;
    list_init(&session->unwritten);
    pthread_mutex_lock(&sessions->lock);
    drop_old(sessions, row->created_at_ms);
    make_room(sessions, row->user_id);
    list_push_back(&sessions->by_age, &session->by_age);
    hash_table_add(&sessions->by_digest, &session->by_digest, digest_hash(row->digest));
    hash_table_add(&sessions->by_user, &session->by_user, str_hash(str_of(row->user_id)));
    sessions->count++;
    pthread_mutex_unlock(&sessions->lock);
    return OK;
}

/* ---- using --------------------------------------------------------------------------------------- */

static struct session *find(const struct sessions *sessions, const uint8_t digest[32],
                            int64_t now_ms)
{
    const struct str wanted = {(const char *)digest, 32};
    for (struct hash_node *at = hash_table_find(&sessions->by_digest, digest_hash(digest)); at;
         at = hash_next(at)) {
        struct session *session = HASH_OWNER(at, struct session, by_digest);
        struct str known = {(const char *)session->row.digest, 32};
        if (str_eq_constant_time(known, wanted))
            return is_over(sessions, session, now_ms) ? NULL : session;
    }
    return NULL;
}

bool sessions_use(struct sessions *sessions, const uint8_t digest[32], int64_t now_ms,
                  char out_id[ID_MAX], char out_user[ID_MAX])
{
    pthread_mutex_lock(&sessions->lock);
    struct session *session = find(sessions, digest, now_ms);
    if (session) {
        memcpy(out_id, session->row.id, ID_MAX);
        memcpy(out_user, session->row.user_id, ID_MAX);
        session->row.last_seen_ms = now_ms;
        if (now_ms - session->stored_seen_ms >= SEEN_EVERY_MS && list_is_empty(&session->unwritten))
            list_push_back(&sessions->unwritten, &session->unwritten);
    }
    pthread_mutex_unlock(&sessions->lock);
    return session != NULL;
}

bool sessions_has(struct sessions *sessions, const uint8_t digest[32], int64_t now_ms)
{
    pthread_mutex_lock(&sessions->lock);
    bool has = find(sessions, digest, now_ms) != NULL;
    pthread_mutex_unlock(&sessions->lock);
    return has;
}

int sessions_take_seen(struct sessions *sessions, struct session_seen *out_seen, int max)
{
    int count = 0;
    pthread_mutex_lock(&sessions->lock);
    while (count < max && !list_is_empty(&sessions->unwritten)) {
        struct session *session = LIST_OWNER(sessions->unwritten.next, struct session, unwritten);
        list_unlink(&session->unwritten);
        session->stored_seen_ms = session->row.last_seen_ms;
        memcpy(out_seen[count].id, session->row.id, ID_MAX);
        out_seen[count++].last_seen_ms = session->row.last_seen_ms;
    }
    pthread_mutex_unlock(&sessions->lock);
    return count;
}
