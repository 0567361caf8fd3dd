/* domain/answer_line.c: the sentence, from left to right: who, why, how long, how much. */
#include "domain/answer_line.h"

#include "domain/why.h"

#define NAMED_MAX      3u   /* of those who stood before: more are only counted */
#define QUEUE_SHOWN_MS 1000 /* a shorter wait is no news */

/* ---- pieces ------------------------------------------------------------------------------------ */

static void say_code(struct buf *out, enum why why, struct str code)
{
    const struct why_row *row = why_find(why, code);
    buf_append_str(out, row ? str_of(row->words) : code);
}

static void say_ordinal(struct buf *out, size_t n)
{
    bool is_teen = n % 100 >= 11 && n % 100 <= 13;
    const char *ending = is_teen       ? "th"
                         : n % 10 == 1 ? "st"
                         : n % 10 == 2 ? "nd"
                         : n % 10 == 3 ? "rd"
                                       : "th";
    buf_printf(out, "%zu%s", n, ending);
}

static void say_time(struct buf *out, int64_t ms)
{
    long long rounded = (long long)ms;
    if (rounded < 1000)
        buf_printf(out, "%lld ms", rounded);
    else if (rounded < 60000)
        buf_printf(out, "%lld.%lld s", rounded / 1000, rounded % 1000 / 100);
    else
        buf_printf(out, "%lld min %lld s", rounded / 60000, rounded % 60000 / 1000);
}

/* 1204 is "1 204". */
static void say_count(struct buf *out, int64_t count)
{
    if (count >= 1000) {
        say_count(out, count / 1000);
        buf_printf(out, " %03lld", (long long)(count % 1000));
    } else {
        buf_printf(out, "%lld", (long long)count);
    }
}

/* Cents from a dollar on, hundredths of them from a cent on; of less than that, what there is. */
static void say_money(struct buf *out, int64_t microusd)
{
    long long whole = (long long)(microusd / 1000000), part = (long long)(microusd % 1000000);
    if (microusd == 0)
        buf_append_lit(out, "$0");
    else if (whole > 0)
        buf_printf(out, "$%lld.%02lld", whole, part / 10000);
    else if (part >= 10000)
        buf_printf(out, "$0.%04lld", part / 100);
    else
        buf_printf(out, "$0.%06lld", part);
}

/* ---- who stood before -------------------------------------------------------------------------- */

size_t answer_choice(const struct answer_facts *facts)
{
    return facts->passed_count + facts->passed_more + facts->try_count + 1;
}

static void say_passed(struct buf *out, const struct passed *passed)
{
    buf_append_str(out, passed->provider);
    buf_putc(out, ' ');
    passed_over_say(passed, out);
}

static void say_try(struct buf *out, const struct answer_try *try)
{
    buf_append_str(out, try->provider);
    buf_append_lit(out, " failed: ");
    say_code(out, WHY_MOVED, try->code);
}

/* "A offline; B failed: server error; and 2 more" */
static void say_before(struct buf *out, const struct answer_facts *facts)
{
    size_t all = answer_choice(facts) - 1, named = 0;
    for (size_t i = 0; i < facts->passed_count && named < NAMED_MAX; i++, named++) {
        buf_puts(out, named ? "; " : "");
        say_passed(out, &facts->passed[i]);
    }
    for (size_t i = 0; i < facts->try_count && named < NAMED_MAX; i++, named++) {
        buf_puts(out, named ? "; " : "");
        say_try(out, &facts->tries[i]);
    }
    if (all > named)
        buf_printf(out, "; and %zu more", all - named);
}

/* ---- why --------------------------------------------------------------------------------------- */

static void say_who(struct buf *out, const struct answer_facts *facts)
{
    buf_append_str(out, facts->provider);
    if (facts->model.len)
        buf_append_lit(out, " · ");
    buf_append_str(out, facts->model);
}

