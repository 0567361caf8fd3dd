/* gateway/principals.c: who may call: teams, API keys and workers' keys, as a snapshot holds them.
 *
 * A rotated key stands twice, once for each of its secrets: the older one is a principal of the same id
 * whose own expiry is the end of the grace time. So a lookup knows nothing of rotation, and whoever came
 * with the older secret is cut when that ends.
 *
 * A damaged policy allows nothing: what it forbade cannot be known any more.
 */
#include "gateway/live_limits.h"
#include "gateway/snapshot_parts.h"

#include "base/log.h"

#include <stdlib.h>

/* ---- teams --------------------------------------------------------------------------------------- */

static struct policy policy_of_nothing(void)
{
    struct policy policy = policy_none();
    policy.has_tiers = policy.has_providers = policy.has_models = true;
    return policy;
}

static struct policy build_policy(struct build *build, const char *owner, const char *text)
{
    struct policy policy = policy_none();
    const char *field = NULL;
    struct json root = {0};
    struct error why = {0};
    if (!text || text[0] == '\0')
        return policy;
    enum err err = json_parse(build->reader, str_of(text), &root, &why);
    if (err == OK)
        err = policy_read(&policy, root, &build->snapshot->arena, &field, &why);
    build->has_failed |= err == ERR_NO_MEMORY;
    if (err == OK)
        return policy;
    log_error("policy_damaged", "row=%s why=\"%s\"", owner, why.text);
    return policy_of_nothing();
}

void build_teams(struct build *build, const struct store_config *config)
{
    struct team *teams = build_room(build, config->team_count, sizeof *teams);
    for (size_t i = 0; teams && i < config->team_count; i++) {
        const struct team_row *row = &config->teams[i];
        str_copy(str_of(row->id), teams[i].id, sizeof teams[i].id);
        str_copy(str_of(row->name), teams[i].name, sizeof teams[i].name);
        teams[i].policy = build_policy(build, row->id, row->policy_json);
        teams[i].live = limits_registry_follow(build->limits, row->id, row->name, &teams[i].policy);
        build->has_failed |= teams[i].live == NULL;
    }
    build->snapshot->teams = teams;
    build->snapshot->team_count = teams ? config->team_count : 0;
}

static int team_order(const void *id, const void *team)
{
    return strcmp(id, ((const struct team *)team)->id);
}

const struct team *snapshot_team(const struct snapshot *snapshot, const char *id)
{
    if (id[0] == '\0' || snapshot->team_count == 0)
        return NULL;
    return bsearch(id, snapshot->teams, snapshot->team_count, sizeof *snapshot->teams, team_order);
}

