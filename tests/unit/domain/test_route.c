/* tests/unit/domain/test_route.c: who answers, told as set-ups and the lists that they give.
 *
 * A list is written as the slugs of the eligible, each with its model, and with the endpoint where the request
 * is translated: "gpu:llama cli:opus>messages". The probes of SPEC 4.5 carry their numbers.
 */
#include "domain/route.h"
#include "tests/test.h"

#define NOW INT64_C(1000000)

/* ---- the world of most stories ----------------------------------------------------------------- */

#define M(name)                                                 \
    {                                                           \
        .id = (name), .is_surfaced = true, .context_tokens = -1 \
    }
#define HIDDEN(name)                       \
    {                                      \
        .id = (name), .context_tokens = -1 \
    }

static const struct model gpu_models[] = {M("llama")};
static const struct model cli_models[] = {M("opus")};
static const struct model openai_models[] = {M("gpt"), HIDDEN("gpt-hidden"), M("shared"),
                                             M("vendor/x")};
static const struct model azure_models[] = {M("gpt"), M("gpt-mini"), M("shared")};
static const struct model anthropic_models[] = {M("haiku"), M("opus"), M("shared")};
static const struct model claude2_models[] = {M("opus"), M("sonnet")};

enum who { GPU, CLI, OPENAI, AZURE, ANTHROPIC, CLAUDE2, WORLD };

#define PROVIDER(upper, lower, its_kind, its_default, its_models) \
    [upper] = {.id = "prv_" lower,                                \
               .name = lower,                                     \
               .slug = lower,                                     \
               .kind = (its_kind),                                \
               .default_model = (its_default),                    \
               .models = (its_models),                            \
               .model_count = COUNT(its_models)}
#define CLI_OPUS "cli:opus>messages"
#define CLAUDES  "anthropic:opus>messages claude2:sonnet>messages"
static const struct provider world[WORLD] = {
    PROVIDER(GPU, "gpu", PROVIDER_GPU, "llama", gpu_models),
    PROVIDER(CLI, "cli", PROVIDER_CLI, "opus", cli_models),
    PROVIDER(OPENAI, "openai", PROVIDER_OPENAI, "gpt", openai_models),
    PROVIDER(AZURE, "azure", PROVIDER_OPENAI, "gpt-mini", azure_models),
    PROVIDER(ANTHROPIC, "anthropic", PROVIDER_ANTHROPIC, "opus", anthropic_models),
    PROVIDER(CLAUDE2, "claude2", PROVIDER_ANTHROPIC, "sonnet", claude2_models),
};

#define STEP(...)               \
    {                           \
        .tier = -1, __VA_ARGS__ \
    }
static const struct route_step coding_steps[] = {
    {.tier = TIER_GPU},
    STEP(.provider_id = "prv_openai", .model = "shared"),
    STEP(.provider_id = "prv_azure", .when = STEP_PREVIOUS_FULL),
};
static const struct route_step claude_steps[] = {STEP(.provider_id = "prv_anthropic")};
static const struct route_step shared_steps[] = {STEP(.model = "shared")};
static const struct route_step spare_steps[] = {
    STEP(.provider_id = "prv_openai"),
    STEP(.provider_id = "prv_azure", .when = STEP_PREVIOUS_OFFLINE),
};
static const struct route_step dead_steps[] = {STEP(.provider_id = "prv_deleted")};
#define ROUTE(its_name, its_steps)                                       \
    {                                                                    \
        .id = "rte_" its_name, .name = (its_name), .steps = (its_steps), \
        .step_count = COUNT(its_steps)                                   \
    }
static const struct named_route routes[] = {
    ROUTE("coding", coding_steps),    ROUTE("claude-*", claude_steps),
    ROUTE("claude-s*", shared_steps), ROUTE("spare", spare_steps),
    ROUTE("dead", dead_steps),
};

/* ---- stories ----------------------------------------------------------------------------------- */

struct rule_of {
    enum who owner;
    struct fallback_rule rule;
};
struct setting {
    enum who who;
    enum provider_state state;
    int64_t until_ms; /* over_quota: from now; 0: may be tried */
    int64_t waiting;
};

struct story {
    const char *name;
    const char *model, *pin;
    enum endpoint endpoint;
    bool is_admin;
    unsigned absent; /* bit per who: not configured */
    const char *auto_provider, *auto_model;
    unsigned needs;
    unsigned speaks[WORLD];   /* 0: what its kind does */
    unsigned own;             /* bit per who: OpenAI's own service */
    const char *quirky_model; /* of everybody */
    unsigned quirks, learned; /* learned: of that very request's model, by everybody */
    const char *weak_model;   /* of everybody */
    unsigned lacks;
    int64_t context_tokens, prompt_tokens; /* context: of the weak model */
    struct setting settings[4];
    int setting_count;
    struct rule_of rules[4];
    int rule_count;
    const char *list; /* expected */
    enum route_outcome outcome;
    const char *sentence; /* a part of it */
};

#define BIT(who)            (1u << (who))
#define NO_WORKERS          (BIT(GPU) | BIT(CLI))
#define CHAT                .endpoint = ENDPOINT_CHAT
#define MESSAGES            .endpoint = ENDPOINT_MESSAGES
#define RESPONSES           .endpoint = ENDPOINT_RESPONSES
#define EMBEDDINGS          .endpoint = ENDPOINT_EMBEDDINGS
#define COUNT_TOKENS        .endpoint = ENDPOINT_COUNT_TOKENS
#define OWN(who)            .own = BIT(who)
#define QUIRKS(name, which) .quirky_model = (name), .quirks = (which)
#define WEAK(name, without) .weak_model = (name), .lacks = (without), .context_tokens = -1
#define SMALL(name, tokens) .weak_model = (name), .context_tokens = (tokens)
#define SPEAKS(who, which)  .speaks[who] = (which)
#define ONLY(endpoint)      ENDPOINT_BIT(ENDPOINT_##endpoint)
#define SETTINGS(n, ...)    .setting_count = (n), .settings = {__VA_ARGS__}
#define RULES(n, ...)       .rule_count = (n), .rules = {__VA_ARGS__}
#define ON(cond, target)                                            \
    {                                                               \
        .condition = CONDITION_##cond, .provider_id = "prv_" target \
    }
#define ON_WITH(cond, target, ...)                                               \
    {                                                                            \
        .condition = CONDITION_##cond, .provider_id = "prv_" target, __VA_ARGS__ \
    }

