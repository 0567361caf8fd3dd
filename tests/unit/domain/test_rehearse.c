/* tests/unit/domain/test_rehearse.c: what recorded requests come to under faults, as stories.
 *
 * A story's requests are written "at:takes" in milliseconds, with what is asked behind it: "0:1000 auto",
 * "0:1000 gpt@openai" (a pin). What comes of them, one for each: who answered, "+ms" when it waited for a slot, "!" when
 * others were asked before; or "-reason".
 */
#include "domain/rehearse.h"
#include "tests/test.h"

#define NOW      INT64_C(5000000)
#define WALL     INT64_C(1700000000000)
#define JOBS_MAX 64

/* ---- the world ------------------------------------------------------------------------------------ */

#define M(name)                                                 \
    {                                                           \
        .id = (name), .is_surfaced = true, .context_tokens = -1 \
    }
static const struct model rack_models[] = {M("llama")};
static const struct model openai_models[] = {M("gpt"), M("shared")};
static const struct model azure_models[] = {M("mini"), M("shared")};
static const struct str loaded_names[] = {STR_INIT("llama")};

enum who { RACK, OPENAI, AZURE, WORLD };
static const struct timeouts usual_timeouts = {5000, 120000, 600000, 120000};

struct story {
    const char *name, *requests;
    int64_t slots[2]; /* of the rack's workers */
    int64_t cap;      /* of openai; 0: none */
    int64_t rack_wait_ms, queue_wait_ms;
    int64_t wait_ms; /* X-Auxot-Wait of all; -1 with NO_WAIT_SAID */
    unsigned faults[WORLD];
    bool is_paused[WORLD];
    int64_t quota_ms;    /* openai is over its quota for so long from the beginning */
    int64_t usual_ms[2]; /* of the rack; of where the requests were recorded */
    const char *rule_to; /* openai has a fallback rule (offline) to it */
    bool is_batch;
    bool is_barred; /* their team may use no cloud */
    const char *come;
};

struct stage {
    struct provider providers[WORLD];
    const struct provider *list[WORLD];
    struct fallback_rule rule;
    struct rehearse_worker workers[2];
    struct rehearse_provider given[WORLD];
    struct routing routing;
    struct policy policy;
    struct access access;
    uint64_t team;
    bool is_batch;
    struct rehearse_question questions[JOBS_MAX];
    struct rehearse_job jobs[JOBS_MAX];
    char words[JOBS_MAX][32];
    struct rehearse_world world;
    struct rehearse_traffic traffic;
};

static const struct price *no_price(void *arg, const struct provider *provider, struct str model)
{
    (void)arg;
    (void)provider;
    (void)model;
    return NULL;
}

static void set_providers(struct stage *stage, const struct story *story)
{
    static const struct provider bare[WORLD] = {
        [RACK] = {.id = "prv_rack",
                  .name = "rack",
                  .slug = "rack",
                  .kind = PROVIDER_GPU,
                  .base_url = "",
                  .has_workers = true,
                  .default_model = "llama",
                  .models = rack_models,
                  .model_count = COUNT(rack_models)},
        [OPENAI] = {.id = "prv_openai",
                    .name = "openai",
                    .slug = "openai",
                    .kind = PROVIDER_OPENAI,
                    .base_url = "https://one",
                    .default_model = "gpt",
                    .models = openai_models,
                    .model_count = COUNT(openai_models)},
        [AZURE] = {.id = "prv_azure",
                   .name = "azure",
                   .slug = "azure",
                   .kind = PROVIDER_OPENAI,
                   .base_url = "https://two",
                   .default_model = "mini",
                   .models = azure_models,
                   .model_count = COUNT(azure_models)},
    };
    memcpy(stage->providers, bare, sizeof bare);
    for (size_t i = 0; i < WORLD; i++) {
        stage->providers[i].speaks = provider_kind_endpoints(bare[i].kind);
        stage->providers[i].timeouts = usual_timeouts;
        stage->providers[i].is_paused = story->is_paused[i];
        stage->list[i] = &stage->providers[i];
        stage->given[i] = (struct rehearse_provider){.faults = story->faults[i]};
        health_init(&stage->given[i].health, NOW);
    }
    stage->providers[RACK].wait_ms = story->rack_wait_ms;
    stage->providers[OPENAI].max_concurrent = story->cap;
    if (story->rule_to) {
        stage->rule =
            (struct fallback_rule){.condition = CONDITION_OFFLINE, .provider_id = story->rule_to};
        stage->providers[OPENAI].rules = &stage->rule;
        stage->providers[OPENAI].rule_count = 1;
    }
    if (story->quota_ms > 0) {
        stage->given[OPENAI].health.state = STATE_OVER_QUOTA;
        stage->given[OPENAI].health.cause = VERDICT_LIMIT;
        stage->given[OPENAI].health.until_ms = NOW + story->quota_ms;
    }
}

