/* tests/unit/domain/test_answer_line.c: what became of a job, as facts and the sentences that they make. */
#include "domain/answer_line.h"
#include "domain/why.h"
#include "tests/test.h"

#define NO_FIGURES .queued_ms = -1, .duration_ms = -1, .tokens = -1, .cost_microusd = -1
#define S(text)    STR_INIT(text)

static const struct passed rack_offline = {S("prv_1"),   S("GPU rack 1"),
                                           S("gpu"),     S("llama"),
                                           S("offline"), {94000, -1, -1, -1, -1, -1, -1}};
static const struct passed rack_full = {S("prv_1"), S("GPU rack 1"),  S("gpu"),
                                        S("llama"), S("at_capacity"), {-1, 4, 4, 2, -1, -1, -1}};
static const struct passed claude_over = {
    S("prv_2"), S("Claude"),     S("cloud"),
    S("opus"),  S("over_quota"), {-1, -1, -1, -1, INT64_C(1790000000000), -1, -1}};
static const struct passed two_passed[] = {
    {S("prv_1"),
     S("GPU rack 1"),
     S("gpu"),
     S("llama"),
     S("at_capacity"),
     {-1, 4, 4, 2, -1, -1, -1}},
    {S("prv_2"),
     S("Claude"),
     S("cloud"),
     S("opus"),
     S("over_quota"),
     {-1, -1, -1, -1, INT64_C(1790000000000), -1, -1}},
};
static const struct passed many[] = {
    {S("prv_1"), S("A"), S("cloud"), S("m"), S("paused"), {-1, -1, -1, -1, -1, -1, -1}},
    {S("prv_2"), S("B"), S("cloud"), S("m"), S("error"), {-1, -1, -1, -1, -1, -1, -1}},
    {S("prv_3"), S("C"), S("cloud"), S("m"), S("team_tiers"), {-1, -1, -1, -1, -1, -1, -1}},
    {S("prv_4"),
     S("D"),
     S("cloud"),
     S("m"),
     S("context_too_small"),
     {-1, -1, -1, -1, -1, 8192, 9000}},
};