// clang-format off
static const struct story stories[] = {
    /* -- auto and the cascade -- */
    {"R1: auto goes down the cascade, each with its default", "auto", CHAT,
     .list = "gpu:llama " CLI_OPUS " openai:gpt azure:gpt-mini " CLAUDES},
    {"auto for the other dialect: the same cascade", "auto", MESSAGES,
     .list = "gpu:llama>chat_completions cli:opus openai:gpt>chat_completions azure:gpt-mini>chat_completions "
             "anthropic:opus claude2:sonnet"},
    {"R3: without workers openai answers", "auto", CHAT, .absent = NO_WORKERS,
     .list = "openai:gpt azure:gpt-mini " CLAUDES},
    {"R3: workers offline", "auto", CHAT, SETTINGS(2, {GPU, STATE_OFFLINE}, {CLI, STATE_OFFLINE}),
     .list = "openai:gpt azure:gpt-mini " CLAUDES},
    {"R3: then anthropic, when openai is gone too", "auto", CHAT, .absent = NO_WORKERS | BIT(AZURE),
     SETTINGS(1, {OPENAI, STATE_ERROR}), .list = CLAUDES},
    {"the Auto default comes first, then the cascade", "auto", CHAT, .auto_provider = "prv_azure",
     .list = "azure:gpt-mini gpu:llama " CLI_OPUS " openai:gpt " CLAUDES},
    {"the Auto default with a model of its own", "auto", CHAT, .auto_provider = "prv_azure",
     .auto_model = "shared", .list = "azure:shared gpu:llama " CLI_OPUS " openai:gpt " CLAUDES},
    {"an Auto default that was deleted is as if there were none", "auto", CHAT,
     .auto_provider = "prv_deleted", .list = "gpu:llama " CLI_OPUS " openai:gpt azure:gpt-mini " CLAUDES},
    {"R6: Auto default offline with a rule: the target is next", "auto", MESSAGES,
     .auto_provider = "prv_anthropic", .absent = NO_WORKERS | BIT(AZURE), SETTINGS(1, {ANTHROPIC, STATE_ERROR}),
     RULES(1, {ANTHROPIC, ON(OFFLINE, "openai")}), .list = "openai:gpt>chat_completions claude2:sonnet"},
    {"R6: the rule's own model is asked for", "auto", MESSAGES, .auto_provider = "prv_anthropic",
     .absent = NO_WORKERS | BIT(AZURE), SETTINGS(1, {ANTHROPIC, STATE_ERROR}),
     RULES(1, {ANTHROPIC, ON_WITH(OFFLINE, "claude2", .model = "opus")}),
     .list = "claude2:opus openai:gpt>chat_completions"},
    {"R7: the same when over its quota", "auto", CHAT, .auto_provider = "prv_azure",
     .absent = NO_WORKERS, SETTINGS(1, {AZURE, STATE_OVER_QUOTA, 5000}),
     RULES(1, {AZURE, ON_WITH(OVER_QUOTA, "openai", .model = "shared")}), .list = "openai:shared " CLAUDES},
    {"R9: a degraded one goes behind the others of its tier", "auto", CHAT, .absent = NO_WORKERS,
     SETTINGS(1, {OPENAI, STATE_DEGRADED}), .list = "azure:gpt-mini " CLAUDES " openai:gpt"},
    {"but not behind another tier", "auto", CHAT, SETTINGS(1, {GPU, STATE_DEGRADED}),
     .list = "gpu:llama " CLI_OPUS " openai:gpt azure:gpt-mini " CLAUDES},
    {"two degraded ones keep their order", "auto", CHAT, .absent = NO_WORKERS,
     SETTINGS(2, {OPENAI, STATE_DEGRADED}, {AZURE, STATE_DEGRADED}),
     .list = CLAUDES " openai:gpt azure:gpt-mini"},
    {"past its reset it may be tried, in its place", "auto", CHAT, .absent = NO_WORKERS,
     SETTINGS(1, {OPENAI, STATE_OVER_QUOTA, 0}), .list = "openai:gpt azure:gpt-mini " CLAUDES},

    /* -- named models -- */
    {"R4: a named model goes to whom has it", "gpt-mini", CHAT, .list = "azure:gpt-mini"},
    {"in cascade order to all who have it", "shared", CHAT,
     .list = "openai:shared azure:shared anthropic:shared>messages"},
    {"an id with a slash is an id", "vendor/x", CHAT, .list = "openai:vendor/x"},
    {"slug and model pin the provider", "azure/gpt", CHAT, .list = "azure:gpt"},
    {"slug and an id with a slash", "openai/vendor/x", CHAT, .list = "openai:vendor/x"},
    {"slug and auto: its default", "azure/auto", CHAT, .list = "azure:gpt-mini"},
    {"an unknown model", "gpt-9", CHAT, .list = "", .outcome = ROUTE_UNKNOWN_MODEL,
     .sentence = "Model 'gpt-9' is not known here. GET /api/openai/v1/models"},
    {"an unknown model in the other dialect", "gpt-9", MESSAGES, .list = "",
     .outcome = ROUTE_UNKNOWN_MODEL, .sentence = "GET /api/anthropic/v1/models"},
    {"an unknown slug is an unknown model", "nobody/gpt", CHAT, .list = "", .outcome = ROUTE_UNKNOWN_MODEL},
    {"names match exactly", "GPT", CHAT, .list = "", .outcome = ROUTE_UNKNOWN_MODEL},
    {"a part of a name is another name", "gp", CHAT, .list = "", .outcome = ROUTE_UNKNOWN_MODEL},
    {"a rule's target without a model answers with its default", "gpt-mini", CHAT,
     SETTINGS(1, {AZURE, STATE_OVER_QUOTA, 5000}), RULES(1, {AZURE, ON(OVER_QUOTA, "openai")}),
     .list = "openai:gpt"},
    {"a target that serves the model anyway keeps it", "shared", CHAT,
     SETTINGS(1, {OPENAI, STATE_DEGRADED}), RULES(1, {OPENAI, ON(OFFLINE, "azure")}),
     .list = "azure:shared anthropic:shared>messages openai:shared"},

    /* -- surfaced or not -- */
    {"R11: a member may not name a model that is not surfaced", "gpt-hidden", CHAT, .list = "",
     .outcome = ROUTE_UNKNOWN_MODEL},
    {"R11: an admin may", "gpt-hidden", CHAT, .is_admin = true, .list = "openai:gpt-hidden"},
    {"R11: not with a pin either", "openai/gpt-hidden", CHAT, .list = "", .outcome = ROUTE_PIN_LACKS_MODEL},
    {"R11: with a pin an admin may", "gpt-hidden", .pin = "openai", CHAT, .is_admin = true,
     .list = "openai:gpt-hidden"},
    {"R11: auto never uses it, for an admin neither", "auto", CHAT, .is_admin = true,
     .auto_provider = "prv_openai", .auto_model = "gpt-hidden", .absent = NO_WORKERS,
     .list = "azure:gpt-mini " CLAUDES},

    /* -- pins -- */
    {"a pin by slug", "gpt", .pin = "azure", CHAT, .list = "azure:gpt"},
    {"a pin by id", "gpt", .pin = "prv_azure", CHAT, .list = "azure:gpt"},
    {"a pin and auto: its default", "auto", .pin = "azure", CHAT, .list = "azure:gpt-mini"},
    {"R10: a pin on a provider that is gone", "auto", .pin = "prv_deleted", CHAT, .list = "",
     .outcome = ROUTE_UNKNOWN_PIN, .sentence = "There is no provider 'prv_deleted'"},
    {"a pin on a provider that lacks the model", "gpt-mini", .pin = "openai", CHAT, .list = "",
     .outcome = ROUTE_PIN_LACKS_MODEL, .sentence = "Provider 'openai' does not serve model 'gpt-mini'"},
    {"even when a rule could bring in another", "gpt-mini", .pin = "openai", CHAT,
     SETTINGS(1, {OPENAI, STATE_DEGRADED}), RULES(1, {OPENAI, ON(OFFLINE, "azure")}), .list = "",
     .outcome = ROUTE_PIN_LACKS_MODEL},
    {"header and slug agree", "azure/gpt", .pin = "prv_azure", CHAT, .list = "azure:gpt"},
    {"header and slug disagree", "azure/gpt", .pin = "openai", CHAT, .list = "",
     .outcome = ROUTE_PINS_DISAGREE, .sentence = "Send only one of the two"},
    {"a pinned provider that is paused", "gpt", .pin = "azure", CHAT, SETTINGS(1, {AZURE, STATE_PAUSED}),
     .list = "", .outcome = ROUTE_NONE_EVER, .sentence = "'azure' is paused"},
    {"a pinned provider with a refused key", "gpt", .pin = "azure", CHAT,
     SETTINGS(1, {AZURE, STATE_ERROR}), .list = "", .outcome = ROUTE_NONE_EVER, .sentence = "is in error"},
    {"R8: a pin, and its rule for a deep queue", "gpt", .pin = "openai", CHAT,
     SETTINGS(1, {OPENAI, .waiting = 3}),
     RULES(1, {OPENAI, ON_WITH(QUEUE_TOO_DEEP, "azure", .threshold = 3)}), .list = "openai:gpt azure:gpt-mini"},
    {"R8: one ticket less", "gpt", .pin = "openai", CHAT, SETTINGS(1, {OPENAI, .waiting = 2}),
     RULES(1, {OPENAI, ON_WITH(QUEUE_TOO_DEEP, "azure", .threshold = 3)}), .list = "openai:gpt"},
    {"R8: ten are too deep when nobody said", "gpt", .pin = "openai", CHAT,
     SETTINGS(1, {OPENAI, .waiting = 10}), RULES(1, {OPENAI, ON(QUEUE_TOO_DEEP, "azure")}),
     .list = "openai:gpt azure:gpt-mini"},

    /* -- rules -- */
    {"a rule whose condition does not hold does nothing", "gpt", .pin = "openai", CHAT,
     RULES(1, {OPENAI, ON(OFFLINE, "azure")}), .list = "openai:gpt"},
    {"rules chain", "gpt", .pin = "openai", CHAT,
     SETTINGS(2, {OPENAI, STATE_PAUSED}, {AZURE, STATE_OVER_QUOTA, 5000}),
     RULES(2, {OPENAI, ON(OFFLINE, "azure")}, {AZURE, ON(OVER_QUOTA, "gpu")}), .list = "gpu:llama"},
    {"loops are harmless", "gpt", .pin = "openai", CHAT,
     SETTINGS(2, {OPENAI, STATE_DEGRADED}, {AZURE, STATE_DEGRADED}),
     RULES(3, {OPENAI, ON(OFFLINE, "azure")}, {AZURE, ON(OFFLINE, "openai")},
              {AZURE, ON(OFFLINE, "azure")}),
     .list = "openai:gpt azure:gpt-mini"},
    {"two rules of one provider keep their order", "gpt", .pin = "openai", CHAT,
     SETTINGS(1, {OPENAI, STATE_PAUSED}),
     RULES(2, {OPENAI, ON(OFFLINE, "gpu")}, {OPENAI, ON(OFFLINE, "azure")}),
     .list = "gpu:llama azure:gpt-mini"},
    {"a rule to a provider that is gone does nothing", "gpt", .pin = "openai", CHAT,
     SETTINGS(1, {OPENAI, STATE_DEGRADED}), RULES(1, {OPENAI, ON(OFFLINE, "deleted")}),
     .list = "openai:gpt"},
    {"a target that comes anyway comes earlier", "auto", CHAT, SETTINGS(1, {GPU, STATE_OFFLINE}),
     RULES(1, {GPU, ON(OFFLINE, "azure")}), .list = "azure:gpt-mini " CLI_OPUS " openai:gpt " CLAUDES},
    {"a target that came before stays where it is", "auto", CHAT, SETTINGS(1, {AZURE, STATE_DEGRADED}),
     RULES(1, {AZURE, ON(OFFLINE, "gpu")}),
     .list = "gpu:llama " CLI_OPUS " openai:gpt " CLAUDES " azure:gpt-mini"},
    {"a pinned and degraded one goes behind its rule's target", "gpt", .pin = "openai", CHAT,
     SETTINGS(1, {OPENAI, STATE_DEGRADED}), RULES(1, {OPENAI, ON(OFFLINE, "azure")}),
     .list = "azure:gpt-mini openai:gpt"},

    /* -- named routes -- */
    {"a route's steps in order; a step whose condition fails is left out", "coding", CHAT,
     .list = "gpu:llama openai:shared"},
    {"a step for when the one before is full", "coding", CHAT, SETTINGS(1, {OPENAI, .waiting = 1}),
     .list = "gpu:llama openai:shared azure:gpt-mini"},
    {"a step for when the one before is offline", "spare", CHAT, SETTINGS(1, {OPENAI, STATE_PAUSED}),
     .list = "azure:gpt-mini"},
    {"and not while it is online", "spare", CHAT, .list = "openai:gpt"},
    {"an alias by pattern; the name is not a model: the default", "claude-3", MESSAGES,
     .list = "anthropic:opus"},
    {"the longer pattern wins", "claude-special", CHAT,
     .list = "openai:shared azure:shared anthropic:shared>messages"},
    {"a pin and a route: the route's model for it", "coding", .pin = "openai", CHAT, .list = "openai:shared"},
    {"a pin that the route does not name", "coding", .pin = "claude2", MESSAGES, .list = "",
     .outcome = ROUTE_PIN_LACKS_MODEL},
    {"R10: a route whose provider is gone", "dead", CHAT, .list = "", .outcome = ROUTE_NONE_EVER,
     .sentence = "Route 'dead' leads to provider 'prv_deleted', which is gone."},

    /* -- which endpoint -- */
    {"its own dialect first", "gpt", RESPONSES, .list = "openai:gpt azure:gpt"},
    {"responses to a server of chat", "llama", RESPONSES, .list = "gpu:llama>chat_completions"},
    {"responses to anthropic", "haiku", RESPONSES, .list = "anthropic:haiku>messages"},
    {"chat to anthropic", "haiku", CHAT, .list = "anthropic:haiku>messages"},
    {"messages to a compatible service: chat", "gpt-mini", MESSAGES, .list = "azure:gpt-mini>chat_completions"},
    {"messages to OpenAI's own: responses", "gpt-mini", MESSAGES, OWN(AZURE), .list = "azure:gpt-mini>responses"},
    {"messages to a service of responses only", "gpt-mini", MESSAGES, SPEAKS(AZURE, ONLY(RESPONSES)),
     .list = "azure:gpt-mini>responses"},
    {"chat to a service of responses only", "gpt-mini", CHAT, SPEAKS(AZURE, ONLY(RESPONSES)),
     .list = "azure:gpt-mini>responses"},
    {"chat to one of the two others: messages", "gpt-mini", CHAT,
     SPEAKS(AZURE, ONLY(RESPONSES) | ONLY(MESSAGES)), .list = "azure:gpt-mini>messages"},
    {"but responses at OpenAI's own", "gpt-mini", CHAT, OWN(AZURE),
     SPEAKS(AZURE, ONLY(RESPONSES) | ONLY(MESSAGES)), .list = "azure:gpt-mini>responses"},
    {"an anthropic provider that speaks chat too", "haiku", CHAT, SPEAKS(ANTHROPIC, ONLY(CHAT) | ONLY(MESSAGES)),
     .list = "anthropic:haiku"},

    /* -- quirks -- */
    {"tools go by responses where chat refuses them", "gpt-mini", CHAT, .needs = NEEDS_TOOLS,
     QUIRKS("gpt-mini", QUIRK_TOOLS_BY_RESPONSES), .list = "azure:gpt-mini>responses"},
    {"without tools chat is good", "gpt-mini", CHAT, QUIRKS("gpt-mini", QUIRK_TOOLS_BY_RESPONSES),
     .list = "azure:gpt-mini"},
    {"messages with tools too", "gpt-mini", MESSAGES, .needs = NEEDS_TOOLS,
     QUIRKS("gpt-mini", QUIRK_TOOLS_BY_RESPONSES), .list = "azure:gpt-mini>responses"},
    {"where there is no responses, chat says no itself", "gpt-mini", CHAT, .needs = NEEDS_TOOLS,
     SPEAKS(AZURE, ONLY(CHAT)), QUIRKS("gpt-mini", QUIRK_TOOLS_BY_RESPONSES), .list = "azure:gpt-mini"},
    {"a model of responses only", "gpt-mini", CHAT, QUIRKS("gpt-mini", QUIRK_NO_CHAT), .list = "azure:gpt-mini>responses"},
    {"a service without responses", "gpt-mini", RESPONSES, QUIRKS("gpt-mini", QUIRK_NO_RESPONSES),
     .list = "azure:gpt-mini>chat_completions"},
    {"a service that has nothing else says so itself", "gpt-mini", RESPONSES, SPEAKS(AZURE, ONLY(RESPONSES)),
     QUIRKS("gpt-mini", QUIRK_NO_RESPONSES), .list = "azure:gpt-mini"},
    {"what was learned counts as well", "gpt-mini", CHAT, .learned = QUIRK_NO_CHAT, .list = "azure:gpt-mini>responses"},
    {"also of the whole service", "gpt-mini", MESSAGES, OWN(AZURE), .learned = QUIRK_NO_RESPONSES,
     .list = "azure:gpt-mini>chat_completions"},

    /* -- abilities -- */
    {"who is known not to use tools is not asked to", "auto", CHAT, .absent = NO_WORKERS, .needs = NEEDS_TOOLS,
     WEAK("gpt", MODEL_LACKS_TOOLS), .list = "azure:gpt-mini " CLAUDES},
    {"images", "auto", CHAT, .absent = NO_WORKERS, .needs = NEEDS_IMAGES, WEAK("gpt-mini", MODEL_LACKS_IMAGES),
     .list = "openai:gpt " CLAUDES},
    {"a JSON schema", "auto", MESSAGES, .absent = NO_WORKERS | BIT(AZURE), .needs = NEEDS_SCHEMA,
     WEAK("opus", MODEL_LACKS_SCHEMA), .list = "openai:gpt>chat_completions claude2:sonnet"},
    {"a lack of what is not needed is none", "auto", CHAT, .absent = ~BIT(OPENAI), .needs = NEEDS_TOOLS,
     WEAK("gpt", MODEL_LACKS_IMAGES | MODEL_LACKS_SCHEMA | MODEL_LACKS_REASONING), .list = "openai:gpt"},
    {"a pin shows its provider's own answer", "gpt", .pin = "openai", CHAT, .needs = NEEDS_TOOLS, .prompt_tokens = 9,
     .weak_model = "gpt", .lacks = MODEL_LACKS_TOOLS, .context_tokens = 8, .list = "openai:gpt"},
    {"nobody left: what is lacking, and at whom", "gpt", CHAT, .needs = NEEDS_TOOLS | NEEDS_IMAGES,
     WEAK("gpt", MODEL_LACKS_TOOLS | MODEL_LACKS_IMAGES), .list = "", .outcome = ROUTE_ABILITY,
     .sentence = "'gpt' of provider 'openai' cannot use tools or see images."},
    {"one that could is over its quota: the caller waits for it", "auto", CHAT, .needs = NEEDS_TOOLS,
     .absent = ~(BIT(OPENAI) | BIT(AZURE)), WEAK("gpt", MODEL_LACKS_TOOLS),
     SETTINGS(1, {AZURE, STATE_OVER_QUOTA, 5000}), .list = "", .outcome = ROUTE_ALL_OVER_QUOTA},
    {"one that could is paused: an admin can mend it", "auto", CHAT, .needs = NEEDS_TOOLS,
     .absent = ~(BIT(OPENAI) | BIT(AZURE)), WEAK("gpt", MODEL_LACKS_TOOLS),
     SETTINGS(1, {AZURE, STATE_PAUSED}), .list = "", .outcome = ROUTE_NONE_EVER, .sentence = "'azure' is paused"},
    {"a window that is too small", "auto", CHAT, .absent = NO_WORKERS, .prompt_tokens = 8001, SMALL("gpt", 8000),
     .list = "azure:gpt-mini " CLAUDES},
    {"a window that just suffices", "gpt", CHAT, .absent = ~BIT(OPENAI), .prompt_tokens = 8000, SMALL("gpt", 8000),
     .list = "openai:gpt"},
    {"a window that nobody knows", "gpt", CHAT, .absent = ~BIT(OPENAI), .prompt_tokens = 1 << 30, .list = "openai:gpt"},
    {"a prompt that nobody can measure", "gpt", CHAT, .absent = ~BIT(OPENAI), .prompt_tokens = -1, SMALL("gpt", 8),
     .list = "openai:gpt"},
    {"all windows are too small: in the words that clients know", "gpt", MESSAGES, .prompt_tokens = 8001,
     SMALL("gpt", 8000), .list = "", .outcome = ROUTE_TOO_LONG,
     .sentence = "prompt is too long: 8001 tokens > 8000 maximum (estimated, for model 'gpt' of provider 'openai'"},
    {"tokens of a long prompt are counted all the same", "opus", COUNT_TOKENS, .absent = ~BIT(ANTHROPIC),
     .needs = NEEDS_IMAGES, .prompt_tokens = 9, .weak_model = "opus", .lacks = MODEL_LACKS_IMAGES, .context_tokens = 8,
     .list = "anthropic:opus"},
    {"embeddings need none of it", "shared", EMBEDDINGS, .absent = ~BIT(OPENAI), .prompt_tokens = 9, SMALL("shared", 8),
     .list = "openai:shared"},

    /* -- counting tokens -- */
    {"tokens are counted by who can", "auto", COUNT_TOKENS, .absent = BIT(AZURE),
     .list = "anthropic:opus claude2:sonnet"},
    {"and here when nobody can", "gpt", COUNT_TOKENS, .absent = BIT(AZURE), .list = "openai:gpt>here"},
    {"a llama-server counts its own", "gpt", COUNT_TOKENS, .absent = BIT(OPENAI),
     SPEAKS(AZURE, ONLY(CHAT) | ONLY(COUNT_TOKENS)), .list = "azure:gpt"},
    {"who could not answer is not counted for", "gpt-mini", COUNT_TOKENS, SPEAKS(AZURE, ONLY(EMBEDDINGS)), .list = "",
     .outcome = ROUTE_DIALECT},

    /* -- what is left when nobody is -- */
    {"whoever has it speaks no dialect of use", "haiku", CHAT, SPEAKS(ANTHROPIC, ONLY(EMBEDDINGS)), .list = "",
     .outcome = ROUTE_DIALECT, .sentence = "'anthropic' could answer this, but it speaks none of"},
    {"whoever has it speaks no dialect of use, and is paused", "haiku", CHAT, SPEAKS(ANTHROPIC, ONLY(EMBEDDINGS)),
     SETTINGS(1, {ANTHROPIC, STATE_PAUSED}), .list = "", .outcome = ROUTE_NONE_EVER},
    {"one could be repaired", "auto", CHAT, .absent = ~BIT(OPENAI), SETTINGS(1, {OPENAI, STATE_ERROR}), .list = "",
     .outcome = ROUTE_NONE_EVER, .sentence = "'openai' is in error"},
    {"embeddings are never translated", "haiku", EMBEDDINGS, .list = "", .outcome = ROUTE_ENDPOINT,
     .sentence = "No provider offers embeddings for model 'haiku'"},
    {"nor are completions", "auto", .endpoint = ENDPOINT_COMPLETIONS, .absent = NO_WORKERS,
     .list = "openai:gpt azure:gpt-mini"},
    {"all over quota: the smallest wait", "shared", CHAT, .absent = BIT(ANTHROPIC),
     SETTINGS(2, {OPENAI, STATE_OVER_QUOTA, 90000}, {AZURE, STATE_OVER_QUOTA, 7001}), .list = "",
     .outcome = ROUTE_ALL_OVER_QUOTA, .sentence = "resets in 8 s"},
    {"one over quota, one paused: a limit that ends is told first", "shared", CHAT, .absent = BIT(ANTHROPIC),
     SETTINGS(2, {OPENAI, STATE_OVER_QUOTA, 90000}, {AZURE, STATE_PAUSED}), .list = "",
     .outcome = ROUTE_ALL_OVER_QUOTA},
    {"nobody is configured", "auto", CHAT, .absent = ~0u, .list = "", .outcome = ROUTE_NONE_EVER,
     .sentence = "No provider is configured yet"},
    {"nobody is configured, and a model is named", "gpt", CHAT, .absent = ~0u, .list = "",
     .outcome = ROUTE_NONE_EVER},
    {"a name that tries to forge a line", "a\nb", CHAT, .list = "", .outcome = ROUTE_UNKNOWN_MODEL,
     .sentence = "Model 'a?b'"},
};
// clang-format on

