/* gateway/admission.c: see admission.h. What a request may come to, and the hold on its team's and its key's limits. */
#include "gateway/request.h"

#include "domain/price.h"

#include <stdio.h>

#define TOKEN_BYTES       4 /* an estimate, as everywhere */
#define LEAST_TOKEN_BYTES 8 /* no prompt has fewer tokens than this says */
#define MEDIA_TOKENS \
    16384 /* of a prompt with pictures: what they are worth, their bytes do not tell */
#define FRAME_TOKENS    1024 /* that a provider puts around a prompt: roles, and how to call tools */
#define UNKNOWN_CONTEXT 200000
#define ORPHAN_MS       60000 /* past the deadline of its job nobody settles a reservation any more */
#define OUTPUT_MOST     INT64_C(1000000000) /* whatever somebody writes as max_tokens */
#define MONEY_UNKNOWN   (-1)

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of two of which either may be -1, unknown. */
static int64_t lesser_known(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : lesser(a, b);
}

/* ---- what it may come to: tokens --------------------------------------------------------------- */

static bool generates(const struct request *request)
{
    return request->endpoint != ENDPOINT_EMBEDDINGS && request->endpoint != ENDPOINT_COUNT_TOKENS;
}

/* As many as this candidate's answers, all of them, may have. */
static int64_t output_most(const struct request *request, const struct candidate *candidate)
{
    if (!generates(request) || candidate->asked == ENDPOINT_COUNT)
        return 0;
    int64_t most = lesser_known(request->facts.max_output_tokens, request->admission.ceiling);
    most = lesser_known(most, candidate->max_output_tokens);
    most = most < 0 ? OUTPUT_OTHERWISE : lesser(most, OUTPUT_MOST);
    static_assert(OUTPUT_MOST <= INT64_MAX / 8 / BODY_CHOICES_MAX, "the product fits");
    return most * request->facts.choices;
}

int64_t admission_ceiling(const struct request *request, const struct candidate *candidate)
{
    const struct admission *admission = &request->admission;
    if (!generates(request))
        return -1;
    bool is_known = request->facts.max_output_tokens >= 0 || candidate->max_output_tokens >= 0;
    return admission->ceiling < 0 && admission->has_budget && !is_known ? OUTPUT_OTHERWISE
                                                                        : admission->ceiling;
}

int64_t admission_prompt_bytes(const struct request *request)
{
    int64_t bytes = (int64_t)request->body_bytes;
    return request->facts.has_media ? lesser(bytes, MEDIA_TOKENS * TOKEN_BYTES) : bytes;
}

/* Never fewer than there are: a token has a byte at least. What the body only names, and what tools find, may fill the
 * model's window. */
static int64_t prompt_most(const struct request *request, const struct candidate *candidate)
{
    int64_t most = (int64_t)request->body_bytes + FRAME_TOKENS;
    bool names_more =
        request->facts.has_media || request->facts.has_stored || request->facts.has_hosted_tools;
    if (candidate->context_tokens > 0)
        return names_more ? candidate->context_tokens : lesser(most, candidate->context_tokens);
    return names_more ? most + UNKNOWN_CONTEXT : most;
}

static size_t all_candidates(const struct request *request)
{
    return request->candidate_count + request->later_count;
}

static struct limits_ask ask_of(const struct request *request)
{
    struct limits_ask ask = {.created_at_ms = request->created_at_ms,
                             .expires_at_ms = request->deadline_ns / NS_PER_MS + ORPHAN_MS};
    if (request->endpoint == ENDPOINT_COUNT_TOKENS)
        return ask;
    int64_t output = 0;
    for (size_t i = 0; i < all_candidates(request); i++) {
        int64_t most = output_most(request, &request->candidates[i]);
        output = most > output ? most : output;
    }
    ask.least_tokens =
        request->facts.has_media ? 0 : (int64_t)request->body_bytes / LEAST_TOKEN_BYTES;
    ask.tokens = admission_prompt_bytes(request) / TOKEN_BYTES + output;
    return ask;
}

/* ---- what it may come to: money ---------------------------------------------------------------- */

/* With all of the prompt written to a cache, for an hour, where that costs more. */
static int64_t cost_most(const struct price *price, int64_t input, int64_t output)
{
    struct usage usage;
    usage_init(&usage);
    usage.input_tokens = input;
    usage.output_tokens = output;
    int64_t plain = price_cost(price, &usage);
    usage.cache_write_tokens = usage.cache_write_1h_tokens = input;
    int64_t written = price_cost(price, &usage);
    int64_t most = plain > written ? plain : written;
    return most < LEDGER_AMOUNT_MAX ? most : LEDGER_AMOUNT_MAX;
}