static void say_choice(struct buf *out, const struct answer_facts *facts)
{
    size_t choice = answer_choice(facts);
    if (choice > 1) {
        say_ordinal(out, choice);
        buf_append_lit(out, " choice: ");
        say_before(out, facts);
    } else if (facts->chosen.len) {
        say_code(out, WHY_CHOSEN, facts->chosen);
    } else {
        buf_append_lit(out, "1st choice");
    }
    if (facts->queued_ms >= QUEUE_SHOWN_MS) {
        buf_append_lit(out, "; after ");
        say_time(out, facts->queued_ms);
        buf_append_lit(out, " in the queue");
    }
}

/* What somebody who was asked made of it, when that was not an answer. */
static void say_how_it_ended(struct buf *out, const struct answer_facts *facts)
{
    enum why why = why_find(WHY_ENDED, facts->code) ? WHY_ENDED : WHY_MOVED; /* its own error */
    if (facts->end == ANSWER_FAILED)
        buf_puts(out, facts->is_begun ? "; broken off: " : "; failed: ");
    else if (facts->end != ANSWER_DONE && facts->end != ANSWER_OPEN)
        buf_append_lit(out, "; ");
    else
        return;
    say_code(out, why, facts->code);
}

static void say_nobody(struct buf *out, const struct answer_facts *facts)
{
    static const char *const heads[] = {
        [ANSWER_OPEN] = "Nobody yet",         [ANSWER_DONE] = "Answered here",
        [ANSWER_FAILED] = "Nobody answered",  [ANSWER_CANCELLED] = "Cancelled",
        [ANSWER_INTERRUPTED] = "Interrupted", [ANSWER_REFUSED] = "Refused",
    };
    buf_puts(out, heads[facts->end]);
    if (facts->code.len) {
        buf_append_lit(out, " — ");
        say_code(out, why_find(WHY_ENDED, facts->code) ? WHY_ENDED : WHY_MOVED, facts->code);
    }
    if (answer_choice(facts) > 1) {
        buf_append_lit(out, ": ");
        say_before(out, facts);
    }
}

/* ---- how much ---------------------------------------------------------------------------------- */

/* Of whose tokens nobody sends a bill. NULL: of a cloud. */
static const char *local_tier(struct str tier)
{
    return str_eq(tier, STR("gpu")) ? "GPU" : str_eq(tier, STR("cli")) ? "CLI" : NULL;
}

/* Somebody without a bill stood before: what it cost here, it might not have cost. */
static const char *local_before(const struct answer_facts *facts)
{
    const char *found = NULL;
    for (size_t i = 0; i < facts->passed_count && !found; i++)
        found = local_tier(facts->passed[i].tier);
    for (size_t i = 0; i < facts->try_count && !found; i++)
        found = local_tier(facts->tries[i].tier);
    return found;
}

/* What has no price is never $0; what is ours is. */
static void say_cost(struct buf *out, const struct answer_facts *facts)
{
    const char *local = local_tier(facts->tier), *before = local_before(facts);
    if (facts->cost_microusd < 0) {
        if (facts->is_unpriced)
            buf_append_lit(out, " · no price");
        else if (local && facts->tokens >= 0)
            buf_append_lit(out, " · $0");
        return;
    }
    buf_append_lit(out, " · ");
    say_money(out, facts->cost_microusd);
    if (facts->is_unpriced)
        buf_append_lit(out, " and a part without price");
    if (!local && before && facts->cost_microusd > 0)
        buf_printf(out, " (%s: $0)", before);
}

static void say_figures(struct buf *out, const struct answer_facts *facts)
{
    if (facts->duration_ms >= 0) {
        buf_append_lit(out, " · ");
        say_time(out, facts->duration_ms);
    }
    if (facts->tokens >= 0) {
        buf_puts(out, facts->is_estimated ? " · ~" : " · ");
        say_count(out, facts->tokens);
        buf_append_lit(out, " tok");
    }
    say_cost(out, facts);
}

void answer_line_write(const struct answer_facts *facts, struct buf *out)
{
    if (facts->provider.len) {
        say_who(out, facts);
        buf_append_lit(out, " — ");
        say_choice(out, facts);
        say_how_it_ended(out, facts);
    } else {
        say_nobody(out, facts);
    }
    say_figures(out, facts);
}