/* ---- playing ----------------------------------------------------------------------------------- */

struct stage {
    struct provider providers[WORLD];
    struct model models[WORLD][4];
    const struct provider *pointers[WORLD];
    struct quirk_memory learned;
    struct provider_view views[WORLD];
    struct fallback_rule rules[WORLD][4];
    struct routing routing;
};

/* Models of its own, with what the story says of them. */
static void set_up_provider(const struct story *story, struct stage *stage, size_t who, size_t at)
{
    struct provider *provider = &stage->providers[at];
    *provider = world[who];
    provider->speaks =
        story->speaks[who] ? story->speaks[who] : provider_kind_endpoints(provider->kind);
    provider->is_openais_own = story->own & BIT(who);
    provider->rules = stage->rules[at];
    memcpy(stage->models[at], provider->models, provider->model_count * sizeof(struct model));
    provider->models = stage->models[at];
    for (size_t i = 0; i < provider->model_count; i++)
        if (story->quirky_model && strcmp(provider->models[i].id, story->quirky_model) == 0)
            stage->models[at][i].quirks = story->quirks;
    for (size_t i = 0; i < provider->model_count; i++)
        if (story->weak_model && strcmp(provider->models[i].id, story->weak_model) == 0) {
            stage->models[at][i].lacks = story->lacks;
            stage->models[at][i].context_tokens = story->context_tokens;
        }
    stage->pointers[at] = provider;
    if (story->learned)
        stage->views[at].learned = &stage->learned;
}

