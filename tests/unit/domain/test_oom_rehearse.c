/* tests/unit/domain/test_oom_rehearse.c: F62: each allocation of a rehearsal fails once, in turn. It says so, nothing
 * leaks (ASan looks), and the next one finds all well.
 */
#include "domain/rehearse.h"
#include "tests/test.h"
#include "tests/unit/oom.h"

#define JOBS 300

static const struct model models[] = {{.id = "llama", .is_surfaced = true, .context_tokens = -1}};
static const struct str loaded[] = {STR_INIT("llama")};
static const struct provider rack = {.id = "prv_rack",
                                     .name = "rack",
                                     .slug = "rack",
                                     .kind = PROVIDER_GPU,
                                     .base_url = "",
                                     .has_workers = true,
                                     .speaks = ENDPOINTS_GPU,
                                     .default_model = "llama",
                                     .models = models,
                                     .model_count = 1};
static const struct provider *const list[] = {&rack};
static const struct rehearse_worker workers[] = {{.slots = 2, .models = loaded, .model_count = 1}};

static const struct price *no_price(void *arg, const struct provider *provider, struct str model)
{
    (void)arg;
    (void)provider;
    (void)model;
    return NULL;
}

static enum err rehearse_once(struct error *error)
{
    static struct rehearse_job jobs[JOBS];
    static struct rehearse_landing landings[JOBS];
    static const struct rehearse_question question = {.endpoint = ENDPOINT_CHAT,
                                                      .model = STR_INIT("auto")};
    static const struct access access = {0};
    static const uint64_t team = 1;
    static const bool is_batch = false;
    const struct routing routing = {.providers = list, .provider_count = 1};
    struct rehearse_provider given = {
        .loaded = models, .loaded_count = 1, .workers = workers, .worker_count = 1};
    health_init(&given.health, 0);
    for (size_t i = 0; i < JOBS; i++)
        jobs[i] = (struct rehearse_job){.at_ms = (int64_t)i,
                                        .service_ms = 5,
                                        .first_byte_ms = -1,
                                        .prompt_tokens = -1,
                                        .wait_ms = -1};
    const struct rehearse_world world = {.routing = &routing,
                                         .providers = &given,
                                         .accesses = &access,
                                         .teams = &team,
                                         .are_batch = &is_batch,
                                         .queue_wait_ms = 60000,
                                         .max_attempts = 6,
                                         .price_of = no_price};
    const struct rehearse_traffic traffic = {jobs, JOBS, &question, 1};
    enum err err = rehearse_run(&world, &traffic, landings, error);
    CHECK("the last one had its turn", err != OK || landings[JOBS - 1].waited_ms > 400);
    return err;
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    struct error error = {0};
    oom_watch(true);
    oom_begin(0);
    CHECK("with memory", rehearse_once(&error) == OK);
    long all = oom_end();
    CHECK("it takes some", all > 20);
    for (long turn = 0, nth; (nth = oom_nth("rehearse", all, turn)) > 0; turn++) {
        error = (struct error){0};
        oom_begin(nth);
        enum err err = rehearse_once(&error);
        oom_end();
        /* A ticket that finds no memory to wait is told that it is crowded, as in life. */
        CHECK("it says so", err == OK || (err == ERR_NO_MEMORY && error.text[0]));
        CHECK("the next one is well", rehearse_once(&error) == OK);
    }
    oom_watch(false);
}

TEST_MAIN(TEST(without_memory_it_says_so))
