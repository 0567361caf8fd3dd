/* tests/unit/domain/test_attempt.c: failover, told as stories. One row, one story, one promise. */
#include "domain/attempt.h"
#include "tests/test.h"

#define MAX_EVENTS 7

static const struct story {
    const char *name;
    enum attempt_event events[MAX_EVENTS];
    size_t event_count;
    enum attempt_action last_action; /* of the final event */
} stories[] = {
    {"a plain success is completed",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_CONTENT,
      ATTEMPT_ON_FINISHED},
     5,
     ATTEMPT_COMPLETE},
    {"a dead provider is skipped", {ATTEMPT_ON_BROKEN}, 1, ATTEMPT_TRY_NEXT},
    {"a rate-limited provider is skipped",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_UNAVAILABLE},
     3,
     ATTEMPT_TRY_NEXT},
    {"a refusal before the whole request was sent counts too",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_REFUSED},
     2,
     ATTEMPT_RELAY_ERROR},
    {"an overload before the whole request was sent is skipped",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_UNAVAILABLE},
     2,
     ATTEMPT_TRY_NEXT},
    {"a bad request is the caller's to see, and is not tried elsewhere",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_REFUSED},
     3,
     ATTEMPT_RELAY_ERROR},
    {"a break after the head but before content is still invisible",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_BROKEN},
     4,
     ATTEMPT_TRY_NEXT},
    {"a break in mid-stream can only be reported",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_CONTENT,
      ATTEMPT_ON_BROKEN},
     5,
     ATTEMPT_CUT_STREAM},
    {"an overload inside a 200 is still invisible",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_LIFECYCLE,
      ATTEMPT_ON_UNAVAILABLE},
     5,
     ATTEMPT_TRY_NEXT},
    {"events without content are held",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_LIFECYCLE},
     4,
     ATTEMPT_HOLD},
    {"the first content lets go what was held",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_LIFECYCLE,
      ATTEMPT_ON_CONTENT},
     5,
     ATTEMPT_RELAY},
    {"a ping after content is passed on",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_CONTENT,
      ATTEMPT_ON_LIFECYCLE},
     5,
     ATTEMPT_RELAY},
    {"an empty answer is not an answer",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_SENT, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_FINISHED},
     4,
     ATTEMPT_TRY_NEXT},
    {"an answer may come before the request is sent whole",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_ACCEPTED, ATTEMPT_ON_SENT, ATTEMPT_ON_CONTENT,
      ATTEMPT_ON_SENT, ATTEMPT_ON_FINISHED},
     6,
     ATTEMPT_COMPLETE},
    {"content before a head is a bug, and is named as one",
     {ATTEMPT_ON_CONNECTED, ATTEMPT_ON_CONTENT},
     2,
     ATTEMPT_ILLEGAL},
    {"what is over stays over", {ATTEMPT_ON_BROKEN, ATTEMPT_ON_CONNECTED}, 2, ATTEMPT_ILLEGAL},
};

static void failover_goes_as_told(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct attempt attempt = {.state = ATTEMPT_CONNECTING};
        enum attempt_action action = ATTEMPT_ILLEGAL;
        for (size_t e = 0; e < stories[i].event_count; e++)
            action = attempt_step(&attempt, stories[i].events[e]);
        CHECK_INT(stories[i].name, action, stories[i].last_action);
    }
}

/* The promise itself, over every way on from content: no event leads to a retry, ever again. */
static void nothing_is_retried_after_content(void **unused)
{
    (void)unused;
    for (int first = 0; first < ATTEMPT_EVENT_COUNT; first++)
        for (int second = 0; second < ATTEMPT_EVENT_COUNT; second++) {
            struct attempt attempt = {.state = ATTEMPT_STREAMING};
            enum attempt_action action = attempt_step(&attempt, (enum attempt_event)first);
            CHECK("first event", action != ATTEMPT_TRY_NEXT && action != ATTEMPT_RELAY_ERROR);
            action = attempt_step(&attempt, (enum attempt_event)second);
            CHECK("second event", action != ATTEMPT_TRY_NEXT && action != ATTEMPT_RELAY_ERROR);
        }
}

static void nothing_is_cut_before_content(void **unused)
{
    (void)unused;
    for (int state = 0; state < ATTEMPT_STREAMING; state++)
        for (int event = 0; event < ATTEMPT_EVENT_COUNT; event++) {
            struct attempt attempt = {.state = (enum attempt_state)state};
            enum attempt_action action = attempt_step(&attempt, (enum attempt_event)event);
            CHECK(attempt_state_name((enum attempt_state)state),
                  action != ATTEMPT_CUT_STREAM && action != ATTEMPT_COMPLETE);
        }
}

static void a_client_that_leaves_cancels_from_every_state(void **unused)
{
    (void)unused;
    for (int state = 0; state < ATTEMPT_ENDED; state++) {
        struct attempt attempt = {.state = (enum attempt_state)state};
        CHECK_INT(attempt_state_name((enum attempt_state)state),
                  attempt_step(&attempt, ATTEMPT_ON_CLIENT_GONE), ATTEMPT_CANCEL);
        CHECK("is over", attempt.state == ATTEMPT_ENDED);
    }
}

/* An action that ends the attempt ends its state, and no other does; an illegal event changes nothing. */
static void action_and_state_agree(void **unused)
{
    (void)unused;
    for (int state = 0; state < ATTEMPT_STATE_COUNT; state++)
        for (int event = 0; event < ATTEMPT_EVENT_COUNT; event++) {
            struct attempt attempt = {.state = (enum attempt_state)state};
            enum attempt_action action = attempt_step(&attempt, (enum attempt_event)event);
            if (action == ATTEMPT_ILLEGAL)
                CHECK("unchanged", attempt.state == (enum attempt_state)state);
            else
                CHECK("ends", (attempt.state == ATTEMPT_ENDED) == (action >= ATTEMPT_RELAY_ERROR));
        }
}

TEST_MAIN(TEST(failover_goes_as_told), TEST(nothing_is_retried_after_content),
          TEST(nothing_is_cut_before_content), TEST(a_client_that_leaves_cancels_from_every_state),
          TEST(action_and_state_agree))
