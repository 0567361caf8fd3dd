/* bench/queue_cost.c: what one operation of the dispatcher costs while many wait. For bench/queue_cost.sh, which
 * counts the instructions of the measured_ functions with callgrind.
 *
 *     queue_cost <waiting> <choices> <count> <providers> <teams>
 *
 * So many tickets wait, of the teams in turn, every fourth for batch, each for a set of so many of the providers,
 * which have 4 workers with 4 slots and 8 models each, all taken. Then, `count` times, the queue staying as long:
 *
 *     measured_release  a job ends, and its slot goes to whoever is next
 *     measured_take     another comes and has to wait
 *     measured_cancel   a waiting one leaves
 *     measured_free     a newcomer finds a free slot, and gives it back (at one more provider, that nobody waits for)
 */
#include "base/hash.h"
#include "base/mem.h"
#include "domain/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define PROVIDERS 64 /* at most */
#define WORKERS   4  /* of a provider */
#define SLOTS     4
#define MODELS    8

struct job {
    struct dispatch_ticket ticket;
    struct dispatch_choice *choices;
};

static struct dispatch *dispatch;
static char ids[PROVIDERS][48], names[MODELS][32];
static size_t set_size, providers, teams, slots;
static uint64_t throws;
static struct job *running[PROVIDERS][WORKERS * SLOTS];
static long takes;

/* Not static: under these names callgrind tells what they cost. */
void measured_take(struct job *job);
void measured_cancel(struct job *job);
struct job *measured_release(struct job *job);
void measured_free(struct dispatch_ticket *ticket);

__attribute__((noinline)) void measured_take(struct job *job)
{
    enum dispatch_state state = dispatch_take(dispatch, &job->ticket, 1);
    assert(state == DISPATCH_WAITING);
}

__attribute__((noinline)) void measured_cancel(struct job *job)
{
    dispatch_cancel(dispatch, &job->ticket, 1);
}

__attribute__((noinline)) struct job *measured_release(struct job *job)
{
    dispatch_release(dispatch, &job->ticket, 1);
    struct dispatch_ticket *next = dispatch_next_settled(dispatch);
    assert(next && next->state == DISPATCH_GRANTED);
    return next->owner;
}

__attribute__((noinline)) void measured_free(struct dispatch_ticket *ticket)
{
    enum dispatch_state state = dispatch_take(dispatch, ticket, 1);
    assert(state == DISPATCH_GRANTED);
    dispatch_cancel(dispatch, ticket, 1);
}

static uint32_t roll(uint32_t sides)
{
    return (uint32_t)(hash_spread(throws += UINT64_C(0x9e3779b97f4a7c15)) >> 32) % sides;
}

/* A job of the next team, which may go to any `count` providers. */
static void job_write(struct job *job, size_t count)
{
    static uint64_t number;
    uint32_t first = roll((uint32_t)providers);
    for (size_t i = 0; i < count; i++)
        job->choices[i] = (struct dispatch_choice){.provider_id = ids[(first + i) % providers],
                                                   .model = str_of(names[roll(MODELS)])};
    job->ticket = (struct dispatch_ticket){.choices = job->choices,
                                           .choice_count = count,
                                           .service_class =
                                               number % 4 ? DISPATCH_INTERACTIVE : DISPATCH_BATCH,
                                           .team = number % teams,
                                           .affinity = 1 + roll(50000),
                                           .deadline_ms = 60000 + roll(60000),
                                           .owner = job};
    number++;
}

/* ---- the world ----------------------------------------------------------------------------------- */

static void worker_add(const char *id)
{
    struct str models[MODELS];
    for (size_t i = 0; i < MODELS; i++)
        models[i] = str_of(names[i]);
    struct dispatch_worker *worker;
    static int owner;
    struct dispatch_worker_options options = {.provider_id = id,
                                              .owner = &owner,
                                              .slots = SLOTS,
                                              .models = models,
                                              .model_count = MODELS};
    enum err err = dispatch_worker_join(dispatch, &options, 0, &worker, NULL);
    assert(err == OK);
    for (int i = 0; i < 10000; i++) /* connections are not the matter here */
        dispatch_worker_park(dispatch, worker, 0);
}

