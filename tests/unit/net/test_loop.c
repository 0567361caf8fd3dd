/* tests/unit/net/test_loop.c: deadlines, deferred work, messages from other threads, and names. */
#include "net/loop.h"
#include "net/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#include "tests/test.h"

#define MS INT64_C(1000000)

static struct loop *loop;

static void open_loop(void)
{
    struct error error;
    CHECK("a loop", loop_new(3, &loop, &error) == OK);
}

/* ---- deadlines -------------------------------------------------------------------------------- */

struct alarm {
    struct deadline deadline;
    int64_t due_ns, rang_ns;
    int rings;
    bool stops;
};

static void on_due(struct deadline *deadline)
{
    struct alarm *alarm = LIST_OWNER(deadline, struct alarm, deadline);
    alarm->rings++;
    alarm->rang_ns = loop_now_ns(loop);
    if (alarm->stops)
        loop_stop(loop);
}

static void set(struct alarm *alarm, int64_t in_ms)
{
    alarm->due_ns = loop_refresh_now(loop) + in_ms * MS;
    deadline_set(&alarm->deadline, alarm->due_ns);
}

static void deadlines_ring_once_and_never_early(void **state)
{
    (void)state;
    open_loop();
    struct alarm alarms[5] = {{.stops = false}};
    for (int i = 0; i < 5; i++)
        deadline_init(&alarms[i].deadline, loop, on_due);
    set(&alarms[0], 30); /* moved back */
    set(&alarms[0], 60);
    set(&alarms[1], 60); /* moved forward */
    set(&alarms[1], 10);
    set(&alarms[2], 5); /* cleared */
    deadline_clear(&alarms[2].deadline);
    set(&alarms[3], 5); /* cleared and set again */
    deadline_clear(&alarms[3].deadline);
    set(&alarms[3], 20);
    alarms[4].stops = true;
    set(&alarms[4], 100);
    loop_run(loop);
    const int rings[] = {1, 1, 0, 1, 1};
    for (int i = 0; i < 5; i++) {
        CHECK_INT("rings", alarms[i].rings, rings[i]);
        CHECK("never early", !alarms[i].rings || alarms[i].rang_ns >= alarms[i].due_ns);
        deadline_release(&alarms[i].deadline);
    }
    CHECK("in order", alarms[1].rang_ns <= alarms[3].rang_ns);
    CHECK("in order", alarms[3].rang_ns <= alarms[0].rang_ns);
    CHECK_INT("index", loop_index(loop), 3);
    loop_free(loop);
}

static void a_deadline_of_the_past_rings_next_turn(void **state)
{
    (void)state;
    open_loop();
    struct alarm alarm = {.stops = true};
    deadline_init(&alarm.deadline, loop, on_due);
    deadline_set(&alarm.deadline, 1);
    CHECK_INT("not from inside", alarm.rings, 0);
    loop_run(loop);
    CHECK_INT("once", alarm.rings, 1);
    deadline_release(&alarm.deadline);
    loop_free(loop);
}

struct stubborn {
    struct deadline deadline;
    int rings;
};

static void on_due_again(struct deadline *deadline)
{
    struct stubborn *stubborn = LIST_OWNER(deadline, struct stubborn, deadline);
    stubborn->rings++;
    deadline_set(deadline, 1);
}

static void on_due_release(struct deadline *deadline)
{
    struct alarm *alarm = LIST_OWNER(deadline, struct alarm, deadline);
    alarm->rings++;
    for (struct alarm *other = alarm + 1; !other->stops; other++)
        deadline_release(&other->deadline);
}

static void a_deadline_may_set_itself_to_the_past_and_starves_nobody(void **state)
{
    (void)state;
    open_loop();
    struct stubborn stubborn = {0};
    struct alarm alarm = {.stops = true};
    deadline_init(&stubborn.deadline, loop, on_due_again);
    deadline_init(&alarm.deadline, loop, on_due);
    deadline_set(&stubborn.deadline, 1);
    set(&alarm, 5);
    loop_run(loop);
    CHECK_INT("the other one rang", alarm.rings, 1);
    CHECK("and it too, once a turn", stubborn.rings > 0);
    deadline_release(&stubborn.deadline);
    deadline_release(&alarm.deadline);
    loop_free(loop);
}