static void set_up(const struct story *story, struct stage *stage)
{
    *stage = (struct stage){0};
    quirk_memory_learn(&stage->learned, str_of(story->model), story->learned);
    size_t place_of[WORLD], count = 0;
    for (size_t i = 0; i < WORLD; i++) {
        place_of[i] = count;
        if (story->absent & BIT(i))
            continue;
        set_up_provider(story, stage, i, count++);
    }
    for (int i = 0; i < story->rule_count; i++) {
        size_t owner = place_of[story->rules[i].owner];
        stage->rules[owner][stage->providers[owner].rule_count++] = story->rules[i].rule;
    }
    for (int i = 0; i < story->setting_count; i++) {
        const struct setting *setting = &story->settings[i];
        struct provider_view *view = &stage->views[place_of[setting->who]];
        view->health.state = setting->state;
        view->health.may_try = setting->state == STATE_OVER_QUOTA && setting->until_ms == 0;
        view->health.until_ms = setting->until_ms ? NOW + setting->until_ms : 0;
        view->waiting = setting->waiting;
    }
    stage->routing = (struct routing){.providers = stage->pointers,
                                      .provider_count = count,
                                      .auto_provider_id = story->auto_provider,
                                      .auto_model = story->auto_model,
                                      .routes = routes,
                                      .route_count = COUNT(routes)};
}

