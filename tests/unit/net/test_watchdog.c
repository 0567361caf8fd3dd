/* tests/unit/net/test_watchdog.c: a loop that is stuck is told, one that works is not, a pause of everything is forgiven. */
#include "net/watchdog.h"
#include "sys/thread.h"
#include "tests/test.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

static struct {
    const char *name;
    pthread_t thread;
    sem_t is_told;
} stuck;

static void on_stuck(void *arg, const char *name, pthread_t thread, int64_t silent_ms)
{
    CHECK("the argument", arg == &stuck);
    CHECK("after the patience", silent_ms >= 600);
    stuck.name = name;
    stuck.thread = thread;
    sem_post(&stuck.is_told);
}

static void loop_main(void *arg)
{
    loop_run(arg);
}

static sem_t let_go, is_held;

static void hold(struct loop_message *message)
{
    (void)message;
    sem_post(&is_held);
    while (sem_wait(&let_go) != 0)
        continue;
}

static bool is_told_within(int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    return sem_timedwait(&stuck.is_told, &until) == 0;
}

static void a_loop_that_is_stuck_is_told_with_its_thread_and_one_that_works_is_not(void **state)
{
    (void)state;
    struct error error = {0};
    struct loop *loops[2];
    pthread_t threads[2];
    struct watchdog *watchdog = NULL;
    struct watchdog_options options = {.patience_ms = 600, .on_stuck = on_stuck, .arg = &stuck};
    static const char *const names[] = {"works", "hangs"};
    sem_init(&stuck.is_told, 0, 0);
    sem_init(&let_go, 0, 0);
    sem_init(&is_held, 0, 0);
    assert_int_equal(watchdog_new(&options, &watchdog, &error), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(loop_new(i, &loops[i], &error), OK);
        assert_int_equal(thread_start(names[i], loop_main, loops[i], &threads[i], &error), OK);
        watchdog_watch(watchdog, loops[i], names[i]);
    }
    assert_int_equal(watchdog_start(watchdog, &error), OK);
    CHECK("while all work, nothing is told", !is_told_within(2000));

    struct loop_message message = {.run = hold};
    loop_post(loops[1], &message);
    CHECK("the stuck one is told", is_told_within(10000));
    CHECK_STR("by its name", stuck.name, "hangs");
    CHECK("with its thread", pthread_equal(stuck.thread, threads[1]));

    sem_post(&let_go);
    watchdog_stop(watchdog);
    for (int i = 0; i < 2; i++) {
        loop_stop(loops[i]);
        thread_join(threads[i]);
        loop_free(loops[i]);
    }
    watchdog_free(watchdog);
}

static void without_a_start_it_ends_as_well(void **state)
{
    (void)state;
    struct watchdog *watchdog = NULL;
    struct error error = {0};
    struct watchdog_options options = {.on_stuck = on_stuck};
    assert_int_equal(watchdog_new(&options, &watchdog, &error), OK);
    watchdog_stop(watchdog);
    watchdog_free(watchdog);
    watchdog_stop(NULL);
    watchdog_free(NULL);
}

TEST_MAIN(TEST(a_loop_that_is_stuck_is_told_with_its_thread_and_one_that_works_is_not),
          TEST(without_a_start_it_ends_as_well))
