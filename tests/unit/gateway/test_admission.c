/* tests/unit/gateway/test_admission.c: what limits and policies do to requests, told as two in a row to the same caller,
 * and what is left of them afterwards.
 */
#include "gateway/live_limits.h"
#include "tests/unit/gateway/stories.h"

#define MODELS "[{\"id\":\"m1\",\"surfaced\":true},{\"id\":\"gpt-5.4\",\"surfaced\":true}]"
#define GPT5   "{\"model\":\"gpt-5.4\",\"messages\":[]"
#define LONG   "{\"model\":\"m1\",\"messages\":[],\"pad\":\"" PAD PAD PAD PAD "\"}"
#define PAD    "0123456789012345678901234567890123456789"

// clang-format off
static const struct limited {
    const char *name, *kind;
    const char *team, *key; /* policies */
    const char *path, *headers, *ask;
    int first, second; /* statuses */
    const char *has[8], *lacks[3]; /* in the second answer */
    const char *job;               /* of the second */
    const char *seen;              /* in what the provider got first */
} stories[] = {
    {"requests a minute", .team = "{\"requests_per_minute\":1}", .first = 200, .second = 429,
     .has = {"retry-after: ", "\"rate_limit_error\"",
             "Team Research may make 1 requests a minute, and has made them. Try again in ",
             "ask an admin to raise requests_per_minute", "x-ratelimit-limit-requests: 1\r\n",
             "x-ratelimit-remaining-requests: 0\r\n", "x-ratelimit-reset-requests: "},
     .lacks = {"x-should-retry", "-tokens:"}, .job = "refused rate_limited_requests"},
    {"of the key", .key = "{\"requests_per_minute\":1}", .first = 200, .second = 429,
     .has = {"This API key may make 1 requests", "whoever manages the key"},
     .job = "refused rate_limited_requests"},
    {"the smaller of the two", .team = "{\"requests_per_minute\":100}",
     .key = "{\"requests_per_minute\":1}", .first = 200, .second = 429,
     .has = {"This API key may make 1 requests", "x-ratelimit-limit-requests: 1\r\n"}},
    {"what the key refuses is given back to the team, also in headers",
     .team = "{\"requests_per_minute\":2}", .key = "{\"budget_microusd_per_month\":1000}",
     .ask = GPT5 ",\"max_tokens\":1000}", .first = 429, .second = 429,
     .has = {"x-ratelimit-remaining-requests: 2\r\n"}},
    {"in Anthropic's dialect", .kind = "anthropic", .team = "{\"requests_per_minute\":1}",
     .path = MESSAGES, .ask = "{\"model\":\"m1\",\"max_tokens\":9,\"messages\":[]}", .first = 200,
     .second = 429,
     .has = {"\"type\":\"rate_limit_error\"", "anthropic-ratelimit-requests-limit: 1\r\n",
             "anthropic-ratelimit-requests-remaining: 0\r\n", "anthropic-ratelimit-requests-reset: 20",
             "retry-after: "}},
    {"tokens a minute: what is told settles what was reserved",
     .team = "{\"tokens_per_minute\":60000}", .ask = "{\"model\":\"m1\",\"max_tokens\":50000,\"messages\":[]}",
     .first = 200, .second = 200,
     .has = {"x-ratelimit-limit-tokens: 60000\r\n", "x-ratelimit-remaining-tokens: 9"}},
    {"a prompt that is longer than all tokens of a minute", .team = "{\"tokens_per_minute\":20}",
     .ask = LONG, .first = 429, .second = 429,
     .has = {"this prompt alone has more", "x-should-retry: false"}, .lacks = {"retry-after"},
     .job = "refused rate_limited_tokens"},
    {"a budget that is too small for the ceiling", .team = "{\"budget_microusd_per_month\":1000}",
     .ask = GPT5 ",\"max_tokens\":1000}", .first = 429, .second = 429,
     .has = {"\"insufficient_quota\"", "Team Research has a budget of $0.001000", "could cost $0.01",
             "x-should-retry: false", "raise budget_microusd_per_month"},
     .lacks = {"retry-after"}, .job = "refused budget_spent"},
    {"one that is large enough for a smaller answer",
     .team = "{\"budget_microusd_per_month\":10000}", .ask = GPT5 ",\"max_tokens\":100}", .first = 200,
     .second = 200},
    {"what a tool of the provider finds may fill the window",
     .team = "{\"budget_microusd_per_month\":400000}",
     .ask = GPT5 ",\"max_tokens\":100,\"web_search_options\":{}}", .first = 429, .second = 429,
     .has = {"this request could cost $0.5"}, .job = "refused budget_spent"},
    {"a model without a price, where there is a budget",
     .team = "{\"budget_microusd_per_month\":1000000}", .ask = "{\"model\":\"m1\",\"messages\":[]}",
     .first = 403, .second = 403, .has = {"nobody knows what model 'm1'"}, .job = "refused price_unknown"},
    {"a service with prices of its own, where there is a budget",
     .team = "{\"budget_microusd_per_month\":900000000}",
     .ask = GPT5 ",\"max_tokens\":9,\"service_tier\":\"priority\"}", .first = 403, .second = 403,
     .has = {"names a service_tier or speed with prices of its own"},
     .job = "refused price_unknown"},
    {"and where there is none", .team = "{\"budget_soft_microusd_per_month\":1}",
     .ask = GPT5 ",\"max_tokens\":9,\"service_tier\":\"priority\"}", .first = 200, .second = 200},
    {"no price where there is no budget", .team = "{\"budget_soft_microusd_per_month\":1}",
     .ask = "{\"model\":\"m1\",\"messages\":[]}", .first = 200, .second = 200},
    {"R14: nothing that the team may use", .team = "{\"allowed_tiers\":[\"gpu\"]}", .first = 403,
     .second = 403, .has = {"\"permission_denied\"", "Team Research may not use the cloud tier"},
     .job = "refused policy_denied"},
    {"T20: more than the policy's ceiling", .team = "{\"max_output_tokens\":500}",
     .ask = "{\"model\":\"m1\",\"max_tokens\":900,\"messages\":[]}", .first = 200, .second = 200,
     .has = {"x-auxot-fidelity: changed:max_tokens"}, .job = "done ok", .seen = "\"max_tokens\":500,"},
    {"T20: no limit at all", .key = "{\"max_output_tokens\":500}", .first = 200, .second = 200,
     .lacks = {"x-auxot-fidelity"}, .seen = "{\"max_tokens\":500,\"model\""},
    {"T20: to a provider of the other dialect", .kind = "anthropic",
     .team = "{\"max_output_tokens\":500}",
     .ask = "{\"model\":\"m1\",\"max_tokens\":900,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
     .first = 200, .second = 200, .has = {"changed:max_tokens"}, .seen = "\"max_tokens\":500"},
    {"T20: a strict caller hears of it", .team = "{\"max_output_tokens\":500}",
     .headers = "x-auxot-strict: 1\r\n",
     .ask = "{\"model\":\"m1\",\"max_tokens\":900,\"messages\":[]}", .first = 400, .second = 400,
     .has = {"at most 500 for one answer (max_output_tokens)"}},
    {"T20: a budget, and nobody says how long an answer may be: a limit is put in",
     .team = "{\"budget_microusd_per_month\":900000000}", .ask = GPT5 "}", .first = 200, .second = 200,
     .seen = "{\"max_tokens\":32768,\"model\""},
};
// clang-format on