static void set_workers(struct stage *stage, const struct story *story)
{
    struct rehearse_provider *rack = &stage->given[RACK];
    for (size_t i = 0; i < 2; i++)
        if (story->slots[i] > 0)
            stage->workers[rack->worker_count++] = (struct rehearse_worker){
                .slots = story->slots[i], .models = loaded_names, .model_count = 1};
    rack->workers = stage->workers;
    rack->loaded = rack_models;
    rack->loaded_count = rack->worker_count > 0 ? COUNT(rack_models) : 0;
    rack->usual_ms = story->usual_ms[0];
}

/* "0:1000 gpt@openai; ..." */
static void set_requests(struct stage *stage, const struct story *story)
{
    struct str rest = str_of(story->requests);
    while (rest.len && stage->traffic.job_count < JOBS_MAX) {
        size_t at = stage->traffic.job_count++;
        struct str one = str_trim(str_cut(&rest, ';')), times = str_cut(&one, ' ');
        struct str arrives = str_cut(&times, ':');
        struct rehearse_job *job = &stage->jobs[at];
        str_copy(str_trim(one), stage->words[at], sizeof stage->words[at]);
        struct str pin = str_of(stage->words[at]), model = str_cut(&pin, '@');
        *job = (struct rehearse_job){.first_byte_ms = -1,
                                     .prompt_tokens = -1,
                                     .wait_ms = story->wait_ms,
                                     .usual_ms = story->usual_ms[1],
                                     .question = (uint32_t)at};
        CHECK(story->name,
              str_to_int64(arrives, &job->at_ms) && str_to_int64(times, &job->service_ms));
        job->first_byte_ms = job->service_ms;
        job->at_ms += WALL;
        usage_init(&job->usage);
        stage->questions[at] = (struct rehearse_question){
            .endpoint = ENDPOINT_CHAT, .model = model, .pin = pin, .is_batch = story->is_batch};
    }
}

static void set_world(struct stage *stage, const struct story *story)
{
    *stage = (struct stage){.team = 1};
    set_providers(stage, story);
    set_workers(stage, story);
    set_requests(stage, story);
    if (story->is_barred) {
        stage->policy = policy_none();
        stage->policy.has_tiers = true;
        stage->policy.tiers = 1u << TIER_GPU;
        stage->access =
            (struct access){.team_id = "tem_1", .team_name = "Team", .team = &stage->policy};
    }
    stage->routing = (struct routing){.providers = stage->list, .provider_count = WORLD};
    stage->traffic.jobs = stage->jobs;
    stage->traffic.questions = stage->questions;
    stage->traffic.question_count = stage->traffic.job_count;
    stage->world = (struct rehearse_world){.routing = &stage->routing,
                                           .providers = stage->given,
                                           .accesses = &stage->access,
                                           .teams = &stage->team,
                                           .are_batch = &stage->is_batch,
                                           .now_ms = NOW,
                                           .queue_wait_ms = story->queue_wait_ms,
                                           .max_attempts = 6,
                                           .price_of = no_price};
}

/* ---- the stories ---------------------------------------------------------------------------------- */

static void landing_write(const struct rehearse_landing *landing, char *room, size_t room_bytes)
{
    static const char *const names[WORLD] = {"rack", "openai", "azure"};
    char wait[32] = "";
    if (landing->waited_ms > 0)
        snprintf(wait, sizeof wait, "+%lld", (long long)landing->waited_ms);
    if (landing->is_answered)
        snprintf(room, room_bytes, "%s%s%s", names[landing->provider], wait,
                 landing->attempts > 1 ? "!" : "");
    else
        snprintf(room, room_bytes, "-%s%s", landing->reason, wait);
}

