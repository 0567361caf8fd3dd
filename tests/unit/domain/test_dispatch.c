/* tests/unit/domain/test_dispatch.c: SPEC 4.2, as stories: see dispatch_script.h for their language. */
#include "tests/unit/domain/dispatch_script.h"

struct story {
    const char *name, *script;
};

static void tell(const struct story *stories, size_t count)
{
    for (size_t i = 0; i < count; i++)
        script_run(stories[i].name, stories[i].script);
}
#define TELL(stories) tell((stories), COUNT(stories))

// clang-format off

static void slots_are_lent_and_come_back(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"a free slot is taken at once",
         "worker w1 P 1; take a P; got a w1; sum P busy 1; sum P slots 1; free w1 0"},
        {"who comes when all are taken waits, and has the next one that is released",
         "worker w1 P 1; take a P; got a w1; take b P; is b waiting; sum P waiting 1; release a; is b waiting;"
         "park w1; got b w1; sum P waiting 0; is a idle"},
        {"a slot without a connection is no slot",
         "bare w1 P 2; take a P; is a waiting; take b P; park w1; got a w1; park w1; got b w1; park w1; take c P;"
         "is c waiting"},
        {"a connection without a slot is no slot",
         "worker w1 P 1; park w1; take a P; got a w1; free w1 1; take b P; is b waiting; release a; got b w1"},
        {"whoever does not want what it got gives slot and connection to the next",
         "worker w1 P 1; take a P; got a w1; take b P; cancel a; got b w1; free w1 0"},
        {"who leaves while it waits is asked no more",
         "worker w1 P 1; take a P; got a w1; take b P; take c P; cancel b; sum P waiting 1; release a; park w1;"
         "got c w1; is b idle"},
        {"to cancel and to release what is not there does nothing",
         "worker w1 P 1; take a P; got a w1; cancel a; cancel a; release a; free w1 1; sum P busy 0"},
        {"a cap has slots without workers or connections",
         "cap C 2; take a C; got a C; take b C; got b C; take c C; is c waiting; release a; got c C; cancel b;"
         "sum C busy 1; sum C slots 2"},
        {"a raised cap serves at once, a lowered one lets run what runs",
         "cap C 1; take a C; got a C; take b C; take c C; cap C 3; got b C; got c C; cap C 1; take d C; release a;"
         "release b; is d waiting; release c; got d C"},
        {"a cap of nothing lends nothing", "cap C 0; take a C; is a waiting; cap C 1; got a C"},
        {"more slots serve at once, fewer let run what runs",
         "worker w1 P 1; take a P; got a w1; take b P; park w1; change w1 2; got b w1; change w1 1; take c P; park w1;"
         "release a; is c waiting; release b; got c w1"},
        {"a worker that says it has no slots has one, and one that says too many has the most there is",
         "bare w1 P -5; sum P slots 1; bare w2 P 1000000000; sum P slots 1025"},
        {"a parked connection that closes is promised to nobody",
         "worker w1 P 2; unpark w1; take a P; got a w1; take b P; is b waiting; unpark w1; park w1; got b w1"},
        {"a race that is lost: released and taken again, it comes first",
         "worker w1 P 2; take a P; got a w1; take b P; got b w1; unpark w1; take c P; release b; again b;"
         "is b waiting; park w1; got b w1; is c waiting"},
    };
    TELL(stories);
}