const struct team *snapshot_team_named(const struct snapshot *snapshot, const char *id_or_name)
{
    const struct team *team = snapshot_team(snapshot, id_or_name);
    for (size_t i = 0; !team && i < snapshot->team_count; i++)
        if (str_ieq(str_of(snapshot->teams[i].name), str_of(id_or_name)))
            team = &snapshot->teams[i];
    return team;
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static int member_order(const void *user_id, const void *member)
{
    return strcmp(user_id, ((const struct team_member_row *)member)->user_id);
}

/* The user's first team; the others stand behind it. NULL: they are in none. */
static const struct team_member_row *first_team(const struct store_config *config,
                                                const char *user_id)
{
    if (config->team_member_count == 0)
        return NULL;
    const struct team_member_row *member =
        bsearch(user_id, config->team_members, config->team_member_count,
                sizeof *config->team_members, member_order);
    while (member && member > config->team_members && strcmp(member[-1].user_id, user_id) == 0)
        member--;
    return member;
}

/* Whoever left the team left its budget and policy: their key that names it opens nothing until they are back. */
static bool has_left_team(const struct store_config *config, const struct key_row *row)
{
    if (!row->user_id[0] || !row->team[0])
        return false;
    const struct team_member_row *end = config->team_members + config->team_member_count;
    const struct team_member_row *member = first_team(config, row->user_id);
    for (; member && member < end && strcmp(member->user_id, row->user_id) == 0; member++)
        if (strcmp(member->team_id, row->team) == 0)
            return false;
    return true;
}

/* Which team pays: the key's own; else its user's first. */
static const struct team *team_of(struct build *build, const struct store_config *config,
                                  const struct key_row *row)
{
    if (row->team[0] || !row->user_id[0])
        return snapshot_team(build->snapshot, row->team);
    const struct team_member_row *member = first_team(config, row->user_id);
    return member ? snapshot_team(build->snapshot, member->team_id) : NULL;
}

/* The models of a key are a member of its row and a part of its policy. */
static struct policy key_policy(struct build *build, const struct key_row *row)
{
    struct policy policy = build_policy(build, row->id, row->policy_json);
    if (!row->models_json || row->models_json[0] == '\0')
        return policy;
    struct json list = build_json(build, row->id, row->models_json);
    policy.has_models = true;
    policy.models = build_names(build, list, POLICY_LIST_MAX, &policy.model_count);
    return policy;
}

/* A digest is uniform, so its first bytes are as good a hash as any. */
static size_t digest_slot(const uint8_t digest[32])
{
    uint32_t slot;
    memcpy(&slot, digest, sizeof slot);
    return slot;
}

static void add_principal(struct build *build, const struct principal *principal,
                          int64_t last_used_at_ms)
{
    struct snapshot *snapshot = build->snapshot;
    size_t at = snapshot->principal_count++;
    struct principal *added = &snapshot->principals[at];
    *added = *principal;
    added->live = limits_registry_follow(build->limits, added->id, added->name, &added->policy);
    build->has_failed |= added->live == NULL;
    atomic_init(&snapshot->used_at_ms[at], last_used_at_ms);
    snapshot->used_stored_ms[at] = last_used_at_ms;
    size_t slot = digest_slot(principal->digest) & snapshot->principal_mask;
    while (snapshot->principal_table[slot])
        slot = (slot + 1) & snapshot->principal_mask;
    snapshot->principal_table[slot] = (uint32_t)snapshot->principal_count;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms) /* 0: never */
{
    return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* Nobody may come with it now, as its user is disabled; what it spent this month is still known when one may again. */
static void keep_counted(struct build *build, const struct key_row *row)
{
    struct policy policy = key_policy(build, row);
    struct live_limits *live = limits_registry_follow(build->limits, row->id, row->name, &policy);
    build->has_failed |= live == NULL;
    live_limits_unref(live);
}

static void build_key(struct build *build, const struct store_config *config,
                      const struct key_row *row)
{
    enum role role;
    if (row->revoked_at_ms != 0 || !role_parse(str_of(row->role), &role) ||
        has_left_team(config, row))
        return;
    role = role_held(config, row->user_id, role);
    if (role == ROLE_NONE) {
        keep_counted(build, row);
        return;
    }
    struct principal principal = {
        .role = role,
        .scopes = row->scopes ? row->scopes : scopes_of_role(role),
        .team = team_of(build, config, row),
        .policy = key_policy(build, row),
        .expires_at_ms = row->expires_at_ms,
    };
    str_copy(str_of(row->id), principal.id, sizeof principal.id);
    str_copy(str_of(row->name), principal.name, sizeof principal.name);
    str_copy(str_of(row->user_id), principal.user, sizeof principal.user);
    str_copy(str_of(row->service_account_id), principal.service_account,
             sizeof principal.service_account);
    memcpy(principal.digest, row->digest, sizeof principal.digest);
    add_principal(build, &principal, row->last_used_at_ms);
    if (row->previous_until_ms == 0)
        return;
    principal.expires_at_ms = sooner(row->expires_at_ms, row->previous_until_ms);
    memcpy(principal.digest, row->previous_digest, sizeof principal.digest);
    add_principal(build, &principal, row->last_used_at_ms);
}

void build_principals(struct build *build, const struct store_config *config)
{
    struct snapshot *snapshot = build->snapshot;
    size_t room = config->key_count, slots = 8;
    for (size_t i = 0; i < config->key_count; i++)
        room += config->keys[i].previous_until_ms != 0;
    while (slots < room * 2)
        slots *= 2;
    snapshot->principals = build_room(build, room, sizeof *snapshot->principals);
    snapshot->principal_table = build_room(build, slots, sizeof *snapshot->principal_table);
    snapshot->principal_mask = slots - 1;
    snapshot->used_at_ms = build_room(build, room, sizeof *snapshot->used_at_ms);
    snapshot->used_stored_ms = build_room(build, room, sizeof *snapshot->used_stored_ms);
    for (size_t i = 0; !build->has_failed && i < config->key_count; i++)
        build_key(build, config, &config->keys[i]);
}

static bool is_over(const struct principal *principal, int64_t now_ms)
{
    return principal->expires_at_ms != 0 && principal->expires_at_ms <= now_ms;
}

static const struct principal *principal_find(const struct snapshot *snapshot,
                                              const uint8_t digest[32])
{
    const struct str wanted = {(const char *)digest, 32};
    size_t slot = digest_slot(digest) & snapshot->principal_mask;
    for (; snapshot->principal_table[slot]; slot = (slot + 1) & snapshot->principal_mask) {
        const struct principal *principal =
            &snapshot->principals[snapshot->principal_table[slot] - 1];
        if (str_eq_constant_time((struct str){(const char *)principal->digest, 32}, wanted))
            return principal;
    }
    return NULL;
}

const struct principal *snapshot_principal(const struct snapshot *snapshot,
                                           const uint8_t digest[32], int64_t now_ms)
{
    const struct principal *principal = principal_find(snapshot, digest);
    return principal && !is_over(principal, now_ms) ? principal : NULL;
}

bool snapshot_principal_is_over(const struct snapshot *snapshot, const uint8_t digest[32])
{
    return principal_find(snapshot, digest) != NULL;
}

int64_t snapshot_next_end(const struct snapshot *snapshot, int64_t after_ms)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < snapshot->principal_count; i++) {
        int64_t end_ms = snapshot->principals[i].expires_at_ms;
        if (end_ms > after_ms && end_ms < next_ms)
            next_ms = end_ms;
    }
    return next_ms;
}

