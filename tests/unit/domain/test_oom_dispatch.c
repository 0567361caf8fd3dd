/* tests/unit/domain/test_oom_dispatch.c: F62: each allocation of the dispatcher fails once, in turn. Nothing breaks,
 * nothing leaks (ASan looks), whoever could not be let in is told, and the next one finds all well.
 */
#include "domain/dispatch.h"
#include "tests/test.h"
#include "tests/unit/oom.h"

#define TICKETS 4

struct scene {
    bool may_fail; /* an allocation will */
    struct dispatch *dispatch;
    struct dispatch_worker *worker;
    struct dispatch_ticket tickets[TICKETS];
    struct dispatch_choice choices[TICKETS][3];
};

static void check(const struct scene *scene, const char *what, bool is_well)
{
    CHECK(what, is_well || scene->may_fail);
}

static void people_come(struct scene *scene)
{
    static const struct str models[] = {STR_INIT("x"), STR_INIT("y")};
    struct dispatch_worker_options options = {.provider_id = "P",
                                              .owner = scene,
                                              .slots = 1,
                                              .models = models,
                                              .model_count = COUNT(models)};
    struct error error = {.text = ""};
    enum err err = dispatch_worker_join(scene->dispatch, &options, 0, &scene->worker, &error);
    CHECK("an error has its sentence", (err == OK) == (error.text[0] == '\0'));
    check(scene, "joined", err == OK);
    check(scene, "capped", dispatch_provider_cap(scene->dispatch, "C", 1, 0) == OK);
    check(scene, "named", dispatch_provider_open(scene->dispatch, "Q", DISPATCH_CLOSED, 0) == OK);
    if (!scene->worker)
        return;
    dispatch_worker_park(scene->dispatch, scene->worker, 0);
    options.models = &models[1];
    options.model_count = 1;
    check(scene, "changed",
          dispatch_worker_update(scene->dispatch, scene->worker, &options, 0, NULL) == OK);
}

static void tickets_come(struct scene *scene)
{
    static const char *const models[TICKETS] = {"y", "x", "z", "z"};
    for (size_t i = 0; i < TICKETS; i++) {
        struct dispatch_choice *choices = scene->choices[i];
        choices[0] = (struct dispatch_choice){.provider_id = "P", .model = str_of(models[i])};
        choices[1] = (struct dispatch_choice){.provider_id = "Q", .wait_ms = 5};
        choices[2] = (struct dispatch_choice){.provider_id = i ? "R" : "C"};
        scene->tickets[i] = (struct dispatch_ticket){.choices = choices,
                                                     .choice_count = COUNT(scene->choices[i]),
                                                     .team = i,
                                                     .deadline_ms = 100};
        enum dispatch_state state = dispatch_take(scene->dispatch, &scene->tickets[i], 0);
        check(scene, "served, or waits", state == (i ? DISPATCH_WAITING : DISPATCH_GRANTED));
        CHECK("or is told that there is no room",
              state == DISPATCH_WAITING || state == DISPATCH_GRANTED || state == DISPATCH_CROWDED);
    }
}

static void play(bool may_fail)
{
    struct scene scene = {.may_fail = may_fail};
    enum err err = dispatch_new(&scene.dispatch);
    check(&scene, "made", err == OK);
    if (err != OK)
        return;
    people_come(&scene);
    tickets_come(&scene);
    check(&scene, "three wait", dispatch_waiting(scene.dispatch) == TICKETS - 1);
    dispatch_release(scene.dispatch, &scene.tickets[0], 1);
    if (scene.worker)
        dispatch_worker_remove(scene.dispatch, scene.worker, 2);
    (void)dispatch_tick(scene.dispatch, 100);
    CHECK_INT("all waits end", dispatch_waiting(scene.dispatch), 0);
    for (size_t i = 0; i < TICKETS; i++)
        dispatch_cancel(scene.dispatch, &scene.tickets[i], 100);
    dispatch_free(scene.dispatch);
}

static void each_allocation_may_fail_once(void **state)
{
    (void)state;
    oom_watch(true);
    oom_begin(0);
    play(false);
    long all = oom_end();
    CHECK("there are some", all > 15);
    for (long nth = 1; nth <= all; nth++) {
        oom_begin(nth);
        play(true);
        CHECK("it struck", oom_has_struck());
        (void)oom_end();
        play(false);
    }
    oom_watch(false);
}

TEST_MAIN(TEST(each_allocation_may_fail_once))
