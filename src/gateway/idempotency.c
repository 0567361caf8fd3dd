/* gateway/idempotency.c: see idempotency.h. A hash table of names, one of owners with their counts, and two lists in the
 * order of time: names that end, and answers that go. A running name is on neither: nothing ends it but its job.
 */
#include "gateway/idempotency.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>

#define NAME_SLOTS  16384u
#define OWNER_SLOTS 1024u

struct kept_answer {
    atomic_int references;
    int status;
    size_t headers_len, type_len, body_len;
    char bytes[];
};

struct owner {
    struct hash_node node;
    char id[ID_MAX];
    size_t names, bytes;
    struct list answers; /* its own, the oldest first */
};

enum name_state { NAME_RUNNING, NAME_SPENT, NAME_UNKNOWN };

struct name {
    struct hash_node node;
    struct list age;     /* of names that are over, the next to end first */
    struct list answers; /* of names with an answer, the oldest first */
    struct list of_owner;
    struct idempotency_claim claim;
    struct owner *owner;
    struct kept_answer *answer; /* NULL: none */
    enum name_state state;
    int64_t until_ms, answer_until_ms;
};

struct idempotency {
    struct idempotency_limits limits; /* immutable */
    pthread_mutex_t lock;             /* guards the rest */
    struct hash_table names, owners;
    struct list ages, answers;
    size_t count, bytes;
    bool is_open;
};

/* ---- answers ------------------------------------------------------------------------------------- */

struct kept_answer *kept_answer_new(const struct kept_parts *parts)
{
    size_t len = parts->headers.len + parts->content_type.len + parts->body.len;
    struct kept_answer *answer = mem_alloc(sizeof *answer + len);
    if (!answer)
        return NULL;
    atomic_init(&answer->references, 1);
    answer->status = parts->status;
    answer->headers_len = parts->headers.len;
    answer->type_len = parts->content_type.len;
    answer->body_len = parts->body.len;
    const struct str pieces[] = {parts->headers, parts->content_type, parts->body};
    char *at = answer->bytes;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        if (pieces[i].len)
            memcpy(at, pieces[i].at, pieces[i].len);
        at += pieces[i].len;
    }
    return answer;
}

struct kept_parts kept_answer_parts(const struct kept_answer *answer)
{
    const char *type = answer->bytes + answer->headers_len;
    return (struct kept_parts){
        .status = answer->status,
        .headers = {answer->bytes, answer->headers_len},
        .content_type = {type, answer->type_len},
        .body = {type + answer->type_len, answer->body_len},
    };
}

static size_t kept_bytes(const struct kept_answer *answer)
{
    return sizeof *answer + answer->headers_len + answer->type_len + answer->body_len;
}

void kept_answer_unref(struct kept_answer *answer)
{
    if (answer && atomic_fetch_sub(&answer->references, 1) == 1)
        mem_free(answer);
}

/* ---- tables -------------------------------------------------------------------------------------- */

struct idempotency *idempotency_new(const struct idempotency_limits *limits)
{
    struct idempotency *names = mem_zalloc(1, sizeof *names);
    if (!names)
        return NULL;
    names->limits = *limits;
    pthread_mutex_init(&names->lock, NULL);
    list_init(&names->ages);
    list_init(&names->answers);
    if (hash_table_init(&names->names, NAME_SLOTS) == OK &&
        hash_table_init(&names->owners, OWNER_SLOTS) == OK)
        return names;
    idempotency_free(names);
    return NULL;
}

/* A keyed digest is uniform, so its first bytes are as good a hash as any. */
static uint64_t hash_of(const struct idempotency_claim *claim)
{
    uint64_t hash;
    memcpy(&hash, claim->name, sizeof hash);
    return hash;
}

static struct name *name_find(const struct idempotency *names,
                              const struct idempotency_claim *claim)
{
    struct hash_node *node = hash_table_find(&names->names, hash_of(claim));
    for (; node; node = hash_next(node)) {
        struct name *name = HASH_OWNER(node, struct name, node);
        if (memcmp(name->claim.name, claim->name, sizeof claim->name) == 0)
            return name;
    }
    return NULL;
}

static struct owner *owner_find(const struct idempotency *names, const char *id)
{
    struct hash_node *node = hash_table_find(&names->owners, str_hash(str_of(id)));
    for (; node; node = hash_next(node))
        if (strcmp(HASH_OWNER(node, struct owner, node)->id, id) == 0)
            return HASH_OWNER(node, struct owner, node);
    return NULL;
}

static struct owner *owner_make(struct idempotency *names, const char *id)
{
    struct owner *owner = mem_zalloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    str_copy(str_of(id), owner->id, sizeof owner->id);
    list_init(&owner->answers);
    hash_table_add(&names->owners, &owner->node, str_hash(str_of(id)));
    return owner;
}