static const struct {
    const char *name;
    struct answer_facts facts;
    const char *want;
} stories[] = {
    {"UI.md's own",
     {.end = ANSWER_DONE,
      .provider = S("Anthropic prod"),
      .model = S("claude-sonnet-5"),
      .tier = S("cloud"),
      .chosen = S("cascade"),
      .code = S("ok"),
      .passed = &rack_offline,
      .passed_count = 1,
      .queued_ms = 2,
      .duration_ms = 1834,
      .tokens = 1204,
      .cost_microusd = 12345},
     "Anthropic prod · claude-sonnet-5 — 2nd choice: GPU rack 1 offline (last heard 94 s before) · 1.8 s · "
     "1 204 tok · $0.0123 (GPU: $0)"},
    {"the first choice, of our own: nobody bills it",
     {.end = ANSWER_DONE,
      .provider = S("GPU rack 1"),
      .model = S("llama"),
      .tier = S("gpu"),
      .chosen = S("cascade"),
      .code = S("ok"),
      .queued_ms = 0,
      .duration_ms = 640,
      .tokens = 88,
      .cost_microusd = -1},
     "GPU rack 1 · llama — next in the cascade · 640 ms · 88 tok · $0"},
    {"a cloud without a price is never $0",
     {.end = ANSWER_DONE,
      .provider = S("X"),
      .model = S("m"),
      .tier = S("cloud"),
      .chosen = S("pinned"),
      .code = S("ok"),
      .queued_ms = -1,
      .duration_ms = 59999,
      .tokens = 5,
      .cost_microusd = -1,
      .is_unpriced = true,
      .is_estimated = true},
     "X · m — asked for by the caller · 59.9 s · ~5 tok · no price"},
    {"nor is our own, when a cloud that failed before took tokens without a price",
     {.end = ANSWER_DONE,
      .provider = S("Rack"),
      .model = S("m"),
      .tier = S("gpu"),
      .chosen = S("fallback_rule"),
      .code = S("failover"),
      .tries = {{S("prv_x"), S("X"), S("cloud"), S("stream_cut")}},
      .try_count = 1,
      .queued_ms = -1,
      .duration_ms = 60000,
      .tokens = 1000000,
      .cost_microusd = -1,
      .is_unpriced = true},
     "Rack · m — 2nd choice: X failed: ended its stream before the last event · 1 min 0 s · "
     "1 000 000 tok · no price"},
    {"a part has a price",
     {.end = ANSWER_DONE,
      .provider = S("X"),
      .model = S("m"),
      .tier = S("cloud"),
      .code = S("ok"),
      .queued_ms = -1,
      .duration_ms = 999,
      .tokens = 999,
      .cost_microusd = 1234567,
      .is_unpriced = true},
     "X · m — 1st choice · 999 ms · 999 tok · $1.23 and a part without price"},
    {"full, then over quota, then one that failed",
     {.end = ANSWER_DONE,
      .provider = S("X"),
      .model = S("m"),
      .tier = S("cloud"),
      .code = S("failover"),
      .passed = two_passed,
      .passed_count = 2,
      .tries = {{S("prv_y"), S("Y"), S("cli"), S("server_error")}},
      .try_count = 1,
      .queued_ms = 3200,
      .duration_ms = 4000,
      .tokens = 7,
      .cost_microusd = 7},
     "X · m — 4th choice: GPU rack 1 no free slot (4 of 4 busy, 2 waiting); Claude over its quota "
     "(until 14:13 UTC); Y failed: server error; after 3.2 s in the queue · 4.0 s · 7 tok · $0.000007 (GPU: $0)"},
    {"of many, some are named",
     {.end = ANSWER_REFUSED,
      .code = S("no_candidate"),
      .passed = many,
      .passed_count = 4,
      .passed_more = 8,
      .tries = {{S("prv_y"), S("Y"), S("cli"), S("connect_refused")}},
      .try_count = 1,
      .queued_ms = -1,
      .duration_ms = 1,
      .tokens = -1,
      .cost_microusd = -1},
     "Refused — nobody can be asked: A paused; B in error; C the team's policy does not allow its "
     "tier; and 10 more · 1 ms"},
    {"a limit",
     {.end = ANSWER_REFUSED,
      .code = S("budget_spent"),
      .queued_ms = -1,
      .duration_ms = 0,
      .tokens = -1,
      .cost_microusd = -1},
     "Refused — the month's budget is spent · 0 ms"},
    {"everybody failed",
     {.end = ANSWER_FAILED,
      .code = S("attempts_exhausted"),
      .tries = {{S("prv_a"), S("A"), S("cloud"), S("connect_refused")},
                {S("prv_b"), S("B"), S("cloud"), S("overloaded")}},
      .try_count = 2,
      .queued_ms = 0,
      .duration_ms = 2100,
      .tokens = -1,
      .cost_microusd = -1},
     "Nobody answered — whoever was asked failed: A failed: refused the connection; B failed: overloaded · 2.1 s"},
    {"the provider's own refusal",
     {.end = ANSWER_FAILED,
      .provider = S("A"),
      .model = S("m"),
      .tier = S("cloud"),
      .chosen = S("serves_model"),
      .code = S("content_refused"),
      NO_FIGURES},
     "A · m — serves the model; failed: refused the content"},
    {"broken off",
     {.end = ANSWER_FAILED,
      .provider = S("A"),
      .model = S("m"),
      .tier = S("cloud"),
      .chosen = S("serves_model"),
      .code = S("stream_cut"),
      .is_begun = true,
      NO_FIGURES},
     "A · m — serves the model; broken off: ended its stream before the last event"},
    {"the client left",
     {.end = ANSWER_CANCELLED,
      .provider = S("A"),
      .model = S("m"),
      .chosen = S("auto_default"),
      .code = S("client_gone"),
      NO_FIGURES},
     "A · m — the Auto default; the client left"},
    {"the client left before anybody was asked",
     {.end = ANSWER_CANCELLED, .code = S("client_gone"), NO_FIGURES},
     "Cancelled — the client left"},
    {"kill -9",
     {.end = ANSWER_INTERRUPTED,
      .provider = S("A"),
      .model = S("m"),
      .chosen = S("cascade"),
      .code = S("interrupted"),
      NO_FIGURES},
     "A · m — next in the cascade; the server stopped in the middle of it"},
    {"open",
     {.end = ANSWER_OPEN,
      .provider = S("A"),
      .model = S("m"),
      .chosen = S("route_step"),
      NO_FIGURES},
     "A · m — a step of the named route"},
    {"open, nobody yet", {.end = ANSWER_OPEN, NO_FIGURES}, "Nobody yet"},
    {"an estimate",
     {.end = ANSWER_DONE, .code = S("estimated"), NO_FIGURES},
     "Answered here — an estimate, for nobody counts tokens for this model"},
    {"a code of a newer version says itself",
     {.end = ANSWER_FAILED,
      .code = S("of_tomorrow"),
      .tries = {{S("prv_a"), S("A"), S("cloud"), S("of_today")}},
      .try_count = 1,
      NO_FIGURES},
     "Nobody answered — of_tomorrow: A failed: of_today"},
};