/* What the request may cost there; MONEY_UNKNOWN: nobody can say. */
static int64_t money_of(const struct request *request, const struct candidate *candidate)
{
    if (request->endpoint == ENDPOINT_COUNT_TOKENS || candidate->asked == ENDPOINT_COUNT)
        return 0;
    bool is_local = provider_kind_tier(candidate->provider->kind) != TIER_CLOUD;
    if (request->facts.is_premium && !is_local)
        return MONEY_UNKNOWN;
    const struct price *price =
        snapshot_price(request_snapshot(request), candidate->provider, candidate->model);
    int64_t most =
        cost_most(price, prompt_most(request, candidate), output_most(request, candidate));
    return most == COST_UNKNOWN ? (is_local ? 0 : MONEY_UNKNOWN) : most;
}

/* Leaves out candidates that could cost more than `left`, or nobody knows how much. The dearest of the others;
 * MONEY_UNKNOWN when there is none. */
static int64_t keep_what_fits(struct request *request, int64_t left)
{
    size_t kept = 0, kept_later = 0, all = all_candidates(request);
    int64_t dearest = MONEY_UNKNOWN;
    for (size_t i = 0; i < all; i++) {
        int64_t money = money_of(request, &request->candidates[i]);
        if (money == MONEY_UNKNOWN || money > left)
            continue;
        request->candidates[kept + kept_later] = request->candidates[i];
        kept += i < request->candidate_count;
        kept_later += i >= request->candidate_count;
        dearest = money > dearest ? money : dearest;
    }
    request->candidate_count = kept;
    request->later_count = kept_later;
    return dearest;
}

/* ---- taking ------------------------------------------------------------------------------------ */

static struct live_limits *live_of(const struct request *request, bool is_team)
{
    const struct principal *principal = request->principal;
    if (!is_team)
        return principal->live;
    return principal->team ? principal->team->live : NULL;
}

static bool take_both(struct request *request, const struct limits_ask *ask, bool *out_is_team,
                      struct limits_refusal *out_refusal)
{
    struct admission *admission = &request->admission;
    struct live_limits *team = live_of(request, true), *key = live_of(request, false);
    admission->told = (struct limits_told){0};
    *out_is_team = true;
    if (team && !limits_admit(team, ask, &admission->team, &admission->told, out_refusal))
        return false;
    *out_is_team = false;
    if (!key || limits_admit(key, ask, &admission->key, &admission->told, out_refusal))
        return true;
    limits_undo(&admission->team);
    admission->told = (struct limits_told){0}; /* again, with what was given back */
    if (team)
        limits_tell(team, &admission->told);
    limits_tell(key, &admission->told);
    return false;
}

static const struct {
    const char *reason;
    enum say what;
} refusals[] = {
    [LIMIT_REQUESTS] = {"rate_limited_requests", SAY_RATE_LIMITED},
    [LIMIT_TOKENS] = {"rate_limited_tokens", SAY_RATE_LIMITED},
    [LIMIT_CONCURRENCY] = {"concurrency", SAY_RATE_LIMITED},
    [LIMIT_BUDGET] = {"budget_spent", SAY_BUDGET_SPENT},
};

static void refuse(struct request *request, bool is_team, const struct limits_ask *ask,
                   const struct limits_refusal *refusal)
{
    struct live_limits *live = live_of(request, is_team);
    char sentence[400];
    int64_t asked = refusal->kind == LIMIT_BUDGET ? ask->money_microusd : ask->tokens;
    request->admission.wait_ms = refusal->wait_ms;
    request->admission.is_hopeless = refusal->wait_ms == LIMIT_NEVER_MS;
    admission_say(request, is_team, refusal, asked, sentence, sizeof sentence);
    if (limits_note_refusal(live, refusal->kind))
        limits_post_notices(request->gl->gateway, live);
    request_fail(request, refusals[refusal->kind].what, refusals[refusal->kind].reason, sentence);
}

static void refuse_premium(struct request *request)
{
    request_fail(request, SAY_FORBIDDEN, "price_unknown",
                 "There is a monthly budget, and the request names a service_tier or speed with "
                 "prices of its own, which nobody knows here. Leave it out.");
}

static void refuse_unpriced(struct request *request, const struct candidate *candidate)
{
    char sentence[400], name[72], model[72];
    str_copy(str_of(candidate->provider->name), name, sizeof name);
    str_copy(candidate->model, model, sizeof model);
    (void)snprintf(sentence, sizeof sentence,
                   "There is a monthly budget, and nobody knows what model '%s' of provider '%s' "
                   "costs. An admin can set its price, or name another model.",
                   model, name);
    request_fail(request, SAY_FORBIDDEN, "price_unknown", sentence);
}

/* Down to what can be paid, beginning with what the dearest may cost. False: the request is over. */
static bool take(struct request *request, int64_t dearest)
{
    struct limits_ask ask = ask_of(request);
    struct limits_refusal refusal = {0};
    bool is_team = false;
    ask.money_microusd = dearest;
    while (!take_both(request, &ask, &is_team, &refusal)) {
        int64_t less =
            refusal.kind == LIMIT_BUDGET ? keep_what_fits(request, refusal.left) : MONEY_UNKNOWN;
        if (less == MONEY_UNKNOWN) {
            refuse(request, is_team, &ask, &refusal);
            return false;
        }
        ask = ask_of(request);
        ask.money_microusd = less; /* than before, so this ends */
    }
    return true;
}