static void owner_leave(struct idempotency *names, struct owner *owner)
{
    if (owner->names > 0)
        return;
    hash_table_remove(&names->owners, &owner->node);
    mem_free(owner);
}

static void answer_drop(struct idempotency *names, struct name *name)
{
    if (!name->answer)
        return;
    size_t bytes = kept_bytes(name->answer);
    names->bytes -= bytes;
    name->owner->bytes -= bytes;
    list_unlink(&name->answers);
    list_unlink(&name->of_owner);
    kept_answer_unref(TAKE(name->answer));
}

static void name_drop(struct idempotency *names, struct name *name)
{
    answer_drop(names, name);
    hash_table_remove(&names->names, &name->node);
    list_unlink(&name->age);
    names->count--;
    name->owner->names--;
    owner_leave(names, name->owner);
    mem_free(name);
}

/* Forgets what is past its time. */
static void forget(struct idempotency *names, int64_t now_ms)
{
    while (!list_is_empty(&names->answers)) {
        struct name *oldest = LIST_OWNER(names->answers.next, struct name, answers);
        if (oldest->answer_until_ms > now_ms)
            break;
        answer_drop(names, oldest);
    }
    while (!list_is_empty(&names->ages)) {
        struct name *oldest = LIST_OWNER(names->ages.next, struct name, age);
        if (oldest->until_ms > now_ms)
            break;
        name_drop(names, oldest);
    }
}

static struct name *name_make(struct idempotency *names, const struct idempotency_claim *claim,
                              struct owner *owner)
{
    struct name *name = mem_zalloc(1, sizeof *name);
    if (!name)
        return NULL;
    name->claim = *claim;
    name->owner = owner;
    list_init(&name->age);
    list_init(&name->answers);
    list_init(&name->of_owner);
    hash_table_add(&names->names, &name->node, hash_of(claim));
    names->count++;
    owner->names++;
    return name;
}

void idempotency_free(struct idempotency *names)
{
    if (!names)
        return;
    forget(names, INT64_MAX); /* loops have ended, and with them what ran */
    for (size_t i = 0; names->names.slots && i <= names->names.mask; i++)
        while (names->names.slots[i])
            name_drop(names, HASH_OWNER(names->names.slots[i], struct name, node));
    hash_table_release(&names->names);
    hash_table_release(&names->owners);
    pthread_mutex_destroy(&names->lock);
    mem_free(names);
}

/* ---- claims -------------------------------------------------------------------------------------- */

/* A new name, or why there is none. */
static enum idempotency_verdict take(struct idempotency *names,
                                     const struct idempotency_claim *claim, struct name **out_name)
{
    if (names->count >= names->limits.names_max)
        return IDEMPOTENCY_FULL;
    struct owner *owner = owner_find(names, claim->owner);
    if (owner && owner->names >= names->limits.names_of_one_max)
        return IDEMPOTENCY_FULL_OF_ONE;
    if (!owner)
        owner = owner_make(names, claim->owner);
    if (!owner)
        return IDEMPOTENCY_NO_MEMORY;
    *out_name = name_make(names, claim, owner);
    if (!*out_name)
        owner_leave(names, owner);
    return *out_name ? IDEMPOTENCY_FIRST : IDEMPOTENCY_NO_MEMORY;
}

static enum idempotency_verdict verdict_of(const struct name *name,
                                           const struct idempotency_claim *claim)
{
    if (memcmp(name->claim.fingerprint, claim->fingerprint, sizeof claim->fingerprint) != 0)
        return IDEMPOTENCY_DIFFERENT;
    switch (name->state) {
    case NAME_RUNNING: return IDEMPOTENCY_RUNNING;
    case NAME_UNKNOWN: return IDEMPOTENCY_UNKNOWN;
    case NAME_SPENT: break;
    }
    return name->answer ? IDEMPOTENCY_ANSWERED : IDEMPOTENCY_SPENT;
}

void idempotency_claim(struct idempotency *names, const struct idempotency_claim *claim,
                       int64_t now_ms, struct idempotency_found *out_found)
{
    *out_found = (struct idempotency_found){.verdict = IDEMPOTENCY_NOT_READY};
    pthread_mutex_lock(&names->lock);
    forget(names, now_ms);
    struct name *name = name_find(names, claim);
    if (name) { /* also while others are restored: what is known is known */
        out_found->verdict = verdict_of(name, claim);
        str_copy(str_of(name->claim.job), out_found->job, sizeof out_found->job);
    } else if (names->is_open) {
        out_found->verdict = take(names, claim, &name);
    }
    if (out_found->verdict == IDEMPOTENCY_ANSWERED) {
        atomic_fetch_add(&name->answer->references, 1);
        out_found->answer = name->answer;
    }
    pthread_mutex_unlock(&names->lock);
}