#define CLAUDE_HELLO                                                                \
    "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\"," \
    "\"text\":\"hi\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":5," \
    "\"output_tokens\":2}}"

static void two_in_a_row(const struct limited *story)
{
    bool is_claude = story->kind != NULL;
    struct play play = {{SAY(JSON WHOLE)}}, claude = {{SAY(JSON CLAUDE_HELLO)}};
    struct stage stage = {
        .kind = story->kind, .team_policy = story->team, .key_policy = story->key};
    stage.up[0].plays[0] = stage.up[0].plays[1] = is_claude ? claude : play;
    stage.rows[0].models_json = MODELS;
    stage_begin(&stage, 1);
    const char *path = story->path ? story->path : CHAT;
    const char *headers = story->headers ? story->headers : "";
    const char *ask = story->ask ? story->ask : "{\"model\":\"m1\",\"messages\":[]}";
    struct answer first = stage_ask(&stage, path, headers, ask);
    struct answer second = stage_ask(&stage, path, headers, ask);
    struct job_record job = stage_job(&stage);
    char ended[96];
    if (first.status != story->first || second.status != story->second)
        print_error("first: %.800s\nsecond: %.800s\n", first.raw, second.raw);
    CHECK_INT(story->name, first.status, story->first);
    CHECK_INT(story->name, second.status, story->second);
    struct story looks = {.name = story->name, .status = story->second};
    memcpy(looks.lacks, story->lacks, sizeof story->lacks);
    for (size_t i = 0; i < COUNT(story->has) && story->has[i]; i++) {
        looks.has[0] = story->has[i];
        story_check_answer(&looks, &second);
    }
    story_check_answer(&looks, &second);
    snprintf(ended, sizeof ended, "%s %s", job_status_name(job.status), job.reason);
    if (story->job)
        CHECK_STR(story->name, ended, story->job);
    if (story->seen && !strstr(upstream_seen(&stage.up[0], 0), story->seen))
        CHECK_STR(story->name, upstream_seen(&stage.up[0], 0), story->seen);
    const char *ids[] = {"tea_1", "key_1"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct live_limits *live =
            limits_registry_find(live_registry_limits(stage.registry), ids[i]);
        struct limits_figures figures = {0};
        if (live)
            live_limits_figures(live, &figures);
        CHECK_INT(story->name, figures.running, 0);
        CHECK_INT(story->name, figures.reserved_microusd, 0);
    }
    answer_free(&first);
    answer_free(&second);
    stage_end(&stage);
}

