/* domain/answer_line.c: the sentence, from left to right: who, why, how long, how much. */
#include "domain/answer_line.h"

#define NAMED_MAX      3u   /* of those who stood before: more are only counted */
#define QUEUE_SHOWN_MS 1000 /* a shorter wait is no news */

/* ---- pieces ------------------------------------------------------------------------------------ */

/* The sentence, and where its nouns stand, if somebody asks. */
struct line {
    struct buf *out;
    struct line_nouns *nouns; /* NULL: nobody does */
};

/* What was written from `from` on is a noun. Of what found no room in the sentence nothing is noted. */
static void note(struct line *line, size_t from, struct line_noun noun)
{
    struct line_nouns *nouns = line->nouns;
    if (!nouns || line->out->len == from || nouns->count == LINE_NOUNS_MAX)
        return;
    noun.at = from;
    noun.len = line->out->len - from;
    nouns->noun[nouns->count++] = noun;
}

static void note_reason(struct line *line, size_t from, enum why why, struct str code)
{
    const struct why_row *row = why_find(why, code);
    note(line, from,
         (struct line_noun){
             .noun = ANSWER_REASON, .id = code, .why = why, .fix = row ? row->fix : ""});
}

static void say_provider(struct line *line, struct str id, struct str name)
{
    size_t from = line->out->len;
    buf_append_str(line->out, name);
    note(line, from, (struct line_noun){.noun = ANSWER_PROVIDER, .id = id, .fix = ""});
}

static void say_code(struct line *line, enum why why, struct str code)
{
    const struct why_row *row = why_find(why, code);
    size_t from = line->out->len;
    buf_append_str(line->out, row ? str_of(row->words) : code);
    note_reason(line, from, why, code);
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

static void say_passed(struct line *line, const struct passed *passed)
{
    say_provider(line, passed->provider_id, passed->provider);
    buf_putc(line->out, ' ');
    size_t from = line->out->len;
    passed_over_say(passed, line->out);
    note_reason(line, from, WHY_PASSED, passed->code);
}

static void say_try(struct line *line, const struct answer_try *try)
{
    say_provider(line, try->provider_id, try->provider);
    buf_append_lit(line->out, " failed: ");
    say_code(line, WHY_MOVED, try->code);
}

/* "A offline; B failed: server error; and 2 more" */
static void say_before(struct line *line, const struct answer_facts *facts)
{
    size_t all = answer_choice(facts) - 1, named = 0;
    for (size_t i = 0; i < facts->passed_count && named < NAMED_MAX; i++, named++) {
        buf_puts(line->out, named ? "; " : "");
        say_passed(line, &facts->passed[i]);
    }
    for (size_t i = 0; i < facts->try_count && named < NAMED_MAX; i++, named++) {
        buf_puts(line->out, named ? "; " : "");
        say_try(line, &facts->tries[i]);
    }
    if (all > named)
        buf_printf(line->out, "; and %zu more", all - named);
}

/* ---- why --------------------------------------------------------------------------------------- */

static void say_who(struct line *line, const struct answer_facts *facts)
{
    say_provider(line, facts->provider_id, facts->provider);
    if (facts->model.len)
        buf_append_lit(line->out, " · ");
    size_t from = line->out->len;
    buf_append_str(line->out, facts->model);
    note(line, from, (struct line_noun){.noun = ANSWER_MODEL, .id = facts->model, .fix = ""});
}

static void say_how_manieth(struct line *line, const struct answer_facts *facts)
{
    size_t from = line->out->len;
    say_ordinal(line->out, answer_choice(facts));
    buf_append_lit(line->out, " choice");
    note(line, from, (struct line_noun){.noun = ANSWER_JOB, .fix = ""});
}

static void say_choice(struct line *line, const struct answer_facts *facts)
{
    if (answer_choice(facts) > 1) {
        say_how_manieth(line, facts);
        buf_append_lit(line->out, ": ");
        say_before(line, facts);
    } else if (facts->chosen.len) {
        say_code(line, WHY_CHOSEN, facts->chosen);
    } else {
        say_how_manieth(line, facts);
    }
    if (facts->queued_ms >= QUEUE_SHOWN_MS) {
        buf_append_lit(line->out, "; after ");
        say_time(line->out, facts->queued_ms);
        buf_append_lit(line->out, " in the queue");
    }
}

/* What somebody who was asked made of it, when that was not an answer. */
static void say_how_it_ended(struct line *line, const struct answer_facts *facts)
{
    enum why why = why_find(WHY_ENDED, facts->code) ? WHY_ENDED : WHY_MOVED; /* its own error */
    if (facts->end == ANSWER_FAILED)
        buf_puts(line->out, facts->is_begun ? "; broken off: " : "; failed: ");
    else if (facts->end != ANSWER_DONE && facts->end != ANSWER_OPEN)
        buf_append_lit(line->out, "; ");
    else
        return;
    say_code(line, why, facts->code);
}

static void say_nobody(struct line *line, const struct answer_facts *facts)
{
    static const char *const heads[] = {
        [ANSWER_OPEN] = "Nobody yet",         [ANSWER_DONE] = "Answered here",
        [ANSWER_FAILED] = "Nobody answered",  [ANSWER_CANCELLED] = "Cancelled",
        [ANSWER_INTERRUPTED] = "Interrupted", [ANSWER_REFUSED] = "Refused",
    };
    size_t from = line->out->len;
    buf_puts(line->out, heads[facts->end]);
    note(line, from, (struct line_noun){.noun = ANSWER_JOB, .fix = ""});
    if (facts->code.len) {
        buf_append_lit(line->out, " — ");
        say_code(line, why_find(WHY_ENDED, facts->code) ? WHY_ENDED : WHY_MOVED, facts->code);
    }
    if (answer_choice(facts) > 1) {
        buf_append_lit(line->out, ": ");
        say_before(line, facts);
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

void answer_line_write(const struct answer_facts *facts, struct buf *out,
                       struct line_nouns *out_nouns)
{
    struct line line = {out, out_nouns};
    if (out_nouns)
        out_nouns->count = 0;
    if (facts->provider.len) {
        say_who(&line, facts);
        buf_append_lit(out, " — ");
        say_choice(&line, facts);
        say_how_it_ended(&line, facts);
    } else {
        say_nobody(&line, facts);
    }
    say_figures(out, facts);
}