static void the_choices_are_gone_down_in_their_order(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"R1, R13: the first that has room; all slots taken, the next; then the cloud",
         "worker g P 1; worker k Q 1; cap C 1; take a P,Q,C; got a g; take b P,Q,C; got b k; take c P,Q,C; got c C;"
         "take d P,Q,C; is d waiting"},
        {"who waits for several has whichever is free first",
         "worker g P 1; worker k Q 1; take a P,Q; got a g; take b P,Q; got b k; take c P,Q; release b; park k; got c k;"
         "sum P waiting 0; sum Q waiting 0"},
        {"it waits for all, but counts as waiting for its first choice only",
         "take a P,Q,R; sum P waiting 1; sum Q waiting 0; sum R waiting 0"},
        {"R2, R3: the gpu is gone: the cli; both are gone: the cloud",
         "worker g P 1; worker k Q 1; cap C 9; remove g; take a P+500,Q,C; got a k; remove k; told a lost;"
         "take b P+500,Q+500,C; got b C"},
        {"R15: who registers again is there at once",
         "worker g P 1; remove g; take a P; is a waiting; worker g P 1; got a g"},
        {"offline providers are waited for",
         "take a P:m,Q until=50; is a waiting; due 50; worker k Q 1; got a k; due 0"},
        {"a provider that is over its quota is passed over, and waited for",
         "cap C 5; cap D 5; close C; take a C,D; got a D; close D; take b C,D; is b waiting; open D; got b D"},
        {"a hopeless one is neither taken nor waited for",
         "cap C 1; take a C!; told a never; worker w P 1; take b P; got b w; take c C!,P; is c waiting; sum P waiting 1;"
         "cap C 2; is c waiting"},
        {"nobody could ever", "cap C 1; take a C!,P!; told a never; due 0"},
        {"what waits for a model alone is not served by who lacks it",
         "worker w1 P 1 models=x,y; worker w2 P 1 models=z; take a P:y; got a w1; take b P:x; is b waiting;"
         "take c P:z; got c w2; take d P:none; is d waiting; release a; park w1; got b w1; release c; park w2; is d waiting"},
        {"a model that comes is served",
         "worker w1 P 1 models=x; take a P:y; is a waiting; change w1 1 models=y; got a w1; sum P:x serves 0; sum P:y serves 1"},
        {"a worker with all models has each of them, one with none has none",
         "worker w1 P 1; take a P:whatever; got a w1; change w1 1 models=; release a; park w1; take b P:whatever;"
         "is b waiting; take c P; got c w1"},
        {"the two models of one provider are two choices",
         "worker w1 P 1 models=q4; worker w2 P 1 models=q8; take a P:q4,P:q8; got a w1; take b P:q4,P:q8; got b w2;"
         "take c P:q4,P:q8; release b; park w2; got c w2; sum P waiting 0"},
    };
    TELL(stories);
}

