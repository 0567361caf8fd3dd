/* gateway/registry.c: the live parts of providers follow their rows.
 *
 * The registry remembers what a live part was last configured with, so that "changed" needs no help
 * from whoever wrote the row. A key that does not open leaves its provider in error and the server
 * running: T11.
 */
#include "gateway/registry.h"

#include "base/log.h"
#include "gateway/live_limits.h"
#include "sys/clock.h"
#include "sys/vault.h"

struct live_entry {
    struct live_provider *live;
    char base_url[512]; /* as last configured */
    bool is_paused, is_configured, is_seen;
};

struct live_registry {
    pthread_mutex_t lock;
    struct live_entry entries[PROVIDERS_MAX];
    size_t count;
    struct limits_registry *limits;  /* under no lock of this one */
    struct transitions *transitions; /* set once; NULL */
};

struct live_registry *live_registry_new(void)
{
    struct live_registry *registry = mem_zalloc(1, sizeof *registry);
    if (!registry)
        return NULL;
    registry->limits = limits_registry_new();
    if (!registry->limits) {
        mem_free(registry);
        return NULL;
    }
    pthread_mutex_init(&registry->lock, NULL);
    return registry;
}

struct limits_registry *live_registry_limits(struct live_registry *registry)
{
    return registry->limits;
}

void live_registry_note_to(struct live_registry *registry, struct transitions *transitions)
{
    registry->transitions = transitions;
}

void live_registry_free(struct live_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++)
        live_unref(registry->entries[i].live);
    limits_registry_free(registry->limits);
    pthread_mutex_destroy(&registry->lock);
    mem_free(registry);
}

void registry_begin(struct live_registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    for (size_t i = 0; i < registry->count; i++)
        registry->entries[i].is_seen = false;
}

/* Requests that still hold a deleted one see so at their next attempt; nobody new finds it. */
static void live_delete(struct live_provider *live)
{
    pthread_mutex_lock(&live->lock);
    live->is_deleted = true;
    live_note_gone(live);
    mem_free(TAKE(live->sealed_key));
    pthread_mutex_unlock(&live->lock);
    live_unref(live);
}

void registry_end(struct live_registry *registry, bool is_whole)
{
    size_t kept = 0;
    for (size_t i = 0; i < registry->count; i++) {
        struct live_entry entry = registry->entries[i];
        if (entry.is_seen || !is_whole)
            registry->entries[kept++] = entry;
        else
            live_delete(entry.live);
    }
    registry->count = kept;
    pthread_mutex_unlock(&registry->lock);
}

/* Finds or makes; NULL without memory or room. */
static struct live_entry *registry_entry(struct live_registry *registry, const char *id)
{
    for (size_t i = 0; i < registry->count; i++)
        if (strcmp(registry->entries[i].live->id, id) == 0)
            return &registry->entries[i];
    struct live_provider *live = registry->count < PROVIDERS_MAX ? live_new(id) : NULL;
    if (!live)
        return NULL;
    struct live_entry *entry = &registry->entries[registry->count++];
    *entry = (struct live_entry){.live = live};
    live->transitions = registry->transitions;
    return entry;
}

/* The trouble that the row remembers, told to a health that has just been born. */
static void health_remember(struct health *health, const struct provider_row *row, int64_t now_ms)
{
    if (strcmp(row->error_code, "no_models") == 0) {
        health_on_no_models(health, now_ms, row->error_text);
        return;
    }
    struct verdict_report report = {.verdict = VERDICT_KEY, .retry_after_ms = RETRY_UNKNOWN_MS};
    str_copy(str_of(row->error_code), report.reason, sizeof report.reason);
    str_copy(str_of(row->error_text), report.sentence, sizeof report.sentence);
    health_on_failure(health, &report, STR(""), row->credential_version, row->credential_version,
                      now_ms, 0.0);
}

/* Keeps the sealed key. It is opened once here, to tell now what every request would meet: ERR_DENIED when it
 * cannot be. ERR_NO_MEMORY: the old one stays. */
