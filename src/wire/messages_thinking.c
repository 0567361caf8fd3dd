/* wire/messages_thinking.c: how much a model of Anthropic's is told to think, and what that forbids.
 *
 * There are two kinds of model. The older ones think within a budget of tokens that lies below max_tokens; the newer ones
 * decide for themselves, guided by an effort (QUIRK_BUDGET_THINKING tells them apart). Neither takes a forced tool while it
 * thinks: then the caller's forced choice holds, since an answer without the tool would be of no use. A model
 * with a budget also wants the turn that it goes on with to begin with its own signed thinking; a
 * conversation that comes from another model has none, so it goes on without.
 */
#include "wire/messages_parts.h"

#define BUDGET_MIN_TOKENS 1024

static const struct effort_row {
    struct str name; /* OpenAI's and Anthropic's */
    struct str said;
    int64_t budget_tokens;
} efforts[] = {
    {STR_INIT("minimal"), STR_INIT("low"), 2048},   {STR_INIT("low"), STR_INIT("low"), 2048},
    {STR_INIT("medium"), STR_INIT("medium"), 8192}, {STR_INIT("high"), STR_INIT("high"), 16384},
    {STR_INIT("xhigh"), STR_INIT("max"), 31999}, /* every adaptive model knows max, not all know xhigh */
    {STR_INIT("max"), STR_INIT("max"), 31999},
};

static const struct effort_row *effort_find(struct str name)
{
    for (size_t i = 0; i < sizeof efforts / sizeof efforts[0]; i++)
        if (str_eq(efforts[i].name, name))
            return &efforts[i];
    return NULL;
}

static bool has_quirk(const struct messages_plan *plan, enum quirk quirk)
{
    return (plan->target->quirks & (unsigned)quirk) != 0;
}

static bool is_off(const struct prompt *prompt)
{
    return prompt->thinking == THINKING_OFF || str_eq(prompt->effort, STR("none"));
}

/* What the caller asks for, in the model's terms. */
static enum messages_thinking wish(const struct messages_plan *plan)
{
    const struct prompt *prompt = plan->prompt;
    if (is_off(prompt))
        return MESSAGES_THINKING_DISABLED;
    if (prompt->thinking == THINKING_UNSET && !effort_find(prompt->effort))
        return MESSAGES_THINKING_UNSAID;
    return has_quirk(plan, QUIRK_BUDGET_THINKING) ? MESSAGES_THINKING_BUDGET
                                                  : MESSAGES_THINKING_ADAPTIVE;
}

static void give_up(struct messages_plan *plan)
{
    plan->thinking = MESSAGES_THINKING_DISABLED;
    prompt_change(plan->prompt, "thinking");
}

/* ---- what thinking forbids -------------------------------------------------------------------- */

/* A model that cannot but think takes no forced tool. */
static void settle_choice(struct messages_plan *plan)
{
    bool is_forced = plan->choice == CHOICE_ANY || plan->choice == CHOICE_NAMED;
    if (!is_forced || !messages_thinks(plan) || !plan->prompt->tools)
        return;
    if (!has_quirk(plan, QUIRK_ALWAYS_THINKS)) {
        give_up(plan);
        return;
    }
    plan->choice = CHOICE_AUTO;
    prompt_change(plan->prompt, "tool_choice");
}

/* Of the assistant's turns from `run` to the next one of somebody else. */
static bool begins_signed(const struct messages_plan *plan, const struct turn *run)
{
    for (; run && run->role == TURN_ASSISTANT; run = run->next)
        for (const struct part *part = run->parts; part; part = part->next) {
            bool is_thinking = part->kind == PART_THINKING || part->kind == PART_SEALED;
            if (messages_is_signed(part))
                return true;
            if (!is_thinking && messages_takes(plan, part))
                return false;
        }
    return true; /* nothing will be written of it */
}

static bool calls_tools(const struct turn *run)
{
    for (; run && run->role == TURN_ASSISTANT; run = run->next)
        for (const struct part *part = run->parts; part; part = part->next)
            if (part->kind == PART_TOOL_CALL)
                return true;
    return false;
}

/* May a model with a budget go on from here? Only its last turn counts, and only if that is unfinished. */
static bool may_go_on(const struct messages_plan *plan)
{
    const struct turn *run = NULL;
    const struct turn *before = NULL;
    for (const struct turn *turn = plan->prompt->turns; turn; before = turn, turn = turn->next)
        if (turn->role == TURN_ASSISTANT && (!before || before->role != TURN_ASSISTANT))
            run = turn;
    bool is_unfinished = run && (before->role == TURN_ASSISTANT || calls_tools(run));
    return !is_unfinished || begins_signed(plan, run);
}