static void overflow_waits_as_long_as_the_choice_says(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"R8, R13: a full one with wait_ms is waited for that long, then the next counts",
         "worker g P 1; cap C 1; take a P; got a g; take b P+100,C; is b waiting; due 100; at 99; is b waiting; at 100;"
         "got b C"},
        {"it has the first if that is free meanwhile",
         "worker g P 1; cap C 1; take a P; got a g; take b P+100,C; at 60; release a; park g; got b g"},
        {"then it waits for both",
         "worker g P 1; cap C 1; take a P; got a g; take x C; got x C; take b P+100,C; release x; is b waiting; take y C;"
         "got y C; at 100; is b waiting; due 1000000; release y; got b C"},
        {"the waits add up, and each ends at its time, however late the clock is looked at",
         "worker g P 1; worker k Q 1; cap C 1; take a P; got a g; take b Q; got b k; take c P+100,Q+50,C; due 100;"
         "at 120; due 150; at 149; is c waiting; at 900; got c C"},
        {"one that is away is not waited for",
         "worker g P 1; cap C 1; away g; take a P+100,C; got a C"},
        {"nor one whose workers lack the model",
         "worker g P 1 models=x; cap C 1; take a P:x; got a g; take b P:y+100,C; got b C"},
        {"nor one that is over its quota",
         "cap D 1; cap C 1; take a D; got a D; close D; take b D+100,C; got b C"},
        {"it goes on at once when the one it waits for goes away",
         "worker g P 1; cap C 1; take a P; got a g; take b P+100,C; is b waiting; away g; got b C"},
        {"or dies",
         "worker g P 1; cap C 1; take a P; got a g; take b P+100,C; remove g; told a lost; got b C"},
        {"or closes",
         "cap D 1; cap C 1; take a D; got a D; take b D+100,C; close D; got b C"},
        {"or loses the model",
         "worker g P 1 models=x; cap C 1; take a P:x; got a g; take b P:x+100,C; change g 1 models=y; got b C"},
        {"or is deleted",
         "cap D 1; cap C 1; take a D; got a D; take b D+100,C; delete D; told a lost; got b C"},
        {"or is deleted when others are waited for already",
         "cap D 1; cap E 1; cap C 1; take x D; got x D; take y E; got y E; take b D+100,E+100,C; at 100; is b waiting; delete E;"
         "told y lost; got b C"},
        {"but not while another worker there has the model",
         "worker g P 1; worker h P 1; cap C 1; take a P; got a g; take b P; got b h; take c P+100,C; away g; is c waiting;"
         "release b; park h; got c h"},
        {"R8: deep enough, queue_too_deep can tell: tickets are counted where they wait first",
         "worker g P 1; take a P; got a g; take b P; take c P+5,Q; take d Q,P; sum P waiting 2; sum Q waiting 1"},
        {"at its deadline it takes what it has not come to yet, if that is free",
         "worker g P 1; cap C 1; take a P; got a g; take b P+100,C until=50; at 50; got b C"},
        {"no wait at all: all choices are tried, once",
         "worker g P 1; cap C 1; take a P; got a g; take b P+100,C until=0; got b C; take c P+100,C until=0; told c expired"},
    };
    TELL(stories);
}

static void waits_end(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"at the deadline, not before",
         "take a P until=100; at 99; is a waiting; at 100; told a expired; sum P waiting 0; due 0; worker w P 1; is a expired"},
        {"the earliest first",
         "take a P until=300; take b P until=100; take c P until=200; at 250; told b expired; told c expired; due 300"},
        {"a slot that comes at the deadline comes too late",
         "worker w P 1; take a P; got a w; take b P until=100; at 99; release a; at 100; told b expired; park w; free w 1"},
        {"with a deadline that is past nothing is waited for", "at 7; take a P until=7; told a expired; take b P until=8; is b waiting"},
        {"a provider is deleted: who waits for others too goes on waiting",
         "take a P,Q; take b P; delete P; told b never; is a waiting; worker k Q 1; got a k"},
        {"and no other is any good", "take a P,Q!; delete P; told a never"},
        {"with its workers",
         "worker w P 2; take a P; got a w; delete P; told a lost; sum P slots 0; take b P; is b waiting"},
        {"the oldest wait is the longest of those that wait for it first",
         "at 10; take a P; at 25; take b P; sum P oldest 15; cancel a; sum P oldest 0; at 30; sum P oldest 5; cancel b; sum P oldest 0"},
    };
    TELL(stories);
}

static void leases_end_with_their_worker(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"a worker dies: whoever had a slot of it is told",
         "worker w P 2; take a P; got a w; take b P; got b w; remove w; told a lost; told b lost; sum P busy 0"},
        {"a late release of it is ignored",
         "worker w P 1; take a P; got a w; remove w; told a lost; worker w P 1; take b P; got b w; release a; sum P busy 1; free w 0;"
         "is b granted"},
        {"a late cancel as well",
         "worker w P 1; take a P; got a w; remove w; told a lost; worker w P 1; cancel a; free w 1; sum P busy 0"},
        {"R5, F34: who lost its slot comes before those that wait",
         "worker w P 1; worker v P 1; take a P; got a w; take b P; got b v; take c P; remove w; told a lost; again a; is a waiting;"
         "release b; park v; got a v; is c waiting"},
        {"R12: away: nothing new, what runs goes on, and its end is counted",
         "worker w P 2; take a P; got a w; away w; take b P; is b waiting; sum P slots 0; sum P busy 1; release a; sum P busy 0;"
         "park w; is b waiting"},
        {"and back", "worker w P 1; away w; take a P; is a waiting; live w; got a w"},
        {"F35: a suspect worker only when nothing else is free",
         "worker s P 1; worker k Q 1; suspect s; take a P,Q; got a k; take b P,Q; got b s; take c P,Q; release b; park s; got c s"},
        {"the busier one that is well comes before the idle one that is suspect",
         "worker s P 3; worker w P 3; suspect s; take a P; got a w; take b P; got b w; take c P; got c w; take d P; got d s"},
        {"a suspect worker that recovers is like the others",
         "worker s P 2; worker w P 2; suspect s; take a P; got a w; live s; take b P; got b s"},
    };
    TELL(stories);
}

