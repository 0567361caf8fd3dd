/* tests/unit/domain/test_access.c: who may use what, which rule decides, and what routing makes of it (R14). */
#include "domain/access.h"
#include "domain/route.h"
#include "tests/test.h"

#define LIST(...)   ((const char *const[]){__VA_ARGS__})
#define TIERS(bits) .has_tiers = true, .tiers = (bits)
#define PROVIDERS(...)                                     \
    .has_providers = true, .providers = LIST(__VA_ARGS__), \
    .provider_count = sizeof LIST(__VA_ARGS__) / sizeof(const char *)
#define MODELS(...)                                  \
    .has_models = true, .models = LIST(__VA_ARGS__), \
    .model_count = sizeof LIST(__VA_ARGS__) / sizeof(const char *)
#define GPU   (1u << TIER_GPU)
#define CLI   (1u << TIER_CLI)
#define CLOUD (1u << TIER_CLOUD)

static const char *const research[] = {"tea_research"};

/* ---- one provider, one model ------------------------------------------------------------------- */

static const struct story {
    const char *name;
    bool has_no_team;
    struct policy team, key;
    bool is_assigned; /* to research alone */
    const char *team_id;
    const char *model;
    enum access_rule rule;
    const char *sentence; /* a part of it */
} stories[] = {
    {"nothing forbids", .model = "gpt-5", .rule = ACCESS_ALLOWED, .sentence = "Nothing forbids"},
    {"neither with lists that name it", .team = {TIERS(CLOUD), PROVIDERS("prv_x"), MODELS("gpt-5")},
     .model = "gpt-5", .rule = ACCESS_ALLOWED},
    {"nor by a prefix", .team = {MODELS("claude-*", "gpt-*")}, .model = "gpt-5",
     .rule = ACCESS_ALLOWED},
    {"the tier is not among the team's", .team = {TIERS(GPU | CLI)}, .model = "gpt-5",
     .rule = ACCESS_TEAM_TIERS,
     .sentence = "Team Sales may not use the cloud tier (provider 'X')."},
    {"no tier at all is allowed", .team = {TIERS(0)}, .model = "gpt-5", .rule = ACCESS_TEAM_TIERS},
    {"another provider is allowed", .team = {PROVIDERS("prv_y")}, .model = "gpt-5",
     .rule = ACCESS_TEAM_PROVIDERS, .sentence = "Team Sales may not use provider 'X'."},
    {"another model is allowed", .team = {MODELS("gpt-5-mini")}, .model = "gpt-5",
     .rule = ACCESS_TEAM_MODELS, .sentence = "Team Sales may not use model 'gpt-5'."},
    {"an exact name is no prefix", .team = {MODELS("gpt-5")}, .model = "gpt-5-mini",
     .rule = ACCESS_TEAM_MODELS},
    {"the tier is named before the model", .team = {TIERS(GPU), MODELS("gpt-4")}, .model = "gpt-5",
     .rule = ACCESS_TEAM_TIERS},
    {"the key narrows what the team allows", .team = {MODELS("gpt-*")},
     .key = {MODELS("gpt-5-mini")}, .model = "gpt-5", .rule = ACCESS_KEY_MODELS,
     .sentence = "This API key may not use model 'gpt-5'."},
    {"the key widens nothing", .team = {MODELS("gpt-5-mini")}, .key = {MODELS("gpt-5")},
     .model = "gpt-5", .rule = ACCESS_TEAM_MODELS},
    {"the key's tiers", .key = {TIERS(GPU)}, .model = "gpt-5", .rule = ACCESS_KEY_TIERS},
    {"the key's providers", .key = {PROVIDERS("prv_y")}, .model = "gpt-5",
     .rule = ACCESS_KEY_PROVIDERS},
    {"assigned to this team", .is_assigned = true, .team_id = "tea_research", .model = "gpt-5",
     .rule = ACCESS_ALLOWED},
    {"assigned to another", .is_assigned = true, .model = "gpt-5", .rule = ACCESS_PROVIDER_TEAMS,
     .sentence = "assigned to other teams than Sales"},
    {"assigned, and no team asks", .is_assigned = true, .has_no_team = true, .model = "gpt-5",
     .rule = ACCESS_PROVIDER_TEAMS, .sentence = "this caller has none"},
    {"a model that is not known yet is not forbidden", .team = {MODELS("llama")}, .model = "",
     .rule = ACCESS_ALLOWED},
    {"unless no model is allowed", .team = {.has_models = true}, .model = "",
     .rule = ACCESS_TEAM_MODELS, .sentence = "Team Sales may not use provider 'X'."},
    {"a name that tries to forge a line", .team = {MODELS("x")}, .model = "a\nb",
     .rule = ACCESS_TEAM_MODELS, .sentence = "model 'a?b'"},
};

static void the_rule_that_decides_is_named(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct provider provider = {.id = "prv_x",
                                    .name = "X",
                                    .kind = PROVIDER_OPENAI,
                                    .has_teams = story->is_assigned,
                                    .teams = research,
                                    .team_count = 1};
        struct access access = {.team_id = story->team_id ? story->team_id : "tea_sales",
                                .team_name = "Sales",
                                .team = &story->team,
                                .key = &story->key};
        if (story->has_no_team)
            access = (struct access){.key = &story->key};
        char sentence[256];
        enum access_rule rule = access_decide(&access, &provider, str_of(story->model));
        CHECK_STR(story->name, access_rule_code(rule), access_rule_code(story->rule));
        access_say(&access, &provider, str_of(story->model), rule, sentence, sizeof sentence);
        if (story->sentence && !strstr(sentence, story->sentence))
            CHECK_STR(story->name, sentence, story->sentence);
    }
}