static void write_list(const struct route_plan *plan, enum endpoint endpoint, char *out_list,
                       size_t room)
{
    size_t len = 0;
    out_list[0] = '\0';
    for (size_t i = 0; i < plan->eligible_count; i++) {
        const struct candidate *candidate = &plan->list[i];
        const char *asked = candidate->asked == endpoint ? NULL
                            : candidate->asked == ENDPOINT_COUNT
                                ? "here"
                                : endpoint_facts(candidate->asked)->name;
        len += (size_t)snprintf(out_list + len, room - len, "%s%s:%.*s%s%s", i ? " " : "",
                                candidate->provider->slug, STR_ARG(candidate->model),
                                asked ? ">" : "", asked ? asked : "");
    }
}

/* What every plan keeps, whatever the set-up. */
static void check_plan(const char *name, const struct routing *routing,
                       const struct route_plan *plan)
{
    bool is_seen[PROVIDERS_MAX] = {false};
    CHECK_INT(name, plan->count, routing->provider_count);
    CHECK(name, (plan->outcome == ROUTE_OK) == (plan->eligible_count > 0));
    CHECK(name, (plan->outcome == ROUTE_OK) == (plan->sentence[0] == '\0'));
    for (size_t i = 0; i < plan->count; i++) {
        const struct candidate *candidate = &plan->list[i];
        CHECK(name, !is_seen[candidate->index]);
        is_seen[candidate->index] = true;
        CHECK(name, candidate->provider == routing->providers[candidate->index]);
        CHECK(name, (candidate->verdict != ROUTE_SKIPPED) == (i < plan->eligible_count));
        CHECK(name, (candidate->verdict == ROUTE_CHOSEN) == (i == 0 && plan->eligible_count > 0));
        CHECK(name, candidate->verdict == ROUTE_SKIPPED || candidate->model.len > 0);
        CHECK(name, route_reason_text(candidate->reason)[0] != '\0');
    }
}