static void order_is_class_then_team_then_arrival(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"arrival",
         "cap C 1; take x C; got x C; take a C; take b C; take c C; release x; got a C; release a; got b C; release b; got c C"},
        {"interactive before batch",
         "cap C 1; take x C; got x C; take a C batch; take b C; release x; got b C; release b; got a C"},
        {"teams in turn, however much one of them wants",
         "cap C 1; take x C; got x C; take a1 C team=1; take a2 C team=1; take a3 C team=1; take a4 C team=1; take b1 C team=2;"
         "take b2 C team=2; take c1 C team=3; release x; got a1 C; release a1; got b1 C; release b1; got c1 C; release c1; got a2 C;"
         "release a2; got b2 C; release b2; got a3 C; release a3; got a4 C"},
        {"a team that comes with one at a time does not come sooner for it",
         "cap C 1; take x C; got x C; take a1 C team=1; take a2 C team=1; take a3 C team=1; take b1 C team=2; release x; got a1 C;"
         "release a1; got b1 C; take b2 C team=2; release b1; got a2 C; release a2; got b2 C; release b2; got a3 C"},
        {"a team that has nothing for this worker keeps its turn for another",
         "worker w P 1 models=x; worker v P 1 models=y; take p P:x; got p w; take q P:y; got q v;"
         "take b1 P:y team=2; take a1 P:x team=1; take a2 P:x,P:y team=1; take b2 P:y team=2; release p; park w; got a1 w;"
         "release q; park v; got b1 v; release b1; park v; got a2 v; release a2; park v; got b2 v"},
        {"batch has the eighth slot at the latest",
         "cap C 1; take x C; got x C; take z C batch; take y C batch;"
         "take a C; take b C; take c C; take d C; take e C; take f C; take g C; take h C; take i C; release x; got a C; release a; got b C;"
         "release b; got c C; release c; got d C; release d; got e C; release e; got f C; release f; got g C; release g; got z C;"
         "release z; got h C; release h; got i C; release i; got y C"},
        {"slots that batch could not have had do not count for it",
         "worker w P 1 models=x; worker v P 1 models=y; take p P:x; got p w; take q P:y; got q v; take z P:y batch;"
         "take a P:x; take b P:x; take c P:x; take d P:x; take e P:x; take f P:x; take g P:x; take h P:x; take i P:x;"
         "release p; park w; got a w; release a; park w; got b w; release b; park w; got c w; release c; park w; got d w; release d; park w;"
         "got e w; release e; park w; got f w; release f; park w; got g w; release g; park w; got h w; release h; park w; got i w;"
         "take j P:y; release q; park v; got j v; release j; park v; got z v"},
        {"nor does the eighth slot go to a batch ticket that avoids it",
         "worker w P 1; worker v P 1; take q P; got q w; take r P; got r v; take z P batch avoid=w; take y P batch; take a P; take b P;"
         "take c P; take d P; take e P; take f P; take g P; take h P; release q; park w; got a w; release a; park w; got b w;"
         "release b; park w; got c w; release c; park w; got d w; release d; park w; got e w; release e; park w; got f w; release f; park w;"
         "got g w; release g; park w; got y w; release y; park w; got h w"},
        {"who went to the back by its own failure is not last: it has waited already",
         "worker w P 1; worker v P 1; take a P batch; got a w; take b P; got b v; take c P; release a; again a elsewhere; is a waiting;"
         "park w; got c w; release b; park v; got a v"},
        {"a team that waits for two providers has its turn at each",
         "cap C 1; cap D 1; take x C; got x C; take y D; got y D; take a1 C,D team=1; take a2 C,D team=1; take b1 C team=2;"
         "take b2 D team=2; release x; got a1 C; release y; got a2 D; release a1; got b1 C; release a2; got b2 D"},
    };
    TELL(stories);
}