/* ---- how much --------------------------------------------------------------------------------- */

static void choose_budget(struct messages_plan *plan)
{
    struct prompt *prompt = plan->prompt;
    const struct effort_row *effort = effort_find(prompt->effort);
    int64_t wanted = prompt->thinking_budget;
    bool is_callers = wanted >= 0;
    if (!is_callers) {
        bool is_adaptive = prompt->thinking == THINKING_ADAPTIVE; /* its default is high */
        wanted = effort ? effort->budget_tokens
                        : effort_find(is_adaptive ? STR("high") : STR("medium"))->budget_tokens;
        prompt_emulate(prompt, effort ? "reasoning_effort" : "thinking");
    }
    int64_t budget = wanted < BUDGET_MIN_TOKENS ? BUDGET_MIN_TOKENS : wanted;
    if (budget >= plan->max_tokens) /* half for the answer */
        budget = plan->max_tokens / 2;
    if (budget < BUDGET_MIN_TOKENS) {
        give_up(plan);
        return;
    }
    if (is_callers && budget != wanted)
        prompt_change(prompt, "thinking.budget_tokens");
    plan->budget_tokens = budget;
}

/* A budget's worth in effort. */
static struct str effort_of_budget(struct prompt *prompt)
{
    struct str said = efforts[0].said;
    for (size_t i = 0; i < sizeof efforts / sizeof efforts[0]; i++)
        if (prompt->thinking_budget >= efforts[i].budget_tokens)
            said = efforts[i].said;
    prompt_change(prompt, "thinking.budget_tokens");
    return said;
}

static void choose_effort(struct messages_plan *plan)
{
    struct prompt *prompt = plan->prompt;
    const struct effort_row *effort = effort_find(prompt->effort);
    if (!effort && prompt->effort.len)
        prompt_drop(prompt, "reasoning_effort");
    if (effort)
        plan->effort = effort->said;
    else if (prompt->thinking_budget >= 0 && plan->thinking == MESSAGES_THINKING_ADAPTIVE)
        plan->effort = effort_of_budget(prompt);
    if (plan->effort.len && has_quirk(plan, QUIRK_NO_EFFORT)) {
        plan->effort = STR("");
        prompt_drop(prompt, "reasoning_effort");
        return;
    }
    if (effort && !str_eq(effort->name, effort->said))
        prompt_change(prompt, "reasoning_effort");
    /* without thinking nothing above high is taken */
    if (!messages_thinks(plan) && str_eq(plan->effort, STR("max")))
        plan->effort = STR("high");
}

/* Whether thinking is shown. OpenAI's callers ask for a summary, of one length or another. */
static void choose_display(struct messages_plan *plan)
{
    static const struct str summaries[] = {STR_INIT("summarized"), STR_INIT("auto"),
                                           STR_INIT("concise"), STR_INIT("detailed")};
    struct str shown = plan->prompt->thinking_shown;
    if (shown.len == 0 || plan->thinking != MESSAGES_THINKING_ADAPTIVE)
        return;
    for (size_t i = 0; i < sizeof summaries / sizeof summaries[0]; i++)
        if (str_eq(shown, summaries[i]))
            plan->display = summaries[0];
    if (str_eq(shown, STR("omitted")))
        plan->display = shown;
    if (plan->display.len == 0)
        prompt_drop(plan->prompt, "thinking.display");
}

/* A model that always thinks can only be told to think little. */
static bool cannot_stop(const struct messages_plan *plan)
{
    return plan->thinking == MESSAGES_THINKING_DISABLED && has_quirk(plan, QUIRK_ALWAYS_THINKS);
}

void messages_plan_thinking(struct messages_plan *plan)
{
    plan->thinking = wish(plan);
    if (cannot_stop(plan)) {
        prompt_change(plan->prompt, "thinking");
        plan->thinking = MESSAGES_THINKING_ADAPTIVE;
        plan->effort = has_quirk(plan, QUIRK_NO_EFFORT) ? STR("") : STR("low");
        settle_choice(plan);
        return;
    }
    settle_choice(plan);
    if (plan->thinking == MESSAGES_THINKING_BUDGET && !may_go_on(plan))
        give_up(plan);
    if (plan->thinking == MESSAGES_THINKING_BUDGET)
        choose_budget(plan);
    else if (!has_quirk(plan, QUIRK_BUDGET_THINKING) && !is_off(plan->prompt))
        choose_effort(plan);
    choose_display(plan);
}
