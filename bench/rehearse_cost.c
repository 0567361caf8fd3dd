/* bench/rehearse_cost.c: what a rehearsal of 100,000 recorded requests costs. For bench/rehearse_cost.sh.
 *
 * Two providers of workers with 16 slots each, eight clouds with ten models of their own and one that all have; half of the
 * requests ask for auto, the rest for a model by name, one in twenty is pinned. They arrive so close that the workers'
 * slots are taken most of the time. One run is half of a call: it runs them twice. Times are CPU time of this thread.
 */
#include "base/mem.h"
#include "domain/rehearse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOUDS    8
#define RACKS     2
#define PROVIDERS (RACKS + CLOUDS)
#define MODELS    11
#define QUESTIONS 200

static struct model cloud_models[CLOUDS][MODELS], rack_models[1];
static char names[CLOUDS][MODELS][16], ids[PROVIDERS][24];
static struct provider providers[PROVIDERS];
static const struct provider *list[PROVIDERS];
static struct rehearse_worker workers[2];
static const struct str loaded[] = {STR_INIT("llama")};
static struct rehearse_provider given[PROVIDERS];
static struct rehearse_question questions[QUESTIONS];
static struct rehearse_job jobs[REHEARSE_JOBS_MAX];
static struct rehearse_landing landings[REHEARSE_JOBS_MAX];

static int64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static const struct price *price_of(void *arg, const struct provider *provider, struct str model)
{
    static const struct price price = {
        .input = 1000000, .output = 4000000, .cached = COST_UNKNOWN, .cache_write = COST_UNKNOWN};
    (void)arg;
    return provider_model(provider, model) ? &price : NULL;
}

static void make_providers(void)
{
    rack_models[0] = (struct model){.id = "llama", .is_surfaced = true, .context_tokens = -1};
    for (size_t i = 0; i < PROVIDERS; i++) {
        bool is_rack = i < RACKS;
        (void)snprintf(ids[i], sizeof ids[i], "prv_%zu", i);
        struct provider *provider = &providers[i];
        provider->id = provider->name = provider->slug = ids[i];
        provider->kind = is_rack ? PROVIDER_GPU : i % 2 ? PROVIDER_ANTHROPIC : PROVIDER_OPENAI;
        provider->speaks = provider_kind_endpoints(provider->kind);
        provider->base_url = is_rack ? "" : "https://cloud";
        provider->has_workers = is_rack;
        provider->timeouts = *provider_kind_timeouts(provider->kind);
        provider->wait_ms = is_rack ? 300 : 0;
        for (size_t m = 0; !is_rack && m < MODELS; m++) {
            (void)snprintf(names[i - RACKS][m], sizeof names[0][0], m < 10 ? "m-%zu-%zu" : "shared",
                           i - RACKS, m);
            cloud_models[i - RACKS][m] = (struct model){
                .id = names[i - RACKS][m], .is_surfaced = true, .context_tokens = -1};
        }
        provider->models = is_rack ? rack_models : cloud_models[i - RACKS];
        provider->model_count = is_rack ? 1 : MODELS;
        provider->default_model = provider->models[0].id;
        health_init(&given[i].health, 0);
        given[i].loaded = is_rack ? rack_models : NULL;
        given[i].loaded_count = is_rack;
        given[i].workers = workers;
        given[i].worker_count = is_rack ? 2 : 0;
        list[i] = provider;
    }
    for (size_t i = 0; i < 2; i++)
        workers[i] = (struct rehearse_worker){.slots = 8, .models = loaded, .model_count = 1};
}

static void make_jobs(size_t count)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        size_t cloud = i % CLOUDS;
        questions[i] = (struct rehearse_question){
            .endpoint = ENDPOINT_CHAT,
            .model = i % 2 ? STR("auto") : str_of(names[cloud][i % MODELS]),
            .pin = i % 20 == 1 ? str_of(ids[RACKS + cloud]) : STR("")};
    }
    srand(5);
    for (size_t i = 0; i < count; i++)
        jobs[i] = (struct rehearse_job){
            .at_ms = (int64_t)i * 130,
            .service_ms = 200 + rand() % 20000,
            .first_byte_ms = 150,
            .prompt_tokens = 500,
            .wait_ms = -1,
            .usage = {.input_tokens = 900, .output_tokens = 300, .cached_tokens = -1},
            .question = (uint32_t)rand() % QUESTIONS};
}

int main(int argc, char **argv)
{
    static const struct access access;
    static const uint64_t team = 1;
    static const bool is_batch = false;
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : REHEARSE_JOBS_MAX;
    struct routing routing = {.providers = list, .provider_count = PROVIDERS};
    struct rehearse_world world = {.routing = &routing,
                                   .providers = given,
                                   .accesses = &access,
                                   .teams = &team,
                                   .are_batch = &is_batch,
                                   .queue_wait_ms = 60000,
                                   .max_attempts = 6,
                                   .price_of = price_of};
    struct rehearse_traffic traffic = {jobs, count, questions, QUESTIONS};
    struct error error = {0};
    assert(count > 0 && count <= REHEARSE_JOBS_MAX);
    make_providers();
    make_jobs(count);
    int64_t start_us = cpu_us(), waited = 0;
    enum err err = rehearse_run(&world, &traffic, landings, &error);
    int64_t took_us = cpu_us() - start_us;
    assert(err == OK);
    for (size_t i = 0; i < count; i++)
        waited += landings[i].waited_ms > 0;
    printf("%zu requests: %lld ms of CPU, %.2f us each; %lld waited for a slot\n", count,
           (long long)(took_us / 1000), (double)took_us / (double)count, (long long)waited);
}