static void workers_are_chosen_well(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"fewest busy slots",
         "worker w P 3; worker v P 3; take a P; got a w; take b P; got b v; take c P; got c w; release b; park v; take d P; got d v"},
        {"of equals the one that has been free longest",
         "worker w P 1; worker v P 1; worker u P 1; take a P; got a w; release a; park w; take b P; got b v; release b; park v; take c P;"
         "got c u; release c; park u; take d P; got d w"},
        {"a conversation goes back to its worker, though it is the busier one",
         "worker w P 3; worker v P 3; take a P of=7; got a w; take b P; got b v; take c P of=7; got c w; take d P of=7; got d w"},
        {"unless that is full",
         "worker w P 1; worker v P 2; take a P of=7; got a w; take b P of=7; got b v; take c P of=7; got c v; release a; park w;"
         "release b; park v; release c; park v; take d P of=7; got d v"},
        {"or away, or suspect, or lacks the model, or failed it before",
         "worker w P 2; worker v P 2; take a P of=7; got a w; away w; take b P of=7; got b v; release b; park v; live w; suspect v;"
         "take c P of=7; got c w; change w 2 models=x; live v; take d P:y of=7; got d v; release d; again d elsewhere; told d never"},
        {"its worker of another provider does not count before its turn",
         "worker w P 1; worker k Q 1; take x P; got x w; take a P,Q of=7; got a k; release x; park w; release a; park k; take b P,Q of=7;"
         "got b w"},
        {"a worker that registered anew is another one",
         "worker w P 2; worker v P 2; take a P of=7; got a w; remove w; told a lost; worker w P 2; take b P; got b v; take c P of=7;"
         "got c w"},
        {"when the gate opens, each conversation goes to its own",
         "worker w P 2; worker v P 2; take a P of=7; got a w; take b P of=8; got b v; close P; take c P of=8; take d P of=7; open P;"
         "got c v; got d w"},
    };
    TELL(stories);
}

static void each_worker_is_tried_once(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"not where it failed", "worker w P 1; worker v P 1; take a P; got a w; release a; park w; again a elsewhere; got a v"},
        {"nor later, when only that one is free",
         "worker w P 1; worker v P 1; take a P; got a w; take b P; got b v; release a; park w; again a elsewhere; is a waiting;"
         "take c P; got c w; release c; park w; is a waiting; release b; park v; got a v"},
        {"all were tried: never",
         "worker w P 1; worker v P 1; take a P; got a w; release a; park w; again a elsewhere; got a v; release a; park v;"
         "again a elsewhere; told a never"},
        {"to have tried one twice is not to have tried two",
         "worker w P 1; worker v P 1; take x P; got x w; take y P; got y v; take a P avoid=w; cancel a; again a avoid=w; is a waiting"},
        {"all of this provider: the next one",
         "worker w P 1; cap C 1; take a P,C; got a w; release a; park w; again a elsewhere; got a C; release a; again a elsewhere;"
         "told a never"},
        {"the dead are not counted: somebody may come",
         "open P; worker w P 1; take a P; got a w; remove w; told a lost; again a elsewhere; is a waiting; worker v P 1; got a v"},
        {"others pass those that cannot have it",
         "worker w P 1; worker v P 1; take x P; got x w; take y P; got y v; take a P team=1 avoid=w; take b P team=1; take c P team=2 avoid=w;"
         "take d P team=3; release x; park w; got b w; release b; park w; got d w; release y; park v; got c v; release c; park v; got a v"},
        {"one that is avoided is not waited for alone",
         "worker w P 1; cap C 1; take a P+100,C avoid=w; got a C"},
    };
    TELL(stories);
}