/* What of the policies is needed here. */
static void read_policies(struct request *request)
{
    struct admission *admission = &request->admission;
    const struct principal *principal = request->principal;
    const struct policy *key = &principal->policy;
    const struct policy *team = principal->team ? &principal->team->policy : key;
    admission->ceiling = lesser_known(team->max_output_tokens, key->max_output_tokens);
    admission->has_budget =
        team->budget_microusd_per_month >= 0 || key->budget_microusd_per_month >= 0;
}

/* Strict callers hear of a ceiling before it changes what they asked for. */
static bool is_lowered(const struct request *request)
{
    return generates(request) && request->admission.ceiling >= 0 &&
           request->facts.max_output_tokens > request->admission.ceiling;
}

static void refuse_lowering(struct request *request)
{
    char sentence[240];
    (void)snprintf(sentence, sizeof sentence,
                   "X-Auxot-Strict: the request asks for %lld tokens, and the policy allows at "
                   "most %lld for one answer (max_output_tokens). Ask for fewer, or ask an admin.",
                   (long long)request->facts.max_output_tokens,
                   (long long)request->admission.ceiling);
    request_fail(request, SAY_BAD_REQUEST, "strict_loss", sentence);
}

bool admission_take(struct request *request)
{
    struct admission *admission = &request->admission;
    read_policies(request);
    if (request->is_strict && is_lowered(request)) {
        refuse_lowering(request);
        return false;
    }
    if (!admission->has_budget || all_candidates(request) == 0)
        return take(request, 0);
    struct candidate first = request->candidates[0];
    int64_t dearest = keep_what_fits(request, INT64_MAX);
    if (dearest != MONEY_UNKNOWN)
        return take(request, dearest);
    if (request->facts.is_premium)
        refuse_premium(request);
    else
        refuse_unpriced(request, &first);
    return false;
}

/* ---- afterwards -------------------------------------------------------------------------------- */

static int64_t spent_so_far(const struct request *request)
{
    int64_t spent = 0;
    for (int i = 0; i < request->attempt_count; i++)
        spent += request->notes[i]->cost_microusd > 0 ? request->notes[i]->cost_microusd : 0;
    return spent;
}

/* At the team and the key, so much in all. False: at one of them only `*out_left` may be. */
static bool reserve_in_all(struct request *request, int64_t wanted, int64_t *out_left)
{
    struct limits_hold *holds[] = {&request->admission.team, &request->admission.key};
    for (size_t i = 0; i < sizeof holds / sizeof holds[0]; i++)
        if (holds[i]->live && wanted > holds[i]->money.amount_microusd &&
            !limits_money(holds[i], wanted, out_left))
            return false;
    return true;
}

/* A list that was made anew may hold somebody who is dearer than what was reserved: reserves more, or leaves out whom
 * that does not reach, and reserves for who is kept. What attempts have cost already is spent from the same reservation. */
void admission_look_again(struct request *request)
{
    if (!request->admission.has_budget)
        return;
    int64_t spent = spent_so_far(request), left = 0;
    int64_t dearest = keep_what_fits(request, INT64_MAX);
    while (dearest > 0 &&
           !reserve_in_all(request, lesser(spent + dearest, LEDGER_AMOUNT_MAX), &left))
        dearest = keep_what_fits(request, left > spent ? left - spent : 0); /* less, so this ends */
}

bool admission_fits(struct request *request, const struct candidate *candidate)
{
    int64_t left = 0;
    if (!request->admission.has_budget)
        return true;
    int64_t money = money_of(request, candidate);
    if (money <= 0)
        return money != MONEY_UNKNOWN;
    return reserve_in_all(request, lesser(spent_so_far(request) + money, LEDGER_AMOUNT_MAX), &left);
}

int64_t admission_at_stake(const struct request *request)
{
    const struct trial *trial = &request->trial;
    const struct candidate asked = {.provider = trial->provider,
                                    .model = trial->model,
                                    .asked = trial->asked,
                                    .context_tokens = trial->context_tokens,
                                    .max_output_tokens = trial->max_output_tokens};
    int64_t money = request->admission.has_budget ? money_of(request, &asked) : 0;
    return money > 0 ? money : COST_UNKNOWN;
}

/* Tokens of the answer count when they are known; a request that never reached a provider has none. */
void admission_settle(struct request *request, int64_t tokens, int64_t cost_microusd)
{
    struct admission *admission = &request->admission;
    struct limits_hold *holds[] = {&admission->team, &admission->key};
    for (size_t i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        struct live_limits *live = holds[i]->live;
        if (!live || !limits_settle(holds[i], tokens, cost_microusd))
            continue;
        limits_note_soft(live);
        limits_post_notices(request->gl->gateway, live);
    }
}

void admission_note_denied(struct request *request)
{
    struct live_limits *live = live_of(request, true);
    live = live ? live : live_of(request, false);
    if (live && limits_note_refusal(live, LIMIT_POLICY))
        limits_post_notices(request->gl->gateway, live);
}
