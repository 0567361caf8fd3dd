/* tests/unit/domain/dispatch_script.h: stories about the dispatcher, as short scripts of statements, separated by ';'.
 *
 *     worker W P N [models=a,b]   a worker of provider P with N slots and N parked connections; all models by default
 *     bare W P N [models=a,b]     with no connection parked
 *     cap P N
 *     take T CHOICES [team=N] [batch] [until=MS] [of=N] [avoid=W]
 *         CHOICES: P[:model][+wait_ms][!], by commas; '!': hopeless. until: 1000000 by default. of: affinity
 *     again T [avoid=W] [elsewhere]   takes with the same ticket once more; elsewhere: not where it was last
 *     release T; cancel T; park W; unpark W; live W; suspect W; away W; remove W
 *     change W N [models=a,b]     its slots and models are other ones now
 *     open P; close P; trial P; delete P
 *     at MS                       it is so late now
 *     got T W                     T was told that it has a slot of W (or of P's cap)
 *     told T STATE                T was told that; told: who else was told is an error
 *     is T STATE                  it is so, told or not
 *     due MS                      the dispatcher wants to be called then; 0: never
 *     sum P slots|busy|workers|waiting|oldest|serves|full N
 *     free W N                    N connections of W are parked and promised to nobody
 *
 * What take and again find at once is told at once. After each statement that acts, whoever was told before
 * must have been asked about by `got` or `told`, in that order.
 */
#pragma once
#include "base/mem.h"
#include "domain/dispatch.h"
#include "tests/test.h"
#include <stdlib.h>

#define THINGS_MAX 64
#define WORDS_MAX  8

struct script_worker {
    char name[16];
    struct dispatch_worker *worker; /* NULL: removed */
    uint64_t life;
};
struct script_ticket {
    char name[16];
    struct dispatch_ticket ticket;
    struct dispatch_choice choices[8];
    char texts[8][2][16]; /* provider and model of each choice */
};
struct script_told {
    struct script_ticket *ticket;
    enum dispatch_state state;
};
struct script {
    const char *story;
    struct dispatch *dispatch;
    int64_t now_ms;
    struct script_worker workers[THINGS_MAX];
    struct script_ticket tickets[THINGS_MAX];
    size_t worker_count, ticket_count;
    struct script_told told[THINGS_MAX];
    size_t told_count, told_read;
    char *word[WORDS_MAX];
    size_t word_count;
    char statement[160], shown[160];
};

static void script_fail(struct script *script, const char *what)
{
    print_error("story: %s\n  in: %s\n  %s\n", script->story, script->shown, what);
    fail();
}

static struct script_worker *script_worker(struct script *script, const char *name)
{
    for (size_t i = script->worker_count; i-- > 0;)
        if (strcmp(script->workers[i].name, name) == 0)
            return &script->workers[i];
    script_fail(script, "no such worker");
    return NULL;
}

static struct script_ticket *script_ticket(struct script *script, const char *name)
{
    for (size_t i = 0; i < script->ticket_count; i++)
        if (strcmp(script->tickets[i].name, name) == 0)
            return &script->tickets[i];
    script_fail(script, "no such ticket");
    return NULL;
}

/* The value of `name=...` among the words; NULL: it is not there. */
static const char *script_option(const struct script *script, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < script->word_count; i++)
        if (strncmp(script->word[i], name, len) == 0 && script->word[i][len] == '=')
            return script->word[i] + len + 1;
    return NULL;
}