static void limits_are_told_as_the_stories_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++)
        two_in_a_row(&stories[i]);
}

static struct limits_figures figures_of(const struct stage *stage, const char *id)
{
    struct limits_figures figures;
    live_limits_figures(limits_registry_find(live_registry_limits(stage->registry), id), &figures);
    return figures;
}

static void a_settled_request_leaves_what_it_took(void **state)
{
    (void)state;
    struct stage stage = {
        .team_policy = "{\"tokens_per_minute\":100000,\"budget_microusd_per_month\":1000000}"};
    stage.up[0].plays[0] = (struct play){{SAY(JSON WHOLE)}};
    stage.rows[0].models_json = MODELS;
    stage_begin(&stage, 1);
    struct answer answer = stage_ask(&stage, CHAT, "", GPT5 ",\"max_tokens\":1000}");
    struct job_record job = stage_job(&stage);
    struct limits_figures team = figures_of(&stage, "tea_1"), key = figures_of(&stage, "key_1");
    CHECK_INT("status", answer.status, 200);
    CHECK("it cost something", job.cost_microusd > 0);
    CHECK_INT("spent is the row's cost", team.spent_microusd, job.cost_microusd);
    CHECK_INT("the key's too", key.spent_microusd, job.cost_microusd);
    CHECK_INT("7 and 3 tokens", team.tokens_used, 10);
    CHECK_INT("nothing is reserved", team.reserved_microusd, 0);
    answer_free(&answer);
    stage_end(&stage);
}

/* The bytes of a picture are no text, neither beforehand nor in the bill. */
static void a_stopped_stream_with_a_picture_costs_no_more_than_pictures_do(void **state)
{
    (void)state;
    struct stage stage = {.team_policy = "{\"tokens_per_minute\":100000000}"};
    stage.up[0].plays[0] =
        (struct play){{SAY(SSE ROLE TEXT("a")), WAIT(2000), SAY(STOP USAGE DONE)}};
    stage_begin(&stage, 1);
    AUTO_BUF struct buf ask;
    struct buf raw;
    buf_init(&ask, 1u << 20);
    buf_init(&raw, ANSWER_MAX);
    buf_puts(&ask, "{\"model\":\"m1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
                   "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,");
    for (size_t i = 0; i < 10000; i++)
        buf_puts(&ask, PAD);
    buf_puts(&ask, "\"}}]}]}");
    buf_putc(&ask, '\0');
    int fd = client_open(&stage);
    client_ask(&stage, fd, CHAT, "", ask.data);
    CHECK("it streams", client_read_until(fd, &raw, "\"a\""));
    close(fd);
    struct job_record job = stage_job(&stage);
    CHECK_INT("input", job.usage.input_tokens, 16384);
    buf_release(&raw);
    stage_end(&stage);
}

static void a_stream_holds_its_place_until_it_ends(void **state)
{
    (void)state;
    struct stage stage = {.team_policy = "{\"max_concurrent\":1}"};
    stage.up[0].plays[0] =
        (struct play){{SAY(SSE ROLE TEXT("a")), WAIT(400), SAY(STOP USAGE DONE)}};
    stage.up[0].plays[1] = (struct play){{SAY(JSON WHOLE)}};
    stage_begin(&stage, 1);
    struct buf raw;
    buf_init(&raw, ANSWER_MAX);
    int fd = client_open(&stage);
    client_ask(&stage, fd, CHAT, "", "{\"model\":\"m1\",\"stream\":true,\"messages\":[]}");
    CHECK("it streams", client_read_until(fd, &raw, "\"a\""));
    struct answer refused = stage_ask(&stage, CHAT, "", "{\"model\":\"m1\",\"messages\":[]}");
    CHECK_INT("one at a time", refused.status, 429);
    CHECK("says so", strstr(refused.body, "may have 1 requests running at a time, and has"));
    CHECK("and when", strstr(refused.raw, "retry-after: 1\r\n"));
    CHECK("it ends", client_read_until(fd, &raw, "[DONE]"));
    struct answer next = stage_ask(&stage, CHAT, "", "{\"model\":\"m1\",\"messages\":[]}");
    CHECK_INT("whoever has seen the end finds the place free", next.status, 200);
    answer_free(&refused);
    answer_free(&next);
    struct answer whole = client_finish(fd, &raw);
    answer_free(&whole);
    stage_end(&stage);
}