static void each_job_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        AUTO_BUF struct buf line;
        buf_init(&line, ANSWER_LINE_MAX);
        answer_line_write(&stories[i].facts, &line, NULL);
        buf_putc(&line, '\0');
        CHECK_STR(stories[i].name, line.data, stories[i].want);
    }
}

/* Its nouns as "<kind id|text>", what stands between them as it is. */
static void mark_nouns(const struct line_nouns *nouns, struct str line, struct buf *out)
{
    static const char kinds[] = {
        [ANSWER_PROVIDER] = 'p', [ANSWER_MODEL] = 'm', [ANSWER_JOB] = 'j', [ANSWER_REASON] = 'r'};
    size_t from = 0;
    for (size_t i = 0; i < nouns->count; i++) {
        const struct line_noun *noun = &nouns->noun[i];
        CHECK("in order, inside, of some length",
              noun->at >= from && noun->len > 0 && noun->at + noun->len <= line.len);
        buf_printf(out, "%.*s<%c %.*s|%.*s>", (int)(noun->at - from), line.at + from,
                   kinds[noun->noun], STR_ARG(noun->id), (int)noun->len, line.at + noun->at);
        CHECK("a reason of its class",
              noun->noun != ANSWER_REASON || why_find(noun->why, noun->id) || noun->fix[0] == '\0');
        from = noun->at + noun->len;
    }
    buf_printf(out, "%.*s", (int)(line.len - from), line.at + from);
}

static void a_line_tells_where_its_nouns_stand(void **state)
{
    (void)state;
    static const struct {
        const char *story, *want;
    } marked[] = {
        {"full, then over quota, then one that failed",
         "<p |X> · <m m|m> — <j |4th choice>: <p prv_1|GPU rack 1> <r at_capacity|no free slot (4 of 4 busy, 2 "
         "waiting)>; <p prv_2|Claude> <r over_quota|over its quota (until 14:13 UTC)>; <p prv_y|Y> failed: <r "
         "server_error|server error>; after 3.2 s in the queue · 4.0 s · 7 tok · $0.000007 (GPU: $0)"},
        {"the provider's own refusal",
         "<p |A> · <m m|m> — <r serves_model|serves the model>; failed: <r content_refused|refused the content>"},
        {"a limit", "<j |Refused> — <r budget_spent|the month's budget is spent> · 0 ms"},
        {"a part has a price",
         "<p |X> · <m m|m> — <j |1st choice> · 999 ms · 999 tok · $1.23 and a part without "
         "price"},
        {"open, nobody yet", "<j |Nobody yet>"},
    };
    size_t found = 0;
    for (size_t i = 0; i < COUNT(stories); i++) {
        AUTO_BUF struct buf line, text;
        struct line_nouns nouns;
        buf_init(&line, ANSWER_LINE_MAX);
        buf_init(&text, 2 * ANSWER_LINE_MAX);
        answer_line_write(&stories[i].facts, &line, &nouns);
        mark_nouns(&nouns, buf_str(&line), &text);
        for (size_t j = 0; j < COUNT(marked); j++)
            if (strcmp(marked[j].story, stories[i].name) == 0) {
                CHECK_STR(marked[j].story, text.data, marked[j].want);
                found++;
            }
    }
    CHECK_INT("each of them is a story", found, COUNT(marked));
}

/* Names of the greatest length leave no room for all: what was not written is no noun. */
static void a_line_without_room_has_no_nouns_beyond_it(void **state)
{
    (void)state;
    static char name[400];
    memset(name, 'n', sizeof name - 1);
    struct passed passed = rack_full;
    passed.provider = str_of(name);
    struct answer_facts facts = {.end = ANSWER_DONE,
                                 .provider = str_of(name),
                                 .model = str_of(name),
                                 .passed = &passed,
                                 .passed_count = 1,
                                 NO_FIGURES};
    AUTO_BUF struct buf line, text;
    struct line_nouns nouns;
    buf_init(&line, ANSWER_LINE_MAX);
    buf_init(&text, 2 * ANSWER_LINE_MAX);
    answer_line_write(&facts, &line, &nouns);
    mark_nouns(&nouns, buf_str(&line), &text);
    CHECK("it was cut", line.failed && line.len <= ANSWER_LINE_MAX);
    CHECK_INT("provider, model, choice", nouns.count, 3);
}