static void gates_open_and_close(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"a quota's reset: one trial, then all",
         "cap C 9; close C; take a C; take b C; take c C; trial C; got a C; is b waiting; open C; got b C; got c C"},
        {"a trial that nobody waits for is the next one's",
         "cap C 9; close C; trial C; take a C; got a C; take b C; is b waiting; trial C; got b C"},
        {"what runs when it closes runs on", "cap C 2; take a C; got a C; close C; is a granted; release a; sum C busy 0"},
        {"a provider may be closed before anybody has heard of it",
         "close P; worker w P 1; take a P; is a waiting; open P; got a w"},
    };
    TELL(stories);
}

static void figures_tell_how_it_stands(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"full, and for which model",
         "worker w P 1 models=x; worker v P 1 models=y; sum P workers 2; sum P:x full 0; take a P:x; got a w; sum P:x full 1;"
         "sum P:y full 0; sum P full 0; sum P:z full 0; sum P:z serves 0; take b P; got b v; sum P full 1; away w; sum P:x full 0;"
         "sum P:x serves 0; sum P workers 1"},
        {"a closed one is not full", "cap C 0; sum C full 1; close C; sum C full 0; sum C serves 1"},
        {"one that nobody knows has nothing", "sum P slots 0; sum P full 0; sum P waiting 0; delete P"},
    };
    TELL(stories);
}
// clang-format on

/* ---- bounds --------------------------------------------------------------------------------------- */

struct place {
    struct dispatch_ticket ticket;
    struct dispatch_choice choice;
};

static enum dispatch_state queue_up(struct dispatch *dispatch, struct place *place, uint64_t team,
                                    const char *provider)
{
    *place = (struct place){.choice = {.provider_id = provider}};
    place->ticket = (struct dispatch_ticket){
        .choices = &place->choice, .choice_count = 1, .team = team, .deadline_ms = 1};
    return dispatch_take(dispatch, &place->ticket, 0);
}

static void the_queue_of_one_team_and_of_all_is_bounded(void **state)
{
    (void)state;
    struct dispatch *dispatch;
    struct place *places = mem_zalloc(DISPATCH_TICKETS_MAX + 1, sizeof *places);
    assert_non_null(places);
    CHECK("made", dispatch_new(&dispatch) == OK);
    for (size_t i = 0; i < DISPATCH_TICKETS_MAX; i++)
        CHECK_INT("there is room",
                  queue_up(dispatch, &places[i], i / DISPATCH_TEAM_TICKETS_MAX, "P"),
                  DISPATCH_WAITING);
    struct place *more = &places[DISPATCH_TICKETS_MAX];
    CHECK_INT("none for more", queue_up(dispatch, more, 99, "P"), DISPATCH_CROWDED);
    dispatch_cancel(dispatch, &places[DISPATCH_TICKETS_MAX - 1].ticket, 0);
    CHECK_INT("none for more of one team", queue_up(dispatch, more, 0, "P"), DISPATCH_CROWDED);
    CHECK_INT("but for another's", queue_up(dispatch, more, 99, "P"), DISPATCH_WAITING);
    CHECK_INT("all end", dispatch_tick(dispatch, 1), INT64_MAX);
    size_t told = 0;
    for (struct dispatch_ticket *ticket; (ticket = dispatch_next_settled(dispatch)); told++)
        CHECK_INT("each once", ticket->state, DISPATCH_EXPIRED);
    CHECK_INT("told", told, DISPATCH_TICKETS_MAX);
    dispatch_free(dispatch);
    mem_free(places);
}