static void requests_go_where_the_stories_say(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct stage stage;
        struct route_plan plan;
        char list[512];
        set_up(story, &stage);
        struct route_request request = {.endpoint = story->endpoint,
                                        .model = str_of(story->model),
                                        .provider_pin = str_of(story->pin),
                                        .is_admin = story->is_admin,
                                        .needs = story->needs,
                                        .prompt_tokens = story->prompt_tokens,
                                        .now_ms = NOW};
        route_plan_make(&stage.routing, stage.views, &request, &plan);
        write_list(&plan, story->endpoint, list, sizeof list);
        CHECK_STR(story->name, list, story->list);
        CHECK_INT(story->name, plan.outcome, story->outcome);
        check_plan(story->name, &stage.routing, &plan);
        if (story->sentence && !strstr(plan.sentence, story->sentence))
            CHECK_STR(story->name, plan.sentence, story->sentence);
    }
}

/* ---- reasons ----------------------------------------------------------------------------------- */

static enum route_reason reason_of(const struct route_plan *plan, const char *slug)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->list[i].provider->slug, slug) == 0)
            return plan->list[i].reason;
    return REASON_COUNT;
}

static void every_provider_has_its_reason(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct {
        const char *model, *pin;
        struct setting setting;
        struct rule_of rule;
        const char *slug;
        enum route_reason reason;
    } rows[] = {
        {"auto", NULL, {0}, {0}, "openai", REASON_CASCADE},
        {"auto", NULL, {0}, {0}, "anthropic", REASON_CASCADE},
        {"auto", NULL, {OPENAI, STATE_DEGRADED, 0, 0}, {0}, "openai", REASON_DEGRADED},
        {"auto", NULL, {OPENAI, STATE_OVER_QUOTA, 1, 0}, {0}, "openai", REASON_OVER_QUOTA},
        {"auto", NULL, {OPENAI, STATE_ERROR, 0, 0}, {0}, "openai", REASON_KEY_ERROR},
        {"auto", NULL, {GPU, STATE_OFFLINE, 0, 0}, {0}, "gpu", REASON_OFFLINE},
        {"auto", NULL, {GPU, STATE_PAUSED, 0, 0}, {0}, "gpu", REASON_PAUSED},
        {"auto", NULL, {GPU, STATE_OFFLINE, 0, 0}, {GPU, ON(OFFLINE, "azure")}, "azure", REASON_FALLBACK_RULE},
        {"gpt", NULL, {0}, {0}, "azure", REASON_SERVES_MODEL},
        {"gpt", NULL, {0}, {0}, "gpu", REASON_MODEL_NOT_SERVED},
        {"gpt-hidden", NULL, {0}, {0}, "openai", REASON_MODEL_UNSURFACED},
        {"gpt", "azure", {0}, {0}, "azure", REASON_PINNED},
        {"gpt", "azure", {0}, {0}, "openai", REASON_NOT_ASKED},
        {"gpt-mini", "openai", {0}, {0}, "openai", REASON_MODEL_NOT_SERVED},
        {"gpt", "nobody", {0}, {0}, "openai", REASON_NOT_ASKED},
        {"coding", NULL, {0}, {0}, "gpu", REASON_ROUTE_STEP},
        {"coding", NULL, {0}, {0}, "azure", REASON_CONDITION_FALSE},
        {"coding", NULL, {0}, {0}, "claude2", REASON_NOT_ASKED},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct story story = {.settings = {rows[i].setting}, .setting_count = 1};
        story.rules[0] = rows[i].rule;
        story.rule_count = rows[i].rule.rule.provider_id != NULL;
        struct stage stage;
        struct route_plan plan;
        set_up(&story, &stage);
        struct route_request request = {
            .model = str_of(rows[i].model), .provider_pin = str_of(rows[i].pin), .now_ms = NOW};
        route_plan_make(&stage.routing, stage.views, &request, &plan);
        CHECK_STR(rows[i].model, route_reason_code(reason_of(&plan, rows[i].slug)),
                  route_reason_code(rows[i].reason));
    }
}

static void a_model_that_is_missing_is_asked_elsewhere_first(void **unused)
{
    (void)unused;
    struct story story = {.absent = ~(BIT(OPENAI) | BIT(AZURE))};
    struct stage stage;
    struct route_plan plan;
    struct health lacks = {.missing = {{.id = "shared", .until_ms = NOW + 1}}};
    struct route_request request = {.model = STR("shared"), .now_ms = NOW};

    set_up(&story, &stage);
    stage.views[0].models = &lacks; /* openai */
    route_plan_make(&stage.routing, stage.views, &request, &plan);
    CHECK_INT("one left", plan.eligible_count, 1);
    CHECK_STR("azure", plan.list[0].provider->slug, "azure");
    CHECK_INT("the reason", reason_of(&plan, "openai"), REASON_MODEL_MISSING);

    stage.views[1].models = &lacks; /* azure */
    route_plan_make(&stage.routing, stage.views, &request, &plan);
    CHECK_INT("nobody else: their own words", plan.eligible_count, 2);

    request.provider_pin = STR("openai");
    route_plan_make(&stage.routing, stage.views, &request, &plan);
    CHECK_INT("a pin", reason_of(&plan, "openai"), REASON_PINNED);

    request.now_ms = NOW + 1;
    request.provider_pin = STR("");
    route_plan_make(&stage.routing, stage.views, &request, &plan);
    CHECK_INT("not for ever", reason_of(&plan, "openai"), REASON_SERVES_MODEL);
}