static void a_deadline_may_release_others_that_are_due(void **state)
{
    (void)state;
    open_loop();
    struct alarm alarms[4] = {{.stops = false}};
    for (int i = 0; i < 3; i++) {
        deadline_init(&alarms[i].deadline, loop, i ? on_due : on_due_release);
        deadline_set(&alarms[i].deadline, 1 + i);
    }
    alarms[3].stops = true;
    deadline_init(&alarms[3].deadline, loop, on_due);
    set(&alarms[3], 10);
    loop_run(loop);
    CHECK_INT("the first", alarms[0].rings, 1);
    CHECK_INT("the released", alarms[1].rings + alarms[2].rings, 0);
    CHECK_INT("the last", alarms[3].rings, 1);
    deadline_release(&alarms[0].deadline);
    deadline_release(&alarms[3].deadline);
    loop_free(loop);
}

/* ---- messages --------------------------------------------------------------------------------- */

#define THREADS  4
#define MESSAGES 5000

struct note {
    struct loop_message message;
    int thread, number;
};

static struct note notes[THREADS][MESSAGES];
static int next_number[THREADS], received;

static void on_note(struct loop_message *message)
{
    struct note *note = LIST_OWNER(message, struct note, message);
    CHECK_INT("in the sender's order", note->number, next_number[note->thread]++);
    if (++received == THREADS * MESSAGES)
        loop_stop(loop);
}

static void *send_notes(void *arg)
{
    int thread = *(int *)arg;
    for (int i = 0; i < MESSAGES; i++) {
        notes[thread][i] = (struct note){.message.run = on_note, .thread = thread, .number = i};
        loop_post(loop, &notes[thread][i].message);
    }
    return NULL;
}

static void messages_of_many_threads_all_arrive_in_order(void **state)
{
    (void)state;
    open_loop();
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK("a thread", pthread_create(&threads[i], NULL, send_notes, &numbers[i]) == 0);
    }
    loop_run(loop);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT("all", received, THREADS * MESSAGES);
    loop_free(loop);
}

static void *stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
    return NULL;
}

static void a_stop_from_another_thread_ends_a_sleeping_loop_and_it_may_run_again(void **state)
{
    (void)state;
    open_loop();
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        CHECK("a thread", pthread_create(&thread, NULL, stop, NULL) == 0);
        loop_run(loop);
        pthread_join(thread, NULL);
    }
    loop_stop(loop); /* before it runs: counts as well */
    loop_run(loop);
    loop_free(loop);
}

struct step {
    struct loop_message message;
    int left, depth;
};
static int depth;

static void on_step(struct loop_message *message)
{
    struct step *step = LIST_OWNER(message, struct step, message);
    CHECK_INT("not recursion", depth++, 0);
    if (step->left-- > 0)
        loop_defer(loop, message);
    else
        loop_stop(loop);
    depth--;
}

static void deferred_work_may_defer_itself_and_starves_nobody(void **state)
{
    (void)state;
    open_loop();
    struct alarm alarm = {.stops = false};
    deadline_init(&alarm.deadline, loop, on_due);
    set(&alarm, 1);
    struct step step = {.message.run = on_step, .left = 2000000};
    loop_defer(loop, &step.message);
    loop_run(loop);
    CHECK_INT("done", step.left, -1);
    CHECK_INT("the timer had its turn", alarm.rings, 1);
    deadline_release(&alarm.deadline);
    loop_free(loop);
}

struct late {
    struct loop_message message;
    int runs;
};
static void count_late(struct loop_message *message)
{
    LIST_OWNER(message, struct late, message)->runs++;
}

/* What it speaks of may be freed between the settling and the freeing of the loop, not before. */
static void what_came_behind_the_last_turn_is_run_by_settling_and_only_once(void **state)
{
    (void)state;
    struct late late = {.message.run = count_late};
    open_loop();
    loop_stop(loop);
    loop_run(loop);
    loop_post(loop, &late.message);
    loop_settle(loop);
    CHECK("run while it is there", late.runs == 1);
    loop_free(loop);
    CHECK("and not again", late.runs == 1);
}

static void what_was_posted_is_run_before_a_loop_is_freed(void **state)
{
    (void)state;
    open_loop();
    struct step posted = {.message.run = on_step, .left = 3};
    loop_post(loop, &posted.message);
    loop_free(loop);
    CHECK_INT("run to its end", posted.left, -1);
}

/* ---- names ------------------------------------------------------------------------------------ */

static int answers;
static bool is_good;

