/* tests/unit/domain/test_plan.c: a plan limits what is added, and names the plan that lifts the limit. */
#include "domain/plan.h"

#include "tests/test.h"

static void providers_are_limited_by_type_and_plan(void **state)
{
    (void)state;
    static const struct {
        const char *plan;
        size_t count;
        enum err err;
    } stories[] = {
        {"free", 0, OK}, {"free", 1, ERR_DENIED}, {"free", 7, ERR_DENIED},
        {"team", 1, OK}, {"business", 200, OK},   {"enterprise", 200, OK},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        enum plan plan = PLAN_COUNT;
        struct error error = {0};
        CHECK(stories[i].plan, plan_parse(str_of(stories[i].plan), &plan));
        CHECK_STR("its name", plan_name(plan), stories[i].plan);
        CHECK_INT(stories[i].plan, plan_check_provider(plan, "openai", stories[i].count, &error),
                  stories[i].err);
        CHECK("lifted by", stories[i].err == OK || strstr(error.text, "plan team lifts"));
    }
}

static void only_the_larger_plans_give_providers_to_teams(void **state)
{
    (void)state;
    for (enum plan plan = PLAN_FREE; plan < PLAN_COUNT; plan++) {
        struct error error = {0};
        bool may = plan == PLAN_BUSINESS || plan == PLAN_ENTERPRISE;
        CHECK_INT(plan_name(plan), plan_check_assignment(plan, &error) == OK, may);
        CHECK(plan_name(plan), may || strstr(error.text, "business and enterprise"));
    }
    enum plan plan = PLAN_TEAM;
    CHECK("no such plan", !plan_parse(STR("Free"), &plan) && !plan_parse(STR(""), &plan));
    CHECK_INT("untouched", plan, PLAN_TEAM);
}

TEST_MAIN(TEST(providers_are_limited_by_type_and_plan),
          TEST(only_the_larger_plans_give_providers_to_teams))