static size_t provider_of(const char *id)
{
    return (size_t)(id - ids[0]) / sizeof ids[0];
}

static void take_all_slots(struct job *jobs)
{
    size_t counts[PROVIDERS] = {0};
    for (size_t i = 0; i < slots; i++) {
        job_write(&jobs[i], providers);
        enum dispatch_state state = dispatch_take(dispatch, &jobs[i].ticket, 1);
        assert(state == DISPATCH_GRANTED);
        size_t at = provider_of(jobs[i].choices[jobs[i].ticket.lease.choice].provider_id);
        running[at][counts[at]++] = &jobs[i];
    }
}

static void setup(struct job *jobs, size_t waiting)
{
    for (int i = 0; i < MODELS; i++)
        (void)snprintf(names[i], sizeof names[i], "some-model-%d-instruct", i);
    for (size_t i = 0; i < providers; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "prv_01jz00000000000000000000%02zu", i);
        for (int w = 0; w < WORKERS; w++)
            worker_add(ids[i]);
    }
    worker_add("prv_free");
    for (size_t i = 0; i < slots + waiting; i++) {
        jobs[i].choices = mem_zalloc(i < slots ? providers : set_size, sizeof *jobs[i].choices);
        assert(jobs[i].choices);
    }
    take_all_slots(jobs);
    for (size_t i = slots; i < slots + waiting; i++) {
        job_write(&jobs[i], set_size);
        enum dispatch_state state = dispatch_take(dispatch, &jobs[i].ticket, 1);
        assert(state == DISPATCH_WAITING);
    }
}

/* ---- what is measured ---------------------------------------------------------------------------- */

static struct job *any_waiting(struct job *jobs, size_t waiting)
{
    for (;;) {
        struct job *job = &jobs[roll((uint32_t)(slots + waiting))];
        if (job->ticket.state == DISPATCH_WAITING)
            return job;
    }
}

static void come(struct job *job)
{
    job_write(job, set_size);
    measured_take(job);
    takes++;
}

/* One of each, the queue as long as before. */
static void turn(struct job *jobs, size_t waiting)
{
    size_t at = provider_of(any_waiting(jobs, waiting)->choices[0].provider_id);
    struct job **place = &running[at][roll(WORKERS * SLOTS)], *done = *place;
    *place = measured_release(done);
    come(done);

    struct job *leaver = any_waiting(jobs, waiting);
    measured_cancel(leaver);
    come(leaver);

    struct dispatch_choice choice = {.provider_id = "prv_free", .model = str_of(names[0])};
    struct dispatch_ticket newcomer = {.choices = &choice, .choice_count = 1, .affinity = 7};
    measured_free(&newcomer);
}

int main(int argc, char **argv)
{
    assert(argc == 6);
    size_t waiting = strtoull(argv[1], NULL, 10);
    set_size = strtoull(argv[2], NULL, 10);
    long count = strtol(argv[3], NULL, 10);
    providers = strtoull(argv[4], NULL, 10);
    teams = strtoull(argv[5], NULL, 10);
    slots = providers * WORKERS * SLOTS;
    assert(waiting > 0 && teams > 0 && providers <= PROVIDERS);
    assert(set_size >= 1 && set_size <= providers);
    enum err err = dispatch_new(&dispatch);
    struct job *jobs = mem_zalloc(slots + waiting, sizeof *jobs);
    assert(err == OK && jobs);
    setup(jobs, waiting);
    for (long i = 0; i < count; i++)
        turn(jobs, waiting);
    (void)printf("bytes ticket %zu choice %zu\n", sizeof(struct dispatch_ticket),
                 sizeof(struct dispatch_choice));
    (void)printf("calls measured_take %ld\ncalls measured_cancel %ld\n", takes, count);
    (void)printf("calls measured_release %ld\ncalls measured_free %ld\n", count, count);
    return 0;
}