/* ---- last use ------------------------------------------------------------------------------------ */

void snapshot_note_use(const struct snapshot *snapshot, const struct principal *principal,
                       int64_t now_ms)
{
    bool is_keys = principal >= snapshot->principals &&
                   principal < snapshot->principals + snapshot->principal_count;
    if (!is_keys)
        return;
    _Atomic int64_t *used_at_ms = &snapshot->used_at_ms[principal - snapshot->principals];
    if (now_ms - atomic_load_explicit(used_at_ms, memory_order_relaxed) >= KEY_USE_STEP_MS)
        atomic_store_explicit(used_at_ms, now_ms, memory_order_relaxed);
}

enum err snapshot_gather_uses(const struct snapshot *snapshot, struct key_use **out_uses,
                              size_t *out_count)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->principal_count; i++)
        count += atomic_load_explicit(&snapshot->used_at_ms[i], memory_order_relaxed) >
                 snapshot->used_stored_ms[i];
    struct key_use *uses = mem_zalloc(count + 1, sizeof *uses);
    if (!uses)
        return ERR_NO_MEMORY;
    size_t given = 0;
    for (size_t i = 0; i < snapshot->principal_count && given < count; i++) {
        int64_t at_ms = atomic_load_explicit(&snapshot->used_at_ms[i], memory_order_relaxed);
        if (at_ms <= snapshot->used_stored_ms[i])
            continue;
        str_copy(str_of(snapshot->principals[i].id), uses[given].id, sizeof uses[given].id);
        uses[given++].at_ms = snapshot->used_stored_ms[i] = at_ms;
    }
    *out_uses = uses;
    *out_count = given;
    return OK;
}

/* ---- workers' keys ------------------------------------------------------------------------------- */

void build_worker_keys(struct build *build, const struct store_config *config)
{
    struct snapshot *snapshot = build->snapshot;
    struct worker_key *keys = build_room(build, config->worker_key_count, sizeof *keys);
    for (size_t i = 0; keys && i < config->worker_key_count; i++) {
        const struct worker_key_row *row = &config->worker_keys[i];
        str_copy(str_of(row->id), keys[i].id, sizeof keys[i].id);
        str_copy(str_of(row->provider_id), keys[i].provider_id, sizeof keys[i].provider_id);
        memcpy(keys[i].digest, row->digest, sizeof keys[i].digest);
    }
    snapshot->worker_keys = keys;
    snapshot->worker_key_count = keys ? config->worker_key_count : 0;
}

const struct worker_key *snapshot_worker_key(const struct snapshot *snapshot,
                                             const uint8_t digest[32])
{
    const struct str wanted = {(const char *)digest, 32};
    const struct worker_key *found = NULL;
    for (size_t i = 0; i < snapshot->worker_key_count; i++)
        if (str_eq_constant_time((struct str){(const char *)snapshot->worker_keys[i].digest, 32},
                                 wanted))
            found = &snapshot->worker_keys[i];
    return found;
}