static void dear_candidates_are_left_out_when_little_is_left(void **state)
{
    (void)state;
    struct stage stage = {.team_policy = "{\"budget_microusd_per_month\":3000}"};
    stage.rows[0].models_json = "[{\"id\":\"gpt-5.4\",\"surfaced\":true}]";
    stage.rows[1].models_json = "[{\"id\":\"gpt-5.4-nano\",\"surfaced\":true}]";
    str_copy(STR("gpt-5.4"), stage.rows[0].default_model, sizeof stage.rows[0].default_model);
    str_copy(STR("gpt-5.4-nano"), stage.rows[1].default_model, sizeof stage.rows[1].default_model);
    stage.up[1].plays[0] = (struct play){{SAY(JSON WHOLE)}};
    stage_begin(&stage, 2);
    struct answer answer =
        stage_ask(&stage, CHAT, "", "{\"model\":\"auto\",\"max_tokens\":1000,\"messages\":[]}");
    struct job_record job = stage_job(&stage);
    CHECK_INT("answered", answer.status, 200);
    CHECK_STR("by the one that fits", job.model, "gpt-5.4-nano");
    answer_free(&answer);
    stage_end(&stage);
}

/* The first try's provider fails; meanwhile there is more to spend, enough for the second and not for the third. */
static void who_is_left_of_a_new_list_is_reserved_for(void **state)
{
    (void)state;
    static const char *const models[] = {"gpt-5.4-nano", "gpt-5.4", "gpt-5.4-pro"};
    struct stage stage = {.team_policy = "{\"budget_microusd_per_month\":3000}"};
    for (size_t i = 0; i < COUNT(models); i++) {
        static char lists[COUNT(models)][64];
        snprintf(lists[i], sizeof lists[i], "[{\"id\":\"%s\",\"surfaced\":true}]", models[i]);
        stage.rows[i].models_json = lists[i];
        str_copy(str_of(models[i]), stage.rows[i].default_model,
                 sizeof stage.rows[i].default_model);
    }
    stage.up[0].plays[0] = (struct play){{WAIT(400), SAY(ERROR("500", "", ""))}};
    stage.up[1].plays[0] =
        (struct play){{SAY(SSE ROLE TEXT("a")), WAIT(400), SAY(STOP USAGE DONE)}};
    stage_begin(&stage, 3);
    struct buf raw;
    buf_init(&raw, ANSWER_MAX);
    int fd = client_open(&stage);
    client_ask(&stage, fd, CHAT, "",
               "{\"model\":\"auto\",\"stream\":true,\"max_tokens\":1000,\"messages\":[]}");
    while (upstream_count(&stage.up[0]) == 0)
        sleep_ms(5);
    struct live_limits *team = limits_registry_find(live_registry_limits(stage.registry), "tea_1");
    struct policy policy = policy_none();
    policy.budget_microusd_per_month = 25000;
    CHECK("more to spend", live_limits_follow(team, "Research", &policy));
    CHECK("the second answers", client_read_until(fd, &raw, "\"a\""));
    CHECK("what it may cost is reserved", figures_of(&stage, "tea_1").reserved_microusd >= 15000);
    struct answer whole = client_finish(fd, &raw);
    CHECK_INT("nothing stays", figures_of(&stage, "tea_1").reserved_microusd, 0);
    answer_free(&whole);
    stage_end(&stage);
}

TEST_MAIN(TEST(limits_are_told_as_the_stories_say), TEST(a_settled_request_leaves_what_it_took),
          TEST(a_stream_holds_its_place_until_it_ends),
          TEST(a_stopped_stream_with_a_picture_costs_no_more_than_pictures_do),
          TEST(who_is_left_of_a_new_list_is_reserved_for),
          TEST(dear_candidates_are_left_out_when_little_is_left))