static void tell(const struct story *story)
{
    struct stage stage;
    struct rehearse_landing landings[JOBS_MAX];
    struct error error = {0};
    char come[1024] = "", one[96];
    set_world(&stage, story);
    CHECK(story->name, rehearse_run(&stage.world, &stage.traffic, landings, &error) == OK);
    for (size_t i = 0; i < stage.traffic.job_count; i++) {
        landing_write(&landings[i], one, sizeof one);
        if (i > 0)
            strcat(come, " ");
        strcat(come, one);
    }
    CHECK_STR(story->name, come, story->come);
}

#define SAID_NOTHING .wait_ms = -1, .queue_wait_ms = 60000
#define THREE        "0:1000 auto; 100:1000 auto; 200:1000 auto"
#define TWO_SLOTS    .slots = {2}

static const struct story stories[] = {
    {"whoever has a free slot is asked; from a full one requests overflow at once",
     THREE "; 1050:1000 auto", TWO_SLOTS, SAID_NOTHING, .come = "rack rack openai rack"},
    {"with a wait of the provider they wait so long, and overflow then", THREE, TWO_SLOTS,
     SAID_NOTHING, .rack_wait_ms = 500, .come = "rack rack openai+500"},
    {"a slot that becomes free in that time is taken", THREE, TWO_SLOTS, SAID_NOTHING,
     .rack_wait_ms = 900, .come = "rack rack rack+800"},
    {"who says that he will not wait overflows at once", THREE, TWO_SLOTS, .wait_ms = 0,
     .queue_wait_ms = 60000, .rack_wait_ms = 900, .come = "rack rack openai"},
    {"workers have their slots together", THREE, .slots = {1, 1}, SAID_NOTHING,
     .come = "rack rack openai"},
    {"half of two workers' slots are one", THREE, .slots = {1, 1}, SAID_NOTHING,
     .faults = {REHEARSE_HALF_SLOTS}, .come = "rack openai openai"},
    {"half of three slots are two, and half of one is one", THREE, .slots = {3}, SAID_NOTHING,
     .faults = {REHEARSE_HALF_SLOTS}, .come = "rack rack openai"},
    {"three times as slow, a slot is free later", THREE "; 1050:1000 auto", TWO_SLOTS, SAID_NOTHING,
     .faults = {REHEARSE_SLOW_X3}, .come = "rack rack openai openai"},
    {"what was recorded elsewhere takes as long as this one usually does", THREE "; 1050:1000 auto",
     TWO_SLOTS, SAID_NOTHING, .usual_ms = {2000, 1000}, .come = "rack rack openai openai"},
    {"who may use nothing else waits for a slot", THREE, TWO_SLOTS, SAID_NOTHING, .is_barred = true,
     .come = "rack rack rack+800"},
    {"and is told when none comes free in the time that one may wait", THREE, TWO_SLOTS,
     .wait_ms = -1, .queue_wait_ms = 300, .is_barred = true,
     .come = "rack rack -queue_timeout+300"},
    {"or at once, when nobody waits here", THREE, TWO_SLOTS, .wait_ms = -1, .queue_wait_ms = 0,
     .is_barred = true, .come = "rack rack -no_slot"},
    {"without workers the cascade passes it over", THREE, TWO_SLOTS, SAID_NOTHING,
     .faults = {REHEARSE_OFFLINE}, .come = "openai openai openai"},
    {"with a key of its own that is refused, workers are gone as well", THREE, TWO_SLOTS,
     SAID_NOTHING, .faults = {REHEARSE_KEY_REJECTED}, .come = "openai openai openai"},
    {"who may use nothing else waits for a worker that does not come", "0:10 auto", TWO_SLOTS,
     .wait_ms = -1, .queue_wait_ms = 5000, .faults = {REHEARSE_OFFLINE}, .is_barred = true,
     .come = "-no_worker+5000"},
    {"a cloud that is offline costs one request an attempt, and the others go behind it",
     "0:10 shared; 5:10 shared; 9:10 gpt", SAID_NOTHING, .faults = {0, REHEARSE_OFFLINE},
     .come = "azure! azure -attempts_exhausted"},
    {"it is tried again when its rest is over", "0:10 shared; 59999:10 shared; 60001:10 shared",
     SAID_NOTHING, .faults = {0, REHEARSE_OFFLINE}, .come = "azure! azure azure!"},
    {"a key that is refused is found out once",
     "0:10 shared; 5:10 shared; 90000:10 shared; 90001:10 gpt", SAID_NOTHING,
     .faults = {0, REHEARSE_KEY_REJECTED}, .come = "azure! azure azure -no_candidate"},
    {"a quota that is gone is found out once, and is said", "0:10 gpt; 5:10 shared; 9:10 gpt",
     SAID_NOTHING, .faults = {0, REHEARSE_OVER_QUOTA},
     .come = "-all_over_quota azure -all_over_quota"},
    {"a quota that is reset in time is waited for, and one request tries it", "0:10 gpt; 5:10 gpt",
     SAID_NOTHING, .quota_ms = 3000, .cap = 2, .come = "openai+3000 openai+3005"},
    {"one that is reset too late is not waited for", "0:10 gpt", .wait_ms = -1,
     .queue_wait_ms = 2000, .quota_ms = 3000, .cap = 2, .come = "-all_over_quota"},
    {"a fallback rule saves a pin; once it is known to be gone, its rule's target comes before it",
     "0:10 gpt@openai; 9:10 gpt@openai", SAID_NOTHING, .faults = {0, REHEARSE_OFFLINE},
     .rule_to = "prv_azure", .come = "azure! azure"},
    {"without one it does not", "0:10 gpt@openai", SAID_NOTHING, .faults = {0, REHEARSE_OFFLINE},
     .come = "-attempts_exhausted"},
    {"paused is paused", "0:10 shared; 1:10 gpt", SAID_NOTHING, .is_paused = {[OPENAI] = true},
     .come = "azure -no_candidate"},
    {"a cloud with a cap overflows like any other", "0:1000 shared; 1:1000 shared", SAID_NOTHING,
     .cap = 1, .come = "openai azure"},
    {"half of a cap", "0:1000 shared; 1:1000 shared; 2:1000 shared", SAID_NOTHING, .cap = 4,
     .faults = {0, REHEARSE_HALF_SLOTS}, .come = "openai openai azure"},
    {"so slow that it says nothing in time: the next one is asked then", "0:300000 shared",
     SAID_NOTHING, .faults = {0, REHEARSE_SLOW_X3}, .come = "azure!"},
    {"what nobody has is refused", "0:10 no-such", SAID_NOTHING, .come = "-unknown_model"},
    {"and so is a pin to nobody", "0:10 gpt@no-such", SAID_NOTHING, .come = "-unknown_provider"},
    {"everything at once goes down all the way", "0:10 auto; 1:10 auto", TWO_SLOTS, .wait_ms = 0,
     .faults = {REHEARSE_OFFLINE, REHEARSE_OVER_QUOTA, REHEARSE_KEY_REJECTED},
     .come = "-attempts_exhausted -all_over_quota"},
};

