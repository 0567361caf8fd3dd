/* bench/snapshot_cost.c: what a change of configuration costs at size. For bench/snapshot_cost.sh.
 *
 *     snapshot_cost <teams> <keys> <providers>
 *
 * So many rows, as the store hands them out: each team with a policy, every tenth key with models and limits of its
 * own, every hundredth rotated, each provider with a key and 20 models. It is built again and again, as each write
 * does; off the loops (on an api thread), whose part is the exchange of one pointer. Times are CPU time of this
 * thread: the first build makes the live parts, too.
 */
#include "base/mem.h"
#include "gateway/snapshot.h"
#include "sys/vault.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURNS 20

static int64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static char policy[] =
    "{\"allowed_tiers\":[\"gpu\",\"cloud\"],\"allowed_providers\":null,\"allowed_models\":"
    "[\"gpt-*\",\"claude-*\"],\"service_class\":\"interactive\",\"requests_per_minute\":60,"
    "\"tokens_per_minute\":100000,\"max_concurrent\":10,\"budget_microusd_per_month\":50000000,"
    "\"budget_soft_microusd_per_month\":null,\"max_output_tokens\":null}";
static char models[] = "[\"gpt-4\",\"claude-*\"]";

static char *model_list(void)
{
    struct buf list;
    buf_init(&list, 8192);
    for (int i = 0; i < 20; i++)
        buf_printf(&list, "%s{\"id\":\"model-%02d\",\"surfaced\":true}", i ? "," : "[", i);
    buf_puts(&list, "]");
    return buf_take(&list);
}

static void fill_teams(struct store_config *config, size_t count)
{
    config->team_count = count;
    config->teams = mem_zalloc(count, sizeof *config->teams);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(config->teams[i].id, ID_MAX, "tea_%026zu", i);
        (void)snprintf(config->teams[i].name, sizeof config->teams[i].name, "Team %zu", i);
        config->teams[i].policy_json = policy;
    }
}

static void digest_fill(uint8_t digest[32], size_t number)
{
    for (int i = 0; i < 32; i++, number = number * 6364136223846793005u + 1442695040888963407u)
        digest[i] = (uint8_t)(number >> 56);
}

static void fill_keys(struct store_config *config, size_t count)
{
    config->key_count = count;
    config->keys = mem_zalloc(count, sizeof *config->keys);
    for (size_t i = 0; i < count; i++) {
        struct key_row *key = &config->keys[i];
        (void)snprintf(key->id, ID_MAX, "key_%026zu", i);
        (void)snprintf(key->name, sizeof key->name, "key %zu", i);
        (void)snprintf(key->role, sizeof key->role, "member");
        (void)snprintf(key->team, ID_MAX, "tea_%026zu", i * 7919 % config->team_count);
        digest_fill(key->digest, i + 1);
        key->policy_json = i % 10 == 0 ? policy : NULL;
        key->models_json = i % 10 == 0 ? models : NULL;
        key->previous_until_ms = i % 100 == 0 ? INT64_MAX : 0;
        digest_fill(key->previous_digest, count + i + 1);
    }
}

static void fill_providers(struct store_config *config, size_t count, const struct vault *vault)
{
    config->provider_count = count;
    config->providers = mem_zalloc(count, sizeof *config->providers);
    for (size_t i = 0; i < count; i++) {
        struct provider_row *row = &config->providers[i];
        struct buf blob;
        buf_init(&blob, 4096);
        (void)snprintf(row->id, ID_MAX, "prv_%026zu", i);
        (void)snprintf(row->name, sizeof row->name, "provider %zu", i);
        (void)snprintf(row->slug, sizeof row->slug, "provider-%zu", i);
        (void)snprintf(row->kind, sizeof row->kind, "openai");
        (void)snprintf(row->base_url, sizeof row->base_url, "https://p%zu.example/v1", i);
        row->models_json = model_list();
        row->credential_version = 1;
        enum err err = provider_key_seal(vault, row->id, STR("sk-of-a-provider"), &blob, NULL);
        assert(err == OK);
        row->sealed_key_len = blob.len;
        row->sealed_key = buf_take(&blob);
    }
}

int main(int argc, char **argv)
{
    assert(argc == 4);
    struct store_config config = {0};
    struct vault *vault = NULL;
    struct error error = {0};
    struct live_registry *registry = live_registry_new();
    enum err err = vault_new(STR("a secret of the bench, 0123456789abcdef"), &vault, &error);
    assert(err == OK && registry);
    fill_teams(&config, strtoull(argv[1], NULL, 10));
    fill_keys(&config, strtoull(argv[2], NULL, 10));
    fill_providers(&config, strtoull(argv[3], NULL, 10), vault);
    struct snapshot *snapshot = NULL;
    int64_t first_us = 0, best_us = INT64_MAX, worst_us = 0, free_us = 0;
    for (int i = 0; i <= TURNS; i++) {
        struct snapshot *before = snapshot;
        int64_t at_us = cpu_us();
        err = snapshot_build(&config, vault, registry, NULL, &snapshot, &error);
        assert(err == OK);
        int64_t took_us = cpu_us() - at_us;
        at_us = cpu_us();
        snapshot_unref(before);
        int64_t freed_us = cpu_us() - at_us;
        if (i == 0) {
            first_us = took_us;
            continue;
        }
        best_us = took_us < best_us ? took_us : best_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
        free_us = freed_us > free_us ? freed_us : free_us;
    }
    (void)printf("teams %zu keys %zu providers %zu: first %.1f ms, again %.1f to %.1f ms, "
                 "forgetting at most %.2f ms, principal %zu bytes\n",
                 config.team_count, config.key_count, config.provider_count,
                 (double)first_us / 1000, (double)best_us / 1000, (double)worst_us / 1000,
                 (double)free_us / 1000, sizeof(struct principal));
    return 0;
}