static enum err live_take_key(struct live_provider *live, const struct provider_row *row,
                              const struct vault *vault, struct error *error)
{
    struct secret *key = NULL;
    struct str blob = {row->sealed_key, row->sealed_key_len};
    AUTO_FREE char *sealed_key = row->sealed_key ? mem_dup(blob.at, blob.len) : NULL;
    enum err err = OK;
    if (row->sealed_key && !sealed_key)
        return ERR_NO_MEMORY;
    if (sealed_key)
        err =
            vault_open(vault, SNAPSHOT_ORG, "providers", "sealed_key", row->id, blob, &key, error);
    secret_free(key);
    if (err == ERR_NO_MEMORY)
        return err;
    mem_free(live->sealed_key);
    live->sealed_key = TAKE(sealed_key);
    live->sealed_key_len = blob.len;
    live->credential_version = row->credential_version;
    return err;
}

static void note_unreadable(struct live_provider *live, const struct provider_row *row,
                            const struct error *why, int64_t now_ms)
{
    log_error("provider_key_unreadable", "provider=%s why=\"%s\"", row->id, why->text);
    struct verdict_report report = {
        .verdict = VERDICT_KEY,
        .retry_after_ms = RETRY_UNKNOWN_MS,
        .reason = "key_unreadable",
        .sentence =
            "The stored key cannot be decrypted: it is sealed under another secret. Start with that one in "
            "AUXOT_SECRET_KEY_PREVIOUS, or enter the provider's key again.",
    };
    health_on_failure(&live->health, &report, STR(""), row->credential_version,
                      row->credential_version, now_ms, 0.0);
}

/* The same key, sealed under another secret: nothing that health knows of it changes. */
static bool is_resealed(const struct live_provider *live, const struct provider_row *row)
{
    return live->sealed_key && row->sealed_key &&
           (live->sealed_key_len != row->sealed_key_len ||
            memcmp(live->sealed_key, row->sealed_key, row->sealed_key_len) != 0);
}

static bool entry_follow(struct live_entry *entry, const struct provider_row *row,
                         const struct vault *vault)
{
    struct live_provider *live = entry->live;
    struct error why = {0};
    int64_t now_ms = clock_monotonic_ms();

    pthread_mutex_lock(&live->lock);
    bool is_new = !entry->is_configured;
    bool has_new_key = is_new || live->credential_version != row->credential_version;
    bool has_moved = !is_new && strcmp(entry->base_url, row->base_url) != 0;
    bool is_unpaused = !is_new && entry->is_paused && !row->is_paused;
    enum err err =
        has_new_key || is_resealed(live, row) ? live_take_key(live, row, vault, &why) : OK;
    if (err == ERR_NO_MEMORY) {
        pthread_mutex_unlock(&live->lock);
        return false;
    }
    if (!is_new && (has_new_key || has_moved || is_unpaused))
        health_clear(&live->health, now_ms);
    if (has_moved)
        live->learned = (struct quirk_memory){0};
    if (is_new && row->error_code[0] != '\0')
        health_remember(&live->health, row, now_ms);
    live->models_at_ms = row->models_at_ms;
    if (err != OK)
        note_unreadable(live, row, &why, now_ms);
    str_copy(str_of(row->name), live->name, sizeof live->name);
    live->is_paused = row->is_paused;
    live->has_workers = row->base_url[0] == '\0';
    live_note(live, now_ms);
    pthread_mutex_unlock(&live->lock);

    str_copy(str_of(row->base_url), entry->base_url, sizeof entry->base_url);
    entry->is_paused = row->is_paused;
    entry->is_configured = true;
    return true;
}

struct live_provider *registry_follow(struct live_registry *registry,
                                      const struct provider_row *row, const struct vault *vault)
{
    struct live_entry *entry = registry_entry(registry, row->id);
    if (!entry || !entry_follow(entry, row, vault))
        return NULL;
    entry->is_seen = true;
    return live_ref(entry->live);
}