static void ordinals_are_english(void **state)
{
    (void)state;
    static const struct {
        size_t before;
        const char *want;
    } ordinals[] = {{1, "2nd "},   {2, "3rd "},   {3, "4th "},   {10, "11th "},   {11, "12th "},
                    {12, "13th "}, {20, "21st "}, {21, "22nd "}, {100, "101st "}, {110, "111th "}};
    for (size_t i = 0; i < COUNT(ordinals); i++) {
        AUTO_BUF struct buf line;
        struct answer_facts facts = {.end = ANSWER_DONE,
                                     .provider = STR("A"),
                                     .passed = many,
                                     .passed_count = 1,
                                     .passed_more = ordinals[i].before - 1,
                                     NO_FIGURES};
        buf_init(&line, ANSWER_LINE_MAX);
        answer_line_write(&facts, &line, NULL);
        CHECK(ordinals[i].want, str_find(buf_str(&line), str_of(ordinals[i].want), NULL));
    }
}

/* ---- who was passed over ------------------------------------------------------------------------ */

static void a_line_is_read_back_as_written(void **state)
{
    (void)state;
    const struct passed all[] = {rack_full, rack_offline, claude_over};
    AUTO_BUF struct buf text;
    buf_init(&text, PASSED_OVER_BYTES);
    for (size_t i = 0; i < COUNT(all); i++)
        CHECK("room", passed_over_put(&text, &all[i]));
    passed_over_put_more(&text, 3);
    struct str rest = buf_str(&text);
    struct passed got;
    int64_t more = 0;
    for (size_t i = 0; i < COUNT(all); i++) {
        CHECK("there", passed_over_next(&rest, &got, &more));
        CHECK("id", str_eq(got.provider_id, all[i].provider_id));
        CHECK("texts", str_eq(got.provider, all[i].provider) && str_eq(got.tier, all[i].tier) &&
                           str_eq(got.model, all[i].model) && str_eq(got.code, all[i].code));
        CHECK("numbers", memcmp(&got.evidence, &all[i].evidence, sizeof got.evidence) == 0);
    }
    CHECK("no more", !passed_over_next(&rest, &got, &more));
    CHECK_INT("but so many had no room", more, 3);
}

/* A name may hold anything, and be as long as a name may be. */
static void names_cannot_break_a_line_and_a_job_has_a_kilobyte(void **state)
{
    (void)state;
    static char name[200];
    memset(name, 'n', sizeof name - 1);
    name[3] = '\t', name[4] = '\n', name[5] = 0x7F;
    struct passed passed = claude_over, got;
    passed.provider = passed.model = str_of(name);
    AUTO_BUF struct buf text;
    buf_init(&text, PASSED_OVER_BYTES);
    size_t put = 0;
    while (passed_over_put(&text, &passed))
        put++;
    CHECK("some have room", put >= 5 && put < 12);
    passed_over_put_more(&text, SIZE_MAX);
    CHECK("with the count", !text.failed && text.len < PASSED_OVER_BYTES);
    struct str rest = buf_str(&text);
    int64_t more = 0;
    for (size_t i = 0; i < put; i++)
        CHECK("each is one", passed_over_next(&rest, &got, &more) && got.provider.len == 63 &&
                                 got.evidence.until_ms == passed.evidence.until_ms);
    CHECK("that is all", !passed_over_next(&rest, &got, &more) && more == UINT32_MAX);
}

static void what_is_no_line_is_passed_by(void **state)
{
    (void)state;
    static const char *const damaged[] = {"",
                                          "\n\n\n",
                                          "+\n",
                                          "+x\n",
                                          "no tabs\n",
                                          "\t\t\t\t\t\n",
                                          "prv_1\tname\tgpu\tm\n",
                                          "+99999999999999999999"};
    for (size_t i = 0; i < COUNT(damaged); i++) {
        struct str rest = str_of(damaged[i]);
        struct passed got;
        int64_t more = 0;
        CHECK(damaged[i], !passed_over_next(&rest, &got, &more) && more == 0);
    }
    struct str rest = STR("prv_1\tA\tgpu\tm\toffline\tbusy=x nothing= =4 heard_ago_ms=12 busy=-3");
    struct passed got;
    int64_t more = 0;
    CHECK("what is understood counts", passed_over_next(&rest, &got, &more) &&
                                           got.evidence.heard_ago_ms == 12 &&
                                           got.evidence.busy == -1);
}