static struct dispatch_worker *join(struct dispatch *dispatch, const char *provider,
                                    const struct str *models, size_t count, enum err wanted)
{
    struct dispatch_worker *worker = NULL;
    struct error error = {.text = ""};
    struct dispatch_worker_options options = {
        .provider_id = provider, .slots = 1, .models = models, .model_count = count};
    CHECK_STR(provider, err_name(dispatch_worker_join(dispatch, &options, 0, &worker, &error)),
              err_name(wanted));
    CHECK(provider, (wanted == OK) == (error.text[0] == '\0'));
    return worker;
}

static void workers_providers_and_models_are_bounded(void **state)
{
    (void)state;
    struct dispatch *dispatch;
    struct place place;
    static char names[DISPATCH_MODELS_MAX + 1][16];
    static struct str models[DISPATCH_MODELS_MAX + 1];
    CHECK("made", dispatch_new(&dispatch) == OK);
    CHECK("kept", dispatch_provider_open(dispatch, "P", DISPATCH_OPEN, 0) == OK);
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(names[i], sizeof names[i], "%zu", i);
        models[i] = str_of(names[i]);
    }

    static struct str twice[] = {STR_INIT("a"), STR_INIT("b"), STR_INIT("a")};
    dispatch_worker_remove(dispatch, join(dispatch, "P", twice, COUNT(twice), OK), 0);
    (void)join(dispatch, "P", models, DISPATCH_MODELS_MAX + 1, ERR_TOO_LARGE);
    struct dispatch_worker *worker = join(dispatch, "P", models, DISPATCH_MODELS_MAX, OK);
    (void)join(dispatch, "P", &models[DISPATCH_MODELS_MAX], 1, ERR_TOO_LARGE);
    (void)join(dispatch, "P", models, 3, OK);
    dispatch_worker_remove(dispatch, worker, 0); /* and its models with it */
    (void)join(dispatch, "P", &models[DISPATCH_MODELS_MAX], 1, OK);

    for (size_t i = 2; i < DISPATCH_WORKERS_MAX; i++)
        worker = join(dispatch, "P", NULL, 0, OK);
    (void)join(dispatch, "P", NULL, 0, ERR_TOO_LARGE);
    dispatch_worker_remove(dispatch, worker, 0);
    (void)join(dispatch, "P", NULL, 0, OK);

    for (size_t i = 1; i < DISPATCH_PROVIDERS_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "p%zu", i);
        CHECK("room", dispatch_provider_open(dispatch, id, DISPATCH_OPEN, 0) == OK);
    }
    CHECK("none", dispatch_provider_cap(dispatch, "more", 1, 0) == ERR_TOO_LARGE);
    CHECK_INT("a ticket for one that there is no room for", queue_up(dispatch, &place, 0, "more"),
              DISPATCH_CROWDED);
    dispatch_provider_remove(dispatch, "p1", 0);
    CHECK_INT("now there is", queue_up(dispatch, &place, 0, "more"), DISPATCH_WAITING);
    dispatch_cancel(dispatch, &place.ticket, 0);
    dispatch_free(dispatch);
}

static void a_provider_has_workers_or_a_cap(void **state)
{
    (void)state;
    struct dispatch *dispatch;
    CHECK("made", dispatch_new(&dispatch) == OK);
    CHECK("a cap", dispatch_provider_cap(dispatch, "C", 1, 0) == OK);
    (void)join(dispatch, "C", NULL, 0, ERR_CONFLICT);
    (void)join(dispatch, "P", NULL, 0, OK);
    CHECK("no cap", dispatch_provider_cap(dispatch, "P", 1, 0) == ERR_CONFLICT);
    dispatch_free(dispatch);
}