static void stories_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++)
        tell(&stories[i]);
}

/* ---- what always holds ---------------------------------------------------------------------------- */

#define MANY 3000

static uint64_t dice(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static int most_at_once(const struct rehearse_job *jobs, const struct rehearse_landing *landings,
                        size_t count, int32_t provider, size_t one)
{
    int64_t at_ms = jobs[one].at_ms + landings[one].waited_ms;
    int busy = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t from_ms = jobs[i].at_ms + landings[i].waited_ms;
        busy += landings[i].provider == provider && from_ms <= at_ms &&
                at_ms < from_ms + jobs[i].service_ms;
    }
    return busy;
}

static void never_more_than_the_slots_and_everybody_has_an_end(void **state)
{
    (void)state;
    static struct rehearse_job jobs[MANY];
    static struct rehearse_landing landings[MANY];
    struct story story = {.requests = "", TWO_SLOTS, SAID_NOTHING, .rack_wait_ms = 700, .cap = 3};
    struct stage stage;
    struct error error = {0};
    uint64_t seed = 88172645463325252u;
    set_world(&stage, &story);
    stage.questions[0] =
        (struct rehearse_question){.endpoint = ENDPOINT_CHAT, .model = STR("auto")};
    for (size_t i = 0; i < MANY; i++)
        jobs[i] = (struct rehearse_job){.at_ms = (i ? jobs[i - 1].at_ms : WALL) +
                                                 (int64_t)(dice(&seed) % 200),
                                        .service_ms = 1 + (int64_t)(dice(&seed) % 900),
                                        .first_byte_ms = -1,
                                        .prompt_tokens = -1,
                                        .wait_ms = -1};
    stage.traffic = (struct rehearse_traffic){jobs, MANY, stage.questions, 1};
    CHECK("many", rehearse_run(&stage.world, &stage.traffic, landings, &error) == OK);
    for (size_t i = 0; i < MANY; i++) {
        CHECK("each has its end", landings[i].reason && landings[i].is_answered);
        if (landings[i].provider == RACK)
            CHECK("the rack's slots", most_at_once(jobs, landings, MANY, RACK, i) <= 2);
        if (landings[i].provider == OPENAI)
            CHECK("the cap", most_at_once(jobs, landings, MANY, OPENAI, i) <= 3);
    }
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static void a_deadline_ends_it(void **state)
{
    (void)state;
    struct stage stage;
    struct rehearse_landing landings[JOBS_MAX];
    struct error error = {0};
    set_world(&stage, &stories[0]);
    stage.world.is_over = at_once;
    CHECK_INT("over", rehearse_run(&stage.world, &stage.traffic, landings, &error), ERR_TIMEOUT);
    CHECK_STR("said", error.text, "the rehearsal took too long");
}

static bool after_many_looks(void *arg)
{
    int *looks = arg;
    return ++*looks > 100;
}

/* Two wait for azure's quota; that openai's, which is paused, is over long before must not stop the clock. */
static void a_paused_quota_is_not_waited_for(void **state)
{
    (void)state;
    const struct story story = {.requests = "0:10 shared@azure; 1:10 shared@azure",
                                SAID_NOTHING,
                                .is_paused = {[OPENAI] = true},
                                .quota_ms = 1000,
                                .cap = 2};
    struct stage stage;
    struct rehearse_landing landings[JOBS_MAX];
    struct error error = {0};
    int looks = 0;
    set_world(&stage, &story);
    stage.providers[AZURE].max_concurrent = 2;
    stage.given[AZURE].health = stage.given[OPENAI].health;
    stage.given[AZURE].health.until_ms = NOW + 3000;
    stage.world.is_over = after_many_looks;
    stage.world.arg = &looks;
    CHECK_INT("ends", rehearse_run(&stage.world, &stage.traffic, landings, &error), OK);
    for (int i = 0; i < 2; i++)
        CHECK("answered by azure", landings[i].is_answered && landings[i].provider == AZURE &&
                                       landings[i].waited_ms >= 2999);
}

static void once_faults_are_known_nobody_is_found_out(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned faults[WORLD];
        bool is_barred;
        enum route_outcome outcome;
        const char *first;
    } rows[] = {
        {"all stand", {0}, false, ROUTE_OK, "rack"},
        {"no worker", {REHEARSE_OFFLINE}, false, ROUTE_OK, "openai"},
        {"no worker, and nothing else is allowed",
         {REHEARSE_OFFLINE},
         true,
         ROUTE_NOBODY_NOW,
         NULL},
        {"a key", {REHEARSE_OFFLINE, REHEARSE_KEY_REJECTED}, false, ROUTE_OK, "azure"},
        {"a quota", {REHEARSE_OFFLINE, REHEARSE_OVER_QUOTA}, false, ROUTE_OK, "azure"},
        {"slow is not gone", {REHEARSE_SLOW_X3}, false, ROUTE_OK, "rack"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct story story = {.requests = "0:1 auto", TWO_SLOTS, SAID_NOTHING};
        struct stage stage;
        static struct route_plan plan;
        memcpy(story.faults, rows[i].faults, sizeof story.faults);
        story.is_barred = rows[i].is_barred;
        set_world(&stage, &story);
        rehearse_plan_settled(&stage.world, &stage.questions[0], &plan);
        CHECK_INT(rows[i].name, plan.outcome, rows[i].outcome);
        if (rows[i].first)
            CHECK_STR(rows[i].name, plan.list[0].provider->slug, rows[i].first);
    }
}

static void faults_have_names(void **state)
{
    (void)state;
    unsigned fault = 0;
    CHECK("known", rehearse_fault_parse(STR("slow_x3"), &fault) && fault == REHEARSE_SLOW_X3);
    CHECK("unknown", !rehearse_fault_parse(STR("sleepy"), &fault));
}

TEST_MAIN(TEST(stories_come_out), TEST(never_more_than_the_slots_and_everybody_has_an_end),
          TEST(a_deadline_ends_it), TEST(a_paused_quota_is_not_waited_for),
          TEST(once_faults_are_known_nobody_is_found_out), TEST(faults_have_names))