static void a_plan_says_what_it_came_from(void **unused)
{
    (void)unused;
    static const struct {
        const char *model, *pin;
        bool is_auto, is_pinned;
    } rows[] = {
        {"auto", NULL, true, false},      {"coding", NULL, true, false},
        {"gpt", NULL, false, false},      {"auto", "azure", false, true},
        {"azure/gpt", NULL, false, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct story story = {0};
        struct stage stage;
        struct route_plan plan;
        set_up(&story, &stage);
        struct route_request request = {.model = str_of(rows[i].model),
                                        .provider_pin = str_of(rows[i].pin)};
        route_plan_make(&stage.routing, stage.views, &request, &plan);
        CHECK(rows[i].model, plan.is_auto == rows[i].is_auto);
        CHECK(rows[i].model, plan.is_pinned == rows[i].is_pinned);
    }
}

/* ---- workers ----------------------------------------------------------------------------------- */

#define LOADED(...)                                \
    .loaded = (const struct model[]){__VA_ARGS__}, \
    .loaded_count = sizeof((const struct model[]){__VA_ARGS__}) / sizeof(struct model)

/* The world with workers at its gpu provider, and one request. */
struct worker_story {
    const char *name, *model;
    const char *row_model; /* what the provider's row knows; NULL: nothing */
    bool is_hidden, is_admin, is_pinned;
    struct provider_view view; /* of the gpu provider */
    const char *list;          /* expected */
    size_t later_count;
    enum route_reason reason; /* of the gpu provider */
    enum route_outcome outcome;
};

// clang-format off
static const struct worker_story worker_stories[] = {
    {"what a live worker has loaded is served, known to the row or not", "new-model", NULL,
     .view = {LOADED(M("new-model"))}, .list = "gpu:new-model", .reason = REASON_SERVES_MODEL},
    {"under another quantization's name: as the worker spells it", "llama-3-8b", NULL,
     .view = {LOADED(M("llama-3-8b-Q4_K_M"))}, .list = "gpu:llama-3-8b-Q4_K_M", .reason = REASON_SERVES_MODEL},
    {"and the other way round", "llama-3-8b-Q8_0", NULL,
     .view = {LOADED(M("llama-3-8b"))}, .list = "gpu:llama-3-8b", .reason = REASON_SERVES_MODEL},
    {"the exact name comes first", "llama-3-8b-Q8_0", NULL,
     .view = {LOADED(M("llama-3-8b-Q4_K_M"), M("llama-3-8b-Q8_0"))}, .list = "gpu:llama-3-8b-Q8_0", .reason = REASON_SERVES_MODEL},
    {"auto: the default when it is loaded", "auto", "zeta", .is_pinned = true,
     .view = {LOADED(M("alpha"), M("zeta"))}, .list = "gpu:zeta", .reason = REASON_PINNED},
    {"auto: any loaded one when it is not", "auto", "zeta", .is_pinned = true,
     .view = {LOADED(M("alpha"), M("beta"))}, .list = "gpu:alpha", .reason = REASON_PINNED},
    {"a loaded model that an admin hid is not offered", "llama", "llama", .is_hidden = true,
     .view = {LOADED(M("llama"))}, .list = "", .reason = REASON_MODEL_UNSURFACED, .outcome = ROUTE_UNKNOWN_MODEL},
    {"to an admin it is", "llama", "llama", .is_hidden = true, .is_admin = true,
     .view = {LOADED(M("llama"))}, .list = "gpu:llama", .reason = REASON_SERVES_MODEL},
    {"of the row, and not loaded: it may be waited for", "llama", "llama",
     .view = {LOADED(M("other"))}, .list = "", .later_count = 1, .reason = REASON_NOT_LOADED, .outcome = ROUTE_NOBODY_NOW},
    {"no worker online: it may be waited for", "llama", "llama",
     .view = {.health.state = STATE_OFFLINE}, .list = "", .later_count = 1, .reason = REASON_OFFLINE, .outcome = ROUTE_NOBODY_NOW},
    {"auto, and no worker was ever there: any that comes will do", "auto", NULL, .is_pinned = true,
     .view = {.health.state = STATE_OFFLINE}, .list = "", .later_count = 1, .reason = REASON_OFFLINE, .outcome = ROUTE_NOBODY_NOW},
    {"all workers over their quota", "llama", "llama",
     .view = {.health = {.state = STATE_OVER_QUOTA, .until_ms = NOW + 5000}}, .list = "", .later_count = 1,
     .reason = REASON_OVER_QUOTA, .outcome = ROUTE_ALL_OVER_QUOTA},
    {"paused: nobody waits for that", "llama", "llama",
     .view = {.health.state = STATE_PAUSED}, .list = "", .reason = REASON_PAUSED, .outcome = ROUTE_NONE_EVER},
};
// clang-format on

static void workers_serve_what_they_have_loaded(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(worker_stories); i++) {
        const struct worker_story *told = &worker_stories[i];
        struct story story = {.absent = ~BIT(GPU)};
        struct stage stage;
        struct route_plan plan;
        char list[512];
        set_up(&story, &stage);
        struct model kept = M(told->row_model ? told->row_model : "");
        kept.is_surfaced = !told->is_hidden;
        stage.providers[0].has_workers = true;
        stage.providers[0].models = &kept;
        stage.providers[0].model_count = told->row_model != NULL;
        stage.providers[0].default_model = told->row_model;
        stage.views[0] = told->view;
        struct route_request request = {.endpoint = ENDPOINT_CHAT,
                                        .model = str_of(told->model),
                                        .provider_pin = str_of(told->is_pinned ? "gpu" : NULL),
                                        .is_admin = told->is_admin,
                                        .prompt_tokens = -1,
                                        .now_ms = NOW};
        route_plan_make(&stage.routing, stage.views, &request, &plan);
        write_list(&plan, ENDPOINT_CHAT, list, sizeof list);
        CHECK_STR(told->name, list, told->list);
        CHECK_INT(told->name, plan.later_count, told->later_count);
        CHECK_STR(told->name, route_reason_code(reason_of(&plan, "gpu")),
                  route_reason_code(told->reason));
        CHECK_INT(told->name, plan.outcome, told->outcome);
        check_plan(told->name, &stage.routing, &plan);
    }
}

static void a_full_provider_opens_the_step_behind_it(void **unused)
{
    (void)unused;
    struct story story = {0};
    struct stage stage;
    struct route_plan plan;
    char list[512];
    struct route_request request = {
        .endpoint = ENDPOINT_CHAT, .model = STR("coding"), .now_ms = NOW};
    set_up(&story, &stage);
    route_plan_make(&stage.routing, stage.views, &request, &plan);
    write_list(&plan, ENDPOINT_CHAT, list, sizeof list);
    CHECK_STR("there is room", list, "gpu:llama openai:shared");
    stage.views[OPENAI].is_full = true;
    route_plan_make(&stage.routing, stage.views, &request, &plan);
    write_list(&plan, ENDPOINT_CHAT, list, sizeof list);
    CHECK_STR("there is none", list, "gpu:llama openai:shared azure:gpt-mini");
}

/* ---- providers of other teams -------------------------------------------------------------------- */