/* ---- in routing -------------------------------------------------------------------------------- */

#define M(name)                                                                          \
    {                                                                                    \
        .id = (name), .is_surfaced = true, .context_tokens = -1, .max_output_tokens = -1 \
    }
static const struct model gpu_models[] = {M("llama")};
static const struct model openai_models[] = {M("gpt-5"), M("gpt-5-mini"), M("shared")};
static const struct model claude_models[] = {M("opus"), M("shared")};

#define PROVIDER(lower, its_kind, its_default, its_models)                                      \
    {                                                                                           \
        .id = "prv_" lower, .name = lower, .slug = lower, .kind = (its_kind),                   \
        .speaks = ENDPOINTS_GENERATION, .default_model = (its_default), .models = (its_models), \
        .model_count = COUNT(its_models)                                                        \
    }
static const struct provider world[] = {
    PROVIDER("gpu", PROVIDER_GPU, "llama", gpu_models),
    PROVIDER("openai", PROVIDER_OPENAI, "gpt-5", openai_models),
    PROVIDER("claude", PROVIDER_ANTHROPIC, "opus", claude_models),
};
static const struct provider *const pointers[] = {&world[0], &world[1], &world[2]};

static const struct routed {
    const char *name, *model, *pin;
    struct policy team;
    enum provider_state gpu;
    const char *list; /* slug:model of the eligible */
    enum route_outcome outcome;
    const char *reason_of, *reason; /* why that one is out */
} routed[] = {
    {"R14: a team barred from the cloud stays on its own machines", "auto", .team = {TIERS(GPU)},
     .list = "gpu:llama", .reason_of = "openai", .reason = "team_tiers"},
    {"R14: 403 when nothing is left", "auto", .team = {TIERS(CLI)}, .list = "",
     .outcome = ROUTE_DENIED},
    {"R14: a model that only the cloud has", "gpt-5", .team = {TIERS(GPU)}, .list = "",
     .outcome = ROUTE_DENIED, .reason_of = "openai", .reason = "team_tiers"},
    {"a pin helps nobody past a policy", "gpt-5", "openai", .team = {PROVIDERS("prv_gpu")},
     .list = "", .outcome = ROUTE_DENIED, .reason_of = "openai", .reason = "team_providers"},
    {"one provider of two that serve it", "shared", .team = {PROVIDERS("prv_claude")},
     .list = "claude:shared", .reason_of = "openai", .reason = "team_providers"},
    {"auto asks for a model that is allowed", "auto", .team = {MODELS("gpt-5-mini")},
     .list = "openai:gpt-5-mini", .reason_of = "gpu", .reason = "team_models"},
    {"who may come is waited for, also when the rest is forbidden", "auto", .team = {TIERS(GPU)},
     .gpu = STATE_OFFLINE, .list = "", .outcome = ROUTE_NOBODY_NOW, .reason_of = "gpu",
     .reason = "offline"},
    {"who is paused does not hide that the rest is forbidden", "auto", .team = {TIERS(GPU)},
     .gpu = STATE_PAUSED, .list = "", .outcome = ROUTE_DENIED, .reason_of = "gpu",
     .reason = "paused"},
    {"a name that nobody has stays unknown", "nothing", .team = {TIERS(GPU)}, .list = "",
     .outcome = ROUTE_UNKNOWN_MODEL},
};

static void write_list(const struct route_plan *plan, char *room, size_t room_bytes)
{
    size_t len = 0;
    room[0] = '\0';
    for (size_t i = 0; i < plan->eligible_count; i++)
        len += (size_t)snprintf(room + len, room_bytes - len, "%s%s:%.*s", i ? " " : "",
                                plan->list[i].provider->slug, STR_ARG(plan->list[i].model));
}

static const char *reason_of(const struct route_plan *plan, const char *slug)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->list[i].provider->slug, slug) == 0)
            return route_reason_code(plan->list[i].reason);
    return NULL;
}

static void routing_leaves_out_what_policies_forbid(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(routed); i++) {
        const struct routed *story = &routed[i];
        struct provider_view views[COUNT(world)] = {0};
        struct routing routing = {.providers = pointers, .provider_count = COUNT(world)};
        struct access access = {.team_id = "tea_sales", .team_name = "Sales", .team = &story->team};
        static struct route_plan plan;
        char list[256];
        views[0].health.state = story->gpu;
        route_plan_make(&routing, views,
                        &(struct route_request){.endpoint = ENDPOINT_CHAT,
                                                .model = str_of(story->model),
                                                .provider_pin = str_of(story->pin),
                                                .access = &access,
                                                .prompt_tokens = -1},
                        &plan);
        write_list(&plan, list, sizeof list);
        CHECK_STR(story->name, list, story->list);
        CHECK_INT(story->name, plan.outcome, story->outcome);
        if (story->reason)
            CHECK_STR(story->name, reason_of(&plan, story->reason_of), story->reason);
        if (plan.outcome == ROUTE_DENIED)
            CHECK(story->name, strstr(plan.sentence, "Team Sales may not use") != NULL);
    }
}

TEST_MAIN(TEST(the_rule_that_decides_is_named), TEST(routing_leaves_out_what_policies_forbid))