/* The name, when it is still this claim's. */
static struct name *own(const struct idempotency *names, const struct idempotency_claim *claim)
{
    struct name *name = name_find(names, claim);
    bool is_own = name && name->state == NAME_RUNNING && strcmp(name->claim.job, claim->job) == 0;
    return is_own ? name : NULL;
}

void idempotency_release(struct idempotency *names, const struct idempotency_claim *claim)
{
    pthread_mutex_lock(&names->lock);
    struct name *name = own(names, claim);
    if (name)
        name_drop(names, name);
    pthread_mutex_unlock(&names->lock);
}

static void end(struct idempotency *names, struct name *name, enum name_state state,
                int64_t until_ms)
{
    name->state = state;
    name->until_ms = until_ms;
    list_push_back(&names->ages, &name->age);
}

void idempotency_spend(struct idempotency *names, const struct idempotency_claim *claim,
                       int64_t now_ms)
{
    idempotency_answer(names, claim, NULL, now_ms);
}

/* Room for so many bytes more, of this owner and of all: the oldest answers give way. */
static void make_room(struct idempotency *names, const struct owner *owner, size_t bytes)
{
    while (owner->bytes + bytes > names->limits.answers_of_one_bytes)
        answer_drop(names, LIST_OWNER(owner->answers.next, struct name, of_owner));
    while (names->bytes + bytes > names->limits.answers_bytes)
        answer_drop(names, LIST_OWNER(names->answers.next, struct name, answers));
}

static bool is_kept(const struct idempotency *names, const struct kept_answer *answer)
{
    const struct idempotency_limits *limits = &names->limits;
    return answer && answer->body_len <= limits->answer_of_bytes &&
           kept_bytes(answer) <= limits->answers_of_one_bytes &&
           kept_bytes(answer) <= limits->answers_bytes;
}

void idempotency_answer(struct idempotency *names, const struct idempotency_claim *claim,
                        struct kept_answer *answer, int64_t now_ms)
{
    pthread_mutex_lock(&names->lock);
    struct name *name = own(names, claim);
    if (name)
        end(names, name, NAME_SPENT, now_ms + names->limits.window_ms);
    if (name && is_kept(names, answer)) {
        size_t bytes = kept_bytes(answer);
        make_room(names, name->owner, bytes);
        name->answer = TAKE(answer);
        name->answer_until_ms = now_ms + names->limits.answer_ms;
        names->bytes += bytes;
        name->owner->bytes += bytes;
        list_push_back(&names->answers, &name->answers);
        list_push_back(&name->owner->answers, &name->of_owner);
    }
    pthread_mutex_unlock(&names->lock);
    kept_answer_unref(answer);
}

/* ---- the start ----------------------------------------------------------------------------------- */

bool idempotency_restore(struct idempotency *names, const struct idempotency_claim *claim,
                         bool is_unknown, int64_t age_ms, int64_t now_ms)
{
    int64_t left_ms = names->limits.window_ms - age_ms;
    bool is_done = true;
    if (left_ms <= 0)
        return true;
    pthread_mutex_lock(&names->lock);
    struct name *name = name_find(names, claim);
    if (name) /* an older job had it, and it had ended */
        name_drop(names, name);
    is_done = take(names, claim, &name) == IDEMPOTENCY_FIRST;
    if (is_done)
        end(names, name, is_unknown ? NAME_UNKNOWN : NAME_SPENT, now_ms + left_ms);
    pthread_mutex_unlock(&names->lock);
    return is_done;
}

void idempotency_open(struct idempotency *names)
{
    pthread_mutex_lock(&names->lock);
    names->is_open = true;
    pthread_mutex_unlock(&names->lock);
}

void idempotency_shut(struct idempotency *names)
{
    pthread_mutex_lock(&names->lock);
    names->is_open = false;
    pthread_mutex_unlock(&names->lock);
}

bool idempotency_is_open(struct idempotency *names)
{
    pthread_mutex_lock(&names->lock);
    bool is_open = names->is_open;
    pthread_mutex_unlock(&names->lock);
    return is_open;
}

void idempotency_figures(struct idempotency *names, struct idempotency_figures *out_figures)
{
    pthread_mutex_lock(&names->lock);
    *out_figures = (struct idempotency_figures){.names = (int64_t)names->count,
                                                .answers_bytes = (int64_t)names->bytes};
    pthread_mutex_unlock(&names->lock);
}