static int64_t script_number(const struct script *script, const char *option, int64_t otherwise)
{
    const char *text = script_option(script, option);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

static int64_t script_word_number(struct script *script, size_t index)
{
    if (index >= script->word_count)
        script_fail(script, "a number is missing");
    return strtoll(script->word[index], NULL, 10);
}

static bool script_says(const struct script *script, const char *word)
{
    for (size_t i = 0; i < script->word_count; i++)
        if (strcmp(script->word[i], word) == 0)
            return true;
    return false;
}

/* ---- what happened ------------------------------------------------------------------------------- */

static void script_note(struct script *script, struct script_ticket *ticket)
{
    script->told[script->told_count++] = (struct script_told){ticket, ticket->ticket.state};
}

static void script_drain(struct script *script)
{
    for (struct dispatch_ticket *ticket; (ticket = dispatch_next_settled(script->dispatch));)
        script_note(script, ticket->owner);
}

static void script_expect(struct script *script, const char *name, enum dispatch_state state)
{
    if (script->told_read == script->told_count)
        script_fail(script, "nobody was told anything");
    struct script_told *told = &script->told[script->told_read++];
    CHECK_STR(script->shown, told->ticket->name, name);
    CHECK_STR(script->shown, dispatch_state_name(told->state), dispatch_state_name(state));
}

static void script_got(struct script *script)
{
    script_expect(script, script->word[1], DISPATCH_GRANTED);
    const struct script_ticket *ticket = script_ticket(script, script->word[1]);
    const struct dispatch_lease *lease = &ticket->ticket.lease;
    CHECK(script->shown, lease->worker != NULL && lease->life > 0);
    if (!lease->owner) { /* a cap's */
        CHECK_STR(script->shown, ticket->choices[lease->choice].provider_id, script->word[2]);
        return;
    }
    const struct script_worker *worker = lease->owner;
    CHECK_STR(script->shown, worker->name, script->word[2]);
    CHECK(script->shown, lease->worker == worker->worker && lease->life == worker->life);
}

static enum dispatch_state script_state(struct script *script, const char *name)
{
    for (int i = 0; i < DISPATCH_STATE_COUNT; i++)
        if (strcmp(dispatch_state_name((enum dispatch_state)i), name) == 0)
            return (enum dispatch_state)i;
    script_fail(script, "no such state");
    return DISPATCH_IDLE;
}

/* ---- workers ------------------------------------------------------------------------------------- */

static void script_models(struct script *script, struct dispatch_worker_options *options,
                          struct str *room)
{
    const char *list = script_option(script, "models");
    options->has_all_models = list == NULL;
    options->models = room;
    struct str rest = str_of(list);
    while (list && !str_is_empty(rest))
        room[options->model_count++] = str_cut(&rest, ',');
}

static void script_join(struct script *script, bool has_connections)
{
    struct script_worker *worker = &script->workers[script->worker_count++];
    struct str models[8];
    struct dispatch_worker_options options = {.provider_id = script->word[2],
                                              .owner = worker,
                                              .epoch = (int64_t)script->worker_count,
                                              .slots = script_word_number(script, 3)};
    script_models(script, &options, models);
    str_copy(str_of(script->word[1]), worker->name, sizeof worker->name);
    struct error error;
    enum err err =
        dispatch_worker_join(script->dispatch, &options, script->now_ms, &worker->worker, &error);
    CHECK_STR(script->shown, err_name(err), "OK");
    struct dispatch_worker_view view;
    dispatch_worker_look(worker->worker, &view);
    worker->life = view.life;
    for (int32_t i = 0; has_connections && i < view.slots; i++)
        dispatch_worker_park(script->dispatch, worker->worker, script->now_ms);
}

static void script_change(struct script *script, struct dispatch_worker *worker)
{
    struct str models[8];
    struct dispatch_worker_options options = {.slots = script_word_number(script, 2)};
    script_models(script, &options, models);
    enum err err = dispatch_worker_update(script->dispatch, worker, &options, script->now_ms, NULL);
    CHECK_STR(script->shown, err_name(err), "OK");
}

/* Words that do something to a worker. False: this is none. */
static bool script_act_on_worker(struct script *script, const char *verb)
{
    static const char *const verbs[] = {"live",   "suspect", "away",  "park",
                                        "unpark", "remove",  "change"};
    size_t known = 0;
    while (known < COUNT(verbs) && strcmp(verbs[known], verb) != 0)
        known++;
    if (known == COUNT(verbs))
        return false;
    struct script_worker *it = script_worker(script, script->word[1]);
    struct dispatch_worker *worker = it->worker;
    switch (known) {
    case 0:
    case 1:
    case 2:
        dispatch_worker_set(script->dispatch, worker, (enum dispatch_worker_state)known,
                            script->now_ms);
        break;
    case 3: dispatch_worker_park(script->dispatch, worker, script->now_ms); break;
    case 4: dispatch_worker_unpark(script->dispatch, worker); break;
    case 5: dispatch_worker_remove(script->dispatch, worker, script->now_ms); break;
    default: script_change(script, worker); break;
    }
    return true;
}

/* ---- tickets ------------------------------------------------------------------------------------- */

static void script_choice(struct script_ticket *ticket, struct str text)
{
    size_t index = ticket->ticket.choice_count++;
    struct dispatch_choice *choice = &ticket->choices[index];
    choice->is_hopeless = str_ends(text, STR("!"));
    text.len -= choice->is_hopeless;
    struct str model = str_cut(&text, '+');
    choice->wait_ms = str_is_empty(text) ? 0 : strtoll(text.at, NULL, 10);
    struct str provider = str_cut(&model, ':');
    str_copy(provider, ticket->texts[index][0], sizeof ticket->texts[index][0]);
    str_copy(model, ticket->texts[index][1], sizeof ticket->texts[index][1]);
    choice->provider_id = ticket->texts[index][0];
    choice->model = str_of(ticket->texts[index][1]);
}

static void script_avoid(struct script *script, struct script_ticket *ticket)
{
    const char *avoided = script_option(script, "avoid");
    if (avoided)
        ticket->ticket.avoid[ticket->ticket.avoid_count++] = script_worker(script, avoided)->life;
    if (script_says(script, "elsewhere"))
        ticket->ticket.avoid[ticket->ticket.avoid_count++] = ticket->ticket.lease.life;
}

static void script_try(struct script *script, struct script_ticket *ticket)
{
    script_avoid(script, ticket);
    enum dispatch_state state = dispatch_take(script->dispatch, &ticket->ticket, script->now_ms);
    CHECK_INT(script->shown, state, ticket->ticket.state);
    if (state != DISPATCH_WAITING)
        script_note(script, ticket);
}

static void script_take(struct script *script)
{
    struct script_ticket *ticket = &script->tickets[script->ticket_count++];
    ticket->ticket = (struct dispatch_ticket){
        .choices = ticket->choices,
        .service_class = script_says(script, "batch") ? DISPATCH_BATCH : DISPATCH_INTERACTIVE,
        .team = (uint64_t)script_number(script, "team", 0),
        .affinity = (uint64_t)script_number(script, "of", 0),
        .deadline_ms = script_number(script, "until", 1000000),
        .owner = ticket};
    str_copy(str_of(script->word[1]), ticket->name, sizeof ticket->name);
    struct str choices = str_of(script->word[2]);
    while (!str_is_empty(choices))
        script_choice(ticket, str_cut(&choices, ','));
    script_try(script, ticket);
}

static bool script_act_on_ticket(struct script *script, const char *verb)
{
    if (strcmp(verb, "take") == 0)
        script_take(script);
    else if (strcmp(verb, "again") == 0)
        script_try(script, script_ticket(script, script->word[1]));
    else if (strcmp(verb, "release") == 0)
        dispatch_release(script->dispatch, &script_ticket(script, script->word[1])->ticket,
                         script->now_ms);
    else if (strcmp(verb, "cancel") == 0)
        dispatch_cancel(script->dispatch, &script_ticket(script, script->word[1])->ticket,
                        script->now_ms);
    else
        return false;
    return true;
}

/* ---- providers ----------------------------------------------------------------------------------- */

static bool script_act_on_provider(struct script *script, const char *verb)
{
    static const char *const gates[] = {"close", "open", "trial"};
    const char *id = script->word[1];
    for (size_t i = 0; i < COUNT(gates); i++)
        if (strcmp(verb, gates[i]) == 0) {
            CHECK(script->shown, dispatch_provider_open(script->dispatch, id, (enum dispatch_gate)i,
                                                        script->now_ms) == OK);
            return true;
        }
    if (strcmp(verb, "cap") == 0) {
        int32_t slots = (int32_t)script_word_number(script, 2);
        CHECK(script->shown,
              dispatch_provider_cap(script->dispatch, id, slots, script->now_ms) == OK);
        return true;
    }
    if (strcmp(verb, "delete") == 0) {
        dispatch_provider_remove(script->dispatch, id, script->now_ms);
        return true;
    }
    return false;
}

static void script_sum(struct script *script)
{
    struct str model = str_of(script->word[1]);
    char id[16];
    str_copy(str_cut(&model, ':'), id, sizeof id);
    struct dispatch_provider_view view;
    dispatch_provider_look(script->dispatch, id, model, script->now_ms, &view);
    const struct {
        const char *name;
        int64_t value;
    } figures[] = {{"slots", view.slots},           {"busy", view.busy},
                   {"workers", view.workers},       {"waiting", view.waiting},
                   {"oldest", view.oldest_wait_ms}, {"serves", view.serves_model},
                   {"full", view.is_full}};
    for (size_t i = 0; i < COUNT(figures); i++)
        if (strcmp(figures[i].name, script->word[2]) == 0) {
            CHECK_INT(script->shown, figures[i].value, script_word_number(script, 3));
            return;
        }
    script_fail(script, "no such figure");
}

/* ---- statements ---------------------------------------------------------------------------------- */

/* What is asked and does not act. False: this is none. */
static bool script_ask(struct script *script, const char *verb)
{
    if (strcmp(verb, "got") == 0) {
        script_got(script);
    } else if (strcmp(verb, "told") == 0) {
        script_expect(script, script->word[1], script_state(script, script->word[2]));
    } else if (strcmp(verb, "is") == 0) {
        CHECK_STR(script->shown,
                  dispatch_state_name(script_ticket(script, script->word[1])->ticket.state),
                  script->word[2]);
    } else if (strcmp(verb, "sum") == 0) {
        script_sum(script);
    } else if (strcmp(verb, "due") == 0) {
        int64_t due_ms = dispatch_due_ms(script->dispatch);
        CHECK_INT(script->shown, due_ms == INT64_MAX ? 0 : due_ms, script_word_number(script, 1));
    } else if (strcmp(verb, "free") == 0) {
        struct dispatch_worker_view view;
        dispatch_worker_look(script_worker(script, script->word[1])->worker, &view);
        CHECK_INT(script->shown, view.parked, script_word_number(script, 2));
    } else {
        return false;
    }
    return true;
}

static void script_check_all_told(struct script *script)
{
    if (script->told_read < script->told_count) {
        const struct script_told *told = &script->told[script->told_read];
        print_error("before: %s\n  %s was told %s\n", script->shown, told->ticket->name,
                    dispatch_state_name(told->state));
        script_fail(script, "and the story does not say so");
    }
    script->told_read = script->told_count = 0;
}

static void script_act(struct script *script, const char *verb)
{
    script_check_all_told(script);
    if (strcmp(verb, "at") == 0) {
        script->now_ms = script_word_number(script, 1);
        (void)dispatch_tick(script->dispatch, script->now_ms);
    } else if (strcmp(verb, "worker") == 0 || strcmp(verb, "bare") == 0) {
        script_join(script, strcmp(verb, "worker") == 0);
    } else if (!script_act_on_ticket(script, verb) && !script_act_on_worker(script, verb) &&
               !script_act_on_provider(script, verb)) {
        script_fail(script, "no such statement");
    }
    script_drain(script);
}

static void script_play(struct script *script, struct str statement)
{
    str_copy(str_trim(statement), script->statement, sizeof script->statement);
    str_copy(str_trim(statement), script->shown, sizeof script->shown);
    script->word_count = 0;
    char *save = NULL;
    for (char *word = strtok_r(script->statement, " \n", &save); word;
         word = strtok_r(NULL, " \n", &save))
        script->word[script->word_count++] = word;
    if (script->word_count > 0 && !script_ask(script, script->word[0]))
        script_act(script, script->word[0]);
}

/* Everybody leaves; nothing may be left behind. */
static void script_end(struct script *script)
{
    str_copy(STR("the end"), script->shown, sizeof script->shown);
    script_check_all_told(script);
    for (size_t i = 0; i < script->ticket_count; i++)
        dispatch_cancel(script->dispatch, &script->tickets[i].ticket, script->now_ms);
    CHECK_INT(script->story, dispatch_waiting(script->dispatch), 0);
    CHECK(script->story, dispatch_next_settled(script->dispatch) == NULL);
    dispatch_free(script->dispatch);
}

static void script_run(const char *story, const char *text)
{
    AUTO_FREE struct script *script = mem_zalloc(1, sizeof *script);
    assert_non_null(script);
    script->story = story;
    CHECK(story, dispatch_new(&script->dispatch) == OK);
    struct str rest = str_of(text);
    while (!str_is_empty(rest))
        script_play(script, str_cut(&rest, ';'));
    script_end(script);
}