static void on_done(void *arg, const struct resolved *resolved, const struct error *error)
{
    CHECK("told why", resolved || (error->code != OK && error->text[0]));
    answers++;
    is_good = resolved && resolved->count > 0;
    if (arg)
        loop_stop(arg);
}

static void numbers_are_answered_at_once(void **state)
{
    (void)state;
    open_loop();
    struct resolver *resolver;
    struct resolver_query *query;
    struct resolved resolved;
    struct error error;
    CHECK("a resolver", resolver_new(loop, NULL, &resolver, &error) == OK);
    CHECK("v4", resolver_ask(resolver, "127.0.0.1", 80, &resolved, on_done, NULL, &query));
    const struct sockaddr_in *v4 = (const void *)&resolved.address[0].at;
    CHECK("as it is", resolved.count == 1 && v4->sin_port == htons(80) &&
                          v4->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK("v6", resolver_ask(resolver, "::1", 443, &resolved, on_done, NULL, &query));
    const struct sockaddr_in6 *v6 = (const void *)&resolved.address[0].at;
    CHECK("as it is", v6->sin6_family == AF_INET6 && v6->sin6_port == htons(443) && !query);
    resolver_free(resolver);
    loop_free(loop);
}

static void names_are_answered_later_and_then_from_memory(void **state)
{
    (void)state;
    open_loop();
    struct resolver *resolver;
    struct resolver_query *query;
    struct resolved resolved;
    struct error error;
    answers = 0;
    CHECK("a resolver", resolver_new(loop, NULL, &resolver, &error) == OK);
    CHECK("later", !resolver_ask(resolver, "localhost", 80, &resolved, on_done, loop, &query));
    CHECK("never from inside", query && answers == 0);
    loop_run(loop);
    CHECK("good", answers == 1 && is_good);
    CHECK("at once", resolver_ask(resolver, "localhost", 81, &resolved, on_done, NULL, &query));
    CHECK("with its own port",
          ((struct sockaddr_in *)&resolved.address[0].at)->sin_port == htons(81));
    resolver_free(resolver);
    loop_free(loop);
}

static void a_cancelled_question_is_never_answered(void **state)
{
    (void)state;
    open_loop();
    struct resolver *resolver;
    struct resolver_query *query;
    struct resolved resolved;
    struct error error;
    answers = 0;
    CHECK("a resolver", resolver_new(loop, NULL, &resolver, &error) == OK);
    CHECK("later", !resolver_ask(resolver, "localhost", 80, &resolved, on_done, NULL, &query));
    resolver_cancel(query);
    CHECK("later",
          !resolver_ask(resolver, "nothing.invalid", 80, &resolved, on_done, NULL, &query));
    resolver_cancel(query);
    resolver_free(resolver); /* with questions out */
    loop_free(loop);
    CHECK_INT("silent", answers, 0);
}

static void name_servers_are_addresses_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *servers;
        bool is_good;
    } stories[] = {
        {"127.0.0.1", true},   {"127.0.0.1:5353", true}, {"127.0.0.1:53,[::1]:5353", true},
        {"localhost.", false}, {"999.0.0.1", false},     {"127.0.0.1;127.0.0.2", false},
    };
    open_loop();
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        struct resolver *resolver = NULL;
        struct error error = {0};
        enum err err = resolver_new(loop, stories[i].servers, &resolver, &error);
        CHECK_INT(stories[i].servers, err, stories[i].is_good ? OK : ERR_MALFORMED);
        resolver_free(resolver);
    }
    loop_free(loop);
}

TEST_MAIN(TEST(deadlines_ring_once_and_never_early), TEST(a_deadline_of_the_past_rings_next_turn),
          TEST(a_deadline_may_set_itself_to_the_past_and_starves_nobody),
          TEST(a_deadline_may_release_others_that_are_due),
          TEST(messages_of_many_threads_all_arrive_in_order),
          TEST(a_stop_from_another_thread_ends_a_sleeping_loop_and_it_may_run_again),
          TEST(deferred_work_may_defer_itself_and_starves_nobody),
          TEST(what_came_behind_the_last_turn_is_run_by_settling_and_only_once),
          TEST(what_was_posted_is_run_before_a_loop_is_freed), TEST(numbers_are_answered_at_once),
          TEST(names_are_answered_later_and_then_from_memory),
          TEST(a_cancelled_question_is_never_answered), TEST(name_servers_are_addresses_or_refused))