static void ages_are_told_in_fitting_units(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *want;
    } ages[] = {{0, "offline (last heard 0 s before)"},
                {119400, "offline (last heard 119 s before)"},
                {180000, "offline (last heard 3 min before)"},
                {INT64_C(86400000), "offline (last heard 24 h before)"},
                {-1, "offline"}};
    for (size_t i = 0; i < COUNT(ages); i++) {
        struct passed passed = rack_offline;
        AUTO_BUF struct buf text;
        buf_init(&text, 256);
        passed.evidence.heard_ago_ms = ages[i].ms;
        passed_over_say(&passed, &text);
        buf_putc(&text, '\0');
        CHECK_STR("age", text.data, ages[i].want);
    }
}

static void evidence_is_what_bears_on_the_reason(void **state)
{
    (void)state;
    const struct provider_view view = {
        .health = {.until_ms = 5000}, .waiting = 3, .heard_at_ms = 900000};
    const struct route_request request = {.now_ms = 2000, .prompt_tokens = 77};
    const struct candidate candidate = {.context_tokens = 50};
#define EVIDENCE(reason) evidence_of(reason, &view, &candidate, &request, 1000000)
    CHECK_INT("the reset, by the wall clock", EVIDENCE(REASON_OVER_QUOTA).until_ms, 1003000);
    CHECK_INT("the last sign of life", EVIDENCE(REASON_OFFLINE).heard_ago_ms, 100000);
    CHECK_INT("who waits for it", EVIDENCE(REASON_OFFLINE).waiting, 3);
    CHECK_INT("the window", EVIDENCE(REASON_CONTEXT).context_tokens, 50);
    CHECK_INT("the prompt", EVIDENCE(REASON_CONTEXT).prompt_tokens, 77);
    struct evidence none = EVIDENCE_NONE, got = EVIDENCE(REASON_PAUSED);
    CHECK("a pause needs none", memcmp(&got, &none, sizeof none) == 0);
#undef EVIDENCE
}

/* ---- the codes ----------------------------------------------------------------------------------- */

/* The words that routing has stand in the table, in the class that the verdict gives them. */
static void every_reason_of_routing_has_its_words(void **state)
{
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        struct str code = str_of(route_reason_code((enum route_reason)i));
        enum why why = i <= REASON_DEGRADED ? WHY_CHOSEN : WHY_PASSED;
        CHECK(code.at, why_find(why, code) != NULL);
    }
}

static void codes_are_codes_and_stand_once_in_a_class(void **state)
{
    (void)state;
    for (size_t i = 0; why_at(i); i++) {
        const struct why_row *row = why_at(i);
        CHECK(row->code, why_find(row->why, str_of(row->code)) == row);
        CHECK("short enough for a record", strlen(row->code) < 24);
        CHECK("words", row->words[0] && row->words[strlen(row->words) - 1] != '.');
        for (const char *at = row->code; *at; at++)
            CHECK(row->code, (*at >= 'a' && *at <= 'z') || *at == '_');
        size_t fix = strlen(row->fix);
        CHECK(row->code, fix == 0 || strchr(".?", row->fix[fix - 1]));
        CHECK("one header, one meaning",
              row->why != WHY_CHOSEN || !why_find(WHY_ENDED, str_of(row->code)));
    }
}

TEST_MAIN(TEST(each_job_has_its_sentence), TEST(a_line_tells_where_its_nouns_stand),
          TEST(a_line_without_room_has_no_nouns_beyond_it), TEST(ordinals_are_english),
          TEST(a_line_is_read_back_as_written),
          TEST(names_cannot_break_a_line_and_a_job_has_a_kilobyte),
          TEST(what_is_no_line_is_passed_by), TEST(ages_are_told_in_fitting_units),
          TEST(evidence_is_what_bears_on_the_reason), TEST(every_reason_of_routing_has_its_words),
          TEST(codes_are_codes_and_stand_once_in_a_class))