static void a_pin_finds_no_provider_of_other_teams(void **unused)
{
    (void)unused;
    static const char *const teams[] = {"tem_1"};
    static const struct {
        const char *name, *team, *model, *pin;
        bool is_admin;
        enum route_outcome outcome;
        const char *list;
    } rows[] = {
        {"its own team", "tem_1", "gpt", "azure", false, ROUTE_OK, "azure:gpt"},
        {"by slug", "tem_2", "gpt", "azure", false, ROUTE_UNKNOWN_PIN, ""},
        {"by id", "tem_2", "gpt", "prv_azure", false, ROUTE_UNKNOWN_PIN, ""},
        {"a model it lacks", "tem_2", "gpt-9", "azure", false, ROUTE_UNKNOWN_PIN, ""},
        {"auto", "tem_2", "auto", "azure", false, ROUTE_UNKNOWN_PIN, ""},
        {"in the model's name", "tem_2", "azure/gpt", NULL, false, ROUTE_UNKNOWN_MODEL, ""},
        {"and auto", "tem_2", "azure/auto", NULL, false, ROUTE_UNKNOWN_MODEL, ""},
        {"beside another pin", "tem_2", "azure/gpt", "openai", false, ROUTE_PIN_LACKS_MODEL, ""},
        {"an admin is told", "tem_2", "gpt", "azure", true, ROUTE_DENIED, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct story story = {0};
        struct stage stage;
        struct route_plan plan;
        char list[512];
        set_up(&story, &stage);
        stage.providers[AZURE].has_teams = true;
        stage.providers[AZURE].teams = teams;
        stage.providers[AZURE].team_count = 1;
        const struct access access = {.team_id = rows[i].team, .team_name = "Team"};
        const struct route_request request = {.endpoint = ENDPOINT_CHAT,
                                              .model = str_of(rows[i].model),
                                              .provider_pin = str_of(rows[i].pin),
                                              .is_admin = rows[i].is_admin,
                                              .access = &access,
                                              .now_ms = NOW};
        route_plan_make(&stage.routing, stage.views, &request, &plan);
        write_list(&plan, ENDPOINT_CHAT, list, sizeof list);
        CHECK_INT(rows[i].name, plan.outcome, rows[i].outcome);
        CHECK_STR(rows[i].name, list, rows[i].list);
    }
}

/* ---- any configuration ------------------------------------------------------------------------- */

static uint32_t dice_state;
static unsigned dice(unsigned sides) /* xorshift: the same throws every time */
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 17;
    dice_state ^= dice_state << 5;
    return dice_state % sides;
}

static const char *const some_ids[] = {"prv_gpu",       "prv_cli",     "prv_openai", "prv_azure",
                                       "prv_anthropic", "prv_claude2", "prv_deleted"};
static const char *const some_models[] = {
    "auto",       "gpt",   "shared", "opus",      "llama",       "coding", "claude-x",
    "gpt-hidden", "spare", "nobody", "azure/gpt", "openai/auto", "x/y",    "gpt-mini"};
static const char *const some_pins[] = {NULL, NULL, NULL, "openai", "prv_azure", "nobody", "gpu"};

static void random_story(struct story *story)
{
    *story = (struct story){.name = "random", .absent = dice(3) ? 0 : dice(64)};
    story->model = some_models[dice(COUNT(some_models))];
    story->pin = some_pins[dice(COUNT(some_pins))];
    story->endpoint = (enum endpoint)dice(ENDPOINT_COUNT_TOKENS + 1);
    story->is_admin = dice(2);
    story->needs = dice(8);
    for (size_t who = 0; who < WORLD; who++)
        story->speaks[who] = dice(3) ? 0 : 1 + dice(ENDPOINT_BIT(ENDPOINT_MODELS) - 1);
    story->own = dice(64);
    story->weak_model = some_models[dice(COUNT(some_models))];
    story->lacks = dice(16);
    story->context_tokens = (int64_t)dice(3) - 1;
    story->prompt_tokens = (int64_t)dice(4) - 1;
    story->quirky_model = some_models[dice(COUNT(some_models))];
    story->quirks = dice(QUIRK_NO_CHAT << 1);
    story->learned = dice(4) ? 0 : dice(QUIRK_NO_CHAT << 1);
    story->auto_provider = dice(2) ? some_ids[dice(COUNT(some_ids))] : NULL;
    story->auto_model = dice(4) ? NULL : "shared";
    for (int i = 0; i < 4; i++) {
        unsigned who = dice(WORLD);
        if (story->absent & BIT(who))
            continue;
        story->settings[story->setting_count++] =
            (struct setting){(enum who)who, (enum provider_state)dice(STATE_COUNT),
                             dice(2) ? 0 : dice(100000), dice(12)};
        story->rules[story->rule_count++] =
            (struct rule_of){(enum who)who,
                             {.condition = (enum condition)dice(CONDITION_COUNT),
                              .provider_id = some_ids[dice(COUNT(some_ids))],
                              .model = dice(2) ? NULL : some_models[1 + dice(4)],
                              .threshold = dice(12)}};
    }
}

static void any_configuration_lists_everybody_once(void **unused)
{
    (void)unused;
    dice_state = 20261120;
    for (int round = 0; round < 20000; round++) {
        struct story story;
        struct stage stage;
        struct route_plan plan, again;
        random_story(&story);
        set_up(&story, &stage);
        struct route_request request = {.endpoint = story.endpoint,
                                        .model = str_of(story.model),
                                        .provider_pin = str_of(story.pin),
                                        .is_admin = story.is_admin,
                                        .needs = story.needs,
                                        .prompt_tokens = story.prompt_tokens,
                                        .now_ms = NOW};
        route_plan_make(&stage.routing, stage.views, &request, &plan);
        check_plan(story.model, &stage.routing, &plan);
        for (size_t i = 0; i < plan.eligible_count; i++) {
            const struct provider *provider = plan.list[i].provider;
            CHECK("serves what it is asked for", provider_model(provider, plan.list[i].model));
            enum endpoint asked = plan.list[i].asked;
            bool is_translated = asked != story.endpoint;
            CHECK("speaks it", asked == ENDPOINT_COUNT ? story.endpoint == ENDPOINT_COUNT_TOKENS
                                                       : provider->speaks & ENDPOINT_BIT(asked));
            CHECK("can be translated", !is_translated || asked == ENDPOINT_COUNT ||
                                           (ENDPOINT_BIT(asked) & ENDPOINTS_GENERATION &&
                                            ENDPOINT_BIT(story.endpoint) & ENDPOINTS_GENERATION));
        }
        if (plan.outcome == ROUTE_ALL_OVER_QUOTA)
            CHECK("a wait", plan.wait_ms > 0);
        memset(&again, 0xA5, sizeof again);
        route_plan_make(&stage.routing, stage.views, &request, &again);
        CHECK("the same again", plan.count == again.count && plan.outcome == again.outcome &&
                                    strcmp(plan.sentence, again.sentence) == 0);
    }
}

TEST_MAIN(TEST(requests_go_where_the_stories_say), TEST(every_provider_has_its_reason),
          TEST(a_model_that_is_missing_is_asked_elsewhere_first),
          TEST(a_plan_says_what_it_came_from), TEST(workers_serve_what_they_have_loaded),
          TEST(a_full_provider_opens_the_step_behind_it),
          TEST(a_pin_finds_no_provider_of_other_teams),
          TEST(any_configuration_lists_everybody_once))