/* One job of a conversation, by `only` when it is given, else by whoever is best; at once over. */
static struct dispatch_worker *converse(struct dispatch *dispatch, uint64_t conversation,
                                        struct dispatch_worker *only)
{
    struct dispatch_choice choice = {.provider_id = "P"};
    struct dispatch_ticket ticket = {
        .choices = &choice, .choice_count = 1, .affinity = conversation};
    if (only)
        dispatch_worker_park(dispatch, only, 0);
    CHECK("got", dispatch_take(dispatch, &ticket, 0) == DISPATCH_GRANTED);
    struct dispatch_worker *worker = ticket.lease.worker;
    if (only)
        dispatch_release(dispatch, &ticket, 0);
    else
        dispatch_cancel(dispatch, &ticket, 0);
    return worker;
}

static void the_longest_unused_conversation_is_forgotten_first(void **state)
{
    (void)state;
    struct dispatch *dispatch;
    CHECK("made", dispatch_new(&dispatch) == OK);
    struct dispatch_worker *w = join(dispatch, "P", NULL, 0, OK);
    struct dispatch_worker *v = join(dispatch, "P", NULL, 0, OK);
    for (uint64_t i = 1; i <= 2 * DISPATCH_AFFINITY_MAX; i++) {
        CHECK("by the only one", converse(dispatch, i, i % 2 ? v : w) == (i % 2 ? v : w));
        CHECK("kept by use", converse(dispatch, 1, v) == v);
    }
    dispatch_worker_park(dispatch, w, 0);
    dispatch_worker_park(dispatch, v, 0); /* w is first in line */
    uint64_t last = 2 * DISPATCH_AFFINITY_MAX, forgotten = DISPATCH_AFFINITY_MAX + 1;
    CHECK("the oldest is remembered, for it was used", converse(dispatch, 1, NULL) == v);
    for (uint64_t i = forgotten + 2; i <= last; i += 2)
        CHECK("the last ones are remembered", converse(dispatch, i, NULL) == v);
    dispatch_worker_unpark(dispatch, v);
    dispatch_worker_park(dispatch, v, 0);
    CHECK("the one before them is not", converse(dispatch, forgotten, NULL) == w);
    dispatch_free(dispatch);
}

static void a_grant_that_is_lost_before_it_is_told_is_told_as_lost(void **state)
{
    (void)state;
    struct dispatch *dispatch;
    struct place place, other;
    CHECK("made", dispatch_new(&dispatch) == OK);
    struct dispatch_worker *worker = join(dispatch, "P", NULL, 0, OK);
    CHECK("waits", queue_up(dispatch, &place, 0, "P") == DISPATCH_WAITING);
    CHECK("so does another", queue_up(dispatch, &other, 0, "P") == DISPATCH_WAITING);
    dispatch_worker_park(dispatch, worker, 0);
    CHECK_INT("granted", place.ticket.state, DISPATCH_GRANTED);
    dispatch_worker_remove(dispatch, worker, 0);
    CHECK("told", dispatch_next_settled(dispatch) == &place.ticket);
    CHECK_INT("lost", place.ticket.state, DISPATCH_LOST);
    CHECK("once", dispatch_next_settled(dispatch) == NULL);
    dispatch_cancel(dispatch, &other.ticket, 0);
    dispatch_free(dispatch);
}

TEST_MAIN(TEST(slots_are_lent_and_come_back), TEST(the_choices_are_gone_down_in_their_order),
          TEST(overflow_waits_as_long_as_the_choice_says), TEST(waits_end),
          TEST(leases_end_with_their_worker), TEST(order_is_class_then_team_then_arrival),
          TEST(workers_are_chosen_well), TEST(each_worker_is_tried_once),
          TEST(gates_open_and_close), TEST(figures_tell_how_it_stands),
          TEST(the_queue_of_one_team_and_of_all_is_bounded),
          TEST(workers_providers_and_models_are_bounded), TEST(a_provider_has_workers_or_a_cap),
          TEST(the_longest_unused_conversation_is_forgotten_first),
          TEST(a_grant_that_is_lost_before_it_is_told_is_told_as_lost))
